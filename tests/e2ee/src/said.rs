//! Opaque messages: JSON, padded with spaces to a multiple of 64 bytes, sealed as a frame of data.

use std::time::Instant;

use serde_json::Value;

use crate::frames::{Codec, Incoming, Level, NotSealed, Opener, Sealer, Source, Verdict, Why};

const PADDED_TO: usize = 64;

/// Seals a message for an audience.
///
/// # Errors
/// No key.
pub fn seal(sealer: &mut Sealer, level: Level, message: &Value) -> Result<Vec<u8>, NotSealed> {
    sealer.seal(Source::Data, level, Codec::Whole, &padded(message))
}

/// The plain bytes of a message.
#[must_use]
pub fn padded(message: &Value) -> Vec<u8> {
    let mut plain = message.to_string().into_bytes();
    plain.resize(plain.len().next_multiple_of(PADDED_TO), b' ');
    plain
}

/// Opens a message that the server says came from the member with `leaf`.
///
/// # Errors
/// Why it is dropped; [`Why::Forged`] where it holds no JSON.
pub fn open(opener: &mut Opener, now: Instant, leaf: u16, sealed: &[u8]) -> Result<Value, Why> {
    let frame = Incoming {
        slot: usize::MAX,
        expected: (leaf, Source::Data),
        codec: Codec::Whole,
        bytes: sealed.to_vec(),
    };
    match opener.open(now, frame) {
        Verdict::Opened(plain) => serde_json::from_slice(&plain).map_err(|_| Why::Forged),
        Verdict::Held => Err(Why::NoKey),
        Verdict::Dropped(why) => Err(why),
    }
}
