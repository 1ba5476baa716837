//! Pictures as they stand in a file, from the payloads they came in; and what a key frame tells of
//! what follows. Nothing is decoded beyond a frame's own head.

use sfu_core::Frames;
use sfu_core::codec::{CodecKind, begins_layer, content};

use super::av1;
use super::h264;

/// A frame put together from payloads in order. `None` when they are no frame of the codec.
pub fn assemble<'a>(codec: CodecKind, payloads: impl Iterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
    let frame = match codec {
        CodecKind::Opus | CodecKind::Vp8 => join(codec, Frames::Clear, payloads)?,
        CodecKind::Vp9 => layers_of_vp9(payloads)?,
        CodecKind::Av1 => av1::temporal_unit(payloads)?,
        CodecKind::H264 => h264::access_unit(payloads)?,
    };
    (!frame.is_empty()).then_some(frame)
}

/// What stands behind the payload descriptors, one behind the other: nothing of a frame that its
/// sender has encrypted is read or added to. `None` when a payload ends before its descriptor.
pub(crate) fn join<'a>(
    codec: CodecKind,
    frames: Frames,
    payloads: impl Iterator<Item = &'a [u8]>,
) -> Option<Vec<u8>> {
    let has_descriptor = frames != Frames::Raw;
    let mut frame = Vec::new();
    for payload in payloads {
        frame.extend_from_slice(if has_descriptor { content(codec, payload)? } else { payload });
    }
    Some(frame)
}

/// What the head of a file needs of the first key frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Width and height in pixels, as far as they can be read.
    pub size: Option<(u16, u16)>,
    /// What decoders have to know before the first frame.
    pub private: Vec<u8>,
}

/// What can be said of a key frame that its sender has encrypted: of VP8 the sizes stay in clear.
pub(crate) fn describe_encrypted(
    codec: CodecKind,
    frames: Frames,
    key_frame: &[u8],
) -> Description {
    let is_legible = codec == CodecKind::Vp8 && frames == Frames::Plain;
    let size = is_legible.then(|| size_of_vp8(key_frame)).flatten();
    Description { size, private: Vec::new() }
}

/// Reads it. `None` when the frame is no key frame of the codec.
pub fn describe(codec: CodecKind, key_frame: &[u8]) -> Option<Description> {
    let plain = |size| Description { size: Some(size), private: Vec::new() };
    match codec {
        CodecKind::Opus => None,
        CodecKind::Vp8 => size_of_vp8(key_frame).map(plain),
        CodecKind::Vp9 => size_of_vp9(key_frame).map(plain),
        CodecKind::Av1 => av1::describe(key_frame),
        CodecKind::H264 => h264::describe(key_frame),
    }
}

/// RFC 6386 section 9.1: three bytes of tag, a start code, and two sizes with their scaling.
fn size_of_vp8(frame: &[u8]) -> Option<(u16, u16)> {
    match frame {
        [tag, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1, ..] if tag & 1 == 0 => {
            let size = |low: &u8, high: &u8| u16::from_le_bytes([*low, *high]) & 0x3fff;
            Some((size(w0, w1), size(h0, h1)))
        }
        _ => None,
    }
}

/// VP9 bitstream specification section 6.2, of a key frame of profile 0.
fn size_of_vp9(frame: &[u8]) -> Option<(u16, u16)> {
    let mut bits = Bits::new(frame);
    let marker = bits.take(2)?;
    let profile = bits.take(2)?;
    let shows_existing = bits.take(1)?;
    let is_inter = bits.take(1)?;
    if marker != 2 || profile != 0 || shows_existing != 0 || is_inter != 0 {
        return None;
    }
    bits.take(2)?;
    if bits.take(24)? != 0x49_8342 {
        return None;
    }
    const RGB: u32 = 7;
    if bits.take(3)? == RGB {
        return None;
    }
    bits.take(1)?;
    let width = bits.take(16)?.checked_add(1)?;
    let height = bits.take(16)?.checked_add(1)?;
    Some((u16::try_from(width).ok()?, u16::try_from(height).ok()?))
}

/// The layers of one picture one behind the other, with the index that tells decoders where each
/// begins (VP9 bitstream specification, annex B).
fn layers_of_vp9<'a>(payloads: impl Iterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
    let mut frame = Vec::new();
    let mut starts = Vec::new();
    for payload in payloads {
        if begins_layer(payload) {
            starts.push(frame.len());
        }
        frame.extend_from_slice(content(CodecKind::Vp9, payload)?);
    }
    if starts.first() != Some(&0) || starts.len() > MOST_LAYERS {
        return None;
    }
    if starts.len() > 1 {
        let marker = 0xc0 | (SIZE_BYTES as u8 - 1) << 3 | (starts.len() as u8 - 1);
        let ends = starts.iter().skip(1).copied().chain([frame.len()]).collect::<Vec<_>>();
        frame.push(marker);
        for (start, end) in starts.iter().zip(ends) {
            frame.extend_from_slice(&u32::try_from(end - start).ok()?.to_le_bytes()[..SIZE_BYTES]);
        }
        frame.push(marker);
    }
    Some(frame)
}

/// Most frames an index can tell of.
const MOST_LAYERS: usize = 8;

/// Bytes of each size in the index: enough for the largest frame.
const SIZE_BYTES: usize = 4;

/// Reads bits from the highest of the first byte on.
pub(crate) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    /// From the first bit on.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next `count` bits, 32 at most.
    pub(crate) fn take(&mut self, count: usize) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    /// A number whose length its leading zeros tell (ue(v) of H.264, uvlc() of AV1).
    pub(crate) fn exponential(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.take(1)? == 0 {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1_u32 << zeros) - 1 + self.take(zeros)?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_panic(
            payloads in vec(vec(any::<u8>(), 1..40), 1..6),
            begins in prop::option::of(prop::sample::select(vec![
                &[0x0a_u8, 0x30][..], &[0, 0, 0, 30, 0x67], &[0x82, 0x49, 0x83, 0x42], &[0x18, 0x0a],
                &[0x7c, 0x85], &[0x78, 0, 9, 0x67], &[0x10, 0x9d, 0x01, 0x2a],
            ])),
        ) {
            let mut payloads = payloads;
            if let Some(begins) = begins {
                payloads[0].splice(0..0, begins.iter().copied());
            }
            for codec in CodecKind::ALL {
                let frame = assemble(codec, payloads.iter().map(|payload| &payload[..]));
                for bytes in frame.iter().chain(&payloads) {
                    let _ = describe(codec, bytes);
                }
            }
        }
    }

    #[test]
    fn a_picture_of_vp8_is_what_stands_behind_the_descriptors() {
        let first = [0x90, 0x80, 0x05, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00, 7];
        let second = [0x80, 0x80, 0x05, 8, 9];
        let frame = assemble(CodecKind::Vp8, [&first[..], &second[..]].into_iter()).unwrap();
        assert_eq!(frame, [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00, 7, 8, 9]);
        assert_eq!(describe(CodecKind::Vp8, &frame).and_then(|known| known.size), Some((320, 180)));
        assert_eq!(describe(CodecKind::Vp8, &[0x11; 20]), None);
        assert_eq!(assemble(CodecKind::Vp8, [&first[..3]].into_iter()), None);
    }

    #[test]
    fn of_an_encrypted_picture_the_size_is_known_where_it_stays_in_clear() {
        let prefix = [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00, 0xa2, 9];
        let size = |codec, frames| describe_encrypted(codec, frames, &prefix).size;
        assert_eq!(size(CodecKind::Vp8, Frames::Plain), Some((320, 180)));
        for codec in [CodecKind::Vp8, CodecKind::Vp9, CodecKind::Av1, CodecKind::H264] {
            assert_eq!(size(codec, Frames::Raw), None, "{codec:?}");
        }
        assert_eq!(size(CodecKind::Vp9, Frames::Plain), None);
    }

    #[test]
    fn layers_of_vp9_get_an_index_and_one_layer_none() {
        let begin = |byte| [0x08, byte, byte];
        let one = assemble(CodecKind::Vp9, [&begin(1)[..], &[0x00, 5]].into_iter());
        assert_eq!(one, Some(vec![1, 1, 5]));
        let two = assemble(CodecKind::Vp9, [&begin(1)[..], &[0x00, 5], &begin(2)].into_iter());
        let index = [0xd9, 3, 0, 0, 0, 2, 0, 0, 0, 0xd9];
        assert_eq!(two, Some([&[1, 1, 5, 2, 2][..], &index].concat()));
        assert_eq!(assemble(CodecKind::Vp9, [&[0x00, 5][..]].into_iter()), None);
    }

    #[test]
    fn the_size_of_vp9_is_read_bit_by_bit() {
        // Marker and profile; sync code; colours; 1279 and 719, each in 16 bits.
        let frame = [0x82, 0x49, 0x83, 0x42, 0x20, 0x4f, 0xf0, 0x2c, 0xf0, 0];
        assert_eq!(
            describe(CodecKind::Vp9, &frame).and_then(|known| known.size),
            Some((1_280, 720))
        );
        for len in 0..9 {
            assert_eq!(describe(CodecKind::Vp9, &frame[..len]), None);
        }
        assert_eq!(describe(CodecKind::Vp9, &[0x86; 20]), None, "no key frame");
    }

    #[test]
    fn numbers_of_their_own_length_are_read() {
        let mut bits = Bits::new(&[0b1010_0110, 0b0100_0001, 0b0100_0000]);
        let read: Vec<_> = std::iter::from_fn(|| bits.exponential()).take(5).collect();
        assert_eq!(read, [0, 1, 2, 3, 9]);
        assert_eq!(bits.exponential(), None);
    }
}
