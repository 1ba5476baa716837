//! [`Acme`]: a certificate of an authority that speaks ACME (RFC 8555). That the name leads here it sees
//! by TLS-ALPN-01 (RFC 8737), on the very port of https.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::{self, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, BodyWrapper, BytesResponse, ChallengeType,
    HttpClient, Identifier, NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;

use super::{Certificate, Shown, TlsError, provider, write_private};
use crate::clock::Clock;
use crate::config::AcmeSettings;
use crate::metrics::Metrics;
use crate::request;

/// Why there is no certificate this time.
#[derive(Debug, Error)]
enum AcmeError {
    /// The exchange failed, or the authority refused.
    #[error(transparent)]
    Exchange(#[from] instant_acme::Error),
    /// The authority did not see that the name leads here.
    #[error("the authority found no proof under the name of this server: {0}")]
    Unproven(String),
    /// The authority offers no way to show it on this port.
    #[error("the authority does not know TLS-ALPN-01")]
    NoChallenge,
    /// It took too long.
    #[error("the authority did not finish in time")]
    Silent,
    /// What came cannot be used or kept.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Asks an authority, and keeps what it gave.
#[derive(Debug)]
pub(super) struct Acme {
    settings: AcmeSettings,
    folder: PathBuf,
    /// True once a certificate of the authority is shown.
    is_obtained: AtomicBool,
}

/// A certificate as it is kept: whole or not at all, and not for another name or authority.
#[derive(Serialize, Deserialize)]
struct Kept {
    directory: String,
    name: String,
    /// PEM.
    chain: String,
    /// PEM.
    key: String,
}

/// The account at an authority.
#[derive(Serialize, Deserialize)]
struct KeptAccount {
    directory: String,
    credentials: AccountCredentials,
}

impl Kept {
    /// What is kept in a file, if it is for this name and of this authority.
    fn find(file: &Path, settings: &AcmeSettings) -> Option<Self> {
        let kept: Self = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
        let is_ours = kept.name == settings.name && kept.directory == settings.directory;
        is_ours.then_some(kept)
    }
}

/// The chain (PEM) that is kept in a folder, for whoever only looks.
pub(super) fn kept_chain(folder: &Path, settings: &AcmeSettings) -> Option<String> {
    Kept::find(&folder.join(KEPT_FILE), settings).map(|kept| kept.chain)
}

impl Acme {
    /// Finds the certificate that is kept in `folder`, if there is one for this name.
    pub(super) fn open(
        folder: &Path,
        settings: &AcmeSettings,
    ) -> Result<(Self, Option<Certificate>), TlsError> {
        if let Some(ca) = &settings.ca {
            CertificateDer::from_pem_file(ca).map_err(|_| TlsError::Pem(ca.clone()))?;
        }
        let (settings, folder) = (settings.clone(), folder.to_owned());
        let acme = Self { settings, folder, is_obtained: AtomicBool::new(false) };
        let kept = acme.kept();
        acme.is_obtained.store(kept.is_some(), Ordering::Relaxed);
        Ok((acme, kept))
    }

    /// True once a certificate of the authority is shown.
    pub(super) fn is_obtained(&self) -> bool {
        self.is_obtained.load(Ordering::Acquire)
    }

    /// True once that is so, and browsers trust the authority by themselves.
    pub(super) fn is_public(&self) -> bool {
        self.is_obtained() && self.settings.ca.is_none()
    }

    /// Gets certificates and has them shown for as long as the server runs.
    pub(super) async fn keep(&self, shown: &Shown, metrics: &Metrics, clock: &Clock) {
        let mut failures = 0;
        loop {
            let due_at = if self.is_obtained() { due_at(&shown.now()) } else { 0 };
            let wait = due_at.saturating_sub(clock.unix_seconds());
            if wait > 0 {
                // The clock of the machine may be set meanwhile.
                let wait = Duration::from_secs(wait).min(MIN_PAUSE);
                clock.sleep_until(clock.now() + wait).await;
                continue;
            }
            let obtained = tokio::time::timeout(ORDER_DEADLINE, self.obtain(shown)).await;
            shown.set_challenge(None);
            let pause = match obtained.unwrap_or(Err(AcmeError::Silent)) {
                Ok(certificate) => {
                    // First, so that the authority of this machine does not take its place.
                    self.is_obtained.store(true, Ordering::Release);
                    shown.replace(certificate);
                    tracing::info!("the authority gave a certificate, which is shown from now on");
                    failures = 0;
                    MIN_PAUSE
                }
                Err(cause) => {
                    metrics.certificate_failures.add_one();
                    let pause = pause_after(failures);
                    failures += 1;
                    let minutes = pause.as_secs() / 60;
                    let cause = without_addresses(&cause.to_string());
                    tracing::warn!(
                        %cause,
                        "no certificate by ACME: the one before goes on, and it is tried again in \
                         {minutes} minutes. The name in share_origin must lead to this machine, and \
                         port 443 of it to https_port"
                    );
                    pause
                }
            };
            clock.sleep_until(clock.now() + pause).await;
        }
    }

    /// Orders a certificate, shows the authority what it asks for, and keeps what it gives.
    async fn obtain(&self, shown: &Shown) -> Result<Certificate, AcmeError> {
        let account = self.account().await?;
        let name = [Identifier::Dns(self.settings.name.clone())];
        let order = match account.new_order(&NewOrder::new(&name)).await {
            Err(instant_acme::Error::Api(problem))
                if problem.r#type.as_deref() == Some(UNKNOWN_ACCOUNT) =>
            {
                // The next attempt opens another.
                let _ = fs::remove_file(self.account_file());
                Err(instant_acme::Error::Api(problem))
            }
            outcome => outcome,
        };
        let mut order = order?;
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let challenge = authorization.challenge(ChallengeType::TlsAlpn01);
            let mut challenge = challenge.ok_or(AcmeError::NoChallenge)?;
            let digest = challenge.key_authorization().digest();
            shown.set_challenge(Some(self.proof(digest.as_ref())?));
            challenge.set_ready().await?;
        }
        match order.poll_ready(&PATIENCE).await {
            Ok(OrderStatus::Ready) => {}
            Ok(_) => return Err(AcmeError::Unproven(refusal(&mut order).await)),
            Err(instant_acme::Error::Api(_)) => {
                return Err(AcmeError::Unproven(refusal(&mut order).await));
            }
            Err(error) => return Err(error.into()),
        }
        let key = order.finalize().await?;
        let chain = order.poll_certificate(&PATIENCE).await?;
        let AcmeSettings { directory, name, .. } = self.settings.clone();
        let kept = Kept { directory, name, chain, key };
        let certificate = self.read(&kept)?;
        self.write(&self.kept_file(), &kept)?;
        Ok(certificate)
    }

    /// The certificate that proves it (RFC 8737 section 3).
    fn proof(&self, digest: &[u8]) -> Result<Arc<CertifiedKey>, TlsError> {
        let mut params = CertificateParams::new([self.settings.name.clone()])?;
        params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?.der().clone();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        // Without the check that `from_der` makes: it knows nothing of the critical extension.
        let key = provider().key_provider.load_private_key(key)?;
        Ok(Arc::new(CertifiedKey::new(vec![certificate], key)))
    }

    /// The account that is kept, or a new one.
    async fn account(&self) -> Result<Account, AcmeError> {
        let http = Http { ca: self.settings.ca.clone() };
        let builder = Account::builder_with_http(Box::new(http));
        let kept = fs::read(self.account_file()).ok();
        let kept = kept.and_then(|bytes| serde_json::from_slice::<KeptAccount>(&bytes).ok());
        if let Some(kept) = kept.filter(|kept| kept.directory == self.settings.directory) {
            return Ok(builder.from_credentials(kept.credentials).await?);
        }
        let contact = self.settings.contact.as_deref();
        let account = NewAccount {
            contact: contact.as_slice(),
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let directory = self.settings.directory.clone();
        let (account, credentials) = builder.create(&account, directory.clone(), None).await?;
        self.write(&self.account_file(), &KeptAccount { directory, credentials })?;
        Ok(account)
    }

    fn kept(&self) -> Option<Certificate> {
        let kept = Kept::find(&self.kept_file(), &self.settings)?;
        self.read(&kept).ok()
    }

    fn read(&self, kept: &Kept) -> Result<Certificate, TlsError> {
        let file = self.kept_file();
        Certificate::new((&file, kept.chain.as_bytes()), (&file, kept.key.as_bytes()))
    }

    fn write(&self, file: &Path, kept: &impl Serialize) -> Result<(), TlsError> {
        let bytes = serde_json::to_vec(kept).expect("texts and numbers");
        write_private(file, &bytes).map_err(|error| TlsError::File(file.to_owned(), error))
    }

    fn kept_file(&self) -> PathBuf {
        self.folder.join(KEPT_FILE)
    }

    fn account_file(&self) -> PathBuf {
        self.folder.join("acme-account.json")
    }
}

/// What the authority says of the proof it did not find.
async fn refusal(order: &mut Order) -> String {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else { continue };
        if let Some(error) = state.challenges.iter().find_map(|challenge| challenge.error.as_ref())
        {
            return error.to_string();
        }
    }
    "it does not say why".to_owned()
}

/// A text of the authority's as it may stand in the log, where no address does.
fn without_addresses(text: &str) -> String {
    let may_be_address = |c: char| c.is_ascii_hexdigit() || ".:[]".contains(c);
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_candidate = may_be_address(first);
        let end = rest.find(|c| may_be_address(c) != is_candidate).unwrap_or(rest.len());
        let (run, further) = rest.split_at(end);
        let bare = run.trim_end_matches(['.', ':']);
        let ip = bare.trim_start_matches('[').trim_end_matches(']');
        let is_address = ip.parse::<IpAddr>().is_ok() || bare.parse::<SocketAddr>().is_ok();
        out += if is_address { "[address]" } else { run };
        rest = further;
    }
    out
}

/// When another one is to be had: at two thirds of its life.
fn due_at(certificate: &Certificate) -> u64 {
    let life = certificate.not_after.saturating_sub(certificate.not_before);
    certificate.not_before + life / 3 * 2
}

/// Time until the next attempt: twice as long after each failure.
fn pause_after(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(failures)).min(LONGEST_PAUSE)
}

/// The exchange with the directory, over the same requests as the commands of an administrator.
struct Http {
    ca: Option<PathBuf>,
}

impl HttpClient for Http {
    fn request(
        &self,
        asked: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, instant_acme::Error>> + Send>> {
        let ca = self.ca.clone().unwrap_or_default();
        Box::pin(async move {
            let (parts, body) = asked.into_parts();
            let body = body.collect().await.map_or_else(|never| match never {}, |it| it.to_bytes());
            let uri = parts.uri.into_parts();
            let (scheme, authority) = (uri.scheme, uri.authority);
            let (Some(scheme), Some(authority)) = (scheme, authority) else {
                return Err(instant_acme::Error::Str("a URL with its host"));
            };
            let path = uri.path_and_query.map_or_else(|| "/".to_owned(), |path| path.to_string());
            let mut request = Request::builder().method(parts.method).uri(path);
            for (name, value) in &parts.headers {
                request = request.header(name, value);
            }
            let origin = format!("{scheme}://{authority}");
            let answer = request::ask(&origin, request, body, &ca, REQUEST_DEADLINE).await;
            let answer = answer.map_err(|cause| instant_acme::Error::Other(Box::new(cause)))?;
            let status = http::StatusCode::from_u16(answer.status);
            let mut response = Response::new(Full::new(answer.body));
            *response.status_mut() = status.map_err(http::Error::from)?;
            *response.headers_mut() = answer.headers;
            Ok(response.into())
        })
    }
}

/// The certificate and its key, in the folder of keys and certificates.
const KEPT_FILE: &str = "acme-certificate.json";

/// The authority has forgotten the account (RFC 8555 section 6.7).
const UNKNOWN_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

/// Time for one answer of the directory.
const REQUEST_DEADLINE: Duration = Duration::from_secs(30);
/// Time for the whole order: the authority looks from several places.
const ORDER_DEADLINE: Duration = Duration::from_secs(300);
/// How long and how often the authority is asked whether it is ready.
const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(90));
/// Pause after the first failure. Let's Encrypt allows five a hour for one name; shorter than this,
/// an hour would hold more.
const FIRST_PAUSE: Duration = Duration::from_secs(120);
/// Longest pause. Longer would leave a mistake unmended for more than a school day.
const LONGEST_PAUSE: Duration = Duration::from_secs(12 * 3600);
/// Shortest time between a certificate and the next one.
const MIN_PAUSE: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_become_rarer_and_never_stop() {
        let minutes = |failures| pause_after(failures).as_secs() / 60;
        assert_eq!([0, 1, 2, 3, 4].map(minutes), [2, 4, 8, 16, 32]);
        assert_eq!([9, 40, u32::MAX].map(minutes), [720; 3]);
    }

    #[test]
    fn what_is_kept_serves_the_same_name_of_the_same_authority_alone() {
        let folder = tempfile::tempdir().unwrap();
        let settings = |name: &str, directory: &str| AcmeSettings {
            name: name.to_owned(),
            directory: directory.to_owned(),
            contact: None,
            ca: None,
        };
        let ours = settings("visio.example", "https://ca.example/directory");
        let (acme, none) = Acme::open(folder.path(), &ours).unwrap();
        assert!(none.is_none() && !acme.is_obtained());
        let made = rcgen::generate_simple_self_signed(["visio.example".to_owned()]).unwrap();
        let AcmeSettings { directory, name, .. } = ours.clone();
        let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        acme.write(&acme.kept_file(), &Kept { directory, name, chain, key }).unwrap();
        let (acme, kept) = Acme::open(folder.path(), &ours).unwrap();
        assert!(kept.is_some() && acme.is_obtained() && acme.is_public());
        for other in [
            settings("other.example", "https://ca.example/directory"),
            settings("visio.example", "https://staging.ca.example/directory"),
        ] {
            assert!(Acme::open(folder.path(), &other).unwrap().1.is_none());
        }
        fs::write(acme.kept_file(), "half of").unwrap();
        assert!(Acme::open(folder.path(), &ours).unwrap().1.is_none());
        let lost = AcmeSettings { ca: Some(folder.path().join("ca.pem")), ..ours };
        assert!(matches!(Acme::open(folder.path(), &lost), Err(TlsError::Pem(_))));
    }

    #[test]
    fn no_address_of_a_cause_reaches_the_log() {
        for (text, expected) in [
            ("192.0.2.7: connection refused", "[address] connection refused"),
            ("cannot reach https://127.0.0.1:14000: x", "cannot reach https://[address] x"),
            (
                "no A for visio.example (2001:db8::7, ::1).",
                "no A for visio.example ([address], [address]).",
            ),
            ("[2001:db8::7]:443 is shut", "[address] is shut"),
            ("a deed, at 12:30: 1.5 s, face.", "a deed, at 12:30: 1.5 s, face."),
            ("", ""),
        ] {
            assert_eq!(without_addresses(text), expected);
        }
    }

    #[test]
    fn the_next_one_is_due_at_two_thirds() {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["visio.example".to_owned()]).unwrap();
        let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let file = folder.path().join("x");
        let loaded = Certificate::new((&file, chain.as_bytes()), (&file, key.as_bytes())).unwrap();
        assert_eq!(due_at(&Certificate { not_before: 1000, not_after: 1900, ..loaded }), 1600);
    }
}
