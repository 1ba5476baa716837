//! How good one participant's connection is, in three words that do not flicker.

use std::time::{Duration, Instant};

use protocol::Quality;

/// What is known about a connection at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Signs {
    /// Part of what we send that gets lost on the way, before repair.
    pub(crate) loss_down: Option<f64>,
    /// Part of what they send that gets lost on the way, before repair.
    pub(crate) loss_up: Option<f64>,
    /// Round trip.
    pub(crate) round_trip: Option<Duration>,
    /// Part of the pictures they want that their network carries.
    pub(crate) carried: Option<f64>,
}

/// The word about one connection, and when it changes.
#[derive(Debug, Default)]
pub(crate) struct QualityMeter {
    told: Quality,
    /// What it looks like instead, and since when.
    otherwise: Option<(Quality, Instant)>,
    due: Option<Instant>,
}

impl QualityMeter {
    /// Whether it is time to look again.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.due.is_none_or(|due| now >= due)
    }

    /// Looks; gives the new word once it has changed for good.
    pub(crate) fn judge(&mut self, now: Instant, signs: &Signs) -> Option<Quality> {
        self.due = Some(now + INTERVAL);
        let quality = signs.quality();
        if quality == self.told {
            self.otherwise = None;
            return None;
        }
        let since = match self.otherwise {
            Some((former, since)) if former == quality => since,
            Some(_) | None => now,
        };
        self.otherwise = Some((quality, since));
        let wait = if quality > self.told { WORSE_AFTER } else { BETTER_AFTER };
        if now.saturating_duration_since(since) < wait {
            return None;
        }
        self.told = quality;
        self.otherwise = None;
        Some(quality)
    }
}

impl Signs {
    fn quality(&self) -> Quality {
        let loss = [self.loss_down, self.loss_up].into_iter().flatten().fold(0.0, f64::max);
        let round_trip = self.round_trip.unwrap_or_default();
        let carried = self.carried.unwrap_or(1.0);
        if loss > POOR_LOSS || round_trip > POOR_ROUND_TRIP || carried < POOR_CARRIED {
            Quality::Poor
        } else if loss > FAIR_LOSS || round_trip > FAIR_ROUND_TRIP || carried < FAIR_CARRIED {
            Quality::Fair
        } else {
            Quality::Good
        }
    }
}

/// Time between two looks.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long it must look worse or better before it is told. Lowered, the word flickers; raised, it
/// comes when the trouble is over.
const WORSE_AFTER: Duration = Duration::from_secs(2);
const BETTER_AFTER: Duration = Duration::from_secs(5);
/// Above this loss repairs are felt; above the other one they fail.
const FAIR_LOSS: f64 = 0.03;
const POOR_LOSS: f64 = 0.10;
/// Beyond this people begin to interrupt each other, beyond the other one they cannot talk
/// (ITU-T G.114). The wait of the reports is in it.
const FAIR_ROUND_TRIP: Duration = Duration::from_millis(400);
const POOR_ROUND_TRIP: Duration = Duration::from_millis(800);
/// With less than this part of the pictures they are smaller, with the other one mostly missing.
const FAIR_CARRIED: f64 = 0.7;
const POOR_CARRIED: f64 = 0.2;

#[cfg(test)]
mod tests {
    use super::*;

    /// What was told and after how many seconds, of one sign a second.
    fn told(signs: impl IntoIterator<Item = Signs>) -> Vec<(usize, Quality)> {
        #[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
        let begin = Instant::now();
        let mut meter = QualityMeter::default();
        let judged = signs.into_iter().enumerate().filter_map(|(second, signs)| {
            let now = begin + INTERVAL * second as u32;
            assert!(meter.is_due(now));
            meter.judge(now, &signs).map(|quality| (second, quality))
        });
        judged.collect()
    }

    fn losing(loss: f64) -> Signs {
        Signs { loss_up: Some(loss), loss_down: Some(0.0), ..Signs::default() }
    }

    #[test]
    fn a_good_connection_is_not_worth_a_word() {
        assert_eq!(told([Signs::default(); 60]), []);
        assert_eq!(told([losing(0.02); 60]), []);
    }

    #[test]
    fn trouble_that_stays_is_told_once_and_its_end_later() {
        let mut signs = vec![losing(0.0); 3];
        signs.extend([losing(0.05); 10]);
        signs.extend([losing(0.2); 10]);
        signs.extend([losing(0.0); 10]);
        let expected = [(5, Quality::Fair), (15, Quality::Poor), (28, Quality::Good)];
        assert_eq!(told(signs), expected);
    }

    #[test]
    fn a_moment_of_trouble_is_not_told() {
        let signs = (0..60).map(|second| losing(if second % 3 == 0 { 0.2 } else { 0.0 }));
        assert_eq!(told(signs), []);
    }

    #[test]
    fn delay_and_missing_pictures_count_too() {
        let slow = Signs { round_trip: Some(Duration::from_millis(900)), ..Signs::default() };
        assert_eq!(told([slow; 5]), [(2, Quality::Poor)]);
        let small = Signs { carried: Some(0.5), ..Signs::default() };
        assert_eq!(told([small; 5]), [(2, Quality::Fair)]);
        let missing = Signs { carried: Some(0.0), ..Signs::default() };
        assert_eq!(told([missing; 5]), [(2, Quality::Poor)]);
    }
}
