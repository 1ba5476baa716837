//! Coming back: after a cut, a reload, a restart; and not with somebody else's token.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Browser, Room, TestServer, base64url, join, random, sha256, with};

fn resume(room: &Room, proof: &str, joined: &Value) -> Value {
    with(join(room, proof), "resume", joined["resume"].clone())
}

#[tokio::test]
async fn a_cut_session_comes_back_as_the_same_participant() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let (ada, joined) = server.join(&room, &room.guest).await;
    let (mut ben, _) = server.join(&room, &room.guest).await;
    drop(ada);
    let who = &joined["participant"];
    let away = |away: bool| json!({ "type": "participant_away", "participant": who, "away": away });
    assert_eq!(ben.hear().await, away(true));
    server.hand.advance(Duration::from_secs(20));
    let (_ada, again) = server.join_with(resume(&room, &room.guest, &joined)).await;
    assert_eq!((&again["participant"], &again["resumed"]), (who, &json!(true)));
    assert_eq!(ben.hear().await, away(false));
}

#[tokio::test]
async fn who_stays_away_for_thirty_seconds_has_left() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let (ada, joined) = server.join(&room, &room.guest).await;
    let (mut ben, _) = server.join(&room, &room.guest).await;
    drop(ada);
    ben.hear_type("participant_away").await;
    // Ben speaks in between: he would be cut for silence otherwise.
    server.hand.advance(Duration::from_secs(9));
    for _ in 0..3 {
        ben.is_alive().await;
        server.hand.advance(Duration::from_secs(9));
    }
    let left = ben.hear_type("participant_left").await;
    assert_eq!(left["participant"], joined["participant"]);
    let (_ada, again) = server.join_with(resume(&room, &room.guest, &joined)).await;
    assert_ne!(again["participant"], joined["participant"], "that participant is gone");
}

#[tokio::test]
async fn a_second_page_takes_the_place_of_the_first() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let (mut first, joined) = server.join(&room, &room.guest).await;
    let (_second, again) = server.join_with(resume(&room, &room.guest, &joined)).await;
    assert_eq!(again["resumed"], true);
    assert_eq!(
        first.hear().await,
        json!({ "type": "goodbye", "reason": "replaced", "note": null })
    );
    assert_eq!(first.close_code().await, 1000);
}

#[tokio::test]
async fn leaving_kills_the_token() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let (mut ada, joined) = server.join(&room, &room.guest).await;
    ada.say(&json!({ "type": "leave" })).await;
    ada.close_code().await;
    let (_ada, again) = server.join_with(resume(&room, &room.guest, &joined)).await;
    assert_ne!(again["participant"], joined["participant"]);
}

#[tokio::test]
async fn who_leaves_and_hangs_up_at_once_has_left_at_once() {
    let server = TestServer::start().await;
    let room = server.room().await;
    for _ in 0..20 {
        let (mut ben, _) = server.join(&room, &room.guest).await;
        let (mut ada, joined) = server.join(&room, &room.guest).await;
        ada.say(&json!({ "type": "rename", "requestId": 1, "displayName": "Ada" })).await;
        ada.say(&json!({ "type": "leave" })).await;
        drop(ada);
        let left = ben.hear_type("participant_left").await;
        assert_eq!(left["participant"], joined["participant"]);
        ben.say(&json!({ "type": "leave" })).await;
        ben.close_code().await;
    }
}

#[tokio::test]
async fn a_restart_says_so_and_keeps_rooms_and_participants() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let (mut ada, joined) = server.join(&room, &room.moderator).await;
    let mut outside = server.connect().await;
    let told = async {
        for browser in [&mut ada, &mut outside] {
            let goodbye = json!({ "type": "goodbye", "reason": "server_restart", "note": null });
            assert_eq!(browser.hear().await, goodbye);
            assert_eq!(browser.close_code().await, 1001);
        }
    };
    let began = std::time::Instant::now();
    let (server, ()) = tokio::join!(server.restart(), told);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    let (_ada, again) = server.join_with(resume(&room, &room.moderator, &joined)).await;
    assert_eq!(again["participant"], joined["participant"]);
    assert_eq!((&again["role"], &again["resumed"]), (&json!("moderator"), &json!(false)));
}

#[tokio::test]
async fn a_token_that_is_no_good_makes_a_new_participant_and_says_so() {
    let server = TestServer::start().await;
    let [room, other] = [server.room().await, server.room().await];
    let (_ada, joined) = server.join(&room, &room.guest).await;
    let (_eve, elsewhere) = server.join(&other, &other.guest).await;
    let good = joined["resume"].as_str().unwrap();
    let [head, body, tag] = good.split('.').collect::<Vec<_>>()[..] else { panic!("{good}") };
    let tokens = [
        String::new(),
        // As long as it may be before a join.
        "x".repeat(30_000),
        format!("{head}.{body}."),
        format!("{head}.{body}.{}", tag.chars().rev().collect::<String>()),
        format!("eyJhbGciOiJub25lIn0.{body}."),
        format!("{good}\u{0}"),
        elsewhere["resume"].as_str().unwrap().to_owned(),
    ];
    let told =
        json!({ "type": "error", "requestId": null, "code": "token_invalid", "fatal": false });
    for token in tokens {
        let attempt = with(join(&room, &room.guest), "resume", token.clone());
        let (mut browser, again) = server.join_with(attempt).await;
        assert_eq!(again["resumed"], false, "{token}");
        assert_eq!(browser.hear().await, told, "{token}");
        assert_ne!(again["participant"], joined["participant"], "{token}");
    }
    let as_moderator = resume(&room, &room.moderator, &joined);
    let (mut browser, again) = server.join_with(as_moderator).await;
    assert_eq!(browser.hear().await, told);
    assert_eq!((&again["role"], &again["resumed"]), (&json!("moderator"), &json!(false)));
}

#[tokio::test]
async fn a_token_without_the_link_opens_nothing() {
    let server = TestServer::start().await;
    let [room, other] = [server.room().await, server.room().await];
    let (_ada, joined) = server.join(&room, &room.guest).await;
    let refused = server.refusal(&resume(&room, &other.guest, &joined)).await;
    assert!(refused.contains("join_refused"), "{refused}");
}

/// Replaces the guest link; gives what the new one proves.
async fn rotate(moderator: &mut Browser, generation: u32) -> String {
    let fresh = random();
    let verifier = base64url(&sha256(&fresh));
    let rotate = json!({
        "type": "rotate_link", "requestId": 90, "guestVerifier": verifier, "generation": generation,
    });
    moderator.say(&rotate).await;
    assert_eq!(moderator.hear_type("done").await["requestId"], 90);
    base64url(&fresh)
}

#[tokio::test]
async fn r10_a_replaced_link_is_dead_at_once_and_brings_back_who_is_in_the_room_alone() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let (mut teacher, _) = server.join(&room, &room.moderator).await;
    let (_ada, ada) = server.join(&room, &room.guest).await;
    let (ben, cut) = server.join(&room, &room.guest).await;
    let (mut eve, left) = server.join(&room, &room.guest).await;
    let (_mallory, ejected) = server.join(&room, &room.guest).await;
    eve.say(&json!({ "type": "leave" })).await;
    eve.close_code().await;
    let who = &ejected["participant"];
    teacher.say(&json!({ "type": "eject", "requestId": 1, "participant": who })).await;
    teacher.hear_type("done").await;
    let fresh = rotate(&mut teacher, 1).await;
    drop(ben);
    for joined in [&ada, &cut] {
        let (_back, again) = server.join_with(resume(&room, &room.guest, joined)).await;
        assert_eq!(again["participant"], joined["participant"]);
        assert_eq!(again["resumed"], true);
    }
    for joined in [&left, &ejected] {
        let refused = server.refusal(&resume(&room, &room.guest, joined)).await;
        assert!(refused.contains("link_ended"), "{refused}");
    }
    let refused = server.refusal(&join(&room, &room.guest)).await;
    assert!(refused.contains("join_refused"), "{refused}");
    // A token with the new link is as good as with the one it was given for.
    let (_ada, again) = server.join_with(resume(&room, &fresh, &ada)).await;
    assert_eq!(again["resumed"], true);
    // Replaced once more, after the new link has brought somebody back.
    rotate(&mut teacher, 2).await;
    let (_ada, again) = server.join_with(resume(&room, &fresh, &again)).await;
    assert_eq!(again["resumed"], true);
}

#[tokio::test]
async fn r10_after_a_restart_a_replaced_link_brings_nobody_back() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let (mut teacher, _) = server.join(&room, &room.moderator).await;
    let (_ada, joined) = server.join(&room, &room.guest).await;
    rotate(&mut teacher, 1).await;
    let server = server.restart().await;
    let refused = server.refusal(&resume(&room, &room.guest, &joined)).await;
    assert!(refused.contains("link_ended"), "{refused}");
}

#[tokio::test]
async fn r10_a_link_with_an_end_lets_nobody_in_after_it_and_brings_back_who_is_there() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let (mut teacher, joined) = server.join(&room, &room.moderator).await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let was = joined["rules"]["open"].clone();
    let mut rules = was.clone();
    rules["guestsUntil"] = json!(now.as_secs() + 60);
    let set = json!({ "type": "set_rules", "requestId": 2, "was": was, "rules": rules });
    teacher.say(&set).await;
    teacher.hear_type("done").await;
    let (mut early, inside) = server.join(&room, &room.guest).await;
    for _ in 0..8 {
        server.hand.advance(Duration::from_secs(9));
        teacher.is_alive().await;
        early.is_alive().await;
    }
    let refused = server.refusal(&join(&room, &room.guest)).await;
    assert!(refused.contains("link_ended"), "{refused}");
    let personal = with(join(&room, &room.guest), "handle", base64url(&random()));
    let refused = server.refusal(&personal).await;
    assert!(refused.contains("link_ended"), "{refused}");
    drop(early);
    let (mut back, again) = server.join_with(resume(&room, &room.guest, &inside)).await;
    assert_eq!(again["resumed"], true, "no end of a link ends who is in the room");
    back.say(&json!({ "type": "leave" })).await;
    back.close_code().await;
    let refused = server.refusal(&resume(&room, &room.guest, &inside)).await;
    assert!(refused.contains("link_ended"), "{refused}");
    server.join(&room, &room.moderator).await;
}

#[tokio::test]
async fn a_token_ends_after_twelve_hours() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let (_ada, joined) = server.join(&room, &room.guest).await;
    server.hand.advance(Duration::from_secs(12 * 3600));
    let server = server.restart().await;
    let (_ada, again): (Browser, _) = server.join_with(resume(&room, &room.guest, &joined)).await;
    assert_ne!(again["participant"], joined["participant"]);
}
