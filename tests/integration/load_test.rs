//! The load test against a real server: what it measures, and what it says when it cannot.

use std::path::PathBuf;

use clap::Parser as _;
use loadtest::{CommandError, CommandLine, execute};
use serde_json::Value;
use tempfile::TempDir;

use crate::server::RealServer;

/// Two who see and hear each other for two seconds, one of them on an independent stack.
const PAIR: &str = r#"
name = "pair"
about = "Two."
seconds = 2
warm_up = 0
[[group]]
count = 1
sends = ["microphone", "camera"]
voices = 1
cameras = 1
[[group]]
count = 1
kind = "complete"
sends = ["microphone", "camera"]
voices = 1
cameras = 1
[limits]
loss_percent = 0.0
sound_p99_ms = 5000.0
picture_p99_ms = 5000.0
first_frame_p95_ms = 10000.0
"#;

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder can be made") }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the program on this scenario; gives its exit code and the report it wrote.
    async fn run(&self, scenario: &str, url: String) -> (Result<u8, CommandError>, Option<Value>) {
        let (file, report) = (self.file("scenario.toml"), self.file("report.json"));
        std::fs::write(&file, scenario).expect("the folder can be written");
        let arguments = ["loadtest".into(), "run".into(), file, "--quiet".into()];
        let media = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("loadtest-media");
        let places = ["--media".into(), media, "--json".into(), report.clone()];
        let line = arguments.into_iter().chain(places).chain(["--url".into(), url.into()]);
        let line = CommandLine::parse_from(line);
        let ended = tokio::task::spawn_blocking(|| execute(line)).await.expect("it ends");
        let text = std::fs::read_to_string(report).ok();
        (ended, text.map(|text| serde_json::from_str(&text).expect("the report is JSON")))
    }
}

fn url(server: &RealServer) -> String {
    format!("http://localhost:{}", server.http().port())
}

#[tokio::test(flavor = "multi_thread")]
async fn real_media_flows_and_every_packet_is_timed() {
    let server = RealServer::start().await;
    let (ended, report) = Place::new().run(PAIR, url(&server)).await;
    let report = report.expect("a report was written");
    assert_eq!(ended.expect("it could be measured"), 0, "{report:#}");
    for kind in ["sound", "picture"] {
        let packets = report[kind]["packets"].as_u64().expect("packets came");
        assert!(packets > 20, "{packets} of {kind}");
        assert!(report[kind]["delay_p50_ms"].as_f64().is_some_and(|delay| delay > 0.0));
    }
    assert!(report["heard"]["seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{report:#}");
    // Nobody says how large a tile is: the highest layer, once the path is known to carry it.
    let layers = report["layers"].as_array().expect("pictures were whole");
    assert!(layers.iter().any(|layer| layer["height"] == 540), "{layers:?}");
    let steps = report["joins"]["steps"].as_array().expect("joins were timed");
    assert_eq!(steps.len(), 7, "each step of a join: {steps:?}");
    assert_eq!(report["limits"].as_array().map(Vec::len), Some(5), "ours, and no silent slot");
    assert_eq!(server.metric("preau_participants").await, 0, "all have left");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_limit_is_told_by_the_exit_code() {
    let server = RealServer::start().await;
    let strict = PAIR.replace("first_frame_p95_ms = 10000.0", "first_frame_p95_ms = 0.001");
    let (ended, report) = Place::new().run(&strict, url(&server)).await;
    assert_eq!(ended.expect("it could be measured"), 1);
    let report = report.expect("a report was written");
    let broken = report["limits"].as_array().expect("limits").iter();
    let broken: Vec<_> = broken.filter(|verdict| verdict["holds"] == false).collect();
    assert_eq!(broken.len(), 1);
    assert_eq!(broken[0]["name"], "first_frame_p95_ms");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_in_the_middle_leaves_a_partial_report() {
    let server = RealServer::start().await;
    let url = url(&server);
    let place = Place::new();
    let long = PAIR.replace("seconds = 2", "seconds = 600");
    let play = place.run(&long, url);
    let die = async {
        while server.metric("preau_participants").await < 2 {
            tokio::task::yield_now().await;
        }
        server.stop().await;
    };
    let ((ended, report), ()) = tokio::join!(play, die);
    assert_eq!(ended.expect("it had begun"), 2);
    let report = report.expect("what was seen is kept");
    assert_eq!(report["incomplete"], "the server went away");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_tested_is_said_in_one_sentence() {
    let place = Place::new();
    let (ended, report) = place.run(PAIR, "http://127.0.0.1:1".into()).await;
    let error = ended.expect_err("nobody listens").to_string();
    assert!(error.starts_with("the server at localhost:1 does not answer: "), "{error}");
    assert!(report.is_none());
    let misspelt = PAIR.replace("warm_up", "warmup");
    let (ended, _) = place.run(&misspelt, String::new()).await;
    let error = ended.expect_err("the key is unknown").to_string();
    assert!(error.contains("line 5: unknown field `warmup`"), "{error}");
    let poor = PAIR.replace("count = 1", "count = 1\ndown = { loss_percent = 1 }");
    let (ended, _) = place.run(&poor, "http://127.0.0.1:1".into()).await;
    let error = ended.expect_err("a running server is not behind it").to_string();
    assert!(error.starts_with("pair has poor networks: start the server with --start"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_an_encrypted_room_open_every_frame() {
    let server = RealServer::start().await;
    let (ended, report) = Place::new().run(&format!("e2ee = true\n{PAIR}"), url(&server)).await;
    let report = report.expect("a report was written");
    assert_eq!(ended.expect("it could be measured"), 0, "{report:#}");
    let e2ee = &report["e2ee"];
    assert!(e2ee["opened"].as_u64().is_some_and(|opened| opened > 50), "{e2ee}");
    for never in ["undecryptable", "in_clear", "broken"] {
        assert_eq!(e2ee[never], 0, "{e2ee}");
    }
    for time in ["rekey_p95_ms", "member_p95_ms", "first_opened_p95_ms"] {
        assert!(e2ee[time].as_f64().is_some_and(|ms| ms > 0.0), "{time}: {e2ee}");
    }
    assert!(report["heard"]["seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{report:#}");
    server.stop().await;
}
