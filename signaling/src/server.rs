//! [`Server`]: everything that runs, from start to stop.

use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use protocol::Redacted;
use rustix::process::{Resource, getrlimit, setrlimit};
use sfu_core::Event;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::addresses::{Advertised, PublicAddress, PublicEntry};
use crate::app::{self, App, Face, Inner};
use crate::assets::Assets;
use crate::authority::{self, Authority};
use crate::clock::Clock;
use crate::config::{Config, Controller, ProxySettings, Tls};
use crate::incidents::Incidents;
use crate::limits::{AddressRate, Gate};
use crate::listen::Served;
use crate::media::{Media, MediaError};
use crate::metrics::Metrics;
use crate::notice::Notice;
use crate::papers::{Facts, PaperError};
use crate::proxy::{self, Proxies};
use crate::recordings::Recordings;
use crate::registry::{Registry, RoomLimits};
use crate::relay::{self, Relays};
use crate::store::{Store, StoreError};
use crate::tls::{self, Certificates, TlsError};
use crate::token::{KEY_BYTES, Tokens};
use crate::{addresses, doctor, http, listen, secret};

/// Why the server cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// Another program uses a port.
    #[error(
        "port {port} ({protocol}) is in use by another program: stop it, or choose another port with {flag}"
    )]
    PortTaken {
        /// Which.
        port: u16,
        /// `tcp` or `udp`.
        protocol: &'static str,
        /// The flag that chooses another.
        flag: &'static str,
    },
    /// A port cannot be opened for another reason.
    #[error("port {port} ({protocol}) cannot be opened: {cause}; {flag} chooses another")]
    Port {
        /// Which.
        port: u16,
        /// `tcp` or `udp`.
        protocol: &'static str,
        /// The flag that chooses another.
        flag: &'static str,
        /// What the system says.
        cause: io::Error,
    },
    /// The data folder cannot be used.
    #[error("cannot use the data folder {0}: {1}")]
    DataFolder(PathBuf, io::Error),
    /// A command that goes with a server found none there.
    #[error(
        "there is no data of a server in {0}: start the server once, or name its folder with --data"
    )]
    NoDataFolder(PathBuf),
    /// Another server keeps its things there.
    #[error("another server uses the data folder {}", .0.display())]
    FolderTaken(PathBuf),
    /// The signing key's file is damaged.
    #[error("{0} is not a signing key: restore it, or delete it to make another")]
    SigningKey(PathBuf),
    /// The database cannot be used.
    #[error("cannot use the database: {0}")]
    Store(String),
    /// There is no certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The media worker cannot start.
    #[error("the media worker cannot start: {0}")]
    Media(String),
    /// The notice cannot be made.
    #[error(transparent)]
    Paper(#[from] PaperError),
    /// This binary holds no web client.
    #[error(
        "this program was built without its pages: run \"make web-client\" first, then build it again"
    )]
    NoPages,
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    app: App,
    addresses: Addresses,
    tasks: JoinSet<()>,
    stopping: watch::Sender<bool>,
    alive: Option<mpsc::Sender<()>>,
    all_gone: mpsc::Receiver<()>,
    /// While it is open, no other server uses the data folder.
    _folder_lock: std::fs::File,
}

/// Where a server can be reached.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// Plain http on the loopback address, when asked for.
    pub local_http: Option<SocketAddr>,
    /// https.
    pub https: SocketAddr,
    /// Media.
    pub media: SocketAddr,
    /// Health and metrics.
    pub metrics: SocketAddr,
    /// Origin other devices can use.
    pub share_origin: Option<String>,
    /// SHA-256 of the certificate of this machine's own authority, where devices are to trust it.
    pub authority_fingerprint: Option<String>,
}

impl Server {
    /// Starts everything; returns when every port is open.
    pub async fn start(config: &Config, clock: Clock, assets: Assets) -> Result<Self, StartError> {
        if assets.is_empty() {
            return Err(StartError::NoPages);
        }
        let (max_connections, max_relay_sockets) = shares(raise_descriptor_limit());
        prepare_folder(&config.data_dir)?;
        let folder_lock = lock_folder(&config.data_dir)?;
        let now = clock.unix_seconds();
        for warning in &config.warnings {
            tracing::warn!("{}", doctor::in_log(warning));
        }
        let certificates = Certificates::open(config, now)?;
        let authority_pem = certificates.as_ref().and_then(|it| it.authority_pem());
        let store = Arc::new(open_store(&config.data_dir)?);
        let tokens = Tokens::new(&signing_key(&config.data_dir)?, clock.clone());
        let recordings = open_recordings(config, store, clock.clone())?;
        recordings.recover().await;

        let https = bind_https(config);
        let https = https.map_err(port_error(config.https_port, "tcp", "--https-port"))?;
        let local = match config.http_port {
            Some(port) => {
                listen::bind_loopback(port).map_err(port_error(port, "tcp", "--local-http"))?
            }
            None => vec![],
        };
        let metrics_port = config.metrics_port;
        let admin = listen::bind(Some([127, 0, 0, 1].into()), metrics_port);
        let admin = admin.map_err(port_error(metrics_port, "tcp", "--metrics-port"))?;

        let https_address = local_address(https.first().expect("one at least"))?;
        // A proxy passes HTTP on and nothing else.
        let tcp_port = certificates.as_ref().map(|_| public_port(config, https_address.port()));
        let interfaces = addresses::of_interfaces();
        let mut advertised = Advertised::new(config.public_addresses.clone());
        advertised.look(addresses::lookup).await;
        let (events, mut events_heard) = mpsc::channel(MAX_EVENTS);
        // Without a bound of its own: the recorder tells of so many tracks of each recording, of its
        // end and of what was asked of it. A track of which nothing was heard could not be erased.
        let (news, mut news_heard) = mpsc::unbounded_channel();
        let metrics = Arc::new(Metrics::default());
        let media = {
            let metrics = metrics.clone();
            let on_event = move |event| {
                if let Event::Recording { room, recording, news: what } = event {
                    // Nobody listens any more when the server has stopped.
                    let _ = news.send((room, recording, what));
                } else if events.try_send(event).is_err() {
                    metrics.media_events_lost.add_one();
                }
            };
            let listen = config.listen_address.unwrap_or(Ipv6Addr::UNSPECIFIED.into());
            Media::spawn(
                SocketAddr::new(listen, config.media_port),
                advertised.now(),
                tcp_port,
                config.media_workers,
                config.max_voices,
                config.camera_codec.scalable(),
                on_event,
            )
        };
        let media = media.map_err(|error| match error {
            MediaError::Bind(cause) => port_error(config.media_port, "udp", "--media-port")(cause),
            MediaError::Worker(cause) => StartError::Media(cause),
        })?;

        let addresses = Addresses {
            local_http: local.first().and_then(|listener| listener.local_addr().ok()),
            https: https_address,
            media: media.local_address(),
            metrics: local_address(&admin)?,
            share_origin: share_origin(config, &interfaces, https_address.port()),
            authority_fingerprint: authority_pem.map(authority::fingerprint),
        };
        let limits = RoomLimits {
            max_live: config.max_live_rooms,
            max_participants: config.max_participants,
            lifetime: Duration::from_secs(u64::from(config.room_days) * 24 * 3600),
        };
        let recipient = config.incident_recipient.clone();
        let incidents = Incidents::new(&config.data_dir, recipient.clone(), config.incident_days);
        incidents.delete_old(now);
        let registry = Registry::new(
            clock.clone(),
            metrics.clone(),
            media,
            tokens.clone(),
            recordings.clone(),
            incidents,
            limits,
        );
        registry.delete_expired().await;
        // What still finds no place is tried again with the next command.
        let _ = registry.shared().media.send_late_ends();
        delete_recordings(&registry).await;
        let relays = tcp_port.map(|_| {
            let most = relay::MAX_SOCKETS_PER_ADDRESS.min(max_relay_sockets);
            let sockets = Gate::new(max_relay_sockets, most);
            let peers = relay::peers(advertised.now(), addresses.media);
            Relays::new(clock.clone(), metrics.clone(), addresses.media, peers, sockets)
        });
        let facts = Facts::of(config, addresses.share_origin.clone());
        let (stopping, is_stopping) = watch::channel(false);
        let (alive, all_gone) = mpsc::channel(1);
        let app = App::new(Inner {
            config: config.clone(),
            clock: clock.clone(),
            metrics,
            registry: registry.clone(),
            tokens,
            assets,
            face: Face {
                share_origin: addresses.share_origin.clone(),
                host_pass_required: config.host_pass_required,
                incident_recipient: recipient,
                contacts: config.controller.as_ref().map(Controller::contacts),
                is_trial: config.is_trial,
                authority: authority_pem.map(|pem| Authority::new(&facts, pem)).transpose()?,
                notice: Notice::new(&facts)?,
            },
            create_rate: AddressRate::new(app::CREATE_RATE),
            join_rate: AddressRate::new(app::JOIN_RATE),
            report_rate: AddressRate::new(app::REPORT_RATE),
            recording_rate: AddressRate::new(app::RECORDING_RATE),
            recordings,
            certificates: certificates.clone(),
            half_open: Gate::new(app::MAX_HALF_OPEN, app::MAX_HALF_OPEN_PER_ADDRESS),
            probes: Gate::new(app::MAX_PROBES, app::MAX_PROBES_PER_ADDRESS),
            connections: Gate::new(max_connections, app::MAX_CONNECTIONS_PER_ADDRESS),
            relays: relays.clone(),
            stopping: is_stopping,
            alive: alive.downgrade(),
        });

        let mut tasks = JoinSet::new();
        let router = http::router(app.clone());
        let gate = app.connections.clone();
        let tls = certificates.as_ref().map(|it| it.server_config()).transpose()?;
        let (front, front_gate) = match &config.tls {
            Tls::BehindProxy(proxy) => {
                let proxies =
                    Proxies { trusted: proxy.trusted.as_slice().into(), gate: gate.clone() };
                let named = from_fn_with_state(proxies, proxy::name_source);
                // All of them are the proxy's: it is asked for whom they are.
                (router.clone().layer(named), Gate::new(max_connections, max_connections))
            }
            Tls::LocalAuthority | Tls::Files { .. } | Tls::Acme(_) => {
                (router.clone(), gate.clone())
            }
        };
        let served = |router: &Router| Served { router: router.clone(), clock: app.clock.clone() };
        for listener in https {
            tasks.spawn(listen::serve(
                listener,
                tls.clone(),
                relays.clone(),
                served(&front),
                front_gate.clone(),
            ));
        }
        for listener in local {
            tasks.spawn(listen::serve(listener, None, None, served(&router), gate.clone()));
        }
        // Apart from the visitors' gate, so that a flood cannot blind the administrator.
        let admin_gate = Gate::new(MAX_ADMIN_CONNECTIONS, MAX_ADMIN_CONNECTIONS);
        let admin_served = served(&http::admin_router(app.clone()));
        tasks.spawn(listen::serve(admin, None, None, admin_served, admin_gate));
        tasks.spawn({
            let registry = registry.clone();
            async move {
                loop {
                    tokio::select! {
                        Some(event) = events_heard.recv() => registry.media_event(event),
                        Some((room, recording, news)) = news_heard.recv() => {
                            registry.recording_news(room, recording, news);
                        }
                        else => break,
                    }
                }
            }
        });
        tasks.spawn(forget_addresses(app.clone()));
        if let Some(certificates) = certificates {
            tasks.spawn(tls::keep(certificates, app.metrics.clone(), clock.clone()));
        }
        tasks.spawn({
            let (registry, clock, media) = (registry.clone(), clock.clone(), addresses.media);
            let tell = move |public: &[SocketAddr]| {
                if let Some(relays) = &relays {
                    relays.set_peers(relay::peers(public, media));
                }
                registry.shared().media.set_public(public)
            };
            async move { advertised.follow(clock, addresses::lookup, tell).await }
        });
        tasks.spawn(housekeeping(registry, clock));
        tracing::info!("server started");
        let alive = Some(alive);
        Ok(Self { app, addresses, tasks, stopping, alive, all_gone, _folder_lock: folder_lock })
    }

    /// Where it can be reached.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Opens no room any more, and says in those where somebody is that the server restarts after
    /// `at_most`. Returns once nobody is left, or then.
    pub async fn drain(&self, at_most: Duration) {
        tracing::info!(minutes = at_most.as_secs() / 60, "server drains");
        let clock = &self.app.clock;
        let at = clock.now() + at_most;
        tokio::select! {
            () = self.app.registry.drain(at) => tracing::info!("nobody is left"),
            () = clock.sleep_until(at) => tracing::info!("the time to finish is over"),
        }
    }

    /// Says goodbye to everybody, lets the last words out, and ends. Takes two seconds at most.
    pub async fn stop(mut self) {
        tracing::info!("server stops");
        self.stopping.send_replace(true);
        self.alive = None;
        let last_words = async {
            self.app.registry.stop().await;
            // Nothing is ever sent here: it ends when the last session is dropped.
            let _ = self.all_gone.recv().await;
        };
        if tokio::time::timeout(LAST_WORDS, last_words).await.is_err() {
            tracing::info!("some sessions did not end in time");
        }
        self.tasks.shutdown().await;
        let registry = self.app.registry.clone();
        // The worker cannot panic; without it there is nothing left to end.
        let _ = tokio::task::spawn_blocking(move || registry.shared().media.shutdown()).await;
    }
}

/// Forgets addresses soon after the last limit on them, as the notice says.
async fn forget_addresses(app: App) {
    loop {
        app.clock.sleep_until(app.clock.now() + HOUSEKEEPING_EVERY).await;
        app.forget_addresses();
    }
}

/// Deletes rooms, recordings and incident reports past their end.
async fn housekeeping(registry: Registry, clock: Clock) {
    loop {
        clock.sleep_until(clock.now() + HOUSEKEEPING_EVERY).await;
        registry.delete_expired().await;
        delete_recordings(&registry).await;
        let (incidents, now) = (registry.shared().incidents.clone(), clock.unix_seconds());
        // Its own failures it logs itself; it cannot panic.
        let _ = tokio::task::spawn_blocking(move || incidents.delete_old(now)).await;
    }
}

/// Deletes recordings past their end, and ends those that run beyond it.
async fn delete_recordings(registry: &Registry) {
    for (room, recording) in registry.recordings().delete_due().await {
        registry.end_recording(room, recording).await;
    }
}

/// The origin other devices can use: the one configured, or the first address they can reach.
pub(crate) fn share_origin(
    config: &Config,
    interfaces: &[std::net::IpAddr],
    https_port: u16,
) -> Option<String> {
    let is_usable = |address: &std::net::IpAddr| !address.is_loopback();
    let of_entry = |entry: &PublicEntry| match &entry.address {
        PublicAddress::At(address) if is_usable(&address.ip()) => {
            Some(addresses::https_origin(address.ip(), https_port))
        }
        PublicAddress::Named(name, _) => Some(addresses::origin_of(name, https_port)),
        PublicAddress::At(_) | PublicAddress::Auto => None,
    };
    let automatic = || {
        let address = config.listen_address.filter(is_usable);
        let address = address.or_else(|| addresses::share_address(interfaces));
        let public = config.public_addresses.iter().find_map(of_entry);
        public.or_else(|| Some(addresses::https_origin(address?, https_port)))
    };
    // Who listens on this machine alone is reached by nobody else, and a proxy by another address.
    let is_private = config.listen_address.is_some_and(|address| address.is_loopback())
        || matches!(config.tls, Tls::BehindProxy(_));
    config.share_origin.clone().or_else(|| automatic().filter(|_| !is_private))
}

/// The port at which browsers reach the pages: that of the origin that is configured, where another
/// device forwards it.
fn public_port(config: &Config, https_port: u16) -> u16 {
    let authority =
        config.share_origin.as_deref().and_then(|origin| origin.strip_prefix("https://"));
    let Some(authority) = authority else { return https_port };
    let port = authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    port.unwrap_or(HTTPS_PORT)
}

/// The database of a data folder.
pub(crate) fn database_file(data_dir: &Path) -> PathBuf {
    data_dir.join("preau.sqlite")
}

/// Opens the database of the data folder.
pub(crate) fn open_store(data_dir: &Path) -> Result<Store, StartError> {
    let store = Store::open(&database_file(data_dir));
    store.map_err(|error: StoreError| StartError::Store(error.to_string()))
}

/// Opens the recordings of the data folder.
pub(crate) fn open_recordings(
    config: &Config,
    store: Arc<Store>,
    clock: Clock,
) -> Result<Recordings, StartError> {
    let (folder, policy) = (&config.data_dir, config.recording.clone());
    let key = key_file(folder, "recording-signing.key")?;
    Recordings::new(folder, policy, config.journal_days, &key, store, clock)
        .map_err(|error| StartError::DataFolder(folder.clone(), error))
}

/// Sees that the data folder of a server is there: a command must not make another one unnoticed.
pub(crate) fn find_folder(data_dir: &Path) -> Result<(), StartError> {
    if database_file(data_dir).is_file() {
        return Ok(());
    }
    Err(StartError::NoDataFolder(data_dir.to_owned()))
}

/// Makes the data folder, readable by its owner only.
pub(crate) fn prepare_folder(data_dir: &Path) -> Result<(), StartError> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data_dir);
    made.map_err(|error| StartError::DataFolder(data_dir.to_owned(), error))
}

/// Takes the data folder for this server alone: another one would end its recordings and delete
/// under its hands.
pub(crate) fn lock_folder(data_dir: &Path) -> Result<std::fs::File, StartError> {
    let file = data_dir.join(LOCK);
    let failed = |error| StartError::DataFolder(file.clone(), error);
    let mut open = std::fs::OpenOptions::new();
    let open = open.write(true).create(true).truncate(false).open(&file).map_err(failed)?;
    // Whoever has it may be ending just now, or have handed it on to a program that is just starting.
    for pause in LOCK_PAUSES {
        match open.try_lock() {
            Ok(()) => return Ok(open),
            Err(std::fs::TryLockError::WouldBlock) => std::thread::sleep(pause),
            Err(std::fs::TryLockError::Error(error)) => return Err(failed(error)),
        }
    }
    Err(StartError::FolderTaken(data_dir.to_owned()))
}

/// Whether a server uses a data folder now.
pub(crate) fn is_taken(data_dir: &Path) -> bool {
    let open = std::fs::File::open(data_dir.join(LOCK));
    open.is_ok_and(|open| matches!(open.try_lock(), Err(std::fs::TryLockError::WouldBlock)))
}

/// The key tokens are signed with, made at the first start.
pub(crate) fn signing_key(data_dir: &Path) -> Result<Redacted<[u8; KEY_BYTES]>, StartError> {
    key_file(data_dir, "signing.key")
}

/// A random key, made at the first start.
fn key_file(data_dir: &Path, name: &str) -> Result<Redacted<[u8; KEY_BYTES]>, StartError> {
    let file = data_dir.join(name);
    let file_error = |error| StartError::DataFolder(file.clone(), error);
    if !file.exists() {
        tls::write_private(&file, &secret::random::<KEY_BYTES>()).map_err(file_error)?;
    }
    let bytes = std::fs::read(&file).map_err(file_error)?;
    let key = <[u8; KEY_BYTES]>::try_from(bytes).map_err(|_| StartError::SigningKey(file))?;
    Ok(key.into())
}

fn port_error(
    port: u16,
    protocol: &'static str,
    flag: &'static str,
) -> impl FnOnce(io::Error) -> StartError {
    move |cause| {
        if cause.kind() == io::ErrorKind::AddrInUse {
            StartError::PortTaken { port, protocol, flag }
        } else {
            StartError::Port { port, protocol, flag, cause }
        }
    }
}

/// Opens the port of https, or where a proxy ends it the one of plain http for the proxy.
fn bind_https(config: &Config) -> io::Result<Vec<TcpListener>> {
    match &config.tls {
        Tls::BehindProxy(ProxySettings { listen: None, .. }) => {
            listen::bind_loopback(config.https_port)
        }
        Tls::BehindProxy(ProxySettings { listen, .. }) => {
            let listen = listen.filter(|address| !address.is_unspecified());
            Ok(vec![listen::bind(listen, config.https_port)?])
        }
        Tls::LocalAuthority | Tls::Files { .. } | Tls::Acme(_) => {
            Ok(vec![listen::bind(config.listen_address, config.https_port)?])
        }
    }
}

fn local_address(listener: &TcpListener) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(|cause| StartError::Media(cause.to_string()))
}

/// Takes as many file descriptors as the system allows; gives how many are free for visitors.
fn raise_descriptor_limit() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Without the right to raise it, what there is has to do.
    let _ = setrlimit(Resource::Nofile, limit);
    let available = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let available = usize::try_from(available).unwrap_or(usize::MAX);
    available.saturating_sub(RESERVED_DESCRIPTORS).max(24)
}

/// How many of so many descriptors may be connections, and how many sockets of relays.
fn shares(descriptors: usize) -> (usize, usize) {
    let sockets = (descriptors / 3).min(relay::MAX_SOCKETS);
    ((descriptors - sockets).min(MAX_CONNECTIONS), sockets)
}

/// Of https, where none is named (RFC 9110 section 4.2.2).
const HTTPS_PORT: u16 = 443;
/// Held by the server of a data folder for as long as it runs.
const LOCK: &str = "lock";
/// A folder that is in use is tried for a second in all.
const LOCK_PAUSES: [Duration; 50] = [Duration::from_millis(20); 50];
/// File descriptors of a server that takes as many connections as it ever does.
pub(crate) const WANTED_DESCRIPTORS: usize =
    MAX_CONNECTIONS + relay::MAX_SOCKETS + RESERVED_DESCRIPTORS;
/// TCP connections in all. Each costs about 20 KiB with TLS.
const MAX_CONNECTIONS: usize = 8192;
/// Descriptors kept for the database, the media worker and the listeners.
const RESERVED_DESCRIPTORS: usize = 64;
/// Connections of the administrator's own tools.
const MAX_ADMIN_CONNECTIONS: usize = 16;
/// Media events that may wait to be passed on.
const MAX_EVENTS: usize = 4096;
/// Time for goodbyes. Together with the rest of the stop it stays below three seconds.
const LAST_WORDS: Duration = Duration::from_millis(1800);
/// How often what has reached its end is deleted and the certificate is looked at.
const HOUSEKEEPING_EVERY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_folder_is_one_servers() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = lock_folder(folder.path()).expect("nobody has it");
        let second = lock_folder(folder.path()).expect_err("the first has it");
        assert!(matches!(second, StartError::FolderTaken(_)), "{second}");
        drop(first);
        lock_folder(folder.path()).expect("nobody has it any more");
    }
}
