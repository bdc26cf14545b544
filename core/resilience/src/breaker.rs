//! Stops attempts at a target that keeps failing, and tries it again later.
//!
//! ```text
//!        a row of failures, too many
//!        failures or too many slow      pause is over
//!  Closed ─────────────────▶  Open  ────────────────▶  HalfOpen
//!    ▲                         ▲                        │  │  ▲
//!    │                         └───── probe failed ─────┘  └──┘ probe succeeded,
//!    └──────────────── enough probes succeeded ──────────┘      more are needed
//! ```
//!
//! Who may probe is `Leases`' matter: one at a time. Successes of attempts that began after the
//! opening (a last resort) count as probes; what began before says nothing about now.

use std::time::Duration;

use backstop_vocabulary::{Chance, Moment, Weight};

use crate::pause::Pauses;
use crate::tuning::BreakerTuning;
use crate::window::{Tally, Window};

/// What a fact did to the breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing to act on.
    None,
    /// It has just opened.
    Opened,
    /// The validation set is complete: the return may begin.
    Validated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Closed,
    /// Open until `next_probe`, half-open from then on, or once a validation succeeded.
    Shut {
        since: Moment,
        next_probe: Moment,
        good: u32,
    },
}

/// The breaker of one target.
#[derive(Clone, Debug)]
pub(crate) struct Breaker {
    tuning: BreakerTuning,
    phase: Phase,
    row: u32,
    row_since: Moment,
    short: Window,
    long: Window,
    pauses: Pauses,
}

impl Breaker {
    /// A closed breaker without memories.
    pub(crate) fn new(tuning: BreakerTuning) -> Self {
        Self {
            phase: Phase::Closed,
            row: 0,
            row_since: Moment::ZERO,
            short: Window::new(tuning.short),
            long: Window::new(tuning.long),
            pauses: Pauses::default(),
            tuning,
        }
    }

    /// Takes up what a former life left: pauses, and what was left of the current one.
    pub(crate) fn recall(&mut self, now: Moment, pauses: Pauses, left: Option<Duration>) {
        self.pauses = pauses;
        if let Some(left) = left {
            let left = left.min(self.tuning.pause_max);
            self.phase = Phase::Shut { since: now, next_probe: now + left, good: 0 };
        }
    }

    /// Whether ordinary attempts may go.
    pub(crate) fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// Whether the pause is over, or the validation has begun.
    pub(crate) fn is_half_open(&self, now: Moment) -> bool {
        matches!(self.phase, Phase::Shut { next_probe, good, .. } if good > 0 || next_probe <= now)
    }

    /// When the next probe may go; `None` while closed.
    pub(crate) fn probe_due(&self) -> Option<Moment> {
        match self.phase {
            Phase::Closed => None,
            Phase::Shut { next_probe, .. } => Some(next_probe),
        }
    }

    /// What is left of the pause: `None` while closed, zero when half-open.
    pub(crate) fn pause_left(&self, now: Moment) -> Option<Duration> {
        self.probe_due().map(|due| due.since(now))
    }

    /// A probe failed: the validation starts over after a longer pause.
    pub(crate) fn fail_probe(
        &mut self,
        now: Moment,
        stay_away: Option<Duration>,
        chance: &mut Chance,
    ) {
        if let Phase::Shut { next_probe, good, .. } = &mut self.phase {
            *good = 0;
            *next_probe = now + self.pauses.next(now, stay_away, &self.tuning, chance);
        }
    }

    /// A probe said nothing: the next goes soon, but not at once.
    pub(crate) fn put_off(&mut self, now: Moment) {
        if let Phase::Shut { next_probe, .. } = &mut self.phase {
            *next_probe = (*next_probe).max(now + self.tuning.validation_gap);
        }
    }

    /// Complete answers, of attempts that began at `began`.
    pub(crate) fn handle_success(&mut self, now: Moment, count: u32, began: Moment) -> Change {
        match self.phase {
            Phase::Closed => {
                self.row = 0;
                self.count(now, Tally::successes(count));
                Change::None
            }
            Phase::Shut { since, .. } if began >= since => self.validate(now),
            Phase::Shut { .. } => Change::None,
        }
    }

    /// A failure of the target. While open it says little: it began before, or was a last resort. But
    /// a validation that has begun starts over, as its successes must follow each other.
    pub(crate) fn handle_failure(
        &mut self,
        now: Moment,
        weight: Weight,
        stay_away: Option<Duration>,
        chance: &mut Chance,
    ) -> Change {
        if weight == Weight::None {
            return Change::None;
        }
        if let Phase::Shut { good, .. } = &mut self.phase {
            *good = 0;
            return Change::None;
        }
        self.count(now, Tally::failure(weight));
        if weight == Weight::Full {
            if self.row == 0 || now.since(self.row_since) > self.tuning.streak_within {
                (self.row, self.row_since) = (0, now);
            }
            self.row += 1;
        }
        if self.row >= self.tuning.streak || self.too_many_failures(now) {
            return self.open(now, stay_away, chance);
        }
        Change::None
    }

    /// An attempt passed the slow threshold.
    pub(crate) fn handle_slow(&mut self, now: Moment, chance: &mut Chance) -> Change {
        if !self.is_closed() {
            return Change::None;
        }
        self.count(now, Tally::slow());
        if self.too_many_slow(now) { self.open(now, None, chance) } else { Change::None }
    }

    /// Opens, whatever the counts say, and remembers a trip.
    pub(crate) fn open(
        &mut self,
        now: Moment,
        stay_away: Option<Duration>,
        chance: &mut Chance,
    ) -> Change {
        if !self.is_closed() {
            return Change::None;
        }
        self.pauses.trip(now, &self.tuning);
        let pause = self.pauses.next(now, stay_away, &self.tuning, chance);
        self.phase = Phase::Shut { since: now, next_probe: now + pause, good: 0 };
        Change::Opened
    }

    /// What was counted lately: the short window if it holds enough, else the long one.
    pub(crate) fn recent(&self, now: Moment) -> Tally {
        let short = self.short.tally(now);
        if short.samples() >= self.tuning.short_samples_min { short } else { self.long.tally(now) }
    }

    /// What was counted in the long window.
    pub(crate) fn lately(&self, now: Moment) -> Tally {
        self.long.tally(now)
    }

    /// The memory of pauses and trips.
    pub(crate) fn pauses(&self) -> &Pauses {
        &self.pauses
    }

    /// Remembered trips.
    pub(crate) fn trips(&self, now: Moment) -> f64 {
        self.pauses.trips(now, &self.tuning)
    }

    fn validate(&mut self, now: Moment) -> Change {
        let doublings = (self.trips(now) - 1.0).max(0.0);
        let gap = self.tuning.validation_gap.mul_f64(doublings.exp2());
        let gap = gap.min(self.tuning.validation_gap_max);
        let Phase::Shut { next_probe, good, .. } = &mut self.phase else {
            return Change::None;
        };
        *good += 1;
        *next_probe = now + gap;
        if *good < self.tuning.validations {
            return Change::None;
        }
        self.close();
        Change::Validated
    }

    fn close(&mut self) {
        self.phase = Phase::Closed;
        self.row = 0;
        self.short.clear();
        self.long.clear();
    }

    fn count(&mut self, now: Moment, tally: Tally) {
        self.short.add(now, tally);
        self.long.add(now, tally);
    }

    fn too_many_failures(&self, now: Moment) -> bool {
        let limit = 1.0 - self.tuning.success_share_min;
        let deviation = (limit * (1.0 - limit)).sqrt() * self.tuning.confidence;
        let bad = |tally: Tally, samples_min: u32| {
            let samples = f64::from(tally.samples());
            tally.samples() >= samples_min
                && tally.failures() >= f64::from(self.tuning.failures_min)
                && tally.failures() > limit * samples + deviation * samples.sqrt()
        };
        bad(self.short.tally(now), self.tuning.short_samples_min)
            || bad(self.long.tally(now), self.tuning.long_samples_min)
    }

    fn too_many_slow(&self, now: Moment) -> bool {
        let bad = |tally: Tally| {
            tally.slow >= self.tuning.slow_samples_min
                && tally.slow_share() >= self.tuning.slow_share_max
        };
        bad(self.short.tally(now)) || bad(self.long.tally(now))
    }
}

#[cfg(test)]
mod tests;
