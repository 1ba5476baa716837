use rtc_dtls::crypto_provider::providers::RingProvider;

use super::*;

#[test]
fn a_browser_with_the_announced_certificate_gets_fitting_keys() {
    for offered in [
        vec![SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm],
        vec![SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm],
        // Chromium's order: the profile we do not speak comes first.
        vec![
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
            SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm,
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
        ],
    ] {
        let mut pair = Pair::new(offered, None);
        pair.run();
        assert!(pair.client_connected);
        let (mut opener, mut sealer) = *pair.keys.expect("the server is connected too");
        let mut packet = [0x80; 60];
        let source = sealer.source(0x8080_8080);
        sealer.seal_rtp(source, &mut packet, 12).unwrap();
        // The directions have different keys.
        assert!(opener.open_rtp(&mut packet, 12).is_err());
    }
}

#[test]
fn another_certificate_than_the_announced_one_is_refused() {
    let mut pair = Pair::new(vec![SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm], Some([7; 32]));
    pair.run();
    assert_eq!(pair.failure, Some(DtlsError::Handshake));
    assert!(pair.keys.is_none());
}

#[test]
fn a_browser_without_a_gcm_profile_is_refused() {
    let mut pair = Pair::new(vec![SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80], None);
    pair.run();
    assert_eq!(pair.failure, Some(DtlsError::Handshake));
}

#[test]
fn a_lost_flight_is_repeated() {
    let mut pair = Pair::new(vec![SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm], None);
    pair.lose_from_server = 4;
    for _ in 0..10 {
        pair.run();
        pair.now += Duration::from_secs(1);
        pair.timeouts();
    }
    assert!(pair.keys.is_some());
}

#[test]
fn garbage_during_and_after_the_handshake_changes_nothing() {
    let mut pair = Pair::new(vec![SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm], None);
    let garbage: Vec<Vec<u8>> = (0..200_u8)
        .map(|n| {
            let mut record = vec![22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 1, n, 0, 40];
            record.extend(std::iter::repeat_n(n, 40));
            record
        })
        .collect();
    for record in &garbage[..20] {
        let _ = pair.server.handle_datagram(pair.now, record);
    }
    pair.run();
    assert!(pair.keys.is_some());
    for record in &garbage {
        assert!(pair.server.handle_datagram(pair.now, record).is_ok());
    }
    let mut alert = vec![21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 9, 9, 0, 2, 2, 0];
    assert!(pair.server.handle_datagram(pair.now, &alert).is_ok());
    alert[4] = 1;
    assert!(pair.server.handle_datagram(pair.now, &alert).is_ok());
    assert!(pair.server.is_alive());
}

#[test]
fn endless_fragments_are_not_kept() {
    let identity = DtlsIdentity::generate().unwrap();
    let mut server = Dtls::new(&identity, [0; 32]).unwrap();
    let now = start();
    for n in 0..10_000_u16 {
        let mut record = vec![22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0];
        record.extend_from_slice(&n.to_be_bytes());
        record.splice(10..12, n.to_be_bytes());
        record.push(0);
        record.push(212);
        // A fragment of a handshake message that is far ahead: kept by the engine.
        record.truncate(11);
        record.extend_from_slice(&[0, 212]);
        record.extend_from_slice(&[1, 0, 4, 0]);
        record.extend_from_slice(&(n | 1).to_be_bytes());
        record.extend_from_slice(&[0, 0, 0, 0, 0, 200]);
        record.extend_from_slice(&[0; 200]);
        let _ = server.handle_datagram(now, &record);
    }
    assert!(server.input_left < 300);
}

#[test]
fn closing_says_goodbye() {
    let mut pair = Pair::new(vec![SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm], None);
    pair.run();
    pair.server.close(pair.now);
    let mut goodbyes = 0;
    while let Some(datagram) = pair.server.poll_transmit() {
        goodbyes += 1;
        let events = pair.client.read(pair.now, PLACEHOLDER, None, datagram).unwrap();
        assert!(events.iter().any(|event| matches!(event, EndpointEvent::PeerClosed)));
    }
    assert_eq!(goodbyes, 1);
}

/// A server of ours and a client of the engine, with a wire between them.
struct Pair {
    now: Instant,
    server: Dtls,
    client: Endpoint,
    client_connected: bool,
    keys: Option<Box<(Opener, Sealer)>>,
    failure: Option<DtlsError>,
    lose_from_server: usize,
}

impl Pair {
    fn new(offered: Vec<SrtpProtectionProfile>, announced: Option<[u8; 32]>) -> Self {
        let now = start();
        let provider: Arc<dyn RTCCryptoProvider> = Arc::new(RingProvider::new());
        let browser = DtlsIdentity::generate().unwrap();
        let config = ConfigBuilder::default()
            .with_crypto_provider(provider)
            .with_certificates(vec![browser.certificate.clone()])
            .with_srtp_protection_profiles(offered)
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            .with_insecure_skip_verify(true)
            .build(true, None)
            .unwrap();
        let mut client = Endpoint::new(PLACEHOLDER, TransportProtocol::UDP, None);
        client.connect(now, PLACEHOLDER, Arc::new(config), None).unwrap();
        let server = DtlsIdentity::generate().unwrap();
        let server = Dtls::new(&server, announced.unwrap_or(browser.fingerprint)).unwrap();
        Self {
            now,
            server,
            client,
            client_connected: false,
            keys: None,
            failure: None,
            lose_from_server: 0,
        }
    }

    fn run(&mut self) {
        loop {
            let mut quiet = true;
            while let Some(transmit) = self.client.poll_transmit() {
                quiet = false;
                match self.server.handle_datagram(self.now, &transmit.message) {
                    Ok(DtlsProgress::Connected(keys)) => self.keys = Some(keys),
                    Ok(DtlsProgress::None) => {}
                    Err(error) => self.failure = Some(error),
                }
            }
            while let Some(datagram) = self.server.poll_transmit() {
                quiet = false;
                if self.lose_from_server > 0 {
                    self.lose_from_server -= 1;
                    continue;
                }
                let events =
                    self.client.read(self.now, PLACEHOLDER, None, datagram).unwrap_or_default();
                for event in events {
                    self.client_connected |= matches!(event, EndpointEvent::HandshakeComplete);
                }
            }
            if quiet {
                return;
            }
        }
    }

    fn timeouts(&mut self) {
        let _ = self.client.handle_timeout(PLACEHOLDER, self.now);
        let _ = self.server.handle_timeout(self.now);
    }
}

#[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
fn start() -> Instant {
    Instant::now()
}
