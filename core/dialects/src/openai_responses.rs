//! `OpenAI` Responses, as its maker and compatible servers speak it.
//!
//! A conversation is a flat list of items: messages, calls, results, thoughts. Much of it may be kept
//! by the provider and only be referred to; such requests are bound to the provider that keeps it.
//!
//! Start reading at `request_read`; every file has its counterpart in the other dialects.

mod answer_read;
mod answer_write;
mod elsewhere;
mod errors;
mod namespace;
mod request_read;
mod request_write;
mod scan;
mod stream_read;
mod stream_write;
mod thoughts;
mod track;
mod wire;

pub(crate) use answer_read::read_answer;
pub(crate) use answer_write::write_answer;
pub(crate) use elsewhere::{text_elsewhere, tool_elsewhere};
pub(crate) use errors::{read_error, write_error};
pub(crate) use request_read::read_request;
pub(crate) use request_write::write_request;
pub(crate) use scan::scan_field;
pub(crate) use stream_read::StreamReader;
pub(crate) use stream_write::StreamWriter;
pub(crate) use thoughts::{find_thoughts, has_thoughts};
pub(crate) use wire::{ID_PREFIX, KEEP_ALIVE, PATH};
