//! The engine of a complete participant: the codecs, extensions and feedback that browsers offer.

use std::collections::VecDeque;
use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use rtc::interceptor::{Interceptor, Packet, Registry, Slot, StreamInfo, TaggedPacket};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::RTCConfigurationBuilder;
use rtc::peer_connection::configuration::interceptor_registry::register_default_interceptors;
use rtc::peer_connection::configuration::media_engine::MediaEngine;
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters,
    RTCRtpEncodingParameters, RTCRtpHeaderExtensionCapability, RTCRtpRtxParameters, RtpCodecKind,
};
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use tokio::sync::mpsc;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::{PeerConnection, PeerConnectionBuilder};

use super::hearing::Watcher;
use crate::participant::Command;
use crate::sdp::EXTENSIONS;
use crate::target::{SendSpec, TargetError};

/// A connection that tells `watcher` what happens and `commands` which key frames are wanted.
pub(super) async fn connection(
    watcher: Watcher,
    commands: mpsc::Sender<Command>,
    address: SocketAddr,
) -> Result<Arc<dyn PeerConnection>, TargetError> {
    let mut engine = MediaEngine::default();
    for (kind, codec) in codecs() {
        engine.register_codec(codec, kind).map_err(failed)?;
    }
    for known in &EXTENSIONS {
        let sound = known.is_for_sound.then_some(RtpCodecKind::Audio);
        let pictures = known.is_for_pictures.then_some(RtpCodecKind::Video);
        for kind in [sound, pictures].into_iter().flatten() {
            let extension = RTCRtpHeaderExtensionCapability { uri: known.uri.to_owned() };
            engine.register_header_extension(extension, kind, None).map_err(failed)?;
        }
    }
    let registry =
        Registry::new().with(Slot::from(NEXT_TO_THE_WIRE), KeyFrameWishes::new(commands));
    let registry = register_default_interceptors(registry, &mut engine).map_err(failed)?;
    let connection = PeerConnectionBuilder::new()
        .with_configuration(RTCConfigurationBuilder::new().build())
        .with_media_engine(engine)
        .with_interceptor_registry(registry)
        .with_handler(Arc::new(watcher))
        .with_udp_addrs(vec![address])
        .build()
        .await;
    let exhausted = |error: Error| TargetError::Exhausted("sockets", error.to_string());
    Ok(Arc::new(connection.map_err(exhausted)?))
}

/// Adds a sending section with its layers.
pub(super) async fn add_sender(
    connection: &dyn PeerConnection,
    send: &SendSpec,
) -> Result<Arc<TrackLocalStaticRTP>, TargetError> {
    let is_video = send.source.is_video();
    let kind = if is_video { RtpCodecKind::Video } else { RtpCodecKind::Audio };
    let codec = codecs().into_iter().find(|(_, codec)| codec.payload_type == send.payload_type);
    let codec = codec.ok_or_else(|| failed("no such codec"))?.1.rtp_codec;
    let encodings = send.layers.iter().map(|layer| RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            rid: layer.rid.to_owned(),
            ssrc: Some(layer.ssrc),
            rtx: is_video.then_some(RTCRtpRtxParameters { ssrc: layer.repair_ssrc }),
            ..RTCRtpCodingParameters::default()
        },
        active: true,
        codec: codec.clone(),
        ..RTCRtpEncodingParameters::default()
    });
    let name = format!("{:?}", send.source);
    let track = MediaStreamTrack::new(name.clone(), name.clone(), name, kind, encodings.collect());
    let track = Arc::new(TrackLocalStaticRTP::new(track));
    let init = RTCRtpTransceiverInit {
        direction: RTCRtpTransceiverDirection::Sendonly,
        streams: vec![],
        send_encodings: vec![],
    };
    let added = Arc::clone(&track) as Arc<dyn TrackLocal>;
    connection.add_transceiver_from_track(added, Some(init)).await.map_err(failed)?;
    Ok(track)
}

/// Adds receiving sections, of sound and of pictures by turns.
pub(super) async fn add_slots(
    connection: &dyn PeerConnection,
    sound: usize,
    pictures: usize,
) -> Result<(), TargetError> {
    for pair in 0..sound.max(pictures) {
        let sound = (pair < sound).then_some(RtpCodecKind::Audio);
        let picture = (pair < pictures).then_some(RtpCodecKind::Video);
        for kind in [sound, picture].into_iter().flatten() {
            let init = RTCRtpTransceiverInit {
                direction: RTCRtpTransceiverDirection::Recvonly,
                streams: vec![],
                send_encodings: vec![],
            };
            connection.add_transceiver_from_kind(kind, Some(init)).await.map_err(failed)?;
        }
    }
    Ok(())
}

/// The engine does not do what it is asked.
pub(super) fn failed(error: impl Display) -> TargetError {
    TargetError::Refused("media", format!("the independent engine says: {error}"))
}

fn codecs() -> [(RtpCodecKind, RTCRtpCodecParameters); 3] {
    let codec = |payload_type, name: &str, clock_rate, channels, parameters: &str| {
        let rtp_codec = RTCRtpCodec {
            mime_type: name.to_owned(),
            clock_rate,
            channels,
            sdp_fmtp_line: parameters.to_owned(),
            rtcp_feedback: if name == "video/VP8" { feedback() } else { Vec::new() },
        };
        RTCRtpCodecParameters { rtp_codec, payload_type }
    };
    let sound = "minptime=10;useinbandfec=1;usedtx=1";
    [
        (RtpCodecKind::Audio, codec(111, "audio/opus", 48_000, 2, sound)),
        (RtpCodecKind::Video, codec(96, "video/VP8", 90_000, 0, "")),
        (RtpCodecKind::Video, codec(97, "video/rtx", 90_000, 0, "apt=96")),
    ]
}

fn feedback() -> Vec<RTCPFeedback> {
    let pair = |(kind, parameter): (&str, &str)| RTCPFeedback {
        typ: kind.to_owned(),
        parameter: parameter.to_owned(),
    };
    [("ccm", "fir"), ("nack", ""), ("nack", "pli")].map(pair).to_vec()
}

/// Passes everything on and tells which key frames the server wants: the engine keeps that to
/// itself.
struct KeyFrameWishes {
    commands: mpsc::Sender<Command>,
    inward: VecDeque<TaggedPacket>,
    outward: VecDeque<TaggedPacket>,
}

impl KeyFrameWishes {
    const fn new(commands: mpsc::Sender<Command>) -> Self {
        Self { commands, inward: VecDeque::new(), outward: VecDeque::new() }
    }

    fn tell(&self, ssrc: u32) {
        // One that finds no room will be asked for again.
        let _ = self.commands.try_send(Command::KeyFrame(ssrc));
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for KeyFrameWishes {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(reports) = &packet.message.packet {
            for report in reports.iter().map(|report| report.as_any()) {
                if let Some(wish) = report.downcast_ref::<PictureLossIndication>() {
                    self.tell(wish.media_ssrc);
                } else if let Some(wish) = report.downcast_ref::<FullIntraRequest>() {
                    wish.fir.iter().for_each(|entry| self.tell(entry.ssrc));
                }
            }
        }
        self.inward.push_back(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.inward.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        self.outward.push_back(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.outward.pop_front()
    }

    fn handle_timeout(&mut self, _: Instant) -> Result<(), Error> {
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        None
    }
}

impl Interceptor for KeyFrameWishes {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}

/// The engine's own interceptors follow from 1,000 on.
const NEXT_TO_THE_WIRE: usize = 500;
