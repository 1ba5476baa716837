//! The binary `preau`.

use std::alloc::System;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use signaling::Command;
use zeroizing_alloc::ZeroAlloc;

/// Overwrites memory when it is given back, so that nothing personal outlives its owner in buffers
/// of ours or of a library.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

/// Video meetings for schools, without accounts or traces
#[derive(Debug, Parser)]
#[command(name = "preau", version, long_version = VERSION_AND_PAGES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// The hash of the pages inside is on a second line, to be compared with that of a release.
const VERSION_AND_PAGES: &str =
    concat!(env!("CARGO_PKG_VERSION"), "\npages sha256 ", env!("PREAU_PAGES_SHA256"));

fn main() -> ExitCode {
    match signaling::run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without a place to write to, the exit code says it all.
            let _ = writeln!(std::io::stderr(), "preau: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
