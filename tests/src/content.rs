//! Synthetic media: packets that say whose they are, so that whoever receives one can tell.

use protocol::{ParticipantId, TrackId, TrackSource};

/// What one synthetic packet says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Content {
    /// Whose track it belongs to.
    pub track: TrackId,
    /// Simulcast layer: 0 is the largest picture. 0 for sound.
    pub layer: u8,
    /// Number of the frame on its layer.
    pub frame: u32,
    /// Number of the packet in its frame.
    pub part: u8,
    /// Packets of the frame.
    pub parts: u8,
    /// True for packets of a key frame.
    pub is_key: bool,
}

/// Place of a picture among the temporal layers of its encoding: four pictures of three layers
/// repeat, as browsers send them.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Temporal layer.
    pub temporal: u8,
    /// The picture needs only the lowest layer.
    pub is_sync: bool,
    /// Counts the pictures of the lowest layer (TL0PICIDX).
    pub index: u8,
}

impl Place {
    /// Of the picture with this number since the last key frame.
    pub const fn of(number: u32) -> Self {
        let (temporal, is_sync) = match number % 4 {
            0 => (0, false),
            1 => (2, true),
            2 => (1, true),
            _ => (2, false),
        };
        Self { temporal, is_sync, index: (number / 4) as u8 }
    }

    pub(crate) const fn temporal_byte(self) -> u8 {
        self.temporal << 6 | (self.is_sync as u8) << 5
    }
}

/// Begins every synthetic payload.
const MAGIC: [u8; 5] = *b"preau";

/// Bytes of a content after its codec's own header.
const LENGTH: usize = MAGIC.len() + 8 + 1 + 1 + 4 + 1 + 1 + 1;

impl Content {
    /// The payload of an Opus packet (RFC 7587): a table-of-contents byte, then the content.
    pub fn opus_payload(&self, bytes: usize) -> Vec<u8> {
        let mut payload = vec![0x78];
        self.write(&mut payload);
        payload.resize(bytes, 0x5a);
        payload
    }

    /// Reads what [`Content::opus_payload`] wrote.
    pub fn from_opus(payload: &[u8]) -> Option<Self> {
        Self::read(payload.get(1..)?)
    }

    /// The payload of a VP8 packet (RFC 7741) with a 15-bit picture id, the temporal indices
    /// browsers send, and for the first part the frame tag that tells a key frame.
    pub fn vp8_payload(&self, picture_id: u16, place: Place, size: usize) -> Vec<u8> {
        let start_bit = if self.part == 0 { 0x10 } else { 0 };
        let [high, low] = picture_id.to_be_bytes();
        // X and S; I, L, T and K; picture id; TL0PICIDX; TID and KEYIDX.
        let mut payload =
            vec![0x80 | start_bit, 0xf0, 0x80 | high, low, place.index, place.temporal_byte()];
        if self.part == 0 {
            // Frame tag, RFC 6386 section 9.1: bit 0 is 0 for a key frame.
            payload.extend([u8::from(!self.is_key) | 0x10, 0, 0]);
            if self.is_key {
                payload.extend([0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00]);
            }
        }
        self.write(&mut payload);
        payload.resize(size.max(payload.len()), 0xa5);
        payload
    }

    /// Reads what [`Content::vp8_payload`] wrote: the content and the picture id.
    pub fn from_vp8(payload: &[u8]) -> Option<(Self, u16)> {
        let picture_id = u16::from_be_bytes([payload.get(2)? & 0x7f, *payload.get(3)?]);
        let at = payload.windows(MAGIC.len()).take(32).position(|window| window == MAGIC)?;
        Some((Self::read(&payload[at..])?, picture_id))
    }

    /// The content near the start of an encrypted payload, behind whatever stands there.
    pub fn find(payload: &[u8]) -> Option<Self> {
        let at = payload.windows(MAGIC.len()).take(32).position(|window| window == MAGIC)?;
        Self::read(&payload[at..])
    }

    /// Every content in some bytes: those of a picture put together, say.
    pub fn all_in(bytes: &[u8]) -> Vec<Self> {
        let mut found = Vec::new();
        let mut rest = bytes;
        while let Some(at) = rest.windows(MAGIC.len()).position(|window| window == MAGIC) {
            found.extend(Self::read(&rest[at..]));
            rest = &rest[at + MAGIC.len()..];
        }
        found
    }

    /// Appends what it says.
    pub(crate) fn write(&self, payload: &mut Vec<u8>) {
        payload.extend(MAGIC);
        payload.extend(self.track.participant.as_bytes());
        payload.push(source_number(self.track.source));
        payload.push(self.layer);
        payload.extend(self.frame.to_be_bytes());
        payload.extend([self.part, self.parts, u8::from(self.is_key)]);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..LENGTH)?.strip_prefix(&MAGIC)?;
        let (participant, rest) = bytes.split_first_chunk::<8>()?;
        let (&[source, layer], rest) = rest.split_first_chunk::<2>()?;
        let (frame, rest) = rest.split_first_chunk::<4>()?;
        let &[part, parts, is_key] = rest.first_chunk::<3>()?;
        let source = *TrackSource::ALL.get(usize::from(source))?;
        let track = TrackId { participant: ParticipantId::from_bytes(*participant), source };
        let frame = u32::from_be_bytes(*frame);
        Some(Self { track, layer, frame, part, parts, is_key: is_key == 1 })
    }
}

fn source_number(source: TrackSource) -> u8 {
    match source {
        TrackSource::Microphone => 0,
        TrackSource::Camera => 1,
        TrackSource::Screen => 2,
        TrackSource::ScreenAudio => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_comes_back_from_both_codecs() {
        for source in TrackSource::ALL {
            let track = TrackId { participant: ParticipantId::from_bytes([9; 8]), source };
            for (part, is_key) in [(0, true), (0, false), (1, true), (1, false)] {
                let content = Content { track, layer: 2, frame: 70_000, part, parts: 2, is_key };
                assert_eq!(Content::from_opus(&content.opus_payload(80)), Some(content));
                let payload = content.vp8_payload(0x7abc, Place::of(5), 900);
                assert_eq!(payload.len(), 900);
                assert_eq!(Content::from_vp8(&payload), Some((content, 0x7abc)));
            }
        }
    }
}
