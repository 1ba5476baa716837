//! A participant written with the crate `webrtc`: its own sockets, its own threads of execution,
//! and an engine that shares no code with the server's packet path.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use protocol::{ParticipantId, TrackId, TrackSource};
use rtc::interceptor::Registry;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::RTCConfigurationBuilder;
use rtc::peer_connection::configuration::interceptor_registry::register_default_interceptors;
use rtc::peer_connection::configuration::media_engine::MediaEngine;
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RTCRtpRtxParameters,
    RtpCodecKind,
};
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use serde_json::{Value, json};
use tests::{Content, Place, Section};
use tokio::sync::watch;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState,
    RTCPeerConnectionState,
};

use crate::server::Room;
use crate::session::{PATIENCE, Session, in_time};

/// Contents that arrived, by the sequence number they had on the slot.
pub(crate) type Arrived = BTreeMap<TrackId, BTreeMap<u16, Content>>;

/// One participant in a real room.
pub(crate) struct Participant {
    pub(crate) id: ParticipantId,
    /// `joined`, as it came.
    pub(crate) joined: Value,
    /// What the answer says of the relay.
    pub(crate) relay: Value,
    session: Session,
    connection: Arc<dyn PeerConnection>,
    microphone: Arc<TrackLocalStaticRTP>,
    camera: Arc<TrackLocalStaticRTP>,
    watcher: Arc<Watcher>,
    slots: Vec<Section>,
    /// Number of the next frame to send; numbers on the wire follow from it and never repeat.
    next_frame: u32,
}

/// Everything the engine reports.
struct Watcher {
    gathered: watch::Sender<bool>,
    state: watch::Sender<RTCPeerConnectionState>,
    arrived: Arc<Mutex<Arrived>>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Watcher {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        self.gathered.send_replace(state == RTCIceGatheringState::Complete);
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.state.send_replace(state);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let arrived = self.arrived.clone();
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                let TrackRemoteEvent::OnRtpPacket(packet) = event else { continue };
                // Padding alone carries nothing.
                let Some(content) = Content::from_opus(&packet.payload)
                    .or_else(|| Content::from_vp8(&packet.payload).map(|(content, _)| content))
                else {
                    continue;
                };
                let mut arrived = arrived.lock().expect("nobody panics with the lock");
                let on_slot = arrived.entry(content.track).or_default();
                on_slot.insert(packet.header.sequence_number, content);
            }
        });
    }
}

impl Participant {
    /// Joins, negotiates and connects. `relay` stands in for the server's media address.
    pub(crate) async fn join(
        http: SocketAddr,
        room: &Room,
        proof: &str,
        name: &str,
        relay: Option<SocketAddr>,
    ) -> Self {
        let (session, joined) = Session::join(http, room, proof, Some(name), None).await;
        let id = joined["participant"].as_str().and_then(|text| text.parse().ok());
        let id: ParticipantId = id.expect("an id came");
        let watcher = Arc::new(Watcher {
            gathered: watch::Sender::new(false),
            state: watch::Sender::new(RTCPeerConnectionState::New),
            arrived: Arc::default(),
        });
        let mut engine = MediaEngine::default();
        engine.register_default_codecs().expect("the engine is empty");
        let registry = register_default_interceptors(Registry::new(), &mut engine);
        let connection = PeerConnectionBuilder::new()
            .with_configuration(RTCConfigurationBuilder::new().build())
            .with_media_engine(engine)
            .with_interceptor_registry(registry.expect("ids are free"))
            .with_handler(watcher.clone())
            .with_udp_addrs(vec!["127.0.0.1:0"])
            .build()
            .await;
        let connection: Arc<dyn PeerConnection> =
            Arc::new(connection.expect("the engine can be built"));
        let [microphone, camera] =
            [TrackSource::Microphone, TrackSource::Camera].map(|source| track(source, id));
        for track in [&microphone, &camera] {
            let init = RTCRtpTransceiverInit {
                direction: RTCRtpTransceiverDirection::Sendonly,
                streams: vec![],
                send_encodings: vec![],
            };
            let track = track.clone() as Arc<dyn TrackLocal>;
            let added = connection.add_transceiver_from_track(track, Some(init)).await;
            added.expect("a sending section can be added");
        }
        for kind in [RtpCodecKind::Audio, RtpCodecKind::Video] {
            let added = connection.add_transceiver_from_kind(kind, None).await;
            added.expect("a slot can be added");
        }
        let offer = connection.create_offer(None).await.expect("an offer can be made");
        connection.set_local_description(offer).await.expect("the own offer is good");
        let mut gathered = watcher.gathered.subscribe();
        in_time(gathered.wait_for(|done| *done)).await.expect("the watcher lives");
        let offer = connection.local_description().await.expect("it was set").sdp;
        let sections = Section::all(&offer);
        let mut participant = Self {
            id,
            joined,
            relay: Value::Null,
            session,
            connection,
            microphone,
            camera,
            watcher,
            slots: sections[2..].to_vec(),
            next_frame: 0,
        };
        let publish = json!([
            { "mid": sections[0].mid, "source": "microphone" },
            { "mid": sections[1].mid, "source": "camera" },
        ]);
        let offer = json!({ "type": "offer", "sdp": offer, "publish": publish });
        let answer = participant.ask(offer, "answer").await;
        participant.relay = answer["relay"].clone();
        let mut answer = answer["sdp"].as_str().expect("an answer has a description").to_owned();
        if let Some(relay) = relay {
            answer = at_relay(&answer, relay);
        }
        let answer = RTCSessionDescription::answer(answer).expect("the answer parses");
        let applied = participant.connection.set_remote_description(answer).await;
        applied.expect("the answer is good");
        let mut state = participant.watcher.state.subscribe();
        let connected =
            |state: &RTCPeerConnectionState| *state == RTCPeerConnectionState::Connected;
        in_time(state.wait_for(connected)).await.expect("the watcher lives");
        participant
    }

    /// Says that microphone and camera are on.
    pub(crate) async fn publish(&mut self) {
        for source in ["microphone", "camera"] {
            let request = json!({ "type": "set_publishing", "source": source, "active": true });
            self.ask(request, "done").await;
        }
    }

    /// Puts another participant's microphone and camera on the two slots, once they are on.
    pub(crate) async fn subscribe(&mut self, other: ParticipantId) {
        let track = |source: &str| json!({ "participant": other.expose_text(), "source": source });
        let slot = |mid: &str, source| json!({ "mid": mid, "track": track(source) });
        let slots =
            json!([slot(&self.slots[0].mid, "microphone"), slot(&self.slots[1].mid, "camera"),]);
        self.ask(json!({ "type": "subscribe", "slots": slots }), "done").await;
    }

    /// Sends `frames` frames of 40 ms: two packets of sound and `parts` of picture each. Every
    /// fifth picture is a key frame, so that no subscriber waits long.
    pub(crate) async fn send(&mut self, frames: u32, parts: u8) {
        let mut tick = tokio::time::interval(Duration::from_millis(40));
        for _ in 0..frames {
            tick.tick().await;
            let frame = self.next_frame;
            self.next_frame += 1;
            for sound in frame * 2..frame * 2 + 2 {
                let content = self.content(TrackSource::Microphone, sound, 0, 1);
                let header = rtp::Header {
                    payload_type: 111,
                    sequence_number: sound as u16,
                    timestamp: sound * 960,
                    ..rtp::Header::default()
                };
                self.write(content, header, content.opus_payload(80)).await;
            }
            for part in 0..parts {
                let content = self.content(TrackSource::Camera, frame, part, parts);
                let header = rtp::Header {
                    marker: part + 1 == parts,
                    payload_type: 96,
                    sequence_number: (frame * u32::from(parts) + u32::from(part)) as u16,
                    timestamp: frame * 3_600,
                    ..rtp::Header::default()
                };
                self.write(
                    content,
                    header,
                    content.vp8_payload(frame as u16, Place::of(frame), 800),
                )
                .await;
            }
        }
    }

    async fn write(&self, content: Content, header: rtp::Header, payload: Vec<u8>) {
        let source = content.track.source;
        let header = rtp::Header { version: 2, ssrc: stream(source, self.id), ..header };
        let track = if source.is_video() { &self.camera } else { &self.microphone };
        let sent = track.write_rtp(rtp::Packet { header, payload: payload.into() }).await;
        sent.expect("a connected participant can send");
    }

    /// What arrived of a track so far.
    pub(crate) fn arrived(
        &self,
        participant: ParticipantId,
        source: TrackSource,
    ) -> Vec<(u16, Content)> {
        let arrived = self.watcher.arrived.lock().expect("nobody panics with the lock");
        let track = TrackId { participant, source };
        arrived.get(&track).into_iter().flatten().map(|(number, c)| (*number, *c)).collect()
    }

    /// Tracks of which something arrived.
    pub(crate) fn tracks(&self) -> Vec<TrackId> {
        self.watcher.arrived.lock().expect("nobody panics with the lock").keys().copied().collect()
    }

    /// Waits for a message of this type; others before it are dropped.
    pub(crate) async fn hear(&mut self, kind: &str) -> Value {
        self.session.hear(kind).await
    }

    /// Sends a request and waits for its answer.
    pub(crate) async fn ask(&mut self, request: Value, answer: &str) -> Value {
        self.session.ask(request, answer).await
    }

    /// Ends the WebSocket without a word, as a lost network does.
    pub(crate) async fn cut_session(&mut self) {
        self.session.end().await;
    }

    /// Comes back on a new WebSocket; gives its `joined`.
    pub(crate) async fn resume(&mut self, http: SocketAddr, room: &Room, proof: &str) -> Value {
        let token = Some(&self.joined["resume"]);
        let (session, joined) = Session::join(http, room, proof, None, token).await;
        (self.session, self.joined) = (session, joined.clone());
        joined
    }

    /// Leaves for good.
    pub(crate) async fn leave(self) {
        self.session.leave().await;
        self.connection.close().await.expect("a connection can be closed");
    }

    const fn content(&self, source: TrackSource, frame: u32, part: u8, parts: u8) -> Content {
        let track = TrackId { participant: self.id, source };
        Content { track, layer: 0, frame, part, parts, is_key: frame.is_multiple_of(5) }
    }
}

/// Waits until something is so; the time is only there to end a test that would hang.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        tick.tick().await;
    }
}

/// A track with one encoding and, for pictures, a stream for retransmissions.
fn track(source: TrackSource, id: ParticipantId) -> Arc<TrackLocalStaticRTP> {
    let (kind, mime_type, clock_rate, channels) = if source.is_video() {
        (RtpCodecKind::Video, "video/VP8", 90_000, 0)
    } else {
        (RtpCodecKind::Audio, "audio/opus", 48_000, 2)
    };
    let ssrc = stream(source, id);
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            ssrc: Some(ssrc),
            rtx: source.is_video().then_some(RTCRtpRtxParameters { ssrc: ssrc + 1 }),
            ..RTCRtpCodingParameters::default()
        },
        active: true,
        codec: RTCRtpCodec {
            mime_type: mime_type.to_owned(),
            clock_rate,
            channels,
            ..RTCRtpCodec::default()
        },
        ..RTCRtpEncodingParameters::default()
    };
    let name = format!("{source:?}");
    let track = MediaStreamTrack::new(name.clone(), name.clone(), name, kind, vec![encoding]);
    Arc::new(TrackLocalStaticRTP::new(track))
}

/// A stream number that no other source of the test has.
fn stream(source: TrackSource, id: ParticipantId) -> u32 {
    let [a, b, c, ..] = *id.as_bytes();
    u32::from_be_bytes([a, b, c, if source.is_video() { 0x40 } else { 0x20 }])
}

/// The same answer with another place to send media to.
fn at_relay(answer: &str, relay: SocketAddr) -> String {
    let is_tcp = |line: &&str| line.starts_with("a=candidate:") && line.contains(" tcp ");
    let lines = answer.lines().filter(|line| !is_tcp(line)).map(|line| {
        let Some(candidate) = line.strip_prefix("a=candidate:") else { return line.to_owned() };
        let mut words: Vec<String> = candidate.split(' ').map(str::to_owned).collect();
        // RFC 8839 section 5.1: foundation, component, transport, priority, address, port.
        words[4] = relay.ip().to_string();
        words[5] = relay.port().to_string();
        format!("a=candidate:{}", words.join(" "))
    });
    lines.map(|line| line + "\r\n").collect()
}
