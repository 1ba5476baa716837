//! A proxy that ends https in front of this server: whom it speaks for. That address bounds what one
//! source may do, and is used for nothing else.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use protocol::ErrorCode;
use serde::{Deserialize, Serialize};

use crate::app::Connection;
use crate::http::problem;
use crate::limits::Gate;

/// Addresses that begin with the same bits, written `192.0.2.0/24`; or a single one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    first: IpAddr,
    bits: u8,
}

impl Network {
    /// The addresses of this machine itself.
    pub(crate) fn loopback() -> Vec<Self> {
        let v4 = Self { first: Ipv4Addr::new(127, 0, 0, 0).into(), bits: 8 };
        vec![v4, Self { first: Ipv6Addr::LOCALHOST.into(), bits: 128 }]
    }

    /// True when the address is one of them.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let (ours, width) = bits_of(self.first);
        let (theirs, other_width) = bits_of(address.to_canonical());
        let shift = u32::from(width - self.bits);
        // Shifting by the whole width leaves nothing to compare.
        width == other_width && (ours ^ theirs).checked_shr(shift).unwrap_or(0) == 0
    }
}

/// An address as a number, and how many bits it has.
fn bits_of(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), 32),
        IpAddr::V6(v6) => (u128::from(v6), 128),
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("{text} is neither an address nor a network such as 10.0.0.0/8");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let first = address.trim().parse::<IpAddr>().map_err(|_| refused())?.to_canonical();
        let (_, width) = bits_of(first);
        let bits = bits.map_or(Ok(width), |bits| bits.trim().parse().map_err(|_| refused()))?;
        if bits > width { Err(refused()) } else { Ok(Self { first, bits }) }
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

/// What [`name_source`] goes by.
#[derive(Clone, Debug)]
pub(crate) struct Proxies {
    /// Whose word counts.
    pub(crate) trusted: Arc<[Network]>,
    /// Counts requests and sessions by their source, in place of connections, which are the proxy's.
    pub(crate) gate: Gate,
}

/// Puts the address of whoever asks in place of the proxy's, and counts by it.
pub(crate) async fn name_source(
    State(proxies): State<Proxies>,
    Extension(connection): Extension<Connection>,
    mut request: Request,
    next: Next,
) -> Response {
    let address = source(connection.address, &proxies.trusted, request.headers());
    let Some(pass) = proxies.gate.enter(address) else {
        return problem(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Overloaded);
    };
    let pass = Arc::new(pass);
    request.extensions_mut().insert(Connection { address, ..connection });
    request.extensions_mut().insert(pass.clone());
    let answer = next.run(request).await;
    // A WebSocket has its own clone, for as long as it lives.
    drop(pass);
    answer
}

/// Who asks: the last address in `X-Forwarded-For` that is no trusted proxy. What stands before it was
/// written by whoever asks, and counts for nothing; so does the whole field from anybody but a
/// trusted proxy. Where it cannot be read, the last address that is known.
pub(crate) fn source(from: IpAddr, trusted: &[Network], headers: &HeaderMap) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut known = from;
    let fields = headers.get_all("x-forwarded-for").iter().collect::<Vec<_>>();
    let entries =
        fields.into_iter().rev().flat_map(|field| field.to_str().unwrap_or("?").rsplit(','));
    for entry in entries.take(MAX_PROXIES) {
        if !is_trusted(known) {
            break;
        }
        match forwarded(entry.trim()) {
            Some(address) => known = address,
            None => break,
        }
    }
    known
}

/// An address, perhaps with a port as some proxies write it.
fn forwarded(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    let with_port = || entry.parse::<SocketAddr>().ok().map(|address| address.ip());
    bare.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

/// Entries of the field that are read, from its end: more proxies in a row there are not.
const MAX_PROXIES: usize = 8;

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn networks(texts: &[&str]) -> Vec<Network> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_network_holds_the_addresses_that_begin_alike() {
        let holds = |network: &str, address: &str| {
            network.parse::<Network>().unwrap().contains(address.parse().unwrap())
        };
        for (network, address) in [
            ("10.0.0.0/8", "10.255.0.1"),
            ("10.0.0.9/8", "10.255.0.1"),
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.7", "::ffff:192.0.2.7"),
            ("0.0.0.0/0", "203.0.113.1"),
            ("2001:db8::/32", "2001:db8:1::1"),
            ("::/0", "2001:db8::1"),
            ("::1", "::1"),
        ] {
            assert!(holds(network, address), "{address} in {network}");
        }
        for (network, address) in [
            ("10.0.0.0/8", "11.0.0.1"),
            ("192.0.2.7", "192.0.2.6"),
            ("0.0.0.0/0", "2001:db8::1"),
            ("::/0", "192.0.2.1"),
            ("2001:db8::/33", "2001:db8:8000::1"),
        ] {
            assert!(!holds(network, address), "{address} in {network}");
        }
        for text in ["", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "proxy", "::/129"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_what_trusted_proxies_wrote_counts() {
        let trusted = networks(&["10.0.0.0/8", "::1"]);
        let source = |from: &str, fields: &[&str]| {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append("x-forwarded-for", HeaderValue::from_str(field).unwrap());
            }
            source(from.parse().unwrap(), &trusted, &headers).to_string()
        };
        assert_eq!(source("10.0.0.1", &["192.0.2.1"]), "192.0.2.1");
        assert_eq!(source("10.0.0.1", &["198.51.100.9, 192.0.2.1"]), "192.0.2.1", "made up");
        assert_eq!(source("10.0.0.1", &["198.51.100.9", "192.0.2.1"]), "192.0.2.1", "made up");
        assert_eq!(source("10.0.0.1", &["192.0.2.1, 10.0.0.2"]), "192.0.2.1", "two proxies");
        assert_eq!(source("192.0.2.5", &["192.0.2.1"]), "192.0.2.5", "no proxy of ours");
        assert_eq!(source("::1", &["192.0.2.1:50123"]), "192.0.2.1");
        assert_eq!(source("::1", &["[2001:db8::1]:50123"]), "2001:db8::1");
        assert_eq!(source("::1", &["2001:db8::1"]), "2001:db8::1");
        assert_eq!(source("::1", &["::ffff:192.0.2.1"]), "192.0.2.1");
        for nonsense in ["", "unknown", "192.0.2.1, ", "_hidden", "192.0.2.1;drop"] {
            assert_eq!(source("10.0.0.1", &[nonsense]), "10.0.0.1", "{nonsense}");
        }
        assert_eq!(source("10.0.0.1", &[]), "10.0.0.1");
        let many = vec!["10.0.0.3"; 1000].join(", ");
        assert_eq!(source("10.0.0.1", &[&many]), "10.0.0.3");
    }
}
