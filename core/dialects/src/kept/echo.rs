//! What an answer of Responses says of its request, put right where its provider was told otherwise
//! or not at all. Every other byte stays as it was.

use std::borrow::Cow;

use bytes::Bytes;
use memchr::memmem;

use backstop_vocabulary::Failure;

use crate::scan::Cursor;
use crate::{Edit, Frame, Frames, Framing, edited};

/// What an answer is to say of its request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Echo {
    /// The answer's name, where the client was told one before any provider was asked.
    pub id: Option<String>,
    /// The answer it goes on from, where the conversation was sent in the place of its name.
    pub previous: Option<String>,
    /// Whether it was made while its client need not wait, for which it is kept.
    pub background: bool,
}

impl Echo {
    /// A whole answer that says so.
    pub fn whole(&self, answer: Bytes) -> Bytes {
        match edits(&answer, 0, &self.fields()) {
            Ok(edits) if !edits.is_empty() => Bytes::from(edited(&answer, edits)),
            Ok(_) | Err(_) => answer,
        }
    }

    /// Whole frames of a stream, whose answers say so.
    pub fn frames(&self, frames: Bytes) -> Bytes {
        // Only the first and the last events hold the answer.
        if memmem::find(&frames, b"\"response\"").is_none() {
            return frames;
        }
        let mut cutter = Frames::new(Framing::Sse, usize::MAX);
        let mut out = Vec::with_capacity(frames.len() + 256);
        cutter.feed(frames);
        while let Some(Ok(frame)) = cutter.next() {
            match self.event(frame.data()) {
                Some(data) => put(&frame, &data, &mut out),
                None => out.extend_from_slice(frame.raw()),
            }
        }
        out.extend_from_slice(cutter.rest());
        Bytes::from(out)
    }

    /// The event with its answer put right; `None` where nothing need change.
    fn event(&self, data: &[u8]) -> Option<Vec<u8>> {
        let mut at = None;
        let mut cursor = Cursor::new(data);
        let found = cursor.members(|cursor, key| {
            if key == "response" && cursor.is_at(b'{') {
                at = Some(cursor.at());
            }
            cursor.value().map(|_| ())
        });
        let edits = found.and_then(|()| edits(data, at.unwrap_or(data.len()), &self.fields()));
        edits.ok().filter(|edits| !edits.is_empty()).map(|edits| edited(data, edits))
    }

    fn fields(&self) -> Vec<(&'static str, Cow<'static, str>)> {
        let text = |text: &String| Cow::Owned(serde_json::Value::from(text.as_str()).to_string());
        let id = self.id.as_ref().map(|id| ("id", text(id)));
        let previous = self.previous.as_ref().map(|id| ("previous_response_id", text(id)));
        let yes = |name| self.background.then_some((name, Cow::Borrowed("true")));
        [id, previous, yes("background"), yes("store")].into_iter().flatten().collect()
    }
}

/// The event with this number in the stream.
pub fn numbered(frame: &Frame, number: u64) -> Vec<u8> {
    let data = frame.data();
    let fields = [("sequence_number", Cow::Owned(number.to_string()))];
    let data = match edits(data, 0, &fields) {
        Ok(edits) => Cow::Owned(edited(data, edits)),
        Err(_) => Cow::Borrowed(data),
    };
    let mut out = Vec::with_capacity(frame.raw().len() + 8);
    put(frame, &data, &mut out);
    out
}

/// A frame of the same name with this data.
fn put(frame: &Frame, data: &[u8], out: &mut Vec<u8>) {
    if !frame.event().is_empty() {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(frame.event().as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    // Line feeds are white space in JSON, and would end the line here.
    out.extend(data.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }));
    out.extend_from_slice(b"\n\n");
}

/// The changes by which the object that begins at `at` has these members.
fn edits(
    text: &[u8],
    at: usize,
    fields: &[(&'static str, Cow<'static, str>)],
) -> Result<Vec<Edit>, Failure> {
    let object = text.get(at..).unwrap_or(&[]);
    if !object.trim_ascii_start().starts_with(b"{") {
        return Ok(Vec::new());
    }
    let (mut edits, mut missing, mut any) = (Vec::new(), fields.to_vec(), false);
    let mut cursor = Cursor::new(object);
    let begin = at + cursor.at() + 1;
    cursor.members(|cursor, key| {
        any = true;
        let start = at + cursor.at();
        let value = cursor.value()?;
        if let Some((_, wanted)) = fields.iter().find(|(name, _)| *name == key) {
            missing.retain(|(name, _)| *name != key);
            if value != wanted.as_bytes() {
                edits.push(Edit { at: start..start + value.len(), with: wanted.clone() });
            }
        }
        Ok(())
    })?;
    if !missing.is_empty() {
        let mut new: Vec<String> =
            missing.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        new.extend(any.then(String::new));
        edits.push(Edit { at: begin..begin, with: Cow::Owned(new.join(",")) });
    }
    Ok(edits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo() -> Echo {
        Echo { previous: Some("resp_0".to_owned()), background: true, ..Echo::default() }
    }

    #[test]
    fn an_answer_says_what_was_asked_and_keeps_every_other_byte() {
        let whole = |text: &str| {
            let told = echo().whole(Bytes::from(text.to_owned()));
            String::from_utf8(told.to_vec()).unwrap()
        };
        assert_eq!(
            whole(
                r#"{ "background":false,"store":false, "previous_response_id" : null,"output":[{"store":0}] }"#
            ),
            r#"{ "background":true,"store":true, "previous_response_id" : "resp_0","output":[{"store":0}] }"#,
        );
        let all = r#""previous_response_id":"resp_0","background":true,"store":true"#;
        assert_eq!(whole(r#"{"id":"x"}"#), format!("{{{all},\"id\":\"x\"}}"));
        assert_eq!(whole("{}"), format!("{{{all}}}"));
        let said = format!("{{{all}}}");
        for same in [said.as_str(), "no json", "[1]", ""] {
            assert_eq!(whole(same), same);
        }
    }

    #[test]
    fn the_events_that_hold_the_answer_say_it_and_no_others() {
        let echo = || Echo { previous: Some("resp_0".to_owned()), ..Echo::default() };
        let delta = "event: d\ndata: {\"type\":\"d\",\"delta\":\"\\\"response\\\"\"}\n\n";
        let created = "event: c\ndata: {\"type\":\"c\",\"response\":{\"store\":false}}\n\n";
        let told = "event: c\ndata: {\"type\":\"c\",\"response\":{\"previous_response_id\":\"resp_0\",\"store\":false}}\n\n";
        let rest = ": half a comment";
        let frames = [created, delta, created, rest].concat();
        let out = echo().frames(Bytes::from(frames));
        assert_eq!(String::from_utf8(out.to_vec()).unwrap(), [told, delta, told, rest].concat());
        let untouched = Bytes::from(delta.repeat(2));
        assert_eq!(echo().frames(untouched.clone()), untouched);
    }

    #[test]
    fn an_event_gets_its_number_whether_it_had_one_or_not() {
        let mut frames = Frames::new(Framing::Sse, usize::MAX);
        frames.feed(Bytes::from_static(
            b"event: d\ndata: {\"sequence_number\":7,\"delta\":\"x\"}\n\ndata: {\"a\":\ndata: 1}\n\n",
        ));
        let numbers: Vec<String> = (3..)
            .zip(frames)
            .map(|(nth, frame)| String::from_utf8(numbered(&frame.unwrap(), nth)).unwrap())
            .collect();
        assert_eq!(
            numbers,
            [
                "event: d\ndata: {\"sequence_number\":3,\"delta\":\"x\"}\n\n",
                "data: {\"sequence_number\":4,\"a\": 1}\n\n",
            ]
        );
    }
}
