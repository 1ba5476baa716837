//! Accepts connections: bounded in all and per address, TLS where asked for, and a time limit on
//! every step before a request is complete.

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
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tower::Service;

use crate::app::Connection;
use crate::limits::{Gate, Pass};

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

/// Serves one listener until its task is aborted.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    router: Router,
    gate: Gate,
) {
    let tls = tls.map(TlsAcceptor::from);
    loop {
        match listener.accept().await {
            Ok((socket, from)) => {
                // Beyond the bound a connection is closed unheard.
                if let Some(pass) = gate.enter(from.ip()) {
                    tokio::spawn(connection(socket, from, tls.clone(), router.clone(), pass));
                }
            }
            // Out of descriptors, or a connection that died in the queue: neither is the end.
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn connection(
    socket: TcpStream,
    from: SocketAddr,
    tls: Option<TlsAcceptor>,
    router: Router,
    pass: Pass,
) {
    // Signaling messages are small and each one is waited for.
    let _ = socket.set_nodelay(true);
    let about = Connection { address: from.ip().to_canonical(), is_tls: tls.is_some() };
    match tls {
        Some(tls) => {
            // Half a handshake holds nothing for long.
            let shaken = tokio::time::timeout(HANDSHAKE_DEADLINE, tls.accept(socket)).await;
            if let Ok(Ok(socket)) = shaken {
                requests(socket, about, router, pass).await;
            }
        }
        None => requests(socket, about, router, pass).await,
    }
}

async fn requests(
    socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    about: Connection,
    router: Router,
    pass: Pass,
) {
    let pass = Arc::new(pass);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(about);
        // For a WebSocket, which outlives its request and is counted as long as it lives.
        request.extensions_mut().insert(pass.clone());
        router.clone().call(request.map(Body::new))
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
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

/// Time for a TLS handshake.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);

/// Time for the head of a request, from the moment the connection waits for one.
const HEADER_DEADLINE: Duration = Duration::from_secs(15);

/// Longest head of a request.
const MAX_HEADER_BYTES: usize = 32 * 1024;
