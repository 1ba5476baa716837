//! Ballots: sealed to whoever asked the question, one byte of choice.

use crate::bytes::Cut;
use crate::crypto::{Enveloped, hpke_open, hpke_seal, x25519_public};

const PLAIN_BYTES: usize = 32;
const ENC_BYTES: usize = 32;

/// Public half of a question's key.
#[must_use]
pub fn question_key(private: &[u8; 32]) -> [u8; 32] {
    x25519_public(private)
}

/// A ballot as it is handed to the server: `enc 32 ‖ ct 48`; HPKE base mode, info
/// `"preau ballot v1" ‖ poll 4`, one byte and 31 zeros.
///
/// # Errors
/// No key.
pub fn seal(poll: u32, question_key: &[u8; 32], choice: u8) -> Result<Vec<u8>, Cut> {
    let mut plain = [0; PLAIN_BYTES];
    plain[0] = choice;
    let Enveloped { enc, ct } = hpke_seal(question_key, &info(poll), &[], &plain).ok_or(Cut)?;
    Ok([enc, ct].concat())
}

/// The choice of a ballot.
///
/// # Errors
/// A ballot of another question, or none.
pub fn open(poll: u32, private: &[u8; 32], ballot: &[u8]) -> Result<u8, Cut> {
    let (enc, ct) = ballot.split_at_checked(ENC_BYTES).ok_or(Cut)?;
    let sealed = Enveloped { enc: enc.to_vec(), ct: ct.to_vec() };
    let plain = hpke_open(private, &info(poll), &[], &sealed).ok_or(Cut)?;
    match plain.split_first() {
        Some((choice, rest))
            if plain.len() == PLAIN_BYTES && rest.iter().all(|byte| *byte == 0) =>
        {
            Ok(*choice)
        }
        _ => Err(Cut),
    }
}

fn info(poll: u32) -> Vec<u8> {
    [&b"preau ballot v1"[..], &poll.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ballot_is_of_one_question_and_all_have_one_length() {
        let private = [6; 32];
        let key = question_key(&private);
        for choice in [0, 1, 9, 255] {
            let ballot = seal(7, &key, choice).expect("a key");
            assert_eq!(ballot.len(), 80);
            assert_eq!(open(7, &private, &ballot), Ok(choice));
            assert_eq!(open(8, &private, &ballot), Err(Cut));
            assert_eq!(open(7, &[5; 32], &ballot), Err(Cut));
            assert_eq!(open(7, &private, &ballot[..31]), Err(Cut));
        }
    }
}
