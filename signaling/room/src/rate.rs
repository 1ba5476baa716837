//! [`TokenBucket`]: how often something may happen.

use std::time::{Duration, Instant};

/// How often something may happen: `burst` at once, then once per `refill`.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// At once.
    pub burst: u32,
    /// Time for one more.
    pub refill: Duration,
}

/// Counts down what may still happen now.
#[derive(Debug)]
pub struct TokenBucket {
    rate: Rate,
    /// When the bucket will be (or was) full.
    full_at: Instant,
}

impl TokenBucket {
    /// A full one.
    pub fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, full_at: now }
    }

    /// Takes one token; false when there is none.
    pub fn take(&mut self, now: Instant) -> bool {
        self.take_many(now, 1)
    }

    /// Takes so many tokens at once; takes none and gives false when there are fewer.
    pub fn take_many(&mut self, now: Instant, count: u32) -> bool {
        let next = self.full_at.max(now) + self.rate.refill * count;
        let is_within = next <= now + self.rate.refill * self.rate.burst;
        if is_within {
            self.full_at = next;
        }
        is_within
    }

    /// How many there are now.
    pub fn left(&self, now: Instant) -> u32 {
        let taken = self.full_at.saturating_duration_since(now).as_nanos();
        let taken = taken.div_ceil(self.rate.refill.as_nanos().max(1));
        self.rate.burst.saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX))
    }

    /// True when nothing was taken for a while.
    pub fn is_full(&self, now: Instant) -> bool {
        self.full_at <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { burst: 3, refill: Duration::from_secs(2) };

    #[test]
    fn a_bucket_gives_its_burst_and_then_refills() {
        let start = crate::room::start();
        let mut bucket = TokenBucket::new(RATE, start);
        let taken = |bucket: &mut TokenBucket, now| (0..9).filter(|_| bucket.take(now)).count();
        assert_eq!((bucket.left(start), taken(&mut bucket, start), bucket.left(start)), (3, 3, 0));
        assert_eq!(bucket.left(start + Duration::from_secs(4)), 2);
        assert_eq!(taken(&mut bucket, start + Duration::from_secs(4)), 2);
        assert_eq!(taken(&mut bucket, start + Duration::from_secs(900)), 3);
        let later = start + Duration::from_secs(9_000);
        let many = [4, 2, 2, 1].map(|count| bucket.take_many(later, count));
        assert_eq!(many, [false, true, false, true]);
    }
}
