//! Sockets that say nothing, or ever so little at once: each is ended in bounded time, and nobody else
//! waits for it.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::harness::{TestServer, ask, join, tls, with};

/// Says a byte each second until the server ends it; gives after how many, and what it said. The
/// others are served all the while.
async fn end_of(
    server: &TestServer,
    mut socket: impl AsyncRead + AsyncWrite + Unpin,
    dribble: &[u8],
) -> (u64, String) {
    let mut said = vec![];
    for second in 0..LONGEST {
        assert_eq!(server.get("/healthz", &[]).await.status, 200);
        // What is still in time is read; beyond it the end shows at once.
        let read = tokio::time::timeout(LOOK, socket.read_to_end(&mut said)).await;
        if read.is_ok() {
            return (second, String::from_utf8_lossy(&said).into_owned());
        }
        if let Some(byte) = dribble.get(second as usize) {
            // It may have been ended just now.
            let _ = socket.write_all(&[*byte]).await;
        }
        server.hand.advance(Duration::from_secs(1));
    }
    panic!("still open, having said {said:?}");
}

/// So many seconds are let pass by hand at most. The server needs time of its own to see them pass, and on a
/// busy machine more of these: only that the end comes, and not too early, is what counts.
const LONGEST: u64 = 1_000;

/// How long is waited each second to see whether it was ended.
const LOOK: Duration = Duration::from_millis(20);

#[tokio::test]
async fn who_says_nothing_or_dribbles_a_head_is_let_go() {
    let server = TestServer::start().await;
    let (http, https) = (server.http(), server.addresses().https);
    let head =
        b"GET /api/server HTTP/1.1\r\nhost: localhost\r\nx-slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let hello =
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    for (what, address, dribble, limit) in [
        ("nothing, over HTTP", http, &b""[..], 15),
        ("a head, over HTTP", http, head, 15),
        ("nothing, over HTTPS", https, b"", 10),
        ("half a handshake", https, hello, 11),
        ("half a frame", https, b"\0\x40\0\x01", 5),
    ] {
        let socket = TcpStream::connect(address).await.unwrap();
        let (seconds, said) = end_of(&server, socket, dribble).await;
        assert!(seconds >= limit / 2, "{what}: {seconds} s");
        assert_eq!(said, "", "{what}");
    }
    for (what, dribble) in [("nothing, within TLS", &b""[..]), ("a head, within TLS", head)] {
        let socket = tls(&server, "localhost").await;
        let (seconds, _) = end_of(&server, socket, dribble).await;
        assert!(seconds >= 8, "{what}: {seconds} s");
    }
    // Nothing of them is left.
    while server.metric("preau_connections").await != 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_body_that_dribbles_is_refused_after_ten_seconds() {
    let server = TestServer::start().await;
    let mut socket = TcpStream::connect(server.http()).await.unwrap();
    let head = "POST /api/rooms HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                content-length: 300\r\n\r\n";
    socket.write_all(head.as_bytes()).await.unwrap();
    let (seconds, said) = end_of(&server, socket, &[b' '; 60]).await;
    assert!(seconds >= 5, "{seconds} s");
    assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
}

/// The beginning of a text frame of so many bytes (RFC 6455 section 5.2), with a mask of zeros.
fn frame_head(length: u16) -> Vec<u8> {
    let [high, low] = length.to_be_bytes();
    vec![0x81, 0x80 | 126, high, low, 0, 0, 0, 0]
}

#[tokio::test]
async fn a_first_message_that_dribbles_ends_with_its_ten_seconds() {
    let server = TestServer::start().await;
    let mut browser = server.connect().await;
    let mut text = None;
    browser.0.get_mut().write_all(&frame_head(20_000)).await.unwrap();
    for _ in 0..LONGEST {
        // It may have been ended just now.
        let _ = browser.0.get_mut().write_all(b"{").await;
        assert_eq!(server.get("/healthz", &[]).await.status, 200);
        if let Ok(said) = tokio::time::timeout(LOOK, browser.hear_text()).await {
            text = Some(said);
            break;
        }
        server.hand.advance(Duration::from_secs(1));
    }
    assert!(text.expect("it was told in time").contains("not_joined"));
    assert_eq!(browser.close_code().await, 1008);
}

#[tokio::test]
async fn a_message_that_dribbles_keeps_nobody_present() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let (mut slow, _) = server.join(&room, &room.guest).await;
    let (mut other, _) = server.join(&room, &room.guest).await;
    slow.0.get_mut().write_all(&frame_head(60_000)).await.unwrap();
    let mut seconds = 0_u64;
    loop {
        // Of a message that is not whole nothing is heard, and a ping is not answered within it.
        let _ = slow.0.get_mut().write_all(b" ").await;
        other.is_alive().await;
        let Ok(next) = tokio::time::timeout(LOOK, slow.0.next()).await else {
            server.hand.advance(Duration::from_secs(1));
            seconds += 1;
            continue;
        };
        match next {
            Some(Ok(Message::Ping(_) | Message::Text(_))) => {}
            Some(Err(_)) | None => break,
            Some(Ok(other)) => panic!("{other:?}"),
        }
        assert!(seconds < LONGEST);
    }
    assert!(seconds >= 20, "{seconds} s");
}

#[tokio::test]
async fn heads_of_requests_are_bounded() {
    let server = TestServer::start().await;
    let fields = |bytes: usize| "x".repeat(bytes);
    for (bytes, status) in [(7_000, 200), (9_000, 431), (200_000, 431)] {
        let field = fields(bytes);
        let answer = ask(server.http(), "GET", "/healthz", "", &[("x-long", &field)]).await;
        assert_eq!(answer.status, status, "{bytes}");
    }
    let many: Vec<(String, String)> =
        (0..200).map(|number| (format!("x-{number}"), "1".to_owned())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(ask(server.http(), "GET", "/healthz", "", &many).await.status, 431);
    let path = format!("/{}", "a".repeat(9_000));
    assert_eq!(server.get(&path, &[]).await.status, 431);
    // A room can still be made, and entered.
    let room = server.room().await;
    server.join_with(with(join(&room, &room.guest), "displayName", "Zoé")).await;
}
