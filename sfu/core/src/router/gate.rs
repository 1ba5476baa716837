//! Encrypted frames: which epoch those are of that come in, and from which on they go out to whom.

use std::time::Instant;

use super::publisher::Belonging;
use super::{Members, Router};
use crate::command::Frames;
use crate::demux::TransportKey;
use crate::epoch::Gate;
use crate::packet::RtpView;
use crate::sframe::Start;

impl Router {
    /// What frames look like here.
    pub(crate) fn frames(&self) -> Frames {
        self.frames
    }

    /// Opens or shuts the gate of a participant.
    pub(crate) fn set_epoch_gate(
        &mut self,
        now: Instant,
        key: TransportKey,
        from: Option<u8>,
        members: &mut Members,
    ) {
        let Some(member) = members[key.0].as_mut().filter(|_| self.frames.are_encrypted()) else {
            return;
        };
        let gate = from.map_or(Gate::Shut, |from| Gate::From(self.epochs.note(from)));
        let was_shut = std::mem::replace(&mut member.gate, gate).is_shut();
        member.subscriber.set_gate(gate);
        if was_shut && !gate.is_shut() {
            member.subscriber.restart(now, &mut self.tracks);
        }
    }
}

/// Whether an encrypted frame begins with a packet, and of which epoch it is; `None` where frames
/// are in clear, and of padding.
pub(super) fn start_of(
    frames: Frames,
    place: &Belonging,
    packet: &RtpView<'_>,
    described: Option<(u8, &[u8])>,
) -> Option<Start> {
    let (source, payload) = (place.track_source, packet.payload());
    match frames {
        Frames::Clear => None,
        Frames::Plain | Frames::Raw if payload.is_empty() => None,
        Frames::Raw if source.is_video() => {
            Some(Start::of_raw(source, payload, described.map(|(_, descriptor)| descriptor)))
        }
        Frames::Plain | Frames::Raw => Some(Start::of(place.codec, source, payload)),
    }
}
