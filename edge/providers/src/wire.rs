use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::Io;

/// How often a connection has brought bytes; tells a stale connection from one that broke while it
/// answered.
#[derive(Debug, Default)]
pub(crate) struct Pulse(AtomicU64);

impl Pulse {
    pub(crate) fn beats(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn beat(&self) {
        // One connection task writes, so load and store need not be one step.
        self.0.store(self.beats().wrapping_add(1), Ordering::Relaxed);
    }
}

/// A dialled stream that counts its reads, and whose writes never fail: once the peer has stopped
/// reading they are swallowed, because only the reading side can tell why. A provider that answers
/// 413 and closes while the body is still on its way is heard, not reported as a broken pipe.
#[derive(Debug)]
pub(crate) struct Wire {
    io: Box<dyn Io>,
    pulse: Arc<Pulse>,
    deaf: bool,
}

impl Wire {
    pub(crate) fn new(io: Box<dyn Io>, pulse: Arc<Pulse>) -> Self {
        Self { io, pulse, deaf: false }
    }

    fn swallow(&mut self, written: io::Result<usize>, bytes: usize) -> usize {
        written.unwrap_or_else(|_| {
            self.deaf = true;
            bytes
        })
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            self.pulse.beat();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.deaf {
            return Poll::Ready(Ok(buf.len()));
        }
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, buf));
        Poll::Ready(Ok(self.swallow(written, buf.len())))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes = bufs.iter().map(|buf| buf.len()).sum();
        if self.deaf {
            return Poll::Ready(Ok(bytes));
        }
        let written = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, bufs));
        Poll::Ready(Ok(self.swallow(written, bytes)))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.deaf && ready!(Pin::new(&mut self.io).poll_flush(cx)).is_err() {
            self.deaf = true;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
