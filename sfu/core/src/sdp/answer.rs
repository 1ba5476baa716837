//! From [`Offer`] to the text of the answer.

use std::fmt::Write;
use std::net::SocketAddr;

use super::{
    Codec, LocalParameters, MAX_RIDS, MediaKind, Offer, Publish, Role, Section, SlotSsrcs, Wishes,
};
use crate::codec::CodecKind;
use crate::command::Mid;

/// Writes the answer to `offer`: the same sections in the same order, each received, sent, held
/// inactive or rejected as its role says. `slot_ssrcs` gives each slot the sources it will be
/// sent on; a slot without any is answered as inactive.
pub fn write_answer(
    offer: &Offer,
    local: &LocalParameters<'_>,
    slot_ssrcs: impl Fn(&Mid) -> Option<SlotSsrcs>,
) -> String {
    let mut out = Lines(String::with_capacity(1024 * (1 + offer.sections.len())));
    let bundled = || offer.sections.iter().filter(|section| section.role != Role::Rejected);
    out.line("v=0");
    // The browser's own version number grows with each offer, so ours grows with each answer.
    out.line(format_args!("o=- 1 {} IN IP4 0.0.0.0", offer.session_version));
    out.line("s=-");
    out.line("t=0 0");
    out.line("a=ice-lite");
    let mids: Vec<&str> = bundled().map(|section| section.mid.as_str()).collect();
    out.line(format_args!("a=group:BUNDLE {}", mids.join(" ")));
    out.line("a=msid-semantic:WMS *");
    if offer.allows_mixed_extensions {
        out.line("a=extmap-allow-mixed");
    }
    let tagged = bundled().next().map(|section| &section.mid);
    for section in &offer.sections {
        if section.role == Role::Rejected {
            write_rejected(&mut out, section);
            continue;
        }
        let mut section = section.clone();
        if matches!(section.role, Role::Publish(_)) {
            section.codecs = local.wishes.accepted(&section.codecs, section.may_scale());
            // The page sends layers where the answer has both the codec and their descriptor. Raw
            // pictures are nothing without one.
            let is_raw = section.codecs.iter().any(|codec| codec.is_raw);
            if !is_raw && section.codecs.first().map(|codec| codec.kind) != local.wishes.scalable {
                section.extensions.dependency = None;
            }
        }
        let section = &section;
        write_media(&mut out, section, slot_ssrcs(&section.mid), local.wishes);
        write_transport(&mut out, section, local);
        if tagged == Some(&section.mid) {
            write_candidates(&mut out, local);
        }
    }
    out.0
}

struct Lines(String);

impl Lines {
    fn line(&mut self, line: impl std::fmt::Display) {
        write!(self.0, "{line}\r\n").expect("writing to a string cannot fail");
    }
}

/// Same media, same protocol, port 0 (RFC 3264 section 6).
fn write_rejected(out: &mut Lines, section: &Section) {
    let Section { media, protocol, first_format, mid, .. } = section;
    out.line(format_args!("m={media} 0 {protocol} {first_format}"));
    out.line("c=IN IP4 0.0.0.0");
    out.line(format_args!("a=mid:{}", mid.as_str()));
    out.line("a=inactive");
}

fn write_media(out: &mut Lines, section: &Section, ssrcs: Option<SlotSsrcs>, wishes: Wishes) {
    let mut formats = String::new();
    for codec in &section.codecs {
        // Browsers send redundantly when that comes first.
        let types = [codec.red_payload_type, Some(codec.payload_type), codec.rtx_payload_type];
        for payload_type in types.into_iter().flatten() {
            write!(formats, " {payload_type}").expect("writing to a string cannot fail");
        }
    }
    out.line(format_args!("m={} 9 {}{formats}", section.media, section.protocol));
    out.line("c=IN IP4 0.0.0.0");
    out.line(format_args!("a=mid:{}", section.mid.as_str()));
    match (&section.role, ssrcs) {
        (Role::Publish(publish), _) => {
            out.line("a=recvonly");
            write_extensions(out, section, "recvonly");
            write_codecs(out, section, wishes);
            if wishes.frugal_sound && section.kind == MediaKind::Audio {
                out.line(format_args!("a=ptime:{FRUGAL_FRAME_MS}"));
                out.line(format_args!("a=maxptime:{FRUGAL_FRAME_MS}"));
            }
            write_simulcast(out, publish);
        }
        (Role::Slot { ordinal }, Some(ssrcs)) => {
            out.line("a=sendonly");
            out.line(format_args!("a=msid:pair-{ordinal} slot-{}", section.mid.as_str()));
            write_extensions(out, section, "sendonly");
            write_codecs(out, section, Wishes::default());
            write_ssrcs(out, section, *ordinal, ssrcs);
        }
        (Role::Slot { .. }, None) | (Role::Inactive | Role::Rejected, _) => {
            out.line("a=inactive");
            write_codecs(out, section, Wishes::default());
        }
    }
}

/// Extensions the offer gave a direction get the opposite one (RFC 8285 section 7).
fn write_extensions(out: &mut Lines, section: &Section, direction: &str) {
    for (uri, id) in section.extensions.entries() {
        let Some(id) = id else { continue };
        if section.directed_extensions.contains(&id) {
            out.line(format_args!("a=extmap:{id}/{direction} {uri}"));
        } else {
            out.line(format_args!("a=extmap:{id} {uri}"));
        }
    }
    if section.allows_mixed_extensions {
        out.line("a=extmap-allow-mixed");
    }
}

fn write_codecs(out: &mut Lines, section: &Section, wishes: Wishes) {
    for codec in &section.codecs {
        let Codec { payload_type, profile_level_id, feedback, .. } = codec;
        let (encoding, parameters) = match codec.kind {
            CodecKind::Opus => {
                let mut parameters = "minptime=10;useinbandfec=1;usedtx=1".to_owned();
                if wishes.frugal_sound {
                    // Chromium reads the length of frames from `a=ptime`, Firefox from here.
                    write!(
                        parameters,
                        ";ptime={FRUGAL_FRAME_MS};maxptime={FRUGAL_FRAME_MS};\
                         maxaveragebitrate={FRUGAL_BITRATE}"
                    )
                    .expect("writing to a string cannot fail");
                }
                ("opus/48000/2", parameters)
            }
            CodecKind::Vp8 => ("VP8/90000", String::new()),
            CodecKind::Vp9 => ("VP9/90000", "profile-id=0".to_owned()),
            CodecKind::Av1 => ("AV1/90000", "level-idx=5;profile=0;tier=0".to_owned()),
            CodecKind::H264 => (
                "H264/90000",
                format!(
                    "level-asymmetry-allowed=1;packetization-mode=1;\
                     profile-level-id={profile_level_id:06x}"
                ),
            ),
        };
        out.line(format_args!("a=rtpmap:{payload_type} {encoding}"));
        if codec.is_raw {
            out.line(format_args!("a=packetization:{payload_type} raw"));
        }
        if !parameters.is_empty() {
            out.line(format_args!("a=fmtp:{payload_type} {parameters}"));
        }
        for (agreed, message) in [
            (feedback.transport_cc, "transport-cc"),
            (feedback.fir, "ccm fir"),
            (feedback.nack, "nack"),
            (feedback.pli, "nack pli"),
        ] {
            if agreed {
                out.line(format_args!("a=rtcp-fb:{payload_type} {message}"));
            }
        }
        if let Some(red) = codec.red_payload_type {
            out.line(format_args!("a=rtpmap:{red} red/48000/2"));
            out.line(format_args!("a=fmtp:{red} {payload_type}/{payload_type}"));
        }
        if let Some(rtx) = codec.rtx_payload_type {
            out.line(format_args!("a=rtpmap:{rtx} rtx/90000"));
            out.line(format_args!("a=fmtp:{rtx} apt={payload_type}"));
        }
    }
}

fn write_simulcast(out: &mut Lines, publish: &Publish) {
    debug_assert!(publish.rids.len() <= MAX_RIDS);
    for rid in &publish.rids {
        out.line(format_args!("a=rid:{rid} recv"));
    }
    if !publish.rids.is_empty() {
        out.line(format_args!("a=simulcast:recv {}", publish.rids.join(";")));
    }
}

/// Sources of a slot. Slots of one pair share a canonical name, so that browsers play the voice
/// and the picture of one participant in step.
fn write_ssrcs(out: &mut Lines, section: &Section, ordinal: usize, ssrcs: SlotSsrcs) {
    let repeats = section.kind == MediaKind::Video
        && section.codecs.iter().any(|codec| codec.rtx_payload_type.is_some());
    if repeats {
        out.line(format_args!("a=ssrc-group:FID {} {}", ssrcs.media, ssrcs.rtx));
    }
    out.line(format_args!("a=ssrc:{} cname:pair-{ordinal}", ssrcs.media));
    if repeats {
        out.line(format_args!("a=ssrc:{} cname:pair-{ordinal}", ssrcs.rtx));
    }
}

fn write_transport(out: &mut Lines, section: &Section, local: &LocalParameters<'_>) {
    out.line("a=rtcp-mux");
    if section.reduced_size_rtcp {
        out.line("a=rtcp-rsize");
    }
    out.line("a=setup:passive");
    out.line(format_args!("a=ice-ufrag:{}", local.ice.ufrag));
    out.line(format_args!("a=ice-pwd:{}", local.ice.pwd.expose()));
    out.line(format_args!("a=fingerprint:sha-256 {}", local.fingerprint));
}

/// Host candidates (RFC 8839 section 5.1), best first, in the section that stands for the bundle.
fn write_candidates(out: &mut Lines, local: &LocalParameters<'_>) {
    for (index, address) in (0..).zip(local.candidates) {
        let priority = priority(HOST_PREFERENCE, 65_535_u32.saturating_sub(index));
        let (ip, port) = (address.ip(), address.port());
        out.line(format_args!(
            "a=candidate:{} {COMPONENT} udp {priority} {ip} {port} typ host",
            index + 1
        ));
    }
    if let Some(port) = local.tcp_port {
        write_tcp_candidates(out, local.candidates, port);
    }
    out.line("a=end-of-candidates");
}

/// The same addresses over TCP, for the browser to connect to (RFC 6544 section 4.5).
fn write_tcp_candidates(out: &mut Lines, candidates: &[SocketAddr], port: u16) {
    let mut written = Vec::with_capacity(candidates.len());
    for ip in candidates.iter().map(SocketAddr::ip) {
        // One address may stand there with several ports of its own.
        if written.contains(&ip) {
            continue;
        }
        let other = TCP_OTHER_PREFERENCE.saturating_sub(written.len() as u32);
        let priority = priority(TCP_HOST_PREFERENCE, TCP_PASSIVE << 13 | other);
        written.push(ip);
        let foundation = candidates.len() + written.len();
        out.line(format_args!(
            "a=candidate:{foundation} {COMPONENT} tcp {priority} {ip} {port} typ host tcptype passive"
        ));
    }
}

/// RFC 8445 section 5.1.2.1.
const fn priority(kind: u32, local_preference: u32) -> u32 {
    kind << 24 | local_preference << 8 | (256 - COMPONENT)
}

/// Length of the frames asked for where somebody is on a poor connection: the headers of three
/// frames of 20 ms weigh more than the sound itself. Raised, a lost packet is a longer gap.
const FRUGAL_FRAME_MS: u32 = 60;

/// Bits per second of such sound: speech stays clear. Two voices and their headers then fit a
/// connection of 64 kbit/s.
const FRUGAL_BITRATE: u32 = 16_000;

/// Type preference of host candidates (RFC 8445 section 5.1.2.2).
const HOST_PREFERENCE: u32 = 126;
/// Type preference of host candidates over TCP: below every one over UDP, where what is lost holds
/// nothing up (RFC 6544 section 4.2).
const TCP_HOST_PREFERENCE: u32 = 90;
/// Direction preference of a host candidate that is connected to (RFC 6544 section 4.2).
const TCP_PASSIVE: u32 = 4;
/// The other 13 bits of the local preference of the best candidate over TCP.
const TCP_OTHER_PREFERENCE: u32 = 8_191;
/// RTP and RTCP share the one component.
const COMPONENT: u32 = 1;
