//! [`SfuHandle`]: how the rest of the server speaks to the worker threads.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sfu_core::{Command, Event, RecordingTap, RoomId, Settings, Sfu, Stats};
use thiserror::Error;

use crate::exchange::Exchange;
use crate::recorder::{Inlet, Message, Recorder};
use crate::socket::MediaSocket;
use crate::worker::{Ears, OnEvent, Request, Worker};
use crate::{MAX_WORKERS, RecordingFiles, SfuConfig};

/// Speaks to the workers. Dropping it stops them without farewell; [`SfuHandle::shutdown`] ends in
/// order.
#[derive(Debug)]
pub struct SfuHandle {
    /// One at least.
    workers: Vec<(Ears, Thread)>,
    recorder: (Sender<Message>, Thread),
    recordings: AtomicU64,
    local_addr: SocketAddr,
}

/// A thread that ends when it is asked to.
#[derive(Debug)]
struct Thread {
    /// Locked so that the handle can be shared; only `shutdown` listens.
    stopped: Mutex<Receiver<()>>,
    handle: Option<JoinHandle<()>>,
}

/// Binds the port and starts the worker threads. `on_event` is called on them and must not block.
///
/// # Errors
///
/// The address cannot be bound, or the system refuses a poller or a thread.
pub fn spawn(
    config: SfuConfig,
    on_event: impl Fn(Event) + Send + Sync + 'static,
) -> Result<SfuHandle, SpawnError> {
    let count = config.workers.clamp(1, MAX_WORKERS);
    let sockets = MediaSocket::bind_shared(config.listen, count)
        .map_err(|source| SpawnError::Bind { port: config.listen.port(), source })?;
    let local_addr = sockets.first().expect("one at least").local_addr();
    let candidates = candidates(config.advertised, local_addr.port());
    let on_event: OnEvent = Arc::new(on_event);
    let queued = Arc::new(AtomicUsize::new(0));
    let (to_recorder, recorder_inbox) = mpsc::channel();
    let (mut workers, mut senders, mut wakers) = (Vec::new(), Vec::new(), Vec::new());
    for (number, socket) in (0..).zip(sockets) {
        let core = Sfu::new(Settings {
            identity: config.identity.clone(),
            candidates: candidates.clone(),
            tcp_port: config.tcp_port,
            worker: number,
            max_voices: config.max_voices,
            scalable: config.scalable,
            seed: rand::random(),
        });
        let (requests, inbox) = mpsc::sync_channel(REQUEST_QUEUE);
        let inlet = Inlet::new(to_recorder.clone(), Arc::clone(&queued));
        let (worker, waker) = Worker::new(core, socket, inbox, inlet, Arc::clone(&on_event))
            .map_err(SpawnError::System)?;
        workers.push(worker);
        senders.push(requests);
        wakers.push(Arc::new(waker));
    }
    if count > 1 {
        for (worker, exchange) in workers.iter_mut().zip(Exchange::between(&wakers)) {
            worker.join(exchange);
        }
    }
    let ears = senders.into_iter().zip(wakers).map(|(requests, waker)| Ears { requests, waker });
    let threads = workers.into_iter().zip(ears).enumerate().map(|(number, (worker, ears))| {
        let name = if number == 0 { "media".to_owned() } else { format!("media-{number}") };
        Ok((ears, Thread::spawn(name, move || worker.run())?))
    });
    let workers = threads.collect::<io::Result<Vec<_>>>().map_err(SpawnError::System)?;
    let recorder = Recorder::new(recorder_inbox, queued, on_event);
    let recorder = Thread::spawn("recorder".to_owned(), move || recorder.run());
    let recorder = (to_recorder, recorder.map_err(SpawnError::System)?);
    let ears = workers.iter().map(|(ears, _)| ears.clone()).collect();
    let _ = recorder.0.send(Message::Workers(ears));
    Ok(SfuHandle { workers, recorder, recordings: AtomicU64::new(0), local_addr })
}

impl SfuHandle {
    /// Hands a command to the worker of the room it is about.
    ///
    /// # Errors
    ///
    /// [`Overloaded`] when the worker's queue is full or the worker is gone; the command was not
    /// taken.
    pub fn send(&self, room: RoomId, command: Command) -> Result<(), Overloaded> {
        let worker = room.0 % self.workers.len() as u64;
        self.workers[worker as usize].0.command(command)
    }

    /// Begins to record a room, with everybody's gate shut ([`Command::SetRecordable`] opens them,
    /// with the number this gives), and ends what was recorded of it before. It ends with
    /// [`Command::StopRecording`], with the room's last transport, or by itself
    /// ([`RecordingNews::Failed`](crate::RecordingNews)); in each case
    /// [`RecordingNews::Closed`](crate::RecordingNews) follows once all files are complete.
    ///
    /// # Errors
    ///
    /// [`Overloaded`] when the worker's queue is full or a thread is gone; nothing is recorded.
    pub fn start_recording(
        &self,
        room: RoomId,
        files: RecordingFiles,
    ) -> Result<RecordingTap, Overloaded> {
        let recording = RecordingTap(self.recordings.fetch_add(1, Ordering::Relaxed));
        let (recorder, began) = (&self.recorder.0, Instant::now());
        recorder.send(Message::Begin { room, recording, files, began }).map_err(|_| Overloaded)?;
        if let Err(overloaded) = self.send(room, Command::StartRecording { room, recording }) {
            let _ = recorder.send(Message::Cancel { recording });
            return Err(overloaded);
        }
        Ok(recording)
    }

    /// Has every answer from now on hold these addresses, in the form of
    /// [`SfuConfig::advertised`]. Transports there are stay where they are.
    ///
    /// # Errors
    ///
    /// [`Overloaded`] when a worker's queue is full or a worker is gone; others may have taken it.
    pub fn set_advertised(&self, advertised: Vec<SocketAddr>) -> Result<(), Overloaded> {
        let candidates = candidates(advertised, self.local_addr.port());
        self.workers
            .iter()
            .try_for_each(|(worker, _)| worker.request(Request::Candidates(candidates.clone())))
    }

    /// The UDP address that was bound.
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Counters of the workers together, asked of each of them: `None` when one did not answer
    /// within `patience`, which also tells that it is not well. Blocks the calling thread
    /// meanwhile.
    pub fn stats(&self, patience: Duration) -> Option<Stats> {
        let (answer, answered) = mpsc::sync_channel(self.workers.len());
        for (worker, _) in &self.workers {
            worker.request(Request::Stats(answer.clone())).ok()?;
        }
        let deadline = Instant::now() + patience;
        let mut sum = Stats::default();
        for _ in &self.workers {
            sum +=
                answered.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()?;
        }
        Some(sum)
    }

    /// Says farewell to every participant (DTLS `close_notify`), finishes what is recorded and ends
    /// the threads.
    ///
    /// # Errors
    ///
    /// [`ShutdownError`] when one of them did not end within `patience`.
    pub fn shutdown(mut self, patience: Duration) -> Result<(), ShutdownError> {
        for (worker, _) in &self.workers {
            let _ = worker.request(Request::Shutdown);
        }
        let deadline = Instant::now() + patience;
        for (_, worker) in &mut self.workers {
            worker.ended(deadline)?;
        }
        let (recorder, thread) = &mut self.recorder;
        let _ = recorder.send(Message::Finish);
        thread.ended(deadline)
    }
}

/// Addresses as answers hold them: with a port, and not too many.
fn candidates(advertised: Vec<SocketAddr>, bound: u16) -> Vec<SocketAddr> {
    let with_port = |mut address: SocketAddr| {
        if address.port() == 0 {
            address.set_port(bound);
        }
        address
    };
    advertised.into_iter().take(MAX_CANDIDATES).map(with_port).collect()
}

impl Thread {
    fn spawn(name: String, run: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let (stopped_sender, stopped) = mpsc::sync_channel(1);
        let handle = std::thread::Builder::new().name(name).spawn(move || {
            run();
            let _ = stopped_sender.send(());
        })?;
        Ok(Self { stopped: Mutex::new(stopped), handle: Some(handle) })
    }

    fn ended(&mut self, deadline: Instant) -> Result<(), ShutdownError> {
        let stopped = self.stopped.get_mut().unwrap_or_else(PoisonError::into_inner);
        match stopped.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => {}
            Err(mpsc::RecvTimeoutError::Timeout) => return Err(ShutdownError),
        }
        match self.handle.take() {
            Some(thread) => thread.join().map_err(|_| ShutdownError),
            None => Ok(()),
        }
    }
}

impl Drop for SfuHandle {
    fn drop(&mut self) {
        for (worker, _) in &self.workers {
            let _ = worker.request(Request::Shutdown);
        }
        let _ = self.recorder.0.send(Message::Finish);
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

    use protocol::ParticipantId;
    use sfu_core::{DropCause, DtlsIdentity, Frames, NegotiationError, NegotiationId};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn start() -> (SfuHandle, Receiver<Event>) {
        let (events_in, events) = mpsc::sync_channel(16);
        let config = SfuConfig {
            listen: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0),
            advertised: vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0)],
            tcp_port: None,
            workers: 1,
            max_voices: 12,
            scalable: None,
            identity: DtlsIdentity::generate().expect("a certificate can be made"),
        };
        let on_event = move |event| events_in.send(event).expect("the test listens");
        (spawn(config, on_event).expect("loopback binds"), events)
    }

    #[test]
    fn the_worker_takes_commands_and_tells_events() {
        let (sfu, events) = start();
        let participant = ParticipantId::from_bytes([1; 8]);
        let negotiation = NegotiationId(7);
        for command in [
            Command::AddTransport { participant, room: RoomId(1), frames: Frames::Clear },
            Command::Negotiate {
                participant,
                negotiation,
                offer: "no session description".to_owned().into(),
                publish: vec![],
            },
        ] {
            sfu.send(RoomId(1), command).expect("the queue has room");
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
        for workers in [1, 2] {
            let config = SfuConfig {
                listen: sfu.local_addr(),
                advertised: vec![],
                tcp_port: None,
                workers,
                max_voices: 12,
                scalable: None,
                identity: DtlsIdentity::generate().expect("a certificate can be made"),
            };
            let refused = spawn(config, |_| {}).expect_err("the port is taken");
            assert_eq!(refused.to_string(), format!("UDP port {port} cannot be bound"));
        }
    }
}
