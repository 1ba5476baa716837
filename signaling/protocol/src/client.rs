//! [`ClientMessage`]: everything a browser may say.

use serde::{Deserialize, Serialize};

use crate::{Language, Proof, Redacted, RequestId, RoomSlug, TrackId, TrackSource};

/// Everything a browser may say on its WebSocket. The first message of a session is `join`, or
/// `probe` in a session that only tests the connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum ClientMessage {
    /// Asks to enter a room. Answered by `joined` or a fatal `error`.
    Join {
        /// [`crate::PROTOCOL_VERSION`] of the page.
        protocol_version: u32,
        /// Which room.
        room: RoomSlug,
        /// Shows that the browser holds the guest or the moderator link; which of the two decides
        /// the role.
        proof: Redacted<Proof>,
        /// Session token of an earlier `joined`, to come back as the same participant. When it is
        /// no longer good the proof alone decides and a new participant enters.
        resume: Option<Redacted<String>>,
        /// Pseudonym; absent or blank gets a neutral one.
        display_name: Option<Redacted<String>>,
        /// Language of the page, in which a neutral pseudonym is written; French when absent.
        language: Option<Language>,
    },
    /// Offers or re-offers the one peer connection. Answered by `answer` or `error`.
    Offer {
        /// Echoed in the answer.
        request_id: RequestId,
        /// The session description (RFC 8866), as the browser made it.
        sdp: Redacted<String>,
        /// Which media sections carry which source. Sections that only receive are slots.
        publish: Vec<PublishedMid>,
    },
    /// Chooses what each receive slot carries; slots not named stay as they are. Answered by
    /// `done` or `error`.
    Subscribe {
        /// Echoed in the answer.
        request_id: RequestId,
        /// New content of slots.
        slots: Vec<SlotRequest>,
    },
    /// Says that the person turned one of their own sources on or off. Nothing is forwarded from
    /// a source that is off. Answered by `done` or `error`.
    SetPublishing {
        /// Echoed in the answer.
        request_id: RequestId,
        /// Which source.
        source: TrackSource,
        /// True when packets of it may be forwarded.
        active: bool,
    },
    /// Says that the own connection is a poor one, or is not any more: no cameras, the two loudest
    /// voices, a shared screen as stills. Kept for as long as the participant is here, also across
    /// a reload, until said otherwise. Answered by `done` or `error`.
    SetReception {
        /// Echoed in the answer.
        request_id: RequestId,
        /// True to receive as little as a meeting needs.
        saving: bool,
    },
    /// Changes the own pseudonym. Answered by `done` or `error`.
    Rename {
        /// Echoed in the answer.
        request_id: RequestId,
        /// New pseudonym, 1 to [`crate::MAX_DISPLAY_NAME_CHARS`] characters.
        display_name: Redacted<String>,
    },
    /// Instead of `join`: tries a connection for media that carries nothing, in no room. Answered
    /// by `answer` or a fatal `error`. The session ends by itself after 15 s; only `ping` is heard
    /// in it.
    Probe {
        /// Echoed in the answer.
        request_id: RequestId,
        /// The session description (RFC 8866), as the browser made it. Nothing is published.
        sdp: Redacted<String>,
    },
    /// Leaves the room for good; the session token dies with it. Answered by `goodbye`.
    Leave {},
    /// Asks whether the server still hears. Answered by `pong`.
    Ping {},
}

/// Says which source one sending media section carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublishedMid {
    /// The section's `a=mid` (RFC 8843), at most 16 characters.
    pub mid: String,
    /// What it carries.
    pub source: TrackSource,
}

/// What one receive slot shall carry from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SlotRequest {
    /// The slot's `a=mid`: a media section of the own offer that only receives.
    pub mid: String,
    /// The track to carry, of the same kind as the slot; `null` empties the slot.
    pub track: Option<TrackId>,
    /// Height in device pixels at which the picture is shown; `null` when unknown or for sound.
    pub max_height: Option<u16>,
}
