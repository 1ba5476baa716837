//! Where a server is reached: the origin in its links, and the addresses of its media.

use serde::{Deserialize, Deserializer};

use super::warning::{Place, Warning};
use super::{ConfigError, Settings};
use crate::addresses::{PublicAddress, PublicEntry};

/// Takes `https://host[:port]`, with or without a slash at its end.
pub(super) fn check_origin(text: &str) -> Result<String, ConfigError> {
    let origin = text.strip_suffix('/').unwrap_or(text);
    let uri: axum::http::Uri = origin.parse().map_err(|_| ConfigError::ShareOrigin)?;
    let is_origin = matches!(uri.scheme_str(), Some("https" | "http"))
        && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
        && uri.path() == "/"
        && !origin.ends_with('/')
        && uri.query().is_none();
    is_origin.then(|| origin.to_ascii_lowercase()).ok_or(ConfigError::ShareOrigin)
}

/// Reads `public_addresses`: a list, or one text such as "auto".
pub(super) fn one_or_several<'de, D>(deserializer: D) -> Result<Option<Vec<String>>, D::Error>
where
    D: Deserializer<'de>,
{
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "\"auto\", or a list of addresses and names, each in quotes")]
    enum Written {
        One(String),
        Several(Vec<String>),
    }
    Ok(Some(match Written::deserialize(deserializer)? {
        Written::One(text) => vec![text],
        Written::Several(texts) => texts,
    }))
}

impl Settings {
    /// The entries of `public_addresses` that can be used, and a warning for each that cannot.
    pub(super) fn check_public_addresses(&self) -> (Vec<PublicEntry>, Vec<Warning>) {
        let (mut entries, mut warnings) = (vec![], vec![]);
        let written = self.public_addresses.iter().flatten().enumerate();
        for (index, text) in written.filter(|(_, text)| !text.is_empty()) {
            let place = self.place_of_public(index + 1, text);
            match PublicAddress::parse(text) {
                _ if index >= MAX_ENTRIES => {
                    warnings.push(Warning::TooManyAddresses(place, MAX_ENTRIES));
                }
                Ok(address) => entries.push(PublicEntry { address, place: place.to_string() }),
                Err(wrong) => warnings.push(Warning::Address(place, wrong)),
            }
        }
        if entries.is_empty() {
            let place = "public_addresses".to_owned();
            entries.push(PublicEntry { address: PublicAddress::Auto, place });
        }
        (entries, warnings)
    }

    fn place_of_public(&self, number: usize, text: &str) -> Place {
        let source = self.source.as_ref();
        let source = source.filter(|source| source.public_addresses == self.public_addresses);
        let line = source
            .map(|source| (source.file.clone(), source.line_of_entry("public_addresses", text)));
        Place { line, number }
    }
}

/// Entries taken: as many as an answer may hold.
const MAX_ENTRIES: usize = 16;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::addresses::Wrong;

    fn checked(lines: &str) -> super::super::Config {
        let text = format!("trial = true\n{lines}");
        Settings::parse(&text, Path::new("preau.toml")).unwrap().check().unwrap()
    }

    fn addresses(config: &super::super::Config) -> Vec<PublicAddress> {
        config.public_addresses.iter().map(|entry| entry.address.clone()).collect()
    }

    #[test]
    fn auto_is_the_default_and_stands_alone_or_among_others() {
        let auto = [PublicAddress::Auto];
        for lines in ["", "public_addresses = \"auto\"", "public_addresses = []"] {
            let config = checked(lines);
            assert_eq!(addresses(&config), auto, "{lines}");
            assert!(config.warnings.is_empty());
        }
        let config = checked("public_addresses = [\"auto\", \"192.0.2.7:443\", \"visio.example\"]");
        let at = PublicAddress::At("192.0.2.7:443".parse().unwrap());
        let named = PublicAddress::Named("visio.example".to_owned(), 0);
        assert_eq!(addresses(&config), [PublicAddress::Auto, at, named]);
    }

    #[test]
    fn a_wrong_entry_is_a_warning_with_its_line_and_the_others_count() {
        let config = checked(
            "public_addresses = [\n  \"192.0.2.7\",\n  \"0.0.0.0\", # 224.0.0.1\n  \"224.0.0.1\",\n\
             \"http://x\"]",
        );
        assert_eq!(addresses(&config), [PublicAddress::At("192.0.2.7:0".parse().unwrap())]);
        let warning = |line, number, wrong| {
            Warning::Address(Place { line: Some(("preau.toml".into(), line)), number }, wrong)
        };
        let [group, neither] = [Wrong::Multicast, Wrong::Unreadable];
        let expected =
            [warning(4, 2, Wrong::Unspecified), warning(5, 3, group), warning(6, 4, neither)];
        assert_eq!(config.warnings, expected);
        let alone = checked("room_days = 3\npublic_addresses = \"::\"");
        assert_eq!(addresses(&alone), [PublicAddress::Auto]);
        assert_eq!(alone.warnings, [warning(3, 1, Wrong::Unspecified)]);
        let Warning::Address(place, _) = &alone.warnings[0] else { panic!("an address") };
        assert_eq!(place.to_string(), "preau.toml:3: entry 1 of public_addresses");
    }

    #[test]
    fn an_entry_of_a_flag_is_not_sought_in_the_file() {
        let public_addresses = Some(vec!["::".to_owned()]);
        let flags = Settings { public_addresses, ..Settings::default() };
        let text = "trial = true\npublic_addresses = [\"192.0.2.7\"]";
        let file = Settings::parse(text, Path::new("preau.toml")).unwrap();
        let config = flags.or(file).check().unwrap();
        let place = Place { line: None, number: 1 };
        assert!(place.to_string().starts_with("--public-address"));
        assert_eq!(config.warnings, [Warning::Address(place, Wrong::Unspecified)]);
    }

    #[test]
    fn there_are_not_more_than_an_answer_holds() {
        let list: Vec<_> = (1..=18).map(|n| format!("\"192.0.2.{n}\"")).collect();
        let config = checked(&format!("public_addresses = [{}]", list.join(",")));
        assert_eq!((config.public_addresses.len(), config.warnings.len()), (16, 2));
        assert!(matches!(config.warnings[0], Warning::TooManyAddresses(_, 16)));
    }
}
