//! Values of single attributes.

use rtc_sdp::MediaDescription;
use rtc_sdp::description::common::Attribute;

use super::Fingerprint;

/// Values of every attribute with this name, in order.
pub(super) fn values<'a>(
    attributes: &'a [Attribute],
    key: &'a str,
) -> impl Iterator<Item = &'a str> {
    attributes.iter().filter(move |a| a.key == key).filter_map(|a| a.value.as_deref())
}

/// True when the attribute stands there, with or without a value.
pub(super) fn has(attributes: &[Attribute], key: &str) -> bool {
    attributes.iter().any(|a| a.key == key)
}

/// Value in the section, else at session level.
pub(super) fn inherited<'a>(
    session: &'a [Attribute],
    section: &'a MediaDescription,
    key: &'a str,
) -> Option<&'a str> {
    values(&section.attributes, key).chain(values(session, key)).next()
}

/// Whether the browser wants to send and to receive (RFC 8866 section 6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Direction {
    pub(super) sends: bool,
    pub(super) receives: bool,
}

impl Direction {
    /// The section's direction, else the session's, else both ways.
    pub(super) fn of(session: &[Attribute], section: &MediaDescription) -> Self {
        section
            .attributes
            .iter()
            .chain(session)
            .find_map(|attribute| Self::parse(&attribute.key))
            .unwrap_or(Self { sends: true, receives: true })
    }

    /// Reads the name of a direction.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (sends, receives) = match name {
            "sendrecv" => (true, true),
            "sendonly" => (true, false),
            "recvonly" => (false, true),
            "inactive" => (false, false),
            _ => return None,
        };
        Some(Self { sends, receives })
    }
}

/// `sha-256 AB:CD:…`; `None` for other hashes and malformed values.
pub(super) fn parse_fingerprint(value: &str) -> Option<Fingerprint> {
    let (algorithm, digits) = value.split_once(' ')?;
    if !algorithm.eq_ignore_ascii_case("sha-256") {
        return None;
    }
    let mut hash = [0; 32];
    let mut pairs = digits.trim().split(':');
    for byte in &mut hash {
        let pair = pairs.next().filter(|pair| pair.len() == 2)?;
        *byte = parse_hex(pair)?.try_into().ok()?;
    }
    pairs.next().is_none().then_some(Fingerprint(hash))
}

/// Hexadecimal digits only: no sign, no blank.
pub(super) fn parse_hex(digits: &str) -> Option<u32> {
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex { u32::from_str_radix(digits, 16).ok() } else { None }
}

/// `<payload type> <rest>`, with a payload type of 0 to 127.
pub(super) fn parse_payload_type(value: &str) -> Option<(u8, &str)> {
    let (payload_type, rest) = value.split_once(' ')?;
    let payload_type = payload_type.parse().ok().filter(|pt| *pt < 128)?;
    Some((payload_type, rest.trim()))
}

/// Value of one `name=value` of a format's parameters.
pub(super) fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    parameters.split(';').find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}
