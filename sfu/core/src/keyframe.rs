//! When to ask a publisher's layer for a key frame: the wishes of all its subscribers become few
//! requests.

use std::time::{Duration, Instant};

/// Shortest time between two requests. Lowered, a mass join makes the publisher send key frames
/// in a row; raised, those who come just after a request wait longer.
pub const MIN_INTERVAL: Duration = Duration::from_millis(300);

/// Longest time between two requests that stay unanswered. Raised, a publisher that was away gets
/// going later; lowered, one that is away costs more.
pub const MAX_INTERVAL: Duration = Duration::from_secs(4);

/// Time between two requests that whoever keeps asking gets in the long run. Lowered, one
/// subscriber can spoil the picture of all others; raised, those who come late to a full room wait
/// longer.
const SUSTAINED_INTERVAL: Duration = Duration::from_secs(1);

/// So much of it can be had in advance. Raised, more of a class that comes in one after the other
/// wait for the shortest interval only; lowered, somebody who keeps asking costs less.
const IN_ADVANCE: Duration = Duration::from_secs(5);

/// Key frame requests of one layer. Sends the first at once, then repeats with growing pauses
/// until a key frame comes or nobody wants one any more.
#[derive(Clone, Debug, Default)]
pub struct KeyFrameRequests {
    /// When the next request is due; `None` while nobody wants a key frame.
    due: Option<Instant>,
    last_sent: Option<Instant>,
    pause: Option<Duration>,
    /// When the requests until now would have been sent, had all kept the sustained interval.
    paid: Option<Instant>,
}

impl KeyFrameRequests {
    /// Nothing wanted, nothing sent.
    pub fn new() -> Self {
        Self::default()
    }

    /// Somebody cannot go on without a key frame. Ask [`Self::poll_request`] right after. Who asks
    /// again while a request is due changes nothing.
    pub fn want(&mut self, now: Instant) {
        if self.due.is_none() {
            self.due = Some(self.earliest(now));
        }
    }

    /// A key frame began to arrive: every wish is fulfilled.
    pub fn handle_key_frame(&mut self) {
        self.cancel();
    }

    /// The layer sends again after a while without a packet:
    /// it can answer what it did not before.
    pub fn handle_return(&mut self, now: Instant) {
        if self.due.is_some() {
            self.due = Some(self.earliest(now));
            self.pause = None;
        }
    }

    /// Nobody watches this layer any more.
    pub fn cancel(&mut self) {
        self.due = None;
        self.pause = None;
    }

    /// True when a request must be sent to the publisher now; counts it as sent.
    pub fn poll_request(&mut self, now: Instant) -> bool {
        if self.due.is_none_or(|due| now < due) {
            return false;
        }
        let pause = self.pause.map_or(MIN_INTERVAL, |pause| (pause * 2).min(MAX_INTERVAL));
        self.pause = Some(pause);
        self.last_sent = Some(now);
        self.paid = Some(self.paid.map_or(now, |paid| paid.max(now)) + SUSTAINED_INTERVAL);
        self.due = Some(self.earliest(now + pause));
        true
    }

    /// When [`Self::poll_request`] will next say yes.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// The first instant from this one on at which a request may be sent.
    fn earliest(&self, from: Instant) -> Instant {
        let spaced = self.last_sent.map_or(from, |sent| from.max(sent + MIN_INTERVAL));
        self.paid.and_then(|paid| paid.checked_sub(IN_ADVANCE)).map_or(spaced, |at| at.max(spaced))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
    fn start() -> Instant {
        Instant::now()
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Milliseconds after `start` at which requests go out until `end`, with wishes at `wants`.
    fn requests(start: Instant, wants: &[u64], key_frames: &[u64], end: u64) -> Vec<u64> {
        let mut layer = KeyFrameRequests::new();
        let mut sent = Vec::new();
        for at in 0..end {
            let now = start + ms(at);
            if key_frames.contains(&at) {
                layer.handle_key_frame();
            }
            if wants.contains(&at) {
                layer.want(now);
            }
            let is_due = layer.poll_timeout().is_some_and(|due| due <= now);
            assert_eq!(layer.poll_request(now), is_due);
            if is_due {
                sent.push(at);
            }
        }
        sent
    }

    #[test]
    fn nothing_is_asked_when_nobody_wants_it() {
        assert_eq!(requests(start(), &[], &[], 10_000), [0; 0]);
    }

    #[test]
    fn the_first_wish_is_asked_at_once_and_repeated_with_growing_pauses() {
        let sent = requests(start(), &[5], &[], 16_000);
        assert_eq!(sent, [5, 305, 905, 2_105, 4_505, 8_505, 12_505]);
    }

    #[test]
    fn a_key_frame_ends_the_asking() {
        assert_eq!(requests(start(), &[5], &[350], 10_000), [5, 305]);
    }

    #[test]
    fn wishes_close_together_share_one_request() {
        let mass_join: Vec<u64> = (0..100).collect();
        assert_eq!(requests(start(), &mass_join, &[120], 10_000), [0]);
    }

    #[test]
    fn a_wish_after_a_key_frame_waits_for_the_shortest_interval() {
        assert_eq!(requests(start(), &[0, 60], &[50, 400], 10_000), [0, 300]);
    }

    #[test]
    fn a_wish_that_is_renewed_keeps_the_pauses_growing() {
        let all_the_time: Vec<u64> = (5..16_000).collect();
        let sent = requests(start(), &all_the_time, &[], 16_000);
        assert_eq!(sent, [5, 305, 905, 2_105, 4_505, 8_505, 12_505]);
    }

    #[test]
    fn who_keeps_asking_after_each_key_frame_gets_a_few_and_then_one_a_second() {
        let all_the_time: Vec<u64> = (0..60_000).collect();
        let answers: Vec<u64> = (0..60_000).filter(|at| at % 100 == 50).collect();
        let sent = requests(start(), &all_the_time, &answers, 60_000);
        assert_eq!(sent[..3], [0, 300, 600], "a few who come together wait little");
        assert!((60..=66).contains(&sent.len()), "{} requests in a minute", sent.len());
    }

    #[test]
    fn a_layer_that_comes_back_is_asked_at_once() {
        let now = start();
        let mut layer = KeyFrameRequests::new();
        layer.handle_return(now);
        assert_eq!(layer.poll_timeout(), None, "nobody wants one");
        layer.want(now);
        for at in [0, 300, 900, 2_100] {
            assert!(layer.poll_request(now + ms(at)));
        }
        layer.handle_return(now + ms(3_000));
        assert!(layer.poll_request(now + ms(3_000)));
        assert_eq!(layer.poll_timeout(), Some(now + ms(3_300)));
    }

    #[test]
    fn nobody_watching_ends_the_asking() {
        let now = start();
        let mut layer = KeyFrameRequests::new();
        layer.want(now);
        assert!(layer.poll_request(now));
        layer.cancel();
        assert_eq!(layer.poll_timeout(), None);
        assert!(!layer.poll_request(now + MAX_INTERVAL));
    }

    proptest! {
        #[test]
        fn requests_keep_their_distance_and_no_wish_is_forgotten(
            wants in proptest::collection::vec(0..9_000_u64, 0..60),
            key_frames in proptest::collection::vec(0..9_000_u64, 0..40),
        ) {
            let sent = requests(start(), &wants, &key_frames, 14_000);
            for pair in sent.windows(2) {
                prop_assert!(pair[1] - pair[0] >= 300);
            }
            for (first, from) in sent.iter().enumerate() {
                for (count, to) in sent[first..].iter().enumerate() {
                    prop_assert!(count as u64 <= (to - from) / 1_000 + 5);
                }
            }
            let pause = MAX_INTERVAL.as_millis() as u64;
            for want in wants {
                let answered = key_frames.iter().any(|at| (want + 1..=want + pause).contains(at));
                let asked = sent.iter().any(|at| (want..=want + pause).contains(at));
                prop_assert!(answered || asked, "the wish at {} is forgotten", want);
            }
        }
    }
}
