//! Frames as the pages of an encrypted room send them. What a server may read of one is as it is
//! there; the rest is left legible, so that tests can tell what arrives.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use protocol::TrackSource;
use sfu_core::Frames;
use sfu_core::codec::CodecKind;

use super::publication::DEPENDENCY;
use crate::content::{Content, Place};

/// How a source of an encrypted room is sent.
#[derive(Clone, Debug)]
pub(crate) struct Sealing {
    pub(crate) frames: Frames,
    pub(crate) codec: CodecKind,
    /// Of the key in use.
    pub(crate) epoch: u8,
    /// True to send as if there were no encryption, which no page does.
    pub(crate) in_clear: bool,
    /// What was sent, and in which epoch.
    pub(crate) sent: BTreeMap<Content, (u8, Fingerprint)>,
    counter: u64,
}

/// What nobody may change of a packet: its part of the frame, and its dependency descriptor but
/// for the frame's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    frame: u64,
    descriptor: Option<u64>,
}

/// A payload, and its dependency descriptor where pictures are raw.
pub(crate) struct Sealed {
    pub(crate) payload: Vec<u8>,
    pub(crate) descriptor: Option<Vec<u8>>,
}

impl Sealing {
    pub(crate) fn new(frames: Frames, codec: CodecKind) -> Self {
        let sent = BTreeMap::new();
        Self { frames, codec, epoch: 0, in_clear: false, sent, counter: 0 }
    }

    /// An offer of what the engine knows nothing of: its sections send VP8 alone, and all pictures in
    /// a payload format.
    pub(crate) fn offer(&self, sdp: &str) -> String {
        let mut lines = String::new();
        for line in sdp.lines() {
            let is_vp8 = line.ends_with(" VP8/90000");
            if self.codec == CodecKind::Vp9 {
                lines.push_str(&line.replace("VP8/90000", "VP9/90000"));
            } else {
                lines.push_str(line);
            }
            lines.push_str("\r\n");
            let payload_type = line.strip_prefix("a=rtpmap:").and_then(|it| it.get(..2));
            if let Some(payload_type) = payload_type.filter(|_| is_vp8)
                && self.frames == Frames::Raw
            {
                lines.push_str("a=packetization:");
                lines.push_str(payload_type);
                lines.push_str(" raw\r\n");
            }
            if line.starts_with("a=mid:") && self.frames == Frames::Raw {
                lines.push_str(&format!("a=extmap:{DEPENDENCY_ID} {DEPENDENCY}\r\n"));
            }
        }
        lines
    }

    /// The answer to such an offer as the engine understands it.
    pub(crate) fn answer(&self, sdp: &str) -> String {
        let is_unknown = |line: &&str| {
            line.starts_with("a=packetization:")
                || line.contains(DEPENDENCY)
                || self.codec == CodecKind::Vp9 && line.ends_with(" profile-id=0")
        };
        let known = sdp.lines().filter(|line| !is_unknown(line));
        let known: String = known.flat_map(|line| [line, "\r\n"]).collect();
        if self.codec == CodecKind::Vp9 {
            return known.replace("VP9/90000", "VP8/90000");
        }
        known
    }

    /// The packet of one part of a frame. Frame numbers are those of the layer.
    pub(crate) fn seal(
        &mut self,
        content: &Content,
        picture_id: u16,
        place: Place,
        size: usize,
    ) -> Sealed {
        let source = content.track.source;
        let mut frame = Vec::new();
        if content.part == 0 {
            if source.is_video() && self.frames == Frames::Plain && self.codec == CodecKind::Vp8 {
                // Tag of the frame, start code and sizes stay in clear (RFC 6386 section 9.1).
                frame.extend([u8::from(!content.is_key) | 0x10, 0, 0]);
                frame.extend(
                    &[0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00][..7 * usize::from(content.is_key)],
                );
            }
            if self.in_clear {
                frame.extend([0x78; 6]);
            } else {
                self.write_header(source, &mut frame);
            }
        }
        content.write(&mut frame);
        let descriptor = descriptor(source, self.frames, self.codec, content, picture_id, place);
        let before = if self.frames == Frames::Raw { 0 } else { descriptor.len() };
        frame.resize(frame.len().max(size.saturating_sub(before)), 0xa5);
        let sealed = if self.frames == Frames::Raw && source.is_video() {
            Sealed { payload: frame, descriptor: Some(descriptor) }
        } else {
            Sealed { payload: [descriptor, frame].concat(), descriptor: None }
        };
        let fingerprint =
            Fingerprint::of(self.codec, source, &sealed.payload, sealed.descriptor.as_deref());
        self.sent.insert(*content, (self.epoch, fingerprint));
        sealed
    }

    /// RFC 9605 section 4.3: a key id of three bytes, a counter in as few as it takes.
    fn write_header(&mut self, source: TrackSource, out: &mut Vec<u8>) {
        const LEAF: u32 = 0x0a5;
        let context: u32 = match source {
            TrackSource::Microphone => 1,
            TrackSource::Camera => 2,
            TrackSource::Screen => 3,
            TrackSource::ScreenAudio => 4,
        };
        let [_, key_id @ ..] = (context << 20 | LEAF << 8 | u32::from(self.epoch)).to_be_bytes();
        let counter = self.counter.to_be_bytes();
        let counter = &counter[counter.iter().take_while(|byte| **byte == 0).count()..];
        self.counter += 1;
        match counter {
            [] => out.extend([&[0xa0][..], &key_id].concat()),
            [few] if *few < 8 => out.extend([&[0xa0 | few][..], &key_id].concat()),
            more => out.extend([&[0xa8 | (more.len() as u8 - 1)][..], &key_id, more].concat()),
        }
    }
}

impl Fingerprint {
    /// Of a packet as it was sent or as it arrived.
    pub(crate) fn of(
        codec: CodecKind,
        source: TrackSource,
        payload: &[u8],
        descriptor: Option<&[u8]>,
    ) -> Self {
        let hash = |bytes: &[u8]| {
            let mut hasher = DefaultHasher::new();
            bytes.hash(&mut hasher);
            hasher.finish()
        };
        let start = match (source.is_video() && descriptor.is_none(), codec) {
            (true, CodecKind::Vp9) => VP9_DESCRIPTOR_BYTES,
            (true, _) => VP8_DESCRIPTOR_BYTES,
            (false, _) => 0,
        };
        let descriptor = descriptor.map(|it| hash(&[&it[..1], &it[3..]].concat()));
        Self { frame: hash(&payload[start..]), descriptor }
    }
}

/// What stands before a part of a frame: the codec's payload descriptor, or of raw pictures, in a
/// header extension, the dependency descriptor.
fn descriptor(
    source: TrackSource,
    frames: Frames,
    codec: CodecKind,
    content: &Content,
    picture_id: u16,
    place: Place,
) -> Vec<u8> {
    let is_first = content.part == 0;
    let is_last = content.part + 1 == content.parts;
    let [high, low] = picture_id.to_be_bytes();
    if !source.is_video() {
        return Vec::new();
    }
    if frames == Frames::Raw {
        let ends = u8::from(is_first) << 7 | u8::from(is_last) << 6;
        let mut descriptor = vec![ends | u8::from(!content.is_key), high, low];
        if is_first && content.is_key {
            descriptor.extend(STRUCTURE);
            descriptor.resize(KEY_DESCRIPTOR_BYTES, 0);
        }
        return descriptor;
    }
    if codec == CodecKind::Vp9 {
        // I, P, L, B and E; picture id; TID; TL0PICIDX (RFC 9628 section 4.2).
        let flags = 0xa0
            | u8::from(!content.is_key) << 6
            | u8::from(is_first) << 3
            | u8::from(is_last) << 2;
        return vec![flags, 0x80 | high, low, place.temporal << 5, place.index];
    }
    let start_bit = if is_first { 0x10 } else { 0 };
    vec![0x80 | start_bit, 0xf0, 0x80 | high, low, place.index, place.temporal_byte()]
}

/// Flags and structure of a key frame's dependency descriptor: one target, two templates, the second
/// of which needs the frame before it.
const STRUCTURE: [u8; 5] = [0b1000_0000, 0b0000_0000, 0b0011_1010, 0b0100_0000, 0];

/// Longer than one-byte header extensions can be, as those of several layers are.
const KEY_DESCRIPTOR_BYTES: usize = 55;

/// Picture id of two bytes, one of the lowest layer, place among the layers.
const VP8_DESCRIPTOR_BYTES: usize = 6;
const VP9_DESCRIPTOR_BYTES: usize = 5;

/// Id under which this browser offers the dependency descriptor.
pub(crate) const DEPENDENCY_ID: u8 = 13;
