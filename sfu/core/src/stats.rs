//! Plain counters of one `Sfu`. None of them has a room or a person in it.

use std::ops::{AddAssign, Index};

/// Counters since the start, and how many of each thing live now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Datagrams handed in.
    pub datagrams_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Datagrams made.
    pub datagrams_out: u64,
    /// Runs of them, of which each is one call to the system.
    pub runs_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// Authentic RTP packets from publishers.
    pub packets_in: u64,
    /// Among them, packets that a publisher sent again after a loss.
    pub packets_recovered: u64,
    /// RTP packets sealed for subscribers, retransmissions included.
    pub packets_out: u64,
    /// Among them, packets sent again after a loss.
    pub packets_retransmitted: u64,
    /// Among them, packets sent only to see whether a path carries them.
    pub packets_probing: u64,
    /// Packets handed to the recorder.
    pub packets_recorded: u64,
    /// Packets kept from a subscriber who may not have the keys yet; each counts for each.
    pub packets_held_at_gate: u64,
    /// Packets of frames in clear, dropped in rooms where all are encrypted.
    pub frames_in_clear: u64,
    /// Sequence numbers that subscribers reported lost, as far as those were looked for.
    pub nacks_in: u64,
    /// Sequence numbers reported lost to publishers.
    pub nacks_out: u64,
    /// Numbers in subscribers' feedback that were never sent, or too long ago.
    pub feedback_unknown: u64,
    /// Key frame requests of subscribers.
    pub key_frame_requests_in: u64,
    /// Key frame requests sent to publishers.
    pub key_frame_requests_out: u64,
    /// Handshakes that ended well.
    pub handshakes_completed: u64,
    /// Faults of ours that ended a room.
    pub faults: u64,
    /// Runs of datagrams the system did not take: no room, no route, too large. Filled in by
    /// whoever owns the socket.
    pub datagrams_refused_by_system: u64,
    /// Datagrams that came to another worker than their room's. Filled in by whoever owns the
    /// socket.
    pub datagrams_handed_over: u64,
    /// Transports now.
    pub transports: u64,
    /// Transports now whose handshake is done.
    pub transports_connected: u64,
    /// Rooms now with at least one transport.
    pub rooms: u64,
    /// What was dropped, by cause.
    pub dropped: Drops,
}

impl AddAssign for Stats {
    /// The counters of two `Sfu` together.
    fn add_assign(&mut self, other: Self) {
        // Named one by one, so that none can be forgotten.
        let Self {
            datagrams_in,
            bytes_in,
            datagrams_out,
            runs_out,
            bytes_out,
            packets_in,
            packets_recovered,
            packets_out,
            packets_retransmitted,
            packets_probing,
            packets_recorded,
            packets_held_at_gate,
            frames_in_clear,
            nacks_in,
            nacks_out,
            feedback_unknown,
            key_frame_requests_in,
            key_frame_requests_out,
            handshakes_completed,
            faults,
            datagrams_refused_by_system,
            datagrams_handed_over,
            transports,
            transports_connected,
            rooms,
            dropped: Drops(dropped),
        } = other;
        for (sum, more) in [
            (&mut self.datagrams_in, datagrams_in),
            (&mut self.bytes_in, bytes_in),
            (&mut self.datagrams_out, datagrams_out),
            (&mut self.runs_out, runs_out),
            (&mut self.bytes_out, bytes_out),
            (&mut self.packets_in, packets_in),
            (&mut self.packets_recovered, packets_recovered),
            (&mut self.packets_out, packets_out),
            (&mut self.packets_retransmitted, packets_retransmitted),
            (&mut self.packets_probing, packets_probing),
            (&mut self.packets_recorded, packets_recorded),
            (&mut self.packets_held_at_gate, packets_held_at_gate),
            (&mut self.frames_in_clear, frames_in_clear),
            (&mut self.nacks_in, nacks_in),
            (&mut self.nacks_out, nacks_out),
            (&mut self.feedback_unknown, feedback_unknown),
            (&mut self.key_frame_requests_in, key_frame_requests_in),
            (&mut self.key_frame_requests_out, key_frame_requests_out),
            (&mut self.handshakes_completed, handshakes_completed),
            (&mut self.faults, faults),
            (&mut self.datagrams_refused_by_system, datagrams_refused_by_system),
            (&mut self.datagrams_handed_over, datagrams_handed_over),
            (&mut self.transports, transports),
            (&mut self.transports_connected, transports_connected),
            (&mut self.rooms, rooms),
        ] {
            *sum += more;
        }
        for (sum, more) in self.dropped.0.iter_mut().zip(dropped) {
            *sum += more;
        }
    }
}

/// Why something from outside was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropCause {
    /// The first byte is of no protocol spoken here.
    UnknownClass,
    /// No transport owns the address pair.
    UnknownPath,
    /// A check that is not well-formed.
    CheckMalformed,
    /// A check for a user name nobody has.
    CheckUnknownUser,
    /// A check with a wrong password.
    CheckNotAuthentic,
    /// A check from an address that belongs to somebody else at the moment.
    CheckAddressTaken,
    /// Media before the handshake was done.
    NoKeys,
    /// A packet that is no RTP or RTCP.
    Malformed,
    /// A wrong authentication tag.
    WrongTag,
    /// A packet that was seen already or is too old.
    Replayed,
    /// A packet that its publisher sent again although it had come: browsers do so to see what their
    /// path carries.
    Repeated,
    /// More sources on one transport than allowed.
    TooManySources,
    /// Media of a source that belongs to no negotiated section or layer.
    UnknownSource,
    /// Media of a source that is switched off.
    NotPublishing,
    /// A payload type that was not negotiated.
    UnknownPayloadType,
    /// Nothing but padding.
    PaddingOnly,
    /// A subscriber without the codec of the track.
    NoCommonCodec,
    /// More than fits between two rounds of sending.
    Overload,
    /// Feedback of a subscriber beyond what its packets can need.
    FeedbackFlood,
    /// A datagram of reports beyond what one participant may send.
    ReportFlood,
    /// A sender report so soon after another that nobody needs it.
    SenderReportFlood,
    /// A picture for a subscriber whose path has fallen too far behind.
    PathTooSlow,
    /// More than one participant may send.
    PublisherFlood,
    /// A packet for the recorder, which is too far behind.
    RecorderBehind,
}

impl DropCause {
    /// Every cause with its name in metrics.
    pub const ALL: [(Self, &'static str); 24] = [
        (Self::UnknownClass, "unknown_class"),
        (Self::UnknownPath, "unknown_path"),
        (Self::CheckMalformed, "check_malformed"),
        (Self::CheckUnknownUser, "check_unknown_user"),
        (Self::CheckNotAuthentic, "check_not_authentic"),
        (Self::CheckAddressTaken, "check_address_taken"),
        (Self::NoKeys, "no_keys"),
        (Self::Malformed, "malformed"),
        (Self::WrongTag, "wrong_tag"),
        (Self::Replayed, "replayed"),
        (Self::Repeated, "repeated"),
        (Self::TooManySources, "too_many_sources"),
        (Self::UnknownSource, "unknown_source"),
        (Self::NotPublishing, "not_publishing"),
        (Self::UnknownPayloadType, "unknown_payload_type"),
        (Self::PaddingOnly, "padding_only"),
        (Self::NoCommonCodec, "no_common_codec"),
        (Self::Overload, "overload"),
        (Self::FeedbackFlood, "feedback_flood"),
        (Self::ReportFlood, "report_flood"),
        (Self::SenderReportFlood, "sender_report_flood"),
        (Self::PathTooSlow, "path_too_slow"),
        (Self::PublisherFlood, "publisher_flood"),
        (Self::RecorderBehind, "recorder_behind"),
    ];
}

/// One counter per [`DropCause`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops([u64; DropCause::ALL.len()]);

impl Drops {
    /// Counts one.
    pub(crate) fn count(&mut self, cause: DropCause) {
        self.0[cause as usize] += 1;
    }

    /// All of them together.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

impl Index<DropCause> for Drops {
    type Output = u64;

    fn index(&self, cause: DropCause) -> &u64 {
        &self.0[cause as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_has_its_own_counter_and_name() {
        let mut drops = Drops::default();
        for (position, (cause, name)) in DropCause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, position, "{name}");
            drops.count(cause);
            assert_eq!(drops[cause], 1, "{name}");
        }
        assert_eq!(drops.total(), DropCause::ALL.len() as u64);
    }
}
