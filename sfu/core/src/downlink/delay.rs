//! Whether packets queue on the way: the trend of their delay, and how much of it stands.
//! After draft-ietf-rmcat-gcc-02 sections 5.2 to 5.4, with a line fitted to the recent delays in
//! place of the Kalman filter. Only differences of the receiver's clock count.

/// What the delays say about the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) enum Usage {
    /// A queue empties.
    Under,
    /// Nothing grows.
    #[default]
    Normal,
    /// A queue grows.
    Over,
}

/// The trend of the delay.
#[derive(Debug)]
pub(super) struct DelayTrend {
    group: Option<Group>,
    former: Option<Group>,
    /// Arrival and smoothed delay of the latest groups, in ms; `count` in all.
    samples: [(f64, f64); SAMPLES],
    count: usize,
    begin_us: i64,
    sum_ms: f64,
    smoothed_ms: f64,
    threshold: f64,
    threshold_at_ms: f64,
    over_ms: f64,
    former_trend: f64,
    usage: Usage,
}

/// Packets that left together.
#[derive(Clone, Copy, Debug)]
struct Group {
    first_sent_us: i64,
    last_sent_us: i64,
    first_arrived_us: i64,
    last_arrived_us: i64,
}

impl Default for DelayTrend {
    fn default() -> Self {
        Self {
            group: None,
            former: None,
            samples: [(0.0, 0.0); SAMPLES],
            count: 0,
            begin_us: 0,
            sum_ms: 0.0,
            smoothed_ms: 0.0,
            threshold: FIRST_THRESHOLD,
            threshold_at_ms: 0.0,
            over_ms: 0.0,
            former_trend: 0.0,
            usage: Usage::Normal,
        }
    }
}

impl DelayTrend {
    /// Takes one packet that arrived, in the order of sending.
    pub(super) fn handle_packet(&mut self, sent_us: i64, arrived_us: i64) {
        let Some(group) = &mut self.group else {
            self.begin_us = arrived_us;
            self.group = Some(Group::of(sent_us, arrived_us));
            return;
        };
        if sent_us < group.first_sent_us {
            return;
        }
        if group.takes(sent_us, arrived_us) {
            group.last_sent_us = group.last_sent_us.max(sent_us);
            group.last_arrived_us = group.last_arrived_us.max(arrived_us);
            return;
        }
        let complete = *group;
        *group = Group::of(sent_us, arrived_us);
        if let Some(former) = self.former.replace(complete) {
            self.handle_group(former, complete);
        }
    }

    /// What the delays say now.
    pub(super) fn usage(&self) -> Usage {
        self.usage
    }

    fn handle_group(&mut self, former: Group, group: Group) {
        let sent_ms = (group.last_sent_us - former.last_sent_us) as f64 / 1e3;
        let arrived_ms = (group.last_arrived_us - former.last_arrived_us) as f64 / 1e3;
        if arrived_ms < 0.0 {
            return;
        }
        self.sum_ms += arrived_ms - sent_ms;
        self.smoothed_ms = SMOOTHING * self.smoothed_ms + (1.0 - SMOOTHING) * self.sum_ms;
        let at_ms = (group.last_arrived_us - self.begin_us) as f64 / 1e3;
        self.samples[self.count % SAMPLES] = (at_ms, self.smoothed_ms);
        self.count += 1;
        let slope = if self.count < SAMPLES { 0.0 } else { self.slope().unwrap_or(0.0) };
        self.judge(slope, sent_ms, at_ms);
    }

    /// Slope of the line of least squares through the samples: ms of delay per ms.
    fn slope(&self) -> Option<f64> {
        let count = SAMPLES as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| self.samples.iter().map(of).sum::<f64>() / count;
        let (mean_at, mean_delay) = (mean(|sample| sample.0), mean(|sample| sample.1));
        let (mut over, mut under) = (0.0, 0.0);
        for (at, delay) in &self.samples {
            over += (at - mean_at) * (delay - mean_delay);
            under += (at - mean_at) * (at - mean_at);
        }
        (under > 0.0).then(|| over / under)
    }

    fn judge(&mut self, slope: f64, sent_ms: f64, at_ms: f64) {
        let trend = self.count.min(MAX_TREND_GROUPS) as f64 * slope * TREND_GAIN;
        if trend > self.threshold {
            self.over_ms += sent_ms;
            if self.over_ms > OVER_TIME_MS && trend >= self.former_trend {
                self.over_ms = 0.0;
                self.usage = Usage::Over;
            }
        } else {
            self.over_ms = 0.0;
            self.usage = if trend < -self.threshold { Usage::Under } else { Usage::Normal };
        }
        self.former_trend = trend;
        self.adapt(trend, at_ms);
    }

    /// The threshold follows the trend, so that other traffic on the path neither starves us nor
    /// is taken for a queue of ours.
    fn adapt(&mut self, trend: f64, at_ms: f64) {
        let elapsed_ms = (at_ms - self.threshold_at_ms).clamp(0.0, MAX_ADAPT_MS);
        self.threshold_at_ms = at_ms;
        let beyond = trend.abs() - self.threshold;
        if beyond > MAX_BEYOND {
            return;
        }
        let pace = if beyond < 0.0 { THRESHOLD_DOWN } else { THRESHOLD_UP };
        self.threshold = (self.threshold + pace * beyond * elapsed_ms)
            .clamp(THRESHOLD_RANGE.0, THRESHOLD_RANGE.1);
    }
}

impl Group {
    fn of(sent_us: i64, arrived_us: i64) -> Self {
        Self {
            first_sent_us: sent_us,
            last_sent_us: sent_us,
            first_arrived_us: arrived_us,
            last_arrived_us: arrived_us,
        }
    }

    /// Whether a packet left together with these, or caught up with them on the way.
    fn takes(&self, sent_us: i64, arrived_us: i64) -> bool {
        if sent_us - self.first_sent_us <= GROUP_US {
            return true;
        }
        let arrived = arrived_us - self.last_arrived_us;
        arrived <= GROUP_US
            && arrived < sent_us - self.last_sent_us
            && arrived_us - self.first_arrived_us < MAX_GROUP_US
    }
}

/// How much delay stands in queues: the least of the last moment above the least of long.
#[derive(Debug)]
pub(super) struct StandingQueue {
    base: LowestOf,
    recent: LowestOf,
}

impl Default for StandingQueue {
    fn default() -> Self {
        Self { base: LowestOf::new(BASE_US), recent: LowestOf::new(RECENT_US) }
    }
}

impl StandingQueue {
    /// Takes one packet that arrived.
    pub(super) fn handle_packet(&mut self, sent_us: i64, arrived_us: i64) {
        self.base.handle(arrived_us, arrived_us - sent_us);
        self.recent.handle(arrived_us, arrived_us - sent_us);
    }

    /// The delay in microseconds.
    pub(super) fn delay_us(&self) -> i64 {
        match (self.base.lowest(), self.recent.lowest()) {
            (Some(base), Some(recent)) => (recent - base).max(0),
            _ => 0,
        }
    }
}

/// The least value of the present and the former window.
#[derive(Debug)]
struct LowestOf {
    window_us: i64,
    began_us: i64,
    present: Option<i64>,
    former: Option<i64>,
}

impl LowestOf {
    fn new(window_us: i64) -> Self {
        Self { window_us, began_us: i64::MIN, present: None, former: None }
    }

    fn handle(&mut self, at_us: i64, value: i64) {
        if at_us.saturating_sub(self.began_us) >= self.window_us {
            self.began_us = at_us;
            self.former = self.present.take();
        }
        self.present = Some(self.present.map_or(value, |lowest| lowest.min(value)));
    }

    fn lowest(&self) -> Option<i64> {
        [self.present, self.former].into_iter().flatten().min()
    }
}

/// Groups a line is fitted to. Raised, slow trends are seen better and fast ones later.
const SAMPLES: usize = 20;
/// Weight of the past in the smoothed delay.
const SMOOTHING: f64 = 0.9;
/// Makes the trend comparable with the threshold, which is in ms.
const TREND_GAIN: f64 = 4.0;
/// The trend grows with the groups seen, up to so many.
const MAX_TREND_GROUPS: usize = 60;
/// How long the trend must stand before it counts.
const OVER_TIME_MS: f64 = 10.0;
/// The threshold at first, and its limits: lower alarms on jitter, higher lets queues grow.
const FIRST_THRESHOLD: f64 = 12.5;
const THRESHOLD_RANGE: (f64, f64) = (6.0, 600.0);
/// How fast the threshold follows a trend below and above it, per ms.
const THRESHOLD_DOWN: f64 = 0.039;
const THRESHOLD_UP: f64 = 0.0087;
/// A trend further beyond the threshold is an accident it does not follow.
const MAX_BEYOND: f64 = 15.0;
/// Longest pause the threshold makes up for at once.
const MAX_ADAPT_MS: f64 = 100.0;
/// Packets within this time of the first left together.
const GROUP_US: i64 = 5_000;
/// Longest time over which packets that caught up count as one group.
const MAX_GROUP_US: i64 = 100_000;
/// Half the time over which the path's own delay is looked for. Raised, a longer path after a
/// change of network is taken for a queue for longer; lowered, a long-lived queue is forgotten.
const BASE_US: i64 = 10_000_000;
/// Half the time over which the present delay is looked for; jitter within it does not count.
const RECENT_US: i64 = 150_000;
