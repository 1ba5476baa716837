//! What a slot sends by the clock: packets that waited for their turn, and probes.

use std::time::Instant;

use super::{Content, Outgoing, Subscription};
use crate::codec::CodecKind;
use crate::downlink::Kind;
use crate::downlink::queue::Waiting;
use crate::packet::{RtpHeader, RtpView};
use crate::retransmission::Ring;
use crate::rewrite::{Filler, Origin};
use crate::router::{LayerKey, Marks};

impl Subscription {
    /// Sends a packet that waited, or only its number if its content is gone.
    pub(crate) fn send_waiting(
        &mut self,
        now: Instant,
        waiting: &Waiting,
        ring: Option<&Ring>,
        out: &mut Outgoing<'_>,
    ) {
        let packet = ring
            .filter(|_| !waiting.is_void)
            .and_then(|ring| ring.find(now, waiting.sequence))
            .and_then(|bytes| RtpView::parse(bytes).ok());
        let Waiting { header, vp8, marks, codec, .. } = *waiting;
        let Some(packet) = packet else {
            let RtpHeader { sequence, timestamp, .. } = header;
            self.send_filler(Filler { sequence, timestamp }, codec, out);
            return;
        };
        let payload = packet.payload();
        let body = Content { prefix: &[], payload, codec, vp8, blocks: None, kind: Kind::Picture };
        self.send_media(header, marks, &body, out);
    }

    /// Sends something of no use to anybody but for how it arrives: the `back`th last packet of
    /// the slot again, or padding where that is gone. False when the slot cannot.
    pub(crate) fn send_probe(
        &mut self,
        back: u16,
        recent: Option<(Origin<LayerKey>, &Ring, CodecKind)>,
        out: &mut Outgoing<'_>,
    ) -> bool {
        if let Some((origin, ring, codec)) = recent
            && let Some(sequence) = self.recent(back)
            && self.retransmit(Kind::Probe, sequence, &origin, ring, codec, out)
        {
            return true;
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
