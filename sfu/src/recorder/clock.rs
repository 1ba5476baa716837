//! From the timestamps of one track to the time of the recording, which all tracks share.

/// Milliseconds since the recording began, told from a track's own clock. The arrival of its first
/// packet says where that stands.
#[derive(Debug)]
pub(crate) struct Clock {
    ticks_per_second: i64,
    anchor: Option<Anchor>,
    last: Option<u64>,
}

#[derive(Debug)]
struct Anchor {
    /// Milliseconds since the recording began.
    at: i64,
    /// Ticks since then.
    ticks: i64,
    timestamp: u32,
}

impl Clock {
    /// For a track of so many ticks a second.
    pub(crate) fn new(ticks_per_second: u32) -> Self {
        Self { ticks_per_second: ticks_per_second.into(), anchor: None, last: None }
    }

    /// The time of a frame that came at `arrival`, in milliseconds since the recording began, and
    /// always later than that of the one before. After `starts_over` the track's clock is another.
    pub(crate) fn time(&mut self, starts_over: bool, timestamp: u32, arrival: u64) -> u64 {
        let arrival = i64::try_from(arrival).unwrap_or(i64::MAX);
        let told = self.anchor.as_mut().filter(|_| !starts_over).map(|anchor| {
            anchor.ticks += i64::from(timestamp.wrapping_sub(anchor.timestamp) as i32);
            anchor.timestamp = timestamp;
            anchor.at + anchor.ticks * 1_000 / self.ticks_per_second
        });
        let time = told.filter(|told| told.abs_diff(arrival) <= MOST_APART).unwrap_or_else(|| {
            self.anchor = Some(Anchor { at: arrival, ticks: 0, timestamp });
            arrival
        });
        let earliest = self.last.map_or(0, |last| last + 1);
        let time = u64::try_from(time).unwrap_or(0).max(earliest);
        self.last = Some(time);
        time
    }
}

/// A track's clock that is further from the arrivals than so many milliseconds has jumped, or ran
/// at another speed for hours. Lowered, late packets move the sound; raised, sound and picture of
/// a person may be that much apart.
const MOST_APART: u64 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_keep_the_distances_of_their_own_clock() {
        let mut clock = Clock::new(48_000);
        // Arrivals jitter, the clock does not; it wraps around on the way.
        let first = u32::MAX - 1_000;
        for frame in 0..500_u32 {
            let arrival = 7_000 + u64::from(frame) * 20 + u64::from(frame % 3) * 30;
            let time = clock.time(frame == 0, first.wrapping_add(frame * 960), arrival);
            assert_eq!(time, 7_000 + u64::from(frame) * 20);
        }
    }

    #[test]
    fn a_pause_is_a_jump() {
        let mut clock = Clock::new(90_000);
        assert_eq!(clock.time(true, 500, 100), 100);
        assert_eq!(clock.time(false, 500 + 90_000 * 60, 60_110), 60_100, "its clock went on");
        assert_eq!(clock.time(false, 500 + 90_000 * 61, 90_000), 90_000, "its clock stood still");
        assert_eq!(clock.time(true, 12, 90_500), 90_500, "another layer");
    }

    #[test]
    fn time_never_goes_back_or_stands_still() {
        let mut clock = Clock::new(90_000);
        assert_eq!(clock.time(true, 9_000, 100), 100);
        assert_eq!(clock.time(false, 9_000, 101), 101);
        assert_eq!(clock.time(true, 0, 90), 102);
        assert_eq!(clock.time(false, u32::MAX, 90), 103);
    }

    #[test]
    fn hours_round_nothing_away() {
        let mut clock = Clock::new(90_000);
        let mut time = 0;
        // 30 frames a second are 33.3 ms each.
        for frame in 0..30_u64 * 3_600 * 10 {
            let arrival = frame * 1_000 / 30;
            time = clock.time(frame == 0, (frame * 3_000) as u32, arrival);
            assert!(time.abs_diff(arrival) <= 1);
        }
        assert!(time > 35_999_000);
    }
}
