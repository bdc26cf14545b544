//! This dialect has no slot for reasoning that is bound to its issuer.

/// Whether there may be any.
pub(crate) const fn has_thoughts(_body: &[u8]) -> bool {
    false
}
