//! [`Clock`]: the one way the server learns the time, so that tests need not wait for it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

/// Tells the time and sleeps. Clones tell the same time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual { start: Instant, start_unix: u64, passed: watch::Receiver<Duration> },
}

impl Clock {
    /// The machine's clock.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until its hand is moved.
    pub fn manual() -> (Self, ClockHand) {
        let (hand, passed) = watch::channel(Duration::ZERO);
        let start_unix = Self::system().unix_seconds();
        (Self(Source::Manual { start: Instant::now(), start_unix, passed }), ClockHand(hand))
    }

    /// For measuring spans.
    pub fn now(&self) -> Instant {
        match &self.0 {
            Source::System => Instant::now(),
            Source::Manual { start, passed, .. } => *start + *passed.borrow(),
        }
    }

    /// Seconds since 1970-01-01 UTC, for what outlives the process.
    pub fn unix_seconds(&self) -> u64 {
        match &self.0 {
            Source::System => {
                SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
            }
            Source::Manual { start_unix, passed, .. } => start_unix + passed.borrow().as_secs(),
        }
    }

    /// Returns once the clock shows `deadline` or later.
    pub async fn sleep_until(&self, deadline: Instant) {
        match &self.0 {
            Source::System => tokio::time::sleep_until(deadline.into()).await,
            Source::Manual { start, passed, .. } => {
                let mut passed = passed.clone();
                let is_due = |passed: &Duration| *start + *passed >= deadline;
                if passed.wait_for(is_due).await.is_err() {
                    // The hand was dropped: this clock never moves again.
                    std::future::pending::<()>().await;
                }
            }
        }
    }
}

/// Moves a manual clock.
#[derive(Debug)]
pub struct ClockHand(watch::Sender<Duration>);

impl ClockHand {
    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|passed| *passed += by);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_wakes_who_sleeps_when_it_is_moved() {
        let (clock, hand) = Clock::manual();
        let deadline = clock.now() + Duration::from_secs(10);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(deadline).await }
        });
        hand.advance(Duration::from_secs(9));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        hand.advance(Duration::from_secs(1));
        sleeper.await.unwrap();
        assert_eq!(clock.now(), deadline);
    }
}
