//! What should arrive: the slots of one participant for which somebody sends, and what became of each.

use std::collections::BTreeMap;

use super::Measured;
use crate::clock::{MILLISECOND, Nanos, SECOND};

/// Slots that should carry something, by source.
#[derive(Clone, Debug, Default)]
pub struct Streams {
    expected: BTreeMap<u32, Stream>,
    /// Silence before counts for nothing.
    from: Nanos,
}

#[derive(Clone, Copy, Debug)]
struct Stream {
    is_video: bool,
    /// Since when something should come.
    since: Nanos,
    /// The server says that the network does not carry it.
    is_paused: bool,
    /// When something came last: of sound a packet, of pictures a frame that could be shown.
    latest: Option<Nanos>,
    /// Of pictures: usual time between frames, and lines.
    usual: Nanos,
    height: u16,
}

/// The latest frame of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) at: Nanos,
    /// Usual time between frames; 0 before the second.
    pub(crate) usual: Nanos,
    pub(crate) height: u16,
}

impl Streams {
    /// A packet of sound came.
    pub(crate) fn hear(&mut self, at: Nanos, ssrc: u32) {
        if let Some(stream) = self.expected.get_mut(&ssrc) {
            stream.latest = Some(at);
        }
    }

    /// A picture shows this.
    pub(crate) fn show(&mut self, ssrc: u32, shown: Shown) {
        if let Some(stream) = self.expected.get_mut(&ssrc).filter(|it| it.since <= shown.at) {
            stream.latest = Some(shown.at);
            (stream.usual, stream.height) = (shown.usual, shown.height);
        }
    }

    /// The server holds these back, and no others.
    pub(crate) fn pause(&mut self, held_back: &[u32]) {
        for (ssrc, stream) in &mut self.expected {
            stream.is_paused = held_back.contains(ssrc);
        }
    }

    /// Whether something should have come since silence counts, and did not.
    fn is_silent(&self, now: Nanos, stream: &Stream) -> bool {
        let from = self.from.max(stream.since);
        let came = stream.latest.is_some_and(|latest| latest >= from);
        !stream.is_paused && !came && now >= stream.since + PATIENCE
    }
}

impl Measured {
    /// Something should come on this source from now on.
    pub(crate) fn expect(&mut self, now: Nanos, ssrc: u32, is_video: bool) {
        let (is_paused, latest) = (false, None);
        let stream = Stream { is_video, since: now, is_paused, latest, usual: 0, height: 0 };
        self.streams.expected.insert(ssrc, stream);
    }

    /// Nothing needs to come on this source any more.
    pub(crate) fn expect_no_more(&mut self, now: Nanos, ssrc: u32) {
        self.settle(now, |other| other == ssrc);
    }

    /// Nothing needs to come any more: the participant leaves.
    pub(crate) fn expect_nothing(&mut self, now: Nanos) {
        self.settle(now, |_| true);
    }

    fn settle(&mut self, now: Nanos, is_over: impl Fn(u32) -> bool) {
        let is_heard = |it: &&Stream| !it.is_video && !self.streams.is_silent(now, it);
        let heard = self.streams.expected.values().filter(is_heard).count();
        // The server forwards the loudest: it may have had enough of others.
        let mut voices = LOUDEST.saturating_sub(heard);
        let expected = self.streams.expected.iter();
        let over = expected.filter(|(ssrc, _)| is_over(**ssrc));
        let over: Vec<(u32, Stream)> = over.map(|(ssrc, stream)| (*ssrc, *stream)).collect();
        for (ssrc, stream) in over {
            self.streams.expected.remove(&ssrc);
            if !self.streams.is_silent(now, &stream) || (!stream.is_video && voices == 0) {
                continue;
            }
            voices -= usize::from(!stream.is_video);
            self.silent_slots += 1;
            self.join.lacks_packet |= self.join.first_packet.is_none();
            self.join.lacks_picture |= stream.is_video && self.join.first_frame.is_none();
        }
    }

    /// The measured time begins.
    pub(crate) fn begin(&mut self, now: Nanos) {
        self.streams.from = now;
    }

    /// The measured time ends: pictures that stand still do so until now, and slots that should have
    /// carried something are counted.
    pub(crate) fn end(&mut self, now: Nanos) {
        for stream in self.streams.expected.values().filter(|stream| !stream.is_paused) {
            let Some(latest) = stream.latest.filter(|_| stream.is_video) else { continue };
            let usual = if stream.usual == 0 { SECOND } else { stream.usual };
            if now.saturating_sub(latest) > freeze_after(usual) + END_SLACK {
                let still = now.saturating_sub(latest.max(self.streams.from));
                let frames = self.heights.entry(stream.height).or_default();
                frames.over += still;
                frames.freezes += 1;
                frames.frozen += still;
            }
        }
        self.expect_nothing(now);
    }
}

/// How long nothing has to come for a picture to stand still, as browsers count it (W3C webrtc-stats,
/// freezeCount).
pub(crate) fn freeze_after(usual: Nanos) -> Nanos {
    (3 * usual).max(usual + 150 * MILLISECOND)
}

/// What nothing came of for so long is missing. Raised, short runs see less; lowered, slow joins are
/// taken for silence.
const PATIENCE: Nanos = 3 * SECOND;

/// What came just before the end may not have been read yet.
const END_SLACK: Nanos = 500 * MILLISECOND;

/// Voices that a server forwards to one participant unless it is told otherwise: of more, the quiet ones
/// are silent for good reason.
const LOUDEST: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Nanos = 40 * MILLISECOND;

    fn shown(at: Nanos) -> Shown {
        Shown { at, usual: FRAME, height: 540 }
    }

    /// Somebody who should get a picture (1) and a voice (2) since second 1, measured from second 5 on.
    fn participant() -> Measured {
        let mut measured = Measured::default();
        measured.expect(SECOND, 1, true);
        measured.expect(SECOND, 2, false);
        measured.begin(5 * SECOND);
        measured
    }

    #[test]
    fn what_comes_until_the_end_is_neither_silent_nor_frozen() {
        let mut measured = participant();
        measured.streams.hear(14 * SECOND, 2);
        measured.streams.show(1, shown(15 * SECOND - FRAME));
        measured.end(15 * SECOND);
        assert_eq!((measured.silent_slots, measured.heights.len()), (0, 0));
    }

    #[test]
    fn a_picture_that_is_frozen_for_good_is_one_freeze_until_the_end() {
        let mut measured = participant();
        measured.streams.hear(14 * SECOND, 2);
        measured.streams.show(1, shown(7 * SECOND));
        measured.end(15 * SECOND);
        let frames = measured.heights[&540];
        assert_eq!((frames.freezes, frames.frozen, frames.over), (1, 8 * SECOND, 8 * SECOND));
        assert_eq!(measured.silent_slots, 0, "it carried something");
        // Since before the measured time: of that, all of it.
        let mut measured = participant();
        measured.streams.show(1, shown(2 * SECOND));
        measured.end(15 * SECOND);
        assert_eq!(measured.heights[&540].frozen, 10 * SECOND);
        assert_eq!(measured.silent_slots, 2);
    }

    #[test]
    fn slots_on_which_nothing_ever_comes_are_silent_and_the_join_lacks_it() {
        let mut measured = participant();
        measured.end(15 * SECOND);
        assert_eq!(measured.silent_slots, 2);
        assert!(measured.join.lacks_packet && measured.join.lacks_picture);
        let mut measured = participant();
        measured.join.first_packet = Some(2 * SECOND);
        measured.streams.hear(6 * SECOND, 2);
        measured.end(15 * SECOND);
        assert_eq!(measured.silent_slots, 1, "packets that make no picture are none");
        assert!(!measured.join.lacks_packet && measured.join.lacks_picture);
    }

    #[test]
    fn what_need_not_come_is_not_silent() {
        let mut measured = participant();
        measured.streams.pause(&[1]);
        measured.streams.hear(6 * SECOND, 2);
        measured.expect(13 * SECOND, 3, true);
        measured.end(15 * SECOND);
        assert_eq!(measured.silent_slots, 0, "held back, or too new");
        let mut measured = participant();
        measured.expect_no_more(3 * SECOND, 1);
        measured.expect_no_more(3 * SECOND, 2);
        measured.end(15 * SECOND);
        assert_eq!(measured.silent_slots, 0, "gone before it had to come");
        assert!(!measured.join.lacks_packet && !measured.join.lacks_picture);
    }

    #[test]
    fn of_more_voices_than_are_forwarded_the_quiet_ones_are_not_silent() {
        for (heard, silent) in [(11, 1), (12, 0), (13, 0)] {
            let mut measured = Measured::default();
            (0..30).for_each(|ssrc| measured.expect(0, ssrc, false));
            (0..heard).for_each(|ssrc| measured.streams.hear(9 * SECOND, ssrc));
            measured.end(10 * SECOND);
            assert_eq!(measured.silent_slots, silent, "{heard} were heard");
        }
    }
}
