mod queue;
mod sampler;
#[cfg(test)]
mod tests;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use backstop_vocabulary::Failure;

use crate::store::{Bounds, Memory, Sqlite, State, Store, StoreError};
use crate::{Counts, Entry, Recorded};
use queue::Queue;
use sampler::Sampler;
use writer::Writer;

pub(crate) use writer::BATCH_ROWS_MAX;

/// The name under which the health of all targets is kept.
const HEALTH: &str = "health";

/// How much the journal keeps, and how fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Bytes of rows; past it the oldest are removed. In memory an estimate.
    pub size_bytes_max: u64,
    /// Age of a row, against the newest row's time, in milliseconds.
    pub age_ms_max: u64,
    /// Clean requests per second above which only a sample is kept, with its weight.
    pub rate_max: u32,
    /// Rows that may wait for the disk; a quarter is reserved for unclean endings.
    pub queue_rows_max: u32,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            size_bytes_max: 1 << 30,
            age_ms_max: 30 * 24 * 3_600_000,
            rate_max: 2_000,
            queue_rows_max: 16_384,
        }
    }
}

/// How the journal itself is doing; every figure since it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Clean requests that another row's weight stands for.
    pub sampled_away: u64,
    /// Entries lost because the queue was full.
    pub dropped: u64,
    /// Writes that failed; each batch is tried again until it succeeds.
    pub write_failures: u64,
    /// Whether the last write failed: the disk is full or broken, and entries wait in memory.
    pub failing: bool,
    /// Rows that wait for the disk.
    pub waiting: u64,
    /// Where a damaged file was put when the journal was opened, if it was.
    pub set_aside: Option<PathBuf>,
}

/// Where finished requests go. A cheap handle: clones share one journal.
///
/// On disk, a thread of its own commits what was recorded four times a second; the end of the
/// process by force loses no more than the last second. Call [`Journal::close`] before a proper end.
#[derive(Clone, Debug)]
pub struct Journal(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    caps: Caps,
    sampler: Sampler,
    sampled_away: AtomicU64,
    place: Place,
    set_aside: Option<PathBuf>,
    /// The health that the file held when it was opened.
    health: Option<State>,
}

#[derive(Debug)]
enum Place {
    /// Kept at once, without a thread: a replay stays deterministic.
    Memory {
        store: Memory,
        newest_unix_ms: AtomicU64,
    },
    File {
        path: PathBuf,
        queue: Arc<Queue>,
        writer: Mutex<Option<Writer>>,
    },
}

impl Journal {
    /// Opens the file at `path`, or a journal in memory that ends with the process.
    ///
    /// A damaged file is set aside with a warning. A file that is no database, or that cannot be
    /// opened or written, is left alone with a warning, and the journal is in memory. Fails with a
    /// `gateway_fault` when the file belongs to a newer version of this program or stays locked.
    pub fn open(path: Option<&Path>, caps: Caps) -> Result<Self, Failure> {
        match path {
            Some(path) => match Self::open_file(path, caps) {
                Err(error) if error.is_out_of_reach() => {
                    tracing::warn!(
                        path = %path.display(), cause = %error.into_failure().message,
                        "journal and health are kept in memory until the end of this process: set \
                         `store` to a file that can be written, or to `none`"
                    );
                    Ok(Self::in_memory(caps))
                }
                opened => opened.map_err(StoreError::into_failure),
            },
            None => Ok(Self::in_memory(caps)),
        }
    }

    /// A journal in memory that ends with the process: for replays and tests.
    pub fn in_memory(caps: Caps) -> Self {
        let place = Place::Memory { store: Memory::default(), newest_unix_ms: AtomicU64::new(0) };
        Self::assemble(caps, place, None, None)
    }

    fn open_file(path: &Path, caps: Caps) -> Result<Self, StoreError> {
        let mut store = Sqlite::open(path)?;
        let health = store.load_state(HEALTH)?;
        let set_aside = store.set_aside.clone();
        let queue = Arc::new(Queue::new(caps.queue_rows_max));
        let writer = Writer::start(Box::new(store), Arc::clone(&queue), caps)?;
        let path = path.to_owned();
        let place = Place::File { path, queue, writer: Mutex::new(Some(writer)) };
        Ok(Self::assemble(caps, place, set_aside, health))
    }

    fn assemble(
        caps: Caps,
        place: Place,
        set_aside: Option<PathBuf>,
        health: Option<State>,
    ) -> Self {
        let sampler = Sampler::new(caps.rate_max);
        let sampled_away = AtomicU64::new(0);
        Self(Arc::new(Inner { caps, sampler, sampled_away, place, set_aside, health }))
    }

    /// Records a finished request. Never blocks and never fails: what cannot be kept is counted.
    ///
    /// An entry that is not clean ([`Entry::is_clean`]) is never sampled, and finds room when clean
    /// ones no longer do.
    pub fn record(&self, entry: Entry) {
        let weight = if entry.is_clean() { self.clean_weight(entry.at_unix_ms) } else { Some(1) };
        if let Some(weight) = weight {
            self.keep(Recorded { entry, weight });
        }
    }

    /// Records a clean request, building its entry only if it is to be kept.
    ///
    /// `entry` must be clean and of the time `at_unix_ms`. Above the rate this costs a few
    /// nanoseconds instead of the microsecond that building an entry takes.
    pub fn record_clean(&self, at_unix_ms: u64, entry: impl FnOnce() -> Entry) {
        if let Some(weight) = self.clean_weight(at_unix_ms) {
            self.keep(Recorded { entry: entry(), weight });
        }
    }

    fn clean_weight(&self, at_unix_ms: u64) -> Option<u32> {
        let weight = self.0.sampler.weight(at_unix_ms);
        if weight.is_none() {
            self.0.sampled_away.fetch_add(1, Ordering::Relaxed);
        }
        weight
    }

    fn keep(&self, row: Recorded) {
        match &self.0.place {
            Place::Memory { store, newest_unix_ms } => {
                let at_unix_ms = row.entry.at_unix_ms;
                let newest =
                    newest_unix_ms.fetch_max(at_unix_ms, Ordering::Relaxed).max(at_unix_ms);
                store.keep(row, &bounds(&self.0.caps, newest));
            }
            Place::File { queue, .. } => queue.offer(row),
        }
    }

    /// Saves the health of all targets, so that a restart keeps what was learnt.
    ///
    /// Never blocks. Of several calls within a second only the newest reaches the disk; the last one
    /// before [`Journal::close`] always does.
    pub fn health_save(&self, json: String, at_unix_ms: u64) {
        let state = State { json, saved_at_unix_ms: at_unix_ms };
        match &self.0.place {
            // Memory keeps whatever it is given.
            Place::Memory { store, .. } => {
                let _kept = store.clone().save_state(HEALTH, &state);
            }
            Place::File { queue, .. } => queue.offer_state(state),
        }
    }

    /// The health last saved before this journal was opened, and when, in milliseconds since 1970.
    pub fn health_load(&self) -> Option<(String, u64)> {
        let state = match &self.0.place {
            Place::Memory { store, .. } => store.clone().load_state(HEALTH).ok().flatten(),
            Place::File { .. } => self.0.health.clone(),
        };
        state.map(|state| (state.json, state.saved_at_unix_ms))
    }

    /// The newest `rows_max` rows on disk, newest first. Blocks: not for the request path.
    pub fn recent(&self, rows_max: usize) -> Result<Vec<Recorded>, Failure> {
        self.ask(|store| store.recent(rows_max))
    }

    /// Takes every row out of a journal in memory, oldest first, for whoever counts while it runs.
    /// A file keeps its rows, and none is given.
    pub fn take(&self) -> Vec<Recorded> {
        match &self.0.place {
            Place::Memory { store, .. } => store.take(),
            Place::File { .. } => Vec::new(),
        }
    }

    /// Sums over the rows that arrived at or after this time. Blocks for as long as it takes to read
    /// the whole journal: not for the request path.
    pub fn counts(&self, since_unix_ms: u64) -> Result<Counts, Failure> {
        self.ask(|store| store.counts(since_unix_ms))
    }

    fn ask<T>(
        &self,
        question: impl FnOnce(&mut dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, Failure> {
        let answer = match &self.0.place {
            Place::Memory { store, .. } => question(&mut store.clone()),
            Place::File { path, .. } => {
                Sqlite::open_reader(path).and_then(|mut reader| question(&mut reader))
            }
        };
        answer.map_err(StoreError::into_failure)
    }

    /// Entries lost because the queue was full.
    pub fn dropped(&self) -> u64 {
        self.standing().dropped
    }

    /// How the journal itself is doing.
    pub fn standing(&self) -> Standing {
        let mut standing = match &self.0.place {
            Place::Memory { .. } => Standing::default(),
            Place::File { queue, .. } => queue.standing(),
        };
        standing.sampled_away = self.0.sampled_away.load(Ordering::Relaxed);
        standing.set_aside.clone_from(&self.0.set_aside);
        standing
    }

    /// Waits until everything recorded so far is on disk, or could not be written.
    pub fn flush(&self) {
        if let Place::File { queue, .. } = &self.0.place {
            queue.flush();
        }
    }

    /// Writes what waits and ends the writing thread. What is recorded later is dropped and counted.
    pub fn close(&self) {
        if let Place::File { queue, writer, .. } = &self.0.place {
            queue.close();
            let writer = writer.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(writer) = writer {
                writer.join();
            }
        }
    }
}

/// The bounds at the time of the newest row.
fn bounds(caps: &Caps, newest_unix_ms: u64) -> Bounds {
    let oldest_unix_ms = newest_unix_ms.saturating_sub(caps.age_ms_max);
    Bounds { size_bytes_max: caps.size_bytes_max, oldest_unix_ms }
}
