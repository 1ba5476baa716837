//! [`Input`] and [`Output`]: all that enters and leaves a room.

use std::time::Instant;

use protocol::{
    Admission, AgeRecipient, CirclePlace, ClientMessage, Delegation, ErrorCode, Language,
    MemberKey, OwnState, ParticipantId, ParticipantInfo, PublishedMid, Quality, RecipientInfo,
    RecordingEnd, RecordingId, RecordingInfo, RecordingTerms, Redacted, ReleasedKeys, RequestId,
    Rights, Role, RoomRules, RoomState, SealedName, ServerMessage, Signature, SlotRequest,
    TrackSource, Verifier,
};

/// One WebSocket, numbered by the owner of the room; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u64);

/// Something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A browser proved that it holds a link of this room and asks to enter.
    Join(Join),
    /// A session of a participant said something after its `join`.
    Said {
        /// Who said it. Unknown sessions are ignored: they were ended while this travelled.
        session: SessionId,
        /// What.
        message: ClientMessage,
    },
    /// A session was cut without `leave`.
    SessionLost {
        /// Which.
        session: SessionId,
    },
    /// The one answer of the media plane to [`MediaRequest::Negotiate`].
    Negotiated {
        /// Whose.
        participant: ParticipantId,
        /// Of the request.
        negotiation: u64,
        /// The answer, or why there is none.
        result: Result<MediaAnswer, ErrorCode>,
    },
    /// The one answer to [`Output::CheckDelegation`].
    DelegationChecked {
        /// Who asked.
        session: SessionId,
        /// Of the request.
        request_id: RequestId,
        /// Whom it makes a moderator.
        participant: ParticipantId,
        /// What was checked.
        delegation: Delegation,
        /// Whether the host key said so, or why that is not known.
        result: Result<(), ErrorCode>,
    },
    /// The media plane could not take a request about this participant, whose state there is no
    /// longer what the room believes.
    MediaRefused {
        /// Whose.
        participant: ParticipantId,
    },
    /// The media plane says which layers of a participant's picture anybody watches.
    LayersWanted {
        /// Whose picture.
        participant: ParticipantId,
        /// Which of theirs.
        source: TrackSource,
        /// Names of the layers.
        rids: Vec<String>,
    },
    /// The media plane would answer a participant's offer differently now.
    OfferWanted {
        /// Whose.
        participant: ParticipantId,
    },
    /// The media plane says who speaks.
    Speakers {
        /// Loudest first.
        participants: Vec<ParticipantId>,
    },
    /// The media plane says which picture slots of a participant it holds back.
    SlotsPaused {
        /// Who receives.
        participant: ParticipantId,
        /// All of them, by `a=mid`.
        mids: Vec<String>,
    },
    /// The media plane says which picture slots of a participant its browser cannot play.
    SlotsUnplayable {
        /// Who receives.
        participant: ParticipantId,
        /// All of them, by `a=mid`.
        mids: Vec<String>,
    },
    /// The media plane says how good a participant's connection is now.
    QualityChanged {
        /// Whose.
        participant: ParticipantId,
        /// How good.
        quality: Quality,
    },
    /// The one answer to [`RecordingRequest::Begin`].
    RecordingBegun {
        /// Who asked.
        session: SessionId,
        /// Of the request.
        request_id: RequestId,
        /// As it was asked for.
        authorisations: bool,
        /// What everybody is told; or why nothing is recorded.
        result: Result<RecordingInfo, ErrorCode>,
    },
    /// The one answer to [`RecordingRequest::Write`].
    AnswerWritten {
        /// Which.
        number: u64,
        /// The line for the person to keep, which is on the disk; or why it is not.
        result: Result<Redacted<String>, ErrorCode>,
    },
    /// The one answer to [`RecordingRequest::Release`].
    KeysReleased {
        /// Who asked.
        session: SessionId,
        /// Of the request.
        request_id: RequestId,
        /// Whether they are on the disk, or why not.
        result: Result<(), ErrorCode>,
    },
    /// The recording that runs ended by itself, or was deleted.
    RecordingEnded {
        /// Why.
        cause: RecordingEnd,
    },
    /// The media plane shut a gate, because its transport was replaced.
    GateShut {
        /// Whose.
        participant: ParticipantId,
    },
    /// What was recorded of somebody is being erased.
    EraseRecorded {
        /// Of which recording.
        recording: RecordingId,
        /// Whose.
        participant: ParticipantId,
    },
    /// The media plane lost this whole room.
    MediaFailed,
    /// The server will stop at this instant at the latest.
    RestartAnnounced {
        /// When.
        at: Instant,
    },
    /// The server stops.
    ServerStopping,
}

/// A join whose proof was found good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// The session that asks.
    pub session: SessionId,
    /// A fresh random id, taken when nobody is resumed.
    pub participant: ParticipantId,
    /// Decided by the link that was proven.
    pub role: Role,
    /// Generation of the guest link that was proven; `None` for one that has ended, which brings
    /// back whoever is in the room and lets nobody else in. Moderator links have none and stay.
    pub link_generation: Option<u32>,
    /// What a good session token of this room and role says.
    pub resume: Option<Resume>,
    /// What was found good that makes whoever comes back a moderator.
    pub delegation: Option<Delegation>,
    /// The personal link that was proven beside it.
    pub handle: Option<Redacted<Verifier>>,
    /// Pseudonym as typed; absent or blank gets a neutral one.
    pub display_name: Option<Redacted<String>>,
    /// In which a neutral pseudonym is written.
    pub language: Language,
    /// Encrypted rooms: the key the page signs with.
    pub member_key: Option<MemberKey>,
    /// Encrypted rooms: the pseudonym, for those who hold the link.
    pub sealed_name: Option<Redacted<SealedName>>,
}

/// What a good session token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resume {
    /// Who comes back.
    pub participant: ParticipantId,
    /// True when they were in the room, false when they waited to be let in.
    pub admitted: bool,
}

/// What the media plane answered to an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaAnswer {
    /// The session description for the browser.
    pub sdp: Redacted<String>,
    /// Every receive slot that now exists.
    pub slots: Vec<Slot>,
}

/// One receive slot: a media section in which the browser only receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its `a=mid`.
    pub mid: String,
    /// True for pictures, false for sound.
    pub is_video: bool,
}

/// Something to carry out, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send `joined` to the session; the owner adds the session token.
    Welcome(Box<Welcome>),
    /// Send `waiting` to the session; the owner adds the session token.
    Wait(Wait),
    /// Keep a change across restarts, then answer the request, if the session is still there, with
    /// `done`, or with `error` when it cannot be kept.
    Keep {
        /// Who asked.
        session: SessionId,
        /// What to answer.
        request_id: RequestId,
        /// What changed.
        change: Change,
    },
    /// Keep a sealed incident report, then answer the request as for [`Output::Keep`].
    Report {
        /// Who asked.
        session: SessionId,
        /// What to answer.
        request_id: RequestId,
        /// As it came, of a length that may be.
        sealed: Redacted<String>,
    },
    /// See whether the host key has signed this; answered by [`Input::DelegationChecked`].
    CheckDelegation {
        /// Who asked.
        session: SessionId,
        /// To echo.
        request_id: RequestId,
        /// Whom it would make a moderator.
        participant: ParticipantId,
        /// What to check.
        delegation: Delegation,
    },
    /// Send a message to a session.
    Send {
        /// To whom.
        session: SessionId,
        /// What.
        message: ServerMessage,
    },
    /// End a session after the messages sent to it so far. The room has forgotten it.
    End {
        /// Which.
        session: SessionId,
        /// Why.
        cause: EndCause,
    },
    /// Ask the media plane.
    Media(MediaRequest),
    /// Ask the keeper of recordings.
    Recording(RecordingRequest),
    /// Nobody was here for the idle time: the owner may drop the room, which can be made anew at
    /// the next join. Repeated after each further idle time.
    Idle,
    /// The room is over; every later join is refused.
    Ended,
}

/// What outlives the room's being live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The rules.
    Rules(RoomRules),
    /// The guest link.
    GuestLink {
        /// Of the new link.
        verifier: Redacted<Verifier>,
        /// Its generation.
        generation: u32,
    },
    /// New personal links.
    Handles(Vec<Redacted<Verifier>>),
    /// People who do not come back, and the personal link that ends with them.
    SentOut {
        /// Who, by their number in the room alone.
        participants: Vec<ParticipantId>,
        /// Which link.
        handle: Option<Redacted<Verifier>>,
    },
    /// Somebody was made a moderator, or a guest again.
    Delegate {
        /// Who, by their number in the room alone.
        participant: ParticipantId,
        /// True while what they were given makes them one.
        is_delegate: bool,
    },
}

/// Content of `waiting`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// To whom.
    pub session: SessionId,
    /// Who they will be here.
    pub participant: ParticipantId,
}

/// Content of `joined`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// To whom.
    pub session: SessionId,
    /// Who they are here.
    pub participant: ParticipantId,
    /// The pseudonym in force.
    pub display_name: Redacted<String>,
    /// Their role now.
    pub role: Role,
    /// The role of their link, for the session token.
    pub link_role: Role,
    /// True when a participant who was here came back.
    pub resumed: bool,
    /// Everybody else, in order of arrival.
    pub participants: Vec<ParticipantInfo>,
    /// The rules of the room.
    pub rules: RoomRules,
    /// What they may do under them.
    pub rights: Rights,
    /// Generation of the guest link.
    pub link_generation: u32,
    /// What goes on.
    pub state: RoomState,
    /// What their own part in it is.
    pub own: OwnState,
    /// Encrypted rooms: where the circle stands.
    pub circle: Option<CirclePlace>,
    /// Encrypted rooms: what a moderator signed for their member key.
    pub admission: Option<Redacted<Admission>>,
}

/// Why a session is ended by the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndCause {
    /// A `goodbye` was said.
    Goodbye,
    /// The server stops.
    ServerStopping,
    /// A fatal `error` was said, or a moderator did not want the person.
    Refused,
}

/// What the keeper of recordings shall do, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordingRequest {
    /// Write the terms down, then have the recorder wait behind shut gates; answered by
    /// [`Input::RecordingBegun`].
    Begin(Box<RecordingWish>),
    /// Write an answer into the journal; answered by [`Input::AnswerWritten`].
    Write {
        /// Of which recording.
        recording: RecordingId,
        /// To echo; unique in the room.
        number: u64,
        /// Whose.
        participant: ParticipantId,
        /// Their pseudonym now.
        pseudonym: Redacted<String>,
        /// Which.
        answer: Answered,
    },
    /// Keep sealed keys with somebody's tracks; answered by [`Input::KeysReleased`].
    Release {
        /// Who asks.
        session: SessionId,
        /// Of the request.
        request_id: RequestId,
        /// Of which recording.
        recording: RecordingId,
        /// Whose.
        participant: ParticipantId,
        /// The keys.
        sealed: Redacted<ReleasedKeys>,
    },
    /// Shut every gate, and finish the files.
    End {
        /// Which.
        recording: RecordingId,
        /// Why.
        cause: RecordingEnd,
    },
}

/// A recording that was asked for and may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingWish {
    /// Who asked.
    pub session: SessionId,
    /// Of the request.
    pub request_id: RequestId,
    /// Which it will be.
    pub recording: RecordingId,
    /// What everybody will be told.
    pub terms: RecordingTerms,
    /// Key of the moderator link.
    pub recipient: AgeRecipient,
    /// Whether whoever asks says that the minors' guardians have allowed it.
    pub authorisations: bool,
    /// Encrypted rooms: the host key's word on the recipients.
    pub recipients_signature: Option<Redacted<Signature>>,
    /// Who asks.
    pub asked_by: ParticipantId,
    /// Their pseudonym now.
    pub asked_by_name: Redacted<String>,
}

impl RecordingWish {
    /// What everybody is told of the recording that was wished for: with the keys that open it, when
    /// it began, in seconds since 1970-01-01 UTC, and the version of the text that asks.
    pub fn into_info(
        self,
        recipients: Vec<RecipientInfo>,
        started_at: u64,
        text_version: u16,
    ) -> RecordingInfo {
        RecordingInfo {
            recording: self.recording,
            terms: self.terms,
            asked_by: self.asked_by,
            asked_by_name: self.asked_by_name,
            recipients,
            recipients_signature: self.recipients_signature,
            started_at,
            text_version,
        }
    }
}

/// What stands in the journal of somebody's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answered {
    /// Yes.
    Accepted,
    /// No.
    Refused,
    /// No, after a yes.
    Withdrawn,
    /// Gone or cut, after a yes.
    Left,
}

/// What the media plane shall do for a participant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaRequest {
    /// Make a transport.
    AddTransport {
        /// Whose.
        participant: ParticipantId,
    },
    /// Apply an offer; answered by [`Input::Negotiated`].
    Negotiate {
        /// Whose.
        participant: ParticipantId,
        /// To echo; unique in the room.
        negotiation: u64,
        /// The session description of the browser.
        offer: Redacted<String>,
        /// Which sending sections carry which source.
        publish: Vec<PublishedMid>,
    },
    /// Open or shut the forwarding of a source.
    SetPublishing {
        /// Whose.
        participant: ParticipantId,
        /// Which source.
        source: TrackSource,
        /// True to forward.
        active: bool,
    },
    /// Send a participant as little as a meeting needs, or everything again.
    SetReception {
        /// Who receives.
        participant: ParticipantId,
        /// True for as little as possible.
        saving: bool,
    },
    /// Assign slots.
    Subscribe {
        /// Who receives.
        participant: ParticipantId,
        /// New content; each slot exists and each track belongs to somebody here.
        slots: Vec<SlotRequest>,
    },
    /// Encrypted rooms: forward media to a participant, or nothing any more.
    SetEpochGate {
        /// Who receives.
        participant: ParticipantId,
        /// From which epoch on, its low eight bits; `None` for nothing.
        from: Option<u8>,
    },
    /// Open the way from a participant to the recorder for these sources, and shut it for all others.
    SetRecordable {
        /// Whose.
        participant: ParticipantId,
        /// What of theirs is recorded.
        sources: Vec<TrackSource>,
    },
    /// End a transport.
    RemoveTransport {
        /// Whose.
        participant: ParticipantId,
    },
}

/// A refusal of one request that leaves the session alive.
pub(crate) fn refusal(session: SessionId, request_id: RequestId, code: ErrorCode) -> Output {
    let message = ServerMessage::Error { request_id: Some(request_id), code, fatal: false };
    Output::Send { session, message }
}
