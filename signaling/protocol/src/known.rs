//! What the server holds about one person, as that person is shown it.

use serde::{Deserialize, Serialize};

use crate::{
    Admission, Delegation, KeyPackage, MemberKey, Opinion, ParticipantId, Quality, Redacted,
    Rights, Role, TrackId, TrackSource, Verifier,
};

/// Everything the control plane holds in memory about one participant. The media plane holds, besides,
/// the address pairs and keys of their connection and the packets of the last moments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Known {
    /// A number drawn for this meeting.
    pub participant: ParticipantId,
    /// The pseudonym.
    pub display_name: Redacted<String>,
    /// What they may decide.
    pub role: Role,
    /// The role of their link.
    pub link_role: Role,
    /// What made them a moderator, where their link did not.
    pub delegation: Option<Delegation>,
    /// The number of their personal link.
    pub handle: Option<Redacted<Verifier>>,
    /// What they were granted beyond the rules.
    pub granted: Rights,
    /// True when moderators alone see their camera.
    pub moderators_only: bool,
    /// Their group.
    pub group: Option<u8>,
    /// What they hold up.
    pub opinion: Option<Opinion>,
    /// Their place among raised hands, from 1.
    pub hand: Option<u16>,
    /// That they answered the open question, not what.
    pub has_voted: bool,
    /// What they answered to the recording that runs.
    pub recording_answer: Option<bool>,
    /// The line of its journal that holds that answer.
    pub recording_receipt: Option<Redacted<String>>,
    /// Whether they are heard to speak.
    pub is_speaking: bool,
    /// Whether everybody is shown them large.
    pub is_spotlit: bool,
    /// Lines and gestures they may send at once.
    pub words_left: u32,
    /// Encrypted rooms: all that is held about their part in the circle.
    pub circle: Option<KnownMember>,
    /// Which they were in the order of arrival, from 1.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub arrival: u64,
    /// Sources that are on.
    pub active: Vec<TrackSource>,
    /// Sources that somebody else stopped.
    pub stopped: Vec<TrackSource>,
    /// How good their connection is.
    pub quality: Quality,
    /// What each of their receiving sections carries.
    pub slots: Vec<KnownSlot>,
    /// Sections held back for want of room on their path.
    pub paused_slots: Vec<String>,
    /// Sections their browser cannot play.
    pub unplayable_slots: Vec<String>,
    /// Layers of their pictures that somebody watches.
    pub layers_wanted: Vec<KnownLayers>,
    /// Whether their page is still to hear that a new offer is wanted.
    pub missed_offer_wanted: bool,
    /// Offers under way.
    pub offers: u16,
    /// The hash of what their link proves.
    pub link: Option<Redacted<Verifier>>,
    /// The address their signaling comes from.
    pub address: Option<Redacted<String>>,
}

/// What an encrypted room holds about one participant, none of which opens anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KnownMember {
    /// The public key their page signs with.
    pub member_key: Option<MemberKey>,
    /// The admission a moderator signed for that key.
    pub admission: Option<Redacted<Admission>>,
    /// The `KeyPackage` by which they wait to be added.
    pub key_package: Option<Redacted<KeyPackage>>,
    /// The epoch in which they became a member.
    #[cfg_attr(feature = "ts", ts(type = "number | null"))]
    pub first_epoch: Option<u64>,
    /// The newest epoch they said that they have.
    #[cfg_attr(feature = "ts", ts(type = "number | null"))]
    pub ready_epoch: Option<u64>,
    /// Sealed messages they may send at once.
    pub messages_left: u32,
    /// And how much in them, in KiB.
    pub kibibytes_left: u32,
}

/// A receiving section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KnownSlot {
    /// Its `a=mid`.
    pub mid: String,
    /// What it was last asked to carry.
    pub track: Option<TrackId>,
}

/// Layers of one picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KnownLayers {
    /// Which picture.
    pub source: TrackSource,
    /// Names of the layers.
    pub rids: Vec<String>,
}
