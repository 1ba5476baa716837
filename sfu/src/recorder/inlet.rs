//! How a worker hands over what is for the recorder: now and then, never waiting, and not more
//! than the recorder is known to keep up with.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use sfu_core::{Captured, Sfu};

use super::Message;

/// A worker's end.
#[derive(Debug)]
pub(crate) struct Inlet {
    sender: Sender<Message>,
    /// Bytes on their way, of all workers together.
    queued: Arc<AtomicUsize>,
    /// When the next parcel may leave.
    next: Option<Instant>,
}

impl Inlet {
    /// Into the recorder's queue.
    pub(crate) fn new(sender: Sender<Message>, queued: Arc<AtomicUsize>) -> Self {
        Self { sender, queued, next: None }
    }

    /// Hands over what was captured, if there is enough of it or it has waited for long enough.
    /// What finds no room stays in the core, which counts what it has to leave out.
    pub(crate) fn take(&mut self, now: Instant, core: &mut Sfu) {
        if core.captured().is_empty() || !self.is_due(now, core) {
            return;
        }
        self.next = Some(now + INTERVAL);
        if self.queued.load(Ordering::Relaxed) < MOST_QUEUED {
            self.take_all(core);
        }
    }

    /// Hands over everything: the worker ends.
    pub(crate) fn take_all(&mut self, core: &mut Sfu) {
        let mut parcel = Captured::default();
        if core.swap_captured(&mut parcel) {
            self.queued.fetch_add(parcel.len(), Ordering::Relaxed);
            // A recorder that has ended takes nothing, and nothing is recorded any more.
            let _ = self.sender.send(Message::Captured(parcel));
        }
    }

    /// How long the worker may sleep for the recorder's sake.
    pub(crate) fn wait(&self, now: Instant, core: &Sfu) -> Option<Duration> {
        if core.captured().is_empty() {
            return None;
        }
        Some(self.next.map_or(Duration::ZERO, |next| next.saturating_duration_since(now)))
    }

    fn is_due(&self, now: Instant, core: &Sfu) -> bool {
        core.captured().len() >= ENOUGH || self.next.is_none_or(|next| now >= next)
    }
}

/// From one parcel to the next. Raised, more is lost with the process; lowered, both threads wake
/// up more often.
const INTERVAL: Duration = Duration::from_millis(10);

/// A parcel of so many bytes leaves at once.
const ENOUGH: usize = 256 << 10;

/// Most bytes on their way to the recorder: what a large class sends in some seconds. Raised, a
/// slow disk costs more memory; lowered, it costs pictures earlier.
const MOST_QUEUED: usize = 32 << 20;
