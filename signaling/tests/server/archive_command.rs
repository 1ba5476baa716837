//! `preau recordings`, `preau journal`, `preau room erase` and `preau room export`.

use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{TestServer, base64url, in_time, random};

/// What a command printed; `Err` with its complaint when it failed.
fn preau(server: &TestServer, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_preau"));
    command.env_remove("PREAU_CONFIG").env_remove("PREAU_DATA_DIR").args(arguments);
    let output = command.arg("--data").arg(server.data_dir()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    match output.status.success() {
        true => Ok(text(output.stdout)),
        false => Err(text(output.stdout) + &text(output.stderr)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r40_an_administrator_lists_exports_and_erases_beside_the_running_server() {
    let server = TestServer::start_with("[recording]\nenabled = true\nmin_free_mib = 0\n").await;
    let room = server.room().await;
    let (mut teacher, _) = server.join(&room, &room.moderator).await;
    let key = age::x25519::Identity::generate().to_public().to_string();
    let id = base64url(&random()[..16]);
    let start = json!({
        "type": "start_recording", "requestId": 1, "recording": id, "recipient": key,
        "authorisations": false, "terms": {
            "purpose": "minutes", "details": "Conseil", "retentionDays": 3, "audience": "Tous",
        },
    });
    teacher.say(&start).await;
    teacher.hear_type("done").await;
    let listed = preau(&server, &["recordings", "list"]).unwrap();
    assert!(listed.contains(&id) && listed.contains("running"), "{listed}");
    let pending = preau(&server, &["recordings", "erase", &id]).unwrap();
    assert!(pending.contains("within a minute"), "{pending}");
    let folder = server.data_dir().join("recordings").join(&id);
    assert!(folder.exists(), "not under the recorder's hands");
    // The server looks around each minute: first it ends the recording, then it deletes it.
    let mut heard = vec![];
    in_time(async {
        while folder.exists() {
            server.hand.advance(std::time::Duration::from_secs(5));
            heard.extend(teacher.is_alive().await);
        }
    })
    .await;
    assert!(heard.iter().any(|it| it["end"] == "stopped"), "{heard:?}");
    // The files go first, and then the receipt is written.
    let export = || -> Value {
        let exported = preau(&server, &["room", "export", &room.slug]).unwrap();
        serde_json::from_str(&exported).unwrap()
    };
    let exported = in_time(async {
        loop {
            let exported = export();
            if exported["deletions"][0] != Value::Null {
                return exported;
            }
            teacher.is_alive().await;
        }
    })
    .await;
    assert_eq!(exported["deletions"][0]["recording"], id);
    assert_eq!(exported["room"]["rules"]["profile"], "reunion");
    for secret in [&room.slug, &room.guest, &room.moderator] {
        assert!(!exported.to_string().contains(secret.as_str()));
    }
    let erased = preau(&server, &["room", "erase", &room.slug]).unwrap();
    assert!(erased.contains("nobody enters"), "{erased}");
    assert!(preau(&server, &["room", "erase", "../../etc"]).is_err());
    assert!(preau(&server, &["recordings", "erase", "../../etc/passwd"]).is_err());
    // One slug in 64 begins with a hyphen, which makes it no option.
    let nobody = preau(&server, &["room", "export", &base64url(&[0xf8; 16])]);
    assert!(nobody.unwrap_err().contains("no such room"));

    let journal = preau(&server, &["journal"]).unwrap();
    for deed in
        ["start_recording", "stop_recording", "erase_recording", "export_room", "erase_room"]
    {
        assert!(journal.contains(deed), "{deed} is missing from {journal}");
    }
    assert!(journal.contains("none changed"));
    assert!(!journal.contains(&room.slug));
    let base = rusqlite::Connection::open(server.data_dir().join("preau.sqlite")).unwrap();
    base.execute("UPDATE action SET role = 'server' WHERE number = 2", []).unwrap();
    let complaint = preau(&server, &["journal"]).unwrap_err();
    assert!(complaint.contains("line 2"), "{complaint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r42_privileged_actions_stand_in_a_journal_without_names() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let (mut teacher, _) = server.join(&room, &room.moderator).await;
    let (_pupil, joined) = server.join(&room, &room.guest).await;
    let eject = json!({ "type": "eject", "requestId": 1, "participant": joined["participant"] });
    teacher.say(&eject).await;
    teacher.hear_type("done").await;
    let verifier = base64url(&random());
    let rotate = json!({ "type": "rotate_link", "requestId": 2, "guestVerifier": verifier, "generation": 1 });
    teacher.say(&rotate).await;
    teacher.hear_type("done").await;
    let journal = preau(&server, &["journal"]).unwrap();
    for deed in ["send_out", "rotate_link"] {
        assert!(journal.contains(deed), "{deed} is missing from {journal}");
    }
    for secret in [joined["participant"].as_str().unwrap(), "Invité", &room.slug, &verifier] {
        assert!(!journal.contains(secret), "{secret}");
    }
}
