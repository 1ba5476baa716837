//! A backup: the little that a server keeps, in one tar file that says what it holds. Reading one takes
//! nothing on trust: whoever can hand an administrator a file could otherwise write where they like.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub(crate) use self::read::restore;
pub(crate) use self::write::write;

mod read;
#[cfg(test)]
mod tests;
mod write;

/// Why there is no backup, or nothing was restored.
#[derive(Debug, Error)]
pub enum BackupError {
    /// Of the data folder.
    #[error("cannot read {0}: {1}")]
    Unreadable(PathBuf, io::Error),
    /// Where the backup goes, or where it comes from.
    #[error("the backup cannot be passed on: {0}")]
    Stream(#[from] io::Error),
    /// The database.
    #[error("the database cannot be copied: {0}")]
    Database(String),
    /// A file shrank while it was copied.
    #[error("{0} changed while it was copied: try again")]
    Changed(String),
    /// More files than a backup may hold.
    #[error("there are more than {MAX_FILES} files")]
    TooMany,
    /// It is sealed to somebody.
    #[error(
        "the backup is sealed: age --decrypt --identity KEY-FILE BACKUP | preau restore - (with the \
         private key of whom it is sealed to)"
    )]
    Sealed,
    /// It ends too soon, or is no backup.
    #[error("this is no complete backup: {0}")]
    Incomplete(&'static str),
    /// It holds something that no server writes.
    #[error("the backup holds {0:?}, which no server writes: nothing was restored")]
    Foreign(String),
    /// A file is larger than it may be.
    #[error("{0} is too large")]
    TooLarge(String),
    /// A file is not what the backup says it is.
    #[error("{0} is not what was saved: the backup was damaged or changed")]
    Altered(String),
    /// It was made by a newer version.
    #[error("the backup is of a newer version of Préau: install that one first")]
    Newer,
    /// The disk has no place for it.
    #[error("the disk has no place for {0}")]
    DiskFull(String),
    /// There is something already.
    #[error("{} is not empty: restore into a new folder", .0.display())]
    NotEmpty(PathBuf),
    /// A file that is restored.
    #[error("cannot write {0}: {1}")]
    Unwritable(PathBuf, io::Error),
}

/// What a backup holds; its last entry.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// Of this manifest.
    pub(crate) format: u32,
    /// Version of Préau that made it.
    pub(crate) made_by: String,
    /// Seconds since 1970-01-01 UTC.
    pub(crate) made_at: u64,
    /// Version of the database's tables.
    pub(crate) schema: i64,
    /// Whether recordings are among the files.
    pub(crate) recordings: bool,
    /// Every other entry, in order.
    pub(crate) files: Vec<Listed>,
}

/// One file of a backup.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listed {
    /// Below the data folder.
    pub(crate) path: String,
    pub(crate) bytes: u64,
    /// Hexadecimal.
    pub(crate) sha256: String,
    /// When it was last changed, in seconds since 1970-01-01 UTC: incident reports are kept from then on.
    pub(crate) modified: u64,
}

/// The database, as it stands in a data folder and in a backup.
const DATABASE: &str = "preau.sqlite";
/// Files of a data folder that are copied where they are there.
const KEYS: [&str; 2] = ["signing.key", "recording-signing.key"];
/// Folders that are copied with all that is in them.
const FOLDERS: [&str; 2] = ["tls", "incidents"];
/// The folder of recordings, copied when asked for.
const RECORDINGS: &str = "recordings";
const MANIFEST: &str = "manifest.json";
/// Of the manifest. Another number is another way to read it.
const FORMAT: u32 = 1;

/// Most files of a backup. More takes more memory for the list, about 200 bytes each.
const MAX_FILES: usize = 100_000;
/// Longest manifest: that many files.
const MAX_MANIFEST_BYTES: u64 = 32 << 20;
/// Largest database: millions of rooms. It is copied through memory.
const MAX_DATABASE_BYTES: u64 = 1 << 30;
/// Largest key, certificate or incident report. Larger only helps whoever fills a disk.
const MAX_SMALL_BYTES: u64 = 1 << 20;
/// Largest file of a recording: days of pictures.
const MAX_RECORDED_BYTES: u64 = 256 << 30;

/// Most bytes of a file with this path; `None` for a path that no server writes. Each part of a path is
/// of letters, digits, `-`, `_` and `.`, and does not begin with a dot.
fn limit_of(path: &str) -> Option<u64> {
    let is_name = |part: &str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        (1..=64).contains(&part.len()) && !part.starts_with('.') && part.chars().all(is_plain)
    };
    let parts: Vec<_> = path.split('/').collect();
    if !parts.iter().all(|part| is_name(part)) || parts.len() > MAX_DEPTH {
        return None;
    }
    match parts.as_slice() {
        [file] if *file == DATABASE => Some(MAX_DATABASE_BYTES),
        [file] if KEYS.contains(file) => Some(MAX_SMALL_BYTES),
        [folder, _, ..] if FOLDERS.contains(folder) => Some(MAX_SMALL_BYTES),
        [folder, _, ..] if *folder == RECORDINGS => Some(MAX_RECORDED_BYTES),
        _ => None,
    }
}

/// Parts of the longest path.
const MAX_DEPTH: usize = 6;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
