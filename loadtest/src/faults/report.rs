//! The table: a row in the terminal for each fault, and all of it as Markdown.

use std::fmt::Write;

use super::Outcome;
use super::list::ELSEWHERE;

/// One row, when it is over.
pub(super) fn row(outcome: &Outcome) -> String {
    let Outcome { name, seen, returns, .. } = outcome;
    let word = if outcome.broken.is_empty() { "ok" } else { "BROKEN" };
    let mut out = format!(
        "{name:<15} {word:<6} again {:>7}  sound {:>7}  picture {:>7}  invented {:>5}  others {:>7}  returns {returns}\n",
        ms(outcome.again_ms),
        ms(Some(outcome.sound_gap_ms)),
        ms(Some(outcome.picture_gap_ms)),
        percent(outcome.concealed_percent),
        ms(outcome.others_gap_ms),
    );
    let _ = writeln!(out, "{:15} {seen}", "");
    for before in &outcome.before {
        let _ = writeln!(out, "{:15} tried before: {before}", "");
    }
    for broken in &outcome.broken {
        let late = outcome.late_ms;
        let _ = writeln!(out, "failed: {name}: {broken} (itself late by {late} ms)");
    }
    out
}

/// All of it.
pub(super) fn markdown(outcomes: &[Outcome], seed: u64) -> String {
    let mut out = String::from(
        "# What people see of faults\n\n\
         A meeting of four: one whom the fault strikes, who sees and hears a second, and two others. Gaps are the \
         longest times without sound and without a picture that can be decoded, of the first two \
         (of all where it strikes everybody). \"Again\" counts from the end of the cause until everybody sees and hears \
         everybody; where the cause has no length it is the longest time without sound, for 95 of 100.\n\n\
         | fault | what people see | again | no sound | no picture | invented sound | the others missed | came back | |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for outcome in outcomes {
        let mut word = if outcome.broken.is_empty() {
            "ok".to_owned()
        } else {
            format!("**{}**", outcome.broken.join("; "))
        };
        if !outcome.before.is_empty() {
            let _ = write!(word, "; tried before: {}", outcome.before.join("; "));
        }
        let _ = writeln!(
            out,
            "| `{}`: {} | {} | {} | {} | {} | {} | {} | {} | {word} |",
            outcome.name,
            outcome.what,
            outcome.seen,
            ms(outcome.again_ms),
            ms(Some(outcome.sound_gap_ms)),
            ms(Some(outcome.picture_gap_ms)),
            percent(outcome.concealed_percent),
            ms(outcome.others_gap_ms),
            outcome.returns,
        );
    }
    out.push_str("\nWhat these participants cannot make is proven elsewhere:\n\n");
    for elsewhere in ELSEWHERE {
        let _ = writeln!(out, "- {}: {} `{}`", elsewhere.what, elsewhere.seen, elsewhere.test);
    }
    let _ = writeln!(out, "\nSeed {seed}.");
    out
}

fn ms(value: Option<u64>) -> String {
    value.map_or("–".to_owned(), |value| format!("{value} ms"))
}

fn percent(value: f64) -> String {
    format!("{value:.1} %")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_limit_is_told_in_the_row_and_in_the_table() {
        let broken = vec!["again after 9 ms, allowed 1".to_owned()];
        let before = vec!["no sound for 3 ms, allowed 1 (seed 1, late by 2 ms)".to_owned()];
        let name = "down2";
        let outcome = Outcome { name, again_ms: Some(9), broken, before, ..Outcome::default() };
        let shown = row(&outcome);
        assert!(shown.contains("BROKEN") && shown.contains("\nfailed: down2: again"), "{shown}");
        assert!(shown.contains("tried before: no sound for 3 ms"), "{shown}");
        let table = markdown(&[outcome], 7);
        let told = "| **again after 9 ms, allowed 1**; tried before: no sound for 3 ms, allowed 1";
        assert!(table.contains(told), "{table}");
        assert!(table.contains("Seed 7."));
    }
}
