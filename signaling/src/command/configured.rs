//! Where a command finds the configuration of a server.

use std::path::PathBuf;

use clap::{ArgMatches, Args, Command, Error, FromArgMatches};

use crate::config::{Config, ConfigError, Settings};

/// A configuration file, with flags and environment over it.
#[derive(Debug, Args)]
pub struct Configured {
    /// Configuration file; deploy/config.example.toml explains every key
    #[arg(long, value_name = "FILE", env = "PREAU_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

impl Configured {
    /// What is in force.
    pub(super) fn config(self) -> Result<Config, ConfigError> {
        let file = self.config.as_deref().map(Settings::read).transpose()?;
        self.settings.or(file.unwrap_or_default()).check()
    }
}

/// The same for a command that only reads it: of the flags of `preau serve`, which are taken here too,
/// its help shows none.
#[derive(Debug)]
pub(super) struct Reading(Configured);

impl Reading {
    /// What is in force.
    pub(super) fn config(self) -> Result<Config, ConfigError> {
        self.0.config()
    }
}

impl Args for Reading {
    fn augment_args(command: Command) -> Command {
        let own = command.get_arguments().map(|arg| arg.get_id().clone());
        let shown: Vec<_> = own.chain(["config".into()]).collect();
        Configured::augment_args(command)
            .mut_args(|arg| if shown.contains(arg.get_id()) { arg } else { arg.hide(true) })
            .after_help("Flags of `preau serve` stand over the configuration file here too.")
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Reading {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        Configured::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}

/// Where a server keeps its data.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// Configuration file of the server
    #[arg(long, value_name = "FILE", env = "PREAU_CONFIG")]
    config: Option<PathBuf>,
    /// Data folder of the server
    #[arg(long, value_name = "FOLDER", env = "PREAU_DATA_DIR")]
    data: Option<PathBuf>,
}

impl Place {
    /// What is in force.
    pub(super) fn config(self) -> Result<Config, ConfigError> {
        let settings = Settings { data_dir: self.data, ..Settings::default() };
        Configured { config: self.config, settings }.config()
    }
}

/// Which server is asked whether it is well.
#[derive(Debug, Args)]
pub struct Healthcheck {
    /// Configuration file of the server
    #[arg(long, value_name = "FILE", env = "PREAU_CONFIG")]
    config: Option<PathBuf>,
    /// Port of health and metrics
    #[arg(long, value_name = "PORT", env = "PREAU_METRICS_PORT")]
    metrics_port: Option<u16>,
}

impl Healthcheck {
    /// What is in force.
    pub(super) fn config(self) -> Result<Config, ConfigError> {
        let settings = Settings { metrics_port: self.metrics_port, ..Settings::default() };
        Configured { config: self.config, settings }.config()
    }
}
