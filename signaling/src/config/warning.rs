//! [`Warning`]: what is likely not meant as it stands. The server starts all the same: whoever starts one
//! far away could not correct it. `crate::doctor` has the sentence and the cure of each.

use std::fmt;
use std::path::PathBuf;

use crate::addresses::Wrong;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Warning {
    /// An entry of `public_addresses` that no browser could reach.
    Address(Place, Wrong),
    /// One entry more than this.
    TooManyAddresses(Place, usize),
    /// A proxy ends https, and nobody says under which name.
    ProxyUnnamed,
    /// A proxy on another machine is not believed when it says who asks.
    ProxyNotTrusted,
}

/// Where an entry of `public_addresses` stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// File and line; `None` where it came by a flag or the environment.
    pub(crate) line: Option<(PathBuf, usize)>,
    /// Counted from 1.
    pub(crate) number: usize,
}

impl Place {
    /// File and line, or what else it was given by.
    pub(crate) fn given(&self) -> String {
        match &self.line {
            Some((file, line)) => format!("{}:{line}", file.display()),
            None => "--public-address (PREAU_PUBLIC_ADDRESSES)".to_owned(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: entry {} of public_addresses", self.given(), self.number)
    }
}
