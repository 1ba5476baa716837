//! The report for a person at a terminal.

use std::fmt::Write;

use super::{Media, Report, time};
use crate::run::Progress;

/// The table.
pub(crate) fn render(report: &Report) -> String {
    let mut out = Lines(String::new());
    out.line(format_args!(""));
    out.line(format_args!("{} on {} — {}", report.scenario, report.target, report.about));
    out.line(format_args!(
        "{} participants in {}, {:.0} s measured",
        report.participants,
        if report.rooms == 1 { "one room".to_owned() } else { format!("{} rooms", report.rooms) },
        report.seconds
    ));
    joins(&mut out, report);
    media(&mut out, report);
    used(&mut out, report);
    limits(&mut out, report);
    for failure in &report.failures {
        out.line(format_args!("failed: {failure}"));
    }
    for warning in &report.warnings {
        out.line(format_args!("note: {warning}"));
    }
    if let Some(why) = &report.incomplete {
        out.line(format_args!("not complete: {why}"));
    }
    out.0
}

/// One line while it runs.
pub(crate) fn progress(progress: &Progress) -> String {
    let Progress { phase, joined, participants, second, seconds, packets, delay_p99_us } = progress;
    let mut line = format!("{phase}: {joined}/{participants} joined");
    if *phase == "measuring" {
        let _ = write!(line, ", {second}/{seconds} s, {packets} packets/s");
        if let Some(p99) = delay_p99_us {
            let _ = write!(line, ", p99 {:.1} ms", *p99 as f64 / 1e3);
        }
    }
    line
}

/// One line for a step of a run that raises the load.
pub(crate) fn step(report: &Report) -> String {
    let p99 = [&report.sound, &report.picture].map(|media| {
        let p99 = media.as_ref().and_then(|media| media.delay_p99_ms);
        p99.map_or("?".to_owned(), |p99| format!("{p99:.1}"))
    });
    format!(
        "{:>3} rooms: {:>7.0} packets/s, {:.3} % lost, p99 {} ms sound {} ms pictures, server {:.0} %: {}\n",
        report.rooms,
        report.packets_per_second,
        report.loss_percent(),
        p99[0],
        p99[1],
        report.server.as_ref().map_or(0.0, |server| server.cpu_percent),
        if report.is_good() { "good" } else { "too much" }
    )
}

struct Lines(String);

impl Lines {
    fn line(&mut self, line: impl std::fmt::Display) {
        writeln!(self.0, "{line}").expect("writing to a string cannot fail");
    }
}

fn joins(out: &mut Lines, report: &Report) {
    let joins = &report.joins;
    out.line(format_args!("\njoins  {} of {} connected", joins.connected, joins.begun));
    if joins.steps.is_empty() {
        return;
    }
    out.line(format_args!("  {:<14}{:>10}{:>10}{:>10}", "ms", "p50", "p95", "max"));
    for step in &joins.steps {
        out.line(format_args!(
            "  {:<14}{:>10}{:>10}{:>10}",
            step.name,
            time(step.p50_ms),
            time(step.p95_ms),
            time(step.max_ms)
        ));
    }
}

fn media(out: &mut Lines, report: &Report) {
    out.line(format_args!(
        "\n  {:<10}{:>10}{:>9}{:>9}{:>9}{:>12}{:>10}{:>10}",
        "media", "packets", "p50 ms", "p95 ms", "p99 ms", "lost first", "lost", "kbit/s"
    ));
    for (name, media) in [("sound", &report.sound), ("pictures", &report.picture)] {
        let Some(media) = media else { continue };
        let Media { packets, .. } = media;
        let [p50, p95, p99] = [media.delay_p50_ms, media.delay_p95_ms, media.delay_p99_ms]
            .map(|delay| delay.map_or("?".to_owned(), |delay| format!("{delay:.2}")));
        out.line(format_args!(
            "  {name:<10}{packets:>10}{p50:>9}{p95:>9}{p99:>9}\
             {:>11.3}%{:>9.3}%{:>10.0}",
            media.loss_before_repair_percent, media.loss_percent, media.kbit
        ));
    }
    if let Some(heard) = &report.heard {
        out.line(format_args!(
            "  heard     {:>10.0} s, {:.2} % invented, {:.2} % restored, MOS {:.2}",
            heard.seconds, heard.concealed_percent, heard.corrected_percent, heard.mos
        ));
    }
    for layer in &report.layers {
        out.line(format_args!(
            "  {:<10}{:>10} frames, {:.1} a second, {} freezes",
            format!("{} lines", layer.height),
            layer.frames,
            layer.frame_rate,
            layer.freezes
        ));
    }
    if let Some(changes) = &report.changes {
        let seconds = |time: Option<f64>| match time {
            None => "?".to_owned(),
            Some(time) if time.is_finite() => format!("{time:.1} s"),
            Some(_) => "never".to_owned(),
        };
        out.line(format_args!(
            "  narrower  no queue after {}; wider: the full picture after {}",
            seconds(changes.settled_s),
            seconds(changes.full_again_s)
        ));
    }
    if let Some(e2ee) = &report.e2ee {
        let ms = |time: Option<f64>| time.map_or("?".to_owned(), |time| format!("{time:.1}"));
        out.line(format_args!(
            "\n  encrypted {} frames opened, {} undecryptable ({} without a key, {} forged, {} replayed), {} in clear, {} misrouted, {} not sent",
            e2ee.opened, e2ee.undecryptable, e2ee.no_key, e2ee.forged, e2ee.replayed, e2ee.in_clear, e2ee.misrouted, e2ee.unsent
        ));
        out.line(format_args!(
            "  rekey {} ms p50, {} ms p95; member after {} ms p50, {} ms p95; first frame opened \
             after {} ms p50, {} ms p95; {} times begun anew",
            ms(e2ee.rekey_p50_ms),
            ms(e2ee.rekey_p95_ms),
            ms(e2ee.member_p50_ms),
            ms(e2ee.member_p95_ms),
            ms(e2ee.first_opened_p50_ms),
            ms(e2ee.first_opened_p95_ms),
            e2ee.broken
        ));
    }
    let keys = &report.key_frames;
    out.line(format_args!(
        "  key frames asked of publishers: {} ({:.2} for each join), sent: {} ({:.2})",
        keys.asked, keys.asked_per_join, keys.sent, keys.sent_per_join
    ));
}

fn used(out: &mut Lines, report: &Report) {
    out.line(format_args!(
        "\n  {:.0} packets/s delivered, {:.1} Mbit/s in, {:.1} Mbit/s out of the server",
        report.packets_per_second, report.mbit_sent, report.mbit_received
    ));
    if let Some(server) = &report.server {
        out.line(format_args!(
            "  server     {:>6.1} % of a core ({:.0} % of it system), {:.2} µs a packet, \
             {:.0} switches/s, {} system calls a packet, {:.1} MiB ({:.0} KiB each)",
            server.cpu_percent,
            server.system_percent,
            server.cpu_us_per_packet,
            server.context_switches_per_second,
            server.calls(),
            server.rss_mib,
            server.rss_kib_per_participant
        ));
    }
    let generator = &report.generator;
    out.line(format_args!(
        "  generator  {:>6.1} % of a core, {:.2} µs a packet, late by {:.1} ms (p99)",
        generator.cpu_percent, generator.cpu_us_per_packet, generator.lag_p99_ms
    ));
}

fn limits(out: &mut Lines, report: &Report) {
    if report.limits.is_empty() {
        return;
    }
    out.line("");
    for verdict in &report.limits {
        out.line(format_args!(
            "  {} {:<22} {} (limit {})",
            if verdict.holds { "ok    " } else { "BROKEN" },
            verdict.name,
            verdict.said(),
            verdict.limit
        ));
    }
}
