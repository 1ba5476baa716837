//! What is to be seen of this machine. Everything here looks, and nothing judges.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs, UdpSocket};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use axum::http::Uri;
use rustix::process::{Resource, geteuid, getrlimit};

use super::certificate::{self, Seen};
use crate::addresses::{PublicAddress, PublicEntry};
use crate::clock::Clock;
use crate::config::{Config, Tls};
use crate::store::copy;
use crate::{addresses, request, server, tls};

/// Everything that was seen.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// Seconds since 1970-01-01 UTC.
    pub(super) now: u64,
    pub(super) server: Running,
    pub(super) ports: Vec<Port>,
    pub(super) advertised: Advertised,
    pub(super) is_container: bool,
    pub(super) certificate: Shown,
    /// The latest time that a server of this data folder has seen.
    pub(super) last_seen: Option<u64>,
    /// The most that a socket may buffer, to receive and to send, in bytes; `None` where the system
    /// does not show it.
    pub(super) buffers: Option<[u64; 2]>,
    /// Most files and connections that the server may have open.
    pub(super) descriptors: u64,
    /// Bytes free where the data folder is.
    pub(super) free_bytes: Option<u64>,
    pub(super) folder: Folder,
}

/// Whether a server uses this data folder now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Running {
    No,
    /// And says that it is well.
    Well,
    /// And does not answer, or says that it is not well.
    Unwell,
}

/// One port that the server listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Port {
    pub(super) number: u16,
    pub(super) protocol: &'static str,
    /// The flag that chooses another.
    pub(super) flag: &'static str,
    pub(super) state: PortState,
}

/// Whether a port can be listened on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PortState {
    Free,
    /// Somebody listens there.
    InUse,
    /// Below what this account may open.
    Forbidden,
    Unusable(String),
}

/// Where browsers are told to send media.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Advertised {
    pub(super) addresses: Vec<IpAddr>,
    /// True when nobody chose them.
    pub(super) is_auto: bool,
}

/// The certificate of https.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// By the local authority, made at the first start.
    NotYet,
    /// By the local authority.
    Local(Result<Seen, String>),
    /// For the public.
    Public(Result<Seen, String>),
    /// By a proxy in front, which is not looked at.
    ByProxy,
}

/// The data folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Folder {
    /// Made at the first start.
    NotYet,
    There {
        /// Others of this machine may look into it, or into a key.
        is_open: bool,
        /// It belongs to this account, or this account may do everything.
        is_own: bool,
        /// Something can be written there.
        is_writable: bool,
    },
    Unusable(String),
}

impl Facts {
    pub(super) async fn gather(config: &Config) -> Self {
        let clock = Clock::system();
        let wanted = config.clone();
        let running = running(config).await;
        let look = move || Self::look(&wanted, running, clock.unix_seconds());
        // It cannot panic.
        tokio::task::spawn_blocking(look).await.expect("looking does not fail")
    }

    /// Blocks.
    fn look(config: &Config, server: Running, now: u64) -> Self {
        let folder = folder(&config.data_dir);
        let near = existing(&config.data_dir);
        Self {
            now,
            server,
            ports: ports(config),
            advertised: advertised(config),
            is_container: ["/.dockerenv", "/run/.containerenv"]
                .map(Path::new)
                .iter()
                .any(|it| it.exists()),
            certificate: certificate(config),
            last_seen: copy::last_seen(&server::database_file(&config.data_dir)),
            buffers: buffers(),
            descriptors: getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX),
            free_bytes: rustix::fs::statvfs(&near)
                .ok()
                .map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
            folder,
        }
    }
}

async fn running(config: &Config) -> Running {
    if !server::is_taken(&config.data_dir) {
        return Running::No;
    }
    let origin = format!("http://127.0.0.1:{}", config.metrics_port);
    let answer = request::get(&origin, "/healthz", Path::new("")).await;
    match answer.is_ok_and(|answer| answer.status == 200) {
        true => Running::Well,
        false => Running::Unwell,
    }
}

fn ports(config: &Config) -> Vec<Port> {
    let everywhere = config.listen_address;
    let here = Some(Ipv4Addr::LOCALHOST.into());
    let pages = match &config.tls {
        Tls::BehindProxy(proxy) => proxy.listen.or(here),
        Tls::LocalAuthority | Tls::Files { .. } | Tls::Acme(_) => everywhere,
    };
    let mut wanted = vec![
        (config.https_port, "tcp", "--https-port", pages),
        (config.media_port, "udp", "--media-port", everywhere),
        (config.metrics_port, "tcp", "--metrics-port", here),
    ];
    wanted.extend(config.http_port.map(|port| (port, "tcp", "--local-http", here)));
    // Port 0 is any that is free.
    wanted.retain(|(number, ..)| *number != 0);
    let port = |(number, protocol, flag, address)| Port {
        number,
        protocol,
        flag,
        state: try_port(address, number, protocol),
    };
    wanted.into_iter().map(port).collect()
}

fn try_port(address: Option<IpAddr>, number: u16, protocol: &str) -> PortState {
    let open = |address: IpAddr| {
        let at = SocketAddr::new(address, number);
        match protocol {
            "udp" => UdpSocket::bind(at).map(drop),
            _ => TcpListener::bind(at).map(drop),
        }
    };
    let opened = match address {
        Some(address) => open(address),
        None => match open(Ipv6Addr::UNSPECIFIED.into()) {
            // No IPv6 here.
            Err(error) if error.kind() == ErrorKind::Unsupported || is_missing(&error) => {
                open(Ipv4Addr::UNSPECIFIED.into())
            }
            opened => opened,
        },
    };
    match opened {
        Ok(()) => PortState::Free,
        Err(error) if error.kind() == ErrorKind::AddrInUse => PortState::InUse,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => PortState::Forbidden,
        Err(error) => PortState::Unusable(error.to_string()),
    }
}

fn is_missing(error: &io::Error) -> bool {
    error.kind() == ErrorKind::AddrNotAvailable
}

fn advertised(config: &Config) -> Advertised {
    let of_entry = |entry: &PublicEntry| match &entry.address {
        PublicAddress::Auto => addresses::of_interfaces(),
        PublicAddress::At(address) => vec![address.ip()],
        // What cannot be looked up has no address.
        PublicAddress::Named(name, _) => (name.as_str(), 0)
            .to_socket_addrs()
            .map_or_else(|_| vec![], |found| found.map(|address| address.ip()).collect()),
    };
    let is_auto = config.public_addresses.iter().all(|it| it.address == PublicAddress::Auto);
    Advertised { addresses: config.public_addresses.iter().flat_map(of_entry).collect(), is_auto }
}

fn certificate(config: &Config) -> Shown {
    let origin = config.share_origin.as_deref().and_then(|origin| origin.parse::<Uri>().ok());
    let host = origin.as_ref().and_then(Uri::host).map(|host| host.trim_matches(['[', ']']));
    let folder = tls::folder(&config.data_dir);
    let local = || {
        let [certificate, key] = ["server.crt", "server.key"].map(|name| folder.join(name));
        match certificate.exists() {
            true => Shown::Local(certificate::read(&certificate, &key, host)),
            false => Shown::NotYet,
        }
    };
    match &config.tls {
        Tls::LocalAuthority => local(),
        Tls::Files { certificate, key } => Shown::Public(certificate::read(certificate, key, host)),
        Tls::Acme(acme) => tls::acme_chain(&folder, acme).map_or_else(local, |chain| {
            Shown::Public(certificate::see(chain.as_bytes(), &folder, host))
        }),
        Tls::BehindProxy(_) => Shown::ByProxy,
    }
}

fn buffers() -> Option<[u64; 2]> {
    let read = |name: &str| {
        let text = fs::read_to_string(format!("/proc/sys/net/core/{name}")).ok()?;
        text.trim().parse().ok()
    };
    Some([read("rmem_max")?, read("wmem_max")?])
}

fn folder(data_dir: &Path) -> Folder {
    let metadata = match fs::metadata(data_dir) {
        Ok(metadata) if metadata.is_dir() => metadata,
        Ok(_) => return Folder::Unusable("it is no folder".to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return match is_writable(&existing(data_dir)) {
                true => Folder::NotYet,
                false => Folder::Unusable("it cannot be made".to_owned()),
            };
        }
        Err(error) => return Folder::Unusable(error.to_string()),
    };
    let is_open = |path: &Path| fs::metadata(path).is_ok_and(|it| it.mode() & 0o077 != 0);
    let keys = ["signing.key", "recording-signing.key", "preau.sqlite"];
    let is_open = is_open(data_dir) && keys.iter().any(|key| is_open(&data_dir.join(key)));
    let me = geteuid();
    Folder::There {
        is_open,
        is_own: me.is_root() || metadata.uid() == me.as_raw(),
        is_writable: is_writable(data_dir),
    }
}

/// Whether this account may write into a folder.
fn is_writable(folder: &Path) -> bool {
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok()
}

/// The path, or the nearest folder above it that exists.
fn existing(path: &Path) -> PathBuf {
    let found = path.ancestors().find(|above| above.exists()).map(Path::to_owned);
    found.filter(|found| !found.as_os_str().is_empty()).unwrap_or_else(|| PathBuf::from("."))
}
