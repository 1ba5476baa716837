//! An estimate of how good a voice sounds, without ears: the E-model (ITU-T G.107) with the
//! figures usual for Opus.

/// Mean opinion score, 1 to 4.5, of a voice that comes `delay_ms` after it was spoken and of which
/// a share `concealed` (0 to 1) had to be invented.
pub(crate) fn estimate(delay_ms: f64, concealed: f64) -> f64 {
    let beyond = (delay_ms - 177.3).max(0.0);
    let delay_impairment = 0.024 * delay_ms + 0.11 * beyond;
    let percent = concealed * 100.0;
    let loss_impairment = 95.0 * percent / (percent + ROBUSTNESS);
    let rating = (93.2 - delay_impairment - loss_impairment).clamp(0.0, 100.0);
    1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6
}

/// How well a codec hides lost packets (Bpl of ITU-T G.107); Opus hides them well.
const ROBUSTNESS: f64 = 20.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delay_and_gaps_both_make_it_worse() {
        let good = estimate(50.0, 0.0);
        assert!((4.3..4.5).contains(&good), "{good}");
        assert!(estimate(400.0, 0.0) < good - 0.5);
        assert!(estimate(50.0, 0.05) < good - 0.5);
        assert!(estimate(9_000.0, 1.0) >= 1.0);
    }
}
