//! Session descriptions (RFC 8866): writes offers and answers of a participant, reads those of a
//! server.

use std::fmt::Write;
use std::net::SocketAddr;

use protocol::TrackSource;
use rand::RngExt;
use rand::rngs::StdRng;

use crate::rtp::ExtensionIds;
use crate::target::{IceCredentials, LayerSpec, SendSpec, SlotSpec};

/// ICE user name fragment and password of this side.
#[derive(Clone, Debug)]
pub(crate) struct Local {
    pub(crate) ufrag: String,
    pub(crate) password: String,
    pub(crate) fingerprint: String,
}

impl Local {
    pub(crate) fn new(random: &mut StdRng, fingerprint: &str) -> Self {
        let mut word = |length| -> String {
            (0..length).map(|_| char::from(b'a' + random.random_range(0..26_u8))).collect()
        };
        let (ufrag, password) = (word(8), word(24));
        Self { ufrag, password, fingerprint: fingerprint.to_owned() }
    }
}

/// Ids of the header extensions in offers of ours.
pub(crate) const IDS: ExtensionIds = ExtensionIds {
    mid: 1,
    rid: 2,
    repaired_rid: 3,
    transport_cc: 4,
    audio_level: 5,
    capture_time: 6,
};

/// Payload types in offers of ours.
const OPUS: u8 = 111;
const REDUNDANT: u8 = 63;
const VP8: u8 = 96;
const VP8_REPAIR: u8 = 97;

/// A header extension of offers.
pub(crate) struct Extension {
    pub(crate) uri: &'static str,
    pub(crate) is_for_sound: bool,
    pub(crate) is_for_pictures: bool,
    /// Where its id is kept.
    id: fn(&mut ExtensionIds) -> &mut u8,
}

/// All of them.
pub(crate) const EXTENSIONS: [Extension; 6] = [
    Extension {
        uri: "urn:ietf:params:rtp-hdrext:sdes:mid",
        is_for_sound: true,
        is_for_pictures: true,
        id: |ids| &mut ids.mid,
    },
    Extension {
        uri: "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
        is_for_sound: false,
        is_for_pictures: true,
        id: |ids| &mut ids.rid,
    },
    Extension {
        uri: "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
        is_for_sound: false,
        is_for_pictures: true,
        id: |ids| &mut ids.repaired_rid,
    },
    Extension {
        uri: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        is_for_sound: true,
        is_for_pictures: true,
        id: |ids| &mut ids.transport_cc,
    },
    Extension {
        uri: "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        is_for_sound: true,
        is_for_pictures: false,
        id: |ids| &mut ids.audio_level,
    },
    Extension {
        uri: "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
        is_for_sound: true,
        is_for_pictures: true,
        id: |ids| &mut ids.capture_time,
    },
];

/// Sending sections for sources, with fresh numbers; mids count from 0.
pub(crate) fn send_specs(sources: &[TrackSource], random: &mut StdRng) -> Vec<SendSpec> {
    let mut spec = |(at, source): (usize, &TrackSource)| {
        let rids: &[&'static str] =
            if *source == TrackSource::Camera { &["h", "m", "l"] } else { &[""] };
        let layers = rids.iter().map(|rid| LayerSpec {
            rid,
            ssrc: random.random(),
            repair_ssrc: random.random(),
        });
        let is_video = source.is_video();
        SendSpec {
            source: *source,
            mid: at.to_string(),
            layers: layers.collect(),
            payload_type: if is_video { VP8 } else { OPUS },
            repair_payload_type: is_video.then_some(VP8_REPAIR),
            redundant_payload_type: None,
        }
    };
    sources.iter().enumerate().map(&mut spec).collect()
}

/// An offer of these sending sections, and then so many receiving ones of each kind, alternating.
/// With `red`, redundant sound is preferred.
pub(crate) fn offer(
    local: &Local,
    sends: &[SendSpec],
    (sound, picture): (usize, usize),
    red: bool,
) -> String {
    let mut kinds: Vec<bool> = Vec::new();
    for pair in 0..sound.max(picture) {
        kinds.extend((pair < sound).then_some(false));
        kinds.extend((pair < picture).then_some(true));
    }
    let formats = Formats { redundant: red.then_some(REDUNDANT), ..Formats::OURS };
    let count = sends.len() + kinds.len();
    let mids: Vec<String> = (0..count).map(|mid| mid.to_string()).collect();
    let mut out = head(&mids.iter().map(String::as_str).collect::<Vec<_>>());
    for send in sends {
        media(&mut out, send.source.is_video(), formats);
        transport(&mut out, local, "actpass");
        lines(&mut out, &[&format!("a=mid:{}", send.mid), "a=sendonly", "a=msid:- -"]);
        extensions(&mut out, send.source.is_video());
        if let [only] = &send.layers[..] {
            if send.source.is_video() {
                let (media, repair) = (only.ssrc, only.repair_ssrc);
                line(&mut out, format_args!("a=ssrc-group:FID {media} {repair}"));
                line(&mut out, format_args!("a=ssrc:{repair} cname:loadtest"));
            }
            line(&mut out, format_args!("a=ssrc:{} cname:loadtest", only.ssrc));
        } else {
            let rids: Vec<&str> = send.layers.iter().map(|layer| layer.rid).collect();
            for rid in &rids {
                line(&mut out, format_args!("a=rid:{rid} send"));
            }
            line(&mut out, format_args!("a=simulcast:send {}", rids.join(";")));
        }
    }
    for (at, is_video) in kinds.into_iter().enumerate() {
        media(&mut out, is_video, formats);
        transport(&mut out, local, "actpass");
        lines(&mut out, &[&format!("a=mid:{}", sends.len() + at), "a=recvonly"]);
        extensions(&mut out, is_video);
    }
    out
}

/// The answer to a server's offer of what it sends: all of it is received.
pub(crate) fn answer(local: &Local, remote: &Remote) -> String {
    let mids = remote.sections.iter().filter(|section| section.sends);
    let mids: Vec<&str> = mids.map(|section| &section.mid[..]).collect();
    let mut out = head(&mids);
    for section in &remote.sections {
        let formats = section.formats();
        if !section.sends {
            let kind = if section.is_video { "video" } else { "audio" };
            line(&mut out, format_args!("m={kind} 0 UDP/TLS/RTP/SAVPF 0"));
            lines(&mut out, &["c=IN IP4 0.0.0.0", &format!("a=mid:{}", section.mid), "a=inactive"]);
            continue;
        }
        media(&mut out, section.is_video, formats);
        transport(&mut out, local, "active");
        lines(&mut out, &[&format!("a=mid:{}", section.mid), "a=recvonly"]);
        for extension in &section.extensions {
            line(&mut out, format_args!("a=extmap:{extension}"));
        }
    }
    out
}

fn head(mids: &[&str]) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n\
         a=msid-semantic:WMS *\r\n",
        mids.join(" ")
    )
}

/// Payload types.
#[derive(Clone, Copy)]
struct Formats {
    opus: u8,
    redundant: Option<u8>,
    vp8: u8,
    repair: u8,
}

impl Formats {
    const OURS: Self = Self { opus: OPUS, redundant: None, vp8: VP8, repair: VP8_REPAIR };
}

fn media(out: &mut String, is_video: bool, formats: Formats) {
    let Formats { opus, redundant, vp8, repair } = formats;
    if is_video {
        line(out, format_args!("m=video 9 UDP/TLS/RTP/SAVPF {vp8} {repair}"));
        line(out, format_args!("a=rtpmap:{vp8} VP8/90000"));
        for message in ["transport-cc", "ccm fir", "nack", "nack pli"] {
            line(out, format_args!("a=rtcp-fb:{vp8} {message}"));
        }
        line(out, format_args!("a=rtpmap:{repair} rtx/90000"));
        line(out, format_args!("a=fmtp:{repair} apt={vp8}"));
    } else {
        match redundant {
            Some(red) => {
                line(out, format_args!("m=audio 9 UDP/TLS/RTP/SAVPF {red} {opus}"));
                line(out, format_args!("a=rtpmap:{red} red/48000/2"));
                line(out, format_args!("a=fmtp:{red} {opus}/{opus}"));
            }
            None => line(out, format_args!("m=audio 9 UDP/TLS/RTP/SAVPF {opus}")),
        }
        line(out, format_args!("a=rtpmap:{opus} opus/48000/2"));
        line(out, format_args!("a=fmtp:{opus} minptime=10;useinbandfec=1;usedtx=1"));
        line(out, format_args!("a=rtcp-fb:{opus} transport-cc"));
    }
    lines(out, &["c=IN IP4 0.0.0.0", "a=rtcp-mux", "a=rtcp-rsize"]);
}

fn transport(out: &mut String, local: &Local, setup: &str) {
    line(out, format_args!("a=ice-ufrag:{}", local.ufrag));
    line(out, format_args!("a=ice-pwd:{}", local.password));
    line(out, format_args!("a=fingerprint:sha-256 {}", local.fingerprint));
    line(out, format_args!("a=setup:{setup}"));
}

fn extensions(out: &mut String, is_video: bool) {
    let mut ids = IDS;
    for extension in &EXTENSIONS {
        if if is_video { extension.is_for_pictures } else { extension.is_for_sound } {
            let id = *(extension.id)(&mut ids);
            line(out, format_args!("a=extmap:{id} {}", extension.uri));
        }
    }
}

fn lines(out: &mut String, all: &[&str]) {
    for text in all {
        line(out, text);
    }
}

fn line(out: &mut String, text: impl std::fmt::Display) {
    write!(out, "{text}\r\n").expect("writing to a string cannot fail");
}

/// What a server's description says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remote {
    pub(crate) ufrag: String,
    pub(crate) password: String,
    pub(crate) candidates: Vec<SocketAddr>,
    /// Where ICE is spoken over TCP (RFC 6544).
    pub(crate) tcp: Option<SocketAddr>,
    pub(crate) ids: ExtensionIds,
    pub(crate) sections: Vec<RemoteSection>,
}

/// One of its sections.
#[derive(Clone, Debug, Default)]
pub(crate) struct RemoteSection {
    pub(crate) mid: String,
    pub(crate) is_video: bool,
    pub(crate) sends: bool,
    pub(crate) ssrcs: Vec<u32>,
    pub(crate) repair: Option<(u32, u32)>,
    /// Lines of header extensions that are known here, as they came.
    extensions: Vec<String>,
    /// Payload types with their encodings.
    encodings: Vec<(u8, String)>,
}

impl RemoteSection {
    /// Its payload types; those of our own where it names none.
    fn formats(&self) -> Formats {
        let of = |name: &str| {
            let is_it = |encoding: &str| {
                encoding.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
            };
            self.encodings.iter().find(|(_, encoding)| is_it(encoding)).map(|(number, _)| *number)
        };
        Formats {
            opus: of("opus/").unwrap_or(OPUS),
            redundant: of("red/"),
            vp8: of("VP8/").unwrap_or(VP8),
            repair: of("rtx/").unwrap_or(VP8_REPAIR),
        }
    }
}

impl Remote {
    /// Reads a description. `None` when something that is needed is missing.
    pub(crate) fn parse(sdp: &str) -> Option<Self> {
        let mut remote = Self::default();
        for text in sdp.lines() {
            let (kind, value) = text.trim_end().split_once('=')?;
            match kind {
                "m" => {
                    let is_video = value.starts_with("video");
                    remote.sections.push(RemoteSection { is_video, ..RemoteSection::default() });
                }
                "a" => remote.read_attribute(value),
                _ => {}
            }
        }
        let is_complete = !remote.ufrag.is_empty() && !remote.password.is_empty();
        is_complete.then_some(remote)
    }

    fn read_attribute(&mut self, attribute: &str) {
        let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
        match name {
            "ice-ufrag" => value.clone_into(&mut self.ufrag),
            "ice-pwd" => value.clone_into(&mut self.password),
            "candidate" => {
                self.candidates.extend(candidate(value, "udp"));
                self.tcp = self.tcp.or_else(|| candidate(value, "tcp"));
            }
            "extmap" => {
                let mut words = value.split_whitespace();
                let id = words.next().and_then(|id| id.split('/').next()?.parse().ok());
                let uri = words.next();
                let known = EXTENSIONS.iter().find(|known| Some(known.uri) == uri);
                if let (Some(id), Some(known)) = (id, known) {
                    *(known.id)(&mut self.ids) = id;
                    let section = self.sections.last_mut();
                    section
                        .into_iter()
                        .for_each(|section| section.extensions.push(value.to_owned()));
                }
            }
            _ => self.read_section(name, value),
        }
    }

    fn read_section(&mut self, name: &str, value: &str) {
        let Some(section) = self.sections.last_mut() else { return };
        let number = |word: Option<&str>| word.and_then(|word| word.parse::<u32>().ok());
        match name {
            "mid" => value.clone_into(&mut section.mid),
            "sendonly" | "sendrecv" => section.sends = true,
            "rtpmap" => {
                let known = value.split_once(' ');
                let known = known.and_then(|(number, name)| Some((number.parse().ok()?, name)));
                section.encodings.extend(known.map(|(number, name)| (number, name.to_owned())));
            }
            "ssrc" => {
                let ssrc = number(value.split_whitespace().next());
                section.ssrcs.extend(ssrc.filter(|ssrc| !section.ssrcs.contains(ssrc)));
            }
            "ssrc-group" => {
                let mut words = value.split_whitespace();
                if let (Some("FID"), Some(media), Some(repair)) =
                    (words.next(), number(words.next()), number(words.next()))
                {
                    section.repair = Some((media, repair));
                }
            }
            _ => {}
        }
    }

    /// What connectivity checks need.
    pub(crate) fn ice(&self, local: &Local, controls: bool) -> IceCredentials {
        IceCredentials {
            user: format!("{}:{}", self.ufrag, local.ufrag),
            password: self.password.clone(),
            own_password: local.password.clone(),
            controls,
        }
    }

    /// Payload type of redundant sound, where both have it.
    pub(crate) fn redundant(&self) -> Option<u8> {
        let sound = self.sections.iter().find(|section| !section.is_video)?;
        sound.formats().redundant
    }

    /// The sections on which the server sends.
    pub(crate) fn slots(&self) -> Vec<SlotSpec> {
        let sending = self.sections.iter().filter(|section| section.sends);
        let slot = |section: &RemoteSection| {
            let media = section.repair.map(|(media, _)| media);
            Some(SlotSpec {
                mid: section.mid.clone(),
                is_video: section.is_video,
                ssrc: media.or(section.ssrcs.first().copied())?,
                repair_ssrc: section.repair.map(|(_, repair)| repair),
                feed: None,
            })
        };
        sending.filter_map(slot).collect()
    }
}

/// An address of this protocol (RFC 8839 section 5.1).
fn candidate(value: &str, protocol: &str) -> Option<SocketAddr> {
    let words: Vec<&str> = value.split_whitespace().collect();
    if !words.get(2)?.eq_ignore_ascii_case(protocol) || *words.get(1)? != "1" {
        return None;
    }
    Some(SocketAddr::new(words.get(4)?.parse().ok()?, words.get(5)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn an_offer_can_be_read_like_a_servers_description() {
        let mut random = StdRng::seed_from_u64(1);
        let local = Local::new(&mut random, "AA:BB");
        let sends = send_specs(&[TrackSource::Microphone, TrackSource::Screen], &mut random);
        let text = offer(&local, &sends, (1, 2), true);
        let read = Remote::parse(&text).unwrap();
        assert_eq!((&read.ufrag, &read.password), (&local.ufrag, &local.password));
        assert_eq!(read.ids, IDS);
        assert_eq!(read.redundant(), Some(REDUNDANT));
        let mids: Vec<&str> = read.sections.iter().map(|section| &section.mid[..]).collect();
        assert_eq!(mids, ["0", "1", "2", "3", "4"]);
        let screen = &sends[1].layers[0];
        assert_eq!(read.sections[1].repair, Some((screen.ssrc, screen.repair_ssrc)));
        let kinds: Vec<bool> = read.sections.iter().map(|section| section.is_video).collect();
        assert_eq!(kinds, [false, true, false, true, true]);
    }

    #[test]
    fn addresses_of_the_other_protocol_and_broken_ones_are_left_out() {
        let address = Some("192.0.2.7:8443".parse().unwrap());
        assert_eq!(candidate("1 1 udp 2130706431 192.0.2.7 8443 typ host", "udp"), address);
        let tcp = "1 1 tcp 1 192.0.2.7 8443 typ host tcptype passive";
        assert_eq!([candidate(tcp, "udp"), candidate(tcp, "tcp")], [None, address]);
        assert_eq!(candidate("1 1 udp 1 name.local 8443 typ host", "udp"), None);
        assert_eq!(candidate("", "udp"), None);
    }
}
