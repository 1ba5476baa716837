//! What one participant publishes: which packet belongs to which layer of which track, and the
//! reports that go back.

use std::time::{Duration, Instant};

use protocol::TrackSource;

use super::track::{LayerKey, Marks, TrackKey};
use crate::bucket::Bucket;
use crate::codec::CodecKind;
use crate::command::{Mid, RecordingTap};
use crate::feedback::{self, ArrivalLog};
use crate::packet::RtpView;
use crate::rtcp::ReceptionBlock;
use crate::sdp::{Codec, ExtensionIds, Offer, Publish, Role, Wishes};

/// The publishing side of one transport.
#[derive(Default)]
pub(crate) struct Publisher {
    active: [bool; TrackSource::ALL.len()],
    saving: bool,
    sections: Vec<PublishedSection>,
    sources: Vec<KnownSource>,
    extensions: ExtensionIds,
    /// Arrival times of all packets, for the browser's bandwidth estimate.
    pub(crate) feedback: ArrivalLog,
    report_due: Option<Instant>,
    loss: Option<(Instant, f64)>,
    /// By source; pictures have one together.
    sound: [Bucket; TrackSource::ALL.len()],
    pictures: Bucket,
    /// What of this participant is recorded. A new transport knows of nothing.
    recordable: Option<Recordable>,
}

/// An open gate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recordable {
    to: RecordingTap,
    sources: [bool; TrackSource::ALL.len()],
}

impl Recordable {
    /// To one recording, for these sources and no others.
    pub(crate) fn new(to: RecordingTap, sources: &[TrackSource]) -> Self {
        Self { to, sources: TrackSource::ALL.map(|source| sources.contains(&source)) }
    }

    /// Whether this source goes to this recording.
    pub(crate) fn admits(self, recording: RecordingTap, source: TrackSource) -> bool {
        self.to == recording && self.sources[source as usize]
    }
}

/// How often a publisher hears how its packets arrive. Raising it makes its loss-based rate
/// control and its round-trip measurement slower.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Weight of the latest report: of one second of sound chance takes its part.
const LOSS_WEIGHT: f64 = 0.3;

/// A report older than this says nothing about now.
const LOSS_AGE: Duration = Duration::from_secs(4);

/// Most sound of one source: 200 kbit/s, more than browsers make of Opus, in stereo and with its
/// redundancy. It goes out to everybody before any picture, also where the path is narrow, so more
/// would push aside all else; lowered, music over Opus is cut.
const SOUND_BYTES_PER_S: f64 = 25_000.0;

/// Most of it at once: what waited for two seconds where a path stood still.
const SOUND_BYTES_AT_ONCE: f64 = 2.0 * SOUND_BYTES_PER_S;

/// Most pictures of one participant: 40 Mbit/s, several times a camera and a screen at their best.
/// Raised, one participant may fill the server's own line.
const PICTURE_BYTES_PER_S: f64 = 5_000_000.0;

/// A packet counts as at least so many bytes: small ones cost the server as much as large ones.
const LEAST_COUNTED: usize = 200;

/// A section on which the browser sends.
pub(crate) struct PublishedSection {
    mid: Mid,
    /// What is sent.
    pub(crate) source: TrackSource,
    rids: Vec<String>,
    codecs: Vec<Codec>,
    /// Whether its picture may come in layers.
    may_scale: bool,
    /// The track it feeds.
    pub(crate) track: TrackKey,
}

/// A synchronisation source that was seen or announced.
#[derive(Clone, Copy, Debug)]
struct KnownSource {
    ssrc: u32,
    is_repair: bool,
    section: usize,
    layer: u8,
}

/// Where a packet belongs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Belonging {
    pub(crate) source: LayerKey,
    pub(crate) track_source: TrackSource,
    /// Set when the packet repeats another: its payload type.
    pub(crate) repeats: Option<u8>,
    pub(crate) codec: CodecKind,
    /// True when earlier sound is repeated before its own (RED, RFC 2198).
    pub(crate) is_redundant: bool,
}

/// Why a packet belongs nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stray {
    /// No section or layer is known for its source.
    UnknownSource,
    /// Its payload type is not of its section.
    UnknownPayloadType,
}

impl Publisher {
    /// Opens or shuts a source.
    pub(crate) fn set_active(&mut self, source: TrackSource, active: bool) {
        self.active[source as usize] = active;
        self.pace_feedback();
    }

    /// Hears as little as it needs from now on, or as usual.
    pub(crate) fn set_saving(&mut self, saving: bool) {
        self.saving = saving;
        self.pace_feedback();
    }

    fn pace_feedback(&mut self) {
        let has_pictures =
            TrackSource::ALL.into_iter().any(|it| it.is_video() && self.is_active(it));
        self.feedback.set_interval(match (self.saving, has_pictures) {
            (true, _) => feedback::SAVING_INTERVAL,
            (false, true) => feedback::INTERVAL,
            (false, false) => feedback::SOUND_INTERVAL,
        });
    }

    /// Whether a source is open.
    pub(crate) fn is_active(&self, source: TrackSource) -> bool {
        self.active[source as usize]
    }

    /// Opens the gate, or shuts it. Gives how it was before.
    pub(crate) fn set_recordable(&mut self, to: Option<Recordable>) -> Option<Recordable> {
        std::mem::replace(&mut self.recordable, to)
    }

    /// The recording its participant agreed to.
    pub(crate) fn recordable(&self) -> Option<RecordingTap> {
        self.recordable.map(|gate| gate.to)
    }

    /// Whether its participant agreed that this source goes to this recording.
    pub(crate) fn is_recordable(&self, recording: RecordingTap, source: TrackSource) -> bool {
        self.recordable.is_some_and(|gate| gate.admits(recording, source))
    }

    /// Whether its sections would be sent differently under other wishes. Browsers send in the
    /// first codec of an answer; what stands behind it may change without a word.
    pub(crate) fn is_concerned(&self, before: Wishes, now: Wishes) -> bool {
        self.sections.iter().any(|section| {
            let is_sound = !section.source.is_video();
            let first = |wishes: Wishes| {
                wishes.accepted(&section.codecs, section.may_scale).first().map(|codec| codec.kind)
            };
            (is_sound && before.frugal_sound != now.frugal_sound) || first(before) != first(now)
        })
    }

    /// Forgets sections and sources; what is open stays open.
    pub(crate) fn reset(&mut self) {
        *self = Self { active: self.active, ..Self::default() };
    }

    /// Takes the sending sections of an offer. `track_of` gives the track of a source and its
    /// number of layers.
    pub(crate) fn negotiate(
        &mut self,
        offer: &Offer,
        mut track_of: impl FnMut(TrackSource, &[String]) -> TrackKey,
    ) {
        self.extensions = offer.extensions;
        let former = std::mem::take(&mut self.sections);
        let known = std::mem::take(&mut self.sources);
        for section in &offer.sections {
            let Role::Publish(publish) = &section.role else {
                continue;
            };
            let at = self.sections.len();
            self.sections.push(PublishedSection {
                mid: section.mid.clone(),
                source: publish.source,
                rids: publish.rids.clone(),
                codecs: section.codecs.clone(),
                may_scale: section.may_scale(),
                track: track_of(publish.source, &publish.rids),
            });
            self.announce(at, publish);
        }
        // Sources learned from packets: browsers do not repeat mid and rid for ever.
        for source in known {
            let mid = &former[source.section].mid;
            if let Some(section) = self.sections.iter().position(|section| section.mid == *mid)
                && !self.sources.iter().any(|other| other.ssrc == source.ssrc)
            {
                self.remember(KnownSource { section, ..source });
            }
        }
    }

    /// The sending sections.
    pub(crate) fn sections(&self) -> &[PublishedSection] {
        &self.sections
    }

    /// Notes an authentic packet's arrival for the reports to come.
    pub(crate) fn note_arrival(&mut self, now: Instant, packet: &RtpView<'_>) {
        self.report_due.get_or_insert(now + REPORT_INTERVAL);
        let number = self.extensions.transport_cc.and_then(|id| packet.extension(id));
        if let Some(&[high, low]) = number {
            self.feedback.handle_packet(now, u16::from_be_bytes([high, low]));
        }
    }

    /// Whether a receiver report is due now; the next one is once more packets came.
    pub(crate) fn poll_report(&mut self, now: Instant) -> bool {
        let is_due = self.report_due.is_some_and(|due| now >= due);
        if is_due {
            self.report_due = None;
        }
        is_due
    }

    /// Notes what is about to be reported lost.
    pub(crate) fn note_loss(&mut self, now: Instant, blocks: &[ReceptionBlock]) {
        // Sound is not repaired, so it tells most.
        let lost = blocks.iter().map(|block| f64::from(block.fraction_lost) / 256.0);
        let latest = lost.fold(0.0, f64::max);
        let former = self.loss(now).unwrap_or(latest);
        self.loss = Some((now, former + LOSS_WEIGHT * (latest - former)));
    }

    /// Part of the packets that was lost of late, 0 to 1; `None` while nothing comes.
    pub(crate) fn loss(&self, now: Instant) -> Option<f64> {
        let (at, loss) = self.loss?;
        (now.saturating_duration_since(at) < LOSS_AGE).then_some(loss)
    }

    /// Whether another packet of so many bytes is within what one participant may send.
    pub(crate) fn may_send(&mut self, now: Instant, source: TrackSource, bytes: usize) -> bool {
        let bytes = bytes.max(LEAST_COUNTED);
        if source.is_video() {
            self.pictures.take(now, bytes, PICTURE_BYTES_PER_S, PICTURE_BYTES_PER_S)
        } else {
            let of_source = &mut self.sound[source as usize];
            of_source.take(now, bytes, SOUND_BYTES_PER_S, SOUND_BYTES_AT_ONCE)
        }
    }

    /// When something is to be reported.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        [self.report_due, self.feedback.poll_timeout()].into_iter().flatten().min()
    }

    /// Id and value of a packet's dependency descriptor.
    pub(crate) fn dependency<'a>(&self, packet: &RtpView<'a>) -> Option<(u8, &'a [u8])> {
        let id = self.extensions.dependency?;
        Some((id, packet.extension(id)?))
    }

    /// What a packet says of itself to every subscriber.
    pub(crate) fn marks(&self, packet: &RtpView<'_>) -> Marks {
        let value = |id: Option<u8>| packet.extension(id?);
        Marks {
            audio_level: value(self.extensions.audio_level).and_then(|v| v.first()).copied(),
            capture_time: value(self.extensions.capture_time)
                .and_then(|value| value.first_chunk())
                .copied(),
        }
    }

    /// Where an authentic packet belongs; learns its source on the way.
    pub(crate) fn place(&mut self, packet: &RtpView<'_>) -> Result<Belonging, Stray> {
        let known = self.sources.iter().find(|source| source.ssrc == packet.ssrc()).copied();
        let source = match known {
            Some(source) => source,
            None => {
                let source = self.recognise(packet).ok_or(Stray::UnknownSource)?;
                self.remember(source);
                source
            }
        };
        let section = &self.sections[source.section];
        let payload_type = packet.payload_type();
        let find = |of: fn(&Codec) -> Option<u8>| {
            section.codecs.iter().find(|codec| of(codec) == Some(payload_type))
        };
        let redundant = || find(|codec| codec.red_payload_type);
        let (codec, repeats) = if source.is_repair {
            let codec = find(|codec| codec.rtx_payload_type).ok_or(Stray::UnknownPayloadType)?;
            (codec, Some(codec.payload_type))
        } else {
            let codec = find(|codec| Some(codec.payload_type)).or_else(redundant);
            (codec.ok_or(Stray::UnknownPayloadType)?, None)
        };
        Ok(Belonging {
            source: LayerKey { track: section.track, layer: source.layer },
            track_source: section.source,
            repeats,
            codec: codec.kind,
            is_redundant: !source.is_repair && codec.red_payload_type == Some(payload_type),
        })
    }

    /// Finds section and layer of a packet of an unknown source by its header extensions.
    fn recognise(&self, packet: &RtpView<'_>) -> Option<KnownSource> {
        let text =
            |id: Option<u8>| packet.extension(id?).and_then(|value| str::from_utf8(value).ok());
        let mid = text(self.extensions.mid)?;
        let at = self.sections.iter().position(|section| section.mid.as_str() == mid)?;
        let section = &self.sections[at];
        let (rid, is_repair) = match text(self.extensions.repaired_rid) {
            Some(rid) => (Some(rid), true),
            None => {
                let payload_type = Some(packet.payload_type());
                let is_repair =
                    section.codecs.iter().any(|codec| codec.rtx_payload_type == payload_type);
                (text(self.extensions.rid), is_repair)
            }
        };
        let layer = match rid {
            _ if section.rids.is_empty() => 0,
            Some(rid) => section.rids.iter().position(|known| known == rid)?,
            None => return None,
        };
        Some(KnownSource {
            ssrc: packet.ssrc(),
            is_repair,
            section: at,
            layer: u8::try_from(layer).ok()?,
        })
    }

    fn announce(&mut self, section: usize, publish: &Publish) {
        // With rids the order of announced sources says nothing about layers.
        if !publish.rids.is_empty() {
            return;
        }
        if let Some(declared) = publish.ssrcs.first() {
            let source = |ssrc, is_repair| KnownSource { ssrc, is_repair, section, layer: 0 };
            self.remember(source(declared.media, false));
            if let Some(rtx) = declared.rtx {
                self.remember(source(rtx, true));
            }
        }
    }

    /// One source per layer and kind: a newer one takes the place of the former.
    fn remember(&mut self, source: KnownSource) {
        self.sources.retain(|other| {
            other.ssrc != source.ssrc
                && (other.section, other.layer, other.is_repair)
                    != (source.section, source.layer, source.is_repair)
        });
        self.sources.push(source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::CodecSet;
    use crate::command::Frames;
    use crate::packet::{Extension, RtpHeader};
    use crate::sdp;

    const OFFER: &str = include_str!("../../tests/data/chromium-first.sdp");

    #[test]
    fn layers_and_their_repairs_are_learned_from_the_first_packets() {
        let (mut publisher, offer) = publisher();
        let camera = &offer.sections[1];
        let codec = camera.codecs[0];
        let rtx = codec.rtx_payload_type.unwrap();
        for (layer, rid) in ["h", "m", "l"].into_iter().enumerate() {
            let ssrc = 100 + layer as u32;
            let media = packet(&offer, ssrc, codec.payload_type, "1", Some((false, rid)));
            let place = place(&mut publisher, &media).unwrap();
            assert_eq!(usize::from(place.source.layer), layer);
            assert_eq!((place.track_source, place.repeats), (TrackSource::Camera, None));
            let repair = packet(&offer, ssrc + 50, rtx, "1", Some((true, rid)));
            let place = self::place(&mut publisher, &repair).unwrap();
            assert_eq!(usize::from(place.source.layer), layer);
            assert_eq!(place.repeats, Some(codec.payload_type));
        }
        // Browsers leave the names out once they know that they were understood.
        let bare = bare(101, codec.payload_type);
        assert_eq!(place(&mut publisher, &bare).unwrap().source.layer, 1);
        let bare = self::bare(151, rtx);
        assert_eq!(place(&mut publisher, &bare).unwrap().source.layer, 1);
    }

    #[test]
    fn what_was_learned_outlives_a_later_offer() {
        let (mut publisher, offer) = publisher();
        let codec = offer.sections[1].codecs[0];
        let media = packet(&offer, 100, codec.payload_type, "1", Some((false, "m")));
        place(&mut publisher, &media).unwrap();
        negotiate(&mut publisher, &offer);
        assert_eq!(place(&mut publisher, &bare(100, codec.payload_type)).unwrap().source.layer, 1);
    }

    #[test]
    fn a_new_source_takes_the_place_of_the_former_of_its_layer() {
        let (mut publisher, offer) = publisher();
        let codec = offer.sections[1].codecs[0];
        for ssrc in 100..200 {
            let media = packet(&offer, ssrc, codec.payload_type, "1", Some((false, "h")));
            place(&mut publisher, &media).unwrap();
        }
        let known = publisher.sources.iter().filter(|source| source.section == 1).count();
        assert_eq!(known, 1);
        let former = place(&mut publisher, &bare(100, codec.payload_type));
        assert_eq!(former.unwrap_err(), Stray::UnknownSource);
    }

    #[test]
    fn strays_are_told_apart() {
        let (mut publisher, offer) = publisher();
        let codec = offer.sections[1].codecs[0];
        let stray = |publisher: &mut Publisher, bytes: &[u8]| place(publisher, bytes).unwrap_err();
        assert_eq!(stray(&mut publisher, &bare(7, codec.payload_type)), Stray::UnknownSource);
        for (mid, rid) in [("1", "x"), ("77", "h")] {
            let bytes = packet(&offer, 7, codec.payload_type, mid, Some((false, rid)));
            assert_eq!(stray(&mut publisher, &bytes), Stray::UnknownSource);
        }
        let bytes = packet(&offer, 7, 1, "1", Some((false, "h")));
        assert_eq!(stray(&mut publisher, &bytes), Stray::UnknownPayloadType);
    }

    #[test]
    fn only_what_would_be_sent_otherwise_concerns_a_publisher() {
        let (publisher, _) = publisher();
        let all = Wishes::default();
        let frugal = Wishes { frugal_sound: true, ..all };
        assert!(publisher.is_concerned(all, frugal));
        let playing =
            |kinds: &[CodecKind]| Wishes { playable: CodecSet::of(kinds.iter().copied()), ..all };
        let [vp8, vp9] = [CodecKind::Vp8, CodecKind::Vp9];
        assert!(!publisher.is_concerned(all, playing(&[vp8, vp9])), "VP8 is what it sends");
        assert!(publisher.is_concerned(all, playing(&[vp9])));
        assert!(!publisher.is_concerned(all, playing(&[])), "better something than nothing");
    }

    fn publisher() -> (Publisher, Offer) {
        let mid = |text| Mid::new(text).unwrap();
        let publish = [(mid("0"), TrackSource::Microphone), (mid("1"), TrackSource::Camera)];
        let offer = sdp::parse_offer(OFFER, &publish, Frames::Clear).unwrap();
        let mut publisher = Publisher::default();
        negotiate(&mut publisher, &offer);
        (publisher, offer)
    }

    fn negotiate(publisher: &mut Publisher, offer: &Offer) {
        publisher.negotiate(offer, |source, _| TrackKey { index: source as u16, serial: 0 });
    }

    fn place(publisher: &mut Publisher, bytes: &[u8]) -> Result<Belonging, Stray> {
        publisher.place(&RtpView::parse(bytes).unwrap())
    }

    fn bare(ssrc: u32, payload_type: u8) -> Vec<u8> {
        let header = RtpHeader { marker: false, payload_type, sequence: 1, timestamp: 1, ssrc };
        let mut bytes = vec![0; 20];
        header.write(&[], &mut bytes).unwrap();
        bytes
    }

    fn packet(
        offer: &Offer,
        ssrc: u32,
        payload_type: u8,
        mid: &str,
        rid: Option<(bool, &str)>,
    ) -> Vec<u8> {
        let ids = offer.extensions;
        let mut extensions = vec![Extension { id: ids.mid.unwrap(), value: mid.as_bytes() }];
        if let Some((is_repair, rid)) = rid {
            let id = if is_repair { ids.repaired_rid } else { ids.rid };
            extensions.push(Extension { id: id.unwrap(), value: rid.as_bytes() });
        }
        let header = RtpHeader { marker: false, payload_type, sequence: 1, timestamp: 1, ssrc };
        let mut bytes = vec![0; 60];
        let len = header.write(&extensions, &mut bytes).unwrap();
        bytes.truncate(len + 8);
        bytes
    }
}
