//! A question to a Préau server over HTTP or HTTPS, for the commands of an administrator.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Uri;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http_body_util::{BodyExt, Full, Limited};
use hyper::HeaderMap;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use webpki_roots::TLS_SERVER_ROOTS;

use crate::tls;

/// Why a question has no answer.
#[derive(Debug, Error)]
pub enum RequestError {
    /// The origin is no web origin.
    #[error("{0} is not an origin such as https://visio.example.org")]
    Origin(String),
    /// No connection, or it broke.
    #[error("cannot reach {0}: {1}")]
    Unreachable(String, String),
    /// No answer in time.
    #[error("{0} does not answer")]
    Silent(String),
}

/// The answer of a server.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// `GET path`. `authority` is the file of a local authority to trust beside the system's, if it
/// exists.
pub(crate) async fn get(
    origin: &str,
    path: &str,
    authority: &Path,
) -> Result<Answer, RequestError> {
    let request = Request::builder().method(Method::GET).uri(path);
    ask(origin, request, Bytes::new(), authority, DEADLINE).await
}

/// `POST path` with a JSON body and, where given, a host pass.
pub(crate) async fn post_json(
    origin: &str,
    path: &str,
    body: Vec<u8>,
    host_pass: Option<String>,
    authority: &Path,
) -> Result<Answer, RequestError> {
    let mut request = Request::builder().method(Method::POST).uri(path);
    request = request.header(CONTENT_TYPE, "application/json");
    if let Some(pass) = host_pass {
        request = request.header(AUTHORIZATION, format!("Bearer {pass}"));
    }
    ask(origin, request, body.into(), authority, DEADLINE).await
}

/// Asks anything, with a time limit on the whole exchange.
pub(crate) async fn ask(
    origin: &str,
    request: hyper::http::request::Builder,
    body: Bytes,
    authority: &Path,
    deadline: Duration,
) -> Result<Answer, RequestError> {
    let not_origin = || RequestError::Origin(origin.to_owned());
    let uri: Uri = origin.parse().map_err(|_| not_origin())?;
    let is_tls = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(not_origin()),
    };
    let host = uri.host().ok_or_else(not_origin)?;
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
    let authority_part = uri.authority().map_or(host, |authority| authority.as_str());
    let request = request.header(HOST, authority_part).body(Full::new(body));
    let request = request.map_err(|_| not_origin())?;

    let unreachable = |cause: &dyn std::fmt::Display| {
        RequestError::Unreachable(origin.to_owned(), cause.to_string())
    };
    let exchange = async {
        let socket = TcpStream::connect((name, port)).await.map_err(|cause| unreachable(&cause))?;
        if is_tls {
            let name = ServerName::try_from(name.to_owned()).map_err(|_| not_origin())?;
            let config = client_config(authority).map_err(|cause| unreachable(&cause))?;
            let socket = TlsConnector::from(config).connect(name, socket).await;
            send(socket.map_err(|cause| unreachable(&cause))?, request).await
        } else {
            send(socket, request).await
        }
        .map_err(|cause| unreachable(&*cause))
    };
    let answer = tokio::time::timeout(deadline, exchange).await;
    answer.map_err(|_| RequestError::Silent(origin.to_owned()))?
}

async fn send(
    socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await?;
        Ok(Answer { status, headers, body: body.to_bytes() })
    };
    tokio::select! {
        answer = exchange => answer,
        Err(error) = connection => Err(error.into()),
    }
}

fn client_config(authority: &Path) -> Result<Arc<ClientConfig>, tokio_rustls::rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        // The container image holds this program alone.
        roots.extend(TLS_SERVER_ROOTS.iter().cloned());
    }
    for certificate in CertificateDer::pem_file_iter(authority).into_iter().flatten().flatten() {
        roots.add(certificate)?;
    }
    let config = ClientConfig::builder_with_provider(tls::provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Time for the exchange of a command; a health check gives up sooner than its caller.
const DEADLINE: Duration = Duration::from_secs(3);

/// Longest answer read. The largest file of the pages is a fifth of it.
const MAX_ANSWER_BYTES: usize = 2 << 20;
