use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use backstop_vocabulary::{Class, Failure};
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};
use hyper::body::Incoming;

/// Bytes reserved on a client's word alone; more is reserved only as it comes.
const RESERVED_BYTES_MAX: usize = 1 << 20;

/// Why a request's body could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Longer than allowed, by announcement or in fact.
    #[error("the body is larger than {bytes_max} bytes")]
    TooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// Not complete in time.
    #[error("the body did not arrive within {} s", time_max.as_secs())]
    TooSlow {
        /// The limit.
        time_max: Duration,
    },
    /// The client closed the connection or the stream.
    #[error("the client left before its body was complete")]
    ClientLeft(#[source] hyper::Error),
    /// The body is not valid HTTP.
    #[error("the body cannot be read")]
    Broken(#[source] hyper::Error),
}

impl From<BodyError> for Failure {
    fn from(error: BodyError) -> Self {
        let class = match &error {
            BodyError::TooLarge { .. } => Class::RequestTooLarge,
            BodyError::TooSlow { .. } | BodyError::Broken(_) => Class::InvalidRequest,
            BodyError::ClientLeft(_) => Class::ClientLeft,
        };
        let status = match &error {
            BodyError::TooLarge { .. } => 413,
            BodyError::TooSlow { .. } => 408,
            BodyError::ClientLeft(_) => 499,
            BodyError::Broken(_) => 400,
        };
        Self::new(class, error.to_string()).with_status(status)
    }
}

/// Reads a whole body of at most `bytes_max` bytes within `time_max`.
///
/// A body of one frame is not copied. One that announces too great a length is refused before a byte
/// is read (and before `100 Continue` is sent).
pub async fn read_body(
    mut body: Incoming,
    bytes_max: usize,
    time_max: Duration,
) -> Result<Bytes, BodyError> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > bytes_max {
        return Err(BodyError::TooLarge { bytes_max });
    }
    let mut collected = Collected { first: Bytes::new(), more: BytesMut::new(), bytes_max };
    // Most bodies arrive together with their heads: then no timer is set at all.
    loop {
        match poll_fn(|cx| Poll::Ready(Pin::new(&mut body).poll_frame(cx))).await {
            Poll::Ready(Some(frame)) => collected.add(frame, announced)?,
            Poll::Ready(None) => return Ok(collected.finish()),
            Poll::Pending => break,
        }
        if body.is_end_stream() {
            return Ok(collected.finish());
        }
    }
    let rest = async {
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            collected.add(frame, announced)?;
        }
        Ok(())
    };
    tokio::time::timeout(time_max, rest)
        .await
        .unwrap_or(Err(BodyError::TooSlow { time_max }))
        .map(|()| collected.finish())
}

struct Collected {
    first: Bytes,
    /// Everything, once there is a second frame.
    more: BytesMut,
    bytes_max: usize,
}

impl Collected {
    fn add(
        &mut self,
        frame: Result<Frame<Bytes>, hyper::Error>,
        announced: usize,
    ) -> Result<(), BodyError> {
        // Trailers mean nothing to any dialect.
        let Ok(data) = frame.map_err(sort)?.into_data() else { return Ok(()) };
        let length = self.first.len().max(self.more.len()) + data.len();
        if length > self.bytes_max {
            return Err(BodyError::TooLarge { bytes_max: self.bytes_max });
        }
        if self.first.is_empty() {
            self.first = data;
            return Ok(());
        }
        if self.more.is_empty() {
            self.more.reserve(length.max(announced.min(RESERVED_BYTES_MAX)));
            self.more.extend_from_slice(&self.first);
        }
        self.more.extend_from_slice(&data);
        Ok(())
    }

    fn finish(self) -> Bytes {
        if self.more.is_empty() { self.first } else { self.more.freeze() }
    }
}

fn sort(error: hyper::Error) -> BodyError {
    if error.is_parse() || error.is_user() || breaks_framing(&error) {
        return BodyError::Broken(error);
    }
    BodyError::ClientLeft(error)
}

/// Whether the body's own framing is wrong, such as a chunk size that is no number: hyper tells it
/// as an error of IO.
fn breaks_framing(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error);
    let cause = source.and_then(|source| source.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| {
        matches!(cause.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData)
    })
}
