use std::sync::Arc;

use backstop_vocabulary::Dialect;
use serde_json::Value;

use crate::Continuation;
use crate::digest::digest;

/// What reaches a simulated provider: a request reduced to what its answer depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The provider that is asked.
    pub provider: Arc<str>,
    /// What it speaks.
    pub dialect: Dialect,
    /// The model by the request's own words.
    pub model: String,
    /// The key that was shown; empty when none.
    pub credential: String,
    /// The region, if the request named one.
    pub region: Option<String>,
    /// Whole or streamed.
    pub delivery: Delivery,
    /// Tools the model will call; empty when none is offered, or the results have come.
    pub tools: Vec<ToolAsk>,
    /// The schema its answer must have.
    pub schema: Option<Value>,
    /// The client's population, from the prompt's own mark.
    pub population: Option<String>,
    /// What the answer's text depends on.
    pub prompt: u64,
    /// The broken answer this request wants to go on.
    pub continuation: Option<Continuation>,
    /// The connection was opened for this request, so connection faults were already drawn.
    pub fresh_connection: bool,
}

/// How an answer is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// In one piece.
    Unary,
    /// As a stream.
    Stream,
    /// As a stream that ends with the figures of usage (Chat Completions on request).
    StreamWithUsage,
}

impl Delivery {
    /// Whether it is a stream.
    pub const fn is_stream(self) -> bool {
        matches!(self, Self::Stream | Self::StreamWithUsage)
    }
}

/// A tool the model is offered.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolAsk {
    /// Its name.
    pub name: String,
    /// The schema of its arguments.
    pub schema: Value,
}

impl Ask {
    /// A healthy request for free text: a start for tests and baselines.
    pub fn text(provider: &str, dialect: Dialect, model: &str, prompt: &str) -> Self {
        Self {
            provider: provider.into(),
            dialect,
            model: model.to_owned(),
            credential: String::new(),
            region: None,
            delivery: Delivery::Unary,
            tools: Vec::new(),
            schema: None,
            population: population_of(prompt),
            prompt: digest(prompt.as_bytes()),
            continuation: None,
            fresh_connection: false,
        }
    }
}

/// The population that a prompt names in its mark, `[population/number]` at its very start.
pub(crate) fn population_of(prompt: &str) -> Option<String> {
    let mark = prompt.strip_prefix('[')?.split_once(']')?.0;
    let (population, number) = mark.split_once('/')?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then(|| population.to_owned())
}
