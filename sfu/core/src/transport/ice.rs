//! The answering side of ICE (RFC 8445 in its lite form, RFC 8489 binding requests): proves that
//! an address belongs to the participant, and chooses the address to send to.
//!
//! A lite agent only answers checks, so there is no agent, no timer and no candidate pair table
//! here: a participant's addresses are those from which an authentic check came. The one thing it
//! asks itself is whether a participant moved, where that is likely.

use std::time::{Duration, Instant};

use rtc_srtp::crypto::RTCCrypto;
use rtc_stun::attributes::{
    ATTR_ICE_CONTROLLED, ATTR_MESSAGE_INTEGRITY, ATTR_PRIORITY, ATTR_USE_CANDIDATE, ATTR_USERNAME,
    RawAttribute,
};
use rtc_stun::error_code::CODE_ROLE_CONFLICT;
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{
    BINDING_ERROR, BINDING_REQUEST, BINDING_SUCCESS, Message, MessageType, Setter, TransactionId,
};
use rtc_stun::xoraddr::XorMappedAddress;
use thiserror::Error;

use crate::path::Path;
use crate::sdp::IceCredentials;

/// A binding request that parsed and carries a fingerprint, not yet authenticated.
pub(crate) struct Check {
    message: Message,
}

/// Why a STUN message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum IceError {
    /// Not a well-formed binding request with user name, integrity and fingerprint.
    #[error("not a usable binding request")]
    Malformed,
    /// The integrity does not fit the password.
    #[error("not authentic")]
    NotAuthentic,
}

/// What an authentic check led to.
pub(crate) struct CheckAnswer {
    /// The response to send back the way the check came.
    pub(crate) response: Vec<u8>,
    /// True when the path is one of the participant's from now on.
    pub(crate) accepted: bool,
    /// A path that was given up for the new one.
    pub(crate) evicted: Option<Path>,
}

impl Check {
    /// Parses a datagram of the STUN class.
    pub(crate) fn parse(datagram: &[u8]) -> Result<Self, IceError> {
        Ok(Self { message: parse(datagram, BINDING_REQUEST)? })
    }

    /// Our user name fragment: what stands before the colon (RFC 8445 section 7.2.2).
    pub(crate) fn local_ufrag(&self) -> Option<&str> {
        let attribute =
            covered_by_integrity(&self.message).find(|attribute| attribute.typ == ATTR_USERNAME)?;
        std::str::from_utf8(&attribute.value).ok()?.split_once(':').map(|(ours, _)| ours)
    }

    fn carries(&self, kind: rtc_stun::attributes::AttrType) -> bool {
        covered_by_integrity(&self.message).any(|attribute| attribute.typ == kind)
    }
}

/// An answer to a check of ours that parsed and carries a fingerprint, not yet authenticated.
pub(crate) struct Answer {
    message: Message,
}

impl Answer {
    /// Parses a datagram of the STUN class.
    pub(crate) fn parse(datagram: &[u8]) -> Result<Self, IceError> {
        Ok(Self { message: parse(datagram, BINDING_SUCCESS)? })
    }
}

fn parse(datagram: &[u8], kind: MessageType) -> Result<Message, IceError> {
    let mut message = Message::new();
    message.unmarshal_binary(datagram).map_err(|_| IceError::Malformed)?;
    let whole = message.length as usize + rtc_stun::message::MESSAGE_HEADER_SIZE;
    if message.typ != kind
        || whole != datagram.len()
        || !message.contains(ATTR_MESSAGE_INTEGRITY)
        || FINGERPRINT.check(&message).is_err()
    {
        return Err(IceError::Malformed);
    }
    Ok(message)
}

/// True for what is a connectivity check in its form: whose it is, and whether it is authentic, is not
/// looked at.
pub fn is_connectivity_check(datagram: &[u8]) -> bool {
    Check::parse(datagram).is_ok_and(|check| check.local_ufrag().is_some())
}

/// The attributes of a message that its integrity covers: those before it.
pub(crate) fn covered_by_integrity(message: &Message) -> impl Iterator<Item = &RawAttribute> {
    message.attributes.0.iter().take_while(|attribute| attribute.typ != ATTR_MESSAGE_INTEGRITY)
}

/// The ICE side of one transport.
pub(crate) struct Ice {
    credentials: IceCredentials,
    paths: Vec<KnownPath>,
    selected: Option<Path>,
}

impl Ice {
    /// Starts without any address.
    pub(crate) fn new(credentials: IceCredentials) -> Self {
        Self { credentials, paths: Vec::new(), selected: None }
    }

    /// Our credentials.
    pub(crate) fn credentials(&self) -> &IceCredentials {
        &self.credentials
    }

    /// Takes new credentials (ICE restart). Known addresses stay until better ones are checked.
    pub(crate) fn restart(&mut self, credentials: IceCredentials) {
        self.credentials = credentials;
    }

    /// The address to send to, once there is one.
    pub(crate) fn selected(&self) -> Option<Path> {
        self.selected
    }

    /// All addresses of the participant.
    pub(crate) fn paths(&self) -> impl Iterator<Item = Path> {
        self.paths.iter().map(|known| known.path)
    }

    /// Verifies a check that names this transport, and answers it.
    ///
    /// # Errors
    ///
    /// [`IceError::NotAuthentic`] when the integrity does not fit; nothing is answered then.
    pub(crate) fn handle_check(
        &mut self,
        now: Instant,
        path: Path,
        mut check: Check,
        crypto: &dyn RTCCrypto,
    ) -> Result<CheckAnswer, IceError> {
        let password = self.credentials.pwd.expose();
        MessageIntegrity::check(&mut check.message, password.as_bytes(), crypto)
            .map_err(|_| IceError::NotAuthentic)?;
        let integrity =
            MessageIntegrity::new_short_term_integrity_with_provider(password.clone(), crypto);
        // A lite agent is always the controlled one (RFC 8445 section 6.1.1).
        if check.carries(ATTR_ICE_CONTROLLED) {
            let response = respond(&check.message, path, true, integrity)?;
            return Ok(CheckAnswer { response, accepted: false, evicted: None });
        }
        let response = respond(&check.message, path, false, integrity)?;
        let evicted = self.learn(now, path);
        if check.carries(ATTR_USE_CANDIDATE) {
            self.selected = Some(path);
        }
        self.heard(now, path);
        Ok(CheckAnswer { response, accepted: true, evicted })
    }

    /// A check of ours, to be sent to an address that is likely to be the participant's by now.
    ///
    /// # Errors
    ///
    /// [`IceError::Malformed`] when it cannot be written.
    pub(crate) fn ask(
        &self,
        remote: &IceCredentials,
        transaction: [u8; 12],
        crypto: &dyn RTCCrypto,
    ) -> Result<Vec<u8>, IceError> {
        let password = remote.pwd.expose().clone();
        let integrity = MessageIntegrity::new_short_term_integrity_with_provider(password, crypto);
        let user = format!("{}:{}", remote.ufrag, self.credentials.ufrag);
        let mut message = Message::new();
        message.typ = BINDING_REQUEST;
        message.transaction_id = TransactionId(transaction);
        message.write_header();
        message.add(ATTR_USERNAME, user.as_bytes());
        message.add(ATTR_PRIORITY, &HOST_PRIORITY.to_be_bytes());
        // The tie is never broken: whoever is controlled too is told so by its own checks.
        message.add(ATTR_ICE_CONTROLLED, &transaction[..8]);
        let parts: [&dyn Setter; 2] = [&integrity, &FINGERPRINT];
        for part in parts {
            part.add_to(&mut message).map_err(|_| IceError::Malformed)?;
        }
        Ok(message.raw)
    }

    /// Verifies the answer to a check of ours: where it came from, media goes from now on. The
    /// browser knows of no move, so it would not nominate anew. Gives the path that was given up.
    ///
    /// # Errors
    ///
    /// [`IceError::NotAuthentic`] when the integrity does not fit.
    pub(crate) fn handle_answer(
        &mut self,
        now: Instant,
        path: Path,
        mut answer: Answer,
        remote: &IceCredentials,
        crypto: &dyn RTCCrypto,
    ) -> Result<Option<Path>, IceError> {
        let password = remote.pwd.expose().as_bytes();
        MessageIntegrity::check(&mut answer.message, password, crypto)
            .map_err(|_| IceError::NotAuthentic)?;
        let evicted = self.learn(now, path);
        self.selected = Some(path);
        self.heard(now, path);
        Ok(evicted)
    }

    /// Something authentic came over `path`. When the selected address has fallen silent, the
    /// one that speaks takes its place: a browser that moved may check without nominating.
    pub(crate) fn heard(&mut self, now: Instant, path: Path) {
        let Some(known) = self.paths.iter_mut().find(|known| known.path == path) else {
            return;
        };
        known.last_heard = now;
        if self.selected == Some(path) {
            return;
        }
        let selected = self.paths.iter().find(|known| Some(known.path) == self.selected);
        let silent = selected.is_none_or(|known| {
            now.saturating_duration_since(known.last_heard) >= SELECTED_SILENCE
        });
        if silent {
            self.selected = Some(path);
        }
    }

    fn learn(&mut self, now: Instant, path: Path) -> Option<Path> {
        if self.paths.iter().any(|known| known.path == path) {
            return None;
        }
        let evicted = (self.paths.len() >= MAX_PATHS).then(|| {
            let selected = self.selected;
            let oldest = self
                .paths
                .iter()
                .enumerate()
                .filter(|(_, known)| Some(known.path) != selected)
                .min_by_key(|(_, known)| known.last_heard)
                .map_or(0, |(at, _)| at);
            self.paths.swap_remove(oldest).path
        });
        self.paths.push(KnownPath { path, last_heard: now });
        evicted
    }
}

/// Addresses of one transport. A browser has one per network and address family; raising it
/// costs table entries per participant, lowering it makes addresses push each other out.
const MAX_PATHS: usize = 8;

/// How long the selected address may say nothing before another that speaks replaces it. Raising
/// it delays recovery from an unannounced move; lowering it lets two living paths alternate.
const SELECTED_SILENCE: Duration = Duration::from_secs(1);

/// Priority of a host candidate (RFC 8445 section 5.1.2.1), as browsers know ours.
const HOST_PRIORITY: u32 = (126 << 24) | (0xFFFF << 8) | 0xFF;

struct KnownPath {
    path: Path,
    last_heard: Instant,
}

fn respond(
    request: &Message,
    path: Path,
    role_conflict: bool,
    integrity: MessageIntegrity<'_>,
) -> Result<Vec<u8>, IceError> {
    let mapped = XorMappedAddress { ip: path.remote.ip(), port: path.remote.port() };
    let mut response = Message::new();
    response.typ = if role_conflict { BINDING_ERROR } else { BINDING_SUCCESS };
    response.transaction_id = request.transaction_id;
    response.write_header();
    let content: &dyn Setter = if role_conflict { &CODE_ROLE_CONFLICT } else { &mapped };
    let parts: [&dyn Setter; 3] = [content, &integrity, &FINGERPRINT];
    for part in parts {
        part.add_to(&mut response).map_err(|_| IceError::Malformed)?;
    }
    Ok(response.raw)
}

#[cfg(test)]
mod tests;
