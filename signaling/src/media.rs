//! The one door to the media plane.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use protocol::ParticipantId;
use sfu::{CodecKind, DtlsIdentity, Overloaded, SfuConfig, SfuHandle, SpawnError, Stats};
use sfu_core::{Command, Event, RoomId};
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
    /// Transports whose end the worker could not take yet. An end may be late but never lost, and
    /// goes before everything later.
    to_remove: Mutex<VecDeque<(RoomId, ParticipantId)>>,
    address: SocketAddr,
}

impl Media {
    /// Starts so many workers on one UDP port. `public` are the addresses browsers are told,
    /// `max_voices` the most microphones one participant hears at once, `scalable` the codec of
    /// cameras in layers.
    pub(crate) fn spawn(
        listen: Option<IpAddr>,
        port: u16,
        public: &[IpAddr],
        workers: usize,
        max_voices: usize,
        scalable: Option<CodecKind>,
        on_event: impl Fn(Event) + Send + Sync + 'static,
    ) -> Result<Self, MediaError> {
        let identity = DtlsIdentity::generate();
        let identity = identity.map_err(|error| MediaError::Worker(error.to_string()))?;
        let listen = listen.unwrap_or(Ipv6Addr::UNSPECIFIED.into());
        let config = SfuConfig {
            listen: SocketAddr::new(listen, port),
            advertised: public.iter().map(|address| SocketAddr::new(*address, 0)).collect(),
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
        let to_remove = Mutex::default();
        Ok(Self { handle: RwLock::new(Some(handle)), to_remove, address })
    }

    /// Hands a command about a room over, or says that there is no place for it now.
    pub(crate) fn send(&self, room: RoomId, command: Command) -> Result<(), Overloaded> {
        let mut to_remove = lock(&self.to_remove);
        while let Some((room, participant)) = to_remove.front().copied() {
            self.hand_over(room, Command::RemoveTransport { participant })?;
            to_remove.pop_front();
        }
        self.hand_over(room, command)
    }

    /// Ends a transport, later if there is no place for the command now.
    pub(crate) fn remove_transport(&self, room: RoomId, participant: ParticipantId) {
        if self.send(room, Command::RemoveTransport { participant }).is_err() {
            lock(&self.to_remove).push_back((room, participant));
        }
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
