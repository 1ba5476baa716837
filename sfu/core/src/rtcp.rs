//! RTCP: reads compound and reduced-size packets in place (RFC 3550, RFC 4585, RFC 5104,
//! RFC 5506) and appends the few kinds this server sends to a buffer. Neither allocates: readers
//! borrow from the datagram, and a buffer that is kept grows only once.

mod transport_feedback;
mod write;

use std::time::Duration;

use thiserror::Error;

pub use transport_feedback::{Arrivals, TransportFeedback};
pub(crate) use write::packet as write_packet;
pub use write::{
    MAX_BLOCKS, write_nack, write_picture_loss, write_receiver_report, write_sender_report,
};

/// Why bytes are not RTCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RtcpError {
    /// Nothing there, or less than a length announces.
    #[error("packet shorter than it announces")]
    TooShort,
    /// The version bits are not 2.
    #[error("not RTCP version 2")]
    Version,
    /// The padding count is out of range.
    #[error("padding count out of range")]
    Padding,
    /// The content contradicts itself.
    #[error("content contradicts itself")]
    Content,
}

/// One packet of a compound, of the kinds that matter here. All others are passed over.
#[derive(Clone, Copy, Debug)]
pub enum Rtcp<'a> {
    /// What a sender sent, and when (RFC 3550 section 6.4.1).
    SenderReport {
        /// Its source.
        ssrc: u32,
        /// Clock and counters.
        info: SenderInfo,
        /// What it received from us.
        blocks: Blocks<'a>,
    },
    /// What a receiver received (RFC 3550 section 6.4.2).
    ReceiverReport {
        /// The receiver's own source.
        ssrc: u32,
        /// One block for each source it hears.
        blocks: Blocks<'a>,
    },
    /// Packets to send again (RFC 4585 section 6.2.1).
    Nack {
        /// Whose packets.
        media_ssrc: u32,
        /// Their sequence numbers.
        lost: Lost<'a>,
    },
    /// Picture loss indication (RFC 4585 section 6.3.1) or full intra request (RFC 5104 section
    /// 4.3.1).
    KeyFrameRequest {
        /// Sources that shall send a key frame.
        media_ssrcs: KeyFrameSources<'a>,
    },
    /// Arrival times for congestion control.
    TransportFeedback(TransportFeedback<'a>),
    /// Sources that ended (RFC 3550 section 6.6).
    Goodbye {
        /// Which.
        ssrcs: Ssrcs<'a>,
    },
}

/// Reads a decrypted RTCP datagram. All of it is checked before the first packet is handed out.
pub fn parse(bytes: &[u8]) -> Result<Compound<'_>, RtcpError> {
    let mut rest = bytes;
    if rest.is_empty() {
        return Err(RtcpError::TooShort);
    }
    while !rest.is_empty() {
        read_packet(&mut rest)?;
    }
    Ok(Compound { rest: bytes })
}

/// The packets of one datagram, in order.
#[derive(Clone, Copy, Debug)]
pub struct Compound<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Compound<'a> {
    type Item = Rtcp<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            if let Some(packet) = read_packet(&mut self.rest).ok()? {
                return Some(packet);
            }
        }
        None
    }
}

/// Clock and counters of a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderInfo {
    /// Time of the report on the sender's clock, NTP format: seconds in 32.32 fixed point.
    pub ntp: u64,
    /// The same instant in the timestamps of the media.
    pub rtp_timestamp: u32,
    /// Packets sent, modulo 2^32.
    pub packet_count: u32,
    /// Payload bytes sent, modulo 2^32.
    pub octet_count: u32,
}

/// What a receiver tells about one source (RFC 3550 section 6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceptionBlock {
    /// The source.
    pub ssrc: u32,
    /// Part lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost since the beginning, -2^23 to 2^23 - 1; duplicates count against it.
    pub cumulative_lost: i32,
    /// Highest sequence number received, with the count of wraps above it.
    pub highest_sequence: u32,
    /// Variation of the transit time, in timestamp ticks.
    pub jitter: u32,
    /// Middle 32 bits of the NTP time of the last sender report; 0 before the first.
    pub last_sender_report: u32,
    /// Time between that report and this one, in 1/65536 s.
    pub delay: u32,
}

impl ReceptionBlock {
    /// Round-trip time, when the report arrives at `now` on the clock whose time the sender
    /// reports carried. `None` when the receiver had no sender report, or claims the impossible.
    pub fn round_trip(&self, now_ntp: u64) -> Option<Duration> {
        if self.last_sender_report == 0 {
            return None;
        }
        let ticks =
            middle_ntp(now_ntp).wrapping_sub(self.last_sender_report).wrapping_sub(self.delay);
        // Half the range or more is a negative time: clocks and roundings differ a little.
        if ticks >= 1 << 31 {
            return None;
        }
        Some(Duration::from_micros((u64::from(ticks) * 1_000_000) >> 16))
    }
}

/// The middle 32 bits of an NTP time: seconds in 16.16 fixed point.
pub fn middle_ntp(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// The reception blocks of a report.
#[derive(Clone, Copy, Debug)]
pub struct Blocks<'a>(&'a [u8]);

impl Iterator for Blocks<'_> {
    type Item = ReceptionBlock;

    fn next(&mut self) -> Option<Self::Item> {
        let (block, rest) = self.0.split_first_chunk::<BLOCK_BYTES>()?;
        self.0 = rest;
        let lost = u32_at(block, 4) << 8;
        Some(ReceptionBlock {
            ssrc: u32_at(block, 0),
            fraction_lost: block[4],
            cumulative_lost: lost as i32 >> 8,
            highest_sequence: u32_at(block, 8),
            jitter: u32_at(block, 12),
            last_sender_report: u32_at(block, 16),
            delay: u32_at(block, 20),
        })
    }
}

/// Sequence numbers of a negative acknowledgement.
#[derive(Clone, Copy, Debug)]
pub struct Lost<'a> {
    pairs: &'a [u8],
    first: u16,
    /// Bit `i` stands for `first + 1 + i`.
    following: u16,
}

impl Iterator for Lost<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<Self::Item> {
        if self.following != 0 {
            let bit = self.following.trailing_zeros() as u16;
            self.following &= self.following - 1;
            return Some(self.first.wrapping_add(1 + bit));
        }
        let (pair, rest) = self.pairs.split_first_chunk::<4>()?;
        self.pairs = rest;
        self.first = u16::from_be_bytes([pair[0], pair[1]]);
        self.following = u16::from_be_bytes([pair[2], pair[3]]);
        Some(self.first)
    }
}

/// Sources of a packet that ends them.
#[derive(Clone, Copy, Debug)]
pub struct Ssrcs<'a>(&'a [u8]);

impl Iterator for Ssrcs<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<Self::Item> {
        let (ssrc, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*ssrc))
    }
}

/// Sources asked for a key frame.
#[derive(Clone, Copy, Debug)]
pub struct KeyFrameSources<'a> {
    picture_loss: Option<u32>,
    /// Entries of a full intra request, 8 bytes each.
    entries: &'a [u8],
}

impl Iterator for KeyFrameSources<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(ssrc) = self.picture_loss.take() {
            return Some(ssrc);
        }
        let (entry, rest) = self.entries.split_first_chunk::<8>()?;
        self.entries = rest;
        Some(u32_at(entry, 0))
    }
}

const VERSION: u8 = 2;
const PADDING_BIT: u8 = 0x20;
const COUNT_MASK: u8 = 0x1f;
const HEADER_BYTES: usize = 4;
const BLOCK_BYTES: usize = 24;
const SENDER_INFO_BYTES: usize = 20;

/// Packet types (RFC 3550 section 12.1, RFC 4585 section 6.1).
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const GOODBYE: u8 = 203;
pub(crate) const TRANSPORT_SPECIFIC: u8 = 205;
const PAYLOAD_SPECIFIC: u8 = 206;

/// Feedback formats, in the place of the count.
const GENERIC_NACK: u8 = 1;
pub(crate) const TRANSPORT_CC: u8 = 15;
const PICTURE_LOSS: u8 = 1;
const FULL_INTRA: u8 = 4;

/// Takes one packet off the front. `None` for kinds that do not matter here.
fn read_packet<'a>(rest: &mut &'a [u8]) -> Result<Option<Rtcp<'a>>, RtcpError> {
    let head = rest.first_chunk::<HEADER_BYTES>().ok_or(RtcpError::TooShort)?;
    if head[0] >> 6 != VERSION {
        return Err(RtcpError::Version);
    }
    let len = HEADER_BYTES + 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
    let (packet, tail) = rest.split_at_checked(len).ok_or(RtcpError::TooShort)?;
    *rest = tail;
    let mut body = &packet[HEADER_BYTES..];
    if head[0] & PADDING_BIT != 0 {
        let count = body.last().map_or(0, |count| usize::from(*count));
        if count == 0 || count > body.len() {
            return Err(RtcpError::Padding);
        }
        body = &body[..body.len() - count];
    }
    let count = head[0] & COUNT_MASK;
    match (head[1], count) {
        (SENDER_REPORT, _) => {
            let (fixed, rest) =
                body.split_at_checked(4 + SENDER_INFO_BYTES).ok_or(RtcpError::TooShort)?;
            let info = SenderInfo {
                ntp: u64::from(u32_at(fixed, 4)) << 32 | u64::from(u32_at(fixed, 8)),
                rtp_timestamp: u32_at(fixed, 12),
                packet_count: u32_at(fixed, 16),
                octet_count: u32_at(fixed, 20),
            };
            let blocks = read_blocks(rest, count)?;
            Ok(Some(Rtcp::SenderReport { ssrc: u32_at(fixed, 0), info, blocks }))
        }
        (RECEIVER_REPORT, _) => {
            let (ssrc, rest) = body.split_first_chunk::<4>().ok_or(RtcpError::TooShort)?;
            let blocks = read_blocks(rest, count)?;
            Ok(Some(Rtcp::ReceiverReport { ssrc: u32::from_be_bytes(*ssrc), blocks }))
        }
        (GOODBYE, _) => {
            let ssrcs = body.get(..4 * usize::from(count)).ok_or(RtcpError::TooShort)?;
            Ok(Some(Rtcp::Goodbye { ssrcs: Ssrcs(ssrcs) }))
        }
        (TRANSPORT_SPECIFIC | PAYLOAD_SPECIFIC, _) => read_feedback(head[1], count, body),
        _ => Ok(None),
    }
}

fn read_blocks(body: &[u8], count: u8) -> Result<Blocks<'_>, RtcpError> {
    body.get(..BLOCK_BYTES * usize::from(count)).map(Blocks).ok_or(RtcpError::TooShort)
}

/// Feedback begins with the sender's and the media's source (RFC 4585 section 6.1).
fn read_feedback(packet_type: u8, format: u8, body: &[u8]) -> Result<Option<Rtcp<'_>>, RtcpError> {
    let (ssrcs, control) = body.split_first_chunk::<8>().ok_or(RtcpError::TooShort)?;
    let media_ssrc = u32_at(ssrcs, 4);
    Ok(match (packet_type, format) {
        (TRANSPORT_SPECIFIC, GENERIC_NACK) => {
            if control.is_empty() || !control.len().is_multiple_of(4) {
                return Err(RtcpError::Content);
            }
            let lost = Lost { pairs: control, first: 0, following: 0 };
            Some(Rtcp::Nack { media_ssrc, lost })
        }
        (TRANSPORT_SPECIFIC, TRANSPORT_CC) => {
            Some(Rtcp::TransportFeedback(TransportFeedback::parse(control)?))
        }
        (PAYLOAD_SPECIFIC, PICTURE_LOSS) => Some(Rtcp::KeyFrameRequest {
            media_ssrcs: KeyFrameSources { picture_loss: Some(media_ssrc), entries: &[] },
        }),
        (PAYLOAD_SPECIFIC, FULL_INTRA) => {
            if control.is_empty() || !control.len().is_multiple_of(8) {
                return Err(RtcpError::Content);
            }
            let media_ssrcs = KeyFrameSources { picture_loss: None, entries: control };
            Some(Rtcp::KeyFrameRequest { media_ssrcs })
        }
        _ => None,
    })
}

/// Big-endian word at an offset that the caller has checked.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests;
