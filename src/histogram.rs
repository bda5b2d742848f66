//! Durations counted on a logarithmic scale: quantiles from a fixed number of buckets.

/// Each power of two has 16 buckets, so a bucket's middle is within 1/32 (3.2 %) of whatever is in it.
const BUCKET_BITS: u32 = 4;
/// A bucket's number is a double's exponent and the first bits of its mantissa.
const SHIFT: u32 = f64::MANTISSA_DIGITS - 1 - BUCKET_BITS;
/// Shorter ones share the first bucket: finer than clocks in browsers.
const LEAST_MS: f64 = 0.0625;
/// From 1/16 ms to 2^24 ms, 4.6 hours; longer ones share the last bucket.
const BUCKETS: usize = 28 << BUCKET_BITS;

/// Counts durations in milliseconds. A quantile is the middle of its bucket, within 3.2 % of the exact one, or within
/// 0.07 ms below [`LEAST_MS`]; never outside of what was noted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Histogram {
    /// Empty until the first one is noted.
    buckets: Vec<u32>,
    count: u64,
    min_ms: f64,
    max_ms: f64,
}

impl Histogram {
    pub(crate) fn note(&mut self, millis: f64) {
        if self.count == 0 {
            self.buckets.resize(BUCKETS, 0);
            (self.min_ms, self.max_ms) = (millis, millis);
        }
        self.count += 1;
        self.min_ms = self.min_ms.min(millis);
        self.max_ms = self.max_ms.max(millis);
        let number = (millis.max(LEAST_MS).to_bits() >> SHIFT) - (LEAST_MS.to_bits() >> SHIFT);
        if let Some(bucket) = self.buckets.get_mut((number as usize).min(BUCKETS - 1)) {
            *bucket = bucket.saturating_add(1);
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn max_ms(&self) -> Option<f64> {
        (self.count > 0).then_some(self.max_ms)
    }

    /// The nearest-rank quantile, in hundredths: the least duration that so many of the noted ones do not exceed.
    pub(crate) fn quantile_ms(&self, percent: u64) -> Option<f64> {
        let mut rest = self.count.saturating_mul(percent).div_ceil(100).max(1);
        let first = LEAST_MS.to_bits() >> SHIFT;
        for (number, bucket) in (first..).zip(&self.buckets) {
            rest = rest.saturating_sub((*bucket).into());
            if rest == 0 {
                let [low, high] = [number, number + 1].map(|number| f64::from_bits(number << SHIFT));
                // Not `clamp`: its panic would bring the formatting of doubles, 20 KB.
                return Some(((low + high) / 2.0).max(self.min_ms).min(self.max_ms));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The quantile by sorting.
    fn exact(mut all: Vec<f64>, percent: usize) -> f64 {
        all.sort_by(f64::total_cmp);
        all[(all.len() * percent).div_ceil(100).max(1) - 1]
    }

    #[test]
    fn quantiles_are_within_the_error_of_exact_ones() {
        let mut seed = 0x2545_F491_4F6C_DD1D_u64;
        let mut random = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed >> 11) as f64 / (1_u64 << 53) as f64
        };
        for round in 0..400 {
            let count = 1 + (random() * 300.0) as usize;
            // Evenly over a range; over all magnitudes from 1 us to an hour; two humps; all the same; with zeros.
            let all: Vec<f64> = (0..count)
                .map(|_| match round % 5 {
                    0 => 5.0 + random() * 100.0,
                    1 => 0.001 * 10_f64.powf(random() * 9.5),
                    2 if random() < 0.5 => 10.0 + random(),
                    2 => 900.0 + random() * 100.0,
                    3 => 17.25,
                    _ => (random() * 3.0).floor() * 20.0,
                })
                .collect();
            let mut histogram = Histogram::default();
            all.iter().for_each(|millis| histogram.note(*millis));
            assert_eq!(histogram.count(), count as u64);
            assert_eq!(histogram.max_ms(), Some(exact(all.clone(), 100)), "the longest is exact");
            for percent in [1, 25, 50, 75, 95, 99, 100] {
                let exact = exact(all.clone(), percent);
                let told = histogram.quantile_ms(percent as u64).unwrap();
                let error = (told - exact).abs();
                let allowed = if exact < LEAST_MS { 0.07 } else { exact / 32.0 };
                assert!(error <= allowed, "P{percent} of {count}, round {round}: {told} for {exact}");
                assert!(round % 5 != 3 || told == 17.25, "where all are the same, it is that");
            }
        }
    }

    #[test]
    fn nothing_and_the_extremes() {
        let empty = Histogram::default();
        assert_eq!((empty.quantile_ms(50), empty.max_ms(), empty.count()), (None, None, 0));
        for millis in [0.0, 0.001, LEAST_MS, 1e7, 1e12, f64::MAX] {
            let mut histogram = Histogram::default();
            histogram.note(millis);
            assert_eq!(histogram.quantile_ms(50), Some(millis), "one alone is exact");
            assert_eq!(histogram.buckets.len(), BUCKETS);
        }
    }
}
