//! Times in microseconds, kept in buckets that are never wider than 1.6 % of their value.

/// Counts of values by size.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    counts: Vec<u32>,
    total: u64,
}

impl Histogram {
    /// Counts one value.
    pub fn record(&mut self, value: u64) {
        let at = bucket(value.min(LARGEST));
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        self.counts[at] += 1;
        self.total += 1;
    }

    /// Counts all values of another.
    pub fn merge(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
    }

    /// How many values there are.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The value below which this share (0 to 1) of all values lies; `None` without values.
    pub fn quantile(&self, share: f64) -> Option<u64> {
        let rank = (share * self.total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += u64::from(*count);
            seen >= rank
        });
        found.filter(|_| self.total > 0).map(value)
    }
}

/// A day; whatever is larger counts as this.
const LARGEST: u64 = 86_400_000_000;

/// Buckets for each doubling.
const STEPS: u64 = 64;

fn bucket(value: u64) -> usize {
    let doublings = (value / STEPS).checked_ilog2().map_or(0, |log| u64::from(log) + 1);
    let step = if doublings == 0 { value } else { (value >> (doublings - 1)) - STEPS };
    (doublings * STEPS + step) as usize
}

/// The middle of a bucket.
fn value(bucket: usize) -> u64 {
    let (doublings, step) = (bucket as u64 / STEPS, bucket as u64 % STEPS);
    match doublings.checked_sub(1) {
        None => step,
        Some(shift) => ((STEPS + step) << shift) + ((1 << shift) >> 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_two_percent() {
        let mut histogram = Histogram::default();
        for value in 1..=100_000 {
            histogram.record(value);
        }
        for share in [0.01, 0.5, 0.95, 0.99, 1.0] {
            let found = histogram.quantile(share).unwrap() as f64;
            let truth = share * 100_000.0;
            assert!((found - truth).abs() / truth < 0.02, "{share}: {found} for {truth}");
        }
        assert_eq!(Histogram::default().quantile(0.5), None);
    }

    #[test]
    fn small_values_are_exact_and_merging_adds() {
        let [mut one, mut other] = [Histogram::default(), Histogram::default()];
        one.record(3);
        other.record(40);
        other.record(u64::MAX);
        one.merge(&other);
        assert_eq!((one.total(), one.quantile(0.3), one.quantile(0.6)), (3, Some(3), Some(40)));
    }
}
