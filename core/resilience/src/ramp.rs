//! The stepped return after an open breaker.
//!
//! ```text
//!  validated ──▶ 10 % ──▶ 25 % ──▶ 50 % ──▶ whole
//!                  └────────┴────────┴────▶ open again: a burst of failures
//! ```
//!
//! A step ends after enough successes and its shortest time, or after its longest time alone. How
//! long these are depends on what requests get meanwhile: equals, or something lesser.

use std::time::Duration;

use backstop_vocabulary::{Moment, Weight};

use crate::evidence::Ratio;
use crate::tuning::RampTuning;

/// How much time a return may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Trips are remembered: every step takes its longest time.
    Patient,
    /// Something as good serves meanwhile.
    Usual,
    /// Nothing as good is left: short steps, and only a burst that is worse than a brown-out ends it.
    Swift,
}

impl Pace {
    /// The pace after so many remembered trips, while something as good serves.
    pub(crate) fn remembering(trips: f64, tuning: &RampTuning) -> Self {
        if trips >= tuning.patient_trips { Self::Patient } else { Self::Usual }
    }
}

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
    step_max: Duration,
    burst_rate: f64,
    alarm: f64,
}

impl Ramp {
    /// Begins at the lowest share.
    pub(crate) fn begin(tuning: RampTuning, now: Moment, pace: Pace) -> Self {
        let (step_min, step_max) = match pace {
            Pace::Patient => (tuning.step_max, tuning.step_max),
            Pace::Usual => (tuning.step_min, tuning.step_max),
            Pace::Swift => (tuning.step_min, tuning.swift_step_max),
        };
        let (burst_rate, alarm) = match pace {
            Pace::Patient | Pace::Usual => (tuning.burst_rate, tuning.head_start),
            Pace::Swift => (tuning.swift_burst_rate, 0.0),
        };
        let (step, since, good, full) = (0, now, 0, None);
        Self { tuning, step, since, good, full, step_min, step_max, burst_rate, alarm }
    }

    /// The return of a former life, at the beginning of the step it had reached.
    pub(crate) fn recall(tuning: RampTuning, now: Moment, pace: Pace, step: usize) -> Self {
        Self { step: step.min(tuning.shares.len() - 1), ..Self::begin(tuning, now, pace) }
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
        let ratio = Ratio::between(base, self.burst_rate);
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
        let ratio = Ratio::between(base, self.burst_rate);
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
        let mut ends = early.min(since + self.step_max);
        while ends <= now && step < self.tuning.shares.len() {
            (step, since) = (step + 1, ends);
            // Of the steps after the counted one nothing is known but the time.
            ends = since + self.step_max;
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
        let ramp = Ramp::begin(RampTuning::default(), Moment::ZERO, Pace::Usual);
        let share = |secs| ramp.share(Moment::from_secs(secs));
        assert_eq!(share(59), Some(0.1));
        assert_eq!(share(60), Some(0.25));
        assert_eq!(share(179), Some(0.5));
        assert_eq!(share(180), None);
    }

    #[test]
    fn comes_back_sooner_with_successes_but_never_at_once() {
        let mut ramp = Ramp::begin(RampTuning::default(), Moment::ZERO, Pace::Usual);
        ramp.handle_success(Moment::from_secs(1), 1000, BASE);
        assert_eq!(ramp.share(Moment::from_secs(4)), Some(0.1));
        assert_eq!(ramp.share(Moment::from_secs(5)), Some(0.25));
    }

    #[test]
    fn takes_its_time_when_trips_are_remembered() {
        let mut ramp = Ramp::begin(RampTuning::default(), Moment::ZERO, Pace::Patient);
        ramp.handle_success(Moment::from_secs(1), 1000, BASE);
        assert_eq!(ramp.share(Moment::from_secs(59)), Some(0.1));
        assert_eq!(ramp.share(Moment::from_secs(60)), Some(0.25));
    }

    #[test]
    fn two_failures_at_the_start_are_a_burst_and_one_among_many_is_not() {
        let mut ramp = Ramp::begin(RampTuning::default(), Moment::ZERO, Pace::Usual);
        assert!(!ramp.handle_failure(Moment::from_secs(1), Weight::Full, BASE));
        assert!(ramp.handle_failure(Moment::from_secs(2), Weight::Full, BASE));
        let mut ramp = Ramp::begin(RampTuning::default(), Moment::ZERO, Pace::Usual);
        for second in 1..180 {
            ramp.handle_success(Moment::from_secs(second), 1, BASE);
            if second % 60 == 0 {
                assert!(!ramp.handle_failure(Moment::from_secs(second), Weight::Full, BASE));
            }
        }
    }

    #[test]
    fn comes_back_in_half_a_minute_where_nothing_as_good_serves() {
        let mut ramp = Ramp::begin(RampTuning::default(), Moment::ZERO, Pace::Swift);
        let shares = |ramp: &Ramp| [9, 19, 29, 30].map(|s| ramp.share(Moment::from_secs(s)));
        assert_eq!(shares(&ramp), [Some(0.1), Some(0.25), Some(0.5), None]);
        // Also with any traffic not at once.
        ramp.handle_success(Moment::from_secs(1), 1000, BASE);
        assert_eq!(ramp.share(Moment::from_secs(4)), Some(0.1));
        assert_eq!(ramp.share(Moment::from_secs(5)), Some(0.25));
    }

    #[test]
    fn where_nothing_as_good_serves_a_brown_out_is_borne_and_an_outage_is_not() {
        let opened = |period: u64| {
            let mut ramp = Ramp::begin(RampTuning::default(), Moment::ZERO, Pace::Swift);
            (1..1000).any(|nth| {
                let now = Moment::from_millis(nth);
                let fails = nth % period == 0;
                if !fails {
                    ramp.handle_success(now, 1, BASE);
                }
                fails && ramp.handle_failure(now, Weight::Full, BASE)
            })
        };
        assert!(!opened(7), "one in seven");
        assert!(opened(2) && opened(1), "every second, and all");
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
            let mut ramp = Ramp::begin(RampTuning::default(), Moment::ZERO, Pace::Usual);
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
