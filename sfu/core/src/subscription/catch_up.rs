//! What came before the packet a slot switched on, and belongs behind it.

use std::time::Instant;

use super::form::Form;
use super::{Forwarded, Outgoing, Subscription};
use crate::packet::RtpView;
use crate::rewrite::PacketIds;
use crate::router::{Arrival, Layer, Marks};

impl Subscription {
    /// After a switch on a packet that came late: forwards what had come before it and belongs
    /// behind it.
    pub(super) fn catch_up(
        &mut self,
        now: Instant,
        switch: &Arrival,
        form: Form,
        from: &Layer,
        out: &mut Outgoing<'_>,
    ) {
        let ahead = switch.newest.wrapping_sub(switch.sequence);
        if ahead > MAX_CATCH_UP {
            return;
        }
        for distance in 1..=ahead {
            let Some(bytes) = from.ring.find(now, switch.sequence.wrapping_add(distance)) else {
                continue;
            };
            let Ok(packet) = RtpView::parse(bytes) else {
                continue;
            };
            let Some(payload) = form.payload(packet.payload()) else {
                continue;
            };
            let frame = self.inspect(switch.codec, packet.payload());
            let Some(scalable) = self.admit(from, bytes, (&frame, None), packet.timestamp(), false)
            else {
                self.numbers.skip(PacketIds {
                    sequence: packet.sequence(),
                    timestamp: packet.timestamp(),
                    pictures: frame.pictures,
                });
                continue;
            };
            let content = Forwarded {
                ids: PacketIds {
                    sequence: packet.sequence(),
                    timestamp: packet.timestamp(),
                    pictures: frame.pictures,
                },
                marker: packet.marker() || scalable.ends_picture(),
                form,
                scalable,
                marks: Marks { audio_level: switch.marks.audio_level, capture_time: None },
                codec: switch.codec,
                payload,
            };
            self.send_forwarded(now, &content, out);
        }
    }
}

/// Packets that may have overtaken the one a slot switches on. More than that is no reordering;
/// raising it lets one switch send longer bursts.
const MAX_CATCH_UP: u16 = 64;
