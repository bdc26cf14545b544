//! What is remembered of a stream, so that its client can go on from the answer by its name.

use std::sync::Arc;

use bytes::Bytes;

use backstop_dialects::kept::{self, Said};
use backstop_vocabulary::Dialect;

use crate::held::{Fits, Held};
use crate::perform::Journey;

/// A stream's answer in the making.
#[derive(Debug)]
pub(super) enum Memo {
    Nothing,
    /// The last event says all of it again.
    Last,
    /// It must be put together.
    Pieces(Box<Pieces>),
}

/// What came of an answer: never more than a whole answer may have, and memory is left for.
#[derive(Debug)]
pub(super) struct Pieces {
    said: Said,
    held: Held,
    bytes: usize,
    bytes_max: u64,
}

impl Pieces {
    fn of(journey: &Journey) -> Self {
        let held = Held::new(Arc::clone(&journey.core.shared));
        let bytes_max = journey.live.settings.limits.answer_bytes_max;
        Self { said: Said::default(), held, bytes: 0, bytes_max }
    }

    fn take(&mut self, frames: &Bytes) -> Fits {
        self.bytes = self.bytes.saturating_add(frames.len());
        if self.bytes as u64 > self.bytes_max || self.held.set(self.bytes) == Fits::No {
            return Fits::No;
        }
        self.said.take(frames.clone());
        Fits::Yes
    }
}

impl Memo {
    pub(super) fn of(journey: &Journey) -> Self {
        let asked = &journey.asked;
        match asked.dialect {
            _ if asked.turn.is_none() => Self::Nothing,
            Dialect::AnthropicMessages => Self::Pieces(Box::new(Pieces::of(journey))),
            Dialect::OpenaiResponses
            | Dialect::OpenaiChat
            | Dialect::Gemini
            | Dialect::BedrockConverse => Self::Last,
        }
    }

    /// Takes frames as the client gets them. Past a limit nothing is remembered any more.
    pub(super) fn take(&mut self, frames: &Bytes) {
        if let Self::Pieces(pieces) = self
            && pieces.take(frames) == Fits::No
        {
            *self = Self::Nothing;
        }
    }

    /// Keeps the answer that ends with these frames, which were taken.
    pub(super) fn keep(&self, journey: &Journey, end: &[u8]) {
        let answer = match self {
            Self::Nothing => None,
            Self::Last => kept::answer_of_stream(end),
            Self::Pieces(pieces) => pieces.said.whole(),
        };
        if let Some(answer) = answer {
            journey.keep(&Bytes::from(answer));
        }
    }
}
