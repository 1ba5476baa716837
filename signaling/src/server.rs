//! [`Server`]: everything that runs, from start to stop.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use protocol::Redacted;
use rustix::process::{Resource, getrlimit, setrlimit};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::app::{self, App, Face, Inner};
use crate::assets::Assets;
use crate::clock::Clock;
use crate::config::Config;
use crate::incidents::Incidents;
use crate::limits::{AddressRate, Gate};
use crate::media::{Media, MediaError};
use crate::metrics::Metrics;
use crate::registry::{Registry, RoomLimits};
use crate::store::{Store, StoreError};
use crate::tls::{self, Certificates, TlsError};
use crate::token::{KEY_BYTES, Tokens};
use crate::{addresses, http, listen, secret};

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
}

impl Server {
    /// Starts everything; returns when every port is open.
    pub async fn start(config: &Config, clock: Clock, assets: Assets) -> Result<Self, StartError> {
        if assets.is_empty() {
            return Err(StartError::NoPages);
        }
        let max_connections = raise_descriptor_limit();
        prepare_folder(&config.data_dir)?;
        let now = clock.unix_seconds();
        let certificates = match &config.tls_files {
            Some((certificate, key)) => Certificates::from_files(certificate, key)?,
            None => Certificates::local(&tls::folder(&config.data_dir), now)?,
        };
        let store = open_store(&config.data_dir)?;
        let tokens = Tokens::new(&signing_key(&config.data_dir)?, clock.clone());

        let https = listen::bind(config.listen_address, config.https_port);
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

        let interfaces = addresses::of_interfaces();
        let public = config.public_addresses.clone().unwrap_or_else(|| interfaces.clone());
        let (events, mut events_heard) = mpsc::channel(MAX_EVENTS);
        let metrics = Arc::new(Metrics::default());
        let media = {
            let metrics = metrics.clone();
            let on_event = move |event| {
                if events.try_send(event).is_err() {
                    metrics.media_events_lost.add_one();
                }
            };
            let (listen, port) = (config.listen_address, config.media_port);
            Media::spawn(
                listen,
                port,
                &public,
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
            https: local_address(&https)?,
            media: media.local_address(),
            metrics: local_address(&admin)?,
            share_origin: share_origin(config, &interfaces, local_address(&https)?.port()),
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
            store,
            incidents,
            limits,
        );
        registry.delete_expired().await;
        let (stopping, is_stopping) = watch::channel(false);
        let (alive, all_gone) = mpsc::channel(1);
        let app = App::new(Inner {
            clock: clock.clone(),
            metrics,
            registry: registry.clone(),
            tokens,
            assets,
            face: Face {
                share_origin: addresses.share_origin.clone(),
                host_pass_required: config.host_pass_required,
                incident_recipient: recipient,
                authority_pem: certificates.authority_pem().map(str::to_owned),
                is_publicly_trusted: certificates.is_public(),
            },
            create_rate: AddressRate::new(app::CREATE_RATE),
            join_rate: AddressRate::new(app::JOIN_RATE),
            report_rate: AddressRate::new(app::REPORT_RATE),
            half_open: Gate::new(app::MAX_HALF_OPEN, app::MAX_HALF_OPEN_PER_ADDRESS),
            probes: Gate::new(app::MAX_PROBES, app::MAX_PROBES_PER_ADDRESS),
            connections: Gate::new(max_connections, app::MAX_CONNECTIONS_PER_ADDRESS),
            stopping: is_stopping,
            alive: alive.downgrade(),
        });

        let mut tasks = JoinSet::new();
        let router = http::router(app.clone());
        let gate = app.connections.clone();
        let tls = Some(certificates.server_config()?);
        tasks.spawn(listen::serve(https, tls, router.clone(), gate.clone()));
        for listener in local {
            tasks.spawn(listen::serve(listener, None, router.clone(), gate.clone()));
        }
        // Apart from the visitors' gate, so that a flood cannot blind the administrator.
        let admin_gate = Gate::new(MAX_ADMIN_CONNECTIONS, MAX_ADMIN_CONNECTIONS);
        tasks.spawn(listen::serve(admin, None, http::admin_router(app.clone()), admin_gate));
        tasks.spawn({
            let registry = registry.clone();
            async move {
                while let Some(event) = events_heard.recv().await {
                    registry.media_event(event);
                }
            }
        });
        tasks.spawn(housekeeping(registry, certificates, clock));
        tracing::info!("server started");
        Ok(Self { app, addresses, tasks, stopping, alive: Some(alive), all_gone })
    }

    /// Where it can be reached.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
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

/// Deletes rooms and incident reports past their end and renews the local certificate.
async fn housekeeping(registry: Registry, certificates: Certificates, clock: Clock) {
    loop {
        clock.sleep_until(clock.now() + HOUSEKEEPING_EVERY).await;
        registry.delete_expired().await;
        let (incidents, now) = (registry.shared().incidents.clone(), clock.unix_seconds());
        // Its own failures it logs itself; it cannot panic.
        let _ = tokio::task::spawn_blocking(move || incidents.delete_old(now)).await;
        match certificates.renew(clock.unix_seconds()) {
            Ok(true) => tracing::info!("certificate renewed"),
            Ok(false) => {}
            Err(cause) => tracing::warn!(%cause, "the certificate cannot be renewed"),
        }
    }
}

/// The origin other devices can use: the one configured, or the first address they can reach.
pub(crate) fn share_origin(
    config: &Config,
    interfaces: &[std::net::IpAddr],
    https_port: u16,
) -> Option<String> {
    let is_usable = |address: &std::net::IpAddr| !address.is_loopback();
    let public = config.public_addresses.iter().flatten().copied().find(is_usable);
    let listening = || config.listen_address.filter(is_usable);
    let address = public.or_else(listening).or_else(|| addresses::share_address(interfaces));
    // Who listens on this machine alone is reached by nobody else.
    let is_private = config.listen_address.is_some_and(|address| address.is_loopback());
    let address = address.filter(|_| !is_private);
    let automatic = || address.map(|address| addresses::https_origin(address, https_port));
    config.share_origin.clone().or_else(automatic)
}

/// Opens the database of the data folder.
pub(crate) fn open_store(data_dir: &Path) -> Result<Store, StartError> {
    let store = Store::open(&data_dir.join("preau.sqlite"));
    store.map_err(|error: StoreError| StartError::Store(error.to_string()))
}

/// Sees that the data folder of a server is there: a command must not make another one unnoticed.
pub(crate) fn find_folder(data_dir: &Path) -> Result<(), StartError> {
    if data_dir.join("preau.sqlite").is_file() {
        return Ok(());
    }
    Err(StartError::NoDataFolder(data_dir.to_owned()))
}

/// Makes the data folder, readable by its owner only.
pub(crate) fn prepare_folder(data_dir: &Path) -> Result<(), StartError> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data_dir);
    made.map_err(|error| StartError::DataFolder(data_dir.to_owned(), error))
}

/// The key tokens are signed with, made at the first start.
pub(crate) fn signing_key(data_dir: &Path) -> Result<Redacted<[u8; KEY_BYTES]>, StartError> {
    let file = data_dir.join("signing.key");
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

fn local_address(listener: &TcpListener) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(|cause| StartError::Media(cause.to_string()))
}

/// Takes as many file descriptors as the system allows; gives how many may be connections.
fn raise_descriptor_limit() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Without the right to raise it, what there is has to do.
    let _ = setrlimit(Resource::Nofile, limit);
    let available = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let available = usize::try_from(available).unwrap_or(usize::MAX);
    available.saturating_sub(RESERVED_DESCRIPTORS).clamp(16, MAX_CONNECTIONS)
}

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
