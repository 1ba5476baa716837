//! Servers that this program starts itself, and on which processor cores everything runs.

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use tempfile::TempDir;

use super::TargetError;

/// A started server, killed when this is dropped. Its data folder goes with it.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    child: Child,
    folder: TempDir,
}

/// Where a server runs, and how.
#[derive(Debug)]
pub(crate) struct Ground<'a> {
    /// Processor cores it may use, such as `0` or `0-2`.
    pub(crate) cores: Option<&'a str>,
    /// What puts a command into its network namespace.
    pub(crate) enter: Vec<String>,
    /// Where it listens.
    pub(crate) address: IpAddr,
    /// At which port for pages and for media; at free ones with 0.
    pub(crate) port: u16,
    /// Where its metrics are; at a free port with 0.
    pub(crate) metrics_port: u16,
    /// What else is said on its command line.
    pub(crate) options: Vec<String>,
    /// Variables of its environment.
    pub(crate) environment: Vec<(&'static str, String)>,
}

impl ServerProcess {
    /// Starts a Préau server; gives its address: the plain one where it runs on loopback.
    pub(crate) fn preau(
        program: &Path,
        ground: &Ground<'_>,
    ) -> Result<(Self, String), TargetError> {
        let failed = |why: String| TargetError::Start(program.display().to_string(), why);
        let folder = tempfile::tempdir().map_err(|error| failed(error.to_string()))?;
        let (child, said) = Self::start(ground.preau(program, folder.path()), program)?;
        let scheme = if ground.address == Ipv4Addr::LOCALHOST { "http://" } else { "https://" };
        let url = said.iter().flat_map(|line| line.split_whitespace());
        let url = url.into_iter().find(|word| word.starts_with(scheme)).map(str::to_owned);
        let process = Self { child, folder };
        Ok((process, url.ok_or_else(|| failed("it says no address".to_owned()))?))
    }

    /// Starts a Préau server again with the data of this one, which has ended or is killed; done once
    /// it listens.
    pub(crate) fn again(&mut self, program: &Path, ground: &Ground<'_>) -> Result<(), TargetError> {
        self.kill();
        self.child = Self::start(ground.preau(program, self.folder.path()), program)?.0;
        Ok(())
    }

    /// Starts Janus of the Debian package on free ports, with one event loop for each core it may
    /// use, which is its fair configuration; gives the address of its interface.
    pub(crate) fn janus(ground: &Ground<'_>) -> Result<(Self, String), TargetError> {
        let failed = |why: String| TargetError::Start("janus".to_owned(), why);
        let io = |error: std::io::Error| failed(error.to_string());
        let folder = tempfile::tempdir().map_err(io)?;
        let port = free_port().map_err(io)?;
        for (name, text) in JANUS_FILES {
            let text = text
                .replace("EVENT_LOOPS", &count(ground.cores).to_string())
                .replace("ADDRESS", &ground.address.to_string())
                .replace("PORT", &port.to_string());
            std::fs::write(folder.path().join(name), text).map_err(io)?;
        }
        let mut command = ground.command(Path::new("janus"));
        command.arg("--configs-folder").arg(folder.path());
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed(format!("{error}: apt-get install janus")))?;
        let deadline = Instant::now() + START;
        while TcpStream::connect((ground.address, port)).is_err() {
            let has_ended = child.try_wait().map_err(io)?.is_some();
            if has_ended || Instant::now() > deadline {
                // It may have ended by itself.
                let _ = child.kill();
                return Err(failed("it does not listen: apt-get install janus".to_owned()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok((Self { child, folder }, format!("http://{}:{port}", ground.address)))
    }

    /// Starts a program and waits for its first lines.
    fn start(mut command: Command, name: &Path) -> Result<(Child, Vec<String>), TargetError> {
        let failed = |why: String| TargetError::Start(name.display().to_string(), why);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let output = child.stdout.take().expect("it is piped");
        let (lines, heard) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // Nobody listens any more once it has started.
                let _ = lines.send(line);
            }
        });
        let Ok(first) = heard.recv_timeout(START) else {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
            return Err(failed("it ended or said nothing".to_owned()));
        };
        let rest = std::iter::from_fn(|| heard.recv_timeout(Duration::from_millis(50)).ok());
        let said = std::iter::once(first).chain(rest.take(20)).collect();
        Ok((child, said))
    }

    /// Its process number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal. One that has ended gets none.
    pub(crate) fn signal(&self, signal: Signal) {
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }

    /// Bounds what it may have of something from now on; gives what held before.
    pub(crate) fn limit(&self, what: Resource, limit: Rlimit) -> Result<Rlimit, TargetError> {
        prlimit(Some(Pid::from_child(&self.child)), what, limit)
            .map_err(|error| TargetError::Exhausted("rights", error.to_string()))
    }

    /// True once it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

impl<'a> Ground<'a> {
    /// On this machine, at this address and free ports.
    pub(crate) fn at(address: impl Into<IpAddr>) -> Self {
        Self {
            cores: None,
            enter: Vec::new(),
            address: address.into(),
            port: 0,
            metrics_port: 0,
            options: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// What starts a Préau server there.
    fn preau(&self, program: &Path, folder: &Path) -> Command {
        let (address, port) = (self.address.to_string(), self.port.to_string());
        let metrics_port = self.metrics_port.to_string();
        let mut command = self.command(program);
        command
            .args(["serve", "--local-http=0", "--https-port", &port, "--media-port", &port])
            .args(["--metrics-port", &metrics_port, "--listen", &address])
            .args(["--public-address", &address, "--log-level", "warn", "--data"])
            .arg(folder)
            .args(&self.options)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// A command that runs there.
    fn command(&self, program: &Path) -> Command {
        let pinned = self.cores.into_iter().flat_map(|cores| ["taskset", "--cpu-list", cores]);
        let before: Vec<&str> = self.enter.iter().map(String::as_str).chain(pinned).collect();
        let Some((first, rest)) = before.split_first() else { return Command::new(program) };
        let mut command = Command::new(first);
        command.args(rest).arg(program);
        command
    }
}

/// A port of loopback where nobody listens.
pub(crate) fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
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

/// How many cores a list such as `0,2-3` names; 1 without a list.
fn count(cores: Option<&str>) -> usize {
    let part = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| text.trim().parse::<usize>().ok();
        number(last).zip(number(first)).map_or(1, |(last, first)| last.saturating_sub(first) + 1)
    };
    cores.map_or(1, |cores| cores.split(',').map(part).sum())
}

/// Its configuration: nothing but the plugin and the interface that are used, no candidates to
/// gather beyond its own addresses.
const JANUS_FILES: [(&str, &str); 3] = [
    (
        "janus.jcfg",
        "general: { debug_level = 2; event_loops = EVENT_LOOPS; server_name = \"loadtest\" }\n\
         media: { ipv6 = false; rtp_port_range = \"20000-40000\" }\n\
         nat: { ice_lite = false; ice_tcp = false; full_trickle = false; \
         ice_enforce_list = \"ADDRESS\" }\n\
         plugins: { disable = \"libjanus_audiobridge.so,libjanus_echotest.so,\
         libjanus_recordplay.so,libjanus_sip.so,libjanus_nosip.so,libjanus_streaming.so,\
         libjanus_voicemail.so,libjanus_videocall.so,libjanus_textroom.so,libjanus_lua.so,\
         libjanus_duktape.so\" }\n\
         transports: { disable = \"libjanus_mqtt.so,libjanus_nanomsg.so,libjanus_pfunix.so,\
         libjanus_rabbitmq.so,libjanus_websockets.so\" }\n",
    ),
    (
        "janus.transport.http.jcfg",
        "general: { json = \"compact\"; base_path = \"/janus\"; http = true; port = PORT; \
         ip = \"ADDRESS\"; https = false }\nadmin: { admin_http = false }\n",
    ),
    ("janus.plugin.videoroom.jcfg", "general: { }\n"),
];

/// A server that says nothing for so long does not start.
const START: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_counted() {
        assert_eq!([None, Some("3"), Some("0-2"), Some("0,2-3")].map(count), [1, 1, 3, 3]);
    }
}
