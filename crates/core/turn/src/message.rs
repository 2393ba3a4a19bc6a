//! STUN messages and channel data as bytes (RFC 8489 sections 5 and 14, RFC 8656 section 12).

use crate::credentials::{Key, mac};
use hmac::Mac as _;
use std::ops::Range;

/// Magic cookie of every STUN message.
pub(crate) const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// Length of the part in front of the attributes.
const HEADER: usize = 20;

/// Most attributes of a message that is read.
const MAX_ATTRIBUTES: usize = 64;

/// Length of the header of channel data.
pub(crate) const CHANNEL_HEADER: usize = 4;

/// What FINGERPRINT is mixed with.
const FINGERPRINT_MASK: u32 = 0x5354_554e;

/// What a message is about.
pub mod method {
    #![allow(missing_docs)]
    pub const BINDING: u16 = 0x001;
    pub const ALLOCATE: u16 = 0x003;
    pub const REFRESH: u16 = 0x004;
    pub const SEND: u16 = 0x006;
    pub const DATA: u16 = 0x007;
    pub const CREATE_PERMISSION: u16 = 0x008;
    pub const CHANNEL_BIND: u16 = 0x009;
}

/// Types of attributes.
pub mod attribute {
    #![allow(missing_docs)]
    pub const USERNAME: u16 = 0x0006;
    pub const MESSAGE_INTEGRITY: u16 = 0x0008;
    pub const ERROR_CODE: u16 = 0x0009;
    pub const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
    pub const CHANNEL_NUMBER: u16 = 0x000c;
    pub const LIFETIME: u16 = 0x000d;
    pub const XOR_PEER_ADDRESS: u16 = 0x0012;
    pub const DATA: u16 = 0x0013;
    pub const REALM: u16 = 0x0014;
    pub const NONCE: u16 = 0x0015;
    pub const XOR_RELAYED_ADDRESS: u16 = 0x0016;
    pub const REQUESTED_ADDRESS_FAMILY: u16 = 0x0017;
    pub const REQUESTED_TRANSPORT: u16 = 0x0019;
    pub const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    pub const RESERVATION_TOKEN: u16 = 0x0022;
    pub const PRIORITY: u16 = 0x0024;
    pub const USE_CANDIDATE: u16 = 0x0025;
    pub const SOFTWARE: u16 = 0x8022;
    pub const FINGERPRINT: u16 = 0x8028;
}

/// The bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Garbage;

/// The two bits that tell requests from answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Request,
    Indication,
    Success,
    Error,
}

/// A message that was read, over the bytes it lies in.
#[derive(Debug, Clone)]
pub(crate) struct Message<'m> {
    pub(crate) method: u16,
    pub(crate) class: Class,
    pub(crate) transaction: [u8; 12],
    whole: &'m [u8],
    /// Type and place of each attribute up to MESSAGE-INTEGRITY: what comes behind it is not protected and means nothing.
    attributes: Vec<(u16, Range<usize>)>,
    /// Where the header of MESSAGE-INTEGRITY begins.
    integrity: Option<usize>,
}

impl<'m> Message<'m> {
    /// Reads one message that fills `bytes`.
    pub(crate) fn read(bytes: &'m [u8]) -> Result<Self, Garbage> {
        let header: &[u8; HEADER] = bytes.first_chunk().ok_or(Garbage)?;
        let kind = u16::from_be_bytes([header[0], header[1]]);
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if kind & 0xc000 != 0 || header[4..8] != COOKIE || bytes.len() != HEADER + length || length % 4 != 0 {
            return Err(Garbage);
        }
        let class = match (kind >> 8 & 1, kind >> 4 & 1) {
            (0, 0) => Class::Request,
            (0, _) => Class::Indication,
            (_, 0) => Class::Success,
            _ => Class::Error,
        };
        let mut message = Self {
            method: kind & 0x000f | kind >> 1 & 0x0070 | kind >> 2 & 0x0f80,
            class,
            transaction: header[8..].try_into().map_err(|_| Garbage)?,
            whole: bytes,
            attributes: Vec::new(),
            integrity: None,
        };
        message.read_attributes()?;
        Ok(message)
    }

    fn read_attributes(&mut self) -> Result<(), Garbage> {
        let mut at = HEADER;
        let mut count = 0;
        while at < self.whole.len() {
            let head = self.whole.get(at..at + 4).ok_or(Garbage)?;
            let kind = u16::from_be_bytes([head[0], head[1]]);
            let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let value = at + 4..at + 4 + length;
            let next = at + 4 + length.next_multiple_of(4);
            count += 1;
            if next > self.whole.len() || count > MAX_ATTRIBUTES {
                return Err(Garbage);
            }
            match kind {
                attribute::FINGERPRINT => {
                    // The last one, or it is none.
                    let said = self.whole[value].try_into().map(u32::from_be_bytes).map_err(|_| Garbage)?;
                    let is_right = next == self.whole.len() && said == fingerprint(&self.whole[..at]);
                    return if is_right { Ok(()) } else { Err(Garbage) };
                }
                attribute::MESSAGE_INTEGRITY if self.integrity.is_none() => {
                    if length != 20 {
                        return Err(Garbage);
                    }
                    self.integrity = Some(at);
                }
                _ if self.integrity.is_none() => self.attributes.push((kind, value)),
                _ => {}
            }
            at = next;
        }
        Ok(())
    }

    /// The value of the first attribute of that type.
    pub(crate) fn attribute(&self, wanted: u16) -> Option<&'m [u8]> {
        self.attributes(wanted).next()
    }

    /// The values of all of them.
    pub(crate) fn attributes(&self, wanted: u16) -> impl Iterator<Item = &'m [u8]> {
        let whole = self.whole;
        self.attributes.iter().filter(move |(kind, _)| *kind == wanted).map(move |(_, place)| &whole[place.clone()])
    }

    /// The value as text.
    pub(crate) fn text(&self, wanted: u16) -> Option<&'m str> {
        std::str::from_utf8(self.attribute(wanted)?).ok()
    }

    /// Types below 0x8000 that must be understood and are not in `known`.
    pub(crate) fn not_understood(&self, known: &[u16]) -> Vec<u16> {
        self.attributes.iter().map(|(kind, _)| *kind).filter(|kind| *kind < 0x8000 && !known.contains(kind)).collect()
    }

    /// Whether it carries a signature at all.
    pub(crate) fn is_signed(&self) -> bool {
        self.integrity.is_some()
    }

    /// Whether it is signed with that key. Takes the same time wherever the signature differs.
    pub(crate) fn is_signed_with(&self, key: &Key) -> bool {
        let Some(at) = self.integrity else { return false };
        // The length in the header is the one up to and with the signature.
        let Ok(length) = u16::try_from(at + 24 - HEADER) else { return false };
        let said = &self.whole[at + 4..at + 24];
        mac(key, &[&self.whole[..2], &length.to_be_bytes(), &self.whole[4..at]]).verify_slice(said).is_ok()
    }
}

/// A message under construction.
#[derive(Debug)]
pub(crate) struct Draft {
    bytes: Vec<u8>,
}

impl Draft {
    pub(crate) fn new(method: u16, class: Class, transaction: &[u8; 12]) -> Self {
        let class = match class {
            Class::Request => 0,
            Class::Indication => 0x0010,
            Class::Success => 0x0100,
            Class::Error => 0x0110,
        };
        let kind = method & 0x000f | (method & 0x0070) << 1 | (method & 0x0f80) << 2 | class;
        let mut bytes = Vec::with_capacity(128);
        bytes.extend_from_slice(&kind.to_be_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&COOKIE);
        bytes.extend_from_slice(transaction);
        Self { bytes }
    }

    /// Appends an attribute. One that no message has room for is left out.
    pub(crate) fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        let (Ok(length), true) = (u16::try_from(value.len()), self.bytes.len() + value.len() < 0xff00) else {
            return self;
        };
        self.bytes.extend_from_slice(&kind.to_be_bytes());
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.set_length(0);
        self
    }

    /// The length of what is there, and of `more` bytes to come.
    fn set_length(&mut self, more: usize) {
        let length = u16::try_from(self.bytes.len() + more - HEADER).unwrap_or(u16::MAX);
        self.bytes[2..4].copy_from_slice(&length.to_be_bytes());
    }

    /// Signs what is there.
    pub(crate) fn sign(mut self, key: &Key) -> Self {
        self.set_length(24);
        let signature = mac(key, &[&self.bytes]).finalize().into_bytes();
        self.attribute(attribute::MESSAGE_INTEGRITY, &signature)
    }

    /// The message, with its fingerprint.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.set_length(8);
        let fingerprint = fingerprint(&self.bytes);
        self.attribute(attribute::FINGERPRINT, &fingerprint.to_be_bytes()).bytes
    }

    /// The message without one, for those that are as short as they can be.
    pub(crate) fn bare(self) -> Vec<u8> {
        self.bytes
    }
}

/// What FINGERPRINT says about the bytes in front of it (RFC 8489 section 14.7).
fn fingerprint(bytes: &[u8]) -> u32 {
    let rest = bytes.iter().fold(u32::MAX, |rest, byte| {
        (0..8).fold(rest ^ u32::from(*byte), |rest, _| if rest & 1 == 1 { rest >> 1 ^ 0xedb8_8320 } else { rest >> 1 })
    });
    !rest ^ FINGERPRINT_MASK
}

/// Channel number and content of channel data.
pub(crate) fn read_channel_data(bytes: &[u8]) -> Result<(u16, &[u8]), Garbage> {
    let ([c0, c1, l0, l1], rest) = bytes.split_first_chunk::<CHANNEL_HEADER>().ok_or(Garbage)?;
    let content = rest.get(..usize::from(u16::from_be_bytes([*l0, *l1]))).ok_or(Garbage)?;
    // Only padding may follow.
    if rest.len() - content.len() > 3 {
        return Err(Garbage);
    }
    Ok((u16::from_be_bytes([*c0, *c1]), content))
}

/// The same as bytes. `None` if the content is longer than any datagram.
pub(crate) fn write_channel_data(channel: u16, content: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(content.len()).ok()?;
    let mut bytes = Vec::with_capacity(CHANNEL_HEADER + content.len());
    bytes.extend_from_slice(&channel.to_be_bytes());
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(content);
    Some(bytes)
}

/// How long the message is with which a stream begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamLength {
    /// Bytes of the message itself.
    pub message: usize,
    /// Bytes until the next one: channel data is padded in streams (RFC 8656 section 12.5).
    pub with_padding: usize,
}

/// The length of the message at the begin of a stream; `None` if too little of it is there to tell.
///
/// # Errors
/// No message begins like that.
pub fn length_in_stream(bytes: &[u8]) -> Result<Option<StreamLength>, Garbage> {
    let Some(first) = bytes.first() else { return Ok(None) };
    if *first > 79 {
        return Err(Garbage);
    }
    let [_, _, l0, l1, ..] = bytes else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([*l0, *l1]));
    if *first >= 64 {
        let message = CHANNEL_HEADER + length;
        return Ok(Some(StreamLength { message, with_padding: message.next_multiple_of(4) }));
    }
    let Some(cookie) = bytes.get(4..8) else { return Ok(None) };
    if cookie != COOKIE || length % 4 != 0 {
        return Err(Garbage);
    }
    Ok(Some(StreamLength { message: HEADER + length, with_padding: HEADER + length }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_fingerprint_is_the_one_of_the_standard() {
        // The request of RFC 5769 section 2.1, without its signature's meaning: only the last attribute counts here.
        let draft = Draft::new(method::BINDING, Class::Request, b"transactions").attribute(0x8022, b"test").finish();
        let message = Message::read(&draft).unwrap();
        assert_eq!((message.method, message.class), (method::BINDING, Class::Request));
        // CRC-32 of the digits, as every table of it shows.
        assert_eq!(fingerprint(b"123456789") ^ FINGERPRINT_MASK, 0xcbf4_3926);
        let mut wrong = draft;
        wrong[25] ^= 1;
        assert_eq!(Message::read(&wrong).unwrap_err(), Garbage);
    }

    #[test]
    fn a_signature_holds_for_its_key_and_its_bytes() {
        let key = [7; 16];
        let bytes = Draft::new(method::REFRESH, Class::Request, b"transactions")
            .attribute(attribute::USERNAME, b"ann")
            .sign(&key)
            .finish();
        let message = Message::read(&bytes).unwrap();
        assert!(message.is_signed_with(&key));
        assert!(!message.is_signed_with(&[8; 16]));
        assert_eq!(message.text(attribute::USERNAME), Some("ann"));

        let unprotected = Draft::new(method::REFRESH, Class::Request, b"transactions")
            .sign(&key)
            .attribute(attribute::LIFETIME, &[0; 4])
            .bare();
        let message = Message::read(&unprotected).unwrap();
        assert!(message.is_signed_with(&key) && message.attribute(attribute::LIFETIME).is_none());
    }

    proptest! {
        #[test]
        fn methods_and_classes_come_back(method in 0u16..0x1000, class in 0usize..4, value in prop::collection::vec(any::<u8>(), 0..40)) {
            let class = [Class::Request, Class::Indication, Class::Success, Class::Error][class];
            let bytes = Draft::new(method, class, b"transactions").attribute(attribute::DATA, &value).finish();
            let message = Message::read(&bytes).unwrap();
            prop_assert_eq!((message.method, message.class, &message.transaction), (method, class, b"transactions"));
            prop_assert_eq!(message.attribute(attribute::DATA), Some(&value[..]));
            let length = length_in_stream(&bytes).unwrap().unwrap();
            prop_assert_eq!((length.message, length.with_padding), (bytes.len(), bytes.len()));
        }

        #[test]
        fn noise_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(message) = Message::read(&bytes) {
                message.is_signed_with(&[0; 16]);
            }
            let _ = read_channel_data(&bytes);
            let _ = length_in_stream(&bytes);
        }

        #[test]
        fn channel_data_comes_back(channel in 0x4000u16..0x5000, content in prop::collection::vec(any::<u8>(), 0..100)) {
            let mut bytes = write_channel_data(channel, &content).unwrap();
            prop_assert_eq!(read_channel_data(&bytes), Ok((channel, &content[..])));
            let length = length_in_stream(&bytes).unwrap().unwrap();
            prop_assert_eq!(length.message, bytes.len());
            bytes.resize(length.with_padding, 0);
            prop_assert_eq!(read_channel_data(&bytes), Ok((channel, &content[..])));
        }
    }
}
