//! A participant on the crate `webrtc`: another implementation of ICE, DTLS, SRTP, repair and
//! feedback, so that what the light ones and the server might both get wrong is seen. It costs the
//! generator many times as much.

mod engine;
mod hearing;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::rtp;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::PeerConnection;

use self::hearing::{Shared, Watcher};
use super::{Command, State};
use crate::e2ee::Shield;
use crate::measure::Meter;
use crate::media::Media;
use crate::participant::send::{Outgoing, Sender};
use crate::rtp::ExtensionIds;
use crate::sdp::{Remote, send_specs};
use crate::target::{SendSpec, TargetError, Wish};

/// A connection, from its offer on.
pub(crate) struct Connection {
    connection: Arc<dyn PeerConnection>,
    sends: Vec<SendSpec>,
    tracks: Vec<Arc<TrackLocalStaticRTP>>,
    offer: String,
    meter: Meter,
    media: Arc<Media>,
    seed: u64,
    shield: Option<Shield>,
    ids: watch::Sender<ExtensionIds>,
    state: watch::Receiver<State>,
    commands: mpsc::Sender<Command>,
    commanded: Option<mpsc::Receiver<Command>>,
    task: Option<JoinHandle<()>>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("sends", &self.sends).finish_non_exhaustive()
    }
}

impl Connection {
    /// Opens a socket and writes an offer.
    pub(crate) async fn offer(wish: &Wish, media: Arc<Media>) -> Result<Self, TargetError> {
        let (state_told, state) = watch::channel(State::Connecting);
        let (commands, commanded) = mpsc::channel(MAX_COMMANDS);
        let (gathered_told, mut gathered) = watch::channel(false);
        let (ids, ids_told) = watch::channel(ExtensionIds::default());
        let watcher = Watcher {
            gathered: gathered_told,
            state: state_told,
            shared: Shared {
                meter: wish.meter().clone(),
                ids: ids_told,
                listens: true,
                shield: wish.shield.clone(),
            },
        };
        // Without an address of its own it takes any of this machine's.
        let from = wish.from.unwrap_or([0, 0, 0, 0].into());
        let address = SocketAddr::new(from, 0);
        let connection = engine::connection(watcher, commands.clone(), address).await?;
        let mut random = StdRng::seed_from_u64(wish.seed);
        let mut sends = send_specs(&wish.sends, &mut random);
        let mut tracks = Vec::new();
        for send in &sends {
            tracks.push(engine::add_sender(connection.as_ref(), send).await?);
        }
        engine::add_slots(connection.as_ref(), wish.sound_slots, wish.picture_slots).await?;
        let offer = connection.create_offer(None).await.map_err(engine::failed)?;
        connection.set_local_description(offer).await.map_err(engine::failed)?;
        // What it has not found by then it offers without.
        let _ = timeout(GATHERING, gathered.wait_for(|gathered| *gathered)).await;
        let offer = connection.local_description().await.map(|offer| offer.sdp);
        let read = offer.as_deref().and_then(Remote::parse);
        let (Some(offer), Some(read)) = (offer, read) else {
            return Err(engine::failed("no offer"));
        };
        for (send, section) in sends.iter_mut().zip(&read.sections) {
            send.mid.clone_from(&section.mid);
        }
        Ok(Self {
            connection,
            sends,
            tracks,
            offer,
            meter: wish.meter().clone(),
            media,
            seed: wish.seed,
            shield: wish.shield.clone(),
            ids,
            state,
            commands,
            commanded: Some(commanded),
            task: None,
        })
    }

    /// Its offer, and what it sends on which section.
    pub(crate) fn offered(&self) -> (&str, &[SendSpec]) {
        (&self.offer, &self.sends)
    }

    /// Takes the server's answer and begins to check.
    pub(crate) async fn accept(&mut self, answer: String) -> Result<(), TargetError> {
        let broken = || TargetError::Answer("an offer", "no usable description".to_owned());
        let remote = Remote::parse(&answer).ok_or_else(broken)?;
        self.ids.send_replace(remote.ids);
        let answer = RTCSessionDescription::answer(answer).map_err(|_| broken())?;
        self.connection.set_remote_description(answer).await.map_err(|_| broken())?;
        let mut random = StdRng::seed_from_u64(!self.seed);
        let media = Arc::clone(&self.media);
        let mut sender = Sender::new(Instant::now(), &self.sends, media, &mut random);
        sender.set_shield(self.shield.clone());
        let running = Running {
            sender,
            ids: remote.ids,
            tracks: self.tracks.clone(),
            meter: self.meter.clone(),
            random,
            is_started: false,
        };
        if let Some(commanded) = self.commanded.take() {
            self.task = Some(tokio::spawn(running.run(commanded)));
        }
        Ok(())
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
        if let Some(task) = self.task {
            let _ = task.await;
        }
        let _ = timeout(GATHERING, self.connection.close()).await;
    }
}

/// The sending side.
struct Running {
    sender: Sender,
    ids: ExtensionIds,
    tracks: Vec<Arc<TrackLocalStaticRTP>>,
    meter: Meter,
    random: StdRng,
    is_started: bool,
}

impl Running {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut packets = Vec::new();
        loop {
            let next = self.sender.poll_timeout().filter(|_| self.is_started);
            let next = next.unwrap_or_else(|| Instant::now() + IDLE);
            tokio::select! {
                () = tokio::time::sleep_until(next.into()) => {}
                command = commands.recv() => match command {
                    Some(Command::Start) => {
                        self.sender.start(Instant::now(), &mut self.random);
                        self.is_started = true;
                    }
                    Some(Command::Layers(source, rids)) => self.sender.set_layers(source, &rids),
                    Some(Command::KeyFrame(ssrc)) => {
                        self.sender.request_key_frame(ssrc, &mut self.meter.lock());
                    }
                    // Its slots never become more, and its path is its own affair.
                    Some(Command::Slots(_) | Command::Path(..) | Command::Rebind) => {}
                    Some(Command::Close) | None => return,
                },
            }
            if self.is_started {
                let now = Instant::now();
                self.sender.handle_timeout(now, &mut self.meter.lock());
                let ids = self.ids;
                self.sender.flush(now, |packet| {
                    packets.push((packet.publication, rtp_packet(packet, &ids)));
                });
            }
            for (publication, packet) in packets.drain(..) {
                {
                    let mut measured = self.meter.lock();
                    measured.packets_sent += 1;
                    measured.bytes_sent += (packet.payload.len() + OVERHEAD) as u64;
                }
                // What cannot be sent is lost, as on any network, and counted by the receivers.
                let _ = self.tracks[publication].write_rtp(packet).await;
            }
        }
    }
}

fn rtp_packet(packet: &Outgoing<'_>, ids: &ExtensionIds) -> rtp::Packet {
    let mut header = rtp::Header {
        version: 2,
        marker: packet.header.marker,
        payload_type: packet.header.payload_type,
        sequence_number: packet.header.sequence,
        timestamp: packet.header.timestamp,
        ssrc: packet.header.ssrc,
        ..rtp::Header::default()
    };
    for (id, value) in packet.extensions(ids) {
        if id != 0 && !value.is_empty() {
            // One-byte ids and short values always fit.
            let _ = header.set_extension(id, Bytes::copy_from_slice(value));
        }
    }
    rtp::Packet { header, payload: Bytes::copy_from_slice(packet.payload) }
}

/// Gathering its own addresses and closing take no longer on a machine that works.
const GATHERING: Duration = Duration::from_secs(3);

/// With nothing to send it looks up all the same.
const IDLE: Duration = Duration::from_secs(1);

/// Commands that wait at most; there is one for each change of the room and each key frame asked.
const MAX_COMMANDS: usize = 256;

/// Bytes of a packet besides its payload: header, extensions, tag.
pub(super) const OVERHEAD: usize = 44;
