//! What is remembered of a stream, so that its client can go on from the answer by its name.

use bytes::Bytes;

use backstop_dialects::kept::{self, Said};
use backstop_vocabulary::Dialect;

use crate::asked::Asked;
use crate::perform::Journey;

/// A stream's answer in the making.
#[derive(Debug)]
pub(super) enum Memo {
    Nothing,
    /// The last event says all of it again.
    Last,
    /// It must be put together.
    Pieces(Box<Said>),
}

impl Memo {
    pub(super) fn of(asked: &Asked) -> Self {
        match asked.dialect {
            _ if asked.turn.is_none() => Self::Nothing,
            Dialect::AnthropicMessages => Self::Pieces(Box::default()),
            Dialect::OpenaiResponses
            | Dialect::OpenaiChat
            | Dialect::Gemini
            | Dialect::BedrockConverse => Self::Last,
        }
    }

    /// Takes frames as the client gets them.
    pub(super) fn take(&mut self, frames: &Bytes) {
        if let Self::Pieces(said) = self {
            said.take(frames.clone());
        }
    }

    /// Keeps the answer that ends with these frames, which were taken.
    pub(super) fn keep(&self, journey: &Journey, end: &[u8]) {
        let answer = match self {
            Self::Nothing => None,
            Self::Last => kept::answer_of_stream(end),
            Self::Pieces(said) => said.whole(),
        };
        if let Some(answer) = answer {
            journey.keep(&Bytes::from(answer));
        }
    }
}
