use std::collections::BTreeMap;

use super::*;
use crate::admission::{Role, Verifier};
use crate::link::{Flags, fingerprint, guest_secret, host_key, host_seed};

const ROOM: [u8; 16] = [9; 16];
const MODERATOR: [u8; 16] = [5; 16];
const NOW: u64 = 1_800_000_000;

/// A delivery service as the design has it, and everybody in one room. Words arrive in order, each
/// after a time drawn for it.
struct Room {
    now: Instant,
    random: u64,
    members: BTreeMap<ParticipantId, Attendance>,
    circle: Option<(GroupId, u64)>,
    joined: BTreeSet<ParticipantId>,
    pending: BTreeMap<ParticipantId, Vec<u8>>,
    ready: BTreeSet<ParticipantId>,
    /// What each will hear, and when.
    mail: BTreeMap<ParticipantId, VecDeque<(Instant, Heard)>>,
    sealing: BTreeMap<ParticipantId, EpochKeys>,
    broken: Vec<Refused>,
    stale: usize,
}

fn ground() -> Ground {
    let host_key = host_key(&MODERATOR);
    Ground {
        verifier: Verifier {
            room: ROOM,
            open: true,
            host_key,
            guest_secrets: vec![(0, guest_secret(&MODERATOR, 0))],
        },
        flags: Flags { open: true, raw: false },
        fingerprint: fingerprint(&host_key),
    }
}

impl Room {
    fn new(seed: u64) -> Self {
        Self {
            now: Instant::now(),
            random: seed,
            members: BTreeMap::new(),
            circle: None,
            joined: BTreeSet::new(),
            pending: BTreeMap::new(),
            ready: BTreeSet::new(),
            mail: BTreeMap::new(),
            sealing: BTreeMap::new(),
            broken: Vec::new(),
            stale: 0,
        }
    }

    fn draw(&mut self, below: u64) -> u64 {
        // A linear congruence is random enough to put events in another order each time.
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.random >> 33) % below
    }

    fn post(&mut self, to: ParticipantId, heard: Heard) {
        if !self.members.contains_key(&to) {
            return;
        }
        let delay = Duration::from_millis(self.draw(60));
        let mail = self.mail.entry(to).or_default();
        let at = mail.back().map_or(self.now, |(at, _)| *at).max(self.now + delay);
        mail.push_back((at, heard));
    }

    fn tell(&mut self, heard: &Heard) {
        for to in self.members.keys().copied().collect::<Vec<_>>() {
            self.post(to, heard.clone());
        }
    }

    fn enter(&mut self, number: u8) {
        let participant = [number; 8];
        let keys = Keys::draw();
        let role = if number == 1 { Role::Moderator } else { Role::Guest };
        let claim = keys.claim(ROOM, participant, role, NOW + 86_400);
        let admission = match role {
            Role::Moderator => claim.by_host(&host_seed(&MODERATOR)),
            Role::Guest => claim.by_link(0, &guest_secret(&MODERATOR, 0)),
        };
        let identity = keys.identity(&claim, admission);
        let mut attendance = Attendance::new(self.now, NOW, keys, identity, ground(), 1);
        attendance.begin(self.circle.is_some());
        self.members.insert(participant, attendance);
        for other in self.members.keys().copied().collect::<Vec<_>>() {
            self.post(participant, Heard::Present(other));
            self.post(other, Heard::Present(participant));
        }
    }

    fn leave(&mut self, number: u8) {
        let participant = [number; 8];
        self.members.remove(&participant);
        self.mail.remove(&participant);
        self.sealing.remove(&participant);
        self.joined.remove(&participant);
        self.pending.remove(&participant);
        self.tell(&Heard::Gone(participant));
        if self.joined.is_empty() {
            self.circle = None;
            for pending in std::mem::take(&mut self.pending).into_keys() {
                self.post(pending, Heard::Lost);
            }
        }
    }

    fn serve(&mut self, from: ParticipantId, request: u32, say: Say) {
        let granted = match say {
            Say::Create { group } => {
                let is_free = self.circle.is_none();
                if is_free {
                    self.circle = Some((group, 0));
                    self.joined.insert(from);
                }
                is_free
            }
            Say::KeyPackage { key_package } => {
                self.joined.remove(&from);
                if self.joined.is_empty() {
                    self.circle = None;
                } else {
                    self.pending.insert(from, key_package.clone());
                    let wanted = Heard::Wanted { participant: from, key_package };
                    for to in self.joined.clone() {
                        self.post(to, wanted.clone());
                    }
                }
                self.circle.is_some()
            }
            // Nothing is lost here; see `tests/interop/sequences.rs`.
            Say::Resume { .. } => false,
            Say::Ready { group, epoch } => {
                let is_now = self.circle == Some((group, epoch));
                if is_now {
                    for (participant, key_package) in self.pending.clone() {
                        self.post(from, Heard::Wanted { participant, key_package });
                    }
                    self.ready.insert(from);
                    if self.joined.is_subset(&self.ready) {
                        self.tell(&Heard::AllReady { group, epoch });
                    }
                }
                is_now
            }
            Say::Commit { group, epoch, commit, welcome, added, removed } => {
                let waiting =
                    added.iter().all(|participant| self.pending.contains_key(participant));
                let is_next =
                    self.circle == Some((group, epoch)) && self.joined.contains(&from) && waiting;
                if is_next {
                    let epoch = epoch + 1;
                    self.circle = Some((group, epoch));
                    self.ready.clear();
                    let heard = Heard::Committed { group, epoch, commit, by: from };
                    let audience: BTreeSet<_> = self
                        .joined
                        .iter()
                        .chain(self.pending.keys())
                        .chain(&removed)
                        .copied()
                        .collect();
                    for to in audience {
                        self.post(to, heard.clone());
                    }
                    self.joined.retain(|participant| !removed.contains(participant));
                    for participant in added {
                        self.pending.remove(&participant);
                        self.joined.insert(participant);
                        let welcome = welcome.clone().expect("a welcome for whoever is added");
                        self.post(participant, Heard::Welcome { group, welcome });
                    }
                }
                self.stale += usize::from(!is_next);
                is_next
            }
        };
        self.post(from, if granted { Heard::Done(request) } else { Heard::NotDone(request) });
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            for participant in self.members.keys().copied().collect::<Vec<_>>() {
                while let Some(output) =
                    self.members.get_mut(&participant).and_then(Attendance::poll_output)
                {
                    match output {
                        Output::Say(request, say) => self.serve(participant, request, say),
                        Output::Seal(keys) => {
                            let before = self.sealing.insert(participant, keys);
                            assert!(before.is_none_or(|before| before.epoch < keys.epoch));
                        }
                        Output::Outside => drop(self.sealing.remove(&participant)),
                        Output::Broken(error) => self.broken.push(error),
                        Output::Open(_) => {}
                    }
                }
            }
            let mail = self.mail.iter().filter_map(|(to, mail)| Some((mail.front()?.0, *to, true)));
            let timeouts = self
                .members
                .iter()
                .filter_map(|(to, member)| Some((member.poll_timeout()?, *to, false)));
            let Some((at, to, is_mail)) = mail.chain(timeouts).min().filter(|(at, ..)| *at <= end)
            else {
                break;
            };
            self.now = self.now.max(at);
            let member = self.members.get_mut(&to).expect("mail and timeouts are of members");
            if is_mail {
                let heard = self.mail.get_mut(&to).and_then(VecDeque::pop_front).expect("mail");
                member.hear(self.now, heard.1);
            } else {
                member.handle_timeout(self.now);
            }
        }
        self.now = end;
    }

    /// Everybody is in one epoch and seals in it.
    fn settled(&self, numbers: &[u8]) {
        let all: BTreeSet<ParticipantId> = numbers.iter().map(|number| [*number; 8]).collect();
        assert_eq!(self.joined, all);
        let keys: BTreeMap<_, _> =
            self.sealing.iter().map(|(who, keys)| (*who, (keys.epoch, keys.base_key))).collect();
        assert_eq!(keys.keys().copied().collect::<BTreeSet<_>>(), all, "all seal");
        let first = keys.values().next().expect("somebody");
        assert!(keys.values().all(|keys| keys == first), "in one epoch: {:?}", self.sealing);
        assert_eq!(self.circle.map(|(_, epoch)| epoch), Some(first.0));
        let leaves: BTreeSet<u16> = self.sealing.values().map(|keys| keys.leaf).collect();
        assert_eq!(leaves.len(), all.len(), "each has a leaf of their own");
    }
}

#[test]
fn those_who_come_at_once_become_one_circle_in_few_epochs() {
    for seed in 0..8 {
        let mut room = Room::new(seed);
        for number in 1..=12 {
            room.enter(number);
        }
        room.run(Duration::from_secs(5));
        room.settled(&(1..=12).collect::<Vec<_>>());
        assert_eq!(room.broken, [], "seed {seed}");
        let epoch = room.circle.expect("a circle").1;
        assert!(epoch <= 3, "seed {seed}: {epoch} epochs");
    }
}

#[test]
fn whoever_leaves_is_removed_within_a_second_also_when_it_is_the_committer() {
    let mut room = Room::new(1);
    for number in 1..=4 {
        room.enter(number);
    }
    room.run(Duration::from_secs(5));
    for gone in 1..=3 {
        room.leave(gone);
        room.run(Duration::from_millis(400));
        room.settled(&(gone + 1..=4).collect::<Vec<_>>());
    }
    assert_eq!(room.broken, []);
}

#[test]
fn when_the_first_in_line_does_nothing_the_next_one_does() {
    let mut room = Room::new(1);
    for number in 1..=3 {
        room.enter(number);
    }
    room.run(Duration::from_secs(5));
    // The moderator's page hears and says nothing any more, but the server still shows it.
    let stuck = room.members.remove(&[1; 8]).expect("the moderator");
    room.mail.remove(&[1; 8]);
    room.enter(4);
    for number in [2, 3, 4] {
        room.post([number; 8], Heard::Present([1; 8]));
    }
    room.run(Duration::from_secs(4));
    assert!(room.members[&[4; 8]].circle().is_some(), "the newcomer is a member");
    assert_eq!(room.broken, []);
    drop(stuck);
}

#[test]
fn a_circle_that_everybody_left_is_made_anew_by_those_who_waited() {
    let mut room = Room::new(3);
    room.enter(1);
    room.run(Duration::from_secs(2));
    room.enter(2);
    room.enter(3);
    room.run(Duration::from_millis(80));
    room.leave(1);
    room.run(Duration::from_secs(5));
    room.settled(&[2, 3]);
}

#[test]
fn coming_and_going_ends_in_one_epoch_whatever_the_order() {
    for seed in 0..8 {
        let mut room = Room::new(seed);
        let mut here = BTreeSet::new();
        for _ in 0..30 {
            let number = 1 + u8::try_from(room.draw(9)).expect("below nine");
            if here.remove(&number) {
                room.leave(number);
            } else {
                here.insert(number);
                room.enter(number);
            }
            let pause = Duration::from_millis(room.draw(500));
            room.run(pause);
        }
        if here.is_empty() {
            here.insert(1);
            room.enter(1);
        }
        room.run(Duration::from_secs(20));
        room.settled(&here.iter().copied().collect::<Vec<_>>());
    }
}
