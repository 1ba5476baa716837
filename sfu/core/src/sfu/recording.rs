//! Recordings: which begin and end, and whose gate is open.

use std::time::Instant;

use protocol::{ParticipantId, TrackSource};

use super::Sfu;
use crate::command::{RecordingTap, RoomId};
use crate::demux::TransportKey;
use crate::recording::{Captured, Recording};
use crate::router::Router;

impl Sfu {
    /// Puts what is for the recorder into `empty`, whose memory is used from then on. False when
    /// there is nothing.
    pub fn swap_captured(&mut self, empty: &mut Captured) -> bool {
        if self.captured.is_empty() {
            return false;
        }
        empty.clear();
        std::mem::swap(&mut self.captured, empty);
        true
    }

    /// What is for the recorder, to look at before it is taken.
    pub fn captured(&self) -> &Captured {
        &self.captured
    }

    pub(super) fn start_recording(&mut self, room: RoomId, recording: RecordingTap) {
        self.room_in_hand = Some(room);
        let Some(router) = self.routers.get_mut(&room) else {
            self.captured.end(recording);
            return;
        };
        if let Some(ended) = router.start_recording(recording, &mut self.members) {
            self.captured.end(ended);
        }
    }

    /// Ends the recording of a room if it is the one that is meant.
    pub(super) fn stop_recording(
        &mut self,
        room: RoomId,
        is_meant: impl FnOnce(RecordingTap) -> bool,
    ) {
        let router = self.routers.get_mut(&room);
        let router =
            router.filter(|router| router.recording().is_some_and(|it| is_meant(it.tap())));
        if let Some(ended) = router.and_then(|router| router.stop_recording(&mut self.members)) {
            self.captured.end(ended);
        }
    }

    pub(super) fn set_recordable(
        &mut self,
        now: Instant,
        participant: ParticipantId,
        recording: RecordingTap,
        sources: &[TrackSource],
    ) {
        self.captured.withdraw(participant, sources);
        self.with_router(now, participant, |router, key, members| {
            if sources.is_empty() {
                router.shut_gate(key, members);
            } else if !router.open_gate(now, key, (recording, sources), members)
                && let Some(member) = &members[key.0]
            {
                router.tell_shut(recording, member);
            }
        });
    }

    pub(super) fn erase_recorded(
        &mut self,
        now: Instant,
        room: RoomId,
        participant: ParticipantId,
    ) {
        self.captured.withdraw(participant, &[]);
        self.with_router(now, participant, |router, key, members| router.shut_gate(key, members));
        let recording = self.routers.get(&room).and_then(Router::recording);
        if let Some(tap) = recording.map(Recording::tap) {
            self.captured.erase(tap, participant);
        }
    }

    /// After an offer made another transport, which knows of no consent: says so if the former
    /// one did.
    pub(super) fn shut_gate_of_former(
        &mut self,
        key: TransportKey,
        was_recordable: Option<RecordingTap>,
    ) {
        let Some(member) = self.members[key.0].as_ref() else {
            return;
        };
        let Some(router) = self.routers.get_mut(&member.room) else {
            return;
        };
        let running = router.recording().map(Recording::tap);
        if let Some(recording) = was_recordable.filter(|agreed| Some(*agreed) == running) {
            router.tell_shut(recording, member);
        }
        router.shut_gate(key, &mut self.members);
        self.events.extend(router.take_events());
    }
}
