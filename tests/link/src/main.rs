//! A poor network for whoever drives it by lines of text. It prints one line of JSON: `enter`, the
//! words to put before a command so that it runs behind the network, `near` and `far`, the
//! addresses outside and inside. Then it answers each line of its input with one of JSON: `out
//! LINK` and `in LINK` change a direction, `counts` tells what passed. It ends, and leaves nothing
//! behind, when its input does.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::process::ExitCode;

use clap::Parser;
use link_emulator::{Direction, Emulator, Link, LinkError, Links};
use serde_json::{Value, json};

/// Puts programs behind a poor network.
#[derive(Debug, Parser)]
#[command(name = "link-emulator", version)]
struct CommandLine {
    /// What happens to packets that come out of the namespace, such as "rates = [[0, 300]],
    /// delay_ms = 20, jitter_ms = 5, loss_percent = 1, duplicate_percent = 1, reorder_percent = 1"
    #[arg(long, value_name = "LINK", default_value = "")]
    out: Link,
    /// What happens to packets that go in
    #[arg(long = "in", value_name = "LINK", default_value = "")]
    into: Link,
    /// Decides everything that is left to chance
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let CommandLine { out, into, seed } = CommandLine::parse();
    let emulator = match Emulator::start(Links { out, into }, BTreeMap::new(), seed) {
        Ok(emulator) => emulator,
        Err(error) => {
            // Where there is nobody to tell, the exit code still says it.
            let _ = writeln!(std::io::stderr(), "link-emulator: {error}");
            return ExitCode::from(2);
        }
    };
    let near = emulator.address(0);
    say(&json!({ "enter": emulator.enter(), "near": near, "far": emulator.far() }));
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        say(&answer(&emulator, line.trim()));
    }
    ExitCode::SUCCESS
}

fn answer(emulator: &Emulator, line: &str) -> Value {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let change = |direction| match rest.parse() {
        Ok(link) => {
            emulator.change(direction, link);
            json!({})
        }
        Err(error) => json!({ "error": LinkError::to_string(&error) }),
    };
    match word {
        "out" => change(Direction::Out),
        "in" => change(Direction::In),
        "counts" => json!(emulator.counts()),
        _ => json!({ "error": "lines begin with out, in or counts" }),
    }
}

fn say(value: &Value) {
    let mut out = std::io::stdout();
    // Whoever reads no more will end the input as well.
    let _ = writeln!(out, "{value}").and_then(|()| out.flush());
}
