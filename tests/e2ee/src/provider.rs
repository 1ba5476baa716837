//! What OpenMLS asks of whoever uses it: the primitives of ciphersuite 1 and nothing else, random
//! numbers, and a store in memory.

use openmls::prelude::tls_codec::SecretVLBytes;
use openmls_memory_storage::MemoryStorage;
use openmls_traits::OpenMlsProvider;
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::random::OpenMlsRand;
use openmls_traits::signatures::{Signer, SignerError};
use openmls_traits::types::{
    AeadType, Ciphersuite, CryptoError, ExporterSecret, HashType, HpkeAeadType, HpkeCiphertext,
    HpkeConfig, HpkeKdfType, HpkeKemType, HpkeKeyPair, SignatureScheme,
};
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::crypto::{self, Enveloped};

/// The one ciphersuite of our circles.
pub(crate) const SUITE: Ciphersuite = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;

/// One member's store and the primitives.
#[derive(Debug, Default)]
pub(crate) struct Provider {
    primitives: Primitives,
    store: MemoryStorage,
}

impl OpenMlsProvider for Provider {
    type CryptoProvider = Primitives;
    type RandProvider = Primitives;
    type StorageProvider = MemoryStorage;

    fn storage(&self) -> &MemoryStorage {
        &self.store
    }

    fn crypto(&self) -> &Primitives {
        &self.primitives
    }

    fn rand(&self) -> &Primitives {
        &self.primitives
    }
}

/// Ciphersuite 1, by `ring` and `hpke`.
#[derive(Debug, Default)]
pub(crate) struct Primitives;

impl OpenMlsRand for Primitives {
    type Error = CryptoError;

    fn random_array<const N: usize>(&self) -> Result<[u8; N], CryptoError> {
        Ok(crypto::random())
    }

    fn random_vec(&self, length: usize) -> Result<Vec<u8>, CryptoError> {
        let mut bytes = vec![0; length];
        SystemRandom::new().fill(&mut bytes).map_err(|_| CryptoError::InsufficientRandomness)?;
        Ok(bytes)
    }
}

fn sha256_only(hash: HashType) -> Result<(), CryptoError> {
    if hash == HashType::Sha2_256 { Ok(()) } else { Err(CryptoError::UnsupportedHashAlgorithm) }
}

fn aes128_only(aead: AeadType) -> Result<(), CryptoError> {
    if aead == AeadType::Aes128Gcm { Ok(()) } else { Err(CryptoError::UnsupportedAeadAlgorithm) }
}

fn ed25519_only(scheme: SignatureScheme) -> Result<(), CryptoError> {
    if scheme == SignatureScheme::ED25519 {
        Ok(())
    } else {
        Err(CryptoError::UnsupportedSignatureScheme)
    }
}

fn our_hpke_only(config: &HpkeConfig) -> Result<(), CryptoError> {
    let HpkeConfig(kem, kdf, aead) = config;
    if (*kem, *kdf, *aead)
        == (HpkeKemType::DhKem25519, HpkeKdfType::HkdfSha256, HpkeAeadType::AesGcm128)
    {
        Ok(())
    } else {
        Err(CryptoError::UnsupportedCiphersuite)
    }
}

impl OpenMlsCrypto for Primitives {
    fn supports(&self, ciphersuite: Ciphersuite) -> Result<(), CryptoError> {
        if ciphersuite == SUITE { Ok(()) } else { Err(CryptoError::UnsupportedCiphersuite) }
    }

    fn supported_ciphersuites(&self) -> Vec<Ciphersuite> {
        vec![SUITE]
    }

    fn hkdf_extract(
        &self,
        hash: HashType,
        salt: &[u8],
        ikm: &[u8],
    ) -> Result<SecretVLBytes, CryptoError> {
        sha256_only(hash)?;
        Ok(crypto::hmac_sha256(salt, ikm).to_vec().into())
    }

    fn hmac(
        &self,
        hash: HashType,
        key: &[u8],
        message: &[u8],
    ) -> Result<SecretVLBytes, CryptoError> {
        sha256_only(hash)?;
        Ok(crypto::hmac_sha256(key, message).to_vec().into())
    }

    fn hkdf_expand(
        &self,
        hash: HashType,
        prk: &[u8],
        info: &[u8],
        length: usize,
    ) -> Result<SecretVLBytes, CryptoError> {
        sha256_only(hash)?;
        let out =
            crypto::hkdf_expand(prk, info, length).ok_or(CryptoError::HkdfOutputLengthInvalid)?;
        Ok(out.into())
    }

    fn hash(&self, hash: HashType, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        sha256_only(hash)?;
        Ok(crypto::sha256(&[data]).to_vec())
    }

    fn aead_encrypt(
        &self,
        aead: AeadType,
        key: &[u8],
        data: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        aes128_only(aead)?;
        crypto::aes_seal(key, nonce, aad, data).ok_or(CryptoError::CryptoLibraryError)
    }

    fn aead_decrypt(
        &self,
        aead: AeadType,
        key: &[u8],
        sealed: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        aes128_only(aead)?;
        crypto::aes_open(key, nonce, aad, sealed).ok_or(CryptoError::AeadDecryptionError)
    }

    fn signature_key_gen(
        &self,
        scheme: SignatureScheme,
    ) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
        ed25519_only(scheme)?;
        let seed = crypto::random();
        Ok((seed.to_vec(), crypto::ed25519_public(&seed).to_vec()))
    }

    fn verify_signature(
        &self,
        scheme: SignatureScheme,
        data: &[u8],
        public: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        ed25519_only(scheme)?;
        if crypto::ed25519_verify(public, data, signature) {
            Ok(())
        } else {
            Err(CryptoError::InvalidSignature)
        }
    }

    fn sign(
        &self,
        scheme: SignatureScheme,
        data: &[u8],
        key: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        ed25519_only(scheme)?;
        let seed = key.try_into().map_err(|_| CryptoError::InvalidLength)?;
        Ok(crypto::ed25519_sign(seed, data).to_vec())
    }

    fn hpke_seal(
        &self,
        config: HpkeConfig,
        public: &[u8],
        info: &[u8],
        aad: &[u8],
        plain: &[u8],
    ) -> Result<HpkeCiphertext, CryptoError> {
        our_hpke_only(&config)?;
        let Enveloped { enc, ct } =
            crypto::hpke_seal(public, info, aad, plain).ok_or(CryptoError::HpkeEncryptionError)?;
        Ok(HpkeCiphertext { kem_output: enc.into(), ciphertext: ct.into() })
    }

    fn hpke_open(
        &self,
        config: HpkeConfig,
        input: &HpkeCiphertext,
        private: &[u8],
        info: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        our_hpke_only(&config)?;
        let sealed = Enveloped {
            enc: input.kem_output.as_slice().to_vec(),
            ct: input.ciphertext.as_slice().to_vec(),
        };
        crypto::hpke_open(private, info, aad, &sealed).ok_or(CryptoError::HpkeDecryptionError)
    }

    fn hpke_setup_sender_and_export(
        &self,
        config: HpkeConfig,
        public: &[u8],
        info: &[u8],
        context: &[u8],
        length: usize,
    ) -> Result<(Vec<u8>, ExporterSecret), CryptoError> {
        our_hpke_only(&config)?;
        let (enc, secret) = crypto::hpke_export(public, info, context, length)
            .ok_or(CryptoError::SenderSetupError)?;
        Ok((enc, secret.into()))
    }

    fn hpke_setup_receiver_and_export(
        &self,
        config: HpkeConfig,
        enc: &[u8],
        private: &[u8],
        info: &[u8],
        context: &[u8],
        length: usize,
    ) -> Result<ExporterSecret, CryptoError> {
        our_hpke_only(&config)?;
        let secret = crypto::hpke_export_received(private, enc, info, context, length)
            .ok_or(CryptoError::ReceiverSetupError)?;
        Ok(secret.into())
    }

    fn derive_hpke_keypair(
        &self,
        config: HpkeConfig,
        ikm: &[u8],
    ) -> Result<HpkeKeyPair, CryptoError> {
        our_hpke_only(&config)?;
        let (private, public) = crypto::hpke_derive(ikm);
        Ok(HpkeKeyPair { private: private.as_slice().into(), public: public.to_vec() })
    }
}

/// Signs as the member whose seed it holds.
pub(crate) struct SeedSigner<'a>(pub(crate) &'a [u8; 32]);

impl Signer for SeedSigner<'_> {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(crypto::ed25519_sign(self.0, payload).to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}
