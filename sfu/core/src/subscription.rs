//! One track towards one subscriber: a receive slot of fixed sources, and what it carries now.

mod catch_up;
mod failure;
mod form;
mod limit;
mod look;
mod paced;
mod scalable;
mod still;

use std::time::Instant;

use protocol::{TrackId, TrackSource};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::codec::{CodecKind, FrameInfo, PictureIds, inspect_as, patch_picture_ids, red};
use crate::command::{Frames, Mid};
use crate::dependency::Mandatory;
use crate::downlink::queue::{Queue, Waiting};
use crate::downlink::{Downlink, Kind, PACKET_OVERHEAD};
use crate::egress::Egress;
use crate::epoch::Gate;
use crate::layer;
use crate::packet::{Extension, RtpHeader, RtpView};
use crate::path::Path;
use crate::rewrite::{Filler, Origin, PacketIds, Rewriter};
use crate::router::{Arrival, Layer, LayerKey, Marks, Track, TrackKey};
use crate::sdp::{Codec, ExtensionIds, MediaKind, Section, SlotSsrcs};
use crate::stats::{DropCause, Stats};
use crate::svc::{FrameFilter, FrameShifts};
use crate::temporal::TemporalFilter;
use crate::transport::{RTP_OVERHEAD, Sealer, SourceIndex};
pub(crate) use failure::Failure;
use form::Form;
use limit::Limit;
pub(crate) use scalable::Admitted;

/// A receive slot. Its sources never change while the transport lives; its content does, and
/// the numbering on it goes on without a gap.
pub(crate) struct Subscription {
    mid: Mid,
    ssrcs: SlotSsrcs,
    codecs: Vec<Codec>,
    extensions: ExtensionIds,
    wanted: Option<TrackId>,
    max_height: Option<u16>,
    track: Option<TrackKey>,
    /// The layer that is or was last forwarded.
    current: Option<u8>,
    /// The layer that shall be.
    target: Option<u8>,
    limit: Limit,
    /// The highest spatial layer that goes out of an encoding in layers, from 0.
    within: u8,
    /// How many times in a row the slot got nothing of what the path carries.
    pub(crate) held_back: Option<u8>,
    /// What it carried was too much for the path since the path was last divided.
    pub(crate) has_overrun: bool,
    /// What it carried was too much for the path.
    pub(crate) failure: Option<Failure>,
    is_video: bool,
    /// What frames look like in the room.
    frames_are: Frames,
    /// A key frame of the layer that shall be was of an epoch from before the subscriber's.
    is_kept_out: bool,
    temporal: TemporalFilter,
    frames: FrameFilter,
    frame_shifts: FrameShifts,
    numbers: Rewriter<LayerKey>,
    rtx_sequence: u16,
    sealed: Option<SealedSources>,
    sent: SentCounters,
}

/// What sending to one subscriber needs, borrowed for one round.
pub(crate) struct Outgoing<'a> {
    pub(crate) path: Path,
    pub(crate) sealer: &'a mut Sealer,
    pub(crate) egress: &'a mut Egress,
    pub(crate) stats: &'a mut Stats,
    /// The present.
    pub(crate) now: Instant,
    /// Numbers every packet to the subscriber, for its transport-wide feedback.
    pub(crate) downlink: &'a mut Downlink,
    /// True on a poor connection: headers without extensions, sound without redundancy.
    pub(crate) saving: bool,
    /// Where pictures wait for the pacer.
    pub(crate) queue: &'a mut Queue,
    /// What a slot may begin with.
    pub(crate) gate: Gate,
}

impl Outgoing<'_> {
    /// How much was sent until now, to compare with later.
    pub(crate) fn sent(&self) -> (usize, u64) {
        (self.egress.len(), self.stats.packets_out)
    }

    /// Bytes sent since, on the wire.
    pub(crate) fn sent_since(&self, before: (usize, u64)) -> usize {
        let (bytes, packets) = self.sent();
        bytes - before.0 + (packets - before.1) as usize * PACKET_OVERHEAD
    }
}

/// A packet of a publisher that goes out a second time.
#[derive(Clone, Copy)]
pub(crate) struct Repeated<'a> {
    /// Why.
    pub(crate) kind: Kind,
    pub(crate) packet: RtpView<'a>,
    pub(crate) scalable: Admitted<'a>,
    pub(crate) codec: CodecKind,
}

/// What went out on a slot, for its sender reports.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SentCounters {
    pub(crate) packets: u32,
    pub(crate) bytes: u32,
}

impl Subscription {
    /// An empty slot for a receiving section.
    pub(crate) fn new(
        section: &Section,
        frames_are: Frames,
        ssrcs: SlotSsrcs,
        random: &mut StdRng,
    ) -> Self {
        let clock_rate = match section.kind {
            MediaKind::Audio | MediaKind::Other => CodecKind::Opus.clock_rate(),
            MediaKind::Video => CodecKind::Vp8.clock_rate(),
        };
        let first = PacketIds {
            // In the lower half, so that a lost first packet cannot hide a rollover from SRTP.
            sequence: random.random_range(0..1 << 15),
            timestamp: random.random(),
            pictures: PictureIds { picture_id: Some(random.random()), tl0_picture_index: Some(0) },
        };
        Self {
            mid: section.mid.clone(),
            ssrcs,
            codecs: section.codecs.clone(),
            extensions: section.extensions,
            wanted: None,
            max_height: None,
            track: None,
            current: None,
            target: None,
            limit: Limit::None,
            within: u8::MAX,
            held_back: None,
            has_overrun: false,
            failure: None,
            is_video: section.kind == MediaKind::Video,
            frames_are,
            is_kept_out: false,
            temporal: TemporalFilter::default(),
            frames: FrameFilter::default(),
            frame_shifts: FrameShifts::default(),
            numbers: Rewriter::new(clock_rate, first),
            rtx_sequence: random.random_range(0..1 << 15),
            sealed: None,
            sent: SentCounters::default(),
        }
    }

    /// Takes the section of a later offer.
    pub(crate) fn refresh(&mut self, section: &Section) {
        self.codecs.clone_from(&section.codecs);
        self.extensions = section.extensions;
    }

    /// Gives the slot new content, to be attached next.
    pub(crate) fn assign(&mut self, wanted: Option<TrackId>, max_height: Option<u16>) {
        self.max_height = max_height;
        self.wanted = wanted;
    }

    /// Connects the slot with the published track it waits for, or with nothing.
    pub(crate) fn attach(&mut self, track: Option<TrackKey>) {
        if self.track != track {
            self.track = track;
            self.limit = Limit::None;
            self.has_overrun = false;
            self.failure = None;
            self.within = u8::MAX;
            self.pause();
        }
    }

    /// Stops forwarding until the next key frame, and forgets what went out.
    pub(crate) fn forget(&mut self) {
        self.pause();
        self.numbers.forget();
    }

    /// Stops forwarding until the next key frame.
    pub(crate) fn pause(&mut self) {
        self.current = None;
        self.target = None;
        self.is_kept_out = false;
    }

    /// Whether a slot that was not let in with a key frame now would be: its sender has gone on to
    /// keys that the subscriber has. True once.
    pub(crate) fn is_let_in(&mut self, arrival: &Arrival, gate: Gate) -> bool {
        let is_now = self.is_kept_out
            && self.target == Some(arrival.source.layer)
            && gate.admits(arrival.epoch);
        self.is_kept_out &= !is_now;
        is_now && self.current != self.target
    }

    /// Chooses the layer again. When that changes it, a key frame of the new one is wanted,
    /// unless one begins right now.
    pub(crate) fn aim(&mut self, now: Instant, track: &mut Track, key_frame: Option<u8>) {
        let Some(chosen) = layer::choose(self.max_height, track.alive(now)) else {
            return;
        };
        let chosen = match self.limit {
            Limit::None => chosen as u8,
            Limit::Layer(most) => most.spatial.max(chosen as u8),
            Limit::Nothing => return,
        };
        if self.target == Some(chosen) {
            return;
        }
        self.target = Some(chosen);
        self.limit_temporal();
        if self.current != Some(chosen) && key_frame != Some(chosen) {
            track.want_key_frame(now, chosen);
        }
    }

    /// Forwards one packet of the slot's track, if it is of the right layer. True when the slot
    /// switched to that layer with it.
    pub(crate) fn forward(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        from: &Layer,
        out: &mut Outgoing<'_>,
    ) -> bool {
        let layer = arrival.source.layer;
        let switches = self.current != Some(layer)
            && self.target == Some(layer)
            && arrival.frame.starts_key_frame
            && !arrival.is_padding();
        if self.current != Some(layer) && !switches {
            return false;
        }
        if switches && !out.gate.admits(arrival.epoch) {
            out.stats.packets_held_at_gate += 1;
            self.is_kept_out = true;
            return false;
        }
        let ids = PacketIds {
            sequence: arrival.sequence,
            timestamp: arrival.timestamp,
            pictures: arrival.frame.pictures,
        };
        if arrival.is_padding() {
            if let Some(filler) = self.numbers.skip(ids) {
                self.send_filler(filler, arrival.codec, out);
            }
            return false;
        }
        let Some(codec) = self.codecs.iter().find(|codec| codec.kind == arrival.codec) else {
            out.stats.dropped.count(DropCause::NoCommonCodec);
            return false;
        };
        let form = Form::of(codec, arrival.is_redundant, out.saving);
        let Some(packet) = from.ring.find(now, arrival.sequence) else {
            return false;
        };
        let known = (&arrival.frame, arrival.described.as_ref());
        let Some(scalable) = self.admit(from, packet, known, arrival.timestamp, switches) else {
            if let Some(filler) = self.numbers.skip(ids) {
                self.send_filler(filler, arrival.codec, out);
            }
            return false;
        };
        let payload = &packet[usize::from(arrival.payload_start)..usize::from(arrival.payload_end)];
        let Some(payload) = form.payload(payload) else {
            out.stats.dropped.count(DropCause::Malformed);
            return false;
        };
        if switches {
            // Lost sound is gone; but whoever waits for a picture must know that none comes.
            while self.is_video
                && let Some(filler) = self.numbers.fill_hole()
            {
                self.send_filler(filler, arrival.codec, out);
            }
            self.switch_to(arrival.source);
            self.current = Some(layer);
        }
        let content = Forwarded {
            ids,
            marker: arrival.marker || scalable.ends_picture(),
            form,
            scalable,
            marks: arrival.marks,
            codec: arrival.codec,
            payload,
        };
        self.send_forwarded(now, &content, out);
        if switches {
            self.catch_up(now, arrival, form, from, out);
        }
        switches
    }

    /// Renumbers and sends one packet of the current layer, unless it went out already. Pictures
    /// wait where the path is slower than they come, and stop where that gets too long.
    fn send_forwarded(&mut self, now: Instant, content: &Forwarded<'_>, out: &mut Outgoing<'_>) {
        let must_wait = self.is_video && (!out.queue.is_empty() || !out.downlink.may_send(now));
        let is_screen = self.wanted.is_some_and(|track| track.source == TrackSource::Screen);
        if must_wait && out.queue.is_full(out.downlink.target(), is_screen) {
            out.stats.dropped.count(DropCause::PathTooSlow);
            out.queue.void(self.ssrcs.media);
            self.has_overrun = true;
            self.pause();
            return;
        }
        let Some(source) = self.forwarded() else {
            return;
        };
        let Some(ids) = self.numbers.rewrite(now, content.ids) else {
            return;
        };
        let header = RtpHeader {
            marker: content.marker,
            payload_type: content.form.payload_type,
            sequence: ids.sequence,
            timestamp: ids.timestamp,
            ssrc: self.ssrcs.media,
        };
        let (codec, marks) = (content.codec, content.marks);
        if must_wait {
            let bytes = content.payload.len() as u16;
            out.queue.push(Waiting {
                header,
                pictures: ids.pictures,
                marks,
                codec,
                source,
                sequence: content.ids.sequence,
                frame_number: content.scalable.descriptor().map(|(_, number)| number),
                bytes,
                is_void: false,
            });
            return;
        }
        let kind = if self.is_video { Kind::Picture } else { Kind::Sound };
        let (payload, pictures, blocks) = (content.payload, ids.pictures, content.form.blocks);
        let dependency = content.scalable.descriptor();
        let body = Content { prefix: &[], payload, codec, pictures, blocks, dependency, kind };
        self.send_media(header, marks, &body, out);
    }

    fn send_media(
        &mut self,
        header: RtpHeader,
        marks: Marks,
        content: &Content<'_>,
        out: &mut Outgoing<'_>,
    ) {
        let sources = self.sealed_sources(out);
        if self.send(header, sources.media, marks, content, out) {
            self.sent.packets = self.sent.packets.wrapping_add(1);
            self.sent.bytes = self.sent.bytes.wrapping_add(content.payload.len() as u32);
        }
    }

    /// Which packet went out under a number that the subscriber reports lost.
    pub(crate) fn origin(&self, sequence: u16) -> Option<Origin<LayerKey>> {
        self.numbers.origin(sequence)
    }

    /// Sends a lost packet again on the repair source (RFC 4588). Never on the media source:
    /// one number must not be sealed twice. Gives its bytes when it went out.
    pub(crate) fn retransmit(
        &mut self,
        sequence: u16,
        origin: &Origin<LayerKey>,
        repeated: &Repeated<'_>,
        out: &mut Outgoing<'_>,
    ) -> bool {
        let Repeated { kind, packet, scalable, codec } = *repeated;
        let Some(payload_type) = self
            .codecs
            .iter()
            .find(|known| known.kind == codec)
            .and_then(|known| known.rtx_payload_type)
        else {
            return false;
        };
        let pictures = self.inspect(codec, packet.payload()).pictures;
        let (timestamp, pictures) = origin.rewrite(packet.timestamp(), pictures);
        let header = RtpHeader {
            marker: packet.marker() || scalable.ends_picture(),
            payload_type,
            sequence: self.rtx_sequence,
            timestamp,
            ssrc: self.ssrcs.rtx,
        };
        self.rtx_sequence = self.rtx_sequence.wrapping_add(1);
        let sources = self.sealed_sources(out);
        let prefix = sequence.to_be_bytes();
        let payload = packet.payload();
        let dependency = scalable.descriptor();
        let content =
            Content { prefix: &prefix, payload, codec, pictures, blocks: None, dependency, kind };
        self.send(header, sources.rtx, Marks::default(), &content, out)
    }

    /// Fills a number that cannot be closed up any more with a packet of padding.
    fn send_filler(&mut self, filler: Filler, codec: CodecKind, out: &mut Outgoing<'_>) {
        let Some(codec) = self.codecs.iter().find(|known| known.kind == codec) else {
            return;
        };
        let header = RtpHeader {
            marker: false,
            payload_type: codec.payload_type,
            sequence: filler.sequence,
            timestamp: filler.timestamp,
            ssrc: self.ssrcs.media,
        };
        let content = Content { codec: codec.kind, ..Content::PADDING };
        let sources = self.sealed_sources(out);
        self.send(header, sources.media, Marks::default(), &content, out);
    }

    /// Writes, seals and queues one packet. Without anything to say it consists of padding: one
    /// byte, or for a probe as much as there can be.
    fn send(
        &self,
        header: RtpHeader,
        source: SourceIndex,
        marks: Marks,
        content: &Content<'_>,
        out: &mut Outgoing<'_>,
    ) -> bool {
        let transport_number = out.downlink.next_number().to_be_bytes();
        let audio_level = [marks.audio_level.unwrap_or(SILENCE)];
        let ids =
            if out.saving { self.extensions.needed(self.frames_are) } else { self.extensions };
        let mut extensions = [Extension { id: 0, value: &[] }; 4];
        let mut count = 0;
        if let Some(id) = ids.transport_cc {
            extensions[count] = Extension { id, value: &transport_number };
            count += 1;
        }
        if let Some(id) = ids.audio_level
            && !content.codec.is_video()
        {
            extensions[count] = Extension { id, value: &audio_level };
            count += 1;
        }
        if let Some(id) = ids.capture_time
            && let Some(value) = &marks.capture_time
        {
            extensions[count] = Extension { id, value };
            count += 1;
        }
        let mut descriptor: [u8; MAX_DESCRIPTOR_BYTES];
        if let Some(id) = ids.dependency
            && let Some((value, frame_number)) = content.dependency
            && value.len() <= MAX_DESCRIPTOR_BYTES
        {
            descriptor = [0; MAX_DESCRIPTOR_BYTES];
            let place = &mut descriptor[..value.len()];
            place.copy_from_slice(value);
            Mandatory::set_frame_number(place, frame_number);
            extensions[count] = Extension { id, value: place };
            count += 1;
        }
        let content_len = content.prefix.len() + content.payload.len();
        let padding = if content.kind == Kind::Probe { u8::MAX } else { 1 };
        let body_len = if content_len == 0 { usize::from(padding) } else { content_len };
        let room = out.egress.reserve(MAX_HEADER_BYTES + body_len + RTP_OVERHEAD);
        let Ok(header_len) = header.write(&extensions[..count], room) else {
            return false;
        };
        let total = header_len + body_len + RTP_OVERHEAD;
        let body = &mut room[header_len..header_len + body_len];
        if content_len == 0 {
            body.fill(0);
            body[body_len - 1] = padding;
            room[0] |= PADDING_BIT;
        } else {
            let (prefix, payload) = body.split_at_mut(content.prefix.len());
            prefix.copy_from_slice(content.prefix);
            payload.copy_from_slice(content.payload);
            // Whoever has descriptors goes by those, and VP9 may count back to other pictures.
            let has_numbers = content.codec == CodecKind::Vp8 || content.dependency.is_none();
            if has_numbers && self.frames_are != Frames::Raw {
                patch_picture_ids(content.codec, payload, content.pictures);
            }
            if let Some(payload_type) = content.blocks {
                red::set_payload_type(payload, payload_type);
            }
        }
        if out.sealer.seal_rtp(source, &mut room[..total], header_len).is_err() {
            return false;
        }
        out.egress.commit(out.path, total);
        let is_numbered = ids.transport_cc.is_some();
        out.downlink.handle_sent(out.now, content.kind, total, is_numbered);
        out.stats.packets_out += 1;
        match content.kind {
            Kind::Sound | Kind::Picture => {}
            Kind::Repair => out.stats.packets_retransmitted += 1,
            Kind::Probe => out.stats.packets_probing += 1,
        }
        true
    }

    /// What a payload says of its frame. One that says nothing is forwarded and never starts
    /// anything.
    fn inspect(&self, codec: CodecKind, payload: &[u8]) -> FrameInfo {
        inspect_as(self.frames_are, codec, payload).unwrap_or_default()
    }

    /// From the next packet on the slot carries this layer, in which its frame filter has begun.
    fn switch_to(&mut self, source: LayerKey) {
        self.frame_shifts.push(self.numbers.next_extended(), self.frames.shift());
        self.numbers.switch(source);
    }

    fn sealed_sources(&mut self, out: &mut Outgoing<'_>) -> SealedSources {
        *self.sealed.get_or_insert_with(|| SealedSources {
            media: out.sealer.source(self.ssrcs.media),
            rtx: out.sealer.source(self.ssrcs.rtx),
        })
    }
}

/// One packet of a publisher, as it came.
struct Forwarded<'a> {
    ids: PacketIds,
    marker: bool,
    form: Form,
    scalable: Admitted<'a>,
    marks: Marks,
    codec: CodecKind,
    payload: &'a [u8],
}

/// What goes behind a header.
struct Content<'a> {
    prefix: &'a [u8],
    payload: &'a [u8],
    codec: CodecKind,
    pictures: PictureIds,
    /// Set for redundant sound: the payload type of its blocks.
    blocks: Option<u8>,
    /// Dependency descriptor of the packet, and the number its frame has on the slot.
    dependency: Option<(&'a [u8], u16)>,
    kind: Kind,
}

impl Content<'_> {
    /// Nothing at all.
    const PADDING: Self = Self {
        prefix: &[],
        payload: &[],
        codec: CodecKind::Vp8,
        pictures: PictureIds { picture_id: None, tl0_picture_index: None },
        blocks: None,
        dependency: None,
        kind: Kind::Picture,
    };
}

/// The slot's sources in the sealer of its transport.
#[derive(Clone, Copy)]
struct SealedSources {
    media: SourceIndex,
    rtx: SourceIndex,
}

/// Room for a header with the extensions written here: fixed part, extension head, four elements
/// in the longer form, filled up to whole words.
const MAX_HEADER_BYTES: usize = 12 + 4 + 4 + 4 + 10 + 2 + MAX_DESCRIPTOR_BYTES + 4;

/// Longest dependency descriptor: one with a structure of three by three layers takes half of it.
const MAX_DESCRIPTOR_BYTES: usize = 128;

/// Lowest loudness (RFC 6464 section 3), for packets whose publisher told none.
const SILENCE: u8 = 127;

/// RFC 3550 section 5.1.
const PADDING_BIT: u8 = 0x20;
