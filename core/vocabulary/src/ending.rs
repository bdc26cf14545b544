use std::time::Duration;

use crate::Failure;

/// When the parts of an attempt came, measured from its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Time to the first meaningful delta, or to the whole answer of a unary request.
    pub first_token: Option<Duration>,
    /// The longest silence after the first token, counted only while we were reading.
    pub longest_gap: Option<Duration>,
    /// Time to the end, whatever the end was.
    pub total: Duration,
}

/// How an attempt ended. Success is decided at the terminal event, never at the status line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A complete, well-formed answer.
    Answered(Timing),
    /// A failure; see its class for whose it is and how much it counts.
    Failed(Failure, Timing),
    /// We ended it: the client left, or another attempt won. `waited` is the time without a first
    /// token, or `None` once content flowed.
    Abandoned {
        /// How long the attempt had waited for its first token when it was abandoned.
        waited: Option<Duration>,
    },
}
