//! Which transport a datagram belongs to: by its address pair, else (for a check only) by the
//! ICE user name it carries.

use std::collections::HashMap;
use std::time::Instant;

use crate::path::Path;
use crate::sfu::Sfu;

/// Number of a transport within one `Sfu`. Reused once the transport is gone and forgotten here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TransportKey(pub(crate) usize);

/// What the first bytes say (RFC 7983, RFC 5761 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DatagramClass {
    /// Media, sealed.
    Rtp,
    /// Reports and feedback, sealed.
    Rtcp,
    /// A connectivity check.
    Stun,
    /// The handshake.
    Dtls,
}

impl DatagramClass {
    /// Looks at the first two bytes. `None` for what nobody sends here.
    pub(crate) fn of(datagram: &[u8]) -> Option<Self> {
        match *datagram {
            [128..=191, second, ..] if (192..=223).contains(&second) => Some(Self::Rtcp),
            [128..=191, _, ..] => Some(Self::Rtp),
            [0..=3, ..] => Some(Self::Stun),
            [20..=63, ..] => Some(Self::Dtls),
            _ => None,
        }
    }
}

/// Two tables, both bounded by the number of transports: each has at most
/// a few user names and addresses of its own.
#[derive(Default)]
pub(crate) struct Demux {
    by_path: HashMap<Path, Binding>,
    by_ufrag: HashMap<String, TransportKey>,
}

impl Demux {
    /// The transport that owns this address pair.
    pub(crate) fn find(&self, path: Path) -> Option<TransportKey> {
        self.by_path.get(&path).map(|binding| binding.owner)
    }

    /// The transport with this user name.
    pub(crate) fn find_ufrag(&self, ufrag: &str) -> Option<TransportKey> {
        self.by_ufrag.get(ufrag).copied()
    }

    /// Makes a user name known.
    pub(crate) fn add_ufrag(&mut self, ufrag: &str, owner: TransportKey) {
        self.by_ufrag.insert(ufrag.to_owned(), owner);
    }

    /// Forgets a user name.
    pub(crate) fn remove_ufrag(&mut self, ufrag: &str) {
        self.by_ufrag.remove(ufrag);
    }

    /// Whether `owner` may take this address pair: it is free, its own already, or its present
    /// owner has not checked it for a while. Otherwise whoever can forge a source address and is
    /// in some meeting could cut somebody else off.
    pub(crate) fn may_bind(&self, now: Instant, path: Path, owner: TransportKey) -> bool {
        self.find(path) == Some(owner) || self.is_free(now, path)
    }

    /// Whether anybody may take this address pair.
    pub(crate) fn is_free(&self, now: Instant, path: Path) -> bool {
        self.by_path.get(&path).is_none_or(|binding| {
            now.saturating_duration_since(binding.checked) >= Sfu::TAKEOVER_SILENCE
        })
    }

    /// Gives an address pair to a transport, after an authentic check.
    pub(crate) fn bind(&mut self, now: Instant, path: Path, owner: TransportKey) {
        self.by_path.insert(path, Binding { owner, checked: now });
    }

    /// Takes an address pair from a transport, if it is still its own.
    pub(crate) fn unbind(&mut self, path: Path, owner: TransportKey) {
        if self.find(path) == Some(owner) {
            self.by_path.remove(&path);
        }
    }
}

struct Binding {
    owner: TransportKey,
    checked: Instant,
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use super::*;

    #[test]
    fn first_bytes_tell_the_class() {
        assert_eq!(DatagramClass::of(&[0x80, 96]), Some(DatagramClass::Rtp));
        assert_eq!(DatagramClass::of(&[0x80, 0x80 | 111]), Some(DatagramClass::Rtp));
        assert_eq!(DatagramClass::of(&[0x81, 200]), Some(DatagramClass::Rtcp));
        assert_eq!(DatagramClass::of(&[0x00, 0x01]), Some(DatagramClass::Stun));
        assert_eq!(DatagramClass::of(&[22, 0xFE]), Some(DatagramClass::Dtls));
        for first in [4_u8, 19, 64, 127, 192, 255] {
            assert_eq!(DatagramClass::of(&[first, 0]), None);
        }
        assert_eq!(DatagramClass::of(&[]), None);
        assert_eq!(DatagramClass::of(&[0x80]), None);
    }

    #[test]
    fn a_living_transport_keeps_its_address() {
        let mut demux = Demux::default();
        let path = Path { remote: SocketAddr::from(([192, 0, 2, 1], 9)), local: None };
        let start = start();
        let (first, second) = (TransportKey(1), TransportKey(2));
        demux.bind(start, path, first);
        assert!(demux.may_bind(start, path, first));
        assert!(!demux.may_bind(start + Duration::from_secs(7), path, second));
        assert!(demux.may_bind(start + Duration::from_secs(9), path, second));
        demux.bind(start, path, second);
        demux.unbind(path, first);
        assert_eq!(demux.find(path), Some(second));
    }

    #[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
    fn start() -> Instant {
        Instant::now()
    }
}
