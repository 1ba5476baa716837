//! Media: offers, what slots carry, which sources are on and who may receive them.

use protocol::{
    ErrorCode, ParticipantId, PublishedMid, Redacted, RequestId, Role, ServerMessage, SlotRequest,
    TrackSource,
};

use super::Room;
use crate::port::{MediaAnswer, MediaRequest, Output, SessionId, refusal};
use crate::{Action, is_allowed, name};

impl Room {
    pub(super) fn offer(
        &mut self,
        id: ParticipantId,
        session: SessionId,
        request_id: RequestId,
        offer: Redacted<String>,
        publish: Vec<PublishedMid>,
    ) -> Result<(), ErrorCode> {
        self.negotiations += 1;
        let negotiation = self.negotiations;
        let Some(participant) = self.participants.get_mut(&id) else { return Ok(()) };
        // What may be sent at this moment is looked at when it is turned on; a section for
        // pictures, to send or to receive, is not even negotiated where there are none.
        let sends_pictures = publish.iter().any(|section| section.source.is_video());
        let has_pictures = sends_pictures || has_picture_section(&offer);
        if has_pictures && !self.config.rules.video {
            return Err(ErrorCode::NotAllowed);
        }
        if !participant.begin_offer(negotiation, session, request_id) {
            return Err(ErrorCode::Overloaded);
        }
        let request = MediaRequest::Negotiate { participant: id, negotiation, offer, publish };
        self.outputs.push_back(Output::Media(request));
        Ok(())
    }

    pub(super) fn negotiated(
        &mut self,
        id: ParticipantId,
        negotiation: u64,
        result: Result<MediaAnswer, ErrorCode>,
    ) {
        let Some(participant) = self.participants.get_mut(&id) else { return };
        let Some((session, request_id)) = participant.end_offer(negotiation) else { return };
        let is_current = participant.session() == Some(session);
        let is_answered = result.is_ok();
        let output = match result {
            Ok(answer) => {
                participant.replace_slots(answer.slots);
                let message = ServerMessage::Answer { request_id, sdp: answer.sdp, relay: None };
                Output::Send { session, message }
            }
            Err(code) => refusal(session, request_id, code),
        };
        // An answer for a page that was replaced or cut meanwhile has nobody to go to.
        if is_current {
            self.outputs.push_back(output);
            if is_answered {
                self.open_gate_of_transport(id, session);
            }
        }
    }

    pub(super) fn subscribe(
        &mut self,
        id: ParticipantId,
        slots: Vec<SlotRequest>,
    ) -> Result<(), ErrorCode> {
        let Some(participant) = self.participants.get(&id) else { return Ok(()) };
        participant.check_slots(&slots)?;
        let tracks = || slots.iter().filter_map(|slot| slot.track);
        let is_there = |publisher| publisher != id && self.participants.contains_key(&publisher);
        if !tracks().all(|track| is_there(track.participant)) {
            return Err(ErrorCode::TrackUnknown);
        }
        if !tracks().all(|track| self.may_receive(id, track)) {
            return Err(ErrorCode::NotAllowed);
        }
        if let Some(participant) = self.participants.get_mut(&id) {
            participant.carry(&slots);
        }
        let request = MediaRequest::Subscribe { participant: id, slots };
        self.outputs.push_back(Output::Media(request));
        Ok(())
    }

    /// What a page says of one of its sources. A page that has not heard of a stop yet turns nothing
    /// on again: it is told once more.
    pub(super) fn publish(
        &mut self,
        id: ParticipantId,
        source: TrackSource,
        active: bool,
    ) -> Result<(), ErrorCode> {
        let Some(participant) = self.participants.get_mut(&id) else { return Ok(()) };
        if !active {
            participant.stopped.remove(&source);
        } else if participant.stopped.contains(&source) {
            self.tell(id, ServerMessage::SourceStopped { source });
            return Err(ErrorCode::NotAllowed);
        }
        self.set_publishing(id, source, active);
        Ok(())
    }

    fn set_publishing(&mut self, id: ParticipantId, source: TrackSource, active: bool) {
        let Some(participant) = self.participants.get_mut(&id) else { return };
        let is_change = if active {
            participant.active.insert(source)
        } else {
            participant.active.remove(&source)
        };
        let request = MediaRequest::SetPublishing { participant: id, source, active };
        self.outputs.push_back(Output::Media(request));
        if is_change {
            self.tell_track(id, source, active);
        }
    }

    /// Tells whoever is shown a source of somebody that it is on or off.
    fn tell_track(&mut self, id: ParticipantId, source: TrackSource, active: bool) {
        let message = ServerMessage::TrackChanged { participant: id, source, active };
        let Some(sender) = self.participants.get(&id) else { return };
        for (other, viewer) in self.participants.iter().filter(|(other, _)| **other != id) {
            debug_assert!(*other != id);
            if let Some(session) = viewer.session()
                && sender.is_shown_to(viewer.role, source)
            {
                self.outputs.push_back(Output::Send { session, message: message.clone() });
            }
        }
    }

    /// Turns off what somebody sends and may not send any more, or not now.
    pub(super) fn stop_source(&mut self, id: ParticipantId, source: TrackSource) {
        let Some(participant) = self.participants.get_mut(&id) else { return };
        if participant.active.contains(&source) {
            participant.stopped.insert(source);
            self.set_publishing(id, source, false);
            self.tell(id, ServerMessage::SourceStopped { source });
        }
    }

    /// Turns off everything that anybody sends against the rules as they are now.
    pub(super) fn stop_what_is_forbidden(&mut self) {
        for id in self.ids() {
            for source in TrackSource::ALL {
                let Some(participant) = self.participants.get(&id) else { continue };
                let rights = self.rights(participant);
                let action = Action::Publish(source);
                if !is_allowed(participant.role, false, &rights, action) {
                    self.stop_source(id, source);
                }
            }
        }
    }

    pub(super) fn set_audience(&mut self, id: ParticipantId, moderators_only: bool) {
        let Some(participant) = self.participants.get_mut(&id) else { return };
        if std::mem::replace(&mut participant.moderators_only, moderators_only) == moderators_only {
            return;
        }
        let is_camera_on = participant.active.contains(&TrackSource::Camera);
        self.settle_gate(id);
        if is_camera_on {
            let source = TrackSource::Camera;
            let active = !moderators_only;
            let message = ServerMessage::TrackChanged { participant: id, source, active };
            let guests = self
                .participants
                .iter()
                .filter(|(other, viewer)| **other != id && viewer.role == Role::Guest);
            let sessions: Vec<_> = guests.filter_map(|(_, viewer)| viewer.session()).collect();
            for session in sessions {
                self.outputs.push_back(Output::Send { session, message: message.clone() });
            }
        }
        self.enforce();
    }

    pub(super) fn rename(
        &mut self,
        id: ParticipantId,
        typed: &Redacted<String>,
    ) -> Result<(), ErrorCode> {
        let Some(participant) = self.participants.get_mut(&id) else { return Ok(()) };
        let display_name = name::accept(typed).ok_or(ErrorCode::NameInvalid)?;
        participant.display_name = display_name.clone();
        let message = ServerMessage::ParticipantRenamed { participant: id, display_name };
        self.tell_everybody(&message);
        Ok(())
    }
}

/// Whether a session description holds a section for pictures (RFC 8866 section 5.14).
fn has_picture_section(offer: &Redacted<String>) -> bool {
    offer.expose().lines().any(|line| line.starts_with("m=video"))
}
