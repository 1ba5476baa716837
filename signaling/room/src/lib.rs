//! Meeting rules, pure. A [`Room`] is told the time and handed [`Input`]s; after each one the
//! owner drains [`Room::poll_output`] and carries the [`Output`]s out, and comes back at
//! [`Room::poll_timeout`] with [`Room::handle_timeout`].
//!
//! A room never panics on what a browser says, holds nothing of the room's link, and knows no
//! output that turns a camera or a microphone on.

mod name;
mod participant;
mod permission;
mod port;
mod room;

pub use permission::{Action, is_allowed};
pub use port::{
    EndCause, Input, Join, MediaAnswer, MediaRequest, Output, SessionId, Slot, Welcome,
};
pub use room::{Room, RoomConfig};
