//! Redundant sound (RFC 2198) for those who take it, plain sound for the others.

use crate::codec::red;
use crate::sdp::Codec;

/// In which form a payload goes out.
#[derive(Clone, Copy)]
pub(super) struct Form {
    pub(super) payload_type: u8,
    /// Set when sound goes out redundantly: the payload type of its blocks.
    pub(super) blocks: Option<u8>,
    /// True when what comes redundantly goes out plain.
    is_stripped: bool,
}

impl Form {
    /// Redundant sound goes to those who negotiated it and have the room for it; the others get
    /// the packet's own frame.
    pub(super) fn of(codec: &Codec, is_redundant: bool, saving: bool) -> Self {
        let red = codec.red_payload_type.filter(|_| is_redundant && !saving);
        Self {
            payload_type: red.unwrap_or(codec.payload_type),
            blocks: red.map(|_| codec.payload_type),
            is_stripped: is_redundant && red.is_none(),
        }
    }

    /// The payload in this form; `None` when it is not what it claims to be.
    pub(super) fn payload(self, payload: &[u8]) -> Option<&[u8]> {
        if self.is_stripped { red::primary(payload) } else { Some(payload) }
    }
}
