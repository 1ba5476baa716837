//! [`Participant`]: one person in the room, as the room sees them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use protocol::{
    ErrorCode, ParticipantId, ParticipantInfo, Quality, Redacted, RequestId, Role, ServerMessage,
    SlotRequest, TrackSource,
};

use crate::{Output, SessionId, Slot};

/// Most offers of one participant under way at once. A browser has one; a lower bound would make
/// a reload during a negotiation fail, a higher one lets a hostile page keep the worker busy.
const MAX_OFFERS: usize = 4;

/// One person in the room.
#[derive(Debug)]
pub(crate) struct Participant {
    pub(crate) display_name: Redacted<String>,
    pub(crate) role: Role,
    pub(crate) presence: Presence,
    /// Place in the order of arrival.
    pub(crate) arrival: u64,
    /// Sources that are on.
    pub(crate) active: BTreeSet<TrackSource>,
    /// How good their connection is.
    pub(crate) quality: Quality,
    /// Picture slots that the media plane holds back, by mid.
    pub(crate) paused_slots: Vec<String>,
    /// Picture slots that its browser cannot play, by `a=mid`.
    pub(crate) unplayable_slots: Vec<String>,
    /// Layers that somebody watches, by picture, where the page was told.
    pub(crate) layers_wanted: BTreeMap<TrackSource, Vec<String>>,
    /// True when the page was away when it was to hear that an offer is wanted.
    pub(crate) missed_offer_wanted: bool,
    /// Receive slots by mid; true for pictures.
    slots: BTreeMap<String, bool>,
    /// Offers the media plane has not answered yet, by negotiation.
    offers: BTreeMap<u64, (SessionId, RequestId)>,
}

/// Whether the participant's signaling lives. Exactly one of the two at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// On this session.
    Here(SessionId),
    /// Cut; removed at that instant unless resumed.
    Away(Instant),
}

impl Participant {
    pub(crate) fn new(
        display_name: Redacted<String>,
        role: Role,
        session: SessionId,
        arrival: u64,
    ) -> Self {
        Self {
            display_name,
            role,
            presence: Presence::Here(session),
            arrival,
            active: BTreeSet::new(),
            quality: Quality::Good,
            paused_slots: Vec::new(),
            unplayable_slots: Vec::new(),
            layers_wanted: BTreeMap::new(),
            missed_offer_wanted: false,
            slots: BTreeMap::new(),
            offers: BTreeMap::new(),
        }
    }

    pub(crate) fn session(&self) -> Option<SessionId> {
        match self.presence {
            Presence::Here(session) => Some(session),
            Presence::Away(_) => None,
        }
    }

    /// Word of the picture slots that are held back, to whoever is here.
    pub(crate) fn tell_paused_slots(&self) -> Option<Output> {
        let message = ServerMessage::SlotsPaused { mids: self.paused_slots.clone() };
        self.session().map(|session| Output::Send { session, message })
    }

    /// Word of the picture slots that its browser cannot play, to whoever is here.
    pub(crate) fn tell_unplayable_slots(&self) -> Option<Output> {
        let message = ServerMessage::SlotsUnplayable { mids: self.unplayable_slots.clone() };
        self.session().map(|session| Output::Send { session, message })
    }

    pub(crate) fn info(&self, participant: ParticipantId) -> ParticipantInfo {
        ParticipantInfo {
            participant,
            display_name: self.display_name.clone(),
            role: self.role,
            active: self.active.iter().copied().collect(),
            away: self.session().is_none(),
        }
    }

    /// Notes an offer under way; false when there are too many.
    pub(crate) fn begin_offer(
        &mut self,
        negotiation: u64,
        session: SessionId,
        request_id: RequestId,
    ) -> bool {
        let fits = self.offers.len() < MAX_OFFERS;
        if fits {
            self.offers.insert(negotiation, (session, request_id));
        }
        fits
    }

    /// Ends an offer under way; gives who asked.
    pub(crate) fn end_offer(&mut self, negotiation: u64) -> Option<(SessionId, RequestId)> {
        self.offers.remove(&negotiation)
    }

    /// Takes over the slots of an answer.
    pub(crate) fn replace_slots(&mut self, slots: Vec<Slot>) {
        self.slots = slots
            .into_iter()
            .take(protocol::MAX_SLOTS)
            .map(|slot| (slot.mid, slot.is_video))
            .collect();
    }

    /// Checks that each request names one slot once, and a track of the slot's kind.
    pub(crate) fn check_slots(&self, requests: &[SlotRequest]) -> Result<(), ErrorCode> {
        let mut named = BTreeSet::new();
        for request in requests {
            let is_video = self.slots.get(&request.mid).ok_or(ErrorCode::SlotUnknown)?;
            if request.track.is_some_and(|track| track.source.is_video() != *is_video) {
                return Err(ErrorCode::SlotUnknown);
            }
            if !named.insert(&request.mid) {
                return Err(ErrorCode::Malformed);
            }
        }
        Ok(())
    }
}
