//! SRTP and SRTCP with AES-GCM (RFC 3711, RFC 7714), written for the generator alone so that a
//! fault of the server's own does not meet its twin here.

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use rtc_srtp::crypto::{BlockCipherAlgorithm, RTCCrypto};

/// Bytes of a master key: `SRTP_AEAD_AES_128_GCM`.
pub(crate) const KEY: usize = 16;

/// Bytes of a master salt.
pub(crate) const SALT: usize = 12;

/// Bytes of an authentication tag.
const TAG: usize = 16;

/// One direction.
pub(crate) struct Cipher {
    rtp: (LessSafeKey, [u8; SALT]),
    rtcp: (LessSafeKey, [u8; SALT]),
    /// Number of the next RTCP packet that is sealed.
    rtcp_index: u32,
}

impl Cipher {
    /// Derives the session keys (RFC 3711 section 4.3). `None` when the engine refuses.
    pub(crate) fn new(key: &[u8], salt: &[u8], crypto: &dyn RTCCrypto) -> Option<Self> {
        let session = |key_label, salt_label| {
            let mut session_key = [0; KEY];
            derive(key, salt, key_label, &mut session_key, crypto)?;
            let mut session_salt = [0; SALT];
            derive(key, salt, salt_label, &mut session_salt, crypto)?;
            let unbound = UnboundKey::new(&AES_128_GCM, &session_key).ok()?;
            Some((LessSafeKey::new(unbound), session_salt))
        };
        Some(Self { rtp: session(0, 2)?, rtcp: session(3, 5)?, rtcp_index: 0 })
    }

    /// Opens a packet in place; gives its length without the tag. `index` is its number with
    /// rollovers.
    pub(crate) fn open_rtp(
        &self,
        packet: &mut [u8],
        header: usize,
        ssrc: u32,
        index: u64,
    ) -> Option<usize> {
        let (key, salt) = &self.rtp;
        let (header, sealed) = packet.split_at_mut(header);
        let nonce = rtp_nonce(salt, ssrc, index);
        let plain = key.open_in_place(nonce, Aad::from(&*header), sealed).ok()?;
        Some(header.len() + plain.len())
    }

    /// Seals the packet that begins at `start` of `out` and ends with it.
    pub(crate) fn seal_rtp(
        &self,
        out: &mut Vec<u8>,
        start: usize,
        header: usize,
        ssrc: u32,
        index: u64,
    ) {
        let (key, salt) = &self.rtp;
        let (header, body) = out[start..].split_at_mut(header);
        let nonce = rtp_nonce(salt, ssrc, index);
        let tag = key.seal_in_place_separate_tag(nonce, Aad::from(&*header), body);
        out.extend(tag.expect("a packet is shorter than the cipher's limit").as_ref());
    }

    /// Opens a compound RTCP packet in place; gives its length.
    pub(crate) fn open_rtcp(&self, packet: &mut [u8]) -> Option<usize> {
        let word_at = packet.len().checked_sub(INDEX).filter(|at| *at >= RTCP_CLEAR + TAG)?;
        let word = u32::from_be_bytes(packet[word_at..].try_into().ok()?);
        let ssrc = u32::from_be_bytes(packet[4..8].try_into().ok()?);
        let (key, salt) = &self.rtcp;
        let mut aad = [0; RTCP_CLEAR + INDEX];
        aad[..RTCP_CLEAR].copy_from_slice(&packet[..RTCP_CLEAR]);
        aad[RTCP_CLEAR..].copy_from_slice(&packet[word_at..]);
        let nonce = rtcp_nonce(salt, ssrc, word & !ENCRYPTED);
        let sealed = &mut packet[RTCP_CLEAR..word_at];
        let plain = key.open_in_place(nonce, Aad::from(aad), sealed).ok()?;
        Some(RTCP_CLEAR + plain.len())
    }

    /// Seals a compound RTCP packet.
    pub(crate) fn seal_rtcp(&mut self, packet: &mut Vec<u8>) {
        let word = (self.rtcp_index | ENCRYPTED).to_be_bytes();
        let ssrc = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        let (key, salt) = &self.rtcp;
        let mut aad = [0; RTCP_CLEAR + INDEX];
        aad[..RTCP_CLEAR].copy_from_slice(&packet[..RTCP_CLEAR]);
        aad[RTCP_CLEAR..].copy_from_slice(&word);
        let nonce = rtcp_nonce(salt, ssrc, self.rtcp_index);
        let body = &mut packet[RTCP_CLEAR..];
        let tag = key.seal_in_place_separate_tag(nonce, Aad::from(aad), body);
        packet.extend(tag.expect("a report is shorter than the cipher's limit").as_ref());
        packet.extend(word);
        self.rtcp_index += 1;
    }
}

/// RFC 7714 section 8.1.
fn rtp_nonce(salt: &[u8; SALT], ssrc: u32, index: u64) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[2..6].copy_from_slice(&ssrc.to_be_bytes());
    nonce[6..].copy_from_slice(&index.to_be_bytes()[2..]);
    under(salt, nonce)
}

/// RFC 7714 section 9.1.
fn rtcp_nonce(salt: &[u8; SALT], ssrc: u32, index: u32) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[2..6].copy_from_slice(&ssrc.to_be_bytes());
    nonce[8..].copy_from_slice(&index.to_be_bytes());
    under(salt, nonce)
}

fn under(salt: &[u8; SALT], mut nonce: [u8; NONCE_LEN]) -> Nonce {
    for (byte, salt) in nonce.iter_mut().zip(salt) {
        *byte ^= salt;
    }
    Nonce::assume_unique_for_key(nonce)
}

/// RFC 3711 section 4.3.3: AES in counter mode.
fn derive(
    key: &[u8],
    salt: &[u8],
    label: u8,
    out: &mut [u8],
    crypto: &dyn RTCCrypto,
) -> Option<()> {
    for (counter, chunk) in (0..).zip(out.chunks_mut(16)) {
        let mut block = [0; 16];
        block[..SALT].copy_from_slice(salt.get(..SALT)?);
        block[7] ^= label;
        block[15] = counter;
        crypto.block_encrypt(BlockCipherAlgorithm::Aes128, key, &mut block).ok()?;
        chunk.copy_from_slice(&block[..chunk.len()]);
    }
    Some(())
}

/// Bytes of RTCP that stay in the clear.
const RTCP_CLEAR: usize = 8;
/// Bytes of the index word.
const INDEX: usize = 4;
const ENCRYPTED: u32 = 1 << 31;

#[cfg(test)]
mod tests {
    use rtc_srtp::crypto::RTCCryptoProvider;
    use rtc_srtp::crypto::providers::RingProvider;

    use super::*;

    fn cipher() -> Cipher {
        Cipher::new(&[9; KEY], &[7; SALT], RingProvider::new().crypto()).unwrap()
    }

    #[test]
    fn what_is_sealed_is_opened_and_a_changed_byte_is_noticed() {
        let cipher = cipher();
        let mut packet = vec![0x80; 60];
        cipher.seal_rtp(&mut packet, 0, 12, 5, 70_000);
        assert_eq!(packet.len(), 60 + TAG);
        assert_eq!(cipher.open_rtp(&mut packet.clone(), 12, 5, 4_464), None);
        let mut changed = packet.clone();
        changed[3] ^= 1;
        assert_eq!(cipher.open_rtp(&mut changed, 12, 5, 70_000), None);
        assert_eq!(cipher.open_rtp(&mut packet, 12, 5, 70_000), Some(60));
        assert_eq!(packet[..60], [0x80; 60]);
    }

    #[test]
    fn reports_are_sealed_under_a_new_number_each() {
        let mut cipher = cipher();
        let plain: Vec<u8> = (0..32).collect();
        let mut sealed = [plain.clone(), plain.clone()];
        for packet in &mut sealed {
            cipher.seal_rtcp(packet);
        }
        assert_ne!(sealed[0], sealed[1]);
        for packet in &mut sealed {
            assert_eq!(cipher.open_rtcp(packet), Some(32));
            assert_eq!(packet[..32], plain);
        }
    }
}
