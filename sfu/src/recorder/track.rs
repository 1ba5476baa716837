//! One recorded track: from its packets to the pieces of its file, each of whole clusters.

use std::time::{Duration, Instant};

use protocol::TrackId;
use sfu_core::codec::CodecKind;
use sfu_core::{CapturedPacket, Frames};

use super::assemble::{Assembler, Frame, WAIT_FOR_REPAIR};
use super::clock::Clock;
use super::picture::{self, Description};
use super::webm::{self, Cluster, TrackHead};

/// See the module's description.
#[derive(Debug)]
pub(crate) struct RecordedTrack {
    /// Which track.
    pub(crate) id: TrackId,
    /// In which codec.
    pub(crate) codec: CodecKind,
    /// When the recording began.
    began: Instant,
    assembler: Assembler,
    clock: Clock,
    opened: Option<Opened>,
    open: Option<Open>,
    pieces: u32,
    ready: Vec<Piece>,
}

/// What is known of a track from its first frame on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    /// What its frames look like.
    pub(crate) frames: Frames,
    /// Width and height of the first picture, in pixels; `None` of sound and where they cannot be
    /// read.
    pub(crate) size: Option<(u16, u16)>,
    /// Time of the first frame, in milliseconds since the recording began.
    pub(crate) start_ms: u64,
}

/// One piece of the file, not yet sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Its number, from 0.
    pub(crate) number: u32,
    /// What stands in it.
    pub(crate) plain: Vec<u8>,
}

/// The piece that is being filled.
#[derive(Debug)]
struct Open {
    cluster: Cluster,
    /// What stands before it.
    head: Vec<u8>,
    /// When the oldest of it came.
    oldest: Instant,
}

impl RecordedTrack {
    /// Without a frame yet.
    pub(crate) fn new(id: TrackId, codec: CodecKind, began: Instant) -> Self {
        Self {
            id,
            codec,
            began,
            assembler: Assembler::new(codec),
            clock: Clock::new(codec.clock_rate()),
            opened: None,
            open: None,
            pieces: 0,
            ready: Vec::new(),
        }
    }

    /// What is known of it, once there was a frame.
    pub(crate) fn opened(&self) -> Option<Opened> {
        self.opened
    }

    /// Takes a packet.
    pub(crate) fn handle_packet(&mut self, packet: &CapturedPacket<'_>) {
        if packet.starts_over {
            // What is missing of what came before does not come any more.
            self.take_frames(packet.arrival + WAIT_FOR_REPAIR);
        }
        self.assembler.handle_packet(packet);
        self.take_frames(packet.arrival);
    }

    /// Does what is due.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.take_frames(now);
        if self.open.as_ref().is_some_and(|open| now >= open.oldest + PIECE_TIME) {
            self.close_piece();
        }
    }

    /// Ends it: what is incomplete now stays out.
    pub(crate) fn finish(&mut self, now: Instant) {
        self.take_frames(now + WAIT_FOR_REPAIR);
        self.close_piece();
    }

    /// The next piece to be sealed and written.
    pub(crate) fn poll_piece(&mut self) -> Option<Piece> {
        (!self.ready.is_empty()).then(|| self.ready.remove(0))
    }

    fn take_frames(&mut self, now: Instant) {
        while let Some(frame) = self.assembler.poll_frame(now) {
            self.write(&frame);
        }
    }

    fn write(&mut self, frame: &Frame) {
        let arrival = frame.arrival.saturating_duration_since(self.began).as_millis() as u64;
        let time = self.clock.time(frame.starts_over, frame.timestamp, arrival);
        let mut head = Vec::new();
        if self.opened.is_none() {
            // A first frame that does not say what a player needs is none.
            let Some(known) = describe(self.codec, frame) else {
                return;
            };
            let Description { size, private } = known;
            self.opened = Some(Opened { frames: frame.frames, size, start_ms: time });
            head = webm::head(&TrackHead { codec: self.codec, size, private });
        }
        if self.open.as_ref().is_some_and(|open| {
            frame.arrival >= open.oldest + PIECE_TIME
                || open.cluster.len() + frame.data.len() > PIECE_BYTES
        }) {
            self.close_piece();
        }
        let fits = self
            .open
            .as_mut()
            .is_some_and(|open| open.cluster.push(time, frame.is_key, &frame.data));
        if !fits {
            self.close_piece();
            let mut cluster = Cluster::new(time);
            cluster.push(time, frame.is_key, &frame.data);
            self.open = Some(Open { cluster, head, oldest: frame.arrival });
        }
    }

    fn close_piece(&mut self) {
        let Some(open) = self.open.take() else {
            return;
        };
        let mut plain = open.head;
        open.cluster.write(&mut plain);
        self.ready.push(Piece { number: self.pieces, plain });
        self.pieces += 1;
    }
}

fn describe(codec: CodecKind, frame: &Frame) -> Option<Description> {
    match codec {
        CodecKind::Opus => Some(Description { size: None, private: webm::opus_private() }),
        _ if frame.frames.are_encrypted() => {
            frame.is_key.then(|| picture::describe_encrypted(codec, frame.frames, &frame.data))
        }
        CodecKind::Vp8 | CodecKind::Vp9 | CodecKind::Av1 | CodecKind::H264 => {
            picture::describe(codec, &frame.data)
        }
    }
}

/// A piece is closed so long after the oldest of it came. With what sealing and writing take, it is
/// on the disk within 5 s. Lowered, there are more files; raised, a crash costs more.
const PIECE_TIME: Duration = Duration::from_millis(3_500);

/// A piece is closed before it has more bytes than that, unless one frame alone has. Raised, a
/// player waits longer for its first picture; lowered, there are more files.
const PIECE_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use protocol::{ParticipantId, TrackSource};
    use sfu_core::RecordingTap;

    use super::*;

    struct Test {
        track: RecordedTrack,
        began: Instant,
        pieces: Vec<Piece>,
    }

    impl Test {
        fn new(source: TrackSource) -> Self {
            let began = Instant::now();
            let id = TrackId { participant: ParticipantId::from_bytes([1; 8]), source };
            let codec = if source.is_video() { CodecKind::Vp8 } else { CodecKind::Opus };
            Self { track: RecordedTrack::new(id, codec, began), began, pieces: Vec::new() }
        }

        fn packet(&mut self, number: u16, ms: u64, payload: &[u8]) {
            let codec = self.track.codec;
            let ticks = ms * u64::from(codec.clock_rate()) / 1_000;
            self.track.handle_packet(&CapturedPacket {
                recording: RecordingTap(1),
                track: self.track.id,
                codec,
                frames: Frames::Clear,
                starts_over: number == 0,
                starts_frame: true,
                starts_key_frame: !codec.is_video() || payload[1] & 1 == 0,
                marker: true,
                sequence: number,
                timestamp: ticks as u32,
                arrival: self.began + Duration::from_millis(ms),
                payload,
            });
            self.pass(ms);
        }

        fn pass(&mut self, ms: u64) {
            self.track.handle_timeout(self.began + Duration::from_millis(ms));
            self.pieces.extend(std::iter::from_fn(|| self.track.poll_piece()));
        }
    }

    const KEY_FRAME: [u8; 12] = [0x10, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00, 7];

    #[test]
    fn pieces_are_numbered_and_close_in_time_with_or_without_more_to_come() {
        let mut test = Test::new(TrackSource::Microphone);
        for number in 0..300_u16 {
            test.packet(number, 100 + u64::from(number) * 20, &[0x78, number as u8, 1]);
        }
        assert_eq!(test.pieces.len(), 1, "6 s came");
        test.pass(100 + 3_500 + 3_499);
        assert_eq!(test.pieces.len(), 1);
        test.pass(100 + 3_500 + 3_500);
        let numbers: Vec<_> = test.pieces.iter().map(|piece| piece.number).collect();
        assert_eq!(numbers, [0, 1], "nothing more has to come for that");
        assert!(test.pieces[0].plain.starts_with(&[0x1a, 0x45, 0xdf, 0xa3]));
        assert!(test.pieces[1].plain.starts_with(&[0x1f, 0x43, 0xb6, 0x75]));
        assert_eq!(
            test.track.opened(),
            Some(Opened { frames: Frames::Clear, size: None, start_ms: 100 })
        );
        test.track.finish(Instant::now());
        assert_eq!(test.track.poll_piece(), None);
    }

    #[test]
    fn a_picture_begins_with_a_key_frame_that_tells_its_size() {
        let mut test = Test::new(TrackSource::Camera);
        test.packet(0, 0, &[0x10, 0x11, 0, 0]);
        test.packet(1, 40, &[0x10, 0x10, 0, 0, 1, 2, 3]);
        test.packet(2, 80, &[0x10, 0x11, 0, 0]);
        assert_eq!(test.track.opened(), None);
        test.packet(3, 120, &KEY_FRAME);
        assert_eq!(
            test.track.opened(),
            Some(Opened { frames: Frames::Clear, size: Some((320, 180)), start_ms: 120 })
        );
        test.track.finish(Instant::now());
        assert!(test.track.poll_piece().is_some());
    }

    #[test]
    fn a_pause_leaves_a_gap_and_loses_nothing_on_either_side() {
        let mut test = Test::new(TrackSource::Microphone);
        // One packet before the pause is lost, and one before the end.
        for number in [0, 1, 3] {
            test.packet(number, u64::from(number) * 20, &[0x78, 1, number as u8]);
        }
        let begins = &mut |number: u16, ms, starts_over| {
            let began = test.began;
            test.track.handle_packet(&CapturedPacket {
                recording: RecordingTap(1),
                track: test.track.id,
                codec: CodecKind::Opus,
                frames: Frames::Clear,
                starts_over,
                starts_frame: true,
                starts_key_frame: true,
                marker: false,
                sequence: number,
                timestamp: 7,
                arrival: began + Duration::from_millis(ms),
                payload: &[0x78, 2, number as u8],
            });
        };
        begins(40_000, 600, true);
        begins(40_002, 640, false);
        test.track.finish(test.began + Duration::from_millis(640));
        let plain = test.track.poll_piece().expect("a piece").plain;
        let block = |time: u16, frame: [u8; 3]| {
            let [high, low] = time.to_be_bytes();
            [&[0xa3, 0x87, 0x81, high, low, 0x80][..], &frame].concat()
        };
        let expected = [
            block(0, [0x78, 1, 0]),
            block(20, [0x78, 1, 1]),
            block(60, [0x78, 1, 3]),
            block(600, [0x78, 2, 64]),
            block(601, [0x78, 2, 66]),
        ];
        assert!(plain.ends_with(&expected.concat()), "{plain:x?}");
    }

    #[test]
    fn large_pieces_close_by_size() {
        let mut test = Test::new(TrackSource::Camera);
        let frame = [&KEY_FRAME[..], &vec![9; 100_000]].concat();
        for number in 0..25 {
            test.packet(number, u64::from(number) * 40, &frame);
        }
        assert_eq!(test.pieces.len(), 2);
        assert!(test.pieces.iter().all(|piece| piece.plain.len() <= PIECE_BYTES + 1_000));
    }
}
