//! What is held for those who were let in and have shown no certificate yet: little, whatever they send.

use std::net::SocketAddr;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use protocol::{ParticipantId, Redacted, TrackSource};
use sfu_core::{
    Command, DtlsIdentity, Event, Frames, Mid, NegotiationId, Path, RoomId, Settings, Sfu,
};
use stats_alloc::Region;
use tests::{Meeting, SERVER, connectivity_check};

use super::{ALLOCATOR, ALONE};

/// A core, and what a browser's page says to it first.
struct Core {
    sfu: Sfu,
    now: Instant,
    offer: Redacted<String>,
    publish: Vec<(Mid, TrackSource)>,
    hello: Vec<u8>,
}

impl Core {
    fn new() -> Self {
        let mut meeting = Meeting::new(5);
        let seat = meeting.join(RoomId(1), 2);
        let (offer, publish) = meeting.browsers[seat.0].offer(meeting.now);
        meeting.connect();
        let hello = meeting.recorded.iter().find(|datagram| datagram.bytes.first() == Some(&22));
        let mid = |text: &str| Mid::new(text).expect("the engine writes good mids");
        let settings = Settings {
            identity: DtlsIdentity::generate().expect("a certificate can be made"),
            candidates: vec![SERVER],
            tcp_port: None,
            worker: 0,
            max_voices: 12,
            scalable: None,
            seed: [5; 32],
        };
        Self {
            sfu: Sfu::new(settings),
            now: meeting.now,
            offer: Redacted::new(offer),
            publish: publish.iter().map(|(text, source)| (mid(text), *source)).collect(),
            hello: hello.expect("the browser began a handshake").bytes.clone(),
        }
    }

    /// One more participant: offered, answered, and checked from an address of its own. False when
    /// there are too many.
    fn enter(&mut self, number: u32) -> bool {
        let participant = participant(number);
        let room = RoomId(u64::from(number / 30));
        let frames = Frames::Clear;
        self.sfu.handle_command(self.now, Command::AddTransport { participant, room, frames });
        let negotiate = Command::Negotiate {
            participant,
            negotiation: NegotiationId(number.into()),
            offer: self.offer.clone(),
            publish: self.publish.clone(),
        };
        self.sfu.handle_command(self.now, negotiate);
        let mut answer = None;
        while let Some(event) = self.sfu.poll_output() {
            if let Event::Negotiated { answer: text, .. } = event {
                answer = Some(text);
            }
        }
        let Some(answer) = answer else { return false };
        let value = |name: &str| {
            let line = answer.expose().lines().find_map(|line| line.strip_prefix(name));
            line.expect("an answer has credentials").to_owned()
        };
        let user = format!("{}:theirs", value("a=ice-ufrag:"));
        self.send(number, connectivity_check(&user, &value("a=ice-pwd:"), [7; 12]));
        true
    }

    fn leave(&mut self, number: u32) {
        let participant = participant(number);
        self.sfu.handle_command(self.now, Command::RemoveTransport { participant });
        self.take();
    }

    /// Sends from the address of a participant.
    fn send(&mut self, number: u32, mut datagram: Vec<u8>) {
        let [_, a, b, c] = number.to_be_bytes();
        let remote = SocketAddr::from(([10, a, b, c], 5_000));
        self.sfu.handle_datagram(self.now, Path { remote, local: None }, &mut datagram);
        self.take();
    }

    fn take(&mut self) {
        while self.sfu.poll_egress(self.now).is_some() {}
        while self.sfu.poll_output().is_some() {}
    }
}

fn participant(number: u32) -> ParticipantId {
    ParticipantId::from_bytes(u64::from(number).to_be_bytes())
}

/// Bytes that are held more after `step` than before.
fn kept(step: impl FnOnce()) -> isize {
    let region = Region::new(ALLOCATOR);
    step();
    let change = region.change();
    change.bytes_allocated as isize - change.bytes_deallocated as isize
}

#[test]
fn ten_thousand_who_begin_a_handshake_take_less_than_200_mib() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut core = Core::new();
    let mut entered = 0;
    let held = kept(|| {
        for number in 0..10_000 {
            entered += u64::from(core.enter(number));
            core.send(number, core.hello.clone());
        }
    });
    let stats = core.sfu.stats();
    assert_eq!(stats.transports, entered);
    assert!((4_000..10_000).contains(&entered), "{entered}: whoever comes then is refused");
    assert!(stats.datagrams_out >= 2 * entered, "each is in the middle of its handshake");
    assert!((1..200 << 20).contains(&held), "{held} bytes");
}

/// A record of DTLS 1.2 with this content (RFC 6347 section 4.1).
fn record(content: u8, epoch: u8, number: u16, body: &[u8]) -> Vec<u8> {
    let mut record = vec![content, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0];
    record.extend(number.to_be_bytes());
    record.extend((body.len() as u16).to_be_bytes());
    record.extend(body);
    record
}

/// A part of a handshake message (RFC 6347 section 4.2.2).
fn part(message: u8, number: u16, total: u32, offset: u32, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u32).to_be_bytes();
    let mut part = vec![message];
    part.extend(&total.to_be_bytes()[1..]);
    part.extend(number.to_be_bytes());
    part.extend(&offset.to_be_bytes()[1..]);
    part.extend(&length[1..]);
    part.extend(content);
    part
}

/// What an attacker sends as its record of this number, and what that is.
type Attack = (&'static str, fn(u16) -> Vec<u8>);

const ATTACKS: [Attack; 10] = [
    ("parts of nothing", |n| record(22, 0, n, &part(11, n % 8, 1_024, u32::from(n), &[]))),
    ("parts of one byte", |n| record(22, 0, n, &part(11, n % 8, 1_024, u32::from(n), &[7]))),
    ("long parts", |n| record(22, 0, n, &part(11, 1 + n % 7, 65_000, 9, &[7; 1_100]))),
    ("parts of the same message", |n| record(22, 0, n, &part(1, 0, 900, u32::from(n % 800), &[7]))),
    ("numbers far ahead", |n| record(22, 0, n, &part(11, n, 1_024, 0, &[7; 30]))),
    ("whole messages of nothing", |n| record(22, 0, n, &part(11, n % 8, 0, 0, &[]).repeat(80))),
    ("whole certificates", |n| record(22, 0, n, &part(11, n % 8, 1_000, 0, &[0; 1_000]))),
    ("protected before there are keys", |n| record(23, 1, n, &[7; 40])),
    ("protected and empty", |n| record(22, 1, n, &[])),
    ("changes of cipher", |n| record(20, 0, n, &[1])),
];

#[test]
fn no_half_open_transport_holds_more_than_64_kib_whatever_it_is_sent() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    const ATTACKERS: u32 = 20;
    for (what, attack) in ATTACKS {
        for begins_with_hello in [false, true] {
            let mut core = Core::new();
            let held = kept(|| {
                for number in 0..ATTACKERS {
                    assert!(core.enter(number));
                    if begins_with_hello {
                        core.send(number, core.hello.clone());
                    }
                    for record in 0..2_000 {
                        core.send(number, attack(record));
                    }
                }
            });
            let each = held / ATTACKERS as isize;
            assert!((1..64 << 10).contains(&each), "{each} bytes: {what}");
        }
    }
}

#[test]
fn ten_thousand_who_come_and_go_leave_nothing() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut core = Core::new();
    let mut visit = |from: u32, to: u32| {
        kept(|| {
            for number in from..to {
                assert!(core.enter(number));
                core.send(number, core.hello.clone());
                core.now += Duration::from_millis(10);
                core.sfu.handle_timeout(core.now);
                core.leave(number);
            }
        })
    };
    // Tables reach their size.
    visit(0, 500);
    let held = visit(500, 10_500);
    assert!(held < 16 << 10, "{held} bytes more after ten thousand");
    let after = core.sfu.stats();
    assert_eq!((after.transports, after.rooms), (0, 0));
    assert_eq!(core.sfu.poll_timeout(), None, "nothing is left to be woken for");
}
