use std::path::Path;

use super::*;
use crate::config::Settings;

/// The facts of a configuration with these lines, and of a controller with these.
fn facts(lines: &str, controller: &str) -> Facts {
    let text = format!(
        "{lines}\n[controller]\nname = \"Lycée des Tilleuls\"\naddress = \"3 place du Marché, 59000 Lille\"\n\
         support = \"assistance@tilleuls.example\"\nhosting_company = \"Rectorat\"\n{controller}\n"
    );
    let config = Settings::parse(&text, Path::new("preau.toml")).and_then(Settings::check).unwrap();
    Facts::of(&config, Some("https://visio.tilleuls.example".to_owned()))
}

const USUAL: &str = "dpo = \"dpd@tilleuls.example\"\nhosting_country = \"FR\"";
const AGE_KEY: &str =
    "incident_recipient = \"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\"";

#[test]
fn r29_the_notice_names_contacts_first_then_every_item_of_data_with_purpose_and_retention() {
    for language in LANGUAGES {
        let page = notice_page(&facts(AGE_KEY, USUAL), language).unwrap();
        let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} in {page}"));
        assert!(at("Lycée des Tilleuls") < at("mailto:dpd@tilleuls.example"));
        assert!(at("mailto:dpd@tilleuls.example") < at("assistance@tilleuls.example"));
        let [first, address, cookie] = match language {
            Language::Fr => ["<h3>Pseudonyme", "<h3>Adresse IP", "Aucun cookie"],
            Language::En => ["<h3>Pseudonym", "<h3>IP address", "No cookie"],
        };
        assert!(at("assistance@tilleuls.example") < at(first));
        assert!(at(first) < at(address) && at(cookie) > 0);
        assert_eq!(page.matches("<h3>").count() * 3 + 4, page.matches("<dt>").count());
        assert!(!page.contains("<script") && !page.contains("style="), "{page}");
        assert!(page.contains("CNIL") && page.contains("6.1.e") || page.contains("6(1)(e)"));
    }
}

#[test]
fn a_trial_says_that_nobody_answers_for_it() {
    let trial = Facts::of(&Settings::default().check().unwrap(), None);
    for (language, words) in [(Language::Fr, "Serveur d"), (Language::En, "Trial server")] {
        assert!(notice_page(&trial, language).unwrap().contains(words));
        assert!(!notice_page(&facts("", USUAL), language).unwrap().contains(words));
    }
}

#[test]
fn what_an_administrator_writes_is_text() {
    let lines = USUAL.replace("dpd@tilleuls.example", "<script>alert(1)</script>\\\"&'");
    for language in LANGUAGES {
        let page = notice_page(&facts("", &lines), language).unwrap();
        assert!(!page.contains("<script>") && page.contains("&lt;script&gt;"), "{page}");
    }
}

#[test]
fn the_language_is_the_first_a_browser_prefers() {
    for (accepted, expected) in [
        ("fr-CA, en;q=0.8", Language::Fr),
        ("en-GB,en;q=0.9,fr;q=0.8", Language::En),
        ("de, EN;q=0.5", Language::En),
        ("de", Language::Fr),
        ("", Language::Fr),
        ("english", Language::Fr),
    ] {
        assert_eq!(preferred(accepted), expected, "{accepted}");
    }
}

/// The words of a page, without what is between angle brackets.
fn words(page: &str) -> String {
    let mut is_inside = false;
    page.chars()
        .filter(|character| match character {
            '<' => {
                is_inside = true;
                false
            }
            '>' => !std::mem::replace(&mut is_inside, false),
            _ => !is_inside,
        })
        .collect()
}

#[test]
fn both_languages_keep_their_typography() {
    let facts = facts(AGE_KEY, USUAL);
    let authority = authority_page(&facts, Language::Fr, "AB:CD").unwrap();
    let french = documents(&facts, Language::Fr, "2026-09-01").unwrap();
    for (name, page) in french.into_iter().chain([("authority".to_owned(), authority)]) {
        let (_, page) = page.split_once("<body>").unwrap_or(("", &page));
        let text: Vec<char> = words(page).chars().collect();
        for pair in text.windows(2) {
            let around = || format!("{name}: {pair:?}");
            let is_space = pair[0] == ' ';
            assert!(!(is_space && matches!(pair[1], ':' | ';' | '!' | '?' | '»')), "{}", around());
            assert!(pair[0] != '«' || pair[1] == '\u{a0}', "{}", around());
        }
        assert!(name.ends_with(".json") || !words(page).contains('\''), "{name}");
    }
    for (name, page) in documents(&facts, Language::En, "2026-09-01").unwrap() {
        assert!(!page.contains(['«', '»', '\u{a0}']), "{name}");
    }
}

/// Every document in both languages, by language and name.
fn all(facts: &Facts) -> Vec<(String, String)> {
    let of = |language: Language| {
        let made = documents(facts, language, "2026-09-01").unwrap();
        made.into_iter().map(move |(name, text)| (format!("{}/{name}", code(language)), text))
    };
    LANGUAGES.into_iter().flat_map(of).collect()
}

/// The names, without their language, of documents that differ between two configurations; both
/// languages must agree on them.
fn changed(one: &Facts, other: &Facts) -> Vec<String> {
    let pairs = all(one).into_iter().zip(all(other));
    let names: Vec<String> =
        pairs.filter(|(one, other)| one != other).map(|(one, _)| one.0).collect();
    let of = |code: &str| -> Vec<String> {
        names.iter().filter_map(|name| name.strip_prefix(code)).map(str::to_owned).collect()
    };
    let french = of("fr/");
    assert_eq!(french, of("en/"), "both languages change together");
    french
}

/// Documents that name this text in both languages.
fn naming(facts: &Facts, text: &str) -> Vec<String> {
    let named = all(facts).into_iter().filter(|(_, document)| document.contains(text));
    named.filter_map(|(name, _)| name.strip_prefix("fr/").map(str::to_owned)).collect()
}

/// What lists the items of data with their retention.
const WITH_DATA: [&str; 8] = [
    "notice.html",
    "record.html",
    "processor-annex.html",
    "faq.html",
    "rights.html",
    "security-target.html",
    "incident-runbook.html",
    "dpia.json",
];

fn is_in(name: &str, list: &[String]) -> bool {
    list.iter().any(|other| other == name)
}

#[test]
fn r36_r37_r38_r41_a_setting_that_changes_changes_every_document_it_concerns() {
    let usual = facts("", USUAL);
    let everything = naming(&usual, "<html").len() + 1;
    assert_eq!(everything, TEXTS.len() + 1, "every text is a document, and the DPIA");

    let retention = changed(&usual, &facts("room_days = 77", USUAL));
    let incidents = changed(&usual, &facts(AGE_KEY, USUAL));
    for name in WITH_DATA {
        assert!(is_in(name, &retention), "{name} does not name the retention of meetings");
        assert!(is_in(name, &incidents), "{name} does not name the incident reports");
    }
    let longer = facts(&format!("{AGE_KEY}\nincident_days = 4321"), USUAL);
    let named = naming(&longer, "4321");
    assert!(WITH_DATA.iter().all(|name| is_in(name, &named)), "{named:?}");

    let abroad = "dpo = \"dpd@tilleuls.example\"\nhosting_country = \"CA\"\n\
         transfer_basis = \"Décision 2002/2/CE\"";
    let abroad = facts("", abroad);
    let basis = naming(&abroad, "2002");
    for name in ["notice.html", "record.html", "processor-annex.html", "faq.html", "dpia.json"] {
        assert!(is_in(name, &basis), "{name} does not name the basis of the transfer");
    }
    assert!(naming(&usual, "2002").is_empty());

    let officer = facts("", &USUAL.replace("dpd@", "protection.des.donnees@"));
    let officers = naming(&officer, "protection.des.donnees@tilleuls.example");
    let without = ["security-target.html", "accessibility.html"];
    assert!(without.iter().all(|name| !is_in(name, &officers)));
    assert_eq!(officers.len(), everything - without.len(), "{officers:?}");
    let support = naming(&usual, "assistance@tilleuls.example");
    for name in ["notice.html", "record.html", "charter.html", "faq.html", "rights.html"] {
        assert!(is_in(name, &support), "{name} does not name the support");
    }
}

#[test]
fn r39_public_interest_is_the_basis_and_consent_of_recording_alone() {
    for (language, mission, consent) in
        [(Language::Fr, "6.1.e", "consentement"), (Language::En, "6(1)(e)", "consent")]
    {
        let files = documents(&facts("", USUAL), language, "2026-09-01").unwrap();
        for (name, text) in files {
            if ["notice.html", "record.html", "dpia.json"].contains(&name.as_str()) {
                assert!(text.contains(mission), "{name}");
            }
            let is_claimed = text.contains(&format!("seul {consent}"))
                || text.contains(&format!("{consent} alone"));
            assert!(!is_claimed, "{name} claims a consent without any recording");
        }
    }
}

/// The questions of the PIA program, by number: section, part, question; and how each is answered.
const QUESTIONS: [(u64, &str); 36] = [
    (111, "text"),
    (112, "text"),
    (113, "text"),
    (121, "text"),
    (122, "text"),
    (123, "text"),
    (211, "text"),
    (212, "text"),
    (213, "text"),
    (214, "text"),
    (215, "text"),
    (221, "text"),
    (222, "text"),
    (223, "text"),
    (224, "text"),
    (225, "text"),
    (226, "text"),
    (227, "text"),
    (321, "list"),
    (322, "list"),
    (323, "list"),
    (324, "measures"),
    (325, "gauge"),
    (326, "gauge"),
    (331, "list"),
    (332, "list"),
    (333, "list"),
    (334, "measures"),
    (335, "gauge"),
    (336, "gauge"),
    (341, "list"),
    (342, "list"),
    (343, "list"),
    (344, "measures"),
    (345, "gauge"),
    (346, "gauge"),
];

#[test]
fn r37_the_impact_assessment_has_the_form_that_the_cnils_program_imports() {
    for language in LANGUAGES {
        let text = dpia::render(&facts("", USUAL), language, "2026-09-01").unwrap();
        let file: serde_json::Value = serde_json::from_str(&text).unwrap();
        let pia = &file["pia"];
        assert!(pia["name"].as_str().unwrap().contains("Lycée des Tilleuls"));
        for key in ["author_name", "evaluator_name", "validator_name", "category"] {
            assert!(pia[key].is_string(), "{key}");
        }
        assert_eq!((&pia["status"], &pia["is_example"]), (&0.into(), &0.into()));
        for date in [&pia["created_at"], &pia["updated_at"]] {
            assert_eq!(date, "2026-09-01T00:00:00.000Z");
        }
        let list = |key: &str| file[key].as_array().unwrap().clone();
        assert!(list("evaluations").is_empty() && list("comments").is_empty());
        let titles: Vec<_> = list("measures").iter().map(|it| it["title"].clone()).collect();
        assert!(titles.len() >= 5);
        assert!(list("measures").iter().all(|measure| measure["content"].is_string()));
        let answers = list("answers");
        let numbers: Vec<_> =
            answers.iter().map(|answer| answer["reference_to"].as_u64().unwrap()).collect();
        assert_eq!(numbers, QUESTIONS.map(|(number, _)| number));
        for (answer, (number, kind)) in answers.iter().zip(QUESTIONS) {
            let data = &answer["data"];
            let (text, list, gauge) =
                (&data["text"], data["list"].as_array().unwrap(), &data["gauge"]);
            match kind {
                "list" => {
                    assert!(text.is_null() && !list.is_empty() && gauge.is_null(), "{number}")
                }
                "measures" => assert!(list == &titles && gauge.is_null(), "{number}"),
                "gauge" => {
                    assert!(gauge.as_u64().is_some_and(|it| (1..=4).contains(&it)), "{number}")
                }
                _ => assert!(list.is_empty() && gauge.is_null() && text.is_string(), "{number}"),
            }
        }
    }
}

#[test]
fn r38_the_guides_for_teachers_and_pupils_are_shipped_with_their_pictures() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guides");
    for (name, topics) in [
        ("enseignants.md", ["lien d'animation", "Enregistrer", "caméra jamais imposée"]),
        ("eleves.md", ["pseudonyme", "Refuser ne change rien", "Pas de capture d'écran"]),
    ] {
        let guide = std::fs::read_to_string(folder.join(name)).unwrap();
        for topic in topics {
            assert!(guide.contains(topic), "{name} says nothing of {topic}");
        }
        let pictures = guide.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let pictures: Vec<_> = pictures.collect();
        assert!(pictures.len() >= 3, "{name}");
        for picture in pictures {
            let bytes = std::fs::read(folder.join(picture)).unwrap();
            assert!(bytes.starts_with(b"\x89PNG"), "{picture}");
        }
    }
}

const RECORDING: &str = "[recording]\nenabled = true\nmax_days = 17\nrecipients = [{ name = \"Coffre du lycée\", \
     key = \"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\" }]";

#[test]
fn r24_the_notice_says_exactly_what_is_recorded_for_whom_and_how_long() {
    let (off, on) = (facts("", USUAL), facts(RECORDING, USUAL));
    for (language, what, never, none, days) in [
        (
            Language::Fr,
            "La voix, la caméra et l’écran",
            "Jamais les messages écrits",
            "n’enregistre pas",
            "17 jours",
        ),
        (
            Language::En,
            "The voice, camera and screen",
            "Never the written messages",
            "does not record",
            "17 days",
        ),
    ] {
        let page = notice_page(&on, language).unwrap();
        let kept = match language {
            Language::Fr => {
                ["<h3>Accès à un enregistrement", "<h3>Pistes", "D’une réunion enregistrée"]
            }
            Language::En => {
                ["<h3>Access to a recording", "<h3>Tracks", "a meeting that was recorded"]
            }
        };
        for text in [what, never, days, "Coffre du lycée"].into_iter().chain(kept) {
            assert!(page.contains(text), "{text} in {page}");
        }
        assert!(!page.contains(none));
        let page = notice_page(&off, language).unwrap();
        assert!(page.contains(none) && !page.contains(what) && !page.contains("17 "), "{page}");
    }
    let changed = changed(&off, &on);
    assert_eq!(changed.len(), TEXTS.len(), "all but the accessibility statement: {changed:?}");
    let longer = facts(&RECORDING.replace("17", "18"), USUAL);
    let retention = naming(&longer, "18 ");
    for name in WITH_DATA.into_iter().chain(["charter.html", "posters.html"]) {
        assert!(is_in(name, &retention), "{name} does not name the retention of recordings");
    }
    for (language, consent) in
        [(Language::Fr, "seul consentement"), (Language::En, "consent alone")]
    {
        assert!(notice_page(&on, language).unwrap().contains(consent));
    }
}

#[test]
fn r40_the_page_of_rights_names_the_officer_and_the_commands_that_answer() {
    for (name, text) in all(&facts(RECORDING, USUAL)) {
        if name.ends_with("rights.html") {
            for wanted in [
                "dpd@tilleuls.example",
                "preau room erase",
                "preau room export",
                "preau recordings erase",
            ] {
                assert!(text.contains(wanted), "{wanted} in {name}");
            }
        }
    }
}
