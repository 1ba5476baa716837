//! Restoring a backup: unpacked beside its place, checked as a whole, and only then put there.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use ring::digest::{Context, SHA256};
use tar::EntryType;

use super::{
    BackupError, DATABASE, FORMAT, KEYS, Listed, MANIFEST, MAX_FILES, MAX_MANIFEST_BYTES, Manifest,
    hex, limit_of,
};
use crate::store::copy;
use crate::token::KEY_BYTES;

/// Puts what a backup holds into an empty data folder, all of it or nothing.
pub(crate) fn restore(from: impl Read, data_dir: &Path) -> Result<Manifest, BackupError> {
    if !is_empty(data_dir).map_err(unwritable(data_dir))? {
        return Err(BackupError::NotEmpty(data_dir.to_owned()));
    }
    let staging = Staging::make(data_dir)?;
    let manifest = unpack(from, &staging.0)?;
    check(&manifest, &staging.0)?;
    let names = fs::read_dir(&staging.0).and_then(|entries| {
        entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()
    });
    let mut names = names.map_err(unwritable(&staging.0))?;
    // Last: until it is there, no command takes this for the data of a server.
    names.sort_by_key(|name| name == DATABASE);
    for name in names {
        let place = data_dir.join(&name);
        fs::rename(staging.0.join(&name), &place).map_err(unwritable(&place))?;
    }
    Ok(manifest)
}

/// A folder for what is not checked yet; gone with this value.
struct Staging(PathBuf);

impl Staging {
    fn make(data_dir: &Path) -> Result<Self, BackupError> {
        make_folder(data_dir)?;
        let folder = data_dir.join("restoring");
        make_folder(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What stays is named, and keeps the next attempt from beginning.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn unpack(from: impl Read, folder: &Path) -> Result<Manifest, BackupError> {
    let mut from = BufReader::new(from);
    if from.fill_buf()?.starts_with(b"age-encryption.org/") {
        return Err(BackupError::Sealed);
    }
    let mut archive = tar::Archive::new(from);
    let mut files = Vec::new();
    // Raw: names and sizes that other entries would change are refused as what they are.
    for entry in archive.entries()?.raw(true) {
        let mut entry = entry.map_err(|_| BackupError::Incomplete("it cannot be read on"))?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let bytes = entry.header().entry_size();
        let bytes = bytes.map_err(|_| BackupError::Incomplete("a size is none"))?;
        if entry.header().entry_type() != EntryType::Regular {
            return Err(BackupError::Foreign(path));
        }
        if path == MANIFEST {
            return finish(&mut entry, bytes, &files);
        }
        let limit = limit_of(&path).ok_or_else(|| BackupError::Foreign(path.clone()))?;
        if bytes > limit {
            return Err(BackupError::TooLarge(path));
        }
        if files.len() >= MAX_FILES {
            return Err(BackupError::TooMany);
        }
        if free_bytes(folder) < bytes {
            return Err(BackupError::DiskFull(path));
        }
        let sha256 = copy_out(&mut entry, bytes, &folder.join(&path), &path)?;
        files.push((path, bytes, sha256));
    }
    Err(BackupError::Incomplete("its end is missing"))
}

/// Writes one file, of exactly so many bytes, and gives its hash.
fn copy_out(
    content: &mut impl Read,
    bytes: u64,
    file: &Path,
    path: &str,
) -> Result<String, BackupError> {
    if let Some(folder) = file.parent() {
        make_folder(folder)?;
    }
    let open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let mut open = match open {
        Ok(open) => open,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(BackupError::Foreign(format!("{path} twice")));
        }
        Err(error) => return Err(unwritable(file)(error)),
    };
    let (mut left, mut digest) = (bytes, Context::new(&SHA256));
    let mut buffer = vec![0; COPIED_AT_ONCE];
    while left > 0 {
        let count = content.read(&mut buffer)?;
        if count == 0 {
            return Err(BackupError::Incomplete("it ends within a file"));
        }
        digest.update(&buffer[..count]);
        open.write_all(&buffer[..count]).map_err(unwritable(file))?;
        left = left.saturating_sub(count as u64);
    }
    open.sync_all().map_err(unwritable(file))?;
    Ok(hex(digest.finish().as_ref()))
}

/// Reads the manifest, and holds the files against it.
fn finish(
    entry: &mut impl Read,
    bytes: u64,
    files: &[(String, u64, String)],
) -> Result<Manifest, BackupError> {
    if bytes > MAX_MANIFEST_BYTES {
        return Err(BackupError::TooLarge(MANIFEST.to_owned()));
    }
    let mut text = Vec::new();
    entry.read_to_end(&mut text)?;
    let value: serde_json::Value = serde_json::from_slice(&text)
        .map_err(|_| BackupError::Incomplete("its list of files cannot be read"))?;
    if value["format"].as_u64().is_some_and(|format| format > u64::from(FORMAT)) {
        return Err(BackupError::Newer);
    }
    let manifest: Manifest = serde_json::from_value(value)
        .map_err(|_| BackupError::Incomplete("its list of files cannot be read"))?;
    let is_same = |(listed, (path, bytes, sha256)): (&Listed, &(String, u64, String))| {
        listed.path == *path && listed.bytes == *bytes && listed.sha256 == *sha256
    };
    let differing = manifest.files.iter().zip(files).find(|pair| !is_same(*pair));
    if let Some((_, (path, ..))) = differing {
        return Err(BackupError::Altered(path.clone()));
    }
    if manifest.files.len() != files.len() {
        return Err(BackupError::Incomplete("files are missing, or were added"));
    }
    Ok(manifest)
}

/// Looks at what was unpacked as a server would, and sets the times that retention counts from.
fn check(manifest: &Manifest, folder: &Path) -> Result<(), BackupError> {
    if !manifest.files.iter().any(|listed| listed.path == DATABASE) {
        return Err(BackupError::Incomplete("the database is missing"));
    }
    if manifest.schema > copy::VERSION {
        return Err(BackupError::Newer);
    }
    let schema = copy::check(&folder.join(DATABASE));
    if schema.map_err(|error| BackupError::Database(error.to_string()))? != manifest.schema {
        return Err(BackupError::Altered(DATABASE.to_owned()));
    }
    for Listed { path, bytes, modified, .. } in &manifest.files {
        if KEYS.contains(&path.as_str()) && *bytes != KEY_BYTES as u64 {
            return Err(BackupError::Altered(path.clone()));
        }
        let file = folder.join(path);
        let at = UNIX_EPOCH.checked_add(Duration::from_secs(*modified)).unwrap_or(UNIX_EPOCH);
        let set = File::open(&file).and_then(|open| open.set_modified(at));
        set.map_err(unwritable(&file))?;
    }
    Ok(())
}

/// Whether nothing lies there, or nothing but what a new file system brings and what keeps servers out.
fn is_empty(folder: &Path) -> io::Result<bool> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
    };
    let names = entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    Ok(names.iter().all(|name| name == "lost+found" || name == "lock"))
}

fn free_bytes(folder: &Path) -> u64 {
    // Where the system does not say, writing will.
    rustix::fs::statvfs(folder).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn make_folder(folder: &Path) -> Result<(), BackupError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(unwritable(folder))
}

fn unwritable(path: &Path) -> impl Fn(io::Error) -> BackupError {
    let path = path.to_owned();
    move |cause| BackupError::Unwritable(path.clone(), cause)
}

/// Bytes that are read, hashed and written at once.
const COPIED_AT_ONCE: usize = 64 * 1024;
