//! What several tests assert in the same way.

use std::collections::BTreeSet;

use tests::{Meeting, Received, Seat, WirePacket};

/// Numbers of 16 bits in order of arrival, as numbers that do not wrap.
pub(crate) fn unwrapped(numbers: impl IntoIterator<Item = u16>) -> Vec<i64> {
    let mut last: Option<i64> = None;
    let unwrap = |number: u16| {
        let previous = last.unwrap_or(i64::from(number));
        let step = number.wrapping_sub(previous as u16) as i16;
        last = Some(previous + i64::from(step));
        previous + i64::from(step)
    };
    numbers.into_iter().map(unwrap).collect()
}

/// No number at all.
pub(crate) const NONE: [i64; 0] = [];

/// The numbers between the first and the last that never came.
fn missing(numbers: &[i64]) -> Vec<i64> {
    let seen: BTreeSet<i64> = numbers.iter().copied().collect();
    let (Some(first), Some(last)) = (seen.first(), seen.last()) else { return Vec::new() };
    (*first..=*last).filter(|number| !seen.contains(number)).collect()
}

/// The numbers behind the first that arrived on a slot that never came, though the server sent
/// content under them. What was sent before the first to arrive is not missed by a receiver.
pub(crate) fn missing_content(
    meeting: &Meeting,
    seat: Seat,
    mid: &str,
    numbers: &[i64],
) -> Vec<i64> {
    let browser = &meeting.browsers[seat.0];
    let wire = &meeting.wire[&(browser.address, browser.slots[mid].ssrc)];
    let is_filler = |number: &i64| {
        wire.iter().any(|packet| packet.sequence == *number as u16 && packet.is_filler())
    };
    let first = numbers.first().copied().unwrap_or(0);
    missing(numbers).into_iter().filter(|number| *number > first && !is_filler(number)).collect()
}

/// Asserts that the server numbered a stream without gap or duplicate.
fn assert_numbered_without_gap(packets: &[WirePacket]) {
    let numbers = unwrapped(packets.iter().map(|packet| packet.sequence));
    let (first, last) = (numbers.first(), numbers.last());
    assert_eq!(missing(&numbers), NONE, "gaps between {first:?} and {last:?}");
}

fn assert_no_number_twice(packets: &[WirePacket]) {
    let numbers = unwrapped(packets.iter().map(|packet| packet.sequence));
    let different: BTreeSet<i64> = numbers.iter().copied().collect();
    assert_eq!(different.len(), numbers.len(), "a number was used twice");
}

/// How much of what browsers send reaches the server in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Uplink {
    /// Everything.
    Whole,
    /// Pictures, by being sent again; some sound is lost for good.
    LosesSound,
}

/// Asserts that the server numbered what it sent on every slot without duplicate, and without a
/// gap where nothing was lost on the way to it; and that it sent on no other stream than slots
/// and their retransmissions. Returns the number of slots it sent on.
pub(crate) fn assert_wire_is_clean(meeting: &Meeting, uplink: Uplink) -> usize {
    let mut streams = 0;
    for ((to, ssrc), packets) in &meeting.wire {
        let browser = meeting.browsers.iter().find(|browser| browser.address == *to);
        let Some(browser) = browser else { continue };
        if let Some(slot) = browser.slots.values().find(|slot| slot.ssrc == *ssrc) {
            assert_no_number_twice(packets);
            if slot.is_video || uplink == Uplink::Whole {
                assert_numbered_without_gap(packets);
            }
            streams += 1;
        } else {
            let is_repair = browser.slots.values().any(|slot| slot.repair_ssrc == Some(*ssrc));
            assert!(is_repair, "stream {ssrc} was announced by no answer");
        }
    }
    for browser in &meeting.browsers {
        assert!(browser.strays.is_empty(), "{browser:?} heard unannounced streams");
    }
    streams
}

/// Asserts that what arrived on a slot of pictures decodes: begins with a key frame, pictures are
/// whole, and their ids go up by one.
pub(crate) fn assert_pictures_whole(received: &[Received]) {
    let first = received.first().expect("pictures arrived");
    assert!(first.content.is_key, "the first picture is a key frame");
    let mut packets: Vec<(i64, &Received)> =
        unwrapped(received.iter().map(|packet| packet.sequence))
            .into_iter()
            .zip(received)
            .collect();
    packets.sort_by_key(|(number, _)| *number);
    packets.dedup_by_key(|(number, _)| *number);
    let mut previous: Option<(i64, &Received)> = None;
    for (number, packet) in packets {
        let picture_id = packet.picture_id.expect("pictures have ids");
        if let Some((last_number, last)) = previous {
            assert_eq!(number, last_number + 1, "a packet is missing before {packet:?}");
            let step = picture_id.wrapping_sub(last.picture_id.expect("as above")) & 0x7fff;
            let is_next_part = last.content.track == packet.content.track
                && last.content.frame == packet.content.frame
                && last.content.layer == packet.content.layer;
            assert_eq!(last.marker, !is_next_part, "picture cut: {last:?} then {packet:?}");
            assert_eq!(step, u16::from(!is_next_part), "ids: {last:?} then {packet:?}");
            let advance = packet.timestamp.wrapping_sub(last.timestamp) as i32;
            if is_next_part {
                assert_eq!(packet.content.part, last.content.part + 1);
                assert_eq!(advance, 0, "one picture has one time");
            } else {
                assert_eq!(packet.content.part, 0, "{last:?} then {packet:?}");
                assert!((1..900_000).contains(&advance), "time: {last:?} then {packet:?}");
            }
        }
        previous = Some((number, packet));
    }
}

/// What arrived at a seat on a slot.
pub(crate) fn received<'a>(meeting: &'a Meeting, seat: Seat, mid: &str) -> &'a [Received] {
    meeting.browsers[seat.0].received(mid)
}
