//! The report for programs.

use super::Report;

/// The whole report as one JSON object.
pub(crate) fn render(report: &Report) -> String {
    serde_json::to_string_pretty(report).expect("a report is plain data") + "\n"
}
