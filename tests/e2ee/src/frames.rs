//! Sealed frames: SFrame (RFC 9605) with AES_128_GCM_SHA256_128, by the crate `sframe`. Here stand the
//! key ids, the clear prefix of VP8, and what a receiver does with frames that come early, twice, or
//! from the wrong sender.

use std::collections::HashMap;

use sframe::CipherSuite;
use sframe::frame::{MediaFrameView, MonotonicCounter};
use sframe::header::SframeHeader;
use sframe::key::EncryptionKey;

use crate::bytes::Cut;
use crate::crypto::hkdf;

mod open;
#[cfg(test)]
mod tests;

pub use open::{Counters, Incoming, Opener, Released, Verdict, Why};

const SUITE: CipherSuite = CipherSuite::AesGcm128Sha256;

/// Bytes of the authentication tag.
pub const TAG_BYTES: usize = 16;

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// Opaque messages.
    Data = 0,
    /// A voice.
    Microphone = 1,
    /// A face.
    Camera = 2,
    /// A shared screen.
    Screen = 3,
    /// Its sound.
    ScreenAudio = 4,
}

/// Who is meant to open it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// The whole circle.
    Everybody = 0,
    /// The sender's own breakout group.
    Group = 1,
    /// Moderators.
    Moderators = 2,
}

const SOURCES: [Source; 5] =
    [Source::Data, Source::Microphone, Source::Camera, Source::Screen, Source::ScreenAudio];
const LEVELS: [Level; 3] = [Level::Everybody, Level::Group, Level::Moderators];

/// A key id: `context 4 ‖ leaf 12 ‖ epoch 8` bits, the context being source + 5 · level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kid {
    /// What is sent.
    pub source: Source,
    /// To whom.
    pub level: Level,
    /// The sender's leaf, below 4,096.
    pub leaf: u16,
    /// Low byte of the epoch.
    pub epoch: u8,
}

impl Kid {
    /// As it stands in the header.
    #[must_use]
    pub fn to_u64(self) -> u64 {
        let context = self.source as u64 + 5 * self.level as u64;
        context << 20 | u64::from(self.leaf & 0xfff) << 8 | u64::from(self.epoch)
    }

    /// Reads it.
    ///
    /// # Errors
    /// No key id of ours.
    pub fn from_u64(kid: u64) -> Result<Self, Cut> {
        let context = usize::try_from(kid >> 20).map_err(|_| Cut)?;
        Ok(Self {
            source: SOURCES[context % 5],
            level: *LEVELS.get(context / 5).ok_or(Cut)?,
            leaf: u16::try_from(kid >> 8 & 0xfff).map_err(|_| Cut)?,
            epoch: kid.to_be_bytes()[7],
        })
    }
}

/// What the packetizer has to be able to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Nothing.
    Opus,
    /// The frame's first bytes, in mode *plain*.
    Vp8,
    /// Nothing.
    Vp9,
    /// Nothing: messages, and any codec of mode *raw*.
    Whole,
}

/// How many bytes at the start of `frame` stay clear in mode *plain*; `None` where there are fewer.
#[must_use]
pub fn clear_prefix(codec: Codec, frame: &[u8]) -> Option<usize> {
    let length = match (codec, frame.first()?) {
        (Codec::Vp8, first) if first & 1 == 0 => 10,
        (Codec::Vp8, _) => 3,
        (Codec::Opus | Codec::Vp9 | Codec::Whole, _) => 0,
    };
    (frame.len() >= length).then_some(length)
}

/// Base key of a narrow audience.
#[must_use]
pub fn narrow_base(base_key: &[u8; 16], root: &[u8; 16]) -> [u8; 16] {
    hkdf(root, base_key, &[b"preau narrow v1"])
}

/// Why nothing is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSealed {
    /// There is no key for it: nothing is sent.
    #[error("no key")]
    NoKey,
    /// The frame is shorter than what must stay clear of it.
    #[error("no frame of that codec")]
    NoFrame,
}

/// Seals what one member sends.
#[derive(Default)]
pub struct Sealer {
    epoch: Option<Sending>,
    roots: HashMap<Level, [u8; 16]>,
    keys: HashMap<Kid, EncryptionKey>,
    counters: HashMap<Kid, MonotonicCounter>,
}

#[derive(Clone, Copy)]
struct Sending {
    leaf: u16,
    epoch: u64,
    base_key: [u8; 16],
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let epoch = self.epoch.map(|sending| sending.epoch);
        f.debug_struct("Sealer").field("epoch", &epoch).finish_non_exhaustive()
    }
}

impl Sealer {
    /// Frames are sealed in this epoch from now on. An epoch is never gone back to, so that no key
    /// meets a counter twice.
    pub fn set_epoch(&mut self, leaf: u16, epoch: u64, base_key: [u8; 16]) {
        if self.epoch.is_none_or(|sending| sending.epoch < epoch || sending.base_key != base_key) {
            self.keys.clear();
            self.counters.clear();
            self.epoch = Some(Sending { leaf, epoch, base_key });
        }
    }

    /// The epoch frames are sealed in.
    #[must_use]
    pub fn epoch(&self) -> Option<u64> {
        self.epoch.map(|sending| sending.epoch)
    }

    /// No longer a member: nothing is sent.
    pub fn stop(&mut self) {
        *self = Self::default();
    }

    /// A new root for a narrow audience. The counters go on: the key ids stay the same.
    pub fn set_root(&mut self, level: Level, root: [u8; 16]) {
        self.roots.insert(level, root);
        self.keys.retain(|kid, _| kid.level != level);
    }

    /// Seals a frame: `prefix ‖ header ‖ ciphertext ‖ tag`.
    ///
    /// # Errors
    /// Why nothing may be sent.
    ///
    /// # Panics
    /// Never: the library fails on lengths and exhausted counters alone.
    pub fn seal(
        &mut self,
        source: Source,
        level: Level,
        codec: Codec,
        frame: &[u8],
    ) -> Result<Vec<u8>, NotSealed> {
        let Sending { leaf, epoch, base_key } = self.epoch.ok_or(NotSealed::NoKey)?;
        let base_key = match (level, self.roots.get(&level)) {
            (Level::Everybody, _) => base_key,
            (Level::Group | Level::Moderators, Some(root)) => narrow_base(&base_key, root),
            (Level::Group | Level::Moderators, None) => return Err(NotSealed::NoKey),
        };
        let (prefix, rest) = frame.split_at(clear_prefix(codec, frame).ok_or(NotSealed::NoFrame)?);
        let epoch = epoch.to_be_bytes()[7];
        let kid = Kid { source, level, leaf, epoch };
        let key = self.keys.entry(kid).or_insert_with(|| {
            EncryptionKey::derive_from(SUITE, kid.to_u64(), base_key)
                .expect("the base key has its length")
        });
        let counter = self.counters.entry(kid).or_default();
        let mut sealed = Vec::with_capacity(frame.len() + 7 + TAG_BYTES);
        MediaFrameView::try_with_meta_data(counter, rest, prefix)
            .and_then(|plain| plain.encrypt_into(key, &mut sealed).map(drop))
            .map_err(|_| NotSealed::NoKey)?;
        Ok(sealed)
    }
}

/// The key id and counter at the start of a sealed frame; `None` for what is none.
#[must_use]
pub fn header(codec: Codec, frame: &[u8]) -> Option<(Kid, u64)> {
    let (_, sealed) = frame.split_at(clear_prefix(codec, frame)?);
    let header = SframeHeader::deserialize(sealed).ok()?;
    let kid = Kid::from_u64(header.key_id()).ok()?;
    let minimal = SframeHeader::new(header.key_id(), header.counter()).len();
    (header.len() == minimal && sealed.len() >= minimal + TAG_BYTES)
        .then_some((kid, header.counter()))
}
