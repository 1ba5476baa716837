//! Bytes that reach the media plane.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use protocol::{ParticipantId, Redacted, TrackSource};
use sfu_core::codec::{self, CodecKind};
use sfu_core::dependency;
use sfu_core::packet::{self, Extension, RtpHeader, RtpView};
use sfu_core::rewrite::{PacketIds, Rewriter};
use sfu_core::rtcp::{self as reports, Rtcp};
use sfu_core::sframe::{self, Start};
use sfu_core::{
    Command, DtlsIdentity, Event, Frames, Mid, NegotiationId, Path, RoomId, Settings, Sfu,
    sdp as description,
};

use crate::stun::connectivity_check;

/// One RTP packet: what is read lies inside the bytes, and what is written reads back the same.
pub fn rtp_header(data: &[u8]) {
    let Ok(view) = RtpView::parse(data) else {
        let _ = RtpView::parse_header(data);
        return;
    };
    let range = view.payload_range();
    assert!(view.header_len() <= range.start && range.end + view.padding_len() == data.len());
    let fits = |element: &Extension<'_>| element.id > 0 && element.value.len() < 256;
    let elements: Vec<Extension<'_>> = view.extensions().filter(fits).collect();
    let header = RtpHeader {
        marker: view.marker(),
        payload_type: view.payload_type(),
        sequence: view.sequence(),
        timestamp: view.timestamp(),
        ssrc: view.ssrc(),
    };
    let mut written = vec![0; data.len() + 2_048];
    if let Ok(length) = header.write(&elements, &mut written) {
        let again = RtpView::parse(&written[..length]).expect("what was written can be read");
        assert_eq!((again.sequence(), again.ssrc()), (view.sequence(), view.ssrc()));
        assert_eq!(again.timestamp(), view.timestamp());
        assert_eq!(again.payload_type(), view.payload_type());
    }
    for kind in CodecKind::ALL {
        let mut payload = view.payload().to_vec();
        if let Some(info) = codec::inspect(kind, &payload) {
            codec::patch_picture_ids(kind, &mut payload, info.pictures);
            assert_eq!(payload, view.payload(), "the same numbers change nothing");
        }
    }
    let mut repeated = data.to_vec();
    if let Some(original) = packet::restore_from_rtx(&mut repeated, 7, 96) {
        let original = RtpView::parse_header(original).expect("a restored packet is one");
        assert_eq!((original.ssrc(), original.payload_type()), (7, 96));
    }
}

/// Dependency descriptors of one encoding, each after its length: what is read stays within its
/// bounds, and another frame number changes nothing else.
pub fn dependency(data: &[u8]) {
    let mut known = None;
    let mut rest = data;
    while let Some((&length, tail)) = rest.split_first() {
        let (descriptor, tail) = tail.split_at(usize::from(length).min(tail.len()));
        rest = tail;
        let Ok((frame, told)) = dependency::parse(descriptor, known.as_ref()) else { continue };
        known = told.or(known);
        let structure = known.as_ref().expect("a frame was read by one");
        assert!((1..=dependency::MAX_DECODE_TARGETS).contains(&structure.targets().len()));
        assert_eq!(structure.spatial(frame.mandatory), Some(frame.spatial));
        assert_eq!(frame.is_independent, frame.needs().count() == 0);
        let mut renumbered = descriptor.to_vec();
        dependency::Mandatory::set_frame_number(&mut renumbered, 7);
        let (again, _) =
            dependency::parse(&renumbered, Some(structure)).expect("it reads as before");
        assert_eq!(again.mandatory.frame_number, 7);
        assert_eq!((again.spatial, again.temporal), (frame.spatial, frame.temporal));
    }
}

/// A payload of an encrypted room, after the length of its dependency descriptor and that itself:
/// only what stands at a frame's start begins one, and numbers are read as they are written.
pub fn sframe(data: &[u8]) {
    let Some((&length, rest)) = data.split_first() else { return };
    let (descriptor, payload) = rest.split_at(usize::from(length).min(rest.len()));
    for source in TrackSource::ALL {
        let raw = Start::of_raw(source, payload, Some(descriptor));
        let begins = descriptor.len() > 2 && descriptor[0] & 0x80 != 0;
        assert_eq!(raw == Start::No, descriptor.len() > 2 && !begins);
        if let Start::Epoch(epoch) = raw {
            let header = sframe::Header::parse(payload).expect("an epoch comes from a header");
            assert!(header.is_of(source) && header.epoch() == epoch && header.len < payload.len());
            assert_eq!(Start::of(CodecKind::Opus, source, payload), raw, "sound has no format");
        }
        for codec in CodecKind::ALL {
            let Start::Epoch(_) = Start::of(codec, source, payload) else { continue };
            assert!(codec::content(codec, payload).is_some(), "a frame stands behind it");
            let others = TrackSource::ALL.into_iter().filter(|other| *other != source);
            for other in others {
                assert_eq!(Start::of(codec, other, payload), Start::InClear);
            }
        }
    }
    if let Some(header) = sframe::Header::parse(payload) {
        assert!((1..=17).contains(&header.len) && header.len <= payload.len());
        let cut = &payload[..header.len - 1];
        assert_eq!(sframe::Header::parse(cut), None, "no shorter one is one");
    }
}

/// An offer, with the publications a browser of ours would name.
pub fn sdp(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let named = [
        vec![],
        vec![(mid("0"), TrackSource::Microphone), (mid("1"), TrackSource::Camera)],
        vec![(mid("audio"), TrackSource::Microphone)],
    ];
    let all = [Frames::Clear, Frames::Plain, Frames::Raw];
    for (publish, frames) in named.iter().flat_map(|named| all.map(|frames| (named, frames))) {
        let Ok(offer) = description::parse_offer(text, publish, frames) else { continue };
        let ice = description::IceCredentials {
            ufrag: "serv".to_owned(),
            pwd: Redacted::new("0123456789abcdefghijkl".to_owned()),
        };
        let candidates = [SocketAddr::from(([192, 0, 2, 1], 8443))];
        let local = description::LocalParameters {
            wishes: description::Wishes {
                frugal_sound: data.len().is_multiple_of(2),
                ..description::Wishes::default()
            },
            ice: &ice,
            fingerprint: description::Fingerprint([7; 32]),
            candidates: &candidates,
            tcp_port: data.len().is_multiple_of(3).then_some(443),
        };
        let ssrcs = |_: &Mid| Some(description::SlotSsrcs { media: 1, rtx: 2 });
        let answer = description::write_answer(&offer, &local, ssrcs);
        let sections = answer.lines().filter(|line| line.starts_with("m=")).count();
        assert_eq!(sections, offer.sections.len(), "one section answers one section");
    }
}

/// Steps of one slot's numbering: whatever comes in, a number goes out at most once, and each
/// number that went out is found again.
pub fn rewrite_sequence(data: &[u8]) {
    let start = Instant::now();
    let first = PacketIds { sequence: 65_500, timestamp: 7, ..PacketIds::default() };
    let mut rewriter: Rewriter<u8> = Rewriter::new(90_000, first);
    let mut now = start;
    // The newest outgoing number as one that does not wrap, and those given out.
    let mut newest = 1_i64 << 32 | 65_500;
    let mut given_out = BTreeSet::new();
    for step in data.chunks_exact(6) {
        let &[operation, a, b, c, d, e] = step else { return };
        let packet = PacketIds {
            sequence: u16::from_be_bytes([a, b]),
            timestamp: u32::from_be_bytes([c, d, e, 0]),
            pictures: codec::PictureIds {
                picture_id: (operation & 0x40 != 0).then_some(u16::from_be_bytes([c & 0x7f, d])),
                tl0_picture_index: (operation & 0x40 != 0).then_some(e),
            },
        };
        let number = match operation % 8 {
            0 => {
                rewriter.switch(a % 5);
                continue;
            }
            1 => rewriter.skip(packet).map(|filler| filler.sequence),
            2 => {
                now += Duration::from_millis(u64::from(u16::from_be_bytes([a, b])));
                continue;
            }
            _ => rewriter.rewrite(now, packet).map(|out| out.sequence),
        };
        let Some(number) = number else { continue };
        let unwrapped = newest + i64::from(number.wrapping_sub(newest as u16) as i16);
        assert!(given_out.insert(unwrapped), "number {number} went out twice");
        newest = newest.max(unwrapped);
        let origin = rewriter.origin(number).expect("what just went out is found");
        assert_eq!(origin.sequence, packet.sequence);
        assert_eq!(Some(origin.source), rewriter.source());
    }
}

/// Datagrams to a server with two participants of one room. Each step is a length, where the
/// datagram comes from, and its bytes; some steps are checks that the target completes with the
/// right password, so that what follows them reaches the handshake.
pub fn datagram(data: &[u8]) {
    let mut server = Server::new();
    let before = server.sfu.stats();
    let mut rest = data;
    while let Some((&[kind, length], tail)) = rest.split_first_chunk::<2>() {
        let length = (usize::from(length) * if kind & 0x80 == 0 { 1 } else { 6 }).min(tail.len());
        let (bytes, tail) = tail.split_at(length);
        rest = tail;
        server.step(kind, bytes);
    }
    let after = server.sfu.stats();
    assert_eq!(after.transports, before.transports, "nobody joins by datagrams");
    assert_eq!(after.rooms, before.rooms);
    assert_eq!(after.packets_out, 0, "nobody has keys");
}

/// A core with two participants whose offers were answered, and the way to check as each.
struct Server {
    sfu: Sfu,
    now: Instant,
    /// User name and password of each participant's transport.
    credentials: Vec<(String, String)>,
}

impl Server {
    fn new() -> Self {
        thread_local! {
            // Making a certificate takes far longer than a fuzz run.
            static IDENTITY: DtlsIdentity =
                DtlsIdentity::generate().expect("a certificate can be made");
        }
        let settings = Settings {
            identity: IDENTITY.with(Clone::clone),
            candidates: vec![SocketAddr::from(([192, 0, 2, 1], 8443))],
            tcp_port: None,
            worker: 0,
            max_voices: 12,
            scalable: None,
            seed: [7; 32],
        };
        let mut server =
            Self { sfu: Sfu::new(settings), now: Instant::now(), credentials: Vec::new() };
        for number in 0..2 {
            let participant = ParticipantId::from_bytes([number; 8]);
            let room = RoomId(1);
            server.sfu.handle_command(
                server.now,
                Command::AddTransport { participant, room, frames: Frames::Clear },
            );
            let negotiate = Command::Negotiate {
                participant,
                negotiation: NegotiationId(1),
                offer: Redacted::new(OFFER.to_owned()),
                publish: vec![(mid("0"), TrackSource::Microphone)],
            };
            server.sfu.handle_command(server.now, negotiate);
            let Some(Event::Negotiated { answer, .. }) = server.sfu.poll_output() else {
                panic!("the offer is good");
            };
            let value = |name: &str| {
                let line = answer.expose().lines().find_map(|line| line.strip_prefix(name));
                line.expect("an answer has credentials").to_owned()
            };
            server.credentials.push((value("a=ice-ufrag:"), value("a=ice-pwd:")));
        }
        server
    }

    fn step(&mut self, kind: u8, bytes: &[u8]) {
        let remote = SocketAddr::from(([198, 51, 100, kind & 3], 5_000));
        let mut bytes = match (kind >> 2) & 7 {
            0 => {
                let milliseconds = bytes.iter().map(|byte| u64::from(*byte) * 20).sum();
                self.now += Duration::from_millis(milliseconds);
                self.sfu.handle_timeout(self.now);
                self.drain(0);
                return;
            }
            1 => {
                let (user, password) = &self.credentials[usize::from(kind & 1)];
                let mut transaction = [0; 12];
                let length = bytes.len().min(12);
                transaction[..length].copy_from_slice(&bytes[..length]);
                connectivity_check(&format!("{user}:theirs"), password, transaction)
            }
            _ => bytes.to_vec(),
        };
        let length = bytes.len();
        self.sfu.handle_datagram(self.now, Path { remote, local: None }, &mut bytes);
        self.drain(length);
    }

    /// Takes what the core sends; `received` bytes came in just before.
    fn drain(&mut self, received: usize) {
        while let Some(egress) = self.sfu.poll_egress(self.now) {
            let sent: usize = egress.transmits().map(|transmit| transmit.bytes.len()).sum();
            // A flight of the handshake with its certificate, or the answer to a check.
            assert!(sent <= received + 4_096, "{sent} bytes for {received}");
        }
        while self.sfu.poll_output().is_some() {}
    }
}

fn mid(text: &str) -> Mid {
    Mid::new(text).expect("a short token")
}

/// One sending section and one slot.
const OFFER: &str = concat!(
    "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n",
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n",
    "a=ice-ufrag:theirs\r\na=ice-pwd:0123456789abcdef01234567\r\n",
    "a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:",
    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n",
    "a=setup:actpass\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n",
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n",
    "a=ice-ufrag:theirs\r\na=ice-pwd:0123456789abcdef01234567\r\n",
    "a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:",
    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n",
    "a=setup:actpass\r\na=mid:1\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n",
);

/// One decrypted RTCP datagram: whatever it announces, reading it ends, and a NACK that is read
/// is the same after being written and read again.
pub fn rtcp(data: &[u8]) {
    let Ok(compound) = reports::parse(data) else { return };
    let mut packets = 0;
    for packet in compound {
        packets += 1;
        match packet {
            Rtcp::SenderReport { blocks, info, .. } => {
                for block in blocks {
                    let _ = block.round_trip(info.ntp);
                }
            }
            Rtcp::ReceiverReport { blocks, .. } => assert!(blocks.count() <= 31),
            Rtcp::Nack { media_ssrc, lost } => {
                let lost: BTreeSet<u16> = lost.collect();
                assert!(lost.len() <= data.len() / 4 * 17, "more numbers than bytes can name");
                let numbers: Vec<u16> = lost.iter().copied().take(100).collect();
                assert_eq!(written_nack(media_ssrc, &numbers), numbers);
            }
            Rtcp::KeyFrameRequest { media_ssrcs } => {
                assert!(media_ssrcs.count() <= data.len() / 4);
            }
            Rtcp::TransportFeedback(feedback) => {
                // The count of packets has 16 bits, whatever the runs in it claim.
                assert!(feedback.arrivals().count() <= usize::from(u16::MAX));
            }
            Rtcp::Goodbye { ssrcs } => assert!(ssrcs.count() <= 31),
        }
    }
    assert!(packets <= data.len() / 4);
}

fn written_nack(media_ssrc: u32, numbers: &[u16]) -> Vec<u16> {
    let mut out = Vec::new();
    reports::write_nack(&mut out, 1, media_ssrc, numbers.iter().copied());
    let again = reports::parse(&out).expect("what was written can be read");
    let lost: BTreeSet<u16> = again
        .filter_map(|packet| match packet {
            Rtcp::Nack { lost, .. } => Some(lost),
            Rtcp::SenderReport { .. }
            | Rtcp::ReceiverReport { .. }
            | Rtcp::KeyFrameRequest { .. }
            | Rtcp::TransportFeedback(_)
            | Rtcp::Goodbye { .. } => None,
        })
        .flatten()
        .collect();
    lost.into_iter().collect()
}
