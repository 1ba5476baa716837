//! What the control plane may ask of the media plane ([`Command`]), and what media tells back
//! ([`Event`]). Plain data, so that the two planes could one day be two processes.

use protocol::{ParticipantId, Quality, Redacted, TrackId, TrackSource};
use thiserror::Error;

/// One live room, numbered by the control plane. Says nothing of the room's link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomId(pub u64);

/// Number of one negotiation, chosen by the control plane and echoed in its one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NegotiationId(pub u64);

/// Number of one recording, never given twice. The shell chooses it; consent to one recording is
/// thereby none to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordingTap(pub u64);

/// The `a=mid` of a media section (RFC 8843), 1 to 16 bytes of token characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mid(String);

impl Mid {
    /// Longest accepted text, in bytes; it also travels in a one-byte header extension.
    pub const MAX_BYTES: usize = 16;

    /// Takes a text if it may stand in `a=mid` (RFC 8866 section 9, `token`).
    pub fn new(text: &str) -> Option<Self> {
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`{|}~".contains(&byte);
        ((1..=Self::MAX_BYTES).contains(&text.len()) && text.bytes().all(is_token))
            .then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the frames of a room look like to the server. Fixed for the room's life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Frames {
    /// As the encoders made them.
    #[default]
    Clear,
    /// Encrypted by the participants (SFrame, RFC 9605), in the payload formats of their codecs.
    Plain,
    /// Encrypted by the participants, pictures without any payload format (`a=packetization`): the
    /// dependency descriptor alone says what a packet is.
    Raw,
}

impl Frames {
    /// Whether the participants encrypt them.
    pub const fn are_encrypted(self) -> bool {
        !matches!(self, Self::Clear)
    }
}

/// New content of one receive slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotAssignment {
    /// Which slot.
    pub mid: Mid,
    /// The track it shall carry; `None` empties it.
    pub track: Option<TrackId>,
    /// Height in device pixels at which the picture is shown, where known.
    pub max_height: Option<u16>,
}

/// What the control plane may ask. Commands about unknown participants are ignored: the
/// participant left while the command travelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Makes room for one participant's transport. It stays idle until negotiated.
    AddTransport {
        /// Whose; unique over all rooms.
        participant: ParticipantId,
        /// Participants of one room can subscribe to each other, and to nobody else.
        room: RoomId,
        /// What frames look like there. Who says otherwise than the first of a room gets no
        /// transport: [`Event::TransportFailed`].
        frames: Frames,
    },
    /// Opens or shuts the forwarding of everything to one participant of a room whose frames are
    /// encrypted; in a room in clear it changes nothing. Shut until opened. It is the
    /// participant's and stays as it is when an offer replaces the transport.
    SetEpochGate {
        /// Who receives.
        participant: ParticipantId,
        /// The first epoch they have the keys of, modulo 256: each subscription begins with the
        /// first key frame, or packet of sound, of that epoch or a later one. `None` shuts the
        /// gate at once. Another epoch on an open gate counts for what begins from then on.
        from: Option<u8>,
    },
    /// Applies an offer and makes the answer: [`Event::Negotiated`] or
    /// [`Event::NegotiationFailed`]. A first offer opens the transport, later ones add or reuse
    /// media sections; new ICE credentials restart ICE.
    Negotiate {
        /// Whose transport.
        participant: ParticipantId,
        /// Echoed in the answer.
        negotiation: NegotiationId,
        /// Session description (RFC 8866) of the browser.
        offer: Redacted<String>,
        /// Which sending sections carry which source.
        publish: Vec<(Mid, TrackSource)>,
    },
    /// Opens or shuts the forwarding of one source. Shut until opened: packets of a source that
    /// is off are dropped and counted.
    SetPublishing {
        /// Who publishes.
        participant: ParticipantId,
        /// Which source.
        source: TrackSource,
        /// True to forward.
        active: bool,
    },
    /// Sends a participant as little as a meeting needs: no cameras, the two loudest voices, a
    /// shared screen as stills. Or everything again.
    SetReception {
        /// Who receives.
        participant: ParticipantId,
        /// True for as little as possible.
        saving: bool,
    },
    /// Assigns receive slots; slots not named stay as they are. A track that is not (yet)
    /// published by a participant of the same room leaves its slot silent until it is.
    Subscribe {
        /// Who receives.
        participant: ParticipantId,
        /// New content.
        slots: Vec<SlotAssignment>,
    },
    /// Ends a transport and everything that hangs on it.
    RemoveTransport {
        /// Whose.
        participant: ParticipantId,
    },
    /// Begins to record a room, with everybody's gate shut. Whatever was recorded of it before
    /// has thereby ended, and so has the consent to that. It ends with the room's last transport,
    /// too.
    StartRecording {
        /// Which room.
        room: RoomId,
        /// Under which number.
        recording: RecordingTap,
    },
    /// Opens the gate of one participant for these sources and shuts it for all others: what they
    /// publish from then on goes to the recorder, or not a packet more. Opening needs that very
    /// recording to run and a transport that was negotiated; where that is not so, or when an offer
    /// replaces the transport, the gate is shut and [`RecordingNews::GateShut`] says so.
    SetRecordable {
        /// Whose.
        participant: ParticipantId,
        /// To which recording they agreed.
        recording: RecordingTap,
        /// What of theirs is for everybody, while they agree; otherwise nothing.
        sources: Vec<TrackSource>,
    },
    /// Shuts the gate of a participant and forgets what was recorded of them:
    /// [`RecordingNews::Erased`] once it is gone. Works for those who left as well.
    EraseRecorded {
        /// Of which room.
        room: RoomId,
        /// Whose.
        participant: ParticipantId,
    },
    /// Shuts every gate of a room and ends its recording, if it is still this one:
    /// [`RecordingNews::Closed`] once all is on disk.
    StopRecording {
        /// Which room.
        room: RoomId,
        /// Which recording of it.
        recording: RecordingTap,
    },
}

/// One receive slot of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NegotiatedSlot {
    /// Its `a=mid`.
    pub mid: Mid,
    /// True for pictures, false for sound.
    pub is_video: bool,
}

/// What media tells back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An offer was applied.
    Negotiated {
        /// Whose.
        participant: ParticipantId,
        /// Of the command.
        negotiation: NegotiationId,
        /// Session description to give to the browser.
        answer: Redacted<String>,
        /// Every receive slot that now exists, in section order.
        slots: Vec<NegotiatedSlot>,
    },
    /// An offer was refused; the transport is as it was before.
    NegotiationFailed {
        /// Whose.
        participant: ParticipantId,
        /// Of the command.
        negotiation: NegotiationId,
        /// Why.
        cause: NegotiationError,
    },
    /// ICE and DTLS are done; media may flow.
    Connected {
        /// Whose.
        participant: ParticipantId,
    },
    /// Nothing authentic came from the participant for the consent time (RFC 7675, 30 s). The
    /// transport stays, and [`Event::Connected`] follows when they are heard again.
    Disconnected {
        /// Whose.
        participant: ParticipantId,
    },
    /// The transport is dead (DTLS ended or failed); a new offer must open another.
    TransportFailed {
        /// Whose.
        participant: ParticipantId,
    },
    /// Which layers of a picture anybody watches. A page sends all of them until it is told.
    LayersWanted {
        /// Whose picture.
        participant: ParticipantId,
        /// Which of theirs.
        source: TrackSource,
        /// Names of the layers to send (RFC 8852), an empty name for the one of a section without
        /// simulcast. The others need not be sent.
        rids: Vec<String>,
    },
    /// An offer of this participant would be answered differently now.
    OfferWanted {
        /// Whose.
        participant: ParticipantId,
    },
    /// Who speaks in a room, as of now.
    Speakers {
        /// Which room.
        room: RoomId,
        /// Loudest first; whoever is not named is silent.
        participants: Vec<ParticipantId>,
    },
    /// Which picture slots of a participant are held back for lack of bandwidth changed.
    SlotsPaused {
        /// Who receives.
        participant: ParticipantId,
        /// All of them.
        mids: Vec<Mid>,
    },
    /// Which picture slots of a participant carry a codec that its browser does not play changed.
    SlotsUnplayable {
        /// Who receives.
        participant: ParticipantId,
        /// All of them.
        mids: Vec<Mid>,
    },
    /// How good a participant's connection is has changed for good.
    QualityChanged {
        /// Whose.
        participant: ParticipantId,
        /// How good.
        quality: Quality,
    },
    /// A fault of ours ended the media of one room; all its transports are gone.
    RoomFailed {
        /// Which.
        room: RoomId,
    },
    /// Something happened to a recording.
    Recording {
        /// Of which room.
        room: RoomId,
        /// Which recording.
        recording: RecordingTap,
        /// What.
        news: RecordingNews,
    },
}

/// What media tells of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingNews {
    /// A participant is not recorded although they agreed: their transport was replaced, or the gate
    /// could not be opened. It opens with another [`Command::SetRecordable`] only.
    GateShut {
        /// Whose.
        participant: ParticipantId,
    },
    /// A track has begun to be written, into the folder of this number.
    TrackOpened {
        /// Number of the track in the recording.
        number: u32,
        /// Which it is.
        track: TrackId,
    },
    /// A participant's tracks are gone from the disk, and nothing of them waits to be written.
    Erased {
        /// Whose.
        participant: ParticipantId,
    },
    /// Nothing is recorded any more. What was written stays; [`RecordingNews::Closed`] follows.
    Failed {
        /// Why.
        cause: RecordingFailure,
    },
    /// It has ended and every file is complete. Nothing is written after this.
    Closed,
}

/// Why a recording ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum RecordingFailure {
    /// The disk is full, or would soon be.
    #[error("too little room is left on the disk")]
    DiskFull,
    /// Its folder cannot be written to, or the recorder has failed.
    #[error("the recording cannot be written")]
    Failed,
}

/// Why an offer was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum NegotiationError {
    /// Not a session description, or one with missing, repeated or contradictory parts.
    #[error("the offer is not a usable session description")]
    Malformed,
    /// No media section with a codec this server speaks, or a source without one that can be used
    /// in the room.
    #[error("the offer holds no codec this server speaks")]
    NoCommonCodec,
    /// More media sections or slots than the limits allow.
    #[error("the offer holds too many media sections")]
    TooManySections,
    /// `publish` names a section that does not send, or the wrong kind of media.
    #[error("a published source does not match the offer's sections")]
    PublishMismatch,
}
