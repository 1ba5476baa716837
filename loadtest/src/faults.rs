//! Faults that happen to a meeting, one after the other, and what people see of each.

mod clock;
mod command;
mod eyes;
mod inject;
mod list;
mod report;
mod stage;

use std::time::Duration;

use serde::Serialize;

pub(crate) use self::command::{FaultsWish, execute};
use self::list::{Fault, Limits};
use self::stage::{Means, Stage};
use crate::command::CommandError;

/// What came of one fault. Times in milliseconds, shares in percent.
#[derive(Clone, Debug, Default, Serialize)]
struct Outcome {
    name: &'static str,
    what: &'static str,
    seen: &'static str,
    /// From the end of the cause until everybody sees and hears everybody; of changes without a
    /// length, the longest time without sound, for 95 of 100.
    again_ms: Option<u64>,
    /// Without sound, those whom it strikes.
    sound_gap_ms: u64,
    /// Without a picture, those whom it strikes.
    picture_gap_ms: u64,
    /// Of their sound, what had to be invented.
    concealed_percent: f64,
    /// The longest gap of the others; none where it strikes everybody.
    others_gap_ms: Option<u64>,
    /// Times somebody had to come back.
    returns: u64,
    /// How late the program was that plays everybody.
    late_ms: u64,
    /// What is not good, in words.
    broken: Vec<String>,
    /// What was not good when it was tried before, in words: the machine was busy, or it happens
    /// now and then.
    before: Vec<String>,
}

/// Makes one fault happen to a meeting of its own. What breaks a limit is tried again in another
/// meeting: a machine that does other work makes gaps of its own.
async fn play(means: &Means<'_>, fault: &'static Fault) -> Outcome {
    let mut before = Vec::new();
    loop {
        let seed = means.seed.wrapping_add(before.len() as u64);
        let outcome = play_once(&Means { seed, ..*means }, fault).await;
        if outcome.broken.is_empty() || before.len() + 1 == TRIES {
            return Outcome { before, ..outcome };
        }
        let late = outcome.late_ms;
        before.push(format!("{} (seed {seed}, late by {late} ms)", outcome.broken.join("; ")));
    }
}

async fn play_once(means: &Means<'_>, fault: &'static Fault) -> Outcome {
    let empty =
        Outcome { name: fault.name, what: fault.what, seen: fault.seen, ..Outcome::default() };
    match played(means, fault).await {
        Ok(outcome) => {
            let broken = broken(&outcome, &fault.limits);
            Outcome { broken, name: empty.name, what: empty.what, seen: empty.seen, ..outcome }
        }
        Err(error) => Outcome { broken: vec![error.to_string()], ..empty },
    }
}

async fn played(means: &Means<'_>, fault: &'static Fault) -> Result<Outcome, CommandError> {
    let mut stage = Stage::set(means, fault.cause).await?;
    let returned = stage.returns();
    stage.mark();
    let injected = inject::inject(&mut stage, fault.cause).await?;
    tokio::time::sleep(AFTERWARDS).await;
    let ([struck, others], [before, before_others]) = (stage.seen(), injected.earlier);
    let (struck, others) = (struck.and(before), others.and(before_others));
    let strikes_all = fault.limits.others_gap.is_none();
    let struck = if strikes_all { struck.and(others) } else { struck };
    let outcome = Outcome {
        again_ms: injected.again.map(millis),
        sound_gap_ms: millis(struck.sound_gap),
        picture_gap_ms: millis(struck.picture_gap),
        concealed_percent: struck.concealed_percent(),
        others_gap_ms: (!strikes_all).then_some(millis(others.gap())),
        returns: stage.returns() - returned,
        late_ms: stage.late_ms(),
        ..Outcome::default()
    };
    stage.clear().await;
    Ok(outcome)
}

/// What exceeds its limit.
fn broken(outcome: &Outcome, limits: &Limits) -> Vec<String> {
    let mut broken = Vec::new();
    let mut check = |what: &str, value: Option<u64>, limit: Option<Duration>| {
        let limit = limit.map(millis);
        if let (Some(value), Some(limit)) = (value, limit)
            && value > limit
        {
            broken.push(format!("{what} {value} ms, allowed {limit}"));
        }
    };
    check("again after", outcome.again_ms, limits.again);
    check("no sound for", Some(outcome.sound_gap_ms), limits.sound_gap);
    check("no picture for", Some(outcome.picture_gap_ms), limits.picture_gap);
    check("the others missed", outcome.others_gap_ms, limits.others_gap);
    if let Some(limit) = limits.concealed_percent.filter(|it| outcome.concealed_percent > *it) {
        broken
            .push(format!("{:.1} % of sound invented, allowed {limit}", outcome.concealed_percent));
    }
    if let Some(limit) = limits.returns.filter(|it| outcome.returns > *it) {
        broken.push(format!("{} came back, allowed {limit}", outcome.returns));
    }
    broken
}

fn millis(duration: Duration) -> u64 {
    duration.as_millis() as u64
}

/// Times a fault is tried.
const TRIES: usize = 3;

/// A network where nothing is wrong.
const GOOD: &str = "delay_ms = 10";

/// After everything flows again, to see that it stays so.
const AFTERWARDS: Duration = Duration::from_millis(1_500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_held_to_its_own_limit() {
        let limits = Limits {
            again: Some(Duration::from_millis(100)),
            sound_gap: Some(Duration::from_millis(100)),
            picture_gap: Some(Duration::from_millis(100)),
            concealed_percent: Some(1.0),
            others_gap: Some(Duration::from_millis(100)),
            returns: Some(1),
        };
        let good = Outcome {
            again_ms: Some(100),
            sound_gap_ms: 100,
            picture_gap_ms: 100,
            concealed_percent: 1.0,
            others_gap_ms: Some(100),
            returns: 1,
            ..Outcome::default()
        };
        assert!(broken(&good, &limits).is_empty());
        for bad in [
            Outcome { again_ms: Some(101), ..good.clone() },
            Outcome { sound_gap_ms: 101, ..good.clone() },
            Outcome { picture_gap_ms: 101, ..good.clone() },
            Outcome { concealed_percent: 1.1, ..good.clone() },
            Outcome { others_gap_ms: Some(101), ..good.clone() },
            Outcome { returns: 2, ..good.clone() },
        ] {
            assert_eq!(broken(&bad, &limits).len(), 1, "{bad:?}");
        }
    }
}
