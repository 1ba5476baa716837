//! How much of a track fits a slot's share of the subscriber's path.

use super::Subscription;

/// What the subscriber's path has for a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// Not known yet.
    None,
    /// No better layer than this one.
    Layer(u8),
    /// Nothing.
    Nothing,
}

impl Subscription {
    /// Forwards no better layer than this one, or nothing at all. When that is less than before,
    /// `at_once` stops the better layer without waiting for the other's key frame. True when it
    /// is less.
    pub(crate) fn limit(&mut self, layer: Option<u8>, at_once: bool) -> bool {
        let Some(layer) = layer else {
            let falls = self.target.is_some();
            self.limit = Limit::Nothing;
            self.pause();
            return falls;
        };
        self.limit = Limit::Layer(layer);
        if at_once && self.current.is_some_and(|current| current < layer) {
            self.current = None;
        }
        self.target.is_some_and(|target| target < layer)
    }

    /// Whether the path has nothing for this slot.
    pub(crate) fn is_limited_to_none(&self) -> bool {
        self.limit == Limit::Nothing
    }
}
