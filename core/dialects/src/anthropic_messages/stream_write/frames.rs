use backstop_vocabulary::Dialect;
use serde_json::Value;

use super::super::errors::error_frame_json;
use super::super::wire::{CALL_ID_BYTES_MAX, CALL_ID_PREFIX, KEEP_ALIVE};
use super::Form;
use crate::tool_names::fit_id;

/// Server-sent events of this API.
pub(super) const MESSAGES: Form = Form {
    dialect: Dialect::AnthropicMessages,
    frame: put_frame,
    piece: put_piece,
    failure: |failure, request_id, out| {
        put_frame("error", &error_frame_json(failure, request_id), out);
    },
    keep_alive: KEEP_ALIVE,
    call_id: |id| fit_id(id, CALL_ID_PREFIX, CALL_ID_BYTES_MAX),
};

/// Appends a frame of this event.
fn put_frame(event: &str, data: &Value, out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(event.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    put_json(data, out);
    out.extend_from_slice(b"\n\n");
}

/// Appends a delta frame whose `field` holds the piece. Built by hand: it is written per token.
fn put_piece(index: u64, field: &str, piece: &str, out: &mut Vec<u8>) {
    let kind = match field {
        "partial_json" => "input_json_delta",
        "thinking" => "thinking_delta",
        "signature" => "signature_delta",
        _ => "text_delta",
    };
    out.extend_from_slice(
        b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":",
    );
    out.extend_from_slice(itoa::Buffer::new().format(index).as_bytes());
    for part in [",\"delta\":{\"type\":\"", kind, "\",\"", field, "\":"] {
        out.extend_from_slice(part.as_bytes());
    }
    put_json(piece, out);
    out.extend_from_slice(b"}}\n\n");
}

/// Writing JSON into memory fails only for maps with keys that are no strings: there are none.
pub(crate) fn put_json<T: serde::Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    let written = serde_json::to_writer(&mut *out, value);
    debug_assert!(written.is_ok(), "json of our own must be writable");
}
