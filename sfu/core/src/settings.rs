//! What an `Sfu` is given at construction.

use std::net::SocketAddr;

use crate::codec::CodecKind;
use crate::transport::DtlsIdentity;

/// Everything that comes from outside: no clock and no randomness is taken from the system
/// later, the engine's own during handshakes excepted.
#[derive(Clone)]
pub struct Settings {
    /// Certificate shown to every browser.
    pub identity: DtlsIdentity,
    /// Public addresses of the media socket, best first, as written into answers.
    pub candidates: Vec<SocketAddr>,
    /// TCP port at the same addresses at which media is taken in too; `None` for UDP alone.
    pub tcp_port: Option<u16>,
    /// Number of this one among those that share a port, at most [`Sfu::MAX_WORKERS`](crate::Sfu).
    /// It stands in front of the user names, so that each of them sees whose a check is.
    pub worker: u8,
    /// Most microphones forwarded to one participant at once; of more, the loudest. At least 1.
    pub max_voices: usize,
    /// The codec in which cameras send one picture in layers (SVC), where their browsers can and
    /// everybody in the room plays it. Else, and when there is none, they send several pictures
    /// (simulcast).
    pub scalable: Option<CodecKind>,
    /// Seeds user names, passwords and source numbers. In production from the system's secure
    /// generator: whoever knows it can pass connectivity checks in anybody's place.
    pub seed: [u8; 32],
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Settings([redacted])")
    }
}
