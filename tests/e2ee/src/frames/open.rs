//! The receiving side.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use sframe::error::SframeError;
use sframe::frame::EncryptedFrameView;
use sframe::frame::validation::{ReplayAttackProtection, Tolerance};
use sframe::key::DecryptionKey;

use super::{Codec, Kid, Level, SUITE, Source, clear_prefix, header, narrow_base};

/// Counters behind the newest that are still looked at.
const REPLAY_WINDOW: usize = 1024;
/// How long keys of the epoch before are kept.
const KEPT: Duration = Duration::from_secs(5);
/// How long a frame waits for its key.
const HELD: Duration = Duration::from_millis(500);
/// How many frames of one sender's source wait.
const HELD_FRAMES: usize = 64;

/// A frame that came in.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Where it came in, for whoever asked; handed back with what was held.
    pub slot: usize,
    /// The leaf and the source the slot is meant to carry.
    pub expected: (u16, Source),
    /// What it is of.
    pub codec: Codec,
    /// The sealed frame.
    pub bytes: Vec<u8>,
}

/// Why a frame was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// Of an epoch or a root that is not known, or no longer.
    NoKey,
    /// Not authentic.
    Forged,
    /// Seen before, or far too old.
    Replayed,
    /// Of another sender or source than the slot is meant to carry.
    Misrouted,
    /// Not sealed.
    Clear,
}

/// What became of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Opened: the plain frame.
    Opened(Vec<u8>),
    /// It waits for its key.
    Held,
    /// Dropped, and never passed on.
    Dropped(Why),
}

/// What became of a frame that was held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Released {
    /// Where it came in.
    pub slot: usize,
    /// Opened or dropped.
    pub verdict: Verdict,
}

/// How many frames of one sender were opened, and how many dropped for what reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Opened.
    pub opened: u64,
    /// Dropped.
    pub dropped: HashMap<Why, u64>,
}

struct Epoch {
    number: u64,
    base_key: [u8; 16],
    /// Of all epochs but the present one.
    until: Option<Instant>,
    keys: HashMap<(Kid, [u8; 16]), DecryptionKey>,
    windows: HashMap<Kid, ReplayAttackProtection>,
}

struct Waiting {
    since: Instant,
    frame: Incoming,
}

/// Opens what one member receives.
#[derive(Default)]
pub struct Opener {
    /// The newest last.
    epochs: VecDeque<Epoch>,
    /// Of each sender's narrow audience, the newest first.
    roots: HashMap<(u16, Level), VecDeque<[u8; 16]>>,
    held: VecDeque<Waiting>,
    counters: HashMap<u16, Counters>,
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let epochs: Vec<u64> = self.epochs.iter().map(|epoch| epoch.number).collect();
        f.debug_struct("Opener")
            .field("epochs", &epochs)
            .field("held", &self.held.len())
            .finish_non_exhaustive()
    }
}

impl Opener {
    /// Frames of this epoch can be opened from `now` on, those of the one before for 5 s more. Gives
    /// what was held for it.
    pub fn set_epoch(&mut self, now: Instant, number: u64, base_key: [u8; 16]) -> Vec<Released> {
        let known =
            self.epochs.iter().any(|epoch| epoch.number == number && epoch.base_key == base_key);
        if !known {
            // Another circle's epochs mean nothing in this one.
            self.epochs.retain(|epoch| epoch.number < number);
            for before in &mut self.epochs {
                before.until.get_or_insert(now + KEPT);
            }
            self.epochs.push_back(Epoch {
                number,
                base_key,
                until: None,
                keys: HashMap::new(),
                windows: HashMap::new(),
            });
        }
        self.release(now)
    }

    /// The root of a sender's narrow audience. Gives what was held for it.
    pub fn set_root(
        &mut self,
        now: Instant,
        leaf: u16,
        level: Level,
        root: [u8; 16],
    ) -> Vec<Released> {
        let roots = self.roots.entry((leaf, level)).or_default();
        if !roots.contains(&root) {
            roots.push_front(root);
            roots.truncate(2);
        }
        self.release(now)
    }

    /// No longer a member: nothing can be opened.
    pub fn stop(&mut self) {
        self.epochs.clear();
        self.roots.clear();
        self.held.clear();
    }

    /// Opens a frame, holds it, or drops it.
    pub fn open(&mut self, now: Instant, frame: Incoming) -> Verdict {
        let leaf = frame.expected.0;
        let verdict = match self.attempt(now, &frame) {
            Attempt::Opened(plain) => Verdict::Opened(plain),
            Attempt::Dropped(why) => Verdict::Dropped(why),
            Attempt::TooEarly => {
                let waiting = self.held.iter().filter(|held| held.frame.expected == frame.expected);
                if waiting.count() < HELD_FRAMES {
                    self.held.push_back(Waiting { since: now, frame });
                    return Verdict::Held;
                }
                Verdict::Dropped(Why::NoKey)
            }
        };
        self.count(leaf, &verdict);
        verdict
    }

    /// Gives what was held and can be opened now, or waited for too long.
    pub fn release(&mut self, now: Instant) -> Vec<Released> {
        let mut released = Vec::new();
        for waiting in std::mem::take(&mut self.held) {
            let (slot, leaf) = (waiting.frame.slot, waiting.frame.expected.0);
            let verdict = match self.attempt(now, &waiting.frame) {
                Attempt::Opened(plain) => Verdict::Opened(plain),
                Attempt::Dropped(why) => Verdict::Dropped(why),
                Attempt::TooEarly if now < waiting.since + HELD => {
                    self.held.push_back(waiting);
                    continue;
                }
                Attempt::TooEarly => Verdict::Dropped(Why::NoKey),
            };
            self.count(leaf, &verdict);
            released.push(Released { slot, verdict });
        }
        released
    }

    /// When [`Self::release`] would next drop what is held.
    #[must_use]
    pub fn held_until(&self) -> Option<Instant> {
        self.held.iter().map(|waiting| waiting.since + HELD).min()
    }

    /// Of the sender with that leaf.
    #[must_use]
    pub fn counters(&self, leaf: u16) -> Counters {
        self.counters.get(&leaf).cloned().unwrap_or_default()
    }

    fn count(&mut self, leaf: u16, verdict: &Verdict) {
        let counters = self.counters.entry(leaf).or_default();
        match verdict {
            Verdict::Opened(_) => counters.opened += 1,
            Verdict::Dropped(why) => *counters.dropped.entry(*why).or_default() += 1,
            Verdict::Held => {}
        }
    }

    fn attempt(&mut self, now: Instant, frame: &Incoming) -> Attempt {
        let Some((kid, _)) = header(frame.codec, &frame.bytes) else {
            return Attempt::Dropped(Why::Clear);
        };
        if (kid.leaf, kid.source) != frame.expected {
            return Attempt::Dropped(Why::Misrouted);
        }
        self.epochs.retain(|epoch| epoch.until.is_none_or(|until| now < until));
        let newest = self.epochs.back().map(|epoch| epoch.number.to_be_bytes()[7]);
        let Some(epoch) =
            self.epochs.iter_mut().rev().find(|epoch| epoch.number.to_be_bytes()[7] == kid.epoch)
        else {
            // The signed difference modulo 256 says whether it is one to come.
            let ahead =
                newest.is_none_or(|newest| (1..128).contains(&kid.epoch.wrapping_sub(newest)));
            return if ahead { Attempt::TooEarly } else { Attempt::Dropped(Why::NoKey) };
        };
        match kid.level {
            Level::Everybody => epoch.open(kid, epoch.base_key, frame),
            Level::Group | Level::Moderators => {
                let mut outcome = Attempt::TooEarly;
                for root in self.roots.get(&(kid.leaf, kid.level)).into_iter().flatten() {
                    outcome = epoch.open(kid, narrow_base(&epoch.base_key, root), frame);
                    if !matches!(outcome, Attempt::Dropped(Why::Forged)) {
                        break;
                    }
                }
                // A frame under a root that is still on its way looks forged until then.
                if matches!(outcome, Attempt::Dropped(Why::Forged)) {
                    Attempt::TooEarly
                } else {
                    outcome
                }
            }
        }
    }
}

enum Attempt {
    Opened(Vec<u8>),
    TooEarly,
    Dropped(Why),
}

impl Epoch {
    fn open(&mut self, kid: Kid, base_key: [u8; 16], frame: &Incoming) -> Attempt {
        let key = self.keys.entry((kid, base_key)).or_insert_with(|| {
            DecryptionKey::derive_from(SUITE, kid.to_u64(), base_key)
                .expect("the base key has its length")
        });
        let window = self.windows.entry(kid).or_insert_with(|| {
            ReplayAttackProtection::new(kid.to_u64(), Tolerance::new(REPLAY_WINDOW))
        });
        let Some(prefix) = clear_prefix(frame.codec, &frame.bytes) else {
            return Attempt::Dropped(Why::Clear);
        };
        let (prefix, sealed) = frame.bytes.split_at(prefix);
        let mut plain = Vec::with_capacity(frame.bytes.len());
        let opened = EncryptedFrameView::try_with_meta_data(sealed, prefix)
            .and_then(|view| view.validated_decrypt_into(&*key, &mut plain, window).map(drop));
        match opened {
            Ok(()) => Attempt::Opened(plain),
            Err(SframeError::FrameValidationFailed(_)) => Attempt::Dropped(Why::Replayed),
            Err(_) => Attempt::Dropped(Why::Forged),
        }
    }
}
