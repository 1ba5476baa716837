//! A recording from the question to its deletion, spoken to as pages do.

use std::path::PathBuf;
use std::time::Duration;

use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};

use crate::harness::{
    Answer, Browser, Room, TestServer, ask, base64url, in_time, join, log_so_far, random,
    sealed_join, sha256, with,
};

const ON: &str = "[recording]\nenabled = true\nmin_free_mib = 0\n";

/// A meeting in which the teacher records.
struct Scene {
    server: TestServer,
    room: Room,
    teacher: Browser,
    pupil: Browser,
    pupil_id: String,
    id: String,
    identity: age::x25519::Identity,
}

fn terms() -> Value {
    json!({
        "purpose": "absent_pupils",
        "details": "Les volcans",
        "retentionDays": 3,
        "audience": "La classe",
    })
}

fn start(id: &str, recipient: &str) -> Value {
    json!({
        "type": "start_recording",
        "requestId": 40,
        "recording": id,
        "terms": terms(),
        "recipient": recipient,
        "authorisations": true,
        "recipientsSignature": null,
    })
}

/// Asks, and gives the answer.
async fn request(browser: &mut Browser, message: &Value) -> Value {
    browser.say(message).await;
    loop {
        let answer = browser.hear().await;
        if answer["requestId"] == message["requestId"] {
            return answer;
        }
    }
}

async fn say_yes(browser: &mut Browser, id: &str, accepted: bool) -> Value {
    let message = json!({
        "type": "answer_recording",
        "requestId": 42,
        "recording": id,
        "accepted": accepted,
    });
    request(browser, &message).await
}

impl Scene {
    async fn start() -> Self {
        let server = TestServer::start_with(ON).await;
        let room = server.room().await;
        let (teacher, _) = server.join(&room, &room.moderator).await;
        let named = with(join(&room, &room.guest), "displayName", "Camille Canari");
        let (pupil, joined) = server.join_with(named).await;
        Self::of(server, room, teacher, (pupil, joined), Value::Null).await
    }

    /// In an encrypted room.
    async fn start_encrypted() -> Self {
        let server = TestServer::start_with(ON).await;
        let room = server.encrypted_room_of("reunion").await;
        let (teacher, _) = server.join_with(sealed_join(&room, &room.moderator)).await;
        let pupil = server.join_with(sealed_join(&room, &room.guest)).await;
        Self::of(server, room, teacher, pupil, base64url(&[9; 64]).into()).await
    }

    async fn of(
        server: TestServer,
        room: Room,
        teacher: Browser,
        (pupil, joined): (Browser, Value),
        signature: Value,
    ) -> Self {
        let pupil_id = joined["participant"].as_str().unwrap().to_owned();
        let identity = age::x25519::Identity::generate();
        let id = base64url(&random()[..16]);
        let mut scene = Self { server, room, teacher, pupil, pupil_id, id, identity };
        let key = scene.identity.to_public().to_string();
        let start = with(start(&scene.id, &key), "recipientsSignature", signature.clone());
        let answer = request(&mut scene.teacher, &start).await;
        assert_eq!(answer["type"], "done", "{answer}");
        let told = scene.pupil.hear_type("recording_changed").await;
        assert_eq!(told["recording"]["recording"], scene.id);
        assert_eq!(told["recording"]["recipientsSignature"], signature);
        assert_eq!(told["recording"]["terms"], terms());
        scene
    }

    fn moderator(&self) -> [(&'static str, &str); 2] {
        [("preau-room", &self.room.slug), ("preau-proof", &self.room.moderator)]
    }

    async fn asks(&self, method: &str, path: &str, body: &str, by: &[(&str, &str)]) -> Answer {
        let path = format!("/api/recordings{path}");
        ask(self.server.http(), method, &path, body, by).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.asks("GET", path, "", &self.moderator()).await
    }

    /// What the server lists, for the moderator link.
    async fn list(&self) -> Value {
        let answer = self.get("").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    fn folder(&self) -> PathBuf {
        self.server.data_dir().join("recordings").join(&self.id)
    }

    /// Opens a line as its recipient does.
    fn line(&self, n: usize) -> String {
        let sealed = std::fs::read(self.folder().join(format!("journal/{n}.age"))).unwrap();
        String::from_utf8(age::decrypt(&self.identity, &sealed).unwrap()).unwrap()
    }

    /// Stops, and waits until the recorder has finished.
    async fn stop(&mut self) {
        let stop = json!({ "type": "stop_recording", "requestId": 41 });
        assert_eq!(request(&mut self.teacher, &stop).await["type"], "done");
        in_time(async { while self.list().await["recordings"][0]["state"] != "kept" {} }).await;
    }

    /// Moves the clock, and waits until the recording has gone: a look around that comes while its
    /// recorder still writes leaves it to the next one.
    async fn gone_after(&self, time: Duration) {
        self.server.hand.advance(time);
        in_time(async {
            while self.folder().exists() {
                self.server.get("/healthz", &[]).await;
                self.server.hand.advance(Duration::from_secs(1));
            }
            while !self.list().await["recordings"].as_array().unwrap().is_empty() {}
        })
        .await;
    }

    /// Moves the clock until the server has looked around.
    async fn after(&self, time: Duration) {
        self.server.hand.advance(time);
        for _ in 0..200 {
            self.server.get("/healthz", &[]).await;
            if self.list().await["recordings"].as_array().unwrap().is_empty() {
                return;
            }
        }
    }
}

/// The line alone, when the server has signed it.
fn signed(text: &str, public: &str) -> Value {
    use base64::Engine;
    let decode =
        |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap();
    let (line, rest) =
        text.strip_prefix("{\"line\":").unwrap().rsplit_once(",\"signature\":\"").unwrap();
    let key = UnparsedPublicKey::new(&ED25519, decode(public));
    key.verify(line.as_bytes(), &decode(rest.strip_suffix("\"}").unwrap())).unwrap();
    serde_json::from_str(line).unwrap()
}

#[tokio::test]
async fn r17_r18_everybody_is_told_the_terms_and_each_answer_is_on_the_disk_before_its_receipt() {
    let mut scene = Scene::start().await;
    let answer = say_yes(&mut scene.pupil, &scene.id, true).await;
    assert_eq!(answer["type"], "recording_answered", "{answer}");
    let receipt = answer["receipt"].as_str().unwrap();
    assert_eq!(scene.line(1), receipt, "the receipt is the line, and the line is on the disk");
    let described = scene.get(&format!("/{}", scene.id)).await.json();
    let public = described["signingKey"].as_str().unwrap();
    let line = signed(receipt, public);
    assert_eq!(line["what"]["answer"], "accepted");
    assert_eq!(line["what"]["person"], scene.pupil_id);
    assert_eq!(line["what"]["pseudonym"], "Camille Canari");
    let first = signed(&scene.line(0), public);
    assert_eq!(first["what"]["terms"], terms());
    assert_eq!(first["what"]["recording"], scene.id);
    assert_eq!(described["lines"], 2);
    let text = receipt.strip_prefix("{\"line\":").unwrap().rsplit_once(",\"signature\"").unwrap().0;
    assert_eq!(described["lastHash"], base64url(&sha256(text.as_bytes())));

    // Whoever comes late learns of it with the room.
    let (_late, joined) = scene.server.join(&scene.room, &scene.room.guest).await;
    assert_eq!(joined["state"]["recording"]["recording"], scene.id);
    assert_eq!(joined["state"]["recording"]["askedByName"], "Animation 1");
    scene.stop().await;
    let told = scene.pupil.hear_type("recording_changed").await;
    assert_eq!((&told["recording"], &told["end"]), (&Value::Null, &json!("stopped")));
    let last = scene.list().await["recordings"][0].clone();
    assert_eq!(last["state"], "kept");
    assert!(last["endedAt"].is_u64() && last["bytes"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn r20_refusing_costs_nothing_and_moderators_see_numbers_alone() {
    let mut scene = Scene::start().await;
    let answer = say_yes(&mut scene.pupil, &scene.id, false).await;
    assert_eq!(answer["type"], "recording_answered");
    loop {
        let counts = scene.teacher.hear_type("answers_changed").await;
        if counts["refused"] == 1 {
            assert!(!counts.to_string().contains(&scene.pupil_id), "{counts}");
            break;
        }
        scene.server.hand.advance(Duration::from_millis(100));
    }
    let hand = json!({ "type": "raise_hand", "requestId": 3, "raised": true });
    assert_eq!(request(&mut scene.pupil, &hand).await["type"], "done");
    let chat = json!({ "type": "chat", "requestId": 4, "audience": "everybody", "text": "oui" });
    assert_eq!(request(&mut scene.pupil, &chat).await["type"], "done");
}

#[tokio::test]
async fn r18_a_request_without_purpose_days_or_audience_is_refused_by_its_type() {
    let server = TestServer::start_with(ON).await;
    let room = server.room().await;
    let id = base64url(&random()[..16]);
    let key = age::x25519::Identity::generate().to_public().to_string();
    for missing in ["purpose", "details", "retentionDays", "audience"] {
        let (mut teacher, _) = server.join(&room, &room.moderator).await;
        let mut message = start(&id, &key);
        message["terms"].as_object_mut().unwrap().remove(missing);
        teacher.say(&message).await;
        let refused = teacher.hear_type("error").await;
        assert_eq!(refused["code"], "malformed", "{missing}");
    }
    let (mut teacher, _) = server.join(&room, &room.moderator).await;
    for (name, value) in [
        ("retentionDays", json!(0)),
        ("retentionDays", json!(10_000)),
        ("details", json!("")),
        ("audience", json!("x".repeat(201))),
    ] {
        let mut message = start(&id, &key);
        message["terms"][name] = value;
        assert_eq!(request(&mut teacher, &message).await["code"], "terms_invalid", "{message}");
    }
    // A key of the right shape whose checksum is wrong: nobody could ever open what is sealed to it.
    let wrong = format!("age1{}", "q".repeat(58));
    assert_eq!(request(&mut teacher, &start(&id, &wrong)).await["code"], "terms_invalid");
    assert!(!server.data_dir().join("recordings").exists(), "nothing was begun");
    for name in ["../../../../etc/passwd", "..", "AAAAAAAAAAAAAAAAAAAAA/", "a\u{0}"] {
        let (mut teacher, _) = server.join(&room, &room.moderator).await;
        teacher.say(&start(name, &key)).await;
        assert_eq!(teacher.hear_type("error").await["code"], "malformed", "{name}");
    }
}

#[tokio::test]
async fn r22_a_server_that_was_not_told_to_records_nothing() {
    let server = TestServer::start().await;
    assert_eq!(server.get("/api/server", &[]).await.json()["recording"], Value::Null);
    let room = server.room().await;
    let (mut teacher, _) = server.join(&room, &room.moderator).await;
    let key = age::x25519::Identity::generate().to_public().to_string();
    let refused = request(&mut teacher, &start(&base64url(&random()[..16]), &key)).await;
    assert_eq!(refused["code"], "recording_off");
    assert!(!server.data_dir().join("recordings").exists());

    let server = TestServer::start_with(ON).await;
    assert_eq!(server.get("/api/server", &[]).await.json()["recording"]["maxDays"], 30);
    for (profile, code) in [("sensible", "recording_forbidden"), ("audio", "recording_forbidden")] {
        let room = server.room_of(profile).await;
        let (mut teacher, _) = server.join(&room, &room.moderator).await;
        let refused = request(&mut teacher, &start(&base64url(&random()[..16]), &key)).await;
        assert_eq!(refused["code"], code, "{profile}");
    }
    let room = server.room_of("classe").await;
    let (mut teacher, _) = server.join(&room, &room.moderator).await;
    let unsaid = with(start(&base64url(&random()[..16]), &key), "authorisations", false);
    assert_eq!(request(&mut teacher, &unsaid).await["code"], "authorisations_missing");
}

#[tokio::test]
async fn r23_only_the_rooms_own_moderator_link_opens_its_recordings_and_each_access_is_kept() {
    let mut scene = Scene::start().await;
    scene.stop().await;
    let other = scene.server.room().await;
    let one = format!("/{}", scene.id);
    let paths = [&one, &format!("{one}/manifest"), &format!("{one}/journal/0")];
    let foreign = [("preau-room", other.slug.as_str()), ("preau-proof", &other.moderator)];
    let guest = [("preau-room", scene.room.slug.as_str()), ("preau-proof", &scene.room.guest)];
    let mixed = [("preau-room", scene.room.slug.as_str()), ("preau-proof", &other.moderator)];
    for path in paths {
        assert_eq!(scene.asks("GET", path, "", &foreign).await.status, 404, "another room's link");
        for by in [&guest[..], &mixed[..], &guest[..1], &[]] {
            assert_eq!(scene.asks("GET", path, "", by).await.status, 403, "{path} by {by:?}");
        }
    }
    for (method, path) in [
        ("POST", format!("{one}/erase")),
        ("POST", format!("{one}/persons/{}/erase", scene.pupil_id)),
        ("POST", format!("{one}/grants")),
        ("DELETE", format!("{one}/grants/AAAAAAAAAAA")),
    ] {
        let body = if path.ends_with("grants") { "{}" } else { "" };
        assert_eq!(scene.asks(method, &path, body, &foreign).await.status, 404, "{path}");
        assert_eq!(scene.asks(method, &path, body, &guest).await.status, 403, "{path}");
        let [room, proof] = scene.moderator();
        let elsewhere = [room, proof, ("origin", "https://evil.example")];
        assert_eq!(scene.asks(method, &path, body, &elsewhere).await.status, 403, "{path}");
    }
    for name in ["..", "%2e%2e", "..%2f..%2fsigning.key", "a", "%00", "AAAAAAAAAAAAAAAAAAAAAA"] {
        assert_ne!(scene.get(&format!("/{name}")).await.status, 200, "{name}");
        for path in [format!("{one}/journal/{name}"), format!("{one}/tracks/0/{name}")] {
            assert_ne!(scene.get(&path).await.status, 200, "{path}");
        }
    }
    assert_eq!(scene.list().await["recordings"][0]["accesses"], json!([]), "none was one");
    assert_eq!(scene.get(&one).await.status, 200);
    let line = scene.get(&format!("{one}/journal/0")).await;
    assert_eq!(line.field("content-type"), Some("application/octet-stream"));
    let accesses = scene.list().await["recordings"][0]["accesses"].clone();
    assert_eq!(accesses.as_array().unwrap().len(), 1);
    assert_eq!(accesses[0]["by"], "moderator");
}

#[tokio::test]
async fn r23_whoever_reads_sealed_files_without_asking_for_their_list_is_logged_as_well() {
    let mut scene = Scene::start().await;
    scene.stop().await;
    let manifest = format!("/{}/manifest", scene.id);
    for _ in 0..3 {
        scene.get(&manifest).await;
    }
    let accesses = scene.list().await["recordings"][0]["accesses"].clone();
    assert_eq!(accesses.as_array().unwrap().len(), 1, "three pieces of one reading");
}

#[tokio::test]
async fn r20_a_person_is_granted_access_to_one_recording_until_it_is_revoked() {
    let mut scene = Scene::start().await;
    scene.stop().await;
    let one = format!("/{}", scene.id);
    let proof = base64url(&random());
    let secret = {
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&proof).unwrap()
    };
    let body = json!({ "verifier": base64url(&sha256(&secret)) }).to_string();
    let granted = scene.asks("POST", &format!("{one}/grants"), &body, &scene.moderator()).await;
    assert_eq!(granted.status, 201, "{}", granted.body);
    let grant = granted.json()["grant"].as_str().unwrap().to_owned();
    let by = [("preau-grant", proof.as_str())];
    assert_eq!(scene.asks("GET", &one, "", &by).await.status, 200);
    assert_eq!(scene.asks("GET", &format!("{one}/journal/0"), "", &by).await.status, 200);
    for (method, path) in [("GET", String::new()), ("POST", format!("{one}/erase"))] {
        assert_eq!(scene.asks(method, &path, "", &by).await.status, 403, "{path}");
    }
    let other = format!("/{}", base64url(&random()[..16]));
    assert_eq!(scene.asks("GET", &other, "", &by).await.status, 403);
    let listed = scene.list().await["recordings"][0].clone();
    assert_eq!(listed["accesses"][0]["by"], grant);
    assert_eq!(listed["grants"][0]["revokedAt"], Value::Null);

    let path = format!("{one}/grants/{grant}");
    assert_eq!(scene.asks("DELETE", &path, "", &scene.moderator()).await.status, 204);
    assert_eq!(scene.asks("GET", &one, "", &by).await.status, 403);
    assert_eq!(scene.asks("DELETE", &path, "", &scene.moderator()).await.status, 404);
    let kinds: Vec<_> = (0..4)
        .map(|n| {
            serde_json::from_str::<Value>(&scene.line(n)).unwrap()["line"]["what"]["kind"].clone()
        })
        .collect();
    assert_eq!(kinds, ["terms", "ended", "grant", "revoke"]);
}

#[tokio::test]
async fn r23_a_recording_is_deleted_at_its_deadline_and_the_receipt_outlives_it() {
    let mut scene = Scene::start().await;
    say_yes(&mut scene.pupil, &scene.id, true).await;
    scene.stop().await;
    scene.after(Duration::from_secs(3 * 24 * 3600 - 120)).await;
    assert!(scene.folder().exists(), "two minutes too soon");
    scene.gone_after(Duration::from_secs(180)).await;
    let list = scene.list().await;
    assert_eq!(list["recordings"], json!([]));
    assert_eq!(list["receipts"][0]["recording"], scene.id);
    assert_eq!(list["receipts"][0]["what"], "deadline");
    scene.server.hand.advance(Duration::from_secs(40 * 24 * 3600));
    for _ in 0..100 {
        scene.server.get("/healthz", &[]).await;
    }
    assert_eq!(scene.list().await["receipts"][0]["recording"], scene.id, "longer than the room");
}

#[tokio::test]
async fn r40_erasing_a_person_or_all_of_it_works_while_it_runs() {
    let mut scene = Scene::start().await;
    say_yes(&mut scene.pupil, &scene.id, true).await;
    let one = format!("/{}", scene.id);
    let path = format!("{one}/persons/{}/erase", scene.pupil_id);
    assert_eq!(scene.asks("POST", &path, "", &scene.moderator()).await.status, 204);
    let again = scene.pupil.hear_type("recording_changed").await;
    assert_eq!(again["recording"]["recording"], scene.id, "they are asked again");
    let line: Value = serde_json::from_str(&scene.line(2)).unwrap();
    assert_eq!(line["line"]["what"], json!({ "kind": "erased", "person": scene.pupil_id }));
    let answer = say_yes(&mut scene.pupil, &scene.id, true).await;
    assert_eq!(answer["type"], "recording_answered");

    let path = format!("{one}/erase");
    assert_eq!(scene.asks("POST", &path, "", &scene.moderator()).await.status, 204);
    let told = scene.pupil.hear_type("recording_changed").await;
    assert_eq!(told["recording"], Value::Null);
    assert_eq!(scene.get(&one).await.status, 404);
    scene.gone_after(Duration::from_secs(180)).await;
    let list = scene.list().await;
    assert_eq!(list["recordings"], json!([]));
    assert_eq!(list["receipts"][0]["what"], "request");
}

#[tokio::test]
async fn r23_a_restart_while_it_runs_leaves_a_journal_that_says_so() {
    let mut scene = Scene::start().await;
    say_yes(&mut scene.pupil, &scene.id, true).await;
    let Scene { server, room, id, identity, pupil_id, teacher, pupil } = scene;
    let server = server.restart().await;
    let scene = Scene { server, room, id, identity, pupil_id, teacher, pupil };
    let listed = scene.list().await["recordings"][0].clone();
    assert_eq!(listed["state"], "kept");
    let described = scene.get(&format!("/{}", scene.id)).await.json();
    let last = usize::try_from(described["lines"].as_u64().unwrap()).unwrap() - 1;
    let last = signed(&scene.line(last), described["signingKey"].as_str().unwrap());
    assert_eq!(last["what"]["kind"], "ended");
    // The same id again, by mistake or on purpose.
    let (mut teacher, _) = scene.server.join(&scene.room, &scene.room.moderator).await;
    let key = scene.identity.to_public().to_string();
    let refused = request(&mut teacher, &start(&scene.id, &key)).await;
    assert_eq!(refused["code"], "recording_running");
}

#[tokio::test]
async fn r29_neither_the_log_nor_the_tables_hold_a_name_or_what_was_typed() {
    let mut scene = Scene::start().await;
    say_yes(&mut scene.pupil, &scene.id, true).await;
    scene.stop().await;
    let log = log_so_far();
    let (slug, room_proof) = (scene.room.slug.clone(), scene.room.moderator.clone());
    let data = scene.server.data_dir().to_owned();
    let mut files = vec![];
    for file in ["preau.sqlite", "preau.sqlite-wal"] {
        files.push(std::fs::read(data.join(file)).unwrap_or_default());
    }
    for secret in ["Camille Canari", "Les volcans", "La classe", &slug, &room_proof] {
        assert!(!log.contains(secret), "{secret} stands in the log");
        for bytes in &files {
            let is_there = bytes.windows(secret.len()).any(|it| it == secret.as_bytes());
            assert!(!is_there, "{secret} stands in the tables");
        }
    }
}

/// Hands some keys over, as a page does; the server looks at none of it.
async fn release(browser: &mut Browser, id: &str, sealed: &str) -> Value {
    let message = json!({
        "type": "release_keys",
        "requestId": 43,
        "recording": id,
        "sealed": base64url(sealed.as_bytes()),
    });
    request(browser, &message).await
}

#[tokio::test]
async fn released_keys_are_kept_for_whoever_may_see_the_recording_and_for_nobody_else() {
    let mut scene = Scene::start_encrypted().await;
    let line: Value = serde_json::from_str(&scene.line(0)).unwrap();
    assert_eq!(line["line"]["what"]["recipientsSignature"], base64url(&[9; 64]));
    assert_eq!(release(&mut scene.pupil, &scene.id, "first keys").await["type"], "done");
    assert_eq!(release(&mut scene.pupil, &scene.id, "keys").await["code"], "not_allowed");
    let yes = say_yes(&mut scene.pupil, &scene.id, true).await;
    assert_eq!(yes["type"], "recording_answered");
    assert_eq!(release(&mut scene.pupil, &scene.id, "second keys").await["type"], "done");
    let other = base64url(&random()[..16]);
    assert_eq!(release(&mut scene.pupil, &other, "keys").await["code"], "no_recording");
    let one = format!("/{}", scene.id);
    let described = scene.get(&one).await.json();
    let own = json!({ "person": scene.pupil_id, "count": 2 });
    assert_eq!(described["releases"], json!([own]));
    let of = |who: &str, from: &str| format!("{one}/keys/{who}/{from}");
    let read = scene.get(&of(&scene.pupil_id, "0")).await;
    assert_eq!(read.field("content-type"), Some("application/octet-stream"));
    assert_eq!(read.body, "\0\0\0\u{a}first keys\0\0\0\u{b}second keys");
    assert_eq!(scene.get(&of(&scene.pupil_id, "1")).await.body, "\0\0\0\u{b}second keys");
    for (who, from) in [
        (scene.pupil_id.as_str(), "2"),
        (&scene.pupil_id, "-1"),
        (&scene.pupil_id, "4294967296"),
        ("AAAAAAAAAAA", "0"),
        ("..", "0"),
        ("%2e%2e", "0"),
        ("..%2fjournal", "0"),
    ] {
        assert_eq!(scene.get(&of(who, from)).await.status, 404, "{who} {from}");
    }
    let path = of(&scene.pupil_id, "0");
    let guest = [("preau-room", scene.room.slug.as_str()), ("preau-proof", &scene.room.guest)];
    for by in [&guest[..], &[]] {
        assert_eq!(scene.asks("GET", &path, "", by).await.status, 403);
    }

    let erase = format!("{one}/persons/{}/erase", scene.pupil_id);
    assert_eq!(scene.asks("POST", &erase, "", &scene.moderator()).await.status, 204);
    assert_eq!(scene.get(&one).await.json()["releases"], json!([]));
    assert_eq!(scene.get(&path).await.status, 404);
    assert!(!scene.folder().join("keys").join(&scene.pupil_id).exists());

    // Of whom nothing was recorded, no key is kept.
    assert_eq!(release(&mut scene.pupil, &scene.id, "third keys").await["type"], "done");
    scene.stop().await;
    assert_eq!(scene.get(&one).await.json()["releases"], json!([]));
    assert!(!scene.folder().join("keys").join(&scene.pupil_id).exists());
}

#[tokio::test]
async fn a_recording_of_an_encrypted_room_needs_the_host_keys_word_on_its_recipients() {
    let server = TestServer::start_with(ON).await;
    let key = age::x25519::Identity::generate().to_public().to_string();
    let unsigned = start(&base64url(&random()[..16]), &key);
    let signed = with(unsigned.clone(), "recipientsSignature", base64url(&[9; 64]));
    let room = server.encrypted_room_of("reunion").await;
    let (mut teacher, _) = server.join_with(sealed_join(&room, &room.moderator)).await;
    assert_eq!(request(&mut teacher, &unsigned).await["code"], "encryption_required");
    assert_eq!(request(&mut teacher, &signed).await["type"], "done");

    let room = server.room().await;
    let (mut teacher, _) = server.join(&room, &room.moderator).await;
    assert_eq!(request(&mut teacher, &signed).await["code"], "not_encrypted");
    assert_eq!(
        release(&mut teacher, "AAAAAAAAAAAAAAAAAAAAAA", "keys").await["code"],
        "not_encrypted"
    );
}
