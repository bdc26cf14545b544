use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// How far back an arrival is no longer that of a long stream.
const SET_BACK_SECS: u64 = 3600;

/// Thins clean entries out above a rate, so that a flood of good news costs little.
///
/// Up to `rate_max` in a second all are kept. Past it every second one is, past twice the rate every
/// fourth, and so on; a second that follows a busy one starts at the stride that one called for. A
/// kept entry weighs itself and all that were skipped before it, so the weights always add up.
/// A clock that is set back by an hour begins anew.
///
/// Lock-free and shared by all cores. Where two cores meet at the turn of a second a few entries may
/// be counted to the wrong one; no weight is lost by that.
#[derive(Debug)]
pub(super) struct Sampler {
    rate_max: u32,
    second: AtomicU64,
    seen: AtomicU32,
    /// Every how many the current second started with.
    stride: AtomicU32,
    skipped: AtomicU32,
}

impl Sampler {
    pub(super) fn new(rate_max: u32) -> Self {
        Self {
            rate_max: rate_max.max(1),
            second: AtomicU64::new(0),
            seen: AtomicU32::new(0),
            stride: AtomicU32::new(1),
            skipped: AtomicU32::new(0),
        }
    }

    /// The weight of the next clean entry, or `None` if a later one will stand for it.
    pub(super) fn weight(&self, at_unix_ms: u64) -> Option<u32> {
        self.turn(at_unix_ms / 1000);
        let seen = self.seen.fetch_add(1, Relaxed);
        let octave = (seen / self.rate_max).checked_ilog2().map_or(1, |log| 2 << log);
        let stride = self.stride.load(Relaxed).max(octave);
        if seen.is_multiple_of(stride) {
            Some(self.skipped.swap(0, Relaxed).saturating_add(1))
        } else {
            self.skipped.fetch_add(1, Relaxed);
            None
        }
    }

    fn turn(&self, second: u64) {
        let current = self.second.load(Relaxed);
        // Entries may carry an older second than others before them, which is no reason to begin
        // anew.
        if second <= current && current - second < SET_BACK_SECS {
            return;
        }
        if self.second.compare_exchange(current, second, Relaxed, Relaxed).is_ok() {
            let seen = self.seen.swap(0, Relaxed);
            let follows = second == current + 1;
            let stride = if follows { seen.div_ceil(self.rate_max).max(1) } else { 1 };
            self.stride.store(stride, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds seconds of so many entries each; gives the rows kept and their weight per second.
    fn check(rate_max: u32, seconds: &[u32], expect: &[(u32, u32)]) {
        let sampler = Sampler::new(rate_max);
        let mut found = Vec::new();
        for (second, &entries) in (1_u64..).zip(seconds) {
            let weights = (0..entries).filter_map(|_| sampler.weight(second * 1000));
            found.push(weights.fold((0, 0), |(rows, sum), weight| (rows + 1, sum + weight)));
        }
        assert_eq!(found, expect);
    }

    #[test]
    fn keeps_everything_up_to_the_rate() {
        check(10, &[10, 0, 3, 10], &[(10, 10), (0, 0), (3, 3), (10, 10)]);
    }

    #[test]
    fn thins_a_first_burst_by_octaves() {
        // 10 whole, then every second of 10, every fourth of 20.
        check(10, &[40], &[(20, 37)]);
    }

    #[test]
    fn keeps_about_the_rate_in_a_lasting_flood_and_loses_no_weight() {
        // The second second weighs what the first left over, too.
        check(10, &[100, 100, 100], &[(27, 97), (10, 100), (10, 100)]);
    }

    #[test]
    fn does_not_take_an_hour_for_a_second_because_the_clock_was_set_back() {
        let sampler = Sampler::new(10);
        let kept = |second: u64| (0..10).filter_map(|_| sampler.weight(second * 1000)).count();
        assert_eq!((kept(7200), kept(3600), kept(3601), kept(3602)), (10, 10, 10, 10));
    }

    #[test]
    fn counts_late_entries_to_the_second_that_runs() {
        let sampler = Sampler::new(1);
        assert_eq!(sampler.weight(5_000), Some(1));
        assert_eq!(sampler.weight(4_000), None);
        assert_eq!(sampler.weight(6_000), Some(2));
    }
}
