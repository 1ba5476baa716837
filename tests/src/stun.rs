//! Connectivity checks written by hand, good and forged.

use ring::hmac;

/// A binding request (RFC 8489) of a controlling browser that nominates its pair (RFC 8445), with
/// the integrity of `password`. `user` is the receiver's user name, a colon, and the sender's.
pub fn connectivity_check(user: &str, password: &str, transaction: [u8; 12]) -> Vec<u8> {
    let attributes: [(u16, &[u8]); 4] = [
        (USERNAME, user.as_bytes()),
        (PRIORITY, &[0x6e, 0, 1, 0xff]),
        (ICE_CONTROLLING, &[7; 8]),
        (USE_CANDIDATE, &[]),
    ];
    signed_check(&attributes, password, transaction)
}

/// A binding request with these attributes, with integrity and fingerprint behind them.
pub(crate) fn signed_check(
    attributes: &[(u16, &[u8])],
    password: &str,
    transaction: [u8; 12],
) -> Vec<u8> {
    let mut message = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    message.extend(transaction);
    for (kind, value) in attributes {
        add(&mut message, *kind, value);
    }
    sign(&mut message, password.as_bytes());
    set_length(&mut message, FINGERPRINT_BYTES);
    let fingerprint = crc32(&message) ^ 0x5354_554e;
    add(&mut message, FINGERPRINT, &fingerprint.to_be_bytes());
    message
}

/// A request of the long-term mechanism (RFC 8489 section 9.2) with these attributes, signed with
/// the key that user name, realm and password come to.
pub(crate) fn signed_request(method: u16, attributes: &[(u16, &[u8])], key: &[u8]) -> Vec<u8> {
    let mut message = method.to_be_bytes().to_vec();
    message.extend([0, 0, 0x21, 0x12, 0xa4, 0x42]);
    message.extend([9; 12]);
    for (kind, value) in attributes {
        add(&mut message, *kind, value);
    }
    sign(&mut message, key);
    message
}

/// The length covers the attribute that is being computed (RFC 8489 section 14.5).
fn sign(message: &mut Vec<u8>, key: &[u8]) {
    set_length(message, MESSAGE_INTEGRITY_BYTES);
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    let tag = hmac::sign(&key, message);
    add(message, MESSAGE_INTEGRITY, tag.as_ref());
}

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLING: u16 = 0x802a;

/// With its four bytes of type and length.
const MESSAGE_INTEGRITY_BYTES: usize = 24;
/// With its four bytes of type and length.
const FINGERPRINT_BYTES: usize = 8;

fn add(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend(kind.to_be_bytes());
    message.extend((value.len() as u16).to_be_bytes());
    message.extend(value);
    message.resize(message.len().next_multiple_of(4), 0);
    set_length(message, 0);
}

fn set_length(message: &mut [u8], more: usize) {
    let length = (message.len() - 20 + more) as u16;
    message[2..4].copy_from_slice(&length.to_be_bytes());
}

/// CRC-32 as in the FINGERPRINT attribute (RFC 8489 section 14.7).
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}
