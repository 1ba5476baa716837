//! What one direction of a network does to packets. Knows no clock: time is an argument, chance is
//! seeded.

use std::str::FromStr;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// One direction of a link. The default one changes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Link {
    /// Packets lost, of 100.
    pub loss_percent: f64,
    /// How many packets in a row a loss takes, on average; 1 where each is lost by itself.
    pub burst_packets: f64,
    /// Packets that come twice, of 100.
    pub duplicate_percent: f64,
    /// Packets that come 30 ms after their turn, of 100; those behind them do not wait.
    pub reorder_percent: f64,
    /// Time every packet takes.
    pub delay_ms: f64,
    /// Up to so much more, another for each packet; order is kept.
    pub jitter_ms: f64,
    /// From which second on, counted from the first packet, the link carries how many kilobits a
    /// second, headers of IP included; without limit where none is given.
    pub rates: Vec<(f64, f64)>,
    /// Time that packets may wait before a limited rate; what would wait longer is lost.
    pub queue_ms: f64,
    /// What gets through at all.
    pub passes: Passes,
}

/// What a filter on the way lets through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Passes {
    /// Everything.
    #[default]
    All,
    /// No UDP, as in a strict network.
    WithoutUdp,
    /// No TCP: what has a connection loses it without a word.
    WithoutTcp,
    /// TCP to and from port 443, and nothing else.
    OnlyTcp443,
}

impl Passes {
    /// Whether a packet of IPv4 that goes to or comes from port 443 of the far side gets through.
    pub(crate) fn lets(self, packet: &[u8], far_port: FarPort) -> bool {
        let protocol = packet.get(9).copied();
        match self {
            Self::All => true,
            Self::WithoutUdp => protocol != Some(UDP),
            Self::WithoutTcp => protocol != Some(TCP),
            Self::OnlyTcp443 => {
                let header = packet.first().map_or(0, |first| usize::from(first & 0xf) * 4);
                let at = header + if far_port == FarPort::Destination { 2 } else { 0 };
                protocol == Some(TCP) && packet.get(at..at + 2) == Some(&HTTPS)
            }
        }
    }
}

/// Where the port of the far side stands in a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FarPort {
    Source,
    Destination,
}

/// A value that makes no sense, or a text that is no link.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum LinkError {
    /// A value out of its range.
    #[error(
        "shares of a link are 0 to 100 percent, times 0 to 60000 ms, rates more than 0 kbit/s, bursts 1 to 1000 packets"
    )]
    Range,
    /// It cannot be read.
    #[error("a link reads like \"rates = [[0, 300]], delay_ms = 20, loss_percent = 1\": {0}")]
    Unreadable(String),
}

/// One direction of a link in use.
#[derive(Debug)]
pub struct Wire {
    link: Link,
    random: StdRng,
    /// When the first packet came.
    began: Option<Duration>,
    /// When the queue will be empty.
    free_at: Duration,
    /// Latest arrival of a packet that kept its turn.
    latest: Duration,
    /// Within a burst of losses.
    is_losing: bool,
}

impl Link {
    /// Refuses values that make no sense.
    ///
    /// # Errors
    ///
    /// When one is out of its range.
    pub fn check(&self) -> Result<(), LinkError> {
        let shares = [self.loss_percent, self.duplicate_percent, self.reorder_percent];
        let times = [self.delay_ms, self.jitter_ms, self.queue_ms];
        let is_good = shares.iter().all(|share| (0.0..=100.0).contains(share))
            && (1.0..=MAX_BURST).contains(&self.burst_packets)
            && times.iter().all(|time| (0.0..=MAX_TIME_MS).contains(time))
            && self.rates.iter().all(|(from, kbit)| *from >= 0.0 && *kbit > 0.0);
        if is_good { Ok(()) } else { Err(LinkError::Range) }
    }

    /// Percent by which the next packet is lost, after one that was or was not: a chain of two states
    /// (Gilbert), as often lost and in bursts as long as said.
    fn losing_next(&self, is_losing: bool) -> f64 {
        if self.burst_packets <= 1.0 || self.loss_percent >= 100.0 {
            return self.loss_percent;
        }
        let ends = 100.0 / self.burst_packets;
        if is_losing {
            100.0 - ends
        } else {
            ends * self.loss_percent / (100.0 - self.loss_percent)
        }
    }
}

impl Default for Link {
    fn default() -> Self {
        Self {
            loss_percent: 0.0,
            burst_packets: 1.0,
            duplicate_percent: 0.0,
            reorder_percent: 0.0,
            delay_ms: 0.0,
            jitter_ms: 0.0,
            rates: Vec::new(),
            queue_ms: QUEUE_MS,
            passes: Passes::All,
        }
    }
}

impl FromStr for Link {
    type Err = LinkError;

    /// Reads keys and values as scenarios have them between braces.
    fn from_str(text: &str) -> Result<Self, LinkError> {
        #[derive(Deserialize)]
        struct Line {
            link: Link,
        }
        let line: Line = toml::from_str(&format!("link = {{ {text} }}"))
            .map_err(|error| LinkError::Unreadable(error.message().replace('\n', " ")))?;
        line.link.check()?;
        Ok(line.link)
    }
}

impl Wire {
    /// A wire nothing has passed yet; the same seed gives the same fates.
    pub fn new(link: Link, seed: u64) -> Self {
        Self {
            link,
            random: StdRng::seed_from_u64(seed),
            began: None,
            free_at: Duration::ZERO,
            latest: Duration::ZERO,
            is_losing: false,
        }
    }

    /// What it lets through at all.
    pub(crate) const fn passes(&self) -> Passes {
        self.link.passes
    }

    /// Changes the link under way: what waits has its place already. Rates count from the next
    /// packet on.
    pub fn change(&mut self, link: Link) {
        self.link = link;
        self.began = None;
    }

    /// When a packet of so many bytes that is sent now arrives, once or twice; never when it is
    /// lost.
    pub fn pass(&mut self, now: Duration, bytes: usize) -> [Option<Duration>; 2] {
        // As many throws for each packet, whatever becomes of it.
        let mut throw = || self.random.random_range(0.0..100.0);
        let (loss, duplicate, reorder, jitter) = (throw(), throw(), throw(), throw());
        let link = &self.link;
        self.is_losing = loss < link.losing_next(self.is_losing);
        if self.is_losing {
            return [None; 2];
        }
        let since = now.saturating_sub(*self.began.get_or_insert(now)).as_secs_f64();
        let rate = link.rates.iter().rev().find(|(from, _)| since >= *from);
        let mut leaves = now;
        if let Some((_, kbit)) = rate {
            let starts = self.free_at.max(now);
            if starts - now > milliseconds(link.queue_ms) {
                return [None; 2];
            }
            leaves = starts + milliseconds(bytes as f64 * 8.0 / kbit);
            self.free_at = leaves;
        }
        let mut arrives = leaves + milliseconds(link.delay_ms + link.jitter_ms * jitter / 100.0);
        if reorder < link.reorder_percent {
            arrives += REORDERED_BY;
        } else {
            arrives = arrives.max(self.latest);
            self.latest = arrives;
        }
        [Some(arrives), (duplicate < link.duplicate_percent).then_some(arrives)]
    }
}

fn milliseconds(ms: f64) -> Duration {
    Duration::from_secs_f64(ms / 1e3)
}

/// Beyond any network that is still one.
const MAX_TIME_MS: f64 = 60_000.0;

/// Beyond it a link is down rather than lossy.
const MAX_BURST: f64 = 1_000.0;

/// Numbers of protocols in a header of IPv4.
const TCP: u8 = 6;
const UDP: u8 = 17;
/// Port 443 as a header has it.
const HTTPS: [u8; 2] = 443_u16.to_be_bytes();

/// What a home router keeps. Raised, a full link delays longer before it loses.
const QUEUE_MS: f64 = 300.0;

/// Longer than receivers wait before they ask for a packet again.
const REORDERED_BY: Duration = Duration::from_millis(30);

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_slow_link_delays_first_and_then_loses() {
        let link = Link { rates: vec![(0.0, 800.0)], queue_ms: 50.0, ..Link::default() };
        let mut wire = Wire::new(link, 1);
        // 1,000 bytes take 10 ms at 800 kbit/s; they come every millisecond.
        let passed: Vec<_> = (0..100).map(|n| wire.pass(n * MS, 1_000)[0]).collect();
        assert_eq!(passed[..2], [Some(10 * MS), Some(20 * MS)]);
        let kept = passed.iter().flatten().count();
        assert!((14..=17).contains(&kept), "{kept} of 100 fit in 150 ms");
    }

    #[test]
    fn the_same_seed_gives_the_same_fates_and_about_as_many_as_said() {
        let fates = |seed| -> Vec<[Option<Duration>; 2]> {
            let link =
                "loss_percent = 5, duplicate_percent = 5, reorder_percent = 5, jitter_ms = 9";
            let mut wire = Wire::new(link.parse().unwrap(), seed);
            (0..10_000).map(|n| wire.pass(n * MS, 100)).collect()
        };
        let fate = fates(7);
        assert_eq!(fate, fates(7));
        assert_ne!(fate, fates(8));
        let about = |count: usize| assert!((400..600).contains(&count), "{count}");
        about(fate.iter().filter(|copies| copies[0].is_none()).count());
        about(fate.iter().filter(|copies| copies[1].is_some()).count());
        let late = |n: &usize| fate[*n][0].is_some_and(|at| at >= *n as u32 * MS + REORDERED_BY);
        about((0..10_000).filter(late).count());
    }

    #[test]
    fn losses_come_in_bursts_and_are_as_many_all_the_same() {
        let mut wire = Wire::new("loss_percent = 5, burst_packets = 10".parse().unwrap(), 2);
        let lost: Vec<bool> = (0..100_000).map(|n| wire.pass(n * MS, 100)[0].is_none()).collect();
        let count = lost.iter().filter(|lost| **lost).count();
        let bursts = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count();
        assert!((4_000..6_000).contains(&count), "{count}");
        assert!((8..=12).contains(&(count / bursts)), "{count} in {bursts} bursts");
    }

    #[test]
    fn a_filter_knows_protocols_and_the_port_of_the_far_side() {
        let packet = |protocol: u8, from: u16, to: u16| {
            let mut packet = vec![0x45, 0, 0, 24, 0, 0, 0, 0, 64, protocol, 0, 0];
            packet.extend([198, 18, 0, 1, 198, 18, 1, 1]);
            packet.extend(from.to_be_bytes());
            packet.extend(to.to_be_bytes());
            packet
        };
        let (udp, tcp) = (packet(UDP, 9, 443), packet(TCP, 9, 443));
        let lets = |passes: Passes| [&udp, &tcp].map(|it| passes.lets(it, FarPort::Destination));
        assert_eq!(lets(Passes::All), [true, true]);
        assert_eq!(lets(Passes::WithoutUdp), [false, true]);
        assert_eq!(lets(Passes::WithoutTcp), [true, false]);
        assert_eq!(lets(Passes::OnlyTcp443), [false, true]);
        assert!(!Passes::OnlyTcp443.lets(&packet(TCP, 9, 8_443), FarPort::Destination));
        assert!(Passes::OnlyTcp443.lets(&packet(TCP, 443, 9), FarPort::Source));
        assert!(!Passes::OnlyTcp443.lets(&packet(TCP, 443, 9)[..20], FarPort::Source));
    }

    #[test]
    fn jitter_keeps_the_order_and_reordering_does_not() {
        let arrivals = |link: &str| -> Vec<Duration> {
            let mut wire = Wire::new(link.parse().unwrap(), 3);
            (0..1_000).filter_map(|n| wire.pass(n * MS, 100)[0]).collect()
        };
        assert!(arrivals("delay_ms = 20, jitter_ms = 50").is_sorted());
        assert!(!arrivals("delay_ms = 20, reorder_percent = 1").is_sorted());
    }

    #[test]
    fn the_rate_changes_when_it_shall_and_when_the_link_is_changed() {
        let mut wire =
            Wire::new("rates = [[0, 8000], [1, 80]], queue_ms = 1000".parse().unwrap(), 1);
        assert_eq!(wire.pass(Duration::ZERO, 1_000)[0], Some(MS));
        assert_eq!(wire.pass(2_000 * MS, 1_000)[0], Some(2_100 * MS));
        wire.change("rates = [[0, 800]]".parse().unwrap());
        assert_eq!(wire.pass(3_000 * MS, 1_000)[0], Some(3_010 * MS));
        wire.change(Link::default());
        assert_eq!(wire.pass(4_000 * MS, 1_000)[0], Some(4_000 * MS));
    }

    #[test]
    fn a_link_that_makes_no_sense_is_refused_in_words() {
        for text in [
            "loss_percent = 101",
            "delay_ms = -1",
            "rates = [[0, 0]]",
            "jitter_ms = nan",
            "burst_packets = 0",
        ] {
            assert_eq!(text.parse::<Link>(), Err(LinkError::Range), "{text}");
        }
        let error = "lost = 1".parse::<Link>().unwrap_err().to_string();
        assert!(error.contains("unknown field `lost`") && !error.contains('\n'), "{error}");
        assert_eq!("".parse(), Ok(Link::default()));
    }
}
