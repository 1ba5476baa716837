//! Media forwarding, pure: told the time, handed bytes, polled for what to send.

pub mod codec;
mod command;
mod demux;
mod egress;
pub mod feedback;
pub mod keyframe;
mod layer;
pub mod loss;
mod member;
pub mod packet;
mod path;
pub mod retransmission;
pub mod rewrite;
mod router;
pub mod rtcp;
pub mod sdp;
mod settings;
mod sfu;
mod stats;
mod subscription;
mod timers;
mod transport;

pub use command::{
    Command, Event, Mid, NegotiatedSlot, NegotiationError, NegotiationId, RoomId, SlotAssignment,
};
pub use egress::{Egress, Transmit};
pub use path::Path;
pub use settings::Settings;
pub use sfu::Sfu;
pub use stats::{DropCause, Drops, Stats};
pub use transport::{DtlsIdentity, IdentityError};
