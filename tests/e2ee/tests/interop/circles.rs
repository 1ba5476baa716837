//! One circle of both kinds: adds, batches, removals, returns, and what neither takes of the other.

use std::time::Instant;

use e2ee_member::circle::{Candidate, Circle, Processed, Refused};
use e2ee_member::frames::{Codec, Incoming, Level, Opener, Sealer, Source, Verdict};
use e2ee_member::link;
use e2ee_member::{ParticipantId, said, to_base64url};
use serde_json::{Value, json};

use super::pages::{MODERATOR, NOW, Pages, ground, id, member, text};

fn candidate(number: u8) -> Candidate {
    let (keys, identity) = member(number);
    Candidate::new(keys, identity).expect("a key package")
}

fn creator(number: u8) -> Circle {
    let (keys, identity) = member(number);
    Circle::create(keys, &identity, ground()).expect("a circle")
}

fn everybody(_: &ParticipantId) -> bool {
    true
}

fn but(gone: u8) -> impl Fn(&ParticipantId) -> bool {
    move |participant| *participant != id(gone)
}

/// One in the room: of either kind.
enum Member {
    Here(Box<Circle>),
    Page(u8),
}

/// A circle of both kinds, and what its members say of it.
struct Room {
    pages: Pages,
    members: Vec<Member>,
}

impl Room {
    fn new(first: Member) -> Self {
        let mut room = Self { pages: Pages::start(), members: Vec::new() };
        if let Member::Page(number) = &first {
            room.pages.meet(*number, link::guest_secret(&MODERATOR, 0));
            room.pages.must(&json!({"op": "create", "id": number}));
        }
        room.members.push(first);
        room
    }

    /// A page that waits, with its key package.
    fn knock(&mut self, number: u8) -> Vec<u8> {
        self.pages.meet(number, link::guest_secret(&MODERATOR, 0));
        let ticket = self.pages.must(&json!({"op": "ticket", "id": number}));
        text(&ticket["keyPackage"])
    }

    /// Makes a commit by one member once `gone` has left; gives commit and Welcome.
    fn commit(
        &mut self,
        by: usize,
        add: &[&[u8]],
        remove: &[u32],
        gone: u8,
    ) -> (Vec<u8>, Option<Vec<u8>>) {
        match &mut self.members[by] {
            Member::Here(circle) => {
                let committed = circle.commit(add, remove).expect("a commit");
                (committed.commit, committed.welcome)
            }
            Member::Page(number) => {
                let gone = [to_base64url(&id(gone))];
                self.pages.must(&json!({"op": "gone", "id": number, "participants": gone}));
                let add: Vec<String> = add.iter().map(|bytes| to_base64url(bytes)).collect();
                let ask = json!({"op": "commit", "id": number, "add": add, "remove": remove, "generation": 0});
                let made = self.pages.must(&ask);
                let welcome = Some(&made["welcome"]).filter(|welcome| !welcome.is_null());
                (text(&made["commit"]), welcome.map(text))
            }
        }
    }

    /// Everybody takes a commit that `by` made; whoever it removes is no member any more.
    fn take(&mut self, by: usize, commit: &[u8], gone: u8) {
        let commit_text = to_base64url(commit);
        let mut left = Vec::new();
        for (at, member) in self.members.drain(..).enumerate() {
            match member {
                Member::Here(mut circle) => {
                    let processed =
                        circle.process(commit, &but(gone), NOW).expect("the next epoch");
                    match processed {
                        Processed::Advanced(_) => left.push(Member::Here(circle)),
                        Processed::Removed => {
                            assert!(circle.base_key().is_err(), "no key any more")
                        }
                    }
                }
                Member::Page(number) => {
                    let gone = [to_base64url(&id(gone))];
                    self.pages.must(&json!({"op": "gone", "id": number, "participants": gone}));
                    let ask = if at == by {
                        json!({"op": "merge", "id": number})
                    } else {
                        json!({"op": "process", "id": number, "commit": commit_text})
                    };
                    let answer = self.pages.must(&ask);
                    if answer.get("removed").is_none() {
                        left.push(Member::Page(number));
                    }
                }
            }
        }
        self.members = left;
    }

    fn welcome_here(&mut self, candidate: Candidate, welcome: &[u8]) {
        let circle = candidate.join(welcome, ground(), NOW).expect("a member");
        self.members.push(Member::Here(Box::new(circle)));
    }

    fn welcome_page(&mut self, number: u8, welcome: &[u8]) {
        let welcome = to_base64url(welcome);
        self.pages.must(&json!({"op": "join", "id": number, "welcome": welcome}));
        self.members.push(Member::Page(number));
    }

    /// Everybody has the same epoch, key and leaves; gives the key.
    fn agree(&mut self, participants: &[u8]) -> Vec<u8> {
        let mut said = Vec::new();
        for member in &self.members {
            said.push(match member {
                Member::Here(circle) => {
                    let leaves = circle.leaves().iter();
                    let leaves: Vec<_> = leaves
                        .map(|leaf| json!([leaf.index, to_base64url(&leaf.identity.participant)]))
                        .collect();
                    json!({
                        "group": to_base64url(circle.group_id()),
                        "epoch": circle.epoch(),
                        "baseKey": to_base64url(&circle.base_key().expect("a key")),
                        "leaves": leaves,
                    })
                }
                Member::Page(number) => {
                    let mut place = self.pages.must(&json!({"op": "where", "id": number}));
                    place.as_object_mut().expect("an object").remove("leaf");
                    place
                }
            });
        }
        assert!(said.windows(2).all(|pair| pair[0] == pair[1]), "{said:#?}");
        let leaves = said[0]["leaves"].as_array().expect("leaves");
        let mut present: Vec<Vec<u8>> = leaves.iter().map(|leaf| text(&leaf[1])).collect();
        present.sort();
        let expected: Vec<Vec<u8>> =
            participants.iter().map(|number| id(*number).to_vec()).collect();
        assert_eq!(present, expected);
        text(&said[0]["baseKey"])
    }

    fn leaf_of(&self, number: u8) -> u32 {
        let here = self.members.iter().find_map(|member| match member {
            Member::Here(circle) => Some(circle),
            Member::Page(_) => None,
        });
        here.expect("one of ours").leaf_of(&id(number)).expect("a leaf").index
    }
}

const NOBODY: u8 = 0;

/// Adds, batches, removals, own keys alone and returns, in turns of both kinds.
fn live(mut room: Room) {
    // One of each kind is there already: 1 and 2.
    let mut keys = vec![room.agree(&[1, 2])];

    // A batch of both kinds, added by each kind.
    for by in [0, 1] {
        let (here, page) = (candidate(3), room.knock(4));
        let (commit, welcome) = room.commit(by, &[here.key_package(), &page], &[], NOBODY);
        let welcome = welcome.expect("a welcome");
        room.take(by, &commit, NOBODY);
        room.welcome_here(here, &welcome);
        room.welcome_page(4, &welcome);
        keys.push(room.agree(&[1, 2, 3, 4]));

        // Both removed again, one by each kind.
        for (remover, gone, left) in [(0, 3, &[1, 2, 4][..]), (1, 4, &[1, 2][..])] {
            let leaf = room.leaf_of(gone);
            let (commit, welcome) = room.commit(remover, &[], &[leaf], gone);
            assert_eq!(welcome, None);
            room.take(remover, &commit, gone);
            keys.push(room.agree(left));
        }
    }

    // Own keys alone, by each kind.
    for by in [0, 1] {
        let (commit, _) = room.commit(by, &[], &[], NOBODY);
        room.take(by, &commit, NOBODY);
        keys.push(room.agree(&[1, 2]));
    }

    // Somebody comes back before their old leaf was removed: one commit does both.
    for by in [0, 1] {
        let first = room.knock(5);
        let (commit, welcome) = room.commit(by, &[&first], &[], NOBODY);
        room.take(by, &commit, NOBODY);
        room.welcome_page(5, &welcome.expect("a welcome"));
        room.agree(&[1, 2, 5]);
        let leaf = room.leaf_of(5);
        room.members.pop();
        let again = candidate(5);
        let (commit, welcome) = room.commit(by, &[again.key_package()], &[leaf], NOBODY);
        room.take(by, &commit, NOBODY);
        room.welcome_here(again, &welcome.expect("a welcome"));
        keys.push(room.agree(&[1, 2, 5]));
        let leaf = room.leaf_of(5);
        let (commit, _) = room.commit(by, &[], &[leaf], 5);
        room.take(by, &commit, 5);
        keys.push(room.agree(&[1, 2]));
    }
    let count = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), count, "no epoch has the key of another one");
}

#[test]
fn a_circle_made_here_lives_with_pages_in_it() {
    let mut room = Room::new(Member::Here(Box::new(creator(1))));
    let page = room.knock(2);
    let (commit, welcome) = room.commit(0, &[&page], &[], NOBODY);
    room.take(0, &commit, NOBODY);
    room.welcome_page(2, &welcome.expect("a welcome"));
    live(room);
}

#[test]
fn a_circle_made_by_a_page_lives_with_members_from_here() {
    let mut room = Room::new(Member::Page(1));
    let here = candidate(2);
    let (commit, welcome) = room.commit(0, &[here.key_package()], &[], NOBODY);
    room.take(0, &commit, NOBODY);
    room.welcome_here(here, &welcome.expect("a welcome"));
    live(room);
}

/// One of ours (1), and a page (2).
fn pair() -> (Pages, Circle) {
    let mut room = Room::new(Member::Here(Box::new(creator(1))));
    let page = room.knock(2);
    let (commit, welcome) = room.commit(0, &[&page], &[], NOBODY);
    room.take(0, &commit, NOBODY);
    room.welcome_page(2, &welcome.expect("a welcome"));
    room.agree(&[1, 2]);
    let Some(Member::Here(circle)) = room.members.into_iter().next() else { panic!("one of ours") };
    (room.pages, *circle)
}

#[test]
fn whoever_is_removed_cannot_derive_the_next_key() {
    // A page, by us: what its library gives it when it goes on all the same is no key of ours.
    let (mut pages, mut circle) = pair();
    let before = circle.base_key().expect("a key");
    let leaf = circle.leaf_of(&id(2)).expect("a leaf").index;
    let committed = circle.commit(&[], &[leaf]).expect("a commit");
    circle.process(&committed.commit, &but(2), NOW).expect("the next epoch");
    let after = circle.base_key().expect("a key");
    assert_ne!(before, after);
    let commit = to_base64url(&committed.commit);
    let derived = pages.ask(&json!({"op": "derive", "id": 2, "commit": commit}));
    if derived.get("refused").is_none() {
        assert_ne!(text(&derived["baseKey"]), after, "the removed page has the next key");
    }
    let processed = pages.must(&json!({"op": "process", "id": 2, "commit": commit}));
    assert_eq!(processed, json!({"removed": true}));

    // One of ours, by a page: OpenMLS has no key for it.
    let (mut pages, mut circle) = pair();
    pages.must(&json!({"op": "gone", "id": 2, "participants": [to_base64url(&id(1))]}));
    let ask =
        json!({"op": "commit", "id": 2, "add": [], "remove": [circle.own_leaf()], "generation": 0});
    let made = pages.must(&ask);
    let after = pages.must(&json!({"op": "merge", "id": 2}));
    let before = circle.base_key().expect("a key");
    assert_ne!(text(&after["baseKey"]), before);
    assert_eq!(circle.process(&text(&made["commit"]), &everybody, NOW), Ok(Processed::Removed));
    assert!(circle.base_key().is_err());
}

#[test]
fn without_the_link_nobody_gets_in_on_either_side() {
    let (mut pages, mut circle) = pair();
    // Welcomed here, with another secret.
    let third = candidate(3);
    let add = [to_base64url(third.key_package())];
    let ask = json!({"op": "commit", "id": 2, "add": add, "remove": [], "generation": 0});
    let made = pages.must(&ask);
    let mut other = ground();
    other.verifier.guest_secrets = vec![(0, [1; 16])];
    assert!(third.join(&text(&made["welcome"]), other, NOW).is_err());

    // Welcomed as a page, with another secret.
    let mut room = Room { pages, members: Vec::new() };
    room.pages.meet(4, [1; 16]);
    let ticket = room.pages.must(&json!({"op": "ticket", "id": 4}));
    let committed = circle.commit(&[&text(&ticket["keyPackage"])], &[]).expect("a commit");
    let welcome = to_base64url(&committed.welcome.expect("a welcome"));
    let joined = room.pages.ask(&json!({"op": "join", "id": 4, "welcome": welcome}));
    assert!(joined.get("refused").is_some(), "{joined}");
}

#[test]
fn both_refuse_what_the_other_may_not_do() {
    let (mut pages, mut circle) = pair();
    let third = to_base64url(candidate(3).key_package());
    let (own, page) = (circle.own_leaf(), circle.leaf_of(&id(2)).expect("a leaf").index);
    let before = circle.base_key();
    // By a page that keeps to no rule.
    let rogues = [
        (json!({"add": [third], "remove": [], "generations": []}), Refused::WithoutPsk),
        (json!({"add": [], "remove": [], "generations": [0]}), Refused::WithoutPsk),
        (
            json!({"add": [to_base64url(candidate(1).key_package())], "remove": [], "generations": [0]}),
            Refused::SecondLeaf,
        ),
    ];
    for (mut ask, refused) in rogues {
        ask["op"] = "rogue".into();
        ask["id"] = 2.into();
        let made = pages.must(&ask);
        let processed = circle.process(&text(&made["commit"]), &everybody, NOW);
        assert_eq!(processed, Err(refused), "{ask}");
    }
    let ask = json!({"op": "rogue", "id": 2, "add": [], "remove": [], "generations": [], "context": true});
    let made = pages.must(&ask);
    assert!(circle.process(&text(&made["commit"]), &everybody, NOW).is_err());
    assert_eq!(circle.base_key(), before);

    // By one of ours that does not.
    let there = pages.must(&json!({"op": "where", "id": 2}));
    let ghost = candidate(3);
    let double = candidate(2);
    let (ghost, double) = (ghost.key_package(), double.key_package());
    let mut rogue = |added: &[&[u8]], removed: &[u32], psks: &[u32], context: bool| {
        let made = circle.commit_without_rules(added, removed, psks, context).expect("a commit");
        circle.drop_pending().expect("dropped");
        to_base64url(&made.commit)
    };
    let rogues = [
        rogue(&[ghost], &[], &[], false),
        rogue(&[], &[], &[0], false),
        rogue(&[double], &[], &[0], false),
        rogue(&[ghost], &[page], &[0], false),
        rogue(&[], &[], &[], true),
    ];
    for (at, commit) in rogues.into_iter().enumerate() {
        // The fourth gives the page's leaf to somebody else: it is out, and knows it.
        let answer = pages.ask(&json!({"op": "process", "id": 2, "commit": commit}));
        if at == 3 {
            assert_eq!(answer, json!({"removed": true}));
        } else {
            assert!(answer.get("refused").is_some(), "{at}: {answer}");
        }
        assert_eq!(pages.must(&json!({"op": "where", "id": 2})), there, "{at}");
    }
    assert_eq!(own, circle.own_leaf());
}

#[test]
fn frames_and_messages_open_on_the_other_side() {
    let (mut pages, circle) = pair();
    let now = Instant::now();
    let (mut sealer, mut opener) = (Sealer::default(), Opener::default());
    let base_key = circle.base_key().expect("a key");
    let leaf = u16::try_from(circle.own_leaf()).expect("a small circle");
    sealer.set_epoch(leaf, circle.epoch(), base_key);
    opener.set_epoch(now, circle.epoch(), base_key);
    let theirs = u16::try_from(circle.leaf_of(&id(2)).expect("a leaf").index).expect("small");
    let root = [7; 16];
    for level in [Level::Group, Level::Moderators] {
        sealer.set_root(level, root);
        opener.set_root(now, theirs, level, root);
    }
    let mut key_frame = vec![0x42; 2_000];
    key_frame[0] = 0x10;
    let mut delta = key_frame.clone();
    delta[0] = 0x11;
    let cases: [(Source, &str, Codec, Value, &[u8]); 5] = [
        (Source::Microphone, "microphone", Codec::Opus, "audio/opus".into(), &[0xfc; 80]),
        (Source::Camera, "camera", Codec::Vp8, "video/VP8".into(), &key_frame),
        (Source::Camera, "camera", Codec::Vp8, "video/VP8".into(), &delta),
        (Source::Screen, "screen", Codec::Vp9, "video/VP9".into(), &delta),
        (Source::Data, "data", Codec::Whole, Value::Null, b"{}"),
    ];
    for (source, name, codec, mime_type, plain) in cases {
        for level in [Level::Everybody, Level::Group, Level::Moderators] {
            for _ in 0..10 {
                let sealed = sealer.seal(source, level, codec, plain).expect("a key");
                let ask = json!({
                    "op": "open", "id": 2, "mimeType": mime_type,
                    "sealed": to_base64url(&sealed), "root": to_base64url(&root),
                });
                let opened = pages.must(&ask);
                assert_eq!(text(&opened["plain"]), plain, "{name}");
                assert_eq!((&opened["leaf"], &opened["source"]), (&leaf.into(), &name.into()));

                let ask = json!({
                    "op": "seal", "id": 2, "mimeType": mime_type, "source": name, "level": level as u8,
                    "plain": to_base64url(plain), "root": to_base64url(&root),
                });
                let bytes = text(&pages.must(&ask)["sealed"]);
                let frame = Incoming { slot: 0, expected: (theirs, source), codec, bytes };
                assert_eq!(opener.open(now, frame), Verdict::Opened(plain.to_vec()), "{name}");
            }
        }
    }

    // Messages: the same padding, and read by the other.
    let message = json!({"t": "chat", "text": "Où est passée la craie ?"});
    let plain = said::padded(&message);
    let decoded = pages.must(&json!({"op": "decode", "plain": to_base64url(&plain)}));
    assert_eq!(decoded["message"], message);
    let encoded = pages.must(&json!({"op": "encode", "message": message}));
    let read: Value = serde_json::from_slice(&text(&encoded["plain"])).expect("JSON");
    assert_eq!((read, text(&encoded["plain"]).len()), (message, plain.len()));
}
