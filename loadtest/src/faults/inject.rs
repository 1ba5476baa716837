//! How each fault is made.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, Signal, getrlimit};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::sleep;

use super::GOOD;
use super::clock::{self, Shift};
use super::eyes::Seen;
use super::list::Cause;
use super::stage::Stage;
use crate::command::CommandError;
use crate::resident::Order;
use crate::target::TargetError;

/// What came of it.
#[derive(Default)]
pub(super) struct Injected {
    /// From its end until everything flowed again; of changes without a length, the longest time
    /// without sound, for 95 of 100.
    pub(super) again: Option<Duration>,
    /// What was seen before the last mark.
    pub(super) earlier: [Seen; 2],
}

impl From<Duration> for Injected {
    fn from(again: Duration) -> Self {
        Self { again: Some(again), ..Self::default() }
    }
}

/// Makes it, and waits until it is over and everything flows again.
pub(super) async fn inject(stage: &mut Stage<'_>, cause: Cause) -> Result<Injected, CommandError> {
    match cause {
        Cause::Link { up, down, seconds } => {
            stage.change(STRUCK, up, down);
            sleep(Duration::from_secs(seconds)).await;
            stage.change(STRUCK, GOOD, GOOD);
            let again = stage.until_all_flow(Instant::now(), PATIENCE).await?;
            stage.until_all_are_heard(PATIENCE).await?;
            Ok(again.into())
        }
        Cause::Mtu(_) | Cause::OnlyIpv6 => {
            sleep(Duration::from_secs(5)).await;
            stage.newcomer(NEWCOMER).await?;
            Ok(Injected::default())
        }
        Cause::Rebinding(times) => {
            gaps(stage, times, async |stage, _| {
                stage.people[STRUCK].order(Order::Rebind).await;
            })
            .await
        }
        Cause::Moves(times) => {
            gaps(stage, times, async |stage, time| {
                // Each time an address where they never were; the one before is dead.
                let former = if time == 0 { STRUCK } else { ELSEWHERE + time - 1 };
                if let Some(address) = stage.address(ELSEWHERE + time) {
                    stage.people[STRUCK].order(Order::Move(address)).await;
                    stage.change(former, GONE, GONE);
                }
            })
            .await
        }
        Cause::Killed => {
            stage.server.kill();
            sleep(Duration::from_secs(1)).await;
            restart(stage).await
        }
        Cause::Stopped(seconds) => {
            stage.server.signal(Signal::STOP);
            sleep(Duration::from_secs(seconds)).await;
            stage.server.signal(Signal::CONT);
            Ok(stage.until_all_flow(Instant::now(), PATIENCE).await?.into())
        }
        Cause::TermTwice => {
            stage.server.signal(Signal::TERM);
            // A meeting goes on while the server only waits for its end.
            sleep(Duration::from_secs(3)).await;
            let [struck, others] = stage.seen();
            let gap = struck.and(others).gap();
            if stage.server.has_ended() || gap > DRAINING_GAP {
                let why = format!("the meeting paused for {gap:?}, or the server ended");
                return Err(TargetError::Refused("to let the meeting go on", why).into());
            }
            stage.server.signal(Signal::TERM);
            let asked = Instant::now();
            while !stage.server.has_ended() {
                if asked.elapsed() > PATIENCE {
                    let why = "it runs on".to_owned();
                    return Err(TargetError::Refused("to end", why).into());
                }
                sleep(Duration::from_millis(20)).await;
            }
            restart(stage).await
        }
        Cause::ClockJump => {
            for shift in [Shift::Year, Shift::None] {
                clock::set(stage.folder.path(), shift)?;
                sleep(Duration::from_secs(5)).await;
            }
            stage.newcomer(NEWCOMER).await?;
            Ok(Injected::default())
        }
        Cause::NoDescriptors => without_descriptors(stage).await,
        Cause::LittleMemory => with_little_memory(stage).await,
    }
}

/// Does something so many times.
async fn gaps(
    stage: &mut Stage<'_>,
    times: usize,
    change: impl AsyncFn(&Stage<'_>, usize),
) -> Result<Injected, CommandError> {
    let (mut gaps, mut earlier) = (Vec::new(), [Seen::default(); 2]);
    for time in 0..times {
        stage.mark();
        change(stage, time).await;
        sleep(BETWEEN).await;
        stage.until_all_flow(Instant::now(), PATIENCE).await?;
        let [struck, others] = stage.seen();
        gaps.push(struck.sound_gap);
        earlier = [earlier[0].and(struck), earlier[1].and(others)];
    }
    stage.mark();
    gaps.sort_unstable();
    let again = gaps.get((gaps.len() * 95).div_ceil(100).saturating_sub(1)).copied();
    Ok(Injected { again, earlier })
}

/// Starts the server again; gives how long everybody took from the moment it was up.
async fn restart(stage: &mut Stage<'_>) -> Result<Injected, CommandError> {
    stage.server.again(stage.means.program, &stage.ground)?;
    let up = Instant::now();
    let again = stage.until_all_flow(up, PATIENCE).await?;
    // The links are valid: somebody who was not there comes in by the same one.
    stage.newcomer(NEWCOMER).await?;
    Ok(again.into())
}

async fn without_descriptors(stage: &mut Stage<'_>) -> Result<Injected, CommandError> {
    let open = std::fs::read_dir(format!("/proc/{}/fd", stage.server.pid()));
    let open = open.map_or(0, Iterator::count) as u64;
    // What it may have at most it has from this process.
    let few = Rlimit { current: Some(open + 1), ..getrlimit(Resource::Nofile) };
    let before = stage.server.limit(Resource::Nofile, few)?;
    let asking = ask(stage, 64).await;
    sleep(Duration::from_secs(3)).await;
    drop(asking);
    stage.server.limit(Resource::Nofile, before)?;
    let began = Instant::now();
    stage.newcomer(NEWCOMER).await?;
    Ok(began.elapsed().into())
}

async fn with_little_memory(stage: &mut Stage<'_>) -> Result<Injected, CommandError> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", stage.server.pid()));
    let status = status.unwrap_or_default();
    let data = status.lines().find_map(|line| line.strip_prefix("VmData:"));
    let data = data.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    let most = data.unwrap_or(0) * 1_024 + (48 << 20);
    let little = Rlimit { current: Some(most), maximum: Some(most) };
    stage.server.limit(Resource::Data, little)?;
    let asking = ask(stage, 1_000).await;
    if let Some(server) = server(stage) {
        let from = stage.address(NEWCOMER + 1).unwrap_or(server.ip());
        let socket = UdpSocket::bind((from, 0)).map_err(exhausted)?;
        let mut datagram = [0; 200];
        for number in 0..20_000_u32 {
            // Of every class in turn, each another one.
            datagram[0] = [0, 22, 128, 144][number as usize % 4];
            datagram[4..8].copy_from_slice(&number.to_be_bytes());
            // What the system does not take is not sent.
            let _ = socket.send_to(&datagram, server);
            if number.is_multiple_of(100) {
                sleep(Duration::from_millis(20)).await;
            }
        }
    }
    drop(asking);
    stage.newcomer(NEWCOMER).await?;
    if stage.server.has_ended() {
        return Err(TargetError::Gone.into());
    }
    Ok(Injected::default())
}

/// Opens so many connections that say nothing, from several addresses.
async fn ask(stage: &Stage<'_>, count: usize) -> Vec<TcpStream> {
    let mut open = Vec::new();
    let Some(server) = server(stage) else { return open };
    for number in 0..count {
        let Some(from) = stage.address(ELSEWHERE + number % ADDRESSES) else { continue };
        let Ok(socket) = TcpSocket::new_v4() else { continue };
        if socket.bind((from, 0).into()).is_err() {
            continue;
        }
        let connected = tokio::time::timeout(ASKING, socket.connect(server)).await;
        // Whoever is refused at once has asked all the same.
        open.extend(connected.into_iter().flatten());
    }
    open
}

/// Where it is.
fn server(stage: &Stage<'_>) -> Option<SocketAddr> {
    stage.network.as_ref().map(|network| (network.far(), stage.ground.port).into())
}

fn exhausted(error: std::io::Error) -> TargetError {
    TargetError::Exhausted("sockets", error.to_string())
}

/// Number of the one whom it strikes.
const STRUCK: usize = 0;

/// Number of the address of somebody who comes later.
const NEWCOMER: usize = 20;

/// Numbers of addresses where nobody was before begin here.
const ELSEWHERE: usize = 40;

/// So many of them.
const ADDRESSES: usize = 200;

/// A network that carries nothing.
const GONE: &str = "loss_percent = 100";

/// What has not come back by then never will.
const PATIENCE: Duration = Duration::from_secs(40);

/// Between two changes: long enough that everything was counted on again.
const BETWEEN: Duration = Duration::from_millis(4_000);

/// Longest time to ask for a connection.
const ASKING: Duration = Duration::from_millis(200);

/// Longest pause of a meeting whose server waits for its end.
const DRAINING_GAP: Duration = Duration::from_millis(1_000);
