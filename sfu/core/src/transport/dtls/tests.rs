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

/// A record of its own with one part of a handshake message (RFC 6347 section 4.2.2).
fn part(record: u16, message: u8, number: u16, len: u32, offset: u32, content: &[u8]) -> Vec<u8> {
    let part_len = (content.len() as u32).to_be_bytes();
    let mut body = vec![message];
    body.extend_from_slice(&len.to_be_bytes()[1..]);
    body.extend_from_slice(&number.to_be_bytes());
    body.extend_from_slice(&offset.to_be_bytes()[1..]);
    body.extend_from_slice(&part_len[1..]);
    body.extend_from_slice(content);
    let mut bytes = vec![22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0];
    bytes.extend_from_slice(&record.to_be_bytes());
    bytes.extend_from_slice(&(body.len() as u16).to_be_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

#[test]
fn endless_fragments_are_not_kept() {
    let identity = DtlsIdentity::generate().unwrap();
    let now = start();
    // Parts of a message that is never whole: long ones, and ones of nothing.
    for content in [&[0; 200][..], &[]] {
        let mut server = Dtls::new(&identity, [0; 32]).unwrap();
        let mut taken = 0;
        for n in 0..1_000 {
            let before = server.input_left;
            let _ = server.handle_datagram(now, &part(n, 1, n % 8, 1_024, 500, content));
            taken += usize::from(server.input_left < before);
        }
        assert!(server.input_left < 400 && taken < HANDSHAKE_INPUT_LIMIT / PART_COST, "{taken}");
    }
}

#[test]
fn messages_that_no_browser_sends_cost_nothing() {
    let identity = DtlsIdentity::generate().unwrap();
    let mut server = Dtls::new(&identity, [0; 32]).unwrap();
    let now = start();
    let cut = part(1, 1, 0, 9, 0, &[]);
    let mut short = cut[..20].to_vec();
    short[12] = 7;
    let beyond = part(REPLAY_WINDOW as u16, 1, 0, 9, 0, &[0; 9]);
    for record in
        [part(1, 2, 0, 9, 0, &[0; 9]), part(1, 1, MAX_MESSAGES, 9, 0, &[0; 9]), short, beyond]
    {
        assert!(matches!(server.handle_datagram(now, &record), Ok(DtlsProgress::None)));
        assert_eq!(server.input_left, HANDSHAKE_INPUT_LIMIT);
    }
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
