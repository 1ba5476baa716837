//! The journal of privileged actions: what was done with a role, never by whom. Each line names the
//! hash of the one before, so that a change shows.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use serde::Serialize;

use super::RoomKey;
use crate::secret::sha256;

/// Something that was done with a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    StartRecording,
    StopRecording,
    OpenRecording,
    Grant,
    Revoke,
    EraseRecording,
    ErasePerson,
    SendOut,
    RotateLink,
    PassRoleOn,
    TakeRoleBack,
    EraseRoom,
    ExportRoom,
}

impl Deed {
    const fn name(self) -> &'static str {
        match self {
            Self::StartRecording => "start_recording",
            Self::StopRecording => "stop_recording",
            Self::OpenRecording => "open_recording",
            Self::Grant => "grant_access",
            Self::Revoke => "revoke_access",
            Self::EraseRecording => "erase_recording",
            Self::ErasePerson => "erase_person",
            Self::SendOut => "send_out",
            Self::RotateLink => "rotate_link",
            Self::PassRoleOn => "pass_role_on",
            Self::TakeRoleBack => "take_role_back",
            Self::EraseRoom => "erase_room",
            Self::ExportRoom => "export_room",
        }
    }
}

/// With which role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doer {
    Moderator,
    /// Holder of a link to one recording.
    Grantee,
    Administrator,
    /// The server, by its own rules.
    Server,
}

impl Doer {
    const fn name(self) -> &'static str {
        match self {
            Self::Moderator => "moderator",
            Self::Grantee => "grantee",
            Self::Administrator => "administrator",
            Self::Server => "server",
        }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Line {
    pub(crate) number: u64,
    /// Seconds since 1970-01-01 UTC.
    pub(crate) at: u64,
    pub(crate) role: String,
    pub(crate) action: String,
    /// Tells rooms apart within one day, and nothing else.
    pub(crate) room: String,
    pub(crate) previous: String,
    pub(crate) hash: String,
}

impl Line {
    fn true_hash(&self) -> String {
        let Self { number, at, role, action, room, previous, .. } = self;
        let text = format!("{number}\n{at}\n{role}\n{action}\n{room}\n{previous}");
        URL_SAFE_NO_PAD.encode(sha256(text.as_bytes()))
    }
}

pub(super) const SCHEMA: &str = "
    CREATE TABLE action (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        at INTEGER NOT NULL,
        role TEXT NOT NULL,
        action TEXT NOT NULL,
        room TEXT NOT NULL,
        previous TEXT NOT NULL,
        hash TEXT NOT NULL
    ) STRICT;
";

/// Writes one line. Numbers and hashes go on where they were, whatever has been forgotten since.
pub(crate) fn write(
    base: &mut Connection,
    at: u64,
    doer: Doer,
    deed: Deed,
    room: RoomKey,
) -> rusqlite::Result<()> {
    // At once, since it reads before it writes and a command of the administrator may write, too.
    let step = base.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let last = step
        .query_row("SELECT number, hash FROM action ORDER BY number DESC LIMIT 1", [], |row| {
            Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?))
        })
        .optional()?;
    let (number, previous) = match last {
        Some((number, hash)) => (number + 1, hash),
        // The first, or the first after all others were forgotten.
        None => {
            let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'action'";
            let last = step.query_row(sql, [], |row| row.get::<_, i64>(0)).optional()?;
            (last.map_or(1, |last| last.cast_unsigned() + 1), String::new())
        }
    };
    let (role, action) = (doer.name().to_owned(), deed.name().to_owned());
    let room = room_of_day(room, at);
    let line = Line { number, at, role, action, room, previous, hash: String::new() };
    step.execute(
        "INSERT INTO action VALUES (?, ?, ?, ?, ?, ?, ?)",
        params![
            number.cast_signed(),
            at.cast_signed(),
            line.role,
            line.action,
            line.room,
            line.previous,
            line.true_hash()
        ],
    )?;
    step.commit()
}

/// Every line, earliest first.
pub(crate) fn all(base: &mut Connection) -> rusqlite::Result<Vec<Line>> {
    let line = |row: &Row<'_>| {
        Ok(Line {
            number: row.get::<_, i64>(0)?.cast_unsigned(),
            at: row.get::<_, i64>(1)?.cast_unsigned(),
            role: row.get(2)?,
            action: row.get(3)?,
            room: row.get(4)?,
            previous: row.get(5)?,
            hash: row.get(6)?,
        })
    };
    base.prepare("SELECT * FROM action ORDER BY number")?.query_map([], line)?.collect()
}

/// Forgets lines of before `before`. What the first that stays names is gone with them.
pub(crate) fn forget(base: &mut Connection, before: u64) -> rusqlite::Result<usize> {
    base.execute("DELETE FROM action WHERE at < ?", params![before.cast_signed()])
}

/// Number of the first line that is not as it was written, or follows a gap.
pub(crate) fn first_altered(lines: &[Line]) -> Option<u64> {
    let follows =
        |pair: &[Line]| pair[1].number == pair[0].number + 1 && pair[1].previous == pair[0].hash;
    let altered = lines.iter().find(|line| line.hash != line.true_hash()).map(|line| line.number);
    let gap = lines.windows(2).find(|pair| !follows(pair)).map(|pair| pair[1].number);
    [altered, gap].into_iter().flatten().min()
}

/// What stands for a room on one day: who has the database cannot follow it from day to day without
/// knowing the room.
fn room_of_day(room: RoomKey, at: u64) -> String {
    let mut bytes = room.0.to_vec();
    bytes.extend((at / DAY).to_be_bytes());
    URL_SAFE_NO_PAD.encode(&sha256(&bytes)[..6])
}

const DAY: u64 = 24 * 3600;

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Connection {
        let base = Connection::open_in_memory().unwrap();
        base.execute_batch(SCHEMA).unwrap();
        base
    }

    #[test]
    fn r42_a_journal_that_was_changed_or_has_a_gap_is_seen_to_be() {
        let mut base = base();
        let rooms = [1, 2].map(|n| RoomKey::from_bytes([n; 32]));
        for n in 0..6_u64 {
            let room = rooms[usize::from(n % 2 == 1)];
            write(&mut base, n * DAY, Doer::Moderator, Deed::RotateLink, room).unwrap();
        }
        let lines = all(&mut base).unwrap();
        assert_eq!(first_altered(&lines), None);
        assert_ne!(lines[0].room, lines[2].room, "the same room on another day");
        for n in 0..lines.len() {
            for spoil in [
                |line: &mut Line| line.at += 1,
                |line: &mut Line| line.action = "grant_access".to_owned(),
                |line: &mut Line| line.role = "server".to_owned(),
                |line: &mut Line| line.room = "AAAAAAAA".to_owned(),
            ] {
                let mut spoilt = lines.clone();
                spoil(&mut spoilt[n]);
                assert_eq!(first_altered(&spoilt), Some(spoilt[n].number));
                // Whoever writes the hash anew as well breaks the next line.
                spoilt[n].hash = spoilt[n].true_hash();
                assert_eq!(first_altered(&spoilt).is_some(), n + 1 < lines.len());
            }
        }
        let mut cut = lines.clone();
        cut.remove(3);
        assert_eq!(first_altered(&cut), Some(5));
    }

    #[test]
    fn r42_old_lines_are_forgotten_and_the_rest_still_holds() {
        let mut base = base();
        let room = RoomKey::from_bytes([1; 32]);
        for n in 0..4_u64 {
            write(&mut base, n * DAY, Doer::Moderator, Deed::SendOut, room).unwrap();
        }
        assert_eq!(forget(&mut base, 2 * DAY).unwrap(), 2);
        write(&mut base, 9 * DAY, Doer::Administrator, Deed::EraseRoom, room).unwrap();
        let lines = all(&mut base).unwrap();
        assert_eq!(lines.iter().map(|line| line.number).collect::<Vec<_>>(), [3, 4, 5]);
        assert_eq!(first_altered(&lines), None);
        forget(&mut base, 99 * DAY).unwrap();
        write(&mut base, 99 * DAY, Doer::Server, Deed::EraseRecording, room).unwrap();
        assert_eq!(all(&mut base).unwrap()[0].number, 6, "numbers go on");
    }
}
