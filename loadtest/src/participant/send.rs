//! The sending side of a connection: frames at their time, in packets as browsers cut them, sent
//! again when asked for.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::TrackSource;
use rand::RngExt;
use rand::rngs::StdRng;

use crate::clock;
use crate::e2ee::Shield;
use crate::measure::Measured;
use crate::media::{Media, Video};
use crate::postmark::Postmarks;
use crate::rtp::{ExtensionIds, NewHeader, Redundant, Vp8};
use crate::target::SendSpec;

/// Everything a connection sends.
pub(crate) struct Sender {
    publications: Vec<Publication>,
    media: Arc<Media>,
    voice: usize,
    /// Packets that are not on their way yet.
    queue: VecDeque<Packet>,
    /// When the next burst of the queue may go.
    next_burst: Instant,
    /// Where send times are noted as well, and under which name.
    postmarks: Option<(Postmarks, u64)>,
    /// What seals frames, in an encrypted room.
    shield: Option<Shield>,
}

struct Publication {
    spec: SendSpec,
    layers: Vec<Layer>,
    /// `None` while it is off.
    next_frame: Option<Instant>,
    frame_interval: Duration,
    /// Frames since it was first on, sent or not.
    elapsed: u64,
}

struct Layer {
    is_on: bool,
    sequence: u64,
    repair_sequence: u64,
    timestamp: u32,
    picture_id: u16,
    tl0: u8,
    /// Next frame of the clip.
    frame: usize,
    /// For how many packets yet the header says section and layer.
    introductions: u32,
    history: VecDeque<Packet>,
    /// The frame of sound before, and when it was, for redundancy.
    spoken: Option<(u64, Vec<u8>)>,
    packets: u32,
    bytes: u32,
}

/// A packet before it is sealed.
#[derive(Clone)]
struct Packet {
    publication: usize,
    layer: usize,
    sequence: u64,
    timestamp: u32,
    marker: bool,
    level: Option<u8>,
    payload: Vec<u8>,
    repeats: bool,
}

/// A packet on its way, as whoever seals it needs it.
pub(crate) struct Outgoing<'a> {
    /// Of which section, in their order.
    pub(crate) publication: usize,
    pub(crate) header: NewHeader,
    /// Its number with rollovers.
    pub(crate) index: u64,
    repeats: bool,
    /// Section and layer, while the server may not know them yet.
    mid: &'a [u8],
    rid: &'a [u8],
    level: Option<[u8; 1]>,
    /// When it goes.
    sent: [u8; 8],
    pub(crate) payload: &'a [u8],
}

/// What a sender report says of one source.
pub(crate) struct SenderState {
    pub(crate) ssrc: u32,
    pub(crate) timestamp: u32,
    pub(crate) packets: u32,
    pub(crate) bytes: u32,
}

impl Sender {
    pub(crate) fn new(
        now: Instant,
        specs: &[SendSpec],
        media: Arc<Media>,
        random: &mut StdRng,
    ) -> Self {
        let voice = random.random_range(0..media.voices.len().max(1));
        let publications = specs.iter().map(|spec| {
            let layers = spec.layers.iter().map(|_| Layer {
                is_on: true,
                // In the lower half, so that a lost first packet cannot hide a rollover.
                sequence: random.random_range(0..1 << 15),
                repair_sequence: random.random_range(0..1 << 15),
                timestamp: random.random(),
                picture_id: random.random(),
                tl0: random.random(),
                frame: 0,
                introductions: INTRODUCTIONS,
                history: VecDeque::new(),
                spoken: None,
                packets: 0,
                bytes: 0,
            });
            let rate = match spec.source {
                TrackSource::Microphone | TrackSource::ScreenAudio => 50,
                TrackSource::Camera => media.camera[0].rate,
                TrackSource::Screen => media.screen.rate,
            };
            Publication {
                layers: layers.collect(),
                spec: spec.clone(),
                next_frame: None,
                frame_interval: Duration::from_secs(1) / rate,
                elapsed: 0,
            }
        });
        let publications = publications.collect();
        Self {
            publications,
            media,
            voice,
            queue: VecDeque::new(),
            next_burst: now,
            postmarks: None,
            shield: None,
        }
    }

    /// Sends nothing but what this has sealed.
    pub(crate) fn set_shield(&mut self, shield: Option<Shield>) {
        self.shield = shield;
    }

    /// Notes send times for receivers that cannot read them in packets.
    pub(crate) fn set_postmarks(&mut self, postmarks: Postmarks, feed: u64) {
        self.postmarks = Some((postmarks, feed));
    }

    /// Begins to send everything, each source at its own moment within a frame, so that the
    /// participants of a test do not all send at once.
    pub(crate) fn start(&mut self, now: Instant, random: &mut StdRng) {
        for publication in &mut self.publications {
            let offset = publication.frame_interval.mul_f64(random.random_range(0.0..1.0));
            publication.next_frame = Some(now + offset);
        }
    }

    /// Sends only these layers of a source.
    pub(crate) fn set_layers(&mut self, source: TrackSource, rids: &[String]) {
        let with_source = self.publications.iter_mut().filter(|p| p.spec.source == source);
        for publication in with_source {
            for (layer, spec) in publication.layers.iter_mut().zip(&publication.spec.layers) {
                let is_on = rids.iter().any(|rid| rid == spec.rid);
                // A layer that was off begins anew with a key frame.
                layer.frame = if is_on && !layer.is_on { 0 } else { layer.frame };
                layer.is_on = is_on;
            }
        }
    }

    /// Makes the next frame of the layer that sends `ssrc` a key frame.
    pub(crate) fn request_key_frame(&mut self, ssrc: u32, measured: &mut Measured) {
        if let Some((publication, layer)) = self.find(ssrc) {
            measured.key_frames_asked += 1;
            self.publications[publication].layers[layer].frame = 0;
        }
    }

    /// Queues packets again that were lost on the way to the server (RFC 4588).
    pub(crate) fn repeat(&mut self, ssrc: u32, sequences: impl Iterator<Item = u16>) {
        let Some((publication, layer)) = self.find(ssrc) else { return };
        for sequence in sequences {
            let history = &self.publications[publication].layers[layer].history;
            let found = history.iter().rev().find(|packet| packet.sequence as u16 == sequence);
            if let Some(packet) = found {
                let mut packet = packet.clone();
                packet.payload.splice(..0, sequence.to_be_bytes());
                packet.repeats = true;
                self.queue.push_back(packet);
            }
        }
    }

    /// Queues the frames that are due.
    pub(crate) fn handle_timeout(&mut self, now: Instant, measured: &mut Measured) {
        for at in 0..self.publications.len() {
            while let Some(due) = self.publications[at].next_frame.filter(|due| *due <= now) {
                // After a long stall the missed frames are skipped, as a camera would.
                let interval = self.publications[at].frame_interval;
                let next = if now > due + interval * 10 { now } else { due };
                self.publications[at].next_frame = Some(next + interval);
                self.queue_frame(at, measured);
                self.publications[at].elapsed += 1;
            }
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let burst = (!self.queue.is_empty()).then_some(self.next_burst);
        let frames = self.publications.iter().filter_map(|publication| publication.next_frame);
        frames.chain(burst).min()
    }

    /// Hands over what may go now: a burst as large as browsers send at once.
    pub(crate) fn flush(&mut self, now: Instant, mut send: impl FnMut(&Outgoing<'_>)) {
        if self.queue.is_empty() || now < self.next_burst {
            return;
        }
        self.next_burst = now + BURST_INTERVAL;
        for _ in 0..BURST_PACKETS {
            let Some(packet) = self.queue.pop_front() else { break };
            self.hand_over(packet, &mut send);
        }
    }

    /// Of every source that sent something.
    pub(crate) fn states(&self) -> Vec<SenderState> {
        let layers = self.publications.iter().flat_map(|publication| {
            let clock = publication.clock();
            let elapsed = publication.elapsed as u32;
            publication.layers.iter().zip(&publication.spec.layers).map(move |(layer, spec)| {
                SenderState {
                    ssrc: spec.ssrc,
                    timestamp: layer.timestamp.wrapping_add(elapsed.wrapping_mul(clock)),
                    packets: layer.packets,
                    bytes: layer.bytes,
                }
            })
        });
        layers.filter(|state| state.packets > 0).collect()
    }

    fn find(&self, ssrc: u32) -> Option<(usize, usize)> {
        self.publications.iter().enumerate().find_map(|(at, publication)| {
            let layers = &publication.spec.layers;
            Some((at, layers.iter().position(|layer| layer.ssrc == ssrc)?))
        })
    }

    fn queue_frame(&mut self, at: usize, measured: &mut Measured) {
        let publication = &mut self.publications[at];
        let clock = publication.clock();
        let elapsed = (publication.elapsed as u32).wrapping_mul(clock);
        let source = publication.spec.source;
        for (number, layer) in publication.layers.iter_mut().enumerate() {
            let mut packet = Packet {
                publication: at,
                layer: number,
                sequence: 0,
                timestamp: layer.timestamp.wrapping_add(elapsed),
                marker: false,
                level: None,
                payload: Vec::new(),
                repeats: false,
            };
            if !layer.is_on {
                continue;
            }
            if !source.is_video() {
                let speech = &self.media.voices[self.voice].packets;
                // Voices of one text would speak in chorus.
                let shift = self.voice * 311;
                let sound = &speech[(publication.elapsed as usize + shift) % speech.len()];
                if !sound.bytes.is_empty() {
                    packet.level = Some(sound.level);
                    if publication.spec.redundant_payload_type.is_some() {
                        let before = layer.spoken.as_ref().map(|(at, frame)| {
                            ((publication.elapsed - at) as u32 * clock, frame.as_slice())
                        });
                        let redundant = Redundant { frame: &sound.bytes, before };
                        redundant.write(publication.spec.payload_type, &mut packet.payload);
                        layer.spoken = Some((publication.elapsed, sound.bytes.clone()));
                    } else {
                        packet.payload.clone_from(&sound.bytes);
                    }
                    if let Some(shield) = &self.shield {
                        let Some(sealed) = shield.seal(source, &packet.payload) else {
                            measured.sealed.unsent += 1;
                            continue;
                        };
                        packet.payload = sealed;
                    }
                    layer.queue(packet, &mut self.queue);
                }
                continue;
            }
            let video: &Video = match source {
                TrackSource::Camera => &self.media.camera[number],
                TrackSource::Screen | TrackSource::Microphone | TrackSource::ScreenAudio => {
                    &self.media.screen
                }
            };
            let mut frame = &video.frames[layer.frame % video.frames.len()];
            let sealed = self.shield.as_ref().map(|shield| shield.seal(source, frame));
            match &sealed {
                Some(Some(sealed)) => frame = sealed,
                Some(None) => {
                    // What comes after it could not be decoded.
                    layer.frame = 0;
                    measured.sealed.unsent += 1;
                    continue;
                }
                None => {}
            }
            measured.key_frames_sent += u64::from(layer.frame.is_multiple_of(video.frames.len()));
            layer.frame += 1;
            for (part, is_last, payload) in parts(frame) {
                packet.payload.clear();
                Vp8::write(part == 0, layer.picture_id & 0x7fff, layer.tl0, &mut packet.payload);
                packet.payload.extend_from_slice(payload);
                packet.marker = is_last;
                layer.queue(packet.clone(), &mut self.queue);
            }
            layer.picture_id = layer.picture_id.wrapping_add(1);
            layer.tl0 = layer.tl0.wrapping_add(1);
        }
    }

    fn hand_over(&mut self, packet: Packet, send: &mut impl FnMut(&Outgoing<'_>)) {
        let Publication { spec, layers, .. } = &mut self.publications[packet.publication];
        let layer = &mut layers[packet.layer];
        let names = &spec.layers[packet.layer];
        let introduces = layer.introductions > 0;
        layer.introductions = layer.introductions.saturating_sub(1);
        let (ssrc, index, payload_type) = match spec.repair_payload_type {
            Some(repair) if packet.repeats => {
                layer.repair_sequence += 1;
                (names.repair_ssrc, layer.repair_sequence, repair)
            }
            _ => {
                let plain = spec.payload_type;
                (names.ssrc, packet.sequence, spec.redundant_payload_type.unwrap_or(plain))
            }
        };
        let now = clock::now();
        if let Some((postmarks, feed)) = &self.postmarks {
            postmarks.note(*feed, &packet.payload, now);
        }
        let is_named = |name| if introduces { name } else { &[][..] };
        send(&Outgoing {
            publication: packet.publication,
            header: NewHeader {
                payload_type,
                marker: packet.marker,
                sequence: index as u16,
                timestamp: packet.timestamp,
                ssrc,
            },
            index,
            repeats: packet.repeats,
            mid: is_named(spec.mid.as_bytes()),
            rid: is_named(names.rid.as_bytes()),
            level: packet.level.map(|level| [level]),
            sent: clock::to_ntp(now).to_be_bytes(),
            payload: &packet.payload,
        });
        layer.packets = layer.packets.wrapping_add(1);
        layer.bytes = layer.bytes.wrapping_add(packet.payload.len() as u32);
        if !packet.repeats && spec.repair_payload_type.is_some() {
            if layer.history.len() >= HISTORY {
                layer.history.pop_front();
            }
            layer.history.push_back(packet);
        }
    }
}

impl Outgoing<'_> {
    /// Header extensions with their values; what is not agreed on or not known has id 0 or none.
    pub(crate) fn extensions(&self, ids: &ExtensionIds) -> [(u8, &[u8]); 4] {
        let rid = if self.repeats { ids.repaired_rid } else { ids.rid };
        let level = self.level.as_ref().map_or(&[][..], |level| &level[..]);
        [
            (ids.mid, self.mid),
            (rid, self.rid),
            (ids.audio_level, level),
            (ids.capture_time, &self.sent),
        ]
    }
}

impl Publication {
    /// Ticks of the RTP clock in one frame.
    fn clock(&self) -> u32 {
        let rate = if self.spec.source.is_video() { 90_000.0 } else { 48_000.0 };
        (self.frame_interval.as_secs_f64() * rate).round() as u32
    }
}

impl Layer {
    fn queue(&mut self, mut packet: Packet, queue: &mut VecDeque<Packet>) {
        packet.sequence = self.sequence;
        self.sequence += 1;
        queue.push_back(packet);
    }
}

/// Cuts a frame into parts of about equal size, the last ones a byte longer, as libwebrtc does.
fn parts(frame: &[u8]) -> impl Iterator<Item = (usize, bool, &[u8])> {
    let count = frame.len().div_ceil(MAX_PAYLOAD).max(1);
    let (size, longer) = (frame.len() / count, frame.len() % count);
    let mut rest = frame;
    (0..count).map(move |part| {
        let size = size + usize::from(part >= count - longer);
        let (this, tail) = rest.split_at(size);
        rest = tail;
        (part, part + 1 == count, this)
    })
}

/// Bytes of a frame in one packet at most: browsers stay below 1,200 with headers.
const MAX_PAYLOAD: usize = 1_130;

/// Packets that browsers send back to back before they pause for [`BURST_INTERVAL`].
const BURST_PACKETS: usize = 12;

/// See [`BURST_PACKETS`]. Lowered, key frames hit the server harder than any browser would.
const BURST_INTERVAL: Duration = Duration::from_millis(5);

/// Browsers name section and layer until the server reports to have heard them.
const INTRODUCTIONS: u32 = 100;

/// Packets of a layer kept for repair: about two seconds of the highest.
const HISTORY: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_cut_into_about_equal_parts_that_make_it_up_again() {
        let frame: Vec<u8> = (0..5_000_u32).map(|n| n as u8).collect();
        let cut: Vec<_> = parts(&frame).collect();
        let sizes: Vec<usize> = cut.iter().map(|(_, _, part)| part.len()).collect();
        assert_eq!(sizes, [1_000; 5]);
        assert_eq!(cut.iter().flat_map(|(_, _, part)| part.to_vec()).collect::<Vec<_>>(), frame);
        assert_eq!(
            cut.iter().map(|(_, last, _)| *last).collect::<Vec<_>>(),
            [false, false, false, false, true]
        );
        let sizes: Vec<usize> = parts(&frame[..1_131]).map(|(_, _, part)| part.len()).collect();
        assert_eq!(sizes, [565, 566]);
    }
}
