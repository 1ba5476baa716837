//! What participants send: real speech, a moving picture in three layers, and a shared screen,
//! encoded once and kept in a folder. Everything is made on the spot by `espeak-ng` and `vpxenc`,
//! so the repository carries no recordings.

mod ivf;
mod picture;
mod speech;
mod video;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

pub use speech::Speech;
pub(crate) use speech::{PACKET_SAMPLES, SAMPLE_RATE};
pub use video::Video;

/// Everything that can be sent, shared by all participants.
#[derive(Clone, Debug)]
pub struct Media {
    /// Voices; participant n speaks with voice n modulo their number.
    pub voices: Arc<[Speech]>,
    /// The camera, highest layer first.
    pub camera: [Arc<Video>; 3],
    /// A shared screen.
    pub screen: Arc<Video>,
}

/// Why there is no media to send.
#[derive(Debug, Error)]
pub enum MediaError {
    /// A program of the system is missing.
    #[error("{program} is missing: apt-get install {package}")]
    ProgramMissing {
        /// What was called.
        program: &'static str,
        /// The Debian package it is in.
        package: &'static str,
    },
    /// A program of the system failed.
    #[error("{program} failed: {reason}")]
    ProgramFailed {
        /// What was called.
        program: &'static str,
        /// Its last words.
        reason: String,
    },
    /// A kept file is not what it should be.
    #[error("{0} is damaged: delete it and try again")]
    Damaged(PathBuf),
    /// The folder cannot be used.
    #[error("cannot use {0}: {1}")]
    Folder(PathBuf, io::Error),
    /// The sound encoder refused.
    #[error("the sound encoder failed: {0}")]
    Sound(#[from] opus::Error),
}

impl Media {
    /// Reads what is kept in `folder` and makes what is missing, a few seconds at the first time.
    ///
    /// # Errors
    ///
    /// When a program is missing or fails, or the folder cannot be used.
    pub fn prepare(folder: &Path) -> Result<Self, MediaError> {
        std::fs::create_dir_all(folder)
            .map_err(|error| MediaError::Folder(folder.to_owned(), error))?;
        let voices = speech::prepare(folder)?;
        let [high, middle, low, screen] = video::prepare(folder)?.map(Arc::new);
        Ok(Self { voices: voices.into(), camera: [high, middle, low], screen })
    }

    /// The same with voices that never pause, so that silence means a fault.
    pub(crate) fn without_pauses(self) -> Self {
        let voices = self.voices.iter().map(|voice| Speech {
            packets: voice
                .packets
                .iter()
                .filter(|it| it.bytes.len() > SIGN_OF_LIFE)
                .cloned()
                .collect(),
        });
        Self { voices: voices.collect(), ..self }
    }

    /// Nothing to see or hear.
    pub(crate) fn empty() -> Self {
        let nothing = Arc::new(Video { frames: Vec::new(), rate: 1, height: 0 });
        let camera = [0; 3].map(|_| Arc::clone(&nothing));
        Self { voices: Arc::new([]), camera, screen: nothing }
    }
}

/// Bytes of a packet that only says that somebody is still there.
const SIGN_OF_LIFE: usize = 2;

/// Where media is kept when nothing else is said: the user's folder for what can be made again.
pub fn default_folder() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    cache.unwrap_or_else(std::env::temp_dir).join("preau-loadtest")
}

/// Runs `make` for a file beside `target` and puts it in place when it is complete, so that two
/// programs at once never read half a file.
fn make_file(
    target: &Path,
    make: impl FnOnce(&Path) -> Result<(), MediaError>,
) -> Result<(), MediaError> {
    if target.exists() {
        return Ok(());
    }
    let folder = target.parent().unwrap_or(Path::new("."));
    let refused = |error| MediaError::Folder(folder.to_owned(), error);
    let unfinished = tempfile::Builder::new().tempfile_in(folder).map_err(refused)?;
    make(unfinished.path())?;
    unfinished.persist(target).map_err(|error| refused(error.error))?;
    Ok(())
}

/// Checks how a program ended.
fn ended(
    program: &'static str,
    package: &'static str,
    output: io::Result<std::process::Output>,
) -> Result<(), MediaError> {
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let words = String::from_utf8_lossy(&output.stderr);
            let reason = words.lines().rfind(|line| !line.trim().is_empty());
            let reason = reason.unwrap_or("it said nothing").to_owned();
            Err(MediaError::ProgramFailed { program, reason })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(MediaError::ProgramMissing { program, package })
        }
        Err(error) => Err(MediaError::ProgramFailed { program, reason: error.to_string() }),
    }
}
