use backstop_vocabulary::Class;
use bytes::Bytes;

use super::*;
use crate::{Frames, Framing};

/// A provider's stream up to the middle of its second message.
const BEGUN: &str = concat!(
    r#"data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_up","created_at":7,"model":"up","output":[]}}"#,
    "\n\n",
    r#"data: {"type":"response.output_item.added","sequence_number":1,"output_index":0,"item":{"id":"msg_a","type":"message","content":[]}}"#,
    "\n\n",
    r#"data: {"type":"response.output_text.delta","sequence_number":2,"item_id":"msg_a","output_index":0,"content_index":0,"delta":"One."}"#,
    "\n\n",
    r#"data: {"type":"response.output_item.done","sequence_number":3,"output_index":0,"item":{"id":"msg_a","type":"message","content":[{"type":"output_text","text":"One."}]}}"#,
    "\n\n",
    r#"data: {"type":"response.output_item.added","sequence_number":4,"output_index":1,"item":{"id":"msg_b","type":"message","content":[]}}"#,
    "\n\n",
    r#"data: {"type":"response.content_part.added","sequence_number":5,"item_id":"msg_b","output_index":1,"content_index":0,"part":{"type":"output_text","text":""}}"#,
    "\n\n",
    r#"data: {"type":"response.output_text.delta","sequence_number":6,"item_id":"msg_b","output_index":1,"content_index":0,"delta":"Tw"}"#,
    "\n\n",
    r#"data: {"type":"response.output_text.delta","sequence_number":7,"item_id":"msg_b","output_index":1,"content_index":0,"delta":"o "}"#,
    "\n\n",
);

/// A writer whose client has these bytes of the provider.
fn noted(stream: &str) -> StreamWriter {
    let head = Head { id: "ours".to_owned(), created_unix: 9, ..Head::default() };
    let (mut writer, mut reader) = (StreamWriter::new(head), StreamReader::new());
    let mut frames = Frames::new(Framing::Sse, 1 << 20);
    frames.feed(Bytes::copy_from_slice(stream.as_bytes()));
    for frame in frames.by_ref() {
        let mut events = Vec::new();
        reader.read(&frame.unwrap(), &mut events);
        for event in &events {
            writer.note(event);
        }
        writer.note_place(&reader);
    }
    writer
}

/// The data of the frames in `out`.
fn data(out: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(out).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix("data: "));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_broken_stream_goes_on_in_the_providers_items_and_numbers() {
    let mut writer = noted(BEGUN);
    let mut out = Vec::new();
    let call = Event::ToolStart {
        ordinal: 0,
        id: "c".to_owned(),
        name: "f".to_owned(),
        kind: ToolKind::Function,
    };
    for event in [
        Event::Text("more".to_owned()),
        call,
        Event::ToolEnd { ordinal: 0 },
        Event::Finish(Finish::ToolUse),
        Event::Done,
    ] {
        writer.write(&event, &mut out);
    }
    let frames = data(&out);
    let numbers: Vec<u64> =
        frames.iter().map(|it| it["sequence_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (8..8 + frames.len() as u64).collect::<Vec<_>>());
    assert_eq!(frames[0]["type"], "response.output_text.delta");
    assert_eq!((&frames[0]["item_id"], &frames[0]["delta"]), (&json!("msg_b"), &json!("more")));
    assert_eq!(frames[1]["text"], "Two more");
    let last = &frames.last().unwrap()["response"];
    assert_eq!(
        (&last["id"], &last["created_at"], &last["model"]),
        (&json!("resp_up"), &json!(7), &json!("up"))
    );
    let ids: Vec<&str> = last["output"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["msg_a", "msg_b", "fc_ours2"]);
    assert_eq!(last["output"][2]["arguments"], "{}");
}

#[test]
fn a_stream_that_cannot_go_on_fails_with_the_items_that_were_done() {
    let mut writer = noted(BEGUN);
    let mut out = Vec::new();
    writer.fail(&Failure::new(Class::StreamCut, "cut"), &mut out);
    writer.write(&Event::Done, &mut out);
    let frames = data(&out);
    assert_eq!(frames.len(), 1);
    assert_eq!(
        (&frames[0]["type"], &frames[0]["sequence_number"]),
        (&json!("response.failed"), &json!(8))
    );
    let response = &frames[0]["response"];
    assert_eq!(
        (&response["status"], &response["error"]["code"]),
        (&json!("failed"), &json!("server_error"))
    );
    assert_eq!(response["output"].as_array().unwrap().len(), 1);
}

#[test]
fn an_answer_that_ran_into_its_limit_is_incomplete_and_says_why() {
    let mut writer = StreamWriter::new(Head { id: "ours".to_owned(), ..Head::default() });
    let mut out = Vec::new();
    for event in [
        Event::Start { id: String::new(), model: "m".to_owned() },
        Event::Text("half".to_owned()),
        Event::Finish(Finish::Length),
        Event::Done,
    ] {
        writer.write(&event, &mut out);
    }
    let frames = data(&out);
    let last = frames.last().unwrap();
    assert_eq!(last["type"], "response.incomplete");
    assert_eq!(last["response"]["incomplete_details"]["reason"], "max_output_tokens");
    assert_eq!(last["response"]["output"][0]["status"], "incomplete");
}
