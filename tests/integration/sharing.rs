//! A shared screen beside cameras, over paths that do not carry all of it at once.

use std::time::{Duration, Instant};

use protocol::TrackSource::{Camera, Microphone, Screen};
use sfu_core::{Event, RoomId};
use tests::{Link, Meeting, Seat};

use crate::check::{NONE, Uplink, assert_wire_is_clean, missing_content, received, unwrapped};

const SECOND: Duration = Duration::from_secs(1);

/// Shares a screen and speaks.
const TEACHER: Seat = Seat(1);

/// Browsers repeat a picture that does not change about once a second.
const AT_REST: Duration = Duration::from_secs(1);

/// Packets of a whole slide: 33 KB.
const SLIDE: u8 = 30;

/// One who watches a shared screen, which rests, and two cameras over a link of its own. Layers of
/// a camera take 800, 290 and 70 kbit/s, the only voice 59, with headers.
struct Lesson {
    meeting: Meeting,
    cameras: Vec<String>,
    screen: String,
}

impl Lesson {
    fn over(seed: u64, bits_per_second: u64) -> Self {
        let mut meeting = Meeting::new(seed);
        meeting.join(RoomId(1), 3);
        for _ in 0..3 {
            meeting.join(RoomId(1), 0);
        }
        meeting.connect();
        meeting.browsers[TEACHER.0].add_source(Screen);
        meeting.negotiate(TEACHER);
        meeting.set_links(
            Seat(0),
            Link::GOOD,
            Link { jitter: Duration::from_millis(10), ..Link::carrying(bits_per_second) },
        );
        let now = meeting.now;
        let browser = &mut meeting.browsers[TEACHER.0];
        browser.set_shape(Screen, 60, 1);
        browser.set_key_parts(Screen, SLIDE);
        browser.set_interval(now, Screen, AT_REST);
        let mut mids = meeting.browsers[0].slot_mids(true);
        let sources = [(Seat(2), Camera), (Seat(3), Camera), (TEACHER, Screen)];
        for (mid, (seat, source)) in mids.iter().zip(sources) {
            meeting.turn_on(seat, source);
            let track = meeting.track(seat, source);
            meeting.subscribe(Seat(0), mid, Some(track), None);
        }
        let voice = meeting.browsers[0].slot_mids(false).remove(0);
        meeting.turn_on(TEACHER, Microphone);
        let track = meeting.track(TEACHER, Microphone);
        meeting.subscribe(Seat(0), &voice, Some(track), None);
        let screen = mids.pop().expect("three slots");
        Self { meeting, cameras: mids, screen }
    }

    /// Sends pictures of so many packets from now on, 25 a second.
    fn move_screen(&mut self, parts: u8) {
        let now = self.meeting.now;
        let browser = &mut self.meeting.browsers[TEACHER.0];
        browser.set_shape(Screen, 1_100, parts);
        browser.set_interval(now, Screen, SECOND / 25);
    }

    fn rest_screen(&mut self) {
        let now = self.meeting.now;
        let browser = &mut self.meeting.browsers[TEACHER.0];
        browser.set_shape(Screen, 60, 1);
        browser.set_interval(now, Screen, AT_REST);
    }

    /// Packets on each camera's slot since then.
    fn seen(&self, from: Instant) -> Vec<usize> {
        let count = |mid: &String| {
            received(&self.meeting, Seat(0), mid).iter().filter(|packet| packet.at > from).count()
        };
        self.cameras.iter().map(count).collect()
    }

    /// How many slots the listener was told are held back, from `from` on: each change.
    fn told(&self, from: Instant) -> Vec<usize> {
        let told = self.meeting.events.iter().filter_map(|(at, event)| {
            let Event::SlotsPaused { mids, .. } = event else { return None };
            (*at > from).then_some(mids.len())
        });
        told.collect()
    }

    /// Packets of the screen that arrived since then.
    fn shown(&self, from: Instant) -> usize {
        let packets = received(&self.meeting, Seat(0), &self.screen);
        packets.iter().filter(|packet| packet.at > from).count()
    }
}

#[test]
fn a_screen_that_rests_takes_nothing_from_the_cameras() {
    for path in [350_000, 500_000, 700_000] {
        for seed in 1_100..1_104 {
            let context = format!("seed {seed}, {path} bit/s");
            let mut lesson = Lesson::over(seed, path);
            lesson.meeting.run(12 * SECOND);
            let from = lesson.meeting.now;
            let mut least = usize::MAX;
            for _ in 0..20 {
                let second = lesson.meeting.now;
                lesson.meeting.run(SECOND);
                least = least.min(lesson.seen(second).into_iter().min().unwrap_or(0));
            }
            // Both cameras at their least, the voice, and what the screen sends at rest: the path
            // carries that, and half as much again.
            let sent = lesson.meeting.browsers[TEACHER.0].sent(Screen);
            let sent: Vec<_> = sent.iter().filter(|(at, _)| *at > from).collect();
            assert!(sent.iter().all(|(_, content)| !content.is_key), "{context}: it only rests");
            assert!(
                sent.len() as u64 * 1_500 / 20 + 2 * 70_000 + 59_000 < path * 2 / 3,
                "{context}"
            );
            assert!(least > 0, "{context}: a camera stood still, {:?}", lesson.told(from));
            assert_eq!(lesson.told(from), [0; 0], "{context}: nothing is held back");
            assert_eq!(lesson.shown(from), sent.len(), "{context}: the screen is seen");
            assert_wire_is_clean(&lesson.meeting, Uplink::Whole);
        }
    }
}

#[test]
fn a_screen_that_moves_goes_first_and_the_cameras_come_back_when_it_rests() {
    // Packets of a picture, at 25 pictures a second, and how many seconds of them.
    let film = (1, 10);
    let slide = (4, 1);
    for (path, (parts, seconds)) in
        [(350_000, film), (500_000, film), (500_000, slide), (700_000, film), (700_000, slide)]
    {
        for seed in 1_110..1_114 {
            let context = format!("seed {seed}, {path} bit/s, {parts} packets for {seconds} s");
            let mut lesson = Lesson::over(seed, path);
            lesson.meeting.run(12 * SECOND);
            let from = lesson.meeting.now;
            lesson.move_screen(parts);
            lesson.meeting.run(seconds * SECOND);
            lesson.rest_screen();
            lesson.meeting.run(2 * SECOND);
            let sent = lesson.meeting.browsers[TEACHER.0].sent(Screen);
            let sent = sent.iter().filter(|(at, _)| *at > from).count();
            let shown = lesson.shown(from);
            // At half its frame rate at worst, and no picture is cut.
            assert!(shown * 100 >= sent * 60, "{context}: {shown} packets of {sent} are seen");
            let packets = received(&lesson.meeting, Seat(0), &lesson.screen);
            let numbers = unwrapped(packets.iter().map(|packet| packet.sequence));
            let holes = missing_content(&lesson.meeting, Seat(0), &lesson.screen, &numbers);
            assert_eq!(holes, NONE, "{context}");
            let asked = lesson.meeting.browsers[TEACHER.0].key_frame_requests(Screen);
            let asked = asked.iter().filter(|(at, _)| *at > from).count();
            assert_eq!(asked, 0, "{context}: nothing of it had to be begun anew");
            lesson.meeting.run(4 * SECOND);
            let late = lesson.meeting.now;
            lesson.meeting.run(SECOND);
            let seen = lesson.seen(late);
            assert!(seen.iter().all(|count| *count > 0), "{context}: {seen:?} of the cameras");
            assert!(lesson.told(from).last().is_none_or(|held_back| *held_back == 0), "{context}");
        }
    }
}
