//! Random orders of commands and packets: recorded means accepted and for everybody, at that instant.

use std::time::Duration;

use protocol::TrackSource;
use protocol::TrackSource::{Camera, Microphone};
use sfu_core::{Command, Frames, RecordingTap};
use tests::{Link, Meeting, Random, Seat};

use super::{ROOM, SECOND, allow, answer, input_since, of, start};

/// What a model knows of one seat.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    accepted: Option<RecordingTap>,
    /// What of theirs is not for everybody.
    narrow: [bool; 2],
    /// Which sources are on.
    on: [bool; 2],
}

impl Known {
    fn for_everybody(self) -> Vec<TrackSource> {
        let sources = [Microphone, Camera].into_iter().zip(self.narrow);
        sources.filter(|(_, is_narrow)| !is_narrow).map(|(source, _)| source).collect()
    }
}

/// Random commands, reloads, returns and packets, against a model that knows who has accepted
/// what, and what is for everybody.
fn random_orders(seed: u64) {
    let mut random = Random::new(seed);
    let mut meeting = Meeting::of(seed, 4);
    meeting.subscribe_all();
    let rough = Link { jitter: Duration::from_millis(20), loss: 30, duplication: 30, ..Link::GOOD };
    for seat in (0..4).map(Seat) {
        meeting.set_links(seat, rough, Link::GOOD);
    }
    let mut known = [Known::default(); 4];
    let mut running: Option<RecordingTap> = None;
    let mut next = 1;
    let mut checked = meeting.captured.len();
    let (mut packets, mut steps) = (0, Vec::new());
    for _ in 0..200 {
        let seat = Seat(random.below(4) as usize);
        let participant = of(&meeting, seat);
        let step = random.below(15);
        steps.push((step, seat));
        match step {
            0 if running.is_none() || random.chance(250) => {
                start(&mut meeting, RecordingTap(next));
                running = Some(RecordingTap(next));
                known.iter_mut().for_each(|known| known.accepted = None);
                next += 1;
            }
            1 if random.chance(300) => {
                let recording = RecordingTap(next.saturating_sub(1));
                meeting.command(Command::StopRecording { room: ROOM, recording });
                running = None;
                known.iter_mut().for_each(|known| known.accepted = None);
            }
            2..=4 => {
                // Mostly to the one that runs.
                let to = RecordingTap((next - 1).saturating_sub(random.below(8) / 7));
                allow(&mut meeting, seat, to, &known[seat.0].for_everybody());
                if running == Some(to) {
                    known[seat.0].accepted = running;
                }
            }
            5 => {
                answer(&mut meeting, seat, RecordingTap(random.below(next + 1)), false);
                known[seat.0].accepted = None;
            }
            6 => {
                meeting.command(Command::EraseRecorded { room: ROOM, participant });
                known[seat.0].accepted = None;
            }
            7 if random.chance(600) => {
                if random.chance(300) {
                    meeting.command(Command::RemoveTransport { participant });
                    meeting.command(Command::AddTransport {
                        participant,
                        room: ROOM,
                        frames: Frames::Clear,
                    });
                    known[seat.0].on = [false; 2];
                    known[seat.0].narrow = [false; 2];
                }
                meeting.reload(seat, 3);
                known[seat.0].accepted = None;
                meeting.run_until(10 * SECOND, |meeting| meeting.browsers[seat.0].is_connected());
                meeting.set_links(seat, rough, Link::GOOD);
                meeting.subscribe_all();
                let now = meeting.now;
                for (source, on) in [Microphone, Camera].into_iter().zip(known[seat.0].on) {
                    meeting.browsers[seat.0].set_sending(now, source, on);
                }
            }
            8 => {
                meeting.browsers[seat.0].restart_ice();
                meeting.negotiate(seat);
            }
            // A camera for the moderators alone, a group, and back.
            9..=11 => {
                known[seat.0].narrow = match random.below(4) {
                    0 => [false, true],
                    1 => [true, true],
                    _ => [false, false],
                };
                if let Some(recording) = known[seat.0].accepted {
                    allow(&mut meeting, seat, recording, &known[seat.0].for_everybody());
                }
            }
            _ => {
                let at = random.below(2) as usize;
                let (source, on) = ([Microphone, Camera][at], !random.chance(250));
                meeting.set_publishing(seat, source, on);
                known[seat.0].on[at] = on;
                // Some pages go on sending.
                if on || random.chance(700) {
                    let now = meeting.now;
                    meeting.browsers[seat.0].set_sending(now, source, on);
                }
            }
        }
        // What came before the command was checked; what it let out itself would show here.
        let check = |meeting: &Meeting, from: usize| {
            for packet in input_since(meeting, from) {
                let track = packet.content.track;
                let seat = (0..4).find(|seat| of(meeting, Seat(*seat)) == track.participant);
                let known = seat.map(|seat| known[seat]).expect("one of the four");
                assert_eq!(Some(packet.recording), running, "{packet:?} after {steps:?}");
                assert_eq!(Some(packet.recording), known.accepted, "{packet:?} after {steps:?}");
                let at = usize::from(track.source == Camera);
                assert!(known.on[at], "{packet:?} is off");
                assert!(!known.narrow[at], "{packet:?} is not for everybody, after {steps:?}");
            }
        };
        check(&meeting, checked);
        checked = meeting.captured.len();
        meeting.run(Duration::from_millis(random.below(120)));
        check(&meeting, checked);
        packets += input_since(&meeting, checked).len();
        checked = meeting.captured.len();
    }
    assert!(packets > 200, "only {packets} packets were recorded");
}

#[test]
fn r17_whatever_the_order_recorded_means_accepted_and_for_everybody_at_that_instant() {
    for seed in 17_000..17_010 {
        random_orders(seed);
    }
}
