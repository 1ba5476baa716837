//! TURN (RFC 8656) for one browser on one TLS connection, cut down to what a meeting needs: the
//! only peers there are, are this server's own media addresses. Told the time and handed whole
//! messages; what it gives says what to send where.

mod credential;
mod message;

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::{BufMut, BytesMut};
use rtc_stun::attributes::{
    ATTR_CHANNEL_NUMBER, ATTR_DATA, ATTR_LIFETIME, ATTR_REQUESTED_ADDRESS_FAMILY,
    ATTR_REQUESTED_TRANSPORT, ATTR_XOR_PEER_ADDRESS, ATTR_XOR_RELAYED_ADDRESS,
    ATTR_XORMAPPED_ADDRESS,
};
use rtc_stun::error_code::{
    CODE_ADDR_FAMILY_NOT_SUPPORTED, CODE_ALLOC_MISMATCH, CODE_BAD_REQUEST, CODE_FORBIDDEN,
    CODE_PEER_ADDR_FAMILY_MISMATCH, CODE_UNSUPPORTED_TRANS_PROTO, CODE_WRONG_CREDENTIALS,
    ErrorCode,
};
use rtc_stun::message::{
    CLASS_INDICATION, CLASS_REQUEST, MAGIC_COOKIE, METHOD_ALLOCATE, METHOD_BINDING,
    METHOD_CHANNEL_BIND, METHOD_CREATE_PERMISSION, METHOD_DATA, METHOD_REFRESH, METHOD_SEND,
};

pub use self::credential::{Credential, RelayKey};
use self::credential::{Proven, Unproven};
use self::message::{Incoming, Outgoing};

/// The relay of one browser. Prints nothing of its addresses.
pub struct Relay {
    key: RelayKey,
    nonce: String,
    browser: SocketAddr,
    peers: Vec<Peer>,
    allocation: Option<Allocation>,
    data_indications: u64,
}

/// What is to be done about a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Reaction<'a> {
    /// These bytes go back.
    Answer(Vec<u8>),
    /// This goes to the media port, as if it had come to the peer of this number.
    Forward(usize, Cow<'a, [u8]>),
    /// Refused and to be counted, with an answer where one is due.
    Refused(Refusal, Option<Vec<u8>>),
    /// The browser gave the relay up: these are the last bytes that go back.
    End(Vec<u8>),
}

/// Why something was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No message of this protocol, or one that asks for what is not offered here.
    Malformed,
    /// The credential is wrong, or its time is over.
    Unauthorized,
    /// To, or from, an address that is none of the media addresses, or was not permitted.
    ForbiddenPeer,
}

/// One of this server's media addresses.
struct Peer {
    address: SocketAddr,
    permitted_until: Option<Instant>,
    /// Its number, and until when.
    channel: Option<(u16, Instant)>,
}

struct Allocation {
    proven: Proven,
    relayed: SocketAddr,
    ends: Instant,
}

impl Relay {
    /// For the browser that came from `browser`. `peers` are the addresses and ports at which this
    /// server takes in media, as browsers are told; `nonce` is random.
    pub fn new(key: RelayKey, browser: SocketAddr, peers: &[SocketAddr], nonce: [u8; 16]) -> Self {
        let peer =
            |address: &SocketAddr| Peer { address: *address, permitted_until: None, channel: None };
        Self {
            key,
            nonce: credential::hex(&nonce),
            browser: SocketAddr::new(browser.ip().to_canonical(), browser.port()),
            peers: peers.iter().take(MAX_PEERS).map(peer).collect(),
            allocation: None,
            data_indications: 0,
        }
    }

    /// How many bytes the message has that begins so, its padding included (RFC 8656 section
    /// 12.5); `None` while that cannot be told.
    ///
    /// # Errors
    ///
    /// Not the beginning of a message, or of one that is longer than [`MAX_FRAME_BYTES`].
    pub fn frame_length(start: &[u8]) -> Result<Option<usize>, Refusal> {
        let [first, _, high, low, rest @ ..] = start else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let whole = match *first {
            // The first two bits of STUN are zero; its length counts whole words.
            0..=0x3f if length.is_multiple_of(4) => match rest.first_chunk() {
                Some(cookie) if u32::from_be_bytes(*cookie) != MAGIC_COOKIE => {
                    return Err(Refusal::Malformed);
                }
                Some(_) => STUN_HEADER_BYTES + length,
                None => return Ok(None),
            },
            FIRST_CHANNEL_BYTE..=LAST_CHANNEL_BYTE => {
                CHANNEL_HEADER_BYTES + length.next_multiple_of(4)
            }
            _ => return Err(Refusal::Malformed),
        };
        if whole > MAX_FRAME_BYTES { Err(Refusal::Malformed) } else { Ok(Some(whole)) }
    }

    /// Takes one whole message. `unix` is the time in seconds since 1970.
    pub fn handle_frame<'a>(&mut self, now: Instant, unix: u64, frame: &'a [u8]) -> Reaction<'a> {
        if frame.first().is_some_and(|first| *first >= FIRST_CHANNEL_BYTE) {
            return self.handle_channel_data(now, frame);
        }
        let Some(mut message) = Incoming::parse(frame) else {
            return Reaction::Refused(Refusal::Malformed, None);
        };
        if message.class() == CLASS_INDICATION && message.method() == METHOD_SEND {
            return self.handle_send(now, &message);
        }
        if message.class() != CLASS_REQUEST {
            return Reaction::Refused(Refusal::Malformed, None);
        }
        if message.method() == METHOD_BINDING {
            let answer = Outgoing::success(&message).address(ATTR_XORMAPPED_ADDRESS, self.browser);
            return Reaction::Answer(answer.finish(None));
        }
        let proven = match self.key.check(unix, &mut message, &self.nonce) {
            Ok(proven) => proven,
            Err(unproven) => return unproven.reaction(&message, &self.nonce),
        };
        let answer = self.handle_request(now, &message, &proven);
        answer.unwrap_or_else(|code| {
            let refusal = match code {
                CODE_FORBIDDEN | CODE_PEER_ADDR_FAMILY_MISMATCH => Refusal::ForbiddenPeer,
                CODE_WRONG_CREDENTIALS => Refusal::Unauthorized,
                _ => Refusal::Malformed,
            };
            let answer = Outgoing::error(&message, code).finish(Some(&proven));
            Reaction::Refused(refusal, Some(answer))
        })
    }

    /// Appends to `out` what carries a datagram of the media port to the browser: it left that
    /// peer. At most [`MAX_OVERHEAD_BYTES`] more than the datagram. False when the browser does not
    /// take anything from there, or not that much.
    pub fn wrap(&mut self, now: Instant, peer: usize, datagram: &[u8], out: &mut BytesMut) -> bool {
        let Some(peer) = self.peers.get(peer) else { return false };
        if datagram.len() + MAX_OVERHEAD_BYTES > MAX_FRAME_BYTES {
            return false;
        }
        if let Some((number, until)) = peer.channel
            && now < until
        {
            out.put_u16(number);
            out.put_u16(datagram.len() as u16);
            out.put_slice(datagram);
            out.put_bytes(0, datagram.len().next_multiple_of(4) - datagram.len());
            return true;
        }
        if peer.permitted_until.is_none_or(|until| until <= now) {
            return false;
        }
        self.data_indications += 1;
        let indication = Outgoing::indication(METHOD_DATA, self.data_indications)
            .address(ATTR_XOR_PEER_ADDRESS, peer.address)
            .attribute(ATTR_DATA, datagram);
        out.put_slice(&indication.finish(None));
        true
    }

    /// True once a browser has shown a good credential here.
    pub fn is_allocated(&self) -> bool {
        self.allocation.is_some()
    }

    /// True once the time of what was allocated is over.
    pub fn is_over(&self, now: Instant) -> bool {
        self.allocation.as_ref().is_some_and(|allocation| allocation.ends <= now)
    }

    fn handle_request(
        &mut self,
        now: Instant,
        message: &Incoming,
        proven: &Proven,
    ) -> Result<Reaction<'static>, ErrorCode> {
        let unknown = message.unknown_attributes();
        if !unknown.is_empty() {
            let answer = Outgoing::unknown_attributes(message, unknown).finish(Some(proven));
            return Ok(Reaction::Refused(Refusal::Malformed, Some(answer)));
        }
        if message.method() == METHOD_ALLOCATE {
            return self.allocate(now, message, proven);
        }
        let allocation = self.allocation.as_mut().ok_or(CODE_ALLOC_MISMATCH)?;
        if allocation.proven.username() != proven.username() {
            return Err(CODE_WRONG_CREDENTIALS);
        }
        match message.method() {
            METHOD_REFRESH => {
                let lifetime = lifetime(message)?;
                allocation.ends = now + lifetime;
                let answer = Outgoing::success(message).lifetime(lifetime).finish(Some(proven));
                Ok(match lifetime.is_zero() {
                    true => Reaction::End(answer),
                    false => Reaction::Answer(answer),
                })
            }
            METHOD_CREATE_PERMISSION => self.permit(now, message, proven),
            METHOD_CHANNEL_BIND => self.bind_channel(now, message, proven),
            _ => Err(CODE_BAD_REQUEST),
        }
    }

    fn allocate(
        &mut self,
        now: Instant,
        message: &Incoming,
        proven: &Proven,
    ) -> Result<Reaction<'static>, ErrorCode> {
        if self.allocation.is_some() {
            return Err(CODE_ALLOC_MISMATCH);
        }
        match message.attribute(ATTR_REQUESTED_TRANSPORT) {
            Some([UDP, ..]) => {}
            Some(_) => return Err(CODE_UNSUPPORTED_TRANS_PROTO),
            None => return Err(CODE_BAD_REQUEST),
        }
        // Browsers that ask for no family speak that of the address they want to reach.
        let is_wanted: fn(&IpAddr) -> bool = match message.attribute(ATTR_REQUESTED_ADDRESS_FAMILY)
        {
            None => |_| true,
            Some([IPV4_FAMILY, ..]) => IpAddr::is_ipv4,
            Some([IPV6_FAMILY, ..]) => IpAddr::is_ipv6,
            Some(_) => return Err(CODE_ADDR_FAMILY_NOT_SUPPORTED),
        };
        let mut addresses: Vec<IpAddr> = self.peers.iter().map(|peer| peer.address.ip()).collect();
        addresses.sort_by_key(IpAddr::is_ipv6);
        let address = addresses.into_iter().find(is_wanted);
        let address = address.ok_or(CODE_ADDR_FAMILY_NOT_SUPPORTED)?;
        // Nobody but this server sends there, so any port names it.
        let relayed = SocketAddr::new(address, self.browser.port());
        let lifetime = lifetime(message)?.max(DEFAULT_LIFETIME);
        self.allocation =
            Some(Allocation { proven: proven.clone(), relayed, ends: now + lifetime });
        let answer = Outgoing::success(message)
            .address(ATTR_XOR_RELAYED_ADDRESS, relayed)
            .address(ATTR_XORMAPPED_ADDRESS, self.browser)
            .lifetime(lifetime);
        Ok(Reaction::Answer(answer.finish(Some(proven))))
    }

    fn permit(
        &mut self,
        now: Instant,
        message: &Incoming,
        proven: &Proven,
    ) -> Result<Reaction<'static>, ErrorCode> {
        let wanted: Option<Vec<_>> = message.addresses(ATTR_XOR_PEER_ADDRESS).collect();
        let wanted = wanted.filter(|wanted| !wanted.is_empty()).ok_or(CODE_BAD_REQUEST)?;
        for address in &wanted {
            self.check_family(*address)?;
            // A permission is for an address, whatever the port (RFC 8656 section 9).
            if !self.peers.iter().any(|peer| peer.address.ip() == address.ip()) {
                return Err(CODE_FORBIDDEN);
            }
        }
        for peer in &mut self.peers {
            if wanted.iter().any(|address| address.ip() == peer.address.ip()) {
                peer.permitted_until = Some(now + PERMISSION);
            }
        }
        Ok(Reaction::Answer(Outgoing::success(message).finish(Some(proven))))
    }

    fn bind_channel(
        &mut self,
        now: Instant,
        message: &Incoming,
        proven: &Proven,
    ) -> Result<Reaction<'static>, ErrorCode> {
        let number = match message.attribute(ATTR_CHANNEL_NUMBER) {
            Some(&[high @ FIRST_CHANNEL_BYTE..=LAST_CHANNEL_BYTE, low, _, _]) => {
                u16::from_be_bytes([high, low])
            }
            _ => return Err(CODE_BAD_REQUEST),
        };
        let address = message.addresses(ATTR_XOR_PEER_ADDRESS).next().flatten();
        let address = address.ok_or(CODE_BAD_REQUEST)?;
        self.check_family(address)?;
        let at = self.peers.iter().position(|peer| peer.address == address);
        let at = at.ok_or(CODE_FORBIDDEN)?;
        // Neither a number nor an address changes hands (RFC 8656 section 12.1).
        let is_taken = self.peers.iter().enumerate().any(|(index, peer)| {
            peer.channel
                .is_some_and(|(other, until)| now < until && (index == at) != (other == number))
        });
        if is_taken {
            return Err(CODE_BAD_REQUEST);
        }
        let peer = &mut self.peers[at];
        peer.channel = Some((number, now + CHANNEL));
        peer.permitted_until = Some(now + PERMISSION);
        Ok(Reaction::Answer(Outgoing::success(message).finish(Some(proven))))
    }

    /// Relayed and peer address are of one family (RFC 8656 section 9.2).
    fn check_family(&self, address: SocketAddr) -> Result<(), ErrorCode> {
        let relayed = self.allocation.as_ref().map(|allocation| allocation.relayed);
        match relayed.is_some_and(|relayed| relayed.is_ipv4() == address.is_ipv4()) {
            true => Ok(()),
            false => Err(CODE_PEER_ADDR_FAMILY_MISMATCH),
        }
    }

    fn handle_send(&self, now: Instant, message: &Incoming) -> Reaction<'static> {
        let address = message.addresses(ATTR_XOR_PEER_ADDRESS).next().flatten();
        let (Some(address), Some(data)) = (address, message.attribute(ATTR_DATA)) else {
            return Reaction::Refused(Refusal::Malformed, None);
        };
        let is_open = |peer: &Peer| {
            peer.address == address && peer.permitted_until.is_some_and(|until| now < until)
        };
        match self.peers.iter().position(is_open) {
            Some(peer) => Reaction::Forward(peer, data.to_vec().into()),
            None => Reaction::Refused(Refusal::ForbiddenPeer, None),
        }
    }

    fn handle_channel_data<'a>(&self, now: Instant, frame: &'a [u8]) -> Reaction<'a> {
        let Some((&[a, b, c, d], rest)) = frame.split_first_chunk() else {
            return Reaction::Refused(Refusal::Malformed, None);
        };
        let Some(data) = rest.get(..usize::from(u16::from_be_bytes([c, d]))) else {
            return Reaction::Refused(Refusal::Malformed, None);
        };
        let number = u16::from_be_bytes([a, b]);
        let is_bound =
            |peer: &Peer| peer.channel.is_some_and(|(bound, until)| bound == number && now < until);
        match self.peers.iter().position(is_bound) {
            Some(peer) => Reaction::Forward(peer, data.into()),
            None => Reaction::Refused(Refusal::ForbiddenPeer, None),
        }
    }
}

impl Unproven {
    /// What is answered to a request that did not prove who asks (RFC 8489 section 9.2.4).
    fn reaction(self, message: &Incoming, nonce: &str) -> Reaction<'static> {
        let answer = Outgoing::error(message, self.code());
        let answer = answer.challenge(self, nonce).finish(None);
        match self {
            // The first step of every browser.
            Self::Absent => Reaction::Answer(answer),
            Self::Incomplete => Reaction::Refused(Refusal::Malformed, Some(answer)),
            Self::Stale | Self::Wrong => Reaction::Refused(Refusal::Unauthorized, Some(answer)),
        }
    }
}

/// For how long a request gets the relay: what it says, between ten minutes and an hour; not any
/// more when it says zero.
fn lifetime(message: &Incoming) -> Result<Duration, ErrorCode> {
    match message.attribute(ATTR_LIFETIME) {
        None => Ok(DEFAULT_LIFETIME),
        Some(&[a, b, c, d]) => {
            let wanted = Duration::from_secs(u32::from_be_bytes([a, b, c, d]).into());
            let is_end = wanted.is_zero();
            Ok(if is_end { wanted } else { wanted.clamp(DEFAULT_LIFETIME, LONGEST_LIFETIME) })
        }
        Some(_) => Err(CODE_BAD_REQUEST),
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("allocated", &self.is_allocated()).finish_non_exhaustive()
    }
}

/// Longest message, either way: a datagram of an Ethernet path with what is put around it.
/// Lowered, large handshakes do not pass; raised, a connection may hold more memory.
pub const MAX_FRAME_BYTES: usize = 2_048;

/// Most that is put around a datagram: header and peer address of an indication, header and
/// padding of its data.
pub const MAX_OVERHEAD_BYTES: usize = STUN_HEADER_BYTES + 24 + 4 + 3;

/// Media addresses one relay reaches: as many as answers name.
pub const MAX_PEERS: usize = 16;

const STUN_HEADER_BYTES: usize = 20;
const CHANNEL_HEADER_BYTES: usize = 4;
/// Channels are 0x4000 to 0x4fff (RFC 8656 section 12).
const FIRST_CHANNEL_BYTE: u8 = 0x40;
const LAST_CHANNEL_BYTE: u8 = 0x4f;
/// Number of UDP among the protocols (RFC 8656 section 18.8).
const UDP: u8 = 17;
const IPV4_FAMILY: u8 = 1;
const IPV6_FAMILY: u8 = 2;

/// RFC 8656 section 3.2.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(600);
/// Longer would keep what a browser forgot; nothing is kept beyond its connection anyway.
const LONGEST_LIFETIME: Duration = Duration::from_secs(3_600);
/// RFC 8656 section 9.
const PERMISSION: Duration = Duration::from_secs(300);
/// RFC 8656 section 12.
const CHANNEL: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests;
