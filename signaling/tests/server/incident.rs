//! Incident reports: sealed by a browser, kept, handed over.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::{Browser, TestServer, log_so_far, with};

const RECIPIENT: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

fn report(text: &str) -> Value {
    let sealed = STANDARD.encode(format!("age-encryption.org/v1\n-> X25519 {text}"));
    json!({ "type": "report_incident", "requestId": 8, "sealed": sealed })
}

/// Sends a report; gives the code of its refusal, or nothing when it was kept.
async fn send(browser: &mut Browser, report: Value) -> Value {
    browser.say(&report).await;
    loop {
        let answer = browser.hear().await;
        if answer["requestId"] == 8 {
            return answer["code"].clone();
        }
    }
}

fn kept(data: &Path) -> Vec<String> {
    let files = std::fs::read_dir(data.join("incidents")).into_iter().flatten();
    files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

fn preau(arguments: Vec<String>) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_preau"));
    command.env_remove("PREAU_CONFIG").env_remove("PREAU_DATA_DIR");
    let output = command.args(&arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn r42_an_incident_report_is_kept_sealed_for_the_officer_alone() {
    let server = TestServer::start_with(&format!("incident_recipient = {RECIPIENT:?}")).await;
    let info = server.get("/api/server", &[]).await;
    assert_eq!(info.json()["incidentRecipient"], RECIPIENT);
    let room = server.room().await;
    let (mut teacher, _) = server.join(&room, &room.moderator).await;
    let (mut pupil, _) = server.join(&room, &room.guest).await;
    teacher.is_alive().await;
    assert_eq!(send(&mut teacher, report("zebra")).await, Value::Null);
    assert_eq!(send(&mut pupil, report("unasked")).await, "not_allowed");
    assert!(pupil.is_alive().await.is_empty(), "nobody else learns of a report");
    let [content] = &kept(server.data_dir())[..] else { panic!() };
    assert_eq!(content, "age-encryption.org/v1\n-> X25519 zebra");
    assert!(!log_so_far().contains("zebra") && !log_so_far().contains("X25519"));

    let long = with(report(""), "sealed", "A".repeat(48 * 1024 + 1));
    for bad in [with(report(""), "sealed", "?"), with(report(""), "sealed", "QUFB"), long] {
        assert_eq!(send(&mut teacher, bad).await, "malformed");
    }
    let as_large_as_may_be = report(&"x".repeat(36 * 1024 - 32));
    assert_eq!(send(&mut teacher, as_large_as_may_be).await, Value::Null);
    assert_eq!(kept(server.data_dir()).len(), 2);

    let data = server.data_dir().to_str().unwrap().to_owned();
    let listed = preau(["incident", "list", "--data", &data].map(str::to_owned).to_vec());
    assert_eq!(listed.lines().count(), 2, "{listed}");
    let elsewhere = tempfile::tempdir().unwrap();
    let to = elsewhere.path().join("officer").to_str().unwrap().to_owned();
    for said in ["2 copied, 0 already there\n", "0 copied, 2 already there\n"] {
        let arguments = ["incident", "export", &to, "--data", &data];
        assert_eq!(preau(arguments.map(str::to_owned).to_vec()), said);
    }
    assert_eq!(std::fs::read_dir(&to).unwrap().count(), 2);
}

#[tokio::test]
async fn without_a_key_nothing_can_be_reported() {
    let server = TestServer::start().await;
    assert_eq!(server.get("/api/server", &[]).await.json()["incidentRecipient"], Value::Null);
    let room = server.room().await;
    let (mut teacher, _) = server.join(&room, &room.moderator).await;
    assert_eq!(send(&mut teacher, report("")).await, "incidents_off");
    assert!(!server.data_dir().join("incidents").exists());
}

#[tokio::test]
async fn a_flood_of_reports_is_refused_and_a_report_ends_with_its_days() {
    let lines = format!("incident_recipient = {RECIPIENT:?}\nincident_days = 2");
    let server = TestServer::start_with(&lines).await;
    let room = server.room().await;
    let (mut teacher, _) = server.join(&room, &room.moderator).await;
    let mut answers = vec![];
    for _ in 0..12 {
        answers.push(send(&mut teacher, report("")).await);
    }
    let refused = json!("rate_limited");
    assert_eq!(answers.iter().filter(|answer| **answer == refused).count(), 2);
    assert_eq!(kept(server.data_dir()).len(), 10);
    teacher.is_alive().await;
    server.hand.advance(Duration::from_secs(3 * 24 * 3600));
    let server = server.restart().await;
    assert_eq!(kept(server.data_dir()).len(), 0);
}
