use std::time::Duration;

/// Numbers of the ramp.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RampTuning {
    /// Shares of the return, lowest first; after the last the share is whole.
    pub shares: [f32; 3],
    /// Successes that finish a step.
    pub step_successes: u32,
    /// Time that finishes a step with fewer successes, so that low traffic returns.
    pub step_max: Duration,
    /// Shortest step after a first trip, so that high traffic does not stampede.
    pub step_min: Duration,
    /// Remembered trips from which every step takes its longest time.
    pub patient_trips: f64,
    /// Evidence (nats) that the ramp starts with (fast initial response, Lucas and Crosier 1982).
    pub head_start: f64,
    /// The failure rate that the return is tested for: an outage, not a brown-out.
    pub burst_rate: f64,
    /// How lately a request must have had nothing better for the return to be swift.
    pub needed_within: Duration,
    /// Time that finishes a step of a swift return: what waits for it is answered by something
    /// lesser, and a provider that is not ready says so within two answers.
    pub swift_step_max: Duration,
    /// The failure rate that a swift return is tested for: at 15 % failures the target still does
    /// more than what would be left without it.
    pub swift_burst_rate: f64,
    /// Evidence (nats) that opens the breaker again: two failures at the start, three later on.
    pub alarm: f64,
}

impl Default for RampTuning {
    fn default() -> Self {
        Self {
            shares: [0.1, 0.25, 0.5],
            step_successes: 20,
            step_max: Duration::from_secs(60),
            step_min: Duration::from_secs(5),
            patient_trips: 1.5,
            head_start: 3.0,
            burst_rate: 0.3,
            needed_within: Duration::from_secs(300),
            swift_step_max: Duration::from_secs(10),
            swift_burst_rate: 0.6,
            alarm: 7.0,
        }
    }
}
