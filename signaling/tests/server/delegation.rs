//! Passing the role on: by the host key's word, for one participant of one room, until its end.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::harness::{Browser, Room, TestServer, base64url, host_key, join, random, with};

const HOUR: u64 = 3600;

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// What the host key of `room` says of somebody, signed by the key of `seed`.
pub(crate) fn delegation(
    seed: &[u8; 32],
    room: &str,
    participant: &Value,
    expires_at: u64,
) -> Value {
    let bytes = |text: &str| {
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()
    };
    let signed = [
        b"preau delegation v1".to_vec(),
        bytes(room),
        bytes(participant.as_str().unwrap()),
        expires_at.to_be_bytes().to_vec(),
    ];
    let signature = host_key(seed).sign(&signed.concat());
    json!({ "expiresAt": expires_at, "signature": base64url(signature.as_ref()) })
}

/// Asks for a change of role; gives the code of the refusal, or nothing when it was done.
pub(crate) async fn set_role(
    asking: &mut Browser,
    who: &Value,
    role: &str,
    delegation: Value,
) -> Value {
    let message = json!({
        "type": "set_role", "requestId": 5, "participant": who, "role": role,
        "delegation": delegation,
    });
    asking.say(&message).await;
    loop {
        let answer = asking.hear().await;
        if answer["requestId"] == 5 {
            return answer["code"].clone();
        }
    }
}

/// A room whose teacher has passed the role on to the second of two pupils.
async fn delegated(server: &TestServer) -> (Room, [Browser; 3], Value, Value) {
    let room = server.room().await;
    let (mut teacher, _) = server.join(&room, &room.moderator).await;
    let (pupil, _) = server.join(&room, &room.guest).await;
    let (mut delegate, joined) = server.join(&room, &room.guest).await;
    let who = &joined["participant"];
    let word = delegation(&room.host, &room.slug, who, now() + 9 * HOUR);
    assert_eq!(set_role(&mut teacher, who, "moderator", word.clone()).await, Value::Null);
    let told = delegate.hear_type("role_changed").await;
    assert_eq!((&told["role"], &told["delegation"]), (&json!("moderator"), &word));
    (room, [teacher, pupil, delegate], joined, word)
}

fn back(room: &Room, joined: &Value, word: &Value) -> Value {
    let join = with(join(room, &room.guest), "resume", joined["resume"].clone());
    with(join, "delegation", word.clone())
}

#[tokio::test]
async fn only_the_host_keys_own_word_about_that_participant_in_that_room_makes_a_moderator() {
    let server = TestServer::start().await;
    let [room, other] = [server.room().await, server.room().await];
    let (mut teacher, own) = server.join(&room, &room.moderator).await;
    let (mut pupil, joined) = server.join(&room, &room.guest).await;
    teacher.is_alive().await;
    let who = &joined["participant"];
    let later = now() + HOUR;
    let altered =
        |key: &str, value: Value| with(delegation(&room.host, &room.slug, who, later), key, value);
    let forged = [
        Value::Null,
        delegation(&random(), &room.slug, who, later),
        delegation(&other.host, &room.slug, who, later),
        delegation(&room.host, &other.slug, who, later),
        delegation(&room.host, &room.slug, &own["participant"], later),
        delegation(&room.host, &room.slug, who, now() - 1),
        altered("expiresAt", json!(later + 1)),
        altered("signature", json!(base64url(&[0; 64]))),
    ];
    for word in forged {
        let refused = set_role(&mut teacher, who, "moderator", word.clone()).await;
        assert_eq!(refused, "delegation_invalid", "{word}");
        assert!(pupil.is_alive().await.is_empty(), "{word}");
    }
    // Not even with the very word that makes them one.
    let word = delegation(&room.host, &room.slug, who, later);
    let claimed = set_role(&mut pupil, who, "moderator", word.clone()).await;
    assert_eq!(claimed, "not_allowed");
    let (_back, again) = server.join_with(back(&room, &joined, &word)).await;
    assert_eq!(again["role"], "guest", "a word that no moderator gave to the room");
}

#[tokio::test]
async fn others_hear_of_a_new_moderator_and_not_what_made_them_one() {
    let server = TestServer::start().await;
    let (room, [mut teacher, mut pupil, mut delegate], joined, _) = delegated(&server).await;
    let heard = pupil.hear_type("role_changed").await;
    assert_eq!(
        (&heard["participant"], &heard["delegation"]),
        (&joined["participant"], &Value::Null)
    );
    // A moderator, but not one who passes on what was passed on.
    delegate.say(&json!({ "type": "clear_opinions", "requestId": 1 })).await;
    delegate.hear_type("done").await;
    let refused = set_role(&mut delegate, &joined["participant"], "guest", Value::Null).await;
    assert_eq!(refused, "not_allowed");
    let rotate = json!({
        "type": "rotate_link", "requestId": 6, "guestVerifier": base64url(&random()),
        "generation": 1,
    });
    delegate.say(&rotate).await;
    assert_eq!(delegate.hear().await["code"], "not_allowed");
    // Taken back without another word of the key.
    let taken = set_role(&mut teacher, &joined["participant"], "guest", Value::Null).await;
    assert_eq!(taken, Value::Null);
    assert_eq!(delegate.hear_type("role_changed").await["role"], "guest");
    server.join(&room, &room.guest).await;
}

#[tokio::test]
async fn a_delegate_is_one_again_after_a_restart_with_the_same_token_and_word_alone() {
    let server = TestServer::start().await;
    let (room, [_teacher, ..], joined, word) = delegated(&server).await;
    let mut server = server.restart().await;
    let invalid =
        |code: &str| json!({ "type": "error", "requestId": null, "code": code, "fatal": false });
    // Somebody who has the word without the token of whom it is about.
    let stolen = with(join(&room, &room.guest), "delegation", word.clone());
    let (mut thief, stranger) = server.join_with(stolen).await;
    assert_eq!(stranger["role"], "guest");
    assert_eq!(thief.hear().await, invalid("delegation_invalid"));
    let forged = delegation(&random(), &room.slug, &joined["participant"], now() + HOUR);
    let (mut forging, again) = server.join_with(back(&room, &joined, &forged)).await;
    assert_eq!(again["role"], "guest");
    assert_eq!(forging.hear_type("error").await, invalid("delegation_invalid"));
    server = server.restart().await;
    let (_delegate, again) = server.join_with(back(&room, &joined, &word)).await;
    assert_eq!(again["participant"], joined["participant"]);
    assert_eq!((&again["role"], &again["resumed"]), (&json!("moderator"), &json!(false)));
    server.hand.advance(Duration::from_secs(9 * HOUR));
    server = server.restart().await;
    let (mut late, again) = server.join_with(back(&room, &joined, &word)).await;
    assert_eq!(again["role"], "guest", "expired");
    assert_eq!(late.hear_type("error").await, invalid("delegation_invalid"));
}

#[tokio::test]
async fn who_lost_the_role_or_was_ejected_does_not_get_it_back_by_a_restart() {
    let server = TestServer::start().await;
    let (room, [mut teacher, ..], joined, word) = delegated(&server).await;
    let who = &joined["participant"];
    set_role(&mut teacher, who, "guest", Value::Null).await;
    let server = server.restart().await;
    let (_guest, again) = server.join_with(back(&room, &joined, &word)).await;
    assert_eq!((&again["participant"], &again["role"]), (who, &json!("guest")));
    let (mut teacher, _) = server.join(&room, &room.moderator).await;
    teacher.say(&json!({ "type": "eject", "requestId": 1, "participant": who })).await;
    teacher.hear_type("done").await;
    let server = server.restart().await;
    let (mut guest, again) = server.join_with(back(&room, &joined, &word)).await;
    assert_ne!(&again["participant"], who);
    assert_eq!(guest.hear().await["code"], "token_invalid");
}

#[tokio::test]
async fn in_a_room_without_a_host_key_the_role_stays_where_it_is() {
    let server = TestServer::start().await;
    let room = server.room_without_host_key().await;
    let (mut teacher, _) = server.join(&room, &room.moderator).await;
    let (_pupil, joined) = server.join(&room, &room.guest).await;
    let who = &joined["participant"];
    let word = delegation(&room.host, &room.slug, who, now() + HOUR);
    let refused = set_role(&mut teacher, who, "moderator", word).await;
    assert_eq!(refused, "host_key_missing");
}
