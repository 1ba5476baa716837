use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::*;

#[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
fn start() -> Instant {
    Instant::now()
}

fn ids(sequence: u16, timestamp: u32, picture: u16, index: u8) -> PacketIds {
    let pictures = PictureIds { picture_id: Some(picture), tl0_picture_index: Some(index) };
    PacketIds { sequence, timestamp, pictures }
}

/// A packet of a codec without picture numbers; one frame each.
fn plain(sequence: u16) -> PacketIds {
    let timestamp = u32::from(sequence) * 960;
    PacketIds { sequence, timestamp, pictures: PictureIds::default() }
}

fn slot() -> Rewriter<char> {
    let mut slot = Rewriter::new(90_000, ids(65_534, 4_000_000_000, 32_767, 255));
    slot.switch('a');
    slot
}

fn forward(slot: &mut Rewriter<char>, sequences: &[u16]) -> Vec<Option<u16>> {
    let now = start();
    sequences.iter().map(|s| slot.rewrite(now, plain(*s)).map(|out| out.sequence)).collect()
}

#[test]
fn the_first_packet_goes_out_with_the_numbers_given() {
    let out = slot().rewrite(start(), ids(7, 11, 13, 17)).unwrap();
    assert_eq!(out, ids(65_534, 4_000_000_000, 32_767, 255));
}

#[test]
fn picture_numbers_of_the_short_form_go_on_past_their_end() {
    let mut slot = slot();
    let now = start();
    for picture in 0..200_u16 {
        slot.rewrite(now, ids(7 + picture, u32::from(picture), picture % 128, 0)).unwrap();
    }
    slot.switch('b');
    let out = slot.rewrite(now, ids(60_000, 5, 9, 3)).unwrap();
    // The first went out as 32,767, which is 127 in seven bits.
    assert_eq!(out.pictures.picture_id.unwrap() % 128, (127 + 200) % 128);
}

#[test]
fn nothing_goes_out_before_a_source_is_chosen() {
    let mut slot: Rewriter<char> = Rewriter::new(90_000, PacketIds::default());
    assert_eq!(slot.rewrite(start(), plain(1)), None);
    assert_eq!(slot.skip(plain(2)), None);
    assert_eq!(slot.origin(0), None);
    assert_eq!((slot.source(), slot.timestamp_shift()), (None, None));
}

#[test]
fn a_switch_goes_on_where_the_last_source_stopped() {
    let mut slot = slot();
    let now = start();
    slot.rewrite(now, ids(7, 11, 13, 17)).unwrap();
    slot.switch('b');
    assert_eq!(slot.source(), Some('a'));
    let later = now + Duration::from_millis(100);
    let out = slot.rewrite(later, ids(60_000, 5, 9, 3)).unwrap();
    // 100 ms are 9,000 ticks; the counters wrap, each in its own width.
    assert_eq!(out, ids(65_535, 4_000_009_000, 0, 0));
    assert_eq!(slot.source(), Some('b'));
    assert_eq!(slot.timestamp_shift(), Some(4_000_008_995));
    // A switch within the same instant still moves on.
    slot.switch('c');
    let out = slot.rewrite(later, ids(1, 1, 1, 1)).unwrap();
    assert_eq!(out, ids(0, 4_000_009_001, 1, 1));
}

#[test]
fn late_packets_get_the_number_kept_for_them() {
    let mut slot = slot();
    let out = forward(&mut slot, &[10, 13, 11, 12, 14]);
    assert_eq!(out, [Some(65_534), Some(1), Some(65_535), Some(0), Some(2)]);
}

#[test]
fn no_number_is_given_out_twice() {
    let mut slot = slot();
    assert_eq!(forward(&mut slot, &[10, 10, 12, 12]), [Some(65_534), None, Some(0), None]);
}

#[test]
fn packets_from_before_a_switch_are_refused() {
    let mut slot = slot();
    forward(&mut slot, &[10, 11]);
    slot.switch('a');
    assert_eq!(forward(&mut slot, &[20, 19, 12, 21]), [Some(0), None, None, Some(1)]);
}

#[test]
fn packets_older_than_the_window_are_refused() {
    let mut slot = slot();
    let out = forward(&mut slot, &[10, 2_000, 4_000, 11, 2_100]);
    assert_eq!(out[3], None);
    assert!(out[4].is_some());
}

#[test]
fn a_jump_leaves_a_gap_of_bounded_length() {
    let mut slot = slot();
    let window = u16::try_from(WINDOW).unwrap();
    let out = forward(&mut slot, &[10, 30_010, 30_011]);
    let first = 65_534_u16;
    assert_eq!(out[1..], [first, first.wrapping_add(1)].map(|at| Some(at.wrapping_add(window))));
    // Numbers in the gap lead nowhere, and what comes for them late takes nobody else's.
    assert_eq!(slot.origin(first.wrapping_add(window - 1)), None);
    assert_eq!(forward(&mut slot, &[10 + window, 30_009]), [None, None]);
    assert_eq!(slot.origin(first.wrapping_add(window)).unwrap().sequence, 30_010);
    // Dropped packets do not stretch it.
    slot.skip(plain(60_000));
    let after = first.wrapping_add(2 * window).wrapping_add(1);
    assert_eq!(forward(&mut slot, &[20_000]), [Some(after)]);
}

#[test]
fn dropped_packets_leave_no_gap() {
    let mut slot = slot();
    forward(&mut slot, &[10]);
    assert_eq!(slot.skip(plain(11)), None);
    assert_eq!(slot.skip(plain(12)), None);
    assert_eq!(forward(&mut slot, &[13, 14]), [Some(65_535), Some(0)]);
    // 15 is on its way when 16 is dropped, and keeps its number.
    assert_eq!(slot.skip(plain(16)), None);
    assert_eq!(forward(&mut slot, &[17, 15]), [Some(2), Some(1)]);
    // What was dropped stays dropped.
    assert_eq!(forward(&mut slot, &[11, 12, 16]), [None, None, None]);
}

#[test]
fn a_number_kept_for_a_packet_that_is_dropped_late_is_filled() {
    let mut slot = slot();
    forward(&mut slot, &[10, 12]);
    let filler = slot.skip(plain(11)).unwrap();
    assert_eq!(filler.sequence, 65_535);
    assert_eq!(slot.skip(plain(11)), None);
    assert_eq!(forward(&mut slot, &[11, 13]), [None, Some(1)]);
}

#[test]
fn dropped_pictures_leave_no_gap_in_the_picture_numbers() {
    let mut slot = slot();
    let now = start();
    slot.rewrite(now, ids(10, 0, 100, 7));
    slot.skip(ids(11, 3_000, 101, 7));
    slot.skip(ids(12, 3_000, 101, 7));
    let out = slot.rewrite(now, ids(13, 6_000, 102, 8)).unwrap();
    assert_eq!((out.pictures.picture_id, out.pictures.tl0_picture_index), (Some(0), Some(0)));
    // Padding belongs to no picture.
    slot.skip(plain(14));
    let out = slot.rewrite(now, ids(15, 6_000, 102, 8)).unwrap();
    assert_eq!((out.sequence, out.pictures.picture_id), (0, Some(0)));
}

#[test]
fn a_long_pause_never_turns_time_back() {
    let mut slot = slot();
    let now = start();
    let before = slot.rewrite(now, plain(10)).unwrap();
    slot.switch('a');
    let after = slot.rewrite(now + Duration::from_secs(86_400), plain(11)).unwrap();
    assert!(after.timestamp.wrapping_sub(before.timestamp) < 1 << 31);
}

#[test]
fn retransmissions_are_rewritten_as_the_packet_was() {
    let mut slot = slot();
    let now = start();
    let incoming = [ids(10, 0, 100, 7), ids(12, 3_000, 101, 8), ids(11, 0, 100, 7)];
    for packet in incoming {
        let out = slot.rewrite(now, packet).unwrap();
        let origin = slot.origin(out.sequence).unwrap();
        assert_eq!((origin.source, origin.sequence), ('a', packet.sequence));
        let rewritten = origin.rewrite(packet.timestamp, packet.pictures);
        assert_eq!(rewritten, (out.timestamp, out.pictures));
    }
    assert_eq!(slot.origin(1), None, "not sent yet");
    assert_eq!(slot.origin(65_533), None, "sent by nobody");
}

/// One packet of a generated source, before the network.
#[derive(Clone, Debug)]
struct Sent {
    ids: PacketIds,
    dropped: bool,
    lost: bool,
    /// How many packets later than its turn it arrives.
    delay: usize,
    duplicate: bool,
}

fn packets() -> impl Strategy<Value = Vec<Sent>> {
    let packet = (
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
        prop_oneof![3 => Just(0), 1 => 0..6_usize],
        prop::bool::weighted(0.1),
    );
    let first = (any::<u16>(), any::<u32>(), 0..0x8000_u16, any::<u8>());
    (first, prop::collection::vec(packet, 1..60)).prop_map(|(first, packets)| {
        let (mut sequence, mut timestamp, mut picture, mut index) = first;
        let mut sent: Vec<Sent> = Vec::new();
        for (new_frame, dropped, lost, delay, duplicate) in packets {
            let is_first = sent.is_empty();
            if new_frame && !is_first {
                timestamp = timestamp.wrapping_add(3_000);
                picture = (picture + 1) & PICTURE_ID_MASK;
                index = index.wrapping_add(1);
            }
            // Dropped packets are padding here: they belong to no picture.
            let mut ids = ids(sequence, timestamp, picture, index);
            if dropped && !is_first {
                ids.pictures = PictureIds::default();
            }
            sent.push(Sent {
                ids,
                dropped: dropped && !is_first,
                lost: lost && !is_first,
                delay: if is_first { 0 } else { delay },
                duplicate,
            });
            sequence = sequence.wrapping_add(1);
        }
        sent
    })
}

/// Order of arrival: the index of each packet, delayed and doubled as it says.
fn arrivals(sent: &[Sent]) -> Vec<usize> {
    let mut arrivals: Vec<(usize, usize)> = Vec::new();
    for (at, packet) in sent.iter().enumerate().filter(|(_, packet)| !packet.lost) {
        arrivals.push((at + packet.delay, at));
        if packet.duplicate {
            arrivals.push((at + packet.delay + 2, at));
        }
    }
    // The first packet of a source begins it.
    arrivals.sort_by_key(|(turn, at)| (*at != 0, *turn));
    arrivals.into_iter().map(|(_, at)| at).collect()
}

#[test]
fn holes_are_filled_once_and_only_those_of_the_present_source() {
    let mut slot = Rewriter::new(90_000, PacketIds { sequence: 100, ..PacketIds::default() });
    let now = start();
    assert_eq!(slot.fill_hole(), None);
    slot.switch(1);
    for sequence in [10, 12, 15] {
        slot.rewrite(now, ids(sequence, 0, 0, 0)).unwrap();
    }
    let filled: Vec<u16> =
        std::iter::from_fn(|| slot.fill_hole()).map(|filler| filler.sequence).collect();
    assert_eq!(filled, [101, 103, 104]);
    assert_eq!(slot.rewrite(now, ids(11, 0, 0, 0)), None, "its number is taken");
    slot.switch(2);
    assert_eq!(slot.rewrite(now, ids(7, 0, 0, 0)).map(|out| out.sequence), Some(106));
    assert_eq!(slot.fill_hole(), None);
}

proptest! {
    /// Against a model that knows everything: what each outgoing number stands for.
    #[test]
    fn outgoing_numbers_are_whole_whatever_comes_in(sources in prop::collection::vec(packets(), 1..5)) {
        let first = ids(65_500, 4_294_960_000, 32_760, 250);
        let mut slot: Rewriter<usize> = Rewriter::new(90_000, first);
        let mut now = start();
        let mut reference = EXTENDED_BASE + u64::from(first.sequence);
        let mut given_out: BTreeMap<u64, (usize, PacketIds, PacketIds)> = BTreeMap::new();
        let mut fillers: BTreeSet<u64> = BTreeSet::new();
        let mut missing = 0;
        let mut newest: Option<(Instant, PacketIds)> = None;

        for (source, sent) in sources.iter().enumerate() {
            slot.switch(source);
            let mut begun = None;
            let mut last_used = 0;
            for at in arrivals(sent) {
                now += Duration::from_millis(1);
                let packet = &sent[at];
                let used = if packet.dropped {
                    slot.skip(packet.ids).map(|filler| filler.sequence)
                } else {
                    slot.rewrite(now, packet.ids).map(|out| out.sequence)
                };
                let Some(sequence) = used else { continue };
                last_used = last_used.max(at);
                let number = unwrap(sequence, reference);
                reference = reference.max(number);
                prop_assert!(!given_out.contains_key(&number) && fillers.insert(number));
                if packet.dropped {
                    continue;
                }
                fillers.remove(&number);
                let origin = slot.origin(sequence).unwrap();
                let (timestamp, pictures) = origin.rewrite(packet.ids.timestamp, packet.ids.pictures);
                let out = PacketIds { sequence, timestamp, pictures };
                match (begun, newest) {
                    // Within a source everything is shifted by the same amount.
                    (Some(shift), _) => {
                        prop_assert_eq!(timestamp.wrapping_sub(packet.ids.timestamp), shift);
                    }
                    // Across a switch time and pictures go on.
                    (None, Some((then, before))) => {
                        let ticks = (now - then).as_millis() as u32 * 90;
                        prop_assert_eq!(timestamp, before.timestamp.wrapping_add(ticks.max(1)));
                        let next = (before.pictures.picture_id.unwrap() + 1) & PICTURE_ID_MASK;
                        prop_assert_eq!(pictures.picture_id, Some(next));
                        let next = before.pictures.tl0_picture_index.unwrap().wrapping_add(1);
                        prop_assert_eq!(pictures.tl0_picture_index, Some(next));
                    }
                    (None, None) => prop_assert_eq!(out, first),
                }
                begun = Some(timestamp.wrapping_sub(packet.ids.timestamp));
                let is_newer = |(_, before): &(Instant, PacketIds)| {
                    let ahead = timestamp.wrapping_sub(before.timestamp);
                    ahead != 0 && ahead < 1 << 31
                };
                if newest.as_ref().is_none_or(is_newer) {
                    newest = Some((now, out));
                }
                given_out.insert(number, (source, packet.ids, out));
            }
            missing += sent[..last_used].iter().filter(|packet| packet.lost).count();
        }

        // No gap but the packets the network kept.
        let used: BTreeSet<u64> = given_out.keys().copied().chain(fillers).collect();
        let (lowest, highest) = (*used.first().unwrap(), *used.last().unwrap());
        prop_assert_eq!(lowest, EXTENDED_BASE + u64::from(first.sequence));
        prop_assert_eq!((highest - lowest + 1) as usize, used.len() + missing);

        // Every number leads back to its packet, or nowhere once it is forgotten.
        let runs = sources.iter().flatten().filter(|packet| packet.dropped).count() + sources.len();
        for (number, (source, packet, out)) in given_out {
            let origin = slot.origin(number as u16);
            prop_assert!(origin.is_some() || runs > MAX_RUNS);
            if let Some(origin) = origin {
                prop_assert_eq!((origin.source, origin.sequence), (source, packet.sequence));
                prop_assert_eq!(origin.rewrite(packet.timestamp, packet.pictures), (out.timestamp, out.pictures));
            }
        }
    }

    #[test]
    fn no_order_of_calls_panics(calls in prop::collection::vec((0..5_u8, any::<u16>(), any::<u32>()), 0..200)) {
        let mut slot: Rewriter<u8> = Rewriter::new(90_000, PacketIds::default());
        let now = start();
        let mut given_out = BTreeSet::new();
        let mut reference = EXTENDED_BASE;
        for (call, sequence, timestamp) in calls {
            let packet = ids(sequence, timestamp, sequence, call);
            let used = match call {
                0 => { slot.switch(1); None }
                1 => slot.skip(packet).map(|filler| filler.sequence),
                2 => { slot.origin(sequence); None }
                3 => slot.fill_hole().map(|filler| filler.sequence),
                _ => slot.rewrite(now, packet).map(|out| out.sequence),
            };
            if let Some(sequence) = used {
                let number = unwrap(sequence, reference);
                prop_assert!(given_out.insert(number));
                prop_assert!(given_out.len() == 1 || number <= reference + WINDOW);
                reference = reference.max(number);
            }
        }
    }
}
