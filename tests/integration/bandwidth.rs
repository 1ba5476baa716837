//! What subscribers get over paths that carry less than everything.

use std::time::{Duration, Instant};

use protocol::TrackSource::{Camera, Microphone};
use protocol::{ParticipantId, Quality};
use sfu_core::{DropCause, Event, RoomId};
use tests::{Content, Link, Meeting, Seat};

use crate::check::{NONE, Uplink, assert_wire_is_clean, missing_content, received, unwrapped};

const SECOND: Duration = Duration::from_secs(1);

/// The best and the worst layer of a camera.
const TOP: u8 = 0;
const LOWEST: u8 = 2;

/// The first of `count` receives everybody over a link of its own; the others only send. Their
/// layers take 800, 290 and 70 kbit/s and their voices 59, with headers.
fn audience(seed: u64, count: usize, down: Link) -> Meeting {
    let mut meeting = Meeting::of(seed, count);
    meeting.set_links(Seat(0), Link::GOOD, down);
    for seat in (1..count).map(Seat) {
        meeting.turn_on(seat, Microphone);
        meeting.turn_on(seat, Camera);
    }
    meeting.subscribe_all();
    meeting
}

/// Bytes that arrive at the first participant's bottleneck and leave it, by the second.
fn carried(meeting: &mut Meeting, time: Duration) -> f64 {
    let to = meeting.browsers[0].address;
    let before = meeting.network.queueing[&to].bytes;
    meeting.run(time);
    (meeting.network.queueing[&to].bytes - before) as f64 * 8.0 / time.as_secs_f64()
}

/// Datagrams the first participant's bottleneck had no room for.
fn lost(meeting: &Meeting) -> u64 {
    meeting.network.queueing[&meeting.browsers[0].address].lost
}

/// The layer each picture slot of a participant showed last, since `from`.
fn layers(meeting: &Meeting, seat: Seat, from: Instant) -> Vec<Option<u8>> {
    let layer = |mid: &String| {
        let last = received(meeting, seat, mid).last().filter(|packet| packet.at >= from)?;
        Some(last.content.layer)
    };
    meeting.browsers[seat.0].slot_mids(true).iter().map(layer).collect()
}

/// The part of the sound sent to a participant that never arrived. Ends the sound.
fn sound_loss(meeting: &mut Meeting, seat: Seat) -> f64 {
    let now = meeting.now;
    for browser in &mut meeting.browsers {
        browser.set_sending(now, Microphone, false);
    }
    meeting.run(3 * SECOND);
    let browser = &meeting.browsers[seat.0];
    let (mut sent, mut arrived) = (0, 0);
    for mid in browser.slot_mids(false) {
        sent += meeting.wire[&(browser.address, browser.slots[&mid].ssrc)].len();
        arrived += received(meeting, seat, &mid).len();
    }
    1.0 - arrived as f64 / sent as f64
}

/// Who was told that how many of their pictures are held back, in order.
fn told(meeting: &Meeting) -> Vec<(ParticipantId, usize)> {
    let paused = meeting.events.iter().filter_map(|(_, event)| {
        let Event::SlotsPaused { participant, mids } = event else { return None };
        Some((*participant, mids.len()))
    });
    paused.collect()
}

#[test]
fn a_picture_that_was_all_there_was_comes_back_after_a_path_that_stood_still() {
    for seed in 1..4 {
        let mut meeting = Meeting::of(seed, 2);
        meeting.subscribe_all();
        meeting.turn_on(Seat(1), Camera);
        meeting.run(5 * SECOND);
        // Hardly anything gets through and all of it waits: the picture is held back, and then
        // nothing is sent from which anything could be learned.
        let bottleneck = Some(tests::Bottleneck { bits_per_second: 20_000, queue_bytes: 200_000 });
        meeting.set_links(Seat(0), Link::GOOD, Link { bottleneck, ..Link::GOOD });
        meeting.run(6 * SECOND);
        meeting.set_links(Seat(0), Link::GOOD, Link::GOOD);
        meeting.run(10 * SECOND);
        let shown = layers(&meeting, Seat(0), meeting.now - SECOND);
        assert_eq!(shown, [Some(TOP)], "seed {seed}: {:?}", told(&meeting));
    }
}

#[test]
fn a_large_picture_that_is_all_there_is_comes_soon() {
    for seed in 1..4 {
        let mut meeting = Meeting::new(seed);
        let teacher = meeting.join(RoomId(1), 0);
        meeting.join(RoomId(1), 1);
        meeting.connect();
        let browser = &mut meeting.browsers[teacher.0];
        // 2.5 Mbit/s and more in a single layer, as a shared screen has.
        browser.set_shape(Camera, 1_150, 11);
        browser.set_layer_sent(1, false);
        browser.set_layer_sent(2, false);
        let track = meeting.track(teacher, Camera);
        let watch = |meeting: &mut Meeting, seat: Seat| {
            let mid = meeting.browsers[seat.0].slot_mids(true).remove(0);
            meeting.subscribe(seat, &mid, Some(track), None);
        };
        watch(&mut meeting, Seat(1));
        meeting.turn_on(teacher, Camera);
        meeting.run(2 * SECOND);
        let from = meeting.now;
        meeting.run(SECOND);
        let mid = meeting.browsers[1].slot_mids(true).remove(0);
        let count = |meeting: &Meeting, seat: Seat| {
            received(meeting, seat, &mid).iter().filter(|packet| packet.at > from).count()
        };
        assert!(count(&meeting, Seat(1)) >= 11 * 24, "seed {seed}: {}", count(&meeting, Seat(1)));

        // Whoever comes when its rate is known is not sent any of it at first.
        let late = meeting.join(RoomId(1), 1);
        meeting.connect();
        watch(&mut meeting, late);
        meeting.run(2 * SECOND);
        let from = meeting.now;
        meeting.run(SECOND);
        let seen = received(&meeting, late, &mid).iter().filter(|packet| packet.at > from).count();
        assert!(seen >= 11 * 24, "seed {seed}: {seen}");
    }
}

#[test]
fn a_path_that_shrinks_and_grows_is_followed() {
    for seed in 1..4 {
        let mut meeting = audience(seed, 3, Link::carrying(4_000_000));
        meeting.run(12 * SECOND);
        assert_eq!(layers(&meeting, Seat(0), meeting.now - SECOND / 2), [Some(TOP); 2], "{seed}");

        meeting.set_links(Seat(0), Link::GOOD, Link::carrying(300_000));
        meeting.run(3 * SECOND);
        let full = lost(&meeting);
        let rate = carried(&mut meeting, 3 * SECOND);
        assert!(rate <= 300_000.0, "seed {seed}: {rate} after three seconds");
        meeting.run(14 * SECOND);
        assert_eq!(lost(&meeting), full, "seed {seed}: nothing is lost any more");
        let shown = layers(&meeting, Seat(0), meeting.now - SECOND / 2);
        assert_eq!(shown, [Some(LOWEST); 2], "seed {seed}: layers that nobody watched come back");

        meeting.set_links(Seat(0), Link::GOOD, Link::carrying(4_000_000));
        meeting.run(10 * SECOND);
        assert_eq!(layers(&meeting, Seat(0), meeting.now - SECOND / 2), [Some(TOP); 2], "{seed}");
        meeting.run(2 * SECOND);
        let loss = sound_loss(&mut meeting, Seat(0));
        assert!(loss < 0.01, "seed {seed}: {loss} of the sound is lost");
        assert_wire_is_clean(&meeting, Uplink::Whole);
    }
}

#[test]
fn on_a_slow_path_pictures_give_way_and_sound_does_not() {
    for seed in 10..16 {
        let mut meeting = audience(seed, 4, Link::carrying(300_000));
        meeting.run(20 * SECOND);
        let shown = layers(&meeting, Seat(0), meeting.now - SECOND);
        let loss = sound_loss(&mut meeting, Seat(0));
        assert!(loss < 0.01, "seed {seed}: {loss} of the sound is lost");
        // Three voices leave room for one picture of the lowest layer, and it is used.
        assert!(shown.contains(&Some(LOWEST)), "seed {seed}: {shown:?}");
        assert!(shown.iter().flatten().all(|layer| *layer == LOWEST), "seed {seed}: {shown:?}");
        // Who is held back is told, and nobody else is.
        let listener = meeting.browsers[0].participant;
        assert!(told(&meeting).iter().all(|(participant, _)| *participant == listener));
        assert_wire_is_clean(&meeting, Uplink::Whole);
    }
}

#[test]
fn what_is_held_back_is_told_and_comes_back() {
    let mut meeting = audience(20, 5, Link::carrying(4_000_000));
    meeting.run(5 * SECOND);
    let paused = |meeting: &Meeting| told(meeting).last().map(|(_, count)| *count);
    assert!(paused(&meeting).is_none_or(|count| count == 0));
    meeting.set_links(Seat(0), Link::GOOD, Link::carrying(280_000));
    meeting.run(8 * SECOND);
    assert!(paused(&meeting).is_some_and(|count| count >= 3), "{:?}", paused(&meeting));
    meeting.set_links(Seat(0), Link::GOOD, Link::carrying(4_000_000));
    meeting.run(10 * SECOND);
    assert_eq!(paused(&meeting), Some(0));
}

#[test]
fn one_poor_path_does_not_touch_the_others() {
    for seed in 30..32 {
        let mut meeting = audience(seed, 4, Link::carrying(300_000));
        meeting.run(3 * SECOND);
        let from = meeting.now;
        meeting.run(8 * SECOND);
        let good = Seat(1);
        assert_eq!(layers(&meeting, good, meeting.now - SECOND / 2)[1..], [Some(TOP); 2]);
        for mid in &meeting.browsers[good.0].slot_mids(true)[1..] {
            let packets = received(&meeting, good, mid).iter().filter(|packet| packet.at > from);
            // 25 pictures of 4 packets a second.
            let count = packets.count();
            assert!(count >= 8 * 100, "seed {seed}: {count} packets on {mid}");
        }
    }
}

#[test]
fn loss_by_chance_leaves_the_best_layer_and_every_picture() {
    for (seed, loss) in [(40, 20), (41, 50)] {
        let mut meeting = audience(seed, 3, Link { loss, ..Link::carrying(4_000_000) });
        meeting.run(10 * SECOND);
        let late = meeting.now - 2 * SECOND;
        assert_eq!(layers(&meeting, Seat(0), late), [Some(TOP); 2], "{loss} per mille");
        let now = meeting.now;
        for browser in &mut meeting.browsers {
            browser.set_sending(now, Camera, false);
        }
        meeting.run(2 * SECOND);
        for mid in meeting.browsers[0].slot_mids(true) {
            let packets = received(&meeting, Seat(0), &mid);
            let numbers = unwrapped(packets.iter().map(|packet| packet.sequence));
            let holes = missing_content(&meeting, Seat(0), &mid, &numbers);
            assert_eq!(holes, NONE, "{loss} per mille, slot {mid}");
        }
    }
}

#[test]
fn the_word_on_a_connection_follows_it() {
    let mut meeting = audience(60, 3, Link::carrying(4_000_000));
    meeting.run(8 * SECOND);
    let words = |meeting: &Meeting| -> Vec<(ParticipantId, Quality)> {
        let changed = meeting.events.iter().filter_map(|(_, event)| {
            let Event::QualityChanged { participant, quality } = event else { return None };
            Some((*participant, *quality))
        });
        changed.collect()
    };
    assert_eq!(words(&meeting), []);
    let listener = meeting.browsers[0].participant;
    meeting.set_links(Seat(0), Link::GOOD, Link::carrying(200_000));
    meeting.run(8 * SECOND);
    assert_eq!(words(&meeting).last(), Some(&(listener, Quality::Poor)));
    meeting.set_links(Seat(0), Link::GOOD, Link::carrying(4_000_000));
    meeting.run(15 * SECOND);
    assert_eq!(words(&meeting).last(), Some(&(listener, Quality::Good)));
    // A publisher that loses on its way up is told of as well.
    meeting.set_links(Seat(1), Link::losing(120), Link::GOOD);
    meeting.run(12 * SECOND);
    let publisher = meeting.browsers[1].participant;
    let is_told = |word: &(ParticipantId, Quality)| word.0 == publisher && word.1 > Quality::Good;
    assert!(words(&meeting).iter().any(is_told), "{:?}", words(&meeting));
}

#[test]
fn a_publisher_that_floods_takes_nothing_from_the_others() {
    let mut meeting = audience(70, 3, Link::carrying(4_000_000));
    meeting.run(6 * SECOND);
    let before = meeting.sfu.stats();
    // 16 Mbit/s of sound.
    flood_with_sound(&mut meeting, Seat(1), Duration::from_micros(500), 4_000);
    let stats = meeting.sfu.stats();
    let dropped =
        stats.dropped[DropCause::PublisherFlood] - before.dropped[DropCause::PublisherFlood];
    assert!(dropped > 3_000, "{dropped} dropped");
    // The third participant is heard and seen by the first all the while.
    let mids = (meeting.browsers[0].slot_mids(false), meeting.browsers[0].slot_mids(true));
    let heard = received(&meeting, Seat(0), &mids.0[1]);
    let lately = heard.iter().filter(|packet| packet.at + SECOND > meeting.now).count();
    assert!(lately >= 45, "{lately} of 50 packets of sound");
    let last = received(&meeting, Seat(0), &mids.1[1]).last().expect("it was seen");
    assert!(last.at + SECOND > meeting.now, "{last:?}");
}

#[test]
fn a_voice_takes_no_more_of_a_narrow_path_than_a_voice_needs() {
    let mut meeting = audience(71, 3, Link::carrying(500_000));
    meeting.run(6 * SECOND);
    let before = meeting.sfu.stats();
    // 640 kbit/s of sound.
    flood_with_sound(&mut meeting, Seat(1), Duration::from_micros(12_500), 480);
    let stats = meeting.sfu.stats();
    assert!(stats.dropped[DropCause::PublisherFlood] > before.dropped[DropCause::PublisherFlood]);
    let mid = &meeting.browsers[0].slot_mids(false)[1];
    let heard = received(&meeting, Seat(0), mid);
    let lately = heard.iter().filter(|packet| packet.at + 2 * SECOND > meeting.now).count();
    assert!(lately >= 95, "{lately} of 100 packets of another's sound");
}

/// Sends so many large packets of sound, one after each `pause`.
fn flood_with_sound(meeting: &mut Meeting, seat: Seat, pause: Duration, count: usize) {
    let (ssrc, payload_type) = meeting.browsers[seat.0].stream(Microphone);
    let mut sequence_number = 40_000_u16;
    for _ in 0..count {
        sequence_number = sequence_number.wrapping_add(1);
        let header = rtc::rtp::Header {
            version: 2,
            payload_type,
            ssrc,
            sequence_number,
            ..rtc::rtp::Header::default()
        };
        let content = Content {
            track: meeting.track(seat, Microphone),
            layer: 0,
            frame: 0,
            part: 0,
            parts: 1,
            is_key: false,
        };
        let packet = rtc::rtp::Packet { header, payload: content.opus_payload(1_000).into() };
        let now = meeting.now;
        meeting.browsers[seat.0].send_packets(now, vec![packet]);
        meeting.run(pause);
    }
}

#[test]
fn whoever_gets_all_they_want_is_not_probed() {
    let mut meeting = audience(50, 3, Link::GOOD);
    meeting.run(8 * SECOND);
    assert_eq!(layers(&meeting, Seat(0), meeting.now - SECOND), [Some(TOP); 2]);
    let before = meeting.sfu.stats().packets_probing;
    meeting.run(8 * SECOND);
    assert_eq!(meeting.sfu.stats().packets_probing, before);
}

#[test]
fn the_lowest_layer_is_what_small_tiles_get_however_much_there_is() {
    let mut meeting = audience(51, 3, Link::GOOD);
    for (seat, mid) in [1, 2].into_iter().zip(meeting.browsers[0].slot_mids(true)) {
        let track = meeting.track(Seat(seat), Camera);
        meeting.subscribe(Seat(0), &mid, Some(track), Some(90));
    }
    meeting.run(4 * SECOND);
    assert_eq!(layers(&meeting, Seat(0), meeting.now - SECOND), [Some(LOWEST); 2]);
}
