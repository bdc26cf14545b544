//! Answers that a client goes on from by their names: the conversation so far, as items or messages
//! that any provider can be sent, and what an answer says of itself that no provider was told.

mod background;
mod echo;
mod said;
mod thread;

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::scan::Cursor;
use crate::{Edit, Scan, edited};
pub use background::{
    Told, as_failed, foreground, heard, last_event, opening_events, queued_answer, with_status,
};
pub use echo::{Echo, numbered};
pub use said::Said;
pub use thread::{message_items, refuse_thread, rethreaded, thread_frame, unthreaded};

/// The items of a request's own `input`, without the brackets around them.
pub fn input_items(body: &[u8], scan: &Scan) -> Vec<u8> {
    let input = body.get(scan.talk..).filter(|_| scan.talk > 0).unwrap_or(&[]);
    let token = Cursor::new(input).value().unwrap_or(&[]);
    match token {
        [b'[', items @ .., b']'] => items.trim_ascii().to_vec(),
        [b'"', ..] => [b"{\"role\":\"user\",\"content\":", token, b"}"].concat(),
        _ => Vec::new(),
    }
}

/// The name of a finished answer; `None` if this is none that can be gone on from.
pub fn answer_id(answer: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let is_over = match answer["type"].as_str() {
        // One of Messages; a refused one is not gone on from.
        Some("message") => answer["stop_reason"].as_str().is_some_and(|why| why != "refusal"),
        _ => matches!(answer["status"].as_str(), Some("completed" | "incomplete")),
    };
    answer["id"].as_str().filter(|id| is_over && !id.is_empty()).map(str::to_owned)
}

/// The items of an answer as they stand in the conversation after it, without brackets.
///
/// Names of what was said are left out: only who keeps them under these knows them. A thought keeps
/// its name, which may be all that its maker gave of it.
pub fn output_items(answer: &[u8]) -> Vec<u8> {
    let mut answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    if answer["type"] == "message" {
        return thread::as_said(answer).to_string().into_bytes();
    }
    let mut items = Vec::new();
    let output = answer.get_mut("output").and_then(Value::as_array_mut);
    for item in output.into_iter().flatten() {
        let kind = item["type"].as_str().unwrap_or_default();
        let plain = matches!(kind, "message" | "function_call" | "custom_tool_call");
        if let Some(fields) = item.as_object_mut().filter(|_| plain) {
            fields.remove("id");
            fields.remove("status");
        }
        items.push(item.to_string().into_bytes());
    }
    items.join(&b","[..])
}

/// The whole answer in the last frame of a stream, if it ends with one.
pub fn answer_of_stream(frames: &[u8]) -> Option<Vec<u8>> {
    let lines = frames.rsplit(|byte| *byte == b'\n');
    let mut data = lines.filter_map(|line| line.trim_ascii().strip_prefix(b"data:"));
    let event: Value = serde_json::from_slice(data.next()?).ok()?;
    let is_end =
        matches!(event["type"].as_str(), Some("response.completed" | "response.incomplete"));
    is_end.then(|| event["response"].to_string().into_bytes())
}

/// The request with the conversation before it in the place of its name.
pub fn continued(body: &[u8], scan: &Scan, before: &[u8]) -> Vec<u8> {
    let own = input_items(body, scan);
    let between: &[u8] = if before.is_empty() || own.is_empty() { b"" } else { b"," };
    let input = [b"[", before, between, &own, b"]"].concat();
    // Bytes of JSON texts.
    let input = String::from_utf8(input).unwrap_or_default();
    let start = scan.talk;
    let mut edits = vec![Edit { at: scan.previous_at.clone(), with: Cow::Borrowed("null") }];
    if start > 0 {
        let mut cursor = Cursor::new(body.get(start..).unwrap_or(&[]));
        let length = cursor.value().map_or(0, <[u8]>::len);
        edits.push(Edit { at: start..start + length, with: Cow::Owned(input) });
    } else {
        // A request without input of its own.
        let with = Cow::Owned(format!("null,\"input\":{input}"));
        edits[0].with = with;
    }
    edited(body, edits)
}

/// A page of a conversation's items, in the form of the API; `newest_first` is its usual order.
pub fn item_page(items: &[u8], newest_first: Option<()>, limit: usize) -> Vec<u8> {
    let list = [b"[", items, b"]"].concat();
    let mut items: Vec<Value> = serde_json::from_slice(&list).unwrap_or_default();
    for (nth, item) in items.iter_mut().enumerate().filter(|(_, item)| item.is_object()) {
        if item.get("type").is_none() {
            item["type"] = "message".into();
        }
        if item.get("id").is_none() {
            item["id"] = format!("item_backstop_{nth}").into();
        }
        if let Some(text) = item["content"].as_str().map(str::to_owned) {
            let kind = if item["role"] == "assistant" { "output_text" } else { "input_text" };
            item["content"] = json!([{ "type": kind, "text": text }]);
        }
    }
    if newest_first.is_some() {
        items.reverse();
    }
    let more = items.len() > limit;
    items.truncate(limit);
    let id = |item: Option<&Value>| item.map(|item| item["id"].clone());
    let (first, last) = (id(items.first()), id(items.last()));
    json!({ "object": "list", "data": items, "first_id": first, "last_id": last, "has_more": more })
        .to_string()
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use backstop_vocabulary::Dialect;

    use super::*;

    const HERE: Dialect = Dialect::OpenaiResponses;

    #[test]
    fn a_request_goes_on_with_all_that_was_said_before_it() {
        let answer = br#"{"id":"resp_1","status":"completed","output":[{"id":"rs_1","type":"reasoning","summary":[]},{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"a"}]}]}"#;
        assert_eq!(answer_id(answer).as_deref(), Some("resp_1"));
        let first = br#"{"model":"m","input":"q"}"#;
        let scanned = crate::scan(HERE, first).unwrap();
        let before = [input_items(first, &scanned), output_items(answer)].join(&b","[..]);
        for (body, own) in [
            (
                r#"{"input":[ {"role":"user","content":"r"} ],"previous_response_id":"resp_1","model":"m"}"#,
                1,
            ),
            (r#"{"previous_response_id":"resp_1","model":"m","input":[]}"#, 0),
            (r#"{"previous_response_id":"resp_1","model":"m"}"#, 0),
        ] {
            let scanned = crate::scan(HERE, body.as_bytes()).unwrap();
            assert_eq!(scanned.previous, "resp_1");
            let whole: Value =
                serde_json::from_slice(&continued(body.as_bytes(), &scanned, &before)).unwrap();
            let items = whole["input"].as_array().unwrap();
            assert_eq!(items.len(), 3 + own, "{whole}");
            assert_eq!(items[0], json!({ "role": "user", "content": "q" }));
            assert_eq!(items[1]["id"], "rs_1");
            assert!(items[2].get("id").is_none() && whole["previous_response_id"].is_null());
        }
    }

    #[test]
    fn a_stream_ends_with_its_answer_and_a_broken_one_does_not() {
        let end = b"event: x\ndata: {}\n\nevent: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\"}}\n\n";
        assert_eq!(answer_of_stream(end).unwrap(), br#"{"id":"r"}"#);
        assert_eq!(answer_of_stream(b"data: {\"type\":\"response.failed\"}\n\n"), None);
        assert_eq!(answer_id(br#"{"id":"r","status":"failed"}"#), None);
        // An answer that is none has no items.
        for answer in [&b"\"r\""[..], b"[1]", b"{\"output\":5}", b"no json"] {
            assert!(output_items(answer).is_empty());
        }
    }

    #[test]
    fn items_are_shown_as_the_api_shows_them() {
        let items = br#"{"role":"user","content":"q"},{"type":"function_call","id":"fc_1"}"#;
        let page: Value = serde_json::from_slice(&item_page(items, Some(()), 20)).unwrap();
        assert_eq!((&page["first_id"], &page["has_more"]), (&json!("fc_1"), &json!(false)));
        assert_eq!(page["data"][1]["content"][0]["type"], "input_text");
        let page: Value = serde_json::from_slice(&item_page(items, None, 1)).unwrap();
        assert_eq!((&page["data"][0]["role"], &page["has_more"]), (&json!("user"), &json!(true)));
        // What is no item stays what it is.
        let page: Value = serde_json::from_slice(&item_page(b"\"q\",null,[1]", None, 20)).unwrap();
        assert_eq!(page["data"], json!(["q", null, [1]]));
    }
}
