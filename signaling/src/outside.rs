//! What reads bytes from outside and is private otherwise, for the fuzz targets of the crate `tests`.

use std::net::IpAddr;
use std::path::Path;

use axum::http::{HeaderMap, HeaderValue};
use protocol::{ErrorCode, Redacted, RoomSlug};
use tokio::sync::mpsc;

use crate::backup::{self, BackupError};
use crate::clock::Clock;
use crate::proxy::{self, Network};
use crate::relay;
use crate::store::RoomKey;
use crate::token::Tokens;
use crate::websocket;

pub use crate::token::KEY_BYTES;

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opens {
    /// Coming back into the room of 16 bytes of 1.
    pub session: bool,
    /// Making rooms.
    pub rooms: bool,
    /// The administrator's page.
    pub doctor: bool,
}

/// What this token is good for now, on a server that signs with `key`.
pub fn opens(key: &[u8; KEY_BYTES], token: &str) -> Opens {
    let tokens = Tokens::new(&Redacted::new(*key), Clock::system());
    let session = Redacted::new(token.to_owned());
    Opens {
        session: tokens
            .check_session(&session, RoomKey::of(&RoomSlug::from_bytes([1; 16])))
            .is_some(),
        rooms: tokens.check_host_pass(token),
        doctor: tokens.check_doctor_pass(token),
    }
}

/// Restores a backup into an empty folder, as `preau restore` does.
///
/// # Errors
///
/// When it is no whole backup; nothing is left in the folder then.
pub fn restore(archive: &[u8], data_dir: &Path) -> Result<(), BackupError> {
    backup::restore(archive, data_dir).map(drop)
}

/// Who asks, behind a connection from `from` with these fields `X-Forwarded-For`. `None` when one of
/// them can stand in no request.
pub fn source(from: IpAddr, trusted: &[Network], fields: &[&[u8]]) -> Option<IpAddr> {
    let mut headers = HeaderMap::new();
    for field in fields {
        headers.append("x-forwarded-for", HeaderValue::from_bytes(field).ok()?);
    }
    Some(proxy::source(from, trusted, &headers))
}

/// Length of the frame that a stream of datagrams begins with (RFC 4571), with its own two bytes:
/// `None` while that cannot be told, and for one that is too long.
pub fn frame_length(start: &[u8]) -> Option<usize> {
    relay::frame_length(start).ok().flatten()
}

/// Reads what a session says first.
///
/// # Errors
///
/// The code that the session ends with.
pub fn first_message(text: &str) -> Result<(), ErrorCode> {
    websocket::first_message(text, mpsc::channel(1).0).map(drop)
}
