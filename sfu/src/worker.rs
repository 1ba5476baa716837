//! The loop of one thread: receive a batch, feed the core, send a batch, sleep until the next
//! deadline. Among several, what came for another worker is handed over.

use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token, Waker};
use sfu_core::{Command, Event, Sfu, Stats};

use crate::exchange::{Exchange, Route};
use crate::handle::Overloaded;
use crate::recorder::Inlet;
use crate::socket::{MediaSocket, Sender};

/// What the handle may ask of the thread.
#[derive(Debug)]
pub(crate) enum Request {
    /// Passed to the core.
    Command(Command),
    /// Addresses that answers hold from now on.
    Candidates(Vec<SocketAddr>),
    /// Answered with a copy of the counters.
    Stats(SyncSender<Stats>),
    /// Ends the thread after a farewell.
    Shutdown,
}

/// The way to a worker.
#[derive(Clone, Debug)]
pub(crate) struct Ears {
    pub(crate) requests: SyncSender<Request>,
    pub(crate) waker: Arc<Waker>,
}

impl Ears {
    /// Hands a command over.
    pub(crate) fn command(&self, command: Command) -> Result<(), Overloaded> {
        self.request(Request::Command(command))
    }

    /// Hands a request over.
    pub(crate) fn request(&self, request: Request) -> Result<(), Overloaded> {
        self.requests.try_send(request).map_err(|error| match error {
            TrySendError::Full(_) | TrySendError::Disconnected(_) => Overloaded,
        })?;
        // A waker that fails leaves the request to the worker's next wake-up.
        let _ = self.waker.wake();
        Ok(())
    }
}

/// Everything the thread owns.
pub(crate) struct Worker {
    core: Sfu,
    socket: MediaSocket,
    inbox: Receiver<Request>,
    inlet: Inlet,
    on_event: OnEvent,
    poll: Poll,
    send_refused: u64,
    /// Among several workers.
    exchange: Option<Exchange>,
}

/// Called on the worker's thread; must not block.
pub(crate) type OnEvent = Arc<dyn Fn(Event) + Send + Sync>;

impl Worker {
    /// Registers the socket with a poller. The waker wakes the thread from outside.
    pub(crate) fn new(
        core: Sfu,
        mut socket: MediaSocket,
        inbox: Receiver<Request>,
        inlet: Inlet,
        on_event: OnEvent,
    ) -> io::Result<(Self, Waker)> {
        let poll = Poll::new()?;
        poll.registry().register(socket.source(), SOCKET, Interest::READABLE)?;
        let waker = Waker::new(poll.registry(), WAKE)?;
        let send_refused = 0;
        let worker =
            Self { core, socket, inbox, inlet, on_event, poll, send_refused, exchange: None };
        Ok((worker, waker))
    }

    /// One of several from now on.
    pub(crate) fn join(&mut self, exchange: Exchange) {
        self.exchange = Some(exchange);
    }

    /// Runs until a shutdown is asked for or every handle is gone.
    pub(crate) fn run(mut self) {
        let mut ready = Events::with_capacity(8);
        // The poller tells of new data once; the socket is read until it says that none is left.
        let mut socket_may_have_more = true;
        // So is the waker: requests beyond one turn's share are taken without another wake-up.
        let mut requests_may_wait = true;
        loop {
            let wait = if socket_may_have_more || requests_may_wait {
                Some(Duration::ZERO)
            } else if let Some(until) = self.core.held_until() {
                // The poller counts in milliseconds, and would wake up for each packet that comes.
                std::thread::sleep(until.saturating_duration_since(Instant::now()));
                Some(Duration::ZERO)
            } else {
                let now = Instant::now();
                let due = self.core.poll_timeout();
                let due = due.map(|deadline| deadline.saturating_duration_since(now));
                due.into_iter().chain(self.inlet.wait(now, &self.core)).min()
            };
            match self.poll.poll(&mut ready, wait) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return,
            }
            socket_may_have_more |= ready.iter().any(|event| event.token() == SOCKET);
            let now = Instant::now();
            match self.take_requests(now) {
                ControlFlow::Continue(more) => requests_may_wait = more,
                ControlFlow::Break(()) => return,
            }
            self.take_parcels(now);
            if socket_may_have_more {
                socket_may_have_more = self.receive(now);
            }
            if self.core.poll_timeout().is_some_and(|deadline| deadline <= now) {
                guard(&mut self.core, now, |core| core.handle_timeout(now));
            }
            self.deliver(now);
        }
    }

    /// Takes requests, but only so many that media never starves. Tells whether more may wait.
    fn take_requests(&mut self, now: Instant) -> ControlFlow<(), bool> {
        for _ in 0..REQUESTS_PER_TURN {
            match self.inbox.try_recv() {
                Ok(Request::Command(command)) => {
                    guard(&mut self.core, now, |core| core.handle_command(now, command));
                }
                Ok(Request::Candidates(candidates)) => self.core.set_candidates(candidates),
                Ok(Request::Stats(answer)) => {
                    // Whoever asked may have lost patience.
                    let _ = answer.try_send(self.stats());
                }
                Ok(Request::Shutdown) | Err(TryRecvError::Disconnected) => {
                    guard(&mut self.core, now, |core| core.close(now));
                    self.deliver(now);
                    self.inlet.take_all(&mut self.core);
                    return ControlFlow::Break(());
                }
                Err(TryRecvError::Empty) => return ControlFlow::Continue(false),
            }
        }
        ControlFlow::Continue(true)
    }

    /// Feeds one batch to the core, sending in between what the core makes of it. Returns whether
    /// more may wait.
    fn receive(&mut self, now: Instant) -> bool {
        let Self { core, socket, send_refused, exchange, .. } = self;
        let mut since_sent = 0;
        // A read error belongs to one datagram (such as an earlier ICMP answer): read on.
        let may_have_more = socket
            .receive_batch(|sender, path, datagram| {
                let route = exchange
                    .as_mut()
                    .map_or(Route::Here, |exchange| exchange.route(now, core, path, datagram));
                if route == Route::Elsewhere {
                    return;
                }
                guard(core, now, |core| core.handle_datagram(now, path, datagram));
                if let (Route::CheckHere, Some(exchange)) = (route, &mut *exchange) {
                    exchange.note_check(core, path);
                }
                since_sent += 1;
                if since_sent == Sfu::MAX_BATCH {
                    since_sent = 0;
                    *send_refused += flush(core, sender, now);
                }
            })
            .unwrap_or(true);
        if let Some(exchange) = exchange {
            exchange.dispatch();
        }
        may_have_more
    }

    /// Feeds to the core what other workers received for it.
    fn take_parcels(&mut self, now: Instant) {
        let Self { core, socket, send_refused, exchange, .. } = self;
        let Some(exchange) = exchange else {
            return;
        };
        while let Some(mut parcel) = exchange.poll_parcel(now, core) {
            parcel.read(core, |core, path, datagram| {
                guard(core, now, |core| core.handle_datagram(now, path, datagram));
            });
            *send_refused += flush(core, socket.sender(), now);
            exchange.give_back(parcel);
        }
    }

    /// Sends what the core made and tells its events.
    fn deliver(&mut self, now: Instant) {
        self.send_refused += flush(&mut self.core, self.socket.sender(), now);
        while let Some(event) = self.core.poll_output() {
            (self.on_event)(event);
        }
        self.inlet.take(now, &mut self.core);
    }

    fn stats(&self) -> Stats {
        Stats {
            datagrams_refused_by_system: self.send_refused,
            datagrams_handed_over: self.exchange.as_ref().map_or(0, Exchange::handed_over),
            ..self.core.stats()
        }
    }
}

/// Sends what the core made; returns how many datagrams the system did not take.
fn flush(core: &mut Sfu, sender: &Sender, now: Instant) -> u64 {
    let mut refused = 0;
    loop {
        let mut more = false;
        guard(core, now, |core| {
            if let Some(egress) = core.poll_egress(now) {
                more = true;
                for run in egress.transmits() {
                    refused += sender.send(run.path, run.segment, run.bytes) as u64;
                }
            }
        });
        if !more {
            return refused;
        }
    }
}

/// A panic in the core means a broken invariant of ours: it ends the room in whose hands it
/// happened, not the server.
fn guard(core: &mut Sfu, now: Instant, step: impl FnOnce(&mut Sfu)) {
    if catch_unwind(AssertUnwindSafe(|| step(core))).is_err() {
        core.handle_fault(now);
    }
}

const SOCKET: Token = Token(0);
const WAKE: Token = Token(1);

/// Requests taken between two batches. Raising it answers joins sooner and delays media under a
/// storm of them.
const REQUESTS_PER_TURN: usize = 64;
