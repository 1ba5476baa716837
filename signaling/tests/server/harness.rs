//! A real server on loopback ports of its own, with a clock the test moves; browsers that speak
//! WebSocket; and plain HTTP by hand.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use signaling::{Asset, Assets, Clock, ClockHand, LogFormat, LogLevel, Server, Settings};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::certificates::TlsBrowser;

/// A server and the folder it keeps its data in.
pub(crate) struct TestServer {
    server: Server,
    pub(crate) hand: ClockHand,
    clock: Clock,
    folder: TempDir,
    settings: Settings,
}

/// A room made by a test: any 32 bytes will do as a proof, or as the seed of the host key.
#[derive(Clone)]
pub(crate) struct Room {
    pub(crate) slug: String,
    pub(crate) guest: String,
    pub(crate) moderator: String,
    pub(crate) host: [u8; 32],
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::start_with("").await
    }

    /// Starts with more lines of configuration.
    pub(crate) async fn start_with(lines: &str) -> Self {
        Self::launch(tempfile::tempdir().unwrap(), lines).await
    }

    /// Starts with what lies in a folder.
    pub(crate) async fn start_in(folder: TempDir) -> Self {
        Self::launch(folder, "").await
    }

    async fn launch(folder: TempDir, lines: &str) -> Self {
        let (clock, hand) = Clock::manual();
        let settings = settings(folder.path(), lines);
        let server = start(&settings, &clock).await;
        Self { server, hand, clock, folder, settings }
    }

    /// Stops in order and starts again with the same data, on other ports.
    pub(crate) async fn restart(self) -> Self {
        let Self { server, hand, clock, folder, settings } = self;
        server.stop().await;
        let server = start(&settings, &clock).await;
        Self { server, hand, clock, folder, settings }
    }

    pub(crate) async fn stop(self) {
        self.server.stop().await;
    }

    /// Lets meetings finish, as after SIGTERM.
    pub(crate) async fn drain(&self, at_most: Duration) {
        self.server.drain(at_most).await;
    }

    pub(crate) fn http(&self) -> SocketAddr {
        self.server.addresses().local_http.unwrap()
    }

    pub(crate) fn addresses(&self) -> &signaling::Addresses {
        self.server.addresses()
    }

    pub(crate) fn data_dir(&self) -> &Path {
        self.folder.path()
    }

    /// Makes a room by `POST /api/rooms`.
    pub(crate) async fn room(&self) -> Room {
        self.room_of("reunion").await
    }

    /// Makes a room of a profile.
    pub(crate) async fn room_of(&self, profile: &str) -> Room {
        self.room_with(profile, true, Value::Null).await
    }

    /// Makes an encrypted room of a profile, which the link alone lets nobody into the circle of.
    pub(crate) async fn encrypted_room_of(&self, profile: &str) -> Room {
        self.room_with(profile, true, json!({ "open": false, "raw": false })).await
    }

    /// Makes a room as a browser does that cannot make a host key.
    pub(crate) async fn room_without_host_key(&self) -> Room {
        self.room_with("reunion", false, Value::Null).await
    }

    async fn room_with(&self, profile: &str, has_host_key: bool, encryption: Value) -> Room {
        let [guest, moderator, host] = [random(), random(), random()];
        let body = json!({
            "guestVerifier": base64url(&sha256(&guest)),
            "moderatorVerifier": base64url(&sha256(&moderator)),
            "hostKey": has_host_key.then(|| base64url(host_key(&host).public_key().as_ref())),
            "profile": profile,
            "encryption": encryption,
        });
        let answer = self.post("/api/rooms", &body.to_string(), &[]).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        let slug = answer.json()["room"].as_str().unwrap().to_owned();
        Room { slug, guest: base64url(&guest), moderator: base64url(&moderator), host }
    }

    pub(crate) async fn get(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        ask(self.http(), "GET", path, "", fields).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str, fields: &[(&str, &str)]) -> Answer {
        let mut all = vec![("content-type", "application/json")];
        all.retain(|(name, _)| !fields.iter().any(|(other, _)| other == name));
        all.extend(fields);
        ask(self.http(), "POST", path, body, &all).await
    }

    /// One value of the metrics page.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let page = ask(self.addresses().metrics, "GET", "/metrics", "", &[]).await;
        let line =
            page.body.lines().find(|line| line.rsplit_once(' ').is_some_and(|l| l.0 == name));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_else(|| {
            panic!("no metric {name} in {}", page.body);
        })
    }

    pub(crate) async fn connect(&self) -> Browser {
        self.try_connect(&[]).await.unwrap()
    }

    /// Opens a session with more header fields; the status of the answer when it is refused.
    pub(crate) async fn try_connect(
        &self,
        fields: &[(&'static str, &str)],
    ) -> Result<Browser, u16> {
        try_connect_to(self.http(), fields).await
    }

    /// Opens a session on a connection that takes little at once.
    pub(crate) async fn connect_narrow(&self) -> Browser {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(2048).unwrap();
        upgrade(socket.connect(self.http()).await.unwrap(), &[]).await.unwrap()
    }

    /// Joins with `proof` and gives the session and its `joined`.
    pub(crate) async fn join(&self, room: &Room, proof: &str) -> (Browser, Value) {
        self.join_with(join(room, proof)).await
    }

    pub(crate) async fn join_with(&self, join: Value) -> (Browser, Value) {
        let mut browser = self.connect().await;
        browser.say(&join).await;
        let joined = browser.hear().await;
        assert_eq!(joined["type"], "joined", "{joined}");
        (browser, joined)
    }

    /// Sends a join that must be refused, and gives the text of the refusal. Moves the clock until
    /// the answer comes.
    pub(crate) async fn refusal(&self, join: &Value) -> String {
        let mut browser = self.connect().await;
        browser.say(join).await;
        let answer = self.hear_in_time(&mut browser).await;
        assert_eq!(browser.close_code().await, 1008);
        answer
    }

    /// The next text; moves the clock step by step until it comes.
    pub(crate) async fn hear_in_time(&self, browser: &mut Browser) -> String {
        for _ in 0..500 {
            let pause = Duration::from_millis(20);
            match tokio::time::timeout(pause, browser.hear_text()).await {
                Ok(text) => return text,
                Err(_) => self.hand.advance(10 * pause),
            }
        }
        panic!("no answer in time");
    }
}

/// Opens a session with a server wherever it runs; the status of the answer when it is refused.
pub(crate) async fn try_connect_to(
    to: SocketAddr,
    fields: &[(&'static str, &str)],
) -> Result<Browser, u16> {
    upgrade(TcpStream::connect(to).await.unwrap(), fields).await
}

async fn upgrade(socket: TcpStream, fields: &[(&'static str, &str)]) -> Result<Browser, u16> {
    let port = socket.peer_addr().unwrap().port();
    let url = format!("ws://localhost:{port}/api/session");
    let mut request: Request = url.into_client_request().unwrap();
    for (name, value) in fields {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    match tokio_tungstenite::client_async(request, socket).await {
        Ok((socket, _)) => Ok(Browser(socket)),
        Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

/// Everything the servers of this process have logged, at DEBUG.
pub(crate) fn log_so_far() -> String {
    String::from_utf8(LOG.lock().unwrap().clone()).unwrap()
}

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Write::write(&mut *LOG.lock().unwrap(), bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn start(settings: &Settings, clock: &Clock) -> Server {
    let subscriber = signaling::log_subscriber(LogFormat::Json, LogLevel::Debug, || LogWriter);
    // Once for all servers of this process; later ones find it in place.
    let _ = tracing::subscriber::set_global_default(subscriber);
    let config = settings.clone().check().unwrap();
    Server::start(&config, clock.clone(), assets()).await.unwrap()
}

pub(crate) fn settings(folder: &Path, lines: &str) -> Settings {
    let own = Settings::parse(lines, Path::new("test")).unwrap();
    let text = format!(
        "data_dir = {folder:?}\nlisten_address = \"127.0.0.1\"\nhttp_port = 0\nhttps_port = 0\n\
         media_port = 0\nmetrics_port = 0\npublic_addresses = [\"127.0.0.1\"]\ntrial = true"
    );
    own.or(Settings::parse(&text, Path::new("test")).unwrap())
}

/// A web client of two files.
pub(crate) fn assets() -> Assets {
    let file = |path, content_type, etag| Asset {
        path,
        content_type,
        etag,
        plain: b"plain",
        brotli: b"brotli",
        gzip: b"gzip",
    };
    Assets::new(&[
        file("/index.html", "text/html; charset=utf-8", "\"one\""),
        file("/assets/app-12345678.js", "text/javascript; charset=utf-8", "\"two\""),
    ])
}

/// One WebSocket.
pub(crate) struct Browser(pub(crate) WebSocketStream<TcpStream>);

impl Browser {
    pub(crate) async fn say(&mut self, message: &Value) {
        self.send(Message::text(message.to_string())).await;
    }

    pub(crate) async fn send(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// The next message.
    pub(crate) async fn hear(&mut self) -> Value {
        serde_json::from_str(&self.hear_text().await).unwrap()
    }

    /// The next message of this type; others before it are dropped.
    pub(crate) async fn hear_type(&mut self, kind: &str) -> Value {
        loop {
            let message = self.hear().await;
            if message["type"] == kind {
                return message;
            }
        }
    }

    pub(crate) async fn hear_text(&mut self) -> String {
        loop {
            match in_time(self.0.next()).await {
                Some(Ok(Message::Text(text))) => return text.to_string(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("instead of a text: {other:?}"),
            }
        }
    }

    /// The code of the close frame, after dropping what comes before it.
    pub(crate) async fn close_code(&mut self) -> u16 {
        loop {
            match in_time(self.0.next()).await {
                Some(Ok(Message::Close(frame))) => return frame.unwrap().code.into(),
                Some(Ok(_)) => {}
                other => panic!("instead of a close frame: {other:?}"),
            }
        }
    }

    /// True once the connection has ended without a word.
    pub(crate) async fn is_cut(&mut self) -> bool {
        loop {
            match in_time(self.0.next()).await {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(_)) => return false,
                Some(Err(_)) | None => return true,
            }
        }
    }

    /// Sends a ping and waits for its pong: the session lives. Gives what came before it.
    pub(crate) async fn is_alive(&mut self) -> Vec<Value> {
        self.say(&json!({ "type": "ping" })).await;
        let mut before = vec![];
        loop {
            match self.hear().await {
                message if message["type"] == "pong" => return before,
                message => before.push(message),
            }
        }
    }
}

/// Fails a test that would hang.
pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("nothing happens")
}

pub(crate) fn join(room: &Room, proof: &str) -> Value {
    json!({
        "type": "join",
        "protocolVersion": protocol::PROTOCOL_VERSION,
        "room": room.slug,
        "proof": proof,
    })
}

/// A join of an encrypted room, with a member key of its own.
pub(crate) fn sealed_join(room: &Room, proof: &str) -> Value {
    with(join(room, proof), "memberKey", base64url(&random()))
}

pub(crate) fn with(mut message: Value, key: &str, value: impl Into<Value>) -> Value {
    message[key] = value.into();
    message
}

/// One of every message, as the crate `protocol` documents it.
pub(crate) fn examples() -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol/examples");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let examples = files.filter_map(|file| {
        let name = file.file_stem()?.to_str()?.strip_prefix("client-")?.to_owned();
        Some((name, serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()))
    });
    examples.collect()
}

/// An HTTP answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut found = self.fields.iter().filter(|(known, _)| known == name);
        let first = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} stands twice");
        first
    }
}

/// A connection to the port of the pages, by a browser that trusts the server's own authority.
pub(crate) async fn tls(server: &TestServer, name: &str) -> TlsStream<TcpStream> {
    let authority = server.get("/authority.crt", &[]).await.body;
    let browser = TlsBrowser::trusting(&authority);
    browser.try_open(server.addresses().https, name).await.unwrap()
}

/// One request on a connection of its own.
pub(crate) async fn ask(
    to: SocketAddr,
    method: &str,
    path: &str,
    body: &str,
    fields: &[(&str, &str)],
) -> Answer {
    let socket = TcpStream::connect(to).await.unwrap();
    let host = format!("localhost:{}", to.port());
    ask_on(socket, &host, method, path, body, fields).await
}

/// One request on a given connection.
pub(crate) async fn ask_on(
    mut socket: impl AsyncReadExt + AsyncWriteExt + Unpin,
    host: &str,
    method: &str,
    path: &str,
    body: &str,
    fields: &[(&str, &str)],
) -> Answer {
    let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    if !fields.iter().any(|(name, _)| *name == "host") {
        head += &format!("host: {host}\r\n");
    }
    if !body.is_empty() {
        head += &format!("content-length: {}\r\n", body.len());
    }
    for (name, value) in fields {
        head += &format!("{name}: {value}\r\n");
    }
    // A server that refuses early may stop reading.
    let _ = socket.write_all(format!("{head}\r\n{body}").as_bytes()).await;
    let mut bytes = Vec::new();
    let _ = in_time(socket.read_to_end(&mut bytes)).await;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text}"));
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let field = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.to_ascii_lowercase(), value.to_owned())
    };
    Answer { status, fields: lines.map(field).collect(), body: body.to_owned() }
}

pub(crate) fn base64url(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn sha256(bytes: &[u8]) -> Vec<u8> {
    ring::digest::digest(&ring::digest::SHA256, bytes).as_ref().to_vec()
}

pub(crate) fn host_key(seed: &[u8; 32]) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(seed).unwrap()
}

pub(crate) fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes).unwrap();
    bytes
}
