use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use rtc_rtcp::goodbye::Goodbye;
use rtc_rtcp::payload_feedbacks::full_intra_request::{FirEntry, FullIntraRequest};
use rtc_rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc_rtcp::reception_report::ReceptionReport;
use rtc_rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;
use rtc_shared::marshal::{Marshal, Unmarshal};

use super::*;

/// One line per packet, so that tests can compare.
fn describe(bytes: &[u8]) -> Result<Vec<String>, RtcpError> {
    Ok(parse(bytes)?
        .map(|packet| match packet {
            Rtcp::SenderReport { ssrc, info, blocks } => {
                format!("sender {ssrc} {} {}", info.ntp, blocks.count())
            }
            Rtcp::ReceiverReport { ssrc, blocks } => format!("receiver {ssrc} {}", blocks.count()),
            Rtcp::Nack { media_ssrc, lost } => {
                format!("nack {media_ssrc} {:?}", lost.collect::<Vec<_>>())
            }
            Rtcp::KeyFrameRequest { media_ssrcs } => {
                format!("key frame {:?}", media_ssrcs.collect::<Vec<_>>())
            }
            Rtcp::TransportFeedback(feedback) => {
                format!("arrivals {:?}", feedback.arrivals().collect::<Vec<_>>())
            }
            Rtcp::Goodbye { ssrcs } => format!("goodbye {:?}", ssrcs.collect::<Vec<_>>()),
        })
        .collect())
}

fn block() -> impl Strategy<Value = ReceptionBlock> {
    let numbers = (any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>());
    (numbers, any::<u8>(), -(1 << 23)..1 << 23).prop_map(|(numbers, fraction_lost, lost)| {
        let (ssrc, highest_sequence, jitter, last_sender_report, delay) = numbers;
        ReceptionBlock {
            ssrc,
            fraction_lost,
            cumulative_lost: lost,
            highest_sequence,
            jitter,
            last_sender_report,
            delay,
        }
    })
}

fn is_same(ours: &ReceptionBlock, theirs: &ReceptionReport) -> bool {
    (ours.ssrc, ours.fraction_lost, ours.cumulative_lost as u32 & 0x00ff_ffff)
        == (theirs.ssrc, theirs.fraction_lost, theirs.total_lost)
        && (ours.highest_sequence, ours.jitter, ours.last_sender_report, ours.delay)
            == (theirs.last_sequence_number, theirs.jitter, theirs.last_sender_report, theirs.delay)
}

proptest! {
    #[test]
    fn reports_are_read_back_and_by_an_independent_parser(
        ssrc: u32,
        numbers: (u64, u32, u32, u32),
        blocks in vec(block(), 0..40),
    ) {
        let (ntp, rtp_timestamp, packet_count, octet_count) = numbers;
        let info = SenderInfo { ntp, rtp_timestamp, packet_count, octet_count };
        let kept = &blocks[..blocks.len().min(MAX_BLOCKS)];
        let mut out = Vec::new();
        write_sender_report(&mut out, ssrc, &info, &blocks);
        let receiver_at = out.len();
        write_receiver_report(&mut out, ssrc, &blocks);
        let mut packets = parse(&out).unwrap();
        let Some(Rtcp::SenderReport { ssrc: read, info: read_info, blocks: read_blocks }) = packets.next()
            else { panic!("no sender report") };
        prop_assert_eq!((read, read_info), (ssrc, info));
        prop_assert_eq!(read_blocks.collect::<Vec<_>>(), kept);
        let Some(Rtcp::ReceiverReport { ssrc: read, blocks: read_blocks }) = packets.next()
            else { panic!("no receiver report") };
        prop_assert_eq!(read, ssrc);
        prop_assert_eq!(read_blocks.collect::<Vec<_>>(), kept);
        prop_assert!(packets.next().is_none());

        let theirs = rtc_rtcp::sender_report::SenderReport::unmarshal(&mut &out[..receiver_at]).unwrap();
        prop_assert_eq!((theirs.ssrc, theirs.ntp_time, theirs.rtp_time), (ssrc, ntp, rtp_timestamp));
        prop_assert_eq!((theirs.packet_count, theirs.octet_count), (packet_count, octet_count));
        prop_assert!(kept.iter().zip(&theirs.reports).all(|(ours, theirs)| is_same(ours, theirs)));
        let theirs = rtc_rtcp::receiver_report::ReceiverReport::unmarshal(&mut &out[receiver_at..]).unwrap();
        prop_assert_eq!(theirs.reports.len(), kept.len());
        prop_assert!(kept.iter().zip(&theirs.reports).all(|(ours, theirs)| is_same(ours, theirs)));
    }

    #[test]
    fn acknowledgements_name_exactly_what_is_lost(
        first: u16,
        steps in vec(1..40_u16, 1..100),
    ) {
        let mut sequence = first;
        let lost: Vec<u16> = steps
            .iter()
            .map(|step| { sequence = sequence.wrapping_add(*step); sequence })
            .collect();
        let mut out = Vec::new();
        write_nack(&mut out, 1, 2, lost.iter().copied());
        prop_assert_eq!(describe(&out).unwrap(), [format!("nack 2 {lost:?}")]);
        let theirs = TransportLayerNack::unmarshal(&mut &out[..]).unwrap();
        let named: Vec<u16> = theirs.nacks.iter().flat_map(|pair| pair.packet_list()).collect();
        prop_assert_eq!(named, lost);
    }

    #[test]
    fn no_bytes_panic(
        mut bytes in vec(any::<u8>(), 0..120),
        packet_type in prop_oneof![Just(None), (200..208_u8).prop_map(Some)],
        format in 0..32_u8,
    ) {
        if let (Some(packet_type), [first, second, third, fourth, rest @ ..]) = (packet_type, &mut bytes[..]) {
            *first = 0x80 | *first & 0x20 | format;
            *second = packet_type;
            *third = 0;
            *fourth = (rest.len() / 4) as u8;
            let len = 4 + rest.len() / 4 * 4;
            bytes.truncate(len);
        }
        if let Ok(lines) = describe(&bytes) {
            prop_assert!(lines.len() <= bytes.len() / 4);
        }
    }

    /// Whatever an independent parser accepts of feedback, we read the same of it.
    #[test]
    fn arrival_times_are_read_as_an_independent_parser_does(
        fixed: [u8; 8],
        count in 1..60_u8,
        chunks in vec(any::<u16>(), 1..12),
        deltas in vec(any::<u8>(), 0..120),
    ) {
        let mut out = Vec::new();
        write_packet(&mut out, TRANSPORT_SPECIFIC, TRANSPORT_CC, |out| {
            out.extend_from_slice(&[0; 8]);
            out.extend_from_slice(&[fixed[0], fixed[1], 0, count, fixed[4], fixed[5], fixed[6], fixed[7]]);
            for chunk in &chunks {
                out.extend_from_slice(&chunk.to_be_bytes());
            }
            out.extend_from_slice(&deltas);
        });
        let Ok(mut packets) = parse(&out) else { return Ok(()) };
        let Some(Rtcp::TransportFeedback(feedback)) = packets.next() else { panic!("no feedback") };
        let arrivals: Vec<_> = feedback.arrivals().collect();
        prop_assert_eq!(arrivals.len(), usize::from(count));
        let Ok(theirs) = rtc_rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc::unmarshal(&mut &out[..]) else {
            return Ok(());
        };
        let mut time = i64::from((theirs.reference_time << 8) as i32 >> 8) * 64_000;
        let times: Vec<i64> = theirs.recv_deltas.iter().map(|delta| { time += delta.delta; time }).collect();
        let ours: Vec<i64> = arrivals.iter().filter_map(|(_, time)| *time).collect();
        // Their reader also counts statuses that stand behind the last packet.
        prop_assert_eq!(&ours[..], &times[..ours.len()]);
    }
}

#[test]
fn a_packet_that_crashed_other_parsers_is_refused() {
    let bytes = STANDARD
        .decode("gc0AAQAHAAAAAQAAIbUAAAAAAAAAAAAAAAAAAAAAAOEAAI/NAAQAAAABi4uLgcEAAQABAAAA")
        .unwrap();
    assert!(parse(&bytes).is_err());
}

#[test]
fn requests_for_key_frames_are_one_kind() {
    let mut out = Vec::new();
    write_picture_loss(&mut out, 1, 2);
    let theirs = PictureLossIndication::unmarshal(&mut &out[..]).unwrap();
    assert_eq!((theirs.sender_ssrc, theirs.media_ssrc), (1, 2));
    let fir = [3, 4].map(|ssrc| FirEntry { ssrc, sequence_number: 9 }).to_vec();
    let full = FullIntraRequest { sender_ssrc: 1, media_ssrc: 0, fir };
    out.extend_from_slice(&full.marshal().unwrap());
    assert_eq!(describe(&out).unwrap(), ["key frame [2]", "key frame [3, 4]"]);
}

#[test]
fn ends_of_sources_are_read() {
    let theirs = Goodbye { sources: vec![7, 8], reason: Bytes::from_static(b"bye") };
    assert_eq!(describe(&theirs.marshal().unwrap()).unwrap(), ["goodbye [7, 8]"]);
}

#[test]
fn unknown_kinds_are_passed_over() {
    let mut out = vec![0x80, 207, 0, 1, 0, 0, 0, 1]; // extended report
    out.extend([0x8f, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, b'R', b'E', b'M', b'B']);
    out.extend([0x81, 202, 0, 2, 0, 0, 0, 1, 1, 1, b'x', 0]); // a name
    out.extend([0x81, 203, 0, 1, 0, 0, 0, 9]);
    assert_eq!(describe(&out).unwrap(), ["goodbye [9]"]);
}

#[test]
fn padding_is_no_content() {
    let padded = [0xa1, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 5, 0, 1, 0, 0, 0, 4];
    assert_eq!(describe(&padded).unwrap(), ["nack 2 [5, 6]"]);
    for count in [0, 17, 255] {
        let mut broken = padded;
        broken[19] = count;
        assert_eq!(describe(&broken), Err(RtcpError::Padding));
    }
}

#[test]
fn broken_packets_are_refused_whole() {
    let mut good = Vec::new();
    write_nack(&mut good, 1, 2, [3]);
    assert_eq!(describe(&[]), Err(RtcpError::TooShort));
    for len in 1..good.len() {
        assert_eq!(describe(&good[..len]), Err(RtcpError::TooShort), "{len}");
    }
    let trailing = [&good[..], &[0x80]].concat();
    assert_eq!(describe(&trailing), Err(RtcpError::TooShort));
    let foreign = [&[0x41], &good[1..]].concat();
    assert_eq!(describe(&foreign), Err(RtcpError::Version));
    let empty_nack = [0x81, 205, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2];
    assert_eq!(describe(&empty_nack), Err(RtcpError::Content));
    let half_entry = [0x84, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
    assert_eq!(describe(&half_entry), Err(RtcpError::Content));
    let blocks_missing = [0x82, 201, 0, 1, 0, 0, 0, 1];
    assert_eq!(describe(&blocks_missing), Err(RtcpError::TooShort));
}

#[test]
fn a_few_bytes_cannot_announce_endless_arrivals() {
    let feedback = |count: u16, chunk: u16| {
        let mut out = Vec::new();
        write_packet(&mut out, TRANSPORT_SPECIFIC, TRANSPORT_CC, |out| {
            out.extend_from_slice(&[0; 10]);
            out.extend_from_slice(&count.to_be_bytes());
            out.extend_from_slice(&[0; 4]);
            out.extend_from_slice(&chunk.to_be_bytes());
        });
        describe(&out).map(|_| ())
    };
    assert_eq!(feedback(100, 100), Ok(()));
    assert_eq!(feedback(65_535, 8_191), Err(RtcpError::Content));
    assert_eq!(feedback(100, 99), Err(RtcpError::TooShort), "chunks end early");
    assert_eq!(feedback(100, 1 << 13 | 100), Err(RtcpError::TooShort), "deltas missing");
    assert_eq!(feedback(1, 3 << 13 | 1), Err(RtcpError::Content), "reserved status");
    assert_eq!(feedback(0, 0), Err(RtcpError::Content), "about nothing");
}

#[test]
fn round_trips_leave_out_the_time_the_receiver_took() {
    // NTP time of a number of milliseconds.
    let ntp = |ms: u64| (ms << 32) / 1_000;
    let block = ReceptionBlock {
        ssrc: 1,
        fraction_lost: 0,
        cumulative_lost: 0,
        highest_sequence: 0,
        jitter: 0,
        last_sender_report: middle_ntp(ntp(2_500)),
        delay: 65_536 / 4,
    };
    assert_eq!(block.round_trip(ntp(2_875)), Some(Duration::from_millis(125)));
    assert_eq!(block.round_trip(ntp(2_700)), None, "before it was sent");
    let none = ReceptionBlock { last_sender_report: 0, ..block };
    assert_eq!(none.round_trip(ntp(9_000)), None);
}
