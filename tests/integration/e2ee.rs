//! An encrypted room on a real server: those who hold the link read everything, and what the server
//! was told and keeps gives nobody a key.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use e2ee_member::admission::{Role, Verifier};
use e2ee_member::attendance::{Attendance, EpochKeys, Heard, Output, Say};
use e2ee_member::circle::{Candidate, Circle, Ground};
use e2ee_member::frames::{Level, Opener, Sealer, Why};
use e2ee_member::link::{self, Flags, Link, LinkKind};
use e2ee_member::member::Keys;
use e2ee_member::{ParticipantId, RoomId, from_base64url, random, said, to_base64url};
use futures_util::future::select_all;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::server::RealServer;
use crate::session::in_time;

/// All that was said on all sessions of a room, in both directions.
type Log = Arc<Mutex<Vec<Value>>>;

/// One participant, with a link in hand.
struct Person {
    socket: WebSocketStream<TcpStream>,
    id: ParticipantId,
    attendance: Attendance,
    sealer: Sealer,
    opener: Opener,
    /// Every epoch's keys so far.
    epochs: Vec<EpochKeys>,
    /// What others said, and what could not be read.
    heard: Vec<(ParticipantId, Result<Value, Why>)>,
    unread: usize,
    own_words: u32,
    log: Log,
}

fn unix() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs()
}

fn text(value: &Value) -> Vec<u8> {
    from_base64url(value.as_str().unwrap_or_else(|| panic!("a text: {value}"))).expect("base64url")
}

fn fixed<const N: usize>(value: &Value) -> [u8; N] {
    text(value).try_into().unwrap_or_else(|_| panic!("{N} bytes: {value}"))
}

impl Person {
    /// Enters; checks what the server says against the link.
    async fn enter(http: SocketAddr, link: &Link, keys: Keys, log: &Log) -> Self {
        let stream = TcpStream::connect(http).await.expect("the server listens");
        let url = format!("ws://localhost:{}/api/session", http.port());
        let opened = tokio_tungstenite::client_async(url, stream).await;
        let mut socket = opened.expect("a session opens").0;
        let join = json!({
            "type": "join",
            "protocolVersion": protocol::PROTOCOL_VERSION,
            "room": to_base64url(&link.room),
            "proof": to_base64url(&link.proofs().0),
            "memberKey": to_base64url(&keys.member_key()),
            "sealedName": to_base64url(&link::seal_lobby_name(&link.room, &link.guest_secret(0), "Zoé")),
        });
        log.lock().expect("no panic holds it").push(join.clone());
        socket.send(Message::text(join.to_string())).await.expect("the session is open");
        let joined = loop {
            let heard = next_message(&mut socket, log).await;
            assert_ne!(heard["type"], "error", "{heard}");
            if heard["type"] == "joined" {
                break heard;
            }
        };
        let info = &joined["encryption"];
        let room = &joined["rules"]["encryption"];
        let flags = Flags { open: room["open"] == true, raw: room["raw"] == true };
        let host_key = fixed(&info["hostKey"]);
        assert_eq!(link.check(&host_key, (!room.is_null()).then_some(flags)), Ok(()));

        let id = fixed(&joined["participant"]);
        let secret = link.guest_secret(0);
        let claim = keys.claim(link.room, id, link.role(), unix() + 86_400);
        let admission = match (&link.kind, link.role()) {
            (LinkKind::Moderator { secret }, _) => claim.by_host(&link::host_seed(secret)),
            (_, Role::Guest | Role::Moderator) => claim.by_link(0, &secret),
        };
        let identity = keys.identity(&claim, admission);
        let verifier = Verifier {
            room: link.room,
            open: flags.open,
            host_key,
            guest_secrets: vec![(0, secret)],
        };
        let ground = Ground { verifier, flags, fingerprint: link.fingerprint() };
        let now = Instant::now();
        let mut attendance = Attendance::new(now, unix(), keys, identity, ground, 1);
        for other in joined["participants"].as_array().expect("a list") {
            attendance.hear(now, Heard::Present(fixed(&other["participant"])));
        }
        attendance.begin(!info["circle"].is_null());
        Self {
            socket,
            id,
            attendance,
            sealer: Sealer::default(),
            opener: Opener::default(),
            epochs: Vec::new(),
            heard: Vec::new(),
            unread: 0,
            own_words: OWN_WORDS,
            log: Arc::clone(log),
        }
    }

    async fn say(&mut self, message: Value) {
        self.log.lock().expect("no panic holds it").push(message.clone());
        self.socket.send(Message::text(message.to_string())).await.expect("the session is open");
    }

    /// Says something to everybody in the circle.
    async fn tell(&mut self, message: &Value) {
        let sealed = said::seal(&mut self.sealer, Level::Everybody, message).expect("a key");
        self.own_words += 1;
        let request = json!({
            "type": "mls_say",
            "requestId": self.own_words,
            "audience": "everybody",
            "sealed": to_base64url(&sealed),
        });
        self.say(request).await;
    }

    /// Says what the circle wants said, and takes its keys.
    async fn carry_out(&mut self) {
        while let Some(output) = self.attendance.poll_output() {
            match output {
                Output::Say(request, say) => self.say(written(request, say)).await,
                Output::Open(keys) => {
                    self.opener.set_epoch(Instant::now(), keys.epoch, keys.base_key);
                    self.epochs.push(keys);
                }
                Output::Seal(keys) => self.sealer.set_epoch(keys.leaf, keys.epoch, keys.base_key),
                Output::Outside => self.sealer.stop(),
                Output::Broken(why) => panic!("refused: {why}"),
            }
        }
    }

    /// Waits for the next message, or for the time of something to do. May be dropped.
    async fn next(&mut self) {
        let due = self.attendance.poll_timeout().map(tokio::time::Instant::from_std);
        let wait = async {
            match due {
                Some(due) => tokio::time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            message = next_message(&mut self.socket, &self.log) => self.take(&message),
            () = wait => self.attendance.handle_timeout(Instant::now()),
        }
    }

    fn take(&mut self, message: &Value) {
        let now = Instant::now();
        if message["type"] == "mls_said" {
            let from: ParticipantId = fixed(&message["participant"]);
            let leaf = self.attendance.circle().and_then(|circle| circle.leaf_of(&from));
            let leaf = leaf.and_then(|leaf| u16::try_from(leaf.index).ok());
            if from == self.id {
                return;
            }
            let read = said::open(
                &mut self.opener,
                now,
                leaf.unwrap_or(u16::MAX),
                &text(&message["sealed"]),
            );
            self.unread += usize::from(read.is_err());
            self.heard.push((from, read));
        } else if let Some(heard) = read(message) {
            self.attendance.hear(now, heard);
        }
    }

    fn seals_in(&self) -> Option<u64> {
        self.sealer.epoch()
    }
}

async fn next_message(socket: &mut WebSocketStream<TcpStream>, log: &Log) -> Value {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                let message: Value = serde_json::from_str(&text).expect("the server writes JSON");
                log.lock().expect("no panic holds it").push(message.clone());
                return message;
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => panic!("instead of a text: {other:?}"),
        }
    }
}

/// Numbers of requests that are not the circle's.
const OWN_WORDS: u32 = 1_000_000;

fn read(message: &Value) -> Option<Heard> {
    let request = |message: &Value| {
        let request = u32::try_from(message["requestId"].as_u64()?).ok()?;
        (request < OWN_WORDS).then_some(request)
    };
    Some(match message["type"].as_str()? {
        "participant_joined" => Heard::Present(fixed(&message["participant"]["participant"])),
        "participant_left" => Heard::Gone(fixed(&message["participant"])),
        "mls_wanted" => Heard::Wanted {
            participant: fixed(&message["participant"]),
            key_package: text(&message["keyPackage"]),
        },
        "mls_committed" => Heard::Committed {
            group: fixed(&message["group"]),
            epoch: message["epoch"].as_u64()?,
            commit: text(&message["commit"]),
            by: fixed(&message["by"]),
        },
        "mls_welcome" => {
            Heard::Welcome { group: fixed(&message["group"]), welcome: text(&message["welcome"]) }
        }
        "mls_all_ready" => {
            Heard::AllReady { group: fixed(&message["group"]), epoch: message["epoch"].as_u64()? }
        }
        "mls_lost" => Heard::Lost,
        "done" => Heard::Done(request(message)?),
        "error" => Heard::NotDone(request(message)?),
        _ => return None,
    })
}

fn written(request: u32, say: Say) -> Value {
    let ids = |all: &[ParticipantId]| all.iter().map(|id| to_base64url(id)).collect::<Vec<_>>();
    let mut message = match say {
        Say::Create { group } => json!({ "type": "mls_create", "group": to_base64url(&group) }),
        Say::KeyPackage { key_package } => {
            json!({ "type": "mls_key_package", "keyPackage": to_base64url(&key_package) })
        }
        Say::Commit { group, epoch, commit, welcome, added, removed } => json!({
            "type": "mls_commit",
            "group": to_base64url(&group),
            "epoch": epoch,
            "commit": to_base64url(&commit),
            "welcome": welcome.map(|welcome| to_base64url(&welcome)),
            "added": ids(&added),
            "removed": ids(&removed),
        }),
        Say::Resume { group, epoch } => {
            json!({ "type": "mls_resume", "group": to_base64url(&group), "epoch": epoch })
        }
        Say::Ready { group, epoch } => {
            json!({ "type": "mls_ready", "group": to_base64url(&group), "epoch": epoch })
        }
    };
    message["requestId"] = request.into();
    message
}

/// Lets everybody hear and say until something holds.
async fn run(people: &mut [&mut Person], until: impl Fn(&[&mut Person]) -> bool) {
    loop {
        for person in people.iter_mut() {
            person.carry_out().await;
        }
        if until(people) {
            return;
        }
        in_time(select_all(people.iter_mut().map(|person| Box::pin(person.next())))).await;
    }
}

/// All seal in one epoch, of so many members.
fn together(people: &[&mut Person]) -> bool {
    let epochs: BTreeSet<_> = people.iter().map(|person| person.seals_in()).collect();
    let members = people
        .iter()
        .all(|person| person.attendance.circle().is_some_and(|c| c.leaves().len() == people.len()));
    members && epochs.len() == 1 && !epochs.contains(&None)
}

/// Everything in these bytes, as it is and as base64url inside of texts.
struct Haystack(Vec<Vec<u8>>);

impl Haystack {
    fn of(log: &[Value], folder: &Path) -> Self {
        let mut all = Vec::new();
        for message in log {
            gather(message, &mut all);
        }
        walk(folder, &mut all);
        Self(all)
    }

    fn holds(&self, needle: &[u8]) -> bool {
        self.0.iter().any(|bytes| bytes.windows(needle.len()).any(|window| window == needle))
    }
}

fn gather(value: &Value, into: &mut Vec<Vec<u8>>) {
    match value {
        Value::String(text) => {
            into.push(text.as_bytes().to_vec());
            into.extend(from_base64url(text));
        }
        Value::Array(all) => all.iter().for_each(|one| gather(one, into)),
        Value::Object(all) => all.values().for_each(|one| gather(one, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn walk(folder: &Path, into: &mut Vec<Vec<u8>>) {
    for entry in std::fs::read_dir(folder).expect("it can be read").flatten() {
        if entry.path().is_dir() {
            walk(&entry.path(), into);
        } else {
            into.extend(std::fs::read(entry.path()));
        }
    }
}

/// A moderator's link and everybody's, of a new room.
async fn links(server: &RealServer, moderator: [u8; 16], flags: Flags) -> (Link, Link) {
    let slug = server.encrypted_room(&moderator, flags).await;
    let room: RoomId = fixed(&slug.into());
    let guest = LinkKind::Guest {
        secret: link::guest_secret(&moderator, 0),
        fingerprint: link::fingerprint(&link::host_key(&moderator)),
    };
    let link = |kind| Link { room, flags, kind };
    (link(LinkKind::Moderator { secret: moderator }), link(guest))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_saw_gives_no_key_and_the_link_opens_everything() {
    let server = RealServer::start().await;
    let flags = Flags { open: true, raw: false };
    let moderator = random();
    let (of_moderator, of_guest) = links(&server, moderator, flags).await;
    let (log, http) = (Log::default(), server.http());
    let seeds: [[u8; 32]; 6] = std::array::from_fn(|_| random());
    let keys = |at: usize| Keys::of(seeds[2 * at], seeds[2 * at + 1]);
    let mut teacher = Person::enter(http, &of_moderator, keys(0), &log).await;
    let mut pupil = Person::enter(http, &of_guest, keys(1), &log).await;
    run(&mut [&mut teacher, &mut pupil], together).await;

    // Words of a lesson, before, during and after the visit of a third.
    let words = |who: &str, nth: usize| json!({"t": "chat", "text": format!("craie {who} {nth}")});
    let mut told = 0;
    for _ in 0..20 {
        teacher.tell(&words("maîtresse", told)).await;
        pupil.tell(&words("élève", told)).await;
        told += 1;
    }
    let mut guest = Person::enter(http, &of_guest, keys(2), &log).await;
    run(&mut [&mut teacher, &mut pupil, &mut guest], together).await;
    guest.tell(&words("visiteur", 0)).await;
    run(&mut [&mut teacher, &mut pupil, &mut guest], |people| {
        people[..2].iter().all(|person| person.heard.len() == told + 1)
    })
    .await;
    let third = guest.id;
    guest.say(json!({"type": "leave"})).await;
    run(&mut [&mut teacher, &mut pupil], together).await;
    for _ in 0..20 {
        teacher.tell(&words("maîtresse", told)).await;
        pupil.tell(&words("élève", told)).await;
        told += 1;
    }
    run(&mut [&mut teacher, &mut pupil], |people| {
        people.iter().all(|person| person.heard.len() == told + 1)
    })
    .await;

    // Whoever holds the link read all of it.
    for (person, from, who) in [(&teacher, pupil.id, "élève"), (&pupil, teacher.id, "maîtresse")]
    {
        assert_eq!(person.unread, 0, "{:?}", person.heard);
        let said: Vec<Value> = person
            .heard
            .iter()
            .filter(|(by, _)| *by == from)
            .map(|(_, read)| read.clone().expect("read"))
            .collect();
        let expected: Vec<Value> = (0..told).map(|nth| words(who, nth)).collect();
        assert_eq!(said, expected);
        assert!(person.heard.iter().any(|(by, _)| *by == third));
    }
    assert!(teacher.epochs.len() >= 3, "somebody came, and went: {:?}", teacher.epochs);

    // Nothing that makes a key stands in what was said or what is kept.
    let log = log.lock().expect("no panic holds it").clone();
    let haystack = Haystack::of(&log, server.folder());
    let guest_secret = link::guest_secret(&moderator, 0);
    let room = of_guest.room;
    let mut secrets: Vec<Vec<u8>> = vec![
        moderator.to_vec(),
        guest_secret.to_vec(),
        link::host_seed(&moderator).to_vec(),
        link::psk(&room, &guest_secret).to_vec(),
        link::lobby_mac_key(&room, &guest_secret).to_vec(),
        b"craie".to_vec(),
        "Zoé".as_bytes().to_vec(),
    ];
    secrets.extend(seeds.iter().map(|seed| seed.to_vec()));
    for person in [&teacher, &pupil, &guest] {
        secrets.extend(person.epochs.iter().map(|keys| keys.base_key.to_vec()));
    }
    for (at, secret) in secrets.iter().enumerate() {
        assert!(!haystack.holds(secret), "secret {at} was told");
    }
    // What must be there is found: it is looked for rightly.
    for told in [room.to_vec(), link::proof(&guest_secret).to_vec(), keys(0).member_key().to_vec()]
    {
        assert!(haystack.holds(&told));
    }

    // With all of it in hand, OpenMLS lets nobody in and follows no commit.
    stranger_tries(&log, &of_guest, &teacher);
    server.stop().await;
}

/// Somebody who holds the log of the server, its rooms and its proofs, but no link.
fn stranger_tries(log: &[Value], link: &Link, member: &Person) {
    let ground = member.attendance.circle().expect("a member").ground().clone();
    let proof = link.proofs().0;
    // The nearest things to the link's secret that the server has.
    let guesses: [[u8; 16]; 4] = [
        link.room,
        *proof.first_chunk().expect("16 bytes"),
        *proof.last_chunk().expect("16 bytes"),
        link.fingerprint(),
    ];
    let (mut welcomes, mut commits) = (0, 0);
    for message in log {
        match message["type"].as_str() {
            Some("mls_welcome") => {
                welcomes += 1;
                for guess in guesses {
                    let keys = Keys::draw();
                    let claim = keys.claim(link.room, random(), Role::Guest, unix() + 86_400);
                    let identity = keys.identity(&claim, claim.by_link(0, &guess));
                    let stranger = Candidate::new(keys, identity).expect("a key package");
                    let mut known = ground.clone();
                    known.verifier.guest_secrets = vec![(0, guess)];
                    assert!(stranger.join(&text(&message["welcome"]), known, unix()).is_err());
                }
            }
            Some("mls_committed") => {
                commits += 1;
                let keys = Keys::draw();
                let claim = keys.claim(link.room, random(), Role::Guest, unix() + 86_400);
                let identity = keys.identity(&claim, claim.by_link(0, &guesses[1]));
                let mut stranger =
                    Circle::create(keys, &identity, ground.clone()).expect("a circle");
                let before = stranger.base_key();
                let everybody = |_: &ParticipantId| true;
                let commit = text(&message["commit"]);
                assert!(stranger.process(&commit, &everybody, unix()).is_err());
                assert_eq!(stranger.base_key(), before);
                assert!(member.epochs.iter().all(|keys| Ok(keys.base_key) != before));
            }
            _ => {}
        }
    }
    assert!(welcomes >= 2 && commits >= 3, "{welcomes} Welcomes, {commits} commits");
}
