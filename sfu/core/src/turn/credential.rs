//! Who may use the relay: credentials that say themselves until when, and are signed with a key of
//! the running server. So nothing is kept of those that were handed out.

use std::fmt;
use std::sync::Arc;

use protocol::Redacted;
use rtc_srtp::crypto::providers::RingProvider;
use rtc_srtp::crypto::{HmacAlgorithm, RTCCrypto, RTCCryptoProvider};
use rtc_stun::attributes::{ATTR_NONCE, ATTR_REALM, ATTR_USERNAME};
use rtc_stun::error_code::{CODE_BAD_REQUEST, CODE_STALE_NONCE, CODE_UNAUTHORIZED, ErrorCode};
use rtc_stun::integrity::MessageIntegrity;

use super::message::Incoming;

/// Makes credentials and checks them.
#[derive(Clone)]
pub struct RelayKey {
    secret: Redacted<[u8; 32]>,
    provider: Arc<dyn RTCCryptoProvider>,
}

/// What a browser shows to the relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// When it ends, in seconds since 1970, and a random mark: nothing of a person.
    pub username: Redacted<String>,
    /// Follows from the user name and the key.
    pub password: Redacted<String>,
}

/// Whoever sent a request holds a good credential.
#[derive(Clone)]
pub(super) struct Proven {
    username: String,
    key: Redacted<Vec<u8>>,
    provider: Arc<dyn RTCCryptoProvider>,
}

/// Why a request proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unproven {
    /// It does not try to.
    Absent,
    /// It tries to without what belongs to it.
    Incomplete,
    /// With the nonce of another connection.
    Stale,
    /// The password does not fit, or the time of the credential is over.
    Wrong,
}

impl RelayKey {
    /// With a random secret.
    pub fn new(secret: Redacted<[u8; 32]>) -> Self {
        Self { secret, provider: Arc::new(RingProvider::new()) }
    }

    /// A credential that is good until `expires`, in seconds since 1970. `mark` is random.
    pub fn credential(&self, expires: u64, mark: [u8; 8]) -> Credential {
        let username = format!("{expires}:{}", hex(&mark));
        let password = Redacted::new(self.password(&username));
        Credential { username: username.into(), password }
    }

    /// Checks the long-term credential of a request (RFC 8489 section 9.2.4).
    pub(super) fn check(
        &self,
        unix: u64,
        message: &mut Incoming,
        nonce: &str,
    ) -> Result<Proven, Unproven> {
        if !message.is_signed() {
            return Err(Unproven::Absent);
        }
        let text = |kind| {
            let value = message.attribute(kind).filter(|value| value.len() <= MAX_TEXT_BYTES);
            value.and_then(|value| std::str::from_utf8(value).ok())
        };
        let (Some(username), Some(realm), Some(shown)) =
            (text(ATTR_USERNAME), text(ATTR_REALM), text(ATTR_NONCE))
        else {
            return Err(Unproven::Incomplete);
        };
        if shown != nonce {
            return Err(Unproven::Stale);
        }
        let ends = username.split_once(':').and_then(|(ends, _)| ends.parse::<u64>().ok());
        if realm != REALM || ends.is_none_or(|ends| ends <= unix) {
            return Err(Unproven::Wrong);
        }
        let username = username.to_owned();
        let key = MessageIntegrity::long_term_integrity_key(
            username.clone(),
            REALM.to_owned(),
            self.password(&username),
            self.provider.crypto(),
        );
        let key = key.map_err(|_| Unproven::Wrong)?;
        message.check_integrity(&key, self.provider.crypto()).map_err(|_| Unproven::Wrong)?;
        Ok(Proven { username, key: key.into(), provider: Arc::clone(&self.provider) })
    }

    fn password(&self, username: &str) -> String {
        let mut tag = [0; 32];
        self.provider
            .crypto()
            .new_hmac(HmacAlgorithm::Sha256, self.secret.expose())
            .and_then(|mut mac| mac.sign(&[username.as_bytes()], &mut tag))
            .expect("the provider has HMAC-SHA-256");
        hex(&tag)
    }
}

impl fmt::Debug for RelayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RelayKey([redacted])")
    }
}

impl Proven {
    pub(super) fn username(&self) -> &str {
        &self.username
    }

    /// Signs what answers the request.
    pub(super) fn integrity(&self) -> MessageIntegrity<'_> {
        let crypto: &dyn RTCCrypto = self.provider.crypto();
        MessageIntegrity::new_raw_integrity_with_provider(self.key.expose().clone(), crypto)
    }
}

impl Unproven {
    pub(super) const fn code(self) -> ErrorCode {
        match self {
            Self::Absent | Self::Wrong => CODE_UNAUTHORIZED,
            Self::Incomplete => CODE_BAD_REQUEST,
            Self::Stale => CODE_STALE_NONCE,
        }
    }

    /// Whether the answer says how to prove it.
    pub(super) const fn is_challenged(self) -> bool {
        !matches!(self, Self::Incomplete)
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

/// The one realm there is.
pub(super) const REALM: &str = "preau";

/// Longest user name, realm or nonce that is looked at. Ours are shorter.
const MAX_TEXT_BYTES: usize = 128;
