//! Packets of pictures that have their outgoing numbers and wait for the pacer. Their bytes stay
//! in the ring of their layer.

use std::collections::VecDeque;

use crate::codec::{CodecKind, PictureIds};
use crate::packet::RtpHeader;
use crate::router::{LayerKey, Marks};

/// First in, first out, for all slots of one subscriber.
#[derive(Default)]
pub(crate) struct Queue {
    packets: VecDeque<Waiting>,
    bytes: usize,
}

/// One packet that waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    /// As it goes out.
    pub(crate) header: RtpHeader,
    /// As they go out.
    pub(crate) pictures: PictureIds,
    /// What its publisher said about it.
    pub(crate) marks: Marks,
    /// Its codec.
    pub(crate) codec: CodecKind,
    /// Whose ring it lies in.
    pub(crate) source: LayerKey,
    /// Its number there.
    pub(crate) sequence: u16,
    /// Number of its frame on the slot, where a dependency descriptor tells it.
    pub(crate) frame_number: Option<u16>,
    /// Bytes of its payload.
    pub(crate) bytes: u16,
    /// True when its content is not worth sending any more, only its number.
    pub(crate) is_void: bool,
}

impl Queue {
    /// True when nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Whether what waits takes too long at `rate` bits per second for more to join it, of a camera
    /// or of a shared screen.
    pub(crate) fn is_full(&self, rate: u64, is_screen: bool) -> bool {
        let longest_ms = if is_screen { LONGEST_OF_SCREEN_MS } else { LONGEST_MS };
        self.packets.len() >= MOST_PACKETS || self.bytes as u64 * 8_000 > rate * longest_ms
    }

    /// Adds a packet at the end.
    pub(crate) fn push(&mut self, packet: Waiting) {
        if self.packets.capacity() == 0 {
            self.packets.reserve_exact(MOST_PACKETS);
        }
        self.bytes += usize::from(packet.bytes);
        self.packets.push_back(packet);
    }

    /// Takes the packet whose turn it is.
    pub(crate) fn pop(&mut self) -> Option<Waiting> {
        let packet = self.packets.pop_front()?;
        self.bytes -= usize::from(packet.bytes);
        Some(packet)
    }

    /// Forgets the content of what waits on the source `ssrc`; the numbers are sent all the same,
    /// so that no gap stays.
    pub(crate) fn void(&mut self, ssrc: u32) {
        for packet in self.packets.iter_mut().filter(|packet| packet.header.ssrc == ssrc) {
            self.bytes -= usize::from(packet.bytes);
            packet.bytes = 0;
            packet.is_void = true;
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Bound of the memory: a large key frame of each of a few tiles.
const MOST_PACKETS: usize = 512;

/// Longest wait, in ms: a picture that comes later than this freezes more than it shows. Raised,
/// key frames get through slower paths; lowered, pictures stand still more often.
const LONGEST_MS: u64 = 500;

/// A slide is worth waiting for, and nothing comes after it for a while. Paced as pictures are, that
/// is less than the ring keeps. Raised, larger slides get through slower paths, and sound waits for
/// longer behind them.
const LONGEST_OF_SCREEN_MS: u64 = 1_500;
