//! What each fuzz target does with its bytes. The fuzzer (`tests/fuzz`) and the ordinary tests,
//! which replay its seeds, call the same functions. A function returns when the bytes were
//! handled as they must be, and panics when a promise was broken.

mod link;
mod media;
mod outside;
mod recorded;
mod signaling;
mod socket;
mod turn;

pub use link::link;
pub use media::{
    arrival_sequence, dependency, descriptor, rewrite_sequence, rtcp, rtp_header, sdp, sframe,
};
pub use outside::{backup, configuration, forwarded, stream, token};
pub use recorded::{recorded, recorded_file};
pub use signaling::{client_message, room_sequence};
pub use socket::{datagram, handshake, stun};
pub use turn::turn;

/// What a target does with one input.
pub type Target = fn(&[u8]);

/// Every target by name.
pub const TARGETS: [(&str, Target); 22] = [
    ("arrival_sequence", arrival_sequence),
    ("backup", backup),
    ("client_message", client_message),
    ("configuration", configuration),
    ("datagram", datagram),
    ("dependency", dependency),
    ("descriptor", descriptor),
    ("forwarded", forwarded),
    ("handshake", handshake),
    ("link", link),
    ("recorded", recorded),
    ("recorded_file", recorded_file),
    ("rewrite_sequence", rewrite_sequence),
    ("room_sequence", room_sequence),
    ("rtcp", rtcp),
    ("rtp_header", rtp_header),
    ("sdp", sdp),
    ("sframe", sframe),
    ("stream", stream),
    ("stun", stun),
    ("token", token),
    ("turn", turn),
];
