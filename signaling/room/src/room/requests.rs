//! What a participant says, and who of the rules answers it.

use std::time::Instant;

use protocol::{
    ClientMessage, ErrorCode, GoodbyeReason, MAX_SEALED_CHARS, ParticipantId, RequestId, Role,
    ServerMessage,
};

use super::Room;
use super::encryption::CircleRequest;
use crate::circle::NewCommit;
use crate::port::{Change, EndCause, MediaRequest, Output, SessionId};
use crate::{Action, action_of, is_allowed};

impl Room {
    pub(super) fn said(&mut self, now: Instant, session: SessionId, message: ClientMessage) {
        if let Some(waiting) = self.lobby.of_session(session) {
            return self.said_waiting(now, session, waiting, &message);
        }
        let Some(&id) = self.sessions.get(&session) else { return };
        let Some(participant) = self.participants.get(&id) else { return };
        let is_refused = action_of(&message).is_some_and(|action| {
            let holds_link = participant.link_role == Role::Moderator;
            // Their pseudonym stands in the journal of a recording with their yes.
            let is_asked = action == Action::Rename && self.consent.is_asking(id, session);
            !is_asked
                && !is_allowed(participant.role, holds_link, &self.rights(participant), action)
        });
        let Some(request_id) = message.request_id() else {
            return self.said_to_the_session(now, session, id, &message);
        };
        let result = if is_refused {
            Err(ErrorCode::NotAllowed)
        } else if let Err(code) = self.check_sealing(&message) {
            Err(code)
        } else if let ClientMessage::Offer { sdp, publish, .. } = message {
            match self.offer(id, session, request_id, sdp, publish) {
                // Answered when the media plane has answered.
                Ok(()) => return,
                Err(code) => Err(code),
            }
        } else if let ClientMessage::SetRole {
            participant,
            role: Role::Moderator,
            delegation,
            ..
        } = message
        {
            let checked = delegation.ok_or(ErrorCode::DelegationInvalid);
            match self.find(participant).and(checked) {
                Ok(delegation) => {
                    // Answered when it was checked.
                    let check =
                        Output::CheckDelegation { session, request_id, participant, delegation };
                    return self.outputs.push_back(check);
                }
                Err(code) => Err(code),
            }
        } else if let ClientMessage::ReportIncident { sealed, .. } = message {
            if sealed.expose().len() <= MAX_SEALED_CHARS {
                let report = Output::Report { session, request_id, sealed };
                return self.outputs.push_back(report);
            }
            Err(ErrorCode::Malformed)
        } else if let ClientMessage::WhatIsKnown { .. } = message {
            let Some(known) = self.known(now, id).map(Box::new) else { return };
            let message = ServerMessage::Known { request_id, known };
            return self.outputs.push_back(Output::Send { session, message });
        } else if let ClientMessage::StartRecording {
            recording,
            terms,
            recipient,
            authorisations,
            recipients_signature,
            ..
        } = message
        {
            let which = (recording, recipient, recipients_signature);
            match self.start_recording(id, session, request_id, which, &terms, authorisations) {
                // Answered when it has begun.
                Ok(()) => return,
                Err(code) => Err(code),
            }
        } else if let ClientMessage::AnswerRecording { recording, accepted, .. } = message {
            return self.answer_recording(now, id, session, request_id, recording, accepted);
        } else if let ClientMessage::ReleaseKeys { recording, sealed, .. } = message {
            match self.release_keys(now, id, (session, request_id), recording, sealed) {
                // Answered when they are kept.
                Ok(()) => return,
                Err(code) => Err(code),
            }
        } else if is_word(&message) && !self.has_words_left(now, id) {
            Err(ErrorCode::RateLimited)
        } else if let ClientMessage::EndMeeting { .. } = message {
            self.answer(session, request_id, Ok(()));
            return self.end_meeting(now);
        } else if let ClientMessage::Probe { .. } = message {
            return self.end_of_a_confused_page(now, session);
        } else {
            self.carry_out(now, id, message)
        };
        self.answer_change(session, request_id, result);
    }

    /// Answers a request, or has the owner answer it once what it changed is kept.
    pub(super) fn answer_change(
        &mut self,
        session: SessionId,
        request_id: RequestId,
        result: Result<Option<Change>, ErrorCode>,
    ) {
        // Whoever put themselves out is not there to hear the answer.
        let is_there = self.sessions.contains_key(&session);
        match result {
            Ok(Some(change)) => {
                self.outputs.push_back(Output::Keep { session, request_id, change });
            }
            Ok(None) if is_there => self.answer(session, request_id, Ok(())),
            Err(code) if is_there => self.answer(session, request_id, Err(code)),
            Ok(None) | Err(_) => {}
        }
    }

    pub(super) fn has_words_left(&mut self, now: Instant, id: ParticipantId) -> bool {
        self.participants.get_mut(&id).is_some_and(|own| own.words.take(now))
    }

    /// What has no answer of its own kind.
    fn said_to_the_session(
        &mut self,
        now: Instant,
        session: SessionId,
        id: ParticipantId,
        message: &ClientMessage,
    ) {
        if *message == (ClientMessage::Leave {}) {
            self.goodbye(session, GoodbyeReason::Left, EndCause::Goodbye);
            self.remove(now, id);
        } else if *message == (ClientMessage::Ping {}) {
            self.outputs.push_back(Output::Send { session, message: ServerMessage::Pong {} });
        } else {
            self.end_of_a_confused_page(now, session);
        }
    }

    /// A second `join`, or a `probe` in a room. The fault of one page must not cost the participant
    /// the time to resume.
    fn end_of_a_confused_page(&mut self, now: Instant, session: SessionId) {
        self.refuse_session(session, ErrorCode::AlreadyJoined);
        self.session_lost(now, session);
    }

    /// Does what somebody asked for and may ask for; gives what must be kept across restarts.
    fn carry_out(
        &mut self,
        now: Instant,
        id: ParticipantId,
        message: ClientMessage,
    ) -> Result<Option<Change>, ErrorCode> {
        match message {
            ClientMessage::Subscribe { slots, .. } => self.subscribe(id, slots)?,
            ClientMessage::SetPublishing { source, active, .. } => {
                self.publish(id, source, active)?;
            }
            ClientMessage::SetReception { saving, .. } => {
                let request = MediaRequest::SetReception { participant: id, saving };
                self.outputs.push_back(Output::Media(request));
            }
            ClientMessage::Rename { display_name, .. } => self.rename(id, &display_name)?,
            ClientMessage::SetAudience { moderators_only, .. } => {
                self.set_audience(id, moderators_only);
            }
            ClientMessage::RaiseHand { raised, .. } => self.raise_hand(now, id, raised),
            ClientMessage::React { reaction, .. } => self.react(id, reaction),
            ClientMessage::SetOpinion { opinion, .. } => self.set_opinion(now, id, opinion),
            ClientMessage::Chat { audience, text, .. } => self.chat(id, audience, &text)?,
            ClientMessage::Vote { poll, choice, .. } => self.vote(now, id, poll, choice)?,
            ClientMessage::CallHelp { .. } => {
                self.tell_moderators(&ServerMessage::HelpCalled { participant: id });
            }
            ClientMessage::Admit { participants, admissions, .. } => {
                self.admit_all(now, participants, admissions)?;
            }
            ClientMessage::RefuseEntry { participant, reason, .. } => {
                self.send_away(now, participant, reason.as_ref())?;
            }
            ClientMessage::SetRules { was, rules, .. } => {
                return self.set_rules(now, &was, &rules).map(Some);
            }
            ClientMessage::StopSource { participant, source, .. } => {
                self.stop_sources(participant, source)?;
            }
            ClientMessage::Grant { participant, source, granted, .. } => {
                self.grant(participant, source, granted)?;
            }
            ClientMessage::Invite { participant, source, .. } => {
                self.invite(participant, source)?
            }
            ClientMessage::Eject { participant, .. } => return self.eject(now, participant),
            // Whoever becomes a moderator is checked before.
            ClientMessage::SetRole { participant, .. } => return self.take_back(participant),
            ClientMessage::RotateLink { guest_verifier, generation, .. } => {
                return self.rotate_link(now, guest_verifier, generation).map(Some);
            }
            ClientMessage::AddHandles { handles, .. } => return add_handles(handles).map(Some),
            ClientMessage::RevokeHandle { handle, .. } => {
                return Ok(Some(self.revoke_handle(now, handle)));
            }
            ClientMessage::SetSpotlight { participant, .. } => self.set_spotlight(participant)?,
            ClientMessage::LowerHand { participant, .. } => self.lower_hands(now, participant),
            ClientMessage::ClearOpinions { .. } => self.clear_opinions(now),
            ClientMessage::SetTimer { seconds, .. } => self.set_timer(now, seconds)?,
            ClientMessage::OpenPoll { question, choices, .. } => {
                self.open_poll(now, &question, &choices)?;
            }
            ClientMessage::ClosePoll { .. } => self.close_poll(id)?,
            ClientMessage::SetGroups { places, .. } => self.set_groups(now, &places)?,
            ClientMessage::Announce { text, .. } => self.announce(id, &text)?,
            ClientMessage::StopRecording { .. } => self.stop_recording()?,
            ClientMessage::MlsCreate { group, .. } => {
                self.carry_out_sealed(now, id, CircleRequest::Create(group))?;
            }
            ClientMessage::MlsKeyPackage { key_package, .. } => {
                self.carry_out_sealed(now, id, CircleRequest::Join(key_package))?;
            }
            ClientMessage::MlsCommit { group, epoch, commit, welcome, added, removed, .. } => {
                let new = NewCommit { group, epoch, commit, welcome, added, removed };
                self.carry_out_sealed(now, id, CircleRequest::Commit(new))?;
            }
            ClientMessage::MlsReady { group, epoch, .. } => self.ready(id, group, epoch)?,
            ClientMessage::MlsResume { group, epoch, .. } => {
                self.carry_out_sealed(now, id, CircleRequest::Resume(group, epoch))?;
            }
            ClientMessage::MlsSay { audience, sealed, .. } => {
                self.pass_words_on(now, id, audience, sealed)?;
            }
            ClientMessage::MlsAskAdmission { .. } => self.ask_admission(now, id)?,
            ClientMessage::MlsAdmit { participant, admission, .. } => {
                self.hand_admission(participant, admission)?;
            }
            ClientMessage::MlsOpenPoll { sealed, .. } => self.open_sealed_poll(now, id, sealed)?,
            ClientMessage::MlsVote { poll, ballot, .. } => {
                self.vote_sealed(now, id, poll, ballot)?
            }
            ClientMessage::StartRecording { .. }
            | ClientMessage::AnswerRecording { .. }
            | ClientMessage::ReleaseKeys { .. }
            | ClientMessage::Join { .. }
            | ClientMessage::EndMeeting { .. }
            | ClientMessage::ReportIncident { .. }
            | ClientMessage::WhatIsKnown { .. }
            | ClientMessage::Probe { .. }
            | ClientMessage::Offer { .. }
            | ClientMessage::Leave {}
            | ClientMessage::Ping {} => {}
        }
        Ok(None)
    }
}

/// Whether others get this as it is, each time.
const fn is_word(message: &ClientMessage) -> bool {
    matches!(
        message,
        ClientMessage::Chat { .. } | ClientMessage::React { .. } | ClientMessage::CallHelp { .. }
    )
}

fn add_handles(handles: Vec<protocol::Redacted<protocol::Verifier>>) -> Result<Change, ErrorCode> {
    if handles.is_empty() || handles.len() > protocol::MAX_HANDLES {
        return Err(ErrorCode::Malformed);
    }
    Ok(Change::Handles(handles))
}
