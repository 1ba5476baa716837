//! Epochs of a room whose frames are encrypted, and the gate of each of its receivers: nobody is
//! sent a frame of an epoch from before they had the keys.

use crate::command::Frames;

/// How the epochs of one room count, of which frames and commands tell the lowest eight bits.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Epochs {
    /// The newest of which somebody had the keys.
    newest: Option<u64>,
}

impl Epochs {
    /// The control plane's word that somebody has the keys of this epoch. Gives it in full.
    pub(crate) fn note(&mut self, low: u8) -> u64 {
        let epoch = self.unroll(low).unwrap_or(FIRST + u64::from(low));
        self.newest = Some(self.newest.map_or(epoch, |newest| newest.max(epoch)));
        epoch
    }

    /// An epoch in full; `None` while nobody has keys. Members who leave make epochs of which
    /// nothing is heard here, so it may be far ahead of the newest; it is hardly ever behind.
    pub(crate) fn unroll(self, low: u8) -> Option<u64> {
        let newest = self.newest?;
        let behind = (newest as u8).wrapping_sub(low);
        Some(match behind {
            0..=MOST_BEHIND => newest - u64::from(behind),
            _ => newest + 256 - u64::from(behind),
        })
    }
}

/// What a subscription may begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Gate {
    /// Nothing, and nothing else is sent either.
    #[default]
    Shut,
    /// A frame of this epoch or a later one.
    From(u64),
    /// Anything: frames are in clear.
    Open,
}

impl Gate {
    /// As it is for whoever comes to a room of such frames.
    pub(crate) fn of(frames: Frames) -> Self {
        if frames.are_encrypted() { Self::Shut } else { Self::Open }
    }

    /// Whether nothing may be sent.
    pub(crate) fn is_shut(self) -> bool {
        self == Self::Shut
    }

    /// Whether a subscription may begin with a packet that begins frames of this epoch (of its
    /// oldest frame), as far as it says so.
    pub(crate) fn admits(self, epoch: Option<u64>) -> bool {
        match self {
            Self::Shut => false,
            Self::From(first) => epoch.is_some_and(|epoch| epoch >= first),
            Self::Open => true,
        }
    }
}

/// Epochs count from here, so that those behind the first one known are above zero.
const FIRST: u64 = 256;

/// How far behind the newest an epoch may lie. Senders leave an epoch within a second; raised, fewer
/// epochs may pass between two members who come.
const MOST_BEHIND: u8 = 31;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_gate_admits_its_own_epoch_and_later_ones() {
        let mut epochs = Epochs::default();
        assert_eq!(epochs.unroll(7), None);
        assert!(!Gate::From(0).admits(epochs.unroll(7)), "before anybody has keys");
        let gate = Gate::From(epochs.note(250));
        for (low, is_admitted) in [(249, false), (250, true), (255, true), (0, true), (100, true)] {
            assert_eq!(gate.admits(epochs.unroll(low)), is_admitted, "{low}");
        }
        assert!(!gate.admits(None), "a frame that tells no epoch");
        assert!(!Gate::Shut.admits(epochs.unroll(250)) && Gate::Shut.is_shut());
        assert!(Gate::Open.admits(None) && !Gate::Open.is_shut());
        assert_eq!(Gate::default(), Gate::Shut);
    }

    #[test]
    fn an_older_word_that_comes_late_changes_no_newer_one() {
        let mut epochs = Epochs::default();
        let newer = epochs.note(3);
        assert_eq!(epochs.note(254), newer - 5);
        assert_eq!(epochs.unroll(3), Some(newer));
    }

    proptest! {
        /// However long a meeting lasts: whoever came at some time is served with what is sent now,
        /// and whoever comes now with nothing from before.
        #[test]
        fn epochs_count_on_beyond_their_eight_bits(steps in prop::collection::vec(0..200_u64, 1..40)) {
            let mut epochs = Epochs::default();
            let mut truth = 5_u64;
            let first = Gate::From(epochs.note(truth as u8));
            for step in steps {
                truth += step;
                let now = |epochs: &Epochs, behind| epochs.unroll((truth - behind) as u8);
                prop_assert!(first.admits(now(&epochs, 0)));
                let late = Gate::From(epochs.note(truth as u8));
                prop_assert!(late.admits(now(&epochs, 0)));
                prop_assert!(!late.admits(now(&epochs, 1)));
            }
        }
    }
}
