//! Medians and percentiles, of all samples and without rounding into buckets.

/// The median; 0 without samples.
pub(crate) fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        count if count % 2 == 1 => sorted[count / 2],
        count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
    }
}

/// The lowest of `latencies` that at least `percent` in a hundred are not above; 0 without samples.
pub(crate) fn percentile(latencies: &mut [u32], percent: usize) -> u32 {
    if latencies.is_empty() {
        return 0;
    }
    let rank = (latencies.len() * percent).div_ceil(100).clamp(1, latencies.len());
    *latencies.select_nth_unstable(rank - 1).1
}

/// The `measured` values each divided by that of the same repetition in `against`.
pub(crate) fn ratios(measured: &[f64], against: &[f64]) -> Vec<f64> {
    measured.iter().zip(against).map(|(measured, against)| measured / against).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_in_the_middle() {
        for (samples, expected) in
            [(&[][..], 0.0), (&[3.0], 3.0), (&[9.0, 1.0, 2.0], 2.0), (&[4.0, 1.0, 2.0, 9.0], 3.0)]
        {
            assert!((median(samples) - expected).abs() < f64::EPSILON, "{samples:?}");
        }
    }

    #[test]
    fn a_percentile_is_a_sample_by_nearest_rank() {
        let mut latencies: Vec<u32> = (1..=200).rev().collect();
        assert_eq!([1, 50, 99, 100].map(|percent| percentile(&mut latencies, percent)), [2, 100, 198, 200]);
        assert_eq!(percentile(&mut [], 99), 0);
        assert_eq!(percentile(&mut [7], 1), 7);
    }
}
