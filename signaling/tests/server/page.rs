//! Pages, headers, and plain HTTP questions.

use serde_json::json;
use signaling::{Clock, Server, StartError};
use tokio::net::TcpListener;

use crate::harness::{TestServer, ask_on, assets, base64url, random, settings, sha256, tls};

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let server = TestServer::start().await;
    for path in ["/", "/r/AAAA", "/assets/app-12345678.js", "/assets/none", "/api/none", "/readyz"]
    {
        let answer = server.get(path, &[]).await;
        let field = |name: &str| answer.field(name).unwrap_or_else(|| panic!("{path}: no {name}"));
        let policy = field("content-security-policy");
        for part in [
            "default-src 'self';",
            "script-src 'self';",
            "style-src 'self';",
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types preau",
        ] {
            assert!(policy.contains(part), "{path}: {part}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        assert_eq!(field("referrer-policy"), "no-referrer");
        assert_eq!(field("x-content-type-options"), "nosniff");
        assert_eq!(field("cross-origin-opener-policy"), "same-origin");
        assert_eq!(field("cross-origin-embedder-policy"), "require-corp");
        assert_eq!(field("cross-origin-resource-policy"), "same-origin");
        let permissions = field("permissions-policy");
        for own in ["camera=(self)", "microphone=(self)", "display-capture=(self)"] {
            assert!(permissions.contains(own), "{permissions}");
        }
        assert!(permissions.contains("geolocation=()"), "{permissions}");
        assert_eq!(answer.field("set-cookie"), None);
        assert_eq!(answer.field("strict-transport-security"), None);
        assert_eq!(answer.field("server"), None);
    }
}

#[tokio::test]
async fn workers_may_do_their_one_thing_and_nothing_else() {
    let server = TestServer::start().await;
    let policy = async |path: &str| {
        let answer = server.get(path, &[]).await;
        answer.field("content-security-policy").unwrap().to_owned()
    };
    let worker = policy("/assets/masking-worker-12345678.js").await;
    assert!(worker.starts_with("default-src 'none'; script-src 'wasm-unsafe-eval';"), "{worker}");
    assert!(!worker.contains("'unsafe-eval'") && !worker.contains("script-src 'self'"), "{worker}");
    let frames = policy("/assets/frames-worker-12345678.js").await;
    assert!(frames.starts_with("default-src 'none'; frame-ancestors 'none';"), "{frames}");
    assert!(!frames.contains("self") && !frames.contains("script-src"), "{frames}");
    for path in ["/", "/assets/masking-12345678.js", "/r/assets/masking-worker-12345678.js"] {
        assert!(!policy(path).await.contains("wasm"), "{path}");
    }
}

#[tokio::test]
async fn hashed_files_are_cached_for_good_and_pages_are_asked_for() {
    let server = TestServer::start().await;
    let page = server.get("/r/AAAA", &[("accept-encoding", "gzip, br")]).await;
    assert_eq!((page.status, page.field("cache-control")), (200, Some("no-cache")));
    assert_eq!((page.field("content-encoding"), page.body.as_str()), (Some("br"), "brotli"));
    assert_eq!(page.field("vary"), Some("accept-encoding"));
    let tag = page.field("etag").unwrap();
    let known = server.get("/", &[("if-none-match", tag)]).await;
    assert_eq!((known.status, known.body.as_str()), (304, ""));
    let script = server.get("/assets/app-12345678.js", &[]).await;
    assert_eq!(script.body, "plain");
    let caching = script.field("cache-control").unwrap();
    assert!(caching.contains("immutable") && caching.contains("31536000"), "{caching}");
}

#[tokio::test]
async fn what_does_not_exist_is_said_so_in_the_right_form() {
    let server = TestServer::start().await;
    for path in ["/api/none", "/api/rooms/AAAA", "/api/"] {
        let answer = server.get(path, &[]).await;
        assert_eq!((answer.status, answer.json()), (404, json!({ "code": "malformed" })), "{path}");
    }
    assert_eq!(server.get("/api/rooms", &[]).await.status, 405);
    assert_eq!(server.get("/api/rooms", &[]).await.json()["code"], "malformed");
    assert_eq!(server.post("/", "{}", &[]).await.status, 405);
    assert_eq!(server.get("/favicon.ico", &[]).await.status, 404);
    assert_eq!(server.get("/..%2f..%2fetc/passwd", &[]).await.body, "plain", "just a page");
    assert_eq!(server.get("/metrics", &[]).await.body, "plain", "metrics are not served here");
    assert_eq!(server.get("/api/session", &[]).await.status, 426);
}

#[tokio::test]
async fn rooms_are_made_from_two_different_verifiers_and_nothing_else() {
    let server = TestServer::start().await;
    let [one, two] = [base64url(&sha256(&random())), base64url(&sha256(&random()))];
    let body = |guest: &str, moderator: &str| {
        json!({ "guestVerifier": guest, "moderatorVerifier": moderator, "profile": "classe" })
            .to_string()
    };
    let good = server.post("/api/rooms", &body(&one, &two), &[]).await;
    assert_eq!(good.status, 201);
    assert_eq!(good.json()["room"].as_str().unwrap().len(), 22);
    assert!(good.json()["expiresAt"].as_u64().unwrap() > 1_700_000_000);
    assert_eq!(good.field("cache-control"), Some("no-store"));
    let more = json!({ "guestVerifier": one, "moderatorVerifier": two, "profile": "classe", "name": "6e B" });
    for body in [
        body(&one, &one),
        body(&one, &two[1..]),
        body(&one, &format!("{two}=")),
        more.to_string(),
        "{}".to_owned(),
        "null".to_owned(),
        "<xml/>".to_owned(),
        String::new(),
    ] {
        let answer = server.post("/api/rooms", &body, &[]).await;
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (400, Some("malformed")),
            "{body}"
        );
    }
    let plain =
        server.post("/api/rooms", &body(&one, &two), &[("content-type", "text/plain")]).await;
    assert_eq!(plain.status, 400, "a form of another site could send this type");
    let large = server.post("/api/rooms", &"x".repeat(5000), &[]).await;
    assert_eq!((large.status, large.json()["code"].as_str()), (413, Some("message_too_large")));
    let foreign = [("origin", "https://evil.example")];
    let foreign = server.post("/api/rooms", &body(&one, &two), &foreign).await;
    assert_eq!((foreign.status, foreign.json()["code"].as_str()), (403, Some("not_allowed")));
}

#[tokio::test]
async fn making_rooms_is_limited_by_address() {
    let server = TestServer::start().await;
    for _ in 0..60 {
        server.room().await;
    }
    let answer = server.post("/api/rooms", "{}", &[]).await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (429, Some("rate_limited")));
    server.hand.advance(std::time::Duration::from_secs(2));
    server.room().await;
}

#[tokio::test]
async fn a_restricted_server_makes_rooms_for_pass_holders_only() {
    let server = TestServer::start_with("host_pass_required = true").await;
    assert_eq!(server.get("/api/server", &[]).await.json()["hostPassRequired"], true);
    for value in ["", "Bearer", "Bearer x", "Basic eDp4", "Bearer eyJhbGciOiJub25lIn0.e30."] {
        let answer = server.post("/api/rooms", "{}", &[("authorization", value)]).await;
        let code = answer.json()["code"].as_str().map(str::to_owned);
        assert_eq!((answer.status, code.as_deref()), (401, Some("host_pass_required")), "{value}");
    }
}

#[tokio::test]
async fn only_a_page_opened_on_this_machine_is_told_another_origin() {
    let server = TestServer::start_with("share_origin = \"https://visio.example\"").await;
    let origin = async |host: &str| {
        server.get("/api/server", &[("host", host)]).await.json()["shareOrigin"].clone()
    };
    assert_eq!(origin("localhost:8080").await, "https://visio.example");
    assert_eq!(origin("127.0.0.1").await, "https://visio.example");
    assert_eq!(origin("192.0.2.7:8443").await, json!(null));
    assert_eq!(origin("visio.example").await, json!(null));
    let version = server.get("/api/server", &[]).await.json()["protocolVersion"].clone();
    assert_eq!(version, protocol::PROTOCOL_VERSION);
}

#[tokio::test]
async fn https_shows_a_certificate_of_the_local_authority_which_can_be_fetched() {
    let server = TestServer::start().await;
    let fetched = server.get("/authority.crt", &[]).await;
    assert_eq!(fetched.field("content-type"), Some("application/x-x509-ca-cert"));
    for name in ["localhost", "127.0.0.1"] {
        let socket = tls(&server, name).await;
        let answer = ask_on(socket, name, "GET", "/healthz", "", &[]).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
        assert_eq!(
            answer.field("strict-transport-security"),
            None,
            "the warning must stay passable"
        );
    }
}

#[tokio::test]
async fn a_port_in_use_is_named_with_the_flag_that_changes_it() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    for (key, flag) in [
        ("https_port", "--https-port"),
        ("http_port", "--local-http"),
        ("metrics_port", "--metrics-port"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let config = settings(folder.path(), &format!("{key} = {port}")).check().unwrap();
        let error = Server::start(&config, Clock::system(), assets()).await.unwrap_err();
        assert!(matches!(error, StartError::PortTaken { .. }), "{error}");
        let words = error.to_string();
        assert!(words.contains(&port.to_string()) && words.contains(flag), "{words}");
    }
}

#[tokio::test]
async fn a_server_without_pages_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let config = settings(folder.path(), "").check().unwrap();
    let error = Server::start(&config, Clock::system(), signaling::Assets::new(&[])).await;
    assert!(error.unwrap_err().to_string().contains("make web-client"));
}
