//! The body of an answer, played step by step.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use backstop_scenarios::{Act, Step, Token};
use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::time::Sleep;

use crate::simulator::Simulator;

/// Why a connection is broken on purpose.
#[derive(Debug)]
pub(crate) struct Broken(pub(crate) &'static str);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Broken {}

/// Gives the place of a request back when its exchange is over, however it ended.
#[derive(Debug)]
pub(crate) struct Release {
    simulator: Simulator,
    token: Option<Token>,
}

impl Release {
    pub(crate) const fn new(simulator: Simulator, token: Option<Token>) -> Self {
        Self { simulator, token }
    }
}

impl Drop for Release {
    fn drop(&mut self) {
        if let Some(token) = self.token.take() {
            self.simulator.finished(token);
        }
    }
}

/// What is left of a script after its head.
#[derive(Debug)]
pub(crate) struct Playback {
    steps: std::vec::IntoIter<Step>,
    /// The act that waits for its time.
    next: Option<Act>,
    sleep: Option<Pin<Box<Sleep>>>,
    severed: Arc<AtomicBool>,
    _release: Release,
}

impl Playback {
    pub(crate) const fn new(
        steps: std::vec::IntoIter<Step>,
        release: Release,
        severed: Arc<AtomicBool>,
    ) -> Self {
        Self { steps, next: None, sleep: None, severed, _release: release }
    }

    /// Takes the next step up and starts to wait for it.
    fn advance(&mut self) {
        let Some(step) = self.steps.next() else { return };
        self.next = Some(step.act);
        if step.after.is_zero() {
            return;
        }
        let deadline = tokio::time::Instant::now() + step.after;
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(deadline),
            None => self.sleep = Some(Box::pin(tokio::time::sleep_until(deadline))),
        }
    }
}

impl Body for Playback {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if self.next.is_none() {
            self.advance();
        }
        if let Some(sleep) = self.sleep.as_mut().filter(|sleep| !sleep.is_elapsed()) {
            ready!(sleep.as_mut().poll(context));
        }
        match self.next.take() {
            Some(Act::Chunk(bytes)) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            Some(Act::Hang) => {
                self.next = Some(Act::Hang);
                Poll::Pending
            }
            Some(Act::Reset | Act::Refuse) => {
                self.severed.store(true, Ordering::Release);
                Poll::Ready(Some(Err(Broken("reset in the body, as scripted"))))
            }
            Some(Act::Close | Act::Garbage | Act::Head { .. }) => {
                Poll::Ready(Some(Err(Broken("closed in the body, as scripted"))))
            }
            Some(Act::End) | None => Poll::Ready(None),
        }
    }
}
