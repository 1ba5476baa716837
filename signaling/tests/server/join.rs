//! Entering a room.

use std::time::Duration;

use futures_util::FutureExt;
use serde_json::json;

use crate::harness::{Room, TestServer, base64url, join, random, sha256, with};

#[tokio::test]
async fn the_link_that_is_proven_decides_the_role() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let (mut guest, joined) = server.join(&room, &room.guest).await;
    assert_eq!((&joined["role"], &joined["resumed"]), (&json!("guest"), &json!(false)));
    assert_eq!((&joined["displayName"], &joined["participants"]), (&json!("Invité 1"), &json!([])));
    assert_eq!(joined["rules"]["maxParticipants"], 100);
    let moderator = with(join(&room, &room.moderator), "displayName", " Ada ");
    let (_moderator, joined) = server.join_with(moderator).await;
    assert_eq!((&joined["role"], &joined["displayName"]), (&json!("moderator"), &json!("Ada")));
    assert_eq!(joined["participants"][0]["displayName"], "Invité 1");
    let told = guest.hear().await;
    assert_eq!(told["type"], "participant_joined");
    assert_eq!(told["participant"]["displayName"], "Ada");
    assert_eq!(told["participant"]["active"], json!([]), "everything is off at join");
}

#[tokio::test]
async fn without_proof_there_is_one_answer_after_the_same_time() {
    let server = TestServer::start_with("max_participants = 1").await;
    let open = server.room().await;
    let full = server.room().await;
    let (_inside, _) = server.join(&full, &full.guest).await;
    let unknown = Room { slug: base64url(&random()[..16]), ..open.clone() };
    let wrong = base64url(&random());
    let attempts = [
        join(&open, &wrong),
        join(&unknown, &open.guest),
        join(&full, &wrong),
        with(join(&open, &wrong), "displayName", "x".repeat(99)),
        with(join(&open, &wrong), "resume", "x"),
    ];
    let expected = r#"{"type":"error","requestId":null,"code":"join_refused","fatal":true}"#;
    for attempt in &attempts {
        assert_eq!(server.refusal(attempt).await, expected);
    }
    // All at once, with the clock standing still: nobody learns anything early.
    let mut waiting = vec![];
    for attempt in &attempts {
        let mut browser = server.connect().await;
        browser.say(attempt).await;
        waiting.push(browser);
    }
    for _ in 0..20 {
        server.get("/healthz", &[]).await;
    }
    for browser in &mut waiting {
        assert!(browser.hear_text().now_or_never().is_none(), "answered before its time");
    }
    for browser in &mut waiting {
        assert_eq!(server.hear_in_time(browser).await, expected);
    }
}

#[tokio::test]
async fn with_proof_the_reason_is_named() {
    let server = TestServer::start_with("max_participants = 1").await;
    let room = server.room().await;
    let (mut inside, _) = server.join(&room, &room.guest).await;
    let full = server.refusal(&join(&room, &room.moderator)).await;
    assert!(full.contains("room_full"), "{full}");
    inside.say(&json!({ "type": "leave" })).await;
    assert_eq!(inside.hear().await, json!({ "type": "goodbye", "reason": "left", "note": null }));
    assert_eq!(inside.close_code().await, 1000);
    let bad_name = with(join(&room, &room.guest), "displayName", "\u{202e}");
    let refused = server.refusal(&bad_name).await;
    assert!(refused.contains("name_invalid"), "{refused}");
    server.join(&room, &room.moderator).await;
}

#[tokio::test]
async fn a_page_of_another_version_is_told_to_reload() {
    let server = TestServer::start().await;
    let room = server.room().await;
    for version in [0, protocol::PROTOCOL_VERSION + 1, 4_000_000_000_u32] {
        let text =
            server.refusal(&with(join(&room, &room.guest), "protocolVersion", version)).await;
        assert!(text.contains("protocol_version"), "{text}");
    }
}

#[tokio::test]
async fn a_room_that_reaches_its_end_says_goodbye_and_is_gone() {
    let server = TestServer::start_with("room_days = 1").await;
    let room = server.room().await;
    server.hand.advance(Duration::from_secs(24 * 3600 - 5));
    let (mut inside, _) = server.join(&room, &room.guest).await;
    server.hand.advance(Duration::from_secs(5));
    assert_eq!(
        inside.hear().await,
        json!({ "type": "goodbye", "reason": "room_ended", "note": null })
    );
    let refused = server.refusal(&join(&room, &room.guest)).await;
    assert!(refused.contains("room_ended") || refused.contains("join_refused"), "{refused}");
    server.restart().await.refusal(&join(&room, &room.guest)).await;
}

#[tokio::test]
async fn live_rooms_are_bounded() {
    let server = TestServer::start_with("max_live_rooms = 1").await;
    let [one, two] = [server.room().await, server.room().await];
    let (_inside, _) = server.join(&one, &one.guest).await;
    let mut browser = server.connect().await;
    browser.say(&join(&two, &two.guest)).await;
    assert_eq!(browser.hear().await["code"], "overloaded");
    assert_eq!(browser.close_code().await, 1013);
    server.join(&one, &one.guest).await;
}

#[tokio::test]
async fn what_one_says_reaches_the_others_and_nobody_elsewhere() {
    let server = TestServer::start().await;
    let [room, other] = [server.room().await, server.room().await];
    let (mut ada, joined) = server.join(&room, &room.guest).await;
    let (mut ben, _) = server.join(&room, &room.guest).await;
    let (mut eve, _) = server.join(&other, &other.guest).await;
    ada.hear_type("participant_joined").await;
    ada.say(&json!({ "type": "rename", "requestId": 7, "displayName": "Ada" })).await;
    ada.hear_type("participant_renamed").await;
    assert_eq!(ada.hear().await, json!({ "type": "done", "requestId": 7 }));
    ada.say(&json!({
        "type": "set_publishing", "requestId": 8, "source": "microphone", "active": true
    }))
    .await;
    assert_eq!(ada.hear().await, json!({ "type": "done", "requestId": 8 }));
    let who = &joined["participant"];
    assert_eq!(
        ben.hear().await,
        json!({ "type": "participant_renamed", "participant": who, "displayName": "Ada" })
    );
    assert_eq!(
        ben.hear().await,
        json!({
            "type": "track_changed", "participant": who, "source": "microphone", "active": true
        })
    );
    eve.say(&json!({ "type": "ping" })).await;
    assert_eq!(eve.hear().await, json!({ "type": "pong" }));
}

#[tokio::test]
async fn a_room_with_a_lobby_lets_people_in_by_a_moderators_word_and_keeps_its_new_link() {
    let server = TestServer::start().await;
    let room = server.room_of("classe").await;
    let (mut teacher, _) = server.join(&room, &room.moderator).await;
    let mut pupil = server.connect().await;
    pupil.say(&join(&room, &room.guest)).await;
    let waiting = pupil.hear().await;
    assert_eq!(waiting["type"], "waiting", "{waiting}");
    let heard = teacher.hear_type("waiting_changed").await;
    assert_eq!(heard["waiting"][0]["participant"], waiting["participant"]);
    teacher
        .say(&json!({ "type": "admit", "requestId": 1, "participants": null, "admissions": [] }))
        .await;
    assert_eq!(pupil.hear_type("joined").await["participant"], waiting["participant"]);
    let fresh = random();
    let rotate = json!({
        "type": "rotate_link",
        "requestId": 2,
        "guestVerifier": base64url(&sha256(&fresh)),
        "generation": 1,
    });
    teacher.say(&rotate).await;
    teacher.hear_type("link_rotated").await;
    assert_eq!(teacher.hear_type("done").await["requestId"], 2);
    let old = server.refusal(&join(&room, &room.guest)).await;
    assert!(old.contains("join_refused"), "{old}");
    let mut late = server.connect().await;
    late.say(&join(&room, &base64url(&fresh))).await;
    assert_eq!(late.hear().await["type"], "waiting");
}
