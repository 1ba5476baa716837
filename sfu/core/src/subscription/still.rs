//! One whole picture on a slot, packet by packet, for a poor connection.

use super::{Admitted, Content, Outgoing, Subscription};
use crate::dependency::Mandatory;
use crate::packet::RtpHeader;
use crate::rewrite::PacketIds;
use crate::router::Marks;
use crate::stats::DropCause;
use crate::stills::Due;
use crate::svc;

impl Subscription {
    /// Sends one packet of a picture that stands on its own, in place of what the slot carries.
    pub(crate) fn send_still(&mut self, due: &Due<'_>, out: &mut Outgoing<'_>) {
        let codec = self.codecs.iter().find(|known| known.kind == due.codec).copied();
        let Some(codec) = codec else {
            out.stats.dropped.count(DropCause::NoCommonCodec);
            return;
        };
        let payload = due.packet.payload();
        let described = due.descriptor.and_then(|it| Some((it, Mandatory::parse(it).ok()?)));
        if due.is_first {
            if let Some((_, first)) = described {
                self.frames.begin(first.frame_number);
            }
            self.switch_to(due.source);
        }
        let dependency = described.map(|(descriptor, mandatory)| {
            (descriptor, self.frames.renumber(mandatory.frame_number))
        });
        let incoming = PacketIds {
            sequence: due.packet.sequence(),
            timestamp: due.packet.timestamp(),
            pictures: self.inspect(due.codec, payload).pictures,
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
        let content = Content {
            payload,
            codec: due.codec,
            pictures: ids.pictures,
            dependency,
            ..Content::PADDING
        };
        self.send_media(header, Marks::default(), &content, out);
    }

    /// How a packet of such a picture, which went out under this number, goes out again.
    pub(crate) fn described_still<'a>(&self, due: &Due<'a>, sequence: u16) -> Admitted<'a> {
        let mandatory = due.descriptor.map(Mandatory::parse);
        let shift = self.frame_shifts.at(self.numbers.extended(sequence));
        match (due.descriptor, mandatory, shift) {
            (Some(descriptor), Some(Ok(mandatory)), Some(shift)) => Admitted::Described {
                descriptor,
                out: svc::Outgoing {
                    frame_number: mandatory.frame_number.wrapping_add(shift),
                    ends_picture: false,
                },
            },
            (..) => Admitted::Plain,
        }
    }
}
