use backstop_exchange::{Abilities, Loss};
use backstop_vocabulary::Dialect;

use crate::{Renames, VectorForm};

/// What a request is written for.
#[derive(Clone, Copy, Debug)]
pub struct TargetForm<'a> {
    /// The model's name at the provider; replaces the one the client asked for.
    pub model: &'a str,
    /// What the model can do; what it cannot is emulated, dropped as a loss, or refused.
    pub abilities: &'a Abilities,
    /// Whether the provider is asked for a stream, whatever the client asked for.
    pub stream: bool,
}

/// How an answer is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// In one piece.
    Whole,
    /// As a stream.
    Stream,
}

impl From<bool> for Delivery {
    /// `true` is a stream, as requests say it.
    fn from(stream: bool) -> Self {
        if stream { Self::Stream } else { Self::Whole }
    }
}

/// What a client asks for by a path that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    /// The dialect it speaks.
    pub dialect: Dialect,
    /// The model it names.
    pub model: String,
    /// What it wants of it.
    pub method: Method,
}

/// What is wanted of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// An answer.
    Answer(Delivery),
    /// The number of tokens of a request.
    Count,
    /// Vectors of what it holds, in this form.
    Embed(VectorForm),
}

/// A request in the dialect of its target.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// The JSON body.
    pub body: Vec<u8>,
    /// Everything of the request that `body` does not carry as it was meant.
    pub losses: Vec<Loss>,
    /// The tool names that had to change, to be mapped back in the answer.
    pub renames: Renames,
}

/// What an answer says about itself, beyond the model's words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Our id of the answer, about 24 letters and digits; the dialect adds its own prefix.
    pub id: String,
    /// The model's name the client is told; empty takes the one the provider gives.
    pub model: String,
    /// Seconds since 1970-01-01, for the dialects that carry a creation time.
    pub created_unix: u64,
    /// Whether the client asked for usage at the end of a stream (Chat Completions only).
    pub usage: bool,
    /// Whether the gateway keeps it for its client to go on from (Responses only).
    pub kept: bool,
}
