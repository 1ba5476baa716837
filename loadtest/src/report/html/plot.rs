//! Plots as SVG.

use std::fmt::Write;

use super::super::{STEPS, Steps};

/// One line of a plot; its values stand one step of the scale apart.
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) class: &'static str,
    pub(crate) values: Vec<Option<f64>>,
}

/// One point of a plot.
pub(super) struct Mark {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// Values over time.
pub(crate) fn lines(x_name: &str, y_name: &str, lines: &[Line]) -> String {
    let count = lines.iter().map(|line| line.values.len()).max().unwrap_or(0);
    let values = lines.iter().flat_map(|line| line.values.iter().flatten());
    let area = Area {
        x: round_up(count.saturating_sub(1).max(1) as f64),
        y: round_up(values.copied().fold(0.0, f64::max)),
    };
    let mut out = area.open(x_name, y_name);
    let with_values = lines.iter().filter(|line| line.values.iter().any(Option::is_some));
    for (row, line) in with_values.enumerate() {
        let mut path = String::new();
        let mut pen_is_down = false;
        for (second, value) in line.values.iter().enumerate() {
            if let Some(value) = value {
                let (x, y) = area.place(second as f64, *value);
                let _ = write!(path, "{}{x:.1} {y:.1}", if pen_is_down { "L" } else { "M" });
            }
            pen_is_down = value.is_some();
        }
        let (class, name, y) = (line.class, line.name, TOP + 8.0 + row as f64 * 16.0);
        let _ = write!(
            out,
            "<path class=\"{class}\" d=\"{path}\"/>\
             <path class=\"{class}\" d=\"M{} {y}h22\"/>\
             <text x=\"{}\" y=\"{}\">{name}</text>",
            RIGHT - 150.0,
            RIGHT - 120.0,
            y + 4.0
        );
    }
    out + "</svg></div>\n"
}

/// Points.
pub(super) fn marks(x_name: &str, y_name: &str, marks: &[Mark]) -> String {
    let most = |of: fn(&Mark) -> f64| round_up(marks.iter().map(of).fold(0.0, f64::max));
    let area = Area { x: most(|mark| mark.x), y: most(|mark| mark.y) };
    let mut out = area.open(x_name, y_name);
    for mark in marks {
        let (x, y) = area.place(mark.x, mark.y);
        let _ = write!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" opacity=\".7\"/>");
    }
    out + "</svg></div>\n"
}

/// One bar for each join, its parts coloured by what it waited for.
pub(super) fn waterfall(joins: &[Steps]) -> String {
    // The steps that take time, with the name of the wait that ends with each.
    let ends =
        [(1, "session and admission"), (2, "answer"), (4, "ICE and DTLS"), (6, "first picture")];
    let shown = &joins[..joins.len().min(MOST_JOINS)];
    let last = shown.iter().flat_map(|join| join.done_ms.iter().flatten());
    let most = round_up(last.copied().fold(1.0, f64::max));
    let height = TOP + shown.len() as f64 * ROW + BOTTOM;
    let bottom = height - BOTTOM;
    let scale = (RIGHT - LEFT) / most;
    let mut out = format!(
        "<div class=\"plot\"><svg viewBox=\"0 0 {WIDTH} {:.0}\" role=\"img\" aria-label=\"Time of each join\">",
        height + 14.0
    );
    for tick in 0..=4 {
        let value = most * f64::from(tick) / 4.0;
        let x = LEFT + value * scale;
        let _ = write!(
            out,
            "<path class=\"rule\" d=\"M{x:.1} {TOP}V{bottom:.1}\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{}\">{} ms</text>",
            bottom + 16.0,
            anchor(tick),
            number(value)
        );
    }
    for (row, join) in shown.iter().enumerate() {
        let y = TOP + row as f64 * ROW;
        let mut at = join.began_ms;
        for (kind, (end, _)) in ends.iter().enumerate() {
            let Some(done) = join.done_ms.get(*end).copied().flatten().filter(|done| *done > at)
            else {
                continue;
            };
            let _ = write!(
                out,
                "<rect class=\"k{}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
                kind + 1,
                LEFT + at * scale,
                y + 1.0,
                (done - at) * scale,
                ROW - 2.0
            );
            at = done;
        }
    }
    debug_assert!(ends.iter().all(|(end, _)| *end < STEPS.len()));
    for (kind, (_, name)) in ends.iter().enumerate() {
        let x = LEFT + kind as f64 * 170.0;
        let _ = write!(
            out,
            "<rect class=\"k{}\" x=\"{x}\" y=\"{:.1}\" width=\"12\" height=\"12\"/>\
             <text x=\"{}\" y=\"{:.1}\">{name}</text>",
            kind + 1,
            bottom + 24.0,
            x + 17.0,
            bottom + 34.0
        );
    }
    out + "</svg></div>\n"
}

/// The largest values on both axes, which begin at zero.
struct Area {
    x: f64,
    y: f64,
}

impl Area {
    fn place(&self, x: f64, y: f64) -> (f64, f64) {
        let across = LEFT + x / self.x * (RIGHT - LEFT);
        (across, FLOOR - y / self.y * (FLOOR - TOP))
    }

    fn open(&self, x_name: &str, y_name: &str) -> String {
        let mut out = format!(
            "<div class=\"plot\"><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{y_name} over {x_name}\">"
        );
        for tick in 0..=4 {
            let share = f64::from(tick) / 4.0;
            let (x, y) = self.place(self.x * share, self.y * share);
            let _ = write!(
                out,
                "<path class=\"rule\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
                 <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"{}\">{}</text>",
                LEFT - 8.0,
                y + 4.0,
                number(self.y * share),
                FLOOR + 18.0,
                anchor(tick),
                number(self.x * share)
            );
        }
        let _ = write!(
            out,
            "<text x=\"{LEFT}\" y=\"{}\">{y_name}</text>\
             <text x=\"{RIGHT}\" y=\"{}\" text-anchor=\"end\">{x_name}</text>",
            TOP - 8.0,
            FLOOR + 36.0
        );
        out
    }
}

/// The last number of a scale ends with it, so that none is cut.
const fn anchor(tick: i32) -> &'static str {
    if tick == 4 { "end" } else { "middle" }
}

/// The next number that reads well.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 4.0, 5.0, 8.0, 10.0];
    let step = steps.into_iter().find(|step| value <= step * power * 1.000_001);
    step.unwrap_or(10.0) * power
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 || value >= 10.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 880.0;
const TOP: f64 = 28.0;
const FLOOR: f64 = 250.0;
/// Height of one join.
const ROW: f64 = 9.0;
/// Room for the scale and the names under the joins.
const BOTTOM: f64 = 30.0;
/// More joins than that are not told apart anyway.
const MOST_JOINS: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_at_numbers_that_read_well() {
        assert_eq!([0.0, 0.3, 7.0, 10.0, 1_234.0].map(round_up), [1.0, 0.4, 8.0, 10.0, 2_000.0]);
    }
}
