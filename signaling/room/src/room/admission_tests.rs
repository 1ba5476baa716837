//! Who comes in and by which link, who is sent out, and who is a moderator.

use protocol::{ChatAudience, ClientMessage, Profile, Redacted, Role, Verifier};

use super::classroom_tests::{
    ASK, admit, checked, class, delegation, kept, pass_on, rules, set_role, text, told,
};
use super::tests::{Scene, answer, id, join, refused, subscribe, welcome};
use super::*;
use crate::{Change, Join, Resume};

fn rotate(n: u8) -> ClientMessage {
    ClientMessage::RotateLink {
        request_id: ASK,
        guest_verifier: Verifier::from_bytes([n; 32]).into(),
        generation: 1,
    }
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
    let outputs = scene.say(1, admit(ASK, Some(vec![id(2)])));
    assert_eq!(welcome(&outputs).participant, id(2));
    assert_eq!(answer(&outputs), Ok(()));
    let again = admit(ASK, Some(vec![id(2)]));
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
    assert_eq!(answer(&scene.say(1, admit(ASK, None))), Ok(()));
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
    let change = Change::SentOut { participants: vec![id(3)], handle };
    assert_eq!(kept(&outputs), [&change]);
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
    let change = Change::SentOut { participants: vec![id(2)], handle: None };
    assert_eq!(kept(&outputs), [&change]);
    let resume = Some(Resume { participant: id(2), admitted: true });
    let outputs = scene.input(Input::Join(Join { resume, ..join(3) }));
    assert!(matches!(&outputs[0], Output::Wait(wait) if wait.participant == id(3)));
    let again = ClientMessage::Eject { request_id: ASK, participant: id(2) };
    assert_eq!(answer(&scene.say(1, again)), Err(ErrorCode::NotThere));
}

#[test]
fn whoever_was_made_a_moderator_and_ejects_themselves_is_simply_out() {
    let mut scene = class(2);
    pass_on(&mut scene, 2);
    let outputs = scene.say(2, ClientMessage::Eject { request_id: ASK, participant: id(2) });
    let [ServerMessage::Goodbye { reason: GoodbyeReason::Ejected, .. }] = told(&outputs, 2)[..]
    else {
        panic!("{outputs:?}");
    };
    assert_eq!(told(&outputs, 1), [&ServerMessage::ParticipantLeft { participant: id(2) }]);
}

#[test]
fn the_role_is_passed_on_by_a_good_delegation_and_told_to_the_delegate_alone() {
    let mut scene = class(3);
    let bare = ClientMessage::SetRole {
        request_id: ASK,
        participant: id(2),
        role: Role::Moderator,
        delegation: None,
    };
    assert_eq!(answer(&scene.say(1, bare)), Err(ErrorCode::DelegationInvalid));
    let nobody = scene.say(1, set_role(9, Role::Moderator));
    assert_eq!(answer(&nobody), Err(ErrorCode::NotThere));
    for code in [ErrorCode::DelegationInvalid, ErrorCode::HostKeyMissing] {
        let outputs = scene.say(1, set_role(2, Role::Moderator));
        let outputs = checked(&mut scene, &outputs, Err(code));
        assert_eq!(answer(&outputs), Err(code));
        assert_eq!(outputs.len(), 1, "nobody else hears of it");
    }
    let outputs = pass_on(&mut scene, 2);
    let change = Change::Delegate { participant: id(2), is_delegate: true };
    assert_eq!(kept(&outputs), [&change]);
    let role_changed = |delegation| ServerMessage::RoleChanged {
        participant: id(2),
        role: Role::Moderator,
        delegation,
    };
    assert_eq!(told(&outputs, 2)[0], &role_changed(Some(delegation(2))));
    for other in [1, 3] {
        assert_eq!(told(&outputs, other), [&role_changed(None)]);
    }
    // Their page may be loaded anew and still know.
    let resume = Some(Resume { participant: id(2), admitted: true });
    let outputs = scene.input(Input::Join(Join { session: SessionId(9), resume, ..join(4) }));
    assert_eq!(welcome(&outputs).role, Role::Moderator);
    assert!(told(&outputs, 9).contains(&&role_changed(Some(delegation(2)))));
    let outputs = scene.say(1, set_role(2, Role::Guest));
    let change = Change::Delegate { participant: id(2), is_delegate: false };
    assert_eq!(kept(&outputs), [&change]);
}

#[test]
fn a_delegate_moderates_and_hands_neither_the_role_nor_links_on() {
    let mut scene = class(3);
    pass_on(&mut scene, 2);
    let lower = ClientMessage::LowerHand { request_id: ASK, participant: None };
    assert_eq!(answer(&scene.say(2, lower)), Ok(()));
    let handle = Verifier::from_bytes([4; 32]).into();
    for message in [
        set_role(3, Role::Moderator),
        set_role(2, Role::Guest),
        rotate(8),
        ClientMessage::AddHandles { request_id: ASK, handles: vec![handle] },
        ClientMessage::RevokeHandle { request_id: ASK, handle },
    ] {
        let outputs = scene.say(2, message.clone());
        assert_eq!(answer(&outputs), Err(ErrorCode::NotAllowed), "{message:?}");
        assert_eq!(outputs.len(), 1);
    }
}

#[test]
fn a_delegate_is_one_again_in_a_room_made_anew_whatever_became_of_the_link() {
    for (participant, is_moderator) in [(7, true), (8, false)] {
        let mut scene = Scene::of(Profile::Classe, 9);
        // The owner checks it for the participant of the token, and for nobody else.
        let delegation = (participant == 7).then(|| delegation(7));
        let resume = Some(Resume { participant: id(participant), admitted: true });
        let back = Join { resume, delegation, link_generation: None, ..join(2) };
        let outputs = scene.input(Input::Join(back));
        if !is_moderator {
            assert_eq!(refused(&outputs), ErrorCode::LinkEnded);
            continue;
        }
        let welcome = welcome(&outputs);
        assert_eq!((welcome.role, welcome.link_role), (Role::Moderator, Role::Guest));
        assert_eq!(welcome.participant, id(7));
    }
}

#[test]
fn of_two_moderators_who_replace_the_link_at_once_one_is_told_so() {
    let mut scene = class(1);
    scene.input(Input::Join(Join { role: Role::Moderator, ..join(2) }));
    let outputs = scene.say(1, rotate(8));
    assert!(told(&outputs, 2).contains(&&ServerMessage::LinkRotated { generation: 1 }));
    assert_eq!(answer(&scene.say(2, rotate(9))), Err(ErrorCode::NotThere));
}

#[test]
fn a_link_that_ended_brings_back_who_is_in_the_room_and_lets_nobody_else_in() {
    let mut scene = class(5);
    scene.join(6);
    scene.say(4, ClientMessage::Leave {});
    scene.say(1, ClientMessage::Eject { request_id: ASK, participant: id(5) });
    let outputs = scene.say(1, rotate(8));
    let sent_away =
        ServerMessage::Error { request_id: None, code: ErrorCode::LinkEnded, fatal: true };
    assert_eq!(told(&outputs, 6), [&sent_away], "who waits came by the old link");
    let nobody = ServerMessage::WaitingChanged { waiting: vec![] };
    assert!(told(&outputs, 1).contains(&&nobody));
    assert!(told(&outputs, 2).is_empty());
    scene.input(Input::SessionLost { session: SessionId(3) });
    let mut session = 10;
    let mut come = |scene: &mut Scene, n: u8, link_generation, admitted| {
        session += 1;
        let resume = Some(Resume { participant: id(n), admitted });
        let join = Join { session: SessionId(session), link_generation, resume, ..join(99) };
        scene.input(Input::Join(join))
    };
    for n in [2, 3] {
        assert!(welcome(&come(&mut scene, n, None, true)).resumed, "present or away: {n}");
    }
    for (n, admitted) in [(4, true), (5, true), (6, false), (7, true)] {
        // Whether the disk knew already that the link was replaced, or not yet.
        for generation in [None, Some(0)] {
            let outputs = come(&mut scene, n, generation, admitted);
            assert_eq!(refused(&outputs), ErrorCode::LinkEnded, "{n}");
        }
    }
    let moderator = Join { role: Role::Moderator, link_generation: None, ..join(8) };
    assert_eq!(welcome(&scene.input(Input::Join(moderator))).participant, id(8));
    let late = scene.input(Input::Join(Join { link_generation: Some(1), ..join(9) }));
    assert!(matches!(&late[0], Output::Wait(wait) if wait.participant == id(9)));
}

#[test]
fn whoever_waits_when_the_room_is_locked_is_told_so_and_may_come_again() {
    let mut scene = class(1);
    scene.join(2);
    scene.join(3);
    scene.input(Input::SessionLost { session: SessionId(3) });
    let lock = rules(&scene, |rules| rules.locked = true);
    let outputs = scene.say(1, lock);
    let sent_away =
        ServerMessage::Error { request_id: None, code: ErrorCode::RoomLocked, fatal: true };
    assert_eq!(told(&outputs, 2), [&sent_away]);
    assert!(scene.room.lobby.is_empty());
    let resume = Some(Resume { participant: id(2), admitted: false });
    let back = |n: u64| Join { session: SessionId(n), resume, ..join(4) };
    assert_eq!(refused(&scene.input(Input::Join(back(9)))), ErrorCode::RoomLocked);
    let handle = Some(Verifier::from_bytes([1; 32]).into());
    let personal = Join { handle, ..join(5) };
    assert_eq!(refused(&scene.input(Input::Join(personal))), ErrorCode::RoomLocked);
    let open = rules(&scene, |rules| rules.locked = false);
    scene.say(1, open);
    let outputs = scene.input(Input::Join(back(10)));
    assert!(matches!(&outputs[0], Output::Wait(wait) if wait.participant == id(2)));
}

#[test]
fn a_meeting_that_a_moderator_ends_is_over_for_all_and_the_room_is_as_it_was() {
    let mut scene = class(4);
    let (handle, session) = (Some(Verifier::from_bytes([5; 32]).into()), SessionId(5));
    scene.input(Input::Join(Join { session, handle, ..join(5) }));
    scene.join(6);
    scene.join(7);
    for cut in [4, 7] {
        scene.input(Input::SessionLost { session: SessionId(cut) });
    }
    let before = scene.room.config.rules.clone();
    let end = ClientMessage::EndMeeting { request_id: ASK };
    assert_eq!(answer(&scene.say(2, end.clone())), Err(ErrorCode::NotAllowed));
    let outputs = scene.say(1, end);
    let done = ServerMessage::Done { request_id: ASK };
    let goodbye = ServerMessage::Goodbye { reason: GoodbyeReason::MeetingEnded, note: None };
    assert_eq!(told(&outputs, 1), [&done, &goodbye]);
    for session in [2, 3, 5, 6] {
        assert_eq!(told(&outputs, session), [&goodbye], "{session}");
    }
    assert!(kept(&outputs).is_empty(), "no link ends and nobody is barred");
    assert_eq!(scene.room.config.rules, before);
    assert_eq!((scene.room.participant_count(), scene.room.lobby.is_empty()), (0, true));
    assert!(!outputs.contains(&Output::Ended));
    let mut session = 10;
    let mut come = |scene: &mut Scene, n: u8, resume: Option<bool>| {
        session += 1;
        let resume = resume.map(|admitted| Resume { participant: id(n), admitted });
        let participant = id(n + 10);
        let join = Join { session: SessionId(session), participant, resume, ..join(n) };
        (session, scene.input(Input::Join(join)))
    };
    // Pages that did not hear it are told when they come back, and come anew by the same link.
    for (n, admitted) in [(4, true), (7, false), (2, true)] {
        let (session, outputs) = come(&mut scene, n, Some(admitted));
        assert_eq!(told(&outputs, session), [&goodbye], "{n}");
        assert_eq!(outputs.len(), 2, "and the session ends");
        let (_, outputs) = come(&mut scene, n, None);
        assert!(matches!(&outputs[0], Output::Wait(wait) if wait.participant == id(n + 10)));
    }
    let personal = Join { session: SessionId(40), participant: id(40), handle, ..join(5) };
    assert_eq!(welcome(&scene.input(Input::Join(personal))).participant, id(40));
}

#[test]
fn an_ended_meeting_leaves_the_room_to_those_who_come_next_and_is_idle_in_its_time() {
    let mut scene = class(2);
    pass_on(&mut scene, 2);
    scene.say(2, ClientMessage::EndMeeting { request_id: ASK });
    assert_eq!(scene.room.poll_timeout(), Some(scene.now + Room::IDLE_AFTER));
    let teacher = Join { session: SessionId(8), role: Role::Moderator, ..join(8) };
    let outputs = scene.input(Input::Join(teacher));
    assert_eq!(welcome(&outputs).participants, []);
}
