//! [`Clock`]: the one way the server learns the time, so that tests need not wait for it.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hyper::rt::{Sleep, Timer};
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

    /// What becomes of `future`, unless it takes longer than that.
    pub(crate) async fn in_time<T>(
        &self,
        limit: Duration,
        future: impl Future<Output = T>,
    ) -> Option<T> {
        tokio::select! {
            biased;
            output = future => Some(output),
            () = self.sleep_until(self.now() + limit) => None,
        }
    }
}

/// The clock as the HTTP server asks for it.
#[derive(Clone, Debug)]
pub(crate) struct ClockTimer(pub(crate) Clock);

impl Timer for ClockTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.0.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        let clock = self.0.clone();
        let sleep = async move { clock.sleep_until(deadline).await };
        Box::pin(ClockSleep(Mutex::new(Box::pin(sleep))))
    }

    fn now(&self) -> Instant {
        self.0.now()
    }
}

/// It may be shared between threads, as what it holds may not.
struct ClockSleep(Mutex<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Future for ClockSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let sleep = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        sleep.as_mut().poll(context)
    }
}

impl Sleep for ClockSleep {}

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
