//! [`Room`]: what is known of one meeting, and who hears what of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use protocol::{
    ErrorCode, GoodbyeReason, ParticipantId, RecordingEnd, RequestId, Rights, Role, RoomRules,
    ServerMessage, TrackId,
};

use crate::circle::Delivery;
use crate::consent::Consent;
use crate::lobby::Lobby;
use crate::pace::Pace;
use crate::participant::{Participant, Presence};
use crate::poll::Poll;
use crate::port::{EndCause, Input, MediaRequest, Output, SessionId, refusal};
use crate::rights_of;
use crate::sealed_poll::SealedPollBox;

mod encryption;
mod entry;
mod groups;
mod known;
mod life;
mod moderation;
mod publishing;
mod recording;
mod requests;

/// How a room is made.
#[derive(Clone, Debug)]
pub struct RoomConfig {
    /// The rules everybody is told.
    pub rules: RoomRules,
    /// Generation of the guest link.
    pub link_generation: u32,
    /// Most days a recording may be kept; `None` when nothing is recorded here.
    pub recording_days: Option<u16>,
    /// When the room ends for good; `None` when that lies beyond what the clock can express.
    pub expires_at: Option<Instant>,
}

/// One live meeting.
#[derive(Debug)]
pub struct Room {
    config: RoomConfig,
    participants: BTreeMap<ParticipantId, Participant>,
    sessions: BTreeMap<SessionId, ParticipantId>,
    lobby: Lobby,
    /// Who left, latest last; their session tokens are dead.
    gone: VecDeque<ParticipantId>,
    /// Who was here or waited when a meeting was last ended for all: a page that missed it is told.
    sent_home: BTreeSet<ParticipantId>,
    /// When to say that nobody is here.
    idle_at: Option<Instant>,
    /// When the server stops, once that is announced.
    restarts_at: Option<Instant>,
    ended: bool,
    arrivals: u64,
    negotiations: u64,
    /// Who speaks, loudest first, as last told.
    speakers: Vec<ParticipantId>,
    /// Whose hands are raised, first raised first.
    hands: Vec<ParticipantId>,
    hands_pace: Pace,
    opinions_pace: Pace,
    spotlight: Option<ParticipantId>,
    timer_ends: Option<Instant>,
    poll: Option<Poll>,
    sealed_poll: Option<SealedPollBox>,
    poll_pace: Pace,
    polls: u32,
    /// Encrypted rooms: the delivery service of the circle.
    delivery: Delivery,
    consent: Consent,
    /// What moderators were last told of the answers, or will be when the pause is over.
    answers_told: Option<ServerMessage>,
    answers_pace: Pace,
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
            sent_home: BTreeSet::new(),
            idle_at: Some(now + Self::IDLE_AFTER),
            restarts_at: None,
            ended: false,
            arrivals: 0,
            negotiations: 0,
            lobby: Lobby::default(),
            speakers: Vec::new(),
            hands: Vec::new(),
            hands_pace: Pace::default(),
            opinions_pace: Pace::default(),
            spotlight: None,
            timer_ends: None,
            poll: None,
            sealed_poll: None,
            poll_pace: Pace::default(),
            polls: 0,
            delivery: Delivery::default(),
            consent: Consent::default(),
            answers_told: None,
            answers_pace: Pace::default(),
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
            Input::Join(join) => self.join(now, join),
            Input::Said { session, message } => self.said(now, session, message),
            Input::SessionLost { session } => self.session_lost(now, session),
            Input::Negotiated { participant, negotiation, result } => {
                self.negotiated(participant, negotiation, result);
            }
            Input::DelegationChecked { session, request_id, participant, delegation, result } => {
                let result = result.and_then(|()| self.pass_on(participant, delegation));
                self.answer_change(session, request_id, result);
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
                for id in self.ids() {
                    let told = self.speakers_for(id);
                    self.outputs.extend(told);
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
                self.tell_everybody(&ServerMessage::QualityChanged { participant, quality });
            }
            Input::RecordingBegun { session, request_id, authorisations, result } => {
                self.recording_begun(session, request_id, authorisations, result);
            }
            Input::AnswerWritten { number, result } => self.answer_written(number, result),
            Input::KeysReleased { session, request_id, result } => {
                self.keys_released(session, request_id, result);
            }
            Input::RecordingEnded { cause } => self.end_recording(cause),
            Input::GateShut { participant } => self.gate_was_shut(participant),
            Input::EraseRecorded { recording, participant } => {
                self.erase_recorded(recording, participant);
            }
            Input::MediaFailed => {
                for participant in self.ids() {
                    self.expel(now, participant, ErrorCode::Internal);
                }
            }
            Input::RestartAnnounced { at } => {
                self.restarts_at = Some(at);
                if let Some(announced) = self.restart_announced(now) {
                    self.tell_everybody(&announced);
                }
            }
            Input::ServerStopping => {
                self.end(now, GoodbyeReason::ServerRestart, EndCause::ServerStopping);
            }
        }
        self.settle_circle(now);
        self.settle_recording(now);
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
        self.settle_circle(now);
        self.settle_recording(now);
        for waiting in self.lobby.overdue(now) {
            self.lobby.remove(waiting);
            self.settle_idle(now);
        }
        self.tell_what_was_held_back(now);
        self.timer_ends = self.timer_ends.filter(|ends| *ends > now);
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
        let circle = self.delivery.poll_timeout();
        let others = [expiry, self.idle_at, self.timer_ends, self.lobby.poll_timeout(), circle];
        let paces = [&self.hands_pace, &self.opinions_pace, &self.poll_pace, &self.answers_pace];
        let held_back = paces.into_iter().filter_map(Pace::poll_timeout);
        away.chain(others.into_iter().flatten()).chain(held_back).min()
    }

    /// Ends the room for good.
    fn end(&mut self, now: Instant, reason: GoodbyeReason, cause: EndCause) {
        self.send_home(now, reason, cause);
        self.ended = true;
        self.idle_at = None;
        self.outputs.push_back(Output::Ended);
    }

    /// Takes leave of everybody, in the room and in the lobby.
    fn send_home(&mut self, now: Instant, reason: GoodbyeReason, cause: EndCause) {
        for session in self.sessions.keys().copied().collect::<Vec<_>>() {
            self.goodbye(session, reason, cause);
        }
        for waiting in self.lobby.ids() {
            let waiting = self.lobby.remove(waiting);
            if let Some(Presence::Here(session)) = waiting.map(|waiting| waiting.presence) {
                self.goodbye(session, reason, cause);
            }
        }
        // Nobody hears anything after goodbye.
        for participant in self.participants.values_mut() {
            participant.presence = Presence::Away(now);
        }
        for participant in self.ids() {
            self.remove(now, participant);
        }
        self.end_recording(RecordingEnd::RoomEnded);
    }

    /// What is left until the server stops, where that is announced.
    fn restart_announced(&self, now: Instant) -> Option<ServerMessage> {
        let left = self.restarts_at?.saturating_duration_since(now).as_millis();
        let restart_ms = u32::try_from(left).unwrap_or(u32::MAX);
        Some(ServerMessage::RestartAnnounced { restart_ms })
    }

    /// Who speaks, as far as somebody can hear it.
    fn speakers_for(&self, id: ParticipantId) -> Option<Output> {
        let own = self.participants.get(&id)?;
        let session = own.session()?;
        let is_near = |other: &&ParticipantId| {
            self.participants.get(other).is_some_and(|other| other.group == own.group)
        };
        let participants = self.speakers.iter().filter(is_near).copied().collect();
        Some(Output::Send { session, message: ServerMessage::Speakers { participants } })
    }

    /// What somebody may do.
    fn rights(&self, participant: &Participant) -> Rights {
        rights_of(&self.config.rules, participant.role, participant.granted)
    }

    /// Whether somebody may receive a track: of their own group, and shown to them.
    fn may_receive(&self, receiver: ParticipantId, track: TrackId) -> bool {
        let (Some(receiver), Some(sender)) =
            (self.participants.get(&receiver), self.participants.get(&track.participant))
        else {
            return false;
        };
        sender.reaches(receiver.group, receiver.role, track.source)
    }

    /// Takes away every track that somebody receives and may not receive any more.
    fn enforce(&mut self) {
        for id in self.ids() {
            let Some(mut receiver) = self.participants.remove(&id) else { continue };
            let (group, role) = (receiver.group, receiver.role);
            let slots = receiver.drop_tracks(|track| {
                let sender = self.participants.get(&track.participant);
                sender.is_some_and(|sender| sender.reaches(group, role, track.source))
            });
            self.participants.insert(id, receiver);
            if !slots.is_empty() {
                let request = MediaRequest::Subscribe { participant: id, slots };
                self.outputs.push_back(Output::Media(request));
            }
        }
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

    fn tell_everybody(&mut self, message: &ServerMessage) {
        for &session in self.sessions.keys() {
            self.outputs.push_back(Output::Send { session, message: message.clone() });
        }
    }

    /// Tells those of whom `who` is true.
    fn tell_those(&mut self, message: &ServerMessage, who: impl Fn(&Participant) -> bool) {
        let those = self.participants.values().filter(|participant| who(participant));
        let sessions = those.filter_map(Participant::session);
        let told = sessions.map(|session| Output::Send { session, message: message.clone() });
        self.outputs.extend(told);
    }

    fn tell_moderators(&mut self, message: &ServerMessage) {
        self.tell_those(message, |participant| participant.role == Role::Moderator);
    }

    fn goodbye(&mut self, session: SessionId, reason: GoodbyeReason, cause: EndCause) {
        self.sessions.remove(&session);
        let message = ServerMessage::Goodbye { reason, note: None };
        self.outputs.push_back(Output::Send { session, message });
        self.outputs.push_back(Output::End { session, cause });
    }

    fn refuse_session(&mut self, session: SessionId, code: ErrorCode) {
        let message = ServerMessage::Error { request_id: None, code, fatal: true };
        self.outputs.push_back(Output::Send { session, message });
        self.outputs.push_back(Output::End { session, cause: EndCause::Refused });
    }

    /// Starts or stops the time after which an empty room is dropped. What the meeting was about
    /// goes with the last who took part in it.
    fn settle_idle(&mut self, now: Instant) {
        if self.participants.is_empty() {
            self.spotlight = None;
            self.timer_ends = None;
            self.poll = None;
            self.sealed_poll = None;
            self.poll_pace = Pace::default();
        }
        let is_empty = self.participants.is_empty() && self.lobby.is_empty();
        if !is_empty || self.ended {
            self.idle_at = None;
        } else if self.idle_at.is_none() {
            self.idle_at = Some(now + Self::IDLE_AFTER);
        }
    }

    fn ids(&self) -> Vec<ParticipantId> {
        self.participants.keys().copied().collect()
    }
}

/// Where the clock of a test starts; nothing ever waits for it.
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any instant will do as the start of a test")]
pub(crate) fn start() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod admission_tests;
#[cfg(test)]
mod classroom_tests;
#[cfg(test)]
mod encryption_tests;
#[cfg(test)]
mod model;
#[cfg(test)]
mod recording_tests;
#[cfg(test)]
mod restart_tests;
#[cfg(test)]
mod tests;
