//! The one door to the media plane.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use protocol::ParticipantId;
use sfu::{
    CodecKind, DtlsIdentity, Overloaded, RecordingFiles, SfuConfig, SfuHandle, SpawnError, Stats,
};
use sfu_core::{Command, Event, RecordingTap, RoomId};
use thiserror::Error;

use crate::limits::lock;

/// Why the media plane cannot start.
#[derive(Debug, Error)]
pub(crate) enum MediaError {
    /// Its UDP port.
    #[error("cannot open the port: {0}")]
    Bind(io::Error),
    /// Its thread or its certificate.
    #[error("{0}")]
    Worker(String),
}

/// The running media plane.
#[derive(Debug)]
pub(crate) struct Media {
    /// Empty once it was shut down.
    handle: RwLock<Option<SfuHandle>>,
    /// Ends of transports, and what is recorded of whom, that the worker could not take yet. It may
    /// be late but never lost, and goes before everything later.
    ends: Mutex<VecDeque<(RoomId, Command)>>,
    address: SocketAddr,
}

impl Media {
    /// Starts so many workers on the UDP port `listen`. `public` are the addresses browsers are told
    /// (port 0 is that of the socket), `tcp_port` the port at them at which media over TCP is taken in,
    /// `max_voices` the most microphones one participant hears at once, `scalable` the codec of cameras
    /// in layers.
    pub(crate) fn spawn(
        listen: SocketAddr,
        public: &[SocketAddr],
        tcp_port: Option<u16>,
        workers: usize,
        max_voices: usize,
        scalable: Option<CodecKind>,
        on_event: impl Fn(Event) + Send + Sync + 'static,
    ) -> Result<Self, MediaError> {
        let identity = DtlsIdentity::generate();
        let identity = identity.map_err(|error| MediaError::Worker(error.to_string()))?;
        let config = SfuConfig {
            listen,
            advertised: public.to_vec(),
            tcp_port,
            workers,
            max_voices,
            scalable,
            identity,
        };
        let handle = sfu::spawn(config, on_event).map_err(|error| match error {
            SpawnError::Bind { source, .. } => MediaError::Bind(source),
            SpawnError::System(source) => MediaError::Worker(source.to_string()),
        })?;
        let address = handle.local_addr();
        let ends = Mutex::default();
        Ok(Self { handle: RwLock::new(Some(handle)), ends, address })
    }

    /// Tells browsers these addresses from now on; false when that has to be said again.
    pub(crate) fn set_public(&self, public: &[SocketAddr]) -> bool {
        let handle = self.handle.read().unwrap_or_else(PoisonError::into_inner);
        handle.as_ref().is_none_or(|handle| handle.set_advertised(public.to_vec()).is_ok())
    }

    /// Hands a command about a room over, or says that there is no place for it now.
    pub(crate) fn send(&self, room: RoomId, command: Command) -> Result<(), Overloaded> {
        self.send_late_ends()?;
        self.hand_over(room, command)
    }

    /// Hands over the ends that found no place when they came.
    pub(crate) fn send_late_ends(&self) -> Result<(), Overloaded> {
        let mut ends = lock(&self.ends);
        while let Some((room, end)) = ends.front().cloned() {
            self.hand_over(room, end)?;
            ends.pop_front();
        }
        Ok(())
    }

    /// Ends a transport, later if there is no place for the command now.
    pub(crate) fn remove_transport(&self, room: RoomId, participant: ParticipantId) {
        self.send_surely(room, Command::RemoveTransport { participant });
    }

    /// Hands over a command that must not be lost, later if there is no place for it now.
    pub(crate) fn send_surely(&self, room: RoomId, end: Command) {
        if self.send(room, end.clone()).is_err() {
            lock(&self.ends).push_back((room, end));
        }
    }

    /// Has a recorder begin, with every gate shut.
    pub(crate) fn start_recording(
        &self,
        room: RoomId,
        files: RecordingFiles,
    ) -> Result<RecordingTap, Overloaded> {
        // The end of a recording before it must not end this one.
        self.send_late_ends()?;
        let handle = self.handle.read().unwrap_or_else(PoisonError::into_inner);
        handle.as_ref().ok_or(Overloaded)?.start_recording(room, files)
    }

    /// Where media is received.
    pub(crate) fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// Asks the workers for their counters; `None` when one does not answer. Blocks meanwhile.
    pub(crate) fn stats(&self) -> Option<Stats> {
        self.handle.read().unwrap_or_else(PoisonError::into_inner).as_ref()?.stats(PATIENCE)
    }

    /// Says farewell to every browser and ends the workers. Blocks meanwhile.
    pub(crate) fn shutdown(&self) {
        let handle = self.handle.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(cause)) = handle.map(|handle| handle.shutdown(PATIENCE)) {
            tracing::warn!(%cause, "media");
        }
    }

    fn hand_over(&self, room: RoomId, command: Command) -> Result<(), Overloaded> {
        let handle = self.handle.read().unwrap_or_else(PoisonError::into_inner);
        handle.as_ref().ok_or(Overloaded)?.send(room, command)
    }
}

/// Time for the worker to answer or to end. A healthy one needs a millisecond; more would make the
/// stop of the server miss its three seconds.
const PATIENCE: Duration = Duration::from_millis(800);
