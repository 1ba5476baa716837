//! The report for whatever shows test results: one suite, one case for each limit.

use std::fmt::Write;

use super::Report;

/// The report in the format of JUnit.
pub(crate) fn render(report: &Report) -> String {
    let broken = report.limits.iter().filter(|verdict| !verdict.holds).count();
    let faults = usize::from(report.incomplete.is_some() || !report.failures.is_empty());
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let name = escape(&format!("loadtest {} {}", report.scenario, report.target));
    let _ = writeln!(
        out,
        "<testsuite name=\"{name}\" tests=\"{}\" failures=\"{broken}\" errors=\"{faults}\" \
         time=\"{:.1}\">",
        report.limits.len() + 1,
        report.seconds
    );
    for verdict in &report.limits {
        let _ = write!(out, "  <testcase classname=\"{name}\" name=\"{}\"", verdict.name);
        if verdict.holds {
            out.push_str("/>\n");
        } else {
            let _ = writeln!(
                out,
                "><failure message=\"{}, allowed {}\"/></testcase>",
                verdict.said(),
                verdict.limit
            );
        }
    }
    let _ = write!(out, "  <testcase classname=\"{name}\" name=\"complete\"");
    let fault = report.incomplete.as_ref().or(report.failures.first());
    match fault {
        None => out.push_str("/>\n"),
        Some(why) => {
            let _ = writeln!(out, "><error message=\"{}\"/></testcase>", escape(why));
        }
    }
    out.push_str("</testsuite>\n");
    out
}

/// Text that may stand in an attribute or between tags.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            control if control.is_control() => out.push(' '),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn broken_limits_and_faults_are_counted_and_text_is_escaped() {
        let mut report = Report::empty(&Scenario::named("smoke").unwrap());
        report.limits =
            vec![Verdict { name: "loss_percent", limit: 0.1, measured: Some(2.0), holds: false }];
        report.incomplete = Some("it said \"<no>\"".to_owned());
        let text = render(&report);
        assert!(text.contains("tests=\"2\" failures=\"1\" errors=\"1\""), "{text}");
        assert!(text.contains("<failure message=\"2.000, allowed 0.1\"/>"), "{text}");
        assert!(text.contains("<error message=\"it said &quot;&lt;no&gt;&quot;\"/>"), "{text}");
    }
}
