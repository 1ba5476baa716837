//! From packets, as they come, to frames in order: puts what overtook back into its place, waits
//! for repairs, and leaves out what stays incomplete, up to the next key frame.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sfu_core::codec::CodecKind;
use sfu_core::{CapturedPacket, Frames};

use super::picture;

/// One frame of sound or of pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Needs no other.
    pub(crate) is_key: bool,
    /// What it looks like.
    pub(crate) frames: Frames,
    /// Its time has nothing to do with that of the frame before.
    pub(crate) starts_over: bool,
    /// In ticks of the codec.
    pub(crate) timestamp: u32,
    /// When its first packet came.
    pub(crate) arrival: Instant,
    /// As it goes into a file.
    pub(crate) data: Vec<u8>,
}

/// The packets of one track that are not yet a frame.
#[derive(Debug)]
pub(crate) struct Assembler {
    codec: CodecKind,
    frames: Frames,
    waiting: BTreeMap<u64, Packet>,
    bytes: usize,
    /// Number of the next packet to be used; `None` while a beginning is looked for.
    next: Option<u64>,
    /// The newest number.
    newest: Option<u64>,
    starts_over: bool,
}

#[derive(Debug)]
struct Packet {
    starts_frame: bool,
    starts_key_frame: bool,
    marker: bool,
    timestamp: u32,
    arrival: Instant,
    payload: Vec<u8>,
}

impl Assembler {
    /// Of one track in one codec.
    pub(crate) fn new(codec: CodecKind) -> Self {
        Self {
            codec,
            frames: Frames::Clear,
            waiting: BTreeMap::new(),
            bytes: 0,
            next: None,
            newest: None,
            starts_over: true,
        }
    }

    /// Takes a packet. Ask for frames right after.
    pub(crate) fn handle_packet(&mut self, packet: &CapturedPacket<'_>) {
        if packet.starts_over {
            self.forget(u64::MAX);
            self.next = None;
            self.newest = None;
            self.starts_over = true;
        }
        let newest = *self.newest.get_or_insert(FIRST_NUMBER + u64::from(packet.sequence));
        let ahead = packet.sequence.wrapping_sub(newest as u16) as i16;
        let number = newest.saturating_add_signed(ahead.into());
        self.newest = Some(newest.max(number));
        if self.next.is_some_and(|next| number < next) {
            return;
        }
        if self.waiting.len() >= MOST_WAITING || self.bytes > MOST_BYTES {
            self.lose(u64::MAX);
        }
        self.bytes += packet.payload.len();
        self.frames = packet.frames;
        let packet = Packet {
            starts_frame: packet.starts_frame && !packet.payload.is_empty(),
            starts_key_frame: packet.starts_key_frame && !packet.payload.is_empty(),
            marker: packet.marker,
            timestamp: packet.timestamp,
            arrival: packet.arrival,
            payload: packet.payload.to_vec(),
        };
        if let Some(former) = self.waiting.insert(number, packet) {
            self.bytes -= former.payload.len();
        }
    }

    /// The next frame that is complete. To be asked until there is none, after each packet and now
    /// and then.
    pub(crate) fn poll_frame(&mut self, now: Instant) -> Option<Frame> {
        loop {
            let next = match self.next {
                Some(next) => next,
                None => self.begin(now)?,
            };
            match self.look_ahead(next) {
                Ahead::Filler => {
                    self.forget(next + 1);
                    self.next = Some(next + 1);
                }
                Ahead::Frame { end } => {
                    self.next = Some(end + 1);
                    if let Some(frame) = self.take_frame(end) {
                        return Some(frame);
                    }
                    self.lose(end + 1);
                }
                Ahead::Hole { at } => {
                    let (behind, packet) = self.waiting.range(at..).next()?;
                    if now.saturating_duration_since(packet.arrival) < WAIT_FOR_REPAIR {
                        return None;
                    }
                    let behind = *behind;
                    self.lose(behind);
                }
            }
        }
    }

    /// Finds where to begin: sound with any packet, a picture with a key frame, whose own packets
    /// may overtake each other.
    fn begin(&mut self, now: Instant) -> Option<u64> {
        let mut packets = self.waiting.iter();
        let first = if self.codec.is_video() {
            packets.find(|(_, packet)| packet.starts_key_frame)
        } else {
            packets.find(|(_, packet)| !packet.payload.is_empty())
        };
        if let Some(first) = first.map(|(number, _)| *number) {
            self.forget(first);
            self.next = Some(first);
            return Some(first);
        }
        let is_old =
            |packet: &Packet| now.saturating_duration_since(packet.arrival) >= WAIT_FOR_REPAIR;
        while let Some(oldest) = self.waiting.first_entry().filter(|oldest| is_old(oldest.get())) {
            self.bytes -= oldest.remove().payload.len();
        }
        None
    }

    fn look_ahead(&self, next: u64) -> Ahead {
        let mut expected = next;
        let mut timestamp = None;
        for (number, packet) in self.waiting.range(next..) {
            if *number != expected {
                break;
            }
            // Padding belongs to no frame.
            if packet.payload.is_empty() {
                if timestamp.is_none() {
                    return Ahead::Filler;
                }
                expected += 1;
                continue;
            }
            // What was encrypted at once is opened at once: each layer of a picture for itself.
            let is_next_layer = self.frames.are_encrypted() && packet.starts_frame;
            let is_other = |timestamp| timestamp != packet.timestamp || is_next_layer;
            if timestamp.is_some_and(is_other) {
                return Ahead::Frame { end: number - 1 };
            }
            if packet.marker || !self.codec.is_video() {
                return Ahead::Frame { end: *number };
            }
            timestamp = Some(packet.timestamp);
            expected += 1;
        }
        Ahead::Hole { at: expected }
    }

    fn take_frame(&mut self, end: u64) -> Option<Frame> {
        let behind = self.waiting.split_off(&(end + 1));
        let packets = std::mem::replace(&mut self.waiting, behind);
        self.bytes -= packets.values().map(|packet| packet.payload.len()).sum::<usize>();
        let first = packets.values().next()?;
        let arrival = packets.values().map(|packet| packet.arrival).min()?;
        let payloads = packets.values().map(|packet| &packet.payload[..]);
        let payloads = payloads.filter(|payload| !payload.is_empty());
        let data = match self.frames {
            Frames::Clear => picture::assemble(self.codec, payloads)?,
            Frames::Plain | Frames::Raw => picture::join(self.codec, self.frames, payloads)?,
        };
        Some(Frame {
            is_key: first.starts_key_frame || !self.codec.is_video(),
            frames: self.frames,
            starts_over: std::mem::take(&mut self.starts_over),
            timestamp: first.timestamp,
            arrival,
            data,
        })
    }

    /// Gives up what is before a number. A picture then begins anew.
    fn lose(&mut self, before: u64) {
        self.forget(before);
        self.next = (!self.codec.is_video() && before < u64::MAX).then_some(before);
    }

    fn forget(&mut self, before: u64) {
        let kept = self.waiting.split_off(&before);
        let gone = std::mem::replace(&mut self.waiting, kept);
        self.bytes -= gone.values().map(|packet| packet.payload.len()).sum::<usize>();
    }
}

/// What comes next.
enum Ahead {
    /// A number without content.
    Filler,
    /// A whole frame, up to this number.
    Frame { end: u64 },
    /// This number has not come yet.
    Hole { at: u64 },
}

/// How long a packet is waited for once another came behind it. Raised, more of what a poor line
/// repairs late is kept, and more is lost with the process; publishers are asked for 0.8 s.
pub(crate) const WAIT_FOR_REPAIR: Duration = Duration::from_secs(1);

/// Most packets that wait, and their bytes: more than a second of any picture. Lowered,
/// one lost packet costs a picture up to its next key frame.
const MOST_WAITING: usize = 4_096;
const MOST_BYTES: usize = 4 << 20;

/// Numbers start here, so that what overtook the first stays above zero.
const FIRST_NUMBER: u64 = 1 << 16;

#[cfg(test)]
mod tests;
