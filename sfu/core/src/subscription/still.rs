//! One whole picture on a slot, packet by packet, for a poor connection.

use super::{Content, Outgoing, Subscription};
use crate::codec::inspect;
use crate::packet::RtpHeader;
use crate::rewrite::PacketIds;
use crate::router::Marks;
use crate::stats::DropCause;
use crate::stills::Due;

impl Subscription {
    /// Sends one packet of a picture that stands on its own, in place of what the slot carries.
    pub(crate) fn send_still(&mut self, due: &Due<'_>, out: &mut Outgoing<'_>) {
        let Some(codec) = self.codecs.iter().find(|known| known.kind == due.codec) else {
            out.stats.dropped.count(DropCause::NoCommonCodec);
            return;
        };
        if due.is_first {
            self.numbers.switch(due.source);
        }
        let payload = due.packet.payload();
        let incoming = PacketIds {
            sequence: due.packet.sequence(),
            timestamp: due.packet.timestamp(),
            pictures: inspect(due.codec, payload).unwrap_or_default().pictures,
        };
        let payload_type = codec.payload_type;
        let Some(ids) = self.numbers.rewrite(out.now, incoming) else {
            return;
        };
        let header = RtpHeader {
            marker: due.packet.marker(),
            payload_type,
            sequence: ids.sequence,
            timestamp: ids.timestamp,
            ssrc: self.ssrcs.media,
        };
        let content =
            Content { payload, codec: due.codec, pictures: ids.pictures, ..Content::PADDING };
        self.send_media(header, Marks::default(), &content, out);
    }
}
