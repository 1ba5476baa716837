//! The checking side of ICE (RFC 8445) towards a server that only answers checks.

use std::time::{Duration, Instant};

use rtc_srtp::crypto::RTCCryptoProvider;
use rtc_srtp::crypto::providers::RingProvider;
use rtc_stun::attributes::{
    ATTR_ICE_CONTROLLING, ATTR_PRIORITY, ATTR_USE_CANDIDATE, ATTR_USERNAME,
};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Message, Setter, TransactionId};

/// The checks of one connection.
pub(crate) struct Ice {
    user: String,
    password: String,
    /// Of the check that was sent last.
    transaction: [u8; 12],
    checks: u64,
    seed: u32,
    is_connected: bool,
    next: Instant,
}

impl Ice {
    /// `user` is the server's user name fragment, a colon, and ours.
    pub(crate) fn new(now: Instant, user: String, password: String, seed: u32) -> Self {
        let transaction = [0; 12];
        Self { user, password, transaction, checks: 0, seed, is_connected: false, next: now }
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
            && self.is_authentic(&mut message);
        self.is_connected |= is_answer;
        is_answer
    }

    fn is_authentic(&self, message: &mut Message) -> bool {
        let provider = RingProvider::new();
        MessageIntegrity::check(message, self.password.as_bytes(), provider.crypto()).is_ok()
    }

    fn request(&self) -> Option<Vec<u8>> {
        let provider = RingProvider::new();
        let mut message = Message::new();
        message.typ = BINDING_REQUEST;
        message.transaction_id = TransactionId(self.transaction);
        message.write_header();
        message.add(ATTR_USERNAME, self.user.as_bytes());
        // A host candidate, first component (RFC 8445 section 5.1.2.1).
        message.add(ATTR_PRIORITY, &[0x6e, 0, 1, 0xff]);
        message.add(ATTR_ICE_CONTROLLING, &[7; 8]);
        message.add(ATTR_USE_CANDIDATE, &[]);
        let integrity = MessageIntegrity::new_short_term_integrity_with_provider(
            self.password.clone(),
            provider.crypto(),
        );
        let parts: [&dyn Setter; 2] = [&integrity, &FINGERPRINT];
        for part in parts {
            part.add_to(&mut message).ok()?;
        }
        Some(message.raw)
    }
}

/// Between checks that nobody answers.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// Between checks of a connection that works; browsers check about as often.
const KEEP_ALIVE: Duration = Duration::from_millis(2_500);
