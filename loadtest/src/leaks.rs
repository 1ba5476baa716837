//! Many who come, connect with real ICE and DTLS, and go: nothing of them stays in the server.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use futures_util::future::join_all;
use protocol::TrackSource;

use crate::command::{CommandError, own_address, print};
use crate::measure::{Meter, ProcessSample};
use crate::media::Media;
use crate::participant::Identity;
use crate::participant::light::Connection;
use crate::target::{
    Ground, Preau, Room, ServerProcess, Target, TargetError, Wish, free_port, metrics,
};

/// How many.
#[derive(Debug, Args)]
pub(crate) struct LeaksWish {
    /// Joins and leaves
    #[arg(long, default_value_t = 10_000)]
    joins: u64,
    /// The program of the Préau server
    #[arg(long, value_name = "PROGRAM")]
    start: PathBuf,
    /// Decides everything that is left to chance
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What a server holds. Objects are those its metrics name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Holdings {
    pub(crate) objects: [u64; OBJECTS.len()],
    pub(crate) threads: usize,
    pub(crate) descriptors: usize,
    pub(crate) resident_mib: f64,
}

impl Holdings {
    /// Of the server with this process number and this port of metrics.
    ///
    /// # Errors
    ///
    /// When it is gone.
    pub(crate) async fn of(pid: u32, port: u16) -> Result<Self, TargetError> {
        let metrics = metrics(port).await?;
        let sample = ProcessSample::of(pid).ok_or(TargetError::Gone)?;
        let object = |name: &str| metrics.get(name).map_or(u64::MAX, |value| *value as u64);
        Ok(Self {
            objects: OBJECTS.map(object),
            threads: sample.threads,
            descriptors: sample.descriptors,
            resident_mib: sample.resident_mib(),
        })
    }

    /// Waits until the server holds what `is_settled` wants; gives what it holds then, or at the end
    /// of all patience.
    pub(crate) async fn settled(
        pid: u32,
        port: u16,
        is_settled: impl Fn(&Self) -> bool,
    ) -> Result<Self, TargetError> {
        let began = Instant::now();
        loop {
            let now = Self::of(pid, port).await?;
            if is_settled(&now) || began.elapsed() > FORGETTING {
                return Ok(now);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Whether nobody is there and nothing of anybody.
    pub(crate) fn is_empty(&self) -> bool {
        self.objects == [0; OBJECTS.len()]
    }

    /// Whether everything that is counted is what it was.
    pub(crate) fn is_as_before(&self, before: &Self) -> bool {
        (self.objects, self.threads, self.descriptors)
            == (before.objects, before.threads, before.descriptors)
    }

    pub(crate) fn text(&self) -> String {
        let objects = OBJECTS.iter().zip(self.objects);
        let objects: Vec<String> = objects
            .map(|(name, count)| format!("{} {count}", name.trim_start_matches("preau_")))
            .collect();
        format!(
            "{}; {} threads, {} descriptors, {:.1} MiB",
            objects.join(", "),
            self.threads,
            self.descriptors,
            self.resident_mib
        )
    }
}

/// Plays them, and gives the exit code.
pub(crate) fn execute(wish: &LeaksWish) -> Result<u8, CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(CommandError::Runtime)?;
    runtime.block_on(play(wish))
}

async fn play(wish: &LeaksWish) -> Result<u8, CommandError> {
    let exhausted = |error: std::io::Error| TargetError::Exhausted("ports", error.to_string());
    let port = free_port().map_err(exhausted)?;
    let ground = Ground { metrics_port: port, ..Ground::at([127, 0, 0, 1]) };
    let (server, url) = ServerProcess::preau(&wish.start, &ground)?;
    let room: Arc<dyn Room> = Preau::at(&url)?.open_room(AT_ONCE as usize, false).await?.into();
    let identity = Identity::generate()
        .ok_or_else(|| TargetError::Exhausted("randomness", "no certificate".to_owned()))?;
    let crowd = Crowd { room, identity, seed: wish.seed, joined: AtomicU64::new(0) };
    let pid = server.pid();
    // What is made once is made, and the room is in memory as rooms are in which somebody was.
    crowd.visit(WARMING_UP.min(wish.joins)).await?;
    let before = Holdings::settled(pid, port, Holdings::is_empty).await?;
    print(&format!("after {:>6} joins: {}\n", crowd.joined(), before.text()))?;
    let began = Instant::now();
    let step = (wish.joins / 10).max(1);
    for _ in 0..10 {
        crowd.visit(step).await?;
        let now = Holdings::of(pid, port).await?;
        print(&format!("after {:>6} joins: {}\n", crowd.joined(), now.text()))?;
    }
    let took = began.elapsed();
    let after = Holdings::settled(pid, port, |now| now.is_as_before(&before)).await?;
    print(&format!("when all are gone:  {}\n", after.text()))?;
    let grown = after.resident_mib - before.resident_mib;
    let is_flat = grown <= TOLERANCE_MIB;
    let is_same = after.is_as_before(&before);
    print(&format!(
        "{} joins and leaves in {:.0} s: objects, threads and descriptors {}, memory {grown:+.1} MiB (allowed {TOLERANCE_MIB})\n{} passed, {} failed\n",
        step * 10,
        took.as_secs_f64(),
        if is_same { "as before" } else { "NOT as before" },
        u8::from(is_same) + u8::from(is_flat),
        u8::from(!is_same) + u8::from(!is_flat),
    ))?;
    Ok(u8::from(!(is_same && is_flat)))
}

/// All who come.
struct Crowd {
    room: Arc<dyn Room>,
    identity: Identity,
    seed: u64,
    joined: AtomicU64,
}

impl Crowd {
    fn joined(&self) -> u64 {
        self.joined.load(Ordering::Relaxed)
    }

    /// So many come and go, some of them at the same time.
    async fn visit(&self, joins: u64) -> Result<(), TargetError> {
        let end = self.joined() + joins;
        let lanes = join_all((0..AT_ONCE).map(|_| async move {
            while self.joined.load(Ordering::Relaxed) < end {
                let number = self.joined.fetch_add(1, Ordering::Relaxed);
                self.come_and_go(number).await?;
            }
            Ok(())
        }));
        lanes.await.into_iter().collect()
    }

    async fn come_and_go(&self, number: u64) -> Result<(), TargetError> {
        let from: IpAddr = own_address(number as usize);
        let wish = Wish {
            sends: vec![TrackSource::Microphone, TrackSource::Camera],
            sound_slots: 2,
            picture_slots: 2,
            listens: false,
            red: false,
            postmarks: None,
            is_complete: false,
            from: Some(from),
            seed: self.seed.wrapping_add(number << 16),
            identity: self.identity.clone(),
            shield: None,
            meter: Meter::default(),
        };
        let mut seat = self.room.enter(wish.clone()).await?;
        let silent = || TargetError::Refused("media", "no connection within 10 s".to_owned());
        let negotiated = seat.connect().await?.ok_or_else(silent)?;
        let mut connection = Connection::open(negotiated, &wish, Arc::new(Media::empty()))?;
        let connected = tokio::time::timeout(CONNECTING, connection.connected());
        connected.await.map_err(|_| silent())??;
        seat.publish().await?;
        // Some are cut off without a word.
        if !number.is_multiple_of(CUT_EVERY) {
            seat.leave().await;
            connection.close().await;
        }
        Ok(())
    }
}

/// What metrics count of those present.
const OBJECTS: [&str; 5] = [
    "preau_participants",
    "preau_connections",
    "preau_sessions_waiting",
    "preau_media_transports",
    "preau_media_rooms",
];

/// Who come at the same time.
const AT_ONCE: u64 = 16;
/// One in so many does not say goodbye.
const CUT_EVERY: u64 = 200;
/// Joins after which everything that is made once is made.
const WARMING_UP: u64 = 1_000;
/// What the allocator may hold in other places than before; one object of 1 KiB left by each of 10,000
/// joins would be 10 MiB.
const TOLERANCE_MIB: f64 = 5.0;
/// A connection that is not there by then never will be.
const CONNECTING: Duration = Duration::from_secs(10);
/// Whoever was cut off is forgotten after 30 s.
const FORGETTING: Duration = Duration::from_secs(75);
