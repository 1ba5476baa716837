//! Whether meetings may be recorded here, for how long, and to whose keys: the `[recording]` block.

use std::num::NonZeroU16;

use protocol::{AgeRecipient, MAX_RECIPIENTS, RecipientInfo, RecordingPolicy};
use serde::{Deserialize, Serialize};

use super::{ConfigError, check_recipient};

/// What may stand in the block; absent means default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordingSettings {
    /// Whether anything may be recorded.
    pub enabled: Option<bool>,
    /// Most days a recording is kept, and what the page proposes.
    pub max_days: Option<NonZeroU16>,
    /// Mebibytes that stay free on the disk.
    pub min_free_mib: Option<u32>,
    /// Keys of the establishment, to which every recording is sealed beside the moderators'.
    pub recipients: Option<Vec<RecordingRecipient>>,
}

/// One key of the establishment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordingRecipient {
    /// As everybody reads it before they answer.
    pub name: String,
    /// Public key of age.
    pub key: String,
}

/// The block in force, where anything may be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Most days a recording is kept.
    pub max_days: u16,
    /// The establishment's keys.
    pub recipients: Vec<RecipientInfo>,
    /// Bytes that stay free on the disk.
    pub min_free_bytes: u64,
}

impl RecordingSettings {
    /// Checks, and fills in the defaults: off for a server that was given a configuration, on
    /// for one that is only tried without any.
    pub(super) fn check(self, is_configured: bool) -> Result<Option<Recording>, ConfigError> {
        let max_days = self.max_days.map_or(30, NonZeroU16::get);
        if max_days > MOST_DAYS {
            return Err(ConfigError::RecordingDays);
        }
        let keys = self.recipients.unwrap_or_default();
        if keys.len() > MAX_RECIPIENTS {
            return Err(ConfigError::RecordingRecipients);
        }
        let recipients = keys.into_iter().map(RecordingRecipient::check);
        let recipients = recipients.collect::<Result<Vec<_>, _>>()?;
        let min_free_bytes = u64::from(self.min_free_mib.unwrap_or(512)) * 1024 * 1024;
        let is_on = self.enabled.unwrap_or(!is_configured);
        Ok(is_on.then_some(Recording { max_days, recipients, min_free_bytes }))
    }
}

impl RecordingRecipient {
    fn check(self) -> Result<RecipientInfo, ConfigError> {
        let name = self.name.trim();
        let is_name = (1..=MAX_NAME_CHARS).contains(&name.chars().count());
        if !is_name || name.chars().any(char::is_control) {
            return Err(ConfigError::RecordingRecipients);
        }
        let key = check_recipient(self.key).map_err(|_| ConfigError::RecordingRecipients)?;
        let key: AgeRecipient = key.parse().map_err(|_| ConfigError::RecordingRecipients)?;
        Ok(RecipientInfo { name: Some(name.to_owned()), key })
    }
}

impl Recording {
    /// What pages are told.
    pub(crate) fn policy(&self) -> RecordingPolicy {
        RecordingPolicy { max_days: self.max_days, recipients: self.recipients.clone() }
    }
}

/// Most days an establishment may let recordings be kept: a school year and its summer.
const MOST_DAYS: u16 = 400;
/// Longest name of a key; more does not fit into the question everybody is asked.
const MAX_NAME_CHARS: usize = 60;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Config, Settings};
    use super::*;

    const KEY: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

    fn check(text: &str) -> Result<Config, ConfigError> {
        let text = format!("trial = true\n[recording]\n{text}");
        Settings::parse(&text, Path::new("preau.toml"))?.check()
    }

    #[test]
    fn r22_nothing_is_recorded_unless_the_administrator_says_so_or_the_server_is_only_tried() {
        assert_eq!(check("").unwrap().recording, None);
        assert_eq!(check("max_days = 3").unwrap().recording, None);
        assert_eq!(check("enabled = false").unwrap().recording, None);
        let on = check("enabled = true").unwrap().recording.unwrap();
        assert_eq!((on.max_days, on.min_free_bytes), (30, 512 << 20));
        // No configuration file at all, as `make run` starts it.
        assert!(Settings::default().check().unwrap().recording.is_some());
        for wish in ["auto = true", "auto_record = true", "always = true"] {
            assert!(check(wish).is_err(), "nothing records by itself: {wish}");
        }
    }

    #[test]
    fn r23_the_establishments_keys_are_checked_and_named() {
        let recipient = |name: &str, key: &str| {
            format!("recipients = [{{ name = {name:?}, key = {key:?} }}]\nenabled = true")
        };
        let good = check(&recipient("Direction", KEY)).unwrap().recording.unwrap();
        assert_eq!(good.recipients[0].name.as_deref(), Some("Direction"));
        let swapped = KEY.replace("ql3z", "q3lz");
        for (name, key) in [("", KEY), (" ", KEY), ("a\nb", KEY), ("D", "age1"), ("D", &swapped)] {
            assert!(check(&recipient(name, key)).is_err(), "{name:?} {key}");
        }
        let many = vec![format!("{{ name = \"D\", key = \"{KEY}\" }}"); 9].join(", ");
        assert!(check(&format!("recipients = [{many}]")).is_err());
        for days in ["0", "401", "10000", "-1", "70000"] {
            assert!(check(&format!("max_days = {days}")).is_err(), "{days}");
        }
    }
}
