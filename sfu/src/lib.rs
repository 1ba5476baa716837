//! The media shell: worker threads, each with a UDP socket around a pure `sfu-core` of its own, all
//! behind one port; one worker is the rule.
//!
//! [`spawn`] binds the sockets and starts the threads; the returned [`SfuHandle`] carries
//! [`Command`]s in, and events come out through the closure given to `spawn`.
//!
//! A recording is begun with [`SfuHandle::start_recording`], which says where its files go and gives
//! its number; everything else about it are commands ([`Command::SetRecordable`],
//! [`Command::EraseRecorded`], [`Command::StopRecording`]) and events ([`Event::Recording`]).

mod exchange;
mod handle;
mod metrics;
mod recorder;
mod roads;
pub mod seal;
mod socket;
mod worker;

pub use handle::{Overloaded, SfuHandle, ShutdownError, SpawnError, spawn};
pub use metrics::render;
pub use recorder::{RecordingFiles, picture};
pub use sfu_core::codec::CodecKind;
pub use sfu_core::{
    Command, DtlsIdentity, Event, Frames, IdentityError, Mid, NegotiatedSlot, NegotiationError,
    NegotiationId, RecordingFailure, RecordingNews, RecordingTap, RoomId, SlotAssignment, Stats,
};
pub use socket::SOCKET_BUFFER_BYTES;

use std::net::SocketAddr;

/// Most worker threads.
pub const MAX_WORKERS: usize = sfu_core::Sfu::MAX_WORKERS;

/// How the media plane starts.
#[derive(Debug)]
pub struct SfuConfig {
    /// UDP address to listen on, for everybody. `[::]` also takes IPv4. Port 0 lets the system
    /// choose.
    pub listen: SocketAddr,
    /// Addresses written into answers as candidates, best first. Port 0 stands for the port that
    /// was bound. At most 16; more are left out. [`SfuHandle::set_advertised`] changes them.
    pub advertised: Vec<SocketAddr>,
    /// TCP port written beside them, where somebody carries media from TCP connections to the UDP
    /// port.
    pub tcp_port: Option<u16>,
    /// How many threads share the rooms; each room lives on one of them. At most
    /// [`MAX_WORKERS`].
    pub workers: usize,
    /// Most microphones forwarded to one participant at once; of more, the loudest.
    pub max_voices: usize,
    /// The codec in which cameras send one picture in layers (SVC), where their browsers can and
    /// everybody in the room plays it; none for several pictures (simulcast).
    pub scalable: Option<CodecKind>,
    /// Certificate of every DTLS connection.
    pub identity: DtlsIdentity,
}
