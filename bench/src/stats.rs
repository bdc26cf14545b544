//! Medians and percentiles.

/// The value that half of them do not exceed; 0 of none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted: Vec<f64> = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        length if length % 2 == 1 => sorted[length / 2],
        length => f64::midpoint(sorted[length / 2 - 1], sorted[length / 2]),
    }
}

/// The value that `percent` of the sorted samples do not exceed; 0 of none.
pub(crate) fn percentile(sorted: &[u32], percent: usize) -> u32 {
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_middle() {
        let found = [median(&[]), median(&[3.0, 1.0, 2.0]), median(&[4.0, 2.0])];
        assert_eq!(format!("{found:?}"), "[0.0, 2.0, 3.0]");
    }

    #[test]
    fn counts_percentiles_from_one() {
        let samples: Vec<u32> = (1..=200).collect();
        let found = [50, 99, 100].map(|percent| percentile(&samples, percent));
        assert_eq!(found, [100, 198, 200]);
        assert_eq!(percentile(&[], 99), 0);
    }
}
