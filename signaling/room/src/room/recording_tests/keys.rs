//! Keys of an encrypted room's recording: who may have them kept, and how often.

use super::*;

fn encrypted(mut scene: Scene) -> Scene {
    let encryption = protocol::RoomEncryption { open: true, raw: false };
    scene.room.config.rules.encryption = Some(encryption);
    scene
}

fn signed(n: u8) -> ClientMessage {
    let mut message = start_with(terms(), true);
    if let ClientMessage::StartRecording { recipients_signature, .. } = &mut message {
        *recipients_signature = Some(protocol::Signature::from_bytes([n; 64]).into());
    }
    message
}

fn release(n: u8) -> ClientMessage {
    let sealed: protocol::ReleasedKeys = "c2VhbGVk".parse().expect("sealed text");
    let (recording, sealed) = (which(n), sealed.into());
    ClientMessage::ReleaseKeys { request_id: REQUEST, recording, sealed }
}

/// Whose keys are to be kept, and of which recording.
fn releases(outputs: &[Output]) -> Vec<(ParticipantId, protocol::RecordingId)> {
    let release = |output: &Output| {
        let Output::Recording(request) = output else { return None };
        let RecordingRequest::Release { participant, recording, .. } = request else {
            return None;
        };
        Some((*participant, *recording))
    };
    outputs.iter().filter_map(release).collect()
}

#[test]
fn an_encrypted_room_is_recorded_only_for_recipients_that_the_host_key_signed() {
    let mut scene = encrypted(scene(Profile::Reunion));
    let outputs = scene.say(1, start_with(terms(), true));
    assert_eq!(answer(&outputs), Err(ErrorCode::EncryptionRequired));
    let outputs = scene.say(1, signed(7));
    let told = info(wish(&outputs).expect("a good wish"));
    assert_eq!(told.recipients_signature, Some(protocol::Signature::from_bytes([7; 64]).into()));

    let mut scene = self::scene(Profile::Reunion);
    assert_eq!(answer(&scene.say(1, signed(7))), Err(ErrorCode::NotEncrypted));
    assert!(wish(&scene.say(1, start_with(terms(), true))).is_some());
}

#[test]
fn released_keys_are_kept_as_their_senders_and_answered_when_they_are() {
    let mut scene = running(Profile::Reunion);
    assert_eq!(answer(&scene.say(2, release(1))), Err(ErrorCode::NotEncrypted));
    let mut scene = encrypted(scene);
    assert_eq!(answer(&scene.say(2, release(2))), Err(ErrorCode::NoRecording));
    // Before the yes: the keys have to be there when it counts.
    let outputs = scene.say(2, release(1));
    assert_eq!(releases(&outputs), [(id(2), which(1))]);
    assert_eq!(outputs.len(), 1, "nobody is told");
    let session = SessionId(2);
    for result in [Ok(()), Err(ErrorCode::Overloaded)] {
        let told = scene.input(Input::KeysReleased { session, request_id: REQUEST, result });
        assert_eq!(answer(&told), result);
    }
    scene.say(1, ClientMessage::StopRecording { request_id: REQUEST });
    assert_eq!(answer(&scene.say(2, release(1))), Err(ErrorCode::NoRecording));
    // Whoever has gone is told nothing.
    scene.say(2, ClientMessage::Leave {});
    let result = Ok(());
    assert!(scene.input(Input::KeysReleased { session, request_id: REQUEST, result }).is_empty());
}

#[test]
fn keys_are_kept_once_before_a_yes_and_from_then_on_while_it_stands() {
    let mut scene = encrypted(running(Profile::Reunion));
    let session = SessionId(2);
    let may = |scene: &mut Scene, n: u64| {
        let outputs = scene.say(n, release(1));
        if releases(&outputs).is_empty() { answer(&outputs) } else { Ok(()) }
    };
    assert_eq!(may(&mut scene, 2), Ok(()));
    assert_eq!(may(&mut scene, 2), Err(ErrorCode::NotAllowed), "no yes followed");
    assert_eq!(may(&mut scene, 3), Ok(()), "each for themselves");
    // What could not be kept is prepared again.
    let result = Err(ErrorCode::Overloaded);
    scene.input(Input::KeysReleased { session, request_id: REQUEST, result });
    assert_eq!(may(&mut scene, 2), Ok(()));
    accept(&mut scene, 2);
    for _ in 0..5 {
        assert_eq!(may(&mut scene, 2), Ok(()), "another epoch");
    }
    say(&mut scene, 2, false);
    assert_eq!(may(&mut scene, 2), Ok(()), "before another yes");
    assert_eq!(may(&mut scene, 2), Err(ErrorCode::NotAllowed));
    // A yes of an earlier session is none.
    accept(&mut scene, 2);
    scene.input(Input::SessionLost { session });
    let resume = Some(Resume { participant: id(2), admitted: true });
    scene.room.config.rules.encryption = None;
    scene.input(Input::Join(Join { session: SessionId(22), resume, ..join(2) }));
    let mut scene = encrypted(scene);
    assert_eq!(may(&mut scene, 22), Ok(()));
    assert_eq!(may(&mut scene, 22), Err(ErrorCode::NotAllowed));
}

#[test]
fn keys_cost_what_every_sealed_message_costs() {
    let mut scene = encrypted(running(Profile::Reunion));
    accept(&mut scene, 2);
    let taken = (0..9_999).take_while(|_| !releases(&scene.say(2, release(1))).is_empty());
    assert_eq!(taken.count(), 200);
    assert_eq!(answer(&scene.say(2, release(1))), Err(ErrorCode::RateLimited));
}
