//! What of frames that the participants encrypt for each other (SFrame, RFC 9605) stands in clear: a
//! header, from which this server reads nothing but the epoch of the key.
//!
//! A key id is 24 bits of context, leaf and epoch (4, 12 and 8). The context is the source, and for
//! whom it is: five sources, of which the first are data, each for everybody, for the sender's group,
//! or for the moderators.

use protocol::TrackSource;

use crate::codec::{self, CodecKind};
use crate::dependency::Mandatory;

/// The header of an encrypted frame (RFC 9605 section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Key id (KID).
    pub key_id: u64,
    /// Counter (CTR).
    pub counter: u64,
    /// Bytes of the header itself.
    pub len: usize,
}

impl Header {
    /// Reads the header at the start of some bytes. `None` when they end before it does, or a
    /// number stands there longer than it has to.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (config, rest) = bytes.split_first()?;
        let (key_id, rest) = read_number(config >> 4, rest)?;
        let (counter, rest) = read_number(config & 0x0f, rest)?;
        Some(Self { key_id, counter, len: bytes.len() - rest.len() })
    }

    /// The epoch of the key, modulo 256.
    pub fn epoch(&self) -> u8 {
        self.key_id as u8
    }

    /// Whether a frame of this source can have it.
    pub fn is_of(&self, source: TrackSource) -> bool {
        let number = match source {
            TrackSource::Microphone => 1,
            TrackSource::Camera => 2,
            TrackSource::Screen => 3,
            TrackSource::ScreenAudio => 4,
        };
        let context = self.key_id >> (LEAF_BITS + EPOCH_BITS);
        context < SOURCES * AUDIENCES && context % SOURCES == number
    }
}

/// What a packet of an encrypted room says of its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// No frame begins in it.
    No,
    /// A frame does, of this epoch modulo 256.
    Epoch(u8),
    /// A frame does that is not encrypted, or not for this source; or nobody can tell.
    InClear,
}

impl Start {
    /// Of a payload in the format of its codec.
    pub fn of(codec: CodecKind, source: TrackSource, payload: &[u8]) -> Self {
        let frame = match codec {
            CodecKind::Opus => Some(payload),
            CodecKind::Vp8 => match codec::inspect(codec, payload) {
                Some(info) if !info.starts_frame => return Self::No,
                Some(_) => codec::content(codec, payload).and_then(behind_prefix),
                None => None,
            },
            CodecKind::Vp9 if codec::begins_layer(payload) => codec::content(codec, payload),
            CodecKind::Vp9 if payload.is_empty() => None,
            CodecKind::Vp9 => return Self::No,
            // Their packets cannot be cut out of what nobody can read.
            CodecKind::Av1 | CodecKind::H264 => None,
        };
        frame.map_or(Self::InClear, |frame| Self::of_frame(source, frame))
    }

    /// Of a payload without any format, with its dependency descriptor.
    pub fn of_raw(source: TrackSource, payload: &[u8], descriptor: Option<&[u8]>) -> Self {
        match descriptor.map(Mandatory::parse) {
            Some(Ok(Mandatory { starts_frame: false, .. })) => Self::No,
            Some(Ok(_)) => Self::of_frame(source, payload),
            Some(Err(_)) | None => Self::InClear,
        }
    }

    fn of_frame(source: TrackSource, frame: &[u8]) -> Self {
        match Header::parse(frame).filter(|header| header.is_of(source)) {
            Some(header) if frame.len() > header.len => Self::Epoch(header.epoch()),
            Some(_) | None => Self::InClear,
        }
    }
}

/// What of a frame of VP8 is encrypted: its first bytes stay in clear, so that packets can be cut
/// without reading the rest; the lowest bit of all is clear where it is a key frame (RFC 6386 section
/// 9.1).
fn behind_prefix(frame: &[u8]) -> Option<&[u8]> {
    let is_key = frame.first()? & 1 == 0;
    frame.get(if is_key { KEY_FRAME_PREFIX } else { OTHER_FRAME_PREFIX }..)
}

/// A number of which three bits stand in the config byte, or their count of bytes behind it: more
/// than fits, in as few bytes as it takes.
fn read_number(head: u8, bytes: &[u8]) -> Option<(u64, &[u8])> {
    const IS_LONG: u8 = 0x08;
    let low = head & 0x07;
    if head & IS_LONG == 0 {
        return Some((low.into(), bytes));
    }
    let (digits, rest) = bytes.split_at_checked(usize::from(low) + 1)?;
    let value = digits.iter().fold(0, |value, digit| value << 8 | u64::from(*digit));
    (digits[0] != 0 && value > 7).then_some((value, rest))
}

const LEAF_BITS: u64 = 12;
const EPOCH_BITS: u64 = 8;
const SOURCES: u64 = 5;
const AUDIENCES: u64 = 3;

/// Bytes of a key frame of VP8 that stay in clear: tag, start code and sizes.
const KEY_FRAME_PREFIX: usize = 10;

/// Bytes of any other frame of VP8 that do: its tag.
const OTHER_FRAME_PREFIX: usize = 3;

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// The header as a sender writes it.
    fn written(key_id: u64, counter: u64) -> Vec<u8> {
        let mut bytes = vec![0];
        for (value, shift) in [(key_id, 4), (counter, 0)] {
            let digits = value.to_be_bytes();
            let digits = &digits[digits.iter().take_while(|digit| **digit == 0).count()..];
            let head = if value < 8 { value as u8 } else { 0x08 | (digits.len() as u8 - 1) };
            bytes[0] |= head << shift;
            bytes.extend_from_slice(if value < 8 { &[] } else { digits });
        }
        bytes
    }

    fn frame(context: u64, epoch: u8) -> Vec<u8> {
        let mut frame = written(context << 20 | 5 << 8 | u64::from(epoch), 300);
        frame.extend([0x5a; 30]);
        frame
    }

    #[test]
    fn headers_of_the_standard_are_read() {
        // RFC 9605 appendix C.2: keys and counters of some lengths.
        for (bytes, key_id, counter) in [
            (&[0x00][..], 0, 0),
            (&[0x07], 0, 7),
            (&[0x08, 0xff], 0, 0xff),
            (&[0x09, 0x01, 0x00], 0, 0x100),
            (&[0x71], 7, 1),
            (&[0x88, 0xff, 0x08], 0xff, 8),
            (&[0x9a, 0x01, 0x00, 0x01, 0x00, 0x00], 0x100, 0x1_0000),
            (
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0, 0],
                u64::MAX,
                1 << 56,
            ),
        ] {
            let expected = Header { key_id, counter, len: bytes.len() };
            let found = Header::parse(bytes);
            assert_eq!(found, Some(expected), "{bytes:x?}");
            assert!((0..bytes.len()).all(|len| Header::parse(&bytes[..len]).is_none()));
        }
        assert_eq!(Header::parse(&[0x80, 0x07]), None, "seven fits the config byte");
        assert_eq!(Header::parse(&[0x90, 0x00, 0x09]), None, "longer than it has to be");
    }

    #[test]
    fn sound_begins_with_every_packet() {
        let start = |payload: &[u8]| Start::of(CodecKind::Opus, TrackSource::Microphone, payload);
        for context in [1, 6, 11] {
            assert_eq!(start(&frame(context, 250)), Start::Epoch(250), "{context}");
        }
        for context in [0, 2, 3, 4, 5, 7, 15] {
            assert_eq!(start(&frame(context, 250)), Start::InClear, "{context}");
        }
        assert_eq!(start(&[0x78, 1, 2, 3, 4, 5, 6, 7, 8]), Start::InClear);
        assert_eq!(start(&frame(1, 250)[..6]), Start::InClear, "nothing behind the header");
        assert_eq!(start(&[]), Start::InClear);
    }

    #[test]
    fn pictures_of_vp8_begin_behind_their_prefix() {
        let start = |payload: &[u8]| Start::of(CodecKind::Vp8, TrackSource::Camera, payload);
        let key = [&[0x90, 0x80, 0x81, 0x02, 0x10][..], &[0; 9], &frame(2, 7)].concat();
        assert_eq!(start(&key), Start::Epoch(7));
        let other = [&[0x90, 0x80, 0x81, 0x02, 0x11][..], &[0; 2], &frame(7, 8)].concat();
        assert_eq!(start(&other), Start::Epoch(8));
        assert_eq!(start(&[0x80, 0x80, 0x81, 0x02, 0x11, 9]), Start::No);
        let clear = [&[0x90, 0x80, 0x81, 0x02, 0x10][..], &[0x9d; 40]].concat();
        assert_eq!(start(&clear), Start::InClear);
        assert_eq!(start(&key[..14]), Start::InClear, "cut within the prefix");
        assert_eq!(start(&[0x90, 0x80]), Start::InClear, "cut within the descriptor");
        assert_eq!(start(&[]), Start::InClear);
    }

    #[test]
    fn pictures_of_vp9_begin_behind_their_descriptor() {
        let start = |payload: &[u8]| Start::of(CodecKind::Vp9, TrackSource::Screen, payload);
        assert_eq!(start(&[&[0x88, 0x81, 0x02][..], &frame(3, 9)].concat()), Start::Epoch(9));
        let second_layer = [&[0xa8, 0x11, 0x02, 5][..], &frame(8, 1)].concat();
        assert_eq!(start(&second_layer), Start::Epoch(1));
        assert_eq!(start(&[0x80, 0x81, 0x02, 9]), Start::No);
        assert_eq!(start(&[&[0x88, 0x81, 0x02][..], &[0x82; 40]].concat()), Start::InClear);
        assert_eq!(start(&[0x88, 0x81, 0x02]), Start::InClear);
        assert_eq!(start(&[]), Start::InClear);
    }

    #[test]
    fn raw_pictures_begin_where_their_descriptor_says_so() {
        let start = |payload: &[u8], descriptor: Option<&[u8]>| {
            Start::of_raw(TrackSource::Camera, payload, descriptor)
        };
        assert_eq!(start(&frame(2, 3), Some(&[0x80, 0, 1])), Start::Epoch(3));
        assert_eq!(start(&frame(2, 3), Some(&[0x40, 0, 1])), Start::No);
        assert_eq!(start(&frame(1, 3), Some(&[0x80, 0, 1])), Start::InClear);
        assert_eq!(start(&frame(2, 3), Some(&[0x80, 0])), Start::InClear);
        assert_eq!(start(&frame(2, 3), None), Start::InClear);
        assert_eq!(Start::of(CodecKind::Av1, TrackSource::Camera, &frame(2, 3)), Start::InClear);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(key_id: u64, counter: u64, shift in 0..64_u32, behind: u8) {
            let (key_id, counter) = (key_id >> shift, counter >> (63 - shift));
            let mut bytes = written(key_id, counter);
            let len = bytes.len();
            bytes.push(behind);
            prop_assert_eq!(Header::parse(&bytes), Some(Header { key_id, counter, len }));
        }

        #[test]
        fn no_bytes_panic(bytes in vec(any::<u8>(), 0..40), descriptor in vec(any::<u8>(), 0..6)) {
            for source in TrackSource::ALL {
                for codec in CodecKind::ALL {
                    let _ = Start::of(codec, source, &bytes);
                }
                let _ = Start::of_raw(source, &bytes, Some(&descriptor));
            }
            if let Some(header) = Header::parse(&bytes) {
                prop_assert!(header.len <= bytes.len());
            }
        }
    }
}
