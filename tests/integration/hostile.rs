//! Bytes from anybody: counted, dropped, and without effect on those who meet.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::TrackSource::{Camera, Microphone};
use rtc::rtcp;
use rtc::rtcp::goodbye::Goodbye;
use rtc::rtcp::payload_feedbacks::full_intra_request::{FirEntry, FullIntraRequest};
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::payload_feedbacks::receiver_estimated_maximum_bitrate::ReceiverEstimatedMaximumBitrate;
use rtc::rtcp::raw_packet::RawPacket;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{NackPair, TransportLayerNack};
use sfu_core::{DropCause, Stats};
use tests::{Meeting, Random, SERVER, Seat, connectivity_check};

use crate::check::{Uplink, assert_pictures_whole, assert_wire_is_clean, received};

const SECOND: Duration = Duration::from_secs(1);

/// An address nobody checked.
const STRANGER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 66)), 6_666);

/// Two inputs that made other parsers crash.
const RTP_SEED: &str = "kGAAAQAAAAEAAAICvt4AAVD/yAB4eXo=";
const RTCP_SEED: &str = "gc0AAQAHAAAAAQAAIbUAAAAAAAAAAAAAAAAAAAAAAOEAAI/NAAQAAAABi4uLgcEAAQABAAAA";

/// Two who see and hear each other.
fn pair(seed: u64) -> Meeting {
    let mut meeting = Meeting::of(seed, 2);
    for seat in [Seat(0), Seat(1)] {
        meeting.turn_on(seat, Microphone);
        meeting.turn_on(seat, Camera);
    }
    meeting.subscribe_all();
    meeting.run(SECOND);
    meeting
}

/// Asserts that pictures and sound went both ways during the last half second, whole.
fn assert_stands(meeting: &Meeting) {
    assert_stands_after(meeting, Uplink::Whole);
}

fn assert_stands_after(meeting: &Meeting, uplink: Uplink) {
    for seat in [Seat(0), Seat(1)] {
        for (mid, slot) in &meeting.browsers[seat.0].slots {
            let packets = received(meeting, seat, mid);
            let last = packets.last().expect("something arrived");
            assert!(meeting.now - last.at < SECOND / 2, "{seat:?} slot {mid} is silent");
            if slot.is_video {
                assert_pictures_whole(packets);
            }
        }
    }
    assert_wire_is_clean(meeting, uplink);
}

fn dropped_since(before: &Stats, now: &Stats) -> u64 {
    now.dropped.total() - before.dropped.total()
}

#[test]
fn a_million_datagrams_of_garbage_are_counted_and_leave_no_trace() {
    let mut meeting = pair(1);
    let mut random = Random::new(1);
    let before = meeting.sfu.stats();
    let events = meeting.events.len();
    let addresses = meeting.datagrams.len();
    // The meeting goes on all the while.
    for _ in 0..1_000 {
        for number in 0..1_000 {
            let length = random.below(1_500) as usize;
            let mut bytes = random.bytes(length);
            // Every class of first byte gets its share, not only the one in 256.
            if let Some(first) = bytes.first_mut() {
                *first = [0, 1, 20, 22, 23, 63, 64, 128, 129, 191, 192, 255][number % 12];
            }
            let [.., a, b, c, d] = random.bits().to_be_bytes();
            let from = SocketAddr::from(([a, b, c, d], random.bits() as u16 | 1));
            meeting.deliver(from, bytes);
        }
        meeting.run(SECOND / 500);
    }
    let after = meeting.sfu.stats();
    assert_eq!(dropped_since(&before, &after), 1_000_000);
    assert_eq!(meeting.datagrams.len(), addresses, "no answer to anybody else");
    assert_eq!((after.transports, after.rooms), (before.transports, before.rooms));
    assert_eq!(meeting.events.len(), events);
    meeting.run(SECOND);
    // Nothing of what the two said to each other was lost in between.
    assert_stands(&meeting);
}

#[test]
fn garbage_from_a_bound_address_harms_only_its_sender() {
    let mut meeting = pair(2);
    let mut random = Random::new(2);
    let from = meeting.browsers[0].address;
    for number in 0..20_000 {
        let length = random.below(200) as usize;
        let mut bytes = random.bytes(length);
        if let Some(first) = bytes.first_mut() {
            *first = [0, 1, 23, 64, 128, 129, 144, 191, 255][number % 9];
        }
        meeting.deliver(from, bytes);
    }
    meeting.run(SECOND);
    assert_stands(&meeting);
}

#[test]
fn hellos_from_unchecked_addresses_never_reach_the_handshake() {
    let mut meeting = Meeting::new(3);
    let room = sfu_core::RoomId(1);
    let hello = client_hello();
    let flood = |meeting: &mut Meeting| {
        for number in 0..10_000_u32 {
            let from = SocketAddr::from(([203, 0, 113, 7], 1_024 + (number % 60_000) as u16));
            meeting.deliver(from, hello.clone());
        }
    };
    flood(&mut meeting);
    meeting.join(room, 1);
    meeting.join(room, 1);
    flood(&mut meeting);
    meeting.run(SECOND / 20);
    flood(&mut meeting);
    meeting.connect();
    flood(&mut meeting);
    assert_eq!(meeting.sfu.stats().dropped[DropCause::UnknownPath], 4 * 10_000);
    for seat in [Seat(0), Seat(1)] {
        meeting.turn_on(seat, Microphone);
        meeting.turn_on(seat, Camera);
    }
    meeting.subscribe_all();
    meeting.run(SECOND);
    assert_stands(&meeting);
}

#[test]
fn a_million_wrong_tags_hang_nobody_up() {
    let mut meeting = pair(4);
    let from = meeting.browsers[0].address;
    let before = meeting.sfu.stats();
    let genuine: Vec<Vec<u8>> = recorded_media(&meeting, from);
    assert!(genuine.len() > 50);
    let count = 1_000_000;
    for number in 0..count {
        let mut forged = genuine[number % genuine.len()].clone();
        // A new number each time, so that the replay window is not what drops it.
        let sequence = (number as u16).wrapping_mul(7).to_be_bytes();
        forged[2..4].copy_from_slice(&sequence);
        *forged.last_mut().expect("not empty") ^= 0x55;
        meeting.deliver(from, forged);
    }
    let after = meeting.sfu.stats();
    assert_eq!(dropped_since(&before, &after), count as u64);
    assert!(after.dropped[DropCause::WrongTag] > before.dropped[DropCause::WrongTag] + 500_000);
    meeting.run(SECOND);
    assert_stands(&meeting);
}

#[test]
fn what_was_recorded_and_played_again_is_not_forwarded_twice() {
    let mut meeting = pair(5);
    let from = meeting.browsers[0].address;
    let before = meeting.sfu.stats();
    for bytes in recorded_media(&meeting, from) {
        meeting.deliver(from, bytes.clone());
        meeting.deliver(STRANGER, bytes);
    }
    let after = meeting.sfu.stats();
    assert!(after.dropped[DropCause::Replayed] > before.dropped[DropCause::Replayed] + 100);
    assert_eq!(after.packets_out, before.packets_out);
    assert!(!meeting.datagrams.contains_key(&STRANGER), "nor is anything sent to wherever it is");
    meeting.run(SECOND);
    assert_stands(&meeting);
}

#[test]
fn media_from_an_address_that_answers_no_check_moves_nothing() {
    let mut meeting = pair(6);
    let from = meeting.browsers[0].address;
    // Fresh and genuine, but from elsewhere: the datagrams never reached the server.
    meeting.network.set_up(from, tests::Link::losing(1000));
    meeting.run(SECOND / 5);
    let fresh = recorded_media(&meeting, from).split_off(100);
    meeting.network.set_up(from, tests::Link::GOOD);
    for bytes in &fresh {
        meeting.deliver(STRANGER, bytes.clone());
    }
    let asked = &meeting.datagrams[&STRANGER];
    assert!(matches!(asked[..], [(_, length)] if length < 150), "one small check: {asked:?}");
    assert!(!meeting.wire.keys().any(|(to, _)| *to == STRANGER));
    meeting.run(2 * SECOND);
    assert!(!meeting.wire.keys().any(|(to, _)| *to == STRANGER));
    assert_stands_after(&meeting, Uplink::LosesSound);
}

#[test]
fn of_a_flood_from_unknown_addresses_little_is_looked_at() {
    let mut meeting = pair(10);
    let from = meeting.browsers[0].address;
    let mut forged = recorded_media(&meeting, from).pop().expect("it sends media");
    *forged.last_mut().expect("not empty") ^= 0x55;
    let before = meeting.sfu.stats();
    let rounds = 10_000;
    for number in 0..rounds {
        let stranger = SocketAddr::from(([203, 0, 113, 8], 1_024 + number as u16));
        meeting.deliver(stranger, forged.clone());
    }
    let after = meeting.sfu.stats();
    assert_eq!(dropped_since(&before, &after), rounds);
    let unseen = after.dropped[DropCause::UnknownPath] - before.dropped[DropCause::UnknownPath];
    let opened = rounds - unseen;
    assert!((1..=200).contains(&opened), "{opened} of them opened, all at one instant");
    assert_eq!(after.datagrams_out, before.datagrams_out, "and nobody is asked");
    meeting.run(SECOND);
    assert_stands(&meeting);
}

#[test]
fn checks_without_the_password_are_not_answered() {
    let mut meeting = pair(7);
    let mut random = Random::new(7);
    let before = meeting.sfu.stats();
    let ufrag = ufrag(&meeting.browsers[0].answer).to_owned();
    let rounds = 100_000;
    for number in 0..rounds {
        let from = SocketAddr::from(([203, 0, 113, 8], 1_024 + (number % 60_000) as u16));
        let user = format!("{:x}:{:x}", random.bits(), random.bits());
        meeting.deliver(from, forged_check(&user, &mut random));
        meeting.deliver(from, forged_check(&format!("{ufrag}:abcd"), &mut random));
    }
    let after = meeting.sfu.stats();
    let counted = |cause| after.dropped[cause] - before.dropped[cause];
    assert_eq!(counted(DropCause::CheckUnknownUser), rounds);
    assert_eq!(counted(DropCause::CheckNotAuthentic), rounds);
    assert_eq!(after.datagrams_out, before.datagrams_out);
    assert_eq!(after.transports, before.transports);
    meeting.run(SECOND);
    assert_stands(&meeting);
}

#[test]
fn cut_and_giant_datagrams_are_dropped() {
    let mut meeting = pair(8);
    let address = meeting.browsers[0].address;
    let mut samples: Vec<Vec<u8>> = Vec::new();
    for datagram in meeting.recorded.iter().filter(|datagram| datagram.from == address).rev() {
        let class = datagram.bytes.first().map(|byte| byte / 64);
        if !samples.iter().any(|sample: &Vec<u8>| sample.first().map(|byte| byte / 64) == class) {
            samples.push(datagram.bytes.clone());
        }
    }
    samples.push(client_hello());
    samples.push(forged_check("a:b", &mut Random::new(8)));
    for from in [address, STRANGER] {
        for sample in &samples {
            for length in 0..sample.len() {
                meeting.deliver(from, sample[..length].to_vec());
            }
            let mut giant = sample.clone();
            giant.resize(65_507, 0xff);
            meeting.deliver(from, giant);
        }
    }
    meeting.run(SECOND);
    assert_stands(&meeting);
}

#[test]
fn absurd_reports_of_a_participant_cost_nobody_anything() {
    let mut meeting = pair(9);
    let seat = Seat(1);
    let (own, _) = meeting.browsers[1].stream(Camera);
    let (others, _) = meeting.browsers[0].stream(Camera);
    let slot = meeting.browsers[1].slots.values().find(|slot| slot.is_video);
    let slot = slot.expect("a slot of pictures").ssrc;
    let all_numbers: Vec<NackPair> = (0..=u16::MAX)
        .step_by(17)
        .take(250)
        .map(|packet_id| NackPair { packet_id, lost_packets: 0xffff })
        .collect();
    let before = meeting.sfu.stats();
    let mut spent = 0;
    for round in 0..200 {
        let media = [own, others, slot, 0, u32::MAX][round % 5];
        let reports: Vec<Box<dyn rtcp::Packet>> = vec![
            Box::new(TransportLayerNack {
                sender_ssrc: 1,
                media_ssrc: media,
                nacks: all_numbers.clone(),
            }),
            Box::new(PictureLossIndication { sender_ssrc: 1, media_ssrc: media }),
            Box::new(FullIntraRequest {
                sender_ssrc: 1,
                media_ssrc: media,
                fir: vec![FirEntry { ssrc: media, sequence_number: round as u8 }; 20],
            }),
            Box::new(ReceiverEstimatedMaximumBitrate {
                sender_ssrc: 1,
                bitrate: 0.0,
                ssrcs: vec![media; 50],
            }),
            Box::new(ReceiverReport {
                ssrc: 1,
                reports: vec![
                    ReceptionReport {
                        ssrc: media,
                        fraction_lost: 255,
                        total_lost: 0x7f_ffff,
                        last_sequence_number: u32::MAX,
                        jitter: u32::MAX,
                        last_sender_report: u32::MAX,
                        delay: u32::MAX,
                    };
                    31
                ],
                ..ReceiverReport::default()
            }),
            Box::new(Goodbye { sources: vec![media; 31], ..Goodbye::default() }),
        ];
        let now = meeting.now;
        for report in reports {
            spent += 1;
            meeting.browsers[seat.0].send_reports(now, vec![report]);
        }
        meeting.run(Duration::from_millis(5));
    }
    let after = meeting.sfu.stats();
    assert!(spent > 1_000);
    let again = after.packets_retransmitted - before.packets_retransmitted;
    // One second of pictures is about 100 packets; asking again and again may repeat them a few
    // times but not without end.
    assert!(again < 2_000, "{again} packets sent again");
    let requests = meeting.browsers[0].key_frame_requests(Camera).len();
    assert!(requests < 30, "{requests} key frame requests in about two seconds");
    meeting.run(SECOND);
    assert_stands(&meeting);
}

#[test]
fn false_reports_of_loss_are_paid_by_whoever_makes_them() {
    let mut meeting = Meeting::of(11, 3);
    meeting.subscribe_all();
    meeting.turn_on(Seat(0), Camera);
    meeting.run(4 * SECOND);
    let (liar, other) = (Seat(1), Seat(2));
    let of_pictures = |meeting: &Meeting, seat: Seat| {
        let browser = &meeting.browsers[seat.0];
        let slots = browser.slots.values().filter(|slot| slot.is_video);
        let busy = slots.max_by_key(|slot| slot.received.len()).expect("it has slots");
        (busy.ssrc, busy.received.len(), busy.received.last().map_or(0, |packet| packet.sequence))
    };
    let seen = |meeting: &Meeting| of_pictures(meeting, other).1;
    let again = |meeting: &Meeting| meeting.sfu.stats().packets_retransmitted;
    let before = seen(&meeting);
    meeting.run(4 * SECOND);
    let (honest, before) = (seen(&meeting) - before, (seen(&meeting), again(&meeting)));
    for _ in 0..200 {
        let (media_ssrc, _, newest) = of_pictures(&meeting, liar);
        let pair = |back: u16| NackPair {
            packet_id: newest.wrapping_sub(back * 17),
            lost_packets: 0xffff,
        };
        let nacks = (1..8).map(pair).collect();
        let nack = TransportLayerNack { sender_ssrc: 1, media_ssrc, nacks };
        let now = meeting.now;
        meeting.browsers[liar.0].send_reports(now, vec![Box::new(nack)]);
        meeting.run(SECOND / 50);
    }
    let repairs = again(&meeting) - before.1;
    assert!(seen(&meeting) - before.0 >= honest * 95 / 100, "the other one sees as much as before");
    // 23,800 were asked for. Half of the path may go to repairs, and the path is not endless.
    assert!(repairs < 4 * honest as u64, "{repairs} packets sent again, {honest} sent");
}

#[test]
fn sealed_nonsense_of_a_participant_is_dropped() {
    let mut meeting = pair(10);
    let mut random = Random::new(10);
    for round in 0..2_000_u32 {
        let mut bytes = random.bytes(4 * (1 + random.clone().below(40) as usize));
        // A plausible first word, so that more than the first test of the parser is reached.
        bytes[0] = 0x80 | (round % 32) as u8;
        bytes[1] = 192 + (round % 24) as u8;
        let words = (bytes.len() / 4 - 1) as u16 ^ (round % 3) as u16;
        bytes[2..4].copy_from_slice(&words.to_be_bytes());
        let now = meeting.now;
        meeting.browsers[1].send_reports(now, vec![Box::new(RawPacket(bytes.into()))]);
        if round % 50 == 0 {
            meeting.run(Duration::from_millis(5));
        }
    }
    let seed = STANDARD.decode(RTCP_SEED).expect("the seed is base64");
    let now = meeting.now;
    meeting.browsers[1].send_reports(now, vec![Box::new(RawPacket(seed.into()))]);
    meeting.run(SECOND);
    assert_stands(&meeting);
}

#[test]
fn inputs_that_crashed_other_parsers_are_dropped() {
    let mut meeting = pair(11);
    let address = meeting.browsers[0].address;
    for seed in [RTP_SEED, RTCP_SEED] {
        let bytes = STANDARD.decode(seed).expect("the seed is base64");
        let before = meeting.sfu.stats();
        meeting.deliver(address, bytes.clone());
        meeting.deliver(STRANGER, bytes.clone());
        assert_eq!(dropped_since(&before, &meeting.sfu.stats()), 2);
        // Its header alone is good; what it holds must not be read beyond its end.
        if let Ok(view) = sfu_core::packet::RtpView::parse(&bytes) {
            assert!(view.extensions().count() <= bytes.len());
        }
    }
    meeting.run(SECOND);
    assert_stands(&meeting);
}

#[test]
fn a_participant_cannot_fill_the_server_with_sources() {
    let mut meeting = pair(12);
    let (_, payload_type) = meeting.browsers[0].stream(Camera);
    let before = meeting.sfu.stats();
    for ssrc in 0..5_000 {
        let header = rtc::rtp::Header {
            version: 2,
            payload_type,
            ssrc,
            sequence_number: 1,
            ..rtc::rtp::Header::default()
        };
        let packet = rtc::rtp::Packet { header, payload: vec![0x10, 0, 0, 0].into() };
        let now = meeting.now;
        meeting.browsers[0].send_packets(now, vec![packet]);
        if ssrc % 100 == 0 {
            meeting.run(Duration::from_millis(1));
        }
    }
    meeting.run(SECOND);
    let after = meeting.sfu.stats();
    assert!(dropped_since(&before, &after) >= 4_900, "{after:?}");
    assert_stands(&meeting);
}

#[test]
fn a_flood_of_sender_reports_goes_on_to_nobody() {
    let mut meeting = Meeting::of(13, 6);
    meeting.turn_on(Seat(0), Microphone);
    meeting.subscribe_all();
    meeting.run(SECOND);
    let (ssrc, _) = meeting.browsers[0].stream(Microphone);
    let heard = |meeting: &Meeting| -> usize {
        let slots = meeting.browsers.iter().flat_map(|browser| browser.slots.values());
        slots.map(|slot| slot.sender_reports).sum()
    };
    let before = (heard(&meeting), meeting.sfu.stats());
    for round in 0..100_u64 {
        let report = |number: u64| -> Box<dyn rtcp::Packet> {
            let ntp_time = (round * 42 + number) << 32;
            Box::new(SenderReport { ssrc, ntp_time, ..SenderReport::default() })
        };
        let now = meeting.now;
        meeting.browsers[0].send_reports(now, (0..42).map(report).collect());
        meeting.run(SECOND / 100);
    }
    let reports = heard(&meeting) - before.0;
    // Five in a second to each of the five others, and one on its way at either end.
    assert!((5..=5 * 7).contains(&reports), "{reports} reports went on");
    let dropped = meeting.sfu.stats().dropped[DropCause::SenderReportFlood];
    let dropped = dropped - before.1.dropped[DropCause::SenderReportFlood];
    // The last may be under way.
    assert!(dropped >= 98 * 42, "{dropped} were dropped");
}

#[test]
fn floods_of_reports_are_read_no_further_than_anybody_needs() {
    const DATAGRAMS: u64 = 6_000;
    let mut meeting = Meeting::of(14, 3);
    meeting.subscribe_all();
    for seat in [Seat(0), Seat(1)] {
        meeting.turn_on(seat, Camera);
    }
    meeting.run(4 * SECOND);
    let (flooder, other) = (Seat(1), Seat(2));
    let seen = |meeting: &Meeting| -> usize {
        let slots = meeting.browsers[other.0].slots.values().filter(|slot| slot.is_video);
        slots.map(|slot| slot.received.len()).sum()
    };
    let before = seen(&meeting);
    meeting.run(2 * SECOND);
    let (honest, before) = (seen(&meeting) - before, seen(&meeting));
    let stats = meeting.sfu.stats();
    let slots = meeting.browsers[flooder.0].slots.values();
    let busy = slots.max_by_key(|slot| slot.received.len()).expect("it has slots").ssrc;
    for round in 0..DATAGRAMS / 10 {
        for number in 0..10_u16 {
            let report: Box<dyn rtcp::Packet> = if number % 2 == 0 {
                Box::new(RawPacket(endless_feedback(number).into()))
            } else {
                let pair = |at: u16| NackPair { packet_id: at * 17, lost_packets: 0xffff };
                let nacks = (0..250).map(|at| pair(at + round as u16)).collect();
                Box::new(TransportLayerNack { sender_ssrc: 1, media_ssrc: busy, nacks })
            };
            let now = meeting.now;
            meeting.browsers[flooder.0].send_reports(now, vec![report]);
        }
        meeting.run(2 * SECOND / (DATAGRAMS / 10) as u32);
    }
    let after = meeting.sfu.stats();
    let dropped = after.dropped[DropCause::ReportFlood] - stats.dropped[DropCause::ReportFlood];
    assert!(dropped > DATAGRAMS * 85 / 100, "{dropped} datagrams of {DATAGRAMS} were not read");
    // 12,750,000 numbers were asked for again.
    let asked = after.nacks_in - stats.nacks_in;
    assert!(asked < 50_000, "{asked} numbers were looked for");
    let (seen, honest) = (seen(&meeting) - before, honest * 95 / 100);
    assert!(seen >= honest, "the other one sees as much as before: {seen} of {honest}");
    for slot in meeting.browsers[other.0].slots.values().filter(|slot| slot.is_video) {
        assert_pictures_whole(&slot.received);
    }
}

/// Fifty packets of transport-wide feedback in one datagram. Each says of 4,096 numbers, in one run,
/// that they did not arrive.
fn endless_feedback(base: u16) -> Vec<u8> {
    let [high, low] = base.to_be_bytes();
    let ssrcs = [0, 0, 0, 1, 0, 0, 0, 1];
    let told = [high, low, 0x10, 0, 0, 0, 0, 0, 0x10, 0, 0, 0];
    [&[0x8f, 205, 0, 5][..], &ssrcs, &told].concat().repeat(50)
}

/// Media datagrams a browser sent lately.
fn recorded_media(meeting: &Meeting, from: SocketAddr) -> Vec<Vec<u8>> {
    let recorded = meeting.recorded.iter().filter(|datagram| {
        datagram.from == from
            && datagram.to == SERVER
            && (128..192).contains(&datagram.bytes[0])
            && !(192..224).contains(&datagram.bytes[1])
    });
    recorded.map(|datagram| datagram.bytes.clone()).collect()
}

/// The server's ICE user name in an answer.
fn ufrag(answer: &str) -> &str {
    let line = answer.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:"));
    line.expect("an answer has a user name")
}

/// A well-formed check by somebody who does not know the password.
fn forged_check(user: &str, random: &mut Random) -> Vec<u8> {
    let transaction = [random.bits() as u8; 12];
    connectivity_check(user, "not the password at all", transaction)
}

/// A DTLS 1.2 ClientHello (RFC 6347) as any scanner sends it.
fn client_hello() -> Vec<u8> {
    let mut body = vec![0xfe, 0xfd];
    body.extend([0x11; 32]);
    // No session, no cookie, one suite, no compression, no extensions.
    body.extend([0, 0, 0, 2, 0xc0, 0x2b, 1, 0, 0, 0]);
    let length = body.len() as u32;
    let mut message = vec![1];
    message.extend(&length.to_be_bytes()[1..]);
    message.extend([0, 0, 0, 0, 0]);
    message.extend(&length.to_be_bytes()[1..]);
    message.extend(body);
    let mut record = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0];
    record.extend((message.len() as u16).to_be_bytes());
    record.extend(message);
    record
}
