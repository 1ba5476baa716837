//! What the server logs at DEBUG, and what its metrics page says, about a class that meets.

use std::path::Path;

use serde_json::json;

use crate::harness::{Room, TestServer, ask, base64url, join, log_so_far, random, sha256, with};

#[tokio::test]
async fn r29_logs_and_metrics_hold_no_address_name_link_token_or_proof() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let named = with(join(&room, &room.guest), "displayName", "Camille Canari");
    let (mut camille, joined) = server.join_with(named).await;
    let token = joined["resume"].as_str().unwrap().to_owned();
    let (mut ada, _) = server.join(&room, &room.moderator).await;
    camille.say(&json!({ "type": "rename", "requestId": 1, "displayName": "Zebulon" })).await;
    camille.hear_type("done").await;
    let sdp = "v=0\r\no=- 1 1 IN IP4 198.51.100.77\r\ns=-\r\nc=IN IP4 198.51.100.77\r\n";
    camille.say(&json!({ "type": "offer", "requestId": 2, "sdp": sdp, "publish": [] })).await;
    camille.hear_type("error").await;
    let wrong = base64url(&random());
    server.refusal(&join(&room, &wrong)).await;
    ada.send(tokio_tungstenite::tungstenite::Message::text("{\"type\":\"Zebulon\"}")).await;
    ada.close_code().await;
    drop(camille);
    let (mut back, _) =
        server.join_with(with(join(&room, &room.guest), "resume", token.clone())).await;
    let metrics = ask(server.addresses().metrics, "GET", "/metrics", "", &[]).await.body;
    back.say(&json!({ "type": "leave" })).await;
    back.close_code().await;
    server.stop().await;

    // Of every test so far, which only makes the search wider.
    let log = log_so_far();
    for expected in ["room opened", "joined", "session refused", "server stops"] {
        assert!(log.contains(expected), "the log was not captured: no {expected:?} in {log}");
    }
    let signature = token.rsplit('.').next().unwrap();
    let secrets = [
        "127.0.0.1",
        "::1",
        "198.51.100.77",
        "Camille",
        "Canari",
        "Zebulon",
        "Invité",
        "Animation",
        &room.slug,
        &room.guest,
        &room.moderator,
        &wrong,
        &token,
        signature,
    ];
    for (what, text) in [("log", &log), ("metrics", &metrics)] {
        for secret in secrets {
            assert!(!text.contains(secret), "{secret:?} stands in the {what}: {text}");
        }
    }
}

/// Every file below a folder, with its bytes.
fn files_of(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = vec![];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            let inner = files_of(&path).into_iter();
            found.extend(inner.map(|(file, bytes)| (format!("{name}/{file}"), bytes)));
        } else {
            found.push((name, std::fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn r04_r26_r27_after_a_meeting_the_disk_holds_rooms_and_nothing_of_who_was_there_or_what_was_said()
 {
    let server = TestServer::start().await;
    let room = server.room().await;
    let named = with(join(&room, &room.guest), "displayName", "Camille Canari");
    let (mut camille, joined) = server.join_with(named).await;
    let who = joined["participant"].as_str().unwrap().to_owned();
    let (mut ada, _) = server.join(&room, &room.moderator).await;
    camille.hear_type("participant_joined").await;
    let words = "Quetzalcoatl mange des figues";
    let say = json!({ "type": "chat", "requestId": 1, "audience": "everybody", "text": words });
    camille.say(&say).await;
    assert_eq!(ada.hear_type("chatted").await["text"], words);
    // Whoever comes later is told nothing of it.
    let (mut late, arrival) = server.join(&room, &room.guest).await;
    assert!(!arrival.to_string().contains("Quetzalcoatl"), "{arrival}");
    assert!(!late.is_alive().await.iter().any(|message| message["type"] == "chatted"));
    for browser in [&mut camille, &mut ada, &mut late] {
        browser.say(&json!({ "type": "leave" })).await;
        browser.close_code().await;
    }
    let data = server.data_dir().to_owned();
    // The folder is kept past the server.
    let server = server.restart().await;

    let files = files_of(&data);
    let documented = |name: &str| {
        // Keys of the server's own, the database and what SQLite lays beside it, the authority, and
        // an empty file that says whose the folder is.
        name.ends_with(".key")
            || name == "lock"
            || name.starts_with("preau.sqlite")
            || name.starts_with("tls/")
    };
    for (name, bytes) in &files {
        assert!(documented(name), "{name} stands in no document");
        for text in ["Camille", "Canari", "Quetzalcoatl", &who, "127.0.0.1 ", &room.slug] {
            assert!(!holds(bytes, text), "{name} holds {text}");
        }
    }
    assert!(files.iter().any(|(name, _)| name == "preau.sqlite"), "{files:?}");
    // No table for accounts of anybody.
    let database = rusqlite::Connection::open(data.join("preau.sqlite")).unwrap();
    let schema = "SELECT group_concat(lower(sql), ' ') FROM sqlite_master";
    let schema: String = database.query_row(schema, [], |row| row.get(0)).unwrap();
    assert!(schema.contains("create table room"), "{schema}");
    for word in ["mail", "phone", "birth", "password", "account", "display", "pseudonym", "address"]
    {
        assert!(!schema.contains(word), "the database has a place for {word}: {schema}");
    }
    server.stop().await;
}

#[tokio::test]
async fn r07_r08_whoever_has_the_link_takes_part_without_account_password_or_directory() {
    // Even where making rooms is kept to some people.
    let server = TestServer::start_with("host_pass_required = true").await;
    let data = server.data_dir().to_str().unwrap().to_owned();
    let pass = std::process::Command::new(env!("CARGO_BIN_EXE_preau"))
        .args(["host-pass", "--data", &data])
        .output()
        .unwrap();
    let pass = String::from_utf8(pass.stdout).unwrap();
    let [guest, moderator] = [random(), random()];
    let body = json!({
        "guestVerifier": base64url(&sha256(&guest)), "moderatorVerifier": base64url(&sha256(&moderator)),
        "hostKey": null, "profile": "reunion",
    });
    let bearer = format!("Bearer {}", pass.trim());
    let made = server.post("/api/rooms", &body.to_string(), &[("authorization", &bearer)]).await;
    let slug = made.json()["room"].as_str().unwrap().to_owned();
    let room =
        Room { slug, guest: base64url(&guest), moderator: base64url(&moderator), host: [0; 32] };
    // A parent with the link alone: no name, no header, nothing else in the message.
    let wish = join(&room, &room.guest);
    let keys: Vec<_> = wish.as_object().unwrap().keys().cloned().collect();
    for key in &keys {
        let is_plain = ["type", "protocolVersion", "room", "proof", "displayName", "language"];
        assert!(is_plain.contains(&key.as_str()) || wish[key].is_null(), "{key} is asked for");
    }
    let (mut parent, joined) = server.join_with(wish).await;
    assert_eq!(joined["role"], "guest");
    parent.is_alive().await;
}

#[tokio::test]
async fn r29_whoever_asks_is_told_all_that_is_held_about_them_and_nobody_else_is() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let (mut ada, _) = server.join(&room, &room.moderator).await;
    let named = with(join(&room, &room.guest), "displayName", "Camille Canari");
    let (mut camille, joined) = server.join_with(named).await;
    for (request, message) in [
        (1, json!({ "type": "raise_hand", "raised": true })),
        (2, json!({ "type": "set_opinion", "opinion": "slower" })),
        (3, json!({ "type": "set_publishing", "source": "microphone", "active": true })),
    ] {
        camille.say(&with(message, "requestId", request)).await;
        camille.hear_type("done").await;
    }
    camille.is_alive().await;
    ada.is_alive().await;
    camille.say(&json!({ "type": "what_is_known", "requestId": 9 })).await;
    let answer = camille.hear_type("known").await;
    assert_eq!(answer["requestId"], 9);
    let known = &answer["known"];
    for (field, value) in [
        ("participant", joined["participant"].clone()),
        ("displayName", json!("Camille Canari")),
        ("role", json!("guest")),
        ("address", json!("127.0.0.1")),
        ("hand", json!(1)),
        ("opinion", json!("slower")),
        ("active", json!(["microphone"])),
        ("hasVoted", json!(false)),
        ("arrival", json!(2)),
    ] {
        assert_eq!(known[field], value, "{field} of {known}");
    }
    let proof = protocol::Proof::try_from(room.guest.clone()).unwrap();
    assert_eq!(known["link"], base64url(&sha256(proof.as_bytes())));
    let heard = ada.is_alive().await;
    assert!(heard.is_empty(), "{heard:?}");
}
