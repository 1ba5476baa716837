//! What follows when the rate of somebody's path changes: for how long a queue stands before it once it is
//! narrower, and when the full picture is back once it is wider. To the second, as the series is kept.

use serde::Serialize;

use super::ms;
use crate::clock::SECOND;
use crate::measure::Measured;
use crate::run::{Outcome, Second};
use crate::scenario::Scenario;

/// The longest of all changes, in seconds; infinite where it never came to that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Changes {
    /// From where a path became narrower until sound was no longer late.
    pub settled_s: Option<f64>,
    /// From where a path became wider until all pictures had the lines of the best ones.
    pub full_again_s: Option<f64>,
}

impl Changes {
    /// `None` when no path changed. The paths begin with the first packet, which is the first join's.
    pub(super) fn new(scenario: &Scenario, outcome: &Outcome) -> Option<Self> {
        let began = outcome.joins.iter().filter_map(|join| join.began).min()?;
        let before = outcome.measured_from.saturating_sub(began) as f64 / SECOND as f64;
        let seconds = &outcome.seconds[..];
        let full = seconds.iter().filter_map(|second| lines(&second.measured)).max();
        let mut changes = Self::default();
        for link in scenario.groups.iter().filter_map(|group| group.down.as_ref()) {
            for (at, step) in link.rates.windows(2).enumerate() {
                let ([(_, old), (when, new)], next) = (step, link.rates.get(at + 2)) else {
                    continue;
                };
                let end = next.map_or(seconds.len(), |(next, _)| whole(next - before));
                let when = when - before;
                let (first, end) = (whole(when), end.min(seconds.len()));
                let Some(during) = seconds.get(first..end) else { continue };
                let (longest, calm) = if new < old {
                    let late = during.iter().rposition(is_late).map_or(0, |late| late + 1);
                    (&mut changes.settled_s, (late < during.len()).then_some(late))
                } else {
                    let is_full = |second: &Second| lines(&second.measured) == full;
                    (&mut changes.full_again_s, during.iter().position(is_full))
                };
                let took =
                    calm.map_or(f64::INFINITY, |calm| ((first + calm) as f64 - when).max(0.0));
                *longest = Some(longest.unwrap_or(0.0).max(took));
            }
        }
        (changes != Self::default()).then_some(changes)
    }
}

/// Lines of the smallest picture of which a frame was shown.
pub(super) fn lines(measured: &Measured) -> Option<u16> {
    measured.heights.iter().find(|(_, frames)| frames.decoded > 0).map(|(height, _)| *height)
}

/// Whether a queue stands: sound is late, or none comes.
fn is_late(second: &Second) -> bool {
    ms(&second.measured.sound.delay, 0.99).is_none_or(|p99| p99 > QUEUE_MS)
}

fn whole(seconds: f64) -> usize {
    seconds.max(0.0) as usize
}

/// Sound that took longer waited in a queue: 100 ms of it, and 50 ms for the path and for chance.
const QUEUE_MS: f64 = 150.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Frames, Join};

    /// A run of `ratestep` that began two seconds before it was measured, with such seconds: delay of sound
    /// in milliseconds, and lines of the pictures.
    fn changes(seconds: impl Iterator<Item = (u64, u16)>) -> Option<Changes> {
        let second = |(delay_ms, height): (u64, u16)| {
            let mut measured = Measured::default();
            measured.sound.delay.record(delay_ms * 1_000);
            measured.heights.insert(height, Frames { decoded: 30, ..Frames::default() });
            Second { measured, server: None }
        };
        let join = Join { began: Some(7 * SECOND), ..Join::default() };
        let outcome = Outcome {
            joins: vec![join],
            measured_from: 9 * SECOND,
            seconds: seconds.map(second).collect(),
            ..Outcome::default()
        };
        Changes::new(&Scenario::named("ratestep").unwrap(), &outcome)
    }

    /// The path is narrow from second 13 to 28 of the measured time.
    #[test]
    fn a_queue_lasts_until_the_last_late_second_and_the_picture_is_full_with_the_smallest() {
        let run = |at: u64| match at {
            13 | 14 => (400, 540),
            16 => (180, 180),
            15 | 17..28 => (30, 180),
            28..32 => (21, 270),
            _ => (21, 540),
        };
        let seen = changes((0..45).map(run)).expect("a path changes");
        assert_eq!(seen, Changes { settled_s: Some(4.0), full_again_s: Some(4.0) });
    }

    #[test]
    fn what_never_came_is_infinite_and_what_did_not_suffer_took_no_time() {
        let never = changes((0..45).map(|at| if at < 13 { (21, 540) } else { (400, 180) }));
        let never = never.expect("a path changes");
        assert_eq!(never.settled_s, Some(f64::INFINITY));
        assert_eq!(never.full_again_s, Some(f64::INFINITY));
        let untouched = changes((0..45).map(|_| (21, 540))).expect("a path changes");
        assert_eq!(untouched, Changes { settled_s: Some(0.0), full_again_s: Some(0.0) });
        // Cut before the path changed: nothing is known, so no limit of it holds.
        assert_eq!(changes((0..5).map(|_| (21, 540))), None);
    }
}
