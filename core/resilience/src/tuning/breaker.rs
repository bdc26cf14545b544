use std::time::Duration;

/// Numbers of the breaker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerTuning {
    /// Hard failures in a row that open (5: Envoy outlier detection, Finagle failure accrual).
    pub streak: u32,
    /// How old the first of the row may be. Longer than the usual 60 s, so that a target with one
    /// request a minute is left after five failures too; five in a row are 10⁻¹⁰ at a base of 1 %.
    pub streak_within: Duration,
    /// Length of the short window (30 s: Finagle, Envoy admission control).
    pub short: Duration,
    /// Samples the short window needs before its ratio counts.
    pub short_samples_min: u32,
    /// Length of the long window, which serves low traffic.
    pub long: Duration,
    /// Samples the long window needs before its ratio counts.
    pub long_samples_min: u32,
    /// Weighted failures that a ratio needs besides its samples, so that one unlucky pair does not
    /// open a target that is hardly used.
    pub failures_min: u32,
    /// Share of success below which a window opens (0.8: Finagle).
    pub success_share_min: f64,
    /// How sure of that, in standard deviations (1.64: 95 %, one-sided). Without it a 10 % brown-out,
    /// which is the demotion's matter, would by luck open the breaker every hour.
    pub confidence: f64,
    /// Share of slow attempts at which a window opens (half; resilience4j counts slow calls alike).
    pub slow_share_max: f64,
    /// Slow attempts that the slow share needs.
    pub slow_samples_min: u32,
    /// The first pause, doubled with every failed probe (5 s: Finagle `markDeadFor`).
    pub pause_min: Duration,
    /// The longest pause (300 s: Finagle; half of the incidents last under an hour).
    pub pause_max: Duration,
    /// Shortest stay-away that is honoured.
    pub stay_away_min: Duration,
    /// Longest stay-away that is honoured; providers have sent three days by mistake.
    pub stay_away_max: Duration,
    /// After this a probe's lease is void: no ending came, another probe may go.
    pub lease: Duration,
    /// Successful completions before the return.
    pub validations: u32,
    /// Shortest time between two validations after the first trip; doubled by each remembered trip.
    pub validation_gap: Duration,
    /// Longest time between two validations.
    pub validation_gap_max: Duration,
    /// How long a due probe waits for the synthetic prober before a client's request takes its place.
    pub canary_after: Duration,
    /// The memory of trips halves in this time (17–23 % of incidents re-break within 6 h, and they
    /// cluster over days, so an eighth is still there after 24 h).
    pub trip_half_life: Duration,
    /// How many doublings of the first pause one remembered trip is worth.
    pub trip_doublings: f64,
}

impl Default for BreakerTuning {
    fn default() -> Self {
        Self {
            streak: 5,
            streak_within: Duration::from_secs(900),
            short: Duration::from_secs(30),
            short_samples_min: 20,
            long: Duration::from_secs(300),
            long_samples_min: 5,
            failures_min: 4,
            success_share_min: 0.8,
            confidence: 1.64,
            slow_share_max: 0.5,
            slow_samples_min: 5,
            pause_min: Duration::from_secs(5),
            pause_max: Duration::from_secs(300),
            stay_away_min: Duration::from_secs(1),
            stay_away_max: Duration::from_secs(300),
            lease: Duration::from_secs(90),
            validations: 3,
            validation_gap: Duration::from_secs(1),
            validation_gap_max: Duration::from_secs(20),
            canary_after: Duration::from_secs(10),
            trip_half_life: Duration::from_secs(8 * 3600),
            trip_doublings: 2.0,
        }
    }
}
