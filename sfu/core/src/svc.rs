//! Layers within one encoding (scalable video coding): which frames of it go out to one slot, told
//! by their dependency descriptors.

use crate::dependency::{DecodeTarget, Frame, Indication, Mandatory, Structure};
use crate::layer;
use crate::sdp::MAX_RIDS;

/// Decides frame by frame. What was decided of a frame holds for all of its packets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FrameFilter {
    /// The decode target that goes out, by number.
    current: Option<usize>,
    /// The latest frames, newest lowest.
    decided: u128,
    sent: u128,
    newest: Option<u16>,
    /// Time of the newest picture.
    picture: Option<u32>,
    /// What outgoing frame numbers are ahead of incoming ones.
    shift: u16,
    newest_out: u16,
    needs_key_frame: bool,
}

/// What frame numbers were ahead by since when, by sequence number of the slot with its rollovers: what
/// is sent again is numbered as it was at first.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FrameShifts {
    /// First sequence number and shift, newest first.
    latest: [Option<(u64, u16)>; REMEMBERED_SWITCHES],
}

impl FrameShifts {
    /// From this sequence number on it is so much.
    pub(crate) fn push(&mut self, first: u64, shift: u16) {
        self.latest.rotate_right(1);
        self.latest[0] = Some((first, shift));
    }

    /// What it was for this sequence number.
    pub(crate) fn at(&self, sequence: u64) -> Option<u16> {
        let mut known = self.latest.iter().flatten();
        Some(known.find(|(first, _)| *first <= sequence)?.1)
    }
}

/// Most switches within the time in which something may be asked for again. Raised, each slot takes
/// more memory.
const REMEMBERED_SWITCHES: usize = 4;

/// What becomes of a packet that goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    /// Number of its frame on the slot.
    pub(crate) frame_number: u16,
    /// True for the last packet of the picture as the slot gets it.
    pub(crate) ends_picture: bool,
}

impl FrameFilter {
    /// Whether a packet goes out, and how. `wanted` is the most that shall; `begins` when the
    /// slot switches with it to this encoding.
    pub(crate) fn passes(
        &mut self,
        frame: &Frame,
        structure: &Structure,
        timestamp: u32,
        wanted: DecodeTarget,
        begins: bool,
    ) -> Option<Outgoing> {
        let number = frame.mandatory.frame_number;
        if begins {
            self.begin(number);
        }
        let is_sent = match self.decision(number)? {
            Some(decision) => decision,
            None => {
                let begins_picture = self
                    .picture
                    .is_none_or(|picture| (1..1 << 31).contains(&timestamp.wrapping_sub(picture)));
                if begins_picture {
                    self.picture = Some(timestamp);
                    self.turn_to(frame, best(structure, wanted)?, structure);
                }
                let is_part = self.current.map(|at| frame.indication(at) != Indication::NotPresent);
                self.decide(number, is_part.unwrap_or(false))
            }
        };
        if !is_sent {
            return None;
        }
        let frame_number = self.renumber(number);
        let top = structure.targets().get(self.current?)?.spatial;
        let ends_picture = frame.mandatory.ends_frame && frame.spatial == top;
        Some(Outgoing { frame_number, ends_picture })
    }

    /// The slot goes on with another encoding, with this frame: numbers go on, too.
    pub(crate) fn begin(&mut self, number: u16) {
        let shift = self.newest_out.wrapping_add(1).wrapping_sub(number);
        *self = Self { shift, newest_out: self.newest_out, ..Self::default() };
    }

    /// The number of a frame on the slot.
    pub(crate) fn renumber(&mut self, number: u16) -> u16 {
        let frame_number = number.wrapping_add(self.shift);
        if frame_number.wrapping_sub(self.newest_out) < 1 << 15 {
            self.newest_out = frame_number;
        }
        frame_number
    }

    /// What outgoing frame numbers are ahead of incoming ones.
    pub(crate) fn shift(&self) -> u16 {
        self.shift
    }

    /// How a packet that went out goes out again, where numbers were ahead by so much.
    pub(crate) fn again(
        &self,
        mandatory: Mandatory,
        structure: &Structure,
        shift: u16,
    ) -> Outgoing {
        let top = self.current.and_then(|at| structure.targets().get(at));
        let is_top = top.map(|target| target.spatial) == structure.spatial(mandatory);
        Outgoing {
            frame_number: mandatory.frame_number.wrapping_add(shift),
            ends_picture: mandatory.ends_frame && is_top,
        }
    }

    /// Whether another size is wanted than goes out, and only a key frame leads there.
    pub(crate) fn needs_key_frame(&self) -> bool {
        self.needs_key_frame
    }

    /// Changes the decode target where that tears nothing: to a lower frame rate between any two
    /// pictures, to another size with a frame that allows it and whose own needs went out.
    fn turn_to(&mut self, frame: &Frame, wanted: usize, structure: &Structure) {
        let (Some(target), now) = (structure.targets().get(wanted), self.current) else {
            return;
        };
        let present = now.and_then(|now| structure.targets().get(now));
        let is_within = present.is_some_and(|present| {
            target.spatial == present.spatial && target.temporal <= present.temporal
        });
        let is_smaller = present.is_some_and(|present| {
            target.spatial < present.spatial && target.temporal <= present.temporal
        });
        let is_part = match frame.indication(wanted) {
            Indication::Switch => true,
            // Its frames may be among those that went out; whether they are, their needs tell.
            Indication::Required | Indication::Discardable => is_smaller,
            Indication::NotPresent => false,
        };
        let finds_all = || frame.needs().all(|needed| self.decision(needed) == Some(Some(true)));
        if is_within || (is_part && finds_all()) {
            self.current = Some(wanted);
        }
        self.needs_key_frame =
            present.is_some_and(|present| self.current == now && present.spatial != target.spatial);
    }

    /// What was decided of a frame, if anything; `None` when it is too old to know.
    fn decision(&self, number: u16) -> Option<Option<bool>> {
        let Some(newest) = self.newest else {
            return Some(None);
        };
        let age = newest.wrapping_sub(number);
        if age >= 1 << 15 {
            return Some(None);
        }
        let bit = 1_u128.checked_shl(age.into())?;
        Some((self.decided & bit != 0).then_some(self.sent & bit != 0))
    }

    fn decide(&mut self, number: u16, is_sent: bool) -> bool {
        let ahead = self.newest.map_or(0, |newest| number.wrapping_sub(newest));
        if self.newest.is_none() || (ahead > 0 && ahead < 1 << 15) {
            self.decided = self.decided.checked_shl(ahead.into()).unwrap_or(0);
            self.sent = self.sent.checked_shl(ahead.into()).unwrap_or(0);
            self.newest = Some(number);
        }
        let age = self.newest.map_or(0, |newest| newest.wrapping_sub(number));
        let bit = 1_u128.checked_shl(age.into()).unwrap_or(0);
        self.decided |= bit;
        self.sent |= if is_sent { bit } else { 0 };
        is_sent
    }
}

/// The highest spatial layer worth sending at this height, from 0. A publisher of whom only small
/// pictures are wanted leaves out the upper layers, so all count that it could send.
pub(crate) fn worth(max_height: Option<u16>) -> u8 {
    // Spatial layers count from the lowest, simulcast layers from the highest.
    (MOST_SPATIAL - 1 - layer::preferred(max_height, MOST_SPATIAL)) as u8
}

/// Spatial layers of a camera, each twice as high as the one below.
const MOST_SPATIAL: usize = MAX_RIDS;

/// The best decode target within what is wanted; the least of all when none is.
fn best(structure: &Structure, wanted: DecodeTarget) -> Option<usize> {
    let targets = || structure.targets().iter().enumerate();
    let is_within = |(_, target): &(usize, &DecodeTarget)| {
        target.spatial <= wanted.spatial && target.temporal <= wanted.temporal
    };
    let rank = |(_, target): &(usize, &DecodeTarget)| (target.spatial, target.temporal);
    let best = targets().filter(is_within).max_by_key(rank);
    best.or_else(|| targets().min_by_key(rank)).map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::dependency::tests::{Captured, captured, frames};

    const NAMES: [&str; 3] = ["VP9 L3T3_KEY", "AV1 L3T3_KEY", "VP9 L2T3"];
    const ALL: DecodeTarget = DecodeTarget { spatial: 7, temporal: 7 };

    /// Frames and outcomes of a recording whose wishes change at some packets.
    fn run(
        name: &str,
        wishes: &[(usize, DecodeTarget)],
    ) -> Vec<(Captured, Frame, Option<Outgoing>)> {
        let packets = captured(name);
        let (frames, structure) = frames(&packets);
        let mut filter = FrameFilter::default();
        let mut wanted = ALL;
        let decide = |(at, (packet, frame)): (usize, (Captured, Frame))| {
            wanted = wishes.iter().rfind(|(from, _)| *from <= at).map_or(wanted, |(_, w)| *w);
            let out = filter.passes(&frame, &structure, packet.timestamp, wanted, at == 0);
            (packet, frame, out)
        };
        packets.into_iter().zip(frames).enumerate().map(decide).collect()
    }

    #[test]
    fn what_nobody_needs_does_not_go_out_even_when_everything_is_wanted() {
        // Each layer of the one encoding needs the one below; of the others only at key frames.
        assert!(run("VP9 L2T3", &[]).iter().all(|(_, _, out)| out.is_some()));
        for name in ["VP9 L3T3_KEY", "AV1 L3T3_KEY"] {
            let lowest = |(_, frame, out): &(Captured, Frame, Option<Outgoing>)| {
                frame.spatial == 0 && !frame.is_independent && out.is_some()
            };
            assert!(run(name, &[]).iter().skip(8).filter(|it| lowest(it)).count() < 4, "{name}");
        }
    }

    #[test]
    fn what_is_sent_again_has_the_number_it_had() {
        let mut shifts = FrameShifts::default();
        assert_eq!(shifts.at(7), None);
        for (first, shift) in [(65_000, 1), (65_500, 2), (65_636, 3)] {
            shifts.push(first, shift);
        }
        for (sequence, shift) in
            [(65_000, 1), (65_499, 1), (65_500, 2), (65_635, 2), (65_636, 3), (66_436, 3)]
        {
            assert_eq!(shifts.at(sequence), Some(shift), "{sequence}");
        }
        assert_eq!(shifts.at(64_999), None, "from before anything was sent");
    }

    #[test]
    fn long_after_a_switch_the_one_before_does_not_come_back() {
        let mut shifts = FrameShifts::default();
        shifts.push(100, 1);
        shifts.push(50_000, 2);
        for sequence in [50_000, 80_000, 83_000, 115_600, 1_000_000] {
            assert_eq!(shifts.at(sequence), Some(2), "{sequence}");
        }
    }

    #[test]
    fn only_frames_of_the_wanted_layers_go_out_and_each_picture_has_its_end() {
        for name in NAMES {
            for (spatial, temporal) in [(0, 0), (0, 2), (1, 1), (1, 2), (2, 0)] {
                let wanted = DecodeTarget { spatial, temporal };
                let sent: Vec<_> = run(name, &[(0, wanted)])
                    .into_iter()
                    .filter_map(|(packet, frame, out)| Some((packet, frame, out?)))
                    .collect();
                assert!(!sent.is_empty());
                for (_, frame, _) in &sent {
                    assert!(frame.spatial <= spatial && frame.temporal <= temporal, "{name}");
                }
                let whole = sent.iter().filter(|(_, _, out)| out.ends_picture).count();
                let pictures: BTreeSet<_> = sent.iter().map(|(p, ..)| p.timestamp).collect();
                // The first pictures of a call may lack the upper layers.
                assert!(whole + 4 >= pictures.len(), "{name}: {whole} of {}", pictures.len());
            }
        }
    }

    proptest! {
        /// Whatever is wanted when: what goes out can be decoded, and numbers go on.
        #[test]
        fn every_frame_that_goes_out_finds_what_it_needs(
            which in 0..NAMES.len(),
            wishes in prop::collection::vec((0..40_usize, 0..3_u8, 0..3_u8), 0..6),
        ) {
            let mut wishes: Vec<_> = wishes
                .into_iter()
                .map(|(from, spatial, temporal)| (from, DecodeTarget { spatial, temporal }))
                .collect();
            wishes.sort_by_key(|(from, _)| *from);
            let mut sent = BTreeSet::new();
            let mut newest = 0;
            for (_, frame, out) in run(NAMES[which], &wishes) {
                let Some(out) = out else { continue };
                for needed in frame.needs() {
                    prop_assert!(sent.contains(&needed), "{:?} needs {}", frame.mandatory, needed);
                }
                sent.insert(frame.mandatory.frame_number);
                prop_assert!(out.frame_number >= newest);
                newest = out.frame_number;
            }
        }

        #[test]
        fn no_order_of_frames_panics(
            order in prop::collection::vec((0..40_usize, any::<u32>(), any::<bool>()), 0..80),
        ) {
            let (frames, structure) = frames(&captured(NAMES[0]));
            let mut filter = FrameFilter::default();
            for (at, timestamp, begins) in order {
                filter.passes(&frames[at % frames.len()], &structure, timestamp, ALL, begins);
            }
        }
    }
}
