//! `preau privacy-check` against a server of ours, and against one that keeps no promise.

use std::process::{Command, Output};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::harness::TestServer;
use crate::notice::CONTROLLER;

async fn check(origin: String) -> (Option<i32>, String) {
    let run = move || -> Output {
        Command::new(env!("CARGO_BIN_EXE_preau")).args(["privacy-check", &origin]).output().unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn r10_r31_r33_r34_r35_a_check_from_outside_finds_every_promise_kept() {
    let server = TestServer::start_with(&format!("trial = false\n{CONTROLLER}")).await;
    let (code, table) = check(format!("http://{}/", server.http())).await;
    assert_eq!(code, Some(0), "{table}");
    assert!(table.ends_with("10 kept, 0 broken\n"), "{table}");
    // A trial is no server for real meetings.
    let trial = TestServer::start().await;
    let (code, table) = check(format!("http://{}", trial.http())).await;
    assert_eq!(code, Some(1));
    assert!(table.contains("BROKEN  R34 ") && table.contains("it is a trial"), "{table}");
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (code, words) = check(format!("http://{nobody}")).await;
    assert_eq!(code, Some(1));
    assert!(words.contains("cannot reach"), "{words}");
    let (code, words) =
        check(format!("https://localhost:{}", trial.addresses().https.port())).await;
    assert_eq!(code, Some(1));
    assert!(words.contains("/authority.crt") && words.contains("--authority"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_from_outside_finds_every_promise_that_a_bad_server_breaks() {
    const PAGE: &str = "<html lang=\"fr\"><link rel=\"manifest\" href=\"/m.json\">\
         <script src=\"https://cdn.example/a.js\"></script><img src=\"//pixel.example/1.gif\">\
         <script>document.cookie = 'id'; localStorage.id = 1; new RTCPeerConnection({iceServers:[{urls:'stun:stun.example'}]})</script>";
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await;
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nset-cookie: id=1\r\nnel: {{}}\r\n\
                 content-security-policy: default-src * 'unsafe-inline'\r\n\
                 content-length: {}\r\nconnection: close\r\n\r\n{PAGE}",
                PAGE.len()
            );
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    let (code, table) = check(format!("http://{address}")).await;
    serve.abort();
    assert_eq!(code, Some(1));
    for fault in [
        "Referrer-Policy is \"\"",
        "it lets * in",
        "it lets 'unsafe-inline' in",
        "names cdn.example",
        "names pixel.example",
        "names a stun: server",
        "sets a cookie",
        "uses document.cookie",
        "uses localStorage for something else",
        "has rel=\"manifest\"",
        "asks for reports by nel",
        "no controller",
        "is no notice in en",
    ] {
        assert!(table.contains(fault), "{fault} in {table}");
    }
    assert!(table.contains("1 kept, 9 broken\n"), "only the address is of this machine: {table}");
}
