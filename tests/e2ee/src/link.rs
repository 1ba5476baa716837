//! Links of encrypted rooms, and the keys that follow from them.
//!
//! A word names the form: `v1`, `p` (personal) or `m` (moderator), then `e` and the flags `o` (open)
//! and `r` (raw frames), in this order. Whoever holds such a link accepts nothing less, whatever the
//! server says.

use crate::admission::{PERSONAL_LABEL, Role};
use crate::bytes::{Cut, from_base64url, to_base64url};
use crate::crypto::{aes_open, aes_seal, ed25519_public, ed25519_verify, hkdf, random, sha256};
use crate::{ParticipantId, RoomId};

/// What a link says of its room for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// The link alone admits; else a signature does.
    pub open: bool,
    /// Whole frames of any codec are sealed (mode *raw*).
    pub raw: bool,
}

impl Flags {
    /// As they stand in the circle's context: bit 0 open, bit 1 raw.
    #[must_use]
    pub fn to_byte(self) -> u8 {
        u8::from(self.open) | u8::from(self.raw) << 1
    }
}

/// First 16 bytes of SHA-256 of the host's public key.
pub type Fingerprint = [u8; 16];

/// A link of an encrypted room, taken apart.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    /// The room it opens.
    pub room: RoomId,
    /// What it says of the room.
    pub flags: Flags,
    /// Which kind of link, with its secrets.
    pub kind: LinkKind,
}

/// The three kinds of links.
#[derive(Clone, PartialEq, Eq)]
pub enum LinkKind {
    /// Everybody's.
    Guest {
        /// Guest secret of some generation.
        secret: [u8; 16],
        /// Of the host's key.
        fingerprint: Fingerprint,
    },
    /// One person's.
    Personal {
        /// Guest secret of some generation.
        secret: [u8; 16],
        /// Its own secret.
        admission: [u8; 16],
        /// Of the host's key.
        fingerprint: Fingerprint,
        /// The host key's signature over the personal key.
        certificate: [u8; 64],
    },
    /// Whoever made the room.
    Moderator {
        /// All else follows from it.
        secret: [u8; 16],
    },
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("flags", &self.flags).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for LinkKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Guest { .. } => "Guest",
            Self::Personal { .. } => "Personal",
            Self::Moderator { .. } => "Moderator",
        })
    }
}

impl Link {
    /// Reads `/r/<room>` and `#<word>.<parts>` of an address.
    ///
    /// # Errors
    /// Another address, a cut link, or a link of a room that is not encrypted.
    pub fn parse(path: &str, fragment: &str) -> Result<Self, Cut> {
        let slug = path.strip_prefix("/r/").ok_or(Cut)?;
        let room = fixed(slug.strip_suffix('/').unwrap_or(slug))?;
        let mut parts = fragment.strip_prefix('#').ok_or(Cut)?.split('.');
        let word = parts.next().and_then(|word| word.strip_prefix("v1")).ok_or(Cut)?;
        let (letter, word) = match word.split_once('e') {
            Some((letter @ ("" | "p" | "m"), flags)) => (letter, flags),
            _ => return Err(Cut),
        };
        let (open, word) = strip(word, 'o');
        let (raw, word) = strip(word, 'r');
        let parts: Vec<&str> = parts.collect();
        let kind = match (word, letter, parts.as_slice()) {
            ("", "", [secret, fingerprint]) => {
                LinkKind::Guest { secret: fixed(secret)?, fingerprint: fixed(fingerprint)? }
            }
            ("", "p", [secret, admission, fingerprint, certificate]) => LinkKind::Personal {
                secret: fixed(secret)?,
                admission: fixed(admission)?,
                fingerprint: fixed(fingerprint)?,
                certificate: fixed(certificate)?,
            },
            ("", "m", [secret]) => LinkKind::Moderator { secret: fixed(secret)? },
            _ => return Err(Cut),
        };
        let flags = Flags { open, raw };
        Ok(Self { room, flags, kind })
    }

    /// Path and fragment.
    #[must_use]
    pub fn write(&self) -> (String, String) {
        let path = format!("/r/{}", to_base64url(&self.room));
        let (letter, parts): (_, Vec<&[u8]>) = match &self.kind {
            LinkKind::Guest { secret, fingerprint } => ("", vec![secret, fingerprint]),
            LinkKind::Personal { secret, admission, fingerprint, certificate } => {
                ("p", vec![secret, admission, fingerprint, certificate])
            }
            LinkKind::Moderator { secret } => ("m", vec![secret]),
        };
        let mut fragment = format!("#v1{letter}e");
        fragment.push_str(if self.flags.open { "o" } else { "" });
        fragment.push_str(if self.flags.raw { "r" } else { "" });
        for part in parts {
            fragment.push('.');
            fragment.push_str(&to_base64url(part));
        }
        (path, fragment)
    }

    /// The guest secret it holds, or that of `generation` where all follow from it.
    #[must_use]
    pub fn guest_secret(&self, generation: u32) -> [u8; 16] {
        match &self.kind {
            LinkKind::Guest { secret, .. } | LinkKind::Personal { secret, .. } => *secret,
            LinkKind::Moderator { secret } => guest_secret(secret, generation),
        }
    }

    /// The host key's fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        match &self.kind {
            LinkKind::Guest { fingerprint, .. } | LinkKind::Personal { fingerprint, .. } => {
                *fingerprint
            }
            LinkKind::Moderator { secret } => fingerprint(&host_key(secret)),
        }
    }

    /// What `join` shows: the proof of the link, and of a personal one the handle's beside it.
    #[must_use]
    pub fn proofs(&self) -> ([u8; 32], Option<[u8; 32]>) {
        match &self.kind {
            LinkKind::Guest { secret, .. } | LinkKind::Moderator { secret } => {
                (proof(secret), None)
            }
            LinkKind::Personal { secret, admission, .. } => {
                (proof(secret), Some(hkdf(&[], admission, &[b"handle"])))
            }
        }
    }

    /// The role it gives.
    #[must_use]
    pub fn role(&self) -> Role {
        match self.kind {
            LinkKind::Moderator { .. } => Role::Moderator,
            LinkKind::Guest { .. } | LinkKind::Personal { .. } => Role::Guest,
        }
    }

    /// Checks what the server says of the room against what the link says.
    ///
    /// # Errors
    /// What the server tried.
    pub fn check(&self, host_key: &[u8; 32], encryption: Option<Flags>) -> Result<(), ServerLies> {
        match encryption {
            None => Err(ServerLies::NotEncrypted),
            Some(flags) if flags != self.flags => Err(ServerLies::OtherFlags),
            Some(_) if fingerprint(host_key) != self.fingerprint() => Err(ServerLies::OtherHost),
            Some(_) => Ok(()),
        }
    }
}

/// What a server says that a link contradicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerLies {
    /// Encryption was left out.
    #[error("the server says the room is not encrypted, the link says it is")]
    NotEncrypted,
    /// Open where the link says strict, or the like.
    #[error("the server says other flags than the link")]
    OtherFlags,
    /// A key that the link does not name.
    #[error("the server names another host key than the link")]
    OtherHost,
}

fn fixed<const N: usize>(text: &str) -> Result<[u8; N], Cut> {
    from_base64url(text)?.try_into().map_err(|_| Cut)
}

fn strip(word: &str, flag: char) -> (bool, &str) {
    match word.strip_prefix(flag) {
        Some(rest) => (true, rest),
        None => (false, word),
    }
}

/// Guest secret of one generation.
#[must_use]
pub fn guest_secret(moderator: &[u8; 16], generation: u32) -> [u8; 16] {
    hkdf(&[], moderator, &[b"guest", &generation.to_be_bytes()])
}

/// Seed of the host's Ed25519 pair.
#[must_use]
pub fn host_seed(moderator: &[u8; 16]) -> [u8; 32] {
    hkdf(&[], moderator, &[b"host-key"])
}

/// The host's public key.
#[must_use]
pub fn host_key(moderator: &[u8; 16]) -> [u8; 32] {
    ed25519_public(&host_seed(moderator))
}

/// Fingerprint of a host's public key.
#[must_use]
pub fn fingerprint(host_key: &[u8; 32]) -> Fingerprint {
    let mut out = [0; 16];
    out.copy_from_slice(&sha256(&[host_key])[..16]);
    out
}

/// What `join` shows of a link's secret.
#[must_use]
pub fn proof(secret: &[u8; 16]) -> [u8; 32] {
    hkdf(&[], secret, &[b"auth"])
}

/// What the server keeps to check a proof.
#[must_use]
pub fn verifier(secret: &[u8; 16]) -> [u8; 32] {
    sha256(&[&proof(secret)])
}

/// Seed of the Ed25519 pair of a personal link.
#[must_use]
pub fn personal_seed(admission: &[u8; 16]) -> [u8; 32] {
    hkdf(&[], admission, &[b"personal-key"])
}

/// What the host signs of a personal link.
#[must_use]
pub fn personal_text(room: &RoomId, personal_key: &[u8; 32]) -> Vec<u8> {
    [PERSONAL_LABEL, room, personal_key].concat()
}

/// Whether the host signed that personal key.
#[must_use]
pub fn personal_certified(
    host_key: &[u8; 32],
    room: &RoomId,
    personal_key: &[u8; 32],
    certificate: &[u8; 64],
) -> bool {
    ed25519_verify(host_key, &personal_text(room, personal_key), certificate)
}

/// The external PSK of a generation of the guest link.
#[must_use]
pub fn psk(room: &RoomId, guest_secret: &[u8; 16]) -> [u8; 32] {
    hkdf(&[], guest_secret, &[b"mls-psk", room])
}

/// Its id in MLS.
#[must_use]
pub fn psk_id(generation: u32) -> Vec<u8> {
    [PSK_LABEL, &generation.to_be_bytes()].concat()
}

/// The generation that an id names; `None` for another's id.
#[must_use]
pub fn psk_generation(id: &[u8]) -> Option<u32> {
    let generation = id.strip_prefix(PSK_LABEL)?;
    generation.try_into().ok().map(u32::from_be_bytes)
}

/// Key of the MACs that admit to an open room.
#[must_use]
pub fn lobby_mac_key(room: &RoomId, guest_secret: &[u8; 16]) -> [u8; 32] {
    hkdf(&[], guest_secret, &[b"admission", room])
}

/// A name sealed for whoever holds the link: 12 bytes nonce, ciphertext, tag; padded with spaces to a
/// multiple of 32 bytes.
#[must_use]
pub fn seal_lobby_name(room: &RoomId, guest_secret: &[u8; 16], name: &str) -> Vec<u8> {
    let nonce: [u8; 12] = random();
    let mut plain = name.as_bytes().to_vec();
    plain.resize(plain.len().max(1).next_multiple_of(32), b' ');
    let key = lobby_name_key(room, guest_secret);
    let sealed =
        aes_seal(&key, &nonce, LOBBY_NAME_LABEL, &plain).expect("key and nonce have their lengths");
    [&nonce[..], &sealed].concat()
}

/// Reads a sealed name.
///
/// # Errors
/// What was not sealed with this link.
pub fn open_lobby_name(
    room: &RoomId,
    guest_secret: &[u8; 16],
    sealed: &[u8],
) -> Result<String, Cut> {
    let (nonce, ciphertext) = sealed.split_at_checked(12).ok_or(Cut)?;
    let key = lobby_name_key(room, guest_secret);
    let plain = aes_open(&key, nonce, LOBBY_NAME_LABEL, ciphertext).ok_or(Cut)?;
    let name = String::from_utf8(plain).map_err(|_| Cut)?;
    Ok(name.trim_end_matches(' ').to_owned())
}

fn lobby_name_key(room: &RoomId, guest_secret: &[u8; 16]) -> [u8; 16] {
    hkdf(&[], guest_secret, &[b"lobby-name", room])
}

/// What the room's code is read from: words and digits follow from these bytes.
#[must_use]
pub fn room_code_digest(host_key: &[u8; 32], room: &RoomId) -> [u8; 32] {
    sha256(&[b"preau room code v1", host_key, room])
}

/// Seed of the X25519 pair that ballots of one question are sealed to.
#[must_use]
pub fn poll_key(moderator: &[u8; 16], room: &RoomId, nonce: &[u8]) -> [u8; 32] {
    hkdf(&[], moderator, &[b"poll", room, nonce])
}

/// A participant's number as it stands in messages.
///
/// # Errors
/// Anything but 8 bytes of base64url.
pub fn participant(text: &str) -> Result<ParticipantId, Cut> {
    fixed(text)
}

const PSK_LABEL: &[u8] = b"preau link psk";
const LOBBY_NAME_LABEL: &[u8] = b"preau lobby name v1";

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds() -> [LinkKind; 3] {
        [
            LinkKind::Guest { secret: [1; 16], fingerprint: [2; 16] },
            LinkKind::Personal {
                secret: [1; 16],
                admission: [3; 16],
                fingerprint: [2; 16],
                certificate: [4; 64],
            },
            LinkKind::Moderator { secret: [5; 16] },
        ]
    }

    #[test]
    fn links_are_read_as_they_are_written_and_never_when_cut() {
        for kind in kinds() {
            for (open, raw) in [(false, false), (true, false), (false, true), (true, true)] {
                let flags = Flags { open, raw };
                let link = Link { room: [9; 16], flags, kind: kind.clone() };
                let (path, fragment) = link.write();
                assert_eq!(Link::parse(&path, &fragment), Ok(link));
                for end in 0..fragment.len() {
                    assert_eq!(
                        Link::parse(&path, &fragment[..end]),
                        Err(Cut),
                        "{}",
                        &fragment[..end]
                    );
                }
            }
        }
    }

    #[test]
    fn a_link_without_encryption_or_with_flags_out_of_order_is_none_of_ours() {
        let (path, fragment) = Link {
            room: [9; 16],
            flags: Flags { open: true, raw: true },
            kind: kinds()[0].clone(),
        }
        .write();
        for word in ["v1", "v1ero", "v1eoo", "v1eorx", "v1o", "v2eor", "v1xeor"] {
            let altered = fragment.replacen("v1eor", word, 1);
            assert_eq!(Link::parse(&path, &altered), Err(Cut), "{word}");
        }
    }

    #[test]
    fn a_server_that_says_less_than_the_link_is_refused() {
        let moderator = [5; 16];
        let host = host_key(&moderator);
        let flags = Flags { open: false, raw: true };
        let link = Link {
            room: [9; 16],
            flags,
            kind: LinkKind::Guest {
                secret: guest_secret(&moderator, 0),
                fingerprint: fingerprint(&host),
            },
        };
        assert_eq!(link.check(&host, Some(flags)), Ok(()));
        assert_eq!(link.check(&host, None), Err(ServerLies::NotEncrypted));
        let opened = Flags { open: true, raw: true };
        assert_eq!(link.check(&host, Some(opened)), Err(ServerLies::OtherFlags));
        let lowered = Flags { open: false, raw: false };
        assert_eq!(link.check(&host, Some(lowered)), Err(ServerLies::OtherFlags));
        assert_eq!(link.check(&host_key(&[6; 16]), Some(flags)), Err(ServerLies::OtherHost));
    }

    #[test]
    fn names_in_the_lobby_open_with_the_link_alone() {
        let sealed = seal_lobby_name(&[9; 16], &[1; 16], "Zoé");
        assert_eq!(sealed.len(), 12 + 32 + 16);
        assert_eq!(open_lobby_name(&[9; 16], &[1; 16], &sealed), Ok("Zoé".to_owned()));
        assert_eq!(open_lobby_name(&[9; 16], &[2; 16], &sealed), Err(Cut));
        assert_eq!(open_lobby_name(&[8; 16], &[1; 16], &sealed), Err(Cut));
        assert_eq!(open_lobby_name(&[9; 16], &[1; 16], &sealed[..11]), Err(Cut));
    }
}
