//! One participant's connection: the address (ICE), the handshake (DTLS) and the packet keys
//! (SRTP). This file, `turn.rs` and their folders are the only ones that name the WebRTC engine's
//! crates.
//!
//! The standards' words, once: *mid* names a media section of the session description; *rid* one
//! layer of a section; *ssrc* the source of a sequence of RTP packets; *pt* (payload type) the
//! codec in a packet; *twcc* is feedback over all packets of a transport; *nack* a report of
//! lost packets; *rtx* the source on which they are sent again.

mod dtls;
mod ice;
mod replay;
mod srtp;

use std::time::{Duration, Instant};

use protocol::Redacted;
use rand::RngExt;
use rand::rngs::StdRng;

pub(crate) use dtls::DtlsError;
pub use dtls::{DtlsIdentity, IdentityError};
pub use ice::is_connectivity_check;
pub(crate) use ice::{Answer, Check, CheckAnswer, IceError, covered_by_integrity};
pub(crate) use srtp::{RTP_OVERHEAD, Sealer, SourceIndex, SrtpError};

use crate::bucket::Bucket;
use crate::egress::Egress;
use crate::path::Path;
use crate::sdp::{Fingerprint, IceCredentials, Offer};
use dtls::{Dtls, DtlsProgress};
use ice::Ice;
use srtp::{Opener, RTCP_OVERHEAD};

/// What became of a transport, for the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransportChange {
    /// Media may flow, for the first time or again.
    Connected,
    /// Nothing authentic for [`CONSENT_TIME`].
    Disconnected,
    /// The handshake failed or the browser ended it; only a new transport helps.
    Failed,
}

/// A connection that was negotiated at least once.
pub(crate) struct Transport {
    ice: Ice,
    dtls: Dtls,
    keys: Option<(Opener, Sealer)>,
    state: State,
    identity: DtlsIdentity,
    worker: u8,
    remote_ice: IceCredentials,
    remote_fingerprint: Fingerprint,
    dtls_path: Option<Path>,
    last_heard: Instant,
    reports: Bucket,
}

impl Transport {
    /// Opens a transport for the browser that made `offer`.
    pub(crate) fn open(
        now: Instant,
        identity: &DtlsIdentity,
        worker: u8,
        offer: &Offer,
        random: &mut StdRng,
    ) -> Result<Self, DtlsError> {
        Ok(Self {
            ice: Ice::new(credentials(worker, random)),
            worker,
            dtls: Dtls::new(identity, offer.fingerprint.0)?,
            keys: None,
            state: State::Opening,
            identity: identity.clone(),
            remote_ice: offer.ice.clone(),
            remote_fingerprint: offer.fingerprint,
            dtls_path: None,
            last_heard: now,
            reports: Bucket::default(),
        })
    }

    /// Whether `offer` comes from the same browser connection: its certificate is the same.
    /// Otherwise it needs a transport of its own.
    pub(crate) fn continues(&self, offer: &Offer) -> bool {
        self.state != State::Failed && self.remote_fingerprint == offer.fingerprint
    }

    /// Takes a later offer of the same connection. New ICE credentials restart ICE: we answer
    /// with new ones too, and the keys stay. Gives back the user name that is void then.
    pub(crate) fn renegotiate(&mut self, offer: &Offer, random: &mut StdRng) -> Option<String> {
        if offer.ice == self.remote_ice {
            return None;
        }
        self.remote_ice = offer.ice.clone();
        let former = self.ice.credentials().ufrag.clone();
        self.ice.restart(credentials(self.worker, random));
        Some(former)
    }

    /// Our ICE credentials, for the answer and for finding this transport by a check.
    pub(crate) fn local_ice(&self) -> &IceCredentials {
        self.ice.credentials()
    }

    /// Addresses that belong to this transport.
    pub(crate) fn paths(&self) -> impl Iterator<Item = Path> {
        self.ice.paths()
    }

    /// True once keys are there and until the transport fails.
    pub(crate) fn is_connected(&self) -> bool {
        self.keys.is_some() && self.state != State::Failed
    }

    /// Verifies and answers a connectivity check that names this transport.
    pub(crate) fn handle_check(
        &mut self,
        now: Instant,
        path: Path,
        check: Check,
    ) -> Result<(CheckAnswer, Option<TransportChange>), IceError> {
        let crypto = self.identity.provider().crypto();
        let answer = self.ice.handle_check(now, path, check, crypto)?;
        let change = if answer.accepted { self.heard(now, path) } else { None };
        Ok((answer, change))
    }

    /// Whether this source was the browser's so far.
    pub(crate) fn knows(&self, ssrc: u32) -> bool {
        self.is_connected() && self.keys.as_ref().is_some_and(|(opener, _)| opener.knows(ssrc))
    }

    /// Asks, at an address from which something authentic came, whether the browser is there.
    pub(crate) fn ask(&self, transaction: [u8; 12]) -> Result<Vec<u8>, IceError> {
        self.ice.ask(&self.remote_ice, transaction, self.identity.provider().crypto())
    }

    /// Takes the answer to that. Gives the address that was given up for the new one, if any.
    pub(crate) fn handle_answer(
        &mut self,
        now: Instant,
        path: Path,
        answer: Answer,
    ) -> Result<(Option<Path>, Option<TransportChange>), IceError> {
        let crypto = self.identity.provider().crypto();
        let evicted = self.ice.handle_answer(now, path, answer, &self.remote_ice, crypto)?;
        Ok((evicted, self.heard(now, path)))
    }

    /// Takes a handshake datagram from one of this transport's addresses. Answers go to `egress`
    /// at once, to where the datagram came from: browsers start before they nominate.
    pub(crate) fn handle_dtls(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
        egress: &mut Egress,
    ) -> Option<TransportChange> {
        if self.state == State::Failed {
            return None;
        }
        self.dtls_path = Some(path);
        let progress = self.dtls.handle_datagram(now, datagram);
        self.send_dtls(egress);
        match progress {
            Ok(DtlsProgress::None) => None,
            Ok(DtlsProgress::Connected(keys)) => {
                self.keys = Some(*keys);
                self.state = State::Connected;
                self.last_heard = now;
                Some(TransportChange::Connected)
            }
            Err(_) => Some(self.fail()),
        }
    }

    /// Opens an RTP packet in place; gives its plain length.
    pub(crate) fn open_rtp(
        &mut self,
        now: Instant,
        path: Path,
        packet: &mut [u8],
        header_len: usize,
    ) -> Result<(usize, Option<TransportChange>), OpenError> {
        let (opener, _) = self.keys.as_mut().ok_or(OpenError::NoKeys)?;
        let len = opener.open_rtp(packet, header_len).map_err(OpenError::Srtp)?;
        Ok((len, self.heard(now, path)))
    }

    /// Opens a compound RTCP packet in place; gives its plain length.
    pub(crate) fn open_rtcp(
        &mut self,
        now: Instant,
        path: Path,
        packet: &mut [u8],
    ) -> Result<(usize, Option<TransportChange>), OpenError> {
        let (opener, _) = self.keys.as_mut().ok_or(OpenError::NoKeys)?;
        let len = opener.open_rtcp(packet).map_err(OpenError::Srtp)?;
        Ok((len, self.heard(now, path)))
    }

    /// Whether another datagram of reports of so many bytes is within what one browser may send.
    pub(crate) fn may_report(&mut self, now: Instant, bytes: usize) -> bool {
        let bytes = bytes.max(LEAST_REPORT_BYTES);
        self.reports.take(now, bytes, REPORT_BYTES_PER_S, REPORT_BYTES_PER_S)
    }

    /// What sending needs, when sending is possible.
    pub(crate) fn outgoing(&mut self) -> Option<(Path, &mut Sealer)> {
        let path = self.ice.selected()?;
        let (_, sealer) = self.keys.as_mut()?;
        (self.state == State::Connected).then_some((path, sealer))
    }

    /// Seals a compound RTCP packet and queues it.
    pub(crate) fn send_rtcp(&mut self, compound: &[u8], egress: &mut Egress) {
        let Some((path, sealer)) = self.outgoing() else {
            return;
        };
        let len = compound.len() + RTCP_OVERHEAD;
        let room = egress.reserve(len);
        room[..compound.len()].copy_from_slice(compound);
        if sealer.seal_rtcp(room).is_ok() {
            egress.commit(path, len);
        }
    }

    /// Repeats what the handshake lost, and looks whether the participant is still there.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        egress: &mut Egress,
    ) -> Option<TransportChange> {
        match self.state {
            State::Opening => {
                let outcome = self.dtls.handle_timeout(now);
                self.send_dtls(egress);
                outcome.is_err().then(|| self.fail())
            }
            State::Connected if now >= self.last_heard + CONSENT_TIME => {
                self.state = State::Disconnected;
                Some(TransportChange::Disconnected)
            }
            State::Connected | State::Disconnected | State::Failed => None,
        }
    }

    /// When to call [`Transport::handle_timeout`].
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Opening => self.dtls.poll_timeout(),
            State::Connected => Some(self.last_heard + CONSENT_TIME),
            State::Disconnected | State::Failed => None,
        }
    }

    /// Says goodbye to the browser.
    pub(crate) fn close(&mut self, now: Instant, egress: &mut Egress) {
        self.dtls.close(now);
        self.send_dtls(egress);
        self.state = State::Failed;
    }

    fn heard(&mut self, now: Instant, path: Path) -> Option<TransportChange> {
        self.ice.heard(now, path);
        self.last_heard = now;
        if self.state != State::Disconnected {
            return None;
        }
        self.state = State::Connected;
        Some(TransportChange::Connected)
    }

    fn fail(&mut self) -> TransportChange {
        self.state = State::Failed;
        self.keys = None;
        TransportChange::Failed
    }

    fn send_dtls(&mut self, egress: &mut Egress) {
        // During the handshake answers go back the way the question came; later, where media goes.
        let path = match self.state {
            State::Opening => self.dtls_path,
            State::Connected | State::Disconnected | State::Failed => self.ice.selected(),
        };
        while let Some(datagram) = self.dtls.poll_transmit() {
            if let Some(path) = path {
                egress.push(path, &datagram);
            }
        }
    }
}

/// Why a sealed packet was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenError {
    /// The handshake is not done.
    NoKeys,
    /// The packet is not good.
    Srtp(SrtpError),
}

/// How long nothing authentic may come before the participant counts as gone from the network
/// (RFC 7675). Lowering it reports people on bad networks as gone; raising it leaves frozen tiles.
const CONSENT_TIME: Duration = Duration::from_secs(30);

/// Most reports of one browser (RTCP): several times what it says of fifty tracks twenty times a second.
/// What a few bytes of them ask for is much more work than they are. Lowered, receivers on bad networks
/// are not understood; raised, floods of reports cost the others more.
const REPORT_BYTES_PER_S: f64 = 250_000.0;

/// A datagram of reports counts as at least so many bytes, which makes 2,000 a second.
const LEAST_REPORT_BYTES: usize = 125;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Waiting for checks and handshake.
    Opening,
    Connected,
    Disconnected,
    Failed,
}

/// The worker whose credentials a user name is of, in front of the colon.
pub(crate) fn worker_of(ufrag: &str) -> Option<u8> {
    let mark = ufrag.bytes().next()?;
    ICE_CHARS.iter().position(|known| *known == mark).map(|at| at as u8)
}

/// Fresh credentials: the mark of the worker, then 48 random bits of name; 144 of password (RFC
/// 8445 section 5.3 asks for 24 and 128).
fn credentials(worker: u8, random: &mut StdRng) -> IceCredentials {
    let mut token = |len: usize| -> String {
        (0..len).map(|_| char::from(ICE_CHARS[random.random_range(0..ICE_CHARS.len())])).collect()
    };
    let mark = char::from(ICE_CHARS[usize::from(worker) % ICE_CHARS.len()]);
    IceCredentials { ufrag: format!("{mark}{}", token(8)), pwd: Redacted::new(token(24)) }
}

/// The characters RFC 8839 section 5.4 allows.
const ICE_CHARS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
