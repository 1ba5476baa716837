//! What the pictures of a fake browser are like.

use std::time::{Duration, Instant};

use protocol::TrackSource;

use super::Browser;

impl Browser {
    /// Sets the size of the payloads of the largest layer of a source, in bytes, and how many of them
    /// make one frame.
    pub fn set_shape(&mut self, source: TrackSource, size: usize, parts: u8) {
        self.publication_mut(source).layers[0].shape = (size, parts);
    }

    /// Sets the time between two pictures of a source: the next one is due at once.
    pub fn set_interval(&mut self, now: Instant, source: TrackSource, interval: Duration) {
        self.publication_mut(source).set_interval(now, interval);
    }

    /// Sets how many packets of 1,100 bytes make a key frame of a source, whatever its other frames
    /// are like.
    pub fn set_key_parts(&mut self, source: TrackSource, parts: u8) {
        self.publication_mut(source).key_parts = Some(parts);
    }
}
