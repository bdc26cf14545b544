//! Where `thinking` stands in the messages of a request.

use backstop_vocabulary::Failure;
use memchr::memmem;
use serde_json::Value;

use super::wire::{REDACTED, SIGNATURE, artefact};
use crate::issuer;
use crate::scan::Cursor;
use crate::thoughts::{Kind, Part, Thoughts, Turn, has_value, text_of};

/// Whether there may be any, or a form of thinking that demands some.
pub(crate) fn has_thoughts(body: &[u8]) -> bool {
    has_value(body, b"thinking\"") || memmem::find(body, b"\"enabled\"").is_some()
}

/// Finds the thoughts of all messages.
pub(crate) fn find_thoughts(body: &[u8], thoughts: &mut Thoughts) -> Result<(), Failure> {
    Cursor::new(body).members(|cursor, key| match key {
        "messages" if cursor.is_at(b'[') => {
            cursor.elements(|cursor| find_in_message(cursor, thoughts, block))
        }
        "thinking" => find_demand(cursor, thoughts),
        "context_management" => {
            let start = cursor.at();
            let value = cursor.value()?;
            thoughts.with_thinking = without_clearing(value).map(|left| (start..cursor.at(), left));
            Ok(())
        }
        _ => cursor.value().map(|_| ()),
    })
}

/// Notes where `thinking` stands, if it is of the form that demands thoughts.
pub(crate) fn find_demand(cursor: &mut Cursor<'_>, thoughts: &mut Thoughts) -> Result<(), Failure> {
    let start = cursor.at();
    let demands = crate::scan::member(cursor, "type")? == Some(b"\"enabled\"");
    thoughts.demand = demands.then(|| start..cursor.at());
    Ok(())
}

/// Notes one block of a message.
pub(crate) type FindBlock = fn(&mut Cursor<'_>, &mut Turn, &mut Thoughts) -> Result<(), Failure>;

/// Finds the thoughts of one message, whose blocks are read by `block`.
pub(crate) fn find_in_message(
    cursor: &mut Cursor<'_>,
    thoughts: &mut Thoughts,
    block: FindBlock,
) -> Result<(), Failure> {
    let start = cursor.at();
    let mut turn = Turn::default();
    if !cursor.is_at(b'{') {
        return cursor.value().map(|_| ());
    }
    let mut of_model = false;
    cursor.members(|cursor, key| match key {
        "content" if cursor.is_at(b'[') => {
            cursor.elements(|cursor| block(cursor, &mut turn, thoughts))
        }
        "role" => {
            of_model = cursor.value()? == b"\"assistant\"";
            Ok(())
        }
        _ => cursor.value().map(|_| ()),
    })?;
    if of_model {
        let others = turn.parts.iter_mut().filter(|part| part.kind == Kind::Other);
        others.for_each(|part| part.kind = Kind::Act);
    }
    turn.at = Some(start..cursor.at());
    thoughts.turns.push(turn);
    Ok(())
}

fn block(cursor: &mut Cursor<'_>, turn: &mut Turn, thoughts: &mut Thoughts) -> Result<(), Failure> {
    let start = cursor.at();
    let (mut kind, mut signature, mut data) = (&b""[..], &b""[..], &b""[..]);
    if cursor.is_at(b'{') {
        cursor.members(|cursor, key| {
            let value = cursor.value()?;
            match key {
                "type" => kind = value,
                "signature" => signature = value,
                "data" => data = value,
                _ => {}
            }
            Ok(())
        })?;
    } else {
        cursor.value()?;
    }
    let state = match kind {
        b"\"thinking\"" => Some((SIGNATURE, text_of(signature))),
        b"\"redacted_thinking\"" => Some((REDACTED, text_of(data))),
        _ => None,
    };
    let kind = match state {
        Some((kind, state)) => {
            let state = Some(state).filter(|state| !state.is_empty());
            thoughts.list.push(state.and_then(|state| issuer::read(artefact(kind, state))));
            Kind::Thought(thoughts.list.len() - 1)
        }
        None if kind == b"\"tool_result\"" => Kind::Result,
        None => Kind::Other,
    };
    turn.parts.push(Part { at: start..cursor.at(), kind });
    Ok(())
}

/// The edits of a context without those that need thinking; `None` if it has no such.
fn without_clearing(value: &[u8]) -> Option<String> {
    memmem::find(value, b"clear_thinking")?;
    let mut value: Value = serde_json::from_slice(value).ok()?;
    let edits = value.get_mut("edits")?.as_array_mut()?;
    edits.retain(|edit| !edit["type"].as_str().is_some_and(|it| it.starts_with("clear_thinking")));
    Some(value.to_string())
}
