//! Media forwarding, pure: told the time, handed bytes, polled for what to send.
//!
//! # How to drive it
//!
//! One [`Sfu`] serves any number of rooms and belongs to one thread. Its owner
//!
//! 1. hands in each datagram that came ([`Sfu::handle_datagram`], which decrypts it in place), at
//!    most [`Sfu::MAX_BATCH`] of them before the next poll for egress, and each command
//!    ([`Sfu::handle_command`]), always with the present time;
//! 2. calls [`Sfu::handle_timeout`] once [`Sfu::poll_timeout`] has come;
//! 3. after each of these, or after a batch of them, sends what [`Sfu::poll_egress`] gives until
//!    it gives `None`, takes the events of [`Sfu::poll_output`], and what is for the recorder with
//!    [`Sfu::swap_captured`];
//! 4. calls [`Sfu::handle_fault`] when one of these panicked: a broken invariant of ours costs
//!    one room, not the others.
//!
//! Bytes from outside never make it panic: what is of no use is counted in [`Stats`] and dropped.
//! Two runs with the same seed and the same input give the same output, the handshakes' own
//! randomness excepted.
//!
//! # The path of a packet
//!
//! `demux` finds the transport by the address pair; `transport` opens the packet; `router` finds
//! its track and layer, notes arrival and losses, and keeps it in the layer's ring until the
//! batch is complete; then, for each subscriber, `subscription` (with `layer` and `rewrite`)
//! decides, renumbers and seals it into the `egress` buffer.

mod bucket;
pub mod codec;
mod command;
mod demux;
pub mod dependency;
mod downlink;
mod egress;
mod epoch;
pub mod feedback;
pub mod keyframe;
mod layer;
pub mod loss;
mod member;
pub mod packet;
mod path;
mod quality;
mod recording;
pub mod retransmission;
pub mod rewrite;
mod router;
pub mod rtcp;
pub mod sdp;
mod settings;
pub mod sframe;
mod sfu;
mod stats;
mod stills;
mod subscription;
mod svc;
mod temporal;
mod timers;
mod transport;
pub mod turn;
mod voices;

pub use command::{
    Command, Event, Frames, Mid, NegotiatedSlot, NegotiationError, NegotiationId, RecordingFailure,
    RecordingNews, RecordingTap, RoomId, SlotAssignment,
};
pub use egress::{Egress, Transmit};
pub use path::Path;
pub use recording::{Capture, Captured, CapturedPacket};
pub use settings::Settings;
pub use sfu::Sfu;
pub use stats::{DropCause, Drops, Stats};
pub use transport::{DtlsIdentity, IdentityError, is_connectivity_check};
