//! What other dialects make of what only this one has: so far nothing.

use serde_json::Value;

use crate::dispatch::StandIn;

/// The function that stands in for a hosted tool: there is none that a client runs.
pub(crate) const fn tool_elsewhere(_: &Value) -> Option<StandIn> {
    None
}

/// The text that says what a part says: parts that nobody knows say nothing to others.
pub(crate) const fn text_elsewhere(_: &str, _: &Value) -> Option<String> {
    None
}
