//! Certificates: files of a public name, or a local authority made at the first start.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use time::OffsetDateTime;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};

use crate::addresses;

/// Why there is no certificate to serve with.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    /// A file does not hold what it should.
    #[error("{0} does not hold a usable PEM certificate or key")]
    Pem(PathBuf),
    /// A certificate cannot be made.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// The key does not belong to the certificate, or is of a kind unknown here.
    #[error("the certificate and its key are not usable: {0}")]
    Unusable(#[from] rustls::Error),
}

/// The certificate this server shows.
#[derive(Debug)]
pub(crate) struct Certificates {
    shown: Arc<Shown>,
    authority: Option<LocalAuthority>,
}

impl Certificates {
    /// Loads the files of a public name.
    pub(crate) fn from_files(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let shown = Arc::new(Shown::new(load(certificate, key)?));
        Ok(Self { shown, authority: None })
    }

    /// Uses the authority in `folder`, and makes it at the first start.
    pub(crate) fn local(folder: &Path, now: u64) -> Result<Self, TlsError> {
        let authority = LocalAuthority::open(folder, now)?;
        let shown = Arc::new(Shown::new(authority.certificate(&own_names(), now)?));
        Ok(Self { shown, authority: Some(authority) })
    }

    /// True when browsers trust this certificate by themselves.
    pub(crate) const fn is_public(&self) -> bool {
        self.authority.is_none()
    }

    /// The authority to trust (PEM), when it is this machine's own.
    pub(crate) fn authority_pem(&self) -> Option<&str> {
        self.authority.as_ref().map(|authority| authority.pem.as_str())
    }

    /// Looks whether this machine has new addresses or the certificate nears its end, and then
    /// shows another one from now on. True when it did.
    pub(crate) fn renew(&self, now: u64) -> Result<bool, TlsError> {
        let Some(authority) = &self.authority else { return Ok(false) };
        let names = own_names();
        let is_due = authority.current(&names, now).is_none();
        if is_due {
            self.shown.replace(authority.certificate(&names, now)?);
        }
        Ok(is_due)
    }

    /// How connections are to be accepted.
    pub(crate) fn server_config(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(self.shown.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// The cryptography of TLS: `ring`, as everywhere in this program.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Where the authority's certificate stands in the data folder.
pub(crate) fn authority_file(data_dir: &Path) -> PathBuf {
    data_dir.join(FOLDER).join("authority.crt")
}

/// The folder of the local authority in the data folder.
pub(crate) fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join(FOLDER)
}

/// Writes a file that only its owner may read, whole or not at all.
pub(crate) fn write_private(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = file.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    io::Write::write_all(&mut options.open(&beside)?, bytes)?;
    fs::rename(beside, file)
}

/// The certificate in force, replaced while connections come in.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl Shown {
    fn new(key: CertifiedKey) -> Self {
        Self(RwLock::new(Arc::new(key)))
    }

    fn replace(&self, key: CertifiedKey) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// An authority only this machine uses.
struct LocalAuthority {
    folder: PathBuf,
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl std::fmt::Debug for LocalAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LocalAuthority")
    }
}

/// What is noted of the server's certificate, beside it.
#[derive(Serialize, Deserialize)]
struct Noted {
    names: BTreeSet<String>,
    /// Seconds since 1970.
    not_after: u64,
}

impl LocalAuthority {
    fn open(folder: &Path, now: u64) -> Result<Self, TlsError> {
        let file_error = |file: &Path| {
            let file = file.to_owned();
            move |error| TlsError::File(file, error)
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(file_error(folder))?;
        let [key_file, pem_file] = ["authority.key", "authority.crt"].map(|name| folder.join(name));
        if !key_file.exists() || !pem_file.exists() {
            let key = KeyPair::generate()?;
            let pem = authority_params(now).self_signed(&key)?.pem();
            write_private(&pem_file, pem.as_bytes()).map_err(file_error(&pem_file))?;
            write_private(&key_file, key.serialize_pem().as_bytes())
                .map_err(file_error(&key_file))?;
        }
        let key = fs::read_to_string(&key_file).map_err(file_error(&key_file))?;
        let key = KeyPair::from_pem(&key).map_err(|_| TlsError::Pem(key_file))?;
        let pem = fs::read_to_string(&pem_file).map_err(file_error(&pem_file))?;
        let issuer = Issuer::new(authority_params(now), key);
        Ok(Self { folder: folder.to_owned(), pem, issuer })
    }

    /// The kept certificate if it still serves, or a new one.
    fn certificate(&self, names: &BTreeSet<String>, now: u64) -> Result<CertifiedKey, TlsError> {
        if let Some(current) = self.current(names, now) {
            return Ok(current);
        }
        let [certificate, key, note] = self.files();
        let not_after = now + CERTIFICATE_SECONDS;
        let pair = KeyPair::generate()?;
        let made = server_params(names, now, not_after)?.signed_by(&pair, &self.issuer)?;
        let noted = serde_json::to_vec(&Noted { names: names.clone(), not_after });
        let noted = noted.expect("a set of texts and a number");
        let chain = made.pem() + &self.pem;
        // The note goes first: with it alone, or with an old certificate, the next start makes
        // another one, since key and certificate would not belong together.
        for (file, bytes) in
            [(&note, noted), (&key, pair.serialize_pem().into()), (&certificate, chain.into())]
        {
            write_private(file, &bytes).map_err(|error| TlsError::File(file.clone(), error))?;
        }
        load(&certificate, &key)
    }

    /// The kept certificate, unless it is missing, nears its end, or lacks one of `names`.
    fn current(&self, names: &BTreeSet<String>, now: u64) -> Option<CertifiedKey> {
        let [certificate, key, note] = self.files();
        let noted: Noted = serde_json::from_slice(&fs::read(note).ok()?).ok()?;
        let is_good = names.is_subset(&noted.names) && now + RENEW_SECONDS < noted.not_after;
        is_good.then(|| load(&certificate, &key).ok()).flatten()
    }

    fn files(&self) -> [PathBuf; 3] {
        ["server.crt", "server.key", "server.json"].map(|name| self.folder.join(name))
    }
}

fn load(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let read = |file: &Path| fs::read(file).map_err(|error| TlsError::File(file.to_owned(), error));
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(certificate)?).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let chain = chain.ok_or_else(|| TlsError::Pem(certificate.to_owned()))?;
    let der =
        PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|_| TlsError::Pem(key.to_owned()))?;
    Ok(CertifiedKey::from_der(chain, der, &provider())?)
}

/// Every name and address under which a browser may open this server.
fn own_names() -> BTreeSet<String> {
    let mut names: BTreeSet<String> =
        addresses::of_interfaces().iter().map(ToString::to_string).collect();
    names.extend(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
    let host = gethostname::gethostname().to_string_lossy().to_ascii_lowercase();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    if !host.is_empty() && host.len() < 200 && host.bytes().all(is_name) {
        let first = host.split('.').next().unwrap_or(&host);
        names.extend([format!("{first}.local"), host.clone()]);
    }
    names
}

fn authority_params(now: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Préau on this machine");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date(now.saturating_sub(CLOCK_SKEW_SECONDS));
    params.not_after = date(now + AUTHORITY_SECONDS);
    params
}

fn server_params(
    names: &BTreeSet<String>,
    now: u64,
    not_after: u64,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names.iter().cloned().collect::<Vec<_>>())?;
    params.distinguished_name.push(DnType::CommonName, "Préau");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.not_before = date(now.saturating_sub(CLOCK_SKEW_SECONDS));
    params.not_after = date(not_after);
    Ok(params)
}

fn date(seconds: u64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds.cast_signed()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Folder of the local authority within the data folder.
const FOLDER: &str = "tls";
/// Ten years: devices that trust the authority need not be visited again sooner.
const AUTHORITY_SECONDS: u64 = 3650 * 24 * 3600;
/// One year; some systems refuse private certificates of more than 825 days.
const CERTIFICATE_SECONDS: u64 = 365 * 24 * 3600;
/// A month before its end a certificate is replaced: a server that runs on never shows a dead one.
const RENEW_SECONDS: u64 = 30 * 24 * 3600;
/// A day, for devices whose clock is late.
const CLOCK_SKEW_SECONDS: u64 = 24 * 3600;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn names(texts: &[&str]) -> BTreeSet<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn the_authority_and_its_certificate_are_kept_for_their_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("tls");
        let first = Certificates::local(&folder, NOW).unwrap();
        let again = Certificates::local(&folder, NOW + 60).unwrap();
        assert_eq!(first.authority_pem(), again.authority_pem());
        let shown = |c: &Certificates| c.shown.0.read().unwrap().cert.clone();
        assert_eq!(shown(&first), shown(&again));
        assert!(!again.renew(NOW + 60).unwrap());
        for entry in fs::read_dir(&folder).unwrap() {
            assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o077, 0);
        }
    }

    #[test]
    fn a_certificate_is_renewed_for_a_new_name_and_before_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let authority = LocalAuthority::open(folder.path(), NOW).unwrap();
        authority.certificate(&names(&["localhost", "192.0.2.1"]), NOW).unwrap();
        let is_current = |texts: &[&str], now| authority.current(&names(texts), now).is_some();
        assert!(is_current(&["localhost", "192.0.2.1"], NOW));
        assert!(is_current(&["localhost"], NOW), "an address less needs no new certificate");
        assert!(!is_current(&["localhost", "192.0.2.2"], NOW));
        assert!(!is_current(&["localhost"], NOW + CERTIFICATE_SECONDS - RENEW_SECONDS));
    }

    #[test]
    fn files_that_hold_no_certificate_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let [certificate, key] = ["a.pem", "b.pem"].map(|name| folder.path().join(name));
        let error = Certificates::from_files(&certificate, &key).unwrap_err();
        assert!(error.to_string().contains("a.pem"), "{error}");
        fs::write(&certificate, "nonsense").unwrap();
        fs::write(&key, "nonsense").unwrap();
        let error = Certificates::from_files(&certificate, &key).unwrap_err();
        assert!(matches!(error, TlsError::Pem(_)), "{error}");
    }

    #[test]
    fn the_own_names_hold_this_machine() {
        let names = own_names();
        assert!(names.contains("localhost") && names.contains("127.0.0.1"));
    }
}
