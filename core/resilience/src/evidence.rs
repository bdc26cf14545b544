use crate::tuning::DemotionTuning;

/// The weights of a sequential test between two failure rates: what one ending says, in nats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ratio {
    /// What a hard failure says for the worse rate; positive.
    pub(crate) failure: f64,
    /// What a success says against it; positive.
    pub(crate) success: f64,
}

impl Ratio {
    /// The test for a brown-out of a target with this base rate.
    pub(crate) fn of(base: f64, tuning: &DemotionTuning) -> Self {
        Self::between(base, (base + tuning.suspect_plus).max(base * tuning.suspect_times))
    }

    /// The log-likelihood ratios of a Bernoulli trial (Wald 1945).
    pub(crate) fn between(base: f64, worse: f64) -> Self {
        let worse = worse.clamp(base, 0.9);
        Self { failure: (worse / base).ln(), success: ((1.0 - base) / (1.0 - worse)).ln() }
    }
}

/// A target's own failure rate when all is well, learnt slowly.
///
/// What is seen during a suspicion is set aside: it joins the base when the suspicion is lifted and
/// is thrown away when it proves true. Leaving failures out altogether would bias the base low, and
/// taking them in at once would let a brown-out hide itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Base {
    attempts: f64,
    failures: f64,
    aside_attempts: f64,
    aside_failures: f64,
}

impl Base {
    /// Nothing learnt yet.
    pub(crate) fn new(tuning: &DemotionTuning) -> Self {
        let attempts = tuning.base_prior_attempts;
        Self::recall(attempts, attempts * tuning.base_min)
    }

    /// What was learnt in a former life.
    pub(crate) fn recall(attempts: f64, failures: f64) -> Self {
        let attempts = if attempts.is_finite() { attempts.max(1.0) } else { 1.0 };
        let failures = if failures.is_finite() { failures.clamp(0.0, attempts) } else { 0.0 };
        Self { attempts, failures, aside_attempts: 0.0, aside_failures: 0.0 }
    }

    /// Attempts and failures learnt.
    pub(crate) fn learnt(&self) -> (f64, f64) {
        (self.attempts, self.failures)
    }

    /// The rate to test against.
    pub(crate) fn rate(&self, tuning: &DemotionTuning) -> f64 {
        (self.failures / self.attempts).clamp(tuning.base_min, tuning.base_max)
    }

    /// Sets endings aside until it is known whether they were ordinary.
    pub(crate) fn put_aside(&mut self, attempts: f64, failures: f64) {
        self.aside_attempts += attempts;
        self.aside_failures += failures;
    }

    /// They were ordinary.
    pub(crate) fn learn(&mut self, tuning: &DemotionTuning) {
        self.attempts += self.aside_attempts;
        self.failures += self.aside_failures;
        self.forget();
        // A rate beyond belief would take long to unlearn.
        self.failures = self.failures.min(self.attempts * tuning.base_max);
        while self.attempts > tuning.base_attempts_max {
            self.attempts /= 2.0;
            self.failures /= 2.0;
        }
    }

    /// They were part of an outage.
    pub(crate) fn forget(&mut self) {
        self.aside_attempts = 0.0;
        self.aside_failures = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_aside_counts_only_when_it_proves_ordinary() {
        let tuning = DemotionTuning::default();
        let mut base = Base::new(&tuning);
        base.put_aside(100.0, 30.0);
        assert!((base.rate(&tuning) - tuning.base_min).abs() < 1e-12);
        base.forget();
        base.learn(&tuning);
        assert!((base.rate(&tuning) - tuning.base_min).abs() < 1e-12);
        base.put_aside(900.0, 27.0);
        base.learn(&tuning);
        assert!((base.rate(&tuning) - 30.0 / 1200.0).abs() < 1e-9);
    }

    #[test]
    fn a_high_rate_is_never_believed_to_be_normal() {
        let tuning = DemotionTuning::default();
        let mut base = Base::new(&tuning);
        base.put_aside(100_000.0, 10_000.0);
        base.learn(&tuning);
        assert!(base.rate(&tuning) <= tuning.base_max);
    }
}
