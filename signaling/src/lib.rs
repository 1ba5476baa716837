//! The server of Préau: pages, signaling, and the door to the media plane. [`Server`] runs it
//! all; the binary `preau` is a thin shell around it.

mod addresses;
mod app;
mod assets;
mod clock;
mod command;
mod config;
mod delegation;
mod http;
mod incidents;
mod limits;
mod listen;
mod live_room;
mod log;
mod media;
mod metrics;
mod registry;
mod request;
mod secret;
mod server;
mod store;
mod tls;
mod token;
mod websocket;

pub use assets::{Asset, Assets};
pub use clock::{Clock, ClockHand};
pub use command::{Command, CommandError, run};
pub use config::{Config, ConfigError, LogFormat, LogLevel, Settings};
pub use log::subscriber as log_subscriber;
pub use server::{Addresses, Server, StartError};
pub use tls::TlsError;
