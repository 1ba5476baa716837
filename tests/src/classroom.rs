//! The real worker with real participants on loopback: ICE, DTLS, SRTP, reports and all.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use crate::browser::Browser;
use crate::content::Content;
use crate::random::Random;
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use protocol::{ParticipantId, Redacted, TrackId, TrackSource};
use sfu::{
    Command, DtlsIdentity, Event, Frames, Mid, NegotiationId, RecordingFiles, RecordingNews,
    RecordingTap, RoomId, SfuConfig, SfuHandle, SlotAssignment, Stats,
};

/// See the module's description. Its participants live on the calling thread.
#[derive(Debug)]
pub struct Classroom {
    handle: SfuHandle,
    events: Receiver<Event>,
    seats: Vec<Seat>,
    poll: Poll,
    negotiations: u64,
}

#[derive(Debug)]
struct Seat {
    browser: Browser,
    socket: UdpSocket,
    room: RoomId,
}

impl Classroom {
    /// Everybody connected, in the same room; each with as many pairs of slots as `slots` says of
    /// its number.
    ///
    /// # Errors
    ///
    /// When sockets or threads are short, or somebody does not connect.
    pub fn open(count: usize, slots: impl Fn(usize) -> usize) -> io::Result<Self> {
        Self::spread(1, count, |_| RoomId(1), slots)
    }

    /// As [`Classroom::open`], with so many workers, and everybody in the room that `room` says.
    ///
    /// # Errors
    ///
    /// As [`Classroom::open`].
    pub fn spread(
        workers: usize,
        count: usize,
        room: impl Fn(usize) -> RoomId,
        slots: impl Fn(usize) -> usize,
    ) -> io::Result<Self> {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let (tell, events) = mpsc::channel();
        let config = SfuConfig {
            listen: loopback,
            advertised: vec![loopback],
            tcp_port: None,
            workers,
            max_voices: MAX_VOICES,
            scalable: None,
            identity: DtlsIdentity::generate().map_err(io::Error::other)?,
        };
        let handle =
            sfu::spawn(config, move |event| drop(tell.send(event))).map_err(io::Error::other)?;
        let mut classroom =
            Self { handle, events, seats: Vec::new(), poll: Poll::new()?, negotiations: 0 };
        let mut random = Random::new(SEED);
        for number in 0..count {
            classroom.enter(number, room(number), slots(number), &mut random)?;
        }
        let deadline = Instant::now() + CONNECT;
        while !classroom.seats.iter().all(|seat| seat.browser.is_connected()) {
            if Instant::now() > deadline {
                return Err(io::Error::other("not everybody connects"));
            }
            classroom.run(Duration::from_millis(20))?;
        }
        Ok(classroom)
    }

    fn enter(
        &mut self,
        number: usize,
        room: RoomId,
        slots: usize,
        random: &mut Random,
    ) -> io::Result<()> {
        let mut socket = UdpSocket::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let address = socket.local_addr()?;
        self.poll.registry().register(&mut socket, Token(number), Interest::READABLE)?;
        let mut id = [0; 8];
        random.fill(&mut id);
        let participant = ParticipantId::from_bytes(id);
        let seed = Random::new(random.bits());
        let browser = Browser::new(Instant::now(), participant, address, slots, seed);
        self.seats.push(Seat { browser, socket, room });
        self.command(number, Command::AddTransport { participant, room, frames: Frames::Clear })?;
        let (sdp, publish) = self.seats[number].browser.offer(Instant::now());
        self.negotiations += 1;
        let publish = publish.iter().map(|(mid, source)| (mid_of(mid), *source)).collect();
        let negotiation = NegotiationId(self.negotiations);
        let offer = Redacted::new(sdp);
        let negotiate = Command::Negotiate { participant, negotiation, offer, publish };
        self.command(number, negotiate)?;
        loop {
            let event = self.events.recv_timeout(CONNECT).map_err(io::Error::other)?;
            if let Event::Negotiated { negotiation, answer, .. } = &event
                && negotiation.0 == self.negotiations
            {
                self.seats[number].browser.handle_answer(Instant::now(), answer.expose());
                return Ok(());
            }
            if let Event::NegotiationFailed { cause, .. } = event {
                return Err(io::Error::other(cause));
            }
        }
    }

    /// Turns a source of one participant on.
    ///
    /// # Errors
    ///
    /// When the worker does not take the command.
    pub fn turn_on(&mut self, number: usize, source: TrackSource) -> io::Result<()> {
        let browser = &mut self.seats[number].browser;
        let participant = browser.participant;
        browser.set_sending(Instant::now(), source, true);
        self.command(number, Command::SetPublishing { participant, source, active: true })
    }

    /// Lets a participant send only this layer of the camera, in frames of `parts` packets with
    /// payloads of `size` bytes.
    pub fn shape_camera(&mut self, number: usize, size: usize, parts: u8) {
        let browser = &mut self.seats[number].browser;
        browser.set_shape(TrackSource::Camera, size, parts);
        browser.set_layer_sent(1, false);
        browser.set_layer_sent(2, false);
    }

    /// Puts a source of `from` on the `slot`-th slot of its kind of `to`.
    ///
    /// # Errors
    ///
    /// When the worker does not take the command.
    pub fn subscribe(
        &mut self,
        to: usize,
        slot: usize,
        from: usize,
        source: TrackSource,
    ) -> io::Result<()> {
        let track = TrackId { participant: self.seats[from].browser.participant, source };
        let browser = &self.seats[to].browser;
        let mid = mid_of(&browser.slot_mids(source.is_video())[slot]);
        let slots = vec![SlotAssignment { mid, track: Some(track), max_height: None }];
        self.command(to, Command::Subscribe { participant: browser.participant, slots })
    }

    /// Lets the class go on for `duration`.
    ///
    /// # Errors
    ///
    /// When the system refuses to wait for packets.
    pub fn run(&mut self, duration: Duration) -> io::Result<()> {
        let mut ready = Events::with_capacity(64);
        let mut bytes = [0; 2_048];
        let end = Instant::now() + duration;
        loop {
            let now = Instant::now();
            if now >= end {
                return Ok(());
            }
            let mut wake = end;
            for seat in &mut self.seats {
                if seat.browser.poll_timeout().is_some_and(|at| at <= now) {
                    seat.browser.handle_timeout(now);
                }
                seat.flush();
                wake = seat.browser.poll_timeout().map_or(wake, |at| at.min(wake));
            }
            // Never less than the poller can wait: an engine that insists is woken a little later.
            let wait = wake.saturating_duration_since(now).max(Duration::from_micros(500));
            self.poll.poll(&mut ready, Some(wait))?;
            for event in &ready {
                let seat = &mut self.seats[event.token().0];
                while let Ok((len, from)) = seat.socket.recv_from(&mut bytes) {
                    seat.browser.handle_datagram(Instant::now(), from, &bytes[..len]);
                }
                seat.flush();
            }
        }
    }

    /// Begins to record a room.
    ///
    /// # Errors
    ///
    /// When the worker does not take the command.
    pub fn start_recording(&self, room: RoomId, files: RecordingFiles) -> io::Result<RecordingTap> {
        self.handle.start_recording(room, files).map_err(io::Error::other)
    }

    /// Opens or shuts the gate of one participant for all they send.
    ///
    /// # Errors
    ///
    /// When the worker does not take the command.
    pub fn set_recordable(
        &self,
        number: usize,
        recording: RecordingTap,
        recordable: bool,
    ) -> io::Result<()> {
        let participant = self.participant(number);
        let sources = if recordable { TrackSource::ALL.to_vec() } else { Vec::new() };
        self.command(number, Command::SetRecordable { participant, recording, sources })
    }

    /// Forgets what was recorded of one participant.
    ///
    /// # Errors
    ///
    /// When the worker does not take the command.
    pub fn erase_recorded(&self, number: usize, room: RoomId) -> io::Result<()> {
        let participant = self.participant(number);
        self.command(number, Command::EraseRecorded { room, participant })
    }

    /// Ends a room's recording.
    ///
    /// # Errors
    ///
    /// When the worker does not take the command.
    pub fn stop_recording(&self, room: RoomId, recording: RecordingTap) -> io::Result<()> {
        self.handle.send(room, Command::StopRecording { room, recording }).map_err(io::Error::other)
    }

    /// What was told of recordings since it was asked last.
    pub fn recording_news(&mut self) -> Vec<(RecordingTap, RecordingNews)> {
        let news = self.events.try_iter().filter_map(|event| {
            let Event::Recording { recording, news, .. } = event else { return None };
            Some((recording, news))
        });
        news.collect()
    }

    /// What one participant sent of a layer of a source: before an instant, and after it.
    pub fn sent(
        &self,
        number: usize,
        source: TrackSource,
        layer: u8,
        split: Instant,
    ) -> (Vec<Content>, Vec<Content>) {
        let sent = self.seats[number].browser.sent(source).iter();
        let sent = sent.filter(|(_, content)| content.layer == layer);
        let (before, after): (Vec<_>, Vec<_>) = sent.partition(|(at, _)| *at < split);
        let contents =
            |sent: Vec<&(Instant, Content)>| sent.into_iter().map(|(_, it)| *it).collect();
        (contents(before), contents(after))
    }

    /// Ends the workers, so that the next one is the only thread of its name.
    ///
    /// # Errors
    ///
    /// When it does not end in time.
    pub fn close(self) -> io::Result<()> {
        self.handle.shutdown(PATIENCE).map_err(io::Error::other)
    }

    /// What the worker counted so far, of all of them together; `None` when one does not answer.
    pub fn stats(&self) -> Option<Stats> {
        self.handle.stats(PATIENCE)
    }

    /// Everything that one participant received, by whom it was sent.
    pub fn heard(&self, number: usize) -> BTreeMap<ParticipantId, usize> {
        let mut heard = BTreeMap::new();
        for packet in self.seats[number].browser.slots.values().flat_map(|slot| &slot.received) {
            *heard.entry(packet.content.track.participant).or_default() += 1;
        }
        heard
    }

    /// Who one participant is.
    pub fn participant(&self, number: usize) -> ParticipantId {
        self.seats[number].browser.participant
    }

    /// Packets of sound and pictures that arrived so far, at everybody.
    pub fn received(&self) -> usize {
        let slots = self.seats.iter().flat_map(|seat| seat.browser.slots.values());
        slots.map(|slot| slot.received.len()).sum()
    }

    fn command(&self, number: usize, command: Command) -> io::Result<()> {
        self.handle.send(self.seats[number].room, command).map_err(io::Error::other)
    }
}

impl Seat {
    fn flush(&mut self) {
        while let Some((to, bytes)) = self.browser.poll_output() {
            // A full buffer loses it, as a network does.
            let _ = self.socket.send_to(&bytes, to);
        }
    }
}

fn mid_of(text: &str) -> Mid {
    Mid::new(text).expect("the engine writes good mids")
}

const SEED: u64 = 51;

/// Time for the worker to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// As a room has them by default.
const MAX_VOICES: usize = 12;

/// Time for one participant to connect on a busy machine.
const CONNECT: Duration = Duration::from_secs(30);
