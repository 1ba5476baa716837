//! Classes for as long as wanted, beside each other and one after the other, and what grows in the
//! server meanwhile.

mod class;
mod report;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

use self::class::{Class, Meters};
use crate::command::{CommandError, print, write_file};
use crate::leaks::Holdings;
use crate::measure::{Histogram, Measured};
use crate::media::{self, Media};
use crate::target::{Ground, Preau, ServerProcess, TargetError, free_port};

/// How long.
#[derive(Debug, Args)]
pub(crate) struct SoakWish {
    /// Minutes
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// Classes beside each other
    #[arg(long, default_value_t = 2)]
    classes: usize,
    /// The program of the Préau server
    #[arg(long, value_name = "PROGRAM")]
    start: PathBuf,
    /// Folder in which encoded speech and pictures are kept
    #[arg(long, value_name = "FOLDER", env = "LOADTEST_MEDIA")]
    media: Option<PathBuf>,
    /// Decides everything that is left to chance
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write the report as one page with plots
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// What was seen in one step of time.
#[derive(Clone, Debug)]
struct Sample {
    holdings: Holdings,
    loss_percent: f64,
    delay_p99_ms: Option<f64>,
}

/// All of it.
#[derive(Clone, Debug)]
struct Soaked {
    samples: Vec<Sample>,
    before: Holdings,
    after: Holdings,
    total: Measured,
    /// Classes that were held, and how often somebody came, came back, and failed to come.
    classes: u64,
    visits: u64,
    returns: u64,
    failures: Vec<String>,
}

/// One thing that has to hold.
struct Verdict {
    what: &'static str,
    measured: String,
    holds: bool,
}

/// Plays them, and gives the exit code.
pub(crate) fn execute(wish: SoakWish) -> Result<u8, CommandError> {
    let media = Media::prepare(&wish.media.clone().unwrap_or_else(media::default_folder))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(CommandError::Runtime)?;
    let soaked = runtime.block_on(play(&wish, Arc::new(media)))?;
    let verdicts = soaked.verdicts();
    if let Some(file) = &wish.html {
        write_file(file, &report::html(&soaked, &verdicts, wish.seed))?;
    }
    print(&report::text(&soaked, &verdicts))?;
    Ok(u8::from(verdicts.iter().any(|verdict| !verdict.holds)))
}

async fn play(wish: &SoakWish, media: Arc<Media>) -> Result<Soaked, CommandError> {
    let exhausted = |error: std::io::Error| TargetError::Exhausted("ports", error.to_string());
    let port = free_port().map_err(exhausted)?;
    let ground = Ground { metrics_port: port, ..Ground::at([127, 0, 0, 1]) };
    let (server, url) = ServerProcess::preau(&wish.start, &ground)?;
    let pid = server.pid();
    let target = Arc::new(Preau::at(&url)?);
    let meters = Meters::default();
    let end = watch::Sender::new(false);
    // The first classes of all make what is made once.
    let lane = |lane: usize| {
        let seed = wish.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ lane as u64;
        Class::hold_one_after_the_other(
            Arc::clone(&target),
            Arc::clone(&media),
            meters.clone(),
            lane,
            seed,
            end.subscribe(),
        )
    };
    let before = Holdings::of(pid, port).await?;
    let lanes: Vec<_> = (0..wish.classes.max(1)).map(|at| tokio::spawn(lane(at))).collect();
    let (mut samples, mut total) = (Vec::new(), Measured::default());
    let mut tick = interval(SAMPLE_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick.tick().await;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(wish.minutes.max(1) * 60) {
        tick.tick().await;
        let measured = meters.take();
        let holdings = Holdings::of(pid, port).await?;
        let mut delay = Histogram::default();
        delay.merge(&measured.sound.delay);
        delay.merge(&measured.picture.delay);
        let sample = Sample {
            holdings,
            loss_percent: measured.loss_percent(),
            delay_p99_ms: delay.quantile(0.99).map(|us| us as f64 / 1e3),
        };
        if samples.len() % SAID_EVERY == 0 {
            print(&format!(
                "{:>5.1} min: {}, {:.2} % lost, p99 {:.1} ms\n",
                began.elapsed().as_secs_f64() / 60.0,
                sample.holdings.text(),
                sample.loss_percent,
                sample.delay_p99_ms.unwrap_or(0.0)
            ))?;
        }
        samples.push(sample);
        total.add(&measured);
    }
    end.send_replace(true);
    let (mut classes, mut visits, mut returns, mut failures) = (0, 0, 0, Vec::new());
    for lane in lanes {
        let held = lane
            .await
            .map_err(|error| TargetError::Start("a class".to_owned(), error.to_string()))?;
        classes += held.classes;
        visits += held.visits;
        returns += held.returns;
        failures.extend(held.failures);
    }
    let after = Holdings::settled(pid, port, |now| now.is_as_before(&before)).await?;
    Ok(Soaked { samples, before, after, total, classes, visits, returns, failures })
}

impl Soaked {
    fn verdicts(&self) -> Vec<Verdict> {
        let grown = growth(&self.settled_memory());
        let per_hour = grown * 3_600.0 / SAMPLE_EVERY.as_secs_f64();
        let whole = grown * self.settled_memory().len() as f64;
        let first = self.samples.first().map_or(0, |sample| sample.holdings.threads);
        let most = self.samples.iter().map(|sample| sample.holdings.threads).max().unwrap_or(0);
        vec![
            Verdict {
                what: "memory after warming up grows by 5 MiB at most",
                measured: format!("{whole:+.2} MiB, {per_hour:+.2} MiB an hour"),
                holds: whole <= MOST_GROWTH_MIB,
            },
            Verdict {
                what: "threads stay as many",
                measured: format!("{first} at first, {most} at most"),
                holds: most <= first + TRANSIENT_THREADS,
            },
            Verdict {
                what: "when all are gone, objects and descriptors are as before",
                measured: self.after.text(),
                holds: self.after.objects == self.before.objects
                    && self.after.descriptors == self.before.descriptors,
            },
            Verdict {
                what: "3 % of the packets are lost at most",
                measured: format!("{:.3} %", self.total.loss_percent()),
                holds: self.total.loss_percent() <= MOST_LOSS_PERCENT,
            },
            Verdict {
                what: "everybody gets in",
                measured: format!("{} of {} failed", self.failures.len(), self.visits),
                holds: self.failures.is_empty() && self.visits > 0,
            },
        ]
    }

    /// Memory without the time in which everything is made once.
    fn settled_memory(&self) -> Vec<f64> {
        let memory: Vec<f64> =
            self.samples.iter().map(|sample| sample.holdings.resident_mib).collect();
        memory[memory.len() * 3 / 10..].to_vec()
    }
}

/// Slope of the straight line nearest to values one step apart (least squares).
fn growth(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    if values.len() < 2 {
        return 0.0;
    }
    let (x, y) = ((count - 1.0) / 2.0, values.iter().sum::<f64>() / count);
    let at = |(n, value): (usize, &f64)| (n as f64 - x, value - y);
    let (mut over, mut under) = (0.0, 0.0);
    for (dx, dy) in values.iter().enumerate().map(at) {
        over += dx * dy;
        under += dx * dx;
    }
    over / under
}

/// Between two looks at the server.
const SAMPLE_EVERY: Duration = Duration::from_secs(5);
/// One in so many is said.
const SAID_EVERY: usize = 12;
/// What the allocator moves about; a leak of 20 bytes a packet would be a hundred times as much.
const MOST_GROWTH_MIB: f64 = 5.0;
/// Threads that wait for a disk come and go with their work.
const TRANSIENT_THREADS: usize = 8;
/// Here routers forget ports all the time, and each time half a second is lost.
const MOST_LOSS_PERCENT: f64 = 3.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_of_a_line_is_found_in_noise() {
        assert_eq!(growth(&[]), 0.0);
        assert!((growth(&[1.0, 3.0, 5.0]) - 2.0).abs() < 1e-9);
        let noisy: Vec<f64> = (0..100).map(|n| f64::from(n) * 0.1 + f64::from(n % 2)).collect();
        assert!((growth(&noisy) - 0.1).abs() < 0.01);
    }
}
