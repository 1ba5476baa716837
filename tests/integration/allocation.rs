//! The path of a packet allocates nothing, once a meeting runs.

use std::alloc::System;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use protocol::TrackSource::{Camera, Microphone};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tests::{Link, Meeting, Meter, Seat, Work};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What one kind of work did.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    steps: usize,
    allocations: usize,
    /// Of buffers that are used again and again, and so need to grow ever more rarely.
    growths: usize,
}

type Counts = Rc<RefCell<BTreeMap<Work, Count>>>;

#[derive(Debug, Default)]
struct AllocationMeter(Counts);

impl Meter for AllocationMeter {
    fn measure(&mut self, work: Work, step: &mut dyn FnMut()) {
        let region = Region::new(ALLOCATOR);
        step();
        let change = region.change();
        let mut counts = self.0.borrow_mut();
        let count = counts.entry(work).or_default();
        count.steps += 1;
        count.allocations += change.allocations;
        count.growths += change.reallocations;
    }
}

#[test]
fn a_running_meeting_forwards_repairs_and_reports_without_allocating() {
    let mut meeting = Meeting::of(7, 5);
    for seat in (0..5).map(Seat) {
        meeting.turn_on(seat, Microphone);
        meeting.turn_on(seat, Camera);
    }
    meeting.subscribe_all();
    // One of them loses packets, so that there is something to repair; more at first, so that
    // tables have had their largest size.
    meeting.set_links(Seat(4), Link::losing(60), Link::losing(60));
    meeting.run(WARM_UP);
    meeting.set_links(Seat(4), Link::losing(20), Link::losing(20));
    let counts = Counts::default();
    meeting.meter = Some(Box::new(AllocationMeter(counts.clone())));
    meeting.run(MEASURED);
    let counts = counts.borrow();
    for work in [Work::Packet, Work::Report, Work::Egress] {
        let count = counts.get(&work).copied().unwrap_or_default();
        assert!(count.steps > 500, "{work:?}: only {count:?}");
        assert_eq!(count.allocations, 0, "{work:?}: {counts:?}");
        assert!(count.growths < count.steps / 100, "{work:?}: {counts:?}");
    }
}

/// Rings, tables and buffers reach the size this meeting needs.
const WARM_UP: Duration = Duration::from_secs(10);

const MEASURED: Duration = Duration::from_secs(4);
