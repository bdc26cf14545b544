use crate::{Scope, Symptom};

/// A fault set from outside while the simulator runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Behaviour {
    /// Whom it hits.
    pub scope: Scope,
    /// What they see.
    pub symptom: Symptom,
    /// How many of them, `0.0..=1.0`.
    pub share: f64,
}
