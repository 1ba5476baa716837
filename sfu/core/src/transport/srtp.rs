//! SRTP and SRTCP with AES-GCM (RFC 3711, RFC 7714), sealed and opened in place. Nothing here
//! allocates per packet.
//!
//! Sealing refuses to use one packet index twice: with GCM that would give away the
//! authentication key, so it is checked here and not left to callers.

use rtc_srtp::crypto::{AeadAlgorithm, AeadCipher, BlockCipherAlgorithm, RTCCrypto};
use thiserror::Error;

use super::replay::ReplayWindow;

/// Bytes that sealing adds to an RTP packet: the authentication tag.
pub(crate) const RTP_OVERHEAD: usize = TAG;

/// Bytes that sealing adds to an RTCP packet: the tag and the index word.
pub(crate) const RTCP_OVERHEAD: usize = TAG + INDEX_WORD;

/// The two profiles of RFC 7714 that are negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// `SRTP_AEAD_AES_128_GCM`.
    Aes128Gcm,
    /// `SRTP_AEAD_AES_256_GCM`.
    Aes256Gcm,
}

impl Profile {
    /// Length of the master key in bytes.
    pub(crate) const fn key_len(self) -> usize {
        match self {
            Self::Aes128Gcm => 16,
            Self::Aes256Gcm => 32,
        }
    }

    /// Bytes to export from DTLS (RFC 5764 section 4.2): two keys, then two salts.
    pub(crate) const fn keying_len(self) -> usize {
        2 * (self.key_len() + SALT)
    }

    const fn aead(self) -> AeadAlgorithm {
        match self {
            Self::Aes128Gcm => AeadAlgorithm::Aes128Gcm,
            Self::Aes256Gcm => AeadAlgorithm::Aes256Gcm,
        }
    }

    const fn block_cipher(self) -> BlockCipherAlgorithm {
        match self {
            Self::Aes128Gcm => BlockCipherAlgorithm::Aes128,
            Self::Aes256Gcm => BlockCipherAlgorithm::Aes256,
        }
    }
}

/// Why a packet was not opened or not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum SrtpError {
    /// Shorter than its headers and tag, or not of the RTP or RTCP version.
    #[error("too short or not of version 2")]
    Malformed,
    /// The tag does not fit: forged, damaged, or of another key.
    #[error("wrong authentication tag")]
    WrongTag,
    /// Seen already, or older than the window.
    #[error("replayed or too old")]
    Replayed,
    /// More synchronisation sources than a transport may have.
    #[error("too many sources")]
    TooManySources,
    /// The cipher could not be made or refused its input.
    #[error("cipher failure")]
    Cipher,
}

/// One direction of a transport: opens what comes in.
pub(crate) struct Opener {
    rtp: Cipher,
    rtcp: Cipher,
    rtp_sources: Vec<Source>,
    rtcp_sources: Vec<Source>,
}

impl Opener {
    /// Derives the session keys from one master key and salt.
    pub(crate) fn new(
        profile: Profile,
        master_key: &[u8],
        master_salt: &[u8],
        crypto: &dyn RTCCrypto,
    ) -> Result<Self, SrtpError> {
        let (rtp, rtcp) = Cipher::pair(profile, master_key, master_salt, crypto)?;
        Ok(Self { rtp, rtcp, rtp_sources: Vec::new(), rtcp_sources: Vec::new() })
    }

    /// Whether authentic packets or reports came from this source.
    pub(crate) fn knows(&self, ssrc: u32) -> bool {
        self.rtp_sources.iter().chain(&self.rtcp_sources).any(|source| source.ssrc == ssrc)
    }

    /// Opens one RTP packet in place and gives its length without the tag. `header_len` is the
    /// length of the RTP header with its extensions. State changes only for authentic packets.
    pub(crate) fn open_rtp(
        &mut self,
        packet: &mut [u8],
        header_len: usize,
    ) -> Result<usize, SrtpError> {
        let Some(plain_len) = packet.len().checked_sub(TAG) else {
            return Err(SrtpError::Malformed);
        };
        if header_len < RTP_FIXED_HEADER || header_len > plain_len {
            return Err(SrtpError::Malformed);
        }
        let sequence = u16::from_be_bytes([packet[2], packet[3]]);
        let ssrc = ssrc_at(packet, 8);
        let known = self.rtp_sources.iter().position(|source| source.ssrc == ssrc);
        let index = match known {
            Some(at) => self.rtp_sources[at].estimate(sequence).ok_or(SrtpError::Replayed)?,
            None if self.rtp_sources.len() >= MAX_RTP_SOURCES => {
                return Err(SrtpError::TooManySources);
            }
            None => u64::from(sequence),
        };
        if known.is_some_and(|at| !self.rtp_sources[at].window.is_new(index)) {
            return Err(SrtpError::Replayed);
        }
        let nonce = self.rtp.rtp_nonce(ssrc, index);
        let (packet, tag) = packet.split_at_mut(plain_len);
        let (header, payload) = packet.split_at_mut(header_len);
        self.rtp
            .aead
            .open_in_place(&nonce, header, payload, tag)
            .map_err(|_| SrtpError::WrongTag)?;
        accept(&mut self.rtp_sources, known, ssrc, index);
        Ok(plain_len)
    }

    /// Opens one compound RTCP packet in place and gives its length without tag and index.
    pub(crate) fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let Some(plain_len) = packet.len().checked_sub(RTCP_OVERHEAD) else {
            return Err(SrtpError::Malformed);
        };
        if plain_len < RTCP_CLEAR_HEADER {
            return Err(SrtpError::Malformed);
        }
        let index_at = plain_len + TAG;
        let word = ssrc_at(packet, index_at);
        if word & ENCRYPTED_FLAG == 0 {
            return Err(SrtpError::WrongTag);
        }
        let index = u64::from(word & !ENCRYPTED_FLAG);
        let ssrc = ssrc_at(packet, 4);
        let known = self.rtcp_sources.iter().position(|source| source.ssrc == ssrc);
        match known {
            Some(at) if !self.rtcp_sources[at].window.is_new(index) => {
                return Err(SrtpError::Replayed);
            }
            None if self.rtcp_sources.len() >= MAX_RTCP_SOURCES => {
                return Err(SrtpError::TooManySources);
            }
            Some(_) | None => {}
        }
        let nonce = self.rtcp.rtcp_nonce(ssrc, word & !ENCRYPTED_FLAG);
        let aad = rtcp_aad(packet, word);
        let (packet, tail) = packet.split_at_mut(plain_len);
        self.rtcp
            .aead
            .open_in_place(&nonce, &aad, &mut packet[RTCP_CLEAR_HEADER..], &tail[..TAG])
            .map_err(|_| SrtpError::WrongTag)?;
        accept(&mut self.rtcp_sources, known, ssrc, index);
        Ok(plain_len)
    }
}

/// The other direction: seals what goes out.
pub(crate) struct Sealer {
    rtp: Cipher,
    rtcp: Cipher,
    rtp_sources: Vec<Source>,
    rtcp_index: u32,
}

/// Names one outgoing source of a [`Sealer`], so that no search is needed per packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SourceIndex(usize);

impl Sealer {
    /// Derives the session keys from one master key and salt.
    pub(crate) fn new(
        profile: Profile,
        master_key: &[u8],
        master_salt: &[u8],
        crypto: &dyn RTCCrypto,
    ) -> Result<Self, SrtpError> {
        let (rtp, rtcp) = Cipher::pair(profile, master_key, master_salt, crypto)?;
        Ok(Self { rtp, rtcp, rtp_sources: Vec::new(), rtcp_index: 0 })
    }

    /// Makes the state of one outgoing source, or finds it when it is there already.
    pub(crate) fn source(&mut self, ssrc: u32) -> SourceIndex {
        let known = self.rtp_sources.iter().position(|source| source.ssrc == ssrc);
        SourceIndex(known.unwrap_or_else(|| {
            self.rtp_sources.push(Source::new(ssrc));
            self.rtp_sources.len() - 1
        }))
    }

    /// Seals one RTP packet in place. The last [`RTP_OVERHEAD`] bytes of `packet` are room for
    /// the tag; the SSRC in the header must be the one `source` was made for.
    pub(crate) fn seal_rtp(
        &mut self,
        source: SourceIndex,
        packet: &mut [u8],
        header_len: usize,
    ) -> Result<(), SrtpError> {
        let Some(plain_len) = packet.len().checked_sub(TAG) else {
            return Err(SrtpError::Malformed);
        };
        let state = self.rtp_sources.get_mut(source.0).ok_or(SrtpError::Cipher)?;
        if header_len < RTP_FIXED_HEADER
            || header_len > plain_len
            || ssrc_at(packet, 8) != state.ssrc
        {
            return Err(SrtpError::Malformed);
        }
        let sequence = u16::from_be_bytes([packet[2], packet[3]]);
        let index = state.estimate(sequence).ok_or(SrtpError::Replayed)?;
        if !state.window.is_new(index) {
            return Err(SrtpError::Replayed);
        }
        // The index counts as used before the cipher runs, whatever comes of it.
        state.accept(index);
        let nonce = self.rtp.rtp_nonce(state.ssrc, index);
        let (packet, tag) = packet.split_at_mut(plain_len);
        let (header, payload) = packet.split_at_mut(header_len);
        self.rtp.aead.seal_in_place(&nonce, header, payload, tag).map_err(|_| SrtpError::Cipher)
    }

    /// Seals one compound RTCP packet in place. The last [`RTCP_OVERHEAD`] bytes of `packet` are
    /// room for the tag and the index.
    pub(crate) fn seal_rtcp(&mut self, packet: &mut [u8]) -> Result<(), SrtpError> {
        let Some(plain_len) = packet.len().checked_sub(RTCP_OVERHEAD) else {
            return Err(SrtpError::Malformed);
        };
        if plain_len < RTCP_CLEAR_HEADER {
            return Err(SrtpError::Malformed);
        }
        // One counter for all sources of this direction: never used twice, whatever the SSRC.
        let index = self.rtcp_index + 1;
        if index & ENCRYPTED_FLAG != 0 {
            return Err(SrtpError::Replayed);
        }
        self.rtcp_index = index;
        let word = index | ENCRYPTED_FLAG;
        let nonce = self.rtcp.rtcp_nonce(ssrc_at(packet, 4), index);
        let aad = rtcp_aad(packet, word);
        let (packet, tail) = packet.split_at_mut(plain_len);
        let (tag, index_word) = tail.split_at_mut(TAG);
        index_word.copy_from_slice(&word.to_be_bytes());
        self.rtcp
            .aead
            .seal_in_place(&nonce, &aad, &mut packet[RTCP_CLEAR_HEADER..], tag)
            .map_err(|_| SrtpError::Cipher)
    }
}

/// Length of the authentication tag of both profiles.
const TAG: usize = 16;

/// Length of the index word at the end of an SRTCP packet (RFC 7714 section 9.2).
const INDEX_WORD: usize = 4;

/// Length of master and session salt (RFC 7714 section 12).
const SALT: usize = 12;

/// Shortest RTP header.
const RTP_FIXED_HEADER: usize = 12;

/// The part of an RTCP packet that stays readable: the first header and the sender's SSRC.
const RTCP_CLEAR_HEADER: usize = 8;

/// The E bit of the index word: the payload is encrypted. Plain SRTCP is refused.
const ENCRYPTED_FLAG: u32 = 1 << 31;

/// Incoming media sources of one transport, repair sources included. A browser with microphone,
/// camera and screen in three layers has 14; raising it costs memory per hostile participant
/// (about 300 bytes each), lowering it below 14 loses layers.
const MAX_RTP_SOURCES: usize = 32;

/// Sources that send RTCP on one transport: each sending and each receiving section may use its
/// own. Lowering it below the number of media sections loses reports.
const MAX_RTCP_SOURCES: usize = 256;

/// State of one synchronisation source.
struct Source {
    ssrc: u32,
    window: ReplayWindow,
}

impl Source {
    fn new(ssrc: u32) -> Self {
        Self { ssrc, window: ReplayWindow::default() }
    }

    /// The 48-bit packet index for a sequence number (RFC 3711 section 3.3.1 and appendix A).
    /// `None` before the first or after the last possible one.
    fn estimate(&self, sequence: u16) -> Option<u64> {
        let Some(highest) = self.window.highest() else {
            return Some(u64::from(sequence));
        };
        let ahead = sequence.wrapping_sub(highest as u16) as i16;
        highest.checked_add_signed(i64::from(ahead)).filter(|index| *index <= MAX_INDEX)
    }

    fn accept(&mut self, index: u64) {
        self.window.accept(index);
    }
}

/// Highest packet index: 32 bits of rollover counter, 16 of sequence number.
const MAX_INDEX: u64 = (1 << 48) - 1;

fn accept(sources: &mut Vec<Source>, known: Option<usize>, ssrc: u32, index: u64) {
    let at = known.unwrap_or_else(|| {
        sources.push(Source::new(ssrc));
        sources.len() - 1
    });
    sources[at].accept(index);
}

/// A session key and salt.
struct Cipher {
    aead: Box<dyn AeadCipher>,
    salt: [u8; SALT],
}

impl Cipher {
    /// The RTP and the RTCP cipher of one master key.
    fn pair(
        profile: Profile,
        master_key: &[u8],
        master_salt: &[u8],
        crypto: &dyn RTCCrypto,
    ) -> Result<(Self, Self), SrtpError> {
        if master_key.len() != profile.key_len() || master_salt.len() != SALT {
            return Err(SrtpError::Cipher);
        }
        let derive = |encryption: u8, salting: u8| {
            let mut key = [0; 32];
            let key = &mut key[..profile.key_len()];
            derive(profile, master_key, master_salt, encryption, key, crypto)?;
            let mut salt = [0; SALT];
            derive(profile, master_key, master_salt, salting, &mut salt, crypto)?;
            let aead = crypto.new_aead(profile.aead(), key).map_err(|_| SrtpError::Cipher)?;
            if aead.tag_len() != TAG {
                return Err(SrtpError::Cipher);
            }
            Ok(Self { aead, salt })
        };
        Ok((derive(LABEL_RTP_KEY, LABEL_RTP_SALT)?, derive(LABEL_RTCP_KEY, LABEL_RTCP_SALT)?))
    }

    /// RFC 7714 section 8.1: zero, SSRC, rollover counter, sequence number, under the salt.
    fn rtp_nonce(&self, ssrc: u32, index: u64) -> [u8; SALT] {
        let mut nonce = self.salt;
        xor(&mut nonce[2..6], &ssrc.to_be_bytes());
        xor(&mut nonce[6..12], &index.to_be_bytes()[2..]);
        nonce
    }

    /// RFC 7714 section 9.1: zero, SSRC, zero, index, under the salt.
    fn rtcp_nonce(&self, ssrc: u32, index: u32) -> [u8; SALT] {
        let mut nonce = self.salt;
        xor(&mut nonce[2..6], &ssrc.to_be_bytes());
        xor(&mut nonce[8..12], &index.to_be_bytes());
        nonce
    }
}

/// Labels of RFC 3711 section 4.3.2.
const LABEL_RTP_KEY: u8 = 0x00;
const LABEL_RTP_SALT: u8 = 0x02;
const LABEL_RTCP_KEY: u8 = 0x03;
const LABEL_RTCP_SALT: u8 = 0x05;

/// Key derivation of RFC 3711 section 4.3.3 (RFC 6188 for 256 bits), without re-keying: AES in
/// counter mode over the master salt with the label in its eighth byte.
fn derive(
    profile: Profile,
    master_key: &[u8],
    master_salt: &[u8],
    label: u8,
    out: &mut [u8],
    crypto: &dyn RTCCrypto,
) -> Result<(), SrtpError> {
    for (counter, chunk) in (0_u8..).zip(out.chunks_mut(16)) {
        let mut block = [0; 16];
        block[..SALT].copy_from_slice(master_salt);
        block[7] ^= label;
        block[15] = counter;
        crypto
            .block_encrypt(profile.block_cipher(), master_key, &mut block)
            .map_err(|_| SrtpError::Cipher)?;
        chunk.copy_from_slice(&block[..chunk.len()]);
    }
    Ok(())
}

/// RFC 7714 section 9.2: the clear header and the index word are authenticated.
fn rtcp_aad(packet: &[u8], word: u32) -> [u8; RTCP_CLEAR_HEADER + INDEX_WORD] {
    let mut aad = [0; RTCP_CLEAR_HEADER + INDEX_WORD];
    aad[..RTCP_CLEAR_HEADER].copy_from_slice(&packet[..RTCP_CLEAR_HEADER]);
    aad[RTCP_CLEAR_HEADER..].copy_from_slice(&word.to_be_bytes());
    aad
}

fn xor(target: &mut [u8], with: &[u8]) {
    for (byte, other) in target.iter_mut().zip(with) {
        *byte ^= other;
    }
}

fn ssrc_at(packet: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([packet[at], packet[at + 1], packet[at + 2], packet[at + 3]])
}

#[cfg(test)]
mod tests;
