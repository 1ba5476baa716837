//! Temporal layers of one slot: which frames go out so that every frame that does can be decoded.

use crate::codec::FrameInfo;

/// Decides frame by frame. What was decided of a frame holds for all of its packets, whatever
/// their order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TemporalFilter {
    /// The highest layer that shall go out.
    limit: u8,
    /// The highest layer that goes out.
    current: u8,
    /// Time of the frame from which that holds, and what held before.
    since: Option<u32>,
    before: u8,
    /// Time of the newest frame seen.
    newest: Option<u32>,
}

impl Default for TemporalFilter {
    fn default() -> Self {
        Self { limit: u8::MAX, current: u8::MAX, since: None, before: u8::MAX, newest: None }
    }
}

impl TemporalFilter {
    /// Sends no higher layer than this one from the next frame on that allows it.
    pub(crate) fn limit(&mut self, layer: u8) {
        self.limit = layer;
    }

    /// The highest layer that shall go out.
    pub(crate) fn limited_to(&self) -> u8 {
        self.limit
    }

    /// Whether a packet goes out. `begins` when the slot switches with it to another encoding:
    /// nothing before it counts any more.
    pub(crate) fn passes(&mut self, frame: &FrameInfo, timestamp: u32, begins: bool) -> bool {
        if begins {
            *self = Self { limit: self.limit, current: self.limit, ..Self::default() };
        }
        let Some(id) = frame.temporal else {
            return true;
        };
        let is_first_seen = self.newest.is_none_or(|newest| is_after(timestamp, newest));
        if is_first_seen {
            self.newest = Some(timestamp);
            // What is forgotten does not look like the future once timestamps have come round.
            self.since = self.since.filter(|since| timestamp.wrapping_sub(*since) < LATE_AT_MOST);
        }
        // Only with the first packet of a frame, and only when none of it was decided on before.
        if is_first_seen && frame.starts_frame {
            let rises = self.limit > self.current
                && (frame.starts_key_frame
                    || (id.is_sync && (self.current + 1..=self.limit).contains(&id.layer)));
            let next = match id.layer {
                _ if self.limit < self.current || frame.starts_key_frame => self.limit,
                layer if rises => layer,
                _ => self.current,
            };
            if next != self.current {
                self.before = self.current;
                self.current = next;
                self.since = Some(timestamp);
            }
        }
        let is_former = self.since.is_some_and(|since| is_after(since, timestamp));
        id.layer <= if is_former { self.before } else { self.current }
    }
}

/// Frames do not come later than so much after newer ones: ten seconds. Raised, nothing is gained;
/// lowered, a frame that comes very late may be torn.
const LATE_AT_MOST: u32 = 10 * 90_000;

/// Whether time `a` is later than `b`, modulo 2^32.
fn is_after(a: u32, b: u32) -> bool {
    (1..1 << 31).contains(&a.wrapping_sub(b))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::codec::TemporalId;

    /// Four frames of three layers, as encoders send them: the second and third need the first
    /// only, the fourth needs the third too.
    const PATTERN: [(u8, bool); 4] = [(0, false), (2, true), (1, true), (2, false)];

    fn frame(number: u32, starts: bool, is_key: bool) -> (FrameInfo, u32) {
        let (layer, is_sync) = PATTERN[number as usize % 4];
        let info = FrameInfo {
            starts_frame: starts,
            starts_key_frame: starts && is_key,
            temporal: Some(TemporalId { layer, is_sync }),
            ..FrameInfo::default()
        };
        (info, number.wrapping_mul(3_000).wrapping_sub(20_000))
    }

    fn sent(filter: &mut TemporalFilter, numbers: std::ops::Range<u32>) -> Vec<u32> {
        let passes = |number: &u32| {
            let (info, timestamp) = frame(*number, true, *number == 0);
            filter.passes(&info, timestamp, *number == 0)
        };
        numbers.filter(passes).collect()
    }

    #[test]
    fn layers_above_the_limit_are_left_out_and_come_back_where_they_can_be_decoded() {
        let mut filter = TemporalFilter::default();
        assert_eq!(sent(&mut filter, 0..6), [0, 1, 2, 3, 4, 5]);
        filter.limit(1);
        assert_eq!(sent(&mut filter, 6..12), [6, 8, 10]);
        filter.limit(0);
        assert_eq!(sent(&mut filter, 12..20), [12, 16]);
        filter.limit(2);
        // Frame 23 needs frame 22, which needs only frame 20.
        assert_eq!(sent(&mut filter, 23..30), [24, 25, 26, 27, 28, 29]);
        filter.limit(0);
        assert_eq!(sent(&mut filter, 30..34), [32]);
        filter.limit(1);
        assert_eq!(sent(&mut filter, 34..40), [34, 36, 38]);
    }

    #[test]
    fn frames_without_a_temporal_layer_always_go_out() {
        let mut filter = TemporalFilter::default();
        filter.limit(0);
        assert!(filter.passes(&FrameInfo::default(), 7, false));
    }

    #[test]
    fn what_changed_hours_ago_changes_nothing_when_timestamps_come_round() {
        let mut filter = TemporalFilter::default();
        sent(&mut filter, 0..4);
        filter.limit(0);
        sent(&mut filter, 4..8);
        filter.limit(2);
        assert_eq!(sent(&mut filter, 8..14), [8, 9, 10, 11, 12, 13]);
        // Of every five minutes of fourteen hours, at thirty frames a second, four frames.
        for minutes in (5..14 * 60).step_by(5) {
            let first = minutes * 60 * 30;
            let all: Vec<u32> = (first..first + 4).collect();
            assert_eq!(sent(&mut filter, first..first + 4), all, "after {minutes} minutes");
        }
    }

    proptest! {
        /// Packets in any order with any limits: each frame goes out whole or not at all, and
        /// with everything it needs.
        #[test]
        fn frames_go_out_whole_and_with_what_they_need(
            limits in prop::collection::vec((0..60_u32, 0..3_u8), 0..8),
            delays in prop::collection::vec(0..4_usize, 180),
        ) {
            let mut packets: Vec<(usize, u32, u8)> = (0..180_usize)
                .map(|at| (at + delays[at], at as u32 / 3, (at % 3) as u8))
                .collect();
            // The key frame begins the slot.
            packets.sort_by_key(|(turn, number, part)| ((*number, *part) != (0, 0), *turn));
            let mut filter = TemporalFilter::default();
            let mut decided: BTreeMap<u32, BTreeSet<bool>> = BTreeMap::new();
            for (_, number, part) in packets {
                for (_, limit) in limits.iter().filter(|(at, _)| *at == number && part == 0) {
                    filter.limit(*limit);
                }
                let (info, timestamp) = frame(number, part == 0, number == 0);
                let passes = filter.passes(&info, timestamp, number == 0 && part == 0);
                decided.entry(number).or_default().insert(passes);
            }
            let is_sent = |number: u32| decided[&number] == BTreeSet::from([true]);
            for (number, decisions) in &decided {
                prop_assert_eq!(decisions.len(), 1, "frame {} is torn", number);
                if is_sent(*number) {
                    let base = number - number % 4;
                    prop_assert!(is_sent(base));
                    prop_assert!(number % 4 != 3 || is_sent(base + 2), "frame {}", number);
                }
            }
        }
    }
}
