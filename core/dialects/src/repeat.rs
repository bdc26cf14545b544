//! Reads frames that differ from an earlier one in nothing but a piece of text.
//!
//! Nearly every frame of a stream repeats the one before it around a few new letters. Once such a
//! frame was parsed, what stands around the text of the next is compared byte by byte: if it is the
//! same, so is its meaning.

use std::borrow::Cow;

use backstop_exchange::Event;
use memchr::{memchr2, memmem};

/// Random letters that `OpenAI` adds, so that the length of a frame does not give its text away.
const PADDING: &[u8] = b"\"obfuscation\":\"";

/// The last frame that held nothing new but a text, and where.
#[derive(Clone, Debug, Default)]
pub(crate) struct Repeat {
    /// Up to the text, its opening quote included; empty as long as nothing was learnt.
    before: Vec<u8>,
    /// From the closing quote on, to the end or to the padding.
    after: Vec<u8>,
    /// From the closing quote of the padding on, where there is one.
    after_padding: Option<Vec<u8>>,
    make: Option<fn(String) -> Event>,
}

impl Repeat {
    /// Remembers a frame. `text` must be its only news, and is of use only if it is borrowed from
    /// `data`: a string without escapes.
    pub(crate) fn learn(&mut self, data: &[u8], text: &str, make: fn(String) -> Event) {
        let Some((before, after)) = around(data, text) else { return };
        self.before.clear();
        self.before.extend_from_slice(before);
        self.make = Some(make);
        let padding = memmem::find(after, PADDING).map(|at| at + PADDING.len());
        let (after, rest) = after.split_at(padding.unwrap_or(after.len()));
        self.after.clear();
        self.after.extend_from_slice(after);
        self.after_padding = None;
        if padding.is_some() {
            let Some(end) = letters(rest) else { return self.make = None };
            self.after_padding = rest.get(end..).map(<[u8]>::to_vec);
        }
    }

    /// The event of a frame like the one learnt; `None` if it must be parsed.
    pub(crate) fn read(&self, data: &[u8]) -> Option<Event> {
        let make = self.make?;
        let rest = data.strip_prefix(&*self.before)?;
        let end = end_of_string(rest)?;
        let (text, rest) = rest.split_at_checked(end)?;
        let rest = rest.strip_prefix(&*self.after)?;
        let whole = match &self.after_padding {
            None => rest.is_empty(),
            Some(tail) => rest.get(letters(rest)?..)? == tail,
        };
        // No text at all is no event; whoever parses the frame knows what it is instead.
        if !whole || text.is_empty() {
            return None;
        }
        plain(text).map(|text| make(text.into_owned()))
    }
}

/// What stands around `text` in `data`: it is part of it, and a whole string.
fn around<'a>(data: &'a [u8], text: &str) -> Option<(&'a [u8], &'a [u8])> {
    let start = text.as_ptr().addr().checked_sub(data.as_ptr().addr())?;
    let (before, rest) = data.split_at_checked(start)?;
    let after = rest.strip_prefix(text.as_bytes())?;
    (before.ends_with(b"\"") && after.starts_with(b"\"")).then_some((before, after))
}

/// Where the string that begins here ends.
fn end_of_string(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let left = text.get(at..)?;
        let length = memchr2(b'"', b'\\', left)?;
        if left.get(length) == Some(&b'"') {
            return Some(at + length);
        }
        at += length + 2;
    }
}

/// How many letters and digits there are before a quote; `None` if anything else is.
fn letters(text: &[u8]) -> Option<usize> {
    let end = text.iter().position(|byte| !byte.is_ascii_alphanumeric())?;
    (text.get(end) == Some(&b'"')).then_some(end)
}

/// The text a JSON string stands for, without its quotes; `None` if that is no such string.
fn plain(inside: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(inside).ok()?;
    if inside.iter().all(|byte| *byte >= b' ' && *byte != b'\\') {
        return Some(Cow::Borrowed(text));
    }
    serde_json::from_str(&["\"", text, "\""].concat()).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Learns from `{"a":"one"…` with this tail, then reads what follows.
    fn check(learnt: &str, text: &str, next: &str, expect: Option<&str>) {
        let mut repeat = Repeat::default();
        let at = learnt.find(text).unwrap();
        repeat.learn(learnt.as_bytes(), &learnt[at..at + text.len()], Event::Text);
        let expect = expect.map(|text| Event::Text(text.to_owned()));
        assert_eq!(repeat.read(next.as_bytes()), expect, "{next}");
    }

    #[test]
    fn reads_what_differs_only_in_its_text() {
        let learnt = r#"{"a":1,"text":"one","b":null}"#;
        check(learnt, "one", learnt, Some("one"));
        check(learnt, "one", r#"{"a":1,"text":" zwölf","b":null}"#, Some(" zwölf"));
        check(learnt, "one", r#"{"a":1,"text":"\n\"\\\u00e9","b":null}"#, Some("\n\"\\é"));
    }

    #[test]
    fn leaves_everything_else_to_a_parser() {
        let learnt = r#"{"a":1,"text":"one","b":null}"#;
        for other in [
            r#"{"a":2,"text":"one","b":null}"#,
            r#"{"a":1,"text":"one","b":3}"#,
            r#"{"a":1,"text":"one","b":null}}"#,
            r#"{"a":1,"text":"one","b":null"#,
            r#"{"a":1,"text":"one"#,
            r#"{"a":1,"text":"one\"#,
            r#"{"a":1,"text":"\ud800","b":null}"#,
            r#"{"a":1,"text":"\x","b":null}"#,
            r#"{"a":1,"text":"","b":null}"#,
            "{\"a\":1,\"text\":\"a\nb\",\"b\":null}",
            r#"{"a":1,"text":"one","c":"two","b":null}"#,
            "",
        ] {
            check(learnt, "one", other, None);
        }
        assert_eq!(Repeat::default().read(b"{}"), None);
    }

    #[test]
    fn passes_over_padding_of_any_length() {
        let learnt = r#"{"text":"one","obfuscation":"xYz"}"#;
        check(learnt, "one", r#"{"text":"two","obfuscation":"abcdef9"}"#, Some("two"));
        check(learnt, "one", r#"{"text":"two","obfuscation":""}"#, Some("two"));
        check(learnt, "one", r#"{"text":"two","obfuscation":"a","x":"b"}"#, None);
        check(learnt, "one", r#"{"text":"two","obfuscation":"a\"b"}"#, None);
        check(learnt, "one", r#"{"text":"two"}"#, None);
    }

    #[test]
    fn learns_nothing_from_a_text_that_is_not_part_of_the_frame() {
        let mut repeat = Repeat::default();
        let elsewhere = String::from("one");
        repeat.learn(br#"{"text":"one"}"#, &elsewhere, Event::Text);
        assert_eq!(repeat.read(br#"{"text":"one"}"#), None);
    }
}
