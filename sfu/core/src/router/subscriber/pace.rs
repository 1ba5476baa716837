//! What leaves by the clock and not by the packet: pictures that waited, and probes.

use std::time::Instant;

use super::{Subscriber, send_stills};
use crate::egress::Outlet;
use crate::router::tracks::Tracks;
use crate::subscription::Outgoing;
use crate::transport::Transport;

impl Subscriber {
    /// Sends what may leave by now.
    pub(crate) fn pace(
        &mut self,
        now: Instant,
        tracks: &Tracks,
        transport: &mut Transport,
        out: &mut Outlet<'_>,
    ) {
        let outgoing = transport.outgoing().filter(|_| !self.gate.is_shut());
        let Some((path, sealer)) = outgoing else {
            self.give_up_waiting();
            return;
        };
        let (egress, stats) = (&mut *out.egress, &mut *out.stats);
        let (downlink, queue, saving) =
            (&mut self.downlink, &mut self.queue, self.saving.is_some());
        let gate = self.gate;
        let mut out = Outgoing { path, sealer, egress, stats, now, downlink, queue, saving, gate };
        while out.downlink.may_send(now)
            && let Some(waiting) = out.queue.pop()
        {
            let ssrc = waiting.header.ssrc;
            if let Some(slot) = self.slots.iter_mut().find(|slot| slot.ssrcs().media == ssrc) {
                let layer = usize::from(waiting.source.layer);
                let track = tracks.track(waiting.source.track);
                let from = track.and_then(|track| track.layers.get(layer));
                slot.send_waiting(now, &waiting, from, &mut out);
            }
        }
        if let Some(stills) = &mut self.saving {
            out.downlink.cancel_probe();
            send_stills(stills, &mut self.slots, &mut out);
        }
        for _ in 0..MOST_PROBES {
            if !out.downlink.is_probe_due(now) {
                break;
            }
            self.probe_back = (self.probe_back + 1) % PROBE_VARIETY;
            let back = self.probe_back;
            let sent = self.slots.iter_mut().filter(|slot| slot.is_told_of()).any(|slot| {
                let origin = slot.recent(back).and_then(|sequence| slot.origin(sequence));
                let recent = origin.and_then(|origin| {
                    let track = tracks.track(origin.source.track)?;
                    let layer = track.layers.get(usize::from(origin.source.layer))?;
                    Some((origin, layer, layer.codec?))
                });
                slot.send_probe(back, recent, &mut out)
            });
            if !sent {
                out.downlink.cancel_probe();
            }
        }
    }

    /// When [`Subscriber::pace`] has something to do.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let stills = self.saving.as_ref().and_then(|stills| stills.poll_timeout());
        let paced = self.downlink.poll_timeout(!self.queue.is_empty());
        [stills, paced].into_iter().flatten().min()
    }
}

/// Packets of a probe in one turn; the next turn goes on. Bounds what a late wake-up makes up for.
const MOST_PROBES: usize = 64;

/// Recent packets that are repeated in turn.
const PROBE_VARIETY: u16 = 64;
