//! The bytes that answers in the making, and those that were made, take of the memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The bytes of all.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Of requests: bounded where they enter, because they stay as long as they are needed.
    asked: AtomicU64,
    /// Of events and answers: the older go to make room.
    told: AtomicU64,
}

/// What one of them takes, until it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    tally: Arc<Tally>,
    asked: u64,
    told: u64,
}

impl Tally {
    pub(super) fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    pub(super) fn told(&self) -> u64 {
        self.told.load(Ordering::Relaxed)
    }
}

impl Share {
    /// Nothing yet.
    pub(super) fn of(tally: &Arc<Tally>) -> Self {
        Self { tally: Arc::clone(tally), asked: 0, told: 0 }
    }

    /// It takes so much now.
    pub(super) fn set(&mut self, asked: u64, told: u64) {
        // Atomic sums wrap around, so that less is more of a large number.
        self.tally.asked.fetch_add(asked.wrapping_sub(self.asked), Ordering::Relaxed);
        self.tally.told.fetch_add(told.wrapping_sub(self.told), Ordering::Relaxed);
        (self.asked, self.told) = (asked, told);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0, 0);
    }
}
