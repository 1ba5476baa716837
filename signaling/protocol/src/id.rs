//! Identifiers. Parsing is the only way in, so a value of these types is always well formed.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// Why a text is not an identifier. Carries nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdError {
    /// Not the number of characters this identifier has.
    Length,
    /// A character outside the base64url alphabet, or bits left over at its end.
    Alphabet,
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "identifier has the wrong length",
            Self::Alphabet => "identifier has a character outside base64url",
        })
    }
}

impl std::error::Error for IdError {}

/// Bytes written as base64url without padding (RFC 4648 section 5), of a length fixed by type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Base64Url<const N: usize>([u8; N]);

impl<const N: usize> Base64Url<N> {
    pub(crate) const fn from_bytes(bytes: [u8; N]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; N] {
        &self.0
    }

    pub(crate) fn parse(text: &str) -> Result<Self, IdError> {
        // The engine refuses padding and left-over bits, so each value has one spelling.
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| IdError::Alphabet)?;
        bytes.try_into().map(Self).map_err(|_| IdError::Length)
    }

    pub(crate) fn to_text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

impl<const N: usize> fmt::Debug for Base64Url<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Whether a text of any length is base64url without padding, with no bits left over at its end.
pub(crate) fn check_base64url(text: &str) -> Result<(), IdError> {
    URL_SAFE_NO_PAD.decode(text).map(|_| ()).map_err(|_| IdError::Alphabet)
}

macro_rules! base64url_id {
    ($(#[$doc:meta])* $name:ident, $length:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name($crate::id::Base64Url<$length>);

        impl $name {
            /// Length of the value in bytes.
            pub const BYTES: usize = $length;

            /// Takes the raw bytes, made by a secure random generator or a key derivation.
            pub const fn from_bytes(bytes: [u8; $length]) -> Self {
                Self($crate::id::Base64Url::from_bytes(bytes))
            }

            /// The raw bytes.
            pub const fn as_bytes(&self) -> &[u8; $length] {
                self.0.as_bytes()
            }

            /// The base64url text, as it stands in a message or a link.
            pub fn expose_text(&self) -> String {
                self.0.to_text()
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::IdError;

            fn from_str(text: &str) -> Result<Self, $crate::IdError> {
                $crate::id::Base64Url::parse(text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::IdError;

            fn try_from(text: String) -> Result<Self, $crate::IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.expose_text()
            }
        }

        #[cfg(feature = "ts")]
        impl ts_rs::TS for $name {
            type WithoutGenerics = Self;
            type OptionInnerType = Self;

            fn name(_: &ts_rs::Config) -> String {
                "string".to_owned()
            }

            fn inline(config: &ts_rs::Config) -> String {
                <Self as ts_rs::TS>::name(config)
            }
        }
    };
}
pub(crate) use base64url_id;

base64url_id! {
    /// The unguessable part of a room link: 128 random bits, 22 characters. Treated as a secret.
    RoomSlug, 16
}
base64url_id! {
    /// What a browser shows to prove that it holds a link: `HKDF-SHA-256(secret, info "auth")`,
    /// 32 bytes, 43 characters. The link's secret itself never reaches the server.
    Proof, 32
}
base64url_id! {
    /// What the server stores of a link: `SHA-256(proof)`, 32 bytes, 43 characters.
    Verifier, 32
}
base64url_id! {
    /// Public half of a room's host key (Ed25519, RFC 8032), 43 characters. The other half follows
    /// from the moderator link's secret and never reaches the server.
    HostKey, 32
}
base64url_id! {
    /// Signature by a host key, 64 bytes, 86 characters.
    Signature, 64
}
base64url_id! {
    /// One participant of one room: 64 random bits, 11 characters, meaningless outside the room.
    ParticipantId, 8
}

macro_rules! redacted_debug {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "([redacted])"))
            }
        }
    )*};
}
redacted_debug!(RoomSlug, Proof, Verifier, HostKey, Signature);

/// Shows the first four characters: enough to follow one participant through a log, and nothing
/// about the person.
impl fmt::Debug for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.expose_text();
        write!(f, "participant-{}", &text[..4])
    }
}

/// Number a browser gives to a request, echoed in its one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(transparent)]
pub struct RequestId(pub u32);

/// What a track shows or plays. A participant publishes at most one track of each source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum TrackSource {
    /// The voice of the participant.
    Microphone,
    /// The picture of the participant.
    Camera,
    /// A shared screen, window or tab.
    Screen,
    /// The sound of what is shared.
    ScreenAudio,
}

impl TrackSource {
    /// Every source, in the order of declaration.
    pub const ALL: [Self; 4] = [Self::Microphone, Self::Camera, Self::Screen, Self::ScreenAudio];

    /// True for pictures, false for sound.
    pub const fn is_video(self) -> bool {
        matches!(self, Self::Camera | Self::Screen)
    }
}

/// One source published by one participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrackId {
    /// Who publishes it.
    pub participant: ParticipantId,
    /// What it is.
    pub source: TrackSource,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_exactly_one_spelling() {
        let slug = RoomSlug::from_bytes([0xfb; 16]);
        let text = slug.expose_text();
        assert_eq!(text.len(), 22);
        assert_eq!(text.parse(), Ok(slug));
        // The last character holds 4 unused bits; a spelling that sets them is refused.
        let stem = &text[..21];
        let spellings = ('0'..='z').filter(|c| format!("{stem}{c}").parse() == Ok(slug)).count();
        assert_eq!(spellings, 1);
    }

    #[test]
    fn malformed_identifiers_are_refused() {
        assert_eq!("".parse::<RoomSlug>(), Err(IdError::Length));
        assert_eq!("a".repeat(24).parse::<RoomSlug>(), Err(IdError::Length));
        assert_eq!("é".repeat(11).parse::<RoomSlug>(), Err(IdError::Alphabet));
        assert_eq!(format!("{}==", "A".repeat(22)).parse::<RoomSlug>(), Err(IdError::Alphabet));
    }

    #[test]
    fn secrets_do_not_print() {
        let slug = RoomSlug::from_bytes([7; 16]);
        assert!(!format!("{slug:?}").contains(&slug.expose_text()[..4]));
        let participant = ParticipantId::from_bytes([7; 8]);
        assert_eq!(format!("{participant:?}"), "participant-BwcH");
    }
}
