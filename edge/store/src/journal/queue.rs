use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;

use super::Standing;
use crate::Recorded;
use crate::store::State;

/// What lies between the request path and the writing thread.
///
/// The writer polls four times a second instead of being woken by every row: a wake-up is a system
/// call on the request path and would cost more than all the rest of recording.
#[derive(Debug)]
pub(super) struct Queue {
    rows: SyncSender<Box<Recorded>>,
    /// The other end, until the writer takes it.
    receiver: Mutex<Option<Receiver<Box<Recorded>>>>,
    rows_max: u64,
    pub(super) waiting: AtomicU64,
    dropped: AtomicU64,
    pub(super) write_failures: AtomicU64,
    pub(super) failing: AtomicBool,
    pub(super) closed: AtomicBool,
    state: Mutex<Option<State>>,
    /// Whoever waits for everything recorded so far; dropped when it is written.
    flushes: Mutex<Vec<SyncSender<()>>>,
    writer: OnceLock<Thread>,
}

impl Queue {
    pub(super) fn new(rows_max: u32) -> Self {
        let rows_max = rows_max.max(8);
        let (rows, receiver) = sync_channel(usize::try_from(rows_max).unwrap_or(usize::MAX));
        Self {
            rows,
            receiver: Mutex::new(Some(receiver)),
            rows_max: u64::from(rows_max),
            waiting: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            write_failures: AtomicU64::new(0),
            failing: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            state: Mutex::new(None),
            flushes: Mutex::new(Vec::new()),
            writer: OnceLock::new(),
        }
    }

    /// Takes a row if there is room: all of it for unclean endings, three quarters for clean ones.
    pub(super) fn offer(&self, row: Recorded) {
        // Counted before it is sent, so that the writer never subtracts first.
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed);
        let limit =
            if row.entry.is_clean() { self.rows_max - self.rows_max / 4 } else { self.rows_max };
        let refused = self.closed.load(Ordering::Relaxed) || waiting >= limit;
        if refused || self.send(row).is_err() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.dropped.fetch_add(1, Ordering::Relaxed);
        } else if waiting == self.rows_max / 4 {
            self.wake();
        }
    }

    fn send(&self, row: Recorded) -> Result<(), TrySendError<Box<Recorded>>> {
        self.rows.try_send(Box::new(row))
    }

    pub(super) fn offer_state(&self, state: State) {
        *held(&self.state) = Some(state);
    }

    /// The state that waits, if it is `due`.
    pub(super) fn take_state(&self, due: impl FnOnce(&State) -> bool) -> Option<State> {
        held(&self.state).take_if(|state| due(state))
    }

    /// Puts a state back that could not be written, unless a newer one has come.
    pub(super) fn return_state(&self, state: State) {
        held(&self.state).get_or_insert(state);
    }

    /// Blocks until the writer has handled everything offered before the call.
    pub(super) fn flush(&self) {
        let (done, wait) = sync_channel(0);
        held(&self.flushes).push(done);
        if self.closed.load(Ordering::SeqCst) {
            held(&self.flushes).clear();
        }
        self.wake();
        // Nothing is ever sent: the other end is dropped when the work is done.
        let _ended = wait.recv();
    }

    pub(super) fn take_flushes(&self) -> Vec<SyncSender<()>> {
        std::mem::take(&mut *held(&self.flushes))
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Makes the calling thread the one that is woken, and gives it the other end.
    pub(super) fn attach(&self) -> Option<Receiver<Box<Recorded>>> {
        let _first = self.writer.set(std::thread::current());
        held(&self.receiver).take()
    }

    pub(super) fn wake(&self) {
        if let Some(writer) = self.writer.get() {
            writer.unpark();
        }
    }

    pub(super) fn standing(&self) -> Standing {
        Standing {
            dropped: self.dropped.load(Ordering::Relaxed),
            write_failures: self.write_failures.load(Ordering::Relaxed),
            failing: self.failing.load(Ordering::Relaxed),
            waiting: self.waiting.load(Ordering::Relaxed),
            ..Standing::default()
        }
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
