use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt;

use super::shared::{Shared, Taken};
use crate::Transport;

/// How long a client may go on sending what nobody will read.
const LINGER_MAX: Duration = Duration::from_secs(2);
/// How much of it is read: enough for any body whose refusal the client should see.
const LINGER_BYTES_MAX: usize = 64 << 20;

/// A transport as hyper sees it: gives the first bytes again, counts reads and flushes, and closes
/// as it was asked to.
pub(super) struct Wire<IO: Transport> {
    io: TokioIo<IO>,
    /// Read before hyper came, and not yet given to it.
    first: Bytes,
    shared: Arc<Shared>,
}

impl<IO: Transport> Wire<IO> {
    pub(super) fn new(io: IO, first: Bytes, shared: Arc<Shared>) -> Self {
        Self { io: TokioIo::new(io), first, shared }
    }

    /// Gives bytes again that were read for nothing.
    pub(super) fn unread(&mut self, bytes: Bytes) {
        self.first = bytes;
    }

    /// Whatever wants to be written, also what TLS still holds, tells whether the client reads.
    fn noted<T>(&self, written: Poll<T>) -> Poll<T> {
        let taken = if written.is_pending() { Taken::Nothing } else { Taken::Some };
        self.shared.note_write(taken);
        written
    }

    /// Reads on for a while after our side is closed. Closing with bytes unread would reset the
    /// connection, and the client might lose the answer that told it why (RFC 9112, 9.6).
    pub(super) async fn linger(&mut self) {
        let io = self.io.inner_mut();
        let discard = async {
            let mut waste = vec![0; 16 << 10];
            let mut left = LINGER_BYTES_MAX;
            while let Ok(read @ 1..) = io.read(&mut waste).await {
                left = left.saturating_sub(read);
                if left == 0 {
                    return;
                }
            }
        };
        // Late or not, the end is the same.
        let _in_time = tokio::time::timeout(LINGER_MAX, discard).await;
    }
}

impl<IO: Transport> Read for Wire<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first.has_remaining() {
            let length = self.first.len().min(buf.remaining());
            buf.put_slice(&self.first.split_to(length));
            self.shared.note_read();
            return Poll::Ready(Ok(()));
        }
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        self.shared.note_read();
        Poll::Ready(Ok(()))
    }
}

impl<IO: Transport> Write for Wire<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.noted(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        ready!(self.noted(flushed))?;
        self.shared.note_flush();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.io).poll_shutdown(cx);
        self.noted(shut)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.noted(written)
    }
}

impl<IO: Transport> Drop for Wire<IO> {
    fn drop(&mut self) {
        if self.shared.is_reset_asked() {
            self.io.inner().reset_on_close();
        }
    }
}
