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
}

/// Why an offer was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum NegotiationError {
    /// Not a session description, or one with missing, repeated or contradictory parts.
    #[error("the offer is not a usable session description")]
    Malformed,
    /// No media section with a codec this server speaks.
    #[error("the offer holds no codec this server speaks")]
    NoCommonCodec,
    /// More media sections or slots than the limits allow.
    #[error("the offer holds too many media sections")]
    TooManySections,
    /// `publish` names a section that does not send, or the wrong kind of media.
    #[error("a published source does not match the offer's sections")]
    PublishMismatch,
}
