//! Mends half characters: escapes such as `\ud83d` without their other half.
//!
//! A program that cuts text by UTF-16 units leaves them behind, and JavaScript writes them as
//! escapes. They stand for no text, so a strict reader refuses the whole body for one of them.

use memchr::memchr;

/// The JSON text with U+FFFD for every half character; `None` if there is none.
pub(crate) fn mended(json: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (mut at, mut copied) = (0, 0);
    while let Some(length) = memchr(b'\\', json.get(at..)?) {
        at += length;
        let pair = (unit(json, at), unit(json, at + 6));
        match pair {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => at += 12,
            (Some(0xd800..=0xdfff), _) => {
                out.extend_from_slice(json.get(copied..at)?);
                out.extend_from_slice(b"\\ufffd");
                at += 6;
                copied = at;
            }
            (Some(_), _) => at += 6,
            // Another escape, of two letters; a text that ends here is cut, and nobody's to mend.
            (None, _) if at + 2 > json.len() => break,
            (None, _) => at += 2,
        }
    }
    out.extend_from_slice(json.get(copied..)?);
    (copied > 0).then_some(out)
}

/// The unit of UTF-16 that is escaped here.
fn unit(json: &[u8], at: usize) -> Option<u32> {
    let digits = json.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: Option<&str>) {
        let mended = mended(json.as_bytes()).map(|json| String::from_utf8(json).unwrap());
        assert_eq!(mended.as_deref(), expected, "{json}");
    }

    #[test]
    fn replaces_halves_and_leaves_everything_else() {
        check(r#"{"a":"\ud83d"}"#, Some(r#"{"a":"\ufffd"}"#));
        check(r#""\ude00\ud83d\ud83d\ude00x""#, Some(r#""\ufffd\ufffd\ud83d\ude00x""#));
        check(r#""\ud83d\n\uDe00""#, Some(r#""\ufffd\n\ufffd""#));
        for sound in
            [r#""\ud83d\ude00""#, r#""\\ud83d""#, r#""\u00e9\n\"""#, "", r#""\"#, r#""\u12"#]
        {
            check(sound, None);
        }
    }
}
