//! What an administrator asks about one room.

use rusqlite::{Connection, params};

use super::RoomKey;

/// How much is kept of a room beside itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Personal links, ended ones among them.
    pub(crate) handles: u32,
    /// Numbers of people who were sent out or made a moderator.
    pub(crate) standings: u32,
}

pub(crate) fn counts(base: &mut Connection, key: RoomKey) -> rusqlite::Result<Counts> {
    let count = |table: &str| {
        let sql = format!("SELECT count(*) FROM {table} WHERE room = ?");
        base.query_row(&sql, params![key.0], |row| row.get(0))
    };
    Ok(Counts { handles: count("handle")?, standings: count("standing")? })
}

/// Forgets a room; gives how many there were.
pub(crate) fn erase(base: &mut Connection, key: RoomKey) -> rusqlite::Result<usize> {
    let step = base.transaction()?;
    for table in ["handle", "standing"] {
        step.execute(&format!("DELETE FROM {table} WHERE room = ?"), params![key.0])?;
    }
    let count = step.execute("DELETE FROM room WHERE key = ?", params![key.0])?;
    step.commit()?;
    Ok(count)
}
