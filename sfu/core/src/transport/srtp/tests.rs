use rtc_srtp::context::Context;
use rtc_srtp::crypto::{RTCCryptoProvider, providers::RingProvider};
use rtc_srtp::protection_profile::ProtectionProfile;

use super::*;

static PROVIDER: RingProvider = RingProvider::new();

const PROFILES: [(Profile, ProtectionProfile); 2] = [
    (Profile::Aes128Gcm, ProtectionProfile::AeadAes128Gcm),
    (Profile::Aes256Gcm, ProtectionProfile::AeadAes256Gcm),
];

const SSRC: u32 = 0x1234_5678;

#[test]
fn what_is_sealed_here_opens_in_an_independent_implementation() {
    for (profile, theirs) in PROFILES {
        let mut sealer = sealer(profile);
        let mut oracle = oracle(profile, theirs);
        let source = sealer.source(SSRC);
        for index in 65_500_u32..65_700 {
            let plain = rtp(index as u16, &[index as u8; 300]);
            let sealed = seal(&mut sealer, source, &plain).unwrap();
            assert_eq!(oracle.decrypt_rtp(&sealed).unwrap(), plain, "packet {index}");
        }
        for _ in 0..3 {
            let sealed = seal_rtcp(&mut sealer);
            assert_eq!(oracle.decrypt_rtcp(&sealed).unwrap()[..], RTCP);
        }
    }
}

#[test]
fn what_an_independent_implementation_sealed_opens_here() {
    for (profile, theirs) in PROFILES {
        let mut oracle = oracle(profile, theirs);
        let mut opener = opener(profile);
        for index in 65_500_u32..65_700 {
            let plain = rtp(index as u16, &[index as u8; 300]);
            let mut packet = oracle.encrypt_rtp(&plain).unwrap().to_vec();
            let len = opener.open_rtp(&mut packet, HEADER).unwrap();
            assert_eq!(packet[..len], plain, "packet {index}");
        }
        for _ in 0..3 {
            let mut packet = oracle.encrypt_rtcp(&RTCP).unwrap().to_vec();
            let len = opener.open_rtcp(&mut packet).unwrap();
            assert_eq!(packet[..len], RTCP);
        }
    }
}

#[test]
fn reordering_across_a_rollover_opens_and_a_replay_does_not() {
    let mut sealer = sealer(Profile::Aes128Gcm);
    let source = sealer.source(SSRC);
    let mut opener = opener(Profile::Aes128Gcm);
    let mut sealed: Vec<_> = (65_000_u32..67_000)
        .map(|index| seal(&mut sealer, source, &rtp(index as u16, b"x")).unwrap())
        .collect();
    let order: Vec<usize> = (0..sealed.len()).map(|at| at ^ 0x3F).collect();
    for at in order.into_iter().filter(|at| *at < 2_000) {
        let mut packet = sealed[at].clone();
        assert!(opener.open_rtp(&mut packet, HEADER).is_ok(), "packet {at}");
        assert_eq!(opener.open_rtp(&mut sealed[at], HEADER), Err(SrtpError::Replayed));
    }
}

#[test]
fn a_wrong_tag_is_refused_and_leaves_no_trace() {
    let mut sealer = sealer(Profile::Aes128Gcm);
    let source = sealer.source(SSRC);
    let mut opener = opener(Profile::Aes128Gcm);
    for sequence in 0..200_u16 {
        let mut forged = rtp(sequence.wrapping_mul(331), &[0; 60]);
        forged[8..12].copy_from_slice(&u32::from(sequence).to_be_bytes());
        assert_eq!(opener.open_rtp(&mut forged, HEADER), Err(SrtpError::WrongTag));
    }
    let sealed = seal(&mut sealer, source, &rtp(9, b"hello")).unwrap();
    for at in 0..sealed.len() {
        // The version bits never reach this function changed; every other bit is authenticated.
        let mut damaged = sealed.clone();
        damaged[at] ^= 0x01;
        assert_eq!(opener.open_rtp(&mut damaged, HEADER), Err(SrtpError::WrongTag), "byte {at}");
    }
    assert!(opener.open_rtp(&mut sealed.clone(), HEADER).is_ok());
    let mut rtcp = seal_rtcp(&mut sealer);
    let last = rtcp.len() - 1;
    rtcp[last] ^= 1;
    assert_eq!(opener.open_rtcp(&mut rtcp), Err(SrtpError::WrongTag));
    rtcp[last] ^= 1;
    assert!(opener.open_rtcp(&mut rtcp.clone()).is_ok());
    assert_eq!(opener.open_rtcp(&mut rtcp), Err(SrtpError::Replayed));
}

#[test]
fn one_packet_index_is_never_sealed_twice() {
    let mut sealer = sealer(Profile::Aes128Gcm);
    let source = sealer.source(SSRC);
    assert!(seal(&mut sealer, source, &rtp(100, b"a")).is_ok());
    assert!(seal(&mut sealer, source, &rtp(102, b"c")).is_ok());
    assert!(seal(&mut sealer, source, &rtp(101, b"b")).is_ok());
    for sequence in [100, 101, 102] {
        assert_eq!(
            seal(&mut sealer, source, &rtp(sequence, b"other")),
            Err(SrtpError::Replayed),
            "sequence {sequence}"
        );
    }
}

#[test]
fn short_packets_are_errors() {
    let mut opener = opener(Profile::Aes128Gcm);
    for len in 0..40 {
        let mut bytes = vec![0x80; len];
        assert!(opener.open_rtp(&mut bytes, HEADER).is_err());
        assert!(opener.open_rtp(&mut bytes, 4).is_err());
        assert!(opener.open_rtcp(&mut bytes).is_err());
    }
}

#[test]
fn sources_are_bounded() {
    let mut sealer = sealer(Profile::Aes128Gcm);
    let mut opener = opener(Profile::Aes128Gcm);
    for ssrc in 0..=MAX_RTP_SOURCES as u32 {
        let source = sealer.source(ssrc);
        let mut plain = rtp(1, b"x");
        plain[8..12].copy_from_slice(&ssrc.to_be_bytes());
        let mut sealed = seal(&mut sealer, source, &plain).unwrap();
        let expected = if ssrc < MAX_RTP_SOURCES as u32 {
            Ok(plain.len())
        } else {
            Err(SrtpError::TooManySources)
        };
        assert_eq!(opener.open_rtp(&mut sealed, HEADER), expected);
    }
}

/// A receiver report without blocks.
const RTCP: [u8; 8] = [0x80, 201, 0, 1, 0xCA, 0xFE, 0xBA, 0xBE];

/// A fixed header and no extension.
const HEADER: usize = 12;

fn rtp(sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&7_u32.to_be_bytes());
    packet.extend_from_slice(&SSRC.to_be_bytes());
    packet.extend_from_slice(payload);
    packet
}

fn keys(profile: Profile) -> (Vec<u8>, [u8; SALT]) {
    ((0..profile.key_len() as u8).collect(), *b"saltsaltsalt")
}

fn sealer(profile: Profile) -> Sealer {
    let (key, salt) = keys(profile);
    Sealer::new(profile, &key, &salt, PROVIDER.crypto()).unwrap()
}

fn opener(profile: Profile) -> Opener {
    let (key, salt) = keys(profile);
    Opener::new(profile, &key, &salt, PROVIDER.crypto()).unwrap()
}

fn oracle(profile: Profile, theirs: ProtectionProfile) -> Context {
    let (key, salt) = keys(profile);
    Context::new(&key, &salt, theirs, None, None, PROVIDER.crypto()).unwrap()
}

fn seal(sealer: &mut Sealer, source: SourceIndex, plain: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut packet = plain.to_vec();
    packet.resize(plain.len() + RTP_OVERHEAD, 0);
    sealer.seal_rtp(source, &mut packet, HEADER)?;
    Ok(packet)
}

fn seal_rtcp(sealer: &mut Sealer) -> Vec<u8> {
    let mut packet = RTCP.to_vec();
    packet.resize(RTCP.len() + RTCP_OVERHEAD, 0);
    sealer.seal_rtcp(&mut packet).unwrap();
    packet
}
