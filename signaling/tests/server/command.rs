//! The commands of the binary.

use std::process::{Command, Output};

use ring::signature::KeyPair;

use crate::harness::{Room, TestServer, base64url, host_key, sealed_join, sha256};

pub(crate) fn preau(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_preau"));
    for name in ["PREAU_CONFIG", "PREAU_DATA_DIR", "PREAU_HTTPS_PORT"] {
        command.env_remove(name);
    }
    command.args(arguments).output().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Derives what each printed link proves, as a browser would. Their words must be those of rooms
/// encrypted so; `None` for in clear.
pub(crate) fn room_of(links: &str, origin: &str, encrypted: Option<&str>) -> Room {
    let mut rooms = links.lines().map(|line| {
        let link = line.split(' ').next().unwrap();
        let rest = link.strip_prefix(origin).unwrap_or_else(|| panic!("{link} of {origin}"));
        let (slug, secret) = rest.strip_prefix("/r/").unwrap().split_once('#').unwrap();
        let (version, secret) = secret.split_once('.').unwrap();
        let (secret, fingerprint) = match secret.split_once('.') {
            Some((secret, fingerprint)) => (secret, Some(fingerprint.to_owned())),
            None => (secret, None),
        };
        let secret = protocol::RoomSlug::try_from(secret.to_owned()).unwrap();
        (
            slug.to_owned(),
            version.to_owned(),
            base64url(&hkdf(secret.as_bytes(), &[b"auth"], 32)),
            secret,
            fingerprint,
        )
    });
    let (slug, version, guest, guest_secret, fingerprint) = rooms.next().unwrap();
    let (same, moderator_version, moderator, moderator_secret, none) = rooms.next().unwrap();
    let word = encrypted.unwrap_or_default();
    assert_eq!((version, moderator_version), (format!("v1{word}"), format!("v1m{word}")));
    assert_eq!((slug.as_str(), none), (same.as_str(), None));
    let derived = hkdf(moderator_secret.as_bytes(), &[b"guest", &[0; 4]], 16);
    assert_eq!(&derived, guest_secret.as_bytes(), "the guest link follows from the other");
    let host = hkdf(moderator_secret.as_bytes(), &[b"host-key"], 32).try_into().unwrap();
    let named = base64url(&sha256(host_key(&host).public_key().as_ref())[..16]);
    assert_eq!(fingerprint, encrypted.map(|_| named));
    Room { slug, guest, moderator, host }
}

fn hkdf(secret: &[u8], info: &[&[u8]], length: usize) -> Vec<u8> {
    struct Length(usize);
    impl ring::hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut bytes = vec![0; length];
    let key = ring::hkdf::Salt::new(ring::hkdf::HKDF_SHA256, &[]).extract(secret);
    key.expand(info, Length(length)).unwrap().fill(&mut bytes).unwrap();
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_made_in_the_data_folder_is_open_on_the_running_server() {
    let server = TestServer::start().await;
    let data = server.data_dir().to_str().unwrap();
    let made =
        preau(&["room", "create", "--data", data, "--share-origin", "https://visio.example"]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let room = room_of(&text(&made.stdout), "https://visio.example", Some("e"));
    let (_teacher, joined) = server.join_with(sealed_join(&room, &room.moderator)).await;
    assert_eq!(joined["role"], "moderator");
    assert_eq!(joined["rules"]["encryption"], serde_json::json!({ "open": false, "raw": false }));
    let key = base64url(host_key(&room.host).public_key().as_ref());
    assert_eq!(joined["encryption"]["hostKey"], key);
    // A class, where nothing else is asked for: guests wait until they are let in.
    let mut pupil = server.connect().await;
    pupil.say(&sealed_join(&room, &room.guest)).await;
    assert_eq!(pupil.hear().await["type"], "waiting");
}

#[tokio::test(flavor = "multi_thread")]
async fn links_of_an_encrypted_room_say_so_whether_a_meeting_or_a_class() {
    let server = TestServer::start().await;
    let data = server.data_dir().to_str().unwrap();
    for (profile, word) in [("reunion", "eo"), ("audio", "eo"), ("sensible", "e"), ("classe", "e")]
    {
        let place = ["--data", data, "--share-origin", "https://visio.example"];
        let made = preau(&[&["room", "create", "--profile", profile][..], &place[..]].concat());
        let room = room_of(&text(&made.stdout), "https://visio.example", Some(word));
        let (_browser, joined) = server.join_with(sealed_join(&room, &room.moderator)).await;
        assert_eq!(joined["rules"]["encryption"]["open"], word == "eo", "{profile}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_of_whole_frames_says_so_in_its_links_and_to_its_pages() {
    let server = TestServer::start().await;
    let data = server.data_dir().to_str().unwrap();
    let wish = ["room", "create", "--whole-frames", "--profile", "reunion", "--data", data];
    let made = preau(&[&wish[..], &["--share-origin", "https://visio.example"]].concat());
    let room = room_of(&text(&made.stdout), "https://visio.example", Some("eor"));
    let (_browser, joined) = server.join_with(sealed_join(&room, &room.guest)).await;
    assert_eq!(joined["rules"]["encryption"], serde_json::json!({ "open": true, "raw": true }));
    let both = preau(&[&wish[..], &["--unencrypted"]].concat());
    assert_eq!(both.status.code(), Some(2), "it is one or the other");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_made_over_https_trusting_the_local_authority_and_nobody_else() {
    let server = TestServer::start_with("host_pass_required = true").await;
    let data = server.data_dir().to_str().unwrap().to_owned();
    let origin = format!("https://localhost:{}", server.addresses().https.port());
    let create = |data: String, pass: Option<String>| {
        let origin = origin.clone();
        tokio::task::spawn_blocking(move || {
            let mut arguments = vec!["room", "create", "--profile", "reunion", "--unencrypted"];
            arguments.extend(["--server", &origin, "--data", &data]);
            arguments.extend(pass.iter().flat_map(|pass| ["--host-pass", pass]));
            preau(&arguments)
        })
    };
    let refused = create(data.clone(), None).await.unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("host pass"), "{}", text(&refused.stderr));
    let pass = preau(&["host-pass", "--days", "3", "--data", &data]);
    let pass = text(&pass.stdout).trim().to_owned();
    let made = create(data.clone(), Some(pass.clone())).await.unwrap();
    assert!(made.status.success(), "{}", text(&made.stderr));
    let room = room_of(&text(&made.stdout), &origin, None);
    server.join(&room, &room.guest).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let elsewhere = elsewhere.path().to_str().unwrap().to_owned();
    let distrusted = create(elsewhere, Some(pass)).await.unwrap();
    assert_eq!(distrusted.status.code(), Some(1));
    assert!(text(&distrusted.stderr).contains("cannot reach"), "{}", text(&distrusted.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_asked_on_the_metrics_port() {
    let server = TestServer::start().await;
    let port = server.addresses().metrics.port().to_string();
    let check = |port: String| {
        tokio::task::spawn_blocking(move || preau(&["healthcheck", "--metrics-port", &port]))
    };
    let well = check(port.clone()).await.unwrap();
    assert!(well.status.success(), "{}", text(&well.stderr));
    server.stop().await;
    assert_eq!(check(port).await.unwrap().status.code(), Some(1));
}

#[test]
fn the_help_of_a_command_shows_its_own_options_and_where_the_configuration_is() {
    let flags = |command: &[&str]| {
        let help = preau(&[command, &["--help"]].concat());
        assert!(help.status.success(), "{command:?}");
        let help = text(&help.stdout);
        let options = help.lines().filter(|line| line.trim_start().starts_with('-'));
        let flags =
            options.filter_map(|line| line.split([' ', '[']).find(|it| it.starts_with("--")));
        flags.map(str::to_owned).collect::<Vec<_>>()
    };
    let create = ["--server", "--host-pass", "--profile", "--unencrypted", "--whole-frames"];
    let place = ["--config", "--data", "--share-origin", "--help"];
    assert_eq!(flags(&["room", "create"]), [&create[..], &place[..]].concat());
    assert_eq!(flags(&["doctor"]), ["--page", "--json", "--lang", "--config", "--help"]);
    assert_eq!(flags(&["documents"]), ["--out", "--lang", "--config", "--help"]);
    assert_eq!(flags(&["healthcheck"]), ["--config", "--metrics-port", "--help"]);
    let serve = flags(&["serve"]);
    assert!(["--config", "--data", "--media-port"].iter().all(|it| serve.contains(&(*it).into())));
}

#[test]
fn a_bad_configuration_is_named_with_its_line_and_exit_code_two() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("preau.toml");
    std::fs::write(&file, "https_port = 8443\nroom_dys = 3\n").unwrap();
    let refused = preau(&["serve", "--config", file.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(2));
    let words = text(&refused.stderr);
    assert!(words.contains("preau.toml:2: ") && words.contains("room_dys"), "{words}");
    assert_eq!(words.lines().count(), 1, "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_pass_is_one_line_and_good_for_its_folder_only() {
    let servers = [TestServer::start().await, TestServer::start().await];
    let passes = servers.each_ref().map(|server| {
        let data = server.data_dir().to_str().unwrap();
        text(&preau(&["host-pass", "--data", data]).stdout)
    });
    assert_ne!(passes[0], passes[1]);
    for pass in &passes {
        assert_eq!((pass.lines().count(), pass.matches('.').count()), (1, 2), "{pass}");
    }
}

#[test]
fn a_mistyped_data_folder_is_named_and_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("dta");
    let data = missing.to_str().unwrap();
    for command in [&["room", "create", "--data", data][..], &["host-pass", "--data", data]] {
        let refused = preau(command);
        assert!(!refused.status.success() && refused.stdout.is_empty(), "{command:?}");
        let words = text(&refused.stderr);
        assert!(words.contains(data) && words.contains("--data"), "{words}");
        assert!(!missing.exists());
    }
}
