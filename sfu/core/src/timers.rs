//! When which transport wants to be woken: one ordered queue, so that idle ones cost nothing.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use crate::demux::TransportKey;

/// One deadline per transport, kept lazily: a deadline that moves away stays where it is, and the
/// transport is woken once for nothing. That is cheaper than moving it for every packet.
///
/// An entry that is not its transport's deadline any more is stale. Stale ones stay until they come to
/// the top or are too many, and never stay at the top. So the heap grows to its size and allocates
/// nothing from then on; an ordered tree would.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    by_time: BinaryHeap<Reverse<(Instant, TransportKey)>>,
    by_key: Vec<Option<Instant>>,
    /// Transports that have a deadline.
    active: usize,
}

impl Timers {
    /// The earliest deadline of all.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.by_time.peek().map(|Reverse((at, _))| *at)
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
        self.active += usize::from(slot.replace(at).is_none());
        self.by_time.push(Reverse((at, key)));
        if self.by_time.len() > 2 * self.active + FEW_STALE {
            let by_key = &self.by_key;
            self.by_time.retain(|Reverse((at, key))| by_key[key.0] == Some(*at));
        }
    }

    /// Takes a transport whose deadline has come. Its owner schedules it again as needed.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<TransportKey> {
        let Reverse((at, key)) = *self.by_time.peek()?;
        if at > now {
            return None;
        }
        self.remove(key);
        Some(key)
    }

    /// Forgets a transport.
    pub(crate) fn remove(&mut self, key: TransportKey) {
        if self.by_key.get_mut(key.0).and_then(Option::take).is_some() {
            self.active -= 1;
        }
        while let Some(Reverse((at, key))) = self.by_time.peek()
            && self.by_key[key.0] != Some(*at)
        {
            self.by_time.pop();
        }
    }
}

/// Stale entries that are borne before it is worth looking through all.
const FEW_STALE: usize = 64;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

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

    /// What is asked of the timers; times in milliseconds.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Schedule(usize, u64),
        Pop(u64),
        Remove(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..40_usize, 0..500_u64).prop_map(|(key, at)| Step::Schedule(key, at)),
            1 => (0..500_u64).prop_map(Step::Pop),
            1 => (0..40_usize).prop_map(Step::Remove),
        ]
    }

    proptest! {
        #[test]
        fn they_hold_what_a_table_of_the_earliest_deadlines_holds(
            steps in prop::collection::vec(step(), 1..2_000),
        ) {
            let start = start();
            let at = |ms| start + Duration::from_millis(ms);
            let (mut timers, mut table) = (Timers::default(), [None::<Instant>; 40]);
            for step in steps {
                match step {
                    Step::Schedule(key, ms) => {
                        timers.schedule(TransportKey(key), at(ms));
                        table[key] = Some(table[key].map_or(at(ms), |it| it.min(at(ms))));
                    }
                    Step::Pop(ms) => match timers.pop_due(at(ms)) {
                        Some(TransportKey(key)) => {
                            let earliest = table.iter().flatten().min().copied();
                            prop_assert!(earliest.is_some_and(|it| it <= at(ms)));
                            prop_assert_eq!(table[key].take(), earliest);
                        }
                        None => prop_assert!(table.iter().flatten().all(|it| *it > at(ms))),
                    },
                    Step::Remove(key) => {
                        timers.remove(TransportKey(key));
                        table[key] = None;
                    }
                }
                prop_assert_eq!(timers.next(), table.iter().flatten().min().copied());
                prop_assert!(timers.by_time.len() <= 2 * table.len() + FEW_STALE);
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
    fn start() -> Instant {
        Instant::now()
    }
}
