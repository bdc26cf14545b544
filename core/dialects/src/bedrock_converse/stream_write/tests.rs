use backstop_exchange::{Finish, ToolKind};
use backstop_vocabulary::{Class, Usage};
use bytes::Bytes;

use super::*;
use crate::{Frames, Framing};

fn text(piece: &str) -> Event {
    Event::Text(piece.to_owned())
}

/// The messages as their type and JSON.
fn script(bytes: Vec<u8>) -> Vec<String> {
    let mut frames = Frames::new(Framing::EventStream, 1 << 20);
    frames.feed(Bytes::from(bytes));
    let said = frames.map(|frame| {
        let frame = frame.unwrap();
        format!("{} {}", frame.event(), String::from_utf8_lossy(frame.data()))
    });
    said.collect()
}

#[test]
fn text_has_no_start_a_call_has_one_and_figures_come_last() {
    let mut writer = StreamWriter::new(Head::default());
    let mut out = Vec::new();
    let id = "functions.f:0".to_owned();
    let start = Event::ToolStart { ordinal: 0, id, name: "f".to_owned(), kind: ToolKind::Function };
    let usage = Usage { input_uncached: 3, cache_read: 2, output: 4, ..Usage::default() };
    for event in [
        Event::Start { id: "x".to_owned(), model: "m".to_owned() },
        text("a\"b"),
        text("c"),
        start,
        Event::ToolArguments { ordinal: 0, fragment: "{}".to_owned() },
        Event::ToolEnd { ordinal: 0 },
        Event::Usage(usage),
        Event::Finish(Finish::ToolUse),
        Event::Done,
    ] {
        writer.write(&event, &mut out);
    }
    assert_eq!(
        script(out),
        [
            r#"messageStart {"role":"assistant"}"#,
            r#"contentBlockDelta {"contentBlockIndex":0,"delta":{"text":"a\"b"}}"#,
            r#"contentBlockDelta {"contentBlockIndex":0,"delta":{"text":"c"}}"#,
            r#"contentBlockStop {"contentBlockIndex":0}"#,
            r#"contentBlockStart {"start":{"toolUse":{"toolUseId":"functions.f:0","name":"f"}},"contentBlockIndex":1}"#,
            r#"contentBlockDelta {"contentBlockIndex":1,"delta":{"toolUse":{"input":"{}"}}}"#,
            r#"contentBlockStop {"contentBlockIndex":1}"#,
            r#"messageStop {"stopReason":"tool_use"}"#,
            r#"metadata {"usage":{"inputTokens":3,"outputTokens":4,"totalTokens":9,"cacheReadInputTokens":2,"cacheWriteInputTokens":0},"metrics":{"latencyMs":0}}"#,
        ]
    );
}

#[test]
fn a_broken_stream_goes_on_in_the_block_where_the_providers_own_messages_stand() {
    let mut given = Vec::new();
    for (event, json) in [
        ("messageStart", r#"{"role":"assistant"}"#),
        (
            "contentBlockDelta",
            r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"t"}}}"#,
        ),
        ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
        ("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"text":"Hel"}}"#),
    ] {
        event_message(event, json.as_bytes(), &mut given);
    }
    let mut frames = Frames::new(Framing::EventStream, 1 << 20);
    frames.feed(Bytes::from(given));
    let (mut reader, mut events) = (StreamReader::new(), Vec::new());
    frames.for_each(|frame| reader.read(&frame.unwrap(), &mut events));
    let mut writer = StreamWriter::new(Head::default());
    for event in &events {
        writer.note(event);
    }
    writer.note_place(&reader);
    let mut out = Vec::new();
    for event in [text("lo"), Event::Finish(Finish::End), Event::Done] {
        writer.write(&event, &mut out);
    }
    let said = script(out);
    assert_eq!(said[0], r#"contentBlockDelta {"contentBlockIndex":1,"delta":{"text":"lo"}}"#);
    assert_eq!(said[1], r#"contentBlockStop {"contentBlockIndex":1}"#);
    assert_eq!(said[2], r#"messageStop {"stopReason":"end_turn"}"#);
}

#[test]
fn a_stream_that_fails_ends_in_an_exception_and_never_in_an_end() {
    let mut writer = StreamWriter::new(Head::default());
    let mut out = Vec::new();
    writer.write(&text("a"), &mut out);
    writer.fail(&Failure::new(Class::StreamCut, "cut off"), &mut out);
    writer.write(&Event::Done, &mut out);
    let said = script(out);
    assert_eq!(said.last().unwrap(), r#"internalServerException {"message":"cut off"}"#);
    assert_eq!(said.len(), 3);
}
