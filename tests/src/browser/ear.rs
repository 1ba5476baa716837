//! Hears every packet that arrives, before the engine acts on it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use rtc::{rtcp, rtp};

/// One arrived packet, decrypted and otherwise as it was on the wire.
pub(crate) enum Heard {
    /// Media or a retransmission.
    Rtp(rtp::Packet),
    /// Reports and requests.
    Rtcp(Vec<Box<dyn rtcp::Packet>>),
}

/// Passes everything on untouched and keeps a copy of what arrived. The engine hides
/// retransmissions and most RTCP from its caller; tests need both.
#[derive(Clone, Default)]
pub(crate) struct Ear(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    heard: VecDeque<Heard>,
    inward: VecDeque<TaggedPacket>,
    outward: VecDeque<TaggedPacket>,
}

impl Ear {
    /// Where in the engine's chain the ear sits: next to the wire.
    pub(crate) const POSITION: usize = 500;

    /// The next arrived packet not yet taken.
    pub(crate) fn poll(&self) -> Option<Heard> {
        self.state().heard.pop_front()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().expect("nothing panics while the lock is held")
    }
}

impl fmt::Debug for Ear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ear")
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Ear {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        let mut state = self.state();
        match &packet.message.packet {
            Packet::Rtp(rtp) => state.heard.push_back(Heard::Rtp(rtp.clone())),
            Packet::Rtcp(rtcp) => state.heard.push_back(Heard::Rtcp(rtcp.clone())),
            _ => {}
        }
        state.inward.push_back(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.state().inward.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        self.state().outward.push_back(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.state().outward.pop_front()
    }

    fn handle_timeout(&mut self, _now: Instant) -> Result<(), Error> {
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        None
    }
}

impl Interceptor for Ear {
    fn bind_local_stream(&mut self, _info: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _info: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _info: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _info: &StreamInfo) {}
}
