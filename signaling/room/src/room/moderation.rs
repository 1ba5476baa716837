//! What moderators decide about others. Nothing here turns anything on.

use std::collections::BTreeMap;
use std::time::Instant;

use protocol::{
    Delegation, ErrorCode, GoodbyeReason, MAX_TEXT_CHARS, OpenRules, ParticipantId, Redacted, Role,
    ServerMessage, SignedAdmission, TrackSource, Verifier,
};

use super::Room;
use crate::participant::Participant;
use crate::port::{Change, EndCause, Output};
use crate::{rights_of, text};

impl Room {
    /// Lets everybody in, or those who are named.
    pub(super) fn admit_all(
        &mut self,
        now: Instant,
        participants: Option<Vec<ParticipantId>>,
        admissions: Vec<SignedAdmission>,
    ) -> Result<(), ErrorCode> {
        let is_everybody = participants.is_none();
        let chosen = participants.unwrap_or_else(|| self.lobby.ids());
        let signed = admissions.into_iter().map(|it| (it.participant, it.admission));
        let mut signed: BTreeMap<_, _> = signed.collect();
        let mut result = Ok(());
        for id in chosen {
            match self.admit(now, id, signed.remove(&id)) {
                // Who was cut a moment ago simply goes on waiting.
                Err(ErrorCode::NotThere) if is_everybody => {}
                Err(code) => result = Err(code),
                Ok(()) => {}
            }
        }
        self.tell_waiting();
        result
    }

    pub(super) fn send_away(
        &mut self,
        now: Instant,
        id: ParticipantId,
        reason: Option<&Redacted<String>>,
    ) -> Result<(), ErrorCode> {
        let note = reason
            .map(|typed| text::accept(typed, MAX_TEXT_CHARS).ok_or(ErrorCode::Malformed))
            .transpose()?;
        self.refuse_entry(now, id, note)?;
        self.tell_waiting();
        Ok(())
    }

    pub(super) fn set_rules(
        &mut self,
        now: Instant,
        was: &OpenRules,
        rules: &OpenRules,
    ) -> Result<Change, ErrorCode> {
        let open = self.config.rules.open.changed(was, rules);
        self.config.rules.open = open;
        if open.locked {
            self.empty_lobby(now, ErrorCode::RoomLocked);
        }
        for id in self.ids() {
            self.tell_rights(id);
        }
        self.stop_what_is_forbidden();
        Ok(Change::Rules(self.config.rules.clone()))
    }

    pub(super) fn stop_sources(
        &mut self,
        whose: Option<ParticipantId>,
        source: TrackSource,
    ) -> Result<(), ErrorCode> {
        let Some(id) = whose else {
            for id in self.ids() {
                if self.participants.get(&id).is_some_and(|it| it.role == Role::Guest) {
                    self.stop_with_sound(id, source);
                }
            }
            return Ok(());
        };
        self.find(id)?;
        self.stop_with_sound(id, source);
        Ok(())
    }

    /// A shared screen stops with its sound.
    fn stop_with_sound(&mut self, id: ParticipantId, source: TrackSource) {
        self.stop_source(id, source);
        if source == TrackSource::Screen {
            self.stop_source(id, TrackSource::ScreenAudio);
        }
    }

    pub(super) fn grant(
        &mut self,
        id: ParticipantId,
        source: TrackSource,
        granted: bool,
    ) -> Result<(), ErrorCode> {
        let participant = self.participants.get_mut(&id).ok_or(ErrorCode::NotThere)?;
        match source {
            TrackSource::Microphone => participant.granted.microphone = granted,
            TrackSource::Camera => participant.granted.camera = granted,
            TrackSource::Screen | TrackSource::ScreenAudio => participant.granted.screen = granted,
        }
        let granted = participant.granted;
        let message = ServerMessage::GrantedChanged { participant: id, granted };
        self.tell_moderators(&message);
        self.tell_rights(id);
        self.stop_what_is_forbidden();
        Ok(())
    }

    pub(super) fn invite(
        &mut self,
        id: ParticipantId,
        source: TrackSource,
    ) -> Result<(), ErrorCode> {
        self.find(id)?;
        self.tell(id, ServerMessage::Invited { source });
        Ok(())
    }

    /// Sends somebody out for good; a personal link they came by ends with it.
    pub(super) fn eject(
        &mut self,
        now: Instant,
        id: ParticipantId,
    ) -> Result<Option<Change>, ErrorCode> {
        let participant = self.find(id)?;
        if participant.link_role == Role::Moderator {
            // Their link would bring them back.
            return Err(ErrorCode::NotAllowed);
        }
        let handle = participant.handle;
        self.put_out(now, id);
        Ok(Some(Change::SentOut { participants: vec![id], handle }))
    }

    /// Ends the meeting for everybody, and nothing of the room: nobody is barred, no link ends.
    pub(super) fn end_meeting(&mut self, now: Instant) {
        self.sent_home = self.ids().into_iter().chain(self.lobby.ids()).collect();
        self.send_home(now, GoodbyeReason::MeetingEnded, EndCause::Goodbye);
    }

    fn put_out(&mut self, now: Instant, id: ParticipantId) {
        if let Some(session) = self.participants.get(&id).and_then(Participant::session) {
            self.dismiss(session, GoodbyeReason::Ejected, None);
        }
        self.remove(now, id);
    }

    /// Makes somebody a moderator by a delegation that was found good.
    pub(super) fn pass_on(
        &mut self,
        id: ParticipantId,
        delegation: Delegation,
    ) -> Result<Option<Change>, ErrorCode> {
        let participant = self.participants.get_mut(&id).ok_or(ErrorCode::NotThere)?;
        if participant.link_role == Role::Moderator {
            return Ok(None);
        }
        participant.delegation = Some(delegation);
        self.set_role(id, Role::Moderator);
        Ok(Some(Change::Delegate { participant: id, is_delegate: true }))
    }

    /// Makes somebody a guest again.
    pub(super) fn take_back(&mut self, id: ParticipantId) -> Result<Option<Change>, ErrorCode> {
        let participant = self.participants.get_mut(&id).ok_or(ErrorCode::NotThere)?;
        if participant.link_role == Role::Moderator {
            return Err(ErrorCode::NotAllowed);
        }
        if participant.delegation.take().is_none() {
            return Ok(None);
        }
        self.set_role(id, Role::Guest);
        Ok(Some(Change::Delegate { participant: id, is_delegate: false }))
    }

    fn set_role(&mut self, id: ParticipantId, role: Role) {
        let Some(participant) = self.participants.get_mut(&id) else { return };
        let before = std::mem::replace(&mut participant.role, role);
        let (session, delegation) = (participant.session(), participant.delegation);
        self.tell(id, ServerMessage::RoleChanged { participant: id, role, delegation });
        if before == role {
            return;
        }
        let changed = ServerMessage::RoleChanged { participant: id, role, delegation: None };
        self.tell_others(id, &changed);
        self.tell_rights(id);
        // What others show to moderators alone appears, or disappears.
        let hidden = |other: &Participant| {
            other.moderators_only && other.active.contains(&TrackSource::Camera)
        };
        let cameras: Vec<_> =
            self.participants.iter().filter(|(other, p)| **other != id && hidden(p)).collect();
        let told = cameras.into_iter().map(|(other, _)| ServerMessage::TrackChanged {
            participant: *other,
            source: TrackSource::Camera,
            active: role == Role::Moderator,
        });
        if let Some(session) = session {
            let told: Vec<_> = told.map(|message| Output::Send { session, message }).collect();
            self.outputs.extend(told);
            let is_moderator = role == Role::Moderator;
            let waiting = if is_moderator { self.lobby.infos() } else { Vec::new() };
            let message = ServerMessage::WaitingChanged { waiting };
            self.outputs.push_back(Output::Send { session, message });
            if is_moderator {
                // Guests are not told when their link is replaced; whoever shows it has to know.
                let generation = self.config.link_generation;
                let counts = self.consent.counts(self.participants.len());
                let counts = counts.map(|message| Output::Send { session, message });
                self.outputs.extend(counts);
                let message = ServerMessage::LinkRotated { generation };
                self.outputs.push_back(Output::Send { session, message });
            }
            let others =
                self.participants.iter().filter(|(other, _)| is_moderator && **other != id);
            let told = others.map(|(other, them)| {
                let (participant, granted) = (*other, them.granted);
                let message = ServerMessage::GrantedChanged { participant, granted };
                Output::Send { session, message }
            });
            self.outputs.extend(told);
        }
        self.stop_what_is_forbidden();
        self.enforce();
    }

    pub(super) fn rotate_link(
        &mut self,
        now: Instant,
        verifier: Redacted<Verifier>,
        generation: u32,
    ) -> Result<Change, ErrorCode> {
        // Two moderators at once: the second one's link would not be the one that is shown.
        if self.config.link_generation.checked_add(1) != Some(generation) {
            return Err(ErrorCode::NotThere);
        }
        self.config.link_generation = generation;
        // Whoever waits came by the link that has just ended.
        self.empty_lobby(now, ErrorCode::LinkEnded);
        let message = ServerMessage::LinkRotated { generation };
        if self.is_encrypted() {
            // Members add newcomers by the newest link, and take its secret from members alone.
            self.tell_everybody(&message);
        } else {
            self.tell_moderators(&message);
        }
        Ok(Change::GuestLink { verifier, generation })
    }

    /// Ends a personal link, and sends out whoever came by it.
    pub(super) fn revoke_handle(&mut self, now: Instant, handle: Redacted<Verifier>) -> Change {
        let came_by_it = |it: &&Participant| it.handle.as_ref() == Some(&handle);
        let people = self.participants.iter().filter(|(_, it)| came_by_it(it));
        let participants: Vec<_> = people.map(|(id, _)| *id).collect();
        for id in &participants {
            self.put_out(now, *id);
        }
        Change::SentOut { participants, handle: Some(handle) }
    }

    fn tell_rights(&mut self, id: ParticipantId) {
        let Some(participant) = self.participants.get(&id) else { return };
        let rules = self.config.rules.clone();
        let rights = rights_of(&rules, participant.role, participant.granted);
        self.tell(id, ServerMessage::RulesChanged { rules, rights });
    }

    pub(super) fn find(&self, id: ParticipantId) -> Result<&Participant, ErrorCode> {
        self.participants.get(&id).ok_or(ErrorCode::NotThere)
    }
}
