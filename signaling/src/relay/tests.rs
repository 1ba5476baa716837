use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::net::UdpSocket;

use super::*;
use crate::clock::ClockHand;

/// Relays to a media port that the test holds in its hand.
struct World {
    relays: Relays,
    media: UdpSocket,
    hand: ClockHand,
}

impl World {
    async fn new(max_sockets: usize) -> Self {
        let media = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (clock, hand) = Clock::manual();
        let at = media.local_addr().unwrap();
        let gate = Gate::new(max_sockets, max_sockets);
        let relays = Relays::new(clock, Arc::default(), at, vec![at], gate);
        Self { relays, media, hand }
    }

    /// A browser whose stream, of so many bytes, is carried.
    fn browser(&self, room: usize) -> DuplexStream {
        let (near, far) = tokio::io::duplex(room);
        let relays = self.relays.clone();
        tokio::spawn(async move {
            let network = "192.0.2.1".parse().unwrap();
            let sockets = Sockets::new(relays.0.media, relays.0.sockets.clone(), network);
            carry(&relays, Wire::Framed, far, BytesMut::new(), sockets).await;
        });
        near
    }

    /// The next datagram that reaches media, and whence.
    async fn heard(&self) -> (Vec<u8>, SocketAddr) {
        let mut datagram = [0; 2048];
        let (length, from) = in_time(self.media.recv_from(&mut datagram)).await.unwrap();
        (datagram[..length].to_vec(), from)
    }

    fn refused(&self, kind: &str) -> String {
        let page = self.relays.0.metrics.render(&crate::metrics::Gauges::default());
        let name = format!("preau_relay_refused_total{{kind=\"{kind}\"}} ");
        page.lines().find_map(|line| line.strip_prefix(&name)).unwrap().to_owned()
    }
}

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("nothing happens")
}

fn framed(datagram: &[u8]) -> Vec<u8> {
    let mut frame = u16::try_from(datagram.len()).unwrap().to_be_bytes().to_vec();
    frame.extend(datagram);
    frame
}

async fn read_framed(browser: &mut DuplexStream) -> Vec<u8> {
    let length = in_time(browser.read_u16()).await.unwrap();
    let mut datagram = vec![0; length.into()];
    in_time(browser.read_exact(&mut datagram)).await.unwrap();
    datagram
}

/// Sends something there and back: what was to happen before has happened.
async fn echo(world: &World, browser: &mut DuplexStream) -> SocketAddr {
    browser.write_all(&framed(b"ask")).await.unwrap();
    let (heard, from) = world.heard().await;
    assert_eq!(heard, b"ask");
    world.media.send_to(b"answer", from).await.unwrap();
    assert_eq!(read_framed(browser).await, b"answer");
    from
}

#[tokio::test]
async fn a_stream_in_any_pieces_becomes_datagrams_and_back() {
    let world = World::new(9).await;
    let mut browser = world.browser(64 * 1024);
    let first = echo(&world, &mut browser).await;
    let mut bytes = framed(b"one");
    bytes.extend(framed(b""));
    bytes.extend(framed(&[7; 1500]));
    for byte in &bytes {
        browser.write_all(&[*byte]).await.unwrap();
    }
    for expected in [&b"one"[..], b"", &[7; 1500]] {
        assert_eq!(world.heard().await, (expected.to_vec(), first), "from one and the same socket");
    }
    assert_eq!(world.relays.open(), 1);
    drop(browser);
    while world.relays.open() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_browser_that_does_not_read_loses_datagrams_and_never_a_part_of_one() {
    let world = World::new(9).await;
    let mut browser = world.browser(1024);
    let from = echo(&world, &mut browser).await;
    let dropped = || world.relays.0.metrics.relay_datagrams_dropped.value();
    let mut sent = 0_u32;
    while dropped() < 20 {
        assert!(sent < 10_000, "nothing is dropped");
        let mut datagram = sent.to_be_bytes().to_vec();
        datagram.resize(1000, 0);
        world.media.send_to(&datagram, from).await.unwrap();
        sent += 1;
        tokio::task::yield_now().await;
    }
    // Within the bound, and what came first is first.
    for expected in 0..60_u32 {
        let datagram = read_framed(&mut browser).await;
        assert_eq!((datagram.len(), &datagram[..4]), (1000, &expected.to_be_bytes()[..]));
    }
    world.media.send_to(b"later", from).await.unwrap();
    for _ in 0..sent {
        if read_framed(&mut browser).await == b"later" {
            return;
        }
    }
    panic!("what is sent later does not arrive");
}

#[tokio::test]
async fn sockets_are_bounded_and_given_back() {
    let world = World::new(1).await;
    let mut first = world.browser(4096);
    echo(&world, &mut first).await;
    let mut second = world.browser(4096);
    second.write_all(&framed(b"ask")).await.unwrap();
    assert_eq!(in_time(second.read(&mut [0; 9])).await.unwrap(), 0, "closed");
    assert_eq!(world.refused("full"), "1");
    drop(first);
    while world.relays.open() > 0 {
        tokio::task::yield_now().await;
    }
    echo(&world, &mut world.browser(4096)).await;
}

#[tokio::test]
async fn a_frame_longer_than_a_datagram_ends_the_connection() {
    let world = World::new(9).await;
    let mut browser = world.browser(4096);
    echo(&world, &mut browser).await;
    browser.write_all(&[0xff, 0xff, 1, 2, 3]).await.unwrap();
    assert_eq!(in_time(browser.read(&mut [0; 9])).await.unwrap(), 0);
    assert_eq!(world.refused("malformed"), "1");
}

#[tokio::test]
async fn who_gets_no_answer_is_let_go_after_ten_seconds_and_who_is_silent_after_thirty() {
    let world = World::new(9).await;
    let mut stranger = world.browser(4096);
    stranger.write_all(&framed(b"check of nobody")).await.unwrap();
    world.heard().await;
    let mut browser = world.browser(4096);
    echo(&world, &mut browser).await;
    world.hand.advance(Duration::from_secs(10));
    assert_eq!(in_time(stranger.read(&mut [0; 9])).await.unwrap(), 0);
    assert_eq!(world.refused("silent"), "1");
    for _ in 0..3 {
        echo(&world, &mut browser).await;
        world.hand.advance(Duration::from_secs(25));
    }
    echo(&world, &mut browser).await;
    world.hand.advance(Duration::from_secs(35));
    assert_eq!(in_time(browser.read(&mut [0; 9])).await.unwrap(), 0);
    assert_eq!(world.refused("silent"), "1", "a browser that goes is no refusal");
}
