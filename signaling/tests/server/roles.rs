//! Who may say what: every message, from everybody who might say it, with others listening.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::delegation::{delegation, now, set_role};
use crate::harness::{
    Browser, Room, TestServer, base64url, examples, join, random, sealed_join, with,
};

/// Of the session itself, whoever says it.
const SESSION: [&str; 4] = ["join", "leave", "ping", "probe"];

/// Everybody's in the room.
const EVERYBODY: [&str; 23] = [
    "answer_recording",
    "call_help",
    "chat",
    "mls_ask_admission",
    "mls_commit",
    "mls_create",
    "mls_key_package",
    "mls_ready",
    "mls_resume",
    "mls_say",
    "mls_vote",
    "offer",
    "raise_hand",
    "react",
    "release_keys",
    "rename",
    "set_audience",
    "set_opinion",
    "set_publishing",
    "set_reception",
    "subscribe",
    "vote",
    "what_is_known",
];

/// Moderators', by their link or by a delegation.
const MODERATORS: [&str; 20] = [
    "admit",
    "announce",
    "clear_opinions",
    "close_poll",
    "eject",
    "end_meeting",
    "grant",
    "invite",
    "lower_hand",
    "mls_admit",
    "mls_open_poll",
    "open_poll",
    "refuse_entry",
    "report_incident",
    "set_groups",
    "set_rules",
    "set_spotlight",
    "set_timer",
    "stop_recording",
    "stop_source",
];

/// Theirs alone who hold the moderator link.
const LINK_HOLDERS: [&str; 5] =
    ["add_handles", "revoke_handle", "rotate_link", "set_role", "start_recording"];

/// Says something and gives its answer's code, `null` for a good one; the room must be silent.
async fn say(browser: &mut Browser, message: &Value) -> Value {
    let message = with(message.clone(), "requestId", 77);
    browser.say(&message).await;
    loop {
        let answer = browser.hear().await;
        if answer["requestId"] == 77 {
            assert_ne!(answer["fatal"], true, "{answer} to {message}");
            return answer["code"].clone();
        }
    }
}

/// A lesson: a moderator, a delegate, two pupils, somebody who waits and somebody who was ejected.
struct Lesson {
    server: TestServer,
    room: Room,
    teacher: Browser,
    delegate: Browser,
    pupil: Browser,
    bystander: Browser,
    waiting: Browser,
    ejected: Browser,
}

impl Lesson {
    async fn start() -> Self {
        Self::start_in(false).await
    }

    async fn start_in(is_encrypted: bool) -> Self {
        let server = TestServer::start().await;
        let (room, join): (_, fn(&Room, &str) -> Value) = match is_encrypted {
            true => (server.encrypted_room_of("classe").await, sealed_join),
            false => (server.room_of("classe").await, join),
        };
        let (mut teacher, _) = server.join_with(join(&room, &room.moderator)).await;
        let enter = async || {
            let mut browser = server.connect().await;
            browser.say(&join(&room, &room.guest)).await;
            let who = browser.hear_type("waiting").await["participant"].clone();
            (browser, who)
        };
        let (mut delegate, chosen) = enter().await;
        let (mut pupil, _) = enter().await;
        let (mut bystander, _) = enter().await;
        let (mut ejected, intruder) = enter().await;
        say(&mut teacher, &json!({ "type": "admit", "participants": null, "admissions": [] }))
            .await;
        for browser in [&mut delegate, &mut pupil, &mut bystander, &mut ejected] {
            browser.hear_type("joined").await;
        }
        let (waiting, _) = enter().await;
        let word = delegation(&room.host, &room.slug, &chosen, now() + 3600);
        assert_eq!(set_role(&mut teacher, &chosen, "moderator", word).await, Value::Null);
        say(&mut teacher, &json!({ "type": "eject", "participant": intruder })).await;
        let mut lesson =
            Self { server, room, teacher, delegate, pupil, bystander, waiting, ejected };
        lesson.listeners_heard().await;
        lesson.delegate.is_alive().await;
        lesson.pupil.is_alive().await;
        lesson
    }

    /// What a moderator and a pupil who do nothing have heard since the last time.
    async fn listeners_heard(&mut self) -> Vec<Value> {
        let mut heard = self.teacher.is_alive().await;
        heard.extend(self.bystander.is_alive().await);
        heard
    }
}

#[tokio::test]
async fn every_message_is_refused_to_everybody_whose_it_is_not_and_nobody_else_hears_of_it() {
    let examples = examples();
    let mut known: Vec<_> =
        SESSION.into_iter().chain(EVERYBODY).chain(MODERATORS).chain(LINK_HOLDERS).collect();
    known.sort_unstable();
    let names: Vec<_> = examples.keys().map(String::as_str).collect();
    assert_eq!(names, known, "a new message needs its place in the table");

    for is_encrypted in [false, true] {
        refuse_what_is_not_theirs(Lesson::start_in(is_encrypted).await, &examples).await;
    }
}

async fn refuse_what_is_not_theirs(mut lesson: Lesson, examples: &BTreeMap<String, Value>) {
    for name in EVERYBODY.into_iter().chain(MODERATORS).chain(LINK_HOLDERS) {
        let message = &examples[name];
        assert_eq!(say(&mut lesson.waiting, message).await, "not_joined", "waiting: {name}");
        if !EVERYBODY.contains(&name) {
            assert_eq!(say(&mut lesson.pupil, message).await, "not_allowed", "pupil: {name}");
        }
        if LINK_HOLDERS.contains(&name) {
            let refused = say(&mut lesson.delegate, message).await;
            assert_eq!(refused, "not_allowed", "delegate: {name}");
        }
        let heard = lesson.listeners_heard().await;
        assert!(heard.is_empty(), "{name}: {heard:?}");
    }
    assert_eq!(lesson.waiting.is_alive().await, [] as [Value; 0]);
}

#[tokio::test]
async fn every_message_is_open_to_everybody_whose_it_is() {
    let examples = examples();
    for is_encrypted in [false, true] {
        hear_what_is_theirs(Lesson::start_in(is_encrypted).await, &examples).await;
    }
}

async fn hear_what_is_theirs(mut lesson: Lesson, examples: &BTreeMap<String, Value>) {
    for name in EVERYBODY {
        for browser in [&mut lesson.pupil, &mut lesson.delegate, &mut lesson.teacher] {
            let code = say(browser, &examples[name]).await;
            assert!(code != "not_allowed" && code != "not_joined", "{name}: {code}");
        }
    }
    // What ends the lesson comes last.
    for name in MODERATORS.into_iter().filter(|name| *name != "end_meeting") {
        for browser in [&mut lesson.delegate, &mut lesson.teacher] {
            if name == "open_poll" || name == "mls_open_poll" {
                say(browser, &json!({ "type": "close_poll" })).await;
            }
            let code = say(browser, &examples[name]).await;
            assert_ne!(code, "not_allowed", "{name}");
        }
    }
    for name in LINK_HOLDERS {
        assert_ne!(say(&mut lesson.teacher, &examples[name]).await, "not_allowed", "{name}");
    }
    assert_eq!(say(&mut lesson.delegate, &examples["end_meeting"]).await, Value::Null);
}

#[tokio::test]
async fn whoever_was_ejected_says_nothing_more_to_anybody() {
    let mut lesson = Lesson::start().await;
    let goodbye = lesson.ejected.hear_type("goodbye").await;
    assert_eq!(goodbye["reason"], "ejected");
    for (name, message) in examples() {
        // The connection may close under it at any moment.
        let text = Message::text(message.to_string());
        let _ = futures_util::SinkExt::send(&mut lesson.ejected.0, text).await;
        let heard = lesson.listeners_heard().await;
        assert!(heard.is_empty(), "{name}: {heard:?}");
    }
}

#[tokio::test]
async fn a_pupil_who_claims_to_be_a_moderator_is_none() {
    let lesson = Lesson::start().await;
    let Lesson { server, room, .. } = &lesson;
    for claim in ["role", "linkRole", "isModerator"] {
        let mut browser = server.connect().await;
        browser.say(&with(join(room, &room.guest), claim, "moderator")).await;
        assert_eq!(browser.hear().await["code"], "malformed", "{claim}");
        assert_eq!(browser.close_code().await, 1008);
    }
    let (_teacher, own) = server.join(room, &room.moderator).await;
    let mut browser = server.connect().await;
    browser.say(&with(join(room, &room.guest), "resume", own["resume"].clone())).await;
    let waiting = browser.hear().await;
    assert_eq!(waiting["type"], "waiting", "a moderator's token with a pupil's link: {waiting}");
    assert_ne!(waiting["participant"], own["participant"]);
    let forged = base64url(&random());
    let refused = server.refusal(&with(join(room, &forged), "resume", own["resume"].clone())).await;
    assert!(refused.contains("join_refused"), "{refused}");
}
