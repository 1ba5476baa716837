//! One task per session: origin, size and rate checks, parsing, forwarding, silence, and the end.
//!
//! Close codes (RFC 6455 section 7.4): 1000 after `goodbye`; 1001 the server stops; 1003 a binary
//! frame; 1008 a fatal `error` of the caller or of a room rule; 1009 a message too large; 1011 a
//! fault of ours; 1013 an overload or too many messages. A session that is cut, because it does
//! not read or was silent too long, gets no close frame.

mod probe;

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::SinkExt;
use protocol::{
    ClientMessage, ErrorCode, GoodbyeReason, Language, MAX_MESSAGE_BYTES, PROTOCOL_VERSION,
    Redacted, RequestId, ServerMessage,
};
use room::{EndCause, Rate, TokenBucket};
use tokio::sync::mpsc;

use crate::allowance::{self, Allowance};
use crate::app::{App, Connection};
use crate::http::{is_same_origin, problem};
use crate::limits::Pass;
use crate::live_room::{Outgoing, RoomInput};
use crate::registry::{Admission, JoinRequest};

/// `GET /api/session`.
pub(crate) async fn open(
    State(app): State<App>,
    Extension(connection): Extension<Connection>,
    Extension(counted): Extension<Arc<Pass>>,
    Extension(allowance): Extension<Allowance>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else {
        return problem(StatusCode::UPGRADE_REQUIRED, ErrorCode::Malformed);
    };
    if !is_same_origin(&headers, app.face.share_origin.as_deref()) {
        return problem(StatusCode::FORBIDDEN, ErrorCode::NotAllowed);
    }
    let pass = app.half_open.enter(connection.address);
    let (Some(pass), Some(alive)) = (pass, app.alive.upgrade()) else {
        return problem(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Overloaded);
    };
    app.metrics.sessions.add_one();
    allowance.limit(MAX_FIRST_BYTES);
    upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES)
        .max_write_buffer_size(MAX_WRITE_BUFFER_BYTES)
        .on_upgrade(async move |socket| {
            Session::new(app, socket, connection.address).run(pass, allowance).await;
            drop((alive, counted));
        })
        .into_response()
}

struct Session {
    app: App,
    socket: WebSocket,
    address: IpAddr,
    rate: TokenBucket,
    heard_at: Instant,
    /// True when a ping was sent since something was last heard.
    is_pinged: bool,
}

/// What the first message of a session began.
enum Beginning {
    /// The join is with its room.
    Joining(Admission, mpsc::Receiver<Outgoing>),
    /// A test of the connection, with this offer.
    Probe(RequestId, Redacted<String>),
}

/// Why a session is over.
#[derive(Debug)]
enum End {
    /// The connection is gone or not worth a word.
    Gone,
    /// Ends with this error.
    Refused(ErrorCode),
    /// A binary frame came.
    Binary,
    /// The last word was said by the room.
    Said(u16),
    /// The server stops before the session joined.
    Stopping,
}

impl Session {
    fn new(app: App, socket: WebSocket, address: IpAddr) -> Self {
        let now = app.clock.now();
        let rate = TokenBucket::new(MESSAGE_RATE, now);
        Self { app, socket, address, rate, heard_at: now, is_pinged: false }
    }

    async fn run(mut self, pass: Pass, allowance: Allowance) {
        let end = match self.enter().await {
            Ok(Beginning::Joining(admission, outgoing)) => {
                // From here the room's own limit counts the session.
                drop(pass);
                allowance.lift();
                self.talk(admission, outgoing).await
            }
            Ok(Beginning::Probe(request_id, offer)) => {
                let end = self.probe(request_id, offer).await;
                drop(pass);
                end
            }
            Err(end) => end,
        };
        self.close(end).await;
    }

    /// Waits for `join` and has it checked, or for a `probe`.
    async fn enter(&mut self) -> Result<Beginning, End> {
        let deadline = self.app.clock.now() + JOIN_DEADLINE;
        let clock = self.app.clock.clone();
        let mut stopping = self.app.stopping.clone();
        let text = tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping) => return Err(End::Stopping),
            text = self.hear() => text?,
            () = clock.sleep_until(deadline) => return Err(End::Refused(ErrorCode::NotJoined)),
        };
        let received = clock.now();
        if text.len() > MAX_FIRST_BYTES {
            return Err(End::Refused(ErrorCode::MessageTooLarge));
        }
        let (sender, outgoing) = mpsc::channel(SESSION_QUEUE);
        let first = first_message(&text, sender).map_err(End::Refused)?;
        if !self.app.join_rate.take(self.address, received) {
            return Err(End::Refused(ErrorCode::RateLimited));
        }
        let request = match first {
            First::Join(request) => *request,
            First::Probe(request_id, offer) => return Ok(Beginning::Probe(request_id, offer)),
        };
        match self.app.registry.admit(request).await {
            Ok(admission) => Ok(Beginning::Joining(admission, outgoing)),
            Err(code) => {
                if code == ErrorCode::JoinRefused {
                    // Neither what is wrong nor how long it took to find out is told.
                    clock.sleep_until(received + REFUSAL_DELAY).await;
                }
                Err(End::Refused(code))
            }
        }
    }

    /// Carries messages both ways until one side ends.
    async fn talk(&mut self, admission: Admission, mut outgoing: mpsc::Receiver<Outgoing>) -> End {
        let Admission { session, ref room } = admission;
        let mut code = close_code::NORMAL;
        let mut batch = Vec::with_capacity(SAID_AT_ONCE);
        let end = loop {
            tokio::select! {
                biased;
                count = outgoing.recv_many(&mut batch, SAID_AT_ONCE) => {
                    if count == 0 {
                        // The room cut this session.
                        return End::Gone;
                    }
                    match self.say_all(&mut batch, &mut code).await {
                        Ok(None) => {}
                        Ok(Some(EndCause::ServerStopping)) => return End::Said(close_code::AWAY),
                        Ok(Some(EndCause::Goodbye | EndCause::Refused)) => return End::Said(code),
                        Err(end) => {
                            self.hear_out(&admission).await;
                            break end;
                        }
                    }
                }
                text = self.hear() => {
                    let message = match text {
                        Ok(text) => parse(&text),
                        Err(end) => break end,
                    };
                    match message {
                        Ok(message) => {
                            if let Some(refusal) = self.too_many_reports(&message) {
                                match self.say(&refusal).await {
                                    Ok(()) => continue,
                                    Err(end) => break end,
                                }
                            }
                            if room.send(RoomInput::Said(session, message)).await.is_err() {
                                return End::Gone;
                            }
                        }
                        Err(code) => break End::Refused(code),
                    }
                }
            }
        };
        // A room that is gone needs no telling.
        let _ = room.send(RoomInput::Lost(session)).await;
        end
    }

    /// The refusal of an incident report that follows too many others of the same network.
    fn too_many_reports(&self, message: &ClientMessage) -> Option<ServerMessage> {
        let ClientMessage::ReportIncident { request_id, .. } = message else { return None };
        let code = ErrorCode::RateLimited;
        let is_within = self.app.report_rate.take(self.address, self.heard_at);
        let refusal = ServerMessage::Error { request_id: Some(*request_id), code, fatal: false };
        (!is_within).then_some(refusal)
    }

    /// Passes on what the browser said before it went: a `leave` may still wait to be read when
    /// the answer to something earlier could no longer be written.
    async fn hear_out(&mut self, Admission { session, room }: &Admission) {
        let late = async {
            for _ in 0..MAX_LATE_FRAMES {
                let Ok(text) = self.hear().await else { return };
                let Ok(message) = parse(&text) else { return };
                if room.send(RoomInput::Said(*session, message)).await.is_err() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(LINGER, late).await;
    }

    /// The next text. Safe to drop half-way.
    async fn hear(&mut self) -> Result<Utf8Bytes, End> {
        loop {
            let clock = self.app.clock.clone();
            let patience = if self.is_pinged { SILENCE_LIMIT } else { PING_AFTER };
            let frame = tokio::select! {
                biased;
                frame = self.socket.recv() => frame,
                () = clock.sleep_until(self.heard_at + patience) => {
                    if self.is_pinged {
                        return Err(End::Gone);
                    }
                    self.is_pinged = true;
                    self.write([Message::Ping(Bytes::new())]).await?;
                    continue;
                }
            };
            self.heard_at = clock.now();
            self.is_pinged = false;
            let message = match frame {
                Some(Ok(message)) => message,
                Some(Err(error)) if is_too_large(&error) => {
                    return Err(End::Refused(ErrorCode::MessageTooLarge));
                }
                Some(Err(_)) | None => return Err(End::Gone),
            };
            if !self.rate.take(self.heard_at) {
                return Err(End::Refused(ErrorCode::RateLimited));
            }
            match message {
                Message::Text(text) => return Ok(text),
                Message::Binary(_) => return Err(End::Binary),
                Message::Ping(_) | Message::Pong(_) => {}
                Message::Close(_) => return Err(End::Gone),
            }
        }
    }

    /// Writes what the room said, in one go. Notes in `code` how the session will close, and gives
    /// the end if the room said so.
    async fn say_all(
        &mut self,
        batch: &mut Vec<Outgoing>,
        code: &mut u16,
    ) -> Result<Option<EndCause>, End> {
        let mut texts = Vec::with_capacity(batch.len());
        let mut ended = None;
        for outgoing in batch.drain(..) {
            match outgoing {
                Outgoing::Message(mut message) => {
                    self.complete(&mut message);
                    if let ServerMessage::Error { code: cause, fatal: true, .. } = *message {
                        *code = close_code_of(cause);
                    }
                    texts.push(text(&message));
                }
                Outgoing::End(cause) => ended = Some(cause),
            }
        }
        self.write(texts).await?;
        Ok(ended)
    }

    /// Adds what the room does not know.
    fn complete(&self, message: &mut ServerMessage) {
        if let ServerMessage::Known { known, .. } = message {
            known.address = Some(Redacted::new(self.address.to_string()));
        } else if let ServerMessage::Answer { relay, .. } = message {
            *relay = self.app.relay_access();
        }
    }

    async fn say(&mut self, message: &ServerMessage) -> Result<(), End> {
        self.write([text(message)]).await
    }

    async fn write(&mut self, messages: impl IntoIterator<Item = Message>) -> Result<(), End> {
        let clock = self.app.clock.clone();
        let deadline = clock.now() + WRITE_DEADLINE;
        let socket = &mut self.socket;
        let written = async {
            for message in messages {
                socket.feed(message).await?;
            }
            socket.flush().await
        };
        tokio::select! {
            biased;
            written = written => written.map_err(|_| End::Gone),
            () = clock.sleep_until(deadline) => Err(End::Gone),
        }
    }

    /// Says the last word, if any, and lets the browser read it.
    async fn close(mut self, end: End) {
        let (message, code) = match end {
            End::Gone => return,
            End::Said(code) => (None, code),
            End::Refused(code) => (Some(fatal(code)), close_code_of(code)),
            End::Binary => (Some(fatal(ErrorCode::Malformed)), close_code::UNSUPPORTED),
            End::Stopping => {
                let reason = GoodbyeReason::ServerRestart;
                (Some(ServerMessage::Goodbye { reason, note: None }), close_code::AWAY)
            }
        };
        if let Some(message) = message {
            if let ServerMessage::Error { code, .. } = message {
                tracing::debug!(?code, "session refused");
                self.app.metrics.refused(code);
            }
            if self.say(&message).await.is_err() {
                return;
            }
        }
        let frame = CloseFrame { code, reason: Utf8Bytes::default() };
        if self.write([Message::Close(Some(frame))]).await.is_err() {
            return;
        }
        // Closing at once, with unread bytes of the browser, would reset the connection under the
        // last words. Their content no longer matters.
        let last_words = async {
            for _ in 0..MAX_LATE_FRAMES {
                match self.socket.recv().await {
                    Some(Ok(_)) => {}
                    Some(Err(error)) if is_too_large(&error) => std::future::pending().await,
                    Some(Err(_)) | None => break,
                }
            }
        };
        let _ = tokio::time::timeout(LINGER, last_words).await;
    }
}

fn text(message: &ServerMessage) -> Message {
    Message::text(serde_json::to_string(message).expect("messages are plain data"))
}

fn fatal(code: ErrorCode) -> ServerMessage {
    ServerMessage::Error { request_id: None, code, fatal: true }
}

fn parse(text: &str) -> Result<ClientMessage, ErrorCode> {
    serde_json::from_str(text).map_err(|_| ErrorCode::Malformed)
}

/// The first message of a session, taken apart.
pub(crate) enum First {
    Join(Box<JoinRequest>),
    Probe(RequestId, Redacted<String>),
}

pub(crate) fn first_message(
    text: &str,
    outgoing: mpsc::Sender<Outgoing>,
) -> Result<First, ErrorCode> {
    let message = parse(text).map_err(|code| match is_of_other_version(text) {
        true => ErrorCode::ProtocolVersion,
        false => code,
    })?;
    if let ClientMessage::Probe { request_id, sdp } = message {
        return Ok(First::Probe(request_id, sdp));
    }
    let ClientMessage::Join {
        protocol_version,
        room,
        proof,
        handle,
        resume,
        delegation,
        display_name,
        language,
        member_key,
        sealed_name,
    } = message
    else {
        return Err(ErrorCode::NotJoined);
    };
    if protocol_version != PROTOCOL_VERSION {
        return Err(ErrorCode::ProtocolVersion);
    }
    let language = language.unwrap_or(Language::Fr);
    let request = JoinRequest {
        room,
        proof,
        handle,
        resume,
        delegation,
        display_name,
        language,
        member_key,
        sealed_name,
        outgoing,
    };
    Ok(First::Join(Box::new(request)))
}

/// True for a `join` that only another version may understand.
fn is_of_other_version(text: &str) -> bool {
    let Ok(message) = serde_json::from_str::<serde_json::Value>(text) else { return false };
    message["type"] == "join"
        && message["protocolVersion"].as_u64().is_some_and(|v| v != u64::from(PROTOCOL_VERSION))
}

fn is_too_large(error: &axum::Error) -> bool {
    let error = error.source().and_then(<dyn Error>::downcast_ref);
    if let Some(tungstenite::Error::Io(error)) = error {
        return allowance::is_used_up(error);
    }
    matches!(error, Some(tungstenite::Error::Capacity(_)))
}

fn close_code_of(code: ErrorCode) -> u16 {
    match code {
        ErrorCode::MessageTooLarge => close_code::SIZE,
        ErrorCode::RateLimited
        | ErrorCode::Restarting
        | ErrorCode::Overloaded
        | ErrorCode::IncidentsFull => close_code::AGAIN,
        ErrorCode::Internal => close_code::ERROR,
        ErrorCode::Malformed
        | ErrorCode::ProtocolVersion
        | ErrorCode::NotJoined
        | ErrorCode::AlreadyJoined
        | ErrorCode::NameInvalid
        | ErrorCode::TokenInvalid
        | ErrorCode::OfferInvalid
        | ErrorCode::SlotUnknown
        | ErrorCode::TrackUnknown
        | ErrorCode::JoinRefused
        | ErrorCode::RoomFull
        | ErrorCode::RoomEnded
        | ErrorCode::RoomLocked
        | ErrorCode::LinkEnded
        | ErrorCode::DelegationInvalid
        | ErrorCode::HostKeyMissing
        | ErrorCode::NotAllowed
        | ErrorCode::NotThere
        | ErrorCode::IncidentsOff
        | ErrorCode::RecordingOff
        | ErrorCode::RecordingForbidden
        | ErrorCode::RecordingRunning
        | ErrorCode::NoRecording
        | ErrorCode::TermsInvalid
        | ErrorCode::AuthorisationsMissing
        | ErrorCode::EncryptionRequired
        | ErrorCode::NotEncrypted
        | ErrorCode::MlsStale
        | ErrorCode::HostPassRequired => close_code::POLICY,
    }
}

/// Bytes of a session before its join. An offer to be tried has about 10,000. More lets whoever shows
/// nothing hold more memory.
const MAX_FIRST_BYTES: usize = 32 * 1024;

/// Bytes read at once, for which each session has a place. More takes memory, less takes system calls.
const READ_BUFFER_BYTES: usize = 8 * 1024;

/// Time for the first message. Longer lets silent connections take places for longer.
const JOIN_DEADLINE: Duration = Duration::from_secs(10);

/// Every join without proof is answered after this time. Shorter than the slowest look-up would
/// tell rooms apart; longer keeps honest typing errors waiting.
const REFUSAL_DELAY: Duration = Duration::from_millis(250);

/// Silence after which the browser is asked whether it is there.
const PING_AFTER: Duration = Duration::from_secs(10);

/// Silence after which the session is cut. Longer shows people who are gone as present for longer.
const SILENCE_LIMIT: Duration = Duration::from_secs(25);

/// Time for the network to take one message.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);

/// Time for the browser to read the last words, and for its own to be heard.
const LINGER: Duration = Duration::from_secs(1);

/// Frames read in that time.
const MAX_LATE_FRAMES: usize = 256;

/// Frames of one session: far more than a page sends when a class of a hundred comes in at once.
const MESSAGE_RATE: Rate = Rate { burst: 200, refill: Duration::from_millis(25) };

/// Messages that wait for a browser to read. More lets a stalled one hold more memory (about 250
/// bytes each; copies of what is sealed share one text); fewer cuts a healthy one when a whole class comes in at once.
const SESSION_QUEUE: usize = 1024;

/// Messages written with one system call.
const SAID_AT_ONCE: usize = 64;

/// Bytes that wait in the WebSocket itself, beyond one message.
const MAX_WRITE_BUFFER_BYTES: usize = 512 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_join_of_another_version_is_told_so_even_when_its_fields_are_unknown() {
        let (sender, _receiver) = mpsc::channel(1);
        let code = |text: &str| first_message(text, sender.clone()).err().unwrap();
        let future = r#"{"type":"join","protocolVersion":99,"zebra":{}}"#;
        assert_eq!(code(future), ErrorCode::ProtocolVersion);
        let broken = r#"{"type":"join","protocolVersion":2,"zebra":{}}"#;
        assert_eq!(code(broken), ErrorCode::Malformed);
        assert_eq!(code(r#"{"type":"ping"}"#), ErrorCode::NotJoined);
        assert_eq!(code("[]"), ErrorCode::Malformed);
        assert_eq!(code(""), ErrorCode::Malformed);
    }
}
