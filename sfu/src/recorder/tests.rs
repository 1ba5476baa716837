//! What is written, opened with the stock `age` tool and played by `ffmpeg`; and what happens when
//! it cannot be written.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use age::secrecy::ExposeSecret;
use protocol::{ParticipantId, RecordingId, TrackId, TrackSource};
use sfu_core::codec::{CodecKind, inspect};
use sfu_core::{CapturedPacket, Frames, RecordingFailure, RecordingNews, RecordingTap, RoomId};
use tempfile::TempDir;

use super::RecordingFiles;
use super::running::{News, Running};
use crate::seal::Recipients;

const TAP: RecordingTap = RecordingTap(3);
const SECONDS: u64 = 11;
const FRAMES_PER_SECOND: u64 = 25;

struct Test {
    data: TempDir,
    key: age::x25519::Identity,
    running: Running,
    began: Instant,
}

impl Test {
    fn new(min_free_bytes: u64) -> Self {
        let data = tempfile::tempdir().expect("a folder can be made");
        let folder = data.path().join("recording");
        Self::within(data, &folder, min_free_bytes)
    }

    fn within(data: TempDir, folder: &Path, min_free_bytes: u64) -> Self {
        let key = age::x25519::Identity::generate();
        let public = key.to_public().to_string().parse().expect("age writes its own keys");
        let files = RecordingFiles {
            folder: folder.to_owned(),
            recording: RecordingId::from_bytes([7; 16]),
            recipients: Recipients::new(&[public]).expect("one key"),
            started_at: 1_700_000_000,
            min_free_bytes,
        };
        let began = Instant::now();
        let mut running = Running::new(RoomId(1), TAP, files, began);
        running.begin();
        Self { data, key, running, began }
    }

    fn news(&mut self) -> Vec<News> {
        std::iter::from_fn(|| self.running.poll_news()).collect()
    }

    /// Opens a sealed file with the `age` tool.
    fn open(&self, path: &Path) -> Vec<u8> {
        let keys = self.data.path().join("key.txt");
        fs::write(&keys, self.key.to_string().expose_secret()).expect("it can be written");
        let opened = Command::new("age").arg("--decrypt").arg("-i").args([&keys, path]).output();
        let opened = opened.expect("the age tool is there");
        assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
        opened.stdout
    }

    fn manifest(&self) -> serde_json::Value {
        let text = self.open(&self.data.path().join("recording/manifest.age"));
        serde_json::from_slice(&text).expect("it is JSON")
    }

    /// The file of a track: its pieces one behind the other, and how many there were.
    fn track(&self, number: u32) -> (Vec<u8>, usize) {
        let folder = self.data.path().join(format!("recording/tracks/{number}"));
        let mut pieces: Vec<_> = fs::read_dir(&folder)
            .expect("the track has a folder")
            .map(|entry| entry.expect("it can be read").path())
            .collect();
        pieces.sort();
        let names = pieces.iter().map(|path| path.file_name().and_then(|name| name.to_str()));
        let expected = (0..pieces.len()).map(|number| format!("{number:06}.age"));
        assert!(names.map(|name| name.unwrap_or_default().to_owned()).eq(expected), "{pieces:?}");
        (pieces.iter().flat_map(|path| self.open(path)).collect(), pieces.len())
    }

    /// Sends encoded frames as a publisher does, each cut into payloads, without those packets
    /// that `is_lost` names by number.
    fn send(
        &mut self,
        source: TrackSource,
        codec: CodecKind,
        frames: &[(u64, Vec<Vec<u8>>)],
        is_lost: impl Fn(u16) -> bool,
    ) {
        let mut sequence = 65_000_u16;
        let mut starts_over = true;
        for (ms, payloads) in frames {
            for (part, payload) in payloads.iter().enumerate() {
                sequence = sequence.wrapping_add(1);
                let arrival = self.began + Duration::from_millis(*ms);
                let packet = CapturedPacket {
                    recording: TAP,
                    track: TrackId { participant: person(), source },
                    codec,
                    frames: Frames::Clear,
                    starts_over: std::mem::take(&mut starts_over),
                    starts_frame: true,
                    starts_key_frame: inspect(codec, payload)
                        .is_some_and(|frame| frame.starts_key_frame),
                    marker: part + 1 == payloads.len(),
                    sequence,
                    timestamp: (ms * u64::from(codec.clock_rate()) / 1_000) as u32,
                    arrival,
                    payload,
                };
                if !is_lost(sequence) {
                    self.running.handle_packet(&packet);
                }
                self.running.handle_timeout(arrival);
            }
        }
    }
}

fn person() -> ParticipantId {
    ParticipantId::from_bytes([1; 8])
}

/// Encoded media, made by ffmpeg.
fn encode(arguments: &str) -> Vec<u8> {
    let made = Command::new("ffmpeg").args(["-v", "error"]).args(arguments.split(' ')).output();
    let made = made.expect("ffmpeg is there");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    made.stdout
}

fn picture(encoder: &str) -> Vec<u8> {
    encode(&format!(
        "-f lavfi -i testsrc=size=320x180:rate={FRAMES_PER_SECOND} -t {SECONDS} -pix_fmt yuv420p \
         -c:v {encoder} -g 100 -b:v 300k pipe:1"
    ))
}

/// Frames of an IVF file, with their times in milliseconds.
fn ivf(file: &[u8]) -> Vec<(u64, &[u8])> {
    let mut rest = &file[32..];
    let mut frames = Vec::new();
    while let Some((head, behind)) = rest.split_first_chunk::<12>() {
        let len = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let ms = frames.len() as u64 * 1_000 / FRAMES_PER_SECOND;
        frames.push((ms, &behind[..len]));
        rest = &behind[len..];
    }
    frames
}

/// Packets of an Ogg file without its two heads: frames of Opus of 20 ms.
fn ogg(file: &[u8]) -> Vec<(u64, Vec<Vec<u8>>)> {
    let mut packets = vec![Vec::new()];
    let mut rest = file;
    while rest.starts_with(b"OggS") {
        let count = usize::from(rest[26]);
        let (table, mut content) = rest[27..].split_at(count);
        for len in table {
            let (part, behind) = content.split_at(usize::from(*len));
            content = behind;
            packets.last_mut().expect("there is one").extend_from_slice(part);
            if *len < 255 {
                packets.push(Vec::new());
            }
        }
        rest = content;
    }
    packets.pop();
    let sound = packets.into_iter().skip(2).enumerate();
    sound.map(|(at, packet)| (at as u64 * 20, vec![packet])).collect()
}

/// A frame behind descriptors: `first` before its beginning, `other` before what follows.
fn cut(frame: &[u8], first: &[u8], other: &[u8]) -> Vec<Vec<u8>> {
    let parts = frame.chunks(1_000).enumerate();
    parts.map(|(at, part)| [if at == 0 { first } else { other }, part].concat()).collect()
}

/// A temporal unit of AV1 in payloads of one unit or a part of one.
fn cut_av1(frame: &[u8]) -> Vec<Vec<u8>> {
    let (mut payloads, mut rest) = (Vec::new(), frame);
    while let [head, behind @ ..] = rest {
        let mut len = 0;
        let mut at = 0;
        loop {
            len |= usize::from(behind[at] & 0x7f) << (7 * at);
            at += 1;
            if behind[at - 1] & 0x80 == 0 {
                break;
            }
        }
        let (content, next) = behind[at..].split_at(len);
        rest = next;
        let kind = head >> 3 & 0x0f;
        // A delimiter says nothing to whoever has time stamps, and no browser sends it.
        if kind == 2 {
            continue;
        }
        let unit = [&[*head & !0x02][..], content].concat();
        let parts: Vec<_> = unit.chunks(1_000).collect();
        for (number, part) in parts.iter().enumerate() {
            let continues = u8::from(number > 0) << 7;
            let is_continued = u8::from(number + 1 < parts.len()) << 6;
            let new_sequence = u8::from(kind == 1) << 3;
            payloads.push([&[continues | is_continued | 0x10 | new_sequence][..], part].concat());
        }
    }
    payloads
}

/// Access units of an H.264 stream with delimiters, in payloads of one unit or a part of one.
fn cut_h264(stream: &[u8]) -> Vec<(u64, Vec<Vec<u8>>)> {
    let starts: Vec<usize> =
        (0..stream.len() - 3).filter(|at| stream[*at..].starts_with(&[0, 0, 1])).collect();
    let mut frames: Vec<(u64, Vec<Vec<u8>>)> = Vec::new();
    for (at, start) in starts.iter().enumerate() {
        let end = starts.get(at + 1).copied().unwrap_or(stream.len());
        let unit = &stream[start + 3..end];
        let unit = unit.strip_suffix(&[0]).filter(|_| end < stream.len()).unwrap_or(unit);
        if unit[0] & 0x1f == 9 {
            frames.push((frames.len() as u64 * 1_000 / FRAMES_PER_SECOND, Vec::new()));
            continue;
        }
        let payloads = &mut frames.last_mut().expect("a delimiter comes first").1;
        if unit.len() <= 1_000 {
            payloads.push(unit.to_vec());
            continue;
        }
        let parts: Vec<_> = unit[1..].chunks(1_000).collect();
        for (number, part) in parts.iter().enumerate() {
            let first = u8::from(number == 0) << 7;
            let last = u8::from(number + 1 == parts.len()) << 6;
            let head = [unit[0] & 0xe0 | 28, first | last | unit[0] & 0x1f];
            payloads.push([&head[..], part].concat());
        }
    }
    frames
}

/// What a player makes of a file: the name of the codec and the number of frames it decodes,
/// without a complaint; and of each frame in the file its time, and whether it is a key frame.
fn play(test: &Test, file: &[u8]) -> (String, usize, Vec<(f64, bool)>) {
    let path = test.data.path().join("file.webm");
    fs::write(&path, file).expect("it can be written");
    let ask = |entries: &str| {
        let mut probe = Command::new("ffprobe");
        probe.args(["-v", "warning", "-count_frames", "-of", "csv=p=0", "-show_entries", entries]);
        let told = probe.arg(&path).output().expect("ffprobe is there");
        let complaints = String::from_utf8_lossy(&told.stderr).into_owned();
        assert!(told.status.success() && complaints.is_empty(), "{complaints}");
        String::from_utf8(told.stdout).expect("it prints text")
    };
    let stream = ask("stream=codec_name,nb_read_frames");
    let mut words = stream.trim().split(',');
    let name = words.next().unwrap_or_default().to_owned();
    let count = words.next().and_then(|count| count.parse().ok()).expect("it counts frames");
    let packets = ask("packet=pts_time,flags");
    let packet = |line: &str| {
        let (time, flags) = line.split_once(',').expect("two words");
        (time.parse().expect("a time"), flags.starts_with('K'))
    };
    (name, count, packets.lines().map(packet).collect())
}

#[test]
fn pictures_of_every_codec_play_frame_by_frame() {
    let vp8 = picture("libvpx -deadline realtime -f ivf");
    let vp9 = picture("libvpx-vp9 -deadline realtime -cpu-used 8 -f ivf");
    let av1 = picture("libaom-av1 -usage realtime -cpu-used 8 -f ivf");
    let h264 = picture("libx264 -profile:v baseline -preset ultrafast -x264-params aud=1 -f h264");
    let frames = |file: &[u8], cut: &dyn Fn(&[u8]) -> Vec<Vec<u8>>| -> Vec<(u64, Vec<Vec<u8>>)> {
        ivf(file).into_iter().map(|(ms, frame)| (ms, cut(frame))).collect()
    };
    let is_key_vp9 = |frame: &[u8]| frame[0] & 0x04 == 0;
    for (codec, name, frames) in [
        (CodecKind::Vp8, "vp8", frames(&vp8, &|frame| cut(frame, &[0x10], &[0x00]))),
        (
            CodecKind::Vp9,
            "vp9",
            frames(&vp9, &|frame| {
                let predicted = u8::from(!is_key_vp9(frame)) << 6;
                cut(frame, &[0x88 | predicted, 5], &[0x80 | predicted, 5])
            }),
        ),
        (CodecKind::Av1, "av1", frames(&av1, &cut_av1)),
        (CodecKind::H264, "h264", cut_h264(&h264)),
    ] {
        let mut test = Test::new(0);
        test.send(TrackSource::Camera, codec, &frames, |_| false);
        test.running.finish();
        let (file, pieces) = test.track(0);
        assert_eq!(pieces, 4, "{name}: 11 s in pieces of 3.5 s");
        let (told, decoded, packets) = play(&test, &file);
        assert_eq!((&told[..], decoded), (name, (SECONDS * FRAMES_PER_SECOND) as usize));
        for (at, (time, _)) in packets.iter().enumerate() {
            assert!((time - at as f64 / FRAMES_PER_SECOND as f64).abs() < 0.002, "{name} {at}");
        }
        let keys: Vec<f64> =
            packets.iter().filter(|(_, is_key)| *is_key).map(|(time, _)| *time).collect();
        assert!(keys.len() >= 3 && keys.windows(2).all(|pair| pair[1] - pair[0] <= 5.0));
        let entry = &test.manifest()["tracks"][0];
        assert_eq!(
            (&entry["codec"], &entry["width"], &entry["height"]),
            (&name.into(), &320.into(), &180.into())
        );
    }
}

#[test]
fn sound_plays_and_what_is_lost_of_a_picture_tears_nothing_else() {
    let mut test = Test::new(0);
    let sound = ogg(&encode(&format!(
        "-f lavfi -i sine=frequency=440:sample_rate=48000 -t {SECONDS} -c:a libopus -f ogg pipe:1"
    )));
    test.send(TrackSource::Microphone, CodecKind::Opus, &sound, |_| false);
    let vp8 = picture("libvpx -deadline realtime -f ivf");
    let frames: Vec<_> = ivf(&vp8);
    let frames: Vec<_> =
        frames.into_iter().map(|(ms, frame)| (ms, cut(frame, &[0x10], &[0x00]))).collect();
    // Packets between the first key frame and the second.
    let first: usize = frames[..60].iter().map(|(_, payloads)| payloads.len()).sum();
    let lost = 65_001_u16.wrapping_add(first as u16);
    test.send(TrackSource::Camera, CodecKind::Vp8, &frames, |sequence| sequence == lost);
    test.running.finish();
    let (file, _) = test.track(0);
    let (name, decoded, packets) = play(&test, &file);
    assert_eq!(name, "opus");
    assert_eq!((decoded, packets.len()), (sound.len(), sound.len()));
    let (file, _) = test.track(1);
    let (_, decoded, packets) = play(&test, &file);
    assert_eq!(decoded, packets.len());
    assert_eq!(decoded, frames.len() - 40, "frames 60 to 99 hang on what was lost");
    let after_gap = packets.iter().find(|(time, _)| *time > 2.5).expect("it goes on");
    assert_eq!(*after_gap, (4.0, true));
    let manifest = test.manifest();
    assert_eq!(manifest["recording"], RecordingId::from_bytes([7; 16]).expose_text());
    assert_eq!(manifest["startedAt"], 1_700_000_000);
    assert!(manifest["ended"].as_u64().is_some_and(|ended| ended >= 1_700_000_000));
    let tracks = manifest["tracks"].as_array().expect("a list");
    let of = |at: usize, key: &str| tracks[at][key].clone();
    assert_eq!((of(0, "source"), of(1, "source")), ("microphone".into(), "camera".into()));
    assert_eq!((of(0, "number"), of(0, "startMs")), (0.into(), 0.into()));
    assert_eq!(of(0, "person"), person().expose_text());
}

/// Pieces of sound, one each 3.5 s, until `ms`.
fn speak(test: &mut Test, source: TrackSource, ms: u64) {
    let frames: Vec<_> = (0..ms / 20).map(|at| (at * 20, vec![vec![0x78, 1, 2]])).collect();
    test.send(source, CodecKind::Opus, &frames, |_| false);
}

const FAILED: fn(RecordingFailure) -> News = News::Failed;

#[test]
fn a_disk_below_its_floor_is_full_before_it_is() {
    let mut test = Test::new(u64::MAX);
    assert_eq!(test.news(), [FAILED(RecordingFailure::DiskFull)]);
    speak(&mut test, TrackSource::Microphone, 5_000);
    assert_eq!(test.news(), [], "told once");
    assert!(!test.data.path().join("recording/tracks/0").exists());
    test.running.finish();
    assert_eq!(test.news(), [News::Told(RecordingNews::Closed)]);
}

#[test]
fn a_full_disk_ends_the_recording_at_once_and_leaves_what_was_written() {
    let mut test = Test::new(0);
    // The second piece meets a device that is always full.
    let folder = test.data.path().join("recording/tracks/0");
    fs::create_dir_all(&folder).expect("it can be made");
    std::os::unix::fs::symlink("/dev/full", folder.join("000001.age.part")).expect("it can be");
    speak(&mut test, TrackSource::Microphone, 20_000);
    let track = TrackId { participant: person(), source: TrackSource::Microphone };
    let opened = News::Told(RecordingNews::TrackOpened { number: 0, track });
    assert_eq!(test.news(), [opened, FAILED(RecordingFailure::DiskFull)]);
    let (file, pieces) = test.track(0);
    assert_eq!(pieces, 1, "the first, and nothing unfinished");
    assert!(file.starts_with(&[0x1a, 0x45, 0xdf, 0xa3]));
    let manifest = test.manifest();
    assert!(manifest["ended"].is_u64() && manifest["tracks"][0]["number"] == 0);
}

#[test]
fn a_folder_that_cannot_be_written_to_shows_at_once() {
    let data = tempfile::tempdir().expect("a folder can be made");
    let file = data.path().join("file");
    fs::File::create(&file).and_then(|mut file| file.write_all(b"no folder")).expect("a file");
    let folder = file.join("recording");
    let mut test = Test::within(data, &folder, 0);
    assert_eq!(test.news(), [FAILED(RecordingFailure::Failed)]);
}

#[test]
fn what_is_erased_is_gone_and_does_not_come_back() {
    let mut test = Test::new(0);
    speak(&mut test, TrackSource::Microphone, 5_000);
    speak(&mut test, TrackSource::ScreenAudio, 1_000);
    test.news();
    let other = ParticipantId::from_bytes([2; 8]);
    test.running.erase(other);
    assert_eq!(test.news(), [News::Told(RecordingNews::Erased { participant: other })]);
    assert!(test.data.path().join("recording/tracks/0/000000.age").exists());
    test.running.erase(person());
    assert_eq!(test.news(), [News::Told(RecordingNews::Erased { participant: person() })]);
    test.running.handle_timeout(test.began + Duration::from_secs(60));
    test.running.finish();
    let left = fs::read_dir(test.data.path().join("recording/tracks")).expect("it is there");
    assert_eq!(left.count(), 0);
    assert_eq!(test.manifest()["tracks"].as_array().map(Vec::len), Some(0));
}

#[test]
fn no_plain_byte_touches_the_disk() {
    let mut test = Test::new(0);
    let secret = b"words that nobody but the recipients may ever read";
    let payload = [&[0x78][..], secret].concat();
    let frames: Vec<_> = (0..400).map(|at| (at * 20, vec![payload.clone()])).collect();
    test.send(TrackSource::Microphone, CodecKind::Opus, &frames, |_| false);
    test.running.finish();
    let (file, _) = test.track(0);
    let holds = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    assert!(holds(&file, secret));
    let listed = Command::new("find")
        .arg(test.data.path().join("recording"))
        .args(["-type", "f"])
        .stderr(Stdio::inherit())
        .output()
        .expect("find is there");
    let paths = String::from_utf8(listed.stdout).expect("names are text");
    assert_eq!(paths.lines().count(), 4, "{paths}");
    for path in paths.lines() {
        let bytes = fs::read(path).expect("it can be read");
        assert!(!holds(&bytes, secret) && !holds(&bytes, b"OpusHead"), "{path}");
    }
}
