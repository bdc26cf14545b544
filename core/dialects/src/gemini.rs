//! Gemini `generateContent`, as the Gemini API and its clients speak it.
//!
//! The model's name and the wish for a stream stand in the path, not in the body. Calls of tools
//! need no ids, and come whole; state of reasoning is signed part by part, calls included. A stream
//! has no terminal event: the chunk with the reason ends it.
//!
//! Start reading at `request_read`; every file has its counterpart in the other dialects.

mod answer_read;
mod answer_write;
mod elsewhere;
mod errors;
mod keys;
mod path;
mod request_read;
mod request_write;
mod scan;
mod schema;
mod signature;
mod stream_read;
mod stream_write;
mod thoughts;
mod wire;

pub(crate) use answer_read::read_answer;
pub(crate) use answer_write::write_answer;
pub(crate) use elsewhere::{text_elsewhere, tool_elsewhere};
pub(crate) use errors::{is_error, read_error, write_error};
pub(crate) use path::{called, count_path, path};
pub(crate) use request_read::read_request;
pub(crate) use request_write::write_request;
pub(crate) use scan::scan_field;
pub(crate) use signature::{CALL, UNSIGNED};
pub(crate) use stream_read::StreamReader;
pub(crate) use stream_write::StreamWriter;
pub(crate) use thoughts::{find_thoughts, has_thoughts};
pub(crate) use wire::KEEP_ALIVE;
