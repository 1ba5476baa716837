//! One line of a recording's journal: what was said before it, who answered what, who was given
//! access, what was erased. Each names the hash of the one before and is signed, so that a line
//! that was changed, left out or cut off at the end shows.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::{
    ParticipantId, RecipientInfo, RecordingEnd, RecordingId, RecordingInfo, RecordingTerms,
    Redacted, Signature,
};
use ring::signature::{Ed25519KeyPair, KeyPair};
use room::Answered;
use serde::Serialize;

use crate::secret::sha256;

/// What a line says.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub(crate) enum Entry {
    /// What everybody was told. Names the recording, so that no other's journal fits it.
    Terms {
        recording: RecordingId,
        terms: RecordingTerms,
        recipients: Vec<RecipientInfo>,
        /// The host key's word on them, where the room is encrypted.
        #[serde(skip_serializing_if = "Option::is_none")]
        recipients_signature: Option<Redacted<Signature>>,
        text_version: u16,
        authorisations: bool,
        asked_by: ParticipantId,
        asked_by_name: Redacted<String>,
    },
    /// What one person said. Whoever refused stands here under a number of this journal alone, and
    /// without a name: nobody who reads it learns who they were.
    Answer {
        person: ParticipantId,
        #[serde(skip_serializing_if = "Option::is_none")]
        pseudonym: Option<Redacted<String>>,
        answer: Word,
    },
    /// Somebody was given a link of their own.
    Grant { grant: String },
    /// That link opens nothing any more.
    Revoke { grant: String },
    /// Everything of one person was erased.
    Erased { person: ParticipantId },
    /// Nothing follows but what is decided afterwards.
    Ended { cause: &'static str },
}

/// What somebody said of themselves, or did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Word {
    Accepted,
    Refused,
    Withdrawn,
    Left,
}

impl Entry {
    pub(crate) fn terms(info: &RecordingInfo, authorisations: bool) -> Self {
        Self::Terms {
            recording: info.recording,
            terms: info.terms.clone(),
            recipients: info.recipients.clone(),
            recipients_signature: info.recipients_signature,
            text_version: info.text_version,
            authorisations,
            asked_by: info.asked_by,
            asked_by_name: info.asked_by_name.clone(),
        }
    }

    pub(crate) fn answer(
        recording: RecordingId,
        person: ParticipantId,
        pseudonym: Redacted<String>,
        answer: Answered,
        key: &SigningKey,
    ) -> Self {
        let answer = match answer {
            Answered::Accepted => Word::Accepted,
            Answered::Refused => Word::Refused,
            Answered::Withdrawn => Word::Withdrawn,
            Answered::Left => Word::Left,
        };
        if answer == Word::Refused {
            let person = key.number_of(recording, person);
            return Self::Answer { person, pseudonym: None, answer };
        }
        Self::Answer { person, pseudonym: Some(pseudonym), answer }
    }

    /// Whether it opens something, so that it may be refused when a journal is too long.
    pub(crate) const fn lets_in(&self) -> bool {
        matches!(self, Self::Answer { answer: Word::Accepted, .. } | Self::Grant { .. })
    }

    pub(crate) const fn ended(cause: RecordingEnd) -> Self {
        let cause = match cause {
            RecordingEnd::Stopped => "stopped",
            RecordingEnd::DiskFull => "disk_full",
            RecordingEnd::Failed => "failed",
            RecordingEnd::RoomEnded => "room_ended",
        };
        Self::Ended { cause }
    }
}

/// Where a journal stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chain {
    /// Lines so far.
    pub(crate) lines: u32,
    /// Hash of the last, as text; empty before the first.
    pub(crate) last_hash: String,
}

impl Chain {
    /// The next line's text, and where the journal stands after it. The signature and the hash are
    /// over the text of the line itself.
    pub(crate) fn next(&self, at: u64, what: &Entry, key: &SigningKey) -> (String, Self) {
        #[derive(Serialize)]
        struct Line<'a> {
            n: u32,
            at: u64,
            what: &'a Entry,
            previous: &'a str,
        }
        let line = Line { n: self.lines, at, what, previous: &self.last_hash };
        let line = serde_json::to_string(&line).expect("a line is plain data");
        let last_hash = URL_SAFE_NO_PAD.encode(sha256(line.as_bytes()));
        let signature = key.sign(&line);
        let text = format!(r#"{{"line":{line},"signature":"{signature}"}}"#);
        (text, Self { lines: self.lines + 1, last_hash })
    }
}

/// Signs what this server says about recordings.
pub(crate) struct SigningKey(Ed25519KeyPair);

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey([redacted])")
    }
}

impl SigningKey {
    pub(crate) fn new(seed: &Redacted<[u8; 32]>) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose());
        Self(pair.expect("any 32 bytes are a seed of Ed25519"))
    }

    /// Of a text, as base64url.
    pub(crate) fn sign(&self, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.0.sign(text.as_bytes()))
    }

    /// Under which number somebody stands in the journal of a recording they refused. Only this key
    /// makes it.
    fn number_of(&self, recording: RecordingId, person: ParticipantId) -> ParticipantId {
        let text =
            format!("preau refusal v1\n{}\n{}", recording.expose_text(), person.expose_text());
        let [a, b, c, d, e, f, g, h, ..] = sha256(self.0.sign(text.as_bytes()).as_ref());
        ParticipantId::from_bytes([a, b, c, d, e, f, g, h])
    }

    /// The public half, as base64url.
    pub(crate) fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.public_key())
    }
}

/// Reads a journal from its lines' texts, as the page does it: what each says, when every one is as it
/// was written and none is missing.
#[cfg(test)]
pub(crate) fn verify(
    texts: &[String],
    chain: &Chain,
    public: &str,
) -> Result<Vec<serde_json::Value>, &'static str> {
    use ring::signature::{ED25519, UnparsedPublicKey};
    let key = UnparsedPublicKey::new(&ED25519, URL_SAFE_NO_PAD.decode(public).unwrap());
    let (mut said, mut previous) = (Vec::new(), String::new());
    for (n, text) in texts.iter().enumerate() {
        let (line, signature) = text
            .strip_prefix(r#"{"line":"#)
            .and_then(|rest| rest.rsplit_once(r#","signature":""#))
            .ok_or("no line")?;
        let signature = signature.strip_suffix(r#""}"#).ok_or("no line")?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| "no signature")?;
        key.verify(line.as_bytes(), &signature).map_err(|_| "not signed")?;
        let value: serde_json::Value = serde_json::from_str(line).map_err(|_| "not JSON")?;
        if value["n"] != n || value["previous"] != previous {
            return Err("out of order");
        }
        previous = URL_SAFE_NO_PAD.encode(sha256(line.as_bytes()));
        said.push(value["what"].clone());
    }
    let is_whole = texts.len() == chain.lines as usize && previous == chain.last_hash;
    is_whole.then_some(said).ok_or("cut")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> (Vec<String>, Chain, SigningKey) {
        let key = SigningKey::new(&Redacted::new([7; 32]));
        let recording = RecordingId::from_bytes([1; 16]);
        let said = |person, name: &str, answer| {
            Entry::answer(recording, person, name.to_owned().into(), answer, &key)
        };
        let person = ParticipantId::from_bytes([3; 8]);
        let (mut texts, mut chain) = (vec![], Chain::default());
        for (at, entry) in [
            said(person, "Éloïse \"x\" \u{7f}\u{2028}", Answered::Accepted),
            Entry::Grant { grant: "abc".to_owned() },
            said(person, "</script>", Answered::Withdrawn),
            Entry::ended(RecordingEnd::DiskFull),
        ]
        .iter()
        .enumerate()
        {
            let (text, next) = chain.next(at as u64, entry, &key);
            texts.push(text);
            chain = next;
        }
        (texts, chain, key)
    }

    #[test]
    fn r20_no_line_tells_who_refused() {
        let (_, chain, key) = journal();
        let person = ParticipantId::from_bytes([3; 8]);
        let line = |recording, person| {
            let recording = RecordingId::from_bytes([recording; 16]);
            let name = "Zoé Quetzal".to_owned().into();
            let entry = Entry::answer(recording, person, name, Answered::Refused, &key);
            chain.next(9, &entry, &key).0
        };
        let refused = line(1, person);
        assert!(refused.contains("refused") && !refused.contains("Quetzal"), "{refused}");
        assert!(!refused.contains(person.expose_text().as_str()), "{refused}");
        assert_eq!(line(1, person), refused, "a second no is the same person's");
        assert_ne!(line(2, person), refused, "and in another recording nobody's");
    }

    #[test]
    fn r23_a_journal_in_which_any_byte_or_line_was_changed_is_seen_to_be() {
        let (texts, chain, key) = journal();
        let public = key.public();
        let said = verify(&texts, &chain, &public).unwrap();
        assert_eq!(said[0]["answer"], "accepted");
        assert_eq!(said[3], serde_json::json!({ "kind": "ended", "cause": "disk_full" }));
        for n in 0..texts.len() {
            for at in 0..texts[n].len() {
                let mut bytes = texts[n].clone().into_bytes();
                bytes[at] ^= 1;
                let Ok(altered) = String::from_utf8(bytes) else { continue };
                let mut texts = texts.clone();
                texts[n] = altered;
                assert!(verify(&texts, &chain, &public).is_err(), "byte {at} of line {n}");
            }
            let mut missing = texts.clone();
            missing.remove(n);
            assert!(verify(&missing, &chain, &public).is_err(), "without line {n}");
        }
        let mut swapped = texts.clone();
        swapped.swap(1, 2);
        assert!(verify(&swapped, &chain, &public).is_err());
        let mut longer = texts.clone();
        longer.push(chain.next(9, &Entry::ended(RecordingEnd::Stopped), &key).0);
        assert!(verify(&longer, &chain, &public).is_err());
        let other = SigningKey::new(&Redacted::new([8; 32])).public();
        assert!(verify(&texts, &chain, &other).is_err());
    }
}
