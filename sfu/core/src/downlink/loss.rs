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
        bucket.0 += fates.lost;
        bucket.1 += fates.lost + fates.arrived;
        // What came after all was called lost shortly before, most likely by the report before.
        let mut late = fates.late;
        for step in (self.oldest(now_us)..=self.newest).rev() {
            let lost = &mut self.buckets[(step % BUCKETS) as usize].0;
            let given_back = late.min(*lost);
            *lost -= given_back;
            late -= given_back;
        }
    }

    /// The lost part, 0 to 1; `None` while too few packets are known.
    pub(super) fn fraction(&self, now_us: i64) -> Option<f64> {
        let (mut lost, mut total) = (0, 0);
        for step in self.oldest(now_us)..=self.newest {
            let bucket = self.buckets[(step % BUCKETS) as usize];
            lost += bucket.0;
            total += bucket.1;
        }
        (total >= LEAST_PACKETS).then(|| f64::from(lost) / f64::from(total))
    }

    /// The first step that still counts.
    fn oldest(&self, now_us: i64) -> i64 {
        let newest = (now_us / BUCKET_US).max(self.newest);
        (newest - BUCKETS + 1).max(0)
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

    #[test]
    fn what_comes_after_all_is_given_back_whenever_it_does() {
        for apart_us in [0, 50_000, 150_000, 1_000_000, 1_850_000] {
            let mut meter = LossMeter::default();
            meter.count(50_000, Fates { arrived: 17, lost: 1, ..Fates::default() });
            meter.count(90_000, Fates { arrived: 10, lost: 2, ..Fates::default() });
            let then = 90_000 + apart_us;
            meter.count(then, Fates { arrived: 10, late: 3, ..Fates::default() });
            assert_eq!(meter.fraction(then), Some(0.0), "{apart_us} us later");
        }
        // What is forgotten counts no more.
        let mut meter = LossMeter::default();
        meter.count(0, Fates { lost: 20, ..Fates::default() });
        meter.count(2_500_000, Fates { arrived: 18, lost: 2, ..Fates::default() });
        assert_eq!(meter.fraction(2_500_000), Some(0.1));
    }
}
