//! Pictures and sound through the media core, between two and five browsers.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use protocol::TrackSource::{Camera, Microphone, Screen};
use sfu_core::{DropCause, RoomId};
use tests::{Link, Meeting, Seat};

use crate::check::{
    NONE, Uplink, assert_pictures_whole, assert_wire_is_clean, missing_content, received, unwrapped,
};

const SECOND: Duration = Duration::from_secs(1);

/// A connected meeting in which everybody sends and receives everything.
fn busy(seed: u64, count: usize) -> (Meeting, Vec<(Seat, String, protocol::TrackId)>) {
    let mut meeting = Meeting::of(seed, count);
    for seat in (0..count).map(Seat) {
        meeting.turn_on(seat, Microphone);
        meeting.turn_on(seat, Camera);
    }
    let plan = meeting.subscribe_all();
    (meeting, plan.into_iter().map(|((seat, mid), track)| (seat, mid, track)).collect())
}

/// Everybody stops sending, and what is on its way or lost arrives.
fn fall_silent(meeting: &mut Meeting) {
    let now = meeting.now;
    for browser in &mut meeting.browsers {
        browser.set_sending(now, Microphone, false);
        browser.set_sending(now, Camera, false);
    }
    meeting.run(3 * SECOND);
}

#[test]
fn everyone_receives_all_they_subscribed_to_and_nothing_else() {
    for count in 2..=5 {
        let (mut meeting, plan) = busy(100 + count as u64, count);
        meeting.run(3 * SECOND);
        assert_eq!(plan.len(), count * (count - 1) * 2);
        for (seat, mid, track) in &plan {
            let packets = received(&meeting, *seat, mid);
            assert!(packets.iter().all(|packet| packet.content.track == *track));
            if track.source == Camera {
                assert_pictures_whole(packets);
                assert!(packets.len() > 60, "{} packets of pictures", packets.len());
            } else {
                // 50 packets a second, from the subscription on.
                assert!((140..=151).contains(&packets.len()), "{} of sound", packets.len());
            }
        }
        assert_eq!(assert_wire_is_clean(&meeting, Uplink::Whole), plan.len());
    }
}

#[test]
fn nothing_flows_without_a_subscription() {
    let mut meeting = Meeting::of(200, 3);
    for seat in (0..3).map(Seat) {
        meeting.turn_on(seat, Microphone);
        meeting.turn_on(seat, Camera);
    }
    let track = meeting.track(Seat(0), Microphone);
    let mid = meeting.browsers[1].slot_mids(false)[0].clone();
    meeting.subscribe(Seat(1), &mid, Some(track), None);
    meeting.run(SECOND);
    assert!(received(&meeting, Seat(1), &mid).len() > 40);
    assert_eq!(assert_wire_is_clean(&meeting, Uplink::Whole), 1, "one subscription, one stream");
    // Emptying the slot ends it.
    meeting.subscribe(Seat(1), &mid, None, None);
    meeting.run(SECOND / 10);
    let before = received(&meeting, Seat(1), &mid).len();
    meeting.run(SECOND);
    assert_eq!(received(&meeting, Seat(1), &mid).len(), before);
}

#[test]
fn nobody_receives_a_track_of_another_room() {
    let mut meeting = Meeting::new(201);
    let teacher = meeting.join(RoomId(1), 2);
    let stranger = meeting.join(RoomId(2), 2);
    let pupil = meeting.join(RoomId(1), 2);
    meeting.connect();
    meeting.turn_on(teacher, Microphone);
    meeting.turn_on(teacher, Camera);
    meeting.subscribe_all();
    meeting.run(2 * SECOND);
    let heard = |seat: Seat| -> usize {
        meeting.browsers[seat.0].slots.values().map(|slot| slot.received.len()).sum()
    };
    assert!(heard(pupil) > 100);
    assert_eq!(heard(stranger), 0, "a stranger names the track and gets nothing");
    assert!(meeting.browsers[stranger.0].strays.is_empty());
    let address = meeting.browsers[stranger.0].address;
    assert!(!meeting.wire.keys().any(|(to, _)| *to == address));
}

#[test]
fn a_source_that_is_off_is_not_forwarded_whatever_the_browser_sends() {
    let (mut meeting, plan) = busy(202, 2);
    meeting.run(SECOND);
    let (seat, mid, track) = plan
        .iter()
        .find(|(seat, _, track)| *seat == Seat(1) && track.source == Microphone)
        .cloned()
        .expect("the second hears the first");
    let count = |meeting: &Meeting| received(meeting, seat, &mid).len();
    assert!(count(&meeting) > 40);
    meeting.set_publishing(Seat(0), Microphone, false);
    meeting.run(SECOND / 10);
    let before = count(&meeting);
    meeting.run(SECOND);
    assert_eq!(count(&meeting), before, "{track:?} is off");
    assert!(meeting.sfu.stats().dropped[DropCause::NotPublishing] >= 50);
    meeting.set_publishing(Seat(0), Microphone, true);
    meeting.run(SECOND);
    assert!(count(&meeting) > before + 40, "on again, without a new subscription");
    assert_wire_is_clean(&meeting, Uplink::Whole);
}

#[test]
fn lost_pictures_are_repaired_in_both_directions() {
    for (loss, seconds) in [(20, 8), (50, 6), (100, 6)] {
        let (mut meeting, plan) = busy(300 + loss, 3);
        for seat in (0..3).map(Seat) {
            meeting.set_links(seat, Link::losing(loss), Link::losing(loss));
        }
        meeting.run(Duration::from_secs(seconds));
        fall_silent(&mut meeting);
        for (seat, mid, _) in plan.iter().filter(|(_, _, track)| track.source == Camera) {
            let packets = received(&meeting, *seat, mid);
            let numbers = unwrapped(packets.iter().map(|packet| packet.sequence));
            let content = missing_content(&meeting, *seat, mid, &numbers);
            assert_eq!(content, NONE, "loss of {loss} per mille, {seat:?} slot {mid}");
            let repaired = packets.iter().filter(|packet| packet.repaired).count();
            assert!(repaired > 0, "{} packets and not one lost", packets.len());
        }
        let stats = meeting.sfu.stats();
        assert!(stats.packets_recovered > 0 && stats.packets_retransmitted > 0, "{stats:?}");
        for browser in &meeting.browsers {
            assert!(browser.repaired(Camera) > 0);
        }
        assert_wire_is_clean(&meeting, Uplink::LosesSound);
    }
}

#[test]
fn reordered_and_repeated_packets_are_numbered_without_gap_or_duplicate() {
    for seed in 400..404 {
        let (mut meeting, plan) = busy(seed, 3);
        let rough = Link { jitter: Duration::from_millis(40), duplication: 100, ..Link::GOOD };
        for seat in (0..3).map(Seat) {
            meeting.set_links(seat, rough, Link::GOOD);
        }
        meeting.run(3 * SECOND);
        fall_silent(&mut meeting);
        assert_eq!(assert_wire_is_clean(&meeting, Uplink::Whole), plan.len());
        for (seat, mid, _) in &plan {
            // What was asked for again because it came late may arrive twice.
            let packets = received(&meeting, *seat, mid).iter().filter(|packet| !packet.repaired);
            let packets: Vec<_> = packets.map(|packet| packet.content).collect();
            let contents: BTreeSet<_> = packets.iter().collect();
            assert_eq!(contents.len(), packets.len(), "nothing arrives twice");
        }
    }
}

#[test]
fn the_layer_follows_the_height_of_the_tile() {
    let mut meeting = Meeting::of(500, 2);
    meeting.turn_on(Seat(0), Camera);
    let track = meeting.track(Seat(0), Camera);
    let mid = meeting.browsers[1].slot_mids(true)[0].clone();
    let mut layers = Vec::new();
    for height in [Some(90), Some(1080), Some(90), None] {
        meeting.subscribe(Seat(1), &mid, Some(track), height);
        meeting.run(2 * SECOND);
        layers.push(received(&meeting, Seat(1), &mid).last().map(|packet| packet.content.layer));
    }
    assert_eq!(layers, [Some(2), Some(0), Some(2), Some(0)]);
    let packets = received(&meeting, Seat(1), &mid);
    assert_pictures_whole(packets);
    for pair in packets.windows(2) {
        if pair[0].content.layer != pair[1].content.layer {
            assert!(pair[1].content.is_key, "layers change on key frames only");
        }
    }
    assert_wire_is_clean(&meeting, Uplink::Whole);
}

#[test]
fn a_layer_that_stops_is_replaced_by_one_that_flows() {
    let mut meeting = Meeting::of(501, 2);
    meeting.turn_on(Seat(0), Camera);
    let track = meeting.track(Seat(0), Camera);
    let mid = meeting.browsers[1].slot_mids(true)[0].clone();
    meeting.subscribe(Seat(1), &mid, Some(track), Some(1080));
    meeting.run(2 * SECOND);
    meeting.browsers[0].set_layer_sent(0, false);
    meeting.browsers[0].set_layer_sent(1, false);
    meeting.run(3 * SECOND);
    let packets = received(&meeting, Seat(1), &mid);
    assert_pictures_whole(packets);
    let last = packets.last().expect("pictures arrived");
    assert_eq!(last.content.layer, 2);
    assert!(meeting.now - last.at < SECOND / 4, "pictures still flow");
}

#[test]
fn a_slot_stays_one_continuous_stream_when_it_changes_its_track() {
    let mut meeting = Meeting::of(502, 3);
    let mid = meeting.browsers[2].slot_mids(true)[0].clone();
    let sound = meeting.browsers[2].slot_mids(false)[0].clone();
    for seat in [Seat(0), Seat(1)] {
        meeting.turn_on(seat, Camera);
        meeting.turn_on(seat, Microphone);
    }
    for turn in 0..6 {
        let sender = Seat(turn % 2);
        let picture = meeting.track(sender, Camera);
        meeting.subscribe(Seat(2), &mid, Some(picture), None);
        let voice = meeting.track(sender, Microphone);
        meeting.subscribe(Seat(2), &sound, Some(voice), None);
        meeting.run(SECOND);
        let last = received(&meeting, Seat(2), &mid).last().map(|packet| packet.content.track);
        assert_eq!(last, Some(picture));
    }
    let packets = received(&meeting, Seat(2), &mid);
    assert_pictures_whole(packets);
    for pair in packets.windows(2) {
        if pair[0].content.track != pair[1].content.track {
            assert!(pair[1].content.is_key, "another person's picture begins with a key frame");
        }
    }
    let voices = received(&meeting, Seat(2), &sound);
    for pair in voices.windows(2) {
        let advance = pair[1].timestamp.wrapping_sub(pair[0].timestamp) as i32;
        assert!((1..=48_000).contains(&advance), "{:?} then {:?}", pair[0], pair[1]);
    }
    assert_wire_is_clean(&meeting, Uplink::Whole);
}

#[test]
fn key_frame_requests_of_many_subscribers_are_merged() {
    let mut meeting = Meeting::of(503, 5);
    meeting.turn_on(Seat(0), Camera);
    meeting.run(SECOND);
    meeting.subscribe_all();
    meeting.run(SECOND);
    let requests = meeting.browsers[0].key_frame_requests(Camera);
    assert!(!requests.is_empty(), "a subscription needs a key frame");
    for layer in 0..3 {
        let times: Vec<_> = requests.iter().filter(|(_, l)| *l == layer).map(|(t, _)| *t).collect();
        for pair in times.windows(2) {
            // 10 ms of slack: the two may travel through different queues.
            assert!(pair[1] - pair[0] >= Duration::from_millis(190), "{:?}", pair[1] - pair[0]);
        }
    }
    assert!(requests.len() <= 5, "{} requests for four subscribers", requests.len());
    for seat in (1..5).map(Seat) {
        let mid = meeting.browsers[seat.0].slot_mids(true)[0].clone();
        assert_pictures_whole(received(&meeting, seat, &mid));
    }
}

#[test]
fn publishers_get_transport_feedback_and_subscribers_sender_reports() {
    let (mut meeting, plan) = busy(504, 2);
    meeting.run(5 * SECOND);
    for browser in &meeting.browsers {
        assert!(browser.feedback_packets >= 10, "{} feedback packets", browser.feedback_packets);
    }
    for (seat, mid, _) in plan {
        let reports = meeting.browsers[seat.0].slots[&mid].sender_reports;
        assert!(reports > 0, "no sender report on {seat:?} slot {mid}");
    }
}

#[test]
fn a_reloaded_page_sends_and_receives_again() {
    let (mut meeting, _) = busy(600, 2);
    meeting.run(SECOND);
    meeting.reload(Seat(0), 1);
    meeting.connect();
    meeting.turn_on(Seat(0), Microphone);
    meeting.turn_on(Seat(0), Camera);
    let plan = meeting.subscribe_all();
    let now = meeting.now;
    meeting.run(2 * SECOND);
    for ((seat, mid), track) in plan {
        let packets = received(&meeting, seat, &mid);
        let last = packets.last().expect("something arrived");
        assert!(last.at > now + SECOND, "{track:?} flows to {seat:?} again");
        assert_eq!(last.content.track, track);
        if track.source == Camera {
            assert_pictures_whole(packets);
        }
    }
    assert_eq!(meeting.sfu.stats().transports, 2);
    assert_wire_is_clean(&meeting, Uplink::Whole);
}

#[test]
fn media_goes_on_after_the_address_of_a_browser_changes() {
    let (mut meeting, plan) = busy(601, 2);
    meeting.run(SECOND);
    let moved = SocketAddr::from(([203, 0, 113, 9], 40_404));
    meeting.browsers[0].address = moved;
    let change = meeting.now;
    meeting.run(5 * SECOND);
    let (seat, mid, _) = plan.iter().find(|(seat, ..)| *seat == Seat(0)).expect("it receives");
    let packets = received(&meeting, *seat, mid);
    let again = packets.iter().find(|packet| packet.at > change + SECOND / 20);
    let again = again.expect("media flows to the new address").at - change;
    // The engine checks its path every 2 s, browsers twice a second; what it sends is seen sooner.
    assert!(again < Duration::from_millis(150), "after {again:?}");
    let (seat, mid, _) = plan.iter().find(|(seat, ..)| *seat == Seat(1)).expect("it receives");
    let last = received(&meeting, *seat, mid).last().expect("it received").at;
    assert!(meeting.now - last < SECOND / 4, "and from it");
    assert_eq!(meeting.browsers[0].connections, 1, "without a new connection");
}

#[test]
fn ice_restarts_without_a_new_handshake_or_new_slots() {
    let (mut meeting, plan) = busy(602, 2);
    meeting.run(SECOND);
    let ssrcs = |meeting: &Meeting| -> Vec<u32> {
        meeting.browsers[0].slots.values().map(|slot| slot.ssrc).collect()
    };
    let before = ssrcs(&meeting);
    let handshakes = meeting.sfu.stats().handshakes_completed;
    meeting.browsers[0].restart_ice();
    meeting.negotiate(Seat(0));
    let now = meeting.now;
    meeting.run(4 * SECOND);
    assert_eq!(ssrcs(&meeting), before);
    assert_eq!(meeting.sfu.stats().handshakes_completed, handshakes);
    for (seat, mid, track) in plan {
        let last = received(&meeting, seat, &mid).last().expect("it received").at;
        assert!(last > now + 3 * SECOND, "{track:?} flows to {seat:?}");
    }
    assert_wire_is_clean(&meeting, Uplink::Whole);
}

#[test]
fn a_screen_and_more_slots_are_added_to_a_running_call() {
    let (mut meeting, plan) = busy(603, 2);
    meeting.run(SECOND);
    meeting.browsers[0].add_source(Screen);
    meeting.negotiate(Seat(0));
    meeting.browsers[1].add_slots(1);
    meeting.negotiate(Seat(1));
    meeting.turn_on(Seat(0), Screen);
    let mid = meeting.browsers[1].slot_mids(true).last().expect("a slot was added").clone();
    let track = meeting.track(Seat(0), Screen);
    meeting.subscribe(Seat(1), &mid, Some(track), None);
    let now = meeting.now;
    meeting.run(2 * SECOND);
    let packets = received(&meeting, Seat(1), &mid);
    assert_pictures_whole(packets);
    assert!(packets.iter().all(|packet| packet.content.track == track));
    assert!(packets.len() > 150, "{} packets of the screen", packets.len());
    for (seat, mid, track) in plan {
        let last = received(&meeting, seat, &mid).last().expect("it received").at;
        assert!(last > now + SECOND, "{track:?} still flows to {seat:?}");
    }
    assert_wire_is_clean(&meeting, Uplink::Whole);
}
