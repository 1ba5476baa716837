//! A circle: the MLS group (RFC 9420) of those in a room, by OpenMLS, and the rules of ours that no MLS
//! library knows.

use openmls::prelude::tls_codec::Deserialize as _;
use openmls::prelude::{
    BasicCredential, Capabilities, Credential, CredentialType, CredentialWithKey, Extension,
    ExtensionType, Extensions, GroupContext, GroupId, KeyPackage, KeyPackageIn, LeafNodeIndex,
    Lifetime, MlsGroup, MlsGroupCreateConfig, MlsGroupJoinConfig, MlsMessageBodyIn, MlsMessageIn,
    MlsMessageOut, PURE_PLAINTEXT_WIRE_FORMAT_POLICY, PreSharedKeyProposal,
    ProcessedMessageContent, Proposal, ProtocolVersion, Sender, StagedWelcome, UnknownExtension,
};
use openmls::schedule::{PreSharedKeyId, Psk};
use openmls_traits::OpenMlsProvider as _;

use crate::admission::{Identity, NotAdmitted, Role, Strictness, Verifier};
use crate::crypto::random;
use crate::link::{Fingerprint, Flags, psk, psk_generation, psk_id};
use crate::member::Keys;
use crate::provider::{Provider, SUITE, SeedSigner};
use crate::{ParticipantId, RoomId};

mod rogue;
mod rules;
#[cfg(test)]
mod tests;

pub use rules::{Missed, Present};

/// Type of the extension that says for good what the circle is.
const CONTEXT_EXTENSION: u16 = 0xF0A1;

/// MLS exporter's label of the base key of frames (RFC 9605, section 5.2).
const BASE_KEY_LABEL: &str = "SFrame 1.0 Base Key";

/// Length of a circle's id.
pub const GROUP_ID_BYTES: usize = 16;

/// Why something was refused. The circle then stays in the epoch it was in.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No message of that kind, or OpenMLS refuses it.
    #[error("MLS: {0}")]
    Mls(String),
    /// A kind of message or proposal that our circles do not have.
    #[error("{0} has no place in a circle")]
    NotOurs(&'static str),
    /// Whoever adds must use the link's PSK, once.
    #[error("an Add without the link's key, or with more than one")]
    WithoutPsk,
    /// The link of that generation is not known here.
    #[error("the link of generation {0} is not known")]
    UnknownGeneration(u32),
    /// Somebody may not be a member.
    #[error("not admitted: {0}")]
    NotAdmitted(#[from] NotAdmitted),
    /// The server does not say that whoever is added is in the room.
    #[error("added, but not in the room")]
    NotPresent,
    /// One leaf a participant.
    #[error("a second leaf of one participant")]
    SecondLeaf,
    /// Somebody who is there and is not added anew.
    #[error("removed, but still in the room")]
    StillPresent,
    /// A committer changed who it is.
    #[error("a member changed its identity")]
    OtherIdentity,
    /// Another room, or other flags or another host than the link says.
    #[error("the circle is not that of the link")]
    OtherCircle,
    /// The message is of another epoch.
    #[error("of epoch {0}, not of the present one")]
    OtherEpoch(u64),
}

fn mls(error: impl std::fmt::Display) -> Refused {
    Refused::Mls(error.to_string())
}

/// What a member knows of its room and holds to.
#[derive(Clone, Debug)]
pub struct Ground {
    /// Who may be admitted.
    pub verifier: Verifier,
    /// What the link says.
    pub flags: Flags,
    /// The host's, as the link says.
    pub fingerprint: Fingerprint,
}

impl Ground {
    /// The extension's bytes: `1 ‖ room 16 ‖ flags 1 ‖ fingerprint 16`.
    #[must_use]
    pub fn context(&self) -> Vec<u8> {
        [&[1], &self.verifier.room[..], &[self.flags.to_byte()], &self.fingerprint].concat()
    }
}

/// A member's place in a circle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Its index.
    pub index: u32,
    /// Its member key.
    pub member_key: [u8; 32],
    /// Who it is.
    pub identity: Identity,
}

/// What a commit came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Processed {
    /// The circle is in its next epoch.
    Advanced(Changed),
    /// One's own leaf was removed: this state is over.
    Removed,
}

/// Who came and went with a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Added.
    pub added: Vec<ParticipantId>,
    /// Removed, those who were added anew in the same commit among them.
    pub removed: Vec<ParticipantId>,
}

/// What a committer sends.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The epoch it is made in.
    pub epoch: u64,
    /// `MLSMessage` of a `PublicMessage`.
    pub commit: Vec<u8>,
    /// `MLSMessage` of a Welcome, if anybody is added.
    pub welcome: Option<Vec<u8>>,
}

/// Somebody who waits for a Welcome.
#[derive(Debug)]
pub struct Candidate {
    provider: Provider,
    keys: Keys,
    identity: Identity,
    key_package: Vec<u8>,
}

/// A member.
#[derive(Debug)]
pub struct Circle {
    provider: Provider,
    keys: Keys,
    group: MlsGroup,
    ground: Ground,
    /// As they are in this epoch: reading them takes time.
    leaves: Vec<Leaf>,
}

impl Candidate {
    /// Makes a key package.
    ///
    /// # Errors
    /// Where OpenMLS cannot.
    pub fn new(keys: Keys, identity: Identity) -> Result<Self, Refused> {
        let provider = Provider::default();
        let bundle = KeyPackage::builder()
            .leaf_node_capabilities(capabilities())
            .key_package_lifetime(Lifetime::init(0, u64::MAX))
            .build(SUITE, &provider, &SeedSigner(&keys.seed), credential(&keys, &identity))
            .map_err(mls)?;
        let key_package =
            MlsMessageOut::from(bundle.key_package().clone()).to_bytes().map_err(mls)?;
        Ok(Self { provider, keys, identity, key_package })
    }

    /// `MLSMessage` of the key package.
    #[must_use]
    pub fn key_package(&self) -> &[u8] {
        &self.key_package
    }

    /// Joins by a Welcome at `now` (seconds since 1970). A key package serves once: it is used up
    /// whatever comes of it.
    ///
    /// # Errors
    /// Why this is not the circle of the link.
    pub fn join(self, welcome: &[u8], ground: Ground, now: u64) -> Result<Circle, Refused> {
        let Self { provider, keys, identity, .. } = self;
        let MlsMessageBodyIn::Welcome(welcome) = message(welcome)? else {
            return Err(Refused::NotOurs("anything but a Welcome"));
        };
        store_psks(&provider, &ground)?;
        let joining =
            StagedWelcome::build_from_welcome(&provider, &join_config(), welcome).map_err(mls)?;
        rules::check_psks(joining.processed_welcome().psks())?;
        let staged = joining.skip_lifetime_validation().build().map_err(mls)?;
        let group = staged.into_group(&provider).map_err(mls)?;
        let mut circle = Circle { provider, keys, group, ground, leaves: Vec::new() };
        circle.read_leaves()?;
        circle.check_as_joiner(&identity, now)?;
        Ok(circle)
    }
}

impl Circle {
    /// Makes a circle of one.
    ///
    /// # Errors
    /// Where OpenMLS cannot.
    pub fn create(keys: Keys, identity: &Identity, ground: Ground) -> Result<Self, Refused> {
        let provider = Provider::default();
        let context = Extension::Unknown(CONTEXT_EXTENSION, UnknownExtension(ground.context()));
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(SUITE)
            .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .use_ratchet_tree_extension(true)
            .capabilities(capabilities())
            .lifetime(Lifetime::init(0, u64::MAX))
            .with_group_context_extensions(Extensions::single(context).map_err(mls)?)
            .build();
        let group = MlsGroup::new_with_group_id(
            &provider,
            &SeedSigner(&keys.seed),
            &config,
            GroupId::from_slice(&random::<GROUP_ID_BYTES>()),
            credential(&keys, identity),
        )
        .map_err(mls)?;
        store_psks(&provider, &ground)?;
        let mut circle = Self { provider, keys, group, ground, leaves: Vec::new() };
        circle.read_leaves()?;
        Ok(circle)
    }

    /// Its id.
    #[must_use]
    pub fn group_id(&self) -> &[u8] {
        self.group.group_id().as_slice()
    }

    /// Its epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.group.epoch().as_u64()
    }

    /// One's own leaf.
    #[must_use]
    pub fn own_leaf(&self) -> u32 {
        self.group.own_leaf_index().u32()
    }

    /// One's own keys.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// What one holds to.
    #[must_use]
    pub fn ground(&self) -> &Ground {
        &self.ground
    }

    /// Whoever is in the circle, in the order of their leaves.
    #[must_use]
    pub fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    /// The leaf of a participant.
    #[must_use]
    pub fn leaf_of(&self, participant: &ParticipantId) -> Option<&Leaf> {
        self.leaves.iter().find(|leaf| leaf.identity.participant == *participant)
    }

    /// In which order members commit: moderators first, then all others, each by their leaf.
    #[must_use]
    pub fn committers(&self) -> Vec<&Leaf> {
        let mut leaves: Vec<&Leaf> = self.leaves.iter().collect();
        leaves.sort_by_key(|leaf| (leaf.identity.admission.role != Role::Moderator, leaf.index));
        leaves
    }

    fn read_leaves(&mut self) -> Result<(), Refused> {
        let read = |member: openmls::prelude::Member| {
            rules::leaf(member.index.u32(), &member.credential, &member.signature_key)
        };
        self.leaves = self.group.members().map(read).collect::<Result<_, _>>()?;
        Ok(())
    }

    /// A guest secret said inside the circle: commits of that generation can be made and read from now on.
    ///
    /// # Errors
    /// Where OpenMLS cannot keep it.
    pub fn learn(&mut self, generation: u32, secret: [u8; 16]) -> Result<(), Refused> {
        let known = &mut self.ground.verifier.guest_secrets;
        known.retain(|(other, _)| *other != generation);
        known.push((generation, secret));
        store_psks(&self.provider, &self.ground)
    }

    /// Adds those of the key packages and removes those of the leaves, in one commit, which stays
    /// pending until [`Self::process`] hears that the server took it, or [`Self::drop_pending`].
    /// Without either it is a commit of one's own keys alone.
    ///
    /// # Errors
    /// Where OpenMLS cannot, or no link is known.
    pub fn commit(
        &mut self,
        key_packages: &[&[u8]],
        removed: &[u32],
    ) -> Result<Committed, Refused> {
        let epoch = self.epoch();
        let added = key_packages
            .iter()
            .map(|bytes| self.read_key_package(bytes))
            .collect::<Result<Vec<_>, _>>()?;
        let mut builder = self
            .group
            .commit_builder()
            .propose_removals(removed.iter().map(|index| LeafNodeIndex::new(*index)))
            .force_self_update(true);
        if !added.is_empty() {
            let generation = self.ground.verifier.newest().ok_or(Refused::WithoutPsk)?;
            let id = PreSharedKeyId::external(psk_id(generation), random::<32>().to_vec());
            let proposal = Proposal::PreSharedKey(Box::new(PreSharedKeyProposal::new(id)));
            builder = builder.propose_adds(added).add_proposal(proposal);
        }
        let messages = builder
            .load_psks(self.provider.storage())
            .map_err(mls)?
            .build(
                self.provider.rand(),
                self.provider.crypto(),
                &SeedSigner(&self.keys.seed),
                |_| true,
            )
            .map_err(mls)?
            .stage_commit(&self.provider)
            .map_err(mls)?;
        let (commit, welcome, _) = messages.into_messages();
        Ok(Committed {
            epoch,
            commit: commit.to_bytes().map_err(mls)?,
            welcome: welcome.map(|welcome| welcome.to_bytes()).transpose().map_err(mls)?,
        })
    }

    /// Another commit was first: one's own is dropped.
    ///
    /// # Errors
    /// Where OpenMLS cannot.
    pub fn drop_pending(&mut self) -> Result<(), Refused> {
        self.group.clear_pending_commit(self.provider.storage()).map_err(mls)
    }

    /// Whether a commit of one's own waits for the server's word.
    #[must_use]
    pub fn pending(&self) -> bool {
        self.group.pending_commit().is_some()
    }

    /// Looks at who is behind a key package that somebody wants to be added by.
    ///
    /// # Errors
    /// Why it may not.
    pub fn check_key_package(&self, bytes: &[u8], now: u64) -> Result<Leaf, Refused> {
        let package = self.read_key_package(bytes)?;
        let node = package.leaf_node();
        let leaf = rules::leaf(u32::MAX, node.credential(), node.signature_key().as_slice())?;
        let verifier = &self.ground.verifier;
        verifier.check(&leaf.identity, leaf.member_key, Strictness::Adding, now)?;
        Ok(leaf)
    }

    /// Takes a commit that the server says is next, one's own among them, at `now` (seconds since
    /// 1970). `present` says who is in the room.
    ///
    /// # Errors
    /// Why it is refused; the circle stays in its epoch.
    pub fn process(
        &mut self,
        commit: &[u8],
        present: &dyn Present,
        now: u64,
    ) -> Result<Processed, Refused> {
        let MlsMessageBodyIn::PublicMessage(commit) = message(commit)? else {
            return Err(Refused::NotOurs("anything but a PublicMessage"));
        };
        if commit.epoch() != self.group.epoch() {
            return Err(Refused::OtherEpoch(commit.epoch().as_u64()));
        }
        let processed = self.group.process_message(&self.provider, commit).map_err(mls)?;
        let Sender::Member(committer) = *processed.sender() else {
            return Err(Refused::NotOurs("a message of somebody outside"));
        };
        match processed.into_content() {
            ProcessedMessageContent::StagedCommitMessage(staged) => {
                let changed = self.check_commit(&staged, committer, present, now)?;
                let removed = staged.self_removed();
                self.group.merge_staged_commit(&self.provider, *staged).map_err(mls)?;
                self.read_leaves()?;
                Ok(if removed { Processed::Removed } else { Processed::Advanced(changed) })
            }
            ProcessedMessageContent::OwnPendingCommit => {
                let staged =
                    self.group.pending_commit().ok_or(Refused::NotOurs("a commit twice"))?;
                let changed = self.check_commit(staged, committer, present, now)?;
                self.group.merge_pending_commit(&self.provider).map_err(mls)?;
                self.read_leaves()?;
                Ok(Processed::Advanced(changed))
            }
            ProcessedMessageContent::ApplicationMessage(_)
            | ProcessedMessageContent::ProposalMessage(_)
            | ProcessedMessageContent::ExternalJoinProposalMessage(_)
            | ProcessedMessageContent::OwnPrivateMessage => {
                Err(Refused::NotOurs("a message that is no commit"))
            }
        }
    }

    /// The base key of this epoch's frames.
    ///
    /// # Errors
    /// After one's own removal.
    pub fn base_key(&self) -> Result<[u8; 16], Refused> {
        let secret = self
            .group
            .export_secret(self.provider.crypto(), BASE_KEY_LABEL, &[], 16)
            .map_err(mls)?;
        secret.try_into().map_err(|_| Refused::NotOurs("a key of another length"))
    }

    fn read_key_package(&self, bytes: &[u8]) -> Result<KeyPackage, Refused> {
        let MlsMessageBodyIn::KeyPackage(package) = message(bytes)? else {
            return Err(Refused::NotOurs("anything but a key package"));
        };
        validated(package, &self.provider)
    }
}

fn validated(package: KeyPackageIn, provider: &Provider) -> Result<KeyPackage, Refused> {
    let package = package.validate(provider.crypto(), ProtocolVersion::Mls10).map_err(mls)?;
    if package.ciphersuite() == SUITE {
        Ok(package)
    } else {
        Err(Refused::NotOurs("another ciphersuite"))
    }
}

fn message(bytes: &[u8]) -> Result<MlsMessageBodyIn, Refused> {
    Ok(MlsMessageIn::tls_deserialize_exact(bytes).map_err(mls)?.extract())
}

fn capabilities() -> Capabilities {
    Capabilities::new(
        Some(&[ProtocolVersion::Mls10]),
        Some(&[SUITE]),
        Some(&[ExtensionType::Unknown(CONTEXT_EXTENSION)]),
        Some(&[]),
        Some(&[CredentialType::Basic]),
    )
}

fn credential(keys: &Keys, identity: &Identity) -> CredentialWithKey {
    CredentialWithKey {
        credential: Credential::from(BasicCredential::new(identity.to_bytes())),
        signature_key: keys.member_key().as_slice().into(),
    }
}

fn join_config() -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        .use_ratchet_tree_extension(true)
        .build()
}

/// A join that fails uses up the key package, so every key that could be asked for is there first.
fn store_psks(provider: &Provider, ground: &Ground) -> Result<(), Refused> {
    let Verifier { room, guest_secrets, .. } = &ground.verifier;
    for (generation, secret) in guest_secrets {
        // The nonce is no part of what is kept.
        PreSharedKeyId::external(psk_id(*generation), Vec::new())
            .store(provider, &psk(room, secret))
            .map_err(mls)?;
    }
    Ok(())
}

/// The room a circle is of, as its context says; for tests that read it from outside.
#[must_use]
pub fn context_room(context: &[u8]) -> Option<RoomId> {
    context.strip_prefix(&[1])?.first_chunk::<16>().copied()
}
