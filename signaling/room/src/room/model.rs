//! Random sequences of inputs against a naive model: what every session was told must at any
//! time add up to the truth, and nobody who is not in the room is told anything.

use std::collections::BTreeSet;

use proptest::prelude::*;
use protocol::{Language, ParticipantInfo, Role, TrackId};

use super::*;
use crate::Slot;

const MAX_PARTICIPANTS: u16 = 4;

/// One random step. Numbers choose among what exists, or did.
#[derive(Clone, Debug)]
enum Step {
    Join { moderator: bool, resume: Option<usize>, name: Option<String> },
    Lost(usize),
    Said(usize, Saying),
    Negotiated { who: usize, negotiation: u64, works: bool },
    MediaRefused(usize),
    Speakers(Vec<usize>),
    SlotsPaused(usize, u8),
    SlotsUnplayable(usize, u8),
    QualityChanged(usize, u8),
    MediaFailed,
    Wait(u64),
}

#[derive(Clone, Debug)]
enum Saying {
    JoinAgain,
    Offer,
    Subscribe(usize, bool),
    SetPublishing(usize, bool),
    Rename(String),
    Leave,
    Ping,
}

fn step() -> impl Strategy<Value = Step> {
    let name =
        prop_oneof![Just(String::new()), "[a-c]{1,2}", "\\PC{0,50}", Just("\u{202e}".into())];
    let saying = prop_oneof![
        1 => Just(Saying::JoinAgain),
        4 => Just(Saying::Offer),
        4 => (0..20_usize, any::<bool>()).prop_map(|(who, video)| Saying::Subscribe(who, video)),
        8 => (0..4_usize, any::<bool>()).prop_map(|(source, on)| Saying::SetPublishing(source, on)),
        4 => name.clone().prop_map(Saying::Rename),
        2 => Just(Saying::Leave),
        1 => Just(Saying::Ping),
    ];
    prop_oneof![
        8 => (any::<bool>(), prop::option::of(0..20_usize), prop::option::of(name))
            .prop_map(|(moderator, resume, name)| Step::Join { moderator, resume, name }),
        4 => (0..20_usize).prop_map(Step::Lost),
        20 => (0..20_usize, saying).prop_map(|(session, saying)| Step::Said(session, saying)),
        3 => (0..20_usize, 0..20_u64, any::<bool>())
            .prop_map(|(who, negotiation, works)| Step::Negotiated { who, negotiation, works }),
        1 => (0..20_usize).prop_map(Step::MediaRefused),
        2 => prop::collection::vec(0..20_usize, 0..3).prop_map(Step::Speakers),
        2 => (0..20_usize, 0..3_u8).prop_map(|(who, count)| Step::SlotsPaused(who, count)),
        2 => (0..20_usize, 0..3_u8).prop_map(|(who, count)| Step::SlotsUnplayable(who, count)),
        2 => (0..20_usize, 0..3_u8).prop_map(|(who, which)| Step::QualityChanged(who, which)),
        1 => Just(Step::MediaFailed),
        5 => (0..60_u64).prop_map(Step::Wait),
    ]
}

/// What one session believes, from what it was told alone.
#[derive(Debug)]
struct View {
    own: ParticipantId,
    others: BTreeMap<ParticipantId, ParticipantInfo>,
}

#[derive(Debug)]
struct World {
    room: Room,
    now: Instant,
    /// Ids and roles handed out so far; steps choose from them.
    ids: Vec<(ParticipantId, Role)>,
    sessions: u64,
    views: BTreeMap<SessionId, View>,
    over: BTreeSet<SessionId>,
    transports: BTreeSet<ParticipantId>,
}

impl World {
    fn new() -> Self {
        let now = super::tests::start();
        let rules = RoomRules { max_participants: MAX_PARTICIPANTS };
        let config = RoomConfig { rules, expires_at: Some(now + Duration::from_secs(900)) };
        Self {
            room: Room::new(now, config),
            now,
            ids: vec![],
            sessions: 0,
            views: BTreeMap::new(),
            over: BTreeSet::new(),
            transports: BTreeSet::new(),
        }
    }

    fn take(&mut self, step: Step) {
        let mut asking = None;
        let mut turned_on = None;
        let pick = |choice: usize, of: usize| (of > 0).then(|| choice % of);
        let input = match step {
            Step::Join { moderator, resume, name } => {
                self.sessions += 1;
                let participant = ParticipantId::from_bytes(self.sessions.to_be_bytes());
                let role = if moderator { Role::Moderator } else { Role::Guest };
                let resume = resume.and_then(|choice| pick(choice, self.ids.len()));
                let resume = resume.map(|index| self.ids[index].0);
                self.ids.push((participant, role));
                asking = Some(SessionId(self.sessions));
                Input::Join(Join {
                    session: SessionId(self.sessions),
                    participant,
                    role,
                    resume,
                    display_name: name.map(Redacted::new),
                    language: Language::Fr,
                })
            }
            Step::Lost(choice) => {
                let session = SessionId(choice as u64);
                if self.views.remove(&session).is_some() {
                    self.over.insert(session);
                }
                Input::SessionLost { session }
            }
            Step::Said(choice, saying) => {
                let session = SessionId(choice as u64);
                if let (Some(view), Saying::SetPublishing(source, true)) =
                    (self.views.get(&session), &saying)
                {
                    turned_on = Some((view.own, TrackSource::ALL[*source]));
                }
                Input::Said { session, message: self.message(saying) }
            }
            Step::Negotiated { who, negotiation, works } => {
                let Some(index) = pick(who, self.ids.len()) else { return };
                let slots = [("a", false), ("v", true)]
                    .map(|(mid, is_video)| Slot { mid: mid.to_owned(), is_video });
                let answer = MediaAnswer { sdp: String::new().into(), slots: slots.to_vec() };
                let result = if works { Ok(answer) } else { Err(ErrorCode::OfferInvalid) };
                Input::Negotiated { participant: self.ids[index].0, negotiation, result }
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
            Step::MediaFailed => Input::MediaFailed,
            Step::Wait(seconds) => {
                self.now += Duration::from_secs(seconds);
                self.room.handle_timeout(self.now);
                self.look(None, None);
                let next = self.room.poll_timeout();
                assert!(next.is_none_or(|at| at > self.now), "a timer that is due did not fire");
                return;
            }
        };
        self.room.handle(self.now, input);
        self.look(asking, turned_on);
    }

    fn message(&self, saying: Saying) -> ClientMessage {
        let request_id = RequestId(1);
        match saying {
            Saying::JoinAgain => ClientMessage::Join {
                protocol_version: 1,
                room: protocol::RoomSlug::from_bytes([0; 16]),
                proof: protocol::Proof::from_bytes([0; 32]).into(),
                resume: None,
                display_name: None,
                language: None,
            },
            Saying::Offer => {
                ClientMessage::Offer { request_id, sdp: String::new().into(), publish: vec![] }
            }
            Saying::Subscribe(who, video) => {
                let source = if video { TrackSource::Camera } else { TrackSource::Microphone };
                let participant = ParticipantId::from_bytes((who as u64).to_be_bytes());
                let mid = if video { "v" } else { "a" }.to_owned();
                let track = Some(TrackId { participant, source });
                let slots = vec![SlotRequest { mid, track, max_height: None }];
                ClientMessage::Subscribe { request_id, slots }
            }
            Saying::SetPublishing(source, active) => {
                let source = TrackSource::ALL[source];
                ClientMessage::SetPublishing { request_id, source, active }
            }
            Saying::Rename(name) => ClientMessage::Rename { request_id, display_name: name.into() },
            Saying::Leave => ClientMessage::Leave {},
            Saying::Ping => ClientMessage::Ping {},
        }
    }

    /// Takes all outputs of one step in, and checks that views and truth agree.
    fn look(&mut self, asking: Option<SessionId>, turned_on: Option<(ParticipantId, TrackSource)>) {
        let mut count = 0;
        while let Some(output) = self.room.poll_output() {
            count += 1;
            match output {
                Output::Welcome(welcome) => {
                    assert_eq!(Some(welcome.session), asking, "a welcome nobody asked for");
                    let others = welcome.participants.into_iter().map(|p| (p.participant, p));
                    let view = View { own: welcome.participant, others: others.collect() };
                    self.views.insert(welcome.session, view);
                    self.ids.push((welcome.participant, welcome.role));
                }
                Output::Send { session, message } => {
                    assert!(!self.over.contains(&session), "{session:?} is over but told");
                    match self.views.get_mut(&session) {
                        Some(view) => view.learn(message, turned_on),
                        None => {
                            assert_eq!(Some(session), asking, "an outsider is told {message:?}");
                            let is_refusal =
                                matches!(message, ServerMessage::Error { fatal: true, .. });
                            assert!(is_refusal, "an outsider learns {message:?}");
                        }
                    }
                }
                Output::End { session, .. } => {
                    self.views.remove(&session);
                    assert!(self.over.insert(session), "{session:?} ends twice");
                }
                Output::Media(MediaRequest::AddTransport { participant }) => {
                    assert!(self.transports.insert(participant), "a second transport");
                }
                Output::Media(MediaRequest::RemoveTransport { participant }) => {
                    assert!(self.transports.remove(&participant), "no such transport");
                }
                Output::Media(
                    MediaRequest::Negotiate { participant, .. }
                    | MediaRequest::SetPublishing { participant, .. }
                    | MediaRequest::SetReception { participant, .. }
                    | MediaRequest::Subscribe { participant, .. },
                ) => assert!(self.transports.contains(&participant), "media of nobody"),
                Output::Idle => assert!(self.transports.is_empty(), "idle with people in"),
                Output::Ended => assert!(self.transports.is_empty(), "ended with people in"),
            }
        }
        let people = usize::from(MAX_PARTICIPANTS);
        assert!(count <= people * (people + 3) + 2, "{count} outputs of one step");
        self.compare();
    }

    fn compare(&self) {
        let truth: BTreeMap<_, _> =
            self.room.participants.iter().map(|(id, p)| (*id, p.info(*id))).collect();
        assert!(truth.len() <= usize::from(MAX_PARTICIPANTS));
        assert_eq!(truth.keys().copied().collect::<BTreeSet<_>>(), self.transports);
        let here: Vec<_> =
            self.room.participants.values().filter_map(Participant::session).collect();
        assert_eq!(here.len(), self.views.len(), "each session is one participant's");
        for (session, view) in &self.views {
            assert_eq!(self.room.sessions.get(session), Some(&view.own));
            let mut others = truth.clone();
            assert!(others.remove(&view.own).is_some_and(|own| !own.away));
            assert_eq!(view.others, others, "what {session:?} was told is not the truth");
        }
        let names: BTreeSet<_> = truth.values().map(|p| p.display_name.expose()).collect();
        let neutral = |name: &&&String| name.starts_with("Invité ");
        let given = truth.values().map(|p| p.display_name.expose());
        assert_eq!(
            given.filter(|name| neutral(&name)).count(),
            names.iter().filter(neutral).count()
        );
    }
}

impl View {
    fn learn(&mut self, message: ServerMessage, turned_on: Option<(ParticipantId, TrackSource)>) {
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
                if active {
                    assert_eq!(turned_on, Some((participant, source)), "turned on by nobody");
                }
                let known = self.others.get_mut(&participant).expect("track of nobody");
                known.active.retain(|known| *known != source);
                known.active.extend(active.then_some(source));
                known.active.sort();
            }
            ServerMessage::Speakers { participants } => {
                let is_here = |id: &_| *id == self.own || self.others.contains_key(id);
                assert!(participants.iter().all(is_here), "somebody who is not here speaks");
            }
            ServerMessage::Joined { .. } => panic!("the room leaves `joined` to its owner"),
            ServerMessage::Answer { .. }
            | ServerMessage::LayersWanted { .. }
            | ServerMessage::OfferWanted {}
            | ServerMessage::Done { .. }
            | ServerMessage::Error { .. }
            | ServerMessage::SlotsPaused { .. }
            | ServerMessage::SlotsUnplayable { .. }
            | ServerMessage::QualityChanged { .. }
            | ServerMessage::Goodbye { .. }
            | ServerMessage::Pong {} => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn what_everybody_is_told_adds_up_to_the_truth(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
        }
    }
}
