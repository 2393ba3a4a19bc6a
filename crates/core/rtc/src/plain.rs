//! What is behind the seals of a connection, without them: RTCP and header extensions as they are once opened.
//!
//! Nobody reaches it from outside but with the keys of a handshake. That would be a wall for whoever wants to know what becomes of
//! packets that are made up, as the fuzz targets do; here they come without a connection, thousands in a second.

use crate::dependency::{self, PassThrough};
use crate::outgoing::{Clock, Keys, Names, Outgoing, Source};
use crate::packet::{DownPacket, Dropped};
use crate::peer::Event;
use crate::plan::Kind;
use crate::transport_numbers::{Elements, TransportNumbers};
use std::time::{Duration, Instant};
use str0m::crypto::dtls::{KeyingMaterial, SrtpProfile};
use str0m::rtp::{Extension, ExtensionMap};

/// Sources of the streams to the client, by section: pictures on 0 and sound on 1.
pub const SOURCES: [u32; 2] = [1000, 3000];

/// Source of the retransmissions of pictures.
pub const REPAIRS: u32 = 2000;

/// What the way to the client is believed to carry at first, in bits per second.
const FIRST_ESTIMATE: u64 = 5_000_000;

/// Bytes of key and salt for both sides (RFC 7714 section 12).
const MATERIAL: usize = 2 * (16 + 12);

/// By which numbers the client knows header extensions, 1 to 16; 0 is none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Numbers {
    /// Media id.
    pub mid: u8,
    /// Transport-wide number.
    pub number: u8,
    /// Time of sending.
    pub sent: u8,
    /// Loudness.
    pub level: u8,
    /// Dependency descriptor.
    pub dependency: u8,
}

impl Numbers {
    /// As a description would say it. Of two with one number the later counts.
    fn map(self) -> ExtensionMap {
        let mut map = ExtensionMap::empty();
        for (id, extension) in [
            (self.mid, Extension::RtpMid),
            (self.number, Extension::TransportSequenceNumber),
            (self.sent, Extension::AbsoluteSendTime),
            (self.level, Extension::AudioLevel),
            (self.dependency, Extension::with_serializer(dependency::URI, PassThrough)),
        ] {
            map.set(id, extension);
        }
        map
    }
}

/// The half of a connection that sends media and hears what is said of it. Write, hear, let time pass; then drain datagrams and
/// events.
#[derive(Debug)]
pub struct Sending(Outgoing);

impl Sending {
    /// A stream of pictures and one of sound, to a client whose handshake is through.
    pub fn new(numbers: Numbers, now: Instant) -> Self {
        let mut outgoing = Outgoing::new(Clock { at: now, unix: Duration::from_secs(1_700_000_000) }, FIRST_ESTIMATE);
        let kinds = [(Kind::Video, REPAIRS, Some(97)), (Kind::Audio, REPAIRS + 1, None)];
        for (section, (ssrc, (kind, rtx, padding))) in (0..).zip(SOURCES.into_iter().zip(kinds)) {
            outgoing.put(section, Some(Source::new(kind, ssrc, rtx, "PA_a".into(), 7)));
            outgoing.agree(section, Names::read(&numbers.map(), section.to_string().as_str().into()), padding);
        }
        let keys = Keys {
            profile: SrtpProfile::AEAD_AES_128_GCM,
            material: KeyingMaterial::new(&[7; MATERIAL]),
            is_client: false,
        };
        outgoing.set_keys(&keys, now);
        Self(outgoing)
    }

    /// Sends a packet on a section: as VP8 with retransmissions on that of pictures, as Opus on that of sound. `false` if it can be
    /// sent by no means.
    pub fn write(&mut self, now: Instant, section: u16, packet: &DownPacket<'_>) -> bool {
        let formats = match section {
            0 => crate::outgoing::Formats { pt: 96, repair: Some(97) },
            _ => crate::outgoing::Formats { pt: 111, repair: None },
        };
        self.0.write(now, section, formats, packet)
    }

    /// Takes a compound packet as it was before it was sealed. Whether the stack would have to hear it too.
    ///
    /// # Errors
    /// Its parts do not fit it, and none of them is for the stack; what came before was heard.
    pub fn hear(&mut self, now: Instant, control: &[u8]) -> Result<bool, Dropped> {
        self.0.hear_plain(now, control)
    }

    /// See [`crate::Peer::seek_bandwidth`].
    pub fn seek_bandwidth(&mut self, now: Instant, minimum: u64, desired: u64) {
        self.0.seek(now, minimum, desired);
    }

    /// See [`crate::Peer::pace`].
    pub fn pace(&mut self, paced: bool) {
        self.0.pace(paced);
    }

    /// When to call [`Self::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.0.poll_timeout()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.0.handle_timeout(now);
    }

    /// The next datagram to send, sealed; its header is readable.
    pub fn poll_datagram(&mut self) -> Option<Vec<u8>> {
        self.0.poll_datagram()
    }

    /// The next thing to tell.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.0.poll_event()
    }
}

/// What keeps packets from the stack whose transport-wide number it cannot count with.
#[derive(Debug)]
pub struct Guard(TransportNumbers);

impl Guard {
    /// Of a client that calls its extensions so.
    pub fn new(numbers: Numbers) -> Self {
        let mut guard = TransportNumbers::new();
        guard.note_names(&numbers.map());
        Self(guard)
    }

    /// Whether a packet goes on to the stack.
    pub fn admits(&mut self, packet: &[u8]) -> bool {
        self.0.admits(packet)
    }

    /// The stack found that transport-wide number in a packet that went on.
    pub fn note_unsealed(&mut self, number: u16) {
        self.0.note_unsealed(number);
    }
}

/// The elements of a packet's header extension (RFC 8285): the number of each and its value. None if it is malformed.
pub fn elements(packet: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    Elements::of(packet)
}
