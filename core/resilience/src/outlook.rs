use std::time::Duration;

use backstop_vocabulary::Moment;

use crate::Lease;

/// What a target does with traffic now, worst reason first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// All is well: the whole share.
    Closed,
    /// A brown-out: a lowered share.
    Demoted,
    /// Coming back after an open breaker, or under a lowered ceiling: a growing share.
    Ramping,
    /// The pause is over: probes only.
    HalfOpen,
    /// Failing: nothing until the pause is over, but for a last resort.
    Open,
    /// The provider asked for a rate-limit pause.
    Paused,
    /// The credential, the quota or the model is refused: probes only.
    Blocked,
}

impl State {
    /// The name used in metrics, the journal and `backstop status`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Demoted => "demoted",
            Self::Ramping => "ramping",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
            Self::Paused => "paused",
            Self::Blocked => "blocked",
        }
    }

    /// Whether ordinary traffic may go there at all.
    pub const fn takes_traffic(self) -> bool {
        matches!(self, Self::Closed | Self::Demoted | Self::Ramping)
    }
}

/// How a target looks at one moment. Asking changes nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// What it does with traffic.
    pub state: State,
    /// The part (`0..=1`) of its normal share of requests that it should get; 0 unless the state
    /// takes traffic.
    pub share: f32,
    /// Whether the provider's own limit of growth is all that lowers the share: what is too much it
    /// refuses, harmlessly, so that a request beyond the share may still ask.
    pub guards_itself: bool,
    /// Requests per second that it may get even when the share says less, per gateway.
    pub floor_rate: f32,
    /// Requests in flight up to which it may get more even when the share says less, per gateway.
    pub floor_in_flight: u32,
    /// When the state ends or a probe may go, if that is known.
    pub until: Option<Moment>,
    /// Weighted failures among the attempts of the last 30 s, or of the last 5 min when there were
    /// fewer than 20 (`0..=1`); for ordering.
    pub recent_failure_share: f32,
    /// No failure in the last 5 min: a lone one may be retried on the spot.
    pub clean: bool,
    /// Median time to the first token; 1 s while unknown (linkerd's default).
    pub first_token_typical: Duration,
    /// How long to wait for the first meaningful delta of a stream.
    pub first_token_clock: Duration,
    /// From here on a pending stream counts against the target.
    pub slow_after: Duration,
    /// How long a stream that has begun may be silent.
    pub gap_clock: Duration,
    /// How long to wait for a whole (unary) answer.
    pub whole_clock: Duration,
    /// From here on a pending whole (unary) answer counts against the target.
    pub whole_slow_after: Duration,
}

/// Why an attempt is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// A client's request, in the ordinary order.
    Traffic,
    /// A validation: synthetic, or a client's request with a fallback held ready.
    Probe,
    /// Nothing else is left: an open target is better than an error of our own.
    LastResort,
}

/// Whether an attempt may start.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Attempt,
    /// It may, as the one probe; its ending goes to `handle_probe_ending`, or the lease to
    /// `release`, whatever happens.
    Probe(Lease),
    /// Not before this moment.
    Refused {
        /// When to ask again.
        until: Moment,
    },
}
