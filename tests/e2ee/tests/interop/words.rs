//! Words for some alone, and roots of narrow levels, from one side to the other.

use e2ee_member::frames::Level;
use e2ee_member::link;
use e2ee_member::member::Keys;
use e2ee_member::words::{self, Audience, Recipient};
use e2ee_member::{ParticipantId, said, to_base64url};
use serde_json::{Value, json};

use super::pages::{MODERATOR, Pages, id, text};

/// The page is number 2; numbers 1 and 3 are of ours.
struct Meeting {
    pages: Pages,
    page: Keys,
    teacher: Keys,
    pupil: Keys,
}

const TEACHER: ParticipantId = [1; 8];
const PAGE: ParticipantId = [2; 8];
const PUPIL: ParticipantId = [3; 8];

impl Meeting {
    fn new() -> Self {
        let mut pages = Pages::start();
        let page = pages.meet(2, link::guest_secret(&MODERATOR, 0));
        assert_eq!(id(2), PAGE);
        Self { pages, page, teacher: Keys::draw(), pupil: Keys::draw() }
    }

    fn teacher(&self) -> Recipient {
        (TEACHER, self.teacher.audience_key())
    }

    /// What the page reads of a message of ours; null where it is none, or not for it.
    fn read(&mut self, sender: ParticipantId, message: &Value) -> Value {
        let plain = to_base64url(&said::padded(message));
        let ask =
            json!({"op": "openWords", "id": 2, "sender": to_base64url(&sender), "plain": plain});
        self.pages.must(&ask)
    }

    /// What the page seals.
    fn sealed(&mut self, to: &Value, message: &Value, recipients: &[Recipient]) -> Value {
        let ask = json!({
            "op": "sealWords", "id": 2, "to": to, "message": message, "recipients": listed(recipients),
        });
        self.plain(&ask)
    }

    fn plain(&mut self, ask: &Value) -> Value {
        let answer = self.pages.must(ask);
        serde_json::from_slice(&text(&answer["plain"])).expect("JSON")
    }
}

fn listed(recipients: &[Recipient]) -> Value {
    let one =
        |(participant, key): &Recipient| json!([to_base64url(participant), to_base64url(key)]);
    recipients.iter().map(one).collect()
}

/// Each audience, as the page writes it too.
fn audiences() -> [(Audience, Value); 3] {
    [
        (Audience::Group, json!("group")),
        (Audience::Moderators, json!("moderators")),
        (Audience::One(PAGE), json!({"one": to_base64url(&PAGE)})),
    ]
}

#[test]
fn words_for_some_are_read_by_them_alone_on_the_other_side() {
    let mut meeting = Meeting::new();
    let chat = json!({"t": "chat", "text": "Je n’ai pas compris"});
    let teacher = meeting.teacher();
    let page = (PAGE, meeting.page.audience_key());
    for (to, written) in audiences() {
        // From here to the page.
        let sealed = words::seal(TEACHER, to, &chat, &[teacher, page]).expect("words");
        let read = meeting.read(TEACHER, &sealed);
        assert_eq!(read, json!({"to": written, "message": chat}), "{to:?}");
        assert_eq!(meeting.read(PUPIL, &sealed)["message"], Value::Null, "of another sender");
        let others = words::seal(TEACHER, to, &chat, &[teacher]).expect("words");
        assert_eq!(meeting.read(TEACHER, &others)["message"], Value::Null, "for others");
        let mut moved = sealed;
        moved["to"] = json!({"one": to_base64url(&PUPIL)});
        assert_eq!(meeting.read(TEACHER, &moved)["message"], Value::Null, "for another audience");

        // And back.
        let sealed = meeting.sealed(&written, &chat, &[teacher, page]);
        let Meeting { teacher: keys, pupil, page: own, .. } = &meeting;
        let opened = words::open(keys, TEACHER, PAGE, &sealed);
        assert_eq!(opened, Ok((to, chat.clone())));
        assert_eq!(words::open(own, PAGE, PAGE, &sealed), opened, "whoever says it reads it too");
        assert!(words::open(keys, TEACHER, PUPIL, &sealed).is_err(), "of another sender");
        assert!(words::open(pupil, PUPIL, PAGE, &sealed).is_err(), "for others");
        assert!(words::open(pupil, TEACHER, PAGE, &sealed).is_err(), "by another key");
        let mut moved = sealed;
        moved["to"] = json!({"one": to_base64url(&PUPIL)});
        assert!(words::open(keys, TEACHER, PAGE, &moved).is_err(), "for another audience");
    }
}

#[test]
fn both_hold_to_the_same_bound_of_recipients() {
    let mut meeting = Meeting::new();
    let page = meeting.page.audience_key();
    let numbered = |number: usize| {
        let participant = if number == 0 { PAGE } else { number.to_be_bytes() };
        (participant, page)
    };
    let more: Vec<Recipient> = (0..=words::MAX_RECIPIENTS).map(numbered).collect();
    let most = &more[..words::MAX_RECIPIENTS];
    let sealed = words::seal(TEACHER, Audience::Group, &json!({}), most).expect("words");
    assert_eq!(meeting.read(TEACHER, &sealed)["message"], json!({}));
    let mut longer = sealed;
    let keys = longer["keys"].as_array_mut().expect("keys");
    keys.push(keys[0].clone());
    assert_eq!(meeting.read(TEACHER, &longer), json!({"to": null, "message": null}));
    let ask = json!({
        "op": "sealWords", "id": 2, "to": "group", "message": {}, "recipients": listed(&more),
    });
    assert!(meeting.pages.ask(&ask).get("refused").is_some());
}

#[test]
fn the_root_of_a_level_is_handed_to_those_it_is_for_on_the_other_side() {
    let mut meeting = Meeting::new();
    let (teacher, page) = (meeting.teacher(), (PAGE, meeting.page.audience_key()));
    for (level, number) in [(Level::Group, 1), (Level::Moderators, 2)] {
        let root = e2ee_member::random::<16>();
        let message = words::hand_out(level, &root, &[teacher, page]);
        let plain = to_base64url(&said::padded(&message));
        let taken = meeting.pages.must(&json!({"op": "takeRoot", "id": 2, "plain": plain}));
        assert_eq!(taken, json!({"level": number, "root": to_base64url(&root)}));
        let plain = to_base64url(&said::padded(&words::hand_out(level, &root, &[teacher])));
        let taken = meeting.pages.must(&json!({"op": "takeRoot", "id": 2, "plain": plain}));
        assert_eq!(taken["root"], Value::Null, "for others");
        let mut other = message;
        other["level"] = (3 - number).into();
        let plain = to_base64url(&said::padded(&other));
        let taken = meeting.pages.must(&json!({"op": "takeRoot", "id": 2, "plain": plain}));
        assert_eq!(taken["root"], Value::Null, "of another level");

        let ask = json!({
            "op": "handOut", "id": 2, "level": number, "root": to_base64url(&root),
            "recipients": listed(&[teacher]),
        });
        let message = meeting.plain(&ask);
        assert_eq!(words::take_root(&meeting.teacher, TEACHER, &message), Ok((level, root)));
        assert!(words::take_root(&meeting.pupil, PUPIL, &message).is_err(), "for others");
    }
}
