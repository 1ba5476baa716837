//! Puts together what the fate of the packets says about the path to one subscriber.

use super::control::{RateControl, Signals};
use super::delay::{DelayTrend, StandingQueue};
use super::loss::{Fates, LossMeter};
use super::meter::RateMeter;

/// What one subscriber's path carries. Times are microseconds: of ours for what is sent, of the
/// receiver's clock for what arrives.
#[derive(Debug)]
pub(super) struct Estimator {
    pub(super) control: RateControl,
    trend: DelayTrend,
    queue: StandingQueue,
    loss: LossMeter,
    sending: RateMeter,
    arriving: RateMeter,
    last_arrival_us: i64,
    round_trip_us: RoundTrip,
}

impl Default for Estimator {
    fn default() -> Self {
        Self {
            control: RateControl::default(),
            trend: DelayTrend::default(),
            queue: StandingQueue::default(),
            loss: LossMeter::default(),
            sending: RateMeter::over(RATE_WINDOW_US),
            arriving: RateMeter::over(RATE_WINDOW_US),
            last_arrival_us: 0,
            round_trip_us: RoundTrip::default(),
        }
    }
}

impl Estimator {
    /// A packet left.
    pub(super) fn handle_sent(&mut self, now_us: i64, bytes: u32) {
        self.sending.add(now_us, bytes);
    }

    /// A packet arrived.
    pub(super) fn handle_arrival(&mut self, sent_us: i64, arrived_us: i64, bytes: u32) {
        self.trend.handle_packet(sent_us, arrived_us);
        self.queue.handle_packet(sent_us, arrived_us);
        self.arriving.add(arrived_us, bytes);
        self.last_arrival_us = self.last_arrival_us.max(arrived_us);
    }

    /// What became of the packets that one report tells about.
    pub(super) fn handle_fates(&mut self, now_us: i64, fates: Fates) {
        self.loss.count(now_us, fates);
    }

    /// One report is complete; the youngest packet it tells about left at `newest_sent_us`.
    pub(super) fn handle_report_end(&mut self, now_us: i64, newest_sent_us: Option<i64>) {
        if let Some(sent_us) = newest_sent_us {
            self.round_trip_us.handle(now_us, now_us - sent_us);
        }
        let signals = Signals {
            now_us,
            usage: self.trend.usage(),
            arriving: self.arriving.rate(self.last_arrival_us),
            sending: self.sending.rate(now_us),
            loss: self.loss(now_us),
            queue_us: self.queue.delay_us(),
            round_trip_us: self.round_trip_us.least().unwrap_or(FIRST_ROUND_TRIP_US),
        };
        self.control.update(&signals);
    }

    /// The receiver's clock jumped: what was learned from it is void.
    pub(super) fn handle_clock_jump(&mut self) {
        self.trend = DelayTrend::default();
        self.queue = StandingQueue::default();
        self.arriving = RateMeter::over(RATE_WINDOW_US);
        self.last_arrival_us = i64::MIN;
    }

    /// The shortest round trip of late, with the receiver's wait before it reports.
    pub(super) fn round_trip_us(&self) -> Option<i64> {
        self.round_trip_us.least()
    }

    /// Lost part of the packets, 0 to 1.
    pub(super) fn loss(&self, now_us: i64) -> Option<f64> {
        self.loss.fraction(now_us)
    }
}

/// The least of the present and the former few seconds: reports wait at the receiver, and the
/// shortest wait says most about the path.
#[derive(Debug, Default)]
struct RoundTrip {
    began_us: i64,
    present: Option<i64>,
    former: Option<i64>,
}

impl RoundTrip {
    fn handle(&mut self, now_us: i64, round_trip_us: i64) {
        if now_us - self.began_us > ROUND_TRIP_WINDOW_US {
            self.began_us = now_us;
            self.former = self.present.take();
        }
        let round_trip_us = round_trip_us.max(0);
        self.present = Some(self.present.map_or(round_trip_us, |least| least.min(round_trip_us)));
    }

    fn least(&self) -> Option<i64> {
        [self.present, self.former].into_iter().flatten().min()
    }
}

/// Rates are measured over this time: a dozen pictures.
const RATE_WINDOW_US: i64 = 500_000;
/// Taken before the first is known.
const FIRST_ROUND_TRIP_US: i64 = 200_000;
/// Half the time over which the shortest round trip is looked for.
const ROUND_TRIP_WINDOW_US: i64 = 2_000_000;
