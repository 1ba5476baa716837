//! What the program can be asked to do, and how it ends: 0 when every limit holds, 1 when one is
//! broken, 2 when something must be put right first.

use std::io::{self, IsTerminal, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Parser, Subcommand, ValueEnum};
use link_emulator::{Emulator, Links, NamespaceError};
use thiserror::Error;

use crate::compare;
use crate::faults::{self, FaultsWish};
use crate::knee::{self, Found};
use crate::leaks::{self, LeaksWish};
use crate::measure::memory;
use crate::media::{self, Media, MediaError};
use crate::report::{Report, html, json, junit, terminal};
use crate::run::{Setting, run};
use crate::scenario::{Knee, Scenario, ScenarioError};
use crate::soak::{self, SoakWish};
use crate::target::{Ground, Janus, Preau, RoomLink, ServerProcess, Target, TargetError, pin_self};

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
    Run(Box<RunWish>),
    /// List the scenarios that come with the program
    List,
    /// Find how many classes of 30 a server on this machine holds
    Size(SizeWish),
    /// Play scenarios against Préau and Janus in turns, and write a table of both
    Compare(CompareWish),
    /// Have faults of network and server happen to a meeting, and measure what people see
    Faults(FaultsWish),
    /// Have many come and go, and look for what stays in the server
    Leaks(LeaksWish),
    /// Hold classes for a long time, and look for what grows in the server
    Soak(SoakWish),
}

#[derive(Debug, Args)]
struct RunWish {
    /// Name of a scenario, or a file
    scenario: String,
    /// Make its rooms end-to-end encrypted
    #[arg(long)]
    e2ee: bool,
    /// Enter the room of this guest link, which was never replaced, instead of making one: it says
    /// which server, and whether there is encryption
    #[arg(long, conflicts_with_all = ["url", "start", "target", "e2ee"])]
    link: Option<RoomLink>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
struct SizeWish {
    /// Most classes to try
    #[arg(long)]
    most: Option<u32>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
struct CompareWish {
    /// Names of scenarios, or files
    #[arg(default_values = ["lecture30", "seminar8", "audio10"])]
    scenarios: Vec<String>,
    /// The program of the Préau server
    #[arg(long, value_name = "PROGRAM")]
    start: PathBuf,
    /// Runs of each scenario against each server
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Seconds that each run measures
    #[arg(long, default_value_t = 12)]
    seconds: u32,
    /// Processor cores of the servers
    #[arg(long, value_name = "CORES", default_value = "0")]
    server_cores: String,
    /// Processor cores of this program
    #[arg(long, value_name = "CORES", default_value = "1")]
    cores: String,
    /// Where the table goes, as summary.md and summary.json
    #[arg(long, value_name = "FOLDER", default_value = "target/compare")]
    out: PathBuf,
    /// Folder in which encoded speech and pictures are kept
    #[arg(long, value_name = "FOLDER", env = "LOADTEST_MEDIA")]
    media: Option<PathBuf>,
}

/// Kinds of servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Préau
    Preau,
    /// The VideoRoom plugin of Janus
    Janus,
}

/// Which server, and where everything runs.
#[derive(Debug, Args)]
struct Place {
    /// Kind of the server
    #[arg(long, value_enum, default_value = "preau")]
    target: Kind,
    /// Address of a running server [default: http://localhost:8080, of Janus http://localhost:8088]
    #[arg(long, conflicts_with = "start")]
    url: Option<String>,
    /// Start a server first, on free ports of this machine, and stop it afterwards: the program
    /// of Préau, or the word janus
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
    /// Write the report in the format of JUnit
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the report as one page with plots
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
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
    /// The network between.
    #[error(transparent)]
    Network(#[from] NamespaceError),
    /// Only a server that this program starts can be put behind a poor network.
    #[error("{0} has poor networks: start the server with --start, so that it runs behind them")]
    NoNetwork(String),
    /// Comparing makes no sense.
    #[error("most runs of {0} failed or lost packets: this machine is too busy to compare on it")]
    AlwaysVoid(String),
    /// There is no such fault.
    #[error("there is no fault {0}: there are {1}")]
    UnknownFault(String, String),
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
            let scenario = match &wish.link {
                Some(link) => scenario.in_one_room(link.sealed.is_some())?,
                None if wish.e2ee => scenario.encrypted()?,
                None => scenario,
            };
            let bench = Bench::set_up(wish.place, wish.link, &scenario)?;
            let spare = spare_descriptor()?;
            let Some(knee) = scenario.knee else {
                let report = bench.play(&scenario, wish.output.quiet)?;
                drop(spare);
                wish.output.write(&report, &[])?;
                return Ok(exit_code(&report));
            };
            let (found, loads) = bench.raise(&scenario, knee, wish.output.quiet)?;
            let Some(report) = found.report() else { return Ok(2) };
            drop(spare);
            wish.output.write(&report, &loads)?;
            Ok(exit_code(&report))
        }
        Wish::Size(wish) => size(wish),
        Wish::Compare(wish) => side_by_side(wish),
        Wish::Faults(wish) => faults::execute(wish),
        Wish::Leaks(wish) => leaks::execute(&wish),
        Wish::Soak(wish) => soak::execute(wish),
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

fn size(wish: SizeWish) -> Result<u8, CommandError> {
    let scenario = Scenario::named("size")?;
    let mut knee = scenario.knee.expect("it has a knee");
    knee.most = wish.most.unwrap_or(knee.most);
    let own = || std::thread::available_parallelism().ok().map(NonZeroUsize::get);
    let cores = wish.place.server_cores.as_deref().map_or_else(own, knee::count_cores);
    let cores = cores.map_or("?".to_owned(), |cores| cores.to_string());
    let bench = Bench::set_up(wish.place, None, &scenario)?;
    let spare = spare_descriptor()?;
    let (found, loads) = bench.raise(&scenario, knee, wish.output.quiet)?;
    drop(spare);
    if let Some(report) = found.report() {
        wish.output.write(&report, &loads)?;
    }
    print(&format!("\n{}", knee::sizing(&found, &cores)))?;
    Ok(match (&found.ended, &found.good) {
        (Some(_), _) => 2,
        (None, None) => 1,
        (None, Some(_)) => 0,
    })
}

/// Both servers in turns, so that what else the machine does meets both alike.
fn side_by_side(wish: CompareWish) -> Result<u8, CommandError> {
    let scenarios = wish.scenarios.iter().map(|name| Scenario::named(name));
    let mut scenarios = scenarios.collect::<Result<Vec<_>, _>>()?;
    pin_self(&wish.cores)?;
    let (mut rows, mut void) = (Vec::new(), Vec::new());
    for scenario in &mut scenarios {
        scenario.seconds = wish.seconds.max(1);
        let mut reports = [Vec::new(), Vec::new()];
        let mut tries = 0;
        while reports.iter().any(|reports| reports.len() < wish.runs) {
            tries += 1;
            if tries > wish.runs * 3 {
                void.push(scenario.name.clone());
                break;
            }
            for (kind, reports) in [Kind::Preau, Kind::Janus].into_iter().zip(&mut reports) {
                if reports.len() >= wish.runs {
                    continue;
                }
                let report = match wish.play_once(kind, scenario, tries as u64) {
                    Ok(report) => report,
                    Err(error) => {
                        print(&format!("{}: {error}: void, to be repeated\n", scenario.name))?;
                        continue;
                    }
                };
                let is_void = compare::is_void(&report);
                let cpu = report.server.as_ref().map_or(0.0, |server| server.cpu_us_per_packet);
                let why = report.incomplete.as_ref().or(report.failures.first());
                let why = why.map_or(String::new(), |why| format!(", {why}"));
                print(&format!(
                    "{} {} {}: {cpu:.2} µs a packet, {:.3} % lost{why}{}\n",
                    scenario.name,
                    report.target,
                    reports.len() + 1,
                    report.loss_percent(),
                    if is_void { ": void, to be repeated" } else { "" }
                ))?;
                if !is_void {
                    reports.push(report);
                }
            }
        }
        rows.extend(reports.iter().filter_map(|reports| compare::Row::of(reports)));
    }
    let how = format!(
        "Servers on core {}, generator on core {}; AES-128-GCM and transport-wide feedback for \
         both; Janus with one event loop for each of its cores.",
        wish.server_cores, wish.cores
    );
    let table = compare::markdown(&rows, &how);
    std::fs::create_dir_all(&wish.out)
        .map_err(|error| CommandError::Output(wish.out.display().to_string(), error))?;
    write_file(&wish.out.join("summary.md"), &table)?;
    let json = serde_json::to_string_pretty(&rows).expect("figures are plain data");
    write_file(&wish.out.join("summary.json"), &(json + "\n"))?;
    print(&table)?;
    if void.is_empty() { Ok(0) } else { Err(CommandError::AlwaysVoid(void.join(", "))) }
}

impl CompareWish {
    fn play_once(
        &self,
        kind: Kind,
        scenario: &Scenario,
        seed: u64,
    ) -> Result<Report, CommandError> {
        let program = match kind {
            Kind::Preau => self.start.clone(),
            Kind::Janus => PathBuf::from("janus"),
        };
        let place = Place {
            target: kind,
            url: None,
            start: Some(program),
            server_pid: None,
            server_cores: Some(self.server_cores.clone()),
            cores: None,
            threads: 1,
            media: self.media.clone(),
            seed,
        };
        Bench::set_up(place, None, scenario)?.play(scenario, true)
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
    /// Where poor networks begin, if the scenario has any.
    emulator: Option<Emulator>,
    /// Whether the server is reached over loopback.
    is_here: bool,
    seed: u64,
}

impl Bench {
    fn set_up(
        place: Place,
        link: Option<RoomLink>,
        scenario: &Scenario,
    ) -> Result<Self, CommandError> {
        let links = scenario.links();
        if links.is_some() && place.start.is_none() {
            return Err(CommandError::NoNetwork(scenario.name.clone()));
        }
        let emulator = links.map(|links| Emulator::start(Links::default(), links, place.seed));
        let emulator = emulator.transpose()?;
        let media = Media::prepare(&place.media.unwrap_or_else(media::default_folder))?;
        let address = emulator.as_ref().map_or(Ipv4Addr::LOCALHOST, Emulator::far);
        let ground = Ground {
            cores: place.server_cores.as_deref(),
            enter: emulator.as_ref().map_or_else(Vec::new, Emulator::enter),
            ..Ground::at(address)
        };
        let started = match (&place.start, place.target) {
            (Some(program), Kind::Preau) => Some(ServerProcess::preau(program, &ground)?),
            (Some(_), Kind::Janus) => Some(ServerProcess::janus(&ground)?),
            (None, _) => None,
        };
        let (server, url) = match (started, place.target) {
            (Some((server, url)), _) => (Some(server), url),
            (None, Kind::Preau) => (None, place.url.unwrap_or("http://localhost:8080".to_owned())),
            (None, Kind::Janus) => (None, place.url.unwrap_or("http://localhost:8088".to_owned())),
        };
        if let Some(cores) = &place.cores {
            pin_self(cores)?;
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(place.threads.max(1))
            .enable_all()
            .build()
            .map_err(CommandError::Runtime)?;
        let (target, is_here): (Box<dyn Target>, bool) = match place.target {
            Kind::Preau => {
                let preau = link.map_or_else(|| Preau::at(&url), Preau::of)?;
                let is_here = preau.is_here();
                (Box::new(preau), is_here)
            }
            Kind::Janus => (Box::new(Janus::at(&url)?), false),
        };
        Ok(Self {
            runtime,
            target,
            emulator,
            is_here,
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
        let address = |number| match &self.emulator {
            Some(emulator) => Some(emulator.address(number).into()),
            None => self.is_here.then(|| own_address(number)),
        };
        let mut setting = Setting {
            target: self.target.as_ref(),
            media: Arc::clone(&self.media),
            server_pid: self.server_pid,
            address: &address,
            seed: self.seed,
            memory_left: memory::left,
            progress: &mut progress,
        };
        let outcome = self.runtime.block_on(run(scenario, &mut setting));
        if is_shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
        Ok(Report::new(scenario, self.target.name(), &outcome?))
    }
}

impl Bench {
    /// Raises the load; gives what was found, and the load and use of each step.
    fn raise(
        &self,
        scenario: &Scenario,
        knee: Knee,
        quiet: bool,
    ) -> Result<(Found, Vec<html::Load>), CommandError> {
        let mut loads = Vec::new();
        let found = knee::find(scenario, knee, |step| {
            let report = self.play(step, quiet)?;
            if let Some(server) = &report.server {
                loads.push((report.packets_per_second, server.cpu_percent));
            }
            if !quiet {
                print(&terminal::step(&report))?;
            }
            Ok::<_, CommandError>(report)
        })?;
        Ok((found, loads))
    }
}

impl Output {
    fn write(&self, report: &Report, loads: &[html::Load]) -> Result<(), CommandError> {
        if let Some(file) = &self.json {
            write_file(file, &json::render(report))?;
        }
        if let Some(file) = &self.junit {
            write_file(file, &junit::render(report))?;
        }
        if let Some(file) = &self.html {
            write_file(file, &html::render(report, loads))?;
        }
        print(&terminal::render(report))
    }
}

/// An address of 127.0.0.0/8 for each participant, as every device of a school has its own.
pub(crate) fn own_address(number: usize) -> IpAddr {
    let number = number % (250 * 250);
    Ipv4Addr::new(127, 0, 1 + (number / 250) as u8, 1 + (number % 250) as u8).into()
}

/// Held during a run and given up for the report, so that a run that takes every descriptor leaves
/// one all the same: its sockets close some time after it.
fn spare_descriptor() -> Result<std::fs::File, CommandError> {
    const NOTHING: &str = "/dev/null";
    std::fs::File::open(NOTHING).map_err(|error| CommandError::Output(NOTHING.to_owned(), error))
}

pub(crate) fn write_file(file: &Path, text: &str) -> Result<(), CommandError> {
    std::fs::write(file, text)
        .map_err(|error| CommandError::Output(file.display().to_string(), error))
}

pub(crate) fn print(text: &str) -> Result<(), CommandError> {
    let written = io::stdout().write_all(text.as_bytes());
    written.map_err(|error| CommandError::Output("the report".to_owned(), error))
}
