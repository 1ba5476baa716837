//! [`ServerMessage`] and [`ErrorCode`]: everything a browser may hear. No message exists that
//! turns a camera or a microphone on.

use serde::{Deserialize, Serialize};

use crate::{
    Admission, Ballot, ChatAudience, CircleId, Commit, Delegation, EncryptionInfo, GroupPlace,
    KeyPackage, Known, MemberKey, MlsWelcome, OpenPoll, OpinionTotals, OwnState, ParticipantId,
    Reaction, RecordingEnd, RecordingInfo, Redacted, RelayAccess, RequestId, Rights, RoomRules,
    RoomState, SayAudience, SealedQuestion, SealedWords, TrackSource, Verifier, WaitingInfo,
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
        state: Box<RoomState>,
        /// What the page's own part in it is.
        own: OwnState,
        /// Encrypted rooms: what the page needs to become a member of the circle.
        encryption: Option<EncryptionInfo>,
    },
    /// The browser is known and waits to be let in. Nothing of the room is said before `joined`.
    Waiting {
        /// Who the browser will be.
        participant: ParticipantId,
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
    /// Moderators, and everybody in an encrypted room: the guest link was replaced. Also said to whoever
    /// has just become a moderator.
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
    /// A recording began or ended. Said to everybody. Said again to one page while it runs when their
    /// answer counts no more, since what was recorded of them was erased: the page asks again.
    RecordingChanged {
        /// The one that runs; `null` when none does.
        recording: Option<RecordingInfo>,
        /// Why the last one ended; `null` when one runs.
        end: Option<RecordingEnd>,
    },
    /// Moderators: how many have answered the recording that runs. Nobody is told who.
    AnswersChanged {
        /// Yes.
        accepted: u16,
        /// No, or not any more.
        refused: u16,
        /// Not yet, which is no as well.
        unanswered: u16,
    },
    /// Members, and those who become ready: somebody wants to be added. The newest of each
    /// participant counts; whoever is a member already is to be removed in the same commit.
    MlsWanted {
        /// Who.
        participant: ParticipantId,
        /// By what.
        key_package: Redacted<KeyPackage>,
    },
    /// Members and those who wait to be added: a commit was accepted. Also said to whoever made it,
    /// before `done`, and to whoever it removes. Commits come in order, without a gap.
    MlsCommitted {
        /// Of which circle.
        group: CircleId,
        /// The epoch that begins with it.
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        epoch: u64,
        /// The commit.
        commit: Redacted<Commit>,
        /// Whose.
        by: ParticipantId,
    },
    /// Whoever was added: how to become a member.
    MlsWelcome {
        /// Of which circle.
        group: CircleId,
        /// The epoch they come into.
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        epoch: u64,
        /// What the commit's maker made for all it added.
        welcome: Redacted<MlsWelcome>,
    },
    /// Members: everybody who is here has the keys of this epoch.
    MlsAllReady {
        /// Of which circle.
        group: CircleId,
        /// Which epoch.
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        epoch: u64,
    },
    /// The circle is gone: whoever hears this makes one, or offers a new `KeyPackage` to the one that
    /// somebody else made first.
    MlsLost {},
    /// Somebody said something inside the circle. Also said to whoever did.
    MlsSaid {
        /// Who.
        participant: ParticipantId,
        /// Who gets it.
        audience: SayAudience,
        /// What, which the server cannot read.
        sealed: Redacted<SealedWords>,
    },
    /// Moderators: somebody who is in the room asks for a signed admission.
    MlsAdmissionAsked {
        /// Who.
        participant: ParticipantId,
        /// The key it is to be for.
        member_key: MemberKey,
    },
    /// A moderator signed an admission for this page.
    MlsAdmission {
        /// The admission.
        admission: Redacted<Admission>,
    },
    /// A moderator asks everybody a question that the server cannot read.
    MlsPollOpened {
        /// Number of the poll in this room.
        poll: u32,
        /// The question.
        sealed: Redacted<SealedQuestion>,
        /// Who asks.
        by: ParticipantId,
    },
    /// More have answered the sealed question.
    MlsBallotsCounted {
        /// Which.
        poll: u32,
        /// How many in all.
        ballots: u16,
    },
    /// Whoever closed the sealed question: the ballots without names, in the order of their bytes, which
    /// says nothing of when they came.
    MlsBallots {
        /// Which.
        poll: u32,
        /// All of them.
        ballots: Vec<Redacted<Ballot>>,
    },
    /// The sealed question is closed. Its result is said inside the circle.
    MlsPollClosed {
        /// Which.
        poll: u32,
    },
    /// Answer to `answer_recording`.
    RecordingAnswered {
        /// Of the answer.
        request_id: RequestId,
        /// The line of the recording's journal that holds the answer, as JSON, signed by the server:
        /// for the person to keep.
        receipt: Redacted<String>,
    },
    /// Answer to `what_is_known`, for the eyes of whoever asked.
    Known {
        /// Of the question.
        request_id: RequestId,
        /// Everything.
        known: Box<Known>,
    },
    /// Answer to `offer` or `probe`.
    Answer {
        /// Of the offer or the probe.
        request_id: RequestId,
        /// The session description to apply.
        sdp: Redacted<String>,
        /// For a page that finds no path to the addresses in it; `null` where there is no relay.
        relay: Option<RelayAccess>,
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
    /// The server restarts before long, and the meeting may go on until then. Said to everybody when it
    /// is decided, and after `joined` from then on. The page comes back by itself, as after `goodbye`.
    RestartAnnounced {
        /// When at the latest, in milliseconds from now.
        restart_ms: u32,
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
    /// A moderator ended the meeting for everybody; the room is as it was.
    MeetingEnded,
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
    /// Room rule: nothing is recorded on this server.
    RecordingOff,
    /// Room rule: rooms of this kind are never recorded.
    RecordingForbidden,
    /// Room rule: a recording runs already, or this one has been used before.
    RecordingRunning,
    /// Room rule: no recording runs, or another than the one that was answered.
    NoRecording,
    /// Caller: the terms of a recording are blank, too long or beyond what this server allows, or its
    /// key is none.
    TermsInvalid,
    /// Room rule: there are minors, and nobody says that their guardians have allowed it.
    AuthorisationsMissing,
    /// Caller: what was said, or a name in `join`, is in clear in a room that is end-to-end encrypted,
    /// or the member key is missing.
    EncryptionRequired,
    /// Caller: something of end-to-end encryption, in a room that is not encrypted.
    NotEncrypted,
    /// Room rule: another commit was first, or the circle is another or gone, or what was missed is
    /// not kept any more. Whoever hears it drops what it made and goes by what the others say, or
    /// offers a new `KeyPackage`.
    MlsStale,
    /// Room rule: rooms are made here only by holders of a host pass.
    HostPassRequired,
    /// Overload: the server is about to restart and opens no room any more; try again afterwards.
    Restarting,
    /// Overload: a queue or table is full; try again.
    Overloaded,
    /// Us: a fault of the server.
    Internal,
}
