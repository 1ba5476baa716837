//! When which transport wants to be woken: one ordered set, so that idle ones cost nothing.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::demux::TransportKey;

/// One deadline per transport, kept lazily: a deadline that moves away stays where it is, and the
/// transport is woken once for nothing. That is cheaper than moving it for every packet.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    by_time: BTreeSet<(Instant, TransportKey)>,
    by_key: Vec<Option<Instant>>,
}

impl Timers {
    /// The earliest deadline of all.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Sees to it that the transport is woken at `at` or earlier.
    pub(crate) fn schedule(&mut self, key: TransportKey, at: Instant) {
        if self.by_key.len() <= key.0 {
            self.by_key.resize(key.0 + 1, None);
        }
        let slot = &mut self.by_key[key.0];
        if slot.is_some_and(|scheduled| scheduled <= at) {
            return;
        }
        if let Some(later) = slot.replace(at) {
            self.by_time.remove(&(later, key));
        }
        self.by_time.insert((at, key));
    }

    /// Takes a transport whose deadline has come. Its owner schedules it again as needed.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<TransportKey> {
        let (at, key) = *self.by_time.first()?;
        if at > now {
            return None;
        }
        self.remove(key);
        Some(key)
    }

    /// Forgets a transport.
    pub(crate) fn remove(&mut self, key: TransportKey) {
        if let Some(at) = self.by_key.get_mut(key.0).and_then(Option::take) {
            self.by_time.remove(&(at, key));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_earliest_comes_first_and_only_when_due() {
        let start = start();
        let at = |ms| start + Duration::from_millis(ms);
        let (one, two) = (TransportKey(1), TransportKey(2));
        let mut timers = Timers::default();
        timers.schedule(one, at(50));
        timers.schedule(two, at(30));
        timers.schedule(one, at(20));
        timers.schedule(one, at(90));
        assert_eq!(timers.next(), Some(at(20)));
        assert_eq!(timers.pop_due(at(19)), None);
        assert_eq!(timers.pop_due(at(40)), Some(one));
        assert_eq!(timers.pop_due(at(40)), Some(two));
        assert_eq!(timers.pop_due(at(900)), None);
        timers.schedule(two, at(30));
        timers.remove(two);
        assert_eq!(timers.next(), None);
    }

    #[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
    fn start() -> Instant {
        Instant::now()
    }
}
