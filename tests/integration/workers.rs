//! Several workers behind one port, on real sockets.

use std::collections::BTreeSet;
use std::time::Duration;

use protocol::TrackSource::Microphone;
use sfu_core::{DropCause, RoomId};
use tests::Classroom;

/// In each of two rooms. The system spreads addresses by chance: with so many of them, some come to
/// the other room's worker but in one of a million runs.
const ROOM: usize = 10;

#[test]
fn rooms_of_two_workers_meet_behind_one_port_whichever_socket_a_datagram_comes_to() {
    let room = |number: usize| number % 2;
    let seats = 2 * ROOM;
    let mut class =
        Classroom::spread(2, seats, |number| RoomId(room(number) as u64), |_| ROOM - 1).unwrap();
    for to in 0..seats {
        let others = (0..seats).filter(|from| room(*from) == room(to) && *from != to);
        for (slot, from) in others.enumerate() {
            class.subscribe(to, slot, from, Microphone).unwrap();
        }
        class.turn_on(to, Microphone).unwrap();
    }
    let everybody_is_heard = |class: &Classroom| {
        (0..seats).all(|number| {
            let heard = class.heard(number);
            heard.len() == ROOM - 1 && heard.values().all(|packets| *packets > 10)
        })
    };
    for _ in 0..50 {
        class.run(Duration::from_millis(100)).unwrap();
        if everybody_is_heard(&class) {
            break;
        }
    }
    assert!(everybody_is_heard(&class));
    for number in 0..seats {
        let heard: BTreeSet<_> = class.heard(number).into_keys().collect();
        let expected = (0..seats).filter(|from| room(*from) == room(number) && *from != number);
        assert_eq!(heard, expected.map(|from| class.participant(from)).collect());
    }
    let stats = class.stats().unwrap();
    assert_eq!((stats.transports_connected, stats.rooms), (seats as u64, 2));
    assert!(stats.datagrams_handed_over > 0, "nobody came to the other worker");
    assert_eq!(stats.dropped[DropCause::CheckUnknownUser], 0);
    class.close().unwrap();
}
