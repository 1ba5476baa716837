//! The generator runs out of something: one sentence, what was seen, and the exit code for it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

const MANY: &str =
    "name = 'many'\nabout = 'Many.'\nseconds = 1\nwarm_up = 0\n[[group]]\ncount = 200\n";

/// Lets rooms be made, and holds every session that is opened without a word.
fn serve(listener: &TcpListener) {
    let mut held = Vec::new();
    for connection in listener.incoming().map_while(Result::ok) {
        if let Some(session) = answer(connection) {
            held.push(session);
        }
    }
}

fn answer(mut connection: TcpStream) -> Option<TcpStream> {
    let mut reader = BufReader::new(connection.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    if !first.starts_with("POST /api/rooms ") {
        return Some(connection);
    }
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    let body = "{\"room\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"expiresAt\":1}";
    let head = format!("HTTP/1.1 201 Created\r\ncontent-length: {}\r\n\r\n", body.len());
    connection.write_all(format!("{head}{body}").as_bytes()).ok()?;
    None
}

#[test]
fn descriptors_that_run_out_are_told_and_the_partial_report_is_kept() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    std::thread::spawn(move || serve(&listener));
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (scenario, report) = (folder.path().join("many.toml"), folder.path().join("report.json"));
    std::fs::write(&scenario, MANY).expect("the folder can be written");
    let media = Path::new(env!("CARGO_TARGET_TMPDIR")).join("loadtest-media");
    let ended = Command::new("sh")
        .args(["-c", "ulimit -n 100 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_loadtest")])
        .arg("run")
        .arg(&scenario)
        .args(["--quiet", "--url", &url, "--media"])
        .arg(media)
        .arg("--json")
        .arg(&report)
        .output()
        .expect("the shell runs");
    let said = [&ended.stdout, &ended.stderr].map(|it| String::from_utf8_lossy(it)).concat();
    assert_eq!(ended.status.code(), Some(2), "{said}");
    assert!(
        said.contains("not complete: this machine has no more sockets: Too many open files"),
        "{said}"
    );
    let report = std::fs::read_to_string(report).expect("what was seen is kept");
    let report: serde_json::Value = serde_json::from_str(&report).expect("the report is JSON");
    assert!(report["joins"]["begun"].as_u64().is_some_and(|begun| begun > 50), "{report:#}");
}
