//! The vocabulary of Préau: every message a browser may say ([`ClientMessage`]) and hear
//! ([`ServerMessage`]), the identifiers they carry, and [`Redacted`], the wrapper personal
//! data travels in.
//!
//! Messages are JSON objects tagged by `type` (snake_case), with camelCase fields. The server
//! refuses unknown types and unknown fields; the web client ignores unknown types, so that a
//! page left open survives an update. One golden example per message stands in `examples/`.

mod circle;
mod classroom;
mod client;
mod doctor;
mod http;
mod id;
mod known;
mod recording;
mod redact;
mod relay;
mod server;

pub use circle::{
    Admission, Ballot, CircleId, CirclePlace, Commit, EncryptionInfo, KeyPackage,
    MAX_ADMISSION_BYTES, MAX_BALLOT_BYTES, MAX_COMMIT_BYTES, MAX_KEY_PACKAGE_BYTES,
    MAX_QUESTION_BYTES, MAX_SAY_BYTES, MAX_SEALED_NAME_BYTES, MAX_WELCOME_BYTES, MemberKey,
    MlsWelcome, RoomEncryption, SayAudience, Sealed, SealedName, SealedPoll, SealedQuestion,
    SealedWords, SignedAdmission,
};
pub use classroom::{
    ChatAudience, DELEGATION_LABEL, Delegation, GroupPlace, MAX_GROUPS, MAX_HANDLES,
    MAX_POLL_CHOICES, MAX_POLL_TEXT_CHARS, MAX_SEALED_CHARS, MAX_TEXT_CHARS, MAX_TIMER_SECONDS,
    OpenPoll, OpenRules, Opinion, OpinionTotals, OwnState, Profile, Reaction, Rights, RoomRules,
    RoomState, WaitingInfo,
};
pub use client::{ClientMessage, PublishedMid, SlotRequest};
pub use doctor::{DoctorFinding, DoctorLevel, DoctorReport};
pub use http::{Contacts, CreateRoom, CreatedRoom, ServerInfo};
pub use id::{
    HostKey, IdError, ParticipantId, Proof, RequestId, RoomSlug, Signature, TrackId, TrackSource,
    Verifier,
};
pub use known::{Known, KnownLayers, KnownMember, KnownSlot};
pub use recording::{
    AgeRecipient, MAX_RECIPIENTS, MAX_RELEASE_BYTES, MAX_RELEASES, MAX_TERM_CHARS,
    RECORDING_TEXT_VERSION, RecipientInfo, RecordingEnd, RecordingId, RecordingInfo,
    RecordingPolicy, RecordingPurpose, RecordingTerms, ReleasedKeys,
};
pub use redact::Redacted;
pub use relay::RelayAccess;
pub use server::{
    ErrorCode, GoodbyeReason, Language, ParticipantInfo, Quality, Role, ServerMessage,
};

/// Version of this vocabulary. Raised when an old page can no longer talk to a new server; the
/// server then answers [`ErrorCode::ProtocolVersion`] and the page reloads itself.
pub const PROTOCOL_VERSION: u32 = 2;

/// Longest message accepted from a browser, in bytes: the longest commit with its welcome as text, and
/// the names of those it concerns. Larger ones end the session with [`ErrorCode::MessageTooLarge`].
pub const MAX_MESSAGE_BYTES: usize = 288 * 1024;

/// Longest display name, in Unicode scalar values after trimming. Longer ones are refused with
/// [`ErrorCode::NameInvalid`].
pub const MAX_DISPLAY_NAME_CHARS: usize = 40;

/// Most receive slots (remote tracks at once) one participant may negotiate. Raising it lets one
/// page receive more tracks at once and costs the server a fixed state per slot.
pub const MAX_SLOTS: usize = 128;
