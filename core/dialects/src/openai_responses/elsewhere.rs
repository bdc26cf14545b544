//! What other dialects make of what only this one has.

use serde_json::Value;

/// No tool that this dialect's provider runs goes elsewhere.
pub(crate) const fn tool_elsewhere(_definition: &Value) -> Option<crate::dispatch::StandIn> {
    None
}

/// No item or part that only this dialect has is text.
pub(crate) const fn text_elsewhere(_kind: &str, _block: &Value) -> Option<String> {
    None
}
