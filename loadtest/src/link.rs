//! A poor network between a participant and the server, by arithmetic: packets are lost by a
//! seeded die, and those that come are dated as late as a link of limited rate with a queue would
//! have made them. Needs no privileges, so every scenario can have one.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::clock::{MILLISECOND, Nanos, SECOND};

/// What a link does to packets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Packets lost, of 100, in each direction.
    #[serde(default)]
    pub loss_percent: f64,
    /// Added to the way of every packet to the participant.
    #[serde(default)]
    pub delay_ms: f64,
    /// Up to so much more, another for each packet.
    #[serde(default)]
    pub jitter_ms: f64,
    /// Kilobits a second to the participant: from which second on, and how many.
    #[serde(default)]
    pub rates: Vec<(f64, f64)>,
    /// Milliseconds that a packet may wait in the queue before a limited rate; more is lost.
    #[serde(default = "default_queue")]
    pub queue_ms: f64,
}

/// One direction of a link in use.
pub(crate) struct Wire {
    link: Link,
    random: StdRng,
    began: Option<Nanos>,
    /// When the queue will be empty.
    free_at: Nanos,
}

impl Wire {
    pub(crate) fn new(link: Link, seed: u64) -> Self {
        Self { link, random: StdRng::seed_from_u64(seed), began: None, free_at: 0 }
    }

    /// When a packet arrives that would have arrived at `at` without the link; `None` when it is
    /// lost.
    pub(crate) fn pass(&mut self, at: Nanos, bytes: usize) -> Option<Nanos> {
        if self.random.random_range(0.0..100.0) < self.link.loss_percent {
            return None;
        }
        let began = *self.began.get_or_insert(at);
        let seconds = at.saturating_sub(began) as f64 / 1e9;
        let rate = self.link.rates.iter().rev().find(|(from, _)| seconds >= *from);
        let mut leaves = at;
        if let Some((_, kbit)) = rate {
            let starts = self.free_at.max(at);
            if starts - at > (self.link.queue_ms * 1e6) as Nanos {
                return None;
            }
            let takes = (bytes as f64 * 8.0 / (kbit * 1e3) * SECOND as f64) as Nanos;
            self.free_at = starts + takes;
            leaves = self.free_at;
        }
        let jitter = self.link.jitter_ms * self.random.random_range(0.0..1.0);
        Some(leaves + ((self.link.delay_ms + jitter) * MILLISECOND as f64) as Nanos)
    }
}

/// What a home router keeps.
const fn default_queue() -> f64 {
    300.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_link_delays_first_and_then_loses() {
        let link = Link { rates: vec![(0.0, 800.0)], queue_ms: 50.0, ..Link::default() };
        let mut wire = Wire::new(link, 1);
        // 1,000 bytes take 10 ms at 800 kbit/s; they come every millisecond.
        let passed: Vec<_> = (0..100).map(|n| wire.pass(n * MILLISECOND, 1_000)).collect();
        assert_eq!(passed[0], Some(10 * MILLISECOND));
        assert_eq!(passed[1], Some(20 * MILLISECOND));
        let kept = passed.iter().flatten().count();
        assert!((14..=17).contains(&kept), "{kept} of 100 fit in 150 ms");
    }

    #[test]
    fn the_same_seed_loses_the_same_packets_and_about_as_many_as_said() {
        let lost = |seed| -> Vec<usize> {
            let link = Link { loss_percent: 5.0, ..Link::default() };
            let mut wire = Wire::new(link, seed);
            (0..10_000).filter(|n| wire.pass(*n as Nanos, 100).is_none()).collect()
        };
        assert_eq!(lost(7), lost(7));
        assert_ne!(lost(7), lost(8));
        assert!((400..600).contains(&lost(7).len()));
    }

    #[test]
    fn the_rate_changes_when_it_shall() {
        let rates = vec![(0.0, 8_000.0), (1.0, 80.0)];
        let mut wire = Wire::new(Link { rates, queue_ms: 1e3, ..Link::default() }, 1);
        assert_eq!(wire.pass(0, 1_000), Some(MILLISECOND));
        assert_eq!(wire.pass(2 * SECOND, 1_000), Some(2 * SECOND + 100 * MILLISECOND));
    }
}
