//! Which packet indexes of one source were used already (RFC 3711 section 3.3.2).

/// Remembers the highest index and the [`ReplayWindow::SIZE`] below it.
#[derive(Debug, Default)]
pub(crate) struct ReplayWindow {
    highest: Option<u64>,
    seen: [u64; WORDS],
}

impl ReplayWindow {
    /// How far below the highest index a packet may come. Lowering it loses retransmissions and
    /// badly reordered packets; raising it costs a bit per packet and source.
    pub(crate) const SIZE: u64 = 2048;

    /// Highest index so far.
    pub(crate) fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// Whether `index` is neither seen nor too old to tell.
    pub(crate) fn is_new(&self, index: u64) -> bool {
        match self.highest {
            None => true,
            Some(highest) if index > highest => true,
            Some(highest) if highest - index >= Self::SIZE => false,
            Some(_) => self.seen[word(index)] & bit(index) == 0,
        }
    }

    /// Marks `index` as seen. Call it only for an index that [`ReplayWindow::is_new`].
    pub(crate) fn accept(&mut self, index: u64) {
        if let Some(highest) = self.highest {
            if index > highest {
                let skipped = index - highest;
                if skipped >= Self::SIZE {
                    self.seen = [0; WORDS];
                } else {
                    for between in highest + 1..index {
                        self.seen[word(between)] &= !bit(between);
                    }
                }
                self.highest = Some(index);
            }
        } else {
            self.highest = Some(index);
        }
        self.seen[word(index)] |= bit(index);
    }
}

const WORDS: usize = (ReplayWindow::SIZE / 64) as usize;

fn word(index: u64) -> usize {
    (index / 64) as usize % WORDS
}

fn bit(index: u64) -> u64 {
    1 << (index % 64)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    #[test]
    fn agrees_with_a_plain_set_for_any_order() {
        for seed in 0..20 {
            let mut random = StdRng::seed_from_u64(seed);
            let mut window = ReplayWindow::default();
            let mut seen = BTreeSet::new();
            let mut middle = 70_000_u64;
            for _ in 0..20_000 {
                middle += random.random_range(0..3);
                let jump: u64 = if random.random_range(0..500) == 0 { 5_000 } else { 0 };
                middle += jump;
                let index = middle - random.random_range(0..3_000);
                let highest = seen.last().copied().unwrap_or(0);
                let expected = !seen.contains(&index)
                    && (seen.is_empty() || index + ReplayWindow::SIZE > highest);
                assert_eq!(window.is_new(index), expected, "seed {seed}, index {index}");
                if expected {
                    window.accept(index);
                    seen.insert(index);
                }
            }
        }
    }
}
