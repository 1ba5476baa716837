//! Session tokens and host passes: JSON Web Tokens (RFC 7519) signed with HS256, the only
//! algorithm this program knows.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, new_error};
use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, EncodingKey, Header, Validation, decode, encode,
};
use protocol::{ParticipantId, Redacted, Role, Verifier};
use ring::hmac;
use room::Resume;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::store::RoomKey;

/// Bytes of the signing key: 256 bits, as RFC 7518 section 3.2 asks for HS256.
pub const KEY_BYTES: usize = 32;

/// Signs and checks tokens.
#[derive(Clone)]
pub(crate) struct Tokens {
    signing: EncodingKey,
    checking: DecodingKey,
    clock: Clock,
}

/// What a session token says: who may come back into which room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionClaims {
    aud: String,
    /// The room's key; the token holds no part of the link.
    room: RoomKey,
    sub: ParticipantId,
    role: Role,
    /// Of the link they came by: alone, the token opens nothing.
    link: Verifier,
    /// False for somebody who waits to be let in.
    admitted: bool,
    exp: u64,
}

/// What a good session token vouches for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Vouched {
    pub(crate) resume: Resume,
    pub(crate) role: Role,
    pub(crate) link: Verifier,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PassClaims {
    aud: String,
    exp: u64,
}

impl Tokens {
    /// `key` is kept across restarts, so that tokens outlive the process.
    pub(crate) fn new(key: &Redacted<[u8; KEY_BYTES]>, clock: Clock) -> Self {
        // A second call in one process finds the same provider installed.
        let _ = PROVIDER.install_default();
        let key = key.expose();
        let (signing, checking) = (EncodingKey::from_secret(key), DecodingKey::from_secret(key));
        Self { signing, checking, clock }
    }

    /// A token to come back with, good until `room_ends` (seconds since 1970) or for
    /// [`SESSION_SECONDS`], whichever is sooner.
    pub(crate) fn session(
        &self,
        room: RoomKey,
        vouched: &Vouched,
        room_ends: u64,
    ) -> Redacted<String> {
        let exp = room_ends.min(self.clock.unix_seconds() + SESSION_SECONDS);
        let aud = SESSION_AUDIENCE.to_owned();
        let Vouched { resume: Resume { participant: sub, admitted }, role, link } = *vouched;
        self.sign(&SessionClaims { aud, room, sub, role, link, admitted, exp })
    }

    /// Who may come back into `room` by this token; `None` when it is no good.
    pub(crate) fn check_session(&self, token: &Redacted<String>, room: RoomKey) -> Option<Vouched> {
        let claims: SessionClaims = self.check(token.expose(), SESSION_AUDIENCE)?;
        let is_good = claims.room == room && self.clock.unix_seconds() < claims.exp;
        let resume = Resume { participant: claims.sub, admitted: claims.admitted };
        is_good.then_some(Vouched { resume, role: claims.role, link: claims.link })
    }

    /// A pass to make rooms, good for `days`.
    pub(crate) fn host_pass(&self, days: u32) -> Redacted<String> {
        self.pass(HOST_AUDIENCE, u64::from(days) * 24 * 3600)
    }

    /// True when this pass lets its holder make rooms.
    pub(crate) fn check_host_pass(&self, pass: &str) -> bool {
        self.check_pass(HOST_AUDIENCE, pass)
    }

    /// A pass to see what `preau doctor` says, good for [`DOCTOR_SECONDS`].
    pub(crate) fn doctor_pass(&self) -> Redacted<String> {
        self.pass(DOCTOR_AUDIENCE, DOCTOR_SECONDS)
    }

    /// True when this pass lets its holder see what `preau doctor` says.
    pub(crate) fn check_doctor_pass(&self, pass: &str) -> bool {
        self.check_pass(DOCTOR_AUDIENCE, pass)
    }

    fn pass(&self, audience: &str, seconds: u64) -> Redacted<String> {
        let exp = self.clock.unix_seconds() + seconds;
        self.sign(&PassClaims { aud: audience.to_owned(), exp })
    }

    fn check_pass(&self, audience: &str, pass: &str) -> bool {
        self.check::<PassClaims>(pass, audience)
            .is_some_and(|claims| self.clock.unix_seconds() < claims.exp)
    }

    fn sign(&self, claims: &impl Serialize) -> Redacted<String> {
        let token = encode(&Header::new(Algorithm::HS256), claims, &self.signing);
        Redacted::new(token.expect("claims are plain data and the key is ours"))
    }

    fn check<T: DeserializeOwned>(&self, token: &str, audience: &str) -> Option<T> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_required_spec_claims(&["exp", "aud"]);
        rules.set_audience(&[audience]);
        // The callers compare the expiry with the server's own clock, without leeway.
        rules.validate_exp = false;
        decode(token, &self.checking, &rules).ok().map(|token| token.claims)
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens([redacted])")
    }
}

/// How long a session token is good: a school day. Longer lets a page left open overnight come
/// back as the same participant; shorter ends the reload of a long meeting.
const SESSION_SECONDS: u64 = 12 * 3600;

/// Longest token looked at. Ours have about 320 characters.
const MAX_TOKEN_BYTES: usize = 1024;

const SESSION_AUDIENCE: &str = "preau-session";
const HOST_AUDIENCE: &str = "preau-host";
const DOCTOR_AUDIENCE: &str = "preau-doctor";

/// How long the administrator's page can be opened. Longer, and a link left in a terminal still shows how
/// this machine is set up; shorter, and whoever mends it makes another in between.
pub(crate) const DOCTOR_SECONDS: u64 = 1800;

/// HS256 by `ring`. No other algorithm has any code here to be confused with.
static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| {
        Ok(Box::new(Hs256::new(algorithm, key.family(), key.as_bytes())?))
    },
    verifier_factory: |algorithm, key| {
        Ok(Box::new(Hs256::new(algorithm, key.family(), key.try_get_as_bytes()?)?))
    },
    key_utils: KeyUtils::new_unimplemented(),
};

struct Hs256(hmac::Key);

impl Hs256 {
    fn new(
        algorithm: &Algorithm,
        family: AlgorithmFamily,
        key: &[u8],
    ) -> Result<Self, jsonwebtoken::errors::Error> {
        if *algorithm != Algorithm::HS256 || family != AlgorithmFamily::Hmac {
            return Err(new_error(ErrorKind::InvalidAlgorithm));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key)))
    }
}

impl signature::Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}

impl signature::Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        // Takes the same time wherever the first difference stands.
        hmac::verify(&self.0, message, signature).map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

#[cfg(test)]
mod tests;
