//! A whole meeting with media, and nothing about anybody in the log or the metrics.

use std::io::Write;
use std::sync::{Arc, Mutex};

use protocol::TrackSource::{Camera, Microphone};
use signaling::{LogFormat, LogLevel};
use tracing_subscriber::util::SubscriberInitExt;

use crate::participant::{Participant, until};
use crate::server::RealServer;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics with the lock").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meeting_with_media_leaves_no_person_in_log_or_metrics() {
    let lines = Lines::default();
    let writer = lines.clone();
    // For the whole process: the media worker and the tasks have threads of their own.
    signaling::log_subscriber(LogFormat::Json, LogLevel::Debug, move || writer.clone())
        .try_init()
        .expect("no other test listens to the log");
    let server = RealServer::start().await;
    let room = server.room(20).await;
    let http = server.http();
    let mut ada = Participant::join(http, &room, &room.moderator, "Ada Canari", None).await;
    let mut zoe = Participant::join(http, &room, &room.guest, "Zoé Perruche", None).await;
    ada.publish().await;
    zoe.subscribe(ada.id).await;
    ada.send(12, 2).await;
    until("sound and pictures arrive", || {
        !zoe.arrived(ada.id, Microphone).is_empty() && !zoe.arrived(ada.id, Camera).is_empty()
    })
    .await;
    zoe.cut_session().await;
    ada.hear("participant_away").await;
    zoe.resume(http, &room, &room.guest).await;
    let metrics = server.metrics().await;
    let tokens = [&ada, &zoe].map(|who| who.joined["resume"].as_str().unwrap_or("?").to_owned());
    let sockets = [http.port(), server.media().port()];
    zoe.leave().await;
    ada.leave().await;
    server.stop().await;

    let log = lines.0.lock().expect("nobody panics with the lock").clone();
    let log = String::from_utf8(log).expect("log lines are text");
    assert!(log.contains("server started") && log.contains("joined"), "not captured: {log}");
    let mut secrets =
        vec!["Ada", "Canari", "Zoé", "Perruche", "Invité", "Animation", "ice-ufrag", "candidate"];
    secrets.extend([&room.slug, &room.guest, &room.moderator].map(String::as_str));
    secrets.extend(tokens.iter().map(String::as_str));
    for (what, text) in [("log", &log), ("metrics", &metrics)] {
        for secret in &secrets {
            assert!(!text.contains(secret), "{secret:?} stands in the {what}: {text}");
        }
        for line in text.lines() {
            assert_eq!(address_in(line), None, "in the {what}: {line}");
        }
    }
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let labels = line.split_once('{').map_or("", |(_, rest)| rest);
        let name = labels.split('=').next().unwrap_or_default();
        assert!(["", "le", "code", "cause", "kind"].contains(&name), "a label of its own: {line}");
    }
    assert!(sockets.iter().all(|port| *port != 0));
}

#[test]
fn the_search_for_addresses_finds_them() {
    for text in
        ["from 127.0.0.1:5000", "\"::1\"", "at [2001:db8::7]:8443", "10.1.2.3,", "fe80::1%2"]
    {
        assert!(address_in(text).is_some(), "{text}");
    }
    for text in
        ["1.5 seconds", "2026-11-22T01:02:03.456Z", "signaling::server", "a::b", "v0.1.0", ""]
    {
        assert_eq!(address_in(text), None);
    }
}

/// The first IP address written in `line`.
fn address_in(line: &str) -> Option<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == ':';
    line.split(|c| !is_part(c)).find(|word| {
        let word = word.trim_matches('.');
        let without_port = word.rsplit_once(':').map_or(word, |(address, _)| address);
        let has_digit = word.contains(|c: char| c.is_ascii_digit());
        let is_v4 = without_port.parse::<std::net::Ipv4Addr>().is_ok();
        let is_v6 = word.contains("::") && word.parse::<std::net::Ipv6Addr>().is_ok();
        has_digit && (is_v4 || is_v6)
    })
}
