//! How fast one subscriber may be sent to: grows while nothing speaks against it, falls when
//! packets queue or get lost (after draft-ietf-rmcat-gcc-02 sections 5.5 and 6).

use super::delay::Usage;

/// What is known about the path at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signals {
    /// The present, in microseconds.
    pub(super) now_us: i64,
    /// What the delays say.
    pub(super) usage: Usage,
    /// Bits per second that arrive.
    pub(super) arriving: Option<f64>,
    /// Bits per second that are sent.
    pub(super) sending: Option<f64>,
    /// Part of the packets that is lost.
    pub(super) loss: Option<f64>,
    /// Delay that stands in queues.
    pub(super) queue_us: i64,
    /// Round trip, with the receiver's wait before it reports.
    pub(super) round_trip_us: i64,
}

/// The estimate of one subscriber's bandwidth.
#[derive(Debug)]
pub(super) struct RateControl {
    rate: f64,
    /// What arrived when the path was last full.
    capacity: Option<f64>,
    updated_us: Option<i64>,
    delay_cut_us: Option<i64>,
    loss_cut_us: Option<i64>,
    queue_us: i64,
}

impl Default for RateControl {
    fn default() -> Self {
        Self {
            rate: FIRST_RATE,
            capacity: None,
            updated_us: None,
            delay_cut_us: None,
            loss_cut_us: None,
            queue_us: 0,
        }
    }
}

impl RateControl {
    /// Bits per second the path is believed to carry.
    pub(super) fn estimate(&self) -> f64 {
        self.rate
    }

    /// Bits per second to be sent: less than the estimate while a queue has to empty.
    pub(super) fn target(&self) -> f64 {
        let queue_us = self.queue_us as f64;
        if queue_us < DRAIN_FROM_US {
            return self.rate;
        }
        self.rate * (1.0 - queue_us / DRAIN_FULLY_US).max(DRAIN_LEAST)
    }

    /// Whether the path took all that was sent lately, so that more may be tried.
    pub(super) fn is_calm(&self, now_us: i64) -> bool {
        let is_past = |cut: Option<i64>| cut.is_none_or(|at| now_us - at > CALM_AFTER_CUT_US);
        // What was queued long ago has left since, and while nothing is sent nobody says so.
        let is_stale = self.updated_us.is_none_or(|at| now_us - at > STALE_QUEUE_US);
        let has_room = self.queue_us < FULL_QUEUE_US || is_stale;
        is_past(self.delay_cut_us) && is_past(self.loss_cut_us) && has_room
    }

    /// Follows what was learned.
    pub(super) fn update(&mut self, signals: &Signals) {
        let Signals { now_us, queue_us, .. } = *signals;
        let elapsed_us = self.updated_us.replace(now_us).map_or(0, |at| now_us - at);
        self.queue_us = queue_us;
        self.follow_loss(signals);
        match signals.usage {
            Usage::Over => self.cut(signals),
            // The queue empties: nothing is to be learned until it has.
            Usage::Under => {}
            Usage::Normal if queue_us < FULL_QUEUE_US => {
                self.grow(signals, elapsed_us.clamp(0, MAX_STEP_US) as f64 / 1e6);
            }
            Usage::Normal => {}
        }
        self.rate = self.rate.clamp(LEAST_RATE, MOST_RATE);
    }

    /// A probe showed that the path carries this much.
    pub(super) fn raise(&mut self, rate: f64) {
        if rate > self.rate {
            self.rate = rate.min(MOST_RATE);
            if self.capacity.is_some_and(|known| rate > known * FAR) {
                self.capacity = None;
            }
        }
    }

    /// A receiver without feedback on single packets says what part was lost.
    pub(super) fn handle_reception(&mut self, lost: f64) {
        if lost > MUCH_LOSS {
            self.rate = (self.rate * (1.0 - lost / 2.0)).max(LEAST_RATE);
        } else if lost < LITTLE_LOSS {
            self.rate = (self.rate * (1.0 + GROWTH_PER_S)).min(MOST_BLIND_RATE.max(self.rate));
        }
    }

    /// Nothing is heard from the subscriber although packets were sent.
    pub(super) fn handle_silence(&mut self) {
        self.rate = (self.rate * SILENCE_FACTOR).max(LEAST_RATE);
    }

    /// The path was gone and is there again: it is begun with as one that is not known, or with what was
    /// seen of it when it was full.
    pub(super) fn begin_anew(&mut self) {
        let known = self.capacity.unwrap_or(FIRST_RATE);
        self.rate = self.rate.max(known.min(FIRST_RATE));
    }

    fn cut(&mut self, signals: &Signals) {
        let wait_us = signals.round_trip_us.clamp(LEAST_CUT_WAIT_US, MOST_CUT_WAIT_US);
        if self.delay_cut_us.is_some_and(|at| signals.now_us - at < wait_us) {
            return;
        }
        let Some(arriving) = signals.arriving else {
            return;
        };
        let sending = signals.sending.unwrap_or(arriving);
        let mut rate = CUT * arriving;
        let is_full = sending > USED * self.rate || arriving < SATURATED * sending;
        if is_full {
            self.capacity = Some(match self.capacity {
                Some(known) if arriving > known / FAR && arriving < known * FAR => {
                    known + CAPACITY_WEIGHT * (arriving - known)
                }
                Some(_) | None => arriving,
            });
        } else {
            // All that was sent arrived, and it was little: other traffic, or jitter.
            rate = rate.max(MILD_CUT * self.rate);
        }
        if rate < self.rate {
            self.rate = rate;
        }
        self.delay_cut_us = Some(signals.now_us);
    }

    fn follow_loss(&mut self, signals: &Signals) {
        let Some(loss) = signals.loss.filter(|loss| *loss > MUCH_LOSS) else {
            return;
        };
        if self.loss_cut_us.is_some_and(|at| signals.now_us - at < LOSS_CUT_WAIT_US) {
            return;
        }
        self.loss_cut_us = Some(signals.now_us);
        let floor = signals.arriving.map_or(LEAST_RATE, |arriving| CUT * arriving);
        self.rate = self.rate.min((self.rate * (1.0 - loss / 2.0)).max(floor));
    }

    fn grow(&mut self, signals: &Signals, elapsed_s: f64) {
        let Some(arriving) = signals.arriving else {
            return;
        };
        // What is not used is not known to be there; and what gets lost says to wait.
        let is_used = arriving > USED * self.rate;
        if !is_used || signals.loss.is_some_and(|loss| loss > LITTLE_LOSS) {
            return;
        }
        let is_near = self.capacity.is_some_and(|known| self.rate > known / FAR);
        let grown = if is_near {
            let response_s = signals.round_trip_us as f64 / 1e6 + RESPONSE_S;
            self.rate + NEAR_STEP_BITS / response_s * elapsed_s
        } else {
            self.rate * (1.0 + GROWTH_PER_S).powf(elapsed_s)
        };
        let limit = MAX_ABOVE_ARRIVING * arriving;
        if grown < limit {
            self.rate = grown;
        }
    }
}

/// Bits per second before anything is known. Raised, slow paths begin with a queue; lowered, the
/// first pictures are small.
const FIRST_RATE: f64 = 1_000_000.0;
/// Less than this is no meeting; the path gets it whatever the signals say.
const LEAST_RATE: f64 = 40_000.0;
/// Without feedback on single packets queues are not seen: no more than most paths carry.
const MOST_BLIND_RATE: f64 = 2_500_000.0;
/// Nobody needs more. Bounds what a forged report can claim.
const MOST_RATE: f64 = 50_000_000.0;
/// A cut goes to this part of what arrives. Lowered, queues empty faster and more is left unused.
const CUT: f64 = 0.85;
/// The deepest cut when the path was not full.
const MILD_CUT: f64 = 0.9;
/// A path that carries less than this part of what is sent is full.
const SATURATED: f64 = 0.9;
/// The estimate is in use from this part on.
const USED: f64 = 0.75;
/// Within this factor two rates are about the same.
const FAR: f64 = 1.25;
/// Weight of the latest measure of a full path.
const CAPACITY_WEIGHT: f64 = 0.3;
/// Growth far from what the path carried when it was full, per second. Raised, queues overshoot.
const GROWTH_PER_S: f64 = 0.08;
/// Growth near it: one packet per response.
const NEAR_STEP_BITS: f64 = 9_600.0;
/// Time a change needs to show, beyond the round trip.
const RESPONSE_S: f64 = 0.1;
/// The estimate stays below this multiple of what is known to arrive.
const MAX_ABOVE_ARRIVING: f64 = 1.5;
/// Longest time between two updates that counts as growth.
const MAX_STEP_US: i64 = 300_000;
/// A cut shows after a round trip; the next one waits for that, within these limits.
const LEAST_CUT_WAIT_US: i64 = 150_000;
const MOST_CUT_WAIT_US: i64 = 500_000;
/// Less loss than this is no reason to wait, more than the other one a reason to send less: radio
/// links lose some per cent at any rate.
const LITTLE_LOSS: f64 = 0.02;
const MUCH_LOSS: f64 = 0.10;
/// The loss is known over two seconds, so one cut must have time to show in it.
const LOSS_CUT_WAIT_US: i64 = 700_000;
/// A standing queue from this length on is emptied, wholly at the second one.
const DRAIN_FROM_US: f64 = 50_000.0;
const DRAIN_FULLY_US: f64 = 400_000.0;
/// Least part of the estimate that is sent meanwhile.
const DRAIN_LEAST: f64 = 0.5;
/// With a queue from this length on the path is full.
const FULL_QUEUE_US: i64 = 40_000;
/// A queue that nothing was heard of for so long is gone. Lowered, a path whose reports are late
/// is probed while it is full; raised, what was held back stays so for longer.
const STALE_QUEUE_US: i64 = 1_000_000;
/// How long after a cut nothing more is tried.
const CALM_AFTER_CUT_US: i64 = 1_000_000;
/// Part of the estimate that is kept for each silent second.
const SILENCE_FACTOR: f64 = 0.5;
