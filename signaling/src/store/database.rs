//! The SQLite file itself, on the store's own thread.

use std::fs::{OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use protocol::{HostKey, MAX_HANDLES, ParticipantId, Profile, Redacted, Verifier};
use room::{Change, rules_of};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::{Question, RoomKey, RoomRecord, Standing, StoreError, actions, recordings};

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
        // Somebody's yes must be on the disk before anything of them is recorded.
        connection.pragma_update(None, "synchronous", "FULL")?;
        // What is deleted is overwritten, not only forgotten.
        connection.pragma_update(None, "secure_delete", "ON")?;
        let mut database = Self(connection);
        database.migrate()?;
        Ok(database)
    }

    pub(super) fn answer(&mut self, question: Question) {
        // Who asked may be gone; then nobody misses the answer.
        match question {
            Question::Run(job) => job(&mut self.0),
            Question::Insert(key, record, answer) => {
                let _ = answer.send(self.insert(key, &record));
            }
            Question::Find(key, answer) => {
                let _ = answer.send(self.find(key));
            }
            Question::FindStanding(key, participant, answer) => {
                let _ = answer.send(self.find_standing(key, participant));
            }
            Question::FindHandle(key, handle, answer) => {
                let _ = answer.send(self.find_handle(key, &handle));
            }
            Question::Keep(key, change, now, answer) => {
                let _ = answer.send(self.keep(key, change, now));
            }
            Question::DeleteExpired(now, answer) => {
                let _ = answer.send(self.delete_expired(now));
            }
        }
    }

    fn migrate(&mut self) -> Result<(), StoreError> {
        let version: i64 = self.0.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let step = self.0.transaction()?;
        if version == 0 {
            step.execute_batch(SCHEMA)?;
        }
        if version == 1 {
            step.execute_batch(FROM_VERSION_1)?;
            {
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
            }
            step.execute_batch("ALTER TABLE room DROP COLUMN max_participants")?;
        }
        if version < 2 {
            step.execute_batch(HANDLES)?;
        }
        if version < 3 {
            step.execute_batch(HOST_KEYS)?;
        }
        if version < 4 {
            step.execute_batch(MINORS)?;
        }
        if version < 5 {
            step.execute_batch(recordings::SCHEMA)?;
            step.execute_batch(actions::SCHEMA)?;
        }
        if version < 6 {
            step.execute_batch(ENCRYPTION)?;
            step.execute_batch(recordings::RELEASES)?;
        }
        if version < 7 {
            step.execute_batch(recordings::WALL)?;
        }
        step.pragma_update(None, "user_version", VERSION)?;
        step.commit()?;
        Ok(())
    }

    fn insert(&self, key: RoomKey, record: &RoomRecord) -> Result<(), StoreError> {
        let mut insert = self.0.prepare_cached(
            "INSERT INTO room (key, guest_verifier, moderator_verifier, host_key, link_generation, \
             rules, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )?;
        insert.execute(params![
            key.0,
            record.guest_verifier.as_bytes(),
            record.moderator_verifier.as_bytes(),
            record.host_key.as_ref().map(HostKey::as_bytes),
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
             rules, host_key FROM room WHERE key = ?",
        )?;
        let found = find.query_row(params![key.0], |row| {
            let rules: String = row.get(5)?;
            let record = |rules| -> rusqlite::Result<_> {
                Ok(RoomRecord {
                    guest_verifier: Verifier::from_bytes(row.get(0)?),
                    moderator_verifier: Verifier::from_bytes(row.get(1)?),
                    host_key: row.get::<_, Option<_>>(6)?.map(HostKey::from_bytes),
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

    fn find_standing(
        &self,
        key: RoomKey,
        participant: ParticipantId,
    ) -> Result<Option<Standing>, StoreError> {
        let mut find = self
            .0
            .prepare_cached("SELECT standing FROM standing WHERE room = ? AND participant = ?")?;
        let found = find.query_row(params![key.0, participant.as_bytes()], |row| row.get(0));
        let is_sent_out = |number: i64| number == number_of(Standing::SentOut);
        Ok(found.optional()?.map(|number| match is_sent_out(number) {
            true => Standing::SentOut,
            false => Standing::Delegate,
        }))
    }

    fn keep(&mut self, key: RoomKey, change: Change, now: u64) -> Result<(), StoreError> {
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
            Change::SentOut { participants, handle } => {
                let mut changed = handle.map_or(Ok(0), |handle| end_handle(&step, key, &handle))?;
                for participant in participants {
                    changed += set_standing(&step, key, participant, Standing::SentOut, now)?;
                }
                bound_standings(&step, key)?;
                changed
            }
            Change::Delegate { participant, is_delegate: true } => {
                // Whoever was sent out stays so.
                let changed = set_standing(&step, key, participant, Standing::Delegate, now)?;
                bound_standings(&step, key)?;
                changed
            }
            Change::Delegate { participant, is_delegate: false } => {
                step.execute(
                    "DELETE FROM standing WHERE room = ? AND participant = ? AND standing = ?",
                    params![key.0, participant.as_bytes(), number_of(Standing::Delegate)],
                )?;
                // What was not kept, or fell out, is no less ended.
                1
            }
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
        self.0.execute(
            "DELETE FROM standing WHERE since <= ? OR room NOT IN (SELECT key FROM room)",
            params![now.saturating_sub(STANDING_SECONDS).cast_signed()],
        )?;
        Ok(count)
    }
}

fn end_handle(
    step: &Transaction<'_>,
    key: RoomKey,
    handle: &Redacted<Verifier>,
) -> rusqlite::Result<usize> {
    step.execute(
        "UPDATE handle SET ended = 1 WHERE room = ? AND verifier = ?",
        params![key.0, handle.expose().as_bytes()],
    )
}

fn set_standing(
    step: &Transaction<'_>,
    key: RoomKey,
    participant: ParticipantId,
    standing: Standing,
    now: u64,
) -> rusqlite::Result<usize> {
    step.execute(
        "INSERT INTO standing (room, participant, standing, since) SELECT key, ?, ?, ? FROM room \
         WHERE key = ? ON CONFLICT DO UPDATE SET standing = max(standing, excluded.standing), \
         since = excluded.since",
        params![participant.as_bytes(), number_of(standing), now.cast_signed(), key.0],
    )
}

/// Forgets the oldest beyond what is kept of one room.
fn bound_standings(step: &Transaction<'_>, key: RoomKey) -> rusqlite::Result<usize> {
    step.execute(
        "DELETE FROM standing WHERE room = ?1 AND number NOT IN \
         (SELECT number FROM standing WHERE room = ?1 ORDER BY number DESC LIMIT ?2)",
        params![key.0, MAX_STANDINGS],
    )
}

/// As it stands in the table; the greater one stays.
const fn number_of(standing: Standing) -> i64 {
    match standing {
        Standing::Delegate => 1,
        Standing::SentOut => 2,
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
pub(crate) const VERSION: i64 = 7;

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

/// Rules of before there was a rule about minors: a class has some.
const MINORS: &str = "
    UPDATE room SET rules = json_set(rules, '$.open.minors',
        json(iif(rules ->> '$.profile' = 'classe', 'true', 'false')));
";

/// Rules of before there was end-to-end encryption. A version before this one could not read rules that
/// say how a room is encrypted.
const ENCRYPTION: &str = "
    UPDATE room SET rules = json_set(rules, '$.encryption', json('null'));
";

const HOST_KEYS: &str = "
    ALTER TABLE room ADD COLUMN host_key BLOB;
    CREATE TABLE standing (
        number INTEGER PRIMARY KEY,
        room BLOB NOT NULL,
        participant BLOB NOT NULL,
        standing INTEGER NOT NULL,
        since INTEGER NOT NULL,
        UNIQUE (room, participant)
    ) STRICT;
";

/// Most people sent out or made a moderator that are remembered of one room. More takes more of the
/// disk, about 100 bytes each; beyond it whoever was sent out first could use their token again.
const MAX_STANDINGS: u32 = 1000;

/// How long those are remembered: longer than any session token lasts. Shorter, and somebody sent out
/// could use theirs again after a restart; longer is of no use.
const STANDING_SECONDS: u64 = 24 * 3600;

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
            assert_eq!(record.host_key, None);
        }
    }

    #[test]
    fn a_file_of_the_second_version_keeps_its_rooms_which_have_no_host_key() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("preau.sqlite");
        let old = Connection::open(&file).unwrap();
        old.execute_batch(SCHEMA).unwrap();
        old.execute_batch(HANDLES).unwrap();
        let rules = rules_of(Profile::Classe, 30);
        let insert =
            "INSERT INTO room VALUES (zeroblob(32), zeroblob(32), zeroblob(32), 5, 100, 3, ?)";
        old.execute(insert, [serde_json::to_string(&rules).unwrap()]).unwrap();
        old.pragma_update(None, "user_version", 2).unwrap();
        drop(old);
        for _ in 0..2 {
            let database = Database::open(&file).unwrap();
            let record = database.find(RoomKey::from_bytes([0; 32])).unwrap().unwrap();
            assert_eq!((record.rules, record.link_generation), (rules.clone(), 3));
            assert_eq!(record.host_key, None);
        }
    }

    #[test]
    fn a_file_of_the_fifth_version_keeps_its_rooms_which_are_not_encrypted() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("preau.sqlite");
        drop(Database::open(&file).unwrap());
        let old = Connection::open(&file).unwrap();
        let rules = rules_of(Profile::Classe, 30);
        let mut written = serde_json::to_value(&rules).unwrap();
        written.as_object_mut().unwrap().remove("encryption");
        let insert = "INSERT INTO room VALUES (zeroblob(32), zeroblob(32), zeroblob(32), 5, 100, 3, \
                      ?, zeroblob(32))";
        old.execute(insert, [written.to_string()]).unwrap();
        old.execute_batch("ALTER TABLE last_seen DROP COLUMN wall").unwrap();
        old.execute_batch("INSERT INTO last_seen VALUES (1, 77)").unwrap();
        old.pragma_update(None, "user_version", 5).unwrap();
        drop(old);
        for _ in 0..2 {
            let mut database = Database::open(&file).unwrap();
            let key = RoomKey::from_bytes([0; 32]);
            assert_eq!(database.find(key).unwrap().unwrap().rules, rules);
            let seen = recordings::last_seen(&mut database.0).unwrap().unwrap();
            assert_eq!((seen.own, seen.wall), (77, 77));
            let raw: String =
                database.0.query_row("SELECT rules FROM room", [], |row| row.get(0)).unwrap();
            let raw: serde_json::Value = serde_json::from_str(&raw).unwrap();
            assert_eq!(raw.get("encryption"), Some(&serde_json::Value::Null));
        }
    }
}
