//! What can be seen of a server's promises from outside: asks a live instance for its pages and all
//! they name, as a browser would, and holds the answers against what is promised.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;

use axum::http::uri::Scheme;
use axum::http::{HeaderMap, Uri};
use serde_json::Value;

use crate::request::{self, Answer, RequestError};

/// One promise, and what was seen of it.
#[derive(Debug)]
pub(crate) struct Finding {
    /// The requirements it belongs to.
    pub(crate) numbers: &'static str,
    pub(crate) promise: &'static str,
    /// What breaks it; empty when it holds.
    pub(crate) faults: Vec<String>,
}

/// Asks `origin`. `authority` is the file of a local authority to trust beside the system's, if it
/// exists.
pub(crate) async fn check(origin: &str, authority: &Path) -> Result<Vec<Finding>, RequestError> {
    let seen = Seen::crawl(origin, authority).await?;
    let mut findings = vec![];
    let mut add = |numbers, promise, faults: Vec<String>| {
        findings.push(Finding { numbers, promise, faults });
    };
    add("R46", "the address is https, or of this very machine", seen.way(origin));
    add("R10", "no answer tells other sites where one came from", seen.on_each(refers));
    add(
        "R31",
        "the content security policy lets nothing come from elsewhere",
        seen.on_each(policy),
    );
    add("R31", "no page, style or script names another site", seen.on_each(other_sites));
    add("R33", "no STUN or TURN server but this one is named", seen.on_each(ice_servers));
    add(
        "R29",
        "no cookie is set; one file alone keeps anything in a browser, the rooms a teacher chose",
        seen.storage(),
    );
    add("R06", "nothing asks to be installed", seen.on_each(installs));
    add("R29", "no answer is reported to anybody", seen.on_each(reports));
    add("R34", "somebody answers for this server", seen.controller());
    add("R30 R35", "the notice names them, without a script, in both languages", seen.notice());
    Ok(findings)
}

/// What was fetched, by path.
struct Seen {
    answers: BTreeMap<String, Answer>,
    /// Something was named beyond what is looked at.
    is_cut: bool,
}

impl Seen {
    /// Fetches the pages, and whatever of the same origin they name, to the end.
    async fn crawl(origin: &str, authority: &Path) -> Result<Self, RequestError> {
        let mut waiting: BTreeSet<String> = PAGES.map(str::to_owned).into();
        let mut seen = Self { answers: BTreeMap::new(), is_cut: false };
        while let Some(path) = waiting.pop_first() {
            if seen.answers.len() == MAX_FILES {
                seen.is_cut = true;
                break;
            }
            let answer = request::get(origin, &path, authority).await?;
            for name in own_files(&text(&answer)) {
                if !seen.answers.contains_key(&name) && name != path {
                    waiting.insert(name);
                }
            }
            seen.answers.insert(path, answer);
        }
        Ok(seen)
    }

    /// What a rule finds in each answer, with its path.
    fn on_each(&self, rule: fn(&str, &Answer) -> Vec<String>) -> Vec<String> {
        let mut faults: Vec<_> = self
            .answers
            .iter()
            .flat_map(|(path, answer)| {
                rule(path, answer).into_iter().map(move |fault| format!("{path}: {fault}"))
            })
            .collect();
        if self.is_cut {
            faults.push(format!("more than {MAX_FILES} files: not all were looked at"));
        }
        faults
    }

    fn way(&self, origin: &str) -> Vec<String> {
        let missing = PAGES
            .iter()
            .filter(|page| self.answers.get(**page).is_none_or(|answer| answer.status != 200));
        let plain = (!is_safe_way(origin)).then(|| "plain http over a network".to_owned());
        plain.into_iter().chain(missing.map(|page| format!("{page} is not answered"))).collect()
    }

    /// A second file that names storage is another use of it than the one there is.
    fn storage(&self) -> Vec<String> {
        let mut faults = self.on_each(storage);
        let users = self.answers.values().filter(|it| text(it).contains(LOCAL_STORAGE)).count();
        if users > 1 {
            faults.push(format!("{users} files use {LOCAL_STORAGE}"));
        }
        faults
    }

    fn info(&self) -> Value {
        let answer = self.answers.get(INFO).map(|answer| answer.body.as_ref());
        answer.and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default()
    }

    fn controller(&self) -> Vec<String> {
        let info = self.info();
        if info["trial"] == true {
            return vec![TRIAL.to_owned()];
        }
        let mut faults = vec![];
        if info["trial"] != false {
            faults.push("it does not say whether it is a trial".to_owned());
        }
        for field in CONTACTS {
            if info["contacts"][field].as_str().is_none_or(|text| text.trim().is_empty()) {
                faults.push(format!("no {field}"));
            }
        }
        faults
    }

    fn notice(&self) -> Vec<String> {
        let info = self.info();
        let mut faults = vec![];
        for (path, language) in NOTICES {
            let page = self.answers.get(path).map(text).unwrap_or_default();
            if !page.contains(&format!("<html lang=\"{language}\"")) {
                faults.push(format!("{path} is no notice in {language}"));
                continue;
            }
            if page.contains("<script") {
                faults.push(format!("{path} has a script"));
            }
            let words = unescaped(&page);
            for field in CONTACTS {
                if info["contacts"][field].as_str().is_none_or(|text| !words.contains(text)) {
                    faults.push(format!("{path} does not name the {field}"));
                }
            }
        }
        faults
    }
}

/// Whether nobody on a network can read what goes to `origin`: https, or plain http to this machine.
fn is_safe_way(origin: &str) -> bool {
    let Ok(uri) = origin.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    uri.scheme() == Some(&Scheme::HTTPS)
        || host.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

fn refers(_: &str, answer: &Answer) -> Vec<String> {
    match field(&answer.headers, "referrer-policy") {
        "no-referrer" => vec![],
        other => vec![format!("Referrer-Policy is \"{other}\"")],
    }
}

fn policy(_: &str, answer: &Answer) -> Vec<String> {
    let policy = field(&answer.headers, "content-security-policy");
    let mut faults = vec![];
    let mut directives = policy.split(';').map(str::trim);
    if !directives.any(|it| matches!(it, "default-src 'self'" | "default-src 'none'")) {
        faults.push("no default-src 'self'".to_owned());
    }
    let is_loose = |word: &&str| {
        matches!(
            *word,
            "'unsafe-inline'" | "'unsafe-eval'" | "data:" | "http:" | "https:" | "ws:" | "wss:"
        ) || word.contains("//")
            || word.contains('*')
    };
    faults
        .extend(policy.split([' ', ';']).filter(is_loose).map(|word| format!("it lets {word} in")));
    if field(&answer.headers, "x-content-type-options") != "nosniff" {
        faults.push("no X-Content-Type-Options: nosniff".to_owned());
    }
    faults
}

fn other_sites(path: &str, answer: &Answer) -> Vec<String> {
    // It is no page, and says at which of its own addresses other devices reach the server.
    if path == INFO {
        return vec![];
    }
    let text = text(answer);
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("//") {
        let (before, after) = (&text[..at], &text[at + 2..]);
        let host: String = after
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || ".-[:".contains(*c))
            .collect();
        let scheme = ["https:", "http:", "wss:", "ws:"].iter().any(|it| before.ends_with(it));
        // An address without a scheme: in an attribute, in url(), or in quotes.
        let is_bare = before.ends_with(['"', '\'', '(', '=']) && host.contains('.');
        if (scheme || is_bare) && host.contains('.') && !NAMES.contains(&host.as_str()) {
            found.insert(format!("names {host}"));
        }
    }
    found.into_iter().collect()
}

/// A page may name the relay of the server it came from, by the host of its own address alone.
fn ice_servers(_: &str, answer: &Answer) -> Vec<String> {
    let text = text(answer);
    let mut named = BTreeSet::new();
    for scheme in ["stun:", "stuns:", "turn:", "turns:"] {
        for quote in ['"', '\'', '`'] {
            let begun = format!("{quote}{scheme}");
            let mut places = text.match_indices(&begun);
            if places.any(|(at, _)| quote != '`' || !is_own_host(&text[at + begun.len()..])) {
                named.insert(scheme);
            }
        }
    }
    named.into_iter().map(|scheme| format!("names a {scheme} server")).collect()
}

/// Whether a template of a script goes on with `${place.hostname}:`, the host of its own page.
fn is_own_host(template: &str) -> bool {
    let inside = template.strip_prefix("${").and_then(|rest| rest.split_once("}:"));
    let place = inside.and_then(|(value, _)| value.strip_suffix(".hostname"));
    place.is_some_and(|place| {
        !place.is_empty() && place.chars().all(|c| c.is_ascii_alphanumeric() || "_$.".contains(c))
    })
}

fn storage(_: &str, answer: &Answer) -> Vec<String> {
    let cookies = answer.headers.get_all("set-cookie").iter().map(|_| "sets a cookie".to_owned());
    let text = text(answer);
    let stores = ["document.cookie", "cookieStore", "indexedDB", "sessionStorage", "caches.open"];
    let used = stores.into_iter().filter(|name| text.contains(name));
    let is_strange = text.contains(LOCAL_STORAGE) && !text.contains(KEPT_ROOMS);
    let strange = is_strange.then(|| format!("uses {LOCAL_STORAGE} for something else"));
    cookies.chain(used.map(|name| format!("uses {name}"))).chain(strange).collect()
}

fn installs(_: &str, answer: &Answer) -> Vec<String> {
    let text = text(answer);
    let ways = ["serviceWorker.register", "rel=\"manifest\"", "beforeinstallprompt"];
    ways.into_iter().filter(|way| text.contains(way)).map(|way| format!("has {way}")).collect()
}

fn reports(_: &str, answer: &Answer) -> Vec<String> {
    let names = ["nel", "report-to", "reporting-endpoints", "content-security-policy-report-only"];
    let sent = names.into_iter().filter(|name| answer.headers.contains_key(*name));
    let policy = field(&answer.headers, "content-security-policy");
    let inside = ["report-uri", "report-to"].into_iter().filter(|name| policy.contains(name));
    sent.chain(inside).map(|name| format!("asks for reports by {name}")).collect()
}

/// The one value of a field; empty without one.
fn field<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// A page, style, script or answer as text; empty for pictures, fonts and programs.
fn text(answer: &Answer) -> String {
    let kind = field(&answer.headers, "content-type");
    let is_text = ["text/", "application/json", "application/manifest", "image/svg"];
    match is_text.iter().any(|start| kind.starts_with(start)) {
        true => String::from_utf8_lossy(&answer.body).into_owned(),
        false => String::new(),
    }
}

/// Files of the same origin that a page, style or script names, as paths.
fn own_files(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, start) in
        ["assets/", "/notice.css", "/notice.svg"].iter().flat_map(|it| text.match_indices(it))
    {
        let name: String = text[at + start.len()..]
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c))
            .collect();
        if !name.is_empty() || !start.ends_with('/') {
            found.insert(format!("/{}{name}", start.trim_start_matches('/')));
        }
    }
    // Scripts name their neighbours as "./name.js".
    for (at, start) in text.match_indices("./") {
        let name: String = text[at + start.len()..]
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c))
            .collect();
        if [".js", ".css", ".woff2", ".wasm"].iter().any(|end| name.ends_with(end)) {
            found.insert(format!("/assets/{name}"));
        }
    }
    found
}

/// The words of a page, with the characters that templates write in another way.
fn unescaped(page: &str) -> String {
    [
        ("&#x27;", "'"),
        ("&#x2f;", "/"),
        ("&quot;", "\""),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(page.to_owned(), |page, (escaped, plain)| page.replace(escaped, plain))
}

/// What is asked of a server whatever its pages name.
const PAGES: [&str; 5] = ["/", "/test", INFO, NOTICES[0].0, NOTICES[1].0];
const INFO: &str = "/api/server";

/// As every server is that was started without a word of configuration.
const TRIAL: &str =
    "it is a trial: nobody answers for it before its configuration has a [controller]";

const NOTICES: [(&str, &str); 2] = [("/notice?lang=fr", "fr"), ("/notice?lang=en", "en")];
const CONTACTS: [&str; 3] = ["controller", "dpo", "support"];

/// What lasts in a browser; and the key under which the pages keep a teacher's rooms (`web-client/src/keep.ts`).
const LOCAL_STORAGE: &str = "localStorage";
const KEPT_ROOMS: &str = "preau.rooms";

/// Hosts that stand in names and remarks which nobody fetches: XML namespaces, header extensions of
/// RTP, the documentation of a format.
const NAMES: [&str; 4] =
    ["www.w3.org", "aomediacodec.github.io", "www.ietf.org", "www.webmproject.org"];

/// Files looked at. A page of more is told; raising it lets a hostile server keep a check busy longer.
const MAX_FILES: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_safe_to_this_very_machine_alone() {
        for origin in [
            "https://visio.example.org",
            "http://localhost:8080",
            "http://127.0.0.1",
            "http://127.8.0.1:1/",
            "http://[::1]:8080",
            "http://[::ffff:127.0.0.1]",
        ] {
            assert!(is_safe_way(origin), "{origin}");
        }
        for origin in [
            "http://visio.example.org",
            "http://[2001:db8::1]:8080",
            "http://[fe80::1]",
            "http://localhost.example.org",
            "http://127.0.0.1.example.org",
            "http://localhost@example.org",
        ] {
            assert!(!is_safe_way(origin), "{origin}");
        }
    }

    #[test]
    fn r33_the_relay_of_the_pages_own_host_is_the_only_one_that_may_be_named() {
        let faults = |body: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("content-type", "text/javascript".parse().unwrap());
            ice_servers("/a.js", &Answer { status: 200, headers, body: body.to_owned().into() })
        };
        assert!(faults("[{urls:`turns:${t.hostname}:${n}?transport=tcp`").is_empty());
        for elsewhere in [
            "`turns:${t.hostname}.example.org:443`",
            "`turns:${'relay.example.org'}:${n}`",
            "`turns:${t.host}:443`",
            "`turns:relay.example.org:443`",
            "\"turns:${t.hostname}:443\"",
            "`turns:${t.hostname}:1`+`turns:x`",
        ] {
            assert_eq!(faults(elsewhere), ["names a turns: server"], "{elsewhere}");
        }
        assert_eq!(faults("'stun:a'+`turn:b`"), ["names a stun: server", "names a turn: server"]);
    }

    #[test]
    fn r29_storage_of_a_browser_is_for_the_rooms_a_teacher_keeps_alone() {
        const KEPT: &str = "localStorage.setItem('preau.rooms', text)";
        let script = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("content-type", "text/javascript".parse().unwrap());
            Answer { status: 200, headers, body: text.into() }
        };
        let faults = |texts: &[&'static str]| {
            let answers = texts.iter().enumerate();
            let answers = answers.map(|(n, text)| (format!("/{n}.js"), script(text))).collect();
            Seen { answers, is_cut: false }.storage()
        };
        assert!(faults(&[KEPT, "other()"]).is_empty());
        assert_eq!(faults(&[KEPT, KEPT]), ["2 files use localStorage"]);
        let other = faults(&["localStorage.id = 1"]);
        assert_eq!(other, ["/0.js: uses localStorage for something else"]);
        assert_eq!(faults(&["sessionStorage.id = 1"]), ["/0.js: uses sessionStorage"]);
    }
}
