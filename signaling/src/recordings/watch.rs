//! [`Watch`]: the time by which recordings are kept. It is that of the wall clock for as long as that
//! runs as clocks do. A leap is not followed: a recording goes when the days it was promised have passed
//! as this server counts them, neither sooner nor later, whatever the machine's clock says meanwhile.

use std::time::{Duration, Instant};

/// Counts with a clock that only runs, and compares the wall clock with it.
#[derive(Debug)]
pub(crate) struct Watch {
    /// At the last look.
    times: Times,
    run: Instant,
    /// Seconds for which the server seems to have been off, too many to be believed at once, and when
    /// they are.
    rest: Option<(u64, Instant)>,
    is_apart: bool,
}

/// One moment, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    /// As the server counts.
    pub(crate) own: u64,
    /// As the machine's clock says.
    pub(crate) wall: u64,
}

/// What a look at the clock gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Both say the same.
    InStep,
    /// They have just parted.
    Parted,
    /// They parted earlier.
    Apart,
}

impl Watch {
    /// At the start of the server. `seen` is the latest moment of the run before.
    pub(crate) fn start(wall: u64, run: Instant, seen: Option<Times>) -> (Self, Verdict) {
        let seen = seen.unwrap_or(Times { own: wall, wall });
        let own = seen.own;
        let mut watch = Self { times: Times { own, wall }, run, rest: None, is_apart: false };
        // A clock that went back tells nothing of how long it was.
        watch.rest(wall.saturating_sub(seen.wall));
        let verdict = watch.settle();
        (watch, verdict)
    }

    /// At every look.
    pub(crate) fn look(&mut self, wall: u64, run: Instant) -> Verdict {
        let ran = run.saturating_duration_since(self.run).as_secs();
        // Parts of a second are counted at a later look.
        self.run += Duration::from_secs(ran);
        let expected = self.times.wall.saturating_add(ran);
        self.times = Times { own: self.times.own.saturating_add(ran), wall };
        match self.rest.take() {
            Some((rest, _)) if wall.abs_diff(expected) > LEAP => {
                // Somebody has set the clock: how long the server was off may be plain now.
                let rest = wall.saturating_add(rest).saturating_sub(expected);
                self.rest(rest);
            }
            Some((rest, at)) if run >= at => self.times.own = self.times.own.saturating_add(rest),
            rest => self.rest = rest,
        }
        self.settle()
    }

    /// The moment of the last look.
    pub(crate) fn times(&self) -> Times {
        self.times
    }

    /// Whether the wall clock is not followed.
    pub(crate) fn is_apart(&self) -> bool {
        self.is_apart
    }

    /// A moment after the last look.
    pub(crate) fn at(&self, wall: u64, run: Instant) -> Times {
        let ran = run.saturating_duration_since(self.run).as_secs();
        let own = self.times.own.saturating_add(ran);
        let is_in_step = !self.is_apart && wall.abs_diff(own) <= LEAP;
        Times { own: if is_in_step { wall } else { own }, wall }
    }

    fn rest(&mut self, seconds: u64) {
        if seconds > LONGEST_REST {
            self.rest = Some((seconds, self.run + DOUBT));
        } else {
            self.times.own = self.times.own.saturating_add(seconds);
        }
    }

    fn settle(&mut self) -> Verdict {
        let was_apart = self.is_apart;
        self.is_apart = self.times.wall.abs_diff(self.times.own) > LEAP;
        if !self.is_apart {
            self.times.own = self.times.wall;
        }
        match (was_apart, self.is_apart) {
            (_, false) => Verdict::InStep,
            (false, true) => Verdict::Parted,
            (true, true) => Verdict::Apart,
        }
    }
}

/// Seconds by which the two may differ. Less, and a clock that is set right by some minutes counts as one
/// that leaps; more, and a wrong clock deletes a little early.
const LEAP: u64 = 3600;
/// Seconds for which a server may have been off without its clock being doubted.
const LONGEST_REST: u64 = 7 * 24 * 3600;
/// How long nothing more is deleted after a longer rest: time for somebody to set the clock right.
const DOUBT: Duration = Duration::from_secs(24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const HOUR: u64 = 3600;
    const DAY: u64 = 24 * HOUR;
    const YEAR: u64 = 365 * DAY;
    const BEGIN: u64 = 100 * YEAR;

    /// Looks once a minute for so long, with a wall clock that is off by so much; gives the last
    /// verdict.
    fn pass(watch: &mut Watch, start: Instant, from: u64, until: u64, off: i64) -> Verdict {
        let looks = (from + 60..=until).step_by(60).map(|at| {
            watch.look((BEGIN + at).saturating_add_signed(off), start + Duration::from_secs(at))
        });
        looks.last().expect("a minute at least")
    }

    #[test]
    fn r23_a_clock_that_runs_is_followed_to_the_second() {
        let start = Instant::now();
        let (mut watch, verdict) = Watch::start(BEGIN, start, None);
        assert_eq!(verdict, Verdict::InStep);
        for (minute, off) in [(1, 0), (2, 40), (3, -3000), (4, 0)] {
            let wall = (BEGIN + 60 * minute).saturating_add_signed(off);
            let verdict = watch.look(wall, start + minute as u32 * MINUTE);
            assert_eq!((verdict, watch.times().own), (Verdict::InStep, wall));
        }
    }

    #[test]
    fn r23_days_are_counted_whatever_the_clock_says() {
        for off in [YEAR.cast_signed(), -YEAR.cast_signed(), 2 * HOUR.cast_signed()] {
            let start = Instant::now();
            let (mut watch, _) = Watch::start(BEGIN, start, None);
            assert_eq!(pass(&mut watch, start, 0, HOUR, 0), Verdict::InStep);
            assert_eq!(pass(&mut watch, start, HOUR, HOUR + 60, off), Verdict::Parted);
            assert_eq!(pass(&mut watch, start, HOUR + 60, 40 * DAY, off), Verdict::Apart);
            assert_eq!(watch.times().own, BEGIN + 40 * DAY, "by the day and the second");
            // Switched off for an hour with the clock still wrong.
            let again = start + Duration::from_secs(50 * DAY);
            let wall = (BEGIN + 40 * DAY + HOUR).saturating_add_signed(off);
            let (mut watch, verdict) = Watch::start(wall, again, Some(watch.times()));
            assert_eq!(verdict, Verdict::Parted, "said at each start");
            assert_eq!(watch.times().own, BEGIN + 40 * DAY + HOUR);
            // Set right at last.
            let verdict = watch.look(BEGIN + 40 * DAY + HOUR + 60, again + MINUTE);
            assert_eq!(verdict, Verdict::InStep);
            assert_eq!(watch.times().own, BEGIN + 40 * DAY + HOUR + 60);
        }
    }

    #[test]
    fn r23_a_rest_counts_and_a_very_long_one_after_a_day() {
        let seen = Some(Times { own: BEGIN, wall: BEGIN });
        let start = Instant::now();
        for rest in [0, 60, LONGEST_REST] {
            let (watch, verdict) = Watch::start(BEGIN + rest, start, seen);
            assert_eq!((verdict, watch.times().own), (Verdict::InStep, BEGIN + rest));
        }
        let (watch, verdict) = Watch::start(BEGIN - YEAR, start, seen);
        assert_eq!(
            (verdict, watch.times().own),
            (Verdict::Parted, BEGIN),
            "a clock that went back"
        );

        let (mut watch, verdict) = Watch::start(BEGIN + YEAR, start, seen);
        assert_eq!((verdict, watch.times().own), (Verdict::Parted, BEGIN));
        let off = YEAR.cast_signed();
        assert_eq!(pass(&mut watch, start, 0, DAY - 60, off), Verdict::Apart);
        assert_eq!(watch.times().own, BEGIN + DAY - 60);
        assert_eq!(pass(&mut watch, start, DAY - 60, DAY, off), Verdict::InStep);
        assert_eq!(watch.times().own, BEGIN + DAY + YEAR);

        // It was three days, and somebody sets the clock within the day.
        let (mut watch, _) = Watch::start(BEGIN + YEAR, start, seen);
        let three = (3 * DAY).cast_signed();
        assert_eq!(pass(&mut watch, start, 0, HOUR, off), Verdict::Apart);
        assert!(watch.is_apart());
        assert_eq!(pass(&mut watch, start, HOUR, 2 * HOUR, three), Verdict::InStep);
        assert!(!watch.is_apart());
        assert_eq!(watch.times().own, BEGIN + 3 * DAY + 2 * HOUR);
    }
}
