use backstop_vocabulary::Class;
use bytes::Bytes;

use super::super::wire::signed;
use super::*;
use crate::{Frames, Framing};

fn head() -> Head {
    Head { id: "1".to_owned(), model: "m".to_owned(), ..Head::default() }
}

fn start() -> Event {
    Event::Start { id: "msg_up".to_owned(), model: "up".to_owned() }
}

fn call(ordinal: u32) -> Event {
    let (id, name) = (format!("call_{ordinal}"), format!("f{ordinal}"));
    Event::ToolStart { ordinal, id, name, kind: ToolKind::Function }
}

fn arguments(ordinal: u32, fragment: &str) -> Event {
    Event::ToolArguments { ordinal, fragment: fragment.to_owned() }
}

fn text(piece: &str) -> Event {
    Event::Text(piece.to_owned())
}

/// The frames in a short form: `start 0 text`, `0 "piece"`, `stop 0`, or the event's name.
fn script(bytes: Vec<u8>) -> Vec<String> {
    let mut frames = Frames::new(Framing::Sse, 1 << 20);
    frames.feed(Bytes::from(bytes));
    let short = frames.map(|frame| {
        let frame = frame.unwrap();
        let data: Value = serde_json::from_slice(frame.data()).unwrap();
        assert_eq!(data["type"], frame.event());
        let index = &data["index"];
        match frame.event() {
            "content_block_start" => {
                format!("start {index} {}", data["content_block"]["type"].as_str().unwrap())
            }
            "content_block_delta" => {
                let fields = data["delta"].as_object().unwrap();
                format!("{index} {}", fields.values().nth(1).unwrap())
            }
            "content_block_stop" => format!("stop {index}"),
            "message_delta" => format!("end {}", data["delta"]["stop_reason"].as_str().unwrap()),
            other => other.to_owned(),
        }
    });
    short.collect()
}

fn check(events: &[Event], expected: &[&str]) {
    let mut writer = StreamWriter::new(head());
    let mut out = Vec::new();
    for event in events {
        writer.write(event, &mut out);
    }
    assert_eq!(script(out), expected);
}

#[test]
fn a_delta_of_another_kind_closes_the_block_and_is_not_lost() {
    check(
        &[
            start(),
            Event::Reasoning("r".to_owned()),
            text("t"),
            call(0),
            arguments(0, "{}"),
            text("u"),
            Event::Done,
        ],
        &[
            "message_start",
            "start 0 thinking",
            "0 \"r\"",
            "0 \"backstop:unsigned\"",
            "stop 0",
            "start 1 text",
            "1 \"t\"",
            "stop 1",
            "start 2 tool_use",
            "2 \"{}\"",
            "stop 2",
            "start 3 text",
            "3 \"u\"",
            "stop 3",
            "end tool_use",
            "message_stop",
        ],
    );
}

#[test]
fn interleaved_calls_come_out_one_after_the_other() {
    check(
        &[
            start(),
            call(0),
            arguments(0, "{"),
            call(1),
            arguments(1, "[1"),
            arguments(0, "}"),
            arguments(1, "]"),
            Event::ToolEnd { ordinal: 1 },
            Event::ToolEnd { ordinal: 0 },
            Event::Finish(Finish::ToolUse),
            Event::Done,
        ],
        &[
            "message_start",
            "start 0 tool_use",
            "0 \"{\"",
            "0 \"}\"",
            "stop 0",
            "start 1 tool_use",
            "1 \"[1]\"",
            "stop 1",
            "end tool_use",
            "message_stop",
        ],
    );
}

#[test]
fn the_natural_end_of_an_answer_with_calls_is_tool_use_and_the_others_stay() {
    let ends = |finish| {
        vec![start(), call(0), Event::ToolEnd { ordinal: 0 }, Event::Finish(finish), Event::Done]
    };
    let blocks = ["message_start", "start 0 tool_use", "stop 0"];
    for (finish, name) in [(Finish::End, "end tool_use"), (Finish::Length, "end max_tokens")] {
        check(&ends(finish), &[&blocks[..], &[name, "message_stop"]].concat());
    }
}

#[test]
fn a_refusal_is_text_that_ends_in_refusal() {
    check(
        &[start(), Event::Refusal("no".to_owned()), Event::Finish(Finish::End), Event::Done],
        &["message_start", "start 0 text", "0 \"no\"", "stop 0", "end refusal", "message_stop"],
    );
}

#[test]
fn an_empty_answer_still_starts_and_ends() {
    check(&[start(), Event::Done], &["message_start", "end end_turn", "message_stop"]);
}

#[test]
fn free_text_of_a_custom_tool_becomes_the_string_of_its_input() {
    let custom = Event::ToolStart {
        ordinal: 0,
        id: "c".to_owned(),
        name: "f".to_owned(),
        kind: ToolKind::Custom,
    };
    check(
        &[start(), custom, arguments(0, "a\"b"), Event::ToolEnd { ordinal: 0 }, Event::Done],
        &[
            "message_start",
            "start 0 tool_use",
            r#"0 "{\"input\":\"""#,
            r#"0 "a\\\"b""#,
            r#"0 "\"}""#,
            "stop 0",
            "end tool_use",
            "message_stop",
        ],
    );
}

#[test]
fn goes_on_in_the_open_block_after_noted_events() {
    let mut writer = StreamWriter::new(head());
    for event in [start(), Event::Reasoning("r".to_owned()), signed("s".to_owned()), text("Hel")] {
        writer.note(&event);
    }
    let mut out = Vec::new();
    for event in [start(), text("lo"), Event::Done] {
        writer.write(&event, &mut out);
    }
    assert_eq!(script(out), ["1 \"lo\"", "stop 1", "end end_turn", "message_stop"]);
}

#[test]
fn goes_on_with_the_providers_own_count_of_blocks() {
    let frames = [
        r#"{"type":"message_start","message":{"id":"msg_up"}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"b"}}"#,
    ];
    for (seen, expected) in
        [(6, vec!["1 \"c\"", "stop 1"]), (4, vec!["start 1 text", "1 \"c\"", "stop 1"])]
    {
        let (mut reader, mut writer) = (StreamReader::new(), StreamWriter::new(head()));
        let mut cut = Frames::new(Framing::Sse, 1 << 20);
        for data in frames.iter().take(seen) {
            cut.feed(Bytes::from(format!("data: {data}\n\n")));
            let mut events = Vec::new();
            reader.read(&cut.next().unwrap().unwrap(), &mut events);
            for event in &events {
                writer.note(event);
            }
        }
        writer.note_place(&reader);
        let mut out = Vec::new();
        writer.write(&text("c"), &mut out);
        writer.write(&Event::Done, &mut out);
        assert_eq!(script(out)[..expected.len()], expected);
    }
}

#[test]
fn fails_once_with_a_type_that_clients_try_again_and_says_nothing_after() {
    let mut writer = StreamWriter::new(head());
    let mut out = Vec::new();
    writer.write(&text("Hel"), &mut out);
    let failure = Failure::new(Class::Overloaded, "words");
    writer.fail(&failure, &mut out);
    writer.fail(&failure, &mut out);
    writer.write(&Event::Done, &mut out);
    let shown = String::from_utf8(out.clone()).unwrap();
    assert!(shown.contains(
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\""
    ));
    assert_eq!(script(out), ["message_start", "start 0 text", "0 \"Hel\"", "error"]);
}

#[test]
fn a_client_that_has_the_reason_gets_only_the_terminal_event() {
    let mut writer = StreamWriter::new(Head::default());
    for event in [Event::Start { id: "m".into(), model: "m".into() }, Event::Text("a".into())] {
        writer.note(&event);
    }
    writer.note(&Event::Finish(Finish::End));
    let mut out = Vec::new();
    writer.write(&Event::Done, &mut out);
    let text = String::from_utf8(out).unwrap();
    assert!(!text.contains("message_delta") && text.contains("message_stop"), "{text}");
}
