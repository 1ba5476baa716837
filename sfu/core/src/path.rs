//! Where a datagram came from and where its answer goes.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// A pair of addresses. IPv4 addresses stand as such, never mapped into IPv6. Prints nothing of
/// the addresses: they are personal data.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Path {
    /// The other side.
    pub remote: SocketAddr,
    /// Our address the datagram was sent to, where the system says; answers leave from it.
    pub local: Option<IpAddr>,
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Path([redacted])")
    }
}
