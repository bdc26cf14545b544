//! Where `reasoningContent` stands in the messages of a request.

use backstop_vocabulary::Failure;
use memchr::memmem;

use super::wire::{redacted, signature};
use crate::anthropic_messages::{find_demand, find_in_message};
use crate::scan::Cursor;
use crate::thoughts::{Kind, Part, Thoughts, Turn, text_of};

/// Whether there may be any, or a form of thinking that demands some.
pub(crate) fn has_thoughts(body: &[u8]) -> bool {
    memmem::find(body, b"\"reasoningContent\"").is_some()
        || memmem::find(body, b"\"enabled\"").is_some()
}

/// Finds the thoughts of all messages.
pub(crate) fn find_thoughts(body: &[u8], thoughts: &mut Thoughts) -> Result<(), Failure> {
    Cursor::new(body).members(|cursor, key| match key {
        "messages" if cursor.is_at(b'[') => {
            cursor.elements(|cursor| find_in_message(cursor, thoughts, block))
        }
        "additionalModelRequestFields" if cursor.is_at(b'{') => {
            cursor.members(|cursor, key| match key {
                "thinking" => find_demand(cursor, thoughts),
                _ => cursor.value().map(|_| ()),
            })
        }
        _ => cursor.value().map(|_| ()),
    })
}

fn block(cursor: &mut Cursor<'_>, turn: &mut Turn, thoughts: &mut Thoughts) -> Result<(), Failure> {
    let start = cursor.at();
    let mut kind = Kind::Other;
    if cursor.is_at(b'{') {
        cursor.members(|cursor, key| match key {
            "reasoningContent" if cursor.is_at(b'{') => {
                thought(cursor, thoughts)?;
                kind = Kind::Thought(thoughts.list.len() - 1);
                Ok(())
            }
            "toolResult" => {
                kind = Kind::Result;
                cursor.value().map(|_| ())
            }
            _ => cursor.value().map(|_| ()),
        })?;
    } else {
        cursor.value()?;
    }
    turn.parts.push(Part { at: start..cursor.at(), kind });
    Ok(())
}

fn thought(cursor: &mut Cursor<'_>, thoughts: &mut Thoughts) -> Result<(), Failure> {
    let mut state = None;
    cursor.members(|cursor, key| match key {
        "redactedContent" => {
            let data = text_of(cursor.value()?);
            state = redacted(&data).filter(|_| !data.is_empty());
            Ok(())
        }
        "reasoningText" => {
            let data = crate::scan::member(cursor, "signature")?.map(text_of).unwrap_or_default();
            state = signature(&data).filter(|_| !data.is_empty());
            Ok(())
        }
        _ => cursor.value().map(|_| ()),
    })?;
    thoughts.list.push(state);
    Ok(())
}

#[cfg(test)]
mod tests {
    use backstop_vocabulary::Dialect;
    use serde_json::{Value, json};

    use super::super::wire::HERE;
    use crate::thoughts::{edited, thoughts};

    #[test]
    fn what_others_thought_is_cut_out_of_the_bytes_and_thinking_switched_off_where_none_is_left() {
        let thought = |signature: &str| json!({ "reasoningContent": { "reasoningText": { "text": "t", "signature": signature } } });
        let body = json!({
            "messages": [
                { "role": "user", "content": [{ "text": "a" }] },
                { "role": "assistant", "content": [thought("own"), { "text": "b" }] },
                { "role": "user", "content": [{ "text": "c" }] },
                { "role": "assistant", "content": [
                    thought("backstop:anthropic_messages:signature:x"),
                    { "toolUse": { "toolUseId": "t", "name": "f", "input": {} } },
                ] },
                { "role": "user", "content": [{ "toolResult": { "toolUseId": "t", "content": [] } }] },
            ],
            "additionalModelRequestFields": { "thinking": { "type": "enabled", "budget_tokens": 2000 } },
        });
        let text = body.to_string();
        let found = thoughts(HERE, text.as_bytes()).unwrap();
        let issuers: Vec<Option<Dialect>> =
            found.artefacts().map(|state| state.map(|state| state.dialect)).collect();
        assert_eq!(issuers, [Some(HERE), Some(Dialect::AnthropicMessages)]);
        let edits = found.without(&mut |state| state.dialect == HERE);
        let left: Value = serde_json::from_slice(&edited(text.as_bytes(), edits)).unwrap();
        assert_eq!(left["messages"][1], body["messages"][1]);
        assert_eq!(left["messages"][3]["content"].as_array().unwrap().len(), 1);
        let thinking = &left["additionalModelRequestFields"]["thinking"];
        assert_eq!(*thinking, json!({ "type": "disabled" }));
        assert!(thoughts(HERE, br#"{"messages":[{"role":"user","content":[]}]}"#).is_none());
    }
}
