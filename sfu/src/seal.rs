//! Sealing to public keys in the [age](https://age-encryption.org/v1) format: whoever has one of
//! the private keys can open what was sealed, and nobody else; the server has none.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use protocol::AgeRecipient;
use thiserror::Error;

/// Whom something is sealed to.
#[derive(Clone)]
pub struct Recipients(Vec<age::x25519::Recipient>);

/// Why keys are no recipients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RecipientsError {
    /// One of them is not an X25519 public key of age (`age1…`).
    #[error("not a public key of age")]
    Key,
    /// There is none, or there are too many.
    #[error("between 1 and {} keys are needed", Recipients::MOST)]
    Count,
}

impl Recipients {
    /// Most keys of one recording. Each makes every sealed file longer by some 100 bytes.
    pub const MOST: usize = 16;

    /// From their texts, whose checksums are looked at here.
    ///
    /// # Errors
    ///
    /// [`RecipientsError`], when something else is among them, or none.
    pub fn new(keys: &[AgeRecipient]) -> Result<Self, RecipientsError> {
        if keys.is_empty() || keys.len() > Self::MOST {
            return Err(RecipientsError::Count);
        }
        let parse = |key: &AgeRecipient| {
            age::x25519::Recipient::from_str(key.as_str()).map_err(|_| RecipientsError::Key)
        };
        keys.iter().map(parse).collect::<Result<_, _>>().map(Self)
    }

    /// A complete age file of these bytes.
    pub fn seal(&self, plain: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(plain.len() + plain.len() / 1_024 + 2_048);
        let written: io::Result<()> = self.seal_into(&mut sealed, |writer| writer.write_all(plain));
        written.expect("memory takes every byte");
        sealed
    }

    /// Writes a complete age file into `to`, of what `write` says.
    ///
    /// # Errors
    ///
    /// Those of `write`, and of writing. What has been written by then is no complete file.
    pub fn seal_into<T, E: From<io::Error>>(
        &self,
        to: &mut dyn Write,
        write: impl FnOnce(&mut dyn Write) -> Result<T, E>,
    ) -> Result<T, E> {
        let recipients = self.0.iter().map(|key| key as &dyn age::Recipient);
        let encryptor = age::Encryptor::with_recipients(recipients)
            .expect("there is a key, and all of one kind");
        let mut writer = encryptor.wrap_output(to)?;
        let written = write(&mut writer)?;
        writer.finish()?;
        Ok(written)
    }
}

impl fmt::Debug for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recipients").field(&self.0.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(key: &age::x25519::Identity) -> AgeRecipient {
        key.to_public().to_string().parse().expect("age writes its own keys")
    }

    #[test]
    fn each_recipient_opens_what_is_sealed_and_nobody_else() {
        let keys: Vec<_> = (0..3).map(|_| age::x25519::Identity::generate()).collect();
        let recipients = Recipients::new(&keys[..2].iter().map(public).collect::<Vec<_>>());
        let recipients = recipients.expect("these are keys");
        for len in [0, 1, 65_536, 200_000] {
            let plain: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
            let sealed = recipients.seal(&plain);
            for key in &keys[..2] {
                assert_eq!(age::decrypt(key, &sealed).expect("it is a recipient"), plain);
            }
            assert!(age::decrypt(&keys[2], &sealed).is_err());
        }
    }

    #[test]
    fn what_could_not_be_written_is_no_complete_file() {
        let key = age::x25519::Identity::generate();
        let recipients = Recipients::new(&[public(&key)]).expect("it is a key");
        let mut sealed = Vec::new();
        let cut: io::Result<()> = recipients.seal_into(&mut sealed, |writer| {
            writer.write_all(&[7; 100_000])?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert!(cut.is_err() && age::decrypt(&key, &sealed).is_err());
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let key = public(&age::x25519::Identity::generate());
        assert_eq!(Recipients::new(&[]).err(), Some(RecipientsError::Count));
        assert_eq!(Recipients::new(&vec![key.clone(); 17]).err(), Some(RecipientsError::Count));
        let other = if key.as_str().ends_with('q') { "p" } else { "q" };
        let torn = format!("{}{other}", &key.as_str()[..61]).parse().expect("its shape is good");
        assert_eq!(Recipients::new(&[key.clone(), torn]).err(), Some(RecipientsError::Key));
        assert!(Recipients::new(&[key]).is_ok());
    }
}
