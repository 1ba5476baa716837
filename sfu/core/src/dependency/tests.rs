use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const CHROMIUM: &str = include_str!("../../tests/data/chromium-dependency.txt");

/// One packet as Chromium sent it.
#[derive(Clone, Debug)]
pub(crate) struct Captured {
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) descriptor: Vec<u8>,
}

/// The packets of one recording.
pub(crate) fn captured(name: &str) -> Vec<Captured> {
    let lines = CHROMIUM.lines().skip_while(|line| line.trim_start_matches("# ") != name).skip(1);
    let packets = lines.take_while(|line| !line.starts_with('#')).map(|line| {
        let [_, timestamp, marker, descriptor, _] =
            line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let byte = |at: usize| u8::from_str_radix(&descriptor[at..at + 2], 16).unwrap();
        Captured {
            timestamp: timestamp.parse().unwrap(),
            marker: marker == "1",
            descriptor: (0..descriptor.len()).step_by(2).map(byte).collect(),
        }
    });
    let packets: Vec<_> = packets.collect();
    assert!(packets.len() > 30, "{name} is recorded");
    packets
}

/// Their frames.
pub(crate) fn frames(packets: &[Captured]) -> (Vec<Frame>, Structure) {
    let mut known = None;
    let mut frames = Vec::new();
    for packet in packets {
        let (frame, told) = parse(&packet.descriptor, known.as_ref()).unwrap();
        known = told.or(known);
        frames.push(frame);
    }
    (frames, known.unwrap())
}

#[test]
fn structures_of_chromium_have_the_layers_it_was_asked_for() {
    // Chromium leaves a third layer out where the picture is small.
    for name in ["VP9 L3T3_KEY", "AV1 L3T3_KEY", "VP9 L2T3"] {
        let (_, structure) = frames(&captured(name));
        let targets = (0..2)
            .flat_map(|spatial| (0..3).map(move |temporal| DecodeTarget { spatial, temporal }));
        assert_eq!(structure.targets(), targets.collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn a_key_frame_of_chromium_reads_as_it_was_written() {
    let first = &captured("VP9 L3T3_KEY")[0];
    let (frame, _) = parse(&first.descriptor, None).unwrap();
    assert!(frame.mandatory.starts_frame && frame.mandatory.ends_frame);
    assert_eq!((frame.mandatory.template_id, frame.mandatory.frame_number), (0, 1));
    assert_eq!((frame.spatial, frame.temporal), (0, 0));
    assert!(frame.is_independent);
    assert_eq!(frame.needs().count(), 0);
    for target in 0..6 {
        assert_eq!(frame.indication(target), Indication::Switch);
    }
    assert_eq!(frame.indication(6), Indication::NotPresent);
}

#[test]
fn frames_of_chromium_need_frames_it_sent_before() {
    for name in ["VP9 L3T3_KEY", "AV1 L3T3_KEY", "VP9 L2T3"] {
        let packets = captured(name);
        let (frames, structure) = frames(&packets);
        let mut layers: BTreeMap<u16, (u8, u8)> = BTreeMap::new();
        let mut seen = BTreeMap::new();
        for (packet, frame) in packets.iter().zip(&frames) {
            for needed in frame.needs() {
                let needed = layers.get(&needed);
                let (spatial, temporal) = needed.expect("a frame that was sent before");
                assert!(*spatial <= frame.spatial && *temporal <= frame.temporal);
            }
            let layer = (frame.spatial, frame.temporal);
            layers.insert(frame.mandatory.frame_number, layer);
            // What is part of a decode target is not above it.
            for (number, target) in structure.targets().iter().enumerate() {
                if frame.indication(number) != Indication::NotPresent {
                    assert!(layer.0 <= target.spatial && layer.1 <= target.temporal, "{name}");
                }
            }
            let own = structure.targets().iter().position(|t| (t.spatial, t.temporal) == layer);
            assert_ne!(frame.indication(own.unwrap()), Indication::NotPresent, "{name}");
            *seen.entry(layer).or_insert(0) += 1;
            if packet.marker {
                assert!(frame.mandatory.ends_frame);
            }
        }
        assert!(seen.len() >= 6, "{name} uses its layers: {seen:?}");
    }
}

#[test]
fn a_descriptor_without_its_structure_or_cut_short_is_refused() {
    let packets = captured("AV1 L3T3_KEY");
    let (first, second) = (&packets[0].descriptor, &packets[1].descriptor);
    assert_eq!(parse(second, None), Err(DescriptorError::Unknown));
    for len in 0..3 {
        assert_eq!(parse(&first[..len], None), Err(DescriptorError::TooShort));
    }
    for len in 4..40 {
        assert!(parse(&first[..len], None).is_err(), "cut after {len}");
    }
    let (_, structure) = frames(&packets);
    assert!(parse(&first[..20], Some(&structure)).is_err());
}

#[test]
fn frame_numbers_are_replaced_in_place() {
    let mut descriptor = captured("VP9 L2T3")[0].descriptor.clone();
    let before = descriptor.clone();
    Mandatory::set_frame_number(&mut descriptor, 0xabcd);
    assert_eq!(Mandatory::parse(&descriptor).unwrap().frame_number, 0xabcd);
    assert_eq!((&descriptor[..1], &descriptor[3..]), (&before[..1], &before[3..]));
}

proptest! {
    #[test]
    fn no_bytes_panic(
        packets in vec(vec(any::<u8>(), 0..60), 1..6),
        flips in vec((0..60_usize, any::<u8>()), 0..4),
    ) {
        let mut known = None;
        for packet in packets {
            if let Ok((_, told)) = parse(&packet, known.as_ref()) {
                known = told.or(known);
            }
        }
        let mut bytes = captured("VP9 L3T3_KEY")[0].descriptor.clone();
        for (at, flip) in flips {
            let len = bytes.len();
            bytes[at % len] ^= flip;
        }
        if let Ok((frame, _)) = parse(&bytes, known.as_ref()) {
            prop_assert!(frame.needs().count() <= MAX_REFERENCES);
        }
    }
}
