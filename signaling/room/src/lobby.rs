//! [`Lobby`]: who asks to be let in.

use std::collections::BTreeMap;
use std::time::Instant;

use protocol::{MemberKey, ParticipantId, Redacted, SealedName, WaitingInfo};

use crate::SessionId;
use crate::participant::Presence;

/// The people who wait. They know nothing of the room and have no media in it.
#[derive(Debug, Default)]
pub(crate) struct Lobby {
    waiting: BTreeMap<ParticipantId, Waiting>,
}

/// Somebody who waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) display_name: Redacted<String>,
    /// Encrypted rooms: their name, for those who hold the link.
    pub(crate) sealed_name: Option<Redacted<SealedName>>,
    /// Encrypted rooms: what an admission is for.
    pub(crate) member_key: Option<MemberKey>,
    pub(crate) presence: Presence,
    /// Place in the order of arrival.
    pub(crate) arrival: u64,
}

impl Lobby {
    /// Takes somebody in; false when it is full.
    pub(crate) fn enter(&mut self, id: ParticipantId, waiting: Waiting) -> bool {
        let fits = self.waiting.len() < MAX_WAITING;
        if fits {
            self.waiting.insert(id, waiting);
        }
        fits
    }

    pub(crate) fn find(&mut self, id: ParticipantId) -> Option<&mut Waiting> {
        self.waiting.get_mut(&id)
    }

    pub(crate) fn remove(&mut self, id: ParticipantId) -> Option<Waiting> {
        self.waiting.remove(&id)
    }

    /// Whose session this is.
    pub(crate) fn of_session(&self, session: SessionId) -> Option<ParticipantId> {
        let here = Presence::Here(session);
        self.waiting.iter().find(|(_, waiting)| waiting.presence == here).map(|(id, _)| *id)
    }

    /// Everybody, first come first.
    pub(crate) fn ids(&self) -> Vec<ParticipantId> {
        self.in_order().into_iter().map(|(id, _)| id).collect()
    }

    /// Everybody as moderators see them, first come first. Who is cut is not shown.
    pub(crate) fn infos(&self) -> Vec<WaitingInfo> {
        let is_here = |waiting: &Waiting| matches!(waiting.presence, Presence::Here(_));
        let here = self.in_order().into_iter().filter(|(_, waiting)| is_here(waiting));
        here.map(|(participant, waiting)| WaitingInfo {
            participant,
            display_name: waiting.display_name.clone(),
            sealed_name: waiting.sealed_name.clone(),
            member_key: waiting.member_key,
        })
        .collect()
    }

    /// Pseudonyms in use here.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Redacted<String>> + Clone {
        self.waiting.values().map(|waiting| &waiting.display_name)
    }

    /// Whose time to come back is over at `now`.
    pub(crate) fn overdue(&self, now: Instant) -> Vec<ParticipantId> {
        let is_over =
            |waiting: &Waiting| matches!(waiting.presence, Presence::Away(until) if until <= now);
        let over = self.waiting.iter().filter(|(_, waiting)| is_over(waiting));
        over.map(|(id, _)| *id).collect()
    }

    /// When somebody's time to come back is over.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let until = self.waiting.values().filter_map(|waiting| match waiting.presence {
            Presence::Here(_) => None,
            Presence::Away(until) => Some(until),
        });
        until.min()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn in_order(&self) -> Vec<(ParticipantId, &Waiting)> {
        let mut all: Vec<_> = self.waiting.iter().map(|(id, waiting)| (*id, waiting)).collect();
        all.sort_by_key(|(_, waiting)| waiting.arrival);
        all
    }
}

/// Most people who wait at once. More lets a flood of strangers fill the moderators' list; fewer
/// turns late pupils of a large class away.
pub(crate) const MAX_WAITING: usize = 200;
