//! [`Pace`]: word of what many can change within a moment, at most so often.

use std::time::{Duration, Instant};

/// Holds word of changes back: the first is told at once, those that follow it soon are told together
/// when the pause is over. However many hands go up in a second, everybody hears of them ten times.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    quiet_until: Option<Instant>,
    is_behind: bool,
}

impl Pace {
    /// Something changed; true when it is to be told now.
    pub(crate) fn change(&mut self, now: Instant) -> bool {
        self.is_behind = self.quiet_until.is_some_and(|until| now < until);
        if !self.is_behind {
            self.told(now);
        }
        !self.is_behind
    }

    /// Everything was told now.
    pub(crate) fn told(&mut self, now: Instant) {
        *self = Self { quiet_until: Some(now + PAUSE), is_behind: false };
    }

    /// True when what was held back is to be told now.
    pub(crate) fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.poll_timeout().is_some_and(|at| at <= now);
        if is_due {
            self.told(now);
        }
        is_due
    }

    /// When something is to be told that was held back.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.quiet_until.filter(|_| self.is_behind)
    }
}

/// Shorter sends more to everybody while a class votes; longer shows hands late.
const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_change_is_told_at_once_and_those_after_it_together() {
        let start = crate::room::start();
        let mut pace = Pace::default();
        let told = |pace: &mut Pace, ms: u64| {
            let now = start + Duration::from_millis(ms);
            (pace.is_due(now), pace.change(now))
        };
        assert_eq!(told(&mut pace, 0), (false, true));
        assert_eq!(told(&mut pace, 10), (false, false));
        assert_eq!(told(&mut pace, 99), (false, false));
        assert_eq!(pace.poll_timeout(), Some(start + PAUSE));
        assert_eq!(told(&mut pace, 100), (true, false));
        assert_eq!(told(&mut pace, 200), (true, false));
        assert!(pace.is_due(start + Duration::from_millis(300)));
        assert_eq!(pace.poll_timeout(), None);
        assert_eq!(told(&mut pace, 900), (false, true));
    }
}
