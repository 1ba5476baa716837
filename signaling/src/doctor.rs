//! What an administrator wants to know before anybody complains: looks at the configuration and at the
//! machine, and says what is well, what is doubtful, what is wrong, and one line that mends it.
//!
//! `facts` looks, `judge` decides without looking, `words` says it in French or English.

use protocol::{DoctorFinding, DoctorLevel, Language};

use self::facts::Facts;
pub(crate) use self::page::report;
use crate::config::{Config, ConfigError, Warning};

mod certificate;
mod facts;
mod judge;
mod page;
#[cfg(test)]
mod tests;
mod words;

/// What was looked at, and what came of it. Pure data; [`words`] gives it sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What it is about, as `--json` and tests name it.
    check: &'static str,
    level: DoctorLevel,
    /// Key of its sentence.
    says: &'static str,
    /// What stands in the places of the sentence and of its cure.
    values: Vec<(&'static str, String)>,
}

/// Looks at everything. With a configuration that is none, that is all there is to say.
pub(crate) async fn look(config: Result<&Config, &ConfigError>) -> Vec<Finding> {
    match config {
        Ok(config) => judge::all(config, &Facts::gather(config).await),
        Err(error) => vec![judge::unusable(error)],
    }
}

/// Findings as people read them.
pub(crate) fn told(findings: &[Finding], language: Language) -> Vec<DoctorFinding> {
    findings.iter().map(|finding| words::told(finding, language)).collect()
}

/// A warning of the configuration and its cure, as the log of the start says them.
pub(crate) fn in_log(warning: &Warning) -> String {
    let DoctorFinding { text, cure, .. } = words::told(&judge::warning(warning), Language::En);
    [text, cure.unwrap_or_default()].join(" ")
}
