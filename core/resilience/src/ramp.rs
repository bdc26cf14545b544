//! The stepped return after an open breaker.
//!
//! ```text
//!  validated ──▶ 10 % ──▶ 25 % ──▶ 50 % ──▶ whole
//!                  └────────┴────────┴────▶ open again: a burst of failures
//! ```
//!
//! A step ends after enough successes and its shortest time, or after its longest time alone.

use std::time::Duration;

use backstop_vocabulary::{Moment, Weight};

use crate::evidence::Ratio;
use crate::tuning::RampTuning;

/// A return that is under way.
#[derive(Clone, Debug)]
pub(crate) struct Ramp {
    tuning: RampTuning,
    step: usize,
    since: Moment,
    good: u32,
    step_min: Duration,
    alarm: f64,
}

impl Ramp {
    /// Begins at the lowest share; with many remembered trips every step takes its longest time.
    pub(crate) fn begin(tuning: RampTuning, now: Moment, trips: f64) -> Self {
        let patient = trips >= tuning.patient_trips;
        Self {
            step: 0,
            since: now,
            good: 0,
            step_min: if patient { tuning.step_max } else { tuning.step_min },
            alarm: tuning.head_start,
            tuning,
        }
    }

    /// The return of a former life, at the beginning of the step it had reached.
    pub(crate) fn recall(tuning: RampTuning, now: Moment, trips: f64, step: usize) -> Self {
        Self { step: step.min(tuning.shares.len() - 1), ..Self::begin(tuning, now, trips) }
    }

    /// The step now, 0 first.
    pub(crate) fn step(&self, now: Moment) -> usize {
        let step_nanos = self.tuning.step_max.as_nanos().max(1);
        let waited = usize::try_from(now.since(self.since).as_nanos() / step_nanos);
        let early =
            self.good >= self.tuning.step_successes && now.since(self.since) >= self.step_min;
        self.step + waited.unwrap_or(usize::MAX).max(usize::from(early))
    }

    /// The share now, or `None` once the return is complete.
    pub(crate) fn share(&self, now: Moment) -> Option<f32> {
        self.tuning.shares.get(self.step(now)).copied()
    }

    /// Complete answers.
    pub(crate) fn handle_success(&mut self, now: Moment, count: u32, base: f64) {
        self.settle(now);
        let ratio = Ratio::between(base, self.tuning.burst_rate);
        self.good = self.good.saturating_add(count);
        self.alarm = (self.alarm - ratio.success * f64::from(count)).max(0.0);
        self.settle(now);
    }

    /// A failure; says whether it was one too many.
    pub(crate) fn handle_failure(&mut self, now: Moment, weight: Weight, base: f64) -> bool {
        self.settle(now);
        let ratio = Ratio::between(base, self.tuning.burst_rate);
        self.alarm += ratio.failure
            * match weight {
                Weight::None => return false,
                Weight::Half => 0.5,
                Weight::Full => 1.0,
            };
        self.alarm >= self.tuning.alarm
    }

    /// Moves to the step of this moment and starts counting anew there.
    fn settle(&mut self, now: Moment) {
        let step = self.step(now);
        if step > self.step {
            (self.step, self.since, self.good) = (step, now, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: f64 = 0.01;

    #[test]
    fn comes_back_in_three_minutes_without_any_traffic() {
        let ramp = Ramp::begin(RampTuning::default(), Moment::ZERO, 1.0);
        let share = |secs| ramp.share(Moment::from_secs(secs));
        assert_eq!(share(59), Some(0.1));
        assert_eq!(share(60), Some(0.25));
        assert_eq!(share(179), Some(0.5));
        assert_eq!(share(180), None);
    }

    #[test]
    fn comes_back_sooner_with_successes_but_never_at_once() {
        let mut ramp = Ramp::begin(RampTuning::default(), Moment::ZERO, 1.0);
        ramp.handle_success(Moment::from_secs(1), 1000, BASE);
        assert_eq!(ramp.share(Moment::from_secs(4)), Some(0.1));
        assert_eq!(ramp.share(Moment::from_secs(5)), Some(0.25));
    }

    #[test]
    fn takes_its_time_when_trips_are_remembered() {
        let mut ramp = Ramp::begin(RampTuning::default(), Moment::ZERO, 2.0);
        ramp.handle_success(Moment::from_secs(1), 1000, BASE);
        assert_eq!(ramp.share(Moment::from_secs(59)), Some(0.1));
        assert_eq!(ramp.share(Moment::from_secs(60)), Some(0.25));
    }

    #[test]
    fn two_failures_at_the_start_are_a_burst_and_one_among_many_is_not() {
        let mut ramp = Ramp::begin(RampTuning::default(), Moment::ZERO, 1.0);
        assert!(!ramp.handle_failure(Moment::from_secs(1), Weight::Full, BASE));
        assert!(ramp.handle_failure(Moment::from_secs(2), Weight::Full, BASE));
        let mut ramp = Ramp::begin(RampTuning::default(), Moment::ZERO, 1.0);
        for second in 1..180 {
            ramp.handle_success(Moment::from_secs(second), 1, BASE);
            if second % 60 == 0 {
                assert!(!ramp.handle_failure(Moment::from_secs(second), Weight::Full, BASE));
            }
        }
    }
}
