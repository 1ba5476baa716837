//! Meeting rules, pure. A [`Room`] is told the time and handed [`Input`]s; after each one the
//! owner drains [`Room::poll_output`] and carries the [`Output`]s out, and comes back at
//! [`Room::poll_timeout`] with [`Room::handle_timeout`].
//!
//! A room never panics on what a browser says, holds nothing of the room's link, and knows no
//! output that turns a camera or a microphone on.

mod circle;
mod consent;
mod lobby;
mod member;
mod name;
mod pace;
mod participant;
mod permission;
mod poll;
mod port;
mod profile;
mod rate;
mod room;
mod sealed_poll;
mod text;

pub use permission::{Action, action_of, is_allowed, rights_of};
pub use port::{
    Answered, Change, EndCause, Input, Join, MediaAnswer, MediaRequest, Output, RecordingRequest,
    RecordingWish, Resume, SessionId, Slot, Wait, Welcome,
};
pub use profile::{encryption_of, rules_of};
pub use rate::{Rate, TokenBucket};
pub use room::{Room, RoomConfig};
