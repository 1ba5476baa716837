//! The certificate of https: files that change, its end, and a page that hands the authority out.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use crate::harness::{TestServer, ask_on, in_time, log_so_far, sha256};

/// An authority of a test, which issues for `visio.example`.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate and its key, PEM, for these names and so many days.
    pub(crate) fn issue(&self, names: &[&str], days: i64) -> [String; 2] {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        let now = OffsetDateTime::now_utc();
        params.not_before = now - time::Duration::days(60);
        params.not_after = now + time::Duration::days(days);
        let key = KeyPair::generate().unwrap();
        [params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem()]
    }
}

/// A browser that trusts one authority.
#[derive(Clone)]
pub(crate) struct TlsBrowser(TlsConnector);

impl TlsBrowser {
    pub(crate) fn trusting(authority_pem: &str) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority_pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self(TlsConnector::from(Arc::new(config)))
    }

    /// Opens a connection under a name, or says why not.
    pub(crate) async fn try_open(
        &self,
        to: std::net::SocketAddr,
        name: &str,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let socket = TcpStream::connect(to).await.unwrap();
        self.0.connect(name.to_owned().try_into().unwrap(), socket).await
    }

    /// Opens a connection to `visio.example`.
    async fn open(&self, server: &TestServer) -> TlsStream<TcpStream> {
        self.try_open(server.addresses().https, "visio.example").await.unwrap()
    }
}

/// The certificate that was shown (DER).
pub(crate) fn shown(socket: &TlsStream<TcpStream>) -> Vec<u8> {
    socket.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

fn der(pem: &str) -> Vec<u8> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
}

/// A server with a certificate in files that the test changes.
struct WithFiles {
    server: TestServer,
    files: [PathBuf; 2],
    _folder: tempfile::TempDir,
}

impl WithFiles {
    async fn start(pair: &[String; 2]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = ["fullchain.pem", "privkey.pem"].map(|name| folder.path().join(name));
        for (file, text) in files.iter().zip(pair) {
            std::fs::write(file, text).unwrap();
        }
        let lines = format!(
            "share_origin = \"https://visio.example\"\ntls_certificate = {:?}\ntls_key = {:?}",
            files[0], files[1]
        );
        let server = TestServer::start_with(&lines).await;
        Self { server, files, _folder: folder }
    }

    /// Lets time pass until this certificate is shown.
    async fn until_shown(&self, browser: &TlsBrowser, certificate: &str) {
        let expected = der(certificate);
        in_time(async {
            while shown(&browser.open(&self.server).await) != expected {
                self.server.hand.advance(Duration::from_secs(5));
            }
        })
        .await;
    }

    /// Lets time pass until so many changes could not be used.
    async fn until_failures(&self, count: u64) {
        in_time(async {
            while self.server.metric("preau_certificate_failures_total").await != count {
                self.server.hand.advance(Duration::from_secs(5));
            }
        })
        .await;
    }
}

/// Asks on a connection that stays open.
async fn ask_and_stay(socket: &mut TlsStream<TcpStream>) {
    let request = b"GET /healthz HTTP/1.1\r\nhost: visio.example\r\n\r\n";
    socket.write_all(request).await.unwrap();
    let mut answer = vec![];
    while !answer.ends_with(b"\r\n\r\nok") {
        let byte = in_time(socket.read_u8()).await;
        answer.push(byte.expect("the connection goes on"));
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 "));
}

#[tokio::test]
async fn files_are_taken_up_again_under_load_and_open_connections_go_on() {
    let authority = Authority::new();
    let browser = TlsBrowser::trusting(&authority.pem);
    let [one, other] = [(); 2].map(|()| authority.issue(&["visio.example"], 90));
    let with = WithFiles::start(&one).await;
    let mut before = browser.open(&with.server).await;
    ask_and_stay(&mut before).await;

    let is_over = Arc::new(AtomicBool::new(false));
    let visits: Vec<_> = (0..8).map(|_| Arc::new(AtomicUsize::new(0))).collect();
    let known = [der(&one[0]), der(&other[0])];
    let crowd: Vec<_> = visits
        .iter()
        .map(|visits| {
            let (is_over, visits) = (is_over.clone(), visits.clone());
            let (browser, known) = (browser.clone(), known.clone());
            let to = with.server.addresses().https;
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    let mut socket = browser.try_open(to, "visio.example").await.unwrap();
                    assert!(known.contains(&shown(&socket)));
                    ask_and_stay(&mut socket).await;
                    visits.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for (file, text) in with.files.iter().zip(&other) {
        std::fs::write(file, text).unwrap();
    }
    in_time(async {
        while shown(&browser.open(&with.server).await) != known[1] {
            // Between two moves of the hand everybody gets a word in: to be slow is another matter.
            ask_and_stay(&mut before).await;
            let seen: Vec<_> = visits.iter().map(|visits| visits.load(Ordering::Relaxed)).collect();
            let is_first =
                |(now, seen): (&Arc<AtomicUsize>, &usize)| now.load(Ordering::Relaxed) == *seen;
            while visits.iter().zip(&seen).any(is_first) {
                tokio::task::yield_now().await;
            }
            with.server.hand.advance(Duration::from_secs(5));
        }
    })
    .await;
    ask_and_stay(&mut before).await;
    assert_eq!(shown(&before), der(&one[0]), "the connection of before is the same");
    is_over.store(true, Ordering::Relaxed);
    for visitor in crowd {
        in_time(visitor).await.expect("nobody was turned away");
    }
    assert_eq!(with.server.metric("preau_certificate_failures_total").await, 0);
}

#[tokio::test]
async fn a_pair_that_cannot_be_used_leaves_the_one_before_and_is_said() {
    let authority = Authority::new();
    let browser = TlsBrowser::trusting(&authority.pem);
    let [one, other] = [(); 2].map(|()| authority.issue(&["visio.example"], 90));
    let with = WithFiles::start(&one).await;
    // The key of another certificate, half a file, none at all.
    std::fs::write(&with.files[1], &other[1]).unwrap();
    with.until_failures(1).await;
    assert!(log_so_far().contains("no new certificate: the one before goes on"));
    std::fs::write(&with.files[0], &one[0][..one[0].len() / 2]).unwrap();
    with.until_failures(2).await;
    std::fs::remove_file(&with.files[0]).unwrap();
    with.until_failures(3).await;
    assert_eq!(shown(&browser.open(&with.server).await), der(&one[0]));
    std::fs::write(&with.files[0], &other[0]).unwrap();
    with.until_shown(&browser, &other[0]).await;
    assert_eq!(with.server.metric("preau_certificate_failures_total").await, 3, "each once");
}

#[tokio::test]
async fn the_end_of_the_certificate_is_a_metric_and_is_said_when_it_is_near() {
    let authority = Authority::new();
    let far = WithFiles::start(&authority.issue(&["visio.example"], 90)).await;
    let end = far.server.metric("preau_certificate_not_after_seconds").await;
    let now = OffsetDateTime::now_utc().unix_timestamp().cast_unsigned();
    let days = |end: u64| (end - now + 600) / (24 * 3600);
    assert_eq!(days(end), 90);
    let near = WithFiles::start(&authority.issue(&["visio.example"], 11)).await;
    let end = near.server.metric("preau_certificate_not_after_seconds").await;
    assert_eq!(days(end), 11);
    let said = |days: u64| {
        let field = format!("\"days_left\":{days}");
        log_so_far().split(&field).skip(1).any(|rest| rest.starts_with([',', '}']))
    };
    in_time(async {
        // Eleven days, or a second less.
        while !said(11) && !said(10) {
            near.server.metric("preau_rooms").await;
        }
        // And again each day.
        while !(0..10).any(said) {
            near.server.hand.advance(Duration::from_secs(24 * 3600));
            near.server.metric("preau_rooms").await;
        }
    })
    .await;
    assert!(!said(90) && !said(89), "the other one is far from it");
}

#[tokio::test]
async fn a_page_hands_the_local_authority_out_with_its_fingerprint() {
    let server = TestServer::start().await;
    let authority = server.get("/authority.crt", &[]).await.body;
    let digest = sha256(&der(&authority));
    let pairs: Vec<_> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    let fingerprint = pairs.join(":");
    for (path, accepted, language) in
        [("/authority", "", "fr"), ("/authority?lang=en", "fr", "en"), ("/authority", "en", "en")]
    {
        let page = server.get(path, &[("accept-language", accepted)]).await;
        assert_eq!((page.status, page.field("content-language")), (200, Some(language)));
        assert!(page.body.contains(&fingerprint), "{}", page.body);
        for words in ["href=\"/authority.crt\"", "Windows", "macOS", "Android", "iPhone", "Firefox"]
        {
            assert!(page.body.contains(words), "{words}");
        }
        assert!(!page.body.contains("<script") && page.body.contains("/authority?lang="));
    }
    let said = server.addresses().authority_fingerprint.as_deref();
    assert_eq!(said, Some(fingerprint.as_str()), "the start prints the same");
}

#[tokio::test]
async fn browsers_are_held_to_https_by_a_public_certificate_alone() {
    let authority = Authority::new();
    let with = WithFiles::start(&authority.issue(&["visio.example"], 90)).await;
    let socket = TlsBrowser::trusting(&authority.pem).open(&with.server).await;
    let answer = ask_on(socket, "visio.example", "GET", "/", "", &[]).await;
    assert_eq!(answer.field("strict-transport-security"), Some("max-age=31536000"));
    for path in ["/authority", "/authority.crt"] {
        assert_eq!(with.server.get(path, &[]).await.status, 404, "{path}");
    }
}
