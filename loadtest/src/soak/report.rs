//! The report: one page with plots, and its end for the terminal.

use std::fmt::Write;

use super::{SAMPLE_EVERY, Sample, Soaked, Verdict};
use crate::report::html::page;
use crate::report::html::plot::{Line, lines};
use crate::report::junit::escape;

/// What has to hold, for the terminal.
pub(super) fn text(soaked: &Soaked, verdicts: &[Verdict]) -> String {
    let mut out = format!(
        "{} classes, {} visits, {} returns, {} packets\nbefore: {}\n",
        soaked.classes,
        soaked.visits,
        soaked.returns,
        soaked.total.packets_received(),
        soaked.before.text()
    );
    for verdict in verdicts {
        let word = if verdict.holds { "ok" } else { "failed" };
        let _ = writeln!(out, "{word}: {}: {}", verdict.what, verdict.measured);
    }
    for failure in &soaked.failures {
        let _ = writeln!(out, "failed: {failure}");
    }
    let failed = verdicts.iter().filter(|verdict| !verdict.holds).count();
    let _ = writeln!(out, "{} passed, {failed} failed", verdicts.len() - failed);
    out
}

/// The page.
pub(super) fn html(soaked: &Soaked, verdicts: &[Verdict], seed: u64) -> String {
    page("Soak", |out| {
        let is_good = verdicts.iter().all(|verdict| verdict.holds);
        let (class, word) =
            if is_good { ("good", "nothing grows") } else { ("bad", "something does not hold") };
        let minutes = soaked.samples.len() as f64 * SAMPLE_EVERY.as_secs_f64() / 60.0;
        let _ = writeln!(
            out,
            "<header><h1>Soak of {minutes:.0} minutes</h1><p class=\"verdict {class}\">{word}</p>\
             <p>{} classes, {} visits, {} returns, {} packets of media, seed {seed}</p></header>",
            soaked.classes,
            soaked.visits,
            soaked.returns,
            soaked.total.packets_received()
        );
        out.push_str("<table><tr><th>what<th>measured</tr>");
        for verdict in verdicts {
            let (class, word) = if verdict.holds { ("good", "✓") } else { ("bad", "✗") };
            let _ = write!(
                out,
                "<tr><td><span class=\"{class}\">{word}</span> {}<td>{}</tr>",
                verdict.what,
                escape(&verdict.measured)
            );
        }
        out.push_str("</table>\n");
        let failures = soaked.failures.iter();
        let failures: String =
            failures.map(|failure| format!("<li>{}</li>", escape(failure))).collect();
        if !failures.is_empty() {
            let _ = writeln!(out, "<ul class=\"notes\">{failures}</ul>");
        }
        plots(out, &soaked.samples);
    })
}

fn plots(out: &mut String, samples: &[Sample]) {
    let steps = format!("steps of {} s", SAMPLE_EVERY.as_secs());
    let line = |name, class, of: &dyn Fn(&Sample) -> Option<f64>| Line {
        name,
        class,
        values: samples.iter().map(of).collect(),
    };
    let object = |at: usize| move |sample: &Sample| Some(sample.holdings.objects[at] as f64);
    let (participants, transports) = (object(0), object(3));
    let plots = [
        ("Memory", "MiB", vec![line("memory", "a", &|it| Some(it.holdings.resident_mib))]),
        (
            "Descriptors and threads",
            "open",
            vec![
                line("descriptors", "a", &|it| Some(it.holdings.descriptors as f64)),
                line("threads", "b", &|it| Some(it.holdings.threads as f64)),
            ],
        ),
        (
            "People and their connections",
            "there",
            vec![
                line("participants", "a", &participants),
                line("media connections", "b", &transports),
            ],
        ),
        ("Losses", "%", vec![line("lost", "a", &|it| Some(it.loss_percent))]),
        ("Delay", "ms", vec![line("p99", "a", &|it| it.delay_p99_ms)]),
    ];
    for (title, unit, values) in plots {
        let _ = writeln!(out, "<h2>{title}</h2>");
        out.push_str(&lines(&steps, unit, &values));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaks::Holdings;
    use crate::measure::Measured;

    #[test]
    fn the_page_has_a_plot_for_everything_that_may_grow_and_says_what_does() {
        let holdings =
            Holdings { objects: [0; 5], threads: 9, descriptors: 20, resident_mib: 15.0 };
        let sample =
            Sample { holdings: holdings.clone(), loss_percent: 0.0, delay_p99_ms: Some(2.0) };
        let mut soaked = Soaked {
            samples: vec![sample; 100],
            before: holdings.clone(),
            after: holdings,
            total: Measured::default(),
            classes: 1,
            visits: 9,
            returns: 2,
            failures: Vec::new(),
        };
        let good = soaked.verdicts();
        assert!(good.iter().all(|verdict| verdict.holds));
        let page = html(&soaked, &good, 1);
        assert_eq!(page.matches("<svg").count(), 5);
        assert!(page.contains("nothing grows") && !page.contains("NaN"));
        soaked.after.descriptors += 1;
        for (at, sample) in soaked.samples.iter_mut().enumerate() {
            sample.holdings.resident_mib += at as f64;
        }
        let bad = soaked.verdicts();
        assert_eq!(bad.iter().filter(|verdict| !verdict.holds).count(), 2);
        assert!(html(&soaked, &bad, 1).contains("something does not hold"));
        assert!(text(&soaked, &bad).ends_with("3 passed, 2 failed\n"));
    }
}
