//! What a server does between the wish to end it and its end.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::command::{preau, room_of, text};
use crate::harness::{
    Browser, TestServer, ask, base64url, in_time, join, random, sha256, try_connect_to,
};

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
    let process = Process::start("30");
    let mut teacher = process.teacher().await;
    process.signal(Signal::TERM);
    let left = teacher.hear_type("restart_announced").await["restartMs"].as_u64().unwrap();
    assert!(left <= 1_800_000, "{left}");
    teacher.is_alive().await;
    process.signal(Signal::TERM);
    assert_eq!(teacher.hear_type("goodbye").await["reason"], "server_restart");
    assert!(process.end().await.contains("server drains"));
}

#[tokio::test]
async fn an_empty_server_ends_with_the_first_sigterm() {
    let process = Process::start("30");
    process.signal(Signal::TERM);
    assert!(process.end().await.contains("nobody is left"));
}

#[tokio::test]
async fn ctrl_c_never_waits_nor_does_sigterm_unless_it_is_configured() {
    for (drain_max, signal) in [("30", Signal::INT), ("0", Signal::TERM)] {
        let process = Process::start(drain_max);
        let mut teacher = process.teacher().await;
        process.signal(signal);
        assert_eq!(teacher.hear_type("goodbye").await["reason"], "server_restart");
        let log = process.end().await;
        assert!(log.contains("server stops") && !log.contains("drains"), "{log}");
    }
}

/// A `preau serve` of its own, on free ports, that knows no time but the machine's.
struct Process {
    child: Child,
    output: BufReader<ChildStdout>,
    port: u16,
    folder: tempfile::TempDir,
}

impl Process {
    fn start(drain_max: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_preau"));
        command.args(["serve", "--listen", "127.0.0.1", "--public-address", "127.0.0.1"]);
        command.args(["--local-http=0", "--https-port", "0", "--media-port", "0"]);
        command.args(["--metrics-port", "0", "--drain-max", drain_max, "--data"]);
        command.arg(folder.path()).env_remove("PREAU_CONFIG");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let port = line.strip_prefix("http://localhost:").and_then(|rest| rest.split(' ').next());
        let port = port.unwrap_or_else(|| panic!("no port in {line:?}")).parse().unwrap();
        Self { child, output, port, folder }
    }

    /// Makes a room and enters it.
    async fn teacher(&self) -> Browser {
        let data = self.folder.path().to_str().unwrap();
        let wish = ["room", "create", "--profile", "reunion", "--unencrypted", "--data", data];
        let made = preau(&[&wish[..], &["--share-origin", "https://visio.example"]].concat());
        let room = room_of(&text(&made.stdout), "https://visio.example", None);
        let to = SocketAddr::from(([127, 0, 0, 1], self.port));
        let mut browser = try_connect_to(to, &[]).await.unwrap();
        browser.say(&join(&room, &room.moderator)).await;
        assert_eq!(browser.hear().await["type"], "joined");
        browser
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
    }

    /// Waits for its end, and gives its log.
    async fn end(mut self) -> String {
        let wait = tokio::task::spawn_blocking(move || {
            assert!(self.child.wait().unwrap().success());
            let mut log = String::new();
            self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
            self.output.read_to_string(&mut log).unwrap();
            drop(self.folder);
            log
        });
        in_time(wait).await.unwrap()
    }
}
