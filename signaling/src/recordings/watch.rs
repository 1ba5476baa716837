//! [`Watch`]: whether the clock can be trusted to say that something has reached its end.

use std::time::{Duration, Instant};

/// Compares the wall clock with one that only runs. After a leap nothing is deleted until an hour
/// has run: time for somebody to set the clock right.
#[derive(Debug)]
pub(crate) struct Watch {
    last_wall: u64,
    last_run: Instant,
    held_until: Option<Instant>,
}

/// What a look at the clock gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The clock has run as clocks do.
    Trusted,
    /// It has just leapt.
    Leapt,
    /// It leapt less than an hour ago.
    Held,
}

impl Watch {
    /// At the start of the server. `last_seen` is the latest trusted time of the run before, in
    /// seconds since 1970.
    pub(crate) fn start(wall: u64, run: Instant, last_seen: Option<u64>) -> (Self, Verdict) {
        let has_leapt = last_seen.is_some_and(|seen| wall > seen.saturating_add(LONGEST_REST));
        let held_until = has_leapt.then(|| run + HOLD);
        let verdict = if has_leapt { Verdict::Leapt } else { Verdict::Trusted };
        (Self { last_wall: wall, last_run: run, held_until }, verdict)
    }

    /// At every look.
    pub(crate) fn look(&mut self, wall: u64, run: Instant) -> Verdict {
        let ran = run.saturating_duration_since(self.last_run).as_secs();
        let should_be = self.last_wall.saturating_add(ran);
        (self.last_wall, self.last_run) = (wall, run);
        if wall.abs_diff(should_be) > LEAP {
            self.held_until = Some(run + HOLD);
            return Verdict::Leapt;
        }
        if self.held_until.is_some_and(|until| run < until) {
            return Verdict::Held;
        }
        self.held_until = None;
        Verdict::Trusted
    }
}

/// Seconds by which the two clocks may part between two looks. Less, and a machine that slept for a
/// moment holds deletion back; more, and a wrong clock deletes a little early.
const LEAP: u64 = 3600;
/// Seconds for which a server may have been switched off without its clock being doubted.
const LONGEST_REST: u64 = 7 * 24 * 3600;
/// How long deletion waits after a leap.
const HOLD: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const YEAR: u64 = 365 * 24 * 3600;

    #[test]
    fn r23_after_a_leap_of_the_clock_deletion_waits_an_hour_of_running() {
        let start = Instant::now();
        let (mut watch, verdict) = Watch::start(1_000_000, start, None);
        assert_eq!(verdict, Verdict::Trusted);
        let mut wall = 1_000_000;
        let mut look = |minute: u32, leap: i64| {
            wall = 1_000_000 + u64::from(minute) * 60;
            watch.look(wall.saturating_add_signed(leap), start + minute * MINUTE)
        };
        assert_eq!(look(1, 0), Verdict::Trusted);
        assert_eq!(look(2, 3600), Verdict::Trusted, "an hour of summer time");
        assert_eq!(look(3, 0), Verdict::Trusted);
        let year = YEAR.cast_signed();
        assert_eq!(look(4, year), Verdict::Leapt);
        assert_eq!(look(63, year), Verdict::Held);
        assert_eq!(look(64, year), Verdict::Trusted, "an hour has run: it is taken at its word");
        assert_eq!(look(65, 0), Verdict::Leapt, "and back");
        assert_eq!(look(70, year), Verdict::Leapt, "each leap anew");
        assert_eq!(look(129, year), Verdict::Held);
        assert_eq!(look(130, year), Verdict::Trusted);
    }

    #[test]
    fn r23_a_start_long_after_the_last_run_waits_as_well() {
        let start = Instant::now();
        for (rest, verdict) in
            [(0, Verdict::Trusted), (LONGEST_REST, Verdict::Trusted), (YEAR, Verdict::Leapt)]
        {
            let (mut watch, is) = Watch::start(1_000_000 + rest, start, Some(1_000_000));
            assert_eq!(is, verdict, "{rest}");
            let soon = watch.look(1_000_060 + rest, start + MINUTE);
            assert_eq!(soon == Verdict::Trusted, verdict == Verdict::Trusted);
            assert_eq!(watch.look(1_003_600 + rest, start + HOLD), Verdict::Trusted);
        }
        let (_, back) = Watch::start(10, start, Some(1_000_000));
        assert_eq!(back, Verdict::Trusted, "an earlier time deletes nothing too soon");
    }
}
