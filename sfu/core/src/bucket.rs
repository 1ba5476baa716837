//! A budget that fills up with time.

use std::time::Instant;

/// Bytes that may be used: so many a second, and so many at once.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    used: f64,
    updated: Option<Instant>,
}

impl Bucket {
    /// Takes `bytes`, if that is within `per_second` and `at_once`.
    pub(crate) fn take(
        &mut self,
        now: Instant,
        bytes: usize,
        per_second: f64,
        at_once: f64,
    ) -> bool {
        let updated = self.updated.replace(now).unwrap_or(now);
        let passed = now.saturating_duration_since(updated).as_secs_f64();
        self.used = (self.used - passed * per_second).max(0.0);
        if self.used + bytes as f64 > at_once {
            return false;
        }
        self.used += bytes as f64;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_passes_and_then_only_the_rate() {
        #[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
        let begin = Instant::now();
        let mut bucket = Bucket::default();
        let mut taken = 0;
        for ms in 0..10_000 {
            let now = begin + Duration::from_millis(ms);
            taken += usize::from(bucket.take(now, 100, 10_000.0, 5_000.0));
        }
        assert_eq!(taken, 50 + 1_000 - 1);
    }
}
