//! `loadtest faults`: exit code 1 when a limit is broken, 2 when nothing could be tried.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::list::{FAULTS, Fault};
use super::{Means, Outcome, play, report};
use crate::command::{CommandError, print, write_file};
use crate::media::{self, Media};

/// What to try.
#[derive(Debug, Args)]
pub(crate) struct FaultsWish {
    /// Names of faults [default: all of them]
    names: Vec<String>,
    /// The quick ones
    #[arg(long, conflicts_with = "names")]
    short: bool,
    /// The program of the Préau server
    #[arg(long, value_name = "PROGRAM")]
    start: PathBuf,
    /// Folder in which encoded speech and pictures are kept
    #[arg(long, value_name = "FOLDER", env = "LOADTEST_MEDIA")]
    media: Option<PathBuf>,
    /// Decides everything that is left to chance
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write the table as Markdown
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write it as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Has each of them happen to a meeting, and gives the exit code.
pub(crate) fn execute(wish: FaultsWish) -> Result<u8, CommandError> {
    let unknown = wish.names.iter().find(|name| FAULTS.iter().all(|fault| fault.name != **name));
    if let Some(unknown) = unknown {
        let names: Vec<&str> = FAULTS.iter().map(|fault| fault.name).collect();
        return Err(CommandError::UnknownFault(unknown.clone(), names.join(", ")));
    }
    let is_wanted = |fault: &&Fault| {
        if wish.short {
            return fault.is_short;
        }
        wish.names.is_empty() || wish.names.iter().any(|name| name == fault.name)
    };
    let media = Media::prepare(&wish.media.unwrap_or_else(media::default_folder))?;
    let media = Arc::new(media.without_pauses());
    let means = Means { program: &wish.start, media: &media, seed: wish.seed };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(CommandError::Runtime)?;
    let mut outcomes: Vec<Outcome> = Vec::new();
    for fault in FAULTS.iter().filter(is_wanted) {
        let outcome = runtime.block_on(play(&means, fault));
        print(&report::row(&outcome))?;
        outcomes.push(outcome);
    }
    if let Some(file) = &wish.report {
        write_file(file, &report::markdown(&outcomes, wish.seed))?;
    }
    if let Some(file) = &wish.json {
        let json = serde_json::to_string_pretty(&outcomes).expect("figures are plain data");
        write_file(file, &(json + "\n"))?;
    }
    let failed = outcomes.iter().filter(|outcome| !outcome.broken.is_empty()).count();
    print(&format!("{} passed, {failed} failed\n", outcomes.len() - failed))?;
    Ok(u8::from(failed > 0))
}
