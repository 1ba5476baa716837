//! Bytes that reach the socket of the media plane.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use protocol::{ParticipantId, Redacted, TrackSource};
use sfu_core::{
    Command, DtlsIdentity, Event, Frames, NegotiationId, Path, RoomId, Settings, Sfu, Stats,
};

use super::media::mid;
use crate::stun::{connectivity_check, signed_check};

/// Datagrams to a server with two participants of one room. Each step is a length, where the
/// datagram comes from, and its bytes; some steps are checks that the target completes with the
/// right password, so that what follows them reaches the handshake.
pub fn datagram(data: &[u8]) {
    let mut server = Server::new();
    for (kind, bytes) in steps(data) {
        match (kind >> 2) & 7 {
            0 => server.wait(bytes),
            1 => server.receive(kind, server.check(usize::from(kind & 1), bytes), MOST_ANSWERED),
            _ => server.receive(kind, bytes.to_vec(), MOST_ANSWERED),
        }
    }
    server.assert_unmoved();
}

/// Checks with any attributes, most of them signed with a participant's password: whatever they
/// say, the answer is about as long as the question.
pub fn stun(data: &[u8]) {
    let mut server = Server::new();
    for (kind, bytes) in steps(data) {
        let (user, password) = &server.credentials[usize::from(kind >> 2 & 1)];
        let checked = match kind >> 3 & 7 {
            0 => {
                server.wait(bytes);
                continue;
            }
            1 => bytes.to_vec(),
            2 => signed_check(&attributes(bytes), password, transaction(bytes)),
            _ => {
                let user = format!("{user}:theirs");
                let mut attributes = attributes(bytes);
                attributes.insert(
                    usize::from(kind & 0x40 != 0 && !attributes.is_empty()),
                    (6, user.as_bytes()),
                );
                signed_check(&attributes, password, transaction(bytes))
            }
        };
        server.receive(kind, checked, 64);
    }
    server.assert_unmoved();
}

/// Attributes of a message, each after its type and length.
fn attributes(mut bytes: &[u8]) -> Vec<(u16, &[u8])> {
    let mut attributes = vec![];
    while let Some((&[high, low, length], tail)) = bytes.split_first_chunk::<3>() {
        let (value, tail) = tail.split_at(usize::from(length).min(tail.len()));
        attributes.push((u16::from_be_bytes([high, low]), value));
        bytes = tail;
    }
    attributes
}

/// Records of a handshake from an address that passed a check, cut into fragments and put together
/// in any way: numbers and lengths fit where a step does not say otherwise.
pub fn handshake(data: &[u8]) {
    let mut server = Server::new();
    server.receive(0, server.check(0, &[1]), MOST_ANSWERED);
    let mut sequence = 0_u64;
    for (kind, bytes) in steps(data) {
        sequence += 1;
        let datagram = match kind & 7 {
            0 => {
                server.wait(bytes);
                continue;
            }
            1 => bytes.to_vec(),
            2 => record(20, [0, 0], sequence, bytes),
            3 => record(HANDSHAKE, [0, 1], sequence, bytes),
            4 => record(bytes.first().copied().unwrap_or(0), [0, 0], sequence, bytes),
            _ => {
                let Some((&[message, number, total, offset], body)) =
                    bytes.split_first_chunk::<4>()
                else {
                    continue;
                };
                let total = u32::from(total) * if kind & 0x40 == 0 { 1 } else { 64 };
                let fragment = fragment(message, number, total, u32::from(offset), body);
                record(HANDSHAKE, [0, 0], sequence, &fragment)
            }
        };
        server.receive(0, datagram, MOST_ANSWERED);
    }
    server.assert_unmoved();
}

/// A record of DTLS 1.2 (RFC 6347 section 4.1).
fn record(content: u8, epoch: [u8; 2], sequence: u64, body: &[u8]) -> Vec<u8> {
    let mut record = vec![content, 0xfe, 0xfd, epoch[0], epoch[1]];
    record.extend_from_slice(&sequence.to_be_bytes()[2..]);
    record.extend_from_slice(&(body.len() as u16).to_be_bytes());
    record.extend_from_slice(body);
    record
}

/// A part of a handshake message (RFC 6347 section 4.2.2). A total of 0 stands for the part's own
/// length.
fn fragment(message: u8, number: u8, total: u32, offset: u32, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_be_bytes();
    let total = if total == 0 { length } else { total.to_be_bytes() };
    let mut fragment = vec![message];
    fragment.extend_from_slice(&total[1..]);
    fragment.extend_from_slice(&[0, number]);
    fragment.extend_from_slice(&offset.to_be_bytes()[1..]);
    fragment.extend_from_slice(&length[1..]);
    fragment.extend_from_slice(body);
    fragment
}

/// The content type of handshake messages.
const HANDSHAKE: u8 = 22;

/// A core with two participants whose offers were answered, and the way to check as each.
struct Server {
    sfu: Sfu,
    now: Instant,
    /// User name and password of each participant's transport.
    credentials: Vec<(String, String)>,
}

impl Server {
    fn new() -> Self {
        thread_local! {
            // Making a certificate takes far longer than a fuzz run.
            static IDENTITY: DtlsIdentity =
                DtlsIdentity::generate().expect("a certificate can be made");
        }
        let settings = Settings {
            identity: IDENTITY.with(Clone::clone),
            candidates: vec![SocketAddr::from(([192, 0, 2, 1], 8443))],
            tcp_port: None,
            worker: 0,
            max_voices: 12,
            scalable: None,
            seed: [7; 32],
        };
        let mut server =
            Self { sfu: Sfu::new(settings), now: Instant::now(), credentials: Vec::new() };
        for number in 0..2 {
            let participant = ParticipantId::from_bytes([number; 8]);
            let room = RoomId(1);
            server.sfu.handle_command(
                server.now,
                Command::AddTransport { participant, room, frames: Frames::Clear },
            );
            let negotiate = Command::Negotiate {
                participant,
                negotiation: NegotiationId(1),
                offer: Redacted::new(OFFER.to_owned()),
                publish: vec![(mid("0"), TrackSource::Microphone)],
            };
            server.sfu.handle_command(server.now, negotiate);
            let Some(Event::Negotiated { answer, .. }) = server.sfu.poll_output() else {
                panic!("the offer is good");
            };
            let value = |name: &str| {
                let line = answer.expose().lines().find_map(|line| line.strip_prefix(name));
                line.expect("an answer has credentials").to_owned()
            };
            server.credentials.push((value("a=ice-ufrag:"), value("a=ice-pwd:")));
        }
        server
    }

    /// Time passes: 20 ms for each unit of each byte.
    fn wait(&mut self, bytes: &[u8]) {
        let milliseconds = bytes.iter().map(|byte| u64::from(*byte) * 20).sum();
        self.now += Duration::from_millis(milliseconds);
        self.sfu.handle_timeout(self.now);
        self.drain(MOST_ANSWERED);
    }

    /// A good check of one of the two participants.
    fn check(&self, who: usize, bytes: &[u8]) -> Vec<u8> {
        let (user, password) = &self.credentials[who];
        connectivity_check(&format!("{user}:theirs"), password, transaction(bytes))
    }

    /// Takes in a datagram from one of four addresses; `more` bytes than it has may be answered.
    fn receive(&mut self, from: u8, mut bytes: Vec<u8>, more: usize) {
        let length = bytes.len();
        let remote = SocketAddr::from(([198, 51, 100, from & 3], 5_000));
        self.sfu.handle_datagram(self.now, Path { remote, local: None }, &mut bytes);
        self.drain(length + more);
    }

    /// Takes what the core sends, which is at most so much.
    fn drain(&mut self, most: usize) {
        while let Some(egress) = self.sfu.poll_egress(self.now) {
            let sent: usize = egress.transmits().map(|transmit| transmit.bytes.len()).sum();
            assert!(sent <= most, "{sent} bytes where {most} may be");
        }
        while self.sfu.poll_output().is_some() {}
    }

    /// Nobody has joined, left or been heard.
    fn assert_unmoved(&self) {
        let Stats { transports, rooms, packets_out, .. } = self.sfu.stats();
        assert_eq!((transports, rooms), (2, 1), "nobody joins by datagrams");
        assert_eq!(packets_out, 0, "nobody has keys");
    }
}

/// The steps of an input: a kind, a length (six times that where the kind says so), and so many
/// bytes.
fn steps(mut data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (&[kind, length], tail) = data.split_first_chunk::<2>()?;
        let length = usize::from(length) * if kind & 0x80 == 0 { 1 } else { 6 };
        let (bytes, tail) = tail.split_at(length.min(tail.len()));
        data = tail;
        Some((kind, bytes))
    })
}

fn transaction(bytes: &[u8]) -> [u8; 12] {
    let mut transaction = [0; 12];
    let length = bytes.len().min(12);
    transaction[..length].copy_from_slice(&bytes[..length]);
    transaction
}

/// A flight of the handshake with its certificate, or the answer to a check.
const MOST_ANSWERED: usize = 4_096;

/// One sending section and one slot.
const OFFER: &str = concat!(
    "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n",
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n",
    "a=ice-ufrag:theirs\r\na=ice-pwd:0123456789abcdef01234567\r\n",
    "a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:",
    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n",
    "a=setup:actpass\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n",
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n",
    "a=ice-ufrag:theirs\r\na=ice-pwd:0123456789abcdef01234567\r\n",
    "a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:",
    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n",
    "a=setup:actpass\r\na=mid:1\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n",
);
