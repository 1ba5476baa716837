//! [`Participant`]: one person in the room, as the room sees them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use protocol::{
    Delegation, ErrorCode, Known, KnownLayers, KnownSlot, MemberKey, Opinion, ParticipantId,
    ParticipantInfo, Quality, Redacted, RequestId, Rights, Role, ServerMessage, SlotRequest,
    TrackId, TrackSource, Verifier,
};

use crate::member::Member;
use crate::{Output, Rate, SessionId, Slot, TokenBucket};

/// Most offers of one participant under way at once. A browser has one; a lower bound would make
/// a reload during a negotiation fail, a higher one lets a hostile page keep the worker busy.
const MAX_OFFERS: usize = 4;

/// Lines, gestures and calls of one participant: more than anybody types or taps. Raised, one page
/// can make everybody else's busier.
const WORD_RATE: Rate = Rate { burst: 20, refill: Duration::from_millis(250) };

const NOTHING: Rights =
    Rights { microphone: false, camera: false, screen: false, chat: false, rename: false };

/// One person in the room.
#[derive(Debug)]
pub(crate) struct Participant {
    pub(crate) display_name: Redacted<String>,
    pub(crate) role: Role,
    /// The role of the link they hold, which a moderator cannot take from them.
    pub(crate) link_role: Role,
    /// What made them a moderator, where their link did not.
    pub(crate) delegation: Option<Delegation>,
    /// The personal link they came by.
    pub(crate) handle: Option<Redacted<Verifier>>,
    /// What they may do beyond the rules for all.
    pub(crate) granted: Rights,
    /// True when moderators alone see their camera.
    pub(crate) moderators_only: bool,
    /// The group they are in.
    pub(crate) group: Option<u8>,
    /// What they hold up.
    pub(crate) opinion: Option<Opinion>,
    /// What they may still say now that others get at once.
    pub(crate) words: TokenBucket,
    /// Encrypted rooms: what is held of them beside the circle.
    pub(crate) member: Member,
    pub(crate) presence: Presence,
    /// Place in the order of arrival.
    pub(crate) arrival: u64,
    /// Sources that are on.
    pub(crate) active: BTreeSet<TrackSource>,
    /// Sources that were stopped and that the page has not said to be off since: until then what it
    /// says is older than the stop.
    pub(crate) stopped: BTreeSet<TrackSource>,
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
    /// Receive slots by mid.
    slots: BTreeMap<String, Carrying>,
    /// Offers the media plane has not answered yet, by negotiation.
    offers: BTreeMap<u64, (SessionId, RequestId)>,
}

/// A receive slot.
#[derive(Debug)]
struct Carrying {
    is_video: bool,
    /// What it was last asked to carry. The media plane may carry less, never more.
    track: Option<TrackId>,
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
        now: Instant,
        display_name: Redacted<String>,
        role: Role,
        handle: Option<Redacted<Verifier>>,
        session: SessionId,
        arrival: u64,
        member_key: Option<MemberKey>,
    ) -> Self {
        Self {
            display_name,
            role,
            link_role: role,
            delegation: None,
            handle,
            granted: NOTHING,
            moderators_only: false,
            group: None,
            opinion: None,
            words: TokenBucket::new(WORD_RATE, now),
            member: Member::new(now, member_key),
            presence: Presence::Here(session),
            arrival,
            active: BTreeSet::new(),
            stopped: BTreeSet::new(),
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

    /// All that is held about them here, for their own eyes.
    pub(crate) fn known(&self, participant: ParticipantId, now: Instant) -> Known {
        let Self {
            display_name,
            role,
            link_role,
            delegation,
            handle,
            granted,
            moderators_only,
            group,
            opinion,
            words,
            member,
            // They are here, or nobody would ask.
            presence: _,
            arrival,
            active,
            stopped,
            quality,
            paused_slots,
            unplayable_slots,
            layers_wanted,
            missed_offer_wanted,
            slots,
            offers,
        } = self;
        let slot = |(mid, Carrying { is_video: _, track }): (&String, &Carrying)| KnownSlot {
            mid: mid.clone(),
            track: *track,
        };
        let layers = |(source, rids): (&TrackSource, &Vec<String>)| KnownLayers {
            source: *source,
            rids: rids.clone(),
        };
        Known {
            participant,
            display_name: display_name.clone(),
            role: *role,
            link_role: *link_role,
            delegation: *delegation,
            handle: *handle,
            granted: *granted,
            moderators_only: *moderators_only,
            group: *group,
            opinion: *opinion,
            hand: None,
            has_voted: false,
            recording_answer: None,
            recording_receipt: None,
            is_speaking: false,
            is_spotlit: false,
            words_left: words.left(now),
            circle: Some(member.known(now)),
            arrival: *arrival,
            active: active.iter().copied().collect(),
            stopped: stopped.iter().copied().collect(),
            quality: *quality,
            slots: slots.iter().map(slot).collect(),
            paused_slots: paused_slots.clone(),
            unplayable_slots: unplayable_slots.clone(),
            layers_wanted: layers_wanted.iter().map(layers).collect(),
            missed_offer_wanted: *missed_offer_wanted,
            offers: u16::try_from(offers.len()).unwrap_or(u16::MAX),
            link: None,
            address: None,
        }
    }

    /// What somebody in `role` is told of them.
    pub(crate) fn info(&self, participant: ParticipantId, viewer: Role) -> ParticipantInfo {
        let is_shown = |source: &TrackSource| self.is_shown_to(viewer, *source);
        ParticipantInfo {
            participant,
            display_name: self.display_name.clone(),
            role: self.role,
            active: self.active.iter().copied().filter(is_shown).collect(),
            away: self.session().is_none(),
            group: self.group,
            handle: self.handle.filter(|_| viewer == Role::Moderator),
            granted: (viewer == Role::Moderator).then_some(self.granted),
        }
    }

    /// Whether somebody in `role` may receive this source of theirs, and know that it is on.
    pub(crate) fn is_shown_to(&self, viewer: Role, source: TrackSource) -> bool {
        !(self.moderators_only && source == TrackSource::Camera && viewer == Role::Guest)
    }

    /// Whether a source of theirs may go to somebody in that group and role.
    pub(crate) fn reaches(&self, group: Option<u8>, role: Role, source: TrackSource) -> bool {
        self.group == group && self.is_shown_to(role, source)
    }

    /// What of theirs is for everybody in the room: all that may be recorded. A group is not everybody;
    /// those who are in none are the class.
    pub(crate) fn for_everybody(&self) -> Vec<TrackSource> {
        let is_for_all = |source: &TrackSource| self.reaches(None, Role::Guest, *source);
        TrackSource::ALL.into_iter().filter(is_for_all).collect()
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
        let mut before = std::mem::take(&mut self.slots);
        let carrying = |slot: Slot| {
            let track = before.remove(&slot.mid).and_then(|carrying| carrying.track);
            let is_video = slot.is_video;
            (
                slot.mid,
                Carrying { is_video, track: track.filter(|it| it.source.is_video() == is_video) },
            )
        };
        self.slots = slots.into_iter().take(protocol::MAX_SLOTS).map(carrying).collect();
    }

    /// Notes what slots carry from now on.
    pub(crate) fn carry(&mut self, requests: &[SlotRequest]) {
        for request in requests {
            if let Some(slot) = self.slots.get_mut(&request.mid) {
                slot.track = request.track;
            }
        }
    }

    /// Empties the slots whose track `may_receive` refuses; gives them.
    pub(crate) fn drop_tracks(
        &mut self,
        may_receive: impl Fn(TrackId) -> bool,
    ) -> Vec<SlotRequest> {
        let refused = |slot: &Carrying| slot.track.is_some_and(|track| !may_receive(track));
        let slots = self.slots.iter_mut().filter(|(_, slot)| refused(slot));
        let emptied = slots.map(|(mid, slot)| {
            slot.track = None;
            SlotRequest { mid: mid.clone(), track: None, max_height: None }
        });
        emptied.collect()
    }

    /// Everything the slots may carry now.
    #[cfg(test)]
    pub(crate) fn carried(&self) -> impl Iterator<Item = TrackId> {
        self.slots.values().filter_map(|slot| slot.track)
    }

    /// Checks that each request names one slot once, and a track of the slot's kind.
    pub(crate) fn check_slots(&self, requests: &[SlotRequest]) -> Result<(), ErrorCode> {
        let mut named = BTreeSet::new();
        for request in requests {
            let slot = self.slots.get(&request.mid).ok_or(ErrorCode::SlotUnknown)?;
            if request.track.is_some_and(|track| track.source.is_video() != slot.is_video) {
                return Err(ErrorCode::SlotUnknown);
            }
            if !named.insert(&request.mid) {
                return Err(ErrorCode::Malformed);
            }
        }
        Ok(())
    }
}
