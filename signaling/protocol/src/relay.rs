//! The relay of this server, for pages without a path for UDP.

use serde::{Deserialize, Serialize};

use crate::redact::Redacted;

/// What a page shows to the relay (TURN over TLS, RFC 8656) at the address and port from which it was
/// itself loaded. The relay reaches this server's media and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RelayAccess {
    /// Until when it is good, in seconds since 1970, and a random mark.
    pub username: Redacted<String>,
    /// Follows from the user name; the server keeps neither.
    pub password: Redacted<String>,
}
