//! `preau backup` of a running server, and `preau restore` for another one.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::json;

use crate::command::{preau, text};
use crate::harness::{TestServer, join, with};

/// The server that finds a backup restored in its folder.
async fn restored(file: &Path) -> TestServer {
    let folder = tempfile::tempdir().unwrap();
    let place = ["--data", folder.path().to_str().unwrap()];
    let restored = preau(&[&["restore", file.to_str().unwrap()], &place[..]].concat());
    assert!(restored.status.success(), "{}", text(&restored.stderr));
    assert!(text(&restored.stdout).contains("restored into"));
    TestServer::start_in(folder).await
}

fn backup(server: &TestServer, file: &Path, more: &[&str]) -> Output {
    let place = ["--data", server.data_dir().to_str().unwrap()];
    preau(&[&["backup", file.to_str().unwrap()], &place[..], more].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn links_tokens_and_the_authority_survive_on_another_machine() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let (mut teacher, _) = server.join(&room, &room.moderator).await;
    let (_pupil, joined) = server.join(&room, &room.guest).await;
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("preau.tar");
    let saved = backup(&server, &file, &[]);
    assert!(saved.status.success(), "{}", text(&saved.stderr));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let again = backup(&server, &file, &[]);
    assert!(!again.status.success(), "an older backup is not written over");
    teacher.is_alive().await;
    let bytes = std::fs::read(&file).unwrap();
    for secret in [&room.slug, &room.guest, &room.moderator] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }

    let other = restored(&file).await;
    let (_teacher, _) = other.join(&room, &room.moderator).await;
    let token = joined["resume"].as_str().unwrap();
    let (_back, back) = other.join_with(with(join(&room, &room.guest), "resume", token)).await;
    assert_eq!(back["participant"], joined["participant"], "the signing key is the same");
    let [one, two] = [&server, &other].map(|server| server.get("/authority.crt", &[]));
    assert_eq!(one.await.body, two.await.body);
    let refused =
        preau(&["restore", file.to_str().unwrap(), "--data", other.data_dir().to_str().unwrap()]);
    assert!(!refused.status.success(), "a server runs there");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_past_its_date_is_deleted_at_the_next_start() {
    let server = TestServer::start_with("room_days = 1").await;
    let room = server.room().await;
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("preau.tar");
    assert!(backup(&server, &file, &[]).status.success());
    let other = restored(&file).await;
    let base = rusqlite::Connection::open(other.data_dir().join("preau.sqlite")).unwrap();
    let count =
        || -> u32 { base.query_row("SELECT count(*) FROM room", [], |row| row.get(0)).unwrap() };
    assert_eq!(count(), 1);
    other.hand.advance(std::time::Duration::from_secs(25 * 3600));
    let other = other.restart().await;
    assert_eq!(count(), 0);
    assert!(other.refusal(&join(&room, &room.guest)).await.contains("join_refused"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_sealed_to_a_key_and_comes_back_through_a_pipe() {
    let server = TestServer::start_with("[recording]\nenabled = true\nmin_free_mib = 0\n").await;
    let room = server.room().await;
    let (mut teacher, _) = server.join(&room, &room.moderator).await;
    let recording = crate::harness::base64url(&crate::harness::random()[..16]);
    let recipient = age::x25519::Identity::generate().to_public().to_string();
    let start = json!({
        "type": "start_recording", "requestId": 1, "recording": recording, "recipient": recipient,
        "authorisations": false, "terms": {
            "purpose": "minutes", "details": "Conseil", "retentionDays": 3, "audience": "Tous",
        },
    });
    teacher.say(&start).await;
    teacher.hear_type("done").await;
    let key = age::x25519::Identity::generate();
    let public = key.to_public().to_string();
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("preau.age");
    let saved = backup(&server, &file, &["--with-recordings", "--to", &public]);
    assert!(saved.status.success(), "{}", text(&saved.stderr));
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let refused = preau(&["restore", file.to_str().unwrap(), "--data", place]);
    assert!(text(&refused.stderr).contains("age --decrypt"), "{}", text(&refused.stderr));

    let opened = age::decrypt(&key, &std::fs::read(&file).unwrap()).unwrap();
    let mut restore = Command::new(env!("CARGO_BIN_EXE_preau"));
    restore.args(["restore", "-", "--data", place]).env_remove("PREAU_CONFIG");
    let mut child = restore.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&opened).unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    assert!(folder.path().join("recordings").join(&recording).is_dir());
    let other = TestServer::start_in(folder).await;
    other.join(&room, &room.moderator).await;
    // It ran when the backup was made: the restored server brings it to its end, as after a fall.
    let data = other.data_dir().to_str().unwrap();
    let listed = text(&preau(&["recordings", "list", "--data", data]).stdout);
    assert!(listed.contains(&recording) && listed.contains("kept"), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_backup_is_not_left_behind_and_a_wrong_key_is_named() {
    let server = TestServer::start().await;
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("preau.tar");
    let torn = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8q";
    let refused = backup(&server, &file, &["--to", torn]);
    assert!(text(&refused.stderr).contains("--to") && !file.exists());
    let unreadable = server.data_dir().join("signing.key");
    std::fs::remove_file(&unreadable).unwrap();
    std::fs::create_dir(&unreadable).unwrap();
    let failed = backup(&server, &file, &[]);
    assert!(!failed.status.success() && !file.exists());
    let streamed = preau(&["backup", "-", "--data", "/nonexistent"]);
    assert!(!streamed.status.success() && streamed.stdout.is_empty());
}
