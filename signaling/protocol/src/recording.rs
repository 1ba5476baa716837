//! What a recording needs to be asked for and answered: what it is for, who can open it, and what
//! everybody present is told before anything of them is kept.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::{IdError, base64url_id};
use crate::{ParticipantId, Redacted, Sealed, Signature};

base64url_id! {
    /// One recording: 128 random bits, 22 characters, drawn by the page that starts it. It names
    /// the recording's folder and salts the key that the moderator link gives for it.
    RecordingId, 16
}

/// Shows the first four characters: enough to follow one recording through a log.
impl fmt::Debug for RecordingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.expose_text();
        write!(f, "recording-{}", &text[..4])
    }
}

/// A public key of age (age-encryption.org/v1) that a recording is sealed to. Only its shape is known
/// to be good; its checksum is looked at by whoever seals.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AgeRecipient(String);

impl AgeRecipient {
    /// The text, `age1` and 58 more characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AgeRecipient {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let rest = text.strip_prefix("age1").ok_or(IdError::Alphabet)?;
        if !rest.bytes().all(|byte| BECH32.contains(&byte)) {
            return Err(IdError::Alphabet);
        }
        if rest.len() != RECIPIENT_CHARS {
            return Err(IdError::Length);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for AgeRecipient {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<AgeRecipient> for String {
    fn from(recipient: AgeRecipient) -> Self {
        recipient.0
    }
}

#[cfg(feature = "ts")]
impl ts_rs::TS for AgeRecipient {
    type WithoutGenerics = Self;
    type OptionInnerType = Self;

    fn name(_: &ts_rs::Config) -> String {
        "string".to_owned()
    }

    fn inline(config: &ts_rs::Config) -> String {
        <Self as ts_rs::TS>::name(config)
    }
}

/// What a recording is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum RecordingPurpose {
    /// For pupils who are absent.
    AbsentPupils,
    /// To revise.
    Revision,
    /// To train those who teach.
    Training,
    /// To write the minutes of a meeting.
    Minutes,
    /// Something else, which the details say.
    Other,
}

/// What is said before anything is recorded. There is no recording without all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordingTerms {
    /// What it is for.
    pub purpose: RecordingPurpose,
    /// The same in words, 1 to [`MAX_TERM_CHARS`] characters.
    pub details: Redacted<String>,
    /// Days until the server deletes it, from 1 to [`RecordingPolicy::max_days`].
    pub retention_days: u16,
    /// Who will have access, in words, 1 to [`MAX_TERM_CHARS`] characters.
    pub audience: Redacted<String>,
}

/// One key that opens a recording, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecipientInfo {
    /// As the establishment calls it; `null` for the key of the moderator link.
    pub name: Option<String>,
    /// The key.
    pub key: AgeRecipient,
}

/// All that everybody present is told of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordingInfo {
    /// Which.
    pub recording: RecordingId,
    /// What it is for, for how long, for whom.
    pub terms: RecordingTerms,
    /// Who asks.
    pub asked_by: ParticipantId,
    /// Their pseudonym when they asked.
    pub asked_by_name: Redacted<String>,
    /// Every key that opens it: of the moderator link first, then the establishment's.
    pub recipients: Vec<RecipientInfo>,
    /// Encrypted rooms: the host key's word that this is what was asked, as whoever started it gave it.
    /// Over `preau recording v1`, the room, the recording, who asks, and the SHA-256 of a list of texts,
    /// each behind its length of two bytes: purpose, details, days, audience, then name and key of each
    /// recipient. Pages check it; the server does not.
    pub recipients_signature: Option<Redacted<Signature>>,
    /// Since when it runs, in seconds since 1970-01-01 UTC.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub started_at: u64,
    /// [`RECORDING_TEXT_VERSION`] of the sentences that people answered to.
    pub text_version: u16,
}

/// Why a recording ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum RecordingEnd {
    /// A moderator stopped it, or none was left.
    Stopped,
    /// The server's disk is full. What was recorded before can be read.
    DiskFull,
    /// A fault of the server. What was recorded before can be read.
    Failed,
    /// Everybody left, or the room is over.
    RoomEnded,
}

/// What this server lets be recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordingPolicy {
    /// Most days a recording is kept.
    pub max_days: u16,
    /// The establishment's keys, to which every recording is sealed beside the moderator link's.
    pub recipients: Vec<RecipientInfo>,
}

/// Somebody's own keys of one epoch, which only those who have access to a recording can read.
pub type ReleasedKeys = Sealed<MAX_RELEASE_BYTES>;

/// Longest [`ReleasedKeys`]. One for the most recipients has 3 KiB.
pub const MAX_RELEASE_BYTES: usize = 8 * 1024;

/// Most [`ReleasedKeys`] of one person in one recording. An epoch ends when somebody comes or goes; more
/// lets one person take more of the disk.
pub const MAX_RELEASES: u32 = 4096;

/// Longest details or audience of a recording, in Unicode scalar values.
pub const MAX_TERM_CHARS: usize = 200;

/// Most keys of the establishment that recordings are sealed to. More makes each file longer and the
/// banner harder to read.
pub const MAX_RECIPIENTS: usize = 8;

/// Version of the sentences by which the page asks for a consent. Raised when their meaning changes.
pub const RECORDING_TEXT_VERSION: u16 = 2;

/// Of a recipient of age, after `age1`: 32 bytes and a checksum of six characters.
const RECIPIENT_CHARS: usize = 58;

/// The alphabet of Bech32 (BIP 173).
const BECH32: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_named_by_nothing_that_leads_out_of_a_folder() {
        let good = RecordingId::from_bytes([0xff; 16]).expose_text();
        assert!(good.parse::<RecordingId>().is_ok());
        for text in [
            "",
            ".",
            "..",
            "../../etc/passwd",
            "..%2f..%2fetc%2fpasswd",
            "AAAAAAAAAAAAAAAAAAAAA/",
            "AAAAAAAAAAAAAAAAAAAAA.",
            "AAAAAAAAAAAAAAAAAAAA\0A",
            "/AAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAAA/..",
            "AAAAAAAAAAAAAAAAAAAAAB",
            "ＡAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert!(text.parse::<RecordingId>().is_err(), "{text:?}");
            let quoted = serde_json::to_string(text).expect("a text is JSON");
            assert!(serde_json::from_str::<RecordingId>(&quoted).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_recipient_has_the_shape_of_a_public_key_of_age() {
        let good = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
        assert_eq!(good.parse::<AgeRecipient>().map(String::from), Ok(good.to_owned()));
        let secret = "AGE-SECRET-KEY-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSNZS23V9CCRYDPK8QARC0SX0DJQW";
        for text in ["", "age1", &good[..61], &format!("{good}q"), &good.to_uppercase(), secret] {
            assert!(text.parse::<AgeRecipient>().is_err(), "{text}");
        }
    }
}
