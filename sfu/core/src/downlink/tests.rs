//! One subscriber's path, simulated: a bottleneck with a queue, delay, jitter and loss, and a
//! receiver that reports as browsers do. Time is a number, faults are seeded.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{CLOCK_WRAP_US, Downlink, Kind};
use crate::feedback::ArrivalLog;
use crate::rtcp::{Rtcp, parse};
use crate::stats::{DropCause, Stats};

/// A bottleneck and what follows it.
#[derive(Clone, Copy)]
struct Link {
    bits_per_second: u64,
    queue_bytes: usize,
    delay: Duration,
    jitter: Duration,
    /// Lost packets per 1,000.
    loss: u32,
}

impl Link {
    fn of(bits_per_second: u64) -> Self {
        Self {
            bits_per_second,
            queue_bytes: 64_000,
            delay: Duration::from_millis(25),
            jitter: Duration::ZERO,
            loss: 0,
        }
    }
}

/// What was measured over a stretch of time.
#[derive(Debug, Default)]
struct Measured {
    bytes: usize,
    lost: usize,
    probes: usize,
    /// Shortest wait in the queue of each tenth of a second: what stands there.
    waits: Vec<Duration>,
    targets: Vec<u64>,
}

struct Simulation {
    now: Instant,
    begin: Instant,
    downlink: Downlink,
    link: Link,
    random: StdRng,
    /// When the bottleneck has sent all it holds.
    free_at: Instant,
    last_arrival: Instant,
    under_way: VecDeque<(Instant, u16)>,
    reports: VecDeque<(Instant, Vec<u8>)>,
    log: ArrivalLog,
    /// What the receiver's clock is ahead of its own count.
    clock_shift_us: i64,
    stats: Stats,
    measured: Measured,
    /// Pictures' packets that wait for the pacer.
    waiting: VecDeque<usize>,
    /// What is wanted at most, in bits per second.
    wanted: u64,
    /// Nothing but probes leaves: the only picture there is is held back.
    is_held_back: bool,
}

impl Simulation {
    #[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
    fn new(seed: u64, link: Link) -> Self {
        let now = Instant::now();
        Self {
            now,
            begin: now,
            downlink: Downlink::default(),
            link,
            random: StdRng::seed_from_u64(seed),
            free_at: now,
            last_arrival: now,
            under_way: VecDeque::new(),
            reports: VecDeque::new(),
            log: ArrivalLog::new(),
            clock_shift_us: 0,
            stats: Stats::default(),
            measured: Measured::default(),
            waiting: VecDeque::new(),
            wanted: 100_000_000,
            is_held_back: false,
        }
    }

    /// Lets a source that always fills its target send 25 pictures a second for some time.
    fn run(&mut self, time: Duration) -> Measured {
        self.measured = Measured::default();
        let end = self.now + time;
        let mut shortest = Duration::MAX;
        while self.now < end {
            self.now += Duration::from_millis(1);
            let ms = (self.now - self.begin).as_millis() as u64;
            self.deliver();
            // Sound: 32 kbit/s in packets of 20 ms.
            if ms.is_multiple_of(20) && !self.is_held_back {
                self.send(Kind::Sound, 80);
            }
            if ms.is_multiple_of(40) && !self.is_held_back {
                let target = self.downlink.target().min(self.wanted).saturating_sub(60_000);
                let mut left = (target / 8 / 25) as usize;
                // Encoders are not exact.
                left = left * self.random.random_range(80..120) / 100;
                while left > 0 {
                    let payload = left.min(1_150);
                    self.waiting.push_back(payload);
                    left -= payload;
                }
            }
            if ms.is_multiple_of(200) {
                self.downlink.want(self.now, self.wanted);
            }
            self.pace();
            let wait = self.free_at.saturating_duration_since(self.now);
            shortest = shortest.min(wait);
            if ms.is_multiple_of(100) {
                self.measured.waits.push(std::mem::replace(&mut shortest, Duration::MAX));
                self.measured.targets.push(self.downlink.target());
            }
        }
        std::mem::take(&mut self.measured)
    }

    fn pace(&mut self) {
        while let Some(bytes) = self.waiting.front().copied()
            && self.downlink.may_send(self.now)
        {
            self.waiting.pop_front();
            self.send(Kind::Picture, bytes);
        }
        while self.downlink.is_probe_due(self.now) {
            self.measured.probes += 1;
            self.send(Kind::Probe, 1_000);
        }
    }

    fn send(&mut self, kind: Kind, bytes: usize) {
        let number = self.downlink.next_number();
        self.downlink.handle_sent(self.now, kind, bytes, true);
        let bytes = bytes + super::PACKET_OVERHEAD;
        let per_second = self.link.bits_per_second;
        let waiting = self.free_at.saturating_duration_since(self.now);
        let queued = (waiting.as_secs_f64() * per_second as f64 / 8.0) as usize;
        let is_lost = self.random.random_range(0..1_000) < self.link.loss;
        if queued + bytes > self.link.queue_bytes || is_lost {
            self.measured.lost += 1;
            return;
        }
        let takes = Duration::from_secs_f64(bytes as f64 * 8.0 / per_second as f64);
        self.free_at = self.free_at.max(self.now) + takes;
        self.measured.bytes += bytes;
        let jitter = self.link.jitter.mul_f64(self.random.random());
        self.last_arrival = self.last_arrival.max(self.free_at + self.link.delay + jitter);
        self.under_way.push_back((self.last_arrival, number));
    }

    fn deliver(&mut self) {
        while let Some((at, number)) =
            self.under_way.front().copied().filter(|(at, _)| *at <= self.now)
        {
            self.under_way.pop_front();
            self.log.handle_packet(at, number);
        }
        if self.log.poll_timeout().is_some_and(|due| due <= self.now) {
            let mut bytes = Vec::new();
            self.log.poll_feedback(self.now, 1, 2, &mut bytes);
            self.reports.push_back((self.now + self.link.delay, bytes));
        }
        while let Some((_, bytes)) = self.reports.pop_front_if(|(at, _)| *at <= self.now) {
            for packet in parse(&bytes).unwrap() {
                let Rtcp::TransportFeedback(feedback) = packet else { panic!("{packet:?}") };
                let shift_us = self.clock_shift_us;
                // The reference time is a number with sign.
                let half = CLOCK_WRAP_US / 2;
                let shifted = |us: i64| (us + shift_us + half).rem_euclid(CLOCK_WRAP_US) - half;
                let arrivals = feedback.arrivals().map(|(at, us)| (at, us.map(shifted)));
                self.downlink.handle_feedback(self.now, arrivals, &mut self.stats);
            }
        }
    }
}

impl Measured {
    fn rate(&self, time: Duration) -> f64 {
        self.bytes as f64 * 8.0 / time.as_secs_f64()
    }

    /// The wait that all but some of `per_cent` per cent of the tenths of a second stay below.
    fn wait(&self, per_cent: usize) -> Duration {
        let mut waits = self.waits.clone();
        waits.sort();
        waits[(waits.len() * per_cent / 100).min(waits.len() - 1)]
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// Paths of every speed, smooth and with 20 ms of jitter.
fn paths() -> impl Iterator<Item = (u64, Link)> {
    let rates = [500_000, 1_000_000, 2_000_000, 4_000_000];
    rates.into_iter().flat_map(|rate| [0, 20].map(|jitter| (rate, jitter))).map(|(rate, jitter)| {
        (rate, Link { jitter: Duration::from_millis(jitter), ..Link::of(rate) })
    })
}

#[test]
fn a_steady_path_is_used_and_no_queue_stands() {
    for (rate, link) in paths() {
        for seed in 0..10 {
            let mut simulation = Simulation::new(seed, link);
            simulation.run(30 * SECOND);
            let measured = simulation.run(30 * SECOND);
            let used = measured.rate(30 * SECOND) / rate as f64;
            let context = format!("seed {seed}, {rate} bit/s, {:?}", link.jitter);
            assert!(used >= 0.85, "{context}: {used:.2} of it used");
            assert!(measured.lost < 50, "{context}: {} lost", measured.lost);
            assert!(measured.wait(95) <= Duration::from_millis(100), "{context}: {measured:?}");
        }
    }
}

#[test]
fn a_path_that_shrinks_and_grows_is_followed_within_seconds() {
    for seed in 0..20 {
        let mut simulation = Simulation::new(seed, Link::of(4_000_000));
        simulation.wanted = 4_000_000;
        simulation.run(20 * SECOND);
        simulation.link.bits_per_second = 300_000;
        let fall = simulation.run(3 * SECOND);
        assert!(simulation.downlink.target() <= 300_000, "seed {seed}: {fall:?}");
        simulation.run(2 * SECOND);
        let after = simulation.run(20 * SECOND);
        assert_eq!(after.lost, 0, "seed {seed}");
        assert!(after.wait(90) <= Duration::from_millis(100), "seed {seed}: {after:?}");
        simulation.link.bits_per_second = 4_000_000;
        simulation.run(8 * SECOND);
        let used = simulation.run(2 * SECOND).rate(2 * SECOND) / 4e6;
        assert!(used > 0.75, "seed {seed}: {used:.2} of it used after ten seconds");
    }
}

#[test]
fn a_fast_path_is_found_within_two_seconds() {
    for seed in 0..10 {
        let mut simulation = Simulation::new(seed, Link::of(8_000_000));
        simulation.wanted = 6_000_000;
        simulation.run(2 * SECOND);
        assert!(simulation.downlink.target() > 6_000_000, "seed {seed}");
        let measured = simulation.run(20 * SECOND);
        assert_eq!(measured.probes, 0, "seed {seed}: nothing more is wanted");
    }
}

#[test]
fn a_fast_path_is_found_whatever_the_receivers_clock_says() {
    // Below zero, about to become that, and about to wrap.
    let clocks_us = [-SHORTLY_US, 0, 3_600_000_000, -3_600_000_000, CLOCK_WRAP_US / 2 - SHORTLY_US];
    for clock_us in clocks_us {
        for seed in 0..10 {
            let mut simulation = Simulation::new(seed, Link::of(8_000_000));
            simulation.clock_shift_us = clock_us;
            simulation.wanted = 6_000_000;
            simulation.run(3 * SECOND);
            let target = simulation.downlink.target();
            assert!(target > 6_000_000, "seed {seed}, clock at {clock_us} us: {target} bit/s");
            let used = simulation.run(5 * SECOND).rate(5 * SECOND) / 6e6;
            assert!(used > 0.9, "seed {seed}, clock at {clock_us} us: {used:.2} used");
        }
    }
}

/// While the path is being looked for.
const SHORTLY_US: i64 = 300_000;

#[test]
fn with_nothing_but_probes_a_path_is_found_too() {
    for seed in 0..10 {
        let mut simulation = Simulation::new(seed, Link::of(8_000_000));
        simulation.wanted = 3_000_000;
        simulation.is_held_back = true;
        simulation.run(SECOND);
        assert!(simulation.downlink.target() > 3_000_000, "seed {seed}");
        // The queue stands at the last word, and probes get none: all that is sent is lost.
        simulation.is_held_back = false;
        simulation.link = Link { queue_bytes: 64_000, ..Link::of(200_000) };
        simulation.run(SECOND);
        simulation.is_held_back = true;
        simulation.link.loss = 1_000;
        simulation.run(20 * SECOND);
        simulation.link = Link::of(8_000_000);
        simulation.run(10 * SECOND);
        assert!(simulation.downlink.target() > 3_000_000, "seed {seed}: after silence");
    }
}

#[test]
fn loss_by_chance_does_not_make_the_rate_fall() {
    for loss in [20, 50] {
        for seed in 0..10 {
            let mut simulation = Simulation::new(seed, Link::of(4_000_000));
            simulation.run(20 * SECOND);
            let before = simulation.downlink.target();
            simulation.link.loss = loss;
            let measured = simulation.run(30 * SECOND);
            let least = measured.targets.iter().min().expect("it ran");
            assert!(*least > before * 2 / 3, "seed {seed}, {loss} per mille: {least} of {before}");
        }
    }
}

#[test]
fn a_path_that_loses_half_or_a_receiver_that_says_so_gets_less() {
    let mut simulation = Simulation::new(1, Link::of(4_000_000));
    simulation.run(5 * SECOND);
    let before = simulation.downlink.target();
    simulation.link.loss = 500;
    simulation.run(10 * SECOND);
    assert!((40_000..before / 2).contains(&simulation.downlink.target()));
}

#[test]
fn absurd_feedback_is_counted_and_changes_nothing() {
    let mut simulation = Simulation::new(1, Link::of(4_000_000));
    simulation.run(5 * SECOND);
    let before = simulation.downlink.target();
    let next = simulation.downlink.next_number();
    let (downlink, stats) = (&mut simulation.downlink, &mut simulation.stats);
    let ahead = (0..100).map(|at| (next.wrapping_add(at), Some(0)));
    downlink.handle_feedback(simulation.now, ahead, stats);
    assert_eq!(stats.feedback_unknown, 100);
    let flood = (0..100_000).map(|_| (next, None));
    downlink.handle_feedback(simulation.now, flood, stats);
    assert_eq!(stats.dropped[DropCause::FeedbackFlood], 1);
    assert!(stats.feedback_unknown < 10_000);
    assert_eq!(downlink.target(), before);
}

#[test]
fn a_receivers_clock_may_jump_run_backwards_and_wrap() {
    let mut simulation = Simulation::new(1, Link::of(4_000_000));
    for jump_us in [0, 3_600_000_000, -3_600_000_000, CLOCK_WRAP_US / 2, -CLOCK_WRAP_US / 2] {
        simulation.clock_shift_us = jump_us;
        simulation.run(10 * SECOND);
        let measured = simulation.run(5 * SECOND);
        let used = measured.rate(5 * SECOND) / 4e6;
        assert!(used > 0.7, "after a jump of {jump_us} us: {used:.2} used");
    }
}

#[test]
fn what_got_lost_while_the_path_was_gone_says_nothing_about_it() {
    for gone in [2, 10] {
        for seed in 0..10 {
            let mut simulation = Simulation::new(seed, Link::of(4_000_000));
            simulation.wanted = 2_500_000;
            simulation.run(10 * SECOND);
            simulation.link.loss = 1_000;
            for _ in 0..gone * 100 {
                simulation.run(SECOND / 100);
                simulation.downlink.handle_silence(simulation.now);
            }
            simulation.link.loss = 0;
            simulation.run(3 * SECOND / 2);
            let target = simulation.downlink.target();
            assert!(target > 2_500_000, "seed {seed}, gone for {gone} s: {target} bit/s");
        }
    }
}

#[test]
fn without_a_word_from_the_receiver_less_and_less_is_sent() {
    let mut simulation = Simulation::new(1, Link::of(4_000_000));
    simulation.run(10 * SECOND);
    let before = simulation.downlink.target();
    simulation.link.delay = Duration::from_secs(3_600);
    for _ in 0..500 {
        simulation.run(SECOND / 100);
        simulation.downlink.handle_silence(simulation.now);
    }
    assert!(simulation.downlink.target() < before / 4);
}
