//! The engine behind a fake browser, set up as browsers set up theirs.

use std::net::SocketAddr;
use std::time::Instant;

use rtc::interceptor::{NackGeneratorBuilder, Registry, Slot};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::interceptor_registry as chain;
use rtc::peer_connection::configuration::media_engine::MediaEngine;
use rtc::peer_connection::transport::{CandidateConfig, CandidateHostConfig, RTCIceCandidate};
use rtc::peer_connection::{RTCPeerConnection, RTCPeerConnectionBuilder};
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters,
    RTCRtpEncodingParameters, RTCRtpHeaderExtensionCapability, RTCRtpRtxParameters, RtpCodecKind,
};
use rtc::rtp_transceiver::{RTCRtpSenderId, RTCRtpTransceiverDirection, RTCRtpTransceiverInit};

use super::ear::Ear;
use super::publication::{AUDIO_LEVEL, MID, Publication, REPAIRED_RID, RID};

/// An engine with the codecs, extensions and feedback that browsers offer.
pub(super) fn connection(now: Instant, ear: Ear, local: SocketAddr) -> RTCPeerConnection {
    let mut engine = MediaEngine::default();
    for (kind, codec) in codecs() {
        engine.register_codec(codec, kind).expect("the codec is new");
    }
    for (kind, uri) in [
        (RtpCodecKind::Audio, AUDIO_LEVEL),
        (RtpCodecKind::Audio, MID),
        (RtpCodecKind::Video, MID),
        (RtpCodecKind::Video, RID),
        (RtpCodecKind::Video, REPAIRED_RID),
    ] {
        let extension = RTCRtpHeaderExtensionCapability { uri: uri.to_owned() };
        engine.register_header_extension(extension, kind, None).expect("ids are free");
    }
    let registry = Registry::new().with(Slot::from(Ear::POSITION), ear);
    let registry = registry.with(Slot::NackGenerator, NackGeneratorBuilder::new().build());
    let registry = chain::configure_rtcp_reports(registry);
    let registry = chain::configure_twcc(registry, &mut engine).expect("ids are free");
    let mut connection = RTCPeerConnectionBuilder::new()
        .with_media_engine(engine)
        .with_interceptor_registry(registry)
        .build(now)
        .expect("an engine can be built");
    let candidate = CandidateHostConfig {
        base_config: CandidateConfig {
            network: "udp".to_owned(),
            address: local.ip().to_string(),
            port: local.port(),
            component: 1,
            ..CandidateConfig::default()
        },
        ..CandidateHostConfig::default()
    };
    let candidate = candidate.new_candidate_host().expect("the address is good");
    let candidate = RTCIceCandidate::from(&candidate).to_json().expect("it can be written");
    connection.add_local_candidate(candidate).expect("the candidate is good");
    connection
}

fn codecs() -> Vec<(RtpCodecKind, RTCRtpCodecParameters)> {
    let feedback = |pairs: &[(&str, &str)]| -> Vec<RTCPFeedback> {
        let feedback = pairs.iter().map(|(kind, parameter)| RTCPFeedback {
            typ: (*kind).to_owned(),
            parameter: (*parameter).to_owned(),
        });
        feedback.collect()
    };
    let video = [("ccm", "fir"), ("nack", ""), ("nack", "pli")];
    [
        (111, "audio/opus", 48_000, 2, "minptime=10;useinbandfec=1", &[][..]),
        (96, "video/VP8", 90_000, 0, "", &video[..]),
        (97, "video/rtx", 90_000, 0, "apt=96", &[]),
        (98, "video/VP9", 90_000, 0, "profile-id=0", &video),
        (99, "video/rtx", 90_000, 0, "apt=98", &[]),
    ]
    .into_iter()
    .map(|(payload_type, mime_type, clock_rate, channels, parameters, pairs)| {
        let kind =
            if mime_type.starts_with("audio") { RtpCodecKind::Audio } else { RtpCodecKind::Video };
        let rtp_codec = RTCRtpCodec {
            mime_type: mime_type.to_owned(),
            clock_rate,
            channels,
            sdp_fmtp_line: parameters.to_owned(),
            rtcp_feedback: feedback(pairs),
        };
        (kind, RTCRtpCodecParameters { rtp_codec, payload_type })
    })
    .collect()
}

/// Adds the sending section of a publication, with its layers.
pub(super) fn add_sender(
    connection: &mut RTCPeerConnection,
    publication: &Publication,
) -> RTCRtpSenderId {
    let is_video = publication.source.is_video();
    let kind = if is_video { RtpCodecKind::Video } else { RtpCodecKind::Audio };
    let wanted = if is_video { 96 } else { 111 };
    let codec = codecs().into_iter().find(|(_, codec)| codec.payload_type == wanted);
    let codec = codec.expect("both codecs are listed").1.rtp_codec;
    let encodings = publication.layers.iter().map(|layer| RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            rid: layer.rid.to_owned(),
            ssrc: Some(layer.ssrc),
            rtx: is_video.then_some(RTCRtpRtxParameters { ssrc: layer.repair_ssrc }),
            fec: None,
        },
        active: true,
        codec: codec.clone(),
        ..Default::default()
    });
    let name = format!("{:?}", publication.source);
    let track = MediaStreamTrack::new(name.clone(), name.clone(), name, kind, encodings.collect());
    let init = RTCRtpTransceiverInit {
        direction: RTCRtpTransceiverDirection::Sendonly,
        streams: vec![],
        send_encodings: vec![],
    };
    let transceiver = connection.add_transceiver_from_track(track, Some(init));
    let transceiver = transceiver.expect("a sending section can be added");
    let transceiver = connection.rtp_transceiver(transceiver).expect("it was just added");
    transceiver.sender().expect("it sends")
}
