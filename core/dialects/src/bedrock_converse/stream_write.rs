//! Writes a stream as Messages would have it, in the messages of an event-stream.

use backstop_vocabulary::Failure;
use serde_json::{Value, json};

use super::errors::exception_of;
use super::stream_read::StreamReader;
use super::wire::{HERE, KEEP_ALIVE, call_id, of_messages, redacted_bytes};
use crate::anthropic_messages::{self, Form, put_json};
use crate::{Head, event_message, exception_message};
use backstop_exchange::Event;

const CONVERSE: Form = Form {
    dialect: HERE,
    frame: put_frame,
    piece: put_piece,
    failure: put_failure,
    keep_alive: KEEP_ALIVE,
    call_id,
};

/// Turns events into messages.
#[derive(Debug)]
pub(crate) struct StreamWriter(anthropic_messages::StreamWriter);

impl StreamWriter {
    pub(crate) fn new(head: Head) -> Self {
        Self(anthropic_messages::StreamWriter::of(&CONVERSE, head))
    }

    pub(crate) fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        self.0.write(event, out);
    }

    pub(crate) fn note(&mut self, event: &Event) {
        self.0.note(event);
    }

    pub(crate) fn note_place(&mut self, reader: &StreamReader) {
        self.0.take_place(reader.place());
    }

    pub(crate) fn fail(&mut self, failure: &Failure, out: &mut Vec<u8>) {
        self.0.fail(failure, out);
    }
}

/// Appends what this API says for an event of Messages: nothing where a text begins, and twice where
/// an answer ends.
fn put_frame(event: &str, data: &Value, out: &mut Vec<u8>) {
    let index = &data["index"];
    let mut put =
        |event: &str, said: &Value| event_message(event, said.to_string().as_bytes(), out);
    match event {
        "message_start" => put("messageStart", &json!({ "role": "assistant" })),
        "content_block_start" => {
            let block = &data["content_block"];
            if block["type"] == "tool_use" {
                let call = json!({ "toolUseId": block["id"], "name": block["name"] });
                let start = json!({ "start": { "toolUse": call }, "contentBlockIndex": index });
                put("contentBlockStart", &start);
            } else if let Some(withheld) = block["data"].as_str() {
                let delta =
                    json!({ "reasoningContent": { "redactedContent": redacted_bytes(withheld) } });
                put("contentBlockDelta", &json!({ "delta": delta, "contentBlockIndex": index }));
            }
        }
        "content_block_stop" => put("contentBlockStop", &json!({ "contentBlockIndex": index })),
        "message_delta" => {
            let reason = data["delta"]["stop_reason"].as_str().unwrap_or_default();
            let category = data["delta"]["stop_details"]["category"].as_str();
            put("messageStop", &json!({ "stopReason": of_messages(reason, category) }));
            put(
                "metadata",
                &json!({ "usage": usage(&data["usage"]), "metrics": { "latencyMs": 0 } }),
            );
        }
        // The end of the message says it here.
        _ => {}
    }
}

/// The figures of Messages under their names here.
fn usage(said: &Value) -> Value {
    let figure = |name: &str| said[name].as_u64().unwrap_or(0);
    let (read, write) = (figure("cache_read_input_tokens"), figure("cache_creation_input_tokens"));
    let (input, output) = (figure("input_tokens"), figure("output_tokens"));
    json!({
        "inputTokens": input,
        "outputTokens": output,
        "totalTokens": input.saturating_add(read).saturating_add(write).saturating_add(output),
        "cacheReadInputTokens": read,
        "cacheWriteInputTokens": write,
    })
}

/// Appends a delta. Built by hand: it is written per token.
fn put_piece(index: u64, field: &str, piece: &str, out: &mut Vec<u8>) {
    let (before, after): (&[u8], &[u8]) = match field {
        "partial_json" => (b"{\"toolUse\":{\"input\":", b"}}"),
        "thinking" => (b"{\"reasoningContent\":{\"text\":", b"}}"),
        "signature" => (b"{\"reasoningContent\":{\"signature\":", b"}}"),
        _ => (b"{\"text\":", b"}"),
    };
    let mut json = Vec::with_capacity(piece.len() + 80);
    json.extend_from_slice(b"{\"contentBlockIndex\":");
    json.extend_from_slice(itoa::Buffer::new().format(index).as_bytes());
    json.extend_from_slice(b",\"delta\":");
    json.extend_from_slice(before);
    put_json(piece, &mut json);
    json.extend_from_slice(after);
    json.push(b'}');
    event_message("contentBlockDelta", &json, out);
}

/// The exception that ends a broken stream.
fn put_failure(failure: &Failure, _request_id: &str, out: &mut Vec<u8>) {
    let (name, said) = exception_of(failure);
    exception_message(name, said.to_string().as_bytes(), out);
}

#[cfg(test)]
mod tests;
