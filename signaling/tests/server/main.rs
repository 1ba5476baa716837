//! The real server on ports of its own, spoken to as browsers do.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod command;
mod delegation;
mod harness;
mod hostile;
mod incident;
mod join;
mod page;
mod privacy;
mod probe;
mod resume;
mod roles;
mod together;
