//! [`Room`]: who is present, away or gone.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use protocol::{
    ClientMessage, ErrorCode, GoodbyeReason, ParticipantId, Quality, Redacted, RequestId,
    RoomRules, ServerMessage, SlotRequest, TrackSource,
};

use crate::participant::{Participant, Presence};
use crate::port::{EndCause, Input, Join, MediaRequest, Output, SessionId, Welcome, refusal};
use crate::{Action, MediaAnswer, is_allowed, name};

/// How a room is made.
#[derive(Clone, Debug)]
pub struct RoomConfig {
    /// The rules everybody is told.
    pub rules: RoomRules,
    /// When the room ends for good; `None` when that lies beyond what the clock can express.
    pub expires_at: Option<Instant>,
}

/// One live meeting.
#[derive(Debug)]
pub struct Room {
    config: RoomConfig,
    participants: BTreeMap<ParticipantId, Participant>,
    sessions: BTreeMap<SessionId, ParticipantId>,
    /// Who left, latest last; their session tokens are dead.
    gone: VecDeque<ParticipantId>,
    /// When to say that nobody is here.
    idle_at: Option<Instant>,
    ended: bool,
    arrivals: u64,
    negotiations: u64,
    /// Who speaks, loudest first, as last told.
    speakers: Vec<ParticipantId>,
    outputs: VecDeque<Output>,
}

impl Room {
    /// How long a participant whose signaling was cut is kept, with their media. Longer survives
    /// longer cuts; shorter frees the place and the picture of someone who closed the page sooner.
    pub const RESUME_WINDOW: Duration = Duration::from_secs(30);

    /// How long an empty room waits before [`Output::Idle`]. Longer keeps memory, shorter makes
    /// the room anew more often.
    pub const IDLE_AFTER: Duration = Duration::from_secs(300);

    /// Opens an empty room.
    pub fn new(now: Instant, config: RoomConfig) -> Self {
        Self {
            config,
            participants: BTreeMap::new(),
            sessions: BTreeMap::new(),
            gone: VecDeque::new(),
            idle_at: Some(now + Self::IDLE_AFTER),
            ended: false,
            arrivals: 0,
            negotiations: 0,
            speakers: Vec::new(),
            outputs: VecDeque::new(),
        }
    }

    /// How many are present or away.
    pub fn participant_count(&self) -> usize {
        self.participants.len()
    }

    /// Takes one input. Drain [`Room::poll_output`] before the next.
    pub fn handle(&mut self, now: Instant, input: Input) {
        match input {
            Input::Join(join) => self.join(join),
            Input::Said { session, message } => self.said(now, session, message),
            Input::SessionLost { session } => self.session_lost(now, session),
            Input::Negotiated { participant, negotiation, result } => {
                self.negotiated(participant, negotiation, result);
            }
            Input::MediaRefused { participant } => {
                self.expel(now, participant, ErrorCode::Overloaded);
            }
            Input::LayersWanted { participant, source, rids } => {
                let Some(known) = self.participants.get_mut(&participant) else { return };
                known.layers_wanted.insert(source, rids.clone());
                self.tell(participant, ServerMessage::LayersWanted { source, rids });
            }
            Input::OfferWanted { participant } => {
                let Some(known) = self.participants.get_mut(&participant) else { return };
                known.missed_offer_wanted = known.session().is_none();
                self.tell(participant, ServerMessage::OfferWanted {});
            }
            Input::Speakers { participants } => {
                // Media may name somebody who left while the word travelled.
                let is_here = |id: &ParticipantId| self.participants.contains_key(id);
                self.speakers = participants.into_iter().filter(is_here).collect();
                for &session in self.sessions.keys() {
                    self.outputs.push_back(self.tell_speakers(session));
                }
            }
            Input::SlotsPaused { participant, mids } => {
                if let Some(participant) = self.participants.get_mut(&participant) {
                    participant.paused_slots = mids;
                    self.outputs.extend(participant.tell_paused_slots());
                }
            }
            Input::SlotsUnplayable { participant, mids } => {
                if let Some(participant) = self.participants.get_mut(&participant) {
                    participant.unplayable_slots = mids;
                    self.outputs.extend(participant.tell_unplayable_slots());
                }
            }
            Input::QualityChanged { participant, quality } => {
                let Some(known) = self.participants.get_mut(&participant) else { return };
                known.quality = quality;
                let message = ServerMessage::QualityChanged { participant, quality };
                for &session in self.sessions.keys() {
                    self.outputs.push_back(Output::Send { session, message: message.clone() });
                }
            }
            Input::MediaFailed => {
                for participant in self.ids() {
                    self.expel(now, participant, ErrorCode::Internal);
                }
            }
            Input::ServerStopping => {
                self.end(now, GoodbyeReason::ServerRestart, EndCause::ServerStopping);
            }
        }
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        if !self.ended && self.config.expires_at.is_some_and(|at| at <= now) {
            self.end(now, GoodbyeReason::RoomEnded, EndCause::Goodbye);
        }
        let is_due = |participant: &Participant| match participant.presence {
            Presence::Here(_) => false,
            Presence::Away(until) => until <= now,
        };
        let due: Vec<_> =
            self.participants.iter().filter(|(_, p)| is_due(p)).map(|(id, _)| *id).collect();
        for participant in due {
            self.remove(now, participant);
        }
        if self.idle_at.is_some_and(|at| at <= now) {
            self.outputs.push_back(Output::Idle);
            self.idle_at = Some(now + Self::IDLE_AFTER);
        }
    }

    /// The next thing to carry out.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`Room::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        let expiry = self.config.expires_at.filter(|_| !self.ended);
        let away = self.participants.values().filter_map(|p| match p.presence {
            Presence::Here(_) => None,
            Presence::Away(until) => Some(until),
        });
        away.chain(expiry).chain(self.idle_at).min()
    }

    fn join(&mut self, join: Join) {
        let session = join.session;
        if self.sessions.contains_key(&session) {
            return self.refuse_session(session, ErrorCode::AlreadyJoined);
        }
        if self.ended {
            return self.refuse_session(session, ErrorCode::RoomEnded);
        }
        let mut id = join.participant;
        if let Some(resume) = join.resume {
            match self.participants.get(&resume) {
                Some(known) if known.role == join.role => return self.resume(session, resume),
                Some(_) => {}
                None if self.gone.contains(&resume) => {}
                // The room was made anew since the token was given: same person, new media.
                None => id = resume,
            }
        }
        if self.participants.contains_key(&id) {
            return self.refuse_session(session, ErrorCode::Internal);
        }
        if self.participants.len() >= usize::from(self.config.rules.max_participants) {
            return self.refuse_session(session, ErrorCode::RoomFull);
        }
        let display_name = match join.display_name.filter(|typed| !name::is_blank(typed)) {
            None => {
                name::neutral(join.language, self.participants.values().map(|p| &p.display_name))
            }
            Some(typed) => match name::accept(&typed) {
                Some(accepted) => accepted,
                None => return self.refuse_session(session, ErrorCode::NameInvalid),
            },
        };
        self.arrivals += 1;
        let participant = Participant::new(display_name, join.role, session, self.arrivals);
        let message = ServerMessage::ParticipantJoined { participant: participant.info(id) };
        self.participants.insert(id, participant);
        self.sessions.insert(session, id);
        self.idle_at = None;
        self.outputs.push_back(Output::Media(MediaRequest::AddTransport { participant: id }));
        self.welcome(session, id, false);
        self.tell_others(id, &message);
    }

    fn resume(&mut self, session: SessionId, id: ParticipantId) {
        let Some(participant) = self.participants.get_mut(&id) else { return };
        let before = std::mem::replace(&mut participant.presence, Presence::Here(session));
        self.sessions.insert(session, id);
        match before {
            Presence::Here(old) => self.goodbye(old, GoodbyeReason::Replaced, EndCause::Goodbye),
            Presence::Away(_) => {
                let message = ServerMessage::ParticipantAway { participant: id, away: false };
                self.tell_others(id, &message);
            }
        }
        self.welcome(session, id, true);
    }

    fn said(&mut self, now: Instant, session: SessionId, message: ClientMessage) {
        let Some(&id) = self.sessions.get(&session) else { return };
        match message {
            ClientMessage::Join { .. } | ClientMessage::Probe { .. } => {
                // The fault of one page must not cost the participant the time to resume.
                self.refuse_session(session, ErrorCode::AlreadyJoined);
                self.session_lost(now, session);
            }
            ClientMessage::Offer { request_id, sdp, publish } => {
                self.negotiations += 1;
                let negotiation = self.negotiations;
                let Some(participant) = self.participants.get_mut(&id) else { return };
                let is_allowed = publish
                    .iter()
                    .all(|section| is_allowed(participant.role, Action::Publish(section.source)));
                if !is_allowed {
                    self.outputs.push_back(refusal(session, request_id, ErrorCode::NotAllowed));
                } else if participant.begin_offer(negotiation, session, request_id) {
                    let request = MediaRequest::Negotiate {
                        participant: id,
                        negotiation,
                        offer: sdp,
                        publish,
                    };
                    self.outputs.push_back(Output::Media(request));
                } else {
                    self.outputs.push_back(refusal(session, request_id, ErrorCode::Overloaded));
                }
            }
            ClientMessage::Subscribe { request_id, slots } => {
                let result = self.subscribe(id, slots);
                self.answer(session, request_id, result);
            }
            ClientMessage::SetPublishing { request_id, source, active } => {
                let result = self.set_publishing(id, source, active);
                self.answer(session, request_id, result);
            }
            ClientMessage::SetReception { request_id, saving } => {
                let request = MediaRequest::SetReception { participant: id, saving };
                self.outputs.push_back(Output::Media(request));
                self.answer(session, request_id, Ok(()));
            }
            ClientMessage::Rename { request_id, display_name } => {
                let result = self.rename(id, &display_name);
                let is_done = result.is_ok();
                self.answer(session, request_id, result);
                if is_done {
                    self.tell_name(id);
                }
            }
            ClientMessage::Leave {} => {
                self.goodbye(session, GoodbyeReason::Left, EndCause::Goodbye);
                self.remove(now, id);
            }
            ClientMessage::Ping {} => {
                self.outputs.push_back(Output::Send { session, message: ServerMessage::Pong {} });
            }
        }
    }

    fn subscribe(&mut self, id: ParticipantId, slots: Vec<SlotRequest>) -> Result<(), ErrorCode> {
        let Some(participant) = self.participants.get(&id) else { return Ok(()) };
        if !is_allowed(participant.role, Action::Subscribe) {
            return Err(ErrorCode::NotAllowed);
        }
        participant.check_slots(&slots)?;
        let is_there = |publisher| publisher != id && self.participants.contains_key(&publisher);
        if !slots.iter().filter_map(|slot| slot.track).all(|track| is_there(track.participant)) {
            return Err(ErrorCode::TrackUnknown);
        }
        let request = MediaRequest::Subscribe { participant: id, slots };
        self.outputs.push_back(Output::Media(request));
        Ok(())
    }

    fn set_publishing(
        &mut self,
        id: ParticipantId,
        source: TrackSource,
        active: bool,
    ) -> Result<(), ErrorCode> {
        let Some(participant) = self.participants.get_mut(&id) else { return Ok(()) };
        if active && !is_allowed(participant.role, Action::Publish(source)) {
            return Err(ErrorCode::NotAllowed);
        }
        let is_change = if active {
            participant.active.insert(source)
        } else {
            participant.active.remove(&source)
        };
        let request = MediaRequest::SetPublishing { participant: id, source, active };
        self.outputs.push_back(Output::Media(request));
        if is_change {
            let message = ServerMessage::TrackChanged { participant: id, source, active };
            self.tell_others(id, &message);
        }
        Ok(())
    }

    fn rename(&mut self, id: ParticipantId, typed: &Redacted<String>) -> Result<(), ErrorCode> {
        let Some(participant) = self.participants.get_mut(&id) else { return Ok(()) };
        if !is_allowed(participant.role, Action::Rename) {
            return Err(ErrorCode::NotAllowed);
        }
        participant.display_name = name::accept(typed).ok_or(ErrorCode::NameInvalid)?;
        Ok(())
    }

    fn tell_name(&mut self, id: ParticipantId) {
        let Some(participant) = self.participants.get(&id) else { return };
        let message = ServerMessage::ParticipantRenamed {
            participant: id,
            display_name: participant.display_name.clone(),
        };
        for &session in self.sessions.keys() {
            self.outputs.push_back(Output::Send { session, message: message.clone() });
        }
    }

    fn session_lost(&mut self, now: Instant, session: SessionId) {
        let Some(id) = self.sessions.remove(&session) else { return };
        let Some(participant) = self.participants.get_mut(&id) else { return };
        participant.presence = Presence::Away(now + Self::RESUME_WINDOW);
        let message = ServerMessage::ParticipantAway { participant: id, away: true };
        self.tell_others(id, &message);
    }

    fn negotiated(
        &mut self,
        id: ParticipantId,
        negotiation: u64,
        result: Result<MediaAnswer, ErrorCode>,
    ) {
        let Some(participant) = self.participants.get_mut(&id) else { return };
        let Some((session, request_id)) = participant.end_offer(negotiation) else { return };
        let is_current = participant.session() == Some(session);
        let output = match result {
            Ok(answer) => {
                participant.replace_slots(answer.slots);
                let message = ServerMessage::Answer { request_id, sdp: answer.sdp };
                Output::Send { session, message }
            }
            Err(code) => refusal(session, request_id, code),
        };
        // An answer for a page that was replaced or cut meanwhile has nobody to go to.
        if is_current {
            self.outputs.push_back(output);
        }
    }

    /// Ends the room for everybody.
    fn end(&mut self, now: Instant, reason: GoodbyeReason, cause: EndCause) {
        for session in self.sessions.keys().copied().collect::<Vec<_>>() {
            self.goodbye(session, reason, cause);
        }
        for participant in self.ids() {
            self.remove(now, participant);
        }
        self.ended = true;
        self.idle_at = None;
        self.outputs.push_back(Output::Ended);
    }

    /// Removes a participant for a fault that is not theirs, and says so.
    fn expel(&mut self, now: Instant, id: ParticipantId, code: ErrorCode) {
        let Some(participant) = self.participants.get(&id) else { return };
        if let Some(session) = participant.session() {
            self.sessions.remove(&session);
            self.refuse_session(session, code);
        }
        self.remove(now, id);
    }

    /// The one way out of the room, whatever the cause.
    fn remove(&mut self, now: Instant, id: ParticipantId) {
        let Some(participant) = self.participants.remove(&id) else { return };
        if let Some(session) = participant.session() {
            self.sessions.remove(&session);
        }
        if self.gone.len() == MAX_GONE {
            self.gone.pop_front();
        }
        self.gone.push_back(id);
        self.speakers.retain(|speaker| *speaker != id);
        self.outputs.push_back(Output::Media(MediaRequest::RemoveTransport { participant: id }));
        self.tell_others(id, &ServerMessage::ParticipantLeft { participant: id });
        if self.participants.is_empty() {
            self.idle_at = Some(now + Self::IDLE_AFTER);
        }
    }

    fn welcome(&mut self, session: SessionId, id: ParticipantId, resumed: bool) {
        let Some(own) = self.participants.get_mut(&id) else { return };
        let missed_offer_wanted = std::mem::take(&mut own.missed_offer_wanted);
        let layers_wanted = own.layers_wanted.clone();
        let Some(own) = self.participants.get(&id) else { return };
        let mut others: Vec<_> =
            self.participants.iter().filter(|(other, _)| **other != id).collect();
        others.sort_by_key(|(_, participant)| participant.arrival);
        self.outputs.push_back(Output::Welcome(Welcome {
            session,
            participant: id,
            display_name: own.display_name.clone(),
            role: own.role,
            resumed,
            participants: others.into_iter().map(|(id, p)| p.info(*id)).collect(),
            rules: self.config.rules.clone(),
        }));
        let paused = own.tell_paused_slots().filter(|_| !own.paused_slots.is_empty());
        let unplayable = own.tell_unplayable_slots().filter(|_| !own.unplayable_slots.is_empty());
        self.outputs.extend(paused);
        self.outputs.extend(unplayable);
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
        if !self.speakers.is_empty() {
            self.outputs.push_back(self.tell_speakers(session));
        }
    }

    fn tell_speakers(&self, session: SessionId) -> Output {
        let participants = self.speakers.clone();
        Output::Send { session, message: ServerMessage::Speakers { participants } }
    }

    fn answer(&mut self, session: SessionId, request_id: RequestId, result: Result<(), ErrorCode>) {
        self.outputs.push_back(match result {
            Ok(()) => Output::Send { session, message: ServerMessage::Done { request_id } },
            Err(code) => refusal(session, request_id, code),
        });
    }

    fn tell(&mut self, id: ParticipantId, message: ServerMessage) {
        if let Some(session) = self.participants.get(&id).and_then(Participant::session) {
            self.outputs.push_back(Output::Send { session, message });
        }
    }

    fn tell_others(&mut self, id: ParticipantId, message: &ServerMessage) {
        for (&session, _) in self.sessions.iter().filter(|(_, owner)| **owner != id) {
            self.outputs.push_back(Output::Send { session, message: message.clone() });
        }
    }

    fn goodbye(&mut self, session: SessionId, reason: GoodbyeReason, cause: EndCause) {
        self.sessions.remove(&session);
        let message = ServerMessage::Goodbye { reason };
        self.outputs.push_back(Output::Send { session, message });
        self.outputs.push_back(Output::End { session, cause });
    }

    fn refuse_session(&mut self, session: SessionId, code: ErrorCode) {
        let message = ServerMessage::Error { request_id: None, code, fatal: true };
        self.outputs.push_back(Output::Send { session, message });
        self.outputs.push_back(Output::End { session, cause: EndCause::Refused });
    }

    fn ids(&self) -> Vec<ParticipantId> {
        self.participants.keys().copied().collect()
    }
}

/// Most departures remembered, so that the session token of someone who left brings nobody back.
/// Beyond it the oldest token would give the same number again to the same holder: harmless.
const MAX_GONE: usize = 1024;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
