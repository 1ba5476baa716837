//! Recordings: what may be recorded, their journals and files, and their end. Everything is sealed to
//! keys this server does not have.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use protocol::{
    ErrorCode, ParticipantId, RecordingEnd, RecordingId, RecordingInfo, RecordingPolicy, Redacted,
    ReleasedKeys, Verifier,
};
use room::Answered;
use sfu_core::{RecordingNews, RecordingTap};
use tokio::sync::{Semaphore, oneshot};

use self::archive::Archive;
use self::line::{Entry, SigningKey};
pub(crate) use self::watch::Times;
use self::watch::{Verdict, Watch};
use crate::clock::Clock;
use crate::config::Recording;
use crate::limits::lock;
use crate::secret;
use crate::store::actions::{self, Deed, Doer};
use crate::store::recordings::{self as table, GrantId, Record, State};
use crate::store::{RoomKey, Store};

mod archive;
pub(crate) mod http;
mod line;
mod watch;

/// The recordings of a server. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Recordings(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    policy: Option<Recording>,
    journal_days: u16,
    folder: PathBuf,
    clock: Clock,
    key: Arc<SigningKey>,
    store: Arc<Store>,
    /// Those the recorder may write.
    open: Mutex<HashMap<RecordingId, Open>>,
    watch: Mutex<Option<Watch>>,
    queue: Option<mpsc::Sender<Job>>,
    /// Of jobs that somebody asks for.
    places: Arc<Semaphore>,
    thread: Option<JoinHandle<()>>,
}

type Job = Box<dyn FnOnce(&Archive) + Send>;

/// What becomes of a job.
type Done<T> = Pin<Box<dyn Future<Output = Result<T, ErrorCode>> + Send>>;

/// A recording that the recorder may write.
#[derive(Debug)]
struct Open {
    room: RoomKey,
    tap: Option<RecordingTap>,
    /// Since when it has only to be finished.
    ended: Option<Instant>,
}

/// A recording that is to begin.
#[derive(Debug)]
pub(crate) struct NewRecording {
    pub(crate) room: RoomKey,
    /// Of the room's moderator link.
    pub(crate) moderator: Verifier,
    pub(crate) info: RecordingInfo,
    pub(crate) authorisations: bool,
}

impl Recordings {
    /// Starts the thread that keeps them.
    pub(crate) fn new(
        data_dir: &Path,
        policy: Option<Recording>,
        journal_days: u16,
        key: &Redacted<[u8; 32]>,
        store: Arc<Store>,
        clock: Clock,
    ) -> std::io::Result<Self> {
        let folder = data_dir.join(FOLDER);
        let key = Arc::new(SigningKey::new(key));
        let archive = Archive::new(folder.clone(), key.clone(), store.clone());
        // Without a bound of its own: what people ask for takes one of so many places first, and the
        // server's own jobs are a few for each recording, with one for each of its bounded tracks.
        let (queue, jobs) = mpsc::channel::<Job>();
        let work = move || {
            for job in jobs {
                job(&archive);
            }
        };
        let thread = std::thread::Builder::new().name("archive".to_owned()).spawn(work)?;
        Ok(Self(Arc::new(Inner {
            policy,
            journal_days,
            folder,
            clock,
            key,
            store,
            open: Mutex::default(),
            watch: Mutex::default(),
            queue: Some(queue),
            places: Arc::new(Semaphore::new(MAX_JOBS)),
            thread: Some(thread),
        })))
    }

    /// What pages are told; `None` when nothing may be recorded.
    pub(crate) fn policy(&self) -> Option<RecordingPolicy> {
        self.0.policy.as_ref().map(Recording::policy)
    }

    /// How meetings are recorded.
    pub(crate) fn config(&self) -> Option<&Recording> {
        self.0.policy.as_ref()
    }

    /// Where what is kept of them lies, with all else.
    pub(crate) fn store(&self) -> Arc<Store> {
        self.0.store.clone()
    }

    /// This moment, with what the server has counted until now.
    fn now(&self) -> Times {
        let (wall, run) = (self.0.clock.unix_seconds(), self.0.clock.now());
        let watch = lock(&self.0.watch);
        watch.as_ref().map_or(Times { own: wall, wall }, |watch| watch.at(wall, run))
    }

    /// Whether the machine's clock has leapt, so that it is not followed.
    pub(crate) fn is_clock_apart(&self) -> bool {
        lock(&self.0.watch).as_ref().is_some_and(Watch::is_apart)
    }

    /// What the machine's clock will say when the server has counted until then.
    fn on_the_wall(&self, own: u64) -> u64 {
        let now = self.now();
        (own + now.wall).saturating_sub(now.own)
    }

    /// Folder of one recording.
    pub(crate) fn folder_of(&self, id: RecordingId) -> PathBuf {
        self.0.folder.join(id.expose_text())
    }

    /// Brings to an end what the run before left, and takes the time.
    pub(crate) async fn recover(&self) {
        let (wall, run) = (self.0.clock.unix_seconds(), self.0.clock.now());
        let seen = self.0.store.run(table::last_seen).await.ok().flatten();
        let (watch, verdict) = Watch::start(wall, run, seen);
        warn(verdict);
        *lock(&self.0.watch) = Some(watch);
        if let Err(code) = self.run_surely(move |archive| archive.recover(wall)).await {
            tracing::error!(?code, "recordings of the run before cannot be brought to an end");
        }
    }

    /// Deletes what has reached its end or was decided to go. Gives the rooms whose recording still
    /// runs and has to stop for it.
    pub(crate) async fn delete_due(&self) -> Vec<(RoomKey, RecordingId)> {
        let (wall, run) = (self.0.clock.unix_seconds(), self.0.clock.now());
        let looked =
            lock(&self.0.watch).as_mut().map(|watch| (watch.look(wall, run), watch.times()));
        let Some((verdict, now)) = looked else { return vec![] };
        warn(verdict);
        // Whose end was never told: the recorder has had time enough.
        let forgotten: Vec<_> = {
            let mut open = lock(&self.0.open);
            let is_over = |open: &Open| open.ended.is_some_and(|at| at + FINISHING < run);
            open.extract_if(|_, open| is_over(open)).map(|(id, _)| id).collect()
        };
        let still_open: Vec<_> = lock(&self.0.open).keys().copied().collect();
        let keep_from = wall.saturating_sub(u64::from(self.0.journal_days) * DAY);
        let done = self.run_surely(move |archive| {
            for id in forgotten {
                if let Err(code) = archive.close(id) {
                    // What is due goes all the same; this one is closed at the next start.
                    tracing::error!(recording = ?id, ?code, "a recording cannot be closed");
                }
            }
            let due = archive.delete_due(now, |id| still_open.contains(&id))?;
            archive.ask(move |base| {
                if verdict == Verdict::InStep {
                    table::forget(base, wall.saturating_sub(RECEIPT_DAYS * DAY))?;
                    actions::forget(base, keep_from)?;
                }
                table::see(base, now)
            })?;
            Ok(due)
        });
        let due = done.await.unwrap_or_default();
        due.into_iter().map(|record| (record.room, record.id)).collect()
    }

    /// Writes the terms down. In line when this returns, as everything about one recording is.
    pub(crate) fn begin(
        &self,
        new: NewRecording,
    ) -> impl Future<Output = Result<(), ErrorCode>> + use<> {
        let NewRecording { room, moderator, info, authorisations } = new;
        let id = info.recording;
        let record = Record {
            id,
            room,
            recipients: info
                .recipients
                .iter()
                .map(|it| it.key.as_str())
                .collect::<Vec<_>>()
                .join("\n"),
            started_at: info.started_at,
            ended_at: None,
            delete_at: self.now().own + u64::from(info.terms.retention_days) * DAY,
            state: State::Running,
            lines: 0,
            last_hash: String::new(),
            bytes: 0,
        };
        let terms = Entry::terms(&info, authorisations);
        // An id of another recording that runs is refused with its journal.
        let is_new = {
            let mut open = lock(&self.0.open);
            let is_new = !open.contains_key(&id);
            open.entry(id).or_insert(Open { room, tap: None, ended: None });
            is_new
        };
        self.note(Doer::Moderator, Deed::StartRecording, room);
        let begun = self.run(move |archive| archive.begin(record, moderator, &terms));
        let this = self.clone();
        async move {
            if !is_new {
                return Err(ErrorCode::RecordingRunning);
            }
            let begun = begun.await;
            if begun.is_err() {
                lock(&this.0.open).remove(&id);
            }
            begun
        }
    }

    /// Its recorder waits behind shut gates.
    pub(crate) fn started(&self, id: RecordingId, tap: RecordingTap) {
        if let Some(open) = lock(&self.0.open).get_mut(&id) {
            open.tap = Some(tap);
        }
    }

    /// Writes an answer into the journal; gives the line once it is on the disk.
    pub(crate) fn answer(
        &self,
        id: RecordingId,
        person: ParticipantId,
        pseudonym: Redacted<String>,
        answer: Answered,
    ) -> impl Future<Output = Result<Redacted<String>, ErrorCode>> + use<> {
        let at = self.0.clock.unix_seconds();
        let entry = Entry::answer(id, person, pseudonym, answer, &self.0.key);
        let written = self.run(move |archive| archive.line(id, at, &entry));
        async move { written.await.map(Redacted::new) }
    }

    /// Keeps somebody's sealed keys with their tracks; done once they are on the disk.
    pub(crate) fn release(
        &self,
        id: RecordingId,
        person: ParticipantId,
        sealed: Redacted<ReleasedKeys>,
    ) -> impl Future<Output = Result<(), ErrorCode>> + use<> {
        self.run(move |archive| archive.release(id, person, sealed.expose()))
    }

    /// Nothing more is recorded.
    pub(crate) fn end(&self, id: RecordingId, cause: RecordingEnd) {
        let room = {
            let mut open = lock(&self.0.open);
            let Some(open) = open.get_mut(&id) else { return };
            open.ended = Some(self.0.clock.now());
            open.room
        };
        let doer = if cause == RecordingEnd::Stopped { Doer::Moderator } else { Doer::Server };
        self.note(doer, Deed::StopRecording, room);
        let at = self.0.clock.unix_seconds();
        drop(self.run_surely(move |archive| archive.end(id, at, &Entry::ended(cause))));
    }

    /// What the recorder tells of its files.
    pub(crate) fn news(&self, tap: RecordingTap, news: RecordingNews) {
        let mut open = lock(&self.0.open);
        let Some(id) = open.iter().find(|(_, it)| it.tap == Some(tap)).map(|(id, _)| *id) else {
            return;
        };
        match news {
            RecordingNews::TrackOpened { number, track } => {
                let person = track.participant;
                let open_track = move |base: &mut _| table::open_track(base, id, number, person);
                drop(self.run_surely(move |archive| archive.ask(open_track)));
            }
            RecordingNews::Closed => {
                let is_ended = open.remove(&id).is_some_and(|open| open.ended.is_some());
                let at = self.0.clock.unix_seconds();
                drop(self.run_surely(move |archive| {
                    // The recorder may have ended by itself, before the room heard of it. On a full disk
                    // the line is missing, and the files are complete all the same.
                    let ended = match is_ended {
                        true => Ok(()),
                        false => archive.end(id, at, &Entry::ended(RecordingEnd::Failed)),
                    };
                    archive.close(id).and(ended)
                }));
            }
            RecordingNews::GateShut { .. }
            | RecordingNews::Erased { .. }
            | RecordingNews::Failed { .. } => {}
        }
    }

    /// Writes a line of the journal of privileged actions.
    pub(crate) fn note(&self, doer: Doer, deed: Deed, room: RoomKey) {
        let at = self.0.clock.unix_seconds();
        // In line from here on; it is not waited for.
        drop(self.0.store.run(move |base| {
            let written = actions::write(base, at, doer, deed, room);
            written.inspect_err(|cause| tracing::error!(%cause, "a line of the journal is lost"))
        }));
    }

    /// Decides that one shall go; gives the room where it still runs.
    pub(crate) async fn erase(
        &self,
        doer: Doer,
        id: RecordingId,
    ) -> Result<Option<RoomKey>, ErrorCode> {
        let record = self.find(id).await?.ok_or(ErrorCode::NotThere)?;
        self.note(doer, Deed::EraseRecording, record.room);
        let running = lock(&self.0.open).get(&id).map(|open| open.room);
        let now = self.now();
        let is_open = running.is_some();
        self.run(move |archive| match is_open {
            true => archive.mark(id),
            false => archive.delete(&record, now),
        })
        .await?;
        Ok(running)
    }

    /// Deletes one from beside a running server: what still runs is marked, and goes when the server
    /// has ended it. True when it is gone.
    pub(crate) async fn erase_beside(&self, record: &Record) -> Result<bool, ErrorCode> {
        self.note(Doer::Administrator, Deed::EraseRecording, record.room);
        let (record, now) = (record.clone(), self.now());
        self.run(move |archive| match record.state {
            State::Running => archive.mark(record.id).map(|()| false),
            State::Kept => archive.delete(&record, now).map(|()| true),
            // The server is about to.
            State::Deleting => Ok(false),
        })
        .await
    }

    /// Erases one person; gives the room where the recording still runs.
    pub(crate) async fn erase_person(
        &self,
        doer: Doer,
        id: RecordingId,
        person: ParticipantId,
    ) -> Result<Option<RoomKey>, ErrorCode> {
        let record = self.find(id).await?.ok_or(ErrorCode::NotThere)?;
        self.note(doer, Deed::ErasePerson, record.room);
        let running = lock(&self.0.open).get(&id).map(|open| open.room);
        let (at, is_open) = (self.0.clock.unix_seconds(), running.is_some());
        self.run(move |archive| archive.erase_person(id, person, at, is_open)).await?;
        Ok(running)
    }

    pub(crate) async fn find(&self, id: RecordingId) -> Result<Option<Record>, ErrorCode> {
        self.ask(move |base| table::find(base, id)).await
    }

    /// Reads from the tables.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, ErrorCode> {
        self.0.store.run(job).await.map_err(|error| archive::store_fault(&error))
    }

    async fn grant(&self, record: &Record, verifier: Verifier) -> Result<GrantId, ErrorCode> {
        let (id, grant, at) = (record.id, secret::random(), self.0.clock.unix_seconds());
        self.note(Doer::Moderator, Deed::Grant, record.room);
        self.run(move |archive| archive.grant(id, grant, verifier, at)).await?;
        Ok(grant)
    }

    async fn revoke(&self, record: &Record, grant: GrantId) -> Result<(), ErrorCode> {
        let (id, at) = (record.id, self.0.clock.unix_seconds());
        self.note(Doer::Moderator, Deed::Revoke, record.room);
        self.run(move |archive| archive.revoke(id, grant, at)).await
    }

    /// Hands a job that somebody asks for to the thread, unless too many wait; in line when this
    /// returns.
    fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Archive) -> Result<T, ErrorCode> + Send + 'static,
    ) -> Done<T> {
        match self.0.places.clone().try_acquire_owned() {
            Ok(place) => self.run_surely(move |archive| {
                let _place = place;
                job(archive)
            }),
            Err(_) => Box::pin(std::future::ready(Err(ErrorCode::Overloaded))),
        }
    }

    /// The same for a job of the server's own, which there is always a place for: a track without its
    /// line, or an end that was lost, would stay for good.
    fn run_surely<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Archive) -> Result<T, ErrorCode> + Send + 'static,
    ) -> Done<T> {
        let (sender, answer) = oneshot::channel();
        let job: Job = Box::new(move |archive| drop(sender.send(job(archive))));
        if let Some(queue) = &self.0.queue {
            // A thread that has ended answers nobody, which is said below.
            let _ = queue.send(job);
        }
        Box::pin(async move { answer.await.unwrap_or(Err(ErrorCode::Internal)) })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // It ends after the jobs it already has.
            let _ = thread.join();
        }
    }
}

/// Bytes of the pieces of one track, in order; none where there is no track.
fn pieces(folder: &Path, track: u32) -> std::io::Result<Vec<u64>> {
    let folder = folder.join(archive::TRACKS).join(track.to_string());
    let mut pieces = Vec::new();
    while let Ok(metadata) = fs::metadata(folder.join(format!("{:06}.age", pieces.len()))) {
        pieces.push(metadata.len());
    }
    Ok(pieces)
}

fn warn(verdict: Verdict) {
    if verdict == Verdict::Parted {
        tracing::warn!(
            "the clock has leapt, or this server was off for more than a week: recordings go by the \
             days it counts itself; set the clock right (timedatectl set-ntp true)"
        );
    }
}

/// Where recordings lie, in the data folder.
const FOLDER: &str = "recordings";
/// Jobs that people ask for and that may wait. More lets a flood of answers wait longer before it is
/// refused.
const MAX_JOBS: usize = 4096;
/// Time for the recorder to finish its files. Longer keeps what shall go for longer where its last
/// word was lost; shorter could delete under its hands.
const FINISHING: Duration = Duration::from_secs(60);
/// Days for which receipts of deletions are kept.
const RECEIPT_DAYS: u64 = 365;
const DAY: u64 = 24 * 3600;

#[cfg(test)]
mod tests;
