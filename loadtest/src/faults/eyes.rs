//! What one participant sees and hears over time: when something came last, and the longest time in
//! which nothing did.

use std::time::{Duration, Instant};

use crate::measure::{Frames, Heard, Measured, Meter};

/// Looks at one participant's meter often.
pub(super) struct Eyes {
    meter: Meter,
    /// Sound, then pictures that can be decoded.
    flows: [Flow; 2],
    /// What had been heard when it was marked.
    heard: Heard,
}

/// Something that should never stop.
#[derive(Clone, Copy)]
struct Flow {
    count: u64,
    last: Option<Instant>,
    longest: Duration,
}

/// Gaps and losses since the mark.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Seen {
    /// Longest time without sound.
    pub(super) sound_gap: Duration,
    /// Longest time without a picture.
    pub(super) picture_gap: Duration,
    /// Samples that were played.
    pub(super) samples: u64,
    /// Of these, invented.
    pub(super) concealed: u64,
}

impl Eyes {
    pub(super) fn new(meter: Meter) -> Self {
        let flow = Flow { count: 0, last: None, longest: Duration::ZERO };
        Self { meter, flows: [flow; 2], heard: Heard::default() }
    }

    /// Looks now.
    pub(super) fn look(&mut self, now: Instant) {
        let counts = {
            let measured = self.meter.lock();
            [measured.sound.direct, decoded(&measured)]
        };
        for (flow, count) in self.flows.iter_mut().zip(counts) {
            flow.look(now, count);
        }
    }

    /// Forgets the gaps so far; what has not come for a while already counts from when it last came.
    pub(super) fn mark(&mut self) {
        self.heard = self.meter.lock().heard;
        for flow in &mut self.flows {
            flow.longest = Duration::ZERO;
        }
    }

    /// Whether sound and pictures have come since then.
    pub(super) fn flows_since(&self, then: Instant) -> bool {
        self.flows.iter().all(|flow| flow.last.is_some_and(|last| last > then))
    }

    /// What was seen since the mark.
    pub(super) fn seen(&self, now: Instant) -> Seen {
        let heard = self.meter.lock().heard;
        let [sound_gap, picture_gap] = self.flows.map(|flow| flow.gap(now));
        Seen {
            sound_gap,
            picture_gap,
            samples: heard.samples - self.heard.samples,
            concealed: heard.concealed - self.heard.concealed,
        }
    }
}

impl Flow {
    fn look(&mut self, now: Instant, count: u64) {
        if count > self.count {
            self.longest = self.gap(now);
            (self.count, self.last) = (count, Some(now));
        }
    }

    /// The longest one, the present one included.
    fn gap(&self, now: Instant) -> Duration {
        let present = self.last.map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
        self.longest.max(present)
    }
}

fn decoded(measured: &Measured) -> u64 {
    measured.heights.values().map(|frames: &Frames| frames.decoded).sum()
}

impl Seen {
    /// What two saw together.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            sound_gap: self.sound_gap.max(other.sound_gap),
            picture_gap: self.picture_gap.max(other.picture_gap),
            samples: self.samples + other.samples,
            concealed: self.concealed + other.concealed,
        }
    }

    /// The longer of both gaps.
    pub(super) fn gap(&self) -> Duration {
        self.sound_gap.max(self.picture_gap)
    }

    /// Of the sound, what had to be invented.
    pub(super) fn concealed_percent(&self) -> f64 {
        crate::measure::share(self.concealed, self.samples) * 100.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_seen_while_it_lasts_and_after_it() {
        let meter = Meter::default();
        let mut eyes = Eyes::new(meter.clone());
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let come = || {
            let mut measured = meter.lock();
            measured.sound.direct += 1;
            measured.heights.entry(540).or_default().decoded += 1;
        };
        for ms in [0, 20, 40] {
            come();
            eyes.look(at(ms));
        }
        eyes.mark();
        assert!(eyes.flows_since(at(30)) && !eyes.flows_since(at(40)));
        eyes.look(at(300));
        assert_eq!(eyes.seen(at(300)).gap(), Duration::from_millis(260));
        come();
        meter.lock().heard.samples = 100;
        meter.lock().heard.concealed = 5;
        eyes.look(at(340));
        come();
        eyes.look(at(350));
        let seen = eyes.seen(at(360));
        assert_eq!((seen.sound_gap, seen.picture_gap), (Duration::from_millis(300), seen.gap()));
        assert!((seen.concealed_percent() - 5.0).abs() < 1e-9);
        eyes.mark();
        assert_eq!(
            eyes.seen(at(360)),
            Seen {
                sound_gap: Duration::from_millis(10),
                picture_gap: Duration::from_millis(10),
                ..Seen::default()
            }
        );
    }
}
