#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use proptest::prelude::*;
use protocol::Sealed;

use super::*;
use crate::room::start;

fn id(n: u8) -> ParticipantId {
    ParticipantId::from_bytes([n; 8])
}

fn group(n: u8) -> CircleId {
    CircleId::from_bytes([n; 16])
}

fn sealed<const MAX: usize>(bytes: usize) -> Redacted<Sealed<MAX>> {
    let text = "A".repeat(bytes / 3 * 4);
    Redacted::new(text.parse().unwrap())
}

fn new(epoch: u64, added: &[u8]) -> NewCommit {
    NewCommit {
        group: group(1),
        epoch,
        commit: sealed(30),
        welcome: (!added.is_empty()).then(|| sealed(30)),
        added: added.iter().map(|n| id(*n)).collect(),
        removed: vec![],
    }
}

/// What somebody is told, by the names of the messages.
fn told(effects: &[Effect], n: u8) -> Vec<&'static str> {
    let of = |effect: &Effect| match effect {
        Effect::Tell(to, message) if *to == id(n) => Some(name(message)),
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

fn name(message: &ServerMessage) -> &'static str {
    match message {
        ServerMessage::MlsWanted { .. } => "wanted",
        ServerMessage::MlsCommitted { .. } => "committed",
        ServerMessage::MlsWelcome { .. } => "welcome",
        ServerMessage::MlsAllReady { .. } => "all ready",
        ServerMessage::MlsLost {} => "lost",
        other => panic!("{other:?} is not of the circle"),
    }
}

fn everybody(_: &ParticipantId) -> bool {
    true
}

/// A circle that 1 made and 2 was added to.
fn two() -> Delivery {
    let mut delivery = Delivery::default();
    delivery.create(id(1), group(1)).unwrap();
    delivery.ask_to_be_added(id(2), sealed(30)).unwrap();
    delivery.commit(id(1), new(0, &[2])).unwrap();
    delivery
}

#[test]
fn somebody_is_added_and_everybody_hears_when_all_are_ready() {
    let mut delivery = Delivery::default();
    assert_eq!(delivery.place(), None);
    assert_eq!(delivery.ask_to_be_added(id(2), sealed(30)), Err(ErrorCode::MlsStale));
    delivery.create(id(1), group(1)).unwrap();
    assert_eq!(delivery.create(id(2), group(2)), Err(ErrorCode::MlsStale), "there is one");
    assert_eq!(delivery.ready(id(1), group(1), 0), Ok(vec![Effect::Gate(id(1), Some(0))]));
    let effects = delivery.settle(start(), everybody);
    assert_eq!((effects.len(), told(&effects, 1)), (1, vec!["all ready"]));
    assert!(delivery.settle(start(), everybody).is_empty(), "once");

    let effects = delivery.ask_to_be_added(id(2), sealed(30)).unwrap();
    assert_eq!((effects.len(), told(&effects, 1)), (1, vec!["wanted"]));
    let effects = delivery.ask_to_be_added(id(3), sealed(30)).unwrap();
    assert_eq!((effects.len(), told(&effects, 1)), (1, vec!["wanted"]));
    let effects = delivery.commit(id(1), new(0, &[2])).unwrap();
    assert_eq!(told(&effects, 1), ["committed"], "also to whoever made it");
    assert_eq!(told(&effects, 2), ["welcome"]);
    assert_eq!(told(&effects, 3), ["committed"], "waits for the next");
    assert_eq!(effects.len(), 3);
    assert_eq!(delivery.place(), Some(CirclePlace { group: group(1), epoch: 1 }));

    assert_eq!(delivery.ready(id(1), group(1), 1), Ok(vec![]));
    assert!(delivery.settle(start(), everybody).is_empty(), "2 is not ready");
    let effects = delivery.ready(id(2), group(1), 1).unwrap();
    assert_eq!(effects[0], Effect::Gate(id(2), Some(1)), "of the epoch they came in");
    assert_eq!(told(&effects, 2), ["wanted"], "3 still waits");
    let effects = delivery.settle(start(), everybody);
    assert_eq!((told(&effects, 1), told(&effects, 2)), (vec!["all ready"], vec!["all ready"]));
    // Said again, it is answered again.
    assert_eq!(told(&delivery.ready(id(2), group(1), 1).unwrap(), 2), ["all ready"]);
}

#[test]
fn a_circle_that_lets_nobody_in_is_given_up_when_most_wait_and_not_before() {
    let mut delivery = two();
    delivery.ask_to_be_added(id(3), sealed(30)).unwrap();
    delivery.ask_to_be_added(id(4), sealed(30)).unwrap();
    let begin = start();
    let at = |seconds| begin + Duration::from_secs(seconds);
    // Two whom nobody lets in do not end the circle of two others.
    assert!(delivery.settle(at(0), everybody).is_empty());
    assert_eq!(delivery.poll_timeout(), None);
    // Everybody but 1 refused what 1 did, and asks anew.
    delivery.ask_to_be_added(id(2), sealed(30)).unwrap();
    assert!(delivery.settle(at(0), everybody).is_empty());
    assert_eq!(delivery.poll_timeout(), Some(at(10)));
    // A commit shows that it lives.
    delivery.commit(id(1), new(1, &[4])).unwrap();
    delivery.ask_to_be_added(id(4), sealed(30)).unwrap();
    assert!(delivery.settle(at(9), everybody).is_empty());
    assert_eq!(delivery.poll_timeout(), Some(at(19)));
    let effects = delivery.settle(at(19), everybody);
    for n in 1..=4 {
        assert_eq!(told(&effects, n), ["lost"], "{n}");
    }
    assert!(effects.contains(&Effect::Gate(id(1), None)));
    assert_eq!((delivery.place(), delivery.poll_timeout()), (None, None));
    delivery.create(id(3), group(2)).unwrap();
}

#[test]
fn of_two_commits_at_once_the_first_counts() {
    let mut delivery = two();
    delivery.ask_to_be_added(id(3), sealed(30)).unwrap();
    assert!(delivery.commit(id(2), new(1, &[3])).is_ok());
    assert_eq!(delivery.commit(id(1), new(1, &[])), Err(ErrorCode::MlsStale));
    assert_eq!(delivery.place().unwrap().epoch, 2);
    for (by, epoch) in [(id(1), 1), (id(1), 3), (id(9), 2)] {
        let refused = delivery.commit(by, new(epoch, &[]));
        assert_eq!(refused, Err(ErrorCode::MlsStale), "{by:?} in {epoch}");
    }
    let other = NewCommit { group: group(2), ..new(2, &[]) };
    assert_eq!(delivery.commit(id(1), other), Err(ErrorCode::MlsStale));
    assert!(delivery.commit(id(1), new(2, &[])).is_ok());
}

#[test]
fn a_commit_adds_those_alone_who_wait_and_removes_nobody_who_is_a_member() {
    let mut delivery = two();
    delivery.ask_to_be_added(id(3), sealed(30)).unwrap();
    assert_eq!(delivery.commit(id(1), new(1, &[3, 4])), Err(ErrorCode::MlsStale));
    assert_eq!(delivery.commit(id(1), new(1, &[2])), Err(ErrorCode::MlsStale), "a member");
    assert_eq!(delivery.commit(id(1), new(1, &[3, 3])), Err(ErrorCode::Malformed));
    let no_welcome = NewCommit { welcome: None, ..new(1, &[3]) };
    assert_eq!(delivery.commit(id(1), no_welcome), Err(ErrorCode::Malformed));
    let for_nobody = NewCommit { welcome: Some(sealed(30)), ..new(1, &[]) };
    assert_eq!(delivery.commit(id(1), for_nobody), Err(ErrorCode::Malformed));
    let planted = NewCommit { removed: vec![id(2)], ..new(1, &[]) };
    assert_eq!(delivery.commit(id(1), planted), Err(ErrorCode::NotAllowed));
    assert_eq!(delivery.place().unwrap().epoch, 1, "none of them counted");
    // Whoever left while the commit was made is not added.
    delivery.forget(id(3));
    assert_eq!(delivery.commit(id(1), new(1, &[3])), Err(ErrorCode::MlsStale));
    delivery.forget(id(2));
    let gone = NewCommit { removed: vec![id(2)], ..new(1, &[]) };
    assert!(delivery.commit(id(1), gone).is_ok());
}

#[test]
fn whoever_begins_anew_is_no_member_until_they_are_added_anew() {
    let mut delivery = two();
    delivery.ready(id(2), group(1), 1).unwrap();
    let effects = delivery.ask_to_be_added(id(2), sealed(30)).unwrap();
    assert_eq!(effects[0], Effect::Gate(id(2), None));
    assert_eq!(told(&effects, 1), ["wanted"]);
    assert_eq!(told(&effects, 2), [] as [&str; 0]);
    assert!(!delivery.is_member(id(2)));
    assert_eq!(delivery.ready(id(2), group(1), 1), Err(ErrorCode::MlsStale));
    assert_eq!(delivery.commit(id(2), new(1, &[])), Err(ErrorCode::MlsStale));
    let again = NewCommit { removed: vec![id(2)], ..new(1, &[2]) };
    let effects = delivery.commit(id(1), again).unwrap();
    assert_eq!(told(&effects, 2), ["welcome"]);
    let effects = delivery.ready(id(2), group(1), 2).unwrap();
    assert_eq!(effects, [Effect::Gate(id(2), Some(2))], "a membership of its own");
}

#[test]
fn whoever_was_cut_hears_what_they_missed_while_it_is_kept() {
    let mut delivery = two();
    for epoch in 1..5 {
        delivery.commit(id(1), new(epoch, &[])).unwrap();
    }
    delivery.ask_to_be_added(id(3), sealed(30)).unwrap();
    let effects = delivery.resume(id(2), group(1), 2).unwrap();
    assert_eq!(told(&effects, 2), ["committed", "committed", "committed", "wanted"]);
    let epochs = effects.iter().filter_map(|effect| match effect {
        Effect::Tell(_, ServerMessage::MlsCommitted { epoch, .. }) => Some(*epoch),
        _ => None,
    });
    assert_eq!(epochs.collect::<Vec<_>>(), [3, 4, 5]);
    assert_eq!(delivery.missed_bytes(id(2), group(1), 2), Ok(90));
    assert_eq!(told(&delivery.resume(id(2), group(1), 5).unwrap(), 2), ["wanted"]);
    for (who, which, epoch) in [(2, 1, 0), (2, 1, 6), (2, 2, 3), (3, 1, 3), (9, 1, 3)] {
        let refused = delivery.resume(id(who), group(which), epoch);
        assert_eq!(refused, Err(ErrorCode::MlsStale), "{who} of {which} in {epoch}");
    }
    for epoch in 5..200 {
        delivery.commit(id(1), new(epoch, &[])).unwrap();
    }
    let now = delivery.place().unwrap().epoch;
    let oldest = now - u64::try_from(MAX_KEPT).unwrap();
    assert!(delivery.resume(id(2), group(1), oldest).is_ok());
    assert_eq!(delivery.resume(id(2), group(1), oldest - 1), Err(ErrorCode::MlsStale));
}

#[test]
fn commits_are_kept_up_to_a_number_of_bytes() {
    let mut delivery = two();
    for epoch in 1..40 {
        let large = NewCommit { commit: sealed(60_000), ..new(epoch, &[]) };
        delivery.commit(id(1), large).unwrap();
    }
    let circle = delivery.circle.as_ref().unwrap();
    assert_eq!(circle.kept_bytes, circle.commits.iter().map(Kept::byte_count).sum::<usize>());
    assert_eq!(circle.commits.len(), MAX_KEPT_BYTES / 60_000);
}

#[test]
fn without_a_member_the_circle_is_given_up_and_another_is_made() {
    let mut delivery = two();
    delivery.ask_to_be_added(id(3), sealed(30)).unwrap();
    delivery.forget(id(1));
    assert!(delivery.settle(start(), everybody).is_empty());
    delivery.forget(id(2));
    let effects = delivery.settle(start(), everybody);
    assert_eq!((effects.len(), told(&effects, 3)), (1, vec!["lost"]));
    assert_eq!(delivery.place(), None);
    assert_eq!(delivery.ready(id(3), group(1), 1), Err(ErrorCode::MlsStale));
    delivery.create(id(3), group(2)).unwrap();
    assert_eq!(delivery.place(), Some(CirclePlace { group: group(2), epoch: 0 }));

    // Nobody waits, nobody is told.
    delivery.forget(id(3));
    assert!(delivery.settle(start(), everybody).is_empty());
    assert_eq!(delivery.place(), None);
}

#[test]
fn members_who_were_cut_have_some_time_before_those_who_wait_make_another_circle() {
    let mut delivery = two();
    delivery.ready(id(1), group(1), 1).unwrap();
    let now = start();
    let all_but = |n: u8| move |other: &ParticipantId| *other != id(n);
    let only = |n: u8| move |other: &ParticipantId| *other == id(n);
    assert_eq!(told(&delivery.settle(now, all_but(2)), 1), ["all ready"], "2 is away");
    delivery.ask_to_be_added(id(3), sealed(30)).unwrap();
    assert!(delivery.settle(now, only(3)).is_empty());
    let at = delivery.poll_timeout().unwrap();
    assert_eq!(at, now + PATIENCE);
    // Back in time.
    assert!(delivery.settle(at, everybody).is_empty());
    assert_eq!(delivery.poll_timeout(), None);
    assert!(delivery.settle(at, only(3)).is_empty());
    let at = delivery.poll_timeout().unwrap();
    let effects = delivery.settle(at, only(3));
    assert!(effects.contains(&Effect::Gate(id(1), None)));
    assert!(effects.contains(&Effect::Gate(id(2), None)));
    assert_eq!(told(&effects, 3), ["lost"]);
    assert_eq!((delivery.place(), delivery.poll_timeout()), (None, None));
}

/// One random step of a room of six.
#[derive(Clone, Debug)]
enum Step {
    Create(u8),
    Ask(u8),
    Commit { by: u8, added: Vec<u8>, removed: Vec<u8>, is_late: bool, bytes: usize },
    Ready(u8, bool),
    Resume(u8),
    Away(u8, bool),
    Leave(u8),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..6_u8;
    let some = || prop::collection::vec(who(), 0..3);
    prop_oneof![
        2 => who().prop_map(Step::Create),
        6 => who().prop_map(Step::Ask),
        12 => (who(), some(), some(), prop::bool::weighted(0.1), 3..70_000_usize).prop_map(
            |(by, added, removed, is_late, bytes)| {
                Step::Commit { by, added, removed, is_late, bytes: bytes.min(60_000) }
            },
        ),
        8 => (who(), any::<bool>()).prop_map(|(who, is_old)| Step::Ready(who, is_old)),
        4 => who().prop_map(Step::Resume),
        3 => (who(), any::<bool>()).prop_map(|(who, away)| Step::Away(who, away)),
        2 => who().prop_map(Step::Leave),
        2 => (0..5_u64).prop_map(Step::Wait),
    ]
}

/// What one page believes, from what it was told alone.
#[derive(Clone, Copy, Debug, Default)]
struct Page {
    /// The circle and the epoch it has, once it is a member.
    at: Option<(CircleId, u64)>,
    is_pending: bool,
    is_away: bool,
    /// What the media plane was told.
    gate: Option<u8>,
}

#[derive(Default)]
struct World {
    delivery: Delivery,
    pages: BTreeMap<ParticipantId, Page>,
    /// Every commit that was accepted; one for each epoch.
    accepted: BTreeMap<(CircleId, u64), ParticipantId>,
    circles: u8,
}

impl World {
    fn take(&mut self, now: &mut Instant, step: Step) {
        let place = self.delivery.place();
        let effects = match step {
            Step::Create(who) => {
                self.circles += 1;
                let made = self.delivery.create(id(who), group(self.circles));
                assert_eq!(made.is_ok(), place.is_none());
                if made.is_ok() {
                    let at = Some((group(self.circles), 0));
                    self.page(who).at = at;
                }
                Vec::new()
            }
            Step::Ask(who) => match self.delivery.ask_to_be_added(id(who), sealed(30)) {
                Ok(effects) => {
                    let page = self.page(who);
                    (page.at, page.is_pending) = (None, true);
                    effects
                }
                Err(code) => return assert_eq!((code, place), (ErrorCode::MlsStale, None)),
            },
            Step::Commit { by, added, removed, is_late, bytes } => {
                let Some(CirclePlace { group, epoch }) = place else { return };
                let is_able = self.page(by).at.is_some() && !self.page(by).is_away;
                if self.delivery.is_member(id(by)) && !is_able {
                    // Their page has nothing to make a commit with.
                    return;
                }
                let epoch = epoch.saturating_sub(u64::from(is_late));
                let pending: Vec<_> = added.iter().map(|n| id(*n)).collect();
                let new = NewCommit {
                    group,
                    epoch,
                    commit: sealed(bytes),
                    welcome: (!added.is_empty()).then(|| sealed(30)),
                    added: pending.clone(),
                    removed: removed.into_iter().map(id).collect(),
                };
                let Ok(effects) = self.delivery.commit(id(by), new) else { return };
                assert!(is_able, "a commit by no member");
                let first = self.accepted.insert((group, epoch), id(by));
                assert_eq!(first, None, "two commits in one epoch");
                for added in pending {
                    let page = self.pages.get_mut(&added).expect("added while not here");
                    assert!(std::mem::take(&mut page.is_pending), "added unasked");
                    if page.is_away {
                        // They missed the welcome; their page asks anew when it is back.
                        page.at = None;
                    }
                }
                effects
            }
            Step::Ready(who, is_old) => {
                let Some((group, epoch)) = self.page(who).at else { return };
                let epoch = epoch.saturating_sub(u64::from(is_old));
                let Ok(effects) = self.delivery.ready(id(who), group, epoch) else { return };
                effects
            }
            Step::Resume(who) => {
                let Some((group, epoch)) = self.page(who).at else { return };
                match self.delivery.resume(id(who), group, epoch) {
                    Ok(effects) => effects,
                    Err(_) => return self.page(who).at = None,
                }
            }
            Step::Away(who, is_away) => {
                self.page(who).is_away = is_away;
                Vec::new()
            }
            Step::Leave(who) => {
                self.delivery.forget(id(who));
                self.pages.remove(&id(who));
                Vec::new()
            }
            Step::Wait(seconds) => {
                *now += Duration::from_secs(seconds);
                Vec::new()
            }
        };
        self.look(effects);
        let here: BTreeSet<_> =
            self.pages.iter().filter(|(_, page)| !page.is_away).map(|(id, _)| *id).collect();
        let effects = self.delivery.settle(*now, |id| here.contains(id));
        self.look(effects);
        self.compare();
    }

    fn page(&mut self, n: u8) -> &mut Page {
        self.pages.entry(id(n)).or_default()
    }

    fn look(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            let (who, message) = match effect {
                Effect::Gate(who, from) => {
                    self.pages.get_mut(&who).expect("a gate of nobody").gate = from;
                    continue;
                }
                Effect::Tell(who, message) => (who, message),
            };
            let page = self.pages.get_mut(&who).expect("told who is not here");
            if page.is_away {
                continue;
            }
            match message {
                ServerMessage::MlsCommitted { group, epoch, .. } => match &mut page.at {
                    // Whoever has it already ignores it, as after a resume.
                    Some((own, at)) if *own == group && *at >= epoch => {}
                    // A page that was away goes on after a resume alone.
                    Some((own, at)) if (*own, *at + 1) == (group, epoch) => *at = epoch,
                    Some(_) | None => {}
                },
                ServerMessage::MlsWelcome { group, epoch, .. } => {
                    assert_eq!(page.at, None, "welcomed twice");
                    page.at = Some((group, epoch));
                }
                ServerMessage::MlsLost {} => {
                    (page.at, page.is_pending) = (None, false);
                }
                ServerMessage::MlsWanted { .. } => {}
                ServerMessage::MlsAllReady { group, epoch } => {
                    assert_eq!(self.delivery.place(), Some(CirclePlace { group, epoch }));
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn compare(&mut self) {
        let Delivery { circle, pending, abandoned_at: _, stuck_at: _ } = &self.delivery;
        assert!(pending.keys().all(|id| self.pages.contains_key(id)));
        let Some(circle) = circle else {
            assert!(pending.is_empty());
            for page in self.pages.values_mut() {
                assert_eq!(page.gate, None, "a gate without a circle");
                // They hear of it with their next word or `joined`.
                (page.at, page.is_pending) = (None, false);
            }
            return;
        };
        assert!(!circle.members.is_empty());
        assert!(circle.commits.len() <= MAX_KEPT && circle.kept_bytes <= MAX_KEPT_BYTES);
        let kept: Vec<_> = circle.commits.iter().map(|kept| kept.epoch).collect();
        let first = circle.epoch + 1 - u64::try_from(kept.len()).unwrap();
        assert_eq!(kept, (first..=circle.epoch).collect::<Vec<_>>(), "a gap");
        for (id, page) in &self.pages {
            let member = circle.members.get(id);
            assert!(member.is_none() || !pending.contains_key(id), "{id:?} is both");
            let ready = member.filter(|member| member.ready.is_some());
            assert_eq!(page.gate, ready.map(|member| low_bits(member.first_epoch)), "{id:?}");
            if let (Some((group, at)), false) = (page.at, page.is_away) {
                assert!(member.is_some(), "{id:?} believes to be a member");
                assert!(group == circle.group && at <= circle.epoch);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever pages do, each epoch has one commit, members alone have a gate, and what is kept is
    /// bounded.
    #[test]
    fn every_epoch_has_one_commit_whatever_happens(
        steps in prop::collection::vec(step(), 0..150),
    ) {
        let mut world = World::default();
        let mut now = start();
        for step in steps {
            world.take(&mut now, step);
        }
    }
}
