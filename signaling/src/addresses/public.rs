//! [`PublicAddress`]: one entry of `public_addresses`, where browsers reach the media port.

use std::net::{IpAddr, SocketAddr};

use super::is_link_local;

/// Where browsers reach the media port. Port 0 stands for the port that is listened on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicAddress {
    /// The addresses of this machine's interfaces.
    Auto,
    /// An address.
    At(SocketAddr),
    /// A host name, looked up while the server runs.
    Named(String, u16),
}

/// One entry, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicEntry {
    /// What it says.
    pub address: PublicAddress,
    /// File, line and number of the entry, for whoever has to correct it.
    pub place: String,
}

/// What an entry is instead of an address that browsers reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It stands for all addresses.
    Unspecified,
    /// An address of a group or a whole network.
    Multicast,
    LinkLocal,
    /// It has no port that can be reached.
    Port,
    Unreadable,
}

impl PublicAddress {
    /// Reads one entry.
    pub(crate) fn parse(text: &str) -> Result<Self, Wrong> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("auto") {
            return Ok(Self::Auto);
        }
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return at(address, 0);
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            let port = Some(address.port()).filter(|port| *port != 0).ok_or(Wrong::Port)?;
            return at(address.ip(), port);
        }
        let (name, port) = match text.rsplit_once(':') {
            // Only digits can be meant as a port: anything else is no name either.
            Some((name, digits)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                let port = digits.parse().ok().filter(|port| *port != 0);
                (
                    name,
                    port.ok_or(if is_host_name(name) { Wrong::Port } else { Wrong::Unreadable })?,
                )
            }
            Some(_) => return Err(Wrong::Unreadable),
            None => (text, 0),
        };
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        is_host_name(&name).then_some(Self::Named(name, port)).ok_or(Wrong::Unreadable)
    }
}

fn at(address: IpAddr, port: u16) -> Result<PublicAddress, Wrong> {
    let address = address.to_canonical();
    match address {
        _ if address.is_unspecified() => Err(Wrong::Unspecified),
        _ if address.is_multicast() => Err(Wrong::Multicast),
        IpAddr::V4(v4) if v4.is_broadcast() => Err(Wrong::Multicast),
        IpAddr::V6(v6) if is_link_local(&v6) => Err(Wrong::LinkLocal),
        IpAddr::V4(_) | IpAddr::V6(_) => Ok(PublicAddress::At(SocketAddr::new(address, port))),
    }
}

/// Names of hosts (RFC 1123 section 2.1): labels of letters, digits and hyphens. One whose last label
/// is a number is a mistyped address.
pub(crate) fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    name.len() <= 253
        && name.split('.').all(is_label)
        && !name.rsplit('.').next().is_some_and(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_an_address_or_one_with_a_port_or_a_name() {
        let at = |text: &str| Ok(PublicAddress::At(text.parse().unwrap()));
        let named = |name: &str, port| Ok(PublicAddress::Named(name.to_owned(), port));
        for (text, expected) in [
            ("auto", Ok(PublicAddress::Auto)),
            (" 192.0.2.7 ", at("192.0.2.7:0")),
            ("192.0.2.7:443", at("192.0.2.7:443")),
            ("2001:db8::7", at("[2001:db8::7]:0")),
            ("[2001:db8::7]", at("[2001:db8::7]:0")),
            ("[2001:db8::7]:443", at("[2001:db8::7]:443")),
            ("::ffff:192.0.2.7", at("192.0.2.7:0")),
            ("127.0.0.1", at("127.0.0.1:0")),
            ("visio.example.org", named("visio.example.org", 0)),
            ("Visio.Example.org.:443", named("visio.example.org", 443)),
            ("visio", named("visio", 0)),
        ] {
            assert_eq!(PublicAddress::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn what_no_browser_can_reach_is_told_apart() {
        for (text, expected) in [
            ("0.0.0.0", Wrong::Unspecified),
            ("[::]:443", Wrong::Unspecified),
            ("::", Wrong::Unspecified),
            ("224.0.0.1", Wrong::Multicast),
            ("ff02::1", Wrong::Multicast),
            ("255.255.255.255", Wrong::Multicast),
            ("fe80::1", Wrong::LinkLocal),
            ("192.0.2.7:0", Wrong::Port),
            ("visio.example:0", Wrong::Port),
            ("visio.example:99999", Wrong::Port),
            ("", Wrong::Unreadable),
            ("192.0.2.300", Wrong::Unreadable),
            ("192.0.2", Wrong::Unreadable),
            ("2001:db8::7::1", Wrong::Unreadable),
            ("2001:db8::g", Wrong::Unreadable),
            ("https://visio.example", Wrong::Unreadable),
            ("visio example", Wrong::Unreadable),
            ("-visio.example", Wrong::Unreadable),
            ("visio..example", Wrong::Unreadable),
        ] {
            assert_eq!(PublicAddress::parse(text), Err(expected), "{text}");
        }
    }
}
