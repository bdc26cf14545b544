use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;

/// A connection that can be made to break with a reset when it is dropped.
pub trait Severable {
    /// Makes the coming drop a reset instead of an orderly end, where that is possible.
    fn sever(&self);
}

impl Severable for TcpStream {
    fn sever(&self) {
        if let Err(error) = self.set_zero_linger() {
            tracing::debug!(%error, "cannot make the connection end in a reset");
        }
    }
}

impl Severable for DuplexStream {
    /// A pipe has no reset; its end comes before the body's, which clients notice as well.
    fn sever(&self) {}
}

/// A connection that ends in a reset once it is marked so.
#[derive(Debug)]
pub(crate) struct Wire<I: Severable> {
    io: I,
    severed: Arc<AtomicBool>,
}

impl<I: Severable> Wire<I> {
    pub(crate) const fn new(io: I, severed: Arc<AtomicBool>) -> Self {
        Self { io, severed }
    }
}

impl<I: Severable> Drop for Wire<I> {
    fn drop(&mut self) {
        if self.severed.load(Ordering::Acquire) {
            self.io.sever();
        }
    }
}

impl<I: AsyncRead + Severable + Unpin> AsyncRead for Wire<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl<I: AsyncWrite + Severable + Unpin> AsyncWrite for Wire<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A severed connection says no goodbye.
        if self.severed.load(Ordering::Acquire) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.io).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
