use std::time::Duration;

/// Every number of the machines, in one place. The defaults carry their sources; change them only
/// with a replay that shows why.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tuning {
    /// When to stop attempts and when to try again.
    pub breaker: BreakerTuning,
    /// When and how far to lower the share of a browned-out target.
    pub demotion: DemotionTuning,
    /// The stepped return after an open breaker.
    pub ramp: RampTuning,
    /// Pauses for rate limits and blocks for credentials, money and unknown models.
    pub holds: HoldTuning,
    /// The adaptive clocks of an attempt.
    pub clocks: ClockTuning,
    /// The traffic that a lowered share never falls below.
    pub floor: FloorTuning,
}

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

/// Numbers of the demotion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DemotionTuning {
    /// Shares from healthy to worst.
    pub shares: [f32; 4],
    /// The base rate assumed before anything is learnt, and the lowest one tested against.
    pub base_min: f64,
    /// The highest base rate that is ever believed: against 3 % a 10 % brown-out stays one, however
    /// long it lasts.
    pub base_max: f64,
    /// How long a demotion lasts before what is seen is believed to be the target's nature. Without
    /// it a target that always failed 4 % would be demoted for ever.
    pub believe_after: Duration,
    /// How many attempts the assumed base rate is worth.
    pub base_prior_attempts: f64,
    /// Attempts after which what was learnt is halved, so that the base moves slowly.
    pub base_attempts_max: f64,
    /// The suspected rate is at least the base plus this.
    pub suspect_plus: f64,
    /// The suspected rate is at least the base times this.
    pub suspect_times: f64,
    /// Evidence (nats) that takes the first step down.
    ///
    /// Computed exactly as a Markov chain for a base of 1 %: 6 nats catch a 10 % brown-out within
    /// 100 attempts with 96 %, a 25 % one within 40 with 99.5 %, and cry wolf once per 135,000
    /// attempts at 0.5 % and once per 13,000 at 1 %. 8 nats would give 91 % and once per 100,000
    /// at 1 %; no test gives both (Lorden 1971), and a false alarm costs little: half of the share
    /// goes to the next rung for a minute or two.
    pub alarm: f64,
    /// Evidence (nats) that takes each further step down.
    pub alarm_further: f64,
    /// Evidence for health (nats) that takes a step up: about 1 % error at the suspected rate.
    pub relief: f64,
    /// Evidence for health (nats) from which the full floor rate applies again.
    pub lean: f64,
    /// Answers of the next rung that prove it can take more.
    pub proof_answers: u32,
    /// How long a step lasts at least when the next rung's proof is missing.
    pub unproved_step: Duration,
    /// How long no step is taken after the next rung showed strain.
    pub strain_hold: Duration,
}

impl Default for DemotionTuning {
    fn default() -> Self {
        Self {
            shares: [1.0, 0.5, 0.25, 0.1],
            base_min: 0.01,
            base_max: 0.03,
            believe_after: Duration::from_secs(2 * 3600),
            base_prior_attempts: 300.0,
            base_attempts_max: 4000.0,
            suspect_plus: 0.08,
            suspect_times: 4.0,
            alarm: 6.0,
            alarm_further: 4.0,
            relief: 4.6,
            lean: 1.5,
            proof_answers: 20,
            unproved_step: Duration::from_secs(60),
            strain_hold: Duration::from_secs(60),
        }
    }
}

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
            alarm: 7.0,
        }
    }
}

/// Numbers of pauses and blocks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HoldTuning {
    /// First pause after a 429 without a stay-away; doubled by the next ones.
    pub rate_pause_min: Duration,
    /// Longest pause of our own making after a 429.
    pub rate_pause_max: Duration,
    /// Shortest stay-away honoured after a 429.
    pub rate_stay_away_min: Duration,
    /// Longest stay-away honoured after a 429.
    pub rate_stay_away_max: Duration,
    /// Successes that undo one doubling.
    pub forgive_successes: f64,
    /// Pauses in a row without a success from which 429s count as overload.
    pub false_limit_pauses: u32,
    /// Time without a success from which 429s count as overload.
    pub false_limit_after: Duration,
    /// Shortest block for quota, whatever the provider says.
    pub quota_min: Duration,
    /// Longest block for quota between two looks.
    pub quota_max: Duration,
    /// Quota is probed at most once in this time.
    pub quota_probe: Duration,
    /// First block after a refused credential that worked recently.
    pub auth_min: Duration,
    /// First block after a refused credential that did not work recently.
    pub auth_unproved: Duration,
    /// Longest block after a refused credential.
    pub auth_max: Duration,
    /// How recent a success must be to call a credential working.
    pub auth_recent: Duration,
    /// First block of an unknown model.
    pub model_min: Duration,
    /// Longest block of an unknown model.
    pub model_max: Duration,
    /// How long an acceleration limit lowers the ceiling (`OpenAI`: growth per 15 min).
    pub acceleration: Duration,
    /// The lowest ceiling.
    pub ceiling_min: f32,
}

impl Default for HoldTuning {
    fn default() -> Self {
        Self {
            rate_pause_min: Duration::from_secs(1),
            rate_pause_max: Duration::from_secs(60),
            rate_stay_away_min: Duration::from_secs(1),
            rate_stay_away_max: Duration::from_secs(300),
            forgive_successes: 10.0,
            false_limit_pauses: 5,
            false_limit_after: Duration::from_secs(60),
            quota_min: Duration::from_secs(60),
            quota_max: Duration::from_secs(24 * 3600),
            quota_probe: Duration::from_secs(900),
            auth_min: Duration::from_secs(5),
            auth_unproved: Duration::from_secs(60),
            auth_max: Duration::from_secs(900),
            auth_recent: Duration::from_secs(600),
            model_min: Duration::from_secs(60),
            model_max: Duration::from_secs(900),
            acceleration: Duration::from_secs(900),
            ceiling_min: 0.1,
        }
    }
}

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

/// The traffic a lowered share never falls below.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FloorTuning {
    /// Requests per second while the evidence leans to health.
    pub rate: f32,
    /// Requests in flight while the evidence leans to health.
    pub in_flight: u32,
    /// Requests per second while the evidence leans to a brown-out: enough for 1 request a minute
    /// to pass whole, little enough that 1 request a second is not failed twice over.
    pub suspect_rate: f32,
}

impl Default for FloorTuning {
    fn default() -> Self {
        Self { rate: 1.0, in_flight: 2, suspect_rate: 0.1 }
    }
}
