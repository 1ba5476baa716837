//! The vocabulary of Préau: every message a browser may say ([`ClientMessage`]) and hear
//! ([`ServerMessage`]), the identifiers they carry, and [`Redacted`], the wrapper personal
//! data travels in.
//!
//! Messages are JSON objects tagged by `type` (snake_case), with camelCase fields. The server
//! refuses unknown types and unknown fields; the web client ignores unknown types, so that a
//! page left open survives an update. One golden example per message stands in `examples/`.

mod classroom;
mod client;
mod id;
mod redact;
mod server;

pub use classroom::{
    ChatAudience, DELEGATION_LABEL, Delegation, GroupPlace, MAX_GROUPS, MAX_HANDLES,
    MAX_POLL_CHOICES, MAX_POLL_TEXT_CHARS, MAX_SEALED_CHARS, MAX_TEXT_CHARS, MAX_TIMER_SECONDS,
    OpenPoll, OpenRules, Opinion, OpinionTotals, OwnState, Profile, Reaction, Rights, RoomRules,
    RoomState, WaitingInfo,
};
pub use client::{ClientMessage, PublishedMid, SlotRequest};
pub use id::{
    HostKey, IdError, ParticipantId, Proof, RequestId, RoomSlug, Signature, TrackId, TrackSource,
    Verifier,
};
pub use redact::Redacted;
pub use server::{
    CreateRoom, CreatedRoom, ErrorCode, GoodbyeReason, Language, ParticipantInfo, Quality, Role,
    ServerInfo, ServerMessage,
};

/// Version of this vocabulary. Raised when an old page can no longer talk to a new server; the
/// server then answers [`ErrorCode::ProtocolVersion`] and the page reloads itself.
pub const PROTOCOL_VERSION: u32 = 1;

/// Longest message accepted from a browser, in bytes. Larger ones end the session with
/// [`ErrorCode::MessageTooLarge`].
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// Longest display name, in Unicode scalar values after trimming. Longer ones are refused with
/// [`ErrorCode::NameInvalid`].
pub const MAX_DISPLAY_NAME_CHARS: usize = 40;

/// Most receive slots (remote tracks at once) one participant may negotiate. Raising it lets one
/// page receive more tracks at once and costs the server a fixed state per slot.
pub const MAX_SLOTS: usize = 128;
