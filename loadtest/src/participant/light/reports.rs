//! RTCP (RFC 3550, RFC 4585): what a participant reports and what it hears.

use bytes::{Bytes, BytesMut};
use rtc_rtcp::packet::{Packet, unmarshal};
use rtc_rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc_rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc_rtcp::receiver_report::ReceiverReport;
use rtc_rtcp::reception_report::ReceptionReport;
use rtc_rtcp::sender_report::SenderReport;
use rtc_rtcp::transport_feedbacks::transport_layer_nack::{
    TransportLayerNack, nack_pairs_from_sequence_numbers,
};

use crate::clock::{self, Nanos};
use crate::participant::receive::ReportBlock;
use crate::participant::send::SenderState;

/// Something a server says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Packets it lost, of one source.
    Lost(u32, Vec<u16>),
    /// It needs a key frame of a source.
    KeyFrame(u32),
    /// Its clock, for the delay in reports.
    Clock(u32, u64),
}

/// Reads a compound packet; what cannot be read is left out.
pub(crate) fn read(packet: &[u8]) -> Vec<Heard> {
    let mut bytes = Bytes::copy_from_slice(packet);
    let mut heard = Vec::new();
    for packet in unmarshal(&mut bytes).unwrap_or_default() {
        let any = packet.as_any();
        if let Some(nack) = any.downcast_ref::<TransportLayerNack>() {
            let lost = nack.nacks.iter().flat_map(|pair| pair.packet_list());
            heard.push(Heard::Lost(nack.media_ssrc, lost.collect()));
        } else if let Some(request) = any.downcast_ref::<PictureLossIndication>() {
            heard.push(Heard::KeyFrame(request.media_ssrc));
        } else if let Some(request) = any.downcast_ref::<FullIntraRequest>() {
            heard.extend(request.fir.iter().map(|entry| Heard::KeyFrame(entry.ssrc)));
        } else if let Some(report) = any.downcast_ref::<SenderReport>() {
            heard.push(Heard::Clock(report.ssrc, report.ntp_time));
        }
    }
    heard
}

/// Sender reports of every source, then one receiver report.
pub(crate) fn reports(
    now: Nanos,
    own_ssrc: u32,
    sent: &[SenderState],
    received: &[ReportBlock],
) -> BytesMut {
    let mut packets: Vec<Box<dyn Packet>> = Vec::new();
    for state in sent {
        packets.push(Box::new(SenderReport {
            ssrc: state.ssrc,
            ntp_time: clock::to_ntp(now),
            rtp_time: state.timestamp,
            packet_count: state.packets,
            octet_count: state.bytes,
            ..SenderReport::default()
        }));
    }
    for blocks in received.chunks(MAX_BLOCKS) {
        let reports = blocks.iter().map(|block| ReceptionReport {
            ssrc: block.ssrc,
            fraction_lost: block.fraction_lost,
            total_lost: block.total_lost,
            last_sequence_number: block.highest,
            jitter: 0,
            last_sender_report: block.last_sender_report,
            delay: block.delay,
        });
        let reports = reports.collect();
        packets.push(Box::new(ReceiverReport {
            ssrc: own_ssrc,
            reports,
            ..ReceiverReport::default()
        }));
    }
    marshal(&packets)
}

/// Asks for packets again.
pub(crate) fn lost(own_ssrc: u32, ssrc: u32, sequences: &[u16]) -> BytesMut {
    let nacks = nack_pairs_from_sequence_numbers(sequences);
    marshal(&[Box::new(TransportLayerNack { sender_ssrc: own_ssrc, media_ssrc: ssrc, nacks })])
}

/// Asks for a key frame.
pub(crate) fn key_frame(own_ssrc: u32, ssrc: u32) -> BytesMut {
    marshal(&[Box::new(PictureLossIndication { sender_ssrc: own_ssrc, media_ssrc: ssrc })])
}

fn marshal(packets: &[Box<dyn Packet>]) -> BytesMut {
    rtc_rtcp::packet::marshal(packets).expect("reports of ours are well formed")
}

/// Transport-wide feedback
/// (draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1) on packets in order of
/// arrival, with their times in microseconds. `None` when there is nothing to say.
pub(crate) fn arrivals(
    own_ssrc: u32,
    count: u8,
    expected: &mut Option<u64>,
    arrivals: &[(u16, u64)],
) -> Option<Vec<u8>> {
    let (first, _) = *arrivals.first()?;
    // Numbers with rollovers, as near as possible to what is expected next.
    let base = expected.unwrap_or(u64::from(first) + (1 << 16));
    let mut seen: Vec<(u64, u64)> = arrivals
        .iter()
        .map(|(number, at)| {
            let ahead = number.wrapping_sub(base as u16) as i16;
            (base.saturating_add_signed(i64::from(ahead)), *at)
        })
        .collect();
    seen.sort_unstable();
    seen.dedup_by_key(|(number, _)| *number);
    let last = seen.last().map(|(number, _)| *number)?;
    let start = base.max(last.saturating_sub(MAX_STATUSES - 1)).min(last);
    *expected = Some(last + 1);
    seen.retain(|(number, _)| *number >= start);
    let reference = seen.first().map(|(_, at)| at / REFERENCE)?;

    let mut statuses = Vec::with_capacity((last - start + 1) as usize);
    let mut deltas = Vec::new();
    let mut time = reference * REFERENCE;
    let mut arrived = seen.iter().peekable();
    for number in start..=last {
        let Some((_, at)) = arrived.next_if(|(seen, _)| *seen == number) else {
            statuses.push(0_u16);
            continue;
        };
        let ticks = (*at as i64 - time as i64).div_euclid(TICK);
        time = time.saturating_add_signed(ticks * TICK);
        if let Ok(small) = u8::try_from(ticks) {
            statuses.push(1);
            deltas.push(small);
        } else {
            statuses.push(2);
            let ticks = ticks.clamp(i64::from(i16::MIN), i64::from(i16::MAX)) as i16;
            deltas.extend(ticks.to_be_bytes());
        }
    }
    let mut out = vec![0x80 | FORMAT, TRANSPORT_FEEDBACK, 0, 0];
    out.extend(own_ssrc.to_be_bytes());
    out.extend([0; 4]);
    out.extend((start as u16).to_be_bytes());
    out.extend((statuses.len() as u16).to_be_bytes());
    out.extend(&(reference as u32).to_be_bytes()[1..]);
    out.push(count);
    for chunk in statuses.chunks(7) {
        // A vector of seven statuses of two bits.
        let symbols = chunk.iter().enumerate().map(|(at, status)| status << (12 - 2 * at));
        out.extend((0xc000 | symbols.fold(0, |all, one| all | one)).to_be_bytes());
    }
    out.extend(deltas);
    let padding = out.len().next_multiple_of(4) - out.len();
    if padding > 0 {
        out.resize(out.len() + padding, 0);
        out.pop();
        out.push(padding as u8);
        out[0] |= 0x20;
    }
    let words = (out.len() / 4 - 1) as u16;
    out[2..4].copy_from_slice(&words.to_be_bytes());
    Some(out)
}

const TRANSPORT_FEEDBACK: u8 = 205;
const FORMAT: u8 = 15;
/// Microseconds of one unit of the reference time.
const REFERENCE: u64 = 64_000;
/// Microseconds of one unit of a delta.
const TICK: i64 = 250;
/// Packets one feedback tells about at most; older ones go unreported, as if lost.
const MAX_STATUSES: u64 = 2_000;
/// Blocks of one report at most (RFC 3550 section 6.4.1).
const MAX_BLOCKS: usize = 31;

#[cfg(test)]
mod tests {
    use rtc_rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;

    use super::*;

    #[test]
    fn an_independent_reader_understands_the_feedback() {
        let mut expected = None;
        let first: Vec<_> = [(65_534, 1_000_000), (65_535, 1_000_600), (1, 1_020_000)].into();
        let bytes = arrivals(7, 3, &mut expected, &first).unwrap();
        assert_eq!(expected, Some(65_536 * 2 + 2));
        let read = unmarshal(&mut Bytes::from(bytes)).unwrap().remove(0);
        let read = read.as_any().downcast_ref::<TransportLayerCc>().unwrap().clone();
        assert_eq!((read.base_sequence_number, read.packet_status_count), (65_534, 4));
        assert_eq!((read.reference_time, read.fb_pkt_count), (15, 3));
        let deltas: Vec<i64> = read.recv_deltas.iter().map(|delta| delta.delta).collect();
        assert_eq!(deltas, [40_000, 500, 19_500]);
        // What is missing between two feedbacks is told by the second.
        let bytes = arrivals(7, 4, &mut expected, &[(4, 1_100_000), (3, 1_100_400)]).unwrap();
        let read = unmarshal(&mut Bytes::from(bytes)).unwrap().remove(0);
        let read = read.as_any().downcast_ref::<TransportLayerCc>().unwrap().clone();
        assert_eq!((read.base_sequence_number, read.packet_status_count), (2, 3));
        assert_eq!(arrivals(7, 5, &mut expected, &[]), None);
    }

    #[test]
    fn requests_are_heard_as_they_were_said() {
        assert_eq!(read(&lost(1, 2, &[5, 7])), [Heard::Lost(2, vec![5, 7])]);
        assert_eq!(read(&key_frame(1, 2)), [Heard::KeyFrame(2)]);
        assert_eq!(read(b"nonsense"), []);
    }
}
