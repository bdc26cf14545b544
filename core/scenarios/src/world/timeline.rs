use std::time::Duration;

use bytes::Bytes;

use crate::{Act, Outcome, Reply, Step, Symptom, Token};

/// Steps of a reply as they are put together.
#[derive(Debug)]
pub(super) struct Timeline {
    steps: Vec<Step>,
    elapsed: Duration,
    head_after: Duration,
    first_token_after: Option<Duration>,
}

impl Timeline {
    pub(super) const fn new() -> Self {
        Self {
            steps: Vec::new(),
            elapsed: Duration::ZERO,
            head_after: Duration::ZERO,
            first_token_after: None,
        }
    }

    /// Does something so long after the last.
    pub(super) fn step(&mut self, after: Duration, act: Act) -> &mut Self {
        self.elapsed += after;
        self.steps.push(Step { after, act });
        self
    }

    /// Sends a head.
    pub(super) fn head(
        &mut self,
        after: Duration,
        status: u16,
        headers: Vec<(&'static str, String)>,
    ) -> &mut Self {
        self.step(after, Act::Head { status, headers });
        self.head_after = self.elapsed;
        self
    }

    /// Sends bytes; nothing when there are none.
    pub(super) fn bytes(&mut self, after: Duration, bytes: impl Into<Bytes>) -> &mut Self {
        let bytes = bytes.into();
        if bytes.is_empty() { self } else { self.step(after, Act::Chunk(bytes)) }
    }

    /// Notes that the last bytes were the first that mean something.
    pub(super) const fn first_token(&mut self) -> &mut Self {
        if self.first_token_after.is_none() {
            self.first_token_after = Some(self.elapsed);
        }
        self
    }

    /// The finished reply.
    pub(super) fn reply(
        self,
        outcome: Outcome,
        token: Option<Token>,
        symptom: Option<Symptom>,
    ) -> Reply {
        Reply {
            token,
            steps: self.steps,
            outcome,
            head_after: self.head_after,
            first_token_after: self.first_token_after,
            ends_after: self.elapsed,
            symptom: symptom.map(Symptom::name),
        }
    }
}
