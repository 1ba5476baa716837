//! Fixed values of every format, in files that the page's unit tests read as well. What is random when
//! it is sealed is only opened. `PREAU_WRITE_VECTORS=1` writes the files anew.

use std::path::PathBuf;
use std::time::Instant;

use e2ee_member::admission::{Claim, Delegate, Role, Strictness, Verifier};
use e2ee_member::circle::Ground;
use e2ee_member::frames::{self, Codec, Incoming, Level, Opener, Sealer, Source, Verdict};
use e2ee_member::link::{self, Flags, Link, LinkKind};
use e2ee_member::member::Keys;
use e2ee_member::narrow::{self, SealedRoot};
use e2ee_member::{RoomId, ballot, from_base64url, said, to_base64url};
use serde_json::{Value, json};

const ROOM: RoomId = [9; 16];
const MODERATOR: [u8; 16] = [5; 16];
const PERSONAL: [u8; 16] = [4; 16];
const UNTIL: u64 = 1_800_086_400;
const PARTICIPANT: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "vectors", &format!("{name}.json")].iter().collect()
}

fn read(name: &str) -> Value {
    let text = std::fs::read_to_string(path(name)).expect("the file is part of the repository");
    serde_json::from_str(&text).expect("JSON")
}

/// Writes the file, or compares all but what `random` names, which is taken from the file.
fn settle(name: &str, mut expected: Value, random: &[&str]) -> Value {
    if std::env::var_os("PREAU_WRITE_VECTORS").is_some() {
        let text = serde_json::to_string_pretty(&expected).expect("JSON") + "\n";
        std::fs::write(path(name), text).expect("written");
        return expected;
    }
    let found = read(name);
    for pointer in random {
        let value = found.pointer(pointer).unwrap_or_else(|| panic!("{name}: no {pointer}"));
        *expected.pointer_mut(pointer).expect("a value") = value.clone();
    }
    assert_eq!(found, expected, "{name}: PREAU_WRITE_VECTORS=1 writes it anew");
    found
}

fn bytes(value: &Value, pointer: &str) -> Vec<u8> {
    let text =
        value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer}"));
    from_base64url(text).expect("base64url")
}

fn array<const N: usize>(value: &Value, pointer: &str) -> [u8; N] {
    bytes(value, pointer).try_into().unwrap_or_else(|_| panic!("{pointer}: {N} bytes"))
}

fn host_key() -> [u8; 32] {
    link::host_key(&MODERATOR)
}

fn sign_by_host(text: &[u8]) -> [u8; 64] {
    Keys::of(link::host_seed(&MODERATOR), [0; 32]).sign(text)
}

fn personal_certificate() -> ([u8; 32], [u8; 64]) {
    let personal_key = Keys::of(link::personal_seed(&PERSONAL), [0; 32]).member_key();
    (personal_key, sign_by_host(&link::personal_text(&ROOM, &personal_key)))
}

#[test]
fn links_and_their_keys() {
    let secret = link::guest_secret(&MODERATOR, 3);
    let fingerprint = link::fingerprint(&host_key());
    let (personal_key, certificate) = personal_certificate();
    let kinds = [
        LinkKind::Guest { secret, fingerprint },
        LinkKind::Personal { secret, admission: PERSONAL, fingerprint, certificate },
        LinkKind::Moderator { secret: MODERATOR },
    ];
    let mut links = Vec::new();
    for kind in kinds {
        for (open, raw) in [(false, false), (true, false), (false, true), (true, true)] {
            let link = Link { room: ROOM, flags: Flags { open, raw }, kind: kind.clone() };
            let (path, fragment) = link.write();
            let (proof, handle) = link.proofs();
            links.push(json!({
                "path": path,
                "fragment": fragment,
                "open": open,
                "raw": raw,
                "kind": format!("{:?}", link.kind).to_lowercase(),
                "fingerprint": to_base64url(&link.fingerprint()),
                "proof": to_base64url(&proof),
                "handleProof": handle.map(|handle| to_base64url(&handle)),
            }));
        }
    }
    let nonce = [8; 16];
    let poll = link::poll_key(&MODERATOR, &ROOM, &nonce);
    let expected = json!({
        "room": to_base64url(&ROOM),
        "moderatorSecret": to_base64url(&MODERATOR),
        "generation": 3,
        "guestSecret": to_base64url(&secret),
        "guestVerifier": to_base64url(&link::verifier(&secret)),
        "hostKey": to_base64url(&host_key()),
        "fingerprint": to_base64url(&fingerprint),
        "links": links,
        "psk": to_base64url(&link::psk(&ROOM, &secret)),
        "pskId": to_base64url(&link::psk_id(3)),
        "lobbyMacKey": to_base64url(&link::lobby_mac_key(&ROOM, &secret)),
        "lobbyName": { "name": "Zoé", "sealed": to_base64url(&link::seal_lobby_name(&ROOM, &secret, "Zoé")) },
        "roomCodeDigest": to_base64url(&link::room_code_digest(&host_key(), &ROOM)),
        "personal": {
            "admissionSecret": to_base64url(&PERSONAL),
            "personalKey": to_base64url(&personal_key),
            "certificate": to_base64url(&certificate),
        },
        "poll": {
            "nonce": to_base64url(&nonce),
            "privateKey": to_base64url(&poll),
            "publicKey": to_base64url(&ballot::question_key(&poll)),
        },
    });
    let found = settle("link", expected, &["/lobbyName/sealed"]);
    let sealed = bytes(&found, "/lobbyName/sealed");
    assert_eq!(link::open_lobby_name(&ROOM, &secret, &sealed), Ok("Zoé".to_owned()));
    for link in found["links"].as_array().expect("links") {
        let text = |name: &str| link[name].as_str().expect("a text").to_owned();
        let parsed = Link::parse(&text("path"), &text("fragment")).expect("a link");
        let written = (text("path"), text("fragment"));
        assert_eq!(parsed.write(), written);
    }
}

#[test]
fn admissions_and_identities() {
    let keys = Keys::of([7; 32], [6; 32]);
    let secret = link::guest_secret(&MODERATOR, 3);
    let claim = |role| keys.claim(ROOM, PARTICIPANT, role, UNTIL);
    let delegate_keys = Keys::of([11; 32], [12; 32]);
    let mut delegate = Delegate {
        participant: [3; 8],
        until: UNTIL - 3600,
        member_key: delegate_keys.member_key(),
        host_signature: [0; 64],
    };
    delegate.host_signature = sign_by_host(&delegate.claim(ROOM).text());
    let (_, certificate) = personal_certificate();
    let host_seed = link::host_seed(&MODERATOR);
    let guest: Claim = claim(Role::Guest);
    let moderator: Claim = claim(Role::Moderator);
    let all = [
        ("link", guest, guest.by_link(3, &secret)),
        ("host", guest, guest.by_host(&host_seed)),
        ("host", moderator, moderator.by_host(&host_seed)),
        ("delegate", guest, guest.by_delegate(&delegate, &[11; 32])),
        ("personal", guest, guest.by_personal(&link::personal_seed(&PERSONAL), certificate)),
    ];
    let verifier =
        Verifier { room: ROOM, open: true, host_key: host_key(), guest_secrets: vec![(3, secret)] };
    let mut admissions = Vec::new();
    for (kind, claim, admission) in all {
        let identity = keys.identity(&claim, admission.clone());
        let checked = verifier.check(&identity, keys.member_key(), Strictness::Adding, UNTIL);
        assert_eq!(checked, Ok(()), "{kind}");
        admissions.push(json!({
            "kind": kind,
            "role": claim.role as u8,
            "text": to_base64url(&claim.text()),
            "admission": to_base64url(&admission.to_bytes()),
            "identity": to_base64url(&identity.to_bytes()),
        }));
    }
    let contexts: Vec<Value> = [(false, false), (true, false), (false, true), (true, true)]
        .map(|(open, raw)| {
            let ground = Ground {
                verifier: verifier.clone(),
                flags: Flags { open, raw },
                fingerprint: link::fingerprint(&host_key()),
            };
            json!({ "open": open, "raw": raw, "context": to_base64url(&ground.context()) })
        })
        .to_vec();
    let expected = json!({
        "room": to_base64url(&ROOM),
        "moderatorSecret": to_base64url(&MODERATOR),
        "generation": 3,
        "guestSecret": to_base64url(&secret),
        "participant": to_base64url(&PARTICIPANT),
        "until": UNTIL,
        "memberSeed": to_base64url(&[7; 32]),
        "memberKey": to_base64url(&keys.member_key()),
        "audiencePrivateKey": to_base64url(&[6; 32]),
        "audienceKey": to_base64url(&keys.audience_key()),
        "delegate": {
            "participant": to_base64url(&delegate.participant),
            "until": delegate.until,
            "memberSeed": to_base64url(&[11; 32]),
            "memberKey": to_base64url(&delegate.member_key),
            "hostSignature": to_base64url(&delegate.host_signature),
        },
        "personalAdmissionSecret": to_base64url(&PERSONAL),
        "personalCertificate": to_base64url(&certificate),
        "admissions": admissions,
        "contexts": contexts,
    });
    settle("admission", expected, &[]);
}

/// A frame that begins as VP8 says: bit 0 of the first byte is clear in a key frame.
fn vp8(key: bool, length: u8) -> Vec<u8> {
    let mut frame: Vec<u8> = (0..length).collect();
    frame[0] = if key { 0x10 } else { 0x11 };
    frame
}

#[test]
fn sealed_frames() {
    const BASE: [u8; 16] = [1; 16];
    const ROOT: [u8; 16] = [2; 16];
    let cases: [(u16, u64, Source, Level, Codec, Vec<u8>); 12] = [
        (
            0,
            1,
            Source::Data,
            Level::Everybody,
            Codec::Whole,
            said::padded(&json!({"t": "hello", "name": "Zoé"})),
        ),
        (0, 9, Source::Microphone, Level::Everybody, Codec::Opus, vec![0xfc; 40]),
        (2, 256, Source::Microphone, Level::Everybody, Codec::Opus, vec![0xfc]),
        (2, 255, Source::Camera, Level::Everybody, Codec::Vp8, vp8(true, 90)),
        (2, 255, Source::Camera, Level::Everybody, Codec::Vp8, vp8(false, 90)),
        (2, 255, Source::Camera, Level::Everybody, Codec::Vp8, vp8(true, 10)),
        (2, 255, Source::Camera, Level::Everybody, Codec::Vp8, vp8(false, 3)),
        (4095, 511, Source::Camera, Level::Everybody, Codec::Vp9, vp8(true, 90)),
        (4095, 511, Source::Screen, Level::Everybody, Codec::Whole, vp8(true, 90)),
        (4095, 511, Source::ScreenAudio, Level::Everybody, Codec::Opus, vec![0xfc; 3]),
        (31, 7, Source::Microphone, Level::Group, Codec::Opus, vec![0xfc; 30]),
        (
            31,
            7,
            Source::Data,
            Level::Moderators,
            Codec::Whole,
            said::padded(&json!({"t": "opinion"})),
        ),
    ];
    let mut frames = Vec::new();
    for (leaf, epoch, source, level, codec, plain) in cases {
        let (mut sealer, mut opener, now) = (Sealer::default(), Opener::default(), Instant::now());
        sealer.set_epoch(leaf, epoch, BASE);
        opener.set_epoch(now, epoch, BASE);
        for level in [Level::Group, Level::Moderators] {
            sealer.set_root(level, ROOT);
            opener.set_root(now, leaf, level, ROOT);
        }
        // Counters of one, two and three digits of the header.
        for counter in 0..=300_u64 {
            let sealed = sealer.seal(source, level, codec, &plain).expect("a key");
            assert!(sealed.len() <= plain.len() + 23);
            if ![0, 7, 8, 300].contains(&counter) {
                continue;
            }
            let (kid, read) = frames::header(codec, &sealed).expect("a header");
            assert_eq!(read, counter);
            let frame =
                Incoming { slot: 0, expected: (leaf, source), codec, bytes: sealed.clone() };
            assert_eq!(opener.open(now, frame), Verdict::Opened(plain.clone()));
            frames.push(json!({
                "leaf": leaf,
                "epoch": epoch,
                "source": source as u8,
                "level": level as u8,
                "codec": format!("{codec:?}").to_lowercase(),
                "kid": kid.to_u64(),
                "counter": counter,
                "plain": to_base64url(&plain),
                "sealed": to_base64url(&sealed),
            }));
        }
    }
    let expected = json!({
        "baseKey": to_base64url(&BASE),
        "root": to_base64url(&ROOT),
        "narrowBaseKey": to_base64url(&frames::narrow_base(&BASE, &ROOT)),
        "frames": frames,
    });
    settle("frames", expected, &[]);
}

#[test]
fn roots_and_ballots() {
    let keys = Keys::of([7; 32], [6; 32]);
    let root = [2; 16];
    let roots: Vec<Value> = [Level::Group, Level::Moderators]
        .map(|level| {
            let SealedRoot { enc, ct } =
                narrow::seal_root(level, &root, &keys.audience_key()).expect("a key");
            json!({ "level": level as u8, "enc": to_base64url(&enc), "ct": to_base64url(&ct) })
        })
        .to_vec();
    let private = [8; 32];
    let question = ballot::question_key(&private);
    let expected = json!({
        "audiencePrivateKey": to_base64url(&[6; 32]),
        "audienceKey": to_base64url(&keys.audience_key()),
        "root": to_base64url(&root),
        "roots": roots,
        "poll": 258,
        "questionPrivateKey": to_base64url(&private),
        "questionKey": to_base64url(&question),
        "choice": 3,
        "ballot": to_base64url(&ballot::seal(258, &question, 3).expect("a key")),
    });
    let random = ["/roots/0/enc", "/roots/0/ct", "/roots/1/enc", "/roots/1/ct", "/ballot"];
    let found = settle("sealed", expected, &random);
    for (at, level) in [Level::Group, Level::Moderators].into_iter().enumerate() {
        let sealed = SealedRoot {
            enc: bytes(&found, &format!("/roots/{at}/enc")),
            ct: bytes(&found, &format!("/roots/{at}/ct")),
        };
        assert_eq!(narrow::open_root(level, &sealed, keys.audience_private()), Ok(root));
    }
    let private: [u8; 32] = array(&found, "/questionPrivateKey");
    assert_eq!(ballot::open(258, &private, &bytes(&found, "/ballot")), Ok(3));
}
