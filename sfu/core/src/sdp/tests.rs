//! Offers of real browsers (`tests/data`, taken from Chromium 156 and Firefox 153) and broken ones.

mod encrypted;

use std::collections::BTreeSet;

use proptest::prelude::*;
use rtc_sdp::SessionDescription;

use super::*;
use crate::command::NegotiationError;

const CHROMIUM_FIRST: &str = include_str!("../../tests/data/chromium-first.sdp");
const CHROMIUM_SCREEN: &str = include_str!("../../tests/data/chromium-screen.sdp");
const CHROMIUM_STOPPED: &str = include_str!("../../tests/data/chromium-screen-stopped.sdp");
const CHROMIUM_DATA: &str = include_str!("../../tests/data/chromium-datachannel.sdp");
const FIREFOX_FIRST: &str = include_str!("../../tests/data/firefox-first.sdp");
const FIREFOX_SCREEN: &str = include_str!("../../tests/data/firefox-screen.sdp");
const FIREFOX_STOPPED: &str = include_str!("../../tests/data/firefox-screen-stopped.sdp");
const FIREFOX_DATA: &str = include_str!("../../tests/data/firefox-datachannel.sdp");

const FIRST: &[(&str, TrackSource)] = &[("0", TrackSource::Microphone), ("1", TrackSource::Camera)];
const WITH_SCREEN: &[(&str, TrackSource)] = &[
    ("0", TrackSource::Microphone),
    ("1", TrackSource::Camera),
    ("4", TrackSource::Screen),
    ("5", TrackSource::ScreenAudio),
];
const WITH_SECOND_SCREEN: &[(&str, TrackSource)] = &[
    ("0", TrackSource::Microphone),
    ("1", TrackSource::Camera),
    ("8", TrackSource::Screen),
    ("9", TrackSource::ScreenAudio),
];

type Case = (&'static str, &'static [(&'static str, TrackSource)]);
const ALL: [Case; 8] = [
    (CHROMIUM_FIRST, FIRST),
    (CHROMIUM_SCREEN, WITH_SCREEN),
    (CHROMIUM_STOPPED, FIRST),
    (CHROMIUM_DATA, WITH_SECOND_SCREEN),
    (FIREFOX_FIRST, FIRST),
    (FIREFOX_SCREEN, WITH_SCREEN),
    (FIREFOX_STOPPED, FIRST),
    (FIREFOX_DATA, WITH_SECOND_SCREEN),
];

fn mid(text: &str) -> Mid {
    Mid::new(text).unwrap()
}

fn parse(sdp: &str, publish: &[(&str, TrackSource)]) -> Result<Offer, NegotiationError> {
    let publish: Vec<_> = publish.iter().map(|(text, source)| (mid(text), *source)).collect();
    parse_offer(sdp, &publish, Frames::Clear)
}

fn answer(offer: &Offer) -> String {
    answer_wishing(offer, Wishes::default())
}

fn answer_wishing(offer: &Offer, wishes: Wishes) -> String {
    let ice = IceCredentials {
        ufrag: "serv".to_owned(),
        pwd: Redacted::new("0123456789abcdefghijkl".to_owned()),
    };
    let candidates = ["192.0.2.9:8443".parse().unwrap(), "[2001:db8::9]:8443".parse().unwrap()];
    let local = LocalParameters {
        wishes,
        ice: &ice,
        fingerprint: Fingerprint([0xab; 32]),
        candidates: &candidates,
        tcp_port: Some(443),
    };
    let slots: Vec<Mid> = offer.slots().map(|slot| slot.mid.clone()).collect();
    write_answer(offer, &local, |mid| {
        let index = u32::try_from(slots.iter().position(|slot| slot == mid)?).ok()?;
        Some(SlotSsrcs { media: 1_000 + index, rtx: 2_000 + index })
    })
}

/// The lines of the section with this mid.
fn section<'a>(sdp: &'a str, mid: &str) -> Vec<&'a str> {
    let named = format!("a=mid:{mid}");
    sdp.split("m=")
        .skip(1)
        .map(|section| section.lines().collect::<Vec<_>>())
        .find(|lines| lines.contains(&named.as_str()))
        .unwrap()
}

#[test]
fn sections_get_the_role_the_browser_meant() {
    for sdp in [CHROMIUM_SCREEN, FIREFOX_SCREEN] {
        let offer = parse(sdp, WITH_SCREEN).unwrap();
        let publishes = |at: usize| match &offer.sections[at].role {
            Role::Publish(publish) => publish,
            Role::Slot { .. } | Role::Inactive | Role::Rejected => panic!("section {at}"),
        };
        assert_eq!(publishes(0).source, TrackSource::Microphone);
        assert!(publishes(0).rids.is_empty());
        assert_eq!(publishes(1).source, TrackSource::Camera);
        assert_eq!(publishes(1).rids, ["h", "m", "l"]);
        assert_eq!(publishes(4).source, TrackSource::Screen);
        assert_eq!(publishes(5).source, TrackSource::ScreenAudio);
        // Without simulcast both browsers name the source and its retransmissions.
        assert_eq!(publishes(4).ssrcs.len(), 1);
        assert!(publishes(4).ssrcs[0].rtx.is_some());
        let slots: Vec<_> =
            offer.slots().map(|s| (s.mid.as_str(), s.kind, s.role.clone())).collect();
        assert_eq!(
            slots,
            [
                ("2", MediaKind::Audio, Role::Slot { ordinal: 0 }),
                ("3", MediaKind::Video, Role::Slot { ordinal: 0 }),
                ("6", MediaKind::Audio, Role::Slot { ordinal: 1 }),
                ("7", MediaKind::Video, Role::Slot { ordinal: 1 }),
            ]
        );
    }
}

#[test]
fn firefox_names_the_sources_of_its_layers_and_chromium_does_not() {
    let ssrcs = |sdp| match parse(sdp, FIRST).unwrap().sections.remove(1).role {
        Role::Publish(publish) => publish.ssrcs,
        Role::Slot { .. } | Role::Inactive | Role::Rejected => panic!("not published"),
    };
    assert_eq!(ssrcs(CHROMIUM_FIRST), []);
    let named = ssrcs(FIREFOX_FIRST);
    assert_eq!(named.len(), 3);
    assert!(named.iter().all(|ssrc| ssrc.rtx.is_some()));
}

#[test]
fn each_codec_is_taken_once_in_our_order() {
    use CodecKind::{Av1, H264, Opus, Vp8, Vp9};
    let chromium = parse(CHROMIUM_FIRST, FIRST).unwrap();
    let codecs = |section: &Section| -> Vec<_> {
        section.codecs.iter().map(|c| (c.kind, c.payload_type, c.rtx_payload_type)).collect()
    };
    assert_eq!(codecs(&chromium.sections[0]), [(Opus, 111, None)]);
    assert_eq!(
        codecs(&chromium.sections[1]),
        [
            (Vp8, 96, Some(97)),
            (Vp9, 98, Some(99)),
            (Av1, 45, Some(46)),
            (H264, 108, Some(109)), // constrained baseline, packetization mode 1
        ]
    );
    let firefox = parse(FIREFOX_FIRST, FIRST).unwrap();
    assert_eq!(codecs(&firefox.sections[0]), [(Opus, 109, None)]);
    assert_eq!(
        codecs(&firefox.sections[1]),
        [(Vp8, 120, Some(124)), (Vp9, 121, Some(125)), (Av1, 99, Some(100))]
    );
    let all = Feedback { nack: true, pli: true, fir: true, transport_cc: true };
    assert!(chromium.sections[1].codecs.iter().all(|codec| codec.feedback == all));
}

#[test]
fn extension_ids_are_the_offers() {
    let chromium = parse(CHROMIUM_FIRST, FIRST).unwrap();
    assert_eq!(
        chromium.extensions,
        ExtensionIds {
            mid: Some(4),
            rid: Some(10),
            repaired_rid: Some(11),
            transport_cc: Some(3),
            audio_level: Some(1),
            abs_send_time: Some(2),
            capture_time: None,
            dependency: Some(12),
        }
    );
    // Firefox offers layer names for sending only, so its receive slots have none.
    let firefox = parse(FIREFOX_FIRST, FIRST).unwrap();
    assert_eq!(firefox.sections[1].extensions.rid, Some(9));
    assert_eq!(firefox.sections[3].extensions.rid, None);
    let text = answer(&firefox);
    let uri = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
    assert!(section(&text, "1").contains(&format!("a=extmap:9/recvonly {uri}").as_str()));
}

#[test]
fn layers_and_their_descriptors_are_agreed_where_the_room_wants_them_of_cameras() {
    let offer = parse(CHROMIUM_FIRST, FIRST).unwrap();
    let first_codec = |text: &str| {
        let lines = section(text, "1");
        lines.iter().find_map(|line| line.strip_prefix("a=rtpmap:")).unwrap().to_owned()
    };
    for (scalable, encoding) in
        [(None, "VP8"), (Some(CodecKind::Vp9), "VP9"), (Some(CodecKind::Av1), "AV1")]
    {
        let text = answer_wishing(&offer, Wishes { scalable, ..Wishes::default() });
        assert!(first_codec(&text).contains(encoding), "{scalable:?}: {}", first_codec(&text));
        let is_described = section(&text, "1").iter().any(|line| line.starts_with("a=extmap:12 "));
        assert_eq!(is_described, scalable.is_some());
    }
    // Whoever cannot describe layers sends in the codec that comes first of itself.
    let plain = CHROMIUM_FIRST.replace("#dependency-descriptor-rtp-header-extension", "#other");
    let plain = parse(&plain, FIRST).unwrap();
    let wishes = Wishes { scalable: Some(CodecKind::Vp9), ..Wishes::default() };
    assert!(first_codec(&answer_wishing(&plain, wishes)).contains("VP8"));
    // What somebody does not play is not sent, in layers or otherwise.
    let playable = CodecSet::of([CodecKind::Vp8]);
    let text = answer_wishing(&offer, Wishes { playable, ..wishes });
    assert!(first_codec(&text).contains("VP8"));
}

#[test]
fn dependency_descriptors_are_agreed_where_a_browser_offers_to_read_them() {
    let uri =
        "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
    let offer = parse(CHROMIUM_FIRST, FIRST).unwrap();
    assert_eq!(offer.extensions.dependency, Some(12));
    let text = answer(&offer);
    for (mid, is_agreed) in [("0", false), ("1", false), ("3", true)] {
        let line = format!("a=extmap:12 {uri}");
        assert_eq!(section(&text, mid).contains(&line.as_str()), is_agreed, "section {mid}");
    }
}

#[test]
fn capture_times_are_agreed_where_a_browser_offers_them() {
    let uri = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";
    let line = "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n";
    let sdp = CHROMIUM_FIRST.replace('\r', "").replace('\n', "\r\n");
    let sdp = sdp.replace(line, &format!("{line}a=extmap:13 {uri}\r\n"));
    let offer = parse(&sdp, FIRST).unwrap();
    assert_eq!(offer.extensions.capture_time, Some(13));
    assert!(answer(&offer).contains(&format!("a=extmap:13 {uri}")));
}

#[test]
fn redundant_sound_is_agreed_where_it_is_offered_and_comes_first() {
    let offer = parse(CHROMIUM_SCREEN, WITH_SCREEN).unwrap();
    let text = answer(&offer);
    for mid in ["0", "2", "5", "6"] {
        let lines = section(&text, mid);
        assert_eq!(lines[0], "audio 9 UDP/TLS/RTP/SAVPF 63 111", "section {mid}");
        assert!(lines.contains(&"a=rtpmap:63 red/48000/2"));
        assert!(lines.contains(&"a=fmtp:63 111/111"));
    }
    let text = answer(&parse(FIREFOX_SCREEN, WITH_SCREEN).unwrap());
    assert!(!text.contains("red/48000"), "Firefox has none");
    // A redundant form of something else is none of Opus.
    let other = CHROMIUM_FIRST.replace("a=fmtp:63 111/111", "a=fmtp:63 9/9");
    let offer = parse(&other, FIRST).unwrap();
    assert_eq!(offer.sections[0].codecs[0].red_payload_type, None);
}

#[test]
fn frugal_sound_is_asked_of_who_sends_it() {
    let wishes = Wishes { frugal_sound: true, ..Wishes::default() };
    for (sdp, publish) in [(CHROMIUM_SCREEN, WITH_SCREEN), (FIREFOX_SCREEN, WITH_SCREEN)] {
        let text = answer_wishing(&parse(sdp, publish).unwrap(), wishes);
        for (mid, is_sent) in [("0", true), ("5", true), ("2", false), ("1", false)] {
            let lines = section(&text, mid);
            assert_eq!(lines.contains(&"a=ptime:60"), is_sent, "section {mid}");
            assert_eq!(lines.contains(&"a=maxptime:60"), is_sent, "section {mid}");
            let has = |word| lines.iter().any(|line| line.contains(word));
            assert_eq!(has("ptime=60;maxptime=60;maxaveragebitrate=16000"), is_sent);
            assert!(!is_sent || !has("red/48000"), "section {mid}");
        }
    }
}

#[test]
fn only_codecs_that_everybody_plays_are_accepted_from_who_sends() {
    let offer = parse(CHROMIUM_FIRST, FIRST).unwrap();
    let accepted = |kinds: &[CodecKind]| {
        let playable = CodecSet::of(kinds.iter().copied());
        let text = answer_wishing(&offer, Wishes { playable, ..Wishes::default() });
        let encodings = ["VP8/90000", "VP9/90000", "AV1/90000", "H264/90000"];
        let lines = section(&text, "1");
        let has = |encoding: &&str| lines.iter().any(|line| line.ends_with(*encoding));
        (encodings.into_iter().filter(has).count(), text)
    };
    assert_eq!(accepted(&[CodecKind::Vp8]).0, 1);
    assert_eq!(accepted(&[CodecKind::Vp9, CodecKind::Vp8]).0, 2);
    let (count, text) = accepted(&[]);
    assert_eq!(count, offer.sections[1].codecs.len(), "better something than nothing");
    assert!(section(&text, "3").len() > 20, "slots keep every codec");
}

#[test]
fn answers_mirror_the_offer() {
    for (sdp, publish) in ALL {
        let offer = parse(sdp, publish).unwrap();
        let text = answer(&offer);
        let read =
            |sdp: &str| SessionDescription::unmarshal(&mut std::io::Cursor::new(sdp)).unwrap();
        let (theirs, ours) = (read(sdp), read(&text));
        assert_eq!(theirs.media_descriptions.len(), ours.media_descriptions.len());
        assert!(ours.has_attribute("ice-lite"));
        let bundle: BTreeSet<_> =
            ours.attribute("group").unwrap().split(' ').skip(1).map(str::to_owned).collect();
        for (offered, answered) in theirs.media_descriptions.iter().zip(&ours.media_descriptions) {
            assert_eq!(offered.attribute("mid"), answered.attribute("mid"));
            assert_eq!(offered.media_name.media, answered.media_name.media);
            assert_eq!(offered.media_name.protos, answered.media_name.protos);
            let mid = answered.attribute("mid").flatten().unwrap();
            let is_rejected = answered.media_name.port.value == 0;
            assert_eq!(bundle.contains(mid), !is_rejected);
            if is_rejected {
                continue;
            }
            assert_eq!(answered.attribute("setup"), Some(Some("passive")));
            assert!(answered.has_attribute("rtcp-mux"));
            // Every payload type and extension id answered was offered with the same meaning.
            for format in &answered.media_name.formats {
                assert!(offered.media_name.formats.contains(format));
            }
            for attribute in &answered.attributes {
                let value = attribute.value.clone().unwrap_or_default();
                let same = |theirs: &rtc_sdp::description::common::Attribute| {
                    theirs.key == attribute.key
                        && (theirs.value == attribute.value
                            || attribute.key == "extmap"
                                && theirs.value.as_deref().unwrap_or_default()
                                    == value.replace("/recvonly", "/sendonly"))
                };
                if ["rtpmap", "extmap", "rtcp-fb"].contains(&attribute.key.as_str()) {
                    assert!(offered.attributes.iter().any(same), "{attribute}");
                }
            }
        }
    }
}

#[test]
fn a_published_camera_is_received_in_three_layers() {
    for sdp in [CHROMIUM_FIRST, FIREFOX_FIRST] {
        let text = answer(&parse(sdp, FIRST).unwrap());
        let camera = section(&text, "1");
        for line in
            ["a=recvonly", "a=rid:h recv", "a=rid:m recv", "a=rid:l recv", "a=simulcast:recv h;m;l"]
        {
            assert!(camera.contains(&line), "{line}");
        }
        let microphone = section(&text, "0");
        assert!(microphone.contains(&"a=recvonly"));
        assert!(microphone.iter().any(|line| line.contains("useinbandfec=1;usedtx=1")));
        assert!(microphone.contains(&"a=candidate:1 1 udp 2130706431 192.0.2.9 8443 typ host"));
        assert!(microphone.contains(&"a=candidate:2 1 udp 2130706175 2001:db8::9 8443 typ host"));
        // Over TCP, behind them: 90 << 24 | (4 << 13 | 8191) << 8 | 255.
        for line in [
            "a=candidate:3 1 tcp 1520435199 192.0.2.9 443 typ host tcptype passive",
            "a=candidate:4 1 tcp 1520434943 2001:db8::9 443 typ host tcptype passive",
            "a=end-of-candidates",
        ] {
            assert!(microphone.contains(&line), "{line}");
        }
    }
}

#[test]
fn slots_are_sent_on_fixed_sources_and_in_pairs() {
    let text = answer(&parse(FIREFOX_SCREEN, WITH_SCREEN).unwrap());
    let sound = section(&text, "6");
    let picture = section(&text, "7");
    assert!(sound.contains(&"a=sendonly") && picture.contains(&"a=sendonly"));
    assert!(sound.contains(&"a=msid:pair-1 slot-6"));
    assert!(picture.contains(&"a=msid:pair-1 slot-7"));
    assert!(sound.contains(&"a=ssrc:1002 cname:pair-1"));
    assert!(picture.contains(&"a=ssrc-group:FID 1003 2003"));
    assert!(picture.contains(&"a=ssrc:1003 cname:pair-1"));
    assert!(picture.contains(&"a=ssrc:2003 cname:pair-1"));
    assert!(!sound.iter().any(|line| line.contains("ssrc-group")));
}

#[test]
fn stopped_and_foreign_sections_are_rejected_and_leave_the_bundle() {
    for sdp in [CHROMIUM_STOPPED, FIREFOX_STOPPED] {
        let offer = parse(sdp, FIRST).unwrap();
        assert_eq!(offer.sections[4].role, Role::Rejected);
        let text = answer(&offer);
        assert!(section(&text, "4")[0].starts_with("video 0 UDP/TLS/RTP/SAVPF"));
        assert!(section(&text, "4").contains(&"a=inactive"));
    }
    for sdp in [CHROMIUM_DATA, FIREFOX_DATA] {
        let offer = parse(sdp, WITH_SECOND_SCREEN).unwrap();
        let data = offer.sections.last().unwrap();
        assert_eq!((data.kind, &data.role), (MediaKind::Other, &Role::Rejected));
        let text = answer(&offer);
        let lines = section(&text, data.mid.as_str());
        assert_eq!(lines[0], "application 0 UDP/DTLS/SCTP webrtc-datachannel");
    }
}

#[test]
fn sending_sections_without_a_source_stay_inactive() {
    let offer = parse(CHROMIUM_FIRST, &FIRST[..1]).unwrap();
    assert_eq!(offer.sections[1].role, Role::Inactive);
    assert!(section(&answer(&offer), "1").contains(&"a=inactive"));
}

#[test]
fn sources_must_match_what_the_sections_send() {
    use TrackSource::{Camera, Microphone, Screen};
    for publish in [
        &[("0", Camera)][..],                    // a picture on a sound section
        &[("2", Microphone)],                    // a section that only receives
        &[("9", Microphone)],                    // no such section
        &[("0", Microphone), ("0", Microphone)], // twice the same
        &[("0", Microphone), ("0", Screen)],     // two sources on one section
    ] {
        let refused = parse(CHROMIUM_FIRST, publish).unwrap_err();
        assert_eq!(refused, NegotiationError::PublishMismatch, "{publish:?}");
    }
    let twice = [("1", Camera), ("4", Camera)];
    let refused = parse(CHROMIUM_SCREEN, &twice).unwrap_err();
    assert_eq!(refused, NegotiationError::PublishMismatch);
    let stopped = [("4", Screen)];
    let refused = parse(CHROMIUM_STOPPED, &stopped).unwrap_err();
    assert_eq!(refused, NegotiationError::PublishMismatch);
}

#[test]
fn offers_that_contradict_themselves_are_refused() {
    let with = |from: &str, to: &str| {
        assert!(CHROMIUM_FIRST.contains(from), "{from}");
        CHROMIUM_FIRST.replace(from, to)
    };
    let cases = [
        ("mid repeated", with("a=mid:3", "a=mid:2")),
        ("mid too long", with("a=mid:1", "a=mid:12345678901234567")),
        ("not bundled", with("BUNDLE 0 1 2 3", "BUNDLE 0 1 2")),
        ("no rtcp-mux", CHROMIUM_FIRST.replace("a=rtcp-mux\r\n", "")),
        ("plain RTP", with("UDP/TLS/RTP/SAVPF", "RTP/AVP")),
        ("wrong role", with("a=setup:actpass", "a=setup:passive")),
        ("weak hash", with("a=fingerprint:sha-256", "a=fingerprint:md5")),
        ("short hash", with("a=fingerprint:sha-256 ", "a=fingerprint:sha-256 AB ")),
        ("two certificates", CHROMIUM_FIRST.replacen("sha-256 ", "sha-256 00:", 1)),
        ("two passwords", CHROMIUM_FIRST.replacen("a=ice-pwd:", "a=ice-pwd:x", 1)),
        ("foreign password", with("a=ice-pwd:", "a=ice-pwd:\" ")),
        ("layer undeclared", with("a=rid:h send\r\n", "")),
        ("layer repeated", with("send h;m;l", "send h;m;m")),
        ("extension moved", CHROMIUM_FIRST.replacen("a=extmap:4 ", "a=extmap:9 ", 1)),
        ("extensions collide", with("a=extmap:3 ", "a=extmap:4 ")),
        ("payload type repeated", with("a=rtpmap:98 ", "a=rtpmap:96 ")),
        ("control character", CHROMIUM_FIRST.replacen("a=mid", "a=m\0id", 1)),
        ("empty", String::new()),
        ("cut", CHROMIUM_FIRST[..40].to_owned()),
        ("too long", format!("{CHROMIUM_FIRST}{}", "a=x\r\n".repeat(MAX_OFFER_BYTES / 5))),
    ];
    for (case, sdp) in cases {
        let refused = parse(&sdp, FIRST).map(|_| ());
        assert_eq!(refused, Err(NegotiationError::Malformed), "{case}");
    }
}

#[test]
fn four_layers_are_too_many() {
    let sdp = CHROMIUM_FIRST
        .replace("a=rid:l send", "a=rid:l send\r\na=rid:x send")
        .replace("send h;m;l", "send h;m;l;x");
    assert_eq!(parse(&sdp, FIRST), Err(NegotiationError::Malformed));
}

#[test]
fn offers_without_a_codec_of_ours_are_refused() {
    let sdp = CHROMIUM_FIRST.replace("opus/48000/2", "speex/16000");
    assert_eq!(parse(&sdp, FIRST), Err(NegotiationError::NoCommonCodec));
    let sdp = sdp.replace("VP", "OTHER").replace("AV1", "OTHER").replace("H264", "OTHER");
    assert_eq!(parse(&sdp, &[]), Err(NegotiationError::NoCommonCodec));
    // A section we cannot use does not spoil the others.
    let sdp = CHROMIUM_FIRST.replace("opus/48000/2", "speex/16000");
    let offer = parse(&sdp, &FIRST[1..]).unwrap();
    assert_eq!(offer.sections[0].role, Role::Rejected);
    let text = answer(&offer);
    assert!(section(&text, "1").iter().any(|line| line.starts_with("a=candidate")));
}

#[test]
fn sections_are_limited() {
    let head = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";
    let section = |mid| format!("m=audio 0 UDP/TLS/RTP/SAVPF 0\r\na=mid:{mid}\r\n");
    let sdp = |count| head.to_owned() + &(0..count).map(section).collect::<String>();
    assert_eq!(parse(&sdp(MAX_SECTIONS + 1), &[]), Err(NegotiationError::TooManySections));
    assert_eq!(parse(&sdp(MAX_SECTIONS), &[]), Err(NegotiationError::NoCommonCodec));
}

#[test]
fn transport_lines_may_stand_once_at_session_level() {
    let keys = ["a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=setup:"];
    let is_transport = |line: &&str| keys.iter().any(|key| line.starts_with(key));
    let mut shared: Vec<&str> = CHROMIUM_FIRST.lines().filter(is_transport).take(4).collect();
    shared.push("");
    let (head, sections) = CHROMIUM_FIRST.split_once("m=").unwrap();
    let sections: Vec<&str> = sections.lines().filter(|line| !is_transport(line)).collect();
    let sdp = format!("{head}{}m={}\r\n", shared.join("\r\n"), sections.join("\r\n"));
    assert_eq!(parse(&sdp, FIRST), parse(CHROMIUM_FIRST, FIRST));
}

#[test]
fn lines_the_documentation_does_not_name_change_nothing() {
    let attributes = [
        "group",
        "mid",
        "bundle-only",
        "rtcp-mux",
        "rtcp-rsize",
        "sendrecv",
        "sendonly",
        "recvonly",
        "inactive",
        "ice-ufrag",
        "ice-pwd",
        "fingerprint",
        "setup",
        "extmap",
        "extmap-allow-mixed",
        "rtpmap",
        "fmtp",
        "rtcp-fb",
        "rid",
        "simulcast",
        "ssrc",
        "ssrc-group",
    ];
    let is_named = |line: &&str| match line.strip_prefix("a=") {
        Some(attribute) => attributes.contains(&attribute.split(':').next().unwrap_or_default()),
        None => ["v=", "o=", "s=", "t=", "m=", "c="].iter().any(|key| line.starts_with(key)),
    };
    for (sdp, publish) in ALL {
        let lines: Vec<&str> = sdp.lines().filter(is_named).collect();
        let trimmed = lines.join("\r\n") + "\r\n";
        assert!(trimmed.len() < sdp.len());
        assert_eq!(parse(&trimmed, publish), parse(sdp, publish));
    }
}

#[test]
fn secrets_of_the_transport_do_not_print() {
    let offer = parse(FIREFOX_FIRST, FIRST).unwrap();
    assert!(!format!("{offer:?}").contains(offer.ice.pwd.expose()));
}

proptest! {
    /// Real offers with lines cut out, repeated or damaged: never a panic, and what is accepted
    /// can be answered.
    #[test]
    fn damaged_offers_are_refused_or_answered(
        case in 0..ALL.len(),
        edits in proptest::collection::vec((any::<usize>(), 0..4_u8, any::<usize>(), any::<u8>()), 1..6),
    ) {
        let (sdp, publish) = ALL[case];
        let mut lines: Vec<Vec<u8>> = sdp.lines().map(|line| line.as_bytes().to_vec()).collect();
        for (at, edit, inside, byte) in edits {
            let at = at % lines.len();
            match edit {
                0 => { lines.remove(at); }
                1 => { let line = lines[at].clone(); lines.insert(at, line); }
                2 => { let len = lines[at].len(); lines[at][inside % len] = byte; }
                _ => { let len = lines[at].len(); lines[at].truncate(1 + inside % len); }
            }
        }
        let sdp = String::from_utf8_lossy(&lines.join(&b"\r\n"[..])).into_owned();
        if let Ok(offer) = parse(&sdp, publish) {
            let text = answer(&offer);
            prop_assert_eq!(text.matches("\r\nm=").count(), offer.sections.len());
        }
    }

    #[test]
    fn no_text_panics(sdp in ".{0,300}", known in "(v=0\r\n)?(o=- 1 1 IN IP4 0\r\n)?(s=-\r\n)?(t=0 0\r\n)?(m=video 9 UDP/TLS/RTP/SAVPF 96\r\n)?") {
        let _ = parse(&(known + &sdp), &[]);
    }
}
