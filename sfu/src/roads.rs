//! Which other worker the datagrams of an address pair are for. The system chooses a socket by the
//! addresses, so whatever comes over one pair always comes to the same worker; that one keeps the
//! pair's road.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use sfu_core::{Path, Sfu};

/// Roads from one worker's socket to the others. Learned from what those say after authentic
/// checks, never from what merely arrives.
#[derive(Debug, Default)]
pub(crate) struct Roads(HashMap<Path, Road>);

#[derive(Clone, Copy, Debug)]
struct Road {
    owner: u8,
    /// When its owner last had an authentic check over it.
    checked: Instant,
}

impl Roads {
    /// Whose datagrams come over this pair.
    pub(crate) fn owner(&self, path: Path) -> Option<u8> {
        self.0.get(&path).map(|road| road.owner)
    }

    /// Whether the pair is in use by somebody else than `claimant`. Otherwise whoever can forge a
    /// source address and is in some meeting could cut somebody of another worker off.
    pub(crate) fn is_taken(&self, now: Instant, path: Path, claimant: u8) -> bool {
        self.0.get(&path).is_some_and(|road| {
            road.owner != claimant
                && now.saturating_duration_since(road.checked) < Sfu::TAKEOVER_SILENCE
        })
    }

    /// `owner` had an authentic check over the pair.
    pub(crate) fn claim(&mut self, now: Instant, path: Path, owner: u8) {
        if self.is_taken(now, path, owner) {
            return;
        }
        if self.0.len() >= MAX_ROADS && !self.0.contains_key(&path) {
            self.0.retain(|_, road| now.saturating_duration_since(road.checked) < FORGOTTEN_AFTER);
            if self.0.len() >= MAX_ROADS {
                return;
            }
        }
        self.0.insert(path, Road { owner, checked: now });
    }

    /// `owner` knows nothing of the pair.
    pub(crate) fn release(&mut self, path: Path, owner: u8) {
        if self.owner(path) == Some(owner) {
            self.0.remove(&path);
        }
    }

    /// The pair belongs to this worker itself.
    pub(crate) fn forget(&mut self, path: Path) {
        self.0.remove(&path);
    }
}

/// Four address pairs for each transport that a neighbour may have. Raised, a flood of joins takes
/// more memory; lowered, those who join last are not heard.
const MAX_ROADS: usize = 1 << 14;

/// With all of them taken, those that nobody checked for so long are forgotten: browsers check
/// every few seconds.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn path(port: u16) -> Path {
        Path { remote: SocketAddr::from(([192, 0, 2, 1], port)), local: None }
    }

    #[test]
    fn a_living_road_is_not_taken_over_and_a_silent_one_is() {
        let mut roads = Roads::default();
        let now = Instant::now();
        roads.claim(now, path(1), 1);
        roads.claim(now + Duration::from_secs(1), path(1), 2);
        assert_eq!(roads.owner(path(1)), Some(1));
        assert!(!roads.is_taken(now, path(1), 1));
        roads.claim(now + Sfu::TAKEOVER_SILENCE, path(1), 2);
        assert_eq!(roads.owner(path(1)), Some(2));
        roads.release(path(1), 1);
        assert_eq!(roads.owner(path(1)), Some(2));
        roads.release(path(1), 2);
        assert_eq!(roads.owner(path(1)), None);
    }

    #[test]
    fn roads_are_bounded_and_the_silent_ones_give_way() {
        let mut roads = Roads::default();
        let now = Instant::now();
        let many = |port: usize| Path {
            remote: SocketAddr::from(([10, 0, (port >> 8) as u8, port as u8], 9)),
            local: None,
        };
        for port in 0..MAX_ROADS {
            roads.claim(now, many(port), 1);
        }
        roads.claim(now, path(1), 1);
        assert_eq!(roads.owner(path(1)), None, "all are in use");
        roads.claim(now + FORGOTTEN_AFTER, path(1), 1);
        assert_eq!(roads.owner(path(1)), Some(1));
        assert_eq!(roads.0.len(), 1);
    }
}
