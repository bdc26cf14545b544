//! The wire formats of AI APIs, read into and written from the neutral form of `exchange`.
//!
//! One folder per API, the same files in each: a request, an answer, a stream and an error are read
//! and written. A stream's bytes are cut into [`Frames`], each of which a [`StreamReader`] turns into
//! 0..n events; a [`StreamWriter`] turns events into frames. Between two of one dialect the bytes go
//! through untouched: [`scan`] finds the few fields that matter, and a reader listens in.
//!
//! Comes in: bytes of a client or a provider. Goes out: `exchange` types, or bytes, and what was lost.
//! Absent on purpose: HTTP, addresses, credentials, clocks, decisions about what to do next.
//!
//! Start reading at [`read_request`] and [`StreamReader`]; `dispatch` picks the dialect.

mod dispatch;
mod frames;
mod members;
mod scan;
mod target;
mod thoughts;
mod tool_names;

mod anthropic_messages;
mod bedrock_converse;
mod gemini;
mod openai_chat;
mod openai_responses;

mod addresses;
mod aws;
mod base64;
mod embeddings;
mod errors;
mod hash;
mod issuer;
mod json;
pub mod kept;
mod losses;
mod repeat;
mod restorer;
mod schema;
mod segment;
mod stops;
mod surrogates;
mod words;

pub use addresses::{Addressed, addressed, takes_address};
pub use dispatch::{
    StreamReader, StreamWriter, called, count_path, fixed_path, framing, is_own_answer,
    is_usage_alone, keep_alive, own_answer, path, read_answer, read_error, read_request, read_rest,
    write_answer, write_error, write_request,
};
pub use embeddings::{EMBEDDINGS_PATH, VectorForm, VectorRequest, Vectors};
pub use errors::{ErrorHead, Lesson, WrittenError};
pub use frames::{Frame, Frames, Framing, chunk_message, event_message, exception_message};
pub use members::with_members;
pub use restorer::Restorer;
pub use scan::{Opening, Scan, scan, with_model};
pub use target::{Called, Delivery, Head, Method, TargetForm, Written};
pub use thoughts::{Edit, Thoughts, edited, signs_call, thoughts};
pub use tool_names::Renames;
