//! Amazon Bedrock Converse: `POST /model/{model}/converse` and `…/converse-stream`.
//!
//! One form for every model on Bedrock. It has the blocks, turns and rules of Anthropic Messages in
//! other words, so what must be settled about a conversation is settled there
//! (`anthropic_messages::write_fields`) and then said in these words. The model's name and the
//! delivery stand in the path; streams are AWS event-streams.
//!
//! Source: the service model of `bedrock-runtime`, 2023-09-30, in botocore 1.44.

mod answer_read;
mod answer_write;
mod elsewhere;
mod errors;
mod media;
mod request_read;
mod request_write;
mod scan;
mod stream_read;
mod stream_write;
mod thoughts;
mod wire;

pub(crate) use answer_read::read_answer;
pub(crate) use answer_write::write_answer;
pub(crate) use elsewhere::{text_elsewhere, tool_elsewhere};
pub(crate) use errors::{is_message, read_error, write_error};
pub(crate) use request_read::read_request;
pub(crate) use request_write::write_request;
pub(crate) use scan::scan_field;
pub(crate) use stream_read::StreamReader;
pub(crate) use stream_write::StreamWriter;
pub(crate) use thoughts::{find_thoughts, has_thoughts};
pub(crate) use wire::{KEEP_ALIVE, called, path};
