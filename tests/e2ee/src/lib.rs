//! Préau's end-to-end encryption written a second time: what a link holds, what admits a member,
//! the circle (an MLS group) and its frames. It shares no code with the page or the server, so
//! that tests and the load generator show that the formats mean what they say. The server never
//! links it.
//!
//! All integers are big endian; time is an argument.

pub mod admission;
pub mod attendance;
pub mod ballot;
mod bytes;
pub mod circle;
mod crypto;
pub mod frames;
pub mod link;
pub mod member;
pub mod narrow;
mod provider;
pub mod said;
pub mod words;

pub use bytes::{Cut, from_base64url, to_base64url};
pub use crypto::{random, sha256};

/// The 16 bytes of a room's slug.
pub type RoomId = [u8; 16];

/// The 8 bytes of a participant's number.
pub type ParticipantId = [u8; 8];
