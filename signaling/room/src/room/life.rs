//! Class life: hands, gestures, opinions, written words, questions, the timer, who is shown large.

use std::time::{Duration, Instant};

use protocol::{
    ChatAudience, ErrorCode, MAX_TEXT_CHARS, MAX_TIMER_SECONDS, Opinion, OpinionTotals,
    ParticipantId, Reaction, Redacted, Role, ServerMessage,
};

use super::Room;
use crate::pace::Pace;
use crate::participant::Participant;
use crate::poll::Poll;
use crate::port::Output;
use crate::text;

impl Room {
    pub(super) fn raise_hand(&mut self, now: Instant, id: ParticipantId, raised: bool) {
        if self.hands.contains(&id) == raised {
            return;
        }
        if raised {
            self.hands.push(id);
        } else {
            self.hands.retain(|hand| *hand != id);
        }
        self.tell_hands(now);
    }

    /// Lowers one hand or all.
    pub(super) fn lower_hands(&mut self, now: Instant, whose: Option<ParticipantId>) {
        let before = self.hands.len();
        self.hands.retain(|hand| whose.is_some_and(|whose| whose != *hand));
        if self.hands.len() != before {
            self.tell_hands(now);
        }
    }

    /// Tells what changed within the last moments and was not told at once.
    pub(super) fn tell_what_was_held_back(&mut self, now: Instant) {
        if self.hands_pace.is_due(now) {
            self.say_hands();
        }
        if self.opinions_pace.is_due(now) {
            self.say_opinions(false);
        }
        if self.poll_pace.is_due(now) {
            self.say_poll();
        }
        if self.answers_pace.is_due(now) {
            self.say_answers();
        }
    }

    pub(super) fn tell_hands(&mut self, now: Instant) {
        if self.hands_pace.change(now) {
            self.say_hands();
        }
    }

    fn say_hands(&mut self) {
        for id in self.ids() {
            let Some(participant) = self.participants.get(&id) else { continue };
            let hands = self.hands_of(participant.group);
            self.tell(id, ServerMessage::HandsChanged { hands });
        }
    }

    /// Raised hands in one group, first raised first.
    pub(super) fn hands_of(&self, group: Option<u8>) -> Vec<ParticipantId> {
        let is_near = |id: &&ParticipantId| {
            self.participants.get(id).is_some_and(|participant| participant.group == group)
        };
        self.hands.iter().filter(is_near).copied().collect()
    }

    pub(super) fn react(&mut self, id: ParticipantId, reaction: Reaction) {
        self.tell_group_of(id, &ServerMessage::Reacted { participant: id, reaction });
    }

    pub(super) fn set_opinion(
        &mut self,
        now: Instant,
        id: ParticipantId,
        opinion: Option<Opinion>,
    ) {
        let Some(participant) = self.participants.get_mut(&id) else { return };
        if std::mem::replace(&mut participant.opinion, opinion) != opinion {
            self.tell_opinions(now);
        }
    }

    pub(super) fn clear_opinions(&mut self, now: Instant) {
        for participant in self.participants.values_mut() {
            participant.opinion = None;
        }
        self.opinions_pace.told(now);
        self.say_opinions(true);
    }

    pub(super) fn opinion_totals(&self) -> OpinionTotals {
        let mut totals = OpinionTotals::default();
        for opinion in self.participants.values().filter_map(|participant| participant.opinion) {
            match opinion {
                Opinion::Yes => totals.yes += 1,
                Opinion::No => totals.no += 1,
                Opinion::Slower => totals.slower += 1,
                Opinion::Faster => totals.faster += 1,
            }
        }
        totals
    }

    fn tell_opinions(&mut self, now: Instant) {
        if self.opinions_pace.change(now) {
            self.say_opinions(false);
        }
    }

    fn say_opinions(&mut self, cleared: bool) {
        let totals = self.opinion_totals();
        self.tell_everybody(&ServerMessage::OpinionsChanged { totals, cleared });
    }

    pub(super) fn chat(
        &mut self,
        id: ParticipantId,
        audience: ChatAudience,
        typed: &Redacted<String>,
    ) -> Result<(), ErrorCode> {
        let text = text::accept(typed, MAX_TEXT_CHARS).ok_or(ErrorCode::Malformed)?;
        let message = ServerMessage::Chatted { participant: id, audience, text };
        match audience {
            ChatAudience::Everybody => self.tell_group_of(id, &message),
            ChatAudience::Moderators => {
                self.tell_moderators(&message);
                if self.participants.get(&id).is_some_and(|own| own.role == Role::Guest) {
                    self.tell(id, message);
                }
            }
        }
        Ok(())
    }

    pub(super) fn announce(
        &mut self,
        id: ParticipantId,
        typed: &Redacted<String>,
    ) -> Result<(), ErrorCode> {
        let text = text::accept(typed, MAX_TEXT_CHARS).ok_or(ErrorCode::Malformed)?;
        self.tell_everybody(&ServerMessage::Announced { participant: id, text });
        Ok(())
    }

    pub(super) fn open_poll(
        &mut self,
        now: Instant,
        question: &Redacted<String>,
        choices: &[Redacted<String>],
    ) -> Result<(), ErrorCode> {
        if self.poll.is_some() {
            return Err(ErrorCode::NotAllowed);
        }
        let poll = Poll::open(self.polls + 1, question, choices)?;
        self.polls += 1;
        self.poll = Some(poll);
        self.poll_pace.told(now);
        self.say_poll();
        Ok(())
    }

    pub(super) fn vote(
        &mut self,
        now: Instant,
        id: ParticipantId,
        number: u32,
        choice: u8,
    ) -> Result<(), ErrorCode> {
        let poll = self.poll.as_mut().ok_or(ErrorCode::NotThere)?;
        poll.vote(id, number, choice)?;
        if self.poll_pace.change(now) {
            self.say_poll();
        }
        Ok(())
    }

    pub(super) fn say_poll(&mut self) {
        if let Some(sealed) = &self.sealed_poll {
            let (poll, ballots) = (sealed.number(), sealed.count());
            return self.tell_everybody(&ServerMessage::MlsBallotsCounted { poll, ballots });
        }
        if let Some(poll) = self.poll.as_ref().map(Poll::info) {
            self.tell_everybody(&ServerMessage::PollChanged { poll });
        }
    }

    pub(super) fn close_poll(&mut self, closer: ParticipantId) -> Result<(), ErrorCode> {
        // The result says it all.
        self.poll_pace = Pace::default();
        if let Some(sealed) = self.sealed_poll.take() {
            return self.close_sealed_poll(closer, sealed);
        }
        let (poll, results) = self.poll.take().ok_or(ErrorCode::NotThere)?.close();
        self.tell_everybody(&ServerMessage::PollClosed { poll, results });
        Ok(())
    }

    pub(super) fn set_timer(
        &mut self,
        now: Instant,
        seconds: Option<u32>,
    ) -> Result<(), ErrorCode> {
        if seconds.is_some_and(|seconds| !(1..=MAX_TIMER_SECONDS).contains(&seconds)) {
            return Err(ErrorCode::Malformed);
        }
        self.timer_ends = seconds.map(|seconds| now + Duration::from_secs(seconds.into()));
        let timer_ms = self.timer_left(now);
        self.tell_everybody(&ServerMessage::TimerChanged { timer_ms });
        Ok(())
    }

    /// What is left of the timer, in milliseconds.
    pub(super) fn timer_left(&self, now: Instant) -> Option<u32> {
        let left = self.timer_ends?.saturating_duration_since(now);
        u32::try_from(left.as_millis()).ok()
    }

    pub(super) fn set_spotlight(
        &mut self,
        participant: Option<ParticipantId>,
    ) -> Result<(), ErrorCode> {
        if participant.is_some_and(|id| !self.participants.contains_key(&id)) {
            return Err(ErrorCode::NotThere);
        }
        if self.spotlight != participant {
            self.spotlight = participant;
            self.tell_everybody(&ServerMessage::SpotlightChanged { participant });
        }
        Ok(())
    }

    /// Takes down what somebody held up who is not here any more.
    pub(super) fn take_down(&mut self, now: Instant, id: ParticipantId, gone: &Participant) {
        if self.hands.contains(&id) {
            self.hands.retain(|hand| *hand != id);
            self.tell_hands(now);
        }
        if gone.opinion.is_some() {
            self.tell_opinions(now);
        }
        if self.spotlight == Some(id) {
            self.spotlight = None;
            self.tell_everybody(&ServerMessage::SpotlightChanged { participant: None });
        }
    }

    /// Tells everybody of somebody's group, themselves included.
    fn tell_group_of(&mut self, id: ParticipantId, message: &ServerMessage) {
        let Some(group) = self.participants.get(&id).map(|own| own.group) else { return };
        let near = self.participants.values().filter(|participant| participant.group == group);
        let sessions = near.filter_map(Participant::session);
        let told = sessions.map(|session| Output::Send { session, message: message.clone() });
        self.outputs.extend(told);
    }
}
