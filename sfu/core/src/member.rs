//! One participant in the media plane: the connection, what is published over it, and what is
//! received over it.

use std::time::Instant;

use protocol::{ParticipantId, Redacted};
use rand::rngs::StdRng;

use crate::command::{Frames, NegotiatedSlot, NegotiationError, RoomId};
use crate::epoch::Gate;
use crate::quality::QualityMeter;
use crate::router::{Publisher, Subscriber};
use crate::sdp::{self, Fingerprint, LocalParameters, MediaKind, Offer, Role, Wishes};
use crate::settings::Settings;
use crate::transport::Transport;

/// Everything that hangs on one participant. Ends in one place, `Sfu::remove`.
pub(crate) struct Member {
    pub(crate) participant: ParticipantId,
    pub(crate) room: RoomId,
    /// `None` until the first offer.
    pub(crate) transport: Option<Transport>,
    pub(crate) publisher: Publisher,
    pub(crate) subscriber: Subscriber,
    pub(crate) quality: QualityMeter,
    /// What frames look like in its room.
    frames: Frames,
    /// From when on it can decrypt what the others send.
    pub(crate) gate: Gate,
    /// True when it shall receive as little as a meeting needs.
    pub(crate) saving: bool,
    /// What its last offer was answered with, or it was told to offer anew for.
    pub(crate) wishes: Wishes,
}

/// What an offer changed about how the transport is found.
pub(crate) enum Reached {
    /// As before.
    AsBefore,
    /// Under another user name; the former one is void.
    Renamed {
        /// The void one.
        former: String,
    },
    /// It is another transport; the former one, if any, is to be closed and forgotten.
    Anew {
        /// The closed one.
        former: Option<Box<Transport>>,
    },
}

/// The answer to an offer.
pub(crate) struct Negotiated {
    pub(crate) answer: Redacted<String>,
    pub(crate) slots: Vec<NegotiatedSlot>,
    pub(crate) reached: Reached,
}

impl Member {
    /// Without a transport yet.
    pub(crate) fn new(participant: ParticipantId, room: RoomId, frames: Frames) -> Self {
        Self {
            participant,
            room,
            transport: None,
            publisher: Publisher::default(),
            subscriber: Subscriber::new(frames),
            quality: QualityMeter::default(),
            frames,
            gate: Gate::of(frames),
            saving: false,
            wishes: Wishes::default(),
        }
    }

    /// Sends it as little as a meeting needs from now on, or everything.
    pub(crate) fn set_saving(&mut self, saving: bool) {
        self.saving = saving;
        self.subscriber.set_saving(saving);
        self.publisher.set_saving(saving);
    }

    /// Applies an offer to the connection and the receive slots. What is published is the
    /// router's to apply, since it concerns the others of the room.
    pub(crate) fn negotiate(
        &mut self,
        now: Instant,
        offer: &Offer,
        settings: &Settings,
        wishes: Wishes,
        random: &mut StdRng,
    ) -> Result<Negotiated, NegotiationError> {
        let continues = self.transport.as_ref().is_some_and(|transport| transport.continues(offer));
        let reached = match &mut self.transport {
            Some(transport) if continues => match transport.renegotiate(offer, random) {
                Some(former) => Reached::Renamed { former },
                None => Reached::AsBefore,
            },
            _ => {
                let opened =
                    Transport::open(now, &settings.identity, settings.worker, offer, random)
                        .map_err(|_| NegotiationError::Malformed)?;
                let former = self.transport.replace(opened).map(Box::new);
                self.subscriber = Subscriber::new(self.frames);
                self.publisher.reset();
                Reached::Anew { former }
            }
        };
        self.set_saving(self.saving);
        self.subscriber.set_gate(self.gate);
        self.subscriber.negotiate(offer, random);
        let local = LocalParameters {
            ice: self.transport.as_ref().expect("made above").local_ice(),
            fingerprint: Fingerprint(settings.identity.fingerprint()),
            candidates: &settings.candidates,
            tcp_port: settings.tcp_port,
            wishes,
        };
        self.wishes = wishes;
        let answer = sdp::write_answer(offer, &local, |mid| self.subscriber.ssrcs(mid));
        let slots = offer
            .sections
            .iter()
            .filter(|section| matches!(section.role, Role::Slot { .. }))
            .map(|section| NegotiatedSlot {
                mid: section.mid.clone(),
                is_video: section.kind == MediaKind::Video,
            })
            .collect();
        Ok(Negotiated { answer: Redacted::new(answer), slots, reached })
    }
}
