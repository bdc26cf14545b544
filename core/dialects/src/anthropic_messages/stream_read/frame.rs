//! The data of frames, borrowed where that saves a copy: a text delta is parsed once and its text
//! copied once.

use std::borrow::Cow;
use std::fmt;

use backstop_vocabulary::Failure;
use serde::de::{Deserialize, Deserializer, Visitor};
use serde_json::value::RawValue;

use super::super::wire::{StopDetails, WireUsage};
use super::bad;
use crate::Frame;

/// Any frame; a field is there if the frame's kind has it.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Wire<'a> {
    #[serde(rename = "type", borrow)]
    pub(super) kind: Cow<'a, str>,
    pub(super) index: Option<u64>,
    #[serde(borrow)]
    pub(super) delta: Option<Delta<'a>>,
    #[serde(borrow)]
    pub(super) content_block: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) message: Option<&'a RawValue>,
    pub(super) usage: Option<WireUsage>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

/// The delta of a block or of the message.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Delta<'a> {
    #[serde(rename = "type", borrow)]
    pub(super) kind: Option<Words<'a>>,
    #[serde(borrow)]
    pub(super) text: Option<Words<'a>>,
    #[serde(borrow)]
    pub(super) thinking: Option<Words<'a>>,
    #[serde(borrow)]
    pub(super) signature: Option<Words<'a>>,
    #[serde(borrow)]
    pub(super) partial_json: Option<Words<'a>>,
    #[serde(borrow)]
    pub(super) stop_reason: Option<Words<'a>>,
    #[serde(borrow)]
    pub(super) stop_sequence: Option<Words<'a>>,
    pub(super) stop_details: Option<StopDetails>,
}

/// A string that is borrowed unless it holds escapes (`Option<Cow<str>>` never borrows).
#[derive(Debug)]
pub(super) struct Words<'a>(Cow<'a, str>);

impl std::ops::Deref for Words<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Words<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(WordsVisitor).map(Self)
    }
}

struct WordsVisitor;

impl<'de> Visitor<'de> for WordsVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// The `message` of `message_start`.
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct StartedMessage {
    pub(super) id: Option<String>,
    pub(super) model: Option<String>,
    pub(super) usage: Option<WireUsage>,
}

/// The `content_block` of `content_block_start`.
#[derive(Debug, serde::Deserialize)]
pub(super) struct StartedBlock<'a> {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) text: Option<String>,
    pub(super) thinking: Option<String>,
    pub(super) signature: Option<String>,
    /// Of a type of its own in blocks that only this dialect has, so read only as far as needed.
    #[serde(default, deserialize_with = "string_or_none")]
    pub(super) data: Option<String>,
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    #[serde(borrow)]
    pub(super) input: Option<&'a RawValue>,
}

fn string_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(value.as_str().map(str::to_owned))
}

/// The kind of a frame whose other fields have forms nobody expected.
#[derive(serde::Deserialize)]
struct Kind<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
}

/// A frame of another API's error: `{"error": …}` with nothing around it.
#[derive(serde::Deserialize)]
struct Bare<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// A frame of a kind nobody knows, as far as it may be an error.
#[derive(serde::Deserialize)]
struct Odd<'a> {
    #[serde(borrow)]
    object: Option<Cow<'a, str>>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// The error in a frame of a kind nobody knows: flat, as vLLM writes it (`"object":"error"`), or
/// inside.
pub(super) fn odd_error(data: &[u8]) -> Option<&RawValue> {
    let odd = serde_json::from_slice::<Odd<'_>>(data).ok()?;
    if odd.object.as_deref() == Some("error") {
        return serde_json::from_slice(data).ok();
    }
    odd.error
}

const KNOWN: [&str; 8] = [
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
    "ping",
    "error",
];

/// Reads a frame; `None` for an event of a kind that is not known.
pub(super) fn parse(frame: &Frame) -> Result<Option<Wire<'_>>, Failure> {
    let data = frame.data();
    if let Ok(wire) = serde_json::from_slice::<Wire<'_>>(data) {
        return Ok(Some(wire));
    }
    if let Ok(Kind { kind }) = serde_json::from_slice::<Kind<'_>>(data) {
        let known = KNOWN.contains(&kind.as_ref());
        return if known { Err(bad("a malformed frame")) } else { Ok(None) };
    }
    let error = serde_json::from_slice::<Bare<'_>>(data).ok().and_then(|bare| bare.error);
    if error.is_none() && frame.event() != "error" {
        return Err(bad("a frame that is not json of its api"));
    }
    Ok(Some(Wire {
        kind: Cow::Borrowed("error"),
        index: None,
        delta: None,
        content_block: None,
        message: None,
        usage: None,
        error,
    }))
}

/// Reads the part of a frame that its kind must have.
pub(super) fn parse_part<'a, T: Deserialize<'a>>(
    part: Option<&'a RawValue>,
    kind: &str,
) -> Result<T, Failure> {
    part.and_then(|raw| serde_json::from_str(raw.get()).ok())
        .ok_or_else(|| bad(&format!("a malformed {kind}")))
}
