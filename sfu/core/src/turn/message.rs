//! Messages of STUN and TURN, read and written with the engine's parser.

use std::net::SocketAddr;
use std::time::Duration;

use rtc_srtp::crypto::RTCCrypto;
use rtc_stun::attributes::{
    ATTR_CHANNEL_NUMBER, ATTR_DATA, ATTR_LIFETIME, ATTR_MESSAGE_INTEGRITY, ATTR_NONCE, ATTR_REALM,
    ATTR_REQUESTED_ADDRESS_FAMILY, ATTR_REQUESTED_TRANSPORT, ATTR_USERNAME, ATTR_XOR_PEER_ADDRESS,
    AttrType, Attributes, RawAttribute,
};
use rtc_stun::error_code::{CODE_UNKNOWN_ATTRIBUTE, ErrorCode};
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{
    CLASS_ERROR_RESPONSE, CLASS_INDICATION, CLASS_SUCCESS_RESPONSE, MESSAGE_HEADER_SIZE, Message,
    MessageClass, MessageType, Method, Setter,
};
use rtc_stun::uattrs::UnknownAttributes;
use rtc_stun::xoraddr::XorMappedAddress;

use super::credential::{Proven, REALM, Unproven};
use crate::transport::covered_by_integrity;

/// A message that parsed.
pub(super) struct Incoming(Message);

impl Incoming {
    /// `None` for what is no message, or not one alone.
    pub(super) fn parse(frame: &[u8]) -> Option<Self> {
        let mut message = Message::new();
        message.unmarshal_binary(frame).ok()?;
        let is_whole = message.length as usize + MESSAGE_HEADER_SIZE == frame.len();
        is_whole.then_some(Self(message))
    }

    pub(super) fn class(&self) -> MessageClass {
        self.0.typ.class
    }

    pub(super) fn method(&self) -> Method {
        self.0.typ.method
    }

    pub(super) fn is_signed(&self) -> bool {
        self.0.contains(ATTR_MESSAGE_INTEGRITY)
    }

    /// The value of the first attribute of this kind, if it stands under the signature.
    pub(super) fn attribute(&self, kind: AttrType) -> Option<&[u8]> {
        let found = covered_by_integrity(&self.0).find(|attribute| attribute.typ == kind);
        found.map(|attribute| attribute.value.as_slice())
    }

    /// The addresses in all attributes of this kind; `None` in place of one that is none.
    pub(super) fn addresses(&self, kind: AttrType) -> impl Iterator<Item = Option<SocketAddr>> {
        covered_by_integrity(&self.0).filter(move |attribute| attribute.typ == kind).map(
            move |attribute| {
                let alone = Message {
                    attributes: Attributes(vec![attribute.clone()]),
                    transaction_id: self.0.transaction_id,
                    ..Message::default()
                };
                let mut address = XorMappedAddress::default();
                address.get_from_as(&alone, kind).ok()?;
                Some(SocketAddr::new(address.ip, address.port))
            },
        )
    }

    /// What must be understood and is not (RFC 8489 section 6.3.1).
    pub(super) fn unknown_attributes(&self) -> Vec<AttrType> {
        let is_unknown = |attribute: &&RawAttribute| {
            attribute.typ.required() && !UNDERSTOOD.contains(&attribute.typ)
        };
        let unknown = covered_by_integrity(&self.0).filter(is_unknown);
        unknown.map(|attribute| attribute.typ).take(MAX_UNKNOWN).collect()
    }

    /// Whether it was signed with this key.
    pub(super) fn check_integrity(
        &mut self,
        key: &[u8],
        crypto: &dyn RTCCrypto,
    ) -> Result<(), rtc_shared::error::Error> {
        MessageIntegrity::check(&mut self.0, key, crypto)
    }
}

/// A message that is being written.
pub(super) struct Outgoing(Message);

impl Outgoing {
    pub(super) fn success(request: &Incoming) -> Self {
        Self::answer(request, CLASS_SUCCESS_RESPONSE)
    }

    pub(super) fn error(request: &Incoming, code: ErrorCode) -> Self {
        Self::answer(request, CLASS_ERROR_RESPONSE).with(&code)
    }

    pub(super) fn unknown_attributes(request: &Incoming, unknown: Vec<AttrType>) -> Self {
        Self::error(request, CODE_UNKNOWN_ATTRIBUTE).with(&UnknownAttributes(unknown))
    }

    /// Told apart by a number alone: nobody answers one.
    pub(super) fn indication(method: Method, number: u64) -> Self {
        let mut message = Message::new();
        message.typ = MessageType { method, class: CLASS_INDICATION };
        message.transaction_id.0[4..].copy_from_slice(&number.to_be_bytes());
        message.write_header();
        Self(message)
    }

    fn answer(request: &Incoming, class: MessageClass) -> Self {
        let mut message = Message::new();
        message.typ = MessageType { method: request.method(), class };
        message.transaction_id = request.0.transaction_id;
        message.write_header();
        Self(message)
    }

    /// Says how to prove who asks.
    pub(super) fn challenge(self, why: Unproven, nonce: &str) -> Self {
        if !why.is_challenged() {
            return self;
        }
        self.attribute(ATTR_REALM, REALM.as_bytes()).attribute(ATTR_NONCE, nonce.as_bytes())
    }

    pub(super) fn lifetime(self, lifetime: Duration) -> Self {
        let seconds = u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX);
        self.attribute(ATTR_LIFETIME, &seconds.to_be_bytes())
    }

    pub(super) fn address(mut self, kind: AttrType, address: SocketAddr) -> Self {
        let address = XorMappedAddress { ip: address.ip(), port: address.port() };
        address.add_to_as(&mut self.0, kind).expect("an address of either family can be written");
        self
    }

    pub(super) fn attribute(mut self, kind: AttrType, value: &[u8]) -> Self {
        self.0.add(kind, value);
        self
    }

    /// The bytes, signed for who proved to hold a credential.
    pub(super) fn finish(self, proven: Option<&Proven>) -> Vec<u8> {
        match proven {
            Some(proven) => self.with(&proven.integrity()).0.raw,
            None => self.0.raw,
        }
    }

    fn with(mut self, part: &dyn Setter) -> Self {
        part.add_to(&mut self.0).expect("ours are within their bounds");
        self
    }
}

/// What must be understood, and is.
const UNDERSTOOD: [AttrType; 9] = [
    ATTR_USERNAME,
    ATTR_REALM,
    ATTR_NONCE,
    ATTR_LIFETIME,
    ATTR_CHANNEL_NUMBER,
    ATTR_XOR_PEER_ADDRESS,
    ATTR_DATA,
    ATTR_REQUESTED_TRANSPORT,
    ATTR_REQUESTED_ADDRESS_FAMILY,
];

/// Attributes named in an answer: enough to find the fault.
const MAX_UNKNOWN: usize = 8;
