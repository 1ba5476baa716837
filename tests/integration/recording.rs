//! Who is recorded, to the packet: what the core hands to the recorder.

mod orders;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use protocol::TrackSource::{Camera, Microphone, Screen, ScreenAudio};
use protocol::{ParticipantId, TrackSource};
use sfu_core::codec::CodecKind;
use sfu_core::{Capture, Command, Event, Frames, RecordingNews, RecordingTap, RoomId};
use tests::{Content, Link, Meeting, Seat};

const SECOND: Duration = Duration::from_secs(1);
const ROOM: RoomId = RoomId(1);
const FIRST: RecordingTap = RecordingTap(1);

/// One packet in the recorder's input.
#[derive(Clone, Copy, Debug)]
struct Input {
    recording: RecordingTap,
    at: Instant,
    content: Content,
    codec: CodecKind,
    starts_over: bool,
    starts_key_frame: bool,
}

/// The recorder's input from an item of the meeting's list on.
fn input_since(meeting: &Meeting, from: usize) -> Vec<Input> {
    let items = meeting.captured[from..].iter().flat_map(|captured| captured.iter());
    let packets = items.filter_map(|item| match item {
        Capture::Packet(packet) => Some(packet),
        Capture::Erased { .. } | Capture::Ended { .. } => None,
    });
    let packets = packets.map(|packet| {
        let content = if packet.codec.is_video() {
            Content::from_vp8(packet.payload).map(|(content, _)| content)
        } else {
            Content::from_opus(packet.payload)
        };
        let content = content.expect("only what simulated browsers send is there");
        assert_eq!(content.track, packet.track, "the label is that of the content");
        Input {
            recording: packet.recording,
            at: packet.arrival,
            content,
            codec: packet.codec,
            starts_over: packet.starts_over,
            starts_key_frame: packet.starts_key_frame,
        }
    });
    packets.collect()
}

fn input(meeting: &Meeting) -> Vec<Input> {
    input_since(meeting, 0)
}

fn start(meeting: &mut Meeting, recording: RecordingTap) {
    meeting.command(Command::StartRecording { room: ROOM, recording });
}

fn answer(meeting: &mut Meeting, seat: Seat, recording: RecordingTap, recordable: bool) {
    allow(meeting, seat, recording, if recordable { &TrackSource::ALL } else { &[] });
}

/// A yes, as far as it goes.
fn allow(meeting: &mut Meeting, seat: Seat, recording: RecordingTap, sources: &[TrackSource]) {
    let participant = of(meeting, seat);
    let sources = sources.to_vec();
    meeting.command(Command::SetRecordable { participant, recording, sources });
}

fn of(meeting: &Meeting, seat: Seat) -> ParticipantId {
    meeting.browsers[seat.0].participant
}

/// Everybody with microphone and camera on.
fn class(seed: u64, count: usize) -> Meeting {
    let mut meeting = Meeting::of(seed, count);
    for seat in (0..count).map(Seat) {
        meeting.turn_on(seat, Microphone);
        meeting.turn_on(seat, Camera);
    }
    meeting
}

/// Items that tell of the end of a recording.
fn ended(meeting: &Meeting) -> Vec<RecordingTap> {
    let items = meeting.captured.iter().flat_map(|captured| captured.iter());
    let ended = items.filter_map(|item| match item {
        Capture::Ended { recording } => Some(recording),
        Capture::Packet(_) | Capture::Erased { .. } => None,
    });
    ended.collect()
}

/// What a page sent of a source between two instants: frame, part, and layer.
fn sent(
    meeting: &Meeting,
    seat: Seat,
    source: TrackSource,
    from: Instant,
    until: Instant,
) -> BTreeSet<(u32, u8, u8)> {
    let sent = meeting.browsers[seat.0].sent(source).iter();
    let sent = sent.filter(|(at, _)| (from..until).contains(at));
    sent.map(|(_, content)| (content.frame, content.part, content.layer)).collect()
}

fn recorded(packets: &[Input], track: protocol::TrackId) -> BTreeSet<(u32, u8, u8)> {
    let of_track = packets.iter().filter(|packet| packet.content.track == track);
    of_track.map(|p| (p.content.frame, p.content.part, p.content.layer)).collect()
}

#[test]
fn r17_of_three_only_whoever_accepted_is_recorded_and_of_them_everything() {
    for watched in [false, true] {
        let mut meeting = class(1_700, 3);
        if watched {
            meeting.subscribe_all();
        }
        meeting.run(SECOND);
        start(&mut meeting, FIRST);
        answer(&mut meeting, Seat(0), FIRST, true);
        answer(&mut meeting, Seat(1), FIRST, false);
        let began = meeting.now;
        meeting.run(6 * SECOND);
        let packets = input(&meeting);
        assert!(packets.iter().all(|p| p.content.track.participant == of(&meeting, Seat(0))));
        assert!(packets.iter().all(|p| p.at >= began && p.recording == FIRST));
        // On its way for 10 ms.
        let (from, until) = (began, meeting.now - SECOND / 10);
        let voice = recorded(&packets, meeting.track(Seat(0), Microphone));
        let spoken = sent(&meeting, Seat(0), Microphone, from, until);
        assert!(spoken.len() > 250 && spoken.is_subset(&voice), "watched: {watched}");
        let picture = recorded(&packets, meeting.track(Seat(0), Camera));
        let shown = sent(&meeting, Seat(0), Camera, from, until);
        let best: BTreeSet<_> = shown.into_iter().filter(|(_, _, layer)| *layer == 0).collect();
        assert!(best.len() > 400 && best.is_subset(&picture), "watched: {watched}");
        assert!(picture.iter().all(|(_, _, layer)| *layer == 0), "one layer");
        assert_eq!(meeting.sfu.stats().packets_recorded as usize, packets.len());
    }
}

#[test]
fn r17_nobody_is_recorded_without_a_recording_or_by_another_than_they_agreed_to() {
    let mut meeting = class(1_701, 2);
    answer(&mut meeting, Seat(0), FIRST, true);
    meeting.run(SECOND / 2);
    start(&mut meeting, FIRST);
    meeting.run(SECOND / 2);
    assert_eq!(input(&meeting).len(), 0, "the yes came before the question");
    answer(&mut meeting, Seat(0), RecordingTap(2), true);
    meeting.run(SECOND / 2);
    assert_eq!(input(&meeting).len(), 0, "a yes to another question");
    let news = RecordingNews::GateShut { participant: of(&meeting, Seat(0)) };
    let told = |recording| Event::Recording { room: ROOM, recording, news };
    let events: Vec<_> = meeting.events.iter().map(|(_, event)| event.clone()).collect();
    for recording in [FIRST, RecordingTap(2)] {
        assert!(events.contains(&told(recording)), "a yes that opens nothing is told");
    }
    answer(&mut meeting, Seat(0), FIRST, true);
    meeting.run(SECOND / 2);
    let before = input(&meeting).len();
    assert!(before > 0);
    // The next one begins before anybody ended the first, and everybody is asked again.
    start(&mut meeting, RecordingTap(2));
    meeting.run(SECOND);
    assert_eq!((input(&meeting).len(), ended(&meeting)), (before, vec![FIRST]));
    answer(&mut meeting, Seat(0), FIRST, true);
    meeting.run(SECOND);
    assert_eq!(input(&meeting).len(), before, "a late yes to the former one");
    answer(&mut meeting, Seat(0), RecordingTap(2), true);
    meeting.run(SECOND);
    assert!(input(&meeting)[before..].iter().all(|packet| packet.recording == RecordingTap(2)));
    meeting.command(Command::StopRecording { room: ROOM, recording: FIRST });
    let before = input(&meeting).len();
    meeting.run(SECOND);
    assert!(input(&meeting).len() > before, "a late end of the former one");
    meeting.command(Command::StopRecording { room: ROOM, recording: RecordingTap(2) });
    let before = input(&meeting).len();
    meeting.run(SECOND);
    assert_eq!((input(&meeting).len(), ended(&meeting)), (before, vec![FIRST, RecordingTap(2)]));
    start(&mut meeting, RecordingTap(9));
    meeting.run(SECOND);
    assert_eq!(input(&meeting).len(), before, "a restarted recording asks everybody");
    meeting.command(Command::StartRecording { room: RoomId(77), recording: RecordingTap(10) });
    assert_eq!(ended(&meeting).last(), Some(&RecordingTap(10)), "no such room");
}

#[test]
fn r19_after_a_withdrawal_not_one_packet_more() {
    // Jitter puts packets out of order, losses make browsers send again, and five members make
    // pictures wait for the rest of their packets.
    for seed in 0..12 {
        let mut meeting = class(1_900 + seed, 5);
        meeting.subscribe_all();
        let poor = Link { jitter: Duration::from_millis(30), loss: 50, ..Link::GOOD };
        meeting.set_links(Seat(0), poor, Link::GOOD);
        meeting.run(SECOND);
        start(&mut meeting, FIRST);
        answer(&mut meeting, Seat(0), FIRST, true);
        answer(&mut meeting, Seat(1), FIRST, true);
        // Somewhere within a picture.
        meeting.run(SECOND + Duration::from_micros(913 * seed));
        let stopped = meeting.now;
        answer(&mut meeting, Seat(0), FIRST, false);
        let before = meeting.captured.len();
        meeting.run(2 * SECOND);
        let packets = input(&meeting);
        let participant = of(&meeting, Seat(0));
        let theirs = packets.iter().filter(|p| p.content.track.participant == participant);
        assert!({ theirs }.all(|packet| packet.at <= stopped), "seed {seed}");
        let after = input_since(&meeting, before);
        assert!(after.len() > 100, "the other one goes on");
        assert!(after.iter().all(|p| p.content.track.participant != participant), "seed {seed}");
        assert!(meeting.browsers[0].repaired(Camera) > 0, "something was sent again");
    }
}

#[test]
fn r19_what_waits_for_the_shell_is_taken_back() {
    let mut meeting = class(1_920, 2);
    start(&mut meeting, FIRST);
    for seat in [Seat(0), Seat(1)] {
        answer(&mut meeting, seat, FIRST, true);
    }
    meeting.run(SECOND);
    // The core holds what the next datagrams bring until it is asked.
    let withdrawn = of(&meeting, Seat(0));
    let mut held = sfu_core::Captured::default();
    let now = meeting.now;
    for datagram in meeting.recorded.clone() {
        let path = sfu_core::Path { remote: datagram.from, local: None };
        meeting.sfu.handle_datagram(now, path, &mut datagram.bytes.clone());
    }
    assert!(!meeting.sfu.swap_captured(&mut held), "they were all seen before");
    for browser in &mut meeting.browsers {
        browser.handle_timeout(now + SECOND / 20);
        while let Some((_, mut bytes)) = browser.poll_output() {
            let path = sfu_core::Path { remote: browser.address, local: None };
            meeting.sfu.handle_datagram(now + SECOND / 20, path, &mut bytes);
        }
    }
    let participants = |captured: &sfu_core::Captured| -> BTreeSet<ParticipantId> {
        let packets = captured.iter().filter_map(|item| match item {
            Capture::Packet(packet) => Some(packet.track.participant),
            Capture::Erased { .. } | Capture::Ended { .. } => None,
        });
        packets.collect()
    };
    assert_eq!(participants(meeting.sfu.captured()).len(), 2, "both have something waiting");
    let no =
        Command::SetRecordable { participant: withdrawn, recording: FIRST, sources: Vec::new() };
    meeting.sfu.handle_command(now + SECOND / 20, no);
    assert!(meeting.sfu.swap_captured(&mut held));
    assert!(!participants(&held).contains(&withdrawn) && !participants(&held).is_empty());
}

#[test]
fn r20_of_a_late_comer_nothing_before_their_yes_even_if_it_arrives_after() {
    for seed in 0..8 {
        let mut meeting = class(2_000 + seed, 2);
        meeting.subscribe_all();
        start(&mut meeting, FIRST);
        answer(&mut meeting, Seat(0), FIRST, true);
        meeting.run(SECOND);
        let late = meeting.join(ROOM, 2);
        meeting.connect();
        meeting.turn_on(late, Microphone);
        meeting.turn_on(late, Camera);
        // What is lost comes again some 100 ms later, behind the yes.
        meeting.set_links(late, Link::losing(300), Link::GOOD);
        meeting.run(2 * SECOND + Duration::from_micros(7_001 * seed));
        let late_comer = of(&meeting, late);
        let theirs = |meeting: &Meeting| -> Vec<Input> {
            let packets = input(meeting).into_iter();
            packets.filter(|packet| packet.content.track.participant == late_comer).collect()
        };
        assert_eq!(theirs(&meeting).len(), 0);
        let repaired = meeting.browsers[late.0].repaired(Camera);
        let accepted = meeting.now;
        answer(&mut meeting, late, FIRST, true);
        meeting.set_links(late, Link::GOOD, Link::GOOD);
        meeting.run(SECOND);
        assert!(meeting.browsers[late.0].repaired(Camera) > repaired, "some came after the yes");
        let mut sent_at = BTreeMap::new();
        for source in [Microphone, Camera] {
            for (at, content) in meeting.browsers[late.0].sent(source) {
                sent_at.insert(*content, *at);
            }
        }
        let packets = theirs(&meeting);
        assert!(packets.len() > 100);
        for packet in packets {
            // What was on its way for the first time when they said yes cannot be told apart: it
            // takes 10 ms, and leaves up to 2 ms after the time it is labelled with.
            let early = accepted.saturating_duration_since(sent_at[&packet.content]);
            assert!(early <= Duration::from_millis(12), "seed {seed}: {early:?} too early");
        }
    }
}

#[test]
fn r20_another_transport_a_new_page_and_a_return_are_asked_again() {
    let mut meeting = class(2_020, 3);
    start(&mut meeting, FIRST);
    for seat in (0..3).map(Seat) {
        answer(&mut meeting, seat, FIRST, true);
    }
    meeting.run(SECOND);
    // A reload is another transport of the same participant.
    meeting.reload(Seat(0), 2);
    let reloaded = of(&meeting, Seat(0));
    // Somebody leaves and comes back under the same number.
    let returned = of(&meeting, Seat(1));
    meeting.command(Command::RemoveTransport { participant: returned });
    meeting.command(Command::AddTransport {
        participant: returned,
        room: ROOM,
        frames: Frames::Clear,
    });
    meeting.reload(Seat(1), 2);
    // New credentials of the same page keep the gate.
    meeting.browsers[2].restart_ice();
    meeting.negotiate(Seat(2));
    meeting.connect();
    let before = meeting.captured.len();
    for seat in (0..3).map(Seat) {
        meeting.turn_on(seat, Microphone);
        meeting.turn_on(seat, Camera);
    }
    meeting.run(2 * SECOND);
    let heard: BTreeSet<_> =
        input_since(&meeting, before).iter().map(|p| p.content.track.participant).collect();
    assert_eq!(heard, BTreeSet::from([of(&meeting, Seat(2))]));
    let told = meeting.events.iter().filter_map(|(_, event)| {
        let Event::Recording { room: ROOM, recording: FIRST, news } = event else { return None };
        Some(*news)
    });
    assert_eq!(told.collect::<Vec<_>>(), [RecordingNews::GateShut { participant: reloaded }]);
    for seat in [Seat(0), Seat(1)] {
        answer(&mut meeting, seat, FIRST, true);
    }
    let before = meeting.captured.len();
    meeting.run(SECOND);
    let heard: BTreeSet<_> =
        input_since(&meeting, before).iter().map(|p| p.content.track.participant).collect();
    assert_eq!(heard.len(), 3);
    assert!(heard.contains(&returned));
}

#[test]
fn r17_the_last_one_to_leave_ends_the_recording_and_the_next_room_knows_nothing_of_it() {
    let mut meeting = class(1_702, 2);
    start(&mut meeting, FIRST);
    answer(&mut meeting, Seat(0), FIRST, true);
    meeting.run(SECOND);
    for seat in [Seat(0), Seat(1)] {
        let participant = of(&meeting, seat);
        meeting.command(Command::RemoveTransport { participant });
    }
    assert_eq!(ended(&meeting), [FIRST]);
    let before = meeting.captured.len();
    for seat in [Seat(0), Seat(1)] {
        let participant = of(&meeting, seat);
        meeting.command(Command::AddTransport { participant, room: ROOM, frames: Frames::Clear });
        meeting.reload(seat, 1);
        answer(&mut meeting, seat, FIRST, true);
    }
    meeting.connect();
    meeting.turn_on(Seat(0), Microphone);
    meeting.run(SECOND);
    assert_eq!(input_since(&meeting, before).len(), 0);
}

#[test]
fn what_is_erased_is_taken_back_and_told_in_order() {
    let mut meeting = class(1_703, 2);
    start(&mut meeting, FIRST);
    answer(&mut meeting, Seat(0), FIRST, true);
    meeting.run(SECOND);
    let before = meeting.captured.len();
    let participant = of(&meeting, Seat(0));
    meeting.command(Command::EraseRecorded { room: ROOM, participant });
    meeting.run(SECOND);
    let items: Vec<_> =
        meeting.captured[before..].iter().flat_map(|captured| captured.iter()).collect();
    let is_it = |item: &Capture<'_>| matches!(item, Capture::Erased { recording: FIRST, participant: who } if *who == participant);
    assert!(items.len() == 1 && is_it(&items[0]), "{items:?}");
}

#[test]
fn a_muted_source_is_not_recorded_and_goes_on_with_a_key_frame() {
    let mut meeting = class(1_704, 2);
    start(&mut meeting, FIRST);
    answer(&mut meeting, Seat(0), FIRST, true);
    meeting.run(SECOND);
    for source in [Microphone, Camera] {
        meeting.set_publishing(Seat(0), source, false);
    }
    let before = meeting.captured.len();
    meeting.run(SECOND);
    assert_eq!(input_since(&meeting, before).len(), 0, "the page goes on sending");
    for source in [Microphone, Camera] {
        meeting.set_publishing(Seat(0), source, true);
    }
    meeting.run(SECOND);
    let packets = input_since(&meeting, before);
    for source in [Microphone, Camera] {
        let mut of_source = packets.iter().filter(|packet| packet.content.track.source == source);
        assert!(of_source.next().is_some_and(|packet| packet.starts_over));
        assert!(of_source.any(|packet| packet.starts_key_frame));
    }
}

#[test]
fn r17_what_is_not_for_everybody_is_not_recorded_and_goes_on_with_a_key_frame() {
    let mut repaired_late = 0;
    for seed in 0..8 {
        let mut meeting = class(1_710 + seed, 2);
        meeting.subscribe_all();
        start(&mut meeting, FIRST);
        answer(&mut meeting, Seat(0), FIRST, true);
        meeting.run(SECOND);
        // What is lost comes again behind the command that opens the gate.
        meeting.set_links(Seat(0), Link::losing(300), Link::GOOD);
        allow(&mut meeting, Seat(0), FIRST, &[Microphone]);
        let narrowed = meeting.captured.len();
        meeting.run(2 * SECOND + Duration::from_micros(5_003 * seed));
        let of_camera = |packet: &&Input| packet.content.track.source == Camera;
        let packets = input_since(&meeting, narrowed);
        assert_eq!(packets.iter().find(of_camera).map(|packet| packet.content), None);
        assert!(packets.len() > 30, "the voice goes on");
        assert!(packets.iter().all(|packet| !packet.starts_over), "without a break");
        let repaired = meeting.browsers[0].repaired(Camera);
        let widened = meeting.now;
        answer(&mut meeting, Seat(0), FIRST, true);
        let from = meeting.captured.len();
        meeting.set_links(Seat(0), Link::GOOD, Link::GOOD);
        meeting.run(SECOND);
        repaired_late += meeting.browsers[0].repaired(Camera) - repaired;
        let sent_at: BTreeMap<_, _> =
            meeting.browsers[0].sent(Camera).iter().map(|(at, content)| (*content, *at)).collect();
        let packets = input_since(&meeting, from);
        let mut pictures = packets.iter().filter(of_camera);
        assert!(pictures.clone().next().is_some_and(|packet| packet.starts_over));
        assert!(pictures.clone().any(|packet| packet.starts_key_frame));
        // What was on its way for the first time cannot be told apart: 10 ms, and 2 ms of labels.
        let early = |packet: &Input| widened.saturating_duration_since(sent_at[&packet.content]);
        assert!(pictures.all(|packet| early(packet) <= Duration::from_millis(12)), "seed {seed}");
        assert!(packets.iter().filter(|it| !of_camera(it)).all(|it| !it.starts_over));
    }
    assert!(repaired_late > 0, "some came again after the gate had opened");
}

#[test]
fn one_layer_is_recorded_and_switches_on_key_frames_only() {
    let mut meeting = class(1_705, 2);
    start(&mut meeting, FIRST);
    answer(&mut meeting, Seat(0), FIRST, true);
    // Nobody watches: the recorder alone makes the page send its best layer, and only that.
    meeting.run(5 * SECOND);
    let first = of(&meeting, Seat(0));
    let wanted = meeting.events.iter().rev().find_map(|(_, event)| {
        let Event::LayersWanted { participant, source: Camera, rids } = event else { return None };
        (*participant == first).then(|| rids.concat())
    });
    assert_eq!(wanted.as_deref(), Some("h"));
    // The page's line gets slow, and good again.
    for layer in [0, 1] {
        meeting.browsers[0].set_layer_sent(layer, false);
        meeting.browsers[0].set_layers_wanted(Camera, &["h".into(), "m".into(), "l".into()]);
        meeting.run(3 * SECOND);
    }
    meeting.browsers[0].set_layer_sent(0, true);
    meeting.run(3 * SECOND);
    let packets = input(&meeting);
    let pictures: Vec<_> =
        packets.iter().filter(|packet| packet.content.track.source == Camera).collect();
    let mut layers = vec![pictures[0].content.layer];
    for pair in pictures.windows(2) {
        if pair[0].content.layer != pair[1].content.layer {
            assert!(pair[1].starts_key_frame && pair[1].starts_over, "{pair:?}");
            layers.push(pair[1].content.layer);
        }
    }
    assert_eq!(layers, [0, 1, 2, 0]);
}

#[test]
fn a_key_frame_comes_at_least_every_five_seconds() {
    let mut meeting = class(1_706, 2);
    meeting.browsers[0].add_source(Screen);
    meeting.browsers[0].add_source(ScreenAudio);
    meeting.negotiate(Seat(0));
    meeting.turn_on(Seat(0), Screen);
    meeting.turn_on(Seat(0), ScreenAudio);
    meeting.run(SECOND);
    start(&mut meeting, FIRST);
    answer(&mut meeting, Seat(0), FIRST, true);
    let began = meeting.now;
    meeting.run(31 * SECOND);
    let packets = input(&meeting);
    for source in [Camera, Screen] {
        let keys = packets
            .iter()
            .filter(|packet| packet.content.track.source == source && packet.starts_key_frame);
        let mut times = vec![began];
        times.extend(keys.map(|packet| packet.at));
        times.push(meeting.now);
        for pair in times.windows(2) {
            assert!(pair[1] - pair[0] <= 5 * SECOND, "{source:?}: {:?}", pair[1] - pair[0]);
        }
        assert!(times.len() < 12, "and not many more: {}", times.len());
    }
    let sound = packets.iter().filter(|packet| packet.content.track.source == ScreenAudio);
    assert!(sound.count() > 1_500);
}

#[test]
fn redundant_sound_is_recorded_without_what_it_repeats() {
    let mut meeting = Meeting::of(1_707, 2);
    meeting.browsers[0].speak_redundantly();
    meeting.negotiate(Seat(0));
    meeting.turn_on(Seat(0), Microphone);
    start(&mut meeting, FIRST);
    answer(&mut meeting, Seat(0), FIRST, true);
    meeting.run(SECOND);
    let packets = input(&meeting);
    assert!(packets.len() > 45);
    for pair in packets.windows(2) {
        assert_eq!(pair[1].content.frame, pair[0].content.frame + 1, "each frame once");
        assert_eq!(pair[1].codec, CodecKind::Opus);
    }
}

#[test]
fn a_room_without_a_recording_gives_the_recorder_nothing() {
    let mut meeting = class(1_708, 3);
    meeting.subscribe_all();
    meeting.run(2 * SECOND);
    assert_eq!(meeting.captured.len(), 0);
    assert_eq!(meeting.sfu.stats().packets_recorded, 0);
}
