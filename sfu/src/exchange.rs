//! How workers that share one port hand each other what came to the wrong one of them. The system
//! spreads the datagrams over the sockets by their addresses and knows nothing of rooms.
//!
//! Datagrams travel in parcels, one for all that a batch brought for one neighbour, and the parcel
//! comes back empty: nothing is allocated or locked, and one wake-up serves the whole batch.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::time::Instant;

use mio::Waker;
use sfu_core::{DropCause, Path, Sfu};

use crate::roads::Roads;

/// One worker's side of the exchange.
#[derive(Debug)]
pub(crate) struct Exchange {
    number: u8,
    /// By number; `None` in its own place.
    neighbours: Vec<Option<Neighbour>>,
    mail: Receiver<Mail>,
    roads: Roads,
    handed_over: u64,
}

/// Where a datagram that came here goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// To this worker.
    Here,
    /// To this worker; it is a check, so it may make the address pair this worker's.
    CheckHere,
    /// It was handed over, or dropped.
    Elsewhere,
}

/// Datagrams on their way to another worker, or the empty parcel on its way back.
#[derive(Debug)]
pub(crate) struct Parcel {
    from: u8,
    bytes: Vec<u8>,
    /// Path of each datagram, and where it ends.
    datagrams: Vec<(Path, usize)>,
    /// What the receiver says about address pairs: whether they are its own.
    verdicts: Vec<(Path, bool)>,
}

#[derive(Debug)]
enum Mail {
    Full(Parcel),
    /// With the number of the worker that emptied it.
    Empty(u8, Parcel),
}

#[derive(Debug)]
struct Neighbour {
    mail: SyncSender<Mail>,
    waker: Arc<Waker>,
    filling: Option<Parcel>,
    spare: Vec<Parcel>,
}

impl Exchange {
    /// The sides of the workers with these wakers, by number.
    pub(crate) fn between(wakers: &[Arc<Waker>]) -> Vec<Self> {
        let capacity = 2 * PARCELS * wakers.len();
        let (senders, receivers): (Vec<_>, Vec<_>) =
            wakers.iter().map(|_| mpsc::sync_channel(capacity)).unzip();
        let side = |(number, mail): (usize, Receiver<Mail>)| {
            let neighbour = |(other, waker): (usize, &Arc<Waker>)| {
                (other != number).then(|| Neighbour {
                    mail: SyncSender::clone(&senders[other]),
                    waker: Arc::clone(waker),
                    filling: None,
                    spare: (0..PARCELS).map(|_| Parcel::new(number as u8)).collect(),
                })
            };
            Self {
                number: number as u8,
                neighbours: wakers.iter().enumerate().map(neighbour).collect(),
                mail,
                roads: Roads::default(),
                handed_over: 0,
            }
        };
        receivers.into_iter().enumerate().map(side).collect()
    }

    /// Datagrams handed to neighbours so far.
    pub(crate) fn handed_over(&self) -> u64 {
        self.handed_over
    }

    /// Decides about a datagram that came, and packs it if it is for a neighbour.
    pub(crate) fn route(
        &mut self,
        now: Instant,
        core: &mut Sfu,
        path: Path,
        datagram: &[u8],
    ) -> Route {
        let named = Sfu::worker_of(datagram);
        if named == Some(self.number) {
            if self.roads.is_taken(now, path, self.number) {
                core.count_dropped(DropCause::CheckAddressTaken);
                return Route::Elsewhere;
            }
            return Route::CheckHere;
        }
        let Some(to) = named.or_else(|| self.roads.owner(path)) else {
            return Route::Here;
        };
        // A worker there is not, or this one's own road: the core knows what to count.
        let Some(neighbour) = self.neighbours.get_mut(usize::from(to)).and_then(Option::as_mut)
        else {
            return Route::Here;
        };
        if neighbour.pack(path, datagram) {
            self.handed_over += 1;
        } else {
            core.count_dropped(DropCause::Overload);
        }
        Route::Elsewhere
    }

    /// After a check that came here: the pair may be this worker's own now.
    pub(crate) fn note_check(&mut self, core: &Sfu, path: Path) {
        if core.owns(path) {
            self.roads.forget(path);
        }
    }

    /// Sends what was packed.
    pub(crate) fn dispatch(&mut self) {
        for neighbour in self.neighbours.iter_mut().flatten() {
            if let Some(parcel) = neighbour.filling.take() {
                neighbour.post(Mail::Full(parcel));
            }
        }
    }

    /// The next parcel for this worker, to be given to [`Exchange::give_back`] once it is read.
    pub(crate) fn poll_parcel(&mut self, now: Instant, core: &Sfu) -> Option<Parcel> {
        loop {
            match self.mail.try_recv().ok()? {
                Mail::Full(parcel) => return Some(parcel),
                Mail::Empty(from, mut parcel) => {
                    for (path, is_own) in parcel.verdicts.drain(..) {
                        if !is_own {
                            self.roads.release(path, from);
                        } else if core.gives_up(now, path) {
                            self.roads.claim(now, path, from);
                        }
                    }
                    if let Some(Some(neighbour)) = self.neighbours.get_mut(usize::from(from)) {
                        neighbour.spare.push(parcel);
                    }
                }
            }
        }
    }

    /// Sends a parcel back whose datagrams the core has read.
    pub(crate) fn give_back(&self, mut parcel: Parcel) {
        let to = usize::from(parcel.from);
        parcel.bytes.clear();
        parcel.datagrams.clear();
        if let Some(Some(neighbour)) = self.neighbours.get(to) {
            neighbour.post(Mail::Empty(self.number, parcel));
        }
    }
}

impl Parcel {
    fn new(from: u8) -> Self {
        Self {
            from,
            bytes: Vec::with_capacity(PARCEL_DATAGRAMS * MAX_DATAGRAM_BYTES),
            datagrams: Vec::with_capacity(PARCEL_DATAGRAMS),
            verdicts: Vec::with_capacity(PARCEL_DATAGRAMS),
        }
    }

    /// Hands each datagram to `each`, which gives the core back; then notes what the core says of
    /// the address pair.
    pub(crate) fn read(&mut self, core: &mut Sfu, mut each: impl FnMut(&mut Sfu, Path, &mut [u8])) {
        let mut rest = &mut self.bytes[..];
        let mut begin = 0;
        for (path, end) in &self.datagrams {
            let (datagram, behind) = rest.split_at_mut(end - begin);
            (rest, begin) = (behind, *end);
            let is_check = Sfu::worker_of(datagram).is_some();
            each(core, *path, datagram);
            let is_own = core.owns(*path);
            if is_check || !is_own {
                self.verdicts.push((*path, is_own));
            }
        }
    }
}

impl Neighbour {
    /// False when there is no place for it.
    fn pack(&mut self, path: Path, datagram: &[u8]) -> bool {
        if datagram.len() > MAX_DATAGRAM_BYTES {
            return false;
        }
        if self.filling.as_ref().is_some_and(|parcel| parcel.datagrams.len() >= PARCEL_DATAGRAMS)
            && let Some(parcel) = self.filling.take()
        {
            self.post(Mail::Full(parcel));
        }
        if self.filling.is_none() {
            self.filling = self.spare.pop();
        }
        let Some(parcel) = &mut self.filling else {
            return false;
        };
        parcel.bytes.extend_from_slice(datagram);
        parcel.datagrams.push((path, parcel.bytes.len()));
        true
    }

    fn post(&self, mail: Mail) {
        let is_news = match &mail {
            Mail::Full(_) => true,
            Mail::Empty(_, parcel) => !parcel.verdicts.is_empty(),
        };
        // There is a place for every parcel that exists; only a worker that ended takes none.
        let _ = self.mail.try_send(mail);
        if is_news {
            // A waker that fails leaves the parcel to the worker's next wake-up.
            let _ = self.waker.wake();
        }
    }
}

/// Parcels from one worker to one neighbour. Raised, a neighbour that is late finds more; lowered,
/// bursts are dropped.
const PARCELS: usize = 8;

/// Datagrams of one parcel. Raised, each pair of workers takes more memory.
const PARCEL_DATAGRAMS: usize = 64;

/// Longer ones no browser sends.
const MAX_DATAGRAM_BYTES: usize = 2_048;
