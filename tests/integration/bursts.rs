//! The packets of a picture leave together, although they come one by one.

use std::time::Duration;

use protocol::TrackSource::{Camera, Microphone};
use sfu_core::RoomId;
use tests::{Link, Meeting, Seat};

const SECOND: Duration = Duration::from_secs(1);

/// Eight packets of 1,200 bytes a picture, which come about 10 microseconds after each other, and a
/// voice, from the first to all others.
fn lecture(seed: u64, count: usize) -> Meeting {
    let mut meeting = Meeting::new(seed);
    let teacher = meeting.join(RoomId(1), 0);
    for _ in 1..count {
        meeting.join(RoomId(1), 2);
    }
    meeting.set_links(teacher, Link::carrying(1_000_000_000), Link::GOOD);
    meeting.connect();
    let browser = &mut meeting.browsers[teacher.0];
    browser.set_shape(Camera, 1_156, 8);
    browser.set_layer_sent(1, false);
    browser.set_layer_sent(2, false);
    for source in [Camera, Microphone] {
        let track = meeting.track(teacher, source);
        for seat in (1..count).map(Seat) {
            let mid = meeting.browsers[seat.0].slot_mids(source.is_video()).remove(0);
            meeting.subscribe(seat, &mid, Some(track), None);
        }
        meeting.turn_on(teacher, source);
    }
    meeting.run(3 * SECOND);
    meeting
}

/// Packets for each call to the system, over a second.
fn packets_for_each_call(meeting: &mut Meeting) -> f64 {
    let before = meeting.sfu.stats();
    meeting.run(SECOND);
    let after = meeting.sfu.stats();
    (after.packets_out - before.packets_out) as f64 / (after.runs_out - before.runs_out) as f64
}

#[test]
fn a_picture_that_comes_packet_by_packet_leaves_in_one_run_for_each_subscriber() {
    // 25 pictures of 8 packets and 50 packets of sound a second: at best 250 packets in 75 runs.
    let in_a_class = packets_for_each_call(&mut lecture(1_401, 8));
    assert!(in_a_class > 2.8, "{in_a_class} packets for each call");
    // With one or two who watch there is nothing to gain, and nothing waits.
    let in_a_talk = packets_for_each_call(&mut lecture(1_402, 3));
    assert!(in_a_talk < 1.2, "{in_a_talk} packets for each call");
}

#[test]
fn nothing_leaves_of_a_picture_that_was_turned_off_while_it_waited() {
    let mut meeting = lecture(1_403, 8);
    meeting.set_publishing(Seat(0), Microphone, false);
    meeting.run(SECOND);
    for _ in 0..10_000 {
        if meeting.sfu.held_until().is_some() {
            break;
        }
        meeting.run(Duration::from_micros(5));
    }
    assert!(meeting.sfu.held_until().is_some(), "a picture waits");
    meeting.set_publishing(Seat(0), Camera, false);
    let before = meeting.sfu.stats();
    meeting.run(SECOND);
    let after = meeting.sfu.stats();
    let media = |stats: &sfu_core::Stats| {
        stats.packets_out - stats.packets_retransmitted - stats.packets_probing
    };
    assert_eq!(media(&after), media(&before));
}

#[test]
fn what_waits_leaves_within_a_fifth_of_a_millisecond() {
    let mut meeting = lecture(1_404, 8);
    let mut longest = Duration::ZERO;
    for _ in 0..20_000 {
        meeting.run(Duration::from_micros(5));
        if let Some(until) = meeting.sfu.held_until() {
            longest = longest.max(until.saturating_duration_since(meeting.now));
        }
    }
    assert!(longest > Duration::ZERO, "something waited");
    assert!(longest <= Duration::from_micros(200), "{longest:?}");
}
