//! The RTCP packets this server sends, appended to a buffer one after the other.

use super::{
    COUNT_MASK, GENERIC_NACK, HEADER_BYTES, PAYLOAD_SPECIFIC, PICTURE_LOSS, RECEIVER_REPORT,
    ReceptionBlock, SENDER_REPORT, SenderInfo, TRANSPORT_SPECIFIC, VERSION,
};

/// Most reception blocks in one report: the count has five bits.
pub const MAX_BLOCKS: usize = COUNT_MASK as usize;

/// Sender report (RFC 3550 section 6.4.1). Blocks beyond [`MAX_BLOCKS`] are left out.
pub fn write_sender_report(
    out: &mut Vec<u8>,
    ssrc: u32,
    info: &SenderInfo,
    blocks: &[ReceptionBlock],
) {
    let blocks = &blocks[..blocks.len().min(MAX_BLOCKS)];
    packet(out, SENDER_REPORT, blocks.len() as u8, |out| {
        put_u32(out, ssrc);
        out.extend_from_slice(&info.ntp.to_be_bytes());
        put_u32(out, info.rtp_timestamp);
        put_u32(out, info.packet_count);
        put_u32(out, info.octet_count);
        put_blocks(out, blocks);
    });
}

/// Receiver report (RFC 3550 section 6.4.2). Blocks beyond [`MAX_BLOCKS`] are left out.
pub fn write_receiver_report(out: &mut Vec<u8>, ssrc: u32, blocks: &[ReceptionBlock]) {
    let blocks = &blocks[..blocks.len().min(MAX_BLOCKS)];
    packet(out, RECEIVER_REPORT, blocks.len() as u8, |out| {
        put_u32(out, ssrc);
        put_blocks(out, blocks);
    });
}

/// Negative acknowledgement (RFC 4585 section 6.2.1) of packets in ascending order. Writes nothing
/// when there are none.
pub fn write_nack(
    out: &mut Vec<u8>,
    sender_ssrc: u32,
    media_ssrc: u32,
    lost: impl IntoIterator<Item = u16>,
) {
    let mut lost = lost.into_iter();
    let Some(mut first) = lost.next() else { return };
    let mut following: u16 = 0;
    packet(out, TRANSPORT_SPECIFIC, GENERIC_NACK, |out| {
        put_u32(out, sender_ssrc);
        put_u32(out, media_ssrc);
        let put_pair = |out: &mut Vec<u8>, first: u16, following: u16| {
            out.extend_from_slice(&first.to_be_bytes());
            out.extend_from_slice(&following.to_be_bytes());
        };
        for sequence in lost {
            match sequence.wrapping_sub(first) {
                0 => {}
                distance @ 1..=16 => following |= 1 << (distance - 1),
                _ => {
                    put_pair(out, first, following);
                    (first, following) = (sequence, 0);
                }
            }
        }
        put_pair(out, first, following);
    });
}

/// Picture loss indication (RFC 4585 section 6.3.1): asks for a key frame.
pub fn write_picture_loss(out: &mut Vec<u8>, sender_ssrc: u32, media_ssrc: u32) {
    packet(out, PAYLOAD_SPECIFIC, PICTURE_LOSS, |out| {
        put_u32(out, sender_ssrc);
        put_u32(out, media_ssrc);
    });
}

/// Appends one packet with its header, filled with zeros up to a whole word.
pub(crate) fn packet(
    out: &mut Vec<u8>,
    packet_type: u8,
    count: u8,
    body: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    out.extend_from_slice(&[VERSION << 6 | count, packet_type, 0, 0]);
    body(out);
    let len = (out.len() - start).next_multiple_of(4);
    out.resize(start + len, 0);
    let words = ((len - HEADER_BYTES) / 4) as u16;
    out[start + 2..start + HEADER_BYTES].copy_from_slice(&words.to_be_bytes());
}

fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn put_blocks(out: &mut Vec<u8>, blocks: &[ReceptionBlock]) {
    for block in blocks {
        put_u32(out, block.ssrc);
        let lost = block.cumulative_lost.clamp(-(1 << 23), (1 << 23) - 1) as u32 & 0x00ff_ffff;
        put_u32(out, u32::from(block.fraction_lost) << 24 | lost);
        put_u32(out, block.highest_sequence);
        put_u32(out, block.jitter);
        put_u32(out, block.last_sender_report);
        put_u32(out, block.delay);
    }
}
