//! `preau backup` and `preau restore`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use protocol::AgeRecipient;
use sfu::seal::Recipients;

use super::{CommandError, Place, print};
use crate::backup::{self, BackupError, Manifest};
use crate::clock::Clock;
use crate::server;

/// What is saved where.
#[derive(Debug, Args)]
pub struct Backup {
    /// File to write, which must not be there yet; - for standard output
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Seal it to this public key of age (age1...): only the private key opens it
    #[arg(long, value_name = "KEY", value_parser = str::parse::<AgeRecipient>)]
    to: Option<AgeRecipient>,
    /// Save recordings too, as sealed as they are
    #[arg(long)]
    with_recordings: bool,
    #[command(flatten)]
    place: Place,
}

/// What is restored where.
#[derive(Debug, Args)]
pub struct Restore {
    /// File of `preau backup`; - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    place: Place,
}

pub(super) fn save(wish: Backup) -> Result<(), CommandError> {
    let config = wish.place.config()?;
    server::find_folder(&config.data_dir)?;
    let recipients = wish.to.iter().map(|key| Recipients::new(std::slice::from_ref(key)));
    let recipients = recipients.collect::<Result<Vec<_>, _>>();
    let recipients = recipients.map_err(|error| CommandError::Recipient(error.to_string()))?;
    let now = Clock::system().unix_seconds();
    let fill = |to: &mut dyn Write| -> Result<Manifest, BackupError> {
        let write =
            |to: &mut dyn Write| backup::write(&config.data_dir, wish.with_recordings, now, to);
        match recipients.first() {
            Some(recipients) => recipients.seal_into(to, write),
            None => write(to),
        }
    };
    if is_stream(&wish.file) {
        if io::stdout().is_terminal() {
            return Err(CommandError::Terminal);
        }
        fill(&mut io::stdout().lock())?;
        return Ok(());
    }
    let unwritable = |error| CommandError::Unwritable(wish.file.clone(), error);
    let open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&wish.file);
    let mut open = open.map_err(unwritable)?;
    let written = fill(&mut open).and_then(|manifest| {
        open.sync_all()?;
        Ok(manifest)
    });
    if written.is_err() {
        // Half a backup is none, and looks like one. The cause is told either way.
        let _ = fs::remove_file(&wish.file);
    }
    print(&format!("{} saved\n", told(&written?)))
}

pub(super) fn restore(wish: Restore) -> Result<(), CommandError> {
    let config = wish.place.config()?;
    let data_dir = &config.data_dir;
    server::prepare_folder(data_dir)?;
    // No server starts there meanwhile.
    let _lock = server::lock_folder(data_dir)?;
    let from: Box<dyn Read> = match is_stream(&wish.file) {
        true => Box::new(io::stdin().lock()),
        false => {
            let open = File::open(&wish.file);
            Box::new(open.map_err(|error| BackupError::Unreadable(wish.file.clone(), error))?)
        }
    };
    let manifest = backup::restore(from, data_dir)?;
    print(&format!("{} restored into {}\n", told(&manifest), data_dir.display()))
}

fn told(manifest: &Manifest) -> String {
    let bytes: u64 = manifest.files.iter().map(|listed| listed.bytes).sum();
    let recordings = if manifest.recordings { "with" } else { "without" };
    format!("{} files, {bytes} bytes, {recordings} recordings,", manifest.files.len())
}

fn is_stream(file: &Path) -> bool {
    file.as_os_str() == "-"
}
