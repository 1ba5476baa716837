//! What a participant says, and who of the rules answers it.

use std::time::Instant;

use protocol::{ClientMessage, ErrorCode, GoodbyeReason, ParticipantId, ServerMessage};

use super::Room;
use crate::port::{Change, EndCause, MediaRequest, Output, SessionId};
use crate::{action_of, is_allowed};

impl Room {
    pub(super) fn said(&mut self, now: Instant, session: SessionId, message: ClientMessage) {
        if let Some(waiting) = self.lobby.of_session(session) {
            return self.said_waiting(now, session, waiting, &message);
        }
        let Some(&id) = self.sessions.get(&session) else { return };
        let Some(participant) = self.participants.get(&id) else { return };
        let is_refused = action_of(&message).is_some_and(|action| {
            let holds_link = participant.link_role == protocol::Role::Moderator;
            !is_allowed(participant.role, holds_link, &self.rights(participant), action)
        });
        let Some(request_id) = message.request_id() else {
            return self.said_to_the_session(now, session, id, &message);
        };
        let result = if is_refused {
            Err(ErrorCode::NotAllowed)
        } else if let ClientMessage::Offer { sdp, publish, .. } = message {
            match self.offer(id, session, request_id, sdp, publish) {
                // Answered when the media plane has answered.
                Ok(()) => return,
                Err(code) => Err(code),
            }
        } else if let ClientMessage::Probe { .. } = message {
            return self.end_of_a_confused_page(now, session);
        } else {
            self.carry_out(now, id, message)
        };
        // Whoever put themselves out is not there to hear the answer.
        let is_there = self.sessions.contains_key(&session);
        match result {
            // The owner answers once it is kept.
            Ok(Some(change)) => {
                self.outputs.push_back(Output::Keep { session, request_id, change });
            }
            Ok(None) if is_there => self.answer(session, request_id, Ok(())),
            Err(code) if is_there => self.answer(session, request_id, Err(code)),
            Ok(None) | Err(_) => {}
        }
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
                self.set_publishing(id, source, active);
            }
            ClientMessage::SetReception { saving, .. } => {
                let request = MediaRequest::SetReception { participant: id, saving };
                self.outputs.push_back(Output::Media(request));
            }
            ClientMessage::Rename { display_name, .. } => self.rename(id, &display_name)?,
            ClientMessage::SetAudience { moderators_only, .. } => {
                self.set_audience(id, moderators_only);
            }
            ClientMessage::RaiseHand { raised, .. } => self.raise_hand(id, raised),
            ClientMessage::React { reaction, .. } => self.react(id, reaction),
            ClientMessage::SetOpinion { opinion, .. } => self.set_opinion(id, opinion),
            ClientMessage::Chat { audience, text, .. } => self.chat(id, audience, &text)?,
            ClientMessage::Vote { poll, choice, .. } => self.vote(id, poll, choice)?,
            ClientMessage::CallHelp { .. } => {
                self.tell_moderators(&ServerMessage::HelpCalled { participant: id });
            }
            ClientMessage::Admit { participants, .. } => self.admit_all(now, participants)?,
            ClientMessage::RefuseEntry { participant, reason, .. } => {
                self.send_away(now, participant, reason.as_ref())?;
            }
            ClientMessage::SetRules { rules, .. } => return self.set_rules(rules).map(Some),
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
            ClientMessage::SetRole { participant, role, .. } => self.set_role(participant, role)?,
            ClientMessage::RotateLink { guest_verifier, generation, .. } => {
                return self.rotate_link(guest_verifier, generation).map(Some);
            }
            ClientMessage::AddHandles { handles, .. } => return add_handles(handles).map(Some),
            ClientMessage::RevokeHandle { handle, .. } => {
                return Ok(Some(self.revoke_handle(now, handle)));
            }
            ClientMessage::SetSpotlight { participant, .. } => self.set_spotlight(participant)?,
            ClientMessage::LowerHand { participant, .. } => self.lower_hands(participant),
            ClientMessage::ClearOpinions { .. } => self.clear_opinions(),
            ClientMessage::SetTimer { seconds, .. } => self.set_timer(now, seconds)?,
            ClientMessage::OpenPoll { question, choices, .. } => {
                self.open_poll(&question, &choices)?;
            }
            ClientMessage::ClosePoll { .. } => self.close_poll()?,
            ClientMessage::SetGroups { places, .. } => self.set_groups(&places)?,
            ClientMessage::Announce { text, .. } => self.announce(id, &text)?,
            ClientMessage::Join { .. }
            | ClientMessage::Probe { .. }
            | ClientMessage::Offer { .. }
            | ClientMessage::Leave {}
            | ClientMessage::Ping {} => {}
        }
        Ok(None)
    }
}

fn add_handles(handles: Vec<protocol::Redacted<protocol::Verifier>>) -> Result<Change, ErrorCode> {
    if handles.is_empty() || handles.len() > protocol::MAX_HANDLES {
        return Err(ErrorCode::Malformed);
    }
    Ok(Change::Handles(handles))
}
