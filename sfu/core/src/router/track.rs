//! One published source and its layers, as the subscribers of the room see it.

use std::time::{Duration, Instant};

use protocol::{TrackId, TrackSource};

use super::demand::Demand;
use super::rate::{LayerRate, Movement, Moving};
use crate::codec::{CodecKind, FrameInfo, TemporalId};
use crate::demux::TransportKey;
use crate::dependency::{self, DecodeTarget, Frame, Indication, Structure};
use crate::keyframe::KeyFrameRequests;
use crate::layer::AliveLayers;
use crate::loss::LossTracker;
use crate::retransmission::Ring;
use crate::rtcp::SenderInfo;
use crate::sframe::Start;

/// Names a track within its router. The serial number tells it from a former one at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TrackKey {
    /// Its place in the router's table.
    pub(crate) index: u16,
    /// Never given twice in one room.
    pub(crate) serial: u32,
}

/// Names one layer of one track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LayerKey {
    /// The track.
    pub(crate) track: TrackKey,
    /// Position of the layer, highest first.
    pub(crate) layer: u8,
}

/// A published source.
pub(crate) struct Track {
    pub(crate) key: TrackKey,
    pub(crate) id: TrackId,
    /// Whose packets it consists of.
    pub(crate) publisher: TransportKey,
    /// Highest first.
    pub(crate) layers: Vec<Layer>,
    /// Names of the layers as the publisher's page knows them; one empty name without simulcast.
    pub(crate) rids: Vec<String>,
    /// Which of them anybody watches.
    pub(crate) demand: Demand,
}

impl Track {
    /// Without a packet yet.
    pub(crate) fn new(
        key: TrackKey,
        id: TrackId,
        publisher: TransportKey,
        rids: Vec<String>,
    ) -> Self {
        let layers = rids.iter().map(|_| Layer::new(id.source)).collect();
        Self { key, id, publisher, layers, rids, demand: Demand::new() }
    }

    /// Which layers take part when a path is divided: those that send, and a screen that rests, for
    /// it may move at any time.
    pub(crate) fn divided(&self, now: Instant) -> AliveLayers {
        let is_only = self.layers.len() == 1;
        let rests =
            |layer: &Layer| is_only && layer.movement.is_some() && layer.alive_until.is_some();
        AliveLayers::from_fn(self.layers.len(), |at| {
            self.layers[at].is_alive(now) || rests(&self.layers[at])
        })
    }

    /// Bits per second a layer of a screen takes at the moment. What others take changes little.
    pub(crate) fn movement(&self, now: Instant, layer: usize) -> Option<Moving> {
        let movement = self.layers.get(layer)?.movement.as_ref()?;
        Some(movement.measured(now))
    }

    /// Which layers send now.
    pub(crate) fn alive(&self, now: Instant) -> AliveLayers {
        AliveLayers::from_fn(self.layers.len(), |at| self.layers[at].is_alive(now))
    }

    /// Whether all its sizes come as layers of one encoding.
    pub(crate) fn is_layered(&self) -> bool {
        let mut layers = self.layers.iter();
        layers.next().is_some_and(|first| first.scalable.is_some())
            && layers.all(|other| other.scalable.is_none())
    }

    /// Bits per second one layer takes on the wire to a subscriber, up to one of its temporal
    /// layers; until it was measured, what browsers usually send.
    pub(crate) fn rate(&self, now: Instant, layer: usize, temporal: usize) -> u64 {
        let measured = self.layers.get(layer).and_then(|layer| layer.measured(now, temporal));
        measured.unwrap_or_else(|| {
            let above_lowest = self.layers.len().saturating_sub(layer + 1);
            USUAL_RATES[if self.layers.len() == 1 { 1 } else { above_lowest.min(2) }]
        })
    }

    /// How many temporal layers one layer has.
    pub(crate) fn temporal_count(&self, layer: usize) -> usize {
        self.layers.get(layer).map_or(1, |layer| layer.temporal_count)
    }

    /// Wants a key frame of one layer; the publisher's turn comes at its next deadline.
    pub(crate) fn want_key_frame(&mut self, now: Instant, layer: u8) {
        if let Some(layer) = self.layers.get_mut(usize::from(layer)) {
            layer.want_key_frame(now);
        }
    }
}

/// One encoding of a source.
pub(crate) struct Layer {
    /// Its source, once learned.
    pub(crate) ssrc: Option<u32>,
    /// Codec of its latest packet.
    pub(crate) codec: Option<CodecKind>,
    /// Packets that went by, for retransmission and for the fan-out of the present batch.
    pub(crate) ring: Ring,
    /// What is missing.
    pub(crate) losses: LossTracker,
    /// Wishes of the subscribers.
    pub(crate) key_frames: KeyFrameRequests,
    /// How the publisher's clock and this layer's timestamps relate.
    pub(crate) sender_report: Option<ReceivedReport>,
    /// Before then no other one is taken.
    next_report: Option<Instant>,
    /// Time of the latest frame that came in clear where all are encrypted.
    in_clear: Option<u32>,
    /// Layers within it, where dependency descriptors tell of any.
    pub(crate) scalable: Option<Scalable>,
    /// Structures told so far.
    structures: u32,
    /// By temporal layer, each for itself.
    rates: [LayerRate; MAX_TEMPORAL],
    /// Of a screen, which moves and rests.
    movement: Option<Movement>,
    temporal_count: usize,
    is_video: bool,
    newest: Option<u16>,
    /// Until when it counts as sending.
    alive_until: Option<Instant>,
}

/// How to read the dependency descriptors of a layer.
#[derive(Debug)]
pub(crate) struct Scalable {
    /// Which structure of its layer it is, counted from the first.
    pub(crate) number: u32,
    /// Id of the header extension as the publisher knows it.
    pub(crate) id: u8,
    /// What its latest key frame told.
    pub(crate) structure: Structure,
    /// What each of its decode targets takes.
    rates: Vec<LayerRate>,
}

impl Scalable {
    fn new(number: u32, id: u8, structure: Structure, is_screen: bool) -> Self {
        let rates = structure.targets().iter().map(|_| LayerRate::of(is_screen)).collect();
        Self { number, id, structure, rates }
    }

    /// What can be chosen of it up to a spatial layer, from the least to the most, and the bits
    /// per second each takes. Jerky pictures are for where nothing else is left.
    pub(crate) fn choices(
        &self,
        now: Instant,
        highest: u8,
    ) -> impl Iterator<Item = (DecodeTarget, u64)> + '_ {
        let targets = self.structure.targets();
        let top = targets.iter().map(|target| target.temporal).max().unwrap_or(0);
        let steps = (0..=highest).flat_map(move |spatial| {
            let least = if spatial == 0 { 0 } else { top.min(1) };
            (least..=top).map(move |temporal| DecodeTarget { spatial, temporal })
        });
        steps.filter_map(move |target| {
            let at = targets.iter().position(|known| *known == target)?;
            let usual = USUAL_RATES[usize::from(target.spatial).min(USUAL_RATES.len() - 1)];
            Some((target, self.rates[at].measured(now).unwrap_or(usual)))
        })
    }
}

/// What the dependency descriptor of one packet says, read once for all subscribers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Described {
    frame: Frame,
    /// [`Scalable::number`] of the structure it was read by.
    structure: u32,
}

impl Described {
    /// The frame, unless another structure holds since.
    pub(crate) fn frame(&self, scalable: &Scalable) -> Option<&Frame> {
        (self.structure == scalable.number).then_some(&self.frame)
    }
}

/// A publisher's sender report and when it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReceivedReport {
    pub(crate) info: SenderInfo,
    pub(crate) at: Instant,
}

impl Layer {
    fn new(source: TrackSource) -> Self {
        let is_video = matches!(source, TrackSource::Camera | TrackSource::Screen);
        let is_screen = source == TrackSource::Screen;
        Self {
            ssrc: None,
            codec: None,
            ring: ring(is_video),
            losses: losses(is_video),
            key_frames: KeyFrameRequests::new(),
            sender_report: None,
            next_report: None,
            in_clear: None,
            scalable: None,
            structures: 0,
            rates: std::array::from_fn(|_| LayerRate::of(is_screen)),
            movement: is_screen.then(Movement::new),
            temporal_count: 1,
            is_video,
            newest: None,
            alive_until: None,
        }
    }

    /// Starts over under another source: nothing of the former numbering holds.
    pub(crate) fn restart(&mut self, ssrc: u32) {
        self.ssrc = Some(ssrc);
        self.ring = ring(self.is_video);
        self.losses = losses(self.is_video);
        self.sender_report = None;
        self.newest = None;
        self.in_clear = None;
        self.scalable = None;
    }

    /// Takes its publisher's sender report; false when it comes too soon after the one before.
    pub(crate) fn take_sender_report(&mut self, now: Instant, info: SenderInfo) -> bool {
        if self.next_report.is_some_and(|next| now < next) {
            return false;
        }
        self.next_report = Some(now + REPORT_DISTANCE);
        self.sender_report = Some(ReceivedReport { info, at: now });
        self.losses.handle_sender_report(now, &info);
        true
    }

    /// Whether a packet is of a frame in clear, of which the first packet tells.
    pub(crate) fn is_in_clear(&mut self, timestamp: u32, start: Start) -> bool {
        match start {
            Start::No => {}
            Start::Epoch(_) => self.in_clear = None,
            Start::InClear => self.in_clear = Some(timestamp),
        }
        self.in_clear == Some(timestamp)
    }

    /// Takes the dependency descriptor of a packet of so many bytes, and gives what it says of its
    /// frame; nothing when it cannot be read.
    pub(crate) fn note_dependency(
        &mut self,
        now: Instant,
        id: u8,
        descriptor: &[u8],
        bytes: usize,
    ) -> (FrameInfo, Option<Described>) {
        let known = self.scalable.as_ref().map(|scalable| &scalable.structure);
        let Ok((frame, told)) = dependency::parse(descriptor, known) else {
            return (FrameInfo::default(), None);
        };
        let is_screen = self.movement.is_some();
        let is_key = told.is_some() && frame.is_independent && frame.mandatory.starts_frame;
        match (told, &mut self.scalable) {
            (Some(structure), Some(scalable)) if scalable.structure == structure => {
                scalable.id = id;
            }
            (Some(structure), scalable) => {
                self.structures = self.structures.wrapping_add(1);
                *scalable = Some(Scalable::new(self.structures, id, structure, is_screen));
            }
            (None, Some(scalable)) => scalable.id = id,
            (None, None) => {}
        }
        if self.is_back(now)
            && let Some(scalable) = &mut self.scalable
        {
            scalable.rates.fill_with(|| LayerRate::of(false));
        }
        for (target, rate) in
            self.scalable.iter_mut().flat_map(|it| it.rates.iter_mut().enumerate())
        {
            if frame.indication(target) != Indication::NotPresent {
                rate.add(now, bytes);
            }
        }
        let info = FrameInfo {
            starts_frame: frame.mandatory.starts_frame,
            starts_key_frame: is_key,
            temporal: Some(TemporalId { layer: frame.temporal, is_sync: false }),
            ..FrameInfo::default()
        };
        let structure = self.scalable.as_ref().map(|scalable| scalable.number);
        (info, structure.map(|structure| Described { frame, structure }))
    }

    /// The publisher shut or opened the source: nothing is missing, nothing is wanted.
    pub(crate) fn pause(&mut self) {
        self.losses = losses(self.is_video);
        self.key_frames.cancel();
        self.newest = None;
        self.alive_until = None;
    }

    /// A packet of so many bytes came that carries media, whose descriptor was noted before.
    pub(crate) fn heard(&mut self, now: Instant, bytes: usize, temporal: Option<TemporalId>) {
        if self.is_back(now) {
            self.rates = std::array::from_fn(|_| LayerRate::of(false));
            self.temporal_count = 1;
        }
        if !self.is_alive(now) {
            self.key_frames.handle_return(now);
        }
        let at = temporal.map_or(0, |id| usize::from(id.layer)).min(MAX_TEMPORAL - 1);
        self.temporal_count = self.temporal_count.max(at + 1);
        self.rates[at].add(now, bytes);
        if let Some(movement) = &mut self.movement {
            movement.add(now, bytes);
        }
        self.alive_until = Some(now + ALIVE_WITHOUT_PACKETS);
    }

    /// Whether a layer that was switched off comes back, at a rate of its own: a screen without a
    /// packet only rests.
    fn is_back(&self, now: Instant) -> bool {
        !self.is_alive(now) && self.movement.is_none()
    }

    /// Bits per second up to a temporal layer, once all of them were measured.
    fn measured(&self, now: Instant, temporal: usize) -> Option<u64> {
        let count = self.temporal_count.min(temporal.saturating_add(1));
        self.rates[..count].iter().map(|rate| rate.measured(now)).sum()
    }

    /// Somebody cannot go on without a key frame. Sound needs none: each of its packets is one.
    pub(crate) fn want_key_frame(&mut self, now: Instant) {
        if self.is_video {
            self.key_frames.want(now);
        }
    }

    /// Notes the number of a packet; gives the newest so far.
    pub(crate) fn note_sequence(&mut self, sequence: u16) -> u16 {
        let newest = self.newest.get_or_insert(sequence);
        if sequence.wrapping_sub(*newest) < 1 << 15 {
            *newest = sequence;
        }
        *newest
    }

    /// The newest number so far.
    pub(crate) fn newest(&self) -> Option<u16> {
        self.newest
    }

    /// Whether it sends now.
    pub(crate) fn is_alive(&self, now: Instant) -> bool {
        self.alive_until.is_some_and(|until| now < until)
    }

    /// Whether browsers repeat lost packets of it: those of pictures only.
    pub(crate) fn is_repairable(&self) -> bool {
        self.is_video
    }

    /// When its publisher has to be asked for something.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        // Nobody can be asked before a first packet said whom.
        self.ssrc?;
        let missing = self.losses.poll_timeout().filter(|_| self.is_repairable());
        [missing, self.key_frames.poll_timeout()].into_iter().flatten().min()
    }
}

/// Each sender report becomes one for every subscriber; browsers send one a second or fewer. Lowered,
/// a flood of them costs more; raised, a subscriber may learn later what the publisher's clock says.
const REPORT_DISTANCE: Duration = Duration::from_millis(200);

/// Most temporal layers told apart: browsers use three; more count as the highest.
const MAX_TEMPORAL: usize = 3;

/// Bits per second of the lowest, the middle and the highest layer before they are measured; a
/// single layer counts as a middle one. Raised, pictures begin small or held back; lowered, they
/// begin with a queue.
const USUAL_RATES: [u64; 3] = [150_000, 500_000, 1_500_000];

fn ring(is_video: bool) -> Ring {
    if is_video { Ring::for_video() } else { Ring::for_audio() }
}

fn losses(is_video: bool) -> LossTracker {
    let codec = if is_video { CodecKind::Vp8 } else { CodecKind::Opus };
    LossTracker::new(codec.clock_rate())
}

/// A layer that says nothing for so long counts as switched off by the browser. Lowering it makes
/// subscribers leave a layer that only stutters; raising it freezes pictures for longer.
const ALIVE_WITHOUT_PACKETS: Duration = Duration::from_millis(500);

/// One packet of the present batch, parsed once; its bytes lie in the layer's ring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) source: LayerKey,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) marks: Marks,
    pub(crate) codec: CodecKind,
    /// True when earlier sound is repeated before its own (RED).
    pub(crate) is_redundant: bool,
    /// First of another source than before: its numbers have nothing to do with former ones.
    pub(crate) is_new_source: bool,
    /// Newest of its layer when it came; itself unless it came late.
    pub(crate) newest: u16,
    /// Where the payload lies; empty when the packet is to be left out without a gap.
    pub(crate) payload_start: u16,
    pub(crate) payload_end: u16,
    pub(crate) frame: FrameInfo,
    /// What its dependency descriptor says, where it has one.
    pub(crate) described: Option<Described>,
    /// Epoch of the frame that begins with it, where frames are encrypted.
    pub(crate) epoch: Option<u64>,
}

/// What the publisher's header extensions say of one packet and every subscriber is told too.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Marks {
    /// Loudness and voice flag (RFC 6464).
    pub(crate) audio_level: Option<u8>,
    /// When it was captured, by the publisher's clock (abs-capture-time, without the estimate of
    /// the clocks' difference).
    pub(crate) capture_time: Option<[u8; 8]>,
}

impl Arrival {
    /// Whether nothing is to be forwarded, only the gap closed.
    pub(crate) fn is_padding(&self) -> bool {
        self.payload_start == self.payload_end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dependency::tests::captured;

    #[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
    #[test]
    fn of_layers_in_one_encoding_each_choice_has_its_own_rate() {
        let begin = Instant::now();
        let mut layer = Layer::new(TrackSource::Camera);
        let packets = captured("VP9 L3T3_KEY");
        let first = packets[0].timestamp;
        for packet in &packets {
            let after = Duration::from_secs_f64(f64::from(packet.timestamp - first) / 90_000.0);
            layer.note_dependency(begin + after, 12, &packet.descriptor, 1_000);
            layer.heard(begin + after, 1_000, None);
        }
        let scalable = layer.scalable.as_ref().unwrap();
        let choices = |highest| -> Vec<(u8, u8)> {
            let targets = scalable.choices(begin, highest);
            targets.map(|(target, _)| (target.spatial, target.temporal)).collect()
        };
        // At the size of this recording Chromium sends two sizes of the three asked for.
        let whole = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2)];
        assert_eq!(choices(2), whole, "jerky pictures only of the smallest");
        assert_eq!(choices(1), whole);
        assert_eq!(choices(0), whole[..3]);
        let end = packets.last().map_or(0, |packet| packet.timestamp - first);
        let end = begin + Duration::from_secs_f64(f64::from(end) / 90_000.0);
        let rates: Vec<_> = scalable.choices(end, 2).map(|(_, rate)| rate).collect();
        // Of the smallest, each frame rate is about twice the one below it.
        assert!(rates[0] < rates[1] && rates[1] < rates[2], "{rates:?}");
        // What it took before a pause says nothing of what it takes after.
        let again = end + Duration::from_secs(10);
        layer.note_dependency(again, 12, &packets[0].descriptor, 1_000);
        layer.heard(again, 1_000, None);
        let scalable = layer.scalable.as_ref().unwrap();
        let soon = again + Duration::from_millis(100);
        let rates: Vec<_> = scalable.choices(soon, 0).map(|(_, rate)| rate).collect();
        assert_eq!(rates, [USUAL_RATES[0]; 3], "nothing was measured yet");
    }
}
