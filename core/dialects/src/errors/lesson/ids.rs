//! Ids of calls for servers that take nine letters and digits and nothing else.
//!
//! The same id always becomes the same, so that calls and results meet again in every request; nothing
//! need be mapped back, because an answer brings new ids of the server's own.

use std::ops::Range;

use memchr::memmem;

use super::place::Path;
use crate::hash::fnv64;

const LETTERS: usize = 9;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Where ids stand in Chat Completions.
const PLACES: [&str; 2] = ["messages.0.tool_calls.0.id", "messages.0.tool_call_id"];

/// The changes that make all ids of a body short ones.
pub(super) fn shortened(body: &[u8]) -> Vec<(Range<usize>, String)> {
    if memmem::find(body, b"\"tool_call").is_none() {
        return Vec::new();
    }
    let places = PLACES.iter().flat_map(|place| Path::of(place).values(body));
    let change = |at: Range<usize>| {
        let id: String = serde_json::from_slice(body.get(at.clone())?).ok()?;
        (!is_short(&id)).then(|| (at, format!("\"{}\"", short(&id))))
    };
    places.filter_map(change).collect()
}

fn is_short(id: &str) -> bool {
    id.len() == LETTERS && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn short(id: &str) -> String {
    let mut rest = fnv64(id.as_bytes());
    let mut letter = || {
        let at = usize::try_from(rest % 62).unwrap_or_default();
        rest /= 62;
        char::from(ALPHABET[at])
    };
    (0..LETTERS).map(|_| letter()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::thoughts::{Edit, edited};

    fn changed(body: &str) -> String {
        let edits = shortened(body.as_bytes());
        let edits = edits.into_iter().map(|(at, with)| Edit { at, with: with.into() }).collect();
        String::from_utf8(edited(body.as_bytes(), edits)).unwrap()
    }

    #[test]
    fn calls_and_their_results_get_the_same_short_ids_and_nothing_else_changes() {
        let body = json!({ "tool_call_id": "call_1", "messages": [
            { "role": "assistant", "tool_calls": [
                { "id": "call_1", "function": { "name": "f", "arguments": "{\"id\":\"call_1\"}" } },
                { "id": "abcDEF123" }, { "id": "toolu_ü" },
            ] },
            { "role": "tool", "tool_call_id": "call_1", "content": "call_1" },
            { "role": "tool", "tool_call_id": "abcDEF123" },
            { "role": "tool", "tool_call_id": "toolu_ü" },
        ] });
        let changed: Value = serde_json::from_str(&changed(&body.to_string())).unwrap();
        let mut expected = body.clone();
        for (at, id) in [(0, "call_1"), (2, "toolu_ü")] {
            assert!(is_short(&short(id)) && short(id) == short(id), "{}", short(id));
            expected["messages"][0]["tool_calls"][at]["id"] = short(id).into();
            expected["messages"][at + 1]["tool_call_id"] = short(id).into();
        }
        assert_eq!(changed, expected);
        assert_ne!(short("call_1"), short("call_2"));
    }

    #[test]
    fn a_body_without_calls_stays() {
        for body in [r#"{"messages":[{"role":"user"}]}"#, "\"tool_call", "[]"] {
            assert_eq!(changed(body), body);
        }
    }
}
