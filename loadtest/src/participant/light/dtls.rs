//! The DTLS side of a connection: always the client, always with a GCM profile (RFC 5764).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc_dtls::config::{ConfigBuilder, ExtendedMasterSecretType};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::crypto_provider::{HashAlgorithm, RTCCryptoProvider, default_provider};
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_shared::TransportProtocol;

use super::srtp::{Cipher, KEY, SALT};

/// One certificate for all participants of the process; browsers make one each, which costs the
/// generator only.
#[derive(Clone)]
pub(crate) struct Identity {
    certificate: Certificate,
    provider: Arc<dyn RTCCryptoProvider>,
    /// SHA-256 of the certificate, as `a=fingerprint` has it.
    pub(crate) fingerprint: String,
}

impl Identity {
    pub(crate) fn generate() -> Option<Self> {
        let provider = default_provider().ok()?;
        let names = vec!["loadtest".to_owned()];
        let certificate = Certificate::generate_self_signed(names, provider.crypto()).ok()?;
        let der = certificate.certificate.first()?;
        let hash = provider.crypto().hash(HashAlgorithm::Sha256, der).ok()?;
        let pairs: Vec<String> = hash.iter().map(|byte| format!("{byte:02X}")).collect();
        Some(Self { certificate, provider, fingerprint: pairs.join(":") })
    }
}

/// A handshake and the association after it.
pub(crate) struct Dtls {
    endpoint: Endpoint,
    provider: Arc<dyn RTCCryptoProvider>,
    is_connected: bool,
}

/// Keys of both directions.
pub(crate) struct Keys {
    pub(crate) opens: Cipher,
    pub(crate) seals: Cipher,
}

/// What a datagram led to.
pub(crate) enum Progress {
    None,
    Connected(Box<Keys>),
    Closed,
}

impl Dtls {
    /// Begins a handshake. `None` when the engine refuses its configuration.
    pub(crate) fn connect(now: Instant, identity: &Identity) -> Option<Self> {
        let config = ConfigBuilder::default()
            .with_crypto_provider(Arc::clone(&identity.provider))
            .with_certificates(vec![identity.certificate.clone()])
            // One only, so that every server pays for the same cipher.
            .with_srtp_protection_profiles(vec![SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm])
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            // The load test measures servers it was pointed at; it keeps no secret from them.
            .with_insecure_skip_verify(true)
            .with_flight_interval(FLIGHT_INTERVAL)
            .build(true, None)
            .ok()?;
        let mut endpoint = Endpoint::new(PLACEHOLDER, TransportProtocol::UDP, None);
        endpoint.connect(now, PLACEHOLDER, Arc::new(config), None).ok()?;
        let provider = Arc::clone(&identity.provider);
        Some(Self { endpoint, provider, is_connected: false })
    }

    /// Takes a datagram of the server.
    pub(crate) fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) -> Progress {
        let events = self.endpoint.read(now, PLACEHOLDER, None, BytesMut::from(datagram));
        for event in events.unwrap_or_default() {
            match event {
                EndpointEvent::HandshakeComplete => {
                    self.is_connected = true;
                    return match self.keys() {
                        Some(keys) => Progress::Connected(Box::new(keys)),
                        None => Progress::Closed,
                    };
                }
                EndpointEvent::PeerClosed => return Progress::Closed,
                EndpointEvent::ApplicationData(_) | _ => {}
            }
        }
        Progress::None
    }

    /// Repeats what was not answered.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|at| at <= now) {
            // A handshake that fails for good is seen by the join that never ends.
            let _ = self.endpoint.handle_timeout(PLACEHOLDER, now);
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.endpoint.poll_timeout(&PLACEHOLDER)
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<BytesMut> {
        self.endpoint.poll_transmit().map(|transmit| transmit.message)
    }

    /// Says goodbye.
    pub(crate) fn close(&mut self, now: Instant) {
        if std::mem::take(&mut self.is_connected) {
            self.endpoint.stop(now, PLACEHOLDER);
        }
    }

    fn keys(&self) -> Option<Keys> {
        let state = self.endpoint.get_connection_state(PLACEHOLDER)?;
        let agreed = state.srtp_protection_profile();
        if agreed != SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm {
            return None;
        }
        let keying = state.export_keying_material(LABEL, &[], 2 * (KEY + SALT)).ok()?;
        let (keys, salts) = keying.as_ref().split_at(2 * KEY);
        let (client_key, server_key) = keys.split_at(KEY);
        let (client_salt, server_salt) = salts.split_at(salts.len() / 2);
        let crypto = self.provider.crypto();
        Some(Keys {
            opens: Cipher::new(server_key, server_salt, crypto)?,
            seals: Cipher::new(client_key, client_salt, crypto)?,
        })
    }
}

/// The engine names associations by address; there is only one here.
const PLACEHOLDER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

/// RFC 5764 section 4.2.
const LABEL: &str = "EXTRACTOR-dtls_srtp";

/// What browsers wait before they repeat a flight.
const FLIGHT_INTERVAL: Duration = Duration::from_millis(50);
