//! What is reported: to publishers about what came from them, to subscribers about what the
//! publishers' clocks say.

use std::time::{Duration, Instant};

use super::track::{Layer, LayerKey};
use super::{Members, Router};
use crate::demux::TransportKey;
use crate::egress::{Egress, Outlet};
use crate::member::Member;
use crate::rtcp::{self, MAX_BLOCKS, SenderInfo};
use crate::stats::{DropCause, Stats};
use crate::subscription::Subscription;

impl Router {
    /// Sends a publisher everything that is due: what is lost, who needs a key frame, when its
    /// packets arrived, and once a second how it goes.
    pub(crate) fn report_to_publisher(
        &mut self,
        now: Instant,
        member: &mut Member,
        out: &mut Outlet<'_>,
    ) {
        let Some(transport) = member.transport.as_mut().filter(|known| known.is_connected()) else {
            return;
        };
        let (publisher, tracks, compound) =
            (&mut member.publisher, &mut self.tracks, &mut self.compound);
        compound.clear();
        let is_report_due = publisher.poll_report(now);
        self.blocks.clear();
        let mut any_ssrc = None;
        for section in publisher.sections() {
            let Some(track) = tracks.track_mut(section.track) else {
                continue;
            };
            for layer in &mut track.layers {
                let Some(ssrc) = layer.ssrc else {
                    continue;
                };
                any_ssrc = Some(ssrc);
                if is_report_due && layer.is_alive(now) && self.blocks.len() < MAX_BLOCKS {
                    self.blocks.extend(layer.losses.report(now, ssrc));
                }
                ask(now, layer, ssrc, compound, out.stats);
            }
        }
        if !self.blocks.is_empty() {
            publisher.note_loss(now, &self.blocks);
            rtcp::write_receiver_report(compound, OUR_SSRC, &self.blocks);
        }
        publisher.feedback.poll_feedback(now, OUR_SSRC, any_ssrc.unwrap_or(0), compound);
        if !compound.is_empty() {
            transport.send_rtcp(compound, out.egress);
        }
    }

    /// Takes a publisher's sender report and passes it on to whoever gets that layer now, unless
    /// another has just been.
    pub(crate) fn handle_sender_report(
        &mut self,
        now: Instant,
        key: TransportKey,
        ssrc: u32,
        info: SenderInfo,
        members: &mut Members,
        out: &mut Outlet<'_>,
    ) {
        let Some((source, is_taken)) = self.tracks.iter_mut().find_map(|track| {
            if track.publisher != key {
                return None;
            }
            let at = track.layers.iter().position(|layer| layer.ssrc == Some(ssrc))?;
            let is_taken = track.layers[at].take_sender_report(now, info);
            Some((LayerKey { track: track.key, layer: u8::try_from(at).ok()? }, is_taken))
        }) else {
            return;
        };
        if !is_taken {
            out.stats.dropped.count(DropCause::SenderReportFlood);
            return;
        }
        for key in &self.members {
            let Some(member) = members[key.0].as_mut() else {
                continue;
            };
            let Some(transport) = member.transport.as_mut() else {
                continue;
            };
            self.compound.clear();
            for slot in member.subscriber.carrying(source) {
                write_slot_report(slot, &info, &mut self.compound);
            }
            if !self.compound.is_empty() {
                transport.send_rtcp(&self.compound, out.egress);
            }
        }
    }

    /// Tells a subscriber at once how the clock of a layer it just got relates to its slot.
    pub(super) fn report_after_switch(
        &mut self,
        now: Instant,
        member: &mut Member,
        egress: &mut Egress,
    ) {
        self.compound.clear();
        for (source, at) in self.switched.drain(..) {
            let report = self
                .tracks
                .track_mut(source.track)
                .and_then(|track| track.layers.get(usize::from(source.layer)))
                .and_then(|layer| layer.sender_report)
                .filter(|report| now.saturating_duration_since(report.at) < REPORT_AGE);
            if let (Some(report), Some(slot)) = (report, member.subscriber.slot(at)) {
                write_slot_report(slot, &report.info, &mut self.compound);
            }
        }
        if let Some(transport) = member.transport.as_mut()
            && !self.compound.is_empty()
        {
            transport.send_rtcp(&self.compound, egress);
        }
    }
}

/// The source our reports to publishers come from; it sends nothing else.
const OUR_SSRC: u32 = 1;

/// A sender report older than this says too little about clocks that drift.
const REPORT_AGE: Duration = Duration::from_secs(15);

/// Appends what one layer's publisher has to be asked for.
fn ask(now: Instant, layer: &mut Layer, ssrc: u32, compound: &mut Vec<u8>, stats: &mut Stats) {
    if layer.is_repairable() {
        let missing = layer.losses.poll_missing(now).inspect(|_| stats.nacks_out += 1);
        rtcp::write_nack(compound, OUR_SSRC, ssrc, missing);
    }
    if layer.key_frames.poll_request(now) {
        rtcp::write_picture_loss(compound, OUR_SSRC, ssrc);
        stats.key_frame_requests_out += 1;
    }
}

/// The publisher's report in the numbers of a slot: its clock as it is, so that sound and
/// picture stay together, its timestamps as they go out.
fn write_slot_report(slot: &Subscription, info: &SenderInfo, compound: &mut Vec<u8>) {
    let Some((shift, sent)) = slot.report_basis() else {
        return;
    };
    let info = SenderInfo {
        ntp: info.ntp,
        rtp_timestamp: info.rtp_timestamp.wrapping_add(shift),
        packet_count: sent.packets,
        octet_count: sent.bytes,
    };
    rtcp::write_sender_report(compound, slot.ssrcs().media, &info, &[]);
}
