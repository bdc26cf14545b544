use std::time::Duration;

use backstop_vocabulary::{Moment, Timing};

use crate::histogram::Histogram;
use crate::tuning::ClockTuning;

/// Time to the first token while nothing is known (linkerd's default round trip).
const TYPICAL_START: Duration = Duration::from_secs(1);

/// Samples between two readings of the histograms.
const READ_EVERY: u32 = 16;

/// The adaptive clocks of one target, from its own history.
///
/// Attempts that a clock cut off are in the history as "at least this long": without them a clock
/// could only ever shrink. While the target is suspect nothing is learnt, so that an outage does
/// not become the new normal, but no longer than a limit, so that a slower model does not stay
/// suspect for ever.
#[derive(Clone, Debug)]
pub(crate) struct Clocks {
    tuning: ClockTuning,
    pub(crate) first_token: Histogram,
    pub(crate) whole: Histogram,
    pub(crate) gap: Histogram,
    frozen_since: Option<Moment>,
    /// Reading is on the way of every request, learning is not: so the readings are kept.
    readings: Readings,
    learnt_since_read: u32,
}

/// What the clocks show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Readings {
    /// Median time to the first token of a stream.
    pub(crate) first_token_typical: Duration,
    /// How long to wait for it.
    pub(crate) first_token_clock: Duration,
    /// From when on waiting for it is slow.
    pub(crate) slow_after: Duration,
    /// How long to wait for a whole answer.
    pub(crate) whole_clock: Duration,
    /// From when on waiting for it is slow.
    pub(crate) whole_slow_after: Duration,
    /// How long a stream may be silent.
    pub(crate) gap_clock: Duration,
}

impl Clocks {
    /// Nothing learnt.
    pub(crate) fn new(tuning: ClockTuning) -> Self {
        Self::recall(tuning, [const { &[] }; 3])
    }

    /// What a former life learnt: counts by bucket of first tokens, whole answers and gaps.
    pub(crate) fn recall(tuning: ClockTuning, counts: [&[u32]; 3]) -> Self {
        let [first_token, whole, gap] = counts.map(Histogram::recall);
        let mut clocks = Self {
            tuning,
            first_token,
            whole,
            gap,
            frozen_since: None,
            readings: Readings::default(),
            learnt_since_read: 0,
        };
        clocks.read();
        clocks
    }

    /// What the clocks show now.
    pub(crate) fn readings(&self) -> &Readings {
        &self.readings
    }

    /// Learns the times of `count` like attempts. `suspect` freezes.
    pub(crate) fn learn(&mut self, now: Moment, count: u32, timing: &Timing, suspect: Suspect) {
        if self.is_frozen(now, suspect) {
            return;
        }
        if let Some(time) = timing.first_token {
            // A unary answer has its first token when it is whole.
            let whole = time >= timing.total;
            let history = if whole { &mut self.whole } else { &mut self.first_token };
            history.add(time, count);
        }
        if let Some(gap) = timing.longest_gap {
            self.gap.add(gap, count);
        }
        self.learnt_since_read = self.learnt_since_read.saturating_add(count);
        if self.learnt_since_read >= READ_EVERY {
            self.read();
        }
    }

    /// An attempt was cut off by the first-token clock: it would have taken longer.
    pub(crate) fn learn_cut_first_token(&mut self, now: Moment, suspect: Suspect) {
        if !self.is_frozen(now, suspect) {
            self.first_token.add(self.readings.first_token_clock, 1);
            self.read();
        }
    }

    /// A stream was cut off by the gap clock.
    pub(crate) fn learn_cut_gap(&mut self, now: Moment, suspect: Suspect) {
        if !self.is_frozen(now, suspect) {
            self.gap.add(self.readings.gap_clock, 1);
            self.read();
        }
    }

    /// Whether "slow" means anything: the target's own times are known.
    pub(crate) fn knows_slow(&self) -> bool {
        self.first_token.samples() + self.whole.samples() >= 20
    }

    fn read(&mut self) {
        self.learnt_since_read = 0;
        self.readings = Readings {
            first_token_typical: self.first_token_typical(),
            first_token_clock: self.first_token_clock(),
            slow_after: self.slow_after(),
            whole_clock: self.whole_clock(),
            whole_slow_after: self.whole_slow_after(),
            gap_clock: self.gap_clock(),
        };
    }

    fn first_token_typical(&self) -> Duration {
        if self.first_token.samples() == 0 {
            return TYPICAL_START;
        }
        self.first_token.quantile(0.5)
    }

    fn first_token_clock(&self) -> Duration {
        let tuning = &self.tuning;
        self.clock(&self.first_token, tuning.first_token_start)
            .clamp(tuning.first_token_min, tuning.first_token_max.max(tuning.first_token_min))
    }

    fn whole_clock(&self) -> Duration {
        let tuning = &self.tuning;
        self.clock(&self.whole, tuning.whole_max)
            .clamp(tuning.whole_min, tuning.whole_max.max(tuning.whole_min))
    }

    fn gap_clock(&self) -> Duration {
        let tuning = &self.tuning;
        self.clock(&self.gap, tuning.gap_start)
            .clamp(tuning.gap_min, tuning.gap_max.max(tuning.gap_min))
    }

    fn slow_after(&self) -> Duration {
        self.slow(&self.first_token, self.tuning.slow_start, self.first_token_clock())
    }

    fn whole_slow_after(&self) -> Duration {
        self.slow(&self.whole, self.tuning.whole_min, self.whole_clock())
    }

    fn clock(&self, history: &Histogram, start: Duration) -> Duration {
        if history.samples() < u64::from(self.tuning.samples_min) {
            return start;
        }
        history.quantile(0.999).mul_f64(self.tuning.clock_times)
    }

    /// Always a little before the clock that ends the attempt, or it would never be heard.
    fn slow(&self, history: &Histogram, start: Duration, clock: Duration) -> Duration {
        let known = history.samples() >= u64::from(self.tuning.samples_min);
        let slow = if known {
            history.quantile(0.95).mul_f64(self.tuning.slow_times).max(self.tuning.slow_min)
        } else {
            start
        };
        slow.min(clock.mul_f64(0.8))
    }

    fn is_frozen(&mut self, now: Moment, suspect: Suspect) -> bool {
        match suspect {
            Suspect::No => {
                self.frozen_since = None;
                false
            }
            Suspect::Yes => {
                let since = *self.frozen_since.get_or_insert(now);
                now.since(since) < self.tuning.freeze_max
            }
        }
    }
}

/// Whether the target is suspected of something, so that nothing may be learnt from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suspect {
    /// It behaves.
    No,
    /// It does not.
    Yes,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing(first_ms: u64, total_ms: u64) -> Timing {
        Timing {
            first_token: Some(Duration::from_millis(first_ms)),
            longest_gap: Some(Duration::from_millis(200)),
            total: Duration::from_millis(total_ms),
        }
    }

    #[test]
    fn starts_with_the_defaults_and_learns_from_a_hundred() {
        let mut clocks = Clocks::new(ClockTuning::default());
        assert_eq!(clocks.first_token_clock(), Duration::from_secs(30));
        assert_eq!(clocks.slow_after(), Duration::from_secs(10));
        assert_eq!(clocks.gap_clock(), Duration::from_secs(30));
        clocks.learn(Moment::ZERO, 100, &timing(900, 5000), Suspect::No);
        assert_eq!(clocks.first_token_clock(), Duration::from_secs(10));
        assert_eq!(clocks.slow_after(), Duration::from_secs(5));
        assert_eq!(clocks.gap_clock(), Duration::from_secs(10));
        assert!((0.9..1.1).contains(&clocks.first_token_typical().as_secs_f64()));
        assert_eq!(clocks.whole_clock(), Duration::from_secs(600), "no unary answer was seen");
    }

    #[test]
    fn a_clock_that_cuts_too_early_grows() {
        let mut clocks = Clocks::new(ClockTuning::default());
        clocks.learn(Moment::ZERO, 1000, &timing(500, 5000), Suspect::No);
        let before = clocks.first_token_clock();
        for _ in 0..5 {
            clocks.learn_cut_first_token(Moment::ZERO, Suspect::No);
        }
        assert!(clocks.first_token_clock() > before);
    }

    #[test]
    fn an_outage_does_not_become_the_norm_but_a_slower_model_does() {
        let mut clocks = Clocks::new(ClockTuning::default());
        clocks.learn(Moment::ZERO, 1000, &timing(500, 5000), Suspect::No);
        for hour in 0..6 {
            clocks.learn(
                Moment::from_secs(hour * 3600),
                1000,
                &timing(30_000, 40_000),
                Suspect::Yes,
            );
        }
        assert_eq!(clocks.slow_after(), Duration::from_secs(5));
        clocks.learn(Moment::from_secs(6 * 3600), 1000, &timing(30_000, 40_000), Suspect::Yes);
        assert!(clocks.slow_after() > Duration::from_secs(20));
    }
}
