use std::time::{Duration, Instant};

use serde_json::json;

use super::*;
use crate::said;

const BASE: [u8; 16] = [1; 16];
const OTHER_BASE: [u8; 16] = [2; 16];
const LEAF: u16 = 5;

fn sealer(epoch: u64, base_key: [u8; 16]) -> Sealer {
    let mut sealer = Sealer::default();
    sealer.set_epoch(LEAF, epoch, base_key);
    sealer
}

fn opener(now: Instant, epoch: u64, base_key: [u8; 16]) -> Opener {
    let mut opener = Opener::default();
    assert_eq!(opener.set_epoch(now, epoch, base_key), []);
    opener
}

fn incoming(codec: Codec, bytes: &[u8]) -> Incoming {
    Incoming { slot: 0, expected: (LEAF, Source::Camera), codec, bytes: bytes.to_vec() }
}

fn vp8(key: bool, length: usize) -> Vec<u8> {
    let mut frame: Vec<u8> = (0..length).map(|at| at.to_be_bytes()[7]).collect();
    frame[0] = u8::from(!key);
    frame
}

fn dropped(why: Why) -> Verdict {
    Verdict::Dropped(why)
}

#[test]
fn every_key_id_is_read_as_it_is_written_and_has_24_bits() {
    for source in SOURCES {
        for level in LEVELS {
            for (leaf, epoch) in [(0, 0), (1, 255), (4095, 7)] {
                let kid = Kid { source, level, leaf, epoch };
                assert!(kid.to_u64() < 1 << 24);
                assert_eq!(Kid::from_u64(kid.to_u64()), Ok(kid));
            }
        }
    }
    assert_eq!(Kid::from_u64(15 << 20), Err(Cut));
    assert_eq!(Kid::from_u64(u64::MAX), Err(Cut));
}

#[test]
fn what_is_sealed_opens_and_costs_no_more_than_23_bytes() {
    let now = Instant::now();
    for codec in [Codec::Opus, Codec::Vp8, Codec::Vp9, Codec::Whole] {
        let (mut sealer, mut opener) = (sealer(3, BASE), opener(now, 3, BASE));
        for length in [10, 11, 200, 1200, 40_000] {
            for key in [true, false] {
                let frame = vp8(key, length);
                let sealed =
                    sealer.seal(Source::Camera, Level::Everybody, codec, &frame).expect("a key");
                assert!(sealed.len() <= frame.len() + 23);
                let prefix = match (codec, key) {
                    (Codec::Vp8, true) => 10,
                    (Codec::Vp8, false) => 3,
                    _ => 0,
                };
                assert_eq!(sealed[..prefix], frame[..prefix], "the prefix stays clear");
                let verdict = opener.open(now, incoming(codec, &sealed));
                assert_eq!(verdict, Verdict::Opened(frame));
            }
        }
    }
}

#[test]
fn without_a_key_nothing_is_sent() {
    let mut sealer = Sealer::default();
    let frame = vp8(true, 100);
    let without = sealer.seal(Source::Camera, Level::Everybody, Codec::Vp8, &frame);
    assert_eq!(without, Err(NotSealed::NoKey));
    sealer.set_epoch(LEAF, 1, BASE);
    let narrow = sealer.seal(Source::Camera, Level::Group, Codec::Vp8, &frame);
    assert_eq!(narrow, Err(NotSealed::NoKey));
    let short = sealer.seal(Source::Camera, Level::Everybody, Codec::Vp8, &frame[..9]);
    assert_eq!(short, Err(NotSealed::NoFrame));
    sealer.stop();
    let stopped = sealer.seal(Source::Camera, Level::Everybody, Codec::Vp8, &frame);
    assert_eq!(stopped, Err(NotSealed::NoKey));
}

#[test]
fn an_altered_byte_anywhere_is_dropped_and_the_frame_itself_opens_afterwards() {
    let now = Instant::now();
    let (mut sealer, mut opener) = (sealer(3, BASE), opener(now, 3, BASE));
    let frame = vp8(true, 60);
    let sealed = sealer.seal(Source::Camera, Level::Everybody, Codec::Vp8, &frame).expect("a key");
    for at in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[at] ^= 1;
        let verdict = opener.open(now, incoming(Codec::Vp8, &altered));
        assert!(matches!(verdict, Verdict::Dropped(_) | Verdict::Held), "byte {at}: {verdict:?}");
    }
    for end in 0..sealed.len() {
        let verdict = opener.open(now, incoming(Codec::Vp8, &sealed[..end]));
        assert!(matches!(verdict, Verdict::Dropped(_)), "cut at {end}: {verdict:?}");
    }
    assert_eq!(opener.open(now, incoming(Codec::Vp8, &sealed)), Verdict::Opened(frame));
}

#[test]
fn frames_in_clear_replayed_misrouted_or_of_an_old_epoch_are_dropped_and_counted() {
    let now = Instant::now();
    let (mut sealer, mut opener) = (sealer(3, BASE), opener(now, 3, BASE));
    let frame = vp8(false, 60);
    let seal = |sealer: &mut Sealer| {
        sealer.seal(Source::Camera, Level::Everybody, Codec::Vp8, &frame).expect("a key")
    };
    let sealed = seal(&mut sealer);
    assert_eq!(opener.open(now, incoming(Codec::Vp8, &sealed)), Verdict::Opened(frame.clone()));
    assert_eq!(opener.open(now, incoming(Codec::Vp8, &sealed)), dropped(Why::Replayed));

    // The first byte after the clear prefix says a key id of eight bytes: none of ours.
    let clear = [&frame[..3], &[0xff; 57]].concat();
    assert_eq!(opener.open(now, incoming(Codec::Vp8, &clear)), dropped(Why::Clear));

    let sealed = seal(&mut sealer);
    let mut elsewhere = incoming(Codec::Vp8, &sealed);
    elsewhere.expected = (LEAF + 1, Source::Camera);
    assert_eq!(opener.open(now, elsewhere), dropped(Why::Misrouted));
    let mut elsewhere = incoming(Codec::Vp8, &sealed);
    elsewhere.expected = (LEAF, Source::Screen);
    assert_eq!(opener.open(now, elsewhere), dropped(Why::Misrouted));

    let sealed = seal(&mut sealer);
    assert_eq!(opener.set_epoch(now, 4, OTHER_BASE), []);
    let late = now + Duration::from_millis(4_999);
    assert_eq!(opener.open(late, incoming(Codec::Vp8, &sealed)), Verdict::Opened(frame.clone()));
    let sealed = seal(&mut sealer);
    let too_late = now + Duration::from_secs(5);
    assert_eq!(opener.open(too_late, incoming(Codec::Vp8, &sealed)), dropped(Why::NoKey));

    let counters = opener.counters(LEAF);
    assert_eq!(counters.opened, 2);
    for why in [Why::Replayed, Why::Clear, Why::Misrouted, Why::NoKey] {
        assert_eq!(counters.dropped.get(&why), Some(&1), "{why:?}");
    }
    assert_eq!(opener.counters(LEAF + 1).dropped.get(&Why::Misrouted), Some(&1));
}

#[test]
fn the_replay_window_is_1024_wide() {
    let now = Instant::now();
    let (mut sealer, mut opener) = (sealer(3, BASE), opener(now, 3, BASE));
    let frames: Vec<Vec<u8>> = (0..1_025)
        .map(|_| sealer.seal(Source::Camera, Level::Everybody, Codec::Whole, &[7]).expect("a key"))
        .collect();
    let mut open = |at: usize| opener.open(now, incoming(Codec::Whole, &frames[at]));
    assert_eq!(open(1_024), Verdict::Opened(vec![7]));
    assert_eq!(open(1), Verdict::Opened(vec![7]));
    assert_eq!(open(0), dropped(Why::Replayed));
}

#[test]
fn frames_of_an_epoch_to_come_wait_for_it_half_a_second() {
    let now = Instant::now();
    let (mut sealer, mut opener) = (sealer(256, OTHER_BASE), opener(now, 255, BASE));
    let mut seal =
        || sealer.seal(Source::Camera, Level::Everybody, Codec::Whole, &[7]).expect("a key");
    let (first, second) = (seal(), seal());
    assert_eq!(opener.open(now, incoming(Codec::Whole, &first)), Verdict::Held);
    assert_eq!(opener.held_until(), Some(now + Duration::from_millis(500)));
    let later = now + Duration::from_millis(400);
    assert_eq!(opener.open(later, incoming(Codec::Whole, &second)), Verdict::Held);
    let lost = Released { slot: 0, verdict: dropped(Why::NoKey) };
    assert_eq!(opener.release(now + Duration::from_millis(500)), [lost]);
    let opened = Released { slot: 0, verdict: Verdict::Opened(vec![7]) };
    assert_eq!(opener.set_epoch(now + Duration::from_millis(600), 256, OTHER_BASE), [opened]);
    assert_eq!(opener.held_until(), None);
}

#[test]
fn no_more_than_64_frames_wait() {
    let now = Instant::now();
    let (mut sealer, mut opener) = (sealer(4, OTHER_BASE), opener(now, 3, BASE));
    for count in 0..65 {
        let sealed =
            sealer.seal(Source::Camera, Level::Everybody, Codec::Whole, &[7]).expect("a key");
        let verdict = opener.open(now, incoming(Codec::Whole, &sealed));
        assert_eq!(verdict, if count < 64 { Verdict::Held } else { dropped(Why::NoKey) });
    }
}

#[test]
fn a_narrow_audience_opens_with_the_senders_root_and_nobody_else_does() {
    let now = Instant::now();
    let (mut sealer, mut inside, mut outside) =
        (sealer(3, BASE), opener(now, 3, BASE), opener(now, 3, BASE));
    sealer.set_root(Level::Group, [9; 16]);
    inside.set_root(now, LEAF, Level::Group, [9; 16]);
    let seal = |sealer: &mut Sealer| {
        sealer.seal(Source::Camera, Level::Group, Codec::Whole, &[7]).expect("a key")
    };
    let sealed = seal(&mut sealer);
    assert_eq!(inside.open(now, incoming(Codec::Whole, &sealed)), Verdict::Opened(vec![7]));
    assert_eq!(outside.open(now, incoming(Codec::Whole, &sealed)), Verdict::Held);
    outside.set_root(now, LEAF, Level::Group, [8; 16]);
    assert_eq!(outside.release(now + Duration::from_millis(500))[0].verdict, dropped(Why::NoKey));

    // Somebody dropped out: a new root, frames of the old one are still on their way.
    let old = seal(&mut sealer);
    sealer.set_root(Level::Group, [10; 16]);
    let new = seal(&mut sealer);
    assert_eq!(inside.open(now, incoming(Codec::Whole, &new)), Verdict::Held);
    let released = inside.set_root(now, LEAF, Level::Group, [10; 16]);
    assert_eq!(released[0].verdict, Verdict::Opened(vec![7]));
    assert_eq!(inside.open(now, incoming(Codec::Whole, &old)), Verdict::Opened(vec![7]));
}

#[test]
fn messages_are_padded_and_their_sender_is_who_the_server_says() {
    let now = Instant::now();
    let (mut sealer, mut opener) = (sealer(3, BASE), opener(now, 3, BASE));
    let message = json!({"t": "chat", "text": "Bonjour à tous"});
    assert_eq!(said::padded(&message).len() % 64, 0);
    let sealed = said::seal(&mut sealer, Level::Everybody, &message).expect("a key");
    assert_eq!(said::open(&mut opener, now, LEAF + 1, &sealed), Err(Why::Misrouted));
    assert_eq!(said::open(&mut opener, now, LEAF, &sealed), Ok(message));
    assert_eq!(said::open(&mut opener, now, LEAF, &sealed), Err(Why::Replayed));
}
