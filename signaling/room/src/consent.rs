//! [`Consent`]: whether a recording runs, and who has said yes to it. Whoever has not, or has said
//! so on another session or to another recording, or whose yes is not in the recording's journal
//! yet, is not recorded.

use std::collections::BTreeMap;

use protocol::{
    ErrorCode, ParticipantId, RecordingId, RecordingInfo, Redacted, RequestId, ServerMessage,
};

use crate::port::{Answered, SessionId};

/// What is known of the recording of one room.
#[derive(Debug, Default)]
pub(crate) struct Consent {
    state: State,
    /// Answers that have no line in the journal yet, by number.
    unwritten: BTreeMap<u64, Unwritten>,
    /// Answers so far; never used twice.
    answers: u64,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Off,
    /// It was asked for, and its terms are being written.
    Begins,
    Runs(Box<Running>),
}

#[derive(Debug)]
struct Running {
    info: RecordingInfo,
    /// Whether whoever started it says that the minors' guardians have allowed it.
    is_authorised: bool,
    /// The last word of everybody who is here and has said one.
    last: BTreeMap<ParticipantId, Answer>,
    /// Who was erased, and on which session that was said to their page. It may be cut already and never
    /// hear of it: on another session it says its former yes once more by itself, which is not theirs.
    unaware: BTreeMap<ParticipantId, Option<SessionId>>,
    /// Who has had keys kept for a yes that is to come, and on which session.
    prepared: BTreeMap<ParticipantId, SessionId>,
}

/// Somebody's last word.
#[derive(Debug)]
struct Answer {
    /// On which session.
    session: SessionId,
    /// Which word.
    number: u64,
    is_accepted: bool,
    /// Its line in the journal, once it is there.
    receipt: Option<Redacted<String>>,
    /// Whether the media plane was asked again already to open the gate of the present transport.
    is_asked_again: bool,
}

/// An answer whose line is being written.
#[derive(Debug)]
struct Unwritten {
    participant: ParticipantId,
    session: SessionId,
    request_id: RequestId,
    recording: RecordingId,
}

/// What an answer leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It was said before; this is its line.
    Again(Redacted<String>),
    /// Its line is to be written.
    Write(u64, Answered),
}

/// What becomes of an answer whose line was written, or could not be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) participant: ParticipantId,
    pub(crate) session: SessionId,
    pub(crate) request_id: RequestId,
    /// Who may be recorded from now on.
    pub(crate) opens: bool,
    pub(crate) result: Result<Redacted<String>, ErrorCode>,
}

impl Consent {
    /// Whether another recording may be asked for.
    pub(crate) const fn is_off(&self) -> bool {
        matches!(self.state, State::Off)
    }

    /// The recording that runs.
    pub(crate) fn info(&self) -> Option<&RecordingInfo> {
        match &self.state {
            State::Off | State::Begins => None,
            State::Runs(running) => Some(&running.info),
        }
    }

    /// One was asked for.
    pub(crate) fn begin(&mut self) {
        self.state = State::Begins;
    }

    /// Its terms are written: it runs, and nobody has answered.
    pub(crate) fn run(&mut self, info: RecordingInfo, is_authorised: bool) {
        self.state = State::Runs(Box::new(Running {
            info,
            is_authorised,
            last: BTreeMap::new(),
            unaware: BTreeMap::new(),
            prepared: BTreeMap::new(),
        }));
    }

    /// None runs any more; gives the one that did.
    pub(crate) fn end(&mut self) -> Option<RecordingInfo> {
        match std::mem::take(&mut self.state) {
            State::Off | State::Begins => None,
            State::Runs(running) => Some(running.info),
        }
    }

    /// Whether one runs that may not where there are minors.
    pub(crate) fn is_unauthorised(&self) -> bool {
        matches!(&self.state, State::Runs(running) if !running.is_authorised)
    }

    /// Takes somebody's word. Unless it leads to [`Heard::Again`], nothing of them may be recorded
    /// until [`Consent::written`] says so.
    pub(crate) fn answer(
        &mut self,
        participant: ParticipantId,
        session: SessionId,
        request_id: RequestId,
        recording: RecordingId,
        is_accepted: bool,
    ) -> Result<Heard, ErrorCode> {
        let State::Runs(running) = &mut self.state else { return Err(ErrorCode::NoRecording) };
        if running.info.recording != recording {
            return Err(ErrorCode::NoRecording);
        }
        running.prepared.remove(&participant);
        let told = running.unaware.remove(&participant);
        if told.is_some_and(|told| told != Some(session)) && is_accepted {
            return Err(ErrorCode::Overloaded);
        }
        let last = running.last.get(&participant).filter(|last| last.session == session);
        let said_before = last.filter(|last| last.is_accepted == is_accepted);
        if let Some(receipt) = said_before.and_then(|last| last.receipt.clone()) {
            return Ok(Heard::Again(receipt));
        }
        if said_before.is_some_and(|last| self.unwritten.contains_key(&last.number)) {
            // It counts already; the same word twice in one breath makes no second line.
            return Err(ErrorCode::RateLimited);
        }
        let answered = match (is_accepted, last) {
            (true, _) => Answered::Accepted,
            (false, Some(last)) if last.is_accepted => Answered::Withdrawn,
            (false, _) => Answered::Refused,
        };
        self.answers += 1;
        let number = self.answers;
        let answer = Answer { session, number, is_accepted, receipt: None, is_asked_again: false };
        running.last.insert(participant, answer);
        let unwritten = Unwritten { participant, session, request_id, recording };
        self.unwritten.insert(number, unwritten);
        Ok(Heard::Write(number, answered))
    }

    /// The line of an answer is on the disk, or cannot be.
    pub(crate) fn written(
        &mut self,
        number: u64,
        result: Result<Redacted<String>, ErrorCode>,
    ) -> Option<Written> {
        let Unwritten { participant, session, request_id, recording } =
            self.unwritten.remove(&number)?;
        let mut opens = false;
        if let State::Runs(running) = &mut self.state
            && running.info.recording == recording
            && let Some(last) = running.last.get_mut(&participant)
            && last.number == number
        {
            match &result {
                Ok(receipt) => last.receipt = Some(receipt.clone()),
                // A yes that cannot be proven is none.
                Err(_) => drop(running.last.remove(&participant)),
            }
            opens = self.is_recordable(participant, session);
        }
        Some(Written { participant, session, request_id, opens, result })
    }

    /// Whether somebody's yes on that session stands.
    pub(crate) fn is_recordable(&self, participant: ParticipantId, session: SessionId) -> bool {
        let State::Runs(running) = &self.state else { return false };
        let last = running.last.get(&participant);
        last.is_some_and(|it| it.session == session && it.is_accepted && it.receipt.is_some())
    }

    /// Whether a recording runs to which somebody has not answered on that session.
    pub(crate) fn is_asking(&self, participant: ParticipantId, session: SessionId) -> bool {
        let State::Runs(running) = &self.state else { return false };
        running.last.get(&participant).is_none_or(|last| last.session != session)
    }

    /// Whether the gate of somebody, which was found shut, is to be asked for again: once for each
    /// transport, or a gate that cannot open would be asked for without end.
    pub(crate) fn ask_again(&mut self, participant: ParticipantId, session: SessionId) -> bool {
        if !self.is_recordable(participant, session) {
            return false;
        }
        let State::Runs(running) = &mut self.state else { return false };
        let last = running.last.get_mut(&participant);
        last.is_some_and(|last| !std::mem::replace(&mut last.is_asked_again, true))
    }

    /// Somebody has a transport, perhaps another one.
    pub(crate) fn note_transport(&mut self, participant: ParticipantId) {
        if let State::Runs(running) = &mut self.state
            && let Some(last) = running.last.get_mut(&participant)
        {
            last.is_asked_again = false;
        }
    }

    /// Whether somebody may have keys kept: as often as they must while their yes stands, and once
    /// before it, since they have to be there when it counts.
    pub(crate) fn prepare(&mut self, participant: ParticipantId, session: SessionId) -> bool {
        let State::Runs(running) = &mut self.state else { return false };
        let last = running.last.get(&participant);
        last.is_some_and(|last| last.session == session && last.is_accepted)
            || running.prepared.insert(participant, session) != Some(session)
    }

    /// What somebody had kept is not there.
    pub(crate) fn unprepare(&mut self, participant: ParticipantId) {
        if let State::Runs(running) = &mut self.state {
            running.prepared.remove(&participant);
        }
    }

    /// Nobody takes their answer for given any more. Gives the number of the line that says so, when
    /// they had said yes.
    pub(crate) fn forget(&mut self, participant: ParticipantId) -> Option<u64> {
        let State::Runs(running) = &mut self.state else { return None };
        running.last.remove(&participant).filter(|last| last.is_accepted)?;
        self.answers += 1;
        Some(self.answers)
    }

    /// What is held of somebody's answer, for themselves to see.
    pub(crate) fn known(&self, id: ParticipantId) -> (Option<bool>, Option<Redacted<String>>) {
        let State::Runs(running) = &self.state else { return (None, None) };
        let last = running.last.get(&id);
        (last.map(|last| last.is_accepted), last.and_then(|last| last.receipt.clone()))
    }

    /// Somebody was erased, which is said on this session if there is one: their next yes on any other
    /// is one of before.
    pub(crate) fn note_unaware(&mut self, participant: ParticipantId, told: Option<SessionId>) {
        if let State::Runs(running) = &mut self.state {
            running.unaware.insert(participant, told);
        }
    }

    /// How many of those present said what, for moderators.
    pub(crate) fn counts(&self, present: usize) -> Option<ServerMessage> {
        let State::Runs(running) = &self.state else { return None };
        let count = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        let accepted = running.last.values().filter(|answer| answer.is_accepted).count();
        let refused = running.last.len() - accepted;
        Some(ServerMessage::AnswersChanged {
            accepted: count(accepted),
            refused: count(refused),
            unanswered: count(present.saturating_sub(running.last.len())),
        })
    }
}
