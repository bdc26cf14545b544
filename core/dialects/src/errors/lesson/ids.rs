//! Ids of calls for servers that take nine letters and digits and nothing else.
//!
//! The same id always becomes the same, so that calls and results meet again in every request; nothing
//! need be mapped back, because an answer brings new ids of the server's own.

use std::ops::Range;

use memchr::memmem;

use super::place::Path;
use crate::tool_names::nine;

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
        let short = nine(&id);
        (*short != *id).then(|| (at, format!("\"{short}\"")))
    };
    places.filter_map(change).collect()
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
            expected["messages"][0]["tool_calls"][at]["id"] = (*nine(id)).into();
            expected["messages"][at + 1]["tool_call_id"] = (*nine(id)).into();
        }
        assert_eq!(changed, expected);
    }

    #[test]
    fn a_body_without_calls_stays() {
        for body in [r#"{"messages":[{"role":"user"}]}"#, "\"tool_call", "[]"] {
            assert_eq!(changed(body), body);
        }
    }
}
