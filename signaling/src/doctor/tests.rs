use std::net::IpAddr;
use std::path::Path;

use protocol::DoctorLevel::{Fail, Ok, Warn};

use super::certificate::Seen;
use super::facts::{Advertised, Folder, Port, PortState, Running, Shown};
use super::*;
use crate::config::Settings;

const NOW: u64 = 1_800_000_000;
const DAY: u64 = 24 * 3600;

const CONTROLLER: &str = r#"
[controller]
name = "Lycée des Tilleuls"
address = "3 place du Marché, 59000 Lille"
dpo = "dpd@tilleuls.example"
support = "assistance@tilleuls.example"
hosting_company = "Rectorat"
hosting_country = "FR"
"#;

fn config(lines: &str) -> Config {
    Settings::parse(&format!("{lines}\n{CONTROLLER}"), Path::new("test")).unwrap().check().unwrap()
}

fn port(number: u16, state: PortState) -> Port {
    Port { number, protocol: "tcp", flag: "--https-port", state }
}

fn good_certificate() -> Seen {
    Seen {
        not_before: NOW - 30 * DAY,
        not_after: NOW + 60 * DAY,
        is_named: Some(true),
        is_chained: true,
    }
}

fn addresses(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// A machine on which all is well.
fn well() -> Facts {
    Facts {
        now: NOW,
        server: Running::No,
        ports: vec![port(443, PortState::Free)],
        advertised: Advertised { addresses: addresses(&["198.41.0.4"]), is_auto: false },
        is_container: false,
        certificate: Shown::Public(std::result::Result::Ok(good_certificate())),
        last_seen: Some(NOW - DAY),
        buffers: Some([8 << 20, 8 << 20]),
        descriptors: 1 << 20,
        free_bytes: Some(100 << 30),
        folder: Folder::There { is_open: false, is_own: true, is_writable: true },
    }
}

/// Everything that is not well.
fn ills(config: &Config, facts: &Facts) -> Vec<(DoctorLevel, &'static str)> {
    let findings = judge::all(config, facts);
    for language in [Language::Fr, Language::En] {
        for (finding, told) in findings.iter().zip(told(&findings, language)) {
            let text = told.text + told.cure.as_deref().unwrap_or_default();
            assert!(!text.contains(['{', '}']), "{text}");
            assert_eq!(told.cure.is_some(), finding.level != Ok, "{text}");
        }
    }
    findings.into_iter().filter(|it| it.level != Ok).map(|it| (it.level, it.says)).collect()
}

/// What one change makes of a machine that is well.
fn ill(change: impl FnOnce(&mut Facts)) -> Vec<(DoctorLevel, &'static str)> {
    let mut facts = well();
    change(&mut facts);
    ills(&config("share_origin = \"https://visio.example\""), &facts)
}

#[test]
fn a_machine_on_which_all_is_well_has_no_ills() {
    assert_eq!(ill(|_| {}), []);
    assert_eq!(ill(|facts| facts.folder = Folder::NotYet), []);
    assert_eq!(ill(|facts| facts.certificate = Shown::NotYet), []);
    assert_eq!(ill(|facts| facts.buffers = None), [], "as in a container");
    assert_eq!(ill(|facts| facts.last_seen = None), []);
}

#[test]
fn a_trial_and_an_unusable_configuration_are_told() {
    let trial = Settings::default().check().unwrap();
    assert!(ills(&trial, &well()).contains(&(Warn, "controller.trial")));
    let error = Settings::parse("htps_port = 1", Path::new("preau.toml")).unwrap_err();
    let told = told(&[judge::unusable(&error)], Language::En);
    assert_eq!(told[0].level, Fail);
    assert!(told[0].text.contains("preau.toml:1"), "{}", told[0].text);
}

#[test]
fn what_the_configuration_warns_of_is_told() {
    let warned = |lines: &str| ills(&config(lines), &well());
    for (entry, says) in [
        ("0.0.0.0", "warning.unspecified"),
        ("224.0.0.1", "warning.multicast"),
        ("fe80::1", "warning.linkLocal"),
        ("192.0.2.7:0", "warning.port"),
        ("192.0.2.300", "warning.unreadable"),
    ] {
        assert_eq!(warned(&format!("public_addresses = [\"{entry}\"]")), [(Warn, says)]);
    }
    let many = vec!["\"192.0.2.1\""; 17].join(",");
    assert_eq!(warned(&format!("public_addresses = [{many}]")), [(Warn, "warning.tooMany")]);
    let proxy = "tls = \"behind-proxy\"\nproxy_listen_address = \"10.0.0.2\"";
    let both = [(Warn, "warning.proxyUnnamed"), (Warn, "warning.proxyNotTrusted")];
    assert_eq!(warned(proxy), both);
}

#[test]
fn ports_are_free_or_ours() {
    let one =
        |server, state| ill(|facts| (facts.server, facts.ports) = (server, vec![port(443, state)]));
    assert_eq!(one(Running::No, PortState::InUse), [(Fail, "port.taken")]);
    assert_eq!(one(Running::No, PortState::Forbidden), [(Fail, "port.forbidden")]);
    let unusable = PortState::Unusable("no such address".to_owned());
    assert_eq!(one(Running::No, unusable), [(Fail, "port.unusable")]);
    assert_eq!(one(Running::Well, PortState::InUse), []);
    assert_eq!(one(Running::Well, PortState::Forbidden), []);
    assert_eq!(one(Running::Well, PortState::Free), [(Warn, "port.unheard")]);
    assert_eq!(one(Running::Unwell, PortState::InUse), [(Fail, "server.unwell")]);
}

#[test]
fn addresses_lead_to_this_machine() {
    let some = |texts: &[&str], is_auto, is_container| {
        let addresses = addresses(texts);
        ill(|facts| {
            facts.advertised = Advertised { addresses, is_auto };
            facts.is_container = is_container;
        })
    };
    assert_eq!(some(&["10.1.2.3", "fd00::1"], false, false), [(Warn, "addresses.private")]);
    assert_eq!(some(&["100.64.0.1"], true, false), [(Warn, "addresses.private")]);
    assert_eq!(some(&["10.1.2.3", "198.41.0.4"], false, false), []);
    assert_eq!(some(&["2001:500:2::c"], false, false), []);
    assert_eq!(some(&["127.0.0.1", "::1"], true, false), [(Fail, "addresses.none")]);
    assert_eq!(some(&[], true, false), [(Fail, "addresses.none")]);
    assert_eq!(some(&["192.0.2.7"], false, false), [(Fail, "addresses.example")]);
    assert_eq!(some(&["2001:db8::7"], false, false), [(Fail, "addresses.example")]);
    assert_eq!(some(&["192.0.2.7", "198.41.0.4"], true, false), [], "the machine itself has it");
    assert_eq!(some(&["172.17.0.2"], true, true), [(Fail, "addresses.container")]);
    assert_eq!(some(&["198.41.0.4"], false, true), []);
    let local = config("listen_address = \"127.0.0.1\"");
    assert_eq!(ills(&local, &well()), [(Warn, "addresses.thisMachine")]);
}

#[test]
fn certificates_are_good_for_the_name_and_the_day() {
    let shown = |change: fn(&mut Seen)| {
        let mut seen = good_certificate();
        change(&mut seen);
        ill(|facts| facts.certificate = Shown::Public(std::result::Result::Ok(seen)))
    };
    assert_eq!(shown(|seen| seen.not_after = NOW), [(Fail, "certificate.over")]);
    assert_eq!(shown(|seen| seen.not_after = NOW + 13 * DAY), [(Warn, "certificate.ends")]);
    assert_eq!(shown(|seen| seen.not_after = NOW + 14 * DAY), []);
    assert_eq!(shown(|seen| seen.is_named = Some(false)), [(Fail, "certificate.otherName")]);
    assert_eq!(shown(|seen| seen.is_named = None), []);
    assert_eq!(shown(|seen| seen.is_chained = false), [(Fail, "certificate.alone")]);
    let early = shown(|seen| seen.not_before = NOW + DAY);
    assert_eq!(early, [(Fail, "certificate.early"), (Fail, "clock.behind")]);
    let unusable = Shown::Public(Err("no key".to_owned()));
    assert_eq!(ill(|facts| facts.certificate = unusable), [(Fail, "certificate.unusable")]);
    let local = Seen { is_named: Some(false), not_after: NOW + DAY, ..good_certificate() };
    let local = Shown::Local(std::result::Result::Ok(local));
    assert_eq!(ill(|facts| facts.certificate = local), [], "the server renews it by itself");
    assert_eq!(ill(|facts| facts.certificate = Shown::ByProxy), [], "it is not ours");
}

#[test]
fn a_clock_that_went_back_is_told() {
    assert_eq!(ill(|facts| facts.last_seen = Some(NOW + 301)), [(Fail, "clock.behind")]);
    assert_eq!(ill(|facts| facts.last_seen = Some(NOW + 299)), []);
}

#[test]
fn the_kernel_gives_enough() {
    let few = ill(|facts| facts.buffers = Some([212_992, 8 << 20]));
    assert_eq!(few, [(Warn, "buffers.small")]);
    assert_eq!(ill(|facts| facts.descriptors = 1024), [(Warn, "descriptors.few")]);
}

#[test]
fn there_is_room_on_the_disk_for_what_is_kept() {
    assert_eq!(ill(|facts| facts.free_bytes = Some(1 << 20)), [(Fail, "disk.full")]);
    assert_eq!(ill(|facts| facts.free_bytes = None), [(Warn, "disk.unknown")]);
    assert_eq!(ill(|facts| facts.free_bytes = Some(1 << 30)), [], "nothing is recorded");
    let recording = Settings::parse(
        &format!("{CONTROLLER}\n[recording]\nenabled = true\nmin_free_mib = 512"),
        Path::new("test"),
    );
    let recording = recording.unwrap().check().unwrap();
    let left = |free_bytes| ills(&recording, &Facts { free_bytes: Some(free_bytes), ..well() });
    assert_eq!(left(200 << 20), [(Fail, "disk.noRecordings")]);
    assert_eq!(left(1 << 30), [(Warn, "disk.fewRecordings")]);
    assert_eq!(left(20 << 30), []);
}

#[test]
fn the_data_folder_is_this_accounts_and_nobody_elses() {
    let there = |is_open, is_own, is_writable| {
        ill(|facts| facts.folder = Folder::There { is_open, is_own, is_writable })
    };
    assert_eq!(there(true, true, true), [(Warn, "folder.open")]);
    assert_eq!(there(false, false, true), [(Fail, "folder.foreign")]);
    assert_eq!(there(false, true, false), [(Fail, "folder.unwritable")]);
    let unusable = Folder::Unusable("it is no folder".to_owned());
    assert_eq!(ill(|facts| facts.folder = unusable), [(Fail, "folder.unusable")]);
}

#[test]
fn both_languages_say_the_same_things() {
    let [french, english] = [Language::Fr, Language::En].map(words::texts);
    assert!(french.keys().eq(english.keys()));
    let judge = include_str!("judge.rs");
    for (key, text) in &french {
        let places = |text: &str| {
            let mut places: Vec<_> = text
                .split('{')
                .skip(1)
                .map(|it| it.split('}').next().unwrap().to_owned())
                .collect();
            places.sort();
            places.dedup();
            places
        };
        assert_eq!(places(text), places(&english[key]), "{key}");
        assert!(!text.contains(" :") && !text.contains(['\'', '\n']), "{text}");
        let stem = key.strip_suffix(".cure").unwrap_or(key);
        assert!(judge.contains(&format!("\"{stem}\"")), "{key} is not used");
    }
}

#[test]
fn the_certificate_of_a_local_authority_is_read_as_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(&format!("trial = true\ndata_dir = {:?}", folder.path()));
    crate::tls::Certificates::open(&config, NOW).unwrap();
    let folder = folder.path().join("tls");
    let [certificate, key, other] =
        ["server.crt", "server.key", "authority.key"].map(|name| folder.join(name));
    let seen = certificate::read(&certificate, &key, Some("localhost")).unwrap();
    assert!(seen.is_chained && seen.is_named == Some(true));
    assert!(seen.not_before < NOW && NOW < seen.not_after);
    let elsewhere = certificate::read(&certificate, &key, Some("visio.example")).unwrap();
    assert_eq!(elsewhere.is_named, Some(false));
    let pem = std::fs::read_to_string(&certificate).unwrap();
    let (leaf, _) = pem.split_at(pem.find("-----END").unwrap() + "-----END CERTIFICATE-----".len());
    let alone = folder.join("alone.crt");
    std::fs::write(&alone, leaf).unwrap();
    assert!(!certificate::read(&alone, &key, None).unwrap().is_chained);
    assert!(certificate::read(&certificate, &other, None).is_err(), "another key");
    assert!(certificate::read(&folder.join("none.crt"), &key, None).is_err());
}

#[tokio::test]
async fn what_is_to_be_seen_of_this_machine_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let number = taken.local_addr().unwrap().port();
    let lines = format!(
        "data_dir = {:?}\nlisten_address = \"127.0.0.1\"\nhttps_port = {number}\nmedia_port = 0\n\
         metrics_port = 0\ntrial = true",
        folder.path().join("a/b")
    );
    let facts = Facts::gather(&config(&lines)).await;
    assert_eq!(facts.ports, [port(number, PortState::InUse)]);
    assert_eq!((facts.server, &facts.folder), (Running::No, &Folder::NotYet));
    assert_eq!(facts.certificate, Shown::NotYet);
    let behind = "trial = true\ntls = \"behind-proxy\"\nhttps_port = 0\nmedia_port = 0\nmetrics_port = 0\n\
                  public_addresses = [\"192.0.2.7:443\", \"localhost\"]";
    let behind = Facts::gather(&config(behind)).await;
    assert_eq!(behind.certificate, Shown::ByProxy);
    let [first, named @ ..] = behind.advertised.addresses.as_slice() else { panic!("several") };
    assert_eq!((first.to_string(), behind.advertised.is_auto), ("192.0.2.7".to_owned(), false));
    assert!(!named.is_empty() && named.iter().all(IpAddr::is_loopback), "{named:?}");
    assert!(facts.now > NOW - 3650 * DAY && facts.free_bytes.is_some() && facts.descriptors > 16);
}
