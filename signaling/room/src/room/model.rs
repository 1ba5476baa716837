//! Random sequences of inputs against a naive model: what every session was told must at any
//! time add up to the truth, nobody who is not in the room is told anything of it, nobody who is
//! no moderator moderates, and nothing but their own word turns a source of somebody on.

use std::collections::BTreeSet;

use proptest::prelude::*;
use protocol::{
    ClientMessage, GroupPlace, Language, OpinionTotals, ParticipantInfo, Profile, Quality,
    RecordingId, Redacted, TrackSource,
};

use self::step::{Step, populated, step};
use super::*;
use crate::{Action, Join, MediaAnswer, Resume, Slot, action_of, rules_of};

mod recording;
mod step;

const MAX_PARTICIPANTS: u16 = 4;

/// What one session believes, from what it was told alone.
#[derive(Debug)]
struct View {
    own: ParticipantId,
    group: Option<u8>,
    others: BTreeMap<ParticipantId, ParticipantInfo>,
    hands: Vec<ParticipantId>,
    opinions: OpinionTotals,
    spotlight: Option<ParticipantId>,
    poll: Option<(u32, u16)>,
    recording: Option<RecordingId>,
}

#[derive(Debug)]
struct World {
    room: Room,
    now: Instant,
    /// Ids and roles handed out so far; steps choose from them.
    ids: Vec<(ParticipantId, Role)>,
    sessions: u64,
    views: BTreeMap<SessionId, View>,
    /// Sessions that were told to wait and nothing since.
    waiting: BTreeSet<SessionId>,
    over: BTreeSet<SessionId>,
    transports: BTreeSet<ParticipantId>,
    /// Offers that the media plane has not answered.
    offers: Vec<(ParticipantId, u64)>,
    /// What the media plane was asked to bring to whom.
    carried: BTreeMap<(ParticipantId, String), TrackId>,
    recording: recording::Truth,
}

/// What this step may lead to.
#[derive(Default)]
struct Expected {
    /// Who asks to enter.
    asking: Option<SessionId>,
    /// Who turned on what, by their own word.
    turned_on: Option<(ParticipantId, TrackSource)>,
    /// True when whoever asks may wait at most.
    is_stranger: bool,
    /// Who is to hear a refusal, and nobody anything else.
    refused: Option<SessionId>,
}

impl World {
    fn new(profile: Profile) -> Self {
        let now = start();
        let rules = rules_of(profile, MAX_PARTICIPANTS);
        let expires_at = Some(now + Duration::from_secs(900));
        let config = RoomConfig { rules, link_generation: 0, recording_days: Some(30), expires_at };
        Self {
            room: Room::new(now, config),
            now,
            ids: vec![],
            sessions: 0,
            views: BTreeMap::new(),
            waiting: BTreeSet::new(),
            over: BTreeSet::new(),
            transports: BTreeSet::new(),
            offers: vec![],
            carried: BTreeMap::new(),
            recording: recording::Truth::default(),
        }
    }

    fn take(&mut self, step: Step) {
        let mut expected = Expected::default();
        let pick = |choice: usize, of: usize| (of > 0).then(|| choice % of);
        let input = match step {
            Step::Join { moderator, has_good_link, resume, name } => {
                self.sessions += 1;
                let participant = ParticipantId::from_bytes((self.sessions << 8).to_be_bytes());
                let role = if moderator { Role::Moderator } else { Role::Guest };
                let resume = resume.and_then(|(choice, admitted)| {
                    let participant = self.ids[pick(choice, self.ids.len())?].0;
                    Some(Resume { participant, admitted })
                });
                self.ids.push((participant, role));
                expected.asking = Some(SessionId(self.sessions));
                let was_in = resume.is_some_and(|it: Resume| {
                    it.admitted || self.room.participants.contains_key(&it.participant)
                });
                let open = self.room.config.rules.open;
                let is_here =
                    resume.is_some_and(|it| self.room.participants.contains_key(&it.participant));
                let must_wait = !was_in && (open.lobby || open.locked);
                let is_guest = role == Role::Guest;
                expected.is_stranger = is_guest && (must_wait || (!has_good_link && !is_here));
                Input::Join(Join {
                    session: SessionId(self.sessions),
                    participant,
                    role,
                    link_generation: has_good_link.then_some(self.room.config.link_generation),
                    resume,
                    delegation: None,
                    handle: None,
                    display_name: name.map(Redacted::new),
                    language: Language::Fr,
                    member_key: None,
                    sealed_name: None,
                })
            }
            Step::Lost(choice) => {
                let session = self.session(choice);
                if self.views.remove(&session).is_some() || self.waiting.remove(&session) {
                    self.over.insert(session);
                }
                Input::SessionLost { session }
            }
            Step::Said(choice, saying) => {
                let session = self.session(choice);
                let message = saying.message(&self.room, |who| self.somebody(who));
                if let Some(view) = self.views.get(&session) {
                    self.recording.said(session, &message);
                    if let ClientMessage::SetPublishing { source, active: true, .. } = &message {
                        expected.turned_on = Some((view.own, *source));
                    }
                    let own = &self.room.participants[&view.own];
                    let is_reserved = match action_of(&message) {
                        Some(Action::Moderate) => own.role == Role::Guest,
                        Some(Action::PassOn | Action::HandLinksOut | Action::Record) => {
                            own.link_role == Role::Guest
                        }
                        _ => false,
                    };
                    expected.refused = is_reserved.then_some(session);
                }
                Input::Said { session, message }
            }
            Step::Negotiated { who, negotiation, works } => {
                // An offer under way, or now and then one that nobody made.
                let asked = pick(who, self.offers.len()).map(|index| self.offers.remove(index));
                let nobody = (ParticipantId::from_bytes([0xff; 8]), negotiation);
                let (participant, negotiation) = asked.unwrap_or(nobody);
                let slots = [("a", false), ("v", true)]
                    .map(|(mid, is_video)| Slot { mid: mid.to_owned(), is_video });
                let answer = MediaAnswer { sdp: String::new().into(), slots: slots.to_vec() };
                let result = if works { Ok(answer) } else { Err(ErrorCode::OfferInvalid) };
                Input::Negotiated { participant, negotiation, result }
            }
            Step::MediaRefused(who) => {
                let Some(index) = pick(who, self.ids.len()) else { return };
                Input::MediaRefused { participant: self.ids[index].0 }
            }
            Step::Speakers(choices) => {
                let chosen = choices.into_iter().filter_map(|choice| pick(choice, self.ids.len()));
                Input::Speakers { participants: chosen.map(|index| self.ids[index].0).collect() }
            }
            Step::SlotsPaused(who, count) => {
                let Some(index) = pick(who, self.ids.len()) else { return };
                let mids = (0..count).map(|mid| mid.to_string()).collect();
                Input::SlotsPaused { participant: self.ids[index].0, mids }
            }
            Step::SlotsUnplayable(who, count) => {
                let Some(index) = pick(who, self.ids.len()) else { return };
                let mids = (0..count).map(|mid| mid.to_string()).collect();
                Input::SlotsUnplayable { participant: self.ids[index].0, mids }
            }
            Step::QualityChanged(who, which) => {
                let Some(index) = pick(who, self.ids.len()) else { return };
                let quality = [Quality::Good, Quality::Fair, Quality::Poor][usize::from(which)];
                Input::QualityChanged { participant: self.ids[index].0, quality }
            }
            Step::Recording(step) => {
                let id = self.somebody(step.who());
                let Some(input) = self.recording.input(step, id, &self.views) else { return };
                input
            }
            Step::MediaFailed => Input::MediaFailed,
            Step::Wait(seconds) => {
                self.now += Duration::from_secs(seconds);
                self.room.handle_timeout(self.now);
                self.look(&expected);
                let next = self.room.poll_timeout();
                assert!(next.is_none_or(|at| at > self.now), "a timer that is due did not fire");
                return;
            }
        };
        self.room.handle(self.now, input);
        self.look(&expected);
    }

    /// One of the sessions that live, or one that never did.
    fn session(&self, choice: usize) -> SessionId {
        let mut live: Vec<_> = self.views.keys().chain(&self.waiting).copied().collect();
        live.push(SessionId(u64::MAX));
        live[choice % live.len()]
    }

    /// Somebody who is here or waits, or left, or never came.
    fn somebody(&self, choice: usize) -> ParticipantId {
        let mut known: Vec<_> = self.room.participants.keys().copied().collect();
        known.extend(self.room.lobby.ids());
        known.extend(self.room.gone.back());
        known.push(ParticipantId::from_bytes([0xff; 8]));
        known[choice % known.len()]
    }

    /// Takes all outputs of one step in, and checks that views and truth agree.
    fn look(&mut self, expected: &Expected) {
        let mut count = 0;
        while let Some(output) = self.room.poll_output() {
            count += 1;
            if let Some(refused) = expected.refused {
                let is_refusal = matches!(
                    &output,
                    Output::Send {
                        session,
                        message: ServerMessage::Error { code: ErrorCode::NotAllowed, fatal: false, .. },
                    } if *session == refused
                );
                assert!(is_refusal && count == 1, "a guest moderates: {output:?}");
            }
            match output {
                Output::Welcome(welcome) => {
                    let session = welcome.session;
                    assert!(!expected.is_stranger, "let in by nobody");
                    let waited = self.waiting.remove(&session);
                    assert!(waited || Some(session) == expected.asking, "nobody asked for this");
                    let others = welcome.participants.into_iter().map(|p| (p.participant, p));
                    let view = View {
                        own: welcome.participant,
                        group: self.room.participants[&welcome.participant].group,
                        others: others.collect(),
                        hands: welcome.state.hands,
                        opinions: welcome.state.opinions,
                        spotlight: welcome.state.spotlight,
                        poll: welcome.state.poll.map(|poll| (poll.poll, poll.ballots)),
                        recording: welcome.state.recording.map(|info| info.recording),
                    };
                    self.views.insert(session, view);
                    self.ids.push((welcome.participant, welcome.role));
                }
                Output::Wait(wait) => {
                    assert_eq!(Some(wait.session), expected.asking, "nobody asked for this");
                    assert!(self.waiting.insert(wait.session));
                    self.ids.push((wait.participant, Role::Guest));
                }
                Output::Report { session, .. } => {
                    let id = self.room.sessions.get(&session).expect("a report of nobody");
                    assert_eq!(self.room.participants[id].role, Role::Moderator);
                }
                Output::CheckDelegation { session, request_id, participant, delegation } => {
                    assert_eq!(
                        self.link_role_of(session),
                        Some(Role::Moderator),
                        "passed on twice"
                    );
                    let is_good = delegation.expires_at > 0;
                    let result = is_good.then_some(()).ok_or(ErrorCode::DelegationInvalid);
                    let checked = Input::DelegationChecked {
                        session,
                        request_id,
                        participant,
                        delegation,
                        result,
                    };
                    self.room.handle(self.now, checked);
                }
                Output::Send { session, message } => {
                    assert!(!self.over.contains(&session), "{session:?} is over but told");
                    match self.views.get_mut(&session) {
                        Some(view) => view.learn(message, expected),
                        None => self.check_outsider(session, &message, expected),
                    }
                }
                Output::End { session, .. } => {
                    self.views.remove(&session);
                    self.waiting.remove(&session);
                    assert!(self.over.insert(session), "{session:?} ends twice");
                }
                Output::Media(request) => self.media(request, expected),
                Output::Recording(request) => self.recording.asked(request, &self.views),
                Output::Keep { session, .. } => {
                    let asked = self.views.contains_key(&session) || self.over.contains(&session);
                    assert!(asked, "a change that nobody asked for");
                }
                Output::Idle => assert!(self.transports.is_empty(), "idle with people in"),
                Output::Ended => assert!(self.transports.is_empty(), "ended with people in"),
            }
        }
        let people = usize::from(MAX_PARTICIPANTS);
        assert!(count <= people * (5 * people + 24) + 48, "{count} outputs of one step");
        self.compare();
    }

    fn link_role_of(&self, session: SessionId) -> Option<Role> {
        let id = self.room.sessions.get(&session)?;
        self.room.participants.get(id).map(|participant| participant.link_role)
    }

    /// Whoever is not in the room is refused, or waits and is told when that is over.
    fn check_outsider(&self, session: SessionId, message: &ServerMessage, expected: &Expected) {
        let is_waiting = self.waiting.contains(&session);
        assert!(is_waiting || Some(session) == expected.asking, "an outsider is told {message:?}");
        let is_end = matches!(
            message,
            ServerMessage::Error { fatal: true, .. }
                | ServerMessage::Goodbye { reason: GoodbyeReason::MeetingEnded, .. }
        );
        let is_for_waiting = matches!(
            message,
            ServerMessage::Error { .. } | ServerMessage::Goodbye { .. } | ServerMessage::Pong {}
        );
        let is_fine = is_end || (is_waiting && is_for_waiting);
        assert!(is_fine, "an outsider learns {message:?}");
    }

    fn media(&mut self, request: MediaRequest, expected: &Expected) {
        match request {
            MediaRequest::AddTransport { participant } => {
                assert!(self.transports.insert(participant), "a second transport");
            }
            MediaRequest::RemoveTransport { participant } => {
                assert!(self.transports.remove(&participant), "no such transport");
                self.carried.retain(|(owner, _), _| *owner != participant);
                self.recording.gates.remove(&participant);
            }
            MediaRequest::SetRecordable { participant, sources } => {
                assert!(self.transports.contains(&participant), "media of nobody");
                self.recording.gate(participant, sources);
            }
            MediaRequest::SetPublishing { participant, source, active } => {
                assert!(self.transports.contains(&participant), "media of nobody");
                let own_word = expected.turned_on == Some((participant, source));
                assert!(!active || own_word, "turned on by somebody else");
            }
            MediaRequest::Subscribe { participant, slots } => {
                assert!(self.transports.contains(&participant), "media of nobody");
                for slot in slots {
                    let at = (participant, slot.mid);
                    match slot.track {
                        Some(track) => self.carried.insert(at, track),
                        None => self.carried.remove(&at),
                    };
                }
            }
            MediaRequest::Negotiate { participant, negotiation, .. } => {
                assert!(self.transports.contains(&participant), "media of nobody");
                self.offers.push((participant, negotiation));
            }
            MediaRequest::SetEpochGate { .. } => panic!("the room is not encrypted"),
            MediaRequest::SetReception { participant, .. } => {
                assert!(self.transports.contains(&participant), "media of nobody");
            }
        }
    }

    fn compare(&self) {
        let people = &self.room.participants;
        self.recording.check(&self.views, |id, source| {
            let Some(own) = people.get(&id) else { return false };
            own.group.is_none() && !(own.moderators_only && source == TrackSource::Camera)
        });
        assert!(people.len() <= usize::from(MAX_PARTICIPANTS));
        assert_eq!(people.keys().copied().collect::<BTreeSet<_>>(), self.transports);
        let here: Vec<_> = people.values().filter_map(Participant::session).collect();
        assert_eq!(here.len(), self.views.len(), "each session is one participant's");
        for (session, view) in &self.views {
            assert_eq!(self.room.sessions.get(session), Some(&view.own));
            let own = &people[&view.own];
            assert!(own.session().is_some());
            let others = people.iter().filter(|(id, _)| **id != view.own);
            let others: BTreeMap<_, _> =
                others.map(|(id, p)| (*id, p.info(*id, own.role))).collect();
            assert_eq!(view.others, others, "what {session:?} was told is not the truth");
            if self.room.hands_pace.poll_timeout().is_none() {
                assert_eq!(view.hands, self.room.hands_of(own.group));
            }
            assert_eq!(view.group, own.group);
            if self.room.opinions_pace.poll_timeout().is_none() {
                assert_eq!(view.opinions, self.room.opinion_totals());
            }
            assert_eq!(view.spotlight, self.room.spotlight);
            assert_eq!(view.recording, self.recording.running, "{session:?} of a recording");
            let poll = self.room.poll.as_ref().map(|poll| poll.info());
            if self.room.poll_pace.poll_timeout().is_none() {
                assert_eq!(view.poll, poll.map(|poll| (poll.poll, poll.ballots)));
            }
        }
        for ((receiver, _), track) in &self.carried {
            let sender = people.get(&track.participant);
            assert!(
                sender.is_none() || self.room.may_receive(*receiver, *track),
                "{receiver:?} receives {track:?}"
            );
        }
        for (id, participant) in people {
            let is_delegate = participant.delegation.is_some();
            let holds_role = participant.link_role == Role::Moderator || is_delegate;
            assert_eq!(participant.role == Role::Moderator, holds_role, "{id:?}");
            let rights = self.room.rights(participant);
            let is_allowed = |source: &TrackSource| rights.allows(*source);
            assert!(participant.active.iter().all(is_allowed), "{id:?} sends against the rules");
            let carried = participant.carried().count();
            assert_eq!(self.carried.keys().filter(|(owner, _)| owner == id).count(), carried);
        }
        let inside = people.values().map(|p| &p.display_name);
        let names = inside.chain(self.room.lobby.names()).map(|name| name.expose().as_str());
        let numbers = names.filter_map(|name| {
            name.strip_prefix("Invité ").or_else(|| name.strip_prefix("Animation "))
        });
        let numbers: Vec<_> = numbers.collect();
        let distinct: BTreeSet<_> = numbers.iter().collect();
        assert_eq!(numbers.len(), distinct.len(), "two neutral names of one number");
    }
}

impl View {
    fn learn(&mut self, message: ServerMessage, expected: &Expected) {
        match message {
            ServerMessage::ParticipantJoined { participant } => {
                assert!(self.others.insert(participant.participant, participant).is_none());
            }
            ServerMessage::ParticipantLeft { participant } => {
                assert!(self.others.remove(&participant).is_some());
            }
            ServerMessage::ParticipantAway { participant, away } => {
                let known = self.others.get_mut(&participant).expect("away but unknown");
                assert_ne!(std::mem::replace(&mut known.away, away), away);
            }
            ServerMessage::ParticipantRenamed { participant, display_name } => {
                if participant != self.own {
                    let known = self.others.get_mut(&participant).expect("renamed but unknown");
                    known.display_name = display_name;
                }
            }
            ServerMessage::TrackChanged { participant, source, active } => {
                let known = self.others.get_mut(&participant).expect("track of nobody");
                if active && source != TrackSource::Camera {
                    assert_eq!(expected.turned_on, Some((participant, source)), "by nobody");
                }
                known.active.retain(|known| *known != source);
                known.active.extend(active.then_some(source));
                known.active.sort();
            }
            ServerMessage::Speakers { participants } => {
                let is_here = |id: &_| *id == self.own || self.others.contains_key(id);
                assert!(participants.iter().all(is_here), "somebody who is not here speaks");
            }
            ServerMessage::RoleChanged { participant, role, delegation } => {
                let is_own = participant == self.own;
                assert!(is_own || delegation.is_none(), "somebody else's delegation");
                if let Some(known) = self.others.get_mut(&participant) {
                    known.role = role;
                } else if is_own && role == Role::Guest {
                    // What moderators alone know is of no use to the page any more.
                    for known in self.others.values_mut() {
                        known.granted = None;
                    }
                }
            }
            ServerMessage::GrantedChanged { participant, granted } => {
                // Also told of oneself, to a moderator who was granted something as a guest.
                if let Some(known) = self.others.get_mut(&participant) {
                    known.granted = Some(granted);
                }
            }
            ServerMessage::GroupsChanged { places } => {
                for GroupPlace { participant, group } in places {
                    match self.others.get_mut(&participant) {
                        Some(known) => known.group = group,
                        None => {
                            assert_eq!(participant, self.own, "a place of nobody");
                            self.group = group;
                        }
                    }
                }
            }
            ServerMessage::HandsChanged { hands } => self.hands = hands,
            ServerMessage::OpinionsChanged { totals, .. } => self.opinions = totals,
            ServerMessage::SpotlightChanged { participant } => self.spotlight = participant,
            ServerMessage::PollChanged { poll } => self.poll = Some((poll.poll, poll.ballots)),
            ServerMessage::PollClosed { poll, results } => {
                let (open, ballots) = self.poll.take().expect("a poll was open");
                // The last of them may not have been told by number.
                assert!(open == poll && ballots <= results.iter().sum());
            }
            ServerMessage::Chatted { participant, .. }
            | ServerMessage::Reacted { participant, .. } => {
                let group = self.others.get(&participant).map(|other| other.group);
                let is_near = participant == self.own || group.is_some();
                assert!(is_near, "a word of nobody");
            }
            ServerMessage::RecordingChanged { recording, end } => {
                assert_ne!(recording.is_some(), end.is_some());
                self.recording = recording.map(|info| info.recording);
            }
            ServerMessage::Joined { .. } | ServerMessage::Waiting { .. } => {
                panic!("the room leaves this to its owner")
            }
            ServerMessage::MlsWanted { .. }
            | ServerMessage::MlsCommitted { .. }
            | ServerMessage::MlsWelcome { .. }
            | ServerMessage::MlsAllReady { .. }
            | ServerMessage::MlsLost { .. }
            | ServerMessage::MlsSaid { .. }
            | ServerMessage::MlsAdmissionAsked { .. }
            | ServerMessage::MlsAdmission { .. }
            | ServerMessage::MlsPollOpened { .. }
            | ServerMessage::MlsBallotsCounted { .. }
            | ServerMessage::MlsBallots { .. }
            | ServerMessage::MlsPollClosed { .. } => {
                panic!("the room is not encrypted")
            }
            ServerMessage::Answer { .. }
            | ServerMessage::LayersWanted { .. }
            | ServerMessage::OfferWanted {}
            | ServerMessage::Done { .. }
            | ServerMessage::Error { .. }
            | ServerMessage::SlotsPaused { .. }
            | ServerMessage::SlotsUnplayable { .. }
            | ServerMessage::QualityChanged { .. }
            | ServerMessage::WaitingChanged { .. }
            | ServerMessage::RulesChanged { .. }
            | ServerMessage::SourceStopped { .. }
            | ServerMessage::Invited { .. }
            | ServerMessage::LinkRotated { .. }
            | ServerMessage::TimerChanged { .. }
            | ServerMessage::RestartAnnounced { .. }
            | ServerMessage::Announced { .. }
            | ServerMessage::HelpCalled { .. }
            | ServerMessage::AnswersChanged { .. }
            | ServerMessage::RecordingAnswered { .. }
            | ServerMessage::Known { .. }
            | ServerMessage::Goodbye { .. }
            | ServerMessage::Pong {} => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn what_everybody_is_told_adds_up_to_the_truth(
        profile in prop::sample::select(Profile::ALL.to_vec()),
        is_populated in prop::bool::weighted(0.8),
        steps in prop::collection::vec(step(), 1..160),
    ) {
        let mut world = World::new(profile);
        let everybody = if is_populated { populated() } else { Vec::new() };
        for step in everybody.into_iter().chain(steps) {
            world.take(step);
        }
    }

    /// The same with a recording that runs, and answers and lines of all ages crossing.
    #[test]
    fn r17_r19_recorded_means_accepted_at_that_instant_whatever_crosses(
        steps in prop::collection::vec(recording::around(), 1..160),
    ) {
        let mut world = World::new(Profile::Reunion);
        for step in populated().into_iter().chain(recording::begun()).chain(steps) {
            world.take(step);
        }
    }
}
