//! Rows of a table checked side by side: all that are wrong are told at once.

use std::collections::BTreeMap;

use tokio::task::{Id, JoinSet};

/// Checks under way.
#[derive(Default)]
pub(crate) struct Checks {
    running: JoinSet<()>,
    names: BTreeMap<Id, String>,
}

impl Checks {
    /// Starts a check; it fails by panicking.
    pub(crate) fn add(&mut self, name: String, check: impl Future<Output = ()> + Send + 'static) {
        let handle = self.running.spawn(check);
        self.names.insert(handle.id(), name);
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
