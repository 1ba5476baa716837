//! The VP9 payload descriptor (RFC 9628 section 4.2).

use super::picture_id::{PictureId, Places};
use super::{FrameInfo, PictureIds};

const HAS_PICTURE_ID: u8 = 0x80;
const INTER_PREDICTED: u8 = 0x40;
const HAS_LAYERS: u8 = 0x20;
const FLEXIBLE: u8 = 0x10;
const BEGINS_FRAME: u8 = 0x08;

/// Where the parts of a descriptor lie.
struct Layout {
    numbers: Places,
    layers: Option<usize>,
}

impl Layout {
    fn of(payload: &[u8]) -> Option<Self> {
        let flags = *payload.first()?;
        let mut layout = Self { numbers: Places::default(), layers: None };
        let mut len = 1;
        if flags & HAS_PICTURE_ID != 0 {
            let picture_id = PictureId::find(payload, len)?;
            layout.numbers.picture_id = Some(picture_id);
            len += picture_id.len();
        }
        if flags & HAS_LAYERS != 0 {
            layout.layers = Some(len);
            len += 1;
            if flags & FLEXIBLE == 0 {
                layout.numbers.tl0_picture_index = Some(len);
                len += 1;
            }
        }
        // A descriptor without a byte of the frame behind it carries nothing.
        (payload.len() > len).then_some(layout)
    }
}

/// A key frame starts where nothing is predicted from another picture, at the lowest spatial layer.
pub(super) fn inspect(payload: &[u8]) -> Option<FrameInfo> {
    let layout = Layout::of(payload)?;
    let spatial_layer = layout.layers.map_or(0, |at| payload[at] >> 1 & 0x07);
    let starts_frame = payload[0] & BEGINS_FRAME != 0 && spatial_layer == 0;
    Some(FrameInfo {
        starts_frame,
        starts_key_frame: starts_frame && payload[0] & INTER_PREDICTED == 0,
        pictures: layout.numbers.read(payload),
        temporal: None,
    })
}

pub(super) fn patch(payload: &mut [u8], ids: PictureIds) {
    if let Some(layout) = Layout::of(payload) {
        layout.numbers.write(payload, ids);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CodecKind, inspect, patch_picture_ids};
    use super::*;

    #[test]
    fn numbers_are_read_and_written_in_the_width_they_have() {
        for (payload, picture_id, tl0_picture_index, expected) in [
            (&[0x88, 0xc1, 0x02, 9][..], 0x4102, None, &[0x88, 0xff, 0x85, 9][..]),
            (&[0x88, 0x11, 9], 0x11, None, &[0x88, 0x05, 9]),
            (&[0xa8, 0x11, 0x00, 5, 9], 0x11, Some(5), &[0xa8, 0x05, 0x00, 77, 9]),
            (&[0xb8, 0x11, 0x00, 9, 9], 0x11, None, &[0xb8, 0x05, 0x00, 9, 9]),
        ] {
            let found = inspect(CodecKind::Vp9, payload).unwrap().pictures;
            assert_eq!(found, PictureIds { picture_id: Some(picture_id), tl0_picture_index });
            let mut patched = payload.to_vec();
            let ids = PictureIds { picture_id: Some(0x7f85), tl0_picture_index: Some(77) };
            patch_picture_ids(CodecKind::Vp9, &mut patched, ids);
            assert_eq!(patched, expected);
        }
    }

    #[test]
    fn what_has_no_numbers_or_no_frame_stays_as_it_is() {
        for payload in [&[0x08, 9][..], &[0x88, 0x81], &[0xa8, 0x11, 0x00, 5], &[]] {
            let mut patched = payload.to_vec();
            let ids = PictureIds { picture_id: Some(3), tl0_picture_index: Some(3) };
            patch_picture_ids(CodecKind::Vp9, &mut patched, ids);
            assert_eq!(patched, payload);
        }
    }
}
