//! A network that exists only in memory: seeded faults, and a queue of what is on its way.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::random::Random;

/// How one direction of one participant's access behaves.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// Time every datagram takes.
    pub delay: Duration,
    /// Most that is added at random; what is sent later may then arrive earlier.
    pub jitter: Duration,
    /// Datagrams lost, per 1,000.
    pub loss: u64,
    /// Datagrams delivered twice, per 1,000.
    pub duplication: u64,
    /// What it carries at most, if there is a limit.
    pub bottleneck: Option<Bottleneck>,
}

/// Where datagrams queue up.
#[derive(Clone, Copy, Debug)]
pub struct Bottleneck {
    /// Bits per second, IPv4 and UDP headers included.
    pub bits_per_second: u64,
    /// Bytes that may wait; what comes on top is lost.
    pub queue_bytes: u64,
}

/// What a bottleneck does, by the address at its end.
#[derive(Clone, Copy, Debug)]
pub struct Queueing {
    /// When all that waits will have left.
    pub free_at: Instant,
    /// Datagrams it had no room for.
    pub lost: u64,
    /// Bytes it let through.
    pub bytes: u64,
}

impl Link {
    /// 10 ms, in order, nothing lost.
    pub const GOOD: Self = Self {
        delay: Duration::from_millis(10),
        jitter: Duration::ZERO,
        loss: 0,
        duplication: 0,
        bottleneck: None,
    };

    /// A good link that loses `per_mille` of 1,000 datagrams.
    pub const fn losing(per_mille: u64) -> Self {
        Self { loss: per_mille, ..Self::GOOD }
    }

    /// A good link that carries so much and holds as much as takes it 300 ms at 1.5 Mbit/s.
    pub const fn carrying(bits_per_second: u64) -> Self {
        let bottleneck = Bottleneck { bits_per_second, queue_bytes: 56_000 };
        Self { bottleneck: Some(bottleneck), ..Self::GOOD }
    }
}

/// One datagram on its way or arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Sender, as the receiver sees it.
    pub from: SocketAddr,
    /// Receiver.
    pub to: SocketAddr,
    /// UDP payload.
    pub bytes: Vec<u8>,
}

/// What a datagram carries (RFC 7983). Each sort has faults of its own on each link: when checks
/// and reports leave is up to the clock and the tables of the browsers' engine, and must not
/// decide which packet of a picture is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    Check,
    Report,
    Other,
}

impl Sort {
    fn of(bytes: &[u8]) -> Self {
        match bytes {
            [0..=3, ..] => Self::Check,
            [128..=191, 192..=223, ..] => Self::Report,
            _ => Self::Other,
        }
    }
}

/// The network between one server and its participants. Every datagram has the server at one end;
/// the other end's links decide what happens to it.
#[derive(Debug)]
pub struct Network {
    server: SocketAddr,
    seed: u64,
    chances: BTreeMap<(SocketAddr, bool, Sort), Random>,
    up: BTreeMap<SocketAddr, Link>,
    down: BTreeMap<SocketAddr, Link>,
    /// Bottlenecks towards participants.
    pub queueing: BTreeMap<SocketAddr, Queueing>,
    under_way: BTreeMap<(Instant, u64), Datagram>,
    sent: u64,
}

impl Network {
    /// An empty network around `server`; links not set are [`Link::GOOD`].
    pub const fn new(server: SocketAddr, seed: u64) -> Self {
        Self {
            server,
            seed,
            chances: BTreeMap::new(),
            up: BTreeMap::new(),
            down: BTreeMap::new(),
            queueing: BTreeMap::new(),
            under_way: BTreeMap::new(),
            sent: 0,
        }
    }

    /// Sets how datagrams from `address` to the server fare.
    pub fn set_up(&mut self, address: SocketAddr, link: Link) {
        self.up.insert(address, link);
    }

    /// Sets how datagrams from the server to `address` fare.
    pub fn set_down(&mut self, address: SocketAddr, link: Link) {
        self.down.insert(address, link);
    }

    /// Puts a datagram on its way, or loses it.
    pub fn send(&mut self, now: Instant, datagram: Datagram) {
        let is_up = datagram.to == self.server;
        let (end, links) =
            if is_up { (datagram.from, &self.up) } else { (datagram.to, &self.down) };
        let link = links.get(&end).copied().unwrap_or(Link::GOOD);
        let Some(leaves) = self.queue(now, &link, &datagram) else { return };
        let sort = Sort::of(&datagram.bytes);
        let seed = self.seed ^ chance_seed(end, is_up, sort);
        let random = self.chances.entry((end, is_up, sort)).or_insert(Random::new(seed));
        if random.chance(link.loss) {
            return;
        }
        let copies = if random.chance(link.duplication) { 2 } else { 1 };
        for _ in 0..copies {
            let micros = u64::try_from(link.jitter.as_micros()).unwrap_or(u64::MAX);
            let extra = Duration::from_micros(random.below(micros.saturating_add(1)));
            self.sent += 1;
            self.under_way.insert((leaves + link.delay + extra, self.sent), datagram.clone());
        }
    }

    /// When a datagram leaves its link's bottleneck, unless it finds no room there.
    fn queue(&mut self, now: Instant, link: &Link, datagram: &Datagram) -> Option<Instant> {
        let Some(bottleneck) = link.bottleneck else { return Some(now) };
        let idle = Queueing { free_at: now, lost: 0, bytes: 0 };
        let queueing = self.queueing.entry(datagram.to).or_insert(idle);
        let waits = queueing.free_at.saturating_duration_since(now);
        let per_second = bottleneck.bits_per_second as f64;
        let bytes = datagram.bytes.len() as u64 + HEADER_BYTES;
        if waits.as_secs_f64() * per_second / 8.0 + bytes as f64 > bottleneck.queue_bytes as f64 {
            queueing.lost += 1;
            return None;
        }
        queueing.bytes += bytes;
        queueing.free_at = now + waits + Duration::from_secs_f64(bytes as f64 * 8.0 / per_second);
        Some(queueing.free_at)
    }

    /// When the next datagram arrives.
    pub fn next_arrival(&self) -> Option<Instant> {
        self.under_way.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes the next datagram that has arrived by `now`.
    pub fn receive(&mut self, now: Instant) -> Option<Datagram> {
        let entry = self.under_way.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }
}

/// Sets the sequences of chance apart: the same for the same end, way and sort.
fn chance_seed(end: SocketAddr, is_up: bool, sort: Sort) -> u64 {
    let mut mixed = u64::from(end.port()) << 8 | u64::from(is_up) << 4 | sort as u64;
    for segment in end.ip().to_canonical().to_string().bytes() {
        mixed = Random::new(mixed ^ u64::from(segment)).bits();
    }
    mixed
}

/// IPv4 and UDP.
const HEADER_BYTES: u64 = 28;

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(link: Link, seed: u64) -> Vec<(Duration, u8)> {
        let server = SocketAddr::from(([192, 0, 2, 1], 8443));
        let pupil = SocketAddr::from(([192, 0, 2, 7], 5000));
        let start = Instant::now();
        let mut network = Network::new(server, seed);
        network.set_up(pupil, link);
        for number in 0..200 {
            network.send(start, Datagram { from: pupil, to: server, bytes: vec![number] });
        }
        let mut arrived = Vec::new();
        while let Some(at) = network.next_arrival() {
            let datagram = network.receive(at).expect("it arrives when it says");
            arrived.push((at - start, datagram.bytes[0]));
        }
        arrived
    }

    #[test]
    fn a_good_link_keeps_order_and_delivers_everything_once() {
        let arrived = arrivals(Link::GOOD, 1);
        assert_eq!(arrived.len(), 200);
        assert!(arrived.iter().zip(0..).all(|((at, number), wanted)| {
            *number == wanted && *at == Duration::from_millis(10)
        }));
    }

    #[test]
    fn a_seed_decides_every_fault() {
        let bad =
            Link { jitter: Duration::from_millis(30), loss: 200, duplication: 100, ..Link::GOOD };
        assert_eq!(arrivals(bad, 7), arrivals(bad, 7));
        assert_ne!(arrivals(bad, 7), arrivals(bad, 8));
        let numbers: Vec<u8> = arrivals(bad, 7).into_iter().map(|(_, number)| number).collect();
        assert!(!numbers.is_sorted(), "jitter reorders");
        assert!((140..200).contains(&numbers.len()), "{} of 200 arrived", numbers.len());
    }
}
