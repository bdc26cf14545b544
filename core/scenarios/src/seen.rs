use std::time::Duration;

/// How an attempt of a baseline ended, as its client saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What was seen.
    pub kind: SeenKind,
    /// The advice of `retry-after`.
    pub retry_after: Option<Duration>,
}

/// What a plain client can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeenKind {
    /// A whole, right answer.
    Answered,
    /// An error status.
    Status(u16),
    /// No connection, a reset before the head, or a whole answer whose body broke off.
    Transport,
    /// A 200 that was cut, lied, or went silent after its first token.
    Broken,
    /// Nothing in time.
    TimedOut,
}

impl From<SeenKind> for Seen {
    fn from(kind: SeenKind) -> Self {
        Self { kind, retry_after: None }
    }
}
