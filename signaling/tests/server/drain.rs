//! What a server does between the wish to end it and its end.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use crate::harness::{TestServer, ask, base64url, in_time, join, random, sha256};
use crate::process::Process;

/// Less than the silence after which a session is given up.
const AT_MOST: Duration = Duration::from_secs(20);

#[tokio::test]
async fn meetings_go_on_while_no_other_begins_until_the_last_person_leaves() {
    let server = TestServer::start().await;
    let [live, asleep] = [server.room().await, server.room().await];
    let (mut teacher, _) = server.join(&live, &live.moderator).await;
    assert_eq!(server.get("/readyz", &[]).await.status, 200);
    assert_eq!(server.metric("preau_draining").await, 0);

    let drain = server.drain(AT_MOST);
    let meeting = async {
        let told = teacher.hear_type("restart_announced").await;
        assert_eq!(told["restartMs"], 20_000);
        for to in [server.http(), server.addresses().metrics] {
            assert_eq!(ask(to, "GET", "/readyz", "", &[]).await.status, 503);
            assert_eq!(ask(to, "GET", "/healthz", "", &[]).await.status, 200, "it is well");
        }
        assert_eq!(server.metric("preau_draining").await, 1);
        let verifiers = [random(), random()].map(|proof| base64url(&sha256(&proof)));
        let wish = json!({
            "guestVerifier": verifiers[0],
            "moderatorVerifier": verifiers[1],
            "profile": "reunion",
        });
        let refused = server.post("/api/rooms", &wish.to_string(), &[]).await;
        assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("restarting")));
        let refusal = refusal_of(&server, join(&asleep, &asleep.moderator)).await;
        assert_eq!(refusal, "restarting", "a room with nobody in it");

        server.hand.advance(Duration::from_secs(5));
        let (mut pupil, _) = server.join(&live, &live.guest).await;
        assert_eq!(pupil.hear_type("restart_announced").await["restartMs"], 15_000);
        pupil.say(&json!({ "type": "leave" })).await;
        teacher.is_alive().await;
        teacher.say(&json!({ "type": "leave" })).await;
    };
    let ((), ()) = in_time(async { tokio::join!(drain, meeting) }).await;

    let server = server.restart().await;
    assert_eq!(server.get("/readyz", &[]).await.status, 200);
    server.join(&live, &live.guest).await;
    server.join(&asleep, &asleep.moderator).await;
}

#[tokio::test]
async fn a_drain_ends_with_its_time_and_at_once_where_nobody_is() {
    let server = TestServer::start().await;
    in_time(server.drain(AT_MOST)).await;
    let server = server.restart().await;
    let room = server.room().await;
    let (mut teacher, _) = server.join(&room, &room.moderator).await;
    let meeting = async {
        teacher.hear_type("restart_announced").await;
        server.hand.advance(AT_MOST);
    };
    in_time(async { tokio::join!(server.drain(AT_MOST), meeting) }).await;
    server.stop().await;
    assert_eq!(teacher.hear_type("goodbye").await["reason"], "server_restart");
    assert_eq!(teacher.close_code().await, 1001);
}

async fn refusal_of(server: &TestServer, join: serde_json::Value) -> serde_json::Value {
    let mut browser = server.connect().await;
    browser.say(&join).await;
    let answer = browser.hear().await;
    assert_eq!(browser.close_code().await, 1013);
    answer["code"].clone()
}

#[tokio::test]
async fn sigterm_lets_the_meeting_finish_and_a_second_one_ends_it() {
    let process = draining("30");
    let mut teacher = process.teacher().await;
    process.signal(Signal::TERM);
    let left = teacher.hear_type("restart_announced").await["restartMs"].as_u64().unwrap();
    assert!(left <= 1_800_000, "{left}");
    teacher.is_alive().await;
    process.signal(Signal::TERM);
    assert_eq!(teacher.hear_type("goodbye").await["reason"], "server_restart");
    assert!(process.end().await.0.contains("server drains"));
}

#[tokio::test]
async fn an_empty_server_ends_with_the_first_sigterm() {
    let process = draining("30");
    process.signal(Signal::TERM);
    assert!(process.end().await.0.contains("nobody is left"));
}

#[tokio::test]
async fn ctrl_c_never_waits_nor_does_sigterm_unless_it_is_configured() {
    for (drain_max, signal) in [("30", Signal::INT), ("0", Signal::TERM)] {
        let process = draining(drain_max);
        let mut teacher = process.teacher().await;
        process.signal(signal);
        assert_eq!(teacher.hear_type("goodbye").await["reason"], "server_restart");
        let (log, _) = process.end().await;
        assert!(log.contains("server stops") && !log.contains("drains"), "{log}");
    }
}

fn draining(minutes: &str) -> Process {
    Process::start(tempfile::tempdir().unwrap(), &["--drain-max", minutes])
}
