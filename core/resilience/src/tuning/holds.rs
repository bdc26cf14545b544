use std::time::Duration;

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
    /// How often the ceiling of an acceleration limit grows, and the least time between two cuts of
    /// it: providers count growth per minute.
    pub ceiling_step: Duration,
    /// How much it grows then (`OpenAI`: by half).
    pub ceiling_growth: f32,
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
            ceiling_step: Duration::from_secs(60),
            ceiling_growth: 1.5,
            ceiling_min: 0.1,
        }
    }
}
