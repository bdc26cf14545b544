use backstop_vocabulary::{Failure, Moment};

/// What to do next for a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Start this attempt.
    Attempt(Attempt),
    /// Nothing before this moment; then ask again.
    Wait(Moment),
    /// Tell the client this. Its `stay_away` is when the earliest target may be back.
    GiveUp(Failure),
}

/// One attempt to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its index in the candidates of the course.
    pub candidate: usize,
    /// Why it is made.
    pub purpose: AttemptPurpose,
    /// When it has failed without a meaningful delta (or the whole answer of a unary request).
    pub first_token_by: Moment,
    /// Whether another target could take the request over if this one were taken out of service.
    pub movable: bool,
}

/// Why an attempt is made; decides what it is charged to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttemptPurpose {
    /// The first of a request, at its preferred target.
    First,
    /// The first of a request, at a lower rung that must stay practised.
    Trickle,
    /// The first of a request, as the probe of a half-open target; it needs a lease.
    Probe,
    /// Another target after a failure: outside the retry budget.
    Failover,
    /// The same target again after a failure: charged to its retry budget.
    Retry,
    /// The same target again because its pooled connection was stale: free.
    StaleRetry,
    /// The same target again with a request mended after its refusal: free, a few times for each target.
    Repair,
    /// Another vendor's word on a refusal that names the caller: charged to [`crate::Opinions`].
    SecondOpinion,
    /// The least bad of targets that are all open: under a small cap.
    LastResort,
    /// Another target that continues a stream which broke after its commit.
    Resume,
}

impl AttemptPurpose {
    /// Whether it counts neither against the most attempts allowed nor against a budget.
    pub(crate) const fn is_free(self) -> bool {
        matches!(self, Self::StaleRetry | Self::Repair)
    }

    /// Whether another target is asked than the one that should answer, because that one did not.
    pub const fn is_help(self) -> bool {
        matches!(self, Self::Failover | Self::SecondOpinion | Self::LastResort | Self::Resume)
    }

    /// The name used in headers, the journal and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Trickle => "trickle",
            Self::Probe => "probe",
            Self::Failover => "failover",
            Self::Retry => "retry",
            Self::StaleRetry => "stale_retry",
            Self::Repair => "repair",
            Self::SecondOpinion => "second_opinion",
            Self::LastResort => "last_resort",
            Self::Resume => "resume",
        }
    }
}
