//! One task per live room: drives the pure [`Room`], carries out what it wants, and translates
//! between it and the media plane.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use protocol::{
    EncryptionInfo, ErrorCode, ParticipantId, RecordingEnd, RecordingId, Redacted, RequestId, Role,
    RoomEncryption, ServerMessage, Verifier,
};
use room::{
    Change, EndCause, Input, Join, MediaAnswer, MediaRequest, Output, Resume, Room, RoomConfig,
    SessionId, Slot, Wait, Welcome,
};
use sfu_core::{
    Command, Event, Frames, Mid, NegotiationId, RecordingNews, RecordingTap, RoomId, SlotAssignment,
};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::delegation::Host;
use crate::registry::Registry;
use crate::store::actions::{Deed, Doer};
use crate::store::{RoomKey, RoomRecord};
use crate::token::Vouched;

use self::recording::Kept;

mod recording;

/// Where a session's messages wait to be written.
pub(crate) type SessionSender = mpsc::Sender<Outgoing>;

/// What a room says to a session.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Message(Box<ServerMessage>),
    /// Nothing follows.
    End(EndCause),
}

/// What a room's task is told.
#[derive(Debug)]
pub(crate) enum RoomInput {
    /// A proven join.
    Join {
        join: Join,
        /// Of the link that was shown.
        link: Verifier,
        /// Where its session listens.
        outgoing: SessionSender,
        /// What of it was worth nothing, though they may come in.
        complaint: Option<ErrorCode>,
    },
    /// A session spoke.
    Said(SessionId, protocol::ClientMessage),
    /// A session was cut.
    Lost(SessionId),
    /// The recording that runs, if it is this one, has to end.
    EndRecording(RecordingId),
    /// What was recorded of somebody is erased.
    EraseRecorded(RecordingId, ParticipantId),
    /// The server stops at this instant at the latest.
    RestartAnnounced(Instant),
    /// The server stops.
    Stop,
}

/// The handle to a room's task.
#[derive(Debug)]
pub(crate) struct LiveRoom {
    pub(crate) id: RoomId,
    pub(crate) inputs: mpsc::Sender<RoomInput>,
    /// Apart from `inputs`, so that talkative browsers cannot crowd out the media plane.
    pub(crate) media: mpsc::Sender<Event>,
    /// What happens to its recording: few words, none of which may be lost.
    pub(crate) news: mpsc::UnboundedSender<News>,
    size: Arc<AtomicUsize>,
}

impl LiveRoom {
    /// Participants present or away.
    pub(crate) fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }
}

/// What happened to which recording.
pub(crate) type News = (RecordingTap, RecordingNews);

/// The task of one live room.
pub(crate) struct RoomTask {
    registry: Registry,
    key: RoomKey,
    host: Host,
    id: RoomId,
    ends: u64,
    room: Room,
    sessions: HashMap<SessionId, Listener>,
    media: mpsc::Sender<Event>,
    /// What frames look like here.
    frames: Frames,
    /// Of the moderator link.
    moderator: Verifier,
    /// Where the keeper of recordings answers.
    kept: mpsc::Sender<Kept>,
    /// Number of the recording that runs, in the media plane.
    tap: Option<RecordingTap>,
    /// The recording that runs.
    recording: Option<RecordingId>,
    size: Arc<AtomicUsize>,
}

/// A session, as its room sees it.
struct Listener {
    outgoing: SessionSender,
    /// Of the link it came by, for its token.
    link: Verifier,
}

/// What became of the room after an input.
enum Fate {
    GoesOn,
    Idle,
    Ended,
}

impl RoomTask {
    /// Starts the task.
    pub(crate) fn start(
        registry: Registry,
        host: Host,
        id: RoomId,
        record: &RoomRecord,
    ) -> LiveRoom {
        let (media, media_heard) = mpsc::channel(ROOM_QUEUE);
        let (kept, done) = mpsc::channel(ROOM_QUEUE);
        let task = Self::new(registry, host, id, record, media.clone(), kept);
        let (inputs, inputs_heard) = mpsc::channel(ROOM_QUEUE);
        let (news, news_heard) = mpsc::unbounded_channel();
        let size = task.size.clone();
        tracing::info!(room = id.0, "room opened");
        tokio::spawn(task.run(inputs_heard, (media_heard, news_heard), done));
        LiveRoom { id, inputs, media, news, size }
    }

    fn new(
        registry: Registry,
        host: Host,
        id: RoomId,
        record: &RoomRecord,
        media: mpsc::Sender<Event>,
        kept: mpsc::Sender<Kept>,
    ) -> Self {
        let clock = &registry.shared().clock;
        let now = clock.now();
        let left = Duration::from_secs(record.expires_at.saturating_sub(clock.unix_seconds()));
        let config = RoomConfig {
            rules: record.rules.clone(),
            link_generation: record.link_generation,
            recording_days: registry.recordings().config().map(|config| config.max_days),
            expires_at: now.checked_add(left),
        };
        Self {
            key: RoomKey::of(&host.room),
            host,
            id,
            ends: record.expires_at,
            room: Room::new(now, config),
            sessions: HashMap::new(),
            media,
            frames: match record.rules.encryption {
                None => Frames::Clear,
                Some(RoomEncryption { raw: false, .. }) => Frames::Plain,
                Some(RoomEncryption { raw: true, .. }) => Frames::Raw,
            },
            moderator: record.moderator_verifier,
            kept,
            tap: None,
            recording: None,
            size: Arc::default(),
            registry,
        }
    }

    async fn run(
        mut self,
        mut inputs: mpsc::Receiver<RoomInput>,
        (mut media, mut news): (mpsc::Receiver<Event>, mpsc::UnboundedReceiver<News>),
        mut kept: mpsc::Receiver<Kept>,
    ) {
        loop {
            let clock = self.registry.shared().clock.clone();
            let alarm = self.room.poll_timeout();
            let fate = tokio::select! {
                biased;
                Some(event) = media.recv() => self.media_event(event),
                Some((recording, news)) = news.recv() => self.recording_news(recording, news),
                Some(kept) = kept.recv() => self.hear_kept(kept),
                input = inputs.recv() => match input {
                    Some(input) => self.hear(input),
                    None => break,
                },
                () = sleep_until(&clock, alarm) => {
                    self.room.handle_timeout(clock.now());
                    self.settle()
                }
            };
            match fate {
                Fate::GoesOn => {}
                Fate::Idle => {
                    let is_silent = || inputs.is_empty();
                    if self.registry.forget_if(self.key, is_silent) {
                        break;
                    }
                }
                Fate::Ended => {
                    // Whoever is on the way in is still told that the room has ended.
                    self.registry.forget_if(self.key, || true);
                    inputs.close();
                }
            }
        }
        tracing::info!(room = self.id.0, "room closed");
    }

    fn hear(&mut self, input: RoomInput) -> Fate {
        let input = match input {
            RoomInput::Join { join, link, outgoing, complaint } => {
                let session = join.session;
                self.sessions.insert(session, Listener { outgoing, link });
                let fate = self.handle(Input::Join(join));
                return match complaint {
                    Some(code) => self.complain(session, code, fate),
                    None => fate,
                };
            }
            RoomInput::Said(session, message) => Input::Said { session, message },
            RoomInput::Lost(session) => {
                self.sessions.remove(&session);
                Input::SessionLost { session }
            }
            RoomInput::EndRecording(recording) if self.recording == Some(recording) => {
                Input::RecordingEnded { cause: RecordingEnd::Stopped }
            }
            RoomInput::EndRecording(_) => return Fate::GoesOn,
            RoomInput::EraseRecorded(recording, participant) => {
                return self.erase_recorded(recording, participant);
            }
            RoomInput::RestartAnnounced(at) => Input::RestartAnnounced { at },
            RoomInput::Stop => Input::ServerStopping,
        };
        self.handle(input)
    }

    /// The person is in, otherwise than they wished: they and their page are told why.
    fn complain(&mut self, session: SessionId, code: ErrorCode, fate: Fate) -> Fate {
        let message = ServerMessage::Error { request_id: None, code, fatal: false };
        match self.send(session, message) {
            Some(lost) => self.handle(lost),
            None => fate,
        }
    }

    fn media_event(&mut self, event: Event) -> Fate {
        match event {
            Event::Negotiated { participant, negotiation, answer, slots } => {
                let slot = |slot: sfu_core::NegotiatedSlot| Slot {
                    mid: slot.mid.as_str().to_owned(),
                    is_video: slot.is_video,
                };
                let slots = slots.into_iter().map(slot).collect();
                let result = Ok(MediaAnswer { sdp: answer, slots });
                self.handle(Input::Negotiated { participant, negotiation: negotiation.0, result })
            }
            Event::NegotiationFailed { participant, negotiation, cause } => {
                tracing::debug!(room = self.id.0, ?participant, %cause, "offer refused");
                let result = Err(ErrorCode::OfferInvalid);
                self.handle(Input::Negotiated { participant, negotiation: negotiation.0, result })
            }
            Event::LayersWanted { participant, source, rids } => {
                self.handle(Input::LayersWanted { participant, source, rids })
            }
            Event::OfferWanted { participant } => self.handle(Input::OfferWanted { participant }),
            Event::Speakers { participants, .. } => self.handle(Input::Speakers { participants }),
            Event::SlotsPaused { participant, mids } => {
                let mids = mids.iter().map(|mid| mid.as_str().to_owned()).collect();
                self.handle(Input::SlotsPaused { participant, mids })
            }
            Event::SlotsUnplayable { participant, mids } => {
                let mids = mids.iter().map(|mid| mid.as_str().to_owned()).collect();
                self.handle(Input::SlotsUnplayable { participant, mids })
            }
            Event::QualityChanged { participant, quality } => {
                self.handle(Input::QualityChanged { participant, quality })
            }
            Event::RoomFailed { .. } => {
                tracing::error!(room = self.id.0, "the media of this room failed");
                self.handle(Input::MediaFailed)
            }
            Event::Connected { .. }
            | Event::Disconnected { .. }
            | Event::Recording { .. }
            | Event::TransportFailed { .. } => Fate::GoesOn,
        }
    }

    fn handle(&mut self, input: Input) -> Fate {
        self.room.handle(self.registry.shared().clock.now(), input);
        self.settle()
    }

    /// Carries out everything the room wants, and what follows from not being able to.
    fn settle(&mut self) -> Fate {
        let mut fate = Fate::GoesOn;
        let mut consequences = Vec::new();
        loop {
            while let Some(output) = self.room.poll_output() {
                match output {
                    Output::Welcome(welcome) => {
                        let (session, message) = self.joined(*welcome);
                        consequences.extend(self.send(session, message));
                    }
                    Output::Wait(wait) => {
                        let (session, message) = self.waiting(wait);
                        consequences.extend(self.send(session, message));
                    }
                    Output::Keep { session, request_id, change } => {
                        self.keep(session, request_id, change);
                    }
                    Output::Report { session, request_id, sealed } => {
                        self.report(session, request_id, sealed);
                    }
                    Output::CheckDelegation { session, request_id, participant, delegation } => {
                        let now = self.registry.shared().clock.unix_seconds();
                        let result = self.host.check(participant, &delegation, now);
                        consequences.push(Input::DelegationChecked {
                            session,
                            request_id,
                            participant,
                            delegation,
                            result,
                        });
                    }
                    Output::Send { session, message } => {
                        consequences.extend(self.send(session, message));
                    }
                    Output::End { session, cause } => self.end(session, cause),
                    Output::Media(request) => consequences.extend(self.ask_media(request)),
                    Output::Recording(request) => consequences.extend(self.record(request)),
                    Output::Idle => fate = Fate::Idle,
                    Output::Ended => fate = Fate::Ended,
                }
            }
            let Some(input) = consequences.pop() else { break };
            self.room.handle(self.registry.shared().clock.now(), input);
        }
        self.registry.note_size(&self.size, self.room.participant_count());
        fate
    }

    fn joined(&self, welcome: Welcome) -> (SessionId, ServerMessage) {
        let Welcome { session, participant, display_name, role, resumed, .. } = welcome;
        let shared = self.registry.shared();
        let counter = if resumed { &shared.metrics.resumes } else { &shared.metrics.joins };
        counter.add_one();
        tracing::debug!(room = self.id.0, ?participant, ?role, resumed, "joined");
        let resume = self.token(session, participant, welcome.link_role, true);
        let host_key = self.host.key.filter(|_| welcome.rules.encryption.is_some());
        let encryption = host_key.map(|host_key| EncryptionInfo {
            host_key,
            circle: welcome.circle,
            admission: welcome.admission,
        });
        let message = ServerMessage::Joined {
            participant,
            display_name,
            role,
            resumed,
            resume,
            participants: welcome.participants,
            rules: welcome.rules,
            rights: welcome.rights,
            link_generation: welcome.link_generation,
            state: Box::new(welcome.state),
            own: welcome.own,
            encryption,
        };
        (session, message)
    }

    fn waiting(&self, wait: Wait) -> (SessionId, ServerMessage) {
        let Wait { session, participant } = wait;
        let resume = self.token(session, participant, Role::Guest, false);
        (session, ServerMessage::Waiting { participant, resume })
    }

    /// What brings somebody back by the link of their session.
    fn token(
        &self,
        session: SessionId,
        participant: ParticipantId,
        role: Role,
        admitted: bool,
    ) -> Redacted<String> {
        // Without its session the message that the token stands in reaches nobody.
        let nobody = Verifier::from_bytes([0; 32]);
        let link = self.sessions.get(&session).map_or(nobody, |listener| listener.link);
        let vouched = Vouched { resume: Resume { participant, admitted }, role, link };
        self.registry.shared().tokens.session(self.key, &vouched, self.ends)
    }

    /// Has a change kept, and answers whoever asked for it when that is done.
    fn keep(&self, session: SessionId, request_id: RequestId, change: Change) {
        if let Some(deed) = deed_of(&change) {
            self.registry.recordings().note(Doer::Moderator, deed, self.key);
        }
        let kept = self.registry.shared().keep(self.key, change);
        self.answer_once(session, request_id, kept);
    }

    /// Has an incident report kept, as sealed as it came.
    fn report(&self, session: SessionId, request_id: RequestId, sealed: Redacted<String>) {
        let incidents = self.registry.shared().incidents.clone();
        let kept = tokio::task::spawn_blocking(move || incidents.keep(&sealed));
        let kept = async move { kept.await.unwrap_or(Err(ErrorCode::Internal)) };
        self.answer_once(session, request_id, kept);
    }

    /// Answers a request once something is on the disk.
    fn answer_once(
        &self,
        session: SessionId,
        request_id: RequestId,
        kept: impl Future<Output = Result<(), ErrorCode>> + Send + 'static,
    ) {
        let answer_to = self.sessions.get(&session).map(|listener| listener.outgoing.clone());
        let (registry, room) = (self.registry.clone(), self.id.0);
        tokio::spawn(async move {
            let message = match kept.await {
                Ok(()) => ServerMessage::Done { request_id },
                Err(code) => {
                    tracing::warn!(room, ?code, "what a moderator asked for was not kept");
                    registry.shared().metrics.refused(code);
                    ServerMessage::Error { request_id: Some(request_id), code, fatal: false }
                }
            };
            if let Some(answer_to) = answer_to {
                // Whoever asked may be gone by now.
                let _ = answer_to.try_send(Outgoing::Message(Box::new(message)));
            }
        });
    }

    /// Queues a message. A session that does not read loses its connection, not the others theirs.
    fn send(&mut self, session: SessionId, mut message: ServerMessage) -> Option<Input> {
        let Listener { outgoing: sender, link } = self.sessions.get(&session)?;
        if let ServerMessage::Known { known, .. } = &mut message {
            known.link = Some(Redacted::new(*link));
        }
        if let ServerMessage::Error { code, .. } = &message {
            self.registry.shared().metrics.refused(*code);
        }
        match sender.try_send(Outgoing::Message(Box::new(message))) {
            Ok(()) => None,
            Err(TrySendError::Full(_)) => {
                self.registry.shared().metrics.sessions_cut_slow.add_one();
                self.sessions.remove(&session);
                Some(Input::SessionLost { session })
            }
            // Its task says so itself, after what it still heard: there may be a `leave` among it.
            Err(TrySendError::Closed(_)) => None,
        }
    }

    fn end(&mut self, session: SessionId, cause: EndCause) {
        if let Some(Listener { outgoing: sender, .. }) = self.sessions.remove(&session) {
            // With a full queue the dropped sender ends the session all the same.
            let _ = sender.try_send(Outgoing::End(cause));
        }
    }

    /// Passes a request on. What the media plane cannot take comes back as the next input.
    fn ask_media(&self, request: MediaRequest) -> Option<Input> {
        let (participant, negotiation, command) = match request {
            MediaRequest::AddTransport { participant } => {
                self.registry.add_route(participant, self.media.clone());
                let (room, frames) = (self.id, self.frames);
                (participant, None, Command::AddTransport { participant, room, frames })
            }
            MediaRequest::Negotiate { participant, negotiation, offer, publish } => {
                let publish: Option<Vec<_>> = publish
                    .into_iter()
                    .map(|section| Some((Mid::new(&section.mid)?, section.source)))
                    .collect();
                let Some(publish) = publish else {
                    let result = Err(ErrorCode::OfferInvalid);
                    return Some(Input::Negotiated { participant, negotiation, result });
                };
                let id = NegotiationId(negotiation);
                let command = Command::Negotiate { participant, negotiation: id, offer, publish };
                (participant, Some(negotiation), command)
            }
            MediaRequest::SetPublishing { participant, source, active } => {
                (participant, None, Command::SetPublishing { participant, source, active })
            }
            MediaRequest::SetReception { participant, saving } => {
                (participant, None, Command::SetReception { participant, saving })
            }
            MediaRequest::Subscribe { participant, slots } => {
                // The room knows only slots whose mid came from the media plane itself.
                let slots = slots.into_iter().filter_map(|slot| {
                    let mid = Mid::new(&slot.mid)?;
                    Some(SlotAssignment { mid, track: slot.track, max_height: slot.max_height })
                });
                let slots = slots.collect();
                (participant, None, Command::Subscribe { participant, slots })
            }
            MediaRequest::SetRecordable { participant, sources } => {
                // Without a recording every gate is shut.
                let recording = self.tap?;
                let command = Command::SetRecordable { participant, recording, sources };
                // What shuts a gate is never refused for want of place; one that opens late is none
                // the worse.
                self.registry.shared().media.send_surely(self.id, command);
                return None;
            }
            MediaRequest::SetEpochGate { participant, from } => {
                let command = Command::SetEpochGate { participant, from };
                if from.is_none() {
                    self.registry.shared().media.send_surely(self.id, command);
                    return None;
                }
                (participant, None, command)
            }
            MediaRequest::RemoveTransport { participant } => {
                self.registry.remove_route(participant);
                self.registry.shared().media.remove_transport(self.id, participant);
                return None;
            }
        };
        self.registry.shared().media.send(self.id, command).err()?;
        Some(refused(participant, negotiation))
    }
}

impl Drop for RoomTask {
    /// A fault of ours ends a task as well; its room must not stay shut for that.
    fn drop(&mut self) {
        self.registry.task_ended(self.key, self.id, &self.media);
    }
}

/// What of a change stands in the journal of privileged actions.
const fn deed_of(change: &Change) -> Option<Deed> {
    match change {
        Change::GuestLink { .. } => Some(Deed::RotateLink),
        Change::SentOut { .. } => Some(Deed::SendOut),
        Change::Delegate { is_delegate: true, .. } => Some(Deed::PassRoleOn),
        Change::Delegate { is_delegate: false, .. } => Some(Deed::TakeRoleBack),
        Change::Rules(_) | Change::Handles(_) => None,
    }
}

fn refused(participant: ParticipantId, negotiation: Option<u64>) -> Input {
    match negotiation {
        Some(negotiation) => {
            let result = Err(ErrorCode::Overloaded);
            Input::Negotiated { participant, negotiation, result }
        }
        None => Input::MediaRefused { participant },
    }
}

async fn sleep_until(clock: &crate::clock::Clock, alarm: Option<Instant>) {
    match alarm {
        Some(alarm) => clock.sleep_until(alarm).await,
        None => std::future::pending().await,
    }
}

/// Inputs of a room that may wait; a session waits to be heard rather than being cut.
const ROOM_QUEUE: usize = 256;

#[cfg(test)]
mod tests;
