use std::ops::Range;

use backstop_vocabulary::{Dialect, Failure};

use crate::json::invalid;

/// The few fields of a request that decide its way, found without reading the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a set of independent marks, not a state")]
pub struct Scan {
    /// Where the model's name stands in the body: the JSON string, quotes included.
    pub model: Range<usize>,
    /// The model's name, unescaped.
    pub model_name: String,
    /// Whether a stream is asked for.
    pub stream: bool,
    /// Whether the conversation is held by the provider (`thread`).
    pub thread: bool,
    /// Whether any tool is offered.
    pub tools: bool,
    /// Whether the answer must have a form other than text.
    pub format: bool,
    /// Whether there may be an image, document or sound among the messages.
    pub media: bool,
    /// Whether there is something that only a full read can judge (`n`, `logprobs`, hosted tools…).
    pub special: bool,
}

/// Finds them in one pass over the top-level object.
pub fn scan(_dialect: Dialect, _body: &[u8]) -> Result<Scan, Failure> {
    Err(invalid("scan is not written yet"))
}

/// The body with another model and every other byte as it was.
pub fn with_model(body: &[u8], scan: &Scan, model: &str) -> Vec<u8> {
    let name = serde_json::Value::from(model).to_string();
    let (before, after) = (body.get(..scan.model.start), body.get(scan.model.end..));
    [before.unwrap_or(&[]), name.as_bytes(), after.unwrap_or(&[])].concat()
}
