//! The web client, embedded in the binary: every file with its hash, and compressed where that
//! helps. `build.rs` writes the table.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// One file of the web client.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Path on the server, with its leading slash.
    pub path: &'static str,
    /// Media type.
    pub content_type: &'static str,
    /// Quoted hash of the content (RFC 9110 section 8.8.3).
    pub etag: &'static str,
    /// The content.
    pub plain: &'static [u8],
    /// The content in brotli; empty when that does not help.
    pub brotli: &'static [u8],
    /// The content in gzip; empty when that does not help.
    pub gzip: &'static [u8],
}

/// The files of the web client, by path.
#[derive(Clone, Debug)]
pub struct Assets(BTreeMap<&'static str, Asset>);

impl Assets {
    /// The web client this binary was built with; empty when it was built without.
    pub fn embedded() -> Self {
        Self::new(EMBEDDED)
    }

    /// Other files, for tests.
    pub fn new(assets: &[Asset]) -> Self {
        Self(assets.iter().map(|asset| (asset.path, *asset)).collect())
    }

    /// True when there is no page to show.
    pub fn is_empty(&self) -> bool {
        !self.0.contains_key(INDEX)
    }

    /// Answers a request for a page or one of its files.
    pub(crate) fn answer(&self, path: &str, request: &HeaderMap) -> Response {
        let asset = self.0.get(path).or_else(|| {
            // Pages choose their screen themselves; a path that names a file must exist.
            let last = path.rsplit('/').next().unwrap_or_default();
            let is_page = !path.starts_with(HASHED) && !last.contains('.');
            is_page.then(|| self.0.get(INDEX)).flatten()
        });
        match asset {
            Some(asset) => asset.answer(request),
            None => StatusCode::NOT_FOUND.into_response(),
        }
    }
}

impl Asset {
    fn answer(&self, request: &HeaderMap) -> Response {
        let is_hashed = self.path.starts_with(HASHED);
        let caching = if is_hashed { "public, max-age=31536000, immutable" } else { "no-cache" };
        let mut headers = vec![
            (CACHE_CONTROL, HeaderValue::from_static(caching)),
            (ETAG, HeaderValue::from_static(self.etag)),
            (VARY, HeaderValue::from_name(ACCEPT_ENCODING)),
        ];
        if self.is_known(request) {
            return (StatusCode::NOT_MODIFIED, fields(headers)).into_response();
        }
        headers.push((CONTENT_TYPE, HeaderValue::from_static(self.content_type)));
        let (encoding, body) = self.body(request);
        headers.extend(encoding.map(|name| (CONTENT_ENCODING, HeaderValue::from_static(name))));
        (fields(headers), Bytes::from_static(body)).into_response()
    }

    fn is_known(&self, request: &HeaderMap) -> bool {
        let fields = request.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        let mut tags = fields.flat_map(|value| value.split(',')).map(str::trim);
        tags.any(|tag| tag.strip_prefix("W/").unwrap_or(tag) == self.etag)
    }

    fn body(&self, request: &HeaderMap) -> (Option<&'static str>, &'static [u8]) {
        for (name, body) in [("br", self.brotli), ("gzip", self.gzip)] {
            if !body.is_empty() && accepts(request, name) {
                return (Some(name), body);
            }
        }
        (None, self.plain)
    }
}

/// True when the request names this content coding and does not weigh it zero (RFC 9110 section
/// 12.5.3).
fn accepts(request: &HeaderMap, coding: &str) -> bool {
    let fields = request.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    fields.flat_map(|value| value.split(',')).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let weight = parts.filter_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok()).next();
        let is_refused = weight.is_some_and(|weight| weight <= 0.0);
        is_named && !is_refused
    })
}

fn fields(list: Vec<(HeaderName, HeaderValue)>) -> HeaderMap {
    list.into_iter().collect()
}

/// The page that chooses every screen.
const INDEX: &str = "/index.html";
/// Files whose name holds their hash, so that they never change.
const HASHED: &str = "/assets/";

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    fn request(fields: &[(&str, &str)]) -> HeaderMap {
        let field = |(name, value): &(&str, &str)| {
            (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())
        };
        fields.iter().map(field).collect()
    }

    fn assets() -> Assets {
        let file = |path, etag| Asset {
            path,
            content_type: "text/plain",
            etag,
            plain: b"plain",
            brotli: b"br",
            gzip: b"",
        };
        Assets::new(&[file("/index.html", "\"i\""), file("/assets/a-1.js", "\"a\"")])
    }

    #[test]
    fn pages_share_one_file_and_missing_files_are_missing() {
        let status = |path: &str| assets().answer(path, &request(&[])).status();
        for path in ["/", "/r/AAAA", "/notice", "/index.html", "/assets/a-1.js"] {
            assert_eq!(status(path), StatusCode::OK, "{path}");
        }
        for path in ["/assets/a-2.js", "/assets/x", "/favicon.ico", "/../etc/passwd.txt"] {
            assert_eq!(status(path), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[test]
    fn only_hashed_names_are_cached_without_asking() {
        let caching =
            |path: &str| assets().answer(path, &request(&[])).headers()[CACHE_CONTROL].clone();
        assert_eq!(caching("/assets/a-1.js"), "public, max-age=31536000, immutable");
        assert_eq!(caching("/"), "no-cache");
    }

    #[test]
    fn the_best_accepted_coding_is_sent() {
        let coding = |accepted: &str| {
            let answer = assets().answer("/", &request(&[("accept-encoding", accepted)]));
            answer.headers().get(CONTENT_ENCODING).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(coding("gzip, deflate, br").as_deref(), Some("br"));
        assert_eq!(coding("BR;q=0.5").as_deref(), Some("br"));
        for refused in ["br;q=0", "br;q=0.0", "gzip", "", "brx"] {
            assert_eq!(coding(refused), None, "{refused}");
        }
    }

    #[test]
    fn a_known_file_is_not_sent_again() {
        let status =
            |tags: &str| assets().answer("/", &request(&[("if-none-match", tags)])).status();
        assert_eq!(status("\"x\", W/\"i\""), StatusCode::NOT_MODIFIED);
        assert_eq!(status("\"x\""), StatusCode::OK);
    }
}
