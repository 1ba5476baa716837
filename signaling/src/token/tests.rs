use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;
use crate::clock::ClockHand;

const KEY: [u8; KEY_BYTES] = [7; KEY_BYTES];
const HOUR: u64 = 3600;

fn tokens() -> (Tokens, ClockHand) {
    let (clock, hand) = Clock::manual();
    (Tokens::new(&KEY.into(), clock), hand)
}

fn room(n: u8) -> RoomKey {
    RoomKey::from_bytes([n; 32])
}

fn vouched(role: Role) -> Vouched {
    let participant = ParticipantId::from_bytes([5; 8]);
    let resume = Resume { participant, admitted: true };
    Vouched { resume, role, link: Verifier::from_bytes([6; 32]) }
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Signs whatever header and claims with HMAC-SHA-256, as someone who has the key could.
fn forge(header: &Value, claims: &Value, key: &[u8]) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
}

#[test]
fn a_session_token_vouches_for_its_participant_in_its_room_alone() {
    let (tokens, _hand) = tokens();
    for vouched in [Role::Guest, Role::Moderator].map(vouched) {
        let token = tokens.session(room(1), &vouched, u64::MAX);
        assert_eq!(tokens.check_session(&token, room(1)), Some(vouched));
        assert_eq!(tokens.check_session(&token, room(2)), None);
    }
}

#[test]
fn a_session_token_ends_after_twelve_hours_or_with_the_room() {
    for (room_ends_in, good_for) in [(HOUR, HOUR), (48 * HOUR, 12 * HOUR)] {
        let (tokens, hand) = tokens();
        let ends = tokens.clock.unix_seconds() + room_ends_in;
        let token = tokens.session(room(1), &vouched(Role::Guest), ends);
        hand.advance(Duration::from_secs(good_for - 1));
        assert!(tokens.check_session(&token, room(1)).is_some());
        hand.advance(Duration::from_secs(1));
        assert!(tokens.check_session(&token, room(1)).is_none());
    }
}

#[test]
fn a_pass_for_the_administrators_page_ends_after_half_an_hour_and_makes_no_rooms() {
    let (tokens, hand) = tokens();
    let pass = tokens.doctor_pass();
    assert!(tokens.check_doctor_pass(pass.expose()) && !tokens.check_host_pass(pass.expose()));
    assert!(!tokens.check_doctor_pass(tokens.host_pass(2).expose()));
    hand.advance(Duration::from_secs(DOCTOR_SECONDS - 1));
    assert!(tokens.check_doctor_pass(pass.expose()));
    hand.advance(Duration::from_secs(1));
    assert!(!tokens.check_doctor_pass(pass.expose()));
}

#[test]
fn a_host_pass_ends_after_its_days_and_is_no_session_token() {
    let (tokens, hand) = tokens();
    let pass = tokens.host_pass(2);
    assert!(tokens.check_host_pass(pass.expose()));
    assert!(tokens.check_session(&pass, room(1)).is_none());
    let session = tokens.session(room(1), &vouched(Role::Moderator), u64::MAX);
    assert!(!tokens.check_host_pass(session.expose()));
    hand.advance(Duration::from_secs(48 * HOUR));
    assert!(!tokens.check_host_pass(pass.expose()));
}

#[test]
fn forged_tokens_bring_nobody_back() {
    let (tokens, _hand) = tokens();
    let future = tokens.clock.unix_seconds() + HOUR;
    let header = json!({ "alg": "HS256", "typ": "JWT" });
    let good = serde_json::to_value(SessionClaims {
        aud: SESSION_AUDIENCE.to_owned(),
        room: room(1),
        sub: vouched(Role::Guest).resume.participant,
        role: Role::Guest,
        link: vouched(Role::Guest).link,
        admitted: true,
        exp: future,
    })
    .unwrap();
    let with = |key: &str, value: Value| {
        let mut claims = good.clone();
        claims[key] = value;
        forge(&header, &claims, &KEY)
    };
    let without = |key: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(key);
        forge(&header, &claims, &KEY)
    };
    let algorithm = |name: Value| forge(&json!({ "alg": name, "typ": "JWT" }), &good, &KEY);
    let token = forge(&header, &good, &KEY);
    let accepted = |token: &str| {
        let token = Redacted::new(token.to_owned());
        tokens.check_session(&token, room(1)).is_some()
    };
    assert!(accepted(&token), "the forger's tools work, so the refusals below mean something");

    let [head, body, tag] = token.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let none = part(&json!({ "alg": "none", "typ": "JWT" }));
    let mut flipped = URL_SAFE_NO_PAD.decode(tag).unwrap();
    flipped[0] ^= 1;
    let other_body = part(&json!({ "aud": SESSION_AUDIENCE, "exp": future }));
    let forged = [
        ("empty", String::new()),
        ("dots only", "..".to_owned()),
        ("no signature", format!("{head}.{body}.")),
        ("two parts", format!("{head}.{body}")),
        ("four parts", format!("{token}.{tag}")),
        ("alg none, no signature", format!("{none}.{body}.")),
        ("alg none, signature kept", format!("{none}.{body}.{tag}")),
        ("alg None", format!("{}.{body}.", part(&json!({ "alg": "None" })))),
        ("alg NONE", format!("{}.{body}.", part(&json!({ "alg": "NONE" })))),
        ("alg missing", forge(&json!({ "typ": "JWT" }), &good, &KEY)),
        ("alg null", algorithm(Value::Null)),
        ("alg list", algorithm(json!(["HS256"]))),
        ("alg hs256", algorithm(json!("hs256"))),
        ("alg HS384", algorithm(json!("HS384"))),
        ("alg HS512", algorithm(json!("HS512"))),
        ("alg RS256", algorithm(json!("RS256"))),
        ("alg PS256", algorithm(json!("PS256"))),
        ("alg ES256", algorithm(json!("ES256"))),
        ("alg EdDSA", algorithm(json!("EdDSA"))),
        ("another key", forge(&header, &good, &[8; KEY_BYTES])),
        ("empty key", forge(&header, &good, &[])),
        ("flipped signature bit", format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode(flipped))),
        ("cut signature", format!("{head}.{body}.{}", &tag[..tag.len() - 2])),
        ("padded signature", format!("{token}=")),
        ("body of another", format!("{head}.{other_body}.{tag}")),
        ("header not JSON", format!("{}.{body}.{tag}", URL_SAFE_NO_PAD.encode("x"))),
        ("body not JSON", format!("{head}.{}.{tag}", URL_SAFE_NO_PAD.encode("x"))),
        ("not base64", format!("{head}.{body}.!!!")),
        ("white space", format!(" {token}")),
        ("line break", format!("{token}\n")),
        ("null byte", format!("{token}\0")),
        ("too long", format!("{token}{}", "A".repeat(MAX_TOKEN_BYTES))),
        ("audience of hosts", with("aud", json!(HOST_AUDIENCE))),
        ("audience empty", with("aud", json!(""))),
        ("audience null", with("aud", Value::Null)),
        ("audience list", with("aud", json!([SESSION_AUDIENCE, "x"]))),
        ("audience missing", without("aud")),
        ("expiry missing", without("exp")),
        ("expiry null", with("exp", Value::Null)),
        ("expiry text", with("exp", json!(future.to_string()))),
        ("expiry negative", with("exp", json!(-1))),
        ("expiry fraction", with("exp", json!(future as f64 + 0.5))),
        ("expiry past", with("exp", json!(1))),
        ("expiry now", with("exp", json!(tokens.clock.unix_seconds()))),
        ("room of another", with("room", serde_json::to_value(room(2)).unwrap())),
        ("room missing", without("room")),
        ("room empty", with("room", json!(""))),
        ("role missing", without("role")),
        ("link missing", without("link")),
        ("link malformed", with("link", json!("AAAA"))),
        ("role unknown", with("role", json!("root"))),
        ("participant missing", without("sub")),
        ("participant malformed", with("sub", json!("AAAA"))),
        ("participant a number", with("sub", json!(5))),
        ("a field too many", with("admin", json!(true))),
        ("a list as body", forge(&header, &json!([good]), &KEY)),
        ("a text as body", forge(&header, &json!("x"), &KEY)),
        ("twice a token", format!("{token}{token}")),
        ("a token in quotes", format!("\"{token}\"")),
        ("bearer prefix", format!("Bearer {token}")),
        ("parts swapped", format!("{body}.{head}.{tag}")),
        ("lower case", token.to_lowercase()),
    ];
    assert!(forged.len() >= 60, "{}", forged.len());
    for (what, token) in &forged {
        assert!(!accepted(token), "accepted: {what}");
        assert!(!tokens.check_host_pass(token), "accepted as a host pass: {what}");
        assert!(!tokens.check_doctor_pass(token), "accepted as an administrator's: {what}");
    }
}

#[test]
fn tokens_do_not_print_their_key() {
    let (tokens, _hand) = tokens();
    assert_eq!(format!("{tokens:?}"), "Tokens([redacted])");
}
