//! How long a server takes from its start to its first answer, configured and filled as one in use.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::certificates::Authority;
use crate::command::preau;
use crate::harness::ask;
use crate::process::Process;

/// The goal is one second, and a release on an idle machine takes a tenth of it. A program that is not
/// optimised, beside other tests, may take this long; what waits for a network or a clock takes longer.
const AT_MOST: Duration = Duration::from_secs(5);

/// Rooms of a school.
const ROOMS: usize = 20;

#[tokio::test]
async fn a_server_in_use_answers_at_once_after_it_was_started() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("preau.toml");
    std::fs::write(&file, configuration(folder.path())).unwrap();
    let config = ["--config", file.to_str().unwrap()];
    let data = folder.path().to_str().unwrap().to_owned();
    let first = Process::start(folder, &config);
    for _ in 0..ROOMS {
        let made = preau(&[&["room", "create", "--data", &data], &config[..]].concat());
        assert!(made.status.success(), "{made:?}");
    }
    first.signal(Signal::TERM);
    let (_, folder) = first.end().await;

    let began = Instant::now();
    let again = Process::start(folder, &config);
    let answer = ask(again.http(), "GET", "/readyz", "", &[]).await;
    let took = began.elapsed();
    assert_eq!(answer.status, 200);
    eprintln!("started and ready after {} ms", took.as_millis());
    assert!(took < AT_MOST, "{took:?}");
    again.signal(Signal::TERM);
    again.end().await;
}

/// The example of `deploy`, filled in, with the certificate in files.
fn configuration(folder: &Path) -> String {
    let authority = Authority::new();
    let [certificate, key] = authority.issue(&["visio.example"], 90);
    let files = ["fullchain.pem", "privkey.pem"].map(|name| folder.join(name));
    std::fs::write(&files[0], certificate + &authority.pem).unwrap();
    std::fs::write(&files[1], key).unwrap();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/config.example.toml");
    let tls =
        format!("tls = \"files\"\ntls_certificate = {:?}\ntls_key = {:?}", files[0], files[1]);
    std::fs::read_to_string(example)
        .unwrap()
        .replacen("share_origin = \"\"", "share_origin = \"https://visio.example\"", 1)
        .replacen("tls = \"local-authority\"", &tls, 1)
        .replace(" = \"\"", " = \"FR\"")
}
