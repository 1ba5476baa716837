//! The DTLS side of one transport (RFC 6347, RFC 5764): we are always the server, the browser
//! must show the certificate its offer announced, and what comes out are the SRTP keys.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::crypto_provider::{HashAlgorithm, RTCCryptoProvider, constant_time_eq};
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_shared::TransportProtocol;
use thiserror::Error;

use super::srtp::{Opener, Profile, Sealer};

/// The server's certificate and key, made once per process. Prints nothing of the key.
#[derive(Clone)]
pub struct DtlsIdentity {
    certificate: Certificate,
    fingerprint: [u8; 32],
    provider: Arc<dyn RTCCryptoProvider>,
}

impl DtlsIdentity {
    /// Makes a self-signed ECDSA P-256 certificate, from the engine's own randomness.
    ///
    /// # Errors
    ///
    /// When the system gives no randomness.
    pub fn generate() -> Result<Self, IdentityError> {
        let provider = rtc_dtls::crypto_provider::default_provider().map_err(|_| IdentityError)?;
        let certificate =
            Certificate::generate_self_signed(Vec::from(["preau".to_owned()]), provider.crypto())
                .map_err(|_| IdentityError)?;
        let der = certificate.certificate.first().ok_or(IdentityError)?;
        let fingerprint = sha256(provider.as_ref(), der).ok_or(IdentityError)?;
        Ok(Self { certificate, fingerprint, provider })
    }

    /// SHA-256 of the certificate, for `a=fingerprint` (RFC 8122).
    pub(crate) fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// The cryptography that the certificate's key lives in.
    pub(crate) fn provider(&self) -> &Arc<dyn RTCCryptoProvider> {
        &self.provider
    }
}

impl fmt::Debug for DtlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DtlsIdentity([redacted])")
    }
}

/// No certificate could be made: the system gives no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the system gives no randomness for a certificate")]
pub struct IdentityError;

/// Why a transport's DTLS ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum DtlsError {
    /// The handshake failed: another certificate, no common cipher, too many retries.
    #[error("the handshake failed")]
    Handshake,
    /// The browser closed the connection.
    #[error("closed by the other side")]
    Closed,
}

/// What a datagram led to.
pub(crate) enum DtlsProgress {
    /// Nothing yet.
    None,
    /// The handshake is done; these are the keys of both directions.
    Connected(Box<(Opener, Sealer)>),
}

/// One DTLS association.
pub(crate) struct Dtls {
    endpoint: Endpoint,
    provider: Arc<dyn RTCCryptoProvider>,
    connected: bool,
    input_left: usize,
}

impl Dtls {
    /// Waits for the ClientHello of the browser whose certificate has this SHA-256.
    ///
    /// # Errors
    ///
    /// When the engine refuses its configuration.
    pub(crate) fn new(
        identity: &DtlsIdentity,
        remote_fingerprint: [u8; 32],
    ) -> Result<Self, DtlsError> {
        let config = handshake_config(identity, remote_fingerprint)?;
        Ok(Self {
            endpoint: Endpoint::new(PLACEHOLDER, TransportProtocol::UDP, Some(Arc::new(config))),
            provider: Arc::clone(&identity.provider),
            connected: false,
            input_left: HANDSHAKE_INPUT_LIMIT,
        })
    }

    /// Takes one datagram of the DTLS class, from an address that passed a check. Answers are
    /// waiting in [`Dtls::poll_transmit`] afterwards, also when this fails.
    pub(crate) fn handle_datagram(
        &mut self,
        now: Instant,
        datagram: &[u8],
    ) -> Result<DtlsProgress, DtlsError> {
        let Usable { records, unprotected, protected } = usable_records(datagram);
        if records.is_empty() {
            return Ok(DtlsProgress::None);
        }
        // The engine keeps fragments until they fit together, up to megabytes. Protected records
        // are authenticated before, and before there are keys they are kept like the others.
        let kept = if self.connected { unprotected } else { unprotected + protected };
        let Some(left) = self.input_left.checked_sub(kept) else {
            return Ok(DtlsProgress::None);
        };
        self.input_left = left;
        let events =
            self.endpoint.read(now, PLACEHOLDER, None, records).map_err(|_| DtlsError::Handshake);
        let events = match events {
            Ok(events) => events,
            // Once connected, nothing but an authentic alert ends the association, and that is
            // reported as an event or as a missing association.
            Err(_) if self.connected && self.is_alive() => return Ok(DtlsProgress::None),
            Err(error) => return Err(error),
        };
        let mut progress = DtlsProgress::None;
        for event in events {
            match event {
                EndpointEvent::HandshakeComplete => {
                    progress = DtlsProgress::Connected(Box::new(self.export_keys()?));
                    self.connected = true;
                }
                EndpointEvent::PeerClosed => return Err(DtlsError::Closed),
                // Data channels are not negotiated: whatever comes in them is of no use.
                EndpointEvent::ApplicationData(_) => {}
                _ => {}
            }
        }
        Ok(progress)
    }

    /// Repeats what was not answered.
    ///
    /// # Errors
    ///
    /// [`DtlsError::Handshake`] when the browser did not answer after all repetitions.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsError> {
        if self.poll_timeout().is_none_or(|at| now < at) {
            return Ok(());
        }
        self.endpoint.handle_timeout(PLACEHOLDER, now).map_err(|_| DtlsError::Handshake)
    }

    /// When to call [`Dtls::handle_timeout`].
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.endpoint.poll_timeout(&PLACEHOLDER)
    }

    /// The next datagram to send.
    pub(crate) fn poll_transmit(&mut self) -> Option<BytesMut> {
        self.endpoint.poll_transmit().map(|transmit| transmit.message)
    }

    /// Says goodbye (`close_notify`), if there is somebody to say it to.
    pub(crate) fn close(&mut self, now: Instant) {
        if self.connected {
            self.endpoint.stop(now, PLACEHOLDER);
            self.connected = false;
        }
    }

    fn is_alive(&self) -> bool {
        self.endpoint.get_connection_state(PLACEHOLDER).is_some()
    }

    fn export_keys(&self) -> Result<(Opener, Sealer), DtlsError> {
        let state = self.endpoint.get_connection_state(PLACEHOLDER).ok_or(DtlsError::Handshake)?;
        let agreed = state.srtp_protection_profile();
        let profile = if agreed == SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm {
            Profile::Aes128Gcm
        } else if agreed == SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm {
            Profile::Aes256Gcm
        } else {
            return Err(DtlsError::Handshake);
        };
        let keying = state
            .export_keying_material(EXPORTER_LABEL, &[], profile.keying_len())
            .map_err(|_| DtlsError::Handshake)?;
        // RFC 5764 section 4.2: client key, server key, client salt, server salt.
        let (keys, salts) = keying.as_ref().split_at(2 * profile.key_len());
        let (client_key, server_key) = keys.split_at(profile.key_len());
        let (client_salt, server_salt) = salts.split_at(salts.len() / 2);
        let crypto = self.provider.crypto();
        let opener = Opener::new(profile, client_key, client_salt, crypto);
        let sealer = Sealer::new(profile, server_key, server_salt, crypto);
        match (opener, sealer) {
            (Ok(opener), Ok(sealer)) => Ok((opener, sealer)),
            (Err(_), _) | (_, Err(_)) => Err(DtlsError::Handshake),
        }
    }
}

/// The engine finds an association by its remote address. Ours has one association per
/// transport, whose address may change: it is given this one, always.
const PLACEHOLDER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9);

/// RFC 5764 section 4.2.
const EXPORTER_LABEL: &str = "EXTRACTOR-dtls_srtp";

/// What the engine may have to keep of a handshake, repetitions included; both stock browsers need
/// about 5,000 when nothing is lost. Lowering it breaks joins on lossy networks; raising it lets a
/// half-open transport hold more memory.
const HANDSHAKE_INPUT_LIMIT: usize = 32 * 1024;

/// What the engine keeps of a record beside its bytes, until there are keys to open it.
const RECORD_COST: usize = 64;

/// What it keeps of each part of a message, beside its bytes: two headers, and where they are.
const PART_COST: usize = 160;

/// Messages a browser sends in a handshake are numbered below this: six at most. The engine has a
/// place for each number it sees.
const MAX_MESSAGES: u16 = 8;

/// After this time without an answer a flight is sent again, at most seven times. Lowering it
/// repeats needlessly on slow paths; raising it delays joins on lossy ones.
const FLIGHT_INTERVAL: Duration = Duration::from_millis(400);

/// Handshake messages are cut to fit datagrams of this size, below the smallest IPv6 MTU.
const HANDSHAKE_MTU: usize = 1_200;

fn handshake_config(
    identity: &DtlsIdentity,
    remote_fingerprint: [u8; 32],
) -> Result<HandshakeConfig, DtlsError> {
    let provider = Arc::clone(&identity.provider);
    let verify = move |chain: &[Vec<u8>], _: &[_]| {
        let shown = chain.first().and_then(|certificate| sha256(provider.as_ref(), certificate));
        if shown.is_some_and(|shown| constant_time_eq(&shown, &remote_fingerprint)) {
            Ok(())
        } else {
            Err(rtc_shared::error::Error::ErrInvalidCertificate)
        }
    };
    ConfigBuilder::default()
        .with_crypto_provider(Arc::clone(&identity.provider))
        .with_certificates(vec![identity.certificate.clone()])
        .with_srtp_protection_profiles(vec![
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
            SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm,
        ])
        .with_extended_master_secret(ExtendedMasterSecretType::Require)
        .with_client_auth(ClientAuthType::RequireAnyClientCert)
        // There is no authority to ask: the fingerprint in the offer is the proof (RFC 8122).
        .with_insecure_skip_verify(true)
        .with_verify_peer_certificate(Some(Arc::new(verify)))
        .with_flight_interval(FLIGHT_INTERVAL)
        .with_mtu(HANDSHAKE_MTU)
        .with_replay_protection_window(REPLAY_WINDOW)
        .build(false, None)
        .map_err(|_| DtlsError::Handshake)
}

fn sha256(provider: &dyn RTCCryptoProvider, data: &[u8]) -> Option<[u8; 32]> {
    provider.crypto().hash(HashAlgorithm::Sha256, data).ok()?.try_into().ok()
}

/// What of a datagram is handed to the engine, and what that may have to keep of it.
struct Usable {
    records: BytesMut,
    /// Of records that anybody could have sent.
    unprotected: usize,
    protected: usize,
}

/// The records of a datagram that a browser has reason to send. Alerts and data without protection
/// are left out: anybody could have sent them.
fn usable_records(mut datagram: &[u8]) -> Usable {
    let records = BytesMut::with_capacity(datagram.len());
    let mut usable = Usable { records, unprotected: 0, protected: 0 };
    while let Some(header) = datagram.first_chunk::<RECORD_HEADER>() {
        let len = RECORD_HEADER + usize::from(u16::from_be_bytes([header[11], header[12]]));
        let Some((record, rest)) = datagram.split_at_checked(len) else {
            break;
        };
        datagram = rest;
        let sequence = u64::from_be_bytes([
            0, 0, header[5], header[6], header[7], header[8], header[9], header[10],
        ]);
        if header[3..5] != [0, 0] {
            usable.protected += len + RECORD_COST;
        } else if sequence >= REPLAY_WINDOW as u64 {
            continue;
        } else {
            let Some(cost) = cost_of(header[0], &record[RECORD_HEADER..]) else { continue };
            usable.unprotected += len + cost;
        }
        usable.records.extend_from_slice(record);
    }
    usable
}

/// What the engine keeps of a record without protection, beside its bytes. `None` for one that a
/// browser has no reason to send.
fn cost_of(content: u8, mut body: &[u8]) -> Option<usize> {
    if content == CHANGE_CIPHER_SPEC {
        return (body == [1]).then_some(RECORD_COST);
    }
    if content != HANDSHAKE {
        return None;
    }
    let mut cost = 0;
    // The engine reads on behind the message's whole length, whatever is there of it.
    while !body.is_empty() {
        let header = body.first_chunk::<MESSAGE_HEADER>()?;
        let number = u16::from_be_bytes([header[4], header[5]]);
        if !CLIENT_SENDS.contains(&header[0]) || number >= MAX_MESSAGES {
            return None;
        }
        let len = u32::from_be_bytes([0, header[1], header[2], header[3]]) as usize;
        body = body.get(MESSAGE_HEADER + len..).unwrap_or_default();
        cost += PART_COST;
    }
    (cost > 0).then_some(cost)
}

/// Record numbers the engine's replay check keeps in view. A forged number may push the true ones
/// out of view, so unprotected records must be within it; a handshake has some dozens.
const REPLAY_WINDOW: usize = 1_024;

/// Content types (RFC 5246 section 6.2.1).
const CHANGE_CIPHER_SPEC: u8 = 20;
const HANDSHAKE: u8 = 22;

/// Handshake messages a client sends without protection (RFC 5246 section 7.4): ClientHello,
/// Certificate, CertificateVerify, ClientKeyExchange.
const CLIENT_SENDS: [u8; 4] = [1, 11, 15, 16];

/// Content type, version, epoch, sequence number, length (RFC 6347 section 4.1).
const RECORD_HEADER: usize = 13;

/// Type, length, number, and which part of it follows (RFC 6347 section 4.2.2).
const MESSAGE_HEADER: usize = 12;

#[cfg(test)]
mod tests;
