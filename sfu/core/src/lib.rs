//! Media forwarding, pure: told the time, handed bytes, polled for what to send.

pub mod codec;
mod command;
pub mod keyframe;
pub mod packet;
pub mod sdp;

pub use command::{
    Command, Event, Mid, NegotiatedSlot, NegotiationError, NegotiationId, RoomId, SlotAssignment,
};
