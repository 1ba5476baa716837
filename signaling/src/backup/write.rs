//! Writing a backup while the server may run.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::time::UNIX_EPOCH;

use ring::digest::{Context, SHA256};
use tar::{Builder, EntryType, Header};

use super::{
    BackupError, DATABASE, FOLDERS, FORMAT, KEYS, Listed, MANIFEST, MAX_FILES, Manifest,
    RECORDINGS, hex, limit_of,
};
use crate::store::copy;

/// Writes everything that the server of a data folder keeps.
pub(crate) fn write(
    data_dir: &Path,
    with_recordings: bool,
    now: u64,
    to: &mut dyn Write,
) -> Result<Manifest, BackupError> {
    let database = copy::bytes_of(&data_dir.join(DATABASE), with_recordings);
    let (database, schema) = database.map_err(|error| BackupError::Database(error.to_string()))?;
    let mut archive = Archive { tar: Builder::new(to), files: Vec::new() };
    archive.add(DATABASE, database.len() as u64, now, &*database)?;
    for name in KEYS {
        archive.add_file(name, &data_dir.join(name))?;
    }
    let folders = FOLDERS.into_iter().chain(with_recordings.then_some(RECORDINGS));
    for folder in folders {
        archive.add_folder(folder, &data_dir.join(folder))?;
    }
    archive.finish(schema, with_recordings, now)
}

struct Archive<'a> {
    tar: Builder<&'a mut dyn Write>,
    files: Vec<Listed>,
}

impl Archive<'_> {
    /// Adds all that lies in a folder, where there is one.
    fn add_folder(&mut self, path: &str, folder: &Path) -> Result<(), BackupError> {
        let unreadable = |error| BackupError::Unreadable(folder.to_owned(), error);
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(unreadable(error)),
        };
        let names = entries.map(|entry| Ok(entry?.file_name()));
        let mut names = names.collect::<io::Result<Vec<_>>>().map_err(unreadable)?;
        names.sort();
        for name in names {
            let below = folder.join(&name);
            let Some(name) = name.to_str() else { continue };
            let path = format!("{path}/{name}");
            match fs::symlink_metadata(&below) {
                Ok(metadata) if metadata.is_dir() => self.add_folder(&path, &below)?,
                // A file that is being written has this name until it is whole.
                Ok(metadata) if metadata.is_file() && !name.ends_with(".new") => {
                    self.add_file(&path, &below)?;
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(BackupError::Unreadable(below, error)),
            }
        }
        Ok(())
    }

    /// Adds a file, as long as it is now; one that is gone, or that no server wrote, is passed over.
    fn add_file(&mut self, path: &str, file: &Path) -> Result<(), BackupError> {
        let unreadable = |error| BackupError::Unreadable(file.to_owned(), error);
        let open = match File::open(file) {
            Ok(open) => open,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(unreadable(error)),
        };
        let metadata = open.metadata().map_err(unreadable)?;
        let Some(limit) = limit_of(path) else { return Ok(()) };
        if metadata.len() > limit {
            return Err(BackupError::TooLarge(path.to_owned()));
        }
        self.add(path, metadata.len(), seconds_of(&metadata), open)
    }

    fn add(
        &mut self,
        path: &str,
        bytes: u64,
        modified: u64,
        content: impl Read,
    ) -> Result<(), BackupError> {
        if self.files.len() >= MAX_FILES {
            return Err(BackupError::TooMany);
        }
        let mut content = Counted::new(content.take(bytes));
        self.tar.append(&header(path, bytes, modified)?, &mut content)?;
        if content.bytes != bytes {
            return Err(BackupError::Changed(path.to_owned()));
        }
        let sha256 = hex(content.digest.finish().as_ref());
        self.files.push(Listed { path: path.to_owned(), bytes, sha256, modified });
        Ok(())
    }

    fn finish(mut self, schema: i64, recordings: bool, now: u64) -> Result<Manifest, BackupError> {
        let made_by = env!("CARGO_PKG_VERSION").to_owned();
        let files = self.files;
        let manifest =
            Manifest { format: FORMAT, made_by, made_at: now, schema, recordings, files };
        let text = serde_json::to_vec_pretty(&manifest).expect("plain data");
        self.tar.append(&header(MANIFEST, text.len() as u64, now)?, &*text)?;
        self.tar.into_inner()?.flush()?;
        Ok(manifest)
    }
}

/// A reader whose bytes are counted and hashed.
struct Counted<R> {
    inner: R,
    bytes: u64,
    digest: Context,
}

impl<R> Counted<R> {
    fn new(inner: R) -> Self {
        Self { inner, bytes: 0, digest: Context::new(&SHA256) }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.digest.update(&buffer[..count]);
        self.bytes += count as u64;
        Ok(count)
    }
}

fn header(path: &str, bytes: u64, modified: u64) -> io::Result<Header> {
    let mut header = Header::new_ustar();
    header.set_path(path)?;
    header.set_size(bytes);
    header.set_mode(0o600);
    header.set_mtime(modified);
    header.set_entry_type(EntryType::Regular);
    header.set_cksum();
    Ok(header)
}

fn seconds_of(metadata: &Metadata) -> u64 {
    let modified = metadata.modified().ok();
    let since = modified.and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| since.as_secs())
}
