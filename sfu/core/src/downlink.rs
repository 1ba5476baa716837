//! What one subscriber's connection carries: what was sent to it, what became of that, and how
//! fast it may be sent to from there on.

pub(crate) mod allocation;
mod control;
mod delay;
mod estimator;
mod history;
mod loss;
pub(crate) mod meter;
mod pacer;
mod probe;
pub(crate) mod queue;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use crate::bucket::Bucket;
use crate::quality::Signs;
use crate::stats::{DropCause, Stats};
use estimator::Estimator;
use history::{History, Told};
use loss::Fates;
use meter::RateMeter;
use pacer::Pacer;
use probe::Prober;

/// The sending side of one transport, for all its slots together.
#[derive(Debug)]
pub(crate) struct Downlink {
    /// Times count from here.
    begin: Option<Instant>,
    history: History,
    estimator: Estimator,
    pacer: Pacer,
    prober: Prober,
    /// Sound sent, which nothing is taken from.
    sound: RateMeter,
    /// Packets sent again.
    repair: RateMeter,
    /// Bytes that went out without a number since the last packet with one.
    untold_bytes: u32,
    /// When the first packet left that nothing is heard of yet.
    silent_since_us: Option<i64>,
    /// True from a silence on until something is heard again.
    is_silent: bool,
    /// What was sent before, in microseconds, was lost with the whole path, or while nobody listened.
    forgiven_before_us: i64,
    /// Lost packets that may be sent again.
    repairs: Bucket,
    /// What all slots would take, were there no limit, in bits per second.
    wanted: f64,
    /// When the latest report of a receiver without feedback counted.
    reception_us: Option<i64>,
    /// Whether any feedback came ever.
    is_told: bool,
    arrival_clock: ArrivalClock,
    reports: ReportBudget,
}

/// What a packet is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Sound.
    Sound,
    /// A picture.
    Picture,
    /// A packet that was lost, again.
    Repair,
    /// Nothing: it only shows whether the path carries it.
    Probe,
}

impl Default for Downlink {
    fn default() -> Self {
        Self {
            begin: None,
            history: History::default(),
            estimator: Estimator::default(),
            pacer: Pacer::default(),
            prober: Prober::default(),
            sound: RateMeter::over(SHARE_WINDOW_US),
            repair: RateMeter::over(SHARE_WINDOW_US),
            untold_bytes: 0,
            silent_since_us: None,
            is_silent: false,
            forgiven_before_us: 0,
            repairs: Bucket::default(),
            wanted: 0.0,
            reception_us: None,
            is_told: false,
            arrival_clock: ArrivalClock::default(),
            reports: ReportBudget::default(),
        }
    }
}

impl Downlink {
    /// The transport-wide number of the next packet.
    pub(crate) fn next_number(&self) -> u16 {
        self.history.next_number()
    }

    /// Notes that a packet of `bytes` went out; `is_numbered` when it carried
    /// [`Downlink::next_number`].
    pub(crate) fn handle_sent(
        &mut self,
        now: Instant,
        kind: Kind,
        bytes: usize,
        is_numbered: bool,
    ) {
        let now_us = self.micros(now);
        let bytes = (bytes + PACKET_OVERHEAD) as u32;
        self.estimator.handle_sent(now_us, bytes);
        self.pacer.handle_sent(now_us, self.pace(), bytes);
        match kind {
            Kind::Sound => self.sound.add(now_us, bytes),
            Kind::Repair => self.repair.add(now_us, bytes),
            Kind::Picture | Kind::Probe => {}
        }
        self.untold_bytes = self.untold_bytes.saturating_add(bytes);
        if is_numbered {
            let untold = std::mem::take(&mut self.untold_bytes);
            self.history.push(now_us, untold, self.prober.number());
            self.prober.handle_sent(now_us, untold);
            self.silent_since_us.get_or_insert(now_us);
        }
    }

    /// Takes one feedback of the subscriber: each packet's number, and when it arrived on the
    /// receiver's clock in microseconds.
    pub(crate) fn handle_feedback(
        &mut self,
        now: Instant,
        arrivals: impl Iterator<Item = (u16, Option<i64>)>,
        stats: &mut Stats,
    ) {
        let now_us = self.micros(now);
        let mut newest_sent_us = None;
        let mut is_news = false;
        let mut fates = Fates::default();
        // What got lost with the whole path is no sign of a queue, and tells nothing about the path of now.
        let forgiven_before_us = if self.is_silent { now_us } else { self.forgiven_before_us };
        let budget = self.reports.at(now_us);
        for (number, told_us) in arrivals {
            if !budget.take() {
                stats.dropped.count(DropCause::FeedbackFlood);
                self.estimator.handle_fates(now_us, fates);
                return;
            }
            let told = self.history.tell(number, told_us.is_some());
            is_news |= !matches!(told, Told::Known | Told::Unknown);
            match (told, told_us) {
                (Told::Arrived(sent), Some(told_us)) => {
                    let Some(arrived_us) = self.arrival_clock.read(now_us, told_us) else {
                        self.estimator.handle_clock_jump();
                        self.prober.forget();
                        continue;
                    };
                    self.prober.handle_told(&sent, Some(arrived_us));
                    newest_sent_us = Some(sent.at_us.max(newest_sent_us.unwrap_or(0)));
                    self.estimator.handle_arrival(sent.at_us, arrived_us, sent.bytes);
                    fates.arrived += 1;
                }
                (Told::ArrivedAfterAll(_), _) => fates.late += 1,
                (Told::Lost(sent), _) if sent.at_us < forgiven_before_us => {}
                (Told::Lost(sent), _) => {
                    self.prober.handle_told(&sent, None);
                    fates.lost += 1;
                }
                (Told::Unknown, _) => stats.feedback_unknown += 1,
                (Told::Known | Told::Arrived(_), _) => {}
            }
        }
        if is_news {
            if std::mem::take(&mut self.is_silent) {
                self.forgiven_before_us = now_us;
                self.prober = Prober::default();
                self.estimator.control.begin_anew();
            }
            self.estimator.handle_fates(now_us, fates);
            self.silent_since_us = None;
            self.is_told = true;
            self.estimator.handle_report_end(now_us, newest_sent_us);
            let is_calm = self.estimator.control.is_calm(now_us);
            if !is_calm {
                self.prober.cancel(now_us);
            } else if let Some(shown) = self.prober.poll_result(now_us) {
                self.estimator.control.raise(shown);
            }
        }
    }

    /// Says what all slots would take together, were there no limit. When that is more than is
    /// known to be there, the path is probed for it: also before anything was ever told, for a
    /// picture that is all there is may be held back until a probe makes room for it.
    pub(crate) fn want(&mut self, now: Instant, bits_per_second: u64) {
        let now_us = self.micros(now);
        let control = &self.estimator.control;
        self.wanted = bits_per_second as f64;
        let wanted = self.wanted * WANTED_HEADROOM;
        let is_lossy = self.estimator.loss(now_us).is_some_and(|loss| loss > MOST_PROBED_LOSS);
        if wanted > control.estimate() && control.is_calm(now_us) && !is_lossy {
            self.prober.begin(now_us, wanted.min(control.estimate() * PROBE_FACTOR));
        }
    }

    /// Takes the lost part a receiver reports, which is all there is to go by when it sends no
    /// feedback on single packets.
    pub(crate) fn handle_reception(&mut self, now: Instant, lost: f64) {
        let now_us = self.micros(now);
        let is_early = self.reception_us.is_some_and(|at| now_us - at < RECEPTION_WAIT_US);
        if !self.is_told && !is_early {
            self.reception_us = Some(now_us);
            self.estimator.control.handle_reception(lost);
        }
    }

    /// Whether a packet that is reported lost may be looked for: that, too, is taken from what repairs
    /// may take.
    pub(crate) fn may_look(&mut self, now: Instant) -> bool {
        self.take_repair(now, LOOK_BYTES)
    }

    /// Whether a lost packet that was looked for may be sent again: repairs take their part of the
    /// path and no more, however much is reported lost.
    pub(crate) fn may_repair(&mut self, now: Instant) -> bool {
        self.take_repair(now, REPAIR_BYTES - LOOK_BYTES)
    }

    fn take_repair(&mut self, now: Instant, bytes: usize) -> bool {
        let part = self.estimator.control.target() / 8.0 * REPAIR_PART;
        let per_second = part.max(LEAST_REPAIR_BYTES_PER_S);
        self.repairs.take(now, bytes, per_second, per_second)
    }

    /// What is known about the path, for whoever puts it into a word.
    pub(crate) fn signs(&mut self, now: Instant) -> Signs {
        let now_us = self.micros(now);
        let us = self.estimator.round_trip_us();
        let carried = self.estimator.control.target() / self.wanted.max(1.0);
        Signs {
            loss_down: self.estimator.loss(now_us),
            loss_up: None,
            round_trip: us.map(|us| Duration::from_micros(us.unsigned_abs())),
            carried: self.is_told.then_some(carried),
        }
    }

    /// Whether a packet of a picture may leave now.
    pub(crate) fn may_send(&mut self, now: Instant) -> bool {
        let now_us = self.micros(now);
        self.pacer.may_send(now_us, self.pace())
    }

    /// Whether a packet must leave now, if only to show that the path carries it.
    pub(crate) fn is_probe_due(&mut self, now: Instant) -> bool {
        let now_us = self.micros(now);
        self.prober.is_due(now_us)
    }

    /// Nothing can be sent at present: the probe that is under way is given up.
    pub(crate) fn cancel_probe(&mut self) {
        self.prober.forget();
    }

    /// When a probe goes on; with `is_waiting` also when the next picture may leave.
    pub(crate) fn poll_timeout(&self, is_waiting: bool) -> Option<Instant> {
        let begin = self.begin?;
        let paced_us = is_waiting.then(|| self.pacer.next_us(self.pace()));
        let next_us = [paced_us, self.prober.poll_timeout_us()].into_iter().flatten().min()?;
        Some(begin + Duration::from_micros(next_us.unsigned_abs()))
    }

    /// Bits per second by which sending is paced.
    fn pace(&self) -> f64 {
        let target = self.estimator.control.target();
        self.prober.rate().map_or(target, |rate| target.max(rate))
    }

    /// Bits per second to be sent now.
    pub(crate) fn target(&self) -> u64 {
        self.estimator.control.target() as u64
    }

    /// To be called now and then while something is sent: without a word of what arrives, less
    /// and less is believed to.
    pub(crate) fn handle_silence(&mut self, now: Instant) {
        let now_us = self.micros(now);
        let is_too_long = |since: i64| now_us - since > SILENCE_US;
        if self.is_told && self.silent_since_us.is_some_and(is_too_long) {
            self.silent_since_us = Some(now_us);
            self.is_silent = true;
            self.estimator.control.handle_silence();
        }
    }

    /// Bits per second of it that are not there for pictures: sound, and what is sent again.
    pub(crate) fn reserved(&mut self, now: Instant) -> u64 {
        let now_us = self.micros(now);
        let sound = self.sound.rate(now_us).unwrap_or(0.0);
        let repair = self.repair.rate(now_us).unwrap_or(0.0);
        (sound + repair.min(MAX_REPAIR_PART * self.estimator.control.target())) as u64
    }

    fn micros(&mut self, now: Instant) -> i64 {
        let begin = *self.begin.get_or_insert(now);
        i64::try_from(now.saturating_duration_since(begin).as_micros()).unwrap_or(i64::MAX)
    }
}

/// The receiver's clock as feedback tells it: it may stand anywhere, below zero too, it wraps, and it
/// must go about as fast as ours.
#[derive(Debug, Default)]
struct ArrivalClock {
    /// What it said at the first arrival.
    begin_us: i64,
    /// Our time and theirs, from the first arrival on, at the latest one.
    latest: Option<(i64, i64)>,
}

impl ArrivalClock {
    /// Time since the first arrival, without wraps; `None` when the clock jumped, and then it begins anew.
    fn read(&mut self, now_us: i64, told_us: i64) -> Option<i64> {
        let Some((latest_now_us, latest_us)) = self.latest else {
            self.begin_us = told_us;
            self.latest = Some((now_us, 0));
            return Some(0);
        };
        let arrived_us = told_us - self.begin_us;
        let laps = (latest_us - arrived_us + CLOCK_WRAP_US / 2).div_euclid(CLOCK_WRAP_US);
        let arrived_us = arrived_us + laps * CLOCK_WRAP_US;
        let drift_us = (arrived_us - latest_us) - (now_us - latest_now_us);
        self.latest = Some((now_us, arrived_us.max(latest_us)));
        if drift_us.abs() > MAX_DRIFT_US {
            self.latest = None;
            return None;
        }
        Some(arrived_us)
    }
}

/// How many statuses are read: feedback of a few bytes can tell about thousands of packets.
#[derive(Debug, Default)]
struct ReportBudget {
    window: i64,
    used: u32,
}

impl ReportBudget {
    /// What is left of it now.
    fn at(&mut self, now_us: i64) -> &mut Self {
        let window = now_us / REPORT_WINDOW_US;
        if window != self.window {
            *self = Self { window, used: 0 };
        }
        self
    }

    fn take(&mut self) -> bool {
        self.used += 1;
        self.used <= STATUSES_PER_WINDOW
    }
}

/// Browsers report many times a second. Lowered, a stutter of the path costs its rate; raised, a
/// path that broke down is flooded for longer.
const SILENCE_US: i64 = 1_000_000;

/// What is looked for beyond what is wanted: layers rise only with room to spare, and the path
/// has to carry repairs too.
const WANTED_HEADROOM: f64 = 1.3;

/// A probe asks for this multiple of what is known. Raised, fast paths are found sooner and slow
/// ones disturbed more.
const PROBE_FACTOR: f64 = 2.0;

/// On a path that loses more than this, more would be lost.
const MOST_PROBED_LOSS: f64 = 0.1;

/// Reports of a receiver count so often.
const RECEPTION_WAIT_US: i64 = 500_000;

/// Part of the path that repairs may take. Raised, a receiver that reports false losses gets more
/// for it; lowered, long bursts of loss leave holes.
const REPAIR_PART: f64 = 0.5;

/// What one repair counts: a packet of a picture as browsers cut them.
const REPAIR_BYTES: usize = 1_200;

/// What looking for a lost packet counts of it. Lowered, a receiver that reports what never was costs
/// more; raised, it takes more from its own repairs.
const LOOK_BYTES: usize = 75;

/// Repairs go out at this rate even on the slowest path, or heavy loss would leave holes there.
const LEAST_REPAIR_BYTES_PER_S: f64 = 120_000.0;

/// Sound and repairs are measured over this time. Raised, pauses of speech count as sound.
const SHARE_WINDOW_US: i64 = 1_000_000;

/// Most of the target that is kept for repairs: a receiver that reports false losses takes it from
/// its own pictures, and not all of it.
const MAX_REPAIR_PART: f64 = 0.25;

/// Bytes around each datagram on the wire: IPv6 and UDP headers.
pub(crate) const PACKET_OVERHEAD: usize = 40 + 8;

/// The reference time of feedback has 24 bits of 64 ms.
const CLOCK_WRAP_US: i64 = (1 << 24) * 64_000;

/// Reports come late, but not by so much.
const MAX_DRIFT_US: i64 = 5_000_000;

const REPORT_WINDOW_US: i64 = 100_000;

/// Per subscriber and tenth of a second: ten times what the fastest path needs. Raised, floods of
/// feedback cost more; lowered, fast paths are not understood.
const STATUSES_PER_WINDOW: u32 = 8_192;
