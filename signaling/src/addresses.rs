//! The addresses of this machine: which ones media and links use.

mod advertised;
mod public;

use std::net::{IpAddr, Ipv6Addr, UdpSocket};

use if_addrs::IfOperStatus;

pub(crate) use self::advertised::{Advertised, lookup};
pub use self::public::{PublicAddress, PublicEntry};
pub(crate) use self::public::{Wrong, is_host_name};

/// Every address of an interface that is up, without link-local ones: network addresses first
/// (IPv4, then IPv6), the loopback addresses last. In an order that does not change by itself.
pub(crate) fn of_interfaces() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let is_down = |interface: &if_addrs::Interface| interface.oper_status == IfOperStatus::Down;
    let up = interfaces.into_iter().filter(|interface| !is_down(interface));
    sort(up.map(|interface| interface.ip()).collect())
}

/// The address other devices of the network most likely reach: the one this machine would send
/// from, or else the first that is not loopback.
pub(crate) fn share_address(addresses: &[IpAddr]) -> Option<IpAddr> {
    let is_usable = |address: &IpAddr| !address.is_loopback() && addresses.contains(address);
    let usable = || addresses.iter().copied().find(is_usable);
    sending_address().filter(is_usable).or_else(usable)
}

/// The address packets to elsewhere would carry. Nothing is sent: connecting a UDP socket only
/// looks at the routing table, and the destination is one reserved for documents (RFC 5737).
fn sending_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// `https://address:port`, with the brackets IPv6 needs, and without the port that https means anyway.
pub(crate) fn https_origin(address: IpAddr, port: u16) -> String {
    match address {
        IpAddr::V4(v4) => origin_of(&v4.to_string(), port),
        IpAddr::V6(v6) => origin_of(&format!("[{v6}]"), port),
    }
}

/// The same for a host as it stands in an origin.
pub(crate) fn origin_of(host: &str, port: u16) -> String {
    match port {
        443 => format!("https://{host}"),
        _ => format!("https://{host}:{port}"),
    }
}

/// True for the names and addresses under which only this machine itself is reached.
/// `host` is the value of a `Host` field, with or without port.
pub(crate) fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.split(':').next().unwrap_or(host),
    };
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

fn sort(mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    addresses.retain(|address| match address {
        IpAddr::V4(v4) => !v4.is_link_local() && !v4.is_unspecified(),
        IpAddr::V6(v6) => !is_link_local(v6) && !v6.is_unspecified(),
    });
    addresses.sort_by_key(|address| (address.is_loopback(), address.is_ipv6(), *address));
    addresses.dedup();
    addresses
}

/// fe80::/10 (RFC 4291 section 2.5.6).
fn is_link_local(address: &Ipv6Addr) -> bool {
    address.segments()[0] & 0xffc0 == 0xfe80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_addresses_come_first_and_link_local_ones_not_at_all() {
        let texts = ["::1", "fe80::1", "127.0.0.1", "2001:db8::1", "169.254.1.1", "192.0.2.7"];
        let sorted = sort(texts.map(|text| text.parse().unwrap()).to_vec());
        let texts: Vec<_> = sorted.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["192.0.2.7", "2001:db8::1", "127.0.0.1", "::1"]);
        assert_eq!(share_address(&sorted), Some("192.0.2.7".parse().unwrap()));
        assert_eq!(https_origin(sorted[1], 8443), "https://[2001:db8::1]:8443");
        assert_eq!(https_origin(sorted[1], 443), "https://[2001:db8::1]");
        assert_eq!(https_origin(sorted[0], 443), "https://192.0.2.7");
    }

    #[test]
    fn the_names_of_this_machine_are_known() {
        for host in [
            "localhost",
            "localhost:8080",
            "LOCALHOST.",
            "127.0.0.1:1",
            "[::1]:8443",
            "a.localhost",
        ] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["", "192.0.2.7:8443", "localhost.example.org", "[2001:db8::1]", "notlocalhost"]
        {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
