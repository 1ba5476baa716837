//! The binary `preau`.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use signaling::Command;

/// Video meetings for schools, without accounts or traces
#[derive(Debug, Parser)]
#[command(name = "preau", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

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
