//! Bytes per time over a short window, without keeping the packets.

/// A rate over the last [`BUCKETS`] steps of time.
#[derive(Clone, Debug)]
pub(crate) struct RateMeter {
    step_us: i64,
    /// Bytes by step number modulo their count.
    buckets: [u32; BUCKETS as usize],
    /// Newest step.
    newest: i64,
    /// When it begins and where it counts: most packets are of it, and need no division.
    newest_from_us: i64,
    newest_bucket: usize,
    /// When counting began; `None` while nothing was counted.
    since_us: Option<i64>,
}

impl RateMeter {
    /// Over a window of `window_us` microseconds.
    pub(crate) fn over(window_us: i64) -> Self {
        Self {
            step_us: window_us / BUCKETS,
            buckets: [0; BUCKETS as usize],
            newest: 0,
            newest_from_us: 0,
            newest_bucket: 0,
            since_us: None,
        }
    }

    /// Counts bytes at a time, which may lie a little back.
    pub(crate) fn add(&mut self, at_us: i64, bytes: u32) {
        let is_newest = (0..self.step_us).contains(&at_us.wrapping_sub(self.newest_from_us));
        if is_newest && self.since_us.is_some() {
            self.count(self.newest_bucket, bytes);
            return;
        }
        let step = at_us.div_euclid(self.step_us);
        if self.since_us.is_none() {
            self.since_us = Some(at_us);
            self.begin(step);
        }
        self.advance(step);
        if self.newest - step < BUCKETS {
            self.count(bucket(step), bytes);
        }
    }

    fn count(&mut self, bucket: usize, bytes: u32) {
        let bucket = &mut self.buckets[bucket];
        *bucket = bucket.saturating_add(bytes);
    }

    /// Bits per second up to `now_us`. `None` before a third of the window has passed.
    pub(crate) fn rate(&self, now_us: i64) -> Option<f64> {
        let since_us = self.since_us?;
        let first = now_us.div_euclid(self.step_us) - BUCKETS + 1;
        let span_us = now_us - (first * self.step_us).max(since_us);
        if span_us < self.step_us * BUCKETS / 3 {
            return None;
        }
        // All buckets, less those that are older than the window.
        let sum = |buckets: &[u32]| buckets.iter().map(|bytes| u64::from(*bytes)).sum::<u64>();
        let oldest = self.newest - BUCKETS + 1;
        let outdated: u64 = (oldest..first.min(self.newest + 1))
            .map(|step| u64::from(self.buckets[bucket(step)]))
            .sum();
        let bytes = sum(&self.buckets) - outdated;
        Some(bytes as f64 * 8e6 / span_us as f64)
    }

    fn advance(&mut self, step: i64) {
        if step <= self.newest {
            return;
        }
        for passed in (self.newest + 1..=step).rev().take(BUCKETS as usize) {
            self.buckets[bucket(passed)] = 0;
        }
        self.begin(step);
    }

    fn begin(&mut self, step: i64) {
        self.newest = step;
        self.newest_from_us = step * self.step_us;
        self.newest_bucket = bucket(step);
    }
}

/// Steps of a window. Raised, rates move in smaller jumps and meters cost more memory.
const BUCKETS: i64 = 20;

fn bucket(step: i64) -> usize {
    step.rem_euclid(BUCKETS) as usize
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    #[test]
    fn agrees_with_a_list_of_all_that_was_counted() {
        const STEP_US: i64 = 25_000;
        for seed in 0..20 {
            let mut random = StdRng::seed_from_u64(seed);
            let mut meter = RateMeter::over(STEP_US * BUCKETS);
            let (mut at, mut counted) = (random.random_range(-1_000_000..1_000_000), Vec::new());
            for packet in 0..2_000 {
                let pause = if packet % 200 == 199 { 2 * STEP_US * BUCKETS } else { 10_000 };
                at += random.random_range(0..pause);
                let back = if packet == 0 { 0 } else { random.random_range(0..40_000) };
                let bytes = random.random_range(1..1_500);
                meter.add(at - back, bytes);
                counted.push((at - back, bytes));
                let asked = at + random.random_range(0..20_000);
                let first = (asked.div_euclid(STEP_US) - BUCKETS + 1) * STEP_US;
                let sum = counted.iter().filter(|(at, _)| *at >= first);
                let sum: u64 = sum.map(|(_, bytes)| u64::from(*bytes)).sum();
                let span = asked - first.max(counted[0].0);
                let expected =
                    (span >= STEP_US * BUCKETS / 3).then(|| sum as f64 * 8e6 / span as f64);
                assert_eq!(meter.rate(asked), expected, "seed {seed}, packet {packet}");
            }
        }
    }

    #[test]
    fn a_steady_rate_is_read_exactly_whenever_it_is_asked() {
        let mut meter = RateMeter::over(500_000);
        assert_eq!(meter.rate(0), None);
        for packet in 0..2_000 {
            meter.add(packet * 1_000, 125);
        }
        for ask in [1_999_000, 1_999_999] {
            let rate = meter.rate(ask).unwrap();
            assert!((rate - 1e6).abs() < 5e3, "{rate}");
        }
    }

    #[test]
    fn what_is_older_than_the_window_no_longer_counts() {
        let mut meter = RateMeter::over(500_000);
        meter.add(0, 1_000);
        assert_eq!(meter.rate(100_000), None);
        assert_eq!(meter.rate(400_000), Some(20_000.0));
        assert_eq!(meter.rate(2_000_000), Some(0.0));
        meter.add(9_000_000, 1_000);
        meter.add(8_000_000, 1_000);
        let rate = meter.rate(9_010_000).unwrap();
        assert!((16_000.0..18_000.0).contains(&rate), "{rate}");
    }
}
