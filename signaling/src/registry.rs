//! [`Registry`]: finds rooms, checks proofs, and wakes one task per live room.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use protocol::{
    CreateRoom, CreatedRoom, Delegation, ErrorCode, Language, MemberKey, ParticipantId, Proof,
    RecordingId, Redacted, Role, RoomRules, RoomSlug, SealedName, Verifier,
};
use room::{Change, Resume, SessionId, rules_of};
use sfu_core::{Event, RecordingNews, RecordingTap, RoomId};
use tokio::sync::{Notify, mpsc};

use crate::clock::Clock;
use crate::delegation::Host;
use crate::incidents::Incidents;
use crate::limits::lock;
use crate::live_room::{LiveRoom, RoomInput, RoomTask, SessionSender};
use crate::media::Media;
use crate::metrics::Metrics;
use crate::recordings::Recordings;
use crate::secret;
use crate::store::{RoomKey, RoomRecord, Standing, Store, StoreError};
use crate::token::{Tokens, Vouched};

/// The rooms of this server, on disk and live. Clones are the same registry.
#[derive(Clone, Debug)]
pub(crate) struct Registry(Arc<Shared>);

/// What the registry and the room tasks share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) media: Media,
    pub(crate) tokens: Tokens,
    pub(crate) incidents: Incidents,
    store: Arc<Store>,
    recordings: Recordings,
    limits: RoomLimits,
    live: Mutex<HashMap<RoomKey, LiveRoom>>,
    /// True once no room is opened any more; changed with `live` locked.
    draining: AtomicBool,
    /// Says that a room has emptied.
    emptied: Notify,
    /// Which room's task hears of a participant's media.
    routes: Mutex<HashMap<ParticipantId, mpsc::Sender<Event>>>,
    next_session: AtomicU64,
    next_room: AtomicU64,
}

impl Shared {
    /// Has a change of a room kept, after those before it.
    pub(crate) fn keep(
        &self,
        key: RoomKey,
        change: Change,
    ) -> impl Future<Output = Result<(), ErrorCode>> + use<> {
        let kept = self.store.keep(key, change, self.clock.unix_seconds());
        async move { kept.await.map_err(|error| store_fault(&error)) }
    }
}

/// How many and how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoomLimits {
    pub(crate) max_live: usize,
    pub(crate) max_participants: u16,
    pub(crate) lifetime: Duration,
}

/// A `join` as it came in.
#[derive(Debug)]
pub(crate) struct JoinRequest {
    pub(crate) room: RoomSlug,
    pub(crate) proof: Redacted<Proof>,
    pub(crate) handle: Option<Redacted<Proof>>,
    pub(crate) resume: Option<Redacted<String>>,
    pub(crate) delegation: Option<Delegation>,
    pub(crate) display_name: Option<Redacted<String>>,
    pub(crate) language: Language,
    pub(crate) member_key: Option<MemberKey>,
    pub(crate) sealed_name: Option<Redacted<SealedName>>,
    pub(crate) outgoing: SessionSender,
}

/// A session whose join is with its room now; the room answers it.
#[derive(Debug)]
pub(crate) struct Admission {
    pub(crate) session: SessionId,
    pub(crate) room: mpsc::Sender<RoomInput>,
}

impl Registry {
    pub(crate) fn new(
        clock: Clock,
        metrics: Arc<Metrics>,
        media: Media,
        tokens: Tokens,
        recordings: Recordings,
        incidents: Incidents,
        limits: RoomLimits,
    ) -> Self {
        Self(Arc::new(Shared {
            clock,
            metrics,
            media,
            tokens,
            incidents,
            store: recordings.store(),
            recordings,
            limits,
            live: Mutex::default(),
            draining: AtomicBool::new(false),
            emptied: Notify::new(),
            routes: Mutex::default(),
            next_session: AtomicU64::new(1),
            next_room: AtomicU64::new(1),
        }))
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.0
    }

    pub(crate) fn recordings(&self) -> &Recordings {
        &self.0.recordings
    }

    /// What the moderator link of a room is known by, while the room is kept.
    pub(crate) async fn moderator_of(&self, key: RoomKey) -> Result<Option<Verifier>, ErrorCode> {
        let record = self.0.store.find(key).await.map_err(|error| store_fault(&error))?;
        Ok(record.map(|record| record.moderator_verifier))
    }

    /// Ends the recording that runs in a room, if it is this one.
    pub(crate) async fn end_recording(&self, key: RoomKey, recording: RecordingId) {
        self.tell_room(key, RoomInput::EndRecording(recording)).await;
    }

    /// Has a room shut the gate of somebody whose tracks are erased.
    pub(crate) async fn erase_recorded(
        &self,
        key: RoomKey,
        recording: RecordingId,
        participant: ParticipantId,
    ) {
        self.tell_room(key, RoomInput::EraseRecorded(recording, participant)).await;
    }

    async fn tell_room(&self, key: RoomKey, input: RoomInput) {
        let inputs = lock(&self.0.live).get(&key).map(|room| room.inputs.clone());
        if let Some(inputs) = inputs {
            // A room that has just ended has ended its recording, too.
            let _ = inputs.send(input).await;
        }
    }

    /// Makes a room and keeps it.
    pub(crate) async fn create(&self, wish: &CreateRoom) -> Result<CreatedRoom, ErrorCode> {
        if self.is_draining() {
            return Err(ErrorCode::Restarting);
        }
        let [guest, moderator] = [&wish.guest_verifier, &wish.moderator_verifier];
        if secret::is_same(guest.expose(), moderator.expose()) {
            return Err(ErrorCode::Malformed);
        }
        // Links of an encrypted room name the key that says who may be in it.
        if wish.encryption.is_some() && wish.host_key.is_none() {
            return Err(ErrorCode::HostKeyMissing);
        }
        let rules = rules_of(wish.profile, self.0.limits.max_participants);
        let slug = RoomSlug::from_bytes(secret::random());
        let created_at = self.0.clock.unix_seconds();
        let expires_at = created_at + self.0.limits.lifetime.as_secs();
        let record = RoomRecord {
            guest_verifier: *guest.expose(),
            moderator_verifier: *moderator.expose(),
            host_key: wish.host_key,
            link_generation: 0,
            rules: RoomRules { encryption: wish.encryption, ..rules },
            created_at,
            expires_at,
        };
        self.0
            .store
            .insert(RoomKey::of(&slug), record)
            .await
            .map_err(|error| store_fault(&error))?;
        self.0.metrics.rooms_created.add_one();
        if wish.encryption.is_some() {
            self.0.metrics.rooms_created_encrypted.add_one();
        }
        Ok(CreatedRoom { room: slug, expires_at })
    }

    /// Checks the proof and hands the join to the room, waking it where needed. An error is the
    /// whole answer; [`ErrorCode::JoinRefused`] says nothing of why.
    pub(crate) async fn admit(&self, request: JoinRequest) -> Result<Admission, ErrorCode> {
        let key = RoomKey::of(&request.room);
        let record = self.0.store.find(key).await.map_err(|error| store_fault(&error))?;
        let shown = secret::verifier(request.proof.expose());
        let proven = role_of(record.as_ref(), &shown);
        let token = request.resume.as_ref();
        let token = token.and_then(|token| self.0.tokens.check_session(token, key));
        // The link by which somebody came may have been replaced since.
        let is_former =
            |token: &Vouched| token.role == Role::Guest && secret::is_same(&token.link, &shown);
        let role = proven.or(token.filter(is_former).map(|token| token.role));
        let (Some(record), Some(role)) = (record, role) else {
            return Err(ErrorCode::JoinRefused);
        };
        let now = self.0.clock.unix_seconds();
        if record.expires_at <= now {
            return Err(ErrorCode::RoomEnded);
        }
        let is_over = record.rules.open.guests_until.is_some_and(|until| until <= now);
        let link_generation = (proven.is_some() && !is_over).then_some(record.link_generation);
        let resume = token.filter(|token| token.role == role).map(|token| token.resume);
        let standing = match resume {
            Some(resume) => self.0.store.find_standing(key, resume.participant).await,
            None => Ok(None),
        };
        let standing = standing.map_err(|error| store_fault(&error))?;
        let resume = resume.filter(|_| standing != Some(Standing::SentOut));
        let host = Host { room: request.room, key: record.host_key };
        let delegation = request.delegation.filter(|delegation| {
            let is_word_of_host =
                |resume: Resume| host.check(resume.participant, delegation, now).is_ok();
            standing == Some(Standing::Delegate) && resume.is_some_and(is_word_of_host)
        });
        let is_link_good = role == Role::Moderator || link_generation.is_some();
        if !is_link_good && resume.is_none() {
            return Err(ErrorCode::LinkEnded);
        }
        let handle = self.check_handle(key, role, request.handle.as_ref()).await?;
        let complaint = if request.resume.is_some() && resume.is_none() {
            Some(ErrorCode::TokenInvalid)
        } else if request.delegation.is_some() && delegation.is_none() {
            Some(ErrorCode::DelegationInvalid)
        } else {
            None
        };
        let session = SessionId(self.0.next_session.fetch_add(1, Ordering::Relaxed));
        let join = room::Join {
            session,
            participant: ParticipantId::from_bytes(secret::random()),
            role,
            link_generation,
            resume,
            delegation,
            handle,
            display_name: request.display_name,
            language: request.language,
            member_key: request.member_key,
            sealed_name: request.sealed_name,
        };
        let outgoing = request.outgoing;
        let input = RoomInput::Join { join, link: shown, outgoing, complaint };
        // Under the lock, so that the room cannot fall asleep between being found and being told.
        let mut live = lock(&self.0.live);
        let room = match live.get(&key) {
            Some(room) => room,
            // Nobody is there to come back to.
            None if !is_link_good && delegation.is_none() => return Err(ErrorCode::LinkEnded),
            None if self.is_draining() => return Err(ErrorCode::Restarting),
            None if live.len() >= self.0.limits.max_live => return Err(ErrorCode::Overloaded),
            None => {
                let id = self.next_room();
                live.entry(key).or_insert(RoomTask::start(self.clone(), host, id, &record))
            }
        };
        room.inputs.try_send(input).map_err(|_| ErrorCode::Overloaded)?;
        Ok(Admission { session, room: room.inputs.clone() })
    }

    /// The personal link that was shown beside the guest link, if it is still good.
    async fn check_handle(
        &self,
        key: RoomKey,
        role: Role,
        shown: Option<&Redacted<Proof>>,
    ) -> Result<Option<Redacted<Verifier>>, ErrorCode> {
        let Some(shown) = shown.filter(|_| role == Role::Guest) else { return Ok(None) };
        let handle = secret::verifier(shown.expose());
        let found = self.0.store.find_handle(key, handle).await;
        match found.map_err(|error| store_fault(&error))? {
            true => Ok(Some(Redacted::new(handle))),
            false => Err(ErrorCode::LinkEnded),
        }
    }

    /// Deletes rooms that have reached their end from the disk; live ones end by themselves.
    pub(crate) async fn delete_expired(&self) {
        match self.0.store.delete_expired(self.0.clock.unix_seconds()).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "expired rooms deleted"),
            Err(error) => {
                store_fault(&error);
            }
        }
    }

    /// Opens no room any more, says in those that are live when the server stops at the latest, and
    /// returns once nobody is in any of them.
    pub(crate) async fn drain(&self, at: Instant) {
        let rooms = {
            let live = lock(&self.0.live);
            self.0.draining.store(true, Ordering::Relaxed);
            inputs_of(&live)
        };
        tell(rooms, || RoomInput::RestartAnnounced(at)).await;
        while self.room_sizes().iter().any(|size| *size > 0) {
            self.0.emptied.notified().await;
        }
    }

    /// Whether rooms are neither made nor opened any more.
    pub(crate) fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Relaxed)
    }

    /// Notes how many are in a room, where `size` is read by others.
    pub(crate) fn note_size(&self, size: &AtomicUsize, count: usize) {
        size.store(count, Ordering::Relaxed);
        if count == 0 {
            self.0.emptied.notify_one();
        }
    }

    /// Tells every live room that the server stops.
    pub(crate) async fn stop(&self) {
        let rooms = inputs_of(&lock(&self.0.live));
        tell(rooms, || RoomInput::Stop).await;
    }

    /// Passes an event of the media plane on to the room it is about.
    pub(crate) fn media_event(&self, event: Event) {
        match &event {
            Event::RoomFailed { room } | Event::Speakers { room, .. } => {
                let live = lock(&self.0.live);
                let room = live.values().find(|live| live.id == *room);
                self.pass_on(room.map(|room| room.media.clone()), event);
            }
            Event::Negotiated { participant, .. }
            | Event::SlotsPaused { participant, .. }
            | Event::SlotsUnplayable { participant, .. }
            | Event::QualityChanged { participant, .. }
            | Event::NegotiationFailed { participant, .. }
            | Event::LayersWanted { participant, .. }
            | Event::OfferWanted { participant } => {
                let route = lock(&self.0.routes).get(participant).cloned();
                self.pass_on(route, event);
            }
            Event::TransportFailed { .. } => self.0.metrics.transports_failed.add_one(),
            // The browsers see the first two themselves, on their own connection; what happens to
            // recordings has a way of its own.
            Event::Connected { .. } | Event::Disconnected { .. } | Event::Recording { .. } => {}
        }
    }

    /// Passes what happened to a recording on to its keeper, and to the room if it is still there.
    pub(crate) fn recording_news(
        &self,
        room: RoomId,
        recording: RecordingTap,
        news: RecordingNews,
    ) {
        self.0.recordings.news(recording, news);
        if let Some(room) = lock(&self.0.live).values().find(|live| live.id == room) {
            // A room that has just ended has ended its recording, too.
            let _ = room.news.send((recording, news));
        }
    }

    fn pass_on(&self, route: Option<mpsc::Sender<Event>>, event: Event) {
        // Without a route the participant or room is gone, and nobody waits for the answer.
        if let Some(route) = route
            && route.try_send(event).is_err()
        {
            self.0.metrics.media_events_lost.add_one();
        }
    }

    #[cfg(test)]
    pub(crate) fn enter(&self, key: RoomKey, room: LiveRoom) {
        lock(&self.0.live).insert(key, room);
    }

    #[cfg(test)]
    pub(crate) fn route_count(&self) -> usize {
        lock(&self.0.routes).len()
    }

    /// Participants of each live room.
    pub(crate) fn room_sizes(&self) -> Vec<usize> {
        lock(&self.0.live).values().map(LiveRoom::size).collect()
    }

    /// A number no other room of the media plane has.
    pub(crate) fn next_room(&self) -> RoomId {
        RoomId(self.0.next_room.fetch_add(1, Ordering::Relaxed))
    }

    /// Sends media events about `participant` to `room` from now on.
    pub(crate) fn add_route(&self, participant: ParticipantId, room: mpsc::Sender<Event>) {
        lock(&self.0.routes).insert(participant, room);
    }

    pub(crate) fn remove_route(&self, participant: ParticipantId) {
        lock(&self.0.routes).remove(&participant);
    }

    /// Forgets a live room if `may` still agrees while nobody can enter it.
    pub(crate) fn forget_if(&self, key: RoomKey, may: impl FnOnce() -> bool) -> bool {
        let mut live = lock(&self.0.live);
        let may = may();
        if may {
            live.remove(&key);
        }
        may
    }

    /// Forgets all that is left of a live room whose task is over, whatever ended it, so that the
    /// next join opens the room anew.
    pub(crate) fn task_ended(&self, key: RoomKey, id: RoomId, media: &mpsc::Sender<Event>) {
        let mut live = lock(&self.0.live);
        if live.get(&key).is_some_and(|room| room.id == id) {
            live.remove(&key);
        }
        drop(live);
        self.0.emptied.notify_one();
        let left_behind: Vec<_> = {
            let mut routes = lock(&self.0.routes);
            routes.extract_if(|_, route| route.same_channel(media)).collect()
        };
        for (participant, _) in left_behind {
            self.0.media.remove_transport(id, participant);
        }
    }
}

fn inputs_of(live: &HashMap<RoomKey, LiveRoom>) -> Vec<mpsc::Sender<RoomInput>> {
    live.values().map(|room| room.inputs.clone()).collect()
}

async fn tell(rooms: Vec<mpsc::Sender<RoomInput>>, what: impl Fn() -> RoomInput) {
    for room in rooms {
        // A room that has just ended needs no telling.
        let _ = room.send(what()).await;
    }
}

/// Which link was proven. Does the same work whether the room exists or not.
fn role_of(record: Option<&RoomRecord>, shown: &Verifier) -> Option<Role> {
    let nobody = Verifier::from_bytes([0; 32]);
    let (guest, moderator) = record
        .map_or((&nobody, &nobody), |record| (&record.guest_verifier, &record.moderator_verifier));
    let is_guest = secret::is_same(shown, guest);
    let is_moderator = secret::is_same(shown, moderator);
    match (record.is_some(), is_moderator, is_guest) {
        (true, true, _) => Some(Role::Moderator),
        (true, false, true) => Some(Role::Guest),
        (true, false, false) | (false, ..) => None,
    }
}

fn store_fault(error: &StoreError) -> ErrorCode {
    match error {
        StoreError::Overloaded | StoreError::TooManyHandles => ErrorCode::Overloaded,
        StoreError::Gone => ErrorCode::NotThere,
        StoreError::Database(_)
        | StoreError::File(_)
        | StoreError::Rules(_)
        | StoreError::Newer
        | StoreError::Damaged => {
            tracing::error!(cause = %error, "the store failed");
            ErrorCode::Internal
        }
    }
}
