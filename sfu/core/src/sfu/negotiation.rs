//! Offers: what they change, and the answers to them.

use std::time::Instant;

use protocol::{ParticipantId, Redacted, TrackSource};

use super::Sfu;
use crate::command::{Event, Frames, Mid, NegotiationError, NegotiationId};
use crate::demux::TransportKey;
use crate::member::{Negotiated, Reached};
use crate::router::Router;
use crate::sdp::{self, Wishes};

impl Sfu {
    pub(super) fn negotiate(
        &mut self,
        now: Instant,
        participant: ParticipantId,
        negotiation: NegotiationId,
        offer: &Redacted<String>,
        publish: &[(Mid, TrackSource)],
    ) {
        let Some(key) = self.by_participant.get(&participant).copied() else {
            return;
        };
        let event = match self.apply_offer(now, key, offer, publish) {
            Ok(negotiated) => Event::Negotiated {
                participant,
                negotiation,
                answer: negotiated.answer,
                slots: negotiated.slots,
            },
            Err(cause) => Event::NegotiationFailed { participant, negotiation, cause },
        };
        self.events.push_back(event);
        self.schedule(now, key);
    }

    fn apply_offer(
        &mut self,
        now: Instant,
        key: TransportKey,
        offer: &Redacted<String>,
        publish: &[(Mid, TrackSource)],
    ) -> Result<Negotiated, NegotiationError> {
        let member = self.members[key.0].as_mut().expect("keys name living members");
        let room = member.room;
        self.room_in_hand = Some(room);
        let frames = self.routers.get(&room).map_or(Frames::default(), Router::frames);
        let offer = sdp::parse_offer(offer.expose(), publish, frames)?;
        let was_recordable = member.publisher.recordable();
        let wishes = self.routers.get(&room).map_or_else(Wishes::default, Router::wishes);
        let settings = &self.settings;
        let negotiated = member.negotiate(now, &offer, settings, wishes, &mut self.random)?;
        let local = &member.transport.as_ref().expect("negotiated above").local_ice().ufrag;
        match &negotiated.reached {
            Reached::AsBefore => {}
            Reached::Renamed { former } => {
                self.demux.remove_ufrag(former);
                self.demux.add_ufrag(local, key);
            }
            Reached::Anew { former } => {
                self.demux.add_ufrag(local, key);
                if let Some(former) = former {
                    self.demux.remove_ufrag(&former.local_ice().ufrag);
                    for path in former.paths() {
                        self.demux.unbind(path, key);
                    }
                }
            }
        }
        if let Some(router) = self.routers.get_mut(&room) {
            router.publish(now, key, &offer, &mut self.members);
            if let Reached::Anew { former: Some(_) } = negotiated.reached {
                router.forget_demand(key);
                self.events.extend(router.take_events());
            }
        }
        if let Reached::Anew { .. } = negotiated.reached {
            self.shut_gate_of_former(key, was_recordable);
        }
        Ok(negotiated)
    }
}
