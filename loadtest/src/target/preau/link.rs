//! The link of a room that somebody else made, as participants are handed it.

use std::str::FromStr;

use e2ee_member::from_base64url;
use e2ee_member::link::{self, Link, LinkKind};
use protocol::{Proof, RoomSlug};
use thiserror::Error;

/// A guest link, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct RoomLink {
    /// Address of the server.
    pub(crate) url: String,
    pub(crate) slug: RoomSlug,
    pub(crate) proof: Proof,
    /// Of an encrypted room: all that its link says.
    pub(crate) sealed: Option<Link>,
}

/// Why a link cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum BadLink {
    /// It is cut, or the link of something else.
    #[error("this is no whole link of a room, https://HOST/r/ROOM#v1…")]
    Cut,
    /// It lets in one person, or a moderator.
    #[error("this is not the link that everybody holds")]
    NotForAll,
    /// A moderator has to vouch for whoever comes.
    #[error("a room that a moderator lets people into one by one takes no synthetic participants")]
    Strict,
}

impl FromStr for RoomLink {
    type Err = BadLink;

    fn from_str(text: &str) -> Result<Self, BadLink> {
        let (address, fragment) = text.split_at(text.find('#').ok_or(BadLink::Cut)?);
        let (url, path) = address.split_at(address.find("/r/").ok_or(BadLink::Cut)?);
        let slug = path.trim_start_matches("/r/").trim_end_matches('/');
        let slug = slug.parse().map_err(|_| BadLink::Cut)?;
        let (secret, sealed) = match Link::parse(path, fragment) {
            Ok(link) if !matches!(link.kind, LinkKind::Guest { .. }) => {
                return Err(BadLink::NotForAll);
            }
            Ok(link) if !link.flags.open => return Err(BadLink::Strict),
            Ok(link) => (link.guest_secret(0), Some(link)),
            Err(_) => (in_clear(fragment)?, None),
        };
        let proof = Proof::from_bytes(link::proof(&secret));
        Ok(Self { url: url.to_owned(), slug, proof, sealed })
    }
}

/// The secret in the link of a room that is not encrypted.
fn in_clear(fragment: &str) -> Result<[u8; 16], BadLink> {
    let (word, secret) = fragment.split_once('.').ok_or(BadLink::Cut)?;
    match word {
        "#v1" => {
            let bytes = from_base64url(secret).map_err(|_| BadLink::Cut)?;
            bytes.try_into().map_err(|_| BadLink::Cut)
        }
        "#v1m" | "#v1p" => Err(BadLink::NotForAll),
        _ => Err(BadLink::Cut),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: &str = "https://localhost:8443/r/CQkJCQkJCQkJCQkJCQkJCQ";
    const SECRET: &str = "AQEBAQEBAQEBAQEBAQEBAQ";

    fn read(fragment: &str) -> Result<RoomLink, BadLink> {
        format!("{ROOM}{fragment}").parse()
    }

    #[test]
    fn a_guest_link_opens_its_room_and_says_whether_it_is_encrypted() {
        let clear = read(&format!("#v1.{SECRET}")).expect("a whole link");
        assert_eq!(clear.url, "https://localhost:8443");
        assert_eq!(clear.slug.as_bytes(), &[9; 16]);
        assert!(clear.sealed.is_none());
        let sealed = read(&format!("#v1eo.{SECRET}.{SECRET}")).expect("a whole link");
        assert!(sealed.proof == clear.proof, "the secret is the same");
        assert!(sealed.sealed.is_some_and(|link| link.flags.open));
    }

    #[test]
    fn any_other_link_is_refused_in_words() {
        let whole = format!("#v1eo.{SECRET}.{SECRET}");
        for end in 0..whole.len() {
            let cut = read(&whole[..end]).err();
            assert_eq!(cut, Some(BadLink::Cut), "{}", &whole[..end]);
        }
        for (fragment, refusal) in [
            (format!("#v1m.{SECRET}"), BadLink::NotForAll),
            (format!("#v1meo.{SECRET}"), BadLink::NotForAll),
            (format!("#v1e.{SECRET}.{SECRET}"), BadLink::Strict),
        ] {
            assert_eq!(read(&fragment).err(), Some(refusal), "{fragment}");
        }
        assert_eq!("http://localhost:8080".parse::<RoomLink>().err(), Some(BadLink::Cut));
    }
}
