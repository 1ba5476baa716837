//! Bytes that reach the relay, within TLS.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use sfu_core::turn::{MAX_FRAME_BYTES, MAX_OVERHEAD_BYTES, Reaction, Relay, RelayKey};

use crate::stun::signed_request;

/// One connection to the relay. Each step is a kind, a length and bytes: bytes as they come, a
/// request that the target completes with a good credential (so that what is behind it is reached),
/// a datagram of media, or time that passes. Nothing is ever forwarded for who has no relay, and
/// nothing to an address that is not there.
pub fn turn(data: &[u8]) {
    let mut now = Instant::now();
    let mut relay = relay();
    let mut rest = data;
    while let Some((&[kind, length], tail)) = rest.split_first_chunk::<2>() {
        let (bytes, tail) = tail.split_at(usize::from(length).min(tail.len()));
        rest = tail;
        match kind % 4 {
            0 => stream(&mut relay, now, bytes),
            1 => stream(&mut relay, now, &request(bytes)),
            2 => {
                let mut out = BytesMut::new();
                let peer = usize::from(kind >> 2);
                if relay.wrap(now, peer, bytes, &mut out) {
                    assert!(relay.is_allocated() && peer < PEERS.len());
                    assert!((bytes.len()..=bytes.len() + MAX_OVERHEAD_BYTES).contains(&out.len()));
                    assert_eq!(Relay::frame_length(&out), Ok(Some(out.len())));
                } else {
                    assert!(out.is_empty(), "nothing of it, rather than a part");
                }
            }
            _ => now += Duration::from_secs(u64::from(length)),
        }
    }
}

/// Takes bytes apart into messages, as the server does.
fn stream(relay: &mut Relay, now: Instant, mut bytes: &[u8]) {
    while let Ok(Some(length)) = Relay::frame_length(bytes) {
        assert!((4..=MAX_FRAME_BYTES).contains(&length));
        let Some((frame, tail)) = bytes.split_at_checked(length) else { return };
        bytes = tail;
        match relay.handle_frame(now, UNIX, frame) {
            Reaction::Forward(peer, datagram) => {
                assert!(datagram.len() <= frame.len());
                assert!(relay.is_allocated() && peer < PEERS.len());
            }
            Reaction::Answer(answer)
            | Reaction::Refused(_, Some(answer))
            | Reaction::End(answer) => {
                assert_eq!(Relay::frame_length(&answer), Ok(Some(answer.len())));
            }
            Reaction::Refused(_, None) => {}
        }
    }
}

/// A request of this method (two bytes) with these attributes, each a kind, a length and a value.
fn request(bytes: &[u8]) -> Vec<u8> {
    let Some((&[high, low], mut rest)) = bytes.split_first_chunk::<2>() else { return vec![] };
    let mut attributes = vec![];
    while let Some((&[a, b, length], tail)) = rest.split_first_chunk::<3>() {
        let (value, tail) = tail.split_at(usize::from(length).min(tail.len()));
        attributes.push((u16::from_be_bytes([a, b]), value));
        rest = tail;
    }
    attributes.extend([(0x0006, USERNAME), (0x0014, b"preau"), (0x0015, NONCE)]);
    signed_request(u16::from_be_bytes([high, low]), &attributes, &KEY)
}

fn relay() -> Relay {
    let peers = PEERS.map(SocketAddr::from);
    Relay::new(
        RelayKey::new([7; 32].into()),
        SocketAddr::from(([198, 51, 100, 7], 5)),
        &peers,
        [3; 16],
    )
}

const PEERS: [([u8; 4], u16); 2] = [([192, 0, 2, 9], 8443), ([192, 0, 2, 10], 8443)];
const UNIX: u64 = 1_800_000_000;
const USERNAME: &[u8] = b"1800000060:0101010101010101";
const NONCE: &[u8] = b"03030303030303030303030303030303";
/// What the user name, the realm and the password that follows from `[7; 32]` come to (RFC 8489
/// section 9.2.2): MD5 is nowhere at hand here.
const KEY: [u8; 16] = [
    0x1e, 0x6c, 0x55, 0xfb, 0xde, 0xa9, 0x8c, 0xdf, 0xbe, 0x35, 0x72, 0x8b, 0x14, 0xd7, 0x22, 0x8f,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_credential_of_the_target_is_a_good_one() {
        let mut relay = relay();
        let allocate = [0, 3, 0, 0x19, 4, 17, 0, 0, 0];
        stream(&mut relay, Instant::now(), &request(&allocate));
        assert!(relay.is_allocated());
    }
}
