//! Préau's load test: synthetic participants that speak only the public protocol, what they
//! measure, and reports about it.

mod clock;
mod command;
mod compare;
mod e2ee;
mod faults;
mod knee;
mod leaks;
pub mod measure;
pub mod media;
mod participant;
mod postmark;
pub mod report;
mod resident;
mod rtp;
mod run;
pub mod scenario;
mod sdp;
mod soak;
pub mod target;

pub use command::{CommandError, CommandLine, execute};
