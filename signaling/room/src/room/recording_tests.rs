use protocol::{
    ClientMessage, Profile, RecordingInfo, RecordingPurpose, RecordingTerms, RequestId, Role,
    TrackSource,
};

use super::classroom_tests::admit;
use super::tests::{Scene, answer, id, join, welcome};
use super::*;
use crate::{Answered, Join, MediaAnswer, RecordingRequest, RecordingWish, Resume};

mod audience;
mod keys;

const REQUEST: RequestId = RequestId(9);

fn which(n: u8) -> protocol::RecordingId {
    protocol::RecordingId::from_bytes([n; 16])
}

fn terms() -> RecordingTerms {
    RecordingTerms {
        purpose: RecordingPurpose::Revision,
        details: "Les volcans".to_owned().into(),
        retention_days: 30,
        audience: "La classe".to_owned().into(),
    }
}

fn start_with(terms: RecordingTerms, authorisations: bool) -> ClientMessage {
    let recipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p".parse();
    ClientMessage::StartRecording {
        request_id: REQUEST,
        recording: which(1),
        terms,
        recipient: recipient.expect("the shape of a key"),
        authorisations,
        recipients_signature: None,
    }
}

fn wish(outputs: &[Output]) -> Option<RecordingWish> {
    outputs.iter().find_map(|output| {
        let Output::Recording(RecordingRequest::Begin(wish)) = output else { return None };
        Some((**wish).clone())
    })
}

fn info(wish: RecordingWish) -> RecordingInfo {
    wish.into_info(vec![], 5, 1)
}

/// For what gates were opened, in order; for nothing where they were shut.
fn sources(outputs: &[Output]) -> Vec<(ParticipantId, &[TrackSource])> {
    fn gate(output: &Output) -> Option<(ParticipantId, &[TrackSource])> {
        let Output::Media(MediaRequest::SetRecordable { participant, sources }) = output else {
            return None;
        };
        Some((*participant, sources))
    }
    outputs.iter().filter_map(gate).collect()
}

/// Whose gates were opened and shut, in order.
fn gates(outputs: &[Output]) -> Vec<(ParticipantId, bool)> {
    sources(outputs).into_iter().map(|(who, sources)| (who, !sources.is_empty())).collect()
}

/// The lines that are to be written.
fn lines(outputs: &[Output]) -> Vec<(u64, ParticipantId, Answered)> {
    let line = |output: &Output| {
        let Output::Recording(request) = output else { return None };
        let RecordingRequest::Write { number, participant, answer, .. } = request else {
            return None;
        };
        Some((*number, *participant, *answer))
    };
    outputs.iter().filter_map(line).collect()
}

fn ends(outputs: &[Output]) -> Vec<RecordingEnd> {
    let end = |output: &Output| {
        let Output::Recording(RecordingRequest::End { cause, .. }) = output else { return None };
        Some(*cause)
    };
    outputs.iter().filter_map(end).collect()
}

/// Sessions that were told of a recording that runs.
fn asked(outputs: &[Output]) -> Vec<u64> {
    let asked = |output: &Output| {
        let Output::Send { session, message } = output else { return None };
        let is_question =
            matches!(message, ServerMessage::RecordingChanged { recording: Some(_), .. });
        is_question.then_some(session.0)
    };
    outputs.iter().filter_map(asked).collect()
}

/// Participant 1 moderates by link, 2 and 3 are guests.
fn scene(profile: Profile) -> Scene {
    let mut scene = Scene::of(profile, 9);
    scene.input(Input::Join(Join { role: Role::Moderator, ..join(1) }));
    for n in [2, 3] {
        scene.join(n);
    }
    scene.say(1, admit(RequestId(1), None));
    scene
}

fn begin(scene: &mut Scene) -> Vec<Output> {
    let outputs = scene.say(1, start_with(terms(), true));
    let wish = wish(&outputs).expect("a good wish");
    scene.input(Input::RecordingBegun {
        session: wish.session,
        request_id: wish.request_id,
        authorisations: wish.authorisations,
        result: Ok(info(wish)),
    })
}

fn running(profile: Profile) -> Scene {
    let mut scene = scene(profile);
    begin(&mut scene);
    scene
}

fn say(scene: &mut Scene, session: u64, accepted: bool) -> Vec<Output> {
    let recording = which(1);
    let message = ClientMessage::AnswerRecording { request_id: REQUEST, recording, accepted };
    scene.say(session, message)
}

fn written(scene: &mut Scene, number: u64) -> Vec<Output> {
    scene.input(Input::AnswerWritten { number, result: Ok("line".to_owned().into()) })
}

/// Says yes, and has it written.
fn accept(scene: &mut Scene, session: u64) -> Vec<Output> {
    let outputs = say(scene, session, true);
    let [(number, _, Answered::Accepted)] = lines(&outputs)[..] else { panic!("{outputs:?}") };
    written(scene, number)
}

#[test]
fn r17_everybody_is_asked_and_nothing_is_recorded_before_their_own_yes_is_written() {
    let mut scene = scene(Profile::Reunion);
    let outputs = begin(&mut scene);
    assert_eq!(asked(&outputs), [1, 2, 3], "whoever started among them");
    assert!(gates(&outputs).is_empty());

    let outputs = say(&mut scene, 2, true);
    let [(number, who, Answered::Accepted)] = lines(&outputs)[..] else { panic!("{outputs:?}") };
    assert_eq!((who, gates(&outputs)), (id(2), vec![(id(2), false)]), "not on the disk yet");
    let outputs = written(&mut scene, number);
    assert_eq!(gates(&outputs), [(id(2), true)]);
    assert!(outputs.iter().any(|output| matches!(
        output,
        Output::Send { session: SessionId(2), message: ServerMessage::RecordingAnswered { .. } }
    )));
    let outputs = say(&mut scene, 3, true);
    let number = lines(&outputs)[0].0;
    let outputs = scene.input(Input::AnswerWritten { number, result: Err(ErrorCode::Internal) });
    assert_eq!(answer(&outputs), Err(ErrorCode::Internal));
    assert!(gates(&outputs).is_empty(), "a yes that cannot be proven is none");
}

#[test]
fn r17_whoever_comes_late_learns_of_it_with_the_room_and_is_not_recorded() {
    let mut scene = running(Profile::Reunion);
    let outputs = scene.join(4);
    let state = &welcome(&outputs).state;
    assert_eq!(state.recording.as_ref().map(|info| info.recording), Some(which(1)));
    assert!(gates(&outputs).is_empty());
    assert_eq!(gates(&accept(&mut scene, 4)), [(id(4), true)]);
}

#[test]
fn r18_terms_that_say_too_little_or_too_much_start_nothing() {
    let text = |text: String| protocol::Redacted::new(text);
    let good = terms();
    for bad in [
        RecordingTerms { retention_days: 0, ..good.clone() },
        RecordingTerms { retention_days: 31, ..good.clone() },
        RecordingTerms { retention_days: 10_000, ..good.clone() },
        RecordingTerms { details: text(String::new()), ..good.clone() },
        RecordingTerms { details: text(" \n\t".into()), ..good.clone() },
        RecordingTerms { details: text("é".repeat(201)), ..good.clone() },
        RecordingTerms { audience: text(String::new()), ..good.clone() },
        RecordingTerms { audience: text("a\u{202e}b".into()), ..good.clone() },
        RecordingTerms { audience: text("a\u{0}b".into()), ..good.clone() },
    ] {
        let mut scene = scene(Profile::Reunion);
        let outputs = scene.say(1, start_with(bad.clone(), true));
        assert_eq!(answer(&outputs), Err(ErrorCode::TermsInvalid), "{bad:?}");
        assert_eq!(outputs.len(), 1, "nobody else hears of it");
    }
    let most = RecordingTerms { details: text("é".repeat(200)), retention_days: 1, ..good };
    let outputs = scene(Profile::Reunion).say(1, start_with(most, true));
    assert!(wish(&outputs).is_some());
}

#[test]
fn r18_what_is_shown_is_the_text_that_was_typed() {
    let list = include_str!("../../../../tests/browser/rig/injections.json");
    let texts: Vec<String> = serde_json::from_str(list).expect("a list of texts");
    let mut shown = 0;
    for injected in &texts {
        let mut scene = scene(Profile::Reunion);
        let typed = || protocol::Redacted::new(injected.clone());
        let terms = RecordingTerms { details: typed(), audience: typed(), ..terms() };
        let outputs = scene.say(1, start_with(terms, true));
        match wish(&outputs) {
            Some(RecordingWish { terms, .. }) => {
                shown += 1;
                let told = [terms.details, terms.audience].map(protocol::Redacted::into_exposed);
                assert_eq!(told, [injected.trim(), injected.trim()]);
            }
            None => assert_eq!(answer(&outputs), Err(ErrorCode::TermsInvalid), "{injected:?}"),
        }
    }
    assert!(shown >= 100, "of {} only {shown}", texts.len());
}

#[test]
fn r19_a_withdrawal_shuts_the_gate_before_it_is_written_and_a_late_yes_does_not_open_it() {
    let mut scene = running(Profile::Reunion);
    accept(&mut scene, 2);
    let outputs = say(&mut scene, 2, false);
    assert_eq!(gates(&outputs), [(id(2), false)]);
    assert!(matches!(outputs[0], Output::Media(MediaRequest::SetRecordable { .. })), "at once");
    assert_eq!(lines(&outputs)[0].2, Answered::Withdrawn);

    let yes = lines(&say(&mut scene, 3, true))[0].0;
    let no = lines(&say(&mut scene, 3, false))[0];
    assert_eq!(no.2, Answered::Withdrawn);
    assert!(gates(&written(&mut scene, yes)).is_empty(), "withdrawn before it was written");
    assert!(gates(&written(&mut scene, no.0)).is_empty());
    assert_eq!(gates(&accept(&mut scene, 3)), [(id(3), true)], "and may say yes again");

    say(&mut scene, 3, false);
    let first = lines(&say(&mut scene, 3, true))[0].0;
    say(&mut scene, 3, false);
    let last = lines(&say(&mut scene, 3, true))[0].0;
    assert!(gates(&written(&mut scene, first)).is_empty(), "of a yes that was withdrawn since");
    assert_eq!(gates(&written(&mut scene, last)), [(id(3), true)]);
}

#[test]
fn r19_a_no_counts_however_often_somebody_has_changed_their_mind() {
    let mut scene = running(Profile::Reunion);
    let mut open = false;
    for n in 0..60 {
        let outputs = say(&mut scene, 2, n % 2 == 0);
        for (_, recordable) in gates(&outputs) {
            open = recordable;
        }
        for (number, _, _) in lines(&outputs) {
            for (_, recordable) in gates(&written(&mut scene, number)) {
                open = recordable;
            }
        }
        assert!(n % 2 == 0 || !open, "a no did not count");
    }
}

#[test]
fn r20_whoever_refuses_stays_and_keeps_every_right() {
    let mut scene = running(Profile::Reunion);
    let outputs = say(&mut scene, 2, false);
    let told_others = outputs
        .iter()
        .any(|output| matches!(output, Output::Send { session, .. } if session.0 == 3));
    assert!(!told_others, "nobody learns who refused: {outputs:?}");
    let number = lines(&outputs)[0].0;
    written(&mut scene, number);
    for message in [
        ClientMessage::RaiseHand { request_id: REQUEST, raised: true },
        ClientMessage::Rename { request_id: REQUEST, display_name: "Nour".to_owned().into() },
        ClientMessage::SetPublishing {
            request_id: REQUEST,
            source: protocol::TrackSource::Camera,
            active: true,
        },
        ClientMessage::Chat {
            request_id: REQUEST,
            audience: protocol::ChatAudience::Everybody,
            text: "oui".to_owned().into(),
        },
    ] {
        assert_eq!(answer(&scene.say(2, message)), Ok(()));
    }
    assert_eq!(scene.room.participant_count(), 3);
}

#[test]
fn r20_whoever_reloads_or_comes_back_under_another_name_is_asked_again() {
    let mut scene = running(Profile::Reunion);
    accept(&mut scene, 2);
    // A reload: another session of the same participant.
    let resume = Some(Resume { participant: id(2), admitted: true });
    let outputs = scene.input(Input::Join(Join { session: SessionId(22), resume, ..join(2) }));
    assert!(welcome(&outputs).resumed && welcome(&outputs).state.recording.is_some());
    assert_eq!(gates(&outputs), [(id(2), false)]);
    assert_eq!(lines(&outputs)[0].2, Answered::Left);
    // The old session's word counts no more.
    assert!(say(&mut scene, 2, true).is_empty());
    // Cut and back.
    accept(&mut scene, 22);
    let outputs = scene.input(Input::SessionLost { session: SessionId(22) });
    assert_eq!(gates(&outputs), [(id(2), false)]);
    let outputs = scene.input(Input::Join(Join { session: SessionId(23), resume, ..join(2) }));
    assert!(welcome(&outputs).state.recording.is_some());
    assert!(gates(&outputs).is_empty());
    // Gone, and in again as somebody else.
    say(&mut scene, 3, false);
    scene.say(3, ClientMessage::Leave {});
    let display_name = Some("Une autre".to_owned().into());
    let outputs = scene.input(Input::Join(Join { display_name, ..join(5) }));
    assert!(welcome(&outputs).state.recording.is_some());
    assert!(gates(&outputs).is_empty());
}

#[test]
fn whoever_is_asked_may_change_their_pseudonym_whatever_the_rules_say() {
    let mut scene = scene(Profile::Reunion);
    scene.room.config.rules.open.guests.rename = false;
    let rename = |scene: &mut Scene, n: u64| {
        let display_name = "Un autre nom".to_owned().into();
        answer(&scene.say(n, ClientMessage::Rename { request_id: REQUEST, display_name }))
    };
    assert_eq!(rename(&mut scene, 2), Err(ErrorCode::NotAllowed));
    begin(&mut scene);
    assert_eq!(rename(&mut scene, 2), Ok(()));
    say(&mut scene, 2, false);
    assert_eq!(rename(&mut scene, 2), Err(ErrorCode::NotAllowed), "answered");
    assert_eq!(rename(&mut scene, 3), Ok(()));
    scene.say(1, ClientMessage::StopRecording { request_id: REQUEST });
    assert_eq!(rename(&mut scene, 3), Err(ErrorCode::NotAllowed));
}

#[test]
fn r17_an_answer_to_another_recording_opens_nothing() {
    let mut scene = running(Profile::Reunion);
    let (request_id, accepted) = (REQUEST, true);
    let stale = ClientMessage::AnswerRecording { request_id, recording: which(2), accepted };
    let outputs = scene.say(2, stale);
    assert_eq!(answer(&outputs), Err(ErrorCode::NoRecording));
    assert_eq!(outputs.len(), 1);
    // A yes that is written after its recording has ended, while another runs.
    let number = lines(&say(&mut scene, 2, true))[0].0;
    scene.say(1, ClientMessage::StopRecording { request_id });
    begin(&mut scene);
    assert!(gates(&written(&mut scene, number)).is_empty());
}

#[test]
fn r19_a_repeated_answer_has_the_same_receipt_and_no_second_line() {
    let mut scene = running(Profile::Reunion);
    accept(&mut scene, 2);
    let outputs = say(&mut scene, 2, true);
    assert!(lines(&outputs).is_empty() && gates(&outputs).is_empty());
    assert!(matches!(
        outputs[..],
        [Output::Send { message: ServerMessage::RecordingAnswered { .. }, .. }]
    ));
}

#[test]
fn r19_moderators_see_how_many_and_nobody_sees_who() {
    let mut scene = running(Profile::Reunion);
    let counts = |outputs: &[Output]| {
        let told = |output: &Output| {
            let Output::Send { session, message } = output else { return None };
            let ServerMessage::AnswersChanged { accepted, refused, unanswered } = message else {
                return None;
            };
            Some((session.0, *accepted, *refused, *unanswered))
        };
        outputs.iter().filter_map(told).collect::<Vec<_>>()
    };
    scene.wait(Duration::from_secs(1));
    assert_eq!(counts(&say(&mut scene, 2, false)), [(1, 0, 1, 2)]);
    scene.wait(Duration::from_secs(1));
    assert_eq!(counts(&say(&mut scene, 3, true)), [(1, 1, 1, 1)]);
    scene.wait(Duration::from_secs(1));
    assert_eq!(counts(&scene.join(4)), [(1, 1, 1, 2)]);
}

#[test]
fn r22_nothing_is_recorded_where_the_server_or_the_kind_of_room_forbids_it() {
    for (profile, wanted) in [
        (Profile::Classe, None),
        (Profile::Reunion, None),
        (Profile::Sensible, Some(ErrorCode::RecordingForbidden)),
        (Profile::Audio, Some(ErrorCode::RecordingForbidden)),
    ] {
        let outputs = scene(profile).say(1, start_with(terms(), true));
        match wanted {
            Some(code) => assert_eq!(answer(&outputs), Err(code), "{profile:?}"),
            None => assert!(wish(&outputs).is_some(), "{profile:?}"),
        }
    }
    let mut off = scene(Profile::Reunion);
    off.room.config.recording_days = None;
    assert_eq!(answer(&off.say(1, start_with(terms(), true))), Err(ErrorCode::RecordingOff));
    let mut guest = scene(Profile::Reunion);
    assert_eq!(answer(&guest.say(2, start_with(terms(), true))), Err(ErrorCode::NotAllowed));
    let mut twice = running(Profile::Reunion);
    assert_eq!(answer(&twice.say(1, start_with(terms(), true))), Err(ErrorCode::RecordingRunning));
}

#[test]
fn r45_minors_are_recorded_only_where_somebody_says_that_their_guardians_allowed_it() {
    let mut scene = scene(Profile::Classe);
    let outputs = scene.say(1, start_with(terms(), false));
    assert_eq!(answer(&outputs), Err(ErrorCode::AuthorisationsMissing));
    assert!(wish(&scene.say(1, start_with(terms(), true))).is_some());

    // Without minors nobody need say so; when there are some after all, it ends.
    let mut scene = self::scene(Profile::Reunion);
    let wish = wish(&scene.say(1, start_with(terms(), false))).expect("no minors");
    let (session, request_id) = (wish.session, wish.request_id);
    let result = Ok(info(wish));
    scene.input(Input::RecordingBegun { session, request_id, authorisations: false, result });
    let was = scene.room.config.rules.open;
    let rules = protocol::OpenRules { minors: true, ..was };
    let outputs = scene.say(1, ClientMessage::SetRules { request_id: REQUEST, was, rules });
    assert_eq!(ends(&outputs), [RecordingEnd::Stopped]);
}

#[test]
fn a_recording_ends_with_whoever_can_answer_for_it_and_everybody_hears_why() {
    let told = |outputs: &[Output], session: u64| {
        outputs.iter().find_map(|output| {
            let Output::Send { session: to, message } = output else { return None };
            let ServerMessage::RecordingChanged { recording: None, end } = message else {
                return None;
            };
            end.filter(|_| to.0 == session)
        })
    };
    // The only moderator leaves; a moment's cut is no leaving.
    let mut scene = running(Profile::Reunion);
    assert!(ends(&scene.input(Input::SessionLost { session: SessionId(1) })).is_empty());
    let outputs = scene.wait(Room::RESUME_WINDOW);
    assert_eq!(ends(&outputs), [RecordingEnd::Stopped]);
    assert_eq!(told(&outputs, 2), Some(RecordingEnd::Stopped));
    // The last person leaves.
    let mut scene = running(Profile::Reunion);
    for session in [2, 3] {
        assert!(ends(&scene.say(session, ClientMessage::Leave {})).is_empty());
    }
    assert_eq!(ends(&scene.say(1, ClientMessage::Leave {})), [RecordingEnd::RoomEnded]);
    // A moderator ends the meeting for all.
    let mut scene = running(Profile::Reunion);
    accept(&mut scene, 2);
    let outputs = scene.say(1, ClientMessage::EndMeeting { request_id: REQUEST });
    assert_eq!(ends(&outputs), [RecordingEnd::RoomEnded]);
    assert_eq!(lines(&outputs).len(), 1, "whoever had said yes has left");
    // The room is over.
    let mut scene = running(Profile::Reunion);
    accept(&mut scene, 2);
    let outputs = scene.wait(Duration::from_secs(3600));
    assert_eq!(ends(&outputs), [RecordingEnd::RoomEnded]);
    assert_eq!(lines(&outputs).len(), 1, "whoever had said yes has left");
    // The disk is full.
    let mut scene = running(Profile::Reunion);
    let outputs = scene.input(Input::RecordingEnded { cause: RecordingEnd::DiskFull });
    for session in [1, 2, 3] {
        assert_eq!(told(&outputs, session), Some(RecordingEnd::DiskFull));
    }
    // A moderator who holds no link may stop one.
    let mut scene = running(Profile::Reunion);
    let stop = ClientMessage::StopRecording { request_id: REQUEST };
    assert_eq!(answer(&scene.say(2, stop.clone())), Err(ErrorCode::NotAllowed));
    scene.room.participants.get_mut(&id(2)).expect("here").role = Role::Moderator;
    let outputs = scene.say(2, stop.clone());
    assert_eq!((answer(&outputs), ends(&outputs)), (Ok(()), vec![RecordingEnd::Stopped]));
    assert_eq!(answer(&scene.say(1, stop)), Err(ErrorCode::NoRecording));
}

#[test]
fn r23_erasing_somebody_while_it_runs_shuts_their_gate_and_asks_them_again() {
    let mut scene = running(Profile::Reunion);
    accept(&mut scene, 2);
    let erase = |recording| Input::EraseRecorded { recording, participant: id(2) };
    assert!(scene.input(erase(which(2))).is_empty(), "another recording's");
    let outputs = scene.input(erase(which(1)));
    assert_eq!(gates(&outputs), [(id(2), false)]);
    assert_eq!(asked(&outputs), [2]);
    assert_eq!(gates(&accept(&mut scene, 2)), [(id(2), true)]);
}

#[test]
fn r23_whoever_is_erased_and_never_heard_of_it_says_yes_by_a_click_of_now() {
    let mut scene = running(Profile::Reunion);
    accept(&mut scene, 2);
    // Its socket is dead, which nobody has noticed yet.
    scene.input(Input::EraseRecorded { recording: which(1), participant: id(2) });
    let resume = Some(Resume { participant: id(2), admitted: true });
    scene.input(Input::Join(Join { session: SessionId(22), resume, ..join(2) }));
    let outputs = say(&mut scene, 22, true);
    assert_eq!(answer(&outputs), Err(ErrorCode::Overloaded), "of the page, not of the person");
    assert!(lines(&outputs).is_empty());
    assert_eq!(gates(&accept(&mut scene, 22)), [(id(2), true)]);
    // Whoever was told, and clicks.
    scene.input(Input::EraseRecorded { recording: which(1), participant: id(2) });
    assert_eq!(gates(&accept(&mut scene, 22)), [(id(2), true)]);
}

#[test]
fn r23_whoever_is_erased_while_cut_off_says_yes_by_a_click_of_now() {
    let mut scene = running(Profile::Reunion);
    accept(&mut scene, 2);
    scene.input(Input::SessionLost { session: SessionId(2) });
    scene.input(Input::EraseRecorded { recording: which(1), participant: id(2) });
    let resume = Some(Resume { participant: id(2), admitted: true });
    scene.input(Input::Join(Join { session: SessionId(7), resume, ..join(4) }));
    let outputs = say(&mut scene, 7, true);
    assert_eq!(answer(&outputs), Err(ErrorCode::Overloaded), "what the page says by itself");
    assert!(gates(&outputs).is_empty());
    assert_eq!(gates(&accept(&mut scene, 7)), [(id(2), true)]);
}

#[test]
fn r19_another_connection_of_the_same_page_keeps_its_yes_and_nobody_elses() {
    let mut scene = running(Profile::Reunion);
    accept(&mut scene, 2);
    let outputs = scene.input(Input::GateShut { participant: id(2) });
    assert_eq!(gates(&outputs), [(id(2), true)]);
    assert!(scene.input(Input::GateShut { participant: id(3) }).is_empty());
}

#[test]
fn r19_a_yes_before_there_is_a_transport_is_heard_when_there_is_one_and_asked_once_until_then() {
    let mut scene = running(Profile::Reunion);
    accept(&mut scene, 2);
    scene.input(Input::GateShut { participant: id(2) });
    assert!(scene.input(Input::GateShut { participant: id(2) }).is_empty(), "no end to it");
    let offer = |scene: &mut Scene| {
        let offer = ClientMessage::Offer {
            request_id: REQUEST,
            sdp: "v=0".to_owned().into(),
            publish: vec![],
        };
        let outputs = scene.say(2, offer);
        let negotiation = outputs.iter().find_map(|output| {
            let Output::Media(MediaRequest::Negotiate { negotiation, .. }) = output else {
                return None;
            };
            Some(*negotiation)
        });
        let answer = MediaAnswer { sdp: "v=0".to_owned().into(), slots: vec![] };
        scene.input(Input::Negotiated {
            participant: id(2),
            negotiation: negotiation.expect("the media plane is asked"),
            result: Ok(answer),
        })
    };
    let outputs = offer(&mut scene);
    assert_eq!(gates(&outputs), [(id(2), true)]);
    let outputs = scene.input(Input::GateShut { participant: id(2) });
    assert_eq!(gates(&outputs), [(id(2), true)]);
    say(&mut scene, 2, false);
    assert_eq!(gates(&offer(&mut scene)), []);
}
