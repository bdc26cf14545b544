use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a target's machines keep across a restart: durations and counts, never moments.
///
/// Unknown and missing fields are tolerated, so that an older or newer gateway can read it; values
/// out of range are clamped by whoever recalls them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Remembered trips, fading.
    pub trips: f64,
    /// Probes that failed in a row.
    pub failed_probes: u32,
    /// What is left of an open breaker's pause, in ms; 0 means half-open, `None` closed.
    pub open_left_ms: Option<u64>,
    /// The step of a return that was under way.
    pub ramp_step: Option<usize>,
    /// Steps of demotion.
    pub demotion_step: usize,
    /// Attempts that the base failure rate was learnt from.
    pub base_attempts: f64,
    /// Failures among them.
    pub base_failures: f64,
    /// What is left of a rate-limit pause, in ms.
    pub pause_left_ms: u64,
    /// Doublings of the next rate-limit pause.
    pub rate_level: f64,
    /// Why the target is blocked: `auth`, `quota` or `model`.
    pub blocked: Option<String>,
    /// What is left until a probe may look again, in ms.
    pub block_left_ms: u64,
    /// Doublings of the next block.
    pub block_level: f64,
    /// Counts of first-token times by bucket.
    pub first_token: Vec<u32>,
    /// Counts of whole-answer times by bucket.
    pub whole: Vec<u32>,
    /// Counts of gaps by bucket.
    pub gap: Vec<u32>,
    /// How long nobody had asked for the target when this was saved, in ms.
    pub unmet_ms: u64,
}

impl Memory {
    /// The same memory this much later, of a target that nobody has asked for meanwhile: what was
    /// to be waited for is nearer, or over. Trips fade only when they are recalled.
    #[must_use]
    pub fn aged(&self, by: Duration) -> Self {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        Self {
            open_left_ms: self.open_left_ms.map(|left| left.saturating_sub(by)),
            pause_left_ms: self.pause_left_ms.saturating_sub(by),
            block_left_ms: self.block_left_ms.saturating_sub(by),
            unmet_ms: self.unmet_ms.saturating_add(by),
            ..self.clone()
        }
    }
}
