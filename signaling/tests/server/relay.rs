//! The port of the pages, where media over TCP comes in too: whatever is none of what is spoken there
//! is closed and counted.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{TestServer, ask_on, in_time, tls};

/// Waits until the server has closed it; gives what it said before.
async fn closed(mut socket: impl AsyncReadExt + Unpin) -> Vec<u8> {
    let mut said = vec![];
    // A connection with unread bytes is reset.
    let _ = in_time(socket.read_to_end(&mut said)).await;
    said
}

async fn refused(server: &TestServer, kind: &str) -> u64 {
    server.metric(&format!("preau_relay_refused_total{{kind=\"{kind}\"}}")).await
}

#[tokio::test]
async fn what_is_neither_tls_nor_framed_is_closed_at_once_and_counted() {
    let server = TestServer::start().await;
    let mut unknown = 0;
    for bytes in [
        &b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"[..],
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x80\x2e\x01\x00\x02",
        b"\xff",
        // A frame longer than any datagram.
        b"\x09\x00\x00\x01",
    ] {
        let mut socket = TcpStream::connect(server.addresses().https).await.unwrap();
        socket.write_all(bytes).await.unwrap();
        assert!(closed(socket).await.is_empty(), "{bytes:?}");
        unknown += 1;
    }
    assert_eq!(refused(&server, "unknown").await, unknown);
    // Pages are served as before, and so is what comes after all of that.
    let socket = tls(&server, "localhost").await;
    assert_eq!(ask_on(socket, "localhost", "GET", "/healthz", "", &[]).await.status, 200);
}

#[tokio::test]
async fn the_first_frame_has_to_be_a_check_and_in_time() {
    let server = TestServer::start().await;
    let long = [[0x07, 0xfe].as_slice(), &[0; 0x07fe]].concat();
    let request = [&[0, 20, 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[9; 12]].concat();
    let garbage = [
        &b"\0\0"[..],
        b"\0\x01\0",
        b"\0\x05hello",
        &long,
        b"\x07\xff\0",
        &request,
        b"\0\x14GET / HTTP/1.1\r\n\r\nab",
    ];
    for bytes in garbage {
        let mut socket = TcpStream::connect(server.addresses().https).await.unwrap();
        socket.write_all(bytes).await.unwrap();
        assert!(closed(socket).await.is_empty(), "{bytes:?}");
    }
    assert_eq!(refused(&server, "malformed").await, garbage.len() as u64);
    let mut slow = vec![];
    for bytes in [&b"\0"[..], b"\0\x40", &request[..12]] {
        let mut socket = TcpStream::connect(server.addresses().https).await.unwrap();
        socket.write_all(bytes).await.unwrap();
        slow.push(socket);
    }
    // Whoever closes half-way takes nothing along.
    drop(slow.pop());
    while server.metric("preau_connections").await != 2 {
        tokio::task::yield_now().await;
    }
    server.hand.advance(Duration::from_secs(5));
    for socket in slow {
        assert!(closed(socket).await.is_empty());
    }
    assert_eq!(server.metric("preau_relay_sockets").await, 0);
    assert_eq!(server.metric("preau_relays_total{kind=\"ice_tcp\"}").await, 0);
}

#[tokio::test]
async fn within_tls_garbage_is_closed_and_whoever_shows_no_credential_is_let_go() {
    let server = TestServer::start().await;
    for bytes in [&b"\0\x01\0\x03abcd"[..], b"\x3f\xff\xff\xfc\x21\x12\xa4\x42", &[0; 20]] {
        let mut socket = tls(&server, "localhost").await;
        socket.write_all(bytes).await.unwrap();
        assert!(closed(socket).await.is_empty(), "{bytes:?}");
    }
    assert_eq!(refused(&server, "malformed").await, 3);
    let mut slow = tls(&server, "localhost").await;
    slow.write_all(&[0, 3, 0]).await.unwrap();
    while server.metric("preau_relays_total{kind=\"turn\"}").await != 4 {
        tokio::task::yield_now().await;
    }
    server.hand.advance(Duration::from_secs(10));
    assert!(closed(slow).await.is_empty());
    assert_eq!(server.metric("preau_relay_sockets").await, 0);
}

#[tokio::test]
async fn an_answer_names_the_port_of_the_pages_and_comes_with_a_credential_that_ends() {
    let server = TestServer::start_with("share_origin = \"https://visio.example\"").await;
    let mut browser = server.connect().await;
    browser.say(&json!({ "type": "probe", "requestId": 7, "sdp": crate::probe::OFFER })).await;
    let answer = browser.hear().await;
    let sdp = answer["sdp"].as_str().unwrap();
    let tcp = sdp.lines().find(|line| line.contains(" tcp ")).unwrap();
    assert!(tcp.contains(" 127.0.0.1 443 typ host tcptype passive"), "{tcp}");
    let username = answer["relay"]["username"].as_str().unwrap();
    let ends: u64 = username.split(':').next().unwrap().parse().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!((now + 11 * 3600..now + 13 * 3600).contains(&ends), "{username}");
    assert_eq!(answer["relay"]["password"].as_str().unwrap().len(), 64);
}
