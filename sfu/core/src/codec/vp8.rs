//! The VP8 payload descriptor (RFC 7741 section 4.2).

use super::picture_id::{PictureId, Places};
use super::{FrameInfo, PictureIds, TemporalId};

const EXTENDED: u8 = 0x80;
const BEGINS_PARTITION: u8 = 0x10;
const PARTITION_MASK: u8 = 0x07;
const HAS_PICTURE_ID: u8 = 0x80;
const HAS_TL0_PICTURE_INDEX: u8 = 0x40;
const HAS_TEMPORAL_LAYER: u8 = 0x20;
const HAS_KEY_INDEX: u8 = 0x10;
const LAYER_SYNC: u8 = 0x20;
/// Set in the first byte of every frame that is predicted from another (RFC 6386 section 9.1).
const INTER_FRAME: u8 = 0x01;

/// Where the parts of a descriptor lie.
struct Layout {
    numbers: Places,
    /// Where temporal layer, sync flag and key index stand, if the layer is told.
    temporal: Option<usize>,
    len: usize,
}

impl Layout {
    fn of(payload: &[u8]) -> Option<Self> {
        let mut layout = Self { numbers: Places::default(), temporal: None, len: 1 };
        if payload.first()? & EXTENDED != 0 {
            let flags = *payload.get(1)?;
            layout.len = 2;
            if flags & HAS_PICTURE_ID != 0 {
                let picture_id = PictureId::find(payload, layout.len)?;
                layout.numbers.picture_id = Some(picture_id);
                layout.len += picture_id.len();
            }
            if flags & HAS_TL0_PICTURE_INDEX != 0 {
                layout.numbers.tl0_picture_index = Some(layout.len);
                layout.len += 1;
            }
            if flags & (HAS_TEMPORAL_LAYER | HAS_KEY_INDEX) != 0 {
                layout.temporal = (flags & HAS_TEMPORAL_LAYER != 0).then_some(layout.len);
                layout.len += 1;
            }
        }
        // A descriptor without a byte of the frame behind it carries nothing.
        (payload.len() > layout.len).then_some(layout)
    }
}

pub(super) fn inspect(payload: &[u8]) -> Option<FrameInfo> {
    let layout = Layout::of(payload)?;
    let starts_frame = payload[0] & (BEGINS_PARTITION | PARTITION_MASK) == BEGINS_PARTITION;
    Some(FrameInfo {
        starts_frame,
        starts_key_frame: starts_frame && payload[layout.len] & INTER_FRAME == 0,
        pictures: layout.numbers.read(payload),
        temporal: layout.temporal.map(|at| TemporalId {
            layer: payload[at] >> 6,
            is_sync: payload[at] & LAYER_SYNC != 0,
        }),
    })
}

/// What of a payload is of the frame.
pub(super) fn content(payload: &[u8]) -> Option<&[u8]> {
    payload.get(Layout::of(payload)?.len..)
}

pub(super) fn patch(payload: &mut [u8], ids: PictureIds) {
    if let Some(layout) = Layout::of(payload) {
        layout.numbers.write(payload, ids);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use rtc_rtp::codec::vp8::Vp8Packet;
    use rtc_rtp::packetizer::Depacketizer;

    use super::super::{CodecKind, inspect, patch_picture_ids};
    use super::*;

    const FRAME: [u8; 4] = [0x10, 0x02, 0x00, 0x9d];

    /// A descriptor with the named parts, and the first bytes of a frame.
    fn payload(
        picture_id: Option<u16>,
        is_long: bool,
        index: Option<u8>,
        layer: Option<u8>,
    ) -> Vec<u8> {
        let mut flags = 0;
        let mut parts = Vec::new();
        if let Some(id) = picture_id {
            flags |= HAS_PICTURE_ID;
            if is_long {
                parts.extend_from_slice(&(id | 0x8000).to_be_bytes());
            } else {
                parts.push(id.to_be_bytes()[1] & 0x7f);
            }
        }
        if let Some(index) = index {
            flags |= HAS_TL0_PICTURE_INDEX;
            parts.push(index);
        }
        if let Some(layer) = layer {
            flags |= HAS_TEMPORAL_LAYER;
            parts.push(layer << 6);
        }
        let mut payload = vec![BEGINS_PARTITION];
        if flags != 0 {
            payload[0] |= EXTENDED;
            payload.push(flags);
        }
        payload.extend(parts);
        payload.extend(FRAME);
        payload
    }

    #[test]
    fn key_frames_start_in_the_first_partition() {
        let starts = |payload: &[u8]| {
            inspect(CodecKind::Vp8, payload).map(|i| (i.starts_frame, i.starts_key_frame))
        };
        assert_eq!(starts(&[0x10, 0x10]), Some((true, true)));
        assert_eq!(starts(&[0x10, 0x11]), Some((true, false)));
        assert_eq!(starts(&[0x00, 0x10]), Some((false, false)));
        assert_eq!(starts(&[0x11, 0x10]), Some((false, false)));
        assert_eq!(starts(&[0x90, 0x80, 0x81, 0x02, 0x10]), Some((true, true)));
    }

    #[test]
    fn descriptors_cut_short_are_refused() {
        let whole = payload(Some(300), true, Some(7), Some(1));
        for len in 0..=whole.len() - FRAME.len() {
            assert_eq!(inspect(CodecKind::Vp8, &whole[..len]), None, "{len}");
        }
    }

    proptest! {
        #[test]
        fn picture_numbers_are_read_and_replaced(
            picture_id in proptest::option::of(0..0x8000_u16),
            is_long: bool,
            index: Option<u8>,
            layer in proptest::option::of(0..3_u8),
            new_id in 0..0x8000_u16,
            new_index: u8,
        ) {
            let mut payload = payload(picture_id, is_long, index, layer);
            let width = if is_long { 0x7fff } else { 0x7f };
            let mut expected =
                PictureIds { picture_id: picture_id.map(|id| id & width), tl0_picture_index: index };
            let info = inspect(CodecKind::Vp8, &payload).unwrap();
            prop_assert_eq!(info.pictures, expected);
            let told = info.temporal.map(|id| (id.layer, id.is_sync));
            prop_assert_eq!(told, layer.map(|layer| (layer, false)));

            let before = payload.clone();
            let ids = PictureIds { picture_id: Some(new_id), tl0_picture_index: Some(new_index) };
            patch_picture_ids(CodecKind::Vp8, &mut payload, ids);
            expected.picture_id = expected.picture_id.map(|_| new_id & width);
            expected.tl0_picture_index = index.map(|_| new_index);
            prop_assert_eq!(inspect(CodecKind::Vp8, &payload).unwrap().pictures, expected);
            // The frame itself and the descriptor's length stay.
            prop_assert_eq!(payload.len(), before.len());

            let mut oracle = Vp8Packet::default();
            let frame = oracle.depacketize(&Bytes::from(payload)).unwrap();
            prop_assert_eq!(&frame[..], &FRAME[..]);
            prop_assert_eq!(oracle.picture_id, expected.picture_id.unwrap_or(0));
            prop_assert_eq!(oracle.tl0_pic_idx, expected.tl0_picture_index.unwrap_or(0));
        }
    }
}
