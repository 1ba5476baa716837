//! What a slot sends by the clock: packets that waited for their turn, and probes.

use std::time::Instant;

use super::{Content, Outgoing, Repeated, Subscription};
use crate::codec::CodecKind;
use crate::downlink::Kind;
use crate::downlink::queue::Waiting;
use crate::packet::{RtpHeader, RtpView};
use crate::rewrite::{Filler, Origin};
use crate::router::{Layer, LayerKey, Marks};

impl Subscription {
    /// Sends a packet that waited, or only its number if its content is gone.
    pub(crate) fn send_waiting(
        &mut self,
        now: Instant,
        waiting: &Waiting,
        from: Option<&Layer>,
        out: &mut Outgoing<'_>,
    ) {
        let from = from.filter(|_| !waiting.is_void);
        let packet = from
            .and_then(|from| from.ring.find(now, waiting.sequence))
            .and_then(|bytes| RtpView::parse(bytes).ok());
        let scalable = from.and_then(|from| from.scalable.as_ref());
        let Waiting { header, pictures, marks, codec, .. } = *waiting;
        let Some(packet) = packet else {
            let RtpHeader { sequence, timestamp, .. } = header;
            self.send_filler(Filler { sequence, timestamp }, codec, out);
            return;
        };
        let payload = packet.payload();
        let descriptor = scalable.and_then(|scalable| packet.extension(scalable.id));
        let body = Content {
            payload,
            codec,
            pictures,
            dependency: descriptor.zip(waiting.frame_number),
            ..Content::PADDING
        };
        self.send_media(header, marks, &body, out);
    }

    /// Whether probes can be sent on the slot: the subscriber says when each packet arrived, and
    /// browsers take nothing but pictures again.
    pub(crate) fn is_told_of(&self) -> bool {
        self.is_video && self.extensions.transport_cc.is_some()
    }

    /// Sends something of no use to anybody but for how it arrives: the `back`th last packet of
    /// the slot again, or padding where that is gone. False when the slot cannot.
    pub(crate) fn send_probe(
        &mut self,
        back: u16,
        recent: Option<(Origin<LayerKey>, &Layer, CodecKind)>,
        out: &mut Outgoing<'_>,
    ) -> bool {
        if let Some((origin, from, codec)) = recent
            && let Some(sequence) = self.recent(back)
            && let Some(packet) = from.ring.find(out.now, origin.sequence)
            && let Ok(packet) = RtpView::parse(packet)
        {
            let scalable = self.admitted_before(sequence, from, &packet);
            let repeated = Repeated { kind: Kind::Probe, packet, scalable, codec };
            if self.retransmit(sequence, &origin, &repeated, out) {
                return true;
            }
        }
        let codec = self.codecs.iter().find(|codec| codec.rtx_payload_type.is_some());
        let Some((kind, Some(payload_type))) =
            codec.map(|codec| (codec.kind, codec.rtx_payload_type))
        else {
            return false;
        };
        let header = RtpHeader {
            marker: false,
            payload_type,
            sequence: self.rtx_sequence,
            timestamp: self.numbers.newest_timestamp(),
            ssrc: self.ssrcs.rtx,
        };
        self.rtx_sequence = self.rtx_sequence.wrapping_add(1);
        let sources = self.sealed_sources(out);
        let content = Content { codec: kind, kind: Kind::Probe, ..Content::PADDING };
        self.send(header, sources.rtx, Marks::default(), &content, out)
    }

    /// The number of the `back`th last packet of the slot.
    pub(crate) fn recent(&self, back: u16) -> Option<u16> {
        Some(self.numbers.newest_sequence()?.wrapping_sub(back))
    }
}
