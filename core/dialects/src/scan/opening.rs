//! How a conversation begins: what tells it from others where nobody names it.

use std::ops::Range;

use backstop_vocabulary::Failure;
use memchr::memmem;

use super::{Cursor, Scan, member};
use crate::hash::fnv64;
use crate::thoughts::has_value;

/// How much of both ends of a long instruction is looked at.
const ENDS_BYTES: usize = 256;
/// The first words of the user come within so many messages.
const LEAD_MAX: usize = 4;

/// The beginning of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// A hash of its instructions and of the first words of the user: the same on every turn.
    pub key: u64,
    /// Whether the model has spoken already.
    pub goes_on: bool,
}

impl Scan {
    /// How the conversation in the body begins; `None` where it has no beginning that stays the same.
    /// Looks at little more than its first messages.
    pub fn opening(&self, body: &[u8]) -> Option<Opening> {
        let talk = body.get(self.talk..).filter(|_| self.talk > 0)?;
        let words = first_words(talk)?;
        let system = ends(body.get(self.system.clone()).unwrap_or(&[]));
        let key = fnv64(&system).rotate_left(17) ^ fnv64(&ends(words)) ^ self.user;
        let spoke = [&b"\"assistant\""[..], b"_call\""];
        let goes_on = spoke.iter().any(|word| memmem::find(talk, word).is_some())
            || has_value(talk, b"\"model\"");
        Some(Opening { key, goes_on })
    }
}

/// The text with which the user begins.
fn first_words(talk: &[u8]) -> Option<&[u8]> {
    if talk.first() == Some(&b'"') {
        return Cursor::new(talk).value().ok();
    }
    let (mut found, mut seen) = (None, 0);
    // Ends as soon as enough is known: what follows is not read.
    let _stopped = Cursor::new(talk).elements(|cursor| {
        let (mut of_user, mut words) = (false, None);
        if seen == LEAD_MAX || found.is_some() || !cursor.is_at(b'{') {
            return Err(enough());
        }
        seen += 1;
        cursor.members(|cursor, key| {
            match key {
                "role" => of_user = cursor.value()? == b"\"user\"",
                "content" | "parts" => words = Some(text(cursor)?),
                _ => {
                    cursor.value()?;
                }
            }
            Ok(())
        })?;
        if of_user {
            found = words;
        }
        Ok(())
    });
    found
}

/// A text, or the first one in a list of parts: marks of a prompt cache wander from turn to turn.
fn text<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], Failure> {
    if !cursor.is_at(b'[') {
        return cursor.value();
    }
    let mut first = None;
    let mut all: &[u8] = &[];
    cursor.elements(|cursor| {
        if first.is_none() {
            first = member(cursor, "text")?;
            all = first.unwrap_or(&[]);
            return Ok(());
        }
        cursor.value().map(|_| ())
    })?;
    Ok(all)
}

fn ends(bytes: &[u8]) -> Vec<u8> {
    if bytes.len() <= 2 * ENDS_BYTES {
        return bytes.to_vec();
    }
    let head: Range<usize> = 0..ENDS_BYTES;
    [&bytes[head], &bytes[bytes.len() - ENDS_BYTES..], &bytes.len().to_le_bytes()].concat()
}

fn enough() -> Failure {
    crate::json::invalid("enough is known")
}

#[cfg(test)]
mod tests {
    use backstop_vocabulary::Dialect;

    use super::super::scan;

    fn opening(dialect: Dialect, body: &str) -> (u64, bool) {
        let scan = scan(dialect, body.as_bytes()).unwrap();
        let opening = scan.opening(body.as_bytes()).unwrap();
        (opening.key, opening.goes_on)
    }

    #[test]
    fn a_conversation_keeps_its_opening_and_others_have_another() {
        let of = [
            (
                Dialect::AnthropicMessages,
                r#"{"model":"m","system":"s","messages":[{"role":"user","content":[{"type":"text","text":"q"}]}]}"#,
                r#"{"system":"s","messages":[{"content":[{"text":"q","type":"text","cache_control":{}}],"role":"user"},{"role":"assistant","content":"a"},{"role":"user","content":"r"}],"model":"m"}"#,
            ),
            (
                Dialect::OpenaiChat,
                r#"{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"q"}]}"#,
                r#"{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}"#,
            ),
            (
                Dialect::OpenaiResponses,
                r#"{"model":"m","instructions":"s","input":[{"role":"user","content":"q"}]}"#,
                r#"{"model":"m","instructions":"s","input":[{"role":"user","content":"q"},{"type":"function_call"}]}"#,
            ),
        ];
        for (dialect, first, later) in of {
            let (key, goes_on) = opening(dialect, first);
            assert!(!goes_on, "{dialect}");
            assert_eq!(opening(dialect, later), (key, true), "{dialect}");
            assert_ne!(opening(dialect, &first.replace("\"q\"", "\"other\"")).0, key, "{dialect}");
        }
        let text = scan(Dialect::OpenaiResponses, br#"{"model":"m","input":"q"}"#).unwrap();
        assert!(text.opening(br#"{"model":"m","input":"q"}"#).is_some());
        let nothing = scan(Dialect::OpenaiChat, br#"{"model":"m"}"#).unwrap();
        assert!(nothing.opening(br#"{"model":"m"}"#).is_none());
    }

    #[test]
    fn who_names_the_conversation_is_believed_and_users_are_told_apart() {
        let session = |dialect, body: &str| scan(dialect, body.as_bytes()).unwrap().session;
        let named = r#"{"model":"m","prompt_cache_key":"u"}"#;
        assert!(session(Dialect::OpenaiChat, named).is_some());
        assert_eq!(session(Dialect::OpenaiResponses, named), session(Dialect::OpenaiChat, named));
        assert_eq!(session(Dialect::OpenaiResponses, &named.replace("\"u\"", "\"\"")), None);
        let of = r#"{"model":"m","metadata":{"user_id":"u"},"messages":[{"role":"user","content":"q"}]}"#;
        let (one, _) = opening(Dialect::AnthropicMessages, of);
        let (other, _) = opening(Dialect::AnthropicMessages, &of.replace("\"u\"", "\"v\""));
        assert_ne!(one, other);
    }
}
