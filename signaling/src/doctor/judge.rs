//! What follows from what was seen. Looks at nothing itself.

use std::net::IpAddr;

use protocol::DoctorLevel::{self, Fail, Ok, Warn};

use super::Finding;
use super::certificate::Seen;
use super::facts::{Facts, Folder, Port, PortState, Running, Shown};
use crate::addresses::Wrong;
use crate::config::{Config, ConfigError, Place, Recording, Warning};
use crate::server;

/// Everything, in the order in which it is mended best.
pub(super) fn all(config: &Config, facts: &Facts) -> Vec<Finding> {
    let mut findings = vec![controller(config)];
    findings.extend(config.warnings.iter().map(warning));
    findings.push(folder(config, facts));
    findings.push(disk(config, facts));
    findings.extend(ports(facts));
    findings.push(addresses(config, facts));
    findings.push(certificate(config, facts));
    findings.push(clock(facts));
    findings.push(buffers(facts));
    findings.push(descriptors(facts));
    findings
}

/// A configuration that stops the start.
pub(super) fn unusable(error: &ConfigError) -> Finding {
    let cause = error.to_string();
    finding("configuration", Fail, "configuration.unusable", vec![("cause", cause)])
}

/// A configuration that does not stop the start.
pub(super) fn warning(warning: &Warning) -> Finding {
    let at = |place: &Place| vec![("given", place.given()), ("number", place.number.to_string())];
    let (says, values) = match warning {
        Warning::Address(place, wrong) => {
            let says = match wrong {
                Wrong::Unspecified => "warning.unspecified",
                Wrong::Multicast => "warning.multicast",
                Wrong::LinkLocal => "warning.linkLocal",
                Wrong::Port => "warning.port",
                Wrong::Unreadable => "warning.unreadable",
            };
            (says, at(place))
        }
        Warning::TooManyAddresses(place, most) => {
            ("warning.tooMany", [at(place), vec![("most", most.to_string())]].concat())
        }
        Warning::ProxyUnnamed => ("warning.proxyUnnamed", vec![]),
        Warning::ProxyNotTrusted => ("warning.proxyNotTrusted", vec![]),
    };
    finding("configuration", Warn, says, values)
}

fn finding(
    check: &'static str,
    level: DoctorLevel,
    says: &'static str,
    values: Vec<(&'static str, String)>,
) -> Finding {
    Finding { check, level, says, values }
}

fn controller(config: &Config) -> Finding {
    match &config.controller {
        Some(controller) if !config.is_trial => {
            let name = controller.name.as_str().to_owned();
            finding("controller", Ok, "controller.named", vec![("name", name)])
        }
        Some(_) | None => finding("controller", Warn, "controller.trial", vec![]),
    }
}

fn folder(config: &Config, facts: &Facts) -> Finding {
    let path = config.data_dir.display().to_string();
    let (level, says, cause) = match &facts.folder {
        Folder::NotYet => (Ok, "folder.notYet", None),
        Folder::Unusable(cause) => (Fail, "folder.unusable", Some(cause.clone())),
        Folder::There { is_own: false, .. } => (Fail, "folder.foreign", None),
        Folder::There { is_writable: false, .. } => (Fail, "folder.unwritable", None),
        Folder::There { is_open: true, .. } => (Warn, "folder.open", None),
        Folder::There { .. } => (Ok, "folder.good", None),
    };
    let mut values = vec![("path", path)];
    values.extend(cause.map(|cause| ("cause", cause)));
    finding("folder", level, says, values)
}

fn disk(config: &Config, facts: &Facts) -> Finding {
    let Some(free) = facts.free_bytes else {
        return finding("disk", Warn, "disk.unknown", vec![]);
    };
    let values = vec![("free", mebibytes(free))];
    if free < LITTLE_BYTES {
        return finding("disk", Fail, "disk.full", values);
    }
    let Some(Recording { min_free_bytes, .. }) = &config.recording else {
        return finding("disk", Ok, "disk.good", values);
    };
    let (level, says) = match free.checked_sub(*min_free_bytes) {
        None => (Fail, "disk.noRecordings"),
        Some(left) if left < FEW_RECORDINGS_BYTES => (Warn, "disk.fewRecordings"),
        Some(_) => (Ok, "disk.recordings"),
    };
    finding("disk", level, says, [values, vec![("kept", mebibytes(*min_free_bytes))]].concat())
}

fn ports(facts: &Facts) -> Vec<Finding> {
    let mut findings: Vec<_> = facts.ports.iter().map(|port| judge_port(facts, port)).collect();
    if facts.server == Running::Unwell {
        findings.push(finding("server", Fail, "server.unwell", vec![]));
    }
    findings
}

fn judge_port(facts: &Facts, Port { number, protocol, flag, state }: &Port) -> Finding {
    let is_running = facts.server != Running::No;
    let (level, says) = match state {
        PortState::Free if is_running => (Warn, "port.unheard"),
        PortState::Free => (Ok, "port.free"),
        PortState::InUse if is_running => (Ok, "port.ours"),
        PortState::InUse => (Fail, "port.taken"),
        // The running server was given what this command has not.
        PortState::Forbidden if is_running => (Ok, "port.ours"),
        PortState::Forbidden => (Fail, "port.forbidden"),
        PortState::Unusable(_) => (Fail, "port.unusable"),
    };
    let mut values = vec![
        ("port", number.to_string()),
        ("protocol", (*protocol).to_owned()),
        ("flag", (*flag).to_owned()),
    ];
    if let PortState::Unusable(cause) = state {
        values.push(("cause", cause.clone()));
    }
    finding("port", level, says, values)
}

fn addresses(config: &Config, facts: &Facts) -> Finding {
    let all = &facts.advertised.addresses;
    // What this machine itself has is no example, whatever its number.
    let examples: Vec<_> =
        all.iter().filter(|address| !facts.advertised.is_auto && is_example(address)).collect();
    let is_local = config.listen_address.is_some_and(|address| address.is_loopback());
    let reachable: Vec<_> = all.iter().filter(|address| !address.is_loopback()).collect();
    let (level, says) = if is_local {
        (Warn, "addresses.thisMachine")
    } else if reachable.is_empty() {
        (Fail, "addresses.none")
    } else if !examples.is_empty() {
        (Fail, "addresses.example")
    } else if facts.is_container && facts.advertised.is_auto {
        (Fail, "addresses.container")
    } else if reachable.into_iter().all(is_private) {
        (Warn, "addresses.private")
    } else {
        (Ok, "addresses.good")
    };
    let shown = if says == "addresses.example" { examples } else { all.iter().collect() };
    let list = shown.into_iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let values = vec![("addresses", list), ("port", config.media_port.to_string())];
    finding("addresses", level, says, values)
}

fn certificate(config: &Config, facts: &Facts) -> Finding {
    let (seen, is_local) = match &facts.certificate {
        Shown::NotYet => return finding("certificate", Ok, "certificate.notYet", vec![]),
        Shown::ByProxy => return finding("certificate", Ok, "certificate.proxy", vec![]),
        Shown::Local(seen) => (seen, true),
        Shown::Public(seen) => (seen, false),
    };
    let Seen { not_before, not_after, is_named, is_chained } = match seen {
        Result::Ok(seen) => seen,
        Err(cause) => {
            let values = vec![("cause", cause.clone())];
            return finding("certificate", Fail, "certificate.unusable", values);
        }
    };
    let days = not_after.saturating_sub(facts.now) / DAY_SECONDS;
    let origin = config.share_origin.clone().unwrap_or_default();
    let values = vec![("days", days.to_string()), ("origin", origin)];
    let (level, says) = if facts.now >= *not_after {
        (Fail, "certificate.over")
    } else if facts.now < *not_before {
        (Fail, "certificate.early")
    } else if *is_named == Some(false) && !is_local {
        (Fail, "certificate.otherName")
    } else if !is_chained {
        (Fail, "certificate.alone")
    } else if days < FEW_DAYS && !is_local {
        (Warn, "certificate.ends")
    } else if is_local {
        (Ok, "certificate.local")
    } else {
        (Ok, "certificate.good")
    };
    finding("certificate", level, says, values)
}

/// What can be known of the time without asking anybody: it does not run backwards, and a certificate
/// was not made in the future.
fn clock(facts: &Facts) -> Finding {
    let issued = match &facts.certificate {
        Shown::Local(Result::Ok(seen)) | Shown::Public(Result::Ok(seen)) => Some(seen.not_before),
        Shown::Local(Err(_)) | Shown::Public(Err(_)) | Shown::NotYet | Shown::ByProxy => None,
    };
    let earliest = facts.last_seen.into_iter().chain(issued).max();
    match earliest.filter(|at| facts.now + CLOCK_SLACK_SECONDS < *at) {
        Some(at) => {
            let behind = (at - facts.now) / 60;
            finding("clock", Fail, "clock.behind", vec![("minutes", behind.to_string())])
        }
        None => finding("clock", Ok, "clock.good", vec![]),
    }
}

fn buffers(facts: &Facts) -> Finding {
    let wanted = sfu::SOCKET_BUFFER_BYTES as u64;
    let values = |now: u64| vec![("now", now.to_string()), ("wanted", wanted.to_string())];
    match facts.buffers {
        None => finding("buffers", Ok, "buffers.unknown", values(0)),
        Some(sizes) => {
            let now = sizes.into_iter().min().unwrap_or_default();
            match now < wanted {
                true => finding("buffers", Warn, "buffers.small", values(now)),
                false => finding("buffers", Ok, "buffers.good", values(now)),
            }
        }
    }
}

fn descriptors(facts: &Facts) -> Finding {
    let wanted = server::WANTED_DESCRIPTORS as u64;
    let now = facts.descriptors;
    let values = vec![("now", now.to_string()), ("wanted", wanted.to_string())];
    match now < wanted {
        true => finding("descriptors", Warn, "descriptors.few", values),
        false => finding("descriptors", Ok, "descriptors.good", values),
    }
}

/// Reserved for documents (RFC 5737, RFC 3849): copied out of an example.
fn is_example(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_documentation(),
        IpAddr::V6(address) => address.segments()[..2] == [0x2001, 0xdb8],
    }
}

/// Reached within one network alone (RFC 1918, 3927, 4193, 4291, 6598).
fn is_private(address: &IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            address.is_private() || address.is_link_local() || first == 100 && second & 0xc0 == 64
        }
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    }
}

fn mebibytes(bytes: u64) -> String {
    (bytes >> 20).to_string()
}

const DAY_SECONDS: u64 = 24 * 3600;
/// Days before its end from which a certificate should have been renewed.
const FEW_DAYS: u64 = 14;
/// Clocks are set by so much now and then.
const CLOCK_SLACK_SECONDS: u64 = 300;
/// Less is full: the database could not grow.
const LITTLE_BYTES: u64 = 100 << 20;
/// Some hours of recordings.
const FEW_RECORDINGS_BYTES: u64 = 10 << 30;
