//! The loop of one connection: what comes from the browser goes to media, what comes from media
//! waits in a bounded queue until the network takes it.

use std::io;
use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use sfu_core::turn::{MAX_FRAME_BYTES, Reaction};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::Relays;
use super::sockets::Sockets;
use super::wire::{Wire, Wrapped};
use crate::metrics::RelayRefusal;

/// Carries until either side ends it. `inbox` is what was read of the stream already.
pub(super) async fn carry(
    relays: &Relays,
    wire: Wire,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    inbox: BytesMut,
    sockets: Sockets,
) {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let clock = &relays.0.clock;
    let mut now = clock.now();
    let mut carrier = Carrier::new(relays, wire, inbox, sockets, now);
    let mut datagram = [0; MAX_FRAME_BYTES];
    let mut look = pin!(clock.sleep_until(now + LOOK_EVERY));
    while carrier.handle_inbox(now).await {
        carrier.inbox.reserve(MAX_FRAME_BYTES);
        let Carrier { inbox, outbox, sockets, .. } = &mut carrier;
        let may_write = !outbox.bytes.is_empty() || !outbox.is_flushed;
        tokio::select! {
            read = reader.read_buf(inbox) => match read {
                Ok(0) | Err(_) => break,
                Ok(_) => carrier.heard_browser = clock.now(),
            },
            written = outbox.write(&mut writer), if may_write => match written {
                Ok(()) => {}
                Err(_) => break,
            },
            (peer, length) = sockets.receive(&mut datagram) => {
                carrier.handle_media(clock.now(), peer, &datagram[..length]);
            }
            () = &mut look => {
                if carrier.is_over(clock.now()) {
                    break;
                }
                look.set(clock.sleep_until(clock.now() + LOOK_EVERY));
            }
        }
        now = clock.now();
    }
    // The last answer, such as the one to giving the relay up.
    let _ = tokio::time::timeout(LAST_WORDS, carrier.outbox.write_all(&mut writer)).await;
}

struct Carrier<'a> {
    relays: &'a Relays,
    wire: Wire,
    sockets: Sockets,
    inbox: BytesMut,
    outbox: Outbox,
    began: Instant,
    heard_browser: Instant,
    heard_media: Option<Instant>,
    refusals: usize,
}

impl<'a> Carrier<'a> {
    fn new(
        relays: &'a Relays,
        wire: Wire,
        inbox: BytesMut,
        sockets: Sockets,
        now: Instant,
    ) -> Self {
        let outbox = Outbox { bytes: BytesMut::new(), is_flushed: true };
        Self {
            relays,
            wire,
            sockets,
            inbox,
            outbox,
            began: now,
            heard_browser: now,
            heard_media: None,
            refusals: 0,
        }
    }

    /// Does what the whole frames ask for that were read. False when the connection is to end.
    async fn handle_inbox(&mut self, now: Instant) -> bool {
        loop {
            let length = match self.wire.frame_length(&self.inbox) {
                Ok(Some(length)) if length <= self.inbox.len() => length,
                Ok(_) => return true,
                Err(refusal) => {
                    self.relays.refused(refusal);
                    return false;
                }
            };
            let frame = self.inbox.split_to(length);
            let unix = self.relays.0.clock.unix_seconds();
            let refusal = match self.wire.handle_frame(now, unix, &frame) {
                Reaction::Answer(answer) => self.answer(&answer),
                Reaction::Forward(peer, datagram) => self.sockets.send(peer, &datagram).await,
                Reaction::Refused(refusal, answer) => {
                    let said = answer.map_or(Ok(()), |answer| self.answer(&answer));
                    said.and(Err(refusal.into()))
                }
                Reaction::End(answer) => {
                    let _ = self.answer(&answer);
                    return false;
                }
            };
            if let Err(refusal) = refusal {
                self.relays.refused(refusal);
                self.refusals += 1;
                if self.refusals >= MAX_REFUSALS || refusal == RelayRefusal::Full {
                    return false;
                }
            }
        }
    }

    fn answer(&mut self, answer: &[u8]) -> Result<(), RelayRefusal> {
        if self.outbox.bytes.len() + answer.len() > MAX_OUTBOX_BYTES {
            return Err(RelayRefusal::Malformed);
        }
        self.outbox.bytes.extend_from_slice(answer);
        Ok(())
    }

    fn handle_media(&mut self, now: Instant, peer: usize, datagram: &[u8]) {
        self.heard_media = Some(now);
        let out = &mut self.outbox.bytes;
        match self.wire.wrap(now, peer, datagram, out, MAX_OUTBOX_BYTES) {
            Wrapped::Added | Wrapped::Unwanted => {}
            // Media that is late is worth nothing; what is lost is asked for again.
            Wrapped::NoRoom => self.relays.0.metrics.relay_datagrams_dropped.add_one(),
        }
    }

    /// Looks whether anybody still needs the connection.
    fn is_over(&self, now: Instant) -> bool {
        let silent = |heard: Instant| now.saturating_duration_since(heard) >= SILENCE;
        let is_admitted = self.wire.is_admitted(self.heard_media.is_some());
        if !is_admitted && now.saturating_duration_since(self.began) >= ADMISSION {
            self.relays.refused(RelayRefusal::Silent);
            return true;
        }
        let heard_media = self.heard_media.unwrap_or(self.began);
        silent(self.heard_browser) || silent(heard_media) || self.wire.is_over(now)
    }
}

/// What waits for the network.
struct Outbox {
    bytes: BytesMut,
    is_flushed: bool,
}

impl Outbox {
    /// Hands over what the network takes now. Safe to drop half-way.
    async fn write(&mut self, writer: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        if self.bytes.is_empty() {
            writer.flush().await?;
            self.is_flushed = true;
            return Ok(());
        }
        let written = writer.write(&self.bytes).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.bytes.advance(written);
        self.is_flushed = false;
        Ok(())
    }

    async fn write_all(&mut self, writer: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        while !self.bytes.is_empty() || !self.is_flushed {
            self.write(writer).await?;
        }
        writer.shutdown().await
    }
}

/// Bytes that wait for the network: a fifth of a second of a class's pictures. More makes media
/// late where the network is slow; less drops packets of a key frame.
const MAX_OUTBOX_BYTES: usize = 64 * 1024;

/// How often is looked whether the connection is still needed.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Silence of either side that ends it: a living path is checked every few seconds. Longer keeps
/// what nobody uses; shorter cuts who was suspended for a moment.
const SILENCE: Duration = Duration::from_secs(30);

/// Time for a browser to show that it has a place here: by a good credential, or by a check that
/// media answers.
const ADMISSION: Duration = Duration::from_secs(10);

/// Refusals after which the connection is closed: a browser has one or two.
const MAX_REFUSALS: usize = 64;

/// Time for the last answer.
const LAST_WORDS: Duration = Duration::from_secs(1);
