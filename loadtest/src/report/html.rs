//! The report as one page that needs nothing else: no network, no script, light or dark as the
//! reader's system is.

pub(crate) mod plot;

use std::fmt::Write;

use self::plot::{Line, Mark, lines, marks, waterfall};
use super::junit::escape;
use super::{Media, Point, Report, time};

/// The load of one step and what the server used: packets a second, percent of a core.
pub(crate) type Load = (f64, f64);

/// The page. `loads` are the steps of a run that raised the load; without any, the seconds of
/// this one are shown.
pub(crate) fn render(report: &Report, loads: &[Load]) -> String {
    let title = format!("{} on {}", report.scenario, report.target);
    page(&title, |out| {
        head(out, report, &title);
        tiles(out, report);
        limits(out, report);
        plots(out, report, loads);
        tables(out, report);
    })
}

/// A whole page around what `content` writes.
pub(crate) fn page(title: &str, content: impl FnOnce(&mut String)) -> String {
    let mut out = String::with_capacity(64 * 1024);
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{}</title>\n\
         <style>{STYLE}</style>\n<main>\n",
        escape(title)
    );
    content(&mut out);
    out.push_str("</main>\n</html>\n");
    out
}

fn head(out: &mut String, report: &Report, title: &str) {
    let (class, word) = match (&report.incomplete, report.is_good()) {
        (Some(_), _) => ("bad", "not complete"),
        (None, false) => ("bad", "a limit is broken"),
        (None, true) => ("good", "all limits hold"),
    };
    let rooms =
        if report.rooms == 1 { "one room".into() } else { format!("{} rooms", report.rooms) };
    let _ = writeln!(
        out,
        "<header><h1>{}</h1><p class=\"verdict {class}\">{word}</p><p>{}</p>\
         <p class=\"quiet\">{} participants in {rooms}, {:.0} s measured</p></header>",
        escape(title),
        escape(&report.about),
        report.participants,
        report.seconds
    );
    let failures = report.failures.iter().map(|failure| format!("Failed: {failure}"));
    let notes = report.incomplete.iter().cloned().chain(failures).chain(report.warnings.clone());
    let notes: String = notes.map(|note| format!("<li>{}</li>", escape(&note))).collect();
    if !notes.is_empty() {
        let _ = writeln!(out, "<ul class=\"notes\">{notes}</ul>");
    }
}

fn tiles(out: &mut String, report: &Report) {
    let delay = |media: &Option<Media>| {
        let p99 = media.as_ref().and_then(|media| media.delay_p99_ms);
        p99.map_or("—".to_owned(), |p99| format!("{p99:.1} ms"))
    };
    let server =
        |text: fn(&super::Server) -> String| report.server.as_ref().map_or("—".to_owned(), text);
    let tiles = [
        ("packets a second", format!("{:.0}", report.packets_per_second)),
        ("sound, p99", delay(&report.sound)),
        ("pictures, p99", delay(&report.picture)),
        ("lost", format!("{:.3} %", report.loss_percent())),
        (
            "first picture, p95",
            report.step_p95_ms("first picture").map_or("—".to_owned(), |p95| time(p95) + " ms"),
        ),
        ("server, a packet", server(|server| format!("{:.2} µs", server.cpu_us_per_packet))),
        ("server, of a core", server(|server| format!("{:.1} %", server.cpu_percent))),
        ("server memory", server(|server| format!("{:.1} MiB", server.rss_mib))),
    ];
    out.push_str("<section class=\"tiles\">");
    for (name, value) in tiles {
        let _ = write!(out, "<div><b>{value}</b><span>{name}</span></div>");
    }
    out.push_str("</section>\n");
}

fn limits(out: &mut String, report: &Report) {
    if report.limits.is_empty() {
        return;
    }
    out.push_str("<h2>Limits</h2><table><tr><th>limit<th>allowed<th>measured</tr>");
    for verdict in &report.limits {
        let (class, word) = if verdict.holds { ("good", "✓") } else { ("bad", "✗ broken:") };
        let measured = verdict.said();
        let name = verdict.name.replace('_', " ");
        let _ = write!(
            out,
            "<tr><td><span class=\"{class}\">{word}</span> {name}<td>{}<td>{measured}</tr>",
            verdict.limit
        );
    }
    out.push_str("</table>\n");
}

fn plots(out: &mut String, report: &Report, loads: &[Load]) {
    let series = |name, class, of: fn(&Point) -> Option<f64>| Line {
        name,
        class,
        values: report.series.iter().map(of).collect(),
    };
    out.push_str("<h2>Delay over time</h2>\n");
    out.push_str(&lines(
        "seconds",
        "ms",
        &[
            series("sound, p99", "a", |point| point.sound_p99_ms),
            series("sound, median", "a thin", |point| point.sound_p50_ms),
            series("pictures, p99", "b", |point| point.picture_p99_ms),
            series("pictures, median", "b thin", |point| point.picture_p50_ms),
        ],
    ));
    let seconds = report.series.iter();
    let seconds =
        seconds.filter_map(|point| Some((point.packets as f64, point.server_cpu_percent?)));
    let points: Vec<Load> = if loads.is_empty() { seconds.collect() } else { loads.to_vec() };
    if !points.is_empty() {
        out.push_str("<h2>Server processor time over load</h2>\n");
        let points: Vec<Mark> = points.iter().map(|(x, y)| Mark { x: *x, y: *y }).collect();
        out.push_str(&marks("packets a second", "% of a core", &points));
    }
    if !report.waterfall.is_empty() {
        out.push_str("<h2>Joins, one line each</h2>\n");
        out.push_str(&waterfall(&report.waterfall));
    }
}

fn tables(out: &mut String, report: &Report) {
    out.push_str("<h2>Joins</h2><table><tr><th>step, ms<th>median<th>p95<th>slowest</tr>");
    for step in &report.joins.steps {
        let _ = write!(
            out,
            "<tr><td>{}<td>{}<td>{}<td>{}</tr>",
            step.name,
            time(step.p50_ms),
            time(step.p95_ms),
            time(step.max_ms)
        );
    }
    out.push_str(
        "</table>\n<h2>Media</h2><table><tr><th>kind<th>packets<th>delay p50<th>p95<th>p99\
         <th>lost before repair<th>lost<th>kbit/s</tr>",
    );
    for (name, media) in [("sound", &report.sound), ("pictures", &report.picture)] {
        let Some(media) = media else { continue };
        let delay = |delay: Option<f64>| delay.map_or("—".to_owned(), |ms| format!("{ms:.2} ms"));
        let _ = write!(
            out,
            "<tr><td>{name}<td>{}<td>{}<td>{}<td>{}<td>{:.3} %<td>{:.3} %<td>{:.0}</tr>",
            media.packets,
            delay(media.delay_p50_ms),
            delay(media.delay_p95_ms),
            delay(media.delay_p99_ms),
            media.loss_before_repair_percent,
            media.loss_percent,
            media.kbit
        );
    }
    out.push_str("</table>\n");
    if let Some(heard) = &report.heard {
        let _ = write!(
            out,
            "<p>Of {:.0} s of decoded voices {:.2} % had to be invented and {:.2} % was restored \
             from the packet after: a mean opinion score of {:.2} (E-model).</p>",
            heard.seconds, heard.concealed_percent, heard.corrected_percent, heard.mos
        );
    }
    if !report.layers.is_empty() {
        out.push_str("<table><tr><th>lines<th>frames<th>a second<th>freezes<th>a minute</tr>");
        for layer in &report.layers {
            let _ = write!(
                out,
                "<tr><td>{}<td>{}<td>{:.1}<td>{}<td>{:.2}</tr>",
                layer.height,
                layer.frames,
                layer.frame_rate,
                layer.freezes,
                layer.freezes_per_minute
            );
        }
        out.push_str("</table>\n");
    }
    let keys = &report.key_frames;
    let _ = writeln!(
        out,
        "<p>Key frames asked of publishers: {} ({:.2} for each join); sent: {} ({:.2}).</p>",
        keys.asked, keys.asked_per_join, keys.sent, keys.sent_per_join
    );
    machine(out, report);
}

/// What server and generator used.
fn machine(out: &mut String, report: &Report) {
    let mut rows = vec![
        ("from participants", format!("{:.2} Mbit/s", report.mbit_sent)),
        ("to participants", format!("{:.2} Mbit/s", report.mbit_received)),
    ];
    if let Some(server) = &report.server {
        let user = server.cpu_percent * (1.0 - server.system_percent / 100.0);
        rows.extend([
            ("server, user", format!("{user:.1} % of a core")),
            ("server, system", format!("{:.1} % of a core", server.cpu_percent - user)),
            ("server, for each packet", format!("{:.2} µs", server.cpu_us_per_packet)),
            ("server, for each packet", format!("{} system calls", server.calls())),
            ("server", format!("{:.0} context switches/s", server.context_switches_per_second)),
            ("server, for each participant", format!("{:.0} KiB", server.rss_kib_per_participant)),
        ]);
    }
    let generator = &report.generator;
    rows.extend([
        ("generator", format!("{:.1} % of a core", generator.cpu_percent)),
        ("generator, for each packet", format!("{:.2} µs", generator.cpu_us_per_packet)),
        ("generator, late (p99)", format!("{:.1} ms", generator.lag_p99_ms)),
    ]);
    let rows = rows.iter().map(|(name, value)| format!("<tr><td>{name}<td>{value}</tr>"));
    let rows: String = rows.collect();
    let _ = writeln!(out, "<h2>Network and machine</h2><table>{rows}</table>");
}

/// Colours of both themes; sizes that suit a phone and a wall.
const STYLE: &str = "\
:root{color-scheme:light dark;--text:#1d1d2b;--quiet:#5b5b70;--page:#fbfbfd;--card:#fff;\
--rule:#dcdce6;--a:#1b5fc1;--b:#b3450b;--c:#0d7a5f;--d:#7a3fb0;--good:#0a6b3d;--bad:#b3142b}\
@media(prefers-color-scheme:dark){:root{--text:#ececf4;--quiet:#a5a5bb;--page:#15151d;\
--card:#1e1e29;--rule:#363646;--a:#7fb2ff;--b:#ffab78;--c:#63d3b1;--d:#cda3f5;--good:#6edb9f;\
--bad:#ff8d9c}}\
*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--text);\
font:16px/1.5 system-ui,sans-serif}main{max-width:60rem;margin:auto;padding:2rem 1rem 4rem}\
h1{margin:0;font-size:1.8rem}h2{margin:2.5rem 0 .6rem;font-size:1.15rem}\
header p{margin:.3rem 0}.quiet{color:var(--quiet)}.good{color:var(--good)}.bad{color:var(--bad)}\
.verdict{font-weight:600}.notes{color:var(--quiet);padding-left:1.2rem}\
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(10rem,1fr));gap:.8rem;\
margin:1.5rem 0}.tiles div{background:var(--card);border:1px solid var(--rule);\
border-radius:.6rem;padding:.8rem 1rem}.tiles b{display:block;font-size:1.35rem;\
font-variant-numeric:tabular-nums}.tiles span{color:var(--quiet);font-size:.85rem}\
table{border-collapse:collapse;width:100%;margin:.5rem 0 1rem;font-variant-numeric:tabular-nums;\
display:block;overflow-x:auto}th,td{text-align:right;padding:.35rem .7rem;\
border-bottom:1px solid var(--rule);white-space:nowrap}th{color:var(--quiet);font-weight:500}\
th:first-child,td:first-child{text-align:left;width:99%}\
td:first-child{white-space:normal;min-width:6rem}\
@media(max-width:40rem){th,td{padding:.35rem .4rem}}\
.plot{overflow-x:auto;background:var(--card);border:1px solid var(--rule);border-radius:.6rem}\
svg{display:block;width:100%;min-width:44rem;height:auto}svg text{fill:var(--quiet);font-size:12px}svg .rule{stroke:var(--rule)}\
svg path{fill:none;stroke-width:2}svg .thin{stroke-width:1;opacity:.75}\
svg .a{stroke:var(--a)}svg .b{stroke:var(--b)}svg circle{fill:var(--a)}\
svg .k0{fill:var(--rule)}svg .k1{fill:var(--d)}svg .k2{fill:var(--c)}svg .k3{fill:var(--b)}\
svg .k4{fill:var(--a)}";

#[cfg(test)]
mod tests {
    use super::super::{Steps, Verdict};
    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn the_page_is_whole_needs_nothing_else_and_escapes_what_it_is_told() {
        let mut report = Report::empty(&Scenario::named("smoke").unwrap());
        report.about = "<script>alert(1)</script>".to_owned();
        report.limits =
            vec![Verdict { name: "loss_percent", limit: 0.1, measured: None, holds: false }];
        let point = Point {
            sound_p50_ms: Some(0.2),
            sound_p99_ms: Some(1.0),
            picture_p50_ms: None,
            picture_p99_ms: None,
            lines: Some(540),
            packets: 900,
            loss_percent: 0.0,
            server_cpu_percent: Some(4.0),
        };
        report.series = vec![point; 5];
        let done_ms = vec![Some(1.0), Some(2.0), None, Some(4.0), Some(5.0), None, Some(9.0)];
        report.waterfall = vec![Steps { began_ms: 0.5, done_ms }];
        let page = render(&report, &[]);
        assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
        assert!(!page.contains("<script") && !page.contains("http"), "nothing to run or to fetch");
        assert_eq!(page.matches("<svg").count(), 3, "delay, load and joins");
        assert!(!page.contains("NaN"));
    }
}
