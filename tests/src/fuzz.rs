//! What each fuzz target does with its bytes. The fuzzer (`tests/fuzz`) and the ordinary tests,
//! which replay its seeds, call the same functions. A function returns when the bytes were
//! handled as they must be, and panics when a promise was broken.

mod media;
mod signaling;
mod turn;

pub use media::{datagram, dependency, rewrite_sequence, rtcp, rtp_header, sdp, sframe};
pub use signaling::{client_message, room_sequence};
pub use turn::turn;

/// What a target does with one input.
pub type Target = fn(&[u8]);

/// Every target by name.
pub const TARGETS: [(&str, Target); 10] = [
    ("client_message", client_message),
    ("datagram", datagram),
    ("dependency", dependency),
    ("rewrite_sequence", rewrite_sequence),
    ("room_sequence", room_sequence),
    ("rtcp", rtcp),
    ("rtp_header", rtp_header),
    ("sdp", sdp),
    ("sframe", sframe),
    ("turn", turn),
];
