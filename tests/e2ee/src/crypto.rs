//! The primitives under all formats, by `ring`; HPKE by the crate of that name, which `age` brings
//! along anyway.

use hpke::aead::AesGcm128;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::rand_core::{self, CryptoRng, RngCore};
use hpke::{Deserializable as _, Kem, OpModeR, OpModeS, Serializable as _};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use ring::{digest, hmac};

/// Random bytes of the system.
///
/// # Panics
/// Where the system has none.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the system has random numbers");
    bytes
}

/// SHA-256.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// HMAC-SHA-256 (RFC 2104).
pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let mut out = [0; 32];
    out.copy_from_slice(hmac::sign(&key, message).as_ref());
    out
}

/// Compares in constant time.
pub(crate) fn hmac_sha256_verify(key: &[u8], message: &[u8], mac: &[u8]) -> bool {
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, key), message, mac).is_ok()
}

/// HKDF-Expand with SHA-256 (RFC 5869, section 2.3); `None` beyond 255 blocks.
pub(crate) fn hkdf_expand(prk: &[u8], info: &[u8], length: usize) -> Option<Vec<u8>> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, prk);
    let mut out = Vec::with_capacity(length);
    let mut counter = 0_u8;
    let mut block = None::<hmac::Tag>;
    while out.len() < length {
        counter = counter.checked_add(1)?;
        let mut context = hmac::Context::with_key(&key);
        if let Some(block) = &block {
            context.update(block.as_ref());
        }
        context.update(info);
        context.update(&[counter]);
        let tag = context.sign();
        let wanted = (length - out.len()).min(32);
        out.extend_from_slice(&tag.as_ref()[..wanted]);
        block = Some(tag);
    }
    Some(out)
}

/// HKDF-SHA-256 (RFC 5869), extract and expand.
pub(crate) fn hkdf<const N: usize>(salt: &[u8], secret: &[u8], info: &[&[u8]]) -> [u8; N] {
    let prk = hmac_sha256(salt, secret);
    let expanded =
        hkdf_expand(&prk, &info.concat(), N).expect("fewer than 255 blocks are asked for");
    let mut out = [0; N];
    out.copy_from_slice(&expanded);
    out
}

/// AES-128-GCM: ciphertext and tag.
pub(crate) fn aes_seal(key: &[u8], nonce: &[u8], aad: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).ok()?);
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut out = plain.to_vec();
    key.seal_in_place_append_tag(nonce, Aad::from(aad), &mut out).ok()?;
    Some(out)
}

/// The other way; `None` for what is not authentic.
pub(crate) fn aes_open(key: &[u8], nonce: &[u8], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).ok()?);
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut out = sealed.to_vec();
    let length = key.open_in_place(nonce, Aad::from(aad), &mut out).ok()?.len();
    out.truncate(length);
    Some(out)
}

/// The Ed25519 pair of a seed.
pub(crate) fn ed25519(seed: &[u8; 32]) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(seed).expect("any 32 bytes are a seed")
}

/// Public half of a seed's pair.
pub(crate) fn ed25519_public(seed: &[u8; 32]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(ed25519(seed).public_key().as_ref());
    out
}

/// Signs with a seed's pair.
pub(crate) fn ed25519_sign(seed: &[u8; 32], text: &[u8]) -> [u8; 64] {
    let mut out = [0; 64];
    out.copy_from_slice(ed25519(seed).sign(text).as_ref());
    out
}

/// Whether `signature` over `text` is that key's.
pub(crate) fn ed25519_verify(public: &[u8], text: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public).verify(text, signature).is_ok()
}

/// Random numbers in the form `hpke` asks for.
struct Entropy;

impl RngCore for Entropy {
    fn next_u32(&mut self) -> u32 {
        u32::from_be_bytes(random())
    }

    fn next_u64(&mut self) -> u64 {
        u64::from_be_bytes(random())
    }

    fn fill_bytes(&mut self, into: &mut [u8]) {
        SystemRandom::new().fill(into).expect("the system has random numbers");
    }

    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(into);
        Ok(())
    }
}

impl CryptoRng for Entropy {}

type Kem25519 = X25519HkdfSha256;

/// Public half of an X25519 private key (RFC 7748).
pub(crate) fn x25519_public(private: &[u8; 32]) -> [u8; 32] {
    let private =
        <Kem25519 as Kem>::PrivateKey::from_bytes(private).expect("any 32 bytes are a private key");
    Kem25519::sk_to_pk(&private).to_bytes().into()
}

/// What a key encapsulation and one message are in HPKE's base mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Enveloped {
    pub(crate) enc: Vec<u8>,
    pub(crate) ct: Vec<u8>,
}

/// HPKE base mode of X25519, HKDF-SHA-256 and AES-128-GCM (RFC 9180), one message; `None` for what is
/// no public key.
pub(crate) fn hpke_seal(public: &[u8], info: &[u8], aad: &[u8], plain: &[u8]) -> Option<Enveloped> {
    let public = <Kem25519 as Kem>::PublicKey::from_bytes(public).ok()?;
    let (enc, ct) = hpke::single_shot_seal::<AesGcm128, HkdfSha256, Kem25519, _>(
        &OpModeS::Base,
        &public,
        info,
        plain,
        aad,
        &mut Entropy,
    )
    .ok()?;
    let enc = enc.to_bytes().to_vec();
    Some(Enveloped { enc, ct })
}

/// The other way; `None` for what is not authentic.
pub(crate) fn hpke_open(
    private: &[u8],
    info: &[u8],
    aad: &[u8],
    sealed: &Enveloped,
) -> Option<Vec<u8>> {
    let private = <Kem25519 as Kem>::PrivateKey::from_bytes(private).ok()?;
    let enc = <Kem25519 as Kem>::EncappedKey::from_bytes(&sealed.enc).ok()?;
    hpke::single_shot_open::<AesGcm128, HkdfSha256, Kem25519>(
        &OpModeR::Base,
        &private,
        &enc,
        info,
        &sealed.ct,
        aad,
    )
    .ok()
}

/// HPKE's exporter of the sending side: encapsulated key and secret.
pub(crate) fn hpke_export(
    public: &[u8],
    info: &[u8],
    context: &[u8],
    length: usize,
) -> Option<(Vec<u8>, Vec<u8>)> {
    let public = <Kem25519 as Kem>::PublicKey::from_bytes(public).ok()?;
    let (enc, sender) = hpke::setup_sender::<AesGcm128, HkdfSha256, Kem25519, _>(
        &OpModeS::Base,
        &public,
        info,
        &mut Entropy,
    )
    .ok()?;
    let mut secret = vec![0; length];
    sender.export(context, &mut secret).ok()?;
    Some((enc.to_bytes().to_vec(), secret))
}

/// HPKE's exporter of the receiving side.
pub(crate) fn hpke_export_received(
    private: &[u8],
    enc: &[u8],
    info: &[u8],
    context: &[u8],
    length: usize,
) -> Option<Vec<u8>> {
    let private = <Kem25519 as Kem>::PrivateKey::from_bytes(private).ok()?;
    let enc = <Kem25519 as Kem>::EncappedKey::from_bytes(enc).ok()?;
    let receiver = hpke::setup_receiver::<AesGcm128, HkdfSha256, Kem25519>(
        &OpModeR::Base,
        &private,
        &enc,
        info,
    )
    .ok()?;
    let mut secret = vec![0; length];
    receiver.export(context, &mut secret).ok()?;
    Some(secret)
}

/// A key pair of some input key material (RFC 9180, section 7.1.3): private and public half.
pub(crate) fn hpke_derive(ikm: &[u8]) -> ([u8; 32], [u8; 32]) {
    let (private, public) = Kem25519::derive_keypair(ikm);
    (private.to_bytes().into(), public.to_bytes().into())
}
