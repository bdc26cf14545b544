use backstop_vocabulary::Class;

use super::*;

fn written(events: &[Event]) -> String {
    let head = Head { id: "ours".to_owned(), ..Head::default() };
    let mut writer = StreamWriter::new(head);
    let mut out = Vec::new();
    for event in events {
        writer.write(event, &mut out);
    }
    String::from_utf8(out).unwrap()
}

/// The data of each frame; there is nothing else.
fn chunks(stream: &str) -> Vec<Value> {
    let frames = stream.split("\r\n\r\n").filter(|frame| !frame.is_empty());
    frames.map(|it| serde_json::from_str(it.strip_prefix("data: ").unwrap()).unwrap()).collect()
}

fn start(ordinal: u32, name: &str) -> Event {
    let (id, name, kind) = (format!("toolu_{ordinal}"), name.to_owned(), ToolKind::Function);
    Event::ToolStart { ordinal, id, name, kind }
}

fn piece(ordinal: u32, fragment: &str) -> Event {
    Event::ToolArguments { ordinal, fragment: fragment.to_owned() }
}

fn signed(dialect: Dialect, kind: &str, data: &str) -> Event {
    let (kind, data) = (kind.to_owned(), data.to_owned());
    Event::ReasoningSignature(Artefact { dialect, kind, data })
}

#[test]
fn calls_come_whole_and_the_first_goes_back_to_anybody() {
    let stream = written(&[
        start(0, "a"),
        piece(0, "{\"x\":"),
        start(1, "b"),
        piece(0, " 12345678901234567890}"),
        Event::ToolEnd { ordinal: 1 },
        Event::ToolEnd { ordinal: 0 },
        Event::Finish(Finish::ToolUse),
        Event::Done,
    ]);
    let chunks = chunks(&stream);
    let part = |nth: usize| &chunks[nth]["candidates"][0]["content"]["parts"][0];
    assert_eq!(part(0)["functionCall"], json!({ "id": "toolu_1", "name": "b", "args": {} }));
    assert_eq!(part(0).get("thoughtSignature"), None);
    assert_eq!(part(1)["functionCall"]["args"].to_string(), "{\"x\":12345678901234567890}");
    assert_eq!(part(1)["thoughtSignature"], PLACEHOLDER_FOR_CLIENTS);
    assert_eq!(chunks[2]["candidates"][0]["finishReason"], "STOP");
    assert_eq!(chunks.len(), 3);
}

#[test]
fn a_signature_stands_at_what_it_signs() {
    let stream = written(&[
        Event::Reasoning("hm".to_owned()),
        signed(Dialect::AnthropicMessages, "signature", "c2ln"),
        Event::Text("hello".to_owned()),
        signed(Dialect::Gemini, signature::TEXT, "dGV4dA=="),
        signed(Dialect::Gemini, signature::CALL, "Y2FsbA=="),
        start(0, "a"),
        Event::ToolEnd { ordinal: 0 },
    ]);
    let parts: Vec<Value> = chunks(&stream)
        .iter()
        .map(|chunk| chunk["candidates"][0]["content"]["parts"][0].clone())
        .collect();
    assert_eq!(parts[0], json!({ "text": "hm", "thought": true }));
    assert!(parts[1]["thoughtSignature"].as_str().unwrap().starts_with("YmFja3N0b3A6"));
    assert_eq!(parts[3], json!({ "text": "", "thoughtSignature": "dGV4dA==" }));
    assert_eq!(parts[4]["thoughtSignature"], "Y2FsbA==");
}

#[test]
fn a_broken_stream_goes_on_under_the_providers_id_and_ends_in_an_error_of_the_api() {
    let mut writer = StreamWriter::new(Head { id: "ours".to_owned(), ..Head::default() });
    writer.note(&Event::Start { id: "theirs".to_owned(), model: "gemini-x".to_owned() });
    let mut out = Vec::new();
    writer.write(&Event::Text("more".to_owned()), &mut out);
    writer.write(&Event::Ping, &mut out);
    writer.fail(&Failure::new(Class::StreamCut, "cut"), &mut out);
    writer.write(&Event::Done, &mut out);
    let chunks = chunks(std::str::from_utf8(&out).unwrap());
    assert_eq!(
        (&chunks[0]["responseId"], &chunks[0]["modelVersion"]),
        (&json!("theirs"), &json!("gemini-x"))
    );
    assert_eq!(
        chunks[1]["error"],
        json!({ "code": 503, "message": "cut", "status": "UNAVAILABLE" })
    );
    assert_eq!(chunks.len(), 2);
}
