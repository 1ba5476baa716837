//! What one participant publishes.

use protocol::TrackSource;

/// The sources of one participant.
#[derive(Default)]
pub(crate) struct Publisher {
    active: [bool; TrackSource::ALL.len()],
}

impl Publisher {
    /// Opens or shuts a source.
    pub(crate) fn set_active(&mut self, source: TrackSource, active: bool) {
        self.active[source as usize] = active;
    }
}
