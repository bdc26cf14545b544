use std::time::Duration;

/// Buckets per doubling: neighbours differ by 19 %.
const FINENESS: f64 = 4.0;
/// From 1 ms to 17 minutes.
const BUCKETS: usize = 81;
/// Samples after which all counts are halved, so that old times fade.
const SAMPLES_MAX: u64 = 20_000;

/// How long something took, as counts in logarithmic buckets. Fixed size, no dependencies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Histogram {
    counts: [u32; BUCKETS],
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: [0; BUCKETS], total: 0 }
    }
}

impl Histogram {
    /// Counts a time, `count` times.
    pub(crate) fn add(&mut self, time: Duration, count: u32) {
        if let Some(slot) = self.counts.get_mut(bucket(time)) {
            *slot = slot.saturating_add(count);
            self.total += u64::from(count);
        }
        while self.total > SAMPLES_MAX {
            self.halve();
        }
    }

    /// How many times are counted.
    pub(crate) fn samples(&self) -> u64 {
        self.total
    }

    /// The time that this part (`0..=1`) of all stays within: its bucket's upper edge, so never an
    /// underestimate. Zero when nothing is counted.
    #[expect(clippy::cast_precision_loss, reason = "at most 20,000 samples")]
    pub(crate) fn quantile(&self, part: f64) -> Duration {
        let wanted = (self.total as f64 * part).max(1.0);
        let mut seen = 0.0;
        for (bucket, count) in (0_u16..).zip(self.counts) {
            seen += f64::from(count);
            if seen >= wanted {
                return Duration::from_secs_f64(0.001 * (f64::from(bucket) / FINENESS).exp2());
            }
        }
        Duration::ZERO
    }

    /// The counts, for the disk.
    pub(crate) fn counts(&self) -> Vec<u32> {
        self.counts.to_vec()
    }

    /// The histogram of these counts; extra buckets are left out.
    pub(crate) fn recall(counts: &[u32]) -> Self {
        let mut histogram = Self::default();
        for (slot, count) in histogram.counts.iter_mut().zip(counts) {
            *slot = *count;
            histogram.total += u64::from(*count);
        }
        while histogram.total > SAMPLES_MAX {
            histogram.halve();
        }
        histogram
    }

    fn halve(&mut self) {
        self.total = 0;
        for slot in &mut self.counts {
            *slot /= 2;
            self.total += u64::from(*slot);
        }
    }
}

/// The first bucket whose upper edge is not below the time.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0..=80 by clamp")]
fn bucket(time: Duration) -> usize {
    let millis = (time.as_secs_f64() * 1000.0).max(1.0);
    // A hair below, so that an edge falls into its own bucket.
    let edge = (millis.log2() * FINENESS - 1e-9).ceil();
    edge.clamp(0.0, 80.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_quantile_is_never_below_the_true_one_and_at_most_a_fifth_above(
            mut millis in proptest::collection::vec(1_u64..900_000, 1..500),
            part in 0.01_f64..1.0,
        ) {
            let mut histogram = Histogram::default();
            for time in &millis {
                histogram.add(Duration::from_millis(*time), 1);
            }
            millis.sort_unstable();
            #[expect(
                clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss,
                reason = "small numbers",
            )]
            let rank = ((millis.len() as f64 * part).max(1.0).ceil() as usize).min(millis.len());
            let truth = Duration::from_millis(millis[rank - 1]);
            let told = histogram.quantile(part);
            prop_assert!(told + Duration::from_micros(1) >= truth, "{told:?} {truth:?}");
            prop_assert!(told <= truth.mul_f64(1.2), "{told:?} {truth:?}");
        }
    }

    #[test]
    fn old_times_fade_and_a_round_trip_keeps_all() {
        let mut histogram = Histogram::default();
        histogram.add(Duration::from_secs(10), 20_000);
        for _ in 0..200 {
            histogram.add(Duration::from_secs(1), 1000);
        }
        assert!(histogram.quantile(0.999) < Duration::from_secs(2));
        assert_eq!(Histogram::recall(&histogram.counts()), histogram);
    }
}
