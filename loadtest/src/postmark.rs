//! When what was sent, for servers that do not hand send times through: sender and receiver are
//! both in this process, and a payload is recognised by its end, which no server touches.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::Nanos;

/// Send times of the payloads of all participants.
#[derive(Clone, Debug, Default)]
pub(crate) struct Postmarks(Arc<Mutex<HashMap<(u64, u64), Nanos>>>);

impl Postmarks {
    /// Notes that a feed sends this payload now. One that repeats itself counts from its latest
    /// time on.
    pub(crate) fn note(&self, feed: u64, payload: &[u8], now: Nanos) {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if times.len() >= MAX_KEPT {
            times.clear();
        }
        times.insert((feed, end_of(payload)), now);
    }

    /// When a feed sent this payload.
    pub(crate) fn find(&self, feed: u64, payload: &[u8]) -> Option<Nanos> {
        let times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        times.get(&(feed, end_of(payload))).copied()
    }
}

/// The last bytes and the length: what stands before them a server may rewrite.
fn end_of(payload: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    payload.len().hash(&mut hasher);
    payload[payload.len().saturating_sub(END)..].hash(&mut hasher);
    hasher.finish()
}

/// Bytes that tell payloads apart.
const END: usize = 24;

/// Payloads remembered: some tens of seconds of thirty cameras. Beyond it all are forgotten, and
/// what is under way goes untimed.
const MAX_KEPT: usize = 200_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_known_by_its_feed_and_its_end() {
        let postmarks = Postmarks::default();
        let (mut sent, mut other) = (vec![1; 100], vec![1; 100]);
        (sent[99], other[99]) = (7, 8);
        postmarks.note(1, &sent, 50);
        sent[0] = 9;
        assert_eq!(postmarks.find(1, &sent), Some(50), "its beginning may be rewritten");
        assert_eq!((postmarks.find(2, &sent), postmarks.find(1, &other)), (None, None));
    }
}
