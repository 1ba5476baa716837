//! What a run comes to: figures, and whether they keep to the scenario's limits.

mod changes;
mod encryption;
pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod junit;
pub(crate) mod terminal;
#[cfg(test)]
mod tests;
mod verdicts;

use serde::Serialize;

pub use changes::Changes;
pub use encryption::Encryption;
use verdicts::{is_of_time, verdicts};

use crate::measure::{Histogram, Join, Measured, Received, mos, share};
use crate::run::{Outcome, Second, unix_seconds};
use crate::scenario::Scenario;

/// Everything a report shows. Times in milliseconds, shares in percent.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Of the scenario.
    pub scenario: String,
    /// Of the scenario.
    pub about: String,
    /// Which server.
    pub target: String,
    /// When it was made, in seconds since 1970.
    pub made_at: u64,
    /// Seconds that were measured.
    pub seconds: f64,
    /// Who took part.
    pub participants: u32,
    /// Rooms.
    pub rooms: u32,
    /// Why it is not complete, if it is not.
    pub incomplete: Option<String>,
    /// What to keep in mind when reading it.
    pub warnings: Vec<String>,
    /// Failed participants, in words.
    pub failures: Vec<String>,
    /// How joins went.
    pub joins: Joins,
    /// Sound.
    pub sound: Option<Media>,
    /// How it sounds to those who listen.
    pub heard: Option<Sound>,
    /// Pictures.
    pub picture: Option<Media>,
    /// Pictures by their height.
    pub layers: Vec<Layer>,
    /// Key frames.
    pub key_frames: KeyFrames,
    /// Of encrypted rooms.
    pub e2ee: Option<Encryption>,
    /// Of a path whose rate changes.
    pub changes: Option<Changes>,
    /// The server's process, when it is on this machine.
    pub server: Option<Server>,
    /// This program itself.
    pub generator: Generator,
    /// Media packets a second that arrived.
    pub packets_per_second: f64,
    /// Megabits a second from participants.
    pub mbit_sent: f64,
    /// Megabits a second to participants.
    pub mbit_received: f64,
    /// Slots that carried nothing in the measured time although they were subscribed and somebody sent.
    pub silent_slots: u64,
    /// The scenario's limits.
    pub limits: Vec<Verdict>,
    /// Second by second.
    pub series: Vec<Point>,
    /// Join by join, in milliseconds from the first one.
    pub waterfall: Vec<Steps>,
}

/// How joins went.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Joins {
    /// Begun.
    pub begun: usize,
    /// Connected.
    pub connected: usize,
    /// From the first join to the last one's first packet; infinite (in JSON `null`) when one never came.
    pub all_in_ms: Option<f64>,
    /// Each step, from the start of its join.
    pub steps: Vec<Step>,
}

/// One step of all joins. Whoever never got what they should counts as infinitely late, in JSON `null`.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Which.
    pub name: &'static str,
    /// Median.
    pub p50_ms: f64,
    /// 95 of 100 were faster.
    pub p95_ms: f64,
    /// The slowest.
    pub max_ms: f64,
    /// Who never got there, although somebody sent for them.
    pub missing: usize,
}

/// One join: when it began and when each step was done.
#[derive(Clone, Debug, Serialize)]
pub struct Steps {
    /// Of its beginning.
    pub began_ms: f64,
    /// In the order of [`STEPS`], from the first join; `None` when it was not reached.
    pub done_ms: Vec<Option<f64>>,
}

/// Media of one kind.
#[derive(Clone, Debug, Serialize)]
pub struct Media {
    /// Packets that arrived.
    pub packets: u64,
    /// Median of the delay; `None` when the server did not hand send times through.
    pub delay_p50_ms: Option<f64>,
    /// 95 of 100 were faster.
    pub delay_p95_ms: Option<f64>,
    /// 99 of 100 were faster.
    pub delay_p99_ms: Option<f64>,
    /// Packets that did not come by themselves.
    pub loss_before_repair_percent: f64,
    /// Packets that never came.
    pub loss_percent: f64,
    /// Kilobits a second of payload, all receivers together.
    pub kbit: f64,
}

/// How decoded sound is.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Sound {
    /// Seconds that were played, all voices together.
    pub seconds: f64,
    /// Of these, invented because nothing came in time.
    pub concealed_percent: f64,
    /// Of these, restored from the packet after.
    pub corrected_percent: f64,
    /// Estimated mean opinion score, 1 to 4.5.
    pub mos: f64,
}

/// Pictures of one height.
#[derive(Clone, Debug, Serialize)]
pub struct Layer {
    /// Lines.
    pub height: u16,
    /// Decodable frames a second, for each that was watched.
    pub frame_rate: f64,
    /// Frames in all.
    pub frames: u64,
    /// Times a picture stood still.
    pub freezes: u64,
    /// For each watched picture and minute.
    pub freezes_per_minute: f64,
}

/// Key frames, over the whole run.
#[derive(Clone, Debug, Serialize)]
pub struct KeyFrames {
    /// Requests that came to publishers.
    pub asked: u64,
    /// Those, for each join.
    pub asked_per_join: f64,
    /// Key frames that publishers sent, the first ones included.
    pub sent: u64,
    /// Those, for each join.
    pub sent_per_join: f64,
    /// Requests by receivers that could not go on.
    pub wanted: u64,
}

/// What the server used.
#[derive(Clone, Debug, Serialize)]
pub struct Server {
    /// Of one core.
    pub cpu_percent: f64,
    /// Of that, in the kernel.
    pub system_percent: f64,
    /// Processor time for each delivered packet.
    pub cpu_us_per_packet: f64,
    /// A second.
    pub context_switches_per_second: f64,
    /// For each delivered packet; `None` where they cannot be counted.
    pub system_calls_per_packet: Option<f64>,
    /// Memory at the end.
    pub rss_mib: f64,
    /// The same, for each participant.
    pub rss_kib_per_participant: f64,
}

/// What the generator used.
#[derive(Clone, Debug, Serialize)]
pub struct Generator {
    /// Of one core.
    pub cpu_percent: f64,
    /// How late it was itself: 99 of 100 times less.
    pub lag_p99_ms: f64,
    /// For each delivered packet.
    pub cpu_us_per_packet: f64,
}

/// A limit and what was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// Key of the scenario.
    pub name: &'static str,
    /// What it allows.
    pub limit: f64,
    /// What was; `None` when it could not be measured.
    pub measured: Option<f64>,
    /// Whether it was kept.
    pub holds: bool,
}

impl Verdict {
    /// What was measured, in words.
    pub(crate) fn said(&self) -> String {
        match self.measured {
            None => "not measured".to_owned(),
            Some(value) if value.is_finite() => format!("{value:.3}"),
            Some(_) => "never".to_owned(),
        }
    }
}

/// One second.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    /// Median delay of sound.
    pub sound_p50_ms: Option<f64>,
    /// 99 of 100.
    pub sound_p99_ms: Option<f64>,
    /// Median delay of pictures.
    pub picture_p50_ms: Option<f64>,
    /// 99 of 100.
    pub picture_p99_ms: Option<f64>,
    /// Lines of the smallest picture that was shown.
    pub lines: Option<u16>,
    /// Packets that arrived.
    pub packets: u64,
    /// Loss of all media after repair.
    pub loss_percent: f64,
    /// Of the server, of one core.
    pub server_cpu_percent: Option<f64>,
}

/// Names of the steps of a join, in order.
pub const STEPS: [&str; 7] =
    ["socket", "admission", "answer", "ICE", "DTLS", "first packet", "first picture"];

impl Report {
    pub(crate) fn new(scenario: &Scenario, target: &str, outcome: &Outcome) -> Self {
        let seconds = outcome.measured_for.as_secs_f64().max(1e-9);
        let total = &outcome.total;
        let packets = total.packets_received();
        let participants = scenario.participants();
        // Where nothing was delivered nothing can be said of a packet.
        let per_packet = |cpu: f64| if packets == 0 { 0.0 } else { cpu * 1e6 / packets as f64 };
        let mut report = Self {
            scenario: scenario.name.clone(),
            about: scenario.about.clone(),
            target: target.to_owned(),
            made_at: unix_seconds(),
            seconds,
            participants,
            rooms: scenario.rooms,
            incomplete: outcome.incomplete.as_ref().map(ToString::to_string),
            warnings: Vec::new(),
            failures: outcome.failures.clone(),
            joins: Joins::new(&outcome.joins),
            sound: Media::new(&total.sound, seconds),
            heard: Sound::new(total),
            picture: Media::new(&total.picture, seconds),
            layers: layers(total),
            key_frames: KeyFrames::new(outcome),
            changes: Changes::new(scenario, outcome),
            e2ee: scenario.e2ee.then(|| Encryption::new(outcome)),
            server: outcome.server.map(|used| Server {
                cpu_percent: used.cores * 100.0,
                system_percent: used.system_share * 100.0,
                cpu_us_per_packet: per_packet(used.cpu_seconds),
                context_switches_per_second: used.context_switches as f64 / seconds,
                system_calls_per_packet: outcome
                    .system_calls
                    .filter(|_| packets > 0)
                    .map(|calls| calls * seconds / packets as f64),
                rss_mib: used.resident_mib,
                rss_kib_per_participant: used.resident_mib * 1024.0
                    / f64::from(participants.max(1)),
            }),
            generator: Generator {
                cpu_percent: outcome.generator.map_or(0.0, |used| used.cores * 100.0),
                lag_p99_ms: ms(&outcome.lag, 0.99).unwrap_or(0.0),
                cpu_us_per_packet: outcome
                    .generator
                    .map_or(0.0, |used| per_packet(used.cpu_seconds)),
            },
            packets_per_second: packets as f64 / seconds,
            mbit_sent: total.bytes_sent as f64 * 8.0 / 1e6 / seconds,
            mbit_received: total.bytes_received as f64 * 8.0 / 1e6 / seconds,
            silent_slots: total.silent_slots,
            limits: Vec::new(),
            series: outcome.seconds.iter().map(Point::new).collect(),
            waterfall: waterfall(&outcome.joins),
        };
        report.limits = verdicts(&scenario.limits, &report, total);
        report.warnings = warnings(&report, total);
        report
    }

    /// A report of nothing, to be filled by tests.
    #[cfg(test)]
    pub(crate) fn empty(scenario: &Scenario) -> Self {
        let outcome = Outcome::default();
        let limits = crate::scenario::Limits::default();
        let scenario = Scenario { limits, ..scenario.clone() };
        Self::new(&scenario, "preau", &outcome)
    }

    /// True when the run is complete and every limit holds.
    pub fn is_good(&self) -> bool {
        self.incomplete.is_none() && self.failures.is_empty() && self.limits.iter().all(|v| v.holds)
    }

    /// True when only times are beyond their limits, and the generator itself was late: the server
    /// may have been in time.
    pub fn blames_generator(&self) -> bool {
        let mut broken = self.limits.iter().filter(|verdict| !verdict.holds).peekable();
        let is_late = self.generator.lag_p99_ms > LATE_MS && broken.peek().is_some();
        is_late && broken.all(|verdict| is_of_time(verdict.name))
    }

    /// Loss after repair of all media together, in percent.
    pub fn loss_percent(&self) -> f64 {
        let weigh = |media: &Option<Media>| {
            media
                .as_ref()
                .map_or((0.0, 0.0), |m| (m.loss_percent * m.packets as f64, m.packets as f64))
        };
        let ((sound, heard), (picture, seen)) = (weigh(&self.sound), weigh(&self.picture));
        (sound + picture) / (heard + seen).max(1.0)
    }

    /// The time by which a step was done in 95 of 100 joins.
    pub fn step_p95_ms(&self, name: &str) -> Option<f64> {
        self.joins.steps.iter().find(|step| step.name == name).map(|step| step.p95_ms)
    }
}

impl Server {
    /// System calls for each packet, in words.
    pub(crate) fn calls(&self) -> String {
        let calls = self.system_calls_per_packet;
        calls.map_or("an unknown number of".to_owned(), |calls| format!("{calls:.3}"))
    }
}

impl Joins {
    fn new(joins: &[Join]) -> Self {
        let mut steps = Vec::new();
        for (at, name) in STEPS.into_iter().enumerate() {
            let mut times: Vec<f64> = joins
                .iter()
                .filter_map(|join| Some(done(join)[at]?.saturating_sub(join.began?) as f64 / 1e6))
                .collect();
            let missing = joins.iter().filter(|join| lacks(join, name)).count();
            times.extend(std::iter::repeat_n(f64::INFINITY, missing));
            times.sort_by(f64::total_cmp);
            let quantile = |share: f64| {
                let rank = (share * times.len() as f64).ceil() as usize;
                times.get(rank.max(1) - 1).copied()
            };
            if let (Some(p50_ms), Some(p95_ms), Some(max_ms)) =
                (quantile(0.5), quantile(0.95), quantile(1.0))
            {
                steps.push(Step { name, p50_ms, p95_ms, max_ms, missing });
            }
        }
        let first = joins.iter().filter_map(|join| join.began).min();
        let last = joins.iter().filter_map(|join| join.first_packet).max();
        Self {
            begun: joins.len(),
            connected: joins.iter().filter(|join| join.dtls.is_some()).count(),
            all_in_ms: match first.zip(last) {
                _ if joins.iter().any(|join| join.lacks_packet) => Some(f64::INFINITY),
                times => times.map(|(first, last)| last.saturating_sub(first) as f64 / 1e6),
            },
            steps,
        }
    }
}

impl Media {
    fn new(received: &Received, seconds: f64) -> Option<Self> {
        let packets = received.direct + received.repaired;
        let quantile = |share| ms(&received.delay, share);
        (packets > 0).then(|| Self {
            packets,
            delay_p50_ms: quantile(0.5),
            delay_p95_ms: quantile(0.95),
            delay_p99_ms: quantile(0.99),
            loss_before_repair_percent: received.loss_before_repair() * 100.0,
            loss_percent: received.loss() * 100.0,
            kbit: received.bytes as f64 * 8.0 / 1e3 / seconds,
        })
    }
}

impl Sound {
    fn new(total: &Measured) -> Option<Self> {
        let heard = total.heard;
        let concealed = share(heard.concealed, heard.samples);
        let delay = ms(&total.sound.delay, 0.5).unwrap_or(0.0) + OWN_DELAY_MS;
        (heard.samples > 0).then(|| Self {
            seconds: heard.samples as f64 / 48e3,
            concealed_percent: concealed * 100.0,
            corrected_percent: share(heard.corrected, heard.samples) * 100.0,
            mos: mos::estimate(delay, concealed),
        })
    }
}

/// Capture and coding (20 ms) and the buffer before playing (60 ms).
const OWN_DELAY_MS: f64 = 80.0;

impl KeyFrames {
    fn new(outcome: &Outcome) -> Self {
        let sum = |of: fn(&Measured) -> u64| of(&outcome.before) + of(&outcome.total);
        let asked = sum(|measured| measured.key_frames_asked);
        let sent = sum(|measured| measured.key_frames_sent);
        let joins = outcome.joins.len() as u64;
        Self {
            asked,
            asked_per_join: share(asked, joins),
            sent,
            sent_per_join: share(sent, joins),
            wanted: sum(|measured| measured.key_frames_wanted),
        }
    }
}

impl Point {
    fn new(second: &Second) -> Self {
        let Second { measured, server } = second;
        let all = |of: fn(&Received) -> u64| of(&measured.sound) + of(&measured.picture);
        let expected = all(|received| received.expected);
        let came = all(|received| received.direct + received.repaired);
        Self {
            sound_p50_ms: ms(&measured.sound.delay, 0.5),
            sound_p99_ms: ms(&measured.sound.delay, 0.99),
            picture_p50_ms: ms(&measured.picture.delay, 0.5),
            picture_p99_ms: ms(&measured.picture.delay, 0.99),
            lines: changes::lines(measured),
            packets: came,
            loss_percent: share(expected.saturating_sub(came), expected) * 100.0,
            server_cpu_percent: server.map(|used| used.cores * 100.0),
        }
    }
}

fn ms(histogram: &Histogram, share: f64) -> Option<f64> {
    histogram.quantile(share).map(|us| us as f64 / 1e3)
}

/// Whether a join never got to a step that it should have got to.
fn lacks(join: &Join, step: &str) -> bool {
    (step == STEPS[5] && join.lacks_packet) || (step == STEPS[6] && join.lacks_picture)
}

/// A time in milliseconds, in words.
fn time(ms: f64) -> String {
    if ms.is_finite() { format!("{ms:.1}") } else { "never".to_owned() }
}

fn done(join: &Join) -> [Option<u64>; STEPS.len()] {
    let Join { socket, admitted, answered, ice, dtls, first_packet, first_frame, .. } = *join;
    [socket, admitted, answered, ice, dtls, first_packet, first_frame]
}

fn waterfall(joins: &[Join]) -> Vec<Steps> {
    let Some(first) = joins.iter().filter_map(|join| join.began).min() else { return Vec::new() };
    let since = |at: u64| at.saturating_sub(first) as f64 / 1e6;
    let steps = joins.iter().filter_map(|join| {
        let done_ms = done(join).into_iter().map(|at| at.map(since)).collect();
        Some(Steps { began_ms: since(join.began?), done_ms })
    });
    steps.collect()
}

fn layers(total: &Measured) -> Vec<Layer> {
    let layer = |(height, frames): (&u16, &crate::measure::Frames)| Layer {
        height: *height,
        frame_rate: frames.rate(),
        frames: frames.decoded,
        freezes: frames.freezes,
        freezes_per_minute: if frames.over == 0 {
            0.0
        } else {
            frames.freezes as f64 * 60e9 / frames.over as f64
        },
    };
    total.heights.iter().map(layer).collect()
}

/// Delays that the generator itself has no part in are much longer than it was late.
const LATE_MS: f64 = 5.0;

fn warnings(report: &Report, total: &Measured) -> Vec<String> {
    let mut warnings = Vec::new();
    if report.generator.lag_p99_ms > LATE_MS {
        warnings.push(format!(
            "the generator was late itself ({:.1} ms): delays may be its own",
            report.generator.lag_p99_ms
        ));
    }
    if report.joins.connected < report.joins.begun {
        let missing = report.joins.begun - report.joins.connected;
        warnings.push(format!("{missing} of {} joins never connected", report.joins.begun));
    }
    for step in report.joins.steps.iter().filter(|step| step.missing > 0) {
        warnings.push(format!(
            "{} of {} joins never got their {}: they count as infinitely late",
            step.missing, report.joins.begun, step.name
        ));
    }
    if report.silent_slots > 0 {
        warnings.push(format!(
            "{} slots carried nothing although somebody sent for them",
            report.silent_slots
        ));
    }
    if total.strays > 0 {
        warnings.push(format!("{} packets could not be opened or belong nowhere", total.strays));
    }
    if report.server.is_none() {
        warnings.push("the server runs elsewhere: its processor time is not known".to_owned());
    }
    warnings
}
