//! One room's tracks and subscriptions, and the way of a packet from one to the others.
//!
//! A packet waits in its layer's ring until the batch it came with is complete; then each
//! subscriber in turn gets what it wants of the batch. The first packets of a picture wait a moment
//! for the others, so that they leave together; sound that comes meanwhile leaves with them.

mod demand;
mod gate;
mod publisher;
mod rate;
mod recorded;
mod reports;
mod subscriber;
mod track;
mod tracks;
mod wishes;

use std::time::{Duration, Instant};

use protocol::{ParticipantId, TrackId, TrackSource};

pub(crate) use publisher::{Publisher, Recordable};
pub(crate) use subscriber::Subscriber;
pub(crate) use track::{Arrival, Described, Layer, LayerKey, Marks, Track, TrackKey};
pub(crate) use tracks::Tracks;

use crate::codec::{self, CodecKind, FrameInfo};
use crate::command::{Event, Frames, SlotAssignment};
use crate::demux::TransportKey;
use crate::egress::Outlet;
use crate::epoch::Epochs;
use crate::loss;
use crate::member::Member;
use crate::packet::{RtpView, restore_from_rtx};
use crate::quality::Signs;
use crate::recording::{Captured, Recording};
use crate::rtcp::ReceptionBlock;
use crate::sdp::{Offer, Wishes};
use crate::sframe::Start;
use crate::sfu::{SHORTEST_WAIT, Sfu};
use crate::stats::{DropCause, Stats};
use crate::voices::Voices;
use gate::start_of;
use publisher::{PublishedSection, Stray};
use recorded::record;

/// The forwarding side of one room.
pub(crate) struct Router {
    /// Most microphones forwarded to one participant.
    max_voices: usize,
    /// The codec of cameras in layers, where everybody can play it.
    scalable: Option<CodecKind>,
    frames: Frames,
    epochs: Epochs,
    members: Vec<TransportKey>,
    tracks: Tracks,
    voices: Voices,
    batch: Vec<Arrival>,
    /// When the batch has to leave.
    batch_due: Option<Instant>,
    /// True while the owner knows that there is a batch.
    is_listed: bool,
    /// How many members have got the batch.
    served: usize,
    switched: Vec<(LayerKey, usize)>,
    wishes: Vec<(TransportKey, Instant)>,
    /// When to look at what is wanted of the publishers; at once when there is none.
    demand_due: Option<Instant>,
    /// Layers wanted of each track, by bit; reused.
    wanted: Vec<u8>,
    /// What is asked of whoever sends.
    sending: Wishes,
    /// When that may change next; at any time when there is none.
    sending_due: Option<Instant>,
    /// False when somebody came, went, offered or changed how it receives since it was found out.
    is_sending_known: bool,
    /// To be told to the control plane.
    events: Vec<Event>,
    compound: Vec<u8>,
    blocks: Vec<ReceptionBlock>,
    /// While the room is recorded.
    recording: Option<Box<Recording>>,
}

/// The members of all rooms, by number.
pub(crate) type Members = [Option<Member>];

/// What one subscriber may draw from in one round of sending.
struct Round<'a> {
    batch: &'a [Arrival],
    tracks: &'a mut Tracks,
    voices: &'a Voices,
    max_voices: usize,
    /// Filled with the layers that some slot switched to, and the slot.
    switched: &'a mut Vec<(LayerKey, usize)>,
}

impl Router {
    /// An empty room.
    pub(crate) fn new(max_voices: usize, scalable: Option<CodecKind>, frames: Frames) -> Self {
        // Frames in layers were seen to be cut into packets well in clear and raw only.
        let scalable = scalable.filter(|_| frames != Frames::Plain);
        Self {
            max_voices: max_voices.max(1),
            scalable,
            frames,
            epochs: Epochs::default(),
            members: Vec::new(),
            tracks: Tracks::default(),
            voices: Voices::default(),
            batch: Vec::new(),
            batch_due: None,
            is_listed: false,
            served: 0,
            switched: Vec::new(),
            wishes: Vec::new(),
            demand_due: None,
            wanted: Vec::new(),
            sending: Wishes { scalable, ..Wishes::default() },
            sending_due: None,
            is_sending_known: false,
            events: Vec::new(),
            compound: Vec::new(),
            blocks: Vec::new(),
            recording: None,
        }
    }

    /// Lets a participant take part.
    pub(crate) fn add(&mut self, member: TransportKey) {
        self.members.push(member);
        self.is_sending_known = false;
    }

    /// Everybody who takes part, in the order they came.
    pub(crate) fn members(&self) -> &[TransportKey] {
        &self.members
    }

    /// Ends a participant's part and tracks.
    pub(crate) fn remove(
        &mut self,
        now: Instant,
        member: TransportKey,
        participant: ParticipantId,
        members: &mut Members,
    ) {
        if let Some(at) = self.members.iter().position(|other| *other == member) {
            self.members.remove(at);
            // Whoever came after the removed one moves up; nobody is served twice or passed over.
            self.served -= usize::from(at < self.served);
        }
        self.is_sending_known = false;
        self.unpublish(now, participant, |_| false);
        self.attach_all(now, participant, members);
    }

    /// Takes the sending sections of an offer: makes their tracks and ends those without one.
    pub(crate) fn publish(
        &mut self,
        now: Instant,
        key: TransportKey,
        offer: &Offer,
        members: &mut Members,
    ) {
        let Some(member) = members[key.0].as_mut() else {
            return;
        };
        self.is_sending_known = false;
        let participant = member.participant;
        let Self { tracks, voices, batch, .. } = self;
        member.publisher.negotiate(offer, |source, rids| {
            tracks.publish(TrackId { participant, source }, key, rids, |former| {
                forget(now, former, voices, batch);
            })
        });
        let sources: Vec<TrackSource> =
            member.publisher.sections().iter().map(|section| section.source).collect();
        self.unpublish(now, participant, |source| sources.contains(&source));
        self.attach_all(now, participant, members);
    }

    /// Opens or shuts the forwarding of a source. When it opens, everybody starts anew on it.
    pub(crate) fn set_publishing(
        &mut self,
        now: Instant,
        key: TransportKey,
        source: TrackSource,
        active: bool,
        members: &mut Members,
    ) {
        let Some(member) = members[key.0].as_mut() else {
            return;
        };
        if member.publisher.is_active(source) == active {
            return;
        }
        member.publisher.set_active(source, active);
        let id = TrackId { participant: member.participant, source };
        let Some(track) = self.tracks.find_mut(id) else {
            return;
        };
        let track_key = track.key;
        self.voices.remove(now, track_key);
        if let Some(recording) = &mut self.recording {
            recording.pause(track_key);
        }
        // What waits was sent while it was on, and would leave after it was turned off.
        self.batch.retain(|arrival| arrival.source.track != track_key);
        for layer in &mut track.layers {
            layer.pause();
        }
        for other in &self.members {
            if let Some(other) = members[other.0].as_mut() {
                other.subscriber.pause(track_key);
            }
        }
    }

    /// Gives slots of a participant new content.
    pub(crate) fn subscribe(
        &mut self,
        now: Instant,
        key: TransportKey,
        slots: Vec<SlotAssignment>,
        members: &mut Members,
    ) {
        if let Some(member) = members[key.0].as_mut() {
            member.subscriber.assign(now, slots, &mut self.tracks);
        }
    }

    /// The participant can be sent to from now on.
    pub(crate) fn connected(&mut self, now: Instant, key: TransportKey, members: &mut Members) {
        if let Some(member) = members[key.0].as_mut() {
            member.subscriber.restart(now, &mut self.tracks);
        }
    }

    /// Takes one opened packet into the batch. Gives the time at which its publisher has to be
    /// asked for something, if any.
    pub(crate) fn handle_packet(
        &mut self,
        now: Instant,
        publisher: &mut Publisher,
        packet: &mut [u8],
        captured: &mut Captured,
        stats: &mut Stats,
    ) -> Result<Option<Instant>, DropCause> {
        let view = RtpView::parse(packet).map_err(|_| DropCause::Malformed)?;
        publisher.note_arrival(now, &view);
        let marks = publisher.marks(&view);
        let place = publisher.place(&view).map_err(|stray| match stray {
            Stray::UnknownSource => DropCause::UnknownSource,
            Stray::UnknownPayloadType => DropCause::UnknownPayloadType,
        })?;
        if !publisher.is_active(place.track_source) {
            return Err(DropCause::NotPublishing);
        }
        if !publisher.may_send(now, place.track_source, packet.len()) {
            return Err(DropCause::PublisherFlood);
        }
        if self.batch.len() >= Sfu::MAX_BATCH + MOST_HELD {
            return Err(DropCause::Overload);
        }
        let source = place.source;
        let track = self.tracks.track_mut(source.track).ok_or(DropCause::UnknownSource)?;
        let layer =
            track.layers.get_mut(usize::from(source.layer)).ok_or(DropCause::UnknownSource)?;
        let is_new_source = place.repeats.is_none() && layer.ssrc != Some(view.ssrc());
        let packet = match place.repeats {
            None => {
                if is_new_source {
                    layer.restart(view.ssrc());
                }
                packet
            }
            Some(payload_type) => {
                let ssrc = layer.ssrc.ok_or(DropCause::UnknownSource)?;
                restore_from_rtx(packet, ssrc, payload_type).ok_or(DropCause::PaddingOnly)?
            }
        };
        let view = RtpView::parse(packet).map_err(|_| DropCause::Malformed)?;
        let arrival = match place.repeats {
            None => layer.losses.handle_packet(now, view.sequence(), view.timestamp()),
            Some(_) => layer.losses.handle_retransmission(now, view.sequence()),
        };
        if arrival != loss::Arrival::New {
            let is_repeated = place.repeats.is_some();
            return Err(if is_repeated { DropCause::Repeated } else { DropCause::Replayed });
        }
        stats.packets_recovered += u64::from(place.repeats.is_some());
        let mut payload = view.payload_range();
        let descriptor = publisher.dependency(&view);
        let start = start_of(self.frames, &place, &view, descriptor);
        let is_in_clear = start.is_some_and(|start| layer.is_in_clear(view.timestamp(), start));
        let mut frame = FrameInfo::default();
        let mut described = None;
        let mut epoch = None;
        if is_in_clear {
            stats.frames_in_clear += 1;
            payload.end = payload.start;
        } else if view.is_padding_only() {
            stats.dropped.count(DropCause::PaddingOnly);
        } else {
            frame = codec::inspect_as(self.frames, place.codec, view.payload()).unwrap_or_default();
            if layer.codec.replace(place.codec) != Some(place.codec) {
                layer.scalable = None;
            }
            if let Some((id, bytes)) = descriptor {
                let told;
                (told, described) = layer.note_dependency(now, id, bytes, packet.len());
                frame.starts_key_frame |= told.starts_key_frame;
                if self.frames == Frames::Raw {
                    frame = told;
                }
            }
            if let Some(Start::Epoch(low)) = start {
                epoch = self.epochs.unroll(low);
            }
            if frame.starts_key_frame {
                layer.key_frames.handle_key_frame();
            }
            layer.heard(now, packet.len(), frame.temporal);
            layer.ring.store(now, view.sequence(), packet);
        }
        if let Some(level) = marks.audio_level
            && !place.track_source.is_video()
            && !is_in_clear
        {
            self.voices.handle_packet(now, track.key, track.id, level & LEVEL_MASK);
        }
        let newest = layer.note_sequence(view.sequence());
        let is_in_order = place.repeats.is_none() && newest == view.sequence();
        let may_wait = place.track_source.is_video()
            && is_in_order
            && !view.marker()
            && self.batch.len() < MOST_HELD
            && self.members.len() >= HOLDING_MEMBERS;
        let due = if may_wait { now + HOLD } else { now };
        self.batch_due = Some(self.batch_due.map_or(due, |before| before.min(due)));
        let arrival = Arrival {
            source,
            sequence: view.sequence(),
            timestamp: view.timestamp(),
            marker: view.marker(),
            marks,
            codec: place.codec,
            is_redundant: place.is_redundant,
            is_new_source,
            newest,
            payload_start: u16::try_from(payload.start).map_err(|_| DropCause::Malformed)?,
            payload_end: u16::try_from(payload.end).map_err(|_| DropCause::Malformed)?,
            frame,
            described,
            epoch,
        };
        self.batch.push(arrival);
        if let Some(recording) = &mut self.recording {
            let payload = if is_in_clear { &[] } else { view.payload() };
            record(now, recording, publisher, track, (&arrival, payload), captured, stats);
        }
        let asking = track.layers.get(usize::from(source.layer)).and_then(Layer::poll_timeout);
        let deadlines = [asking, self.voices.poll_timeout(source.track)];
        Ok(deadlines.into_iter().flatten().min())
    }

    /// When the batch has to be handed out; `None` when there is none.
    pub(crate) fn batch_due(&self) -> Option<Instant> {
        self.batch_due
    }

    /// Whether there is a batch of which the owner does not know yet.
    pub(crate) fn list_batch(&mut self) -> bool {
        !self.batch.is_empty() && !std::mem::replace(&mut self.is_listed, true)
    }

    /// Gives the batch to the next members, until enough waits to be sent. True when all have it.
    pub(crate) fn fan_out(
        &mut self,
        now: Instant,
        members: &mut Members,
        out: &mut Outlet<'_>,
    ) -> bool {
        while let Some(key) = self.members.get(self.served) {
            if out.egress.len() >= EGRESS_ENOUGH {
                return false;
            }
            self.served += 1;
            let Some(member) = members[key.0].as_mut() else {
                continue;
            };
            let Some(transport) = member.transport.as_mut() else {
                continue;
            };
            let round = Round {
                batch: &self.batch,
                tracks: &mut self.tracks,
                voices: &self.voices,
                max_voices: self.max_voices,
                switched: &mut self.switched,
            };
            member.subscriber.forward(now, round, transport, out);
            if let Some(at) = member.subscriber.poll_timeout() {
                self.wishes.push((*key, at.max(now + SHORTEST_WAIT)));
            }
            if let Some(mids) = member.subscriber.poll_paused() {
                let participant = member.participant;
                self.events.push(Event::SlotsPaused { participant, mids });
            }
            if member.quality.is_due(now) {
                if let Some(mids) = member.subscriber.poll_unplayable(now, &self.tracks) {
                    let participant = member.participant;
                    self.events.push(Event::SlotsUnplayable { participant, mids });
                }
                let signs =
                    Signs { loss_up: member.publisher.loss(now), ..member.subscriber.signs(now) };
                if let Some(quality) = member.quality.judge(now, &signs) {
                    let participant = member.participant;
                    self.events.push(Event::QualityChanged { participant, quality });
                }
            }
            if !self.switched.is_empty() {
                self.report_after_switch(now, member, out.egress);
            }
        }
        self.served = 0;
        self.note_wishes();
        self.batch.clear();
        self.batch_due = None;
        self.is_listed = false;
        true
    }

    /// Sends a subscriber what waited for this moment.
    pub(crate) fn pace(&mut self, now: Instant, member: &mut Member, out: &mut Outlet<'_>) {
        if let Some(transport) = member.transport.as_mut() {
            member.subscriber.pace(now, &self.tracks, transport, out);
        }
    }

    /// The other way: packets a subscriber lost.
    pub(crate) fn retransmit(
        &mut self,
        now: Instant,
        key: TransportKey,
        ssrc: u32,
        lost: impl Iterator<Item = u16>,
        members: &mut Members,
        out: &mut Outlet<'_>,
    ) {
        if let Some(member) = members[key.0].as_mut()
            && let Some(transport) = member.transport.as_mut()
        {
            let tracks = &mut self.tracks;
            member.subscriber.retransmit(now, ssrc, lost, tracks, transport, out);
        }
    }

    /// The other way: a subscriber needs a key frame on one of its slots.
    pub(crate) fn want_key_frame(
        &mut self,
        now: Instant,
        key: TransportKey,
        ssrc: u32,
        members: &Members,
    ) {
        if let Some(member) = members[key.0].as_ref()
            && let Some(source) = member.subscriber.awaited(ssrc)
            && let Some(track) = self.tracks.track_mut(source.track)
        {
            track.want_key_frame(now, source.layer);
        }
    }

    /// When the publishers of the latest batch have to be asked for key frames.
    pub(crate) fn take_wishes(&mut self) -> impl Iterator<Item = (TransportKey, Instant)> {
        self.wishes.drain(..)
    }

    /// What there is to tell the control plane.
    pub(crate) fn take_events(&mut self) -> impl Iterator<Item = Event> {
        self.events.drain(..)
    }

    /// When each publisher of the room has to be asked for something.
    pub(crate) fn deadlines(&mut self) -> impl Iterator<Item = (TransportKey, Instant)> {
        self.tracks.iter_mut().filter_map(|track| {
            let deadlines = track.layers.iter().filter_map(|layer| layer.poll_timeout());
            Some((track.publisher, deadlines.min()?))
        })
    }

    /// Who speaks, loudest first, when that has changed.
    pub(crate) fn poll_speakers(&mut self, now: Instant) -> Option<Vec<ParticipantId>> {
        let speakers = self.voices.poll_speakers(now)?;
        if let Some(first) = speakers.first() {
            self.tracks.note_leading(*first);
        }
        Some(speakers)
    }

    /// When this publisher's layers or its voice want it to be woken.
    pub(crate) fn poll_timeout(&mut self, publisher: &Publisher) -> Option<Instant> {
        let (tracks, voices) = (&mut self.tracks, &self.voices);
        let deadline = |section: &PublishedSection| {
            let layers = &tracks.track_mut(section.track)?.layers;
            let asking = layers.iter().filter_map(Layer::poll_timeout);
            asking.chain(voices.poll_timeout(section.track)).min()
        };
        publisher.sections().iter().filter_map(deadline).min()
    }

    fn note_wishes(&mut self) {
        let mut noted = None;
        for arrival in &self.batch {
            if noted.replace(arrival.source.track) == Some(arrival.source.track) {
                continue;
            }
            if let Some(track) = self.tracks.track_mut(arrival.source.track)
                && let Some(at) = track.layers.iter().filter_map(Layer::poll_timeout).min()
            {
                self.wishes.push((track.publisher, at));
            }
        }
    }

    fn unpublish(
        &mut self,
        now: Instant,
        participant: ParticipantId,
        keep: impl Fn(TrackSource) -> bool,
    ) {
        for source in TrackSource::ALL.into_iter().filter(|source| !keep(*source)) {
            if let Some(track) = self.tracks.remove(TrackId { participant, source }) {
                forget(now, track, &mut self.voices, &mut self.batch);
            }
        }
    }

    /// Lets everybody's slots follow a change of a participant's tracks.
    fn attach_all(&mut self, now: Instant, publisher: ParticipantId, members: &mut Members) {
        for key in &self.members {
            if let Some(member) = members[key.0].as_mut() {
                member.subscriber.attach(now, publisher, &mut self.tracks);
            }
        }
    }
}

/// A track has ended: nothing of it speaks or waits any more.
fn forget(now: Instant, track: TrackKey, voices: &mut Voices, batch: &mut Vec<Arrival>) {
    voices.remove(now, track);
    batch.retain(|arrival| arrival.source.track != track);
}

/// One round of sending ends here, so that the buffer stays in the cache and within bounds; the
/// next round goes on. Lowering it means more rounds, raising it more memory.
const EGRESS_ENOUGH: usize = 256 * 1024;

/// How long the first packet of a picture waits for the others. Browsers send them within less; one
/// segmented send then takes them all, where each alone would cost a system call for every
/// subscriber. Raised, pictures are later; lowered, fewer leave together.
const HOLD: Duration = Duration::from_micros(200);

/// Most packets that wait. Raised, what comes next may find no room; lowered, large pictures leave in
/// more parts.
const MOST_HELD: usize = 64;

/// In rooms of fewer, there is too little to gain from waiting.
const HOLDING_MEMBERS: usize = 4;

/// The loudness in an audio level (RFC 6464 section 3); the highest bit is the browser's own guess
/// whether it is voice, which not every browser makes.
const LEVEL_MASK: u8 = 0x7f;

#[cfg(test)]
mod tests;
