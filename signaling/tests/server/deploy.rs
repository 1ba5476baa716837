//! What lies in `deploy` for administrators, held against the server it is written for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use yaml_rust2::{Yaml, YamlLoader};

use crate::harness::{TestServer, ask};

#[test]
fn compose_publishes_443_over_tcp_and_udp_and_nothing_else() {
    let service = service("compose.yaml");
    let ports: Vec<_> = texts(&service["ports"]);
    assert_eq!(ports, ["443:443/tcp", "443:443/udp"]);
    assert_eq!(service["environment"]["PREAU_HTTPS_PORT"].as_str(), Some("443"));
    assert!(service["network_mode"].is_badvalue());
}

#[test]
fn compose_on_the_hosts_network_publishes_nothing_and_leaves_health_on_the_loopback_address() {
    let service = service("compose.host.yaml");
    assert_eq!(service["network_mode"].as_str(), Some("host"));
    assert!(service["ports"].is_badvalue() && service["sysctls"].is_badvalue());
    // The only ports are then those of the configuration: https and media; the third binds to
    // 127.0.0.1 whatever is configured (`Server::start`).
    let file = read("compose.host.yaml");
    let keys: BTreeSet<_> = words(&file, "PREAU_").collect();
    assert_eq!(keys, BTreeSet::from(["PREAU_CONFIG".into(), "PREAU_HTTPS_PORT".into()]));
}

#[test]
fn both_compose_files_take_every_right_away_and_look_after_the_server() {
    for name in ["compose.yaml", "compose.host.yaml"] {
        let service = service(name);
        assert_eq!(service["user"].as_str(), Some("10001:10001"), "{name}");
        assert_eq!(service["read_only"].as_bool(), Some(true), "{name}");
        assert_eq!(texts(&service["cap_drop"]), ["ALL"], "{name}");
        assert!(service["cap_add"].is_badvalue() && service["privileged"].is_badvalue(), "{name}");
        assert_eq!(texts(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
        assert_eq!(texts(&service["healthcheck"]["test"])[1..], ["/bin/preau", "healthcheck"]);
        assert!(service["stop_grace_period"].as_str().is_some(), "{name}");
        assert!(service["pids_limit"].as_i64().is_some(), "{name}");
        let configuration = &service["volumes"][1];
        assert_eq!(
            configuration["target"].as_str(),
            service["environment"]["PREAU_CONFIG"].as_str()
        );
        assert_eq!(configuration["read_only"].as_bool(), Some(true), "{name}");
    }
}

#[tokio::test]
async fn every_metric_of_the_alerts_and_the_dashboard_exists() {
    let server = TestServer::start().await;
    let page = ask(server.addresses().metrics, "GET", "/metrics", "", &[]).await.body;
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    let known: BTreeSet<_> =
        samples.filter_map(|line| line.split(['{', ' ']).next()).map(str::to_owned).collect();
    for name in ["prometheus/alerts.yaml", "prometheus/alerts.test.yaml", "grafana/preau.json"] {
        let named: BTreeSet<_> = words(&read(name), "preau_").collect();
        assert!(named.len() > 5, "{name} names {named:?}");
        let unknown: Vec<_> = named.difference(&known).collect();
        assert!(unknown.is_empty(), "{name} names {unknown:?}, which no server has");
    }
}

#[test]
fn every_alert_says_what_it_means_in_both_languages_and_how_grave_it_is() {
    let alerts = &yaml("prometheus/alerts.yaml")["groups"][0]["rules"];
    let alerts = alerts.as_vec().unwrap();
    assert!(alerts.len() >= 5);
    for alert in alerts {
        let name = alert["alert"].as_str().unwrap();
        let texts = &alert["annotations"];
        for key in ["summary", "summary_fr", "cure", "cure_fr"] {
            assert!(texts[key].as_str().is_some_and(|text| text.len() > 10), "{name}: {key}");
        }
        assert!(["critical", "warning"].contains(&alert["labels"]["severity"].as_str().unwrap()));
    }
}

#[test]
fn the_dashboard_asks_one_source_and_every_panel_has_a_name_and_a_question() {
    let board: Value = serde_json::from_str(&read("grafana/preau.json")).unwrap();
    let panels = board["panels"].as_array().unwrap();
    assert!(panels.len() >= 6);
    for panel in panels {
        assert!(!panel["title"].as_str().unwrap().is_empty());
        assert_eq!(panel["datasource"]["uid"], "${source}", "{}", panel["title"]);
        for target in panel["targets"].as_array().unwrap() {
            assert!(target["expr"].as_str().unwrap().contains("preau"), "{}", panel["title"]);
        }
    }
    assert_eq!(board["templating"]["list"][0]["name"], "source");
}

/// The one service of a compose file.
fn service(name: &str) -> Yaml {
    let services = yaml(name)["services"].clone();
    assert_eq!(services.as_hash().unwrap().len(), 1, "{name}");
    services["preau"].clone()
}

fn yaml(name: &str) -> Yaml {
    YamlLoader::load_from_str(&read(name)).unwrap().remove(0)
}

fn texts(list: &Yaml) -> Vec<&str> {
    list.as_vec().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

fn read(name: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every word of a text that begins so, to its last letter, digit or underscore.
fn words<'a>(text: &'a str, begin: &'a str) -> impl Iterator<Item = String> + 'a {
    text.match_indices(begin).map(|(at, _)| {
        let is_part = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '_';
        text[at..].chars().take_while(is_part).collect()
    })
}
