//! Large input takes time in proportion to its size: nothing is looked for from the start again and
//! again. The sizes are such that a quadratic step would take minutes.

#![expect(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

use std::fmt::Write as _;

use backstop_dialects::{
    Frames, Framing, Head, StreamReader, StreamWriter, TargetForm, read_request, scan,
    write_request,
};
use backstop_exchange::{Abilities, Event, Finish, ToolKind};
use backstop_vocabulary::Dialect;
use bytes::Bytes;

const MANY: usize = 100_000;

/// Reads a request and writes it for both dialects; gives the number of losses of the other one.
fn check(dialect: Dialect, body: &str) -> usize {
    scan(dialect, body.as_bytes()).unwrap();
    let request = read_request(dialect, body.as_bytes()).unwrap();
    let abilities = Abilities::default();
    let target = TargetForm { model: "other", abilities: &abilities, stream: false };
    let losses = Dialect::ALL.map(|to| write_request(to, &request, &target).unwrap().losses.len());
    losses.into_iter().max().unwrap()
}

/// `count` items, made by `item` of their number, with commas between them.
fn list(count: usize, item: impl Fn(usize) -> String) -> String {
    let mut list = String::new();
    for number in 0..count {
        let comma = if number == 0 { "" } else { "," };
        write!(list, "{comma}{}", item(number)).unwrap();
    }
    list
}

#[test]
fn many_calls_in_one_turn_find_their_results() {
    let calls = |n| format!(r#"{{"type":"tool_use","id":"c{n}","name":"f","input":{{}}}}"#);
    let results = |n| format!(r#"{{"type":"tool_result","tool_use_id":"c{n}","content":"x"}}"#);
    let body = format!(
        r#"{{"model":"m","max_tokens":16,"tools":[{{"name":"f","input_schema":{{"type":"object"}}}}],
        "messages":[{{"role":"user","content":"x"}},
        {{"role":"assistant","content":[{}]}},{{"role":"user","content":[{}]}}]}}"#,
        list(MANY, calls),
        list(MANY, results),
    );
    assert_eq!(check(Dialect::AnthropicMessages, &body), 0);
}

#[test]
fn many_kinds_that_nobody_knows_are_a_short_list_of_losses() {
    let blocks = list(MANY, |n| format!(r#"{{"type":"kind{n}"}}"#));
    let body = format!(
        r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"user","content":[{{"type":"text","text":"x"}},{blocks}]}}]}}"#
    );
    assert!(check(Dialect::AnthropicMessages, &body) < 60);
    let fields = list(MANY, |n| format!(r#""field{n}":1"#));
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],{fields}}}"#);
    assert!(check(Dialect::OpenaiChat, &body) < 60);
}

#[test]
fn many_allowed_tools_are_found_among_many() {
    let tools = list(MANY, |n| format!(r#"{{"type":"function","function":{{"name":"f{n}"}}}}"#));
    let body = format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],"tools":[{tools}],
        "tool_choice":{{"type":"allowed_tools","allowed_tools":{{"mode":"auto","tools":[{tools}]}}}}}}"#
    );
    check(Dialect::OpenaiChat, &body);
}

#[test]
fn many_calls_at_once_leave_a_writer_of_one_at_a_time_in_order() {
    let count = 1_000;
    let mut events = vec![Event::Start { id: String::new(), model: String::new() }];
    for ordinal in 0..count {
        let (id, name) = (format!("c{ordinal}"), "f".to_owned());
        events.push(Event::ToolStart { ordinal, id, name, kind: ToolKind::Function });
    }
    for piece in ["{\"a\":", "1", "}"].into_iter().cycle().take(300) {
        for ordinal in 0..count {
            events.push(Event::ToolArguments { ordinal, fragment: piece.to_owned() });
        }
    }
    events.extend((0..count).map(|ordinal| Event::ToolEnd { ordinal }));
    events.extend([Event::Finish(Finish::ToolUse), Event::Done]);
    let mut writer = StreamWriter::new(Dialect::AnthropicMessages, Head::default());
    let mut out = Vec::new();
    for event in &events {
        writer.write(event, &mut out);
    }
    let stops = String::from_utf8(out).unwrap().matches("event: content_block_stop").count();
    assert_eq!(stops, usize::try_from(count).unwrap());
}

#[test]
fn a_stream_that_comes_byte_by_byte_is_read_once() {
    let text = "x".repeat(50);
    let mut stream = String::new();
    for _ in 0..20_000 {
        writeln!(
            stream,
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n"
        )
        .unwrap();
    }
    let mut frames = Frames::new(Framing::Sse, 1 << 20);
    let (mut reader, mut events) = (StreamReader::new(Dialect::OpenaiChat), Vec::new());
    for byte in stream.bytes() {
        frames.feed(Bytes::copy_from_slice(&[byte]));
        for frame in frames.by_ref() {
            reader.read(&frame.unwrap(), &mut events);
        }
    }
    assert_eq!(events.len(), 20_001);
}
