//! What others may know of a slot. Nothing here changes it.

use std::time::Instant;

use protocol::TrackId;

use super::{SentCounters, Subscription};
use crate::codec::CodecSet;
use crate::command::Mid;
use crate::layer;
use crate::router::{LayerKey, TrackKey, Tracks};
use crate::sdp::SlotSsrcs;

impl Subscription {
    /// Name of the section.
    pub(crate) fn mid(&self) -> &Mid {
        &self.mid
    }

    /// True for pictures, false for sound.
    pub(crate) fn is_video(&self) -> bool {
        self.is_video
    }

    /// The codecs its browser plays.
    pub(crate) fn playable(&self) -> CodecSet {
        CodecSet::of(self.codecs.iter().map(|codec| codec.kind))
    }

    /// Whether its browser plays what it carries, as far as anything came of that.
    pub(crate) fn plays(&self, now: Instant, tracks: &Tracks) -> bool {
        let track = self.track.and_then(|key| tracks.track(key));
        let layers = track.into_iter().flat_map(|track| &track.layers);
        let mut sent = layers.filter(|it| it.is_alive(now)).filter_map(|it| it.codec);
        let is_played = |codec| self.codecs.iter().any(|known| known.kind == codec);
        !self.is_video || sent.all(is_played)
    }

    /// Our sources.
    pub(crate) fn ssrcs(&self) -> SlotSsrcs {
        self.ssrcs
    }

    /// Height in pixels at which the picture is shown, if known.
    pub(crate) fn max_height(&self) -> Option<u16> {
        self.max_height
    }

    /// What it shall carry.
    pub(crate) fn wanted(&self) -> Option<TrackId> {
        self.wanted
    }

    /// The track it carries, if that is published.
    pub(crate) fn track(&self) -> Option<TrackKey> {
        self.track
    }

    /// The layer that is forwarded now.
    pub(crate) fn forwarded(&self) -> Option<LayerKey> {
        Some(LayerKey { track: self.track?, layer: self.current? })
    }

    /// The layer that is forwarded or waited for, whose key frame helps.
    pub(crate) fn awaited(&self) -> Option<LayerKey> {
        Some(LayerKey { track: self.track?, layer: self.target? })
    }

    /// The layers that have to be sent for this slot: the one worth its height, whether it is sent
    /// at present or not, and those forwarded or waited for meanwhile; the least where the path has
    /// nothing for those that are sent.
    pub(crate) fn wanted_layers(&self, layer_count: usize) -> [Option<u8>; 3] {
        let preferred = u8::try_from(layer::preferred(self.max_height, layer_count)).ok();
        let least = u8::try_from(layer_count.saturating_sub(1)).ok();
        let awaited = if self.is_limited_to_none() { least } else { self.target };
        [preferred, awaited, self.current]
    }

    /// Shift of the timestamps and counters of the slot, for a sender report.
    pub(crate) fn report_basis(&self) -> Option<(u32, SentCounters)> {
        Some((self.numbers.timestamp_shift()?, self.sent))
    }
}
