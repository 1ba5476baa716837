//! What is said about a server in writing: the privacy notice it serves and the documents of
//! `preau documents`. Every text is a template in `papers/texts`, filled from the same [`Facts`] of
//! the configuration, so that no two of them can say different things.

mod dpia;
mod facts;

use minijinja::value::{Serde, Value, ValueKind};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use protocol::Language;
use thiserror::Error;

pub(crate) use self::facts::Facts;

/// Both languages the texts are written in, French first.
pub(crate) const LANGUAGES: [Language; 2] = [Language::Fr, Language::En];

/// A language as in the `lang` of a page.
pub(crate) fn code(language: Language) -> &'static str {
    match language {
        Language::Fr => "fr",
        Language::En => "en",
    }
}

/// The language that a person prefers (the first of `Accept-Language` that there is, RFC 9110 section
/// 12.5.4); French for everybody else, as the web client chooses.
pub(crate) fn preferred(accepted: &str) -> Language {
    let tags = accepted.split(',').map(|tag| tag.trim().to_ascii_lowercase());
    let mut known = tags.filter_map(|tag| match tag.split(['-', ';']).next() {
        Some("fr") => Some(Language::Fr),
        Some("en") => Some(Language::En),
        _ => None,
    });
    known.next().unwrap_or(Language::Fr)
}

/// A text that cannot be made; the templates are part of the program, so this is a fault of ours.
#[derive(Debug, Error)]
#[error("a text cannot be made: {0:#}")]
pub struct PaperError(#[from] minijinja::Error);

/// The notice as the page `/notice`.
pub(crate) fn notice_page(facts: &Facts, language: Language) -> Result<String, PaperError> {
    render("notice", PAGE, facts, language, "")
}

/// How devices come to trust this machine's own authority, as the page `/authority`.
pub(crate) fn authority_page(
    facts: &Facts,
    language: Language,
    fingerprint: &str,
) -> Result<String, PaperError> {
    let text = match language {
        Language::Fr => include_str!("papers/texts/authority.fr.jinja"),
        Language::En => include_str!("papers/texts/authority.en.jinja"),
    };
    let values = context! { name => "authority", date => "", fingerprint };
    fill(text, PAGE, facts, language, values)
}

/// The style sheet of these pages.
pub(crate) const NOTICE_STYLE: &str = include_str!("papers/texts/notice.css");

/// Every document, by the name of its file. `date` is the day they were made.
pub(crate) fn documents(
    facts: &Facts,
    language: Language,
    date: &str,
) -> Result<Vec<(String, String)>, PaperError> {
    let mut files = Vec::new();
    for (name, ..) in TEXTS {
        let text = render(name, DOCUMENT, facts, language, date)?;
        files.push((format!("{name}.html"), text));
    }
    files.push(("dpia.json".to_owned(), dpia::render(facts, language, date)?));
    Ok(files)
}

/// One text inside a frame.
fn render(
    name: &str,
    frame: &str,
    facts: &Facts,
    language: Language,
    date: &str,
) -> Result<String, PaperError> {
    let (_, french, english) =
        TEXTS.iter().find(|(other, ..)| *other == name).expect("every text is in the table");
    let text = match language {
        Language::Fr => french,
        Language::En => english,
    };
    fill(text, frame, facts, language, context! { name, date })
}

/// Fills a text inside a frame, with what is said of the server and these values.
fn fill(
    text: &str,
    frame: &str,
    facts: &Facts,
    language: Language,
    values: Value,
) -> Result<String, PaperError> {
    let shared = match language {
        Language::Fr => SHARED_FR,
        Language::En => SHARED_EN,
    };
    let language = context! { lang => code(language) };
    let values = context! { ..language, ..values, ..Value::from(Serde(facts)) };
    Ok(environment().render_str(&[shared, text, frame].concat(), values)?)
}

/// What the templates may use.
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_function("link", link);
    environment
}

/// A way to reach somebody: a link where it is an address one can open, otherwise its text.
fn link(contact: Value) -> Value {
    let text = contact.as_str().unwrap_or_default();
    debug_assert_eq!(contact.kind(), ValueKind::String, "a contact is a text");
    let escaped: String = text.chars().map(escape).collect();
    let is_mail = text.contains('@') && !text.contains(char::is_whitespace);
    let address = match text {
        _ if text.starts_with("https://") => escaped.clone(),
        _ if is_mail => format!("mailto:{escaped}"),
        _ => return contact,
    };
    Value::from_safe_string(format!("<a href=\"{address}\">{escaped}</a>"))
}

fn escape(character: char) -> String {
    match character {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\'' => "&#x27;".to_owned(),
        other => other.to_string(),
    }
}

const SHARED_FR: &str = include_str!("papers/texts/shared.fr.jinja");
const SHARED_EN: &str = include_str!("papers/texts/shared.en.jinja");
const PAGE: &str = include_str!("papers/texts/page.jinja");
const DOCUMENT: &str = include_str!("papers/texts/document.jinja");

/// A text's name, in French, in English.
macro_rules! texts {
    ($($name:literal),* $(,)?) => {
        &[$((
            $name,
            include_str!(concat!("papers/texts/", $name, ".fr.jinja")),
            include_str!(concat!("papers/texts/", $name, ".en.jinja")),
        )),*]
    };
}

const TEXTS: &[(&str, &str, &str)] = texts![
    "notice",
    "record",
    "processor-annex",
    "charter",
    "faq",
    "rights",
    "security-target",
    "incident-runbook",
    "posters",
    "accessibility",
];

#[cfg(test)]
mod tests;
