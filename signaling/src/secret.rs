//! Randomness, hashes, and the derivation of what a link proves. The browser derives the same
//! values with WebCrypto; the server itself sees proofs and verifiers only.

use protocol::{HostKey, Proof, Verifier};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair};
use subtle::ConstantTimeEq;

/// Bytes of a link secret: 128 bits.
pub(crate) const SECRET_BYTES: usize = 16;

/// Bytes of a host key's fingerprint.
pub(crate) const FINGERPRINT_BYTES: usize = 16;

/// Random bytes of the operating system.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// SHA-256 (FIPS 180-4).
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// What the server stores of a link.
pub(crate) fn verifier(proof: &Proof) -> Verifier {
    Verifier::from_bytes(sha256(proof.as_bytes()))
}

/// True when both are the same; takes the same time whatever they are.
pub(crate) fn is_same(one: &Verifier, other: &Verifier) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// What a browser shows to prove that it holds `link_secret`.
pub(crate) fn proof(link_secret: &[u8; SECRET_BYTES]) -> Proof {
    Proof::from_bytes(derive(link_secret, &[b"auth"]))
}

/// The guest link's secret, from the moderator link's. `generation` counts rotations.
pub(crate) fn guest_secret(
    moderator_secret: &[u8; SECRET_BYTES],
    generation: u32,
) -> [u8; SECRET_BYTES] {
    derive(moderator_secret, &[b"guest", &generation.to_be_bytes()])
}

/// Public half of the key that passes the moderator's role on.
pub(crate) fn host_key(moderator_secret: &[u8; SECRET_BYTES]) -> HostKey {
    let public = host_key_pair(moderator_secret).public_key().as_ref().try_into();
    HostKey::from_bytes(public.expect("a public key of Ed25519 has 32 bytes"))
}

/// The pair itself: made where the moderator link is, never on a server that is asked.
pub(crate) fn host_key_pair(moderator_secret: &[u8; SECRET_BYTES]) -> Ed25519KeyPair {
    let seed: [u8; 32] = derive(moderator_secret, &[b"host-key"]);
    Ed25519KeyPair::from_seed_unchecked(&seed).expect("any 32 bytes are a seed of Ed25519")
}

/// What links of an encrypted room name its host key by: the first 16 bytes of its SHA-256.
pub(crate) fn fingerprint(host_key: &HostKey) -> [u8; FINGERPRINT_BYTES] {
    let [fingerprint @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] =
        sha256(host_key.as_bytes());
    fingerprint
}

/// HKDF-SHA-256 (RFC 5869) without salt.
fn derive<const N: usize>(secret: &[u8], info: &[&[u8]]) -> [u8; N] {
    struct Length(usize);
    impl KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut bytes = [0; N];
    Salt::new(HKDF_SHA256, &[])
        .extract(secret)
        .expand(info, Length(N))
        .and_then(|key| key.fill(&mut bytes))
        .expect("a few bytes are far below the limit of HKDF");
    bytes
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn text<const N: usize>(bytes: [u8; N]) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The same values stand in the web client's tests: both sides must derive alike.
    #[test]
    fn derivations_agree_with_the_browser() {
        let moderator: [u8; SECRET_BYTES] = std::array::from_fn(|i| i as u8);
        let guest = guest_secret(&moderator, 0);
        assert_eq!(text(guest), "h89nePtJu1ejyFCZyq0O4g");
        assert_eq!(text(guest_secret(&moderator, 1)), "1EK9SIaEjEc7y0Wk7CkLmg");
        let proofs = [moderator, guest].map(|secret| proof(&secret));
        assert_eq!(
            proofs.map(|proof| proof.expose_text()),
            [
                "zglFSPjIUwgYfDu5Fjos2NsGjdNjJPyKFf2NWNlRQ_w",
                "u4zXjLM9arr9OLZa-Wfl_PdHiRBORiZhFE5YPCkQpLc"
            ]
        );
        assert_eq!(
            proofs.map(|proof| verifier(&proof).expose_text()),
            [
                "mNU6IhDnxIdD5de2K6vpN1YL8vEO0JlLB5wSzYop58M",
                "FedJas32xCQapI_VuCvkacBb2WfLLETBO1wp1qaYq4s"
            ]
        );
    }
}
