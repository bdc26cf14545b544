//! `OpenAI` Chat Completions, as its maker and the many compatible servers speak it.
//!
//! Start reading at `request_read`; every file has its counterpart in the other dialects.

mod answer_read;
mod answer_write;
mod elsewhere;
mod errors;
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
pub(crate) use errors::{read_error, write_error};
pub(crate) use request_read::read_request;
pub(crate) use request_write::write_request;
pub(crate) use scan::scan_field;
// What the other dialect of the same vendor shares with this one.
pub(crate) use errors::{read_error_of, write_error_of};
pub(crate) use request_read::{read_effort_word, source_of};
pub(crate) use request_write::{
    CONTINUE, Root, data_url, document_text, effort_word, format_name, is_strict,
};
pub(crate) use stream_read::{StreamReader, is_usage_alone};
pub(crate) use stream_write::StreamWriter;
pub(crate) use thoughts::has_thoughts;
pub(crate) use wire::Words;

/// Where clients and providers meet.
pub(crate) const PATH: &str = "/v1/chat/completions";

/// A comment: every client skips it, while an event without `choices` breaks some.
pub(crate) const KEEP_ALIVE: &[u8] = b": keep-alive\n\n";
