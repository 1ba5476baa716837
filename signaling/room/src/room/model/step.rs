//! The random steps of the model, and the messages they are made of.

use proptest::prelude::*;
use protocol::{
    ChatAudience, ClientMessage, Delegation, GroupPlace, OpenRules, Opinion, Reaction, Redacted,
    Rights, SlotRequest, TrackSource,
};

use super::super::*;

/// One random step. Numbers choose among what exists, or did.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Join {
        moderator: bool,
        has_good_link: bool,
        resume: Option<(usize, bool)>,
        name: Option<String>,
    },
    Lost(usize),
    Said(usize, Saying),
    Negotiated {
        who: usize,
        negotiation: u64,
        works: bool,
    },
    MediaRefused(usize),
    Speakers(Vec<usize>),
    SlotsPaused(usize, u8),
    SlotsUnplayable(usize, u8),
    QualityChanged(usize, u8),
    Recording(super::recording::Step),
    MediaFailed,
    Wait(u64),
}

#[derive(Clone, Debug)]
pub(super) enum Saying {
    JoinAgain,
    Offer,
    Subscribe(usize, bool),
    SetPublishing(usize, bool),
    Rename(String),
    Leave,
    Ping,
    TakePart(usize, bool),
    Rules(bool, bool, u8),
    About(usize, usize),
    Moderate(usize, bool),
    Groups(Vec<(usize, Option<u8>)>),
    Record(usize, u8),
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let name =
        prop_oneof![Just(String::new()), "[a-c]{1,2}", "\\PC{0,50}", Just("\u{202e}".into())];
    let places = prop::collection::vec((0..20_usize, prop::option::of(0..2_u8)), 0..5);
    let saying = prop_oneof![
        1 => Just(Saying::JoinAgain),
        4 => Just(Saying::Offer),
        12 => (0..20_usize, any::<bool>()).prop_map(|(who, video)| Saying::Subscribe(who, video)),
        8 => (0..4_usize, any::<bool>()).prop_map(|(source, on)| Saying::SetPublishing(source, on)),
        3 => name.clone().prop_map(Saying::Rename),
        1 => Just(Saying::Leave),
        1 => Just(Saying::Ping),
        8 => (0..8_usize, any::<bool>()).prop_map(|(what, on)| Saying::TakePart(what, on)),
        4 => (any::<bool>(), any::<bool>(), any::<u8>())
            .prop_map(|(lobby, locked, bits)| Saying::Rules(lobby, locked, bits)),
        10 => (0..10_usize, 0..20_usize).prop_map(|(what, who)| Saying::About(what, who)),
        6 => (0..10_usize, any::<bool>()).prop_map(|(what, on)| Saying::Moderate(what, on)),
        4 => places.prop_map(Saying::Groups),
        16 => (0..10_usize, 0..3_u8).prop_map(|(what, which)| Saying::Record(what, which)),
    ];
    let resume = prop::option::of((0..20_usize, any::<bool>()));
    prop_oneof![
        8 => (any::<bool>(), prop::bool::weighted(0.8), resume, prop::option::of(name)).prop_map(
            |(moderator, has_good_link, resume, name)| {
                Step::Join { moderator, has_good_link, resume, name }
            },
        ),
        2 => (0..20_usize).prop_map(Step::Lost),
        60 => (0..20_usize, saying).prop_map(|(session, saying)| Step::Said(session, saying)),
        6 => (0..20_usize, 0..20_u64, prop::bool::weighted(0.8))
            .prop_map(|(who, negotiation, works)| Step::Negotiated { who, negotiation, works }),
        1 => (0..20_usize).prop_map(Step::MediaRefused),
        2 => prop::collection::vec(0..20_usize, 0..3).prop_map(Step::Speakers),
        2 => (0..20_usize, 0..3_u8).prop_map(|(who, count)| Step::SlotsPaused(who, count)),
        2 => (0..20_usize, 0..3_u8).prop_map(|(who, count)| Step::SlotsUnplayable(who, count)),
        2 => (0..20_usize, 0..3_u8).prop_map(|(who, which)| Step::QualityChanged(who, which)),
        12 => super::recording::step().prop_map(Step::Recording),
        1 => Just(Step::MediaFailed),
        5 => (0..60_u64).prop_map(Step::Wait),
    ]
}

/// Somebody changes who receives what.
pub(super) fn of_audience() -> impl Strategy<Value = Step> {
    let places = prop::collection::vec((0..4_usize, prop::option::of(0..2_u8)), 1..4);
    let saying = prop_oneof![
        any::<bool>().prop_map(|on| Saying::TakePart(6, on)),
        places.prop_map(Saying::Groups),
    ];
    (0..4_usize, saying).prop_map(|(session, saying)| Step::Said(session, saying))
}

/// A moderator and two guests who were let in, with slots and cameras.
pub(super) fn populated() -> Vec<Step> {
    let join = |moderator| Step::Join { moderator, has_good_link: true, resume: None, name: None };
    let mut steps = vec![join(true), join(false), join(false)];
    steps.push(Step::Said(0, Saying::About(0, 0)));
    for session in 0..3 {
        steps.push(Step::Said(session, Saying::Offer));
        steps.push(Step::Negotiated { who: 0, negotiation: 0, works: true });
        steps.push(Step::Said(session, Saying::SetPublishing(1, true)));
    }
    steps
}

impl Saying {
    /// The message, about somebody that `somebody` chooses by number.
    pub(super) fn message(
        self,
        room: &Room,
        somebody: impl Fn(usize) -> ParticipantId,
    ) -> ClientMessage {
        let request_id = RequestId(1);
        let id = somebody;
        let text = || Redacted::new("Bonjour".to_owned());
        match self {
            Self::JoinAgain => ClientMessage::Join {
                protocol_version: protocol::PROTOCOL_VERSION,
                room: protocol::RoomSlug::from_bytes([0; 16]),
                proof: protocol::Proof::from_bytes([0; 32]).into(),
                handle: None,
                resume: None,
                delegation: None,
                display_name: None,
                language: None,
                member_key: None,
                sealed_name: None,
            },
            Self::Offer => {
                ClientMessage::Offer { request_id, sdp: String::new().into(), publish: vec![] }
            }
            Self::Subscribe(who, video) => {
                let source = if video { TrackSource::Camera } else { TrackSource::Microphone };
                let mid = if video { "v" } else { "a" }.to_owned();
                let track = Some(TrackId { participant: id(who), source });
                let slots = vec![SlotRequest { mid, track, max_height: None }];
                ClientMessage::Subscribe { request_id, slots }
            }
            Self::SetPublishing(source, active) => {
                let source = TrackSource::ALL[source];
                ClientMessage::SetPublishing { request_id, source, active }
            }
            Self::Rename(name) => ClientMessage::Rename { request_id, display_name: name.into() },
            Self::Leave => ClientMessage::Leave {},
            Self::Ping => ClientMessage::Ping {},
            Self::TakePart(what, on) => match what {
                0 | 1 => ClientMessage::RaiseHand { request_id, raised: on },
                2 => ClientMessage::React { request_id, reaction: Reaction::Heart },
                3 => {
                    let opinion = if on { Some(Opinion::Slower) } else { None };
                    ClientMessage::SetOpinion { request_id, opinion }
                }
                4 => {
                    let audience =
                        if on { ChatAudience::Everybody } else { ChatAudience::Moderators };
                    ClientMessage::Chat { request_id, audience, text: text() }
                }
                5 => ClientMessage::Vote { request_id, poll: room.polls, choice: on.into() },
                6 => ClientMessage::SetAudience { request_id, moderators_only: on },
                _ => ClientMessage::CallHelp { request_id },
            },
            Self::Rules(lobby, locked, bits) => {
                let bit = |n: u8| bits >> n & 1 == 1;
                let [microphone, camera, screen, chat, rename] = [0, 1, 2, 3, 4].map(bit);
                let guests = Rights { microphone, camera, screen, chat, rename };
                let rules = OpenRules {
                    lobby,
                    locked,
                    guests_until: None,
                    minors: bits >> 5 & 1 == 1,
                    guests,
                };
                ClientMessage::SetRules { request_id, was: room.config.rules.open, rules }
            }
            Self::About(what, who) => {
                let participant = id(who);
                let source = TrackSource::ALL[who % 4];
                match what {
                    0 => {
                        ClientMessage::Admit { request_id, participants: None, admissions: vec![] }
                    }
                    1 => {
                        let participants = Some(vec![participant]);
                        ClientMessage::Admit { request_id, participants, admissions: vec![] }
                    }
                    2 => ClientMessage::RefuseEntry { request_id, participant, reason: None },
                    3 => ClientMessage::StopSource {
                        request_id,
                        participant: Some(participant),
                        source,
                    },
                    4 => ClientMessage::Grant { request_id, participant, source, granted: true },
                    5 => ClientMessage::Invite { request_id, participant, source },
                    6 => ClientMessage::Eject { request_id, participant },
                    7 => {
                        let signature = protocol::Signature::from_bytes([0; 64]).into();
                        let expires_at = u64::from(who % 4 > 0);
                        let delegation = Some(Delegation { expires_at, signature });
                        let role = Role::Moderator;
                        ClientMessage::SetRole { request_id, participant, role, delegation }
                    }
                    8 => {
                        let (role, delegation) = (Role::Guest, None);
                        ClientMessage::SetRole { request_id, participant, role, delegation }
                    }
                    _ => ClientMessage::SetSpotlight { request_id, participant: Some(participant) },
                }
            }
            Self::Moderate(what, on) => match what {
                0 => ClientMessage::StopSource {
                    request_id,
                    participant: None,
                    source: TrackSource::Microphone,
                },
                1 => ClientMessage::LowerHand { request_id, participant: None },
                2 => ClientMessage::ClearOpinions { request_id },
                3 => {
                    ClientMessage::SetTimer { request_id, seconds: if on { Some(5) } else { None } }
                }
                4 => {
                    let choices = vec![text(), text()];
                    ClientMessage::OpenPoll { request_id, question: text(), choices }
                }
                5 => ClientMessage::ClosePoll { request_id },
                6 => ClientMessage::Announce { request_id, text: text() },
                7 => ClientMessage::ReportIncident { request_id, sealed: text() },
                8 => ClientMessage::EndMeeting { request_id },
                _ => {
                    let guest_verifier = protocol::Verifier::from_bytes([3; 32]).into();
                    let generation = room.config.link_generation + u32::from(on);
                    ClientMessage::RotateLink { request_id, guest_verifier, generation }
                }
            },
            Self::Record(what, which) => super::recording::message(what, which),
            Self::Groups(places) => {
                let place = |(who, group)| GroupPlace { participant: id(who), group };
                let places = places.into_iter().map(place).collect();
                ClientMessage::SetGroups { request_id, places }
            }
        }
    }
}
