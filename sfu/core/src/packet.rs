//! RTP packets in place: a view that reads one without copying (RFC 3550, RFC 8285), a writer of
//! fresh headers, and the retransmission payload format (RTX, RFC 4588).

use std::ops::Range;

use thiserror::Error;

/// Bytes of the fixed header (RFC 3550 section 5.1).
pub const FIXED_HEADER_BYTES: usize = 12;

/// Bytes RTX puts before the payload: the original sequence number (RFC 4588 section 4).
pub const RTX_PREFIX_BYTES: usize = 2;

/// Why bytes are not an RTP packet, or a header cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PacketError {
    /// The bytes end before the header does.
    #[error("packet shorter than its header")]
    TooShort,
    /// The version bits are not 2.
    #[error("not RTP version 2")]
    Version,
    /// The padding count is zero or longer than what follows the header.
    #[error("padding count out of range")]
    Padding,
    /// The output has no room for the header.
    #[error("no room for the header")]
    NoRoom,
    /// A header extension has an id or a length that cannot be written.
    #[error("header extension cannot be written")]
    Extension,
}

/// One RTP packet, read where it lies. Copying the view copies no packet.
#[derive(Clone, Copy, Debug)]
pub struct RtpView<'a> {
    bytes: &'a [u8],
    extension_profile: u16,
    extension_start: usize,
    header_len: usize,
    padding_len: usize,
}

impl<'a> RtpView<'a> {
    /// Reads a plain (decrypted) packet.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, PacketError> {
        let mut view = Self::parse_header(bytes)?;
        if bytes[0] & PADDING_BIT != 0 {
            let count = usize::from(bytes[bytes.len() - 1]);
            if count == 0 || count > bytes.len() - view.header_len {
                return Err(PacketError::Padding);
            }
            view.padding_len = count;
        }
        Ok(view)
    }

    /// Reads only the header, which SRTP leaves in the clear (RFC 3711 section 3.1). The payload
    /// then runs to the end of the bytes and padding is not looked for.
    pub fn parse_header(bytes: &'a [u8]) -> Result<Self, PacketError> {
        if bytes.len() < FIXED_HEADER_BYTES {
            return Err(PacketError::TooShort);
        }
        if bytes[0] >> 6 != VERSION {
            return Err(PacketError::Version);
        }
        let mut header_len = FIXED_HEADER_BYTES + 4 * usize::from(bytes[0] & CSRC_COUNT_MASK);
        let mut extension_profile = 0;
        let mut extension_start = header_len;
        if bytes[0] & EXTENSION_BIT != 0 {
            let head = bytes.get(header_len..header_len + 4).ok_or(PacketError::TooShort)?;
            extension_profile = u16::from_be_bytes([head[0], head[1]]);
            extension_start = header_len + 4;
            header_len = extension_start + 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
        }
        if bytes.len() < header_len {
            return Err(PacketError::TooShort);
        }
        Ok(Self { bytes, extension_profile, extension_start, header_len, padding_len: 0 })
    }

    /// Synchronisation source.
    pub fn ssrc(&self) -> u32 {
        u32::from_be_bytes([self.bytes[8], self.bytes[9], self.bytes[10], self.bytes[11]])
    }

    /// Sequence number, modulo 2^16.
    pub fn sequence(&self) -> u16 {
        u16::from_be_bytes([self.bytes[2], self.bytes[3]])
    }

    /// Timestamp in units of the codec's clock, modulo 2^32.
    pub fn timestamp(&self) -> u32 {
        u32::from_be_bytes([self.bytes[4], self.bytes[5], self.bytes[6], self.bytes[7]])
    }

    /// Marker bit: last packet of a picture, or first of a talk spurt.
    pub fn marker(&self) -> bool {
        self.bytes[1] & MARKER_BIT != 0
    }

    /// Payload type, 0 to 127.
    pub fn payload_type(&self) -> u8 {
        self.bytes[1] & !MARKER_BIT
    }

    /// Length of the header with contributing sources and extensions, in bytes.
    pub fn header_len(&self) -> usize {
        self.header_len
    }

    /// Where the payload lies in the packet, padding excluded.
    pub fn payload_range(&self) -> Range<usize> {
        self.header_len..self.bytes.len() - self.padding_len
    }

    /// The payload, padding excluded.
    pub fn payload(&self) -> &'a [u8] {
        &self.bytes[self.payload_range()]
    }

    /// Bytes of padding at the end, its count byte included.
    pub fn padding_len(&self) -> usize {
        self.padding_len
    }

    /// True when the packet carries nothing but padding: a bandwidth probe, never forwarded.
    pub fn is_padding_only(&self) -> bool {
        self.payload_range().is_empty()
    }

    /// Value of the first header extension element with this id (RFC 8285), in the one-byte or
    /// the two-byte form. Broken elements end the search.
    pub fn extension(&self, id: u8) -> Option<&'a [u8]> {
        self.extensions().find(|element| element.id == id).map(|element| element.value)
    }

    /// Every header extension element, in order. Broken elements end the walk.
    pub fn extensions(&self) -> Extensions<'a> {
        let form = match self.extension_profile {
            ONE_BYTE_PROFILE => Form::OneByte,
            profile if profile & TWO_BYTE_MASK == TWO_BYTE_PROFILE => Form::TwoByte,
            _ => return Extensions { rest: &[], form: Form::OneByte },
        };
        Extensions { rest: &self.bytes[self.extension_start..self.header_len], form }
    }
}

/// One header extension element (RFC 8285).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// Negotiated id: 1 to 14, or up to 255 in the two-byte form.
    pub id: u8,
    /// Its value: 1 to 16 bytes, or 0 to 255 in the two-byte form.
    pub value: &'a [u8],
}

/// Walk over the header extension elements of one packet.
#[derive(Clone, Debug)]
pub struct Extensions<'a> {
    rest: &'a [u8],
    form: Form,
}

impl<'a> Iterator for Extensions<'a> {
    type Item = Extension<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        while let [0, tail @ ..] = self.rest {
            self.rest = tail;
        }
        let (id, len, tail) = match (self.form, self.rest) {
            (Form::OneByte, [head, tail @ ..]) => (head >> 4, usize::from(head & 0x0f) + 1, tail),
            (Form::TwoByte, [id, len, tail @ ..]) => (*id, usize::from(*len), tail),
            (Form::OneByte | Form::TwoByte, _) => return self.end(),
        };
        // RFC 8285 section 4.2: ids 0 (with a length) and 15 end the one-byte form.
        let is_reserved = self.form == Form::OneByte && (id == 0 || id == ONE_BYTE_RESERVED_ID);
        if is_reserved || tail.len() < len {
            return self.end();
        }
        let (value, rest) = tail.split_at(len);
        self.rest = rest;
        Some(Extension { id, value })
    }
}

impl<'a> Extensions<'a> {
    fn end(&mut self) -> Option<Extension<'a>> {
        self.rest = &[];
        None
    }
}

/// The fields of a fresh header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpHeader {
    /// Marker bit.
    pub marker: bool,
    /// Payload type; the highest bit is ignored.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
}

impl RtpHeader {
    /// Writes the header without contributing sources at the start of `out` and returns its
    /// length. Extensions go in the one-byte form where all of them fit it (ids 1 to 14, 1 to 16
    /// bytes), else in the two-byte form; without any the extension bit stays clear. On an error
    /// `out` may be partly written.
    pub fn write(
        &self,
        extensions: &[Extension<'_>],
        out: &mut [u8],
    ) -> Result<usize, PacketError> {
        let fixed = out.get_mut(..FIXED_HEADER_BYTES).ok_or(PacketError::NoRoom)?;
        fixed[0] = VERSION << 6 | if extensions.is_empty() { 0 } else { EXTENSION_BIT };
        fixed[1] = (self.payload_type & !MARKER_BIT) | if self.marker { MARKER_BIT } else { 0 };
        fixed[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        fixed[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        fixed[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        if extensions.is_empty() {
            return Ok(FIXED_HEADER_BYTES);
        }

        let (mut fits_one_byte, mut values_len) = (true, 0);
        for element in extensions {
            fits_one_byte &= (1..ONE_BYTE_RESERVED_ID).contains(&element.id)
                && (1..=16).contains(&element.value.len());
            values_len += element.value.len();
        }
        let form = if fits_one_byte { Form::OneByte } else { Form::TwoByte };
        let words = (values_len + extensions.len() * form.head_bytes()).div_ceil(4);
        let end = FIXED_HEADER_BYTES + 4 + 4 * words;
        let room = out.get_mut(FIXED_HEADER_BYTES..end).ok_or(PacketError::NoRoom)?;
        let words = u16::try_from(words).map_err(|_| PacketError::Extension)?;
        let profile = match form {
            Form::OneByte => ONE_BYTE_PROFILE,
            Form::TwoByte => TWO_BYTE_PROFILE,
        };
        // What the elements leave of the last word is padding.
        if let Some(last) = room.last_chunk_mut() {
            *last = [0; 4];
        }
        let (head, mut room) = room.split_at_mut(4);
        head[..2].copy_from_slice(&profile.to_be_bytes());
        head[2..].copy_from_slice(&words.to_be_bytes());
        for element in extensions {
            let len = u8::try_from(element.value.len()).map_err(|_| PacketError::Extension)?;
            let (place, rest) = room.split_at_mut(form.head_bytes() + element.value.len());
            let value = match (form, place) {
                (Form::OneByte, [head, value @ ..]) => {
                    *head = element.id << 4 | (len - 1);
                    value
                }
                (Form::TwoByte, [id, length, value @ ..]) if element.id != 0 => {
                    (*id, *length) = (element.id, len);
                    value
                }
                (Form::OneByte | Form::TwoByte, _) => return Err(PacketError::Extension),
            };
            value.copy_from_slice(element.value);
            room = rest;
        }
        Ok(end)
    }
}

/// Sequence number and payload that an RTX payload repeats (RFC 4588 section 4). `None` when it
/// repeats nothing: such packets are bandwidth probes.
pub fn rtx_original(payload: &[u8]) -> Option<(u16, &[u8])> {
    match payload {
        [high, low, original @ ..] if !original.is_empty() => {
            Some((u16::from_be_bytes([*high, *low]), original))
        }
        _ => None,
    }
}

/// Turns a plain RTX packet back into the packet it repeats, where it lies: the header moves two
/// bytes towards the payload and gets the original sequence number, payload type and source.
/// Header extensions stay those of the RTX packet. Returns the restored packet, or `None` when
/// the bytes are not RTP or repeat nothing.
pub fn restore_from_rtx(packet: &mut [u8], ssrc: u32, payload_type: u8) -> Option<&mut [u8]> {
    let view = RtpView::parse(packet).ok()?;
    let (sequence, _) = rtx_original(view.payload())?;
    let header_len = view.header_len();
    packet.copy_within(..header_len, RTX_PREFIX_BYTES);
    let packet = &mut packet[RTX_PREFIX_BYTES..];
    packet[1] = (packet[1] & MARKER_BIT) | (payload_type & !MARKER_BIT);
    packet[2..4].copy_from_slice(&sequence.to_be_bytes());
    packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
    Some(packet)
}

const VERSION: u8 = 2;
const PADDING_BIT: u8 = 0x20;
const EXTENSION_BIT: u8 = 0x10;
const CSRC_COUNT_MASK: u8 = 0x0f;
const MARKER_BIT: u8 = 0x80;
const ONE_BYTE_PROFILE: u16 = 0xbede;
const ONE_BYTE_RESERVED_ID: u8 = 15;
/// The lowest four bits of the two-byte profile are free for the application.
const TWO_BYTE_PROFILE: u16 = 0x1000;
const TWO_BYTE_MASK: u16 = 0xfff0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    OneByte,
    TwoByte,
}

impl Form {
    fn head_bytes(self) -> usize {
        match self {
            Self::OneByte => 1,
            Self::TwoByte => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use bytes::Bytes;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use rtc_shared::marshal::{Marshal, Unmarshal};

    use super::*;

    fn header() -> impl Strategy<Value = RtpHeader> {
        (any::<bool>(), 0..128u8, any::<u16>(), any::<u32>(), any::<u32>()).prop_map(
            |(marker, payload_type, sequence, timestamp, ssrc)| RtpHeader {
                marker,
                payload_type,
                sequence,
                timestamp,
                ssrc,
            },
        )
    }

    /// Elements with distinct ids, so that each can be found again.
    fn elements(
        ids: std::ops::Range<u8>,
        len: std::ops::Range<usize>,
    ) -> impl Strategy<Value = Vec<(u8, Vec<u8>)>> {
        proptest::collection::btree_map(ids, vec(any::<u8>(), len), 0..6)
            .prop_map(|map| map.into_iter().collect())
    }

    fn write(header: &RtpHeader, elements: &[(u8, Vec<u8>)], payload: &[u8]) -> Vec<u8> {
        let extensions: Vec<_> =
            elements.iter().map(|(id, value)| Extension { id: *id, value }).collect();
        let mut out = vec![0xaa; 2048];
        let len = header.write(&extensions, &mut out).unwrap();
        out.truncate(len);
        out.extend_from_slice(payload);
        out
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            header in header(),
            elements in prop_oneof![elements(1..15, 1..17), elements(1..255, 0..60)],
            payload in vec(any::<u8>(), 0..40),
        ) {
            let packet = write(&header, &elements, &payload);
            let view = RtpView::parse(&packet).unwrap();
            prop_assert_eq!(view.marker(), header.marker);
            prop_assert_eq!(view.payload_type(), header.payload_type);
            prop_assert_eq!(view.sequence(), header.sequence);
            prop_assert_eq!(view.timestamp(), header.timestamp);
            prop_assert_eq!(view.ssrc(), header.ssrc);
            prop_assert_eq!(view.payload(), &payload[..]);
            prop_assert_eq!(view.is_padding_only(), payload.is_empty());
            prop_assert_eq!(view.extensions().count(), elements.len());
            for (id, value) in &elements {
                prop_assert_eq!(view.extension(*id), Some(&value[..]));
            }
        }

        #[test]
        fn an_independent_parser_reads_the_same(
            header in header(),
            elements in prop_oneof![elements(1..15, 1..17), elements(1..255, 1..60)],
            payload in vec(any::<u8>(), 1..40),
        ) {
            let packet = write(&header, &elements, &payload);
            let oracle = rtc_rtp::Packet::unmarshal(&mut Bytes::from(packet)).unwrap();
            prop_assert_eq!(oracle.header.marker, header.marker);
            prop_assert_eq!(oracle.header.payload_type, header.payload_type);
            prop_assert_eq!(oracle.header.sequence_number, header.sequence);
            prop_assert_eq!(oracle.header.timestamp, header.timestamp);
            prop_assert_eq!(oracle.header.ssrc, header.ssrc);
            prop_assert_eq!(&oracle.payload[..], &payload[..]);
            for (id, value) in &elements {
                let found = oracle.header.get_extension(*id);
                prop_assert_eq!(found.as_deref(), Some(&value[..]));
            }
        }

        #[test]
        fn packets_of_an_independent_writer_are_read(
            header in header(),
            csrc in vec(any::<u32>(), 0..15),
            elements in elements(1..15, 1..17),
            payload in vec(any::<u8>(), 1..40),
        ) {
            let mut theirs = rtc_rtp::Header {
                version: 2,
                marker: header.marker,
                payload_type: header.payload_type,
                sequence_number: header.sequence,
                timestamp: header.timestamp,
                ssrc: header.ssrc,
                csrc,
                ..Default::default()
            };
            for (id, value) in &elements {
                theirs.set_extension(*id, Bytes::from(value.clone())).unwrap();
            }
            let mut packet = theirs.marshal().unwrap().to_vec();
            packet.extend_from_slice(&payload);
            let view = RtpView::parse(&packet).unwrap();
            prop_assert_eq!(view.sequence(), header.sequence);
            prop_assert_eq!(view.ssrc(), header.ssrc);
            prop_assert_eq!(view.payload(), &payload[..]);
            for (id, value) in &elements {
                prop_assert_eq!(view.extension(*id), Some(&value[..]));
            }
        }

        #[test]
        fn no_bytes_panic(mut bytes in vec(any::<u8>(), 0..80), looks_like_rtp: bool) {
            if looks_like_rtp && let Some(first) = bytes.first_mut() {
                *first = *first & 0x3f | 0x80;
            }
            if let Ok(view) = RtpView::parse(&bytes) {
                prop_assert!(view.payload().len() + view.padding_len() <= bytes.len());
                prop_assert!(view.extensions().map(|e| e.value.len()).sum::<usize>() < 80);
            }
            let mut copy = bytes.clone();
            restore_from_rtx(&mut copy, 1, 2);
        }

        #[test]
        fn a_repeated_packet_is_restored(
            header in header(),
            elements in elements(1..15, 1..17),
            payload in vec(any::<u8>(), 1..40),
            original: u16,
        ) {
            let repeated = [&original.to_be_bytes()[..], &payload].concat();
            let mut packet = write(&header, &elements, &repeated);
            let restored = restore_from_rtx(&mut packet, 7, 96).unwrap();
            let view = RtpView::parse(restored).unwrap();
            prop_assert_eq!((view.ssrc(), view.payload_type(), view.sequence()), (7, 96, original));
            prop_assert_eq!(view.timestamp(), header.timestamp);
            prop_assert_eq!(view.marker(), header.marker);
            prop_assert_eq!(view.payload(), &payload[..]);
            prop_assert_eq!(view.extensions().count(), elements.len());
        }
    }

    #[test]
    fn a_packet_that_crashed_other_parsers_is_only_read() {
        let bytes = STANDARD.decode("kGAAAQAAAAEAAAICvt4AAVD/yAB4eXo=").unwrap();
        let view = RtpView::parse(&bytes).unwrap();
        assert_eq!(view.extension(5), Some(&[0xff][..]));
        // The second element claims nine bytes where one is left.
        assert_eq!(view.extension(12), None);
        assert_eq!(view.payload(), b"xyz");
    }

    #[test]
    fn a_packet_of_nothing_but_padding_is_recognised() {
        let mut packet = write(
            &RtpHeader { marker: false, payload_type: 96, sequence: 1, timestamp: 2, ssrc: 3 },
            &[],
            &[0, 0, 0, 4],
        );
        packet[0] |= PADDING_BIT;
        let view = RtpView::parse(&packet).unwrap();
        assert!(view.is_padding_only());
        assert_eq!(view.padding_len(), 4);
        for count in [0, 5, 255] {
            packet[15] = count;
            assert_eq!(RtpView::parse(&packet).unwrap_err(), PacketError::Padding);
        }
    }

    #[test]
    fn truncated_and_foreign_packets_are_refused() {
        let header =
            RtpHeader { marker: true, payload_type: 111, sequence: 1, timestamp: 2, ssrc: 3 };
        let packet = write(&header, &[(1, vec![5; 9])], &[]);
        for len in 0..packet.len() {
            assert_eq!(RtpView::parse(&packet[..len]).unwrap_err(), PacketError::TooShort);
        }
        let foreign = [&[0x40], &packet[1..]].concat();
        assert_eq!(RtpView::parse(&foreign).unwrap_err(), PacketError::Version);
    }

    #[test]
    fn a_header_that_cannot_be_written_is_an_error() {
        let header =
            RtpHeader { marker: true, payload_type: 111, sequence: 1, timestamp: 2, ssrc: 3 };
        let element = Extension { id: 3, value: &[1, 2, 3] };
        for room in 0..20 {
            assert_eq!(header.write(&[element], &mut vec![0; room]), Err(PacketError::NoRoom));
        }
        assert_eq!(header.write(&[element], &mut [0; 20]), Ok(20));
        let long = Extension { id: 3, value: &[0; 256] };
        assert_eq!(header.write(&[long], &mut [0; 512]), Err(PacketError::Extension));
        let nameless = Extension { id: 0, value: &[0] };
        assert_eq!(header.write(&[nameless], &mut [0; 512]), Err(PacketError::Extension));
    }
}
