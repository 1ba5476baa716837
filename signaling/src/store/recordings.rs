//! What is kept of recordings beside their files: numbers, hashes and times, never what is in them.

use protocol::{MAX_RELEASES, ParticipantId, RecordingId, Verifier};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::RoomKey;
use crate::recordings::Times;

/// What is kept of one recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) id: RecordingId,
    pub(crate) room: RoomKey,
    /// Public keys it is sealed to, one a line.
    pub(crate) recipients: String,
    /// Seconds since 1970-01-01 UTC, as all times here.
    pub(crate) started_at: u64,
    pub(crate) ended_at: Option<u64>,
    /// As the server counts ([`Times::own`]).
    pub(crate) delete_at: u64,
    pub(crate) state: State,
    /// Lines of its journal.
    pub(crate) lines: u32,
    /// Hash of the last line.
    pub(crate) last_hash: String,
    /// Of all its files, once it has ended.
    pub(crate) bytes: u64,
}

/// What may be done with a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It may still grow.
    Running,
    /// Its files are complete.
    Kept,
    /// Its files are going, for good.
    Deleting,
}

impl State {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Kept => "kept",
            Self::Deleting => "deleting",
        }
    }

    const fn number(self) -> i64 {
        match self {
            Self::Running => 0,
            Self::Kept => 1,
            Self::Deleting => 2,
        }
    }
}

/// A link of somebody's own to one recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) id: GrantId,
    pub(crate) created_at: u64,
    pub(crate) revoked_at: Option<u64>,
}

/// Number of a grant: 8 random bytes.
pub(crate) type GrantId = [u8; 8];

/// The server's word that something was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) recording: RecordingId,
    pub(crate) what: String,
    pub(crate) at: u64,
    pub(crate) signature: String,
}

pub(super) const SCHEMA: &str = "
    CREATE TABLE recording (
        id BLOB PRIMARY KEY,
        room BLOB NOT NULL,
        recipients TEXT NOT NULL,
        started_at INTEGER NOT NULL,
        ended_at INTEGER,
        delete_at INTEGER NOT NULL,
        state INTEGER NOT NULL,
        lines INTEGER NOT NULL,
        last_hash TEXT NOT NULL,
        previous_hash TEXT NOT NULL,
        bytes INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX recording_room ON recording (room);
    CREATE TABLE recorded_room (
        room BLOB PRIMARY KEY,
        moderator_verifier BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE recorded_track (
        recording BLOB NOT NULL,
        number INTEGER NOT NULL,
        person BLOB NOT NULL,
        erased INTEGER NOT NULL,
        PRIMARY KEY (recording, number)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE recording_grant (
        id BLOB PRIMARY KEY,
        recording BLOB NOT NULL,
        verifier BLOB NOT NULL UNIQUE,
        created_at INTEGER NOT NULL,
        revoked_at INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE recording_access (
        number INTEGER PRIMARY KEY,
        recording BLOB NOT NULL,
        at INTEGER NOT NULL,
        by BLOB
    ) STRICT;
    CREATE TABLE recording_receipt (
        recording BLOB PRIMARY KEY,
        room BLOB NOT NULL,
        at INTEGER NOT NULL,
        what TEXT NOT NULL,
        signature TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE last_seen (one INTEGER PRIMARY KEY CHECK (one = 1), at INTEGER NOT NULL) STRICT;
";

/// Version of the tables that has these.
pub(super) const SINCE: i64 = 5;

/// Since version 6 of the tables.
pub(super) const RELEASES: &str = "
    CREATE TABLE IF NOT EXISTS recorded_release (
        recording BLOB NOT NULL,
        person BLOB NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (recording, person)
    ) STRICT, WITHOUT ROWID;
";

/// Since version 7 of the tables.
pub(super) const WALL: &str = "ALTER TABLE last_seen ADD COLUMN wall INTEGER;";

type Outcome<T> = rusqlite::Result<T>;

/// Forgets every recording; the receipts of those that were deleted stay.
pub(super) fn forget_all(base: &Connection) -> Outcome<()> {
    const TABLES: [&str; 6] = [
        "recording",
        "recorded_room",
        "recorded_track",
        "recording_grant",
        "recording_access",
        "recorded_release",
    ];
    for table in TABLES {
        // Of version 6.
        if base.table_exists(None, table)? {
            base.execute(&format!("DELETE FROM {table}"), [])?;
        }
    }
    Ok(())
}

const COLUMNS: &str = "SELECT id, room, recipients, started_at, ended_at, delete_at, state, lines, \
     last_hash, bytes FROM recording";

fn record(row: &Row<'_>) -> Outcome<Record> {
    let time = |index| Ok::<_, rusqlite::Error>(row.get::<_, i64>(index)?.cast_unsigned());
    Ok(Record {
        id: RecordingId::from_bytes(row.get(0)?),
        room: RoomKey(row.get(1)?),
        recipients: row.get(2)?,
        started_at: time(3)?,
        ended_at: row.get::<_, Option<i64>>(4)?.map(i64::cast_unsigned),
        delete_at: time(5)?,
        state: match row.get(6)? {
            0 => State::Running,
            1 => State::Kept,
            _ => State::Deleting,
        },
        lines: row.get(7)?,
        last_hash: row.get(8)?,
        bytes: time(9)?,
    })
}

/// Takes a new one; an id that was ever used is refused.
pub(crate) fn insert(base: &mut Connection, new: &Record, moderator: &Verifier) -> Outcome<bool> {
    let step = base.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let is_known = step
        .prepare("SELECT 1 FROM recording_receipt WHERE recording = ?")?
        .exists(params![new.id.as_bytes()])?;
    let count = step.execute(
        "INSERT INTO recording (id, room, recipients, started_at, delete_at, state, lines, last_hash, \
         previous_hash, bytes) VALUES (?, ?, ?, ?, ?, 0, 0, '', '', 0) ON CONFLICT DO NOTHING",
        params![
            new.id.as_bytes(),
            new.room.0,
            new.recipients,
            new.started_at.cast_signed(),
            new.delete_at.cast_signed(),
        ],
    )?;
    if is_known || count == 0 {
        return Ok(false);
    }
    step.execute(
        "INSERT INTO recorded_room VALUES (?, ?) ON CONFLICT DO NOTHING",
        params![new.room.0, moderator.as_bytes()],
    )?;
    step.commit()?;
    Ok(true)
}

/// Takes back one whose first line could not be written.
pub(crate) fn remove(base: &mut Connection, id: RecordingId) -> Outcome<()> {
    base.execute("DELETE FROM recording WHERE id = ?", params![id.as_bytes()]).map(drop)
}

pub(crate) fn find(base: &mut Connection, id: RecordingId) -> Outcome<Option<Record>> {
    let sql = format!("{COLUMNS} WHERE id = ?");
    base.query_row(&sql, params![id.as_bytes()], record).optional()
}

fn list(base: &Connection, rest: &str, argument: impl rusqlite::Params) -> Outcome<Vec<Record>> {
    base.prepare(&format!("{COLUMNS} {rest}"))?.query_map(argument, record)?.collect()
}

/// Of one room, latest first.
pub(crate) fn of_room(base: &mut Connection, room: RoomKey) -> Outcome<Vec<Record>> {
    list(base, "WHERE room = ? ORDER BY started_at DESC", params![room.0])
}

/// Of all rooms, earliest first.
pub(crate) fn all(base: &mut Connection) -> Outcome<Vec<Record>> {
    list(base, "ORDER BY started_at", [])
}

/// Those whose end has come at `now` as the server counts, or was decided.
pub(crate) fn due(base: &mut Connection, now: u64) -> Outcome<Vec<Record>> {
    list(base, "WHERE delete_at <= ? OR state = 2", params![now.cast_signed()])
}

/// One more line is about to be written.
pub(crate) fn advance(base: &mut Connection, id: RecordingId, hash: &str) -> Outcome<()> {
    let sql = "UPDATE recording SET lines = lines + 1, previous_hash = last_hash, last_hash = ? \
               WHERE id = ?";
    base.execute(sql, params![hash, id.as_bytes()]).map(drop)
}

/// The last line could not be written.
pub(crate) fn retreat(base: &mut Connection, id: RecordingId) -> Outcome<()> {
    let sql = "UPDATE recording SET lines = lines - 1, last_hash = previous_hash WHERE id = ? \
               AND lines > 0";
    base.execute(sql, params![id.as_bytes()]).map(drop)
}

/// Nothing more is recorded.
pub(crate) fn end(base: &mut Connection, id: RecordingId, at: u64) -> Outcome<()> {
    let sql = "UPDATE recording SET ended_at = coalesce(ended_at, ?) WHERE id = ?";
    base.execute(sql, params![at.cast_signed(), id.as_bytes()]).map(drop)
}

/// Its files are complete.
pub(crate) fn close(base: &mut Connection, id: RecordingId, bytes: u64) -> Outcome<()> {
    let sql = "UPDATE recording SET bytes = ?, state = max(state, 1) WHERE id = ?";
    base.execute(sql, params![bytes.cast_signed(), id.as_bytes()]).map(drop)
}

/// It shall go. From now on nobody reads it.
pub(crate) fn mark(base: &mut Connection, id: RecordingId) -> Outcome<bool> {
    let sql = "UPDATE recording SET state = ? WHERE id = ?";
    Ok(base.execute(sql, params![State::Deleting.number(), id.as_bytes()])? > 0)
}

/// Its files are gone: the receipt takes the place of everything kept of it.
pub(crate) fn settle(base: &mut Connection, room: RoomKey, receipt: &Receipt) -> Outcome<()> {
    let id = receipt.recording;
    let step = base.transaction_with_behavior(TransactionBehavior::Immediate)?;
    step.execute(
        "INSERT INTO recording_receipt VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        params![id.as_bytes(), room.0, receipt.at.cast_signed(), receipt.what, receipt.signature],
    )?;
    for table in ["recorded_track", "recorded_release", "recording_grant", "recording_access"] {
        let sql = format!("DELETE FROM {table} WHERE recording = ?");
        step.execute(&sql, params![id.as_bytes()])?;
    }
    step.execute("DELETE FROM recording WHERE id = ?", params![id.as_bytes()])?;
    step.commit()
}

/// Deletions of one room, latest first.
pub(crate) fn receipts(base: &mut Connection, room: RoomKey) -> Outcome<Vec<Receipt>> {
    let sql = "SELECT recording, what, at, signature FROM recording_receipt WHERE room = ? \
               ORDER BY at DESC";
    let receipt = |row: &Row<'_>| {
        Ok(Receipt {
            recording: RecordingId::from_bytes(row.get(0)?),
            what: row.get(1)?,
            at: row.get::<_, i64>(2)?.cast_unsigned(),
            signature: row.get(3)?,
        })
    };
    base.prepare(sql)?.query_map(params![room.0], receipt)?.collect()
}

/// Forgets receipts of before `before`, and rooms of which nothing is left.
pub(crate) fn forget(base: &mut Connection, before: u64) -> Outcome<()> {
    let sql = "DELETE FROM recording_receipt WHERE at < ?";
    base.execute(sql, params![before.cast_signed()])?;
    let sql = "DELETE FROM recorded_room WHERE room NOT IN (SELECT room FROM recording) AND room \
               NOT IN (SELECT room FROM recording_receipt)";
    base.execute(sql, []).map(drop)
}

/// What the moderator link of a room is known by, for as long as anything of it was recorded.
pub(crate) fn moderator(base: &mut Connection, room: RoomKey) -> Outcome<Option<Verifier>> {
    let sql = "SELECT moderator_verifier FROM recorded_room WHERE room = ?";
    let found = base.query_row(sql, params![room.0], |row| row.get(0)).optional()?;
    Ok(found.map(Verifier::from_bytes))
}

/// A track has begun.
pub(crate) fn open_track(
    base: &mut Connection,
    id: RecordingId,
    number: u32,
    person: ParticipantId,
) -> Outcome<()> {
    let sql = "INSERT INTO recorded_track VALUES (?, ?, ?, 0) ON CONFLICT DO NOTHING";
    base.execute(sql, params![id.as_bytes(), number, person.as_bytes()]).map(drop)
}

/// Everything of one person is erased.
pub(crate) fn erase_tracks(
    base: &mut Connection,
    id: RecordingId,
    person: ParticipantId,
) -> Outcome<()> {
    let sql = "UPDATE recorded_track SET erased = 1 WHERE recording = ? AND person = ?";
    base.execute(sql, params![id.as_bytes(), person.as_bytes()]).map(drop)
}

/// Numbers of the tracks that are there.
pub(crate) fn tracks(base: &mut Connection, id: RecordingId) -> Outcome<Vec<u32>> {
    let sql =
        "SELECT number FROM recorded_track WHERE recording = ? AND erased = 0 ORDER BY number";
    base.prepare(sql)?.query_map(params![id.as_bytes()], |row| row.get(0))?.collect()
}

/// Somebody releases keys once more; gives the number of that time, from 0, or `None` when there are
/// as many as may be, of theirs or of all.
pub(crate) fn release(
    base: &mut Connection,
    id: RecordingId,
    person: ParticipantId,
) -> Outcome<Option<u32>> {
    let sql = "INSERT INTO recorded_release SELECT ?1, ?2, 1 WHERE (SELECT \
               coalesce(sum(count), 0) FROM recorded_release WHERE recording = ?1) < ?4 ON CONFLICT \
               DO UPDATE SET count = count + 1 WHERE count < ?3 RETURNING count - 1";
    let (id, person) = (id.as_bytes(), person.as_bytes());
    let arguments = params![id, person, MAX_RELEASES, MAX_RELEASES_OF_ALL];
    base.query_row(sql, arguments, |row| row.get(0)).optional()
}

/// How many times who released keys.
pub(crate) fn releases(
    base: &mut Connection,
    id: RecordingId,
) -> Outcome<Vec<(ParticipantId, u32)>> {
    let sql = "SELECT person, count FROM recorded_release WHERE recording = ? ORDER BY person";
    let release = |row: &Row<'_>| Ok((ParticipantId::from_bytes(row.get(0)?), row.get(1)?));
    base.prepare(sql)?.query_map(params![id.as_bytes()], release)?.collect()
}

/// Everything of one person is erased.
pub(crate) fn erase_releases(
    base: &mut Connection,
    id: RecordingId,
    person: ParticipantId,
) -> Outcome<()> {
    let sql = "DELETE FROM recorded_release WHERE recording = ? AND person = ?";
    base.execute(sql, params![id.as_bytes(), person.as_bytes()]).map(drop)
}

/// Forgets the keys of those who have no track; gives whose they were.
pub(crate) fn forget_idle_releases(
    base: &mut Connection,
    id: RecordingId,
) -> Outcome<Vec<ParticipantId>> {
    let sql = "DELETE FROM recorded_release WHERE recording = ?1 AND person NOT IN (SELECT person \
               FROM recorded_track WHERE recording = ?1 AND erased = 0) RETURNING person";
    let person = |row: &Row<'_>| row.get(0).map(ParticipantId::from_bytes);
    base.prepare(sql)?.query_map(params![id.as_bytes()], person)?.collect()
}

/// Takes a grant; false when there are as many as may be.
pub(crate) fn grant(
    base: &mut Connection,
    id: RecordingId,
    grant: GrantId,
    verifier: &Verifier,
    at: u64,
) -> Outcome<bool> {
    let sql = "INSERT INTO recording_grant SELECT ?1, ?2, ?3, ?4, NULL WHERE (SELECT count(*) FROM \
               recording_grant WHERE recording = ?2) < ?5 ON CONFLICT DO NOTHING";
    let (at, verifier) = (at.cast_signed(), verifier.as_bytes());
    Ok(base.execute(sql, params![grant, id.as_bytes(), verifier, at, MAX_GRANTS])? > 0)
}

/// Ends a grant; false when there is none that has not ended.
pub(crate) fn revoke(
    base: &mut Connection,
    id: RecordingId,
    grant: GrantId,
    at: u64,
) -> Outcome<bool> {
    let sql = "UPDATE recording_grant SET revoked_at = ? WHERE recording = ? AND id = ? AND \
               revoked_at IS NULL";
    Ok(base.execute(sql, params![at.cast_signed(), id.as_bytes(), grant])? > 0)
}

pub(crate) fn grants(base: &mut Connection, id: RecordingId) -> Outcome<Vec<Grant>> {
    let sql = "SELECT id, created_at, revoked_at FROM recording_grant WHERE recording = ? \
               ORDER BY created_at";
    let grant = |row: &Row<'_>| {
        Ok(Grant {
            id: row.get(0)?,
            created_at: row.get::<_, i64>(1)?.cast_unsigned(),
            revoked_at: row.get::<_, Option<i64>>(2)?.map(i64::cast_unsigned),
        })
    };
    base.prepare(sql)?.query_map(params![id.as_bytes()], grant)?.collect()
}

/// The grant of this verifier, where it is of this recording and has not ended.
pub(crate) fn find_grant(
    base: &mut Connection,
    id: RecordingId,
    verifier: &Verifier,
) -> Outcome<Option<GrantId>> {
    let sql = "SELECT id FROM recording_grant WHERE recording = ? AND verifier = ? AND revoked_at \
               IS NULL";
    let arguments = params![id.as_bytes(), verifier.as_bytes()];
    base.query_row(sql, arguments, |row| row.get(0)).optional()
}

/// Somebody reads a recording: a moderator, or by a grant. What the same reader does within
/// [`ONE_ACCESS`] seconds is one access; false when it was counted already. The oldest beyond the
/// bound go.
pub(crate) fn log_access(
    base: &mut Connection,
    id: RecordingId,
    by: Option<GrantId>,
    at: u64,
) -> Outcome<bool> {
    let sql = "INSERT INTO recording_access (recording, at, by) SELECT ?1, ?2, ?3 WHERE NOT EXISTS \
               (SELECT 1 FROM recording_access WHERE recording = ?1 AND by IS ?3 AND abs(?2 - at) < ?4)";
    let is_new = base.execute(sql, params![id.as_bytes(), at.cast_signed(), by, ONE_ACCESS])? > 0;
    if !is_new {
        return Ok(false);
    }
    let sql = "DELETE FROM recording_access WHERE recording = ?1 AND number NOT IN (SELECT number FROM \
               recording_access WHERE recording = ?1 ORDER BY number DESC LIMIT ?2)";
    base.execute(sql, params![id.as_bytes(), MAX_ACCESSES])?;
    Ok(true)
}

/// Who opened it when, earliest first.
pub(crate) fn accesses(
    base: &mut Connection,
    id: RecordingId,
) -> Outcome<Vec<(u64, Option<GrantId>)>> {
    let sql = "SELECT at, by FROM recording_access WHERE recording = ? ORDER BY number";
    let access = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?));
    base.prepare(sql)?.query_map(params![id.as_bytes()], access)?.collect()
}

/// The latest moment of which is known.
pub(crate) fn last_seen(base: &mut Connection) -> Outcome<Option<Times>> {
    let found = base.query_row("SELECT at, coalesce(wall, at) FROM last_seen", [], |row| {
        let [own, wall] = [row.get::<_, i64>(0)?, row.get(1)?].map(i64::cast_unsigned);
        Ok(Times { own, wall })
    });
    found.optional()
}

pub(crate) fn see(base: &mut Connection, now: Times) -> Outcome<()> {
    let sql = "INSERT INTO last_seen (one, at, wall) VALUES (1, ?1, ?2) ON CONFLICT DO UPDATE SET \
               at = ?1, wall = ?2";
    base.execute(sql, params![now.own.cast_signed(), now.wall.cast_signed()]).map(drop)
}

/// Most times that all together release keys for one recording: who comes anew each minute is somebody
/// else to the server. More takes more of the disk.
const MAX_RELEASES_OF_ALL: u32 = 65_536;
/// Most links to one recording, revoked ones among them. More takes more of the disk.
const MAX_GRANTS: u32 = 200;
/// What one reader does within so many seconds is one access. Raised, less is told of who read when;
/// lowered, whoever plays a recording crowds the others out.
const ONE_ACCESS: i64 = 600;
/// Most accesses remembered of one recording. More takes more of the disk; the oldest go first.
const MAX_ACCESSES: u32 = 1000;
