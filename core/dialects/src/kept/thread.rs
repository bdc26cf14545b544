//! Conversations of Messages that are held for a client (`thread`): a turn as any other request, with
//! the turns before it, and what later turns need of it.

use serde_json::{Map, Value, json};

use backstop_vocabulary::{Class, Failure};

use crate::json::{bytes, object};
use crate::scan::Cursor;
use crate::{Scan, with_members};

/// What the turns of a thread take from the one that began it.
const FRAME: [&str; 2] = ["system", "tools"];
/// Where blocks stand within blocks; what is elsewhere, such as the input of a call, is free in form.
const HOLD_BLOCKS: [&str; 5] = ["content", "source", "tool", "definition", "tool_references"];

/// Why a thread cannot be begun or gone on with as it was asked for; a wish that nobody understands must
/// not be answered as if it had not been there.
pub fn refuse_thread(body: &[u8]) -> Result<(), Failure> {
    let asked = object(body)?;
    let refused = |what: &str| Err(Failure::new(Class::InvalidRequest, what));
    let thread = asked.get("thread").unwrap_or(&Value::Null);
    match thread["type"].as_str() {
        Some("create") => Ok(()),
        Some("continue") if !thread["previous_message_id"].is_string() => {
            refused("`thread.previous_message_id` must be the id of the message to go on from")
        }
        Some("continue") => match asked.get("messages") {
            Some(Value::Array(messages)) if !messages.is_empty() => Ok(()),
            Some(_) | None => refused("`messages` must be a list of what is new in the thread"),
        },
        Some(_) | None => refused("`thread.type` must be `create` or `continue`"),
    }
}

/// The messages of a request, without the brackets around them.
pub fn message_items(body: &[u8], scan: &Scan) -> Vec<u8> {
    let messages = body.get(scan.talk..).filter(|_| scan.talk > 0).unwrap_or(&[]);
    match Cursor::new(messages).value().unwrap_or(&[]) {
        [b'[', items @ .., b']'] => items.trim_ascii().to_vec(),
        _ => Vec::new(),
    }
}

/// What later turns take from the request that begins a thread, as an object.
pub fn thread_frame(body: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut asked = object(body)?;
    let frame = FRAME.into_iter().filter_map(|name| Some((name.to_owned(), asked.remove(name)?)));
    Ok(bytes(&Value::Object(frame.collect::<Map<_, _>>())))
}

/// A request that begins a thread, as any other.
pub fn unthreaded(body: &[u8]) -> Result<Vec<u8>, Failure> {
    with_members(body, &["thread"], &[])
}

/// A request that goes on with a thread, as any other: with the messages `before` its own, and with
/// the `frame` of the thread as far as it has none itself.
pub fn rethreaded(
    body: &[u8],
    scan: &Scan,
    (before, frame): (&[u8], &[u8]),
) -> Result<Vec<u8>, Failure> {
    let own = message_items(body, scan);
    let parts = [unmarked(before), own];
    let parts: Vec<Vec<u8>> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    // Bytes of JSON texts.
    let messages = format!("[{}]", String::from_utf8_lossy(&parts.join(&b","[..])));
    let frame = object(frame)?;
    let frame: Vec<(&str, String)> =
        frame.iter().map(|(name, value)| (name.as_str(), value.to_string())).collect();
    let bare = with_members(body, &["thread", "messages"], &[])?;
    let with = frame.iter().map(|(name, value)| (*name, value.as_str()));
    with_members(&bare, &[], &with.chain([("messages", messages.as_str())]).collect::<Vec<_>>())
}

/// The message of a finished answer, as it stands in the conversation after it.
pub(super) fn as_said(mut answer: Value) -> Value {
    let mut content = answer["content"].take();
    for block in content.as_array_mut().into_iter().flatten() {
        if let Some(fields) = block.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
    }
    json!({ "role": "assistant", "content": content })
}

/// The messages without the marks of their prompt caches: each was set for the turn that sent it, and
/// a request may have four.
fn unmarked(items: &[u8]) -> Vec<u8> {
    if memchr::memmem::find(items, b"\"cache_control\"").is_none() {
        return items.to_vec();
    }
    let list = [b"[", items, b"]"].concat();
    let Ok(mut messages) = serde_json::from_slice::<Vec<Value>>(&list) else {
        return items.to_vec();
    };
    messages.iter_mut().for_each(unmark);
    let messages: Vec<Vec<u8>> = messages.iter().map(bytes).collect();
    messages.join(&b","[..])
}

fn unmark(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("cache_control");
            for name in HOLD_BLOCKS {
                if let Some(inner) = fields.get_mut(name) {
                    unmark(inner);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(unmark),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use backstop_vocabulary::Dialect;

    use super::*;

    fn value(text: &[u8]) -> Value {
        serde_json::from_slice(text).unwrap()
    }

    #[test]
    fn a_turn_goes_on_with_all_that_was_said_and_with_the_frame_of_its_thread() {
        let first = br#"{"model":"m","thread":{"type":"create"},"system":"s","tools":[{"name":"t"}],"messages":[{"role":"user","content":[{"type":"text","text":"q","cache_control":{"type":"ephemeral"}}]}]}"#;
        let scan = crate::scan(Dialect::AnthropicMessages, first).unwrap();
        assert!(scan.thread && scan.previous.is_empty());
        let plain = value(&unthreaded(first).unwrap());
        assert!(plain.get("thread").is_none() && plain["tools"][0]["name"] == "t");
        let frame = thread_frame(first).unwrap();
        let input = json!({ "cache_control": 1 });
        let answer = json!({ "id": "msg_1", "type": "message", "role": "assistant", "stop_reason": "tool_use",
            "content": [{ "type": "text", "text": "a", "citations": null }, { "type": "tool_use", "id": "c", "name": "t", "input": input }] });
        let said = bytes(&as_said(answer));
        let before = [message_items(first, &scan), said].join(&b","[..]);
        let next = br#"{"model":"m","max_tokens":9,"thread":{"type":"continue","previous_message_id":"msg_1"},"messages":[{"role":"user","content":"r"}]}"#;
        let scan = crate::scan(Dialect::AnthropicMessages, next).unwrap();
        assert_eq!((scan.thread, scan.previous.as_str()), (true, "msg_1"));
        let whole = value(&rethreaded(next, &scan, (&before, &frame)).unwrap());
        assert_eq!((&whole["system"], &whole["max_tokens"]), (&json!("s"), &json!(9)));
        assert!(whole["tools"][0]["name"] == "t" && whole.get("thread").is_none());
        assert_eq!(
            whole["messages"],
            json!([
                { "role": "user", "content": [{ "type": "text", "text": "q" }] },
                { "role": "assistant", "content": [{ "type": "text", "text": "a" },
                    { "type": "tool_use", "id": "c", "name": "t", "input": input }] },
                { "role": "user", "content": "r" },
            ])
        );
        // A paused turn is gone on with by saying nothing.
        let silent = br#"{"model":"m","messages":[],"system":"own","thread":{"type":"continue","previous_message_id":"msg_1"}}"#;
        let scan = crate::scan(Dialect::AnthropicMessages, silent).unwrap();
        let whole = value(&rethreaded(silent, &scan, (&before, &frame)).unwrap());
        assert_eq!(whole["messages"].as_array().map(Vec::len), Some(2));
        assert_eq!(whole["system"], "own");
    }
}
