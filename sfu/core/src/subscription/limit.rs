//! How much of a track fits a slot's share of the subscriber's path.

use super::Subscription;
use crate::layer::LayerTarget;

/// What the subscriber's path has for a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// Not known yet.
    None,
    /// No better layer than this one.
    Layer(LayerTarget),
    /// Nothing.
    Nothing,
}

impl Subscription {
    /// Forwards no better layer than this one, or nothing at all. When that is less than before,
    /// `at_once` stops the better layer without waiting for the other's key frame. True when it
    /// is less.
    pub(crate) fn limit(&mut self, most: Option<LayerTarget>, at_once: bool) -> bool {
        let Some(most) = most else {
            let falls = self.target.is_some();
            self.limit = Limit::Nothing;
            self.pause();
            return falls;
        };
        self.limit = Limit::Layer(most);
        self.limit_temporal();
        let loses_layers = most.within < self.within && self.target == Some(most.spatial);
        self.within = most.within;
        if at_once && self.current.is_some_and(|current| current < most.spatial) {
            self.current = None;
        }
        if at_once && loses_layers {
            self.pause();
        }
        loses_layers || self.target.is_some_and(|target| target < most.spatial)
    }

    /// The highest spatial layer that goes out of an encoding in layers.
    pub(crate) fn limited_within(&self) -> u8 {
        self.within
    }

    /// Temporal layers count at the limit only: below it the path has room for all of them.
    pub(super) fn limit_temporal(&mut self) {
        self.temporal.limit(match self.limit {
            Limit::Layer(most) if self.target.is_none_or(|target| target == most.spatial) => {
                most.temporal
            }
            Limit::Layer(_) | Limit::None | Limit::Nothing => u8::MAX,
        });
    }

    /// The highest temporal layer that goes out at most.
    pub(crate) fn temporal_limit(&self) -> u8 {
        self.temporal.limited_to()
    }

    /// Whether the path has nothing for this slot.
    pub(crate) fn is_limited_to_none(&self) -> bool {
        self.limit == Limit::Nothing
    }
}
