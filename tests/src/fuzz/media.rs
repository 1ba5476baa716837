//! Bytes that reach the media plane.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use protocol::{Redacted, TrackSource};
use sfu_core::codec::{self, CodecKind, PictureIds};
use sfu_core::dependency;
use sfu_core::feedback::ArrivalLog;
use sfu_core::loss::{Arrival, LossTracker, MAX_MISSING};
use sfu_core::packet::{self, Extension, RtpHeader, RtpView};
use sfu_core::rewrite::{PacketIds, Rewriter};
use sfu_core::rtcp::{self as reports, Rtcp};
use sfu_core::sframe::{self, Start};
use sfu_core::{Frames, Mid, sdp as description};

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
            pictures: PictureIds {
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

/// Payloads of a codec, one after the other: numbers of pictures can be written over others, and
/// nothing else changes by it.
pub fn descriptor(data: &[u8]) {
    let Some((&codec, mut rest)) = data.split_first() else { return };
    let codec = CodecKind::ALL[usize::from(codec) % CodecKind::ALL.len()];
    let mut next = 0x7ffe_u16;
    while let Some((&length, tail)) = rest.split_first() {
        let (payload, tail) = tail.split_at(usize::from(length).min(tail.len()));
        rest = tail;
        let content = codec::content(codec, payload);
        assert!(content.is_none_or(|content| payload.ends_with(content) && !content.is_empty()));
        let _ = (codec::begins_layer(payload), codec::inspect_as(Frames::Raw, codec, payload));
        let Some(info) = codec::inspect(codec, payload) else { continue };
        let mut patched = payload.to_vec();
        let ids = PictureIds { picture_id: Some(next), tl0_picture_index: Some(0xfe) };
        codec::patch_picture_ids(codec, &mut patched, ids);
        let again = codec::inspect(codec, &patched).expect("it reads as before");
        assert_eq!(codec::content(codec, &patched), content);
        assert_eq!(again.temporal, info.temporal);
        assert_eq!(
            (again.starts_frame, again.starts_key_frame),
            (info.starts_frame, info.starts_key_frame)
        );
        let PictureIds { picture_id, tl0_picture_index } = again.pictures;
        assert_eq!(picture_id.is_some(), info.pictures.picture_id.is_some());
        assert_eq!(tl0_picture_index.is_some(), info.pictures.tl0_picture_index.is_some());
        // In the short form there is room for its lower bits alone.
        assert!(picture_id.is_none_or(|id| id == next || id == next & 0x7f), "{picture_id:?}");
        next = (next + 1) & 0x7fff;
    }
}

/// Packets of one source arrive in any order and at any time: what is asked for again was never
/// seen, and what is told of arrivals can be read.
pub fn arrival_sequence(data: &[u8]) {
    let mut now = Instant::now();
    let mut tracker = LossTracker::new(90_000);
    let mut log = ArrivalLog::new();
    let mut newest = None;
    // The numbers near the newest that came: what is older may be forgotten.
    let mut seen = BTreeSet::new();
    for step in data.chunks_exact(4) {
        let &[operation, a, b, c] = step else { return };
        let number = match operation % 4 {
            0 => u16::from_be_bytes([a, b]),
            _ => newest.unwrap_or(0_u16).wrapping_add_signed(i16::from(a.cast_signed())),
        };
        now += Duration::from_millis(u64::from(c));
        if operation & 0x10 == 0 {
            let arrival = match operation & 0x20 {
                0 => tracker.handle_packet(now, number, u32::from_be_bytes([b, c, a, 0])),
                _ => tracker.handle_retransmission(now, number),
            };
            if arrival == Arrival::New {
                let ahead = |newest: &u16| number.wrapping_sub(*newest) as i16 > 0;
                let highest = newest.filter(|newest| !ahead(newest)).unwrap_or(number);
                newest = Some(highest);
                seen.retain(|seen: &u16| highest.wrapping_sub(*seen) < 1_000);
                assert!(seen.insert(number), "{number} is new twice");
            }
            log.handle_packet(now, number);
        }
        let missing: Vec<u16> = tracker.poll_missing(now).collect();
        assert!(missing.len() <= MAX_MISSING);
        assert!(missing.iter().all(|number| !seen.contains(number)), "asked for what came");
        let mut told = Vec::new();
        if log.poll_feedback(now, 1, 2, &mut told) && !told.is_empty() {
            let reports = reports::parse(&told).expect("what was written can be read");
            for report in reports {
                let Rtcp::TransportFeedback(feedback) = report else { panic!("feedback alone") };
                assert!(feedback.arrivals().count() <= usize::from(u16::MAX));
            }
        }
        if operation & 0x40 != 0 {
            let _ = tracker.report(now, 7);
        }
    }
}

pub(super) fn mid(text: &str) -> Mid {
    Mid::new(text).expect("a short token")
}

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
