//! Which pictures of a slot can be decoded, from the numbers of their packets alone.

use std::collections::BTreeMap;

use crate::clock::{MILLISECOND, Nanos};
use crate::measure::{Measured, Shown, freeze_after};
use crate::rtp::Vp8;

/// Puts packets together to frames. A frame can be decoded when it is whole and follows one that
/// was, or is a key frame.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// Number of the packet after the last decoded frame.
    next: Option<u64>,
    /// Packets that wait, by number.
    parts: BTreeMap<u64, Part>,
    height: u16,
    last: Option<Nanos>,
    /// Usual time between frames.
    usual: Nanos,
    /// Since when packets wait for something that is missing.
    stuck: Option<Nanos>,
    /// Whether the bytes of frames are kept, and those that were decoded since the last time.
    kept: Option<Vec<Vec<u8>>>,
}

#[derive(Clone, Debug)]
struct Part {
    starts: bool,
    ends: bool,
    key_height: Option<u16>,
    /// Nothing but padding, which only continues the numbering.
    is_filler: bool,
    /// Its part of the frame, where that is kept.
    bytes: Vec<u8>,
}

impl Frames {
    /// Keeps the bytes of frames, for [`Frames::take_kept`].
    pub(crate) fn keep(&mut self) {
        self.kept.get_or_insert_default();
    }

    /// The frames that could be decoded since the last time, in order.
    pub(crate) fn take_kept(&mut self) -> Vec<Vec<u8>> {
        self.kept.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Takes one packet.
    pub(crate) fn handle_packet(
        &mut self,
        now: Nanos,
        sequence: u64,
        marker: bool,
        payload: &[u8],
        measured: &mut Measured,
    ) {
        if self.next.is_some_and(|next| sequence < next) {
            return;
        }
        let vp8 = Vp8::parse(payload);
        let part = Part {
            starts: vp8.is_some_and(|vp8| vp8.starts_frame),
            ends: marker,
            key_height: vp8.and_then(|vp8| vp8.key_height),
            is_filler: payload.is_empty(),
            bytes: match &self.kept {
                Some(_) => Vp8::frame(payload).unwrap_or_default().to_vec(),
                None => Vec::new(),
            },
        };
        self.parts.insert(sequence, part);
        if self.parts.len() > MAX_WAITING {
            self.parts.pop_first();
        }
        while self.advance(now, measured) {}
        self.stuck = if self.parts.is_empty() { None } else { self.stuck.or(Some(now)) };
    }

    /// What the picture shows.
    pub(crate) fn shown(&self) -> Option<Shown> {
        Some(Shown { at: self.last?, usual: self.usual, height: self.height })
    }

    /// True when pictures wait so long for something that only a key frame helps.
    pub(crate) fn is_stuck(&self, now: Nanos) -> bool {
        self.stuck.is_some_and(|since| now > since + PATIENCE)
    }

    /// Forgets that it waits, once a key frame was asked for.
    pub(crate) fn asked(&mut self, now: Nanos) {
        self.stuck = self.stuck.map(|_| now + MILLISECOND * 500);
    }

    fn advance(&mut self, now: Nanos, measured: &mut Measured) -> bool {
        if let Some(next) = self.next {
            if self.parts.get(&next).is_some_and(|part| part.is_filler) {
                self.parts.remove(&next);
                self.next = Some(next + 1);
                return true;
            }
            if let Some(end) = self.whole_from(next) {
                self.decode(now, next, end, measured);
                return true;
            }
        }
        let key = self.parts.iter().rev().find(|(_, part)| part.key_height.is_some());
        let Some((start, end)) = key.and_then(|(at, _)| Some((*at, self.whole_from(*at)?))) else {
            return false;
        };
        self.decode(now, start, end, measured);
        true
    }

    /// The last packet of the frame that starts here, when all of it is there.
    fn whole_from(&self, start: u64) -> Option<u64> {
        if !self.parts.get(&start)?.starts {
            return None;
        }
        let run = self.parts.range(start..).zip(start..).take_while(|((at, part), want)| {
            // Where another frame begins, the end of this one was never sent: the layer was changed.
            *at == want && (**at == start || !part.starts)
        });
        run.map(|(part, _)| part).find(|(_, part)| part.ends).map(|(at, _)| *at)
    }

    fn decode(&mut self, now: Nanos, start: u64, end: u64, measured: &mut Measured) {
        if let Some(height) = self.parts.get(&start).and_then(|part| part.key_height) {
            self.height = height;
        }
        let rest = self.parts.split_off(&(end + 1));
        let parts = std::mem::replace(&mut self.parts, rest);
        if let Some(kept) = &mut self.kept {
            let frame = parts.range(start..).flat_map(|(_, part)| &part.bytes);
            kept.push(frame.copied().collect());
        }
        self.next = Some(end + 1);
        self.stuck = None;
        measured.join.first_frame.get_or_insert(now);
        let frames = measured.heights.entry(self.height).or_default();
        frames.decoded += 1;
        if let Some(last) = self.last.replace(now) {
            let since = now.saturating_sub(last);
            frames.over += since;
            if self.usual > 0 && since > freeze_after(self.usual) {
                frames.freezes += 1;
                frames.frozen += since;
            } else {
                self.usual = if self.usual == 0 { since } else { (self.usual * 29 + since) / 30 };
            }
        }
    }
}

/// Packets that wait at most; beyond it the oldest are given up.
const MAX_WAITING: usize = 2_048;

/// How long repair may take before a key frame is asked for.
const PATIENCE: Nanos = 400 * MILLISECOND;

#[cfg(test)]
mod tests {
    use super::*;

    /// First packets of a key frame of 540 lines and of another frame.
    fn payload(is_key: bool) -> Vec<u8> {
        let mut payload = Vec::new();
        Vp8::write(true, 1, 1, &mut payload);
        payload.extend([u8::from(!is_key), 0, 0, 0x9d, 0x01, 0x2a, 0xc0, 3, 0x1c, 2]);
        payload
    }

    fn rest() -> Vec<u8> {
        let mut payload = Vec::new();
        Vp8::write(false, 1, 1, &mut payload);
        payload.push(7);
        payload
    }

    fn decoded(measured: &Measured) -> u64 {
        measured.heights.values().map(|frames| frames.decoded).sum()
    }

    #[test]
    fn a_frame_needs_all_its_packets_and_the_frame_before() {
        let (mut frames, mut measured) = (Frames::default(), Measured::default());
        let mut take = |at: u64, marker, payload: &[u8]| {
            frames.handle_packet(at * MILLISECOND, at, marker, payload, &mut measured);
            decoded(&measured)
        };
        assert_eq!(take(10, true, &payload(false)), 0, "nothing before the first key frame");
        assert_eq!(take(11, false, &payload(true)), 0);
        assert_eq!(take(12, true, &rest()), 1);
        assert_eq!(take(14, true, &rest()), 1, "a packet is missing");
        assert_eq!(take(15, true, &payload(false)), 1);
        assert_eq!(take(13, false, &payload(false)), 3, "the late packet completes two");
        assert_eq!(take(16, false, &[]), 3, "padding only continues the numbering");
        assert_eq!(take(17, true, &payload(false)), 4);
        assert_eq!(take(19, true, &payload(true)), 5, "a key frame needs nothing");
        assert_eq!(measured.heights.keys().copied().collect::<Vec<_>>(), [540]);
    }

    #[test]
    fn a_frame_that_another_one_cuts_off_is_none_and_what_is_kept_is_whole() {
        let (mut frames, mut measured) = (Frames::default(), Measured::default());
        frames.keep();
        let mut take = |at: u64, marker, payload: &[u8]| {
            frames.handle_packet(at * MILLISECOND, at, marker, payload, &mut measured);
            frames.take_kept()
        };
        let frame = |payload: &[u8]| Vp8::frame(payload).map(<[u8]>::to_vec).unwrap_or_default();
        assert_eq!(take(10, false, &payload(true)), Vec::<Vec<u8>>::new());
        assert_eq!(take(11, true, &rest()), [[frame(&payload(true)), frame(&rest())].concat()]);
        assert_eq!(take(12, false, &payload(false)), Vec::<Vec<u8>>::new());
        assert_eq!(take(13, true, &payload(true)), [frame(&payload(true))]);
        assert_eq!(take(14, true, &payload(false)), [frame(&payload(false))]);
        assert_eq!(decoded(&measured), 3);
    }

    #[test]
    fn a_picture_that_waits_for_ever_wants_a_key_frame() {
        let (mut frames, mut measured) = (Frames::default(), Measured::default());
        frames.handle_packet(0, 1, true, &payload(true), &mut measured);
        assert!(!frames.is_stuck(PATIENCE * 9));
        frames.handle_packet(1, 3, true, &payload(false), &mut measured);
        assert!(!frames.is_stuck(PATIENCE));
        assert!(frames.is_stuck(PATIENCE + 2));
        frames.asked(PATIENCE + 2);
        assert!(!frames.is_stuck(PATIENCE + 3));
    }

    #[test]
    fn a_pause_among_regular_frames_is_a_freeze() {
        let (mut frames, mut measured) = (Frames::default(), Measured::default());
        for n in 0..100 {
            let at = if n < 50 { n * 33 } else { n * 33 + 500 };
            frames.handle_packet(at * MILLISECOND, n, true, &payload(n == 0), &mut measured);
        }
        let seen = measured.heights[&540];
        assert_eq!((seen.decoded, seen.freezes), (100, 1));
        assert_eq!(seen.frozen / MILLISECOND, 533);
    }
}
