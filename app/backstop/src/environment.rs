//! The one place that reads the environment.

use std::collections::BTreeMap;

/// The environment as a map; values that are not text are left out.
pub(crate) fn read() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
