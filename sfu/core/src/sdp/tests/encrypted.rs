//! Rooms whose frames the participants encrypt.

use super::*;

/// The offer of Chromium with `a=packetization` for every codec of pictures, as a page asks for it.
fn raw_offer() -> String {
    let mut lines = Vec::new();
    for line in CHROMIUM_FIRST.lines() {
        lines.push(line.to_owned());
        let (payload_type, encoding) = line.split_once(' ').unwrap_or_default();
        if let Some(payload_type) = payload_type.strip_prefix("a=rtpmap:")
            && ["VP8/90000", "VP9/90000", "AV1/90000", "H264/90000"].contains(&encoding)
        {
            lines.push(format!("a=packetization:{payload_type} raw"));
        }
    }
    lines.join("\r\n") + "\r\n"
}

fn parse_in(frames: Frames, sdp: &str) -> Result<Offer, NegotiationError> {
    let publish: Vec<_> = FIRST.iter().map(|(text, source)| (mid(text), *source)).collect();
    parse_offer(sdp, &publish, frames)
}

fn kinds(section: &Section) -> Vec<CodecKind> {
    section.codecs.iter().map(|codec| codec.kind).collect()
}

#[test]
fn in_payload_formats_only_codecs_go_that_can_be_cut_unread() {
    for sdp in [CHROMIUM_FIRST, FIREFOX_FIRST, &raw_offer()] {
        let offer = parse_in(Frames::Plain, sdp).unwrap();
        assert_eq!(kinds(&offer.sections[0]), [CodecKind::Opus]);
        for picture in [1, 3] {
            assert_eq!(kinds(&offer.sections[picture]), [CodecKind::Vp8, CodecKind::Vp9]);
        }
        let text = answer(&offer);
        for left_out in ["H264", "AV1", "red/48000", "a=packetization", DEPENDENCY_URI] {
            let sent = section(&text, "1").into_iter().chain(section(&text, "0"));
            assert_eq!(sent.filter(|line| line.contains(left_out)).count(), 0, "{left_out}");
        }
    }
}

#[test]
fn raw_pictures_are_agreed_line_by_line() {
    let offer = parse_in(Frames::Raw, &raw_offer()).unwrap();
    let text = answer(&offer);
    for mid in ["1", "3"] {
        let lines = section(&text, mid);
        let dependency = lines.iter().filter(|line| line.contains(DEPENDENCY_URI)).count();
        assert_eq!(dependency, 1, "section {mid}");
        let at = |kind: &str| -> Vec<&str> {
            let lines = lines.iter().filter_map(|line| line.strip_prefix(kind));
            lines.filter_map(|line| line.split(' ').next()).collect()
        };
        let raw: BTreeSet<&str> = at("a=packetization:").into_iter().collect();
        let repeats = |line: &&&str| line.contains("rtx/90000");
        let rtx = lines.iter().filter(repeats).count();
        assert_eq!(raw.len(), 4, "section {mid}: {lines:?}");
        assert_eq!(raw.len() + rtx, at("a=rtpmap:").len(), "section {mid}");
        assert!(lines.iter().filter(|it| it.starts_with("a=pack")).all(|it| it.ends_with(" raw")));
    }
    let sound = section(&text, "0");
    assert!(!sound.iter().any(|line| line.contains("a=packetization") || line.contains("red/")));
}

#[test]
fn raw_pictures_want_both_packetization_and_descriptors() {
    assert_eq!(parse_in(Frames::Raw, CHROMIUM_FIRST), Err(NegotiationError::NoCommonCodec));
    let undescribed: String =
        raw_offer().split_inclusive("\r\n").filter(|line| !line.contains(DEPENDENCY_URI)).collect();
    assert_eq!(parse_in(Frames::Raw, &undescribed), Err(NegotiationError::NoCommonCodec));
    // Without a source of its own, the slot alone is refused.
    let slot = parse_offer(&undescribed, &[(mid("0"), TrackSource::Microphone)], Frames::Raw);
    let offer = slot.unwrap();
    assert_eq!(offer.sections[3].role, Role::Rejected);
    assert_eq!(offer.slots().count(), 1);
    assert!(section(&answer(&offer), "3")[0].starts_with("video 0 "));
    // Of codecs that are offered in their own format nothing is taken.
    let vp8_only: String = raw_offer()
        .split_inclusive("\r\n")
        .filter(|line| !line.starts_with("a=packetization") || line.contains(":96 "))
        .collect();
    let offer = parse_in(Frames::Raw, &vp8_only).unwrap();
    assert_eq!(kinds(&offer.sections[1]), [CodecKind::Vp8]);
}

#[test]
fn in_clear_nothing_is_raw_whatever_is_offered() {
    let text = answer(&parse_in(Frames::Clear, &raw_offer()).unwrap());
    assert!(!text.contains("a=packetization"));
    assert_eq!(text, answer(&parse_in(Frames::Clear, CHROMIUM_FIRST).unwrap()));
}
