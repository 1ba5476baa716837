//! What a report says of encrypted rooms.

use serde::Serialize;

use super::ms;
use crate::measure::{Histogram, Join};
use crate::run::Outcome;

/// What encryption came to, over the whole run.
#[derive(Clone, Debug, Serialize)]
pub struct Encryption {
    /// Frames that were decrypted.
    pub opened: u64,
    /// Frames that could not be, for one of the three reasons that follow.
    pub undecryptable: u64,
    /// No key was there in time.
    pub no_key: u64,
    /// Not authentic.
    pub forged: u64,
    /// Had come before.
    pub replayed: u64,
    /// Frames that nobody had encrypted.
    pub in_clear: u64,
    /// Frames of another track than the slot was meant to carry, on their way at a change.
    pub misrouted: u64,
    /// Frames that senders left out because they had no key yet.
    pub unsent: u64,
    /// Times something of a circle was refused and begun anew.
    pub broken: u64,
    /// From a commit to the new epoch, at each member: median.
    pub rekey_p50_ms: Option<f64>,
    /// 95 of 100 were faster.
    pub rekey_p95_ms: Option<f64>,
    /// From the start of a join to being a member of the circle: median.
    pub member_p50_ms: Option<f64>,
    /// 95 of 100 were faster.
    pub member_p95_ms: Option<f64>,
    /// From the start of a join to the first decrypted frame: median.
    pub first_opened_p50_ms: Option<f64>,
    /// 95 of 100 were faster.
    pub first_opened_p95_ms: Option<f64>,
}

impl Encryption {
    pub(super) fn new(outcome: &Outcome) -> Self {
        let mut sealed = outcome.before.sealed.clone();
        sealed.add(&outcome.total.sealed);
        let since_began = |of: fn(&Join) -> Option<u64>| {
            let mut times = Histogram::default();
            for join in &outcome.joins {
                if let (Some(began), Some(done)) = (join.began, of(join)) {
                    times.record(done.saturating_sub(began) / 1_000);
                }
            }
            times
        };
        let member = since_began(|join| join.member);
        let first_opened = since_began(|join| join.first_opened);
        Self {
            opened: sealed.opened,
            undecryptable: sealed.no_key + sealed.forged + sealed.replayed,
            no_key: sealed.no_key,
            forged: sealed.forged,
            replayed: sealed.replayed,
            in_clear: sealed.in_clear,
            misrouted: sealed.misrouted,
            unsent: sealed.unsent,
            broken: sealed.broken,
            rekey_p50_ms: ms(&sealed.rekey, 0.5),
            rekey_p95_ms: ms(&sealed.rekey, 0.95),
            member_p50_ms: ms(&member, 0.5),
            member_p95_ms: ms(&member, 0.95),
            first_opened_p50_ms: ms(&first_opened, 0.5),
            first_opened_p95_ms: ms(&first_opened, 0.95),
        }
    }
}
