//! A picture that was too much for a path, and when to try it again.

use std::time::{Duration, Instant};

/// What is remembered of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure {
    at: Instant,
    /// What it took at most, in bits per second.
    rate: u64,
    /// How long it is not tried again with less than that.
    wait: Duration,
}

impl Failure {
    /// It was too much just now, at such a rate, after `former` failures. Whoever fails again at the
    /// next try waits for longer.
    pub(crate) fn after(former: Option<Self>, now: Instant, rate: u64) -> Self {
        match former {
            Some(former) if former.counts(now) => Self { rate: former.rate.max(rate), ..former },
            Some(former) if now < former.at + former.wait * 2 => {
                Self { at: now, rate, wait: (former.wait * 2).min(LONGEST_WAIT) }
            }
            Some(_) | None => Self { at: now, rate, wait: FIRST_WAIT },
        }
    }

    /// What there must be before it is tried, in bits per second.
    pub(crate) fn needs(&self, now: Instant) -> u64 {
        if self.counts(now) { self.rate } else { 0 }
    }

    fn counts(&self, now: Instant) -> bool {
        now < self.at + self.wait
    }
}

/// Raised, a screen that a path did carry, but not beside what else there was, comes back later.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Each try makes the publisher send a whole picture, to everybody. Raised, a path that got better
/// by less than the picture took shows it later.
const LONGEST_WAIT: Duration = Duration::from_secs(32);

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
    #[test]
    fn each_try_in_vain_doubles_the_wait_and_success_forgets_it() {
        let mut now = Instant::now();
        let mut failure = Failure::after(None, now, 300);
        let mut wait = FIRST_WAIT;
        for _ in 0..8 {
            // A second blow of the same failure.
            failure = Failure::after(Some(failure), now + FIRST_WAIT / 2, 400);
            assert_eq!(failure.needs(now + wait - Duration::from_millis(1)), 400);
            assert_eq!(failure.needs(now + wait), 0);
            now += wait + FIRST_WAIT / 2;
            wait = (wait * 2).min(LONGEST_WAIT);
            failure = Failure::after(Some(failure), now, 300);
            assert_eq!(failure.needs(now), 300);
        }
        assert_eq!(wait, LONGEST_WAIT);
        now += LONGEST_WAIT * 2;
        failure = Failure::after(Some(failure), now, 300);
        assert_eq!(failure.needs(now + FIRST_WAIT), 0);
    }
}
