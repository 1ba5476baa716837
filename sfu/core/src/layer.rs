//! Which layer of a track a subscription should carry.

/// What of a track goes to a subscription at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LayerTarget {
    /// Position of the layer, highest first.
    pub(crate) spatial: u8,
    /// Highest spatial layer within that encoding, from 0, where it has any.
    pub(crate) within: u8,
    /// Highest temporal layer, from 0.
    pub(crate) temporal: u8,
}

/// The layer worth sending at this height, of `count` layers, highest first.
pub(crate) fn preferred(max_height: Option<u16>, count: usize) -> usize {
    match max_height {
        None => 0,
        Some(height) if height >= FULL_HEIGHT => 0,
        Some(height) if height >= HALF_HEIGHT => count.saturating_sub(1).min(1),
        Some(_) => count.saturating_sub(1),
    }
}

/// Chooses among the layers of one track, highest first. `alive` says which of them send at the
/// moment; `max_height` is the height in pixels at which the picture is shown, if known. The
/// wanted layer if it is alive, else the nearest lower one, else the nearest higher one; `None`
/// when nothing is alive.
pub(crate) fn choose(max_height: Option<u16>, alive: AliveLayers) -> Option<usize> {
    let count = alive.count;
    let wanted = preferred(max_height, count);
    (wanted..count)
        .find(|layer| alive.has(*layer))
        .or_else(|| (0..wanted.min(count)).rev().find(|layer| alive.has(*layer)))
}

/// Which layers of a track send at the moment, highest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AliveLayers {
    bits: u8,
    count: usize,
}

impl AliveLayers {
    /// From one answer per layer, highest first; at most eight.
    pub(crate) fn from_fn(count: usize, is_alive: impl Fn(usize) -> bool) -> Self {
        let bits = (0..count.min(8)).fold(0, |bits, at| bits | u8::from(is_alive(at)) << at);
        Self { bits, count: count.min(8) }
    }

    /// Whether this layer sends.
    pub(crate) fn has(self, layer: usize) -> bool {
        self.bits & 1 << layer != 0
    }
}

/// From this height on the highest layer is worth its bits; it is twice as high as the middle
/// one, which would show visibly soft. Lowering it costs bandwidth for small tiles.
const FULL_HEIGHT: u16 = 400;

/// From this height on the middle layer is.
const HALF_HEIGHT: u16 = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(max_height: Option<u16>, alive: &[bool]) -> Option<usize> {
        choose(max_height, AliveLayers::from_fn(alive.len(), |at| alive[at]))
    }

    #[test]
    fn the_shown_size_decides_while_all_layers_are_alive() {
        let all = [true; 3];
        assert_eq!(choice(None, &all), Some(0));
        assert_eq!(choice(Some(1_080), &all), Some(0));
        assert_eq!(choice(Some(400), &all), Some(0));
        assert_eq!(choice(Some(399), &all), Some(1));
        assert_eq!(choice(Some(200), &all), Some(1));
        assert_eq!(choice(Some(199), &all), Some(2));
        assert_eq!(choice(Some(0), &[true, true]), Some(1));
        assert_eq!(choice(Some(90), &[true]), Some(0));
    }

    #[test]
    fn a_silent_layer_is_replaced_by_the_next_lower_then_by_the_next_higher() {
        assert_eq!(choice(None, &[false, true, true]), Some(1));
        assert_eq!(choice(None, &[false, false, true]), Some(2));
        assert_eq!(choice(Some(100), &[true, true, false]), Some(1));
        assert_eq!(choice(Some(100), &[true, false, false]), Some(0));
        assert_eq!(choice(Some(300), &[true, false, true]), Some(2));
        assert_eq!(choice(Some(300), &[false, false, false]), None);
        assert_eq!(choice(None, &[]), None);
    }
}
