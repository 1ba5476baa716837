//! The recording of a room: whose gate is open, and for what.

use std::time::Instant;

use protocol::TrackSource;

use super::{Arrival, Member, Members, Publisher, Recordable, Router, Track};
use crate::command::{Event, RecordingNews, RecordingTap};
use crate::demux::TransportKey;
use crate::recording::{Admission, Captured, Recording};
use crate::stats::{DropCause, Stats};

impl Router {
    /// The running recording.
    pub(crate) fn recording(&self) -> Option<&Recording> {
        self.recording.as_deref()
    }

    /// Begins another recording, with every gate shut. Gives the one that has thereby ended.
    pub(crate) fn start_recording(
        &mut self,
        recording: RecordingTap,
        members: &mut Members,
    ) -> Option<RecordingTap> {
        let ended = self.stop_recording(members);
        self.recording = Some(Box::new(Recording::new(recording, self.frames)));
        ended
    }

    /// Ends the recording and shuts every gate.
    pub(crate) fn stop_recording(&mut self, members: &mut Members) -> Option<RecordingTap> {
        let ended = self.recording.take()?;
        for key in &self.members {
            if let Some(member) = members[key.0].as_mut() {
                member.publisher.set_recordable(None);
            }
        }
        self.expire_demand();
        Some(ended.tap())
    }

    /// Opens the gate of a member to the running recording for these sources and shuts it for the
    /// others, if it is the one they agreed to and there is a transport. False when it stays as it was.
    pub(crate) fn open_gate(
        &mut self,
        now: Instant,
        key: TransportKey,
        (to, sources): (RecordingTap, &[TrackSource]),
        members: &mut Members,
    ) -> bool {
        let Some(recording) = self.recording.as_mut().filter(|running| running.tap() == to) else {
            return false;
        };
        let Some(member) = members[key.0].as_mut().filter(|member| member.transport.is_some())
        else {
            return false;
        };
        let gate = Recordable::new(to, sources);
        let before = member.publisher.set_recordable(Some(gate));
        for track in self.tracks.iter_mut().filter(|track| track.publisher == key) {
            let was_open = before.is_some_and(|before| before.admits(to, track.id.source));
            match (was_open, gate.admits(to, track.id.source)) {
                (false, true) => recording.open(now, track),
                (true, false) => recording.close(track.key),
                (true, true) | (false, false) => {}
            }
        }
        true
    }

    /// Has the control plane told that the gate of a member is not open, although they agreed.
    pub(crate) fn tell_shut(&mut self, recording: RecordingTap, member: &Member) {
        let (room, participant) = (member.room, member.participant);
        let news = RecordingNews::GateShut { participant };
        self.events.push(Event::Recording { room, recording, news });
    }

    /// Shuts the gate of a member.
    pub(crate) fn shut_gate(&mut self, key: TransportKey, members: &mut Members) {
        if let Some(member) = members[key.0].as_mut() {
            member.publisher.set_recordable(None);
        }
        let Some(recording) = &mut self.recording else {
            return;
        };
        for track in self.tracks.iter_mut().filter(|track| track.publisher == key) {
            recording.close(track.key);
        }
    }
}

/// Takes a packet for the recorder if its publisher agreed and it is for everybody.
pub(super) fn record(
    now: Instant,
    recording: &mut Recording,
    publisher: &Publisher,
    track: &mut Track,
    (arrival, payload): (&Arrival, &[u8]),
    captured: &mut Captured,
    stats: &mut Stats,
) {
    if !publisher.is_recordable(recording.tap(), track.id.source) {
        return;
    }
    match recording.take(now, track, arrival, payload, captured) {
        Admission::Taken => stats.packets_recorded += 1,
        Admission::Left => {}
        Admission::NoRoom => stats.dropped.count(DropCause::RecorderBehind),
    }
}
