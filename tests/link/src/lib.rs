//! A poor network that any program can be put behind: a network namespace, joined to this machine
//! by two TUN devices, between which every packet passes a seeded link.

mod emulator;
mod link;
mod namespace;

pub use emulator::{Count, Counts, Direction, Emulator, Links};
pub use link::{Link, LinkError, Passes, Wire};
pub use namespace::NamespaceError;
