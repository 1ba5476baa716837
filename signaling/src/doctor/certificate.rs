//! What a certificate says of itself.

use std::path::Path;

use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::server::ParsedCertificate;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::tls;

/// A certificate with its chain, as browsers would get it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Seconds since 1970-01-01 UTC, as the next.
    pub(super) not_before: u64,
    pub(super) not_after: u64,
    /// Whether it is good for the name that browsers open; `None` where none is configured.
    pub(super) is_named: Option<bool>,
    /// Whether each certificate of the file is signed by the next, and the last by itself or by one
    /// that browsers may know.
    pub(super) is_chained: bool,
}

/// Reads the two files that a server would, and sees that they belong together. The error is what is
/// wrong, in words.
pub(super) fn read(certificate: &Path, key: &Path, host: Option<&str>) -> Result<Seen, String> {
    tls::check_pair(certificate, key).map_err(|error| error.to_string())?;
    let pem = std::fs::read(certificate);
    see(&pem.map_err(|error| format!("{}: {error}", certificate.display()))?, certificate, host)
}

/// Looks at a chain (PEM) that stands in `file`.
pub(super) fn see(pem: &[u8], file: &Path, host: Option<&str>) -> Result<Seen, String> {
    let unusable = |cause: String| format!("{}: {cause}", file.display());
    let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| unusable(error.to_string()))?;
    let parsed = chain.iter().map(|der| {
        let parsed = X509Certificate::from_der(der);
        parsed.map(|(_, parsed)| parsed).map_err(|error| unusable(error.to_string()))
    });
    let parsed = parsed.collect::<Result<Vec<_>, _>>()?;
    let (Some(first), Some(leaf)) = (chain.first(), parsed.first()) else {
        return Err(unusable("it holds no certificate".to_owned()));
    };
    let linked = parsed.windows(2).all(|pair| pair[0].issuer() == pair[1].subject());
    // One alone, signed by another: browsers that do not have that other refuse it.
    let is_alone = parsed.len() == 1 && leaf.issuer() != leaf.subject();
    let is_for = |host: &str| {
        let name = ServerName::try_from(host.to_owned()).ok()?;
        let leaf = ParsedCertificate::try_from(first).ok()?;
        verify_server_name(&leaf, &name).ok()
    };
    Ok(Seen {
        not_before: seconds(leaf.validity().not_before.timestamp()),
        not_after: seconds(leaf.validity().not_after.timestamp()),
        is_named: host.map(|host| is_for(host).is_some()),
        is_chained: linked && !is_alone,
    })
}

fn seconds(timestamp: i64) -> u64 {
    u64::try_from(timestamp).unwrap_or(0)
}
