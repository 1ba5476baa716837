//! What is measured: by each connection into its own meter, summed up by whoever writes the
//! report.

mod calls;
mod histogram;
pub(crate) mod memory;
pub(crate) mod mos;
mod process;
mod streams;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use calls::SystemCalls;
pub use histogram::Histogram;
pub use process::{ProcessSample, ProcessUse};
pub use streams::Streams;
pub(crate) use streams::{Shown, freeze_after};

use crate::clock::{Nanos, SECOND};

/// Where one connection notes what it sees.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter(Arc<Mutex<Measured>>);

impl Meter {
    /// Locked by the connection once for each batch of packets, by the collector once a second.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Measured> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True when no connection holds it any more.
    pub(crate) fn is_last(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

/// What one connection saw, or several together.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// When each step of the join was done.
    pub join: Join,
    /// What should arrive.
    pub streams: Streams,
    /// Slots that carried nothing although somebody sent for them.
    pub silent_slots: u64,
    /// Sound that was received.
    pub sound: Received,
    /// Pictures that were received.
    pub picture: Received,
    /// Frames by the height of the picture.
    pub heights: BTreeMap<u16, Frames>,
    /// Key frames this side asked for.
    pub key_frames_wanted: u64,
    /// Requests for a key frame that came to a publisher.
    pub key_frames_asked: u64,
    /// Key frames a publisher sent.
    pub key_frames_sent: u64,
    /// Packets of media sent, and those sent again.
    pub packets_sent: u64,
    /// Bytes on the wire in both directions, from the UDP payload up.
    pub bytes_sent: u64,
    /// See [`Measured::bytes_sent`].
    pub bytes_received: u64,
    /// Packets that did not open, or of a source no answer announced.
    pub strays: u64,
    /// How the sound would be heard, where it is decoded.
    pub heard: Heard,
    /// Of encrypted rooms.
    pub sealed: Sealed,
}

/// When each step of a join was done, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Join {
    /// Begun.
    pub began: Option<Nanos>,
    /// The session is open.
    pub socket: Option<Nanos>,
    /// Let in.
    pub admitted: Option<Nanos>,
    /// The answer to the offer came.
    pub answered: Option<Nanos>,
    /// A connectivity check was answered.
    pub ice: Option<Nanos>,
    /// The handshake is done.
    pub dtls: Option<Nanos>,
    /// The first packet of media opened.
    pub first_packet: Option<Nanos>,
    /// The first picture could be decoded.
    pub first_frame: Option<Nanos>,
    /// Member of the circle, in an encrypted room.
    pub member: Option<Nanos>,
    /// The first frame was decrypted, in an encrypted room.
    pub first_opened: Option<Nanos>,
    /// No packet came in time although somebody sent.
    pub lacks_packet: bool,
    /// No picture came in time although somebody sent one.
    pub lacks_picture: bool,
}

/// Packets of one kind of media.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// From the publisher's socket to the kernel of the receiver, in microseconds.
    pub delay: Histogram,
    /// Packets the numbering says there should be.
    pub expected: u64,
    /// Packets that came by themselves.
    pub direct: u64,
    /// Packets that came when asked for again.
    pub repaired: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
    /// Requests to send a packet again.
    pub asked_again: u64,
}

/// Pictures that could be decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frames {
    /// How many.
    pub decoded: u64,
    /// Time over which they came, in nanoseconds, added up over all receivers.
    pub over: Nanos,
    /// Times the picture stood still.
    pub freezes: u64,
    /// For how long, in nanoseconds.
    pub frozen: Nanos,
}

/// Sound that was really decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Samples played.
    pub samples: u64,
    /// Of these, invented because nothing came in time.
    pub concealed: u64,
    /// Of these, restored from the packet after (redundancy, or in-band error correction).
    pub corrected: u64,
}

/// Frames of encrypted rooms, and the circle they are sealed in.
#[derive(Clone, Debug, Default)]
pub struct Sealed {
    /// Frames that were decrypted.
    pub opened: u64,
    /// Frames for which no key was there in time.
    pub no_key: u64,
    /// Frames that were not authentic.
    pub forged: u64,
    /// Frames that had come before.
    pub replayed: u64,
    /// Frames of another track than the slot was meant to carry: those on their way at a change.
    pub misrouted: u64,
    /// Frames that nobody had encrypted.
    pub in_clear: u64,
    /// Frames a sender left out because it had no key yet.
    pub unsent: u64,
    /// Times something of the circle was refused, and begun anew.
    pub broken: u64,
    /// From sending a commit to having its epoch, at each member, in microseconds.
    pub rekey: Histogram,
}

impl Sealed {
    pub(crate) fn add(&mut self, other: &Self) {
        self.opened += other.opened;
        self.no_key += other.no_key;
        self.forged += other.forged;
        self.replayed += other.replayed;
        self.misrouted += other.misrouted;
        self.in_clear += other.in_clear;
        self.unsent += other.unsent;
        self.broken += other.broken;
        self.rekey.merge(&other.rekey);
    }
}

impl Measured {
    /// Takes what was measured since the last time; the join stays, and what is expected.
    pub(crate) fn take(&mut self) -> Self {
        let (join, streams) = (self.join, std::mem::take(&mut self.streams));
        std::mem::replace(self, Self { join, streams, ..Self::default() })
    }

    /// Adds what another saw, its join left out.
    pub(crate) fn add(&mut self, other: &Self) {
        self.silent_slots += other.silent_slots;
        self.sound.add(&other.sound);
        self.picture.add(&other.picture);
        for (height, frames) in &other.heights {
            let mine = self.heights.entry(*height).or_default();
            mine.decoded += frames.decoded;
            mine.over += frames.over;
            mine.freezes += frames.freezes;
            mine.frozen += frames.frozen;
        }
        self.key_frames_wanted += other.key_frames_wanted;
        self.key_frames_asked += other.key_frames_asked;
        self.key_frames_sent += other.key_frames_sent;
        self.packets_sent += other.packets_sent;
        self.bytes_sent += other.bytes_sent;
        self.bytes_received += other.bytes_received;
        self.strays += other.strays;
        self.heard.samples += other.heard.samples;
        self.heard.concealed += other.heard.concealed;
        self.heard.corrected += other.heard.corrected;
        self.sealed.add(&other.sealed);
    }

    /// Packets that never came, of all kinds, of 100.
    pub(crate) fn loss_percent(&self) -> f64 {
        let all = [&self.sound, &self.picture];
        let expected = all.map(|received| received.expected).iter().sum::<u64>();
        share(expected.saturating_sub(self.packets_received()), expected) * 100.0
    }

    /// Packets of media that arrived, in whatever way.
    pub(crate) fn packets_received(&self) -> u64 {
        let of = |received: &Received| received.direct + received.repaired;
        of(&self.sound) + of(&self.picture)
    }
}

impl Received {
    fn add(&mut self, other: &Self) {
        self.delay.merge(&other.delay);
        self.expected += other.expected;
        self.direct += other.direct;
        self.repaired += other.repaired;
        self.bytes += other.bytes;
        self.asked_again += other.asked_again;
    }

    /// Share of the packets that did not come by themselves, 0 to 1.
    pub fn loss_before_repair(&self) -> f64 {
        share(self.expected.saturating_sub(self.direct), self.expected)
    }

    /// Share of the packets that never came, 0 to 1.
    pub fn loss(&self) -> f64 {
        share(self.expected.saturating_sub(self.direct + self.repaired), self.expected)
    }
}

impl Frames {
    /// Decodable frames a second; 0 when they were seen for too short to tell.
    pub fn rate(&self) -> f64 {
        if self.over < SECOND { 0.0 } else { self.decoded as f64 * 1e9 / self.over as f64 }
    }
}

/// `part` of `whole`, 0 when there is nothing.
pub(crate) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_counts_what_never_came_and_repair_what_came_late() {
        let received =
            Received { expected: 1_000, direct: 980, repaired: 15, ..Received::default() };
        assert!((received.loss_before_repair() - 0.02).abs() < 1e-9);
        assert!((received.loss() - 0.005).abs() < 1e-9);
        assert_eq!(Received::default().loss(), 0.0);
    }

    #[test]
    fn taking_leaves_the_join_and_nothing_else() {
        let mut measured = Measured::default();
        measured.join.began = Some(1);
        measured.strays = 2;
        assert_eq!(measured.take().strays, 2);
        assert_eq!((measured.strays, measured.join.began), (0, Some(1)));
    }
}
