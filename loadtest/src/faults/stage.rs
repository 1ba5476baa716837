//! A meeting to which a fault happens: a server in a network of its own, one person whom it strikes,
//! somebody who talks with them, and two others who should notice nothing.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use link_emulator::{Direction, Emulator, Link, Links};
use protocol::TrackSource;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::eyes::{Eyes, Seen};
use super::list::Cause;
use crate::command::CommandError;
use crate::measure::Meter;
use crate::media::Media;
use crate::participant::Identity;
use crate::resident::{Board, Habits, Resident};
use crate::target::{Ground, Preau, Room, ServerProcess, Target, TargetError, Wish};

/// What a stage is made of.
pub(super) struct Means<'a> {
    pub(super) program: &'a Path,
    pub(super) media: &'a Arc<Media>,
    pub(super) seed: u64,
}

/// A running meeting.
pub(super) struct Stage<'a> {
    pub(super) means: &'a Means<'a>,
    pub(super) server: ServerProcess,
    pub(super) ground: Ground<'static>,
    /// None where there is nothing but IPv6.
    pub(super) network: Option<Emulator>,
    pub(super) room: Arc<dyn Room>,
    /// For what a fault needs, such as a clock of its own.
    pub(super) folder: TempDir,
    pub(super) people: Vec<Resident>,
    board: Board,
    identity: Identity,
    eyes: Arc<Mutex<Vec<Eyes>>>,
    /// How late this program itself was at most since everybody was there, in milliseconds.
    late_ms: Arc<AtomicU64>,
    looking: JoinHandle<()>,
}

impl<'a> Stage<'a> {
    /// Everybody is there, sees and hears.
    pub(super) async fn set(means: &'a Means<'a>, cause: Cause) -> Result<Self, CommandError> {
        let folder = tempfile::tempdir().map_err(|error| {
            TargetError::Start("a meeting".to_owned(), format!("no folder: {error}"))
        })?;
        let is_v4 = !matches!(cause, Cause::OnlyIpv6);
        let network = is_v4.then(|| network(means.seed)).transpose()?;
        if let (Cause::Mtu(bytes), Some(network)) = (cause, &network) {
            network.set_mtu(bytes)?;
        }
        let mut ground = match &network {
            // In a namespace of its own it can have the port that firewalls let through.
            Some(network) => {
                Ground { enter: network.enter(), port: 443, ..Ground::at(network.far()) }
            }
            None => Ground::at(Ipv6Addr::LOCALHOST),
        };
        if let Cause::TermTwice = cause {
            ground.options = ["--drain-max", "30"].map(str::to_owned).to_vec();
        }
        if let Cause::ClockJump = cause {
            ground.environment = super::clock::environment(folder.path())?;
        }
        let (server, mut origin) = ServerProcess::preau(means.program, &ground)?;
        if !is_v4 && let Some((_, port)) = origin.rsplit_once(':') {
            // By its name this machine would be looked for under IPv4 first.
            origin = format!("https://[{}]:{port}", ground.address);
        }
        let room = Preau::at(&origin)?.open_room(PEOPLE, false).await?;
        let identity = Identity::generate()
            .ok_or_else(|| TargetError::Exhausted("randomness", "no certificate".to_owned()))?;
        let eyes = Arc::new(Mutex::new(Vec::new()));
        let late_ms = Arc::new(AtomicU64::new(0));
        let looking = tokio::spawn(look(Arc::clone(&eyes), Arc::clone(&late_ms)));
        let mut stage = Self {
            means,
            server,
            ground,
            network,
            room: room.into(),
            folder,
            people: Vec::new(),
            board: Board::default(),
            identity,
            eyes,
            late_ms,
            looking,
        };
        for number in 0..PEOPLE {
            stage.add(number).await?;
        }
        stage.until_all_flow(Instant::now(), SETTLING).await?;
        sleep(SETTLED).await;
        stage.late_ms.store(0, Ordering::Relaxed);
        Ok(stage)
    }

    /// Who is struck and who talks with them, then the others: each watches one.
    async fn add(&mut self, number: usize) -> Result<(), TargetError> {
        let meter = Meter::default();
        let wish = Wish {
            sends: vec![TrackSource::Microphone, TrackSource::Camera],
            sound_slots: 1,
            picture_slots: 1,
            listens: true,
            red: true,
            postmarks: None,
            is_complete: false,
            from: self.address(number),
            seed: self.means.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (number as u64) << 32,
            identity: self.identity.clone(),
            shield: None,
            meter: meter.clone(),
        };
        let habits = Habits { number, watches: vec![number ^ 1], max_height: None, wish };
        let media = Arc::clone(self.means.media);
        let board = self.board.clone();
        let resident = Resident::enter(self.room.as_ref(), habits, board, media).await?;
        self.people.push(resident);
        lock(&self.eyes).push(Eyes::new(meter));
        Ok(())
    }

    /// An address outside.
    pub(super) fn address(&self, number: usize) -> Option<IpAddr> {
        self.network.as_ref().map(|network| network.address(number).into())
    }

    /// Changes the network of one address.
    pub(super) fn change(&self, number: usize, up: &str, down: &str) {
        let link = |text: &str| text.parse::<Link>().expect("links of ours are good");
        if let Some(network) = &self.network {
            network.change_of(number, Direction::In, link(up));
            network.change_of(number, Direction::Out, link(down));
        }
    }

    /// Somebody more, who sees and hears the second, and leaves.
    ///
    /// # Errors
    ///
    /// When they are not let in.
    pub(super) async fn newcomer(&self, number: usize) -> Result<(), TargetError> {
        let wish = Wish {
            sends: Vec::new(),
            sound_slots: 1,
            picture_slots: 1,
            listens: false,
            red: false,
            postmarks: None,
            is_complete: false,
            from: self.address(number),
            seed: number as u64,
            identity: self.identity.clone(),
            shield: None,
            meter: Meter::default(),
        };
        let seat = self.room.enter(wish).await?;
        seat.leave().await;
        Ok(())
    }

    /// Forgets what was seen so far.
    pub(super) fn mark(&self) {
        lock(&self.eyes).iter_mut().for_each(Eyes::mark);
    }

    /// What the struck saw and heard and what was seen and heard of them since the mark; then the same
    /// of the others.
    pub(super) fn seen(&self) -> [Seen; 2] {
        let (now, eyes) = (Instant::now(), lock(&self.eyes));
        let pair = |first: usize| eyes[first].seen(now).and(eyes[first + 1].seen(now));
        [pair(0), pair(2)]
    }

    /// Waits until everybody has seen and heard something since then; gives how long that took.
    pub(super) async fn until_all_flow(
        &self,
        then: Instant,
        patience: Duration,
    ) -> Result<Duration, TargetError> {
        while !lock(&self.eyes).iter().all(|eyes| eyes.flows_since(then)) {
            if then.elapsed() > patience {
                let silent = lock(&self.eyes).iter().filter(|it| !it.flows_since(then)).count();
                let why = format!("{silent} of {PEOPLE} see or hear nothing after {patience:?}");
                return Err(TargetError::Refused("media", why));
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(then.elapsed())
    }

    /// Waits until everybody has a session.
    pub(super) async fn until_all_are_heard(&self, patience: Duration) -> Result<(), TargetError> {
        let began = Instant::now();
        while self.people.iter().any(|it| it.lot.is_cut.load(Ordering::Relaxed)) {
            if began.elapsed() > patience {
                let why = "a session that was cut is not opened again".to_owned();
                return Err(TargetError::Refused("to let somebody come back", why));
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// How late this program itself was at most, in milliseconds.
    pub(super) fn late_ms(&self) -> u64 {
        self.late_ms.load(Ordering::Relaxed)
    }

    /// Times anybody came back.
    pub(super) fn returns(&self) -> u64 {
        self.people.iter().map(|resident| resident.lot.returns()).sum()
    }

    /// Everybody leaves.
    pub(super) async fn clear(mut self) {
        let people = std::mem::take(&mut self.people);
        futures_util::future::join_all(people.into_iter().map(Resident::leave)).await;
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

fn network(seed: u64) -> Result<Emulator, CommandError> {
    let link: Link = super::GOOD.parse().expect("it is good");
    let links = Links { out: link.clone(), into: link };
    Ok(Emulator::start(links, BTreeMap::new(), seed)?)
}

async fn look(eyes: Arc<Mutex<Vec<Eyes>>>, late_ms: Arc<AtomicU64>) {
    let mut tick = interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let late = tick.tick().await.elapsed();
        late_ms.fetch_max(late.as_millis() as u64, Ordering::Relaxed);
        let now = Instant::now();
        lock(&eyes).iter_mut().for_each(|eyes| eyes.look(now));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Two pairs.
const PEOPLE: usize = 4;

/// How exactly gaps are measured.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A meeting that does not come about in this time never will.
const SETTLING: Duration = Duration::from_secs(20);

/// Time for paths to be known and flows to be counted on.
const SETTLED: Duration = Duration::from_millis(1_500);
