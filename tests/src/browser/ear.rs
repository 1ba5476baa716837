//! Hears every packet that arrives, before the engine acts on it.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use rtc::interceptor::{AttributedPacket, Interceptor, Packet, StreamInfo, TaggedPacket};
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
/// retransmissions and most RTCP from its caller; tests need both. It does not count a packet that
/// was sent again among those that came either, and would ask for it for ever: the ear hands it on
/// a second time, as the packet it stands for.
#[derive(Clone, Default)]
pub(crate) struct Ear(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    heard: VecDeque<Heard>,
    /// Streams of retransmissions, each with the stream it repairs.
    repairs: BTreeMap<u32, u32>,
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

    /// Says which stream carries the retransmissions of `media`.
    pub(crate) fn expect_repairs(&self, repair: u32, media: u32) {
        self.state().repairs.insert(repair, media);
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
        let mut repaired = None;
        match &packet.message.packet {
            Packet::Rtp(rtp) => {
                repaired =
                    state.repairs.get(&rtp.header.ssrc).and_then(|media| original(*media, rtp));
                state.heard.push_back(Heard::Rtp(rtp.clone()));
            }
            Packet::Rtcp(rtcp) => state.heard.push_back(Heard::Rtcp(rtcp.clone())),
            _ => {}
        }
        let (now, transport) = (packet.now, packet.transport);
        let again = repaired.map(|rtp| {
            let message = AttributedPacket { attributes: Vec::new(), packet: Packet::Rtp(rtp) };
            TaggedPacket { now, transport, message }
        });
        state.inward.push_back(packet);
        state.inward.extend(again);
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

/// The packet that a retransmission stands for (RFC 4588 section 4), without its extensions: they
/// were those of the retransmission. None for padding.
fn original(media: u32, repair: &rtp::Packet) -> Option<rtp::Packet> {
    let (sequence, _) = repair.payload.split_first_chunk::<2>()?;
    let header = rtp::header::Header {
        sequence_number: u16::from_be_bytes(*sequence),
        ssrc: media,
        extension: false,
        extensions: Vec::new(),
        ..repair.header.clone()
    };
    Some(rtp::Packet { header, payload: repair.payload.slice(2..) })
}
