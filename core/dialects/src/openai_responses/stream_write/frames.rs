//! Frames of this dialect.

use serde_json::{Value, json};

use super::super::track::Part;
use crate::json::bytes;

/// Where a piece of text belongs.
#[derive(Clone, Copy)]
pub(super) struct Piece<'a> {
    /// The part it is of; `None` for the arguments of a call, and `within` 1 for a custom one.
    pub(super) part: Option<Part>,
    pub(super) id: &'a str,
    pub(super) index: u64,
    /// The part's place in the item.
    pub(super) within: usize,
    pub(super) sequence: u64,
}

impl Part {
    /// What the events of its part are called, and the field that says which part it is.
    pub(super) const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Text | Self::Refusal => ("response.content", "content_index"),
            Self::Summary => ("response.reasoning_summary", "summary_index"),
        }
    }

    /// The event that says all of its text again, and the field of the text.
    pub(super) const fn done_names(self) -> (&'static str, &'static str) {
        match self {
            Self::Text => ("response.output_text.done", "text"),
            Self::Refusal => ("response.refusal.done", "refusal"),
            Self::Summary => ("response.reasoning_summary_text.done", "text"),
        }
    }

    const fn delta_name(self) -> &'static str {
        match self {
            Self::Text => "response.output_text.delta",
            Self::Refusal => "response.refusal.delta",
            Self::Summary => "response.reasoning_summary_text.delta",
        }
    }
}

/// A frame whose data has these fields after its type and number.
pub(super) fn put_frame(name: &str, sequence: u64, fields: Value, out: &mut Vec<u8>) {
    let mut data = json!({ "type": name, "sequence_number": sequence });
    if let (Some(data), Value::Object(fields)) = (data.as_object_mut(), fields) {
        data.extend(fields);
    }
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    out.extend_from_slice(&bytes(&data));
    out.extend_from_slice(b"\n\n");
}

/// A piece of text: the hot path, written without a tree.
pub(super) fn put_piece(piece: Piece<'_>, text: &str, out: &mut Vec<u8>) {
    let name = match (piece.part, piece.within) {
        (Some(part), _) => part.delta_name(),
        (None, 0) => "response.function_call_arguments.delta",
        (None, _) => "response.custom_tool_call_input.delta",
    };
    let number = |number: u64, out: &mut Vec<u8>| {
        out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    };
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\ndata: {\"type\":\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\",\"sequence_number\":");
    number(piece.sequence, out);
    out.extend_from_slice(b",\"item_id\":");
    string(piece.id, out);
    out.extend_from_slice(b",\"output_index\":");
    number(piece.index, out);
    if let Some(part) = piece.part {
        out.extend_from_slice(b",\"");
        out.extend_from_slice(part.names().1.as_bytes());
        out.extend_from_slice(b"\":");
        number(piece.within as u64, out);
    }
    out.extend_from_slice(b",\"delta\":");
    string(text, out);
    if piece.part == Some(Part::Text) {
        out.extend_from_slice(b",\"logprobs\":[]");
    }
    out.extend_from_slice(b"}\n\n");
}

/// A JSON string, quotes and escapes included.
fn string(text: &str, out: &mut Vec<u8>) {
    // Writing a string into memory cannot fail.
    let _written = serde_json::to_writer(out, text);
}
