//! What applications ask beside conversations: each of them its own short way past the phases.

pub(crate) mod background;
pub(crate) mod count;
pub(crate) mod embed;
pub(crate) mod models;
pub(crate) mod passthrough;
pub(crate) mod stored;
pub(crate) mod threads;
pub(crate) mod transcripts;
