//! [`Facts`]: what the texts are filled from.

use serde::{Deserialize, Serialize};

use crate::config::{Config, Controller};

/// What of a running configuration people must be told.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Facts {
    /// Nobody answers for this server: it is only tried.
    trial: bool,
    controller: Option<Controller>,
    /// Some data leaves the EU and the EEA, on the basis that the controller gives.
    outside: bool,
    /// Where the service is reached.
    origin: Option<String>,
    room_days: u16,
    max_participants: u16,
    host_pass_required: bool,
    /// Days for which incident reports are kept; `None` where none can be made.
    incident_days: Option<u16>,
    recording: Option<Recording>,
    /// Days for which the journal of privileged actions is kept.
    journal_days: Option<u16>,
    version: &'static str,
    /// SHA-256 of the pages inside this program, in hexadecimal; empty where it was built without.
    pages: &'static str,
    audit: Audit,
}

/// What the browser tests found when they looked at every screen with axe.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Audit {
    views: u32,
    rules: u32,
    violations: u32,
    axe: String,
    browser: String,
    version: String,
    date: String,
}

/// How recordings are kept, where they can be made.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Recording {
    /// Longest retention.
    max_days: u16,
    /// Names of the establishment's own keys, to which every recording is sealed.
    recipients: Vec<String>,
}

impl Facts {
    /// The facts of a configuration; `origin` is where other devices reach the service.
    pub(crate) fn of(config: &Config, origin: Option<String>) -> Self {
        Self {
            trial: config.is_trial,
            controller: config.controller.clone(),
            outside: config.has_transfers,
            origin,
            room_days: config.room_days,
            max_participants: config.max_participants,
            host_pass_required: config.host_pass_required,
            incident_days: config.incident_recipient.as_ref().map(|_| config.incident_days),
            recording: config.recording.as_ref().map(|recording| Recording {
                max_days: recording.max_days,
                recipients: recording.recipients.iter().filter_map(|it| it.name.clone()).collect(),
            }),
            journal_days: Some(config.journal_days),
            version: env!("CARGO_PKG_VERSION"),
            pages: env!("PREAU_PAGES_SHA256"),
            audit: serde_json::from_str(AUDIT).expect("the results of the audit are in order"),
        }
    }
}

/// Left by `make test-browser` in tests/browser/screenshots, and copied here when screens change.
const AUDIT: &str = include_str!("accessibility.json");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audit_found_nothing_wrong_in_a_version_of_this_program() {
        let audit: Audit = serde_json::from_str(AUDIT).unwrap();
        assert_eq!(audit.violations, 0);
        let numbers: Vec<_> = audit.version.split('.').map(str::parse::<u32>).collect();
        assert!(numbers.len() == 3 && numbers.iter().all(Result::is_ok), "{}", audit.version);
    }
}
