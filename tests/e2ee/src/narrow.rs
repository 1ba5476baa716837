//! Roots of narrow audiences, handed to each recipient alone.

use crate::bytes::Cut;
use crate::crypto::{Enveloped, hpke_open, hpke_seal};
use crate::frames::Level;

/// A root sealed to one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedRoot {
    /// Encapsulated key.
    pub enc: Vec<u8>,
    /// Ciphertext and tag.
    pub ct: Vec<u8>,
}

/// Seals `root` to a recipient's audience key: HPKE base mode, info `"preau narrow v1" ‖ level 1`.
///
/// # Errors
/// No key.
pub fn seal_root(
    level: Level,
    root: &[u8; 16],
    audience_key: &[u8; 32],
) -> Result<SealedRoot, Cut> {
    let Enveloped { enc, ct } = hpke_seal(audience_key, &info(level), &[], root).ok_or(Cut)?;
    Ok(SealedRoot { enc, ct })
}

/// Opens it with the private half.
///
/// # Errors
/// What was sealed to somebody else, or for another audience.
pub fn open_root(
    level: Level,
    sealed: &SealedRoot,
    audience_private: &[u8; 32],
) -> Result<[u8; 16], Cut> {
    let SealedRoot { enc, ct } = sealed.clone();
    let root = hpke_open(audience_private, &info(level), &[], &Enveloped { enc, ct }).ok_or(Cut)?;
    root.try_into().map_err(|_| Cut)
}

fn info(level: Level) -> Vec<u8> {
    [&b"preau narrow v1"[..], &[level as u8]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::member::Keys;

    #[test]
    fn a_root_opens_for_its_recipient_and_its_audience_alone() {
        let (keys, others) = (Keys::draw(), Keys::draw());
        let sealed = seal_root(Level::Group, &[3; 16], &keys.audience_key()).expect("a key");
        assert_eq!(open_root(Level::Group, &sealed, keys.audience_private()), Ok([3; 16]));
        assert_eq!(open_root(Level::Group, &sealed, others.audience_private()), Err(Cut));
        assert_eq!(open_root(Level::Moderators, &sealed, keys.audience_private()), Err(Cut));
    }
}
