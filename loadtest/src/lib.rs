//! Préau's load test: synthetic participants that speak only the public protocol, what they
//! measure, and reports about it.

mod clock;
mod command;
mod compare;
mod e2ee;
mod knee;
pub mod measure;
pub mod media;
mod participant;
mod postmark;
pub mod report;
mod rtp;
mod run;
pub mod scenario;
mod sdp;
pub mod target;

pub use command::{CommandError, CommandLine, execute};
