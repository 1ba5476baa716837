//! One member's keys and the identity they stand behind.

use crate::admission::{Admission, Claim, Identity, Role};
use crate::crypto::{ed25519_public, ed25519_sign, random, x25519_public};
use crate::{ParticipantId, RoomId};

/// A member key (Ed25519) and an audience key (X25519).
#[derive(Clone)]
pub struct Keys {
    pub(crate) seed: [u8; 32],
    audience: [u8; 32],
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

impl Keys {
    /// New ones.
    #[must_use]
    pub fn draw() -> Self {
        Self::of(random(), random())
    }

    /// Of a seed and a private key that are known.
    #[must_use]
    pub fn of(seed: [u8; 32], audience: [u8; 32]) -> Self {
        Self { seed, audience }
    }

    /// Public half of the member key.
    #[must_use]
    pub fn member_key(&self) -> [u8; 32] {
        ed25519_public(&self.seed)
    }

    /// Public half of the audience key.
    #[must_use]
    pub fn audience_key(&self) -> [u8; 32] {
        x25519_public(&self.audience)
    }

    /// Private half of the audience key.
    #[must_use]
    pub fn audience_private(&self) -> &[u8; 32] {
        &self.audience
    }

    /// Signs with the member key, as delegates do.
    #[must_use]
    pub fn sign(&self, text: &[u8]) -> [u8; 64] {
        ed25519_sign(&self.seed, text)
    }

    /// What is claimed of these keys' holder.
    #[must_use]
    pub fn claim(&self, room: RoomId, participant: ParticipantId, role: Role, until: u64) -> Claim {
        Claim { room, participant, role, until, member_key: self.member_key() }
    }

    /// The identity of these keys' holder.
    #[must_use]
    pub fn identity(&self, claim: &Claim, admission: Admission) -> Identity {
        Identity {
            participant: claim.participant,
            room: claim.room,
            audience_key: self.audience_key(),
            admission,
        }
    }
}
