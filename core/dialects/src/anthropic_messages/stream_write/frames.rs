use serde_json::Value;

/// Appends a frame of this event.
pub(super) fn put_frame(event: &str, data: &Value, out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(event.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    put_json(data, out);
    out.extend_from_slice(b"\n\n");
}

/// Appends a delta frame whose `field` holds the piece. Built by hand: it is written per token.
pub(super) fn put_piece(index: u64, field: &str, piece: &str, out: &mut Vec<u8>) {
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
fn put_json<T: serde::Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    let written = serde_json::to_writer(&mut *out, value);
    debug_assert!(written.is_ok(), "json of our own must be writable");
}
