//! Configuration: one TOML file, the environment over it, flags over both, one checked struct out
//! of the three.

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};

use bech32::Bech32;
use bech32::primitives::decode::CheckedHrpstring;
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use sfu::CodecKind;
use thiserror::Error;

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
    /// Not a web origin.
    #[error("share_origin must be an origin such as https://visio.example.org, without a path")]
    ShareOrigin,
    /// Not a public key of age.
    #[error(
        "incident_recipient must be a public key of age, age1 and 58 more characters, as age-keygen prints it"
    )]
    IncidentRecipient,
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
    /// Address at which browsers reach the media port; repeat it for several
    #[arg(long = "public-address", value_name = "ADDRESS", env = "PREAU_PUBLIC_ADDRESSES")]
    #[arg(value_delimiter = ',')]
    pub public_addresses: Option<Vec<IpAddr>>,
    /// Origin in links made on this machine, such as `https://visio.example.org`
    #[arg(long, value_name = "ORIGIN", env = "PREAU_SHARE_ORIGIN")]
    pub share_origin: Option<String>,
    /// Certificate chain (PEM) of a public name, in place of the local authority
    #[arg(long, value_name = "FILE", env = "PREAU_TLS_CERTIFICATE")]
    pub tls_certificate: Option<PathBuf>,
    /// Private key (PEM) of that certificate
    #[arg(long, value_name = "FILE", env = "PREAU_TLS_KEY")]
    pub tls_key: Option<PathBuf>,
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
    /// Most rooms with somebody in them at once
    #[arg(long, value_name = "NUMBER", env = "PREAU_MAX_LIVE_ROOMS")]
    pub max_live_rooms: Option<NonZeroU16>,
    /// How much is logged
    #[arg(long, value_name = "LEVEL", env = "PREAU_LOG_LEVEL")]
    pub log_level: Option<LogLevel>,
    /// How log lines look
    #[arg(long, value_name = "FORMAT", env = "PREAU_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
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
    /// Addresses at which browsers reach the media port; `None` means those of the interfaces.
    pub public_addresses: Option<Vec<IpAddr>>,
    /// Origin in links made on this machine; `None` means the first address of the network.
    pub share_origin: Option<String>,
    /// Certificate and key files in place of the local authority.
    pub tls_files: Option<(PathBuf, PathBuf)>,
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
    /// Most live rooms.
    pub max_live_rooms: usize,
    /// How much is logged.
    pub log_level: LogLevel,
    /// How log lines look.
    pub log_format: LogFormat,
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
        toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start).min(text.len());
            let line = text.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count() + 1;
            let problem = error.message().to_owned();
            ConfigError::Invalid { file: file.to_owned(), line, problem }
        })
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
            tls_certificate: self.tls_certificate.or(other.tls_certificate),
            tls_key: self.tls_key.or(other.tls_key),
            host_pass_required: self.host_pass_required.or(other.host_pass_required),
            room_days: self.room_days.or(other.room_days),
            max_participants: self.max_participants.or(other.max_participants),
            max_voices: self.max_voices.or(other.max_voices),
            camera_codec: self.camera_codec.or(other.camera_codec),
            incident_recipient: self.incident_recipient.or(other.incident_recipient),
            incident_days: self.incident_days.or(other.incident_days),
            max_live_rooms: self.max_live_rooms.or(other.max_live_rooms),
            log_level: self.log_level.or(other.log_level),
            log_format: self.log_format.or(other.log_format),
        }
    }

    /// Checks, and fills in the defaults.
    pub fn check(self) -> Result<Config, ConfigError> {
        let tls_files = match (self.tls_certificate, self.tls_key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(ConfigError::HalfCertificate),
        };
        let media_workers = self.media_workers.map_or(1, |count| usize::from(count.get()));
        if media_workers > sfu::MAX_WORKERS {
            return Err(ConfigError::TooManyWorkers);
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
            public_addresses: self.public_addresses.filter(|addresses| !addresses.is_empty()),
            share_origin: self
                .share_origin
                .as_deref()
                .filter(|origin| !origin.is_empty())
                .map(check_origin)
                .transpose()?,
            tls_files,
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
            max_live_rooms: usize::from(max_live_rooms),
            log_level: self.log_level.unwrap_or(LogLevel::Info),
            log_format: self.log_format.unwrap_or(LogFormat::Text),
        })
    }
}

/// Takes a recipient of age (age-encryption.org/v1): 32 bytes as Bech32 (BIP 173), in small letters.
fn check_recipient(text: String) -> Result<String, ConfigError> {
    let parsed = CheckedHrpstring::new::<Bech32>(&text).ok();
    let is_age =
        parsed.is_some_and(|it| it.hrp().as_str() == "age" && it.byte_iter().count() == 32);
    let is_small = !text.contains(|c: char| c.is_ascii_uppercase());
    (is_age && is_small).then_some(text).ok_or(ConfigError::IncidentRecipient)
}

/// Takes `https://host[:port]`, with or without a slash at its end.
fn check_origin(text: &str) -> Result<String, ConfigError> {
    let origin = text.strip_suffix('/').unwrap_or(text);
    let uri: axum::http::Uri = origin.parse().map_err(|_| ConfigError::ShareOrigin)?;
    let is_origin = matches!(uri.scheme_str(), Some("https" | "http"))
        && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
        && uri.path() == "/"
        && !origin.ends_with('/')
        && uri.query().is_none();
    is_origin.then(|| origin.to_ascii_lowercase()).ok_or(ConfigError::ShareOrigin)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../deploy/config.example.toml");

    fn parse(text: &str) -> Result<Settings, ConfigError> {
        Settings::parse(text, Path::new("preau.toml"))
    }

    #[test]
    fn the_example_documents_every_key_and_says_the_true_defaults() {
        let is_key = |line: &&str| line.starts_with('#') && line.contains(" = ");
        let uncommented: String =
            EXAMPLE.lines().filter(is_key).flat_map(|line| [line[1..].trim(), "\n"]).collect();
        let documented = parse(&uncommented).unwrap();
        let keys = serde_json::to_value(&documented).unwrap();
        let keys = keys.as_object().unwrap();
        let missing: Vec<_> = keys.iter().filter(|(_, value)| value.is_null()).collect();
        assert!(missing.is_empty(), "not in the example: {missing:?}");
        assert!(parse(EXAMPLE).unwrap().check().is_ok(), "the example itself starts a server");

        let (said, real) = (documented.check().unwrap(), Settings::default().check().unwrap());
        assert_eq!(said.data_dir, PathBuf::from("/var/lib/preau"));
        assert_eq!(said.listen_address, real.listen_address);
        assert_eq!(said.https_port, real.https_port);
        assert_eq!(said.media_port, real.media_port);
        assert_eq!(said.media_workers, real.media_workers);
        assert_eq!(said.metrics_port, real.metrics_port);
        assert_eq!(said.host_pass_required, real.host_pass_required);
        assert_eq!(said.room_days, real.room_days);
        assert_eq!(said.max_participants, real.max_participants);
        assert_eq!(said.max_voices, real.max_voices);
        assert_eq!(said.camera_codec, real.camera_codec);
        assert_eq!(said.incident_days, real.incident_days);
        assert_eq!(real.incident_recipient, None);
        assert_eq!(said.max_live_rooms, real.max_live_rooms);
        assert_eq!(said.log_level, real.log_level);
        assert_eq!(said.log_format, real.log_format);
        assert_eq!(real.http_port, None, "plain http only when asked for");
    }

    #[test]
    fn workers_are_bounded() {
        let workers = |count| parse(&format!("media_workers = {count}")).unwrap().check();
        assert_eq!(workers(16).unwrap().media_workers, 16);
        assert_eq!(workers(17).unwrap_err().to_string(), "media_workers is at most 16");
    }

    #[test]
    fn unknown_keys_and_bad_values_are_refused_with_their_line() {
        let cases = [
            ("https_port = 1\nhtps_port = 2\n", "preau.toml:2: unknown field `htps_port`"),
            ("\n\n\nhttps_port = 70000\n", "preau.toml:4: "),
            ("room_days = 0", "preau.toml:1: "),
            ("public_addresses = [\n  \"192.0.2.1\",\n  \"here\",\n]", "preau.toml:"),
            ("log_level = \"loud\"", "preau.toml:1: unknown variant `loud`"),
            ("https_port", "preau.toml:1: "),
        ];
        for (text, start) in cases {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with(start), "{error:?} for {text:?}");
        }
    }

    #[test]
    fn what_stands_first_wins() {
        let flags = parse("https_port = 1").unwrap();
        let config = flags.or(parse("https_port = 2\nroom_days = 3").unwrap()).check().unwrap();
        assert_eq!((config.https_port, config.media_port, config.room_days), (1, 1, 3));
    }

    #[test]
    fn a_recipient_with_a_typing_error_stops_the_start() {
        let check = |text: &str| parse(&format!("incident_recipient = {text:?}")).unwrap().check();
        let good = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
        assert_eq!(check(good).unwrap().incident_recipient.as_deref(), Some(good));
        assert_eq!(check("").unwrap().incident_recipient, None, "as an empty variable gives it");
        let swapped = good.replace("ql3z", "q3lz");
        let bad = [&swapped, &good.to_uppercase(), &good[..61], &format!("{good}q"), "age1", "a"];
        // Of the same alphabet, with a good checksum, and no key of age.
        let others = ["bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "A12UEL5L", "a12uel5l"];
        for text in bad.into_iter().chain(others) {
            assert!(matches!(check(text), Err(ConfigError::IncidentRecipient)), "{text}");
        }
    }

    #[test]
    fn half_a_certificate_and_strange_origins_are_refused() {
        let half = parse("tls_key = \"key.pem\"").unwrap().check();
        assert!(matches!(half, Err(ConfigError::HalfCertificate)));
        let origin = |text: &str| {
            parse(&format!("share_origin = {text:?}")).unwrap().check().map(|c| c.share_origin)
        };
        assert_eq!(
            origin("https://Visio.example:8443/").unwrap(),
            Some("https://visio.example:8443".into())
        );
        assert_eq!(origin("").unwrap(), None, "as an empty environment variable gives it");
        for text in
            ["visio.example", "ftp://a", "https://a/b", "https://u@a", "https://a?b", "https://a//"]
        {
            assert!(origin(text).is_err(), "{text}");
        }
    }
}
