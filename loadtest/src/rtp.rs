//! RTP headers (RFC 3550, RFC 8285) and the VP8 payload descriptor (RFC 7741): as much of them as
//! a participant needs.

/// Header extension ids of a connection; 0 means not negotiated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ExtensionIds {
    pub(crate) mid: u8,
    pub(crate) rid: u8,
    pub(crate) repaired_rid: u8,
    pub(crate) transport_cc: u8,
    pub(crate) audio_level: u8,
    pub(crate) capture_time: u8,
}

/// A received header, read where it lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header<'a> {
    pub(crate) marker: bool,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    /// Length with contributing sources and extensions.
    pub(crate) length: usize,
    has_padding: bool,
    extensions: &'a [u8],
}

impl<'a> Header<'a> {
    /// Reads the part that SRTP leaves in the clear.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let fixed: &[u8; FIXED] = bytes.first_chunk()?;
        if fixed[0] >> 6 != 2 {
            return None;
        }
        let mut length = FIXED + 4 * usize::from(fixed[0] & 0x0f);
        let mut extensions: &[u8] = &[];
        if fixed[0] & EXTENSION_BIT != 0 {
            let head = bytes.get(length..length + 4)?;
            let size = 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
            let content = bytes.get(length + 4..length + 4 + size)?;
            length += 4 + size;
            if head[..2] == ONE_BYTE_PROFILE {
                extensions = content;
            }
        }
        Some(Self {
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7f,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            length,
            has_padding: fixed[0] & PADDING_BIT != 0,
            extensions,
        })
    }

    /// The value of an extension in the one-byte form.
    pub(crate) fn extension(&self, id: u8) -> Option<&'a [u8]> {
        let mut rest = self.extensions;
        if id == 0 {
            return None;
        }
        while let [head, tail @ ..] = rest {
            if *head == 0 {
                rest = tail;
                continue;
            }
            let (value, tail) = tail.split_at_checked(usize::from(head & 0x0f) + 1)?;
            if head >> 4 == id {
                return Some(value);
            }
            rest = tail;
        }
        None
    }

    /// The payload of an opened packet, without padding.
    pub(crate) fn payload<'b>(&self, opened: &'b [u8]) -> &'b [u8] {
        let padding = match opened.last() {
            Some(count) if self.has_padding => usize::from(*count),
            _ => 0,
        };
        opened.get(self.length..opened.len().saturating_sub(padding)).unwrap_or_default()
    }
}

/// What a sender puts into a header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewHeader {
    pub(crate) payload_type: u8,
    pub(crate) marker: bool,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
}

impl NewHeader {
    /// Appends the header with extensions in the one-byte form; returns its length. Elements with
    /// id 0 are left out.
    pub(crate) fn write(&self, extensions: &[(u8, &[u8])], out: &mut Vec<u8>) -> usize {
        let start = out.len();
        let used = || extensions.iter().filter(|(id, value)| *id != 0 && !value.is_empty());
        let flags = if used().next().is_some() { EXTENSION_BIT } else { 0 };
        out.push(0x80 | flags);
        out.push(self.payload_type | if self.marker { 0x80 } else { 0 });
        out.extend(self.sequence.to_be_bytes());
        out.extend(self.timestamp.to_be_bytes());
        out.extend(self.ssrc.to_be_bytes());
        if flags != 0 {
            out.extend(ONE_BYTE_PROFILE);
            let length_at = out.len();
            out.extend([0, 0]);
            for (id, value) in used() {
                out.push(id << 4 | (value.len() as u8 - 1));
                out.extend(*value);
            }
            while !(out.len() - length_at - 2).is_multiple_of(4) {
                out.push(0);
            }
            let words = ((out.len() - length_at - 2) / 4) as u16;
            out[length_at..length_at + 2].copy_from_slice(&words.to_be_bytes());
        }
        out.len() - start
    }
}

/// What a VP8 payload says of its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Vp8 {
    /// First packet of a frame.
    pub(crate) starts_frame: bool,
    /// Of a first packet: a key frame, with the height of the picture.
    pub(crate) key_height: Option<u16>,
}

impl Vp8 {
    /// Reads a payload; `None` when it is none.
    pub(crate) fn parse(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        let frame = Self::frame(payload)?;
        let starts_frame = first & 0x17 == 0x10;
        // RFC 6386 section 9.1: frame tag, start code, then width and height of 14 bits each.
        let key_height = match frame {
            [tag, _, _, 0x9d, 0x01, 0x2a, _, _, low, high, ..] if starts_frame && tag & 1 == 0 => {
                Some(u16::from_le_bytes([*low, *high]) & 0x3fff)
            }
            _ => None,
        };
        Some(Self { starts_frame, key_height })
    }

    /// The part of a frame in a payload; `None` when it is none.
    pub(crate) fn frame(payload: &[u8]) -> Option<&[u8]> {
        let first = *payload.first()?;
        let mut at = 1;
        if first & 0x80 != 0 {
            let flags = *payload.get(1)?;
            at = 2;
            if flags & 0x80 != 0 {
                at += if payload.get(at)? & 0x80 != 0 { 2 } else { 1 };
            }
            at += usize::from(flags & 0x40 != 0) + usize::from(flags & 0x30 != 0);
        }
        payload.get(at..)
    }

    /// Appends the descriptor browsers write: picture id of 15 bits, TL0PICIDX, temporal layer.
    pub(crate) fn write(starts_frame: bool, picture_id: u16, tl0: u8, out: &mut Vec<u8>) {
        let [high, low] = picture_id.to_be_bytes();
        out.extend([0x80 | if starts_frame { 0x10 } else { 0 }, 0xe0, 0x80 | high, low, tl0, 0]);
    }
}

/// Redundant sound (RFC 2198): a frame, and the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Redundant<'a> {
    pub(crate) frame: &'a [u8],
    /// How long before, in ticks of the clock, and the frame.
    pub(crate) before: Option<(u32, &'a [u8])>,
}

impl<'a> Redundant<'a> {
    /// Reads a payload; of several earlier frames the last one. `None` when it is none.
    pub(crate) fn parse(payload: &'a [u8]) -> Option<Self> {
        let mut blocks = Vec::new();
        let mut rest = payload;
        while rest.first()? & 0x80 != 0 {
            let (head, tail) = rest.split_first_chunk::<4>()?;
            let word = u32::from_be_bytes(*head);
            blocks.push((word >> 10 & 0x3fff, (word & 0x3ff) as usize));
            rest = tail;
        }
        rest = &rest[1..];
        let mut before = None;
        for (ago, length) in blocks {
            let (block, tail) = rest.split_at_checked(length)?;
            before = Some((ago, block)).filter(|_| length > 0);
            rest = tail;
        }
        Some(Self { frame: rest, before })
    }

    /// Appends a payload; a frame that does not fit the few bits for its length or its age is
    /// left out.
    pub(crate) fn write(&self, payload_type: u8, out: &mut Vec<u8>) {
        let before = self.before.filter(|(ago, frame)| *ago < 1 << 14 && frame.len() < 1 << 10);
        if let Some((ago, frame)) = before {
            let word = 1 << 31 | u32::from(payload_type) << 24 | ago << 10 | frame.len() as u32;
            out.extend(word.to_be_bytes());
        }
        out.push(payload_type);
        out.extend_from_slice(before.map_or(&[][..], |(_, frame)| frame));
        out.extend_from_slice(self.frame);
    }
}

const FIXED: usize = 12;
const PADDING_BIT: u8 = 0x20;
const EXTENSION_BIT: u8 = 0x10;
const ONE_BYTE_PROFILE: [u8; 2] = [0xbe, 0xde];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_header_is_read_back() {
        let header =
            NewHeader { payload_type: 96, marker: true, sequence: 7, timestamp: 8, ssrc: 9 };
        let mut packet = Vec::new();
        let length = header.write(&[(1, b"12"), (0, b"left out"), (5, &[42])], &mut packet);
        packet.extend(b"payload");
        let read = Header::parse(&packet).unwrap();
        assert_eq!((read.length, read.marker), (length, true));
        assert_eq!((read.sequence, read.timestamp, read.ssrc), (7, 8, 9));
        assert_eq!(read.extension(1), Some(&b"12"[..]));
        assert_eq!(read.extension(5), Some(&[42][..]));
        assert_eq!((read.extension(2), read.extension(0)), (None, None));
        assert_eq!(read.payload(&packet), b"payload");
        for end in 0..length {
            assert!(Header::parse(&packet[..end]).is_none(), "cut to {end}");
        }
    }

    #[test]
    fn redundant_sound_is_read_back_and_broken_one_refused() {
        for before in [None, Some((960, &b"before"[..]))] {
            let redundant = Redundant { frame: b"now", before };
            let mut payload = Vec::new();
            redundant.write(111, &mut payload);
            assert_eq!(Redundant::parse(&payload), Some(redundant));
        }
        let mut late = Vec::new();
        Redundant { frame: b"now", before: Some((1 << 14, b"long ago")) }.write(111, &mut late);
        assert_eq!(late, b"\x6fnow");
        for broken in [&b""[..], b"\xef\0\0", b"\xef\x0f\0\xff\x6fx"] {
            assert_eq!(Redundant::parse(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn padding_is_no_payload() {
        let header =
            NewHeader { payload_type: 96, marker: false, sequence: 7, timestamp: 8, ssrc: 9 };
        let mut packet = Vec::new();
        header.write(&[], &mut packet);
        packet.extend([0, 0, 3]);
        packet[0] |= PADDING_BIT;
        assert_eq!(Header::parse(&packet).unwrap().payload(&packet), b"");
    }

    #[test]
    fn a_key_frame_tells_its_height() {
        let mut payload = Vec::new();
        Vp8::write(true, 300, 5, &mut payload);
        let tag = payload.len();
        payload.extend([0x10, 0, 0, 0x9d, 0x01, 0x2a, 0xc0, 0x03, 0x1c, 0x02, 9]);
        assert_eq!(Vp8::parse(&payload), Some(Vp8 { starts_frame: true, key_height: Some(540) }));
        payload[tag] |= 1;
        assert_eq!(Vp8::parse(&payload), Some(Vp8 { starts_frame: true, key_height: None }));
        assert_eq!(Vp8::parse(&[0x80]), None);
    }
}
