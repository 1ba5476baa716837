//! Five hundred who come and go: nothing of them stays.

use std::time::{Duration, Instant};

use protocol::TrackSource::{Camera, Microphone};
use sfu_core::{Command, RoomId};
use signaling::Clock;
use tests::{Meeting, Seat, Section};

use crate::server::RealServer;
use crate::session::Session;

#[test]
fn transports_that_were_connected_leave_nothing_behind() {
    let mut meeting = Meeting::of(900, 2);
    for seat in [Seat(0), Seat(1)] {
        meeting.turn_on(seat, Microphone);
        meeting.turn_on(seat, Camera);
    }
    let before = meeting.sfu.stats();
    for round in 0..40 {
        let room = RoomId(1 + round % 2);
        let seat = meeting.join(room, 1);
        meeting.connect();
        meeting.turn_on(seat, Microphone);
        let track = meeting.track(Seat(0), Camera);
        let mid = meeting.browsers[seat.0].slot_mids(true)[0].clone();
        meeting.subscribe(seat, &mid, Some(track), None);
        meeting.run(Duration::from_millis(100));
        let participant = meeting.browsers[seat.0].participant;
        meeting.command(Command::RemoveTransport { participant });
        meeting.browsers.pop();
    }
    let after = meeting.sfu.stats();
    assert_eq!(after.handshakes_completed, before.handshakes_completed + 40);
    assert_eq!(
        (after.transports, after.transports_connected, after.rooms),
        (before.transports, before.transports_connected, before.rooms)
    );
    for seat in [Seat(0), Seat(1)] {
        let participant = meeting.browsers[seat.0].participant;
        meeting.command(Command::RemoveTransport { participant });
    }
    let end = meeting.sfu.stats();
    assert_eq!((end.transports, end.transports_connected, end.rooms), (0, 0, 0));
    assert_eq!(meeting.sfu.poll_timeout(), None, "nothing is left to be woken for");
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_joins_and_leaves_end_where_they_began() {
    const COUNTS: [&str; 5] = [
        "preau_participants",
        "preau_connections",
        "preau_sessions_waiting",
        "preau_media_transports",
        "preau_media_rooms",
    ];
    let (clock, hand) = Clock::manual();
    let server = RealServer::start_at(clock).await;
    let room = server.room(30).await;
    let (sdp, publish) = offer();
    let mut before = Vec::new();
    for count in COUNTS {
        before.push(server.metric(count).await);
    }
    let visits = async |first: u32| {
        for number in first..first + 50 {
            let enter = Session::join(server.http(), &room, &room.guest, None, None);
            let (mut session, joined) = enter.await;
            // So many from one address would be held back.
            hand.advance(Duration::from_millis(200));
            let offer = serde_json::json!({ "type": "offer", "sdp": sdp, "publish": publish });
            session.ask(offer, "answer").await;
            // Some lose their network first.
            if number.is_multiple_of(10) {
                session.end().await;
                let token = Some(&joined["resume"]);
                let back = Session::join(server.http(), &room, &room.guest, None, token);
                session = back.await.0;
            }
            session.leave().await;
        }
    };
    // Ten at a time, fifty each.
    tokio::join!(
        visits(0),
        visits(50),
        visits(100),
        visits(150),
        visits(200),
        visits(250),
        visits(300),
        visits(350),
        visits(400),
        visits(450)
    );
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let mut now = Vec::new();
        for count in COUNTS {
            now.push(server.metric(count).await);
        }
        // The worker and the sockets end a moment after the last word.
        if now == before {
            break;
        }
        assert!(Instant::now() < deadline, "{COUNTS:?}: {before:?} became {now:?}");
    }
    assert!(server.metric("preau_joins_total").await >= 500);
    server.stop().await;
}

/// An offer as a browser makes it; it is never connected.
fn offer() -> (String, serde_json::Value) {
    let mut meeting = Meeting::new(901);
    let seat = meeting.join(RoomId(1), 2);
    let (sdp, publish) = meeting.browsers[seat.0].offer(meeting.now);
    assert_eq!(Section::all(&sdp).len(), 6);
    let publish = publish
        .into_iter()
        .map(|(mid, source)| serde_json::json!({ "mid": mid, "source": source }))
        .collect();
    (sdp, publish)
}
