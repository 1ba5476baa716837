//! A participant on a poor connection, and sound that is sent redundantly.

use std::time::{Duration, Instant};

use protocol::TrackSource::{Camera, Microphone, Screen};
use sfu_core::Command;
use tests::{Link, Meeting, Received, Seat};

use crate::check::{Uplink, assert_pictures_whole, assert_wire_is_clean, received};

const SECOND: Duration = Duration::from_secs(1);

/// Bytes around each datagram: IPv6 and UDP, the larger of the two.
const AROUND: usize = 48;

/// Seat 0 on a poor connection among five who all speak and show their cameras; seat 1 shares a
/// screen. Gives the slot that carries the screen.
fn poor(seed: u64) -> (Meeting, String) {
    let mut meeting = Meeting::of(seed, 6);
    let participant = meeting.browsers[0].participant;
    meeting.command(Command::SetReception { participant, saving: true });
    meeting.browsers[1].add_source(Screen);
    meeting.browsers[0].add_slots(1);
    // Each page offers anew, as it was asked to.
    for seat in (0..6).map(Seat) {
        meeting.negotiate(seat);
    }
    for seat in (1..6).map(Seat) {
        meeting.browsers[seat.0].set_level(30);
        meeting.turn_on(seat, Microphone);
        meeting.turn_on(seat, Camera);
    }
    meeting.turn_on(Seat(1), Screen);
    meeting.subscribe_all();
    let mid = meeting.browsers[0].slot_mids(true).last().expect("slots were added").clone();
    let track = meeting.track(Seat(1), Screen);
    meeting.subscribe(Seat(0), &mid, Some(track), None);
    (meeting, mid)
}

/// Everything on the wire towards a seat since `from`, in bits, by window.
fn bits(meeting: &Meeting, seat: Seat, from: Instant, window: Duration) -> Vec<usize> {
    let datagrams = &meeting.datagrams[&meeting.browsers[seat.0].address];
    let count = (meeting.now - from).as_millis() / window.as_millis();
    let mut sums = vec![0; count as usize];
    for (at, bytes) in datagrams.iter().filter(|(at, _)| *at >= from) {
        let number = ((*at - from).as_millis() / window.as_millis()) as usize;
        if let Some(sum) = sums.get_mut(number) {
            *sum += 8 * (bytes + AROUND);
        }
    }
    sums
}

/// The stills that arrived: by content frame, each with its packets.
fn stills(packets: &[Received]) -> Vec<(u32, usize)> {
    let mut stills: Vec<(u32, usize)> = Vec::new();
    for packet in packets {
        assert!(packet.content.is_key, "{packet:?} stands on its own");
        match stills.iter_mut().find(|(frame, _)| *frame == packet.content.frame) {
            Some((_, count)) => *count += 1,
            None => stills.push((packet.content.frame, 1)),
        }
    }
    stills
}

#[test]
fn two_voices_and_stills_fit_64_kilobits_with_every_header() {
    let (mut meeting, mid) = poor(900);
    meeting.run(5 * SECOND);
    let from = meeting.now;
    meeting.run(30 * SECOND);
    let windows = bits(&meeting, Seat(0), from, 5 * SECOND);
    let rates: Vec<usize> = windows.iter().map(|bits| bits / 5).collect();
    assert!(rates.iter().all(|rate| *rate <= 64_000), "bits per second: {rates:?}");
    let mut voices = Vec::new();
    for mid in meeting.browsers[0].slot_mids(false) {
        let packets = received(&meeting, Seat(0), &mid);
        let lately = packets.iter().filter(|packet| packet.at >= from).count();
        voices.extend((lately > 0).then_some(lately));
        for pair in packets.windows(2) {
            assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1), "nothing is lost");
        }
    }
    // 30 s of frames of 60 ms.
    assert_eq!(voices.len(), 2, "two voices of five: {voices:?}");
    assert!(voices.iter().all(|packets| (495..=505).contains(packets)), "{voices:?}");
    let packets = received(&meeting, Seat(0), &mid);
    assert_pictures_whole(packets);
    let stills = stills(packets);
    assert!(stills.len() >= 3, "{stills:?}");
    assert!(stills.iter().rev().skip(1).all(|(_, count)| *count == 6), "{stills:?}");
    for mid in meeting.browsers[0].slot_mids(true) {
        let packets = received(&meeting, Seat(0), &mid);
        assert!(packets.iter().all(|packet| packet.content.track.source == Screen));
    }
    assert_wire_is_clean(&meeting, Uplink::Whole);
}

#[test]
fn lost_packets_of_a_still_are_sent_again_long_after_the_publisher_sent_them() {
    let mut repaired = 0;
    for seed in 910..914 {
        let (mut meeting, mid) = poor(seed);
        meeting.set_links(Seat(0), Link::GOOD, Link::losing(200));
        meeting.run(30 * SECOND);
        let packets = received(&meeting, Seat(0), &mid);
        let lost_ones = packets.iter().filter(|packet| packet.repaired);
        repaired += lost_ones.count();
        let mut numbers: Vec<u16> = packets.iter().map(|packet| packet.sequence).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), packets.len(), "seed {seed}: nothing that came is sent again");
        assert!(stills(packets).iter().any(|(_, count)| *count >= 6), "seed {seed}");
    }
    assert!(repaired > 0, "some were lost and came again");
}

#[test]
fn a_screen_that_stands_still_is_sent_once() {
    let (mut meeting, mid) = poor(902);
    meeting.run(12 * SECOND);
    let now = meeting.now;
    meeting.browsers[1].set_sending(now, Screen, false);
    meeting.run(12 * SECOND);
    let before = received(&meeting, Seat(0), &mid).len();
    meeting.run(20 * SECOND);
    assert_eq!(received(&meeting, Seat(0), &mid).len(), before);
}

#[test]
fn everything_comes_back_when_the_connection_is_good_again() {
    let (mut meeting, mid) = poor(903);
    meeting.run(8 * SECOND);
    let participant = meeting.browsers[0].participant;
    meeting.command(Command::SetReception { participant, saving: false });
    let now = meeting.now;
    meeting.run(4 * SECOND);
    for mid in meeting.browsers[0].slot_mids(false).into_iter().take(5) {
        assert!(received(&meeting, Seat(0), &mid).iter().any(|p| p.at > now + 2 * SECOND));
    }
    let moving = received(&meeting, Seat(0), &mid).iter().filter(|packet| packet.at > now);
    assert!({ moving }.any(|packet| !packet.content.is_key), "the screen moves again");
    assert_pictures_whole(received(&meeting, Seat(0), &mid));
}

#[test]
fn redundant_sound_goes_to_those_who_have_it_and_plain_sound_to_the_others() {
    let mut meeting = Meeting::of(904, 3);
    for seat in [Seat(0), Seat(1)] {
        meeting.browsers[seat.0].speak_redundantly();
        meeting.negotiate(seat);
    }
    meeting.turn_on(Seat(0), Microphone);
    meeting.turn_on(Seat(2), Microphone);
    let plan = meeting.subscribe_all();
    meeting.run(2 * SECOND);
    let heard = |to: usize, from: usize| {
        let track = meeting.track(Seat(from), Microphone);
        let found = plan.iter().find(|((seat, _), is)| *seat == Seat(to) && **is == track);
        received(&meeting, Seat(to), &found.expect("everybody hears everybody").0.1)
    };
    for (to, from, redundant) in [(1, 0, true), (2, 0, false), (0, 2, false), (1, 2, false)] {
        let packets = heard(to, from);
        assert!(packets.len() > 90, "{} packets from {from} to {to}", packets.len());
        assert!(packets.iter().all(|packet| packet.redundant == redundant), "{from} to {to}");
        for pair in packets.windows(2) {
            assert_eq!(pair[1].content.frame, pair[0].content.frame + 1, "each frame once");
        }
    }
    assert_wire_is_clean(&meeting, Uplink::Whole);
}

#[test]
fn sound_that_pauses_is_not_lost_sound() {
    let mut meeting = Meeting::of(905, 2);
    meeting.turn_on(Seat(0), Microphone);
    let plan = meeting.subscribe_all();
    let ((_, mid), _) = plan.iter().find(|((to, _), _)| *to == Seat(1)).expect("it hears");
    let mid = mid.clone();
    // Discontinuous transmission: nothing is sent while nothing is said.
    for _ in 0..10 {
        meeting.run(SECOND / 2);
        let now = meeting.now;
        meeting.browsers[0].set_sending(now, Microphone, false);
        meeting.run(SECOND / 2);
        let now = meeting.now;
        meeting.browsers[0].set_sending(now, Microphone, true);
    }
    let packets = received(&meeting, Seat(1), &mid);
    for pair in packets.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1), "numbers go on");
        let between = (pair[1].at - pair[0].at).as_millis() as i64;
        let told = i64::from(pair[1].timestamp.wrapping_sub(pair[0].timestamp)) / 48;
        assert!((told - between).abs() <= 25, "time says {told} ms for {between} ms");
    }
    assert_eq!(meeting.sfu.stats().nacks_out, 0, "nothing was asked for again");
}
