//! VP8 as a camera or a screen gives it: true frame sizes, one key frame at the start and another
//! whenever one is asked for, by starting over.

use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use super::picture::{Scene, draw};
use super::{MediaError, ended, ivf, make_file};

/// One encoding of a moving picture, to be played in a loop.
#[derive(Debug)]
pub struct Video {
    /// Encoded frames; the first is a key frame, the others each need the one before.
    pub frames: Vec<Vec<u8>>,
    /// Frames a second.
    pub rate: u32,
    /// Lines of the picture.
    pub height: u16,
}

struct Encoding {
    file: &'static str,
    scene: Scene,
    size: (usize, usize),
    rate: u32,
    frames: usize,
    kilobits: u32,
}

/// The three layers of a camera as browsers send them at 960 × 540, and a screen.
const ENCODINGS: [Encoding; 4] = [
    Encoding::camera("camera-h-1.ivf", (960, 540), 1_200),
    Encoding::camera("camera-m-1.ivf", (480, 270), 400),
    Encoding::camera("camera-l-1.ivf", (240, 136), 120),
    Encoding {
        file: "screen-1.ivf",
        scene: Scene::Screen,
        size: (1280, 720),
        rate: 5,
        frames: 90,
        kilobits: 500,
    },
];

impl Encoding {
    const fn camera(file: &'static str, size: (usize, usize), kilobits: u32) -> Self {
        Self { file, scene: Scene::Camera, size, rate: 30, frames: 300, kilobits }
    }

    fn make(&self, out: &Path) -> Result<(), MediaError> {
        let (width, height) = self.size;
        let encoder = Command::new("vpxenc")
            .args(["--codec=vp8", "--ivf", "--rt", "--cpu-used=8", "--lag-in-frames=0"])
            .args(["--end-usage=cbr", "--error-resilient=1", "--disable-kf", "--quiet"])
            .args(["--min-q=4", "--max-q=56", "--undershoot-pct=100", "--overshoot-pct=15"])
            .args(["--buf-sz=1000", "--buf-initial-sz=500", "--buf-optimal-sz=600"])
            .arg(format!("--target-bitrate={}", self.kilobits))
            .arg(format!("--screen-content-mode={}", u8::from(self.scene == Scene::Screen)))
            .arg("-o")
            .arg(out)
            .arg("-")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let output = encoder.and_then(|mut encoder| {
            let mut input = io::BufWriter::new(encoder.stdin.take().expect("it is piped"));
            // When the encoder ends early its own words say why.
            let _ = self.write_raw(&mut input, (width, height));
            drop(input);
            encoder.wait_with_output()
        });
        ended("vpxenc", "vpx-tools", output)
    }

    fn write_raw(&self, out: &mut impl Write, (width, height): (usize, usize)) -> io::Result<()> {
        writeln!(out, "YUV4MPEG2 W{width} H{height} F{}:1 Ip A1:1 C420jpeg", self.rate)?;
        let mut frame = Vec::new();
        for number in 0..self.frames {
            draw(self.scene, number, (width, height), &mut frame);
            out.write_all(b"FRAME\n")?;
            out.write_all(&frame)?;
        }
        out.flush()
    }
}

pub(super) fn prepare(folder: &Path) -> Result<[Video; 4], MediaError> {
    let mut videos = Vec::new();
    for encoding in &ENCODINGS {
        let file = folder.join(encoding.file);
        make_file(&file, |out| encoding.make(out))?;
        let bytes =
            std::fs::read(&file).map_err(|error| MediaError::Folder(file.clone(), error))?;
        let frames = ivf::frames(&bytes).filter(|frames| is_one_group(frames));
        let frames = frames.ok_or(MediaError::Damaged(file))?;
        let height = encoding.size.1 as u16;
        videos.push(Video { frames, rate: encoding.rate, height });
    }
    Ok(videos.try_into().expect("one video for each encoding"))
}

/// A key frame first (RFC 6386 section 9.1: its lowest bit is 0).
fn is_one_group(frames: &[Vec<u8>]) -> bool {
    frames.first().is_some_and(|frame| frame[0] & 1 == 0)
}
