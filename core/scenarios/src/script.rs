use std::time::Duration;

use bytes::Bytes;

/// One thing a simulated provider does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Sends the status and headers.
    Head {
        /// The status.
        status: u16,
        /// The headers, in order.
        headers: Vec<(&'static str, String)>,
    },
    /// Sends a piece of the body.
    Chunk(Bytes),
    /// Ends the body properly.
    End,
    /// Breaks the connection with a reset.
    Reset,
    /// Closes the connection without ending the body.
    Close,
    /// Does nothing more, for ever; the connection stays open.
    Hang,
    /// Refuses the connection (or kills an open one without a word).
    Refuse,
    /// Answers a TLS handshake with garbage (or kills an open connection).
    Garbage,
}

/// An act and how long after the one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Time since the step before.
    pub after: Duration,
    /// What is done.
    pub act: Act,
}

/// Names a request in flight to its [`crate::World`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token {
    pub(crate) provider: usize,
    pub(crate) place: usize,
    pub(crate) serial: u64,
}

/// What really becomes of a request, known to the simulator and to nobody on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A whole, right answer.
    Answered,
    /// An error status before any answer, with the advice of `retry-after`.
    Status(u16, Option<Duration>),
    /// The connection fails before the head of an answer.
    Transport,
    /// A 200 that breaks, lies or is empty, and whoever reads only the status takes for success.
    Broken,
    /// Nothing more will come.
    Silent,
}

/// The timed script of one answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// To be given back with [`crate::World::finished`]; `None` when no place was taken.
    pub token: Option<Token>,
    /// What to do, in order.
    pub steps: Vec<Step>,
    /// What becomes of it.
    pub outcome: Outcome,
    /// Time to the head.
    pub head_after: Duration,
    /// Time to the first token, or to the whole answer of a unary request.
    pub first_token_after: Option<Duration>,
    /// Time to the last step.
    pub ends_after: Duration,
    /// The symptom it was hit by, if any, by its name.
    pub symptom: Option<&'static str>,
}
