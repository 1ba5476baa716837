//! Encrypted rooms over the real server: what is refused, who is told what, and what stays.

use std::time::Duration;

use serde_json::{Value, json};

use crate::delegation::{delegation, now, set_role};
use crate::harness::{
    Browser, Room, TestServer, base64url, host_key, join, log_so_far, random, sealed_join, with,
};

const GROUP: &str = "HxxbL613hDQCTxU3mGNGkg";
const OTHER: &str = "BxxbL613hDQCTxU3mGNGkg";

/// Asks, and gives the code of the answer, `null` for a good one, and what came before it.
async fn ask(browser: &mut Browser, message: Value) -> (Value, Vec<Value>) {
    let message = with(message, "requestId", 77);
    browser.say(&message).await;
    let mut before = vec![];
    loop {
        let answer = browser.hear().await;
        if answer["requestId"] == 77 {
            assert_ne!(answer["fatal"], true, "{answer} to {message}");
            return (answer["code"].clone(), before);
        }
        before.push(answer);
    }
}

async fn code(browser: &mut Browser, message: Value) -> Value {
    ask(browser, message).await.0
}

async fn does(browser: &mut Browser, message: Value) {
    let named = message["type"].clone();
    assert_eq!(code(browser, message).await, Value::Null, "{named}");
}

fn create() -> Value {
    json!({ "type": "mls_create", "group": GROUP })
}

fn key_package(text: &str) -> Value {
    json!({ "type": "mls_key_package", "keyPackage": text })
}

fn commit(epoch: u64, added: &[&Value], removed: &[&Value]) -> Value {
    json!({
        "type": "mls_commit",
        "group": GROUP,
        "epoch": epoch,
        "commit": base64url(format!("commit in {epoch}").as_bytes()),
        "welcome": (!added.is_empty()).then(|| base64url(b"welcome")),
        "added": added,
        "removed": removed,
    })
}

fn ready(epoch: u64) -> Value {
    json!({ "type": "mls_ready", "group": GROUP, "epoch": epoch })
}

fn resume(epoch: u64) -> Value {
    json!({ "type": "mls_resume", "group": GROUP, "epoch": epoch })
}

/// A room whose moderator made the circle.
struct Meeting {
    server: TestServer,
    room: Room,
    teacher: Browser,
    own: Value,
}

impl Meeting {
    async fn start() -> Self {
        let server = TestServer::start().await;
        let room = server.encrypted_room_of("reunion").await;
        let (mut teacher, own) = server.join_with(sealed_join(&room, &room.moderator)).await;
        does(&mut teacher, create()).await;
        does(&mut teacher, ready(0)).await;
        teacher.hear_type("mls_all_ready").await;
        Self { server, room, teacher, own }
    }

    /// Somebody who is in the room; gives their `joined`.
    async fn guest(&mut self) -> (Browser, Value) {
        let joined = self.server.join_with(sealed_join(&self.room, &self.room.guest)).await;
        self.teacher.hear_type("participant_joined").await;
        joined
    }

    /// Somebody who is a member, added in this epoch.
    async fn member(&mut self, epoch: u64) -> (Browser, Value) {
        let (mut guest, joined) = self.guest().await;
        does(&mut guest, key_package("a2V5")).await;
        does(&mut self.teacher, commit(epoch, &[&joined["participant"]], &[])).await;
        guest.hear_type("mls_welcome").await;
        does(&mut guest, ready(epoch + 1)).await;
        (guest, joined)
    }
}

#[tokio::test]
async fn an_encrypted_room_needs_a_host_key_and_keeps_how_it_is_encrypted() {
    let server = TestServer::start().await;
    let room = server.encrypted_room_of("classe").await;
    let body = json!({
        "guestVerifier": base64url(&random()),
        "moderatorVerifier": base64url(&random()),
        "profile": "classe",
        "encryption": { "open": true, "raw": true },
    });
    let answer = server.post("/api/rooms", &body.to_string(), &[]).await;
    assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("host_key_missing")));
    let host = host_key(&random());
    let key = base64url(ring::signature::KeyPair::public_key(&host).as_ref());
    let body = with(body, "hostKey", key.as_str());
    let answer = server.post("/api/rooms", &body.to_string(), &[]).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(server.metric("preau_rooms_created_encrypted_total").await, 2);

    let server = server.restart().await;
    let (_teacher, joined) = server.join_with(sealed_join(&room, &room.moderator)).await;
    assert_eq!(joined["rules"]["encryption"], json!({ "open": false, "raw": false }));
    let info = json!({
        "hostKey": base64url(ring::signature::KeyPair::public_key(&host_key(&room.host)).as_ref()),
        "circle": null,
        "admission": null,
    });
    assert_eq!(joined["encryption"], info);
    let clear = server.room().await;
    let (_ada, joined) = server.join(&clear, &clear.guest).await;
    assert_eq!(
        (&joined["rules"]["encryption"], &joined["encryption"]),
        (&json!(null), &json!(null))
    );
}

#[tokio::test]
async fn a_name_in_clear_and_a_missing_key_are_refused_and_the_reverse_where_nothing_is_encrypted()
{
    let server = TestServer::start().await;
    let room = server.encrypted_room_of("reunion").await;
    let sealed = sealed_join(&room, &room.guest);
    for join in [
        join(&room, &room.guest),
        with(sealed.clone(), "displayName", "Camille"),
        with(join(&room, &room.guest), "displayName", "Camille"),
    ] {
        let refusal = server.refusal(&join).await;
        assert!(
            refusal.contains("encryption_required") && !refusal.contains("Camille"),
            "{refusal}"
        );
    }
    let (_ada, joined) = server.join_with(sealed).await;
    assert_eq!(joined["displayName"], "Invité 1");
    let clear = server.room().await;
    for (field, value) in [("memberKey", base64url(&random())), ("sealedName", "bmFtZQ".to_owned())]
    {
        let refusal = server.refusal(&with(join(&clear, &clear.guest), field, value)).await;
        assert!(refusal.contains("not_encrypted"), "{refusal}");
    }
}

#[tokio::test]
async fn nothing_is_said_in_clear_in_an_encrypted_room() {
    let mut meeting = Meeting::start().await;
    let (mut guest, _) = meeting.guest().await;
    for message in [
        json!({ "type": "rename", "displayName": "Camille" }),
        json!({ "type": "raise_hand", "raised": true }),
        json!({ "type": "lower_hand", "participant": null }),
        json!({ "type": "react", "reaction": "heart" }),
        json!({ "type": "set_opinion", "opinion": "yes" }),
        json!({ "type": "clear_opinions" }),
        json!({ "type": "chat", "audience": "everybody", "text": "Camille" }),
        json!({ "type": "announce", "text": "Camille" }),
        json!({ "type": "open_poll", "question": "?", "choices": ["a", "b"] }),
        json!({ "type": "vote", "poll": 1, "choice": 0 }),
    ] {
        let refused = code(&mut meeting.teacher, message.clone()).await;
        assert_eq!(refused, "encryption_required", "{message}");
        let heard = guest.is_alive().await;
        assert!(heard.is_empty(), "{message}: {heard:?}");
    }
}

#[tokio::test]
async fn nothing_of_the_circle_is_said_in_a_room_that_is_not_encrypted() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let (mut teacher, _) = server.join(&room, &room.moderator).await;
    let (mut guest, own) = server.join(&room, &room.guest).await;
    teacher.is_alive().await;
    let who = &own["participant"];
    for message in [
        create(),
        key_package("a2V5"),
        commit(0, &[], &[]),
        ready(0),
        resume(0),
        json!({ "type": "mls_say", "audience": "everybody", "sealed": "c2F5" }),
        json!({ "type": "mls_ask_admission" }),
        json!({ "type": "mls_vote", "poll": 1, "ballot": "YmFs" }),
        json!({ "type": "mls_admit", "participant": who, "admission": "YWRt" }),
        json!({ "type": "mls_open_poll", "sealed": "cXVl" }),
        json!({
            "type": "admit",
            "participants": null,
            "admissions": [{ "participant": who, "admission": "YWRt" }],
        }),
    ] {
        assert_eq!(code(&mut teacher, message.clone()).await, "not_encrypted", "{message}");
        let heard = guest.is_alive().await;
        assert!(heard.is_empty(), "{message}: {heard:?}");
    }
}

#[tokio::test]
async fn what_is_too_long_or_no_base64_ends_the_session_and_what_names_another_circle_does_not() {
    let mut meeting = Meeting::start().await;
    let (_, joined) = meeting.guest().await;
    let who = &joined["participant"];
    let long = |bytes: usize| base64url(&vec![0; bytes + 1]);
    let say =
        |sealed: String| json!({ "type": "mls_say", "audience": "everybody", "sealed": sealed });
    let malformed = [
        key_package(&long(protocol::MAX_KEY_PACKAGE_BYTES)),
        key_package("a+/="),
        key_package(""),
        with(commit(0, &[], &[]), "commit", long(protocol::MAX_COMMIT_BYTES)),
        with(commit(0, &[who], &[]), "welcome", long(protocol::MAX_WELCOME_BYTES)),
        with(commit(0, &[], &[]), "epoch", -1),
        with(create(), "group", "AAAA"),
        say(long(protocol::MAX_SAY_BYTES)),
        say("é".to_owned()),
        with(say("c2F5".to_owned()), "audience", "the world"),
        json!({ "type": "mls_vote", "poll": 1, "ballot": long(protocol::MAX_BALLOT_BYTES) }),
        json!({ "type": "mls_open_poll", "sealed": long(protocol::MAX_QUESTION_BYTES) }),
        json!({
            "type": "mls_admit",
            "participant": who,
            "admission": long(protocol::MAX_ADMISSION_BYTES),
        }),
    ];
    for message in malformed {
        let (mut browser, _) = meeting.guest().await;
        browser.say(&with(message.clone(), "requestId", 1)).await;
        let answer = browser.hear_type("error").await;
        assert_eq!(answer["code"], "malformed", "{}", message["type"]);
        assert_eq!(browser.close_code().await, 1008);
    }
    let refused = [
        with(commit(0, &[], &[]), "group", OTHER),
        commit(1, &[], &[]),
        commit(0, &[who], &[]),
        ready(1),
        with(ready(0), "group", OTHER),
        resume(1),
        with(resume(0), "group", OTHER),
        create(),
    ];
    for message in refused {
        assert_eq!(code(&mut meeting.teacher, message.clone()).await, "mls_stale", "{message}");
    }
    let welcome = with(commit(0, &[], &[]), "welcome", "d2Vs");
    assert_eq!(code(&mut meeting.teacher, welcome).await, "malformed");
    // The largest that fit do.
    let (mut guest, joined) = meeting.guest().await;
    let most = |bytes: usize| base64url(&vec![0; bytes]);
    does(&mut guest, key_package(&most(protocol::MAX_KEY_PACKAGE_BYTES))).await;
    let large =
        with(commit(0, &[&joined["participant"]], &[]), "commit", most(protocol::MAX_COMMIT_BYTES));
    let large = with(large, "welcome", most(protocol::MAX_WELCOME_BYTES));
    does(&mut meeting.teacher, large).await;
    assert_eq!(guest.hear_type("mls_welcome").await["welcome"], most(protocol::MAX_WELCOME_BYTES));
}

#[tokio::test]
async fn commits_reach_all_members_in_order_and_a_welcome_those_alone_who_are_added() {
    let mut meeting = Meeting::start().await;
    let (mut ada, _) = meeting.member(0).await;
    let (mut ben, ben_joined) = meeting.guest().await;
    let (mut eve, _) = meeting.guest().await;
    does(&mut ben, key_package("YmVu")).await;
    let wanted = json!({
        "type": "mls_wanted",
        "participant": ben_joined["participant"],
        "keyPackage": "YmVu",
    });
    assert_eq!(ada.hear_type("mls_wanted").await, wanted);
    assert_eq!(meeting.teacher.hear_type("mls_wanted").await, wanted);
    // Two at once: the first counts, and the other hears of it before it is refused.
    does(&mut ada, commit(1, &[&ben_joined["participant"]], &[])).await;
    let (refused, before) = ask(&mut meeting.teacher, commit(1, &[], &[])).await;
    assert_eq!(refused, "mls_stale");
    assert!(before.iter().any(|message| message["type"] == "mls_committed"), "{before:?}");
    for epoch in 2..6 {
        let maker = if epoch % 2 == 0 { &mut ada } else { &mut meeting.teacher };
        does(maker, commit(epoch, &[], &[])).await;
    }
    let welcome = ben.hear_type("mls_welcome").await;
    assert_eq!((&welcome["group"], &welcome["epoch"]), (&json!(GROUP), &json!(2)));
    for epoch in 3..=6 {
        let told = ben.hear_type("mls_committed").await;
        assert_eq!((&told["epoch"], &told["group"]), (&json!(epoch), &json!(GROUP)));
        let made_in = epoch - 1;
        assert_eq!(told["commit"], base64url(format!("commit in {made_in}").as_bytes()));
    }
    // Eve is in the room and asked for nothing.
    let heard = eve.is_alive().await;
    let of_circle =
        |message: &&Value| message["type"].as_str().unwrap_or_default().starts_with("mls_");
    assert_eq!(heard.iter().find(of_circle), None);
}

#[tokio::test]
async fn whoever_was_cut_resumes_and_hears_what_they_missed() {
    let mut meeting = Meeting::start().await;
    let (ada, joined) = meeting.member(0).await;
    drop(ada);
    meeting.teacher.hear_type("participant_away").await;
    for epoch in 1..4 {
        does(&mut meeting.teacher, commit(epoch, &[], &[])).await;
    }
    let back =
        with(sealed_join(&meeting.room, &meeting.room.guest), "resume", joined["resume"].clone());
    let (mut ada, again) = meeting.server.join_with(back).await;
    assert_eq!(again["resumed"], true);
    assert_eq!(again["encryption"]["circle"], json!({ "group": GROUP, "epoch": 4 }));
    let (result, missed) = ask(&mut ada, resume(1)).await;
    assert_eq!(result, Value::Null);
    let epochs: Vec<_> = missed
        .iter()
        .filter(|message| message["type"] == "mls_committed")
        .map(|message| message["epoch"].as_u64().unwrap())
        .collect();
    assert_eq!(epochs, [2, 3, 4]);
    assert_eq!(code(&mut ada, resume(0)).await, "mls_stale", "before they were a member");
}

#[tokio::test]
async fn after_a_restart_there_is_no_circle_until_somebody_makes_one() {
    let mut meeting = Meeting::start().await;
    let (_ada, joined) = meeting.member(0).await;
    let Meeting { server, room, own, .. } = meeting;
    let server = server.restart().await;
    let back = |proof: &str, joined: &Value| {
        with(sealed_join(&room, proof), "resume", joined["resume"].clone())
    };
    let (mut ada, again) = server.join_with(back(&room.guest, &joined)).await;
    assert_eq!(again["participant"], joined["participant"]);
    assert_eq!(again["encryption"]["circle"], Value::Null);
    for message in [resume(1), ready(1), commit(1, &[], &[]), key_package("a2V5")] {
        assert_eq!(code(&mut ada, message.clone()).await, "mls_stale", "{message}");
    }
    does(&mut ada, with(create(), "group", OTHER)).await;
    let (mut teacher, again) = server.join_with(back(&room.moderator, &own)).await;
    assert_eq!(again["encryption"]["circle"], json!({ "group": OTHER, "epoch": 0 }));
    does(&mut teacher, key_package("a2V5")).await;
    ada.hear_type("mls_wanted").await;
    // The last member leaves; whoever waits hears that there is nothing to wait for.
    ada.say(&json!({ "type": "leave" })).await;
    assert_eq!(teacher.hear_type("mls_lost").await, json!({ "type": "mls_lost" }));
    does(&mut teacher, create()).await;
}

#[tokio::test]
async fn what_is_said_goes_to_whom_it_is_for() {
    let mut meeting = Meeting::start().await;
    let (mut ada, ada_joined) = meeting.member(0).await;
    let (mut ben, ben_joined) = meeting.member(1).await;
    let (ada_id, ben_id) = (&ada_joined["participant"], &ben_joined["participant"]);
    let say =
        |audience: Value| json!({ "type": "mls_say", "audience": audience, "sealed": "c2F5" });
    let places = json!([{ "participant": ben_id, "group": 0 }]);
    does(&mut meeting.teacher, json!({ "type": "set_groups", "places": places })).await;
    for browser in [&mut meeting.teacher, &mut ada, &mut ben] {
        browser.is_alive().await;
    }
    for (audience, hearers) in [
        (json!("everybody"), [true, true, true]),
        (json!("group"), [true, true, false]),
        (json!("moderators"), [true, true, false]),
        (json!({ "one": ben_id }), [false, true, true]),
    ] {
        let (result, mut own) = ask(&mut ada, say(audience.clone())).await;
        assert_eq!(result, Value::Null);
        let said = json!({
            "type": "mls_said",
            "participant": ada_id,
            "audience": audience,
            "sealed": "c2F5",
        });
        own.extend(ada.is_alive().await);
        let heard = [meeting.teacher.is_alive().await, own, ben.is_alive().await];
        assert_eq!(heard.map(|heard| heard.contains(&said)), hearers, "{audience}");
    }
}

#[tokio::test]
async fn admissions_are_asked_of_moderators_and_handed_to_one() {
    let mut meeting = Meeting::start().await;
    let (mut ada, ada_joined) = meeting.guest().await;
    let (mut ben, _) = meeting.guest().await;
    let word = delegation(
        &meeting.room.host,
        &meeting.room.slug,
        &ada_joined["participant"],
        now() + 3600,
    );
    let made = set_role(&mut meeting.teacher, &ada_joined["participant"], "moderator", word).await;
    assert_eq!(made, Value::Null);
    does(&mut ben, json!({ "type": "mls_ask_admission" })).await;
    let asked = ada.hear_type("mls_admission_asked").await;
    assert_eq!(meeting.teacher.hear_type("mls_admission_asked").await, asked);
    let hand = json!({
        "type": "mls_admit",
        "participant": asked["participant"],
        "admission": "YWRt",
    });
    assert_eq!(code(&mut ben, hand.clone()).await, "not_allowed");
    does(&mut ada, hand).await;
    assert_eq!(
        ben.hear_type("mls_admission").await,
        json!({ "type": "mls_admission", "admission": "YWRt" })
    );
    assert!(!meeting.teacher.is_alive().await.iter().any(|it| it["type"] == "mls_admission"));
}

#[tokio::test]
async fn whoever_waits_is_shown_by_a_sealed_name_and_comes_in_with_an_admission() {
    let server = TestServer::start().await;
    let room = server.encrypted_room_of("classe").await;
    let (mut teacher, _) = server.join_with(sealed_join(&room, &room.moderator)).await;
    let mut pupil = server.connect().await;
    let asks = with(sealed_join(&room, &room.guest), "sealedName", "bmFtZQ");
    pupil.say(&asks).await;
    let who = pupil.hear_type("waiting").await["participant"].clone();
    let waiting = teacher.hear_type("waiting_changed").await["waiting"][0].clone();
    assert_eq!(
        (&waiting["sealedName"], &waiting["memberKey"], &waiting["displayName"]),
        (&json!("bmFtZQ"), &asks["memberKey"], &json!("Invité 2"))
    );
    let admit = json!({
        "type": "admit",
        "participants": [who],
        "admissions": [{ "participant": who, "admission": "YWRt" }],
    });
    does(&mut teacher, admit).await;
    let joined = pupil.hear_type("joined").await;
    assert_eq!(joined["encryption"]["admission"], "YWRt");
}

#[tokio::test]
async fn ballots_come_without_names_to_whoever_closes() {
    let mut meeting = Meeting::start().await;
    let (mut ada, ada_joined) = meeting.member(0).await;
    let (mut ben, ben_joined) = meeting.member(1).await;
    does(&mut meeting.teacher, json!({ "type": "mls_open_poll", "sealed": "cXVl" })).await;
    let opened = ada.hear_type("mls_poll_opened").await;
    assert_eq!((&opened["sealed"], &opened["by"]), (&json!("cXVl"), &meeting.own["participant"]));
    let vote =
        |ballot: &str| json!({ "type": "mls_vote", "poll": opened["poll"], "ballot": ballot });
    does(&mut ben, vote("enp6")).await;
    does(&mut ada, vote("YWFh")).await;
    assert_eq!(code(&mut ada, vote("YWFi")).await, "not_allowed");
    let (mut late, joined) = meeting.guest().await;
    let poll = json!({
        "poll": opened["poll"],
        "sealed": "cXVl",
        "by": meeting.own["participant"],
        "ballots": 2,
    });
    assert_eq!(joined["state"]["sealedPoll"], poll);
    let (result, heard) = ask(&mut meeting.teacher, json!({ "type": "close_poll" })).await;
    assert_eq!(result, Value::Null);
    let ballots = heard.iter().find(|message| message["type"] == "mls_ballots").unwrap();
    assert_eq!(ballots["ballots"], json!(["YWFh", "enp6"]), "not as they came");
    for id in [&ada_joined["participant"], &ben_joined["participant"]] {
        assert!(!ballots.to_string().contains(id.as_str().unwrap()));
    }
    for browser in [&mut ada, &mut ben, &mut late] {
        let heard = browser.is_alive().await;
        assert!(heard.iter().any(|message| message["type"] == "mls_poll_closed"), "{heard:?}");
        assert!(!heard.iter().any(|message| message["type"] == "mls_ballots"), "{heard:?}");
    }
}

#[tokio::test]
async fn r29_nothing_sealed_and_no_key_stands_in_a_log_or_on_the_disk() {
    let mut meeting = Meeting::start().await;
    let marked = |word: &str| base64url(format!("{word} of the canary").as_bytes());
    let asks = with(sealed_join(&meeting.room, &meeting.room.guest), "sealedName", marked("name"));
    let (mut ada, joined) = meeting.server.join_with(asks.clone()).await;
    does(&mut ada, key_package(&marked("package"))).await;
    let added = with(commit(0, &[&joined["participant"]], &[]), "commit", marked("commit"));
    does(&mut meeting.teacher, with(added, "welcome", marked("welcome"))).await;
    does(&mut ada, ready(1)).await;
    let say =
        |sealed: String| json!({ "type": "mls_say", "audience": "everybody", "sealed": sealed });
    does(&mut ada, say(marked("words"))).await;
    does(&mut meeting.teacher, json!({ "type": "mls_open_poll", "sealed": marked("question") }))
        .await;
    does(&mut ada, json!({ "type": "mls_vote", "poll": 1, "ballot": marked("ballot") })).await;
    does(
        &mut meeting.teacher,
        json!({
            "type": "mls_admit",
            "participant": joined["participant"],
            "admission": marked("admission"),
        }),
    )
    .await;
    let known = {
        ada.say(&json!({ "type": "what_is_known", "requestId": 5 })).await;
        ada.hear_type("known").await
    };
    let circle = &known["known"]["circle"];
    assert_eq!(circle["memberKey"], asks["memberKey"]);
    assert_eq!((&circle["firstEpoch"], &circle["readyEpoch"]), (&json!(1), &json!(1)));
    assert_eq!(circle["admission"], marked("admission"));
    ada.say(&say("a+/=".to_owned())).await;
    ada.close_code().await;
    let Meeting { server, room, .. } = meeting;
    server.hand.advance(Duration::from_secs(1));
    let data = server.data_dir().join("preau.sqlite");
    let disk = std::fs::read(&data).unwrap();
    let log = log_so_far();
    assert!(log.contains("room opened"), "the log was not captured");
    let words =
        ["name", "package", "commit", "welcome", "words", "question", "ballot", "admission"];
    let mut secrets: Vec<_> = words.map(marked).to_vec();
    secrets.extend([asks["memberKey"].as_str().unwrap().to_owned(), GROUP.to_owned(), room.slug]);
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret} stands in the log");
        let is_on_disk = disk.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!is_on_disk, "{secret} stands on the disk");
    }
}
