//! Carries packets between this machine and a namespace, each through the link of the address
//! outside it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use serde::Serialize;
use tun_rs::{DeviceBuilder, SyncDevice};

use crate::link::{FarPort, Link, Wire};
use crate::namespace::{Namespace, NamespaceError, ip};

/// Which way packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Out of the namespace.
    Out,
    /// Into it.
    In,
}

/// What happens to packets in each direction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Links {
    /// Out of the namespace.
    pub out: Link,
    /// Into it.
    pub into: Link,
}

/// Packets of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// That came out at the other end.
    pub packets: u64,
    /// Their bytes, headers of IP included.
    pub bytes: u64,
    /// That did not.
    pub lost: u64,
}

/// What passed since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Out of the namespace.
    pub out: Count,
    /// Into it.
    #[serde(rename = "in")]
    pub into: Count,
}

/// A namespace behind a poor network. All of it is gone when this is dropped, or the process
/// ends.
#[derive(Debug)]
pub struct Emulator {
    namespace: Namespace,
    block: Block,
    /// Names of the devices here and there.
    devices: [String; 2],
    asks: Sender<Ask>,
    waker: Arc<Waker>,
    carrier: Option<JoinHandle<()>>,
}

/// Addresses of one emulator, out of those meant for testing networks (RFC 2544).
#[derive(Clone, Copy, Debug)]
struct Block(u8);

enum Ask {
    Change(Direction, Link),
    ChangeOf(usize, Direction, Link),
    Counts(Sender<Counts>),
    End,
}

impl Emulator {
    /// Makes the namespace and carries packets from now on. Each address outside has links of its
    /// own, by its number where `of` has it, or else those for `everybody`.
    ///
    /// # Errors
    ///
    /// When a right or a program is missing, in one sentence.
    pub fn start(
        everybody: Links,
        of: BTreeMap<usize, Links>,
        seed: u64,
    ) -> Result<Self, NamespaceError> {
        if let Some(beyond) = of.keys().find(|number| **number >= Self::ADDRESSES) {
            return Err(NamespaceError::TooMany(*beyond));
        }
        let namespace = Namespace::create()?;
        let (near, far) = (device()?, device()?);
        let (near_name, far_name) = (name(&near)?, name(&far)?);
        let block = Block::take(&near_name)?;
        let (here, there, participants) = (block.address(0), block.far(), block.participants());
        ip(&format!(
            "link set dev {near_name} up\naddr add {here}/32 dev {near_name}\n\
             route add {there}/32 dev {near_name} src {here}\n\
             link set dev {far_name} netns {}\n",
            namespace.pid()
        ))?;
        namespace.ip(&format!(
            "link set dev lo up\nlink set dev {far_name} up\naddr add {there}/32 dev {far_name}\n\
             route add {participants} dev {far_name} src {there}\n"
        ))?;
        let failed = |error: io::Error| NamespaceError::Missing("epoll", error.to_string());
        let poll = Poll::new().map_err(failed)?;
        let waker = Arc::new(Waker::new(poll.registry(), ASKED).map_err(failed)?);
        for (device, token) in [(&near, Token(0)), (&far, Token(1))] {
            let source = &mut SourceFd(&device.as_raw_fd());
            poll.registry().register(source, token, Interest::READABLE).map_err(failed)?;
        }
        let (asks, asked) = mpsc::channel();
        let carrier = Carrier {
            poll,
            devices: [near, far],
            asked,
            block,
            everybody,
            of,
            seed,
            wires: BTreeMap::new(),
            under_way: BinaryHeap::new(),
            passed: 0,
            counts: Counts::default(),
            start: Instant::now(),
        };
        let carrier = std::thread::spawn(move || carrier.run());
        let devices = [near_name, far_name];
        Ok(Self { namespace, block, devices, asks, waker, carrier: Some(carrier) })
    }

    /// The address inside.
    pub fn far(&self) -> Ipv4Addr {
        self.block.far()
    }

    /// An address outside: whoever sends from it has links of its own. 0 is what programs use
    /// that choose none.
    pub fn address(&self, number: usize) -> Ipv4Addr {
        self.block.address(number % Self::ADDRESSES)
    }

    /// What to put before a command so that it runs inside.
    pub fn enter(&self) -> Vec<String> {
        self.namespace.enter()
    }

    /// Changes a direction of all links, from the next packet on.
    pub fn change(&self, direction: Direction, link: Link) {
        self.ask(Ask::Change(direction, link));
    }

    /// Changes a direction of the link of one address alone, from the next packet on.
    pub fn change_of(&self, number: usize, direction: Direction, link: Link) {
        self.ask(Ask::ChangeOf(number % Self::ADDRESSES, direction, link));
    }

    /// Has both ends send packets of at most so many bytes, as in a tunnel.
    ///
    /// # Errors
    ///
    /// When the system refuses, in one sentence.
    pub fn set_mtu(&self, bytes: u16) -> Result<(), NamespaceError> {
        let [near, far] = &self.devices;
        ip(&format!("link set dev {near} mtu {bytes}\n"))?;
        self.namespace.ip(&format!("link set dev {far} mtu {bytes}\n"))
    }

    /// What passed since the start.
    pub fn counts(&self) -> Counts {
        let (answer, answered) = mpsc::channel();
        self.ask(Ask::Counts(answer));
        answered.recv().unwrap_or_default()
    }

    /// Addresses outside that can be told apart.
    pub const ADDRESSES: usize = 254;

    fn ask(&self, ask: Ask) {
        // A carrier that has failed carries nothing, which whoever uses the link sees.
        let _ = self.asks.send(ask);
        let _ = self.waker.wake();
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.ask(Ask::End);
        if let Some(carrier) = self.carrier.take() {
            // It has nothing to tell.
            let _ = carrier.join();
        }
    }
}

impl Block {
    /// The first one that nobody on this machine uses.
    fn take(device: &str) -> Result<Self, NamespaceError> {
        let first = std::process::id() as u8;
        for offset in 0..=u8::MAX / 2 {
            let block = Self(first.wrapping_add(offset) & 0x7f);
            // Fails when another device has it.
            let route = format!("route add local {} dev {device}\n", block.participants());
            if ip(&format!("link set dev {device} up\n{route}")).is_ok() {
                return Ok(block);
            }
        }
        Err(NamespaceError::NoBlock)
    }

    fn participants(self) -> String {
        format!("198.18.{}.0/24", self.0 * 2)
    }

    fn address(self, number: usize) -> Ipv4Addr {
        Ipv4Addr::new(198, 18, self.0 * 2, number as u8 + 1)
    }

    fn far(self) -> Ipv4Addr {
        Ipv4Addr::new(198, 18, self.0 * 2 + 1, 1)
    }

    /// The number of whoever is outside, of a packet on its way.
    fn number(self, direction: Direction, packet: &[u8]) -> Option<usize> {
        let header: &[u8; 20] = packet.first_chunk().filter(|header| header[0] >> 4 == 4)?;
        let address = match direction {
            Direction::Out => &header[16..20],
            Direction::In => &header[12..16],
        };
        let number = usize::from(*address.strip_prefix(&[198, 18, self.0 * 2])?.first()?);
        (1..=Emulator::ADDRESSES).contains(&number).then(|| number - 1)
    }
}

struct Carrier {
    poll: Poll,
    /// Of this machine, and of the namespace.
    devices: [SyncDevice; 2],
    asked: Receiver<Ask>,
    block: Block,
    everybody: Links,
    of: BTreeMap<usize, Links>,
    seed: u64,
    wires: BTreeMap<(usize, Direction), Wire>,
    under_way: BinaryHeap<Reverse<UnderWay>>,
    /// Keeps packets that arrive at one moment in their order.
    passed: u64,
    counts: Counts,
    start: Instant,
}

/// Ordered by the time of arrival.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct UnderWay {
    arrives: Duration,
    number: u64,
    direction: Direction,
    packet: Vec<u8>,
}

impl Carrier {
    fn run(mut self) {
        let mut events = Events::with_capacity(4);
        let mut buffer = vec![0; MAX_PACKET];
        loop {
            let next = self.under_way.peek().map(|Reverse(first)| first.arrives);
            let wait = next.map(|at| at.saturating_sub(self.start.elapsed()));
            if let Err(error) = self.poll.poll(&mut events, wait)
                && error.kind() != io::ErrorKind::Interrupted
            {
                return;
            }
            while let Ok(ask) = self.asked.try_recv() {
                match ask {
                    Ask::Change(direction, link) => self.change(direction, &link),
                    Ask::ChangeOf(number, direction, link) => {
                        self.change_of(number, direction, link);
                    }
                    // Whoever asked may have gone.
                    Ask::Counts(answer) => drop(answer.send(self.counts)),
                    Ask::End => return,
                }
            }
            for (from, direction) in [(0, Direction::In), (1, Direction::Out)] {
                // Until it has none: it tells only once that it has some.
                while let Ok(length) = self.devices[from].recv(&mut buffer) {
                    self.pass(direction, &buffer[..length]);
                }
            }
            self.deliver();
        }
    }

    fn change(&mut self, direction: Direction, link: &Link) {
        for links in self.of.values_mut().chain([&mut self.everybody]) {
            *links.of(direction) = link.clone();
        }
        for ((_, way), wire) in &mut self.wires {
            if *way == direction {
                wire.change(link.clone());
            }
        }
    }

    fn change_of(&mut self, number: usize, direction: Direction, link: Link) {
        if let Some(wire) = self.wires.get_mut(&(number, direction)) {
            wire.change(link.clone());
        }
        let links = self.of.entry(number).or_insert_with(|| self.everybody.clone());
        *links.of(direction) = link;
    }

    fn pass(&mut self, direction: Direction, packet: &[u8]) {
        // What is not of this network, such as IPv6, has no way.
        let Some(number) = self.block.number(direction, packet) else { return };
        let wire = self.wires.entry((number, direction)).or_insert_with(|| {
            let links = self.of.get_mut(&number).unwrap_or(&mut self.everybody);
            let seed = self.seed ^ (number as u64) << 8 ^ direction as u64;
            Wire::new(links.of(direction).clone(), seed)
        });
        let far_port = match direction {
            Direction::In => FarPort::Destination,
            Direction::Out => FarPort::Source,
        };
        let arrivals = match wire.passes().lets(packet, far_port) {
            true => wire.pass(self.start.elapsed(), packet.len()),
            false => [None; 2],
        };
        if arrivals[0].is_none() || self.under_way.len() >= MAX_UNDER_WAY {
            self.counts.of(direction).lost += 1;
            return;
        }
        for arrives in arrivals.into_iter().flatten() {
            self.passed += 1;
            let (number, packet) = (self.passed, packet.to_vec());
            self.under_way.push(Reverse(UnderWay { arrives, number, direction, packet }));
        }
    }

    fn deliver(&mut self) {
        let now = self.start.elapsed();
        while let Some(first) = self.under_way.peek_mut().filter(|first| first.0.arrives <= now) {
            let Reverse(arrived) = std::collections::binary_heap::PeekMut::pop(first);
            let count = self.counts.of(arrived.direction);
            let to = match arrived.direction {
                Direction::In => &self.devices[1],
                Direction::Out => &self.devices[0],
            };
            // What the other end does not take is lost, as on any network.
            if to.send(&arrived.packet).is_ok() {
                count.packets += 1;
                count.bytes += arrived.packet.len() as u64;
            } else {
                count.lost += 1;
            }
        }
    }
}

impl Links {
    fn of(&mut self, direction: Direction) -> &mut Link {
        match direction {
            Direction::Out => &mut self.out,
            Direction::In => &mut self.into,
        }
    }
}

impl Counts {
    fn of(&mut self, direction: Direction) -> &mut Count {
        match direction {
            Direction::Out => &mut self.out,
            Direction::In => &mut self.into,
        }
    }
}

fn device() -> Result<SyncDevice, NamespaceError> {
    let failed = |error: io::Error| NamespaceError::Missing("/dev/net/tun", error.to_string());
    let builder = DeviceBuilder::new().enable(false).with(|device| {
        device.tx_queue_len(QUEUE_PACKETS);
    });
    let device = builder.build_sync().map_err(failed)?;
    device.set_nonblocking(true).map_err(failed)?;
    Ok(device)
}

fn name(device: &SyncDevice) -> Result<String, NamespaceError> {
    let failed = |error: io::Error| NamespaceError::Missing("/dev/net/tun", error.to_string());
    device.name().map_err(failed)
}

/// The carrier is asked something.
const ASKED: Token = Token(2);

/// Longest packet of IP.
const MAX_PACKET: usize = 65_535;

/// Packets a device keeps until they are fetched. Lowered, bursts are lost that no link lost.
const QUEUE_PACKETS: u32 = 5_000;

/// Packets under way in both directions at most; more are lost. At 1,200 bytes it is 120 MB.
const MAX_UNDER_WAY: usize = 100_000;
