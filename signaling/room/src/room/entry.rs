//! Coming in, waiting, coming back, and the ways out.

use std::time::Instant;

use protocol::{
    Admission, ClientMessage, ErrorCode, GoodbyeReason, MemberKey, OwnState, ParticipantId,
    Quality, Redacted, Role, RoomState, SealedName, ServerMessage,
};

use super::Room;
use crate::lobby::Waiting;
use crate::name;
use crate::participant::{Participant, Presence};
use crate::port::{EndCause, Join, MediaRequest, Output, SessionId, Wait, Welcome};
use crate::sealed_poll::SealedPollBox;

impl Room {
    pub(super) fn join(&mut self, now: Instant, join: Join) {
        let session = join.session;
        if self.sessions.contains_key(&session) || self.lobby.of_session(session).is_some() {
            return self.refuse_session(session, ErrorCode::AlreadyJoined);
        }
        if self.ended {
            return self.refuse_session(session, ErrorCode::RoomEnded);
        }
        if let Err(code) = self.check_join(&join) {
            return self.refuse_session(session, code);
        }
        if join.resume.is_some_and(|resume| self.sent_home.contains(&resume.participant)) {
            return self.goodbye(session, GoodbyeReason::MeetingEnded, EndCause::Goodbye);
        }
        let resume = join.resume.filter(|resume| !self.gone.contains(&resume.participant));
        let known = resume.and_then(|resume| self.participants.get(&resume.participant));
        if let (Some(resume), Some(known)) = (resume, known)
            && known.link_role == join.role
        {
            return self.resume(now, session, resume.participant, join.member_key);
        }
        // The room was made anew since the token was given: same person, new media.
        let returning = resume.filter(|_| known.is_none());
        let delegation = join.delegation.filter(|_| returning.is_some());
        if delegation.is_none() && !self.is_link_good(&join) {
            return self.refuse_session(session, ErrorCode::LinkEnded);
        }
        if let Some(resume) = returning
            && self.lobby.find(resume.participant).is_some()
            && join.role == Role::Guest
        {
            let sealed = (join.member_key, join.sealed_name);
            return self.wait_again(session, resume.participant, sealed);
        }
        let id = returning.map_or(join.participant, |resume| resume.participant);
        let was_admitted = delegation.is_some() || returning.is_some_and(|it| it.admitted);
        if self.participants.contains_key(&id) || self.lobby.find(id).is_some() {
            return self.refuse_session(session, ErrorCode::Internal);
        }
        let is_guest = join.role == Role::Guest;
        if is_guest && self.config.rules.open.locked && !was_admitted {
            return self.refuse_session(session, ErrorCode::RoomLocked);
        }
        if self.is_full() {
            return self.refuse_session(session, ErrorCode::RoomFull);
        }
        let has_to_wait = self.config.rules.open.lobby && !was_admitted && join.handle.is_none();
        let waits = is_guest && has_to_wait;
        let Some(display_name) = self.name_for(&join) else {
            return self.refuse_session(session, ErrorCode::NameInvalid);
        };
        self.arrivals += 1;
        if waits {
            let (presence, arrival) = (Presence::Here(session), self.arrivals);
            let (sealed_name, member_key) = (join.sealed_name, join.member_key);
            let waiting = Waiting { display_name, sealed_name, member_key, presence, arrival };
            if !self.lobby.enter(id, waiting) {
                return self.refuse_session(session, ErrorCode::RoomFull);
            }
            self.settle_idle(now);
            self.tell_to_wait(session, id);
            return self.tell_waiting();
        }
        let arrival = self.arrivals;
        let (role, handle, member_key) = (join.role, join.handle, join.member_key);
        let mut participant =
            Participant::new(now, display_name, role, handle, session, arrival, member_key);
        if delegation.is_some() {
            participant.role = Role::Moderator;
            participant.delegation = delegation;
        }
        self.enter(now, id, participant);
    }

    /// Whether somebody new may come by this link. The room knows before the disk does that it was
    /// replaced.
    fn is_link_good(&self, join: &Join) -> bool {
        join.role == Role::Moderator || join.link_generation == Some(self.config.link_generation)
    }

    fn is_full(&self) -> bool {
        self.participants.len() >= usize::from(self.config.rules.max_participants)
    }

    /// As typed, or a neutral one. Whoever waits is not told it: its number would say something of how
    /// many are inside.
    fn name_for(&self, join: &Join) -> Option<Redacted<String>> {
        if let Some(typed) = join.display_name.as_ref().filter(|typed| !name::is_blank(typed)) {
            return name::accept(typed);
        }
        let inside = self.participants.values().map(|known| &known.display_name);
        Some(name::neutral(join.role, join.language, inside.chain(self.lobby.names())))
    }

    fn enter(&mut self, now: Instant, id: ParticipantId, participant: Participant) {
        let Some(session) = participant.session() else { return };
        self.participants.insert(id, participant);
        self.sessions.insert(session, id);
        self.settle_idle(now);
        self.outputs.push_back(Output::Media(MediaRequest::AddTransport { participant: id }));
        self.welcome(now, session, id, false);
        for other in self.ids() {
            let Some(known) = self.participants.get(&other).filter(|_| other != id) else {
                continue;
            };
            let Some((session, own)) = known.session().zip(self.participants.get(&id)) else {
                continue;
            };
            let message =
                ServerMessage::ParticipantJoined { participant: own.info(id, known.role) };
            self.outputs.push_back(Output::Send { session, message });
        }
    }

    fn resume(
        &mut self,
        now: Instant,
        session: SessionId,
        id: ParticipantId,
        member_key: Option<MemberKey>,
    ) {
        self.forget_answer(id);
        let Some(participant) = self.participants.get_mut(&id) else { return };
        participant.member.set_key(member_key);
        let before = std::mem::replace(&mut participant.presence, Presence::Here(session));
        self.sessions.insert(session, id);
        match before {
            Presence::Here(old) => self.goodbye(old, GoodbyeReason::Replaced, EndCause::Goodbye),
            Presence::Away(_) => {
                let message = ServerMessage::ParticipantAway { participant: id, away: false };
                self.tell_others(id, &message);
            }
        }
        self.welcome(now, session, id, true);
    }

    fn wait_again(
        &mut self,
        session: SessionId,
        id: ParticipantId,
        sealed: (Option<MemberKey>, Option<Redacted<SealedName>>),
    ) {
        let Some(waiting) = self.lobby.find(id) else { return };
        (waiting.member_key, waiting.sealed_name) = sealed;
        let before = std::mem::replace(&mut waiting.presence, Presence::Here(session));
        if let Presence::Here(old) = before {
            self.goodbye(old, GoodbyeReason::Replaced, EndCause::Goodbye);
        }
        self.tell_to_wait(session, id);
        self.tell_waiting();
    }

    fn tell_to_wait(&mut self, session: SessionId, id: ParticipantId) {
        self.outputs.push_back(Output::Wait(Wait { session, participant: id }));
    }

    /// Tells the moderators who waits.
    pub(super) fn tell_waiting(&mut self) {
        let message = ServerMessage::WaitingChanged { waiting: self.lobby.infos() };
        self.tell_moderators(&message);
    }

    /// Lets somebody in who waits. Who is cut at that moment comes in when they come back.
    pub(super) fn admit(
        &mut self,
        now: Instant,
        id: ParticipantId,
        admission: Option<Redacted<Admission>>,
    ) -> Result<(), ErrorCode> {
        if self.is_full() {
            return Err(ErrorCode::RoomFull);
        }
        let waiting = self.lobby.find(id).ok_or(ErrorCode::NotThere)?;
        let Presence::Here(session) = waiting.presence else { return Err(ErrorCode::NotThere) };
        let waiting = self.lobby.remove(id).ok_or(ErrorCode::NotThere)?;
        let Waiting { display_name, member_key, arrival, .. } = waiting;
        let role = Role::Guest;
        let mut participant =
            Participant::new(now, display_name, role, None, session, arrival, member_key);
        participant.member.admission = admission;
        self.enter(now, id, participant);
        Ok(())
    }

    /// Sends somebody away who waits.
    pub(super) fn refuse_entry(
        &mut self,
        now: Instant,
        id: ParticipantId,
        note: Option<Redacted<String>>,
    ) -> Result<(), ErrorCode> {
        let waiting = self.lobby.remove(id).ok_or(ErrorCode::NotThere)?;
        self.forget(id);
        if let Presence::Here(session) = waiting.presence {
            self.dismiss(session, GoodbyeReason::EntryRefused, note);
        }
        self.settle_idle(now);
        Ok(())
    }

    /// Sends everybody away who waits, because of what was decided about the room.
    pub(super) fn empty_lobby(&mut self, now: Instant, code: ErrorCode) {
        if self.lobby.is_empty() {
            return;
        }
        for id in self.lobby.ids() {
            let presence = self.lobby.remove(id).map(|waiting| waiting.presence);
            if let Some(Presence::Here(session)) = presence {
                self.refuse_session(session, code);
            }
        }
        self.settle_idle(now);
        self.tell_waiting();
    }

    /// What a session that waits may say: that it leaves, and that it lives.
    pub(super) fn said_waiting(
        &mut self,
        now: Instant,
        session: SessionId,
        id: ParticipantId,
        message: &ClientMessage,
    ) {
        if *message == (ClientMessage::Leave {}) {
            self.lobby.remove(id);
            self.forget(id);
            self.goodbye(session, GoodbyeReason::Left, EndCause::Goodbye);
            self.settle_idle(now);
            return self.tell_waiting();
        }
        let message = if *message == (ClientMessage::Ping {}) {
            ServerMessage::Pong {}
        } else {
            let (request_id, code) = (message.request_id(), ErrorCode::NotJoined);
            ServerMessage::Error { request_id, code, fatal: false }
        };
        self.outputs.push_back(Output::Send { session, message });
    }

    pub(super) fn session_lost(&mut self, now: Instant, session: SessionId) {
        if let Some(waiting) = self.lobby.of_session(session).and_then(|id| self.lobby.find(id)) {
            waiting.presence = Presence::Away(now + Self::RESUME_WINDOW);
            return self.tell_waiting();
        }
        let Some(id) = self.sessions.remove(&session) else { return };
        self.forget_answer(id);
        let Some(participant) = self.participants.get_mut(&id) else { return };
        participant.presence = Presence::Away(now + Self::RESUME_WINDOW);
        let message = ServerMessage::ParticipantAway { participant: id, away: true };
        self.tell_others(id, &message);
    }

    /// Ends a session because a moderator wants it so.
    pub(super) fn dismiss(
        &mut self,
        session: SessionId,
        reason: GoodbyeReason,
        note: Option<Redacted<String>>,
    ) {
        self.sessions.remove(&session);
        let message = ServerMessage::Goodbye { reason, note };
        self.outputs.push_back(Output::Send { session, message });
        self.outputs.push_back(Output::End { session, cause: EndCause::Refused });
    }

    /// Removes a participant for a fault that is not theirs, and says so.
    pub(super) fn expel(&mut self, now: Instant, id: ParticipantId, code: ErrorCode) {
        let Some(participant) = self.participants.get(&id) else { return };
        if let Some(session) = participant.session() {
            self.sessions.remove(&session);
            self.refuse_session(session, code);
        }
        self.remove(now, id);
    }

    /// The one way out of the room, whatever the cause.
    pub(super) fn remove(&mut self, now: Instant, id: ParticipantId) {
        self.forget_answer(id);
        let Some(participant) = self.participants.remove(&id) else { return };
        if let Some(session) = participant.session() {
            self.sessions.remove(&session);
        }
        self.forget(id);
        self.delivery.forget(id);
        self.speakers.retain(|speaker| *speaker != id);
        self.outputs.push_back(Output::Media(MediaRequest::RemoveTransport { participant: id }));
        self.tell_others(id, &ServerMessage::ParticipantLeft { participant: id });
        self.take_down(now, id, &participant);
        self.settle_idle(now);
    }

    /// Their session tokens are dead from now on.
    fn forget(&mut self, id: ParticipantId) {
        if self.gone.len() == MAX_GONE {
            self.gone.pop_front();
        }
        self.gone.push_back(id);
    }

    fn welcome(&mut self, now: Instant, session: SessionId, id: ParticipantId, resumed: bool) {
        let Some(own) = self.participants.get_mut(&id) else { return };
        let missed_offer_wanted = std::mem::take(&mut own.missed_offer_wanted);
        let layers_wanted = own.layers_wanted.clone();
        let Some(own) = self.participants.get(&id) else { return };
        let mut others: Vec<_> =
            self.participants.iter().filter(|(other, _)| **other != id).collect();
        others.sort_by_key(|(_, participant)| participant.arrival);
        self.outputs.push_back(Output::Welcome(Box::new(Welcome {
            session,
            participant: id,
            display_name: own.display_name.clone(),
            role: own.role,
            link_role: own.link_role,
            resumed,
            participants: others.into_iter().map(|(id, p)| p.info(*id, own.role)).collect(),
            rules: self.config.rules.clone(),
            rights: self.rights(own),
            link_generation: self.config.link_generation,
            state: RoomState {
                hands: self.hands_of(own.group),
                opinions: self.opinion_totals(),
                timer_ms: self.timer_left(now),
                spotlight: self.spotlight,
                poll: self.poll.as_ref().map(crate::poll::Poll::info),
                sealed_poll: self.sealed_poll.as_ref().map(SealedPollBox::info),
                recording: self.consent.info().cloned(),
            },
            own: OwnState {
                group: own.group,
                opinion: own.opinion,
                moderators_only: own.moderators_only,
                has_voted: self.poll.as_ref().is_some_and(|poll| poll.has_ballot_of(id))
                    || self.sealed_poll.as_ref().is_some_and(|poll| poll.has_ballot_of(id)),
                stopped: own.stopped.iter().copied().collect(),
            },
            circle: self.delivery.place(),
            admission: own.member.admission.clone(),
        })));
        let paused = own.tell_paused_slots().filter(|_| !own.paused_slots.is_empty());
        let unplayable = own.tell_unplayable_slots().filter(|_| !own.unplayable_slots.is_empty());
        self.outputs.extend(paused);
        self.outputs.extend(unplayable);
        let restart = self.restart_announced(now);
        self.outputs.extend(restart.map(|message| Output::Send { session, message }));
        // Shown at the next restart of the server; a page may have been reloaded since it was told.
        if let Some(delegation) = own.delegation {
            let (role, delegation) = (own.role, Some(delegation));
            let message = ServerMessage::RoleChanged { participant: id, role, delegation };
            self.outputs.push_back(Output::Send { session, message });
        }
        // A page that comes back may have missed what changed.
        for (source, rids) in layers_wanted {
            let message = ServerMessage::LayersWanted { source, rids };
            self.outputs.push_back(Output::Send { session, message });
        }
        if missed_offer_wanted {
            let message = ServerMessage::OfferWanted {};
            self.outputs.push_back(Output::Send { session, message });
        }
        for (&participant, known) in &self.participants {
            let quality = known.quality;
            if quality != Quality::Good {
                let message = ServerMessage::QualityChanged { participant, quality };
                self.outputs.push_back(Output::Send { session, message });
            }
        }
        if own.role == Role::Moderator
            && let Some(message) = self.consent.counts(self.participants.len())
        {
            self.outputs.push_back(Output::Send { session, message });
        }
        if own.role == Role::Moderator && !self.lobby.is_empty() {
            let message = ServerMessage::WaitingChanged { waiting: self.lobby.infos() };
            self.outputs.push_back(Output::Send { session, message });
        }
        if !self.speakers.is_empty() {
            let told = self.speakers_for(id);
            self.outputs.extend(told);
        }
    }
}

/// Most departures remembered, so that the session token of someone who left brings nobody back.
/// Beyond it the oldest token would give the same number again to the same holder: harmless.
const MAX_GONE: usize = 1024;
