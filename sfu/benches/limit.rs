//! The least that forwarding can cost on this machine: seal the same bytes with the same cipher,
//! and hand them to the system in the same bursts, as cheaply as it takes them.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use quinn_udp::{Transmit, UdpSockRef, UdpSocketState};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::cpu::Thread;

/// What is sent at once, and how often.
#[derive(Clone, Debug)]
pub struct Burst {
    /// UDP payloads of one burst to one receiver, in bytes, in order.
    pub datagrams: Vec<usize>,
    /// From one burst to the next.
    pub interval: Duration,
}

/// A sender and its receivers.
#[derive(Debug)]
pub struct Limit {
    socket: UdpSocket,
    state: UdpSocketState,
    receivers: Vec<(SocketAddr, LessSafeKey)>,
    is_over: Arc<AtomicBool>,
    drain: Option<JoinHandle<()>>,
}

impl Limit {
    /// Sends to `receivers` sockets on loopback, which another thread empties.
    ///
    /// # Errors
    ///
    /// When sockets are short.
    pub fn new(receivers: usize) -> io::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let sinks: io::Result<Vec<_>> =
            (0..receivers).map(|_| UdpSocket::bind("127.0.0.1:0")).collect();
        let sinks = sinks?;
        let key = || UnboundKey::new(&AES_128_GCM, &[7; 16]).expect("16 bytes are a key");
        let to = sinks
            .iter()
            .map(|sink| Ok((sink.local_addr()?, LessSafeKey::new(key()))))
            .collect::<io::Result<_>>()?;
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let drain = std::thread::spawn(move || {
            let mut bytes = [0; 2_048];
            for sink in &sinks {
                // Without it the thread below would wait for ever on the first one.
                let _ = sink.set_nonblocking(true);
            }
            while !over.load(Ordering::Relaxed) {
                for sink in &sinks {
                    while sink.recv(&mut bytes).is_ok() {}
                }
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        Ok(Self { socket, state, receivers: to, is_over, drain: Some(drain) })
    }

    /// Sends bursts for `duration`; gives nanoseconds of processor time for each datagram.
    pub fn measure(&self, burst: &Burst, duration: Duration) -> Option<f64> {
        let thread = Thread::current()?;
        let mut bytes = vec![0x5a; burst.datagrams.iter().sum()];
        let mut sent = 0;
        let mut number = 0_u64;
        let begin = Instant::now();
        let before = thread.nanoseconds()?;
        let datagrams = burst.datagrams.len() * self.receivers.len();
        // Sleeping and waking cost as much as sending a few datagrams, and are no part of it.
        let bursts = (DATAGRAMS_AWAKE / datagrams).max(1) as u32;
        while begin.elapsed() < duration {
            for _ in 0..bursts {
                for (to, key) in &self.receivers {
                    let mut rest = &mut bytes[..];
                    for datagram in &burst.datagrams {
                        let (packet, behind) = rest.split_at_mut(*datagram);
                        rest = behind;
                        seal(key, number, packet);
                        number += 1;
                    }
                    sent += self.send(*to, burst, &bytes);
                }
            }
            std::thread::sleep(burst.interval * bursts);
        }
        Some((thread.nanoseconds()? - before) as f64 / sent as f64)
    }

    /// Sends one burst in runs of one size, of which only the last datagram may be shorter.
    fn send(&self, to: SocketAddr, burst: &Burst, bytes: &[u8]) -> usize {
        let mut sent = 0;
        let mut at = 0;
        let mut datagrams = &burst.datagrams[..];
        while let Some(&segment) = datagrams.first() {
            let full = datagrams.iter().take_while(|len| **len == segment).count();
            let shorter = usize::from(datagrams.get(full).is_some_and(|len| *len < segment));
            let count = (full + shorter).min(self.state.max_gso_segments().max(1));
            let len: usize = datagrams[..count].iter().sum();
            let transmit = Transmit {
                destination: to,
                ecn: None,
                contents: &bytes[at..at + len],
                segment_size: (count > 1).then_some(segment),
                src_ip: None,
            };
            if self.state.try_send(UdpSockRef::from(&self.socket), &transmit).is_ok() {
                sent += count;
            }
            at += len;
            datagrams = &datagrams[count..];
        }
        sent
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(drain) = self.drain.take() {
            let _ = drain.join();
        }
    }
}

/// An RTP packet as RFC 7714 seals it: the header is authenticated, the payload encrypted.
fn seal(key: &LessSafeKey, number: u64, packet: &mut [u8]) {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    let (header, rest) = packet.split_at_mut(HEADER);
    let (payload, tag) = rest.split_at_mut(rest.len() - AES_128_GCM.tag_len());
    let nonce = Nonce::assume_unique_for_key(nonce);
    let sealed = key.seal_in_place_separate_tag(nonce, Aad::from(&header), payload);
    tag.copy_from_slice(sealed.expect("a packet is shorter than any limit").as_ref());
}

/// Datagrams sent between two sleeps. Raised, the receivers' buffers overflow; lowered, waking up
/// counts as sending.
const DATAGRAMS_AWAKE: usize = 400;

/// A header of RTP with the extensions that Préau writes.
const HEADER: usize = 28;
