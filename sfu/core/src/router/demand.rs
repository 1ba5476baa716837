//! Which layers of a track anybody watches, so that its publisher need not send the others.

use std::time::{Duration, Instant};

use super::track::Track;
use super::{Members, Router};
use crate::command::Event;
use crate::demux::TransportKey;

/// What the publisher of one track was told.
#[derive(Debug)]
pub(crate) struct Demand {
    /// Layers it was told to send, by bit; all of them before it was told anything.
    told: u8,
    /// Until when each layer stays on although nobody wants it.
    until: [Option<Instant>; u8::BITS as usize],
}

impl Demand {
    /// A new page sends every layer.
    pub(crate) fn new() -> Self {
        Self { told: u8::MAX, until: [None; u8::BITS as usize] }
    }

    /// Takes the layers somebody wants now; gives those to tell the publisher, both by bit, if
    /// they changed.
    fn settle(&mut self, now: Instant, wanted: u8, layer_count: usize) -> Option<u8> {
        let mut on = 0;
        for (layer, until) in self.until.iter_mut().enumerate().take(layer_count) {
            let bit = 1 << layer;
            if wanted & bit != 0 {
                *until = None;
                on |= bit;
            } else if self.told & bit != 0 && now < *until.get_or_insert(now + OFF_AFTER) {
                on |= bit;
            }
        }
        let all = u8::MAX >> (u8::BITS as usize - layer_count.clamp(1, u8::BITS as usize));
        let changed = on != self.told & all;
        self.told = on;
        changed.then_some(on)
    }
}

impl Router {
    /// Compares what is wanted of each picture with what its publisher was told, now and then and
    /// at once after `expire_demand`.
    pub(crate) fn poll_demand(&mut self, now: Instant, members: &Members) {
        if self.demand_due.is_some_and(|due| now < due) {
            return;
        }
        self.demand_due = Some(now + INTERVAL);
        self.wanted.clear();
        self.wanted.resize(self.tracks.table_len(), 0);
        for key in &self.members {
            let Some(member) = members[key.0].as_ref() else {
                continue;
            };
            if !member.transport.as_ref().is_some_and(|transport| transport.is_connected()) {
                continue;
            }
            for (track, layers) in member.subscriber.wanted_layers(&self.tracks) {
                let wanted = &mut self.wanted[usize::from(track.index)];
                for layer in layers.into_iter().flatten() {
                    *wanted |= 1_u8.checked_shl(layer.into()).unwrap_or(0);
                }
            }
        }
        for track in self.tracks.iter_mut().filter(|track| track.id.source.is_video()) {
            let Some(publisher) = members[track.publisher.0].as_ref() else {
                continue;
            };
            // Nothing is sent of a source that is off: its layers wait for the next time.
            if !publisher.publisher.is_active(track.id.source) {
                track.demand.until = [None; u8::BITS as usize];
                continue;
            }
            let mut wanted = self.wanted[usize::from(track.key.index)];
            if let Some(recording) = &self.recording
                && publisher.publisher.is_recordable(recording.tap(), track.id.source)
            {
                wanted |= recording.wanted_layers(track);
            }
            if let Some(on) = track.demand.settle(now, wanted, track.layers.len()) {
                self.events.push(layers_wanted(track, on));
            }
        }
    }

    /// Something changed that publishers have to hear of at once.
    pub(crate) fn expire_demand(&mut self) {
        self.demand_due = None;
    }

    /// A new page of the publisher sends every layer, and hears so.
    pub(crate) fn forget_demand(&mut self, publisher: TransportKey) {
        for track in self.tracks.iter_mut().filter(|track| track.publisher == publisher) {
            track.demand = Demand::new();
            if track.id.source.is_video() {
                self.events.push(layers_wanted(track, u8::MAX));
            }
        }
        self.expire_demand();
    }
}

fn layers_wanted(track: &Track, layers: u8) -> Event {
    let rids = track.rids.iter().enumerate().filter(|(layer, _)| layers & 1 << layer != 0);
    Event::LayersWanted {
        participant: track.id.participant,
        source: track.id.source,
        rids: rids.map(|(_, rid)| rid.clone()).collect(),
    }
}

/// How often demand is looked at while nothing forces it. Lowered, it costs more; raised, layers
/// that a wider path allows come back later.
const INTERVAL: Duration = Duration::from_millis(250);

/// A layer that nobody watches is turned off after so long. Lowered, leafing through pages of
/// tiles turns cameras off and on; raised, publishers send for nobody for longer.
const OFF_AFTER: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn layers_go_off_late_and_on_at_once() {
        let mut demand = Demand::new();
        let mut now = start();
        assert_eq!(demand.settle(now, 0b010, 3), None, "a new page sends all");
        now += OFF_AFTER / 2;
        assert_eq!(demand.settle(now, 0b010, 3), None);
        now += OFF_AFTER / 2;
        assert_eq!(demand.settle(now, 0b010, 3), Some(0b010));
        let on = demand.settle(now, 0b101, 3);
        assert_eq!(on, Some(0b111), "on at once; what was wanted stays a while");
        assert_eq!(demand.settle(now + OFF_AFTER / 2, 0b110, 3), None);
        assert_eq!(demand.settle(now + OFF_AFTER, 0b001, 3), None, "each layer has its own time");
        now += 2 * OFF_AFTER;
        assert_eq!(demand.settle(now, 0b001, 3), Some(0b001));
        assert_eq!(demand.settle(now, 0, 3), None);
        assert_eq!(demand.settle(now + OFF_AFTER, 0, 3), Some(0), "nobody watches");
        assert_eq!(demand.settle(now + 10 * OFF_AFTER, 0, 3), None);
    }
}
