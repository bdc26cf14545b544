use std::time::Duration;

use backstop_vocabulary::{Moment, Weight};

const BUCKETS: u64 = 10;

/// Exact counts over a sliding stretch of time: a ring of ten buckets.
///
/// Exact on purpose: an average that weights by time between arrivals can hide a total outage
/// (linkerd2-proxy, `breaker/success_rate.rs`). The window covers between nine and ten tenths of its
/// length, as the newest bucket fills.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    bucket_nanos: u64,
    ring: [(u64, Tally); 10],
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Complete answers.
    pub(crate) succeeded: u32,
    /// Failures of any weight above none.
    pub(crate) failed: u32,
    /// Their weights, a hard one counting 2 and a soft one 1.
    pub(crate) halves: u32,
    /// Attempts that passed the slow threshold, whatever became of them.
    pub(crate) slow: u32,
}

impl Tally {
    /// So many complete answers.
    pub(crate) fn successes(count: u32) -> Self {
        Self { succeeded: count, ..Self::default() }
    }

    /// One failure of that weight.
    pub(crate) fn failure(weight: Weight) -> Self {
        let halves = match weight {
            Weight::None => return Self::default(),
            Weight::Half => 1,
            Weight::Full => 2,
        };
        Self { failed: 1, halves, ..Self::default() }
    }

    /// One slow attempt.
    pub(crate) fn slow() -> Self {
        Self { slow: 1, ..Self::default() }
    }

    /// Attempts that ended.
    pub(crate) fn samples(self) -> u32 {
        self.succeeded.saturating_add(self.failed)
    }

    /// Weighted failures.
    pub(crate) fn failures(self) -> f64 {
        f64::from(self.halves) / 2.0
    }

    /// Weighted failures per ended attempt; 0 without any.
    pub(crate) fn failure_share(self) -> f64 {
        self.failures() / f64::from(self.samples().max(1))
    }

    /// Slow attempts per attempt. Those still pending have not ended, so that the divisor is at
    /// least the number of slow ones.
    pub(crate) fn slow_share(self) -> f64 {
        f64::from(self.slow) / f64::from(self.samples().max(self.slow).max(1))
    }

    fn plus(self, other: Self) -> Self {
        Self {
            succeeded: self.succeeded.saturating_add(other.succeeded),
            failed: self.failed.saturating_add(other.failed),
            halves: self.halves.saturating_add(other.halves),
            slow: self.slow.saturating_add(other.slow),
        }
    }
}

impl Window {
    /// An empty window of that length.
    pub(crate) fn new(length: Duration) -> Self {
        let nanos = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
        Self { bucket_nanos: (nanos / BUCKETS).max(1), ring: Default::default() }
    }

    /// Counts something that happened now.
    pub(crate) fn add(&mut self, now: Moment, tally: Tally) {
        let number = self.number(now);
        let slot = usize::try_from(number % BUCKETS).unwrap_or(0);
        if let Some((filled, sum)) = self.ring.get_mut(slot) {
            if *filled < number {
                *filled = number;
                *sum = Tally::default();
            }
            *sum = sum.plus(tally);
        }
    }

    /// What was counted lately.
    pub(crate) fn tally(&self, now: Moment) -> Tally {
        let newest = self.number(now);
        self.ring
            .iter()
            .filter(|(number, _)| *number + BUCKETS > newest)
            .fold(Tally::default(), |sum, (_, tally)| sum.plus(*tally))
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.ring = Default::default();
    }

    fn number(&self, now: Moment) -> u64 {
        now.nanos() / self.bucket_nanos + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The reference: a list of everything, counted afresh.
    fn naive(events: &[(u64, u32)], now_ms: u64) -> u32 {
        let newest = now_ms / 3000;
        let within = |at: u64| at / 3000 + 10 > newest && at / 3000 <= newest;
        events.iter().filter(|(at, _)| within(*at)).map(|(_, count)| count).sum()
    }

    proptest! {
        #[test]
        fn counts_exactly_what_a_list_would(
            gaps in proptest::collection::vec((0_u64..20_000, 0_u32..5), 0..60),
            later in 0_u64..40_000,
        ) {
            let mut window = Window::new(Duration::from_secs(30));
            let mut now_ms = 0;
            let mut events = Vec::new();
            for (gap, count) in gaps {
                now_ms += gap;
                events.push((now_ms, count));
                window.add(Moment::from_millis(now_ms), Tally::successes(count));
                prop_assert_eq!(
                    window.tally(Moment::from_millis(now_ms)).succeeded,
                    naive(&events, now_ms)
                );
            }
            now_ms += later;
            prop_assert_eq!(
                window.tally(Moment::from_millis(now_ms)).succeeded,
                naive(&events, now_ms)
            );
        }
    }

    #[test]
    fn a_soft_failure_counts_half() {
        let mut window = Window::new(Duration::from_secs(30));
        window.add(Moment::ZERO, Tally::successes(8));
        window.add(Moment::ZERO, Tally::failure(Weight::Half));
        window.add(Moment::ZERO, Tally::failure(Weight::Half));
        assert!((window.tally(Moment::ZERO).failure_share() - 0.1).abs() < 1e-9);
    }
}
