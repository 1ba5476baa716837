//! A real server with real sockets, and participants written with another implementation.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use protocol::TrackSource::{Camera, Microphone};
use tests::Content;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use crate::participant::{Participant, until};
use crate::server::RealServer;

#[tokio::test(flavor = "multi_thread")]
async fn an_independent_participant_exchanges_opus_and_vp8_with_another() {
    let server = RealServer::start().await;
    let room = server.room(1).await;
    let http = server.http();
    let mut teacher = Participant::join(http, &room, &room.moderator, "Ada", None).await;
    let mut pupil = Participant::join(http, &room, &room.guest, "Camille", None).await;
    assert_eq!(teacher.joined["role"], "moderator");
    assert_eq!(pupil.joined["role"], "guest");
    assert_eq!(pupil.joined["participants"][0]["displayName"], "Ada");
    teacher.publish().await;
    pupil.publish().await;
    pupil.subscribe(teacher.id).await;
    teacher.subscribe(pupil.id).await;

    let (frames, parts) = (60, 3);
    tokio::join!(teacher.send(frames, parts), pupil.send(frames, parts));
    for (receiver, sender) in [(&teacher, &pupil), (&pupil, &teacher)] {
        let is_last = |(_, content): &(u16, Content)| content.frame == frames - 1;
        until("the last picture arrives", || {
            receiver.arrived(sender.id, Camera).iter().any(is_last)
        })
        .await;
        let sounds = receiver.arrived(sender.id, Microphone);
        assert!(sounds.len() as u32 >= frames * 2 - 10, "{} packets of sound", sounds.len());
        let pictures = receiver.arrived(sender.id, Camera);
        let first = pictures.first().expect("pictures arrived").1;
        assert!(first.is_key && first.part == 0, "begins with a key frame: {first:?}");
        assert_whole(&pictures, frames, parts);
        let tracks: BTreeSet<_> = receiver.tracks().into_iter().collect();
        assert_eq!(tracks.len(), 2, "only what was subscribed to: {tracks:?}");
        assert!(tracks.iter().all(|track| track.participant == sender.id));
    }
    teacher.leave().await;
    pupil.hear("participant_left").await;
    pupil.leave().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_lost_on_the_way_are_repaired_in_both_directions() {
    let server = RealServer::start().await;
    let room = server.room(2).await;
    let http = server.http();
    let up = Relay::start(server.media()).await;
    let down = Relay::start(server.media()).await;
    let mut sender = Participant::join(http, &room, &room.guest, "", Some(up.address)).await;
    let mut receiver = Participant::join(http, &room, &room.guest, "", Some(down.address)).await;
    sender.publish().await;
    receiver.subscribe(sender.id).await;
    let (frames, parts) = (75, 3);
    // That a packet is lost is seen from a later one; so there are some more at the end.
    sender.send(frames + 20, parts).await;
    until("every picture is whole", || {
        is_whole(&receiver.arrived(sender.id, Camera), frames, parts)
    })
    .await;
    assert!(up.dropped() >= 10 && down.dropped() >= 10, "{} {}", up.dropped(), down.dropped());
    assert!(server.metric("preau_media_packets_recovered_total").await > 0);
    assert!(server.metric("preau_media_packets_retransmitted_total").await > 0);
    sender.leave().await;
    receiver.leave().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_with_another_rooms_link_receives_nothing() {
    let server = RealServer::start().await;
    let (room, other) = (server.room(3).await, server.room(4).await);
    let http = server.http();
    let mut teacher = Participant::join(http, &room, &room.moderator, "", None).await;
    let mut stranger = Participant::join(http, &other, &other.moderator, "", None).await;
    teacher.publish().await;
    stranger.publish().await;
    let track = serde_json::json!({ "participant": teacher.id.expose_text(), "source": "camera" });
    let slots = serde_json::json!([{ "mid": "3", "track": track }]);
    let request = serde_json::json!({ "type": "subscribe", "slots": slots });
    let refusal = stranger.ask(request, "error").await;
    assert_eq!(refusal["code"], "track_unknown");
    tokio::join!(teacher.send(10, 2), stranger.send(10, 2));
    assert!(stranger.tracks().is_empty() && teacher.tracks().is_empty());
    assert_eq!(server.metric("preau_media_packets_out_total").await, 0);
    teacher.leave().await;
    stranger.leave().await;
    server.stop().await;
}

/// From the first key frame on, every part of every picture.
fn is_whole(arrived: &[(u16, Content)], frames: u32, parts: u8) -> bool {
    let have: BTreeSet<(u32, u8)> = arrived.iter().map(|(_, c)| (c.frame, c.part)).collect();
    let Some((first, _)) = have.first() else { return false };
    *first <= 10
        && (*first..frames).all(|frame| (0..parts).all(|part| have.contains(&(frame, part))))
}

fn assert_whole(arrived: &[(u16, Content)], frames: u32, parts: u8) {
    let contents: Vec<_> = arrived.iter().map(|(_, c)| (c.frame, c.part)).collect();
    assert!(is_whole(arrived, frames, parts), "{contents:?}");
}

/// Stands between one participant and the server, and loses every twelfth datagram of media in
/// each direction.
struct Relay {
    address: SocketAddr,
    dropped: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Relay {
    async fn start(server: SocketAddr) -> Self {
        let near = UdpSocket::bind("127.0.0.1:0").await.expect("a port is free");
        let far = UdpSocket::bind("127.0.0.1:0").await.expect("a port is free");
        let address = near.local_addr().expect("it is bound");
        let dropped = Arc::new(AtomicUsize::new(0));
        let count = dropped.clone();
        let task = tokio::spawn(async move {
            let mut participant = None;
            let [mut out, mut back] = [[0; 2_000]; 2];
            let mut media = 0_usize;
            let mut is_lost = |bytes: &[u8]| {
                let is_media = bytes.len() > 200 && (128..192).contains(&bytes[0]);
                media += usize::from(is_media);
                let lost = is_media && media.is_multiple_of(12);
                count.fetch_add(usize::from(lost), Ordering::Relaxed);
                lost
            };
            loop {
                tokio::select! {
                    Ok((length, from)) = near.recv_from(&mut out) => {
                        participant = Some(from);
                        if !is_lost(&out[..length]) {
                            let _ = far.send_to(&out[..length], server).await;
                        }
                    }
                    Ok((length, _)) = far.recv_from(&mut back) => {
                        if let Some(to) = participant
                            && !is_lost(&back[..length])
                        {
                            let _ = near.send_to(&back[..length], to).await;
                        }
                    }
                    else => return,
                }
            }
        });
        Self { address, dropped, task }
    }

    fn dropped(&self) -> usize {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}
