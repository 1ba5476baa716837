//! What a participant of an encrypted room seals and opens its frames with. Shared by its circle, which
//! has the keys, and its media connection.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use e2ee_member::ParticipantId;
use e2ee_member::attendance::EpochKeys;
use e2ee_member::frames::{
    Codec, Incoming, Level, Opener, Released, Sealer, Source, Verdict, Why, header,
};
use protocol::TrackSource;

use crate::measure::Sealed;

/// See the module's description.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shield(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    sealer: Sealer,
    opener: Opener,
    /// Who had which leaf, by the low byte of the epoch, the newest last.
    leaves: VecDeque<(u8, HashMap<ParticipantId, u16>)>,
    /// Whose track each slot carries, by its SSRC.
    carried: HashMap<u32, (ParticipantId, Source)>,
    /// Frames of an epoch that is not known yet.
    early: VecDeque<Arrived>,
    /// What became of frames that waited, until somebody notes it.
    settled: Sealed,
}

/// A frame and since when it is here.
#[derive(Debug)]
struct Arrived {
    since: Instant,
    ssrc: u32,
    codec: Codec,
    bytes: Vec<u8>,
}

impl Shield {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seals one frame; `None` where there is no key for it, and nothing may be sent.
    pub(crate) fn seal(&self, source: TrackSource, frame: &[u8]) -> Option<Vec<u8>> {
        let codec = codec(source.is_video());
        self.lock().sealer.seal(source_of(source), Level::Everybody, codec, frame).ok()
    }

    /// Opens one frame that came on a slot; `None` where it is not to be played, or not yet.
    pub(crate) fn open(
        &self,
        ssrc: u32,
        is_video: bool,
        bytes: Vec<u8>,
        noted: &mut Sealed,
    ) -> Option<Vec<u8>> {
        let now = Instant::now();
        let mut inner = self.lock();
        inner.settle(now);
        let verdict = inner.open(now, Arrived { since: now, ssrc, codec: codec(is_video), bytes });
        noted.add(&std::mem::take(&mut inner.settled));
        note(&verdict, noted);
        match verdict {
            Verdict::Opened(plain) => Some(plain),
            Verdict::Held | Verdict::Dropped(_) => None,
        }
    }

    /// Says whose track a slot is meant to carry from now on.
    pub(crate) fn expect(&self, ssrc: u32, carried: Option<(ParticipantId, TrackSource)>) {
        let mut inner = self.lock();
        match carried {
            Some((participant, source)) => {
                inner.carried.insert(ssrc, (participant, source_of(source)))
            }
            None => inner.carried.remove(&ssrc),
        };
    }

    /// Frames of this epoch can be opened from now on.
    pub(crate) fn open_in(&self, keys: EpochKeys, leaves: HashMap<ParticipantId, u16>) {
        let now = Instant::now();
        let mut inner = self.lock();
        inner.leaves.push_back((keys.epoch.to_be_bytes()[7], leaves));
        if inner.leaves.len() > MAX_EPOCHS {
            inner.leaves.pop_front();
        }
        let released = inner.opener.set_epoch(now, keys.epoch, keys.base_key);
        inner.take(released);
        for early in std::mem::take(&mut inner.early) {
            let verdict = inner.open(now, early);
            note(&verdict, &mut inner.settled);
        }
    }

    /// Frames are sealed in this epoch from now on.
    pub(crate) fn seal_in(&self, keys: EpochKeys) {
        self.lock().sealer.set_epoch(keys.leaf, keys.epoch, keys.base_key);
    }

    /// No longer a member.
    pub(crate) fn stop(&self) {
        let mut inner = self.lock();
        inner.sealer.stop();
        inner.opener.stop();
        inner.leaves.clear();
        inner.early.clear();
    }
}

impl Inner {
    fn open(&mut self, now: Instant, frame: Arrived) -> Verdict {
        let Arrived { since, ssrc, codec, bytes } = frame;
        let Some((participant, source)) = self.carried.get(&ssrc) else {
            return Verdict::Dropped(Why::Misrouted);
        };
        let Some((kid, _)) = header(codec, &bytes) else {
            return Verdict::Dropped(Why::Clear);
        };
        let leaves = self.leaves.iter().rev().find(|(epoch, _)| *epoch == kid.epoch);
        let Some((_, leaves)) = leaves else {
            // The commit that leads there is not here yet.
            if self.early.len() >= MAX_EARLY {
                return Verdict::Dropped(Why::NoKey);
            }
            self.early.push_back(Arrived { since, ssrc, codec, bytes });
            return Verdict::Held;
        };
        let Some(leaf) = leaves.get(participant) else {
            return Verdict::Dropped(Why::Misrouted);
        };
        let expected = (*leaf, *source);
        self.opener.open(now, Incoming { slot: 0, expected, codec, bytes })
    }

    /// Gives up what waited for too long.
    fn settle(&mut self, now: Instant) {
        if self.opener.held_until().is_some_and(|until| until <= now) {
            let released = self.opener.release(now);
            self.take(released);
        }
        while self.early.front().is_some_and(|early| early.since + EARLY <= now) {
            self.early.pop_front();
            self.settled.no_key += 1;
        }
    }

    fn take(&mut self, released: Vec<Released>) {
        for Released { verdict, .. } in released {
            note(&verdict, &mut self.settled);
        }
    }
}

fn note(verdict: &Verdict, noted: &mut Sealed) {
    match verdict {
        Verdict::Opened(_) => noted.opened += 1,
        Verdict::Held => {}
        Verdict::Dropped(Why::Clear) => noted.in_clear += 1,
        Verdict::Dropped(Why::Misrouted) => noted.misrouted += 1,
        Verdict::Dropped(Why::NoKey) => noted.no_key += 1,
        Verdict::Dropped(Why::Forged) => noted.forged += 1,
        Verdict::Dropped(Why::Replayed) => noted.replayed += 1,
    }
}

fn codec(is_video: bool) -> Codec {
    if is_video { Codec::Vp8 } else { Codec::Opus }
}

fn source_of(source: TrackSource) -> Source {
    match source {
        TrackSource::Microphone => Source::Microphone,
        TrackSource::Camera => Source::Camera,
        TrackSource::Screen => Source::Screen,
        TrackSource::ScreenAudio => Source::ScreenAudio,
    }
}

/// Epochs whose leaves are remembered: more than come within the time that keys are kept.
const MAX_EPOCHS: usize = 32;

/// How long a frame waits for its epoch.
const EARLY: Duration = Duration::from_millis(500);

/// How many frames do.
const MAX_EARLY: usize = 256;
