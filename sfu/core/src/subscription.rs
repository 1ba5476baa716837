//! One track towards one subscriber: a receive slot of fixed sources, and what it carries now.

use protocol::TrackId;

use crate::command::Mid;
use crate::sdp::{Codec, ExtensionIds, MediaKind, SlotSsrcs};

/// A receive slot. Its sources never change while the transport lives; its content does, and
/// the numbering on it goes on without a gap.
pub(crate) struct Subscription {
    /// Name of the section.
    pub(crate) mid: Mid,
    /// Sound or picture.
    pub(crate) kind: MediaKind,
    /// Our sources.
    pub(crate) ssrcs: SlotSsrcs,
    /// Codecs the subscriber can decode here.
    pub(crate) codecs: Vec<Codec>,
    /// Ids of the header extensions the subscriber understands here.
    pub(crate) extensions: ExtensionIds,
    /// What it shall carry.
    pub(crate) wanted: Option<TrackId>,
    /// Height in pixels at which the picture is shown, where known.
    pub(crate) max_height: Option<u16>,
}
