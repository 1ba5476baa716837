//! How much a server bears: the load is raised step by step until a limit breaks, then the step
//! between the last good and the first bad one is halved a few times.

use std::collections::BTreeSet;
use std::fmt::Display;

use crate::report::Report;
use crate::scenario::{Knee, Scenario};

/// What came of raising the load.
#[derive(Debug)]
pub(crate) struct Found {
    /// Rooms and report of the highest load at which every limit held.
    pub(crate) good: Option<(u32, Report)>,
    /// The lowest at which one did not; `None` when the scenario's most was still good.
    pub(crate) bad: Option<(u32, Report)>,
    /// Why the search ended before it had found both, if it did.
    pub(crate) ended: Option<String>,
}

impl Found {
    /// The report of the best step; it says when the search is not complete.
    pub(crate) fn report(&self) -> Option<Report> {
        let (_, report) = self.good.as_ref().or(self.bad.as_ref())?;
        Some(Report {
            incomplete: self.ended.clone().or(report.incomplete.clone()),
            ..report.clone()
        })
    }
}

/// Raises the load; `play` plays a scenario once. When that fails after the first step, what was
/// found until then is kept.
pub(crate) fn find<E: Display>(
    scenario: &Scenario,
    knee: Knee,
    mut play: impl FnMut(&Scenario) -> Result<Report, E>,
) -> Result<Found, E> {
    let mut found = Found { good: None, bad: None, ended: None };
    let mut rooms = knee.start;
    let mut halvings = 0;
    loop {
        let step = Scenario { rooms, ..scenario.clone() };
        let report = match play(&step) {
            Ok(report) => report,
            Err(error) if found.good.is_none() && found.bad.is_none() => return Err(error),
            Err(error) => {
                found.ended =
                    Some(format!("the search ended when it tried {rooms} rooms: {error}"));
                return Ok(found);
            }
        };
        if report.is_good() {
            found.good = Some((rooms, report));
        } else {
            found.bad = Some((rooms, report));
        }
        let good = found.good.as_ref().map_or(0, |(rooms, _)| *rooms);
        let next = match &found.bad {
            None if good >= knee.most => return Ok(found),
            None => ((f64::from(rooms) * knee.growth).ceil() as u32).min(knee.most),
            Some((bad, _)) => {
                halvings += 1;
                good + (bad - good) / 2
            }
        };
        if next == good
            || found.bad.as_ref().is_some_and(|(bad, _)| next == *bad)
            || halvings > HALVINGS
        {
            return Ok(found);
        }
        rooms = next;
    }
}

/// Lowered, the knee is found less exactly; raised, finding it takes longer.
const HALVINGS: u32 = 2;

/// The share of the last good load that is recommended: classes differ, and so do machines on
/// different days.
const MARGIN: f64 = 0.7;

/// Said when the limit that was met may be the generator's.
const BUSY: &str = " But the test itself was late there, so the server may hold more: give both \
    cores of their own (--server-cores, --cores), or run it when nothing else runs.";

/// How many cores a list such as `0-2,5` names; `None` when it is no such list.
pub(crate) fn count_cores(list: &str) -> Option<usize> {
    let mut cores = BTreeSet::new();
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u16, u16) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        cores.extend(first..=last);
    }
    Some(cores.len())
}

/// What an administrator wants to know, in words, with the line for the documentation.
pub(crate) fn sizing(found: &Found, cores: &str) -> String {
    let is_unsure = found.bad.as_ref().is_some_and(|(_, report)| report.blames_generator());
    let doubt = if is_unsure { BUSY } else { "" };
    let Some((rooms, report)) = &found.good else {
        return format!(
            "Not even one class of 30 fits within the limits on this machine.{doubt}\n"
        );
    };
    let advised = ((f64::from(*rooms) * MARGIN).floor() as u32).max(1);
    let broken = match &found.bad {
        Some((bad, report)) => {
            let names: Vec<&str> =
                report.limits.iter().filter(|v| !v.holds).map(|v| v.name).collect();
            let names =
                if names.is_empty() { "not everybody got in".to_owned() } else { names.join(", ") };
            format!("At {bad} it no longer kept its limits ({names}).{doubt}")
        }
        None => match &found.ended {
            Some(why) => format!("It may hold more: {why}."),
            None => "More was not tried.".to_owned(),
        },
    };
    let (cpu, memory) = report.server.as_ref().map_or(("?".to_owned(), "?".to_owned()), |server| {
        (format!("{:.0}", server.cpu_percent), format!("{:.0}", server.rss_mib))
    });
    format!(
        "This machine held {rooms} classes of 30 at once, with {:.0} packets and {:.0} Mbit a second \
         to participants. {broken}\n\
         Plan for {advised} (70 % of it).\n\n\
         | cores | classes of 30 held | planned | Mbit/s out | server % of a core | MiB |\n\
         | {cores} | {rooms} | {advised} | {:.0} | {cpu} | {memory} |\n",
        report.packets_per_second, report.mbit_received, report.mbit_received
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Verdict;

    fn scenario() -> Scenario {
        Scenario::named("knee").unwrap()
    }

    /// Finds the knee of a server that bears so many rooms; gives it and the rooms tried.
    fn search(bears: u32) -> (Option<u32>, Vec<u32>) {
        let knee = Knee { start: 2, most: 40, growth: 1.5 };
        let mut tried = Vec::new();
        let found = find(&scenario(), knee, |step| {
            tried.push(step.rooms);
            let mut report = Report::empty(step);
            report.incomplete = (step.rooms > bears).then(|| "too much".to_owned());
            Ok::<_, String>(report)
        });
        (found.unwrap().good.map(|(rooms, _)| rooms), tried)
    }

    #[test]
    fn the_last_good_load_is_found_between_two_steps() {
        assert_eq!(search(11), (Some(11), vec![2, 3, 5, 8, 12, 10, 11]));
        assert_eq!(search(1), (Some(1), vec![2, 1]));
        assert_eq!(search(0), (None, vec![2, 1]));
        assert_eq!(search(99).0, Some(40));
    }

    #[test]
    fn a_server_that_dies_after_the_first_step_leaves_what_was_found() {
        let knee = Knee { start: 2, most: 40, growth: 1.5 };
        let dies_at = |rooms: u32| {
            find(&scenario(), knee, |step| match step.rooms {
                tried if tried >= rooms => Err("the server went away".to_owned()),
                _ => Ok(Report::empty(step)),
            })
        };
        assert!(dies_at(2).is_err(), "nothing was found");
        let found = dies_at(5).unwrap();
        let why = "the search ended when it tried 5 rooms: the server went away";
        assert_eq!(found.good.as_ref().map(|(rooms, _)| *rooms), Some(3));
        let report = found.report().unwrap();
        assert_eq!((report.rooms, report.incomplete.as_deref()), (3, Some(why)));
        let text = sizing(&found, "2");
        assert!(text.contains("held 3 classes") && text.contains(why), "{text}");
    }

    #[test]
    fn cores_are_counted_and_not_listed() {
        for (list, count) in [("0", 1), ("0-2", 3), ("1,3", 2), ("0-1,1-3, 7", 5)] {
            assert_eq!(count_cores(list), Some(count), "{list}");
        }
        assert_eq!(count_cores("all"), None);
    }

    #[test]
    fn the_answer_names_the_advised_number() {
        let good = Some((10, Report::empty(&scenario())));
        let text = sizing(&Found { good, bad: None, ended: None }, "2");
        assert!(text.contains("held 10 classes") && text.contains("Plan for 7"), "{text}");
        let none = sizing(&Found { good: None, bad: None, ended: None }, "2");
        assert!(none.starts_with("Not even one") && !none.contains("late"));
    }

    #[test]
    fn a_generator_that_was_late_itself_is_not_taken_for_the_server() {
        let verdict = |name| Verdict { name, limit: 20.0, measured: Some(90.0), holds: false };
        let mut report = Report::empty(&scenario());
        report.limits = vec![verdict("sound_p99_ms")];
        assert!(!report.blames_generator(), "it was in time");
        report.generator.lag_p99_ms = 19.0;
        assert!(report.blames_generator());
        let bad = Some((1, report.clone()));
        let told = sizing(&Found { good: None, bad, ended: None }, "2");
        assert!(told.contains("the test itself was late"), "{told}");
        report.limits.push(verdict("loss_percent"));
        assert!(!report.blames_generator(), "losses are not the generator's");
    }
}
