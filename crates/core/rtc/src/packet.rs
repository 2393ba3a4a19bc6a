//! Packets as they cross the border of this crate: decrypted, retransmissions unwrapped, extensions as values.

use crate::dependency::Raw;
use crate::plan::Codec;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use str0m::rtp::ExtensionValues;

/// The publisher's clock: its NTP time and the RTP time of the same moment (RFC 3550 section 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderReport {
    /// Microseconds since the Unix epoch by the publisher's clock.
    pub ntp_micros: u64,
    /// RTP time in the clock of the codec.
    pub rtp: u32,
}

/// Header extensions that travel unchanged from the publisher to the subscribers.
#[derive(Debug, Clone, Default)]
pub struct Extensions(pub(crate) ExtensionValues);

impl Extensions {
    /// Of what never was on a wire: the loudness of sound in −dBov, 0 to 127, and the dependency descriptor of a picture, at most
    /// 255 bytes.
    pub fn inside(level: Option<u8>, dependency: Option<&[u8]>) -> Self {
        let audio_level = level.map(|level| -i8::try_from(level.min(127)).unwrap_or(i8::MAX));
        let voice_activity = audio_level.map(|_| true);
        let mut values = ExtensionValues { audio_level, voice_activity, ..ExtensionValues::default() };
        if let Some(descriptor) = dependency.and_then(Raw::new) {
            values.user_values.set(descriptor);
        }
        Self(values)
    }

    /// Keeps what is end to end and drops what belongs to one hop (mid, rid, transport-wide numbers). So does the dependency
    /// descriptor of a codec that is forwarded without: its frame numbers would not go on where the layer changes.
    pub(crate) fn end_to_end(values: ExtensionValues, codec: Codec) -> Self {
        let described = matches!(codec, Codec::Vp9 | Codec::Av1);
        Self(ExtensionValues {
            audio_level: values.audio_level,
            voice_activity: values.voice_activity,
            video_orientation: values.video_orientation,
            abs_capture_time: values.abs_capture_time,
            user_values: if described { values.user_values } else { Default::default() },
            ..ExtensionValues::default()
        })
    }

    /// Loudness in −dBov, 0 (loudest) to 127 (RFC 6464).
    pub fn audio_level(&self) -> Option<u8> {
        self.0.audio_level.map(i8::unsigned_abs)
    }

    /// By how many degrees the picture is to be turned clockwise to stand upright (3GPP TS 26.114, 7.4.5), if it is said. The
    /// last packet of a picture says it.
    pub fn rotation(&self) -> Option<u16> {
        // The number on the wire; the stack's names are for the turn the camera made.
        self.0.video_orientation.map(|turn| turn as u16 * 90)
    }

    /// The dependency descriptor (AV1 RTP payload format, appendix A), if there is one.
    pub fn dependency(&self) -> Option<&[u8]> {
        self.0.user_values.get::<Raw>().map(Raw::as_bytes)
    }
}

/// A packet from a publisher.
#[derive(Debug, Clone)]
pub struct UpPacket {
    /// Index of the section it arrived on, see [`crate::Peer::section`].
    pub section: u16,
    /// Simulcast layer, 0 the smallest; 0 without simulcast.
    pub layer: u8,
    /// The only stream of its section: layers it may have come all in it.
    pub alone: bool,
    /// Payload format.
    pub codec: Codec,
    /// H.264: profile bytes (`profile-level-id >> 8`); VP9: profile; 0 for other codecs.
    pub profile: u32,
    /// Extended sequence number.
    pub sequence: u64,
    /// RTP time.
    pub timestamp: u32,
    /// RTP marker bit.
    pub marker: bool,
    /// What follows the RTP header, decrypted.
    pub payload: Arc<[u8]>,
    /// When the datagram was received.
    pub arrival: Instant,
    /// When the content was captured, in our clock and never after that, if whoever sends it knows: then no sender report counts.
    pub captured: Option<Instant>,
    /// Loudness in −dBov, 0 (loudest) to 127 (RFC 6464).
    pub audio_level: Option<u8>,
    /// The latest sender report of this stream.
    pub sender_report: Option<SenderReport>,
    /// What goes along to the subscribers.
    pub extensions: Extensions,
}

/// Why a packet or a datagram of the client was thrown away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    /// Longer than what fits a datagram on the way out.
    TooLong,
    /// In no format that was agreed upon for its section.
    OddFormat,
    /// Of no source and no layer that was described, or of more sources than a connection may have.
    OddSource,
    /// A check from more addresses than a client may call from.
    CheckAddress,
    /// A datagram of no protocol that is spoken here.
    Garbage,
    /// With a transport-wide number that the stack cannot count with.
    TransportNumber,
    /// Media that gave nothing: not sealed with the client's keys, come twice, or of no source that is known. Padding and
    /// packets sent again are not counted: browsers look for bandwidth with them.
    Unread,
    /// RTCP that was not sealed with the client's keys, or came twice.
    ControlSeal,
    /// RTCP whose parts do not fit it; what came before was heard.
    ControlGarbage,
}

impl Dropped {
    /// As it is counted.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "packet_too_long",
            Self::OddFormat => "packet_format",
            Self::OddSource => "packet_source",
            Self::CheckAddress => "check_address",
            Self::Garbage => "datagram_garbage",
            Self::TransportNumber => "transport_number",
            Self::Unread => "packet_unread",
            Self::ControlSeal => "control_seal",
            Self::ControlGarbage => "control_garbage",
        }
    }
}

/// New numbers for a VP8 descriptor; a number the descriptor does not hold is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Vp8Rewrite {
    /// Picture id.
    pub picture_id: Option<u16>,
    /// Index of the base temporal layer.
    pub tl0_pic_idx: Option<u8>,
    /// Key frame index, 0 to 31.
    pub key_idx: Option<u8>,
}

/// A packet to a subscriber.
#[derive(Debug)]
pub struct DownPacket<'a> {
    /// Payload format.
    pub codec: Codec,
    /// Profile as in [`UpPacket::profile`].
    pub profile: u32,
    /// Extended sequence number of the outgoing stream; starts below 2^16.
    pub sequence: u64,
    /// RTP time of the outgoing stream.
    pub timestamp: u32,
    /// The moment the content was captured, in our clock; sender reports are made from it.
    pub wallclock: Instant,
    /// RTP marker bit.
    pub marker: bool,
    /// What to send.
    pub payload: &'a Arc<[u8]>,
    /// Numbers to change in it on the way out.
    pub vp8: Option<Vp8Rewrite>,
    /// From the publisher.
    pub extensions: &'a Extensions,
    /// Takes the place of the publisher's dependency descriptor; at most 255 bytes.
    pub dependency: Option<&'a [u8]>,
    /// How long the receiver shall wait before it shows it.
    pub playout: Option<PlayoutDelay>,
}

/// For how long a receiver keeps pictures before it shows them, as the header extension `playout-delay` says it: at least and at
/// most, 12 bits each in units of 10 ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlayoutDelay([u8; 3]);

impl PlayoutDelay {
    /// Longer times than 40.95 s mean that; a longest below the shortest means the shortest.
    pub fn new(least: Duration, most: Duration) -> Self {
        /// 12 bits.
        const MOST: u32 = 0xfff;
        let units = |time: Duration| u32::try_from(time.as_millis() / 10).unwrap_or(MOST).min(MOST);
        let [_, bytes @ ..] = (units(least) << 12 | units(most.max(least))).to_be_bytes();
        Self(bytes)
    }

    pub(crate) const fn bytes(self) -> [u8; 3] {
        self.0
    }
}

/// What one direction of one section looked like in the last interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// Index of the section.
    pub section: u16,
    /// From the client (true) or to it.
    pub up: bool,
    /// Simulcast layer, 0 the smallest; 0 without simulcast, and to the client.
    pub layer: u8,
    /// Packets since the start.
    pub packets: u64,
    /// Bytes of them, headers left out.
    pub bytes: u64,
    /// Key frames asked for since the start, by the receiver.
    pub key_frames_asked: u64,
    /// Messages since the start in which the receiver said that packets are missing.
    pub nacks: u64,
    /// Share of packets lost, 0 to 1, if known.
    pub loss: Option<f32>,
    /// Interarrival jitter, if known.
    pub jitter: Option<Duration>,
    /// Round trip, if known.
    pub rtt: Option<Duration>,
}

/// What a whole connection looked like in the last interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Traffic {
    /// Bytes from the client since the start.
    pub bytes_in: u64,
    /// Bytes to the client since the start.
    pub bytes_out: u64,
    /// Round trip, if known.
    pub rtt: Option<Duration>,
    /// Share of packets to the client that were lost, 0 to 1, if known.
    pub loss: Option<f32>,
    /// Where the client is now, if packets flow.
    pub remote: Option<SocketAddr>,
    /// Our address it reaches.
    pub local: Option<SocketAddr>,
    /// By what they travel: `udp`, `tcp`, …
    pub transport: &'static str,
}
