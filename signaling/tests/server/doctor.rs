//! `preau doctor` on this machine.

use std::process::{Command, Output};

use serde_json::Value;

use crate::command::{preau, text};
use crate::harness::TestServer;

/// In a folder of its own, on ports that the system chooses or the test names.
fn doctor(data: &str, more: &[&str], lang: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_preau"));
    command.args(["doctor", "--data", data, "--listen", "127.0.0.1"]).args(more);
    for port in ["--https-port", "--media-port", "--metrics-port"] {
        if !more.contains(&port) {
            command.args([port, "0"]);
        }
    }
    for name in ["PREAU_CONFIG", "LC_ALL", "LC_MESSAGES"] {
        command.env_remove(name);
    }
    command.env("LANG", lang).output().unwrap()
}

#[test]
fn what_is_doubtful_and_what_is_wrong_have_exit_codes_and_cures() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let doubtful = doctor(data, &[], "en_GB.UTF-8");
    assert_eq!(doubtful.status.code(), Some(1), "{}", text(&doubtful.stdout));
    let words = text(&doubtful.stdout);
    assert!(words.contains("warn  Nobody answers for this server") && words.contains("→ Fill in"));
    assert!(!folder.path().join("data").exists(), "looking makes nothing");
    let french = text(&doctor(data, &[], "fr_FR.UTF-8").stdout);
    assert!(french.contains("Personne ne répond de ce serveur"), "{french}");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let wrong = doctor(data, &["--https-port", &port, "--json"], "C");
    assert_eq!(wrong.status.code(), Some(2));
    let report: Value = serde_json::from_slice(&wrong.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let finding = findings.iter().find(|it| it["check"] == "port").unwrap();
    assert_eq!(finding["level"], "fail");
    assert!(finding["cure"].as_str().unwrap().contains("--https-port"), "{finding}");
    assert!(findings.iter().any(|it| it["level"] == "ok" && it["cure"].is_null()));
}

#[test]
fn a_configuration_that_stops_the_start_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("preau.toml");
    std::fs::write(&file, "\nhtps_port = 1\n").unwrap();
    let wrong = doctor("unused", &["--config", file.to_str().unwrap()], "C");
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong.stdout).contains("preau.toml:2: "), "{}", text(&wrong.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn ports_of_a_running_server_are_its_own() {
    let server = TestServer::start().await;
    let data = server.data_dir().to_str().unwrap();
    let addresses = server.addresses();
    let [https, media, metrics] = [addresses.https, addresses.media, addresses.metrics]
        .map(|address| address.port().to_string());
    let ports = ["--https-port", &https, "--media-port", &media, "--metrics-port", &metrics];
    let found = doctor(data, &[&ports[..], &["--json"]].concat(), "C");
    let report: Value = serde_json::from_slice(&found.stdout).unwrap();
    let levels: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| {
            ["port", "server", "folder", "certificate"].contains(&it["check"].as_str().unwrap())
        })
        .map(|it| (it["text"].as_str().unwrap(), it["level"].as_str().unwrap()))
        .collect();
    assert!(levels.iter().all(|(_, level)| *level == "ok"), "{levels:?}");
    assert_eq!(levels.iter().filter(|(text, _)| text.contains("listens on port")).count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_administrators_page_opens_by_a_link_of_its_own_alone() {
    let server = TestServer::start().await;
    let data = server.data_dir().to_str().unwrap();
    let origin = ["--share-origin", "https://visio.example"];
    let printed = text(&doctor(data, &[&["--page"], &origin[..]].concat(), "C").stdout);
    let pass = printed.trim().strip_prefix("https://visio.example/doctor#v1d.").unwrap().to_owned();
    let ask = async |pass: Option<&str>, language: &str| {
        let shown = pass.map(|pass| format!("Bearer {pass}"));
        let mut fields = vec![("accept-language", language)];
        fields.extend(shown.iter().map(|shown| ("authorization", shown.as_str())));
        server.get("/api/doctor", &fields).await
    };
    let report = ask(Some(&pass), "en").await;
    assert_eq!((report.status, report.field("cache-control")), (200, Some("no-store")));
    let findings = report.json()["findings"].as_array().unwrap().clone();
    assert!(findings.iter().any(|it| it["check"] == "controller" && it["level"] == "warn"));
    assert!(ask(Some(&pass), "fr").await.body.contains("Personne ne répond"));
    let host_pass = preau(&["host-pass", "--data", data]);
    for wrong in [None, Some(""), Some(text(&host_pass.stdout).trim()), Some(&pass[..40])] {
        assert_eq!(ask(wrong, "en").await.status, 401, "{wrong:?}");
    }
    // The command has a clock of its own, and ran after the server's stood still.
    server.hand.advance(std::time::Duration::from_secs(1800 + 60));
    assert_eq!(ask(Some(&pass), "en").await.status, 401, "half an hour later");
}
