//! What is missing of one incoming source: when to ask for it again, and what to tell the sender
//! in reports (RFC 3550 appendices A.3 and A.8).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::rtcp::{ReceptionBlock, SenderInfo, middle_ntp};

/// Wait before a missing packet is first asked for. Raised, more reordering goes unnoticed and
/// every recovery takes longer.
pub const REORDER_TOLERANCE: Duration = Duration::from_millis(10);

/// Wait between two requests for the same packet. Lowered below the round trip, packets are sent
/// twice; raised, a lost request costs more.
pub const RETRY_INTERVAL: Duration = Duration::from_millis(80);

/// Most requests for one packet: after 0.8 s no player waits for it any more.
pub const MAX_TRIES: u8 = 10;

/// Most packets asked for at once. Raised, longer bursts are recovered by more traffic, where a
/// key frame would serve better.
pub const MAX_MISSING: usize = 256;

/// How many sequence numbers back a packet is recognised as new or repeated. Multiple of 64.
const WINDOW: u64 = 2_048;

/// What a packet's sequence number says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Seen for the first time: in order, late, or recovered.
    New,
    /// Seen before.
    Repeated,
    /// So far back that nobody knows.
    TooOld,
}

/// Watches one incoming source.
#[derive(Clone, Debug)]
pub struct LossTracker {
    clock_rate: u32,
    /// Extended numbers; `None` before the first packet.
    range: Option<Range>,
    /// Which of the last [`WINDOW`] numbers arrived.
    arrived: [u64; (WINDOW / 64) as usize],
    missing: VecDeque<Missing>,
    received: u64,
    reported_expected: u64,
    reported_received: u64,
    transit: Option<Transit>,
    /// In 1/16 ticks.
    jitter: u64,
    sender_report: Option<(Instant, u32)>,
}

#[derive(Clone, Copy, Debug)]
struct Range {
    first: u64,
    highest: u64,
}

#[derive(Clone, Copy, Debug)]
struct Missing {
    number: u64,
    tries: u8,
    due: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Transit {
    arrived: Instant,
    timestamp: u32,
}

impl LossTracker {
    /// For a source whose timestamps count `clock_rate` ticks per second.
    pub fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate,
            range: None,
            arrived: [0; (WINDOW / 64) as usize],
            missing: VecDeque::new(),
            received: 0,
            reported_expected: 0,
            reported_received: 0,
            transit: None,
            jitter: 0,
            sender_report: None,
        }
    }

    /// Notes a packet of the source itself.
    pub fn handle_packet(&mut self, now: Instant, sequence: u16, timestamp: u32) -> Arrival {
        let arrival = self.note(now, sequence);
        if arrival == Arrival::New {
            self.note_transit(now, timestamp);
        }
        arrival
    }

    /// When the latest packet of the source itself came, and its timestamp.
    pub fn latest(&self) -> Option<(Instant, u32)> {
        self.transit.map(|transit| (transit.arrived, transit.timestamp))
    }

    /// Notes a packet that came as a retransmission, under its original number. It says nothing
    /// about transit times.
    pub fn handle_retransmission(&mut self, now: Instant, sequence: u16) -> Arrival {
        self.note(now, sequence)
    }

    /// Notes the clock of the sender, to be echoed in reports.
    pub fn handle_sender_report(&mut self, now: Instant, info: &SenderInfo) {
        self.sender_report = Some((now, middle_ntp(info.ntp)));
    }

    /// Sequence numbers to ask for now, in ascending order; counts each as asked for. Consume it
    /// whole: it is what a negative acknowledgement carries.
    pub fn poll_missing(&mut self, now: Instant) -> impl Iterator<Item = u16> + '_ {
        self.missing.retain(|missing| missing.tries < MAX_TRIES || missing.due > now);
        self.missing.iter_mut().filter(move |missing| missing.due <= now).map(move |missing| {
            missing.tries += 1;
            missing.due = now + RETRY_INTERVAL;
            missing.number as u16
        })
    }

    /// When [`Self::poll_missing`] next has something to ask for or to give up.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.missing.iter().map(|missing| missing.due).min()
    }

    /// The block about this source for the next report. `None` before the first packet.
    pub fn report(&mut self, now: Instant, ssrc: u32) -> Option<ReceptionBlock> {
        let Range { first, highest } = self.range?;
        let expected = highest - first + 1;
        let lost = expected as i64 - self.received as i64;
        let expected_since = expected - self.reported_expected;
        let lost_since = expected_since.saturating_sub(self.received - self.reported_received);
        let fraction = (lost_since << 8).checked_div(expected_since).unwrap_or(0).min(255);
        self.reported_expected = expected;
        self.reported_received = self.received;
        let (last_sender_report, delay) = self.sender_report.map_or((0, 0), |(at, ntp)| {
            let delay = now.saturating_duration_since(at).as_micros() << 16;
            (ntp, u32::try_from(delay / 1_000_000).unwrap_or(u32::MAX))
        });
        Some(ReceptionBlock {
            ssrc,
            fraction_lost: fraction as u8,
            cumulative_lost: lost.clamp(-(1 << 23), (1 << 23) - 1) as i32,
            highest_sequence: (highest - EXTENDED_BASE) as u32,
            jitter: (self.jitter >> 4) as u32,
            last_sender_report,
            delay,
        })
    }

    fn note(&mut self, now: Instant, sequence: u16) -> Arrival {
        let Some(mut range) = self.range else {
            let number = EXTENDED_BASE + u64::from(sequence);
            self.range = Some(Range { first: number, highest: number });
            self.received = 1;
            self.mark(number);
            return Arrival::New;
        };
        let distance = sequence.wrapping_sub(range.highest as u16) as i16;
        let number = range.highest.saturating_add_signed(i64::from(distance));
        if number > range.highest {
            let passed = range.highest + 1..number;
            range.highest = number;
            for skipped in (passed.start..=number).rev().take(WINDOW as usize) {
                let (word, bit) = bit_of(skipped);
                self.arrived[word] &= !bit;
            }
            for skipped in passed.start.max(number.saturating_sub(MAX_MISSING as u64))..number {
                if self.missing.len() == MAX_MISSING {
                    self.missing.pop_front();
                }
                let due = now + REORDER_TOLERANCE;
                self.missing.push_back(Missing { number: skipped, tries: 0, due });
            }
        } else if range.highest - number >= WINDOW {
            return Arrival::TooOld;
        } else if self.has_arrived(number) {
            return Arrival::Repeated;
        } else {
            // Earlier than the first that came: the source began there.
            range.first = range.first.min(number);
            if let Ok(at) = self.missing.binary_search_by_key(&number, |missing| missing.number) {
                self.missing.remove(at);
            }
        }
        self.range = Some(range);
        self.received += 1;
        self.mark(number);
        Arrival::New
    }

    fn mark(&mut self, number: u64) {
        let (word, bit) = bit_of(number);
        self.arrived[word] |= bit;
    }

    fn has_arrived(&self, number: u64) -> bool {
        let (word, bit) = bit_of(number);
        self.arrived[word] & bit != 0
    }

    /// RFC 3550 appendix A.8, in its integer form.
    fn note_transit(&mut self, now: Instant, timestamp: u32) {
        if let Some(last) = self.transit {
            let elapsed = now.saturating_duration_since(last.arrived).as_nanos();
            let ticks = (elapsed * u128::from(self.clock_rate) / 1_000_000_000) as i64;
            let sent = i64::from(timestamp.wrapping_sub(last.timestamp) as i32);
            // A source that paused or restarted its clock would drown the average.
            let difference = (ticks - sent).unsigned_abs().min(u64::from(self.clock_rate));
            self.jitter = self.jitter + difference - ((self.jitter + 8) >> 4);
        }
        self.transit = Some(Transit { arrived: now, timestamp });
    }
}

/// Extended numbers start here, so that late packets stay above zero.
const EXTENDED_BASE: u64 = 1 << 16;

fn bit_of(number: u64) -> (usize, u64) {
    ((number % WINDOW / 64) as usize, 1 << (number % 64))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
    fn start() -> Instant {
        Instant::now()
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn asked(tracker: &mut LossTracker, now: Instant) -> Vec<u16> {
        tracker.poll_missing(now).collect()
    }

    fn tracker(now: Instant, sequences: &[u16]) -> LossTracker {
        let mut tracker = LossTracker::new(90_000);
        for sequence in sequences {
            assert_eq!(tracker.handle_packet(now, *sequence, 0), Arrival::New);
        }
        tracker
    }

    #[test]
    fn nothing_is_asked_for_while_nothing_is_missing() {
        let now = start();
        let mut tracker = tracker(now, &[65_534, 65_535, 0, 1]);
        assert_eq!(tracker.poll_timeout(), None);
        assert_eq!(asked(&mut tracker, now + ms(1_000)), [0; 0]);
    }

    #[test]
    fn missing_packets_are_asked_for_soon_and_again_until_given_up() {
        let now = start();
        let mut tracker = tracker(now, &[65_534, 2]);
        assert_eq!(asked(&mut tracker, now), [0; 0]);
        let mut requests = 0;
        while let Some(due) = tracker.poll_timeout() {
            assert_eq!(due, now + REORDER_TOLERANCE + RETRY_INTERVAL * requests);
            assert_eq!(asked(&mut tracker, due - ms(1)), [0; 0]);
            let asked = asked(&mut tracker, due);
            if requests < u32::from(MAX_TRIES) {
                assert_eq!(asked, [65_535, 0, 1]);
                requests += 1;
            } else {
                assert_eq!(asked, [0; 0]);
            }
        }
        assert_eq!(requests, u32::from(MAX_TRIES));
    }

    #[test]
    fn reordered_packets_are_not_asked_for() {
        let now = start();
        let mut tracker = tracker(now, &[10, 13]);
        assert_eq!(tracker.handle_packet(now + ms(5), 11, 0), Arrival::New);
        assert_eq!(asked(&mut tracker, now + REORDER_TOLERANCE), [12]);
    }

    #[test]
    fn recovered_packets_are_new_once() {
        let now = start();
        let mut tracker = tracker(now, &[10, 12]);
        assert_eq!(tracker.handle_retransmission(now, 11), Arrival::New);
        assert_eq!(tracker.handle_retransmission(now, 11), Arrival::Repeated);
        assert_eq!(tracker.handle_packet(now, 11, 0), Arrival::Repeated);
        assert_eq!(tracker.handle_packet(now, 12, 0), Arrival::Repeated);
        assert_eq!(tracker.poll_timeout(), None);
    }

    #[test]
    fn a_packet_given_up_is_still_new_when_it_comes() {
        let now = start();
        let mut tracker = tracker(now, &[10, 12]);
        let mut requests = 0;
        while let Some(due) = tracker.poll_timeout() {
            requests += tracker.poll_missing(due).count();
        }
        assert_eq!(requests, usize::from(MAX_TRIES));
        assert_eq!(tracker.handle_packet(now, 11, 0), Arrival::New);
    }

    #[test]
    fn packets_out_of_the_window_are_too_old() {
        let now = start();
        let mut tracker = tracker(now, &[10, 10 + 2_047]);
        assert_eq!(tracker.handle_packet(now, 10, 0), Arrival::Repeated);
        assert_eq!(tracker.handle_packet(now, 9, 0), Arrival::TooOld);
    }

    #[test]
    fn a_long_gap_asks_only_for_its_end() {
        let now = start();
        let mut tracker = tracker(now, &[0, 10_000]);
        let asked = asked(&mut tracker, now + REORDER_TOLERANCE);
        assert_eq!(asked.len(), MAX_MISSING);
        assert_eq!(asked.last(), Some(&9_999));
    }

    #[test]
    fn reports_tell_what_was_lost_since_the_last() {
        let now = start();
        let mut tracker = LossTracker::new(90_000);
        assert_eq!(tracker.report(now, 7), None);
        for sequence in [65_533, 65_534, 65_535, 1] {
            tracker.handle_packet(now, sequence, 0);
        }
        let block = tracker.report(now, 7).unwrap();
        // One of five is missing; the sequence number wrapped once.
        assert_eq!((block.ssrc, block.fraction_lost, block.cumulative_lost), (7, 51, 1));
        assert_eq!(block.highest_sequence, 0x1_0001);
        tracker.handle_packet(now, 2, 0);
        let block = tracker.report(now, 7).unwrap();
        assert_eq!((block.fraction_lost, block.cumulative_lost), (0, 1));
        tracker.handle_retransmission(now, 0);
        let block = tracker.report(now, 7).unwrap();
        assert_eq!((block.fraction_lost, block.cumulative_lost), (0, 0));
    }

    #[test]
    fn reports_echo_the_senders_clock() {
        let now = start();
        let mut tracker = tracker(now, &[1]);
        let block = tracker.report(now, 7).unwrap();
        assert_eq!((block.last_sender_report, block.delay), (0, 0));
        let ntp = 0x1122_3344_5566_7788;
        let info = SenderInfo { ntp, rtp_timestamp: 0, packet_count: 0, octet_count: 0 };
        tracker.handle_sender_report(now, &info);
        let block = tracker.report(now + ms(1_500), 7).unwrap();
        assert_eq!((block.last_sender_report, block.delay), (0x3344_5566, 0x1_8000));
        assert_eq!(block.round_trip(ntp + (0x2_0000 << 16)), Some(ms(500)));
    }

    #[test]
    fn jitter_follows_the_variation_of_transit_times() {
        let begin = start();
        let mut steady = LossTracker::new(90_000);
        let mut shaken = LossTracker::new(90_000);
        for packet in 0..500_u16 {
            let at = begin + ms(20) * u32::from(packet);
            let timestamp = u32::from(packet) * 1_800;
            steady.handle_packet(at, packet, timestamp);
            shaken.handle_packet(at + ms(5) * u32::from(packet % 2), packet, timestamp);
        }
        assert_eq!(steady.report(begin, 1).unwrap().jitter, 0);
        let jitter = shaken.report(begin, 1).unwrap().jitter;
        assert!((440..=460).contains(&jitter), "5 ms are 450 ticks: {jitter}");
    }

    proptest! {
        /// Against a set of everything that came.
        #[test]
        fn packets_are_new_once_and_the_rest_is_asked_for(
            first: u16,
            steps in prop::collection::vec((-30..30_i32, 0..40_u64), 1..300),
        ) {
            let mut tracker = LossTracker::new(90_000);
            let mut now = start();
            let mut number = 100_000 + i64::from(first);
            let mut seen: BTreeSet<i64> = BTreeSet::new();
            for (step, pause) in steps {
                now += ms(pause);
                number += i64::from(step);
                let highest = seen.last().copied().unwrap_or(number);
                let arrival = tracker.handle_packet(now, number as u16, 0);
                if highest - number >= 2_048 {
                    prop_assert_eq!(arrival, Arrival::TooOld);
                    continue;
                }
                let is_new = seen.insert(number);
                prop_assert_eq!(arrival == Arrival::New, is_new);
                for asked in tracker.poll_missing(now) {
                    let distance = asked.wrapping_sub(highest as u16) as i16;
                    let asked = highest + i64::from(distance);
                    prop_assert!(!seen.contains(&asked));
                    prop_assert!(asked > *seen.first().unwrap() && asked < *seen.last().unwrap());
                }
                prop_assert!(tracker.missing.len() <= MAX_MISSING);
                let expected = seen.last().unwrap() - seen.first().unwrap() + 1;
                let block = tracker.clone().report(now, 1).unwrap();
                prop_assert_eq!(i64::from(block.cumulative_lost), expected - seen.len() as i64);
            }
        }
    }
}
