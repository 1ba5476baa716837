//! The machine's clock, as packets carry it: nanoseconds since 1970, so that it can be compared
//! with the kernel's time of arrival.

use std::time::{SystemTime, UNIX_EPOCH};

/// Nanoseconds since 1970-01-01 UTC.
pub(crate) type Nanos = u64;

/// Now.
pub(crate) fn now() -> Nanos {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as Nanos)
}

/// As the extension abs-capture-time carries it: seconds since 1900 with 32 bits of fraction.
pub(crate) fn to_ntp(time: Nanos) -> u64 {
    let seconds = time / SECOND + UNIX_TO_NTP;
    let fraction = ((time % SECOND) << 32) / SECOND;
    (seconds << 32) | fraction
}

/// The other way.
pub(crate) fn from_ntp(ntp: u64) -> Nanos {
    let seconds = (ntp >> 32).saturating_sub(UNIX_TO_NTP);
    let fraction = ((ntp & u64::from(u32::MAX)) * SECOND) >> 32;
    seconds * SECOND + fraction
}

/// One second.
pub(crate) const SECOND: Nanos = 1_000_000_000;

/// One millisecond.
pub(crate) const MILLISECOND: Nanos = 1_000_000;

/// Seconds from 1900 to 1970.
const UNIX_TO_NTP: u64 = 2_208_988_800;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_survives_the_way_through_a_packet() {
        let time = 1_800_000_000_123_456_789;
        assert!(from_ntp(to_ntp(time)).abs_diff(time) < 2);
    }
}
