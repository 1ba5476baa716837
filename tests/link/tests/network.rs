//! The real thing: a namespace, two devices, and the kernel on both ends. Where the right to make
//! them is missing, that it is said in one sentence.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use link_emulator::{Direction, Emulator, Link, Links, NamespaceError, Passes};

/// A port where nobody listens.
const NOBODY: u16 = 9;

fn start(everybody: Links, of: BTreeMap<usize, Links>) -> Option<Emulator> {
    match Emulator::start(everybody, of, 1) {
        Ok(emulator) => Some(emulator),
        Err(error) => {
            let told = error.to_string();
            assert!(matches!(error, NamespaceError::Missing(..)), "{told}");
            assert!(told.contains("it takes root") && !told.contains('\n'), "{told}");
            None
        }
    }
}

/// Sends to a port where nobody listens; gives how long it took to be told so.
fn knock(emulator: &Emulator, number: usize, patience: Duration) -> Option<Duration> {
    let socket = UdpSocket::bind((emulator.address(number), 0)).expect("the address is ours");
    socket.connect((emulator.far(), NOBODY)).expect("there is a way");
    socket.set_read_timeout(Some(patience)).expect("it is not zero");
    let begin = Instant::now();
    socket.send(b"is anybody there?").expect("it can be sent");
    match socket.recv(&mut [0; 8]) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Some(begin.elapsed()),
        _ => None,
    }
}

#[test]
fn packets_pass_as_late_as_their_links_say_and_nothing_is_left_behind() {
    let everybody = Links {
        out: Link { delay_ms: 20.0, ..Link::default() },
        into: Link { delay_ms: 30.0, ..Link::default() },
    };
    let deaf = Links { into: Link { loss_percent: 100.0, ..Link::default() }, ..Links::default() };
    let Some(emulator) = start(everybody, BTreeMap::from([(7, deaf)])) else { return };

    let took = knock(&emulator, 0, Duration::from_secs(10)).expect("the kernel answers");
    assert!(took >= Duration::from_millis(50), "{took:?} is less than both delays");
    let counts = emulator.counts();
    assert_eq!((counts.into.packets, counts.out.packets), (1, 1));
    assert_eq!(counts.into.bytes, 20 + 8 + 17, "headers count");

    assert_eq!(
        knock(&emulator, 7, Duration::from_millis(200)),
        None,
        "all of its packets are lost"
    );
    assert_eq!(emulator.counts().into.lost, 1);

    emulator.change(Direction::In, Link::default());
    emulator.change(Direction::Out, Link::default());
    assert!(knock(&emulator, 7, Duration::from_secs(10)).is_some(), "links can be changed");
    let filtered = Link { passes: Passes::WithoutUdp, ..Link::default() };
    emulator.change_of(7, Direction::In, filtered);
    assert_eq!(knock(&emulator, 7, Duration::from_millis(200)), None, "one alone is filtered");
    assert!(knock(&emulator, 8, Duration::from_secs(10)).is_some(), "the others are not");
    emulator.set_mtu(1_280).expect("the devices are ours");
    assert!(knock(&emulator, 8, Duration::from_secs(10)).is_some());

    let address = emulator.address(7);
    let holder = emulator.enter()[2].clone();
    drop(emulator);
    let gone = UdpSocket::bind((address, 0)).map_err(|error| error.kind());
    assert_eq!(gone.err(), Some(ErrorKind::AddrNotAvailable));
    assert!(!std::path::Path::new("/proc").join(holder).exists(), "its namespace is gone");
}

#[test]
fn a_killed_program_leaves_nothing_behind() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_link-emulator"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program was built");
    let mut line = String::new();
    let mut output = std::io::BufReader::new(child.stdout.take().expect("it is piped"));
    std::io::BufRead::read_line(&mut output, &mut line).expect("it is text");
    if line.is_empty() {
        let ended = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(2), "{said}");
        assert!(said.contains("it takes root"), "{said}");
        return;
    }
    let told: serde_json::Value = serde_json::from_str(&line).expect("it prints JSON");
    let near = told["near"].as_str().expect("an address").to_owned();
    assert!(UdpSocket::bind((&near[..], 0)).is_ok());
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    // Its devices go with its descriptors.
    let gone = UdpSocket::bind((&near[..], 0)).map_err(|error| error.kind());
    assert_eq!(gone.err(), Some(ErrorKind::AddrNotAvailable));
}
