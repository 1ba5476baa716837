use std::collections::BTreeMap;

use proptest::prelude::*;
use protocol::{ParticipantId, TrackId, TrackSource};
use sfu_core::RecordingTap;

use super::*;

/// A frame of pictures as a publisher sends it: number of the first packet, count, key frame.
fn picture(first: u16, parts: u16, is_key: bool, ticks: u32) -> Vec<Sent> {
    let part = |part: u16| {
        // Descriptor; in the first part the tag that tells a key frame.
        let mut payload = vec![if part == 0 { 0x10 } else { 0 }];
        payload.extend([u8::from(!is_key), part as u8, first as u8]);
        Sent {
            sequence: first.wrapping_add(part),
            timestamp: ticks,
            marker: part + 1 == parts,
            starts_key_frame: is_key && part == 0,
            payload,
        }
    };
    (0..parts).map(part).collect()
}

#[derive(Clone, Debug)]
struct Sent {
    sequence: u16,
    timestamp: u32,
    marker: bool,
    starts_key_frame: bool,
    payload: Vec<u8>,
}

struct Test {
    assembler: Assembler,
    now: Instant,
    starts_over: bool,
    frames: Vec<Frame>,
}

impl Test {
    fn new(codec: CodecKind) -> Self {
        let assembler = Assembler::new(codec);
        Self { assembler, now: Instant::now(), starts_over: true, frames: Vec::new() }
    }

    fn hear(&mut self, sent: &Sent) {
        self.assembler.handle_packet(&CapturedPacket {
            recording: RecordingTap(1),
            track: TrackId {
                participant: ParticipantId::from_bytes([1; 8]),
                source: TrackSource::Camera,
            },
            codec: self.assembler.codec,
            frames: Frames::Clear,
            starts_over: std::mem::take(&mut self.starts_over),
            starts_frame: true,
            starts_key_frame: sent.starts_key_frame,
            marker: sent.marker,
            sequence: sent.sequence,
            timestamp: sent.timestamp,
            arrival: self.now,
            payload: &sent.payload,
        });
        self.pass(0);
    }

    fn pass(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
        while let Some(frame) = self.assembler.poll_frame(self.now) {
            self.frames.push(frame);
        }
    }

    fn times(&self) -> Vec<u32> {
        self.frames.iter().map(|frame| frame.timestamp).collect()
    }
}

#[test]
fn pictures_come_out_whole_and_in_order_whatever_overtook() {
    let mut test = Test::new(CodecKind::Vp8);
    let key = picture(65_534, 3, true, 10);
    let other = picture(1, 2, false, 20);
    // The key frame's own second packet comes first, and the next picture before its end.
    for sent in [&key[1], &key[0], &other[0], &key[2], &other[1]] {
        test.hear(sent);
    }
    assert_eq!(test.times(), [10, 20]);
    assert_eq!(test.frames.iter().map(|frame| frame.is_key).collect::<Vec<_>>(), [true, false]);
    assert_eq!(test.frames[0].data, [0, 0, 254, 0, 1, 254, 0, 2, 254]);
    assert!(test.frames[0].starts_over && !test.frames[1].starts_over);
}

#[test]
fn a_lost_packet_is_waited_for_and_then_everything_up_to_the_next_key_frame_is_left_out() {
    let mut test = Test::new(CodecKind::Vp8);
    for sent in picture(1, 2, true, 10) {
        test.hear(&sent);
    }
    let torn = picture(3, 3, false, 20);
    test.hear(&torn[0]);
    test.hear(&torn[2]);
    for sent in picture(6, 2, false, 30) {
        test.hear(&sent);
    }
    test.pass(900);
    assert_eq!(test.times(), [10]);
    test.hear(&torn[1]);
    assert_eq!(test.times(), [10, 20, 30], "it was repaired");

    test.hear(&picture(8, 3, false, 40)[2]);
    test.pass(1_000);
    for sent in picture(11, 2, false, 50).iter().chain(&picture(13, 2, true, 60)) {
        test.hear(sent);
    }
    assert_eq!(test.times(), [10, 20, 30, 60]);
    test.hear(&torn[1]);
    assert_eq!(test.times().len(), 4, "too late");
}

#[test]
fn a_torn_key_frame_is_not_waited_for_for_ever() {
    let mut test = Test::new(CodecKind::Vp8);
    let torn = picture(1, 3, true, 10);
    test.hear(&torn[0]);
    test.hear(&torn[2]);
    test.pass(1_000);
    for sent in picture(4, 1, false, 20).iter().chain(&picture(5, 2, true, 30)) {
        test.hear(sent);
    }
    assert_eq!(test.times(), [30]);
}

#[test]
fn padding_closes_gaps_and_is_no_frame() {
    let mut test = Test::new(CodecKind::Vp8);
    let padding = |sequence| Sent {
        sequence,
        timestamp: 10,
        marker: false,
        starts_key_frame: false,
        payload: Vec::new(),
    };
    test.hear(&padding(0));
    for sent in picture(1, 1, true, 10) {
        test.hear(&sent);
    }
    test.hear(&padding(2));
    for sent in picture(3, 1, false, 20) {
        test.hear(&sent);
    }
    assert_eq!(test.times(), [10, 20]);
}

#[test]
fn a_new_beginning_has_nothing_to_do_with_what_came_before() {
    let mut test = Test::new(CodecKind::Vp8);
    for sent in picture(50_000, 1, true, 1_000) {
        test.hear(&sent);
    }
    test.hear(&picture(50_001, 2, false, 1_010)[0]);
    test.starts_over = true;
    test.hear(&picture(7, 1, false, 5)[0]);
    for sent in picture(8, 1, true, 15) {
        test.hear(&sent);
    }
    assert_eq!(test.times(), [1_000, 15]);
    assert!(test.frames[1].starts_over);
}

#[test]
fn sound_goes_on_behind_what_is_lost() {
    let mut test = Test::new(CodecKind::Opus);
    let sound = |number: u16| Sent {
        sequence: number,
        timestamp: u32::from(number) * 960,
        marker: false,
        starts_key_frame: true,
        payload: vec![0x78, number as u8],
    };
    for number in [1, 2, 5, 4, 6] {
        test.hear(&sound(number));
    }
    assert_eq!(test.frames.len(), 2);
    test.pass(1_000);
    test.hear(&sound(7));
    assert_eq!(test.times(), [1, 2, 4, 5, 6, 7].map(|number| number * 960));
    assert!(test.frames.iter().all(|frame| frame.is_key));
}

#[test]
fn what_waits_is_bounded() {
    let mut test = Test::new(CodecKind::Vp8);
    for number in 0..40_000_u32 {
        // Never a key frame, and later never an end.
        let sent = Sent {
            sequence: number as u16,
            timestamp: 1,
            marker: false,
            starts_key_frame: number == 10_000,
            payload: vec![0x10, 1, 2],
        };
        test.hear(&sent);
        assert!(test.assembler.waiting.len() <= MOST_WAITING);
    }
    assert_eq!(test.frames, []);
}

proptest! {
    /// Against the frames that were sent: each that comes out is whole and one of them, in order,
    /// and a picture follows only what it needs.
    #[test]
    fn only_whole_pictures_come_out_and_each_after_what_it_needs(
        shapes in prop::collection::vec((1..5_u16, prop::bool::weighted(0.2)), 1..60),
        first: u16,
        faults in prop::collection::vec((0..10_u8, 0..40_u64), 300),
    ) {
        let mut sent = Vec::new();
        let mut whole = BTreeMap::new();
        let mut number = first;
        for (frame, (parts, is_key)) in shapes.iter().enumerate() {
            let ticks = frame as u32 * 3_000;
            let packets = picture(number, *parts, *is_key || frame == 0, ticks);
            let data: Vec<u8> =
                packets.iter().flat_map(|packet| packet.payload[1..].to_vec()).collect();
            whole.insert(ticks, (frame, *is_key || frame == 0, data));
            number = number.wrapping_add(*parts);
            sent.extend(packets);
        }
        // Lost, late by one, or both of two.
        let mut order: Vec<usize> = (0..sent.len()).collect();
        for (at, (fault, _)) in faults.iter().enumerate().take(sent.len().saturating_sub(1)) {
            if *fault == 1 {
                order.swap(at, at + 1);
            }
        }
        let mut test = Test::new(CodecKind::Vp8);
        for (at, (fault, pause)) in order.into_iter().zip(&faults) {
            test.pass(*pause);
            if *fault != 0 {
                test.hear(&sent[at]);
            }
        }
        test.pass(1_000);
        let mut before: Option<usize> = None;
        for frame in &test.frames {
            let (at, is_key, data) = &whole[&frame.timestamp];
            prop_assert_eq!(data, &frame.data);
            prop_assert_eq!(*is_key, frame.is_key);
            prop_assert!(before.is_none_or(|before| before < *at));
            prop_assert!(*is_key || before == at.checked_sub(1), "{} follows {:?}", at, before);
            before = Some(*at);
        }
    }
}

/// One packet of an encrypted picture.
fn encrypted(
    frames: Frames,
    codec: CodecKind,
    sequence: u16,
    (starts_frame, starts_key_frame, marker): (bool, bool, bool),
    payload: &[u8],
    assembler: &mut Assembler,
) {
    assembler.handle_packet(&CapturedPacket {
        recording: RecordingTap(1),
        track: TrackId {
            participant: ParticipantId::from_bytes([1; 8]),
            source: TrackSource::Camera,
        },
        codec,
        frames,
        starts_over: sequence == 0,
        starts_frame,
        starts_key_frame,
        marker,
        sequence,
        timestamp: 3_000,
        arrival: Instant::now(),
        payload,
    });
}

#[test]
fn what_was_encrypted_at_once_is_one_frame_and_nothing_is_added() {
    let polled = |assembler: &mut Assembler| -> Vec<(bool, Vec<u8>)> {
        let next = || assembler.poll_frame(Instant::now());
        std::iter::from_fn(next).map(|frame| (frame.is_key, frame.data)).collect()
    };
    // Two layers of one picture of VP9, the first in two packets.
    let mut vp9 = Assembler::new(CodecKind::Vp9);
    for (sequence, starts, payload) in [
        (0, (true, true, false), &[0x08, 1, 2][..]),
        (1, (false, false, false), &[0x00, 3]),
        (2, (true, false, true), &[0x08, 4, 5]),
    ] {
        encrypted(Frames::Plain, CodecKind::Vp9, sequence, starts, payload, &mut vp9);
    }
    assert_eq!(polled(&mut vp9), [(true, vec![1, 2, 3]), (false, vec![4, 5])]);
    // Raw ones, which look like anything.
    for codec in [CodecKind::Vp8, CodecKind::Vp9, CodecKind::Av1, CodecKind::H264] {
        let mut raw = Assembler::new(codec);
        for (sequence, starts, payload) in [
            (0, (true, true, false), &[0xff, 1][..]),
            (1, (false, false, false), &[0x7c]),
            (2, (true, false, true), &[0x00, 0x08]),
        ] {
            encrypted(Frames::Raw, codec, sequence, starts, payload, &mut raw);
        }
        let frames = polled(&mut raw);
        assert_eq!(frames, [(true, vec![0xff, 1, 0x7c]), (false, vec![0x00, 0x08])], "{codec:?}");
    }
}
