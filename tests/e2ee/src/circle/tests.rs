use super::*;
use crate::admission::Claim;
use crate::link::{fingerprint, guest_secret, host_key, host_seed};

const ROOM: RoomId = [9; 16];
const MODERATOR: [u8; 16] = [5; 16];
const NOW: u64 = 1_800_000_000;

fn ground(open: bool) -> Ground {
    let host_key = host_key(&MODERATOR);
    Ground {
        verifier: Verifier {
            room: ROOM,
            open,
            host_key,
            guest_secrets: vec![(0, guest_secret(&MODERATOR, 0))],
        },
        flags: Flags { open, raw: false },
        fingerprint: fingerprint(&host_key),
    }
}

fn claim(keys: &Keys, number: u8, role: Role) -> Claim {
    keys.claim(ROOM, [number; 8], role, NOW + 86_400)
}

fn signed(keys: &Keys, number: u8, role: Role) -> Identity {
    let claim = claim(keys, number, role);
    keys.identity(&claim, claim.by_host(&host_seed(&MODERATOR)))
}

fn candidate(number: u8) -> Candidate {
    let keys = Keys::draw();
    let identity = signed(&keys, number, Role::Guest);
    Candidate::new(keys, identity).expect("a key package")
}

fn circle_of(number: u8) -> Circle {
    let keys = Keys::draw();
    let identity = signed(&keys, number, Role::Guest);
    Circle::create(keys, &identity, ground(false)).expect("a circle")
}

fn everybody(_: &ParticipantId) -> bool {
    true
}

fn all_but(gone: u8) -> impl Fn(&ParticipantId) -> bool {
    move |participant| *participant != [gone; 8]
}

/// A circle of two, in epoch 1.
fn pair() -> (Circle, Circle) {
    let mut first = circle_of(1);
    let second = candidate(2);
    let committed = first.commit(&[second.key_package()], &[]).expect("a commit");
    first.process(&committed.commit, &everybody, NOW).expect("its own commit");
    let welcome = committed.welcome.expect("a welcome");
    let second = second.join(&welcome, ground(false), NOW).expect("a member");
    (first, second)
}

fn same_epoch(circles: &[&Circle]) {
    for circle in circles {
        assert_eq!(circle.epoch(), circles[0].epoch());
        assert_eq!(circle.base_key(), circles[0].base_key());
        assert_eq!(circle.leaves(), circles[0].leaves());
    }
}

#[test]
fn members_come_alone_or_together_and_go_and_share_every_epochs_key() {
    let (mut first, mut second) = pair();
    same_epoch(&[&first, &second]);
    let before = first.base_key();

    let (third, fourth) = (candidate(3), candidate(4));
    let committed =
        second.commit(&[third.key_package(), fourth.key_package()], &[]).expect("a commit");
    for circle in [&mut first, &mut second] {
        let processed = circle.process(&committed.commit, &everybody, NOW).expect("next");
        let changed = Changed { added: vec![[3; 8], [4; 8]], removed: vec![] };
        assert_eq!(processed, Processed::Advanced(changed));
    }
    let welcome = committed.welcome.expect("a welcome");
    let mut third = third.join(&welcome, ground(false), NOW).expect("a member");
    let fourth = fourth.join(&welcome, ground(false), NOW).expect("a member");
    same_epoch(&[&first, &second, &third, &fourth]);
    assert_ne!(first.base_key(), before);

    let with_second = first.base_key();
    let committed = first.commit(&[], &[second.own_leaf()]).expect("a commit");
    for circle in [&mut first, &mut third] {
        circle.process(&committed.commit, &all_but(2), NOW).expect("next");
    }
    assert_eq!(second.process(&committed.commit, &everybody, NOW), Ok(Processed::Removed));
    same_epoch(&[&first, &third]);
    assert_eq!(fourth.base_key(), with_second, "whoever has not heard of it stays behind");
    assert_ne!(first.base_key(), with_second);
    assert!(second.base_key().is_err(), "a state that is over gives no key");
}

#[test]
fn whoever_comes_back_takes_the_place_of_their_old_leaf_in_one_commit() {
    let (mut first, second) = pair();
    let anew = candidate(2);
    let committed = first.commit(&[anew.key_package()], &[second.own_leaf()]).expect("a commit");
    let processed = first.process(&committed.commit, &everybody, NOW);
    let changed = Changed { added: vec![[2; 8]], removed: vec![[2; 8]] };
    assert_eq!(processed, Ok(Processed::Advanced(changed)));
    let welcome = committed.welcome.expect("a welcome");
    let anew = anew.join(&welcome, ground(false), NOW).expect("a member");
    same_epoch(&[&first, &anew]);
}

#[test]
fn of_two_commits_one_counts_and_the_other_is_dropped() {
    let (mut first, mut second) = pair();
    let (third, fourth) = (candidate(3), candidate(4));
    let winner = first.commit(&[third.key_package()], &[]).expect("a commit");
    let loser = second.commit(&[fourth.key_package()], &[]).expect("a commit");
    assert!(second.pending());
    second.drop_pending().expect("dropped");
    for circle in [&mut first, &mut second] {
        circle.process(&winner.commit, &everybody, NOW).expect("next");
    }
    same_epoch(&[&first, &second]);
    assert_eq!(first.process(&loser.commit, &everybody, NOW), Err(Refused::OtherEpoch(1)));
    // The one who lost takes its key package along in its next commit.
    let committed = second.commit(&[fourth.key_package()], &[]).expect("a commit");
    for circle in [&mut first, &mut second] {
        circle.process(&committed.commit, &everybody, NOW).expect("next");
    }
    same_epoch(&[&first, &second]);
}

#[test]
fn a_commit_of_ones_own_keys_changes_the_epochs_key_and_nobody() {
    let (mut first, mut second) = pair();
    let before = first.base_key();
    let committed = first.commit(&[], &[]).expect("a commit");
    assert_eq!(committed.welcome, None);
    for circle in [&mut first, &mut second] {
        let processed = circle.process(&committed.commit, &everybody, NOW);
        assert_eq!(processed, Ok(Processed::Advanced(Changed::default())));
    }
    same_epoch(&[&first, &second]);
    assert_ne!(first.base_key(), before);
}

#[test]
fn moderators_commit_first_then_the_lowest_leaf() {
    let (mut first, _) = pair();
    let keys = Keys::draw();
    let moderator =
        Candidate::new(keys.clone(), signed(&keys, 3, Role::Moderator)).expect("a key package");
    let committed = first.commit(&[moderator.key_package()], &[]).expect("a commit");
    first.process(&committed.commit, &everybody, NOW).expect("next");
    let order: Vec<u32> = first.committers().iter().map(|leaf| leaf.index).collect();
    assert_eq!(order, [2, 0, 1]);
}

#[test]
fn a_joiner_without_the_link_does_not_get_in() {
    let mut first = circle_of(1);
    let second = candidate(2);
    let committed = first.commit(&[second.key_package()], &[]).expect("a commit");
    let mut without = ground(false);
    without.verifier.guest_secrets = vec![(0, [1; 16])];
    let welcome = committed.welcome.expect("a welcome");
    assert!(matches!(second.join(&welcome, without, NOW), Err(Refused::Mls(_))));
}

#[test]
fn a_link_that_was_replaced_is_used_no_more() {
    let (mut first, mut second) = pair();
    let secret = guest_secret(&MODERATOR, 1);
    first.learn(1, secret).expect("learnt");
    let third = candidate(3);
    let committed = first.commit(&[third.key_package()], &[]).expect("a commit");
    let unknown = second.process(&committed.commit, &everybody, NOW);
    assert!(matches!(unknown, Err(Refused::Mls(_) | Refused::UnknownGeneration(1))), "{unknown:?}");
    second.learn(1, secret).expect("learnt");
    for circle in [&mut first, &mut second] {
        circle.process(&committed.commit, &everybody, NOW).expect("next");
    }
    let mut new_link = ground(false);
    new_link.verifier.guest_secrets = vec![(1, secret)];
    let third =
        third.join(&committed.welcome.expect("a welcome"), new_link, NOW).expect("a member");
    same_epoch(&[&first, &second, &third]);
}

#[test]
fn a_circle_of_other_flags_another_host_or_another_room_is_not_joined() {
    for alter in [
        |ground: &mut Ground| ground.flags.raw = true,
        |ground: &mut Ground| ground.flags.open = true,
        |ground: &mut Ground| ground.fingerprint = [0; 16],
    ] {
        let mut first = circle_of(1);
        let second = candidate(2);
        let committed = first.commit(&[second.key_package()], &[]).expect("a commit");
        let mut other = ground(false);
        alter(&mut other);
        let joined = second.join(&committed.welcome.expect("a welcome"), other, NOW);
        assert_eq!(joined.err(), Some(Refused::OtherCircle));
    }
}

/// A commit that keeps to none of our rules, by the first of [`pair`].
fn rogue(
    circle: &mut Circle,
    candidates: &[&Candidate],
    removed: &[u32],
    psks: &[u32],
) -> Committed {
    let key_packages: Vec<&[u8]> =
        candidates.iter().map(|candidate| candidate.key_package()).collect();
    circle.commit_without_rules(&key_packages, removed, psks, false).expect("a commit")
}

/// What the second of a pair says to it; it stays in its epoch whenever it refuses.
fn refusal(second: &mut Circle, committed: &Committed, present: &dyn Present) -> Refused {
    let before = (second.epoch(), second.base_key());
    let refused = second.process(&committed.commit, present, NOW).expect_err("refused");
    assert_eq!((second.epoch(), second.base_key()), before);
    refused
}

#[test]
fn a_ghost_added_without_the_links_key_is_refused_by_whoever_hears_and_whoever_is_welcomed() {
    let (mut first, mut second) = pair();
    let ghost = candidate(3);
    let committed = rogue(&mut first, &[&ghost], &[], &[]);
    assert_eq!(refusal(&mut second, &committed, &everybody), Refused::WithoutPsk);
    let joined = ghost.join(&committed.welcome.expect("a welcome"), ground(false), NOW);
    assert_eq!(joined.err(), Some(Refused::WithoutPsk));
}

#[test]
fn two_keys_or_a_key_without_anybody_added_are_refused() {
    let (mut first, mut second) = pair();
    for circle in [&mut first, &mut second] {
        circle.learn(1, guest_secret(&MODERATOR, 1)).expect("learnt");
    }
    let third = candidate(3);
    let committed = rogue(&mut first, &[&third], &[], &[0, 1]);
    assert_eq!(refusal(&mut second, &committed, &everybody), Refused::WithoutPsk);
    first.drop_pending().expect("dropped");
    let committed = rogue(&mut first, &[], &[], &[0]);
    assert_eq!(refusal(&mut second, &committed, &everybody), Refused::WithoutPsk);
}

#[test]
fn whoever_holds_no_admission_is_not_added() {
    let (mut first, mut second) = pair();
    // By a host of their own.
    let keys = Keys::draw();
    let claim = claim(&keys, 3, Role::Guest);
    let identity = keys.identity(&claim, claim.by_host(&[6; 32]));
    let forged = Candidate::new(keys, identity).expect("a key package");
    assert!(first.check_key_package(forged.key_package(), NOW).is_err());
    let committed = rogue(&mut first, &[&forged], &[], &[0]);
    let refused = refusal(&mut second, &committed, &everybody);
    assert_eq!(refused, Refused::NotAdmitted(NotAdmitted::Forged));
    first.drop_pending().expect("dropped");

    // By the link alone, in a room where that does not admit.
    let keys = Keys::draw();
    let claim = self::claim(&keys, 3, Role::Guest);
    let identity = keys.identity(&claim, claim.by_link(0, &guest_secret(&MODERATOR, 0)));
    let by_link = Candidate::new(keys, identity).expect("a key package");
    let committed = rogue(&mut first, &[&by_link], &[], &[0]);
    let refused = refusal(&mut second, &committed, &everybody);
    assert_eq!(refused, Refused::NotAdmitted(NotAdmitted::WrongKind));
    first.drop_pending().expect("dropped");

    // An admission of another key, taken from somebody who was let in.
    let keys = Keys::draw();
    let stolen = signed(&Keys::draw(), 3, Role::Guest);
    let thief = Candidate::new(keys, stolen).expect("a key package");
    let committed = rogue(&mut first, &[&thief], &[], &[0]);
    let refused = refusal(&mut second, &committed, &everybody);
    assert_eq!(refused, Refused::NotAdmitted(NotAdmitted::Forged));
}

#[test]
fn nobody_is_added_whom_the_server_does_not_show_or_who_has_a_leaf() {
    let (mut first, mut second) = pair();
    let third = candidate(3);
    let committed = rogue(&mut first, &[&third], &[], &[0]);
    assert_eq!(refusal(&mut second, &committed, &all_but(3)), Refused::NotPresent);
    first.drop_pending().expect("dropped");

    let again = candidate(1);
    let committed = rogue(&mut first, &[&again], &[], &[0]);
    assert_eq!(refusal(&mut second, &committed, &everybody), Refused::SecondLeaf);
    first.drop_pending().expect("dropped");

    let (one, other) = (candidate(4), candidate(4));
    let committed = rogue(&mut first, &[&one, &other], &[], &[0]);
    assert_eq!(refusal(&mut second, &committed, &everybody), Refused::SecondLeaf);
}

#[test]
fn nobody_who_is_there_is_removed() {
    let (mut first, mut second) = pair();
    let third = candidate(3);
    let committed = first.commit(&[third.key_package()], &[]).expect("a commit");
    for circle in [&mut first, &mut second] {
        circle.process(&committed.commit, &everybody, NOW).expect("next");
    }
    let removal = rogue(&mut first, &[], &[2], &[]);
    assert_eq!(refusal(&mut second, &removal, &everybody), Refused::StillPresent);
    assert!(second.process(&removal.commit, &all_but(3), NOW).is_ok());
}

#[test]
fn what_a_circle_is_cannot_be_changed() {
    let (mut first, mut second) = pair();
    let committed = first.commit_without_rules(&[], &[], &[], true).expect("a commit");
    let refused = refusal(&mut second, &committed, &everybody);
    assert_eq!(refused, Refused::NotOurs("a proposal of that kind"));
}

#[test]
fn messages_of_another_circle_or_none_at_all_are_refused() {
    let (mut first, mut second) = pair();
    let (mut other, _) = pair();
    let foreign = other.commit(&[], &[]).expect("a commit");
    assert!(matches!(second.process(&foreign.commit, &everybody, NOW), Err(Refused::Mls(_))));
    let committed = first.commit(&[], &[]).expect("a commit");
    for end in 0..committed.commit.len() {
        assert!(second.process(&committed.commit[..end], &everybody, NOW).is_err(), "cut at {end}");
    }
    for at in 0..committed.commit.len() {
        let mut altered = committed.commit.clone();
        altered[at] ^= 1;
        assert!(second.process(&altered, &everybody, NOW).is_err(), "byte {at}");
    }
    let key_package = candidate(3).key_package().to_vec();
    assert!(second.process(&key_package, &everybody, NOW).is_err());
    assert!(second.process(&committed.commit, &everybody, NOW).is_ok());
}

#[test]
fn in_an_open_room_the_link_alone_admits() {
    let keys = Keys::draw();
    let by_link = |keys: &Keys, number| {
        let claim = claim(keys, number, Role::Guest);
        keys.identity(&claim, claim.by_link(0, &guest_secret(&MODERATOR, 0)))
    };
    let identity = by_link(&keys, 1);
    let mut first = Circle::create(keys, &identity, ground(true)).expect("a circle");
    let keys = Keys::draw();
    let identity = by_link(&keys, 2);
    let second = Candidate::new(keys, identity).expect("a key package");
    let committed = first.commit(&[second.key_package()], &[]).expect("a commit");
    first.process(&committed.commit, &everybody, NOW).expect("next");
    let second =
        second.join(&committed.welcome.expect("a welcome"), ground(true), NOW).expect("a member");
    same_epoch(&[&first, &second]);
}
