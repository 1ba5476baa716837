//! The real worker and the real recorder: what is on the disk.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use protocol::TrackSource::{Camera, Microphone};
use sfu::{RecordingFailure, RecordingNews, RoomId};
use tests::webm::{self, Block};
use tests::{Classroom, Content, Recorded};

const SECOND: Duration = Duration::from_secs(1);
const ROOM: RoomId = RoomId(1);

/// What comes late because the machine is busy is no media lost: one class at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// So many with microphone and camera on.
fn class(count: usize) -> Classroom {
    let mut class = Classroom::open(count, |_| 1).expect("everybody connects");
    for number in 0..count {
        class.turn_on(number, Microphone).expect("the worker listens");
        class.turn_on(number, Camera).expect("the worker listens");
    }
    class
}

/// Lets the class go on until it was told this of its recording, and gives all it was told.
fn run_until(class: &mut Classroom, wanted: impl Fn(&RecordingNews) -> bool) -> Vec<RecordingNews> {
    let deadline = Instant::now() + 30 * SECOND;
    let mut told = Vec::new();
    while !told.iter().any(&wanted) {
        assert!(Instant::now() < deadline, "only {told:?}, {:?}", class.stats());
        class.run(SECOND / 20).expect("the class goes on");
        told.extend(class.recording_news().into_iter().map(|(_, news)| news));
    }
    told
}

fn contents(blocks: &[Block]) -> Vec<Content> {
    blocks.iter().flat_map(|block| Content::all_in(&block.frame)).collect()
}

#[test]
fn r17_r19_the_files_hold_everything_of_whoever_accepted_and_no_byte_of_the_others() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let data = tempfile::tempdir().unwrap();
    let recorded = Recorded::new(&data.path().join("r"));
    let mut class = class(3);
    class.run(SECOND).unwrap();
    let recording = class.start_recording(ROOM, recorded.files()).unwrap();
    class.set_recordable(0, recording, true).unwrap();
    class.set_recordable(1, recording, false).unwrap();
    class.run(8 * SECOND).unwrap();
    let withdrawn = Instant::now();
    class.set_recordable(0, recording, false).unwrap();
    class.run(2 * SECOND).unwrap();
    class.stop_recording(ROOM, recording).unwrap();
    let news = run_until(&mut class, |news| *news == RecordingNews::Closed);
    assert_eq!(news.last(), Some(&RecordingNews::Closed));
    assert!(!news.iter().any(|news| matches!(news, RecordingNews::Failed { .. })), "{news:?}");

    let manifest = recorded.manifest().unwrap();
    let tracks = manifest["tracks"].as_array().unwrap();
    assert_eq!(tracks.len(), 2, "{manifest}");
    assert!(manifest["ended"].is_u64());
    for track in tracks {
        let number = track["number"].as_u64().unwrap();
        assert_eq!(track["person"], class.participant(0).expose_text());
        let source = if track["source"] == "camera" { Camera } else { Microphone };
        let file = recorded.track(number).unwrap();
        for other in [1, 2] {
            let id = *class.participant(other).as_bytes();
            assert!(!file.windows(id.len()).any(|window| window == id), "track {number}");
        }
        let blocks = webm::read(&file).expect("the file is whole");
        assert!(blocks.windows(2).all(|pair| pair[0].time < pair[1].time));
        let contents = contents(&blocks);
        assert!(contents.iter().all(|content| content.track.source == source));
        let parts: BTreeSet<_> =
            contents.iter().map(|content| (content.frame, content.part)).collect();
        let (first, last) = (contents.first().unwrap().frame, contents.last().unwrap().frame);
        // The page hears nothing of the withdrawal: it goes on for two seconds.
        let (sent, after) = class.sent(0, source, 0, withdrawn);
        let late = sent.iter().filter(|content| content.frame > last);
        let whole: BTreeSet<_> = sent
            .iter()
            .filter(|content| (first..=last).contains(&content.frame) && content.layer == 0)
            .map(|content| (content.frame, content.part))
            .collect();
        assert_eq!(parts, whole, "everything between the first and the last");
        assert!(blocks.first().unwrap().is_key);
        assert!(late.count() <= 12, "up to the withdrawal");
        assert!(contents.iter().all(|content| !after.contains(content)), "and nothing after");
        assert!(last - first > if source == Camera { 180 } else { 350 });
        if source == Camera {
            let keys: Vec<_> = blocks.iter().filter(|block| block.is_key).collect();
            assert!(keys.windows(2).all(|pair| pair[1].time - pair[0].time <= 5_000));
        }
        assert!(recorded.pieces(number).unwrap().len() >= 3);
    }
    class.close().unwrap();
}

#[test]
fn a_recording_is_told_of_and_erased_while_it_runs() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let data = tempfile::tempdir().unwrap();
    let recorded = Recorded::new(&data.path().join("r"));
    let mut class = class(2);
    let recording = class.start_recording(ROOM, recorded.files()).unwrap();
    for number in [0, 1] {
        class.set_recordable(number, recording, true).unwrap();
    }
    class.run(5 * SECOND).unwrap();
    let told = run_until(&mut class, |news| matches!(news, RecordingNews::TrackOpened { .. }));
    let mut opened = Vec::new();
    for news in told {
        if let RecordingNews::TrackOpened { number, track } = news {
            opened.push((u64::from(number), track));
        }
    }
    assert_eq!(opened.len(), 4);
    let erased = class.participant(0);
    class.erase_recorded(0, ROOM).unwrap();
    run_until(&mut class, |news| *news == RecordingNews::Erased { participant: erased });
    for (number, track) in &opened {
        assert_eq!(recorded.track(*number).is_ok(), track.participant != erased);
    }
    class.run(SECOND).unwrap();
    class.stop_recording(ROOM, recording).unwrap();
    run_until(&mut class, |news| *news == RecordingNews::Closed);
    let manifest = recorded.manifest().unwrap();
    let tracks = manifest["tracks"].as_array().unwrap();
    assert_eq!(tracks.len(), 2, "{manifest}");
    assert!(tracks.iter().all(|track| track["person"] == class.participant(1).expose_text()));
    class.close().unwrap();
}

#[test]
fn the_end_of_the_server_finishes_what_is_recorded() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let data = tempfile::tempdir().unwrap();
    let recorded = Recorded::new(&data.path().join("r"));
    let mut class = class(1);
    let recording = class.start_recording(ROOM, recorded.files()).unwrap();
    class.set_recordable(0, recording, true).unwrap();
    class.run(2 * SECOND).unwrap();
    class.close().unwrap();
    assert!(recorded.manifest().unwrap()["ended"].is_u64());
    for track in [0, 1] {
        let blocks = webm::read(&recorded.track(track).unwrap()).unwrap();
        assert!(blocks.last().unwrap().time > 1_500, "up to the end");
    }
}

/// Set for the process that records until it is killed: the folder and the secret of its key.
const RECORDS: &str = "PREAU_TEST_RECORDS_INTO";

/// This test is both processes: the one that kills, and the one that is killed.
#[test]
fn a_killed_process_loses_five_seconds_at_most_and_nothing_that_was_complete() {
    if let Some(place) = std::env::var_os(RECORDS) {
        let recorded = Recorded::sealed_to(place.to_str().unwrap());
        let mut class = class(2);
        let recording = class.start_recording(ROOM, recorded.files()).unwrap();
        class.set_recordable(0, recording, true).unwrap();
        // Nobody waits for so long.
        for _ in 0..1_200 {
            eprintln!("recording");
            class.run(SECOND / 10).unwrap();
        }
        return;
    }
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let data = tempfile::tempdir().unwrap();
    let recorded = Recorded::new(&data.path().join("r"));
    let name =
        "recorder::a_killed_process_loses_five_seconds_at_most_and_nothing_that_was_complete";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(RECORDS, recorded.seal())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut next = || while !lines.next().expect("it records").unwrap().contains("recording") {};
    next();
    let began = Instant::now();
    // Some pieces of each track, and then in the middle of the next. At no moment is more at stake
    // than 5 s.
    let mut seen = [(0, began); 2];
    while seen.iter().any(|(count, _)| *count < 3) {
        next();
        let now = Instant::now();
        for (track, (count, at)) in (0..).zip(&mut seen) {
            let pieces = recorded.pieces(track).map_or(0, |pieces| pieces.len());
            if pieces > *count {
                (*count, *at) = (pieces, now);
            }
            assert!(now - *at <= 5 * SECOND, "no piece of track {track} for {:?}", now - *at);
        }
    }
    (0..30).for_each(|_| next());
    child.kill().unwrap();
    let recorded_for = began.elapsed();
    child.wait().unwrap();
    assert_eq!(recorded.manifest().unwrap()["tracks"].as_array().map(Vec::len), Some(2));
    for track in [0, 1] {
        let blocks = webm::read(&recorded.track(track).unwrap()).expect("what there is is whole");
        let until = Duration::from_millis(blocks.last().unwrap().time.try_into().unwrap());
        let lost = recorded_for.saturating_sub(until);
        eprintln!(
            "track {track}: {:.2} s lost of {:.2} s",
            lost.as_secs_f64(),
            recorded_for.as_secs_f64()
        );
        assert!(lost <= 5 * SECOND, "track {track}: {lost:?} lost");
    }
}

/// Set for the process in whose namespace a small disk was mounted.
const SMALL_DISK: &str = "PREAU_TEST_SMALL_DISK";

/// This test is both processes, too: the second has a disk of its own.
#[test]
fn a_disk_that_fills_up_ends_the_recording_at_once_and_keeps_what_was_written() {
    let Some(disk) = std::env::var_os(SMALL_DISK) else {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let disk = tempfile::tempdir().unwrap();
        let name =
            "recorder::a_disk_that_fills_up_ends_the_recording_at_once_and_keeps_what_was_written";
        let mount = "mount -t tmpfs -o size=1536k tmpfs \"$1\" && exec \"$2\" --exact \"$3\"";
        let ran = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"])
            .arg(disk.path())
            .arg(std::env::current_exe().unwrap())
            .arg(name)
            .env(SMALL_DISK, disk.path())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&ran.stdout);
        let failed = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success() && told.contains("1 passed"), "{told}{failed}");
        return;
    };
    let recorded = Recorded::new(&std::path::Path::new(&disk).join("r"));
    let mut class = class(2);
    let recording = class.start_recording(ROOM, recorded.files()).unwrap();
    for number in [0, 1] {
        class.set_recordable(number, recording, true).unwrap();
    }
    let cause = RecordingFailure::DiskFull;
    let told = run_until(&mut class, |news| *news == RecordingNews::Closed);
    assert!(told.contains(&RecordingNews::Failed { cause }), "{told:?}");
    let manifest = recorded.manifest().unwrap();
    let tracks = manifest["tracks"].as_array().unwrap();
    assert_eq!(tracks.len(), 4);
    let mut bytes = 0;
    for track in tracks {
        let file = recorded.track(track["number"].as_u64().unwrap()).unwrap();
        bytes += file.len();
        assert!(file.is_empty() || webm::read(&file).is_some_and(|blocks| !blocks.is_empty()));
    }
    assert!(bytes > 500_000, "only {bytes} bytes");
    class.close().unwrap();
}
