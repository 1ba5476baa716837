//! Routes: making a room, what pages ask, health, the static client; and the headers of every
//! answer.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, ORIGIN,
    STRICT_TRANSPORT_SECURITY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use protocol::{CreateRoom, ErrorCode, PROTOCOL_VERSION, Redacted, ServerInfo};
use serde::Serialize;

use crate::addresses::is_this_machine;
use crate::app::{App, Connection};
use crate::{authority, doctor, notice, recordings, websocket};

/// Every route a browser may use.
pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/api/rooms", post(create_room))
        .route("/api/server", get(server_info))
        .route("/api/session", get(websocket::open))
        .merge(recordings::http::routes())
        .route("/api/doctor", get(doctor::report))
        .route("/healthz", get(health))
        .route("/readyz", get(readiness))
        .route("/authority", get(authority::page))
        .route("/authority.crt", get(authority::file))
        .route("/notice", get(notice::page))
        .route("/notice.css", get(notice::style))
        .route("/notice.svg", get(notice::mark))
        .fallback(page)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(axum::middleware::from_fn_with_state(app.clone(), secure))
        .with_state(app)
}

/// Routes for the administrator's own machine.
pub(crate) fn admin_router(app: App) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(health))
        .route("/readyz", get(readiness))
        .with_state(app)
}

/// An error as the page reads it: its sentence is in the page.
pub(crate) fn problem(status: StatusCode, code: ErrorCode) -> Response {
    #[derive(Serialize)]
    struct Problem {
        code: ErrorCode,
    }
    (status, [(CACHE_CONTROL, "no-store")], Json(Problem { code })).into_response()
}

/// True unless a browser says that another site's page asks. Programs that are no browsers send
/// no `Origin`; there is no cookie or other standing right such a request could abuse.
pub(crate) fn is_same_origin(headers: &HeaderMap, share_origin: Option<&str>) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let Some(origin) = origins.next() else { return true };
    let (Ok(origin), None) = (origin.to_str(), origins.next()) else { return false };
    let origin = origin.to_ascii_lowercase();
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let of_host = ["https://", "http://"]
        .into_iter()
        .filter_map(|scheme| origin.strip_prefix(scheme))
        .filter(|authority| !authority.is_empty())
        .any(|authority| host.is_some_and(|host| host.eq_ignore_ascii_case(authority)));
    of_host || share_origin == Some(origin.as_str())
}

async fn create_room(
    State(app): State<App>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    if !is_same_origin(&headers, app.face.share_origin.as_deref()) {
        return problem(StatusCode::FORBIDDEN, ErrorCode::NotAllowed);
    }
    if !app.create_rate.take(connection.address, app.clock.now()) {
        return problem(StatusCode::TOO_MANY_REQUESTS, ErrorCode::RateLimited);
    }
    if app.face.host_pass_required && !has_host_pass(&app, &headers) {
        return problem(StatusCode::UNAUTHORIZED, ErrorCode::HostPassRequired);
    }
    let Ok(body) = body else {
        return problem(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::MessageTooLarge);
    };
    // A page of another site cannot send this type without being asked about its origin first.
    let is_json =
        headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
            value.split(';').next().unwrap_or_default().trim() == "application/json"
        });
    let wish = serde_json::from_slice::<CreateRoom>(&body).ok().filter(|_| is_json);
    let Some(wish) = wish else {
        return problem(StatusCode::BAD_REQUEST, ErrorCode::Malformed);
    };
    match app.registry.create(&wish).await {
        Ok(created) => {
            (StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], Json(created)).into_response()
        }
        Err(code @ (ErrorCode::Malformed | ErrorCode::HostKeyMissing)) => {
            problem(StatusCode::BAD_REQUEST, code)
        }
        Err(code) => problem(StatusCode::SERVICE_UNAVAILABLE, code),
    }
}

fn has_host_pass(app: &App, headers: &HeaderMap) -> bool {
    bearer(headers).is_some_and(|pass| app.tokens.check_host_pass(pass))
}

/// What a request shows to be let in (RFC 6750 section 2.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(str::trim)
}

async fn server_info(State(app): State<App>, headers: HeaderMap) -> Response {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    // A page opened at an address others can reach shares that very address.
    let is_local = host.is_some_and(is_this_machine);
    let share_origin = app.face.share_origin.clone().filter(|_| is_local).map(Redacted::new);
    let info = ServerInfo {
        protocol_version: PROTOCOL_VERSION,
        share_origin,
        host_pass_required: app.face.host_pass_required,
        incident_recipient: app.face.incident_recipient.clone(),
        contacts: app.face.contacts.clone(),
        trial: app.face.is_trial,
        recording: app.recordings.policy(),
    };
    ([(CACHE_CONTROL, "no-store")], Json(info)).into_response()
}

async fn health(State(app): State<App>) -> Response {
    match app.media_stats().await.is_some() {
        true => ([(CACHE_CONTROL, "no-store")], "ok").into_response(),
        false => problem(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Internal),
    }
}

/// Whether meetings may begin here: a server that drains is well, and takes no new ones.
async fn readiness(State(app): State<App>) -> Response {
    if app.registry.is_draining() || *app.stopping.borrow() {
        return problem(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Restarting);
    }
    health(State(app)).await
}

async fn metrics(State(app): State<App>) -> Response {
    let mut page = app.metrics.render(&app.gauges());
    page.extend(app.media_stats().await.as_ref().map(sfu::render));
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page).into_response()
}

async fn page(State(app): State<App>, uri: Uri, request: Request) -> Response {
    if uri.path() == "/api" || uri.path().starts_with("/api/") {
        problem(StatusCode::NOT_FOUND, ErrorCode::Malformed)
    } else if matches!(*request.method(), Method::GET | Method::HEAD) {
        app.assets.answer(uri.path(), request.headers())
    } else {
        problem(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Malformed)
    }
}

async fn wrong_method() -> Response {
    problem(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Malformed)
}

/// Puts the security headers on every answer, and a time limit on every request.
async fn secure(
    State(app): State<App>,
    connection: Extension<Connection>,
    request: Request,
    next: Next,
) -> Response {
    let policy = policy_of_worker(request.uri().path());
    let answer = app.clock.in_time(REQUEST_DEADLINE, next.run(request)).await;
    let mut response =
        answer.unwrap_or_else(|| problem(StatusCode::REQUEST_TIMEOUT, ErrorCode::Malformed));
    let headers = response.headers_mut();
    for (name, value) in SECURITY_HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if let Some(policy) = policy {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    }
    // A browser that was told so could no longer get past a local authority's warning.
    let is_public = app.certificates.as_ref().is_some_and(|certificates| certificates.is_public());
    if connection.is_tls && is_public {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    response
}

/// Largest request body: two verifiers and a key are below 300 bytes.
const MAX_BODY_BYTES: usize = 4096;

/// Time for a request, its body included. Longer lets bodies that trickle in hold connections.
const REQUEST_DEADLINE: Duration = Duration::from_secs(10);

/// Workers of the page have one script each and policies of their own.
fn policy_of_worker(path: &str) -> Option<&'static str> {
    WORKERS.into_iter().find(|(begin, _)| path.starts_with(begin)).map(|(_, policy)| policy)
}

/// The one that hides what is behind a person may compile WebAssembly and fetch two files of ours, and
/// nothing else; the one that encrypts and decrypts may do nothing but that.
const WORKERS: [(&str, &str); 2] = [
    (
        "/assets/masking-worker-",
        "default-src 'none'; script-src 'wasm-unsafe-eval'; connect-src 'self'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    (
        "/assets/frames-worker-",
        "default-src 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
         trusted-types 'none'",
    ),
];

const SECURITY_HEADERS: [(&str, &str); 8] = [
    (
        "content-security-policy",
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' blob:; \
         media-src 'self' blob:; connect-src 'self'; worker-src 'self'; object-src 'none'; \
         base-uri 'none'; form-action 'none'; frame-src 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types preau",
    ),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    (
        "permissions-policy",
        "camera=(self), microphone=(self), display-capture=(self), fullscreen=(self), \
         screen-wake-lock=(self), speaker-selection=(self), clipboard-write=(self), \
         picture-in-picture=(self), autoplay=(self), \
         accelerometer=(), browsing-topics=(), clipboard-read=(), gamepad=(), geolocation=(), \
         gyroscope=(), hid=(), idle-detection=(), local-fonts=(), magnetometer=(), midi=(), \
         payment=(), publickey-credentials-get=(), serial=(), storage-access=(), usb=(), \
         xr-spatial-tracking=()",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("cross-origin-resource-policy", "same-origin"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn only_the_own_origin_and_the_shared_one_may_open_sessions() {
        let share = Some("https://visio.example");
        for (origin, host) in [
            ("https://192.0.2.7:8443", "192.0.2.7:8443"),
            ("http://localhost:8080", "LOCALHOST:8080"),
            ("https://visio.example", "10.0.0.1:8443"),
        ] {
            assert!(is_same_origin(&headers(&[("origin", origin), ("host", host)]), share));
        }
        for (origin, host) in [
            ("https://evil.example", "visio.example"),
            ("https://visio.example:444", "visio.example"),
            ("https://visio.example.evil.example", "visio.example"),
            ("null", "visio.example"),
            ("", ""),
            ("https://", ""),
            ("file://", "visio.example"),
        ] {
            let is_same = is_same_origin(&headers(&[("origin", origin), ("host", host)]), share);
            assert!(!is_same, "{origin} {host}");
        }
        let two = headers(&[("origin", "https://a"), ("origin", "https://b"), ("host", "a")]);
        assert!(!is_same_origin(&two, share));
        assert!(is_same_origin(&headers(&[("host", "a")]), share), "no browser");
    }
}
