//! The whole way of a participant, through the real server: in, cut, back, off, out.

use std::time::{Duration, Instant};

use protocol::TrackSource::{Camera, Microphone};
use serde_json::json;

use crate::participant::{Participant, until};
use crate::server::RealServer;
use crate::session::Session;

#[tokio::test(flavor = "multi_thread")]
async fn media_flows_on_while_a_session_is_cut_and_the_same_participant_comes_back() {
    let server = RealServer::start().await;
    let room = server.room(10).await;
    let http = server.http();
    let mut teacher = Participant::join(http, &room, &room.moderator, "", None).await;
    let mut pupil = Participant::join(http, &room, &room.guest, "", None).await;
    teacher.publish().await;
    pupil.subscribe(teacher.id).await;
    teacher.send(10, 1).await;
    until("sound arrives", || !pupil.arrived(teacher.id, Microphone).is_empty()).await;

    pupil.cut_session().await;
    let away = teacher.hear("participant_away").await;
    assert_eq!(away["participant"], pupil.id.expose_text());
    assert_eq!(away["away"], true);
    let before = pupil.arrived(teacher.id, Microphone).len();
    teacher.send(10, 1).await;
    until("sound goes on without a session", || {
        pupil.arrived(teacher.id, Microphone).len() >= before + 18
    })
    .await;

    let joined = pupil.resume(http, &room, &room.guest).await;
    assert_eq!(joined["participant"], pupil.id.expose_text());
    assert_eq!(joined["resumed"], true);
    let back = teacher.hear("participant_away").await;
    assert_eq!(back["away"], false);
    let before = pupil.arrived(teacher.id, Microphone).len();
    teacher.send(10, 1).await;
    until("sound goes on without a new offer", || {
        pupil.arrived(teacher.id, Microphone).len() >= before + 18
    })
    .await;
    assert_eq!(server.metric("preau_media_handshakes_completed_total").await, 2);
    teacher.leave().await;
    pupil.leave().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_turned_off_reaches_nobody() {
    let server = RealServer::start().await;
    let room = server.room(11).await;
    let http = server.http();
    let mut teacher = Participant::join(http, &room, &room.moderator, "", None).await;
    let mut pupil = Participant::join(http, &room, &room.guest, "", None).await;
    teacher.publish().await;
    pupil.subscribe(teacher.id).await;
    teacher.send(10, 1).await;
    until("pictures arrive", || !pupil.arrived(teacher.id, Camera).is_empty()).await;
    let off = json!({ "type": "set_publishing", "source": "camera", "active": false });
    teacher.ask(off, "done").await;
    // What was sent before the answer may still be on its way; sound sent after it tells when not.
    let sounds = pupil.arrived(teacher.id, Microphone).len();
    teacher.send(2, 1).await;
    until("sound goes on", || pupil.arrived(teacher.id, Microphone).len() > sounds).await;
    let pictures = pupil.arrived(teacher.id, Camera).len();
    teacher.send(10, 1).await;
    until("sound goes on", || pupil.arrived(teacher.id, Microphone).len() > sounds + 15).await;
    assert_eq!(pupil.arrived(teacher.id, Camera).len(), pictures);
    teacher.leave().await;
    pupil.leave().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_is_gone_from_the_media_plane_and_their_token_is_dead() {
    let server = RealServer::start().await;
    let room = server.room(12).await;
    let http = server.http();
    let teacher = Participant::join(http, &room, &room.moderator, "", None).await;
    let pupil = Participant::join(http, &room, &room.guest, "", None).await;
    assert_eq!(server.metric("preau_media_transports_connected").await, 2);
    let (id, token) = (pupil.id, pupil.joined["resume"].clone());
    pupil.leave().await;
    let deadline = Instant::now() + Duration::from_secs(10);
    while server.metric("preau_media_transports").await != 1 {
        assert!(Instant::now() < deadline, "the transport stays");
    }
    let (session, again) = Session::join(http, &room, &room.guest, None, Some(&token)).await;
    assert_ne!(again["participant"], id.expose_text(), "gone is gone");
    assert_eq!(again["resumed"], false);
    session.leave().await;
    teacher.leave().await;
    server.stop().await;
}
