use super::*;
use crate::command::{Mid, RoomId};
use crate::sdp;

const OFFER: &str = include_str!("../../tests/data/chromium-first.sdp");

#[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
fn start() -> Instant {
    Instant::now()
}

#[test]
fn a_microphone_offered_anew_with_other_layers_is_another_voice() {
    let mut room = Router::new(12, None, Frames::Clear);
    let participant = ParticipantId::from_bytes([1; 8]);
    let mut members = [Some(Member::new(participant, RoomId(1), Frames::Clear))];
    let key = TransportKey(0);
    room.add(key);
    let mut now = start();
    room.publish(now, key, &offer(""), &mut members);
    let id = TrackId { participant, source: TrackSource::Microphone };
    let track = room.tracks.find_mut(id).unwrap().key;
    for _ in 0..50 {
        now += Duration::from_millis(20);
        room.voices.handle_packet(now, track, id, 30);
    }
    assert_eq!(room.poll_speakers(now), Some(vec![participant]));
    let layers = "a=rid:h send\r\na=rid:l send\r\na=simulcast:send h;l\r\n";
    room.publish(now, key, &offer(layers), &mut members);
    assert_ne!(room.tracks.find_mut(id).unwrap().key, track);
    assert_eq!(room.poll_speakers(now), Some(Vec::new()), "the former one has ended");
}

/// An offer with more lines on its microphone.
fn offer(lines: &str) -> Offer {
    let mid = "a=mid:0\r\n";
    let text = OFFER.replace('\r', "").replace('\n', "\r\n");
    let text = text.replacen(mid, &format!("{mid}{lines}"), 1);
    let publish = [(Mid::new("0").unwrap(), TrackSource::Microphone)];
    sdp::parse_offer(&text, &publish, Frames::Clear).unwrap()
}
