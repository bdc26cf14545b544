//! Rows of a table checked side by side: all that are wrong are told at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::{Id, JoinSet};

use crate::quick::quickly;

/// Checks that run at once. All share one thread: were they hundreds, each would wait for the others
/// longer than its clocks allow. Those that wait for a clock to run out take a place and no time.
const AT_ONCE: usize = 48;

/// Checks under way.
pub(crate) struct Checks {
    places: Arc<Semaphore>,
    running: JoinSet<()>,
    names: BTreeMap<Id, String>,
}

impl Default for Checks {
    fn default() -> Self {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        Self { places, running: JoinSet::new(), names: BTreeMap::new() }
    }
}

impl Checks {
    /// Starts a check; it fails by panicking.
    pub(crate) fn add(&mut self, name: String, check: impl Future<Output = ()> + Send + 'static) {
        let places = Arc::clone(&self.places);
        let handle = self.running.spawn(async move {
            let _place = places.acquire_owned().await.expect("places are never closed");
            check.await;
        });
        self.names.insert(handle.id(), name);
    }

    /// The same in time of their own: see [`quickly`].
    pub(crate) async fn pass_quickly(self) {
        quickly(self.pass()).await;
    }

    /// Waits for all, and fails with the names of those that failed.
    pub(crate) async fn pass(mut self) {
        let mut failed = Vec::new();
        while let Some(ended) = self.running.join_next().await {
            let Err(error) = ended else { continue };
            let name = self.names.remove(&error.id()).unwrap_or_default();
            let cause = error.into_panic();
            let text = cause.downcast_ref::<String>().map_or("panicked", String::as_str);
            failed.push(format!("{name}: {text}"));
        }
        failed.sort();
        assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
    }
}
