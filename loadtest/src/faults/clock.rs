//! A clock of the server that can be set, by the library of the Debian package `libfaketime`: what
//! measures time goes on, what tells the time does not.

use std::path::{Path, PathBuf};

use crate::target::TargetError;

/// Where the library is.
fn library() -> Result<PathBuf, TargetError> {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let mut found = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    found.find(|library| library.exists()).ok_or_else(|| {
        let package = "libfaketime is missing: apt-get install libfaketime".to_owned();
        TargetError::Start("a clock to be set".to_owned(), package)
    })
}

/// What a server is started with, its clock in a file of this folder.
pub(super) fn environment(folder: &Path) -> Result<Vec<(&'static str, String)>, TargetError> {
    let text = |path: PathBuf| path.display().to_string();
    set(folder, Shift::None)?;
    Ok(vec![
        ("LD_PRELOAD", text(library()?)),
        ("FAKETIME_TIMESTAMP_FILE", text(file(folder))),
        ("FAKETIME_CACHE_DURATION", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("DONT_FAKE_MONOTONIC", "1".to_owned()),
    ])
}

/// How far a clock is from that of this machine.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shift {
    None,
    Year,
}

/// Sets it; it takes a second until the server sees it.
pub(super) fn set(folder: &Path, shift: Shift) -> Result<(), TargetError> {
    let text = match shift {
        Shift::None => "+0\n",
        Shift::Year => "+365d\n",
    };
    std::fs::write(file(folder), text)
        .map_err(|error| TargetError::Start("a clock to be set".to_owned(), error.to_string()))
}

fn file(folder: &Path) -> PathBuf {
    folder.join("clock")
}
