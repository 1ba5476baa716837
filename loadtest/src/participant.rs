//! One synthetic participant: enters a room, connects, publishes, watches what others publish,
//! and leaves.

mod complete;
mod ear;
mod frames;
pub(crate) mod light;
mod receive;
mod send;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use protocol::TrackSource;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

pub(crate) use light::Identity;

use crate::clock;
use crate::measure::Meter;
use crate::media::Media;
use crate::target::{
    Feed, IceCredentials, Negotiated, Room, Seat, SeatEvent, SlotSpec, TargetError, Watched,
    Watching, Wish,
};

/// What a participant looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attention {
    pub(crate) voices: usize,
    pub(crate) cameras: usize,
    pub(crate) screens: usize,
    pub(crate) max_height: Option<u16>,
}

/// What the participants of one room share.
#[derive(Clone)]
pub(crate) struct Shared {
    /// What is published, in the order in which it began.
    pub(crate) feeds: watch::Sender<Arc<Vec<Feed>>>,
    /// Set when everybody shall leave.
    pub(crate) end: watch::Receiver<bool>,
    pub(crate) media: Arc<Media>,
}

impl Shared {
    /// Shows everybody what somebody sends.
    fn show(&self, feed: Feed) {
        self.feeds.send_if_modified(|feeds| {
            let is_new = feeds.iter().all(|one| one.name != feed.name);
            if is_new {
                Arc::make_mut(feeds).push(feed);
            }
            is_new
        });
    }
}

/// Plays one participant until the end, or for `stay`.
///
/// # Errors
///
/// When the server refuses, goes away, or does not let media through in time.
pub(crate) async fn play(
    room: &dyn Room,
    wish: Wish,
    attention: Attention,
    shared: Shared,
    stay: Option<Duration>,
) -> Result<(), TargetError> {
    let meter = wish.meter.clone();
    meter.lock().join.began = Some(clock::now());
    let mut seat = room.enter(wish.clone()).await?;
    let mut player = Player { wish, attention, shared, connections: Vec::new(), own: None };
    let stay = stay.unwrap_or(FOR_EVER);
    let played = timeout(stay, player.play(seat.as_mut())).await.unwrap_or(Ok(()));
    player.withdraw();
    meter.lock().expect_nothing(clock::now());
    if played.is_ok() {
        seat.leave().await;
    }
    for connection in player.connections {
        connection.close().await;
    }
    played
}

/// What a connection can be told.
#[derive(Debug)]
pub(crate) enum Command {
    /// Send everything from now on.
    Start,
    /// There are more slots.
    Slots(Vec<SlotSpec>),
    /// Send only these layers of a source.
    Layers(TrackSource, Vec<String>),
    /// The source that sends this shall send a key frame.
    KeyFrame(u32),
    /// Look for a path anew: with these credentials, to there, from this address.
    Path(IceCredentials, Road, Option<IpAddr>),
    /// Send from another port, as after a router has forgotten the one before.
    Rebind,
    /// Say goodbye and end.
    Close,
}

/// Where packets go, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Road {
    /// As they are.
    Udp(SocketAddr),
    /// Each behind its length, over a connection (RFC 6544).
    Tcp(SocketAddr),
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Connecting,
    Connected,
    Closed,
}

/// Waits for a handshake to end.
async fn connected(state: &mut watch::Receiver<State>) -> Result<(), TargetError> {
    let state = state.wait_for(|state| *state != State::Connecting).await;
    match state.map(|state| *state) {
        Ok(State::Connected) => Ok(()),
        _ => Err(TargetError::Refused("media", "the handshake failed".to_owned())),
    }
}

/// A running connection of either kind.
#[derive(Debug)]
enum Connection {
    Light(light::Connection),
    Complete(Box<complete::Connection>),
}

impl Connection {
    async fn connected(&mut self) -> Result<(), TargetError> {
        match self {
            Self::Light(connection) => connection.connected().await,
            Self::Complete(connection) => connection.connected().await,
        }
    }

    fn command(&self, command: Command) {
        match self {
            Self::Light(connection) => connection.command(command),
            Self::Complete(connection) => connection.command(command),
        }
    }

    async fn close(self) {
        match self {
            Self::Light(connection) => connection.close().await,
            Self::Complete(connection) => connection.close().await,
        }
    }
}

struct Player {
    wish: Wish,
    attention: Attention,
    shared: Shared,
    connections: Vec<Connection>,
    own: Option<String>,
}

impl Player {
    async fn play(&mut self, seat: &mut dyn Seat) -> Result<(), TargetError> {
        let mut feeds = self.shared.feeds.subscribe();
        let mut end = self.shared.end.clone();
        if self.wish.is_complete {
            self.connect_completely(seat).await?;
        } else if let Some(negotiated) = seat.connect().await? {
            self.connect(seat, negotiated).await?;
        }
        if !self.wish.sends.is_empty() {
            let feed = seat.publish().await?;
            self.own = Some(feed.name.clone());
            for connection in &self.connections {
                connection.command(Command::Start);
            }
            self.shared.show(feed);
        }
        for feed in seat.present() {
            self.shared.show(feed.clone());
        }
        feeds.mark_changed();
        let mut watched = Vec::new();
        loop {
            tokio::select! {
                changed = feeds.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    let wanted = self.choose(&feeds.borrow_and_update());
                    if wanted != watched {
                        self.watch(seat, &wanted).await?;
                        watched = wanted;
                    }
                }
                event = seat.next_event() => self.heed(event?),
                () = async { drop(end.wait_for(|end| *end).await) } => return Ok(()),
            }
        }
    }

    /// The first of what others publish, as far as the slots go.
    fn choose(&self, feeds: &[Feed]) -> Vec<Watched> {
        let mut left: BTreeMap<TrackSource, usize> = BTreeMap::from([
            (TrackSource::Microphone, self.attention.voices),
            (TrackSource::Camera, self.attention.cameras),
            (TrackSource::Screen, self.attention.screens),
        ]);
        let mut watched = Vec::new();
        for feed in feeds.iter().filter(|feed| Some(&feed.name) != self.own.as_ref()) {
            for (section, source) in feed.sources.iter().enumerate() {
                let Some(left) = left.get_mut(source).filter(|left| **left > 0) else { continue };
                *left -= 1;
                watched.push(Watched {
                    feed: feed.name.clone(),
                    source: *source,
                    section,
                    max_height: self
                        .attention
                        .max_height
                        .filter(|_| *source == TrackSource::Camera),
                });
            }
        }
        watched
    }

    async fn watch(&mut self, seat: &mut dyn Seat, watched: &[Watched]) -> Result<(), TargetError> {
        match seat.watch(watched).await? {
            Watching::Done => {}
            Watching::Connect(negotiated) => self.connect(seat, negotiated).await?,
            Watching::Slots(slots) => {
                if let Some(connection) = self.connections.last() {
                    connection.command(Command::Slots(slots));
                }
            }
        }
        Ok(())
    }

    fn heed(&self, event: SeatEvent) {
        if let SeatEvent::LayersWanted(source, rids) = event {
            for connection in &self.connections {
                connection.command(Command::Layers(source, rids.clone()));
            }
        }
    }

    /// Makes a connection and waits until it is there, or the server gone.
    async fn connect(
        &mut self,
        seat: &mut dyn Seat,
        negotiated: Negotiated,
    ) -> Result<(), TargetError> {
        let media = Arc::clone(&self.shared.media);
        let connection = light::Connection::open(negotiated, &self.wish, media)?;
        self.wait_for(seat, Connection::Light(connection)).await
    }

    /// The same on an independent stack, which makes its own offer.
    async fn connect_completely(&mut self, seat: &mut dyn Seat) -> Result<(), TargetError> {
        let media = Arc::clone(&self.shared.media);
        let mut connection = complete::Connection::offer(&self.wish, media).await?;
        let (offer, sends) = connection.offered();
        let answer = seat.answer_to(offer, sends).await?;
        connection.accept(answer).await?;
        self.wait_for(seat, Connection::Complete(Box::new(connection))).await
    }

    async fn wait_for(
        &mut self,
        seat: &mut dyn Seat,
        mut connection: Connection,
    ) -> Result<(), TargetError> {
        let deadline = Instant::now() + CONNECT;
        let mut events = Vec::new();
        let connected = loop {
            tokio::select! {
                connected = timeout_at(deadline, connection.connected()) => break connected,
                event = seat.next_event() => events.push(event?),
            }
        };
        self.connections.push(connection);
        for event in events {
            self.heed(event);
        }
        let late = || "no connection within 10 s".to_owned();
        connected.map_err(|_| TargetError::Refused("media", late()))?
    }

    /// Takes back what was published.
    fn withdraw(&self) {
        if let Some(own) = &self.own {
            self.shared.feeds.send_modify(|feeds| {
                Arc::make_mut(feeds).retain(|feed| feed.name != *own);
            });
        }
    }
}

impl Wish {
    /// Where its connections and sessions note what they see.
    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }
}

/// A connection that is not there by then never will be.
const CONNECT: Duration = Duration::from_secs(10);

/// Longer than any test.
const FOR_EVER: Duration = Duration::from_secs(7 * 24 * 3600);
