//! Where signatures stand in the contents of a request.

use backstop_vocabulary::Failure;
use memchr::memmem;

use super::keys::camel;
use super::signature;
use crate::scan::Cursor;
use crate::thoughts::{Kind, Part, Thoughts, Turn, text_of};

/// Whether there may be any.
pub(crate) fn has_thoughts(body: &[u8]) -> bool {
    let names: [&[u8]; 2] = [b"thoughtSignature\"", b"thought_signature\""];
    names.iter().any(|name| memmem::find(body, name).is_some())
}

/// Finds them: parts that hold nothing else, and those that stand at what they sign.
pub(crate) fn find_thoughts(body: &[u8], thoughts: &mut Thoughts) -> Result<(), Failure> {
    Cursor::new(body).members(|cursor, key| {
        if key == "contents" && cursor.is_at(b'[') {
            return cursor.elements(|cursor| content(cursor, thoughts));
        }
        cursor.value().map(|_| ())
    })
}

fn content(cursor: &mut Cursor<'_>, thoughts: &mut Thoughts) -> Result<(), Failure> {
    let start = cursor.at();
    if !cursor.is_at(b'{') {
        return cursor.value().map(|_| ());
    }
    let mut turn = Turn::default();
    let mut of_model = false;
    cursor.members(|cursor, key| match key {
        "parts" if cursor.is_at(b'[') => {
            cursor.elements(|cursor| part(cursor, &mut turn, thoughts))
        }
        "role" => {
            of_model = cursor.value()? == b"\"model\"";
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

fn part(cursor: &mut Cursor<'_>, turn: &mut Turn, thoughts: &mut Thoughts) -> Result<(), Failure> {
    let start = cursor.at();
    let (mut text, mut thought, mut signed) = (&b""[..], &b""[..], None);
    let (mut calls, mut kind) = (false, Kind::Other);
    if cursor.is_at(b'{') {
        cursor.members(|cursor, key| {
            let from = cursor.at();
            let value = cursor.value()?;
            match camel(key).as_ref() {
                "text" => text = value,
                "thought" => thought = value,
                "thoughtSignature" => signed = Some((from..cursor.at(), text_of(value))),
                "functionCall" => calls = true,
                "functionResponse" => kind = Kind::Result,
                _ => {}
            }
            Ok(())
        })?;
    } else {
        cursor.value()?;
    }
    let alone = thought == b"true" && matches!(text, b"" | b"\"\"");
    let of = match (calls, thought == b"true" || text.is_empty()) {
        (true, _) => signature::CALL,
        (false, true) => signature::THOUGHT,
        (false, false) => signature::TEXT,
    };
    if let Some((at, data)) = signed
        && let Some(state) = signature::read(data, of)
    {
        if alone {
            kind = Kind::Thought(thoughts.list.len());
            thoughts.list.push(Some(state));
        } else {
            thoughts.seals.push((at, state));
        }
    }
    turn.parts.push(Part { at: start..cursor.at(), kind });
    Ok(())
}

#[cfg(test)]
mod tests {
    use backstop_vocabulary::Dialect;

    use crate::{edited, thoughts};

    const BODY: &str = r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]},
      {"role":"model","parts":[{"text":"hm","thought":true},{"text":"","thought":true,"thoughtSignature":"YmFja3N0b3A6YW50aHJvcGljX21lc3NhZ2VzOnNpZ25hdHVyZTpjMmxu"}, {"functionCall":{"name":"f"},"thought_signature": "b3du"}]},
      {"role":"user","parts":[{"functionResponse":{"name":"f","response":{}}}]}]}"#;

    #[test]
    fn what_others_signed_goes_and_calls_get_a_stand_in() {
        let found = thoughts(Dialect::Gemini, BODY.as_bytes()).unwrap();
        let of: Vec<Dialect> = found.artefacts().flatten().map(|state| state.dialect).collect();
        assert_eq!(of, [Dialect::AnthropicMessages, Dialect::Gemini]);
        let own = found.without(&mut |state| state.dialect == Dialect::Gemini);
        let left = String::from_utf8(edited(BODY.as_bytes(), own)).unwrap();
        assert!(!left.contains("YmFja3N0b3A6") && left.contains("\"b3du\""), "{left}");
        assert!(left.contains(r#"{"text":"hm","thought":true},"#), "{left}");
        let none = found.without(&mut |_| false);
        let left = edited(BODY.as_bytes(), none);
        let left: serde_json::Value = serde_json::from_slice(&left).unwrap();
        let call = &left["contents"][1]["parts"][1];
        assert_eq!(call["thought_signature"], "skip_thought_signature_validator");
        assert!(thoughts(Dialect::Gemini, br#"{"contents":[]}"#).is_none());
    }
}
