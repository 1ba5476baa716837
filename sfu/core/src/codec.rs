//! What a media payload says about itself before its frame begins: codecs and their payload
//! descriptors. Nothing here decodes a frame; at most its first header byte is looked at, and
//! only the descriptor is ever changed.

mod picture_id;
pub(crate) mod red;
mod vp8;
mod vp9;

use crate::command::Frames;

/// A codec this server forwards. It decodes none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CodecKind {
    /// Sound (RFC 7587).
    Opus,
    /// Picture (RFC 7741).
    Vp8,
    /// Picture (RFC 9628), profile 0.
    Vp9,
    /// Picture (AV1 RTP specification 1.0), profile 0.
    Av1,
    /// Picture (RFC 6184), baseline, packetization mode 1.
    H264,
}

impl CodecKind {
    /// Every codec in the order of preference written into answers.
    pub const ALL: [Self; 5] = [Self::Opus, Self::Vp8, Self::Vp9, Self::Av1, Self::H264];

    /// Ticks of the RTP timestamp per second.
    pub const fn clock_rate(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::Vp8 | Self::Vp9 | Self::Av1 | Self::H264 => 90_000,
        }
    }

    /// True for pictures, false for sound.
    pub const fn is_video(self) -> bool {
        !matches!(self, Self::Opus)
    }
}

/// Some of the codecs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodecSet(u8);

impl CodecSet {
    /// Every codec.
    pub const ALL: Self = Self(u8::MAX);

    /// Those that occur here.
    pub fn of(kinds: impl IntoIterator<Item = CodecKind>) -> Self {
        Self(kinds.into_iter().fold(0, |bits, kind| bits | 1 << kind as u8))
    }

    /// Whether this codec is among them.
    pub fn contains(self, kind: CodecKind) -> bool {
        self.0 & 1 << kind as u8 != 0
    }

    /// Those that are in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// What one packet's payload says about the frame it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct FrameInfo {
    /// The packet begins a frame. For AV1, which only tells where units of a frame begin, it
    /// begins one or may do so.
    pub starts_frame: bool,
    /// The packet begins a frame that needs no earlier one: a subscription may start or switch
    /// here. True for every packet of sound.
    pub starts_key_frame: bool,
    /// Picture numbers of VP8 and VP9, to be kept continuous; empty for other codecs.
    pub pictures: PictureIds,
    /// Place among the temporal layers, where the payload says it.
    pub temporal: Option<TemporalId>,
}

/// Place of a frame among the temporal layers of its encoding. Frames of a layer need none of a
/// higher one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TemporalId {
    /// The layer, from 0.
    pub layer: u8,
    /// The frame needs only frames of the lowest layer: a receiver that had lower layers only may
    /// get this one from here on.
    pub is_sync: bool,
}

/// Numbers in a payload descriptor that count pictures (RFC 7741 section 4.2, RFC 9628 section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct PictureIds {
    /// PictureID, modulo 2^15 or, where the sender writes the short form, 2^7.
    pub picture_id: Option<u16>,
    /// TL0PICIDX: counts the pictures of the lowest temporal layer.
    pub tl0_picture_index: Option<u8>,
}

/// Reads the payload's descriptor. `None` when the payload is too short for what it announces or
/// uses a packetization that was not negotiated.
pub fn inspect(kind: CodecKind, payload: &[u8]) -> Option<FrameInfo> {
    match kind {
        CodecKind::Opus => (!payload.is_empty()).then_some(FrameInfo {
            starts_frame: true,
            starts_key_frame: true,
            ..FrameInfo::default()
        }),
        CodecKind::Vp8 => vp8::inspect(payload),
        CodecKind::Vp9 => vp9::inspect(payload),
        CodecKind::Av1 => inspect_av1(payload),
        CodecKind::H264 => inspect_h264(payload),
    }
}

/// What [`inspect`] reads of a payload in a room of such frames: nothing of raw pictures, which are
/// whatever the participants made of them.
pub fn inspect_as(frames: Frames, kind: CodecKind, payload: &[u8]) -> Option<FrameInfo> {
    if frames == Frames::Raw && kind.is_video() {
        return (!payload.is_empty()).then(FrameInfo::default);
    }
    inspect(kind, payload)
}

/// What of a payload is of the encoded frame. `None` as in [`inspect`]. Of AV1 it is the whole
/// payload, whose header says how its units hang together.
pub fn content(kind: CodecKind, payload: &[u8]) -> Option<&[u8]> {
    match kind {
        CodecKind::Vp8 => vp8::content(payload),
        CodecKind::Vp9 => vp9::content(payload),
        CodecKind::Opus | CodecKind::Av1 | CodecKind::H264 => {
            (!payload.is_empty()).then_some(payload)
        }
    }
}

/// Whether an encoded frame begins with a payload of VP9, of which one picture in layers has
/// several.
pub fn begins_layer(payload: &[u8]) -> bool {
    vp9::begins_frame(payload)
}

/// Writes picture numbers over those of a payload, each in the width it has there. Numbers that it
/// lacks are not added, and a payload of another codec stays as it is.
pub fn patch_picture_ids(kind: CodecKind, payload: &mut [u8], ids: PictureIds) {
    match kind {
        CodecKind::Vp8 => vp8::patch(payload, ids),
        CodecKind::Vp9 => vp9::patch(payload, ids),
        CodecKind::Opus | CodecKind::Av1 | CodecKind::H264 => {}
    }
}

/// AV1 RTP specification section 4.4: the aggregation header.
fn inspect_av1(payload: &[u8]) -> Option<FrameInfo> {
    const CONTINUES_UNIT: u8 = 0x80;
    const NEW_SEQUENCE: u8 = 0x08;
    let (header, _) = payload.split_first()?;
    Some(FrameInfo {
        starts_frame: header & CONTINUES_UNIT == 0,
        starts_key_frame: header & NEW_SEQUENCE != 0,
        ..FrameInfo::default()
    })
}

/// RFC 6184 sections 5.4 to 5.8: single unit, STAP-A and FU-A, as packetization mode 1 allows. A
/// key frame starts with its sequence parameters, or with the picture where they are left out.
fn inspect_h264(payload: &[u8]) -> Option<FrameInfo> {
    const TYPE_MASK: u8 = 0x1f;
    const STAP_A: u8 = 24;
    const FU_A: u8 = 28;
    let is_key_unit = |unit_type| matches!(unit_type, 5 | 7);
    let (header, body) = payload.split_first()?;
    let (starts_frame, starts_key_frame) = match header & TYPE_MASK {
        unit_type @ 1..=23 => (true, is_key_unit(unit_type)),
        STAP_A => {
            let mut units = body;
            let mut has_key_unit = false;
            while let [high, low, rest @ ..] = units {
                let len = usize::from(u16::from_be_bytes([*high, *low]));
                has_key_unit |= is_key_unit(rest.get(..len)?.first()? & TYPE_MASK);
                units = &rest[len..];
            }
            (true, has_key_unit)
        }
        FU_A => {
            let fragment = body.first()?;
            let is_first = fragment & 0x80 != 0;
            (is_first, is_first && is_key_unit(fragment & TYPE_MASK))
        }
        _ => return None,
    };
    Some(FrameInfo { starts_frame, starts_key_frame, ..FrameInfo::default() })
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn starts(kind: CodecKind, payload: &[u8]) -> Option<(bool, bool)> {
        inspect(kind, payload).map(|info| (info.starts_frame, info.starts_key_frame))
    }

    #[test]
    fn every_packet_of_sound_can_be_started_with() {
        assert_eq!(starts(CodecKind::Opus, &[0x78, 1]), Some((true, true)));
        assert_eq!(starts(CodecKind::Opus, &[]), None);
    }

    #[test]
    fn vp9_key_frames_start_where_nothing_is_predicted() {
        let vp9 = |payload: &[u8]| starts(CodecKind::Vp9, payload);
        assert_eq!(vp9(&[0x88, 0x81, 0x02, 9]), Some((true, true))); // 15-bit picture id
        assert_eq!(vp9(&[0x80, 0x81, 0x02, 9]), Some((false, false))); // middle of the frame
        assert_eq!(vp9(&[0xc8, 0x11, 9]), Some((true, false))); // predicted
        assert_eq!(vp9(&[0xa8, 0x11, 0x00, 5, 9]), Some((true, true))); // lowest spatial layer
        assert_eq!(vp9(&[0xa8, 0x11, 0x02, 5, 9]), Some((false, false))); // next spatial layer
        assert_eq!(vp9(&[0xa8, 0x11]), None);
        assert_eq!(vp9(&[0x88, 0x81]), None);
        assert_eq!(vp9(&[]), None);
    }

    #[test]
    fn av1_key_frames_start_a_sequence() {
        let av1 = |payload: &[u8]| starts(CodecKind::Av1, payload);
        assert_eq!(av1(&[0x18, 0x0a]), Some((true, true)));
        assert_eq!(av1(&[0x10, 0x32]), Some((true, false)));
        assert_eq!(av1(&[0x90, 0x32]), Some((false, false)));
        assert_eq!(av1(&[]), None);
    }

    #[test]
    fn h264_key_frames_are_found_in_every_packetization() {
        let h264 = |payload: &[u8]| starts(CodecKind::H264, payload);
        assert_eq!(h264(&[0x67, 0x42]), Some((true, true))); // sequence parameters
        assert_eq!(h264(&[0x65, 0x88]), Some((true, true))); // whole key picture
        assert_eq!(h264(&[0x41, 0x9a]), Some((true, false))); // whole other picture
        let parameters = [0x78, 0, 2, 0x67, 0x42, 0, 1, 0x68];
        assert_eq!(h264(&parameters), Some((true, true)));
        assert_eq!(h264(&[0x78, 0, 2, 0x61, 0x42, 0, 1, 0x06]), Some((true, false)));
        assert_eq!(h264(&[0x7c, 0x85, 1]), Some((true, true))); // first part of a key picture
        assert_eq!(h264(&[0x7c, 0x05, 1]), Some((false, false))); // a later part
        assert_eq!(h264(&[0x7c, 0x81, 1]), Some((true, false)));
        assert_eq!(h264(&[0x78, 0, 9, 0x67]), None);
        assert_eq!(h264(&[0x7c]), None);
        assert_eq!(h264(&[0x79, 0]), None); // STAP-B was not negotiated
        assert_eq!(h264(&[]), None);
    }

    proptest! {
        #[test]
        fn no_payload_panics(mut payload in vec(any::<u8>(), 0..40), id: u16, index: u8) {
            for kind in CodecKind::ALL {
                let _ = inspect(kind, &payload);
                let _ = content(kind, &payload);
            }
            let ids = PictureIds { picture_id: Some(id), tl0_picture_index: Some(index) };
            for kind in CodecKind::ALL {
                patch_picture_ids(kind, &mut payload, ids);
            }
        }
    }
}
