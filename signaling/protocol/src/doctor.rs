//! What `preau doctor` finds, on the command line and on the administrator's page.

use serde::{Deserialize, Serialize};

/// Answer to `GET /api/doctor`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DoctorReport {
    /// In the order in which they are mended best.
    pub findings: Vec<DoctorFinding>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DoctorFinding {
    /// What it is about, in one word that does not change with the language.
    pub check: String,
    /// How it is.
    pub level: DoctorLevel,
    /// One sentence.
    pub text: String,
    /// One line that mends it; `null` when all is well.
    pub cure: Option<String>,
}

/// How something is, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum DoctorLevel {
    /// Well.
    Ok,
    /// It works, but not for everybody or not for long.
    Warn,
    /// It does not work.
    Fail,
}
