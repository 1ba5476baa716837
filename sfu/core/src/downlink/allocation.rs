//! Divides what one subscriber's path carries among its pictures. Sound is not asked: it goes
//! first, and what it takes is not there to be divided.

use crate::layer::LayerTarget;

/// Most layers of one track that can be chosen among.
pub(crate) const MAX_STEPS: usize = 8;

/// How much a picture matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// A shared screen: what the others talk about.
    Screen,
    /// Whoever speaks now.
    Speaker,
    /// Everybody else, the larger ones first.
    Tile,
}

/// One picture that wants to be forwarded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    /// Which slot it is for.
    pub(crate) slot: usize,
    /// How much it matters.
    pub(crate) rank: Rank,
    /// Height in pixels at which it is shown.
    pub(crate) height: u16,
    /// Bits per second to be kept free for it at least, as far as there are so many, once it is
    /// granted at all: what it takes at the moment may be more than its steps do in the long run.
    pub(crate) kept: u64,
    /// What may be forwarded, from the least to the most that is wanted.
    steps: [Step; MAX_STEPS],
    count: usize,
    /// How many steps were granted before; 0 when it was held back.
    before: usize,
    /// How many are granted.
    granted: usize,
}

/// One layer that can be forwarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Step {
    /// What is forwarded at most.
    pub(crate) layer: LayerTarget,
    /// Bits per second it takes on the wire.
    pub(crate) rate: u64,
}

impl Wish {
    /// A picture without anything to choose yet.
    pub(crate) fn new(slot: usize, rank: Rank, height: u16) -> Self {
        let steps = [Step::default(); MAX_STEPS];
        Self { slot, rank, height, kept: 0, steps, count: 0, before: 0, granted: 0 }
    }

    /// Adds the next better layer; `is_granted` when that is what goes out at present. Beyond
    /// [`MAX_STEPS`] the better ones are out of reach.
    pub(crate) fn push(&mut self, step: Step, is_granted: bool) {
        if let Some(place) = self.steps.get_mut(self.count) {
            *place = step;
            self.count += 1;
            if is_granted {
                self.before = self.count;
            }
        }
    }

    /// Whether there is anything to choose.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// What may be forwarded; `None` when the picture is held back.
    pub(crate) fn granted(&self) -> Option<Step> {
        Some(self.steps[self.granted.checked_sub(1)?])
    }

    /// Bits per second of all that is wanted.
    pub(crate) fn wanted(&self) -> u64 {
        self.steps[..self.count].last().map_or(0, |best| best.rate)
    }

    /// Raises the grant by one step, if what is left pays for it. A step beyond the present one
    /// must leave something over, so that the picture does not go up and down with every whim
    /// of the path.
    fn raise(&mut self, left: &mut u64, may_rise: bool) -> bool {
        if self.granted == self.count {
            return false;
        }
        let is_rise = self.granted >= self.before;
        // The least of a picture is never too soon: without it, nothing is seen at all.
        if is_rise && !may_rise && self.granted > 0 {
            return false;
        }
        let former = self.granted().map_or(0, |step| step.rate);
        let cost = self.steps[self.granted].rate.saturating_sub(former);
        let needed = if is_rise { cost * RISE_PER_CENT / 100 } else { cost };
        if needed > *left {
            return false;
        }
        *left -= cost;
        self.granted += 1;
        true
    }
}

/// Grants each wish what fits into `budget` bits per second, in order of rank and height: the
/// screen whole with what is kept for it, then the least of every picture, then the speaker whole,
/// then the others step by step. `may_rise` is false shortly after something was taken away: what is
/// seen then stays as it is, or falls. Sorts the wishes.
pub(crate) fn allocate(mut budget: u64, may_rise: bool, wishes: &mut [Wish]) {
    wishes.sort_unstable_by_key(|wish| (wish.rank, std::cmp::Reverse(wish.height), wish.slot));
    let left = &mut budget;
    for wish in wishes.iter_mut() {
        wish.granted = 0;
    }
    for wish in wishes.iter_mut().filter(|wish| wish.rank == Rank::Screen) {
        while wish.raise(left, may_rise) {}
        if let Some(step) = wish.granted() {
            *left = left.saturating_sub(wish.kept.saturating_sub(step.rate));
        }
    }
    for wish in wishes.iter_mut().filter(|wish| wish.rank != Rank::Screen) {
        wish.raise(left, may_rise);
    }
    for wish in wishes.iter_mut().filter(|wish| wish.rank == Rank::Speaker && wish.granted > 0) {
        while wish.raise(left, may_rise) {}
    }
    let mut rises = true;
    while rises {
        rises = false;
        for wish in wishes.iter_mut().filter(|wish| wish.granted > 0) {
            rises |= wish.raise(left, may_rise);
        }
    }
}

/// What a step up must find, of what it costs. Raised, pictures stay small for longer below their
/// limit; lowered, they change more often.
const RISE_PER_CENT: u64 = 120;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wish(slot: usize, rank: Rank, height: u16, rates: &[u64], before: usize) -> Wish {
        let mut wish = Wish::new(slot, rank, height);
        for (at, rate) in rates.iter().enumerate() {
            let spatial = (rates.len() - 1 - at) as u8;
            let layer = LayerTarget { spatial, within: u8::MAX, temporal: u8::MAX };
            wish.push(Step { layer, rate: *rate }, at + 1 == before);
        }
        wish
    }

    /// Steps granted by slot.
    fn granted(budget: u64, may_rise: bool, wishes: &[Wish]) -> Vec<usize> {
        let mut wishes = wishes.to_vec();
        allocate(budget, may_rise, &mut wishes);
        wishes.sort_by_key(|wish| wish.slot);
        wishes.iter().map(|wish| wish.granted).collect()
    }

    #[test]
    fn the_screen_comes_first_then_the_speaker_then_the_larger_tiles() {
        let camera = &[100, 300, 900][..];
        let wishes = [
            wish(0, Rank::Tile, 180, camera, 0),
            wish(1, Rank::Tile, 360, camera, 0),
            wish(2, Rank::Speaker, 180, camera, 0),
            wish(3, Rank::Screen, 720, &[1_000], 0),
        ];
        let grants = |budget| granted(budget, true, &wishes);
        assert_eq!(grants(90), [0, 0, 0, 0]);
        assert_eq!(grants(1_200), [0, 0, 1, 1]);
        assert_eq!(grants(1_300), [0, 1, 1, 1]);
        assert_eq!(grants(1_400), [1, 1, 1, 1]);
        assert_eq!(grants(2_300), [1, 1, 3, 1]);
        assert_eq!(grants(2_400), [1, 2, 3, 1]);
        assert_eq!(grants(10_000), [3, 3, 3, 1]);
    }

    #[test]
    fn without_the_screen_fitting_faces_get_what_there_is() {
        let wishes =
            [wish(0, Rank::Screen, 720, &[1_000], 0), wish(1, Rank::Tile, 180, &[100, 300], 0)];
        assert_eq!(granted(500, true, &wishes), [0, 2]);
    }

    #[test]
    fn what_goes_out_may_stay_at_a_rate_that_would_not_let_it_rise() {
        for (before, budget, expected) in
            [(1, 1_030, 1), (2, 1_030, 2), (1, 1_200, 2), (2, 990, 1), (0, 105, 0), (1, 105, 1)]
        {
            let wishes = [wish(0, Rank::Tile, 360, &[100, 1_000], before)];
            assert_eq!(granted(budget, true, &wishes), [expected], "{before} {budget}");
        }
    }

    #[test]
    fn nothing_rises_shortly_after_a_fall_but_falls_go_on() {
        let wishes =
            [wish(0, Rank::Tile, 360, &[100, 500], 1), wish(1, Rank::Tile, 180, &[100, 500], 2)];
        assert_eq!(granted(10_000, false, &wishes), [1, 2]);
        assert_eq!(granted(400, false, &wishes), [1, 1]);
        let held_back =
            [wish(0, Rank::Tile, 360, &[100, 500], 2), wish(1, Rank::Tile, 180, &[100, 500], 0)];
        assert_eq!(granted(10_000, false, &held_back), [2, 1]);
    }

    #[test]
    fn a_screen_that_moves_keeps_what_there_is_and_one_that_does_not_fit_keeps_nothing() {
        let keeping = |kept, rate| {
            let mut screen = wish(0, Rank::Screen, 720, &[rate], 1);
            screen.kept = kept;
            [screen, wish(1, Rank::Tile, 180, &[100, 300], 0)]
        };
        for (kept, rate, expected) in [
            (0, 10, [1, 2]),
            (200, 10, [1, 1]),
            (400, 10, [1, 0]),
            (4_000, 10, [1, 0]),
            (100, 380, [1, 1]),
            (4_000, 600, [0, 2]),
        ] {
            let wishes = keeping(kept, rate);
            assert_eq!(granted(500, true, &wishes), expected, "{kept} {rate}");
        }
    }

    proptest! {
        #[test]
        fn the_budget_is_kept_and_a_larger_one_never_gives_less(
            budget in 0..5_000_u64,
            more in 0..2_000_u64,
            shapes in prop::collection::vec((0..3_u8, 0..720_u16, 1..400_u64, 1..4_usize, 0..4_usize), 1..12),
        ) {
            let wishes: Vec<Wish> = shapes.iter().enumerate().map(|(slot, (rank, height, least, count, before))| {
                let rank = [Rank::Screen, Rank::Speaker, Rank::Tile][usize::from(*rank)];
                let rates: Vec<u64> = (0..*count).map(|at| least * 3_u64.pow(at as u32)).collect();
                wish(slot, rank, *height, &rates, *before)
            }).collect();
            let mut given = wishes.clone();
            allocate(budget, true, &mut given);
            let total: u64 = given.iter().filter_map(|wish| Some(wish.granted()?.rate)).sum();
            prop_assert!(total <= budget);
            // In order of importance: what the smaller budget shows first and the larger does not
            // would be a picture taken away for having more.
            let shown = |budget| {
                let mut wishes = wishes.clone();
                allocate(budget, true, &mut wishes);
                let steps = |wish: &Wish| match wish.rank {
                    Rank::Screen => wish.granted,
                    Rank::Speaker | Rank::Tile => wish.granted.min(1),
                };
                wishes.iter().map(steps).collect::<Vec<_>>()
            };
            prop_assert!(shown(budget) <= shown(budget + more));
        }
    }
}
