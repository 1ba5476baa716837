use super::*;
use crate::crypto::ed25519_public;
use crate::link::{guest_secret, host_key, host_seed, personal_seed, personal_text};

const ROOM: RoomId = [9; 16];
const MODERATOR: [u8; 16] = [5; 16];
const NOW: u64 = 1_800_000_000;
const MEMBER: [u8; 32] = [7; 32];

fn claim(role: Role) -> Claim {
    Claim {
        room: ROOM,
        participant: [1; 8],
        role,
        until: NOW + ADMISSION_SECONDS,
        member_key: MEMBER,
    }
}

fn verifier(open: bool) -> Verifier {
    Verifier {
        room: ROOM,
        open,
        host_key: host_key(&MODERATOR),
        guest_secrets: vec![(0, guest_secret(&MODERATOR, 0))],
    }
}

fn identity(admission: Admission) -> Identity {
    Identity { participant: [1; 8], room: ROOM, audience_key: [2; 32], admission }
}

fn delegate() -> (Delegate, [u8; 32]) {
    let seed = [11; 32];
    let mut delegate = Delegate {
        participant: [3; 8],
        until: NOW + ADMISSION_SECONDS,
        member_key: ed25519_public(&seed),
        host_signature: [0; 64],
    };
    delegate.host_signature = ed25519_sign(&host_seed(&MODERATOR), &delegate.claim(ROOM).text());
    (delegate, seed)
}

/// One admission of each kind that holds.
fn all() -> [Admission; 4] {
    let (delegate, seed) = delegate();
    let personal = personal_seed(&[4; 16]);
    let certificate =
        ed25519_sign(&host_seed(&MODERATOR), &personal_text(&ROOM, &ed25519_public(&personal)));
    let guest = claim(Role::Guest);
    [
        guest.by_link(0, &guest_secret(&MODERATOR, 0)),
        claim(Role::Moderator).by_host(&host_seed(&MODERATOR)),
        guest.by_delegate(&delegate, &seed),
        guest.by_personal(&personal, certificate),
    ]
}

fn check(open: bool, identity: &Identity) -> Result<(), NotAdmitted> {
    verifier(open).check(identity, MEMBER, Strictness::Adding, NOW)
}

#[test]
fn each_kind_is_read_as_it_is_written_and_admits_where_it_may() {
    for (kind, admission) in all().into_iter().enumerate() {
        let identity = identity(admission);
        assert_eq!(Identity::from_bytes(&identity.to_bytes()), Ok(identity.clone()));
        assert_eq!(check(true, &identity), Ok(()), "kind {kind} in an open room");
        let strict = if kind == 0 { Err(NotAdmitted::WrongKind) } else { Ok(()) };
        assert_eq!(check(false, &identity), strict, "kind {kind} in a strict room");
    }
}

#[test]
fn an_altered_byte_anywhere_is_refused() {
    for (kind, admission) in all().into_iter().enumerate() {
        let bytes = identity(admission).to_bytes();
        // The audience key is authentic by the leaf's own signature, not by the admission.
        let audience = MEMBER_LABEL.len() + 24..MEMBER_LABEL.len() + 56;
        for at in (0..bytes.len()).filter(|at| !audience.contains(at)) {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            let accepted =
                Identity::from_bytes(&altered).is_ok_and(|identity| check(true, &identity).is_ok());
            assert!(!accepted, "kind {kind}, byte {at}");
        }
        for end in 0..bytes.len() {
            assert_eq!(Identity::from_bytes(&bytes[..end]), Err(Cut), "kind {kind}, cut at {end}");
        }
    }
}

#[test]
fn an_admission_is_of_one_key_and_of_its_time() {
    for admission in all() {
        let identity = identity(admission);
        let verifier = verifier(true);
        let other = verifier.check(&identity, [8; 32], Strictness::Adding, NOW);
        assert_eq!(other, Err(NotAdmitted::Forged));
        let at = |now| verifier.check(&identity, MEMBER, Strictness::Adding, now);
        let end = NOW + ADMISSION_SECONDS + CLOCK_TOLERANCE;
        assert_eq!((at(end - 1), at(end)), (Ok(()), Err(NotAdmitted::Expired)));
        let begin = NOW - CLOCK_TOLERANCE;
        assert_eq!((at(begin), at(begin - 1)), (Ok(()), Err(NotAdmitted::Expired)));
    }
}

#[test]
fn the_link_alone_makes_no_moderator_and_neither_does_a_delegate() {
    let moderator = claim(Role::Moderator);
    let (delegate, seed) = delegate();
    for admission in [
        moderator.by_link(0, &guest_secret(&MODERATOR, 0)),
        moderator.by_delegate(&delegate, &seed),
    ] {
        assert_eq!(check(true, &identity(admission)), Err(NotAdmitted::WrongKind));
    }
}

#[test]
fn a_link_since_replaced_passes_for_whoever_joins_and_for_nobody_who_is_added() {
    let identity = identity(claim(Role::Guest).by_link(7, &guest_secret(&MODERATOR, 7)));
    let verifier = verifier(true);
    let added = verifier.check(&identity, MEMBER, Strictness::Adding, NOW);
    assert_eq!(added, Err(NotAdmitted::UnknownGeneration));
    assert_eq!(verifier.check(&identity, MEMBER, Strictness::Joining, NOW), Ok(()));
}

#[test]
fn a_delegate_whom_the_host_did_not_name_admits_nobody() {
    let (mut delegate, _) = delegate();
    let seed = [12; 32];
    delegate.member_key = ed25519_public(&seed);
    let identity = identity(claim(Role::Guest).by_delegate(&delegate, &seed));
    assert_eq!(check(false, &identity), Err(NotAdmitted::Forged));
}
