//! Looks for more than what is sent at present: for a moment packets follow each other at a higher
//! rate, and how they arrive says whether the path carries it.

use super::history::Sent;

/// The looking of one subscriber, one probe after the other.
#[derive(Debug, Default)]
pub(super) struct Prober {
    current: Option<Probe>,
    /// Number of the latest probe.
    number: u16,
    next_us: i64,
    failures: u32,
}

/// One probe, under way or waiting to be told about.
#[derive(Debug)]
struct Probe {
    rate: f64,
    begun_us: i64,
    /// Bytes to be sent in all.
    wanted: f64,
    sent_bytes: f64,
    sent_packets: u32,
    /// When the last one was sent.
    done_us: Option<i64>,
    told_packets: u32,
    arrived: Arrived,
}

/// What arrived of a probe.
#[derive(Debug, Default)]
struct Arrived {
    packets: u32,
    bytes: f64,
    first: Option<Mark>,
    last_sent: Option<Mark>,
    last_arrived_us: i64,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    sent_us: i64,
    arrived_us: i64,
    bytes: f64,
}

impl Prober {
    /// Begins to probe for `rate` bits per second, if nothing speaks against one now.
    pub(super) fn begin(&mut self, now_us: i64, rate: f64) {
        if self.current.as_ref().is_some_and(|probe| probe.is_unanswered(now_us)) {
            // No word came of anything since; none may ever come if nothing more is sent.
            self.cancel(now_us);
        }
        if self.current.is_some() || now_us < self.next_us {
            return;
        }
        self.number = self.number.wrapping_add(1).max(1);
        self.current = Some(Probe {
            rate,
            begun_us: now_us,
            wanted: (rate / 8e6 * PROBE_US).max(LEAST_BYTES),
            sent_bytes: 0.0,
            sent_packets: 0,
            done_us: None,
            told_packets: 0,
            arrived: Arrived::default(),
        });
    }

    /// The number packets carry now in the history; zero outside of probes.
    pub(super) fn number(&self) -> u16 {
        if self.running().is_some() { self.number } else { 0 }
    }

    /// The rate of the probe that is being sent.
    pub(super) fn rate(&self) -> Option<f64> {
        self.running().map(|probe| probe.rate)
    }

    /// A packet left, whatever it was for.
    pub(super) fn handle_sent(&mut self, now_us: i64, bytes: u32) {
        if let Some(probe) = self.current.as_mut().filter(|probe| probe.done_us.is_none()) {
            probe.sent_bytes += f64::from(bytes);
            probe.sent_packets += 1;
            if probe.sent_bytes >= probe.wanted && probe.sent_packets >= LEAST_PACKETS {
                probe.done_us = Some(now_us);
            }
        }
    }

    /// Whether another packet has to go out now to keep up the rate.
    pub(super) fn is_due(&self, now_us: i64) -> bool {
        self.running().is_some_and(|probe| now_us >= probe.next_us())
    }

    /// When [`Prober::is_due`] is so next.
    pub(super) fn poll_timeout_us(&self) -> Option<i64> {
        self.running().map(Probe::next_us)
    }

    /// Word of a packet: when it arrived, or that it got lost. Of one that belongs to no probe, or to a
    /// former one, nothing is learned.
    pub(super) fn handle_told(&mut self, sent: &Sent, arrived_us: Option<i64>) {
        let is_of_it = sent.probe != 0 && sent.probe == self.number;
        let Some(probe) = self.current.as_mut().filter(|_| is_of_it) else {
            return;
        };
        probe.told_packets += 1;
        let Some(arrived_us) = arrived_us else {
            return;
        };
        let mark = Mark { sent_us: sent.at_us, arrived_us, bytes: f64::from(sent.bytes) };
        let arrived = &mut probe.arrived;
        arrived.packets += 1;
        arrived.bytes += mark.bytes;
        arrived.first.get_or_insert(mark);
        if arrived.last_sent.is_none_or(|last| last.sent_us <= mark.sent_us) {
            arrived.last_sent = Some(mark);
        }
        arrived.last_arrived_us = arrived.last_arrived_us.max(arrived_us);
    }

    /// The rate a probe showed, once enough is known about it.
    pub(super) fn poll_result(&mut self, now_us: i64) -> Option<f64> {
        let probe = self.current.as_ref()?;
        probe.done_us?;
        let is_told = probe.told_packets >= probe.sent_packets;
        if !is_told && !probe.is_unanswered(now_us) {
            return None;
        }
        let shown = probe.shown();
        if shown.is_some_and(|shown| shown >= probe.rate * SUCCESS) {
            self.failures = 0;
            self.next_us = now_us;
        } else {
            self.fail(now_us);
        }
        self.current = None;
        shown
    }

    /// The path is full: probes would only make it worse.
    pub(super) fn cancel(&mut self, now_us: i64) {
        if self.current.take().is_some() {
            self.fail(now_us);
        }
    }

    /// Nothing could be sent: that says nothing about the path.
    pub(super) fn forget(&mut self) {
        self.current = None;
    }

    fn fail(&mut self, now_us: i64) {
        self.next_us = now_us + (FIRST_PAUSE_US << self.failures.min(MOST_DOUBLINGS));
        self.failures += 1;
    }

    fn running(&self) -> Option<&Probe> {
        self.current.as_ref().filter(|probe| probe.done_us.is_none())
    }
}

impl Probe {
    fn next_us(&self) -> i64 {
        self.begun_us + (self.sent_bytes * 8e6 / self.rate) as i64
    }

    /// Whether word of it has been waited for enough.
    fn is_unanswered(&self, now_us: i64) -> bool {
        self.done_us.is_some_and(|done_us| now_us - done_us >= MOST_WAIT_US)
    }

    /// Bits per second that demonstrably arrived. `None` when too much is lost or unknown.
    fn shown(&self) -> Option<f64> {
        let Arrived { packets, bytes, first, last_sent, last_arrived_us } = &self.arrived;
        let (first, last) = ((*first)?, (*last_sent)?);
        if *packets < LEAST_PACKETS - 1
            || f64::from(*packets) < f64::from(self.sent_packets) * LEAST_ARRIVED
        {
            return None;
        }
        // The first packet only starts the clock of arrivals, the last one ends that of sending.
        let rate = |bytes: f64, us: i64| bytes * 8e6 / us.max(1_000) as f64;
        let sending = rate(bytes - last.bytes, last.sent_us - first.sent_us);
        let arriving = rate(bytes - first.bytes, last_arrived_us - first.arrived_us);
        if arriving < sending * FULL {
            return Some(arriving * BELOW_FULL);
        }
        Some(arriving.min(sending))
    }
}

/// Length of a probe. Raised, it measures better and queues more on a full path.
const PROBE_US: f64 = 25_000.0;
/// Fewer bytes and packets measure nothing.
const LEAST_BYTES: f64 = 5_500.0;
const LEAST_PACKETS: u32 = 5;
/// With more lost than this a probe says nothing good.
const LEAST_ARRIVED: f64 = 0.8;
/// A path on which less than this part arrives in time is full.
const FULL: f64 = 0.9;
/// And then this much of what arrives is safe.
const BELOW_FULL: f64 = 0.95;
/// A probe that shows this part of its rate may be followed by the next one at once.
const SUCCESS: f64 = 0.85;
/// Longest wait for word of the last packets.
const MOST_WAIT_US: i64 = 700_000;
/// Pause after a probe in vain, doubled so many times. Lowered, a full path is disturbed more
/// often; raised, it is noticed later that there is more.
const FIRST_PAUSE_US: i64 = 1_000_000;
const MOST_DOUBLINGS: u32 = 2;
