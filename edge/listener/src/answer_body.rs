use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// The end of an answer that broke: what to say last, and then no proper end.
///
/// The listener writes `farewell` to the socket before the connection (HTTP/1) or the stream
/// (HTTP/2) is aborted; whoever makes the body need not wait for anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Abort {
    /// The last bytes: usually the dialect's error frame. May be empty.
    pub farewell: Bytes,
}

impl Abort {
    /// An abort after these last bytes.
    pub fn after(farewell: impl Into<Bytes>) -> Self {
        Self { farewell: farewell.into() }
    }
}

impl fmt::Display for Abort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer broke off")
    }
}

impl std::error::Error for Abort {}

type Streamed = Pin<Box<dyn Body<Data = Bytes, Error = Abort> + Send>>;

/// The body of an answer: whole, or as it comes.
pub struct AnswerBody(Kind);

enum Kind {
    /// Whole answers are not boxed.
    Whole(Option<Bytes>),
    Streamed(Streamed),
}

impl AnswerBody {
    /// A body of no bytes.
    pub const fn empty() -> Self {
        Self(Kind::Whole(None))
    }

    /// A body known as a whole; its length is announced.
    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self(Kind::Whole((!bytes.is_empty()).then_some(bytes)))
    }

    /// A whole body with other bytes; one that comes in frames stays as it is.
    #[must_use]
    pub fn map_whole(self, change: impl FnOnce(Bytes) -> Bytes) -> Self {
        match self.0 {
            Kind::Whole(bytes) => Self::whole(change(bytes.unwrap_or_default())),
            Kind::Streamed(body) => Self(Kind::Streamed(body)),
        }
    }

    /// A body that comes in frames. It is dropped as soon as the client leaves.
    pub fn stream(body: impl Body<Data = Bytes, Error = Abort> + Send + 'static) -> Self {
        Self(Kind::Streamed(Box::pin(body)))
    }
}

impl Default for AnswerBody {
    fn default() -> Self {
        Self::empty()
    }
}

impl From<Bytes> for AnswerBody {
    fn from(bytes: Bytes) -> Self {
        Self::whole(bytes)
    }
}

impl fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Whole(bytes) => {
                write!(f, "AnswerBody({} bytes)", bytes.as_ref().map_or(0, Bytes::len))
            }
            Kind::Streamed(_) => f.write_str("AnswerBody(stream)"),
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Abort;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Abort>>> {
        match &mut self.0 {
            Kind::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Streamed(body) => body.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(bytes) => bytes.is_none(),
            Kind::Streamed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            Kind::Streamed(body) => body.size_hint(),
        }
    }
}
