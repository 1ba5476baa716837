//! Who answers for a server: the `[controller]` block, and the mode that follows from it.
//!
//! A server that was given a configuration file is in production and does not start without the
//! block; without a file, or with `trial = true`, it is a trial and its pages say so.

use std::path::{Path, PathBuf};

use protocol::Contacts;
use serde::{Deserialize, Serialize};

use super::{ConfigError, Settings};

/// The establishment that answers for what this server does with personal data (articles 4(7) and
/// 13(1) of the GDPR), who to ask first, and where the machine stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Controller {
    /// Name of the establishment.
    pub name: Filled,
    /// Its postal address.
    pub address: Filled,
    /// Generic address of the data-protection officer.
    pub dpo: Filled,
    /// The establishment's own technical support.
    pub support: Filled,
    /// Who runs the machine.
    pub hosting_company: Filled,
    /// Where it stands.
    pub hosting_country: Country,
    /// What allows transfers out of the EU and the EEA (chapter V of the GDPR), where there are any.
    #[serde(default)]
    pub transfer_basis: Option<Filled>,
}

impl Controller {
    /// Whom people ask first.
    pub(crate) fn contacts(&self) -> Contacts {
        let [controller, dpo, support] =
            [&self.name, &self.dpo, &self.support].map(|field| field.as_str().to_owned());
        Contacts { controller, dpo, support }
    }
}

/// One line of text with something in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Filled(String);

impl Filled {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Filled {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("this field is empty: the notice cannot do without it".to_owned());
        }
        if text.chars().count() > MAX_CHARACTERS || text.chars().any(char::is_control) {
            return Err(format!(
                "this field takes one line of {MAX_CHARACTERS} characters at most"
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// A country by its code of two letters (ISO 3166-1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Country(String);

impl Country {
    /// The code.
    pub fn code(&self) -> &str {
        &self.0
    }

    /// True where the GDPR applies without a transfer.
    pub fn is_within(&self) -> bool {
        WITHIN.contains(&self.code())
    }
}

impl TryFrom<String> for Country {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_code = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        is_code
            .then_some(Self(text))
            .ok_or_else(|| "a country is two capitals, as in FR".to_owned())
    }
}

/// Somebody outside this machine whom the configuration lets have personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outsider {
    /// The key that names them.
    pub(crate) key: &'static str,
    /// Their country; `None` where the configuration cannot tell, which counts as outside.
    pub(crate) country: Option<Country>,
}

/// What the block makes of a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// Nobody needs to answer for it.
    pub(super) is_trial: bool,
    /// Data leaves the EU and the EEA.
    pub(super) has_transfers: bool,
}

impl Settings {
    /// Everybody outside this machine whom the configuration lets have personal data. A new key that
    /// names a service (ICE, mail, identity) is added here and nowhere else.
    fn outsiders(&self) -> Vec<Outsider> {
        let hosting = self.controller.as_ref().map(|controller| Outsider {
            key: "hosting_country",
            country: Some(controller.hosting_country.clone()),
        });
        hosting.into_iter().collect()
    }

    /// Sees that production has its block and that transfers have their basis.
    pub(super) fn check_controller(&self) -> Result<Standing, ConfigError> {
        let is_trial = self.source.is_none() || self.trial == Some(true);
        if self.controller.is_none() && !is_trial {
            return Err(self.fault("trial", NO_CONTROLLER.to_owned()));
        }
        let has_basis =
            self.controller.as_ref().is_some_and(|controller| controller.transfer_basis.is_some());
        let is_within =
            |outsider: &Outsider| outsider.country.as_ref().is_some_and(Country::is_within);
        let transfer = self.outsiders().into_iter().find(|outsider| !is_within(outsider));
        match &transfer {
            Some(outsider) if !has_basis => {
                let problem = format!("{} {NO_BASIS}", outsider.key);
                Err(self.fault(outsider.key, problem))
            }
            Some(_) | None => Ok(Standing { is_trial, has_transfers: transfer.is_some() }),
        }
    }

    /// A fault of the file, at the line of `key` where it has one.
    fn fault(&self, key: &str, problem: String) -> ConfigError {
        let source = self.source.clone().unwrap_or_default();
        let line = source.line_of(key);
        ConfigError::Invalid { file: source.file, line, problem }
    }
}

/// The file that settings came from, to name its lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Source {
    pub(super) file: PathBuf,
    lines: Vec<String>,
    /// What it says of them, which flags may have the last word on.
    pub(super) public_addresses: Option<Vec<String>>,
}

impl Source {
    pub(super) fn new(file: &Path, text: &str, settings: &Settings) -> Self {
        let public_addresses = settings.public_addresses.clone();
        let lines = text.lines().map(str::to_owned).collect();
        Self { file: file.to_owned(), lines, public_addresses }
    }

    /// The line of a key, from 1; the first where it has none.
    fn line_of(&self, key: &str) -> usize {
        let of = |line: &String| {
            let name = line.split('=').next().unwrap_or_default().trim();
            name == key || name.strip_suffix(key).is_some_and(|table| table.ends_with('.'))
        };
        self.lines.iter().position(of).map_or(1, |index| index + 1)
    }

    /// The line of an entry in the list of a key: that of the key, or one below it.
    pub(super) fn line_of_entry(&self, key: &str, entry: &str) -> usize {
        let first = self.line_of(key);
        let has_it = |line: &String| {
            ['"', '\''].iter().any(|quote| line.contains(&format!("{quote}{entry}{quote}")))
        };
        let below = self.lines.iter().skip(first - 1).position(has_it);
        first + below.unwrap_or(0)
    }
}

/// Characters of a field. More would let one field push the notice out of sight.
const MAX_CHARACTERS: usize = 300;

const NO_CONTROLLER: &str = "a server with a configuration file needs the block [controller], which says who \
     answers for it; deploy/config.example.toml explains it. To try the server without, say trial = true";

const NO_BASIS: &str = "leads outside the European Union and the European Economic Area: say in [controller] \
     what allows it, transfer_basis = \"...\" (chapter V of the GDPR), which the notice then prints";

/// The European Union, the European Economic Area, and parts of them with a code of their own (the
/// French outermost regions, the Åland Islands).
const WITHIN: [&str; 37] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT",
    "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK", "IS", "LI", "NO", "GP", "MQ",
    "GF", "RE", "YT", "MF", "AX",
];

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: &str = r#"
[controller]
name = "Lycée des Tilleuls"
address = "3 place du Marché, 59000 Lille"
dpo = "dpd@tilleuls.example"
support = "assistance@tilleuls.example"
hosting_company = "Rectorat"
hosting_country = "FR"
"#;

    fn parse(text: &str) -> Result<super::super::Config, ConfigError> {
        Settings::parse(text, Path::new("preau.toml")).and_then(Settings::check)
    }

    fn refusal(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn r34_production_does_not_start_without_a_controller_and_a_trial_says_so() {
        let words = refusal("https_port = 8443\n");
        assert!(words.starts_with("preau.toml:1: "), "{words}");
        assert!(words.contains("[controller]") && words.contains("trial = true"), "{words}");
        assert!(refusal("https_port = 8443\ntrial = false").starts_with("preau.toml:2: "));
        assert!(parse("trial = true").unwrap().is_trial);
        let config = parse(BLOCK).unwrap();
        assert!(!config.is_trial);
        assert_eq!(config.controller.unwrap().name.as_str(), "Lycée des Tilleuls");
        let without_file = Settings::default().check().unwrap();
        assert!(without_file.is_trial && without_file.controller.is_none());
    }

    #[test]
    fn r34_every_field_of_the_controller_is_needed_and_an_empty_one_is_named_with_its_line() {
        for (index, line) in BLOCK.lines().enumerate().filter(|(_, line)| line.contains(" = ")) {
            let key = line.split(' ').next().unwrap();
            for empty in ["\"\"", "\"  \""] {
                let words = refusal(&BLOCK.replace(line, &format!("{key} = {empty}")));
                assert!(words.starts_with(&format!("preau.toml:{}: ", index + 1)), "{words}");
            }
            let words = refusal(&BLOCK.replace(line, ""));
            assert!(words.starts_with("preau.toml:2: ") && words.contains(key), "{words}");
        }
        let words = refusal(&BLOCK.replace("Lycée des Tilleuls", "Lycée\\nou\\npas"));
        assert!(words.starts_with("preau.toml:3: "), "{words}");
        let long = BLOCK.replace("Rectorat", &"x".repeat(301));
        assert!(refusal(&long).starts_with("preau.toml:7: "));
        assert!(refusal(&format!("{BLOCK}dop = \"x\"\n")).contains("unknown field `dop`"));
    }

    #[test]
    fn r33_a_country_outside_the_eu_and_the_eea_needs_a_transfer_basis() {
        let at = |country: &str| BLOCK.replace("\"FR\"", &format!("\"{country}\""));
        for country in WITHIN {
            assert!(parse(&at(country)).is_ok(), "{country}");
        }
        for country in ["US", "GB", "CH", "XX"] {
            let words = refusal(&at(country));
            assert!(words.starts_with("preau.toml:8: hosting_country leads outside"), "{words}");
            assert!(words.contains("transfer_basis"), "{words}");
            let with_basis = at(country) + "transfer_basis = \"clauses types\"\n";
            let basis = parse(&with_basis).unwrap().controller.unwrap().transfer_basis;
            assert_eq!(basis.unwrap().as_str(), "clauses types");
            assert!(
                refusal(&(at(country) + "transfer_basis = \"\"\n")).starts_with("preau.toml:9: ")
            );
        }
        for country in ["fr", "FRA", "F", "", "France"] {
            assert!(refusal(&at(country)).starts_with("preau.toml:8: "), "{country}");
        }
    }
}
