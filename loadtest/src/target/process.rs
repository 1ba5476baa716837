//! Servers that this program starts itself, and on which processor cores everything runs.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::TargetError;

/// A started server, killed when this is dropped. Its data folder goes with it.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    child: Child,
    _folder: TempDir,
}

/// Where a server runs.
#[derive(Debug)]
pub(crate) struct Ground<'a> {
    /// Processor cores it may use, such as `0` or `0-2`.
    pub(crate) cores: Option<&'a str>,
    /// What puts a command into its network namespace.
    pub(crate) enter: Vec<String>,
    /// Where it listens.
    pub(crate) address: Ipv4Addr,
}

impl ServerProcess {
    /// Starts a Préau server on free ports; gives its address: the plain one where it runs on
    /// loopback.
    pub(crate) fn preau(
        program: &Path,
        ground: &Ground<'_>,
    ) -> Result<(Self, String), TargetError> {
        let name = program.display().to_string();
        let failed = |why: String| TargetError::Start(name.clone(), why);
        let folder = tempfile::tempdir().map_err(|error| failed(error.to_string()))?;
        let mut command = ground.command(program);
        let address = ground.address.to_string();
        command
            .args(["serve", "--local-http=0", "--https-port", "0", "--media-port", "0"])
            .args(["--metrics-port", "0", "--listen", &address])
            .args(["--public-address", &address, "--log-level", "warn", "--data"])
            .arg(folder.path())
            .stdout(Stdio::piped());
        let (process, said) = Self::start(command, folder, &name)?;
        let url = said.into_iter().find_map(|line| {
            let scheme = if ground.address.is_loopback() { "http://" } else { "https://" };
            line.split_whitespace().find(|word| word.starts_with(scheme)).map(str::to_owned)
        });
        Ok((process, url.ok_or_else(|| failed("it says no address".to_owned()))?))
    }

    /// Starts Janus of the Debian package on free ports, with one event loop for each core it may
    /// use, which is its fair configuration; gives the address of its interface.
    pub(crate) fn janus(ground: &Ground<'_>) -> Result<(Self, String), TargetError> {
        let failed = |why: String| TargetError::Start("janus".to_owned(), why);
        let io = |error: std::io::Error| failed(error.to_string());
        let folder = tempfile::tempdir().map_err(io)?;
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let port = port.map_err(io)?.port();
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
        Ok((Self { child, _folder: folder }, format!("http://{}:{port}", ground.address)))
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

impl Ground<'_> {
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
