use std::borrow::Cow;
use std::sync::Arc;

use backstop_vocabulary::{Api, Class, RequestId, Tier, Usage};

/// How a request ended for its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A complete answer was delivered.
    Answered,
    /// The client got an error, or a stream that broke.
    Failed,
    /// The client left before the end.
    Left,
}

impl Outcome {
    /// The name used in the journal and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::Left => "left",
        }
    }
}

/// What a request cost at list prices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostEstimated {
    /// Millionths of the currency.
    pub micros: u64,
    /// Three letters.
    pub currency: Arc<str>,
}

/// One finished request, as the journal keeps it. No prompt, no answer, no key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The gateway's id of the request.
    pub request: RequestId,
    /// When the request arrived, in milliseconds since 1970; also the clock of every cap and rate.
    pub at_unix_ms: u64,
    /// The name of the gateway key that asked.
    pub caller: Arc<str>,
    /// The application, if it was named.
    pub app: Option<Box<str>>,
    /// The business process, if it was named.
    pub workflow: Option<Box<str>>,
    /// The conversation, if it was named.
    pub session: Option<Box<str>>,
    /// The route that matched.
    pub route: Arc<str>,
    /// What the client spoke.
    pub api: Api,
    /// The model the client asked for.
    pub model_asked: Box<str>,
    /// Whether the client asked for a stream.
    pub stream: bool,
    /// How it ended for the client.
    pub outcome: Outcome,
    /// What was seen, unless all was well.
    pub class: Option<Class>,
    /// The target whose answer was delivered.
    pub answered_by: Option<Box<str>>,
    /// The rung that answered, counted from 1.
    pub rung: Option<u8>,
    /// How good the answer was.
    pub tier: Option<Tier>,
    /// Why the answer ended, in the neutral form's words.
    pub finish: Option<Cow<'static, str>>,
    /// Whether a broken stream was carried on by another target.
    pub resumed: bool,
    /// What the translation lost, one sentence each.
    pub losses: Vec<String>,
    /// Tokens, where known.
    pub usage: Option<Usage>,
    /// What they cost at list prices, where every price is known: an estimate.
    pub cost: Option<CostEstimated>,
    /// Time to the first meaningful delta delivered, in microseconds.
    pub first_token_us: Option<u64>,
    /// Time from the first byte of the request to the end, in microseconds.
    pub total_us: u64,
    /// Every attempt, in the order they began.
    pub attempts: Vec<AttemptRow>,
}

impl Entry {
    /// Whether nothing at all went wrong: answered by the first attempt, unbroken.
    ///
    /// Only clean entries are ever sampled or dropped to make room.
    pub fn is_clean(&self) -> bool {
        self.outcome == Outcome::Answered
            && self.class.is_none()
            && !self.resumed
            && self.attempts.len() <= 1
    }
}

/// One attempt at one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRow {
    /// The target, as [`backstop_vocabulary::TargetKey`] shows itself.
    pub target: Arc<str>,
    /// Why the attempt was made: `first`, `failover`, `probe`…
    pub purpose: Cow<'static, str>,
    /// How it failed, if it did.
    pub class: Option<Class>,
    /// The provider's status, if one came.
    pub status: Option<u16>,
    /// The provider's own error code.
    pub provider_code: Option<Box<str>>,
    /// The provider's own id of the request.
    pub upstream_request_id: Option<Box<str>>,
    /// Time to the first meaningful delta, in microseconds.
    pub first_token_us: Option<u64>,
    /// Time to the end, in microseconds.
    pub total_us: u64,
}
