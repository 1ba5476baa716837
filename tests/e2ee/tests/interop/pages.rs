//! The page's modules, in a process of their own, and what those who meet there have in common.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use e2ee_member::admission::{Admission, Identity, Role, Verifier};
use e2ee_member::circle::Ground;
use e2ee_member::link::{self, Flags};
use e2ee_member::member::Keys;
use e2ee_member::{ParticipantId, RoomId, from_base64url, to_base64url};
use serde_json::{Value, json};

const ROOM: RoomId = [9; 16];
pub(super) const MODERATOR: [u8; 16] = [5; 16];
pub(super) const NOW: u64 = 1_800_000_000;
const OPEN: Flags = Flags { open: true, raw: false };

/// The page's modules, in a process of their own.
pub(super) struct Pages {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Pages {
    pub(super) fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/interop/page.mjs");
        let mut child = Command::new("node")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Node 20 runs");
        let asks = child.stdin.take().expect("it is piped");
        let answers = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut pages = Self { child, asks, answers };
        assert_eq!(pages.hear(), json!({"ready": true}), "`make web-client` installs its modules");
        pages
    }

    fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("it answers");
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line:?}"))
    }

    /// What it answers, refusals among it.
    pub(super) fn ask(&mut self, question: &Value) -> Value {
        writeln!(self.asks, "{question}").expect("it listens");
        self.hear()
    }

    pub(super) fn must(&mut self, question: &Value) -> Value {
        let answer = self.ask(question);
        assert!(answer.get("refused").is_none(), "{question}: {answer}");
        answer
    }

    /// Makes a page's member, who holds `secret` for the guest link's.
    pub(super) fn meet(&mut self, number: u8, secret: [u8; 16]) -> Keys {
        let (seed, audience) = (e2ee_member::random::<32>(), e2ee_member::random::<32>());
        let keys = Keys::of(seed, audience);
        let admission = admission(&keys, number);
        let known = self.must(&json!({
            "op": "member",
            "id": number,
            "seed": to_base64url(&seed),
            "room": to_base64url(&ROOM),
            "participant": to_base64url(&id(number)),
            "audiencePrivateKey": to_base64url(&audience),
            "admission": to_base64url(&admission.to_bytes()),
            "flags": {"open": OPEN.open, "raw": OPEN.raw},
            "fingerprint": to_base64url(&ground().fingerprint),
            "hostKey": to_base64url(&link::host_key(&MODERATOR)),
            "secrets": {"0": to_base64url(&secret)},
            "now": NOW,
        }));
        assert_eq!(text(&known["memberKey"]), keys.member_key());
        assert_eq!(text(&known["audienceKey"]), keys.audience_key());
        keys
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // It ends by itself with its input; waiting would hang on a fault of its own.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn verifier() -> Verifier {
    Verifier {
        room: ROOM,
        open: OPEN.open,
        host_key: link::host_key(&MODERATOR),
        guest_secrets: vec![(0, link::guest_secret(&MODERATOR, 0))],
    }
}

pub(super) fn ground() -> Ground {
    let fingerprint = link::fingerprint(&link::host_key(&MODERATOR));
    Ground { verifier: verifier(), flags: OPEN, fingerprint }
}

pub(super) fn id(number: u8) -> ParticipantId {
    [number; 8]
}

pub(super) fn text(value: &Value) -> Vec<u8> {
    from_base64url(value.as_str().unwrap_or_else(|| panic!("a text: {value}"))).expect("base64url")
}

/// Number 1 is the moderator; everybody else has the link alone.
fn admission(keys: &Keys, number: u8) -> Admission {
    if number == 1 {
        let claim = keys.claim(ROOM, id(number), Role::Moderator, NOW + 86_400);
        claim.by_host(&link::host_seed(&MODERATOR))
    } else {
        let claim = keys.claim(ROOM, id(number), Role::Guest, NOW + 86_400);
        claim.by_link(0, &link::guest_secret(&MODERATOR, 0))
    }
}

/// Keys and identity of one of ours.
pub(super) fn member(number: u8) -> (Keys, Identity) {
    let keys = Keys::draw();
    let admission = admission(&keys, number);
    let claim = keys.claim(ROOM, id(number), admission.role, admission.until);
    let identity = keys.identity(&claim, admission);
    (keys, identity)
}
