//! What recording costs the real worker and the recorder, and how soon after a withdrawal the last
//! packet was recorded. `make bench`.

use std::io;
use std::time::{Duration, Instant};

use protocol::TrackSource::{Camera, Microphone};
use sfu::{RecordingNews, RoomId};
use sfu_benches::cpu::Thread;
use tests::{Classroom, Recorded, webm};

#[expect(clippy::print_stdout, reason = "this program's purpose")]
fn main() -> io::Result<()> {
    let data = tempfile::tempdir()?;
    let recorded = Recorded::new(&data.path().join("recording"));
    let mut classroom = Classroom::open(SEATS, |_| 0)?;
    for number in 0..SEATS {
        classroom.turn_on(number, Microphone)?;
        classroom.shape_camera(number, PICTURE_PAYLOAD, PICTURE_PARTS);
        classroom.turn_on(number, Camera)?;
    }
    let threads = [("media", named("media")?), ("recorder", named("recorder")?)];
    let spent = |classroom: &mut Classroom| -> io::Result<[u64; 2]> {
        let before = threads.map(|(_, thread)| thread.nanoseconds());
        classroom.run(ROUND)?;
        let mut spent = [0; 2];
        for (at, (_, thread)) in threads.iter().enumerate() {
            let (Some(before), Some(now)) = (before[at], thread.nanoseconds()) else {
                return Err(io::Error::other("this kernel does not tell the time of threads"));
            };
            spent[at] = now - before;
        }
        Ok(spent)
    };
    classroom.run(WARM_UP)?;
    let without = spent(&mut classroom)?;
    let recording = classroom.start_recording(ROOM, recorded.files())?;
    let began = Instant::now();
    for number in 0..SEATS {
        classroom.set_recordable(number, recording, true)?;
    }
    classroom.run(WARM_UP)?;
    let with = spent(&mut classroom)?;
    let track_minutes = (2 * SEATS) as f64 * ROUND.as_secs_f64() / 60.0;
    let mut sum = 0.0;
    for (at, (name, _)) in threads.iter().enumerate() {
        let more = with[at] as f64 - without[at] as f64;
        let ms = more / 1e6 / track_minutes;
        println!("record: {ms:.1} ms of the {name} thread for each recorded minute of a track");
        sum += ms;
    }
    for number in 0..SEATS {
        classroom.set_recordable(number, recording, false)?;
    }
    let withdrawn = began.elapsed().as_secs_f64() * 1e3;
    classroom.run(WARM_UP)?;
    classroom.stop_recording(ROOM, recording)?;
    let deadline = Instant::now() + PATIENCE;
    while !classroom.recording_news().iter().any(|(_, news)| *news == RecordingNews::Closed) {
        if Instant::now() > deadline {
            return Err(io::Error::other("the recording does not end"));
        }
        classroom.run(Duration::from_millis(50))?;
    }
    let mut last = f64::MIN;
    let mut bytes = 0;
    for track in 0..2 * SEATS as u64 {
        let file = recorded.track(track)?;
        bytes += file.len();
        let blocks = webm::read(&file).ok_or_else(|| io::Error::other("a file is torn"))?;
        last = blocks.last().map_or(last, |block| last.max(block.time as f64));
    }
    println!("record: {} tracks, {:.1} MB", 2 * SEATS, bytes as f64 / 1e6);
    println!(
        "record: the last recorded packet came {:.1} ms after the withdrawals",
        last - withdrawn
    );
    println!("record cpu_ms_per_track_minute={sum:.1}");
    classroom.close()
}

fn named(name: &str) -> io::Result<Thread> {
    Thread::named(name).ok_or_else(|| io::Error::other("this system does not name threads"))
}

const ROOM: RoomId = RoomId(1);

/// Each with a voice and a camera.
const SEATS: usize = 10;

/// A camera of 600 kbit/s at 25 frames a second.
const PICTURE_PAYLOAD: usize = 1_150;
const PICTURE_PARTS: u8 = 3;

const WARM_UP: Duration = Duration::from_secs(4);

/// Several pieces of each file.
const ROUND: Duration = Duration::from_secs(12);

const PATIENCE: Duration = Duration::from_secs(10);
