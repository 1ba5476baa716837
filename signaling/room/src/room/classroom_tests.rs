//! Class life, rule by rule: who is let in, what moderators decide, what everybody hears of it.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use protocol::{
    ChatAudience, ClientMessage, GroupPlace, OpenRules, Opinion, OpinionTotals, Profile, Redacted,
    RequestId, Role, TrackSource, Verifier,
};

use super::tests::{Scene, answer, id, join, refused, set_publishing, subscribe, track, welcome};
use super::*;
use crate::{Change, Join, Resume};

const ASK: RequestId = RequestId(7);
const SECOND: Duration = Duration::from_secs(1);

/// A lesson with a teacher on session 1 and, let in, pupils on sessions 2 to `people`.
fn class(people: u8) -> Scene {
    let mut scene = Scene::of(Profile::Classe, 100);
    scene.input(Input::Join(Join { role: Role::Moderator, ..join(1) }));
    for n in 2..=people {
        scene.join(n);
    }
    scene.say(1, ClientMessage::Admit { request_id: ASK, participants: None });
    scene
}

fn text(text: &str) -> Redacted<String> {
    Redacted::new(text.to_owned())
}

/// Everything said to one session.
fn told(outputs: &[Output], session: u64) -> Vec<&ServerMessage> {
    let told = outputs.iter().filter_map(|output| match output {
        Output::Send { session: to, message } if to.0 == session => Some(message),
        _ => None,
    });
    told.collect()
}

fn rules(scene: &Scene, change: impl FnOnce(&mut OpenRules)) -> ClientMessage {
    let mut rules = scene.room.config.rules.open;
    change(&mut rules);
    ClientMessage::SetRules { request_id: ASK, rules }
}

fn places(places: &[(u8, Option<u8>)]) -> ClientMessage {
    let place = |(n, group): &(u8, _)| GroupPlace { participant: id(*n), group: *group };
    ClientMessage::SetGroups { request_id: ASK, places: places.iter().map(place).collect() }
}

#[test]
fn a_pupil_waits_and_hears_nothing_until_a_moderator_lets_them_in() {
    let mut scene = class(1);
    let outputs = scene.join(2);
    assert!(matches!(&outputs[0], Output::Wait(wait) if wait.participant == id(2)), "{outputs:?}");
    let ServerMessage::WaitingChanged { waiting } = told(&outputs, 1)[0] else { panic!() };
    assert_eq!(waiting[0].participant, id(2));
    assert_eq!(told(&scene.say(2, subscribe(&[])), 2).len(), 1, "nothing but a refusal");
    let chat = ClientMessage::Chat {
        request_id: ASK,
        audience: ChatAudience::Everybody,
        text: text("Bonjour"),
    };
    assert_eq!(told(&scene.say(1, chat), 2), Vec::<&ServerMessage>::new());
    let outputs =
        scene.say(1, ClientMessage::Admit { request_id: ASK, participants: Some(vec![id(2)]) });
    assert_eq!(welcome(&outputs).participant, id(2));
    assert_eq!(answer(&outputs), Ok(()));
    let again = ClientMessage::Admit { request_id: ASK, participants: Some(vec![id(2)]) };
    assert_eq!(answer(&scene.say(1, again)), Err(ErrorCode::NotThere));
}

#[test]
fn whoever_is_refused_is_told_why_and_their_token_is_dead() {
    let mut scene = class(1);
    scene.join(2);
    let reason = Some(text("  La classe est complète. "));
    let refuse = ClientMessage::RefuseEntry { request_id: ASK, participant: id(2), reason };
    let outputs = scene.say(1, refuse);
    let ServerMessage::Goodbye { reason, note } = told(&outputs, 2)[0] else { panic!() };
    assert_eq!(*reason, GoodbyeReason::EntryRefused);
    assert_eq!(note.as_ref().map(|note| note.expose().as_str()), Some("La classe est complète."));
    let resume = Some(Resume { participant: id(2), admitted: false });
    let outputs = scene.input(Input::Join(Join { resume, ..join(3) }));
    assert!(matches!(&outputs[0], Output::Wait(wait) if wait.participant == id(3)));
}

#[test]
fn a_place_in_the_lobby_survives_a_reload_and_not_more() {
    let mut scene = class(1);
    scene.join(2);
    scene.input(Input::SessionLost { session: SessionId(2) });
    assert_eq!(
        answer(&scene.say(1, ClientMessage::Admit { request_id: ASK, participants: None })),
        Ok(())
    );
    let resume = Some(Resume { participant: id(2), admitted: false });
    let outputs = scene.input(Input::Join(Join { session: SessionId(9), resume, ..join(3) }));
    assert!(matches!(&outputs[0], Output::Wait(wait) if wait.participant == id(2)));
    scene.input(Input::SessionLost { session: SessionId(9) });
    scene.wait(Room::RESUME_WINDOW);
    assert!(scene.room.lobby.is_empty());
}

#[test]
fn after_a_restart_those_who_were_in_come_back_and_those_who_waited_wait() {
    for (admitted, waits) in [(true, false), (false, true)] {
        let mut scene = Scene::of(Profile::Classe, 9);
        let resume = Some(Resume { participant: id(7), admitted });
        let outputs = scene.input(Input::Join(Join { resume, ..join(2) }));
        let is_wait = |output: &Output| matches!(output, Output::Wait(_));
        assert_eq!(outputs.iter().any(is_wait), waits, "admitted: {admitted}");
    }
}

#[test]
fn a_personal_link_needs_no_admission_and_moderators_alone_see_whose_it_is() {
    let mut scene = class(2);
    let verifier = Redacted::new(Verifier::from_bytes([5; 32]));
    let handle = Some(verifier);
    let outputs = scene.input(Input::Join(Join { handle, ..join(3) }));
    assert_eq!(welcome(&outputs).participant, id(3));
    let handle_told = |session| {
        let ServerMessage::ParticipantJoined { participant } = told(&outputs, session)[0] else {
            panic!()
        };
        participant.handle
    };
    assert_eq!((handle_told(1), handle_told(2)), (handle, None));
    let eject = ClientMessage::Eject { request_id: ASK, participant: id(3) };
    let outputs = scene.say(1, eject);
    let change = Change::HandleEnded(verifier);
    let kept = Output::Keep { session: SessionId(1), request_id: ASK, change };
    assert!(outputs.contains(&kept), "{outputs:?}");
}

#[test]
fn a_locked_room_lets_nobody_new_in_and_those_inside_come_back() {
    let mut scene = class(2);
    let lock = rules(&scene, |rules| rules.locked = true);
    scene.say(1, lock);
    assert_eq!(refused(&scene.join(3)), ErrorCode::RoomLocked);
    scene.input(Input::SessionLost { session: SessionId(2) });
    let resume = Some(Resume { participant: id(2), admitted: true });
    let outputs = scene.input(Input::Join(Join { session: SessionId(9), resume, ..join(4) }));
    assert!(welcome(&outputs).resumed);
    let moderator = Join { role: Role::Moderator, ..join(5) };
    assert_eq!(welcome(&scene.input(Input::Join(moderator))).participant, id(5));
}

#[test]
fn an_ejected_person_is_out_and_cannot_resume() {
    let mut scene = class(2);
    let outputs = scene.say(1, ClientMessage::Eject { request_id: ASK, participant: id(2) });
    let goodbye = ServerMessage::Goodbye { reason: GoodbyeReason::Ejected, note: None };
    assert!(told(&outputs, 2).contains(&&goodbye));
    assert_eq!(answer(&outputs), Ok(()));
    let resume = Some(Resume { participant: id(2), admitted: true });
    let outputs = scene.input(Input::Join(Join { resume, ..join(3) }));
    assert!(matches!(&outputs[0], Output::Wait(wait) if wait.participant == id(3)));
    let again = ClientMessage::Eject { request_id: ASK, participant: id(2) };
    assert_eq!(answer(&scene.say(1, again)), Err(ErrorCode::NotThere));
}

#[test]
fn whoever_was_made_a_moderator_and_ejects_themselves_is_simply_out() {
    let mut scene = class(2);
    let role = Role::Moderator;
    scene.say(1, ClientMessage::SetRole { request_id: ASK, participant: id(2), role });
    let outputs = scene.say(2, ClientMessage::Eject { request_id: ASK, participant: id(2) });
    let [ServerMessage::Goodbye { reason: GoodbyeReason::Ejected, .. }] = told(&outputs, 2)[..]
    else {
        panic!("{outputs:?}");
    };
    assert_eq!(told(&outputs, 1), [&ServerMessage::ParticipantLeft { participant: id(2) }]);
}

#[test]
fn stopping_a_source_tells_its_owner_and_the_others_and_turns_nothing_on() {
    let mut scene = class(3);
    for session in [2, 3] {
        scene.say(session, set_publishing(TrackSource::Microphone, true));
    }
    let mute = |participant| ClientMessage::StopSource {
        request_id: ASK,
        participant,
        source: TrackSource::Microphone,
    };
    let outputs = scene.say(1, mute(Some(id(2))));
    let stopped = ServerMessage::SourceStopped { source: TrackSource::Microphone };
    assert!(told(&outputs, 2).contains(&&stopped));
    let off = ServerMessage::TrackChanged {
        participant: id(2),
        source: TrackSource::Microphone,
        active: false,
    };
    assert!(told(&outputs, 3).contains(&&off));
    let outputs = scene.say(1, mute(None));
    assert!(
        told(&outputs, 3).contains(&&stopped)
            && told(&outputs, 2).contains(&&ServerMessage::TrackChanged {
                participant: id(3),
                source: TrackSource::Microphone,
                active: false,
            })
    );
    assert_eq!(answer(&scene.say(2, set_publishing(TrackSource::Microphone, true))), Ok(()));
}

#[test]
fn a_pupil_shares_a_screen_once_allowed_and_stops_when_not_any_more() {
    let mut scene = class(2);
    let share = || set_publishing(TrackSource::Screen, true);
    assert_eq!(answer(&scene.say(2, share())), Err(ErrorCode::NotAllowed));
    let grant = |granted| ClientMessage::Grant {
        request_id: ASK,
        participant: id(2),
        source: TrackSource::Screen,
        granted,
    };
    let outputs = scene.say(1, grant(true));
    let ServerMessage::RulesChanged { rights, .. } = told(&outputs, 2)[0] else { panic!() };
    assert!(rights.screen);
    assert_eq!(answer(&scene.say(2, share())), Ok(()));
    let outputs = scene.say(1, grant(false));
    let stopped = ServerMessage::SourceStopped { source: TrackSource::Screen };
    assert!(told(&outputs, 2).contains(&&stopped));
}

#[test]
fn a_rule_that_forbids_cameras_closes_those_of_pupils_and_leaves_the_teachers() {
    let mut scene = class(2);
    for session in [1, 2] {
        scene.say(session, set_publishing(TrackSource::Camera, true));
    }
    let forbid = rules(&scene, |rules| rules.guests.camera = false);
    let outputs = scene.say(1, forbid);
    let stopped = ServerMessage::SourceStopped { source: TrackSource::Camera };
    assert!(told(&outputs, 2).contains(&&stopped));
    assert!(!told(&outputs, 1).contains(&&stopped));
}

#[test]
fn in_a_room_of_voices_no_picture_is_negotiated_by_anybody() {
    let mut scene = Scene::of(Profile::Audio, 9);
    scene.input(Input::Join(Join { role: Role::Moderator, ..join(1) }));
    let publish = vec![protocol::PublishedMid { mid: "0".into(), source: TrackSource::Camera }];
    let offer = ClientMessage::Offer { request_id: ASK, sdp: String::new().into(), publish };
    assert_eq!(answer(&scene.say(1, offer)), Err(ErrorCode::NotAllowed));
}

#[test]
fn a_camera_for_the_teacher_alone_reaches_no_other_pupil() {
    let mut scene = class(3);
    for n in 1..=3 {
        scene.negotiate(n);
    }
    scene.say(2, set_publishing(TrackSource::Camera, true));
    let see = || subscribe(&[("v", track(2, TrackSource::Camera))]);
    for session in [1, 3] {
        assert_eq!(answer(&scene.say(session, see())), Ok(()));
    }
    let audience =
        |moderators_only| ClientMessage::SetAudience { request_id: ASK, moderators_only };
    let outputs = scene.say(2, audience(true));
    let emptied = outputs.iter().filter_map(|output| match output {
        Output::Media(MediaRequest::Subscribe { participant, slots }) => {
            Some((*participant, slots[0].track))
        }
        _ => None,
    });
    assert_eq!(emptied.collect::<Vec<_>>(), [(id(3), None)]);
    let change = |active| ServerMessage::TrackChanged {
        participant: id(2),
        source: TrackSource::Camera,
        active,
    };
    assert_eq!((told(&outputs, 1), told(&outputs, 3)), (vec![], vec![&change(false)]));
    assert_eq!(answer(&scene.say(3, see())), Err(ErrorCode::NotAllowed));
    let late = scene
        .input(Input::Join(Join { handle: Some(Verifier::from_bytes([1; 32]).into()), ..join(4) }));
    let of_two = welcome(&late).participants.iter().find(|other| other.participant == id(2));
    assert_eq!(of_two.map(|other| other.active.len()), Some(0));
    assert_eq!(told(&scene.say(2, audience(false)), 3), [&change(true)]);
}

#[test]
fn who_is_no_moderator_any_more_loses_what_moderators_alone_see() {
    let mut scene = class(3);
    for n in 1..=3 {
        scene.negotiate(n);
    }
    let role = |n, role| ClientMessage::SetRole { request_id: ASK, participant: id(n), role };
    assert_eq!(answer(&scene.say(1, role(3, Role::Moderator))), Ok(()));
    scene.say(2, ClientMessage::SetAudience { request_id: ASK, moderators_only: true });
    scene.say(2, set_publishing(TrackSource::Camera, true));
    let see = subscribe(&[("v", track(2, TrackSource::Camera))]);
    assert_eq!(answer(&scene.say(3, see)), Ok(()));
    assert_eq!(answer(&scene.say(3, role(2, Role::Moderator))), Err(ErrorCode::NotAllowed));
    let outputs = scene.say(1, role(3, Role::Guest));
    let is_emptied = |output: &Output| {
        matches!(output, Output::Media(MediaRequest::Subscribe { participant, slots })
            if *participant == id(3) && slots[0].track.is_none())
    };
    assert!(outputs.iter().any(is_emptied), "{outputs:?}");
    assert_eq!(answer(&scene.say(1, role(1, Role::Guest))), Err(ErrorCode::NotAllowed));
}

#[test]
fn hands_are_a_queue_in_the_order_they_were_raised() {
    let mut scene = class(4);
    for session in [3, 2, 4] {
        scene.say(session, ClientMessage::RaiseHand { request_id: ASK, raised: true });
    }
    assert_eq!(scene.room.hands, [id(3), id(2), id(4)]);
    let lower = |participant| ClientMessage::LowerHand { request_id: ASK, participant };
    assert_eq!(answer(&scene.say(2, lower(None))), Err(ErrorCode::NotAllowed));
    let outputs = scene.say(1, lower(Some(id(3))));
    let hands = vec![id(2), id(4)];
    assert!(told(&outputs, 4).contains(&&ServerMessage::HandsChanged { hands }));
    scene.say(4, ClientMessage::Leave {});
    assert_eq!(scene.room.hands, [id(2)]);
}

#[test]
fn counters_are_right_with_thirty() {
    let mut scene = class(31);
    for session in 2..=31_u64 {
        let opinion =
            [Opinion::Yes, Opinion::No, Opinion::Slower, Opinion::Faster][session as usize % 4];
        for opinion in [Some(Opinion::Yes), Some(opinion)] {
            scene.say(session, ClientMessage::SetOpinion { request_id: ASK, opinion });
        }
    }
    let wanted = OpinionTotals { yes: 7, no: 7, slower: 8, faster: 8 };
    assert_eq!(scene.room.opinion_totals(), wanted);
    let outputs = scene.say(1, ClientMessage::ClearOpinions { request_id: ASK });
    let totals = OpinionTotals::default();
    assert!(told(&outputs, 9).contains(&&ServerMessage::OpinionsChanged { totals, cleared: true }));
}

#[test]
fn words_to_the_moderators_reach_them_alone() {
    let mut scene = class(3);
    let chat = |audience, words: &str| ClientMessage::Chat {
        request_id: ASK,
        audience,
        text: text(words),
    };
    let outputs = scene.say(2, chat(ChatAudience::Moderators, "J’ai une question."));
    let heard = |session| {
        told(&outputs, session)
            .iter()
            .filter(|m| matches!(m, ServerMessage::Chatted { .. }))
            .count()
    };
    assert_eq!([1, 2, 3].map(heard), [1, 1, 0]);
    let forbid = rules(&scene, |rules| rules.guests.chat = false);
    scene.say(1, forbid);
    let outputs = scene.say(2, chat(ChatAudience::Everybody, "Bonjour"));
    assert_eq!(answer(&outputs), Err(ErrorCode::NotAllowed));
    let outputs = scene.say(2, chat(ChatAudience::Moderators, "Bonjour"));
    assert_eq!(answer(&outputs), Ok(()));
    let long = "é".repeat(protocol::MAX_TEXT_CHARS + 1);
    let outputs = scene.say(1, chat(ChatAudience::Everybody, &long));
    assert_eq!(answer(&outputs), Err(ErrorCode::Malformed));
}

#[test]
fn groups_neither_see_nor_hear_each_other_and_come_back() {
    let mut scene = class(5);
    for n in 1..=5 {
        scene.negotiate(n);
        scene.say(n.into(), set_publishing(TrackSource::Microphone, true));
    }
    let hear = |n| subscribe(&[("a", track(n, TrackSource::Microphone))]);
    assert_eq!(answer(&scene.say(2, hear(3))), Ok(()));
    assert_eq!(answer(&scene.say(4, hear(5))), Ok(()));
    let outputs = scene.say(1, places(&[(2, Some(0)), (3, Some(1)), (4, Some(1)), (5, Some(1))]));
    let cut = outputs.iter().filter_map(|output| match output {
        Output::Media(MediaRequest::Subscribe { participant, .. }) => Some(*participant),
        _ => None,
    });
    assert_eq!(cut.collect::<Vec<_>>(), [id(2)], "4 and 5 went together");
    assert_eq!(answer(&scene.say(2, hear(3))), Err(ErrorCode::NotAllowed));
    let raise = ClientMessage::RaiseHand { request_id: ASK, raised: true };
    let outputs = scene.say(3, raise);
    let hands = |session| {
        told(&outputs, session).iter().find_map(|message| match message {
            ServerMessage::HandsChanged { hands } => Some(hands.len()),
            _ => None,
        })
    };
    assert_eq!((hands(4), hands(2)), (Some(1), Some(0)));
    let outputs = scene.say(3, ClientMessage::CallHelp { request_id: ASK });
    assert!(told(&outputs, 1).contains(&&ServerMessage::HelpCalled { participant: id(3) }));
    let back: Vec<_> = (2..=5).map(|n| (n, None)).collect();
    assert_eq!(answer(&scene.say(1, places(&back))), Ok(()));
    assert_eq!(answer(&scene.say(2, hear(3))), Ok(()));
    assert_eq!(answer(&scene.say(1, places(&[(2, Some(30))]))), Err(ErrorCode::Malformed));
    assert_eq!(answer(&scene.say(2, places(&[(2, Some(0))]))), Err(ErrorCode::NotAllowed));
}

#[test]
fn a_page_that_comes_back_is_told_its_own_part() {
    let mut scene = class(3);
    scene.say(1, places(&[(2, Some(4))]));
    let (question, choices) = (text("Compris ?"), vec![text("oui"), text("non")]);
    scene.say(1, ClientMessage::OpenPoll { request_id: ASK, question, choices });
    scene.say(2, ClientMessage::Vote { request_id: ASK, poll: 1, choice: 0 });
    scene.say(2, ClientMessage::SetOpinion { request_id: ASK, opinion: Some(Opinion::Slower) });
    scene.say(2, ClientMessage::SetAudience { request_id: ASK, moderators_only: true });
    scene.input(Input::SessionLost { session: SessionId(2) });
    let resume = Some(Resume { participant: id(2), admitted: true });
    let outputs = scene.input(Input::Join(Join { session: SessionId(9), resume, ..join(4) }));
    let own = welcome(&outputs).own;
    assert_eq!((own.group, own.opinion), (Some(4), Some(Opinion::Slower)));
    assert!(own.moderators_only && own.has_voted);
    let other = Some(Resume { participant: id(3), admitted: true });
    scene.input(Input::SessionLost { session: SessionId(3) });
    let outputs =
        scene.input(Input::Join(Join { session: SessionId(10), resume: other, ..join(5) }));
    assert_eq!(welcome(&outputs).own, protocol::OwnState::default());
}

#[test]
fn of_two_moderators_who_replace_the_link_at_once_one_is_told_so() {
    let mut scene = class(1);
    scene.input(Input::Join(Join { role: Role::Moderator, ..join(2) }));
    let rotate = |n: u8| ClientMessage::RotateLink {
        request_id: ASK,
        guest_verifier: Verifier::from_bytes([n; 32]).into(),
        generation: 1,
    };
    let outputs = scene.say(1, rotate(8));
    assert!(told(&outputs, 2).contains(&&ServerMessage::LinkRotated { generation: 1 }));
    assert_eq!(answer(&scene.say(2, rotate(9))), Err(ErrorCode::NotThere));
}

#[test]
fn a_timer_runs_out_by_itself() {
    let mut scene = class(2);
    let outputs = scene.say(1, ClientMessage::SetTimer { request_id: ASK, seconds: Some(90) });
    let told_now = ServerMessage::TimerChanged { timer_ms: Some(90_000) };
    assert!(told(&outputs, 2).contains(&&told_now));
    scene.wait(60 * SECOND);
    let handle = Some(Verifier::from_bytes([1; 32]).into());
    let outputs = scene.input(Input::Join(Join { handle, ..join(3) }));
    assert_eq!(welcome(&outputs).state.timer_ms, Some(30_000));
    scene.wait(30 * SECOND);
    assert_eq!(scene.room.timer_ends, None);
    let endless = ClientMessage::SetTimer { request_id: ASK, seconds: Some(0) };
    assert_eq!(answer(&scene.say(1, endless)), Err(ErrorCode::Malformed));
}
