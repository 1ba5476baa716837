//! What one participant receives: its slots, and which track is on which.

mod pace;
mod share;

use std::time::Instant;

use protocol::{ParticipantId, TrackSource};
use rand::RngExt;
use rand::rngs::StdRng;

use super::Round;
use super::track::{Arrival, LayerKey, TrackKey};
use super::tracks::Tracks;
use crate::codec::CodecSet;
use crate::command::{Frames, Mid, SlotAssignment};
use crate::downlink::queue::Queue;
use crate::downlink::{Downlink, Kind};
use crate::egress::Outlet;
use crate::epoch::Gate;
use crate::packet::RtpView;
use crate::quality::Signs;
use crate::rtcp::{Blocks, TransportFeedback};
use crate::sdp::{Offer, Role, SlotSsrcs};
use crate::stats::{DropCause, Stats};
use crate::stills::{Again, Stills};
use crate::subscription::{Outgoing, Repeated, Subscription};
use crate::transport::Transport;
use crate::voices::Seats;
use share::Sharing;

/// The receiving side of one transport.
#[derive(Default)]
pub(crate) struct Subscriber {
    slots: Vec<Subscription>,
    /// Slot number plus one by track number; zero for none.
    by_track: Vec<u8>,
    downlink: Downlink,
    /// What frames look like in the room.
    frames: Frames,
    /// What may go out at all.
    gate: Gate,
    /// Set when it shall get as little as a meeting needs.
    saving: Option<Box<Stills>>,
    /// Pictures that wait for the pacer.
    queue: Queue,
    /// Which of the recent packets the latest probe repeated.
    probe_back: u16,
    /// The microphones that are forwarded.
    seats: Seats,
    sharing: Sharing,
    /// The slots that the control plane was told cannot be played.
    unplayable: Vec<Mid>,
}

impl Subscriber {
    /// Without a slot, in a room of such frames.
    pub(crate) fn new(frames: Frames) -> Self {
        Self { frames, gate: Gate::of(frames), ..Self::default() }
    }

    /// Makes the slots of new sections and refreshes those of known ones.
    pub(crate) fn negotiate(&mut self, offer: &Offer, random: &mut StdRng) {
        for section in &offer.sections {
            if !matches!(section.role, Role::Slot { .. }) {
                continue;
            }
            if let Some(slot) = self.slots.iter_mut().find(|slot| *slot.mid() == section.mid) {
                slot.refresh(section);
                continue;
            }
            let media = self.fresh_ssrc(random, None);
            let rtx = self.fresh_ssrc(random, Some(media));
            let ssrcs = SlotSsrcs { media, rtx };
            self.slots.push(Subscription::new(section, self.frames, ssrcs, random));
        }
    }

    /// Sends as little as a meeting needs from now on, or everything.
    pub(crate) fn set_saving(&mut self, saving: bool) {
        if saving != self.saving.is_some() {
            self.saving = saving.then(|| Box::new(Stills::new()));
        }
    }

    /// Lets frames out from some epoch on, or nothing. Nothing of what went out before a gate was
    /// shut goes out again.
    pub(crate) fn set_gate(&mut self, gate: Gate) {
        self.gate = gate;
        if gate.is_shut() {
            self.give_up_waiting();
            for slot in &mut self.slots {
                slot.forget();
            }
        }
    }

    /// Forgets what waits to leave by the clock.
    fn give_up_waiting(&mut self) {
        self.queue.clear();
        self.downlink.cancel_probe();
        if let Some(stills) = &mut self.saving {
            **stills = Stills::new();
        }
    }

    /// The codecs it plays pictures in, as far as it was asked to play any.
    pub(crate) fn playable(&self) -> Option<CodecSet> {
        self.slots.iter().find(|slot| slot.is_video()).map(Subscription::playable)
    }

    /// The picture slots that carry a codec the subscriber does not play, if they changed.
    pub(crate) fn poll_unplayable(&mut self, now: Instant, tracks: &Tracks) -> Option<Vec<Mid>> {
        let unplayable = || self.slots.iter().filter(|slot| !slot.plays(now, tracks));
        if unplayable().map(Subscription::mid).eq(&self.unplayable) {
            return None;
        }
        self.unplayable = unplayable().map(|slot| slot.mid().clone()).collect();
        Some(self.unplayable.clone())
    }

    /// Sources of the slot with this mid.
    pub(crate) fn ssrcs(&self, mid: &Mid) -> Option<SlotSsrcs> {
        self.slots.iter().find(|slot| slot.mid() == mid).map(Subscription::ssrcs)
    }

    /// Gives slots new content. Slots that do not exist are passed over; a track is on one slot
    /// at a time, the one it was assigned to last.
    pub(crate) fn assign(
        &mut self,
        now: Instant,
        assignments: Vec<SlotAssignment>,
        tracks: &mut Tracks,
    ) {
        for SlotAssignment { mid, track, max_height } in assignments {
            let Some(at) = self.slots.iter().position(|slot| *slot.mid() == mid) else {
                continue;
            };
            if let Some(track) = track {
                for (other, slot) in self.slots.iter_mut().enumerate() {
                    if other != at && slot.wanted() == Some(track) {
                        slot.assign(None, None);
                        slot.attach(None);
                    }
                }
            }
            self.slots[at].assign(track, max_height);
            self.attach_slot(at, tracks);
        }
        self.begin(now, tracks);
    }

    /// Connects slots with the tracks of a participant, after those changed.
    pub(crate) fn attach(&mut self, now: Instant, publisher: ParticipantId, tracks: &mut Tracks) {
        let mut any = false;
        for at in 0..self.slots.len() {
            let wanted = self.slots[at].wanted();
            if wanted.is_some_and(|track| track.participant == publisher) {
                self.attach_slot(at, tracks);
                any = true;
            }
        }
        if any {
            self.begin(now, tracks);
        }
    }

    /// Connects one slot with the track it waits for. What the table said of the slot before may
    /// stay: the slot knows which track it carries.
    fn attach_slot(&mut self, at: usize, tracks: &mut Tracks) {
        let slot = &mut self.slots[at];
        let track = slot.wanted().and_then(|wanted| tracks.find_mut(wanted));
        if let Some(former) = slot.track() {
            self.seats.leave(former);
        }
        slot.attach(track.as_ref().map(|track| track.key));
        if let Some(track) = track {
            let index = usize::from(track.key.index);
            if self.by_track.len() <= index {
                self.by_track.resize(index + 1, 0);
            }
            self.by_track[index] = u8::try_from(at + 1).unwrap_or(0);
        }
    }

    /// Divides what the path carries anew, and asks for the key frames that are needed now.
    fn begin(&mut self, now: Instant, tracks: &mut Tracks) {
        if self.saving.is_some() || self.gate.is_shut() {
            return;
        }
        self.share(now, tracks);
        for slot in &mut self.slots {
            if let Some(track) = slot.track().and_then(|key| tracks.track_mut(key)) {
                slot.aim(now, track, None);
            }
        }
    }

    /// Starts over on every slot, at the next key frames: the connection is there (again).
    pub(crate) fn restart(&mut self, now: Instant, tracks: &mut Tracks) {
        for at in 0..self.slots.len() {
            self.slots[at].pause();
            self.attach_slot(at, tracks);
        }
        self.begin(now, tracks);
    }

    /// Stops the slots that carry this track; they go on with its next key frame.
    pub(crate) fn pause(&mut self, track: TrackKey) {
        for slot in self.slots.iter_mut().filter(|slot| slot.track() == Some(track)) {
            slot.pause();
        }
    }

    /// Forwards a batch.
    pub(super) fn forward(
        &mut self,
        now: Instant,
        round: Round<'_>,
        transport: &mut Transport,
        out: &mut Outlet<'_>,
    ) {
        let saving = self.saving.is_some();
        let Round { batch, tracks, voices, max_voices, switched } = round;
        if self.gate.is_shut() {
            let held = batch.iter().filter(|it| self.slot_of(it.source.track).is_some());
            out.stats.packets_held_at_gate += held.count() as u64;
            return;
        }
        if !saving {
            if batch.iter().any(|arrival| self.may_begin(arrival)) {
                self.sharing.expire();
            }
            self.share_if_due(now, tracks);
        }
        if !self.queue.is_empty() {
            self.pace(now, tracks, transport, out);
        }
        let Some((path, sealer)) = transport.outgoing() else {
            return;
        };
        let (downlink, queue) = (&mut self.downlink, &mut self.queue);
        let (egress, stats) = (&mut *out.egress, &mut *out.stats);
        let gate = self.gate;
        let mut out = Outgoing { path, sealer, egress, stats, now, downlink, queue, saving, gate };
        let before = out.sent();
        for arrival in batch {
            let key = arrival.source.track;
            let at = match self.by_track.get(usize::from(key.index)) {
                None | Some(0) => continue,
                Some(slot) => usize::from(*slot) - 1,
            };
            let slot = &mut self.slots[at];
            let Some(track) = tracks.track_mut(key) else {
                continue;
            };
            if slot.track() != Some(key) {
                continue;
            }
            let is_withheld = match (track.id.source, &mut self.saving) {
                (TrackSource::Camera | TrackSource::Screen | TrackSource::ScreenAudio, None) => {
                    false
                }
                (TrackSource::Microphone, None) => !self.seats.admits(now, key, max_voices, voices),
                (TrackSource::Microphone | TrackSource::ScreenAudio, Some(stills)) => {
                    let limit = stills.voices().min(max_voices);
                    !self.seats.admits(now, key, limit, voices)
                }
                (TrackSource::Camera, Some(_)) => true,
                (TrackSource::Screen, Some(stills)) => {
                    stills.collect(now, arrival, track, self.gate);
                    true
                }
            };
            if is_withheld {
                slot.pause();
                continue;
            }
            if arrival.is_new_source && slot.forwarded() == Some(arrival.source) {
                slot.pause();
            }
            let key_frame = arrival.frame.starts_key_frame.then_some(arrival.source.layer);
            slot.aim(now, track, key_frame);
            let layer = &mut track.layers[usize::from(arrival.source.layer)];
            if slot.forward(now, arrival, layer, &mut out) {
                switched.push((arrival.source, at));
            }
            if slot.needs_key_frame() || slot.is_let_in(arrival, out.gate) {
                layer.want_key_frame(now);
            }
        }
        if let Some(stills) = &mut self.saving {
            stills.spend(now, out.sent_since(before));
            send_stills(stills, &mut self.slots, &mut out);
        }
    }

    /// Whether a picture begins with this packet on a slot that stands still.
    fn may_begin(&self, arrival: &Arrival) -> bool {
        arrival.frame.starts_key_frame
            && self.slot_of(arrival.source.track).is_some_and(|at| {
                let slot = &self.slots[at];
                slot.is_video() && slot.forwarded().is_none()
            })
    }

    /// The slot that carries a track.
    fn slot_of(&self, track: TrackKey) -> Option<usize> {
        let at = usize::from(*self.by_track.get(usize::from(track.index))?).checked_sub(1)?;
        (self.slots[at].track() == Some(track)).then_some(at)
    }

    /// Sends again what the subscriber reports lost on one of our sources.
    pub(crate) fn retransmit(
        &mut self,
        now: Instant,
        ssrc: u32,
        lost: impl Iterator<Item = u16>,
        tracks: &mut Tracks,
        transport: &mut Transport,
        out: &mut Outlet<'_>,
    ) {
        if self.gate.is_shut() {
            return;
        }
        let Some((path, sealer)) = transport.outgoing() else {
            return;
        };
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.ssrcs().media == ssrc) else {
            return;
        };
        let (downlink, queue) = (&mut self.downlink, &mut self.queue);
        let (egress, stats) = (&mut *out.egress, &mut *out.stats);
        let saving = self.saving.is_some();
        let gate = self.gate;
        let mut out = Outgoing { path, sealer, egress, stats, now, downlink, queue, saving, gate };
        for sequence in lost {
            if !out.downlink.may_look(now) {
                out.stats.dropped.count(DropCause::FeedbackFlood);
                break;
            }
            out.stats.nacks_in += 1;
            let Some(origin) = slot.origin(sequence) else {
                continue;
            };
            let Some(track) = tracks.track_mut(origin.source.track) else {
                continue;
            };
            let layer = &track.layers[usize::from(origin.source.layer)];
            let Some(codec) = layer.codec else {
                continue;
            };
            if let Some(stills) = &mut self.saving {
                stills.want_again(now, Again { sequence, origin });
                continue;
            }
            let packet = layer.ring.find(now, origin.sequence);
            if let Some(packet) = packet.and_then(|bytes| RtpView::parse(bytes).ok())
                && out.downlink.may_repair(now)
            {
                let scalable = slot.admitted_before(sequence, layer, &packet);
                let repeated = Repeated { kind: Kind::Repair, packet, scalable, codec };
                slot.retransmit(sequence, &origin, &repeated, &mut out);
            }
        }
        if let Some(stills) = &mut self.saving {
            send_stills(stills, &mut self.slots, &mut out);
        }
    }

    /// Takes the subscriber's word about what arrived.
    pub(crate) fn handle_feedback(
        &mut self,
        now: Instant,
        feedback: &TransportFeedback<'_>,
        stats: &mut Stats,
    ) {
        self.downlink.handle_feedback(now, feedback.arrivals(), stats);
    }

    /// Takes what the subscriber reports of our sources, which counts where it sends no feedback
    /// on single packets.
    pub(crate) fn handle_reception(&mut self, now: Instant, blocks: Blocks<'_>) {
        let lost = blocks.map(|block| f64::from(block.fraction_lost) / 256.0).fold(0.0, f64::max);
        self.downlink.handle_reception(now, lost);
    }

    /// What is known about the subscriber's path.
    pub(crate) fn signs(&mut self, now: Instant) -> Signs {
        self.downlink.signs(now)
    }

    /// The layer that feeds the slot with this source of ours, for a key frame request.
    pub(crate) fn awaited(&self, ssrc: u32) -> Option<LayerKey> {
        self.slots.iter().find(|slot| slot.ssrcs().media == ssrc)?.awaited()
    }

    /// The tracks on the slots, each with the layers that have to be sent for it.
    pub(super) fn wanted_layers<'a>(
        &'a self,
        tracks: &'a Tracks,
    ) -> impl Iterator<Item = (TrackKey, [Option<u8>; 3])> + 'a {
        self.slots.iter().filter_map(|slot| {
            let track = tracks.track(slot.track()?)?;
            let count = track.layers.len();
            match (track.id.source, &self.saving) {
                (TrackSource::Camera, Some(_)) => None,
                (TrackSource::Screen, Some(_)) => {
                    Some((track.key, [u8::try_from(count - 1).ok(), None, None]))
                }
                (_, Some(_)) | (_, None) => {
                    let [preferred, meanwhile @ ..] = slot.wanted_layers(count);
                    // What comes in layers of one encoding goes by the name of the highest,
                    // whichever is wanted: only the size says what has to be sent.
                    let meanwhile = meanwhile.map(|layer| layer.filter(|_| !track.is_layered()));
                    Some((track.key, [preferred, meanwhile[0], meanwhile[1]]))
                }
            }
        })
    }

    /// The slot with this number.
    pub(crate) fn slot(&self, at: usize) -> Option<&Subscription> {
        self.slots.get(at)
    }

    /// The slots that carry this layer now.
    pub(crate) fn carrying(&self, source: LayerKey) -> impl Iterator<Item = &Subscription> {
        self.slots.iter().filter(move |slot| slot.forwarded() == Some(source))
    }

    fn fresh_ssrc(&self, random: &mut StdRng, besides: Option<u32>) -> u32 {
        loop {
            let ssrc = random.random_range(1..u32::MAX);
            let taken =
                |slot: &Subscription| slot.ssrcs().media == ssrc || slot.ssrcs().rtx == ssrc;
            if Some(ssrc) != besides && !self.slots.iter().any(taken) {
                return ssrc;
            }
        }
    }
}

/// Sends what there is room for of the still in hand.
fn send_stills(stills: &mut Stills, slots: &mut [Subscription], out: &mut Outgoing<'_>) {
    let mut spent = 0;
    while let Some(due) = stills.poll_packet(out.now, std::mem::take(&mut spent)) {
        let before = out.sent();
        let source = due.source;
        let mut carrying = slots.iter_mut();
        if let Some(slot) = carrying.find(|slot| slot.track() == Some(source.track)) {
            match &due.again {
                Some(again) => {
                    let repeated = Repeated {
                        kind: Kind::Repair,
                        packet: due.packet,
                        scalable: slot.described_still(&due, again.sequence),
                        codec: due.codec,
                    };
                    slot.retransmit(again.sequence, &again.origin, &repeated, out);
                }
                None => slot.send_still(&due, out),
            }
        }
        spent = out.sent_since(before);
    }
    stills.spend(out.now, spent);
}
