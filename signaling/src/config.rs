//! Configuration: one TOML file, the environment over it, flags over both, one checked struct out
//! of the three.

mod controller;
mod reached;
mod recording;
mod tls;
mod warning;

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bech32::Bech32;
use bech32::primitives::decode::CheckedHrpstring;
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use sfu::CodecKind;
use thiserror::Error;

pub use self::controller::{Controller, Country, Filled};
use self::controller::{Source, Standing};
use self::reached::{check_origin, one_or_several};
pub use self::recording::{Recording, RecordingRecipient, RecordingSettings};
pub use self::tls::{AcmeSettings, ProxySettings, Tls, TlsMode};
pub(crate) use self::warning::{Place, Warning};
use crate::addresses::PublicEntry;
use crate::proxy::Network;

/// Why there is no usable configuration.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// A key is unknown, or a value is not what its key takes.
    #[error("{file}:{line}: {problem}")]
    Invalid {
        /// The file.
        file: PathBuf,
        /// Line in it, from 1.
        line: usize,
        /// In words.
        problem: String,
    },
    /// One of the two TLS files is missing.
    #[error("tls_certificate and tls_key go together: give both or none")]
    HalfCertificate,
    /// Files are to be used, and none are named.
    #[error("tls = \"files\" needs tls_certificate and tls_key")]
    NoCertificate,
    /// A key that another way of https takes.
    #[error("{key} belongs to tls = \"{mode}\"")]
    TlsAstray {
        /// The key.
        key: &'static str,
        /// The mode it belongs to.
        mode: &'static str,
    },
    /// A certificate of an authority is for a name.
    #[error(
        "tls = \"acme\" needs the name of this server: write share_origin = \"https://visio.example.org\", with a name and not an address"
    )]
    AcmeName,
    /// Not the address of a directory.
    #[error("acme_directory must be a URL that begins with https://")]
    AcmeDirectory,
    /// Not an address to write to.
    #[error("acme_contact must be a mail address such as dsi@example.org")]
    AcmeContact,
    /// Not a web origin.
    #[error("share_origin must be an origin such as https://visio.example.org, without a path")]
    ShareOrigin,
    /// Not a public key of age.
    #[error(
        "incident_recipient must be a public key of age, age1 and 58 more characters, as age-keygen prints it"
    )]
    IncidentRecipient,
    /// A recording kept for longer than any reason lasts.
    #[error("max_days of [recording] is at most 400")]
    RecordingDays,
    /// A key of the establishment for recordings is none, or has no name, or there are too many.
    #[error(
        "recipients of [recording] are 8 at most, each with a name of one line and a public key of age"
    )]
    RecordingRecipients,
    /// A restart put off for longer than meetings last.
    #[error("drain_max is at most {MAX_DRAIN_MINUTES} minutes")]
    DrainMax,
    /// More than the workers of one port can be.
    #[error("media_workers is at most {}", sfu::MAX_WORKERS)]
    TooManyWorkers,
}

/// What may stand in the file, the environment or the flags; absent means default. The keys are
/// explained for administrators in `deploy/config.example.toml`.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Folder of everything that is kept: rooms, signing key, local authority
    #[arg(long = "data", value_name = "FOLDER", env = "PREAU_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// Address to listen on, for https and media; :: means all
    #[arg(long = "listen", value_name = "ADDRESS", env = "PREAU_LISTEN_ADDRESS")]
    pub listen_address: Option<IpAddr>,
    /// Serve plain http as well, for browsers on this machine only
    #[arg(
        long = "local-http",
        value_name = "PORT",
        env = "PREAU_HTTP_PORT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "8080"
    )]
    pub http_port: Option<u16>,
    /// TCP port of pages and signaling
    #[arg(long, value_name = "PORT", env = "PREAU_HTTPS_PORT")]
    pub https_port: Option<u16>,
    /// UDP port of sound and pictures
    #[arg(long, value_name = "PORT", env = "PREAU_MEDIA_PORT")]
    pub media_port: Option<u16>,
    /// Threads that forward sound and pictures, each for its own rooms
    #[arg(long, value_name = "NUMBER", env = "PREAU_MEDIA_WORKERS")]
    pub media_workers: Option<NonZeroU16>,
    /// TCP port of health and metrics, on the loopback address only
    #[arg(long, value_name = "PORT", env = "PREAU_METRICS_PORT")]
    pub metrics_port: Option<u16>,
    /// Address or host name at which browsers reach the media port, with a port where that is
    /// another one; repeat it for several; auto means the addresses of this machine
    #[arg(long = "public-address", value_name = "ADDRESS", env = "PREAU_PUBLIC_ADDRESSES")]
    #[arg(value_delimiter = ',')]
    #[serde(default, deserialize_with = "one_or_several")]
    pub public_addresses: Option<Vec<String>>,
    /// Origin in links made on this machine, such as `https://visio.example.org`
    #[arg(long, value_name = "ORIGIN", env = "PREAU_SHARE_ORIGIN")]
    pub share_origin: Option<String>,
    /// Where https gets its certificate, or who ends it in place of this server
    #[arg(long, value_name = "MODE", env = "PREAU_TLS")]
    pub tls: Option<TlsMode>,
    /// Certificate chain (PEM) of a public name, in place of the local authority
    #[arg(long, value_name = "FILE", env = "PREAU_TLS_CERTIFICATE")]
    pub tls_certificate: Option<PathBuf>,
    /// Private key (PEM) of that certificate
    #[arg(long, value_name = "FILE", env = "PREAU_TLS_KEY")]
    pub tls_key: Option<PathBuf>,
    /// Directory (URL) of the authority that is asked by ACME
    #[arg(long, value_name = "URL", env = "PREAU_ACME_DIRECTORY")]
    pub acme_directory: Option<String>,
    /// Mail address where that authority may write to
    #[arg(long, value_name = "ADDRESS", env = "PREAU_ACME_CONTACT")]
    pub acme_contact: Option<String>,
    /// Certificates (PEM) by which the directory itself is trusted, beside those of the system
    #[arg(long, value_name = "FILE", env = "PREAU_ACME_CA")]
    pub acme_ca: Option<PathBuf>,
    /// Proxy in front, as an address or a network, whose X-Forwarded-For counts; repeat it for several
    #[arg(long = "trusted-proxy", value_name = "NETWORK", env = "PREAU_TRUSTED_PROXIES")]
    #[arg(value_delimiter = ',')]
    pub trusted_proxies: Option<Vec<Network>>,
    /// Address to listen on for the proxy in front; 127.0.0.1 and ::1 if none is given
    #[arg(long, value_name = "ADDRESS", env = "PREAU_PROXY_LISTEN_ADDRESS")]
    pub proxy_listen_address: Option<IpAddr>,
    /// Make rooms only for holders of a pass of `preau host-pass`
    #[arg(long, env = "PREAU_HOST_PASS_REQUIRED")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub host_pass_required: Option<bool>,
    /// Days until a new room ends
    #[arg(long, value_name = "DAYS", env = "PREAU_ROOM_DAYS")]
    pub room_days: Option<NonZeroU16>,
    /// Most participants of a room
    #[arg(long, value_name = "NUMBER", env = "PREAU_MAX_PARTICIPANTS")]
    pub max_participants: Option<NonZeroU16>,
    /// Most voices one participant hears at once; of more, the loudest
    #[arg(long, value_name = "NUMBER", env = "PREAU_MAX_VOICES")]
    pub max_voices: Option<NonZeroU16>,
    /// Codec of cameras
    #[arg(long, value_name = "CODEC", env = "PREAU_CAMERA_CODEC")]
    pub camera_codec: Option<CameraCodec>,
    /// Public key of age (age1...) of the data-protection officer, to whom moderators' browsers seal
    /// incident reports
    #[arg(long, value_name = "KEY", env = "PREAU_INCIDENT_RECIPIENT")]
    pub incident_recipient: Option<String>,
    /// Days for which incident reports are kept
    #[arg(long, value_name = "DAYS", env = "PREAU_INCIDENT_DAYS")]
    pub incident_days: Option<NonZeroU16>,
    /// Days for which the journal of privileged actions is kept
    #[arg(long, value_name = "DAYS", env = "PREAU_JOURNAL_DAYS")]
    pub journal_days: Option<NonZeroU16>,
    /// Most rooms with somebody in them at once
    #[arg(long, value_name = "NUMBER", env = "PREAU_MAX_LIVE_ROOMS")]
    pub max_live_rooms: Option<NonZeroU16>,
    /// Minutes for which meetings may go on after SIGTERM; 0 ends them at once
    #[arg(long, value_name = "MINUTES", env = "PREAU_DRAIN_MAX")]
    pub drain_max: Option<u16>,
    /// How much is logged
    #[arg(long, value_name = "LEVEL", env = "PREAU_LOG_LEVEL")]
    pub log_level: Option<LogLevel>,
    /// How log lines look
    #[arg(long, value_name = "FORMAT", env = "PREAU_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
    /// True when a server with a configuration file is only tried, so that it needs no controller
    #[arg(skip)]
    pub trial: Option<bool>,
    /// Who answers for the server
    #[arg(skip)]
    pub controller: Option<Controller>,
    /// Whether and how meetings are recorded
    #[arg(skip)]
    pub recording: Option<RecordingSettings>,
    /// The file these settings came from.
    #[arg(skip)]
    #[serde(skip)]
    pub(crate) source: Option<Source>,
}

/// How cameras send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CameraCodec {
    /// In three sizes at once (simulcast), which every browser does.
    Vp8,
    /// One picture in layers (SVC), from browsers that can, where everybody's plays it.
    Vp9,
    /// The same with a newer codec: fewer bits, more work.
    Av1,
}

impl CameraCodec {
    /// The codec of layers, where there are any.
    pub(crate) fn scalable(self) -> Option<CodecKind> {
        match self {
            Self::Vp8 => None,
            Self::Vp9 => Some(CodecKind::Vp9),
            Self::Av1 => Some(CodecKind::Av1),
        }
    }
}

/// How much is logged. No level shows personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Faults only.
    Error,
    /// What deserves attention.
    Warn,
    /// The life of the server and its rooms.
    Info,
    /// Every decision.
    Debug,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The configuration in force.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder of everything that is kept.
    pub data_dir: PathBuf,
    /// Address to listen on; `None` means all.
    pub listen_address: Option<IpAddr>,
    /// Port of plain http on the loopback addresses, when asked for.
    pub http_port: Option<u16>,
    /// TCP port of pages and signaling.
    pub https_port: u16,
    /// UDP port of media.
    pub media_port: u16,
    /// Threads that forward media, behind that one port.
    pub media_workers: usize,
    /// TCP port of health and metrics on 127.0.0.1.
    pub metrics_port: u16,
    /// Where browsers reach the media port, best first; one entry at least.
    pub public_addresses: Vec<PublicEntry>,
    /// Origin in links made on this machine; `None` means the first address of the network.
    pub share_origin: Option<String>,
    /// How https is done.
    pub tls: Tls,
    /// True when making a room needs a pass.
    pub host_pass_required: bool,
    /// Days until a new room ends.
    pub room_days: u16,
    /// Most participants of a room.
    pub max_participants: u16,
    /// Most voices one participant hears at once.
    pub max_voices: usize,
    /// Codec of cameras.
    pub camera_codec: CameraCodec,
    /// Public key that incident reports are sealed to; `None` when none can be made.
    pub incident_recipient: Option<String>,
    /// Days for which incident reports are kept.
    pub incident_days: u16,
    /// Days for which the journal of privileged actions is kept.
    pub journal_days: u16,
    /// How meetings are recorded; `None` where none may be.
    pub recording: Option<Recording>,
    /// Most live rooms.
    pub max_live_rooms: usize,
    /// How long meetings may go on after SIGTERM.
    pub drain_max: Duration,
    /// How much is logged.
    pub log_level: LogLevel,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Who answers for the server; there in production, and where a trial names them.
    pub controller: Option<Controller>,
    /// True when the server is only tried: nobody needs to answer for it, and its pages say so.
    pub is_trial: bool,
    /// True when data leaves the EU and the EEA, on the basis that the controller gives.
    pub has_transfers: bool,
    /// What is likely not meant as it stands, for the log of the start and for `preau doctor`.
    pub(crate) warnings: Vec<Warning>,
}

impl Settings {
    /// Reads a file.
    pub fn read(file: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| ConfigError::Unreadable(file.to_owned(), error))?;
        Self::parse(&text, file)
    }

    /// Parses the text of a file; `file` only names it in errors.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        let parsed: Self = toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start).min(text.len());
            let line = text.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count() + 1;
            let given = text.lines().nth(line - 1).and_then(|given| given.split_once('='));
            let problem = match given {
                // Which field is meant stands in the line alone.
                Some((key, _)) if error.message().starts_with("this field") => {
                    format!("{}: {}", key.trim(), error.message())
                }
                _ => error.message().to_owned(),
            };
            ConfigError::Invalid { file: file.to_owned(), line, problem }
        })?;
        Ok(Self { source: Some(Source::new(file, text, &parsed)), ..parsed })
    }

    /// What stands here, and what `other` says where nothing stands.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            data_dir: self.data_dir.or(other.data_dir),
            listen_address: self.listen_address.or(other.listen_address),
            http_port: self.http_port.or(other.http_port),
            https_port: self.https_port.or(other.https_port),
            media_port: self.media_port.or(other.media_port),
            media_workers: self.media_workers.or(other.media_workers),
            metrics_port: self.metrics_port.or(other.metrics_port),
            public_addresses: self.public_addresses.or(other.public_addresses),
            share_origin: self.share_origin.or(other.share_origin),
            tls: self.tls.or(other.tls),
            tls_certificate: self.tls_certificate.or(other.tls_certificate),
            tls_key: self.tls_key.or(other.tls_key),
            acme_directory: self.acme_directory.or(other.acme_directory),
            acme_contact: self.acme_contact.or(other.acme_contact),
            acme_ca: self.acme_ca.or(other.acme_ca),
            trusted_proxies: self.trusted_proxies.or(other.trusted_proxies),
            proxy_listen_address: self.proxy_listen_address.or(other.proxy_listen_address),
            host_pass_required: self.host_pass_required.or(other.host_pass_required),
            room_days: self.room_days.or(other.room_days),
            max_participants: self.max_participants.or(other.max_participants),
            max_voices: self.max_voices.or(other.max_voices),
            camera_codec: self.camera_codec.or(other.camera_codec),
            incident_recipient: self.incident_recipient.or(other.incident_recipient),
            incident_days: self.incident_days.or(other.incident_days),
            journal_days: self.journal_days.or(other.journal_days),
            max_live_rooms: self.max_live_rooms.or(other.max_live_rooms),
            drain_max: self.drain_max.or(other.drain_max),
            log_level: self.log_level.or(other.log_level),
            log_format: self.log_format.or(other.log_format),
            trial: self.trial.or(other.trial),
            controller: self.controller.or(other.controller),
            recording: self.recording.or(other.recording),
            source: self.source.or(other.source),
        }
    }

    /// Checks, and fills in the defaults.
    pub fn check(self) -> Result<Config, ConfigError> {
        let Standing { is_trial, has_transfers } = self.check_controller()?;
        let share_origin = self.share_origin.as_deref().filter(|origin| !origin.is_empty());
        let share_origin = share_origin.map(check_origin).transpose()?;
        let tls = self.check_tls(share_origin.as_deref())?;
        let (public_addresses, mut warnings) = self.check_public_addresses();
        warnings.extend(self.warn_of_tls(&tls));
        let recording = self.recording.unwrap_or_default().check(self.source.is_some())?;
        let media_workers = self.media_workers.map_or(1, |count| usize::from(count.get()));
        if media_workers > sfu::MAX_WORKERS {
            return Err(ConfigError::TooManyWorkers);
        }
        let drain_max = self.drain_max.unwrap_or(0);
        if drain_max > MAX_DRAIN_MINUTES {
            return Err(ConfigError::DrainMax);
        }
        let https_port = self.https_port.unwrap_or(8443);
        let max_live_rooms = self.max_live_rooms.map_or(200, NonZeroU16::get);
        Ok(Config {
            data_dir: self.data_dir.unwrap_or_else(|| PathBuf::from("data")),
            listen_address: self.listen_address.filter(|address| !address.is_unspecified()),
            http_port: self.http_port,
            https_port,
            media_port: self.media_port.unwrap_or(https_port),
            media_workers,
            metrics_port: self.metrics_port.unwrap_or(9464),
            public_addresses,
            share_origin,
            tls,
            host_pass_required: self.host_pass_required.unwrap_or(false),
            room_days: self.room_days.map_or(30, NonZeroU16::get),
            max_participants: self.max_participants.map_or(100, NonZeroU16::get),
            max_voices: self.max_voices.map_or(12, |count| usize::from(count.get())),
            camera_codec: self.camera_codec.unwrap_or(CameraCodec::Vp8),
            incident_recipient: self
                .incident_recipient
                .filter(|recipient| !recipient.is_empty())
                .map(check_recipient)
                .transpose()?,
            incident_days: self.incident_days.map_or(365, NonZeroU16::get),
            journal_days: self.journal_days.map_or(180, NonZeroU16::get),
            recording,
            max_live_rooms: usize::from(max_live_rooms),
            drain_max: Duration::from_secs(u64::from(drain_max) * 60),
            log_level: self.log_level.unwrap_or(LogLevel::Info),
            log_format: self.log_format.unwrap_or(LogFormat::Text),
            controller: self.controller,
            is_trial,
            has_transfers,
            warnings,
        })
    }
}

/// Longest `drain_max`: a day. Longer, and an update waits for a meeting that somebody forgot to leave.
const MAX_DRAIN_MINUTES: u16 = 24 * 60;

/// Takes a recipient of age (age-encryption.org/v1): 32 bytes as Bech32 (BIP 173), in small letters.
fn check_recipient(text: String) -> Result<String, ConfigError> {
    let parsed = CheckedHrpstring::new::<Bech32>(&text).ok();
    let is_age =
        parsed.is_some_and(|it| it.hrp().as_str() == "age" && it.byte_iter().count() == 32);
    let is_small = !text.contains(|c: char| c.is_ascii_uppercase());
    (is_age && is_small).then_some(text).ok_or(ConfigError::IncidentRecipient)
}

#[cfg(test)]
mod tests;
