//! [`SfuHandle`]: how the rest of the server speaks to the worker thread.

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use mio::Waker;
use sfu_core::{Command, Event, Settings, Sfu, Stats};
use thiserror::Error;

use crate::SfuConfig;
use crate::socket::MediaSocket;
use crate::worker::{Request, Worker};

/// Speaks to one worker. Dropping it stops the worker without farewell; [`SfuHandle::shutdown`]
/// ends in order.
#[derive(Debug)]
pub struct SfuHandle {
    requests: SyncSender<Request>,
    waker: Waker,
    local_addr: SocketAddr,
    /// Locked so that the handle can be shared; only `shutdown` listens.
    stopped: Mutex<Receiver<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Binds the socket and starts the worker thread. `on_event` is called on that thread and must
/// not block.
///
/// # Errors
///
/// The address cannot be bound, or the system refuses a poller or a thread.
pub fn spawn(
    config: SfuConfig,
    on_event: Box<dyn FnMut(Event) + Send>,
) -> Result<SfuHandle, SpawnError> {
    let socket = MediaSocket::bind(config.listen)
        .map_err(|source| SpawnError::Bind { port: config.listen.port(), source })?;
    let local_addr = socket.local_addr();
    let candidates = config
        .advertised
        .into_iter()
        .take(MAX_CANDIDATES)
        .map(|address| match address.port() {
            0 => SocketAddr::new(address.ip(), local_addr.port()),
            _ => address,
        })
        .collect();
    let core = Sfu::new(Settings {
        identity: config.identity,
        candidates,
        max_voices: config.max_voices,
        scalable: config.scalable,
        seed: rand::random(),
    });
    let (requests, inbox) = mpsc::sync_channel(REQUEST_QUEUE);
    let (stopped_sender, stopped) = mpsc::sync_channel(1);
    let (worker, waker) = Worker::new(core, socket, inbox, on_event).map_err(SpawnError::System)?;
    let thread = std::thread::Builder::new()
        .name("media".to_owned())
        .spawn(move || {
            worker.run();
            let _ = stopped_sender.send(());
        })
        .map_err(SpawnError::System)?;
    Ok(SfuHandle {
        requests,
        waker,
        local_addr,
        stopped: Mutex::new(stopped),
        thread: Some(thread),
    })
}

impl SfuHandle {
    /// Hands a command to the worker.
    ///
    /// # Errors
    ///
    /// [`Overloaded`] when the worker's queue is full or the worker is gone; the command was not
    /// taken.
    pub fn send(&self, command: Command) -> Result<(), Overloaded> {
        self.request(Request::Command(command))
    }

    /// The UDP address that was bound.
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Counters of the worker, asked of the worker itself: `None` when it did not answer within
    /// `patience`, which also tells that it is not well. Blocks the calling thread meanwhile.
    pub fn stats(&self, patience: Duration) -> Option<Stats> {
        let (answer, answered) = mpsc::sync_channel(1);
        self.request(Request::Stats(answer)).ok()?;
        answered.recv_timeout(patience).ok()
    }

    /// Says farewell to every participant (DTLS `close_notify`) and ends the thread.
    ///
    /// # Errors
    ///
    /// [`ShutdownError`] when the worker did not end within `patience`.
    pub fn shutdown(mut self, patience: Duration) -> Result<(), ShutdownError> {
        let _ = self.request(Request::Shutdown);
        let stopped = self.stopped.get_mut().unwrap_or_else(PoisonError::into_inner);
        match stopped.recv_timeout(patience) {
            Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => {}
            Err(mpsc::RecvTimeoutError::Timeout) => return Err(ShutdownError),
        }
        match self.thread.take() {
            Some(thread) => thread.join().map_err(|_| ShutdownError),
            None => Ok(()),
        }
    }

    fn request(&self, request: Request) -> Result<(), Overloaded> {
        self.requests.try_send(request).map_err(|error| match error {
            TrySendError::Full(_) | TrySendError::Disconnected(_) => Overloaded,
        })?;
        // A waker that fails leaves the request to the worker's next wake-up.
        let _ = self.waker.wake();
        Ok(())
    }
}

impl Drop for SfuHandle {
    fn drop(&mut self) {
        let _ = self.request(Request::Shutdown);
    }
}

/// The worker's queue is full; the caller tells its browser to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the media worker takes no more requests")]
pub struct Overloaded;

/// The worker did not end in time, or ended by a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the media worker did not end in order")]
pub struct ShutdownError;

/// Why the media plane could not start.
#[derive(Debug, Error)]
pub enum SpawnError {
    /// The UDP port cannot be bound.
    #[error("UDP port {port} cannot be bound")]
    Bind {
        /// The port asked for.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused a poller or a thread.
    #[error("the system refused a resource of the media worker")]
    System(#[source] io::Error),
}

/// Commands waiting for the worker. A class of 30 that joins at once needs about 200; more only
/// postpones the moment an overload is told.
const REQUEST_QUEUE: usize = 4_096;

/// Candidates in one answer. More makes every answer longer and every browser check more pairs.
const MAX_CANDIDATES: usize = 16;

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, UdpSocket};
    use std::time::Instant;

    use protocol::ParticipantId;
    use sfu_core::{DropCause, DtlsIdentity, NegotiationError, NegotiationId, RoomId};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn start() -> (SfuHandle, Receiver<Event>) {
        let (events_in, events) = mpsc::sync_channel(16);
        let config = SfuConfig {
            listen: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0),
            advertised: vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0)],
            max_voices: 12,
            scalable: None,
            identity: DtlsIdentity::generate().expect("a certificate can be made"),
        };
        let on_event = Box::new(move |event| events_in.send(event).expect("the test listens"));
        (spawn(config, on_event).expect("loopback binds"), events)
    }

    #[test]
    fn the_worker_takes_commands_and_tells_events() {
        let (sfu, events) = start();
        let participant = ParticipantId::from_bytes([1; 8]);
        let negotiation = NegotiationId(7);
        for command in [
            Command::AddTransport { participant, room: RoomId(1) },
            Command::Negotiate {
                participant,
                negotiation,
                offer: "no session description".to_owned().into(),
                publish: vec![],
            },
        ] {
            sfu.send(command).expect("the queue has room");
        }
        let event = events.recv_timeout(PATIENCE).expect("an answer comes");
        let cause = NegotiationError::Malformed;
        assert_eq!(event, Event::NegotiationFailed { participant, negotiation, cause });
        assert_eq!(sfu.shutdown(PATIENCE), Ok(()));
    }

    #[test]
    fn garbage_is_counted_and_answered_with_silence() {
        let (sfu, _events) = start();
        let outside = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback binds");
        outside.set_nonblocking(true).expect("a socket can be told not to block");
        for byte in [0xff, 0x80, 0x16, 0x00] {
            outside.send_to(&[byte; 60], sfu.local_addr()).expect("loopback takes it");
        }
        let deadline = Instant::now() + PATIENCE;
        let stats = loop {
            let stats = sfu.stats(PATIENCE).expect("the worker answers");
            if stats.datagrams_in == 4 || Instant::now() > deadline {
                break stats;
            }
            std::thread::yield_now();
        };
        assert_eq!((stats.datagrams_in, stats.dropped.total()), (4, 4));
        assert_eq!(stats.dropped[DropCause::UnknownClass], 1);
        assert!(outside.recv(&mut [0; 100]).is_err(), "nothing may come back");
        assert_eq!(sfu.shutdown(PATIENCE), Ok(()));
    }

    #[test]
    fn a_taken_port_is_named() {
        let (sfu, _events) = start();
        let port = sfu.local_addr().port();
        let config = SfuConfig {
            listen: sfu.local_addr(),
            advertised: vec![],
            max_voices: 12,
            scalable: None,
            identity: DtlsIdentity::generate().expect("a certificate can be made"),
        };
        let refused = spawn(config, Box::new(|_| {})).expect_err("the port is taken");
        assert_eq!(refused.to_string(), format!("UDP port {port} cannot be bound"));
    }
}
