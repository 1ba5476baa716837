//! Rooms on disk: one SQLite file, one thread that owns it. It holds nothing about people and no
//! usable part of a link: a room is found by the hash of its slug.

use std::fs::{OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::thread::JoinHandle;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::{RoomRules, RoomSlug, Verifier};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use crate::secret::sha256;

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
    pub(crate) rules: RoomRules,
    /// Seconds since 1970-01-01 UTC.
    pub(crate) created_at: u64,
    /// Seconds since 1970-01-01 UTC.
    pub(crate) expires_at: u64,
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
    /// Too many questions wait already, or the store is closed.
    #[error("the store is overloaded")]
    Overloaded,
}

/// The rooms of this server.
#[derive(Debug)]
pub(crate) struct Store {
    queue: mpsc::Sender<Question>,
    thread: Option<JoinHandle<()>>,
}

enum Question {
    Insert(RoomKey, RoomRecord, oneshot::Sender<Result<(), StoreError>>),
    Find(RoomKey, oneshot::Sender<Result<Option<RoomRecord>, StoreError>>),
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

    /// Deletes every room whose end is at or before `now`; gives how many.
    pub(crate) async fn delete_expired(&self, now: u64) -> Result<usize, StoreError> {
        self.ask(|answer| Question::DeleteExpired(now, answer)).await
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

struct Database(Connection);

impl Database {
    fn open(file: &Path) -> Result<Self, StoreError> {
        make_private(file)?;
        let connection = Connection::open(file)?;
        // A command of the administrator may write while the server runs.
        connection.busy_timeout(std::time::Duration::from_secs(2))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        // What is deleted is overwritten, not only forgotten.
        connection.pragma_update(None, "secure_delete", "ON")?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(connection))
    }

    fn answer(&mut self, question: Question) {
        // Who asked may be gone; then nobody misses the answer.
        match question {
            Question::Insert(key, record, answer) => {
                let _ = answer.send(self.insert(key, &record));
            }
            Question::Find(key, answer) => {
                let _ = answer.send(self.find(key));
            }
            Question::DeleteExpired(now, answer) => {
                let _ = answer.send(self.delete_expired(now));
            }
        }
    }

    fn insert(&self, key: RoomKey, record: &RoomRecord) -> Result<(), StoreError> {
        let mut insert = self.0.prepare_cached(
            "INSERT INTO room (key, guest_verifier, moderator_verifier, max_participants, \
             created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
        )?;
        insert.execute(params![
            key.0,
            record.guest_verifier.as_bytes(),
            record.moderator_verifier.as_bytes(),
            record.rules.max_participants,
            record.created_at.cast_signed(),
            record.expires_at.cast_signed(),
        ])?;
        Ok(())
    }

    fn find(&self, key: RoomKey) -> Result<Option<RoomRecord>, StoreError> {
        let mut find = self.0.prepare_cached(
            "SELECT guest_verifier, moderator_verifier, max_participants, created_at, expires_at \
             FROM room WHERE key = ?",
        )?;
        let record = find.query_row(params![key.0], |row| {
            Ok(RoomRecord {
                guest_verifier: Verifier::from_bytes(row.get(0)?),
                moderator_verifier: Verifier::from_bytes(row.get(1)?),
                rules: RoomRules { max_participants: row.get(2)? },
                created_at: row.get::<_, i64>(3)?.cast_unsigned(),
                expires_at: row.get::<_, i64>(4)?.cast_unsigned(),
            })
        });
        Ok(record.optional()?)
    }

    fn delete_expired(&self, now: u64) -> Result<usize, StoreError> {
        let mut delete = self.0.prepare_cached("DELETE FROM room WHERE expires_at <= ?")?;
        Ok(delete.execute(params![now.cast_signed()])?)
    }
}

/// Makes the file readable by its owner alone before anything is in it; the files that SQLite lays
/// beside it get the same rights.
fn make_private(file: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options.open(file)?.set_permissions(Permissions::from_mode(0o600))
}

/// Questions that may wait. More lets a flood of joins wait longer before it is refused.
const MAX_QUESTIONS: usize = 1024;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS room (
        key BLOB PRIMARY KEY,
        guest_verifier BLOB NOT NULL,
        moderator_verifier BLOB NOT NULL,
        max_participants INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS room_expires_at ON room (expires_at);
    PRAGMA user_version = 1;
";

#[cfg(test)]
mod tests {
    use super::*;

    fn record(expires_at: u64) -> RoomRecord {
        RoomRecord {
            guest_verifier: Verifier::from_bytes([1; 32]),
            moderator_verifier: Verifier::from_bytes([2; 32]),
            rules: RoomRules { max_participants: 30 },
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
}
