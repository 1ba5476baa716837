//! The VP9 payload descriptor (RFC 9628 section 4.2).

use super::picture_id::{PictureId, Places};
use super::{FrameInfo, PictureIds};

const HAS_PICTURE_ID: u8 = 0x80;
const INTER_PREDICTED: u8 = 0x40;
const HAS_LAYERS: u8 = 0x20;
const FLEXIBLE: u8 = 0x10;
const BEGINS_FRAME: u8 = 0x08;
const HAS_STRUCTURE: u8 = 0x02;
const MORE_REFERENCES: u8 = 0x01;
/// In the head of a scalability structure.
const HAS_SIZES: u8 = 0x10;
const HAS_PICTURE_GROUP: u8 = 0x08;

/// Where the parts of a descriptor lie.
struct Layout {
    numbers: Places,
    layers: Option<usize>,
    /// Length of the part up to the numbers.
    len: usize,
}

impl Layout {
    fn of(payload: &[u8]) -> Option<Self> {
        let flags = *payload.first()?;
        let mut layout = Self { numbers: Places::default(), layers: None, len: 0 };
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
        layout.len = len;
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

/// What of a payload is of the frame: behind references and scalability structure, too.
pub(super) fn content(payload: &[u8]) -> Option<&[u8]> {
    let flags = *payload.first()?;
    let mut rest = payload.get(Layout::of(payload)?.len..)?;
    if flags & FLEXIBLE != 0 && flags & INTER_PREDICTED != 0 {
        let more =
            rest.iter().take(MOST_REFERENCES).take_while(|byte| **byte & MORE_REFERENCES != 0);
        rest = rest.get(more.count() + 1..)?;
    }
    if flags & HAS_STRUCTURE != 0 {
        let (head, behind) = rest.split_first()?;
        rest = behind;
        if head & HAS_SIZES != 0 {
            rest = rest.get(4 * (usize::from(head >> 5) + 1)..)?;
        }
        if head & HAS_PICTURE_GROUP != 0 {
            let (count, behind) = rest.split_first()?;
            rest = behind;
            for _ in 0..*count {
                let (picture, behind) = rest.split_first()?;
                rest = behind.get(usize::from(picture >> 2 & 0x03)..)?;
            }
        }
    }
    (!rest.is_empty()).then_some(rest)
}

/// Whether the first byte of a frame of one spatial layer is in it.
pub(super) fn begins_frame(payload: &[u8]) -> bool {
    payload.first().is_some_and(|flags| flags & BEGINS_FRAME != 0)
}

pub(super) fn patch(payload: &mut [u8], ids: PictureIds) {
    if let Some(layout) = Layout::of(payload) {
        layout.numbers.write(payload, ids);
    }
}

/// References of one frame (RFC 9628 section 4.2, `P_DIFF`).
const MOST_REFERENCES: usize = 2;

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
    fn the_frame_stands_behind_references_and_structure() {
        for (payload, content) in [
            (&[0x88, 0x81, 0x02, 9, 8][..], Some(&[9, 8][..])),
            (&[0xa8, 0x11, 0x00, 5, 9], Some(&[9])),
            // Flexible and predicted: one reference, two, three.
            (&[0xf8, 0x11, 0x00, 0x02, 9], Some(&[9])),
            (&[0xf8, 0x11, 0x00, 0x03, 0x04, 9], Some(&[9])),
            (&[0xf8, 0x11, 0x00, 0x03, 0x05, 0x06, 9], Some(&[9])),
            // A structure: two layers with sizes, a group of two pictures with references.
            (
                &[0x8a, 0x11, 0x38, 1, 64, 0, 180, 2, 128, 1, 104, 2, 0x04, 1, 0x08, 1, 2, 9],
                Some(&[9]),
            ),
            (&[0x8a, 0x11, 0x18, 1, 64, 0], None),
            (&[0x8a, 0x11, 0x08, 200, 4], None),
            (&[0xf8, 0x11, 0x00, 0x03], None),
            (&[], None),
        ] {
            assert_eq!(super::content(payload), content, "{payload:x?}");
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
