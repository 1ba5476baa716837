//! The WebSocket of a participant.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::server::Room;

/// One WebSocket to the server.
pub(crate) struct Session {
    socket: WebSocketStream<TcpStream>,
    requests: u32,
}

impl Session {
    async fn open(http: SocketAddr) -> Self {
        let socket = TcpStream::connect(http).await.expect("the server listens");
        let url = format!("ws://localhost:{}/api/session", http.port());
        let opened = tokio_tungstenite::client_async(url, socket).await;
        Self { socket: opened.expect("a session opens").0, requests: 0 }
    }

    /// Opens a session and enters, as the participant of the token `resume` where there is one;
    /// gives `joined` as well.
    pub(crate) async fn join(
        http: SocketAddr,
        room: &Room,
        proof: &str,
        name: Option<&str>,
        resume: Option<&Value>,
    ) -> (Self, Value) {
        let mut session = Self::open(http).await;
        let join = json!({
            "type": "join",
            "protocolVersion": protocol::PROTOCOL_VERSION,
            "room": room.slug,
            "proof": proof,
            "displayName": name,
            "resume": resume,
        });
        session.say(&join).await;
        let joined = session.hear("joined").await;
        (session, joined)
    }

    async fn say(&mut self, message: &Value) {
        let sent = self.socket.send(Message::text(message.to_string())).await;
        sent.expect("the session is open");
    }

    /// Waits for a message of this type; others before it are dropped.
    pub(crate) async fn hear(&mut self, kind: &str) -> Value {
        loop {
            let heard = self.hear_any().await;
            if heard["type"] == kind {
                return heard;
            }
            assert_ne!(heard["type"], "error", "{heard}");
        }
    }

    /// Sends a request and waits for its answer.
    pub(crate) async fn ask(&mut self, mut request: Value, answer: &str) -> Value {
        self.requests += 1;
        request["requestId"] = self.requests.into();
        self.say(&request).await;
        loop {
            let heard = self.hear_any().await;
            if heard["requestId"] == self.requests {
                assert_eq!(heard["type"], answer, "{heard}");
                return heard;
            }
        }
    }

    /// Ends the connection without a word.
    pub(crate) async fn end(&mut self) {
        // The other side may have ended it already.
        let _ = self.socket.get_mut().shutdown().await;
    }

    /// Leaves for good.
    pub(crate) async fn leave(mut self) {
        self.say(&json!({ "type": "leave" })).await;
        self.hear("goodbye").await;
    }

    async fn hear_any(&mut self) -> Value {
        loop {
            match in_time(self.socket.next()).await {
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str(&text).expect("the server writes JSON");
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("instead of a text: {other:?}"),
            }
        }
    }
}

/// Longest wait for anything; only there to end a test that would hang.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Fails a test that would hang.
pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("nothing happens")
}
