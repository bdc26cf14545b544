//! A body that may be left unfinished.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};

use super::script::Then;

/// Turns of the connection in which a piece goes out: an error takes with it what was not written
/// yet, and what comes at once is read at once.
const TURNS: u8 = 8;

/// A body in pieces.
pub(super) struct Pieces {
    left: VecDeque<Bytes>,
    then: Then,
    turns: u8,
}

impl Pieces {
    /// All of it.
    pub(super) fn whole(body: Vec<u8>) -> Self {
        Self::begun(vec![Bytes::from(body)], Then::End)
    }

    /// The beginning, and how it goes on.
    pub(super) fn begun(pieces: Vec<Bytes>, then: Then) -> Self {
        Self { left: pieces.into(), then, turns: 0 }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.turns > 0 {
            self.turns -= 1;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(piece) = self.left.pop_front() {
            self.turns = TURNS;
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        match self.then {
            Then::End => Poll::Ready(None),
            Then::Silence => Poll::Pending,
            Then::Break => Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into()))),
        }
    }
}
