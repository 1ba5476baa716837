//! Why a member may be in the circle: its identity in MLS, and the proofs in it that everybody checks.

use crate::bytes::{Cut, Reader};
use crate::crypto::{ed25519_sign, ed25519_verify, hmac_sha256, hmac_sha256_verify};
use crate::link::{lobby_mac_key, personal_certified};
use crate::{ParticipantId, RoomId};

pub(crate) const PERSONAL_LABEL: &[u8] = b"preau personal v1";
const ADMISSION_LABEL: &[u8] = b"preau admission v1";
const MEMBER_LABEL: &[u8] = b"preau member v1";

/// How far two clocks may differ, in seconds.
pub const CLOCK_TOLERANCE: u64 = 12 * 3600;

/// How long an admission holds, in seconds.
pub const ADMISSION_SECONDS: u64 = 24 * 3600;

/// What a member is in its circle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Everybody else.
    Guest = 0,
    /// Holders of the moderator link.
    Moderator = 1,
}

/// What an admission says, and of whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// In this room alone.
    pub room: RoomId,
    /// Of this participant.
    pub participant: ParticipantId,
    /// With this role.
    pub role: Role,
    /// Until then, in seconds since 1970.
    pub until: u64,
    /// For the holder of this key.
    pub member_key: [u8; 32],
}

impl Claim {
    /// What is signed.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        [
            ADMISSION_LABEL,
            &self.room,
            &self.participant,
            &[self.role as u8],
            &self.until.to_be_bytes(),
            &self.member_key,
        ]
        .concat()
    }

    /// Admitted by the guest link alone, in an open room.
    #[must_use]
    pub fn by_link(&self, generation: u32, guest_secret: &[u8; 16]) -> Admission {
        let mac = hmac_sha256(&lobby_mac_key(&self.room, guest_secret), &self.text());
        self.with(Proof::Link { generation, mac })
    }

    /// Admitted by the host key of that seed.
    #[must_use]
    pub fn by_host(&self, host_seed: &[u8; 32]) -> Admission {
        let signature = ed25519_sign(host_seed, &self.text());
        self.with(Proof::Host { signature })
    }

    /// Admitted by a delegate, whom the host made one.
    #[must_use]
    pub fn by_delegate(&self, delegate: &Delegate, member_seed: &[u8; 32]) -> Admission {
        let signature = ed25519_sign(member_seed, &self.text());
        let delegate = delegate.clone();
        self.with(Proof::Delegate { delegate, signature })
    }

    /// Admitted by a personal link.
    #[must_use]
    pub fn by_personal(&self, personal_seed: &[u8; 32], certificate: [u8; 64]) -> Admission {
        self.with(Proof::Personal {
            personal_key: crate::crypto::ed25519_public(personal_seed),
            certificate,
            signature: ed25519_sign(personal_seed, &self.text()),
        })
    }

    fn with(&self, proof: Proof) -> Admission {
        Admission { role: self.role, until: self.until, proof }
    }
}

/// Somebody the host made a moderator, and its word that it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegate {
    /// Who.
    pub participant: ParticipantId,
    /// Until then, in seconds since 1970.
    pub until: u64,
    /// Whose key signs.
    pub member_key: [u8; 32],
    /// The host's signature of that claim, role moderator.
    pub host_signature: [u8; 64],
}

impl Delegate {
    /// What the host signed.
    #[must_use]
    pub fn claim(&self, room: RoomId) -> Claim {
        Claim {
            room,
            participant: self.participant,
            role: Role::Moderator,
            until: self.until,
            member_key: self.member_key,
        }
    }
}

/// A claim's role and end, with what proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The claim's.
    pub role: Role,
    /// The claim's.
    pub until: u64,
    /// Why it holds.
    pub proof: Proof,
}

/// Why a claim holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The link alone: open rooms only.
    Link {
        /// Of the guest link.
        generation: u32,
        /// Under the key that follows from it.
        mac: [u8; 32],
    },
    /// The host's signature.
    Host {
        /// Over the claim.
        signature: [u8; 64],
    },
    /// A delegate's.
    Delegate {
        /// Who admitted.
        delegate: Delegate,
        /// Over the claim.
        signature: [u8; 64],
    },
    /// A personal link.
    Personal {
        /// Of that link.
        personal_key: [u8; 32],
        /// The host's signature of it.
        certificate: [u8; 64],
        /// Over the claim.
        signature: [u8; 64],
    },
}

impl Admission {
    /// `role 1 ‖ until 8 ‖ kind 1 ‖ proof`.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![self.role as u8];
        out.extend_from_slice(&self.until.to_be_bytes());
        match &self.proof {
            Proof::Link { generation, mac } => {
                out.push(0);
                out.extend_from_slice(&generation.to_be_bytes());
                out.extend_from_slice(mac);
            }
            Proof::Host { signature } => {
                out.push(1);
                out.extend_from_slice(signature);
            }
            Proof::Delegate { delegate, signature } => {
                out.push(2);
                out.extend_from_slice(&delegate.participant);
                out.extend_from_slice(&delegate.until.to_be_bytes());
                out.extend_from_slice(&delegate.member_key);
                out.extend_from_slice(&delegate.host_signature);
                out.extend_from_slice(signature);
            }
            Proof::Personal { personal_key, certificate, signature } => {
                out.push(3);
                out.extend_from_slice(personal_key);
                out.extend_from_slice(certificate);
                out.extend_from_slice(signature);
            }
        }
        out
    }

    /// Reads it.
    ///
    /// # Errors
    /// Anything but exactly one admission.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Cut> {
        let mut reader = Reader::new(bytes);
        let role = match reader.byte()? {
            0 => Role::Guest,
            1 => Role::Moderator,
            _ => return Err(Cut),
        };
        let until = reader.u64()?;
        let proof = match reader.byte()? {
            0 => Proof::Link { generation: reader.u32()?, mac: reader.take()? },
            1 => Proof::Host { signature: reader.take()? },
            2 => Proof::Delegate {
                delegate: Delegate {
                    participant: reader.take()?,
                    until: reader.u64()?,
                    member_key: reader.take()?,
                    host_signature: reader.take()?,
                },
                signature: reader.take()?,
            },
            3 => Proof::Personal {
                personal_key: reader.take()?,
                certificate: reader.take()?,
                signature: reader.take()?,
            },
            _ => return Err(Cut),
        };
        reader.end()?;
        Ok(Self { role, until, proof })
    }
}

/// What stands in a leaf's basic credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Whose leaf it is.
    pub participant: ParticipantId,
    /// In which room.
    pub room: RoomId,
    /// X25519 key that roots of narrow audiences are sealed to.
    pub audience_key: [u8; 32],
    /// Why it may be here.
    pub admission: Admission,
}

impl Identity {
    /// `label ‖ participant 8 ‖ room 16 ‖ audience key 32 ‖ admission`.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let admission = self.admission.to_bytes();
        [MEMBER_LABEL, &self.participant, &self.room, &self.audience_key, &admission].concat()
    }

    /// Reads it.
    ///
    /// # Errors
    /// Anything but exactly one identity.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Cut> {
        let mut reader = Reader::new(bytes);
        reader.label(MEMBER_LABEL)?;
        Ok(Self {
            participant: reader.take()?,
            room: reader.take()?,
            audience_key: reader.take()?,
            admission: Admission::from_bytes(reader.rest())?,
        })
    }

    /// What its admission claims of the holder of `member_key`.
    #[must_use]
    pub fn claim(&self, member_key: [u8; 32]) -> Claim {
        Claim {
            room: self.room,
            participant: self.participant,
            role: self.admission.role,
            until: self.admission.until,
            member_key,
        }
    }
}

/// What a verifier knows of the room.
#[derive(Clone, Debug)]
pub struct Verifier {
    /// The room.
    pub room: RoomId,
    /// Whether the link alone admits.
    pub open: bool,
    /// Checked against the link's fingerprint.
    pub host_key: [u8; 32],
    /// Guest secrets by generation, as far as they are known.
    pub guest_secrets: Vec<(u32, [u8; 16])>,
}

/// How strictly a leaf is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// Somebody is added: everything is checked.
    Adding,
    /// One joins a circle: whoever was admitted by a link since replaced cannot be checked.
    Joining,
}

/// Why an identity is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// No identity of ours.
    #[error("cut or altered")]
    Cut,
    /// Another room's.
    #[error("of another room")]
    OtherRoom,
    /// Its time is over or did not begin, or a clock is wrong.
    #[error("not at this time; or a clock is wrong")]
    Expired,
    /// The link alone does not admit here, or not with this role.
    #[error("that kind of proof does not admit here")]
    WrongKind,
    /// A link of a generation that is not known.
    #[error("of a link that is not known")]
    UnknownGeneration,
    /// A signature or a MAC does not fit.
    #[error("the proof does not hold")]
    Forged,
}

impl From<Cut> for NotAdmitted {
    fn from(Cut: Cut) -> Self {
        Self::Cut
    }
}

impl Verifier {
    /// The guest secret of a generation.
    #[must_use]
    pub fn guest_secret(&self, generation: u32) -> Option<&[u8; 16]> {
        let found = self.guest_secrets.iter().find(|(known, _)| *known == generation)?;
        Some(&found.1)
    }

    /// The newest generation that is known.
    #[must_use]
    pub fn newest(&self) -> Option<u32> {
        self.guest_secrets.iter().map(|(generation, _)| *generation).max()
    }

    /// Checks the identity of the holder of `member_key` at `now` (seconds since 1970).
    ///
    /// # Errors
    /// Why it is not accepted.
    pub fn check(
        &self,
        identity: &Identity,
        member_key: [u8; 32],
        strictness: Strictness,
        now: u64,
    ) -> Result<(), NotAdmitted> {
        if identity.room != self.room {
            return Err(NotAdmitted::OtherRoom);
        }
        let claim = identity.claim(member_key);
        in_time(claim.until, now)?;
        let text = claim.text();
        let guest = claim.role == Role::Guest;
        match &identity.admission.proof {
            Proof::Link { generation, mac } if self.open && guest => {
                match self.guest_secret(*generation) {
                    Some(secret) => {
                        holds(hmac_sha256_verify(&lobby_mac_key(&self.room, secret), &text, mac))
                    }
                    None if strictness == Strictness::Joining => Ok(()),
                    None => Err(NotAdmitted::UnknownGeneration),
                }
            }
            Proof::Host { signature } => holds(ed25519_verify(&self.host_key, &text, signature)),
            Proof::Delegate { delegate, signature } if guest => {
                self.check_delegate(delegate, now)?;
                holds(ed25519_verify(&delegate.member_key, &text, signature))
            }
            Proof::Personal { personal_key, certificate, signature } if guest => {
                holds(personal_certified(&self.host_key, &self.room, personal_key, certificate))?;
                holds(ed25519_verify(personal_key, &text, signature))
            }
            Proof::Link { .. } | Proof::Delegate { .. } | Proof::Personal { .. } => {
                Err(NotAdmitted::WrongKind)
            }
        }
    }

    /// Whether the host made somebody a moderator.
    ///
    /// # Errors
    /// Why it is not accepted.
    pub fn check_delegate(&self, delegate: &Delegate, now: u64) -> Result<(), NotAdmitted> {
        in_time(delegate.until, now)?;
        let text = delegate.claim(self.room).text();
        holds(ed25519_verify(&self.host_key, &text, &delegate.host_signature))
    }
}

fn in_time(until: u64, now: u64) -> Result<(), NotAdmitted> {
    let begun = until <= now.saturating_add(ADMISSION_SECONDS + CLOCK_TOLERANCE);
    let lasting = until.saturating_add(CLOCK_TOLERANCE) > now;
    if begun && lasting { Ok(()) } else { Err(NotAdmitted::Expired) }
}

fn holds(fits: bool) -> Result<(), NotAdmitted> {
    if fits { Ok(()) } else { Err(NotAdmitted::Forged) }
}

#[cfg(test)]
mod tests;
