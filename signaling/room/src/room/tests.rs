use protocol::{
    ClientMessage, Language, Profile, PublishedMid, Quality, RequestId, Role, SlotRequest, TrackId,
    TrackSource,
};

use super::*;
use crate::{Join, MediaAnswer, Resume, Slot, Welcome, rules_of};

const SECOND: Duration = Duration::from_secs(1);

/// A room with a clock, and what it put out since the last look.
pub(super) struct Scene {
    pub(super) room: Room,
    pub(super) now: Instant,
}

impl Scene {
    pub(super) fn new(max_participants: u16) -> Self {
        Self::of(Profile::Reunion, max_participants)
    }

    pub(super) fn of(profile: Profile, max_participants: u16) -> Self {
        let now = start();
        let rules = rules_of(profile, max_participants);
        let expires_at = Some(now + 3600 * SECOND);
        let config = RoomConfig { rules, link_generation: 0, recording_days: Some(30), expires_at };
        Self { room: Room::new(now, config), now }
    }

    pub(super) fn input(&mut self, input: Input) -> Vec<Output> {
        self.room.handle(self.now, input);
        self.drain()
    }

    fn drain(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.room.poll_output()).collect()
    }

    pub(super) fn wait(&mut self, time: Duration) -> Vec<Output> {
        self.now += time;
        self.room.handle_timeout(self.now);
        self.drain()
    }

    /// Joins as participant `n` on session `n`.
    pub(super) fn join(&mut self, n: u8) -> Vec<Output> {
        self.input(Input::Join(join(n)))
    }

    pub(super) fn say(&mut self, session: u64, message: ClientMessage) -> Vec<Output> {
        self.input(Input::Said { session: SessionId(session), message })
    }

    /// Gives the participant one sound slot `a` and one picture slot `v`.
    pub(super) fn negotiate(&mut self, n: u8) {
        let offer = ClientMessage::Offer {
            request_id: RequestId(0),
            sdp: String::new().into(),
            publish: vec![],
        };
        let outputs = self.say(n.into(), offer);
        let [Output::Media(MediaRequest::Negotiate { negotiation, .. })] = outputs[..] else {
            panic!("{outputs:?}");
        };
        let slots = [("a", false), ("v", true)];
        let slots = slots.map(|(mid, is_video)| Slot { mid: mid.to_owned(), is_video }).to_vec();
        let result = Ok(MediaAnswer { sdp: String::new().into(), slots });
        let outputs = self.input(Input::Negotiated { participant: id(n), negotiation, result });
        assert!(matches!(
            outputs[..],
            [Output::Send { message: ServerMessage::Answer { .. }, .. }]
        ));
    }
}

pub(super) fn id(n: u8) -> ParticipantId {
    ParticipantId::from_bytes([n; 8])
}

pub(super) fn join(n: u8) -> Join {
    Join {
        session: SessionId(n.into()),
        participant: id(n),
        role: Role::Guest,
        link_generation: Some(0),
        resume: None,
        delegation: None,
        handle: None,
        display_name: None,
        language: Language::Fr,
        member_key: None,
        sealed_name: None,
    }
}

pub(super) fn welcome(outputs: &[Output]) -> &Welcome {
    let welcome = |output: &'_ Output| matches!(output, Output::Welcome(_));
    match outputs.iter().find(|output| welcome(output)) {
        Some(Output::Welcome(welcome)) => welcome,
        other => panic!("no welcome but {other:?} in {outputs:?}"),
    }
}

pub(super) fn refused(outputs: &[Output]) -> ErrorCode {
    match outputs {
        [
            Output::Send {
                message: ServerMessage::Error { request_id: None, code, fatal }, ..
            },
            Output::End { .. },
        ] => {
            assert!(fatal);
            *code
        }
        other => panic!("{other:?}"),
    }
}

pub(super) fn answer(outputs: &[Output]) -> Result<(), ErrorCode> {
    let answer = |output: &Output| {
        let Output::Send { message, .. } = output else { return None };
        if let ServerMessage::Error { code, fatal: false, .. } = message {
            return Some(Err(*code));
        }
        matches!(message, ServerMessage::Done { .. }).then_some(Ok(()))
    };
    outputs.iter().find_map(answer).unwrap_or_else(|| panic!("no answer in {outputs:?}"))
}

pub(super) fn track(n: u8, source: TrackSource) -> Option<TrackId> {
    Some(TrackId { participant: id(n), source })
}

pub(super) fn subscribe(slots: &[(&str, Option<TrackId>)]) -> ClientMessage {
    let slot = |(mid, track): &(&str, Option<TrackId>)| SlotRequest {
        mid: (*mid).to_owned(),
        track: *track,
        max_height: None,
    };
    ClientMessage::Subscribe { request_id: RequestId(1), slots: slots.iter().map(slot).collect() }
}

pub(super) fn set_publishing(source: TrackSource, active: bool) -> ClientMessage {
    ClientMessage::SetPublishing { request_id: RequestId(2), source, active }
}

#[test]
fn a_join_gets_a_transport_a_welcome_and_is_told_to_the_others() {
    let mut scene = Scene::new(10);
    let outputs = scene.join(1);
    assert_eq!(outputs[0], Output::Media(MediaRequest::AddTransport { participant: id(1) }));
    assert_eq!(welcome(&outputs).display_name.expose(), "Invité 1");
    let outputs = scene.input(Input::Join(Join {
        display_name: Some(" Zoé ".to_owned().into()),
        role: Role::Moderator,
        ..join(2)
    }));
    let second = welcome(&outputs);
    assert_eq!((second.display_name.expose().as_str(), second.resumed), ("Zoé", false));
    assert_eq!(second.participants.len(), 1);
    let told = &outputs[2];
    let Output::Send { session, message: ServerMessage::ParticipantJoined { participant } } = told
    else {
        panic!("{told:?}");
    };
    assert_eq!((*session, participant.role), (SessionId(1), Role::Moderator));
    assert!(participant.active.is_empty(), "everything is off at join");
}

#[test]
fn neutral_names_are_unique_and_follow_the_page() {
    let mut scene = Scene::new(10);
    scene.join(1);
    scene.join(2);
    scene.say(1, ClientMessage::Leave {});
    let names = [(3, Language::En), (4, Language::Fr)].map(|(n, language)| {
        let outputs = scene.input(Input::Join(Join { language, ..join(n) }));
        welcome(&outputs).display_name.expose().clone()
    });
    assert_eq!(names, ["Guest 1", "Invité 3"]);
    let moderator = Join { role: Role::Moderator, ..join(5) };
    let outputs = scene.input(Input::Join(moderator));
    assert_eq!(welcome(&outputs).display_name.expose(), "Animation 4");
}

#[test]
fn a_full_room_refuses_until_somebody_leaves() {
    let mut scene = Scene::new(2);
    scene.join(1);
    scene.join(2);
    assert_eq!(refused(&scene.join(3)), ErrorCode::RoomFull);
    scene.say(1, ClientMessage::Leave {});
    assert_eq!(welcome(&scene.join(3)).participant, id(3));
}

#[test]
fn somebody_away_keeps_the_place_for_thirty_seconds() {
    let mut scene = Scene::new(1);
    scene.join(1);
    scene.input(Input::SessionLost { session: SessionId(1) });
    assert_eq!(refused(&scene.join(2)), ErrorCode::RoomFull);
    assert!(scene.wait(29 * SECOND).is_empty());
    let outputs = scene.wait(SECOND);
    assert_eq!(outputs, [Output::Media(MediaRequest::RemoveTransport { participant: id(1) })]);
    assert_eq!(welcome(&scene.join(3)).participant, id(3));
}

#[test]
fn a_resume_brings_the_same_participant_back_with_their_state() {
    let mut scene = Scene::new(10);
    scene.join(1);
    scene.join(2);
    scene.say(1, set_publishing(TrackSource::Microphone, true));
    scene.input(Input::SessionLost { session: SessionId(1) });
    scene.wait(10 * SECOND);
    let back = Join {
        session: SessionId(9),
        resume: Some(Resume { participant: id(1), admitted: true }),
        ..join(3)
    };
    let outputs = scene.input(Input::Join(back));
    assert!(matches!(
        outputs[0],
        Output::Send { message: ServerMessage::ParticipantAway { away: false, .. }, .. }
    ));
    let welcome = welcome(&outputs);
    assert_eq!((welcome.participant, welcome.resumed), (id(1), true));
    assert!(!outputs.iter().any(|output| matches!(output, Output::Media(_))), "media stays");
    let outputs = scene.join(4);
    let seen = &self::welcome(&outputs).participants[0];
    assert_eq!((seen.participant, &seen.active[..]), (id(1), &[TrackSource::Microphone][..]));
}

#[test]
fn a_second_page_replaces_the_first() {
    let mut scene = Scene::new(10);
    scene.join(1);
    let outputs = scene.input(Input::Join(Join {
        session: SessionId(9),
        resume: Some(Resume { participant: id(1), admitted: true }),
        ..join(2)
    }));
    let goodbye = ServerMessage::Goodbye { reason: GoodbyeReason::Replaced, note: None };
    assert_eq!(outputs[0], Output::Send { session: SessionId(1), message: goodbye });
    assert_eq!(outputs[1], Output::End { session: SessionId(1), cause: EndCause::Goodbye });
    assert!(welcome(&outputs).resumed);
    assert!(scene.input(Input::SessionLost { session: SessionId(1) }).is_empty());
    assert!(scene.say(1, ClientMessage::Ping {}).is_empty(), "the replaced page is not heard");
}

#[test]
fn a_token_brings_nobody_back_who_left_or_has_another_role() {
    let mut scene = Scene::new(10);
    scene.join(1);
    scene.join(2);
    scene.say(1, ClientMessage::Leave {});
    let outputs = scene.input(Input::Join(Join {
        resume: Some(Resume { participant: id(1), admitted: true }),
        ..join(3)
    }));
    assert_eq!((welcome(&outputs).participant, welcome(&outputs).resumed), (id(3), false));
    let other_role = Join {
        resume: Some(Resume { participant: id(2), admitted: true }),
        role: Role::Moderator,
        ..join(4)
    };
    let outputs = scene.input(Input::Join(other_role));
    assert_eq!((welcome(&outputs).participant, welcome(&outputs).resumed), (id(4), false));
}

#[test]
fn after_a_restart_a_token_gives_the_same_participant_with_new_media() {
    let mut scene = Scene::new(10);
    let outputs = scene.input(Input::Join(Join {
        resume: Some(Resume { participant: id(7), admitted: true }),
        ..join(1)
    }));
    assert_eq!(outputs[0], Output::Media(MediaRequest::AddTransport { participant: id(7) }));
    assert_eq!((welcome(&outputs).participant, welcome(&outputs).resumed), (id(7), false));
}

#[test]
fn leaving_says_goodbye_and_ends_the_media() {
    let mut scene = Scene::new(10);
    scene.join(1);
    scene.join(2);
    let outputs = scene.say(1, ClientMessage::Leave {});
    let goodbye = ServerMessage::Goodbye { reason: GoodbyeReason::Left, note: None };
    let left = ServerMessage::ParticipantLeft { participant: id(1) };
    assert_eq!(
        outputs,
        [
            Output::Send { session: SessionId(1), message: goodbye },
            Output::End { session: SessionId(1), cause: EndCause::Goodbye },
            Output::Media(MediaRequest::RemoveTransport { participant: id(1) }),
            Output::Send { session: SessionId(2), message: left },
        ]
    );
}

#[test]
fn only_a_change_of_a_source_is_told() {
    let mut scene = Scene::new(10);
    scene.join(1);
    scene.join(2);
    for (active, told) in [(true, 1), (true, 0), (false, 1), (false, 0)] {
        let outputs = scene.say(1, set_publishing(TrackSource::Camera, active));
        assert_eq!(answer(&outputs), Ok(()));
        let is_told = |output: &&Output| {
            let Output::Send { message, .. } = output else { return false };
            matches!(message, ServerMessage::TrackChanged { .. })
        };
        assert_eq!(outputs.iter().filter(is_told).count(), told);
    }
}

#[test]
fn a_subscription_must_name_a_negotiated_slot_and_somebody_else_here() {
    use TrackSource::{Camera, Microphone};
    let mut scene = Scene::new(10);
    scene.join(1);
    scene.join(2);
    let cases = [
        (subscribe(&[("v", track(2, Camera))]), Err(ErrorCode::SlotUnknown), false),
        (subscribe(&[("v", track(2, Camera)), ("a", track(2, Microphone))]), Ok(()), true),
        (subscribe(&[("v", None)]), Ok(()), true),
        (subscribe(&[]), Ok(()), true),
        (subscribe(&[("v", track(2, Microphone))]), Err(ErrorCode::SlotUnknown), true),
        (subscribe(&[("x", track(2, Camera))]), Err(ErrorCode::SlotUnknown), true),
        (subscribe(&[("v", None), ("v", None)]), Err(ErrorCode::Malformed), true),
        (subscribe(&[("v", track(3, Camera))]), Err(ErrorCode::TrackUnknown), true),
        (subscribe(&[("v", track(1, Camera))]), Err(ErrorCode::TrackUnknown), true),
    ];
    let mut negotiated = false;
    for (message, expected, after_offer) in cases {
        if after_offer && !std::mem::replace(&mut negotiated, true) {
            scene.negotiate(1);
        }
        let outputs = scene.say(1, message.clone());
        assert_eq!(answer(&outputs), expected, "{message:?}");
        let asked = outputs.iter().any(|output| matches!(output, Output::Media(_)));
        assert_eq!(asked, expected.is_ok(), "nothing of a refused request is applied");
    }
}

#[test]
fn an_answer_for_a_replaced_page_reaches_nobody() {
    let mut scene = Scene::new(10);
    scene.join(1);
    let offer = ClientMessage::Offer {
        request_id: RequestId(5),
        sdp: String::new().into(),
        publish: vec![PublishedMid { mid: "0".into(), source: TrackSource::Camera }],
    };
    scene.say(1, offer);
    scene.input(Input::Join(Join {
        session: SessionId(9),
        resume: Some(Resume { participant: id(1), admitted: true }),
        ..join(2)
    }));
    let result = Err(ErrorCode::OfferInvalid);
    let outputs = scene.input(Input::Negotiated { participant: id(1), negotiation: 1, result });
    assert!(outputs.is_empty(), "{outputs:?}");
}

#[test]
fn too_many_offers_at_once_are_refused_one_by_one() {
    let mut scene = Scene::new(10);
    scene.join(1);
    for n in 0..6 {
        let sdp = String::new().into();
        let offer = ClientMessage::Offer { request_id: RequestId(n), sdp, publish: vec![] };
        let outputs = scene.say(1, offer);
        let is_asked = matches!(outputs[..], [Output::Media(MediaRequest::Negotiate { .. })]);
        assert_eq!(is_asked, n < 4);
        if !is_asked {
            assert_eq!(answer(&outputs), Err(ErrorCode::Overloaded));
        }
    }
}

#[test]
fn a_rename_is_checked_and_told_to_everybody() {
    let mut scene = Scene::new(10);
    scene.join(1);
    scene.join(2);
    let rename = |name: &str| ClientMessage::Rename {
        request_id: RequestId(3),
        display_name: name.to_owned().into(),
    };
    assert_eq!(answer(&scene.say(1, rename("\u{202e}"))), Err(ErrorCode::NameInvalid));
    let outputs = scene.say(1, rename("  Ada  "));
    assert_eq!(answer(&outputs), Ok(()));
    let display_name = "Ada".to_owned().into();
    let message = ServerMessage::ParticipantRenamed { participant: id(1), display_name };
    for session in [SessionId(1), SessionId(2)] {
        assert!(outputs.contains(&Output::Send { session, message: message.clone() }));
    }
}

#[test]
fn a_bad_name_at_join_is_refused_and_leaves_no_trace() {
    let mut scene = Scene::new(10);
    let typed = Some("x".repeat(41).into());
    let outputs = scene.input(Input::Join(Join { display_name: typed, ..join(1) }));
    assert_eq!(refused(&outputs), ErrorCode::NameInvalid);
    assert_eq!(scene.room.participant_count(), 0);
}

#[test]
fn a_second_join_ends_that_session_only() {
    let mut scene = Scene::new(10);
    scene.join(1);
    scene.join(2);
    let again = ClientMessage::Join {
        protocol_version: protocol::PROTOCOL_VERSION,
        room: protocol::RoomSlug::from_bytes([0; 16]),
        proof: protocol::Proof::from_bytes([0; 32]).into(),
        resume: None,
        delegation: None,
        handle: None,
        display_name: None,
        language: None,
        member_key: None,
        sealed_name: None,
    };
    let outputs = scene.say(1, again);
    assert_eq!(refused(&outputs[..2]), ErrorCode::AlreadyJoined);
    assert!(matches!(
        outputs[2],
        Output::Send {
            session: SessionId(2),
            message: ServerMessage::ParticipantAway { away: true, .. }
        }
    ));
}

#[test]
fn speakers_are_told_to_everybody_and_to_whoever_comes_later() {
    let mut scene = Scene::new(10);
    scene.join(1);
    scene.join(2);
    let speakers = |outputs: &[Output]| -> Vec<(SessionId, Vec<ParticipantId>)> {
        let told = outputs.iter().filter_map(|output| {
            let Output::Send { session, message } = output else { return None };
            let ServerMessage::Speakers { participants } = message else { return None };
            Some((*session, participants.clone()))
        });
        told.collect()
    };
    let outputs = scene.input(Input::Speakers { participants: vec![id(2), id(1)] });
    let both = vec![id(2), id(1)];
    assert_eq!(speakers(&outputs), [(SessionId(1), both.clone()), (SessionId(2), both.clone())]);
    assert_eq!(speakers(&scene.join(3)), [(SessionId(3), both)]);
    scene.say(2, ClientMessage::Leave {});
    assert_eq!(speakers(&scene.join(4)), [(SessionId(4), vec![id(1)])], "who left is silent");
    scene.input(Input::Speakers { participants: vec![] });
    assert_eq!(speakers(&scene.join(5)), []);
}

#[test]
fn paused_and_unplayable_slots_are_told_to_their_participant_and_again_when_it_comes_back() {
    let mut scene = Scene::new(10);
    scene.join(1);
    scene.join(2);
    let mids = vec!["4".to_owned()];
    let inputs = [
        Input::SlotsPaused { participant: id(1), mids: mids.clone() },
        Input::SlotsUnplayable { participant: id(1), mids: mids.clone() },
    ];
    let said = |session: u64| {
        let mids = mids.clone();
        let messages = [
            ServerMessage::SlotsPaused { mids: mids.clone() },
            ServerMessage::SlotsUnplayable { mids },
        ];
        messages.map(|message| Output::Send { session: SessionId(session), message })
    };
    for (input, said) in inputs.clone().into_iter().zip(said(1)) {
        assert_eq!(scene.input(input), [said]);
    }
    scene.input(Input::SessionLost { session: SessionId(1) });
    for input in inputs {
        assert_eq!(scene.input(input), [], "nobody is there to hear it");
    }
    let back = Join {
        session: SessionId(3),
        resume: Some(Resume { participant: id(1), admitted: true }),
        ..join(3)
    };
    let heard = scene.input(Input::Join(back));
    assert!(said(3).iter().all(|said| heard.contains(said)));
}

#[test]
fn what_media_wants_of_a_page_reaches_it_or_waits_until_it_is_back() {
    let mut scene = Scene::new(10);
    scene.join(1);
    scene.join(2);
    let rids = vec!["l".to_owned()];
    let source = TrackSource::Camera;
    let wanted = Input::LayersWanted { participant: id(1), source, rids: rids.clone() };
    let message = ServerMessage::LayersWanted { source, rids };
    let told = |n, message| Output::Send { session: SessionId(n), message };
    assert_eq!(scene.input(wanted), [told(1, message.clone())], "nobody else's concern");
    scene.input(Input::SessionLost { session: SessionId(1) });
    assert_eq!(scene.input(Input::OfferWanted { participant: id(1) }), []);
    let back = Join {
        session: SessionId(3),
        resume: Some(Resume { participant: id(1), admitted: true }),
        ..join(9)
    };
    let outputs = scene.input(Input::Join(back));
    assert!(outputs.contains(&told(3, message)) && outputs.contains(&told(3, OFFER_WANTED)));
    assert_eq!(scene.input(Input::OfferWanted { participant: id(1) }), [told(3, OFFER_WANTED)]);
    assert_eq!(scene.input(Input::OfferWanted { participant: id(7) }), [], "gone meanwhile");
}

const OFFER_WANTED: ServerMessage = ServerMessage::OfferWanted {};

#[test]
fn a_poor_connection_is_passed_on_to_media() {
    let mut scene = Scene::new(10);
    scene.join(1);
    for saving in [true, false] {
        let say = ClientMessage::SetReception { request_id: RequestId(1), saving };
        let outputs = scene.say(1, say);
        assert_eq!(answer(&outputs), Ok(()));
        let request = MediaRequest::SetReception { participant: id(1), saving };
        assert!(outputs.contains(&Output::Media(request)));
    }
}

#[test]
fn qualities_are_told_to_everybody_and_those_not_good_to_whoever_comes_later() {
    let mut scene = Scene::new(10);
    scene.join(1);
    scene.join(2);
    let said = |session: u64, quality| Output::Send {
        session: SessionId(session),
        message: ServerMessage::QualityChanged { participant: id(1), quality },
    };
    let input = |quality| Input::QualityChanged { participant: id(1), quality };
    let outputs = scene.input(input(Quality::Poor));
    assert_eq!(outputs, [said(1, Quality::Poor), said(2, Quality::Poor)]);
    assert!(scene.join(3).contains(&said(3, Quality::Poor)));
    scene.input(input(Quality::Good));
    let outputs = scene.join(4);
    let is_quality = |output: &&Output| {
        matches!(output, Output::Send { message: ServerMessage::QualityChanged { .. }, .. })
    };
    assert_eq!(outputs.iter().find(is_quality), None);
}

#[test]
fn an_expired_room_says_goodbye_and_refuses_from_then_on() {
    let mut scene = Scene::new(10);
    scene.join(1);
    assert_eq!(scene.room.poll_timeout(), Some(scene.now + 3600 * SECOND));
    let outputs = scene.wait(3600 * SECOND);
    let goodbye = ServerMessage::Goodbye { reason: GoodbyeReason::RoomEnded, note: None };
    assert_eq!(outputs[0], Output::Send { session: SessionId(1), message: goodbye });
    assert_eq!(outputs.last(), Some(&Output::Ended));
    assert_eq!(refused(&scene.join(2)), ErrorCode::RoomEnded);
    assert_eq!(scene.room.poll_timeout(), None);
}

#[test]
fn an_empty_room_says_so_again_and_again_until_somebody_enters() {
    let mut scene = Scene::new(10);
    for _ in 0..3 {
        assert_eq!(scene.wait(Room::IDLE_AFTER), [Output::Idle]);
    }
    scene.join(1);
    assert!(scene.wait(Room::IDLE_AFTER).is_empty());
}

#[test]
fn a_media_fault_ends_sessions_with_a_cause_and_the_room_opens_again() {
    let mut scene = Scene::new(10);
    scene.join(1);
    scene.join(2);
    let outputs = scene.input(Input::MediaRefused { participant: id(1) });
    assert_eq!(refused(&outputs[..2]), ErrorCode::Overloaded);
    let outputs = scene.input(Input::MediaFailed);
    assert_eq!(refused(&outputs[..2]), ErrorCode::Internal);
    assert_eq!(scene.room.participant_count(), 0);
    assert_eq!(welcome(&scene.join(3)).participants, []);
}
