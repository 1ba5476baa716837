//! Bad input: each gives its sender a code, and nobody else anything.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::harness::{Browser, TestServer, join, with};

#[tokio::test]
async fn messages_that_are_no_messages_end_their_session_only() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let (mut bystander, _) = server.join(&room, &room.guest).await;
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let texts = [
        String::new(),
        "null".into(),
        "[]".into(),
        "{}".into(),
        "{\"type\":\"ping\"".into(),
        "{\"type\":\"nothing\"}".into(),
        "{\"type\":\"ping\",\"more\":1}".into(),
        "{\"type\":\"leave\",\"participant\":\"AAAAAAAAAAA\"}".into(),
        "{\"type\":\"rename\",\"requestId\":1}".into(),
        "{\"type\":\"rename\",\"requestId\":-1,\"displayName\":\"x\"}".into(),
        "{\"type\":\"rename\",\"requestId\":1e99,\"displayName\":\"x\"}".into(),
        "{\"type\":\"rename\",\"requestId\":1,\"displayName\":7}".into(),
        "{\"type\":\"set_publishing\",\"requestId\":1,\"source\":\"door\",\"active\":true}".into(),
        "{\"type\":\"subscribe\",\"requestId\":1,\"slots\":[{\"track\":null}]}".into(),
        "{\"type\":\"joined\",\"participant\":\"AAAAAAAAAAA\"}".into(),
        "{\"type\":\"participant_left\",\"participant\":\"AAAAAAAAAAA\"}".into(),
        "\u{0}".into(),
        "{\"type\":\"ping\",\"type\":\"ping\"}".into(),
        deep,
    ];
    for text in texts {
        let (mut browser, _) = server.join(&room, &room.guest).await;
        browser.send(Message::text(text.clone())).await;
        let start = &text[..text.len().min(60)];
        let error = browser.hear_type("error").await;
        assert_eq!(
            (&error["code"], &error["fatal"]),
            (&json!("malformed"), &json!(true)),
            "{start}"
        );
        assert_eq!(browser.close_code().await, 1008, "{start}");
        bystander.is_alive().await;
    }
}

#[tokio::test]
async fn nothing_but_join_is_heard_before_join() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let messages = [
        json!({ "type": "ping" }),
        json!({ "type": "leave" }),
        json!({ "type": "offer", "requestId": 1, "sdp": "", "publish": [] }),
        json!({ "type": "subscribe", "requestId": 1, "slots": [] }),
        json!({ "type": "rename", "requestId": 1, "displayName": "x" }),
        json!({ "type": "set_publishing", "requestId": 1, "source": "camera", "active": true }),
    ];
    for message in messages {
        let mut browser = server.connect().await;
        browser.say(&message).await;
        assert_eq!(browser.hear().await["code"], "not_joined", "{message}");
        assert_eq!(browser.close_code().await, 1008);
    }
    let (mut browser, _) = server.join(&room, &room.guest).await;
    browser.say(&join(&room, &room.guest)).await;
    assert_eq!(browser.hear().await["code"], "already_joined");
    assert_eq!(browser.close_code().await, 1008);
}

#[tokio::test]
async fn a_session_that_does_not_join_ends_after_ten_seconds() {
    let server = TestServer::start().await;
    let mut silent = server.connect().await;
    let text = server.hear_in_time(&mut silent).await;
    assert!(text.contains("not_joined"), "{text}");
}

#[tokio::test]
async fn messages_are_bounded_in_size() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let (mut bystander, _) = server.join(&room, &room.guest).await;
    let just_fits = with(join(&room, &room.guest), "resume", "");
    let filler = protocol::MAX_MESSAGE_BYTES - just_fits.to_string().len();
    let just_fits = with(just_fits, "resume", "x".repeat(filler));
    server.join_with(just_fits).await;
    for size in [protocol::MAX_MESSAGE_BYTES + 1, 1_000_000] {
        let mut browser = server.connect().await;
        browser.send(Message::text(" ".repeat(size))).await;
        assert_eq!(browser.hear().await["code"], "message_too_large", "{size}");
        assert_eq!(browser.close_code().await, 1009, "{size}");
    }
    bystander.is_alive().await;
}

#[tokio::test]
async fn binary_frames_are_refused() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let (mut browser, _) = server.join(&room, &room.guest).await;
    browser.send(Message::binary(vec![0; 100])).await;
    assert_eq!(browser.hear().await["code"], "malformed");
    assert_eq!(browser.close_code().await, 1003);
}

#[tokio::test]
async fn a_flood_ends_its_own_session() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let (mut bystander, _) = server.join(&room, &room.guest).await;
    let (mut flooding, _) = server.join(&room, &room.guest).await;
    for _ in 0..250 {
        flooding.send(Message::text("{\"type\":\"ping\"}")).await;
    }
    let error = flooding.hear_type("error").await;
    assert_eq!((&error["code"], &error["fatal"]), (&json!("rate_limited"), &json!(true)));
    assert_eq!(flooding.close_code().await, 1013);
    bystander.is_alive().await;
}

#[tokio::test]
async fn requests_about_nothing_are_refused_one_by_one_and_the_session_goes_on() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let (mut browser, joined) = server.join(&room, &room.guest).await;
    let camera = |who: &Value| json!({ "participant": who, "source": "camera" });
    let slot = |track: Value| json!([{ "mid": "0", "track": track, "maxHeight": null }]);
    let cases = [
        (json!({ "type": "offer", "sdp": "", "publish": [] }), "offer_invalid"),
        (json!({ "type": "offer", "sdp": "v=0\r\n", "publish": [] }), "offer_invalid"),
        (
            json!({
                "type": "offer", "sdp": "v=0",
                "publish": [{ "mid": "a mid with blanks", "source": "camera" }]
            }),
            "offer_invalid",
        ),
        (
            json!({ "type": "subscribe", "slots": slot(camera(&joined["participant"])) }),
            "slot_unknown",
        ),
        (json!({ "type": "rename", "displayName": "" }), "name_invalid"),
        (json!({ "type": "rename", "displayName": "a\u{0007}" }), "name_invalid"),
        (json!({ "type": "rename", "displayName": "x".repeat(41) }), "name_invalid"),
    ];
    for (number, (message, code)) in cases.into_iter().enumerate() {
        browser.say(&with(message, "requestId", number)).await;
        let expected =
            json!({ "type": "error", "requestId": number, "code": code, "fatal": false });
        assert_eq!(browser.hear().await, expected);
    }
    browser.is_alive().await;
}

#[tokio::test]
async fn a_browser_that_does_not_read_is_cut_and_the_others_go_on() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let mut stalled = server.connect_narrow().await;
    stalled.say(&join(&room, &room.guest)).await;
    let who = stalled.hear().await["participant"].clone();
    let name = "🦜".repeat(40);
    let mut browsers = vec![];
    for _ in 0..20 {
        browsers.push(server.join(&room, &room.guest).await.0);
    }
    let mut chatting = tokio::task::JoinSet::new();
    for browser in browsers {
        let name = name.clone();
        chatting.spawn(async move {
            let (mut write, mut read) = browser.0.split();
            let say = async {
                for number in 0..190 {
                    let rename =
                        json!({ "type": "rename", "requestId": number, "displayName": name });
                    let message = Message::text(rename.to_string());
                    futures_util::SinkExt::send(&mut write, message).await.unwrap();
                }
            };
            // Everybody but the stalled one reads all along, and hears that it went away.
            let hear = async {
                let (mut done, mut away) = (0, None);
                while done < 190 || away.is_none() {
                    let Some(Ok(Message::Text(text))) = read.next().await else { panic!() };
                    let message: Value = serde_json::from_str(&text).unwrap();
                    done += u32::from(message["type"] == "done");
                    if message["type"] == "participant_away" {
                        // Later ones are chatting partners who had heard enough.
                        away.get_or_insert(message["participant"].clone());
                    }
                }
                away
            };
            tokio::join!(say, hear).1
        });
    }
    while let Some(away) = crate::harness::in_time(chatting.join_next()).await {
        assert_eq!(away.unwrap(), Some(who.clone()));
    }
    assert_eq!(server.metric("preau_sessions_slow_total").await, 1);
}

#[tokio::test]
async fn a_silent_browser_is_asked_and_then_cut() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let (mut silent, joined) = server.join(&room, &room.guest).await;
    let (mut other, _) = server.join(&room, &room.guest).await;
    silent.hear_type("participant_joined").await;
    // Nobody reads the silent one's socket, so no pong answers the server's ping.
    let mut heard = vec![];
    for seconds in [9, 1, 8, 7] {
        server.hand.advance(Duration::from_secs(seconds));
        heard.extend(other.is_alive().await);
    }
    let away = json!({
        "type": "participant_away", "participant": joined["participant"], "away": true
    });
    if heard.is_empty() {
        heard.push(other.hear().await);
    }
    assert_eq!(heard, [away]);
    assert!(silent.is_cut().await);
}

#[tokio::test]
async fn sessions_from_other_sites_are_refused() {
    let server = TestServer::start().await;
    let port = server.http().port();
    for origin in ["https://evil.example", "null", "http://localhost", "http://localhost:1"] {
        let refused = server.try_connect(&[("origin", origin)]).await.err();
        assert_eq!(refused, Some(403), "{origin}");
    }
    let own = format!("http://localhost:{port}");
    assert!(server.try_connect(&[("origin", &own)]).await.is_ok());
}

#[tokio::test]
async fn sessions_before_their_join_are_bounded() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let (mut inside, _) = server.join(&room, &room.guest).await;
    let mut waiting: Vec<Browser> = vec![];
    let refused = loop {
        match server.try_connect(&[]).await {
            Ok(browser) => waiting.push(browser),
            Err(status) => break status,
        }
    };
    assert_eq!((refused, waiting.len()), (503, 128));
    inside.is_alive().await;
    let mut first = waiting.remove(0);
    first.say(&join(&room, &room.guest)).await;
    assert_eq!(first.hear().await["type"], "joined", "whoever waits can still join");
    assert!(server.try_connect(&[]).await.is_ok(), "and leaves a place");
}

#[tokio::test]
async fn sessions_that_ended_leave_nothing_behind() {
    let server = TestServer::start_with("max_participants = 3").await;
    let room = server.room().await;
    for _ in 0..10 {
        let (mut browser, _) = server.join(&room, &room.guest).await;
        browser.say(&json!({ "type": "leave" })).await;
        browser.close_code().await;
    }
    assert_eq!(server.metric("preau_participants").await, 0);
    assert_eq!(server.metric("preau_sessions_waiting").await, 0);
    assert_eq!(server.metric("preau_joins_total").await, 10);
}
