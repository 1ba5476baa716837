//! Behind a proxy that ends https: plain http, and whose word on addresses counts.

use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::harness::{TestServer, ask, log_so_far};

const BEHIND: &str =
    "tls = \"behind-proxy\"\nshare_origin = \"https://visio.example\"\nhttps_port = 0";

/// Makes rooms with this `X-Forwarded-For` until one is refused; gives how many there were.
async fn rooms_from(server: &TestServer, forwarded: impl Fn(usize) -> String) -> usize {
    let body = "{}";
    for made in 0..200 {
        let forwarded = forwarded(made);
        let mut fields = vec![("content-type", "application/json")];
        if !forwarded.is_empty() {
            fields.push(("x-forwarded-for", &forwarded));
        }
        let answer = ask(server.addresses().https, "POST", "/api/rooms", body, &fields).await;
        match answer.status {
            // The limit counts whoever asks, before what they ask.
            400 => {}
            429 => return made,
            other => panic!("{other}: {}", answer.body),
        }
    }
    200
}

#[tokio::test]
async fn plain_http_serves_the_proxy_on_the_loopback_addresses() {
    let server = TestServer::start_with(BEHIND).await;
    assert!(server.addresses().https.ip().is_loopback());
    assert_eq!(server.addresses().share_origin.as_deref(), Some("https://visio.example"));
    let fields = [("host", "visio.example"), ("x-forwarded-for", "192.0.2.1")];
    let page = ask(server.addresses().https, "GET", "/", "", &fields).await;
    assert_eq!((page.status, page.field("strict-transport-security")), (200, None));
    let crt = ask(server.addresses().https, "GET", "/authority.crt", "", &fields).await;
    assert_eq!(crt.status, 404);
    assert!(!server.data_dir().join("tls").exists(), "no authority is made that nobody needs");

    let url = format!("ws://visio.example:{}/api/session", server.addresses().https.port());
    let mut request = url.into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("origin", "https://visio.example".parse().unwrap());
    headers.insert("x-forwarded-for", "192.0.2.1".parse().unwrap());
    let socket = tokio::net::TcpStream::connect(server.addresses().https).await.unwrap();
    tokio_tungstenite::client_async(request, socket).await.expect("a session opens");
    assert!(!log_so_far().contains("192.0.2.1"), "never logged");
}

#[tokio::test]
async fn limits_count_whom_the_proxy_names_and_not_what_they_claim() {
    let server = TestServer::start_with(BEHIND).await;
    assert_eq!(rooms_from(&server, |_| "192.0.2.1".to_owned()).await, 60);
    assert_eq!(rooms_from(&server, |_| "192.0.2.2".to_owned()).await, 60, "another person");
    let made_up = |n| format!("198.51.100.{n}, 192.0.2.1");
    assert_eq!(rooms_from(&server, made_up).await, 0, "in front of it anybody writes anything");
    let by_network = |n| format!("2001:db8::{n:x}");
    assert_eq!(rooms_from(&server, by_network).await, 60);
    assert_eq!(rooms_from(&server, |_| "nonsense".to_owned()).await, 60, "the proxy itself");
    assert_eq!(rooms_from(&server, |_| String::new()).await, 0, "as without a word");
}

#[tokio::test]
async fn from_others_than_trusted_proxies_the_field_counts_for_nothing() {
    let lines = format!("{BEHIND}\ntrusted_proxies = [\"192.0.2.0/24\"]");
    let server = TestServer::start_with(&lines).await;
    assert_eq!(rooms_from(&server, |n| format!("203.0.113.{n}")).await, 60, "one source");
    let plain = TestServer::start().await;
    for n in 0..60 {
        let forwarded = format!("203.0.113.{n}");
        let answer = plain.post("/api/rooms", "{}", &[("x-forwarded-for", &forwarded)]).await;
        assert_eq!(answer.status, 400);
    }
    let answer = plain.post("/api/rooms", "{}", &[("x-forwarded-for", "203.0.113.99")]).await;
    assert_eq!(answer.status, 429, "no proxy is configured");
}

#[tokio::test]
async fn what_is_likely_not_meant_is_said_at_the_start() {
    let lines = "tls = \"behind-proxy\"\nproxy_listen_address = \"0.0.0.0\"";
    let server = TestServer::start_with(lines).await;
    assert_eq!(server.addresses().share_origin, None);
    let log = log_so_far();
    assert!(log.contains("A proxy ends https, and share_origin does not name it"), "{log}");
    assert!(log.contains("proxy_listen_address without trusted_proxies"), "{log}");
}
