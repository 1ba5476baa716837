//! The UDP sockets of one connection: one for each address under which the browser knows media, so
//! that answers are known to come from there. Opened when first used; each can reach the media port
//! alone.

use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::task::Poll;

use tokio::io::ReadBuf;
use tokio::net::UdpSocket;

use crate::limits::{Gate, Pass};
use crate::metrics::RelayRefusal;

/// See the module's description.
#[derive(Debug)]
pub(super) struct Sockets {
    media: SocketAddr,
    gate: Gate,
    network: IpAddr,
    open: Vec<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    socket: UdpSocket,
    /// Counted for as long as it is open.
    _pass: Pass,
}

impl Sockets {
    /// None yet. They are counted by `gate`, as those of whoever came from `network`.
    pub(super) fn new(media: SocketAddr, gate: Gate, network: IpAddr) -> Self {
        Self { media, gate, network, open: vec![] }
    }

    /// Sends to media, as one who sends to the address of this number.
    pub(super) async fn send(&mut self, peer: usize, datagram: &[u8]) -> Result<(), RelayRefusal> {
        if self.open.len() <= peer {
            self.open.resize_with(peer + 1, || None);
        }
        if self.open[peer].is_none() {
            self.open[peer] = Some(self.join().await?);
        }
        if let Some(open) = &self.open[peer] {
            // Media that is about to stop answers with an error, which says nothing of this datagram.
            let _ = open.socket.send(datagram).await;
        }
        Ok(())
    }

    /// The next datagram from media: through which socket, and how long. Safe to drop half-way.
    pub(super) async fn receive(&self, datagram: &mut [u8]) -> (usize, usize) {
        poll_fn(|context| {
            for (peer, open) in self.open.iter().enumerate() {
                let Some(open) = open else { continue };
                for _ in 0..MAX_ERRORS {
                    let mut buffer = ReadBuf::new(datagram);
                    match open.socket.poll_recv(context, &mut buffer) {
                        Poll::Ready(Ok(())) => return Poll::Ready((peer, buffer.filled().len())),
                        Poll::Ready(Err(_)) => {}
                        Poll::Pending => break,
                    }
                }
            }
            Poll::Pending
        })
        .await
    }

    async fn join(&self) -> Result<Open, RelayRefusal> {
        let pass = self.gate.enter(self.network).ok_or(RelayRefusal::Full)?;
        let here = SocketAddr::new(self.media.ip(), 0);
        let socket = UdpSocket::bind(here).await.map_err(|_| RelayRefusal::Full)?;
        socket.connect(self.media).await.map_err(|_| RelayRefusal::Full)?;
        Ok(Open { socket, _pass: pass })
    }
}

/// Errors of one socket that are passed over at a time: each belongs to something sent earlier.
const MAX_ERRORS: usize = 8;
