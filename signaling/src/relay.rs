//! Media for browsers without a path for UDP, on the port of the pages: ICE over TCP (RFC 6544) and
//! TURN over TLS (RFC 8656). Each such connection has UDP sockets of its own on this machine, joined
//! to the media port, so that to the media plane it is an address like any other. Nothing else can
//! be reached through it.

mod carry;
mod sockets;
mod wire;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::BytesMut;
use protocol::{Redacted, RelayAccess};
use sfu_core::is_connectivity_check;
use sfu_core::turn::{MAX_FRAME_BYTES, Relay, RelayKey};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;

use self::carry::carry;
use self::sockets::Sockets;
use self::wire::Wire;
use crate::clock::Clock;
use crate::limits::Gate;
use crate::metrics::{Metrics, RelayRefusal};
use crate::secret;

/// What all relays of a server share. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Relays(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    metrics: Arc<Metrics>,
    key: RelayKey,
    media: SocketAddr,
    peers: RwLock<Vec<SocketAddr>>,
    sockets: Gate,
}

impl Relays {
    /// To the media port bound at `media`, which browsers know by `peers`. `sockets` bounds the UDP
    /// sockets, in all and for each network.
    pub(crate) fn new(
        clock: Clock,
        metrics: Arc<Metrics>,
        media: SocketAddr,
        peers: Vec<SocketAddr>,
        sockets: Gate,
    ) -> Self {
        let is_everywhere = media.ip().is_unspecified();
        let address = if is_everywhere { Ipv4Addr::LOCALHOST.into() } else { media.ip() };
        let media = SocketAddr::new(address, media.port());
        let key = RelayKey::new(Redacted::new(secret::random()));
        let peers = RwLock::new(peers);
        Self(Arc::new(Inner { clock, metrics, key, media, peers, sockets }))
    }

    /// Has new connections reach the media port by these addresses; those there are keep theirs.
    pub(crate) fn set_peers(&self, peers: Vec<SocketAddr>) {
        *self.0.peers.write().unwrap_or_else(PoisonError::into_inner) = peers;
    }

    /// A fresh credential for the relay.
    pub(crate) fn access(&self) -> RelayAccess {
        let expires = self.0.clock.unix_seconds() + ACCESS_SECONDS;
        let credential = self.0.key.credential(expires, secret::random());
        RelayAccess { username: credential.username, password: credential.password }
    }

    /// UDP sockets of relays.
    pub(crate) fn open(&self) -> usize {
        self.0.sockets.open()
    }

    /// Counts a connection that is none of any kind.
    pub(crate) fn refuse_unknown(&self) {
        self.refused(RelayRefusal::Unknown);
    }

    /// Serves a connection that begins with framed datagrams (RFC 4571), until it ends. The first
    /// of them has to be a connectivity check.
    pub(crate) async fn serve_framed(&self, mut socket: TcpStream, from: SocketAddr) {
        let deadline = self.0.clock.now() + FIRST_FRAME;
        let mut inbox = BytesMut::with_capacity(MAX_FRAME_BYTES);
        let first = tokio::select! {
            first = read_frame(&mut socket, &mut inbox) => first,
            () = self.0.clock.sleep_until(deadline) => Err(RelayRefusal::Silent),
        };
        let first = first.and_then(|frame| match is_connectivity_check(&inbox[2..frame]) {
            true => Ok(()),
            false => Err(RelayRefusal::Malformed),
        });
        if let Err(refusal) = first {
            return self.refused(refusal);
        }
        keep_little_unsent(&socket);
        self.0.metrics.relays_ice_tcp.add_one();
        let sockets = Sockets::new(self.0.media, self.0.sockets.clone(), from.ip());
        carry(self, Wire::Framed, socket, inbox, sockets).await;
    }

    /// Serves a connection on which TURN is spoken, within TLS, until it ends.
    pub(crate) async fn serve_turn(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        from: SocketAddr,
    ) {
        self.0.metrics.relays_turn.add_one();
        let key = self.0.key.clone();
        let relay = {
            let peers = self.0.peers.read().unwrap_or_else(PoisonError::into_inner);
            Relay::new(key, from, &peers, secret::random())
        };
        let sockets = Sockets::new(self.0.media, self.0.sockets.clone(), from.ip());
        let inbox = BytesMut::with_capacity(MAX_FRAME_BYTES);
        carry(self, Wire::Turn(Box::new(relay)), stream, inbox, sockets).await;
    }

    fn refused(&self, refusal: RelayRefusal) {
        self.0.metrics.relay_refused(refusal);
    }
}

/// Reads until the first frame is complete; gives its length.
async fn read_frame(socket: &mut TcpStream, inbox: &mut BytesMut) -> Result<usize, RelayRefusal> {
    loop {
        if let Some(length) = frame_length(inbox)?
            && inbox.len() >= length
        {
            return Ok(length);
        }
        match socket.read_buf(inbox).await {
            Ok(0) | Err(_) => return Err(RelayRefusal::Silent),
            Ok(_) => {}
        }
    }
}

/// How many bytes the frame has that a stream of datagrams begins with; `None` while that cannot be told.
pub(crate) fn frame_length(start: &[u8]) -> Result<Option<usize>, RelayRefusal> {
    Wire::Framed.frame_length(start)
}

/// Keeps what the network does not take yet in the relay, where it is bounded by what is still
/// worth sending, and not in the system.
pub(crate) fn keep_little_unsent(socket: &TcpStream) {
    // Without it late packets only wait longer.
    let _ = SockRef::from(socket).set_tcp_notsent_lowat(UNSENT_BYTES);
}

/// The addresses of media; port 0 of them is the one that was bound.
pub(crate) fn peers(public: &[SocketAddr], media: SocketAddr) -> Vec<SocketAddr> {
    let port = |port| if port == 0 { media.port() } else { port };
    public.iter().map(|address| SocketAddr::new(address.ip(), port(address.port()))).collect()
}

/// How long a credential is good to begin with: a school day, as a session's token. Longer lets one
/// that was copied be used for longer, for what anybody can do who sends to the media port.
const ACCESS_SECONDS: u64 = 12 * 3600;

/// Time for the first frame. Longer lets silent connections take places for longer; shorter fails
/// slow networks.
const FIRST_FRAME: Duration = Duration::from_secs(5);

/// Bytes the system keeps that were not sent yet. More makes media late where the network is slow.
const UNSENT_BYTES: u32 = 16 * 1024;

/// UDP sockets of relays, in all: one for each connection over TCP, and one for each address that
/// a browser tries through TURN.
pub(crate) const MAX_SOCKETS: usize = 4096;
/// The same for one network: a large school behind one address that lets no UDP out.
pub(crate) const MAX_SOCKETS_PER_ADDRESS: usize = 2048;

#[cfg(test)]
mod tests;
