//! Servers that this program starts itself, and on which processor cores everything runs.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tempfile::TempDir;

use super::TargetError;

/// A started server, killed when this is dropped. Its data folder goes with it.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    child: Child,
    _folder: TempDir,
}

impl ServerProcess {
    /// Starts a Préau server on free loopback ports; gives its plain address.
    pub(crate) fn preau(
        program: &Path,
        cores: Option<&str>,
    ) -> Result<(Self, String), TargetError> {
        let name = program.display().to_string();
        let failed = |why: String| TargetError::Start(name.clone(), why);
        let folder = tempfile::tempdir().map_err(|error| failed(error.to_string()))?;
        let mut command = on_cores(program, cores);
        command
            .args(["serve", "--local-http=0", "--https-port", "0", "--media-port", "0"])
            .args(["--metrics-port", "0", "--listen", "127.0.0.1"])
            .args(["--public-address", "127.0.0.1", "--log-level", "warn", "--data"])
            .arg(folder.path())
            .stdout(Stdio::piped());
        let (process, said) = Self::start(command, folder, &name)?;
        let url = said.into_iter().find_map(|line| {
            line.split_whitespace().find(|word| word.starts_with("http://")).map(str::to_owned)
        });
        Ok((process, url.ok_or_else(|| failed("it says no address".to_owned()))?))
    }

    /// Starts a program and waits for its first lines.
    fn start(
        mut command: Command,
        folder: TempDir,
        name: &str,
    ) -> Result<(Self, Vec<String>), TargetError> {
        let failed = |why: String| TargetError::Start(name.to_owned(), why);
        let mut child = command
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let output = child.stdout.take().expect("it is piped");
        let process = Self { child, _folder: folder };
        let (lines, heard) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // Nobody listens any more once it has started.
                let _ = lines.send(line);
            }
        });
        let first = heard.recv_timeout(START);
        let first = first.map_err(|_| failed("it ended or said nothing".to_owned()))?;
        let rest = std::iter::from_fn(|| heard.recv_timeout(Duration::from_millis(50)).ok());
        let said = std::iter::once(first).chain(rest.take(20)).collect();
        Ok((process, said))
    }

    /// Its process number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that runs on these processor cores only, such as `0` or `0-2`.
fn on_cores(program: &Path, cores: Option<&str>) -> Command {
    match cores {
        Some(cores) => {
            let mut command = Command::new("taskset");
            command.args(["--cpu-list", cores]).arg(program);
            command
        }
        None => Command::new(program),
    }
}

/// Keeps this process to these cores. To be called before it has other threads.
pub(crate) fn pin_self(cores: &str) -> Result<(), TargetError> {
    let failed = |why: String| TargetError::Start("taskset".to_owned(), why);
    let pid = std::process::id().to_string();
    let output = Command::new("taskset")
        .args(["--pid", "--cpu-list", cores, &pid])
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }
}

/// A server that says nothing for so long does not start.
const START: Duration = Duration::from_secs(10);
