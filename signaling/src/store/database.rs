//! The SQLite file itself, on the store's own thread.

use std::fs::{OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use protocol::{MAX_HANDLES, Profile, Verifier};
use room::{Change, rules_of};
use rusqlite::{Connection, OptionalExtension, params};

use super::{Question, RoomKey, RoomRecord, StoreError};

/// The open file.
pub(super) struct Database(Connection);

impl Database {
    /// Opens the file, makes it or brings it up to this version.
    pub(super) fn open(file: &Path) -> Result<Self, StoreError> {
        make_private(file)?;
        let connection = Connection::open(file)?;
        // A command of the administrator may write while the server runs.
        connection.busy_timeout(std::time::Duration::from_secs(2))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        // What is deleted is overwritten, not only forgotten.
        connection.pragma_update(None, "secure_delete", "ON")?;
        let mut database = Self(connection);
        database.migrate()?;
        Ok(database)
    }

    pub(super) fn answer(&mut self, question: Question) {
        // Who asked may be gone; then nobody misses the answer.
        match question {
            Question::Insert(key, record, answer) => {
                let _ = answer.send(self.insert(key, &record));
            }
            Question::Find(key, answer) => {
                let _ = answer.send(self.find(key));
            }
            Question::FindHandle(key, handle, answer) => {
                let _ = answer.send(self.find_handle(key, &handle));
            }
            Question::Keep(key, change, answer) => {
                let _ = answer.send(self.keep(key, change));
            }
            Question::DeleteExpired(now, answer) => {
                let _ = answer.send(self.delete_expired(now));
            }
        }
    }

    fn migrate(&mut self) -> Result<(), StoreError> {
        let version: i64 = self.0.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let step = self.0.transaction()?;
        match version {
            0 => {
                step.execute_batch(SCHEMA)?;
                step.execute_batch(HANDLES)?;
            }
            1 => {
                step.execute_batch(FROM_VERSION_1)?;
                step.execute_batch(HANDLES)?;
                let mut rooms = step.prepare("SELECT key, max_participants FROM room")?;
                let rooms = rooms.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
                for room in rooms.collect::<Result<Vec<([u8; 32], u16)>, _>>()? {
                    // What everybody could do when they were made.
                    let rules = rules_of(Profile::Reunion, room.1);
                    let rules = serde_json::to_string(&rules)?;
                    step.execute(
                        "UPDATE room SET rules = ? WHERE key = ?",
                        params![rules, room.0],
                    )?;
                }
                step.execute_batch("ALTER TABLE room DROP COLUMN max_participants")?;
            }
            _ => {}
        }
        step.pragma_update(None, "user_version", VERSION)?;
        step.commit()?;
        Ok(())
    }

    fn insert(&self, key: RoomKey, record: &RoomRecord) -> Result<(), StoreError> {
        let mut insert = self.0.prepare_cached(
            "INSERT INTO room (key, guest_verifier, moderator_verifier, link_generation, rules, \
             created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?;
        insert.execute(params![
            key.0,
            record.guest_verifier.as_bytes(),
            record.moderator_verifier.as_bytes(),
            record.link_generation,
            serde_json::to_string(&record.rules)?,
            record.created_at.cast_signed(),
            record.expires_at.cast_signed(),
        ])?;
        Ok(())
    }

    fn find(&self, key: RoomKey) -> Result<Option<RoomRecord>, StoreError> {
        let mut find = self.0.prepare_cached(
            "SELECT guest_verifier, moderator_verifier, link_generation, created_at, expires_at, \
             rules FROM room WHERE key = ?",
        )?;
        let found = find.query_row(params![key.0], |row| {
            let rules: String = row.get(5)?;
            let record = |rules| -> rusqlite::Result<_> {
                Ok(RoomRecord {
                    guest_verifier: Verifier::from_bytes(row.get(0)?),
                    moderator_verifier: Verifier::from_bytes(row.get(1)?),
                    link_generation: row.get(2)?,
                    rules,
                    created_at: row.get::<_, i64>(3)?.cast_unsigned(),
                    expires_at: row.get::<_, i64>(4)?.cast_unsigned(),
                })
            };
            Ok(match serde_json::from_str(&rules) {
                Ok(rules) => Ok(record(rules)?),
                Err(error) => Err(error),
            })
        });
        Ok(found.optional()?.transpose()?)
    }

    fn find_handle(&self, key: RoomKey, handle: &Verifier) -> Result<bool, StoreError> {
        let mut find = self
            .0
            .prepare_cached("SELECT 1 FROM handle WHERE room = ? AND verifier = ? AND ended = 0")?;
        Ok(find.exists(params![key.0, handle.as_bytes()])?)
    }

    fn keep(&mut self, key: RoomKey, change: Change) -> Result<(), StoreError> {
        let step = self.0.transaction()?;
        let changed = match change {
            Change::Rules(rules) => {
                let rules = serde_json::to_string(&rules)?;
                step.execute("UPDATE room SET rules = ? WHERE key = ?", params![rules, key.0])?
            }
            Change::GuestLink { verifier, generation } => step.execute(
                "UPDATE room SET guest_verifier = ?, link_generation = ? WHERE key = ?",
                params![verifier.expose().as_bytes(), generation, key.0],
            )?,
            Change::Handles(handles) => {
                for handle in &handles {
                    step.execute(
                        "INSERT INTO handle (room, verifier, ended) SELECT key, ?, 0 FROM room \
                         WHERE key = ? ON CONFLICT DO NOTHING",
                        params![handle.expose().as_bytes(), key.0],
                    )?;
                }
                let count: u32 = step.query_row(
                    "SELECT count(*) FROM handle WHERE room = ? AND ended = 0",
                    params![key.0],
                    |row| row.get(0),
                )?;
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                if count > MAX_HANDLES {
                    return Err(StoreError::TooManyHandles);
                }
                count
            }
            Change::HandleEnded(handle) => step.execute(
                "UPDATE handle SET ended = 1 WHERE room = ? AND verifier = ?",
                params![key.0, handle.expose().as_bytes()],
            )?,
        };
        if changed == 0 {
            return Err(StoreError::Gone);
        }
        step.commit()?;
        Ok(())
    }

    fn delete_expired(&self, now: u64) -> Result<usize, StoreError> {
        let mut delete = self.0.prepare_cached("DELETE FROM room WHERE expires_at <= ?")?;
        let count = delete.execute(params![now.cast_signed()])?;
        self.0.execute("DELETE FROM handle WHERE room NOT IN (SELECT key FROM room)", [])?;
        Ok(count)
    }
}

/// Makes the file readable by its owner alone before anything is in it; the files that SQLite lays
/// beside it get the same rights.
fn make_private(file: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options.open(file)?.set_permissions(Permissions::from_mode(0o600))
}

/// Of the tables below.
const VERSION: i64 = 2;

const SCHEMA: &str = "
    CREATE TABLE room (
        key BLOB PRIMARY KEY,
        guest_verifier BLOB NOT NULL,
        moderator_verifier BLOB NOT NULL,
        created_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        link_generation INTEGER NOT NULL DEFAULT 0,
        rules TEXT NOT NULL DEFAULT ''
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX room_expires_at ON room (expires_at);
";

const HANDLES: &str = "
    CREATE TABLE handle (
        room BLOB NOT NULL,
        verifier BLOB NOT NULL,
        ended INTEGER NOT NULL,
        PRIMARY KEY (room, verifier)
    ) STRICT, WITHOUT ROWID;
";

const FROM_VERSION_1: &str = "
    ALTER TABLE room ADD COLUMN link_generation INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE room ADD COLUMN rules TEXT NOT NULL DEFAULT '';
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_first_version_keeps_its_rooms() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("preau.sqlite");
        let old = Connection::open(&file).unwrap();
        old.execute_batch(
            "CREATE TABLE room (key BLOB PRIMARY KEY, guest_verifier BLOB NOT NULL,
                 moderator_verifier BLOB NOT NULL, max_participants INTEGER NOT NULL,
                 created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
             CREATE INDEX room_expires_at ON room (expires_at);
             INSERT INTO room VALUES (zeroblob(32), zeroblob(32), zeroblob(32), 30, 5, 100);
             PRAGMA user_version = 1;",
        )
        .unwrap();
        drop(old);
        for _ in 0..2 {
            let database = Database::open(&file).unwrap();
            let record = database.find(RoomKey::from_bytes([0; 32])).unwrap().unwrap();
            assert_eq!(record.rules, rules_of(Profile::Reunion, 30));
            assert_eq!((record.created_at, record.expires_at, record.link_generation), (5, 100, 0));
        }
    }
}
