//! What an administrator can ask of the binary.

mod backup;
mod configured;
mod doctor;
mod documents;
mod privacy_check;
mod recordings;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, Subcommand};
use protocol::{
    CreateRoom, CreatedRoom, ErrorCode, Language, Profile, RoomEncryption, RoomRules, RoomSlug,
};
use room::{encryption_of, rules_of};
use thiserror::Error;
use time::OffsetDateTime;
use tokio::signal::unix::{SignalKind, signal};

use self::backup::{Backup, Restore};
use self::configured::{Configured, Healthcheck, Place, Reading};
use self::doctor::Doctor;
use self::documents::Documents;
use self::privacy_check::PrivacyCheck;
use self::recordings::{Journal, OneRoom, RecordingsCommand};
use crate::assets::Assets;
use crate::backup::BackupError;
use crate::clock::Clock;
use crate::config::{Config, ConfigError, Tls};
use crate::incidents::Report;
use crate::papers::PaperError;
use crate::request::{self, RequestError};
use crate::server::{self, Addresses, Server, StartError};
use crate::store::{RoomKey, RoomRecord};
use crate::token::Tokens;
use crate::{addresses, incidents, log, secret, tls};

/// What an administrator can ask of the binary.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum Command {
    /// Serve pages, signaling and media until a signal to stop
    Serve(Configured),
    /// Work with rooms
    #[command(subcommand)]
    Room(RoomCommand),
    /// Work with the incident reports that moderators have sealed to the data-protection officer
    #[command(subcommand)]
    Incident(IncidentCommand),
    /// Write the documents of an establishment from its configuration: notice, record of processing,
    /// annex for the host, impact assessment, charter, questions, posters and more
    Documents(Documents),
    /// Look at a running server from outside: what of its promises can be seen to be kept; exit code
    /// 1 when one is not
    PrivacyCheck(PrivacyCheck),
    /// Work with the recordings that are kept
    #[command(subcommand)]
    Recordings(RecordingsCommand),
    /// Print the journal of privileged actions, and see whether a line of it was changed
    Journal(Journal),
    /// Look at the configuration and at this machine, and say what is wrong and how to mend it; exit code
    /// 1 when something is doubtful, 2 when something is wrong
    Doctor(Doctor),
    /// Save what the server keeps into one file, while it runs: rooms (hashes of links, rules, end
    /// dates), keys, local authority, journal, incident reports. It holds no name, and nobody enters a
    /// room by it; but whoever has it can pass for this server, so keep it like a key, or seal it (--to)
    Backup(Backup),
    /// Restore a backup into an empty data folder; links are good again. What is past its date is
    /// deleted at the next start. What was erased by hand since the backup was made is there again:
    /// erase it again
    Restore(Restore),
    /// Print a pass that lets its holder make rooms
    HostPass(HostPass),
    /// Ask the server of this machine whether it is well; exit code 1 when it is not
    Healthcheck(Healthcheck),
}

/// What can be done with rooms.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum RoomCommand {
    /// Make a room and print its two links. The secrets in them are made here and stored nowhere
    Create(Box<Create>),
    /// Delete everything that is kept of a room, its recordings too
    Erase(OneRoom),
    /// Print everything that is kept of a room, as JSON
    Export(OneRoom),
}

/// What can be done with incident reports. None of it opens them.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum IncidentCommand {
    /// List the reports that are kept: when each came, its name, its bytes
    List(IncidentList),
    /// Copy the reports that are kept into a folder, still sealed
    Export(IncidentExport),
}

/// Which server's reports are listed.
#[derive(Debug, Args)]
pub struct IncidentList {
    #[command(flatten)]
    place: Place,
}

/// Which server's reports are copied where.
#[derive(Debug, Args)]
pub struct IncidentExport {
    /// Folder to copy them into; what lies there already is left as it is
    #[arg(value_name = "FOLDER")]
    to: PathBuf,
    #[command(flatten)]
    place: Place,
}

/// How a room is made.
#[derive(Debug, Args)]
#[command(mut_arg("data_dir", |arg| arg.hide(false)))]
#[command(mut_arg("share_origin", |arg| arg.hide(false)))]
pub struct Create {
    /// Ask the server at this origin; without it, the room is written into the data folder, where
    /// a running server finds it
    #[arg(long, value_name = "ORIGIN")]
    server: Option<String>,
    /// Pass of `preau host-pass`, where the server asks for one
    #[arg(long, value_name = "PASS", env = "PREAU_HOST_PASS", hide_env_values = true)]
    host_pass: Option<String>,
    /// Where the rules of the room start: classe, sensible, reunion or audio
    #[arg(long, value_name = "PROFILE", default_value = "classe", value_parser = profile)]
    profile: Profile,
    /// Make a room without end-to-end encryption: this server, and whoever controls it, could listen
    #[arg(long)]
    unencrypted: bool,
    /// Encrypt whole frames of every codec, AV1 and layers within one encoding too: for browsers
    /// made from Chromium alone; others are told so and do not enter
    #[arg(long, conflicts_with = "unencrypted")]
    whole_frames: bool,
    #[command(flatten)]
    configured: Reading,
}

/// What a pass is good for.
#[derive(Debug, Args)]
pub struct HostPass {
    /// How long the pass is good
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
    #[command(flatten)]
    place: Place,
}

/// Why a command failed.
#[derive(Debug, Error)]
pub enum CommandError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A document.
    #[error(transparent)]
    Paper(#[from] PaperError),
    /// A file that a command writes.
    #[error("cannot write {0}: {1}")]
    Unwritable(PathBuf, io::Error),
    /// The start of the server.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Standard output, a signal handler or the runtime.
    #[error("the system refused: {0}")]
    System(#[from] io::Error),
    /// A question to a server.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The certificate of a server that is its own authority.
    #[error(
        "this machine does not trust the certificate of {0} ({1}): if the server is its own authority, \
         save its page /authority.crt and give the file by --authority"
    )]
    LocalAuthority(String, String),
    /// The server refused.
    #[error("the server refused to make the room: {0}")]
    Refused(String),
    /// The room could not be written.
    #[error("the room could not be written into the data folder: {0}")]
    NotWritten(String),
    /// A backup.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// Nobody a backup could be sealed to.
    #[error("--to: {0}")]
    Recipient(String),
    /// A backup would be written before somebody's eyes.
    #[error("standard output is a terminal: write into a file, or into another program")]
    Terminal,
    /// A server does not keep what is promised.
    #[error("{0} of its promises are not kept")]
    Broken(usize),
    /// The data folder could not be read.
    #[error("the data folder cannot be read: {0}")]
    NotRead(String),
    /// Something could not be deleted.
    #[error("nothing was deleted: {0}")]
    NotErased(String),
    /// The journal of privileged actions is not as it was written.
    #[error("line {0} of the journal was changed, or lines before it are missing")]
    Altered(u64),
    /// Something is doubtful.
    #[error("look at what is marked warn")]
    Ailing,
    /// Something is wrong.
    #[error("mend what is marked FAIL")]
    Ill,
    /// The server is not well.
    #[error("the server is not well")]
    Unwell,
}

impl CommandError {
    /// 2 when something must be changed before trying again, 1 for a failure.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Start(_) | Self::Ill => 2,
            Self::System(_)
            | Self::Paper(_)
            | Self::Unwritable(..)
            | Self::Ailing
            | Self::Backup(_)
            | Self::Recipient(_)
            | Self::Terminal
            | Self::Request(_)
            | Self::LocalAuthority(..)
            | Self::Refused(_)
            | Self::NotWritten(_)
            | Self::Broken(_)
            | Self::NotRead(_)
            | Self::NotErased(_)
            | Self::Altered(_)
            | Self::Unwell => 1,
        }
    }
}

/// Carries a command out.
pub fn run(command: Command) -> Result<(), CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Serve(configured) => serve(configured.config()?).await,
            Command::Room(RoomCommand::Create(create)) => {
                let config = create.configured.config()?;
                let profile = create.profile;
                let raw = create.whole_frames;
                let encryption =
                    (!create.unencrypted).then(|| RoomEncryption { raw, ..encryption_of(profile) });
                match create.server {
                    Some(origin) => {
                        create_there(&origin, create.host_pass, profile, encryption, &config).await
                    }
                    None => create_here(profile, encryption, &config).await,
                }
            }
            Command::Incident(IncidentCommand::List(wish)) => list_incidents(&wish.place.config()?),
            Command::Incident(IncidentCommand::Export(wish)) => {
                export_incidents(&wish.to, &wish.place.config()?)
            }
            Command::Documents(wish) => documents::write(wish),
            Command::PrivacyCheck(wish) => privacy_check::run(wish).await,
            Command::Room(RoomCommand::Erase(wish)) => recordings::erase_room(wish).await,
            Command::Room(RoomCommand::Export(wish)) => recordings::export_room(wish).await,
            Command::Recordings(command) => recordings::run(command).await,
            Command::Journal(wish) => recordings::print_journal(wish).await,
            Command::Doctor(wish) => doctor::run(wish).await,
            Command::Backup(wish) => backup::save(wish),
            Command::Restore(wish) => backup::restore(wish),
            Command::HostPass(wish) => host_pass(wish.days, &wish.place.config()?),
            Command::Healthcheck(wish) => healthcheck(wish.config()?.metrics_port).await,
        }
    })
}

async fn serve(config: Config) -> Result<(), CommandError> {
    log::start(config.log_format, config.log_level);
    tracing::info!(
        https_port = config.https_port,
        media_port = config.media_port,
        room_days = config.room_days,
        max_participants = config.max_participants,
        max_live_rooms = config.max_live_rooms,
        host_pass_required = config.host_pass_required,
        tls = config.tls.word(),
        trial = config.is_trial,
        "configuration in force"
    );
    // Before the ports are open, so that no signal is missed from then on.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let server = Server::start(&config, Clock::system(), Assets::embedded()).await?;
    print(&greeting(server.addresses(), &config.tls))?;
    let may_finish = tokio::select! {
        // Whoever sits before it and presses Ctrl-C wants it to end.
        _ = interrupt.recv() => false,
        _ = terminate.recv() => !config.drain_max.is_zero(),
    };
    if may_finish {
        tokio::select! {
            () = server.drain(config.drain_max) => {}
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
    tokio::select! {
        () = server.stop() => {}
        // Asked twice: whoever asks is in a hurry.
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

fn greeting(addresses: &Addresses, tls: &Tls) -> String {
    let mut text = String::new();
    if let Some(http) = addresses.local_http {
        text += &format!("http://localhost:{} — on this machine\n", http.port());
    }
    let port = addresses.https.port();
    let origin = addresses.share_origin.clone();
    let (origin, whence) = match origin {
        Some(origin) => (origin, "from other devices"),
        None if matches!(tls, Tls::BehindProxy(_)) => {
            (format!("http://localhost:{port}"), "for the proxy in front")
        }
        None => (format!("https://localhost:{port}"), "on this machine, encrypted"),
    };
    text += &format!("{origin} — {whence}");
    if let Some(fingerprint) = &addresses.authority_fingerprint {
        text += " (the certificate was made on this machine, so a browser warns once: choose \
                 \"advanced\", then \"continue\")";
        text +=
            &format!("\n{origin}/authority — how devices come to trust it (SHA-256 {fingerprint})");
    }
    text + "\n"
}

/// Both links' secrets, made here, and what a server may know of them.
struct Secrets {
    guest: [u8; secret::SECRET_BYTES],
    moderator: [u8; secret::SECRET_BYTES],
}

impl Secrets {
    fn new() -> Self {
        let moderator = secret::random();
        Self { guest: secret::guest_secret(&moderator, 0), moderator }
    }

    fn wish(&self, profile: Profile, encryption: Option<RoomEncryption>) -> CreateRoom {
        let [guest_verifier, moderator_verifier] = [self.guest, self.moderator]
            .map(|link_secret| secret::verifier(&secret::proof(&link_secret)).into());
        let host_key = Some(secret::host_key(&self.moderator));
        CreateRoom { guest_verifier, moderator_verifier, host_key, profile, encryption }
    }

    fn links(&self, origin: &str, room: RoomSlug, encryption: Option<RoomEncryption>) -> String {
        let room = room.expose_text();
        let [mut guest, moderator] =
            [self.guest, self.moderator].map(|link_secret| URL_SAFE_NO_PAD.encode(link_secret));
        // Whoever holds the link goes by this and not by what a server says.
        let mut word = String::new();
        if let Some(RoomEncryption { open, raw }) = encryption {
            let flags = [(true, 'e'), (open, 'o'), (raw, 'r')];
            word.extend(flags.into_iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| flag));
            let fingerprint = secret::fingerprint(&secret::host_key(&self.moderator));
            guest = format!("{guest}.{}", URL_SAFE_NO_PAD.encode(fingerprint));
        }
        let room = format!("{origin}/r/{room}");
        format!(
            "{room}#v1{word}.{guest} — for guests\n{room}#v1m{word}.{moderator} — for moderators\n"
        )
    }
}

async fn create_here(
    profile: Profile,
    encryption: Option<RoomEncryption>,
    config: &Config,
) -> Result<(), CommandError> {
    let origin = own_origin(config);
    server::find_folder(&config.data_dir)?;
    let store = server::open_store(&config.data_dir)?;
    let secrets = Secrets::new();
    let wish = secrets.wish(profile, encryption);
    let slug = RoomSlug::from_bytes(secret::random());
    let created_at = Clock::system().unix_seconds();
    let record = RoomRecord {
        guest_verifier: wish.guest_verifier.into_exposed(),
        moderator_verifier: wish.moderator_verifier.into_exposed(),
        host_key: wish.host_key,
        link_generation: 0,
        rules: RoomRules { encryption, ..rules_of(profile, config.max_participants) },
        created_at,
        expires_at: created_at + u64::from(config.room_days) * 24 * 3600,
    };
    let inserted = store.insert(RoomKey::of(&slug), record).await;
    inserted.map_err(|error| CommandError::NotWritten(error.to_string()))?;
    print(&secrets.links(&origin, slug, encryption))
}

/// The origin of the links that are made on this machine.
fn own_origin(config: &Config) -> String {
    let origin = server::share_origin(config, &addresses::of_interfaces(), config.https_port);
    origin.unwrap_or_else(|| format!("https://localhost:{}", config.https_port))
}

async fn create_there(
    origin: &str,
    host_pass: Option<String>,
    profile: Profile,
    encryption: Option<RoomEncryption>,
    config: &Config,
) -> Result<(), CommandError> {
    let origin = origin.strip_suffix('/').unwrap_or(origin);
    let secrets = Secrets::new();
    let wish = secrets.wish(profile, encryption);
    let body = serde_json::to_vec(&wish).expect("a request is plain data");
    let authority = tls::authority_file(&config.data_dir);
    let answer = request::post_json(origin, "/api/rooms", body, host_pass, &authority).await?;
    if answer.status != 201 {
        return Err(CommandError::Refused(match refusal(&answer.body) {
            Some(ErrorCode::HostPassRequired) => "it needs a host pass (--host-pass)".to_owned(),
            Some(ErrorCode::RateLimited) => "too many rooms were made; wait a minute".to_owned(),
            Some(_) | None => format!("status {}", answer.status),
        }));
    }
    let created: CreatedRoom = serde_json::from_slice(&answer.body)
        .map_err(|_| CommandError::Refused("its answer cannot be read".to_owned()))?;
    print(&secrets.links(origin, created.room, encryption))
}

/// A language by its name in the protocol.
fn language(name: &str) -> Result<Language, String> {
    serde_json::from_value(name.into()).map_err(|_| "it is neither fr nor en".to_owned())
}

/// A profile by its name in the protocol.
fn profile(name: &str) -> Result<Profile, String> {
    serde_json::from_value(name.into()).map_err(|_| "it is none of the four".to_owned())
}

fn refusal(body: &[u8]) -> Option<ErrorCode> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    serde_json::from_value(body.get("code")?.clone()).ok()
}

fn host_pass(days: u32, config: &Config) -> Result<(), CommandError> {
    server::find_folder(&config.data_dir)?;
    let tokens = Tokens::new(&server::signing_key(&config.data_dir)?, Clock::system());
    print(&format!("{}\n", tokens.host_pass(days).expose()))
}

fn list_incidents(config: &Config) -> Result<(), CommandError> {
    server::find_folder(&config.data_dir)?;
    let mut text = String::new();
    for Report { file, kept_at, bytes } in incidents::reports(&incidents::folder(&config.data_dir))?
    {
        let at = OffsetDateTime::from_unix_timestamp(kept_at.cast_signed());
        let at = at.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let name = file.file_name().unwrap_or_default().display();
        let (date, hour, minute) = (at.date(), at.hour(), at.minute());
        text += &format!("{date} {hour:02}:{minute:02} UTC  {name}  {bytes}\n");
    }
    print(&text)
}

fn export_incidents(to: &Path, config: &Config) -> Result<(), CommandError> {
    server::find_folder(&config.data_dir)?;
    server::prepare_folder(to)?;
    let (mut copied, mut there) = (0, 0);
    for Report { file, .. } in incidents::reports(&incidents::folder(&config.data_dir))? {
        let copy = to.join(file.file_name().unwrap_or_default());
        if copy.exists() {
            there += 1;
        } else {
            tls::write_private(&copy, &std::fs::read(&file)?)?;
            copied += 1;
        }
    }
    print(&format!("{copied} copied, {there} already there\n"))
}

async fn healthcheck(metrics_port: u16) -> Result<(), CommandError> {
    let origin = format!("http://127.0.0.1:{metrics_port}");
    let answer = request::get(&origin, "/healthz", Path::new("")).await?;
    if answer.status == 200 { Ok(()) } else { Err(CommandError::Unwell) }
}

fn print(text: &str) -> Result<(), CommandError> {
    Ok(io::stdout().write_all(text.as_bytes())?)
}
