//! One source a fake browser sends: synthetic frames, layers, retransmissions.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use protocol::{ParticipantId, TrackId, TrackSource};
use rtc::rtp;
use sfu_core::Frames;

use super::sealing::Sealing;
use crate::content::{Content, Place};
use crate::random::Random;

/// How far back a lost packet can be sent again, in packets of one layer.
const HISTORY: usize = 600;

/// Time between pictures unless another is set: long, to keep simulations short.
const FRAME_INTERVAL: Duration = Duration::from_millis(40);

/// Payload of a packet of a large key frame.
const KEY_PACKET_BYTES: usize = 1_100;

/// Sound packets hold 20 ms, as browsers send them.
const SOUND_INTERVAL: Duration = Duration::from_millis(20);

/// Header extension ids and payload types agreed on for one section.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agreed {
    pub(crate) payload_type: u8,
    pub(crate) repair_payload_type: Option<u8>,
    /// Payload type of redundant sound, if that comes first.
    pub(crate) redundant: Option<u8>,
    /// Length of frames of sound asked for, in milliseconds, and their rate in bits per second.
    pub(crate) sound: Option<(u64, u64)>,
    /// Extension ids by URI.
    pub(crate) extensions: BTreeMap<String, u8>,
}

impl Agreed {
    fn add(&self, header: &mut rtp::Header, uri: &str, value: &[u8]) {
        if let Some(id) = self.extensions.get(uri) {
            header
                .set_extension(*id, Bytes::copy_from_slice(value))
                .expect("the value fits an extension");
        }
    }
}

/// One encoding of a picture, or the only one of a sound.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) rid: &'static str,
    pub(crate) ssrc: u32,
    pub(crate) repair_ssrc: u32,
    /// False makes the browser send nothing on this layer, as browsers do on a slow network.
    pub(crate) is_sent: bool,
    /// False when the server said that nobody watches the layer.
    pub(crate) is_wanted: bool,
    sequence: u16,
    repair_sequence: u16,
    timestamp_offset: u32,
    picture_id: u16,
    frame_number: u16,
    /// Pictures since the last key frame, and of the lowest temporal layer in all.
    since_key: u32,
    base_pictures: u8,
    wants_key_frame: bool,
    /// Full size of one packet and packets of one frame.
    pub(crate) shape: (usize, u8),
    history: BTreeMap<u64, rtp::Packet>,
    sent: u64,
}

/// One source on one sending section.
#[derive(Debug)]
pub(crate) struct Publication {
    pub(crate) source: TrackSource,
    pub(crate) mid: String,
    pub(crate) layers: Vec<Layer>,
    pub(crate) agreed: Agreed,
    pub(crate) key_frame_requests: Vec<(Instant, usize)>,
    pub(crate) repaired: usize,
    /// Loudness written on sound, in decibels below full scale (RFC 6464).
    pub(crate) level: u8,
    /// Time between two pictures.
    pub(crate) interval: Duration,
    /// Packets of a key frame, where those are larger than other pictures.
    pub(crate) key_parts: Option<u8>,
    /// Set in an encrypted room.
    pub(crate) sealing: Option<Sealing>,
    /// Packets sent on each layer, retransmissions not counted.
    pub(crate) sent: Vec<(Instant, Content)>,
    participant: ParticipantId,
    start: Instant,
    next_frame: Option<Instant>,
    frame: u32,
}

impl Publication {
    pub(crate) fn new(
        participant: ParticipantId,
        source: TrackSource,
        now: Instant,
        random: &mut Random,
    ) -> Self {
        let shapes: &[(&'static str, usize, u8)] = match source {
            TrackSource::Microphone | TrackSource::ScreenAudio => &[("", 80, 1)],
            TrackSource::Camera => &[("h", 1100, 4), ("m", 900, 2), ("l", 500, 1)],
            TrackSource::Screen => &[("", 1100, 6)],
        };
        let layers = shapes
            .iter()
            .map(|(rid, size, parts)| Layer {
                rid,
                ssrc: random.bits() as u32 | 1,
                repair_ssrc: random.bits() as u32 | 1,
                is_sent: true,
                is_wanted: true,
                sequence: random.bits() as u16,
                repair_sequence: random.bits() as u16,
                timestamp_offset: random.bits() as u32,
                picture_id: random.bits() as u16 & 0x7fff,
                frame_number: random.bits() as u16,
                since_key: 0,
                base_pictures: 0,
                wants_key_frame: true,
                shape: (*size, *parts),
                history: BTreeMap::new(),
                sent: 0,
            })
            .collect();
        Self {
            source,
            mid: String::new(),
            layers,
            agreed: Agreed::default(),
            key_frame_requests: Vec::new(),
            repaired: 0,
            level: 42,
            interval: FRAME_INTERVAL,
            key_parts: None,
            sealing: None,
            sent: Vec::new(),
            participant,
            start: now,
            next_frame: None,
            frame: 0,
        }
    }

    /// Starts or stops sending. Starting begins with key frames.
    pub(crate) fn set_sending(&mut self, now: Instant, sending: bool) {
        self.next_frame = sending.then_some(now);
        for layer in &mut self.layers {
            layer.wants_key_frame = true;
        }
    }

    /// Sends pictures at this distance from now on.
    pub(crate) fn set_interval(&mut self, now: Instant, interval: Duration) {
        self.interval = interval;
        self.next_frame = self.next_frame.map(|_| now);
    }

    pub(crate) const fn next_frame(&self) -> Option<Instant> {
        self.next_frame
    }

    /// The packets of the frame that is due, if one is.
    pub(crate) fn frame(&mut self, now: Instant) -> Vec<rtp::Packet> {
        let Some(due) = self.next_frame.filter(|due| *due <= now) else { return Vec::new() };
        let (interval, clock) = if self.source.is_video() {
            (self.interval, 90_000)
        } else {
            let frame_ms = self.agreed.sound.map(|(frame_ms, _)| frame_ms);
            (frame_ms.map_or(SOUND_INTERVAL, Duration::from_millis), 48_000)
        };
        self.next_frame = Some(due + interval);
        let ticks = (due - self.start).as_millis() as u64 * clock / 1000;
        let track = TrackId { participant: self.participant, source: self.source };
        let mut packets = Vec::new();
        for (number, layer) in
            self.layers.iter_mut().enumerate().filter(|(_, l)| l.is_sent && l.is_wanted)
        {
            let is_key = std::mem::take(&mut layer.wants_key_frame);
            let (mut size, mut parts) = layer.shape;
            if let Some(key_parts) = self.key_parts.filter(|_| is_key) {
                (size, parts) = (KEY_PACKET_BYTES, key_parts);
            }
            layer.since_key = if is_key { 0 } else { layer.since_key + 1 };
            let mut place = Place::of(layer.since_key);
            layer.base_pictures = layer.base_pictures.wrapping_add(u8::from(place.temporal == 0));
            place.index = layer.base_pictures;
            if let Some((frame_ms, rate)) = self.agreed.sound.filter(|_| !self.source.is_video()) {
                size = (frame_ms * rate / 8_000) as usize;
            }
            for part in 0..parts {
                let frame = self.frame;
                let content = Content { track, layer: number as u8, frame, part, parts, is_key };
                // The last packet of a frame is shorter, as an encoder's is.
                let is_short = self.source.is_video() && part + 1 == parts;
                let size = if is_short { size / 2 } else { size };
                let mut descriptor = None;
                let payload = if let Some(sealing) = &mut self.sealing {
                    let is_raw = sealing.frames == Frames::Raw;
                    let number = if is_raw { layer.frame_number } else { layer.picture_id };
                    let sealed = sealing.seal(&content, number, place, size);
                    descriptor = sealed.descriptor;
                    sealed.payload
                } else if self.source.is_video() {
                    content.vp8_payload(layer.picture_id, place, size)
                } else {
                    content.opus_payload(size)
                };
                let redundant = self.agreed.redundant.filter(|_| !self.source.is_video());
                let payload = match (redundant, layer.history.values().next_back()) {
                    (Some(_), Some(before)) => redundantly(&payload, before, &self.agreed),
                    (Some(_), None) => [&[self.agreed.payload_type][..], &payload].concat(),
                    (None, _) => payload,
                };
                let mut header = rtp::Header {
                    version: 2,
                    marker: self.source.is_video() && part + 1 == parts,
                    payload_type: redundant.unwrap_or(self.agreed.payload_type),
                    sequence_number: layer.sequence,
                    timestamp: layer.timestamp_offset.wrapping_add(ticks as u32),
                    ssrc: layer.ssrc,
                    ..rtp::Header::default()
                };
                if descriptor.as_ref().is_some_and(|descriptor| descriptor.len() > 16) {
                    header.extension = true;
                    header.extension_profile = TWO_BYTE_PROFILE;
                }
                self.agreed.add(&mut header, MID, self.mid.as_bytes());
                if let Some(descriptor) = descriptor {
                    self.agreed.add(&mut header, DEPENDENCY, &descriptor);
                }
                if layer.rid.is_empty() {
                    // Words have gaps between them; a hum has none.
                    let is_gap = self.frame % 15 > 12;
                    let level = if is_gap { self.level.max(70) } else { self.level };
                    self.agreed.add(&mut header, AUDIO_LEVEL, &[0x80 | level]);
                } else {
                    self.agreed.add(&mut header, RID, layer.rid.as_bytes());
                }
                let packet = rtp::Packet { header, payload: payload.into() };
                layer.remember(&packet);
                self.sent.push((now, content));
                packets.push(packet);
            }
            layer.picture_id = layer.picture_id.wrapping_add(1) & 0x7fff;
            layer.frame_number = layer.frame_number.wrapping_add(1);
        }
        self.frame += 1;
        packets
    }

    /// Retransmissions (RFC 4588) of `sequences` of the stream `ssrc`, as far as they are ours.
    pub(crate) fn repair(&mut self, ssrc: u32, sequences: &[u16]) -> Vec<rtp::Packet> {
        let Some(payload_type) = self.agreed.repair_payload_type else { return Vec::new() };
        let Some(layer) = self.layers.iter_mut().find(|layer| layer.ssrc == ssrc) else {
            return Vec::new();
        };
        let mut packets = Vec::new();
        for sequence in sequences {
            let found = layer.history.values().rev();
            let Some(original) =
                { found }.find(|packet| packet.header.sequence_number == *sequence)
            else {
                continue;
            };
            let mut payload = sequence.to_be_bytes().to_vec();
            payload.extend_from_slice(&original.payload);
            let mut header = rtp::Header {
                version: 2,
                marker: original.header.marker,
                payload_type,
                sequence_number: layer.repair_sequence,
                timestamp: original.header.timestamp,
                ssrc: layer.repair_ssrc,
                ..rtp::Header::default()
            };
            // Browsers repeat what a lost packet said of its frame.
            let id = self.agreed.extensions.get(DEPENDENCY);
            let descriptor = id.and_then(|id| original.header.get_extension(*id));
            if descriptor.as_ref().is_some_and(|descriptor| descriptor.len() > 16) {
                header.extension = true;
                header.extension_profile = TWO_BYTE_PROFILE;
            }
            self.agreed.add(&mut header, MID, self.mid.as_bytes());
            if let Some(descriptor) = descriptor {
                self.agreed.add(&mut header, DEPENDENCY, &descriptor);
            }
            if !layer.rid.is_empty() {
                self.agreed.add(&mut header, REPAIRED_RID, layer.rid.as_bytes());
            }
            layer.repair_sequence = layer.repair_sequence.wrapping_add(1);
            packets.push(rtp::Packet { header, payload: payload.into() });
        }
        self.repaired += packets.len();
        packets
    }

    /// Sends the named layers only; those that begin again begin with a key frame.
    pub(crate) fn set_wanted(&mut self, rids: &[String]) {
        for layer in &mut self.layers {
            let is_wanted = rids.iter().any(|rid| rid == layer.rid);
            layer.wants_key_frame |= is_wanted && !layer.is_wanted;
            layer.is_wanted = is_wanted;
        }
    }

    /// Makes the next frame of the layer that sends `ssrc` a key frame.
    pub(crate) fn request_key_frame(&mut self, now: Instant, ssrc: u32) {
        if let Some(number) = self.layers.iter().position(|layer| layer.ssrc == ssrc) {
            self.layers[number].wants_key_frame = true;
            self.key_frame_requests.push((now, number));
        }
    }
}

impl Layer {
    fn remember(&mut self, packet: &rtp::Packet) {
        self.sequence = self.sequence.wrapping_add(1);
        self.history.insert(self.sent, packet.clone());
        self.sent += 1;
        if self.history.len() > HISTORY {
            self.history.pop_first();
        }
    }
}

/// A payload that repeats the frame before (RFC 2198 section 3).
fn redundantly(payload: &[u8], before: &rtp::Packet, agreed: &Agreed) -> Vec<u8> {
    // The frame before is what follows its own headers.
    let earlier = &before.payload;
    let headers = if earlier[0] & 0x80 != 0 { 5 } else { 1 };
    let repeated = usize::from(headers == 5)
        * usize::from(u16::from_be_bytes([earlier[2] & 0x03, earlier[3]]));
    let earlier = &earlier[headers + repeated..];
    let word = 960_u32 << 10 | earlier.len() as u32;
    let [_, rest @ ..] = word.to_be_bytes();
    [&[0x80 | agreed.payload_type][..], &rest, &[agreed.payload_type], earlier, payload].concat()
}

/// AV1 RTP specification, appendix A.
pub(crate) const DEPENDENCY: &str =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
/// RFC 8285 section 4.3.
const TWO_BYTE_PROFILE: u16 = 0x1000;
/// RFC 9143.
pub(crate) const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
/// RFC 8852.
pub(crate) const RID: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
/// RFC 8852.
pub(crate) const REPAIRED_RID: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";
/// RFC 6464.
pub(crate) const AUDIO_LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
