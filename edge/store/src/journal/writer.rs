use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;
use std::time::Duration;

use super::queue::Queue;
use super::{Caps, HEALTH, bounds};
use crate::Recorded;
use crate::store::{State, Store, StoreError};

/// Rows of one transaction: enough that the commit no longer counts, few enough to stay short.
pub(crate) const BATCH_ROWS_MAX: usize = 1024;
/// How long rows wait for company; with the commit well under the second that may be lost.
const PAUSE_MS: u64 = 250;
/// How long a store that failed is left alone.
const RETRY_MS: u64 = 1_000;
/// How often the health is written at most, by the time it carries.
const STATE_MS_MIN: u64 = 1_000;

/// The one thread that writes.
#[derive(Debug)]
pub(super) struct Writer(JoinHandle<()>);

impl Writer {
    pub(super) fn start(
        store: Box<dyn Store>,
        queue: Arc<Queue>,
        caps: Caps,
    ) -> Result<Self, StoreError> {
        std::thread::Builder::new()
            .name(String::from("journal"))
            .spawn(move || {
                if let Some(rows) = queue.attach() {
                    let batch = Vec::with_capacity(BATCH_ROWS_MAX);
                    let newest_unix_ms = 0;
                    let state_at_unix_ms = 0;
                    Work { store, rows, queue, caps, batch, newest_unix_ms, state_at_unix_ms }
                        .run();
                }
            })
            .map(Self)
            .map_err(StoreError::Thread)
    }

    /// Waits for the thread's end.
    pub(super) fn join(self) {
        if self.0.join().is_err() {
            tracing::error!(
                "the journal's thread ended with a panic; the last entries may be lost"
            );
        }
    }
}

struct Work {
    store: Box<dyn Store>,
    rows: Receiver<Box<Recorded>>,
    queue: Arc<Queue>,
    caps: Caps,
    /// Taken from the queue and not yet written; kept when a write fails.
    batch: Vec<Recorded>,
    newest_unix_ms: u64,
    state_at_unix_ms: u64,
}

impl Work {
    fn run(mut self) {
        loop {
            // Asked before the queue is emptied, so that nothing recorded before goes missing.
            let closed = self.queue.closed.load(Ordering::SeqCst);
            let flushes = self.queue.take_flushes();
            let urgent = closed || !flushes.is_empty();
            let apart_ms_min = if urgent { 0 } else { STATE_MS_MIN };
            let written = self.write_all().and_then(|()| self.write_state(apart_ms_min));
            self.note(&written);
            drop(flushes);
            if closed {
                return self.say_what_is_lost();
            }
            let pause_ms = if written.is_ok() { PAUSE_MS } else { RETRY_MS };
            std::thread::park_timeout(Duration::from_millis(pause_ms));
        }
    }

    /// Writes what waits now, in batches; what comes meanwhile may wait for the next round.
    fn write_all(&mut self) -> Result<(), StoreError> {
        let mut rounds = 1 + self.queue.waiting.load(Ordering::Relaxed) / BATCH_ROWS_MAX as u64;
        while rounds > 0 {
            self.fill_batch();
            if self.batch.is_empty() {
                return Ok(());
            }
            self.store.append(&self.batch)?;
            self.batch.clear();
            self.store.trim(&bounds(&self.caps, self.newest_unix_ms))?;
            rounds -= 1;
        }
        Ok(())
    }

    fn fill_batch(&mut self) {
        let room = BATCH_ROWS_MAX.saturating_sub(self.batch.len());
        let before = self.batch.len();
        self.batch.extend(self.rows.try_iter().take(room).map(|row| *row));
        let taken = self.batch.len() - before;
        self.queue.waiting.fetch_sub(taken as u64, Ordering::Relaxed);
        let newest = self.batch.iter().map(|row| row.entry.at_unix_ms).max();
        self.newest_unix_ms = self.newest_unix_ms.max(newest.unwrap_or(0));
    }

    /// Writes the state that waits, if its time is so far from that of the last one: also before it,
    /// where the clock on the wall was set back.
    fn write_state(&mut self, apart_ms_min: u64) -> Result<(), StoreError> {
        let last = self.state_at_unix_ms;
        let due = |state: &State| state.saved_at_unix_ms.abs_diff(last) >= apart_ms_min;
        let Some(state) = self.queue.take_state(due) else { return Ok(()) };
        self.state_at_unix_ms = state.saved_at_unix_ms;
        let saved = self.store.save_state(HEALTH, &state);
        if saved.is_err() {
            self.queue.return_state(state);
        }
        saved
    }

    /// Counts failures, and says once when they begin and once when they end.
    fn note(&self, written: &Result<(), StoreError>) {
        let failed_before = self.queue.failing.swap(written.is_err(), Ordering::Relaxed);
        match written {
            Ok(()) if failed_before => tracing::info!("the journal can be written again"),
            Ok(()) => {}
            Err(error) => {
                self.queue.write_failures.fetch_add(1, Ordering::Relaxed);
                if !failed_before {
                    let cause = std::error::Error::source(error).map(ToString::to_string);
                    tracing::warn!(%error, cause, "cannot write the journal; serving goes on");
                }
            }
        }
    }

    fn say_what_is_lost(&self) {
        let rows = self.batch.len() as u64 + self.queue.waiting.load(Ordering::Relaxed);
        if rows > 0 {
            tracing::warn!(rows, "journal entries were lost, because they could not be written");
        }
    }
}
