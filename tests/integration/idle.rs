//! Who only listens to silence costs next to nothing.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use protocol::TrackSource::{Microphone, Screen};
use sfu_core::{Command, Event};
use tests::{Link, Meeting, Meter, Seat, Work};

#[derive(Debug, Default)]
struct WakeUps(Rc<Cell<u32>>);

impl Meter for WakeUps {
    fn measure(&mut self, work: Work, step: &mut dyn FnMut()) {
        if work == Work::Timers {
            self.0.set(self.0.get() + 1);
        }
        step();
    }
}

#[test]
fn an_idle_participant_is_rarely_woken_for() {
    const PARTICIPANTS: u32 = 20;
    const SECONDS: u32 = 60;
    let mut meeting = Meeting::of(31, PARTICIPANTS as usize);
    meeting.subscribe_all();
    meeting.run(Duration::from_secs(5));
    let count = Rc::new(Cell::new(0));
    meeting.meter = Some(Box::new(WakeUps(count.clone())));
    meeting.run(Duration::from_secs(SECONDS.into()));
    let each = f64::from(count.get()) / f64::from(PARTICIPANTS * SECONDS);
    assert!(each < 1.0, "{each} wake-ups a second for each participant");
    assert!(meeting.browsers.iter().all(tests::Browser::is_connected));
}

#[test]
fn nobody_is_woken_for_a_still_that_cannot_be_sent() {
    const SECONDS: u32 = 10;
    let mut meeting = Meeting::of(32, 3);
    let participant = meeting.browsers[0].participant;
    meeting.command(Command::SetReception { participant, saving: true });
    meeting.browsers[1].add_source(Screen);
    meeting.browsers[0].add_slots(1);
    for seat in (0..3).map(Seat) {
        meeting.negotiate(seat);
    }
    // Beside two voices a still takes longer than the time until the next.
    for seat in [Seat(1), Seat(2)] {
        meeting.browsers[seat.0].set_level(30);
        meeting.turn_on(seat, Microphone);
    }
    meeting.turn_on(Seat(1), Screen);
    meeting.subscribe_all();
    let mid = meeting.browsers[0].slot_mids(true).last().expect("a slot was added").clone();
    let track = meeting.track(Seat(1), Screen);
    meeting.subscribe(Seat(0), &mid, Some(track), None);
    meeting.run(Duration::from_secs(8));
    meeting.set_links(Seat(0), Link::losing(1000), Link::losing(1000));
    meeting.run(Duration::from_secs(40));
    let events = &meeting.events;
    let is_gone = |event: &Event| *event == Event::Disconnected { participant };
    assert!(events.iter().any(|(_, event)| is_gone(event)), "it counts as gone");
    let count = Rc::new(Cell::new(0));
    meeting.meter = Some(Box::new(WakeUps(count.clone())));
    meeting.run(Duration::from_secs(SECONDS.into()));
    let each = f64::from(count.get()) / f64::from(SECONDS);
    assert!(each < 100.0, "{each} wake-ups a second");
}
