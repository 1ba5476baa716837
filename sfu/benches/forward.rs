//! What the real worker spends on one forwarded packet, beside the least that sealing and sending
//! it can cost, both measured at the same time. `make bench`.

use std::io;
use std::time::Duration;

use protocol::TrackSource::{Camera, Microphone};
use sfu_benches::cpu::Thread;
use sfu_benches::limit::{Burst, Limit};
use sfu_benches::spread::Spread;
use tests::Classroom;

/// One figure: how the class is made, and what it sends.
struct Figure {
    name: &'static str,
    seats: usize,
    receivers: usize,
    burst: Burst,
    open: fn(usize) -> io::Result<Classroom>,
}

#[expect(clippy::print_stdout, reason = "this program's purpose")]
fn main() -> io::Result<()> {
    let figures = [
        Figure {
            name: "forward_1x50",
            seats: 51,
            receivers: 50,
            burst: Burst { datagrams: picture(), interval: Duration::from_millis(40) },
            open: lecture,
        },
        Figure {
            name: "forward_audio_10x10",
            seats: 10,
            receivers: 9,
            // Ten voices, each at its own time: 500 bursts of one packet in a second.
            burst: Burst { datagrams: vec![SOUND_BYTES], interval: Duration::from_millis(2) },
            open: talk,
        },
    ];
    let mut lines = Vec::new();
    for figure in figures {
        let Measured { forward, limit, ratio, loss } = measure(&figure)?;
        println!(
            "{}: {forward:.0} ns for each forwarded packet; the limit is {limit:.0} ns; \
             ratio {ratio:.2}",
            figure.name
        );
        println!(
            "{}: at that cost one core forwards {:.0} packets a second; {:.2} % were lost here",
            figure.name,
            1e9 / forward.median,
            loss * 100.0
        );
        lines.push(format!("{} ratio_to_limit={:.2}", figure.name, ratio.median));
    }
    println!("{}", lines.join("\n"));
    Ok(())
}

/// What a figure came to.
struct Measured {
    /// Processor time of the worker for one packet, in nanoseconds.
    forward: Spread,
    /// And of the limit.
    limit: Spread,
    /// One by the other.
    ratio: Spread,
    /// The part of the packets that did not arrive.
    loss: f64,
}

fn measure(figure: &Figure) -> io::Result<Measured> {
    let mut classroom = (figure.open)(figure.seats)?;
    let limit = Limit::new(figure.receivers)?;
    let worker = Thread::named("media").ok_or_else(unknown)?;
    warm_up(&mut classroom, figure)?;
    let (mut forwards, mut limits, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut arrived, mut sent) = (0, 0);
    for _ in 0..MOST_ROUNDS {
        let (received, before) = (classroom.received(), worker.nanoseconds().ok_or_else(unknown)?);
        let sent_before = sent_by(&classroom)?;
        // At the same time, so that both meet the same caches and the same neighbours.
        let (ran, least) = std::thread::scope(|scope| {
            let least = scope.spawn(|| limit.measure(&figure.burst, ROUND));
            (classroom.run(ROUND), least.join())
        });
        ran?;
        let spent = worker.nanoseconds().ok_or_else(unknown)? - before;
        let packets = (classroom.received() - received) as f64;
        let sent_now = sent_by(&classroom)? - sent_before;
        // A class that lost its pace measures how it recovers, not what forwarding costs.
        if packets < figure.packets(ROUND) * HEALTHY {
            continue;
        }
        let forward = spent as f64 / packets;
        let least = least.ok().flatten().ok_or_else(unknown)?;
        arrived += classroom.received() - received;
        sent += sent_now;
        forwards.push(forward);
        limits.push(least);
        ratios.push(forward / least);
        if ratios.len() == ROUNDS {
            break;
        }
    }
    classroom.close()?;
    if ratios.len() < ROUNDS {
        return Err(too_slow());
    }
    let spread = |values| Spread::of(values).ok_or_else(unknown);
    let loss = (1.0 - arrived as f64 / sent as f64).max(0.0);
    Ok(Measured {
        forward: spread(forwards)?,
        limit: spread(limits)?,
        ratio: spread(ratios)?,
        loss,
    })
}

/// Packets of sound and pictures that left so far, each once.
fn sent_by(classroom: &Classroom) -> io::Result<u64> {
    let stats = classroom.stats().ok_or_else(too_slow)?;
    Ok(stats.packets_out - stats.packets_retransmitted - stats.packets_probing)
}

/// Lets the class find its pace.
fn warm_up(classroom: &mut Classroom, figure: &Figure) -> io::Result<()> {
    for _ in 0..MOST_ROUNDS {
        let received = classroom.received();
        classroom.run(WARM_UP)?;
        let packets = (classroom.received() - received) as f64;
        if packets >= figure.packets(WARM_UP) * HEALTHY {
            return Ok(());
        }
    }
    Err(too_slow())
}

impl Figure {
    /// How many arrive in `duration` when nothing is held back.
    fn packets(&self, duration: Duration) -> f64 {
        let bursts = duration.as_secs_f64() / self.burst.interval.as_secs_f64();
        bursts * (self.burst.datagrams.len() * self.receivers) as f64
    }
}

/// One camera, everybody else watches.
fn lecture(seats: usize) -> io::Result<Classroom> {
    let mut classroom = Classroom::open(seats, |number| usize::from(number > 0))?;
    classroom.shape_camera(0, PICTURE_PAYLOAD, PICTURE_PARTS);
    for seat in 1..seats {
        classroom.subscribe(seat, 0, 0, Camera)?;
    }
    classroom.turn_on(0, Camera)?;
    Ok(classroom)
}

/// Everybody talks and hears everybody else.
fn talk(seats: usize) -> io::Result<Classroom> {
    let mut classroom = Classroom::open(seats, |_| seats - 1)?;
    for to in 0..seats {
        for (slot, from) in (0..seats).filter(|from| *from != to).enumerate() {
            classroom.subscribe(to, slot, from, Microphone)?;
        }
        classroom.turn_on(to, Microphone)?;
    }
    Ok(classroom)
}

/// UDP payloads of one frame of `lecture`, as they leave the server.
fn picture() -> Vec<usize> {
    let mut datagrams = vec![PICTURE_PAYLOAD + PACKET_OVERHEAD; usize::from(PICTURE_PARTS)];
    if let Some(last) = datagrams.last_mut() {
        // The last packet of a frame is shorter.
        *last = PICTURE_PAYLOAD / 2 + PACKET_OVERHEAD;
    }
    datagrams
}

fn too_slow() -> io::Error {
    io::Error::other("the participants on this machine cannot keep pace: let it do nothing else")
}

fn unknown() -> io::Error {
    io::Error::other("this kernel does not tell the processor time of threads")
}

/// So that datagrams are of 1,200 bytes.
const PICTURE_PAYLOAD: usize = 1_200 - PACKET_OVERHEAD;

/// A frame of 1.9 Mbit/s at 25 frames a second: more than a fresh estimate, as a shared screen is.
const PICTURE_PARTS: u8 = 8;

/// Header with extensions, and authentication tag.
const PACKET_OVERHEAD: usize = 28 + 16;

const SOUND_BYTES: usize = 80 + PACKET_OVERHEAD;

/// Odd, so that the median is one of them.
const ROUNDS: usize = 7;

/// Long enough for tens of thousands of packets.
const ROUND: Duration = Duration::from_secs(2);

/// After each, the class is asked whether estimates and rings are where they stay.
const WARM_UP: Duration = Duration::from_secs(4);

/// Rounds that are tried before giving up.
const MOST_ROUNDS: usize = 20;

/// The share of all packets with which a round counts.
const HEALTHY: f64 = 0.9;
