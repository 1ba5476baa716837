//! Class life, rule by rule: who is let in, what moderators decide, what everybody hears of it.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use protocol::{
    ChatAudience, ClientMessage, Delegation, GroupPlace, OpenRules, Opinion, OpinionTotals,
    Profile, Redacted, RequestId, Role, TrackSource, Verifier,
};

use super::tests::{Scene, answer, id, join, set_publishing, subscribe, track, welcome};
use super::*;
use crate::{Change, Join, Resume, Wait};

/// Lets in who waits, or everybody.
pub(super) fn admit(
    request_id: RequestId,
    participants: Option<Vec<ParticipantId>>,
) -> ClientMessage {
    ClientMessage::Admit { request_id, participants, admissions: vec![] }
}

pub(super) const ASK: RequestId = RequestId(7);
const SECOND: Duration = Duration::from_secs(1);

/// A lesson with a teacher on session 1 and, let in, pupils on sessions 2 to `people`.
pub(super) fn class(people: u8) -> Scene {
    let mut scene = Scene::of(Profile::Classe, 100);
    scene.input(Input::Join(Join { role: Role::Moderator, ..join(1) }));
    for n in 2..=people {
        scene.join(n);
    }
    scene.say(1, admit(ASK, None));
    scene
}

pub(super) fn text(text: &str) -> Redacted<String> {
    Redacted::new(text.to_owned())
}

/// Everything said to one session.
pub(super) fn told(outputs: &[Output], session: u64) -> Vec<&ServerMessage> {
    let told = outputs.iter().filter_map(|output| match output {
        Output::Send { session: to, message } if to.0 == session => Some(message),
        _ => None,
    });
    told.collect()
}

/// What is to be kept across restarts.
pub(super) fn kept(outputs: &[Output]) -> Vec<&Change> {
    let kept = outputs.iter().filter_map(|output| match output {
        Output::Keep { change, .. } => Some(change),
        _ => None,
    });
    kept.collect()
}

pub(super) fn delegation(n: u8) -> Delegation {
    let signature = protocol::Signature::from_bytes([n; 64]).into();
    Delegation { expires_at: 100, signature }
}

pub(super) fn set_role(n: u8, role: Role) -> ClientMessage {
    let delegation = (role == Role::Moderator).then(|| delegation(n));
    ClientMessage::SetRole { request_id: ASK, participant: id(n), role, delegation }
}

/// Has the teacher on session 1 make pupil `n` a moderator, with a delegation that is found good.
pub(super) fn pass_on(scene: &mut Scene, n: u8) -> Vec<Output> {
    let outputs = scene.say(1, set_role(n, Role::Moderator));
    checked(scene, &outputs, Ok(()))
}

pub(super) fn checked(
    scene: &mut Scene,
    outputs: &[Output],
    result: Result<(), ErrorCode>,
) -> Vec<Output> {
    let [Output::CheckDelegation { session, request_id, participant, delegation }] = *outputs
    else {
        panic!("{outputs:?}");
    };
    scene.input(Input::DelegationChecked { session, request_id, participant, delegation, result })
}

pub(super) fn rules(scene: &Scene, change: impl FnOnce(&mut OpenRules)) -> ClientMessage {
    let was = scene.room.config.rules.open;
    let mut rules = was;
    change(&mut rules);
    ClientMessage::SetRules { request_id: ASK, was, rules }
}

fn places(places: &[(u8, Option<u8>)]) -> ClientMessage {
    let place = |(n, group): &(u8, _)| GroupPlace { participant: id(*n), group: *group };
    ClientMessage::SetGroups { request_id: ASK, places: places.iter().map(place).collect() }
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
    scene.say(2, set_publishing(TrackSource::Microphone, false));
    assert_eq!(answer(&scene.say(2, set_publishing(TrackSource::Microphone, true))), Ok(()));
}

#[test]
fn a_page_that_missed_a_stop_turns_nothing_on_again() {
    let mut scene = class(2);
    let on = || set_publishing(TrackSource::Microphone, true);
    scene.say(2, on());
    scene.input(Input::SessionLost { session: SessionId(2) });
    let (participant, source) = (Some(id(2)), TrackSource::Microphone);
    scene.say(1, ClientMessage::StopSource { request_id: ASK, participant, source });
    let resume = Some(Resume { participant: id(2), admitted: true });
    let outputs = scene.input(Input::Join(Join { session: SessionId(9), resume, ..join(4) }));
    assert_eq!(welcome(&outputs).own.stopped, [source]);
    // A page that says again what it had on before it heard of the stop.
    let outputs = scene.say(9, on());
    assert_eq!(answer(&outputs), Err(ErrorCode::NotAllowed));
    assert!(told(&outputs, 9).contains(&&ServerMessage::SourceStopped { source }));
    assert!(!outputs.iter().any(|output| matches!(output, Output::Media(_))));
    scene.say(9, set_publishing(source, false));
    assert_eq!(answer(&scene.say(9, on())), Ok(()), "their own click, later");
}

#[test]
fn of_two_changes_of_the_rules_neither_undoes_the_other() {
    let mut scene = class(2);
    let was = scene.room.config.rules.open;
    let mut locked = was;
    locked.locked = true;
    let mut silent = was;
    silent.guests.microphone = false;
    // Both were made on a page that knew the rules as they were before.
    for rules in [locked, silent] {
        let set = ClientMessage::SetRules { request_id: ASK, was, rules };
        scene.say(1, set);
    }
    let is = scene.room.config.rules.open;
    assert!(is.locked && !is.guests.microphone && is.guests.camera && is.lobby);
}

#[test]
fn whoever_waits_without_a_name_is_told_no_number_and_keeps_it_inside() {
    let mut scene = class(1);
    for n in 2..=4 {
        scene.join(n);
    }
    let outputs = scene.say(1, admit(ASK, Some(vec![id(3)])));
    assert_eq!(welcome(&outputs).display_name.expose(), "Invité 3");
    let outputs = scene.join(5);
    let waiting: Vec<_> = told(&outputs, 1)
        .into_iter()
        .filter_map(|message| match message {
            ServerMessage::WaitingChanged { waiting } => Some(waiting),
            _ => None,
        })
        .flatten()
        .map(|who| who.display_name.expose().as_str())
        .collect();
    assert_eq!(waiting, ["Invité 2", "Invité 4", "Invité 5"]);
    // A number would say something of how many are inside.
    assert_eq!(told(&outputs, 5), Vec::<&ServerMessage>::new());
    assert!(
        matches!(outputs[0], Output::Wait(Wait { session: SessionId(5), participant: _ })),
        "{outputs:?}"
    );
}

#[test]
fn every_moderator_knows_what_was_granted() {
    let mut scene = class(2);
    let source = TrackSource::Screen;
    let grant = ClientMessage::Grant { request_id: ASK, participant: id(2), source, granted: true };
    let outputs = scene.say(1, grant);
    let is_told = |told: &[&ServerMessage]| {
        told.iter()
            .any(|it| matches!(it, ServerMessage::GrantedChanged { granted, .. } if granted.screen))
    };
    assert!(is_told(&told(&outputs, 1)) && !is_told(&told(&outputs, 2)));
    let outputs = scene.input(Input::Join(Join { role: Role::Moderator, ..join(7) }));
    let granted = welcome(&outputs).participants.iter().find(|it| it.participant == id(2));
    assert!(granted.and_then(|it| it.granted).is_some_and(|granted| granted.screen));
}

#[test]
fn a_shared_screen_stops_with_its_sound() {
    let mut scene = class(2);
    let (participant, source) = (id(2), TrackSource::Screen);
    scene.say(1, ClientMessage::Grant { request_id: ASK, participant, source, granted: true });
    for source in [TrackSource::Screen, TrackSource::ScreenAudio] {
        assert_eq!(answer(&scene.say(2, set_publishing(source, true))), Ok(()));
    }
    let participant = Some(participant);
    let outputs = scene.say(1, ClientMessage::StopSource { request_id: ASK, participant, source });
    for source in [TrackSource::Screen, TrackSource::ScreenAudio] {
        assert!(told(&outputs, 2).contains(&&ServerMessage::SourceStopped { source }));
    }
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
    let offer = |sdp: &str, source| {
        let publish = vec![protocol::PublishedMid { mid: "0".into(), source }];
        ClientMessage::Offer { request_id: ASK, sdp: sdp.to_owned().into(), publish }
    };
    let sound = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n";
    let pictures = format!("{sound}m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=recvonly\r\n");
    for refused in [offer(sound, TrackSource::Camera), offer(&pictures, TrackSource::Microphone)] {
        assert_eq!(answer(&scene.say(1, refused)), Err(ErrorCode::NotAllowed));
    }
    let asked = scene.say(1, offer(sound, TrackSource::Microphone));
    assert!(matches!(asked[..], [Output::Media(MediaRequest::Negotiate { .. })]), "{asked:?}");
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
    pass_on(&mut scene, 3);
    scene.say(2, ClientMessage::SetAudience { request_id: ASK, moderators_only: true });
    scene.say(2, set_publishing(TrackSource::Camera, true));
    let see = subscribe(&[("v", track(2, TrackSource::Camera))]);
    assert_eq!(answer(&scene.say(3, see)), Ok(()));
    let outputs = scene.say(1, set_role(3, Role::Guest));
    let is_emptied = |output: &Output| {
        matches!(output, Output::Media(MediaRequest::Subscribe { participant, slots })
            if *participant == id(3) && slots[0].track.is_none())
    };
    assert!(outputs.iter().any(is_emptied), "{outputs:?}");
    let own = scene.say(1, set_role(1, Role::Guest));
    assert_eq!(answer(&own), Err(ErrorCode::NotAllowed));
}

#[test]
fn hands_are_a_queue_in_the_order_they_were_raised() {
    let mut scene = class(4);
    for session in [3, 2, 4] {
        scene.say(session, ClientMessage::RaiseHand { request_id: ASK, raised: true });
    }
    assert_eq!(scene.room.hands, [id(3), id(2), id(4)]);
    // What was held back is told, and the pause after it is over.
    scene.wait(SECOND);
    scene.wait(SECOND);
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
    let own = welcome(&outputs).own.clone();
    assert_eq!((own.group, own.opinion), (Some(4), Some(Opinion::Slower)));
    assert!(own.moderators_only && own.has_voted);
    let other = Some(Resume { participant: id(3), admitted: true });
    scene.input(Input::SessionLost { session: SessionId(3) });
    let outputs =
        scene.input(Input::Join(Join { session: SessionId(10), resume: other, ..join(5) }));
    assert_eq!(welcome(&outputs).own, protocol::OwnState::default());
}

#[test]
fn what_a_meeting_was_about_goes_with_the_last_of_it() {
    let mut scene = class(2);
    let (question, choices) = (text("Compris ?"), vec![text("oui"), text("non")]);
    scene.say(1, ClientMessage::OpenPoll { request_id: ASK, question, choices });
    scene.say(1, ClientMessage::SetTimer { request_id: ASK, seconds: Some(90) });
    scene.say(1, ClientMessage::SetSpotlight { request_id: ASK, participant: Some(id(2)) });
    scene.say(2, ClientMessage::Leave {});
    assert!(scene.room.poll.is_some());
    scene.say(1, ClientMessage::Leave {});
    let outputs = scene.input(Input::Join(Join { role: Role::Moderator, ..join(3) }));
    let state = &welcome(&outputs).state;
    assert!(state.poll.is_none() && state.timer_ms.is_none() && state.spotlight.is_none());
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

#[test]
fn five_hundred_hands_in_a_second_are_told_ten_times() {
    let mut scene = class(100);
    let (mut heard, mut bytes) = (0, 0);
    let mut listen = |outputs: &[Output]| {
        for message in told(outputs, 2) {
            if let ServerMessage::HandsChanged { hands } = message {
                heard += 1;
                bytes += hands.len();
            }
        }
    };
    for n in 0..495_u64 {
        let raised = n / 99 % 2 == 0;
        let raise = ClientMessage::RaiseHand { request_id: ASK, raised };
        let outputs = scene.say(2 + n % 99, raise);
        assert_eq!(answer(&outputs), Ok(()));
        listen(&outputs);
        listen(&scene.wait(Duration::from_millis(2)));
    }
    listen(&scene.wait(SECOND));
    assert!((10..=12).contains(&heard), "{heard}");
    assert!(bytes < 1200, "{bytes}");
    assert_eq!(scene.room.hands.len(), 99, "and all of them count");
}

#[test]
fn whoever_says_too_much_is_told_so_and_the_others_hear_no_more() {
    let mut scene = class(3);
    let chat = || ClientMessage::Chat {
        request_id: ASK,
        audience: ChatAudience::Everybody,
        text: text("Bonjour"),
    };
    let reaction = protocol::Reaction::Heart;
    let react = || ClientMessage::React { request_id: ASK, reaction };
    let mut heard = 0;
    for n in 0..100 {
        let outputs = scene.say(2, if n % 2 == 0 { chat() } else { react() });
        if n >= 20 {
            assert_eq!(answer(&outputs), Err(ErrorCode::RateLimited), "{n}");
        }
        heard += told(&outputs, 3).len();
    }
    assert_eq!(heard, 20);
    assert_eq!(answer(&scene.say(3, chat())), Ok(()), "others go on");
    scene.wait(SECOND);
    let answers: Vec<_> = (0..5).map(|_| answer(&scene.say(2, chat()))).collect();
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 4);
}

#[test]
fn nobody_hears_anything_after_goodbye() {
    let mut scene = class(4);
    for n in 2..=4 {
        scene.say(n, ClientMessage::RaiseHand { request_id: ASK, raised: true });
    }
    let mut over = std::collections::BTreeSet::new();
    for output in scene.wait(3600 * SECOND) {
        match output {
            Output::End { session, .. } => assert!(over.insert(session), "{session:?} ends twice"),
            Output::Send { session, message } => {
                assert!(!over.contains(&session), "{session:?} is over but told {message:?}");
            }
            _ => {}
        }
    }
    assert_eq!(over.len(), 4);
}
