//! What a room wants of recordings, carried out: its journal first, its media after it.

use protocol::{
    ErrorCode, ParticipantId, RECORDING_TEXT_VERSION, RecipientInfo, RecordingEnd, RecordingId,
    RecordingInfo, Redacted, RequestId,
};
use room::{Input, RecordingRequest, RecordingWish, SessionId};
use sfu::RecordingFiles;
use sfu::seal::Recipients;
use sfu_core::{Command, RecordingFailure, RecordingNews, RecordingTap};

use super::{Fate, RoomTask};
use crate::recordings::NewRecording;

/// What the keeper of recordings has done.
#[derive(Debug)]
pub(crate) enum Kept {
    /// The terms of one are on the disk, or are not.
    Begun {
        session: SessionId,
        request_id: RequestId,
        authorisations: bool,
        result: Result<RecordingInfo, ErrorCode>,
    },
    /// Somebody's keys are, or are not.
    Released { session: SessionId, request_id: RequestId, result: Result<(), ErrorCode> },
    /// An answer is, or is not.
    Written { number: u64, result: Result<Redacted<String>, ErrorCode> },
}

impl RoomTask {
    /// Gives what the room is to hear at once.
    pub(super) fn record(&mut self, request: RecordingRequest) -> Option<Input> {
        match request {
            RecordingRequest::Begin(wish) => self.begin_recording(*wish),
            RecordingRequest::Write { recording, number, participant, pseudonym, answer } => {
                let recordings = self.registry.recordings();
                let written = recordings.answer(recording, participant, pseudonym, answer);
                let kept = self.kept.clone();
                tokio::spawn(async move {
                    let result = written.await;
                    // A room that is over misses no answer.
                    let _ = kept.send(Kept::Written { number, result }).await;
                });
                None
            }
            RecordingRequest::Release { session, request_id, recording, participant, sealed } => {
                let released = self.registry.recordings().release(recording, participant, sealed);
                let kept = self.kept.clone();
                tokio::spawn(async move {
                    let result = released.await;
                    let _ = kept.send(Kept::Released { session, request_id, result }).await;
                });
                None
            }
            RecordingRequest::End { recording, cause } => {
                // A failure has ended it already; another end is none.
                self.recording = None;
                if let Some(recording) = self.tap.take() {
                    let command = Command::StopRecording { room: self.id, recording };
                    self.registry.shared().media.send_surely(self.id, command);
                }
                self.registry.recordings().end(recording, cause);
                None
            }
        }
    }

    fn begin_recording(&self, wish: RecordingWish) -> Option<Input> {
        let (session, request_id, authorisations) =
            (wish.session, wish.request_id, wish.authorisations);
        let refused = |code| {
            let result = Err(code);
            Some(Input::RecordingBegun { session, request_id, authorisations, result })
        };
        let recordings = self.registry.recordings();
        let Some(config) = recordings.config() else { return refused(ErrorCode::RecordingOff) };
        let mut recipients = vec![RecipientInfo { name: None, key: wish.recipient.clone() }];
        recipients.extend(config.recipients.iter().cloned());
        if seal_to(&recipients).is_none() {
            return refused(ErrorCode::TermsInvalid);
        }
        let started_at = self.registry.shared().clock.unix_seconds();
        let info = wish.into_info(recipients, started_at, RECORDING_TEXT_VERSION);
        let begun = recordings.begin(NewRecording {
            room: self.key,
            moderator: self.moderator,
            info: info.clone(),
            authorisations,
        });
        let (kept, recordings) = (self.kept.clone(), recordings.clone());
        tokio::spawn(async move {
            let (recording, result) = (info.recording, begun.await.map(|()| info));
            let has_begun = result.is_ok();
            let word = Kept::Begun { session, request_id, authorisations, result };
            if kept.send(word).await.is_err() && has_begun {
                recordings.end(recording, RecordingEnd::RoomEnded);
            }
        });
        None
    }

    /// What was asked of the keeper is done.
    pub(super) fn hear_kept(&mut self, kept: Kept) -> Fate {
        match kept {
            Kept::Begun { session, request_id, authorisations, result } => {
                let result = result.and_then(|info| self.start_media(info));
                self.handle(Input::RecordingBegun { session, request_id, authorisations, result })
            }
            Kept::Released { session, request_id, result } => {
                self.handle(Input::KeysReleased { session, request_id, result })
            }
            Kept::Written { number, result } => {
                self.handle(Input::AnswerWritten { number, result })
            }
        }
    }

    /// The recorder begins behind shut gates.
    fn start_media(&mut self, info: RecordingInfo) -> Result<RecordingInfo, ErrorCode> {
        let recordings = self.registry.recordings();
        let min_free_bytes = recordings.config().map_or(0, |config| config.min_free_bytes);
        let started = seal_to(&info.recipients).and_then(|recipients| {
            let files = RecordingFiles {
                folder: recordings.folder_of(info.recording),
                recording: info.recording,
                recipients,
                started_at: info.started_at,
                min_free_bytes,
            };
            self.registry.shared().media.start_recording(self.id, files).ok()
        });
        match started {
            Some(tap) => {
                recordings.started(info.recording, tap);
                self.tap = Some(tap);
                self.recording = Some(info.recording);
                Ok(info)
            }
            None => {
                recordings.end(info.recording, RecordingEnd::Failed);
                Err(ErrorCode::Overloaded)
            }
        }
    }

    /// What media tells of the recording that runs; of another it is too late.
    pub(super) fn recording_news(&mut self, tap: RecordingTap, news: RecordingNews) -> Fate {
        if self.tap != Some(tap) {
            return Fate::GoesOn;
        }
        match news {
            RecordingNews::GateShut { participant } => self.handle(Input::GateShut { participant }),
            RecordingNews::Failed { cause } => {
                let cause = match cause {
                    RecordingFailure::DiskFull => RecordingEnd::DiskFull,
                    RecordingFailure::Failed => RecordingEnd::Failed,
                };
                self.handle(Input::RecordingEnded { cause })
            }
            // Without a word of why: it ended with the room's last transport.
            RecordingNews::Closed => {
                self.handle(Input::RecordingEnded { cause: RecordingEnd::Failed })
            }
            RecordingNews::TrackOpened { .. } | RecordingNews::Erased { .. } => Fate::GoesOn,
        }
    }

    /// Somebody's tracks are being erased.
    pub(super) fn erase_recorded(
        &mut self,
        recording: RecordingId,
        participant: ParticipantId,
    ) -> Fate {
        if self.recording != Some(recording) {
            return Fate::GoesOn;
        }
        let command = Command::EraseRecorded { room: self.id, participant };
        self.registry.shared().media.send_surely(self.id, command);
        self.handle(Input::EraseRecorded { recording, participant })
    }
}

fn seal_to(recipients: &[RecipientInfo]) -> Option<Recipients> {
    let keys: Vec<_> = recipients.iter().map(|recipient| recipient.key.clone()).collect();
    Recipients::new(&keys).ok()
}
