//! What class life needs beside media: the rules of a room, who waits, reactions, opinions,
//! written words and polls.

use serde::{Deserialize, Serialize};

use crate::{
    MemberKey, ParticipantId, RecordingInfo, Redacted, RoomEncryption, SealedName, SealedPoll,
    Signature, TrackSource,
};

/// What kind of meeting a room was made for: where its rules start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// A lesson: pupils are let in one by one and show their screen when they were allowed to.
    Classe,
    /// A council or anything sensitive: people are let in one by one.
    Sensible,
    /// Everybody may do what everybody may do, and enters at once.
    Reunion,
    /// Voices only: no picture is ever negotiated.
    Audio,
}

impl Profile {
    /// Every profile, in the order of declaration.
    pub const ALL: [Self; 4] = [Self::Classe, Self::Sensible, Self::Reunion, Self::Audio];
}

/// The rules of a room, kept with it across restarts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoomRules {
    /// Where the rules started.
    pub profile: Profile,
    /// Most participants present at once.
    pub max_participants: u16,
    /// False when no picture is ever negotiated, by nobody. Fixed when the room is made.
    pub video: bool,
    /// How everything said and shown is end-to-end encrypted; `null` when it is not. Fixed when the
    /// room is made.
    pub encryption: Option<RoomEncryption>,
    /// What a moderator may change at any time.
    pub open: OpenRules,
}

/// The rules that a moderator may change at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OpenRules {
    /// True when guests wait until a moderator lets them in.
    pub lobby: bool,
    /// True when no guest enters any more, nor waits.
    pub locked: bool,
    /// Until when guests enter, in seconds since 1970-01-01 UTC; `null` as long as the room lives.
    #[cfg_attr(feature = "ts", ts(type = "number | null"))]
    pub guests_until: Option<u64>,
    /// True when there are minors among the guests, who are recorded only where whoever starts says
    /// that their guardians have allowed it.
    pub minors: bool,
    /// What guests may do.
    pub guests: Rights,
}

impl OpenRules {
    /// These rules with what was changed from `was` to `now`.
    #[must_use]
    pub fn changed(self, was: &Self, now: &Self) -> Self {
        fn pick<T: PartialEq>(is: T, was: T, now: T) -> T {
            if was == now { is } else { now }
        }
        let (guests, before, after) = (self.guests, was.guests, now.guests);
        Self {
            lobby: pick(self.lobby, was.lobby, now.lobby),
            locked: pick(self.locked, was.locked, now.locked),
            guests_until: pick(self.guests_until, was.guests_until, now.guests_until),
            minors: pick(self.minors, was.minors, now.minors),
            guests: Rights {
                microphone: pick(guests.microphone, before.microphone, after.microphone),
                camera: pick(guests.camera, before.camera, after.camera),
                screen: pick(guests.screen, before.screen, after.screen),
                chat: pick(guests.chat, before.chat, after.chat),
                rename: pick(guests.rename, before.rename, after.rename),
            },
        }
    }
}

/// What somebody may do in a room beyond being there and receiving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rights {
    /// Speak.
    pub microphone: bool,
    /// Show themselves.
    pub camera: bool,
    /// Share a screen, with its sound.
    pub screen: bool,
    /// Write to everybody. Writing to the moderators is always possible.
    pub chat: bool,
    /// Change their pseudonym.
    pub rename: bool,
}

impl Rights {
    /// Everything.
    pub const ALL: Self =
        Self { microphone: true, camera: true, screen: true, chat: true, rename: true };

    /// Whether a source may be sent.
    pub const fn allows(&self, source: TrackSource) -> bool {
        match source {
            TrackSource::Microphone => self.microphone,
            TrackSource::Camera => self.camera,
            TrackSource::Screen | TrackSource::ScreenAudio => self.screen,
        }
    }

    /// What either allows.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self {
            microphone: self.microphone || other.microphone,
            camera: self.camera || other.camera,
            screen: self.screen || other.screen,
            chat: self.chat || other.chat,
            rename: self.rename || other.rename,
        }
    }
}

/// Somebody who asks to be let in, as moderators see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaitingInfo {
    /// Who they will be.
    pub participant: ParticipantId,
    /// Their pseudonym; a neutral one of the server's in an encrypted room.
    pub display_name: Redacted<String>,
    /// Encrypted rooms: their pseudonym, for those who hold the link.
    pub sealed_name: Option<Redacted<SealedName>>,
    /// Encrypted rooms: the key that an admission is for.
    pub member_key: Option<MemberKey>,
}

/// Word of the host key that one participant of one room is a moderator. Worth nothing to anybody
/// else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Delegation {
    /// Until when it can be shown, in seconds since 1970-01-01 UTC.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub expires_at: u64,
    /// By the host key, of [`DELEGATION_LABEL`], the 16 bytes of the room, the 8 bytes of the
    /// participant, and `expires_at` as 8 bytes, most significant first.
    pub signature: Redacted<Signature>,
}

/// What a host key signs begins with this, so that nothing else it may ever sign can be taken for
/// a delegation.
pub const DELEGATION_LABEL: &str = "preau delegation v1";

/// A gesture that everybody sees for a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Reaction {
    /// Thumb up.
    Agree,
    /// Clapping hands.
    Applause,
    /// A heart.
    Heart,
    /// Laughing.
    Laugh,
    /// Wide eyes.
    Surprise,
    /// A party popper.
    Celebrate,
}

/// What somebody holds up until they take it down. Everybody sees how many do, nobody who.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Opinion {
    /// Yes.
    Yes,
    /// No.
    No,
    /// Go slower.
    Slower,
    /// Go faster.
    Faster,
}

/// How many hold up what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OpinionTotals {
    /// Yes.
    pub yes: u16,
    /// No.
    pub no: u16,
    /// Slower.
    pub slower: u16,
    /// Faster.
    pub faster: u16,
}

/// Who reads a written line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ChatAudience {
    /// Everybody present.
    Everybody,
    /// The moderators alone, and the one who wrote.
    Moderators,
}

/// A question that is open, as somebody who comes late sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OpenPoll {
    /// Number of the poll in this room.
    pub poll: u32,
    /// The question.
    pub question: Redacted<String>,
    /// The answers to choose from, two to ten.
    pub choices: Vec<Redacted<String>>,
    /// Ballots cast so far.
    pub ballots: u16,
}

/// What goes on in a room, as somebody who comes late sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoomState {
    /// Raised hands of the own group, first raised first.
    pub hands: Vec<ParticipantId>,
    /// How many hold up what.
    pub opinions: OpinionTotals,
    /// What is left of the timer, in milliseconds.
    pub timer_ms: Option<u32>,
    /// Who is shown large to everybody.
    pub spotlight: Option<ParticipantId>,
    /// The open question, if there is one.
    pub poll: Option<OpenPoll>,
    /// The same in an encrypted room.
    pub sealed_poll: Option<SealedPoll>,
    /// The recording that runs, if there is one. Nobody who comes is taken to have answered it,
    /// whatever they said before.
    pub recording: Option<RecordingInfo>,
}

/// What the server knows of the page's own participant that the page cannot know after a reload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OwnState {
    /// The group they are in; `null` for the whole class.
    pub group: Option<u8>,
    /// What they hold up.
    pub opinion: Option<Opinion>,
    /// True when moderators alone see their camera.
    pub moderators_only: bool,
    /// True when they have answered the open question.
    pub has_voted: bool,
    /// Sources that were stopped, as `source_stopped` tells, and that the page has not yet said to
    /// be off: it may have missed the word.
    pub stopped: Vec<TrackSource>,
}

/// Which group somebody belongs to now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupPlace {
    /// Who.
    pub participant: ParticipantId,
    /// The group, numbered from 0 and below [`MAX_GROUPS`]; `null` for the whole class.
    pub group: Option<u8>,
}

/// Longest line of chat, announcement, note or reason, in Unicode scalar values.
pub const MAX_TEXT_CHARS: usize = 2_000;

/// Longest sealed incident report, in characters of base64. More lets whoever moderates a room, which
/// may be anybody, write more onto the disk at once.
pub const MAX_SEALED_CHARS: usize = 48 * 1024;

/// Longest question or answer of a poll, in Unicode scalar values.
pub const MAX_POLL_TEXT_CHARS: usize = 200;

/// Most answers of a poll.
pub const MAX_POLL_CHOICES: usize = 10;

/// Most personal links of one room.
pub const MAX_HANDLES: usize = 200;

/// Longest timer, in seconds.
pub const MAX_TIMER_SECONDS: u32 = 24 * 3600;

/// Most groups at once.
pub const MAX_GROUPS: usize = 30;
