//! A browser without a screen: real ICE, DTLS, SRTP and SDP from an engine that is not ours, and
//! synthetic media. It follows the same contract as the web client: one connection, the browser
//! always offers, sources send on their own sections, slots only receive.

mod description;
mod ear;
mod engine;
mod publication;
mod sealing;
mod shape;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use bytes::BytesMut;
use protocol::{ParticipantId, TrackSource};
use rtc::peer_connection::RTCPeerConnection;
use rtc::peer_connection::event::RTCPeerConnectionEvent;
use rtc::peer_connection::message::{RTCMessage, TaggedRTCMessage};
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::peer_connection::state::RTCPeerConnectionState;
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;
use rtc::rtp_transceiver::RTCRtpSenderId;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use rtc::sansio::Protocol;
use rtc::shared::{TaggedBytesMut, TransportContext, TransportProtocol};
use rtc::{rtcp, rtp};
use sfu_core::Frames;
use sfu_core::codec::CodecKind;

pub use self::description::Section;
use self::ear::{Ear, Heard};
use self::engine::{add_sender, connection};
use self::publication::{Agreed, DEPENDENCY, Publication};
pub use self::sealing::Fingerprint;
use self::sealing::{DEPENDENCY_ID, Sealing};
use crate::content::Content;
use crate::random::Random;

/// One packet that arrived on a slot.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// When.
    pub at: Instant,
    /// Sequence number on the slot, also of packets that were sent again.
    pub sequence: u16,
    /// RTP time on the slot.
    pub timestamp: u32,
    /// Marker bit.
    pub marker: bool,
    /// True when earlier sound came along (RED).
    pub redundant: bool,
    /// Temporal layer, of pictures.
    pub temporal: Option<u8>,
    /// True when it came by retransmission.
    pub repaired: bool,
    /// What it says of itself.
    pub content: Content,
    /// Picture id, of pictures.
    pub picture_id: Option<u16>,
    /// Of an encrypted room: what nobody may have changed.
    pub fingerprint: Option<Fingerprint>,
    /// Of raw pictures: number of the frame on the slot.
    pub frame_number: Option<u16>,
}

/// One section that only receives.
#[derive(Debug, Default)]
pub struct ReceiveSlot {
    /// True for pictures.
    pub is_video: bool,
    /// The stream the answer announced.
    pub ssrc: u32,
    /// Its retransmissions.
    pub repair_ssrc: Option<u32>,
    /// The group of streams to keep in step, and the track's name (`a=msid`).
    pub msid: Option<String>,
    /// Everything that arrived, in order of arrival.
    pub received: Vec<Received>,
    /// Numbers that arrived with nothing but padding.
    pub fillers: Vec<u16>,
    /// Sender reports heard.
    pub sender_reports: usize,
}

/// See the module's description.
pub struct Browser {
    /// Who it is.
    pub participant: ParticipantId,
    /// Where the server sees it.
    pub address: SocketAddr,
    /// Slots by mid, in section order within each kind.
    pub slots: BTreeMap<String, ReceiveSlot>,
    /// Streams that no answer announced.
    pub strays: BTreeSet<u32>,
    /// The last answer, as it came.
    pub answer: String,
    /// Transport-wide feedback packets heard.
    pub feedback_packets: usize,
    /// Times a connection was reported.
    pub connections: usize,
    /// What the engine thinks of the connection.
    pub state: RTCPeerConnectionState,
    connection: RTCPeerConnection,
    local: SocketAddr,
    ear: Ear,
    random: Random,
    start: Instant,
    sections: Vec<Role>,
    speaks_redundantly: bool,
    plays_no_vp8: bool,
    sealing: Option<Sealing>,
    publications: Vec<(RTCRtpSenderId, Publication)>,
    outgoing: VecDeque<(SocketAddr, Vec<u8>)>,
}

/// Payload type under which this browser offers redundant sound.
const RED: u8 = 63;

/// The own frame of redundant sound with one earlier frame or none (RFC 2198 section 3).
fn sound_of(payload: &[u8]) -> &[u8] {
    if payload[0] & 0x80 == 0 {
        return &payload[1..];
    }
    let repeated = usize::from(u16::from_be_bytes([payload[2] & 0x03, payload[3]]));
    &payload[5 + repeated..]
}

/// What one media section of the offer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Publish(TrackSource),
    Slot { is_video: bool },
}

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Browser").field("participant", &self.participant).finish_non_exhaustive()
    }
}

impl Browser {
    /// A fresh page at `address` with microphone and camera sections and `slots` slots of each
    /// kind. Nothing is sent until an offer was answered and a source is turned on.
    pub fn new(
        now: Instant,
        participant: ParticipantId,
        address: SocketAddr,
        slots: usize,
        mut random: Random,
    ) -> Self {
        let ear = Ear::default();
        let mut connection = connection(now, ear.clone(), address);
        let mut sections = Vec::new();
        let mut publications = Vec::new();
        for source in [TrackSource::Microphone, TrackSource::Camera] {
            let publication = Publication::new(participant, source, now, &mut random);
            publications.push((add_sender(&mut connection, &publication), publication));
            sections.push(Role::Publish(source));
        }
        let mut browser = Self {
            participant,
            address,
            slots: BTreeMap::new(),
            strays: BTreeSet::new(),
            answer: String::new(),
            feedback_packets: 0,
            connections: 0,
            state: RTCPeerConnectionState::New,
            connection,
            local: address,
            ear,
            random,
            start: now,
            sections,
            speaks_redundantly: false,
            plays_no_vp8: false,
            sealing: None,
            publications,
            outgoing: VecDeque::new(),
        };
        browser.add_slots(slots);
        browser
    }

    /// Adds `count` slots of each kind to the next offer.
    pub fn add_slots(&mut self, count: usize) {
        for is_video in (0..count).flat_map(|_| [false, true]) {
            let kind = if is_video { RtpCodecKind::Video } else { RtpCodecKind::Audio };
            let added = self.connection.add_transceiver_from_kind(kind, None);
            added.expect("a section that receives can be added");
            self.sections.push(Role::Slot { is_video });
        }
    }

    /// Adds a section for `source` to the next offer.
    pub fn add_source(&mut self, source: TrackSource) {
        let mut publication =
            Publication::new(self.participant, source, self.start, &mut self.random);
        let sender = add_sender(&mut self.connection, &publication);
        publication.sealing.clone_from(&self.sealing);
        self.publications.push((sender, publication));
        self.sections.push(Role::Publish(source));
    }

    /// Offers redundant sound (RED) from the next offer on; the engine knows nothing of it.
    pub fn speak_redundantly(&mut self) {
        self.speaks_redundantly = true;
    }

    /// Offers AV1 in place of VP8 from the next offer on, which nobody here sends.
    pub fn play_no_vp8(&mut self) {
        self.plays_no_vp8 = true;
    }

    /// Encrypts what it sends from now on; pictures go out in this codec, VP8 or VP9.
    pub fn encrypt(&mut self, frames: Frames, codec: CodecKind) {
        self.sealing = Some(Sealing::new(frames, codec));
        for (_, publication) in &mut self.publications {
            publication.sealing.clone_from(&self.sealing);
        }
    }

    /// Goes on with the keys of another epoch.
    pub fn set_epoch(&mut self, epoch: u8) {
        for sealing in self.publications.iter_mut().filter_map(|(_, it)| it.sealing.as_mut()) {
            sealing.epoch = epoch;
        }
    }

    /// Sends in clear, which no page does in such a room.
    pub fn set_in_clear(&mut self, source: TrackSource, in_clear: bool) {
        if let Some(sealing) = &mut self.publication_mut(source).sealing {
            sealing.in_clear = in_clear;
        }
    }

    /// The epoch in which a packet of an encrypted source was sent, and what nobody may change of it.
    pub fn sealed(&self, content: &Content) -> Option<(u8, Fingerprint)> {
        let sealing = self.publication(content.track.source).sealing.as_ref()?;
        sealing.sent.get(content).copied()
    }

    /// Asks for other ICE credentials in the next offer.
    pub fn restart_ice(&mut self) {
        self.connection.restart_ice();
    }

    /// The next offer, and which of its sections carry which source.
    pub fn offer(&mut self, now: Instant) -> (String, Vec<(String, TrackSource)>) {
        let offer = self.connection.create_offer(None).expect("an offer can be made");
        let mut sdp = offer.sdp.clone();
        if self.plays_no_vp8 {
            sdp = sdp.replace("VP8/90000", "AV1/90000");
        }
        self.connection.set_local_description(now, offer).expect("the own offer is good");
        let mut published = Vec::new();
        let described = Section::all(&sdp);
        assert_eq!(described.len(), self.sections.len(), "one section for each role\n{sdp}");
        for (section, role) in described.into_iter().zip(&self.sections) {
            match role {
                Role::Publish(source) => {
                    let publication = self.publications.iter_mut().find(|p| p.1.source == *source);
                    let (_, publication) = publication.expect("each sending role has a source");
                    publication.mid.clone_from(&section.mid);
                    published.push((section.mid, *source));
                }
                Role::Slot { is_video } => {
                    self.slots.entry(section.mid).or_default().is_video = *is_video;
                }
            }
        }
        if let Some(sealing) = &self.sealing {
            sdp = sealing.offer(&sdp);
        }
        if self.speaks_redundantly {
            let opus = "a=rtpmap:111 opus/48000/2";
            let red = format!("{opus}\r\na=rtpmap:{RED} red/48000/2\r\na=fmtp:{RED} 111/111");
            return (sdp.replace(opus, &red), published);
        }
        (sdp, published)
    }

    /// Applies the answer to the last offer.
    pub fn handle_answer(&mut self, now: Instant, sdp: &str) {
        sdp.clone_into(&mut self.answer);
        let sdp = sdp.replace("AV1/90000", "VP8/90000");
        let sdp = &self.sealing.as_ref().map_or(sdp.clone(), |sealing| sealing.answer(&sdp));
        for section in Section::all(sdp) {
            if let Some(slot) = self.slots.get_mut(&section.mid) {
                slot.ssrc = section.ssrcs.first().copied().unwrap_or(0);
                slot.repair_ssrc = section.repair.map(|(_, repair)| repair);
                if let Some(repair) = slot.repair_ssrc {
                    self.ear.expect_repairs(repair, slot.ssrc);
                }
                slot.msid = section.msid;
            }
        }
        let red = format!(":{RED} ");
        let known: Vec<&str> = sdp.lines().filter(|line| !line.contains(&red)).collect();
        let known = known.join("\r\n").replace(&format!("SAVPF {RED} "), "SAVPF ") + "\r\n";
        let answer = RTCSessionDescription::answer(known).expect("the answer parses");
        let applied = self.connection.set_remote_description(now, answer);
        applied.unwrap_or_else(|error| panic!("the answer is refused: {error}\n{sdp}"));
        for (sender, publication) in &mut self.publications {
            let mut sender = self.connection.rtp_sender(*sender).expect("the sender stays");
            let parameters = &sender.get_parameters().rtp_parameters;
            let answered = Section::all(sdp).into_iter().find(|one| one.mid == publication.mid);
            let mut agreed = Agreed::default();
            if answered.is_some_and(|section| section.has("a=ptime:60".trim_start_matches("a="))) {
                agreed.sound = Some((60, 16_000));
            }
            let is_agreed = sdp.contains(&format!("m=audio 9 UDP/TLS/RTP/SAVPF {RED} "));
            agreed.redundant = (self.speaks_redundantly && is_agreed).then_some(RED);
            for extension in &parameters.header_extensions {
                agreed.extensions.insert(extension.uri.clone(), extension.id as u8);
            }
            if let Some(codec) = parameters.codecs.first() {
                agreed.payload_type = codec.payload_type;
                let apt = format!("apt={}", codec.payload_type);
                let repair = parameters.codecs.iter().find(|c| c.rtp_codec.sdp_fmtp_line == apt);
                agreed.repair_payload_type = repair.map(|codec| codec.payload_type);
            }
            if self.answer.contains(DEPENDENCY) {
                agreed.extensions.insert(DEPENDENCY.to_owned(), DEPENDENCY_ID);
            }
            publication.agreed = agreed;
        }
    }

    /// True when ICE and DTLS are done.
    pub fn is_connected(&self) -> bool {
        self.state == RTCPeerConnectionState::Connected
    }

    /// Starts or stops sending packets of a source. Says nothing to the server.
    pub fn set_sending(&mut self, now: Instant, source: TrackSource, sending: bool) {
        self.publication_mut(source).set_sending(now, sending);
    }

    /// Starts or stops sending one layer of the camera (0 is the largest).
    pub fn set_layer_sent(&mut self, layer: usize, is_sent: bool) {
        self.publication_mut(TrackSource::Camera).layers[layer].is_sent = is_sent;
    }

    /// Sends only those layers of a source that somebody watches.
    pub fn set_layers_wanted(&mut self, source: TrackSource, rids: &[String]) {
        self.publication_mut(source).set_wanted(rids);
    }

    /// Sets the loudness written on the packets of the microphone, in decibels below full scale.
    pub fn set_level(&mut self, level: u8) {
        self.publication_mut(TrackSource::Microphone).level = level;
    }

    /// Everything sent of a source so far, with the time; retransmissions left out.
    pub fn sent(&self, source: TrackSource) -> &[(Instant, Content)] {
        &self.publication(source).sent
    }

    /// Key frame requests that arrived for a source: when and for which layer.
    pub fn key_frame_requests(&self, source: TrackSource) -> &[(Instant, usize)] {
        &self.publication(source).key_frame_requests
    }

    /// Packets of a source that were sent again because the server asked for them.
    pub fn repaired(&self, source: TrackSource) -> usize {
        self.publication(source).repaired
    }

    /// Mids of the slots of one kind, in section order.
    pub fn slot_mids(&self, is_video: bool) -> Vec<String> {
        let mut mids: Vec<&String> = self
            .slots
            .iter()
            .filter(|(_, slot)| slot.is_video == is_video)
            .map(|(mid, _)| mid)
            .collect();
        mids.sort_by_key(|mid| (mid.len(), *mid));
        mids.into_iter().cloned().collect()
    }

    /// What arrived on a slot.
    pub fn received(&self, mid: &str) -> &[Received] {
        self.slots.get(mid).map_or(&[], |slot| &slot.received)
    }

    /// Sends reports of any content, sealed as the browser's own.
    pub fn send_reports(&mut self, now: Instant, packets: Vec<Box<dyn rtcp::Packet>>) {
        let message = RTCMessage::RtcpPacket(String::new(), packets);
        let sent = self.connection.handle_write(TaggedRTCMessage { now, message });
        sent.expect("a connected browser can send");
        self.drain(now);
    }

    /// Sends packets of any content, sealed as the browser's own.
    pub fn send_packets(&mut self, now: Instant, packets: Vec<rtp::Packet>) {
        self.send(now, packets);
    }

    /// The stream and the payload type of a source's first layer.
    pub fn stream(&self, source: TrackSource) -> (u32, u8) {
        let publication = self.publication(source);
        (publication.layers[0].ssrc, publication.agreed.payload_type)
    }

    /// Ends the connection as a closed page does.
    pub fn close(&mut self, now: Instant) {
        self.connection.close().expect("a connection can be closed");
        self.drain(now);
    }

    /// Takes one datagram from the server.
    pub fn handle_datagram(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        let message = TaggedBytesMut {
            now,
            transport: TransportContext {
                local_addr: self.local,
                peer_addr: from,
                transport_protocol: TransportProtocol::UDP,
                ecn: None,
            },
            message: BytesMut::from(bytes),
        };
        self.connection.handle_read(message).expect("arriving bytes are no fault");
        self.drain(now);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.connection.poll_timeout().is_some_and(|at| at <= now) {
            self.connection.handle_timeout(now).expect("time is no fault");
        }
        if self.is_connected() {
            let mut packets = Vec::new();
            for (_, publication) in &mut self.publications {
                packets.extend(publication.frame(now));
            }
            self.send(now, packets);
        }
        self.drain(now);
    }

    /// When to call [`Browser::handle_timeout`].
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        let is_connected = self.is_connected();
        let frames = self
            .publications
            .iter()
            .filter_map(|(_, publication)| publication.next_frame().filter(|_| is_connected));
        frames.chain(self.connection.poll_timeout()).min()
    }

    /// The next datagram to send, and where to.
    pub fn poll_output(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        self.outgoing.pop_front()
    }

    fn drain(&mut self, now: Instant) {
        while let Some(event) = self.connection.poll_event() {
            if let RTCPeerConnectionEvent::OnConnectionStateChangeEvent(state) = event {
                self.state = state;
                self.connections += usize::from(state == RTCPeerConnectionState::Connected);
            }
        }
        while self.connection.poll_read().is_some() {}
        while let Some(heard) = self.ear.poll() {
            match heard {
                Heard::Rtp(packet) => self.hear_packet(now, &packet),
                Heard::Rtcp(packets) => {
                    for packet in packets {
                        self.hear_report(now, packet.as_ref());
                    }
                }
            }
        }
        while let Some(message) = self.connection.poll_write() {
            self.outgoing.push_back((message.transport.peer_addr, message.message.to_vec()));
        }
    }

    fn hear_packet(&mut self, now: Instant, packet: &rtp::Packet) {
        let ssrc = packet.header.ssrc;
        let mut slots = self.slots.values_mut();
        let slot = slots.find(|slot| slot.ssrc == ssrc || slot.repair_ssrc == Some(ssrc));
        let Some(slot) = slot else {
            self.strays.insert(ssrc);
            return;
        };
        let repaired = slot.ssrc != ssrc;
        let (sequence, payload) = if repaired {
            // RFC 4588 section 4: the original sequence number, then the original payload.
            // Padding alone is a probe.
            let Some((original, payload)) = packet.payload.split_first_chunk::<2>() else { return };
            (u16::from_be_bytes(*original), payload)
        } else {
            (packet.header.sequence_number, &packet.payload[..])
        };
        if payload.is_empty() {
            slot.fillers.push(sequence);
            return;
        }
        let redundant = packet.header.payload_type == RED;
        let own = if redundant { sound_of(payload) } else { payload };
        let is_video = slot.is_video;
        let mut fingerprint = None;
        let mut frame_number = None;
        let (content, picture_id) = if let Some(sealing) = &self.sealing {
            let descriptor = packet.header.get_extension(DEPENDENCY_ID);
            let content = Content::find(payload).expect("a packet of ours");
            let (source, descriptor) = (content.track.source, descriptor.as_deref());
            fingerprint = Some(Fingerprint::of(sealing.codec, source, payload, descriptor));
            frame_number = descriptor.map(|it| u16::from_be_bytes([it[1], it[2]]));
            let at = if sealing.codec == CodecKind::Vp9 { 1 } else { 2 };
            let is_told = is_video && descriptor.is_none();
            let id = is_told.then(|| u16::from_be_bytes([payload[at] & 0x7f, payload[at + 1]]));
            (content, id)
        } else if is_video {
            let (content, picture_id) = Content::from_vp8(payload).expect("a picture of ours");
            (content, Some(picture_id))
        } else {
            (Content::from_opus(own).expect("a sound of ours"), None)
        };
        slot.received.push(Received {
            at: now,
            sequence,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            redundant,
            temporal: (is_video && self.sealing.is_none()).then(|| payload[5] >> 6),
            repaired,
            content,
            picture_id,
            fingerprint,
            frame_number,
        });
    }

    fn hear_report(&mut self, now: Instant, packet: &dyn rtcp::Packet) {
        let any = packet.as_any();
        if let Some(nack) = any.downcast_ref::<TransportLayerNack>() {
            let lost: Vec<u16> = nack.nacks.iter().flat_map(|pair| pair.packet_list()).collect();
            let publications = self.publications.iter_mut();
            let again = publications.flat_map(|(_, p)| p.repair(nack.media_ssrc, &lost)).collect();
            self.send(now, again);
        } else if let Some(request) = any.downcast_ref::<PictureLossIndication>() {
            self.request_key_frame(now, request.media_ssrc);
        } else if let Some(request) = any.downcast_ref::<FullIntraRequest>() {
            for entry in &request.fir {
                self.request_key_frame(now, entry.ssrc);
            }
        } else if any.is::<TransportLayerCc>() {
            self.feedback_packets += 1;
        } else if let Some(report) = any.downcast_ref::<SenderReport>()
            && let Some(slot) = self.slots.values_mut().find(|slot| slot.ssrc == report.ssrc)
        {
            slot.sender_reports += 1;
        }
    }

    fn request_key_frame(&mut self, now: Instant, ssrc: u32) {
        for (_, publication) in &mut self.publications {
            publication.request_key_frame(now, ssrc);
        }
    }

    fn send(&mut self, now: Instant, packets: Vec<rtp::Packet>) {
        for packet in packets {
            let message = RTCMessage::RtpPacket(String::new(), packet);
            let sent = self.connection.handle_write(TaggedRTCMessage { now, message });
            sent.expect("a connected browser can send");
        }
        while let Some(message) = self.connection.poll_write() {
            self.outgoing.push_back((message.transport.peer_addr, message.message.to_vec()));
        }
    }

    fn publication(&self, source: TrackSource) -> &Publication {
        let mut all = self.publications.iter();
        &all.find(|(_, p)| p.source == source).expect("the source has a section").1
    }

    fn publication_mut(&mut self, source: TrackSource) -> &mut Publication {
        let mut all = self.publications.iter_mut();
        &mut all.find(|(_, p)| p.source == source).expect("the source has a section").1
    }
}
