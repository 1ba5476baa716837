//! What workers that share one port have to know about each other's datagrams.

use std::time::{Duration, Instant};

use super::Sfu;
use crate::path::Path;
use crate::stats::DropCause;
use crate::transport::{Check, worker_of};

impl Sfu {
    /// Most workers that can share a port. Raised, each of them keeps memory for each other one;
    /// user names can tell 64 apart.
    pub const MAX_WORKERS: usize = 16;

    /// An address pair is its transport's own for so long after a check. A living one checks every
    /// few seconds (Chromium 2.5 s, Firefox 5 s). Raising it delays somebody who got another's
    /// former address; lowering it lets addresses be stolen.
    pub const TAKEOVER_SILENCE: Duration = Duration::from_secs(8);

    /// The worker that a connectivity check names, which proves nothing yet; `None` for anything
    /// else.
    pub fn worker_of(datagram: &[u8]) -> Option<u8> {
        if !matches!(datagram.first(), Some(0..=3)) {
            return None;
        }
        worker_of(Check::parse(datagram).ok()?.local_ufrag()?)
    }

    /// Whether this address pair belongs to a transport of ours.
    pub fn owns(&self, path: Path) -> bool {
        self.demux.find(path).is_some()
    }

    /// Whether somebody else may take this address pair: it is free, or was not checked lately.
    pub fn gives_up(&self, now: Instant, path: Path) -> bool {
        self.demux.is_free(now, path)
    }

    /// Counts a datagram that did not come to [`Sfu::handle_datagram`].
    pub fn count_dropped(&mut self, cause: DropCause) {
        self.stats.dropped.count(cause);
    }
}
