use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Bounds, Counts, Recorded, State, Store, StoreError};
use crate::Outcome;

/// What a row is taken to weigh besides its attempts, in bytes: the struct and its short strings.
const ROW_BYTES: u64 = 600;
const ATTEMPT_BYTES: u64 = 200;

/// The back end of replays and tests: nothing outlives the process. Clones share their rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    rows: VecDeque<Recorded>,
    bytes: u64,
    states: BTreeMap<String, State>,
}

impl Memory {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends one row and trims, without an intermediate list: replays record millions.
    pub(crate) fn keep(&self, row: Recorded, bounds: &Bounds) {
        let mut kept = self.kept();
        kept.push(row);
        let _rows = kept.trim(bounds);
    }

    /// Empties it, oldest row first.
    pub(crate) fn take(&self) -> Vec<Recorded> {
        let mut kept = self.kept();
        kept.bytes = 0;
        std::mem::take(&mut kept.rows).into()
    }
}

impl Kept {
    fn push(&mut self, row: Recorded) {
        self.bytes += bytes(&row);
        self.rows.push_back(row);
    }

    fn trim(&mut self, bounds: &Bounds) -> u64 {
        let mut removed = 0;
        while let Some(oldest) = self.rows.front() {
            let too_old = oldest.entry.at_unix_ms < bounds.oldest_unix_ms;
            if !too_old && self.bytes <= bounds.size_bytes_max {
                break;
            }
            self.bytes -= bytes(oldest);
            self.rows.pop_front();
            removed += 1;
        }
        removed
    }
}

impl Store for Memory {
    fn append(&mut self, rows: &[Recorded]) -> Result<(), StoreError> {
        let mut kept = self.kept();
        rows.iter().cloned().for_each(|row| kept.push(row));
        Ok(())
    }

    fn trim(&mut self, bounds: &Bounds) -> Result<u64, StoreError> {
        Ok(self.kept().trim(bounds))
    }

    fn save_state(&mut self, name: &str, state: &State) -> Result<(), StoreError> {
        self.kept().states.insert(name.to_owned(), state.clone());
        Ok(())
    }

    fn load_state(&mut self, name: &str) -> Result<Option<State>, StoreError> {
        Ok(self.kept().states.get(name).cloned())
    }

    fn recent(&mut self, rows_max: usize) -> Result<Vec<Recorded>, StoreError> {
        Ok(self.kept().rows.iter().rev().take(rows_max).cloned().collect())
    }

    fn counts(&mut self, since_unix_ms: u64) -> Result<Counts, StoreError> {
        let mut counts = Counts::default();
        for row in self.kept().rows.iter().filter(|row| row.entry.at_unix_ms >= since_unix_ms) {
            count(&mut counts, row);
        }
        Ok(counts)
    }
}

fn bytes(row: &Recorded) -> u64 {
    ROW_BYTES + ATTEMPT_BYTES * u64::try_from(row.entry.attempts.len()).unwrap_or(u64::MAX)
}

fn count(counts: &mut Counts, row: &Recorded) {
    let (entry, weight) = (&row.entry, u64::from(row.weight));
    counts.requests += weight;
    counts.attempts += weight * u64::try_from(entry.attempts.len()).unwrap_or(u64::MAX);
    match entry.outcome {
        Outcome::Answered => {
            counts.answered += weight;
            counts.full +=
                if entry.tier == Some(backstop_vocabulary::Tier::Full) { weight } else { 0 };
            counts.rescued += if entry.resumed || entry.attempts.len() > 1 { weight } else { 0 };
            if let Some(target) = &entry.answered_by {
                *counts.answered_by.entry(target.to_string()).or_default() += weight;
            }
        }
        Outcome::Failed => counts.failed += weight,
        Outcome::Left => counts.left += weight,
    }
    if let (Outcome::Failed | Outcome::Left, Some(class)) = (entry.outcome, entry.class) {
        *counts.classes.entry(class.code().to_owned()).or_default() += weight;
    }
}
