//! The folder of one recording. Plain bytes never reach it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use protocol::RecordingId;
use sfu_core::RecordingFailure;

use crate::seal::Recipients;

/// Where a recording goes, and who may open it.
#[derive(Clone, Debug)]
pub struct RecordingFiles {
    /// Its own folder; made if it is not there. Tracks go into `tracks/<number>/<piece>.age`, what
    /// they are into `manifest.age`; other files in it are left alone.
    pub folder: PathBuf,
    /// Which recording it is; stands in the manifest.
    pub recording: RecordingId,
    /// Whom every file is sealed to.
    pub recipients: Recipients,
    /// When it began, in seconds since 1970.
    pub started_at: u64,
    /// The disk counts as full when fewer bytes are free.
    pub min_free_bytes: u64,
}

impl RecordingFiles {
    /// Makes the folder.
    pub(crate) fn prepare(&self) -> Result<(), RecordingFailure> {
        fs::create_dir_all(self.tracks()).map_err(|error| cause(&error))?;
        self.check_room()
    }

    /// Makes the folder of a track.
    pub(crate) fn prepare_track(&self, number: u32) -> Result<(), RecordingFailure> {
        fs::create_dir_all(self.track(number)).map_err(|error| cause(&error))
    }

    /// Seals and writes a piece of a track.
    pub(crate) fn write_piece(
        &self,
        track: u32,
        piece: u32,
        plain: &[u8],
    ) -> Result<(), RecordingFailure> {
        self.check_room()?;
        self.write(&self.track(track).join(format!("{piece:06}.age")), plain)
    }

    /// Seals and writes the manifest in place of the former one.
    pub(crate) fn write_manifest(&self, plain: &[u8]) -> Result<(), RecordingFailure> {
        self.write(&self.folder.join("manifest.age"), plain)
    }

    /// Removes a track with all its pieces.
    pub(crate) fn remove_track(&self, number: u32) -> Result<(), RecordingFailure> {
        match fs::remove_dir_all(self.track(number)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cause(&error)),
            Err(_) | Ok(()) => Ok(()),
        }
    }

    /// Under its name a file is complete: it is written under another, and renamed.
    fn write(&self, path: &Path, plain: &[u8]) -> Result<(), RecordingFailure> {
        let part = path.with_extension("age.part");
        let sealed = self.recipients.seal(plain);
        let written = File::create(&part).and_then(|mut file| {
            file.write_all(&sealed)?;
            file.sync_data()?;
            fs::rename(&part, path)
        });
        written.map_err(|error| {
            // Nothing more can be done about what is left of it.
            let _ = fs::remove_file(&part);
            cause(&error)
        })
    }

    fn check_room(&self) -> Result<(), RecordingFailure> {
        let stat = rustix::fs::statvfs(&self.folder).map_err(|error| cause(&error.into()))?;
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        if free < self.min_free_bytes {
            return Err(RecordingFailure::DiskFull);
        }
        Ok(())
    }

    fn tracks(&self) -> PathBuf {
        self.folder.join("tracks")
    }

    fn track(&self, number: u32) -> PathBuf {
        self.tracks().join(number.to_string())
    }
}

fn cause(error: &io::Error) -> RecordingFailure {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    if matches!(error.kind(), StorageFull | QuotaExceeded) {
        RecordingFailure::DiskFull
    } else {
        RecordingFailure::Failed
    }
}
