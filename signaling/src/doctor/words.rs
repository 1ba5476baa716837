//! The sentences of findings, by key, in French and in English.

use std::collections::BTreeMap;

use protocol::{DoctorFinding, DoctorLevel, Language};

use super::Finding;

/// What is well needs no cure.
pub(super) fn told(finding: &Finding, language: Language) -> DoctorFinding {
    let texts = texts(language);
    let fill = |key: &str| {
        let text = texts.get(key).expect("every finding has its sentence");
        let places = finding.values.iter();
        places.fold(text.clone(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    };
    DoctorFinding {
        check: finding.check.to_owned(),
        level: finding.level,
        text: fill(finding.says),
        cure: (finding.level != DoctorLevel::Ok).then(|| fill(&format!("{}.cure", finding.says))),
    }
}

pub(super) fn texts(language: Language) -> BTreeMap<String, String> {
    let file = match language {
        Language::Fr => include_str!("texts/fr.json"),
        Language::En => include_str!("texts/en.json"),
    };
    serde_json::from_str(file).expect("texts are part of the program")
}
