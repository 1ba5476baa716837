//! What pages ask for and get by HTTP, beside the WebSocket.

use serde::{Deserialize, Serialize};

use crate::{HostKey, Profile, RecordingPolicy, Redacted, RoomEncryption, RoomSlug, Verifier};

/// Body of `POST /api/rooms`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateRoom {
    /// Of the guest link.
    pub guest_verifier: Redacted<Verifier>,
    /// Of the moderator link. Must differ from the guest's.
    pub moderator_verifier: Redacted<Verifier>,
    /// `null` where the browser cannot make one; then the role cannot be passed on in the room.
    pub host_key: Option<HostKey>,
    /// Where the rules start.
    pub profile: Profile,
    /// How the room is end-to-end encrypted, which needs a host key; `null` when it is not.
    pub encryption: Option<RoomEncryption>,
}

/// Answer to `POST /api/rooms`, with status 201.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreatedRoom {
    /// The new room.
    pub room: RoomSlug,
    /// When the room ends, in seconds since 1970-01-01 UTC.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub expires_at: u64,
}

/// Answer to `GET /api/server`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServerInfo {
    /// [`crate::PROTOCOL_VERSION`] of the server.
    pub protocol_version: u32,
    /// Origin that other devices can reach, such as `https://192.0.2.7:8443`; links made on
    /// `localhost` use it. `null` when the address the page was opened at is the one to share.
    pub share_origin: Option<Redacted<String>>,
    /// True when making a room needs a host pass.
    pub host_pass_required: bool,
    /// Public key (a recipient of age) that incident reports are sealed to; `null` when none can be
    /// made here.
    pub incident_recipient: Option<String>,
    /// What may be recorded here; `null` when nothing may.
    pub recording: Option<RecordingPolicy>,
    /// Whom people ask; `null` when nobody answers for this server yet.
    pub contacts: Option<Contacts>,
    /// True when the server is only tried.
    pub trial: bool,
}

/// Whom people ask first: nobody but the establishment itself. Public, as the notice is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Contacts {
    /// Name of the establishment.
    pub controller: String,
    /// Generic address of its data-protection officer.
    pub dpo: String,
    /// Its technical support.
    pub support: String,
}
