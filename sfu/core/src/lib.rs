//! Media forwarding, pure: told the time, handed bytes, polled for what to send.

mod command;
pub mod packet;

pub use command::{Command, Event, Mid, NegotiationError, NegotiationId, RoomId, SlotAssignment};
