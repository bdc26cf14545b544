use std::time::Duration;

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
