//! `preau doctor` on this machine.

use std::process::{Command, Output};

use serde_json::Value;

use crate::certificates::Authority;
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

#[test]
fn what_the_configuration_warns_of_is_told_with_its_line_and_its_cure() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("preau.toml");
    let lines = "trial = true\ntls = \"behind-proxy\"\npublic_addresses = [\n\"0.0.0.0\",\n\"192.0.2.300\"]\n";
    std::fs::write(&file, lines).unwrap();
    let (data, config) = (folder.path().to_str().unwrap(), ["--config", file.to_str().unwrap()]);
    for (lang, sentences) in [
        (
            "en_GB.UTF-8",
            [
                "preau.toml:4: entry 1 of public_addresses stands for all addresses",
                "preau.toml:5: entry 2 of public_addresses is neither",
                "share_origin does not name it",
            ],
        ),
        (
            "fr_FR.UTF-8",
            [
                "preau.toml:4\u{a0}: l’entrée 1 de public_addresses désigne toutes les adresses",
                "preau.toml:5\u{a0}: l’entrée 2 de public_addresses n’est ni",
                "share_origin ne le nomme pas",
            ],
        ),
    ] {
        let told = text(&doctor(data, &config, lang).stdout);
        let lines: Vec<_> = told.lines().collect();
        for sentence in sentences {
            let at = lines.iter().position(|line| line.contains(sentence));
            let at = at.unwrap_or_else(|| panic!("{sentence} is missing in {told}"));
            assert!(lines[at].starts_with("warn  "), "{told}");
            assert!(lines[at + 1].starts_with("      → "), "{told}");
        }
    }
}

#[test]
fn a_certificate_in_files_is_good_or_the_line_says_what_is_wrong_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let authority = Authority::new();
    let certificate_line = |[certificate, key]: &[String; 2]| {
        std::fs::write(path("chain.pem"), certificate.clone() + &authority.pem).unwrap();
        std::fs::write(path("key.pem"), key).unwrap();
        let lines = format!(
            "trial = true\nshare_origin = \"https://visio.example\"\ntls_certificate = {:?}\ntls_key = {:?}\n",
            path("chain.pem"),
            path("key.pem")
        );
        std::fs::write(path("preau.toml"), lines).unwrap();
        let config =
            ["--config", path("preau.toml").to_str().unwrap(), "--json"].map(str::to_owned);
        let config: Vec<_> = config.iter().map(String::as_str).collect();
        let found = doctor(folder.path().to_str().unwrap(), &config, "C");
        let report: Value = serde_json::from_slice(&found.stdout).unwrap();
        let findings = report["findings"].as_array().unwrap();
        findings.iter().find(|it| it["check"] == "certificate").unwrap().clone()
    };
    let good = authority.issue(&["visio.example"], 90);
    let of_another = [good[0].clone(), authority.issue(&["visio.example"], 90)[1].clone()];
    assert_eq!(certificate_line(&good)["level"], "ok");
    for (pair, words) in [
        (authority.issue(&["visio.example"], -1), "is over"),
        (authority.issue(&["other.example"], 90), "is not for the name https://visio.example"),
        (of_another, "cannot be used"),
    ] {
        let finding = certificate_line(&pair);
        assert_eq!(finding["level"], "fail", "{finding}");
        assert!(finding["text"].as_str().unwrap().contains(words), "{finding}");
        assert!(!finding["cure"].as_str().unwrap().is_empty());
    }
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
    let server = TestServer::start_with("public_addresses = [\"127.0.0.1\", \"::\"]").await;
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
    let warned = findings.iter().find(|it| it["check"] == "configuration").unwrap();
    assert!(warned["text"].as_str().unwrap().starts_with("test:1: entry 2"), "{warned}");
    assert_eq!(warned["level"], "warn");
    assert!(ask(Some(&pass), "fr").await.body.contains("Personne ne répond"));
    let host_pass = preau(&["host-pass", "--data", data]);
    for wrong in [None, Some(""), Some(text(&host_pass.stdout).trim()), Some(&pass[..40])] {
        assert_eq!(ask(wrong, "en").await.status, 401, "{wrong:?}");
    }
    // The command has a clock of its own, and ran after the server's stood still.
    server.hand.advance(std::time::Duration::from_secs(1800 + 60));
    assert_eq!(ask(Some(&pass), "en").await.status, 401, "half an hour later");
}
