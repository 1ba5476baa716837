//! One participant's part in the circle of a room, from entering it to leaving: what it says to the
//! server and when, and which keys it has. Pure: what was heard comes in, what is to be said goes out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use crate::ParticipantId;
use crate::admission::Identity;
use crate::circle::{
    Candidate, Changed, Circle, Committed, Ground, Missed, Present, Processed, Refused,
};
use crate::member::Keys;

#[cfg(test)]
mod tests;
mod vocabulary;

pub use vocabulary::{EpochKeys, GroupId, Heard, Output, Say};

/// How long what is wanted is collected before it is committed.
const BATCH: Duration = Duration::from_millis(150);
/// After how long the next in line commits what the one before did not.
const NEXT_IN_LINE: Duration = Duration::from_millis(750);
/// After how long a new epoch is sent in that only added somebody, ready or not.
const SWITCH: Duration = Duration::from_secs(1);
/// Of whom key packages are kept at most.
const MAX_WANTED: usize = 512;

/// See the module's description.
#[derive(Debug)]
pub struct Attendance {
    keys: Keys,
    identity: Identity,
    ground: Ground,
    state: State,
    present: BTreeSet<ParticipantId>,
    wanted: BTreeMap<ParticipantId, Vec<u8>>,
    /// Since when something is wanted in this epoch.
    wanted_since: Option<Instant>,
    /// What was sent and not answered yet, with its bytes.
    commit: Option<(u32, Vec<u8>)>,
    /// What was missed was asked for.
    resume: Option<u32>,
    /// Up to this epoch, who was there when it began is not known.
    missed_until: u64,
    /// In which epoch a commit of one's own was refused, with nothing heard of another one yet.
    stale_in: Option<u64>,
    /// An epoch to be sent in, and when at the latest.
    switch: Option<(Instant, EpochKeys)>,
    outputs: VecDeque<Output>,
    requests: u32,
    /// What the clock of the wall said at an instant.
    clock: (Instant, u64),
}

#[derive(Debug)]
enum State {
    Outside,
    Creating(u32, Box<Circle>),
    Waiting(u32, Box<Candidate>),
    Inside(Box<Circle>),
}

impl Attendance {
    /// Of somebody who is in the room, with an admission; `unix` is the time in seconds since 1970 at
    /// `now`. Requests are numbered from `first_request` on.
    #[must_use]
    pub fn new(
        now: Instant,
        unix: u64,
        keys: Keys,
        identity: Identity,
        ground: Ground,
        first_request: u32,
    ) -> Self {
        Self {
            present: BTreeSet::from([identity.participant]),
            keys,
            identity,
            ground,
            state: State::Outside,
            wanted: BTreeMap::new(),
            wanted_since: None,
            commit: None,
            resume: None,
            missed_until: 0,
            stale_in: None,
            switch: None,
            outputs: VecDeque::new(),
            requests: first_request,
            clock: (now, unix),
        }
    }

    /// Begins: makes the circle, or asks to be added to the one there is.
    pub fn begin(&mut self, is_circle: bool) {
        if is_circle {
            self.knock();
        } else {
            self.create();
        }
    }

    /// The circle, of members.
    #[must_use]
    pub fn circle(&self) -> Option<&Circle> {
        match &self.state {
            State::Inside(circle) => Some(circle),
            State::Outside | State::Creating(..) | State::Waiting(..) => None,
        }
    }

    /// A guest secret said inside the circle.
    ///
    /// # Errors
    /// Where OpenMLS cannot keep it.
    pub fn learn(&mut self, generation: u32, secret: [u8; 16]) -> Result<(), Refused> {
        self.ground.verifier.guest_secrets.push((generation, secret));
        match &mut self.state {
            State::Inside(circle) => circle.learn(generation, secret),
            State::Outside | State::Creating(..) | State::Waiting(..) => Ok(()),
        }
    }

    /// Takes what the server says.
    pub fn hear(&mut self, now: Instant, heard: Heard) {
        match heard {
            Heard::Present(participant) => {
                self.present.insert(participant);
            }
            Heard::Gone(participant) => {
                self.present.remove(&participant);
                self.wanted.remove(&participant);
            }
            Heard::Wanted { participant, key_package } => {
                if self.wanted.len() < MAX_WANTED || self.wanted.contains_key(&participant) {
                    self.wanted.insert(participant, key_package);
                }
            }
            Heard::Committed { group, epoch, commit, by } => {
                self.committed(now, group, epoch, &commit, by);
            }
            Heard::Welcome { group, welcome } => self.enter(now, group, &welcome),
            Heard::AllReady { group, epoch } => {
                let is_ours = self.circle().is_some_and(|circle| circle.group_id() == group);
                if let Some((_, keys)) =
                    self.switch.take_if(|(_, keys)| is_ours && keys.epoch <= epoch)
                {
                    self.outputs.push_back(Output::Seal(keys));
                }
            }
            Heard::Lost => self.start_over(),
            Heard::Back { present, circle } => self.back(present, circle),
            Heard::Done(request) => self.granted(now, request),
            Heard::NotDone(request) => self.refused(request),
        }
        self.note_wanted(now);
    }

    /// What is to be done.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Self::handle_timeout`] has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let commit =
            self.wanted_since.filter(|_| self.may_commit()).map(|since| since + self.patience());
        commit.into_iter().chain(self.switch.map(|(at, _)| at)).min()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Some((_, keys)) = self.switch.take_if(|(at, _)| *at <= now) {
            self.outputs.push_back(Output::Seal(keys));
        }
        let is_due = self.wanted_since.is_some_and(|since| since + self.patience() <= now);
        if is_due && self.may_commit() {
            if self.circle().is_some_and(|circle| self.stale_in == Some(circle.epoch())) {
                // Another commit was first, and never came.
                self.catch_up();
            } else {
                self.commit(now);
            }
            self.note_wanted(now);
        }
    }

    /// Nothing is made before it is known what became of what was sent.
    fn may_commit(&self) -> bool {
        self.commit.is_none() && self.resume.is_none()
    }

    /// How long this member waits for those before it in line.
    fn patience(&self) -> Duration {
        let Some(circle) = self.circle() else { return BATCH };
        let own = circle.own_leaf();
        let line = circle.committers();
        let before = line
            .iter()
            .filter(|leaf| self.present.contains(&leaf.identity.participant))
            .take_while(|leaf| leaf.index != own)
            .count();
        BATCH + NEXT_IN_LINE * u32::try_from(before).unwrap_or(u32::MAX).min(4_096)
    }

    fn unix(&self, now: Instant) -> u64 {
        self.clock.1 + now.saturating_duration_since(self.clock.0).as_secs()
    }

    fn say(&mut self, say: Say) -> u32 {
        let request = self.requests;
        self.requests = self.requests.wrapping_add(1);
        self.outputs.push_back(Output::Say(request, say));
        request
    }

    fn create(&mut self) {
        match Circle::create(self.keys.clone(), &self.identity, self.ground.clone()) {
            Ok(circle) => {
                let group = group_of(&circle);
                let request = self.say(Say::Create { group });
                self.state = State::Creating(request, Box::new(circle));
            }
            Err(error) => self.outputs.push_back(Output::Broken(error)),
        }
    }

    fn knock(&mut self) {
        match Candidate::new(self.keys.clone(), self.identity.clone()) {
            Ok(candidate) => {
                let key_package = candidate.key_package().to_vec();
                let request = self.say(Say::KeyPackage { key_package });
                self.state = State::Waiting(request, Box::new(candidate));
            }
            Err(error) => self.outputs.push_back(Output::Broken(error)),
        }
    }

    /// Forgets the circle.
    fn forget(&mut self) {
        self.state = State::Outside;
        self.switch = None;
        self.commit = None;
        self.resume = None;
        self.stale_in = None;
        self.wanted_since = None;
        self.outputs.push_back(Output::Outside);
    }

    fn back(&mut self, present: BTreeSet<ParticipantId>, circle: Option<(GroupId, u64)>) {
        self.present = present;
        self.present.insert(self.identity.participant);
        self.wanted.clear();
        match circle {
            None => self.start_over(),
            Some((group, epoch)) => {
                if self.circle().is_some_and(|own| own.group_id() == group) {
                    self.missed_until = epoch;
                    self.catch_up();
                } else {
                    self.forget();
                    self.knock();
                }
            }
        }
    }

    /// Asks for the commits after the present epoch.
    fn catch_up(&mut self) {
        let Some(circle) = self.circle() else { return };
        let (group, epoch) = (group_of(circle), circle.epoch());
        self.resume = Some(self.say(Say::Resume { group, epoch }));
    }

    fn start_over(&mut self) {
        self.forget();
        self.wanted.clear();
        self.create();
    }

    fn break_off(&mut self, error: Refused) {
        self.outputs.push_back(Output::Broken(error));
        self.forget();
        self.knock();
    }

    fn granted(&mut self, now: Instant, request: u32) {
        if let Some((_, commit)) = self.commit.take_if(|(asked, _)| *asked == request) {
            // It may have come before this, or never.
            if let Some(group) = self.circle().filter(|circle| circle.pending()).map(group_of) {
                self.process(now, group, &commit, self.identity.participant);
            }
        }
        if self.resume.take_if(|asked| *asked == request).is_some() {
            // What was sent is among what was missed, or was never taken.
            self.commit = None;
            self.stale_in = None;
            self.wanted_since = None;
            self.drop_pending();
            if let Some((group, epoch)) = self.circle().map(|own| (group_of(own), own.epoch())) {
                self.say(Say::Ready { group, epoch });
            }
        }
        let is_made = matches!(&self.state, State::Creating(asked, _) if *asked == request);
        if is_made
            && let State::Creating(_, circle) = std::mem::replace(&mut self.state, State::Outside)
        {
            self.state = State::Inside(circle);
            self.advance(now, &Changed::default());
        }
    }

    fn refused(&mut self, request: u32) {
        if self.commit.take_if(|(asked, _)| *asked == request).is_some() {
            let unheard = self.circle().filter(|circle| circle.pending());
            self.stale_in = unheard.map(Circle::epoch);
            self.wanted_since = None;
            self.drop_pending();
        }
        if self.resume.take_if(|asked| *asked == request).is_some() {
            self.forget();
            self.knock();
        }
        if matches!(&self.state, State::Creating(asked, _) if *asked == request) {
            // Somebody else was first.
            self.knock();
        } else if matches!(&self.state, State::Waiting(asked, _) if *asked == request) {
            // There is no circle any more.
            self.create();
        }
    }

    fn drop_pending(&mut self) {
        if let State::Inside(circle) = &mut self.state
            && circle.pending()
            && let Err(error) = circle.drop_pending()
        {
            self.break_off(error);
        }
    }

    fn committed(
        &mut self,
        now: Instant,
        group: GroupId,
        epoch: u64,
        commit: &[u8],
        by: ParticipantId,
    ) {
        let Some(own) = self.circle().filter(|circle| circle.group_id() == group) else { return };
        if epoch > own.epoch() + 1 {
            // Something is missing in between.
            self.missed_until = epoch;
            if self.resume.is_none() {
                self.catch_up();
            }
        } else if epoch == own.epoch() + 1 {
            self.process(now, group, commit, by);
        }
    }

    fn process(&mut self, now: Instant, group: GroupId, commit: &[u8], by: ParticipantId) {
        if self.circle().is_none_or(|circle| circle.group_id() != group) {
            return;
        }
        if by != self.identity.participant {
            self.drop_pending();
        }
        let unix = self.unix(now);
        let State::Inside(circle) = &mut self.state else { return };
        let present = &self.present;
        let is_present = |participant: &ParticipantId| present.contains(participant);
        let was_missed = circle.epoch() < self.missed_until;
        let present: &dyn Present = if was_missed { &Missed } else { &is_present };
        match circle.process(commit, present, unix) {
            Ok(Processed::Advanced(changed)) => {
                for participant in &changed.added {
                    self.wanted.remove(participant);
                }
                self.advance(now, &changed);
            }
            Ok(Processed::Removed) => {
                self.forget();
                self.knock();
            }
            Err(error) => self.break_off(error),
        }
    }

    fn enter(&mut self, now: Instant, group: GroupId, welcome: &[u8]) {
        if !matches!(self.state, State::Waiting(..)) {
            return;
        }
        let State::Waiting(_, candidate) = std::mem::replace(&mut self.state, State::Outside)
        else {
            return;
        };
        match candidate.join(welcome, self.ground.clone(), self.unix(now)) {
            Ok(circle) if circle.group_id() == group => {
                self.state = State::Inside(Box::new(circle));
                self.advance(now, &Changed::default());
            }
            Ok(_) => self.break_off(Refused::OtherCircle),
            Err(error) => self.break_off(error),
        }
    }

    /// The circle is in an epoch it was not in before.
    fn advance(&mut self, now: Instant, changed: &Changed) {
        let Some(circle) = self.circle() else { return };
        let (group, epoch, leaf) = (group_of(circle), circle.epoch(), circle.own_leaf());
        let keys = match (circle.base_key(), u16::try_from(leaf)) {
            (Ok(base_key), Ok(leaf)) if leaf < MAX_LEAVES => EpochKeys { leaf, epoch, base_key },
            _ => return self.break_off(Refused::NotOurs("a leaf or key of that kind")),
        };
        self.outputs.push_back(Output::Open(keys));
        self.say(Say::Ready { group, epoch });
        self.wanted_since = None;
        if changed.removed.is_empty() {
            let before = self.switch.map(|(at, _)| at);
            let at = before.map_or(now + SWITCH, |before| before.min(now + SWITCH));
            self.switch = Some((at, keys));
        } else {
            self.switch = None;
            self.outputs.push_back(Output::Seal(keys));
        }
    }

    /// Since when something is wanted.
    fn note_wanted(&mut self, now: Instant) {
        let is_wanted = self.circle().is_some_and(|circle| {
            let is_gone =
                |leaf: &crate::circle::Leaf| !self.present.contains(&leaf.identity.participant);
            !self.wanted.is_empty() || circle.leaves().iter().any(is_gone)
        });
        self.wanted_since = if is_wanted { self.wanted_since.or(Some(now)) } else { None };
    }

    fn commit(&mut self, now: Instant) {
        let unix = self.unix(now);
        let State::Inside(circle) = &mut self.state else { return };
        let own = self.identity.participant;
        let present = &self.present;
        self.wanted.retain(|participant, key_package| {
            let leaf = circle.check_key_package(key_package, unix);
            let is_theirs = leaf.is_ok_and(|leaf| leaf.identity.participant == *participant);
            is_theirs && *participant != own && present.contains(participant)
        });
        let (mut removed, mut leaves) = (Vec::new(), Vec::new());
        for leaf in circle.leaves() {
            let participant = leaf.identity.participant;
            if self.wanted.contains_key(&participant) || !present.contains(&participant) {
                removed.push(participant);
                leaves.push(leaf.index);
            }
        }
        if self.wanted.is_empty() && leaves.is_empty() {
            return;
        }
        let key_packages: Vec<&[u8]> = self.wanted.values().map(Vec::as_slice).collect();
        let added = self.wanted.keys().copied().collect();
        let group = group_of(circle);
        match circle.commit(&key_packages, &leaves) {
            Ok(Committed { epoch, commit, welcome }) => {
                let bytes = commit.clone();
                let say = Say::Commit { group, epoch, commit, welcome, added, removed };
                self.commit = Some((self.say(say), bytes));
            }
            Err(error) => self.break_off(error),
        }
    }
}

/// Leaves that a key id has room for.
const MAX_LEAVES: u16 = 4_096;

fn group_of(circle: &Circle) -> GroupId {
    circle.group_id().try_into().unwrap_or_default()
}
