//! Session descriptions (RFC 8866, RFC 8829): reads a browser's offer and writes the server's
//! answer. The browser always offers and the server always answers, over one bundled ICE-lite
//! transport (RFC 8839, RFC 9143), so no other case exists here.
//!
//! Of an offer's lines these matter, and a page may leave out every other one before it sends the
//! text: `v o s t m c`, and of the attributes `group`, `mid`, `bundle-only`, `rtcp-mux`,
//! `rtcp-rsize`, the directions, `ice-ufrag`, `ice-pwd`, `fingerprint`, `setup`, `extmap`,
//! `extmap-allow-mixed`, `rtpmap`, `packetization`, `fmtp`, `rtcp-fb`, `rid`, `simulcast`, `ssrc`,
//! `ssrc-group`.
//! Transport attributes may stand once at session level instead of in every section.

mod answer;
mod attribute;
mod offer;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;

use protocol::{Redacted, TrackSource};

use crate::codec::{CodecKind, CodecSet};
use crate::command::{Frames, Mid};

pub use answer::write_answer;
pub use offer::parse_offer;

/// Longest offer, in bytes; it arrives in one message of the control plane. Raising it lets pages
/// negotiate more slots at once.
pub const MAX_OFFER_BYTES: usize = 64 * 1024;

/// Most media sections of one offer: every slot, every source twice (a source that was stopped
/// leaves a dead section behind until a new one reuses it).
pub const MAX_SECTIONS: usize = protocol::MAX_SLOTS + 8;

/// Most simulcast layers of one section. Raising it costs a layer's state per publisher.
pub const MAX_RIDS: usize = 3;

/// Most declared sources of one section: every layer and its retransmissions, with room to spare.
pub const MAX_DECLARED_SSRCS: usize = 8;

/// What a browser offers, reduced to what this server can use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// ICE credentials of the browser.
    pub ice: IceCredentials,
    /// Hash of the certificate the browser will show in DTLS.
    pub fingerprint: Fingerprint,
    /// Header extension ids, the same in all sections that have them.
    pub extensions: ExtensionIds,
    /// Every media section, in order; the answer mirrors them one by one.
    pub sections: Vec<Section>,
    session_version: u64,
    allows_mixed_extensions: bool,
}

impl Offer {
    /// The receive slots in order, each with its mid.
    pub fn slots(&self) -> impl Iterator<Item = &Section> {
        self.sections.iter().filter(|section| matches!(section.role, Role::Slot { .. }))
    }
}

/// ICE user fragment and password (RFC 8839 section 5.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IceCredentials {
    /// User fragment, 4 to 256 characters.
    pub ufrag: String,
    /// Password, 22 to 256 characters.
    pub pwd: Redacted<String>,
}

/// SHA-256 of a DTLS certificate (RFC 8122 section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Display for Fingerprint {
    /// Upper-case pairs with colons between, as `a=fingerprint` has them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

/// Ids under which the browser knows the header extensions (RFC 8285) this server uses, 1 to 14.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ExtensionIds {
    /// Which section a packet belongs to (RFC 9143 section 15).
    pub mid: Option<u8>,
    /// Which layer a packet belongs to (RFC 8852).
    pub rid: Option<u8>,
    /// Which layer a retransmission belongs to (RFC 8852).
    pub repaired_rid: Option<u8>,
    /// Transport-wide sequence number (draft-holmer-rmcat-transport-wide-cc-extensions-01).
    pub transport_cc: Option<u8>,
    /// Loudness of the sender (RFC 6464).
    pub audio_level: Option<u8>,
    /// Absolute send time.
    pub abs_send_time: Option<u8>,
    /// Absolute capture time, handed through so that a receiver can tell the whole delay.
    pub capture_time: Option<u8>,
    /// Dependency descriptor (AV1 RTP specification, appendix A).
    pub dependency: Option<u8>,
}

/// One media section (RFC 8866 section 5.14).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name in the bundle.
    pub mid: Mid,
    /// Sound, picture or neither.
    pub kind: MediaKind,
    /// What it is for.
    pub role: Role,
    /// Accepted codecs in order of preference, each kind at most once. Empty when rejected.
    pub codecs: Vec<Codec>,
    /// Header extensions usable in this section's direction.
    pub extensions: ExtensionIds,
    media: String,
    protocol: String,
    first_format: String,
    /// Ids whose `a=extmap` named a direction; the answer then names the opposite one.
    directed_extensions: Vec<u8>,
    allows_mixed_extensions: bool,
    reduced_size_rtcp: bool,
}

impl Section {
    /// Whether its picture may come in layers: a camera whose packets can say which of them
    /// belong together.
    pub(crate) fn may_scale(&self) -> bool {
        let is_camera =
            matches!(&self.role, Role::Publish(publish) if publish.source == TrackSource::Camera);
        is_camera && self.extensions.dependency.is_some()
    }
}

/// What a media section carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaKind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
    /// Something else, always rejected.
    Other,
}

/// What a media section is for, seen from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// The browser sends a source.
    Publish(Publish),
    /// The browser receives whatever it subscribes to.
    Slot {
        /// Number among the slots of the same kind, from 0 in section order.
        ordinal: usize,
    },
    /// Kept in the bundle, silent for now.
    Inactive,
    /// Not part of the bundle: stopped by the browser, or nothing we speak.
    Rejected,
}

/// A section on which the browser sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// What is sent.
    pub source: TrackSource,
    /// Names of the simulcast layers (RFC 8853) in the browser's order, which is highest first by
    /// agreement with the web client. Empty without simulcast.
    pub rids: Vec<String>,
    /// Sources named beforehand, in the order of declaration. Browsers with simulcast may name
    /// none; their packets say mid and rid in header extensions.
    pub ssrcs: Vec<DeclaredSsrc>,
}

/// A source named by `a=ssrc` (RFC 5576).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeclaredSsrc {
    /// Of the media.
    pub media: u32,
    /// Of its retransmissions, by `a=ssrc-group:FID`.
    pub rtx: Option<u32>,
}

/// A codec of one section, with the payload types the browser chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codec {
    /// Which.
    pub kind: CodecKind,
    /// Of the media.
    pub payload_type: u8,
    /// Of its retransmissions (RFC 4588), when offered.
    pub rtx_payload_type: Option<u8>,
    /// Of its redundant form (RED, RFC 2198), for sound where offered.
    pub red_payload_type: Option<u8>,
    /// RTCP feedback the browser understands for it.
    pub feedback: Feedback,
    /// Whether its packets are parts of frames and nothing else (`a=packetization:<pt> raw`).
    is_raw: bool,
    /// `profile-level-id` of H264 (RFC 6184 section 8.1), else zero.
    profile_level_id: u32,
}

/// RTCP feedback messages agreed for a codec (RFC 4585, RFC 5104).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Feedback {
    /// Generic negative acknowledgements.
    pub nack: bool,
    /// Picture loss indication.
    pub pli: bool,
    /// Full intra request.
    pub fir: bool,
    /// Transport-wide congestion control.
    pub transport_cc: bool,
}

/// What the room needs of whoever sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// True when somebody receives as little as possible: long frames of sound at a low rate and
    /// without redundancy are asked for.
    pub frugal_sound: bool,
    /// Codecs that everybody plays. Where an offer has none of these, they count for nothing.
    pub playable: CodecSet,
    /// The codec in which cameras send one picture in layers, where everybody plays it. Browsers
    /// play some of the layers without being told which.
    pub scalable: Option<CodecKind>,
}

impl Default for Wishes {
    fn default() -> Self {
        Self { frugal_sound: false, playable: CodecSet::ALL, scalable: None }
    }
}

impl Wishes {
    /// What of an offered sending section's codecs is accepted, the one to send in first.
    pub(crate) fn accepted(self, codecs: &[Codec], may_scale: bool) -> Vec<Codec> {
        let is_playable = |codec: &&Codec| {
            let any = codecs.iter().any(|codec| self.playable.contains(codec.kind));
            !any || self.playable.contains(codec.kind)
        };
        let frugal = |codec: &Codec| Codec {
            red_payload_type: codec.red_payload_type.filter(|_| !self.frugal_sound),
            ..*codec
        };
        let mut accepted: Vec<Codec> = codecs.iter().filter(is_playable).map(frugal).collect();
        if may_scale && let Some(kind) = self.scalable {
            accepted.sort_by_key(|codec| codec.kind != kind);
        }
        accepted
    }
}

/// The server's side of an answer.
#[derive(Clone, Debug)]
pub struct LocalParameters<'a> {
    /// ICE credentials of the server.
    pub ice: &'a IceCredentials,
    /// Hash of the server's DTLS certificate.
    pub fingerprint: Fingerprint,
    /// Public addresses of the media socket, best first.
    pub candidates: &'a [SocketAddr],
    /// TCP port at the same addresses, for browsers without a path over UDP.
    pub tcp_port: Option<u16>,
    /// What is asked of the browser's sending sections.
    pub wishes: Wishes,
}

/// What of a section's codecs can be used in a room of such frames. Redundant sound cannot where
/// participants encrypt: browsers do so behind their redundancy, so that nobody could take it off for
/// those who do not speak it.
fn usable_codecs(frames: Frames, codecs: &mut Vec<Codec>) {
    codecs.retain(|codec| match frames {
        Frames::Clear => true,
        Frames::Plain => {
            matches!(codec.kind, CodecKind::Opus | CodecKind::Vp8 | CodecKind::Vp9)
        }
        Frames::Raw => codec.is_raw || !codec.kind.is_video(),
    });
    for codec in codecs {
        codec.is_raw &= frames == Frames::Raw;
        codec.red_payload_type = codec.red_payload_type.filter(|_| !frames.are_encrypted());
    }
}

/// Sources the server will send on a slot for as long as the transport lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotSsrcs {
    /// Of the media.
    pub media: u32,
    /// Of its retransmissions; not written for sound.
    pub rtx: u32,
}

const MID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
const RID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
const REPAIRED_RID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";
const TRANSPORT_CC_URI: &str =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
const AUDIO_LEVEL_URI: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
const ABS_SEND_TIME_URI: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
const CAPTURE_TIME_URI: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";

const DEPENDENCY_URI: &str =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";

impl ExtensionIds {
    /// Those without which nothing can be played: raw pictures are nothing without their descriptors.
    pub(crate) fn needed(self, frames: Frames) -> Self {
        let dependency = self.dependency.filter(|_| frames == Frames::Raw);
        Self { dependency, ..Self::default() }
    }

    /// Each extension this server knows: its name and where its id is kept.
    fn entries(&self) -> [(&'static str, Option<u8>); 8] {
        [
            (MID_URI, self.mid),
            (RID_URI, self.rid),
            (REPAIRED_RID_URI, self.repaired_rid),
            (TRANSPORT_CC_URI, self.transport_cc),
            (AUDIO_LEVEL_URI, self.audio_level),
            (ABS_SEND_TIME_URI, self.abs_send_time),
            (CAPTURE_TIME_URI, self.capture_time),
            (DEPENDENCY_URI, self.dependency),
        ]
    }

    fn entry_mut(&mut self, uri: &str) -> Option<&mut Option<u8>> {
        match uri {
            MID_URI => Some(&mut self.mid),
            RID_URI => Some(&mut self.rid),
            REPAIRED_RID_URI => Some(&mut self.repaired_rid),
            TRANSPORT_CC_URI => Some(&mut self.transport_cc),
            AUDIO_LEVEL_URI => Some(&mut self.audio_level),
            ABS_SEND_TIME_URI => Some(&mut self.abs_send_time),
            CAPTURE_TIME_URI => Some(&mut self.capture_time),
            DEPENDENCY_URI => Some(&mut self.dependency),
            _ => None,
        }
    }
}
