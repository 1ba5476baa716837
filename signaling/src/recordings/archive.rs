//! [`Archive`]: the files of recordings and what is kept of them, in steps that may be cut off anywhere
//! and taken up again. Blocks; lives on a thread of its own.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::{ErrorCode, ParticipantId, RecordingId, ReleasedKeys, Verifier};
use sfu::seal::Recipients;

use super::Times;
use super::line::{Chain, Entry, SigningKey};
use crate::store::recordings::{self as table, GrantId, Receipt, Record, State};
use crate::store::{Store, StoreError};

/// The files, the key that signs what is said of them, and the tables.
#[derive(Debug)]
pub(super) struct Archive {
    folder: PathBuf,
    key: Arc<SigningKey>,
    store: Arc<Store>,
}

impl Archive {
    pub(super) const fn new(folder: PathBuf, key: Arc<SigningKey>, store: Arc<Store>) -> Self {
        Self { folder, key, store }
    }

    /// Takes a recording in and writes its terms down. An id that was ever used is refused.
    pub(super) fn begin(
        &self,
        new: Record,
        moderator: Verifier,
        terms: &Entry,
    ) -> Result<(), ErrorCode> {
        let (id, room, at) = (new.id, new.room, new.started_at);
        if self.ask(move |base| table::of_room(base, room))?.len() >= MAX_OF_ROOM {
            return Err(ErrorCode::Overloaded);
        }
        let is_new = self.ask(move |base| table::insert(base, &new, &moderator))?;
        if !is_new {
            return Err(ErrorCode::RecordingRunning);
        }
        let made = make_folder(&self.folder.join(id.expose_text()).join(JOURNAL));
        let written = made.map_err(|error| fault(&error)).and_then(|()| self.line(id, at, terms));
        if let Err(code) = written {
            self.ask(move |base| table::remove(base, id))?;
            self.remove_files(id)?;
            return Err(code);
        }
        Ok(())
    }

    /// Writes the next line of a journal; gives its text once it is on the disk.
    pub(super) fn line(&self, id: RecordingId, at: u64, what: &Entry) -> Result<String, ErrorCode> {
        let record = self.record(id)?;
        let most = if what.lets_in() { MAX_LINES } else { 2 * MAX_LINES };
        if record.lines >= most {
            return Err(ErrorCode::Overloaded);
        }
        let chain = Chain { lines: record.lines, last_hash: record.last_hash };
        let (text, next) = chain.next(at, what, &self.key);
        let keys = record.recipients.lines().map(str::parse).collect::<Result<Vec<_>, _>>();
        let keys = keys.map_err(|error| fault(&error))?;
        let recipients = Recipients::new(&keys).map_err(|error| fault(&error))?;
        // Counted before it is written: a line that is missing then shows, and one that was never
        // counted cannot be.
        self.ask(move |base| table::advance(base, id, &next.last_hash))?;
        let file = line_file(&self.folder, id, record.lines);
        if let Err(error) = write_through(&file, &recipients.seal(text.as_bytes())) {
            self.ask(move |base| table::retreat(base, id))?;
            return Err(fault(&error));
        }
        Ok(text)
    }

    /// Keeps sealed keys of one person, in the order in which they come.
    pub(super) fn release(
        &self,
        id: RecordingId,
        person: ParticipantId,
        sealed: &ReleasedKeys,
    ) -> Result<(), ErrorCode> {
        self.record(id)?;
        let bytes = URL_SAFE_NO_PAD.decode(sealed.expose_text());
        let bytes = bytes.map_err(|_| ErrorCode::Malformed)?;
        let number = self.ask(move |base| table::release(base, id, person))?;
        let number = number.ok_or(ErrorCode::Overloaded)?;
        let folder = releases_folder(&self.folder, id, person);
        let made = make_folder(&folder).and_then(|()| {
            // What could not be written leaves a number without a file, which readers pass over.
            write_through(&release_file(&folder, number), &bytes)
        });
        made.map_err(|error| fault(&error))
    }

    /// Nothing more is recorded; the recorder may still be finishing its files.
    pub(super) fn end(&self, id: RecordingId, at: u64, cause: &Entry) -> Result<(), ErrorCode> {
        self.ask(move |base| table::end(base, id, at))?;
        self.line(id, at, cause).map(drop)
    }

    /// The recorder has finished.
    pub(super) fn close(&self, id: RecordingId) -> Result<(), ErrorCode> {
        self.remove_strays(id)?;
        // Keys of which nothing is recorded are nobody's to keep.
        for person in self.ask(move |base| table::forget_idle_releases(base, id))? {
            self.remove_releases(id, person)?;
        }
        let bytes = tidy(&self.folder.join(id.expose_text())).map_err(|error| fault(&error))?;
        self.ask(move |base| table::close(base, id, bytes))
    }

    /// Erases all that was recorded of one person. While the recorder may still write, their files
    /// are the recorder's to remove, and again removed when it has finished.
    pub(super) fn erase_person(
        &self,
        id: RecordingId,
        person: ParticipantId,
        at: u64,
        is_open: bool,
    ) -> Result<(), ErrorCode> {
        self.record(id)?;
        // What is erased cannot be opened any more either, whatever copy of it there is.
        self.ask(move |base| table::erase_releases(base, id, person))?;
        self.remove_releases(id, person)?;
        self.ask(move |base| table::erase_tracks(base, id, person))?;
        if !is_open {
            self.close(id)?;
        }
        // Last: a full disk keeps nothing from being erased. That the line is missing is logged.
        let _ = self.line(id, at, &Entry::Erased { person });
        Ok(())
    }

    pub(super) fn grant(
        &self,
        id: RecordingId,
        grant: GrantId,
        verifier: Verifier,
        at: u64,
    ) -> Result<(), ErrorCode> {
        self.record(id)?;
        let is_taken = self.ask(move |base| table::grant(base, id, grant, &verifier, at))?;
        if !is_taken {
            return Err(ErrorCode::Overloaded);
        }
        let written = self.line(id, at, &Entry::Grant { grant: grant_text(grant) }).map(drop);
        if written.is_err() {
            // Nobody is let in of whom the journal says nothing.
            self.ask(move |base| table::revoke(base, id, grant, at))?;
        }
        written
    }

    pub(super) fn revoke(&self, id: RecordingId, grant: GrantId, at: u64) -> Result<(), ErrorCode> {
        self.record(id)?;
        if !self.ask(move |base| table::revoke(base, id, grant, at))? {
            return Err(ErrorCode::NotThere);
        }
        self.line(id, at, &Entry::Revoke { grant: grant_text(grant) }).map(drop)
    }

    /// From now on nobody reads it; its files go with the next [`Archive::delete`].
    pub(super) fn mark(&self, id: RecordingId) -> Result<(), ErrorCode> {
        let is_there = self.ask(move |base| table::mark(base, id))?;
        is_there.then_some(()).ok_or(ErrorCode::NotThere)
    }

    /// Deletes a recording in three steps, each of which may be taken again: it is marked, its files
    /// go, and the receipt takes its place in the tables.
    pub(super) fn delete(&self, record: &Record, now: Times) -> Result<(), ErrorCode> {
        self.mark(record.id)?;
        self.remove_files(record.id)?;
        self.settle(record, now)
    }

    fn settle(&self, record: &Record, now: Times) -> Result<(), ErrorCode> {
        let (recording, room, at) = (record.id, record.room, now.wall);
        let what = if record.delete_at <= now.own { "deadline" } else { "request" }.to_owned();
        let signature = self.key.sign(&deletion_text(recording, &what, at));
        let receipt = Receipt { recording, what, at, signature };
        self.ask(move |base| table::settle(base, room, &receipt))?;
        tracing::info!(?recording, "a recording was deleted");
        Ok(())
    }

    /// Deletes what has reached its end or was decided to go, apart from those the recorder may still
    /// write (`is_open`); gives the open ones of these.
    pub(super) fn delete_due(
        &self,
        now: Times,
        is_open: impl Fn(RecordingId) -> bool,
    ) -> Result<Vec<Record>, ErrorCode> {
        let due = self.ask(move |base| table::due(base, now.own))?;
        let mut open = Vec::new();
        for record in due {
            if is_open(record.id) {
                open.push(record);
            } else if let Err(code) = self.delete(&record, now) {
                // The others have reached their end all the same.
                tracing::error!(recording = ?record.id, ?code, "a recording cannot be deleted");
            }
        }
        Ok(open)
    }

    /// After a start: what a crash cut off is brought to its end, so that all that was written stays
    /// readable.
    pub(super) fn recover(&self, now: u64) -> Result<(), ErrorCode> {
        let kept = self.ask(table::all)?;
        for record in kept.iter().filter(|record| record.state != State::Deleting) {
            if let Err(code) = self.recover_one(record, now) {
                // The others are brought to their end all the same.
                tracing::error!(recording = ?record.id, ?code, "a recording cannot be brought to its end");
            }
        }
        Ok(())
    }

    fn recover_one(&self, record: &Record, now: u64) -> Result<(), ErrorCode> {
        let id = record.id;
        let is_written = |n| line_file(&self.folder, id, n).exists();
        if !record.lines.checked_sub(1).is_some_and(is_written) {
            if record.lines < 2 {
                // Not even its terms were written: it never began.
                self.remove_files(id)?;
                return self.ask(move |base| table::remove(base, id));
            }
            self.ask(move |base| table::retreat(base, id))?;
        }
        if record.state == State::Running {
            if record.ended_at.is_none() {
                // It lasted until something was written last, not until now.
                let written = last_written(&self.folder.join(id.expose_text()));
                let at =
                    written.unwrap_or(now).clamp(record.started_at, now.max(record.started_at));
                self.end(id, at, &Entry::Ended { cause: "interrupted" })?;
            }
            self.close(id)?;
            tracing::warn!(recording = ?id, "a recording was cut off; what was written is kept");
        } else if self.remove_strays(id)? {
            self.close(id)?;
        }
        Ok(())
    }

    fn record(&self, id: RecordingId) -> Result<Record, ErrorCode> {
        let record = self.ask(move |base| table::find(base, id))?;
        record.filter(|record| record.state != State::Deleting).ok_or(ErrorCode::NotThere)
    }

    /// Removes every track that was erased, or of which nobody knows whose it is: nobody could have it
    /// erased. True when there was one.
    fn remove_strays(&self, id: RecordingId) -> Result<bool, ErrorCode> {
        let kept = self.ask(move |base| table::tracks(base, id))?;
        let kept: Vec<_> =
            kept.into_iter().map(|number| OsString::from(number.to_string())).collect();
        let folder = self.folder.join(id.expose_text()).join(TRACKS);
        let strays = strays(&folder, &kept).map_err(|error| fault(&error))?;
        for stray in &strays {
            remove_folder(stray).map_err(|error| fault(&error))?;
        }
        Ok(!strays.is_empty())
    }

    fn remove_releases(&self, id: RecordingId, person: ParticipantId) -> Result<(), ErrorCode> {
        remove_folder(&releases_folder(&self.folder, id, person)).map_err(|error| fault(&error))
    }

    fn remove_files(&self, id: RecordingId) -> Result<(), ErrorCode> {
        remove_folder(&self.folder.join(id.expose_text())).map_err(|error| fault(&error))
    }

    pub(super) fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, ErrorCode> {
        self.store.run_here(job).map_err(|error| store_fault(&error))
    }
}

/// What the signature of a receipt is over.
pub(super) fn deletion_text(recording: RecordingId, what: &str, at: u64) -> String {
    format!("preau deletion v1\n{}\n{what}\n{at}", recording.expose_text())
}

pub(super) fn grant_text(grant: GrantId) -> String {
    ParticipantId::from_bytes(grant).expose_text()
}

pub(super) fn line_file(folder: &Path, id: RecordingId, number: u32) -> PathBuf {
    folder.join(id.expose_text()).join(JOURNAL).join(format!("{number}.age"))
}

/// Where somebody's keys lie.
pub(super) fn releases_folder(folder: &Path, id: RecordingId, person: ParticipantId) -> PathBuf {
    folder.join(id.expose_text()).join(KEYS).join(person.expose_text())
}

pub(super) fn release_file(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number:06}.age"))
}

pub(super) fn store_fault(error: &StoreError) -> ErrorCode {
    if matches!(error, StoreError::Overloaded) {
        return ErrorCode::Overloaded;
    }
    fault(error)
}

fn fault(error: &dyn std::error::Error) -> ErrorCode {
    tracing::error!(cause = %error, "recordings cannot be kept or deleted");
    ErrorCode::Internal
}

fn make_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// On the disk when this returns, whole or not at all.
fn write_through(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = file.with_extension(PART);
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut open = options.open(&beside)?;
    open.write_all(bytes)?;
    open.sync_all()?;
    fs::rename(beside, file)?;
    let folder = file.parent().ok_or(io::ErrorKind::NotFound)?;
    fs::File::open(folder)?.sync_all()
}

/// What lies in a folder under other names than these; nothing where there is no folder.
fn strays(folder: &Path, kept: &[OsString]) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut strays = Vec::new();
    for entry in entries {
        let entry = entry?;
        if !kept.contains(&entry.file_name()) {
            strays.push(entry.path());
        }
    }
    Ok(strays)
}

/// Gone, if it was there.
fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// When a file under this folder was last written, in seconds since 1970-01-01 UTC.
fn last_written(folder: &Path) -> Option<u64> {
    let entries = fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let times = entries.filter_map(|entry| {
        let metadata = entry.metadata().ok()?;
        if metadata.is_dir() {
            return last_written(&entry.path());
        }
        metadata.mtime().try_into().ok()
    });
    times.max()
}

/// Removes what was never finished; gives the bytes of the rest.
fn tidy(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, metadata) = (entry.path(), entry.metadata()?);
        if metadata.is_dir() {
            bytes += tidy(&path)?;
        } else if path.extension().is_some_and(|extension| extension == PART) {
            fs::remove_file(path)?;
        } else {
            bytes += metadata.len();
        }
    }
    Ok(bytes)
}

/// Folder of the lines, in a recording's.
const JOURNAL: &str = "journal";
/// Folder of the tracks, in a recording's.
pub(super) const TRACKS: &str = "tracks";
/// Folder of the keys that people released, in a recording's.
const KEYS: &str = "keys";
/// Extension of a file that is being written.
const PART: &str = "part";
/// Recordings of one room that are kept at once. More lets one room take more of the disk.
const MAX_OF_ROOM: usize = 100;
/// Lines of one journal after which nobody's yes is taken any more. More lets people who change their
/// minds all day write more onto the disk; a no is taken for as many lines again.
const MAX_LINES: u32 = 10_000;

#[cfg(test)]
mod tests;
