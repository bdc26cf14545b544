//! Anthropic Messages: `POST /v1/messages`, versions 2023-06-01 and 2026-10-21.
//!
//! Sources: the type definitions of the official libraries (`anthropic` 2.11, `@anthropic-ai/sdk`
//! 1.11) and their behaviour against a scripted server.

mod scan;

mod request_read;
mod request_write;

mod answer_read;
mod answer_write;

mod stream_read;
mod stream_write;

mod elsewhere;
mod errors;
mod thoughts;
mod wire;

pub(crate) use answer_read::read_answer;
pub(crate) use answer_write::write_answer;
pub(crate) use elsewhere::{text_elsewhere, tool_elsewhere};
pub(crate) use errors::{read_error, write_error};
pub(crate) use request_read::{read_request, read_thinking};
pub(crate) use request_write::{Media, Tongue, write_fields, write_request};
// What other dialects share with this one.
pub(crate) use request_write::{OPENING, sniff};
pub(crate) use scan::scan_field;
pub(crate) use stream_read::StreamReader;
pub(crate) use stream_write::{Form, Open, StreamWriter, put_json};
pub(crate) use thoughts::{find_demand, find_in_message, find_thoughts, has_thoughts};
pub(crate) use wire::{
    KEEP_ALIVE, OWN_SIGNATURE, PATH, REDACTED, SIGNATURE, finish_fields, read_effort,
};
