//! A network namespace without a name, held by one sleeping program that ends with us: whatever
//! becomes of this process, nothing of it is left behind.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use thiserror::Error;

/// Why there is no namespace, or no road into it.
#[derive(Debug, Error)]
pub enum NamespaceError {
    /// A right or a program is missing.
    #[error(
        "a poor network cannot be made here ({0} says: {1}); it takes root, /dev/net/tun, and the programs unshare, nsenter and ip"
    )]
    Missing(&'static str, String),
    /// All address blocks are in use.
    #[error("all address blocks of 198.18.0.0/15 are in use on this machine")]
    NoBlock,
    /// A participant beyond those that can be told apart.
    #[error("a poor network holds {0} participants at most")]
    TooMany(usize),
}

/// The namespace; gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Namespace {
    holder: Child,
}

impl Namespace {
    pub(crate) fn create() -> Result<Self, NamespaceError> {
        let missing = |why: String| NamespaceError::Missing("unshare", why);
        // It reads until its input ends, which is when this process does.
        let mut holder = Command::new("unshare")
            .args(["--net", "sh", "-c", "echo ready && exec cat >/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| missing(error.to_string()))?;
        let mut ready = String::new();
        let output = holder.stdout.take().expect("it is piped");
        if BufReader::new(output).read_line(&mut ready).is_ok() && ready == "ready\n" {
            return Ok(Self { holder });
        }
        let said = holder.wait_with_output().map_err(|error| missing(error.to_string()))?;
        Err(missing(String::from_utf8_lossy(&said.stderr).trim().to_owned()))
    }

    /// Its process, which names the namespace to other programs.
    pub(crate) fn pid(&self) -> u32 {
        self.holder.id()
    }

    /// What to put before a command so that it runs inside.
    pub(crate) fn enter(&self) -> Vec<String> {
        ["nsenter", "--target", &self.pid().to_string(), "--net"].map(str::to_owned).to_vec()
    }

    /// Runs commands of iproute2 inside.
    pub(crate) fn ip(&self, lines: &str) -> Result<(), NamespaceError> {
        let enter = self.enter();
        let mut command = Command::new(&enter[0]);
        command.args(&enter[1..]).arg("ip");
        batch(command, lines)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // It may have been ended by somebody else.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// Runs commands of iproute2 on this machine.
pub(crate) fn ip(lines: &str) -> Result<(), NamespaceError> {
    batch(Command::new("ip"), lines)
}

fn batch(mut command: Command, lines: &str) -> Result<(), NamespaceError> {
    let missing = |why: String| NamespaceError::Missing("ip", why);
    let mut child = command
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| missing(error.to_string()))?;
    let mut input = child.stdin.take().expect("it is piped");
    // When it ends early its own words say why.
    let _ = input.write_all(lines.as_bytes());
    drop(input);
    let output = child.wait_with_output().map_err(|error| missing(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(missing(said.lines().next().unwrap_or("nothing").to_owned()))
}
