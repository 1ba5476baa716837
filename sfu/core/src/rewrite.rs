//! Keeps one outgoing slot continuous while what it carries changes: sequence numbers, timestamps
//! and the picture numbers of VP8 and VP9 go on across switches of track, layer or codec, across
//! drops and pauses. Also answers, for a retransmission, which incoming packet an outgoing number stood for.

use std::collections::VecDeque;
use std::time::Instant;

use crate::codec::PictureIds;

/// How many outgoing sequence numbers back a late packet is still placed and a retransmission
/// still found, and the longest gap that losses leave. Raised, each slot costs more memory (one
/// bit per number).
pub const WINDOW: u64 = 2_048;

/// Most runs of evenly shifted packets remembered. Each dropped packet and each switch begins one;
/// raised, late packets and retransmissions are found further back when many are dropped.
pub const MAX_RUNS: usize = 32;

/// The header fields of one packet that differ between publisher and slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct PacketIds {
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Picture numbers, where the codec has them.
    pub pictures: PictureIds,
}

/// Where an outgoing packet came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<S> {
    /// The source it was forwarded from, as given to [`Rewriter::switch`].
    pub source: S,
    /// Its sequence number there.
    pub sequence: u16,
    shift: Shift,
}

impl<S> Origin<S> {
    /// The fields the packet went out with, from the fields it came in with, except the sequence
    /// number: a retransmission has its own, or says the outgoing one in its payload (RTX).
    pub fn rewrite(&self, timestamp: u32, pictures: PictureIds) -> (u32, PictureIds) {
        (timestamp.wrapping_add(self.shift.timestamp), self.shift.apply_pictures(pictures))
    }
}

/// An outgoing number that was reserved for a packet which is now dropped. To leave no gap, send
/// a packet of nothing but padding with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filler {
    /// Outgoing sequence number.
    pub sequence: u16,
    /// Outgoing timestamp.
    pub timestamp: u32,
}

/// The numbering of one slot. `S` names a source (a publisher's layer) in the caller's own terms.
///
/// Each outgoing number is given out at most once, whatever comes in: with AES-GCM a second,
/// different packet under the same number would break the encryption. And none is further than
/// [`WINDOW`] from the one before: a publisher whose numbers jump would otherwise make the slot's
/// subscriber lose count of the rollovers (RFC 3711 section 3.3.1), for good.
#[derive(Clone, Debug)]
pub struct Rewriter<S> {
    clock_rate: u32,
    /// Waiting for its first packet.
    pending: Option<S>,
    runs: VecDeque<Run<S>>,
    /// Counts switches; packets of earlier epochs are late for good.
    epoch: u32,
    /// Highest extended incoming number of this epoch.
    highest_in: u64,
    /// Lowest extended outgoing number above all given out.
    next_out: u64,
    /// Which of the last [`WINDOW`] outgoing numbers were given out.
    given_out: [u64; (WINDOW / 64) as usize],
    newest: PacketIds,
    newest_at: Option<Instant>,
    /// Newest incoming picture of this epoch, forwarded or not.
    newest_picture_in: Option<u16>,
}

impl<S: Copy> Rewriter<S> {
    /// A slot whose first packet will go out with `first` (random numbers, RFC 3550 section 5.1).
    /// `clock_rate` is in ticks per second.
    pub fn new(clock_rate: u32, first: PacketIds) -> Self {
        let newest = PacketIds {
            sequence: first.sequence,
            timestamp: first.timestamp,
            pictures: PictureIds {
                picture_id: Some(first.pictures.picture_id.unwrap_or(0).wrapping_sub(1)),
                tl0_picture_index: Some(
                    first.pictures.tl0_picture_index.unwrap_or(0).wrapping_sub(1),
                ),
            },
        };
        Self {
            clock_rate,
            pending: None,
            runs: VecDeque::with_capacity(MAX_RUNS),
            epoch: 0,
            highest_in: 0,
            next_out: EXTENDED_BASE + u64::from(first.sequence),
            given_out: [0; (WINDOW / 64) as usize],
            newest,
            newest_at: None,
            newest_picture_in: None,
        }
    }

    /// From the next packet on the slot carries `source`. Pictures must begin with the first
    /// packet of a key frame. Also called when the same source goes on after a pause.
    pub fn switch(&mut self, source: S) {
        self.pending = Some(source);
    }

    /// Forgets what went out under which number; the numbers go on. The slot then carries nothing
    /// until [`Rewriter::switch`].
    pub fn forget(&mut self) {
        self.runs.clear();
        self.pending = None;
    }

    /// The source of the latest packet; `None` before the first.
    pub fn source(&self) -> Option<S> {
        self.runs.back().map(|run| run.source)
    }

    /// What the current source's timestamps are shifted by (wrapping addition), for the sender
    /// reports of the slot. `None` before the first packet.
    pub fn timestamp_shift(&self) -> Option<u32> {
        self.runs.back().map(|run| run.shift.timestamp)
    }

    /// Places one packet of the current source. `None` when it must not be forwarded: it is older
    /// than the last switch or than the window, was dropped before, or went out already.
    pub fn rewrite(&mut self, now: Instant, packet: PacketIds) -> Option<PacketIds> {
        if let Some(source) = self.pending.take() {
            self.begin_epoch(now, source, packet);
        }
        let sequence_in = unwrap(packet.sequence, self.highest_in);
        let (mut sequence_out, shift) = self.place(sequence_in)?;
        let furthest = self.next_out + WINDOW - 1;
        if sequence_out > furthest {
            sequence_out = furthest;
            let (source, epoch) = (self.source()?, self.epoch);
            self.push_run(Run { source, epoch, first_in: sequence_in, first_out: furthest, shift });
        }
        self.give_out(sequence_out)?;
        self.highest_in = self.highest_in.max(sequence_in);
        let outgoing = shift.apply(packet, sequence_out);
        self.note_newest(now, packet, outgoing);
        Some(outgoing)
    }

    /// Leaves one packet of the current source out, closing its gap. When later packets went out
    /// before this one came the gap cannot be closed, only filled.
    pub fn skip(&mut self, packet: PacketIds) -> Option<Filler> {
        if self.pending.is_some() || self.runs.is_empty() {
            return None;
        }
        let sequence_in = unwrap(packet.sequence, self.highest_in);
        let (sequence_out, mut shift) = self.place(sequence_in)?;
        if sequence_in <= self.highest_in {
            self.give_out(sequence_out)?;
            let PacketIds { sequence, timestamp, .. } = shift.apply(packet, sequence_out);
            return Some(Filler { sequence, timestamp });
        }
        self.highest_in = sequence_in;
        if let Some(picture) = packet.pictures.picture_id
            && self.newest_picture_in.is_none_or(|newest| is_newer_picture(picture, newest))
        {
            self.newest_picture_in = Some(picture);
            shift.picture_id = shift.picture_id.wrapping_sub(1);
        }
        let source = self.source()?;
        let epoch = self.epoch;
        let run = Run { source, epoch, first_in: sequence_in + 1, first_out: sequence_out, shift };
        match self.runs.back_mut() {
            Some(last) if last.epoch == epoch && last.first_in == sequence_in => *last = run,
            Some(_) | None => self.push_run(run),
        }
        None
    }

    /// A number left free for a packet of the current source that has not come. Before the slot
    /// switches, each is to be filled: what comes after the switch is too late for it.
    pub fn fill_hole(&mut self) -> Option<Filler> {
        let run = *self.runs.iter().find(|run| run.epoch == self.epoch)?;
        let oldest = run.first_out.max(self.next_out.saturating_sub(MAX_FILLED));
        let hole = (oldest..self.next_out).find(|number| !self.is_given_out(*number))?;
        self.give_out(hole)?;
        Some(Filler { sequence: hole as u16, timestamp: self.newest.timestamp })
    }

    /// The newest outgoing number; `None` before the first packet.
    pub fn newest_sequence(&self) -> Option<u16> {
        self.runs.back().map(|_| (self.next_out - 1) as u16)
    }

    /// The lowest outgoing number above all given out, with its rollovers.
    pub fn next_extended(&self) -> u64 {
        self.next_out
    }

    /// A recent outgoing number, with its rollovers.
    pub fn extended(&self, sequence: u16) -> u64 {
        unwrap(sequence, self.next_out - 1)
    }

    /// The newest outgoing timestamp.
    pub fn newest_timestamp(&self) -> u32 {
        self.newest.timestamp
    }

    /// Which packet went out under this number: `None` when none did, or too long ago.
    pub fn origin(&self, sequence: u16) -> Option<Origin<S>> {
        let sequence_out = self.extended(sequence);
        if sequence_out >= self.next_out
            || self.next_out - sequence_out > WINDOW
            || !self.is_given_out(sequence_out)
        {
            return None;
        }
        let run = self.runs.iter().rev().find(|run| run.first_out <= sequence_out)?;
        Some(Origin {
            source: run.source,
            sequence: (run.first_in + (sequence_out - run.first_out)) as u16,
            shift: run.shift,
        })
    }

    fn begin_epoch(&mut self, now: Instant, source: S, packet: PacketIds) {
        let mut timestamp = self.newest.timestamp;
        if let Some(newest_at) = self.newest_at {
            let elapsed = now.saturating_duration_since(newest_at).as_nanos();
            let ticks = elapsed * u128::from(self.clock_rate) / 1_000_000_000;
            timestamp = timestamp.wrapping_add(ticks.clamp(1, MAX_ADVANCE) as u32);
        }
        let picture_id = self.newest.pictures.picture_id.unwrap_or(0).wrapping_add(1);
        let index = self.newest.pictures.tl0_picture_index.unwrap_or(0).wrapping_add(1);
        let shift = Shift {
            timestamp: timestamp.wrapping_sub(packet.timestamp),
            picture_id: picture_id.wrapping_sub(packet.pictures.picture_id.unwrap_or(0)),
            tl0_picture_index: index.wrapping_sub(packet.pictures.tl0_picture_index.unwrap_or(0)),
        };
        self.epoch = self.epoch.wrapping_add(1);
        self.highest_in = EXTENDED_BASE + u64::from(packet.sequence);
        self.newest_picture_in = None;
        let (first_in, first_out) = (self.highest_in, self.next_out);
        self.push_run(Run { source, epoch: self.epoch, first_in, first_out, shift });
    }

    fn push_run(&mut self, run: Run<S>) {
        if self.runs.len() == MAX_RUNS {
            self.runs.pop_front();
        }
        self.runs.push_back(run);
    }

    /// The outgoing number of an incoming one of this epoch, unless it was skipped.
    fn place(&self, sequence_in: u64) -> Option<(u64, Shift)> {
        let mut end = u64::MAX;
        for run in self.runs.iter().rev().take_while(|run| run.epoch == self.epoch) {
            if run.first_in <= sequence_in {
                let sequence_out = run.first_out + (sequence_in - run.first_in);
                return (sequence_out < end).then_some((sequence_out, run.shift));
            }
            end = end.min(run.first_out);
        }
        None
    }

    /// Marks an outgoing number as used; `None` when it is used already, too old to know or too
    /// far ahead.
    fn give_out(&mut self, sequence_out: u64) -> Option<()> {
        if sequence_out >= self.next_out + WINDOW {
            return None;
        }
        if sequence_out >= self.next_out {
            for passed in self.next_out..=sequence_out {
                let (word, bit) = bit_of(passed);
                self.given_out[word] &= !bit;
            }
            self.next_out = sequence_out + 1;
        } else if self.next_out - sequence_out > WINDOW || self.is_given_out(sequence_out) {
            return None;
        }
        let (word, bit) = bit_of(sequence_out);
        self.given_out[word] |= bit;
        Some(())
    }

    fn is_given_out(&self, sequence_out: u64) -> bool {
        let (word, bit) = bit_of(sequence_out);
        self.given_out[word] & bit != 0
    }

    fn note_newest(&mut self, now: Instant, packet: PacketIds, outgoing: PacketIds) {
        let ahead = outgoing.timestamp.wrapping_sub(self.newest.timestamp);
        if self.newest_at.is_none() || (ahead != 0 && ahead < 1 << 31) {
            self.newest.timestamp = outgoing.timestamp;
            self.newest_at = Some(now);
        }
        if let Some(picture) = packet.pictures.picture_id
            && self.newest_picture_in.is_none_or(|newest| is_newer_picture(picture, newest))
        {
            self.newest_picture_in = Some(picture);
            self.newest.pictures.picture_id = outgoing.pictures.picture_id;
        }
        if let (Some(index), Some(newest)) =
            (outgoing.pictures.tl0_picture_index, self.newest.pictures.tl0_picture_index)
            && (1..128).contains(&index.wrapping_sub(newest))
        {
            self.newest.pictures.tl0_picture_index = Some(index);
        }
    }
}

/// What outgoing fields are ahead of incoming ones, modulo their widths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shift {
    timestamp: u32,
    picture_id: u16,
    tl0_picture_index: u8,
}

impl Shift {
    fn apply(self, packet: PacketIds, sequence_out: u64) -> PacketIds {
        PacketIds {
            sequence: sequence_out as u16,
            timestamp: packet.timestamp.wrapping_add(self.timestamp),
            pictures: self.apply_pictures(packet.pictures),
        }
    }

    fn apply_pictures(self, pictures: PictureIds) -> PictureIds {
        PictureIds {
            picture_id: pictures
                .picture_id
                .map(|id| id.wrapping_add(self.picture_id) & PICTURE_ID_MASK),
            tl0_picture_index: pictures
                .tl0_picture_index
                .map(|index| index.wrapping_add(self.tl0_picture_index)),
        }
    }
}

/// Consecutive incoming numbers that go out shifted evenly, until the next run begins.
#[derive(Clone, Copy, Debug)]
struct Run<S> {
    source: S,
    epoch: u32,
    first_in: u64,
    first_out: u64,
    shift: Shift,
}

/// How far back holes are filled: what is older the subscriber has given up by itself.
const MAX_FILLED: u64 = 128;

/// Extended sequence numbers start here, so that late packets stay above zero.
const EXTENDED_BASE: u64 = 1 << 16;
/// PictureID is 15 bits wide.
const PICTURE_ID_MASK: u16 = 0x7fff;
/// Longest step of the timestamp: beyond half its range a step forward would read as backward.
const MAX_ADVANCE: u128 = 1 << 30;

/// Extends a sequence number to the value nearest to `reference`.
fn unwrap(sequence: u16, reference: u64) -> u64 {
    let distance = sequence.wrapping_sub(reference as u16) as i16;
    reference.saturating_add_signed(i64::from(distance))
}

fn bit_of(sequence_out: u64) -> (usize, u64) {
    ((sequence_out % WINDOW / 64) as usize, 1 << (sequence_out % 64))
}

/// Whether picture `a` follows `b`, modulo 2^15; or 2^7, where both could be of the short form.
fn is_newer_picture(a: u16, b: u16) -> bool {
    let bits = if a.max(b) < 1 << 7 { 7 } else { 15 };
    let ahead = a.wrapping_sub(b) & ((1 << bits) - 1);
    ahead != 0 && ahead < 1 << (bits - 1)
}

#[cfg(test)]
mod tests;
