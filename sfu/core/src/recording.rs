//! Who is recorded: the gate before the recorder, and which packets pass it.
//!
//! It stands where packets come in, so that nothing held back, sent again or put in order later
//! can pass it after it was shut. It is open for one participant, one recording and one transport,
//! source by source, and everything else shuts it: a recording that begins or ends, a participant
//! who leaves, a transport that takes the place of another.

use std::time::{Duration, Instant};

use protocol::{ParticipantId, TrackId, TrackSource};

use crate::codec::{CodecKind, begins_layer, red};
use crate::command::{Frames, RecordingTap};
use crate::layer;
use crate::router::{Arrival, Layer, Track, TrackKey};
use crate::sdp::MAX_RIDS;

/// What is to be told the recorder, in order, in one buffer. A shell takes it with
/// [`Sfu::swap_captured`](crate::Sfu::swap_captured).
#[derive(Debug, Default)]
pub struct Captured {
    bytes: Vec<u8>,
    items: Vec<Item>,
}

/// One thing to be told the recorder.
#[derive(Clone, Copy, Debug)]
pub enum Capture<'a> {
    /// A packet of somebody who accepted.
    Packet(CapturedPacket<'a>),
    /// All that was recorded of a participant is to be forgotten.
    Erased {
        /// In which recording.
        recording: RecordingTap,
        /// Whose.
        participant: ParticipantId,
    },
    /// Nothing more comes of this recording.
    Ended {
        /// Which.
        recording: RecordingTap,
    },
}

/// One RTP packet for the recorder.
#[derive(Clone, Copy, Debug)]
pub struct CapturedPacket<'a> {
    /// For which recording.
    pub recording: RecordingTap,
    /// Of which track.
    pub track: TrackId,
    /// What is in it.
    pub codec: CodecKind,
    /// What frames look like in the room.
    pub frames: Frames,
    /// Nothing before it belongs to what follows: the gate has opened, or the layer or the source
    /// is another than before. Its numbers and times have nothing to do with former ones.
    pub starts_over: bool,
    /// An encoded frame begins with it, of which a picture in layers has several.
    pub starts_frame: bool,
    /// A picture begins with it that needs no earlier one.
    pub starts_key_frame: bool,
    /// Last packet of its picture.
    pub marker: bool,
    /// Sequence number.
    pub sequence: u16,
    /// In ticks of the codec.
    pub timestamp: u32,
    /// When it came.
    pub arrival: Instant,
    /// What it carries, redundancy taken off; empty when it only holds its number.
    pub payload: &'a [u8],
}

#[derive(Debug)]
enum Item {
    Packet(Packet),
    Erased(RecordingTap, ParticipantId),
    Ended(RecordingTap),
}

#[derive(Debug)]
struct Packet {
    recording: RecordingTap,
    track: TrackId,
    codec: CodecKind,
    frames: Frames,
    starts_over: bool,
    starts_frame: bool,
    starts_key_frame: bool,
    marker: bool,
    sequence: u16,
    timestamp: u32,
    arrival: Instant,
    start: usize,
    end: usize,
}

impl Captured {
    /// True when there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Bytes of the packets.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Everything, in the order in which it happened.
    pub fn iter(&self) -> impl Iterator<Item = Capture<'_>> {
        self.items.iter().map(|item| match item {
            Item::Erased(recording, participant) => {
                Capture::Erased { recording: *recording, participant: *participant }
            }
            Item::Ended(recording) => Capture::Ended { recording: *recording },
            Item::Packet(packet) => Capture::Packet(CapturedPacket {
                recording: packet.recording,
                track: packet.track,
                codec: packet.codec,
                frames: packet.frames,
                starts_over: packet.starts_over,
                starts_frame: packet.starts_frame,
                starts_key_frame: packet.starts_key_frame,
                marker: packet.marker,
                sequence: packet.sequence,
                timestamp: packet.timestamp,
                arrival: packet.arrival,
                payload: &self.bytes[packet.start..packet.end],
            }),
        })
    }

    /// Forgets everything; the memory stays.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.items.clear();
    }

    /// Takes a participant's packets back that nobody took yet, apart from those of `kept`.
    pub(crate) fn withdraw(&mut self, participant: ParticipantId, kept: &[TrackSource]) {
        let is_withdrawn =
            |track: TrackId| track.participant == participant && !kept.contains(&track.source);
        self.items
            .retain(|item| !matches!(item, Item::Packet(packet) if is_withdrawn(packet.track)));
    }

    /// Notes that a participant is to be forgotten.
    pub(crate) fn erase(&mut self, recording: RecordingTap, participant: ParticipantId) {
        self.items.push(Item::Erased(recording, participant));
    }

    /// Notes that a recording has ended.
    pub(crate) fn end(&mut self, recording: RecordingTap) {
        self.items.push(Item::Ended(recording));
    }

    /// False when there is no room for it.
    fn push(&mut self, mut packet: Packet, payload: &[u8]) -> bool {
        if self.bytes.len() + payload.len() > MAX_BYTES || self.items.len() >= MAX_ITEMS {
            return false;
        }
        packet.start = self.bytes.len();
        self.bytes.extend_from_slice(payload);
        packet.end = self.bytes.len();
        self.items.push(Item::Packet(packet));
        true
    }
}

/// Most bytes that wait for the shell. Lowered, a shell that is late loses pictures; raised, one
/// that is stuck costs more memory.
const MAX_BYTES: usize = 4 << 20;

/// Most packets that wait for the shell, for the same reason.
const MAX_ITEMS: usize = 1 << 14;

/// The recording of one room.
pub(crate) struct Recording {
    tap: RecordingTap,
    frames: Frames,
    /// By number of the track.
    tracks: Vec<Option<RecordedTrack>>,
}

/// What became of a packet at the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is for the recorder.
    Taken,
    /// It is not.
    Left,
    /// It would be, but the recorder is behind.
    NoRoom,
}

impl Recording {
    /// With every gate shut.
    pub(crate) fn new(tap: RecordingTap, frames: Frames) -> Self {
        Self { tap, frames, tracks: Vec::new() }
    }

    /// Its number.
    pub(crate) fn tap(&self) -> RecordingTap {
        self.tap
    }

    /// The publisher of this track has accepted. What came before does not count, even if parts
    /// of it are still to come.
    pub(crate) fn open(&mut self, now: Instant, track: &mut Track) {
        let mut opened = RecordedTrack::new(track.key);
        for (floor, layer) in opened.floors.iter_mut().zip(&track.layers) {
            *floor = Floor::of(now, layer);
        }
        if let Some(best) = layer::choose(None, track.alive(now)) {
            track.want_key_frame(now, best as u8);
        }
        *self.place(track.key) = Some(opened);
    }

    /// The publisher of this track is not recorded any more.
    pub(crate) fn close(&mut self, track: TrackKey) {
        *self.place(track) = None;
    }

    /// The publisher of this track has turned it off or on.
    pub(crate) fn pause(&mut self, track: TrackKey) {
        if let Some(recorded) = self.place(track).as_mut().filter(|known| known.key == track) {
            *recorded = RecordedTrack { floors: recorded.floors, ..RecordedTrack::new(track) };
        }
    }

    /// The layers that have to be sent for the recording of a track, by bit.
    pub(crate) fn wanted_layers(&self, track: &Track) -> u8 {
        let known = self.tracks.get(usize::from(track.key.index)).and_then(Option::as_ref);
        let current = known.filter(|known| known.key == track.key).and_then(|known| known.current);
        // Layers of one encoding go by the name of the highest.
        let current = current.filter(|_| !track.is_layered());
        1 | current.map_or(0, |layer| 1_u8.checked_shl(layer.into()).unwrap_or(0))
    }

    /// Takes a packet of somebody who accepted, if it is of the right layer and was not sent
    /// before they did.
    pub(crate) fn take(
        &mut self,
        now: Instant,
        track: &mut Track,
        arrival: &Arrival,
        payload: &[u8],
        captured: &mut Captured,
    ) -> Admission {
        let Self { tap, frames, .. } = *self;
        let place = self.place(track.key);
        let recorded = match place {
            Some(recorded) if recorded.key == track.key => recorded,
            Some(_) | None => place.insert(RecordedTrack::new(track.key)),
        };
        if !recorded.admits(now, track, arrival) {
            return Admission::Left;
        }
        let payload = if arrival.is_redundant { red::primary(payload) } else { Some(payload) };
        let starts_layer = frames != Frames::Raw
            && arrival.codec == CodecKind::Vp9
            && payload.is_some_and(begins_layer);
        let packet = Packet {
            recording: tap,
            track: track.id,
            codec: arrival.codec,
            frames,
            starts_over: recorded.starts_over,
            starts_frame: arrival.frame.starts_frame || starts_layer,
            starts_key_frame: arrival.frame.starts_key_frame,
            marker: arrival.marker,
            sequence: arrival.sequence,
            timestamp: arrival.timestamp,
            arrival: now,
            start: 0,
            end: 0,
        };
        if !captured.push(packet, payload.unwrap_or_default()) {
            return Admission::NoRoom;
        }
        recorded.starts_over = false;
        Admission::Taken
    }

    fn place(&mut self, track: TrackKey) -> &mut Option<RecordedTrack> {
        let at = usize::from(track.index);
        if self.tracks.len() <= at {
            self.tracks.resize_with(at + 1, || None);
        }
        &mut self.tracks[at]
    }
}

/// What goes out of one track.
struct RecordedTrack {
    key: TrackKey,
    /// The layer that is recorded.
    current: Option<u8>,
    /// The layer that shall be, from its next key frame on.
    target: Option<u8>,
    /// By layer: what was sent before the gate opened.
    floors: [Option<Floor>; MAX_RIDS],
    /// When the next key frame is to be asked for.
    key_frame_due: Option<Instant>,
    starts_over: bool,
}

/// Where a source stood when the gate opened.
#[derive(Clone, Copy)]
struct Floor {
    ssrc: u32,
    /// Everything up to this number was sent too early.
    sequence: u16,
    /// The latest that had come, and when.
    timestamp: u32,
    arrived: Instant,
    opened: Instant,
}

impl Floor {
    fn of(now: Instant, layer: &Layer) -> Option<Self> {
        let (arrived, timestamp) = layer.losses.latest()?;
        Some(Self { ssrc: layer.ssrc?, sequence: layer.newest()?, timestamp, arrived, opened: now })
    }

    /// Whether a packet that comes now was sent before the gate opened: its number says so, or it
    /// was lost then, comes again, and its time says so.
    fn is_above(&self, now: Instant, arrival: &Arrival) -> bool {
        if !is_later(arrival.sequence, self.sequence) {
            return true;
        }
        let ticks = i64::from(arrival.timestamp.wrapping_sub(self.timestamp) as i32);
        let micros = ticks * 1_000_000 / i64::from(arrival.codec.clock_rate());
        let since = self.opened.saturating_duration_since(self.arrived).as_micros();
        now < self.opened + REPAIRED_WITHIN && i128::from(micros) < since as i128
    }
}

fn is_later(number: u16, than: u16) -> bool {
    (number.wrapping_sub(than) as i16) > 0
}

impl RecordedTrack {
    fn new(key: TrackKey) -> Self {
        Self {
            key,
            current: None,
            target: None,
            floors: [None; MAX_RIDS],
            key_frame_due: None,
            starts_over: true,
        }
    }

    fn admits(&mut self, now: Instant, track: &mut Track, arrival: &Arrival) -> bool {
        let layer = arrival.source.layer;
        if self.is_too_early(now, track, arrival) {
            return false;
        }
        let Some(best) = layer::choose(None, track.alive(now)).map(|best| best as u8) else {
            return false;
        };
        let starts = arrival.frame.starts_key_frame && !arrival.is_padding();
        match self.current {
            // Whole from the first packet on: the recorder waits for the key frame by itself, and
            // parts of that may come before its beginning.
            None => {
                self.current = Some(best);
                track.want_key_frame(now, best);
            }
            Some(current) if current != best => {
                if layer == best && starts {
                    self.current = Some(best);
                    self.starts_over = true;
                } else if self.target != Some(best) {
                    track.want_key_frame(now, best);
                }
            }
            Some(_) => {}
        }
        self.target = Some(best);
        if self.current != Some(layer) {
            return false;
        }
        if arrival.is_new_source {
            self.starts_over = true;
        }
        if arrival.is_new_source && !starts || self.key_frame_due.is_some_and(|due| now >= due) {
            track.want_key_frame(now, layer);
            self.key_frame_due = Some(now + KEY_FRAME_INTERVAL);
        }
        if starts {
            if let Some(layer) = track.layers.get_mut(usize::from(layer)) {
                layer.key_frames.handle_key_frame();
            }
            self.key_frame_due = Some(now + KEY_FRAME_INTERVAL);
        }
        true
    }

    fn is_too_early(&mut self, now: Instant, track: &Track, arrival: &Arrival) -> bool {
        let layer = usize::from(arrival.source.layer);
        let ssrc = track.layers.get(layer).and_then(|layer| layer.ssrc);
        let Some(place) = self.floors.get_mut(layer) else {
            return true;
        };
        let Some(floor) = place.as_mut().filter(|floor| Some(floor.ssrc) == ssrc) else {
            // Of a source that began after the gate opened.
            *place = None;
            return false;
        };
        if floor.is_above(now, arrival) {
            return true;
        }
        // It follows, so that numbers that wrap around do not come to lie before it.
        let behind = arrival.newest.wrapping_sub(FLOOR_DISTANCE);
        if is_later(arrival.newest, floor.sequence) && is_later(behind, floor.sequence) {
            floor.sequence = behind;
        }
        false
    }
}

/// From one key frame of a recorded picture until the next is asked for; it then takes a round trip
/// and a frame to come, 5 s in all. Raised, less can be looked for in a recording and more is lost
/// with a packet; lowered, pictures take more bytes.
const KEY_FRAME_INTERVAL: Duration = Duration::from_millis(4_500);

/// Nothing that was lost comes again later than so long: it is asked for during 0.8 s. Lowered, what
/// was said before the yes could pass; raised, a publisher whose clock jumps is left out for longer.
const REPAIRED_WITHIN: Duration = Duration::from_secs(2);

/// How far numbers that were sent too early are kept behind the newest: further than any packet
/// that comes late, nearer than where numbers wrap around.
const FLOOR_DISTANCE: u16 = 1 << 13;
