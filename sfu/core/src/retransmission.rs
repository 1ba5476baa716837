//! Recent packets of one publisher's layer, kept once for all its subscribers.

use std::time::{Duration, Instant};

/// Longest time a packet is worth sending again. Raised, slow paths recover more and each layer
/// keeps more bytes; players wait little longer than this.
pub const MAX_AGE: Duration = Duration::from_secs(1);

/// Longest packet kept, in bytes.
pub const MAX_PACKET_BYTES: usize = 2_048;

/// The latest packets by sequence number, bounded in count, bytes and age. Bytes start small and
/// double, up to their bound, rather than overwrite what is younger than [`MAX_AGE`].
#[derive(Clone, Debug)]
pub struct Ring {
    /// Slot of a packet by its sequence number modulo their count; filled on first use.
    slots: Vec<Option<Slot>>,
    slot_count: usize,
    bytes: Vec<u8>,
    max_bytes: usize,
    /// Where the next packet goes, counted over all laps.
    head: u64,
    /// Everything before this was left behind when the bytes grew.
    kept_from: u64,
    /// When each piece of the bytes was last written to.
    written: Vec<Option<Instant>>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    sequence: u16,
    len: u16,
    position: u64,
    /// Last moment at which it is worth anything.
    until: Instant,
}

impl Ring {
    /// For a layer of pictures: 1,024 packets, at most 1 MiB.
    pub fn for_video() -> Self {
        Self::new(1_024, 1 << 20)
    }

    /// For sound: 128 packets (2.5 s of 20 ms), at most 64 KiB.
    pub fn for_audio() -> Self {
        Self::new(128, FIRST_BYTES)
    }

    fn new(slot_count: usize, max_bytes: usize) -> Self {
        Self {
            slots: Vec::new(),
            slot_count,
            bytes: Vec::new(),
            max_bytes,
            head: 0,
            kept_from: 0,
            written: Vec::new(),
        }
    }

    /// Keeps a copy of a plain packet in place of older ones. Packets longer than
    /// [`MAX_PACKET_BYTES`] are not kept.
    pub fn store(&mut self, now: Instant, sequence: u16, packet: &[u8]) {
        if packet.len() > MAX_PACKET_BYTES {
            return;
        }
        if self.bytes.is_empty() {
            self.slots = vec![None; self.slot_count];
            self.bytes = vec![0; FIRST_BYTES];
            self.written = vec![None; FIRST_BYTES / PIECE_BYTES];
        }
        let mut at = self.place(packet.len());
        while self.bytes.len() < self.max_bytes && self.would_lose(now, at, packet.len()) {
            self.grow();
            at = self.place(packet.len());
        }
        self.bytes[at..at + packet.len()].copy_from_slice(packet);
        self.written[pieces(at, packet.len())].fill(Some(now));
        let slot = usize::from(sequence) % self.slot_count;
        let len = packet.len() as u16;
        self.slots[slot] = Some(Slot { sequence, len, position: self.head, until: now + MAX_AGE });
        self.head += packet.len() as u64;
    }

    /// The packet with this sequence number, if it is still kept and young enough.
    pub fn find(&self, now: Instant, sequence: u16) -> Option<&[u8]> {
        let slot = (*self.slots.get(usize::from(sequence) % self.slot_count)?)?;
        let capacity = self.bytes.len() as u64;
        let kept_from = self.kept_from.max(self.head.saturating_sub(capacity));
        if slot.sequence != sequence || slot.position < kept_from || now > slot.until {
            return None;
        }
        let at = (slot.position % capacity) as usize;
        Some(&self.bytes[at..at + usize::from(slot.len)])
    }

    /// Where the next packet goes. One that does not fit before the end goes to the start.
    fn place(&mut self, len: usize) -> usize {
        let capacity = self.bytes.len() as u64;
        if self.head % capacity + len as u64 > capacity {
            self.head = self.head.next_multiple_of(capacity);
        }
        (self.head % capacity) as usize
    }

    /// Whether writing there enters a piece that holds young packets.
    fn would_lose(&self, now: Instant, at: usize, len: usize) -> bool {
        let entered = pieces(at, len).filter(|piece| piece * PIECE_BYTES >= at);
        entered
            .filter_map(|piece| self.written[piece])
            .any(|written| now.saturating_duration_since(written) <= MAX_AGE)
    }

    /// Doubles the bytes. What was written during the last lap keeps its position.
    fn grow(&mut self) {
        let capacity = self.bytes.len();
        let bytes = std::mem::replace(&mut self.bytes, vec![0; capacity * 2]);
        let written = std::mem::replace(&mut self.written, vec![None; capacity * 2 / PIECE_BYTES]);
        self.kept_from = self.kept_from.max(self.head.saturating_sub(capacity as u64));
        let mut position = self.kept_from;
        while position < self.head {
            let from = (position % capacity as u64) as usize;
            let to = (position % (capacity as u64 * 2)) as usize;
            let len = (capacity - from).min((self.head - position) as usize);
            self.bytes[to..to + len].copy_from_slice(&bytes[from..from + len]);
            self.written[pieces(to, len)].copy_from_slice(&written[pieces(from, len)]);
            position += len as u64;
        }
    }
}

/// The pieces that these bytes touch.
fn pieces(at: usize, len: usize) -> std::ops::Range<usize> {
    at / PIECE_BYTES..(at + len).div_ceil(PIECE_BYTES)
}

/// Age is known for pieces of this many bytes. Divides the bytes evenly.
const PIECE_BYTES: usize = 4_096;

/// Bytes to begin with: some seconds of sound or of the lowest layer.
const FIRST_BYTES: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
    fn start() -> Instant {
        Instant::now()
    }

    fn content(sequence: u16, len: usize) -> Vec<u8> {
        let seed = usize::from(sequence);
        (0..len).map(|at| (seed * 31 + at) as u8).collect()
    }

    #[test]
    fn a_packet_is_found_until_it_is_too_old() {
        let mut ring = Ring::for_video();
        let now = start();
        assert_eq!(ring.find(now, 7), None);
        ring.store(now, 7, b"seven");
        assert_eq!(ring.find(now, 7), Some(&b"seven"[..]));
        assert_eq!(ring.find(now, 7 + 1_024), None);
        assert_eq!(ring.find(now + MAX_AGE, 7), Some(&b"seven"[..]));
        assert_eq!(ring.find(now + MAX_AGE + Duration::from_millis(1), 7), None);
    }

    #[test]
    fn packets_too_long_to_be_real_are_not_kept() {
        let mut ring = Ring::for_audio();
        let now = start();
        ring.store(now, 1, &[0; MAX_PACKET_BYTES]);
        ring.store(now, 2, &[0; MAX_PACKET_BYTES + 1]);
        assert!(ring.find(now, 1).is_some());
        assert_eq!(ring.find(now, 2), None);
    }

    #[test]
    fn a_fast_layer_gets_the_bytes_for_its_last_second() {
        let mut ring = Ring::for_video();
        let begin = start();
        // 4 Mbit/s in packets of 1,000 bytes, one every 2 ms.
        for sequence in 0..3_000_u16 {
            let now = begin + Duration::from_millis(2) * u32::from(sequence);
            ring.store(now, sequence, &content(sequence, 1_000));
            if sequence > 2_000 {
                let oldest = sequence - 499;
                assert_eq!(ring.find(now, oldest), Some(&content(oldest, 1_000)[..]));
            }
        }
        assert!(ring.bytes.len() <= 1 << 20);
    }

    #[test]
    fn a_burst_after_silence_is_kept_whole() {
        let mut ring = Ring::for_video();
        let begin = start();
        ring.store(begin, 0, &content(0, 1_200));
        // One batch of a big key frame, long after: nothing of it may push out the rest.
        let now = begin + MAX_AGE * 10;
        for sequence in 1..=300 {
            ring.store(now, sequence, &content(sequence, 1_200));
        }
        for sequence in 1..=300 {
            assert_eq!(ring.find(now, sequence), Some(&content(sequence, 1_200)[..]), "{sequence}");
        }
    }

    #[test]
    fn a_slow_layer_stays_small() {
        let mut ring = Ring::for_video();
        let begin = start();
        for sequence in 0..3_000_u16 {
            let now = begin + Duration::from_millis(20) * u32::from(sequence);
            ring.store(now, sequence, &content(sequence, 200));
        }
        assert_eq!(ring.bytes.len(), FIRST_BYTES);
    }

    proptest! {
        /// What is found is what was stored last under that number.
        #[test]
        fn nothing_wrong_is_ever_found(
            steps in prop::collection::vec((0..2_000_u16, 0..1_500_usize, 0..3_u64), 1..600),
        ) {
            let mut ring = Ring::new(256, 4 * FIRST_BYTES);
            let mut now = start();
            let mut model: BTreeMap<u16, (usize, Instant)> = BTreeMap::new();
            for (sequence, len, pause) in steps {
                now += Duration::from_millis(pause);
                ring.store(now, sequence, &content(sequence, len));
                model.insert(sequence, (len, now));
                prop_assert_eq!(ring.find(now, sequence), Some(&content(sequence, len)[..]));
            }
            for (sequence, (len, _)) in model {
                if let Some(found) = ring.find(now, sequence) {
                    prop_assert_eq!(found, &content(sequence, len)[..]);
                }
            }
            prop_assert!(ring.bytes.len() <= 4 * FIRST_BYTES);
        }
    }
}
