//! The real server on ports of its own, spoken to as browsers do.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod acme;
mod addresses;
mod archive_command;
mod backup;
mod certificates;
mod check;
mod command;
mod delegation;
mod deploy;
mod doctor;
mod drain;
mod encryption;
mod harness;
mod hostile;
mod incident;
mod inventory;
mod join;
mod notice;
mod page;
mod privacy;
mod probe;
mod process;
mod proxy;
mod recording;
mod relay;
mod resume;
mod roles;
mod slow;
mod startup;
mod together;
