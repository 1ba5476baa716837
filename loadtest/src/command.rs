//! What the program can be asked to do, and how it ends: 0 when every limit holds, 1 when one is
//! broken, 2 when something must be put right first.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use thiserror::Error;

use crate::media::{self, Media, MediaError};
use crate::report::{Report, json, terminal};
use crate::run::{Setting, run};
use crate::scenario::{Scenario, ScenarioError};
use crate::target::{Preau, ServerProcess, Target, TargetError, pin_self};

/// Plays participants against a server and measures what they see and hear.
#[derive(Debug, Parser)]
#[command(name = "loadtest", version)]
pub struct CommandLine {
    #[command(subcommand)]
    wish: Wish,
}

#[derive(Debug, Subcommand)]
enum Wish {
    /// Play one scenario
    Run(RunWish),
    /// List the scenarios that come with the program
    List,
}

#[derive(Debug, Args)]
struct RunWish {
    /// Name of a scenario, or a file
    scenario: String,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    output: Output,
}

/// Which server, and where everything runs.
#[derive(Debug, Args)]
struct Place {
    /// Address of a running server
    #[arg(long, default_value = "http://localhost:8080", conflicts_with = "start")]
    url: String,
    /// Start this server first, on free ports of this machine, and stop it afterwards
    #[arg(long, value_name = "PROGRAM")]
    start: Option<PathBuf>,
    /// Process number of a running server on this machine, to measure what it uses
    #[arg(long, value_name = "NUMBER", conflicts_with = "start")]
    server_pid: Option<u32>,
    /// Processor cores of a server that is started, such as 0 or 0-2
    #[arg(long, value_name = "CORES")]
    server_cores: Option<String>,
    /// Processor cores of this program
    #[arg(long, value_name = "CORES")]
    cores: Option<String>,
    /// Threads of this program
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Folder in which encoded speech and pictures are kept
    #[arg(long, value_name = "FOLDER", env = "LOADTEST_MEDIA")]
    media: Option<PathBuf>,
    /// Decides everything that is left to chance
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Where results go.
#[derive(Debug, Args)]
struct Output {
    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Say nothing while it runs
    #[arg(long)]
    quiet: bool,
}

/// Why nothing was measured.
#[derive(Debug, Error)]
pub enum CommandError {
    /// The scenario.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The media.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// The server.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A file or the terminal.
    #[error("cannot write {0}: {1}")]
    Output(String, io::Error),
    /// The runtime.
    #[error("the system gives no threads: {0}")]
    Runtime(io::Error),
}

/// Carries out a command line; gives the exit code.
///
/// # Errors
///
/// When nothing could be measured; the exit code is then 2.
pub fn execute(line: CommandLine) -> Result<u8, CommandError> {
    match line.wish {
        Wish::Run(wish) => {
            let scenario = Scenario::named(&wish.scenario)?;
            let bench = Bench::set_up(wish.place)?;
            let report = bench.play(&scenario, wish.output.quiet)?;
            wish.output.write(&report)?;
            Ok(exit_code(&report))
        }
        Wish::List => {
            let lines: String = Scenario::all()
                .map(|scenario| format!("{:<12} {}\n", scenario.name, scenario.about))
                .collect();
            print(&lines)?;
            Ok(0)
        }
    }
}

/// 2 when the run is not complete: what it says of limits then means nothing.
fn exit_code(report: &Report) -> u8 {
    match (report.incomplete.is_some(), report.is_good()) {
        (true, _) => 2,
        (false, false) => 1,
        (false, true) => 0,
    }
}

/// Server, media and threads, ready to play.
struct Bench {
    runtime: tokio::runtime::Runtime,
    target: Box<dyn Target>,
    /// Kept as long as it is tested.
    _server: Option<ServerProcess>,
    server_pid: Option<u32>,
    media: Arc<Media>,
    own_addresses: bool,
    seed: u64,
}

impl Bench {
    fn set_up(place: Place) -> Result<Self, CommandError> {
        let media = Media::prepare(&place.media.unwrap_or_else(media::default_folder))?;
        let (server, url) = match &place.start {
            Some(program) => {
                let cores = place.server_cores.as_deref();
                let (server, url) = ServerProcess::preau(program, cores)?;
                (Some(server), url)
            }
            None => (None, place.url),
        };
        if let Some(cores) = &place.cores {
            pin_self(cores)?;
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(place.threads.max(1))
            .enable_all()
            .build()
            .map_err(CommandError::Runtime)?;
        let target = Preau::at(&url)?;
        Ok(Self {
            runtime,
            own_addresses: target.is_here(),
            target: Box::new(target),
            server_pid: server.as_ref().map(ServerProcess::pid).or(place.server_pid),
            _server: server,
            media: Arc::new(media),
            seed: place.seed,
        })
    }

    fn play(&self, scenario: &Scenario, quiet: bool) -> Result<Report, CommandError> {
        let is_shown = !quiet && io::stderr().is_terminal();
        let mut progress = |progress: &crate::run::Progress| {
            if is_shown {
                // A terminal that is gone needs no progress.
                let _ = write!(io::stderr(), "\r\x1b[K{}", terminal::progress(progress));
            }
        };
        let mut setting = Setting {
            target: self.target.as_ref(),
            media: Arc::clone(&self.media),
            server_pid: self.server_pid,
            own_addresses: self.own_addresses,
            seed: self.seed,
            progress: &mut progress,
        };
        let outcome = self.runtime.block_on(run(scenario, &mut setting));
        if is_shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
        Ok(Report::new(scenario, self.target.name(), &outcome?))
    }
}

impl Output {
    fn write(&self, report: &Report) -> Result<(), CommandError> {
        if let Some(file) = &self.json {
            write_file(file, &json::render(report))?;
        }
        print(&terminal::render(report))
    }
}

fn write_file(file: &Path, text: &str) -> Result<(), CommandError> {
    std::fs::write(file, text)
        .map_err(|error| CommandError::Output(file.display().to_string(), error))
}

fn print(text: &str) -> Result<(), CommandError> {
    let written = io::stdout().write_all(text.as_bytes());
    written.map_err(|error| CommandError::Output("the report".to_owned(), error))
}
