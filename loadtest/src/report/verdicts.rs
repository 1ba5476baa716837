//! What was measured beside what a scenario allows.

use super::{Report, Verdict};
use crate::measure::Measured;
use crate::scenario::Limits;

pub(super) fn verdicts(limits: &Limits, report: &Report, total: &Measured) -> Vec<Verdict> {
    let sound = report.sound.as_ref();
    let picture = report.picture.as_ref();
    let e2ee = report.e2ee.as_ref();
    let changes = report.changes.as_ref();
    let minutes = total.heights.values().map(|frames| frames.over).sum::<u64>() as f64 / 60e9;
    let freezes: u64 = total.heights.values().map(|frames| frames.freezes).sum();
    let all = [
        ("loss_percent", limits.loss_percent, Some(report.loss_percent())),
        ("sound_loss_percent", limits.sound_loss_percent, sound.map(|m| m.loss_percent)),
        ("sound_p99_ms", limits.sound_p99_ms, sound.and_then(|m| m.delay_p99_ms)),
        ("picture_p99_ms", limits.picture_p99_ms, picture.and_then(|m| m.delay_p99_ms)),
        ("join_p95_ms", limits.join_p95_ms, report.step_p95_ms("first packet")),
        ("first_frame_p95_ms", limits.first_frame_p95_ms, report.step_p95_ms("first picture")),
        ("all_in_ms", limits.all_in_ms, report.joins.all_in_ms),
        ("silent_slots", Some(limits.silent_slots), Some(report.silent_slots as f64)),
        ("key_frames_per_join", limits.key_frames_per_join, Some(report.key_frames.asked_per_join)),
        (
            "freezes_per_minute",
            limits.freezes_per_minute,
            (minutes > 0.0).then(|| freezes as f64 / minutes),
        ),
        (
            "server_cpu_percent",
            limits.server_cpu_percent,
            report.server.as_ref().map(|server| server.cpu_percent),
        ),
        ("concealed_percent", limits.concealed_percent, report.heard.map(|h| h.concealed_percent)),
        ("undecryptable_frames", e2ee.map(|_| 0.0), e2ee.map(|e2ee| e2ee.undecryptable as f64)),
        ("frames_in_clear", e2ee.map(|_| 0.0), e2ee.map(|e2ee| e2ee.in_clear as f64)),
        ("rekey_p95_ms", limits.rekey_p95_ms, e2ee.and_then(|e2ee| e2ee.rekey_p95_ms)),
        (
            "first_opened_p95_ms",
            limits.first_opened_p95_ms,
            e2ee.and_then(|e2ee| e2ee.first_opened_p95_ms),
        ),
        ("settled_s", limits.settled_s, changes.and_then(|changes| changes.settled_s)),
        ("full_again_s", limits.full_again_s, changes.and_then(|changes| changes.full_again_s)),
        ("mos_at_least", limits.mos_at_least, report.heard.map(|h| h.mos)),
    ];
    let verdict = |(name, limit, measured): (&'static str, Option<f64>, Option<f64>)| {
        let limit = limit?;
        // The server's own use can only be seen on its machine; all else must have been seen.
        let is_excused = measured.is_none() && name == "server_cpu_percent";
        let keeps = |measured: f64| match name {
            "mos_at_least" => measured >= limit,
            _ => measured <= limit,
        };
        let holds = is_excused || measured.is_some_and(keeps);
        Some(Verdict { name, limit, measured, holds })
    };
    all.into_iter().filter_map(verdict).collect()
}

/// Whether the limit of this name is about time.
pub(super) fn is_of_time(name: &str) -> bool {
    TIMES.iter().any(|end| name.ends_with(end))
}

/// How the names of limits end that are about time.
const TIMES: [&str; 4] = ["_ms", "freezes_per_minute", "settled_s", "full_again_s"];
