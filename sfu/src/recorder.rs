//! The recorder: a thread of its own that makes files of what passed the gate. It is fed by the
//! workers and never makes them wait.

mod assemble;
mod av1;
mod clock;
mod files;
mod h264;
mod inlet;
mod manifest;
pub mod picture;
mod running;
mod track;
mod webm;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use sfu_core::{
    Capture, Captured, Command, Event, RecordingFailure, RecordingNews, RecordingTap, RoomId,
};

pub use files::RecordingFiles;
pub(crate) use inlet::Inlet;

use crate::worker::{Ears, OnEvent};
use running::{News, Running};

/// What the thread is told.
#[derive(Debug)]
pub(crate) enum Message {
    /// Where the workers are.
    Workers(Vec<Ears>),
    /// A recording is about to begin.
    Begin { room: RoomId, recording: RecordingTap, files: RecordingFiles, began: Instant },
    /// It did not.
    Cancel { recording: RecordingTap },
    /// What a worker captured.
    Captured(Captured),
    /// Finishes what runs and ends the thread.
    Finish,
}

/// See the module's description.
pub(crate) struct Recorder {
    inbox: Receiver<Message>,
    /// Bytes in the inbox.
    queued: Arc<AtomicUsize>,
    on_event: OnEvent,
    workers: Vec<Ears>,
    running: Vec<Running>,
    /// In whose hands a fault would have happened.
    in_hand: Option<RecordingTap>,
}

impl Recorder {
    /// Without a recording.
    pub(crate) fn new(
        inbox: Receiver<Message>,
        queued: Arc<AtomicUsize>,
        on_event: OnEvent,
    ) -> Self {
        Self { inbox, queued, on_event, workers: Vec::new(), running: Vec::new(), in_hand: None }
    }

    /// Runs until it is told to finish, or everybody who could tell it something is gone.
    pub(crate) fn run(mut self) {
        let mut due = Instant::now();
        loop {
            let message = if self.running.is_empty() {
                self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                self.inbox.recv_timeout(TICK)
            };
            match message {
                Ok(Message::Finish) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(message) => self.guard(|recorder| recorder.handle(message)),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let now = Instant::now();
            if now >= due {
                due = now + TICK;
                self.guard(|recorder| {
                    for running in &mut recorder.running {
                        recorder.in_hand = Some(running.recording());
                        running.handle_timeout(now);
                    }
                });
            }
            self.tell();
        }
        for running in &mut self.running {
            running.finish();
        }
        self.tell();
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Workers(workers) => self.workers = workers,
            Message::Begin { room, recording, files, began } => {
                self.in_hand = Some(recording);
                let mut running = Running::new(room, recording, files, began);
                running.begin();
                self.running.push(running);
            }
            Message::Cancel { recording } => {
                self.running.retain(|running| running.recording() != recording);
            }
            Message::Captured(captured) => {
                self.queued.fetch_sub(captured.len(), Ordering::Relaxed);
                for capture in captured.iter() {
                    let recording = match capture {
                        Capture::Packet(packet) => packet.recording,
                        Capture::Erased { recording, .. } | Capture::Ended { recording } => {
                            recording
                        }
                    };
                    let mut all = self.running.iter_mut();
                    let Some(running) = all.find(|running| running.recording() == recording) else {
                        continue;
                    };
                    self.in_hand = Some(recording);
                    match capture {
                        Capture::Packet(packet) => running.handle_packet(&packet),
                        Capture::Erased { participant, .. } => running.erase(participant),
                        Capture::Ended { .. } => running.finish(),
                    }
                }
            }
            Message::Finish => {}
        }
    }

    /// Tells what happened, and sees to it that nothing more is captured for what failed.
    fn tell(&mut self) {
        for running in &mut self.running {
            let (room, recording) = (running.room(), running.recording());
            while let Some(news) = running.poll_news() {
                let news = match news {
                    News::Told(news) => news,
                    News::Failed(cause) => {
                        let worker = room.0 as usize % self.workers.len().max(1);
                        if let Some(worker) = self.workers.get(worker) {
                            // Whoever hears of the failure stops it as well.
                            let _ = worker.command(Command::StopRecording { room, recording });
                        }
                        RecordingNews::Failed { cause }
                    }
                };
                (self.on_event)(Event::Recording { room, recording, news });
            }
        }
        self.running.retain(|running| !running.is_closed());
    }

    /// A panic means a broken invariant of ours: it ends the recording in whose hands it happened.
    fn guard(&mut self, step: impl FnOnce(&mut Self)) {
        self.in_hand = None;
        if catch_unwind(AssertUnwindSafe(|| step(self))).is_err() {
            let in_hand = self.in_hand.take();
            let mut all = self.running.iter_mut();
            if let Some(running) = all.find(|running| Some(running.recording()) == in_hand) {
                running.fail(RecordingFailure::Failed);
            }
        }
    }
}

/// How often the thread looks for what is due while something is recorded. Raised, more is lost
/// with the process; lowered, it wakes up for nothing.
const TICK: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests;
