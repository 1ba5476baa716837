//! The server's part, as strict as the real one: it takes one commit for each epoch, the first, passes on
//! what it cannot read, and keeps commits for those who were cut off.

use std::collections::{BTreeMap, BTreeSet};

use e2ee_member::ParticipantId;
use e2ee_member::attendance::{GroupId, Heard, Say};

/// What somebody is told.
#[derive(Clone, Debug)]
pub(super) enum Told {
    Heard(Heard),
    Welcome {
        group: GroupId,
        epoch: u64,
        welcome: Vec<u8>,
    },
    /// What became of a request: the code of a refusal.
    Answer {
        request: u32,
        refusal: Option<&'static str>,
    },
}

/// What follows for whom, in this order.
pub(super) type Effects = Vec<(ParticipantId, Told)>;

#[derive(Debug, Default)]
pub(super) struct Delivery {
    circle: Option<Circle>,
    pending: BTreeMap<ParticipantId, Vec<u8>>,
    /// How many commits came second.
    pub(super) stale: usize,
    /// In which epoch a leaf was removed of somebody who is gone.
    pub(super) removed: BTreeMap<ParticipantId, u64>,
}

#[derive(Debug)]
struct Circle {
    group: GroupId,
    epoch: u64,
    members: BTreeMap<ParticipantId, Membership>,
    commits: Vec<(u64, Vec<u8>, ParticipantId)>,
}

#[derive(Debug)]
struct Membership {
    first_epoch: u64,
    is_ready: bool,
}

const STALE: &str = "mls_stale";

impl Delivery {
    /// Where the circle stands.
    pub(super) fn place(&self) -> Option<(GroupId, u64)> {
        self.circle.as_ref().map(|circle| (circle.group, circle.epoch))
    }

    pub(super) fn members(&self) -> BTreeSet<ParticipantId> {
        self.circle.iter().flat_map(|circle| circle.members.keys().copied()).collect()
    }

    /// Somebody is gone for good.
    pub(super) fn forget(&mut self, who: ParticipantId) -> Effects {
        self.pending.remove(&who);
        if let Some(circle) = &mut self.circle {
            circle.members.remove(&who);
        }
        self.settle()
    }

    /// Serves a request; the answer to `request` comes last, as the real server's.
    pub(super) fn serve(&mut self, from: ParticipantId, request: u32, say: Say) -> Effects {
        let (mut effects, refusal) = match self.answer(from, say) {
            Ok(effects) => (effects, None),
            Err(code) => (Vec::new(), Some(code)),
        };
        effects.push((from, Told::Answer { request, refusal }));
        effects.extend(self.settle());
        effects
    }

    fn answer(&mut self, from: ParticipantId, say: Say) -> Result<Effects, &'static str> {
        if let Say::Create { group } = say {
            if self.circle.is_some() {
                return Err(STALE);
            }
            let members = BTreeMap::from([(from, Membership { first_epoch: 0, is_ready: false })]);
            self.circle = Some(Circle { group, epoch: 0, members, commits: Vec::new() });
            return Ok(Vec::new());
        }
        let circle = self.circle.as_mut().ok_or(STALE)?;
        match say {
            Say::Create { .. } => Ok(Vec::new()),
            Say::KeyPackage { key_package } => {
                circle.members.remove(&from);
                self.pending.insert(from, key_package.clone());
                let wanted = Told::Heard(Heard::Wanted { participant: from, key_package });
                Ok(circle.members.keys().map(|to| (*to, wanted.clone())).collect())
            }
            Say::Resume { group, epoch } => {
                let member = circle.members.get(&from).filter(|_| circle.group == group);
                let first = member.ok_or(STALE)?.first_epoch;
                if !(first..=circle.epoch).contains(&epoch) {
                    return Err(STALE);
                }
                let missed = circle.commits.iter().filter(|(one, ..)| *one > epoch);
                let missed = missed.map(|(epoch, commit, by)| {
                    let (epoch, commit, by) = (*epoch, commit.clone(), *by);
                    Told::Heard(Heard::Committed { group, epoch, commit, by })
                });
                Ok(missed.chain(wanted(&self.pending)).map(|told| (from, told)).collect())
            }
            Say::Ready { group, epoch } => {
                let now = circle.epoch;
                let member = circle.members.get_mut(&from).filter(|_| circle.group == group);
                let member = member.ok_or(STALE)?;
                if !(member.first_epoch..=now).contains(&epoch) {
                    return Err(STALE);
                }
                let is_first = !std::mem::replace(&mut member.is_ready, true);
                let told = is_first.then(|| wanted(&self.pending)).into_iter().flatten();
                Ok(told.map(|told| (from, told)).collect())
            }
            Say::Commit { group, epoch, commit, welcome, added, removed } => {
                let is_next = (circle.group, circle.epoch) == (group, epoch);
                let is_member = circle.members.contains_key(&from);
                if !is_next || !is_member || !added.iter().all(|one| self.pending.contains_key(one))
                {
                    self.stale += 1;
                    return Err(STALE);
                }
                if welcome.is_some() == added.is_empty() {
                    return Err("malformed");
                }
                if removed.iter().any(|one| circle.members.contains_key(one)) {
                    return Err("not_allowed");
                }
                let epoch = epoch + 1;
                circle.epoch = epoch;
                circle.commits.push((epoch, commit.clone(), from));
                for one in &added {
                    self.pending.remove(one);
                }
                for gone in removed {
                    if !added.contains(&gone) {
                        self.removed.insert(gone, epoch);
                    }
                }
                let committed = Told::Heard(Heard::Committed { group, epoch, commit, by: from });
                let told = circle.members.keys().chain(self.pending.keys());
                let mut effects: Effects = told.map(|to| (*to, committed.clone())).collect();
                for one in added {
                    let membership = Membership { first_epoch: epoch, is_ready: false };
                    circle.members.insert(one, membership);
                    let welcome = welcome.clone().expect("there is one for those who are added");
                    effects.push((one, Told::Welcome { group, epoch, welcome }));
                }
                Ok(effects)
            }
        }
    }

    /// A circle without members is none; those who wait for it make another.
    fn settle(&mut self) -> Effects {
        if self.circle.as_ref().is_none_or(|circle| !circle.members.is_empty()) {
            return Vec::new();
        }
        self.circle = None;
        let waiting = std::mem::take(&mut self.pending).into_keys();
        waiting.map(|one| (one, Told::Heard(Heard::Lost))).collect()
    }
}

fn wanted(pending: &BTreeMap<ParticipantId, Vec<u8>>) -> impl Iterator<Item = Told> {
    pending.iter().map(|(participant, key_package)| {
        let (participant, key_package) = (*participant, key_package.clone());
        Told::Heard(Heard::Wanted { participant, key_package })
    })
}
