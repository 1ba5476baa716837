//! A real server, and participants who have no UDP: one by ICE over TCP, one by TURN within TLS, on
//! the port of the pages. The TURN client is another implementation.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, BufMut, BytesMut};
use protocol::TrackSource::{Camera, Microphone};
use rtc::crypto::providers::RingProvider;
use rtc::sansio::Protocol;
use rtc::shared::{TransportContext, TransportMessage, TransportProtocol};
use rtc::turn::client::{Client, ClientConfig, Event};
use serde_json::Value;
use signaling::Clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig as TlsConfig, RootCertStore, crypto};

use crate::participant::{Participant, until};
use crate::server::RealServer;
use crate::session::in_time;

#[tokio::test(flavor = "multi_thread")]
async fn r47_sound_and_pictures_go_both_ways_by_ice_tcp_and_by_turn_within_tls() {
    let server = RealServer::start().await;
    let room = server.room(1).await;
    let http = server.http();
    let mut teacher = Participant::join(http, &room, &room.moderator, "Ada", None).await;
    let framed = Road::framed(&server).await;
    let turn = Road::turn(&server, &teacher.relay).await;
    let mut near = Participant::join(http, &room, &room.guest, "", Some(framed.address)).await;
    let mut far = Participant::join(http, &room, &room.guest, "", Some(turn.address)).await;
    for participant in [&mut teacher, &mut near, &mut far] {
        participant.publish().await;
    }
    near.subscribe(far.id).await;
    far.subscribe(near.id).await;
    teacher.subscribe(far.id).await;
    let (frames, parts) = (60, 3);
    tokio::join!(near.send(frames, parts), far.send(frames, parts));
    for (receiver, sender) in [(&near, &far), (&far, &near), (&teacher, &far)] {
        let last = frames - 1;
        until("the last picture arrives", || {
            receiver.arrived(sender.id, Camera).iter().any(|(_, content)| content.frame == last)
        })
        .await;
        let sounds = receiver.arrived(sender.id, Microphone);
        assert!(sounds.len() as u32 >= frames * 2 - 10, "{} packets of sound", sounds.len());
        let pictures = receiver.arrived(sender.id, Camera);
        let have: BTreeSet<_> = pictures.iter().map(|(_, it)| (it.frame, it.part)).collect();
        let first = pictures.first().expect("pictures arrived").1.frame;
        let missing: Vec<_> = (first..frames)
            .flat_map(|frame| (0..parts).map(move |part| (frame, part)))
            .filter(|it| !have.contains(it))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
    assert_eq!(server.metric("preau_relays_total{kind=\"ice_tcp\"}").await, 1);
    assert_eq!(server.metric("preau_relays_total{kind=\"turn\"}").await, 1);
    assert_eq!(server.metric("preau_relay_sockets").await, 2);
    assert_eq!(server.metric("preau_relay_datagrams_dropped_total").await, 0);
    for participant in [teacher, near, far] {
        participant.leave().await;
    }
    drop((framed, turn));
    // Whoever goes leaves nothing behind.
    while server.metric("preau_relay_sockets").await != 0 {
        tokio::task::yield_now().await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_reaches_this_servers_media_and_nothing_else() {
    let server = RealServer::start().await;
    let room = server.room(2).await;
    let guest = Participant::join(server.http(), &room, &room.guest, "", None).await;
    // Ports of this very machine: the address is one that may be reached, the port is not.
    let other = UdpSocket::bind("127.0.0.1:0").await.expect("a port is free");
    let own = other.local_addr().expect("it is bound");
    let mut turn = Turn::connect(&server, &guest.relay).await;
    turn.allocate().await;
    let mut refused = 0;
    for peer in FORBIDDEN {
        let error = turn.permit(peer.parse().expect("an address")).await.expect_err(peer);
        assert!(error.contains("403") || error.contains("443"), "{peer}: {error}");
        refused += 1;
        assert_eq!(server.metric(FORBIDDEN_PEERS).await, refused);
    }
    for port in [own, server.https(), server.http()] {
        turn.permit(port).await.expect("the address is that of media");
        // The client binds a channel as well, which is refused too.
        turn.send(b"to somebody else", port).await;
        while server.metric(FORBIDDEN_PEERS).await < refused + 2 {
            turn.read().await;
        }
        refused += 2;
    }
    let mut datagram = [0; 99];
    assert!(other.try_recv_from(&mut datagram).is_err(), "something came through");
    assert_eq!(server.metric("preau_relay_sockets").await, 0);
    turn.permit(server.media()).await.expect("media may be reached");
    guest.leave().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_good_credential_there_is_no_relay() {
    let (clock, hand) = Clock::manual();
    let server = RealServer::start_at(clock).await;
    let room = server.room(3).await;
    let guest = Participant::join(server.http(), &room, &room.guest, "", None).await;
    let mut forged = guest.relay.clone();
    forged["password"] = "0".repeat(64).into();
    let mut longer = guest.relay.clone();
    longer["username"] = format!("9{}", longer["username"].as_str().expect("a text")).into();
    let mut refused = 0;
    for access in [&forged, &longer] {
        let mut turn = Turn::connect(&server, access).await;
        let event = turn.try_allocate().await;
        assert!(matches!(event, Event::AllocateError(..)), "{event:?}");
        refused += 1;
        assert_eq!(server.metric(UNAUTHORIZED).await, refused);
    }
    Turn::connect(&server, &guest.relay).await.allocate().await;
    hand.advance(Duration::from_secs(12 * 3600));
    let mut late = Turn::connect(&server, &guest.relay).await;
    let event = late.try_allocate().await;
    assert!(matches!(event, Event::AllocateError(..)), "{event:?}");
    assert_eq!(server.metric(UNAUTHORIZED).await, refused + 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_of_nobody_gets_no_answer_and_no_lasting_place() {
    let (clock, hand) = Clock::manual();
    let server = RealServer::start_at(clock).await;
    let check = tests::connectivity_check("nobody:abcd", "abcdefghijklmnopqrstuv", [9; 12]);
    let mut socket = TcpStream::connect(server.https()).await.expect("the server listens");
    let frame = [&(check.len() as u16).to_be_bytes(), &check[..]].concat();
    socket.write_all(&frame).await.expect("the server reads");
    while server.metric("preau_media_datagrams_in_total").await == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.metric("preau_relay_sockets").await, 1);
    hand.advance(Duration::from_secs(10));
    assert_eq!(in_time(socket.read(&mut [0; 9])).await.expect("closed in order"), 0);
    assert_eq!(server.metric("preau_relay_sockets").await, 0);
    server.stop().await;
}

const FORBIDDEN_PEERS: &str = "preau_relay_refused_total{kind=\"forbidden_peer\"}";
const UNAUTHORIZED: &str = "preau_relay_refused_total{kind=\"unauthorized\"}";

/// What a general relay would be abused for; the pure core's tests try more.
const FORBIDDEN: [&str; 30] = [
    "0.0.0.0:8443",
    "0.0.0.0:0",
    "127.0.0.2:8443",
    "127.0.0.53:53",
    "127.255.255.254:9090",
    "10.0.0.1:8443",
    "10.255.255.255:80",
    "172.16.0.1:8443",
    "172.31.255.254:22",
    "192.168.0.1:80",
    "192.168.1.254:8443",
    "100.64.0.1:8443",
    "169.254.169.254:80",
    "169.254.0.1:8443",
    "198.18.0.1:8443",
    "192.0.2.1:8443",
    "198.51.100.1:443",
    "203.0.113.1:443",
    "224.0.0.1:8443",
    "239.255.255.250:1900",
    "240.0.0.1:8443",
    "255.255.255.255:8443",
    "8.8.8.8:53",
    "[::1]:8443",
    "[::]:8443",
    "[::ffff:127.0.0.1]:8443",
    "[::ffff:0.0.0.0]:8443",
    "[64:ff9b::7f00:1]:8443",
    "[fe80::1]:8443",
    "[fd00:ec2::254]:80",
];

/// Stands in for the server's media address: takes a participant's datagrams, and carries them over
/// TCP.
struct Road {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Road {
    /// Each datagram behind its length (RFC 4571).
    async fn framed(server: &RealServer) -> Self {
        let mut stream = TcpStream::connect(server.https()).await.expect("the server listens");
        let near = UdpSocket::bind("127.0.0.1:0").await.expect("a port is free");
        let address = near.local_addr().expect("it is bound");
        let task = tokio::spawn(async move {
            let (mut participant, mut inbox) = (None, BytesMut::new());
            let mut datagram = [0; 2_000];
            loop {
                tokio::select! {
                    Ok((length, from)) = near.recv_from(&mut datagram) => {
                        participant = Some(from);
                        let mut frame = BytesMut::new();
                        frame.put_u16(length as u16);
                        frame.put_slice(&datagram[..length]);
                        stream.write_all(&frame).await.expect("the server reads");
                    }
                    Ok(1..) = stream.read_buf(&mut inbox) => {
                        while inbox.len() >= 2 {
                            let length = usize::from(u16::from_be_bytes([inbox[0], inbox[1]]));
                            if inbox.len() < 2 + length {
                                break;
                            }
                            inbox.advance(2);
                            let datagram = inbox.split_to(length);
                            let to = participant.expect("nobody answers who was not asked");
                            near.send_to(&datagram, to).await.expect("the participant is here");
                        }
                    }
                    else => return,
                }
            }
        });
        Self { address, task }
    }

    /// By a relay, with the credential that came with an answer.
    async fn turn(server: &RealServer, access: &Value) -> Self {
        let media = server.media();
        let mut turn = Turn::connect(server, access).await;
        turn.allocate().await;
        turn.permit(media).await.expect("media may be reached");
        let near = UdpSocket::bind("127.0.0.1:0").await.expect("a port is free");
        let address = near.local_addr().expect("it is bound");
        let task = tokio::spawn(async move {
            let mut participant = None;
            let mut datagram = [0; 2_000];
            loop {
                tokio::select! {
                    Ok((length, from)) = near.recv_from(&mut datagram) => {
                        participant = Some(from);
                        turn.send(&datagram[..length], media).await;
                    }
                    read = turn.stream.read_buf(&mut turn.inbox) => {
                        if read.unwrap_or(0) == 0 {
                            return;
                        }
                        turn.handle_inbox();
                        turn.flush().await;
                        while let Some(event) = turn.client.poll_event() {
                            let Event::DataIndicationOrChannelData(_, from, data) = event else {
                                continue;
                            };
                            assert_eq!(from, media);
                            let to = participant.expect("nobody answers who was not asked");
                            near.send_to(&data, to).await.expect("the participant is here");
                        }
                    }
                }
            }
        });
        Self { address, task }
    }
}

impl Drop for Road {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A TURN client of another implementation, within TLS.
struct Turn {
    stream: tokio_rustls::client::TlsStream<TcpStream>,
    client: Client,
    inbox: BytesMut,
    context: TransportContext,
    relayed: Option<SocketAddr>,
}

impl Turn {
    async fn connect(server: &RealServer, access: &Value) -> Self {
        let authority = server.get("/authority.crt").await;
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(authority.as_bytes());
        roots.add(authority.expect("a certificate comes")).expect("it is one of an authority");
        let config = TlsConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has them")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let socket = TcpStream::connect(server.https()).await.expect("the server listens");
        let local_addr = socket.local_addr().expect("it is connected");
        let name = "localhost".try_into().expect("a name");
        let stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await;
        let text = |key: &str| access[key].as_str().expect("a credential came").to_owned();
        let config = ClientConfig {
            turn_serv_addr: server.https().to_string(),
            local_addr,
            transport_protocol: TransportProtocol::TCP,
            username: text("username"),
            password: text("password"),
            ..ClientConfig::default()
        };
        let client = Client::new(config, Arc::new(RingProvider::new()));
        let context = TransportContext {
            local_addr,
            peer_addr: server.https(),
            transport_protocol: TransportProtocol::TCP,
            ecn: None,
        };
        Self {
            stream: stream.expect("the certificate is good"),
            client: client.expect("the address is one"),
            inbox: BytesMut::new(),
            context,
            relayed: None,
        }
    }

    async fn try_allocate(&mut self) -> Event {
        self.client.allocate(Instant::now()).expect("a request is made");
        self.next_event().await
    }

    async fn allocate(&mut self) {
        let event = self.try_allocate().await;
        let Event::AllocateResponse(_, relayed) = event else { panic!("{event:?}") };
        self.relayed = Some(relayed);
    }

    async fn permit(&mut self, peer: SocketAddr) -> Result<(), String> {
        let relayed = self.relayed.expect("allocated before");
        let mut relay = self.client.relay(relayed).expect("it is known");
        relay.create_permission(Instant::now(), peer).expect("a request is made");
        let event = self.next_event().await;
        if let Event::CreatePermissionError(_, error) = event {
            return Err(error.to_string());
        }
        assert!(matches!(event, Event::CreatePermissionResponse(..)), "{event:?}");
        Ok(())
    }

    async fn send(&mut self, datagram: &[u8], peer: SocketAddr) {
        let relayed = self.relayed.expect("allocated before");
        let mut relay = self.client.relay(relayed).expect("it is known");
        relay.send_to(Instant::now(), datagram, peer).expect("it is permitted");
        self.flush().await;
    }

    async fn next_event(&mut self) -> Event {
        loop {
            self.flush().await;
            if let Some(event) = self.client.poll_event() {
                return event;
            }
            self.read().await;
        }
    }

    async fn read(&mut self) {
        let read = in_time(self.stream.read_buf(&mut self.inbox)).await;
        assert_ne!(read.expect("the server writes"), 0, "the server closes");
        self.handle_inbox();
    }

    async fn flush(&mut self) {
        while let Some(message) = self.client.poll_write() {
            let mut bytes = message.message;
            // Over TCP a message of a channel is filled up to whole words (RFC 8656 section 12.5).
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            self.stream.write_all(&bytes).await.expect("the server reads");
        }
        self.stream.flush().await.expect("the server reads");
    }

    fn handle_inbox(&mut self) {
        while self.inbox.len() >= 4 {
            let length = usize::from(u16::from_be_bytes([self.inbox[2], self.inbox[3]]));
            let is_channel = self.inbox[0] >= 0x40;
            let whole = if is_channel { 4 + length.next_multiple_of(4) } else { 20 + length };
            if self.inbox.len() < whole {
                return;
            }
            let mut message = self.inbox.split_to(whole);
            if is_channel {
                message.truncate(4 + length);
            }
            let read = TransportMessage { now: Instant::now(), transport: self.context, message };
            self.client.handle_read(read).expect("the server writes what can be read");
        }
    }
}
