//! Bad input: each gives its sender a code, and nobody else anything.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::harness::{Browser, TestServer, examples, join, with};

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

/// Wrong forms of a message of a browser: each says something that no version of the protocol does.
fn wrong_forms(message: &Value) -> Vec<String> {
    let text = message.to_string();
    let mut forms = vec![
        with(message.clone(), "zebra", 1).to_string(),
        with(message.clone(), "type", message["type"].as_str().unwrap().to_uppercase()).to_string(),
        with(message.clone(), "type", json!([message["type"]])).to_string(),
        text[..text.len() - 1].to_owned(),
        format!("{text}{text}"),
        format!("[{text}]"),
    ];
    let fields = message.as_object().unwrap().keys().filter(|name| *name != "type");
    for name in fields {
        forms.push(with(message.clone(), name, json!({ "zebra": 1 })).to_string());
        forms.push(with(message.clone(), name, json!([[0.5]])).to_string());
        forms.push(text.replacen(&format!("\"{name}\""), &format!("\"{name}_\""), 1));
    }
    forms
}

#[tokio::test]
async fn every_message_in_some_wrong_form_is_answered_with_a_code() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let (mut bystander, _) = server.join(&room, &room.guest).await;
    let mut refused = 0;
    for (name, message) in examples() {
        for (number, text) in wrong_forms(&message).into_iter().enumerate() {
            // One form of each is said in the room, the others at its door: it is read alike.
            let mut browser = match number {
                0 => server.join(&room, &room.guest).await.0,
                _ => server.connect().await,
            };
            browser.send(Message::text(text.clone())).await;
            let error = browser.hear_type("error").await;
            assert_eq!(error["fatal"], true, "{name}: {text}");
            assert_eq!(error["code"], "malformed", "{name}: {text}");
            assert_eq!(browser.close_code().await, 1008, "{name}: {text}");
            refused += 1;
        }
    }
    assert!(refused >= 500, "{refused}");
    bystander.is_alive().await;
}

#[tokio::test]
async fn messages_are_bounded_in_size() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let (mut bystander, _) = server.join(&room, &room.guest).await;
    // Before the join little is read.
    let just_fits = with(join(&room, &room.guest), "resume", "");
    let filler = FIRST_BYTES - just_fits.to_string().len();
    let just_fits = with(just_fits, "resume", "x".repeat(filler));
    let (mut inside, _) = server.join_with(just_fits.clone()).await;
    assert_eq!(inside.hear_type("error").await["code"], "token_invalid");
    let filler = "x".repeat(filler + 9);
    for text in [
        with(just_fits, "resume", filler).to_string(),
        " ".repeat(protocol::MAX_MESSAGE_BYTES),
        " ".repeat(1_000_000),
    ] {
        let mut browser = server.connect().await;
        // The server reads no further once it is too much.
        let _ = futures_util::SinkExt::send(&mut browser.0, Message::text(text)).await;
        assert_eq!(browser.hear().await["code"], "message_too_large");
        assert_eq!(browser.close_code().await, 1009);
    }
    // In the room, what is sealed finds place.
    let (mut other, _) = server.join(&room, &room.guest).await;
    for (browser, size, code, close) in [
        (&mut inside, protocol::MAX_MESSAGE_BYTES, "malformed", 1008),
        (&mut other, protocol::MAX_MESSAGE_BYTES + 1, "message_too_large", 1009),
    ] {
        browser.send(Message::text(" ".repeat(size))).await;
        assert_eq!(browser.hear_type("error").await["code"], code, "{size}");
        assert_eq!(browser.close_code().await, close, "{size}");
    }
    bystander.is_alive().await;
}

/// Text of a session before its join, behind the eight bytes that begin its frame.
const FIRST_BYTES: usize = 32 * 1024 - 8;

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
async fn paths_that_climb_reach_no_file() {
    let server = TestServer::start().await;
    let key = std::fs::read(server.data_dir().join("signing.key")).unwrap();
    let up = ["..", "%2e%2e", ".%2e", "%2E%2E%2F..", "..%5c..", "....//..", "%c0%ae%c0%ae"];
    let below = ["signing.key", "etc/passwd", "preau.sqlite", "%00"];
    let mut paths = vec!["//etc/passwd".to_owned(), "/./signing.key".to_owned()];
    for (up, below) in up.iter().flat_map(|up| below.map(|below| (up, below))) {
        paths.push(format!("/{up}/{up}/{below}"));
        paths.push(format!("/assets/{up}/{below}"));
        paths.push(format!("/api/recordings/{up}/{below}"));
    }
    assert!(paths.len() >= 30);
    for path in paths {
        let answer = server.get(&path, &[]).await;
        let is_page = answer.status == 200 && answer.body == "plain";
        assert!(is_page || [400, 401, 404].contains(&answer.status), "{path}: {}", answer.status);
        assert!(!answer.body.contains("root:") && !answer.body.contains("SQLite"), "{path}");
        assert!(!answer.body.as_bytes().windows(8).any(|part| part == &key[..8]), "{path}");
    }
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
