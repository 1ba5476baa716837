//! Bytes per time over a short window, without keeping the packets.

/// A rate over the last [`BUCKETS`] steps of time.
#[derive(Clone, Debug)]
pub(crate) struct RateMeter {
    step_us: i64,
    /// Bytes by step number modulo their count.
    buckets: [u32; BUCKETS as usize],
    /// Newest step.
    newest: i64,
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
            since_us: None,
        }
    }

    /// Counts bytes at a time, which may lie a little back.
    pub(crate) fn add(&mut self, at_us: i64, bytes: u32) {
        let step = at_us.div_euclid(self.step_us);
        if self.since_us.is_none() {
            self.since_us = Some(at_us);
            self.newest = step;
        }
        self.advance(step);
        if self.newest - step < BUCKETS {
            let bucket = &mut self.buckets[bucket(step)];
            *bucket = bucket.saturating_add(bytes);
        }
    }

    /// Bits per second up to `now_us`. `None` before a third of the window has passed.
    pub(crate) fn rate(&self, now_us: i64) -> Option<f64> {
        let begin = (now_us.div_euclid(self.step_us) - BUCKETS + 1) * self.step_us;
        let span_us = now_us - begin.max(self.since_us?);
        if span_us < self.step_us * BUCKETS / 3 {
            return None;
        }
        let first = now_us.div_euclid(self.step_us) - BUCKETS + 1;
        let bytes: u64 = (first.max(self.newest - BUCKETS + 1)..=self.newest)
            .map(|step| u64::from(self.buckets[bucket(step)]))
            .sum();
        Some(bytes as f64 * 8e6 / span_us as f64)
    }

    fn advance(&mut self, step: i64) {
        if step <= self.newest {
            return;
        }
        for passed in (self.newest + 1..=step).rev().take(BUCKETS as usize) {
            self.buckets[bucket(passed)] = 0;
        }
        self.newest = step;
    }
}

/// Steps of a window. Raised, rates move in smaller jumps and meters cost more memory.
const BUCKETS: i64 = 20;

fn bucket(step: i64) -> usize {
    step.rem_euclid(BUCKETS) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

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
