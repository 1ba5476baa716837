//! The receiving side of a complete participant: every packet the stack hands over, measured.

use std::sync::Arc;

use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    PeerConnectionEventHandler, RTCIceConnectionState, RTCIceGatheringState, RTCPeerConnectionState,
};

use super::{OVERHEAD, State};
use crate::clock::{self, Nanos};
use crate::e2ee::Shield;
use crate::measure::Meter;
use crate::participant::receive::{FEEDBACK_INTERVAL, Packet, Slot, extend};
use crate::rtp::ExtensionIds;
use crate::target::SlotSpec;

/// Everything the engine reports.
pub(super) struct Watcher {
    pub(super) gathered: watch::Sender<bool>,
    pub(super) state: watch::Sender<State>,
    pub(super) shared: Shared,
}

/// What all slots of a connection need.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) meter: Meter,
    pub(super) ids: watch::Receiver<ExtensionIds>,
    pub(super) listens: bool,
    pub(super) shield: Option<Shield>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Watcher {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        self.gathered.send_replace(state == RTCIceGatheringState::Complete);
    }

    async fn on_ice_connection_state_change(&self, state: RTCIceConnectionState) {
        if matches!(state, RTCIceConnectionState::Connected | RTCIceConnectionState::Completed) {
            self.shared.meter.lock().join.ice.get_or_insert_with(clock::now);
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        match state {
            RTCPeerConnectionState::Connected => {
                let mut measured = self.shared.meter.lock();
                measured.join.ice.get_or_insert_with(clock::now);
                measured.join.dtls.get_or_insert_with(clock::now);
                self.state.send_replace(State::Connected);
            }
            RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed => {
                self.state.send_replace(State::Closed);
            }
            RTCPeerConnectionState::Unspecified
            | RTCPeerConnectionState::New
            | RTCPeerConnectionState::Connecting
            | RTCPeerConnectionState::Disconnected
            | _ => {}
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        tokio::spawn(receive(track, self.shared.clone()));
    }
}

/// Measures what comes on one slot until it ends.
async fn receive(track: Arc<dyn TrackRemote>, shared: Shared) {
    let is_video = track.kind().await == RtpCodecKind::Video;
    let mut slot = None;
    let mut tick = interval(FEEDBACK_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            event = track.poll() => match event {
                Some(TrackRemoteEvent::OnRtpPacket(packet)) => {
                    let ids = *shared.ids.borrow();
                    let slot = slot.get_or_insert_with(|| {
                        let ssrc = packet.header.ssrc;
                        let repair_ssrc = is_video.then_some(0);
                        let mid = String::new();
                        let spec = SlotSpec { mid, is_video, ssrc, repair_ssrc, feed: None };
                        Slot::new(spec, shared.listens, shared.shield.clone())
                    });
                    take(slot, &packet, &ids, &shared.meter);
                }
                Some(_) => {}
                None => return,
            },
            _ = tick.tick() => {
                let Some(slot) = &mut slot else { continue };
                let now = clock::now();
                let is_stuck = {
                    let mut measured = shared.meter.lock();
                    slot.give_up(now);
                    slot.wants_key_frame(now, &mut measured)
                };
                if is_stuck {
                    let media_ssrc = slot.ssrc();
                    let wish = PictureLossIndication { sender_ssrc: 1, media_ssrc };
                    // A connection that is gone needs none.
                    let _ = track.write_rtcp(vec![Box::new(wish)]).await;
                }
            }
        }
    }
}

fn take(slot: &mut Slot, packet: &rtp::Packet, ids: &ExtensionIds, meter: &Meter) {
    let at = clock::now();
    let header = &packet.header;
    let mut measured = meter.lock();
    measured.bytes_received += (packet.payload.len() + OVERHEAD) as u64;
    measured.join.first_packet.get_or_insert(at);
    let index = extend(header.sequence_number, slot.highest());
    slot.handle_packet(
        &Packet {
            at,
            index,
            marker: header.marker,
            timestamp: header.timestamp,
            payload: &packet.payload,
            sent: sent(header, ids),
            redundant: false,
        },
        &mut measured,
    );
}

/// When the publisher sent the packet, as its extension says.
fn sent(header: &rtp::Header, ids: &ExtensionIds) -> Option<Nanos> {
    let value = header.get_extension(ids.capture_time).filter(|_| ids.capture_time != 0)?;
    Some(clock::from_ntp(u64::from_be_bytes(*value.first_chunk()?)))
}
