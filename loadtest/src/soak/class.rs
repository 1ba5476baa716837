//! One class after the other: a teacher and pupils, who speak, leave and come back, and load the page
//! anew, by chance that is seeded.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use protocol::TrackSource;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::command::own_address;
use crate::measure::{Measured, Meter};
use crate::media::Media;
use crate::participant::Identity;
use crate::resident::{Board, Habits, Order, Resident};
use crate::target::{Preau, Room, Target, TargetError, Wish};

/// Those of everybody who is in a class.
#[derive(Clone, Default)]
pub(super) struct Meters(Arc<Mutex<Vec<Meter>>>);

impl Meters {
    /// One more.
    fn add(&self) -> Meter {
        let meter = Meter::default();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(meter.clone());
        meter
    }

    /// What all of them saw since the last time. Those who have gone are forgotten.
    pub(super) fn take(&self) -> Measured {
        let mut meters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sum = Measured::default();
        meters.retain(|meter| {
            sum.add(&meter.lock().take());
            !meter.is_last()
        });
        sum
    }
}

/// What came of the classes of one lane.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) classes: u64,
    pub(super) visits: u64,
    pub(super) returns: u64,
    pub(super) failures: Vec<String>,
}

/// One class.
pub(super) struct Class {
    room: Arc<dyn Room>,
    media: Arc<Media>,
    meters: Meters,
    board: Board,
    /// The first address of this lane.
    addresses: usize,
    random: StdRng,
    held: Held,
}

impl Class {
    /// Holds classes until the end.
    pub(super) async fn hold_one_after_the_other(
        target: Arc<Preau>,
        media: Arc<Media>,
        meters: Meters,
        lane: usize,
        seed: u64,
        mut end: watch::Receiver<bool>,
    ) -> Held {
        let (mut random, mut held) = (StdRng::seed_from_u64(seed), Held::default());
        while !*end.borrow_and_update() {
            let room = match target.open_room(SEATS, false).await {
                Ok(room) => room,
                Err(error) => {
                    held.failures.push(error.to_string());
                    break;
                }
            };
            let class = Self {
                room: room.into(),
                media: Arc::clone(&media),
                meters: meters.clone(),
                board: Board::default(),
                addresses: lane * 1_000,
                random: StdRng::seed_from_u64(random.random()),
                held,
            };
            held = class.hold(&mut end).await;
            held.classes += 1;
        }
        held
    }

    /// Until it is over.
    async fn hold(mut self, end: &mut watch::Receiver<bool>) -> Held {
        let length = self.random.random_range(LENGTH_S.0..LENGTH_S.1);
        let over = Instant::now() + Duration::from_secs(length);
        let mut seats: Vec<Option<Resident>> = (0..SEATS).map(|_| None).collect();
        for (number, seat) in seats.iter_mut().enumerate() {
            *seat = self.enter(number).await;
        }
        loop {
            let pause = Duration::from_millis(self.random.random_range(500..4_000));
            let ended = timeout(pause, end.wait_for(|end| *end)).await.is_ok();
            if ended || Instant::now() >= over {
                break;
            }
            // The teacher stays.
            let number = self.random.random_range(1..SEATS);
            let Some(pupil) = seats[number].take() else {
                seats[number] = self.enter(number).await;
                continue;
            };
            match self.random.random_range(0..4) {
                0 => self.leave(pupil).await,
                1 => {
                    pupil.order(Order::Reload).await;
                    seats[number] = Some(pupil);
                }
                2 => {
                    pupil.order(Order::Rebind).await;
                    seats[number] = Some(pupil);
                }
                _ => seats[number] = Some(pupil),
            }
        }
        for resident in seats.into_iter().flatten() {
            self.leave(resident).await;
        }
        self.held
    }

    async fn enter(&mut self, number: usize) -> Option<Resident> {
        self.held.visits += 1;
        match self.try_enter(number).await {
            Ok(resident) => Some(resident),
            Err(error) => {
                if self.held.failures.len() < MAX_FAILURES {
                    self.held.failures.push(error.to_string());
                }
                None
            }
        }
    }

    async fn try_enter(&mut self, number: usize) -> Result<Resident, TargetError> {
        let is_seen = number < CAMERAS;
        let sends = [TrackSource::Microphone, TrackSource::Camera];
        let wish = Wish {
            sends: sends[..if is_seen { 2 } else { 1 }].to_vec(),
            sound_slots: CAMERAS,
            picture_slots: CAMERAS,
            listens: false,
            red: true,
            postmarks: None,
            is_complete: false,
            from: Some(own_address(self.addresses + self.held.visits as usize % 1_000)),
            seed: self.random.random(),
            // Each browser makes one of its own.
            identity: Identity::generate().ok_or_else(|| {
                TargetError::Exhausted("randomness", "no certificate can be made".to_owned())
            })?,
            shield: None,
            meter: self.meters.add(),
        };
        let watches = (0..CAMERAS).filter(|other| *other != number).collect();
        let habits = Habits { number, watches, max_height: Some(270), wish };
        let media = Arc::clone(&self.media);
        Resident::enter(self.room.as_ref(), habits, self.board.clone(), media).await
    }

    async fn leave(&mut self, resident: Resident) {
        self.held.returns += resident.lot.returns();
        resident.leave().await;
    }
}

/// A teacher and pupils.
const SEATS: usize = 6;

/// Those who are seen: the first ones.
const CAMERAS: usize = 3;

/// Length of a class in seconds, from and to.
const LENGTH_S: (u64, u64) = (60, 150);

/// Failures that are kept in words.
const MAX_FAILURES: usize = 20;
