//! Where a datagram came from and where its answer goes.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

/// A pair of addresses. IPv4 addresses stand as such, never mapped into IPv6. Prints nothing of
/// the addresses: they are personal data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Path {
    /// The other side.
    pub remote: SocketAddr,
    /// Our address the datagram was sent to, where the system says; answers leave from it.
    pub local: Option<IpAddr>,
}

/// In as few words as tell one path from another: each datagram is looked up by it.
impl Hash for Path {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.remote.ip() {
            IpAddr::V4(ip) => {
                state.write_u64(u64::from(u32::from(ip)) << 16 | u64::from(self.remote.port()));
            }
            IpAddr::V6(ip) => {
                state.write_u128(u128::from(ip));
                state.write_u16(self.remote.port());
            }
        }
        match self.local {
            None => {}
            Some(IpAddr::V4(ip)) => state.write_u32(u32::from(ip)),
            Some(IpAddr::V6(ip)) => state.write_u128(u128::from(ip)),
        }
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Path([redacted])")
    }
}
