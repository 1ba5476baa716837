//! The path of a packet allocates nothing, once a meeting runs; and what a subscriber takes is
//! bounded.

mod half_open;

use std::alloc::System;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use protocol::TrackSource::{Camera, Microphone};
use sfu_core::codec::CodecKind::{Vp8, Vp9};
use sfu_core::{Frames, RoomId};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tests::{Link, Meeting, Meter, Seat, Work};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What is counted is the whole process: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// What one kind of work did.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    steps: usize,
    allocations: usize,
    /// Of buffers that are used again and again, and so need to grow ever more rarely.
    growths: usize,
    /// Bytes taken and not given back.
    kept: isize,
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
        count.kept += change.bytes_allocated as isize - change.bytes_deallocated as isize;
    }
}

#[test]
fn a_running_meeting_forwards_repairs_and_reports_without_allocating() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    forwards_without_allocating(Meeting::of(7, 5), 5);
}

#[test]
fn an_encrypted_meeting_allocates_nothing_either() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for (frames, codec) in [(Frames::Plain, Vp8), (Frames::Plain, Vp9), (Frames::Raw, Vp8)] {
        let mut meeting = Meeting::encrypted(7, 5, frames, codec);
        (0..5).for_each(|seat| meeting.set_gate(Seat(seat), Some(0)));
        forwards_without_allocating(meeting, 5);
    }
}

#[test]
fn a_class_of_thirty_allocates_nothing_either() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    forwards_without_allocating(Meeting::of(7, 30), 6);
}

/// Everybody speaks, so many show themselves, and everybody hears and sees them.
fn forwards_without_allocating(mut meeting: Meeting, cameras: usize) {
    let seats = meeting.browsers.len();
    for seat in (0..seats).map(Seat) {
        meeting.turn_on(seat, Microphone);
        if seat.0 < cameras {
            meeting.turn_on(seat, Camera);
        }
    }
    meeting.subscribe_all();
    // One of them loses packets, so that there is something to repair; more at first, so that
    // tables have had their largest size.
    let last = Seat(seats - 1);
    meeting.set_links(last, Link::losing(60), Link::losing(60));
    meeting.run(WARM_UP);
    meeting.set_links(last, Link::losing(20), Link::losing(20));
    let counts = Counts::default();
    meeting.meter = Some(Box::new(AllocationMeter(counts.clone())));
    meeting.run(MEASURED);
    let counts = counts.borrow();
    for work in [Work::Packet, Work::Report, Work::Egress] {
        let count = counts.get(&work).copied().unwrap_or_default();
        assert!(count.steps > 500, "{work:?}: only {count:?} of {counts:?}");
        assert_eq!(count.allocations, 0, "{work:?}: {counts:?}");
        assert!(count.growths < count.steps / 100, "{work:?}: {counts:?}");
    }
}

/// Bytes that the core holds with so many pupils who watch and hear a teacher, over a path that
/// makes pictures wait and repairs necessary.
fn kept_by_lecture(pupils: usize) -> isize {
    let mut meeting = Meeting::new(8);
    let counts = Counts::default();
    meeting.meter = Some(Box::new(AllocationMeter(counts.clone())));
    for _ in 0..=pupils {
        meeting.join(RoomId(1), 1);
    }
    meeting.connect();
    meeting.turn_on(Seat(0), Microphone);
    meeting.turn_on(Seat(0), Camera);
    for pupil in (1..=pupils).map(Seat) {
        meeting.set_links(pupil, Link::GOOD, Link { loss: 20, ..Link::carrying(1_500_000) });
        for source in [Microphone, Camera] {
            let mid = meeting.browsers[pupil.0].slot_mids(source.is_video()).remove(0);
            let track = meeting.track(Seat(0), source);
            meeting.subscribe(pupil, &mid, Some(track), None);
        }
    }
    meeting.run(WARM_UP);
    counts.borrow().values().map(|count| count.kept).sum()
}

#[test]
fn a_subscriber_takes_less_than_a_hundred_kibibytes() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (few, many) = (kept_by_lecture(2), kept_by_lecture(12));
    let each = (many - few) / 10;
    assert!((1..100 * 1_024).contains(&each), "{each} bytes for each subscriber");
}

/// Rings, tables and buffers reach the size this meeting needs.
const WARM_UP: Duration = Duration::from_secs(10);

const MEASURED: Duration = Duration::from_secs(4);
