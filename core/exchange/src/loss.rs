use std::fmt;

/// Something of the request that the target's dialect or model could not carry.
///
/// Losses reach the `backstop-lost` header and the journal: nothing is lost silently.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Loss {
    /// The field, as the client's dialect writes it, for example `top_k`.
    pub field: String,
    /// Why and what was done instead: `not in openai_chat`, `clamped to 1`; lower case, no commas.
    pub reason: String,
}

impl Loss {
    /// A loss of `field` for `reason`.
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.field, self.reason)
    }
}
