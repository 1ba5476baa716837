//! A whole meeting in one thread: the real media core, browsers, the network between them, and a
//! clock that jumps from one event to the next.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use protocol::{ParticipantId, Redacted, TrackId, TrackSource};
use sfu_core::codec::CodecKind;
use sfu_core::{
    Captured, Command, DtlsIdentity, Egress, Event, Frames, Mid, NegotiationId, Path, RoomId,
    Settings, Sfu, SlotAssignment,
};

use crate::browser::Browser;
use crate::meter::{Meter, Work};
use crate::network::{Datagram, Link, Network};
use crate::random::Random;

/// Where the server stands in every simulated network.
pub const SERVER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), 8443);

/// How many datagrams of browsers are kept to be played again.
const RECORDED: usize = 1_000;

/// Room for what one batch makes, so that taking it over allocates nothing.
const SENT_BYTES: usize = 1 << 20;
const SENT_RUNS: usize = 1 << 12;

/// One browser of a meeting, by order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seat(pub usize);

/// The clear header of one RTP packet the server put on the wire (SRTP leaves it readable).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WirePacket {
    /// When it left.
    pub at: Instant,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp.
    pub timestamp: u32,
    /// Length of the datagram.
    pub bytes: usize,
}

impl WirePacket {
    /// Whether it only holds a number that nothing came for: it is shorter than any content.
    pub const fn is_filler(&self) -> bool {
        self.bytes < 64
    }
}

/// What the core gave to send, taken over as a socket takes it: nothing is allocated for it again
/// and again.
#[derive(Debug, Default)]
struct Sent {
    bytes: Vec<u8>,
    runs: Vec<(SocketAddr, usize, usize)>,
}

/// See the module's description. Prints its seed when a test fails.
#[derive(Debug)]
pub struct Meeting {
    /// The present.
    pub now: Instant,
    /// The media core.
    pub sfu: Sfu,
    /// Everything between it and the browsers.
    pub network: Network,
    /// The browsers, by seat.
    pub browsers: Vec<Browser>,
    /// What the core told the control plane, with the time.
    pub events: Vec<(Instant, Event)>,
    /// Everything the server sent, by receiver: when, and how long the datagram was.
    pub datagrams: BTreeMap<SocketAddr, Vec<(Instant, usize)>>,
    /// RTP the server sent, by receiver and stream, before the network lost any of it.
    pub wire: BTreeMap<(SocketAddr, u32), Vec<WirePacket>>,
    /// What the core gave for the recorder, oldest first.
    pub captured: Vec<Captured>,
    /// What frames look like in every room, and the codec of pictures.
    pub sealing: (Frames, CodecKind),
    /// Measures the core's work, where set.
    pub meter: Option<Box<dyn Meter>>,
    /// The last datagrams that browsers sent, oldest first.
    pub recorded: VecDeque<Datagram>,
    sent: Sent,
    seed: u64,
    random: Random,
    negotiations: u64,
}

impl Meeting {
    /// An empty server and a good network.
    pub fn new(seed: u64) -> Self {
        Self::hearing(seed, 12)
    }

    /// An empty server that forwards at most `max_voices` microphones to each, and a good network.
    pub fn hearing(seed: u64, max_voices: usize) -> Self {
        let mut random = Random::new(seed);
        let mut core_seed = [0; 32];
        random.fill(&mut core_seed);
        let settings = Settings {
            identity: DtlsIdentity::generate().expect("a certificate can be made"),
            candidates: vec![SERVER],
            tcp_port: None,
            worker: 0,
            max_voices,
            scalable: None,
            seed: core_seed,
        };
        Self {
            now: Instant::now(),
            sfu: Sfu::new(settings),
            network: Network::new(SERVER, random.bits()),
            browsers: Vec::new(),
            events: Vec::new(),
            datagrams: BTreeMap::new(),
            wire: BTreeMap::new(),
            captured: Vec::new(),
            sealing: (Frames::Clear, CodecKind::Vp8),
            meter: None,
            recorded: VecDeque::new(),
            sent: Sent {
                bytes: Vec::with_capacity(SENT_BYTES),
                runs: Vec::with_capacity(SENT_RUNS),
            },
            seed,
            random,
            negotiations: 0,
        }
    }

    /// A meeting of `count` connected participants in one room, each with as many pairs of slots
    /// as there are others.
    pub fn of(seed: u64, count: usize) -> Self {
        let mut meeting = Self::new(seed);
        for _ in 0..count {
            meeting.join(RoomId(1), count.saturating_sub(1));
        }
        meeting.connect();
        meeting
    }

    /// As [`Meeting::of`], of participants who encrypt. Nobody has said yet that they have keys.
    pub fn encrypted(seed: u64, count: usize, frames: Frames, codec: CodecKind) -> Self {
        let mut meeting = Self::new(seed);
        meeting.sealing = (frames, codec);
        for _ in 0..count {
            meeting.join(RoomId(1), count.saturating_sub(1));
        }
        meeting.connect();
        meeting
    }

    /// Opens or shuts the gate of a participant.
    pub fn set_gate(&mut self, seat: Seat, from: Option<u8>) {
        let participant = self.browsers[seat.0].participant;
        self.command(Command::SetEpochGate { participant, from });
    }

    /// A new participant's page: transport added, first offer answered, nothing sent yet.
    pub fn join(&mut self, room: RoomId, slots: usize) -> Seat {
        let number = self.browsers.len();
        let mut id = [0; 8];
        self.random.fill(&mut id);
        let participant = ParticipantId::from_bytes(id);
        let address = SocketAddr::from(([198, 51, 100, number as u8 + 1], 50_000));
        let random = Random::new(self.random.bits());
        let page = self.page(participant, address, slots, random);
        self.browsers.push(page);
        let frames = self.sealing.0;
        self.command(Command::AddTransport { participant, room, frames });
        let seat = Seat(number);
        self.negotiate(seat);
        seat
    }

    /// A reload: the same participant with a fresh page behind another port.
    pub fn reload(&mut self, seat: Seat, slots: usize) {
        let random = Random::new(self.random.bits());
        let old = &self.browsers[seat.0];
        let mut address = old.address;
        address.set_port(address.port() + 1);
        let page = self.page(old.participant, address, slots, random);
        self.browsers[seat.0] = page;
        self.negotiate(seat);
    }

    fn page(
        &self,
        participant: ParticipantId,
        address: SocketAddr,
        slots: usize,
        random: Random,
    ) -> Browser {
        let mut page = Browser::new(self.now, participant, address, slots, random);
        let (frames, codec) = self.sealing;
        if frames.are_encrypted() {
            page.encrypt(frames, codec);
        }
        page
    }

    /// Offers, and applies the answer.
    pub fn negotiate(&mut self, seat: Seat) {
        let (sdp, publish) = self.browsers[seat.0].offer(self.now);
        let participant = self.browsers[seat.0].participant;
        self.negotiations += 1;
        let negotiation = NegotiationId(self.negotiations);
        let mid = |text: &str| Mid::new(text).expect("the engine writes good mids");
        let publish = publish.iter().map(|(text, source)| (mid(text), *source)).collect();
        let offer = Redacted::new(sdp);
        let heard = self.events.len();
        self.command(Command::Negotiate {
            participant,
            negotiation,
            offer: offer.clone(),
            publish,
        });
        let answer = self.events[heard..].iter().find_map(|(_, event)| {
            let Event::Negotiated { negotiation: of, answer, .. } = event else { return None };
            (*of == negotiation).then_some(answer)
        });
        let Some(answer) = answer.cloned() else {
            panic!("refused: {:?}\n{}", &self.events[heard..], offer.expose());
        };
        let now = self.now;
        self.browsers[seat.0].handle_answer(now, answer.expose());
        self.pump();
    }

    /// Runs until every browser is connected.
    pub fn connect(&mut self) {
        self.run_until(Duration::from_secs(10), |meeting| {
            meeting.browsers.iter().all(Browser::is_connected)
        });
    }

    /// Gives the core a command and takes what it says and sends.
    pub fn command(&mut self, command: Command) {
        let Self { sfu, meter, now, .. } = self;
        let mut command = Some(command);
        metered(meter, Work::Command, &mut || {
            if let Some(command) = command.take() {
                sfu.handle_command(*now, command);
            }
        });
        self.pump();
    }

    /// Turns a source on: the browser sends, and the server may forward.
    pub fn turn_on(&mut self, seat: Seat, source: TrackSource) {
        self.set_publishing(seat, source, true);
        let now = self.now;
        self.browsers[seat.0].set_sending(now, source, true);
    }

    /// Says whether the server may forward a source; the browser goes on as it does.
    pub fn set_publishing(&mut self, seat: Seat, source: TrackSource, active: bool) {
        let participant = self.browsers[seat.0].participant;
        self.command(Command::SetPublishing { participant, source, active });
    }

    /// The name of a track.
    pub fn track(&self, seat: Seat, source: TrackSource) -> TrackId {
        TrackId { participant: self.browsers[seat.0].participant, source }
    }

    /// Puts a track on a slot, or empties it.
    pub fn subscribe(
        &mut self,
        seat: Seat,
        mid: &str,
        track: Option<TrackId>,
        max_height: Option<u16>,
    ) {
        let participant = self.browsers[seat.0].participant;
        let mid = Mid::new(mid).expect("the mid comes from the browser");
        let slots = vec![SlotAssignment { mid, track, max_height }];
        self.command(Command::Subscribe { participant, slots });
    }

    /// Subscribes each browser to the microphone and camera of each other one, and says which
    /// slot carries what: by receiver and mid.
    pub fn subscribe_all(&mut self) -> BTreeMap<(Seat, String), TrackId> {
        let mut plan = BTreeMap::new();
        for receiver in (0..self.browsers.len()).map(Seat) {
            let sounds = self.browsers[receiver.0].slot_mids(false);
            let pictures = self.browsers[receiver.0].slot_mids(true);
            let senders = (0..self.browsers.len()).map(Seat).filter(|seat| *seat != receiver);
            for (sender, (sound, picture)) in senders.zip(sounds.iter().zip(&pictures)) {
                for (mid, source) in
                    [(sound, TrackSource::Microphone), (picture, TrackSource::Camera)]
                {
                    let track = self.track(sender, source);
                    self.subscribe(receiver, mid, Some(track), None);
                    plan.insert((receiver, mid.clone()), track);
                }
            }
        }
        plan
    }

    /// Sets both directions of a browser's access.
    pub fn set_links(&mut self, seat: Seat, up: Link, down: Link) {
        let address = self.browsers[seat.0].address;
        self.network.set_up(address, up);
        self.network.set_down(address, down);
    }

    /// Lets the meeting go on for `duration`.
    pub fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.step(end) {}
        self.now = end;
    }

    /// Lets the meeting go on until `is_done`, for `limit` at most.
    pub fn run_until(&mut self, limit: Duration, is_done: impl Fn(&Self) -> bool) {
        let end = self.now + limit;
        while !is_done(self) {
            assert!(self.step(end), "still not so after {limit:?}");
        }
    }

    /// Sends a datagram from anywhere to the server.
    pub fn inject(&mut self, from: SocketAddr, bytes: Vec<u8>) {
        self.network.send(self.now, Datagram { from, to: SERVER, bytes });
    }

    /// Hands a datagram to the core at once and takes what it says and sends.
    pub fn deliver(&mut self, from: SocketAddr, bytes: Vec<u8>) {
        self.hand_over(from, bytes);
        self.pump();
    }

    fn hand_over(&mut self, from: SocketAddr, mut bytes: Vec<u8>) {
        let path = Path { remote: from, local: None };
        let Self { sfu, meter, now, .. } = self;
        let work = Work::of(&bytes);
        metered(meter, work, &mut || sfu.handle_datagram(*now, path, &mut bytes));
    }

    /// Goes to the next event before `end` and does what is due; false when there is none.
    fn step(&mut self, end: Instant) -> bool {
        let mut next =
            [self.network.next_arrival(), self.sfu.poll_timeout()].into_iter().flatten().min();
        for browser in &mut self.browsers {
            next = [next, browser.poll_timeout()].into_iter().flatten().min();
        }
        let Some(next) = next.filter(|at| *at < end) else { return false };
        // Nothing is ever due in the past; an engine that insists is woken a little later.
        self.now = next.max(self.now + Duration::from_micros(1));
        let mut batch = 0;
        while let Some(datagram) = self.network.receive(self.now) {
            if datagram.to == SERVER {
                // What arrives together is one batch, as the worker reads it.
                self.hand_over(datagram.from, datagram.bytes);
                batch += 1;
                if batch == Sfu::MAX_BATCH {
                    batch = 0;
                    self.pump();
                }
            } else if let Some(browser) =
                self.browsers.iter_mut().find(|browser| browser.address == datagram.to)
            {
                browser.handle_datagram(self.now, datagram.from, &datagram.bytes);
            }
        }
        if self.sfu.poll_timeout().is_some_and(|at| at <= self.now) {
            let Self { sfu, meter, now, .. } = self;
            metered(meter, Work::Timers, &mut || sfu.handle_timeout(*now));
        }
        for browser in &mut self.browsers {
            browser.handle_timeout(self.now);
        }
        self.pump();
        true
    }

    /// Moves everything that waits to be sent onto the network, and takes the core's events.
    fn pump(&mut self) {
        while let Some(event) = self.sfu.poll_output() {
            if let Event::LayersWanted { participant, source, rids } = &event
                && let Some(page) = self.browsers.iter_mut().find(|b| b.participant == *participant)
            {
                page.set_layers_wanted(*source, rids);
            }
            self.events.push((self.now, event));
        }
        let mut captured = Captured::default();
        if self.sfu.swap_captured(&mut captured) {
            self.captured.push(captured);
        }
        let mut sent = std::mem::take(&mut self.sent);
        loop {
            let Self { sfu, meter, now, .. } = self;
            let before = sent.bytes.len();
            metered(meter, Work::Egress, &mut || {
                for run in sfu.poll_egress(*now).into_iter().flat_map(Egress::transmits) {
                    sent.runs.push((run.path.remote, run.segment, run.bytes.len()));
                    sent.bytes.extend_from_slice(run.bytes);
                }
            });
            if sent.bytes.len() == before {
                break;
            }
        }
        let mut rest = &sent.bytes[..];
        for (to, segment, len) in sent.runs.drain(..) {
            let (run, behind) = rest.split_at(len);
            rest = behind;
            for bytes in run.chunks(segment.max(1)) {
                self.datagrams.entry(to).or_default().push((self.now, bytes.len()));
                if let Some((ssrc, packet)) = rtp_header(self.now, bytes) {
                    self.wire.entry((to, ssrc)).or_default().push(packet);
                }
                let datagram = Datagram { from: SERVER, to, bytes: bytes.to_vec() };
                self.network.send(self.now, datagram);
            }
        }
        sent.bytes.clear();
        self.sent = sent;
        for browser in &mut self.browsers {
            while let Some((to, bytes)) = browser.poll_output() {
                let datagram = Datagram { from: browser.address, to, bytes };
                self.recorded.push_back(datagram.clone());
                self.network.send(self.now, datagram);
            }
        }
        self.recorded.drain(..self.recorded.len().saturating_sub(RECORDED));
    }
}

impl Drop for Meeting {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed of the failed meeting: {}", self.seed);
        }
    }
}

fn metered(meter: &mut Option<Box<dyn Meter>>, work: Work, step: &mut dyn FnMut()) {
    match meter {
        Some(meter) => meter.measure(work, step),
        None => step(),
    }
}

/// Stream and header of a datagram that is RTP (RFC 7983, RFC 5761 section 4).
fn rtp_header(at: Instant, bytes: &[u8]) -> Option<(u32, WirePacket)> {
    let header: &[u8; 12] = bytes.first_chunk()?;
    let is_rtp = (128..192).contains(&header[0]) && !(64..96).contains(&(header[1] & 0x7f));
    let [.., s0, s1, s2, s3] = *header;
    let packet = WirePacket {
        at,
        sequence: u16::from_be_bytes([header[2], header[3]]),
        timestamp: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
        bytes: bytes.len(),
    };
    is_rtp.then_some((u32::from_be_bytes([s0, s1, s2, s3]), packet))
}
