//! [`Delivery`]: the delivery service of a room's circle (RFC 9750 section 5). It puts commits in
//! order, one for each epoch, and passes on what it cannot read. It has no secret, and trusts nobody:
//! what somebody says of a commit decides who is told what, never who can read it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use protocol::{
    CircleId, CirclePlace, Commit, ErrorCode, KeyPackage, KnownMember, MlsWelcome, ParticipantId,
    Redacted, ServerMessage,
};

/// Who is in a room's circle, who asks to be, and the latest commits.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    circle: Option<Circle>,
    /// By what those who are no members ask to be added; empty without a circle.
    pending: BTreeMap<ParticipantId, Redacted<KeyPackage>>,
    /// When a circle is given up that nobody who is here is a member of.
    abandoned_at: Option<Instant>,
    /// When a circle is given up that lets nobody in although most of those here wait for it.
    stuck_at: Option<Instant>,
}

#[derive(Debug)]
struct Circle {
    group: CircleId,
    epoch: u64,
    members: BTreeMap<ParticipantId, Member>,
    /// The latest commits, oldest first, for members who were cut off.
    commits: VecDeque<Kept>,
    /// Bytes of all of them.
    kept_bytes: usize,
    /// True when everybody was told that all are ready for the present epoch.
    all_ready_told: bool,
}

/// Somebody who made the circle or was welcomed into it.
#[derive(Debug)]
struct Member {
    /// In which they came in.
    first_epoch: u64,
    /// The newest they said that they have.
    ready: Option<u64>,
}

#[derive(Debug)]
struct Kept {
    /// That begins with it.
    epoch: u64,
    commit: Redacted<Commit>,
    by: ParticipantId,
}

/// A commit, and what its maker says that it does.
#[derive(Debug)]
pub(crate) struct NewCommit {
    pub(crate) group: CircleId,
    /// It was made in.
    pub(crate) epoch: u64,
    pub(crate) commit: Redacted<Commit>,
    pub(crate) welcome: Option<Redacted<MlsWelcome>>,
    pub(crate) added: Vec<ParticipantId>,
    pub(crate) removed: Vec<ParticipantId>,
}

/// What follows for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly all are words, and few exist at once")]
pub(crate) enum Effect {
    /// Tell them, if they are here.
    Tell(ParticipantId, ServerMessage),
    /// Forward media to them from an epoch on, of which these are the low eight bits; `None` for
    /// nothing.
    Gate(ParticipantId, Option<u8>),
}

impl Delivery {
    /// Where the circle stands.
    pub(crate) fn place(&self) -> Option<CirclePlace> {
        self.circle.as_ref().map(|it| CirclePlace { group: it.group, epoch: it.epoch })
    }

    pub(crate) fn is_member(&self, id: ParticipantId) -> bool {
        self.circle.as_ref().is_some_and(|circle| circle.members.contains_key(&id))
    }

    /// Makes the circle, with one member.
    pub(crate) fn create(&mut self, id: ParticipantId, group: CircleId) -> Result<(), ErrorCode> {
        if self.circle.is_some() {
            return Err(ErrorCode::MlsStale);
        }
        let creator = Member { first_epoch: 0, ready: None };
        self.circle = Some(Circle {
            group,
            epoch: 0,
            members: BTreeMap::from([(id, creator)]),
            commits: VecDeque::new(),
            kept_bytes: 0,
            all_ready_told: false,
        });
        Ok(())
    }

    /// Takes what somebody wants to be added by. Whoever was a member lost what they had.
    pub(crate) fn ask_to_be_added(
        &mut self,
        id: ParticipantId,
        key_package: Redacted<KeyPackage>,
    ) -> Result<Vec<Effect>, ErrorCode> {
        let circle = self.circle.as_mut().ok_or(ErrorCode::MlsStale)?;
        let mut effects = Vec::new();
        if circle.members.remove(&id).is_some() {
            effects.push(Effect::Gate(id, None));
        }
        let message =
            ServerMessage::MlsWanted { participant: id, key_package: key_package.clone() };
        self.pending.insert(id, key_package);
        effects.extend(circle.members.keys().map(|member| Effect::Tell(*member, message.clone())));
        Ok(effects)
    }

    /// Takes the first commit of an epoch. Another is refused, and whoever made it hears of the first.
    pub(crate) fn commit(
        &mut self,
        by: ParticipantId,
        new: NewCommit,
    ) -> Result<Vec<Effect>, ErrorCode> {
        let NewCommit { group, epoch, commit, welcome, added, removed } = new;
        let circle = self.circle.as_mut().ok_or(ErrorCode::MlsStale)?;
        if (circle.group, circle.epoch) != (group, epoch) || !circle.members.contains_key(&by) {
            return Err(ErrorCode::MlsStale);
        }
        let named: BTreeSet<_> = added.iter().copied().collect();
        if named.len() != added.len() || welcome.is_some() == added.is_empty() {
            return Err(ErrorCode::Malformed);
        }
        // Whoever left meanwhile is not to be added: their leaf would be nobody's.
        if !named.iter().all(|id| self.pending.contains_key(id)) {
            return Err(ErrorCode::MlsStale);
        }
        // Only who is gone or comes anew is removed: the others would refuse it anyway.
        if removed.iter().any(|id| circle.members.contains_key(id)) {
            return Err(ErrorCode::NotAllowed);
        }
        self.stuck_at = None;
        // An epoch of 64 bits does not end within a meeting.
        let epoch = epoch.saturating_add(1);
        self.pending.retain(|id, _| !named.contains(id));
        let message = ServerMessage::MlsCommitted { group, epoch, commit: commit.clone(), by };
        let told = circle.members.keys().chain(self.pending.keys());
        let mut effects: Vec<_> = told.map(|id| Effect::Tell(*id, message.clone())).collect();
        if let Some(welcome) = welcome {
            let message = ServerMessage::MlsWelcome { group, epoch, welcome };
            effects.extend(added.iter().map(|id| Effect::Tell(*id, message.clone())));
        }
        let member = |id| (id, Member { first_epoch: epoch, ready: None });
        circle.members.extend(added.into_iter().map(member));
        circle.epoch = epoch;
        circle.all_ready_told = false;
        circle.keep(Kept { epoch, commit, by });
        Ok(effects)
    }

    /// Somebody has the keys of an epoch.
    pub(crate) fn ready(
        &mut self,
        id: ParticipantId,
        group: CircleId,
        epoch: u64,
    ) -> Result<Vec<Effect>, ErrorCode> {
        let circle = self.circle.as_mut().filter(|circle| circle.group == group);
        let circle = circle.ok_or(ErrorCode::MlsStale)?;
        let member = circle.members.get_mut(&id).ok_or(ErrorCode::MlsStale)?;
        if !(member.first_epoch..=circle.epoch).contains(&epoch) {
            return Err(ErrorCode::MlsStale);
        }
        let is_first = member.ready.is_none();
        member.ready = member.ready.max(Some(epoch));
        let mut effects = Vec::new();
        if is_first {
            effects.push(Effect::Gate(id, Some(low_bits(member.first_epoch))));
            effects.extend(wanted(&self.pending, id));
        }
        if circle.all_ready_told && epoch == circle.epoch {
            effects.push(Effect::Tell(id, ServerMessage::MlsAllReady { group, epoch }));
        }
        Ok(effects)
    }

    /// How many bytes of commits somebody missed since an epoch; `MlsStale` when they cannot be told
    /// all of them.
    pub(crate) fn missed_bytes(
        &self,
        id: ParticipantId,
        group: CircleId,
        epoch: u64,
    ) -> Result<usize, ErrorCode> {
        Ok(self.missed(id, group, epoch)?.map(Kept::byte_count).sum())
    }

    /// Tells a member what they missed since an epoch, and who wants to be added.
    pub(crate) fn resume(
        &self,
        id: ParticipantId,
        group: CircleId,
        epoch: u64,
    ) -> Result<Vec<Effect>, ErrorCode> {
        let told = self.missed(id, group, epoch)?.map(|kept| ServerMessage::MlsCommitted {
            group,
            epoch: kept.epoch,
            commit: kept.commit.clone(),
            by: kept.by,
        });
        let told = told.map(|message| Effect::Tell(id, message));
        Ok(told.chain(wanted(&self.pending, id)).collect())
    }

    fn missed(
        &self,
        id: ParticipantId,
        group: CircleId,
        epoch: u64,
    ) -> Result<impl Iterator<Item = &Kept>, ErrorCode> {
        let circle = self.circle.as_ref().filter(|circle| circle.group == group);
        let circle = circle.ok_or(ErrorCode::MlsStale)?;
        let member = circle.members.get(&id).ok_or(ErrorCode::MlsStale)?;
        let oldest = circle.commits.front().map_or(circle.epoch, |kept| kept.epoch - 1);
        // Whoever has less than what they were welcomed into missed the welcome, which is not kept.
        if !(member.first_epoch.max(oldest)..=circle.epoch).contains(&epoch) {
            return Err(ErrorCode::MlsStale);
        }
        Ok(circle.commits.iter().filter(move |kept| kept.epoch > epoch))
    }

    /// Somebody is gone for good.
    pub(crate) fn forget(&mut self, id: ParticipantId) {
        self.pending.remove(&id);
        if let Some(circle) = &mut self.circle {
            circle.members.remove(&id);
        }
    }

    /// Looks at what follows from who is here: all are ready, or nobody is left who could add anybody.
    pub(crate) fn settle(
        &mut self,
        now: Instant,
        is_here: impl Fn(&ParticipantId) -> bool,
    ) -> Vec<Effect> {
        let Some(circle) = &mut self.circle else { return Vec::new() };
        if circle.members.is_empty() {
            return self.give_up();
        }
        let here: Vec<_> = circle.members.iter().filter(|(id, _)| is_here(id)).collect();
        // Members whose commit everybody refused are alone in their circle. Who waits in vain by
        // their own fault is never most of a class.
        if self.pending.keys().filter(|id| is_here(id)).count() > here.len() {
            let at = *self.stuck_at.get_or_insert(now + STUCK_AFTER);
            if at <= now {
                return self.give_up();
            }
        } else {
            self.stuck_at = None;
        }
        if here.is_empty() {
            if !self.pending.keys().any(is_here) {
                self.abandoned_at = None;
                return Vec::new();
            }
            let at = *self.abandoned_at.get_or_insert(now + PATIENCE);
            return if at <= now { self.give_up() } else { Vec::new() };
        }
        self.abandoned_at = None;
        let is_ready = |member: &Member| member.ready == Some(circle.epoch);
        if circle.all_ready_told || !here.iter().all(|(_, member)| is_ready(member)) {
            return Vec::new();
        }
        let message = ServerMessage::MlsAllReady { group: circle.group, epoch: circle.epoch };
        let effects = here.iter().map(|(id, _)| Effect::Tell(**id, message.clone())).collect();
        circle.all_ready_told = true;
        effects
    }

    /// When to look again.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        [self.abandoned_at, self.stuck_at].into_iter().flatten().min()
    }

    /// Forgets the circle; those who waited for it, and those who were in it, make another.
    fn give_up(&mut self) -> Vec<Effect> {
        let members = self.circle.take().map(|circle| circle.members).unwrap_or_default();
        let pending = std::mem::take(&mut self.pending);
        let mut effects: Vec<_> = members.keys().map(|id| Effect::Gate(*id, None)).collect();
        let told = pending.into_keys().chain(members.into_keys());
        effects.extend(told.map(|id| Effect::Tell(id, ServerMessage::MlsLost {})));
        self.abandoned_at = None;
        self.stuck_at = None;
        effects
    }

    /// All that is held about one participant, for their own eyes.
    pub(crate) fn note_known(&self, id: ParticipantId, known: &mut KnownMember) {
        let Self { circle, pending, abandoned_at: _, stuck_at: _ } = self;
        known.key_package = pending.get(&id).cloned();
        // The commits kept for others are of the circle as a whole.
        let member = circle.as_ref().and_then(|circle| circle.members.get(&id));
        if let Some(Member { first_epoch, ready }) = member {
            known.first_epoch = Some(*first_epoch);
            known.ready_epoch = *ready;
        }
    }
}

impl Circle {
    fn keep(&mut self, kept: Kept) {
        self.kept_bytes += kept.byte_count();
        self.commits.push_back(kept);
        while self.commits.len() > MAX_KEPT || self.kept_bytes > MAX_KEPT_BYTES {
            let Some(oldest) = self.commits.pop_front() else { break };
            self.kept_bytes -= oldest.byte_count();
        }
    }
}

impl Kept {
    fn byte_count(&self) -> usize {
        self.commit.expose().byte_count()
    }
}

/// Everybody who wants to be added, told to somebody.
fn wanted(
    pending: &BTreeMap<ParticipantId, Redacted<KeyPackage>>,
    to: ParticipantId,
) -> impl Iterator<Item = Effect> {
    pending.iter().map(move |(&participant, key_package)| {
        let key_package = key_package.clone();
        Effect::Tell(to, ServerMessage::MlsWanted { participant, key_package })
    })
}

/// What frames say of an epoch.
const fn low_bits(epoch: u64) -> u8 {
    epoch.to_be_bytes()[7]
}

/// Commits kept for members who were cut off. More survive a longer cut in a busy room.
const MAX_KEPT: usize = 64;

/// Bytes of them. More cost a room more memory.
const MAX_KEPT_BYTES: usize = 1024 * 1024;

/// Time for a member to come back when nobody else who is here could add those who wait. Longer keeps
/// them waiting; shorter has everybody begin anew after a cut of the whole class.
const PATIENCE: Duration = Duration::from_secs(3);

/// Time for a circle to let somebody in while most of those here wait. Longer keeps a class in the
/// dark whose circle is broken; shorter has everybody begin anew when one slow page commits.
const STUCK_AFTER: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
