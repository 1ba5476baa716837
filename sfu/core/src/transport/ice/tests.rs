use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use protocol::Redacted;
use rtc_srtp::crypto::{RTCCryptoProvider, providers::RingProvider};
use rtc_stun::attributes::{ATTR_ICE_CONTROLLING, ATTR_PRIORITY, AttrType};
use rtc_stun::error_code::ErrorCodeAttribute;
use rtc_stun::message::{Getter, TransactionId};

use super::*;

static PROVIDER: RingProvider = RingProvider::new();

const PASSWORD: &str = "0123456789abcdef01234567";

#[test]
fn an_authentic_check_is_answered_with_the_address_it_came_from() {
    let mut ice = ice();
    let path = path(40_000);
    let answer = check(&mut ice, start(), path, PASSWORD, &[ATTR_USE_CANDIDATE]).unwrap();
    assert!(answer.accepted);
    assert_eq!(ice.selected(), Some(path));
    let mut response = Message::new();
    response.unmarshal_binary(&answer.response).unwrap();
    assert_eq!(response.typ, BINDING_SUCCESS);
    assert_eq!(response.transaction_id, TransactionId([7; 12]));
    MessageIntegrity::check(&mut response, PASSWORD.as_bytes(), PROVIDER.crypto()).unwrap();
    FINGERPRINT.check(&response).unwrap();
    let mut mapped = XorMappedAddress::default();
    mapped.get_from(&response).unwrap();
    assert_eq!(SocketAddr::new(mapped.ip, mapped.port), path.remote);
}

#[test]
fn a_wrong_password_is_refused_without_an_answer() {
    let mut ice = ice();
    let outcome = check(&mut ice, start(), path(1), "another-password-entirely", &[]);
    assert_eq!(outcome.err(), Some(IceError::NotAuthentic));
    assert_eq!(ice.paths().count(), 0);
}

#[test]
fn a_controlled_browser_is_told_of_the_role_conflict() {
    let mut ice = ice();
    let answer = check(&mut ice, start(), path(1), PASSWORD, &[ATTR_ICE_CONTROLLED]).unwrap();
    assert!(!answer.accepted);
    let mut response = Message::new();
    response.unmarshal_binary(&answer.response).unwrap();
    assert_eq!(response.typ, BINDING_ERROR);
    let mut code = ErrorCodeAttribute::default();
    code.get_from(&response).unwrap();
    assert!(code.code == CODE_ROLE_CONFLICT);
    assert_eq!(ice.paths().count(), 0);
}

#[test]
fn damaged_and_foreign_messages_are_refused() {
    let whole = request("ours:theirs", PASSWORD, &[]);
    assert!(Check::parse(&whole).is_ok());
    for len in 0..whole.len() {
        assert!(Check::parse(&whole[..len]).is_err(), "cut to {len}");
    }
    let mut longer = whole.clone();
    longer.extend_from_slice(&[0; 4]);
    assert!(Check::parse(&longer).is_err());
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        assert!(Check::parse(&damaged).is_err(), "byte {at}");
    }
}

#[test]
fn a_nomination_added_after_the_integrity_counts_for_nothing() {
    let mut message = Message::new();
    message.unmarshal_binary(&request("ours:theirs", PASSWORD, &[])).unwrap();
    let without_fingerprint = message.raw.len() - 8;
    message.raw.truncate(without_fingerprint);
    message.length -= 8;
    message.attributes.0.pop();
    message.add(ATTR_USE_CANDIDATE, &[]);
    FINGERPRINT.add_to(&mut message).unwrap();
    let (first, second) = (path(1), path(2));
    let mut ice = ice();
    let now = start();
    check(&mut ice, now, first, PASSWORD, &[ATTR_USE_CANDIDATE]).unwrap();
    let forged = Check::parse(&message.raw).unwrap();
    ice.handle_check(now, second, forged, PROVIDER.crypto()).unwrap();
    assert_eq!(ice.selected(), Some(first));
}

#[test]
fn a_moved_browser_is_followed_once_its_old_address_is_silent() {
    let mut ice = ice();
    let (old, new) = (path(1), path(2));
    let start = start();
    check(&mut ice, start, old, PASSWORD, &[ATTR_USE_CANDIDATE]).unwrap();
    check(&mut ice, start + Duration::from_millis(500), new, PASSWORD, &[]).unwrap();
    assert_eq!(ice.selected(), Some(old));
    ice.heard(start + Duration::from_millis(1_100), new);
    assert_eq!(ice.selected(), Some(new));
}

#[test]
fn media_follows_an_answer_that_shows_the_browsers_password() {
    let mut ice = ice();
    let (old, new) = (path(1), path(2));
    let now = start();
    check(&mut ice, now, old, PASSWORD, &[ATTR_USE_CANDIDATE]).unwrap();
    let remote = IceCredentials {
        ufrag: "theirs".to_owned(),
        pwd: Redacted::new("the-password-of-the-browser".to_owned()),
    };
    let asked = ice.ask(&remote, [3; 12], PROVIDER.crypto()).unwrap();
    // As the browser reads it.
    let mut asked = Check::parse(&asked).unwrap();
    assert_eq!(asked.local_ufrag(), Some("theirs"));
    assert!(asked.carries(ATTR_ICE_CONTROLLED) && asked.carries(ATTR_PRIORITY));
    assert!(!asked.carries(ATTR_USE_CANDIDATE));
    let password = remote.pwd.expose();
    MessageIntegrity::check(&mut asked.message, password.as_bytes(), PROVIDER.crypto()).unwrap();
    for (signed_with, expected) in [(PASSWORD, old), (password.as_str(), new)] {
        let integrity = MessageIntegrity::new_short_term_integrity_with_provider(
            signed_with.to_owned(),
            PROVIDER.crypto(),
        );
        let answer = respond(&asked.message, new, false, integrity).unwrap();
        let answer = Answer::parse(&answer).unwrap();
        let outcome = ice.handle_answer(now, new, answer, &remote, PROVIDER.crypto());
        assert_eq!(outcome.is_ok(), expected == new);
        assert_eq!(ice.selected(), Some(expected));
    }
    assert_eq!(ice.paths().count(), 2);
}

#[test]
fn addresses_are_bounded_and_the_selected_one_stays() {
    let mut ice = ice();
    let start = start();
    check(&mut ice, start, path(1), PASSWORD, &[ATTR_USE_CANDIDATE]).unwrap();
    for port in 2..100 {
        let now = start + Duration::from_millis(u64::from(port));
        let answer = check(&mut ice, now, path(port), PASSWORD, &[]).unwrap();
        assert_eq!(answer.evicted.is_some(), usize::from(port) > MAX_PATHS);
        assert!(ice.paths().count() <= MAX_PATHS);
        assert!(ice.paths().any(|known| known == path(1)));
    }
}

fn ice() -> Ice {
    Ice::new(IceCredentials { ufrag: "ours".to_owned(), pwd: Redacted::new(PASSWORD.to_owned()) })
}

fn path(port: u16) -> Path {
    Path { remote: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), port), local: None }
}

fn request(username: &str, password: &str, attributes: &[AttrType]) -> Vec<u8> {
    let mut message = Message::new();
    message.typ = BINDING_REQUEST;
    message.transaction_id = TransactionId([7; 12]);
    message.write_header();
    message.add(ATTR_USERNAME, username.as_bytes());
    message.add(ATTR_PRIORITY, &[0, 0, 0, 1]);
    if !attributes.contains(&ATTR_ICE_CONTROLLED) {
        message.add(ATTR_ICE_CONTROLLING, &[1; 8]);
    }
    for kind in attributes {
        let value: &[u8] = if *kind == ATTR_USE_CANDIDATE { &[] } else { &[1; 8] };
        message.add(*kind, value);
    }
    MessageIntegrity::new_short_term_integrity_with_provider(
        password.to_owned(),
        PROVIDER.crypto(),
    )
    .add_to(&mut message)
    .unwrap();
    FINGERPRINT.add_to(&mut message).unwrap();
    message.raw
}

fn check(
    ice: &mut Ice,
    now: Instant,
    path: Path,
    password: &str,
    attributes: &[AttrType],
) -> Result<CheckAnswer, IceError> {
    let check = Check::parse(&request("ours:theirs", password, attributes)).unwrap();
    assert_eq!(check.local_ufrag(), Some("ours"));
    ice.handle_check(now, path, check, PROVIDER.crypto())
}

#[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
fn start() -> Instant {
    Instant::now()
}
