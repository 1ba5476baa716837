//! Asking for a recording, answering, and everything that ends one. Refusing changes nothing else
//! for anybody.

use std::time::Instant;

use protocol::{
    AgeRecipient, ErrorCode, MAX_TERM_CHARS, ParticipantId, Profile, RecordingEnd, RecordingId,
    RecordingInfo, RecordingTerms, Redacted, ReleasedKeys, RequestId, Role, ServerMessage,
    Signature, TrackSource,
};

use super::Room;
use crate::consent::{Heard, Written};
use crate::port::{Answered, MediaRequest, Output, RecordingRequest, RecordingWish, SessionId};
use crate::text;

impl Room {
    /// Has a recording begun, if it may be; answered when that is done.
    pub(super) fn start_recording(
        &mut self,
        id: ParticipantId,
        session: SessionId,
        request_id: RequestId,
        (recording, recipient, recipients_signature): (
            RecordingId,
            AgeRecipient,
            Option<Redacted<Signature>>,
        ),
        terms: &RecordingTerms,
        authorisations: bool,
    ) -> Result<(), ErrorCode> {
        let max_days = self.config.recording_days.ok_or(ErrorCode::RecordingOff)?;
        match self.config.rules.profile {
            Profile::Classe | Profile::Reunion => {}
            Profile::Sensible | Profile::Audio => return Err(ErrorCode::RecordingForbidden),
        }
        match (self.is_encrypted(), recipients_signature.is_some()) {
            (true, false) => return Err(ErrorCode::EncryptionRequired),
            (false, true) => return Err(ErrorCode::NotEncrypted),
            (true, true) | (false, false) => {}
        }
        if !self.consent.is_off() {
            return Err(ErrorCode::RecordingRunning);
        }
        if self.config.rules.open.minors && !authorisations {
            return Err(ErrorCode::AuthorisationsMissing);
        }
        let words = |typed| text::accept(typed, MAX_TERM_CHARS).ok_or(ErrorCode::TermsInvalid);
        if !(1..=max_days).contains(&terms.retention_days) {
            return Err(ErrorCode::TermsInvalid);
        }
        let terms = RecordingTerms {
            purpose: terms.purpose,
            details: words(&terms.details)?,
            retention_days: terms.retention_days,
            audience: words(&terms.audience)?,
        };
        let asked_by_name = self.find(id)?.display_name.clone();
        self.consent.begin();
        let wish = RecordingWish {
            session,
            request_id,
            recording,
            terms,
            recipient,
            authorisations,
            recipients_signature,
            asked_by: id,
            asked_by_name,
        };
        self.record(RecordingRequest::Begin(Box::new(wish)));
        Ok(())
    }

    /// Its terms are on the disk and its recorder waits behind shut gates; or there is none.
    pub(super) fn recording_begun(
        &mut self,
        session: SessionId,
        request_id: RequestId,
        authorisations: bool,
        result: Result<RecordingInfo, ErrorCode>,
    ) {
        let result = match result {
            Ok(info) => {
                self.consent.run(info.clone(), authorisations);
                self.tell_everybody(&ServerMessage::RecordingChanged {
                    recording: Some(info),
                    end: None,
                });
                Ok(())
            }
            Err(code) => {
                self.consent.end();
                Err(code)
            }
        };
        if self.sessions.contains_key(&session) {
            self.answer(session, request_id, result);
        }
    }

    /// Has somebody's sealed keys kept with their tracks; answered when they are.
    pub(super) fn release_keys(
        &mut self,
        now: Instant,
        id: ParticipantId,
        (session, request_id): (SessionId, RequestId),
        recording: RecordingId,
        sealed: Redacted<ReleasedKeys>,
    ) -> Result<(), ErrorCode> {
        if self.consent.info().is_none_or(|info| info.recording != recording) {
            return Err(ErrorCode::NoRecording);
        }
        self.charge(now, id, sealed.expose().byte_count())?;
        if !self.consent.prepare(id, session) {
            return Err(ErrorCode::NotAllowed);
        }
        let participant = id;
        self.record(RecordingRequest::Release {
            session,
            request_id,
            recording,
            participant,
            sealed,
        });
        Ok(())
    }

    pub(super) fn keys_released(
        &mut self,
        session: SessionId,
        request_id: RequestId,
        result: Result<(), ErrorCode>,
    ) {
        let Some(id) = self.sessions.get(&session).copied() else { return };
        if result.is_err() {
            // Nothing was kept: the page prepares its yes once more.
            self.consent.unprepare(id);
        }
        self.answer(session, request_id, result);
    }

    pub(super) fn stop_recording(&mut self) -> Result<(), ErrorCode> {
        if self.consent.info().is_none() {
            return Err(ErrorCode::NoRecording);
        }
        self.end_recording(RecordingEnd::Stopped);
        Ok(())
    }

    /// Ends what runs, if anything does, and tells everybody who is there.
    pub(super) fn end_recording(&mut self, cause: RecordingEnd) {
        // One that begins cannot be called back; it ends as soon as it has begun.
        if self.consent.info().is_none() {
            return;
        }
        let Some(info) = self.consent.end() else { return };
        self.answers_told = None;
        self.record(RecordingRequest::End { recording: info.recording, cause });
        self.tell_everybody(&ServerMessage::RecordingChanged { recording: None, end: Some(cause) });
    }

    /// Takes somebody's answer. A no shuts their gate before anything else is done about it.
    pub(super) fn answer_recording(
        &mut self,
        now: Instant,
        id: ParticipantId,
        session: SessionId,
        request_id: RequestId,
        recording: RecordingId,
        accepted: bool,
    ) {
        let is_running = self.consent.info().is_some_and(|info| info.recording == recording);
        if is_running && !accepted {
            self.set_recordable(id, Vec::new());
        }
        // A no is never refused for being one too many: it has to count.
        if is_running && accepted && !self.has_words_left(now, id) {
            return self.answer(session, request_id, Err(ErrorCode::RateLimited));
        }
        match self.consent.answer(id, session, request_id, recording, accepted) {
            Ok(Heard::Again(receipt)) => self.receipt(session, request_id, receipt),
            Ok(Heard::Write(number, answer)) => {
                if accepted {
                    // A yes that was withdrawn a moment ago opens nothing before its own line.
                    self.set_recordable(id, Vec::new());
                }
                self.write_answer(id, recording, number, answer);
            }
            Err(code) => self.answer(session, request_id, Err(code)),
        }
    }

    /// An answer stands in the journal, or cannot.
    pub(super) fn answer_written(
        &mut self,
        number: u64,
        result: Result<Redacted<String>, ErrorCode>,
    ) {
        let Some(written) = self.consent.written(number, result) else { return };
        let Written { participant, session, request_id, opens, result } = written;
        if opens && self.sessions.get(&session) == Some(&participant) {
            self.open_gate(participant);
        }
        if !self.sessions.contains_key(&session) {
            return;
        }
        match result {
            Ok(receipt) => self.receipt(session, request_id, receipt),
            Err(code) => self.answer(session, request_id, Err(code)),
        }
    }

    /// The media plane found somebody's gate shut: with the transport that was replaced, or since
    /// there is none yet. A page that only made another connection has not taken its word back.
    pub(super) fn gate_was_shut(&mut self, id: ParticipantId) {
        let session = self.participants.get(&id).and_then(crate::participant::Participant::session);
        if session.is_some_and(|session| self.consent.ask_again(id, session)) {
            self.open_gate(id);
        }
    }

    /// An offer was answered: whoever said yes before there was a transport is recorded from now on.
    pub(super) fn open_gate_of_transport(&mut self, id: ParticipantId, session: SessionId) {
        self.consent.note_transport(id);
        if self.consent.is_recordable(id, session) {
            self.open_gate(id);
        }
    }

    /// What somebody said before counts no more: they are gone, or come back, or were cut.
    pub(super) fn forget_answer(&mut self, id: ParticipantId) {
        let Some(recording) = self.consent.info().map(|info| info.recording) else { return };
        if let Some(number) = self.consent.forget(id) {
            self.set_recordable(id, Vec::new());
            self.write_answer(id, recording, number, Answered::Left);
        }
    }

    /// What was recorded of somebody is erased while it runs: nothing follows before another yes.
    pub(super) fn erase_recorded(&mut self, recording: RecordingId, id: ParticipantId) {
        let Some(info) = self.consent.info().filter(|info| info.recording == recording) else {
            return;
        };
        let message = ServerMessage::RecordingChanged { recording: Some(info.clone()), end: None };
        self.consent.forget(id);
        if let Some(participant) = self.participants.get(&id) {
            self.consent.note_unaware(id, participant.session());
            self.set_recordable(id, Vec::new());
        }
        self.tell(id, message);
    }

    /// Ends a recording that nobody present can answer for, and tells moderators what others said.
    pub(super) fn settle_recording(&mut self, now: Instant) {
        if self.consent.info().is_none() {
            return;
        }
        if self.participants.is_empty() {
            return self.end_recording(RecordingEnd::RoomEnded);
        }
        let is_led = self.participants.values().any(|it| it.role == Role::Moderator);
        let lacks_word = self.config.rules.open.minors && self.consent.is_unauthorised();
        if !is_led || lacks_word {
            return self.end_recording(RecordingEnd::Stopped);
        }
        let counts = self.consent.counts(self.participants.len());
        if counts != self.answers_told {
            self.answers_told = counts;
            if self.answers_pace.change(now) {
                self.say_answers();
            }
        }
    }

    pub(super) fn say_answers(&mut self) {
        if let Some(counts) = self.consent.counts(self.participants.len()) {
            self.tell_moderators(&counts);
        }
    }

    fn write_answer(
        &mut self,
        id: ParticipantId,
        recording: RecordingId,
        number: u64,
        answer: Answered,
    ) {
        let Some(pseudonym) = self.participants.get(&id).map(|own| own.display_name.clone()) else {
            return;
        };
        let participant = id;
        self.record(RecordingRequest::Write { recording, number, participant, pseudonym, answer });
    }

    fn receipt(&mut self, session: SessionId, request_id: RequestId, receipt: Redacted<String>) {
        let message = ServerMessage::RecordingAnswered { request_id, receipt };
        self.outputs.push_back(Output::Send { session, message });
    }

    /// Who receives somebody's media has changed: what is not for everybody is not recorded.
    pub(super) fn settle_gate(&mut self, id: ParticipantId) {
        let session = self.participants.get(&id).and_then(crate::participant::Participant::session);
        if session.is_some_and(|session| self.consent.is_recordable(id, session)) {
            self.open_gate(id);
        }
    }

    /// Has all of somebody recorded that is for everybody.
    fn open_gate(&mut self, id: ParticipantId) {
        let Some(participant) = self.participants.get(&id) else { return };
        self.set_recordable(id, participant.for_everybody());
    }

    fn set_recordable(&mut self, participant: ParticipantId, sources: Vec<TrackSource>) {
        let request = MediaRequest::SetRecordable { participant, sources };
        self.outputs.push_back(Output::Media(request));
    }

    fn record(&mut self, request: RecordingRequest) {
        self.outputs.push_back(Output::Recording(request));
    }
}
