//! Plays a scenario against a target and collects what its participants measure.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use crate::clock::{self, Nanos};
use crate::e2ee::Shield;
use crate::measure::{Histogram, Join, Measured, Meter, ProcessSample, ProcessUse, SystemCalls};
use crate::media::Media;
use crate::participant::{Attention, Identity, Shared, play};
use crate::postmark::Postmarks;
use crate::scenario::{Group, Kind, Scenario};
use crate::target::{Room, Target, TargetError, Wish};

/// What a run needs besides its scenario.
pub(crate) struct Setting<'a> {
    pub(crate) target: &'a dyn Target,
    pub(crate) media: Arc<Media>,
    /// The server's process, when it is on this machine.
    pub(crate) server_pid: Option<u32>,
    /// Gives each participant an address of its own, by number, where that makes sense.
    pub(crate) address: &'a dyn Fn(usize) -> Option<IpAddr>,
    pub(crate) seed: u64,
    /// How many bytes of memory this process may still take, where that is known.
    pub(crate) memory_left: fn() -> Option<u64>,
    /// Told what happens, once a second.
    pub(crate) progress: &'a mut dyn FnMut(&Progress),
}

/// Where a run is.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    pub(crate) phase: &'static str,
    pub(crate) joined: usize,
    pub(crate) participants: u32,
    pub(crate) second: usize,
    pub(crate) seconds: u32,
    pub(crate) packets: u64,
    pub(crate) delay_p99_us: Option<u64>,
}

/// All that was seen.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Of the measured time.
    pub(crate) total: Measured,
    /// Before it.
    pub(crate) before: Measured,
    pub(crate) joins: Vec<Join>,
    pub(crate) failures: Vec<String>,
    pub(crate) seconds: Vec<Second>,
    /// When the measured time began.
    pub(crate) measured_from: Nanos,
    pub(crate) measured_for: Duration,
    pub(crate) server: Option<ProcessUse>,
    /// System calls of the server a second, where they can be counted.
    pub(crate) system_calls: Option<f64>,
    pub(crate) generator: Option<ProcessUse>,
    /// How late the generator itself was with what it had to do, in microseconds.
    pub(crate) lag: Histogram,
    /// Why the run ended early, if it did.
    pub(crate) incomplete: Option<TargetError>,
}

/// One second of the measured time.
#[derive(Clone, Debug)]
pub(crate) struct Second {
    pub(crate) measured: Measured,
    pub(crate) server: Option<ProcessUse>,
}

/// Plays a scenario.
///
/// # Errors
///
/// When it cannot even begin. Whatever happens later is in the outcome.
pub(crate) async fn run(
    scenario: &Scenario,
    setting: &mut Setting<'_>,
) -> Result<Outcome, TargetError> {
    let broken = || TargetError::Exhausted("randomness", "no certificate can be made".to_owned());
    let identity = Identity::generate().ok_or_else(broken)?;
    let mut crowd = Crowd {
        media: Arc::clone(&setting.media),
        identity,
        address: setting.address,
        postmarks: (!setting.target.hands_times_through()).then(Postmarks::default),
        seed: setting.seed,
        is_encrypted: scenario.e2ee,
        people: JoinSet::new(),
        meters: Vec::new(),
        feeds: Vec::new(),
        end: watch::Sender::new(false),
        failures: BTreeMap::new(),
        fault: None,
        next: 0,
    };
    let per_room: u32 = scenario.groups.iter().map(|group| group.count).sum();
    for _ in 0..scenario.rooms {
        let room = setting.target.open_room(per_room as usize, scenario.e2ee).await?;
        crowd.fill(scenario, room.into());
    }
    let mut collector = Collector::new(setting, scenario);
    if !scenario.measures_joins {
        collector.wait_for_joins(&mut crowd).await;
    }
    collector.measure(&mut crowd).await;
    crowd.end.send_replace(true);
    let leaving = async { while crowd.people.join_next().await.is_some() {} };
    // Whoever does not leave in time is cut.
    let _ = timeout(LEAVING, leaving).await;
    Ok(collector.outcome(crowd))
}

/// Everybody who takes part.
struct Crowd<'a> {
    media: Arc<Media>,
    identity: Identity,
    address: &'a dyn Fn(usize) -> Option<IpAddr>,
    postmarks: Option<Postmarks>,
    seed: u64,
    is_encrypted: bool,
    people: JoinSet<Result<(), TargetError>>,
    meters: Vec<Meter>,
    feeds: Vec<watch::Sender<Arc<Vec<crate::target::Feed>>>>,
    end: watch::Sender<bool>,
    /// In words, with how often each was met.
    failures: BTreeMap<String, usize>,
    fault: Option<TargetError>,
    next: u64,
}

impl Crowd<'_> {
    fn fill(&mut self, scenario: &Scenario, room: Arc<dyn Room>) {
        let feeds = watch::Sender::default();
        self.feeds.push(feeds.clone());
        for group in &scenario.groups {
            for nth in 0..group.count {
                let after = group.joins_within * f64::from(nth) / f64::from(group.count);
                let after = Duration::from_secs_f64(after);
                self.add(group, Arc::clone(&room), &feeds, after);
            }
        }
    }

    fn add(
        &mut self,
        group: &Group,
        room: Arc<dyn Room>,
        feeds: &watch::Sender<Arc<Vec<crate::target::Feed>>>,
        after: Duration,
    ) {
        let attention = Attention {
            voices: group.voices as usize,
            cameras: group.cameras as usize,
            screens: group.screens as usize,
            max_height: group.max_height,
        };
        let mut end = self.end.subscribe();
        let shared =
            Shared { feeds: feeds.clone(), end: end.clone(), media: Arc::clone(&self.media) };
        let stays = group.stays.map(Duration::from_secs_f64);
        let visits = if stays.is_some() { MAX_VISITS } else { 1 };
        // One meter for each visit, made beforehand so that the collector knows all.
        let number = self.next;
        self.next += 1;
        let meters: Vec<Meter> = (0..visits).map(|_| Meter::default()).collect();
        self.meters.extend(meters.iter().cloned());
        let wish = Wish {
            sends: group.sends.clone(),
            sound_slots: attention.voices,
            listens: group.listens,
            red: group.red,
            is_complete: group.kind == Kind::Complete,
            postmarks: self.postmarks.clone(),
            picture_slots: attention.cameras + attention.screens,
            from: (self.address)(number as usize),
            seed: self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number << 16),
            identity: self.identity.clone(),
            shield: None,
            meter: Meter::default(),
        };
        let is_encrypted = self.is_encrypted;
        let begin = Instant::now() + after;
        self.people.spawn(async move {
            sleep_until(begin).await;
            for (visit, meter) in (0..).zip(meters) {
                if *end.borrow_and_update() {
                    break;
                }
                let shield = is_encrypted.then(Shield::default);
                let wish = Wish { meter, shield, seed: wish.seed + visit, ..wish.clone() };
                play(room.as_ref(), wish, attention, shared.clone(), stays).await?;
            }
            Ok(())
        });
    }

    /// Notes who failed and why. True while anybody is still there.
    fn look_after(&mut self) -> bool {
        while let Some(ended) = self.people.try_join_next() {
            match ended {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    self.note_failure(error.to_string());
                    self.fault = Some(error);
                }
                Err(error) => self.note_failure(error.to_string()),
            }
        }
        !self.people.is_empty()
    }

    fn note_failure(&mut self, words: String) {
        if self.failures.len() < MAX_FAILURES || self.failures.contains_key(&words) {
            *self.failures.entry(words).or_default() += 1;
        }
    }

    fn joined(&self) -> usize {
        self.meters.iter().filter(|meter| meter.lock().join.dtls.is_some()).count()
    }
}

struct Collector<'a, 'b> {
    setting: &'a mut Setting<'b>,
    scenario: &'a Scenario,
    total: Measured,
    before: Measured,
    seconds: Vec<Second>,
    measured_from: Nanos,
    measured_for: Duration,
    server: Option<ProcessUse>,
    system_calls: Option<f64>,
    generator: Option<ProcessUse>,
    lag: Histogram,
    incomplete: Option<TargetError>,
}

impl<'a, 'b> Collector<'a, 'b> {
    fn new(setting: &'a mut Setting<'b>, scenario: &'a Scenario) -> Self {
        Self {
            setting,
            scenario,
            total: Measured::default(),
            before: Measured::default(),
            seconds: Vec::new(),
            measured_from: 0,
            measured_for: Duration::ZERO,
            server: None,
            system_calls: None,
            generator: None,
            lag: Histogram::default(),
            incomplete: None,
        }
    }

    async fn wait_for_joins(&mut self, crowd: &mut Crowd<'_>) {
        let within = self.scenario.groups.iter().map(|group| group.joins_within);
        let within = Duration::from_secs_f64(within.fold(0.0, f64::max));
        let deadline = Instant::now() + within + JOINING;
        let expected = self.scenario.participants() as usize;
        let mut tick = interval(Duration::from_millis(100));
        let mut ticks = 0;
        while crowd.joined() < expected && Instant::now() < deadline {
            tick.tick().await;
            if !crowd.look_after() || crowd.fault.is_some() || self.is_out_of_memory() {
                break;
            }
            ticks += 1;
            if ticks % 10 == 0 {
                self.tell("joining", crowd, None);
            }
        }
        tokio::time::sleep(Duration::from_secs(self.scenario.warm_up.into())).await;
        self.before.add(&take(crowd));
    }

    async fn measure(&mut self, crowd: &mut Crowd<'_>) {
        let sample = |pid: Option<u32>| pid.and_then(ProcessSample::of);
        let own = Some(std::process::id());
        // It ends a little before the measured time does.
        let counted = self.scenario.seconds.saturating_sub(1).max(1);
        let calls = self.setting.server_pid.and_then(|pid| SystemCalls::count(pid, counted));
        let begin = Instant::now();
        self.measured_from = clock::now();
        crowd.meters.iter().for_each(|meter| meter.lock().begin(self.measured_from));
        let (server, generator) = (sample(self.setting.server_pid), sample(own));
        let mut last = server;
        let mut tick = interval(LAG_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut next = begin + Duration::from_secs(1);
        while self.seconds.len() < self.scenario.seconds as usize && self.incomplete.is_none() {
            let due = tick.tick().await;
            self.lag.record(due.elapsed().as_micros() as u64);
            if Instant::now() < next {
                continue;
            }
            next += Duration::from_secs(1);
            let measured = take(crowd);
            let now = sample(self.setting.server_pid);
            let used = now.zip(last).map(|(now, last)| now.since(&last));
            last = now;
            self.total.add(&measured);
            self.tell("measuring", crowd, Some(&measured));
            self.seconds.push(Second { measured, server: used });
            self.is_out_of_memory();
            let is_gone = self.setting.server_pid.is_some() && now.is_none();
            if !crowd.look_after() || is_gone {
                self.incomplete = Some(crowd.fault.take().unwrap_or(TargetError::Gone));
                break;
            }
        }
        self.measured_for = begin.elapsed();
        crowd.meters.iter().for_each(|meter| meter.lock().end(clock::now()));
        self.total.add(&take(crowd));
        self.system_calls = calls.and_then(|calls| calls.finish(counted));
        let since = |sample: Option<ProcessSample>, before: Option<ProcessSample>| {
            Some(sample?.since(&before?))
        };
        self.server = since(sample(self.setting.server_pid), server);
        self.generator = since(sample(own), generator);
    }

    /// True, and the run over, when the next allocation may be the last.
    fn is_out_of_memory(&mut self) -> bool {
        let left = (self.setting.memory_left)();
        if let Some(left) = left.filter(|left| *left < LEAST_MEMORY) {
            let left = format!("only {} MiB are left", left >> 20);
            self.incomplete = Some(TargetError::Exhausted("memory", left));
        }
        self.incomplete.is_some()
    }

    fn tell(&mut self, phase: &'static str, crowd: &Crowd<'_>, measured: Option<&Measured>) {
        let mut delay = Histogram::default();
        if let Some(measured) = measured {
            delay.merge(&measured.sound.delay);
            delay.merge(&measured.picture.delay);
        }
        (self.setting.progress)(&Progress {
            phase,
            joined: crowd.joined(),
            participants: self.scenario.participants(),
            second: self.seconds.len() + 1,
            seconds: self.scenario.seconds,
            packets: measured.map_or(0, Measured::packets_received),
            delay_p99_us: delay.quantile(0.99),
        });
    }

    fn outcome(self, mut crowd: Crowd<'_>) -> Outcome {
        crowd.look_after();
        let joins = crowd.meters.iter().map(|meter| meter.lock().join);
        let mut joins: Vec<Join> = joins.filter(|join| join.began.is_some()).collect();
        joins.sort_by_key(|join| join.began);
        Outcome {
            total: self.total,
            before: self.before,
            joins,
            failures: crowd.failures.into_iter().map(times).collect(),
            seconds: self.seconds,
            measured_from: self.measured_from,
            measured_for: self.measured_for,
            server: self.server,
            system_calls: self.system_calls,
            generator: self.generator,
            lag: self.lag,
            incomplete: self.incomplete.or(crowd.fault),
        }
    }
}

/// A failure and how often it was met.
fn times((words, count): (String, usize)) -> String {
    if count == 1 { words } else { format!("{words} ({count} times)") }
}

/// Everything all meters saw since the last time.
fn take(crowd: &Crowd<'_>) -> Measured {
    let mut sum = Measured::default();
    for meter in &crowd.meters {
        let measured = meter.lock().take();
        sum.add(&measured);
    }
    sum
}

/// Time of day, for reports.
pub(crate) fn unix_seconds() -> u64 {
    clock::now() / clock::SECOND
}

/// Time for the last participant to get in.
const JOINING: Duration = Duration::from_secs(15);

/// Time to leave in order.
const LEAVING: Duration = Duration::from_secs(5);

/// How often the generator looks whether it is late itself.
const LAG_INTERVAL: Duration = Duration::from_millis(10);

/// A run ends when less is left: enough to sum up and to write a report of thousands of joins.
const LEAST_MEMORY: u64 = 64 << 20;

/// Kinds of failures that are remembered in words.
const MAX_FAILURES: usize = 20;

/// Visits of a participant who comes and goes.
const MAX_VISITS: u64 = 64;

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::target::Seat;

    /// A server that never lets anybody in.
    struct Silent;

    #[async_trait]
    impl Target for Silent {
        fn name(&self) -> &'static str {
            "silent"
        }

        fn hands_times_through(&self) -> bool {
            true
        }

        async fn open_room(&self, _: usize, _: bool) -> Result<Box<dyn Room>, TargetError> {
            Ok(Box::new(Self))
        }
    }

    #[async_trait]
    impl Room for Silent {
        async fn enter(&self, wish: Wish) -> Result<Box<dyn Seat>, TargetError> {
            wish.meter.lock().join.socket = Some(clock::now());
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn a_run_ends_before_memory_does_and_keeps_what_it_saw() {
        let text = "name = 'x'\nabout = 'x'\nseconds = 600\nwarm_up = 0\n[[group]]\ncount = 2\n";
        let scenario = Scenario::parse(text, "x").unwrap();
        let mut setting = Setting {
            target: &Silent,
            media: Media::empty().into(),
            server_pid: None,
            address: &|_| None,
            seed: 1,
            memory_left: || Some(LEAST_MEMORY - 1),
            progress: &mut |_| {},
        };
        let outcome = run(&scenario, &mut setting).await.unwrap();
        let why = outcome.incomplete.map(|why| why.to_string());
        assert_eq!(why.as_deref(), Some("this machine has no more memory: only 63 MiB are left"));
        assert_eq!(outcome.joins.len(), 2, "the report is kept");
    }
}
