//! What end-to-end encryption needs of the server: the *circle* is the MLS group (RFC 9420) of those
//! present, whose messages the server puts in order and passes on and whose secrets it never has.
//! All that is sealed travels as text that the server does not open.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{IdError, base64url_id, check_base64url};
use crate::{HostKey, ParticipantId, Redacted};

base64url_id! {
    /// Names one circle: its MLS group id, 16 random bytes, 22 characters.
    CircleId, 16
}
base64url_id! {
    /// Public half of the key that somebody's page signs its MLS messages with (Ed25519, RFC 8032),
    /// 43 characters. Drawn by the page.
    MemberKey, 32
}

impl fmt::Debug for CircleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CircleId([redacted])")
    }
}

impl fmt::Debug for MemberKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemberKey([redacted])")
    }
}

/// Bytes that the server cannot open or does not read, as base64url without padding (RFC 4648
/// section 5): 1 to `MAX` of them. Copies share one text, so that telling a whole room costs one.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sealed<const MAX: usize>(Arc<str>);

impl<const MAX: usize> Sealed<MAX> {
    /// The text, as it stands in a message.
    pub fn expose_text(&self) -> &str {
        &self.0
    }

    /// How many bytes are sealed, before they became text.
    pub fn byte_count(&self) -> usize {
        self.0.len() * 3 / 4
    }
}

impl<const MAX: usize> fmt::Debug for Sealed<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed([redacted])")
    }
}

impl<const MAX: usize> FromStr for Sealed<MAX> {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        // The length first, so that nothing is read that is too long anyway.
        if text.is_empty() || text.len() > MAX.div_ceil(3) * 4 || text.len() * 3 / 4 > MAX {
            return Err(IdError::Length);
        }
        check_base64url(text)?;
        Ok(Self(Arc::from(text)))
    }
}

impl<const MAX: usize> TryFrom<String> for Sealed<MAX> {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl<const MAX: usize> From<Sealed<MAX>> for String {
    fn from(sealed: Sealed<MAX>) -> Self {
        sealed.0.as_ref().to_owned()
    }
}

#[cfg(feature = "ts")]
impl<const MAX: usize> ts_rs::TS for Sealed<MAX> {
    type WithoutGenerics = Self;
    type OptionInnerType = Self;

    fn name(_: &ts_rs::Config) -> String {
        "string".to_owned()
    }

    fn inline(config: &ts_rs::Config) -> String {
        <Self as ts_rs::TS>::name(config)
    }
}

/// How a room is end-to-end encrypted. Fixed when the room is made; the link says the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoomEncryption {
    /// True when the link alone lets somebody into the circle; false when a signature of a moderator
    /// or of a personal link is needed beside it.
    pub open: bool,
    /// True when whole frames of any codec are sealed and sent as they are (`a=packetization:raw`).
    pub raw: bool,
}

/// Where a circle stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CirclePlace {
    /// Which circle.
    pub group: CircleId,
    /// The epoch it is in.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub epoch: u64,
}

/// What `joined` says in an encrypted room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EncryptionInfo {
    /// Of the room. The page takes it only with the fingerprint that stands in its link.
    pub host_key: HostKey,
    /// The circle there is; `null` when whoever comes makes it.
    pub circle: Option<CirclePlace>,
    /// The admission that a moderator signed for this page's member key, if any.
    pub admission: Option<Redacted<Admission>>,
}

/// Who gets what is said inside the circle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum SayAudience {
    /// Every member.
    Everybody,
    /// The members of the own group; of the whole class for those in no group.
    Group,
    /// The moderators.
    Moderators,
    /// One member.
    One(ParticipantId),
}

/// Word of a moderator that somebody who waits may be in the circle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignedAdmission {
    /// Who.
    pub participant: ParticipantId,
    /// For their member key.
    pub admission: Redacted<Admission>,
}

/// A sealed question that is open, as somebody who comes late sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SealedPoll {
    /// Number of the poll in this room.
    pub poll: u32,
    /// The question.
    pub sealed: Redacted<SealedQuestion>,
    /// Who asks.
    pub by: ParticipantId,
    /// Ballots cast so far.
    pub ballots: u16,
}

/// A name that only holders of the link can read.
pub type SealedName = Sealed<MAX_SEALED_NAME_BYTES>;

/// An MLS `KeyPackage`: what somebody is added by.
pub type KeyPackage = Sealed<MAX_KEY_PACKAGE_BYTES>;

/// An MLS commit, as `PublicMessage`.
pub type Commit = Sealed<MAX_COMMIT_BYTES>;

/// An MLS `Welcome` with the tree.
pub type MlsWelcome = Sealed<MAX_WELCOME_BYTES>;

/// Something said inside the circle.
pub type SealedWords = Sealed<MAX_SAY_BYTES>;

/// A signed admission.
pub type Admission = Sealed<MAX_ADMISSION_BYTES>;

/// A question and its answers.
pub type SealedQuestion = Sealed<MAX_QUESTION_BYTES>;

/// One ballot, which only whoever opened the poll can read.
pub type Ballot = Sealed<MAX_BALLOT_BYTES>;

/// Longest [`SealedName`].
pub const MAX_SEALED_NAME_BYTES: usize = 256;

/// Longest [`KeyPackage`]: many times what the one ciphersuite needs.
pub const MAX_KEY_PACKAGE_BYTES: usize = 4 * 1024;

/// Longest [`Commit`]. One that adds thirty members has 20 KiB; the server keeps some for those who
/// were cut off.
pub const MAX_COMMIT_BYTES: usize = 64 * 1024;

/// Longest [`MlsWelcome`]. It grows with the tree: 128 KiB are enough for some 250 members.
pub const MAX_WELCOME_BYTES: usize = 128 * 1024;

/// Longest [`SealedWords`]. More lets one member send more to everybody at once.
pub const MAX_SAY_BYTES: usize = 48 * 1024;

/// Longest [`Admission`].
pub const MAX_ADMISSION_BYTES: usize = 1024;

/// Longest [`SealedQuestion`].
pub const MAX_QUESTION_BYTES: usize = 8 * 1024;

/// Longest [`Ballot`].
pub const MAX_BALLOT_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_text_is_bounded_by_its_bytes_and_has_one_spelling() {
        let parse = |text: &str| text.parse::<Sealed<4>>().map(|sealed| sealed.byte_count());
        assert_eq!(parse("AA"), Ok(1));
        assert_eq!(parse("AAAA"), Ok(3));
        assert_eq!(parse("AAAAAA"), Ok(4));
        for (text, fault) in [
            ("", IdError::Length),
            ("AAAAAAA", IdError::Length),
            ("AAAAAAAA", IdError::Length),
            ("A", IdError::Alphabet),
            ("AAAAA", IdError::Alphabet),
            ("AB", IdError::Alphabet),
            ("AA==", IdError::Alphabet),
            ("AA+/", IdError::Alphabet),
            ("é", IdError::Alphabet),
            ("A A", IdError::Alphabet),
        ] {
            assert_eq!(parse(text), Err(fault), "{text:?}");
        }
        let most = "A".repeat(MAX_COMMIT_BYTES.div_ceil(3) * 4 - 2);
        assert_eq!(most.parse::<Commit>().map(|commit| commit.byte_count()), Ok(MAX_COMMIT_BYTES));
        assert_eq!(format!("{most}A").parse::<Commit>(), Err(IdError::Length));
    }

    #[test]
    fn sealed_things_and_keys_do_not_print() {
        let sealed = "c2VhbGVk".parse::<SealedName>();
        assert_eq!(format!("{sealed:?}"), "Ok(Sealed([redacted]))");
        let key = MemberKey::from_bytes([7; 32]);
        assert!(!format!("{key:?}").contains(&key.expose_text()[..4]));
        let group = CircleId::from_bytes([7; 16]);
        assert!(!format!("{group:?}").contains(&group.expose_text()[..4]));
    }

    #[test]
    fn the_longest_commit_with_its_welcome_fits_a_message() {
        let text = |bytes: usize| bytes.div_ceil(3) * 4;
        let names = 2 * 500 * (ParticipantId::BYTES * 2);
        let commit = text(MAX_COMMIT_BYTES) + text(MAX_WELCOME_BYTES) + names + 1024;
        assert!(commit <= crate::MAX_MESSAGE_BYTES, "{commit}");
        let admissions = 200 * (text(MAX_ADMISSION_BYTES) + 64);
        assert!(admissions <= crate::MAX_MESSAGE_BYTES, "{admissions}");
    }
}
