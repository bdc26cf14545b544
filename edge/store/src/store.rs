mod columns;
mod error;
mod memory;
mod sqlite;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;

pub(crate) use error::StoreError;
pub(crate) use memory::Memory;
pub(crate) use sqlite::Sqlite;

use crate::Entry;

/// An entry as kept: with the number of clean requests it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The entry itself.
    pub entry: Entry,
    /// How many requests it stands for: 1, or more where clean ones were sampled.
    pub weight: u32,
}

/// Sums over a span of the journal; every figure counts requests by weight.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All requests.
    pub requests: u64,
    /// Those that got a complete answer.
    pub answered: u64,
    /// Answered ones that got the full tier.
    pub full: u64,
    /// Answered ones that needed more than one attempt, or a resume.
    pub rescued: u64,
    /// Those that got an error or a broken stream.
    pub failed: u64,
    /// Those whose client left.
    pub left: u64,
    /// Attempts made for all of them.
    pub attempts: u64,
    /// Requests that were not answered, by the code of their class.
    pub classes: BTreeMap<String, u64>,
    /// Answered requests, by the target that answered.
    pub answered_by: BTreeMap<String, u64>,
}

/// How much a store keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) size_bytes_max: u64,
    /// Rows that arrived before this are too old.
    pub(crate) oldest_unix_ms: u64,
}

/// Where the journal is kept. The promises are in `store/tests.rs`, one function each.
///
/// Calls block; only the writer thread and operators' questions make them.
pub(crate) trait Store: Send {
    /// Appends all rows or none; once it returns, they survive the end of this process.
    fn append(&mut self, rows: &[Recorded]) -> Result<(), StoreError>;

    /// Removes some of the oldest rows outside the bounds: a bounded piece of work, and at least as
    /// much as [`Store::append`] adds at a time. Returns the number of rows removed.
    fn trim(&mut self, bounds: &Bounds) -> Result<u64, StoreError>;

    /// Replaces the named state.
    fn save_state(&mut self, name: &str, state: &State) -> Result<(), StoreError>;

    /// The named state as last saved.
    fn load_state(&mut self, name: &str) -> Result<Option<State>, StoreError>;

    /// The newest `rows_max` rows, newest first.
    fn recent(&mut self, rows_max: usize) -> Result<Vec<Recorded>, StoreError>;

    /// Sums over the rows that arrived at or after this time.
    fn counts(&mut self, since_unix_ms: u64) -> Result<Counts, StoreError>;
}

/// Something small that outlives a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) json: String,
    pub(crate) saved_at_unix_ms: u64,
}
