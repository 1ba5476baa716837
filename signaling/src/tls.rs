//! Certificates: which one this server shows, where it comes from, and how it is kept fresh.

mod acme;
mod files;
mod local;

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use thiserror::Error;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};
use x509_parser::prelude::{FromDer, X509Certificate};

use self::acme::Acme;
use self::files::Files;
use self::local::LocalAuthority;
use crate::clock::Clock;
use crate::config::{AcmeSettings, Config, Tls};
use crate::metrics::Metrics;

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
    source: Source,
}

/// Where it comes from.
#[derive(Debug)]
enum Source {
    Local(LocalAuthority),
    Files(Files),
    /// The authority of this machine serves until the one on the network has given a certificate.
    Acme(Acme, LocalAuthority),
}

impl Certificates {
    /// Loads or makes the certificate that the configuration asks for; `None` where a proxy has it.
    pub(crate) fn open(config: &Config, now: u64) -> Result<Option<Arc<Self>>, TlsError> {
        let (source, first) = match &config.tls {
            Tls::BehindProxy(_) => return Ok(None),
            Tls::LocalAuthority => {
                let authority = LocalAuthority::open(&folder(&config.data_dir), config, now)?;
                let first = authority.certificate(now)?;
                (Source::Local(authority), first)
            }
            Tls::Files { certificate, key } => {
                let (files, first) = Files::open(certificate, key)?;
                (Source::Files(files), first)
            }
            Tls::Acme(settings) => {
                let folder = folder(&config.data_dir);
                let authority = LocalAuthority::open(&folder, config, now)?;
                let (acme, kept) = Acme::open(&folder, settings)?;
                let first = kept.map_or_else(|| authority.certificate(now), Ok)?;
                (Source::Acme(acme, authority), first)
            }
        };
        Ok(Some(Arc::new(Self { shown: Arc::new(Shown::new(first)), source })))
    }

    /// True when browsers trust this certificate by themselves.
    pub(crate) fn is_public(&self) -> bool {
        match &self.source {
            Source::Files(_) => true,
            Source::Local(_) => false,
            Source::Acme(acme, _) => acme.is_public(),
        }
    }

    /// The authority to trust (PEM), when it is this machine's own.
    pub(crate) fn authority_pem(&self) -> Option<&str> {
        match &self.source {
            Source::Local(authority) => Some(authority.pem()),
            Source::Files(_) | Source::Acme(..) => None,
        }
    }

    /// When the certificate ends, in seconds since 1970.
    pub(crate) fn not_after(&self) -> u64 {
        self.shown.now().not_after
    }

    /// Looks whether its source has another certificate by now, and then shows that one. True when
    /// it did.
    fn look(&self, now: u64) -> Result<bool, TlsError> {
        let news = match &self.source {
            Source::Local(authority) => authority.renewed(now)?,
            Source::Files(files) => files.changed()?,
            Source::Acme(acme, _) if acme.is_obtained() => None,
            Source::Acme(_, authority) => authority.renewed(now)?,
        };
        // Meanwhile the authority on the network may have answered.
        let is_settled = || matches!(&self.source, Source::Acme(acme, _) if acme.is_obtained());
        Ok(news.is_some_and(|certificate| self.shown.replace_unless(is_settled, certificate)))
    }

    /// How often that is worth it.
    const fn look_every(&self) -> Duration {
        match &self.source {
            Source::Local(_) | Source::Acme(..) => Duration::from_secs(60),
            Source::Files(_) => Duration::from_secs(5),
        }
    }

    /// How connections are to be accepted.
    pub(crate) fn server_config(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(self.shown.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        if matches!(self.source, Source::Acme(..)) {
            config.alpn_protocols.push(ACME_TLS.to_vec());
        }
        Ok(Arc::new(config))
    }
}

/// Keeps the certificate fresh for as long as the server runs.
pub(crate) async fn keep(certificates: Arc<Certificates>, metrics: Arc<Metrics>, clock: Clock) {
    let ordering = async {
        if let Source::Acme(acme, _) = &certificates.source {
            acme.keep(&certificates.shown, &metrics, &clock).await;
        }
    };
    tokio::join!(ordering, keep_looking(certificates.clone(), &metrics, &clock));
}

/// Shows what the source has. What goes wrong is counted and said once, and the certificate before
/// goes on; its end is said day by day when it comes near.
async fn keep_looking(certificates: Arc<Certificates>, metrics: &Metrics, clock: &Clock) {
    let mut said = None;
    let mut warned_at = None;
    loop {
        let now = clock.unix_seconds();
        let is_new_day = warned_at.is_none_or(|at| at + DAY_SECONDS <= now);
        if let Some(left) = certificates.shown.now().left_when_short(now).filter(|_| is_new_day) {
            warned_at = Some(now);
            let days_left = left / DAY_SECONDS;
            tracing::warn!(
                days_left,
                "the certificate of https ends soon, and browsers then refuse it"
            );
        }
        clock.sleep_until(clock.now() + certificates.look_every()).await;
        let looked = {
            let (certificates, now) = (certificates.clone(), clock.unix_seconds());
            tokio::task::spawn_blocking(move || certificates.look(now)).await
        };
        match looked {
            Ok(Ok(true)) => {
                (said, warned_at) = (None, None);
                tracing::info!("another certificate is shown from now on");
            }
            Ok(Ok(false)) => {}
            Ok(Err(cause)) => {
                metrics.certificate_failures.add_one();
                let cause = cause.to_string();
                if said.as_ref() != Some(&cause) {
                    tracing::warn!(%cause, "no new certificate: the one before goes on");
                    said = Some(cause);
                }
            }
            // It cannot panic.
            Err(_) => return,
        }
    }
}

/// The cryptography of TLS: `ring`, as everywhere in this program.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Sees that a chain and a key, both PEM, can be used and belong together.
pub(crate) fn check_pair(chain: &Path, key: &Path) -> Result<(), TlsError> {
    Certificate::load(chain, key).map(drop)
}

/// The chain (PEM) that an authority on the network gave, if one is kept in `folder` for this name.
pub(crate) fn acme_chain(folder: &Path, settings: &AcmeSettings) -> Option<String> {
    acme::kept_chain(folder, settings)
}

/// Where the authority's certificate stands in the data folder.
pub(crate) fn authority_file(data_dir: &Path) -> PathBuf {
    folder(data_dir).join(local::AUTHORITY_FILE)
}

/// The folder of keys and certificates in the data folder.
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

/// A chain with its key, and from when to when it counts.
#[derive(Clone, Debug)]
struct Certificate {
    key: Arc<CertifiedKey>,
    /// Seconds since 1970.
    not_before: u64,
    /// Seconds since 1970.
    not_after: u64,
}

impl Certificate {
    /// Takes a chain and a key, both PEM, out of these files.
    fn new(chain: (&Path, &[u8]), key: (&Path, &[u8])) -> Result<Self, TlsError> {
        let of_chain = || TlsError::Pem(chain.0.to_owned());
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain.1).collect();
        let certificates = certificates.map_err(|_| of_chain())?;
        let first = certificates.first().ok_or_else(of_chain)?;
        let (_, parsed) = X509Certificate::from_der(first).map_err(|_| of_chain())?;
        let seconds = |time: i64| u64::try_from(time).unwrap_or(0);
        let not_before = seconds(parsed.validity().not_before.timestamp());
        let not_after = seconds(parsed.validity().not_after.timestamp());
        let der =
            PrivateKeyDer::from_pem_slice(key.1).map_err(|_| TlsError::Pem(key.0.to_owned()))?;
        let key = Arc::new(CertifiedKey::from_der(certificates, der, &provider())?);
        Ok(Self { key, not_before, not_after })
    }

    /// Takes a chain and a key out of two files.
    fn load(chain: &Path, key: &Path) -> Result<Self, TlsError> {
        let read =
            |file: &Path| fs::read(file).map_err(|error| TlsError::File(file.to_owned(), error));
        Self::new((chain, &read(chain)?), (key, &read(key)?))
    }

    /// Seconds until its end, when they are few: two weeks, or of a short-lived one the last third.
    fn left_when_short(&self, now: u64) -> Option<u64> {
        let life = self.not_after.saturating_sub(self.not_before);
        let left = self.not_after.saturating_sub(now);
        (left < WARN_SECONDS.min(life / 3)).then_some(left)
    }
}

/// The certificate in force, replaced while connections come in.
#[derive(Debug)]
struct Shown {
    certificate: RwLock<Certificate>,
    /// What an authority that looks whether the name leads here is shown, and nobody else.
    challenge: RwLock<Option<Arc<CertifiedKey>>>,
}

impl Shown {
    fn new(certificate: Certificate) -> Self {
        Self { certificate: RwLock::new(certificate), challenge: RwLock::default() }
    }

    fn now(&self) -> Certificate {
        self.certificate.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, certificate: Certificate) {
        self.replace_unless(|| false, certificate);
    }

    /// Asks at a moment when nobody else replaces it.
    fn replace_unless(&self, is_settled: impl Fn() -> bool, certificate: Certificate) -> bool {
        let mut shown = self.certificate.write().unwrap_or_else(PoisonError::into_inner);
        let is_open = !is_settled();
        if is_open {
            *shown = certificate;
        }
        is_open
    }

    fn set_challenge(&self, challenge: Option<Arc<CertifiedKey>>) {
        *self.challenge.write().unwrap_or_else(PoisonError::into_inner) = challenge;
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // Whoever looks offers this protocol and no other (RFC 8737 section 3).
        if hello.alpn().is_some_and(|offered| offered.eq([ACME_TLS])) {
            return self.challenge.read().unwrap_or_else(PoisonError::into_inner).clone();
        }
        Some(self.now().key)
    }
}

/// The protocol by which an authority sees that a name leads here (RFC 8737 section 6.2).
pub(crate) const ACME_TLS: &[u8] = b"acme-tls/1";

/// Folder of keys and certificates within the data folder.
const FOLDER: &str = "tls";
const DAY_SECONDS: u64 = 24 * 3600;
/// Two weeks before its end the log speaks of it: whoever has to see to it may be on holiday.
const WARN_SECONDS: u64 = 14 * DAY_SECONDS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_said_in_the_last_two_weeks_or_the_last_third() {
        let folder = tempfile::tempdir().unwrap();
        let pair = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
        let [chain, key] = ["a.pem", "b.pem"].map(|name| folder.path().join(name));
        fs::write(&chain, pair.cert.pem()).unwrap();
        fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
        let loaded = Certificate::load(&chain, &key).unwrap();
        let of_days = |days: u64| Certificate {
            not_before: 1000,
            not_after: 1000 + days * DAY_SECONDS,
            ..loaded.clone()
        };
        let left = |certificate: &Certificate, days: u64| {
            certificate.left_when_short(1000 + days * DAY_SECONDS).map(|left| left / DAY_SECONDS)
        };
        let year = of_days(365);
        assert_eq!(
            [0, 351, 352, 365, 400].map(|day| left(&year, day)),
            [None, None, Some(13), Some(0), Some(0)]
        );
        assert_eq!([0, 4, 5].map(|day| left(&of_days(6), day)), [None, None, Some(1)]);
    }

    #[test]
    fn the_dates_are_those_of_the_certificate() {
        let mut params = rcgen::CertificateParams::new(["a.example".to_owned()]).unwrap();
        let date = |seconds| time::OffsetDateTime::from_unix_timestamp(seconds).unwrap();
        (params.not_before, params.not_after) = (date(1_800_000_000), date(1_800_000_600));
        let key = rcgen::KeyPair::generate().unwrap();
        let chain = params.self_signed(&key).unwrap().pem();
        let key = key.serialize_pem();
        let file = Path::new("a.pem");
        let certificate = Certificate::new((file, chain.as_bytes()), (file, key.as_bytes()));
        let certificate = certificate.unwrap();
        assert_eq!((certificate.not_before, certificate.not_after), (1_800_000_000, 1_800_000_600));
    }
}
