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
    /// When the successes of this step were complete.
    full: Option<Moment>,
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
            full: None,
            step_min: if patient { tuning.step_max } else { tuning.step_min },
            alarm: tuning.head_start,
            tuning,
        }
    }

    /// The return of a former life, at the beginning of the step it had reached.
    pub(crate) fn recall(tuning: RampTuning, now: Moment, trips: f64, step: usize) -> Self {
        Self { step: step.min(tuning.shares.len() - 1), ..Self::begin(tuning, now, trips) }
    }

    /// The step now, 0 first; the number of shares once the return is complete.
    pub(crate) fn step(&self, now: Moment) -> usize {
        self.place(now).0
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
        if self.good >= self.tuning.step_successes {
            self.full.get_or_insert(now);
        }
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
        let (step, since) = self.place(now);
        if step > self.step {
            (self.step, self.since, self.good, self.full) = (step, since, 0, None);
        }
    }

    /// The step of this moment and when it began.
    fn place(&self, now: Moment) -> (usize, Moment) {
        let (mut step, mut since) = (self.step, self.since);
        let early = self.full.map_or(Moment::NEVER, |full| full.max(since + self.step_min));
        let mut ends = early.min(since + self.tuning.step_max);
        while ends <= now && step < self.tuning.shares.len() {
            (step, since) = (step + 1, ends);
            // Of the steps after the counted one nothing is known but the time.
            ends = since + self.tuning.step_max;
        }
        (step, since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

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

    /// The reference: walks through time in quarter seconds, counting what each step has seen.
    fn naive(successes: &[u64], until_quarter: u64) -> usize {
        let (mut step, mut began, mut seen) = (0, 0, 0);
        for quarter in 0..=until_quarter {
            let arrived = successes.iter().filter(|at| **at == quarter).count();
            for success in 0..=arrived {
                seen += success.min(1);
                if quarter - began >= 240 || seen >= 20 && quarter - began >= 20 {
                    (step, began, seen) = (step + 1, quarter, 0);
                }
            }
        }
        step
    }

    proptest! {
        #[test]
        fn is_at_the_step_that_a_walk_through_time_finds(
            gaps in proptest::collection::vec(0_u64..300, 0..150),
            density in 1_u64..100,
        ) {
            let mut ramp = Ramp::begin(RampTuning::default(), Moment::ZERO, 1.0);
            let mut quarter = 0;
            let mut successes = Vec::new();
            for gap in gaps {
                quarter += gap / density;
                successes.push(quarter);
                let now = Moment::from_millis(quarter * 250);
                ramp.handle_success(now, 1, BASE);
                if ramp.share(now).is_none() {
                    break;
                }
                prop_assert_eq!(ramp.step(now), naive(&successes, quarter));
            }
        }
    }
}
