//! Who only listens to silence costs next to nothing.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tests::{Meeting, Meter, Work};

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
