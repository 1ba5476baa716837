//! [`ClientMessage`]: everything a browser may say.

use serde::{Deserialize, Serialize};

use crate::{
    Admission, AgeRecipient, Ballot, ChatAudience, CircleId, Commit, Delegation, GroupPlace,
    KeyPackage, Language, MemberKey, MlsWelcome, OpenRules, Opinion, ParticipantId, Proof,
    Reaction, RecordingId, RecordingTerms, Redacted, ReleasedKeys, RequestId, Role, RoomSlug,
    SayAudience, SealedName, SealedQuestion, SealedWords, Signature, SignedAdmission, TrackId,
    TrackSource, Verifier,
};

/// Everything a browser may say on its WebSocket. The first message of a session is `join`, or
/// `probe` in a session that only tests the connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum ClientMessage {
    /// Asks to enter a room. Answered by `joined`, `waiting` or a fatal `error`.
    Join {
        /// [`crate::PROTOCOL_VERSION`] of the page.
        protocol_version: u32,
        /// Which room.
        room: RoomSlug,
        /// Shows that the browser holds the guest or the moderator link; which of the two decides
        /// the role.
        proof: Redacted<Proof>,
        /// Shows that the browser holds a personal link of this room beside the guest link.
        handle: Option<Redacted<Proof>>,
        /// Session token of an earlier `joined` or `waiting`, to come back as the same participant. When it is
        /// no longer good the proof alone decides and a new participant enters.
        resume: Option<Redacted<String>>,
        /// What made this participant a moderator, to be one again after a restart of the server.
        delegation: Option<Delegation>,
        /// Pseudonym; absent or blank gets a neutral one. Must be absent in an encrypted room.
        display_name: Option<Redacted<String>>,
        /// Language of the page, in which a neutral pseudonym is written; French when absent.
        language: Option<Language>,
        /// Encrypted rooms, where it must be there: the key the page signs with in the circle.
        member_key: Option<MemberKey>,
        /// Encrypted rooms: the pseudonym, for those who hold the link, while whoever joins waits.
        sealed_name: Option<Redacted<SealedName>>,
    },
    /// Offers or re-offers the one peer connection. Answered by `answer` or `error`.
    Offer {
        /// Echoed in the answer.
        request_id: RequestId,
        /// The session description (RFC 8866), as the browser made it.
        sdp: Redacted<String>,
        /// Which media sections carry which source. Sections that only receive are slots.
        publish: Vec<PublishedMid>,
    },
    /// Chooses what each receive slot carries; slots not named stay as they are. Answered by
    /// `done` or `error`.
    Subscribe {
        /// Echoed in the answer.
        request_id: RequestId,
        /// New content of slots.
        slots: Vec<SlotRequest>,
    },
    /// Says that the person turned one of their own sources on or off. Nothing is forwarded from
    /// a source that is off. Answered by `done` or `error`.
    SetPublishing {
        /// Echoed in the answer.
        request_id: RequestId,
        /// Which source.
        source: TrackSource,
        /// True when packets of it may be forwarded.
        active: bool,
    },
    /// Says that the own connection is a poor one, or is not any more: no cameras, the two loudest
    /// voices, a shared screen as stills. Kept for as long as the participant is here, also across
    /// a reload, until said otherwise. Answered by `done` or `error`.
    SetReception {
        /// Echoed in the answer.
        request_id: RequestId,
        /// True to receive as little as a meeting needs.
        saving: bool,
    },
    /// Changes the own pseudonym. Answered by `done` or `error`.
    Rename {
        /// Echoed in the answer.
        request_id: RequestId,
        /// New pseudonym, 1 to [`crate::MAX_DISPLAY_NAME_CHARS`] characters.
        display_name: Redacted<String>,
    },
    /// Raises or lowers the own hand. Answered by `done` or `error`.
    RaiseHand {
        /// Echoed in the answer.
        request_id: RequestId,
        /// True to raise it.
        raised: bool,
    },
    /// Shows everybody a gesture. Answered by `done` or `error`.
    React {
        /// Echoed in the answer.
        request_id: RequestId,
        /// Which.
        reaction: Reaction,
    },
    /// Holds up an opinion in place of the last, or takes it down. Answered by `done` or `error`.
    SetOpinion {
        /// Echoed in the answer.
        request_id: RequestId,
        /// Which; `null` for none.
        opinion: Option<Opinion>,
    },
    /// Writes a line that the server passes on and forgets. Answered by `done` or `error`.
    Chat {
        /// Echoed in the answer.
        request_id: RequestId,
        /// Who reads it.
        audience: ChatAudience,
        /// Plain text, 1 to [`crate::MAX_TEXT_CHARS`] characters.
        text: Redacted<String>,
    },
    /// Answers the open question, once. Answered by `done` or `error`.
    Vote {
        /// Echoed in the answer.
        request_id: RequestId,
        /// Which question.
        poll: u32,
        /// Number of the chosen answer, from 0.
        choice: u8,
    },
    /// Lets the moderators alone see the own camera, or everybody. Answered by `done` or `error`.
    SetAudience {
        /// Echoed in the answer.
        request_id: RequestId,
        /// True for the moderators alone.
        moderators_only: bool,
    },
    /// Calls the moderators to the own group. Answered by `done` or `error`.
    CallHelp {
        /// Echoed in the answer.
        request_id: RequestId,
    },
    /// Moderators: lets people in who wait. Answered by `done` or `error`.
    Admit {
        /// Echoed in the answer.
        request_id: RequestId,
        /// Who; `null` for everybody who waits.
        participants: Option<Vec<ParticipantId>>,
        /// Encrypted rooms: for whom of them an admission was signed; handed to them with `joined`.
        admissions: Vec<SignedAdmission>,
    },
    /// Moderators: sends somebody away who waits. Answered by `done` or `error`.
    RefuseEntry {
        /// Echoed in the answer.
        request_id: RequestId,
        /// Who.
        participant: ParticipantId,
        /// Told to them, at most [`crate::MAX_TEXT_CHARS`] characters.
        reason: Option<Redacted<String>>,
    },
    /// Moderators: changes the rules. Only what differs between the two changes, so that two
    /// moderators, or two quick clicks, undo nothing of each other. Answered by `done` or `error`.
    SetRules {
        /// Echoed in the answer.
        request_id: RequestId,
        /// All of them, as the page knew them.
        was: OpenRules,
        /// All of them, as they shall be.
        rules: OpenRules,
    },
    /// Moderators: turns a source of somebody off, or of all guests. They may turn it on again
    /// where the rules let them. Answered by `done` or `error`.
    StopSource {
        /// Echoed in the answer.
        request_id: RequestId,
        /// Whose; `null` for all guests.
        participant: Option<ParticipantId>,
        /// Which source.
        source: TrackSource,
    },
    /// Moderators: lets one guest share a screen, or not any more, whatever the rules say of all.
    /// Answered by `done` or `error`.
    Grant {
        /// Echoed in the answer.
        request_id: RequestId,
        /// Whom.
        participant: ParticipantId,
        /// Which source.
        source: TrackSource,
        /// True to let them.
        granted: bool,
    },
    /// Moderators: asks somebody to speak or to show something. Nothing turns on by it. Answered by
    /// `done` or `error`.
    Invite {
        /// Echoed in the answer.
        request_id: RequestId,
        /// Whom.
        participant: ParticipantId,
        /// To what.
        source: TrackSource,
    },
    /// Moderators: sends somebody out; neither their session nor their personal link comes back.
    /// Answered by `done` or `error`.
    Eject {
        /// Echoed in the answer.
        request_id: RequestId,
        /// Whom.
        participant: ParticipantId,
    },
    /// Moderators: ends the meeting for everybody, those who wait too. Nothing about the room changes:
    /// the same links open the next meeting. Answered by `done` or `error`; then everybody hears
    /// `goodbye`.
    EndMeeting {
        /// Echoed in the answer.
        request_id: RequestId,
    },
    /// Holders of the moderator link: makes somebody a moderator, or a guest again. Answered by
    /// `done` or `error`.
    SetRole {
        /// Echoed in the answer.
        request_id: RequestId,
        /// Whom.
        participant: ParticipantId,
        /// What they become.
        role: Role,
        /// Whoever is made a moderator: the host key's word on it.
        delegation: Option<Delegation>,
    },
    /// Holders of the moderator link: replaces the guest link; nobody new enters with the old
    /// one. Answered by `done` or `error`.
    RotateLink {
        /// Echoed in the answer.
        request_id: RequestId,
        /// Of the new link.
        guest_verifier: Redacted<Verifier>,
        /// Its generation: one more than the present.
        generation: u32,
    },
    /// Holders of the moderator link: makes personal links good. Answered by `done` or `error`.
    AddHandles {
        /// Echoed in the answer.
        request_id: RequestId,
        /// Of each link's own secret; at most [`crate::MAX_HANDLES`] in a room.
        handles: Vec<Redacted<Verifier>>,
    },
    /// Holders of the moderator link: ends a personal link; whoever came by it is sent out. Answered
    /// by `done` or `error`.
    RevokeHandle {
        /// Echoed in the answer.
        request_id: RequestId,
        /// Which.
        handle: Redacted<Verifier>,
    },
    /// Moderators: shows somebody large to everybody, or nobody. Answered by `done` or `error`.
    SetSpotlight {
        /// Echoed in the answer.
        request_id: RequestId,
        /// Whom; `null` for nobody.
        participant: Option<ParticipantId>,
    },
    /// Moderators: lowers a hand, or all. Answered by `done` or `error`.
    LowerHand {
        /// Echoed in the answer.
        request_id: RequestId,
        /// Whose; `null` for all.
        participant: Option<ParticipantId>,
    },
    /// Moderators: takes all opinions down. Answered by `done` or `error`.
    ClearOpinions {
        /// Echoed in the answer.
        request_id: RequestId,
    },
    /// Moderators: starts a timer that everybody sees, or ends it. Answered by `done` or `error`.
    SetTimer {
        /// Echoed in the answer.
        request_id: RequestId,
        /// How long, 1 to [`crate::MAX_TIMER_SECONDS`]; `null` to end it.
        seconds: Option<u32>,
    },
    /// Moderators: asks everybody a question. Answered by `done` or `error`.
    OpenPoll {
        /// Echoed in the answer.
        request_id: RequestId,
        /// 1 to [`crate::MAX_POLL_TEXT_CHARS`] characters.
        question: Redacted<String>,
        /// Two to [`crate::MAX_POLL_CHOICES`] answers of as many characters each.
        choices: Vec<Redacted<String>>,
    },
    /// Moderators: ends the question; everybody is told the result. Answered by `done` or `error`.
    ClosePoll {
        /// Echoed in the answer.
        request_id: RequestId,
    },
    /// Moderators: moves people into groups, or back to the whole class. People of different
    /// groups neither see nor hear each other. Answered by `done` or `error`.
    SetGroups {
        /// Echoed in the answer.
        request_id: RequestId,
        /// Where to; who is not named stays.
        places: Vec<GroupPlace>,
    },
    /// Moderators: shows a line to everybody, in whatever group. Answered by `done` or `error`.
    Announce {
        /// Echoed in the answer.
        request_id: RequestId,
        /// 1 to [`crate::MAX_TEXT_CHARS`] characters.
        text: Redacted<String>,
    },
    /// Moderators: keeps a report of an incident, which only the data-protection officer can open.
    /// Answered by `done` or `error`.
    ReportIncident {
        /// Echoed in the answer.
        request_id: RequestId,
        /// An age file for the recipient of [`crate::ServerInfo`], as base64 (RFC 4648 section 4), at
        /// most [`crate::MAX_SEALED_CHARS`] characters.
        sealed: Redacted<String>,
    },
    /// Holders of the moderator link: starts a recording, of which everybody is told at once. Nothing
    /// of anybody is kept before their own yes. Answered by `done` or `error`.
    StartRecording {
        /// Echoed in the answer.
        request_id: RequestId,
        /// Drawn by the page, never used before.
        recording: RecordingId,
        /// What everybody is told of it.
        terms: RecordingTerms,
        /// Key that follows from the moderator link for this recording alone.
        recipient: AgeRecipient,
        /// Word of whoever starts that the guardians of the minors have allowed it. Must be true
        /// where the rules say that there are minors.
        authorisations: bool,
        /// Encrypted rooms, where it must be there: the host key's word on the keys that the
        /// recording is sealed to, see [`crate::RecordingInfo::recipients_signature`].
        recipients_signature: Option<Redacted<Signature>>,
    },
    /// Moderators: stops the recording. Answered by `done` or `error`.
    StopRecording {
        /// Echoed in the answer.
        request_id: RequestId,
    },
    /// Says whether the own voice, camera and screen may be recorded; until then, and from each new
    /// `join` on, they are not. Another answer takes the place of the last: no after yes is a
    /// withdrawal. Answered by `recording_answered` once it stands in the recording's journal, or
    /// by `error`; after a no nothing more is recorded, whichever it is.
    AnswerRecording {
        /// Echoed in the answer.
        request_id: RequestId,
        /// Which, so that a late answer counts for no other.
        recording: RecordingId,
        /// True for yes.
        accepted: bool,
    },
    /// Makes the circle, where there is none: whoever asks is its first member, in epoch 0. Answered
    /// by `done`, or by `error`, `mls_stale` where there is one already.
    MlsCreate {
        /// Echoed in the answer.
        request_id: RequestId,
        /// The new circle.
        group: CircleId,
    },
    /// Asks to be added to the circle, with what takes the place of an earlier one. Whoever is a
    /// member is none any more. Answered by `done`, or by `error`, `mls_stale` where there is no
    /// circle.
    MlsKeyPackage {
        /// Echoed in the answer.
        request_id: RequestId,
        /// What to be added by.
        key_package: Redacted<KeyPackage>,
    },
    /// Members: moves the circle to its next epoch. The first one of an epoch counts. Answered by
    /// `done` or `error`.
    MlsCommit {
        /// Echoed in the answer.
        request_id: RequestId,
        /// Which circle.
        group: CircleId,
        /// The epoch it was made in.
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        epoch: u64,
        /// The commit.
        commit: Redacted<Commit>,
        /// For those it adds; `null` when it adds nobody.
        welcome: Option<Redacted<MlsWelcome>>,
        /// Whom it adds: of those who wait for it.
        added: Vec<ParticipantId>,
        /// Whose older leaf it removes: of those who are gone or are added anew.
        removed: Vec<ParticipantId>,
    },
    /// Members: says that the keys of an epoch are at hand; media is forwarded from the first time
    /// on. Answered by `done` or `error`.
    MlsReady {
        /// Echoed in the answer.
        request_id: RequestId,
        /// Which circle.
        group: CircleId,
        /// Which epoch.
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        epoch: u64,
    },
    /// Members who were cut off: asks for what they missed since an epoch. The commits come as
    /// `mls_committed` and all who wait to be added as `mls_wanted`, before `done`. Answered by `done`,
    /// or by `error`, `mls_stale` when not all commits are kept.
    MlsResume {
        /// Echoed in the answer.
        request_id: RequestId,
        /// Which circle.
        group: CircleId,
        /// The newest epoch the page has.
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        epoch: u64,
    },
    /// Members: says something inside the circle. Answered by `done` or `error`.
    MlsSay {
        /// Echoed in the answer.
        request_id: RequestId,
        /// Who gets it.
        audience: SayAudience,
        /// What, which the server cannot read.
        sealed: Redacted<SealedWords>,
    },
    /// Asks the moderators for a signed admission to the circle. Answered by `done` or `error`.
    MlsAskAdmission {
        /// Echoed in the answer.
        request_id: RequestId,
    },
    /// Moderators: hands somebody in the room a signed admission. Answered by `done` or `error`.
    MlsAdmit {
        /// Echoed in the answer.
        request_id: RequestId,
        /// To whom.
        participant: ParticipantId,
        /// The admission.
        admission: Redacted<Admission>,
    },
    /// Moderators: asks everybody a question that the server cannot read; `close_poll` ends it.
    /// Answered by `done` or `error`.
    MlsOpenPoll {
        /// Echoed in the answer.
        request_id: RequestId,
        /// The question and its answers.
        sealed: Redacted<SealedQuestion>,
    },
    /// Answers the open sealed question, once. Answered by `done` or `error`.
    MlsVote {
        /// Echoed in the answer.
        request_id: RequestId,
        /// Which question.
        poll: u32,
        /// The answer, for whoever asked.
        ballot: Redacted<Ballot>,
    },
    /// Encrypted rooms: hands the own keys of one epoch of the circle to those who have access to the
    /// recording, so that they can open what was recorded of oneself in it. The server keeps them with
    /// the tracks. Answered by `done` or `error`.
    ReleaseKeys {
        /// Echoed in the answer.
        request_id: RequestId,
        /// Which recording.
        recording: RecordingId,
        /// An age file, sealed to every key of [`crate::RecordingInfo::recipients`].
        sealed: Redacted<ReleasedKeys>,
    },
    /// Asks what the server holds about whoever asks.
    WhatIsKnown {
        /// Answered by `known`.
        request_id: RequestId,
    },
    /// Instead of `join`: tries a connection for media that carries nothing, in no room. Answered
    /// by `answer` or a fatal `error`. The session ends by itself after 15 s; only `ping` is heard
    /// in it.
    Probe {
        /// Echoed in the answer.
        request_id: RequestId,
        /// The session description (RFC 8866), as the browser made it. Nothing is published.
        sdp: Redacted<String>,
    },
    /// Leaves the room for good; the session token dies with it. Answered by `goodbye`.
    Leave {},
    /// Asks whether the server still hears. Answered by `pong`.
    Ping {},
}

impl ClientMessage {
    /// What the answer to this message will echo; `None` for those that have none to echo.
    pub const fn request_id(&self) -> Option<RequestId> {
        match self {
            Self::Join { .. } | Self::Leave {} | Self::Ping {} => None,
            Self::Offer { request_id, .. }
            | Self::Subscribe { request_id, .. }
            | Self::SetPublishing { request_id, .. }
            | Self::SetReception { request_id, .. }
            | Self::Rename { request_id, .. }
            | Self::RaiseHand { request_id, .. }
            | Self::React { request_id, .. }
            | Self::SetOpinion { request_id, .. }
            | Self::Chat { request_id, .. }
            | Self::Vote { request_id, .. }
            | Self::SetAudience { request_id, .. }
            | Self::CallHelp { request_id, .. }
            | Self::Admit { request_id, .. }
            | Self::RefuseEntry { request_id, .. }
            | Self::SetRules { request_id, .. }
            | Self::StopSource { request_id, .. }
            | Self::Grant { request_id, .. }
            | Self::Invite { request_id, .. }
            | Self::Eject { request_id, .. }
            | Self::EndMeeting { request_id }
            | Self::SetRole { request_id, .. }
            | Self::RotateLink { request_id, .. }
            | Self::AddHandles { request_id, .. }
            | Self::RevokeHandle { request_id, .. }
            | Self::SetSpotlight { request_id, .. }
            | Self::LowerHand { request_id, .. }
            | Self::ClearOpinions { request_id, .. }
            | Self::SetTimer { request_id, .. }
            | Self::OpenPoll { request_id, .. }
            | Self::ClosePoll { request_id, .. }
            | Self::SetGroups { request_id, .. }
            | Self::Announce { request_id, .. }
            | Self::ReportIncident { request_id, .. }
            | Self::StartRecording { request_id, .. }
            | Self::StopRecording { request_id }
            | Self::AnswerRecording { request_id, .. }
            | Self::ReleaseKeys { request_id, .. }
            | Self::MlsCreate { request_id, .. }
            | Self::MlsKeyPackage { request_id, .. }
            | Self::MlsCommit { request_id, .. }
            | Self::MlsReady { request_id, .. }
            | Self::MlsResume { request_id, .. }
            | Self::MlsSay { request_id, .. }
            | Self::MlsAskAdmission { request_id }
            | Self::MlsAdmit { request_id, .. }
            | Self::MlsOpenPoll { request_id, .. }
            | Self::MlsVote { request_id, .. }
            | Self::WhatIsKnown { request_id }
            | Self::Probe { request_id, .. } => Some(*request_id),
        }
    }
}

/// Says which source one sending media section carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublishedMid {
    /// The section's `a=mid` (RFC 8843), at most 16 characters.
    pub mid: String,
    /// What it carries.
    pub source: TrackSource,
}

/// What one receive slot shall carry from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SlotRequest {
    /// The slot's `a=mid`: a media section of the own offer that only receives.
    pub mid: String,
    /// The track to carry, of the same kind as the slot; `null` empties the slot.
    pub track: Option<TrackId>,
    /// Height in device pixels at which the picture is shown; `null` when unknown or for sound.
    pub max_height: Option<u16>,
}
