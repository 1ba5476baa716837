//! From an offer to a connection, and what the control plane hears of it.

use std::time::Duration;

use sfu_core::Event;
use tests::{Link, Meeting, Seat};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_control_plane_hears_of_each_connection_once_and_of_a_lost_one() {
    let mut meeting = Meeting::of(604, 2);
    meeting.run(SECOND);
    let connected = |meeting: &Meeting| {
        let events = meeting.events.iter();
        events.filter(|(_, event)| matches!(event, Event::Connected { .. })).count()
    };
    assert_eq!(connected(&meeting), 2);
    let dead = Link::losing(1000);
    meeting.set_links(Seat(0), dead, dead);
    meeting.run(40 * SECOND);
    let participant = meeting.browsers[0].participant;
    assert!(meeting.events.iter().any(|(_, event)| *event == Event::Disconnected { participant }));
}

#[test]
fn voice_and_picture_of_one_pair_of_slots_share_a_stream_id() {
    let meeting = Meeting::of(605, 4);
    let browser = &meeting.browsers[0];
    let stream = |mid: &String| {
        let msid = browser.slots[mid].msid.as_deref().expect("slots carry a msid");
        msid.split(' ').next().map(str::to_owned)
    };
    let sounds: Vec<_> = browser.slot_mids(false).iter().map(stream).collect();
    let pictures: Vec<_> = browser.slot_mids(true).iter().map(stream).collect();
    assert_eq!(sounds, pictures);
    assert_eq!(sounds, [0, 1, 2].map(|pair| Some(format!("pair-{pair}"))));
}
