//! Meeting rules, pure. A [`Room`] is told the time and handed [`Input`]s; after each one the
//! owner drains [`Room::poll_output`] and carries the [`Output`]s out, and comes back at
//! [`Room::poll_timeout`] with [`Room::handle_timeout`].
//!
//! A room never panics on what a browser says, holds nothing of the room's link, and knows no
//! output that turns a camera or a microphone on.

mod lobby;
mod name;
mod pace;
mod participant;
mod permission;
mod poll;
mod port;
mod profile;
mod rate;
mod room;
mod text;

pub use permission::{Action, action_of, is_allowed, rights_of};
pub use port::{
    Change, EndCause, Input, Join, MediaAnswer, MediaRequest, Output, Resume, SessionId, Slot,
    Wait, Welcome,
};
pub use profile::rules_of;
pub use rate::{Rate, TokenBucket};
pub use room::{Room, RoomConfig};
