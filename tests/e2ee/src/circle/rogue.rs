//! Commits that keep to none of our rules, for tests of those who must refuse them.

use openmls::prelude::{Extensions, LeafNodeIndex, PreSharedKeyProposal, Proposal};
use openmls::schedule::PreSharedKeyId;
use openmls_traits::OpenMlsProvider as _;

use super::{Circle, Committed, Refused, mls};
use crate::crypto::random;
use crate::link::psk_id;
use crate::provider::SeedSigner;

impl Circle {
    /// Adds and removes whom it likes, with the PSKs of these generations, and with `context` leaves
    /// out what the circle is (OpenMLS writes no other value of an extension of ours).
    ///
    /// # Errors
    /// Where OpenMLS will not make it.
    pub fn commit_without_rules(
        &mut self,
        key_packages: &[&[u8]],
        removed: &[u32],
        psks: &[u32],
        context: bool,
    ) -> Result<Committed, Refused> {
        let added = key_packages
            .iter()
            .map(|bytes| self.read_key_package(bytes))
            .collect::<Result<Vec<_>, _>>()?;
        let psks = psks.iter().map(|generation| {
            let id = PreSharedKeyId::external(psk_id(*generation), random::<32>().to_vec());
            Proposal::PreSharedKey(Box::new(PreSharedKeyProposal::new(id)))
        });
        let epoch = self.epoch();
        let mut builder = self
            .group
            .commit_builder()
            .propose_removals(removed.iter().map(|index| LeafNodeIndex::new(*index)))
            .propose_adds(added)
            .add_proposals(psks);
        if context {
            builder = builder.propose_group_context_extensions(Extensions::empty()).map_err(mls)?;
        }
        let signer = SeedSigner(&self.keys.seed);
        let messages = builder
            .load_psks(self.provider.storage())
            .map_err(mls)?
            .build(self.provider.rand(), self.provider.crypto(), &signer, |_| true)
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
}
