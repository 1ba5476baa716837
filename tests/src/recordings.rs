//! A recording on disk, as somebody with its key reads it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use age::secrecy::ExposeSecret;
use protocol::RecordingId;
use sfu::RecordingFiles;
use sfu::seal::Recipients;

/// Where a recording goes, and the key that opens it.
#[derive(Debug)]
pub struct Recorded {
    folder: PathBuf,
    key: Key,
}

/// Prints nothing of it.
struct Key(age::x25519::Identity);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Recorded {
    /// Nothing yet, in a folder to come, with a key of its own.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), key: Key(age::x25519::Identity::generate()) }
    }

    /// The same recording for another process, from what [`Recorded::seal`] gave.
    pub fn sealed_to(seal: &str) -> Self {
        let (key, folder) = seal.split_once(' ').expect("key and folder");
        let key = key.parse().expect("age reads its own keys");
        Self { folder: folder.into(), key: Key(key) }
    }

    /// Folder and key in one line, for another process.
    pub fn seal(&self) -> String {
        let key = self.key.0.to_string();
        format!("{} {}", key.expose_secret(), self.folder.display())
    }

    /// What the recorder is told.
    pub fn files(&self) -> RecordingFiles {
        let public = self.key.0.to_public().to_string();
        let public = public.parse().expect("age writes its own keys");
        RecordingFiles {
            folder: self.folder.clone(),
            recording: RecordingId::from_bytes([9; 16]),
            recipients: Recipients::new(&[public]).expect("one good key"),
            started_at: 1_700_000_000,
            min_free_bytes: 0,
        }
    }

    /// Opens a sealed file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or not opened with the key.
    pub fn open(&self, path: &Path) -> io::Result<Vec<u8>> {
        age::decrypt(&self.key.0, &fs::read(path)?).map_err(io::Error::other)
    }

    /// The manifest.
    ///
    /// # Errors
    ///
    /// As [`Recorded::open`], or when it is no JSON.
    pub fn manifest(&self) -> io::Result<serde_json::Value> {
        let text = self.open(&self.folder.join("manifest.age"))?;
        serde_json::from_slice(&text).map_err(io::Error::other)
    }

    /// The pieces of a track that are complete, in order.
    ///
    /// # Errors
    ///
    /// When the track has no folder.
    pub fn pieces(&self, number: u64) -> io::Result<Vec<PathBuf>> {
        let folder = self.folder.join("tracks").join(number.to_string());
        let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
        let mut pieces = entries.collect::<io::Result<Vec<_>>>()?;
        pieces.retain(|path| path.extension().is_some_and(|end| end == "age"));
        pieces.sort();
        Ok(pieces)
    }

    /// The file of a track: its pieces one behind the other.
    ///
    /// # Errors
    ///
    /// As [`Recorded::open`].
    pub fn track(&self, number: u64) -> io::Result<Vec<u8>> {
        let pieces = self.pieces(number)?;
        let plain = pieces.iter().map(|path| self.open(path)).collect::<io::Result<Vec<_>>>()?;
        Ok(plain.concat())
    }
}
