//! What layers take, measured from their packets.

use std::time::Instant;

use crate::downlink::PACKET_OVERHEAD;
use crate::downlink::meter::RateMeter;
use crate::transport::RTP_OVERHEAD;

/// What a layer, or a part of one, takes on the wire to a subscriber.
#[derive(Debug)]
pub(super) struct LayerRate {
    begin: Option<Instant>,
    meter: RateMeter,
}

impl LayerRate {
    /// What it takes in the long run, which for a screen is longer. Nothing was measured yet.
    pub(super) fn of(is_screen: bool) -> Self {
        Self::over(if is_screen { SCREEN_WINDOW_US } else { CAMERA_WINDOW_US })
    }

    /// Nothing was measured yet, over a window of so many microseconds.
    fn over(window_us: i64) -> Self {
        Self { begin: None, meter: RateMeter::over(window_us) }
    }

    /// A packet of so many bytes came.
    pub(super) fn add(&mut self, now: Instant, bytes: usize) {
        let begin = *self.begin.get_or_insert(now);
        self.meter.add(micros(now, begin), (bytes + FORWARDED_OVERHEAD) as u32);
    }

    /// Bits per second, once there is enough to tell.
    pub(super) fn measured(&self, now: Instant) -> Option<u64> {
        self.meter.rate(micros(now, self.begin?)).map(|rate| rate as u64)
    }
}

/// What a screen takes at the moment: it rests, changes at once, and rests again.
#[derive(Debug)]
pub(super) struct Movement {
    lately: LayerRate,
    now: LayerRate,
}

impl Movement {
    /// Nothing was measured yet.
    pub(super) fn new() -> Self {
        Self { lately: LayerRate::over(LATELY_US), now: LayerRate::over(NOW_US) }
    }

    /// A packet of so many bytes came.
    pub(super) fn add(&mut self, now: Instant, bytes: usize) {
        self.lately.add(now, bytes);
        self.now.add(now, bytes);
    }

    /// What to keep free for it.
    pub(super) fn measured(&self, now: Instant) -> Moving {
        let lately = self.lately.measured(now).unwrap_or(0);
        Moving { lately, now: self.now.measured(now).unwrap_or(0) }
    }
}

/// Bits per second of a screen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moving {
    /// What is to be kept free for it.
    pub(crate) lately: u64,
    /// What it takes now: nothing any more when a slide has gone out.
    pub(crate) now: u64,
}

fn micros(now: Instant, begin: Instant) -> i64 {
    i64::try_from(now.saturating_duration_since(begin).as_micros()).unwrap_or(i64::MAX)
}

/// Long enough for a key frame not to look like a rate.
const CAMERA_WINDOW_US: i64 = 1_500_000;

/// Long enough for a slide not to look like one. Raised, a film that a path does not carry floods
/// it for longer before it stops; lowered, a screen stops for each slide.
const SCREEN_WINDOW_US: i64 = 5_000_000;

/// Raised, cameras give way later when a screen begins to move, and come back later; lowered, they
/// do so for a slide that is over at once.
const LATELY_US: i64 = 1_000_000;

/// Some pictures of a screen that moves. Raised, a slide that has gone out counts against the screen
/// while its queue is still seen on the path.
const NOW_US: i64 = 300_000;

/// What each packet weighs beyond its plain bytes: the seal and the headers around it.
const FORWARDED_OVERHEAD: usize = RTP_OVERHEAD + PACKET_OVERHEAD;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
    #[test]
    fn a_slide_takes_much_at_the_moment_and_little_in_the_long_run() {
        let begin = Instant::now();
        let (mut long, mut movement) = (LayerRate::of(true), Movement::new());
        let mut at = |now: Instant, bytes| {
            long.add(now, bytes);
            movement.add(now, bytes);
            (long.measured(now), movement.measured(now).lately)
        };
        // At rest a screen sends a small picture a second.
        let resting = (0..10).map(|second| at(begin + Duration::from_secs(second), 100)).last();
        let (measured, moves) = resting.unwrap();
        assert!(measured.unwrap() < 2_000 && moves < 4_000, "{resting:?}");
        let slide = begin + Duration::from_millis(9_500);
        let (measured, moves) = (0..30).map(|_| at(slide, 1_100)).last().unwrap();
        assert!((50_000..65_000).contains(&measured.unwrap()), "{measured:?}");
        assert!((250_000..310_000).contains(&moves), "{moves:?}");
        let (_, moves) = at(slide + Duration::from_secs(2), 100);
        assert!(moves < 4_000, "{moves:?}");
        let (measured, _) = at(slide + Duration::from_secs(6), 100);
        assert!(measured.unwrap() < 2_000, "{measured:?}");
    }
}
