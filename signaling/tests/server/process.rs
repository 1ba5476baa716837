//! `preau serve` as a process of its own, which knows no time but the machine's.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::command::{preau, room_of, text};
use crate::harness::{Browser, in_time, join, try_connect_to};

/// One, on free ports; what it keeps lies in `folder`.
pub(crate) struct Process {
    child: Child,
    output: BufReader<ChildStdout>,
    port: u16,
    folder: TempDir,
}

impl Process {
    /// Starts it with more arguments, and waits until it says where it is reached.
    pub(crate) fn start(folder: TempDir, more: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_preau"));
        command.args(["serve", "--listen", "127.0.0.1", "--public-address", "127.0.0.1"]);
        command.args(["--local-http=0", "--https-port", "0", "--media-port", "0"]);
        command.args(["--metrics-port", "0", "--data"]).arg(folder.path()).args(more);
        command.env_remove("PREAU_CONFIG").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let port = line.strip_prefix("http://localhost:").and_then(|rest| rest.split(' ').next());
        let Some(port) = port else {
            let mut log = String::new();
            child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
            panic!("no port in {line:?}: {log}")
        };
        let port = port.parse().unwrap();
        Self { child, output, port, folder }
    }

    /// Where its pages are on this machine.
    pub(crate) fn http(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Makes a room and enters it.
    pub(crate) async fn teacher(&self) -> Browser {
        let data = self.folder.path().to_str().unwrap();
        let wish = ["room", "create", "--profile", "reunion", "--unencrypted", "--data", data];
        let made = preau(&[&wish[..], &["--share-origin", "https://visio.example"]].concat());
        let room = room_of(&text(&made.stdout), "https://visio.example", None);
        let mut browser = try_connect_to(self.http(), &[]).await.unwrap();
        browser.say(&join(&room, &room.moderator)).await;
        assert_eq!(browser.hear().await["type"], "joined");
        browser
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
    }

    /// Waits for its end, and gives its log and its folder.
    pub(crate) async fn end(mut self) -> (String, TempDir) {
        let wait = tokio::task::spawn_blocking(move || {
            assert!(self.child.wait().unwrap().success());
            let mut log = String::new();
            self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
            self.output.read_to_string(&mut log).unwrap();
            (log, self.folder)
        });
        in_time(wait).await.unwrap()
    }
}
