//! Counters and gauges for Prometheus. Numbers of the process only: no label names a room, a
//! participant or an address.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use protocol::ErrorCode;

/// What the server counts.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) rooms_created: Counter,
    pub(crate) rooms_created_encrypted: Counter,
    pub(crate) sessions: Counter,
    pub(crate) probes: Counter,
    pub(crate) joins: Counter,
    pub(crate) resumes: Counter,
    pub(crate) sessions_cut_slow: Counter,
    pub(crate) media_events_lost: Counter,
    pub(crate) transports_failed: Counter,
    pub(crate) relays_ice_tcp: Counter,
    pub(crate) relays_turn: Counter,
    pub(crate) relay_datagrams_dropped: Counter,
    relay_refusals: [Counter; RELAY_REFUSALS.len()],
    pub(crate) certificate_failures: Counter,
    refusals: Refusals,
}

/// Why media over TCP was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RelayRefusal {
    /// What the connection began with is nothing that is spoken here.
    Unknown,
    /// Nothing came in time.
    Silent,
    /// It was no message.
    Malformed,
    /// The credential is no good.
    Unauthorized,
    /// To something else than this server's media.
    ForbiddenPeer,
    /// There are too many already.
    Full,
}

/// One counter for each code.
#[derive(Debug)]
struct Refusals([Counter; CODES.len()]);

impl Default for Refusals {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Counter::default()))
    }
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What is counted by looking.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    /// Participants of each live room.
    pub(crate) room_sizes: Vec<usize>,
    pub(crate) connections: usize,
    pub(crate) half_open: usize,
    /// UDP sockets of relays.
    pub(crate) relay_sockets: usize,
    /// Whether the server is about to restart.
    pub(crate) is_draining: bool,
    /// Whether the machine's clock has leapt.
    pub(crate) is_clock_apart: bool,
    /// When the certificate of https ends, in seconds since 1970.
    pub(crate) certificate_not_after: Option<u64>,
}

impl Metrics {
    /// Counts something of a relay that was refused.
    pub(crate) fn relay_refused(&self, refusal: RelayRefusal) {
        if let Some(index) = RELAY_REFUSALS.iter().position(|(known, _)| *known == refusal) {
            self.relay_refusals[index].add_one();
        }
    }

    /// Counts an error said to a browser.
    pub(crate) fn refused(&self, code: ErrorCode) {
        if let Some(index) = CODES.iter().position(|(known, _)| *known == code) {
            self.refusals.0[index].add_one();
        }
    }

    /// The text format of Prometheus, version 0.0.4.
    pub(crate) fn render(&self, gauges: &Gauges) -> String {
        let mut page = Page(String::new());
        page.one("preau_rooms", "gauge", "Rooms in memory", gauges.room_sizes.len() as u64);
        let participants = gauges.room_sizes.iter().sum::<usize>() as u64;
        page.one("preau_participants", "gauge", "Participants present or away", participants);
        page.head("preau_room_participants", "histogram", "Participants per room in memory");
        for limit in ROOM_SIZES {
            let within = gauges.room_sizes.iter().filter(|size| **size <= limit).count();
            page.line(
                "preau_room_participants_bucket",
                &format!("{{le=\"{limit}\"}}"),
                within as u64,
            );
        }
        let all = gauges.room_sizes.len() as u64;
        page.line("preau_room_participants_bucket", "{le=\"+Inf\"}", all);
        page.line("preau_room_participants_sum", "", participants);
        page.line("preau_room_participants_count", "", all);
        page.one("preau_connections", "gauge", "TCP connections", gauges.connections as u64);
        page.one(
            "preau_sessions_waiting",
            "gauge",
            "Sessions before join",
            gauges.half_open as u64,
        );
        let relay_sockets = gauges.relay_sockets as u64;
        page.one("preau_relay_sockets", "gauge", "Paths for media over TCP", relay_sockets);
        page.one(
            "preau_draining",
            "gauge",
            "1 while meetings may finish before a restart",
            u64::from(gauges.is_draining),
        );
        page.one(
            "preau_clock_apart",
            "gauge",
            "1 while the clock of the machine has leapt and recordings go by days counted here",
            u64::from(gauges.is_clock_apart),
        );
        if let Some(end) = gauges.certificate_not_after {
            let help = "End of the certificate of https, in seconds since 1970";
            page.one("preau_certificate_not_after_seconds", "gauge", help, end);
        }
        let counters = [
            ("preau_rooms_created_total", "Rooms made", &self.rooms_created),
            (
                "preau_rooms_created_encrypted_total",
                "Rooms made with end-to-end encryption",
                &self.rooms_created_encrypted,
            ),
            ("preau_sessions_total", "WebSocket sessions opened", &self.sessions),
            ("preau_probes_total", "Connection tests answered", &self.probes),
            ("preau_joins_total", "Participants who entered", &self.joins),
            ("preau_resumes_total", "Participants who came back", &self.resumes),
            ("preau_sessions_slow_total", "Sessions cut for not reading", &self.sessions_cut_slow),
            ("preau_media_events_lost_total", "Media events dropped", &self.media_events_lost),
            (
                "preau_transports_failed_total",
                "Media transports that died",
                &self.transports_failed,
            ),
            (
                "preau_relay_datagrams_dropped_total",
                "Datagrams for which a connection had no room",
                &self.relay_datagrams_dropped,
            ),
            (
                "preau_certificate_failures_total",
                "Certificates that could not be made, got or read",
                &self.certificate_failures,
            ),
        ];
        for (name, help, counter) in counters {
            page.one(name, "counter", help, counter.value());
        }
        page.head("preau_relays_total", "counter", "Connections that carried media, by kind");
        for (kind, counter) in [("ice_tcp", &self.relays_ice_tcp), ("turn", &self.relays_turn)] {
            page.line("preau_relays_total", &format!("{{kind=\"{kind}\"}}"), counter.value());
        }
        page.head("preau_relay_refused_total", "counter", "Refusals of media over TCP, by kind");
        for ((_, kind), counter) in RELAY_REFUSALS.iter().zip(&self.relay_refusals) {
            page.line(
                "preau_relay_refused_total",
                &format!("{{kind=\"{kind}\"}}"),
                counter.value(),
            );
        }
        page.head("preau_errors_total", "counter", "Errors said to browsers, by code");
        for ((_, code), counter) in CODES.iter().zip(&self.refusals.0) {
            page.line("preau_errors_total", &format!("{{code=\"{code}\"}}"), counter.value());
        }
        page.0
    }
}

struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing into a text cannot fail.
        let _ = write!(self.0, "# HELP {name} {help}.\n# TYPE {name} {kind}\n");
    }

    fn line(&mut self, name: &str, labels: &str, value: u64) {
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.head(name, kind, help);
        self.line(name, "", value);
    }
}

/// Upper bounds of the room size buckets.
const ROOM_SIZES: [usize; 7] = [0, 1, 2, 5, 10, 30, 100];

const RELAY_REFUSALS: [(RelayRefusal, &str); 6] = [
    (RelayRefusal::Unknown, "unknown"),
    (RelayRefusal::Silent, "silent"),
    (RelayRefusal::Malformed, "malformed"),
    (RelayRefusal::Unauthorized, "unauthorized"),
    (RelayRefusal::ForbiddenPeer, "forbidden_peer"),
    (RelayRefusal::Full, "full"),
];

const CODES: [(ErrorCode, &str); 35] = [
    (ErrorCode::Malformed, "malformed"),
    (ErrorCode::MessageTooLarge, "message_too_large"),
    (ErrorCode::RateLimited, "rate_limited"),
    (ErrorCode::ProtocolVersion, "protocol_version"),
    (ErrorCode::NotJoined, "not_joined"),
    (ErrorCode::AlreadyJoined, "already_joined"),
    (ErrorCode::NameInvalid, "name_invalid"),
    (ErrorCode::TokenInvalid, "token_invalid"),
    (ErrorCode::OfferInvalid, "offer_invalid"),
    (ErrorCode::SlotUnknown, "slot_unknown"),
    (ErrorCode::TrackUnknown, "track_unknown"),
    (ErrorCode::JoinRefused, "join_refused"),
    (ErrorCode::RoomFull, "room_full"),
    (ErrorCode::RoomEnded, "room_ended"),
    (ErrorCode::RoomLocked, "room_locked"),
    (ErrorCode::LinkEnded, "link_ended"),
    (ErrorCode::DelegationInvalid, "delegation_invalid"),
    (ErrorCode::HostKeyMissing, "host_key_missing"),
    (ErrorCode::NotAllowed, "not_allowed"),
    (ErrorCode::NotThere, "not_there"),
    (ErrorCode::IncidentsOff, "incidents_off"),
    (ErrorCode::IncidentsFull, "incidents_full"),
    (ErrorCode::RecordingOff, "recording_off"),
    (ErrorCode::RecordingForbidden, "recording_forbidden"),
    (ErrorCode::RecordingRunning, "recording_running"),
    (ErrorCode::NoRecording, "no_recording"),
    (ErrorCode::TermsInvalid, "terms_invalid"),
    (ErrorCode::AuthorisationsMissing, "authorisations_missing"),
    (ErrorCode::EncryptionRequired, "encryption_required"),
    (ErrorCode::NotEncrypted, "not_encrypted"),
    (ErrorCode::MlsStale, "mls_stale"),
    (ErrorCode::HostPassRequired, "host_pass_required"),
    (ErrorCode::Restarting, "restarting"),
    (ErrorCode::Overloaded, "overloaded"),
    (ErrorCode::Internal, "internal"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_are_counted_in_buckets_and_errors_by_code() {
        let metrics = Metrics::default();
        metrics.refused(ErrorCode::RoomFull);
        let gauges =
            Gauges { room_sizes: vec![2, 3, 31], is_clock_apart: true, ..Gauges::default() };
        let page = metrics.render(&gauges);
        for line in [
            "preau_rooms 3",
            "preau_participants 36",
            "preau_clock_apart 1",
            "preau_room_participants_bucket{le=\"2\"} 1",
            "preau_room_participants_bucket{le=\"+Inf\"} 3",
            "preau_errors_total{code=\"room_full\"} 1",
            "preau_errors_total{code=\"internal\"} 0",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} in {page}");
        }
    }

    #[test]
    fn the_only_labels_are_error_codes_kinds_and_bucket_bounds() {
        let gauges = Gauges { room_sizes: vec![1], ..Gauges::default() };
        let page = Metrics::default().render(&gauges);
        for labels in page.split('{').skip(1) {
            let known = ["le=\"", "code=\"", "kind=\""];
            assert!(known.iter().any(|label| labels.starts_with(label)), "{labels}");
        }
    }

    #[test]
    fn every_code_has_the_name_it_has_in_messages() {
        for (code, name) in CODES {
            assert_eq!(serde_json::to_value(code).unwrap(), name);
        }
    }
}
