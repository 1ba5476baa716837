//! The part of the packets that is lost on the way to a subscriber.

/// What one report says of packets that were not known of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fates {
    /// They arrived.
    pub(super) arrived: u32,
    /// They did not.
    pub(super) lost: u32,
    /// They were called lost before and arrived after all.
    pub(super) late: u32,
}

/// Counts of the last two seconds.
#[derive(Debug, Default)]
pub(super) struct LossMeter {
    buckets: [(u32, u32); BUCKETS as usize],
    newest: i64,
}

impl LossMeter {
    /// Counts the packets of one report by their fates.
    pub(super) fn count(&mut self, now_us: i64, fates: Fates) {
        let bucket = self.bucket(now_us);
        bucket.0 = (bucket.0 + fates.lost).saturating_sub(fates.late);
        bucket.1 += fates.lost + fates.arrived;
    }

    /// The lost part, 0 to 1; `None` while too few packets are known.
    pub(super) fn fraction(&self, now_us: i64) -> Option<f64> {
        let oldest = now_us / BUCKET_US - BUCKETS + 1;
        let (mut lost, mut total) = (0, 0);
        for step in oldest.max(self.newest - BUCKETS + 1).max(0)..=self.newest {
            let bucket = self.buckets[(step % BUCKETS) as usize];
            lost += bucket.0;
            total += bucket.1;
        }
        (total >= LEAST_PACKETS).then(|| f64::from(lost) / f64::from(total))
    }

    fn bucket(&mut self, now_us: i64) -> &mut (u32, u32) {
        let step = now_us / BUCKET_US;
        for passed in (self.newest + 1..=step).rev().take(BUCKETS as usize) {
            self.buckets[(passed % BUCKETS) as usize] = (0, 0);
        }
        self.newest = self.newest.max(step);
        &mut self.buckets[(self.newest % BUCKETS) as usize]
    }
}

const BUCKET_US: i64 = 100_000;

/// Steps of the window. Raised, chance weighs less and a real change is seen later.
const BUCKETS: i64 = 20;

/// Fewer packets say nothing about a part.
const LEAST_PACKETS: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_count_while_they_are_recent() {
        let mut meter = LossMeter::default();
        meter.count(0, Fates { arrived: 19, ..Fates::default() });
        assert_eq!(meter.fraction(20), None);
        meter.count(20, Fates { lost: 1, ..Fates::default() });
        assert_eq!(meter.fraction(20), Some(0.05));
        meter.count(21, Fates { late: 1, ..Fates::default() });
        assert_eq!(meter.fraction(21), Some(0.0));
        assert_eq!(meter.fraction(5_000_000), None);
    }
}
