//! A participant who stays whatever happens, as pages do: a path that falls silent is looked for anew, a
//! session that was cut is opened again, and after a restart of the server everything is negotiated anew.

mod path_watch;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use self::path_watch::{LOOK_EVERY, PathWatch};
use crate::media::Media;
use crate::participant::light::{Connection, Identity};
use crate::participant::{Command, Road};
use crate::target::{Feed, Negotiated, Return, Room, Seat, SeatEvent, TargetError, Watched, Wish};

/// What the residents of one room publish, by their numbers.
pub(crate) type Board = watch::Sender<BTreeMap<usize, Feed>>;

/// Who one of them is.
#[derive(Clone)]
pub(crate) struct Habits {
    /// On the board.
    pub(crate) number: usize,
    /// Whom they watch and hear.
    pub(crate) watches: Vec<usize>,
    pub(crate) max_height: Option<u16>,
    pub(crate) wish: Wish,
}

/// Something a resident is told to do, or that happens to them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    /// Their router forgets which of its ports is theirs.
    Rebind,
    /// From now on new connections come from this address.
    Move(IpAddr),
    /// They load the page anew.
    Reload,
}

/// How often something happened to a resident.
#[derive(Debug, Default)]
pub(crate) struct Lot {
    /// Sessions that went on where they were cut.
    pub(crate) resumed: AtomicU64,
    /// Times everything was negotiated anew.
    pub(crate) anew: AtomicU64,
    /// Whether the session is cut now.
    pub(crate) is_cut: AtomicBool,
}

impl Lot {
    /// Times they came back in whatever way.
    pub(crate) fn returns(&self) -> u64 {
        self.resumed.load(Ordering::Relaxed) + self.anew.load(Ordering::Relaxed)
    }
}

/// One of them.
pub(crate) struct Resident {
    pub(crate) lot: Arc<Lot>,
    orders: mpsc::Sender<Order>,
    task: JoinHandle<()>,
}

impl Resident {
    /// Enters and publishes; done once media may flow.
    ///
    /// # Errors
    ///
    /// When the first join fails. Later nothing is an error: they come back.
    pub(crate) async fn enter(
        room: &dyn Room,
        habits: Habits,
        board: Board,
        media: Arc<Media>,
    ) -> Result<Self, TargetError> {
        let seat = room.enter(habits.wish.clone()).await?;
        let lot = Arc::new(Lot::default());
        let mut life = Life {
            random: StdRng::seed_from_u64(habits.wish.seed),
            habits,
            board,
            media,
            seat,
            line: Line::Up,
            heard: Instant::now(),
            attempts: 0,
            connection: None,
            watch: PathWatch::default(),
            searching: None,
            is_over_tcp: false,
            round_trip: LONGEST_PATIENCE,
            lot: Arc::clone(&lot),
        };
        life.connect().await?;
        let (orders, ordered) = mpsc::channel(MAX_ORDERS);
        Ok(Self { lot, orders, task: tokio::spawn(life.run(ordered)) })
    }

    /// Tells them something.
    pub(crate) async fn order(&self, order: Order) {
        // Whoever has ended cannot be told.
        let _ = self.orders.send(order).await;
    }

    /// Has them leave in order.
    pub(crate) async fn leave(self) {
        drop(self.orders);
        let mut task = self.task;
        if timeout(LEAVING, &mut task).await.is_err() {
            task.abort();
        }
    }
}

/// The session of a resident.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Up,
    /// Cut; to be opened again then.
    Down(Instant),
}

struct Life {
    habits: Habits,
    board: Board,
    media: Arc<Media>,
    seat: Box<dyn Seat>,
    line: Line,
    /// When the server last said something.
    heard: Instant,
    /// Since the session was last open.
    attempts: i32,
    connection: Option<Connection>,
    watch: PathWatch,
    /// Since when another path is looked for, and how many bytes had come by then.
    searching: Option<(Instant, u64)>,
    is_over_tcp: bool,
    /// What the last answer took.
    round_trip: Duration,
    random: StdRng,
    lot: Arc<Lot>,
}

impl Life {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut board = self.board.subscribe();
        loop {
            let again = if let Line::Down(at) = self.line { at } else { Instant::now() };
            tokio::select! {
                order = orders.recv() => match order {
                    None => break,
                    Some(order) => self.obey(order).await,
                },
                event = self.seat.next_event(), if self.line == Line::Up => self.heed(event),
                () = sleep_until(again), if self.line != Line::Up => self.come_back().await,
                _ = board.changed(), if self.line == Line::Up => self.choose().await,
                _ = looks.tick() => self.look().await,
            }
        }
        self.board.send_modify(|board| {
            board.remove(&self.habits.number);
        });
        if self.line == Line::Up {
            self.seat.leave().await;
        }
        if let Some(connection) = self.connection {
            connection.close().await;
        }
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Rebind => self.command(Command::Rebind),
            Order::Move(address) => self.habits.wish.from = Some(address),
            Order::Reload => {
                // A page that goes says nothing; the next one has another certificate.
                if let (Some(connection), Some(identity)) =
                    (self.connection.take(), Identity::generate())
                {
                    connection.close().await;
                    self.habits.wish.identity = identity;
                }
                self.come_back().await;
            }
        }
    }

    fn heed(&mut self, event: Result<SeatEvent, TargetError>) {
        self.heard = Instant::now();
        match event {
            Ok(SeatEvent::LayersWanted(source, rids)) => {
                self.command(Command::Layers(source, rids));
            }
            Ok(SeatEvent::Nothing) => {}
            Err(_) => self.lose(),
        }
    }

    fn command(&self, command: Command) {
        if let Some(connection) = &self.connection {
            connection.command(command);
        }
    }

    /// The session was cut: pauses as pages do, longer each time.
    fn lose(&mut self) {
        let pause = (FIRST_PAUSE * 2_u32.pow(self.attempts.clamp(0, 5) as u32)).min(LONGEST_PAUSE);
        self.attempts += 1;
        let part = self.random.random_range(0.5..1.0);
        self.cut(pause.mul_f64(part));
    }

    /// The session is to be opened again after so long.
    fn cut(&mut self, pause: Duration) {
        self.line = Line::Down(Instant::now() + pause);
        self.lot.is_cut.store(true, Ordering::Relaxed);
    }

    async fn come_back(&mut self) {
        let Habits { wish, .. } = &self.habits;
        let back = timeout(OPENING, self.seat.come_back(wish.from, &wish.identity)).await;
        let Ok(Ok(back)) = back else { return self.lose() };
        self.line = Line::Up;
        self.lot.is_cut.store(false, Ordering::Relaxed);
        self.heard = Instant::now();
        self.attempts = 0;
        let done = if back == Return::Resumed && self.connection.is_some() {
            self.lot.resumed.fetch_add(1, Ordering::Relaxed);
            self.find_path().await && self.tell().await
        } else {
            self.lot.anew.fetch_add(1, Ordering::Relaxed);
            self.connect().await.is_ok()
        };
        if !done {
            self.lose();
        }
    }

    /// Negotiates a media connection in place of an earlier one, and publishes.
    async fn connect(&mut self) -> Result<(), TargetError> {
        if let Some(former) = self.connection.take() {
            former.close().await;
        }
        let began = Instant::now();
        let silent = || TargetError::Refused("media", "no connection within 10 s".to_owned());
        let negotiated = self.seat.connect().await?.ok_or_else(silent)?;
        self.round_trip = began.elapsed();
        let Negotiated { ice, tcp, .. } = negotiated.clone();
        let media = Arc::clone(&self.media);
        let mut connection = Connection::open(negotiated, &self.habits.wish, media)?;
        self.is_over_tcp = false;
        let direct = timeout(RELAY_AFTER, connection.connected()).await;
        if direct.is_err()
            && let Some(tcp) = tcp
        {
            self.is_over_tcp = true;
            connection.command(Command::Path(ice, Road::Tcp(tcp), self.habits.wish.from));
        }
        match direct {
            Ok(direct) => direct?,
            Err(_) => timeout(CONNECTING, connection.connected()).await.map_err(|_| silent())??,
        }
        connection.command(Command::Start);
        self.connection = Some(connection);
        self.watch = PathWatch::default();
        self.searching = None;
        if self.tell().await { Ok(()) } else { Err(TargetError::Gone) }
    }

    /// Says what is published and what is wanted. False when the session is gone.
    async fn tell(&mut self) -> bool {
        let Ok(feed) = self.seat.publish().await else { return false };
        let number = self.habits.number;
        // Told even where nothing changed: after a restart of the server whoever was back earlier asked
        // for them in vain, and their name is the one of before.
        self.board.send_modify(|board| {
            board.insert(number, feed);
        });
        self.choose().await;
        self.line == Line::Up
    }

    /// Has the slots carry those who are watched, as they are called now.
    async fn choose(&mut self) {
        let wanted: Vec<Watched> = {
            let board = self.board.borrow();
            let feeds = self.habits.watches.iter().filter_map(|number| board.get(number));
            feeds
                .flat_map(|feed| {
                    feed.sources.iter().enumerate().map(|(section, source)| Watched {
                        feed: feed.name.clone(),
                        source: *source,
                        section,
                        max_height: self.habits.max_height.filter(|_| source.is_video()),
                    })
                })
                .collect()
        };
        if self.seat.watch(&wanted).await.is_err() {
            self.lose();
        }
    }

    /// Looks whether something comes.
    async fn look(&mut self) {
        if self.line == Line::Up && self.heard.elapsed() > SILENCE {
            self.lose();
        }
        let bytes = self.habits.wish.meter.lock().bytes_received;
        if self.searching.is_some_and(|(_, before)| bytes != before) {
            self.searching = None;
        }
        let is_lost = self.watch.look(bytes);
        let is_late = self.searching.is_some_and(|(since, _)| since.elapsed() >= OTHER_ROAD);
        if self.line != Line::Up || self.connection.is_none() || !(is_lost || is_late) {
            return;
        }
        // Browsers try every road at once; here one after the other.
        self.is_over_tcp ^= is_late;
        if !self.find_path().await {
            // The answer would have told that the line lives: it is opened again at once.
            self.cut(Duration::ZERO);
        }
    }

    /// Restarts ICE. False when the server does not answer.
    async fn find_path(&mut self) -> bool {
        let patience = (self.round_trip * 4).clamp(SHORTEST_PATIENCE, LONGEST_PATIENCE);
        let began = Instant::now();
        let Ok(Ok(Some(negotiated))) = timeout(patience, self.seat.connect()).await else {
            return false;
        };
        self.round_trip = began.elapsed();
        let Negotiated { ice, address, tcp, .. } = negotiated;
        let road = tcp.filter(|_| self.is_over_tcp).map_or(Road::Udp(address), Road::Tcp);
        self.command(Command::Path(ice, road, self.habits.wish.from));
        let bytes = self.habits.wish.meter.lock().bytes_received;
        self.searching = Some((Instant::now(), bytes));
        true
    }
}

/// First pause before a session is opened again, doubled each time, as pages have it.
const FIRST_PAUSE: Duration = Duration::from_millis(300);
/// The longest, as pages have it.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A session on which nothing was heard for so long is taken for dead, as pages do.
const SILENCE: Duration = Duration::from_secs(25);
/// A session that takes longer to open is given up, as pages do.
const OPENING: Duration = Duration::from_secs(10);
/// Time for a path without the relay, as pages have it.
const RELAY_AFTER: Duration = Duration::from_millis(2_500);
/// A path that is not there after so long is looked for by the other road.
const OTHER_ROAD: Duration = Duration::from_millis(1_000);
/// Bounds of the time a line in doubt has for an answer, as pages have them.
const SHORTEST_PATIENCE: Duration = Duration::from_millis(200);
/// See [`SHORTEST_PATIENCE`].
const LONGEST_PATIENCE: Duration = Duration::from_secs(2);
/// A connection that is not there by then never will be.
const CONNECTING: Duration = Duration::from_secs(10);
/// Whoever takes longer to leave is cut.
const LEAVING: Duration = Duration::from_secs(12);
/// Orders that wait at most.
const MAX_ORDERS: usize = 16;
