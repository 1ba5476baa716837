//! What the room holds about one of its participants, for their own eyes.

use std::time::Instant;

use protocol::{Known, ParticipantId};

use super::Room;
use crate::poll::Poll;
use crate::sealed_poll::SealedPollBox;

impl Room {
    /// All of it. Every field of the room and of the participant is named, so that a new one is shown
    /// here or is said to hold nothing about a person.
    pub(super) fn known(&self, now: Instant, id: ParticipantId) -> Option<Known> {
        let Self {
            participants,
            speakers,
            hands,
            spotlight,
            poll,
            sealed_poll,
            delivery,
            // Which session is whose, to be told apart from one's own.
            sessions: _,
            // Whoever waits is not asked here; whoever left is gone.
            lobby: _,
            gone: _,
            sent_home: _,
            config: _,
            idle_at: _,
            restarts_at: _,
            ended: _,
            arrivals: _,
            negotiations: _,
            hands_pace: _,
            opinions_pace: _,
            timer_ends: _,
            poll_pace: _,
            polls: _,
            consent,
            answers_told: _,
            answers_pace: _,
            outputs: _,
        } = self;
        let mut known = participants.get(&id)?.known(id, now);
        let place = hands.iter().position(|other| *other == id);
        known.hand = place.and_then(|place| u16::try_from(place + 1).ok());
        known.has_voted = poll.as_ref().is_some_and(|poll: &Poll| poll.has_ballot_of(id))
            || sealed_poll.as_ref().is_some_and(|poll: &SealedPollBox| poll.has_ballot_of(id));
        match &mut known.circle {
            Some(member) if self.is_encrypted() => delivery.note_known(id, member),
            _ => known.circle = None,
        }
        (known.recording_answer, known.recording_receipt) = consent.known(id);
        known.is_speaking = speakers.contains(&id);
        known.is_spotlit = *spotlight == Some(id);
        Some(known)
    }
}
