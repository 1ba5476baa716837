//! How datagrams are told apart within a stream: by frames (RFC 4571), or by TURN.

use std::time::Instant;

use bytes::{BufMut, BytesMut};
use sfu_core::turn::{MAX_FRAME_BYTES, MAX_OVERHEAD_BYTES, Reaction, Refusal, Relay};

use crate::metrics::RelayRefusal;

/// One of the two.
#[derive(Debug)]
pub(super) enum Wire {
    /// Each datagram behind its length.
    Framed,
    /// Messages of TURN and its channels.
    Turn(Box<Relay>),
}

impl Wire {
    /// How many bytes the frame has that begins so; `None` while that cannot be told.
    pub(super) fn frame_length(&self, start: &[u8]) -> Result<Option<usize>, RelayRefusal> {
        let Self::Framed = self else { return Ok(Relay::frame_length(start)?) };
        let [high, low, ..] = *start else { return Ok(None) };
        let length = FRAME_HEADER_BYTES + usize::from(u16::from_be_bytes([high, low]));
        if length > MAX_FRAME_BYTES { Err(RelayRefusal::Malformed) } else { Ok(Some(length)) }
    }

    /// What a whole frame asks for.
    pub(super) fn handle_frame<'a>(
        &mut self,
        now: Instant,
        unix: u64,
        frame: &'a [u8],
    ) -> Reaction<'a> {
        match self {
            Self::Framed => Reaction::Forward(0, frame[FRAME_HEADER_BYTES..].into()),
            Self::Turn(relay) => relay.handle_frame(now, unix, frame),
        }
    }

    /// Appends the frame for a datagram from this address of media to `out`, if that leaves it within
    /// `limit`.
    pub(super) fn wrap(
        &mut self,
        now: Instant,
        peer: usize,
        datagram: &[u8],
        out: &mut BytesMut,
        limit: usize,
    ) -> Wrapped {
        if out.len() + datagram.len() + MAX_OVERHEAD_BYTES > limit {
            return Wrapped::NoRoom;
        }
        match self {
            Self::Framed => {
                out.put_u16(datagram.len() as u16);
                out.put_slice(datagram);
                Wrapped::Added
            }
            Self::Turn(relay) => match relay.wrap(now, peer, datagram, out) {
                true => Wrapped::Added,
                false => Wrapped::Unwanted,
            },
        }
    }

    /// False while nothing but its being there speaks for the connection. `is_answered` says whether
    /// media has said anything to it.
    pub(super) fn is_admitted(&self, is_answered: bool) -> bool {
        match self {
            Self::Framed => is_answered,
            Self::Turn(relay) => relay.is_allocated(),
        }
    }

    /// True once the browser's time is over.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        matches!(self, Self::Turn(relay) if relay.is_over(now))
    }
}

/// What became of a datagram for the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrapped {
    /// It is in the queue.
    Added,
    /// The network has not taken what came before it.
    NoRoom,
    /// The browser did not ask for it.
    Unwanted,
}

impl From<Refusal> for RelayRefusal {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Malformed => Self::Malformed,
            Refusal::Unauthorized => Self::Unauthorized,
            Refusal::ForbiddenPeer => Self::ForbiddenPeer,
        }
    }
}

/// The length in front of each datagram (RFC 4571 section 2).
const FRAME_HEADER_BYTES: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_as_they_are_written_and_stay_within_their_bounds() {
        let (mut wire, mut out) = (Wire::Framed, BytesMut::new());
        let now = Instant::now();
        assert_eq!(wire.frame_length(&[0]), Ok(None));
        assert_eq!(wire.frame_length(&[0, 0]), Ok(Some(2)));
        assert_eq!(wire.frame_length(&[0x07, 0xfe]), Ok(Some(MAX_FRAME_BYTES)));
        assert_eq!(wire.frame_length(&[0x07, 0xff]), Err(RelayRefusal::Malformed));
        assert_eq!(wire.wrap(now, 0, b"media", &mut out, 1000), Wrapped::Added);
        assert_eq!(&out[..], b"\0\x05media");
        assert_eq!(wire.frame_length(&out), Ok(Some(out.len())));
        let reaction = wire.handle_frame(now, 0, &out);
        assert_eq!(reaction, Reaction::Forward(0, b"media".as_slice().into()));
        let full = out.clone();
        assert_eq!(wire.wrap(now, 0, b"more", &mut out, 1000 - 950), Wrapped::NoRoom);
        assert_eq!(out, full, "nothing of it, rather than a part");
    }

    #[test]
    fn who_is_not_answered_and_who_shows_nothing_is_not_admitted() {
        assert!(!Wire::Framed.is_admitted(false) && Wire::Framed.is_admitted(true));
        let key = sfu_core::turn::RelayKey::new([1; 32].into());
        let relay = Relay::new(key, "192.0.2.1:1".parse().unwrap(), &[], [0; 16]);
        assert!(!Wire::Turn(Box::new(relay)).is_admitted(true));
    }
}
