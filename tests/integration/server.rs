//! A real server in this process, on loopback ports of its own.

use std::net::SocketAddr;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use e2ee_member::link::{self, Flags};
use serde_json::{Value, json};
use signaling::{Asset, Assets, Clock, Server, Settings};
use tempfile::TempDir;
use tests::Random;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A running server and the folder it keeps its data in.
pub(crate) struct RealServer {
    server: Server,
    folder: TempDir,
}

/// A room and what each of its links proves; any 32 bytes will do.
pub(crate) struct Room {
    pub(crate) slug: String,
    pub(crate) guest: String,
    pub(crate) moderator: String,
}

impl RealServer {
    /// Starts on ports the system chooses.
    pub(crate) async fn start() -> Self {
        Self::start_at(Clock::system()).await
    }

    /// Starts with a clock of the test's own; media keeps to the machine's.
    pub(crate) async fn start_at(clock: Clock) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let text = format!(
            "data_dir = {:?}\nlisten_address = \"127.0.0.1\"\nhttp_port = 0\nhttps_port = 0\n\
             media_port = 0\nmetrics_port = 0\npublic_addresses = [\"127.0.0.1\"]\ntrial = true",
            folder.path()
        );
        let settings = Settings::parse(&text, Path::new("test")).expect("the settings are good");
        let config = settings.check().expect("the settings are good");
        let page = Asset {
            path: "/index.html",
            content_type: "text/html; charset=utf-8",
            etag: "\"one\"",
            plain: b"page",
            brotli: b"page",
            gzip: b"page",
        };
        let server = Server::start(&config, clock, Assets::new(&[page])).await;
        Self { server: server.expect("the server starts"), folder }
    }

    /// Where pages and sessions are.
    pub(crate) fn http(&self) -> SocketAddr {
        self.server.addresses().local_http.expect("local http was asked for")
    }

    /// Where media goes.
    pub(crate) fn media(&self) -> SocketAddr {
        self.server.addresses().media
    }

    /// The port of the pages, with TLS.
    pub(crate) fn https(&self) -> SocketAddr {
        self.server.addresses().https
    }

    /// The body of one page.
    pub(crate) async fn get(&self, path: &str) -> String {
        ask(self.http(), "GET", path, "").await
    }

    /// Makes a room.
    pub(crate) async fn room(&self, seed: u64) -> Room {
        let mut random = Random::new(seed);
        let [guest, moderator] = [random.bytes(32), random.bytes(32)];
        let verifier = |proof: &[u8]| {
            let hash = ring::digest::digest(&ring::digest::SHA256, proof);
            URL_SAFE_NO_PAD.encode(hash.as_ref())
        };
        let body = json!({
            "guestVerifier": verifier(&guest),
            "moderatorVerifier": verifier(&moderator),
            "profile": "reunion",
        });
        let answer = ask(self.http(), "POST", "/api/rooms", &body.to_string()).await;
        let created: Value = serde_json::from_str(&answer).expect("the room was made");
        Room {
            slug: created["room"].as_str().expect("it has a name").to_owned(),
            guest: URL_SAFE_NO_PAD.encode(guest),
            moderator: URL_SAFE_NO_PAD.encode(moderator),
        }
    }

    /// Makes an encrypted room of this moderator secret; gives its slug.
    pub(crate) async fn encrypted_room(&self, moderator: &[u8; 16], flags: Flags) -> String {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let body = json!({
            "guestVerifier": text(&link::verifier(&link::guest_secret(moderator, 0))),
            "moderatorVerifier": text(&link::verifier(moderator)),
            "hostKey": text(&link::host_key(moderator)),
            "profile": "reunion",
            "encryption": { "open": flags.open, "raw": flags.raw },
        });
        let answer = ask(self.http(), "POST", "/api/rooms", &body.to_string()).await;
        let created: Value = serde_json::from_str(&answer).expect("the room was made");
        created["room"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// Where it keeps its data.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The metrics page.
    pub(crate) async fn metrics(&self) -> String {
        ask(self.server.addresses().metrics, "GET", "/metrics", "").await
    }

    /// One value of the metrics page.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let page = self.metrics().await;
        let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = value.and_then(|text| text.parse().ok());
        value.unwrap_or_else(|| panic!("no metric {name} in {page}"))
    }

    /// Says goodbye to everybody and ends.
    pub(crate) async fn stop(self) {
        self.server.stop().await;
    }
}

/// One request on a connection of its own; gives the body of the answer.
async fn ask(to: SocketAddr, method: &str, path: &str, body: &str) -> String {
    let mut socket = TcpStream::connect(to).await.expect("the server listens");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost:{}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        to.port(),
        body.len()
    );
    socket.write_all(request.as_bytes()).await.expect("the server reads");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("the server answers");
    let (_, body) = answer.split_once("\r\n\r\n").expect("an answer has a body");
    body.to_owned()
}
