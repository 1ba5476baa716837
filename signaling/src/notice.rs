//! The privacy notice (article 13 of the GDPR) as pages of the running server, which need no script.

use axum::extract::State;
use axum::http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};

use protocol::Language;

use crate::app::App;
use crate::papers::{Facts, LANGUAGES, NOTICE_STYLE, PaperError, code, notice_page, preferred};

/// The notice in each language, made once: it says what this process does.
#[derive(Debug)]
pub(crate) struct Notice([String; 2]);

impl Notice {
    pub(crate) fn new(facts: &Facts) -> Result<Self, PaperError> {
        let [french, english] = LANGUAGES.map(|language| notice_page(facts, language));
        Ok(Self([french?, english?]))
    }
}

/// Answers `/notice`.
pub(crate) async fn page(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    in_language(&app.face.notice.0, &uri, &headers)
}

/// Answers with the page in French or the one in English: by `?lang=`, or as the browser prefers.
pub(crate) fn in_language(pages: &[String; 2], uri: &Uri, headers: &HeaderMap) -> Response {
    let mut fields = uri.query().unwrap_or_default().split('&');
    let asked = fields.find_map(|field| match field {
        "lang=fr" => Some(Language::Fr),
        "lang=en" => Some(Language::En),
        _ => None,
    });
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let language = asked.unwrap_or_else(|| preferred(accepted.unwrap_or_default()));
    let [french, english] = pages;
    let text = match language {
        Language::Fr => french,
        Language::En => english,
    };
    let fields = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_LANGUAGE, code(language)),
        (CACHE_CONTROL, "no-cache"),
        (VARY, "accept-language"),
    ];
    (fields, text.clone()).into_response()
}

/// Answers `/notice.css`.
pub(crate) async fn style() -> Response {
    let fields = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "no-cache")];
    (fields, NOTICE_STYLE).into_response()
}

/// Answers `/notice.svg`, the mark in the tab.
pub(crate) async fn mark() -> Response {
    ([(CONTENT_TYPE, "image/svg+xml"), (CACHE_CONTROL, "no-cache")], MARK).into_response()
}

const MARK: &str = include_str!("../../web-client/src/ui/brand/favicon.svg");
