//! A shared screen on a poor connection: one whole picture after the other, each sent as slowly as
//! what the voices leave over allows.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::codec::CodecKind;
use crate::epoch::Gate;
use crate::layer;
use crate::packet::RtpView;
use crate::rewrite::Origin;
use crate::router::{Arrival, LayerKey, Track};

/// The picture in hand of one subscriber, and what may be sent of it now.
pub(crate) struct Stills {
    budget: Budget,
    picture: Option<Picture>,
    /// The one before: that its last packets were lost shows with the first of the next.
    previous: Option<Picture>,
    /// Packets that were lost and go out before all others.
    again: VecDeque<Again>,
    /// Bytes of the layer since the picture in hand began: without any the screen stands still.
    changed: usize,
    /// When the picture in hand was wanted or begun.
    since: Option<Instant>,
    /// The latest picture was of an epoch of which the subscriber may have no keys.
    is_kept_out: bool,
}

/// One key frame, packet by packet, as its publisher sent it.
struct Picture {
    source: LayerKey,
    codec: CodecKind,
    /// Where the dependency descriptor of each packet stands, if there are any.
    descriptor_id: Option<u8>,
    timestamp: u32,
    first: u16,
    /// Number of the packet with the marker, once it came.
    last: Option<u16>,
    /// The packets, with their headers, side by side.
    bytes: Vec<u8>,
    packets: Vec<Stored>,
    sent: u16,
}

#[derive(Clone, Copy)]
struct Stored {
    sequence: u16,
    start: usize,
    end: usize,
    /// How often it was sent again.
    repairs: u8,
    /// When it last went out.
    left: Option<Instant>,
}

/// A packet to be sent now.
pub(crate) struct Due<'a> {
    pub(crate) source: LayerKey,
    pub(crate) codec: CodecKind,
    pub(crate) packet: RtpView<'a>,
    /// Its dependency descriptor, where there is one.
    pub(crate) descriptor: Option<&'a [u8]>,
    /// True for the first of its picture.
    pub(crate) is_first: bool,
    /// Set when it goes out again.
    pub(crate) again: Option<Again>,
}

/// A packet that the subscriber reported lost.
#[derive(Clone, Copy)]
pub(crate) struct Again {
    /// Its number on the slot.
    pub(crate) sequence: u16,
    /// Where it came from.
    pub(crate) origin: Origin<LayerKey>,
}

impl Stills {
    /// Nothing in hand.
    pub(crate) fn new() -> Self {
        Self {
            budget: Budget::default(),
            picture: None,
            previous: None,
            again: VecDeque::new(),
            changed: 0,
            since: None,
            is_kept_out: false,
        }
    }

    /// Takes a packet of the screen, if it is of the least layer that is sent, and asks for the
    /// next picture in time.
    pub(crate) fn collect(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        track: &mut Track,
        gate: Gate,
    ) {
        let least = layer::choose(Some(0), track.alive(now));
        if least != Some(usize::from(arrival.source.layer)) {
            return;
        }
        self.note_gate(arrival, gate);
        let from = &track.layers[usize::from(arrival.source.layer)];
        let descriptor_id = from.scalable.as_ref().map(|scalable| scalable.id);
        let packet = from.ring.find(now, arrival.sequence);
        if packet.is_some_and(|packet| self.handle_packet(now, arrival, packet, descriptor_id)) {
            track.want_key_frame(now, arrival.source.layer);
        }
    }

    /// Follows whether a picture may begin. Once a picture would be let in after one was not,
    /// another is wanted at once.
    fn note_gate(&mut self, arrival: &Arrival, gate: Gate) {
        if arrival.frame.starts_frame {
            let was_kept_out = self.is_kept_out;
            self.is_kept_out = !gate.admits(arrival.epoch);
            if was_kept_out && !self.is_kept_out {
                self.since = None;
            }
        }
    }

    fn handle_packet(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        packet: &[u8],
        descriptor_id: Option<u8>,
    ) -> bool {
        self.changed = self.changed.saturating_add(packet.len());
        let is_sent = self.picture.as_ref().is_none_or(Picture::is_sent);
        let is_other = self.picture.as_ref().is_some_and(|it| it.source != arrival.source);
        let may_begin = arrival.frame.starts_key_frame && !self.is_kept_out;
        if may_begin && (is_other || is_sent) {
            self.previous =
                self.picture.replace(Picture::new(arrival, descriptor_id)).filter(Picture::is_sent);
            self.changed = 0;
            self.since = Some(now);
        }
        if let Some(picture) = &mut self.picture
            && !picture.take(arrival, packet)
        {
            // Larger than a poor connection could ever get.
            self.picture = None;
        }
        self.wants_next(now)
    }

    fn wants_next(&mut self, now: Instant) -> bool {
        let is_over = |since| now.saturating_duration_since(since) >= NEXT_AFTER;
        let is_due = match &self.picture {
            None => self.since.is_none_or(is_over),
            Some(picture) if picture.is_sent() => {
                self.changed > UNCHANGED_BYTES && self.since.is_none_or(is_over)
            }
            // The rest of it never came.
            Some(picture) => !picture.is_whole() && self.since.is_none_or(is_over),
        };
        if is_due {
            if self.picture.as_ref().is_some_and(|picture| !picture.is_sent()) {
                self.picture = None;
            }
            self.since = Some(now);
        }
        is_due
    }

    /// The next packet, if what was sent lately leaves room for it. `spent` went out for the one
    /// before.
    pub(crate) fn poll_packet(&mut self, now: Instant, spent: usize) -> Option<Due<'_>> {
        self.budget.spend(now, spent);
        if let Some((stored, again)) = self.next_again() {
            if !self.budget.has(now, stored.end - stored.start) {
                return None;
            }
            self.again.pop_front();
            let mut pictures = self.picture.iter_mut().chain(&mut self.previous);
            let picture = pictures.find(|picture| picture.stored(&again).is_some())?;
            let place = picture.packets.iter_mut().find(|it| it.sequence == stored.sequence)?;
            place.repairs += 1;
            place.left = Some(now);
            let packet = RtpView::parse(&picture.bytes[stored.start..stored.end]).ok()?;
            let (source, codec) = (picture.source, picture.codec);
            let descriptor = picture.descriptor_id.and_then(|id| packet.extension(id));
            let again = Some(again);
            return Some(Due { source, codec, packet, descriptor, is_first: false, again });
        }
        let picture = self.picture.as_mut().filter(|picture| picture.is_whole())?;
        let stored = picture.next()?;
        if !self.budget.has(now, stored.end - stored.start) {
            return None;
        }
        let place = picture.packets.iter_mut().find(|it| it.sequence == stored.sequence)?;
        place.left = Some(now);
        picture.sent += 1;
        let packet = RtpView::parse(&picture.bytes[stored.start..stored.end]).ok()?;
        let is_first = picture.sent == 1;
        let (source, codec) = (picture.source, picture.codec);
        let descriptor = picture.descriptor_id.and_then(|id| packet.extension(id));
        Some(Due { source, codec, packet, descriptor, is_first, again: None })
    }

    /// The next lost packet that is still in hand.
    fn next_again(&mut self) -> Option<(Stored, Again)> {
        while let Some(again) = self.again.front() {
            if let Some(stored) = self.stored(again) {
                return Some((stored, *again));
            }
            self.again.pop_front();
        }
        None
    }

    fn stored(&self, again: &Again) -> Option<Stored> {
        self.picture.iter().chain(&self.previous).find_map(|picture| picture.stored(again))
    }

    /// When [`Self::poll_packet`] has something.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let next = || self.picture.as_ref().filter(|picture| picture.is_whole())?.next();
        let stored = self.again.iter().find_map(|again| self.stored(again)).or_else(next)?;
        self.budget.when(stored.end - stored.start)
    }

    /// The subscriber lost a packet of one of the two pictures: it goes out again when there is room.
    /// A report that left before the packet can have arrived asks for nothing.
    pub(crate) fn want_again(&mut self, now: Instant, again: Again) {
        let left = self.stored(&again).and_then(|stored| stored.left);
        if left.is_some_and(|left| now.saturating_duration_since(left) < UNDER_WAY) {
            return;
        }
        let is_waiting = self.again.iter().any(|other| other.sequence == again.sequence);
        if !is_waiting && self.again.len() < MAX_WAITING {
            self.again.push_back(again);
        }
    }

    /// So many bytes went to the subscriber, every header counted.
    pub(crate) fn spend(&mut self, now: Instant, bytes: usize) {
        self.budget.spend(now, bytes);
    }

    /// How many voices there is room for: who speaks and who interrupts, or one of them where the
    /// two send more than there is.
    pub(crate) fn voices(&self) -> usize {
        if self.budget.bytes < OVERDRAWN { 1 } else { 2 }
    }
}

impl Picture {
    fn new(arrival: &Arrival, descriptor_id: Option<u8>) -> Self {
        Self {
            source: arrival.source,
            codec: arrival.codec,
            descriptor_id,
            timestamp: arrival.timestamp,
            first: arrival.sequence,
            last: None,
            bytes: Vec::new(),
            packets: Vec::new(),
            sent: 0,
        }
    }

    /// Keeps a packet if it is of this picture; false when that is too much.
    fn take(&mut self, arrival: &Arrival, packet: &[u8]) -> bool {
        let is_ours = self.source == arrival.source && self.timestamp == arrival.timestamp;
        if !is_ours || self.is_whole() || arrival.is_padding() {
            return true;
        }
        if self.bytes.len() + packet.len() > MAX_PICTURE_BYTES {
            return false;
        }
        // A key frame of several layers or a late start of it: the lowest number is the first.
        if arrival.sequence.wrapping_sub(self.first) >= 1 << 15 {
            self.first = arrival.sequence;
        }
        if arrival.marker {
            self.last = Some(arrival.sequence);
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(packet);
        self.packets.push(Stored {
            sequence: arrival.sequence,
            start,
            end: self.bytes.len(),
            repairs: 0,
            left: None,
        });
        true
    }

    /// A lost packet, if it is of this picture, went out and was not sent too often.
    fn stored(&self, again: &Again) -> Option<Stored> {
        let is_it = |stored: &&Stored| stored.sequence == again.origin.sequence;
        let stored = self.packets.iter().find(is_it).copied();
        stored.filter(|it| {
            it.left.is_some() && it.repairs < MAX_REPAIRS && self.source == again.origin.source
        })
    }

    fn is_whole(&self) -> bool {
        let count = |last: u16| usize::from(last.wrapping_sub(self.first)) + 1;
        self.last.is_some_and(|last| self.packets.len() >= count(last))
    }

    fn is_sent(&self) -> bool {
        self.is_whole() && usize::from(self.sent) >= self.packets.len()
    }

    fn next(&self) -> Option<Stored> {
        let wanted = self.first.wrapping_add(self.sent);
        self.packets.iter().find(|stored| stored.sequence == wanted).copied()
    }
}

/// What may be sent in all: fills evenly, holds little, and may be overdrawn by the voices.
#[derive(Default)]
struct Budget {
    bytes: i64,
    filled: Option<Instant>,
}

impl Budget {
    fn fill(&mut self, now: Instant) {
        let Some(filled) = self.filled else {
            self.filled = Some(now);
            return;
        };
        let passed = now.saturating_duration_since(filled).min(Duration::from_secs(10));
        let gained = passed.as_micros() as i64 * BYTES_PER_SECOND / 1_000_000;
        if gained > 0 {
            self.bytes = (self.bytes + gained).min(HELD_BYTES);
            self.filled = Some(now);
        }
    }

    fn spend(&mut self, now: Instant, bytes: usize) {
        self.fill(now);
        self.bytes = (self.bytes - bytes as i64).max(-HELD_BYTES);
    }

    /// Whether a packet of so many plain bytes fits.
    fn has(&mut self, now: Instant, len: usize) -> bool {
        self.fill(now);
        self.bytes >= (len + HEADROOM_BYTES) as i64
    }

    fn when(&self, len: usize) -> Option<Instant> {
        let missing = (len + HEADROOM_BYTES) as i64 - self.bytes;
        let wait = missing.max(0) * 1_000 / BYTES_PER_SECOND + 1;
        Some(self.filled? + Duration::from_millis(wait as u64))
    }
}

/// What a poor connection gets, in bytes per second of media with every header: 64 kbit/s less
/// the reports, checks and feedback that are sent anyway.
const BYTES_PER_SECOND: i64 = 60_000 / 8;

/// Most that is saved up: a packet and a little. Raised, stills come in bursts that delay voices.
const HELD_BYTES: i64 = 2_400;

/// What a packet weighs on the wire beyond its plain bytes, and a word of the voices beside it.
const HEADROOM_BYTES: usize = 200;

/// Below this the voices take more than there is.
const OVERDRAWN: i64 = -HELD_BYTES / 2;

/// Time between two stills. Lowered, publishers make key frames more often, which everybody who
/// watches that layer gets.
const NEXT_AFTER: Duration = Duration::from_secs(6);

/// A screen whose layer sends less than this between two stills shows the same as before.
const UNCHANGED_BYTES: usize = 6_000;

/// Most lost packets that wait to go out again.
const MAX_WAITING: usize = 64;

/// How long a packet may be under way, its report back included. Lowered, reports that crossed it
/// have it sent once more for nothing; raised, a packet lost twice comes later.
const UNDER_WAY: Duration = Duration::from_millis(400);

/// Most times one packet is sent again: beyond that the next still is worth more.
const MAX_REPAIRS: u8 = 8;

/// Longest still: two minutes of what a voice leaves over.
const MAX_PICTURE_BYTES: usize = 512 * 1024;
