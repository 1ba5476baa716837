//! The same scenarios against several servers, in turns, and what the runs of each come to.

use std::fmt::Write;

use serde::Serialize;

use crate::report::Report;

/// Figures of several runs of one scenario against one server.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) scenario: String,
    pub(crate) target: String,
    /// How many runs that were not void.
    #[serde(skip)]
    pub(crate) runs: usize,
    pub(crate) cpu_us_per_packet: Spread,
    pub(crate) delay_p50_ms: Spread,
    pub(crate) delay_p99_ms: Spread,
    pub(crate) loss: Spread,
    pub(crate) rss_mib: Spread,
    pub(crate) join_p95_ms: Spread,
    pub(crate) plis_per_join: Spread,
}

/// The middle of several values, and how far they lie apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        let (lower, upper) = (at(values.len().saturating_sub(1) / 2), at(values.len() / 2));
        Self {
            median: (lower + upper) / 2.0,
            min: at(0),
            max: values.last().copied().unwrap_or(f64::NAN),
        }
    }
}

impl Row {
    /// What these runs come to. The delay is that of the media most packets were of, as far as
    /// the server hands send times on.
    pub(crate) fn of(reports: &[Report]) -> Option<Self> {
        let first = reports.first()?;
        let spread = |value: fn(&Report) -> Option<f64>| {
            Spread::of(reports.iter().filter_map(value).collect())
        };
        Some(Self {
            scenario: first.scenario.clone(),
            target: first.target.clone(),
            runs: reports.len(),
            cpu_us_per_packet: spread(|r| r.server.as_ref().map(|s| s.cpu_us_per_packet)),
            delay_p50_ms: spread(|r| main_media(r)?.delay_p50_ms),
            delay_p99_ms: spread(|r| main_media(r)?.delay_p99_ms),
            loss: spread(|r| Some(r.loss_percent() / 100.0)),
            rss_mib: spread(|r| r.server.as_ref().map(|s| s.rss_mib)),
            join_p95_ms: spread(|r| r.step_p95_ms("first packet")),
            plis_per_join: spread(|r| Some(r.key_frames.asked_per_join)),
        })
    }
}

fn main_media(report: &Report) -> Option<&crate::report::Media> {
    let media = [report.picture.as_ref(), report.sound.as_ref()];
    let timed = media.into_iter().flatten().filter(|media| media.delay_p50_ms.is_some());
    timed.max_by_key(|media| media.packets)
}

/// Whether a run says nothing of what a packet costs, and is repeated: it is not complete, somebody
/// could not take part, or too much was lost.
pub(crate) fn is_void(report: &Report) -> bool {
    report.incomplete.is_some()
        || !report.failures.is_empty()
        || report.loss_percent() > VOID_LOSS_PERCENT
}

/// Most that may be lost in a run that counts.
const VOID_LOSS_PERCENT: f64 = 0.1;

/// The table for people, servers of one scenario beside each other.
pub(crate) fn markdown(rows: &[Row], how: &str) -> String {
    let mut out = format!(
        "# Servers side by side\n\nMedian of the runs (smallest to largest). {how}\n\n\
         | scenario | server | runs | µs a packet | delay p50 ms | delay p99 ms | loss % | MiB | \
         join p95 ms | key frames a join |\n|---|---|---|---|---|---|---|---|---|---|\n"
    );
    for row in rows {
        let cells = [
            (row.cpu_us_per_packet, 1.0, 2),
            (row.delay_p50_ms, 1.0, 2),
            (row.delay_p99_ms, 1.0, 2),
            (row.loss, 100.0, 3),
            (row.rss_mib, 1.0, 1),
            (row.join_p95_ms, 1.0, 1),
            (row.plis_per_join, 1.0, 2),
        ];
        let _ = write!(out, "| {} | {} | {} |", row.scenario, row.target, row.runs);
        for (spread, scale, digits) in cells {
            let [median, min, max] =
                [spread.median, spread.min, spread.max].map(|value| value * scale);
            let _ = if median.is_nan() {
                write!(out, " not known |")
            } else {
                write!(out, " {median:.digits$} ({min:.digits$}–{max:.digits$}) |")
            };
        }
        out.push('\n');
    }
    for pair in rows.chunk_by(|one, other| one.scenario == other.scenario) {
        if let [first, second] = pair {
            let ratio = second.cpu_us_per_packet.median / first.cpu_us_per_packet.median;
            let _ = write!(
                out,
                "\n{}: a packet costs {} {ratio:.1} times what it costs {}.\n",
                first.scenario, second.target, first.target
            );
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn a_run_in_which_somebody_failed_is_void() {
        let mut report = Report::empty(&Scenario::named("smoke").unwrap());
        assert!(!is_void(&report));
        report.failures.push("the server refused to let a participant in: full".to_owned());
        assert!(is_void(&report));
    }

    #[test]
    fn the_median_lies_in_the_middle() {
        assert_eq!(Spread::of(vec![3.0, 1.0, 2.0]), Spread { median: 2.0, min: 1.0, max: 3.0 });
        assert_eq!(Spread::of(vec![4.0, 1.0]).median, 2.5);
    }

    #[test]
    fn a_row_has_the_agreed_keys_and_the_table_one_line_for_each() {
        let report = Report::empty(&Scenario::named("smoke").unwrap());
        let row = Row::of(&[report]).unwrap();
        let value = serde_json::to_value(&row).unwrap();
        let keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        let mut agreed = [
            "scenario",
            "target",
            "cpu_us_per_packet",
            "delay_p50_ms",
            "delay_p99_ms",
            "loss",
            "rss_mib",
            "join_p95_ms",
            "plis_per_join",
        ];
        agreed.sort_unstable();
        let mut keys = keys;
        keys.sort_unstable();
        assert_eq!(keys, agreed);
        let table = markdown(&[row.clone(), Row { target: "other".into(), ..row }], "");
        assert_eq!(table.lines().filter(|line| line.starts_with("| smoke")).count(), 2);
    }
}
