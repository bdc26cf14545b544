//! Lowers the share of a target that fails a little more than it should: a brown-out.
//!
//! ```text
//!         alarm            alarm, next rung proved        … and again
//!  100 % ───────▶  50 %  ─────────────────────────▶ 25 %  ───────────▶ 10 %
//!    ▲               │ ▲                              │ ▲                │
//!    └── relief ─────┘ └────────── relief ────────────┘ └─── relief ─────┘
//! ```
//!
//! Alarm is a cumulative sum of log-likelihood ratios (Page 1954) of the suspected rate against the
//! target's own base rate; relief is the same sum turned round, at the lowered share.

use std::time::Duration;

use backstop_vocabulary::{Moment, Weight};

use crate::evidence::{Base, Ratio};
use crate::tuning::DemotionTuning;

/// The demotion of one target.
#[derive(Clone, Debug)]
pub(crate) struct Demotion {
    tuning: DemotionTuning,
    base: Base,
    step: usize,
    alarm: f64,
    relief: f64,
    since: Moment,
    /// When the whole share was lost.
    fell: Moment,
    proved: u32,
    strained_until: Moment,
}

impl Demotion {
    /// The whole share, nothing learnt.
    pub(crate) fn new(tuning: DemotionTuning) -> Self {
        Self {
            base: Base::new(&tuning),
            step: 0,
            alarm: 0.0,
            relief: 0.0,
            since: Moment::ZERO,
            fell: Moment::ZERO,
            proved: 0,
            strained_until: Moment::ZERO,
            tuning,
        }
    }

    /// Takes up what a former life left.
    pub(crate) fn recall(&mut self, now: Moment, base: Base, step: usize) {
        self.base = base;
        self.step = step.min(self.tuning.shares.len() - 1);
        (self.since, self.fell) = (now, now);
    }

    /// The share now, `0..=1`.
    pub(crate) fn share(&self) -> f32 {
        self.tuning.shares.get(self.step).copied().unwrap_or(1.0)
    }

    /// How many steps down.
    pub(crate) fn step(&self) -> usize {
        self.step
    }

    /// What is known of the target's own failure rate.
    pub(crate) fn base(&self) -> &Base {
        &self.base
    }

    /// The failure rate to test against.
    pub(crate) fn base_rate(&self) -> f64 {
        self.base.rate(&self.tuning)
    }

    /// Whether the target is demoted or well on the way: baselines must not learn from it.
    pub(crate) fn is_suspect(&self) -> bool {
        self.step > 0 || self.alarm > self.tuning.alarm / 2.0
    }

    /// Whether the latest evidence leans to health, so that the full floor may apply.
    pub(crate) fn leans_healthy(&self) -> bool {
        self.step == 0 || self.relief >= self.tuning.lean
    }

    /// Complete answers.
    pub(crate) fn handle_success(&mut self, now: Moment, count: u32) {
        let weight = Ratio::of(self.base_rate(), &self.tuning).success * f64::from(count);
        self.alarm = (self.alarm - weight).max(0.0);
        self.study(now, f64::from(count), 0.0);
        if self.step > 0 {
            self.relief += weight;
            if self.relief >= self.tuning.relief {
                self.go_to(self.step - 1, now);
            }
        }
    }

    /// A failure; says whether the share fell.
    pub(crate) fn handle_failure(&mut self, now: Moment, weight: Weight) -> bool {
        let part = match weight {
            Weight::None => return false,
            Weight::Half => 0.5,
            Weight::Full => 1.0,
        };
        let nats = Ratio::of(self.base_rate(), &self.tuning).failure * part;
        self.alarm += nats;
        self.relief = (self.relief - nats).max(0.0);
        self.study(now, 1.0, part);
        if self.alarm < self.threshold() || !self.may_fall(now) {
            self.alarm = self.alarm.min(self.threshold());
            return false;
        }
        if self.step == 0 {
            self.fell = now;
        }
        self.base.forget();
        self.go_to(self.step + 1, now);
        true
    }

    /// The next rung answered so many requests without strain.
    pub(crate) fn handle_proof(&mut self, answers: u32) {
        self.proved = self.proved.saturating_add(answers);
    }

    /// The next rung showed strain: it gets a step's load less, and no more for a while.
    pub(crate) fn handle_strain(&mut self, now: Moment) {
        if now >= self.strained_until && self.step > 1 {
            self.go_to(self.step - 1, now);
        }
        self.proved = 0;
        self.strained_until = now + self.tuning.strain_hold;
    }

    /// Forgets a suspicion, because the breaker opened; the base stays.
    pub(crate) fn reset(&mut self, now: Moment) {
        self.base.forget();
        self.go_to(0, now);
    }

    /// Learns the base rate from what is surely ordinary: once the suspicion is gone, or has lasted
    /// for so long that it is the target's nature.
    fn study(&mut self, now: Moment, attempts: f64, failures: f64) {
        let ordinary = if self.step == 0 {
            self.alarm <= 0.0
        } else if now.since(self.fell) < self.tuning.believe_after {
            return;
        } else {
            true
        };
        self.base.put_aside(attempts, failures);
        if ordinary {
            self.base.learn(&self.tuning);
        }
    }

    fn threshold(&self) -> f64 {
        if self.step == 0 { self.tuning.alarm } else { self.tuning.alarm_further }
    }

    fn may_fall(&self, now: Moment) -> bool {
        if self.step == 0 {
            return true;
        }
        let proved = self.proved >= self.tuning.proof_answers;
        let waited: Duration = now.since(self.since);
        self.step + 1 < self.tuning.shares.len()
            && now >= self.strained_until
            && (proved || waited >= self.tuning.unproved_step)
    }

    fn go_to(&mut self, step: usize, now: Moment) {
        (self.step, self.since, self.proved) = (step, now, 0);
        (self.alarm, self.relief) = (0.0, 0.0);
    }
}

#[cfg(test)]
mod tests;
