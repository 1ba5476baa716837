//! Written words of any kind: what is passed on, and what is not.

use protocol::Redacted;

/// The text as it is passed on: trimmed, line breaks kept. `None` when it is blank, longer than
/// `max_chars`, or holds characters that steer a display (control characters, marks that reorder).
pub(crate) fn accept(typed: &Redacted<String>, max_chars: usize) -> Option<Redacted<String>> {
    let text = typed.expose().trim();
    let is_short = text.chars().nth(max_chars).is_none();
    let is_plain = !text.chars().any(is_steering);
    (is_short && is_plain && !text.is_empty()).then(|| Redacted::new(text.to_owned()))
}

/// Control characters other than tabulators and line breaks, and the bidirectional overrides and
/// isolates of Unicode annex 9, which can make a text or a link read differently.
fn is_steering(c: char) -> bool {
    (c.is_control() && !matches!(c, '\t' | '\n'))
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(text: &str, max: usize) -> Option<String> {
        accept(&Redacted::new(text.to_owned()), max).map(Redacted::into_exposed)
    }

    #[test]
    fn texts_are_trimmed_and_otherwise_kept() {
        assert_eq!(
            accepted("  un\ndeux\t<b>3</b> ليلى ", 99).as_deref(),
            Some("un\ndeux\t<b>3</b> ليلى")
        );
        assert_eq!(accepted(&"é".repeat(40), 40), Some("é".repeat(40)));
    }

    #[test]
    fn texts_that_are_blank_long_or_steering_are_refused() {
        for text in ["", " \n ", "a\u{0}b", "a\u{1b}[2Jb", "a\u{202e}b", "a\u{2067}b", "a\rb"] {
            assert_eq!(accepted(text, 99), None, "{text:?}");
        }
        assert_eq!(accepted(&"é".repeat(41), 40), None);
    }
}
