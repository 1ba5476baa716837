use proptest::prelude::*;

use super::*;

#[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
fn start() -> Instant {
    Instant::now()
}

const FRAME: Duration = Duration::from_millis(20);
/// Levels of RFC 6464: decibels below full scale.
const VOICE: u8 = 28;
const NOISE: u8 = 65;

fn track(n: u8) -> TrackKey {
    TrackKey { index: n.into(), serial: 0 }
}

fn microphone(n: u8) -> TrackId {
    let participant = ParticipantId::from_bytes([n; 8]);
    TrackId { participant, source: TrackSource::Microphone }
}

/// A room whose microphones speak as told, and everything it said of its speakers.
struct Scene {
    voices: Voices,
    start: Instant,
    now: Instant,
    told: Vec<(u64, Vec<u8>)>,
}

impl Scene {
    fn new() -> Self {
        let start = start();
        Self { voices: Voices::default(), start, now: start, told: Vec::new() }
    }

    /// Lets time pass in which each microphone sends frames of one level; the words of a voice
    /// have gaps between them.
    fn run(&mut self, ms: u64, levels: &[(u8, u8)]) {
        for frame in 0..ms / 20 {
            self.now += FRAME;
            for (n, level) in levels {
                let is_gap = *level < 60 && frame % 15 > 12;
                let level = if is_gap { NOISE } else { *level };
                self.voices.handle_packet(self.now, track(*n), microphone(*n), level);
            }
            self.poll();
        }
    }

    fn pass(&mut self, ms: u64) {
        self.run(ms, &[]);
    }

    fn poll(&mut self) {
        if let Some(speakers) = self.voices.poll_speakers(self.now) {
            let numbers = speakers.iter().map(|id| id.as_bytes()[0]).collect();
            let at = (self.now - self.start).as_millis() as u64;
            self.told.push((at, numbers));
        }
    }

    fn lists(&self) -> Vec<Vec<u8>> {
        self.told.iter().map(|(_, speakers)| speakers.clone()).collect()
    }
}

#[test]
fn who_speaks_is_told_once_and_again_when_they_stop() {
    let mut scene = Scene::new();
    scene.run(1_000, &[(1, NOISE), (2, NOISE)]);
    scene.run(5_000, &[(1, VOICE), (2, NOISE)]);
    scene.run(3_000, &[(1, NOISE), (2, NOISE)]);
    assert_eq!(scene.lists(), [vec![1], vec![]]);
    let (on, off) = (scene.told[0].0 - 1_000, scene.told[1].0 - 6_000);
    assert!((400..900).contains(&on), "shown {on} ms after the first word");
    assert!((400..1_500).contains(&off), "shown for {off} ms after the last word");
    assert_eq!(scene.voices.poll_timeout(track(1)), None, "silence needs no timer");
}

#[test]
fn a_cough_changes_nothing() {
    let mut scene = Scene::new();
    scene.run(2_000, &[(1, NOISE), (2, NOISE)]);
    for _ in 0..5 {
        scene.run(300, &[(1, NOISE), (2, 8)]);
        scene.run(1_500, &[(1, NOISE), (2, NOISE)]);
    }
    assert_eq!(scene.lists(), Vec::<Vec<u8>>::new(), "nobody spoke");
    scene.run(3_000, &[(1, VOICE), (2, NOISE)]);
    for _ in 0..5 {
        scene.run(300, &[(1, VOICE), (2, 8)]);
        scene.run(1_500, &[(1, VOICE), (2, NOISE)]);
    }
    assert_eq!(scene.lists(), [vec![1]], "nor does it take the place of who speaks");
}

#[test]
fn a_microphone_that_only_hums_does_not_speak() {
    let mut scene = Scene::new();
    for _ in 0..60 {
        scene.now += FRAME;
        scene.voices.handle_packet(scene.now, track(1), microphone(1), 62);
    }
    // A fan starts: at first it may pass for a voice.
    scene.run(20_000, &[]);
    for _ in 0..1_500 {
        scene.now += FRAME;
        scene.voices.handle_packet(scene.now, track(1), microphone(1), 45);
        scene.poll();
    }
    assert!(scene.told.last().is_none_or(|(_, speakers)| speakers.is_empty()), "{:?}", scene.told);
}

#[test]
fn who_is_clearly_louder_comes_first_and_slight_differences_change_nothing() {
    let mut scene = Scene::new();
    scene.run(500, &[(1, NOISE), (2, NOISE)]);
    scene.run(2_000, &[(1, 30), (2, NOISE)]);
    scene.run(2_000, &[(1, 30), (2, 28)]);
    scene.run(2_000, &[(1, 29), (2, 31)]);
    assert_eq!(scene.lists(), [vec![1], vec![1, 2]]);
    scene.run(2_000, &[(1, 30), (2, 20)]);
    assert_eq!(scene.lists().last(), Some(&vec![2, 1]));
}

#[test]
fn who_mutes_leaves_and_falls_silent_without_a_packet_is_taken_off() {
    let mut scene = Scene::new();
    scene.run(2_000, &[(1, VOICE), (2, VOICE), (3, VOICE)]);
    assert_eq!(scene.lists().last().map(Vec::len), Some(3));
    scene.voices.remove(scene.now, track(1));
    scene.poll();
    assert_eq!(scene.lists().last(), Some(&vec![2, 3]));
    assert!(scene.voices.poll_timeout(track(2)).is_some());
    scene.pass(3_000);
    assert_eq!(scene.lists().last(), Some(&vec![]), "their packets stopped");
}

#[test]
fn discontinuous_sound_is_silence_not_speech() {
    let mut scene = Scene::new();
    // Comfort noise every 400 ms, now and then a click.
    for round in 0..50 {
        scene.run(380, &[]);
        scene.run(20, &[(1, if round % 5 == 0 { 10 } else { NOISE })]);
    }
    assert!(scene.told.is_empty(), "{:?}", scene.told);
}

/// Which of the microphones 1 to 4 are forwarded to a subscriber that may get two.
fn admitted(scene: &mut Scene, seats: &mut Seats, ms: u64, levels: &[(u8, u8)]) -> Vec<u8> {
    let mut last = Vec::new();
    for frame in 0..ms / 20 {
        scene.now += FRAME;
        last.clear();
        for (n, level) in levels {
            let level = if *level < 60 && frame % 15 > 12 { NOISE } else { *level };
            scene.voices.handle_packet(scene.now, track(*n), microphone(*n), level);
        }
        for (n, _) in levels {
            if seats.admits(scene.now, track(*n), 2, &scene.voices) {
                last.push(*n);
            }
        }
        assert!(last.len() <= 3, "a change may let the former through once more");
    }
    last
}

#[test]
fn the_loudest_are_forwarded_and_a_new_voice_takes_a_silent_ones_place_at_once() {
    let (mut scene, mut seats) = (Scene::new(), Seats::default());
    let quiet = [(1, NOISE), (2, NOISE), (3, NOISE), (4, NOISE)];
    assert_eq!(admitted(&mut scene, &mut seats, 2_000, &quiet), [1, 2]);
    let one = [(1, NOISE), (2, NOISE), (3, VOICE), (4, NOISE)];
    let heard = admitted(&mut scene, &mut seats, 60, &one);
    assert!(heard.contains(&3), "within 60 ms: {heard:?}");
    let two = [(1, NOISE), (2, NOISE), (3, VOICE), (4, VOICE)];
    assert_eq!(admitted(&mut scene, &mut seats, 2_000, &two), [3, 4]);
    // A click, a cough or an equal voice changes nothing while two speak.
    let clicks = [(1, 5), (2, VOICE), (3, VOICE), (4, VOICE)];
    assert_eq!(admitted(&mut scene, &mut seats, 300, &clicks), [3, 4]);
    let equal = [(1, NOISE), (2, VOICE), (3, VOICE), (4, VOICE)];
    assert_eq!(admitted(&mut scene, &mut seats, 4_000, &equal), [3, 4]);
    let louder = [(1, NOISE), (2, 15), (3, VOICE), (4, VOICE)];
    let heard = admitted(&mut scene, &mut seats, 2_000, &louder);
    assert!(heard.contains(&2) && heard.len() == 2, "{heard:?}");
}

#[test]
fn a_place_is_free_again_when_its_microphone_is_gone() {
    let (mut scene, mut seats) = (Scene::new(), Seats::default());
    let all = [(1, VOICE), (2, VOICE), (3, NOISE)];
    assert_eq!(admitted(&mut scene, &mut seats, 2_000, &all), [1, 2]);
    seats.leave(track(1));
    let left = [(2, VOICE), (3, NOISE)];
    assert_eq!(admitted(&mut scene, &mut seats, 100, &left), [2, 3]);
}

proptest! {
    #[test]
    fn places_are_bounded_and_lists_hold_only_who_speaks(
        packets in prop::collection::vec((0..6_u8, 0..128_u8, 0..50_u64), 1..600),
        limit in 1..4_usize,
    ) {
        let (mut scene, mut seats) = (Scene::new(), Seats::default());
        for (n, level, pause) in packets {
            scene.now += Duration::from_millis(pause);
            scene.voices.handle_packet(scene.now, track(n), microphone(n), level);
            seats.admits(scene.now, track(n), limit, &scene.voices);
            prop_assert!(seats.0.len() <= limit);
            scene.poll();
        }
        for pair in scene.told.windows(2) {
            prop_assert!(pair[1].0 - pair[0].0 >= 200, "not more often than every 200 ms");
            prop_assert_ne!(&pair[0].1, &pair[1].1);
        }
        scene.pass(5_000);
        prop_assert!(scene.told.last().is_none_or(|(_, speakers)| speakers.is_empty()));
    }
}
