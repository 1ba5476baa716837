//! Pseudonyms: which are accepted, and the neutral ones.

use protocol::{Language, MAX_DISPLAY_NAME_CHARS, Redacted};

/// The pseudonym as it will be shown: trimmed. `None` when it is blank, too long, or holds
/// characters that could disguise it or its neighbours.
pub(crate) fn accept(typed: &Redacted<String>) -> Option<Redacted<String>> {
    let name = typed.expose().trim();
    let is_short = name.chars().nth(MAX_DISPLAY_NAME_CHARS).is_none();
    let is_visible = name.chars().any(|c| !c.is_whitespace() && !is_blank_mark(c));
    let is_plain = !name.chars().any(is_disguise);
    (is_short && is_visible && is_plain).then(|| Redacted::new(name.to_owned()))
}

/// True when there is nothing in the field.
pub(crate) fn is_blank(typed: &Redacted<String>) -> bool {
    typed.expose().trim().is_empty()
}

/// The neutral pseudonym of the lowest number that nobody in `taken` wears in any language.
pub(crate) fn neutral<'a>(
    language: Language,
    taken: impl Iterator<Item = &'a Redacted<String>> + Clone,
) -> Redacted<String> {
    let is_free = |number: &u32| {
        let forms = [Language::Fr, Language::En].map(|language| form(language, *number));
        !taken.clone().any(|name| forms.contains(name.expose()))
    };
    let number = (1..).find(is_free).expect("more numbers than participants");
    Redacted::new(form(language, number))
}

fn form(language: Language, number: u32) -> String {
    match language {
        Language::Fr => format!("Invité {number}"),
        Language::En => format!("Guest {number}"),
    }
}

/// Control characters, line breaks, and the marks that reorder or hide text (Unicode annex 9
/// bidirectional controls, zero-width space, byte order mark, interlinear annotation).
fn is_disguise(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// Characters that draw nothing by themselves: joiners, selectors, fillers, tags.
fn is_blank_mark(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200c}' | '\u{200d}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(text: &str) -> Option<String> {
        accept(&Redacted::new(text.to_owned())).map(Redacted::into_exposed)
    }

    #[test]
    fn names_are_trimmed_and_kept_as_typed() {
        assert_eq!(accepted("  Zoé \u{1f469}\u{200d}\u{1f3eb} \n"), Some("Zoé 👩‍🏫".into()));
        assert_eq!(accepted("ليلى"), Some("ليلى".into()));
        assert_eq!(accepted(&"é".repeat(40)), Some("é".repeat(40)));
        assert_eq!(accepted("<img src=x>"), Some("<img src=x>".into()));
    }

    #[test]
    fn names_that_are_blank_long_or_disguised_are_refused() {
        let bad = ["", "   ", "\u{200d}", "\u{3164}\u{3164}", "a\u{202e}b", "a\nb", "a\u{0}b"];
        for name in bad.into_iter().chain(["\u{feff}a", "a\u{2066}b", "a\u{200b}b", "a\u{2028}b"]) {
            assert_eq!(accepted(name), None, "{name:?}");
        }
        assert_eq!(accepted(&"é".repeat(41)), None);
    }

    #[test]
    fn neutral_names_take_the_lowest_free_number_over_both_languages() {
        let names = ["Guest 1", "Invité 2", "Zoé"].map(|name| Redacted::new(name.to_owned()));
        let neutral = |language| neutral(language, names.iter()).into_exposed();
        assert_eq!(neutral(Language::Fr), "Invité 3");
        assert_eq!(neutral(Language::En), "Guest 3");
    }
}
