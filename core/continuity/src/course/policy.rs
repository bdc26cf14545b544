use std::time::Duration;

use backstop_resilience::Outlook;
use backstop_vocabulary::Moment;

/// The rules of one request's course.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CoursePolicy {
    /// The most attempts.
    pub attempts_max: u8,
    /// When the first meaningful delta, or the whole answer of a unary request, must be there.
    pub deadline: Moment,
    /// How long to wait for the preferred target when a rate limit asks for less than that.
    pub patience: Duration,
    /// The share of requests, 0 to 1, that go to a full-tier rung below the first while all is well.
    pub trickle: f64,
    /// The longest clock of one attempt; `None` is the target's own.
    pub first_token_max: Option<Duration>,
    /// A hash of the session, so that its requests keep to one target while that is well.
    pub affinity: Option<u64>,
    /// The target that holds the session's prompt cache: first while it is well, whatever its rung.
    pub home: Option<usize>,
    /// What an attempt is given time for.
    pub awaits: Awaits,
}

/// What an attempt is given time for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaits {
    /// The first meaningful delta of a stream.
    FirstToken,
    /// The whole answer.
    Whole,
}

impl Awaits {
    /// The target's own clock for it.
    pub(super) const fn clock(self, outlook: &Outlook) -> Duration {
        match self {
            Self::FirstToken => outlook.first_token_clock,
            Self::Whole => outlook.whole_clock,
        }
    }
}

impl CoursePolicy {
    /// The defaults of a stream with this deadline: five attempts, no patience, 1 % trickle.
    pub const fn new(deadline: Moment) -> Self {
        Self {
            attempts_max: 5,
            deadline,
            patience: Duration::ZERO,
            trickle: 0.01,
            first_token_max: None,
            affinity: None,
            home: None,
            awaits: Awaits::FirstToken,
        }
    }
}
