//! The checking side of ICE (RFC 8445): towards a server that only answers checks, or one that
//! checks as well.

use std::net::SocketAddr;

use std::time::{Duration, Instant};

use rtc_srtp::crypto::RTCCryptoProvider;
use rtc_srtp::crypto::providers::RingProvider;
use rtc_stun::attributes::{
    ATTR_ICE_CONTROLLED, ATTR_ICE_CONTROLLING, ATTR_PRIORITY, ATTR_USE_CANDIDATE, ATTR_USERNAME,
};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Message, Setter, TransactionId};
use rtc_stun::xoraddr::XorMappedAddress;

use crate::target::IceCredentials;

/// The checks of one connection.
pub(crate) struct Ice {
    credentials: IceCredentials,
    /// Of the check that was sent last.
    transaction: [u8; 12],
    checks: u64,
    seed: u32,
    is_connected: bool,
    next: Instant,
}

impl Ice {
    pub(crate) fn new(now: Instant, credentials: IceCredentials, seed: u32) -> Self {
        let transaction = [0; 12];
        Self { credentials, transaction, checks: 0, seed, is_connected: false, next: now }
    }

    /// The check that is due, if one is: fast until the first answer, then to keep the address
    /// and to show consent (RFC 7675).
    pub(crate) fn poll_check(&mut self, now: Instant) -> Option<Vec<u8>> {
        if now < self.next {
            return None;
        }
        self.next = now + if self.is_connected { KEEP_ALIVE } else { CHECK_INTERVAL };
        self.checks += 1;
        self.transaction[..4].copy_from_slice(&self.seed.to_be_bytes());
        self.transaction[4..].copy_from_slice(&self.checks.to_be_bytes());
        self.request()
    }

    pub(crate) const fn poll_timeout(&self) -> Instant {
        self.next
    }

    /// Takes a STUN message. True when it is the answer to a check.
    pub(crate) fn handle_answer(&mut self, datagram: &[u8]) -> bool {
        let mut message = Message::new();
        let is_answer = message.unmarshal_binary(datagram).is_ok()
            && message.typ == BINDING_SUCCESS
            && message.transaction_id.0[..4] == self.seed.to_be_bytes()
            && is_authentic(&mut message, &self.credentials.password);
        self.is_connected |= is_answer;
        is_answer
    }

    /// Answers a check of the server at `from`; `None` when it is none.
    pub(crate) fn answer(&self, datagram: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
        let mut request = Message::new();
        request.unmarshal_binary(datagram).ok()?;
        if request.typ != BINDING_REQUEST
            || !is_authentic(&mut request, &self.credentials.own_password)
        {
            return None;
        }
        let mapped = XorMappedAddress { ip: from.ip(), port: from.port() };
        let mut response = Message::new();
        response.typ = BINDING_SUCCESS;
        response.transaction_id = request.transaction_id;
        response.write_header();
        mapped.add_to(&mut response).ok()?;
        seal(response, &self.credentials.own_password)
    }

    fn request(&self) -> Option<Vec<u8>> {
        let mut message = Message::new();
        message.typ = BINDING_REQUEST;
        message.transaction_id = TransactionId(self.transaction);
        message.write_header();
        message.add(ATTR_USERNAME, self.credentials.user.as_bytes());
        // A host candidate, first component (RFC 8445 section 5.1.2.1).
        message.add(ATTR_PRIORITY, &[0x6e, 0, 1, 0xff]);
        // Whoever offers is in control (RFC 8445 section 6.1.1).
        if self.credentials.controls {
            message.add(ATTR_ICE_CONTROLLING, &[7; 8]);
            message.add(ATTR_USE_CANDIDATE, &[]);
        } else {
            message.add(ATTR_ICE_CONTROLLED, &[7; 8]);
        }
        seal(message, &self.credentials.password)
    }
}

fn is_authentic(message: &mut Message, password: &str) -> bool {
    let provider = RingProvider::new();
    MessageIntegrity::check(message, password.as_bytes(), provider.crypto()).is_ok()
}

/// Adds integrity and fingerprint.
fn seal(mut message: Message, password: &str) -> Option<Vec<u8>> {
    let provider = RingProvider::new();
    let password = password.to_owned();
    let integrity =
        MessageIntegrity::new_short_term_integrity_with_provider(password, provider.crypto());
    let parts: [&dyn Setter; 2] = [&integrity, &FINGERPRINT];
    for part in parts {
        part.add_to(&mut message).ok()?;
    }
    Some(message.raw)
}

/// Between checks that nobody answers.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// Between checks of a connection that works; browsers check about as often.
const KEEP_ALIVE: Duration = Duration::from_millis(2_500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_answered_by_the_other_side_and_by_nobody_with_another_password() {
        let now = Instant::now();
        let ice = |own: &str, other: &str| {
            let credentials = IceCredentials {
                user: "them:us".to_owned(),
                password: other.to_owned(),
                own_password: own.to_owned(),
                controls: own == "one",
            };
            Ice::new(now, credentials, 7)
        };
        let (mut one, other) = (ice("one", "other"), ice("other", "one"));
        let check = one.poll_check(now).unwrap();
        assert!(one.poll_check(now).is_none(), "the next is not due yet");
        let from = SocketAddr::from(([127, 0, 0, 1], 9));
        assert!(ice("third", "one").answer(&check, from).is_none());
        let answer = other.answer(&check, from).unwrap();
        assert!(one.handle_answer(&answer));
        assert!(!ice("other", "one").handle_answer(&answer));
    }
}
