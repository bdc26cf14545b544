use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::Version;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{sleep, timeout};

use super::shared::{Flushed, Open};
use crate::{Abort, AbortStyle, AnswerBody, ListenerLimits};

/// How long the kernel gets to deliver the last bytes before a reset throws away what is left.
const RESET_DELAY: Duration = Duration::from_millis(100);

/// How an answer ends that breaks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    last_words: LastWords,
    close: Close,
    farewell_max: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LastWords {
    Said,
    Withheld,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Close {
    /// hyper does it all: it closes, or resets the one stream.
    Plain,
    Reset,
}

/// Whether the head of the answer announced how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// Last words would be taken for the answer's missing part.
    Announced,
    Open,
}

impl Manner {
    pub(super) fn new(version: Version, limits: &ListenerLimits, length: Length) -> Self {
        let close = if version >= Version::HTTP_2 {
            Close::Plain
        } else if version < Version::HTTP_11 && length == Length::Open {
            // Without chunks a plain close would be the proper end.
            Close::Reset
        } else {
            match limits.abort {
                AbortStyle::MissingEnd => Close::Plain,
                AbortStyle::Reset => Close::Reset,
            }
        };
        let last_words = match length {
            Length::Announced => LastWords::Withheld,
            Length::Open => LastWords::Said,
        };
        Self { last_words, close, farewell_max: limits.farewell_max }
    }
}

/// An answer's body on its way out: says last words if it breaks, and makes sure they are heard.
///
/// hyper throws away what it has buffered when a body fails, so the failure waits for the flush.
///
/// ```text
/// Going ── Err(abort) ──▶ last words given ──▶ waiting for the flush ──▶ Err
/// ```
pub(super) struct Guarded {
    body: AnswerBody,
    open: Open,
    manner: Manner,
    ending: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Guarded {
    pub(super) fn new(body: AnswerBody, open: Open, manner: Manner) -> Self {
        Self { body, open, manner, ending: None }
    }

    /// Everything up to the failure, to be polled only after the last frame was taken.
    fn begin_ending(&mut self) {
        let shared = std::sync::Arc::clone(self.open.shared());
        let Manner { close, farewell_max, .. } = self.manner;
        self.ending = Some(Box::pin(async move {
            let flushed = Flushed::new(std::sync::Arc::clone(&shared));
            let heard = timeout(farewell_max, flushed.flushed()).await.is_ok();
            if close == Close::Reset {
                if heard {
                    sleep(RESET_DELAY).await;
                }
                shared.ask_reset();
            }
        }));
    }
}

impl Body for Guarded {
    type Data = Bytes;
    type Error = Abort;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Abort>>> {
        let this = self.get_mut();
        if this.ending.is_none() {
            match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Err(Abort { farewell })) => {
                    // What the answer held is free from now on.
                    this.body = AnswerBody::empty();
                    this.begin_ending();
                    if this.manner.last_words == LastWords::Said && !farewell.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(farewell))));
                    }
                }
                frame @ (Some(Ok(_)) | None) => return Poll::Ready(frame),
            }
        }
        if let Some(ending) = &mut this.ending {
            ready!(ending.as_mut().poll(cx));
        }
        Poll::Ready(Some(Err(Abort::default())))
    }

    fn is_end_stream(&self) -> bool {
        self.ending.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.ending.is_some() { SizeHint::default() } else { self.body.size_hint() }
    }
}
