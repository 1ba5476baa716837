//! The command line of the load test.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use loadtest::{CommandLine, execute};

fn main() -> ExitCode {
    match execute(CommandLine::parse()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // Where there is nobody to tell, the exit code still says it.
            let _ = writeln!(std::io::stderr(), "loadtest: {error}");
            ExitCode::from(2)
        }
    }
}
