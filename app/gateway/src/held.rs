//! The memory that retained bodies and held frames of all requests share.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::gateway::Shared;

/// What one request holds of it; dropping it gives all back.
#[derive(Debug)]
pub(crate) struct Held {
    shared: Arc<Shared>,
    bytes: u64,
}

/// Whether there was room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fits {
    Yes,
    No,
}

impl Held {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared, bytes: 0 }
    }

    /// Holds so many bytes from now on, and says whether all requests together stay in the budget.
    pub(crate) fn set(&mut self, bytes: usize) -> Fits {
        let bytes = bytes as u64;
        let all = &self.shared.held_bytes;
        let before = if bytes >= self.bytes {
            all.fetch_add(bytes - self.bytes, Ordering::Relaxed) + (bytes - self.bytes)
        } else {
            all.fetch_sub(self.bytes - bytes, Ordering::Relaxed) - (self.bytes - bytes)
        };
        self.bytes = bytes;
        if before <= self.shared.held_bytes_max.load(Ordering::Relaxed) {
            Fits::Yes
        } else {
            Fits::No
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shared.held_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
