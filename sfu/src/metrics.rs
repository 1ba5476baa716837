//! The worker's counters as a text page (Prometheus exposition format 0.0.4). No label has a room
//! or a person in it.

use std::fmt::Write;

use sfu_core::{DropCause, Stats};

/// Renders the counters, one metric after the other, each with its help and type.
pub fn render(stats: &Stats) -> String {
    let mut page = String::new();
    for (name, help, value) in [
        ("datagrams_in", "Datagrams received.", stats.datagrams_in),
        ("bytes_in", "Bytes received.", stats.bytes_in),
        ("datagrams_out", "Datagrams made for sending.", stats.datagrams_out),
        ("runs_out", "Runs of datagrams sent, each by one call to the system.", stats.runs_out),
        ("bytes_out", "Bytes made for sending.", stats.bytes_out),
        (
            "datagrams_refused_by_system",
            "Datagrams that the system did not take.",
            stats.datagrams_refused_by_system,
        ),
        (
            "datagrams_handed_over",
            "Datagrams that came to another worker than their room's.",
            stats.datagrams_handed_over,
        ),
        ("packets_in", "Authentic RTP packets from publishers.", stats.packets_in),
        ("packets_recovered", "Packets that publishers sent again.", stats.packets_recovered),
        ("packets_out", "RTP packets sealed for subscribers.", stats.packets_out),
        (
            "packets_retransmitted",
            "Packets sent again to subscribers.",
            stats.packets_retransmitted,
        ),
        ("packets_probing", "Packets sent to find more bandwidth.", stats.packets_probing),
        ("packets_recorded", "Packets handed to the recorder.", stats.packets_recorded),
        (
            "packets_held_at_gate",
            "Packets kept from subscribers who may not have the keys yet.",
            stats.packets_held_at_gate,
        ),
        (
            "frames_in_clear",
            "Packets of frames in clear dropped in encrypted rooms.",
            stats.frames_in_clear,
        ),
        (
            "feedback_unknown",
            "Numbers in feedback that were never sent, or too long ago.",
            stats.feedback_unknown,
        ),
        ("nacks_in", "Packets that subscribers reported lost.", stats.nacks_in),
        ("nacks_out", "Packets reported lost to publishers.", stats.nacks_out),
        ("key_frame_requests_in", "Key frames wanted.", stats.key_frame_requests_in),
        ("key_frame_requests_out", "Key frames asked of publishers.", stats.key_frame_requests_out),
        ("handshakes_completed", "DTLS handshakes that ended well.", stats.handshakes_completed),
        ("faults", "Faults of the server that ended a room's media.", stats.faults),
    ] {
        metric(&mut page, "counter", &format!("{name}_total"), help, value);
    }
    for (name, help, value) in [
        ("transports", "Transports now.", stats.transports),
        ("transports_connected", "Transports now that are connected.", stats.transports_connected),
        ("rooms", "Rooms now with media.", stats.rooms),
    ] {
        metric(&mut page, "gauge", name, help, value);
    }
    let _ = writeln!(page, "# HELP preau_media_dropped_total What was dropped, by cause.");
    let _ = writeln!(page, "# TYPE preau_media_dropped_total counter");
    for (cause, name) in DropCause::ALL {
        let value = stats.dropped[cause];
        let _ = writeln!(page, "preau_media_dropped_total{{cause=\"{name}\"}} {value}");
    }
    page
}

/// Writing to a `String` cannot fail, so its results are not looked at.
fn metric(page: &mut String, kind: &str, name: &str, help: &str, value: u64) {
    let _ = writeln!(page, "# HELP preau_media_{name} {help}");
    let _ = writeln!(page, "# TYPE preau_media_{name} {kind}");
    let _ = writeln!(page, "preau_media_{name} {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_comment_or_a_sample_and_names_stand_once() {
        let page = render(&Stats { packets_out: 7, ..Stats::default() });
        assert!(page.contains("\npreau_media_packets_out_total 7\n"));
        let mut seen = std::collections::BTreeSet::new();
        for line in page.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').expect("a name and a value");
            assert!(value.parse::<u64>().is_ok(), "{line}");
            assert!(seen.insert(name.to_owned()), "{name} stands twice");
        }
        assert_eq!(seen.len(), 25 + DropCause::ALL.len());
    }
}
