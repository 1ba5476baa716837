//! Steps of the path of a packet, without sockets: what the core itself spends. The meeting runs on
//! a virtual clock; only the core's work is counted, in nanoseconds or, under callgrind, in
//! instructions (`scripts/instructions`).

use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;
use std::time::{Duration, Instant};

use protocol::TrackSource::{Camera, Microphone};
use sfu_benches::spread::Spread;
use sfu_core::codec::CodecKind;
use sfu_core::{Frames, RoomId};
use tests::{Link, Meeting, Meter, Random, Seat, Work};

/// A step of the path: its name, and how it is measured.
struct Step {
    name: &'static str,
    run: fn() -> Counted,
}

/// What one run came to.
struct Counted {
    /// Packets that were forwarded or refused, or reports that were read.
    packets: usize,
    spent: Duration,
}

const STEPS: [Step; 11] = [
    Step { name: "fan_out_1", run: || fan_out(1, Frames::Clear) },
    Step { name: "fan_out_10", run: || fan_out(10, Frames::Clear) },
    Step { name: "fan_out_50", run: || fan_out(50, Frames::Clear) },
    Step { name: "fan_out_200", run: || fan_out(200, Frames::Clear) },
    Step { name: "fan_out_encrypted_10", run: || fan_out(10, Frames::Plain) },
    Step { name: "fan_out_raw_10", run: || fan_out(10, Frames::Raw) },
    Step { name: "fan_out_sound_10", run: || voices(10) },
    Step { name: "report", run: || reports(0) },
    Step { name: "retransmission", run: || reports(100) },
    Step { name: "demux_unknown", run: || demux(false) },
    Step { name: "demux_spoofed", run: || demux(true) },
];

/// Without arguments: every step, in nanoseconds. With the name of one: that step once, and the
/// number of its packets, for a tool that counts instructions.
#[expect(clippy::print_stdout, reason = "this program's purpose")]
fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    for step in &STEPS {
        match &wanted {
            None => {
                let of =
                    |counted: Counted| counted.spent.as_nanos() as f64 / counted.packets as f64;
                let values = (0..ROUNDS).map(|_| of((step.run)())).collect();
                let spread = Spread::of(values).expect("there are rounds");
                println!("{:<20} {spread:.0} ns for each packet", step.name);
            }
            Some(wanted) if wanted == step.name => {
                println!("{} packets={}", step.name, (step.run)().packets);
            }
            Some(_) => {}
        }
    }
}

/// One camera in bursts of eight packets, to `subscribers`.
fn fan_out(subscribers: usize, frames: Frames) -> Counted {
    let mut meeting = Meeting::new(1);
    meeting.sealing = (frames, CodecKind::Vp8);
    let publisher = meeting.join(RoomId(1), 0);
    for _ in 0..subscribers {
        meeting.join(RoomId(1), 1);
    }
    meeting.connect();
    let browser = &mut meeting.browsers[publisher.0];
    browser.set_shape(Camera, 1_156, 8);
    browser.set_layer_sent(1, false);
    browser.set_layer_sent(2, false);
    let track = meeting.track(publisher, Camera);
    for seat in (1..=subscribers).map(Seat) {
        let mid = meeting.browsers[seat.0].slot_mids(true).remove(0);
        meeting.subscribe(seat, &mid, Some(track), None);
    }
    if frames.are_encrypted() {
        (1..=subscribers).for_each(|seat| meeting.set_gate(Seat(seat), Some(0)));
    }
    meeting.turn_on(publisher, Camera);
    measured(meeting)
}

/// Everybody's voice to everybody else.
fn voices(count: usize) -> Counted {
    let mut meeting = Meeting::of(2, count);
    meeting.subscribe_all();
    for seat in (0..count).map(Seat) {
        meeting.turn_on(seat, Microphone);
    }
    measured(meeting)
}

/// What a receiver of pictures reports, with losses of so many in a thousand: what was lost is
/// then sent again from the ring. The pictures themselves do not count.
fn reports(lost_in_a_thousand: u64) -> Counted {
    let mut meeting = Meeting::of(3, 2);
    meeting.subscribe_all();
    meeting.turn_on(Seat(0), Camera);
    meeting.set_links(Seat(1), Link::GOOD, Link::losing(lost_in_a_thousand));
    meeting.run(WARM_UP);
    let watch = Stopwatch::on(&mut meeting, &[Work::Report]);
    meeting.run(MEASURED);
    Counted { packets: watch.steps(), spent: watch.spent() }
}

/// Datagrams that lead nowhere: from nobody, or forged in the name of a participant.
fn demux(spoofed: bool) -> Counted {
    let mut meeting = Meeting::of(4, 2);
    let mut random = Random::new(5);
    let from = if spoofed {
        meeting.browsers[0].address
    } else {
        std::net::SocketAddr::from(([203, 0, 113, 9], 4_000))
    };
    let mut forged = random.bytes(1_200);
    forged[..2].copy_from_slice(&[0x80, 96]);
    let watch = Stopwatch::on(&mut meeting, &[Work::Packet]);
    for _ in 0..DATAGRAMS {
        meeting.deliver(from, black_box(forged.clone()));
    }
    Counted { packets: DATAGRAMS, spent: watch.spent() }
}

/// All that forwarding takes, shared among the packets that arrive.
fn measured(mut meeting: Meeting) -> Counted {
    meeting.run(WARM_UP);
    let before = arrived(&meeting);
    let watch = Stopwatch::on(&mut meeting, ALL);
    meeting.run(MEASURED);
    Counted { packets: arrived(&meeting) - before, spent: watch.spent() }
}

fn arrived(meeting: &Meeting) -> usize {
    let slots = meeting.browsers.iter().flat_map(|browser| browser.slots.values());
    slots.map(|slot| slot.received.len()).sum()
}

/// Times some of the core's work and counts how often it was done. The rest passes uncounted,
/// under callgrind too.
#[derive(Clone, Debug)]
struct Stopwatch {
    works: &'static [Work],
    counted: Rc<Cell<(usize, Duration)>>,
}

impl Stopwatch {
    fn on(meeting: &mut Meeting, works: &'static [Work]) -> Self {
        let watch = Self { works, counted: Rc::default() };
        meeting.meter = Some(Box::new(watch.clone()));
        watch
    }

    fn steps(&self) -> usize {
        self.counted.get().0
    }

    fn spent(&self) -> Duration {
        self.counted.get().1
    }
}

impl Meter for Stopwatch {
    fn measure(&mut self, work: Work, step: &mut dyn FnMut()) {
        if !self.works.contains(&work) {
            step();
            return;
        }
        let begin = Instant::now();
        counted_instructions(step);
        let (steps, spent) = self.counted.get();
        self.counted.set((steps + 1, spent + begin.elapsed()));
    }
}

/// Callgrind counts what happens in here and nothing else.
#[inline(never)]
fn counted_instructions(step: &mut dyn FnMut()) {
    step();
}

const ALL: &[Work] = &[Work::Connecting, Work::Packet, Work::Report, Work::Egress, Work::Timers];

/// Odd, so that the median is one of them.
const ROUNDS: usize = 5;

const WARM_UP: Duration = Duration::from_secs(3);

const MEASURED: Duration = Duration::from_secs(2);

const DATAGRAMS: usize = 20_000;
