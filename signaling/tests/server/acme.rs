//! A certificate by ACME, of pebble: an authority made for tests, a program of Debian.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::certificates::{Authority, TlsBrowser, shown};
use crate::harness::{TestServer, ask_on, in_time, log_so_far};

const NAME: &str = "visio.example";

/// A running pebble. It ends with the test.
struct Pebble {
    child: Child,
    management: SocketAddr,
    authority: Authority,
    /// What both it and the server read.
    _folder: tempfile::TempDir,
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.end();
    }
}

/// Where a pebble will be, and what it needs.
struct Place {
    folder: tempfile::TempDir,
    authority: Authority,
    directory: SocketAddr,
    management: SocketAddr,
}

impl Place {
    fn new() -> Self {
        let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new());
        let [certificate, key] = authority.issue(&["127.0.0.1"], 2);
        for (name, text) in
            [("a.pem", certificate), ("b.pem", key), ("ca.pem", authority.pem.clone())]
        {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        // Pebble takes no port 0. Both are held until both are known, so that they are two.
        let held = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        let [directory, management] = held.map(|socket| socket.local_addr().unwrap());
        Self { folder, authority, directory, management }
    }

    fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Lines of a server that asks it.
    fn lines(&self) -> String {
        format!(
            "tls = \"acme\"\nshare_origin = \"https://{NAME}\"\nacme_contact = \"dsi@{NAME}\"\n\
             acme_directory = \"https://{}/dir\"\nacme_ca = {:?}",
            self.directory,
            self.ca()
        )
    }

    /// Starts it; it looks for the proof at `https_port`.
    fn start(self, https_port: u16) -> Pebble {
        let file = self.folder.path().join("pebble.json");
        let config = serde_json::json!({ "pebble": {
            "listenAddress": self.directory.to_string(),
            "managementListenAddress": self.management.to_string(),
            "certificate": self.folder.path().join("a.pem"),
            "privateKey": self.folder.path().join("b.pem"),
            "httpPort": 1,
            "tlsPort": https_port,
            "certificateValidityPeriod": 90 * 24 * 3600,
        }});
        std::fs::write(&file, config.to_string()).unwrap();
        let mut child = Command::new("pebble")
            .arg("-config")
            .arg(&file)
            .args(["-dnsserver", &names().to_string()])
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env("PEBBLE_WFE_NONCEREJECT", "0")
            .env("PEBBLE_AUTHZREUSE", "0")
            .stdout(Stdio::piped())
            .spawn()
            .expect("pebble is installed (scripts/need test)");
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let is_ready = said.by_ref().any(|line| line.unwrap().contains("directory available"));
        assert!(is_ready, "pebble does not start");
        // Its pipe is emptied until it ends.
        std::thread::spawn(move || said.for_each(drop));
        while std::net::TcpStream::connect(self.directory).is_err() {
            assert!(child.try_wait().unwrap().is_none(), "pebble has ended");
        }
        let Self { folder, authority, management, .. } = self;
        Pebble { child, management, authority, _folder: folder }
    }
}

impl Pebble {
    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// What browsers would have to trust.
    async fn root(&self) -> String {
        let browser = TlsBrowser::trusting(&self.authority.pem);
        let socket = browser.try_open(self.management, "127.0.0.1").await.unwrap();
        ask_on(socket, "127.0.0.1", "GET", "/roots/0", "", &[]).await.body
    }
}

/// A name server for which every name is this machine (RFC 1035).
fn names() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut question = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut question) {
            // The question begins behind twelve bytes: labels up to an empty one, type, class.
            let labels = question[12..length].iter().position(|byte| *byte == 0).unwrap();
            let end = 12 + labels + 5;
            let is_v4 = question[end - 4..end - 2] == [0, 1];
            let mut answer = question[..end].to_vec();
            answer[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(is_v4), 0, 0, 0, 0]);
            if is_v4 {
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1]);
            }
            let _ = socket.send_to(&answer, from);
        }
    });
    address
}

#[tokio::test]
async fn a_certificate_is_got_kept_renewed_and_outlives_the_authority() {
    let place = Place::new();
    let server = TestServer::start_with(&place.lines()).await;
    let https = server.addresses().https;
    // Nobody is there yet: that is said, and the local authority's certificate serves meanwhile.
    in_time(async { while server.metric("preau_certificate_failures_total").await != 1 {} }).await;
    assert!(log_so_far().contains("no certificate by ACME"));
    let own = std::fs::read_to_string(server.data_dir().join("tls/authority.crt")).unwrap();
    let of_before = TlsBrowser::trusting(&own).try_open(https, NAME).await.unwrap();

    let mut pebble = place.start(https.port());
    let browser = TlsBrowser::trusting(&pebble.root().await);
    let until_other = async |before: &[u8], step: u64| {
        in_time(async {
            loop {
                server.hand.advance(Duration::from_secs(step));
                if let Ok(socket) = browser.try_open(server.addresses().https, NAME).await
                    && shown(&socket) != before
                {
                    return shown(&socket);
                }
            }
        })
        .await
    };
    let first = until_other(&shown(&of_before), 1).await;
    for name in ["acme-account.json", "acme-certificate.json"] {
        let kept = std::fs::metadata(server.data_dir().join("tls").join(name)).unwrap();
        assert_eq!(kept.permissions().mode() & 0o777, 0o600, "{name}");
    }
    // A private authority's certificate must not keep browsers from going past a warning.
    let socket = browser.try_open(https, NAME).await.unwrap();
    let answer = ask_on(socket, NAME, "GET", "/", "", &[]).await;
    assert_eq!((answer.status, answer.field("strict-transport-security")), (200, None));

    // Two thirds of 90 days later.
    server.hand.advance(Duration::from_secs(59 * 24 * 3600));
    let socket = browser.try_open(https, NAME).await.unwrap();
    assert_eq!(shown(&socket), first);
    server.hand.advance(Duration::from_secs(2 * 24 * 3600));
    let second = until_other(&first, 60).await;
    assert_ne!(first, second);

    // Without the authority what is kept goes on.
    pebble.end();
    let server = server.restart().await;
    let again = browser.try_open(server.addresses().https, NAME).await.unwrap();
    assert_eq!(shown(&again), second);
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_gets_none_and_the_cause_is_said() {
    let place = Place::new();
    let server = TestServer::start_with(&place.lines()).await;
    // It looks where nobody proves anything.
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = elsewhere.local_addr().unwrap().port();
    drop(elsewhere);
    let _pebble = place.start(port);
    in_time(async {
        while !log_so_far().contains("found no proof under the name of this server") {
            server.hand.advance(Duration::from_secs(60));
            server.metric("preau_rooms").await;
        }
    })
    .await;
    let own = std::fs::read_to_string(server.data_dir().join("tls/authority.crt")).unwrap();
    let browser = TlsBrowser::trusting(&own);
    browser.try_open(server.addresses().https, NAME).await.expect("the own certificate serves");
}
