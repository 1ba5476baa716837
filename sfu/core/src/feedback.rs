//! Transport-wide congestion control feedback towards a publisher
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01): when its packets arrived here.

use std::time::{Duration, Instant};

use crate::rtcp;

/// Time from the first unreported packet to its feedback. Lowered, the publisher's estimate
/// follows faster and costs more packets; raised, it lags.
pub const INTERVAL: Duration = Duration::from_millis(50);

/// The same towards a publisher of sound alone, whose rate hardly moves: each feedback costs a call
/// to the system, and there is one for few packets.
pub const SOUND_INTERVAL: Duration = Duration::from_millis(200);

/// The same towards a publisher on a poor connection: a few bytes of news in each 100 of headers.
pub const SAVING_INTERVAL: Duration = Duration::from_millis(500);

/// Most packets one feedback tells about: it then stays below 1,200 bytes.
const MAX_STATUSES: usize = 400;

/// How many numbers back an arrival is remembered, so that a late packet can still be reported.
/// Power of two. Raised, bigger gaps are reported and a publisher costs more memory.
const WINDOW: usize = 1_024;

/// Arrivals at one transport, and the feedback due about them.
#[derive(Clone, Debug)]
pub struct ArrivalLog {
    /// Ticks of arrival by number modulo [`WINDOW`]; `None` for those that did not arrive.
    arrivals: Vec<Option<i64>>,
    /// Start of the tick count.
    start: Option<Instant>,
    /// Lowest extended number not reported.
    first: u64,
    /// Highest extended number seen.
    highest: u64,
    /// When the next feedback is due; `None` while there is nothing to report.
    due: Option<Instant>,
    interval: Duration,
    feedback_count: u8,
}

impl Default for ArrivalLog {
    fn default() -> Self {
        Self::new()
    }
}

impl ArrivalLog {
    /// Nothing arrived. Memory is taken by the first packet.
    pub fn new() -> Self {
        Self {
            arrivals: Vec::new(),
            start: None,
            first: 0,
            highest: 0,
            due: None,
            interval: INTERVAL,
            feedback_count: 0,
        }
    }

    /// Tells so often from now on.
    pub fn set_interval(&mut self, interval: Duration) {
        self.interval = interval;
    }

    /// Notes the arrival of a packet with this transport-wide number. Numbers far back are
    /// ignored, and of a repeated one the first arrival counts.
    pub fn handle_packet(&mut self, now: Instant, sequence: u16) {
        let start = *self.start.get_or_insert(now);
        if self.arrivals.is_empty() {
            self.arrivals = vec![None; WINDOW];
            self.highest = EXTENDED_BASE + u64::from(sequence);
            self.first = self.highest;
        }
        let distance = sequence.wrapping_sub(self.highest as u16) as i16;
        let number = self.highest.saturating_add_signed(i64::from(distance));
        if number > self.highest {
            for passed in (self.highest + 1..=number).rev().take(WINDOW) {
                self.arrivals[slot(passed)] = None;
            }
            self.highest = number;
            self.first = self.first.max((number + 1).saturating_sub(WINDOW as u64));
        } else if self.highest - number >= WINDOW as u64 {
            return;
        }
        let arrival = &mut self.arrivals[slot(number)];
        if arrival.is_some() {
            return;
        }
        *arrival = Some((now.saturating_duration_since(start).as_micros() / TICK_US) as i64);
        // A late packet was reported as lost: report again from there.
        self.first = self.first.min(number);
        self.due.get_or_insert(now + self.interval);
    }

    /// Appends the feedback that is due to `out`: one packet, seldom more.
    /// `media_ssrc` is any source of the publisher. False when nothing is due.
    pub fn poll_feedback(
        &mut self,
        now: Instant,
        sender_ssrc: u32,
        media_ssrc: u32,
        out: &mut Vec<u8>,
    ) -> bool {
        if self.due.is_none_or(|due| now < due) {
            return false;
        }
        self.due = None;
        while self.first <= self.highest {
            self.write_one(sender_ssrc, media_ssrc, out);
        }
        true
    }

    /// When [`Self::poll_feedback`] next has something to say.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    fn write_one(&mut self, sender_ssrc: u32, media_ssrc: u32, out: &mut Vec<u8>) {
        let arrival = |number: u64| self.arrivals[slot(number)].map(|tick| (number, tick));
        let Some((first_arrived, first_tick)) = (self.first..=self.highest).find_map(arrival)
        else {
            self.first = self.highest + 1;
            return;
        };
        // Time starts from an arrival, so a feedback needs one.
        if first_arrived - self.first >= MAX_STATUSES as u64 {
            self.first = first_arrived;
        }
        let reference = first_tick.div_euclid(TICKS_PER_REFERENCE);
        let mut time = reference * TICKS_PER_REFERENCE;
        let mut deltas = [0; MAX_STATUSES];
        let mut statuses = [NOT_RECEIVED; MAX_STATUSES];
        let mut count = 0;
        for number in (self.first..=self.highest).take(MAX_STATUSES) {
            if let Some(tick) = self.arrivals[slot(number)] {
                // A longer pause than a delta can say begins the next feedback.
                let Ok(delta) = i16::try_from(tick - time) else { break };
                time = tick;
                deltas[count] = delta;
                statuses[count] = if (0..256).contains(&delta) { SMALL } else { LARGE };
            }
            count += 1;
        }
        let feedback_count = self.feedback_count;
        self.feedback_count = feedback_count.wrapping_add(1);
        let base_sequence = self.first as u16;
        rtcp::write_packet(out, rtcp::TRANSPORT_SPECIFIC, rtcp::TRANSPORT_CC, |out| {
            out.extend_from_slice(&sender_ssrc.to_be_bytes());
            out.extend_from_slice(&media_ssrc.to_be_bytes());
            out.extend_from_slice(&base_sequence.to_be_bytes());
            out.extend_from_slice(&(count as u16).to_be_bytes());
            out.extend_from_slice(&(reference as u32).to_be_bytes()[1..]);
            out.push(feedback_count);
            let mut rest = &statuses[..count];
            while !rest.is_empty() {
                let (chunk, taken) = encode_chunk(rest);
                out.extend_from_slice(&chunk.to_be_bytes());
                rest = &rest[taken..];
            }
            for (status, delta) in statuses[..count].iter().zip(deltas) {
                match *status {
                    SMALL => out.push(delta as u8),
                    LARGE => out.extend_from_slice(&delta.to_be_bytes()),
                    _ => {}
                }
            }
        });
        self.first += count as u64;
    }
}

/// Extended numbers start here, so that late packets stay above zero.
const EXTENDED_BASE: u64 = 1 << 16;
/// Arrival times count in quarters of a millisecond.
const TICK_US: u128 = 250;
/// The reference time counts in multiples of 64 ms.
const TICKS_PER_REFERENCE: i64 = 256;

/// Packet status symbols.
const NOT_RECEIVED: u8 = 0;
const SMALL: u8 = 1;
const LARGE: u8 = 2;

fn slot(number: u64) -> usize {
    number as usize % WINDOW
}

/// One status chunk for the front of a list that is not empty, and how many statuses it holds.
fn encode_chunk(statuses: &[u8]) -> (u16, usize) {
    let status = statuses[0];
    let run = statuses.iter().take_while(|next| **next == status).count();
    let fits_one_bit = statuses.iter().take(14).all(|status| *status <= SMALL);
    let vector = if fits_one_bit { 14 } else { 7 };
    if run >= vector || run == statuses.len() {
        return (u16::from(status) << 13 | run as u16, run);
    }
    let width = 14 / vector;
    let taken = statuses.len().min(vector);
    let mut chunk = 0x8000 | if fits_one_bit { 0 } else { 0x4000 };
    for (at, status) in statuses[..taken].iter().enumerate() {
        chunk |= u16::from(*status) << (14 - width * (at + 1));
    }
    (chunk, taken)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use rtc_rtcp::transport_feedbacks::transport_layer_cc::{
        PacketStatusChunk, SymbolTypeTcc, TransportLayerCc,
    };
    use rtc_shared::marshal::Unmarshal;

    use super::*;
    use crate::rtcp::{Rtcp, parse};

    #[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
    fn start() -> Instant {
        Instant::now()
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Every (sequence, arrival in ticks) of the feedback in `bytes`, in order.
    fn read(bytes: &[u8]) -> Vec<(u16, Option<i64>)> {
        parse(bytes)
            .unwrap()
            .flat_map(|packet| {
                let Rtcp::TransportFeedback(feedback) = packet else { panic!("{packet:?}") };
                feedback.arrivals()
            })
            .map(|(sequence, time)| (sequence, time.map(|us| us / 250)))
            .collect()
    }

    fn poll(log: &mut ArrivalLog, now: Instant) -> Option<Vec<(u16, Option<i64>)>> {
        let mut out = Vec::new();
        let is_due = log.poll_timeout().is_some_and(|due| due <= now);
        assert_eq!(log.poll_feedback(now, 1, 2, &mut out), is_due);
        is_due.then(|| read(&out))
    }

    #[test]
    fn nothing_is_reported_when_nothing_arrived() {
        let mut log = ArrivalLog::new();
        assert_eq!(log.poll_timeout(), None);
        assert_eq!(poll(&mut log, start()), None);
    }

    #[test]
    fn arrivals_are_reported_once_an_interval() {
        let mut log = ArrivalLog::new();
        let now = start();
        log.handle_packet(now, 10);
        log.handle_packet(now + ms(10), 12);
        log.handle_packet(now + ms(11), 12);
        assert_eq!(log.poll_timeout(), Some(now + INTERVAL));
        assert_eq!(poll(&mut log, now + ms(49)), None);
        let report = poll(&mut log, now + INTERVAL).unwrap();
        assert_eq!(report, [(10, Some(0)), (11, None), (12, Some(40))]);
        assert_eq!(log.poll_timeout(), None);
        log.handle_packet(now + ms(200), 13);
        assert_eq!(poll(&mut log, now + ms(250)), Some(vec![(13, Some(800))]));
    }

    #[test]
    fn a_late_packet_is_reported_after_all() {
        let mut log = ArrivalLog::new();
        let now = start();
        log.handle_packet(now, 65_535);
        log.handle_packet(now + ms(1), 1);
        poll(&mut log, now + INTERVAL).unwrap();
        log.handle_packet(now + ms(60), 0);
        let report = poll(&mut log, now + ms(110)).unwrap();
        assert_eq!(report, [(0, Some(240)), (1, Some(4))]);
    }

    #[test]
    fn a_pause_longer_than_a_delta_begins_another_feedback() {
        let mut log = ArrivalLog::new();
        let now = start();
        log.handle_packet(now, 1);
        log.handle_packet(now + ms(9_000), 2);
        let mut out = Vec::new();
        assert!(log.poll_feedback(now + ms(9_000), 1, 2, &mut out));
        assert_eq!(parse(&out).unwrap().count(), 2);
        assert_eq!(read(&out), [(1, Some(0)), (2, Some(36_000))]);
    }

    #[test]
    fn a_jump_beyond_the_window_is_bounded() {
        let mut log = ArrivalLog::new();
        let now = start();
        log.handle_packet(now, 0);
        log.handle_packet(now, 30_000);
        log.handle_packet(now, 20_000); // too far back
        let report = poll(&mut log, now + INTERVAL).unwrap();
        assert_eq!(report, [(30_000, Some(0))]);
    }

    proptest! {
        /// Losses, reordering, pauses and wraps: the publisher learns every arrival within the
        /// window, at the right time, and our reader and an independent one agree.
        #[test]
        fn every_arrival_is_told(
            first: u16,
            steps in prop::collection::vec((-20..60_i32, 0..200_u64), 1..300),
        ) {
            let mut log = ArrivalLog::new();
            let mut now = start();
            let mut begin = None;
            let mut number = 100_000 + i64::from(first);
            let mut arrived: BTreeMap<u16, i64> = BTreeMap::new();
            let mut told: BTreeMap<u16, i64> = BTreeMap::new();
            let mut collect = |log: &mut ArrivalLog, now: Instant| {
                let mut out = Vec::new();
                log.poll_feedback(now, 1, 2, &mut out);
                if out.is_empty() { return Ok(()); }
                for (sequence, tick) in read(&out) {
                    if let Some(tick) = tick {
                        let earlier = told.insert(sequence, tick);
                        prop_assert!(earlier.is_none_or(|earlier| earlier == tick));
                    }
                }
                let mut rest = &out[..];
                while !rest.is_empty() {
                    let len = 4 * (1 + usize::from(u16::from_be_bytes([rest[2], rest[3]])));
                    prop_assert!(len <= 1_200);
                    let theirs = TransportLayerCc::unmarshal(&mut &rest[..len]).unwrap();
                    let ours = read(&rest[..len]);
                    prop_assert_eq!(usize::from(theirs.packet_status_count), ours.len());
                    prop_assert_eq!(theirs.base_sequence_number, ours[0].0);
                    prop_assert_eq!(theirs.recv_deltas.len(), ours.iter().filter(|(_, t)| t.is_some()).count());
                    let received = |symbol: &SymbolTypeTcc| *symbol != SymbolTypeTcc::PacketNotReceived;
                    let symbols: Vec<bool> = theirs.packet_chunks.iter().flat_map(|chunk| match chunk {
                        PacketStatusChunk::RunLengthChunk(run) =>
                            vec![received(&run.packet_status_symbol); usize::from(run.run_length)],
                        PacketStatusChunk::StatusVectorChunk(vector) =>
                            vector.symbol_list.iter().map(received).collect(),
                    }).take(ours.len()).collect();
                    prop_assert_eq!(symbols, ours.iter().map(|(_, t)| t.is_some()).collect::<Vec<_>>());
                    rest = &rest[len..];
                }
                Ok(())
            };
            for (step, pause) in steps {
                now += ms(pause);
                collect(&mut log, now)?;
                let sequence = number as u16;
                log.handle_packet(now, sequence);
                let tick = now.duration_since(*begin.get_or_insert(now)).as_millis() as i64 * 4;
                arrived.entry(sequence).or_insert(tick);
                number += i64::from(step);
            }
            collect(&mut log, now + INTERVAL)?;
            // What fell out of the window before its feedback was due is not told.
            for (sequence, tick) in &told {
                prop_assert_eq!(arrived.get(sequence), Some(tick));
            }
            prop_assert_eq!(told.len(), arrived.len());
            prop_assert_eq!(log.poll_timeout(), None);
        }

        #[test]
        fn statuses_survive_their_chunks(statuses in prop::collection::vec(0..3_u8, 1..100)) {
            let mut rest = &statuses[..];
            let mut total = 0;
            while !rest.is_empty() {
                let (_, taken) = encode_chunk(rest);
                prop_assert!(taken > 0);
                total += taken;
                rest = &rest[taken..];
            }
            prop_assert_eq!(total, statuses.len());
        }
    }
}
