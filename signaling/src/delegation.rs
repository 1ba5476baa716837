//! Passing the moderator's role on: the host key, which follows from the moderator link's secret,
//! signs that one participant of one room is a moderator. The secret itself is not handed over.

use protocol::{DELEGATION_LABEL, Delegation, ErrorCode, HostKey, ParticipantId, RoomSlug};
use ring::signature::{ED25519, UnparsedPublicKey};

/// Whose word makes delegates in a room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Host {
    pub(crate) room: RoomSlug,
    /// `None` for rooms that were made without one.
    pub(crate) key: Option<HostKey>,
}

impl Host {
    /// Whether the host says that `participant` is a moderator at `now` (seconds since 1970).
    pub(crate) fn check(
        &self,
        participant: ParticipantId,
        delegation: &Delegation,
        now: u64,
    ) -> Result<(), ErrorCode> {
        let key = self.key.ok_or(ErrorCode::HostKeyMissing)?;
        let signed = signed_bytes(&self.room, participant, delegation.expires_at);
        let signature = delegation.signature.expose().as_bytes();
        let is_signed = UnparsedPublicKey::new(&ED25519, key.as_bytes()).verify(&signed, signature);
        let is_good = is_signed.is_ok() && now < delegation.expires_at;
        is_good.then_some(()).ok_or(ErrorCode::DelegationInvalid)
    }
}

/// What the host key signs. Every part has a fixed length, so no two statements share their bytes.
fn signed_bytes(room: &RoomSlug, participant: ParticipantId, expires_at: u64) -> Vec<u8> {
    let expires_at = expires_at.to_be_bytes();
    [DELEGATION_LABEL.as_bytes(), room.as_bytes(), participant.as_bytes(), &expires_at].concat()
}

#[cfg(test)]
mod tests {
    use protocol::Signature;

    use super::*;
    use crate::secret::{SECRET_BYTES, host_key, host_key_pair};

    const EXPIRES_AT: u64 = 1_798_761_600;

    fn secret() -> [u8; SECRET_BYTES] {
        std::array::from_fn(|i| i as u8)
    }

    fn room() -> RoomSlug {
        "ABEiM0RVZneImaq7zN3u_w".parse().unwrap()
    }

    fn participant(n: u8) -> ParticipantId {
        ParticipantId::from_bytes([n; 8])
    }

    fn delegation(expires_at: u64, signed: &[u8]) -> Delegation {
        let signature = host_key_pair(&secret()).sign(signed).as_ref().try_into().unwrap();
        Delegation { expires_at, signature: Signature::from_bytes(signature).into() }
    }

    /// The same values stand in the web client's tests: both sides must derive and sign alike.
    #[test]
    fn key_and_signature_agree_with_the_browser() {
        assert_eq!(
            host_key(&secret()).expose_text(),
            "6QNNj4yLl7BMbF9H_b2hEdhDsGkuo1pXKAbrd7tlIx4"
        );
        let signed = signed_bytes(&room(), participant(7), EXPIRES_AT);
        assert_eq!(
            delegation(EXPIRES_AT, &signed).signature.expose().expose_text(),
            "RwOZjusEnzS8u7pMVDple_dvblqGLyGwuNhTC3smB7LIvRlRTIMobgND_neyqZ2_B-sW9_zJE919v1rl8M57AQ"
        );
    }

    #[test]
    fn a_delegation_is_good_for_its_participant_in_its_room_until_its_end_alone() {
        let host = Host { room: room(), key: Some(host_key(&secret())) };
        let signed = signed_bytes(&room(), participant(7), EXPIRES_AT);
        let good = delegation(EXPIRES_AT, &signed);
        let invalid = Err(ErrorCode::DelegationInvalid);
        assert_eq!(host.check(participant(7), &good, EXPIRES_AT - 1), Ok(()));
        assert_eq!(host.check(participant(7), &good, EXPIRES_AT), invalid, "expired");
        assert_eq!(host.check(participant(8), &good, 0), invalid, "of somebody else");
        let elsewhere = Host { room: RoomSlug::from_bytes([9; 16]), ..host };
        assert_eq!(elsewhere.check(participant(7), &good, 0), invalid, "of another room");
        let longer = Delegation { expires_at: EXPIRES_AT + 1, ..good };
        assert_eq!(host.check(participant(7), &longer, 0), invalid, "made to last longer");
        let other = Host { key: Some(host_key(&[9; SECRET_BYTES])), ..host };
        assert_eq!(other.check(participant(7), &good, 0), invalid, "by another key");
        for key in [[0; 32], [0xff; 32]] {
            let broken = Host { key: Some(HostKey::from_bytes(key)), ..host };
            assert_eq!(broken.check(participant(7), &good, 0), invalid, "no key at all");
        }
        for bit in 0..512 {
            let mut bytes = *good.signature.expose().as_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let forged = Delegation { signature: Signature::from_bytes(bytes).into(), ..good };
            assert_eq!(host.check(participant(7), &forged, 0), invalid, "bit {bit}");
        }
        // The same bytes without the label, as another use of the key might sign them.
        let unlabelled = delegation(EXPIRES_AT, &signed[DELEGATION_LABEL.len()..]);
        assert_eq!(host.check(participant(7), &unlabelled, 0), invalid);
        let none = Host { key: None, ..host };
        assert_eq!(none.check(participant(7), &good, 0), Err(ErrorCode::HostKeyMissing));
    }
}
