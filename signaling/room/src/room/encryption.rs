//! Encrypted rooms: who may say what in clear, and what is passed on without being read.

use std::time::Instant;

use protocol::{
    Admission, Ballot, CircleId, ClientMessage, ErrorCode, KeyPackage, ParticipantId, Redacted,
    Role, SayAudience, SealedQuestion, SealedWords, ServerMessage,
};

use super::Room;
use crate::circle::{Effect, NewCommit};
use crate::member::Move;
use crate::participant::Participant;
use crate::port::{Join, MediaRequest, Output};
use crate::sealed_poll::SealedPollBox;

impl Room {
    pub(super) fn is_encrypted(&self) -> bool {
        self.config.rules.encryption.is_some()
    }

    /// Whether a join says in clear what this room seals, or seals what is said in clear here.
    pub(super) fn check_join(&self, join: &Join) -> Result<(), ErrorCode> {
        if self.is_encrypted() {
            let is_sealed = join.member_key.is_some() && join.display_name.is_none();
            is_sealed.then_some(()).ok_or(ErrorCode::EncryptionRequired)
        } else {
            let is_clear = join.member_key.is_none() && join.sealed_name.is_none();
            is_clear.then_some(()).ok_or(ErrorCode::NotEncrypted)
        }
    }

    /// The same of everything else.
    pub(super) fn check_sealing(&self, message: &ClientMessage) -> Result<(), ErrorCode> {
        match content_of(message) {
            Content::Clear if self.is_encrypted() => Err(ErrorCode::EncryptionRequired),
            Content::Sealed if !self.is_encrypted() => Err(ErrorCode::NotEncrypted),
            Content::Clear | Content::Sealed | Content::Neither => Ok(()),
        }
    }

    /// Does what somebody asked for of the circle itself.
    pub(super) fn carry_out_sealed(
        &mut self,
        now: Instant,
        id: ParticipantId,
        request: CircleRequest,
    ) -> Result<(), ErrorCode> {
        // Bytes that others get by it; the welcome goes to those alone who are added.
        let bytes = match &request {
            CircleRequest::Create(_) => 0,
            CircleRequest::Join(key_package) => key_package.expose().byte_count(),
            CircleRequest::Commit(new) => new.commit.expose().byte_count(),
            CircleRequest::Resume(group, epoch) => {
                self.delivery.missed_bytes(id, *group, *epoch)?
            }
        };
        self.charge(now, id, bytes)?;
        if let Some(what) = request.sets_in_motion() {
            let own = self.participants.get_mut(&id).ok_or(ErrorCode::NotThere)?;
            own.member.may_move(now, what).then_some(()).ok_or(ErrorCode::RateLimited)?;
        }
        let effects = match request {
            CircleRequest::Create(group) => return self.delivery.create(id, group),
            CircleRequest::Join(key_package) => self.delivery.ask_to_be_added(id, key_package)?,
            CircleRequest::Commit(new) => self.delivery.commit(id, new)?,
            CircleRequest::Resume(group, epoch) => self.delivery.resume(id, group, epoch)?,
        };
        self.carry(effects);
        Ok(())
    }

    /// Takes somebody's word that they have an epoch's keys. It costs nobody anything.
    pub(super) fn ready(
        &mut self,
        id: ParticipantId,
        group: CircleId,
        epoch: u64,
    ) -> Result<(), ErrorCode> {
        let effects = self.delivery.ready(id, group, epoch)?;
        self.carry(effects);
        Ok(())
    }

    /// Takes what it costs to pass so many bytes of somebody on.
    pub(super) fn charge(
        &mut self,
        now: Instant,
        id: ParticipantId,
        bytes: usize,
    ) -> Result<(), ErrorCode> {
        let own = self.participants.get_mut(&id).ok_or(ErrorCode::NotThere)?;
        own.member.may_send(now, bytes).then_some(()).ok_or(ErrorCode::RateLimited)
    }

    /// Carries out what follows from the circle.
    pub(super) fn carry(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Tell(id, message) => self.tell(id, message),
                Effect::Gate(participant, from) => {
                    let request = MediaRequest::SetEpochGate { participant, from };
                    self.outputs.push_back(Output::Media(request));
                }
            }
        }
    }

    /// Looks at what follows for the circle from who is here.
    pub(super) fn settle_circle(&mut self, now: Instant) {
        let participants = &self.participants;
        let is_here = |id: &ParticipantId| {
            participants.get(id).is_some_and(|participant| participant.session().is_some())
        };
        let effects = self.delivery.settle(now, is_here);
        self.carry(effects);
    }

    pub(super) fn pass_words_on(
        &mut self,
        now: Instant,
        id: ParticipantId,
        audience: SayAudience,
        sealed: Redacted<SealedWords>,
    ) -> Result<(), ErrorCode> {
        if !self.delivery.is_member(id) {
            return Err(ErrorCode::MlsStale);
        }
        self.charge(now, id, sealed.expose().byte_count())?;
        if let SayAudience::One(to) = audience {
            self.find(to)?;
        }
        let group = self.find(id)?.group;
        let hears = |(other, it): &(&ParticipantId, &Participant)| match audience {
            SayAudience::Everybody => true,
            SayAudience::Group => it.group == group,
            SayAudience::Moderators => it.role == Role::Moderator,
            SayAudience::One(to) => **other == to,
        };
        let hearers = self.participants.iter().filter(|it| *it.0 == id || hears(it));
        let members = hearers.filter(|(other, _)| self.delivery.is_member(**other));
        let message = ServerMessage::MlsSaid { participant: id, audience, sealed };
        let told = members
            .filter_map(|(_, it)| it.session())
            .map(|session| Output::Send { session, message: message.clone() });
        self.outputs.extend(told);
        Ok(())
    }

    pub(super) fn ask_admission(
        &mut self,
        now: Instant,
        id: ParticipantId,
    ) -> Result<(), ErrorCode> {
        self.charge(now, id, 0)?;
        let member_key = self.find(id)?.member.key.ok_or(ErrorCode::EncryptionRequired)?;
        self.tell_moderators(&ServerMessage::MlsAdmissionAsked { participant: id, member_key });
        Ok(())
    }

    pub(super) fn hand_admission(
        &mut self,
        id: ParticipantId,
        admission: Redacted<Admission>,
    ) -> Result<(), ErrorCode> {
        let participant = self.participants.get_mut(&id).ok_or(ErrorCode::NotThere)?;
        participant.member.admission = Some(admission.clone());
        // Whoever is away gets it with `joined`.
        self.tell(id, ServerMessage::MlsAdmission { admission });
        Ok(())
    }

    pub(super) fn open_sealed_poll(
        &mut self,
        now: Instant,
        by: ParticipantId,
        sealed: Redacted<SealedQuestion>,
    ) -> Result<(), ErrorCode> {
        if self.sealed_poll.is_some() {
            return Err(ErrorCode::NotAllowed);
        }
        self.charge(now, by, sealed.expose().byte_count())?;
        self.polls += 1;
        let poll = self.polls;
        self.sealed_poll = Some(SealedPollBox::open(poll, by, sealed.clone()));
        self.poll_pace.told(now);
        self.tell_everybody(&ServerMessage::MlsPollOpened { poll, sealed, by });
        Ok(())
    }

    pub(super) fn vote_sealed(
        &mut self,
        now: Instant,
        id: ParticipantId,
        number: u32,
        ballot: Redacted<Ballot>,
    ) -> Result<(), ErrorCode> {
        let poll = self.sealed_poll.as_mut().ok_or(ErrorCode::NotThere)?;
        poll.vote(id, number, ballot)?;
        if self.poll_pace.change(now) {
            self.say_poll();
        }
        Ok(())
    }

    /// Hands the ballots to whoever closes the question.
    pub(super) fn close_sealed_poll(
        &mut self,
        closer: ParticipantId,
        poll: SealedPollBox,
    ) -> Result<(), ErrorCode> {
        let (poll, ballots) = poll.close();
        self.tell(closer, ServerMessage::MlsBallots { poll, ballots });
        self.tell_everybody(&ServerMessage::MlsPollClosed { poll });
        Ok(())
    }
}

/// What somebody asks for of the circle itself.
pub(super) enum CircleRequest {
    /// Make it.
    Create(CircleId),
    /// Be added to it.
    Join(Redacted<KeyPackage>),
    /// Move it on.
    Commit(NewCommit),
    /// Hear what was missed since an epoch.
    Resume(CircleId, u64),
}

impl CircleRequest {
    /// What every page has to work on because of it.
    fn sets_in_motion(&self) -> Option<Move> {
        match self {
            Self::Create(_) | Self::Resume(..) => None,
            Self::Join(_) => Some(Move::KeyPackage),
            Self::Commit(new) if new.added.is_empty() && new.removed.is_empty() => {
                Some(Move::Rotation)
            }
            Self::Commit(_) => Some(Move::Change),
        }
    }
}

/// How what a message carries travels.
enum Content {
    /// In clear.
    Clear,
    /// Sealed, or about what is.
    Sealed,
    /// It carries nothing that is either.
    Neither,
}

const fn content_of(message: &ClientMessage) -> Content {
    match message {
        ClientMessage::Rename { .. }
        | ClientMessage::RaiseHand { .. }
        | ClientMessage::LowerHand { .. }
        | ClientMessage::React { .. }
        | ClientMessage::SetOpinion { .. }
        | ClientMessage::ClearOpinions { .. }
        | ClientMessage::Chat { .. }
        | ClientMessage::Announce { .. }
        | ClientMessage::OpenPoll { .. }
        | ClientMessage::Vote { .. } => Content::Clear,
        ClientMessage::MlsCreate { .. }
        | ClientMessage::MlsKeyPackage { .. }
        | ClientMessage::MlsCommit { .. }
        | ClientMessage::MlsReady { .. }
        | ClientMessage::MlsResume { .. }
        | ClientMessage::MlsSay { .. }
        | ClientMessage::MlsAskAdmission { .. }
        | ClientMessage::MlsAdmit { .. }
        | ClientMessage::MlsOpenPoll { .. }
        | ClientMessage::MlsVote { .. }
        | ClientMessage::ReleaseKeys { .. } => Content::Sealed,
        ClientMessage::Admit { admissions, .. } if !admissions.is_empty() => Content::Sealed,
        ClientMessage::Admit { .. }
        | ClientMessage::Join { .. }
        | ClientMessage::Offer { .. }
        | ClientMessage::Subscribe { .. }
        | ClientMessage::SetPublishing { .. }
        | ClientMessage::SetReception { .. }
        | ClientMessage::SetAudience { .. }
        | ClientMessage::CallHelp { .. }
        | ClientMessage::RefuseEntry { .. }
        | ClientMessage::SetRules { .. }
        | ClientMessage::StopSource { .. }
        | ClientMessage::Grant { .. }
        | ClientMessage::Invite { .. }
        | ClientMessage::Eject { .. }
        | ClientMessage::EndMeeting { .. }
        | ClientMessage::SetRole { .. }
        | ClientMessage::RotateLink { .. }
        | ClientMessage::AddHandles { .. }
        | ClientMessage::RevokeHandle { .. }
        | ClientMessage::SetSpotlight { .. }
        | ClientMessage::SetTimer { .. }
        | ClientMessage::ClosePoll { .. }
        | ClientMessage::SetGroups { .. }
        | ClientMessage::ReportIncident { .. }
        | ClientMessage::StartRecording { .. }
        | ClientMessage::StopRecording { .. }
        | ClientMessage::AnswerRecording { .. }
        | ClientMessage::WhatIsKnown { .. }
        | ClientMessage::Probe { .. }
        | ClientMessage::Leave { .. }
        | ClientMessage::Ping { .. } => Content::Neither,
    }
}
