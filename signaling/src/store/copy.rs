//! A copy of the database while it is in use, and what can be seen of such a copy.

use std::path::Path;
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};

use super::{StoreError, recordings};

pub(crate) use super::database::VERSION;

/// The whole database as of one moment, as the bytes of a file, and the version of its tables. Without
/// recordings, nothing of them is in it but the receipts of those that were deleted.
pub(crate) fn bytes_of(file: &Path, with_recordings: bool) -> Result<(Vec<u8>, i64), StoreError> {
    let source = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    source.busy_timeout(Duration::from_secs(2))?;
    let mut copy = Connection::open_in_memory()?;
    // All pages in one step: nothing is written in between.
    Backup::new(&source, &mut copy)?.run_to_completion(i32::MAX, PAUSE, None)?;
    let version = version_of(&copy)?;
    if version > VERSION {
        return Err(StoreError::Newer);
    }
    if !with_recordings && version >= recordings::SINCE {
        recordings::forget_all(&copy)?;
        // What was deleted is not in the free pages either.
        copy.execute_batch("VACUUM")?;
    }
    let bytes = copy.serialize("main")?.to_vec();
    Ok((bytes, version))
}

/// Sees that a file is a whole database; gives the version of its tables.
pub(crate) fn check(file: &Path) -> Result<i64, StoreError> {
    let base = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let found: String = base.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Err(StoreError::Damaged);
    }
    version_of(&base)
}

/// The latest time that a server has seen, as far as its database says so.
pub(crate) fn last_seen(file: &Path) -> Option<u64> {
    let mut base = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE).ok()?;
    recordings::last_seen(&mut base).ok().flatten().map(|seen| seen.own)
}

fn version_of(base: &Connection) -> Result<i64, StoreError> {
    Ok(base.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Between attempts while somebody else holds the database for themselves.
const PAUSE: Duration = Duration::from_millis(20);
