//! Encrypted rooms, rule by rule: nothing in clear, and what is sealed reaches those it is for.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use protocol::{
    Admission, CircleId, ClientMessage, GroupPlace, KnownMember, MemberKey, Opinion, Profile,
    Reaction, Redacted, RequestId, Role, RoomEncryption, SayAudience, Sealed, SignedAdmission,
};

use super::classroom_tests::{ASK, admit, delegation, text, told};
use super::tests::{Scene, answer, id, join, refused, welcome};
use super::*;
use crate::{Join, Resume, rules_of};

const SECOND: Duration = Duration::from_secs(1);
const GROUP: CircleId = CircleId::from_bytes([5; 16]);

fn sealed<const MAX: usize>(text: &str) -> Redacted<Sealed<MAX>> {
    Redacted::new(text.parse().unwrap())
}

fn key(n: u8) -> Option<MemberKey> {
    Some(MemberKey::from_bytes([n; 32]))
}

fn sealed_join(n: u8) -> Join {
    Join { member_key: key(n), ..join(n) }
}

fn room_of(profile: Profile) -> Scene {
    let now = start();
    let encryption = Some(RoomEncryption { open: false, raw: false });
    let rules = RoomRules { encryption, ..rules_of(profile, 100) };
    let expires_at = Some(now + 3600 * SECOND);
    let config = RoomConfig { rules, link_generation: 0, recording_days: Some(30), expires_at };
    Scene { room: Room::new(now, config), now }
}

/// A meeting of a moderator, 1, who made the circle, and of guests up to `people` who are in it.
fn meeting(people: u8) -> Scene {
    let mut scene = room_of(Profile::Reunion);
    scene.input(Input::Join(Join { role: Role::Moderator, ..sealed_join(1) }));
    let create = ClientMessage::MlsCreate { request_id: ASK, group: GROUP };
    assert_eq!(answer(&scene.say(1, create)), Ok(()));
    for n in 2..=people {
        scene.input(Input::Join(sealed_join(n)));
        assert_eq!(answer(&scene.say(n.into(), key_package())), Ok(()));
    }
    let added: Vec<_> = (2..=people).collect();
    assert_eq!(answer(&scene.say(1, commit(0, &added))), Ok(()));
    for n in 1..=people {
        assert_eq!(answer(&scene.say(n.into(), ready(1))), Ok(()));
    }
    scene
}

fn key_package() -> ClientMessage {
    ClientMessage::MlsKeyPackage { request_id: ASK, key_package: sealed("a2V5") }
}

fn commit(epoch: u64, added: &[u8]) -> ClientMessage {
    ClientMessage::MlsCommit {
        request_id: ASK,
        group: GROUP,
        epoch,
        commit: sealed("Y29t"),
        welcome: (!added.is_empty()).then(|| sealed("d2Vs")),
        added: added.iter().map(|n| id(*n)).collect(),
        removed: vec![],
    }
}

fn ready(epoch: u64) -> ClientMessage {
    ClientMessage::MlsReady { request_id: ASK, group: GROUP, epoch }
}

fn say(audience: SayAudience) -> ClientMessage {
    ClientMessage::MlsSay { request_id: ASK, audience, sealed: sealed("c2F5") }
}

/// Who is told something that was said inside the circle, by session.
fn hear(outputs: &[Output]) -> Vec<u64> {
    let hears = outputs.iter().filter_map(|output| match output {
        Output::Send { session, message: ServerMessage::MlsSaid { .. } } => Some(session.0),
        _ => None,
    });
    hears.collect()
}

fn gates(outputs: &[Output]) -> Vec<(ParticipantId, Option<u8>)> {
    let gates = outputs.iter().filter_map(|output| match output {
        Output::Media(MediaRequest::SetEpochGate { participant, from }) => {
            Some((*participant, *from))
        }
        _ => None,
    });
    gates.collect()
}

#[test]
fn nobody_enters_an_encrypted_room_with_a_name_in_clear_or_without_a_key() {
    let mut scene = room_of(Profile::Reunion);
    let named = Join { display_name: Some(text("Camille")), ..sealed_join(1) };
    assert_eq!(refused(&scene.input(Input::Join(named))), ErrorCode::EncryptionRequired);
    let blank = Join { display_name: Some(text("")), ..sealed_join(1) };
    assert_eq!(refused(&scene.input(Input::Join(blank))), ErrorCode::EncryptionRequired);
    assert_eq!(refused(&scene.join(1)), ErrorCode::EncryptionRequired);
    let outputs = scene.input(Input::Join(sealed_join(1)));
    assert_eq!(welcome(&outputs).display_name.expose(), "Invité 1");
    assert_eq!(welcome(&outputs).circle, None);

    let mut clear = Scene::new(10);
    assert_eq!(refused(&clear.input(Input::Join(sealed_join(1)))), ErrorCode::NotEncrypted);
    let sealed_name = Some(sealed("bmFtZQ"));
    let named = Join { sealed_name, ..join(1) };
    assert_eq!(refused(&clear.input(Input::Join(named))), ErrorCode::NotEncrypted);
    assert_eq!(welcome(&clear.join(1)).circle, None);
}

#[test]
fn every_member_hears_that_the_guest_link_was_replaced() {
    let mut scene = meeting(3);
    let guest_verifier = Redacted::new(protocol::Verifier::from_bytes([9; 32]));
    let rotate = ClientMessage::RotateLink { request_id: ASK, guest_verifier, generation: 1 };
    let outputs = scene.say(1, rotate);
    let told = outputs.iter().filter_map(|output| match output {
        Output::Send { session, message: ServerMessage::LinkRotated { generation: 1 } } => {
            Some(session.0)
        }
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn what_holds_content_is_refused_in_clear_and_what_holds_none_is_not() {
    let mut scene = meeting(2);
    let request_id = ASK;
    let choices = vec![text("a"), text("b")];
    for message in [
        ClientMessage::Rename { request_id, display_name: text("Camille") },
        ClientMessage::RaiseHand { request_id, raised: true },
        ClientMessage::LowerHand { request_id, participant: None },
        ClientMessage::React { request_id, reaction: Reaction::Heart },
        ClientMessage::SetOpinion { request_id, opinion: Some(Opinion::Yes) },
        ClientMessage::ClearOpinions { request_id },
        ClientMessage::Chat {
            request_id,
            audience: protocol::ChatAudience::Everybody,
            text: text("Bonjour"),
        },
        ClientMessage::Announce { request_id, text: text("Bonjour") },
        ClientMessage::OpenPoll { request_id, question: text("?"), choices },
        ClientMessage::Vote { request_id, poll: 1, choice: 0 },
    ] {
        let outputs = scene.say(1, message.clone());
        assert_eq!(answer(&outputs), Err(ErrorCode::EncryptionRequired), "{message:?}");
        assert_eq!(outputs.len(), 1, "{message:?}");
    }
    for message in [
        ClientMessage::SetTimer { request_id, seconds: Some(5) },
        ClientMessage::SetSpotlight { request_id, participant: Some(id(2)) },
        ClientMessage::CallHelp { request_id },
        ClientMessage::SetGroups { request_id, places: vec![] },
        admit(ASK, None),
    ] {
        assert_eq!(answer(&scene.say(1, message.clone())), Ok(()), "{message:?}");
    }
}

#[test]
fn media_is_forwarded_from_the_first_word_of_readiness_until_the_membership_ends() {
    let mut scene = meeting(2);
    scene.input(Input::Join(sealed_join(3)));
    let outputs = scene.say(3, key_package());
    assert_eq!(gates(&outputs), []);
    let wanted = ServerMessage::MlsWanted { participant: id(3), key_package: sealed("a2V5") };
    assert_eq!((told(&outputs, 1), told(&outputs, 2)), (vec![&wanted], vec![&wanted]));
    let outputs = scene.say(1, commit(1, &[3]));
    let committed =
        ServerMessage::MlsCommitted { group: GROUP, epoch: 2, commit: sealed("Y29t"), by: id(1) };
    let done = ServerMessage::Done { request_id: ASK };
    assert_eq!(told(&outputs, 1), [&committed, &done]);
    assert_eq!(told(&outputs, 2), [&committed]);
    let came = ServerMessage::MlsWelcome { group: GROUP, epoch: 2, welcome: sealed("d2Vs") };
    assert_eq!(told(&outputs, 3), [&came]);
    assert_eq!(gates(&outputs), [], "not yet ready");
    assert_eq!(gates(&scene.say(3, ready(2))), [(id(3), Some(2))]);
    assert_eq!(gates(&scene.say(3, ready(2))), [], "once");
    scene.say(1, ready(2));
    let outputs = scene.say(2, ready(2));
    let all = ServerMessage::MlsAllReady { group: GROUP, epoch: 2 };
    for session in 1..=3 {
        assert!(told(&outputs, session).contains(&&all), "{session}");
    }
    // Their page lost everything.
    assert_eq!(gates(&scene.say(3, key_package())), [(id(3), None)]);
}

#[test]
fn a_reload_says_where_the_circle_stands_and_takes_the_place_of_the_old_page() {
    let mut scene = meeting(2);
    scene.input(Input::SessionLost { session: SessionId(2) });
    scene.say(1, commit(1, &[]));
    let resume = Some(Resume { participant: id(2), admitted: true });
    let back = Join { session: SessionId(9), resume, ..sealed_join(2) };
    let outputs = scene.input(Input::Join(back));
    let place = protocol::CirclePlace { group: GROUP, epoch: 2 };
    assert_eq!(welcome(&outputs).circle, Some(place));
    let missed = ClientMessage::MlsResume { request_id: ASK, group: GROUP, epoch: 1 };
    let outputs = scene.say(9, missed);
    assert!(matches!(
        told(&outputs, 9)[..],
        [ServerMessage::MlsCommitted { epoch: 2, .. }, ServerMessage::Done { .. }]
    ));
    let unknown = ClientMessage::MlsResume { request_id: ASK, group: GROUP, epoch: 0 };
    assert_eq!(answer(&scene.say(9, unknown)), Err(ErrorCode::MlsStale));
}

#[test]
fn the_last_member_takes_the_circle_along_and_those_who_wait_make_another() {
    let mut scene = meeting(1);
    scene.input(Input::Join(sealed_join(2)));
    scene.say(2, key_package());
    let outputs = scene.say(1, ClientMessage::Leave {});
    assert_eq!(
        told(&outputs, 2),
        [&ServerMessage::ParticipantLeft { participant: id(1) }, &ServerMessage::MlsLost {}]
    );
    let outputs = scene.input(Input::Join(sealed_join(3)));
    assert_eq!(welcome(&outputs).circle, None);
    assert_eq!(answer(&scene.say(3, key_package())), Err(ErrorCode::MlsStale));
    let create = ClientMessage::MlsCreate { request_id: ASK, group: GROUP };
    assert_eq!(answer(&scene.say(2, create.clone())), Ok(()));
    assert_eq!(answer(&scene.say(3, create)), Err(ErrorCode::MlsStale), "2 was first");
}

#[test]
fn whoever_waits_for_members_who_were_cut_makes_another_circle_after_a_moment() {
    let mut scene = meeting(1);
    scene.input(Input::Join(sealed_join(2)));
    scene.say(2, key_package());
    scene.input(Input::SessionLost { session: SessionId(1) });
    assert!(scene.room.poll_timeout().is_some_and(|at| at <= scene.now + 3 * SECOND));
    assert_eq!(told(&scene.wait(2 * SECOND), 2), [] as [&ServerMessage; 0]);
    let outputs = scene.wait(SECOND);
    assert_eq!(told(&outputs, 2), [&ServerMessage::MlsLost {}]);
    assert_eq!(gates(&outputs), [(id(1), None)]);
    let resume = Some(Resume { participant: id(1), admitted: true });
    let back = Join { session: SessionId(9), resume, role: Role::Moderator, ..sealed_join(1) };
    assert_eq!(welcome(&scene.input(Input::Join(back))).circle, None);
}

#[test]
fn what_is_said_in_the_circle_reaches_those_members_it_is_for() {
    let mut scene = meeting(5);
    // 6 is in the room, and no member.
    scene.input(Input::Join(sealed_join(6)));
    let places = [2, 3].map(|n| GroupPlace { participant: id(n), group: Some(0) }).to_vec();
    scene.say(1, ClientMessage::SetGroups { request_id: ASK, places });
    assert_eq!(hear(&scene.say(2, say(SayAudience::Everybody))), [1, 2, 3, 4, 5]);
    assert_eq!(hear(&scene.say(2, say(SayAudience::Group))), [2, 3]);
    assert_eq!(hear(&scene.say(4, say(SayAudience::Group))), [1, 4, 5]);
    assert_eq!(hear(&scene.say(2, say(SayAudience::Moderators))), [1, 2]);
    assert_eq!(hear(&scene.say(1, say(SayAudience::Moderators))), [1]);
    assert_eq!(hear(&scene.say(2, say(SayAudience::One(id(5))))), [2, 5]);
    assert_eq!(hear(&scene.say(2, say(SayAudience::One(id(6))))), [2], "no member");
    assert_eq!(answer(&scene.say(2, say(SayAudience::One(id(9))))), Err(ErrorCode::NotThere));
    assert_eq!(answer(&scene.say(6, say(SayAudience::Everybody))), Err(ErrorCode::MlsStale));
}

#[test]
fn one_page_cannot_keep_the_others_busy_without_end() {
    let mut scene = meeting(3);
    let talks = |scene: &mut Scene| {
        (0..999).filter(|_| !hear(&scene.say(2, say(SayAudience::Everybody))).is_empty()).count()
    };
    assert!((150..=200).contains(&talks(&mut scene)));
    let refused = scene.say(2, say(SayAudience::Everybody));
    assert_eq!(answer(&refused), Err(ErrorCode::RateLimited));
    assert_eq!(answer(&scene.say(3, say(SayAudience::Everybody))), Ok(()), "of their own");
    assert_eq!(answer(&scene.say(2, ready(1))), Ok(()), "readiness is always heard");
    scene.wait(10 * SECOND);
    assert_eq!(talks(&mut scene), 200);
}

#[test]
fn whoever_waits_has_a_sealed_name_and_gets_the_admission_that_was_signed() {
    let mut scene = room_of(Profile::Classe);
    scene.input(Input::Join(Join { role: Role::Moderator, ..sealed_join(1) }));
    let named = |n: u8| Join { sealed_name: Some(sealed("bmFtZQ")), ..sealed_join(n) };
    let outputs = scene.input(Input::Join(named(2)));
    let [ServerMessage::WaitingChanged { waiting }] = told(&outputs, 1)[..] else {
        panic!("{outputs:?}");
    };
    assert_eq!((&waiting[0].sealed_name, waiting[0].member_key), (&Some(sealed("bmFtZQ")), key(2)));
    // Their page was loaded anew, with another key.
    let resume = Some(Resume { participant: id(2), admitted: false });
    let again = Join { session: SessionId(22), resume, member_key: key(7), ..named(2) };
    let outputs = scene.input(Input::Join(again));
    assert!(matches!(
        told(&outputs, 1)[..],
        [ServerMessage::WaitingChanged { waiting }] if waiting[0].member_key == key(7)
    ));
    scene.input(Input::Join(named(3)));
    let admission: Redacted<Admission> = sealed("YWRt");
    let admissions = vec![SignedAdmission { participant: id(2), admission: admission.clone() }];
    let let_in = ClientMessage::Admit { request_id: ASK, participants: None, admissions };
    let outputs = scene.say(1, let_in.clone());
    let welcomes = outputs.iter().filter_map(|output| match output {
        Output::Welcome(welcome) => Some((welcome.participant, welcome.admission.clone())),
        _ => None,
    });
    assert_eq!(welcomes.collect::<Vec<_>>(), [(id(2), Some(admission)), (id(3), None)]);

    let mut clear = super::classroom_tests::class(1);
    assert_eq!(answer(&clear.say(1, let_in)), Err(ErrorCode::NotEncrypted));
}

#[test]
fn whoever_is_in_asks_moderators_for_an_admission_and_gets_it() {
    let mut scene = meeting(3);
    let outputs = scene.say(2, ClientMessage::MlsAskAdmission { request_id: ASK });
    let asked = ServerMessage::MlsAdmissionAsked {
        participant: id(2),
        member_key: MemberKey::from_bytes([2; 32]),
    };
    assert_eq!(told(&outputs, 1), [&asked]);
    assert_eq!(told(&outputs, 3), [] as [&ServerMessage; 0]);
    let hand = |n: u8| ClientMessage::MlsAdmit {
        request_id: ASK,
        participant: id(n),
        admission: sealed("YWRt"),
    };
    assert_eq!(answer(&scene.say(3, hand(2))), Err(ErrorCode::NotAllowed), "a guest");
    assert_eq!(answer(&scene.say(1, hand(9))), Err(ErrorCode::NotThere));
    let outputs = scene.say(1, hand(2));
    let handed = ServerMessage::MlsAdmission { admission: sealed("YWRt") };
    assert_eq!(told(&outputs, 2), [&handed]);
    // It is there after a reload with the same key, and gone with another.
    let resume = Some(Resume { participant: id(2), admitted: true });
    let back = |session, n| {
        let session = SessionId(session);
        Input::Join(Join { session, resume, member_key: key(n), ..join(2) })
    };
    let outputs = scene.input(back(8, 2));
    assert_eq!(welcome(&outputs).admission, Some(sealed("YWRt")));
    assert_eq!(welcome(&scene.input(back(9, 7))).admission, None);
}

#[test]
fn a_sealed_question_has_one_ballot_of_each_and_its_closer_alone_gets_them() {
    let mut scene = meeting(4);
    let sealed_question = || ClientMessage::MlsOpenPoll { request_id: ASK, sealed: sealed("cXVl") };
    assert_eq!(answer(&scene.say(2, sealed_question())), Err(ErrorCode::NotAllowed), "a guest");
    let outputs = scene.say(1, sealed_question());
    let opened = ServerMessage::MlsPollOpened { poll: 1, sealed: sealed("cXVl"), by: id(1) };
    for session in 2..=4 {
        assert_eq!(told(&outputs, session), [&opened]);
    }
    assert_eq!(answer(&scene.say(1, sealed_question())), Err(ErrorCode::NotAllowed), "one is open");
    let vote = |poll, ballot: &str| ClientMessage::MlsVote {
        request_id: ASK,
        poll,
        ballot: sealed(ballot),
    };
    assert_eq!(answer(&scene.say(4, vote(1, "enp6"))), Ok(()));
    assert_eq!(answer(&scene.say(4, vote(1, "YWFh"))), Err(ErrorCode::NotAllowed), "twice");
    assert_eq!(answer(&scene.say(3, vote(2, "YWFh"))), Err(ErrorCode::NotThere));
    assert_eq!(answer(&scene.say(3, vote(1, "YWFh"))), Ok(()));
    let counted = ServerMessage::MlsBallotsCounted { poll: 1, ballots: 2 };
    assert_eq!(told(&scene.wait(SECOND), 2), [&counted]);
    let outputs = scene.input(Input::Join(sealed_join(5)));
    let state = &welcome(&outputs).state;
    assert_eq!((&state.poll, state.sealed_poll.as_ref().unwrap().ballots), (&None, 2));

    let close = ClientMessage::ClosePoll { request_id: ASK };
    let outputs = scene.say(1, close.clone());
    let closed = ServerMessage::MlsPollClosed { poll: 1 };
    let ballots = ServerMessage::MlsBallots {
        poll: 1,
        // Not in the order in which they came.
        ballots: vec![sealed("YWFh"), sealed("enp6")],
    };
    let done = ServerMessage::Done { request_id: ASK };
    assert_eq!(told(&outputs, 1), [&ballots, &closed, &done]);
    for session in 2..=5 {
        assert_eq!(told(&outputs, session), [&closed]);
    }
    assert_eq!(answer(&scene.say(1, close)), Err(ErrorCode::NotThere));
    assert_eq!(told(&scene.wait(SECOND), 2), [] as [&ServerMessage; 0], "nothing is late");
}

#[test]
fn a_delegate_hears_what_is_for_moderators() {
    let mut scene = meeting(3);
    scene.input(Input::DelegationChecked {
        session: SessionId(1),
        request_id: ASK,
        participant: id(2),
        delegation: delegation(2),
        result: Ok(()),
    });
    assert_eq!(hear(&scene.say(3, say(SayAudience::Moderators))), [1, 2, 3]);
}

#[test]
fn what_is_held_of_a_members_part_is_shown_to_them() {
    let mut scene = meeting(2);
    let known = |scene: &mut Scene, session| {
        let outputs = scene.say(session, ClientMessage::WhatIsKnown { request_id: RequestId(1) });
        match &outputs[..] {
            [Output::Send { message: ServerMessage::Known { known, .. }, .. }] => {
                known.circle.clone()
            }
            other => panic!("{other:?}"),
        }
    };
    let Some(member) = known(&mut scene, 2) else { panic!("nothing is known") };
    let KnownMember { member_key, key_package, first_epoch, ready_epoch, .. } = member;
    assert_eq!((member_key, key_package), (key(2), None));
    assert_eq!((first_epoch, ready_epoch), (Some(1), Some(1)));
    scene.say(2, key_package_of("bmV1"));
    let member = known(&mut scene, 2).unwrap();
    assert_eq!((member.key_package, member.first_epoch), (Some(sealed("bmV1")), None));

    let mut clear = Scene::new(10);
    clear.join(1);
    assert_eq!(known(&mut clear, 1), None);
}

fn key_package_of(text: &str) -> ClientMessage {
    ClientMessage::MlsKeyPackage { request_id: ASK, key_package: sealed(text) }
}

#[test]
fn nothing_of_the_circle_outlives_the_meeting() {
    let mut scene = meeting(2);
    scene.say(1, ClientMessage::MlsOpenPoll { request_id: ASK, sealed: sealed("cXVl") });
    scene.say(1, ClientMessage::Leave {});
    scene.say(2, ClientMessage::Leave {});
    assert_eq!(scene.room.delivery.place(), None);
    let outputs = scene.input(Input::Join(sealed_join(7)));
    assert_eq!((welcome(&outputs).circle, &welcome(&outputs).state.sealed_poll), (None, &None));
}

#[test]
fn an_ended_meeting_takes_its_circle_along() {
    let mut scene = meeting(3);
    scene.say(1, ClientMessage::EndMeeting { request_id: ASK });
    assert_eq!(scene.room.participant_count(), 0);
    let teacher = Join { session: SessionId(8), role: Role::Moderator, ..sealed_join(8) };
    assert_eq!(welcome(&scene.input(Input::Join(teacher))).circle, None);
    let create = ClientMessage::MlsCreate { request_id: ASK, group: GROUP };
    assert_eq!(answer(&scene.say(8, create)), Ok(()));
}
