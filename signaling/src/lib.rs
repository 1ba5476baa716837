//! The server of Préau: pages, signaling, and the door to the media plane. [`Server`] runs it
//! all; the binary `preau` is a thin shell around it.

mod addresses;
mod allowance;
mod app;
mod assets;
mod authority;
mod backup;
mod clock;
mod command;
mod config;
mod delegation;
mod doctor;
mod http;
mod incidents;
mod limits;
mod listen;
mod live_room;
mod log;
mod media;
mod metrics;
mod notice;
pub mod outside;
mod papers;
mod privacy_check;
mod proxy;
mod recordings;
mod registry;
mod relay;
mod request;
mod secret;
mod server;
mod store;
mod tls;
mod token;
mod websocket;

pub use addresses::{PublicAddress, PublicEntry};
pub use assets::{Asset, Assets};
pub use backup::BackupError;
pub use clock::{Clock, ClockHand};
pub use command::{Command, CommandError, run};
pub use config::{
    AcmeSettings, Config, ConfigError, Controller, Country, Filled, LogFormat, LogLevel,
    ProxySettings, Recording, RecordingRecipient, RecordingSettings, Settings, Tls, TlsMode,
};
pub use log::subscriber as log_subscriber;
pub use papers::PaperError;
pub use proxy::Network;
pub use server::{Addresses, Server, StartError};
pub use tls::TlsError;
