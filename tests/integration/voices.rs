//! Who speaks, and whose voices are forwarded when there are many.

use std::time::Duration;

use protocol::ParticipantId;
use protocol::TrackSource::Microphone;
use sfu_core::{Event, RoomId};
use tests::{Meeting, Seat};

use crate::check::{Uplink, assert_wire_is_clean, received};

const SECOND: Duration = Duration::from_secs(1);
const SILENCE: u8 = 70;

/// Every list of speakers told so far.
fn told(meeting: &Meeting) -> Vec<Vec<ParticipantId>> {
    let told = meeting.events.iter().filter_map(|(_, event)| {
        let Event::Speakers { participants, .. } = event else { return None };
        Some(participants.clone())
    });
    told.collect()
}

/// A meeting in which all microphones are on and silent, and all hear all.
fn quiet(seed: u64, count: usize, max_voices: usize) -> (Meeting, Vec<(Seat, String, Seat)>) {
    let mut meeting = Meeting::hearing(seed, max_voices);
    for _ in 0..count {
        meeting.join(RoomId(1), count - 1);
    }
    meeting.connect();
    for seat in (0..count).map(Seat) {
        meeting.browsers[seat.0].set_level(SILENCE);
        meeting.turn_on(seat, Microphone);
    }
    let plan = meeting.subscribe_all();
    let seat_of = |participant: ParticipantId| {
        let browsers = &mut meeting.browsers.iter();
        Seat(browsers.position(|browser| browser.participant == participant).expect("it is here"))
    };
    let plan = plan.into_iter().filter(|(_, track)| track.source == Microphone);
    let plan = plan.map(|((to, mid), track)| (to, mid, seat_of(track.participant))).collect();
    (meeting, plan)
}

#[test]
fn everybody_is_told_who_speaks() {
    let (mut meeting, _) = quiet(700, 3, 12);
    meeting.run(SECOND);
    assert!(told(&meeting).is_empty(), "nobody speaks");
    let ids: Vec<_> = meeting.browsers.iter().map(|browser| browser.participant).collect();
    meeting.browsers[1].set_level(30);
    meeting.run(2 * SECOND);
    assert_eq!(told(&meeting), [vec![ids[1]]]);
    meeting.browsers[2].set_level(15);
    meeting.run(2 * SECOND);
    assert_eq!(told(&meeting).last(), Some(&vec![ids[2], ids[1]]));
    meeting.set_publishing(Seat(2), Microphone, false);
    meeting.run(SECOND);
    assert_eq!(told(&meeting).last(), Some(&vec![ids[1]]), "a muted microphone does not speak");
    meeting.command(sfu_core::Command::RemoveTransport { participant: ids[1] });
    assert_eq!(told(&meeting).last(), Some(&vec![]), "nor does somebody who left");
}

#[test]
fn beyond_the_limit_only_the_loudest_are_forwarded_and_numbers_have_no_gap() {
    let (mut meeting, plan) = quiet(701, 5, 2);
    meeting.run(SECOND);
    let mut heard_by_turn = Vec::new();
    for speakers in [[0, 1], [2, 3], [4, 0], [1, 4]] {
        for (number, browser) in meeting.browsers.iter_mut().enumerate() {
            browser.set_level(if speakers.contains(&number) { 30 } else { SILENCE });
        }
        // Whoever spoke last keeps the place until somebody needs it.
        meeting.run(SECOND + SECOND / 2);
        let before: Vec<_> =
            plan.iter().map(|(to, mid, _)| received(&meeting, *to, mid).len()).collect();
        meeting.run(SECOND);
        for ((to, mid, from), before) in plan.iter().zip(before) {
            let packets = received(&meeting, *to, mid).len() - before;
            if speakers.contains(&from.0) {
                assert!((49..=51).contains(&packets), "{from:?} to {to:?}: {packets}");
            }
            heard_by_turn.push((*to, packets));
        }
    }
    for turn in heard_by_turn.chunks(plan.len()) {
        for seat in (0..5).map(Seat) {
            let total: usize = turn.iter().filter(|(to, _)| *to == seat).map(|(_, n)| n).sum();
            assert!(total <= 102, "{seat:?} gets two voices, not {total} packets in a second");
        }
    }
    assert_wire_is_clean(&meeting, Uplink::Whole);
    for (to, mid, _) in &plan {
        for pair in received(&meeting, *to, mid).windows(2) {
            assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1), "numbers go on");
            let advance = pair[1].timestamp.wrapping_sub(pair[0].timestamp) as i32;
            assert!(advance > 0, "and so does time");
        }
    }
}
