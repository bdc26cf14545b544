//! Where reasoning stands among the items of a request.

use backstop_exchange::Artefact;
use backstop_vocabulary::{Dialect, Failure};

use super::wire::encrypted;
use crate::issuer;
use crate::scan::Cursor;
use crate::thoughts::{Kind, Part, Thoughts, Turn, has_value, text_of};

/// The artefact kind of an item that its provider keeps: its id.
const KEPT: &str = "kept";

/// Whether there may be any.
pub(crate) fn has_thoughts(body: &[u8]) -> bool {
    has_value(body, b"\"reasoning\"")
}

/// Finds the thoughts among the items.
pub(crate) fn find_thoughts(body: &[u8], thoughts: &mut Thoughts) -> Result<(), Failure> {
    let mut turn = Turn::default();
    Cursor::new(body).members(|cursor, key| match key {
        "input" if cursor.is_at(b'[') => {
            cursor.elements(|cursor| item(cursor, &mut turn, thoughts))
        }
        _ => cursor.value().map(|_| ()),
    })?;
    thoughts.turns.push(turn);
    Ok(())
}

fn item(cursor: &mut Cursor<'_>, turn: &mut Turn, thoughts: &mut Thoughts) -> Result<(), Failure> {
    let start = cursor.at();
    let (mut kind, mut role) = (&b""[..], &b""[..]);
    let (mut state, mut id) = (&b""[..], &b""[..]);
    if cursor.is_at(b'{') {
        cursor.members(|cursor, key| {
            let value = cursor.value()?;
            match key {
                "type" => kind = value,
                "role" => role = value,
                "encrypted_content" => state = value,
                "id" => id = value,
                _ => {}
            }
            Ok(())
        })?;
    } else {
        cursor.value()?;
    }
    let kind = if kind == b"\"reasoning\"" {
        thoughts.list.push(artefact(text_of(state), text_of(id)));
        Kind::Thought(thoughts.list.len() - 1)
    } else if kind.ends_with(b"_output\"") {
        Kind::Result
    } else if role == b"\"assistant\"" || (role.is_empty() && !kind.is_empty()) {
        Kind::Act
    } else {
        Kind::Other
    };
    turn.parts.push(Part { at: start..cursor.at(), kind });
    Ok(())
}

/// What only the issuer can read: the encrypted thought, or else the name it is kept under.
fn artefact(state: String, id: String) -> Option<Artefact> {
    if state.is_empty() {
        let (dialect, kind) = (Dialect::OpenaiResponses, KEPT.to_owned());
        return (!id.is_empty()).then_some(Artefact { dialect, kind, data: id });
    }
    issuer::read(encrypted(state))
}
