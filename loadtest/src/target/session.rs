//! The WebSocket of one participant of a Préau server, and its requests over HTTP.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use protocol::{ClientMessage, ErrorCode, RequestId, ServerMessage};
use serde_json::Value;
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Message;

use super::{TargetError, tls};

/// Where a server is.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    /// Host and port, as requests name it.
    pub(crate) host: String,
    /// Whether it is spoken to through TLS.
    pub(crate) is_secure: bool,
}

/// A connection, plain or not.
pub(crate) trait Road: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Road for T {}

/// One WebSocket.
pub(crate) struct Session {
    socket: WebSocketStream<Box<dyn Road>>,
    requests: u32,
    /// Word of the server that came while an answer was waited for.
    unheard: VecDeque<ServerMessage>,
    /// What else is kept while an answer is waited for.
    keeps: fn(&ServerMessage) -> bool,
    next_ping: Instant,
}

impl Session {
    pub(crate) async fn open(
        origin: &Origin,
        from: Option<std::net::IpAddr>,
    ) -> Result<Self, TargetError> {
        let socket = connect(origin, from).await?;
        let scheme = if origin.is_secure { "wss" } else { "ws" };
        let url = format!("{scheme}://{}/api/session", origin.host);
        let opened = timeout(PATIENCE, tokio_tungstenite::client_async(url, socket)).await;
        let unreachable = |why: String| TargetError::Unreachable(origin.host.clone(), why);
        let (socket, _) = opened
            .map_err(|_| unreachable("no answer".to_owned()))?
            .map_err(|error| unreachable(error.to_string()))?;
        Ok(Self {
            socket,
            requests: 0,
            unheard: VecDeque::new(),
            keeps: |_| false,
            next_ping: Instant::now() + PING_INTERVAL,
        })
    }

    /// Keeps more for [`Session::next_word`] than words about layers and slots.
    pub(crate) fn keep(&mut self, keeps: fn(&ServerMessage) -> bool) {
        self.keeps = keeps;
    }

    /// The number of the next request.
    pub(crate) fn next_request(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }

    pub(crate) async fn say(&mut self, message: &ClientMessage) -> Result<(), TargetError> {
        let text = serde_json::to_string(message).expect("a message is plain data");
        self.socket.send(Message::text(text)).await.map_err(|_| TargetError::Gone)
    }

    /// The next message, whatever it is, keeping the session alive meanwhile. Messages this
    /// program does not know are `None`. May be dropped and called again.
    pub(crate) async fn next(&mut self) -> Result<Option<ServerMessage>, TargetError> {
        loop {
            tokio::select! {
                heard = self.socket.next() => match heard {
                    Some(Ok(Message::Text(text))) => {
                        return Ok(serde_json::from_str(text.as_str()).ok());
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(TargetError::Gone),
                    Some(Ok(_)) => {}
                },
                () = tokio::time::sleep_until(self.next_ping) => {
                    self.next_ping = Instant::now() + PING_INTERVAL;
                    self.say(&ClientMessage::Ping {}).await?;
                }
            }
        }
    }

    /// The next message that is no answer, those that came during requests first. May be dropped
    /// and called again.
    pub(crate) async fn next_word(&mut self) -> Result<Option<ServerMessage>, TargetError> {
        match self.unheard.pop_front() {
            Some(message) => Ok(Some(message)),
            None => self.next().await,
        }
    }

    /// Waits for what `pick` finds in a message; of others before it, those about layers and
    /// slots and those that are asked for with [`Session::keep`] are kept for [`Session::next_word`].
    pub(crate) async fn hear<T>(
        &mut self,
        what: &'static str,
        pick: impl Fn(ServerMessage) -> Result<T, Option<ErrorCode>>,
    ) -> Result<T, TargetError> {
        let heard = timeout(PATIENCE, async {
            loop {
                let Some(message) = self.next().await? else { continue };
                let is_word = matches!(
                    message,
                    ServerMessage::LayersWanted { .. } | ServerMessage::SlotsPaused { .. }
                );
                if is_word || (self.keeps)(&message) {
                    self.unheard.push_back(message);
                    continue;
                }
                match pick(message) {
                    Ok(found) => return Ok(found),
                    Err(Some(code)) => return Err(refused(what, code)),
                    Err(None) => {}
                }
            }
        });
        let silent = || TargetError::Refused(what, "no answer within 10 s".to_owned());
        heard.await.unwrap_or_else(|_| Err(silent()))
    }

    /// Ends it in order.
    pub(crate) async fn leave(mut self) {
        if self.say(&ClientMessage::Leave {}).await.is_ok() {
            let is_goodbye = |message| matches!(message, ServerMessage::Goodbye { .. });
            // A server that says no goodbye is left all the same.
            let _ = self
                .hear("to let go", |message| if is_goodbye(message) { Ok(()) } else { Err(None) })
                .await;
        }
    }
}

fn refused(what: &'static str, code: ErrorCode) -> TargetError {
    let code = serde_json::to_value(code).ok();
    let code = code.as_ref().and_then(Value::as_str).unwrap_or("unknown").to_owned();
    TargetError::Refused(what, code)
}

/// One request on a connection of its own; gives status and body.
pub(crate) async fn request(
    origin: &Origin,
    method: &str,
    path: &str,
    body: &str,
    patience: Duration,
) -> Result<(u16, String), TargetError> {
    let unreachable = |why: String| TargetError::Unreachable(origin.host.clone(), why);
    let asked = async {
        let mut socket = connect(origin, None).await?;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            origin.host,
            body.len()
        );
        let io = |error: std::io::Error| unreachable(error.to_string());
        socket.write_all(request.as_bytes()).await.map_err(io)?;
        let mut answer = Vec::new();
        (&mut socket).take(MAX_ANSWER).read_to_end(&mut answer).await.map_err(io)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    let answer = timeout(patience, asked).await;
    let answer = answer.unwrap_or_else(|_| Err(unreachable("no answer".to_owned())))?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let (Some(status), Some((head, body))) = (status, answer.split_once("\r\n\r\n")) else {
        return Err(TargetError::Answer("a request", answer.chars().take(80).collect()));
    };
    let is_chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    Ok((status, if is_chunked { unchunk(body) } else { body.to_owned() }))
}

/// The content of chunks (RFC 9112 section 7.1), as far as it is whole.
fn unchunk(mut body: &str) -> String {
    let mut content = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let Some(chunk) = rest.get(..size).filter(|chunk| !chunk.is_empty()) else { break };
        content += chunk;
        body = rest[size..].trim_start_matches("\r\n");
    }
    content
}

async fn connect(
    origin: &Origin,
    from: Option<std::net::IpAddr>,
) -> Result<Box<dyn Road>, TargetError> {
    let exhausted = |error: std::io::Error| TargetError::Exhausted("sockets", error.to_string());
    let domain = Domain::for_address(origin.address);
    let socket = Socket::new(domain, Type::STREAM, None).map_err(exhausted)?;
    socket.set_nonblocking(true).map_err(exhausted)?;
    let _ = socket.set_tcp_nodelay(true);
    if let Some(from) = from.filter(|from| from.is_ipv4() == origin.address.is_ipv4()) {
        socket.bind(&SocketAddr::new(from, 0).into()).map_err(exhausted)?;
    }
    let connecting = TcpSocket::from_std_stream(socket.into()).connect(origin.address);
    let unreachable = |why: String| TargetError::Unreachable(origin.host.clone(), why);
    let connected = timeout(PATIENCE, async {
        let socket = connecting.await?;
        Ok::<Box<dyn Road>, std::io::Error>(if origin.is_secure {
            Box::new(tls::connect(socket, &origin.host).await?)
        } else {
            Box::new(socket)
        })
    });
    connected
        .await
        .map_err(|_| unreachable("no answer".to_owned()))?
        .map_err(|error| unreachable(error.to_string()))
}

/// Nothing a server does takes longer unless it is broken.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// What pages do, so that the server does not end a silent session.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// Bytes of an answer that are read at most.
const MAX_ANSWER: u64 = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_takes_a_connection_and_says_nothing_is_told() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = silent.local_addr().unwrap();
        let host = format!("localhost:{}", address.port());
        let origin = Origin { address, host: host.clone(), is_secure: false };
        let asked = request(&origin, "GET", "/", "", Duration::from_millis(50)).await;
        let told = asked.unwrap_err().to_string();
        assert_eq!(told, format!("the server at {host} does not answer: no answer"));
    }

    #[test]
    fn chunks_are_put_together() {
        assert_eq!(unchunk("5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n"), "{\"a\":1}");
        assert_eq!(unchunk("ff\r\ntoo short"), "");
    }
}
