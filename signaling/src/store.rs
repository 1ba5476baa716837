//! Rooms on disk: one SQLite file, one thread that owns it. It holds nothing about people and no
//! usable part of a link: a room is found by the hash of its slug.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::thread::JoinHandle;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::{HostKey, ParticipantId, RoomRules, RoomSlug, Verifier};
use room::Change;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use self::database::Database;
use crate::secret::sha256;

pub(crate) mod actions;
pub(crate) mod copy;
mod database;
pub(crate) mod recordings;
pub(crate) mod rooms;

/// The SHA-256 of a room's slug: finds the room, opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct RoomKey([u8; 32]);

impl RoomKey {
    pub(crate) fn of(slug: &RoomSlug) -> Self {
        Self(sha256(slug.as_bytes()))
    }

    #[cfg(test)]
    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<String> for RoomKey {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| "not base64url")?;
        bytes.try_into().map(Self).map_err(|_| "not 32 bytes")
    }
}

impl From<RoomKey> for String {
    fn from(key: RoomKey) -> Self {
        URL_SAFE_NO_PAD.encode(key.0)
    }
}

/// What is kept of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RoomRecord {
    pub(crate) guest_verifier: Verifier,
    pub(crate) moderator_verifier: Verifier,
    /// Whose word makes delegates; rooms of old and of some browsers have none.
    pub(crate) host_key: Option<HostKey>,
    /// Generation of the guest link.
    pub(crate) link_generation: u32,
    pub(crate) rules: RoomRules,
    /// Seconds since 1970-01-01 UTC.
    pub(crate) created_at: u64,
    /// Seconds since 1970-01-01 UTC.
    pub(crate) expires_at: u64,
}

/// What is kept of a participant, by their number in the room alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// May show what made them a moderator.
    Delegate,
    /// Does not come back.
    SentOut,
}

/// Why the store could not do what was asked.
#[derive(Debug, Error)]
pub(crate) enum StoreError {
    /// The file or its directory.
    #[error("the database cannot be used: {0}")]
    Database(#[from] rusqlite::Error),
    /// The file cannot be made, or not kept from other accounts of the machine.
    #[error("the database file cannot be made private: {0}")]
    File(#[from] io::Error),
    /// What was kept of a room is not what this version keeps.
    #[error("the rules of a room cannot be read: {0}")]
    Rules(#[from] serde_json::Error),
    /// The file was written by a newer version.
    #[error("it is of a newer version of Préau")]
    Newer,
    /// The file is damaged.
    #[error("it is damaged")]
    Damaged,
    /// The room is not there any more.
    #[error("the room is gone")]
    Gone,
    /// A room has as many personal links as it may have.
    #[error("too many personal links")]
    TooManyHandles,
    /// Too many questions wait already, or the store is closed.
    #[error("the store is overloaded")]
    Overloaded,
}

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The rooms of this server.
#[derive(Debug)]
pub(crate) struct Store {
    queue: mpsc::Sender<Question>,
    thread: Option<JoinHandle<()>>,
}

enum Question {
    Run(Job),
    Insert(RoomKey, RoomRecord, oneshot::Sender<Result<(), StoreError>>),
    Find(RoomKey, oneshot::Sender<Result<Option<RoomRecord>, StoreError>>),
    FindStanding(RoomKey, ParticipantId, oneshot::Sender<Result<Option<Standing>, StoreError>>),
    FindHandle(RoomKey, Verifier, oneshot::Sender<Result<bool, StoreError>>),
    Keep(RoomKey, Change, u64, oneshot::Sender<Result<(), StoreError>>),
    DeleteExpired(u64, oneshot::Sender<Result<usize, StoreError>>),
}

impl Store {
    /// Opens the file, and makes it at the first start.
    pub(crate) fn open(file: &Path) -> Result<Self, StoreError> {
        let mut database = Database::open(file)?;
        let (queue, mut questions) = mpsc::channel(MAX_QUESTIONS);
        let serve = move || {
            while let Some(question) = questions.blocking_recv() {
                database.answer(question);
            }
        };
        let thread = std::thread::Builder::new().name("store".to_owned()).spawn(serve);
        let thread = thread.map_err(|_| StoreError::Overloaded)?;
        Ok(Self { queue, thread: Some(thread) })
    }

    /// Keeps a new room.
    pub(crate) async fn insert(&self, key: RoomKey, record: RoomRecord) -> Result<(), StoreError> {
        self.ask(|answer| Question::Insert(key, record, answer)).await
    }

    /// Looks a room up, expired or not.
    pub(crate) async fn find(&self, key: RoomKey) -> Result<Option<RoomRecord>, StoreError> {
        self.ask(|answer| Question::Find(key, answer)).await
    }

    /// Whether a personal link of a room is good.
    pub(crate) async fn find_handle(
        &self,
        key: RoomKey,
        handle: Verifier,
    ) -> Result<bool, StoreError> {
        self.ask(|answer| Question::FindHandle(key, handle, answer)).await
    }

    /// What is kept of a participant of a room.
    pub(crate) async fn find_standing(
        &self,
        key: RoomKey,
        participant: ParticipantId,
    ) -> Result<Option<Standing>, StoreError> {
        self.ask(|answer| Question::FindStanding(key, participant, answer)).await
    }

    /// Keeps a change of a room made at `now` (seconds since 1970). It is in line when this returns, so that changes are kept in the
    /// order they were made in; the future says when it is done.
    pub(crate) fn keep(
        &self,
        key: RoomKey,
        change: Change,
        now: u64,
    ) -> impl Future<Output = Result<(), StoreError>> + use<> {
        let (sender, answer) = oneshot::channel();
        let asked = self.queue.try_send(Question::Keep(key, change, now, sender));
        async move {
            asked.map_err(|_| StoreError::Overloaded)?;
            answer.await.map_err(|_| StoreError::Overloaded)?
        }
    }

    /// Deletes every room whose end is at or before `now`, and gives how many; and what is kept of
    /// participants for longer than a session token can be shown.
    pub(crate) async fn delete_expired(&self, now: u64) -> Result<usize, StoreError> {
        self.ask(|answer| Question::DeleteExpired(now, answer)).await
    }

    /// Does something with the tables of recordings and of the journal; in line when this returns.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>> {
        let (sender, answer) = oneshot::channel();
        let job = move |base: &mut Connection| drop(sender.send(job(base)));
        let asked = self.queue.try_send(Question::Run(Box::new(job)));
        Box::pin(async move {
            asked.map_err(|_| StoreError::Overloaded)?;
            Ok(answer.await.map_err(|_| StoreError::Overloaded)??)
        })
    }

    /// The same, waiting. For threads of their own alone.
    pub(crate) fn run_here<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, answer) = oneshot::channel();
        let job = move |base: &mut Connection| drop(sender.send(job(base)));
        let asked = self.queue.blocking_send(Question::Run(Box::new(job)));
        asked.map_err(|_| StoreError::Overloaded)?;
        Ok(answer.blocking_recv().map_err(|_| StoreError::Overloaded)??)
    }

    async fn ask<T>(
        &self,
        question: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Question,
    ) -> Result<T, StoreError> {
        let (sender, answer) = oneshot::channel();
        self.queue.try_send(question(sender)).map_err(|_| StoreError::Overloaded)?;
        answer.await.map_err(|_| StoreError::Overloaded)?
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let (closed, _) = mpsc::channel(1);
        self.queue = closed;
        if let Some(thread) = self.thread.take() {
            // The thread ends after the questions already asked; it cannot panic on them.
            let _ = thread.join();
        }
    }
}

/// Questions that may wait. More lets a flood of joins wait longer before it is refused.
const MAX_QUESTIONS: usize = 1024;

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use protocol::{Profile, Redacted};
    use room::rules_of;

    use super::*;

    const DAY: u64 = 24 * 3600;

    fn record(expires_at: u64) -> RoomRecord {
        RoomRecord {
            guest_verifier: Verifier::from_bytes([1; 32]),
            moderator_verifier: Verifier::from_bytes([2; 32]),
            host_key: Some(HostKey::from_bytes([3; 32])),
            link_generation: 0,
            rules: rules_of(Profile::Classe, 30),
            created_at: 5,
            expires_at,
        }
    }

    #[tokio::test]
    async fn rooms_survive_a_restart_until_they_expire() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("preau.sqlite");
        let slugs = [1, 2].map(|n| RoomSlug::from_bytes([n; 16]));
        let [one, two] = slugs.map(|slug| RoomKey::of(&slug));
        let store = Store::open(&file).unwrap();
        store.insert(one, record(100)).await.unwrap();
        store.insert(two, record(200)).await.unwrap();
        assert!(store.insert(one, record(300)).await.is_err(), "a key is used once");
        drop(store);
        let store = Store::open(&file).unwrap();
        assert_eq!(store.find(one).await.unwrap(), Some(record(100)));
        assert_eq!(store.delete_expired(100).await.unwrap(), 1);
        assert_eq!(store.find(one).await.unwrap(), None);
        assert_eq!(store.find(two).await.unwrap(), Some(record(200)));
    }

    #[tokio::test]
    async fn other_accounts_of_the_machine_read_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("preau.sqlite");
        std::fs::write(&file, "").unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        let store = Store::open(&file).unwrap();
        store.insert(RoomKey::from_bytes([3; 32]), record(100)).await.unwrap();
        let entries: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap).collect();
        assert!(entries.len() > 1, "the log of changes lies beside");
        for entry in entries {
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}", entry.path().display());
        }
    }

    #[tokio::test]
    async fn the_disk_holds_no_part_of_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("preau.sqlite");
        let slug = RoomSlug::from_bytes(*b"sixteen letters!");
        let store = Store::open(&file).unwrap();
        store.insert(RoomKey::of(&slug), record(100)).await.unwrap();
        drop(store);
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            let text = slug.expose_text().into_bytes();
            for needle in [&slug.as_bytes()[..], &text] {
                assert!(!bytes.windows(needle.len()).any(|window| window == needle));
            }
        }
    }

    #[tokio::test]
    async fn changes_of_a_room_are_kept_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("preau.sqlite")).unwrap();
        let key = RoomKey::from_bytes([4; 32]);
        store.insert(key, record(100)).await.unwrap();
        let verifier = |n: u8| Verifier::from_bytes([n; 32]);
        let wrapped = |n| Redacted::new(verifier(n));
        let rules = rules_of(Profile::Sensible, 9);
        for change in [
            Change::GuestLink { verifier: wrapped(7), generation: 1 },
            Change::Rules(rules.clone()),
            Change::Handles(vec![wrapped(1), wrapped(2)]),
            Change::SentOut { participants: vec![], handle: Some(wrapped(1)) },
            Change::GuestLink { verifier: wrapped(8), generation: 2 },
            // A link that ended stays so.
            Change::Handles(vec![wrapped(1)]),
        ] {
            store.keep(key, change, 5).await.unwrap();
        }
        let kept = store.find(key).await.unwrap().unwrap();
        assert_eq!((kept.guest_verifier, kept.link_generation), (verifier(8), 2));
        assert_eq!(kept.rules, rules);
        assert!(!store.find_handle(key, verifier(1)).await.unwrap());
        assert!(store.find_handle(key, verifier(2)).await.unwrap());
        let elsewhere = RoomKey::from_bytes([5; 32]);
        assert!(!store.find_handle(elsewhere, verifier(2)).await.unwrap());
        let too_many = (0..=201).map(wrapped).collect();
        assert!(store.keep(key, Change::Handles(too_many), 5).await.is_err());
        assert!(!store.find_handle(key, verifier(3)).await.unwrap(), "all of them or none");
        assert!(store.keep(elsewhere, Change::Rules(kept.rules), 5).await.is_err());
        store.delete_expired(100).await.unwrap();
        assert!(!store.find_handle(key, verifier(2)).await.unwrap(), "gone with its room");
    }

    #[tokio::test]
    async fn who_was_sent_out_or_made_a_moderator_is_remembered_by_number_within_bounds() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("preau.sqlite")).unwrap();
        let [key, elsewhere] = [4, 5].map(|n| RoomKey::from_bytes([n; 32]));
        store.insert(key, record(2 * DAY - 1)).await.unwrap();
        let id = |n: u64| ParticipantId::from_bytes(n.to_be_bytes());
        let delegate = |n, is_delegate| Change::Delegate { participant: id(n), is_delegate };
        let sent_out = |ids: std::ops::Range<u64>| Change::SentOut {
            participants: ids.map(id).collect(),
            handle: None,
        };
        for change in [delegate(1, true), delegate(2, true), delegate(2, false), sent_out(3..5)] {
            store.keep(key, change, 5).await.unwrap();
        }
        let delegates = [Some(Standing::Delegate), None, Some(Standing::SentOut)];
        for (n, standing) in (1..=3).zip(delegates) {
            assert_eq!(store.find_standing(key, id(n)).await.unwrap(), standing, "{n}");
            assert_eq!(store.find_standing(elsewhere, id(n)).await.unwrap(), None);
        }
        store.keep(key, sent_out(1..2), 5).await.unwrap();
        store.keep(key, delegate(1, true), 5).await.unwrap();
        let out = store.find_standing(key, id(1)).await.unwrap();
        assert_eq!(out, Some(Standing::SentOut), "for good");
        store.keep(key, sent_out(10..1020), 50).await.unwrap();
        assert_eq!(store.find_standing(key, id(3)).await.unwrap(), None, "the oldest go first");
        assert!(store.find_standing(key, id(1019)).await.unwrap().is_some());
        assert!(store.keep(elsewhere, sent_out(1..2), 5).await.is_err());
        for (now, is_there) in [(DAY + 49, true), (DAY + 50, false)] {
            store.delete_expired(now).await.unwrap();
            let standing = store.find_standing(key, id(1019)).await.unwrap();
            assert_eq!(standing.is_some(), is_there, "after {now} s");
        }
        store.keep(key, sent_out(1..2), DAY).await.unwrap();
        store.delete_expired(2 * DAY - 1).await.unwrap();
        let standing = store.find_standing(key, id(1)).await.unwrap();
        assert_eq!(standing, None, "gone with its room");
    }
}
