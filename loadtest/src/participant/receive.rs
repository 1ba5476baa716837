//! The receiving side of a connection: opens packets, notes what came when, asks again for what
//! did not, and tells the server the arrival times it needs for its estimate.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::ear::Ear;
use super::frames::Frames;
use super::light::Cipher;
use crate::clock::{self, MILLISECOND, Nanos};
use crate::e2ee::Shield;
use crate::measure::{Measured, Received};
use crate::postmark::Postmarks;
use crate::rtp::{ExtensionIds, Header, Redundant};
use crate::target::SlotSpec;

/// All slots of a connection.
#[derive(Default)]
pub(crate) struct Receiver {
    slots: Vec<Slot>,
    /// Slot of each source, and whether the source repeats.
    sources: HashMap<u32, (usize, bool)>,
    /// Transport-wide numbers and arrival times not yet reported, in microseconds.
    arrivals: Vec<(u16, u64)>,
    listens: bool,
    /// Payload type of redundant sound.
    redundant: Option<u8>,
    /// Where send times are looked up that packets do not carry.
    postmarks: Option<Postmarks>,
    /// What opens frames, in an encrypted room.
    shield: Option<Shield>,
}

/// One receiving section.
pub(crate) struct Slot {
    spec: SlotSpec,
    highest: Option<u64>,
    repair_highest: Option<u64>,
    missing: BTreeMap<u64, Missing>,
    frames: Frames,
    /// Of sound, where it is decoded.
    ear: Option<Ear>,
    shield: Option<Shield>,
    report: Report,
}

/// A packet that was opened.
pub(crate) struct Packet<'a> {
    pub(crate) at: Nanos,
    /// Its number with rollovers.
    pub(crate) index: u64,
    pub(crate) marker: bool,
    pub(crate) timestamp: u32,
    pub(crate) payload: &'a [u8],
    pub(crate) sent: Option<Nanos>,
    /// Whether it repeats the one before it (RFC 2198).
    pub(crate) redundant: bool,
}

#[derive(Clone, Copy)]
struct Missing {
    since: Nanos,
    asked: Option<Nanos>,
}

/// What goes into receiver reports (RFC 3550 section 6.4).
#[derive(Clone, Copy, Default)]
struct Report {
    received: u64,
    first: u64,
    expected_before: u64,
    received_before: u64,
    last_sender_report: u32,
    sender_report_at: Nanos,
}

/// One block of a receiver report.
pub(crate) struct ReportBlock {
    pub(crate) ssrc: u32,
    pub(crate) fraction_lost: u8,
    pub(crate) total_lost: u32,
    pub(crate) highest: u32,
    pub(crate) last_sender_report: u32,
    pub(crate) delay: u32,
}

impl Receiver {
    /// `listens` says whether sound is decoded.
    pub(crate) fn new(listens: bool, postmarks: Option<Postmarks>, shield: Option<Shield>) -> Self {
        Self { listens, postmarks, shield, ..Self::default() }
    }

    /// Says which payload type means redundant sound.
    pub(crate) fn set_redundant(&mut self, payload_type: Option<u8>) {
        self.redundant = payload_type;
    }

    /// Takes new slots; those that were there stay as they are.
    pub(crate) fn set_slots(&mut self, specs: &[SlotSpec]) {
        for spec in specs {
            if self.sources.contains_key(&spec.ssrc) {
                continue;
            }
            self.sources.insert(spec.ssrc, (self.slots.len(), false));
            if let Some(repair) = spec.repair_ssrc {
                self.sources.insert(repair, (self.slots.len(), true));
            }
            self.slots.push(Slot::new(spec.clone(), self.listens, self.shield.clone()));
        }
    }

    /// Opens one packet that arrived at `at`.
    pub(crate) fn handle_packet(
        &mut self,
        at: Nanos,
        packet: &mut [u8],
        cipher: &Cipher,
        ids: &ExtensionIds,
        measured: &mut Measured,
    ) {
        let parsed = Header::parse(packet);
        let known = parsed.and_then(|header| Some((header, *self.sources.get(&header.ssrc)?)));
        let Some((header, (slot, repeats))) = known else {
            measured.strays += 1;
            return;
        };
        let slot = &mut self.slots[slot];
        let highest = if repeats { slot.repair_highest } else { slot.highest };
        let index = extend(header.sequence, highest);
        let length = header.length;
        let (marker, ssrc) = (header.marker, header.ssrc);
        let number = header.extension(ids.transport_cc).and_then(|value| value.first_chunk());
        if let Some(number) = number {
            self.arrivals.push((u16::from_be_bytes(*number), at / 1_000));
        }
        let sent = sent_at(&header, ids);
        let Some(opened) = cipher.open_rtp(packet, length, ssrc, index) else {
            measured.strays += 1;
            return;
        };
        measured.join.first_packet.get_or_insert(at);
        let opened = &packet[..opened];
        let Some(header) = Header::parse(opened) else { return };
        let payload = header.payload(opened);
        if repeats {
            slot.repair_highest = slot.repair_highest.max(Some(index));
            slot.handle_repeated(at, marker, payload, measured);
            return;
        }
        let (timestamp, redundant) =
            (header.timestamp, Some(header.payload_type) == self.redundant);
        let sent = sent.or_else(|| self.postmarks.as_ref()?.find(slot.spec.feed?, payload));
        let packet = Packet { at, index, marker, timestamp, payload, sent, redundant };
        slot.handle_direct(&packet, measured);
    }

    /// Takes the times of a sender report, for the receiver reports to come.
    pub(crate) fn handle_sender_report(&mut self, at: Nanos, ssrc: u32, ntp: u64) {
        if let Some((slot, false)) = self.sources.get(&ssrc) {
            let report = &mut self.slots[*slot].report;
            report.last_sender_report = (ntp >> 16) as u32;
            report.sender_report_at = at;
        }
    }

    /// Arrivals since the last time, in order of arrival.
    pub(crate) fn take_arrivals(&mut self) -> Vec<(u16, u64)> {
        std::mem::take(&mut self.arrivals)
    }

    /// Packets to ask for again now, by source.
    pub(crate) fn lost(&mut self, now: Nanos, measured: &mut Measured) -> Vec<(u32, Vec<u16>)> {
        let mut wanted = Vec::new();
        for slot in self.slots.iter_mut().filter(|slot| !slot.missing.is_empty()) {
            slot.give_up(now);
            let mut sequences = Vec::new();
            for (sequence, missing) in &mut slot.missing {
                let is_due = match missing.asked {
                    None => now >= missing.since + REORDERING,
                    Some(asked) => now >= asked + ASK_AGAIN,
                };
                if is_due {
                    missing.asked = Some(now);
                    sequences.push(*sequence as u16);
                }
            }
            if !sequences.is_empty() {
                measured.picture.asked_again += sequences.len() as u64;
                wanted.push((slot.spec.ssrc, sequences));
            }
        }
        wanted
    }

    /// Sources whose picture cannot go on without a key frame.
    pub(crate) fn stuck(&mut self, now: Nanos, measured: &mut Measured) -> Vec<u32> {
        let mut stuck = Vec::new();
        for slot in self.slots.iter_mut().filter(|slot| slot.spec.is_video) {
            if slot.wants_key_frame(now, measured) {
                stuck.push(slot.spec.ssrc);
            }
        }
        stuck
    }

    /// Blocks of a receiver report, for every source something came from.
    pub(crate) fn reports(&mut self, now: Nanos) -> Vec<ReportBlock> {
        let slots = self.slots.iter_mut();
        slots
            .filter_map(|slot| Some(slot.report.block(now, slot.spec.ssrc, slot.highest?)))
            .collect()
    }
}

impl Slot {
    pub(crate) fn new(spec: SlotSpec, listens: bool, shield: Option<Shield>) -> Self {
        let mut frames = Frames::default();
        if shield.is_some() {
            frames.keep();
        }
        Self {
            highest: None,
            repair_highest: None,
            missing: BTreeMap::new(),
            frames,
            shield,
            ear: if listens && !spec.is_video { Ear::new() } else { None },
            report: Report::default(),
            spec,
        }
    }

    pub(crate) const fn ssrc(&self) -> u32 {
        self.spec.ssrc
    }

    /// The highest number seen.
    pub(crate) const fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// Takes a packet of a stack that repairs by itself: a picture's that comes after its turn
    /// was repaired.
    pub(crate) fn handle_packet(&mut self, packet: &Packet<'_>, measured: &mut Measured) {
        if self.spec.is_video && self.highest.is_some_and(|highest| packet.index <= highest) {
            let Packet { at, index, marker, payload, .. } = *packet;
            self.repair(at, index, marker, payload, measured);
        } else {
            self.handle_direct(packet, measured);
        }
    }

    /// Forgets what is lost for good.
    pub(crate) fn give_up(&mut self, now: Nanos) {
        self.missing.retain(|_, missing| now < missing.since + GIVE_UP);
    }

    /// True when its picture cannot go on without a key frame, which is noted as asked for.
    pub(crate) fn wants_key_frame(&mut self, now: Nanos, measured: &mut Measured) -> bool {
        let is_stuck = self.frames.is_stuck(now);
        if is_stuck {
            self.frames.asked(now);
            measured.key_frames_wanted += 1;
        }
        is_stuck
    }

    fn handle_direct(&mut self, packet: &Packet<'_>, measured: &mut Measured) {
        let Packet { at, index, marker, timestamp, payload, sent, redundant } = *packet;
        let is_video = self.spec.is_video;
        let received = of_kind(is_video, measured);
        match self.highest {
            None => {
                received.expected += 1;
                self.report.first = index;
                self.highest = Some(index);
            }
            Some(highest) if index > highest => {
                received.expected += index - highest;
                self.highest = Some(index);
                if self.spec.repair_ssrc.is_some() {
                    let gap = highest + 1..index;
                    let missing = Missing { since: at, asked: None };
                    self.missing.extend(gap.rev().take(MAX_MISSING).map(|lost| (lost, missing)));
                }
            }
            Some(_) => {
                self.missing.remove(&index);
            }
        }
        received.direct += 1;
        received.bytes += payload.len() as u64;
        if let Some(sent) = sent {
            received.delay.record(at.saturating_sub(sent) / 1_000);
        }
        self.report.received += 1;
        if is_video {
            self.show(at, index, marker, payload, measured);
            return;
        }
        if !payload.is_empty() {
            measured.streams.hear(at, self.spec.ssrc);
        }
        let opened = match &self.shield {
            // Nothing but padding is no frame.
            Some(_) if payload.is_empty() => return,
            Some(shield) => {
                let sealed = payload.to_vec();
                let Some(plain) = shield.open(self.spec.ssrc, false, sealed, &mut measured.sealed)
                else {
                    return;
                };
                measured.join.first_opened.get_or_insert(at);
                Some(plain)
            }
            None => None,
        };
        let payload = opened.as_deref().unwrap_or(payload);
        if let Some(ear) = &mut self.ear {
            let heard = &mut measured.heard;
            match Redundant::parse(payload).filter(|_| redundant) {
                Some(Redundant { frame, before }) => {
                    if let Some((ago, before)) = before {
                        ear.handle_repeat(at, index, timestamp.wrapping_sub(ago), before);
                    }
                    ear.handle_packet(at, index, timestamp, frame, heard);
                }
                None => ear.handle_packet(at, index, timestamp, payload, heard),
            }
        }
    }

    /// Takes a packet of a picture.
    fn show(&mut self, at: Nanos, index: u64, marker: bool, payload: &[u8], into: &mut Measured) {
        self.frames.handle_packet(at, index, marker, payload, into);
        if let Some(shown) = self.frames.shown() {
            into.streams.show(self.spec.ssrc, shown);
        }
        self.open_kept(at, into);
    }

    /// Opens the pictures that are whole.
    fn open_kept(&mut self, at: Nanos, measured: &mut Measured) {
        let Some(shield) = &self.shield else { return };
        for sealed in self.frames.take_kept() {
            if shield.open(self.spec.ssrc, true, sealed, &mut measured.sealed).is_some() {
                measured.join.first_opened.get_or_insert(at);
            }
        }
    }

    /// RFC 4588 section 4: the original number, then the original payload; less is a probe.
    fn handle_repeated(
        &mut self,
        at: Nanos,
        marker: bool,
        payload: &[u8],
        measured: &mut Measured,
    ) {
        let Some((number, payload)) = payload.split_first_chunk() else { return };
        let original = extend(u16::from_be_bytes(*number), self.highest);
        self.repair(at, original, marker, payload, measured);
    }

    fn repair(
        &mut self,
        at: Nanos,
        original: u64,
        marker: bool,
        payload: &[u8],
        measured: &mut Measured,
    ) {
        if payload.is_empty() || self.missing.remove(&original).is_none() {
            return;
        }
        let received = of_kind(self.spec.is_video, measured);
        received.repaired += 1;
        received.bytes += payload.len() as u64;
        if self.spec.is_video {
            self.show(at, original, marker, payload, measured);
        }
    }
}

impl Report {
    fn block(&mut self, now: Nanos, ssrc: u32, highest: u64) -> ReportBlock {
        let expected = highest + 1 - self.first;
        let (new, came) = (expected - self.expected_before, self.received - self.received_before);
        (self.expected_before, self.received_before) = (expected, self.received);
        let lost = new.saturating_sub(came);
        let since = now.saturating_sub(self.sender_report_at);
        ReportBlock {
            ssrc,
            fraction_lost: (lost * 256 / new.max(1)).min(255) as u8,
            total_lost: expected.saturating_sub(self.received).min(0x7f_ffff) as u32,
            highest: highest as u32,
            last_sender_report: self.last_sender_report,
            // In units of 1/65536 s.
            delay: if self.sender_report_at == 0 {
                0
            } else {
                (since * 65_536 / clock::SECOND) as u32
            },
        }
    }
}

fn of_kind(is_video: bool, measured: &mut Measured) -> &mut Received {
    if is_video { &mut measured.picture } else { &mut measured.sound }
}

/// The number with rollovers that is nearest to the highest seen (RFC 3711 section 3.3.1).
pub(crate) fn extend(sequence: u16, highest: Option<u64>) -> u64 {
    let Some(highest) = highest else { return u64::from(sequence) };
    let ahead = sequence.wrapping_sub(highest as u16) as i16;
    highest.saturating_add_signed(i64::from(ahead))
}

/// When the publisher sent the packet, as its extension says.
fn sent_at(header: &Header<'_>, ids: &ExtensionIds) -> Option<Nanos> {
    let value = header.extension(ids.capture_time)?;
    Some(clock::from_ntp(u64::from_be_bytes(*value.first_chunk()?)))
}

/// A packet may come this much late by itself before it is asked for.
const REORDERING: Nanos = 10 * MILLISECOND;
/// Between two requests for the same packet.
const ASK_AGAIN: Nanos = 80 * MILLISECOND;
/// Browsers send transport-wide feedback every 50 to 250 ms, and notice loss as fast.
pub(crate) const FEEDBACK_INTERVAL: Duration = Duration::from_millis(50);
/// After this a missing packet is lost for good.
const GIVE_UP: Nanos = 1_000 * MILLISECOND;
/// Packets of one gap that are asked for at most.
const MAX_MISSING: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_extended_over_a_rollover_in_both_directions() {
        assert_eq!(extend(5, None), 5);
        assert_eq!(extend(2, Some(65_534)), 65_538);
        assert_eq!(extend(65_535, Some(65_538)), 65_535);
    }
}
