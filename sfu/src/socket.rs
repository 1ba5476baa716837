//! The UDP socket: bind, batched receive, batched send, address family details.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use mio::net::UdpSocket;
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use sfu_core::Path;
use socket2::{Domain, Protocol, Socket, Type};

/// A bound UDP socket with the buffers of one receive batch.
#[derive(Debug)]
pub(crate) struct MediaSocket {
    sender: Sender,
    buffers: Vec<Vec<u8>>,
    metas: Vec<RecvMeta>,
}

/// The socket without its receive buffers: what is needed to send while a batch is being read.
#[derive(Debug)]
pub(crate) struct Sender {
    socket: UdpSocket,
    state: UdpSocketState,
    local_addr: SocketAddr,
}

impl MediaSocket {
    /// Binds `listen`. `[::]` takes IPv4 too, and falls back to `0.0.0.0` on a machine without
    /// IPv6.
    pub(crate) fn bind(listen: SocketAddr) -> io::Result<Self> {
        let socket = match bind_one(listen, false) {
            Err(error)
                if listen.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED)
                    && error.kind() != io::ErrorKind::AddrInUse =>
            {
                bind_one(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), listen.port()), false)?
            }
            other => other?,
        };
        Self::of(socket)
    }

    /// Binds `count` sockets to one port, among which the system spreads what comes by its
    /// addresses.
    pub(crate) fn bind_shared(listen: SocketAddr, count: usize) -> io::Result<Vec<Self>> {
        if count <= 1 {
            return Ok(vec![Self::bind(listen)?]);
        }
        // A port that somebody else has would be shared with them as well: only a socket of its
        // own finds out.
        let bound = Self::bind(listen)?.local_addr();
        (0..count).map(|_| Self::of(bind_one(bound, true)?)).collect()
    }

    fn of(socket: Socket) -> io::Result<Self> {
        let socket = std::net::UdpSocket::from(socket);
        let local_addr = socket.local_addr()?;
        let socket = UdpSocket::from_std(socket);
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        // The system caps these at its own limit; less only means more loss under bursts.
        let _ = state.set_recv_buffer_size(UdpSockRef::from(&socket), SOCKET_BUFFER_BYTES);
        let _ = state.set_send_buffer_size(UdpSockRef::from(&socket), SOCKET_BUFFER_BYTES);
        let buffer_bytes = MAX_DATAGRAM_BYTES.max(state.gro_segments() * GRO_SEGMENT_BYTES);
        Ok(Self {
            sender: Sender { socket, state, local_addr },
            buffers: vec![vec![0; buffer_bytes]; BATCH_SIZE],
            metas: vec![RecvMeta::default(); BATCH_SIZE],
        })
    }

    /// The address that was bound.
    pub(crate) const fn local_addr(&self) -> SocketAddr {
        self.sender.local_addr
    }

    /// For registration with the poller.
    pub(crate) const fn source(&mut self) -> &mut UdpSocket {
        &mut self.sender.socket
    }

    /// For sending outside of a batch.
    pub(crate) const fn sender(&self) -> &Sender {
        &self.sender
    }

    /// Receives what has come, at most one batch, and hands over each datagram. Returns whether more
    /// may wait: a batch that is not full took all there was.
    pub(crate) fn receive_batch(
        &mut self,
        mut each: impl FnMut(&Sender, Path, &mut [u8]),
    ) -> io::Result<bool> {
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] = {
            let mut buffers = self.buffers.iter_mut();
            std::array::from_fn(|_| {
                IoSliceMut::new(buffers.next().expect("one buffer per message of a batch"))
            })
        };
        let socket = UdpSockRef::from(&self.sender.socket);
        let messages = match self.sender.state.recv(socket, &mut slices, &mut self.metas) {
            Ok(messages) => messages,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        };
        for (buffer, meta) in self.buffers.iter_mut().zip(&self.metas).take(messages) {
            let path = Path {
                remote: canonical(meta.addr),
                local: meta.dst_ip.map(|ip| ip.to_canonical()),
            };
            for datagram in buffer[..meta.len].chunks_mut(meta.stride.max(1)) {
                each(&self.sender, path, datagram);
            }
        }
        Ok(messages == BATCH_SIZE)
    }
}

impl Sender {
    /// Sends `contents`, cut into datagrams of `segment_size` (the last may be shorter), with
    /// segmentation offload where the system has it. Returns how many datagrams the system did
    /// not take.
    pub(crate) fn send(&self, path: Path, segment_size: usize, contents: &[u8]) -> usize {
        let segment_size = segment_size.max(1);
        let per_call = self.state.max_gso_segments().min(MAX_DATAGRAM_BYTES / segment_size).max(1);
        send_in_parts(contents, segment_size, per_call, |part| {
            self.send_part(path, segment_size, part)
        })
    }

    fn send_part(&self, path: Path, segment_size: usize, contents: &[u8]) -> io::Result<()> {
        let transmit = Transmit {
            destination: self.in_family(path.remote),
            ecn: None,
            contents,
            segment_size: (contents.len() > segment_size).then_some(segment_size),
            src_ip: path.local.map(|ip| self.in_family(SocketAddr::new(ip, 0)).ip()),
        };
        self.state.try_send(UdpSockRef::from(&self.socket), &transmit)
    }

    /// An IPv6 socket speaks of IPv4 addresses in mapped form (RFC 4291 section 2.5.5.2).
    fn in_family(&self, address: SocketAddr) -> SocketAddr {
        match (self.local_addr, address) {
            (SocketAddr::V6(_), SocketAddr::V4(v4)) => {
                SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port())
            }
            (SocketAddr::V4(_) | SocketAddr::V6(_), other) => other,
        }
    }
}

/// Sends `contents` in parts of `per_call` segments. Where a part of several is refused, since the
/// system or this route has no offload, its datagrams go one by one. Returns how many did not go.
fn send_in_parts(
    contents: &[u8],
    segment_size: usize,
    per_call: usize,
    mut send: impl FnMut(&[u8]) -> io::Result<()>,
) -> usize {
    let mut refused = 0;
    for part in contents.chunks(per_call * segment_size) {
        if send(part).is_ok() {
            continue;
        }
        refused += if part.len() > segment_size {
            part.chunks(segment_size).filter(|datagram| send(datagram).is_err()).count()
        } else {
            1
        };
    }
    refused
}

fn bind_one(listen: SocketAddr, is_shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(listen), Type::DGRAM, Some(Protocol::UDP))?;
    if listen.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_port(is_shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&listen.into())?;
    Ok(socket)
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Largest UDP payload, and so the largest segmented send. Fixed by the 16-bit length of UDP.
const MAX_DATAGRAM_BYTES: usize = 65_507;

/// Room for one datagram of a merged receive. Smaller could cut a datagram of an Ethernet path.
const GRO_SEGMENT_BYTES: usize = 1_500;

/// Wanted socket buffers, each way: about 30 ms of 1 Gbit/s. Smaller loses packets when a burst
/// meets a late wake-up; larger only adds delay under overload.
pub const SOCKET_BUFFER_BYTES: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn receive(socket: &mut MediaSocket, wanted: usize) -> Vec<(Path, Vec<u8>)> {
        let deadline = Instant::now() + Duration::from_secs(5);
        let mut received = Vec::new();
        while received.len() < wanted && Instant::now() < deadline {
            socket
                .receive_batch(|_, path, datagram| received.push((path, datagram.to_vec())))
                .expect("a bound socket can be read");
            std::thread::yield_now();
        }
        received
    }

    #[test]
    fn segments_arrive_as_datagrams_and_the_last_may_be_shorter() {
        let loopback = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        let sender = MediaSocket::bind(loopback).expect("loopback binds");
        let mut receiver = MediaSocket::bind(loopback).expect("loopback binds");
        let contents: Vec<u8> = (0..2_500).map(|i| (i % 251) as u8).collect();
        let path = Path { remote: receiver.local_addr(), local: None };
        assert_eq!(sender.sender().send(path, 1_000, &contents), 0);
        let received = receive(&mut receiver, 3);
        let lengths: Vec<usize> = received.iter().map(|(_, bytes)| bytes.len()).collect();
        assert_eq!(lengths, [1_000, 1_000, 500]);
        assert_eq!(received.into_iter().flat_map(|(_, bytes)| bytes).collect::<Vec<_>>(), contents);
    }

    #[test]
    fn without_offload_every_datagram_goes_by_itself_and_what_is_refused_is_counted() {
        let contents: Vec<u8> = (0..2_500).map(|i| (i % 251) as u8).collect();
        let mut went = Vec::new();
        let refused = send_in_parts(&contents, 1_000, 64, |part| {
            if part.len() > 1_000 {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            went.push(part.to_vec());
            Ok(())
        });
        assert_eq!(refused, 0);
        assert_eq!(went.iter().map(Vec::len).collect::<Vec<_>>(), [1_000, 1_000, 500]);
        assert_eq!(went.concat(), contents);

        let mut asked = 0;
        let refused = send_in_parts(&contents, 1_000, 2, |part| {
            asked += 1;
            if part.len() == 500 { Ok(()) } else { Err(io::ErrorKind::WouldBlock.into()) }
        });
        assert_eq!((refused, asked), (2, 4), "two parts, one of them again in two datagrams");
    }

    #[test]
    fn a_socket_for_both_families_answers_ipv4_from_the_address_it_was_asked_at() {
        let everywhere = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0);
        let mut server = MediaSocket::bind(everywhere).expect("the wildcard binds");
        let mut browser =
            MediaSocket::bind(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0)).expect("binds");
        let asked_at: IpAddr = Ipv4Addr::new(127, 0, 0, 2).into();
        let to_server = SocketAddr::new(asked_at, server.local_addr().port());
        assert_eq!(
            browser.sender().send(Path { remote: to_server, local: None }, 1_200, b"question"),
            0
        );
        let (path, bytes) = receive(&mut server, 1).remove(0);
        assert_eq!(bytes, b"question");
        assert_eq!(path.remote, browser.local_addr());
        assert_eq!(path.local, Some(asked_at));
        assert_eq!(server.sender().send(path, 1_200, b"answer"), 0);
        let (answered_from, bytes) = receive(&mut browser, 1).remove(0);
        assert_eq!(bytes, b"answer");
        assert_eq!(answered_from.remote, to_server);
    }
}
