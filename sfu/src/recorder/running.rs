//! One recording while it runs: its tracks, and what becomes of them.

use std::collections::VecDeque;
use std::time::Instant;

use protocol::{ParticipantId, TrackId};
use sfu_core::codec::CodecKind;
use sfu_core::{CapturedPacket, RecordingFailure, RecordingNews, RecordingTap, RoomId};

use super::files::RecordingFiles;
use super::manifest::{Manifest, TrackEntry};
use super::track::{Piece, RecordedTrack};

/// See the module's description.
#[derive(Debug)]
pub(crate) struct Running {
    room: RoomId,
    recording: RecordingTap,
    files: RecordingFiles,
    began: Instant,
    tracks: Vec<Numbered>,
    next_number: u32,
    state: State,
    /// In seconds since 1970.
    ended: Option<u64>,
    news: VecDeque<News>,
}

/// What there is to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// As it is.
    Told(RecordingNews),
    /// It failed, and nothing more shall be captured for it.
    Failed(RecordingFailure),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Runs,
    /// What comes is left out.
    Failed,
    Closed,
}

#[derive(Debug)]
struct Numbered {
    number: u32,
    /// Whether everybody was told of it.
    is_told: bool,
    track: RecordedTrack,
}

impl Running {
    /// Without a file yet.
    pub(crate) fn new(
        room: RoomId,
        recording: RecordingTap,
        files: RecordingFiles,
        began: Instant,
    ) -> Self {
        Self {
            room,
            recording,
            files,
            began,
            tracks: Vec::new(),
            next_number: 0,
            state: State::Runs,
            ended: None,
            news: VecDeque::new(),
        }
    }

    /// Of which room.
    pub(crate) fn room(&self) -> RoomId {
        self.room
    }

    /// Its number.
    pub(crate) fn recording(&self) -> RecordingTap {
        self.recording
    }

    /// Whether nothing is left to do.
    pub(crate) fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// The next thing to tell.
    pub(crate) fn poll_news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    /// Makes the folder, so that one that cannot be written to shows at once.
    pub(crate) fn begin(&mut self) {
        let begun = self.files.prepare().and_then(|()| self.write_manifest());
        self.note(begun);
    }

    /// Takes a packet.
    pub(crate) fn handle_packet(&mut self, packet: &CapturedPacket<'_>) {
        if self.state != State::Runs {
            return;
        }
        let Some(at) = self.place(packet.track, packet.codec) else {
            return;
        };
        self.tracks[at].track.handle_packet(packet);
        self.write(at);
    }

    /// Does what is due.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        for at in 0..self.tracks.len() {
            if self.state == State::Runs {
                self.tracks[at].track.handle_timeout(now);
                self.write(at);
            }
        }
    }

    /// Removes all that was recorded of a participant.
    pub(crate) fn erase(&mut self, participant: ParticipantId) {
        let (gone, kept) = std::mem::take(&mut self.tracks)
            .into_iter()
            .partition::<Vec<_>, _>(|known| known.track.id.participant == participant);
        self.tracks = kept;
        let removed = gone.iter().try_for_each(|known| self.files.remove_track(known.number));
        if removed.is_ok() {
            self.news.push_back(News::Told(RecordingNews::Erased { participant }));
        }
        let done = removed.and_then(|()| self.write_manifest());
        self.note(done);
    }

    /// Writes what is left and closes it.
    pub(crate) fn finish(&mut self) {
        if self.state == State::Runs {
            self.close_files();
        }
        if self.state != State::Closed {
            self.state = State::Closed;
            self.news.push_back(News::Told(RecordingNews::Closed));
        }
    }

    /// Nothing more can be recorded. What there is is closed as well as it goes.
    pub(crate) fn fail(&mut self, cause: RecordingFailure) {
        if self.state != State::Runs {
            return;
        }
        self.state = State::Failed;
        self.news.push_back(News::Failed(cause));
        self.ended = Some(self.now());
        let _ = self.write_manifest();
    }

    fn close_files(&mut self) {
        for at in 0..self.tracks.len() {
            self.tracks[at].track.finish(Instant::now());
            self.write(at);
        }
        self.ended = Some(self.now());
        let closed = self.write_manifest();
        self.note(closed);
    }

    /// The track's place in the table; `None` when there are too many.
    fn place(&mut self, id: TrackId, codec: CodecKind) -> Option<usize> {
        let is_it = |known: &Numbered| known.track.id == id && known.track.codec == codec;
        if let Some(at) = self.tracks.iter().position(is_it) {
            return Some(at);
        }
        if self.tracks.len() >= MOST_TRACKS {
            return None;
        }
        let track = RecordedTrack::new(id, codec, self.began);
        self.tracks.push(Numbered { number: self.next_number, is_told: false, track });
        self.next_number += 1;
        Some(self.tracks.len() - 1)
    }

    /// Writes the pieces of a track that are complete.
    fn write(&mut self, at: usize) {
        let known = &mut self.tracks[at];
        if !known.is_told && known.track.opened().is_some() {
            known.is_told = true;
            let (number, track) = (known.number, known.track.id);
            self.news.push_back(News::Told(RecordingNews::TrackOpened { number, track }));
            let opened = self.files.prepare_track(number).and_then(|()| self.write_manifest());
            self.note(opened);
        }
        while self.state == State::Runs
            && let Some(Piece { number, plain }) = self.tracks[at].track.poll_piece()
        {
            let written = self.files.write_piece(self.tracks[at].number, number, &plain);
            self.note(written);
        }
    }

    fn note(&mut self, outcome: Result<(), RecordingFailure>) {
        if let Err(cause) = outcome {
            self.fail(cause);
        }
    }

    fn write_manifest(&self) -> Result<(), RecordingFailure> {
        let entry = |known: &Numbered| TrackEntry::of(known.number, &known.track);
        let manifest = Manifest {
            recording: self.files.recording,
            started_at: self.files.started_at,
            tracks: self.tracks.iter().filter_map(entry).collect(),
            ended: self.ended,
        };
        let text = serde_json::to_vec(&manifest).map_err(|_| RecordingFailure::Failed)?;
        self.files.write_manifest(&text)
    }

    /// Seconds since 1970, by the clock that cannot jump.
    fn now(&self) -> u64 {
        self.files.started_at + self.began.elapsed().as_secs()
    }
}

/// Most tracks of one recording. Raised, somebody who changes codecs for ever fills the folder with
/// more of them.
const MOST_TRACKS: usize = 1_024;
