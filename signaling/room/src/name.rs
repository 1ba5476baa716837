//! Pseudonyms: which are accepted, and the neutral ones.

use protocol::{Language, MAX_DISPLAY_NAME_CHARS, Redacted, Role};

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

/// The neutral pseudonym of a role, with the lowest number that nobody in `taken` wears in any role or
/// language.
pub(crate) fn neutral<'a>(
    role: Role,
    language: Language,
    taken: impl Iterator<Item = &'a Redacted<String>> + Clone,
) -> Redacted<String> {
    let is_free = |number: &u32| {
        let forms = WORDS.map(|(_, _, word)| form(word, *number));
        !taken.clone().any(|name| forms.contains(name.expose()))
    };
    let number = (1..).find(is_free).expect("more numbers than participants");
    let is_theirs = |of: &&(Role, Language, &str)| (of.0, of.1) == (role, language);
    let (_, _, word) =
        WORDS.iter().find(is_theirs).expect("every role has a word in each language");
    Redacted::new(form(word, number))
}

/// What people are called who gave no name.
const WORDS: [(Role, Language, &str); 4] = [
    (Role::Guest, Language::Fr, "Invité"),
    (Role::Guest, Language::En, "Guest"),
    (Role::Moderator, Language::Fr, "Animation"),
    (Role::Moderator, Language::En, "Moderator"),
];

fn form(word: &str, number: u32) -> String {
    format!("{word} {number}")
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
    fn neutral_names_take_the_lowest_number_that_is_free_in_every_role_and_language() {
        let names = ["Guest 1", "Invité 2", "Moderator 3", "Zoé", "Animation 5"];
        let names = names.map(|name| Redacted::new(name.to_owned()));
        let neutral = |role, language| neutral(role, language, names.iter()).into_exposed();
        assert_eq!(neutral(Role::Guest, Language::Fr), "Invité 4");
        assert_eq!(neutral(Role::Guest, Language::En), "Guest 4");
        assert_eq!(neutral(Role::Moderator, Language::Fr), "Animation 4");
        assert_eq!(neutral(Role::Moderator, Language::En), "Moderator 4");
    }
}
