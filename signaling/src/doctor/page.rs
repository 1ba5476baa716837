//! The same for the administrator's own browser, which then tries the way to this server itself.

use axum::extract::State;
use axum::http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use protocol::{DoctorReport, ErrorCode};

use crate::app::{App, Connection};
use crate::http::{bearer, is_same_origin, problem};
use crate::papers::preferred;

/// Answers `GET /api/doctor`, for whoever shows the pass of `preau doctor --page`. In the language of
/// `Accept-Language`.
pub(crate) async fn report(
    State(app): State<App>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
) -> Response {
    if !is_same_origin(&headers, app.face.share_origin.as_deref()) {
        return problem(StatusCode::FORBIDDEN, ErrorCode::NotAllowed);
    }
    if !app.join_rate.take(connection.address, app.clock.now()) {
        return problem(StatusCode::TOO_MANY_REQUESTS, ErrorCode::RateLimited);
    }
    if !bearer(&headers).is_some_and(|pass| app.tokens.check_doctor_pass(pass)) {
        return problem(StatusCode::UNAUTHORIZED, ErrorCode::NotAllowed);
    }
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let language = preferred(accepted.unwrap_or_default());
    let findings = super::told(&super::look(Ok(&app.config)).await, language);
    ([(CACHE_CONTROL, "no-store")], Json(DoctorReport { findings })).into_response()
}
