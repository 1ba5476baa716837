//! What is refused that MLS would allow.

use openmls::prelude::tls_codec::{Deserialize as _, Serialize as _};
use openmls::prelude::{PreSharedKeyProposal, ProposalOrRefType, SignaturePublicKey, StagedCommit};

use super::{
    BasicCredential, CONTEXT_EXTENSION, Changed, Circle, Credential, Extensions, GroupContext,
    Identity, Leaf, LeafNodeIndex, NotAdmitted, ParticipantId, PreSharedKeyId, Proposal, Psk,
    Refused, Strictness, mls, psk_generation,
};

/// Who the server says is in the room.
pub trait Present {
    /// Whether `participant` is; `None` where nobody knows any more.
    fn is_present(&self, participant: &ParticipantId) -> Option<bool>;
}

impl<F: Fn(&ParticipantId) -> bool> Present for F {
    fn is_present(&self, participant: &ParticipantId) -> Option<bool> {
        Some(self(participant))
    }
}

/// While somebody catches up with what they missed: who was there then is not known.
#[derive(Clone, Copy, Debug)]
pub struct Missed;

impl Present for Missed {
    fn is_present(&self, _: &ParticipantId) -> Option<bool> {
        None
    }
}

/// Reads a leaf.
pub(super) fn leaf(index: u32, credential: &Credential, key: &[u8]) -> Result<Leaf, Refused> {
    let basic = BasicCredential::try_from(credential.clone()).map_err(|_| NotAdmitted::Cut)?;
    Ok(Leaf {
        index,
        member_key: key.try_into().map_err(|_| NotAdmitted::Cut)?,
        identity: Identity::from_bytes(basic.identity()).map_err(NotAdmitted::from)?,
    })
}

/// Exactly one PSK, and of a link of ours: its generation.
pub(super) fn check_psks(psks: &[PreSharedKeyId]) -> Result<u32, Refused> {
    let [only] = psks else { return Err(Refused::WithoutPsk) };
    let Psk::External(external) = only.psk() else { return Err(Refused::WithoutPsk) };
    psk_generation(external.psk_id()).ok_or(Refused::WithoutPsk)
}

/// The proposal is nothing but the id (RFC 9420, section 12.1.4), which OpenMLS hands out in no other way.
fn psk_of(proposal: &PreSharedKeyProposal) -> Result<PreSharedKeyId, Refused> {
    let bytes = proposal.tls_serialize_detached().map_err(mls)?;
    PreSharedKeyId::tls_deserialize_exact(bytes).map_err(mls)
}

impl Circle {
    /// All that is checked of a commit before it counts.
    pub(super) fn check_commit(
        &self,
        staged: &StagedCommit,
        committer: LeafNodeIndex,
        present: &dyn super::Present,
        now: u64,
    ) -> Result<Changed, Refused> {
        let (mut added, mut removed, mut psks) = (Vec::new(), Vec::new(), Vec::new());
        for queued in staged.queued_proposals() {
            if queued.proposal_or_ref_type() != ProposalOrRefType::Proposal {
                return Err(Refused::NotOurs("a proposal by reference"));
            }
            match queued.proposal() {
                Proposal::Add(add) => {
                    let node = add.key_package().leaf_node();
                    added.push(leaf(u32::MAX, node.credential(), node.signature_key().as_slice())?);
                }
                Proposal::Remove(remove) => removed.push(remove.removed().u32()),
                Proposal::PreSharedKey(psk) => psks.push(psk_of(psk)?),
                Proposal::Update(_)
                | Proposal::ReInit(_)
                | Proposal::ExternalInit(_)
                | Proposal::GroupContextExtensions(_)
                | Proposal::SelfRemove
                | Proposal::Custom(_) => return Err(Refused::NotOurs("a proposal of that kind")),
            }
        }
        if added.is_empty() != psks.is_empty() {
            return Err(Refused::WithoutPsk);
        }
        if !psks.is_empty() {
            let generation = check_psks(&psks)?;
            let known = self.ground.verifier.guest_secret(generation);
            known.ok_or(Refused::UnknownGeneration(generation))?;
        }
        self.check_update_path(staged, committer)?;
        self.check_context(staged.group_context().extensions())?;
        self.check_changes(&added, &removed, present, now)
    }

    fn check_changes(
        &self,
        added: &[Leaf],
        removed: &[u32],
        present: &dyn super::Present,
        now: u64,
    ) -> Result<Changed, Refused> {
        let (gone, staying): (Vec<&Leaf>, Vec<&Leaf>) =
            self.leaves.iter().partition(|leaf| removed.contains(&leaf.index));
        let mut names: Vec<&ParticipantId> =
            staying.iter().map(|leaf| &leaf.identity.participant).collect();
        for new in added {
            let verifier = &self.ground.verifier;
            verifier.check(&new.identity, new.member_key, Strictness::Adding, now)?;
            let participant = &new.identity.participant;
            if present.is_present(participant) == Some(false) {
                return Err(Refused::NotPresent);
            }
            if names.contains(&participant) {
                return Err(Refused::SecondLeaf);
            }
            names.push(participant);
        }
        let own = self.own_leaf();
        for leaf in &gone {
            let participant = &leaf.identity.participant;
            let anew = added.iter().any(|new| new.identity.participant == *participant);
            // Whoever is removed can do nothing about it, and drops its state at once.
            if leaf.index != own && !anew && present.is_present(participant) == Some(true) {
                return Err(Refused::StillPresent);
            }
        }
        let participants = |leaves: &mut dyn Iterator<Item = &Leaf>| {
            leaves.map(|leaf| leaf.identity.participant).collect()
        };
        Ok(Changed {
            added: participants(&mut added.iter()),
            removed: participants(&mut gone.into_iter()),
        })
    }

    /// A committer draws new keys for the tree, and nothing else of it changes.
    fn check_update_path(
        &self,
        staged: &StagedCommit,
        committer: LeafNodeIndex,
    ) -> Result<(), Refused> {
        let Some(new) = staged.update_path_leaf_node() else { return Ok(()) };
        let old = self.group.member_at(committer).ok_or(Refused::OtherIdentity)?;
        let key = SignaturePublicKey::from(old.signature_key);
        if *new.credential() == old.credential && *new.signature_key() == key {
            Ok(())
        } else {
            Err(Refused::OtherIdentity)
        }
    }

    fn check_context(&self, extensions: &Extensions<GroupContext>) -> Result<(), Refused> {
        match extensions.unknown(CONTEXT_EXTENSION) {
            Some(context)
                if context.0 == self.ground.context() && extensions.iter().count() == 1 =>
            {
                Ok(())
            }
            _ => Err(Refused::OtherCircle),
        }
    }

    /// All that is checked of a circle one was welcomed to.
    pub(super) fn check_as_joiner(&self, own: &Identity, now: u64) -> Result<(), Refused> {
        self.check_context(self.group.extensions())?;
        let mut seen = Vec::new();
        for leaf in &self.leaves {
            let verifier = &self.ground.verifier;
            verifier.check(&leaf.identity, leaf.member_key, Strictness::Joining, now)?;
            if seen.contains(&leaf.identity.participant) {
                return Err(Refused::SecondLeaf);
            }
            if leaf.index == self.own_leaf() && leaf.identity != *own {
                return Err(Refused::OtherIdentity);
            }
            seen.push(leaf.identity.participant);
        }
        Ok(())
    }
}
