//! The page that hands out this machine's own authority, for devices that are to trust it.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use ring::digest::{SHA256, digest};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use crate::app::App;
use crate::notice;
use crate::papers::{Facts, LANGUAGES, PaperError, authority_page};

/// The authority, and the page in each language, made once.
#[derive(Debug)]
pub(crate) struct Authority {
    pem: String,
    pages: [String; 2],
}

impl Authority {
    pub(crate) fn new(facts: &Facts, pem: &str) -> Result<Self, PaperError> {
        let fingerprint = fingerprint(pem);
        let page = |language| authority_page(facts, language, &fingerprint);
        let [french, english] = LANGUAGES.map(page);
        Ok(Self { pem: pem.to_owned(), pages: [french?, english?] })
    }
}

/// SHA-256 of a certificate (PEM) as systems show it: pairs of digits with colons.
pub(crate) fn fingerprint(pem: &str) -> String {
    let der = CertificateDer::from_pem_slice(pem.as_bytes());
    let der = der.expect("the authority was made or read at the start");
    let digest = digest(&SHA256, &der);
    digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

/// Answers `/authority`; there is none where browsers trust the certificate by themselves.
pub(crate) async fn page(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    match &app.face.authority {
        Some(authority) => notice::in_language(&authority.pages, &uri, &headers),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Answers `/authority.crt`.
pub(crate) async fn file(State(app): State<App>) -> Response {
    match &app.face.authority {
        Some(authority) => {
            ([(CONTENT_TYPE, "application/x-x509-ca-cert")], authority.pem.clone()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
