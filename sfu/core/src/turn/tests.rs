use protocol::Redacted;
use rtc_srtp::crypto::RTCCryptoProvider;
use rtc_srtp::crypto::providers::RingProvider;
use rtc_stun::attributes::{
    ATTR_DONT_FRAGMENT, ATTR_ERROR_CODE, ATTR_NONCE, ATTR_REALM, ATTR_USERNAME, AttrType,
};
use rtc_stun::error_code::{CODE_STALE_NONCE, CODE_UNAUTHORIZED, CODE_UNKNOWN_ATTRIBUTE};
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{
    CLASS_ERROR_RESPONSE, CLASS_SUCCESS_RESPONSE, METHOD_CONNECT, Message, MessageClass,
    MessageType, Method, Setter, TransactionId,
};
use rtc_stun::xoraddr::XorMappedAddress;

use super::credential::{REALM, hex};
use super::*;

const UNIX: u64 = 1_800_000_000;
const BROWSER: &str = "198.51.100.7:50000";
const PEER: &str = "192.0.2.9:8443";
const SECOND: &str = "192.0.2.10:8443";

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
fn start() -> Instant {
    Instant::now()
}

fn key() -> RelayKey {
    RelayKey::new(Redacted::new([7; 32]))
}

fn relay() -> Relay {
    let peers = [PEER, SECOND, "[2001:db8::9]:8443"].map(address);
    Relay::new(key(), address(BROWSER), &peers, [3; 16])
}

/// A request on its way to being signed.
struct Request(Message);

impl Request {
    fn new(method: Method) -> Self {
        Self::of(method, CLASS_REQUEST)
    }

    fn of(method: Method, class: MessageClass) -> Self {
        let mut message = Message::new();
        message.typ = MessageType { method, class };
        message.transaction_id = TransactionId([9; 12]);
        message.write_header();
        Self(message)
    }

    fn with(mut self, kind: AttrType, value: &[u8]) -> Self {
        self.0.add(kind, value);
        self
    }

    fn peer(mut self, text: &str) -> Self {
        let address = address(text);
        let address = XorMappedAddress { ip: address.ip(), port: address.port() };
        address.add_to_as(&mut self.0, ATTR_XOR_PEER_ADDRESS).unwrap();
        self
    }

    fn signed(self, credential: &Credential) -> Vec<u8> {
        self.signed_with(credential, REALM, &hex(&[3; 16]))
    }

    fn signed_with(self, credential: &Credential, realm: &str, nonce: &str) -> Vec<u8> {
        let username = credential.username.expose();
        let Self(mut message) = self
            .with(ATTR_USERNAME, username.as_bytes())
            .with(ATTR_REALM, realm.as_bytes())
            .with(ATTR_NONCE, nonce.as_bytes());
        let provider = RingProvider::new();
        let integrity = MessageIntegrity::new_long_term_integrity_with_provider(
            username.clone(),
            realm.to_owned(),
            credential.password.expose().clone(),
            provider.crypto(),
        );
        integrity.unwrap().add_to(&mut message).unwrap();
        message.raw
    }
}

fn allocate() -> Request {
    Request::new(METHOD_ALLOCATE).with(ATTR_REQUESTED_TRANSPORT, &[UDP, 0, 0, 0])
}

fn credential() -> Credential {
    key().credential(UNIX + 60, [1; 8])
}

/// With a relay that is allocated.
fn allocated(now: Instant) -> Relay {
    let mut relay = relay();
    let answer = relay.handle_frame(now, UNIX, &allocate().signed(&credential())).answer();
    assert_eq!(answer.typ.class, CLASS_SUCCESS_RESPONSE);
    relay
}

impl Reaction<'_> {
    /// The answer it holds.
    fn answer(self) -> Message {
        let (Self::Answer(bytes) | Self::Refused(_, Some(bytes)) | Self::End(bytes)) = self else {
            panic!("no answer: {self:?}");
        };
        let mut message = Message::new();
        message.unmarshal_binary(&bytes).unwrap();
        message
    }

    /// Why it was refused, and the code of the answer.
    fn refusal(self) -> (Refusal, u16) {
        let Self::Refused(refusal, _) = self else { panic!("not refused: {self:?}") };
        (refusal, code(&self.answer()))
    }
}

fn code(message: &Message) -> u16 {
    assert_eq!(message.typ.class, CLASS_ERROR_RESPONSE);
    let value = message.get(ATTR_ERROR_CODE).unwrap();
    u16::from(value[2]) * 100 + u16::from(value[3])
}

fn shown(message: &Message, kind: AttrType) -> SocketAddr {
    let mut address = XorMappedAddress::default();
    address.get_from_as(message, kind).unwrap();
    SocketAddr::new(address.ip, address.port)
}

#[test]
fn a_browser_is_asked_for_its_credential_and_then_gets_a_relay() {
    let (now, mut relay) = (start(), relay());
    let unsigned = allocate().0.raw;
    let reaction = relay.handle_frame(now, UNIX, &unsigned);
    assert!(matches!(reaction, Reaction::Answer(_)), "the first step is no fault");
    let answer = reaction.answer();
    assert_eq!(code(&answer), CODE_UNAUTHORIZED.0);
    let text = |kind| String::from_utf8(answer.get(kind).unwrap()).unwrap();
    let request = allocate().signed_with(&credential(), &text(ATTR_REALM), &text(ATTR_NONCE));
    let mut answer = relay.handle_frame(now, UNIX, &request).answer();
    assert_eq!(answer.typ.class, CLASS_SUCCESS_RESPONSE);
    assert_eq!(shown(&answer, ATTR_XORMAPPED_ADDRESS), address(BROWSER));
    assert_eq!(shown(&answer, ATTR_XOR_RELAYED_ADDRESS).ip(), address(PEER).ip());
    assert_eq!(answer.get(ATTR_LIFETIME).unwrap(), 600_u32.to_be_bytes());
    let crypto = RingProvider::new();
    let credential = credential();
    let key = MessageIntegrity::long_term_integrity_key(
        credential.username.expose().clone(),
        REALM.to_owned(),
        credential.password.expose().clone(),
        crypto.crypto(),
    );
    MessageIntegrity::check(&mut answer, &key.unwrap(), crypto.crypto()).unwrap();
    assert!(relay.is_allocated() && !relay.is_over(now + Duration::from_secs(599)));
    assert!(relay.is_over(now + Duration::from_secs(600)));
    let again = relay.handle_frame(now, UNIX, &request).refusal();
    assert_eq!(again, (Refusal::Malformed, CODE_ALLOC_MISMATCH.0));
}

#[test]
fn a_credential_that_is_wrong_forged_or_over_opens_nothing() {
    let (now, good) = (start(), credential());
    let with = |username: String, password: &Redacted<String>| Credential {
        username: username.into(),
        password: password.clone(),
    };
    let other = RelayKey::new(Redacted::new([8; 32])).credential(UNIX + 60, [1; 8]);
    let longer = format!("{}:{}", UNIX + 9_999, hex(&[1; 8]));
    let text = "x".repeat(200);
    for (what, credential) in [
        ("of another key", other),
        ("a longer time written in", with(longer, &good.password)),
        ("another mark", with(format!("{}:00", UNIX + 60), &good.password)),
        ("no password", with(good.username.expose().clone(), &String::new().into())),
        ("over", key().credential(UNIX, [1; 8])),
        ("over for long", key().credential(0, [1; 8])),
        ("no time", with("teacher".to_owned(), &good.password)),
        ("a time that is none", with("-1:00".to_owned(), &good.password)),
    ] {
        let mut relay = relay();
        let refused = relay.handle_frame(now, UNIX, &allocate().signed(&credential)).refusal();
        assert_eq!(refused, (Refusal::Unauthorized, CODE_UNAUTHORIZED.0), "{what}");
        assert!(!relay.is_allocated(), "{what}");
    }
    let mut relay = relay();
    let stale = allocate().signed_with(&good, REALM, &hex(&[4; 16]));
    let refused = relay.handle_frame(now, UNIX, &stale).refusal();
    assert_eq!(refused, (Refusal::Unauthorized, CODE_STALE_NONCE.0));
    let elsewhere = allocate().signed_with(&good, "example.org", &hex(&[3; 16]));
    let refused = relay.handle_frame(now, UNIX, &elsewhere).refusal();
    assert_eq!(refused, (Refusal::Unauthorized, CODE_UNAUTHORIZED.0));
    let long = allocate().signed(&with(text, &good.password));
    assert_eq!(relay.handle_frame(now, UNIX, &long).refusal().1, CODE_BAD_REQUEST.0);
    let mut changed = allocate().signed(&good);
    let last = changed.len() - 1;
    changed[last] ^= 1;
    let refused = relay.handle_frame(now, UNIX, &changed).refusal();
    assert_eq!(refused, (Refusal::Unauthorized, CODE_UNAUTHORIZED.0));
    assert!(!relay.is_allocated());
}

#[test]
fn nothing_but_media_addresses_can_be_reached() {
    let now = start();
    for peer in FORBIDDEN {
        let mut relay = allocated(now);
        let permission = Request::new(METHOD_CREATE_PERMISSION).peer(peer).signed(&credential());
        let reaction = relay.handle_frame(now, UNIX, &permission);
        // A permission is for an address: another port of one of ours is refused below.
        let is_own = address(peer).ip() == address(PEER).ip();
        if !is_own {
            let (refusal, code) = reaction.refusal();
            assert_eq!(refusal, Refusal::ForbiddenPeer, "{peer}");
            assert!([CODE_FORBIDDEN.0, CODE_PEER_ADDR_FAMILY_MISMATCH.0].contains(&code), "{peer}");
        }
        let channel = Request::new(METHOD_CHANNEL_BIND)
            .with(ATTR_CHANNEL_NUMBER, &[0x40, 0, 0, 0])
            .peer(peer)
            .signed(&credential());
        let (refusal, _) = relay.handle_frame(now, UNIX, &channel).refusal();
        assert_eq!(refusal, Refusal::ForbiddenPeer, "{peer}");
        let send = Request::of(METHOD_SEND, CLASS_INDICATION).with(ATTR_DATA, b"x").peer(peer).0;
        let reaction = relay.handle_frame(now, UNIX, &send.raw);
        assert_eq!(reaction, Reaction::Refused(Refusal::ForbiddenPeer, None), "{peer}");
        let data = [0x40, 0, 0, 1, b'x', 0, 0, 0];
        let reaction = relay.handle_frame(now, UNIX, &data);
        assert_eq!(reaction, Reaction::Refused(Refusal::ForbiddenPeer, None), "{peer}");
    }
}

#[test]
fn one_forbidden_peer_among_good_ones_permits_none() {
    let now = start();
    let mut relay = allocated(now);
    let both = Request::new(METHOD_CREATE_PERMISSION).peer(PEER).peer("192.0.2.1:8443");
    let refused = relay.handle_frame(now, UNIX, &both.signed(&credential())).refusal();
    assert_eq!(refused, (Refusal::ForbiddenPeer, CODE_FORBIDDEN.0));
    assert!(!relay.wrap(now, 0, b"data", &mut BytesMut::new()));
}

#[test]
fn data_goes_both_ways_by_indications_and_then_by_a_channel() {
    let now = start();
    let mut relay = allocated(now);
    let mut out = BytesMut::new();
    assert!(!relay.wrap(now, 0, b"early", &mut out), "nobody has asked for it yet");
    let permission = Request::new(METHOD_CREATE_PERMISSION).peer(PEER).peer(SECOND);
    relay.handle_frame(now, UNIX, &permission.signed(&credential())).answer();
    let send = Request::of(METHOD_SEND, CLASS_INDICATION).with(ATTR_DATA, b"hello").peer(SECOND).0;
    let reaction = relay.handle_frame(now, UNIX, &send.raw);
    assert_eq!(reaction, Reaction::Forward(1, b"hello".as_slice().into()));

    assert!(relay.wrap(now, 1, b"answer", &mut out));
    let mut indication = Message::new();
    indication.unmarshal_binary(&out).unwrap();
    assert_eq!((indication.typ.method, indication.typ.class), (METHOD_DATA, CLASS_INDICATION));
    assert_eq!(shown(&indication, ATTR_XOR_PEER_ADDRESS), address(SECOND));
    assert_eq!(indication.get(ATTR_DATA).unwrap(), b"answer");
    assert!(out.len() <= b"answer".len() + MAX_OVERHEAD_BYTES);
    assert!(!relay.wrap(now, 2, b"of the other family", &mut out));

    let bind = |number: u8, peer| {
        let bind =
            Request::new(METHOD_CHANNEL_BIND).with(ATTR_CHANNEL_NUMBER, &[0x4f, number, 0, 0]);
        bind.peer(peer).signed(&credential())
    };
    relay.handle_frame(now, UNIX, &bind(1, PEER)).answer();
    for taken in [bind(1, SECOND), bind(2, PEER)] {
        assert_eq!(relay.handle_frame(now, UNIX, &taken).refusal().1, CODE_BAD_REQUEST.0);
    }
    let again = relay.handle_frame(now, UNIX, &bind(1, PEER)).answer();
    assert_eq!(again.typ.class, CLASS_SUCCESS_RESPONSE, "a channel can be kept");
    out.clear();
    assert!(relay.wrap(now, 0, b"media", &mut out));
    assert_eq!(&out[..], [0x4f, 1, 0, 5, b'm', b'e', b'd', b'i', b'a', 0, 0, 0]);
    assert_eq!(Relay::frame_length(&out), Ok(Some(12)));
    let reaction = relay.handle_frame(now, UNIX, &out);
    assert_eq!(reaction, Reaction::Forward(0, b"media".as_slice().into()));
}

#[test]
fn permissions_and_channels_end_and_so_does_what_is_given_up() {
    let now = start();
    let mut relay = allocated(now);
    let bind = Request::new(METHOD_CHANNEL_BIND).with(ATTR_CHANNEL_NUMBER, &[0x40, 1, 0, 0]);
    relay.handle_frame(now, UNIX, &bind.peer(PEER).signed(&credential())).answer();
    let data = [0x40, 1, 0, 0];
    let later = |seconds| now + Duration::from_secs(seconds);
    assert_eq!(
        relay.handle_frame(later(599), UNIX, &data),
        Reaction::Forward(0, Cow::Borrowed(&[]))
    );
    let reaction = relay.handle_frame(later(600), UNIX, &data);
    assert_eq!(reaction, Reaction::Refused(Refusal::ForbiddenPeer, None));
    let permission = Request::new(METHOD_CREATE_PERMISSION).peer(PEER).signed(&credential());
    relay.handle_frame(now, UNIX, &permission).answer();
    let mut out = BytesMut::new();
    let mut other = allocated(now);
    other.handle_frame(now, UNIX, &permission).answer();
    assert!(
        other.wrap(later(299), 0, b"x", &mut out) && !other.wrap(later(300), 0, b"x", &mut out)
    );

    let refresh = |seconds: u32| {
        let refresh = Request::new(METHOD_REFRESH).with(ATTR_LIFETIME, &seconds.to_be_bytes());
        refresh.signed(&credential())
    };
    // Nothing is asked of its age again: a class that lasts is not cut.
    let answer = relay.handle_frame(later(500), UNIX, &refresh(90_000)).answer();
    assert_eq!(answer.get(ATTR_LIFETIME).unwrap(), 3_600_u32.to_be_bytes());
    assert!(!relay.is_over(later(4_099)) && relay.is_over(later(4_100)));
    assert!(matches!(relay.handle_frame(now, UNIX, &refresh(0)), Reaction::End(_)));
}

#[test]
fn what_is_not_offered_is_refused_by_name() {
    let now = start();
    let transport =
        |number| Request::new(METHOD_ALLOCATE).with(ATTR_REQUESTED_TRANSPORT, &[number, 0, 0, 0]);
    for (request, expected) in [
        (transport(6), CODE_UNSUPPORTED_TRANS_PROTO.0),
        (Request::new(METHOD_ALLOCATE), CODE_BAD_REQUEST.0),
        (allocate().with(ATTR_DONT_FRAGMENT, &[]), CODE_UNKNOWN_ATTRIBUTE.0),
        (allocate().with(ATTR_LIFETIME, &[1]), CODE_BAD_REQUEST.0),
        (
            allocate().with(ATTR_REQUESTED_ADDRESS_FAMILY, &[9, 0, 0, 0]),
            CODE_ADDR_FAMILY_NOT_SUPPORTED.0,
        ),
        (Request::new(METHOD_REFRESH), CODE_ALLOC_MISMATCH.0),
        (Request::new(METHOD_CREATE_PERMISSION).peer(PEER), CODE_ALLOC_MISMATCH.0),
        (Request::new(METHOD_CONNECT).peer(PEER), CODE_ALLOC_MISMATCH.0),
    ] {
        let mut relay = relay();
        let (_, code) = relay.handle_frame(now, UNIX, &request.signed(&credential())).refusal();
        assert_eq!(code, expected);
    }
    let mut relay = allocated(now);
    let other = key().credential(UNIX + 60, [2; 8]);
    let stolen = Request::new(METHOD_REFRESH).signed(&other);
    let refused = relay.handle_frame(now, UNIX, &stolen).refusal();
    assert_eq!(refused, (Refusal::Unauthorized, CODE_WRONG_CREDENTIALS.0));
    let connect = Request::new(METHOD_CONNECT).peer(PEER).signed(&credential());
    assert_eq!(relay.handle_frame(now, UNIX, &connect).refusal().1, CODE_BAD_REQUEST.0);
    for number in [0x3f, 0x50, 0xff] {
        let bind = Request::new(METHOD_CHANNEL_BIND).with(ATTR_CHANNEL_NUMBER, &[number, 0, 0, 0]);
        let bind = bind.peer(PEER).signed(&credential());
        assert_eq!(relay.handle_frame(now, UNIX, &bind).refusal().1, CODE_BAD_REQUEST.0);
    }
}

#[test]
fn a_browser_of_ipv6_is_given_an_address_of_its_family() {
    let (now, mut relay) = (start(), relay());
    let wish = allocate().with(ATTR_REQUESTED_ADDRESS_FAMILY, &[IPV6_FAMILY, 0, 0, 0]);
    let answer = relay.handle_frame(now, UNIX, &wish.signed(&credential())).answer();
    assert!(shown(&answer, ATTR_XOR_RELAYED_ADDRESS).is_ipv6());
    let permission = Request::new(METHOD_CREATE_PERMISSION);
    let other = permission.peer(PEER).signed(&credential());
    assert_eq!(relay.handle_frame(now, UNIX, &other).refusal().1, CODE_PEER_ADDR_FAMILY_MISMATCH.0);
    let alone = Relay::new(key(), address(BROWSER), &[address("[2001:db8::9]:8443")], [3; 16])
        .handle_frame(now, UNIX, &allocate().signed(&credential()))
        .answer();
    assert!(shown(&alone, ATTR_XOR_RELAYED_ADDRESS).is_ipv6(), "where there is no other");
}

#[test]
fn frames_are_measured_before_they_are_read() {
    for (start, expected) in [
        (&[][..], Ok(None)),
        (&[0, 1, 0], Ok(None)),
        (&[0, 1, 0, 8, 0x21, 0x12, 0xa4], Ok(None)),
        (&[0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42], Ok(Some(28))),
        (&[0, 1, 0, 8, 0, 0, 0, 0], Err(Refusal::Malformed)),
        (&[0, 1, 0, 7], Err(Refusal::Malformed)),
        (&[0, 1, 0xff, 0xfc, 0x21, 0x12, 0xa4, 0x42], Err(Refusal::Malformed)),
        (&[0x40, 0, 0, 5], Ok(Some(12))),
        (&[0x4f, 0xff, 0, 0], Ok(Some(4))),
        (&[0x50, 0, 0, 0], Err(Refusal::Malformed)),
        (b"GET ", Err(Refusal::Malformed)),
        (&[0x40, 0, 0x08, 0], Err(Refusal::Malformed)),
    ] {
        assert_eq!(Relay::frame_length(start), expected, "{start:?}");
    }
    let (now, mut relay) = (start(), relay());
    for garbage in [&[0x40][..], &[0x40, 0, 0, 9, 1], &[0, 1, 0, 0, 1, 2, 3], &[], &[0xff; 40]] {
        let reaction = relay.handle_frame(now, UNIX, garbage);
        assert!(matches!(reaction, Reaction::Refused(_, None)), "{garbage:?}");
    }
    let large = [0; MAX_FRAME_BYTES];
    assert!(!relay.wrap(now, 0, &large, &mut BytesMut::new()));
}

#[test]
fn a_browser_may_ask_for_its_own_address() {
    let mut relay = relay();
    let asked = Request::new(METHOD_BINDING).0;
    let answer = relay.handle_frame(start(), UNIX, &asked.raw).answer();
    assert_eq!(shown(&answer, ATTR_XORMAPPED_ADDRESS), address(BROWSER));
    assert!(!format!("{relay:?}").contains("198.51"));
}

/// What a general relay would be abused for.
const FORBIDDEN: [&str; 34] = [
    "192.0.2.9:22",
    "192.0.2.9:443",
    "192.0.2.9:9090",
    "192.0.2.9:8444",
    "192.0.2.9:0",
    "192.0.2.1:8443",
    "0.0.0.0:8443",
    "127.0.0.1:8443",
    "127.0.0.1:9090",
    "127.0.0.53:53",
    "127.255.255.254:8443",
    "10.0.0.1:8443",
    "10.255.255.255:80",
    "172.16.0.1:8443",
    "172.31.255.254:22",
    "192.168.0.1:80",
    "192.168.1.254:8443",
    "100.64.0.1:8443",
    "169.254.169.254:80",
    "169.254.0.1:8443",
    "198.18.0.1:8443",
    "224.0.0.1:8443",
    "239.255.255.250:1900",
    "255.255.255.255:8443",
    "240.0.0.1:8443",
    "8.8.8.8:53",
    "[::1]:8443",
    "[::]:8443",
    "[::ffff:127.0.0.1]:8443",
    "[::ffff:192.0.2.9]:8443",
    "[::192.0.2.9]:8443",
    "[64:ff9b::c000:209]:8443",
    "[fe80::1]:8443",
    "[fd00:ec2::254]:80",
];
