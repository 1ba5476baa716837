//! What publishers are told: which layers anybody watches, and when to offer anew.

use std::time::Duration;

use protocol::TrackSource::{Camera, Microphone};
use sfu_core::{Command, Event};
use tests::{Meeting, Seat};

use crate::check::{Uplink, assert_pictures_whole, assert_wire_is_clean, received};

const SECOND: Duration = Duration::from_secs(1);

/// What a publisher was told of its camera's layers, with the time since `start`.
fn told(meeting: &Meeting, seat: Seat) -> Vec<(Duration, Vec<String>)> {
    let start = meeting.events.first().expect("somebody joined").0;
    let told = meeting.events.iter().filter_map(|(at, event)| {
        let Event::LayersWanted { participant, source: Camera, rids } = event else { return None };
        (*participant == meeting.browsers[seat.0].participant).then(|| (*at - start, rids.clone()))
    });
    told.collect()
}

/// Seats that were asked to offer anew.
fn asked(meeting: &Meeting) -> Vec<Seat> {
    let seats = meeting.events.iter().filter_map(|(_, event)| {
        let Event::OfferWanted { participant } = event else { return None };
        meeting.browsers.iter().position(|b| b.participant == *participant).map(Seat)
    });
    seats.collect()
}

#[test]
fn a_camera_that_nobody_watches_sends_nothing_and_begins_again_at_once() {
    let mut meeting = Meeting::of(800, 3);
    meeting.turn_on(Seat(0), Camera);
    meeting.run(5 * SECOND);
    let lists: Vec<_> = told(&meeting, Seat(0)).into_iter().map(|(_, rids)| rids).collect();
    assert_eq!(lists, [Vec::<String>::new()]);
    let sent = meeting.browsers[0].sent(Camera).len();
    meeting.run(SECOND);
    assert_eq!(meeting.browsers[0].sent(Camera).len(), sent, "not a packet");

    let mid = meeting.browsers[1].slot_mids(true)[0].clone();
    let track = meeting.track(Seat(0), Camera);
    let then = meeting.now;
    meeting.subscribe(Seat(1), &mid, Some(track), Some(90));
    meeting.run(SECOND);
    assert_eq!(told(&meeting, Seat(0)).last().map(|(_, rids)| &rids[..]), Some(&["l".into()][..]));
    let first = received(&meeting, Seat(1), &mid).first().expect("the picture is there").at;
    assert!(first - then < SECOND / 10, "after {:?}", first - then);
    assert_pictures_whole(received(&meeting, Seat(1), &mid));
}

#[test]
fn whoever_cannot_play_a_picture_is_told() {
    let mut meeting = Meeting::of(805, 3);
    meeting.browsers[2].play_no_vp8();
    meeting.negotiate(Seat(2));
    meeting.subscribe_all();
    meeting.turn_on(Seat(0), Camera);
    meeting.run(3 * SECOND);
    let told = |meeting: &Meeting| -> Vec<(Seat, usize)> {
        let told = meeting.events.iter().filter_map(|(_, event)| {
            let Event::SlotsUnplayable { participant, mids } = event else { return None };
            let seat = meeting.browsers.iter().position(|b| b.participant == *participant)?;
            Some((Seat(seat), mids.len()))
        });
        told.collect()
    };
    assert_eq!(told(&meeting), [(Seat(2), 1)], "once, and nobody else");
    for mid in meeting.browsers[2].slot_mids(true) {
        assert_eq!(received(&meeting, Seat(2), &mid).len(), 0);
        meeting.subscribe(Seat(2), &mid, None, None);
    }
    meeting.run(3 * SECOND);
    assert_eq!(told(&meeting), [(Seat(2), 1), (Seat(2), 0)]);
}

#[test]
fn nobody_is_asked_for_a_key_frame_of_sound() {
    let mut meeting = Meeting::of(804, 4);
    meeting.subscribe_all();
    for seat in (0..4).map(Seat) {
        meeting.turn_on(seat, Microphone);
        meeting.turn_on(seat, Camera);
    }
    meeting.run(2 * SECOND);
    // Somebody comes late, and somebody's microphone goes off and on again.
    meeting.reload(Seat(3), 3);
    meeting.set_publishing(Seat(0), Microphone, false);
    meeting.run(SECOND);
    meeting.set_publishing(Seat(0), Microphone, true);
    meeting.connect();
    meeting.subscribe_all();
    meeting.run(SECOND);
    for browser in &meeting.browsers {
        assert_eq!(browser.key_frame_requests(Microphone), []);
    }
    assert!(meeting.browsers.iter().any(|browser| !browser.key_frame_requests(Camera).is_empty()));
}

#[test]
fn layers_follow_the_tiles_of_all_subscribers() {
    let mut meeting = Meeting::of(801, 3);
    meeting.turn_on(Seat(0), Camera);
    let track = meeting.track(Seat(0), Camera);
    let mid = |meeting: &Meeting, seat: usize| meeting.browsers[seat].slot_mids(true)[0].clone();
    let (one, two) = (mid(&meeting, 1), mid(&meeting, 2));
    let mut layers = Vec::new();
    for heights in [(Some(90), Some(90)), (Some(90), Some(300)), (None, Some(300)), (None, None)] {
        meeting.subscribe(Seat(1), &one, Some(track), heights.0);
        meeting.subscribe(Seat(2), &two, Some(track), heights.1);
        meeting.run(5 * SECOND);
        let list = told(&meeting, Seat(0)).last().map(|(_, rids)| rids.concat());
        let carried =
            |seat, mid: &str| received(&meeting, seat, mid).last().map(|p| p.content.layer);
        layers.push((list, carried(Seat(1), &one), carried(Seat(2), &two)));
    }
    let row = |rids: &str, one, two| (Some(rids.to_owned()), Some(one), Some(two));
    assert_eq!(layers, [row("l", 2, 2), row("ml", 2, 1), row("hm", 0, 1), row("h", 0, 0)]);
    for (seat, mid) in [(Seat(1), &one), (Seat(2), &two)] {
        assert_pictures_whole(received(&meeting, seat, mid));
    }
    assert_wire_is_clean(&meeting, Uplink::Whole);
    // Leafing through a page of tiles and back turns nothing off.
    let before = told(&meeting, Seat(0)).len();
    for height in [Some(90), None] {
        meeting.subscribe(Seat(1), &one, Some(track), height);
        meeting.run(SECOND);
    }
    let rids: Vec<_> = told(&meeting, Seat(0))[before..].iter().map(|(_, r)| r.concat()).collect();
    assert!(rids.iter().all(|rids| rids.contains('h')), "{rids:?}");
}

#[test]
fn a_reloaded_page_sends_every_layer_until_it_is_told_again() {
    let mut meeting = Meeting::of(802, 2);
    meeting.turn_on(Seat(0), Camera);
    let track = meeting.track(Seat(0), Camera);
    let mid = meeting.browsers[1].slot_mids(true)[0].clone();
    meeting.subscribe(Seat(1), &mid, Some(track), Some(90));
    meeting.run(5 * SECOND);
    assert_eq!(told(&meeting, Seat(0)).last().map(|(_, rids)| rids.concat()), Some("l".into()));
    meeting.reload(Seat(0), 1);
    meeting.connect();
    meeting.turn_on(Seat(0), Camera);
    let of_reload = told(&meeting, Seat(0)).last().map(|(_, rids)| rids.concat());
    assert_eq!(of_reload, Some("hml".into()), "what the page before knew is void");
    meeting.run(5 * SECOND);
    assert_eq!(told(&meeting, Seat(0)).last().map(|(_, rids)| rids.concat()), Some("l".into()));
    let last = received(&meeting, Seat(1), &mid).last().expect("it goes on").at;
    assert!(meeting.now - last < SECOND / 4);
}

#[test]
fn a_poor_connection_asks_everybody_for_long_frames_of_sound() {
    let mut meeting = Meeting::of(803, 3);
    for seat in (0..3).map(Seat) {
        meeting.turn_on(seat, Microphone);
    }
    let saving = |meeting: &mut Meeting, seat: Seat, saving| {
        let participant = meeting.browsers[seat.0].participant;
        meeting.command(Command::SetReception { participant, saving });
    };
    let long =
        |meeting: &Meeting, seat: usize| meeting.browsers[seat].answer.contains("a=ptime:60");
    saving(&mut meeting, Seat(2), true);
    assert_eq!(asked(&meeting), [Seat(0), Seat(1), Seat(2)], "at once");
    assert!(!long(&meeting, 0));
    for seat in (0..3).map(Seat) {
        meeting.negotiate(seat);
        assert!(long(&meeting, seat.0));
    }
    saving(&mut meeting, Seat(1), true);
    saving(&mut meeting, Seat(2), false);
    meeting.run(12 * SECOND);
    assert_eq!(asked(&meeting).len(), 3, "one of them still needs it");
    saving(&mut meeting, Seat(1), false);
    meeting.run(12 * SECOND);
    assert_eq!(asked(&meeting).len(), 6, "nobody needs it any more");
    meeting.negotiate(Seat(0));
    assert!(!long(&meeting, 0));
}

#[test]
fn a_poor_connection_gets_two_voices_and_no_camera() {
    let mut meeting = Meeting::of(804, 5);
    for seat in (1..5).map(Seat) {
        meeting.turn_on(seat, Microphone);
        meeting.turn_on(seat, Camera);
    }
    let participant = meeting.browsers[0].participant;
    let plan = meeting.subscribe_all();
    meeting.command(Command::SetReception { participant, saving: true });
    for seat in asked(&meeting) {
        meeting.negotiate(seat);
    }
    meeting.run(4 * SECOND);
    let count = |meeting: &Meeting, source| -> Vec<usize> {
        let of = plan.iter().filter(|((to, _), track)| *to == Seat(0) && track.source == source);
        of.map(|((to, mid), _)| received(meeting, *to, mid).len()).collect()
    };
    let voices = count(&meeting, Microphone);
    assert_eq!(voices.iter().filter(|packets| **packets > 60).count(), 2, "{voices:?}");
    assert!(count(&meeting, Camera).iter().all(|packets| *packets == 0));
    meeting.command(Command::SetReception { participant, saving: false });
    meeting.run(12 * SECOND);
    assert!(count(&meeting, Camera).iter().all(|packets| *packets > 0), "all is back");
    let before = count(&meeting, Microphone);
    meeting.run(SECOND);
    let after = count(&meeting, Microphone);
    assert!(before.iter().zip(&after).all(|(before, after)| after - before >= 16));
    assert_wire_is_clean(&meeting, Uplink::Whole);
}
