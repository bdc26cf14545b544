use bytes::Bytes;
use proptest::prelude::*;
use serde_json::Value;

use backstop_exchange::{Answer, Event, Finish, ToolKind};
use backstop_vocabulary::{Class, Failure, Usage};

use super::StreamWriter;
use crate::openai_chat::{StreamReader, read_answer, write_answer};
use crate::{Frames, Framing, Head};

fn head() -> Head {
    Head { id: "abc".to_owned(), model: "m".to_owned(), created_unix: 7, usage: true, kept: false }
}

/// Each chunk without the parts that are the same in all of them, which are checked here.
fn chunks(out: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(out).unwrap();
    assert!(text.is_empty() || text.ends_with("\n\n"));
    let frames = text.split_terminator("\n\n").map(|frame| {
        let Some(data) = frame.strip_prefix("data: ") else { return frame.to_owned() };
        let Ok(chunk) = serde_json::from_str::<Value>(data) else { return data.to_owned() };
        if chunk.get("error").is_some() {
            return chunk.to_string();
        }
        assert_eq!(chunk["object"], "chat.completion.chunk");
        assert_eq!(chunk["created"], 7);
        let Some(choice) = chunk["choices"].get(0).cloned() else {
            return format!("usage {}", chunk["usage"]["total_tokens"]);
        };
        let (id, model) = (chunk["id"].as_str().unwrap(), chunk["model"].as_str().unwrap());
        let reason = choice["finish_reason"].as_str().unwrap_or("-");
        format!("{id} {model} {} {reason}", choice["delta"])
    });
    frames.collect()
}

fn write(events: &[Event]) -> Vec<String> {
    let mut writer = StreamWriter::new(head());
    let mut out = Vec::new();
    for event in events {
        writer.write(event, &mut out);
    }
    chunks(&out)
}

fn start() -> Event {
    Event::Start { id: "provider".to_owned(), model: "theirs".to_owned() }
}

fn call(ordinal: u32, kind: ToolKind) -> Event {
    Event::ToolStart { ordinal, id: format!("id{ordinal}"), name: "f".to_owned(), kind }
}

#[test]
fn writes_the_role_first_and_reason_usage_and_done_last() {
    let usage = Usage { input_uncached: 3, output: 2, ..Usage::default() };
    let events = [
        start(),
        Event::Reasoning("hm".to_owned()),
        Event::Text("a\"\n".to_owned()),
        Event::Usage(usage),
        Event::Finish(Finish::Stop(Some("END".to_owned()))),
        Event::Usage(Usage { output: 4, ..Usage::default() }),
        Event::Done,
        Event::Text("too late".to_owned()),
    ];
    assert_eq!(
        write(&events),
        [
            r#"chatcmpl-abc m {"role":"assistant","content":""} -"#,
            r#"chatcmpl-abc m {"reasoning_content":"hm"} -"#,
            r#"chatcmpl-abc m {"content":"a\"\n"} -"#,
            "chatcmpl-abc m {} stop",
            "usage 7",
            "[DONE]",
        ]
    );
}

#[test]
fn writes_calls_with_their_index_and_never_an_empty_argument_text() {
    let events = [
        start(),
        call(0, ToolKind::Function),
        Event::ToolEnd { ordinal: 0 },
        call(1, ToolKind::Custom),
        Event::ToolArguments { ordinal: 1, fragment: "ls".to_owned() },
        Event::ToolEnd { ordinal: 1 },
        Event::Finish(Finish::End),
        Event::Done,
    ];
    assert_eq!(
        write(&events)[1..],
        [
            r#"chatcmpl-abc m {"tool_calls":[{"index":0,"id":"id0","type":"function","function":{"name":"f","arguments":""}}]} -"#,
            r#"chatcmpl-abc m {"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]} -"#,
            r#"chatcmpl-abc m {"tool_calls":[{"index":1,"id":"id1","type":"custom","custom":{"name":"f","input":""}}]} -"#,
            r#"chatcmpl-abc m {"tool_calls":[{"index":1,"custom":{"input":"ls"}}]} -"#,
            "chatcmpl-abc m {} tool_calls",
            "[DONE]",
        ]
    );
}

#[test]
fn goes_on_under_the_providers_names_after_its_stream_broke() {
    let mut writer = StreamWriter::new(head());
    writer.note(&start());
    writer.note(&Event::Text("Hel".to_owned()));
    writer.note(&call(0, ToolKind::Function));
    writer.note(&Event::ToolArguments { ordinal: 0, fragment: "{}".to_owned() });
    writer.note(&Event::ToolEnd { ordinal: 0 });
    let mut out = Vec::new();
    // The other provider says who it is and counts its calls anew.
    writer.write(&Event::Start { id: "x".to_owned(), model: "y".to_owned() }, &mut out);
    writer.write(&Event::Text("lo".to_owned()), &mut out);
    writer.write(&call(0, ToolKind::Function), &mut out);
    writer.write(&Event::ToolEnd { ordinal: 0 }, &mut out);
    writer.write(&Event::Done, &mut out);
    assert_eq!(
        chunks(&out),
        [
            r#"provider theirs {"content":"lo"} -"#,
            r#"provider theirs {"tool_calls":[{"index":1,"id":"id0","type":"function","function":{"name":"f","arguments":""}}]} -"#,
            r#"provider theirs {"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]} -"#,
            "provider theirs {} tool_calls",
            "[DONE]",
        ]
    );
}

#[test]
fn a_broken_stream_ends_in_an_error_that_may_be_retried_and_never_in_done() {
    let mut writer = StreamWriter::new(head());
    let mut out = Vec::new();
    writer.fail(&Failure::new(Class::StreamCut, "gone"), &mut out);
    writer.write(&Event::Done, &mut out);
    assert_eq!(
        chunks(&out),
        [
            r#"{"error":{"message":"gone","type":"server_error","code":"upstream_stream_interrupted","param":null}}"#
        ]
    );
}

#[test]
fn finish_reasons_are_said_in_this_dialects_words() {
    for (finish, word) in [
        (Finish::End, "stop"),
        (Finish::Length, "length"),
        (Finish::WindowFull, "length"),
        (Finish::Paused, "length"),
        (Finish::Refused { category: None }, "content_filter"),
        (Finish::Other("tired".to_owned()), "tired"),
    ] {
        let lines = write(&[start(), Event::Finish(finish), Event::Done]);
        assert_eq!(lines[1], format!("chatcmpl-abc m {{}} {word}"));
    }
    let refused = Event::Finish(Finish::Refused { category: None });
    let lines = write(&[Event::Refusal("no".to_owned()), refused, Event::Done]);
    assert_eq!(lines[2], "chatcmpl-abc m {} stop");
}

#[test]
fn no_usage_chunk_for_a_client_that_did_not_ask() {
    let mut writer = StreamWriter::new(Head { usage: false, ..head() });
    let mut out = Vec::new();
    for event in [start(), Event::Usage(Usage { output: 4, ..Usage::default() }), Event::Done] {
        writer.write(&event, &mut out);
    }
    assert!(!String::from_utf8(out).unwrap().contains("usage"));
}

/// What an answer may hold, in the order it comes.
fn contents() -> impl Strategy<Value = Vec<Event>> {
    let text = "[a-z\"\\\\\u{e9}\u{1f600}\n ]{1,9}";
    let thought = proptest::option::of(text.prop_map(Event::Reasoning));
    let words = proptest::option::of(text.prop_map(Event::Text));
    let calls = proptest::collection::vec(("[a-z]{1,5}", "[a-z\"\\\\ ]{0,6}"), 0..4);
    (thought, words, calls).prop_map(|(thought, words, calls)| {
        let mut events: Vec<Event> = thought.into_iter().chain(words).collect();
        for (ordinal, (name, value)) in (0_u32..).zip(calls) {
            let (id, kind) = (format!("call_{ordinal}"), ToolKind::Function);
            let arguments = serde_json::json!({ "value": value }).to_string();
            let (head, tail) = arguments.split_at(4);
            events.push(Event::ToolStart { ordinal, id, name, kind });
            for fragment in [head, tail] {
                events.push(Event::ToolArguments { ordinal, fragment: fragment.to_owned() });
            }
            events.push(Event::ToolEnd { ordinal });
        }
        if events.is_empty() {
            events.push(Event::Text("x".to_owned()));
        }
        let called = events.iter().any(|event| matches!(event, Event::ToolEnd { .. }));
        let usage = Usage { input_uncached: 5, cache_read: 2, output: 3, ..Usage::default() };
        events.insert(0, Event::Start { id: "chatcmpl-abc".to_owned(), model: "m".to_owned() });
        events.push(Event::Finish(if called { Finish::ToolUse } else { Finish::End }));
        events.push(Event::Usage(usage));
        events.push(Event::Done);
        events
    })
}

fn answer(events: Vec<Event>) -> Answer {
    let mut answer = Answer::default();
    for event in events {
        answer.take(event).unwrap();
    }
    answer
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(events in contents()) {
        let mut writer = StreamWriter::new(head());
        let mut out = Vec::new();
        for event in &events {
            writer.write(event, &mut out);
        }
        let mut frames = Frames::new(Framing::Sse, 1 << 20);
        frames.feed(Bytes::from(out));
        let (mut reader, mut read) = (StreamReader::new(), Vec::new());
        for frame in frames {
            reader.read(&frame.unwrap(), &mut read);
        }
        prop_assert!(reader.finish().is_ok());
        prop_assert_eq!(read.last(), Some(&Event::Done));
        prop_assert_eq!(answer(read), answer(events));
    }

    #[test]
    fn a_whole_answer_is_read_back(events in contents()) {
        let answer = answer(events);
        let body = write_answer(&answer, &head());
        let mut read = Vec::new();
        read_answer(&body, &mut read).unwrap();
        prop_assert_eq!(self::answer(read), answer);
    }
}

#[test]
fn a_client_that_has_the_reason_gets_only_the_terminal_event() {
    let mut writer = StreamWriter::new(Head { usage: true, ..Head::default() });
    for event in [Event::Start { id: "m".into(), model: "m".into() }, Event::Text("a".into())] {
        writer.note(&event);
    }
    writer.note(&Event::Finish(Finish::End));
    let mut out = Vec::new();
    writer.write(&Event::Done, &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), "data: [DONE]\n\n");
}
