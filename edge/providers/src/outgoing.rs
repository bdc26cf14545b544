use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Why a body that comes from elsewhere did not come to its end.
pub type UploadError = Box<dyn std::error::Error + Send + Sync>;

/// A body that is sent as it comes, and never held as a whole. It cannot be sent twice.
pub struct Upload(Pin<Box<dyn Body<Data = Bytes, Error = UploadError> + Send>>);

impl Upload {
    /// The body. Where its length is known, it is announced.
    pub fn new(body: impl Body<Data = Bytes, Error = UploadError> + Send + 'static) -> Self {
        Self(Box::pin(body))
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Upload").field(&self.0.size_hint()).finish()
    }
}

/// The body of a request on its way out; a whole one is not boxed.
pub(crate) enum Outgoing {
    Whole(Option<Bytes>),
    Upload(Upload),
}

impl From<Bytes> for Outgoing {
    fn from(bytes: Bytes) -> Self {
        Self::Whole((!bytes.is_empty()).then_some(bytes))
    }
}

impl From<Upload> for Outgoing {
    fn from(upload: Upload) -> Self {
        Self::Upload(upload)
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Upload(upload) => upload.0.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Upload(upload) => upload.0.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Upload(upload) => upload.0.size_hint(),
        }
    }
}
