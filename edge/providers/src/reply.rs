use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use backstop_vocabulary::Failure;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Response};
use http_body::Body as _;
use hyper::body::Incoming;

use crate::Endpoint;
use crate::ask::{Hushed, clean_reply};
use crate::error::{NetError, failure};
use crate::line::{Http1, StreamPlace};
use crate::pool::Pool;

/// The head of an answer, and its body still to be read.
pub struct Reply {
    /// The status as the provider gave it, redirects and errors included.
    pub status: u16,
    /// End-to-end headers; those of the connection itself are removed.
    pub headers: HeaderMap,
    /// Whether the connection had served a request before.
    pub reused: bool,
    /// The body, content encoding and all.
    pub body: ReplyBody,
}

/// The body of an answer. Read to its end, its HTTP/1 connection returns to the pool; dropped
/// before, the connection is closed, or the HTTP/2 stream reset, so that the provider stops.
pub struct ReplyBody {
    state: State,
}

enum State {
    Open { incoming: Incoming, origin: Origin },
    Ended,
    Broken,
}

/// Where an answer comes from, and what becomes of it afterwards.
pub(crate) enum Origin {
    /// A connection of its own.
    Owned { line: Http1, pool: Arc<Pool>, endpoint: Arc<Endpoint> },
    /// A stream of a shared connection; the place is given back when this is dropped.
    Shared { _place: StreamPlace, reused: bool },
}

impl Origin {
    /// Whether the connection had served a request before.
    pub(crate) const fn is_reused(&self) -> bool {
        match self {
            Self::Owned { line, .. } => line.reused,
            Self::Shared { reused, .. } => *reused,
        }
    }
}

impl Reply {
    pub(crate) fn new(response: Response<Incoming>, origin: Origin) -> Self {
        let (mut head, incoming) = response.into_parts();
        clean_reply(&mut head.headers);
        let reused = origin.is_reused();
        let mut body = ReplyBody { state: State::Open { incoming, origin } };
        body.settle();
        Self { status: head.status.as_u16(), headers: head.headers, reused, body }
    }
}

impl ReplyBody {
    /// The next bytes, or `None` at the proper end. Dropping the future loses nothing: the next call
    /// goes on where this one waited.
    ///
    /// # Errors
    ///
    /// `ConnectionReset` when the body ends before its framing says so, `ProtocolBroken` when the
    /// framing itself is wrong; and again on every later call. A body without framing ends when the
    /// connection does, properly or not: only its dialect can tell.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            let incoming = match &mut self.state {
                State::Open { incoming, .. } => incoming,
                State::Ended => return Ok(None),
                State::Broken => return Err(failure(&NetError::ReadAfterBreak)),
            };
            match poll_fn(|cx| Pin::new(&mut *incoming).poll_frame(cx)).await {
                Some(Ok(frame)) => {
                    self.settle();
                    // Trailers and empty frames say nothing that a dialect would read.
                    if let Some(bytes) = frame.into_data().ok().filter(|bytes| !bytes.is_empty()) {
                        return Ok(Some(bytes));
                    }
                }
                Some(Err(error)) => {
                    self.state = State::Broken;
                    return Err(failure(&NetError::in_body(error)));
                }
                None => self.end(),
            }
        }
    }

    /// Whether its last byte has been read: nobody need ask for more.
    pub const fn is_at_end(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// The rest of the body in one piece, without a copy when it came in one.
    ///
    /// # Errors
    ///
    /// Those of [`ReplyBody::chunk`], and `BadAnswer` when it is larger than `bytes_max`.
    pub async fn collect(mut self, bytes_max: usize) -> Result<Bytes, Failure> {
        let too_large = || Err(failure(&NetError::AnswerTooLarge { bytes_max }));
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        if first.len() > bytes_max {
            return too_large();
        }
        let Some(second) = self.chunk().await? else { return Ok(first) };
        let mut whole = BytesMut::from(first);
        let mut next = Some(second);
        while let Some(chunk) = next {
            if whole.len() + chunk.len() > bytes_max {
                return too_large();
            }
            whole.extend_from_slice(&chunk);
            next = self.chunk().await?;
        }
        Ok(whole.freeze())
    }

    /// Ends as soon as the end is known, so that a reader who stops at the last byte frees the
    /// connection too.
    fn settle(&mut self) {
        if let State::Open { incoming, .. } = &self.state
            && incoming.is_end_stream()
        {
            self.end();
        }
    }

    fn end(&mut self) {
        if let State::Open { origin: Origin::Owned { line, pool, endpoint }, .. } =
            std::mem::replace(&mut self.state, State::Ended)
        {
            pool.put(&endpoint, line);
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("headers", &Hushed(&self.headers))
            .field("reused", &self.reused)
            .field("body", &self.body)
            .finish()
    }
}

impl fmt::Debug for ReplyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Open { origin: Origin::Owned { .. }, .. } => "open, HTTP/1",
            State::Open { origin: Origin::Shared { .. }, .. } => "open, HTTP/2",
            State::Ended => "ended",
            State::Broken => "broken",
        };
        f.debug_tuple("ReplyBody").field(&state).finish()
    }
}
