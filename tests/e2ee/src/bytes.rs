//! Reading and writing the fixed formats.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Something ended too early, went on too long, or is not what it has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cut or altered")]
pub struct Cut;

/// As bytes stand in links and messages (RFC 4648, section 5, without padding).
#[must_use]
pub fn to_base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads it back.
///
/// # Errors
/// Another alphabet, a cut text, or bits left over at its end.
pub fn from_base64url(text: &str) -> Result<Vec<u8>, Cut> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Cut)
}

/// What is left to read.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn take<const N: usize>(&mut self) -> Result<[u8; N], Cut> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(Cut)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(crate) fn label(&mut self, label: &[u8]) -> Result<(), Cut> {
        self.0 = self.0.strip_prefix(label).ok_or(Cut)?;
        Ok(())
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Cut> {
        self.take::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Cut> {
        self.take().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Cut> {
        self.take().map(u64::from_be_bytes)
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn end(&self) -> Result<(), Cut> {
        if self.0.is_empty() { Ok(()) } else { Err(Cut) }
    }
}
