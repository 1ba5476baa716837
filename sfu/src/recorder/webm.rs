//! Writes WebM (the part of Matroska, RFC 9559, that browsers play; H.264, which WebM does not
//! know, as Matroska): a head of one track, and clusters that follow it.

use sfu_core::codec::CodecKind;

/// What the head says of the track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrackHead {
    /// In which codec.
    pub(crate) codec: CodecKind,
    /// Width and height of the first picture, in pixels; `None` of sound, and of a picture nobody
    /// here can read.
    pub(crate) size: Option<(u16, u16)>,
    /// What decoders have to know before the first frame.
    pub(crate) private: Vec<u8>,
}

/// Everything before the first cluster.
pub(crate) fn head(track: &TrackHead) -> Vec<u8> {
    let (doc_type, codec_id) = match track.codec {
        CodecKind::Opus => ("webm", "A_OPUS"),
        CodecKind::Vp8 => ("webm", "V_VP8"),
        CodecKind::Vp9 => ("webm", "V_VP9"),
        CodecKind::Av1 => ("webm", "V_AV1"),
        CodecKind::H264 => ("matroska", "V_MPEG4/ISO/AVC"),
    };
    let mut out = Vec::with_capacity(256);
    element(&mut out, 0x1a45_dfa3, |out| {
        unsigned(out, 0x4286, 1);
        unsigned(out, 0x42f7, 1);
        unsigned(out, 0x42f2, 4);
        unsigned(out, 0x42f3, 8);
        bytes(out, 0x4282, doc_type.as_bytes());
        unsigned(out, 0x4287, 4);
        unsigned(out, 0x4285, 2);
    });
    // The segment: nobody knows how long it will be.
    id(&mut out, 0x1853_8067);
    out.extend([0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    element(&mut out, 0x1549_a966, |out| {
        unsigned(out, 0x2a_d7b1, NANOSECONDS_PER_TICK);
        bytes(out, 0x4d80, APPLICATION);
        bytes(out, 0x5741, APPLICATION);
    });
    element(&mut out, 0x1654_ae6b, |out| {
        element(out, 0xae, |out| {
            unsigned(out, 0xd7, 1);
            unsigned(out, 0x73c5, 1);
            unsigned(out, 0x83, if track.codec.is_video() { 1 } else { 2 });
            unsigned(out, 0x9c, 0);
            bytes(out, 0x86, codec_id.as_bytes());
            if !track.private.is_empty() {
                bytes(out, 0x63a2, &track.private);
            }
            if track.codec.is_video() {
                let (width, height) = track.size.unwrap_or(UNKNOWN_SIZE);
                element(out, 0xe0, |out| {
                    unsigned(out, 0xb0, width.into());
                    unsigned(out, 0xba, height.into());
                });
            } else {
                unsigned(out, 0x56bb, OPUS_PRE_ROLL_NS);
                element(out, 0xe1, |out| {
                    bytes(out, 0xb5, &f64::from(CodecKind::Opus.clock_rate()).to_be_bytes());
                    unsigned(out, 0x9f, OPUS_CHANNELS.into());
                });
            }
        });
    });
    out
}

/// The format wants a size of every picture, and takes none of zero.
const UNKNOWN_SIZE: (u16, u16) = (1, 1);

/// What decoders have to know of Opus (RFC 7845 section 5.1).
pub(crate) fn opus_private() -> Vec<u8> {
    let mut private = b"OpusHead".to_vec();
    private.extend([1, OPUS_CHANNELS, 0, 0]);
    private.extend(CodecKind::Opus.clock_rate().to_le_bytes());
    private.extend([0, 0, 0]);
    private
}

/// Frames of a few seconds, of one track.
#[derive(Debug)]
pub(crate) struct Cluster {
    time: u64,
    blocks: Vec<u8>,
}

impl Cluster {
    /// An empty one that begins at this time, in milliseconds.
    pub(crate) fn new(time: u64) -> Self {
        Self { time, blocks: Vec::new() }
    }

    /// Bytes until now.
    pub(crate) fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Adds a frame. False when its time is too far from the cluster's for that.
    pub(crate) fn push(&mut self, time: u64, is_key: bool, frame: &[u8]) -> bool {
        let relative = time.checked_sub(self.time).and_then(|after| i16::try_from(after).ok());
        let Some(relative) = relative else {
            return false;
        };
        id(&mut self.blocks, 0xa3);
        size(&mut self.blocks, BLOCK_HEAD_BYTES + frame.len() as u64);
        self.blocks.push(0x81);
        self.blocks.extend(relative.to_be_bytes());
        self.blocks.push(if is_key { 0x80 } else { 0 });
        self.blocks.extend_from_slice(frame);
        true
    }

    /// Appends it, as it stands in the file.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut time = Vec::new();
        unsigned(&mut time, 0xe7, self.time);
        id(out, 0x1f43_b675);
        size(out, (time.len() + self.blocks.len()) as u64);
        out.extend(time);
        out.extend_from_slice(&self.blocks);
    }
}

/// Times are in milliseconds.
const NANOSECONDS_PER_TICK: u64 = 1_000_000;

const APPLICATION: &[u8] = "Préau".as_bytes();

/// Opus decoders find out by themselves whether sound is mono.
const OPUS_CHANNELS: u8 = 2;

/// What a player decodes before the place it jumps to (RFC 7845 section 4.6).
const OPUS_PRE_ROLL_NS: u64 = 80_000_000;

/// Track, time and flags of a block.
const BLOCK_HEAD_BYTES: u64 = 4;

fn element(out: &mut Vec<u8>, id: u32, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut content = Vec::new();
    fill(&mut content);
    bytes(out, id, &content);
}

fn bytes(out: &mut Vec<u8>, element: u32, content: &[u8]) {
    id(out, element);
    size(out, content.len() as u64);
    out.extend_from_slice(content);
}

fn unsigned(out: &mut Vec<u8>, element: u32, value: u64) {
    let all = value.to_be_bytes();
    let skipped = (value.leading_zeros() as usize / 8).min(all.len() - 1);
    bytes(out, element, &all[skipped..]);
}

/// Ids are written as they are known: their first bits say how long they are.
fn id(out: &mut Vec<u8>, id: u32) {
    let skipped = id.leading_zeros() as usize / 8;
    out.extend_from_slice(&id.to_be_bytes()[skipped..]);
}

/// A length in as few bytes as it takes (RFC 8794 section 4); all ones would mean unknown.
fn size(out: &mut Vec<u8>, value: u64) {
    let width = (1..8).find(|width| value < (1 << (7 * width)) - 1).unwrap_or(8);
    let marked = value | 1 << (7 * width);
    out.extend_from_slice(&marked.to_be_bytes()[8 - width..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_as_few_bytes_as_they_need_and_are_never_unknown() {
        let written = |value| {
            let mut out = Vec::new();
            size(&mut out, value);
            out
        };
        assert_eq!(written(0), [0x80]);
        assert_eq!(written(126), [0xfe]);
        assert_eq!(written(127), [0x40, 127], "0xff would be the unknown length");
        assert_eq!(written(16_382), [0x7f, 0xfe]);
        assert_eq!(written(16_383), [0x20, 0x3f, 0xff]);
        assert_eq!(written(1 << 20), [0x30, 0, 0]);
    }

    #[test]
    fn a_head_is_written_byte_for_byte() {
        let private = opus_private();
        assert_eq!(private.len(), 19);
        let head = head(&TrackHead { codec: CodecKind::Opus, size: None, private });
        assert!(head.starts_with(&[0x1a, 0x45, 0xdf, 0xa3, 0x9f, 0x42, 0x86, 0x81, 1]));
        let segment = [0x18, 0x53, 0x80, 0x67, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert!(head.windows(segment.len()).any(|window| window == segment));
        for part in [&b"\x42\x82\x84webm"[..], b"\x86\x86A_OPUS", b"\x63\xa2\x93OpusHead"] {
            assert!(head.windows(part.len()).any(|window| window == part), "{part:?}");
        }
    }

    #[test]
    fn clusters_hold_blocks_near_their_time() {
        let mut cluster = Cluster::new(70_000);
        assert!(cluster.push(70_000, true, b"key"));
        assert!(cluster.push(70_040, false, b"other"));
        assert!(!cluster.push(69_999, false, b"before"));
        assert!(!cluster.push(70_000 + 32_768, false, b"too late"));
        let mut out = Vec::new();
        cluster.write(&mut out);
        let expected = [
            &[0x1f, 0x43, 0xb6, 0x75, 0x99, 0xe7, 0x83, 0x01, 0x11, 0x70][..],
            &[0xa3, 0x87, 0x81, 0, 0, 0x80],
            b"key",
            &[0xa3, 0x89, 0x81, 0, 40, 0],
            b"other",
        ];
        assert_eq!(out, expected.concat());
    }
}
