//! A media connection with real ICE, DTLS and SRTP and as little else as possible, so that
//! receiving a packet costs the generator less than sending it costs the server.

mod dtls;
mod framed;
mod ice;
mod reports;
mod srtp;

use std::cell::RefCell;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSockRef, UdpSocketState};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

pub(crate) use dtls::Identity;
use dtls::{Dtls, Keys, Progress};
use framed::Carrier;
use ice::Ice;
use reports::Heard;
pub(crate) use srtp::Cipher;

use super::receive::{FEEDBACK_INTERVAL, Receiver};
use super::send::Sender;
use super::{Command, Road, State};
use crate::clock::{self, Nanos};
use crate::measure::Meter;
use crate::media::Media;
use crate::rtp::ExtensionIds;
use crate::target::{IceCredentials, Negotiated, TargetError, Wish};

/// A running connection.
#[derive(Debug)]
pub(crate) struct Connection {
    commands: mpsc::Sender<Command>,
    state: watch::Receiver<State>,
    task: JoinHandle<()>,
}

impl Connection {
    /// Opens a socket and begins to check.
    pub(crate) fn open(
        negotiated: Negotiated,
        wish: &Wish,
        media: Arc<Media>,
    ) -> Result<Self, TargetError> {
        let exhausted = |error: io::Error| TargetError::Exhausted("sockets", error.to_string());
        let (socket, state) = bind(negotiated.address, wish.from).map_err(exhausted)?;
        let now = Instant::now();
        let mut random = StdRng::seed_from_u64(wish.seed ^ u64::from(negotiated.address.port()));
        let seed = random.random();
        let ice = Ice::new(now, negotiated.ice, seed);
        let mut receiver = Receiver::new(wish.listens, wish.postmarks.clone(), wish.shield.clone());
        receiver.set_slots(&negotiated.slots);
        let mut sends = negotiated.sends;
        for send in sends.iter_mut().filter(|send| !send.source.is_video()) {
            send.redundant_payload_type = negotiated.redundant;
        }
        let mut sender = Sender::new(now, &sends, media, &mut random);
        sender.set_shield(wish.shield.clone());
        if let (Some(postmarks), Some(feed)) = (&wish.postmarks, negotiated.feed) {
            sender.set_postmarks(postmarks.clone(), feed);
        }
        receiver.set_redundant(negotiated.redundant);
        let own_ssrc = sends.first().map_or(seed | 1, |send| send.layers[0].ssrc);
        let (commands, commanded) = mpsc::channel(MAX_COMMANDS);
        let (told, state_told) = watch::channel(State::Connecting);
        let running = Running {
            socket,
            state,
            address: negotiated.address,
            carrier: None,
            from: wish.from,
            identity: wish.identity.clone(),
            meter: wish.meter().clone(),
            ids: negotiated.ids,
            own_ssrc,
            ice,
            dtls: None,
            keys: None,
            sender,
            receiver,
            random,
            told,
            is_started: false,
            next_report: now,
            next_feedback: now,
            feedback_count: 0,
            expected: None,
            wanted_closed: false,
        };
        let task = tokio::spawn(running.run(commanded));
        Ok(Self { commands, state: state_told, task })
    }

    /// Waits for the handshake to end.
    pub(crate) async fn connected(&mut self) -> Result<(), TargetError> {
        super::connected(&mut self.state).await
    }

    /// Tells it something. A connection that has ended needs to be told nothing.
    pub(crate) fn command(&self, command: Command) {
        let _ = self.commands.try_send(command);
    }

    /// Ends it.
    pub(crate) async fn close(self) {
        let _ = self.commands.send(Command::Close).await;
        // Nothing that could go wrong in it matters any more.
        let _ = self.task.await;
    }
}

struct Running {
    socket: UdpSocket,
    state: UdpSocketState,
    address: SocketAddr,
    /// What takes everything over TCP, where UDP does not get through.
    carrier: Option<Carrier>,
    from: Option<IpAddr>,
    identity: Identity,
    meter: Meter,
    ids: ExtensionIds,
    own_ssrc: u32,
    ice: Ice,
    dtls: Option<Dtls>,
    keys: Option<Box<Keys>>,
    sender: Sender,
    receiver: Receiver,
    random: StdRng,
    told: watch::Sender<State>,
    is_started: bool,
    next_report: Instant,
    next_feedback: Instant,
    feedback_count: u8,
    expected: Option<u64>,
    wanted_closed: bool,
}

/// Room for one batch of received datagrams, shared by all connections of a thread.
struct Scratch {
    buffers: Vec<Vec<u8>>,
    metas: Vec<RecvMeta>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch {
        buffers: vec![vec![0; MERGED_BYTES]; BATCH_SIZE],
        metas: vec![RecvMeta::default(); BATCH_SIZE],
    });
}

impl Running {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let timer = tokio::time::sleep(Duration::ZERO);
        tokio::pin!(timer);
        while !self.wanted_closed {
            let deadline = self.poll_timeout().into();
            if timer.deadline() != deadline {
                timer.as_mut().reset(deadline);
            }
            tokio::select! {
                ready = self.socket.readable() => {
                    if ready.is_err() {
                        break;
                    }
                    self.receive();
                }
                () = &mut timer => {}
                command = commands.recv() => match command {
                    Some(command) => self.handle_command(command),
                    None => break,
                },
            }
            self.handle_timeout();
        }
        if let Some(dtls) = &mut self.dtls {
            dtls.close(Instant::now());
        }
        self.flush_dtls();
        self.told.send_replace(State::Closed);
    }

    fn handle_command(&mut self, command: Command) {
        match command {
            Command::Start => {
                self.sender.start(Instant::now(), &mut self.random);
                self.is_started = true;
            }
            Command::Slots(slots) => self.receiver.set_slots(&slots),
            Command::Layers(source, rids) => self.sender.set_layers(source, &rids),
            // It reads those in reports itself.
            Command::KeyFrame(_) => {}
            Command::Path(credentials, road, from) => {
                let has_moved = std::mem::replace(&mut self.from, from) != from;
                self.look_for_path(credentials, road);
                if has_moved {
                    self.rebind();
                }
            }
            Command::Rebind => self.rebind(),
            Command::Close => self.wanted_closed = true,
        }
    }

    /// Restarts ICE. The keys stay, and so does what is sent and received.
    fn look_for_path(&mut self, credentials: IceCredentials, road: Road) {
        self.carrier = None;
        self.address = match road {
            Road::Udp(address) => address,
            Road::Tcp(address) => match Carrier::open(address, self.from) {
                Ok((carrier, near)) => {
                    self.carrier = Some(carrier);
                    near
                }
                // A machine without a socket more has no path, which is seen by whoever measures.
                Err(_) => return,
            },
        };
        self.ice = Ice::new(Instant::now(), credentials, self.random.random());
    }

    /// Goes on from another port. What is under way to the one before is lost, as in a router.
    fn rebind(&mut self) {
        // A machine without a socket more keeps the one it has.
        if let Ok((socket, state)) = bind(self.address, self.from) {
            (self.socket, self.state) = (socket, state);
        }
    }

    fn receive(&mut self) {
        SCRATCH.with_borrow_mut(|Scratch { buffers, metas }| {
            let received = self.socket.try_io(Interest::READABLE, || {
                let mut buffers = buffers.iter_mut();
                let mut slices: [IoSliceMut<'_>; BATCH_SIZE] = std::array::from_fn(|_| {
                    IoSliceMut::new(buffers.next().expect("one buffer for each message"))
                });
                self.state.recv(UdpSockRef::from(&self.socket), &mut slices, metas)
            });
            let Ok(messages) = received else { return };
            for (buffer, meta) in buffers.iter_mut().zip(&*metas).take(messages) {
                let at = meta.timestamp.map_or_else(clock::now, |at| at.as_nanos() as Nanos);
                for datagram in buffer[..meta.len].chunks_mut(meta.stride.max(1)) {
                    self.handle_datagram(at, datagram);
                }
            }
        });
    }

    fn handle_datagram(&mut self, at: Nanos, datagram: &mut [u8]) {
        match datagram {
            [128..=191, second, ..] => {
                let is_rtcp = (192..=223).contains(second);
                let mut measured = self.meter.lock();
                measured.bytes_received += datagram.len() as u64;
                let Some(keys) = &self.keys else { return };
                if is_rtcp {
                    drop(measured);
                    self.handle_rtcp(at, datagram);
                } else {
                    let (ids, opens) = (&self.ids, &keys.opens);
                    self.receiver.handle_packet(at, datagram, opens, ids, &mut measured);
                }
            }
            [20..=63, ..] => self.handle_dtls(datagram),
            [0..=3, ..] => self.handle_stun(datagram),
            _ => {}
        }
    }

    fn handle_stun(&mut self, datagram: &[u8]) {
        if let Some(answer) = self.ice.answer(datagram, self.address) {
            self.send(&answer);
        } else if self.ice.handle_answer(datagram) && self.dtls.is_none() {
            self.meter.lock().join.ice.get_or_insert(clock::now());
            self.dtls = Dtls::connect(Instant::now(), &self.identity);
            self.wanted_closed |= self.dtls.is_none();
        }
    }

    fn handle_dtls(&mut self, datagram: &[u8]) {
        let Some(dtls) = &mut self.dtls else { return };
        match dtls.handle_datagram(Instant::now(), datagram) {
            Progress::None => {}
            Progress::Connected(keys) => {
                self.keys = Some(keys);
                self.meter.lock().join.dtls.get_or_insert(clock::now());
                self.told.send_replace(State::Connected);
            }
            Progress::Closed => self.wanted_closed = true,
        }
    }

    fn handle_rtcp(&mut self, at: Nanos, datagram: &mut [u8]) {
        let Some(length) = self.keys.as_ref().and_then(|keys| keys.opens.open_rtcp(datagram))
        else {
            return;
        };
        for heard in reports::read(&datagram[..length]) {
            match heard {
                Heard::Lost(ssrc, sequences) => {
                    self.sender.repeat(ssrc, sequences.into_iter());
                }
                Heard::KeyFrame(ssrc) => {
                    self.sender.request_key_frame(ssrc, &mut self.meter.lock());
                }
                Heard::Clock(ssrc, ntp) => self.receiver.handle_sender_report(at, ssrc, ntp),
            }
        }
    }

    fn handle_timeout(&mut self) {
        let now = Instant::now();
        if let Some(check) = self.ice.poll_check(now) {
            self.send(&check);
        }
        if let Some(dtls) = &mut self.dtls {
            dtls.handle_timeout(now);
        }
        self.flush_dtls();
        let Some(keys) = &self.keys else { return };
        if self.is_started {
            let mut measured = self.meter.lock();
            self.sender.handle_timeout(now, &mut measured);
            let (socket, state, address) = (&self.socket, &self.state, self.address);
            let (ids, cipher) = (&self.ids, &keys.seals);
            let mut bytes = Vec::with_capacity(1_500);
            self.sender.flush(now, |packet| {
                bytes.clear();
                let header = packet.header.write(&packet.extensions(ids), &mut bytes);
                bytes.extend_from_slice(packet.payload);
                cipher.seal_rtp(&mut bytes, 0, header, packet.header.ssrc, packet.index);
                measured.packets_sent += 1;
                measured.bytes_sent += bytes.len() as u64;
                transmit(socket, state, address, &bytes);
            });
        }
        if now >= self.next_feedback {
            self.next_feedback = now + FEEDBACK_INTERVAL;
            self.send_feedback();
        }
        if now >= self.next_report {
            self.next_report = now + REPORT_INTERVAL;
            let time = clock::now();
            let received = self.receiver.reports(time);
            let sent = self.sender.states();
            if !received.is_empty() || !sent.is_empty() {
                let packet = reports::reports(time, self.own_ssrc, &sent, &received);
                self.send_report(packet.to_vec());
            }
        }
    }

    fn send_feedback(&mut self) {
        let time = clock::now();
        let arrivals = self.receiver.take_arrivals();
        let count = self.feedback_count;
        let packet = reports::arrivals(self.own_ssrc, count, &mut self.expected, &arrivals);
        if let Some(packet) = packet {
            self.feedback_count = count.wrapping_add(1);
            self.send_report(packet);
        }
        let (lost, stuck) = {
            let mut measured = self.meter.lock();
            (self.receiver.lost(time, &mut measured), self.receiver.stuck(time, &mut measured))
        };
        for (ssrc, sequences) in lost {
            self.send_report(reports::lost(self.own_ssrc, ssrc, &sequences).to_vec());
        }
        for ssrc in stuck {
            self.send_report(reports::key_frame(self.own_ssrc, ssrc).to_vec());
        }
    }

    fn poll_timeout(&self) -> Instant {
        let handshake = self.dtls.as_ref().and_then(Dtls::poll_timeout);
        let media = self.keys.as_ref().map(|_| self.next_feedback.min(self.next_report));
        let frames = self.sender.poll_timeout().filter(|_| self.keys.is_some());
        let others = [handshake, media, frames].into_iter().flatten();
        others.fold(self.ice.poll_timeout(), Instant::min)
    }

    fn flush_dtls(&mut self) {
        while let Some(datagram) = self.dtls.as_mut().and_then(Dtls::poll_transmit) {
            self.send(&datagram);
        }
    }

    fn send_report(&mut self, mut packet: Vec<u8>) {
        let Some(keys) = &mut self.keys else { return };
        keys.seals.seal_rtcp(&mut packet);
        self.meter.lock().bytes_sent += packet.len() as u64;
        self.send(&packet);
    }

    fn send(&self, bytes: &[u8]) {
        transmit(&self.socket, &self.state, self.address, bytes);
    }
}

fn transmit(socket: &UdpSocket, state: &UdpSocketState, address: SocketAddr, bytes: &[u8]) {
    let transmit = quinn_udp::Transmit {
        destination: address,
        ecn: None,
        contents: bytes,
        segment_size: None,
        src_ip: None,
    };
    // What the system does not take is lost, as on any network, and counted by the receivers.
    let _ = state.try_send(UdpSockRef::from(socket), &transmit);
}

fn bind(to: SocketAddr, from: Option<IpAddr>) -> io::Result<(UdpSocket, UdpSocketState)> {
    let any = if to.is_ipv4() { IpAddr::from([0; 4]) } else { IpAddr::from([0_u16; 8]) };
    let from = from.filter(|from| from.is_ipv4() == to.is_ipv4()).unwrap_or(any);
    let socket = std::net::UdpSocket::bind((from, 0))?;
    socket.set_nonblocking(true)?;
    let socket = UdpSocket::from_std(socket)?;
    let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
    // The system caps it at its own limit.
    let _ = state.set_recv_buffer_size(UdpSockRef::from(&socket), SOCKET_BUFFER_BYTES);
    Ok((socket, state))
}

/// Room for one merged receive.
const MERGED_BYTES: usize = 65_535;

/// Wanted socket buffer; less loses packets when the generator is busy with a handshake.
const SOCKET_BUFFER_BYTES: usize = 2 << 20;

/// Commands that wait at most; there is one for each change of the room.
const MAX_COMMANDS: usize = 64;

/// Between receiver reports.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
