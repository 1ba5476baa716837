//! From the text of an offer to [`Offer`].

use std::collections::BTreeSet;

use protocol::{Redacted, TrackSource};
use rtc_sdp::description::common::Attribute;
use rtc_sdp::{MediaDescription, SessionDescription};

use super::attribute::{
    Direction, has, inherited, parameter, parse_fingerprint, parse_hex, parse_payload_type, values,
};
use super::{
    Codec, DeclaredSsrc, ExtensionIds, Feedback, Fingerprint, IceCredentials, MAX_DECLARED_SSRCS,
    MAX_OFFER_BYTES, MAX_RIDS, MAX_SECTIONS, MediaKind, Offer, Publish, Role, Section,
    usable_codecs,
};
use crate::codec::CodecKind;
use crate::command::{Frames, Mid, NegotiationError};

/// Reads an offer. `publish` says which sending sections carry which source; sending sections it
/// does not name stay inactive. Only what can be used in a room of such `frames` is taken: of raw
/// pictures those alone that come with dependency descriptors.
///
/// Errors are those of [`NegotiationError`]; an offer that is refused changes nothing.
pub fn parse_offer(
    sdp: &str,
    publish: &[(Mid, TrackSource)],
    frames: Frames,
) -> Result<Offer, NegotiationError> {
    let is_text = |byte: u8| byte >= b' ' || b"\r\n\t".contains(&byte);
    if sdp.len() > MAX_OFFER_BYTES || !sdp.bytes().all(is_text) {
        return Err(NegotiationError::Malformed);
    }
    let description = SessionDescription::unmarshal(&mut std::io::Cursor::new(sdp))
        .map_err(|_| NegotiationError::Malformed)?;
    if description.media_descriptions.len() > MAX_SECTIONS {
        return Err(NegotiationError::TooManySections);
    }
    let bundle: BTreeSet<&str> = values(&description.attributes, "group")
        .filter_map(|group| group.strip_prefix("BUNDLE "))
        .flat_map(str::split_whitespace)
        .collect();

    let mut reader = Reader {
        session: &description.attributes,
        bundle,
        publish,
        frames,
        transport: None,
        extensions: ExtensionIds::default(),
        sound_slots: 0,
        picture_slots: 0,
    };
    let mut sections = Vec::with_capacity(description.media_descriptions.len());
    for media in &description.media_descriptions {
        let section = reader.read_section(media)?;
        if sections.iter().any(|earlier: &Section| earlier.mid == section.mid) {
            return Err(NegotiationError::Malformed);
        }
        sections.push(section);
    }
    let matched = sections.iter().filter(|s| matches!(s.role, Role::Publish(_))).count();
    let sources: BTreeSet<_> = publish.iter().map(|(_, source)| source).collect();
    if matched != publish.len() || sources.len() != publish.len() {
        return Err(NegotiationError::PublishMismatch);
    }
    let Transport { ice, fingerprint } = reader.transport.ok_or(NegotiationError::NoCommonCodec)?;
    Ok(Offer {
        ice,
        fingerprint,
        extensions: reader.extensions,
        sections,
        session_version: description.origin.session_version,
        allows_mixed_extensions: has(&description.attributes, "extmap-allow-mixed"),
    })
}

/// Collects what must be the same in every section of the bundle.
struct Reader<'a> {
    session: &'a [Attribute],
    bundle: BTreeSet<&'a str>,
    publish: &'a [(Mid, TrackSource)],
    frames: Frames,
    transport: Option<Transport>,
    extensions: ExtensionIds,
    sound_slots: usize,
    picture_slots: usize,
}

#[derive(PartialEq, Eq)]
struct Transport {
    ice: IceCredentials,
    fingerprint: Fingerprint,
}

impl Reader<'_> {
    fn read_section(&mut self, media: &MediaDescription) -> Result<Section, NegotiationError> {
        let name = &media.media_name;
        let mid = values(&media.attributes, "mid")
            .next()
            .and_then(Mid::new)
            .ok_or(NegotiationError::Malformed)?;
        let kind = match name.media.as_str() {
            "audio" => MediaKind::Audio,
            "video" => MediaKind::Video,
            _ => MediaKind::Other,
        };
        let mut section = Section {
            mid,
            kind,
            role: Role::Rejected,
            codecs: Vec::new(),
            extensions: ExtensionIds::default(),
            media: name.media.clone(),
            protocol: name.protos.join("/"),
            first_format: name.formats.first().cloned().unwrap_or_default(),
            directed_extensions: Vec::new(),
            allows_mixed_extensions: has(&media.attributes, "extmap-allow-mixed"),
            reduced_size_rtcp: has(&media.attributes, "rtcp-rsize"),
        };
        // RFC 9143 section 7.2: port 0 means rejected unless the section is bundle-only.
        let is_stopped = name.port.value == 0 && !has(&media.attributes, "bundle-only");
        let source = self.publish.iter().find(|(mid, _)| *mid == section.mid).map(|(_, s)| *s);
        if is_stopped || kind == MediaKind::Other {
            return Ok(section);
        }
        section.codecs = read_codecs(media, kind)?;
        usable_codecs(self.frames, &mut section.codecs);
        if section.codecs.is_empty() {
            return if source.is_some() {
                Err(NegotiationError::NoCommonCodec)
            } else {
                Ok(section)
            };
        }
        let is_usable = self.bundle.contains(section.mid.as_str())
            && has(&media.attributes, "rtcp-mux")
            && section.protocol.ends_with("TLS/RTP/SAVPF");
        if !is_usable {
            return Err(NegotiationError::Malformed);
        }
        self.read_transport(media)?;

        let direction = Direction::of(self.session, media);
        section.role = match source {
            Some(source) => {
                let is_video = kind == MediaKind::Video;
                if !direction.sends || source.is_video() != is_video {
                    return Err(NegotiationError::PublishMismatch);
                }
                read_publish(media, source).map(Role::Publish)?
            }
            None if direction.receives && !direction.sends => Role::Slot {
                ordinal: match kind {
                    MediaKind::Video => next(&mut self.picture_slots),
                    MediaKind::Audio | MediaKind::Other => next(&mut self.sound_slots),
                },
            },
            None => Role::Inactive,
        };
        self.read_extensions(media, &mut section)?;
        let is_raw = section.codecs.iter().any(|codec| codec.is_raw);
        if is_raw && section.extensions.dependency.is_none() {
            // Nothing else would say where its frames begin.
            match section.role {
                Role::Publish(_) => return Err(NegotiationError::NoCommonCodec),
                Role::Slot { .. } => section.role = Role::Rejected,
                Role::Inactive | Role::Rejected => {}
            }
        }
        Ok(section)
    }

    fn read_transport(&mut self, media: &MediaDescription) -> Result<(), NegotiationError> {
        let inherited = |key| inherited(self.session, media, key);
        let is_ice_text = |text: &&str, min| {
            let is_ice_char = |b: u8| b.is_ascii_alphanumeric() || b"+/-_=".contains(&b);
            (min..=256).contains(&text.len()) && text.bytes().all(is_ice_char)
        };
        let ufrag = inherited("ice-ufrag").filter(|text| is_ice_text(text, 4));
        let pwd = inherited("ice-pwd").filter(|text| is_ice_text(text, 22));
        let fingerprint = values(&media.attributes, "fingerprint")
            .chain(values(self.session, "fingerprint"))
            .find_map(parse_fingerprint);
        let accepts_our_role =
            inherited("setup").is_some_and(|role| matches!(role, "actpass" | "active"));
        let (Some(ufrag), Some(pwd), Some(fingerprint), true) =
            (ufrag, pwd, fingerprint, accepts_our_role)
        else {
            return Err(NegotiationError::Malformed);
        };
        let pwd = Redacted::new(pwd.to_owned());
        let transport =
            Transport { ice: IceCredentials { ufrag: ufrag.to_owned(), pwd }, fingerprint };
        if self.transport.as_ref().is_some_and(|first| *first != transport) {
            return Err(NegotiationError::Malformed);
        }
        self.transport = Some(transport);
        Ok(())
    }

    /// Keeps the known extensions that are of use in the section's direction. The same id must
    /// mean the same in the whole bundle (RFC 9143 section 9.2).
    fn read_extensions(
        &mut self,
        media: &MediaDescription,
        section: &mut Section,
    ) -> Result<(), NegotiationError> {
        for value in values(&media.attributes, "extmap") {
            let mut fields = value.split_whitespace();
            let (Some(id), Some(uri)) = (fields.next(), fields.next()) else { continue };
            let (id, direction, is_directed) = match id.split_once('/') {
                Some((id, direction)) => (id, Direction::parse(direction), true),
                None => (id, Some(Direction { sends: true, receives: true }), false),
            };
            let is_of_use = direction.is_some_and(|direction| match section.role {
                Role::Publish(_) => direction.sends,
                Role::Slot { .. } => direction.receives,
                Role::Inactive | Role::Rejected => false,
            });
            let Some(id) = id.parse().ok().filter(|id| (1..=14).contains(id)) else { continue };
            let Some(entry) = section.extensions.entry_mut(uri).filter(|_| is_of_use) else {
                continue;
            };
            *entry = Some(id);
            if is_directed {
                section.directed_extensions.push(id);
            }
            let Some(shared) = self.extensions.entry_mut(uri) else { continue };
            if shared.is_some_and(|earlier| earlier != id) {
                return Err(NegotiationError::Malformed);
            }
            *shared = Some(id);
        }
        let mut ids: Vec<u8> = self.extensions.entries().iter().filter_map(|(_, id)| *id).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(NegotiationError::Malformed);
        }
        Ok(())
    }
}

fn next(counter: &mut usize) -> usize {
    *counter += 1;
    *counter - 1
}

/// The codecs this server speaks, each kind once, in its own order of preference.
fn read_codecs(media: &MediaDescription, kind: MediaKind) -> Result<Vec<Codec>, NegotiationError> {
    let format = |pt: u8| {
        values(&media.attributes, "fmtp")
            .filter_map(parse_payload_type)
            .find_map(|(of, parameters)| (of == pt).then_some(parameters))
            .unwrap_or_default()
    };
    let is_raw = |pt: u8| {
        let mut packetizations = values(&media.attributes, "packetization");
        packetizations.any(|value| parse_payload_type(value) == Some((pt, "raw")))
    };
    let mut payload_types = BTreeSet::new();
    let mut codecs: Vec<Codec> = Vec::new();
    let mut repeats = Vec::new();
    let mut redundant = Vec::new();
    for (payload_type, encoding) in
        values(&media.attributes, "rtpmap").filter_map(parse_payload_type)
    {
        if !payload_types.insert(payload_type) {
            return Err(NegotiationError::Malformed);
        }
        if encoding.eq_ignore_ascii_case("rtx/90000") {
            if let Some(of) =
                parameter(format(payload_type), "apt").and_then(|apt| apt.parse().ok())
            {
                repeats.push((payload_type, of));
            }
            continue;
        }
        if encoding.eq_ignore_ascii_case("red/48000/2") {
            redundant.push((payload_type, format(payload_type)));
            continue;
        }
        let Some((codec_kind, profile_level_id)) = recognise(encoding, format(payload_type)) else {
            continue;
        };
        if codec_kind.is_video() != (kind == MediaKind::Video) {
            continue;
        }
        let codec = Codec {
            kind: codec_kind,
            payload_type,
            rtx_payload_type: None,
            red_payload_type: None,
            feedback: read_feedback(media, payload_type),
            is_raw: is_raw(payload_type),
            profile_level_id,
        };
        match codecs.iter_mut().find(|known| known.kind == codec_kind) {
            // Constrained baseline is the one H264 profile that every browser decodes.
            Some(known) if is_constrained(&codec) && !is_constrained(known) => *known = codec,
            Some(_) => {}
            None => codecs.push(codec),
        }
    }
    for codec in &mut codecs {
        codec.rtx_payload_type = repeats.iter().find_map(|(payload_type, of): &(u8, u8)| {
            (*of == codec.payload_type).then_some(*payload_type)
        });
    }
    for codec in codecs.iter_mut().filter(|codec| codec.kind == CodecKind::Opus) {
        // RFC 2198 section 5: the types of all blocks, here each the codec's own.
        let is_of_codec =
            |types: &str| types.split('/').all(|block| block.parse() == Ok(codec.payload_type));
        let found = redundant.iter().find(|(_, types)| is_of_codec(types));
        codec.red_payload_type = found.map(|(payload_type, _)| *payload_type);
    }
    codecs.sort_by_key(|codec| codec.kind);
    Ok(codecs)
}

/// The codec behind an `a=rtpmap` encoding and its parameters, with its H264 profile.
fn recognise(encoding: &str, parameters: &str) -> Option<(CodecKind, u32)> {
    let is_first_profile = |name| parameter(parameters, name).is_none_or(|value| value == "0");
    match encoding.to_ascii_lowercase().as_str() {
        "opus/48000/2" => Some((CodecKind::Opus, 0)),
        "vp8/90000" => Some((CodecKind::Vp8, 0)),
        "vp9/90000" if is_first_profile("profile-id") => Some((CodecKind::Vp9, 0)),
        "av1/90000" if is_first_profile("profile") => Some((CodecKind::Av1, 0)),
        "h264/90000" if parameter(parameters, "packetization-mode") == Some("1") => {
            let profile = parameter(parameters, "profile-level-id").filter(|id| id.len() == 6)?;
            let profile = parse_hex(profile)?;
            (profile >> 16 == H264_BASELINE).then_some((CodecKind::H264, profile))
        }
        _ => None,
    }
}

/// `profile_idc` of baseline (RFC 6184 section 8.1, table 5).
const H264_BASELINE: u32 = 0x42;
/// `constraint_set1_flag` of the second byte: constrained baseline.
const H264_CONSTRAINED: u32 = 0x40 << 8;

fn is_constrained(codec: &Codec) -> bool {
    codec.profile_level_id & H264_CONSTRAINED != 0
}

fn read_feedback(media: &MediaDescription, payload_type: u8) -> Feedback {
    let mut feedback = Feedback::default();
    for value in values(&media.attributes, "rtcp-fb") {
        let Some((of, message)) = value.split_once(' ') else { continue };
        if of != "*" && of.parse() != Ok(payload_type) {
            continue;
        }
        match message.trim() {
            "nack" => feedback.nack = true,
            "nack pli" => feedback.pli = true,
            "ccm fir" => feedback.fir = true,
            "transport-cc" => feedback.transport_cc = true,
            _ => {}
        }
    }
    feedback
}

fn read_publish(
    media: &MediaDescription,
    source: TrackSource,
) -> Result<Publish, NegotiationError> {
    Ok(Publish { source, rids: read_rids(media)?, ssrcs: read_ssrcs(media)? })
}

/// Layers of `a=simulcast:send` that `a=rid` declares too (RFC 8853 section 5.2). Of alternatives
/// the first counts; a leading `~` (paused at first) changes nothing here.
fn read_rids(media: &MediaDescription) -> Result<Vec<String>, NegotiationError> {
    let mut rids: Vec<String> = Vec::new();
    let mut simulcast = values(&media.attributes, "simulcast").flat_map(str::split_whitespace);
    while let Some(direction) = simulcast.next() {
        let Some(layers) = simulcast.next().filter(|_| direction == "send") else { continue };
        for layer in layers.split(';') {
            let rid = layer.split(',').next().unwrap_or_default().trim_start_matches('~');
            let is_declared = values(&media.attributes, "rid")
                .any(|value| value.split_whitespace().take(2).eq([rid, "send"]));
            let is_name = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            let is_rid = (1..=Mid::MAX_BYTES).contains(&rid.len()) && rid.bytes().all(is_name);
            if !is_declared || !is_rid || rids.iter().any(|earlier| earlier == rid) {
                return Err(NegotiationError::Malformed);
            }
            rids.push(rid.to_owned());
        }
    }
    if rids.len() > MAX_RIDS {
        return Err(NegotiationError::Malformed);
    }
    Ok(rids)
}

/// Declared sources with their retransmission sources beside them.
fn read_ssrcs(media: &MediaDescription) -> Result<Vec<DeclaredSsrc>, NegotiationError> {
    let mut ssrcs = Vec::new();
    for value in values(&media.attributes, "ssrc") {
        let ssrc = value.split_whitespace().next().and_then(|text| text.parse::<u32>().ok());
        let ssrc = ssrc.ok_or(NegotiationError::Malformed)?;
        if !ssrcs.contains(&ssrc) {
            ssrcs.push(ssrc);
        }
        if ssrcs.len() > MAX_DECLARED_SSRCS {
            return Err(NegotiationError::Malformed);
        }
    }
    let mut pairs = Vec::new();
    for group in values(&media.attributes, "ssrc-group") {
        let mut fields = group.split_whitespace();
        if fields.next() != Some("FID") {
            continue;
        }
        let mut field = || fields.next().and_then(|text| text.parse::<u32>().ok());
        let (Some(first), Some(second)) = (field(), field()) else {
            return Err(NegotiationError::Malformed);
        };
        if first == second || pairs.len() == MAX_DECLARED_SSRCS {
            return Err(NegotiationError::Malformed);
        }
        pairs.push((first, second));
    }
    let is_repeat = |ssrc: &u32| pairs.iter().any(|(_, rtx)| rtx == ssrc);
    Ok(ssrcs
        .iter()
        .filter(|ssrc| !is_repeat(ssrc))
        .map(|ssrc| DeclaredSsrc {
            media: *ssrc,
            rtx: pairs.iter().find_map(|(media, rtx)| (media == ssrc).then_some(*rtx)),
        })
        .collect())
}
