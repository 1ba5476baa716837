//! Rooms whose frames the participants encrypt: who gets what from when on, and that it arrives as it
//! was sent.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use protocol::TrackSource::{Camera, Microphone, Screen};
use protocol::{TrackId, TrackSource};
use sfu_core::codec::CodecKind::{self, Vp8, Vp9};
use sfu_core::{Capture, Command, Frames, RecordingTap, RoomId};
use tests::{Link, Meeting, Received, Seat};

use crate::check::{Uplink, assert_pictures_whole, assert_wire_is_clean, received};

const SECOND: Duration = Duration::from_secs(1);

/// Every way in which frames are sent encrypted.
const WAYS: [(Frames, CodecKind); 4] =
    [(Frames::Plain, Vp8), (Frames::Plain, Vp9), (Frames::Raw, Vp8), (Frames::Raw, Vp9)];

type Plan = BTreeMap<(Seat, String), TrackId>;

/// A connected meeting in which everybody sends in epoch 0 and is subscribed to everything.
fn busy(seed: u64, count: usize, (frames, codec): (Frames, CodecKind)) -> (Meeting, Plan) {
    let mut meeting = Meeting::encrypted(seed, count, frames, codec);
    for seat in (0..count).map(Seat) {
        meeting.turn_on(seat, Microphone);
        meeting.turn_on(seat, Camera);
    }
    let plan = meeting.subscribe_all();
    (meeting, plan)
}

fn open_all(meeting: &mut Meeting, from: u8) {
    for seat in (0..meeting.browsers.len()).map(Seat) {
        meeting.set_gate(seat, Some(from));
    }
}

fn set_epoch(meeting: &mut Meeting, epoch: u8) {
    for browser in &mut meeting.browsers {
        browser.set_epoch(epoch);
    }
}

/// The epoch in which a packet was sent.
fn epoch_of(meeting: &Meeting, packet: &Received) -> u8 {
    let track = packet.content.track;
    let mut browsers = meeting.browsers.iter();
    let sender = browsers.find(|it| it.participant == track.participant).expect("it is here");
    sender.sealed(&packet.content).expect("it was sent").0
}

/// Asserts that everything arrived as it was sent, byte by byte.
fn assert_untouched(meeting: &Meeting) {
    (0..meeting.browsers.len()).for_each(|seat| assert_untouched_at(meeting, seat));
}

fn assert_untouched_at(meeting: &Meeting, seat: usize) {
    let mut count = 0;
    for packet in meeting.browsers[seat].slots.values().flat_map(|slot| &slot.received) {
        let track = packet.content.track;
        let mut browsers = meeting.browsers.iter();
        let sender = browsers.find(|it| it.participant == track.participant);
        let sent = sender.and_then(|it| it.sealed(&packet.content));
        let sent = sent.unwrap_or_else(|| panic!("{packet:?} was never sent"));
        assert_eq!(packet.fingerprint, Some(sent.1), "{packet:?}");
        count += 1;
    }
    assert!(count > 50, "only {count} packets");
}

/// Asserts that frame numbers on a slot never go backwards, in the order of its sequence numbers.
fn assert_frames_in_order(packets: &[Received]) {
    let numbered =
        packets.iter().filter_map(|packet| Some((packet.sequence, packet.frame_number?)));
    let mut numbered: Vec<_> = numbered.collect();
    let Some((first, _)) = numbered.first().copied() else { return };
    numbered.sort_by_key(|(sequence, _)| sequence.wrapping_sub(first.wrapping_sub(1_000)));
    for pair in numbered.windows(2) {
        let step = pair[1].1.wrapping_sub(pair[0].1);
        assert!(step <= 1, "frame {} after {} at packet {}", pair[1].1, pair[0].1, pair[1].0);
    }
}

fn assert_pictures(packets: &[Received], frames: Frames) {
    if frames == Frames::Raw {
        assert!(packets.first().is_some_and(|packet| packet.content.is_key));
        assert_frames_in_order(packets);
    } else {
        assert_pictures_whole(packets);
    }
}

#[test]
fn nothing_at_all_goes_to_whoever_has_no_keys() {
    for way in WAYS {
        let (mut meeting, _) = busy(900, 3, way);
        meeting.set_gate(Seat(0), Some(0));
        meeting.run(2 * SECOND);
        let address = |seat: usize| meeting.browsers[seat].address;
        for seat in [1, 2] {
            assert!(!meeting.wire.keys().any(|(to, _)| *to == address(seat)), "{way:?}");
        }
        assert!(meeting.wire.keys().filter(|(to, _)| *to == address(0)).count() >= 4);
        let stats = meeting.sfu.stats();
        assert!(stats.packets_held_at_gate > 500, "{stats:?}");
        assert_eq!(stats.frames_in_clear, 0);
        assert_eq!(stats.dropped.total(), 0, "{stats:?}");
    }
}

#[test]
fn everybody_with_keys_gets_everything_as_it_was_sent() {
    for way in WAYS {
        let (mut meeting, plan) = busy(901, 4, way);
        open_all(&mut meeting, 0);
        meeting.run(3 * SECOND);
        for ((seat, mid), track) in &plan {
            let packets = received(&meeting, *seat, mid);
            assert!(packets.iter().all(|packet| packet.content.track == *track));
            assert!(packets.len() > 60, "{way:?}: {} packets", packets.len());
            if track.source == Camera {
                assert_pictures(packets, way.0);
            }
        }
        assert_eq!(assert_wire_is_clean(&meeting, Uplink::Whole), plan.len());
        assert_untouched(&meeting);
        assert_eq!(meeting.sfu.stats().packets_held_at_gate, 0);
    }
}

#[test]
fn a_joiner_gets_no_frame_from_before_and_begins_with_one_key_frame() {
    for way in WAYS {
        for from in [0_u8, 7, 255] {
            let (mut meeting, plan) = busy(902, 3, way);
            let before = from.wrapping_sub(1);
            set_epoch(&mut meeting, before);
            for seat in [Seat(0), Seat(1)] {
                meeting.set_gate(seat, Some(before));
            }
            meeting.run(2 * SECOND);
            // The third is ready before the others use the new keys.
            meeting.set_gate(Seat(2), Some(from));
            meeting.run(SECOND / 2);
            let heard = |meeting: &Meeting| -> usize {
                meeting.browsers[2].slots.values().map(|slot| slot.received.len()).sum()
            };
            assert_eq!(heard(&meeting), 0, "{way:?} {from}");
            let switched = meeting.now;
            set_epoch(&mut meeting, from);
            meeting.run(SECOND);
            for ((seat, mid), track) in plan.iter().filter(|((seat, _), _)| *seat == Seat(2)) {
                let packets = received(&meeting, *seat, mid);
                let early = packets.iter().find(|packet| epoch_of(&meeting, packet) != from);
                assert_eq!(early.map(|packet| packet.content), None);
                let first = packets.first().expect("it begins");
                let waited = first.at - switched;
                // As soon as a packet of sound, or one key frame that was asked for.
                let most = if track.source == Camera { 500 } else { 60 };
                assert!(waited < Duration::from_millis(most), "{way:?} {track:?}: {waited:?}");
                if track.source == Camera {
                    assert_pictures(packets, way.0);
                    let keys: BTreeSet<u32> = packets
                        .iter()
                        .filter(|packet| packet.content.is_key)
                        .map(|packet| packet.content.frame)
                        .collect();
                    assert!(keys.len() <= 2, "{way:?}: key frames {keys:?}");
                }
            }
            assert_untouched(&meeting);
        }
    }
}

#[test]
fn a_gate_that_shuts_stops_everything_at_once_and_forgets() {
    for way in WAYS {
        let (mut meeting, _) = busy(903, 2, way);
        // What is lost would be asked for and sent again.
        let rough = Link { loss: 100, ..Link::GOOD };
        meeting.set_links(Seat(1), Link::GOOD, rough);
        open_all(&mut meeting, 3);
        set_epoch(&mut meeting, 3);
        meeting.run(2 * SECOND);
        meeting.set_gate(Seat(1), None);
        let shut = meeting.now;
        meeting.run(SECOND);
        let address = meeting.browsers[1].address;
        let since = |meeting: &Meeting| -> usize {
            let to_them = meeting.wire.iter().filter(|((to, _), _)| *to == address);
            to_them.flat_map(|(_, packets)| packets).filter(|packet| packet.at > shut).count()
        };
        assert_eq!(since(&meeting), 0, "{way:?}: not even padding");
        set_epoch(&mut meeting, 4);
        meeting.set_gate(Seat(1), Some(4));
        meeting.run(2 * SECOND);
        assert!(since(&meeting) > 50);
        for packet in meeting.browsers[1].slots.values().flat_map(|slot| &slot.received) {
            let epoch = epoch_of(&meeting, packet);
            // What was on its way when it shut arrives.
            assert_eq!(epoch == 4, packet.at > shut + SECOND / 2, "{way:?}: {packet:?}");
        }
        assert_untouched(&meeting);
    }
}

#[test]
fn losses_are_repaired_without_a_byte_changed() {
    for way in WAYS {
        let (mut meeting, plan) = busy(904, 3, way);
        open_all(&mut meeting, 0);
        for seat in (0..3).map(Seat) {
            let rough =
                Link { jitter: Duration::from_millis(8), loss: 30, duplication: 10, ..Link::GOOD };
            meeting.set_links(seat, rough, rough);
        }
        for epoch in 1..6 {
            meeting.run(SECOND);
            set_epoch(&mut meeting, epoch);
        }
        let (mut repaired, mut packets) = (0, 0);
        for ((seat, mid), track) in plan.iter().filter(|(_, track)| track.source == Camera) {
            let came = received(&meeting, *seat, mid);
            packets += came.len();
            repaired += came.iter().filter(|packet| packet.repaired).count();
            assert!(came.iter().all(|packet| packet.content.track == *track));
        }
        assert!(repaired > 20 && packets > 1_000, "{way:?}: {repaired} of {packets}");
        assert_untouched(&meeting);
        assert_wire_is_clean(&meeting, Uplink::LosesSound);
    }
}

#[test]
fn layers_switch_on_key_frames_and_numbers_go_on() {
    for way in WAYS {
        let (mut meeting, plan) = busy(905, 2, way);
        open_all(&mut meeting, 0);
        let ((_, mid), track) = plan
            .iter()
            .find(|((seat, _), track)| *seat == Seat(1) && track.source == Camera)
            .expect("the second sees the first");
        let mut layers = BTreeSet::new();
        for height in [720, 180, 300, 720, 180] {
            meeting.subscribe(Seat(1), mid, Some(*track), Some(height));
            meeting.run(2 * SECOND);
            layers.extend(received(&meeting, Seat(1), mid).last().map(|it| it.content.layer));
        }
        assert_eq!(layers, BTreeSet::from([0, 1, 2]), "{way:?}");
        let packets = received(&meeting, Seat(1), mid);
        assert_pictures(packets, way.0);
        // In the order of their numbers: probes repeat what went out before.
        let first = packets.first().map_or(0, |packet| packet.sequence);
        let mut packets: Vec<_> = packets.iter().filter(|packet| !packet.repaired).collect();
        packets.sort_by_key(|packet| packet.sequence.wrapping_sub(first));
        for pair in packets.windows(2).filter(|pair| pair[0].content.layer != pair[1].content.layer)
        {
            assert!(pair[1].content.is_key, "{way:?}: {:?}", pair[1].content);
            // Time advances by what has passed.
            let ticks = f64::from(pair[1].timestamp.wrapping_sub(pair[0].timestamp));
            let passed = (pair[1].at - pair[0].at).as_secs_f64() * 90_000.0;
            assert!((ticks - passed).abs() < 9_000.0, "{way:?}: {ticks} for {passed}");
        }
        assert_untouched(&meeting);
    }
}

#[test]
fn frames_in_clear_go_nowhere() {
    for way in WAYS {
        let (mut meeting, plan) = busy(906, 2, way);
        open_all(&mut meeting, 0);
        meeting.run(SECOND);
        for source in [Microphone, Camera] {
            meeting.browsers[0].set_in_clear(source, true);
        }
        meeting.run(SECOND / 10);
        let count = |meeting: &Meeting| -> usize {
            let of_second = plan.keys().filter(|(seat, _)| *seat == Seat(1));
            of_second.map(|(seat, mid)| received(meeting, *seat, mid).len()).sum()
        };
        let before = count(&meeting);
        meeting.run(SECOND);
        assert_eq!(count(&meeting), before, "{way:?}");
        let in_clear = meeting.sfu.stats().frames_in_clear;
        assert!(in_clear > 100, "{way:?}: {in_clear}");
        for source in [Microphone, Camera] {
            meeting.browsers[0].set_in_clear(source, false);
        }
        meeting.run(SECOND);
        assert!(count(&meeting) > before + 50, "{way:?}: it goes on");
        assert_untouched(&meeting);
        assert_wire_is_clean(&meeting, Uplink::LosesSound);
    }
}

#[test]
fn another_page_and_another_restart_begin_with_a_key_frame_again() {
    for way in WAYS {
        let (mut meeting, _) = busy(907, 2, way);
        open_all(&mut meeting, 9);
        set_epoch(&mut meeting, 9);
        meeting.run(SECOND);
        // The room shuts the gate of a page that joins anew.
        meeting.set_gate(Seat(1), None);
        meeting.reload(Seat(1), 1);
        meeting.run_until(10 * SECOND, |meeting| meeting.browsers[1].is_connected());
        meeting.subscribe_all();
        set_epoch(&mut meeting, 10);
        meeting.run(SECOND);
        let heard = |meeting: &Meeting| -> Vec<Received> {
            meeting.browsers[1].slots.values().flat_map(|slot| slot.received.clone()).collect()
        };
        assert!(heard(&meeting).is_empty(), "{way:?}");
        meeting.set_gate(Seat(1), Some(10));
        meeting.run(SECOND);
        let count = heard(&meeting).len();
        assert!(count > 40, "{way:?}");
        // Other ICE credentials, and another offer with more slots, change nothing.
        meeting.browsers[1].restart_ice();
        meeting.browsers[1].add_slots(1);
        meeting.negotiate(Seat(1));
        meeting.run(2 * SECOND);
        assert!(heard(&meeting).len() > count + 40, "{way:?}");
        assert!(heard(&meeting).iter().all(|packet| epoch_of(&meeting, packet) == 10));
        for slot in meeting.browsers[1].slots.values().filter(|it| it.is_video) {
            assert!(slot.received.first().is_none_or(|packet| packet.content.is_key), "{way:?}");
        }
        assert_untouched_at(&meeting, 1);
    }
}

#[test]
fn stills_of_a_screen_pass_the_gate_whole_or_not_at_all() {
    for way in WAYS {
        let (frames, codec) = way;
        let mut meeting = Meeting::new(908);
        meeting.sealing = way;
        let (sender, receiver) = (meeting.join(RoomId(1), 0), meeting.join(RoomId(1), 2));
        meeting.browsers[sender.0].add_source(Screen);
        meeting.negotiate(sender);
        meeting.connect();
        meeting.turn_on(sender, Screen);
        let participant = meeting.browsers[receiver.0].participant;
        meeting.command(Command::SetReception { participant, saving: true });
        let mid = meeting.browsers[receiver.0].slot_mids(true).remove(0);
        let track = meeting.track(sender, Screen);
        meeting.subscribe(receiver, &mid, Some(track), None);
        set_epoch(&mut meeting, 4);
        meeting.run(3 * SECOND);
        meeting.set_gate(receiver, Some(5));
        meeting.run(8 * SECOND);
        assert_eq!(received(&meeting, receiver, &mid).len(), 0, "{frames:?} {codec:?}");
        set_epoch(&mut meeting, 5);
        meeting.run(20 * SECOND);
        let packets = received(&meeting, receiver, &mid);
        assert!(packets.len() > 10, "{way:?}: {}", packets.len());
        assert!(packets.iter().all(|packet| packet.content.is_key));
        assert!(packets.iter().all(|packet| epoch_of(&meeting, packet) == 5));
        assert_pictures(packets, frames);
        let numbers = packets.iter().filter(|packet| packet.frame_number.is_some()).count();
        assert_eq!(numbers, if frames == Frames::Raw { packets.len() } else { 0 });
    }
}

#[test]
fn a_recording_holds_frames_as_they_came() {
    for way in WAYS {
        let (mut meeting, _) = busy(909, 2, way);
        open_all(&mut meeting, 0);
        let recording = RecordingTap(1);
        meeting.command(Command::StartRecording { room: RoomId(1), recording });
        let participant = meeting.browsers[0].participant;
        meeting.command(Command::SetRecordable {
            participant,
            recording,
            sources: TrackSource::ALL.to_vec(),
        });
        meeting.run(2 * SECOND);
        let mut frames: BTreeMap<TrackId, usize> = BTreeMap::new();
        for capture in meeting.captured.iter().flat_map(sfu_core::Captured::iter) {
            let Capture::Packet(packet) = capture else { continue };
            assert_eq!((packet.frames, packet.track.participant), (way.0, participant));
            let content = tests::Content::find(packet.payload).expect("a packet of ours");
            assert_eq!(packet.starts_frame, content.part == 0, "{way:?}");
            let is_key = content.is_key && content.part == 0 || !packet.codec.is_video();
            assert_eq!(packet.starts_key_frame, is_key, "{way:?}");
            *frames.entry(packet.track).or_default() += usize::from(packet.starts_frame);
        }
        assert_eq!(frames.len(), 2, "{way:?}: {frames:?} {:?}", meeting.sfu.stats());
        assert!(frames.values().all(|count| *count > 30), "{way:?}: {frames:?}");
    }
}
