//! Words for some alone. Everybody in the circle has the keys of what it says, so such words have a key
//! of their own, sealed to each of those who may read them.

use serde_json::{Value, json};

use crate::bytes::{Cut, from_base64url, to_base64url};
use crate::crypto::{Enveloped, aes_open, aes_seal, hpke_open, hpke_seal, random};
use crate::frames::Level;
use crate::member::Keys;
use crate::narrow::{self, SealedRoot};
use crate::{ParticipantId, said};

/// Most of those whom words are for. More keys are longer than what the server takes of one message.
pub const MAX_RECIPIENTS: usize = 200;

const KEY_BYTES: usize = 16;
const ENC_BYTES: usize = 32;
const SEALED_KEY_BYTES: usize = 32;
/// Each key is drawn for one body, so the nonce need not differ.
const NONCE: [u8; 12] = [0; 12];

/// Whom words are for, where not for everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// The own breakout group.
    Group,
    /// Moderators.
    Moderators,
    /// One.
    One(ParticipantId),
}

/// Somebody who may read something, with their audience key.
pub type Recipient = (ParticipantId, [u8; 32]);

impl Audience {
    fn name(self) -> String {
        match self {
            Self::Group => "group".to_owned(),
            Self::Moderators => "moderators".to_owned(),
            Self::One(participant) => to_base64url(&participant),
        }
    }

    fn to_json(self) -> Value {
        match self {
            Self::Group | Self::Moderators => self.name().into(),
            Self::One(_) => json!({"one": self.name()}),
        }
    }

    fn from_json(value: &Value) -> Result<Self, Cut> {
        match value.as_str() {
            Some("group") => Ok(Self::Group),
            Some("moderators") => Ok(Self::Moderators),
            Some(_) => Err(Cut),
            None => Ok(Self::One(bytes_of(&value["one"])?)),
        }
    }
}

/// Seals what `sender` says: `keys` by HPKE in base mode, info `"preau words v1" ‖ sender 8`, `body` by
/// AES-128-GCM with a nonce of zeros and the audience's name as additional data.
///
/// # Errors
/// For more than [`MAX_RECIPIENTS`].
pub fn seal(
    sender: ParticipantId,
    to: Audience,
    words: &Value,
    recipients: &[Recipient],
) -> Result<Value, Cut> {
    if recipients.len() > MAX_RECIPIENTS {
        return Err(Cut);
    }
    let key = random::<KEY_BYTES>();
    // A key that is none keeps the words from nobody else.
    let keys = recipients.iter().filter_map(|(participant, audience_key)| {
        let Enveloped { enc, ct } = hpke_seal(audience_key, &info(sender), &[], &key)?;
        Some(key_json(*participant, &enc, &ct))
    });
    let keys: Vec<Value> = keys.collect();
    let body = aes_seal(&key, &NONCE, to.name().as_bytes(), &said::padded(words)).ok_or(Cut)?;
    Ok(json!({"t": "sealed", "to": to.to_json(), "keys": keys, "body": to_base64url(&body)}))
}

/// Opens what `sender` said to some, `own` among them; says to whom.
///
/// # Errors
/// What is for others, or of somebody else, or no words of that kind.
pub fn open(
    keys: &Keys,
    own: ParticipantId,
    sender: ParticipantId,
    sealed: &Value,
) -> Result<(Audience, Value), Cut> {
    if sealed["t"] != "sealed" {
        return Err(Cut);
    }
    let to = Audience::from_json(&sealed["to"])?;
    let (enc, ct) = own_key(sealed, own)?;
    let envelope = Enveloped { enc: enc.to_vec(), ct: ct.to_vec() };
    let key = hpke_open(keys.audience_private(), &info(sender), &[], &envelope).ok_or(Cut)?;
    let body = from_base64url(sealed["body"].as_str().ok_or(Cut)?)?;
    let plain = aes_open(&key, &NONCE, to.name().as_bytes(), &body).ok_or(Cut)?;
    Ok((to, serde_json::from_slice(&plain).map_err(|_| Cut)?))
}

/// The message by which somebody hands the root of a narrow level to those it is for.
#[must_use]
pub fn hand_out(level: Level, root: &[u8; 16], recipients: &[Recipient]) -> Value {
    let keys = recipients.iter().filter_map(|(participant, audience_key)| {
        let SealedRoot { enc, ct } = narrow::seal_root(level, root, audience_key).ok()?;
        Some(key_json(*participant, &enc, &ct))
    });
    json!({"t": "narrow", "level": level as u8, "keys": keys.collect::<Vec<_>>()})
}

/// The root in such a message, and of which level, for one of those it is for.
///
/// # Errors
/// What is for others, or no such message.
pub fn take_root(
    keys: &Keys,
    own: ParticipantId,
    message: &Value,
) -> Result<(Level, [u8; 16]), Cut> {
    let level = match (&message["t"], message["level"].as_u64()) {
        (Value::String(t), Some(1)) if t == "narrow" => Level::Group,
        (Value::String(t), Some(2)) if t == "narrow" => Level::Moderators,
        _ => return Err(Cut),
    };
    let (enc, ct) = own_key(message, own)?;
    let sealed = SealedRoot { enc: enc.to_vec(), ct: ct.to_vec() };
    Ok((level, narrow::open_root(level, &sealed, keys.audience_private())?))
}

fn key_json(participant: ParticipantId, enc: &[u8], ct: &[u8]) -> Value {
    let participant = to_base64url(&participant);
    json!({"participant": participant, "enc": to_base64url(enc), "ct": to_base64url(ct)})
}

fn own_key(
    message: &Value,
    own: ParticipantId,
) -> Result<([u8; ENC_BYTES], [u8; SEALED_KEY_BYTES]), Cut> {
    let keys = message["keys"].as_array().ok_or(Cut)?;
    let is_own = |key: &&Value| bytes_of(&key["participant"]) == Ok(own);
    let key = keys.iter().find(is_own).ok_or(Cut)?;
    Ok((bytes_of(&key["enc"])?, bytes_of(&key["ct"])?))
}

fn bytes_of<const N: usize>(value: &Value) -> Result<[u8; N], Cut> {
    let bytes = from_base64url(value.as_str().ok_or(Cut)?)?;
    bytes.try_into().map_err(|_| Cut)
}

fn info(sender: ParticipantId) -> Vec<u8> {
    [&b"preau words v1"[..], &sender].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENDER: ParticipantId = [1; 8];
    const TEACHER: ParticipantId = [2; 8];
    const PUPIL: ParticipantId = [3; 8];

    #[test]
    fn words_are_read_by_those_they_are_for_of_that_sender_and_audience_alone() {
        let (teacher, pupil) = (Keys::draw(), Keys::draw());
        let chat = json!({"t": "chat", "text": "Je n’ai pas compris"});
        for to in [Audience::Group, Audience::Moderators, Audience::One(TEACHER)] {
            let recipients = [(PUPIL, [0; 32]), (TEACHER, teacher.audience_key())];
            let sealed = seal(SENDER, to, &chat, &recipients).expect("words");
            assert_eq!(open(&teacher, TEACHER, SENDER, &sealed), Ok((to, chat.clone())));
            assert_eq!(open(&pupil, PUPIL, SENDER, &sealed), Err(Cut), "a key that is none");
            assert_eq!(open(&pupil, TEACHER, SENDER, &sealed), Err(Cut));
            assert_eq!(open(&teacher, TEACHER, PUPIL, &sealed), Err(Cut), "of another sender");
            for other in [Audience::Group, Audience::Moderators, Audience::One(PUPIL)] {
                let mut changed = sealed.clone();
                changed["to"] = other.to_json();
                let opened = open(&teacher, TEACHER, SENDER, &changed);
                assert_eq!(opened.is_ok(), other == to, "{other:?}");
            }
        }
        let many = vec![(TEACHER, teacher.audience_key()); MAX_RECIPIENTS + 1];
        assert_eq!(seal(SENDER, Audience::Group, &chat, &many), Err(Cut));
    }

    #[test]
    fn a_root_is_taken_by_those_it_is_for_alone() {
        let (teacher, pupil) = (Keys::draw(), Keys::draw());
        let message = hand_out(Level::Moderators, &[7; 16], &[(TEACHER, teacher.audience_key())]);
        assert_eq!(take_root(&teacher, TEACHER, &message), Ok((Level::Moderators, [7; 16])));
        assert_eq!(take_root(&pupil, PUPIL, &message), Err(Cut));
        let mut lower = message.clone();
        lower["level"] = 1.into();
        assert_eq!(take_root(&teacher, TEACHER, &lower), Err(Cut), "for another level");
    }

    #[test]
    fn what_is_no_such_message_is_refused() {
        let keys = Keys::draw();
        let recipients = [(TEACHER, keys.audience_key())];
        let sealed = seal(SENDER, Audience::Group, &json!({}), &recipients).expect("words");
        let root = hand_out(Level::Group, &[7; 16], &recipients);
        for (field, value) in [
            ("t", json!("chat")),
            ("to", json!("everybody")),
            ("to", json!({"one": "x"})),
            ("keys", json!([])),
            ("keys", json!([{"participant": to_base64url(&TEACHER), "enc": "", "ct": ""}])),
            ("body", json!(3)),
            ("level", json!(3)),
        ] {
            let (mut words, mut narrow) = (sealed.clone(), root.clone());
            words[field] = value.clone();
            narrow[field] = value;
            let is_of_words = field != "level";
            let is_of_roots = ["t", "keys", "level"].contains(&field);
            assert_eq!(open(&keys, TEACHER, SENDER, &words).is_err(), is_of_words, "{words}");
            assert_eq!(take_root(&keys, TEACHER, &narrow).is_err(), is_of_roots, "{narrow}");
        }
    }
}
