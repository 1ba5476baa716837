//! How what a subscriber's path carries is shared among its slots, and which of them go without.

use std::time::{Duration, Instant};

use protocol::TrackSource;

use super::Subscriber;
use crate::command::Mid;
use crate::downlink::allocation::{Rank, Step, Wish, allocate};
use crate::layer::{self, LayerTarget};
use crate::router::track::{LayerKey, Track};
use crate::router::tracks::Tracks;
use crate::subscription::{Failure, Subscription};
use crate::svc;

/// The latest division.
#[derive(Default)]
pub(super) struct Sharing {
    /// When to divide anew at the latest; at once when there is none.
    due: Option<Instant>,
    /// What was divided, in bits per second.
    target: u64,
    rise_from: Option<Instant>,
    wishes: Vec<Wish>,
    /// What the control plane was told last.
    told: Vec<Mid>,
    /// To be told.
    news: Option<Vec<Mid>>,
}

impl Sharing {
    /// Something changed that the division has to follow.
    pub(super) fn expire(&mut self) {
        self.due = None;
    }
}

impl Subscriber {
    /// Divides anew if it is time to, or if less is there than was divided.
    pub(super) fn share_if_due(&mut self, now: Instant, tracks: &Tracks) {
        self.downlink.handle_silence(now);
        let has_come = self.sharing.due.is_none_or(|due| now >= due);
        if has_come || self.downlink.target() < self.sharing.target / 100 * SHRUNK_PER_CENT {
            self.share(now, tracks);
        }
    }

    /// Divides what the path carries.
    pub(super) fn share(&mut self, now: Instant, tracks: &Tracks) {
        let target = self.downlink.target();
        let budget = target.saturating_sub(self.downlink.reserved(now));
        let mut wishes = std::mem::take(&mut self.sharing.wishes);
        wishes.clear();
        let mut in_use = 0;
        for (at, slot) in self.slots.iter_mut().enumerate().filter(|(_, slot)| slot.is_video()) {
            let Some(track) = slot.track().and_then(|key| tracks.track(key)) else {
                continue;
            };
            let rank = match track.id.source {
                TrackSource::Screen => Rank::Screen,
                _ if tracks.is_leading(track.id.participant) => Rank::Speaker,
                TrackSource::Camera | TrackSource::Microphone | TrackSource::ScreenAudio => {
                    Rank::Tile
                }
            };
            if let Some((wish, takes)) = wish_for(at, slot, rank, track, now) {
                wishes.push(wish);
                in_use += takes;
            }
        }
        let may_rise = self.sharing.rise_from.is_none_or(|from| now >= from);
        allocate(budget, may_rise, &mut wishes);
        let is_flooded = in_use > budget / 100 * FLOOD_PER_CENT;
        let mut has_fallen = false;
        for wish in &wishes {
            let slot = &mut self.slots[wish.slot];
            let before = slot.forwarded();
            let falls = slot.limit(wish.granted().map(|step| step.layer), is_flooded);
            if falls && wish.granted().is_none() && wish.rank == Rank::Screen {
                slot.failure = Some(Failure::after(slot.failure, now, wish.wanted()));
            }
            has_fallen |= falls;
            if is_flooded && slot.forwarded() != before {
                self.queue.void(slot.ssrcs().media);
            }
        }
        if has_fallen {
            self.sharing.rise_from = Some(now + RISE_AFTER_FALL);
        }
        let reserved = self.downlink.reserved(now);
        self.downlink.want(now, wishes.iter().map(wanted).sum::<u64>() + reserved);
        self.note_paused(&wishes);
        self.sharing.wishes = wishes;
        self.sharing.target = target;
        self.sharing.due = Some(now + INTERVAL);
    }

    /// The picture slots that are held back for lack of bandwidth, if they changed.
    pub(crate) fn poll_paused(&mut self) -> Option<Vec<Mid>> {
        self.sharing.news.take()
    }

    /// A slot counts as held back from the second time on: a division that the first packets of
    /// a picture caused knows too little.
    fn note_paused(&mut self, wishes: &[Wish]) {
        for slot in &mut self.slots {
            slot.held_back = slot.held_back.filter(|_| slot.is_limited_to_none());
        }
        for wish in wishes.iter().filter(|wish| wish.granted().is_none()) {
            let slot = &mut self.slots[wish.slot];
            slot.held_back = Some(slot.held_back.map_or(1, |times| times.saturating_add(1)));
        }
        let is_paused = |times: Option<u8>| times.is_some_and(|times| times > 1);
        let paused = || self.slots.iter().filter(|slot| is_paused(slot.held_back));
        if !paused().map(super::Subscription::mid).eq(&self.sharing.told) {
            let mids: Vec<Mid> = paused().map(|slot| slot.mid().clone()).collect();
            self.sharing.told.clone_from(&mids);
            self.sharing.news = Some(mids);
        }
    }
}

/// Bits per second to look for: those a screen takes when it moves, before it does.
fn wanted(wish: &Wish) -> u64 {
    let least = if wish.rank == Rank::Screen { MOVING_SCREEN } else { 0 };
    wish.wanted().max(wish.kept).max(least)
}

/// What there is to choose of a track for a slot, and the bits per second of what goes out of it at
/// present; nothing while it sends nothing.
fn wish_for(
    at: usize,
    slot: &mut Subscription,
    rank: Rank,
    track: &Track,
    now: Instant,
) -> Option<(Wish, u64)> {
    let alive = track.divided(now);
    let best = layer::choose(slot.max_height(), alive)?;
    // A screen that rests takes next to nothing, whatever it took before; one that was too much
    // needs what it took then.
    let moves = track.movement(now, best);
    let lately = moves.map_or(0, |moves| moves.lately);
    if std::mem::take(&mut slot.has_overrun) && moves.is_some() {
        slot.failure = Some(Failure::after(slot.failure, now, lately));
    }
    let least = slot.failure.map_or(0, |failure| failure.needs(now));
    let bounds = (least, moves.map_or(u64::MAX, |moves| moves.now));
    let mut wish = Wish::new(at, rank, slot.max_height().unwrap_or(u16::MAX));
    let mut in_use = 0;
    // A layer that its publisher still has to turn on takes nothing yet.
    let awaited = slot.awaited().filter(|key| alive.has(usize::from(key.layer)));
    let granted = awaited.or_else(|| slot.forwarded());
    for layer in (best..track.layers.len()).rev().filter(|layer| alive.has(*layer)) {
        if track.is_layered() {
            in_use += wish_within(&mut wish, slot, track, now, (layer, bounds));
            continue;
        }
        let top = track.temporal_count(layer) - 1;
        // A better layer at half its frame rate lies between two layers. Jerky pictures
        // are for where nothing else is left.
        let lowest = if layer + 1 == track.layers.len() { 0 } else { top.min(1) };
        for temporal in lowest..=top {
            let rate = bounded(track.rate(now, layer, temporal), bounds);
            let is_top = temporal == top;
            let step = LayerTarget {
                spatial: layer as u8,
                within: u8::MAX,
                temporal: if is_top { u8::MAX } else { temporal as u8 },
            };
            let is_limit = slot.temporal_limit() == step.temporal;
            let is_at = |key: Option<LayerKey>| {
                is_limit && key.is_some_and(|key| key.layer == step.spatial)
            };
            wish.push(Step { layer: step, rate }, is_at(granted));
            if is_at(slot.forwarded()) {
                in_use += rate;
            }
        }
    }
    wish.kept = lately;
    if slot.forwarded().is_some() {
        in_use = in_use.max(wish.kept);
    }
    (!wish.is_empty()).then_some((wish, in_use))
}

/// A rate between the least and the most that count.
fn bounded(rate: u64, (least, most): (u64, u64)) -> u64 {
    rate.min(most).max(least)
}

/// Adds what there is to choose within an encoding in layers, each within `bounds`. Gives the bits
/// per second of what goes out of it at present.
fn wish_within(
    wish: &mut Wish,
    slot: &Subscription,
    track: &Track,
    now: Instant,
    (layer, bounds): (usize, (u64, u64)),
) -> u64 {
    let highest = svc::worth(slot.max_height());
    let mut in_use = 0;
    let Some(scalable) = &track.layers[layer].scalable else {
        return in_use;
    };
    let top = scalable.structure.targets().iter().map(|target| target.temporal).max();
    for (target, rate) in scalable.choices(now, highest) {
        let rate = bounded(rate, bounds);
        let temporal = if Some(target.temporal) == top { u8::MAX } else { target.temporal };
        let step = LayerTarget { spatial: layer as u8, within: target.spatial, temporal };
        // Before a first division everything worth its bits goes out.
        let is_limit =
            slot.temporal_limit() == temporal && slot.limited_within().min(highest) == step.within;
        let is_at =
            |key: Option<LayerKey>| is_limit && key.is_some_and(|key| key.layer == step.spatial);
        wish.push(Step { layer: step, rate }, is_at(slot.awaited()));
        if is_at(slot.forwarded()) {
            in_use += rate;
        }
    }
    in_use
}

/// Time between two divisions while nothing forces one. Lowered, they follow the publishers'
/// rates closer and cost more.
const INTERVAL: Duration = Duration::from_millis(200);

/// Below this part of what was divided it is divided anew at once.
const SHRUNK_PER_CENT: u64 = 95;

/// Above this part of the budget, what is too much stops at once, without waiting for the key
/// frame of the lower layer. Raised, queues grow longer; lowered, pictures stand still more often.
const FLOOD_PER_CENT: u64 = 130;

/// Nothing rises for so long after something fell. Raised, recovery takes longer; lowered,
/// pictures flicker between two layers.
const RISE_AFTER_FALL: Duration = Duration::from_secs(1);

/// Bits per second a screen usually takes when it moves.
const MOVING_SCREEN: u64 = 500_000;
