//! What a server may try that wants to hear a room it serves: nothing of it is taken, nothing is sent
//! for its ears, and every attempt shows.

use std::time::{Duration, Instant};

use e2ee_member::admission::{Admission, NotAdmitted, Role, Verifier};
use e2ee_member::attendance::{Attendance, EpochKeys, Heard, Output, Say};
use e2ee_member::circle::{Candidate, Circle, Ground, Refused};
use e2ee_member::frames::{
    Codec, Incoming, Level, NotSealed, Opener, Sealer, Source, Verdict, Why,
};
use e2ee_member::link::{self, Flags, Link, LinkKind, ServerLies};
use e2ee_member::member::Keys;
use e2ee_member::{ParticipantId, RoomId};

const ROOM: RoomId = [9; 16];
const MODERATOR: [u8; 16] = [5; 16];
const NOW: u64 = 1_800_000_000;
/// The link alone does not admit: the strictest kind of room.
const STRICT: Flags = Flags { open: false, raw: false };

fn id(number: u8) -> ParticipantId {
    [number; 8]
}

fn ground() -> Ground {
    let host_key = link::host_key(&MODERATOR);
    let verifier = Verifier {
        room: ROOM,
        open: STRICT.open,
        host_key,
        guest_secrets: vec![(0, link::guest_secret(&MODERATOR, 0))],
    };
    Ground { verifier, flags: STRICT, fingerprint: link::fingerprint(&host_key) }
}

fn signed_by(host_seed: &[u8; 32], keys: &Keys, number: u8) -> Admission {
    keys.claim(ROOM, id(number), Role::Guest, NOW + 86_400).by_host(host_seed)
}

fn candidate(number: u8, admit: impl Fn(&Keys) -> Admission) -> Candidate {
    let keys = Keys::draw();
    let admission = admit(&keys);
    let claim = keys.claim(ROOM, id(number), admission.role, admission.until);
    let identity = keys.identity(&claim, admission);
    Candidate::new(keys, identity).expect("a key package")
}

fn admitted(keys: &Keys, number: u8) -> Admission {
    signed_by(&link::host_seed(&MODERATOR), keys, number)
}

/// A member whose server is against it, and an honest colleague's circle that the server could have
/// turned.
struct Attack {
    now: Instant,
    member: Attendance,
    sealer: Sealer,
    colleague: Circle,
    said: Vec<Say>,
    broken: Vec<Refused>,
}

impl Attack {
    /// Both are members, in epoch 1, and the member seals in it.
    fn begin() -> Self {
        let now = Instant::now();
        let keys = Keys::draw();
        let claim = keys.claim(ROOM, id(1), Role::Guest, NOW + 86_400);
        let identity = keys.identity(&claim, admitted(&keys, 1));
        let colleague = Circle::create(keys, &identity, ground()).expect("a circle");

        let keys = Keys::draw();
        let claim = keys.claim(ROOM, id(2), Role::Guest, NOW + 86_400);
        let identity = keys.identity(&claim, admitted(&keys, 2));
        let mut member = Attendance::new(now, NOW, keys, identity, ground(), 1);
        member.hear(now, Heard::Present(id(1)));
        member.begin(true);
        let sealer = Sealer::default();
        let mut attack =
            Self { now, member, sealer, colleague, said: Vec::new(), broken: Vec::new() };
        attack.run();
        let Some(Say::KeyPackage { key_package }) = attack.said.pop() else { panic!("it knocks") };
        let committed = attack.colleague.commit(&[&key_package], &[]).expect("a commit");
        let present = |_: &ParticipantId| true;
        attack.colleague.process(&committed.commit, &present, NOW).expect("its own");
        let welcome = committed.welcome.expect("a welcome");
        attack.hear(Heard::Welcome { group: attack.group(), welcome });
        attack.pass(Duration::from_secs(2));
        attack.said.clear();
        assert_eq!(attack.sealer.epoch(), Some(1));
        attack
    }

    fn group(&self) -> [u8; 16] {
        self.colleague.group_id().try_into().expect("16 bytes")
    }

    fn hear(&mut self, heard: Heard) {
        self.member.hear(self.now, heard);
        self.run();
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.member.handle_timeout(self.now);
        self.run();
    }

    fn run(&mut self) {
        while let Some(output) = self.member.poll_output() {
            match output {
                Output::Say(_, say) => self.said.push(say),
                Output::Seal(EpochKeys { leaf, epoch, base_key }) => {
                    self.sealer.set_epoch(leaf, epoch, base_key);
                }
                Output::Outside => self.sealer.stop(),
                Output::Broken(refused) => self.broken.push(refused),
                Output::Open(_) => {}
            }
        }
    }

    fn committed(&mut self, commit: Vec<u8>) {
        let heard = Heard::Committed { group: self.group(), epoch: 2, commit, by: id(1) };
        self.hear(heard);
    }

    /// Nothing is sent any more, and it asks to be let in anew.
    fn refused(mut self, why: &Refused) {
        assert_eq!(self.broken.as_slice(), std::slice::from_ref(why));
        let sealed = self.sealer.seal(Source::Microphone, Level::Everybody, Codec::Opus, &[1]);
        assert_eq!(sealed, Err(NotSealed::NoKey), "nothing is sent");
        assert!(matches!(self.said.pop(), Some(Say::KeyPackage { .. })), "it asks anew");
        assert!(self.member.circle().is_none());
    }
}

#[test]
fn a_ghost_that_the_server_wants_added_is_added_by_nobody() {
    // By a host key of the server's own, by the link alone, and for somebody else's key.
    let forged = candidate(3, |keys| signed_by(&[6; 32], keys, 3));
    let by_link = candidate(3, |keys| {
        let claim = keys.claim(ROOM, id(3), Role::Guest, NOW + 86_400);
        claim.by_link(0, &link::guest_secret(&MODERATOR, 0))
    });
    let stolen = candidate(3, |_| admitted(&Keys::draw(), 3));
    for ghost in [&forged, &by_link, &stolen] {
        let mut attack = Attack::begin();
        attack.hear(Heard::Present(id(3)));
        let key_package = ghost.key_package().to_vec();
        attack.hear(Heard::Wanted { participant: id(3), key_package });
        for _ in 0..20 {
            attack.pass(Duration::from_millis(500));
        }
        assert_eq!(attack.said, [], "no commit");
        assert_eq!(attack.broken, []);
        assert_eq!(attack.sealer.epoch(), Some(1));
    }
    // One who was admitted, under the name of another.
    let mut attack = Attack::begin();
    let known = candidate(3, |keys| admitted(keys, 3));
    attack.hear(Heard::Present(id(4)));
    attack.hear(Heard::Wanted { participant: id(4), key_package: known.key_package().to_vec() });
    for _ in 0..20 {
        attack.pass(Duration::from_millis(500));
    }
    assert_eq!(attack.said, []);
}

#[test]
fn a_commit_with_a_ghost_ends_the_sending_and_shows() {
    let mut attack = Attack::begin();
    attack.hear(Heard::Present(id(3)));
    let ghost = candidate(3, |keys| admitted(keys, 3));
    let made = attack.colleague.commit_without_rules(&[ghost.key_package()], &[], &[], false);
    attack.committed(made.expect("a commit").commit);
    attack.refused(&Refused::WithoutPsk);

    let mut attack = Attack::begin();
    attack.hear(Heard::Present(id(3)));
    let ghost = candidate(3, |keys| signed_by(&[6; 32], keys, 3));
    let made = attack.colleague.commit_without_rules(&[ghost.key_package()], &[], &[0], false);
    attack.committed(made.expect("a commit").commit);
    attack.refused(&Refused::NotAdmitted(NotAdmitted::Forged));

    // Admitted, but nobody sees them in the room.
    let mut attack = Attack::begin();
    let hidden = candidate(3, |keys| admitted(keys, 3));
    let made = attack.colleague.commit_without_rules(&[hidden.key_package()], &[], &[0], false);
    attack.committed(made.expect("a commit").commit);
    attack.refused(&Refused::NotPresent);
}

#[test]
fn a_commit_that_makes_the_circle_another_one_ends_the_sending_and_shows() {
    let mut attack = Attack::begin();
    let made = attack.colleague.commit_without_rules(&[], &[], &[], true);
    attack.committed(made.expect("a commit").commit);
    attack.refused(&Refused::NotOurs("a proposal of that kind"));
}

#[test]
fn commits_again_altered_or_of_another_circle_end_the_sending_and_show() {
    let mut attack = Attack::begin();
    let made = attack.colleague.commit(&[], &[]).expect("a commit").commit;
    attack.committed(made.clone());
    attack.pass(Duration::from_secs(2));
    assert_eq!(attack.sealer.epoch(), Some(2));
    // Again as what it was, it is no news; as another one, it shows.
    attack.committed(made.clone());
    assert_eq!((attack.broken.as_slice(), attack.sealer.epoch()), (&[][..], Some(2)));
    let group = attack.group();
    attack.hear(Heard::Committed { group, epoch: 3, commit: made, by: id(1) });
    attack.refused(&Refused::OtherEpoch(1));

    let mut attack = Attack::begin();
    let mut made = attack.colleague.commit(&[], &[]).expect("a commit").commit;
    let last = made.len() - 1;
    made[last] ^= 1;
    attack.committed(made);
    assert!(matches!(attack.broken.as_slice(), [Refused::Mls(_)]), "{:?}", attack.broken);
    assert_eq!(attack.sealer.epoch(), None);

    // Of a circle of the server's own: not even looked at, under its own name.
    let mut attack = Attack::begin();
    let mut other = Attack::begin();
    let made = other.colleague.commit(&[], &[]).expect("a commit").commit;
    let heard =
        Heard::Committed { group: other.group(), epoch: 2, commit: made.clone(), by: id(1) };
    attack.hear(heard);
    assert_eq!((attack.broken.as_slice(), attack.sealer.epoch()), (&[][..], Some(1)));
    attack.committed(made);
    assert!(matches!(attack.broken.as_slice(), [Refused::Mls(_)]), "{:?}", attack.broken);
}

#[test]
fn a_circle_of_the_servers_own_is_not_entered() {
    // It knows no link, so it can take its own for it; it cannot be admitted either.
    for secret in [[0; 16], link::guest_secret(&[6; 16], 0)] {
        let mut other = ground();
        other.verifier.guest_secrets = vec![(0, secret)];
        let keys = Keys::draw();
        let claim = keys.claim(ROOM, id(1), Role::Guest, NOW + 86_400);
        let identity = keys.identity(&claim, signed_by(&[6; 32], &keys, 1));
        let mut servers = Circle::create(keys, &identity, other).expect("a circle");
        let invited = candidate(2, |keys| admitted(keys, 2));
        // Without any key of a link, and with one of its own.
        for psks in [&[][..], &[0]] {
            let made = servers.commit_without_rules(&[invited.key_package()], &[], psks, false);
            servers.drop_pending().expect("dropped");
            let welcome = made.expect("a commit").welcome.expect("a welcome");
            let again = candidate(2, |keys| admitted(keys, 2));
            assert!(again.join(&welcome, ground(), NOW).is_err());
        }
        let made = servers.commit_without_rules(&[invited.key_package()], &[], &[], false);
        let welcome = made.expect("a commit").welcome.expect("a welcome");
        assert_eq!(invited.join(&welcome, ground(), NOW).err(), Some(Refused::WithoutPsk));
    }
    // With the link in hand, too: whoever made it is admitted by nobody.
    let keys = Keys::draw();
    let claim = keys.claim(ROOM, id(1), Role::Guest, NOW + 86_400);
    let identity = keys.identity(&claim, signed_by(&[6; 32], &keys, 1));
    let mut leaked = Circle::create(keys, &identity, ground()).expect("a circle");
    let invited = candidate(2, |keys| admitted(keys, 2));
    let made = leaked.commit(&[invited.key_package()], &[]).expect("a commit");
    let joined = invited.join(&made.welcome.expect("a welcome"), ground(), NOW);
    assert_eq!(joined.err(), Some(Refused::NotAdmitted(NotAdmitted::Forged)));
}

#[test]
fn frames_again_of_an_old_epoch_in_clear_or_of_somebody_else_are_not_played() {
    let now = Instant::now();
    let (mut sealer, mut opener) = (Sealer::default(), Opener::default());
    sealer.set_epoch(3, 7, [1; 16]);
    opener.set_epoch(now, 7, [1; 16]);
    let spoken = [0xfc; 60];
    let seal = |sealer: &mut Sealer| {
        sealer.seal(Source::Microphone, Level::Everybody, Codec::Opus, &spoken).expect("a key")
    };
    let hear = |opener: &mut Opener, now, leaf, bytes: &[u8]| {
        let expected = (leaf, Source::Microphone);
        opener.open(now, Incoming { slot: 0, expected, codec: Codec::Opus, bytes: bytes.to_vec() })
    };
    let (first, second, third) = (seal(&mut sealer), seal(&mut sealer), seal(&mut sealer));
    assert_eq!(hear(&mut opener, now, 3, &first), Verdict::Opened(spoken.to_vec()));
    // Again; put where somebody else's voice should be; silence and speech that nobody sealed.
    assert_eq!(hear(&mut opener, now, 3, &first), Verdict::Dropped(Why::Replayed));
    assert_eq!(hear(&mut opener, now, 4, &second), Verdict::Dropped(Why::Misrouted));
    for clear in [&[0xf8, 0xff, 0xfe][..], &spoken] {
        assert_eq!(hear(&mut opener, now, 3, clear), Verdict::Dropped(Why::Clear));
    }
    // A clear frame that begins like the header of a sealed one.
    let mut dressed = spoken.to_vec();
    dressed[..4].copy_from_slice(&second[..4]);
    assert_eq!(hear(&mut opener, now, 3, &dressed), Verdict::Dropped(Why::Forged));
    assert_eq!(hear(&mut opener, now, 3, &second), Verdict::Opened(spoken.to_vec()));
    // Kept back until the epoch is over.
    opener.set_epoch(now, 8, [2; 16]);
    let later = now + Duration::from_secs(6);
    assert_eq!(hear(&mut opener, later, 3, &third), Verdict::Dropped(Why::NoKey));
}

#[test]
fn a_server_that_says_less_than_the_link_is_not_joined() {
    let link = Link {
        room: ROOM,
        flags: STRICT,
        kind: LinkKind::Guest {
            secret: link::guest_secret(&MODERATOR, 0),
            fingerprint: link::fingerprint(&link::host_key(&MODERATOR)),
        },
    };
    let host = link::host_key(&MODERATOR);
    assert_eq!(link.check(&host, Some(STRICT)), Ok(()));
    assert_eq!(link.check(&host, None), Err(ServerLies::NotEncrypted));
    let opened = Flags { open: true, raw: false };
    assert_eq!(link.check(&host, Some(opened)), Err(ServerLies::OtherFlags));
    let own = link::host_key(&[6; 16]);
    assert_eq!(link.check(&own, Some(STRICT)), Err(ServerLies::OtherHost));
    // A circle that says so of itself, with all else in order.
    let mut lowered = ground();
    lowered.flags = opened;
    let keys = Keys::draw();
    let claim = keys.claim(ROOM, id(1), Role::Guest, NOW + 86_400);
    let identity = keys.identity(&claim, admitted(&keys, 1));
    let mut circle = Circle::create(keys, &identity, lowered).expect("a circle");
    let invited = candidate(2, |keys| admitted(keys, 2));
    let made = circle.commit(&[invited.key_package()], &[]).expect("a commit");
    let joined = invited.join(&made.welcome.expect("a welcome"), ground(), NOW);
    assert_eq!(joined.err(), Some(Refused::OtherCircle));
}
