//! [`ServerMessage`] and [`ErrorCode`]: everything a browser may hear. No message exists that
//! turns a camera or a microphone on.

use serde::{Deserialize, Serialize};

use crate::{
    ChatAudience, Delegation, GroupPlace, HostKey, OpenPoll, OpinionTotals, OwnState,
    ParticipantId, Profile, Reaction, Redacted, RequestId, Rights, RoomRules, RoomSlug, RoomState,
    TrackSource, Verifier, WaitingInfo,
};

/// Everything a browser may hear on its WebSocket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum ServerMessage {
    /// The browser is in the room.
    Joined {
        /// Who the browser is here.
        participant: ParticipantId,
        /// The pseudonym in force, given or assigned.
        display_name: Redacted<String>,
        /// Decided by the link that was proven.
        role: Role,
        /// True when an earlier participant came back: their media connection may still live.
        /// The page then says again, with `set_publishing`, which of its sources are on and off.
        resumed: bool,
        /// Session token (JWT) to come back with; valid for this room and participant only.
        resume: Redacted<String>,
        /// Everybody else present.
        participants: Vec<ParticipantInfo>,
        /// The rules of the room.
        rules: RoomRules,
        /// What the page may do under them.
        rights: Rights,
        /// Generation of the guest link that is good now.
        link_generation: u32,
        /// What goes on.
        state: RoomState,
        /// What the page's own part in it is.
        own: OwnState,
    },
    /// The browser is known and waits to be let in. Nothing of the room is said before `joined`.
    Waiting {
        /// Who the browser will be.
        participant: ParticipantId,
        /// The pseudonym in force, given or assigned.
        display_name: Redacted<String>,
        /// Session token (JWT) to keep the place across a reload.
        resume: Redacted<String>,
    },
    /// Moderators: who waits to be let in. Said when it changes.
    WaitingChanged {
        /// All of them, first come first.
        waiting: Vec<WaitingInfo>,
    },
    /// The rules changed.
    RulesChanged {
        /// All of them.
        rules: RoomRules,
        /// What this page may do under them.
        rights: Rights,
    },
    /// A moderator turned one of the page's own sources off, or a rule did. The page closes the
    /// device; only its person may open it again.
    SourceStopped {
        /// Which source.
        source: TrackSource,
    },
    /// A moderator asks the person to speak or to show something. Their own click decides.
    Invited {
        /// To what.
        source: TrackSource,
    },
    /// Moderators: what was granted to somebody beyond the rules, or taken back.
    GrantedChanged {
        /// To whom.
        participant: ParticipantId,
        /// All of it.
        granted: Rights,
    },
    /// Somebody became a moderator, or a guest again. Also said to the one it is about.
    RoleChanged {
        /// Who.
        participant: ParticipantId,
        /// What they are now.
        role: Role,
        /// The one it is about, made a moderator: what to show in `join` from now on.
        delegation: Option<Delegation>,
    },
    /// Moderators: the guest link was replaced, or they have just become one.
    LinkRotated {
        /// Its generation.
        generation: u32,
    },
    /// Whose hands are raised in the own group. Said when it changes.
    HandsChanged {
        /// First raised first.
        hands: Vec<ParticipantId>,
    },
    /// Somebody shows a gesture.
    Reacted {
        /// Who.
        participant: ParticipantId,
        /// Which.
        reaction: Reaction,
    },
    /// How many hold up what. Said when it changes.
    OpinionsChanged {
        /// All of them.
        totals: OpinionTotals,
        /// True when all were taken down at once, the page's own among them.
        cleared: bool,
    },
    /// A timer was started or ended.
    TimerChanged {
        /// What is left, in milliseconds; `null` when there is none.
        timer_ms: Option<u32>,
    },
    /// Somebody is shown large to everybody, or nobody.
    SpotlightChanged {
        /// Whom.
        participant: Option<ParticipantId>,
    },
    /// Somebody wrote a line. Also said to the one who did.
    Chatted {
        /// Who.
        participant: ParticipantId,
        /// Who reads it.
        audience: ChatAudience,
        /// Plain text.
        text: Redacted<String>,
    },
    /// A moderator shows everybody a line.
    Announced {
        /// Who.
        participant: ParticipantId,
        /// Plain text.
        text: Redacted<String>,
    },
    /// A question is open, or more have answered it.
    PollChanged {
        /// All about it.
        poll: OpenPoll,
    },
    /// The question is closed.
    PollClosed {
        /// Which.
        poll: u32,
        /// How many chose each answer. Who chose what is kept nowhere.
        results: Vec<u16>,
    },
    /// People were moved into groups or back. Said to everybody; whoever is in another group than
    /// the page can be neither seen nor heard, whatever it asks.
    GroupsChanged {
        /// Who was moved where.
        places: Vec<GroupPlace>,
    },
    /// Moderators: somebody calls for help from their group.
    HelpCalled {
        /// Who.
        participant: ParticipantId,
    },
    /// Answer to `offer` or `probe`.
    Answer {
        /// Of the offer or the probe.
        request_id: RequestId,
        /// The session description to apply.
        sdp: Redacted<String>,
    },
    /// A request that has no other answer was carried out.
    Done {
        /// Of the request.
        request_id: RequestId,
    },
    /// A request was refused, or the session cannot go on.
    Error {
        /// Of the refused request; `null` when the fault belongs to no request.
        request_id: Option<RequestId>,
        /// Named cause; the page has a sentence for each.
        code: ErrorCode,
        /// True when the server closes the session after this message.
        fatal: bool,
    },
    /// Somebody entered.
    ParticipantJoined {
        /// All about them.
        participant: ParticipantInfo,
    },
    /// Somebody left for good.
    ParticipantLeft {
        /// Who.
        participant: ParticipantId,
    },
    /// Somebody's signaling was cut, or came back within the time to resume.
    ParticipantAway {
        /// Who.
        participant: ParticipantId,
        /// True when cut, false when back.
        away: bool,
    },
    /// Somebody changed their pseudonym. Also sent to the one who did.
    ParticipantRenamed {
        /// Who.
        participant: ParticipantId,
        /// The new pseudonym.
        display_name: Redacted<String>,
    },
    /// Somebody turned one of their own sources on or off.
    TrackChanged {
        /// Who.
        participant: ParticipantId,
        /// Which source.
        source: TrackSource,
        /// True when it may be subscribed to.
        active: bool,
    },
    /// Which layers of a picture of the page's own anybody watches. The page turns the others off;
    /// it sends all of them until it is told.
    LayersWanted {
        /// Which picture.
        source: TrackSource,
        /// Names of the layers to send, an empty name for the only one of a section without
        /// simulcast. No name: nobody watches.
        rids: Vec<String>,
    },
    /// The server would answer an offer of this page differently now: with other codecs, or other
    /// lengths of sound frames. The page offers anew when it can.
    OfferWanted {},
    /// Who speaks now. Said when it changes, which coughs do not make it do.
    Speakers {
        /// Loudest first; empty when nobody speaks.
        participants: Vec<ParticipantId>,
    },
    /// Which picture slots the server holds back because this browser's network does not carry
    /// them. Said when it changes.
    SlotsPaused {
        /// All of them, by `a=mid`.
        mids: Vec<String>,
    },
    /// Which picture slots stay dark because this browser does not play their codec, until whoever
    /// sends them offers another. Said when it changes.
    SlotsUnplayable {
        /// All of them, by `a=mid`.
        mids: Vec<String>,
    },
    /// How good somebody's connection is. Said when it changes for good; also to the one it is
    /// about.
    QualityChanged {
        /// Whose.
        participant: ParticipantId,
        /// How good; everybody's is good until told otherwise.
        quality: Quality,
    },
    /// The session ends now, in order. Not an error.
    Goodbye {
        /// Why, so that the page knows whether to come back.
        reason: GoodbyeReason,
        /// What a moderator said to it, if anything.
        note: Option<Redacted<String>>,
    },
    /// Answer to `ping`.
    Pong {},
}

/// What everybody may know of one participant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ParticipantInfo {
    /// Who.
    pub participant: ParticipantId,
    /// Their pseudonym.
    pub display_name: Redacted<String>,
    /// Their role.
    pub role: Role,
    /// The sources that are on.
    pub active: Vec<TrackSource>,
    /// True while their signaling is cut and may still resume.
    pub away: bool,
    /// The group they are in; `null` for the whole class.
    pub group: Option<u8>,
    /// Moderators only: the personal link they came by. Only the page that made it knows whose it
    /// is.
    pub handle: Option<Redacted<Verifier>>,
    /// Moderators only: what was granted to them beyond the rules.
    pub granted: Option<Rights>,
}

/// How good a connection is, best first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// Nothing to complain of.
    #[default]
    Good,
    /// Pictures are smaller or late.
    Fair,
    /// Hardly a picture, and sound with holes or late.
    Poor,
}

/// What a participant may do, decided by the link they hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Holds the guest link.
    Guest,
    /// Holds the moderator link.
    Moderator,
}

/// A language Préau speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// French.
    Fr,
    /// English.
    En,
}

/// Why a session ended in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum GoodbyeReason {
    /// The participant left.
    Left,
    /// The server stops or restarts: the page reconnects by itself.
    ServerRestart,
    /// The same participant resumed in another page, which goes on in this one's place.
    Replaced,
    /// The room reached its end.
    RoomEnded,
    /// A moderator sent the person out.
    Ejected,
    /// A moderator did not let the person in.
    EntryRefused,
}

/// Why a request was refused or a session ended. Grouped by whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Caller: not JSON, an unknown type or field, or a value out of its range.
    Malformed,
    /// Caller: longer than [`crate::MAX_MESSAGE_BYTES`].
    MessageTooLarge,
    /// Caller: more messages than the limits allow.
    RateLimited,
    /// Caller: the page and the server speak different versions; reload the page.
    ProtocolVersion,
    /// Caller: anything but `join` (or one `probe`) before `joined`.
    NotJoined,
    /// Caller: a second `join` in one session, or a `probe` in a room.
    AlreadyJoined,
    /// Caller: a blank or overlong pseudonym, or one with control characters.
    NameInvalid,
    /// Caller: the offer cannot be read, or offers nothing this server speaks.
    OfferInvalid,
    /// Caller: a subscription names a slot that was not negotiated or is of the other kind.
    SlotUnknown,
    /// Caller: a subscription names a track of nobody else in the room. A track that is off may
    /// be subscribed to; its slot stays silent until it is on.
    TrackUnknown,
    /// Caller: the session token of `join` is forged, expired or of another room or role. Follows
    /// `joined`: the proof was good, so a new participant entered.
    TokenInvalid,
    /// Room rule: one answer for every join without proof (unknown room, closed room, full room,
    /// wrong secret), after the same time.
    JoinRefused,
    /// Room rule: the proof is good, and the room is full.
    RoomFull,
    /// Room rule: the proof is good, and the room has expired or was closed.
    RoomEnded,
    /// Room rule: the proof is good, and nobody enters any more for now.
    RoomLocked,
    /// Room rule: the proof is good, and the link has ended or was taken back.
    LinkEnded,
    /// Caller: what should have made somebody a moderator is missing, forged, expired or for
    /// somebody else. In answer to `join` it follows `joined`: they entered as a guest.
    DelegationInvalid,
    /// Room rule: the room was made without a host key, so the role cannot be passed on in it.
    HostKeyMissing,
    /// Room rule: this role may not do that.
    NotAllowed,
    /// Room rule: whoever or whatever the request is about is not there, or not any more.
    NotThere,
    /// Room rule: this server has no key to seal incident reports to.
    IncidentsOff,
    /// Overload: as many incident reports are kept as may be; whoever administers the server must
    /// hand them over first.
    IncidentsFull,
    /// Room rule: rooms are made here only by holders of a host pass.
    HostPassRequired,
    /// Overload: a queue or table is full; try again.
    Overloaded,
    /// Us: a fault of the server.
    Internal,
}

/// Body of `POST /api/rooms`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateRoom {
    /// Of the guest link.
    pub guest_verifier: Redacted<Verifier>,
    /// Of the moderator link. Must differ from the guest's.
    pub moderator_verifier: Redacted<Verifier>,
    /// `null` where the browser cannot make one; then the role cannot be passed on in the room.
    pub host_key: Option<HostKey>,
    /// Where the rules start.
    pub profile: Profile,
}

/// Answer to `POST /api/rooms`, with status 201.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreatedRoom {
    /// The new room.
    pub room: RoomSlug,
    /// When the room ends, in seconds since 1970-01-01 UTC.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub expires_at: u64,
}

/// Answer to `GET /api/server`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServerInfo {
    /// [`crate::PROTOCOL_VERSION`] of the server.
    pub protocol_version: u32,
    /// Origin that other devices can reach, such as `https://192.0.2.7:8443`; links made on
    /// `localhost` use it. `null` when the address the page was opened at is the one to share.
    pub share_origin: Option<Redacted<String>>,
    /// True when making a room needs a host pass.
    pub host_pass_required: bool,
    /// Public key (a recipient of age) that incident reports are sealed to; `null` when none can be
    /// made here.
    pub incident_recipient: Option<String>,
}
