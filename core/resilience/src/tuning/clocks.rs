use std::time::Duration;

/// Numbers of the clocks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClockTuning {
    /// First-token clock before enough is known.
    pub first_token_start: Duration,
    /// Shortest first-token clock.
    pub first_token_min: Duration,
    /// Longest first-token clock.
    pub first_token_max: Duration,
    /// Whole-answer (unary) clock before enough is known, and the longest.
    pub whole_max: Duration,
    /// Shortest whole-answer clock.
    pub whole_min: Duration,
    /// Gap clock before enough is known.
    pub gap_start: Duration,
    /// Shortest gap clock.
    pub gap_min: Duration,
    /// Longest gap clock.
    pub gap_max: Duration,
    /// Slow threshold before enough is known.
    pub slow_start: Duration,
    /// Lowest slow threshold.
    pub slow_min: Duration,
    /// Clocks are this many times the 99.9th percentile (false-timeout target 0.1 %, AWS).
    pub clock_times: f64,
    /// The slow threshold is this many times the 95th percentile.
    pub slow_times: f64,
    /// Samples before a clock adapts.
    pub samples_min: u32,
    /// Longest time that a suspicion keeps the baselines frozen; after it the new normal is learnt.
    pub freeze_max: Duration,
}

impl Default for ClockTuning {
    fn default() -> Self {
        Self {
            first_token_start: Duration::from_secs(30),
            first_token_min: Duration::from_secs(10),
            first_token_max: Duration::from_secs(60),
            whole_max: Duration::from_secs(600),
            whole_min: Duration::from_secs(60),
            gap_start: Duration::from_secs(30),
            gap_min: Duration::from_secs(10),
            gap_max: Duration::from_secs(60),
            slow_start: Duration::from_secs(10),
            slow_min: Duration::from_secs(5),
            clock_times: 1.5,
            slow_times: 3.0,
            samples_min: 100,
            freeze_max: Duration::from_secs(6 * 3600),
        }
    }
}
