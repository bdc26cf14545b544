use std::net::SocketAddr;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, watch};

use super::switched::Afterwards;
use crate::Transport;

/// What the parts of one connection tell each other. Counters only grow.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) peer: Option<SocketAddr>,
    pub(super) secure: bool,
    /// Requests whose heads were complete.
    pub(super) started: AtomicU64,
    /// Requests whose answers have ended, well or not.
    pub(super) ended: AtomicU64,
    /// Reads that brought something.
    pub(super) reads: AtomicU64,
    /// `reads` at the last end of an answer: more than that is a head on its way.
    pub(super) reads_at_end: AtomicU64,
    /// Writes of which the socket took something.
    pub(super) writes: AtomicU64,
    /// Whether the last write found the socket full.
    pub(super) is_full: AtomicBool,
    drain: watch::Receiver<bool>,
    reset: AtomicBool,
    /// Times the socket had taken all that was given to it.
    flushes: AtomicU64,
    flush_awaited: AtomicBool,
    flush: Notify,
    /// What follows HTTP on this connection.
    afterwards: Mutex<Option<Afterwards>>,
}

/// What a socket took of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Some,
    /// Its buffer is full, because the client has not read.
    Nothing,
}

impl Shared {
    pub(super) fn new<IO: Transport>(io: &IO, drain: watch::Receiver<bool>) -> Self {
        Self {
            peer: io.peer(),
            secure: io.is_secure(),
            started: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            reads_at_end: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            is_full: AtomicBool::new(false),
            drain,
            reset: AtomicBool::new(false),
            flushes: AtomicU64::new(0),
            flush_awaited: AtomicBool::new(false),
            flush: Notify::new(),
            afterwards: Mutex::default(),
        }
    }

    pub(super) fn note_read(&self) {
        self.reads.fetch_add(1, Relaxed);
    }

    pub(super) fn note_write(&self, taken: Taken) {
        // One task writes, so load and store need not be one step.
        if taken == Taken::Some {
            self.writes.store(self.writes.load(Relaxed).wrapping_add(1), Relaxed);
        }
        self.is_full.store(taken == Taken::Nothing, Relaxed);
    }

    pub(super) fn note_flush(&self) {
        // In this order, and the waiter in the other: one of the two sees the other.
        self.flushes.fetch_add(1, SeqCst);
        if self.flush_awaited.load(SeqCst) {
            self.flush.notify_waiters();
        }
    }

    pub(super) fn switch_to(&self, afterwards: Afterwards) {
        *self.afterwards.lock().unwrap_or_else(PoisonError::into_inner) = Some(afterwards);
    }

    /// What follows, once HTTP is over.
    pub(super) fn switched(&self) -> Option<Afterwards> {
        self.afterwards.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn is_draining(&self) -> bool {
        *self.drain.borrow()
    }

    pub(super) fn ask_reset(&self) {
        self.reset.store(true, Relaxed);
    }

    pub(super) fn is_reset_asked(&self) -> bool {
        self.reset.load(Relaxed)
    }
}

/// Tells when bytes have reached the socket.
#[derive(Clone, Debug)]
pub struct Flushed(Arc<Shared>);

impl Flushed {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// Resolves when every byte that hyper had been given before the call is written to the socket.
    ///
    /// To be awaited inside a body, after its last frame was taken: hyper takes a frame, asks for the
    /// next, and flushes when that one is not ready. Elsewhere there may be no flush to wait for.
    pub async fn flushed(&self) {
        let shared = &*self.0;
        let before = shared.flushes.load(SeqCst);
        loop {
            let flush = shared.flush.notified();
            tokio::pin!(flush);
            flush.as_mut().enable();
            shared.flush_awaited.store(true, SeqCst);
            if shared.flushes.load(SeqCst) != before {
                return;
            }
            flush.await;
        }
    }
}

/// A request that is being answered; its drop is the answer's end, whatever the reason.
#[derive(Debug)]
pub(super) struct Open(Arc<Shared>);

impl Open {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        shared.started.fetch_add(1, Relaxed);
        Self(Arc::clone(shared))
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.reads_at_end.store(self.0.reads.load(Relaxed), Relaxed);
        self.0.ended.fetch_add(1, Relaxed);
    }
}
