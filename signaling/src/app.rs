//! [`App`]: what every request and session of one server shares.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use protocol::{Contacts, RelayAccess};
use room::Rate;
use sfu::Stats;
use tokio::sync::{mpsc, watch};

use crate::assets::Assets;
use crate::authority::Authority;
use crate::clock::Clock;
use crate::config::Config;
use crate::limits::{AddressRate, Gate};
use crate::metrics::{Gauges, Metrics};
use crate::notice::Notice;
use crate::recordings::Recordings;
use crate::registry::Registry;
use crate::relay::Relays;
use crate::tls::Certificates;
use crate::token::Tokens;

/// What every request and session of one server shares. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct App(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    /// As it was at the start.
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) registry: Registry,
    pub(crate) tokens: Tokens,
    pub(crate) assets: Assets,
    /// What pages are told of this server.
    pub(crate) face: Face,
    pub(crate) create_rate: AddressRate,
    pub(crate) join_rate: AddressRate,
    pub(crate) report_rate: AddressRate,
    pub(crate) recording_rate: AddressRate,
    pub(crate) recordings: Recordings,
    /// What https shows; `None` where a proxy ends it.
    pub(crate) certificates: Option<Arc<Certificates>>,
    /// WebSockets that have not joined.
    pub(crate) half_open: Gate,
    /// Tests of the connection under way.
    pub(crate) probes: Gate,
    /// TCP connections.
    pub(crate) connections: Gate,
    /// Media over TCP, where this server has the port of the pages to itself.
    pub(crate) relays: Option<Relays>,
    /// True from the moment the server stops.
    pub(crate) stopping: watch::Receiver<bool>,
    /// Held by each session; the server waits for all to be dropped.
    pub(crate) alive: mpsc::WeakSender<()>,
}

/// What pages are told of this server.
#[derive(Debug)]
pub(crate) struct Face {
    /// Origin for links made on this machine.
    pub(crate) share_origin: Option<String>,
    pub(crate) host_pass_required: bool,
    /// Public key that incident reports are sealed to.
    pub(crate) incident_recipient: Option<String>,
    /// Whom people ask.
    pub(crate) contacts: Option<Contacts>,
    /// True when the server is only tried.
    pub(crate) is_trial: bool,
    /// The authority of this machine, where devices are to trust it.
    pub(crate) authority: Option<Authority>,
    /// The privacy notice.
    pub(crate) notice: Notice,
}

/// The connection a request came on; set by the listener, never by the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connection {
    pub(crate) address: IpAddr,
    pub(crate) is_tls: bool,
}

impl App {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Counters of the media worker; `None` when it does not answer.
    pub(crate) async fn media_stats(&self) -> Option<Stats> {
        let registry = self.registry.clone();
        tokio::task::spawn_blocking(move || registry.shared().media.stats()).await.ok().flatten()
    }

    /// Forgets the addresses that are not limited any more.
    pub(crate) fn forget_addresses(&self) {
        for rate in [&self.create_rate, &self.join_rate, &self.report_rate] {
            rate.forget(self.clock.now());
        }
    }

    /// What is counted by looking.
    pub(crate) fn gauges(&self) -> Gauges {
        Gauges {
            room_sizes: self.registry.room_sizes(),
            connections: self.connections.open(),
            half_open: self.half_open.open(),
            relay_sockets: self.relays.as_ref().map_or(0, Relays::open),
            is_draining: self.registry.is_draining(),
            is_clock_apart: self.recordings.is_clock_apart(),
            certificate_not_after: self.certificates.as_ref().map(|it| it.not_after()),
        }
    }

    /// What a page shows to the relay, if there is one.
    pub(crate) fn relay_access(&self) -> Option<RelayAccess> {
        self.relays.as_ref().map(Relays::access)
    }
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// Rooms made from one network: a staff room preparing the day, and no more. Raising it lets one
/// source fill the disk sooner (about 200 bytes a room).
pub(crate) const CREATE_RATE: Rate = Rate { burst: 60, refill: Duration::from_secs(2) };

/// Joins from one network: a school of several classes behind one address, all reloading at
/// once. Raising it lets one source ask the database more often.
pub(crate) const JOIN_RATE: Rate = Rate { burst: 300, refill: Duration::from_millis(100) };

/// Incident reports from one network. Raising it lets whoever makes a room and moderates it fill the
/// place for true reports sooner.
pub(crate) const REPORT_RATE: Rate = Rate { burst: 10, refill: Duration::from_secs(60) };

/// Questions about recordings from one network: each piece of a film is one. Raising it lets one source
/// ask the database and the disk more often.
pub(crate) const RECORDING_RATE: Rate = Rate { burst: 4000, refill: Duration::from_millis(5) };

/// WebSockets before their join, in all. Each may hold one message of 64 KiB.
pub(crate) const MAX_HALF_OPEN: usize = 1024;
/// WebSockets before their join, from one network: two classes at the same moment.
pub(crate) const MAX_HALF_OPEN_PER_ADDRESS: usize = 128;
/// Tests of the connection at once, in all. Each holds an idle media transport for 15 s at most.
pub(crate) const MAX_PROBES: usize = 128;
/// Tests of the connection at once, from one network: a class that tries it together.
pub(crate) const MAX_PROBES_PER_ADDRESS: usize = 32;
/// TCP connections from one network: a school behind one address, several for each browser.
pub(crate) const MAX_CONNECTIONS_PER_ADDRESS: usize = 2048;
