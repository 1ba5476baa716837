//! Scenarios: who comes, what they send and watch, for how long, and what must not be worse.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use link_emulator::{Emulator, Link, Links};
use protocol::TrackSource;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A small TOML file. Every key is explained here; an unknown one is an error.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name in reports.
    pub name: String,
    /// One sentence on what it shows.
    pub about: String,
    /// Seconds that are measured.
    pub seconds: u32,
    /// Seconds between the last join and the measurement.
    #[serde(default = "default_warm_up")]
    pub warm_up: u32,
    /// Rooms with these groups in each.
    #[serde(default = "one")]
    pub rooms: u32,
    /// Measures from the first join on, without waiting and warming up.
    #[serde(default)]
    pub measures_joins: bool,
    /// Whether rooms are end-to-end encrypted, as `--e2ee` makes those of any scenario.
    #[serde(default)]
    pub e2ee: bool,
    /// Who comes, in this order.
    #[serde(rename = "group")]
    pub groups: Vec<Group>,
    /// What must not be exceeded; what stands nowhere is only reported.
    #[serde(default)]
    pub limits: Limits,
    /// Raises the load until a limit breaks.
    pub knee: Option<Knee>,
}

/// Participants of one kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// How many.
    pub count: u32,
    /// `light` ones, or `complete` ones on an independent implementation of everything, which
    /// always listen and cost the generator many times as much.
    #[serde(default)]
    pub kind: Kind,
    /// What each sends: `microphone`, `camera` (three layers), `screen`.
    #[serde(default)]
    pub sends: Vec<TrackSource>,
    /// Voices each listens to at most.
    #[serde(default)]
    pub voices: u32,
    /// Cameras each watches at most.
    #[serde(default)]
    pub cameras: u32,
    /// Screens each watches at most.
    #[serde(default)]
    pub screens: u32,
    /// Whether the sound they hear is really decoded, to tell how it sounds; costs processor time.
    #[serde(default)]
    pub listens: bool,
    /// Whether they send and take redundant sound (RED): each packet repeats the one before.
    #[serde(default)]
    pub red: bool,
    /// The network from the server to each of them; a good one without. `loss_percent`,
    /// `duplicate_percent`, `reorder_percent` (packets of 100), `burst_packets` (lost in a row),
    /// `delay_ms`, `jitter_ms`, `rates` (pairs of a second and kbit/s from then on), `queue_ms`,
    /// `passes` (`all`, `without_udp`, `without_tcp`, `only_tcp443`).
    pub down: Option<Link>,
    /// The network from each to the server.
    pub up: Option<Link>,
    /// Lines at which cameras are shown, which decides the layer.
    pub max_height: Option<u16>,
    /// Seconds within which they all come, evenly spread.
    #[serde(default)]
    pub joins_within: f64,
    /// Seconds after which each leaves and somebody else comes in its place.
    pub stays: Option<f64>,
}

/// What participants are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// As little as possible.
    #[default]
    Light,
    /// The crate `webrtc`.
    Complete,
}

/// Largest values that are still good. Times in milliseconds, shares in percent.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Packets that never came, of all kinds of media.
    pub loss_percent: Option<f64>,
    /// Sound that never came.
    pub sound_loss_percent: Option<f64>,
    /// Delay of sound that 99 of 100 packets stay below.
    pub sound_p99_ms: Option<f64>,
    /// Delay of pictures that 99 of 100 packets stay below.
    pub picture_p99_ms: Option<f64>,
    /// From the start of a join to the first packet, for 95 of 100.
    pub join_p95_ms: Option<f64>,
    /// From the start of a join to the first picture, for 95 of 100.
    pub first_frame_p95_ms: Option<f64>,
    /// From the first join to the last participant's first packet.
    pub all_in_ms: Option<f64>,
    /// Key frames publishers are asked for, for each join.
    pub key_frames_per_join: Option<f64>,
    /// Times a picture stands still, for each watched picture and minute.
    pub freezes_per_minute: Option<f64>,
    /// Processor time of the server, of one core.
    pub server_cpu_percent: Option<f64>,
    /// Sound that had to be invented, by those who listen.
    pub concealed_percent: Option<f64>,
    /// From a commit of a circle to the new epoch, at 95 of 100 members.
    pub rekey_p95_ms: Option<f64>,
    /// After a path has become narrower: until no queue stands before it any more, in seconds.
    pub settled_s: Option<f64>,
    /// After a path has become wider: until the full picture is back, in seconds.
    pub full_again_s: Option<f64>,
    /// From the start of a join to the first decrypted frame, for 95 of 100.
    pub first_opened_p95_ms: Option<f64>,
    /// Slots that carried nothing although somebody sent for them.
    #[serde(default)]
    pub silent_slots: f64,
    /// Smallest mean opinion score (1 to 4.5) of what those who listen hear.
    pub mos_at_least: Option<f64>,
}

/// How the load is raised: by rooms.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Knee {
    /// Rooms at first.
    pub start: u32,
    /// Rooms at most.
    pub most: u32,
    /// Each step has so many times the rooms of the one before.
    pub growth: f64,
}

/// Why there is no usable scenario.
#[derive(Debug, Error)]
pub enum ScenarioError {
    /// Neither one of ours nor a file.
    #[error("there is no scenario {0}: it is neither a file nor one of {1}")]
    Unknown(String, String),
    /// The file cannot be read.
    #[error("cannot read {0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// A key is unknown, or a value is not what its key takes.
    #[error("{file}, line {line}: {problem}")]
    Invalid {
        /// The file.
        file: String,
        /// Line in it, from 1.
        line: usize,
        /// In words.
        problem: String,
    },
    /// What it asks for is not possible.
    #[error("{0}: {1}")]
    Impossible(String, &'static str),
}

/// The scenarios that come with the program.
const BUILT_IN: [(&str, &str); 16] = [
    ("smoke", include_str!("../scenarios/smoke.toml")),
    ("smoke-e2ee", include_str!("../scenarios/smoke-e2ee.toml")),
    ("lecture30", include_str!("../scenarios/lecture30.toml")),
    ("seminar8", include_str!("../scenarios/seminar8.toml")),
    ("class30", include_str!("../scenarios/class30.toml")),
    ("audio10", include_str!("../scenarios/audio10.toml")),
    ("audio50", include_str!("../scenarios/audio50.toml")),
    ("lecture100", include_str!("../scenarios/lecture100.toml")),
    ("massjoin", include_str!("../scenarios/massjoin.toml")),
    ("churn", include_str!("../scenarios/churn.toml")),
    ("lossy2", include_str!("../scenarios/lossy2.toml")),
    ("lossy5", include_str!("../scenarios/lossy5.toml")),
    ("ratestep", include_str!("../scenarios/ratestep.toml")),
    ("idle100", include_str!("../scenarios/idle100.toml")),
    ("knee", include_str!("../scenarios/knee.toml")),
    ("size", include_str!("../scenarios/size.toml")),
];

impl Scenario {
    /// One of ours by its name, or a file.
    ///
    /// # Errors
    ///
    /// When there is none, or it cannot be used.
    pub fn named(name: &str) -> Result<Self, ScenarioError> {
        if let Some((name, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
            return Self::parse(text, name);
        }
        let file = Path::new(name);
        if !file.exists() {
            let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
            return Err(ScenarioError::Unknown(name.to_owned(), names.join(", ")));
        }
        let text = std::fs::read_to_string(file)
            .map_err(|error| ScenarioError::Unreadable(file.to_owned(), error))?;
        Self::parse(&text, name)
    }

    /// Every scenario that comes with the program.
    pub fn all() -> impl Iterator<Item = Self> {
        BUILT_IN.iter().map(|(name, text)| Self::parse(text, name).expect("ours are good"))
    }

    /// Reads the text of a file; `file` names it in errors.
    ///
    /// # Errors
    ///
    /// When a key is unknown or a value out of its range.
    pub fn parse(text: &str, file: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start).min(text.len());
            let line = text.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count() + 1;
            let problem = error.message().replace('\n', " ");
            ScenarioError::Invalid { file: file.to_owned(), line, problem }
        })?;
        scenario.check(file)
    }

    fn check(self, file: &str) -> Result<Self, ScenarioError> {
        let impossible = |why| Err(ScenarioError::Impossible(file.to_owned(), why));
        let slots = |group: &Group| group.voices.max(group.cameras + group.screens);
        if self.groups.is_empty() || self.groups.iter().all(|group| group.count == 0) {
            return impossible("nobody comes");
        }
        if self.groups.iter().any(|group| group.red && group.kind == Kind::Complete) {
            return impossible("red is for light participants");
        }
        if self.e2ee && self.groups.iter().any(|group| group.red) {
            return impossible("there is no redundant sound in encrypted rooms");
        }
        if self.e2ee && self.participants() > MAX_MEMBERS {
            return impossible("with end-to-end encryption there are 500 participants at most");
        }
        if self.seconds == 0 || self.rooms == 0 {
            return impossible("seconds and rooms must be at least 1");
        }
        if self.groups.iter().any(|group| slots(group) > MAX_SLOTS) {
            return impossible("nobody can watch or hear more than 60 at once");
        }
        let times = self.groups.iter().flat_map(|group| [Some(group.joins_within), group.stays]);
        if times.flatten().any(|time| !(0.0..=3_600.0).contains(&time)) {
            return impossible("joins_within and stays are seconds, at most an hour");
        }
        let links = self.groups.iter().flat_map(|group| [&group.down, &group.up]).flatten();
        if links.clone().any(|link| link.check().is_err()) {
            return impossible(
                "a link loses 0 to 100 percent, delays by 0 to 60000 ms and carries more than 0 kbit/s",
            );
        }
        if links.count() > 0 && self.participants() as usize > Emulator::ADDRESSES {
            return impossible("with poor networks there are 254 participants at most");
        }
        if self.participants() > MAX_PARTICIPANTS {
            return impossible("more than 4000 participants are more than one machine can play");
        }
        if self.knee.is_some_and(|knee| knee.growth < 1.05 || knee.start == 0) {
            return impossible("a knee starts with at least one room and grows by at least 1.05");
        }
        Ok(self)
    }

    /// The networks of participants, by number; `None` when all are good.
    pub(crate) fn links(&self) -> Option<BTreeMap<usize, Links>> {
        let room = self.groups.iter().flat_map(|group| {
            let links = Links {
                out: group.down.clone().unwrap_or_default(),
                into: group.up.clone().unwrap_or_default(),
            };
            std::iter::repeat_n(links, group.count as usize)
        });
        let room: Vec<Links> = room.collect();
        let is_poor = room.iter().any(|links| *links != Links::default());
        is_poor.then(|| room.into_iter().cycle().take(Emulator::ADDRESSES).enumerate().collect())
    }

    /// The same in encrypted rooms.
    ///
    /// # Errors
    ///
    /// When it makes no sense there.
    pub fn encrypted(self) -> Result<Self, ScenarioError> {
        let name = self.name.clone();
        Self { e2ee: true, ..self }.check(&name)
    }

    /// The same in one room that is there already, encrypted or not.
    ///
    /// # Errors
    ///
    /// When it makes no sense there.
    pub fn in_one_room(self, is_encrypted: bool) -> Result<Self, ScenarioError> {
        if self.rooms != 1 || self.knee.is_some() {
            return Err(ScenarioError::Impossible(self.name, "a link opens one room, not several"));
        }
        let name = self.name.clone();
        Self { e2ee: is_encrypted, ..self }.check(&name)
    }

    /// Participants of all rooms.
    pub fn participants(&self) -> u32 {
        self.groups.iter().map(|group| group.count).sum::<u32>() * self.rooms
    }
}

const fn default_warm_up() -> u32 {
    2
}

const fn one() -> u32 {
    1
}

/// An offer with more slots of each kind would not fit a message.
const MAX_SLOTS: u32 = 60;

/// Each of them has a thread for its circle.
const MAX_MEMBERS: u32 = 500;

/// Beyond this the generator runs out of ports or descriptors.
const MAX_PARTICIPANTS: u32 = 4_000;

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "name = 'x'\nabout = 'x'\nseconds = 1\n[[group]]\ncount = 2\n";

    #[test]
    fn ours_are_good_and_bear_their_names() {
        for (scenario, (name, _)) in Scenario::all().zip(BUILT_IN) {
            assert_eq!(scenario.name, name);
            assert!(scenario.about.ends_with(['.', '?']), "{name} says what it shows");
        }
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let text = format!("{GOOD}cameras = 3\ncamras = 3\n");
        let error = Scenario::parse(&text, "class.toml").unwrap_err().to_string();
        assert!(error.starts_with("class.toml, line 7: unknown field `camras`"), "{error}");
        assert!(!error.contains('\n'), "one sentence: {error}");
    }

    #[test]
    fn impossible_wishes_are_refused_in_words() {
        let nobody = "name = 'x'\nabout = 'x'\nseconds = 1\ngroup = []\n";
        assert_eq!(Scenario::parse(nobody, "f").unwrap_err().to_string(), "f: nobody comes");
        for wish in
            ["voices = 61", "joins_within = -1", "stays = 1e9", "count = 5000", "up.delay_ms = -1"]
        {
            let text = GOOD.replace("count = 2", wish);
            let text = if wish.starts_with("count") { text } else { text + "count = 2\n" };
            assert!(Scenario::parse(&text, "f").is_err(), "{wish}");
        }
        let many = Scenario::parse(&GOOD.replace("seconds = 1", "seconds = 1\nrooms = 2"), "f");
        assert!(many.is_ok_and(|many| many.in_one_room(true).is_err()));
        assert!(Scenario::parse(GOOD, "f").is_ok());
        assert!(Scenario::named("no-such-scenario").unwrap_err().to_string().contains("smoke"));
    }
}
