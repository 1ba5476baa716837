//! Accepts connections: bounded in all and per address, TLS where asked for, and a time limit on
//! every step before a request is complete. On the port of the pages, the first bytes tell what a
//! connection is: TLS, and within it HTTP or TURN; or framed datagrams of ICE over TCP.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use sfu_core::turn::MAX_FRAME_BYTES;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tower::Service;

use crate::allowance::{Allowance, Counted};
use crate::app::Connection;
use crate::clock::{Clock, ClockTimer};
use crate::limits::{Gate, Pass};
use crate::relay::{self, Relays};
use crate::tls::ACME_TLS;

/// Binds one TCP port on `address`, or on all addresses, or (IPv4 only) where there is no IPv6.
pub(crate) fn bind(address: Option<IpAddr>, port: u16) -> io::Result<TcpListener> {
    if let Some(address) = address {
        return bind_one(address, port);
    }
    match bind_one(Ipv6Addr::UNSPECIFIED.into(), port) {
        Err(error) if is_missing_family(&error) => bind_one(Ipv4Addr::UNSPECIFIED.into(), port),
        bound => bound,
    }
}

/// Binds one TCP port on the loopback addresses, IPv6 as far as there is any.
pub(crate) fn bind_loopback(port: u16) -> io::Result<Vec<TcpListener>> {
    let v4 = bind_one(Ipv4Addr::LOCALHOST.into(), port)?;
    let port = v4.local_addr()?.port();
    match bind_one(Ipv6Addr::LOCALHOST.into(), port) {
        Ok(v6) => Ok(vec![v4, v6]),
        Err(error) if is_missing_family(&error) => Ok(vec![v4]),
        Err(error) => Err(error),
    }
}

fn bind_one(address: IpAddr, port: u16) -> io::Result<TcpListener> {
    let socket = match address {
        IpAddr::V4(_) => TcpSocket::new_v4()?,
        IpAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restart finds the port free although old connections linger.
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(SocketAddr::new(address, port))?;
    socket.listen(BACKLOG)
}

/// What serves the connections of a listener.
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) router: Router,
    pub(crate) clock: Clock,
}

/// Serves one listener until its task is aborted. With TLS, `relays` takes what is media.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    relays: Option<Relays>,
    served: Served,
    gate: Gate,
) {
    let front = tls.map(|tls| Front { tls: TlsAcceptor::from(tls), relays });
    loop {
        match listener.accept().await {
            Ok((socket, from)) => {
                // Beyond the bound a connection is closed unheard.
                if let Some(pass) = gate.enter(from.ip()) {
                    tokio::spawn(connection(socket, from, front.clone(), served.clone(), pass));
                }
            }
            // Out of descriptors, or a connection that died in the queue: neither is the end.
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// What a port for TLS takes in.
#[derive(Clone)]
struct Front {
    tls: TlsAcceptor,
    relays: Option<Relays>,
}

async fn connection(
    socket: TcpStream,
    from: SocketAddr,
    front: Option<Front>,
    served: Served,
    pass: Pass,
) {
    // Signaling messages are small and each one is waited for.
    let _ = socket.set_nodelay(true);
    let about = Connection { address: from.ip().to_canonical(), is_tls: front.is_some() };
    let Some(Front { tls, relays }) = front else {
        return requests(socket, about, served, pass).await;
    };
    let mut first = [0];
    let looked = served.clock.in_time(HANDSHAKE_DEADLINE, socket.peek(&mut first)).await;
    let Some(Ok(1)) = looked else { return };
    match (first[0], relays) {
        (TLS_HANDSHAKE, relays) => {
            secured(socket, from, Front { tls, relays }, about, served, pass).await;
        }
        (0..=LAST_FRAME_BYTE, Some(relays)) => relays.serve_framed(socket, from).await,
        (_, Some(relays)) => relays.refuse_unknown(),
        (_, None) => {}
    }
}

async fn secured(
    socket: TcpStream,
    from: SocketAddr,
    Front { tls, relays }: Front,
    about: Connection,
    served: Served,
    pass: Pass,
) {
    // Half a handshake holds nothing for long.
    let shaken = served.clock.in_time(HANDSHAKE_DEADLINE, tls.accept(socket)).await;
    let Some(Ok(socket)) = shaken else { return };
    // Whoever only looks whether the name leads here has seen it.
    if socket.get_ref().1.alpn_protocol() == Some(ACME_TLS) {
        return;
    }
    let mut socket = BufReader::with_capacity(LOOK_BYTES, socket);
    let first = match served.clock.in_time(HEADER_DEADLINE, socket.fill_buf()).await {
        Some(Ok([first, ..])) => *first,
        _ => return,
    };
    // No letter begins so, and every message of TURN does (RFC 8489 section 5).
    match relays.filter(|_| first <= LAST_TURN_BYTE) {
        Some(relays) => {
            relay::keep_little_unsent(socket.get_ref().get_ref().0);
            relays.serve_turn(socket, from).await;
        }
        None => requests(socket, about, served, pass).await,
    }
}

async fn requests(
    socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    about: Connection,
    Served { router, clock }: Served,
    pass: Pass,
) {
    let pass = Arc::new(pass);
    let allowance = Allowance::unlimited();
    let socket = Counted { stream: socket, allowance: allowance.clone() };
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(about);
        // For a WebSocket, which outlives its request and is counted as long as it lives.
        request.extensions_mut().insert(pass.clone());
        request.extensions_mut().insert(allowance.clone());
        router.clone().call(request.map(Body::new))
    });
    let served = http1::Builder::new()
        .timer(ClockTimer(clock))
        .header_read_timeout(HEADER_DEADLINE)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades()
        .await;
    // Whatever a browser did wrong here concerns its own connection only.
    drop(served);
}

/// IPv6 is switched off on this machine.
fn is_missing_family(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
        || error.raw_os_error() == Some(ADDRESS_FAMILY_NOT_SUPPORTED)
}

/// `EAFNOSUPPORT` of Linux, for which the standard library has no name.
const ADDRESS_FAMILY_NOT_SUPPORTED: i32 = 97;

/// What the system keeps for a browser that does not read. Left to itself it would grow to
/// megabytes for each; less slows pages over long distances.
const SEND_BUFFER_BYTES: u32 = 128 * 1024;

/// Connections the system holds until they are accepted: a class that opens its link at once.
const BACKLOG: u32 = 1024;

/// Pause after a failed accept. Shorter spins while descriptors are out; longer delays visitors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a TLS connection begins with: a handshake record (RFC 8446 section 5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// A frame that is not longer than datagrams are begins with a byte up to this.
const LAST_FRAME_BYTE: u8 = (MAX_FRAME_BYTES >> 8) as u8;

/// The first two bits of a message of STUN or TURN are zero.
const LAST_TURN_BYTE: u8 = 0x3f;

/// Bytes that are looked at within TLS, for as long as the connection lives. One would do; so many
/// take a whole message in.
const LOOK_BYTES: usize = 1024;

/// Time for the first byte, and then for a TLS handshake.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);

/// Time for the head of a request, from the moment the connection waits for one.
const HEADER_DEADLINE: Duration = Duration::from_secs(15);

/// Longest head of a request; a longer one is answered with 431. Pages send less than 1 KiB, but cookies
/// of a whole domain come along, and fields of proxies.
const MAX_HEADER_BYTES: usize = 8 * 1024;
